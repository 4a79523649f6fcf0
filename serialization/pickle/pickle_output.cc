// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickle_output.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "ferry/serialization/pickle/opcodes.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

// Modules/_pickle.c: FRAME_SIZE_MIN, FRAME_SIZE_TARGET, FRAME_HEADER_SIZE.
constexpr size_t kFrameSizeMin = 4;
constexpr size_t kFrameSizeTarget = 64 * 1024;
constexpr size_t kFrameHeaderSize = 9;

}  // namespace

void PickleOutput::EndFraming() {
  EndFrame();
  is_framing_ = false;
}

void PickleOutput::BeginFrame() {
  frame_start_ = bytes_.size();
  bytes_.append(kFrameHeaderSize, '\0');
}

void PickleOutput::EndFrame() {
  if (frame_start_ == LargeString::npos) return;
  const size_t size = bytes_.size() - frame_start_ - kFrameHeaderSize;
  if (size >= kFrameSizeMin) {
    bytes_[frame_start_] = static_cast<char>(kFrame);
    for (int i = 0; i < 8; ++i) {
      bytes_[frame_start_ + 1 + i] =
          static_cast<char>((uint64_t{size} >> (8 * i)) & 0xFF);
    }
  } else {
    bytes_.erase(frame_start_, kFrameHeaderSize);
  }
  frame_start_ = LargeString::npos;
}

void PickleOutput::EndFullFrame() {
  if (bytes_.size() - frame_start_ - kFrameHeaderSize >= kFrameSizeTarget) {
    EndFrame();
  }
}

void PickleOutput::PutNumber(uint64_t value, int size) {
  char bytes[8];
  for (int i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>((value >> (8 * i)) & 0xFF);
  }
  Put({bytes, static_cast<size_t>(size)});
}

void PickleOutput::PutLine(unsigned char opcode, absl::string_view text) {
  PutOpcode(opcode);
  Put(text);
  PutOpcode('\n');
}

void PickleOutput::PutCounted(unsigned char opcode, int length_size,
                              absl::string_view bytes) {
  const bool was_framing = is_framing_;
  if (bytes.size() >= kFrameSizeTarget) EndFraming();
  PutOpcode(opcode);
  PutNumber(bytes.size(), length_size);
  Put(bytes);
  is_framing_ = was_framing;
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
