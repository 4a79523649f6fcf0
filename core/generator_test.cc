// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/generator.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

// Where PyTorch keeps its values in a state.
constexpr size_t kSeedAt = 0;
constexpr size_t kLeftAt = 8;
constexpr size_t kSeededAt = 12;
constexpr size_t kNextAt = 16;
constexpr size_t kWordsAt = 24;
constexpr size_t kNormalXAt = 5016;
constexpr size_t kNormalYAt = 5024;
constexpr size_t kNormalRhoAt = 5032;
constexpr size_t kNormalIsValidAt = 5040;
constexpr size_t kFloatNormalAt = 5048;
constexpr size_t kFloatNormalIsValidAt = 5052;
constexpr size_t kStateBytes = 5056;
constexpr size_t kLegacyBytes = 5048;

std::string StateOf(const Generator& generator) {
  const Tensor state = *generator.State();
  EXPECT_EQ(state.dtype(), DType::kUInt8);
  EXPECT_TRUE(state.is_contiguous());
  return std::string(static_cast<const char*>(state.data()),
                     static_cast<size_t>(state.num_elements()));
}

Tensor ToTensor(const std::string& bytes) {
  return *Tensor::FromData(std::vector<uint8_t>(bytes.begin(), bytes.end()),
                           {static_cast<int64_t>(bytes.size())});
}

template <typename T>
T Get(const std::string& state, size_t at) {
  T value;
  std::memcpy(&value, state.data() + at, sizeof(T));
  return value;
}

template <typename T>
std::string With(std::string state, size_t at, T value) {
  std::memcpy(&state[at], &value, sizeof(T));
  return state;
}

TEST(GeneratorTest, IsTheMersenneTwister) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{5489}, uint64_t{0xffffffff},
                              uint64_t{0x1234567800000005}}) {
    Generator generator(seed);
    std::mt19937 twister(static_cast<uint32_t>(seed));
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(generator.Next32(), twister());
  }
}

TEST(GeneratorTest, ReportsTheWholeSeed) {
  Generator generator;
  EXPECT_EQ(generator.seed(), 67280421310721u);
  generator.SetSeed(0xfedcba9876543210);
  EXPECT_EQ(generator.seed(), 0xfedcba9876543210);
}

TEST(GeneratorTest, DrawsTheHighHalfOf64BitsFirst) {
  Generator halves(7);
  const uint64_t high = halves.Next32();
  const uint64_t low = halves.Next32();
  EXPECT_EQ(Generator(7).Next64(), high << 32 | low);
}

TEST(GeneratorTest, DrawsManyAsOneByOne) {
  Generator many(3);
  Generator single(3);
  for (const size_t count : {0, 1, 5, 617, 1, 623, 624, 625, 2000}) {
    std::vector<uint32_t> drawn(count);
    many.Next32(absl::MakeSpan(drawn));
    for (const uint32_t draw : drawn) ASSERT_EQ(draw, single.Next32());
    ASSERT_EQ(StateOf(many), StateOf(single));
  }
}

// torch.empty(5, dtype=torch.float64).normal_() with seed 42.
TEST(GeneratorTest, DrawsNormalNumbers) {
  Generator generator(42);
  // The C library's functions may round otherwise on another system.
  for (const double normal :
       {0.33669035438385886, 0.1288094051365897, 0.23446236336153173,
        0.23033302791461191, -1.1228563767381703}) {
    EXPECT_DOUBLE_EQ(generator.NextNormal(), normal);
  }
}

TEST(GeneratorTest, KeepsTheSecondNormalNumber) {
  Generator generator(42);
  generator.NextNormal();
  Generator copy = *Generator::FromState(*generator.State());
  EXPECT_EQ(copy.NextNormal(), generator.NextNormal());
  EXPECT_EQ(StateOf(copy), StateOf(generator));
  // A seed drops it.
  generator.NextNormal();
  generator.SetSeed(42);
  EXPECT_EQ(StateOf(generator), StateOf(Generator(42)));
}

TEST(GeneratorTest, WritesTheStateAsPyTorchDoes) {
  Generator generator(0x500000007);
  const std::string first = StateOf(generator);
  ASSERT_EQ(first.size(), kStateBytes);
  EXPECT_EQ(Get<uint64_t>(first, kSeedAt), 0x500000007u);
  EXPECT_EQ(Get<int32_t>(first, kLeftAt), 1);
  EXPECT_EQ(Get<int32_t>(first, kSeededAt), 1);
  EXPECT_EQ(Get<uint64_t>(first, kNextAt), 0u);
  EXPECT_EQ(Get<uint64_t>(first, kWordsAt), 7u);
  EXPECT_EQ(Get<uint64_t>(first, kWordsAt + 8), 1812433253u * 7 + 1);
  EXPECT_EQ(first.substr(kNormalXAt), std::string(40, '\0'));

  generator.NextNormal();
  const std::string second = StateOf(generator);
  EXPECT_EQ(Get<int32_t>(second, kLeftAt), 621);
  EXPECT_EQ(Get<uint64_t>(second, kNextAt), 4u);
  EXPECT_EQ(Get<int32_t>(second, kNormalIsValidAt), 1);
  EXPECT_EQ(Get<double>(second, kNormalYAt), generator.NextNormal());
  EXPECT_EQ(StateOf(generator).substr(kNormalXAt), std::string(40, '\0'));
}

TEST(GeneratorTest, ContinuesFromEveryPosition) {
  Generator generator(11);
  for (int i = 0; i < 1300; ++i) {
    Generator copy = *Generator::FromState(*generator.State());
    ASSERT_EQ(StateOf(copy), StateOf(generator));
    ASSERT_EQ(copy.seed(), 11u);
    ASSERT_EQ(copy.Next64(), Generator(generator).Next64());
    generator.Next32();
  }
}

TEST(GeneratorTest, PreservesTheFloatNormal) {
  std::string state = StateOf(Generator(1));
  state = With(state, kFloatNormalAt, 1.5f);
  state = With(state, kFloatNormalIsValidAt, uint8_t{1});
  Generator generator = *Generator::FromState(ToTensor(state));
  EXPECT_EQ(StateOf(generator), state);
  EXPECT_EQ(generator.NextNormal(), Generator(1).NextNormal());
}

TEST(GeneratorTest, ReadsTheFirstForm) {
  std::string state = StateOf(Generator(9)).substr(0, kLegacyBytes);
  state = With(state, kNormalXAt, 0.3);
  state = With(state, kNormalYAt, 0.9);
  state = With(state, kNormalRhoAt, 1.7);
  state = With(state, kNormalIsValidAt, int32_t{1});
  Generator generator = *Generator::FromState(ToTensor(state));
  // What PyTorch 1.13 makes of it.
  EXPECT_NEAR(generator.NextNormal(), 1.6167960777017611, 1e-15);
  EXPECT_EQ(generator.NextNormal(), Generator(9).NextNormal());
}

TEST(GeneratorTest, StopsEarlyWherePyTorchDoes) {
  // The state says that it is at word 5 of 624 and that only 2 are left.
  std::string state = StateOf(Generator(1));
  state = With(state, kLeftAt, int32_t{3});
  state = With(state, kNextAt, uint64_t{5});
  Generator generator = *Generator::FromState(ToTensor(state));
  generator.Next64();
  EXPECT_EQ(Get<int32_t>(StateOf(generator), kLeftAt), 1);
  // The next words are those of a generator that was just seeded.
  EXPECT_EQ(generator.Next32(), Generator(1).Next32());
}

TEST(GeneratorTest, RefusesMalformedStates) {
  const std::string good = StateOf(Generator(1));
  const struct {
    const char* what;
    std::string state;
  } kCases[] = {
      {"never seeded", With(good, kSeededAt, int32_t{0})},
      {"-1 words left", With(good, kLeftAt, int32_t{0})},
      {"words left", With(good, kLeftAt, int32_t{-1})},
      {"words left", With(good, kLeftAt, int32_t{INT32_MIN})},
      {"624 words left", With(good, kLeftAt, int32_t{625})},
      {"from word 625", With(good, kNextAt, uint64_t{625})},
      {"from word", With(good, kNextAt, UINT64_MAX)},
      {"1 words left from word 624",
       With(With(good, kNextAt, uint64_t{624}), kLeftAt, int32_t{2})},
      {"word 623 has more than 32 bits",
       With(good, kWordsAt + 8 * 623, uint64_t{1} << 32)},
  };
  for (const auto& one : kCases) {
    EXPECT_THAT(Generator::FromState(ToTensor(one.state)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(one.what)));
  }
  // The last position, where all words have been drawn.
  EXPECT_THAT(
      Generator::FromState(ToTensor(With(good, kNextAt, uint64_t{624}))),
      IsOk());
}

TEST(GeneratorTest, RefusesOtherTensors) {
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  const std::string good = StateOf(Generator(1));
  EXPECT_THAT(Generator::FromState(Tensor()), refused);
  for (const size_t size : {0, 1, 5047, 5049, 5055}) {
    EXPECT_THAT(Generator::FromState(ToTensor(good.substr(0, size))), refused);
  }
  EXPECT_THAT(Generator::FromState(ToTensor(good + good)), refused);
  const Storage storage = ToTensor(good + good).storage();
  EXPECT_THAT(Generator::FromState(
                  *Tensor::Create(storage, DType::kInt8, {kStateBytes})),
              refused);
  EXPECT_THAT(Generator::FromState(*Tensor::Create(storage, DType::kUInt8,
                                                   {kStateBytes}, {2}, 0)),
              refused);
  EXPECT_THAT(Generator::FromState(
                  *Tensor::Create(Storage::Described(kStateBytes, "cpu"),
                                  DType::kUInt8, {kStateBytes})),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
