// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/dtype.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace ferry {
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
  for (const char* name : {"", "float33", "Float32", "float32 ", "torch.int8"}) {
    EXPECT_EQ(DTypeFromName(name), std::nullopt) << name;
  }
}

TEST(DTypeTest, SizesAndCategories) {
  EXPECT_EQ(ElementSizeBytes(DType::kComplex128), 16u);
  EXPECT_EQ(ByteOrderUnitBytes(DType::kComplex128), 8u);
  EXPECT_EQ(ByteOrderUnitBytes(DType::kComplex32), 2u);
  EXPECT_EQ(ByteOrderUnitBytes(DType::kBFloat16), 2u);
  EXPECT_EQ(ElementSizeBytes(DType::kBits16), 2u);
  EXPECT_EQ(ElementsPerUnit(DType::kQUInt4x2), 2u);
  EXPECT_EQ(ElementsPerUnit(DType::kQUInt2x4), 4u);
  EXPECT_EQ(ElementsPerUnit(DType::kFloat4E2M1FNx2), 1u);
  EXPECT_EQ(Category(DType::kFloat8E8M0FNU), DTypeCategory::kFloat);
  EXPECT_EQ(Category(DType::kQInt32), DTypeCategory::kQuantized);
  EXPECT_EQ(Category(DType::kUInt7), DTypeCategory::kUnsignedInt);
}

}  // namespace
}  // namespace ferry
