// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Takes checkpoints to OpenCL devices, for opencl_test.py.
//
//   opencl PLUGIN COMMAND FILE...
//
//   retag IN OUT...  loads each IN, whose tags are cuda:N, onto opencl:N, saves
//                    it from there with its old tags as OUT, and compares OUT
//                    with IN, on the host and on the device
//   spread IN        loads IN onto two devices at once, and moves every tensor
//                    to the other device and back
//   copy IN          loads IN onto opencl:0, and copies every storage there,
//                    without a staging buffer
//   load IN...       loads each IN onto opencl:0, one after the other
//   fork IN          loads IN, and again in a child of this process
//
// Prints one line for each file or pair of files: "ok", or the error.

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/devices/copy.h"
#include "ferry/devices/staging.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "ferry/value/testing/storages_of.h"

namespace ferry {
inline namespace v1 {
namespace {

MapLocation ToOpenCl() {
  return MapLocation::Table({{"cuda:0", "opencl:0"}, {"cuda:1", "opencl:1"}});
}

MapLocation ToCuda() {
  return MapLocation::Table({{"opencl:0", "cuda:0"}, {"opencl:1", "cuda:1"}});
}

absl::StatusOr<Value> LoadWith(const std::string& path,
                               const MapLocation& map_location) {
  LoadOptions options;
  options.map_location = map_location;
  return Load(path, options);
}

// Compares bytes, wherever they are.
absl::Status CompareBytes(const Storage& a, const Storage& b) {
  if (a.is_null() || b.is_null()) {
    return a.is_null() == b.is_null()
               ? absl::OkStatus()
               : absl::InternalError("one storage is null");
  }
  if (a.size_bytes() != b.size_bytes()) {
    return absl::InternalError("storages have different sizes");
  }
  const absl::StatusOr<Storage> first = To(a, Device("cpu"));
  const absl::StatusOr<Storage> second = To(b, Device("cpu"));
  if (!first.ok()) return first.status();
  if (!second.ok()) return second.status();
  if (a.size_bytes() != 0 &&
      std::memcmp(first->data(), second->data(), a.size_bytes()) != 0) {
    return absl::InternalError(absl::StrCat("bytes differ on ",
                                            a.device().ToString(), " and ",
                                            b.device().ToString()));
  }
  return absl::OkStatus();
}

absl::Status CompareStorages(const Value& a, const Value& b) {
  const std::vector<Storage> first = StoragesOf(a);
  const std::vector<Storage> second = StoragesOf(b);
  if (first.size() != second.size()) {
    return absl::InternalError("a different number of storages");
  }
  for (size_t i = 0; i < first.size(); ++i) {
    const absl::Status status = CompareBytes(first[i], second[i]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

int CountOn(const Value& value, absl::string_view device) {
  int count = 0;
  for (const Storage& storage : StoragesOf(value)) {
    if (!storage.is_null() && storage.device().ToString() == device) ++count;
  }
  return count;
}

absl::Status Retag(const std::string& in, const std::string& out) {
  const absl::StatusOr<Value> wanted =
      LoadWith(in, MapLocation::Table({{"cuda:0", "cpu"}, {"cuda:1", "cpu"}}));
  if (!wanted.ok()) return wanted.status();
  const absl::StatusOr<Value> on_device = LoadWith(in, ToOpenCl());
  if (!on_device.ok()) return on_device.status();
  if (CountOn(*on_device, "opencl:0") + CountOn(*on_device, "opencl:1") == 0) {
    return absl::InternalError("nothing is on an OpenCL device");
  }
  SaveOptions options;
  options.durability = Durability::kNone;
  options.compatibility = Compatibility::kTorch1_6;
  options.archive_name = "archive";
  options.map_location = ToCuda();
  absl::Status status = Save(*on_device, out, options);
  if (!status.ok()) return status;
  const absl::StatusOr<Value> on_host =
      LoadWith(out, MapLocation::Table({{"cuda:0", "cpu"}, {"cuda:1", "cpu"}}));
  if (!on_host.ok()) return on_host.status();
  const std::string difference = GraphDifference(
      *wanted->graph(), wanted->node(), *on_host->graph(), on_host->node());
  if (!difference.empty()) return absl::InternalError(difference);
  status = CompareStorages(*wanted, *on_host);
  if (!status.ok()) return status;
  const absl::StatusOr<Value> again = LoadWith(out, ToOpenCl());
  if (!again.ok()) return again.status();
  return CompareStorages(*wanted, *again);
}

absl::Status Spread(const std::string& in) {
  const absl::StatusOr<Value> wanted = LoadWith(in, MapLocation::To("cpu"));
  if (!wanted.ok()) return wanted.status();
  const absl::StatusOr<Value> spread = LoadWith(in, ToOpenCl());
  if (!spread.ok()) return spread.status();
  for (absl::string_view device : {"opencl:0", "opencl:1"}) {
    if (CountOn(*spread, device) == 0) {
      return absl::InternalError(absl::StrCat("nothing is on ", device));
    }
  }
  absl::Status status = CompareStorages(*wanted, *spread);
  for (const Tensor& tensor : spread->graph()->tensors()) {
    if (!status.ok()) return status;
    const int other = 1 - tensor.device().index();
    const absl::StatusOr<Tensor> moved = To(tensor, Device("opencl", other));
    if (!moved.ok()) return moved.status();
    if (moved->device() != Device("opencl", other)) {
      return absl::InternalError("a tensor did not move");
    }
    const absl::StatusOr<Tensor> back = To(*moved, tensor.device());
    if (!back.ok()) return back.status();
    status = CompareBytes(tensor.storage(), moved->storage());
    status.Update(CompareBytes(tensor.storage(), back->storage()));
  }
  return status;
}

absl::Status CopyOnDevice(const std::string& in) {
  const absl::StatusOr<Value> value = LoadWith(in, MapLocation::To("opencl:0"));
  if (!value.ok()) return value.status();
  ResetPeakStagingBytes();
  std::vector<std::pair<Storage, Storage>> copies;
  for (const Storage& storage : StoragesOf(*value)) {
    if (storage.is_null()) continue;
    const absl::StatusOr<Storage> copy = CopyStorage(
        DeviceRegistry::Default().Snapshot(), storage, storage.device());
    if (!copy.ok()) return copy.status();
    copies.emplace_back(storage, *copy);
  }
  if (PeakStagingBytes() != 0) {
    return absl::InternalError(
        absl::StrCat(PeakStagingBytes(), " staging bytes were used"));
  }
  for (const auto& [storage, copy] : copies) {
    const absl::Status status = CompareBytes(storage, copy);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LoadOntoDevice(const std::string& in) {
  const absl::StatusOr<Value> wanted = LoadWith(in, MapLocation::To("cpu"));
  if (!wanted.ok()) return wanted.status();
  const absl::StatusOr<Value> value = LoadWith(in, MapLocation::To("opencl:0"));
  if (!value.ok()) return value.status();
  return CompareStorages(*wanted, *value);
}

// What a child of this process gets after the device was used here.
absl::Status LoadInChild(const std::string& in) {
  const absl::StatusOr<Value> here = LoadWith(in, MapLocation::To("opencl:0"));
  if (!here.ok()) return here.status();
  const Storage storage = StoragesOf(*here).front();
  int ends[2];
  if (pipe(ends) != 0) return absl::InternalError("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    // What the parent made can neither be read nor freed here.
    std::string text = absl::StrCat(
        To(storage, Device("cpu")).status().ToString(), "\n",
        LoadWith(in, MapLocation::To("opencl:0")).status().ToString());
    const bool is_written =
        write(ends[1], text.data(), text.size()) == ssize_t(text.size());
    _exit(is_written ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char piece[4096];
  for (ssize_t size; (size = read(ends[0], piece, sizeof(piece))) > 0;) {
    text.append(piece, static_cast<size_t>(size));
  }
  close(ends[0]);
  int ended = 0;
  if (waitpid(child, &ended, 0) != child || ended != 0) {
    return absl::InternalError("the child did not end well");
  }
  std::cout << text << "\n";
  // The parent goes on.
  return LoadOntoDevice(in);
}

void Print(const absl::Status& status) {
  std::cout << (status.ok() ? "ok" : status.ToString()) << std::endl;
}

int Run(absl::string_view command, const std::vector<std::string>& files) {
  if (command == "retag") {
    for (size_t i = 0; i + 1 < files.size(); i += 2) {
      Print(Retag(files[i], files[i + 1]));
    }
    return 0;
  }
  const std::map<absl::string_view, absl::Status (*)(const std::string&)>
      commands = {{"spread", Spread},
                  {"copy", CopyOnDevice},
                  {"load", LoadOntoDevice},
                  {"fork", LoadInChild}};
  const auto found = commands.find(command);
  if (found == commands.end()) return 2;
  for (const std::string& file : files) Print(found->second(file));
  return 0;
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  ferry::PluginOptions options;
  options.paths = {argv[1]};
  for (const ferry::PluginVerdict& verdict :
       ferry::PluginLoader::Default().Load(options)) {
    std::cerr << verdict.ToString() << "\n";
    if (!verdict.status.ok()) return 2;
  }
  return ferry::Run(argv[2], std::vector<std::string>(argv + 3, argv + argc));
}
