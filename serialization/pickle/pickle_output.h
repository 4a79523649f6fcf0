// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_output.h
// -----------------------------------------------------------------------------
//
// The bytes of a pickle that is being written, and the frames in which protocol
// 4 and later put them: as CPython's C pickler does (Modules/_pickle.c).
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
#include "ferry/core/huge_pages.h"

namespace ferry {
namespace pickle {

// PickleOutput
//
// Thread-safety: none.
class PickleOutput {
 public:
  // Puts what follows into frames, of about 64 KiB each.
  void BeginFraming() { is_framing_ = true; }
  // Ends the last frame.
  void EndFraming();

  // CPython calls this where an object begins: it ends a frame that is full.
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
  // The lowest `size` bytes of a number, at most 8, little-endian.
  void PutNumber(uint64_t value, int size);
  // An opcode of protocol 0 and its argument, which a line ends.
  void PutLine(unsigned char opcode, absl::string_view text);
  // An opcode, a length of `length_size` bytes, and bytes. Large ones stand
  // outside of any frame.
  void PutCounted(unsigned char opcode, int length_size,
                  absl::string_view bytes);

  // Valid until the next call of a method that is not const.
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
  // Where the frame at hand began, or npos.
  size_t frame_start_ = LargeString::npos;
  bool is_framing_ = false;
};

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_OUTPUT_H_
