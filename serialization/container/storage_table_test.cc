// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/storage_table.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/storage.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

TEST(StorageTableTest, LongLocationsAreRefused) {
  const std::string longest(StorageTable::kMaxLocationBytes, 'x');
  const std::string too_long = longest + "x";

  StorageTable described;
  StorageDescription whole;
  whole.key = "0";
  whole.size_bytes = 8;
  whole.location = longest;
  EXPECT_TRUE(described.Describe(whole).ok());
  StorageDescription part = whole;
  part.key = "1";
  EXPECT_TRUE(described.DescribePart(part, 0, 0).ok());
  part.key = "2";
  part.location = too_long;
  EXPECT_EQ(described.DescribePart(part, 0, 0).status().code(),
            absl::StatusCode::kUnimplemented);
  whole.key = "3";
  whole.location = too_long;
  StorageTable refuses;
  EXPECT_EQ(refuses.Describe(whole).status().code(),
            absl::StatusCode::kUnimplemented);

  const StorageTable::LocationTag recorded =
      [](const Storage& storage) -> absl::StatusOr<std::string> {
    return storage.recorded_location();
  };
  StorageTable added(recorded);
  Storage storage = *Storage::Allocate(8);
  storage.set_recorded_location(longest);
  EXPECT_TRUE(added.Add({storage, DType::kUInt8, /*untyped=*/true}).ok());
  storage = *Storage::Allocate(8);
  storage.set_recorded_location(too_long);
  EXPECT_EQ(
      added.Add({storage, DType::kUInt8, /*untyped=*/true}).status().code(),
      absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace ferry
