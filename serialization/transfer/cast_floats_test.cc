// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/cast_floats.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/value/object_graph.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::HasSubstr;
using ParsedStorage = ParsedCheckpoint::ParsedStorage;

class CastFloatsTest : public testing::Test {
 protected:
  CastFloatsTest() { parsed_.graph = std::make_shared<ObjectGraph>(); }

  Storage AddStorage(uint64_t size_bytes) {
    ParsedStorage part;
    part.storage = Storage::Described(size_bytes, "cpu");
    parsed_.storages.push_back(part);
    return part.storage;
  }

  Tensor AddTensor(const Storage& storage, DType dtype, int64_t size,
                   int64_t offset = 0) {
    Tensor tensor = *Tensor::Create(storage, dtype, {size}, {1}, offset);
    parsed_.graph->AddTensor(tensor);
    return tensor;
  }

  absl::Status Cast(DType dtype = DType::kFloat16) {
    return CastFloats(dtype, /*untyped=*/false, "model.pt", &parsed_);
  }

  ParsedCheckpoint parsed_;
};

TEST_F(CastFloatsTest, RefusesAStorageOfTwoDTypes) {
  for (DType other : {DType::kInt32, DType::kFloat64, DType::kFloat16}) {
    parsed_ = ParsedCheckpoint();
    parsed_.graph = std::make_shared<ObjectGraph>();
    const Storage storage = AddStorage(16);
    const Tensor floats = AddTensor(storage, DType::kFloat32, 4);
    AddTensor(storage, other, 2);
    EXPECT_THAT(Cast(),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("model.pt: "), HasSubstr("float32"),
                               HasSubstr(Name(other)))));
    EXPECT_EQ(floats.dtype(), DType::kFloat32);
    EXPECT_EQ(floats.storage(), storage);
  }
}

// As in files of PyTorch before 1.0: the second storage is a part of the first.
TEST_F(CastFloatsTest, StorageViewsStayParts) {
  const Storage base = AddStorage(40);
  const Storage view = AddStorage(16);
  parsed_.storages[1].base = 0;
  parsed_.storages[1].base_offset_bytes = 8;
  const Tensor tensor = AddTensor(view, DType::kFloat32, 3, 1);
  ASSERT_THAT(Cast(DType::kFloat64), IsOk());
  EXPECT_EQ(parsed_.storages[0].storage.size_bytes(), 80u);
  EXPECT_EQ(parsed_.storages[1].storage.size_bytes(), 32u);
  EXPECT_EQ(parsed_.storages[1].base_offset_bytes, 16u);
  EXPECT_EQ(parsed_.storages[1].cast->stored, view);
  EXPECT_EQ(tensor.storage(), parsed_.storages[1].storage);
  EXPECT_EQ(tensor.storage_offset(), 1);

  // The other part is of integers.
  AddTensor(base, DType::kInt64, 5);
  parsed_.storages[0].storage = base;
  EXPECT_THAT(Cast(DType::kFloat32), StatusIs(StatusCode::kInvalidArgument));
}

TEST_F(CastFloatsTest, ANegatedTensorNeedsASign) {
  const Tensor tensor = AddTensor(AddStorage(16), DType::kFloat32, 4);
  tensor.set_neg(true, InternalKey());
  EXPECT_THAT(Cast(DType::kFloat8E8M0FNU),
              StatusIs(StatusCode::kUnimplemented));
  EXPECT_THAT(Cast(DType::kFloat16), IsOk());
}

TEST_F(CastFloatsTest, PiecesAreWholeElements) {
  const ParsedStorage::Cast cast = {Storage::Described(18, "cpu"),
                                    DType::kFloat32, DType::kFloat64};
  const float from[] = {1, 2, 3, 4, 5};
  const absl::string_view bytes(reinterpret_cast<const char*>(from), 20);
  double to[4] = {};
  const std::unique_ptr<RandomAccessFile> file = MakeMemoryFile("", "model.pt");
  Extent extent = MakePlainExtent(0, 0, 14);
  extent.name = "data/0";
  const auto write = [&](uint64_t begin, uint64_t offset, size_t first,
                         size_t size) {
    extent.storage_offset_bytes = begin;
    return MakeCastConsumer(cast, *file, extent, nullptr, Memory{to, nullptr})(
        offset, bytes.substr(first, size));
  };
  EXPECT_THAT(write(4, 0, 4, 8), IsOk());
  EXPECT_THAT(to, testing::ElementsAre(0, 2, 3, 0));
  // The last two bytes are of no element.
  EXPECT_THAT(write(4, 8, 12, 6), IsOk());
  EXPECT_THAT(to, testing::ElementsAre(0, 2, 3, 4));
  const auto refused = StatusIs(
      StatusCode::kUnimplemented,
      AllOf(HasSubstr("model.pt"), HasSubstr("data/0"), HasSubstr("float32")));
  EXPECT_THAT(write(2, 0, 2, 4), refused);
  EXPECT_THAT(write(0, 0, 0, 6), refused);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
