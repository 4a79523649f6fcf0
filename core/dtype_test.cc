// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/dtype.h"

#include <optional>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(DTypeTest, EveryNameLeadsBackToItsDType) {
  std::set<std::string> names;
  for (DType dtype : AllDTypes()) {
    EXPECT_EQ(DTypeFromName(Name(dtype)), dtype);
    names.insert(std::string(Name(dtype)));
  }
  EXPECT_EQ(names.size(), AllDTypes().size());
}

TEST(DTypeTest, AliasesAreThoseOfPyTorch) {
  EXPECT_EQ(DTypeFromName("float"), DType::kFloat32);
  EXPECT_EQ(DTypeFromName("double"), DType::kFloat64);
  EXPECT_EQ(DTypeFromName("half"), DType::kFloat16);
  EXPECT_EQ(DTypeFromName("long"), DType::kInt64);
  EXPECT_EQ(DTypeFromName("int"), DType::kInt32);
  EXPECT_EQ(DTypeFromName("short"), DType::kInt16);
  EXPECT_EQ(DTypeFromName("cfloat"), DType::kComplex64);
  EXPECT_EQ(DTypeFromName("cdouble"), DType::kComplex128);
  EXPECT_EQ(DTypeFromName("chalf"), DType::kComplex32);
}

TEST(DTypeTest, UnknownNamesAreNothing) {
  for (const char* name :
       {"", "float33", "Float32", "float32 ", "torch.int8"}) {
    EXPECT_EQ(DTypeFromName(name), std::nullopt) << name;
  }
}

// torch.<name>, its element size in bytes, and its kind of number.
struct Row {
  const char* name;
  uint64_t size;
  DTypeCategory category;
};
constexpr Row kPyTorch[] = {
    {"float64", 8, DTypeCategory::kFloat},
    {"float32", 4, DTypeCategory::kFloat},
    {"float16", 2, DTypeCategory::kFloat},
    {"bfloat16", 2, DTypeCategory::kFloat},
    {"float8_e5m2", 1, DTypeCategory::kFloat},
    {"float8_e4m3fn", 1, DTypeCategory::kFloat},
    {"float8_e5m2fnuz", 1, DTypeCategory::kFloat},
    {"float8_e4m3fnuz", 1, DTypeCategory::kFloat},
    {"float8_e8m0fnu", 1, DTypeCategory::kFloat},
    {"float4_e2m1fn_x2", 1, DTypeCategory::kFloat},
    {"complex128", 16, DTypeCategory::kComplex},
    {"complex64", 8, DTypeCategory::kComplex},
    {"complex32", 4, DTypeCategory::kComplex},
    {"bcomplex32", 4, DTypeCategory::kComplex},
    {"int64", 8, DTypeCategory::kSignedInt},
    {"int32", 4, DTypeCategory::kSignedInt},
    {"int16", 2, DTypeCategory::kSignedInt},
    {"int8", 1, DTypeCategory::kSignedInt},
    {"uint64", 8, DTypeCategory::kUnsignedInt},
    {"uint32", 4, DTypeCategory::kUnsignedInt},
    {"uint16", 2, DTypeCategory::kUnsignedInt},
    {"uint8", 1, DTypeCategory::kUnsignedInt},
    {"bool", 1, DTypeCategory::kBool},
    {"qint8", 1, DTypeCategory::kQuantized},
    {"quint8", 1, DTypeCategory::kQuantized},
    {"qint32", 4, DTypeCategory::kQuantized},
    {"quint4x2", 1, DTypeCategory::kQuantized},
    {"quint2x4", 1, DTypeCategory::kQuantized},
    {"bits1x8", 1, DTypeCategory::kBits},
    {"bits2x4", 1, DTypeCategory::kBits},
    {"bits4x2", 1, DTypeCategory::kBits},
    {"bits8", 1, DTypeCategory::kBits},
    {"bits16", 2, DTypeCategory::kBits},
    {"int1", 1, DTypeCategory::kSignedInt},
    {"int2", 1, DTypeCategory::kSignedInt},
    {"int3", 1, DTypeCategory::kSignedInt},
    {"int4", 1, DTypeCategory::kSignedInt},
    {"int5", 1, DTypeCategory::kSignedInt},
    {"int6", 1, DTypeCategory::kSignedInt},
    {"int7", 1, DTypeCategory::kSignedInt},
    {"uint1", 1, DTypeCategory::kUnsignedInt},
    {"uint2", 1, DTypeCategory::kUnsignedInt},
    {"uint3", 1, DTypeCategory::kUnsignedInt},
    {"uint4", 1, DTypeCategory::kUnsignedInt},
    {"uint5", 1, DTypeCategory::kUnsignedInt},
    {"uint6", 1, DTypeCategory::kUnsignedInt},
    {"uint7", 1, DTypeCategory::kUnsignedInt},
};

TEST(DTypeTest, NamesSizesAndCategoriesAreThoseOfPyTorch) {
  for (const Row& row : kPyTorch) {
    const std::optional<DType> dtype = DTypeFromName(row.name);
    ASSERT_TRUE(dtype.has_value()) << row.name;
    EXPECT_EQ(Name(*dtype), row.name);
    EXPECT_EQ(ElementSizeBytes(*dtype), row.size) << row.name;
    EXPECT_EQ(Category(*dtype), row.category) << row.name;
    const bool is_complex = row.category == DTypeCategory::kComplex;
    EXPECT_EQ(ByteOrderUnitBytes(*dtype), is_complex ? row.size / 2 : row.size)
        << row.name;
  }
  EXPECT_EQ(AllDTypes().size(), sizeof(kPyTorch) / sizeof(kPyTorch[0]));
}

TEST(DTypeTest, OnlyTwoDTypesShareTheirUnits) {
  for (DType dtype : AllDTypes()) {
    const uint64_t expected = dtype == DType::kQUInt4x2   ? 2
                              : dtype == DType::kQUInt2x4 ? 4
                                                          : 1;
    EXPECT_EQ(ElementsPerUnit(dtype), expected) << Name(dtype);
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
