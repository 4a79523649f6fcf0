// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/storage_table.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/location_tag.h"
#include "ferry/value/object_graph.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// As `torch.save` of a uint8 tensor and of its storage's `untyped()`.
TEST(StorageTableTest, UntypedStoragesCountAsUInt8) {
  const Storage storage = *Storage::Allocate(8);
  const StorageTable::LocationTag cpu =
      [](const Storage&) -> absl::StatusOr<std::string> { return "cpu"; };
  for (const bool untyped_first : {false, true}) {
    StorageTable table(cpu);
    ASSERT_THAT(table.Add({storage, DType::kUInt8, untyped_first}), IsOk());
    const auto again = table.Add({storage, DType::kUInt8, !untyped_first});
    ASSERT_THAT(again, IsOk());
    EXPECT_FALSE(again->second);
    EXPECT_EQ(table.Add({storage, DType::kInt8, false}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(StorageTableTest, LongLocationsAreRefused) {
  const std::string longest(StorageTable::kMaxLocationBytes, 'x');
  const std::string too_long = longest + "x";
  // A backend's own tag can be saved.
  EXPECT_EQ(StorageTable::kMaxLocationBytes, kMaxLocationTagBytes);

  StorageTable described;
  StorageDescription whole;
  whole.key = "0";
  whole.size_bytes = 8;
  whole.location = longest;
  EXPECT_THAT(described.Describe(whole), IsOk());
  StorageDescription part = whole;
  part.key = "1";
  EXPECT_THAT(described.DescribeView(part, 0, 0), IsOk());
  part.key = "2";
  part.location = too_long;
  EXPECT_EQ(described.DescribeView(part, 0, 0).status().code(),
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
  EXPECT_THAT(added.Add({storage, DType::kUInt8, /*untyped=*/true}), IsOk());
  storage = *Storage::Allocate(8);
  storage.set_recorded_location(too_long);
  EXPECT_EQ(
      added.Add({storage, DType::kUInt8, /*untyped=*/true}).status().code(),
      absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
