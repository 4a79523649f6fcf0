// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/record_for_test.h"

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/memory.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/proto/proto_codec.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

absl::StatusOr<std::string> RecordedLocation(const Storage& storage) {
  return storage.recorded_location();
}

double FromBits(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <typename T, typename Field>
void Fill(const std::vector<T>& values, Field* field) {
  for (const T& value : values) field->Add(value);
}

}  // namespace

absl::StatusOr<std::string> WriteRecord(const ObjectGraph& graph, NodeId root) {
  StorageTable storages(RecordedLocation);
  const absl::StatusOr<LargeString> record =
      ProtoCodec().Write(graph, root, &storages);
  if (!record.ok()) return record.status();
  return std::string(record->data(), record->size());
}

absl::StatusOr<ReadBack> ReadRecord(absl::string_view record, Budget* budget) {
  ReadBack back;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      ProtoCodec().Read(record, budget, &storages, back.graph.get());
  if (!read.ok()) return read.status();
  back.root = read->root;
  return back;
}

absl::Status StatusOfReading(const std::string& record) {
  return ReadRecord(record).status();
}

void ExpectComesBack(const ObjectGraph& graph, NodeId root) {
  const absl::StatusOr<std::string> record = WriteRecord(graph, root);
  ASSERT_THAT(record, IsOk());
  const absl::StatusOr<ReadBack> back = ReadRecord(*record);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
  const absl::StatusOr<std::string> again =
      WriteRecord(*back->graph, back->root);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, *record);
}

std::string Contents(absl::string_view name) {
  return ReadFile(absl::StrCat("serialization/proto/testdata/", name));
}

Storage HostStorage(uint64_t size_bytes, absl::string_view location) {
  Storage storage = *Storage::Allocate(size_bytes);
  storage.set_recorded_location(location);
  return storage;
}

Tensor View(const Storage& storage, DType dtype,
            const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset) {
  return *Tensor::Create(storage, dtype, shape, strides, offset);
}

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
  strided.set_requires_grad(true, InternalKey());
  strided.set_neg(true, InternalKey());
  const NodeId tensor = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeTensor(tensor, strided, /*is_parameter=*/false);
  const NodeId changed = add(graph->AddObject(ObjectForm::kCall, global, pair));
  const Tensor data = View(storage, DType::kFloat32, {2, 3}, {3, 1});
  graph->BecomeTensor(changed, data, /*is_parameter=*/true);
  data.set_requires_grad(true, InternalKey());
  add(graph->AddTensor(strided));
  add(graph->AddParameter(View(storage, DType::kBFloat16, {}, {}, 1)));
  add(graph->AddTensor(View(storage, DType::kInt64, {0, 7}, {7, 1})));
  add(graph->AddTensor(View(storage, DType::kQUInt4x2, {3, 2}, {2, 1})));
  const Tensor conj = View(complex, DType::kComplex64, {4}, {1});
  conj.set_conj(true, InternalKey());
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

wire::Header HeaderOf(const wire::Columns& columns) {
  wire::Header header;
  header.set_format_version(1);
  header.set_release("Ferry 0.1");
  header.set_num_rows(static_cast<uint32_t>(columns.kinds_size()));
  header.set_root(columns.kinds_size() == 0 ? 0 : 4);
  return header;
}

wire::Columns Rows(const std::vector<int>& kinds,
                   const std::vector<uint32_t>& references,
                   const std::vector<uint64_t>& numbers,
                   absl::string_view text) {
  wire::Columns columns;
  for (int kind : kinds) columns.add_kinds(static_cast<wire::NodeKind>(kind));
  Fill(references, columns.mutable_references());
  Fill(numbers, columns.mutable_numbers());
  if (!text.empty()) columns.add_text(std::string(text));
  return columns;
}

std::string RecordOf(const wire::Header& header, const wire::Columns& columns) {
  return absl::StrCat(Block(header), Block(columns), std::string(4, '\0'));
}

std::string RecordOf(const wire::Columns& columns) {
  return RecordOf(HeaderOf(columns), columns);
}

uint32_t Before(uint32_t distance) { return 4 + 2 * (distance - 1); }

uint32_t After(uint32_t distance) { return 4 + 2 * distance + 1; }

}  // namespace proto
}  // namespace v1
}  // namespace ferry
