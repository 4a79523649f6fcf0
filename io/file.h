// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/file.h
// -----------------------------------------------------------------------------
//
// Interfaces for reading bytes at any position (`RandomAccessFile`) and for
// writing bytes sequentially (`ByteSink`), and what implements them: a file
// opened for reading, bytes in memory, and a string that is appended to.
// io/atomic_file.h has a file that is written.
//
//   FERRY_ASSIGN_OR_RETURN(auto file, OpenForReading("model.pt"));
//   char header[64];
//   FERRY_RETURN_IF_ERROR(file->ReadAt(0, absl::MakeSpan(header)));
#ifndef FERRY_IO_FILE_H_
#define FERRY_IO_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {

// A position in a file of the operating system.
struct FilePosition {
  // An open descriptor, which belongs to the `RandomAccessFile`.
  int descriptor = -1;
  // The path by which the file was opened. Valid as long as the
  // `RandomAccessFile`.
  absl::string_view path;
  uint64_t offset_bytes = 0;
};

// RandomAccessFile
//
// A byte sequence of known size, readable at any position.
//
// Thread-safety: all methods may be called from any number of threads at once.
class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;

  // Returns the name in error messages: a file's path, or "<memory>".
  virtual absl::string_view name() const = 0;

  virtual uint64_t size_bytes() const = 0;

  // Fills all of `out` with the bytes that start at `offset_bytes`.
  //
  // Errors:
  //   kDataLoss    - the range does not lie inside [0, size_bytes()), or the
  //                  file has become shorter since it was opened.
  //   kUnavailable - the operating system refused; its own text is quoted.
  virtual absl::Status ReadAt(uint64_t offset_bytes,
                              absl::Span<char> out) const = 0;

  // Returns the bytes if all of them are already in memory, else null.
  virtual const char* data() const { return nullptr; }

  // Returns the owner of `data()` if others may share it, else null.
  virtual std::shared_ptr<void> mapping() const { return nullptr; }

  // Returns where the byte at `offset_bytes` is in a file of the operating
  // system, or nullopt if the bytes are somewhere else.
  virtual std::optional<FilePosition> Locate(uint64_t /*offset_bytes*/) const {
    return std::nullopt;
  }

  // Whether the bytes are best read sequentially, from one thread.
  virtual bool is_serial() const { return false; }
};

// Whether and how an open file is also mapped into memory.
enum class FileMapping {
  kNone,
  // Writing to the memory ends the process.
  kReadOnly,
  // Writes go to private copies of the pages and never reach the file.
  kCopyOnWrite,
};

// Opens a regular file. It stays open as long as the result lives, and mapped
// as long as any copy of its `mapping()` lives. If the file becomes shorter,
// touching the mapping past its new end ends the process; `ReadAt` is safe.
//
// Errors:
//   kNotFound         - no such file.
//   kInvalidArgument  - a directory, or not a regular file.
//   kPermissionDenied - the process may not read the file.
//   kUnavailable      - any other error of the operating system.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForReading(
    absl::string_view path, FileMapping mapping = FileMapping::kNone);

// Wraps bytes in memory. They are not copied and must outlive the result.
std::unique_ptr<RandomAccessFile> MakeMemoryFile(absl::string_view bytes,
                                                 absl::string_view name);

// ByteSink
//
// A destination to which bytes are written sequentially.
//
// Thread-safety: none; one thread at a time.
class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Appends all of `bytes`, or fails. After a failure nothing more may be
  // written.
  virtual absl::Status Write(absl::string_view bytes) = 0;

  // Writes out any buffered bytes. Called once, after the last Write.
  virtual absl::Status Flush() { return absl::OkStatus(); }
};

// Appends to a string, which must outlive the sink.
class StringSink final : public ByteSink {
 public:
  explicit StringSink(std::string* out) : out_(out) {}
  absl::Status Write(absl::string_view bytes) override;

 private:
  std::string* out_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_FILE_H_
