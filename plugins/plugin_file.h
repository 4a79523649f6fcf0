// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_file.h
// -----------------------------------------------------------------------------
//
// The checks of a plugin's file that come before dlopen(), and dlopen() itself.
#ifndef FERRY_PLUGINS_PLUGIN_FILE_H_
#define FERRY_PLUGINS_PLUGIN_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/plugin.h"

namespace ferry {

// TrustedFile
//
// A regular file that nobody but root and the effective user could have put
// there or can change: they own it and every folder above it, and neither group
// nor others may write there (to a folder with the sticky bit they may).
//
// Thread-safety: immutable.
class TrustedFile {
 public:
  // Errors:
  //   kNotFound         - no such file.
  //   kInvalidArgument  - no regular file.
  //   kPermissionDenied - others could have put it there; says which part of
  //                       the path. Or it may not be read.
  static absl::StatusOr<TrustedFile> Open(const std::string& path);

  // Absolute, without symbolic links.
  const std::string& path() const { return path_; }
  std::string directory() const;
  const ReadableBytes& bytes() const { return *bytes_; }
  // The same for all names of one file.
  std::pair<uint64_t, uint64_t> identity() const { return identity_; }

 private:
  std::string path_;
  std::shared_ptr<const ReadableBytes> bytes_;
  std::pair<uint64_t, uint64_t> identity_;
};

// What can be told of a plugin without running it: that it is a shared object
// for this machine with the query function, with neither an executable stack
// nor text relocations, and that it needs nothing of Ferry.
//
// Errors: kInvalidArgument - says what is wrong.
absl::Status CheckPluginBinary(const ReadableBytes& file);

// Loads a library that has been checked, for ever, and returns its query
// function. Constructors of the library run.
//
// Errors: kInvalidArgument - the dynamic linker's own words, or the function is
//         not the library's own.
absl::StatusOr<ferry_plugin_query> LoadPluginLibrary(const TrustedFile& file);

}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_FILE_H_
