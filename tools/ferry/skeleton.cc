// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/skeleton.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "ferry/core/text.h"
#include "ferry/devices/location_tag.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/tools/ferry/skeleton_data.h"

namespace ferry {
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

absl::Status WriteFiles(const std::vector<SkeletonFile>& files,
                        const std::string& folder) {
  for (const SkeletonFile& file : files) {
    const std::filesystem::path path =
        std::filesystem::path(folder) / file.path;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    std::ofstream out(path, std::ios::binary);
    out << file.text;
    out.close();
    if (!out.good()) return SystemError("write", path.string());
  }
  return absl::OkStatus();
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
  // Written beside the folder, then renamed.
  std::string name = folder;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  std::string made = absl::StrCat(name, ".XXXXXX");
  if (mkdtemp(&made[0]) == nullptr) {
    return SystemError("create the folder", made);
  }
  const mode_t mask = umask(0);
  umask(mask);
  absl::Status status = WriteFiles(files, made);
  if (status.ok() && chmod(made.c_str(), 0777 & ~mask) != 0) {
    status = SystemError("change the permissions of", made);
  }
  if (status.ok() && rename(made.c_str(), name.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
      status = absl::AlreadyExistsError(
          absl::StrCat(QuoteForMessage(name),
                       " exists already; remove it, or name another folder "
                       "with --output"));
    } else {
      status = SystemError("create the folder", name);
    }
  }
  if (!status.ok()) {
    std::error_code ignored;
    std::filesystem::remove_all(made, ignored);
  }
  return status;
}

}  // namespace cli
}  // namespace ferry
