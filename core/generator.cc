// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/generator.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr size_t kWords = 624;
constexpr size_t kMiddle = 397;
constexpr double kPi = 3.14159265358979323846;

// The bytes of a state, as PyTorch lays them out: `CPUGeneratorImplState` in
// aten/src/ATen/CPUGeneratorImpl.cpp. Integers are little-endian.
struct StateBytes {
  uint64_t seed;
  int32_t left;
  int32_t seeded;
  uint64_t next;
  uint64_t words[kWords];  // of 32 bits each
  double normal_x;         // only in states of `kLegacyBytes`
  double normal_y;
  double normal_rho;  // only in states of `kLegacyBytes`
  int32_t normal_is_valid;
  int32_t padding;
  // Here a state of `kLegacyBytes` ends.
  float float_normal;
  uint8_t float_normal_is_valid;
  uint8_t padding_at_end[3];
};
constexpr size_t kStateBytes = 5056;
constexpr size_t kLegacyBytes = 5048;
static_assert(sizeof(StateBytes) == kStateBytes, "no hidden padding");
static_assert(offsetof(StateBytes, float_normal) == kLegacyBytes, "");

absl::Status Malformed(absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat("not the state of a random number generator: ", why));
}

// Computes one word of the next state from two neighbours of the old state and
// the word `kMiddle` further on.
uint32_t Twist(uint32_t word, uint32_t next, uint32_t middle) {
  const uint32_t mixed = (word & 0x80000000) | (next & 0x7fffffff);
  return middle ^ (mixed >> 1) ^ ((0 - (next & 1)) & 0x9908b0df);
}

}  // namespace

void Generator::SetSeed(uint64_t seed) {
  seed_ = seed;
  words_[0] = static_cast<uint32_t>(seed);
  for (size_t i = 1; i < kWords; ++i) {
    words_[i] = 1812433253 * (words_[i - 1] ^ (words_[i - 1] >> 30)) +
                static_cast<uint32_t>(i);
  }
  left_ = 1;
  next_ = 0;
  next_normal_.reset();
  next_float_normal_.reset();
}

void Generator::Refill() {
  uint32_t* const words = words_.data();
  for (size_t i = 0; i < kWords - kMiddle; ++i) {
    words[i] = Twist(words[i], words[i + 1], words[i + kMiddle]);
  }
  for (size_t i = kWords - kMiddle; i < kWords - 1; ++i) {
    words[i] = Twist(words[i], words[i + 1], words[i + kMiddle - kWords]);
  }
  words[kWords - 1] = Twist(words[kWords - 1], words[0], words[kMiddle - 1]);
  left_ = kWords + 1;
  next_ = 0;
}

void Generator::Next32(absl::Span<uint32_t> out) {
  while (!out.empty()) {
    if (left_ == 1) Refill();
    const size_t count = std::min<size_t>(left_ - 1, out.size());
    const uint32_t* const from = words_.data() + next_;
    uint32_t* const to = out.data();
    for (size_t i = 0; i < count; ++i) to[i] = Temper(from[i]);
    left_ -= static_cast<uint32_t>(count);
    next_ += static_cast<uint32_t>(count);
    out.remove_prefix(count);
  }
}

double Generator::NextNormal() {
  if (next_normal_.has_value()) {
    const double normal = *next_normal_;
    next_normal_.reset();
    return normal;
  }
  const auto uniform = [this] {
    return static_cast<double>(Next64() & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
  };
  // The transform of Box and Muller.
  const double angle = 2 * kPi * uniform();
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  next_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

absl::StatusOr<Generator> Generator::FromState(const Tensor& state) {
  FERRY_RETURN_IF_ERROR(CheckOnHost(state));
  if (state.dtype() != DType::kUInt8 || !state.is_contiguous() ||
      (state.num_elements() != kStateBytes &&
       state.num_elements() != kLegacyBytes)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the state of a random number generator is a contiguous uint8 tensor "
        "of ",
        kStateBytes, " or ", kLegacyBytes, " bytes; this is a tensor of dtype ",
        Name(state.dtype()), " and shape ", ShapeToString(state.shape())));
  }
  StateBytes bytes = {};
  std::memcpy(&bytes, state.data(), static_cast<size_t>(state.num_elements()));
  if (bytes.seeded == 0) return Malformed("it was never seeded");
  // Words past the last one would be drawn if the two numbers add up to more.
  if (bytes.left < 1 || bytes.left > static_cast<int32_t>(kWords) ||
      bytes.next > kWords ||
      bytes.next + static_cast<uint64_t>(bytes.left) > kWords + 1) {
    return Malformed(absl::StrCat("it has ", int64_t{bytes.left} - 1,
                                  " words left from word ", bytes.next, " of ",
                                  kWords));
  }
  Generator generator;
  for (size_t i = 0; i < kWords; ++i) {
    if (bytes.words[i] >> 32 != 0) {
      return Malformed(absl::StrCat("word ", i, " has more than 32 bits"));
    }
    generator.words_[i] = static_cast<uint32_t>(bytes.words[i]);
  }
  generator.seed_ = bytes.seed;
  generator.left_ = static_cast<uint32_t>(bytes.left);
  generator.next_ = static_cast<uint32_t>(bytes.next);
  if (bytes.normal_is_valid != 0) {
    generator.next_normal_ =
        state.num_elements() == kStateBytes
            ? bytes.normal_y
            : bytes.normal_rho * std::sin(2 * kPi * bytes.normal_x);
  }
  if (bytes.float_normal_is_valid != 0) {
    generator.next_float_normal_ = bytes.float_normal;
  }
  return generator;
}

absl::StatusOr<Tensor> Generator::State() const {
  StateBytes bytes = {};
  bytes.seed = seed_;
  bytes.left = static_cast<int32_t>(left_);
  bytes.seeded = 1;
  bytes.next = next_;
  std::copy(words_.begin(), words_.end(), bytes.words);
  bytes.normal_is_valid = next_normal_.has_value() ? 1 : 0;
  bytes.normal_y = next_normal_.value_or(0);
  bytes.float_normal_is_valid = next_float_normal_.has_value() ? 1 : 0;
  bytes.float_normal = next_float_normal_.value_or(0);
  return Tensor::FromData<uint8_t>(
      {reinterpret_cast<const uint8_t*>(&bytes), kStateBytes},
      {static_cast<int64_t>(kStateBytes)});
}

}  // namespace v1
}  // namespace ferry
