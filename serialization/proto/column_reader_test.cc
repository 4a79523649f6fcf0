// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/column_reader.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/proto/record_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string MessageOf(const ColumnReader& reader) {
  return std::string(reader.status().message());
}

TEST(ColumnReaderTest, HandsOutTheValuesOfEveryColumn) {
  wire::Columns columns = Rows({wire::NODE_KIND_LIST, 31}, {0, 5},
                               {7, 2, 6, 3, 0, 1, 2, 3, 4}, "text");
  columns.add_ints(-1);
  columns.add_floats(0.5);
  for (const char* word : {"int64", "sparse_csr", "cuda", "somewhere"}) {
    columns.add_words(word);
  }
  columns.add_storage_sizes(8);
  columns.add_storage_locations(4);
  const std::string record = RecordOf(columns);
  const std::string bytes = record + "more";
  ColumnReader reader(bytes, Budget::Unlimited());
  ASSERT_THAT(reader.Read(), IsOk());
  EXPECT_EQ(reader.format_version(), 1);
  EXPECT_EQ(reader.num_rows(), 2);
  EXPECT_EQ(reader.root(), 4);
  EXPECT_EQ(reader.size_bytes(), record.size());
  EXPECT_EQ(reader.num_words(), 4);
  EXPECT_THAT(reader.storage_sizes(), ElementsAre(8));
  EXPECT_THAT(reader.storage_locations(), ElementsAre(4));
  EXPECT_EQ(reader.UseWord(3), "somewhere");

  EXPECT_EQ(reader.TakeKind(), wire::NODE_KIND_LIST);
  EXPECT_EQ(reader.TakeKind(), 31);
  EXPECT_EQ(reader.TakeNumber(), 7);
  EXPECT_EQ(reader.TakeCount(/*width=*/1), 2);
  EXPECT_EQ(reader.TakeReference(), 0);
  EXPECT_EQ(reader.TakeReference(), 5);
  EXPECT_EQ(reader.TakeBits(/*known=*/6), 6);
  EXPECT_EQ(reader.text_left(), 4);
  EXPECT_EQ(reader.TakeText(), "tex");
  EXPECT_EQ(reader.text_left(), 1);
  EXPECT_EQ(reader.TakeInt(), -1);
  EXPECT_EQ(reader.TakeFloat(), 0.5);
  EXPECT_EQ(reader.TakeDType(), DType::kInt64);
  EXPECT_EQ(reader.TakeLayout(), Layout::kSparseCsr);
  EXPECT_EQ(reader.TakeDevice(), Device("cuda", 2));
  EXPECT_THAT(reader.status(), IsOk());
  EXPECT_EQ(reader.CheckEnd(/*unused_storages=*/0).message(),
            "the graph is damaged: no row uses 1 of its numbers");
  EXPECT_EQ(reader.TakeNumber(), 4);
  EXPECT_EQ(reader.CheckEnd(/*unused_storages=*/0).message(),
            "the graph is damaged: no row uses 1 of its bytes of text");
}

TEST(ColumnReaderTest, TextsMayRunThroughSeveralBlocks) {
  const wire::Columns rows = Rows({}, {}, {1, 5, 0, 2}, "ab");
  std::string record = Block(HeaderOf(rows)) + Block(rows);
  for (const char* text : {"cd", "", "efg", "h"}) {
    wire::Columns columns;
    columns.add_text(text);
    record += Block(columns);
  }
  record += std::string(4, '\0');
  ColumnReader reader(record, Budget::Unlimited());
  ASSERT_THAT(reader.Read(), IsOk());
  EXPECT_EQ(reader.TakeText(), "a");
  EXPECT_EQ(reader.TakeText(), "bcdef");
  EXPECT_EQ(reader.TakeText(), "");
  EXPECT_EQ(reader.TakeText(), "gh");
  EXPECT_THAT(reader.CheckEnd(/*unused_storages=*/0), IsOk());
}

TEST(ColumnReaderTest, TheFirstErrorStays) {
  const std::string record = RecordOf(Rows({}, {}, {1}));
  ColumnReader reader(record, Budget::Unlimited());
  ASSERT_THAT(reader.Read(), IsOk());
  reader.set_row(7);
  EXPECT_EQ(reader.TakeNumber(), 1);
  EXPECT_THAT(reader.status(), IsOk());
  EXPECT_EQ(reader.TakeNumber(), 0);
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
  const std::string first =
      "the graph is damaged: row 7: there are no numbers left for it";
  EXPECT_EQ(MessageOf(reader), first);
  reader.set_row(8);
  EXPECT_EQ(reader.TakeReference(), 0);
  EXPECT_EQ(reader.TakeInt(), 0);
  EXPECT_EQ(reader.TakeFloat(), 0);
  EXPECT_EQ(reader.TakeDType(), DType::kUInt8);
  reader.FailUnknown("something");
  reader.FailRule(absl::ResourceExhaustedError("something"));
  EXPECT_EQ(MessageOf(reader), first);
}

// A rule that a program breaks is its mistake. A file that breaks it is
// damaged.
TEST(ColumnReaderTest, BrokenRulesAreDamage) {
  const std::string record = RecordOf(Rows({}));
  ColumnReader rule(record, Budget::Unlimited());
  ASSERT_THAT(rule.Read(), IsOk());
  rule.set_row(5);
  rule.FailRule(absl::OkStatus());
  EXPECT_THAT(rule.status(), IsOk());
  rule.FailRule(absl::InvalidArgumentError("a negative size"));
  EXPECT_EQ(rule.status(), absl::DataLossError(
                               "the graph is damaged: row 5: a negative size"));
  ColumnReader memory(record, Budget::Unlimited());
  ASSERT_THAT(memory.Read(), IsOk());
  memory.FailRule(absl::ResourceExhaustedError("no memory"));
  EXPECT_EQ(memory.status(), absl::ResourceExhaustedError("no memory"));
}

TEST(ColumnReaderTest, WhatIsUnknownIsDamageInARecordOfThisRelease) {
  wire::Columns columns = Rows({}, {}, {0, 1});
  columns.add_words("float9");
  wire::Header header = HeaderOf(columns);
  const std::string own = RecordOf(header, columns);
  ColumnReader damaged(own, Budget::Unlimited());
  ASSERT_THAT(damaged.Read(), IsOk());
  EXPECT_EQ(damaged.TakeDType(), DType::kUInt8);
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  header.set_release("Ferry 9.1");
  const std::string later = RecordOf(header, columns);
  ColumnReader unknown(later, Budget::Unlimited());
  ASSERT_THAT(unknown.Read(), IsOk());
  unknown.set_row(6);
  EXPECT_EQ(unknown.TakeLayout(), Layout::kStrided);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(MessageOf(unknown), HasSubstr("written by \"Ferry 9.1\""));
  EXPECT_THAT(MessageOf(unknown), HasSubstr("\"float9\" in row 6"));
}

TEST(ColumnReaderTest, EveryWordAndStorageMustBeUsed) {
  wire::Columns columns = Rows({});
  columns.add_words("cpu");
  const std::string record = RecordOf(columns);
  ColumnReader reader(record, Budget::Unlimited());
  ASSERT_THAT(reader.Read(), IsOk());
  EXPECT_EQ(reader.CheckEnd(/*unused_storages=*/2).message(),
            "the graph is damaged: no row uses 1 of its words");
  EXPECT_EQ(reader.UseWord(0), "cpu");
  EXPECT_EQ(reader.CheckEnd(/*unused_storages=*/2).message(),
            "the graph is damaged: no row uses 2 of its storages");
  EXPECT_THAT(reader.CheckEnd(/*unused_storages=*/0), IsOk());
}

}  // namespace
}  // namespace proto
}  // namespace v1
}  // namespace ferry
