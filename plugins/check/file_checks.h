// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/check/file_checks.h
// -----------------------------------------------------------------------------
//
// Checks a plugin's file without running any of its code.
#ifndef FERRY_PLUGINS_CHECK_FILE_CHECKS_H_
#define FERRY_PLUGINS_CHECK_FILE_CHECKS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/devices/conformance/conformance.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

// The first of the checks, which a file that is not a shared object fails.
inline constexpr absl::string_view kSoundFileId = "A-01";
inline constexpr absl::string_view kSoundFileTitle =
    "the file is a sound shared object for this machine";

// Runs the checks.
//
// Errors: as ReadElfFile, if the file cannot be read as a shared object. The
//         other checks cannot be run then.
absl::StatusOr<std::vector<CheckResult>> CheckPluginFile(
    const RandomAccessFile& file);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_FILE_CHECKS_H_
