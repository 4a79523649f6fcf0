// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Records whose rows or storages break a rule: each is refused, with a message
// that says why.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/proto/proto_codec.h"
#include "ferry/serialization/proto/record_for_test.h"
#include "ferry/value/object_graph.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

using testing::HasSubstr;

TEST(HostileRecordTest, RowsThatBreakARuleAreDamage) {
  const auto left_over = [](void (*add)(wire::Columns*)) {
    wire::Columns columns = Rows({wire::NODE_KIND_LIST}, {}, {0});
    add(&columns);
    return columns;
  };
  const struct {
    wire::Columns columns;
    const char* says;
  } cases[] = {
      {Rows({wire::NODE_KIND_UNSPECIFIED}), "no kind"},
      {Rows({wire::NODE_KIND_INT}), "no ints left"},
      {Rows({wire::NODE_KIND_FLOAT}), "no floats left"},
      {Rows({wire::NODE_KIND_STR}), "no numbers left"},
      {Rows({wire::NODE_KIND_STR}, {}, {5}, "text"), "a text of 5 bytes"},
      {Rows({wire::NODE_KIND_STR}, {}, {uint64_t{1} << 63}, "text"), "bytes"},
      {Rows({wire::NODE_KIND_STR}, {}, {4}, "te\xfft"), "UTF-8"},
      {Rows({wire::NODE_KIND_STR}, {}, {3}, "text"), "no row uses"},
      {Rows({wire::NODE_KIND_BYTES}, {}, {4, 0}, "text"), "no row uses"},
      {Rows({wire::NODE_KIND_LIST}, {}, {1}), "refers to 1 nodes"},
      {Rows({wire::NODE_KIND_LIST}, {0}, {~uint64_t{0}}), "too few references"},
      {Rows({wire::NODE_KIND_DICT}, {0, 0, 0}, {2}), "refers to 2 nodes"},
      {Rows({wire::NODE_KIND_LIST}, {Before(1)}, {1}), "before the first"},
      {Rows({wire::NODE_KIND_LIST}, {After(1)}, {1}), "after the last"},
      {Rows({wire::NODE_KIND_LIST}, {0xFFFFFFFF}, {1}), "after the last"},
      {Rows({wire::NODE_KIND_LIST}, {0xFFFFFFFE}, {1}), "before the first"},
      {Rows({wire::NODE_KIND_TUPLE}, {After(0)}, {1}),
       "made of a node that comes after it"},
      {Rows({wire::NODE_KIND_FROZEN_SET, wire::NODE_KIND_TUPLE}, {After(1), 0},
            {1, 1}),
       "made of a node that comes after it"},
      {Rows({wire::NODE_KIND_TUPLE}, {}, {0}), "of another row"},
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_GLOBAL}, {}, {1, 1, 1, 1},
            "mCmC"),
       "of another row"},
      {Rows({wire::NODE_KIND_GLOBAL}, {}, {1, 2}, "mC\n"), "newline"},
      {Rows({wire::NODE_KIND_GLOBAL_WITH_SOURCE}, {0}, {1, 1}, "mC"), "source"},
      {Rows({wire::NODE_KIND_STORAGE}, {}, {0, 0}), "no storage 0"},
      {Rows({wire::NODE_KIND_UNTYPED_STORAGE}, {}, {0}), "no storage 0"},
      {Rows({wire::NODE_KIND_DTYPE}, {}, {0}), "no word 0"},
      {Rows({wire::NODE_KIND_BIG_INT}, {}, {0}), "longer than it need be"},
      {Rows({wire::NODE_KIND_BIG_INT}, {}, {1}, "x"), "longer than it need be"},
      {Rows({wire::NODE_KIND_BIG_INT}, {}, {10},
            absl::string_view("\0\0\0\0\0\0\0\x80\0\0", 10)),
       "longer than it need be"},
      {Rows({wire::NODE_KIND_SIZE}, {0}, {1}), "not an integer"},
      {Rows({wire::NODE_KIND_BIG_INT, wire::NODE_KIND_SIZE}, {Before(1)},
            {9, 1}, absl::string_view("\0\0\0\0\0\0\0\0\x7f", 9)),
       "not an integer"},
      {Rows({wire::NODE_KIND_OBJECT}, {0, 0}, {0}), "not a tuple"},
      {Rows({wire::NODE_KIND_OBJECT}, {0, 3, 3}, {2}), "not a dict"},
      {Rows({wire::NODE_KIND_OBJECT}, {0, 3, 0}, {8}), "but no state"},
      {Rows({wire::NODE_KIND_OBJECT}, {0, 3}, {16, 0}), "an empty list"},
      {Rows({wire::NODE_KIND_OBJECT}, {0, 3}, {32, 0}), "an empty list"},
      {Rows({wire::NODE_KIND_OBJECT}, {0, 3}, {64, 0}), "an empty list"},
      {Rows({wire::NODE_KIND_OBJECT}, {0, 3}, {0}), "a none is used as"},
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_OBJECT},
            {Before(1), 3, 0, 0}, {1, 1, 12}, "mC"),
       "row 5: a none is used as a class or function"},
      // The setter is a later row.
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_OBJECT,
             wire::NODE_KIND_LIST},
            {Before(1), 3, After(1), 0}, {1, 1, 12, 0}, "mC"),
       "row 5: a list is used as a class or function"},
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_OBJECT}, {Before(1), 3, 0},
            {1, 1, 64, 1}, "mC"),
       "listed twice"},
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_OBJECT,
             wire::NODE_KIND_OBJECT},
            {Before(1), 3, Before(2), 3, Before(1), Before(1)},
            {1, 1, 0, 64, 2}, "mC"),
       "listed twice"},
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_OBJECT,
             wire::NODE_KIND_OBJECT, wire::NODE_KIND_OBJECT},
            {Before(1), 3, Before(2), 3, Before(1), Before(3), 3, Before(1)},
            {1, 1, 0, 64, 1, 64, 1}, "mC"),
       "listed twice"},
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_OBJECT,
             wire::NODE_KIND_TUPLE, wire::NODE_KIND_OBJECT,
             wire::NODE_KIND_OBJECT},
            {Before(1), 3, Before(1), Before(3), Before(1), Before(4), 3,
             Before(3), Before(1)},
            {1, 1, 0, 1, 0, 64, 2}, "mC"),
       "listed twice"},
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_OBJECT_SIZE},
            {Before(1), 3}, {1, 1, 0}, "mC"),
       "other than integers"},
      // A source of another class.
      {Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_GLOBAL_WITH_SOURCE,
             wire::NODE_KIND_TUPLE},
            {After(1), 0, Before(2), 0, 0}, {1, 1, 1, 1, 4}, "mCmD"),
       "row 5: the source"},
      // What no row uses.
      {left_over([](wire::Columns* columns) { columns->add_references(0); }),
       "1 of its references"},
      {left_over([](wire::Columns* columns) { columns->add_numbers(0); }),
       "1 of its numbers"},
      {left_over([](wire::Columns* columns) { columns->add_ints(0); }),
       "1 of its ints"},
      {left_over([](wire::Columns* columns) { columns->add_floats(0); }),
       "1 of its floats"},
      {left_over([](wire::Columns* columns) { columns->add_text("ab"); }),
       "2 of its bytes of text"},
      // Keys that Python cannot hash.
      {Rows({wire::NODE_KIND_DICT}, {After(0), 0}, {1}), "cannot hash"},
      {Rows({wire::NODE_KIND_SET, wire::NODE_KIND_LIST}, {After(1)}, {1, 0}),
       "cannot hash"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.says);
    const absl::Status status = StatusOfReading(RecordOf(c.columns));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
  }
}

// The status of reading a tensor of the given numbers over a storage of 16
// bytes. Other rows refer to every word and to the storage.
absl::Status StatusOfTensor(const std::vector<uint64_t>& numbers,
                            wire::NodeKind kind = wire::NODE_KIND_TENSOR) {
  std::vector<uint64_t> all = {0, 2, 3, 4, 0};
  all.insert(all.end(), numbers.begin(), numbers.end());
  wire::Columns columns = Rows(
      {wire::NODE_KIND_DTYPE, wire::NODE_KIND_DTYPE, wire::NODE_KIND_LAYOUT,
       wire::NODE_KIND_LAYOUT, wire::NODE_KIND_UNTYPED_STORAGE, kind},
      {}, all);
  for (const char* word : {"float32", "cpu", "int64", "sparse_coo", "jagged"}) {
    columns.add_words(word);
  }
  columns.add_storage_sizes(16);
  columns.add_storage_locations(2);
  return StatusOfReading(RecordOf(columns));
}

TEST(HostileRecordTest, TensorsLieInTheirStorages) {
  constexpr uint64_t kMost = ~uint64_t{0};
  std::vector<uint64_t> too_many = {8, 0, 0, 0, 65};
  too_many.resize(too_many.size() + 65, 1);
  // bits, dtype, storage, offset, rank, sizes, strides
  EXPECT_THAT(StatusOfTensor({0, 0, 0, 0, 1, 2, 2}), IsOk());
  EXPECT_THAT(StatusOfTensor({8, 0, 0, 0, 1, 4}, wire::NODE_KIND_PARAMETER),
              IsOk());
  EXPECT_THAT(StatusOfTensor({8, 0, 0, 1, 1, 3}), IsOk());
  for (const std::vector<uint64_t>& numbers :
       std::vector<std::vector<uint64_t>>{
           {8, 0, 0, 0, 1, 5},
           {0, 0, 0, 0, 1, 3, 2},
           {8, 0, 0, 1, 1, 4},
           {8, 0, 0, kMost, 1, 4},
           {8, 0, 0, 0, 1, kMost},
           {0, 0, 0, 0, 1, 4, kMost},
           {0, 0, 0, 0, 1, 4, 1},  // row-major, and does not say so
           {8, 0, 0, 0, 2, uint64_t{1} << 62, uint64_t{1} << 62},
           {8, 0, 1, 0, 1, 4},
           {8, 5, 0, 0, 1, 4},
           too_many,
           {0, 0, 0, 0, kMost},
           {0, 0, 0, 0, 1, 4},
           {9, 2, 0, 0, 1, 2},   // a gradient of integers
           {10, 0, 0, 0, 1, 4},  // the conjugate of real numbers
           {24, 0, 3, 1, 4, 0},  // a composite with strides of its own
           {40, 0, 0, 0, 1, 4},  // no call has made it, so no flags changed
           // A component that is a composite, and a real composite with the
           // conj bit.
           {16, 0, 3, 1, 4, 2, 16, 0, 3, 0, 0, 0, 0, 0},
           {18, 0, 3, 1, 0, 2, 8, 2, 0, 0, 2, 1, 0, 8, 0, 0, 0, 1, 0},
           // A composite of the layout strided has no word here; of too many
           // and of no components, of one that does not fit, and of one that
           // is composite.
           {16, 0, 3, 1, 4, 4},
           {16, 0, 3, 1, 4, 0},
           {16, 0, 3, 1, 5, 2, 8, 2, 0, 0, 2, 1, 0, 8, 0, 0, 0, 1, 1},
           {16, 0, 3, 65},
       }) {
    const absl::Status status = StatusOfTensor(numbers);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("row 9"));
  }
  EXPECT_EQ(StatusOfTensor({16, 0, 4, 1, 4, 1, 8, 0, 0, 0, 1, 4}).code(),
            absl::StatusCode::kUnimplemented);
}

TEST(HostileRecordTest, WordsAndStoragesAreThereToBeUsed) {
  wire::Columns columns =
      Rows({wire::NODE_KIND_DTYPE, wire::NODE_KIND_DEVICE}, {}, {0, 1, 0});
  columns.add_words("float32");
  columns.add_words("cpu");
  EXPECT_THAT(StatusOfReading(RecordOf(columns)), IsOk());
  wire::Columns twice = columns;
  twice.add_words("cpu");
  EXPECT_THAT(std::string(StatusOfReading(RecordOf(twice)).message()),
              HasSubstr("\"cpu\" twice"));
  wire::Columns unused_word = columns;
  unused_word.add_words("cuda");
  wire::Columns unused_storage = columns;
  unused_storage.add_storage_sizes(8);
  unused_storage.add_storage_locations(2);
  for (const wire::Columns& unused : {unused_word, unused_storage}) {
    const absl::Status status = StatusOfReading(RecordOf(unused));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("no row uses"));
  }
}

TEST(HostileRecordTest, DevicesHaveIndexesThatFilesCanName) {
  const auto status_of = [](absl::string_view type, uint64_t index_and_one) {
    wire::Columns columns =
        Rows({wire::NODE_KIND_DEVICE}, {}, {0, index_and_one});
    columns.add_words(std::string(type));
    return StatusOfReading(RecordOf(columns)).code();
  };
  EXPECT_EQ(status_of("cuda", 128), absl::StatusCode::kOk);
  EXPECT_EQ(status_of("cuda", 129), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status_of("a b", 0), absl::StatusCode::kDataLoss);
}

TEST(HostileRecordTest, AStorageIsOneNodeOfEachDType) {
  const auto status_of = [](uint64_t second_dtype) {
    wire::Columns columns =
        Rows({wire::NODE_KIND_STORAGE, wire::NODE_KIND_STORAGE,
              wire::NODE_KIND_DTYPE},
             {}, {0, 1, 0, second_dtype, 2});
    for (const char* word : {"cpu", "float32", "int64"}) {
      columns.add_words(word);
    }
    columns.add_storage_sizes(8);
    columns.add_storage_locations(1);
    return StatusOfReading(RecordOf(columns));
  };
  EXPECT_THAT(status_of(2), IsOk());
  EXPECT_THAT(std::string(status_of(1).message()), HasSubstr("of another row"));
}

// A name says which dtype it is, so a record cannot show one and mean another.
TEST(HostileRecordTest, DTypesHaveTheirNames) {
  const auto status_of = [](absl::string_view module, absl::string_view name) {
    wire::Columns columns =
        Rows({wire::NODE_KIND_GLOBAL_DTYPE}, {},
             {module.size(), name.size(), 0}, absl::StrCat(module, name));
    columns.add_words("float16");
    return StatusOfReading(RecordOf(columns));
  };
  EXPECT_THAT(status_of("torch", "float16"), IsOk());
  EXPECT_THAT(status_of("torch", "half"), IsOk());
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{
           {"torch", "float64"}, {"torch", "system"}, {"os", "float16"}}) {
    EXPECT_THAT(std::string(status_of(module, name).message()),
                HasSubstr("the name of something else"));
  }
}

// Looking through the tuple for each of the sizes would take minutes.
TEST(HostileRecordTest, SizesMayShareATuple) {
  constexpr uint32_t kSizes = 300000;
  // A class, an int, the tuple, the arguments of a call, and the sizes.
  wire::Columns columns = Rows({wire::NODE_KIND_GLOBAL, wire::NODE_KIND_INT,
                                wire::NODE_KIND_TUPLE, wire::NODE_KIND_TUPLE},
                               {}, {1, 1}, "mC");
  columns.add_ints(1);
  columns.add_numbers(kSizes);
  for (uint32_t i = 0; i < kSizes; ++i) columns.add_references(Before(1));
  columns.add_numbers(1);
  columns.add_references(Before(1));
  std::string record;
  for (uint32_t i = 0; i < kSizes; ++i) {
    columns.add_kinds(wire::NODE_KIND_OBJECT_SIZE);
    columns.add_numbers(0);
    columns.add_references(Before(i + 4));
    columns.add_references(Before(i + 1));
  }
  record = Block(HeaderOf(columns));
  // The references go into blocks that are small enough.
  wire::Columns references;
  references.mutable_references()->Swap(columns.mutable_references());
  wire::Columns block;
  for (uint32_t reference : references.references()) {
    block.add_references(reference);
    if (block.references_size() < 200000) continue;
    record += Block(block);
    block.Clear();
  }
  record += Block(block) + Block(columns) + std::string(4, '\0');
  EXPECT_THAT(StatusOfReading(record), IsOk());
}

// What a table refuses, a codec passes on.
TEST(HostileRecordTest, StoragesAreChecked) {
  for (const auto& [size, location] :
       std::vector<std::pair<uint64_t, uint32_t>>{{uint64_t{1} << 63, 1},
                                                  {8, 2}}) {
    wire::Columns columns = Rows({});
    columns.add_words("cpu");
    columns.add_storage_sizes(size);
    columns.add_storage_locations(location);
    EXPECT_EQ(StatusOfReading(RecordOf(columns)).code(),
              absl::StatusCode::kDataLoss);
  }
  wire::Columns without_record =
      Rows({wire::NODE_KIND_UNTYPED_STORAGE}, {}, {0});
  without_record.add_storage_sizes(8);
  without_record.add_storage_locations(0);
  EXPECT_EQ(StatusOfReading(RecordOf(without_record)).code(),
            absl::StatusCode::kDataLoss);
  wire::Columns columns = Rows({});
  columns.add_words("cpu");
  columns.add_storage_sizes(8);
  EXPECT_EQ(StatusOfReading(RecordOf(columns)).code(),
            absl::StatusCode::kDataLoss);
  columns.add_storage_locations(1);
  StorageTable refuses([](const StorageDescription& storage) {
    EXPECT_EQ(storage.key, "0");
    return absl::DataLossError("there is no such record");
  });
  ObjectGraph graph;
  EXPECT_EQ(ProtoCodec()
                .Read(RecordOf(columns), Budget::Unlimited(), &refuses, &graph)
                .status()
                .message(),
            "there is no such record");
}

TEST(HostileRecordTest, EveryDamagedByteGivesAnErrorOrAGraph) {
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  const std::string record = *WriteRecord(graph, root);
  int num_errors = 0;
  for (size_t i = 0; i < record.size(); ++i) {
    for (int change : {0x01, 0x80, 0xFF}) {
      std::string damaged = record;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      const absl::StatusOr<ReadBack> back = ReadRecord(damaged);
      if (!back.ok()) {
        ++num_errors;
        EXPECT_NE(back.status().code(), absl::StatusCode::kInternal);
        continue;
      }
      EXPECT_THAT(WriteRecord(*back->graph, back->root), IsOk()) << i;
    }
  }
  EXPECT_GT(num_errors, 0);
}

}  // namespace
}  // namespace proto
}  // namespace v1
}  // namespace ferry
