// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/skeleton.h
// -----------------------------------------------------------------------------
//
// Writes the folder that `ferry plugin new` gives to the author of a plugin.
// The files are those of tools/ferry/skeleton and the C header, and are part of
// the program.
#ifndef FERRY_TOOLS_FERRY_SKELETON_H_
#define FERRY_TOOLS_FERRY_SKELETON_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// A file of the skeleton.
struct SkeletonFile {
  std::string path;  // relative to the folder
  std::string text;
};

// Returns the files of a plugin for a device type, in the order of their paths.
//
// Errors: kInvalidArgument - `type` is not a valid device type, or a reserved
//         one.
absl::StatusOr<std::vector<SkeletonFile>> SkeletonFiles(absl::string_view type);

// Writes the files into a new folder, or into one that is empty. After an
// error, removes what it has written.
//
// Errors:
//   kAlreadyExists - the folder is not empty, or is not a folder.
//   kUnavailable   - the operating system returned an error.
absl::Status WriteSkeleton(const std::vector<SkeletonFile>& files,
                           const std::string& folder);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_SKELETON_H_
