// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/random_kernels.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;

// 2^18 draws, spread over all 64 bits.
std::vector<uint64_t> MakeDraws() {
  std::vector<uint64_t> draws(1 << 18);
  for (size_t i = 0; i < draws.size(); ++i) {
    draws[i] = (i + 1) * 0x9e3779b97f4a7c15;
  }
  draws[0] = 0;
  draws[1] = UINT64_MAX;
  return draws;
}

std::vector<uint32_t> MakeDraws32() {
  const std::vector<uint64_t> draws = MakeDraws();
  std::vector<uint32_t> high(draws.size());
  for (size_t i = 0; i < draws.size(); ++i) {
    high[i] = static_cast<uint32_t>(draws[i] >> 32);
  }
  return high;
}

template <typename T>
bool AreSame(const std::vector<T>& a, const std::vector<T>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

TEST(RandomKernelsTest, UniformFloatIsTheSameOnAllProcessors) {
  const std::vector<uint32_t> draws = MakeDraws32();
  std::vector<float> a(draws.size());
  std::vector<float> b(draws.size());
  PortableRandomKernels().uniform_float(draws.data(), draws.size(), -0.3f, 0.7f,
                                        a.data());
  BestRandomKernels().uniform_float(draws.data(), draws.size(), -0.3f, 0.7f,
                                    b.data());
  EXPECT_TRUE(AreSame(a, b));
}

TEST(RandomKernelsTest, UniformDoubleIsTheSameOnAllProcessors) {
  const std::vector<uint64_t> draws = MakeDraws();
  std::vector<double> a(draws.size());
  std::vector<double> b(draws.size());
  PortableRandomKernels().uniform_double(draws.data(), draws.size(), -0.3, 0.7,
                                         a.data());
  BestRandomKernels().uniform_double(draws.data(), draws.size(), -0.3, 0.7,
                                     b.data());
  EXPECT_TRUE(AreSame(a, b));
}

TEST(RandomKernelsTest, NormalFloatIsTheSameOnAllProcessors) {
  const std::vector<uint32_t> draws = MakeDraws32();
  std::vector<float> a(draws.size());
  BestRandomKernels().uniform_float(draws.data(), draws.size(), 0, 1, a.data());
  std::vector<float> b = a;
  PortableRandomKernels().normal_float(a.data(), a.size(), 1.5f, 0.3f);
  BestRandomKernels().normal_float(b.data(), b.size(), 1.5f, 0.3f);
  EXPECT_TRUE(AreSame(a, b));
}

TEST(RandomKernelsTest, UniformUsesTheLowBits) {
  const uint32_t draws[] = {0, 0xff000001, 0x00800000, 0xffffffff};
  float numbers[4];
  BestRandomKernels().uniform_float(draws, 4, 0, 1, numbers);
  EXPECT_THAT(numbers, ElementsAre(0.0f, 0x1p-24f, 0.5f, 1 - 0x1p-24f));
  const uint64_t wide[] = {0, 0xffe0000000000001, 0x0010000000000000,
                           UINT64_MAX};
  double doubles[4];
  BestRandomKernels().uniform_double(wide, 4, 0, 1, doubles);
  EXPECT_THAT(doubles, ElementsAre(0.0, 0x1p-53, 0.5, 1 - 0x1p-53));
}

// A digest of the bits, which are those of PyTorch: //tests/interop:random_test
// compares them.
TEST(RandomKernelsTest, NormalFloatHasTheBitsOfPyTorch) {
  const std::vector<uint32_t> draws = MakeDraws32();
  std::vector<float> numbers(draws.size());
  BestRandomKernels().uniform_float(draws.data(), draws.size(), 0, 1,
                                    numbers.data());
  BestRandomKernels().normal_float(numbers.data(), numbers.size(), 0, 1);
  uint64_t digest = 0;
  for (const float number : numbers) {
    uint32_t bits;
    std::memcpy(&bits, &number, sizeof(bits));
    digest = digest * 0x100000001b3 + bits;
  }
  EXPECT_EQ(digest, 3429389140889187188u);
}

// The polynomials are close to the functions over the whole range.
TEST(RandomKernelsTest, NormalIsTheTransformOfBoxAndMuller) {
  const std::vector<uint32_t> draws = MakeDraws32();
  std::vector<float> uniform(draws.size());
  BestRandomKernels().uniform_float(draws.data(), draws.size(), 0, 1,
                                    uniform.data());
  std::vector<float> normal = uniform;
  BestRandomKernels().normal_float(normal.data(), normal.size(), 0, 1);
  for (size_t i = 0; i < uniform.size(); i += i % 16 == 7 ? 9 : 1) {
    const double radius = std::sqrt(-2 * std::log1p(-double{uniform[i]}));
    const double angle = 2 * 3.14159265358979323846 * uniform[i + 8];
    ASSERT_NEAR(normal[i], radius * std::cos(angle), 4e-6);
    ASSERT_NEAR(normal[i + 8], radius * std::sin(angle), 4e-6);
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
