// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/checkpoint.h
// -----------------------------------------------------------------------------
//
// An open checkpoint: its object graph is in memory, its tensor data still in
// the file. To read everything at once, use `Load`.
//
// Example: read one tensor of a large file.
//
//   FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::Open("big.pt"));
//   FERRY_ASSIGN_OR_RETURN(Value weight,
//                          checkpoint.root().At("/model/fc.weight"));
//   FERRY_ASSIGN_OR_RETURN(Tensor tensor, weight.AsTensor());
//   FERRY_RETURN_IF_ERROR(checkpoint.Load({tensor.storage()}));
//   tensor.data();  // now it is there
#ifndef FERRY_SERIALIZATION_CHECKPOINT_H_
#define FERRY_SERIALIZATION_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/encoding.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/load_options.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// Checkpoint
//
// Keeps the file open. Move-only.
//
// Opening takes time and memory in proportion to the directory and the pickle.
// It reads nothing else of the file.
//
// Thread-safety: const methods may be called from any number of threads. `Load`
// and `LoadAll` must not overlap with any other use of the checkpoint or its
// values.
class Checkpoint {
 public:
  // Opens a file.
  //
  // Errors:
  //   kNotFound, kPermissionDenied, kInvalidArgument, kUnavailable - as
  //                        `OpenForReading`.
  //   kDataLoss          - the file is damaged or truncated; the message has
  //                        the file, the record and the offset. Also a file of
  //                        no known format, for which `IsNotACheckpoint` is
  //                        true.
  //   kUnimplemented     - the file uses an unsupported feature, which the
  //                        message names; or the codec that wrote the file is
  //                        not registered.
  //   kNotFound          - also: no codec with the name in `LoadOptions::codec`
  //                        is registered.
  //   kPermissionDenied  - also: `Globals::kStrict` does not allow the file;
  //                        one error lists all the globals.
  //   kInvalidArgument   - also: the file is not a checkpoint; the message says
  //                        what it is and what to do (`IsNotACheckpoint` is
  //                        true). Or the codec that wrote the file is not the
  //                        one that `LoadOptions::codec` names; the range in
  //                        `LoadOptions` reaches past the end; a mapping is
  //                        requested, but the file has no path; or the zip
  //                        archive does not begin at the first byte, for
  //                        instance because another archive precedes it (the
  //                        message has the offsets).
  //   kResourceExhausted - opening the file exceeds `LoadOptions::budget`, or
  //                        there is not enough memory.
  //   kCancelled         - `LoadOptions::is_cancelled` returned true.
  static absl::StatusOr<Checkpoint> Open(
      absl::string_view path, const LoadOptions& options = LoadOptions());

  // Opens bytes that the program reads with code of its own, for instance from
  // an archive or over a network. `file` must not be null. For a `ByteSource`,
  // see `OpenSource`.
  //
  // Errors: as above, and whatever `file` returns.
  static absl::StatusOr<Checkpoint> Open(
      std::unique_ptr<RandomAccessFile> file,
      const LoadOptions& options = LoadOptions());

  // Opens bytes in memory, which must outlive the checkpoint.
  static absl::StatusOr<Checkpoint> OpenMemory(
      absl::string_view bytes, const LoadOptions& options = LoadOptions());

  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  // Returns the name of the file in error messages: its path, or "<memory>".
  absl::string_view name() const;

  // Returns what kind of file it is.
  const CheckpointInfo& info() const;

  // Returns where the checkpoint ends, in bytes from its beginning.
  uint64_t end_offset_bytes() const;

  // Returns the number of bytes after the checkpoint, for instance the next of
  // several legacy streams. They are not read.
  uint64_t trailing_bytes() const;

  // Returns the value that was saved. Its tensors have their dtype and shape;
  // the bytes of a storage are available once it has been loaded. The value
  // stays valid after the checkpoint is destroyed, but storages that are not
  // loaded by then can no longer be loaded.
  const Value& root() const;

  // Returns warnings about a file that can be read, one phrase each, without
  // the file's name. Empty for nearly all files.
  absl::Span<const std::string> warnings() const;

  // Returns the constants of a TorchScript archive, as a tuple; an empty tuple
  // for any other file. Their storages belong to this checkpoint.
  const Value& constants() const;

  // Returns the contents of a record of a zip archive. `name` does not include
  // the name of the archive: "code/__torch__.py".
  //
  // Errors:
  //   kInvalidArgument   - not a zip archive.
  //   kNotFound          - no such record.
  //   kDataLoss          - the record is damaged.
  //   kResourceExhausted - larger than `LoadOptions::budget` allows.
  absl::StatusOr<std::string> ReadRecord(absl::string_view name) const;

  // Returns every storage, in the order of first reference. The storages of the
  // constants come last.
  std::vector<Storage> storages() const;

  // A contiguous part of a storage's bytes, and where it is in a file.
  struct StoredRun {
    // The file's name. Lives as long as the checkpoint.
    absl::string_view file;
    // Where the encoded part begins, in bytes from the beginning of the
    // checkpoint, and its encoded size.
    uint64_t offset_bytes = 0;
    uint64_t encoded_bytes = 0;
    Encoding encoding = Encoding::kStored;
    // Where the part begins in the storage, and its decoded size.
    uint64_t storage_offset_bytes = 0;
    uint64_t size_bytes = 0;
  };

  // Finds the parts that make up a storage of this checkpoint. If
  // `LoadOptions::dtype` casts the storage, the parts and their sizes are those
  // in the file, before the cast. Reads no tensor
  // data; in a zip archive, reads the header before each part. Returns an empty
  // vector for a storage that has no bytes in the file.
  //
  // Errors: kInvalidArgument - the storage is not of this checkpoint; kDataLoss
  //         - a header is damaged; whatever reading returns.
  absl::StatusOr<std::vector<StoredRun>> FindRuns(const Storage& storage) const;

  // Loads storages of this checkpoint to where `LoadOptions::placement` says.
  // Storages that are already loaded stay as they are. After a failure in a
  // program's own package or map function, all further calls fail with the same
  // error.
  //
  // Errors:
  //   kInvalidArgument - a storage is not of this checkpoint, or no package
  //                      knows its location tag.
  //   kDataLoss        - a record is damaged.
  //   kUnavailable, kOutOfRange - as `DeviceSnapshot::RestoreLocation`.
  //   kResourceExhausted - not enough memory, or past `max_tensor_bytes`.
  //   kCancelled         - `LoadOptions::is_cancelled` returned true.
  absl::Status Load(absl::Span<const Storage> storages);

  // Loads all storages. Errors: as `Load`.
  absl::Status LoadAll();

  // A storage of this checkpoint, and host memory for its bytes.
  struct Destination {
    Storage storage;
    absl::Span<char> memory;  // of `storage.size_bytes()`
  };

  // Reads storages into memory that the caller owns, whether they are loaded or
  // not. Does not load them, and may be called any number of times. Reads all
  // `destinations` in parallel, so it is best to read many small storages in
  // one call.
  //
  //   FERRY_ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open("big.pt"));
  //   FERRY_ASSIGN_OR_RETURN(Value value, checkpoint.root().At("/weight"));
  //   FERRY_ASSIGN_OR_RETURN(Tensor tensor, value.AsTensor());
  //   std::vector<char> bytes(tensor.storage().size_bytes());
  //   FERRY_RETURN_IF_ERROR(
  //       checkpoint.ReadInto({{tensor.storage(), absl::MakeSpan(bytes)}}));
  //
  // Errors:
  //   kInvalidArgument - a storage is not of this checkpoint or has no bytes in
  //                      the file, or its memory has another size.
  //   kDataLoss        - a record is damaged; the contents of the memory are
  //                      then unspecified.
  //   kCancelled       - `LoadOptions::is_cancelled` returned true.
  absl::Status ReadInto(absl::Span<const Destination> destinations) const;

  // A strided tensor of this checkpoint, and a tensor of the same shape that
  // has memory, on any device. The dtypes must be the same too, unless `cast`
  // is set.
  struct TensorDestination {
    Tensor from;
    Tensor to;
    // Whether the two may have different floating-point dtypes. The elements
    // are then cast (core/cast_elements.h) from their dtype in the file, even
    // if `LoadOptions::dtype` is set.
    bool cast = false;
  };

  // Reads tensors into tensors that the caller owns, and loads no storage.
  // Reads directly into their memory if the elements have the same layout there
  // as in the file. If a storage has no checksum, or
  // `LoadOptions::verify_crc32` is false, reads only the bytes that the tensors
  // view. `LoadInto` does this by name and with more checks.
  //
  // Errors: as `ReadInto`, and
  //   kInvalidArgument - dtype, shape, conj or neg differ; a tensor is not
  //                      strided or is quantised; or `to` has no bytes, or has
  //                      elements that share memory.
  //   kUnavailable     - no backend is registered for the device of `to`.
  //   kUnimplemented   - `to` has gaps, and either is on a device that the host
  //                      cannot write in pieces or has elements of less than a
  //                      byte; or a program's own package copies its storage.
  absl::Status ReadTensors(
      absl::Span<const TensorDestination> destinations) const;

  // Reads the whole file and compares every record with its checksum, if the
  // container has checksums. Loads no storage. Returns the verdicts in file
  // order.
  //
  // Errors: kUnavailable - the file cannot be read at all. kCancelled -
  //         `LoadOptions::is_cancelled` returned true.
  absl::StatusOr<std::vector<RecordVerdict>> Verify() const;

  // The result of checking a file that may be damaged.
  struct FileVerdict {
    enum class Outcome {
      kUndamaged,
      kDamaged,
      // The file is something else; `opens` says what.
      kNotACheckpoint,
      // The file cannot be read or checked, for instance because it uses an
      // unsupported feature or exceeds a limit. `opens` says why.
      kUnknown,
    };
    Outcome outcome() const;

    // Whether the file opens, including its object graph. Errors: as `Open`.
    absl::Status opens;
    // As `CheckpointInfo::codec`. Empty if the container could not be read.
    std::string codec;
    // The verdicts on all records, as `Verify` returns them. Empty if the
    // directory cannot be read.
    std::vector<RecordVerdict> records;
    // As `Checkpoint::end_offset_bytes` and `trailing_bytes`; 0 if the file
    // does not open.
    uint64_t end_offset_bytes = 0;
    uint64_t trailing_bytes = 0;
    // As `Checkpoint::warnings`.
    std::vector<std::string> warnings;
  };

  // Checks a file as far as it can be read. Checks its records even if the
  // object graph is damaged. A file that is not a checkpoint has no records.
  //
  // Errors: kNotFound, kPermissionDenied, kInvalidArgument, kUnavailable - as
  //         `OpenForReading`. kCancelled - `LoadOptions::is_cancelled` returned
  //         true.
  static absl::StatusOr<FileVerdict> VerifyFile(
      absl::string_view path, const LoadOptions& options = LoadOptions());

  // Checks bytes that the program reads with code of its own. `file` must not
  // be null.
  static absl::StatusOr<FileVerdict> VerifyFile(
      std::unique_ptr<RandomAccessFile> file,
      const LoadOptions& options = LoadOptions());

 private:
  class Impl;
  explicit Checkpoint(std::unique_ptr<Impl> impl);

  // `Open` and `VerifyFile`, which may throw std::bad_alloc.
  static absl::StatusOr<Checkpoint> OpenOrThrow(
      std::unique_ptr<RandomAccessFile> file, const LoadOptions& options);
  static absl::StatusOr<FileVerdict> VerifyOrThrow(
      std::unique_ptr<RandomAccessFile> file, const LoadOptions& options);

  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CHECKPOINT_H_
