// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Stores tensors in a file on a disk instead of on a device, for tensors that a
// program rarely reads, such as the state of an optimizer. A package of three
// functions implements this: storages with the location tag "disk" go to the
// file, and their bytes are read back when they are saved or copied.
//
// A checkpoint saved from there keeps the location tag "disk". PyTorch opens it
// with `torch.load(path, map_location='cpu')`, or with a package for the same
// tag (`torch.serialization.register_package`).
//
//   disk_package           checks all that is said here
//   disk_package IN OUT    copies a checkpoint by way of the disk

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/runtime/runtime.h"

namespace {

using ferry::Device;
using ferry::Memory;
using ferry::Registration;
using ferry::Storage;
using ferry::Tensor;
using ferry::Value;

// --- The package -------------------------------------------------------------

// The location tag, and the device type of storages on the disk.
constexpr char kDisk[] = "disk";

absl::Status FileError(absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat("the scratch file: ", what, ": ", std::strerror(errno)));
}

// A file that is deleted as soon as it is open, so that nothing is left of it
// when the process ends.
//
// Thread-safe.
class ScratchFile {
 public:
  static absl::StatusOr<std::shared_ptr<ScratchFile>> Create(
      const std::string& folder) {
    std::string path = absl::StrCat(folder, "/disk_package.XXXXXX");
    const int fd = mkostemp(&path[0], O_CLOEXEC);
    if (fd < 0) return FileError(absl::StrCat("no file in ", folder));
    unlink(path.c_str());
    return std::shared_ptr<ScratchFile>(new ScratchFile(fd));
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { close(fd_); }

  // Appends bytes, and returns their offset.
  absl::StatusOr<uint64_t> Append(const char* bytes, uint64_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (uint64_t done = 0; done < size;) {
      const ssize_t count = pwrite(fd_, bytes + done, size - done,
                                   static_cast<off_t>(end_ + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FileError("cannot be written");
      done += static_cast<uint64_t>(count);
    }
    end_ += size;
    return end_ - size;
  }

  absl::Status Read(uint64_t offset, char* to, uint64_t size) const {
    while (size > 0) {
      const ssize_t count = pread(fd_, to, size, static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FileError("cannot be read");
      if (count == 0) return absl::DataLossError("the scratch file ended");
      offset += static_cast<uint64_t>(count);
      to += count;
      size -= static_cast<uint64_t>(count);
    }
    return absl::OkStatus();
  }

  // Frees the space. If the file system cannot, the space is freed with the
  // file.
  void Free(uint64_t offset, uint64_t size) {
    if (size == 0) return;
    (void)fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(offset), static_cast<off_t>(size));
  }

 private:
  explicit ScratchFile(int fd) : fd_(fd) {}

  const int fd_;
  std::mutex mutex_;
  uint64_t end_ = 0;  // guarded by mutex_
};

// Where the bytes of a storage are. `Memory::data` of a storage on the disk
// points to one, and `Memory::owner` owns it.
struct Place {
  Place(std::shared_ptr<ScratchFile> in_file, uint64_t at_offset,
        uint64_t of_size)
      : file(std::move(in_file)), offset(at_offset), size(of_size) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { file->Free(offset, size); }

  const std::shared_ptr<ScratchFile> file;
  const uint64_t offset;
  const uint64_t size;
};

// Registers the package, with a scratch file in `folder`.
absl::StatusOr<Registration> RegisterDisk(const std::string& folder) {
  const absl::StatusOr<std::shared_ptr<ScratchFile>> file =
      ScratchFile::Create(folder);
  if (!file.ok()) return file.status();
  return ferry::DeviceRegistry::Default().RegisterPackage(
      /*priority=*/1000,  // after all devices, whose tags it leaves alone
      // Tagger: returns the location tag of a storage on the disk.
      [](const Storage& storage) -> std::optional<std::string> {
        if (storage.device().type() != kDisk) return std::nullopt;
        return kDisk;
      },
      // Deserializer: moves a storage with this tag to the disk.
      [file = *file](const Storage& storage, absl::string_view tag)
          -> absl::StatusOr<std::optional<Storage>> {
        if (tag != kDisk) return std::nullopt;
        const uint64_t size = storage.size_bytes();
        const absl::StatusOr<uint64_t> offset =
            file->Append(static_cast<const char*>(storage.data()), size);
        if (!offset.ok()) return offset.status();
        const auto place = std::make_shared<Place>(file, *offset, size);
        return Storage::FromMemory(Device(kDisk), Memory{place.get(), place},
                                   size);
      },
      // Copier: reads the bytes of a storage back.
      [](const Storage& from, uint64_t offset_bytes, void* to,
         uint64_t size_bytes) {
        const auto* place = static_cast<const Place*>(from.data());
        return place->file->Read(place->offset + offset_bytes,
                                 static_cast<char*>(to), size_bytes);
      });
}

// --- The program -------------------------------------------------------------

void Check(bool holds, absl::string_view what) {
  if (holds) return;
  std::cerr << "this does not hold: " << what << "\n";
  std::exit(1);
}

void Check(const absl::Status& status) {
  Check(status.ok(), status.ToString());
}

std::string TemporaryFolder() {
  const char* const folder = std::getenv("TMPDIR");
  return folder != nullptr ? folder : "/tmp";
}

std::string SaveToString(const Value& value) {
  std::string bytes;
  ferry::StringSink sink(&bytes);
  Check(ferry::Save(value, sink));
  return bytes;
}

absl::StatusOr<Value> LoadTo(absl::string_view place,
                             const std::string& bytes) {
  ferry::LoadOptions options;
  options.map_location = ferry::MapLocation::To(place);
  return ferry::LoadMemory(bytes, options);
}

Tensor TensorAt(const Value& value, absl::string_view name) {
  const absl::StatusOr<Value> found = value.Get(name);
  Check(found.status());
  return *found->AsTensor();
}

// {"weight": the numbers from 0 to 1499999 in two rows, "row": the second row}
Value Sample() {
  constexpr int64_t kColumns = 750000;
  std::vector<float> numbers(2 * kColumns);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  const Tensor weight =
      *Tensor::FromData(absl::MakeConstSpan(numbers), {2, kColumns});
  const Tensor row = *Tensor::Create(weight.storage(), weight.dtype(),
                                     {kColumns}, {1}, kColumns);
  Value sample = Value::Dict();
  Check(sample.Set("weight", Value(weight)));
  Check(sample.Set("row", Value(row)));
  return sample;
}

void CheckAll() {
  absl::StatusOr<Registration> registration = RegisterDisk(TemporaryFolder());
  Check(registration.status());
  const std::string on_host = SaveToString(Sample());

  // The program sends the tensors to the disk.
  const absl::StatusOr<Value> moved = LoadTo(kDisk, on_host);
  Check(moved.status());
  const Tensor weight = TensorAt(*moved, "weight");
  Check(weight.device() == Device(kDisk), "the tensor is on the disk");
  Check(weight.data() == nullptr, "its elements are not in memory");

  // The file saved from there has the tag, too.
  const std::string on_disk = SaveToString(*moved);
  Check(absl::StrContains(on_disk, kDisk), "the file has the tag");
  const absl::StatusOr<Value> again = ferry::LoadMemory(on_disk);
  Check(again.status());
  const Tensor row = TensorAt(*again, "row");
  Check(row.device() == Device(kDisk), "the tensor is on the disk again");
  Check(row.storage() == TensorAt(*again, "weight").storage(),
        "the row is a part of the weight");

  // Copies one tensor back to the host, and sends one from the host to the
  // disk.
  const absl::StatusOr<Tensor> here = ferry::To(row, Device("cpu"));
  Check(here.status());
  Check(static_cast<const float*>(here->data())[3] == 750003, "its elements");
  const absl::StatusOr<Storage> away =
      ferry::DeviceRegistry::Default().Snapshot().RestoreLocation(
          here->storage(), kDisk);
  Check(away.status());
  Check(here->WithStorage(*away).device() == Device(kDisk), "it is there");

  // Nothing was lost.
  const absl::StatusOr<Value> back = LoadTo("cpu", on_disk);
  Check(back.status());
  Check(SaveToString(*back) == on_host, "the same graph gives the same bytes");

  // Without the package, the error says what to do.
  *registration = Registration();
  const absl::Status unknown = ferry::LoadMemory(on_disk).status();
  Check(absl::IsInvalidArgument(unknown), "nobody knows the tag");
  Check(absl::StrContains(unknown.message(), "map_location"),
        "the error says what to do");
}

// Copies the checkpoint `in` to `out`, with the tag of the disk.
absl::Status Copy(const char* in, const char* out) {
  const absl::StatusOr<Registration> registration =
      RegisterDisk(TemporaryFolder());
  if (!registration.ok()) return registration.status();
  ferry::LoadOptions options;
  options.map_location = ferry::MapLocation::To(kDisk);
  const absl::StatusOr<Value> value = ferry::Load(in, options);
  if (!value.ok()) return value.status();
  return ferry::Save(*value, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    Check(Copy(argv[1], argv[2]));
  } else {
    CheckAll();
  }
  return 0;
}
