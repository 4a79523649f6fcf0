// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/detection/foreign_archive.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/detection/file_suffix.h"
#include "ferry/serialization/detection/not_a_checkpoint.h"
#include "ferry/serialization/torch/tar_directory.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {
inline namespace v1 {
namespace {

// How many checkpoints a message lists.
constexpr size_t kMaxListed = 8;

// How many names of a folder are looked at.
constexpr size_t kMaxNames = 4096;

using Names = std::vector<std::string>;

absl::string_view Basename(absl::string_view name) {
  return name.substr(name.rfind('/') + 1);
}

// The name of a record without that of the archive that PyTorch puts before it.
absl::string_view WithoutPrefix(absl::string_view name) {
  return name.substr(name.find('/') + 1);
}

// Whether people give files of this name to Ferry.
bool IsNamedAsCheckpoint(absl::string_view name) {
  const absl::string_view base = Basename(name);
  // The finder of macOS writes "._model.pt" beside "model.pt".
  if (absl::StartsWith(base, "._")) return false;
  return HasPyTorchSuffix(base) || HasSafetensorsSuffix(base) ||
         absl::EndsWith(base, ".distcp") || absl::EndsWith(base, ".index.json");
}

bool Contains(const Names& names, absl::string_view name) {
  return absl::c_linear_search(names, name);
}

bool ContainsRecord(const Names& names, absl::string_view record) {
  return absl::c_any_of(names, [record](absl::string_view name) {
    return name == record || WithoutPrefix(name) == record;
  });
}

// Whether a record is one that torch.save writes beside the graph.
bool IsPartOfCheckpoint(absl::string_view name) {
  absl::string_view record = WithoutPrefix(name);
  for (absl::string_view known :
       {"version", ".data/version", ".data/serialization_id", "byteorder",
        ".format_version", ".storage_alignment", "constants.pkl"}) {
    if (record == known) return true;
  }
  return absl::ConsumePrefix(&record, "data/") && !record.empty() &&
         record.find_first_not_of("0123456789") == record.npos;
}

// A file in an archive, and where its contents are if they stand there as they
// are.
struct Member {
  std::string name;
  std::optional<uint64_t> offset_bytes;
  uint64_t size_bytes = 0;
};

// Says which checkpoints an archive holds and how to get at them.
std::string DescribeMembers(const std::vector<Member>& members,
                            uint64_t num_members,
                            const ContainerOptions& options,
                            absl::string_view how_to_unpack) {
  if (members.empty()) {
    return "no file in it has the name of a checkpoint";
  }
  bool has_range = false;
  const auto describe = [&](size_t i) {
    const Member& member = members[i];
    std::string text = QuoteForMessage(member.name);
    if (!member.offset_bytes) return text;
    has_range = true;
    const uint64_t begin = options.offset_bytes + *member.offset_bytes;
    absl::StrAppend(&text, " (in place: --range=", begin, ":",
                    begin + member.size_bytes, ")");
    return text;
  };
  const std::string list =
      ListForMessage(num_members, members.size(), describe);
  return absl::StrCat(
      "unpack it (", how_to_unpack, ") and open one of its files: ", list,
      has_range ? "; in a program: LoadOptions::offset_bytes and size_bytes"
                : "");
}

absl::Status ExplainNames(const RandomAccessFile& file, const Names& names) {
  const auto unsupported = [&file](absl::string_view what) {
    return absl::UnimplementedError(absl::StrCat(file.name(), " is ", what));
  };
  if (ContainsRecord(names, "archive_format") ||
      ContainsRecord(names, "serialized_exported_program.json")) {
    return NotACheckpointError(file.name(), "a program of torch.export",
                               "torch.export.load reads it; torch.save its "
                               "state_dict");
  }
  if (ContainsRecord(names, ".data/extern_modules") ||
      ContainsRecord(names, "extern_modules")) {
    return unsupported(
        "a torch.package, which is not supported; load it with torch.package, "
        "and torch.save its state_dict");
  }
  if (absl::c_any_of(names,
                     [](absl::string_view name) {
                       return absl::StrContains(name, '/') &&
                              WithoutPrefix(name) == "model.json";
                     }) &&
      ContainsRecord(names, "version")) {
    return unsupported(
        "a TorchScript program of PyTorch before 1.4, which is not supported; "
        "load and save it again with a newer PyTorch");
  }
  if (Contains(names, "config.json") && Contains(names, "model.weights.h5")) {
    return NotACheckpointError(file.name(), "a Keras model",
                               "keras.saving.load_model reads it");
  }
  if (!names.empty() && absl::c_all_of(names, [](absl::string_view name) {
        return absl::EndsWith(name, ".npy");
      })) {
    return NotACheckpointError(file.name(), "an archive of NumPy arrays (.npz)",
                               "numpy.load reads it");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExplainZip(const RandomAccessFile& file,
                        const ContainerOptions& options,
                        const absl::Status& missing) {
  const absl::StatusOr<zip::ZipDirectory> directory =
      zip::ZipDirectory::Read(file, options.budget);
  if (!directory.ok()) return directory.status();
  Names names;
  for (const Extent& entry : directory->entries()) {
    names.emplace_back(entry.name);
  }
  const absl::Status format = ExplainNames(file, names);
  if (!format.ok()) return format;
  // No checkpoint has records that are named as checkpoints are, but for what
  // may be left of the name of its own graph.
  if (absl::c_any_of(names, IsPartOfCheckpoint) &&
      !absl::c_any_of(names, [](absl::string_view name) {
        return IsNamedAsCheckpoint(name) &&
               !absl::EndsWithIgnoreCase(name, ".pkl");
      })) {
    return absl::DataLossError(missing.message());
  }
  std::vector<Member> members;
  uint64_t num_members = 0;
  for (const Extent& entry : directory->entries()) {
    if (!IsNamedAsCheckpoint(entry.name) || ++num_members > kMaxListed) {
      continue;
    }
    Member& member = members.emplace_back();
    member.name = std::string(entry.name);
    member.size_bytes = entry.contents_bytes;
    if (entry.encoding == Encoding::kDeflated) continue;
    const absl::StatusOr<uint64_t> offset = FindContents(file, entry);
    if (offset.ok()) member.offset_bytes = *offset;
  }
  return NotACheckpointError(
      file.name(),
      Contains(names, "MAR-INF/MANIFEST.json")
          ? "a model archive of TorchServe"
          : absl::StrCat("a zip archive of other files (", names.size(), ")"),
      DescribeMembers(members, num_members, options, "unzip"));
}

absl::Status ExplainTar(const RandomAccessFile& file,
                        const ContainerOptions& options,
                        const absl::Status& missing) {
  torch::TarDirectory directory;
  FERRY_RETURN_IF_ERROR(
      torch::ReadTarDirectory(file, options.budget, &directory));
  std::vector<Member> members;
  uint64_t num_members = 0;
  for (const PlainRecord& record : directory.files) {
    const absl::string_view name = absl::StripPrefix(record.name, "./");
    if (name == "sys_info" || name == "storages" || name == "tensors" ||
        name == "pickle") {
      return absl::DataLossError(missing.message());
    }
    if (!IsNamedAsCheckpoint(name) || ++num_members > kMaxListed) continue;
    members.push_back({record.name, record.offset_bytes, record.size_bytes});
  }
  return NotACheckpointError(
      file.name(),
      absl::StrCat("a tar archive of other files (", directory.files.size(),
                   ")"),
      DescribeMembers(members, num_members, options, "tar xf"));
}

absl::Status CheckIsNoFolder(absl::string_view path) {
  std::error_code error;
  std::filesystem::directory_iterator entry(std::string(path), error);
  if (error) return absl::OkStatus();
  Names names;
  for (; !error && entry != std::filesystem::directory_iterator() &&
         names.size() < kMaxNames;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (Contains(names, ".metadata")) {
    return NotACheckpointError(
        path, "the folder of a distributed checkpoint",
        absl::StrCat("to make one file of it: python3 -m "
                     "torch.distributed.checkpoint.format_utils dcp_to_torch ",
                     path, " OUT.pt"));
  }
  if (Contains(names, "zero_to_fp32.py")) {
    return NotACheckpointError(
        path, "the folder of a DeepSpeed checkpoint",
        "run the script zero_to_fp32.py in it to make one file");
  }
  if (Contains(names, "saved_model.pb")) {
    return NotACheckpointError(path, "a TensorFlow model",
                               "tf.saved_model.load reads it");
  }
  if (Contains(names, "data.pkl")) {
    return NotACheckpointError(
        path, "a folder of the records of a checkpoint",
        "Ferry reads such records from a zip archive, as torch.save writes it; "
        "make one from this folder (zip -0 -r OUT.pt FOLDER)");
  }
  names.erase(std::remove_if(names.begin(), names.end(),
                             [](const std::string& name) {
                               return !IsNamedAsCheckpoint(name);
                             }),
              names.end());
  std::sort(names.begin(), names.end());
  return NotACheckpointError(
      path, "a directory",
      names.empty() ? "no file in it has the name of a checkpoint"
                    : absl::StrCat("open one of its files: ",
                                   ListForMessage(
                                       names.size(), kMaxListed, [&](size_t i) {
                                         return QuoteForMessage(names[i]);
                                       })));
}

}  // namespace v1
}  // namespace ferry
