// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/checkpoint.h
// -----------------------------------------------------------------------------
//
// A checkpoint that has been opened but not read: its object graph is there,
// its tensor data still in the file. To have everything at once, use `Load`.
//
// Example: one tensor out of a large file.
//
//   FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::Open("big.pt"));
//   FERRY_ASSIGN_OR_RETURN(Value weight,
//                          checkpoint.root().At("/model/fc.weight"));
//   FERRY_ASSIGN_OR_RETURN(Tensor tensor, weight.AsTensor());
//   FERRY_RETURN_IF_ERROR(checkpoint.Place({tensor.storage()}));
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

// Checkpoint
//
// Keeps the file open. Move-only.
//
// Opening costs time and memory in proportion to the directory and the pickle;
// of the rest of the file nothing is read.
//
// Thread-safety: const methods may be called from any number of threads; Place
// must not overlap with any other use of the checkpoint or its values.
class Checkpoint {
 public:
  // Opens a file.
  //
  // Errors:
  //   kNotFound, kPermissionDenied, kInvalidArgument, kUnavailable - as
  //                        `OpenForReading`.
  //   kDataLoss          - damaged or cut short; the message has the file, the
  //                        record and the offset. Also a file that resembles
  //                        nothing: `IsNotACheckpoint` is true then.
  //   kUnimplemented     - a form that is not supported, named; or the codec
  //                        that wrote the file is not registered.
  //   kNotFound          - also: no codec of the name in `LoadOptions::codec`
  //                        is registered.
  //   kPermissionDenied  - also: what `Globals::kStrict` does not allow; one
  //                        error lists all the globals.
  //   kInvalidArgument   - also: not a checkpoint, which the message names with
  //                        what to do (`IsNotACheckpoint` is true); another
  //                        codec wrote the file than `LoadOptions::codec`
  //                        names; the range of `LoadOptions` reaches past the
  //                        end; a mapping is
  //                        asked for, and the file has no path; the zip archive
  //                        does not begin at the first byte, for instance
  //                        because another archive stands before it (the
  //                        message has the offsets).
  //   kResourceExhausted - past `LoadOptions::limits`.
  static absl::StatusOr<Checkpoint> Open(
      absl::string_view path, const LoadOptions& options = LoadOptions());

  // Opens bytes that a program reads in its own way: from an archive, over a
  // network, counted. Not null. For a `ByteSource`, see `ReadableSource`.
  // Errors: as above, and whatever reading returns.
  static absl::StatusOr<Checkpoint> Open(
      std::unique_ptr<ReadableBytes> file,
      const LoadOptions& options = LoadOptions());

  // Opens bytes in memory, which must outlive the checkpoint.
  static absl::StatusOr<Checkpoint> OpenMemory(
      absl::string_view bytes, const LoadOptions& options = LoadOptions());

  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  // What error messages call the file: its path, "<memory>".
  absl::string_view name() const;

  // What kind of file it is.
  const CheckpointInfo& info() const;

  // Where the checkpoint ends, counted from where it begins.
  uint64_t end_offset_bytes() const;

  // The number of bytes after the checkpoint, which are not read: for instance
  // the next of several legacy streams.
  uint64_t trailing_bytes() const;

  // What was saved. Tensors know their dtype and shape; the bytes of a storage
  // are there once it has been placed. Stays valid after the checkpoint, though
  // what is not placed by then never will be.
  const Value& root() const;

  // What a user should know about the file although it can be read, one phrase
  // each, without the file's name. Empty for nearly all files.
  absl::Span<const std::string> warnings() const;

  // The constants of a TorchScript archive, a tuple; of anything else an empty
  // one. Their storages are of this checkpoint.
  const Value& constants() const;

  // The contents of a record of a zip archive, by its name without that of the
  // archive: "code/__torch__.py".
  //
  // Errors:
  //   kInvalidArgument   - not a zip archive.
  //   kNotFound          - no such record.
  //   kDataLoss          - the record is damaged.
  //   kResourceExhausted - larger than `LoadLimits::max_pickle_bytes`.
  absl::StatusOr<std::string> ReadRecord(absl::string_view name) const;

  // Every storage, in the order of first reference; those of the constants
  // last.
  std::vector<Storage> storages() const;

  // A run of a storage's bytes, and where it stands in a file.
  struct StoredRun {
    // The file's name. Lives as long as the checkpoint.
    absl::string_view file;
    // Where the run begins in the file, encoded as it is there, counted from
    // where the checkpoint begins, and how many bytes it takes.
    uint64_t offset_bytes = 0;
    uint64_t encoded_bytes = 0;
    Encoding encoding = Encoding::kStored;
    // Where the run begins in the storage, and its size there.
    uint64_t storage_offset_bytes = 0;
    uint64_t size_bytes = 0;
  };

  // Finds the runs that a storage of this checkpoint consists of. Reads no
  // tensor data, but in a zip archive the header before each run. Returns
  // nothing for a storage of which the file has no bytes.
  //
  // Errors: kInvalidArgument - a storage of something else; kDataLoss - a
  //         header is damaged; whatever reading returns.
  absl::StatusOr<std::vector<StoredRun>> FindRuns(const Storage& storage) const;

  // Reads storages of this checkpoint and puts them where `LoadOptions::
  // placement` says. What is placed already stays as it is. After a failure of
  // a program's own package or map function all further calls fail likewise.
  //
  // Errors:
  //   kInvalidArgument - a storage of something else, or a location tag that no
  //                      package knows.
  //   kDataLoss        - a record is damaged.
  //   kUnavailable, kOutOfRange - as `DeviceSnapshot::RestoreLocation`.
  //   kResourceExhausted - no memory, or past the limits.
  absl::Status Place(absl::Span<const Storage> storages);

  // All of them.
  absl::Status PlaceAll();

  // A storage of this checkpoint, and memory for its bytes on the host.
  struct Destination {
    Storage storage;
    absl::Span<char> memory;  // of `storage.size_bytes()`
  };

  // Reads storages into memory of the caller's, as many times as one likes and
  // whether they are placed or not; places nothing. All that are given are read
  // at once, in parallel, so small storages are best read many to a call.
  //
  //   FERRY_ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open("big.pt"));
  //   FERRY_ASSIGN_OR_RETURN(Value value, checkpoint.root().At("/weight"));
  //   FERRY_ASSIGN_OR_RETURN(Tensor tensor, value.AsTensor());
  //   std::vector<char> bytes(tensor.storage().size_bytes());
  //   FERRY_RETURN_IF_ERROR(
  //       checkpoint.ReadInto({{tensor.storage(), absl::MakeSpan(bytes)}}));
  //
  // Errors:
  //   kInvalidArgument - a storage of something else or of which the file has
  //                      no bytes; memory of another size.
  //   kDataLoss        - a record is damaged; the memory then holds anything.
  //   kCancelled       - as `LoadOptions::is_cancelled` asked.
  absl::Status ReadInto(absl::Span<const Destination> destinations) const;

  // A strided tensor of this checkpoint, and one of the same dtype and shape
  // whose bytes exist, on any device.
  struct TensorDestination {
    Tensor from;
    Tensor to;
  };

  // Reads tensors into tensors of the caller's, likewise: straight into their
  // memory where the elements stand in the file as they do there. Of a storage
  // without a checksum, or with `LoadOptions::verify_crc32` off, only the bytes
  // that the tensors view are read. By name and with all checks: `LoadInto`.
  //
  // Errors: as `ReadInto`, and
  //   kInvalidArgument - dtype, shape, conj or neg differ; a tensor that is not
  //                      strided or is quantised, or `to` has no bytes, or
  //                      elements that share memory.
  //   kUnavailable     - no backend of the device of `to` is registered.
  //   kUnimplemented   - `to` has gaps and is on a device that the host cannot
  //                      write in pieces, or elements of less than a byte; or a
  //                      program's own package copies its storage.
  absl::Status ReadTensors(
      absl::Span<const TensorDestination> destinations) const;

  // Reads the whole file and compares every record with its checksum, where the
  // container has any. Places nothing. The verdicts are in the order of the
  // file.
  //
  // Errors: kUnavailable - the file cannot be read at all.
  absl::StatusOr<std::vector<RecordVerdict>> Verify() const;

  // What is to be said of a file that may be damaged.
  struct FileVerdict {
    enum class Outcome {
      kUndamaged,
      kDamaged,
      // It is something else; `opens` says what.
      kNotACheckpoint,
      // It cannot be read, or not judged: for instance because it is of a form
      // that is not supported, or past a limit. `opens` says why.
      kUnknown,
    };
    Outcome outcome() const;

    // Whether it opens, its object graph included; errors as `Open`.
    absl::Status opens;
    // As `CheckpointInfo::codec`. Empty if the container could not be read.
    std::string codec;
    // Of every record, as `Verify`. Empty if its directory cannot be read.
    std::vector<RecordVerdict> records;
    // As `Checkpoint::end_offset_bytes` and `trailing_bytes`; 0 if the file
    // does not open.
    uint64_t end_offset_bytes = 0;
    uint64_t trailing_bytes = 0;
    // As `Checkpoint::warnings`.
    std::vector<std::string> warnings;
  };

  // Checks a file as far as it can be read: its records also where the object
  // graph is damaged. Of a file that is no checkpoint there are no records.
  //
  // Errors: kNotFound, kPermissionDenied, kInvalidArgument, kUnavailable - as
  //         `OpenForReading`.
  static absl::StatusOr<FileVerdict> VerifyFile(
      absl::string_view path, const LoadOptions& options = LoadOptions());

  // The same of bytes that a program reads in its own way. Not null.
  static absl::StatusOr<FileVerdict> VerifyFile(
      std::unique_ptr<ReadableBytes> file,
      const LoadOptions& options = LoadOptions());

 private:
  class Impl;
  explicit Checkpoint(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CHECKPOINT_H_
