// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/proto_codec.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/memory.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace proto {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

absl::StatusOr<std::string> RecordedLocation(const Storage& storage) {
  return storage.recorded_location();
}

absl::StatusOr<std::string> WriteRecord(const ObjectGraph& graph, NodeId root) {
  StorageTable storages(RecordedLocation);
  const absl::StatusOr<LargeString> record =
      ProtoCodec().Write(graph, root, &storages);
  if (!record.ok()) return record.status();
  return std::string(record->data(), record->size());
}

struct ReadBack {
  std::unique_ptr<ObjectGraph> graph = std::make_unique<ObjectGraph>();
  NodeId root = kNoNode;
};

absl::StatusOr<ReadBack> ReadRecord(absl::string_view record,
                                    const LoadLimits& limits = LoadLimits()) {
  ReadBack back;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      ProtoCodec().Read(record, limits, &storages, back.graph.get());
  if (!read.ok()) return read.status();
  back.root = read->root;
  return back;
}

// Checks that a graph comes back as it was, and that what comes back gives the
// same bytes.
void ExpectComesBack(const ObjectGraph& graph, NodeId root) {
  const absl::StatusOr<std::string> record = WriteRecord(graph, root);
  ASSERT_TRUE(record.ok()) << record.status();
  const absl::StatusOr<ReadBack> back = ReadRecord(*record);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
  const absl::StatusOr<std::string> again =
      WriteRecord(*back->graph, back->root);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *record);
}

double FromBits(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

Storage HostStorage(uint64_t size_bytes, absl::string_view location = "cpu") {
  Storage storage = *Storage::Allocate(size_bytes);
  storage.set_recorded_location(location);
  return storage;
}

Tensor View(const Storage& storage, DType dtype,
            const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset = 0) {
  return *Tensor::Create(storage, dtype, shape, strides, offset);
}

std::string Contents(absl::string_view name) {
  std::ifstream file(absl::StrCat("serialization/proto/testdata/", name),
                     std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// A graph with every kind of node, in a list: what testdata/everything_v1.pb
// holds, so a test of something new begins another.
NodeId AddEverything(ObjectGraph* graph) {
  std::vector<NodeId> all = {ObjectGraph::kNone, ObjectGraph::kFalse,
                             ObjectGraph::kTrue, ObjectGraph::kEmptyTuple};
  const auto add = [&all](NodeId node) {
    all.push_back(node);
    return node;
  };
  for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{300},
                        std::numeric_limits<int64_t>::min(),
                        std::numeric_limits<int64_t>::max()}) {
    add(graph->AddInt(value));
  }
  add(graph->AddBigInt(absl::string_view("\0\0\0\0\0\0\0\0\x80\xff", 10)));
  for (uint64_t bits :
       {uint64_t{0}, uint64_t{1} << 63, uint64_t{1},
        uint64_t{0x7FF8000000000000}, uint64_t{0xFFF80000DEADBEEF},
        uint64_t{0x7FF0000000000000}}) {
    add(graph->AddFloat(FromBits(bits)));
  }
  add(graph->AddComplex(-0.0, FromBits(0x7FF8000000000001)));
  add(graph->AddStr(""));
  add(graph->AddStr("text"));
  const NodeId lone = add(graph->AddStr("\xed\xa0\x80"));
  const NodeId bytes = add(graph->AddBytes(absl::string_view("\0\xff", 2)));
  add(graph->AddByteArray("ab"));
  const NodeId pair = add(graph->AddTuple({lone, bytes}));
  const NodeId frozen = add(graph->AddFrozenSet({pair, ObjectGraph::kNone}));
  add(graph->AddFrozenSet({}));
  add(graph->AddSet({frozen}));
  const NodeId list = add(graph->AddList({pair, pair}));
  graph->AppendItems(list, {list});
  const NodeId dict = add(graph->AddDict());
  graph->AppendEntries(
      dict, {frozen, list, pair, dict, ObjectGraph::kEmptyTuple, lone,
             graph->AddFloat(0.5), lone});
  // Globals and objects.
  const NodeId global = add(graph->AddGlobal("m", "C"));
  graph->mutable_global(global).source =
      graph->AddTuple({graph->AddStr("module"), global, graph->AddStr("c.py"),
                       ObjectGraph::kNone});
  const NodeId float32 = add(graph->AddGlobal("torch", "float32"));
  graph->BecomeDType(float32, DType::kFloat32);
  add(graph->AddDType(DType::kBFloat16));
  add(graph->AddDevice(Device("cuda", 1)));
  add(graph->AddDevice(Device("meta")));
  add(graph->AddSize({2, 0, 3}));
  add(graph->AddSize({}));
  add(graph->AddLayout(Layout::kSparseBsr));
  const NodeId call = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->SetState(call, dict);
  const NodeId made =
      add(graph->AddObject(ObjectForm::kNew, global, ObjectGraph::kEmptyTuple));
  graph->AppendItems(made, {made, list});
  graph->AppendEntries(made, {lone, made});
  graph->SetState(made, graph->AddTuple({made}), call);
  add(graph->AddObject(ObjectForm::kNewEx, call, pair, dict));
  const NodeId ordered = add(
      graph->AddObject(ObjectForm::kCall, global, ObjectGraph::kEmptyTuple));
  graph->AppendEntries(ordered, {lone, ordered});
  graph->BecomeDict(ordered);
  // Calls that were dropped, the innermost first.
  const NodeId args = graph->AddTuple({graph->AddList()});
  const NodeId inner = graph->AddObject(ObjectForm::kCall, global, args);
  graph->AppendItems(graph->items(args)[0], {inner});
  graph->AddDroppedCall(inner, graph->AddObject(ObjectForm::kCall, call, args));
  graph->AddDroppedCall(inner,
                        graph->AddObject(ObjectForm::kNew, global, args));
  add(inner);
  // What calls turned out to be.
  const NodeId ints = graph->AddTuple({graph->AddInt(4), graph->AddInt(4)});
  const NodeId size =
      add(graph->AddObject(ObjectForm::kCall, global, graph->AddTuple({ints})));
  graph->BecomeSize(size, ints);
  const NodeId device = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeDevice(device, Device("cpu"));
  const NodeId layout = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeLayout(layout, Layout::kStrided);
  // Storages and tensors.
  const Storage storage = HostStorage(96);
  const Storage complex = HostStorage(32, "some place");
  add(graph->AddStorage({storage, DType::kFloat32, false}));
  add(graph->AddStorage({storage, DType::kInt64, false}));
  add(graph->AddStorage({complex, DType::kUInt8, true}));
  const Tensor strided = View(storage, DType::kFloat32, {2, 3}, {1, 4}, 5);
  strided.set_requires_grad(true);
  strided.set_neg(true);
  const NodeId tensor = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeTensor(tensor, strided, /*is_parameter=*/false);
  const NodeId changed = add(graph->AddObject(ObjectForm::kCall, global, pair));
  const Tensor data = View(storage, DType::kFloat32, {2, 3}, {3, 1});
  graph->BecomeTensor(changed, data, /*is_parameter=*/true);
  data.set_requires_grad(true);
  add(graph->AddTensor(strided));
  add(graph->AddParameter(View(storage, DType::kBFloat16, {}, {}, 1)));
  add(graph->AddTensor(View(storage, DType::kInt64, {0, 7}, {7, 1})));
  add(graph->AddTensor(View(storage, DType::kQUInt4x2, {3, 2}, {2, 1})));
  const Tensor conj = View(complex, DType::kComplex64, {4}, {1});
  conj.set_conj(true);
  add(graph->AddTensor(conj));
  const Storage meta = Storage::FromMemory(Device("meta"), Memory{}, 4000);
  add(graph->AddTensor(View(meta, DType::kFloat32, {10, 100}, {100, 1})));
  add(graph->AddTensor(View(meta, DType::kFloat32, {100}, {1}, 100)));
  // Sparse ones.
  const Storage zeros = HostStorage(24);
  std::memset(zeros.data(), 0, 24);
  add(graph->AddTensor(
      Tensor::CreateComposite(Layout::kSparseCoo, DType::kFloat32, {5},
                              {View(zeros, DType::kInt64, {1, 0}, {1, 1}),
                               View(storage, DType::kFloat32, {0}, {1})})));
  const NodeId sparse = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeTensor(
      sparse,
      Tensor::CreateComposite(Layout::kSparseCsr, DType::kFloat32, {2, 2},
                              {View(zeros, DType::kInt64, {3}, {1}),
                               View(zeros, DType::kInt64, {0}, {1}),
                               View(storage, DType::kFloat32, {0}, {1})}),
      /*is_parameter=*/true);
  return graph->AddList(all);
}

TEST(ProtoCodecTest, EveryKindOfNodeComesBack) {
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  ExpectComesBack(graph, root);
  for (NodeId node : graph.items(root)) ExpectComesBack(graph, node);
}

// The file is never written anew: what a release has written, all later ones
// read.
TEST(ProtoCodecTest, ReadsWhatTheFirstReleaseWrote) {
  const std::string first = Contents("everything_v1.pb");
  ASSERT_FALSE(first.empty());
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  const absl::StatusOr<ReadBack> back = ReadRecord(first);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
  // All but the header, which names the release.
  const std::string now = *WriteRecord(graph, root);
  EXPECT_EQ(now.substr(4 + Load32(now.data())),
            first.substr(4 + Load32(first.data())));
}

TEST(ProtoCodecTest, EveryDTypeComesBack) {
  ObjectGraph graph;
  std::vector<NodeId> all;
  for (DType dtype : AllDTypes()) {
    all.push_back(graph.AddDType(dtype));
    all.push_back(
        graph.AddTensor(View(HostStorage(48), dtype, {1, 2}, {2, 1})));
  }
  ExpectComesBack(graph, graph.AddList(all));
}

TEST(ProtoCodecTest, TuplesContainThemselvesThroughWhatTheyAreGiven) {
  ObjectGraph graph;
  // b = ([(b,)],), begun at each of its parts.
  const NodeId list = graph.AddList();
  const NodeId b = graph.AddTuple({list});
  const NodeId inner = graph.AddTuple({b});
  graph.AppendItems(list, {inner});
  for (NodeId root : {list, b, inner}) ExpectComesBack(graph, root);
}

TEST(ProtoCodecTest, NothingRecurses) {
  ObjectGraph graph;
  NodeId list = graph.AddList();
  NodeId tuple = graph.AddTuple({list});
  for (int i = 0; i < 200000; ++i) {
    list = graph.AddList({list});
    tuple = graph.AddTuple({tuple, ObjectGraph::kNone});
  }
  const NodeId root = graph.AddTuple({list, tuple});
  const absl::StatusOr<std::string> record = WriteRecord(graph, root);
  ASSERT_TRUE(record.ok()) << record.status();
  const absl::StatusOr<ReadBack> back = ReadRecord(*record);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
}

// The lengths of the blocks of a record, the end included.
std::vector<uint32_t> BlockSizes(absl::string_view record) {
  std::vector<uint32_t> sizes;
  while (!record.empty()) {
    sizes.push_back(Load32(record.data()));
    record.remove_prefix(4 + sizes.back());
  }
  return sizes;
}

TEST(ProtoCodecTest, BlocksHaveAtMostOneMebibyte) {
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
  ASSERT_TRUE(record.ok()) << record.status();
  const std::vector<uint32_t> sizes = BlockSizes(*record);
  EXPECT_GT(sizes.size(), 8);
  EXPECT_EQ(sizes.back(), 0);
  for (uint32_t size : sizes) EXPECT_LE(size, uint32_t{1} << 20);
  ExpectComesBack(graph, root);
}

// The blocks of `record`, which has two, with one value or one byte of text in
// each.
std::string InSmallestBlocks(const std::string& record) {
  const std::vector<uint32_t> sizes = BlockSizes(record);
  EXPECT_EQ(sizes.size(), 3);
  std::string out = record.substr(0, 4 + sizes[0]);
  Columns columns;
  EXPECT_TRUE(columns.ParseFromString(record.substr(out.size() + 4, sizes[1])));
  const auto put_each = [&out](const auto& values, auto add) {
    for (const auto& value : values) {
      Columns block;
      add(value, &block);
      const std::string bytes = block.SerializeAsString();
      Append32(bytes.size(), &out);
      out += bytes;
    }
  };
  put_each(columns.kinds(), [](int kind, Columns* block) {
    block->add_kinds(static_cast<NodeKind>(kind));
  });
  put_each(columns.references(), [](uint32_t reference, Columns* block) {
    block->add_references(reference);
  });
  put_each(columns.numbers(),
           [](uint64_t number, Columns* block) { block->add_numbers(number); });
  put_each(columns.ints(),
           [](int64_t value, Columns* block) { block->add_ints(value); });
  put_each(columns.floats(),
           [](double value, Columns* block) { block->add_floats(value); });
  put_each(columns.text(0), [](char byte, Columns* block) {
    block->add_text(std::string(1, byte));
  });
  put_each(columns.words(), [](const std::string& word, Columns* block) {
    block->add_words(word);
  });
  put_each(columns.storage_sizes(), [](uint64_t size, Columns* block) {
    block->add_storage_sizes(size);
  });
  put_each(columns.storage_locations(), [](uint32_t word, Columns* block) {
    block->add_storage_locations(word);
  });
  return out + std::string(4, '\0');
}

TEST(ProtoCodecTest, ABlockMayEndAnywhere) {
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  const std::string record = InSmallestBlocks(*WriteRecord(graph, root));
  const absl::StatusOr<ReadBack> back = ReadRecord(record);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
  // What the fuzzer begins with.
  EXPECT_TRUE(record == Contents("everything_in_small_blocks.pb"));
}

TEST(ProtoCodecTest, WordsFillBlocks) {
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

TEST(ProtoCodecTest, AStorageNodeOnTheMetaDeviceHasARecord) {
  ObjectGraph graph;
  const Storage meta = Storage::FromMemory(Device("meta"), Memory{}, 4);
  meta.set_recorded_location("meta");
  const NodeId tensor = graph.AddTensor(View(meta, DType::kFloat32, {1}, {1}));
  const NodeId storage = graph.AddStorage({meta, DType::kFloat32, false});
  for (const auto& both : {std::vector<NodeId>{tensor, storage},
                           std::vector<NodeId>{storage, tensor}}) {
    const absl::StatusOr<std::string> record =
        WriteRecord(graph, graph.AddList(both));
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_TRUE(ReadRecord(*record).ok()) << ReadRecord(*record).status();
  }
}

TEST(ProtoCodecTest, TheRecordEndsWhereItSays) {
  ObjectGraph graph;
  std::string record = *WriteRecord(graph, graph.AddInt(7));
  const size_t size = record.size();
  record += "more";
  ObjectGraph back;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      ProtoCodec().Read(record, LoadLimits(), &storages, &back);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->size_bytes, size);
  EXPECT_EQ(read->version, 1);
  EXPECT_EQ(back.int_value(read->root), 7);
}

TEST(ProtoCodecTest, WhatNobodyCouldReadIsNotWritten) {
  const Storage storage = HostStorage(16);
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
  const struct {
    std::function<NodeId(ObjectGraph*)> add;
    absl::StatusCode code;
    const char* says;
  } cases[] = {
      {[](ObjectGraph* graph) { return graph->AddStr("\xff"); }, kInvalid,
       "the text \"\\xff\" is not UTF-8; save it as bytes"},
      {[](ObjectGraph* graph) { return graph->AddGlobal("os", "x\nR"); },
       kInvalid, "\"os.x\\nR\" is not a valid name: its name has a newline"},
      {[](ObjectGraph* graph) { return graph->AddTensor(Tensor()); }, kInvalid,
       "never made"},
      {[](ObjectGraph* graph) { return graph->AddDevice(Device("cpu", 200)); },
       kInvalid, "\"cpu:200\" is not a valid device"},
      {[&](ObjectGraph* graph) {
         const Tensor ints = View(storage, DType::kInt64, {2}, {1});
         ints.set_requires_grad(true);
         return graph->AddTensor(ints);
       },
       kInvalid, "int64 cannot require a gradient"},
      {[&](ObjectGraph* graph) {
         return graph->AddTensor(Tensor::CreateComposite(
             Layout::kJagged, DType::kFloat32, {2},
             {View(storage, DType::kFloat32, {2}, {1})}));
       },
       kUnimplemented, "jagged is not known by its parts"},
      {[](ObjectGraph* graph) {
         return graph->AddObject(ObjectForm::kCall, ObjectGraph::kNone,
                                 graph->AddList());
       },
       kInvalid, "arguments of an object are not a tuple"},
      // Refused where the storage is added, after all rows.
      {[](ObjectGraph* graph) {
         return graph->AddTensor(View(HostStorage(8, std::string(70000, 'x')),
                                      DType::kInt64, {1}, {1}));
       },
       kUnimplemented, "of a storage has 70000 bytes"},
      // A tuple in itself, which Python does not have.
      {[](ObjectGraph* graph) { return graph->AddTuple({graph->size()}); },
       kInvalid, "contain themselves"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.says);
    ObjectGraph graph;
    const NodeId bad = c.add(&graph);
    const NodeId dict = graph.AddDict();
    graph.AppendEntries(dict, {graph.AddStr("a/b"), graph.AddList({bad})});
    const absl::Status status = WriteRecord(graph, dict).status();
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
    EXPECT_THAT(std::string(status.message()), EndsWith(" (at /a~1b/0)"));
  }
}

// --- Hostile records ---------------------------------------------------------

template <typename Message>
std::string Block(const Message& message) {
  std::string block;
  const std::string bytes = message.SerializeAsString();
  Append32(bytes.size(), &block);
  return block + bytes;
}

Header HeaderOf(const Columns& columns) {
  Header header;
  header.set_format_version(1);
  header.set_release("Ferry 0.1");
  header.set_num_rows(static_cast<uint32_t>(columns.kinds_size()));
  header.set_root(columns.kinds_size() == 0 ? 0 : 4);
  return header;
}

std::string RecordOf(const Header& header, const Columns& columns) {
  return absl::StrCat(Block(header), Block(columns), std::string(4, '\0'));
}
std::string RecordOf(const Columns& columns) {
  return RecordOf(HeaderOf(columns), columns);
}

absl::Status StatusOfReading(const std::string& record) {
  return ReadRecord(record).status();
}

template <typename T, typename Field>
void Fill(const std::vector<T>& values, Field* field) {
  for (const T& value : values) field->Add(value);
}

Columns Rows(const std::vector<int>& kinds,
             const std::vector<uint32_t>& references = {},
             const std::vector<uint64_t>& numbers = {},
             absl::string_view text = "") {
  Columns columns;
  for (int kind : kinds) columns.add_kinds(static_cast<NodeKind>(kind));
  Fill(references, columns.mutable_references());
  Fill(numbers, columns.mutable_numbers());
  if (!text.empty()) columns.add_text(std::string(text));
  return columns;
}

// The reference from a row to the one `distance` rows before or after it.
uint32_t Before(uint32_t distance) { return 4 + 2 * (distance - 1); }
uint32_t After(uint32_t distance) { return 4 + 2 * distance + 1; }

TEST(HostileRecordTest, RowsThatBreakARuleAreDamage) {
  const auto left_over = [](void (*add)(Columns*)) {
    Columns columns = Rows({NODE_KIND_LIST}, {}, {0});
    add(&columns);
    return columns;
  };
  const struct {
    Columns columns;
    const char* says;
  } cases[] = {
      {Rows({NODE_KIND_UNSPECIFIED}), "no kind"},
      {Rows({NODE_KIND_INT}), "the ints end"},
      {Rows({NODE_KIND_FLOAT}), "the floats end"},
      {Rows({NODE_KIND_STR}), "the numbers end"},
      {Rows({NODE_KIND_STR}, {}, {5}, "text"), "a text of 5 bytes"},
      {Rows({NODE_KIND_STR}, {}, {uint64_t{1} << 63}, "text"), "bytes"},
      {Rows({NODE_KIND_STR}, {}, {4}, "te\xfft"), "UTF-8"},
      {Rows({NODE_KIND_STR}, {}, {3}, "text"), "no row takes"},
      {Rows({NODE_KIND_BYTES}, {}, {4, 0}, "text"), "no row takes"},
      {Rows({NODE_KIND_LIST}, {}, {1}), "cannot refer to 1 nodes"},
      {Rows({NODE_KIND_LIST}, {0}, {~uint64_t{0}}), "cannot refer to"},
      {Rows({NODE_KIND_DICT}, {0, 0, 0}, {2}), "cannot refer to 2 nodes"},
      {Rows({NODE_KIND_LIST}, {Before(1)}, {1}), "before the first"},
      {Rows({NODE_KIND_LIST}, {After(1)}, {1}), "after the last"},
      {Rows({NODE_KIND_LIST}, {0xFFFFFFFF}, {1}), "after the last"},
      {Rows({NODE_KIND_LIST}, {0xFFFFFFFE}, {1}), "before the first"},
      {Rows({NODE_KIND_TUPLE}, {After(0)}, {1}), "made of a later node"},
      {Rows({NODE_KIND_FROZEN_SET, NODE_KIND_TUPLE}, {After(1), 0}, {1, 1}),
       "made of a later"},
      {Rows({NODE_KIND_TUPLE}, {}, {0}), "another row is"},
      {Rows({NODE_KIND_GLOBAL, NODE_KIND_GLOBAL}, {}, {1, 1, 1, 1}, "mCmC"),
       "another row is"},
      {Rows({NODE_KIND_GLOBAL}, {}, {1, 2}, "mC\n"), "newline"},
      {Rows({NODE_KIND_GLOBAL_WITH_SOURCE}, {0}, {1, 1}, "mC"), "source"},
      {Rows({NODE_KIND_STORAGE}, {}, {0, 0}), "no storage 0"},
      {Rows({NODE_KIND_UNTYPED_STORAGE}, {}, {0}), "no storage 0"},
      {Rows({NODE_KIND_DTYPE}, {}, {0}), "no word 0"},
      {Rows({NODE_KIND_BIG_INT}, {}, {0}), "longer than it need be"},
      {Rows({NODE_KIND_BIG_INT}, {}, {1}, "x"), "longer than it need be"},
      {Rows({NODE_KIND_BIG_INT}, {}, {10},
            absl::string_view("\0\0\0\0\0\0\0\x80\0\0", 10)),
       "longer than it need be"},
      {Rows({NODE_KIND_SIZE}, {0}, {1}), "no integer"},
      {Rows({NODE_KIND_BIG_INT, NODE_KIND_SIZE}, {Before(1)}, {9, 1},
            absl::string_view("\0\0\0\0\0\0\0\0\x7f", 9)),
       "no integer"},
      {Rows({NODE_KIND_OBJECT}, {0, 0}, {0}), "not a tuple"},
      {Rows({NODE_KIND_OBJECT}, {0, 3, 3}, {2}), "not a dict"},
      {Rows({NODE_KIND_OBJECT}, {0, 3, 0}, {8}), "given nothing"},
      {Rows({NODE_KIND_OBJECT}, {0, 3}, {16, 0}), "given nothing"},
      {Rows({NODE_KIND_OBJECT}, {0, 3}, {32, 0}), "given nothing"},
      {Rows({NODE_KIND_OBJECT}, {0, 3}, {64, 0}), "given nothing"},
      {Rows({NODE_KIND_OBJECT}, {0, 3, 0}, {64, 1}), "dropped twice"},
      {Rows({NODE_KIND_OBJECT, NODE_KIND_OBJECT},
            {0, 3, 0, 3, Before(1), Before(1)}, {0, 64, 2}),
       "dropped twice"},
      {Rows({NODE_KIND_OBJECT, NODE_KIND_OBJECT, NODE_KIND_OBJECT},
            {0, 3, 0, 3, Before(1), 0, 3, Before(1)}, {0, 64, 1, 64, 1}),
       "dropped twice"},
      {Rows({NODE_KIND_OBJECT, NODE_KIND_TUPLE, NODE_KIND_OBJECT,
             NODE_KIND_OBJECT},
            {0, 3, Before(1), 0, Before(1), 0, 3, Before(3), Before(1)},
            {0, 1, 0, 64, 2}),
       "dropped twice"},
      {Rows({NODE_KIND_OBJECT_SIZE}, {0, 3}, {0}), "no integers"},
      // A source of another class.
      {Rows({NODE_KIND_GLOBAL, NODE_KIND_GLOBAL_WITH_SOURCE, NODE_KIND_TUPLE},
            {After(1), 0, Before(2), 0, 0}, {1, 1, 1, 1, 4}, "mCmD"),
       "row 5: the source"},
      // What no row takes.
      {left_over([](Columns* columns) { columns->add_references(0); }),
       "1 of its references"},
      {left_over([](Columns* columns) { columns->add_numbers(0); }),
       "1 of its numbers"},
      {left_over([](Columns* columns) { columns->add_ints(0); }),
       "1 of its ints"},
      {left_over([](Columns* columns) { columns->add_floats(0); }),
       "1 of its floats"},
      {left_over([](Columns* columns) { columns->add_text("ab"); }),
       "2 of its bytes of text"},
      // Keys that Python cannot hash.
      {Rows({NODE_KIND_DICT}, {After(0), 0}, {1}), "cannot hash"},
      {Rows({NODE_KIND_SET, NODE_KIND_LIST}, {After(1)}, {1, 0}),
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
                            NodeKind kind = NODE_KIND_TENSOR) {
  std::vector<uint64_t> all = {0, 2, 3, 4, 0};
  all.insert(all.end(), numbers.begin(), numbers.end());
  Columns columns = Rows({NODE_KIND_DTYPE, NODE_KIND_DTYPE, NODE_KIND_LAYOUT,
                          NODE_KIND_LAYOUT, NODE_KIND_UNTYPED_STORAGE, kind},
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
  EXPECT_TRUE(StatusOfTensor({0, 0, 0, 0, 1, 2, 2}).ok());
  EXPECT_TRUE(StatusOfTensor({8, 0, 0, 0, 1, 4}, NODE_KIND_PARAMETER).ok());
  EXPECT_TRUE(StatusOfTensor({8, 0, 0, 1, 1, 3}).ok());
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

TEST(HostileRecordTest, WhatALaterReleaseWritesIsRefusedByItsName) {
  const Columns one = Rows({NODE_KIND_LIST}, {}, {0});
  std::vector<std::string> records;
  Header header = HeaderOf(one);
  header.set_release("Ferry 9.1");
  const auto add = [&](const Columns& columns) {
    header.set_num_rows(static_cast<uint32_t>(columns.kinds_size()));
    records.push_back(RecordOf(header, columns));
  };
  add(Rows({31}));
  add(Rows({NODE_KIND_OBJECT}, {0, 3}, {128}));
  add(Rows({NODE_KIND_OBJECT}, {0, 3}, {3}));
  add(Rows({NODE_KIND_TENSOR}, {}, {64}));
  Columns dtype = Rows({NODE_KIND_DTYPE}, {}, {0});
  dtype.add_words("float9");
  add(dtype);
  Columns layout = Rows({NODE_KIND_LAYOUT}, {}, {0});
  layout.add_words("fractal");
  add(layout);
  // Another column, and another field in the header.
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

TEST(HostileRecordTest, BlocksAndHeadersAreChecked) {
  const Columns columns = Rows({NODE_KIND_LIST}, {}, {0});
  const std::string good = RecordOf(columns);
  EXPECT_TRUE(StatusOfReading(good).ok());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(StatusOfReading(good.substr(0, size)).code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  Header many = HeaderOf(columns);
  many.set_num_rows(0xFFFFFFFF);
  EXPECT_EQ(StatusOfReading(RecordOf(many, columns)).code(),
            absl::StatusCode::kResourceExhausted);
  many.set_num_rows(1000);
  EXPECT_EQ(StatusOfReading(RecordOf(many, columns)).code(),
            absl::StatusCode::kDataLoss);
  many.set_num_rows(2);
  EXPECT_EQ(StatusOfReading(RecordOf(many, columns)).code(),
            absl::StatusCode::kDataLoss);
  Header root = HeaderOf(columns);
  root.set_root(5);
  EXPECT_EQ(StatusOfReading(RecordOf(root, columns)).code(),
            absl::StatusCode::kDataLoss);
  LoadLimits limits;
  limits.max_nodes = 0;
  EXPECT_EQ(ReadRecord(good, limits).status().code(),
            absl::StatusCode::kResourceExhausted);
  // Words and storages count too.
  limits.max_nodes = 1;
  Columns words = Rows({NODE_KIND_LIST}, {}, {0});
  Columns storages = words;
  for (int i = 0; i < 2; ++i) {
    words.add_words(absl::StrCat(i));
    storages.add_storage_sizes(0);
    storages.add_storage_locations(0);
  }
  for (const Columns& too_many : {words, storages}) {
    EXPECT_EQ(ReadRecord(RecordOf(too_many), limits).status().code(),
              absl::StatusCode::kResourceExhausted);
  }
  // A number that is longer than it need be, a field twice, and a field that is
  // encoded as another type.
  const std::string header = HeaderOf(columns).SerializeAsString();
  ASSERT_EQ(header.substr(0, 2), "\x08\x01");
  const auto with_header = [&columns](const std::string& bytes) {
    std::string record;
    Append32(bytes.size(), &record);
    return absl::StrCat(record, bytes, Block(columns), std::string(4, '\0'));
  };
  EXPECT_TRUE(StatusOfReading(with_header(header)).ok());
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
  Columns texts;
  texts.add_text("a");
  texts.add_text("b");
  const Columns list_and_str =
      Rows({NODE_KIND_LIST, NODE_KIND_STR}, {}, {0, 2});
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

TEST(HostileRecordTest, WordsAndStoragesAreThereToBeUsed) {
  Columns columns = Rows({NODE_KIND_DTYPE, NODE_KIND_DEVICE}, {}, {0, 1, 0});
  columns.add_words("float32");
  columns.add_words("cpu");
  EXPECT_TRUE(StatusOfReading(RecordOf(columns)).ok());
  Columns twice = columns;
  twice.add_words("cpu");
  EXPECT_THAT(std::string(StatusOfReading(RecordOf(twice)).message()),
              HasSubstr("\"cpu\" twice"));
  Columns unused_word = columns;
  unused_word.add_words("cuda");
  Columns unused_storage = columns;
  unused_storage.add_storage_sizes(8);
  unused_storage.add_storage_locations(2);
  for (const Columns& unused : {unused_word, unused_storage}) {
    const absl::Status status = StatusOfReading(RecordOf(unused));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("no row takes"));
  }
}

TEST(HostileRecordTest, DevicesHaveIndexesThatFilesCanName) {
  const auto status_of = [](absl::string_view type, uint64_t index_and_one) {
    Columns columns = Rows({NODE_KIND_DEVICE}, {}, {0, index_and_one});
    columns.add_words(std::string(type));
    return StatusOfReading(RecordOf(columns)).code();
  };
  EXPECT_EQ(status_of("cuda", 128), absl::StatusCode::kOk);
  EXPECT_EQ(status_of("cuda", 129), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status_of("a b", 0), absl::StatusCode::kDataLoss);
}

TEST(HostileRecordTest, AStorageIsOneNodeOfEachDType) {
  const auto status_of = [](uint64_t second_dtype) {
    Columns columns =
        Rows({NODE_KIND_STORAGE, NODE_KIND_STORAGE, NODE_KIND_DTYPE}, {},
             {0, 1, 0, second_dtype, 2});
    for (const char* word : {"cpu", "float32", "int64"}) {
      columns.add_words(word);
    }
    columns.add_storage_sizes(8);
    columns.add_storage_locations(1);
    return StatusOfReading(RecordOf(columns));
  };
  EXPECT_TRUE(status_of(2).ok()) << status_of(2);
  EXPECT_THAT(std::string(status_of(1).message()), HasSubstr("another row is"));
}

// A name says which dtype it is, so a record cannot show one and mean another.
TEST(HostileRecordTest, DTypesHaveTheirNames) {
  const auto status_of = [](absl::string_view module, absl::string_view name) {
    Columns columns =
        Rows({NODE_KIND_GLOBAL_DTYPE}, {}, {module.size(), name.size(), 0},
             absl::StrCat(module, name));
    columns.add_words("float16");
    return StatusOfReading(RecordOf(columns));
  };
  EXPECT_TRUE(status_of("torch", "float16").ok());
  EXPECT_TRUE(status_of("torch", "half").ok());
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
  // An int, the tuple, the arguments of a call, and the sizes.
  Columns columns = Rows({NODE_KIND_INT, NODE_KIND_TUPLE, NODE_KIND_TUPLE});
  columns.add_ints(1);
  columns.add_numbers(kSizes);
  for (uint32_t i = 0; i < kSizes; ++i) columns.add_references(Before(1));
  columns.add_numbers(1);
  columns.add_references(Before(1));
  std::string record;
  for (uint32_t i = 0; i < kSizes; ++i) {
    columns.add_kinds(NODE_KIND_OBJECT_SIZE);
    columns.add_numbers(0);
    columns.add_references(0);
    columns.add_references(Before(i + 1));
  }
  record = Block(HeaderOf(columns));
  // In blocks that are small enough.
  Columns references;
  references.mutable_references()->Swap(columns.mutable_references());
  Columns block;
  for (uint32_t reference : references.references()) {
    block.add_references(reference);
    if (block.references_size() < 200000) continue;
    record += Block(block);
    block.Clear();
  }
  record += Block(block) + Block(columns) + std::string(4, '\0');
  EXPECT_TRUE(StatusOfReading(record).ok()) << StatusOfReading(record);
}

// What a table refuses, a codec passes on.
TEST(HostileRecordTest, StoragesAreChecked) {
  for (const auto& [size, location] :
       std::vector<std::pair<uint64_t, uint32_t>>{{uint64_t{1} << 63, 1},
                                                  {8, 2}}) {
    Columns columns = Rows({});
    columns.add_words("cpu");
    columns.add_storage_sizes(size);
    columns.add_storage_locations(location);
    EXPECT_EQ(StatusOfReading(RecordOf(columns)).code(),
              absl::StatusCode::kDataLoss);
  }
  Columns without_record = Rows({NODE_KIND_UNTYPED_STORAGE}, {}, {0});
  without_record.add_storage_sizes(8);
  without_record.add_storage_locations(0);
  EXPECT_EQ(StatusOfReading(RecordOf(without_record)).code(),
            absl::StatusCode::kDataLoss);
  Columns columns = Rows({});
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
                .Read(RecordOf(columns), LoadLimits(), &refuses, &graph)
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
      EXPECT_TRUE(WriteRecord(*back->graph, back->root).ok()) << i;
    }
  }
  EXPECT_GT(num_errors, 0);
}

}  // namespace
}  // namespace proto
}  // namespace ferry
