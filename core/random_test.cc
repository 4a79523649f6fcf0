// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The expected numbers are those of PyTorch 1.13 with `torch.manual_seed(42)`.

#include "ferry/core/random.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/generator.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr uint64_t kSeed = 42;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A tensor of zeros with a storage of `elements`.
Tensor MakeView(DType dtype, absl::Span<const int64_t> shape,
                absl::Span<const int64_t> strides, uint64_t elements) {
  const uint64_t size_bytes = elements * ElementSizeBytes(dtype);
  const Storage storage = *Storage::Allocate(size_bytes);
  if (size_bytes != 0) std::memset(storage.data(), 0, size_bytes);
  return *Tensor::Create(storage, dtype, shape, strides, 0);
}

Tensor Make(DType dtype, int64_t count) {
  return MakeView(dtype, {count}, {1}, static_cast<uint64_t>(count));
}

// All elements of the storage.
template <typename T>
std::vector<T> Elements(const Tensor& tensor) {
  std::vector<T> elements(tensor.storage().size_bytes() / sizeof(T));
  if (!elements.empty()) {
    std::memcpy(elements.data(), tensor.storage().data(),
                elements.size() * sizeof(T));
  }
  return elements;
}

template <typename T>
std::vector<T> Uniform(DType dtype, int64_t count, double low, double high) {
  const Tensor tensor = Make(dtype, count);
  Generator generator(kSeed);
  EXPECT_THAT(FillUniform(tensor, low, high, generator), IsOk());
  return Elements<T>(tensor);
}

template <typename T>
std::vector<T> Normal(DType dtype, int64_t count, double mean, double stddev) {
  const Tensor tensor = Make(dtype, count);
  Generator generator(kSeed);
  EXPECT_THAT(FillNormal(tensor, mean, stddev, generator), IsOk());
  return Elements<T>(tensor);
}

template <typename T>
std::vector<T> Integers(DType dtype, int64_t low, int64_t high) {
  const Tensor tensor = Make(dtype, 3);
  Generator generator(kSeed);
  EXPECT_THAT(FillRandomIntegers(tensor, low, high, generator), IsOk());
  return Elements<T>(tensor);
}

template <typename T>
std::vector<T> Integers(DType dtype) {
  const Tensor tensor = Make(dtype, 3);
  Generator generator(kSeed);
  EXPECT_THAT(FillRandomIntegers(tensor, generator), IsOk());
  return Elements<T>(tensor);
}

TEST(RandomTest, Uniform) {
  EXPECT_THAT(Uniform<float>(DType::kFloat32, 4, -1, 2),
              ElementsAre(1.64680779f, 1.74501181f, 0.14859128f, 1.87791693f));
  EXPECT_THAT(Uniform<double>(DType::kFloat64, 3, -1, 2),
              ElementsAre(-0.82553654211571093, -0.81126949772626733,
                          -0.62924178167677292));
  EXPECT_THAT(Uniform<float>(DType::kComplex64, 2, -1, 2),
              ElementsAre(1.64680779f, 1.74501181f, 0.14859128f, 1.87791693f));
  // 0.649414062, 1.13671875, 0.259765625, 0.895507812
  EXPECT_THAT(Uniform<uint16_t>(DType::kFloat16, 4, -1, 2),
              ElementsAre(0x3932, 0x3c8c, 0x3428, 0x3b2a));
  // 0.1953125, 1.09375, 0.078125, -0.8359375
  EXPECT_THAT(Uniform<uint16_t>(DType::kBFloat16, 4, -1, 2),
              ElementsAre(0x3e48, 0x3f8c, 0x3da0, 0xbf56));
  // The bounds may be equal.
  EXPECT_THAT(Uniform<float>(DType::kFloat32, 2, 3, 3), ElementsAre(3, 3));
}

TEST(RandomTest, FewNormals) {
  const std::vector<float> wanted = {1.67338073f, 1.25761878f, 1.46892476f,
                                     1.46066606f, -1.24571276f};
  EXPECT_EQ(Normal<float>(DType::kFloat32, 5, 1, 2), wanted);
  // The parts of complex numbers have half the variance.
  EXPECT_THAT(Normal<float>(DType::kComplex64, 2, 1, 2),
              ElementsAre(1.47615206f, 1.18216395f, 1.3315798f, 1.3257401f));
}

TEST(RandomTest, ManyNormals) {
  const std::vector<float> wanted = {
      4.85383034f,   3.97456813f,  2.80143452f,  -3.21104193f, -0.516262293f,
      3.15663528f,   2.60160112f,  4.36124134f,  1.71171975f,  -0.373245955f,
      0.0132873058f, 1.4829756f,   0.53675139f,  1.08351898f,  0.496849418f,
      2.71971703f,   0.380546451f, 0.208579004f, 2.60681868f,  -0.243190765f};
  EXPECT_EQ(Normal<float>(DType::kFloat32, 20, 1, 2), wanted);
  const std::vector<double> doubles = Normal<double>(DType::kFloat64, 20, 1, 2);
  EXPECT_DOUBLE_EQ(doubles[0], 1.5991125755005275);
  EXPECT_DOUBLE_EQ(doubles[8], 1.076870476526709);
  EXPECT_DOUBLE_EQ(doubles[19], 0.33772137209660091);
  const std::vector<uint16_t> float16s =
      Normal<uint16_t>(DType::kFloat16, 20, 1, 2);
  EXPECT_EQ(float16s[0], 0x3f18);   // 1.7734375
  EXPECT_EQ(float16s[8], 0x3e20);   // 1.53125
  EXPECT_EQ(float16s[19], 0x3f9b);  // 1.90136719
  const std::vector<uint16_t> bfloat16s =
      Normal<uint16_t>(DType::kBFloat16, 20, 1, 2);
  EXPECT_EQ(bfloat16s[0], 0xbf1e);   // -0.6171875
  EXPECT_EQ(bfloat16s[8], 0x4008);   // 2.125
  EXPECT_EQ(bfloat16s[19], 0x3f46);  // 0.7734375
}

// Numbers that do not fit become infinite, and others stay.
TEST(RandomTest, NormalsOfAnySize) {
  const std::vector<uint16_t> huge =
      Normal<uint16_t>(DType::kFloat16, 8, 1e30, 1);
  EXPECT_EQ(huge, std::vector<uint16_t>(8, 0x7c00));
  const std::vector<uint16_t> nan =
      Normal<uint16_t>(DType::kFloat16, 1, kNan, 1);
  EXPECT_EQ(nan[0] & 0x7fff, 0x7e00);
  const std::vector<uint16_t> nan_bfloat16 =
      Normal<uint16_t>(DType::kBFloat16, 1, kNan, 1);
  EXPECT_EQ(nan_bfloat16[0] & 0x7fff, 0x7fc0);
  // 3 * 2^-24, and half of the smallest number, which rounds to even.
  EXPECT_THAT(Normal<uint16_t>(DType::kFloat16, 1, 0x3p-24, 0), ElementsAre(3));
  EXPECT_THAT(Normal<uint16_t>(DType::kFloat16, 1, 0x1p-25, 0), ElementsAre(0));
  EXPECT_THAT(Normal<uint16_t>(DType::kFloat16, 1, -0x3p-25, 0),
              ElementsAre(0x8002));
  EXPECT_THAT(Normal<uint16_t>(DType::kFloat16, 1, 65519, 0),
              ElementsAre(0x7bff));
  EXPECT_THAT(Normal<uint16_t>(DType::kFloat16, 1, 65520, 0),
              ElementsAre(0x7c00));
}

TEST(RandomTest, IntegersOfARange) {
  EXPECT_THAT(Integers<int64_t>(DType::kInt64, -10, 10),
              ElementsAre(-8, -3, 6));
  const int64_t big = int64_t{1} << 40;
  EXPECT_THAT(Integers<int64_t>(DType::kInt64, -big, big),
              ElementsAre(-658003837517, 395924837646, -640896347065));
  EXPECT_THAT(
      Integers<int32_t>(DType::kInt32, -(int64_t{1} << 31), int64_t{1} << 31),
      ElementsAre(-538846106, 1273642419, 1935803228));
  EXPECT_THAT(Integers<float>(DType::kFloat32, -(1 << 24) - 3, (1 << 24) + 3),
              ElementsAre(14801737, 15350610, 6422659));
  // 55968, 17648, 60128
  EXPECT_THAT(Integers<uint16_t>(DType::kFloat16, 0, 65504),
              ElementsAre(0x7ad5, 0x744f, 0x7b57));
  // The widest range that there is.
  EXPECT_THAT(
      Integers<int64_t>(DType::kInt64, std::numeric_limits<int64_t>::min(),
                        std::numeric_limits<int64_t>::max())
          .size(),
      3u);
}

TEST(RandomTest, IntegersOfADType) {
  EXPECT_THAT(Integers<int64_t>(DType::kInt64),
              ElementsAre(6909045637428952499, 8314211556539077902,
                          4279532810384561223));
  EXPECT_THAT(Integers<int32_t>(DType::kInt32),
              ElementsAre(1608637542, 1273642419, 1935803228));
  EXPECT_THAT(Integers<int16_t>(DType::kInt16), ElementsAre(23654, 15795, 860));
  EXPECT_THAT(Integers<int8_t>(DType::kInt8), ElementsAre(102, 51, 92));
  EXPECT_THAT(Integers<uint8_t>(DType::kUInt8), ElementsAre(102, 179, 92));
  EXPECT_THAT(Integers<uint8_t>(DType::kBool), ElementsAre(0, 1, 0));
  EXPECT_THAT(Integers<float>(DType::kFloat32),
              ElementsAre(14801927, 15351016, 6423145));
  EXPECT_THAT(Integers<double>(DType::kFloat64),
              ElementsAre(523809042610868, 566644413140339, 1113164382588524));
  // 426, 923, 745 and 12, 149, 201
  EXPECT_THAT(Integers<uint16_t>(DType::kFloat16),
              ElementsAre(0x5ea8, 0x6336, 0x61d2));
  EXPECT_THAT(Integers<uint16_t>(DType::kBFloat16),
              ElementsAre(0x4140, 0x4315, 0x4349));
}

TEST(RandomTest, Bernoulli) {
  Generator generator(kSeed);
  const Tensor tensor = Make(DType::kUInt8, 8);
  ASSERT_THAT(FillBernoulli(tensor, 0.3, generator), IsOk());
  EXPECT_THAT(Elements<uint8_t>(tensor), ElementsAre(1, 1, 1, 1, 0, 0, 0, 0));
}

TEST(RandomTest, BernoulliWithProbabilities) {
  const Tensor tensor = MakeView(DType::kUInt8, {2, 4}, {4, 1}, 8);
  Generator generator(kSeed);
  ASSERT_THAT(
      FillBernoulli(tensor, *Tensor::FromData<float>({0, 0.3f, 0.6f, 1}, {4}),
                    generator),
      IsOk());
  EXPECT_THAT(Elements<uint8_t>(tensor), ElementsAre(0, 0, 1, 1, 0, 0, 1, 1));
  generator.SetSeed(kSeed);
  ASSERT_THAT(
      FillBernoulli(tensor, *Tensor::FromData<double>({0.4, 0.6}, {2, 1}),
                    generator),
      IsOk());
  EXPECT_THAT(Elements<uint8_t>(tensor), ElementsAre(1, 1, 1, 1, 1, 1, 0, 0));
}

TEST(RandomTest, BernoulliWithItsOwnElements) {
  const Tensor tensor = *Tensor::FromData<float>({0, 1, 1, 0}, {4});
  Generator generator(kSeed);
  ASSERT_THAT(FillBernoulli(tensor, tensor, generator), IsOk());
  EXPECT_THAT(Elements<float>(tensor), ElementsAre(0, 1, 1, 0));
}

TEST(RandomTest, Permutation) {
  Generator generator(kSeed);
  EXPECT_THAT(Elements<int64_t>(*RandomPermutation(8, generator)),
              ElementsAre(6, 3, 0, 7, 2, 1, 4, 5));
  EXPECT_EQ(RandomPermutation(0, generator)->num_elements(), 0);
  EXPECT_THAT(Elements<int64_t>(*RandomPermutation(1, generator)),
              ElementsAre(0));
  EXPECT_THAT(RandomPermutation(-1, generator),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(RandomPermutation(std::numeric_limits<int64_t>::max(), generator),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(RandomTest, TheSmallestStrideIsInnermost) {
  const std::vector<float> in_order = Uniform<float>(DType::kFloat32, 12, 0, 1);
  Generator generator(kSeed);
  // Transposed: as in memory.
  const Tensor transposed = MakeView(DType::kFloat32, {3, 4}, {1, 3}, 12);
  ASSERT_THAT(FillUniform(transposed, 0, 1, generator), IsOk());
  EXPECT_THAT(Elements<float>(transposed), ElementsAreArray(in_order));
  // Every other row and column; a dimension of size 1 has any stride.
  generator.SetSeed(kSeed);
  const Tensor gaps = MakeView(DType::kFloat32, {2, 1, 2}, {8, 0, 2}, 12);
  ASSERT_THAT(FillUniform(gaps, 0, 1, generator), IsOk());
  EXPECT_THAT(Elements<float>(gaps),
              ElementsAre(in_order[0], 0, in_order[1], 0, 0, 0, 0, 0,
                          in_order[2], 0, in_order[3], 0));
  // Rows longer than what is drawn at a time.
  generator.SetSeed(kSeed);
  const Tensor far = MakeView(DType::kFloat32, {3000}, {2}, 6000);
  ASSERT_THAT(FillUniform(far, 0, 1, generator), IsOk());
  const std::vector<float> wide = Elements<float>(far);
  const std::vector<float> narrow = Uniform<float>(DType::kFloat32, 3000, 0, 1);
  for (size_t i = 0; i < narrow.size(); ++i) {
    ASSERT_EQ(wide[2 * i], narrow[i]);
    ASSERT_EQ(wide[2 * i + 1], 0);
  }
}

TEST(RandomTest, NothingToFill) {
  Generator generator(kSeed);
  const Tensor empty = Make(DType::kFloat32, 0);
  EXPECT_THAT(FillUniform(empty, 0, 1, generator), IsOk());
  EXPECT_THAT(FillNormal(empty, 0, 1, generator), IsOk());
  EXPECT_THAT(FillRandomIntegers(empty, generator), IsOk());
  EXPECT_THAT(FillRandomIntegers(empty, 0, 9, generator), IsOk());
  EXPECT_THAT(FillBernoulli(empty, 0.5, generator), IsOk());
  EXPECT_THAT(FillBernoulli(empty, empty, generator), IsOk());
  // Strides that no element depends on.
  const Tensor repeated = MakeView(DType::kComplex64, {0, 3}, {1, 0}, 0);
  EXPECT_THAT(FillUniform(repeated, 0, 1, generator), IsOk());
  const Tensor far = MakeView(DType::kComplex64, {0, 3},
                              {1, std::numeric_limits<int64_t>::max()}, 0);
  EXPECT_THAT(FillNormal(far, 0, 1, generator), IsOk());
  EXPECT_EQ(generator.Next32(), Generator(kSeed).Next32());
  EXPECT_EQ(empty.storage().version(), 0u);
}

TEST(RandomTest, StridesOfSizeOneDoNotMatter) {
  const Tensor single = MakeView(DType::kComplex64, {2, 1},
                                 {1, std::numeric_limits<int64_t>::max()}, 2);
  Generator generator(kSeed);
  ASSERT_THAT(FillUniform(single, -1, 2, generator), IsOk());
  EXPECT_THAT(Elements<float>(single),
              ElementsAreArray(Uniform<float>(DType::kFloat32, 4, -1, 2)));
}

TEST(RandomTest, CountsAsOneChangeOfTheStorage) {
  Generator generator(kSeed);
  const Tensor tensor = Make(DType::kFloat32, 20);
  ASSERT_THAT(FillUniform(tensor, 0, 1, generator), IsOk());
  EXPECT_EQ(tensor.storage().version(), 1u);
  ASSERT_THAT(FillNormal(tensor, 0, 1, generator), IsOk());
  EXPECT_EQ(tensor.storage().version(), 2u);
  ASSERT_THAT(FillRandomIntegers(tensor, generator), IsOk());
  EXPECT_EQ(tensor.storage().version(), 3u);
  ASSERT_THAT(FillRandomIntegers(tensor, 0, 2, generator), IsOk());
  EXPECT_EQ(tensor.storage().version(), 4u);
  ASSERT_THAT(FillBernoulli(tensor, tensor, generator), IsOk());
  EXPECT_EQ(tensor.storage().version(), 5u);
  ASSERT_THAT(FillBernoulli(tensor, 1, generator), IsOk());
  EXPECT_EQ(tensor.storage().version(), 6u);
}

// Calls every function on the tensor, each with good numbers.
std::vector<absl::Status> FillInEveryWay(const Tensor& tensor,
                                         Generator& generator) {
  return {
      FillUniform(tensor, 0, 1, generator),
      FillNormal(tensor, 0, 1, generator),
      FillRandomIntegers(tensor, 0, 2, generator),
      FillRandomIntegers(tensor, generator),
      FillBernoulli(tensor, 0.5, generator),
      FillBernoulli(tensor, *Tensor::FromData<float>({0.5f}, {1}), generator)};
}

TEST(RandomTest, RefusesTensorsThatItCannotWrite) {
  Generator generator(kSeed);
  const auto refuses =
      [&generator](const Tensor& tensor, const std::string& why,
                   absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
        for (const absl::Status& status : FillInEveryWay(tensor, generator)) {
          EXPECT_THAT(status, StatusIs(code, HasSubstr(why)));
        }
      };
  refuses(Tensor(), "null");
  refuses(Tensor::CreateComposite(Layout::kSparseCoo, DType::kFloat32, {3}, {}),
          "sparse_coo");
  const Tensor negated = Make(DType::kFloat32, 3);
  negated.set_neg(true, InternalKey());
  refuses(negated, "negated");
  refuses(MakeView(DType::kFloat32, {3, 2}, {0, 1}, 6), "repeats");
  refuses(*Tensor::Create(Storage::Described(12, "cpu"), DType::kFloat32, {3}),
          "Checkpoint::Load", absl::StatusCode::kFailedPrecondition);
  refuses(*Tensor::Create(Storage::FromMemory(
                              Device("cuda:1"),
                              Memory{reinterpret_cast<void*>(16), nullptr}, 12),
                          DType::kFloat32, {3}),
          "cuda:1", absl::StatusCode::kFailedPrecondition);
  refuses(Make(DType::kUInt16, 3), "uint16");
  refuses(Make(DType::kFloat8E5M2, 3), "float8_e5m2");
  refuses(Make(DType::kQInt8, 3), "qint8");
  // Nothing was drawn.
  EXPECT_EQ(generator.Next32(), Generator(kSeed).Next32());
}

TEST(RandomTest, RefusesDTypesOfOtherFunctions) {
  Generator generator(kSeed);
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  for (const DType dtype : {DType::kInt64, DType::kUInt8, DType::kBool}) {
    EXPECT_THAT(FillUniform(Make(dtype, 3), 0, 1, generator), refused);
    EXPECT_THAT(FillNormal(Make(dtype, 3), 0, 1, generator), refused);
  }
  const Tensor complex = Make(DType::kComplex64, 3);
  EXPECT_THAT(FillRandomIntegers(complex, generator), refused);
  EXPECT_THAT(FillRandomIntegers(complex, 0, 1, generator), refused);
  EXPECT_THAT(FillBernoulli(complex, 0.5, generator), refused);
}

TEST(RandomTest, RefusesNumbersOutOfRange) {
  Generator generator(kSeed);
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  const Tensor floats = Make(DType::kFloat32, 3);
  for (const auto& [low, high] :
       std::vector<std::pair<double, double>>{{1, 0},
                                              {0, 1e39},
                                              {-1e39, 0},
                                              {-3e38, 3e38},
                                              {kNan, 1},
                                              {0, kNan},
                                              {0, kInfinity}}) {
    EXPECT_THAT(FillUniform(floats, low, high, generator), refused);
  }
  EXPECT_THAT(FillUniform(Make(DType::kFloat16, 3), 0, 65505, generator),
              refused);
  for (const double stddev : {-1.0, -kInfinity, kNan}) {
    EXPECT_THAT(FillNormal(floats, 0, stddev, generator), refused);
  }
  EXPECT_THAT(FillRandomIntegers(floats, 3, 3, generator), refused);
  EXPECT_THAT(
      FillRandomIntegers(floats, std::numeric_limits<int64_t>::max(),
                         std::numeric_limits<int64_t>::min(), generator),
      refused);
  EXPECT_THAT(FillRandomIntegers(Make(DType::kUInt8, 3), 0, 257, generator),
              refused);
  EXPECT_THAT(FillRandomIntegers(Make(DType::kUInt8, 3), -1, 5, generator),
              refused);
  EXPECT_THAT(FillRandomIntegers(Make(DType::kBool, 3), 0, 3, generator),
              refused);
  EXPECT_THAT(FillRandomIntegers(Make(DType::kFloat16, 3), 0, 65530, generator),
              refused);
  for (const double probability : {-0.1, 1.1, kNan}) {
    EXPECT_THAT(FillBernoulli(floats, probability, generator), refused);
    EXPECT_THAT(FillBernoulli(
                    floats, *Tensor::FromData<double>({0, probability, 1}, {3}),
                    generator),
                refused);
  }
  EXPECT_EQ(Elements<float>(floats), std::vector<float>(3, 0));
  EXPECT_EQ(floats.storage().version(), 0u);
  EXPECT_EQ(generator.Next32(), Generator(kSeed).Next32());
}

TEST(RandomTest, RefusesProbabilitiesThatDoNotFit) {
  Generator generator(kSeed);
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  const Tensor tensor = Make(DType::kFloat32, 3);
  EXPECT_THAT(FillBernoulli(tensor, Make(DType::kFloat32, 2), generator),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("cannot broadcast shape [2] to [3]")));
  EXPECT_THAT(
      FillBernoulli(tensor, MakeView(DType::kFloat32, {1, 3}, {3, 1}, 3),
                    generator),
      refused);
  EXPECT_THAT(FillBernoulli(tensor, Make(DType::kInt64, 3), generator),
              refused);
  EXPECT_THAT(FillBernoulli(tensor, Tensor(), generator), refused);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
