// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_input.h
// -----------------------------------------------------------------------------
//
// Reads opcodes and their operands from a pickle, and stores the error if there
// is one.
//
// Nearly every opcode needs a check, and almost no check fails. A method that
// fails therefore stores the error and returns false, because a bool is cheaper
// to return than a status.
//
// Example: read an opcode with a text of up to 255 bytes.
//
//   absl::string_view text;
//   if (!input.TakeCounted<1>(&text)) return false;
//   ...
//   return input.ErrorHere();  // in the caller, which got false
#ifndef FERRY_SERIALIZATION_PICKLE_PICKLE_INPUT_H_
#define FERRY_SERIALIZATION_PICKLE_PICKLE_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// PickleInput
//
// Thread-safety: none.
class PickleInput {
 public:
  // `bytes` must outlive the input and all views that it returns.
  explicit PickleInput(absl::string_view bytes)
      : begin_(bytes.data()),
        next_(bytes.data()),
        end_(bytes.data() + bytes.size()) {}

  // The last opcode taken, and the next byte to take.
  const char* opcode() const { return opcode_; }
  const char* next() const { return next_; }
  // The number of bytes taken, and the number of bytes left.
  uint64_t taken() const { return static_cast<uint64_t>(next_ - begin_); }
  uint64_t left() const { return static_cast<uint64_t>(end_ - next_); }

  // Takes the next opcode. There must be bytes left.
  ABSL_ATTRIBUTE_ALWAYS_INLINE unsigned char TakeOpcode() {
    opcode_ = next_++;
    return static_cast<unsigned char>(*opcode_);
  }

  // Takes `size` bytes, which stay valid as long as the pickle.
  bool Take(uint64_t size, absl::string_view* out) {
    if (ABSL_PREDICT_FALSE(size > left())) return CutShort(size);
    *out = absl::string_view(next_, size);
    next_ += size;
    return true;
  }

  // Takes a little-endian number of `size` bytes. `size` must be at most 8.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool TakeNumber(size_t size, uint64_t* out) {
    if (ABSL_PREDICT_FALSE(size > left())) return CutShort(size);
    *out = 0;
    std::memcpy(out, next_, size);  // hosts are little-endian
    next_ += size;
    return true;
  }

  // Takes a length of `kLengthBytes` bytes, then that many bytes.
  template <size_t kLengthBytes>
  bool TakeCounted(absl::string_view* out) {
    uint64_t length;
    if (!TakeNumber(kLengthBytes, &length)) return false;
    if (!Take(length, out)) return false;
    if (length > kMaxTextBytes) {
      return Unimplemented(absl::StrCat("text of ", length, " bytes; at most ",
                                        kMaxTextBytes, " are supported"));
    }
    return true;
  }

  // Takes a line, without its newline.
  bool TakeLine(absl::string_view* out) {
    const void* newline = std::memchr(next_, '\n', left());
    if (newline == nullptr) return Damaged("a line is cut short");
    const char* line_end = static_cast<const char*>(newline);
    *out = absl::string_view(next_, line_end - next_);
    next_ = line_end + 1;
    return true;
  }

  // Takes a line with a decimal number.
  bool TakeLineNumber(uint64_t* out) {
    absl::string_view line;
    if (!TakeLine(&line)) return false;
    if (!absl::SimpleAtoi(line, out)) return Damaged("a number is malformed");
    return true;
  }

  // Store an error and return false.
  bool Fail(absl::Status error) {
    error_ = std::move(error);
    return false;
  }
  bool Damaged(absl::string_view what) {
    Keep(absl::StatusCode::kDataLoss, what);
    return false;
  }
  bool Unimplemented(absl::string_view what) {
    Keep(absl::StatusCode::kUnimplemented, what);
    return false;
  }
  bool TooMuch(absl::string_view what) {
    Keep(absl::StatusCode::kResourceExhausted, what);
    return false;
  }
  // Stores `status` if it is not OK. Returns whether it is OK.
  bool Check(absl::Status status) {
    return ABSL_PREDICT_TRUE(status.ok()) || Fail(std::move(status));
  }
  // Returns the last stored error, with the offset of the opcode, unless it has
  // an offset already (from a stream inside the pickle).
  absl::Status ErrorHere() const {
    if (absl::StrContains(error_.message(), "(at offset ")) return error_;
    return absl::Status(error_.code(),
                        absl::StrCat(error_.message(), " (at offset ",
                                     opcode_ - begin_, " of the pickle)"));
  }

 private:
  // Longer text does not fit in a node.
  static constexpr uint64_t kMaxTextBytes = 0xFFFFFFFFu;

  bool CutShort(uint64_t size) {
    KeepCutShort(size);
    return false;
  }
  ABSL_ATTRIBUTE_NOINLINE ABSL_ATTRIBUTE_COLD void Keep(
      absl::StatusCode code, absl::string_view what) {
    error_ = absl::Status(code, what);
  }
  ABSL_ATTRIBUTE_NOINLINE ABSL_ATTRIBUTE_COLD void KeepCutShort(uint64_t size) {
    Keep(absl::StatusCode::kDataLoss,
         absl::StrCat("an operand of ", size, " bytes is cut short: ", left(),
                      " bytes are left"));
  }

  const char* const begin_;
  const char* next_;
  const char* const end_;
  const char* opcode_ = nullptr;
  absl::Status error_;
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_INPUT_H_
