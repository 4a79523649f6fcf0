// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/torch_pickler.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/hex.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/torch_unpickler.h"
#include "ferry/value/object_graph.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using testing::HasSubstr;

struct Written {
  absl::Status status;
  std::string bytes;
  std::vector<Storage> storages;
};

Written Write(const ObjectGraph& graph, NodeId root, int protocol = 2) {
  StorageTable storages(
      [](const Storage& storage) -> absl::StatusOr<std::string> {
        return storage.recorded_location().empty()
                   ? "cpu"
                   : storage.recorded_location();
      });
  TorchPickler hooks(&storages);
  pickle::Pickler pickler(graph, protocol, &hooks);
  Written written;
  written.status = pickler.Dump(root);
  written.bytes = std::string(pickler.bytes());
  for (const StorageEntry& entry : storages.entries()) {
    written.storages.push_back(entry.storage);
  }
  return written;
}

Tensor Floats(int count) {
  const std::vector<float> elements(count, 1.0f);
  return *Tensor::FromData(absl::MakeConstSpan(elements), {count});
}

std::string Hex(const Written& written) {
  EXPECT_THAT(written.status, IsOk());
  return absl::BytesToHexString(written.bytes);
}

TEST(TorchPickler, WritesTensorsAsPyTorchDoes) {
  // {'w': torch.arange(4.), 'v': None}
  ObjectGraph graph;
  const NodeId dict = graph.AddDict();
  const NodeId entries[] = {graph.AddStr("w"), graph.AddTensor(Floats(4)),
                            graph.AddStr("v"), ObjectGraph::kNone};
  graph.AppendEntries(dict, entries);
  EXPECT_EQ(
      Hex(Write(graph, dict)),
      "80027d710028580100000077710163746f7263682e5f7574696c730a5f72656275696c64"
      "5f74656e736f725f76320a71022828580700000073746f72616765710363746f7263680a"
      "466c6f617453746f726167650a710458010000003071055803000000637075"
      "71064b04747107514b004b048571084b018571098963636f6c6c656374696f6e730a4f72"
      "6465726564446963740a710a2952710b74710c52710d580100000076710e4e752e");
}

TEST(TorchPickler, WritesDTypesWithoutAStorageClassAsPyTorch2Does) {
  // float8_e4m3fn of 2 elements, without the key and tag that surround it.
  ObjectGraph graph;
  const Storage storage = *Storage::Allocate(2);
  const NodeId root =
      graph.AddTensor(*Tensor::Create(storage, DType::kFloat8E4M3FN, {2}));
  EXPECT_EQ(
      Hex(Write(graph, root)),
      "800263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76330a71"
      "002828580700000073746f72616765710163746f7263682e73746f726167650a556e7479"
      "70656453746f726167650a71025801000000307103580300000063707571044b02747105"
      "514b004b028571064b018571078963636f6c6c656374696f6e730a4f7264657265644469"
      "63740a71082952710963746f7263680a666c6f6174385f65346d33666e0a710a74710b52"
      "710c2e");
}

TEST(TorchPickler, WritesConjAsPyTorch2Does) {
  ObjectGraph graph;
  const Tensor tensor =
      *Tensor::Create(*Storage::Allocate(8), DType::kComplex64, {1});
  tensor.set_conj(true, InternalKey());
  EXPECT_EQ(
      Hex(Write(graph, graph.AddTensor(tensor))),
      "800263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a71"
      "002828580700000073746f72616765710163746f7263680a436f6d706c6578466c6f6174"
      "53746f726167650a71025801000000307103580300000063707571044b01747105514b00"
      "4b018571064b018571078963636f6c6c656374696f6e730a4f726465726564446963740a"
      "7108295271097d710a5804000000636f6e6a710b887374710c52710d2e");
}

// A list of two references to the same storage. The second has the same key and
// either the same location or another str that says the same.
std::string TwoReferences(bool same_location) {
  const absl::string_view location = "5806000000637564613a30";
  return absl::StrCat(
      "80025d710028"
      "28580700000073746f72616765710163746f7263680a466c6f617453746f726167650a"
      "71025801000000307103",
      location, "71044b02747105512868016802", "6803",
      same_location ? "6804" : absl::StrCat(location, "7106"), "4b0274",
      same_location ? "7106" : "7107", "51652e");
}

// Reads a pickle into `graph`.
NodeId Read(absl::string_view hex, ObjectGraph* graph) {
  StorageTable storages;
  TorchUnpickler hooks(&storages);
  const absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(BytesFromHex(hex), Budget::Unlimited(), &hooks, graph);
  EXPECT_THAT(result, IsOk());
  return result.ok() ? result->root : kNoNode;
}

TEST(TorchPickler, WritesTheStrsThatTheFileHad) {
  for (const bool same_location : {true, false}) {
    const std::string hex = TwoReferences(same_location);
    ObjectGraph graph;
    const NodeId root = Read(hex, &graph);
    EXPECT_EQ(Hex(Write(graph, root)), hex);
    // Also when the graph has grown: nothing of the other graph's strs counts.
    ObjectGraph other;
    const NodeId grown[] = {graph.Import(other, Read(hex, &other)), root};
    graph.AddList(grown);
    EXPECT_EQ(Hex(Write(graph, root)), hex);
    EXPECT_EQ(Hex(Write(graph, grown[0])), TwoReferences(false));
  }
}

TEST(TorchPickler, WritesWhatWasImportedAsIfItWereBuilt) {
  for (const bool same_location : {true, false}) {
    ObjectGraph read, built;
    const NodeId root =
        built.Import(read, Read(TwoReferences(same_location), &read));
    EXPECT_EQ(Hex(Write(built, root)), TwoReferences(false));
  }
}

TEST(TorchPickler, WritesMetaTensorsAsPyTorchDoes) {
  ObjectGraph graph;
  const Tensor tensor =
      *Tensor::Create(Storage::FromMemory(Device("meta"), Memory{}, 24),
                      DType::kFloat32, {2, 3});
  const Written written = Write(graph, graph.AddTensor(tensor));
  EXPECT_EQ(
      Hex(written),
      "800263746f7263682e5f7574696c730a5f72656275696c645f6d6574615f74656e736f72"
      "5f6e6f5f73746f726167650a71002863746f7263680a666c6f617433320a71014b024b03"
      "8671024b034b01867103897471045271052e");
  EXPECT_TRUE(written.storages.empty());
}

TEST(TorchPickler, WritesSmallThingsAsPyTorchDoes) {
  ObjectGraph graph;
  EXPECT_EQ(Hex(Write(graph, graph.AddSize({2, 3}))),
            "800263746f7263680a53697a650a71004b024b038671018571025271032e");
  EXPECT_EQ(Hex(Write(graph, graph.AddDevice(Device("cpu")))),
            "800263746f7263680a6465766963650a7100580300000063707571018571025271"
            "032e");
  EXPECT_EQ(Hex(Write(graph, graph.AddDevice(Device("cuda", 1)))),
            "800263746f7263680a6465766963650a710058040000006375646171014b018671"
            "025271032e");
  EXPECT_EQ(Hex(Write(graph, graph.AddDType(DType::kFloat16))),
            "800263746f7263680a666c6f617431360a71002e");
  EXPECT_EQ(Hex(Write(graph, graph.AddLayout(Layout::kStrided))),
            "800263746f7263682e73657269616c697a6174696f6e0a5f6765745f6c61796f75"
            "740a7100580d000000746f7263682e7374726964656471018571025271032e");
}

TEST(TorchPickler, NumbersStoragesByFirstReference) {
  ObjectGraph graph;
  const Tensor first = Floats(4), second = Floats(2);
  const Tensor view =
      *Tensor::Create(first.storage(), DType::kFloat32, {2}, {1}, 2);
  const NodeId items[] = {graph.AddTensor(second), graph.AddTensor(first),
                          graph.AddTensor(view)};
  const Written written = Write(graph, graph.AddList(items));
  ASSERT_THAT(written.status, IsOk());
  EXPECT_THAT(written.storages,
              testing::ElementsAre(second.storage(), first.storage()));
}

TEST(TorchPickler, OneStorageHasOneDType) {
  ObjectGraph graph;
  const Storage storage = *Storage::Allocate(16);
  const Storage nothing = *Storage::Allocate(0);
  const auto both = [&graph](const Storage& storage, int64_t floats,
                             int64_t ints) {
    const NodeId items[] = {
        graph.AddTensor(*Tensor::Create(storage, DType::kFloat32, {floats})),
        graph.AddTensor(*Tensor::Create(storage, DType::kInt32, {ints}))};
    return graph.AddList(items);
  };
  const Written written = Write(graph, both(storage, 4, 4));
  EXPECT_EQ(written.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(written.status.message()),
              testing::AllOf(HasSubstr("different types"), HasSubstr("float32"),
                             HasSubstr("int32")));
  // One without bytes may be anything.
  EXPECT_THAT(Write(graph, both(nothing, 0, 0)).status, IsOk());
}

TEST(TorchPickler, StoragesAreWholeNumbersOfElements) {
  ObjectGraph graph;
  const Tensor tensor =
      *Tensor::Create(*Storage::Allocate(7), DType::kInt32, {1});
  const Written written = Write(graph, graph.AddTensor(tensor));
  EXPECT_EQ(written.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(written.status.message()),
              testing::AllOf(HasSubstr("7 bytes"), HasSubstr("int32")));
}

TEST(TorchPickler, ErrorsOfTheTagAreReturned) {
  ObjectGraph graph;
  const NodeId root = graph.AddTensor(Floats(1));
  StorageTable storages([](const Storage&) -> absl::StatusOr<std::string> {
    return absl::NotFoundError("no tag");
  });
  TorchPickler hooks(&storages);
  pickle::Pickler pickler(graph, 2, &hooks);
  EXPECT_EQ(pickler.Dump(root).message(), "no tag");
}

Tensor Longs(const std::vector<int64_t>& elements,
             const std::vector<int64_t>& shape) {
  return *Tensor::FromData(absl::MakeConstSpan(elements), shape);
}

TEST(TorchPickler, WritesSparseTensorsAsPyTorchDoes) {
  ObjectGraph graph;
  const Tensor csr =
      Tensor::CreateComposite(Layout::kSparseCsr, DType::kFloat32, {1, 2},
                              {Longs({0, 1}, {2}), Longs({1}, {1}), Floats(1)});
  EXPECT_EQ(
      Hex(Write(graph, graph.AddTensor(csr))),
      "800263746f7263682e5f7574696c730a5f72656275696c645f7370617273655f74656e73"
      "6f720a710063746f7263682e73657269616c697a6174696f6e0a5f6765745f6c61796f75"
      "740a71015810000000746f7263682e7370617273655f6373727102857103527104286374"
      "6f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a7105282858"
      "0700000073746f72616765710663746f7263680a4c6f6e6753746f726167650a71075801"
      "000000307108580300000063707571094b0274710a514b004b0285710b4b0185710c8963"
      "636f6c6c656374696f6e730a4f726465726564446963740a710d2952710e74710f527110"
      "6805282868066807580100000031711168094b01747112514b004b018571134b01857114"
      "89680d2952711574711652711768052828680663746f7263680a466c6f617453746f7261"
      "67650a7118580100000032711968094b0174711a514b004b0185711b4b0185711c89680d"
      "2952711d74711e52711f63746f7263680a53697a650a71204b014b028671218571225271"
      "237471248671255271262e");
  // Of three parts, as PyTorch wrote it until 2.1.
  const Tensor coo =
      Tensor::CreateComposite(Layout::kSparseCoo, DType::kFloat32, {3},
                              {Longs({2}, {1, 1}), Floats(1)});
  EXPECT_THAT(Hex(Write(graph, graph.AddTensor(coo))),
              HasSubstr("746f7263682e7370617273655f636f6f"));
}

TEST(TorchPickler, MetaStoragesAreWrittenAsSuchOnly) {
  // Nothing is in the file for them, so no other place could be filled.
  ObjectGraph graph;
  StorageRecord record;
  record.storage = Storage::FromMemory(Device("meta"), Memory{}, 16);
  record.storage.set_recorded_location("meta");
  EXPECT_THAT(Write(graph, graph.AddStorage(record)).status, IsOk());
  record.storage.set_recorded_location("cuda:0");
  EXPECT_EQ(Write(graph, graph.AddStorage(record)).status.code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TorchPickler, GradientsOfNewDTypesAreOfParametersAlone) {
  ObjectGraph graph;
  const Tensor tensor =
      *Tensor::Create(*Storage::Allocate(4), DType::kFloat8E4M3FN, {4});
  EXPECT_THAT(Write(graph, graph.AddTensor(tensor)).status, IsOk());
  tensor.set_requires_grad(true, InternalKey());
  EXPECT_EQ(Write(graph, graph.AddTensor(tensor)).status.code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_THAT(Write(graph, graph.AddParameter(tensor)).status, IsOk());
}

TEST(TorchPickler, MetaTensorsHaveNoStorageInTheFile) {
  ObjectGraph graph;
  const Tensor tensor =
      *Tensor::Create(Storage::FromMemory(Device("meta"), Memory{}, 16),
                      DType::kFloat32, {2}, {1}, 1);
  const Written written = Write(graph, graph.AddTensor(tensor));
  EXPECT_THAT(
      Hex(written),
      HasSubstr(absl::BytesToHexString("_rebuild_meta_tensor_no_storage")));
  EXPECT_TRUE(written.storages.empty());
  tensor.set_neg(true, InternalKey());
  EXPECT_EQ(Write(graph, graph.AddTensor(tensor)).status.code(),
            absl::StatusCode::kUnimplemented);
}

TEST(TorchPickler, CompositesThatNoFileMadeAreNotAllWritten) {
  ObjectGraph graph;
  for (const Layout layout : {Layout::kJagged, Layout::kMkldnn}) {
    const Tensor tensor = Tensor::CreateComposite(layout, DType::kFloat32, {3},
                                                  {Floats(1), Floats(1)});
    EXPECT_EQ(Write(graph, graph.AddTensor(tensor)).status.code(),
              absl::StatusCode::kUnimplemented);
  }
}

}  // namespace
}  // namespace torch
}  // namespace v1
}  // namespace ferry
