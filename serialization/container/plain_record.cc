// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/plain_record.h"

#include <memory>
#include <utility>

#include "ferry/serialization/container/extent.h"

namespace ferry {
inline namespace v1 {

void SetRecords(std::vector<PlainRecord> records, ParsedCheckpoint* parsed) {
  struct Owner {
    std::vector<PlainRecord> records;  // with the names
    std::vector<Extent> extents;
  };
  auto owner = std::make_shared<Owner>();
  owner->records = std::move(records);
  owner->extents.reserve(owner->records.size());
  for (const PlainRecord& record : owner->records) {
    Extent& extent = owner->extents.emplace_back(
        MakePlainExtent(0, record.offset_bytes, record.size_bytes));
    extent.name = record.name;
  }
  parsed->records = owner->extents;
  parsed->records_owner = std::move(owner);
}

}  // namespace v1
}  // namespace ferry
