// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_stream.h
// -----------------------------------------------------------------------------
//
// Pickles that stand one after another in a file, with other bytes between
// them. A pickle does not say how long it is, so its opcodes are looked through
// for the one that ends it: of what follows, little is read.
//
// Example: two pickles and eight bytes.
//
//   PickleStream stream(file, 0, file.size_bytes(), max_pickle_bytes);
//   FERRY_ASSIGN_OR_RETURN(absl::string_view first, stream.NextPickle());
//   ...  // what `first` views is gone after the next call
//   FERRY_ASSIGN_OR_RETURN(absl::string_view second, stream.NextPickle());
//   FERRY_ASSIGN_OR_RETURN(absl::string_view count, stream.Take(8));
#ifndef FERRY_SERIALIZATION_PICKLE_PICKLE_STREAM_H_
#define FERRY_SERIALIZATION_PICKLE_PICKLE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"

namespace ferry {
namespace pickle {

// PickleStream
//
// Takes memory in proportion to the largest pickle, never more than the file
// has bytes. Thread-safety: none.
class PickleStream {
 public:
  // Reads [begin, end) of `file`, which must outlive the stream.
  PickleStream(const ReadableBytes& file, uint64_t begin, uint64_t end,
               uint64_t max_pickle_bytes);

  // The position in the file, and what is left from there.
  uint64_t offset() const { return offset_; }
  uint64_t bytes_left() const { return end_ - offset_; }

  // The bytes of the pickle that begins at the position, which moves behind
  // them. They are valid until the next call. That they are opcodes up to a
  // STOP is all that is known of them.
  //
  // Errors, without moving; the message has no file name, and an offset in the
  // pickle:
  //   kDataLoss          - no pickle, or one that is cut short.
  //   kResourceExhausted - a longer one than permitted.
  //   whatever reading the file returns.
  absl::StatusOr<absl::string_view> NextPickle();

  // Returns whether Python, unpickling one pickle after another from the
  // position on, could reach an opcode that looks up a class or a function,
  // which can run code. Looks at the form of the opcodes only, so `true` may be
  // wrong; `false` never is. Afterwards the position is anywhere. Reads up to
  // the first opcode that Python certainly refuses, in pieces of 64 KiB, and
  // skips the contents of texts.
  //
  // Errors: whatever reading the file returns.
  absl::StatusOr<bool> MayLookUpGlobal();

  // The next `size` bytes, valid until the next call.
  //
  // Errors: kDataLoss - there are fewer; whatever reading the file returns.
  absl::StatusOr<absl::string_view> Take(uint64_t size);

  // Moves on without reading. Errors: kDataLoss - there are fewer bytes.
  absl::Status Skip(uint64_t size);

 private:
  absl::string_view window() const {
    return absl::string_view(window_, window_size_);
  }
  absl::Status CheckLeft(uint64_t size) const;
  // Makes the window have at least `size` bytes, which are left.
  absl::Status Fill(uint64_t size);
  void Advance(uint64_t size);
  // The next `size` bytes, or as many as there are, without moving.
  absl::StatusOr<absl::string_view> Peek(uint64_t size);
  // Moves behind the next newline; false if there is none.
  absl::StatusOr<bool> SkipLine();
  // The length of the pickle that begins at the position.
  absl::StatusOr<uint64_t> FindEnd();
  // Where the opcode whose operands begin at `at` ends, both counted from the
  // position.
  absl::StatusOr<uint64_t> OperandsEnd(unsigned char opcode, uint64_t at);
  absl::StatusOr<uint64_t> LineEnd(uint64_t at);

  const ReadableBytes& file_;
  uint64_t offset_;
  const uint64_t end_;
  const uint64_t max_pickle_bytes_;
  // What is in memory of [offset_, end_).
  const char* window_ = nullptr;
  uint64_t window_size_ = 0;
  std::unique_ptr<char[]> buffer_;  // null if the whole file is in memory
};

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_STREAM_H_
