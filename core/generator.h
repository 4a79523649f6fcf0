// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/generator.h
// -----------------------------------------------------------------------------
//
// The random number generator of PyTorch on the CPU, bit for bit: it draws the
// same numbers from the same seed, and reads and writes the states that
// checkpoints hold. core/random.h fills tensors from it.
//
// Example: continue the random numbers of a training run.
//
//   FERRY_ASSIGN_OR_RETURN(Value checkpoint, Load("train.pt"));
//   FERRY_ASSIGN_OR_RETURN(Value rng_state, checkpoint.At("/rng_state"));
//   FERRY_ASSIGN_OR_RETURN(Tensor state, rng_state.AsTensor());
//   FERRY_ASSIGN_OR_RETURN(Generator generator, Generator::FromState(state));
//   generator.Next32();  // what PyTorch would have drawn next
#ifndef FERRY_CORE_GENERATOR_H_
#define FERRY_CORE_GENERATOR_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Generator
//
// A value: a copy draws the same numbers as the original. About 2.5 KiB.
//
// The numbers are those of the Mersenne Twister MT19937. They are predictable:
// do not use them for secrets.
//
// Thread-safety: const methods may be called from any thread, but must not
// overlap with a call of another method.
class Generator {
 public:
  // The seed of a new `torch.Generator()`.
  static constexpr uint64_t kDefaultSeed = 67280421310721;

  explicit Generator(uint64_t seed = kDefaultSeed) { SetSeed(seed); }

  // Returns the generator whose state `torch.get_rng_state()` or
  // `torch.Generator.get_state()` returned for the CPU: a contiguous uint8
  // tensor of 5056 bytes. States of 5048 bytes, the first form, are read as
  // PyTorch 1.13 reads them. (PyTorch 2.14 refuses them.)
  //
  // Errors:
  //   kInvalidArgument    - the tensor is not such a tensor.
  //   kFailedPrecondition - it is not in host memory (`CheckOnHost`).
  //   kDataLoss           - the bytes are not the state of a generator.
  static absl::StatusOr<Generator> FromState(const Tensor& state);

  // Returns the state for `torch.set_rng_state()`: a uint8 tensor of 5056
  // bytes.
  //
  // Errors: kResourceExhausted - the allocation failed.
  absl::StatusOr<Tensor> State() const;

  // Returns the last seed that was set. PyTorch calls it `initial_seed`.
  uint64_t seed() const { return seed_; }

  // Starts again from a seed, as `torch.manual_seed` does. The numbers depend
  // on the low 32 bits of the seed alone.
  void SetSeed(uint64_t seed);

  // Draws 32 random bits.
  uint32_t Next32() {
    if (left_ == 1) Refill();
    --left_;
    return Temper(words_[next_++]);
  }

  // Draws 64 random bits: two draws of 32 bits, the high half first.
  uint64_t Next64() {
    const uint64_t high = Next32();
    return high << 32 | Next32();
  }

  // Draws 32 random bits for each element of `out`. Equal to, and faster than,
  // a call of `Next32` for each.
  void Next32(absl::Span<uint32_t> out);

  // Draws a number from the normal distribution with mean 0 and standard
  // deviation 1. Every second call draws 128 bits and computes two numbers; the
  // other calls return the second number. The state includes a number that has
  // not been returned yet. Setting a seed drops it.
  double NextNormal();

 private:
  static uint32_t Temper(uint32_t word) {
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return word ^ (word >> 18);
  }

  // Computes the next words of the state.
  void Refill();

  uint64_t seed_ = 0;
  std::array<uint32_t, 624> words_ = {};
  // PyTorch stores both: `left_ - 1` words from `next_` on have not been drawn.
  uint32_t left_ = 1;
  uint32_t next_ = 0;
  std::optional<double> next_normal_;
  // A part of the state that PyTorch keeps, but does not use on the CPU.
  std::optional<float> next_float_normal_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_GENERATOR_H_
