// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/system_error.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {

absl::Status SystemError(absl::string_view what, absl::string_view path,
                         int error) {
  const std::string message =
      absl::StrCat(what, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
      return absl::ResourceExhaustedError(message);
    case EISDIR:
    case ENAMETOOLONG:
    case EINVAL:
    case ELOOP:
    case ENXIO:  // a socket
      return absl::InvalidArgumentError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::Status CheckPath(absl::string_view path) {
  if (path.empty()) return absl::InvalidArgumentError("the path is empty");
  if (path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the path ", QuoteForMessage(path), " contains a NUL byte"));
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
