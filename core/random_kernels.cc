// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/random_kernels.h"

#include <cstring>

// Kernels are inlined into functions for different processors. A call of an
// inline function would not be, and would run without the instruction.
#define FERRY_KERNEL [[gnu::always_inline]] inline

namespace ferry {
inline namespace v1 {
namespace {

// Which products are fused with a sum decides the last bits of the results.
// These functions therefore spell out every fused operation, and the compiler
// must add none (-ffp-contract=off).

FERRY_KERNEL float Fma(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}

FERRY_KERNEL uint32_t Bits(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  return bits;
}

FERRY_KERNEL float FromBits(uint32_t bits) {
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

// Returns the logarithm of a normal number of (0, 1].
FERRY_KERNEL float Log(float x) {
  // x = 2^exponent * fraction, with a fraction of [sqrt(1/2), sqrt(2)).
  const uint32_t bits = Bits(x);
  float exponent = static_cast<float>(static_cast<int32_t>(bits >> 23) - 126);
  const float fraction = FromBits((bits & 0x007fffff) | 0x3f000000);
  const bool is_small = fraction < 0.707106781186547524f;
  exponent -= is_small ? 1.0f : 0.0f;
  const float y = (fraction - 1.0f) + (is_small ? fraction : 0.0f);

  float sum = 7.0376836292e-2f;
  sum = Fma(sum, y, -1.1514610310e-1f);
  sum = Fma(sum, y, 1.1676998740e-1f);
  sum = Fma(sum, y, -1.2420140846e-1f);
  sum = Fma(sum, y, 1.4249322787e-1f);
  sum = Fma(sum, y, -1.6668057665e-1f);
  sum = Fma(sum, y, 2.0000714765e-1f);
  sum = Fma(sum, y, -2.4999993993e-1f);
  sum = Fma(sum, y, 3.3333331174e-1f);
  const float square = y * y;
  sum = Fma(sum * y, square, exponent * -2.12194440e-4f);
  sum = Fma(square, -0.5f, sum);
  return Fma(exponent, 0.693359375f, y + sum);
}

// Computes sine and cosine of an angle of [0, 2 pi].
FERRY_KERNEL void SinCos(float angle, float* sine, float* cosine) {
  // The angle is `octant` eighths of a circle and `x`, octant even.
  const int32_t octant =
      (static_cast<int32_t>(angle * 1.27323954473516f) + 1) & ~1;
  const float eighths = static_cast<float>(octant);
  float x = Fma(eighths, -0.78515625f, angle);
  x = Fma(eighths, -2.4187564849853515625e-4f, x);
  x = Fma(eighths, -3.77489497744594108e-8f, x);
  const float square = x * x;

  float cosine_of_x = 2.443315711809948e-5f;
  cosine_of_x = Fma(cosine_of_x, square, -1.388731625493765e-3f);
  cosine_of_x = Fma(cosine_of_x, square, 4.166664568298827e-2f);
  cosine_of_x = Fma(cosine_of_x * square, square, square * -0.5f) + 1.0f;

  float sine_of_x = -1.9515295891e-4f;
  sine_of_x = Fma(sine_of_x, square, 8.3321608736e-3f);
  sine_of_x = Fma(sine_of_x, square, -1.6666654611e-1f);
  sine_of_x = Fma(sine_of_x * square, x, x);

  const bool swapped = (octant & 2) != 0;
  const uint32_t sine_sign = (static_cast<uint32_t>(octant) & 4) << 29;
  const uint32_t cosine_sign = (~static_cast<uint32_t>(octant - 2) & 4) << 29;
  *sine = FromBits(Bits(swapped ? cosine_of_x : sine_of_x) ^ sine_sign);
  *cosine = FromBits(Bits(swapped ? sine_of_x : cosine_of_x) ^ cosine_sign);
}

FERRY_KERNEL void UniformFloatLoop(const uint32_t* draws, size_t count,
                                   float low, float range, float* out) {
  for (size_t i = 0; i < count; ++i) {
    const float fraction =
        static_cast<float>(static_cast<int32_t>(draws[i] & 0xffffff)) *
        0x1p-24f;
    out[i] = Fma(fraction, range, low);
  }
}

FERRY_KERNEL void UniformDoubleLoop(const uint64_t* draws, size_t count,
                                    double low, double range, double* out) {
  constexpr uint64_t kSignificand = (uint64_t{1} << 53) - 1;
  for (size_t i = 0; i < count; ++i) {
    const double fraction =
        static_cast<double>(static_cast<int64_t>(draws[i] & kSignificand)) *
        0x1p-53;
    out[i] = __builtin_fma(fraction, range, low);
  }
}

FERRY_KERNEL void NormalFloatLoop(float* numbers, size_t count, float mean,
                                  float stddev) {
  constexpr float kTwoPi = 6.28318530717958647692f;
  for (size_t i = 0; i < count; i += 16) {
    float* const block = numbers + i;
    for (size_t j = 0; j < 8; ++j) {
      const float radius = __builtin_sqrtf(-2.0f * Log(1.0f - block[j]));
      float sine;
      float cosine;
      SinCos(kTwoPi * block[j + 8], &sine, &cosine);
      block[j] = Fma(radius * cosine, stddev, mean);
      block[j + 8] = Fma(radius * sine, stddev, mean);
    }
  }
}

// Defines the kernels, with the attributes of the processor, and returns them.
#define FERRY_RANDOM_KERNELS(name, attributes)                                 \
  attributes void UniformFloat##name(const uint32_t* draws, size_t count,      \
                                     float low, float range, float* out) {     \
    UniformFloatLoop(draws, count, low, range, out);                           \
  }                                                                            \
  attributes void UniformDouble##name(const uint64_t* draws, size_t count,     \
                                      double low, double range, double* out) { \
    UniformDoubleLoop(draws, count, low, range, out);                          \
  }                                                                            \
  attributes void NormalFloat##name(float* numbers, size_t count, float mean,  \
                                    float stddev) {                            \
    NormalFloatLoop(numbers, count, mean, stddev);                             \
  }                                                                            \
  constexpr RandomKernels k##name = {UniformFloat##name, UniformDouble##name,  \
                                     NormalFloat##name};

FERRY_RANDOM_KERNELS(Portable, )
#ifdef __x86_64__
FERRY_RANDOM_KERNELS(Avx2, [[gnu::target("avx2,fma")]])
#endif

}  // namespace

const RandomKernels& PortableRandomKernels() { return kPortable; }

const RandomKernels& BestRandomKernels() {
#ifdef __x86_64__
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2) return kAvx2;
#endif
  return kPortable;
}

}  // namespace v1
}  // namespace ferry
