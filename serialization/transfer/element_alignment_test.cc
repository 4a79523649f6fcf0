// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/element_alignment.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/value/object_graph.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

class ElementAlignmentTest : public testing::Test {
 protected:
  ElementAlignmentTest() { parsed_.graph = std::make_shared<ObjectGraph>(); }

  Storage AddStorage(uint64_t size_bytes) {
    ParsedCheckpoint::ParsedStorage part;
    part.storage = Storage::Described(size_bytes, "cpu");
    parsed_.storages.push_back(part);
    return part.storage;
  }

  static Tensor MakeTensor(const Storage& storage, DType dtype) {
    return *Tensor::Create(storage, dtype, {1}, {1}, 0);
  }

  // Of storage `i`.
  int Alignment(size_t i) {
    SetElementAlignments(&parsed_);
    return parsed_.storages[i].alignment_bytes;
  }

  ParsedCheckpoint parsed_;
};

TEST_F(ElementAlignmentTest, IsThatOfTheTensor) {
  const std::pair<DType, int> kDTypes[] = {
      {DType::kUInt8, 1},     {DType::kBool, 1},       {DType::kFloat16, 2},
      {DType::kFloat32, 4},   {DType::kFloat64, 8},    {DType::kComplex32, 2},
      {DType::kComplex64, 4}, {DType::kComplex128, 8}, {DType::kQInt32, 4},
  };
  for (const auto& [dtype, alignment] : kDTypes) {
    parsed_ = ParsedCheckpoint();
    parsed_.graph = std::make_shared<ObjectGraph>();
    parsed_.graph->AddTensor(MakeTensor(AddStorage(16), dtype));
    EXPECT_EQ(Alignment(0), alignment) << Name(dtype);
  }
}

TEST_F(ElementAlignmentTest, NoDTypeNeedsMoreThanTheDefault) {
  for (DType dtype : AllDTypes()) {
    EXPECT_LE(ByteOrderUnitBytes(dtype),
              ParsedCheckpoint::ParsedStorage().alignment_bytes)
        << Name(dtype);
  }
}

TEST_F(ElementAlignmentTest, IsTheLargestOfAllTensors) {
  const Storage storage = AddStorage(16);
  for (DType dtype : {DType::kFloat16, DType::kFloat64, DType::kUInt8}) {
    parsed_.graph->AddTensor(MakeTensor(storage, dtype));
  }
  EXPECT_EQ(Alignment(0), 8);
}

TEST_F(ElementAlignmentTest, CountsTheStoragesOwnDTypeIfItHasOne) {
  parsed_.graph->AddStorage({AddStorage(16), DType::kFloat32, false});
  parsed_.graph->AddStorage({AddStorage(16), DType::kUInt8, true});
  EXPECT_EQ(Alignment(0), 4);
  // Bytes that a program may use as any dtype.
  EXPECT_EQ(Alignment(1), 8);
}

TEST_F(ElementAlignmentTest, CountsComponentsAndConstants) {
  parsed_.graph->AddTensor(
      Tensor::CreateComposite(Layout::kSparseCoo, DType::kFloat16, {4},
                              {MakeTensor(AddStorage(16), DType::kInt64),
                               MakeTensor(AddStorage(16), DType::kFloat16)}));
  parsed_.constants_graph = std::make_shared<ObjectGraph>();
  parsed_.constants_graph->AddTensor(
      MakeTensor(AddStorage(16), DType::kFloat32));
  EXPECT_EQ(Alignment(0), 8);
  EXPECT_EQ(Alignment(1), 2);
  EXPECT_EQ(Alignment(2), 4);
}

TEST_F(ElementAlignmentTest, ABaseNeedsWhatItsViewsNeed) {
  parsed_.graph->AddTensor(MakeTensor(AddStorage(16), DType::kUInt8));
  parsed_.graph->AddTensor(MakeTensor(AddStorage(8), DType::kFloat64));
  parsed_.storages[1].base = 0;
  EXPECT_EQ(Alignment(0), 8);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
