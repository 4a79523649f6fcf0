// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/eintr.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/system_error.h"

namespace ferry {
inline namespace v1 {
namespace {

class OpenedFile final : public RandomAccessFile {
 public:
  explicit OpenedFile(absl::string_view path) : path_(path) {}
  ~OpenedFile() override {
    if (fd_ >= 0) close(fd_);
  }

  // Called once, before anything else.
  absl::Status Open() {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    fd_ = RetryOnEintr(
        [&] { return open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
    struct stat info;
    if (fd_ < 0 || RetryOnEintr([&] { return fstat(fd_, &info); }) != 0) {
      return SystemError("cannot open", path_, errno);
    }
    if (!S_ISREG(info.st_mode)) {
      return absl::InvalidArgumentError(absl::StrCat(
          path_, S_ISDIR(info.st_mode)
                     ? " is a directory; name a file in it"
                     : " is not a regular file; copy its contents into one"));
    }
    size_bytes_ = static_cast<uint64_t>(info.st_size);
    return absl::OkStatus();
  }

  // Called at most once, before the file is used.
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
      const ssize_t got = RetryOnEintr([&] {
        return pread(fd_, out.data() + done,
                     std::min(out.size() - done, kMaxSystemCallBytes),
                     static_cast<off_t>(offset_bytes + done));
      });
      if (got < 0) return SystemError("cannot read", path_, errno);
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
  int fd_ = -1;
  uint64_t size_bytes_ = 0;
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

}  // namespace

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForReading(
    absl::string_view path, FileMapping mapping) {
  FERRY_RETURN_IF_ERROR(CheckPath(path));
  auto file = std::make_unique<OpenedFile>(path);
  FERRY_RETURN_IF_ERROR(file->Open());
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

}  // namespace v1
}  // namespace ferry
