// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_file.h
// -----------------------------------------------------------------------------
//
// Checks a plugin's file before dlopen(), and calls dlopen().
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
inline namespace v1 {

// TrustedFile
//
// A regular file that only root and the effective user can have created or can
// change. They own it and every folder above it, and neither group nor others
// have write permission (except to folders with the sticky bit).
//
// Thread-safety: immutable.
class TrustedFile {
 public:
  // Opens a file, and checks that it is trusted.
  //
  // Errors:
  //   kNotFound         - no such file.
  //   kInvalidArgument  - not a regular file.
  //   kPermissionDenied - others could have created or changed it; the message
  //                       says which part of the path they can write. Or the
  //                       process may not read it.
  static absl::StatusOr<TrustedFile> Open(const std::string& path);

  // Absolute, without symbolic links.
  const std::string& path() const { return path_; }
  std::string directory() const;
  const RandomAccessFile& bytes() const { return *bytes_; }
  // Equal for all names of the same file.
  std::pair<uint64_t, uint64_t> identity() const { return identity_; }

 private:
  std::string path_;
  std::shared_ptr<const RandomAccessFile> bytes_;
  std::pair<uint64_t, uint64_t> identity_;
};

// Checks a plugin as far as possible without running it: it must be a shared
// object for this machine that has the query function, has neither an
// executable stack nor text relocations, and needs nothing of Ferry.
//
// Errors: kInvalidArgument - the message says what is wrong.
absl::Status CheckPluginBinary(const RandomAccessFile& file);

// Loads a checked library and returns its query function. Runs the library's
// constructors. The library is never unloaded.
//
// Errors: kInvalidArgument - the dynamic linker failed (its message is quoted),
//         or the function is not defined in the library itself.
absl::StatusOr<ferry_plugin_query> LoadPluginLibrary(const TrustedFile& file);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_FILE_H_
