// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/byte_source.h
// -----------------------------------------------------------------------------
//
// Bytes that a program reads in a way of its own, one after another, with a
// position that can be moved: what a file object is in Python.
//
// Example: load a file that C's standard library reads.
//
//   class StdioSource final : public ByteSource {
//    public:
//     explicit StdioSource(std::FILE* file) : file_(file) {}
//
//     absl::StatusOr<size_t> Read(absl::Span<char> out) override {
//       const size_t size = std::fread(out.data(), 1, out.size(), file_);
//       if (std::ferror(file_)) return absl::UnavailableError("cannot read");
//       return size;
//     }
//     absl::StatusOr<uint64_t> Tell() override { return std::ftell(file_); }
//     absl::Status Seek(uint64_t position_bytes) override {
//       return MoveTo(position_bytes, SEEK_SET);
//     }
//     absl::Status SeekToEnd() override { return MoveTo(0, SEEK_END); }
//
//    private:
//     absl::Status MoveTo(int64_t offset_bytes, int origin) {
//       if (std::fseek(file_, offset_bytes, origin) == 0) {
//         return absl::OkStatus();
//       }
//       return absl::UnavailableError("cannot seek");
//     }
//
//     std::FILE* file_;
//   };
//
//   StdioSource source(std::fopen("model.pt", "rb"));
//   FERRY_ASSIGN_OR_RETURN(Value model, Load(source));
#ifndef FERRY_IO_BYTE_SOURCE_H_
#define FERRY_IO_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"

namespace ferry {

// ByteSource
//
// Its size must not change while it is read.
//
// Thread-safety: none is asked for. Ferry makes one call at a time, and makes
// them on the thread that it was called on.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // What error messages call it.
  virtual absl::string_view name() const { return "<source>"; }

  // Reads up to `out.size()` bytes, which is not 0, at the position, and moves
  // it past them. Returns how many; 0 only at the end.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> out) = 0;

  // The position.
  virtual absl::StatusOr<uint64_t> Tell() = 0;

  // Moves it.
  virtual absl::Status Seek(uint64_t position_bytes) = 0;
  virtual absl::Status SeekToEnd() = 0;
};

// MemorySource
//
// Bytes in memory, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(absl::string_view bytes) : bytes_(bytes) {}

  absl::string_view name() const override { return "<memory>"; }
  absl::StatusOr<size_t> Read(absl::Span<char> out) override;
  absl::StatusOr<uint64_t> Tell() override { return position_; }
  // A position past the end is legal; reading there gives nothing.
  absl::Status Seek(uint64_t position_bytes) override;
  absl::Status SeekToEnd() override;

 private:
  const absl::string_view bytes_;
  uint64_t position_ = 0;
};

// The bytes of a source from its position to its end, which are counted from 0.
// The source must outlive the result, and nobody else may move it meanwhile. It
// seeks only where the bytes wanted do not follow those read before.
//
// Errors: as `source` returns; kInternal, if its end is before its position.
absl::StatusOr<std::unique_ptr<ReadableBytes>> ReadableSource(
    ByteSource* source);

}  // namespace ferry

#endif  // FERRY_IO_BYTE_SOURCE_H_
