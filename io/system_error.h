// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// -----------------------------------------------------------------------------
// File: io/system_error.h
// -----------------------------------------------------------------------------
//
// What the sources that call the operating system's functions for files share.
#ifndef FERRY_IO_SYSTEM_ERROR_H_
#define FERRY_IO_SYSTEM_ERROR_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// The kernel moves at most 2 GiB in one call.
inline constexpr size_t kMaxSystemCallBytes = size_t{1} << 30;

// Returns the error of a call that set errno to `error`: "WHAT PATH: TEXT".
//
//   kNotFound          - ENOENT, ENOTDIR
//   kPermissionDenied  - EACCES, EPERM, EROFS
//   kResourceExhausted - ENOSPC, EDQUOT, EFBIG, ENOMEM
//   kInvalidArgument   - EISDIR, ENAMETOOLONG, EINVAL, ELOOP, ENXIO
//   kUnavailable       - all others
absl::Status SystemError(absl::string_view what, absl::string_view path,
                         int error);

// Checks that a path is not empty and contains no NUL byte, at which the
// operating system would take it to end.
//
// Errors: kInvalidArgument.
absl::Status CheckPath(absl::string_view path);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_SYSTEM_ERROR_H_
