// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/output.h
// -----------------------------------------------------------------------------
//
// The destination of a save: a file, which is written at any offset and from
// several threads, or a sink, which is written sequentially.
#ifndef FERRY_SERIALIZATION_TRANSFER_OUTPUT_H_
#define FERRY_SERIALIZATION_TRANSFER_OUTPUT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/atomic_file.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

// Output
//
// The file or sink must outlive it. Cheap to copy.
//
// Thread-safety: `Write` may be called from any number of threads at once,
// unless the output is serial.
class Output {
 public:
  // `name` is the name of the file in errors, and must outlive the output.
  explicit Output(AtomicFile* file, absl::string_view name = "")
      : file_(file), name_(name) {}
  explicit Output(ByteSink* sink) : sink_(sink) {}

  // Returns the name of the file in errors. Empty for a sink. `SetSize` and
  // `Write` name the file in their errors already.
  absl::string_view name() const { return name_; }

  // Whether everything must be written in order, by one thread at a time.
  bool is_serial() const { return file_ == nullptr; }

  // Reserves disk space for `size_bytes` bytes if that is possible, so that a
  // full disk is reported before anything is written.
  //
  // Errors: as `AtomicFile::SetSize`.
  absl::Status SetSize(uint64_t size_bytes) const {
    return file_ != nullptr ? file_->SetSize(size_bytes) : absl::OkStatus();
  }

  // Writes `bytes` at an offset. In a serial output the offset must be where
  // the last write ended.
  //
  // Errors: as the file or the sink.
  absl::Status Write(uint64_t offset_bytes, absl::string_view bytes) const {
    return file_ != nullptr ? file_->WriteAt(offset_bytes, bytes)
                            : sink_->Write(bytes);
  }

 private:
  AtomicFile* file_ = nullptr;
  ByteSink* sink_ = nullptr;
  absl::string_view name_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_OUTPUT_H_
