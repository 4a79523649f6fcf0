// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/file.h
// -----------------------------------------------------------------------------
//
// Interfaces for reading bytes at any position (`RandomAccessFile`) and for
// writing bytes sequentially (`ByteSink`), and the files that implement them: a
// file opened for reading, and a file that atomically replaces its target.
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

#include <sys/stat.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

// Whether a save waits until its bytes are on the disk.
enum class Durability {
  // Does not wait. The file survives a crash of this process, but perhaps not a
  // crash of the machine.
  kNone,
  // The file, and the directory entry that names it, have reached the disk
  // when the call returns. Whenever the machine stops, the path has the old
  // file or the new one.
  kFull,
};

// Returns whether `status`, the result of a save or of `AtomicFile::Commit`,
// says that the new file is complete and in place, but that it is not known
// whether it would survive a crash of the machine. After any other error the
// old file is in place.
bool IsWrittenButNotDurable(const absl::Status& status);

// AtomicFile
//
// Writes a file that has no name, and gives it the name `path` on `Commit`. A
// crash at any moment leaves either the old file or the new one. Keeps the old
// file's mode and, if permitted, its owner; the mode of a new file follows the
// process's umask. If `path` is a symbolic link, replaces its target. If
// destroyed without `Commit`, changes nothing.
//
// A process that is killed leaves nothing behind until `Commit`. On `Commit`
// the file is called ".NAME.ferry-N" beside `path` while its metadata is
// synced, and is then renamed. Where a file must have a name (without O_TMPFILE
// or /proc), it is called that from the start. The next `AtomicFile` for the
// same path removes such a leftover if no process holds its lock (flock).
//
// On network file systems a file is called ".NAME.ferry-net-N" from the start.
// A lock there does not tell whether the writer lives, so nothing is removed;
// the error of a full disk names the files.
//
// Holds two descriptors. Calls that a signal interrupts are repeated.
//
// Thread-safety: one thread at a time, except for `WriteAt`.
class AtomicFile final : public ByteSink {
 public:
  // Opens the directory, and checks whatever would keep `Commit` from replacing
  // `path`, so that such errors come before anything is written.
  //
  // Errors:
  //   kNotFound          - the directory of `path` does not exist.
  //   kInvalidArgument   - `path` is empty, a directory, too long, or a mount
  //                        point.
  //   kPermissionDenied  - the process may not write the directory or replace
  //                        the file: it is read-only, immutable or append-only,
  //                        or another user's in a sticky directory. For
  //                        Durability::kFull, the directory must be readable.
  //   kResourceExhausted - the disk is full.
  //   kUnavailable       - any other error of the operating system.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(
      absl::string_view path, Durability durability = Durability::kFull);

  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Errors: kResourceExhausted - the disk is full; kUnavailable - any other
  // error. After a failure, all further calls fail with the same error.
  absl::Status Write(absl::string_view bytes) override;

  // Sets the size of the file before `WriteAt` is used. Also reserves the disk
  // space if the file system can, so that a full disk, or a file system that
  // has no files of that size, is reported before anything is written.
  //
  // Errors: as Write, but later calls do not repeat the error: do not call
  //         `Commit` after one.
  absl::Status SetSize(uint64_t size_bytes);

  // Writes at a position after everything that `Write` has written. May be
  // called from any number of threads at once.
  //
  // Errors: as SetSize.
  absl::Status WriteAt(uint64_t offset_bytes, absl::string_view bytes);

  // Replaces `path` with the new file. Must be called at most once.
  //
  // Errors: as `Write`; `path` is the old file. If only syncing the directory
  //         failed, the new file is in place, and `IsWrittenButNotDurable`
  //         returns true for the error, which is kUnavailable.
  absl::Status Commit();

 private:
  AtomicFile(std::string path, Durability durability);

  absl::Status OpenFolder();

  // Checks what the rename in Commit would fail at. `target` is the file to
  // replace, null if there is none.
  absl::Status CheckReplaceable(const struct stat* target) const;

  // Sets fd_, and temporary_name_ if the file must have a name from now on.
  absl::Status OpenTemporary(mode_t mode);

  // Locks the file against being taken for a leftover. Returns 0, an errno, or
  // EWOULDBLOCK if it was taken for one already.
  int TryLock() const;

  // Gives a name to a file without one.
  absl::Status NameTemporary();

  void RemoveTemporary();

  std::string TemporaryName(int i) const;
  std::string LinkToDescriptor() const;
  absl::Status WriteOut(absl::string_view bytes);
  absl::Status WriteError(absl::string_view what, int error) const;
  absl::Status NamesAreTaken() const;

  const std::string path_;
  const Durability durability_;
  // All names are in this folder, however the process's own changes.
  std::string folder_;
  std::string file_name_;
  int folder_fd_ = -1;
  // Whether other machines may use the file system.
  bool is_shared_ = false;
  size_t max_name_bytes_ = NAME_MAX;
  int fd_ = -1;
  std::string temporary_name_;       // empty: the file has no name
  std::vector<std::string> others_;  // temporary files of other writers
  std::string buffer_;
  absl::Status failure_;  // the first
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_FILE_H_
