// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/file.h
// -----------------------------------------------------------------------------
//
// Bytes that can be read at any position (`ReadableBytes`), bytes that are
// written one after another (`ByteSink`), and the two files that implement
// them: one opened for reading, and one that replaces its target whole or not
// at all.
//
// Example: copy the first 64 bytes of one file to another.
//
//   FERRY_ASSIGN_OR_RETURN(auto in, OpenForReading("model.pt"));
//   char header[64];
//   FERRY_RETURN_IF_ERROR(in->ReadAt(0, absl::MakeSpan(header)));
//   FERRY_ASSIGN_OR_RETURN(auto out, AtomicFile::Create("copy.bin"));
//   FERRY_RETURN_IF_ERROR(out->Write({header, sizeof(header)}));
//   FERRY_RETURN_IF_ERROR(out->Commit());  // only now does copy.bin change
#ifndef FERRY_IO_FILE_H_
#define FERRY_IO_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ferry {

// ReadableBytes
//
// A run of bytes of a known size, readable at any position.
//
// Thread-safety: all methods may be called from any number of threads at once.
class ReadableBytes {
 public:
  virtual ~ReadableBytes() = default;

  // What error messages call it: a file's path, "<memory>".
  virtual absl::string_view name() const = 0;

  virtual uint64_t size_bytes() const = 0;

  // Fills the whole of `out` with the bytes that start at `offset_bytes`.
  //
  // Errors:
  //   kDataLoss    - the range does not lie inside [0, size_bytes()), or the
  //                  file became shorter since it was opened.
  //   kUnavailable - the operating system refused; its own text is quoted.
  virtual absl::Status ReadAt(uint64_t offset_bytes,
                              absl::Span<char> out) const = 0;

  // All of the bytes, where they already stand in memory; else null.
  virtual const char* data() const { return nullptr; }

  // What keeps `data()` alive, where others may share it; else null.
  virtual std::shared_ptr<void> mapping() const { return nullptr; }

  // Whether the bytes are best read one after another, from one thread.
  virtual bool is_serial() const { return false; }
};

// Whether a file is mapped into memory, besides being open.
enum class FileMapping {
  kNone,
  // Writing to the memory ends the process.
  kReadOnly,
  // What is written there stays in this process's memory, in pages of its own.
  kCopyOnWrite,
};

// Opens a regular file. It stays open for as long as the result lives, and
// mapped for as long as a copy of its `mapping()` does. If the file becomes
// shorter, touching the memory past its new end ends the process; `ReadAt` is
// safe.
//
// Errors:
//   kNotFound         - no such file.
//   kInvalidArgument  - a directory, or not a regular file.
//   kPermissionDenied - may not be read.
//   kUnavailable      - anything else the operating system says.
absl::StatusOr<std::unique_ptr<ReadableBytes>> OpenForReading(
    absl::string_view path, FileMapping mapping = FileMapping::kNone);

// Bytes in memory. They are not copied and must outlive the result.
std::unique_ptr<ReadableBytes> ReadableMemory(absl::string_view bytes,
                                              absl::string_view name);

// ByteSink
//
// Somewhere to write bytes to, one after another.
//
// Thread-safety: none; one thread at a time.
class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Appends all of `bytes`, or fails. After a failure nothing more may be
  // written.
  virtual absl::Status Write(absl::string_view bytes) = 0;

  // Hands on whatever is held back. Called once, after the last Write.
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

// Whether a save waits until its bytes are on the disk.
enum class Durability {
  // Left to the operating system: safe against a crash of this process, not
  // against one of the machine.
  kNone,
  // The file, and the directory entry that names it, have reached the disk
  // when the call returns.
  kFull,
};

// AtomicFile
//
// Writes to a temporary file beside `path` and puts it in the place of `path`
// on `Commit`. A crash at any moment leaves the old file or the new one. The
// old file's mode and, where permitted, owner are kept; a new file gets what
// the process's umask gives. A symbolic link is followed: its target changes.
// Destroyed without `Commit`, it removes the temporary file and nothing else.
//
// Thread-safety: one thread at a time, but for `WriteAt`.
class AtomicFile final : public ByteSink {
 public:
  // Errors:
  //   kNotFound          - the directory of `path` does not exist.
  //   kInvalidArgument   - `path` is empty or a directory.
  //   kPermissionDenied  - the directory, or the file that is to be replaced,
  //                        may not be written.
  //   kResourceExhausted - the disk is full.
  //   kUnavailable       - anything else the operating system says.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(
      absl::string_view path, Durability durability = Durability::kFull);

  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Errors: kResourceExhausted - the disk is full; kUnavailable - else. Once it
  // has failed, all further calls fail likewise.
  absl::Status Write(absl::string_view bytes) override;

  // Gives the file this size, and room on the disk where the file system can:
  // a disk that is too small is told before anything is written. For `WriteAt`.
  //
  // Errors: as Write, but they are not remembered: do not commit after one.
  absl::Status SetSize(uint64_t size_bytes);

  // Writes at a position, past what `Write` has written. May be called from any
  // number of threads at once.
  //
  // Errors: as SetSize.
  absl::Status WriteAt(uint64_t offset_bytes, absl::string_view bytes);

  // Makes the new file visible under `path`. Called at most once.
  //
  // Errors: as `Write`. Where only syncing the directory failed, the new file
  // is in place already.
  absl::Status Commit();

 private:
  AtomicFile(std::string path, std::string temporary_path, int fd,
             Durability durability);

  absl::Status WriteOut(absl::string_view bytes);

  std::string path_;
  std::string temporary_path_;
  int fd_;
  Durability durability_;
  std::string buffer_;
  absl::Status failure_;  // the first
};

}  // namespace ferry

#endif  // FERRY_IO_FILE_H_
