// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/byte_source.h
// -----------------------------------------------------------------------------
//
// An interface for bytes that the program reads with code of its own:
// sequentially, from a position that can be changed. It is the counterpart of a
// Python file object.
//
// Example: load a file through C's standard I/O.
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
inline namespace v1 {

// ByteSource
//
// Its size must not change while it is read.
//
// Thread-safety: implementations need none. Ferry makes one call at a time, on
// the thread that called it.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Returns the name in error messages.
  virtual absl::string_view name() const { return "<source>"; }

  // Reads up to `out.size()` bytes at the position and advances the position
  // past them. `out` is not empty. Returns the number of bytes read, which is 0
  // only at the end.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> out) = 0;

  // Returns the position, in bytes from the start.
  virtual absl::StatusOr<uint64_t> Tell() = 0;

  // Set the position.
  virtual absl::Status Seek(uint64_t position_bytes) = 0;
  virtual absl::Status SeekToEnd() = 0;
};

// MemorySource
//
// A source of bytes in memory, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(absl::string_view bytes) : bytes_(bytes) {}

  absl::string_view name() const override { return "<memory>"; }
  absl::StatusOr<size_t> Read(absl::Span<char> out) override;
  absl::StatusOr<uint64_t> Tell() override { return position_; }
  // A position past the end is legal; reading there returns 0 bytes.
  absl::Status Seek(uint64_t position_bytes) override;
  absl::Status SeekToEnd() override;

 private:
  const absl::string_view bytes_;
  uint64_t position_ = 0;
};

// Returns the bytes of `source` from its current position to its end,
// renumbered from 0. The source must outlive the result, and nothing else may
// move its position while the result is in use. Seeks only if the bytes to read
// do not follow those read before.
//
// Errors: whatever `source` returns; kInternal, if its end is before its
//         position.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenSource(
    ByteSource* source);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_BYTE_SOURCE_H_
