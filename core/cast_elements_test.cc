// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/cast_elements.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/simd_targets.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<DType> Castable() {
  std::vector<DType> dtypes;
  for (DType dtype : AllDTypes()) {
    if (CheckCast(dtype, dtype).ok()) dtypes.push_back(dtype);
  }
  return dtypes;
}

std::string Cast(absl::string_view from, DType from_dtype, DType to_dtype) {
  const size_t count = from.size() / ElementSizeBytes(from_dtype);
  std::string to(count * ElementSizeBytes(to_dtype), '\xA5');
  CastElements(from.data(), from_dtype, &to[0], to_dtype,
               static_cast<int64_t>(count));
  return to;
}

// The same for values, of types of the size of the elements.
template <typename To, typename From>
std::vector<To> Cast(DType from_dtype, DType to_dtype,
                     const std::vector<From>& from) {
  EXPECT_EQ(ElementSizeBytes(from_dtype), sizeof(From));
  EXPECT_EQ(ElementSizeBytes(to_dtype), sizeof(To));
  std::vector<To> to(from.size());
  CastElements(from.data(), from_dtype, to.data(), to_dtype,
               static_cast<int64_t>(from.size()));
  return to;
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(CheckCastTest, AllNumbers) {
  const std::vector<DType> castable = Castable();
  EXPECT_EQ(castable.size(), 22);
  for (DType from : castable) {
    for (DType to : castable) EXPECT_THAT(CheckCast(from, to), IsOk());
  }
}

TEST(CheckCastTest, RefusesTheRest) {
  for (DType dtype :
       {DType::kFloat4E2M1FNx2, DType::kQUInt8, DType::kBits8, DType::kInt4,
        DType::kUInt1, DType::kQUInt4x2, DType::kBits16}) {
    const std::string name(Name(dtype));
    EXPECT_THAT(CheckCast(dtype, DType::kFloat32),
                StatusIs(absl::StatusCode::kUnimplemented,
                         HasSubstr("from " + name + " to float32: " + name)));
    EXPECT_THAT(CheckCast(DType::kFloat32, dtype),
                StatusIs(absl::StatusCode::kUnimplemented,
                         HasSubstr("from float32 to " + name + ": " + name)));
    EXPECT_THAT(CheckCast(dtype, dtype),
                StatusIs(absl::StatusCode::kUnimplemented));
  }
}

// What the header says, by example. The digests below cover it all.

TEST(CastElementsTest, RoundsToNearestEven) {
  EXPECT_THAT((Cast<uint16_t, uint32_t>(DType::kFloat32, DType::kBFloat16,
                                        {0x3F800000, 0x3F808000, 0x3F808001,
                                         0x3F818000, 0x7F7FFFFF})),
              ElementsAre(0x3F80, 0x3F80, 0x3F81, 0x3F82, 0x7F80));
  EXPECT_THAT(
      (Cast<uint16_t, float>(DType::kFloat32, DType::kFloat16,
                             {1, 1 + 0x1p-11f, 1 + 0x1.8p-10f, 65519, 65520,
                              -0x1p-25f, -0x1.8p-24f})),
      ElementsAre(0x3C00, 0x3C00, 0x3C02, 0x7BFF, 0x7C00, 0x8000, 0x8002));
  // float64 would round the first of these to halfway between two float32.
  EXPECT_THAT((Cast<float, int64_t>(DType::kInt64, DType::kFloat32,
                                    {(int64_t{1} << 54) + (1 << 30) + 1,
                                     std::numeric_limits<int64_t>::max()})),
              ElementsAre(0x1.000002p54f, 0x1p63f));
}

TEST(CastElementsTest, RoundsFloat64ToBFloat16Twice) {
  // A little more than halfway between two numbers, and halfway as a float32.
  EXPECT_THAT((Cast<uint16_t, double>(DType::kFloat64, DType::kBFloat16,
                                      {1 + 0x1p-8 + 0x1p-40})),
              ElementsAre(0x3F80));
}

TEST(CastElementsTest, LimitsOfFloat8) {
  const std::vector<float> values = {-0.0f, 448, 465, kInfinity, -1e9f, kNan};
  const auto cast = [&](DType dtype) {
    return Cast<uint8_t, float>(DType::kFloat32, dtype, values);
  };
  EXPECT_THAT(cast(DType::kFloat8E4M3FN),
              ElementsAre(0x80, 0x7E, 0x7E, 0x7E, 0xFE, 0x7F));
  EXPECT_THAT(cast(DType::kFloat8E5M2),
              ElementsAre(0x80, 0x5F, 0x5F, 0x7C, 0xFC, 0x7F));
  EXPECT_THAT(cast(DType::kFloat8E4M3FNUZ),
              ElementsAre(0x00, 0x80, 0x80, 0x80, 0x80, 0x80));
  EXPECT_THAT(cast(DType::kFloat8E5M2FNUZ),
              ElementsAre(0x00, 0x63, 0x63, 0x80, 0x80, 0x80));
  EXPECT_THAT(cast(DType::kFloat8E8M0FNU),
              ElementsAre(0x00, 0x88, 0x88, 0xFF, 0x9D, 0xFF));
}

TEST(CastElementsTest, FloatsOutOfRangeOfIntegers) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_THAT((Cast<int64_t, float>(DType::kFloat32, DType::kInt64,
                                    {-1.9f, 0x1p63f, -kInfinity, kNan})),
              ElementsAre(-1, kLeast, kLeast, kLeast));
  EXPECT_THAT(
      (Cast<int32_t, float>(DType::kFloat32, DType::kInt32,
                            {-1.9f, 0x1p31f, -0x1p31f, kInfinity, kNan})),
      ElementsAre(-1, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN));
  EXPECT_THAT((Cast<int16_t, float>(DType::kFloat32, DType::kInt16,
                                    {70000, -40000, 0x1p31f, kNan})),
              ElementsAre(4464, 25536, 0, 0));
  EXPECT_THAT((Cast<uint8_t, double>(DType::kFloat64, DType::kUInt8,
                                     {-1.5, 300, 4294967295.0, NAN})),
              ElementsAre(255, 44, 255, 0));
  EXPECT_THAT((Cast<uint32_t, double>(DType::kFloat64, DType::kUInt32,
                                      {-1.5, 5e9, -5e9, NAN})),
              ElementsAre(4294967295, 705032704, 3589934592, 0));
  EXPECT_THAT((Cast<uint64_t, double>(
                  DType::kFloat64, DType::kUInt64,
                  {-1.5, 1.3e19, 0x1p64, -1e19, double{kInfinity}, NAN})),
              ElementsAre(UINT64_MAX, 13000000000000000000u, 0,
                          uint64_t{1} << 63, 0, uint64_t{1} << 63));
}

TEST(CastElementsTest, Bool) {
  EXPECT_THAT((Cast<uint8_t, float>(DType::kFloat32, DType::kBool,
                                    {0, -0.0f, 0x1p-149f, kNan, -2})),
              ElementsAre(0, 0, 1, 1, 1));
  EXPECT_THAT((Cast<uint8_t, int64_t>(DType::kInt64, DType::kBool,
                                      {0, int64_t{1} << 40, -1})),
              ElementsAre(0, 1, 1));
  EXPECT_THAT(
      (Cast<float, uint8_t>(DType::kBool, DType::kFloat32, {0, 1, 2, 255})),
      ElementsAre(0, 1, 1, 1));
  EXPECT_THAT((Cast<uint8_t, uint8_t>(DType::kBool, DType::kBool, {0, 1, 2})),
              ElementsAre(0, 1, 2));
}

TEST(CastElementsTest, Complex) {
  using Pair = std::array<float, 2>;
  const std::vector<Pair> pairs = {{1, -2}, {0, 3}, {-0.0f, 0}, {kNan, 0}};
  EXPECT_THAT((Cast<int32_t, Pair>(DType::kComplex64, DType::kInt32, pairs)),
              ElementsAre(1, 0, 0, INT32_MIN));
  EXPECT_THAT((Cast<uint8_t, Pair>(DType::kComplex64, DType::kBool, pairs)),
              ElementsAre(1, 1, 0, 1));
  EXPECT_THAT((Cast<uint32_t, Pair>(DType::kComplex64, DType::kComplex32,
                                    {{1, -2}, {0, 65520}})),
              ElementsAre(0xC0003C00, 0x7C000000));
  EXPECT_THAT(
      (Cast<uint32_t, uint8_t>(DType::kUInt8, DType::kBComplex32, {0, 2, 255})),
      ElementsAre(0, 0x4000, 0x437F));
  EXPECT_THAT((Cast<std::array<double, 2>, int16_t>(
                  DType::kInt16, DType::kComplex128, {-3, 4})),
              ElementsAre(ElementsAre(-3, 0), ElementsAre(4, 0)));
}

// ------------------------------------------------- Everything against PyTorch

// The source elements and the digests are those of testdata/
// make_cast_digests.py.

constexpr size_t kSamples = 1 << 16;

uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

uint64_t WithTail(uint64_t bits, uint64_t size, uint64_t kind) {
  const uint64_t ones = (uint64_t{1} << size) - 1;
  const uint64_t half = (ones + 1) / 2;
  const uint64_t tails[] = {0, 1, half - 1, half, half + 1, ones};
  return (bits & ~ones) | (tails[kind % 6] & ones);
}

uint64_t FloatSample(int exponent_bits, int mantissa_bits, uint64_t i) {
  const uint64_t r = Mix(2 * i) >> (63 - exponent_bits - mantissa_bits);
  const uint64_t s = Mix(2 * i + 1);
  const uint64_t largest = (uint64_t{1} << exponent_bits) - 1;
  const uint64_t bias = largest >> 1;
  const uint64_t step = (s >> 8) % 128;
  const uint64_t near = step % 100 + bias - 32;
  const uint64_t low = step % 32 + bias;
  const uint64_t exponents[] = {
      (r >> mantissa_bits) & largest, 0,    largest, step % 8 + bias + 120,
      low < 152 ? 0 : low - 152,      near, near,    near};
  const uint64_t mantissa =
      WithTail(r & ((uint64_t{1} << mantissa_bits) - 1),
               (s >> 16) % static_cast<uint64_t>(mantissa_bits + 1), s >> 24);
  const uint64_t sign = r >> (exponent_bits + mantissa_bits);
  return (sign << (exponent_bits + mantissa_bits)) |
         (exponents[s % 8] << mantissa_bits) | mantissa;
}

uint64_t IntegerSample(uint64_t bits, uint64_t i) {
  const uint64_t r = Mix(2 * i);
  const uint64_t s = Mix(2 * i + 1);
  const uint64_t length = (s >> 8) % bits + 1;
  const uint64_t value =
      WithTail(r >> (64 - length), (s >> 16) % length, s >> 24);
  return ((s >> 32) & 1) != 0 ? 0 - value : value;
}

void AppendLow(uint64_t value, size_t bytes, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), bytes);
}

// Returns the size of an element, or of a part of a complex one, in bytes.
size_t PartBytes(DType dtype) { return ByteOrderUnitBytes(dtype); }

// Returns the source elements of a dtype: all of them if they have 16 bits or
// fewer.
std::string Samples(DType dtype) {
  const size_t bytes = PartBytes(dtype);
  std::string out;
  for (uint64_t i = 0; i < kSamples; ++i) {
    switch (dtype) {
      case DType::kFloat64:
      case DType::kComplex128:
        AppendLow(FloatSample(11, 52, i), bytes, &out);
        break;
      case DType::kFloat32:
      case DType::kComplex64:
        AppendLow(FloatSample(8, 23, i), bytes, &out);
        break;
      case DType::kComplex32:
      case DType::kBComplex32:
        AppendLow(i, bytes, &out);
        AppendLow(Mix(i), bytes, &out);
        break;
      default:
        if (bytes <= 2 && i >> (8 * bytes) != 0) return out;
        AppendLow(bytes <= 2 ? i : IntegerSample(8 * bytes, i), bytes, &out);
    }
  }
  return out;
}

// Returns the bits with one NaN in place of all.
uint64_t OneNan(DType dtype, uint64_t bits) {
  const auto one_of = [bits](uint64_t infinity, uint64_t mask) {
    return (bits & mask) > infinity ? mask : bits;
  };
  switch (dtype) {
    case DType::kFloat64:
    case DType::kComplex128:
      return one_of(uint64_t{0x7FF} << 52, UINT64_MAX >> 1);
    case DType::kFloat32:
    case DType::kComplex64:
      return one_of(0x7F800000, 0x7FFFFFFF);
    case DType::kFloat16:
    case DType::kComplex32:
      return one_of(0x7C00, 0x7FFF);
    case DType::kBFloat16:
    case DType::kBComplex32:
      return one_of(0x7F80, 0x7FFF);
    case DType::kFloat8E5M2:
      return one_of(0x7C, 0x7F);
    case DType::kFloat8E4M3FN:
      return one_of(0x7E, 0x7F);
    default:
      return bits;
  }
}

std::string Digest(DType dtype, absl::string_view elements) {
  const size_t bytes = PartBytes(dtype);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < elements.size() / bytes; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, elements.data() + i * bytes, bytes);
    sum += Mix(OneNan(dtype, bits) + Mix(i));
  }
  return absl::StrCat(absl::Hex(sum >> 32, absl::kZeroPad8));
}

TEST(CastElementsTest, DoesWhatPyTorchDoes) {
  const std::string file = ReadFile("core/testdata/cast_digests.txt");
  const std::vector<std::string> rows =
      absl::StrSplit(file, '\n', absl::SkipEmpty());
  const std::vector<DType> castable = Castable();
  ASSERT_EQ(rows.size(), castable.size());
  for (size_t from = 0; from < rows.size(); ++from) {
    const std::vector<std::string> row = absl::StrSplit(rows[from], ' ');
    ASSERT_EQ(row.size(), 1 + castable.size());
    ASSERT_EQ(row[0], Name(castable[from]));
    const std::string samples = Samples(castable[from]);
    for (size_t to = 0; to < castable.size(); ++to) {
      const std::string cast = Cast(samples, castable[from], castable[to]);
      EXPECT_EQ(Digest(castable[to], cast), row[1 + to])
          << "from " << row[0] << " to " << Name(castable[to]);
    }
  }
}

TEST(CastElementsTest, DoesTheSameOnAllProcessors) {
  for (DType from : Castable()) {
    const std::string samples = Samples(from);
    for (DType to : Castable()) {
      const std::string expected = Cast(samples, from, to);
      simd::ForEachTarget([&](int64_t target) {
        EXPECT_TRUE(Cast(samples, from, to) == expected)
            << "from " << Name(from) << " to " << Name(to) << " with "
            << hwy::TargetName(target);
      });
    }
  }
}

// At any address any number of elements is cast to the same, and no byte beside
// them changes.
TEST(CastElementsTest, CountsAndAddresses) {
  constexpr char kGuard = '\x5A';
  simd::ForEachTarget([&](int64_t target) {
    for (DType from : Castable()) {
      const size_t from_bytes = ElementSizeBytes(from);
      const std::string samples = Samples(from).substr(0, 1100 * from_bytes);
      for (DType to : Castable()) {
        const size_t to_bytes = ElementSizeBytes(to);
        const std::string expected = Cast(samples, from, to);
        for (size_t count : {0, 1, 3, 15, 17, 31, 64, 67, 511, 513, 1025}) {
          count = std::min(count, samples.size() / from_bytes);
          const size_t shift = count % 8;
          const std::string in =
              std::string(shift, 'x') + samples.substr(0, count * from_bytes);
          std::string out(count * to_bytes + 16, kGuard);
          CastElements(in.data() + shift, from, &out[8 - shift], to,
                       static_cast<int64_t>(count));
          EXPECT_EQ(out, std::string(8 - shift, kGuard) +
                             expected.substr(0, count * to_bytes) +
                             std::string(8 + shift, kGuard))
              << "from " << Name(from) << " to " << Name(to) << " with "
              << hwy::TargetName(target) << ", " << count << " elements";
        }
      }
    }
  });
}

}  // namespace
}  // namespace v1
}  // namespace ferry
