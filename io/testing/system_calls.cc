// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/testing/system_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>

#include "ferry/core/export.h"

namespace ferry {
inline namespace v1 {
namespace {

using Kind = SystemCall::Kind;

std::atomic<SystemCallObserver*> current_observer{nullptr};
thread_local bool is_observing = false;

// Makes a call, or lets it fail as the observer says. `real` takes the number
// of bytes to move.
template <typename Real>
long Observe(const SystemCall& call, Real real) {
  SystemCallObserver* const observer = current_observer.load();
  if (observer == nullptr || is_observing ||
      (call.fd >= 0 && call.fd <= STDERR_FILENO)) {
    return real(call.size);
  }
  is_observing = true;
  const Fault fault = observer->Before(call);
  long result = fault.is_skipped ? 0 : -1;
  int error = fault.error;
  if (error == 0 && !fault.is_skipped) {
    const bool is_short = fault.is_short && call.size > 1;
    result = real(is_short ? call.size / 2 : call.size);
    error = errno;
  } else if (call.kind == Kind::kCloses) {
    (void)real(0);
  }
  observer->After(call, result);
  is_observing = false;
  errno = error;
  return result;
}

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

absl::string_view Text(const char* path) {
  return path == nullptr ? absl::string_view() : absl::string_view(path);
}

SystemCall OpenCall(const char* name, int fd, const char* path, int flags) {
  const bool makes_file =
      (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  SystemCall call;
  call.name = name;
  call.kind = makes_file ? Kind::kChanges : Kind::kLooks;
  call.fd = fd;
  call.path = Text(path);
  call.flags = flags;
  return call;
}

SystemCall StatCall(const char* name, int fd, const char* path, void* info) {
  SystemCall call;
  call.name = name;
  call.fd = fd;
  call.path = Text(path);
  call.info = info;
  return call;
}

}  // namespace

ScopedSystemCallObserver::ScopedSystemCallObserver(
    SystemCallObserver* observer) {
  current_observer = observer;
}

ScopedSystemCallObserver::~ScopedSystemCallObserver() {
  current_observer = nullptr;
}

}  // namespace v1
}  // namespace ferry

// Defines a call whose arguments are named `a`, `b`, ... as the macros' users
// spell them out. `arguments` is what is passed on to the C library. All calls
// are exported, so that those of shared objects are observed too.
#define FERRY_OBSERVED(type, name, parameters, except, arguments, ...)       \
  FERRY_EXPORT type name parameters except {                                 \
    static auto* const real = ferry::Real<type parameters>(#name);           \
    const ferry::SystemCall call = __VA_ARGS__;                              \
    return static_cast<type>(ferry::Observe(call, [&](size_t size) -> long { \
      (void)size;                                                            \
      return static_cast<long>(real arguments);                              \
    }));                                                                     \
  }

using ferry::Kind;
using ferry::Text;

extern "C" {

FERRY_EXPORT int open(const char* path, int flags, ...) {
  static auto* const real = ferry::Real<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return static_cast<int>(
      ferry::Observe(ferry::OpenCall("open", -1, path, flags),
                     [&](size_t) -> long { return real(path, flags, mode); }));
}

FERRY_EXPORT int openat(int fd, const char* path, int flags, ...) {
  static auto* const real =
      ferry::Real<int(int, const char*, int, ...)>("openat");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return static_cast<int>(ferry::Observe(
      ferry::OpenCall("openat", fd, path, flags),
      [&](size_t) -> long { return real(fd, path, flags, mode); }));
}

FERRY_OBSERVED(int, close, (int fd), , (fd), {"close", Kind::kCloses, fd})

FERRY_OBSERVED(ssize_t, read, (int fd, void* to, size_t bytes), ,
               (fd, to, size),
               {"read", Kind::kReads, fd, "", -1, "", 0, nullptr, bytes})
FERRY_OBSERVED(ssize_t, pread, (int fd, void* to, size_t bytes, off_t at), ,
               (fd, to, size, at),
               {"pread", Kind::kReads, fd, "", -1, "", 0, nullptr, bytes, at})
FERRY_OBSERVED(ssize_t, write, (int fd, const void* from, size_t bytes), ,
               (fd, from, size),
               {"write", Kind::kWrites, fd, "", -1, "", 0, from, bytes})
FERRY_OBSERVED(ssize_t, pwrite,
               (int fd, const void* from, size_t bytes, off_t at), ,
               (fd, from, size, at),
               {"pwrite", Kind::kWrites, fd, "", -1, "", 0, from, bytes, at})

FERRY_OBSERVED(int, ftruncate, (int fd, off_t length), noexcept, (fd, length),
               {"ftruncate", Kind::kChanges, fd, "", -1, "", 0, nullptr, 0,
                length})
FERRY_OBSERVED(int, fallocate, (int fd, int mode, off_t at, off_t length), ,
               (fd, mode, at, length),
               {"fallocate", Kind::kChanges, fd, "", -1, "", mode, nullptr, 0,
                at + length})
FERRY_OBSERVED(int, fsync, (int fd), , (fd), {"fsync", Kind::kChanges, fd})
FERRY_OBSERVED(int, fdatasync, (int fd), , (fd),
               {"fdatasync", Kind::kChanges, fd})
FERRY_OBSERVED(int, sync_file_range,
               (int fd, off64_t from, off64_t to, unsigned int flags), ,
               (fd, from, to, flags),
               {"sync_file_range", Kind::kChanges, fd, "", -1, "",
                static_cast<int>(flags), nullptr, static_cast<size_t>(to),
                from})
FERRY_OBSERVED(int, flock, (int fd, int operation), noexcept, (fd, operation),
               {"flock", Kind::kLooks, fd, "", -1, "", operation})
FERRY_OBSERVED(int, fchown, (int fd, uid_t user, gid_t group), noexcept,
               (fd, user, group), {"fchown", Kind::kChanges, fd})
FERRY_OBSERVED(int, fchmod, (int fd, mode_t mode), noexcept, (fd, mode),
               {"fchmod", Kind::kChanges, fd})
FERRY_OBSERVED(off_t, lseek, (int fd, off_t offset, int whence), noexcept,
               (fd, offset, whence), {"lseek", Kind::kLooks, fd})

FERRY_OBSERVED(int, rename, (const char* from, const char* to), noexcept,
               (from, to),
               {"rename", Kind::kChanges, -1, Text(from), -1, Text(to)})
FERRY_OBSERVED(int, renameat,
               (int fd, const char* from, int to_fd, const char* to), noexcept,
               (fd, from, to_fd, to),
               {"renameat", Kind::kChanges, fd, Text(from), to_fd, Text(to)})
FERRY_OBSERVED(int, linkat,
               (int fd, const char* from, int to_fd, const char* to, int flags),
               noexcept, (fd, from, to_fd, to, flags),
               {"linkat", Kind::kChanges, fd, Text(from), to_fd, Text(to)})
FERRY_OBSERVED(int, unlink, (const char* path), noexcept, (path),
               {"unlink", Kind::kChanges, -1, Text(path)})
FERRY_OBSERVED(int, unlinkat, (int fd, const char* path, int flags), noexcept,
               (fd, path, flags), {"unlinkat", Kind::kChanges, fd, Text(path)})

FERRY_OBSERVED(int, fstat, (int fd, struct stat* info), noexcept, (fd, info),
               ferry::StatCall("fstat", fd, "", info))
FERRY_OBSERVED(int, stat, (const char* path, struct stat* info), noexcept,
               (path, info), ferry::StatCall("stat", -1, path, info))
FERRY_OBSERVED(int, lstat, (const char* path, struct stat* info), noexcept,
               (path, info), ferry::StatCall("lstat", -1, path, info))
FERRY_OBSERVED(int, fstatat,
               (int fd, const char* path, struct stat* info, int flags),
               noexcept, (fd, path, info, flags),
               ferry::StatCall("fstatat", fd, path, info))
FERRY_OBSERVED(int, statx,
               (int fd, const char* path, int flags, unsigned int mask,
                struct statx* info),
               noexcept, (fd, path, flags, mask, info),
               ferry::StatCall("statx", fd, path, info))
FERRY_OBSERVED(int, fstatfs, (int fd, struct statfs* info), noexcept,
               (fd, info), ferry::StatCall("fstatfs", fd, "", info))
FERRY_OBSERVED(int, access, (const char* path, int mode), noexcept,
               (path, mode), {"access", Kind::kLooks, -1, Text(path)})
FERRY_OBSERVED(int, faccessat, (int fd, const char* path, int mode, int flags),
               noexcept, (fd, path, mode, flags),
               {"faccessat", Kind::kLooks, fd, Text(path)})
FERRY_OBSERVED(ssize_t, readlink, (const char* path, char* to, size_t capacity),
               noexcept, (path, to, capacity),
               {"readlink", Kind::kLooks, -1, Text(path)})
FERRY_OBSERVED(int, mkostemp, (char* path, int flags), , (path, flags),
               {"mkostemp", Kind::kChanges, -1, Text(path)})
FERRY_OBSERVED(int, poll, (pollfd * fds, nfds_t count, int timeout), ,
               (fds, count, timeout), {"poll"})

// Returns its error instead of setting errno.
FERRY_EXPORT int posix_fadvise(int fd, off_t from, off_t length,
                               int advice) noexcept {
  static auto* const real =
      ferry::Real<int(int, off_t, off_t, int)>("posix_fadvise");
  const ferry::SystemCall call = {"posix_fadvise", Kind::kLooks, fd, "", -1, "",
                                  advice};
  const long result = ferry::Observe(call, [&](size_t) -> long {
    errno = real(fd, from, length, advice);
    return errno == 0 ? 0 : -1;
  });
  return result == 0 ? 0 : errno;
}

FERRY_EXPORT void* mmap(void* address, size_t length, int protection, int flags,
                        int fd, off_t offset) noexcept {
  static auto* const real =
      ferry::Real<void*(void*, size_t, int, int, int, off_t)>("mmap");
  ferry::SystemCall call;
  call.name = "mmap";
  call.fd = fd;
  return reinterpret_cast<void*>(ferry::Observe(call, [&](size_t) -> long {
    return reinterpret_cast<long>(
        real(address, length, protection, flags, fd, offset));
  }));
}

}  // extern "C"
