// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_output.h
// -----------------------------------------------------------------------------
//
// Collects the bytes of a pickle, and divides them into frames in protocol 4
// and later, as CPython's C pickler does (Modules/_pickle.c).
//
// Example:
//
//   PickleOutput out;
//   out.BeginFraming();
//   out.ObjectBoundary();
//   out.PutOpcode(kNone);
//   out.PutOpcode(kStop);
//   out.EndFraming();
//   absl::string_view bytes = out.bytes();
#ifndef FERRY_SERIALIZATION_PICKLE_PICKLE_OUTPUT_H_
#define FERRY_SERIALIZATION_PICKLE_PICKLE_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/strings/string_view.h"
#include "ferry/core/large_allocator.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// PickleOutput
//
// Thread-safety: none.
class PickleOutput {
 public:
  // Divides the following output into frames of about 64 KiB.
  void BeginFraming() { is_framing_ = true; }
  // Ends the last frame.
  void EndFraming();

  // Ends the current frame if it is full. Called wherever an object begins, as
  // CPython does.
  void ObjectBoundary() {
    if (ABSL_PREDICT_FALSE(frame_start_ != LargeString::npos)) EndFullFrame();
  }

  void PutOpcode(unsigned char opcode) {
    if (ABSL_PREDICT_FALSE(NeedsFrame())) BeginFrame();
    bytes_.push_back(static_cast<char>(opcode));
  }
  void Put(absl::string_view bytes) {
    if (ABSL_PREDICT_FALSE(NeedsFrame())) BeginFrame();
    bytes_.append(bytes.data(), bytes.size());
  }
  // Appends the lowest `size` bytes of a number, at most 8, little-endian.
  void PutNumber(uint64_t value, int size);
  // Appends an opcode of protocol 0, its argument and a newline.
  void PutLine(unsigned char opcode, absl::string_view text);
  // Appends an opcode, a length of `length_size` bytes, and the bytes. Large
  // byte sequences are outside of any frame.
  void PutCounted(unsigned char opcode, int length_size,
                  absl::string_view bytes);

  // Valid until the next call of a non-const method.
  absl::string_view bytes() const { return bytes_; }
  LargeString TakeBytes() { return std::move(bytes_); }

 private:
  bool NeedsFrame() const {
    return is_framing_ && frame_start_ == LargeString::npos;
  }
  void BeginFrame();
  void EndFrame();
  void EndFullFrame();

  LargeString bytes_;
  // Where the current frame begins, or npos.
  size_t frame_start_ = LargeString::npos;
  bool is_framing_ = false;
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_OUTPUT_H_
