// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/atomic_file.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ferry/core/eintr.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/system_error.h"

namespace ferry {
inline namespace v1 {
namespace {

// Small writes are gathered to this size.
constexpr size_t kBufferBytes = size_t{1} << 20;

// The temporary files of a target are called ".TARGET.ferry-0" to
// ".TARGET.ferry-99". The names are few, so that leftovers are found without
// listing the folder.
constexpr int kMaxTemporaryNames = 100;

// Leftovers are looked for until this many names are free. More than one name
// is in use only while several writers replace the same target.
constexpr int kFreeNamesToSee = 8;

// A larger file that is to be replaced leaves the page cache before the new one
// is written.
constexpr uint64_t kMinForgottenBytes = uint64_t{16} << 20;

// A larger write to a durable file starts on its way to the disk at once.
constexpr uint64_t kMinWriteBackBytes = uint64_t{256} << 10;

// Whole pages are written back. Larger pages only make it less.
constexpr uint64_t kPageBytes = 4096;

constexpr char kNotDurablePayload[] = "ferry/written_but_not_durable";

// Symbolic links that are followed before a loop is assumed, as in Linux.
constexpr int kMaxSymlinks = 40;

// The folder of a path, and the rest.
std::pair<std::string, std::string> SplitPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// The file that a path leads to when symbolic links are followed, whether it
// exists or not.
absl::StatusOr<std::string> FollowLinks(std::string path) {
  for (int i = 0; i < kMaxSymlinks; ++i) {
    struct stat info;
    if (RetryOnEintr([&] { return lstat(path.c_str(), &info); }) != 0 ||
        !S_ISLNK(info.st_mode)) {
      return path;
    }
    std::string target(PATH_MAX, '\0');
    const ssize_t size = RetryOnEintr(
        [&] { return readlink(path.c_str(), &target[0], target.size()); });
    if (size < 0) {
      return SystemError("cannot follow the symbolic link", path, errno);
    }
    target.resize(static_cast<size_t>(size));
    path = target[0] == '/' ? target
                            : absl::StrCat(SplitPath(path).first, "/", target);
  }
  return SystemError("cannot follow the symbolic link", path, ELOOP);
}

// Whether other machines, or a server in another process, may have the files of
// this file system open. There a lock says nothing certain about a writer, and
// a close may report an error of an earlier write.
bool IsShared(const struct statfs& info) {
  // statfs(2) and linux/magic.h list these numbers.
  constexpr uint32_t kSharedTypes[] = {
      0x6969,      // NFS
      0x517b,      // SMB
      0xff534d42,  // CIFS
      0xfe534d42,  // SMB2
      0x65735546,  // FUSE
      0x01021997,  // 9p
      0x5346414f,  // AFS
      0x6b414653,  // kAFS
      0x73757245,  // Coda
      0x00c36400,  // Ceph
      0x0bd00bd0,  // Lustre
      0x01161970,  // GFS2
      0x7461636f,  // OCFS2
      0x47504653,  // GPFS
      0x19830326,  // BeeGFS
      0x20030528,  // OrangeFS
      0x786f4256,  // VirtualBox
      0x7c7c6673,  // Parallels
      0xaad7aaea,  // PanFS
      0x013111a8,  // IBRIX
      0xbeefdead,  // StorNext
      0xa501fcf5,  // VxFS
      0x564c,      // NCP
      0xbacbacbc,  // VMware
  };
  return absl::c_linear_search(kSharedTypes,
                               static_cast<uint32_t>(info.f_type));
}

// Whether the process may act as the owner of any file.
bool MayActAsAnyOwner() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  return syscall(SYS_capget, &header, sets) == 0 &&
         (sets[0].effective & (1U << CAP_FOWNER)) != 0;
}

// Returns the attributes of a file, such as STATX_ATTR_IMMUTABLE; 0 if they are
// not known.
uint64_t Attributes(int folder_fd, const char* name) {
  struct statx info;
  const int result = RetryOnEintr([&] {
    return statx(folder_fd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 0,
                 &info);
  });
  return result == 0 ? info.stx_attributes & info.stx_attributes_mask : 0;
}

// Removes a temporary file if its writer is dead, that is, if nobody holds its
// lock. Returns whether the name is free. Never removes the file of a living
// writer: a writer whose file has no lock yet finds it removed and makes
// another one.
bool RemoveLeftover(int folder_fd, const std::string& name) {
  const int fd = RetryOnEintr([&] {
    return openat(folder_fd, name.c_str(),
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  });
  if (fd < 0) return errno == ENOENT;
  struct stat locked;
  struct stat named;
  // The writer may have renamed its file since it was opened here.
  const bool is_left =
      RetryOnEintr([&] { return flock(fd, LOCK_EX | LOCK_NB); }) == 0 &&
      RetryOnEintr([&] { return fstat(fd, &locked); }) == 0 &&
      RetryOnEintr([&] {
        return fstatat(folder_fd, name.c_str(), &named, AT_SYMLINK_NOFOLLOW);
      }) == 0 &&
      S_ISREG(locked.st_mode) && locked.st_dev == named.st_dev &&
      locked.st_ino == named.st_ino;
  const bool is_free = is_left && RetryOnEintr([&] {
                                    return unlinkat(folder_fd, name.c_str(), 0);
                                  }) == 0;
  close(fd);
  return is_free;
}

}  // namespace

bool IsWrittenButNotDurable(const absl::Status& status) {
  return status.GetPayload(kNotDurablePayload).has_value();
}

AtomicFile::AtomicFile(std::string path, Durability durability)
    : path_(std::move(path)), durability_(durability) {
  std::tie(folder_, file_name_) = SplitPath(path_);
}

absl::StatusOr<std::unique_ptr<AtomicFile>> AtomicFile::Create(
    absl::string_view path, Durability durability) {
  FERRY_RETURN_IF_ERROR(CheckPath(path));
  FERRY_ASSIGN_OR_RETURN(std::string target, FollowLinks(std::string(path)));
  auto file = std::unique_ptr<AtomicFile>(
      new AtomicFile(std::move(target), durability));
  if (file->file_name_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is a directory; name a file in it"));
  }
  FERRY_RETURN_IF_ERROR(file->OpenFolder());
  struct stat info;
  const bool exists =
      RetryOnEintr([&] {
        return fstatat(file->folder_fd_, file->file_name_.c_str(), &info,
                       AT_SYMLINK_NOFOLLOW);
      }) == 0;
  if (!exists && errno != ENOENT) {
    return SystemError("cannot write", file->path_, errno);
  }
  if (exists && S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is a directory; name a file in it"));
  }
  if (exists && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     " is not a regular file, so it cannot be replaced "
                     "atomically; write to it through a sink"));
  }
  FERRY_RETURN_IF_ERROR(file->CheckReplaceable(exists ? &info : nullptr));
  FERRY_RETURN_IF_ERROR(file->OpenTemporary(exists ? 0600 : 0666));
  if (!exists) return file;
  file->old_size_bytes_ = static_cast<uint64_t>(info.st_size);
  const int fd = file->fd_;
  mode_t mode = info.st_mode & 07777;
  // The owner may be kept only by who may give files away. It comes before the
  // mode, some of whose bits it clears.
  // Where the group cannot be kept either, another one gets no rights by it.
  const auto change_owner = [fd, &info](uid_t owner) {
    return RetryOnEintr([&] { return fchown(fd, owner, info.st_gid); }) == 0;
  };
  if (!change_owner(info.st_uid)) {
    mode &= 0777;
    if (!change_owner(static_cast<uid_t>(-1))) mode &= ~070U;
  }
  if (RetryOnEintr([&] { return fchmod(fd, mode); }) != 0) {
    return SystemError("cannot set the mode of", file->path_, errno);
  }
  return file;
}

AtomicFile::~AtomicFile() {
  // Before the lock goes: without it, the name may be another writer's.
  RemoveTemporary();
  if (fd_ >= 0) close(fd_);
  if (folder_fd_ >= 0) close(folder_fd_);
}

absl::Status AtomicFile::OpenFolder() {
  // Only a folder that may be read can be synced.
  const bool is_synced = durability_ == Durability::kFull;
  folder_fd_ = RetryOnEintr([&] {
    return open(folder_.c_str(),
                (is_synced ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC);
  });
  if (folder_fd_ < 0) {
    const int error = errno;
    const absl::Status status = SystemError("cannot open", folder_, error);
    if (error != EACCES || !is_synced) return status;
    return absl::PermissionDeniedError(absl::StrCat(
        status.message(),
        "; a durable file needs a folder that may be read; allow that, or "
        "write with Durability::kNone"));
  }
  struct statfs info = {};
  is_shared_ = RetryOnEintr([&] { return fstatfs(folder_fd_, &info); }) != 0 ||
               IsShared(info);
  if (info.f_namelen > 0 && info.f_namelen < NAME_MAX) {
    max_name_bytes_ = static_cast<size_t>(info.f_namelen);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::CheckReplaceable(const struct stat* target) const {
  if ((Attributes(folder_fd_, "") & STATX_ATTR_APPEND) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "cannot write into ", folder_,
        ": it is append-only, so nothing in it can be renamed; write into "
        "another folder, or remove the attribute with \"chattr -a\""));
  }
  if (target == nullptr) return absl::OkStatus();
  // A file that may not be written is not to be replaced either. This is also
  // how immutable files are found.
  const int result = RetryOnEintr([&] {
    return faccessat(folder_fd_, file_name_.c_str(), W_OK, AT_EACCESS);
  });
  if (result != 0) return SystemError("cannot write", path_, errno);
  const uint64_t attributes = Attributes(folder_fd_, file_name_.c_str());
  if ((attributes & STATX_ATTR_APPEND) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "cannot replace ", path_,
        ": it is append-only; write to another name, or remove the attribute "
        "with \"chattr -a\""));
  }
#ifdef STATX_ATTR_MOUNT_ROOT
  if ((attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot replace ", path_,
        ": it is mounted there as a single file; write to another name, or "
        "mount its folder instead"));
  }
#endif
  struct stat info;
  if (RetryOnEintr([&] { return fstat(folder_fd_, &info); }) != 0) {
    return SystemError("cannot write into", folder_, errno);
  }
  if ((info.st_mode & S_ISVTX) != 0 && target->st_uid != geteuid() &&
      info.st_uid != geteuid() && !MayActAsAnyOwner()) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot replace ", path_,
                     ": it belongs to another user, and its folder lets only "
                     "the owner of a file replace it; write to another name"));
  }
  return absl::OkStatus();
}

std::string AtomicFile::TemporaryName(int i) const {
  // Who sees a shared folder as a local one, such as its server, must not take
  // a file there, which has no lock, for a leftover.
  const std::string suffix =
      absl::StrCat(is_shared_ ? ".ferry-net-" : ".ferry-", i);
  return absl::StrCat(
      ".", file_name_.substr(0, max_name_bytes_ - 1 - suffix.size()), suffix);
}

absl::Status AtomicFile::OpenTemporary(mode_t mode) {
  if (!is_shared_) {
    int num_free = 0;
    for (int i = 0; i < kMaxTemporaryNames && num_free < kFreeNamesToSee; ++i) {
      if (RemoveLeftover(folder_fd_, TemporaryName(i))) ++num_free;
    }
    fd_ = RetryOnEintr([&] {
      return openat(folder_fd_, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    });
    if (fd_ >= 0) {
      // Without /proc the file could not be named later.
      const bool has_proc =
          RetryOnEintr([&] {
            return faccessat(AT_FDCWD, LinkToDescriptor().c_str(), F_OK, 0);
          }) == 0;
      if (has_proc && TryLock() == 0) return absl::OkStatus();
      close(std::exchange(fd_, -1));
    }
  }
  // The file system cannot do that, or whatever is wrong is found again here.
  for (int i = 0; i < kMaxTemporaryNames; ++i) {
    std::string name = TemporaryName(i);
    fd_ = RetryOnEintr([&] {
      return openat(folder_fd_, name.c_str(),
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    });
    if (fd_ < 0) {
      if (errno != EEXIST) {
        return SystemError("cannot write into", folder_, errno);
      }
      others_.push_back(std::move(name));
      continue;
    }
    temporary_name_ = std::move(name);
    if (is_shared_) return absl::OkStatus();
    const int error = TryLock();
    if (error == 0) return absl::OkStatus();
    // Where there are no locks, nobody takes it for a leftover.
    if (error != EWOULDBLOCK) return absl::OkStatus();
    // Another writer takes it for a leftover and removes it.
    temporary_name_.clear();
    close(std::exchange(fd_, -1));
  }
  return NamesAreTaken();
}

int AtomicFile::TryLock() const {
  struct stat info;
  if (RetryOnEintr([&] { return flock(fd_, LOCK_EX | LOCK_NB); }) != 0 ||
      RetryOnEintr([&] { return fstat(fd_, &info); }) != 0) {
    return errno;
  }
  return temporary_name_.empty() || info.st_nlink > 0 ? 0 : EWOULDBLOCK;
}

absl::Status AtomicFile::NameTemporary() {
  // While the file has a name, it would stay if the process ended. So the bytes
  // go to the disk first, and the time until the rename is short.
  if (durability_ == Durability::kFull) {
    FERRY_RETURN_IF_ERROR(SyncRange(0, 0,
                                    SYNC_FILE_RANGE_WAIT_BEFORE |
                                        SYNC_FILE_RANGE_WRITE |
                                        SYNC_FILE_RANGE_WAIT_AFTER));
  }
  for (int i = 0; i < kMaxTemporaryNames; ++i) {
    std::string name = TemporaryName(i);
    if (RetryOnEintr([&] {
          return linkat(AT_FDCWD, LinkToDescriptor().c_str(), folder_fd_,
                        name.c_str(), AT_SYMLINK_FOLLOW);
        }) == 0) {
      temporary_name_ = std::move(name);
      return absl::OkStatus();
    }
    if (errno != EEXIST) return SystemError("cannot write", path_, errno);
  }
  return NamesAreTaken();
}

absl::Status AtomicFile::NamesAreTaken() const {
  return absl::UnavailableError(absl::StrCat(
      "cannot write into ", folder_, ": the files ", TemporaryName(0), " to ",
      TemporaryName(kMaxTemporaryNames - 1),
      " exist already; remove them if no other program is writing ", path_));
}

void AtomicFile::RemoveTemporary() {
  if (temporary_name_.empty()) return;
  (void)RetryOnEintr(
      [&] { return unlinkat(folder_fd_, temporary_name_.c_str(), 0); });
  temporary_name_.clear();
}

std::string AtomicFile::LinkToDescriptor() const {
  return absl::StrCat("/proc/self/fd/", fd_);
}

absl::Status AtomicFile::WriteError(absl::string_view what, int error) const {
  const absl::Status status = SystemError(what, path_, error);
  if (!absl::IsResourceExhausted(status) || !is_shared_ || others_.empty()) {
    return status;
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      status.message(), ". If no other program is writing it, remove what ",
      "writers that were killed have left in ", folder_, ": ",
      absl::StrJoin(others_, ", ")));
}

void AtomicFile::ForgetOldFile() const {
  // Pages that have not reached the disk would be written first. After durable
  // saves there are none.
  if (durability_ != Durability::kFull || is_shared_ ||
      old_size_bytes_ < kMinForgottenBytes) {
    return;
  }
  const int fd = RetryOnEintr([&] {
    return openat(folder_fd_, file_name_.c_str(),
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  });
  if (fd < 0) return;
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

absl::Status AtomicFile::SyncRange(uint64_t offset_bytes, uint64_t size_bytes,
                                   unsigned int flags) const {
  const int result = RetryOnEintr([&] {
    return sync_file_range(fd_, static_cast<off_t>(offset_bytes),
                           static_cast<off_t>(size_bytes), flags);
  });
  // Some file systems cannot do this; fsync does the same later.
  if (result == 0 || errno == ENOSYS || errno == EINVAL || errno == ESPIPE) {
    return absl::OkStatus();
  }
  return WriteError("cannot sync", errno);
}

absl::Status AtomicFile::StartWriteBack(uint64_t offset_bytes,
                                        uint64_t size_bytes) const {
  if (durability_ != Durability::kFull || size_bytes < kMinWriteBackBytes) {
    return absl::OkStatus();
  }
  // The pages at both ends may still get bytes from another write.
  const uint64_t begin =
      (offset_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  const uint64_t end = (offset_bytes + size_bytes) / kPageBytes * kPageBytes;
  return SyncRange(begin, end - begin, SYNC_FILE_RANGE_WRITE);
}

absl::Status AtomicFile::WriteOut(absl::string_view bytes) {
  const uint64_t begin = written_bytes_;
  while (failure_.ok() && !bytes.empty()) {
    const ssize_t wrote = RetryOnEintr([&] {
      return write(fd_, bytes.data(),
                   std::min(bytes.size(), kMaxSystemCallBytes));
    });
    if (wrote < 0) {
      failure_ = WriteError("cannot write", errno);
    } else {
      bytes.remove_prefix(static_cast<size_t>(wrote));
      written_bytes_ += static_cast<uint64_t>(wrote);
    }
  }
  if (failure_.ok()) failure_ = StartWriteBack(begin, written_bytes_ - begin);
  return failure_;
}

absl::Status AtomicFile::Write(absl::string_view bytes) {
  FERRY_RETURN_IF_ERROR(failure_);
  if (buffer_.size() + bytes.size() > kBufferBytes) {
    FERRY_RETURN_IF_ERROR(WriteOut(buffer_));
    buffer_.clear();
  }
  if (bytes.size() >= kBufferBytes) return WriteOut(bytes);
  buffer_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status AtomicFile::SetSize(uint64_t size_bytes) {
  const std::string what =
      absl::StrCat("cannot write the ", size_bytes, " bytes of");
  if (size_bytes > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) {
    return WriteError(what, EFBIG);
  }
  const auto size = static_cast<off_t>(size_bytes);
  // Without posix_fallocate's fallback, which writes every block.
  // Where a signal interrupts it, it may have done nothing, and another signal
  // may interrupt it again, so it is not repeated.
  if (size > 0 && fallocate(fd_, 0, 0, size) != 0 && errno != EOPNOTSUPP &&
      errno != ENOSYS && errno != EINTR) {
    return WriteError(what, errno);
  }
  if (RetryOnEintr([&] { return ftruncate(fd_, size); }) != 0) {
    return WriteError(what, errno);
  }
  ForgetOldFile();
  return absl::OkStatus();
}

absl::Status AtomicFile::WriteAt(uint64_t offset_bytes,
                                 absl::string_view bytes) {
  uint64_t next = offset_bytes;
  for (absl::string_view rest = bytes; !rest.empty();) {
    const ssize_t wrote = RetryOnEintr([&] {
      return pwrite(fd_, rest.data(),
                    std::min(rest.size(), kMaxSystemCallBytes),
                    static_cast<off_t>(next));
    });
    if (wrote < 0) return WriteError("cannot write", errno);
    rest.remove_prefix(static_cast<size_t>(wrote));
    next += static_cast<uint64_t>(wrote);
  }
  return StartWriteBack(offset_bytes, bytes.size());
}

absl::Status AtomicFile::Commit() {
  FERRY_RETURN_IF_ERROR(WriteOut(buffer_));
  buffer_.clear();
  if (temporary_name_.empty()) FERRY_RETURN_IF_ERROR(NameTemporary());
  // After the file has a name: some file systems, such as Btrfs, keep nothing
  // of a file without one. Before the rename, which may reach the disk first.
  if (durability_ == Durability::kFull &&
      RetryOnEintr([&] { return fsync(fd_); }) != 0) {
    return WriteError("cannot sync", errno);
  }
  // On a shared file system, a close may report that bytes were lost. It cannot
  // be repeated after a signal, but that of another descriptor can.
  if (is_shared_ && RetryOnEintr([&] {
                      const int copy = dup(fd_);
                      return copy < 0 ? -1 : close(copy);
                    }) != 0) {
    return WriteError("cannot write", errno);
  }
  if (RetryOnEintr([&] {
        return renameat(folder_fd_, temporary_name_.c_str(), folder_fd_,
                        file_name_.c_str());
      }) != 0) {
    return SystemError("cannot replace", path_, errno);
  }
  temporary_name_.clear();
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (durability_ == Durability::kFull &&
      RetryOnEintr([&] { return fsync(folder_fd_); }) != 0) {
    const int error = errno;
    // Some file systems cannot sync a folder, and need not.
    if (error == EINVAL) return absl::OkStatus();
    absl::Status status = absl::UnavailableError(absl::StrCat(
        SystemError("cannot sync", folder_, error).message(), ". ", path_,
        " is complete and in place, but may be lost if the machine stops now; "
        "write it again to be sure"));
    status.SetPayload(kNotDurablePayload, absl::Cord());
    return status;
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
