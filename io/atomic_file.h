// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// -----------------------------------------------------------------------------
// File: io/atomic_file.h
// -----------------------------------------------------------------------------
//
// A file that atomically replaces its target.
//
//   FERRY_ASSIGN_OR_RETURN(auto out, AtomicFile::Create("copy.bin"));
//   FERRY_RETURN_IF_ERROR(out->Write("new contents"));
//   FERRY_RETURN_IF_ERROR(out->Commit());  // only now does copy.bin change
#ifndef FERRY_IO_ATOMIC_FILE_H_
#define FERRY_IO_ATOMIC_FILE_H_

#include <sys/stat.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

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
  // With Durability::kFull, a file of 16 MiB or more that is to be replaced
  // leaves the page cache, so that the new one takes over its memory: on a
  // virtual machine, memory that comes from the host instead can take ten times
  // as long to fill. A process that reads the
  // old file meanwhile reads it from the disk.
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

  // Gives back the pages that the page cache has of the file to replace.
  void ForgetOldFile() const;

  // Calls sync_file_range, where there is such a call.
  absl::Status SyncRange(uint64_t offset_bytes, uint64_t size_bytes,
                         unsigned int flags) const;

  // Has the system begin to write a range of a durable file to the disk, while
  // the rest is still being produced.
  absl::Status StartWriteBack(uint64_t offset_bytes, uint64_t size_bytes) const;

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
  uint64_t old_size_bytes_ = 0;  // of the file to replace
  int fd_ = -1;
  std::string temporary_name_;       // empty: the file has no name
  std::vector<std::string> others_;  // temporary files of other writers
  std::string buffer_;
  uint64_t written_bytes_ = 0;  // the bytes that WriteOut has written
  absl::Status failure_;        // the first
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_ATOMIC_FILE_H_
