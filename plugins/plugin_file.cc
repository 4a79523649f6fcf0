// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/elf_file.h"

namespace ferry {
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

// A file that stays the one that was checked, whatever happens to its name.
class OpenFile final : public ReadableBytes {
 public:
  OpenFile(int descriptor, std::string path, uint64_t size_bytes)
      : descriptor_(descriptor), path_(std::move(path)), size_(size_bytes) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() override { close(descriptor_); }

  absl::string_view name() const override { return path_; }
  uint64_t size_bytes() const override { return size_; }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    while (!out.empty()) {
      const ssize_t count = pread(descriptor_, out.data(), out.size(),
                                  static_cast<off_t>(offset_bytes));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return OsError(path_, errno);
      if (count == 0) {
        return absl::DataLossError(absl::StrCat(path_, " ends too early"));
      }
      out.remove_prefix(static_cast<size_t>(count));
      offset_bytes += static_cast<uint64_t>(count);
    }
    return absl::OkStatus();
  }

 private:
  const int descriptor_;
  const std::string path_;
  const uint64_t size_;
};

// Whether others than root and this user may change what stands at `path`.
absl::Status CheckTrusted(const std::string& path, const struct stat& status) {
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " belongs to user ", status.st_uid,
                     ", who is neither root nor the one that runs this"));
  }
  const bool is_sticky_folder =
      S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_sticky_folder) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " can be changed by others: run chmod go-w"));
  }
  return absl::OkStatus();
}

absl::Status CheckFolders(const std::string& path) {
  for (size_t slash = path.rfind('/'); slash != std::string::npos;
       slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1)) {
    const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
    struct stat status;
    if (stat(folder.c_str(), &status) != 0) return OsError(folder, errno);
    FERRY_RETURN_IF_ERROR(CheckTrusted(folder, status));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrustedFile> TrustedFile::Open(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(
      realpath(path.c_str(), nullptr), std::free);
  if (real == nullptr) return OsError(path, errno);
  TrustedFile file;
  file.path_ = real.get();
  // Nothing that blocks, should it be a pipe.
  const int descriptor =
      open(real.get(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return OsError(file.path_, errno);
  struct stat status;
  const int error = fstat(descriptor, &status) == 0 ? 0 : errno;
  file.bytes_ = std::make_shared<OpenFile>(
      descriptor, file.path_,
      error == 0 ? static_cast<uint64_t>(status.st_size) : 0);
  if (error != 0) return OsError(file.path_, error);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path_, " is no regular file"));
  }
  FERRY_RETURN_IF_ERROR(CheckTrusted(file.path_, status));
  FERRY_RETURN_IF_ERROR(CheckFolders(file.path_));
  file.identity_ = {status.st_dev, status.st_ino};
  return file;
}

std::string TrustedFile::directory() const {
  return path_.substr(0, path_.rfind('/'));
}

absl::Status CheckPluginBinary(const ReadableBytes& file) {
  FERRY_ASSIGN_OR_RETURN(const ElfFile elf, ReadElfFile(file));
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(file.name(), what));
  };
  if (elf.has_executable_stack) return bad(" wants an executable stack");
  if (elf.has_text_relocations) return bad(" has text relocations");
  bool has_query = false;
  for (const ElfFile::Symbol& symbol : elf.symbols) {
    if (symbol.is_defined) {
      has_query |= symbol.name == FERRY_PLUGIN_QUERY_SYMBOL;
    } else if (absl::StrContains(symbol.name, "ferry")) {
      return bad(absl::StrCat(" needs the symbol ", symbol.name,
                              ": a plugin links nothing of Ferry"));
    }
  }
  if (!has_query) {
    return bad(absl::StrCat(
        " exports no ", FERRY_PLUGIN_QUERY_SYMBOL,
        ": it is no plugin for this version of Ferry, or was built with its "
        "query function hidden"));
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
    return bad(absl::StrCat(" has no ", FERRY_PLUGIN_QUERY_SYMBOL));
  }
  // A handle also finds what the library depends on.
  Dl_info info;
  struct stat status;
  if (dladdr(symbol, &info) == 0 || info.dli_fname == nullptr ||
      stat(info.dli_fname, &status) != 0 ||
      std::make_pair(uint64_t{status.st_dev}, uint64_t{status.st_ino}) !=
          file.identity()) {
    return bad(absl::StrCat(" is not where its ", FERRY_PLUGIN_QUERY_SYMBOL,
                            " stands, or was replaced meanwhile"));
  }
  ferry_plugin_query query;
  static_assert(sizeof(query) == sizeof(symbol));
  std::memcpy(&query, &symbol, sizeof(query));
  return query;
}

}  // namespace ferry
