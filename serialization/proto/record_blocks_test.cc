// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How a record is divided into blocks, what its header says, and how the format
// may grow.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/proto/proto_codec.h"
#include "ferry/serialization/proto/record_for_test.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "ferry/value/object_graph.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

using testing::HasSubstr;

// Returns the lengths of the blocks of a record, in bytes, and the 0 that ends
// it.
std::vector<uint32_t> BlockSizes(absl::string_view record) {
  std::vector<uint32_t> sizes;
  while (!record.empty()) {
    sizes.push_back(Load32(record.data()));
    record.remove_prefix(4 + sizes.back());
  }
  return sizes;
}

TEST(RecordBlocksTest, BlocksHaveAtMostOneMebibyte) {
  ObjectGraph graph;
  std::vector<NodeId> all;
  for (size_t size :
       {size_t{3} << 20, size_t{0}, size_t{1} << 20, (size_t{1} << 20) - 1}) {
    std::string text(size, 'x');
    for (size_t i = 0; i < size; i += 7)
      text[i] = static_cast<char>('a' + i % 26);
    all.push_back(graph.AddStr(text));
  }
  for (int i = 0; i < 400000; ++i) all.push_back(graph.AddInt(i));
  const NodeId root = graph.AddList(all);
  const absl::StatusOr<std::string> record = WriteRecord(graph, root);
  ASSERT_THAT(record, IsOk());
  const std::vector<uint32_t> sizes = BlockSizes(*record);
  EXPECT_GT(sizes.size(), 8);
  EXPECT_EQ(sizes.back(), 0);
  for (uint32_t size : sizes) EXPECT_LE(size, uint32_t{1} << 20);
  ExpectComesBack(graph, root);
}

// Returns `record`, which has two blocks, in blocks that each have one value or
// one byte of text.
std::string InSmallestBlocks(const std::string& record) {
  const std::vector<uint32_t> sizes = BlockSizes(record);
  EXPECT_EQ(sizes.size(), 3);
  std::string out = record.substr(0, 4 + sizes[0]);
  wire::Columns columns;
  EXPECT_TRUE(columns.ParseFromString(record.substr(out.size() + 4, sizes[1])));
  const auto put_each = [&out](const auto& values, auto add) {
    for (const auto& value : values) {
      wire::Columns block;
      add(value, &block);
      const std::string bytes = block.SerializeAsString();
      Append32(bytes.size(), &out);
      out += bytes;
    }
  };
  put_each(columns.kinds(), [](int kind, wire::Columns* block) {
    block->add_kinds(static_cast<wire::NodeKind>(kind));
  });
  put_each(columns.references(), [](uint32_t reference, wire::Columns* block) {
    block->add_references(reference);
  });
  put_each(columns.numbers(), [](uint64_t number, wire::Columns* block) {
    block->add_numbers(number);
  });
  put_each(columns.ints(),
           [](int64_t value, wire::Columns* block) { block->add_ints(value); });
  put_each(columns.floats(), [](double value, wire::Columns* block) {
    block->add_floats(value);
  });
  put_each(columns.text(0), [](char byte, wire::Columns* block) {
    block->add_text(std::string(1, byte));
  });
  put_each(columns.words(), [](const std::string& word, wire::Columns* block) {
    block->add_words(word);
  });
  put_each(columns.storage_sizes(), [](uint64_t size, wire::Columns* block) {
    block->add_storage_sizes(size);
  });
  put_each(columns.storage_locations(),
           [](uint32_t word, wire::Columns* block) {
             block->add_storage_locations(word);
           });
  return out + std::string(4, '\0');
}

TEST(RecordBlocksTest, ABlockMayEndAnywhere) {
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  const std::string record = InSmallestBlocks(*WriteRecord(graph, root));
  const absl::StatusOr<ReadBack> back = ReadRecord(record);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
  // The fuzzer begins with this record.
  EXPECT_TRUE(record == Contents("everything_in_small_blocks.pb"));
}

TEST(RecordBlocksTest, WordsFillBlocks) {
  ObjectGraph graph;
  std::vector<NodeId> all;
  for (int i = 0; i < 2000; ++i) {
    const Storage storage =
        HostStorage(4, absl::StrCat(i, std::string(1000, 'x')));
    all.push_back(graph.AddTensor(View(storage, DType::kFloat32, {1}, {1})));
  }
  const NodeId root = graph.AddList(all);
  EXPECT_EQ(BlockSizes(*WriteRecord(graph, root)).size(), 5);
  ExpectComesBack(graph, root);
}

TEST(RecordBlocksTest, TheRecordEndsWhereItSays) {
  ObjectGraph graph;
  std::string record = *WriteRecord(graph, graph.AddInt(7));
  const size_t size = record.size();
  record += "more";
  ObjectGraph back;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      ProtoCodec().Read(record, Budget::Unlimited(), &storages, &back);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->size_bytes, size);
  EXPECT_EQ(read->version, 1);
  EXPECT_EQ(back.int_value(read->root), 7);
}

TEST(RecordBlocksTest, WhatALaterReleaseWritesIsRefusedByItsName) {
  const wire::Columns one = Rows({wire::NODE_KIND_LIST}, {}, {0});
  std::vector<std::string> records;
  wire::Header header = HeaderOf(one);
  header.set_release("Ferry 9.1");
  const auto add = [&](const wire::Columns& columns) {
    header.set_num_rows(static_cast<uint32_t>(columns.kinds_size()));
    records.push_back(RecordOf(header, columns));
  };
  add(Rows({31}));
  add(Rows({wire::NODE_KIND_OBJECT}, {0, 3}, {128}));
  add(Rows({wire::NODE_KIND_TENSOR}, {}, {64}));
  wire::Columns dtype = Rows({wire::NODE_KIND_DTYPE}, {}, {0});
  dtype.add_words("float9");
  add(dtype);
  wire::Columns layout = Rows({wire::NODE_KIND_LAYOUT}, {}, {0});
  layout.add_words("fractal");
  add(layout);
  // The columns have another field, and then the header has.
  const std::string field = "\xa2\x06\x01x";  // 100, bytes
  std::string columns = one.SerializeAsString() + field;
  std::string record = Block(header);
  Append32(columns.size(), &record);
  records.push_back(absl::StrCat(record, columns, std::string(4, '\0')));
  const std::string fields = header.SerializeAsString() + field;
  record.clear();
  Append32(fields.size(), &record);
  records.push_back(
      absl::StrCat(record, fields, Block(one), std::string(4, '\0')));
  header.set_format_version(2);
  add(one);
  for (const std::string& later : records) {
    const absl::Status status = StatusOfReading(later);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("\"Ferry 9.1\""));
  }
}

TEST(RecordBlocksTest, BlocksAndHeadersAreChecked) {
  const wire::Columns columns = Rows({wire::NODE_KIND_LIST}, {}, {0});
  const std::string good = RecordOf(columns);
  EXPECT_THAT(StatusOfReading(good), IsOk());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(StatusOfReading(good.substr(0, size)).code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  wire::Header many = HeaderOf(columns);
  many.set_num_rows(0xFFFFFFFF);
  EXPECT_EQ(StatusOfReading(RecordOf(many, columns)).code(),
            absl::StatusCode::kDataLoss);
  many.set_num_rows(1000);
  EXPECT_EQ(StatusOfReading(RecordOf(many, columns)).code(),
            absl::StatusCode::kDataLoss);
  many.set_num_rows(2);
  EXPECT_EQ(StatusOfReading(RecordOf(many, columns)).code(),
            absl::StatusCode::kDataLoss);
  wire::Header root = HeaderOf(columns);
  root.set_root(5);
  EXPECT_EQ(StatusOfReading(RecordOf(root, columns)).code(),
            absl::StatusCode::kDataLoss);
  BudgetOptions little;
  little.max_memory_bytes = 100;
  Budget budget(little, good.size());
  EXPECT_EQ(ReadRecord(good, &budget).status().code(),
            absl::StatusCode::kResourceExhausted);
  // A number that is longer than it need be, a field twice, and a field that is
  // encoded as another type.
  const std::string header = HeaderOf(columns).SerializeAsString();
  ASSERT_EQ(header.substr(0, 2), "\x08\x01");
  const auto with_header = [&columns](const std::string& bytes) {
    std::string record;
    Append32(bytes.size(), &record);
    return absl::StrCat(record, bytes, Block(columns), std::string(4, '\0'));
  };
  EXPECT_THAT(StatusOfReading(with_header(header)), IsOk());
  EXPECT_EQ(StatusOfReading(
                with_header(absl::StrCat("\x08\x81", absl::string_view("\0", 1),
                                         header.substr(2))))
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(StatusOfReading(with_header("\x08\x01" + header)).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_THAT(
      std::string(StatusOfReading(with_header(header + "\x10\x01")).message()),
      HasSubstr("fields in its header"));
  // Values that are not packed.
  std::string unpacked = columns.SerializeAsString();
  ASSERT_EQ(unpacked.substr(0, 3), "\x0a\x01\x08");
  unpacked = "\x08\x08" + unpacked.substr(3);
  std::string record = Block(HeaderOf(columns));
  Append32(unpacked.size(), &record);
  EXPECT_THAT(std::string(StatusOfReading(absl::StrCat(record, unpacked,
                                                       std::string(4, '\0')))
                              .message()),
              HasSubstr("fields in its columns"));
  // Two texts in one block, where the block before has none.
  wire::Columns texts;
  texts.add_text("a");
  texts.add_text("b");
  const wire::Columns list_and_str =
      Rows({wire::NODE_KIND_LIST, wire::NODE_KIND_STR}, {}, {0, 2});
  EXPECT_THAT(std::string(StatusOfReading(
                              absl::StrCat(Block(HeaderOf(list_and_str)),
                                           Block(list_and_str), Block(texts),
                                           std::string(4, '\0')))
                              .message()),
              HasSubstr("several texts"));
  std::string large;
  Append32((1 << 20) + 1, &large);
  large.append(1 << 21, '\0');
  EXPECT_EQ(StatusOfReading(large).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace proto
}  // namespace v1
}  // namespace ferry
