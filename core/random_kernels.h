// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/random_kernels.h
// -----------------------------------------------------------------------------
//
// The loops of core/random.h that need fused multiply-add: compiled once for
// any processor, and once for processors that have the instruction. Both give
// the same bits.
//
// Example: one uniform number in [0, 1).
//
//   const uint32_t bits = generator.Next32();
//   float uniform;
//   BestRandomKernels().uniform_float(&bits, 1, 0.0f, 1.0f, &uniform);
#ifndef FERRY_CORE_RANDOM_KERNELS_H_
#define FERRY_CORE_RANDOM_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace ferry {
inline namespace v1 {

struct RandomKernels {
  // Turns each of `count` draws into a number of [low, low + range): `range`
  // times the low bits of the draw, as many as the significand has, as a
  // fraction.
  void (*uniform_float)(const uint32_t* draws, size_t count, float low,
                        float range, float* out);
  void (*uniform_double)(const uint64_t* draws, size_t count, double low,
                         double range, double* out);

  // Turns uniform numbers of [0, 1) into normal ones, in place. `count` is a
  // multiple of 16; the numbers 0 and 8, 1 and 9, ... of each 16 are pairs.
  // Logarithm, sine and cosine are the polynomials of the Cephes library, which
  // PyTorch uses.
  void (*normal_float)(float* numbers, size_t count, float mean, float stddev);
};

// Returns the kernels that run on any processor.
const RandomKernels& PortableRandomKernels();

// Returns the fastest kernels that run on this processor. Thread-safe.
const RandomKernels& BestRandomKernels();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_RANDOM_KERNELS_H_
