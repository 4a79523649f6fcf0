// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/input.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/eintr.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/fd_sink.h"
#include "ferry/io/file.h"
#include "ferry/tools/ferry/progress.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Bytes are copied in pieces of this size.
constexpr size_t kPieceBytes = size_t{1} << 20;

// What was copied from a stream. It goes by the stream's name.
class Spooled final : public RandomAccessFile {
 public:
  Spooled(std::unique_ptr<RandomAccessFile> copy, std::string name)
      : copy_(std::move(copy)), name_(std::move(name)) {}

  absl::string_view name() const override { return name_; }
  uint64_t size_bytes() const override { return copy_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    return copy_->ReadAt(offset_bytes, out);
  }

 private:
  const std::unique_ptr<RandomAccessFile> copy_;
  const std::string name_;
};

absl::Status SystemError(absl::string_view what, const std::string& name) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", name, ": ", std::strerror(errno)));
}

bool IsStandardInput(const std::string& path) {
  return path == "-" || path == "/dev/stdin";
}

// Copies all that `from` gives to `to`.
absl::Status CopyStream(int from, const std::string& name, int to,
                        const LoadOptions& options, const CommandIo& io) {
  Progress progress("copying", io);
  FdSink sink(to, "the temporary file");
  std::vector<char> piece(kPieceBytes);
  for (uint64_t done = 0;;) {
    if (options.is_cancelled && options.is_cancelled()) {
      return absl::CancelledError(absl::StrCat(name, ": cancelled"));
    }
    const ssize_t size =
        RetryOnEintr([&] { return read(from, piece.data(), piece.size()); });
    if (size == 0) return absl::OkStatus();
    if (size < 0) return SystemError("read", name);
    FERRY_RETURN_IF_ERROR(
        sink.Write({piece.data(), static_cast<size_t>(size)}));
    done += static_cast<uint64_t>(size);
    progress.Update(done, 0);
  }
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> Spool(
    const std::string& path, const LoadOptions& options, const CommandIo& io) {
  const std::string name = IsStandardInput(path) ? "standard input" : path;
  const int from = RetryOnEintr([&] {
    return IsStandardInput(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                 : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  });
  if (from < 0) return SystemError("open", name);
  const absl::Cleanup close_from = [from] { close(from); };
  const char* const folder = getenv("TMPDIR");
  std::string copy_path = absl::StrCat(
      folder == nullptr || *folder == '\0' ? "/tmp" : folder, "/ferry.XXXXXX");
  const int to =
      RetryOnEintr([&] { return mkostemp(copy_path.data(), O_CLOEXEC); });
  if (to < 0) return SystemError("create the temporary file", copy_path);
  const absl::Cleanup close_to = [to] { close(to); };
  // It is gone when the last descriptor is closed, however the process ends.
  (void)RetryOnEintr([&] { return unlink(copy_path.c_str()); });
  FERRY_RETURN_IF_ERROR(CopyStream(from, name, to, options, io));
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> copy,
                         OpenForReading(absl::StrCat("/proc/self/fd/", to)));
  return std::make_unique<Spooled>(std::move(copy), name);
}

// Where a file that is no stream lies.
std::string FilePath(const std::string& path) {
  return IsStandardInput(path) ? "/dev/stdin" : path;
}

}  // namespace

// Whether the bytes are to be copied: because they come once, one after
// another, or because standard input is a file that was read already, or that
// this process may read and not open.
bool IsStreamInput(const std::string& path) {
  struct stat info;
  if (!IsStandardInput(path)) {
    return RetryOnEintr([&] { return stat(path.c_str(), &info); }) == 0 &&
           (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
  }
  return RetryOnEintr([&] { return fstat(STDIN_FILENO, &info); }) != 0 ||
         !S_ISREG(info.st_mode) || lseek(STDIN_FILENO, 0, SEEK_CUR) != 0 ||
         RetryOnEintr([] { return access("/dev/stdin", R_OK); }) != 0;
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenInputBytes(
    const std::string& path, const LoadOptions& options, const CommandIo& io) {
  if (!IsStreamInput(path)) return OpenForReading(FilePath(path));
  return Spool(path, options, io);
}

absl::StatusOr<Checkpoint> OpenInput(const std::string& path,
                                     const LoadOptions& options,
                                     const CommandIo& io) {
  if (!IsStreamInput(path)) return Checkpoint::Open(FilePath(path), options);
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> bytes,
                         Spool(path, options, io));
  return Checkpoint::Open(std::move(bytes), options);
}

absl::StatusOr<Checkpoint> OpenAndScanInput(const std::string& path,
                                            const LoadOptions& options,
                                            const CommandIo& io,
                                            ScanReport* report) {
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> bytes,
                         OpenInputBytes(path, options, io));
  ScanOptions scan_options;
  scan_options.offset_bytes = options.offset_bytes;
  scan_options.size_bytes = options.size_bytes;
  scan_options.budget = options.budget;
  scan_options.progress = options.progress;
  scan_options.is_cancelled = options.is_cancelled;
  *report = ScanFile(*bytes, scan_options);
  if (absl::IsCancelled(report->status)) return report->status;
  return Checkpoint::Open(std::move(bytes), options);
}

uint64_t HeldMemoryBytes(const Checkpoint& checkpoint) {
  return checkpoint.root().graph()->memory_bytes() +
         checkpoint.constants().graph()->memory_bytes();
}

absl::StatusOr<Checkpoint::FileVerdict> VerifyInput(const std::string& path,
                                                    const LoadOptions& options,
                                                    const CommandIo& io) {
  if (!IsStreamInput(path))
    return Checkpoint::VerifyFile(FilePath(path), options);
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> bytes,
                         Spool(path, options, io));
  return Checkpoint::VerifyFile(std::move(bytes), options);
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
