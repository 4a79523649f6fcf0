// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"

namespace ferry {
namespace {

// The kernel moves at most 2 GiB in one call.
constexpr size_t kMaxCallBytes = size_t{1} << 30;

// Small writes are gathered to this size.
constexpr size_t kBufferBytes = size_t{1} << 20;

// Names that are tried for a temporary file.
constexpr int kMaxTemporaryNames = 100;

// Symbolic links that are followed before a loop is assumed, as in Linux.
constexpr int kMaxSymlinks = 40;

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

class OpenedFile final : public RandomAccessFile {
 public:
  OpenedFile(std::string path, int fd, uint64_t size_bytes)
      : path_(std::move(path)), fd_(fd), size_bytes_(size_bytes) {}
  ~OpenedFile() override { close(fd_); }

  // Called at most once, before anything else.
  absl::Status Map(FileMapping mapping) {
    if (mapping == FileMapping::kNone || size_bytes_ == 0) {
      return absl::OkStatus();
    }
    const int protection =
        mapping == FileMapping::kReadOnly ? PROT_READ : PROT_READ | PROT_WRITE;
    const auto size = static_cast<size_t>(size_bytes_);
    // Pages of its own are not set aside: a file may be larger than memory.
    void* const memory =
        mmap(nullptr, size, protection, MAP_PRIVATE | MAP_NORESERVE, fd_, 0);
    if (memory == MAP_FAILED) return SystemError("cannot map", path_, errno);
    mapping_ = std::shared_ptr<void>(
        memory, [size](void* mapped) { munmap(mapped, size); });
    return absl::OkStatus();
  }

  absl::string_view name() const override { return path_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  const char* data() const override {
    return static_cast<const char*>(mapping_.get());
  }
  std::shared_ptr<void> mapping() const override { return mapping_; }
  std::optional<FilePosition> Locate(uint64_t offset_bytes) const override {
    return FilePosition{fd_, path_, offset_bytes};
  }

  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > size_bytes_ || out.size() > size_bytes_ - offset_bytes) {
      return absl::DataLossError(absl::StrCat(
          "cannot read ", out.size(), " bytes of ", path_, " from byte ",
          offset_bytes, ": it ends at byte ", size_bytes_));
    }
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = pread(fd_, out.data() + done,
                                std::min(out.size() - done, kMaxCallBytes),
                                static_cast<off_t>(offset_bytes + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return SystemError("cannot read", path_, errno);
      }
      if (got == 0) {
        return absl::DataLossError(absl::StrCat(
            path_, " shrank while it was being read: it now ends at byte ",
            offset_bytes + done));
      }
      done += static_cast<size_t>(got);
    }
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const int fd_;
  const uint64_t size_bytes_;
  std::shared_ptr<void> mapping_;
};

class BytesInMemory final : public RandomAccessFile {
 public:
  BytesInMemory(absl::string_view bytes, absl::string_view name)
      : bytes_(bytes), name_(name) {}

  absl::string_view name() const override { return name_; }
  uint64_t size_bytes() const override { return bytes_.size(); }
  const char* data() const override { return bytes_.data(); }

  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > bytes_.size() ||
        out.size() > bytes_.size() - offset_bytes) {
      return absl::DataLossError(absl::StrCat(
          "cannot read ", out.size(), " bytes of ", name_, " from byte ",
          offset_bytes, ": it ends at byte ", bytes_.size()));
    }
    if (!out.empty()) {
      std::memcpy(out.data(), bytes_.data() + offset_bytes, out.size());
    }
    return absl::OkStatus();
  }

 private:
  const absl::string_view bytes_;
  const std::string name_;
};

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
    if (lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
    std::string target(PATH_MAX, '\0');
    const ssize_t size = readlink(path.c_str(), &target[0], target.size());
    if (size < 0) {
      return SystemError("cannot follow the symbolic link", path, errno);
    }
    target.resize(static_cast<size_t>(size));
    path = target[0] == '/' ? target
                            : absl::StrCat(SplitPath(path).first, "/", target);
  }
  return SystemError("cannot follow the symbolic link", path, ELOOP);
}

absl::Status WriteAll(int fd, absl::string_view bytes,
                      const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote =
        write(fd, bytes.data(), std::min(bytes.size(), kMaxCallBytes));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return SystemError("cannot write", path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

// Creates a file beside `file_name` that nobody else has; what the umask takes
// off `mode` the kernel takes off.
absl::StatusOr<int> CreateTemporary(const std::string& folder,
                                    const std::string& file_name, mode_t mode,
                                    std::string* path) {
  std::random_device random;
  for (int attempt = 0; attempt < kMaxTemporaryNames; ++attempt) {
    // Hidden, and short enough for any name.
    *path = absl::StrCat(folder, "/.", file_name.substr(0, NAME_MAX - 16),
                         ".ferry-", absl::Hex(random(), absl::kZeroPad8));
    const int fd =
        open(path->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0) return fd;
    if (errno != EEXIST) return SystemError("cannot write into", folder, errno);
  }
  return SystemError("cannot write into", folder, EEXIST);
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError("cannot open", folder, errno);
  const int result = fsync(fd);
  const int error = errno;
  close(fd);
  // Some file systems cannot sync a folder, and need not.
  if (result != 0 && error != EINVAL) {
    return SystemError("cannot sync", folder, error);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForReading(
    absl::string_view path, FileMapping mapping) {
  FERRY_RETURN_IF_ERROR(CheckPath(path));
  std::string name(path);
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SystemError("cannot open", name, errno);
  struct stat info;
  if (fstat(fd, &info) != 0) {
    const int error = errno;
    close(fd);
    return SystemError("cannot open", name, error);
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(absl::StrCat(
        name, S_ISDIR(info.st_mode)
                  ? " is a directory; name a file in it"
                  : " is not a regular file; copy its contents into one"));
  }
  auto file = std::make_unique<OpenedFile>(std::move(name), fd,
                                           static_cast<uint64_t>(info.st_size));
  FERRY_RETURN_IF_ERROR(file->Map(mapping));
  return std::unique_ptr<RandomAccessFile>(std::move(file));
}

std::unique_ptr<RandomAccessFile> MakeMemoryFile(absl::string_view bytes,
                                                 absl::string_view name) {
  return std::make_unique<BytesInMemory>(bytes, name);
}

absl::Status StringSink::Write(absl::string_view bytes) {
  out_->append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

AtomicFile::AtomicFile(std::string path, std::string temporary_path, int fd,
                       Durability durability)
    : path_(std::move(path)),
      temporary_path_(std::move(temporary_path)),
      fd_(fd),
      durability_(durability) {}

absl::StatusOr<std::unique_ptr<AtomicFile>> AtomicFile::Create(
    absl::string_view path, Durability durability) {
  FERRY_RETURN_IF_ERROR(CheckPath(path));
  FERRY_ASSIGN_OR_RETURN(std::string target, FollowLinks(std::string(path)));
  const auto [folder, file_name] = SplitPath(target);
  struct stat info;
  const bool exists = stat(target.c_str(), &info) == 0;
  if (file_name.empty() || (exists && S_ISDIR(info.st_mode))) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is a directory; name a file in it"));
  }
  if (exists && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     " is not a regular file, so it cannot be replaced "
                     "atomically; write to it through a sink"));
  }
  // A file that may not be written is not to be replaced either.
  if (exists && faccessat(AT_FDCWD, target.c_str(), W_OK, AT_EACCESS) != 0) {
    return SystemError("cannot write", target, errno);
  }
  std::string temporary;
  FERRY_ASSIGN_OR_RETURN(
      const int fd,
      CreateTemporary(folder, file_name, exists ? 0600 : 0666, &temporary));
  auto file = std::unique_ptr<AtomicFile>(
      new AtomicFile(std::move(target), std::move(temporary), fd, durability));
  if (!exists) return file;
  mode_t mode = info.st_mode & 07777;
  // The owner may be kept only by who may give files away. It comes before the
  // mode, some of whose bits it clears.
  // Where the group cannot be kept either, another one gets no rights by it.
  if (fchown(fd, info.st_uid, info.st_gid) != 0) {
    mode &= 0777;
    if (fchown(fd, static_cast<uid_t>(-1), info.st_gid) != 0) mode &= ~070U;
  }
  if (fchmod(fd, mode) != 0) {
    return SystemError("cannot set the mode of", file->temporary_path_, errno);
  }
  return file;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_path_.empty()) unlink(temporary_path_.c_str());
}

absl::Status AtomicFile::WriteOut(absl::string_view bytes) {
  if (failure_.ok()) failure_ = WriteAll(fd_, bytes, path_);
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
  if (size_bytes > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) {
    return SystemError("cannot write", path_, EFBIG);
  }
  const auto size = static_cast<off_t>(size_bytes);
  // Without posix_fallocate's fallback, which writes every block.
  while (size > 0 && fallocate(fd_, 0, 0, size) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) break;
    return SystemError("cannot write", path_, errno);
  }
  if (ftruncate(fd_, size) != 0) {
    return SystemError("cannot write", path_, errno);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::WriteAt(uint64_t offset_bytes,
                                 absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote =
        pwrite(fd_, bytes.data(), std::min(bytes.size(), kMaxCallBytes),
               static_cast<off_t>(offset_bytes));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return SystemError("cannot write", path_, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
    offset_bytes += static_cast<uint64_t>(wrote);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit() {
  FERRY_RETURN_IF_ERROR(WriteOut(buffer_));
  buffer_.clear();
  if (durability_ == Durability::kFull && fsync(fd_) != 0) {
    return SystemError("cannot sync", path_, errno);
  }
  const int fd = std::exchange(fd_, -1);
  if (close(fd) != 0) return SystemError("cannot write", path_, errno);
  if (rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return SystemError("cannot replace", path_, errno);
  }
  temporary_path_.clear();
  if (durability_ == Durability::kFull) {
    return SyncFolder(SplitPath(path_).first);
  }
  return absl::OkStatus();
}

}  // namespace ferry
