// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_file.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "ferry/core/eintr.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/elf_file.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status OsError(absl::string_view path, int error) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

// Whether others than root and this user may change what stands at `path`.
absl::Status CheckTrusted(const std::string& path, const struct stat& status) {
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return absl::PermissionDeniedError(absl::StrCat(
        path, " belongs to user ", status.st_uid,
        ", who is neither root nor the user that runs this program"));
  }
  const bool is_sticky_folder =
      S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_sticky_folder) {
    return absl::PermissionDeniedError(absl::StrCat(
        "other users may write to ", path, "; run chmod go-w on it"));
  }
  return absl::OkStatus();
}

absl::Status CheckFolders(const std::string& path) {
  for (size_t slash = path.rfind('/'); slash != std::string::npos;
       slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1)) {
    const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
    struct stat status;
    if (RetryOnEintr([&] { return stat(folder.c_str(), &status); }) != 0) {
      return OsError(folder, errno);
    }
    FERRY_RETURN_IF_ERROR(CheckTrusted(folder, status));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrustedFile> TrustedFile::Open(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(
      RetryOnEintr([&] { return realpath(path.c_str(), nullptr); }), std::free);
  if (real == nullptr) return OsError(path, errno);
  TrustedFile file;
  file.path_ = real.get();
  FERRY_ASSIGN_OR_RETURN(file.bytes_, OpenForReading(file.path_));
  // Who could put another file in its place may change this one, too.
  struct stat status;
  if (RetryOnEintr([&] { return stat(file.path_.c_str(), &status); }) != 0) {
    return OsError(file.path_, errno);
  }
  FERRY_RETURN_IF_ERROR(CheckTrusted(file.path_, status));
  FERRY_RETURN_IF_ERROR(CheckFolders(file.path_));
  file.identity_ = {status.st_dev, status.st_ino};
  return file;
}

std::string TrustedFile::directory() const {
  return path_.substr(0, path_.rfind('/'));
}

absl::Status CheckPluginBinary(const RandomAccessFile& file) {
  FERRY_ASSIGN_OR_RETURN(const ElfFile elf, ReadElfFile(file));
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(file.name(), ": ", what));
  };
  const std::string unsound = DescribeUnsound(elf);
  if (!unsound.empty()) return bad(unsound);
  const std::string needs = DescribeHostNeeds(elf);
  if (!needs.empty()) {
    return bad(
        absl::StrCat(needs, ", but a plugin must not link against Ferry"));
  }
  const bool has_query = std::any_of(
      elf.symbols.begin(), elf.symbols.end(),
      [](const ElfFile::Symbol& symbol) {
        return symbol.is_defined && symbol.name == FERRY_PLUGIN_QUERY_SYMBOL;
      });
  if (!has_query) {
    return bad(
        absl::StrCat("it does not export ", FERRY_PLUGIN_QUERY_SYMBOL,
                     "; either it is not a plugin for this version of Ferry, "
                     "or it was built with its query function hidden"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ferry_plugin_query> LoadPluginLibrary(const TrustedFile& file) {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(file.path(), what));
  };
  void* const handle =
      dlopen(file.path().c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* const error = dlerror();
    return bad(absl::StrCat(" cannot be loaded: ",
                            error != nullptr ? error : "no reason is given"));
  }
  void* const symbol = dlsym(handle, FERRY_PLUGIN_QUERY_SYMBOL);
  if (symbol == nullptr) {
    return bad(absl::StrCat(" does not export ", FERRY_PLUGIN_QUERY_SYMBOL));
  }
  // A handle also finds what the library depends on.
  Dl_info info;
  struct stat status;
  if (dladdr(symbol, &info) == 0 || info.dli_fname == nullptr ||
      RetryOnEintr([&] { return stat(info.dli_fname, &status); }) != 0 ||
      std::make_pair(uint64_t{status.st_dev}, uint64_t{status.st_ino}) !=
          file.identity()) {
    return bad(
        absl::StrCat(" does not define ", FERRY_PLUGIN_QUERY_SYMBOL,
                     " itself, or was replaced while it was being loaded"));
  }
  return reinterpret_cast<ferry_plugin_query>(symbol);
}

}  // namespace v1
}  // namespace ferry
