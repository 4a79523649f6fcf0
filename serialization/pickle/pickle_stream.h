// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_stream.h
// -----------------------------------------------------------------------------
//
// Reads consecutive pickles in a file, with other bytes between them. A pickle
// does not record its length, so its opcodes are scanned for the one that ends
// it. Little is read of the bytes after it.
//
// Example: read two pickles and eight bytes.
//
//   PickleStream stream(file, 0, file.size_bytes(), &budget);
//   FERRY_ASSIGN_OR_RETURN(absl::string_view first, stream.NextPickle());
//   ...  // `first` is invalid after the next call
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
#include "ferry/core/budget.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// Whether the program that loads a pickle resolves persistent ids in it. Python
// refuses the opcodes of one that it does not resolve.
enum class PersistentIds { kRefused, kResolved };

// PickleStream
//
// Uses memory in proportion to the largest pickle, never more than the size of
// the file, and charges it to the budget. Thread-safety: none.
class PickleStream {
 public:
  // Reads [begin, end) of `file`. Both pointees must outlive the stream.
  PickleStream(const RandomAccessFile& file, uint64_t begin, uint64_t end,
               Budget* budget);

  // The position in the file, and the number of bytes left from there.
  uint64_t offset() const { return offset_; }
  uint64_t bytes_left() const { return end_ - offset_; }

  // Returns the bytes of the pickle that begins at the position, and advances
  // the position past them. The bytes are valid until the next call. Checks
  // only that they are a sequence of opcodes that ends with STOP, and that no
  // opcode crosses the end of a frame, where Python would read other opcodes.
  //
  // Errors, after which the position is unchanged; the message has an offset in
  // the pickle, but no file name:
  //   kDataLoss          - not a pickle, or a truncated one.
  //   kResourceExhausted - the budget is spent.
  //   whatever reading the file returns.
  absl::StatusOr<absl::string_view> NextPickle();

  // Returns whether Python, reading consecutive pickles from the position on,
  // could reach an opcode that looks up a class or a function by its name, or
  // that uses one that the program has registered with `copyreg`. Either can
  // run code. Considers only the syntax of the opcodes, so `true` may be wrong,
  // but `false` never is. Afterwards the position is unspecified. Reads up to
  // the first opcode that Python certainly refuses, in pieces of 64 KiB, and
  // skips the contents of texts. `ids` applies to the first pickle; those in
  // later ones may be resolved, as in a legacy stream.
  //
  // Errors: whatever reading the file returns.
  absl::StatusOr<bool> MayLookUpGlobal(PersistentIds ids);

  // Takes the next `size` bytes, which are valid until the next call.
  //
  // Errors: kDataLoss - there are fewer; whatever reading the file returns.
  absl::StatusOr<absl::string_view> Take(uint64_t size);

  // Advances the position without reading. Errors: kDataLoss - there are fewer
  // bytes.
  absl::Status Skip(uint64_t size);

 private:
  absl::string_view window() const {
    return absl::string_view(window_, window_size_);
  }
  absl::Status CheckLeft(uint64_t size) const;
  // Extends the window to at least `size` bytes. That many bytes must be left.
  absl::Status Fill(uint64_t size);
  void Advance(uint64_t size);
  // Returns the next `size` bytes, or fewer at the end, without advancing.
  absl::StatusOr<absl::string_view> Peek(uint64_t size);
  // Advances past the next newline. Returns false if there is none.
  absl::StatusOr<bool> SkipLine();
  // Returns the length of the pickle that begins at the position.
  absl::StatusOr<uint64_t> FindEnd();
  // Returns the end of the opcode whose operands begin at `at`. Both are
  // counted from the position.
  absl::StatusOr<uint64_t> OperandsEnd(unsigned char opcode, uint64_t at);
  absl::StatusOr<uint64_t> LineEnd(uint64_t at);

  const RandomAccessFile& file_;
  uint64_t offset_;
  const uint64_t end_;
  Budget* const budget_;
  uint64_t charged_bytes_ = 0;  // the largest window so far
  // The part of [offset_, end_) that is in memory.
  const char* window_ = nullptr;
  uint64_t window_size_ = 0;
  std::unique_ptr<char[]> buffer_;  // null if the whole file is in memory
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_STREAM_H_
