// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/skeleton.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/devices/location_tag.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/tools/ferry/skeleton_data.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// What stands for the device type in the files and their names.
constexpr absl::string_view kPlaceholder = "acme";

// Where the files go. Those of Ferry are copied as they are.
struct Place {
  absl::string_view name;
  absl::string_view path;
  bool is_ours;
};
constexpr Place kPlaces[] = {
    {"BUILD.txt", "BUILD", false},
    {"CMakeLists.txt", "CMakeLists.txt", false},
    {"MODULE.txt", "MODULE.bazel", false},
    {"README.txt", "README.md", false},
    {"WORKSPACE.txt", "WORKSPACE", false},
    {"acme.c", "acme.c", false},
    {"acme.json", "acme.json", false},
    {"plugin.h", "include/ferry/plugin.h", true},
};

// Returns the text without the notice of Ferry's copyright, which is not for
// the author's files.
absl::string_view WithoutNotice(absl::string_view text) {
  if (!absl::StartsWith(text, "// Copyright") &&
      !absl::StartsWith(text, "# Copyright")) {
    return text;
  }
  // Three lines: the copyright, the licence, and an empty one.
  for (int i = 0; i < 3; ++i) text.remove_prefix(text.find('\n') + 1);
  return text;
}

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat(
      "cannot ", what, " ", QuoteForMessage(path), ": ", std::strerror(errno)));
}

// Creates the folder. Sets `is_new` to false if it exists and is empty.
absl::Status MakeFolder(const std::string& folder, bool* is_new) {
  *is_new = mkdir(folder.c_str(), 0777) == 0;
  if (*is_new) return absl::OkStatus();
  if (errno != EEXIST) return SystemError("create the folder", folder);
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(QuoteForMessage(folder),
                     " exists and is not a folder; name a folder with "
                     "--output"));
  }
  const bool is_empty = std::filesystem::is_empty(folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot read the folder ",
                                               QuoteForMessage(folder), ": ",
                                               error.message()));
  }
  if (is_empty) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("the folder ", QuoteForMessage(folder),
                   " is not empty; name a new or an empty one with --output"));
}

absl::Status WriteFiles(const std::vector<SkeletonFile>& files,
                        const std::filesystem::path& folder) {
  for (const SkeletonFile& file : files) {
    const std::filesystem::path path = folder / file.path;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    std::ofstream out(path, std::ios::binary);
    out << file.text;
    out.close();
    if (!out.good()) return SystemError("write", path.string());
  }
  return absl::OkStatus();
}

// Removes the files, and the folders inside `folder` that are then empty.
void RemoveFiles(const std::vector<SkeletonFile>& files,
                 const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const SkeletonFile& file : files) {
    for (std::filesystem::path path = file.path; !path.empty();
         path = path.parent_path()) {
      std::filesystem::remove(folder / path, ignored);
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<SkeletonFile>> SkeletonFiles(
    absl::string_view type) {
  if (!IsPluginDeviceType(type)) {
    return absl::InvalidArgumentError(absl::StrCat(
        QuoteForMessage(type),
        " is not a device type; use a lower-case letter, then lower-case "
        "letters, digits and '_', at most 32 in all"));
  }
  if (IsReservedDeviceType(type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", type,
                     "\" is a device type of PyTorch, which plugins may not "
                     "provide; choose another name"));
  }
  std::vector<SkeletonFile> files;
  for (const Place& place : kPlaces) {
    for (const SkeletonData& data : AllSkeletonData()) {
      if (data.name != place.name) continue;
      SkeletonFile file{std::string(place.path), std::string(data.text)};
      if (!place.is_ours) {
        file.path = absl::StrReplaceAll(place.path, {{kPlaceholder, type}});
        file.text = absl::StrReplaceAll(WithoutNotice(data.text),
                                        {{kPlaceholder, type}});
      }
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SkeletonFile& a, const SkeletonFile& b) {
              return a.path < b.path;
            });
  return files;
}

absl::Status WriteSkeleton(const std::vector<SkeletonFile>& files,
                           const std::string& folder) {
  bool is_new = false;
  FERRY_RETURN_IF_ERROR(MakeFolder(folder, &is_new));
  const absl::Status status = WriteFiles(files, folder);
  if (!status.ok()) {
    RemoveFiles(files, folder);
    if (is_new) rmdir(folder.c_str());
  }
  return status;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
