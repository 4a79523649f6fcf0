// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/program_data.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

Tensor OneFloat() {
  const float element[] = {1};
  return *Tensor::FromData(absl::MakeConstSpan(element), {1});
}

class ProgramDataTest : public testing::Test {
 protected:
  // An object of the program, without its state.
  NodeId NewObject(absl::string_view name) {
    return graph_->AddObject(ObjectForm::kNew,
                             graph_->AddGlobal("__torch__", name),
                             ObjectGraph::kEmptyTuple);
  }
  NodeId Call(absl::string_view module, absl::string_view name,
              const std::vector<NodeId>& args) {
    return graph_->AddObject(ObjectForm::kCall, graph_->AddGlobal(module, name),
                             graph_->AddTuple(args));
  }
  NodeId DictOf(const std::vector<NodeId>& entries) {
    const NodeId dict = graph_->AddDict();
    graph_->AppendEntries(dict, entries);
    return dict;
  }
  NodeId Str(absl::string_view text) { return graph_->AddStr(text); }

  Value Data(NodeId root) {
    absl::StatusOr<Value> data =
        ProgramData(Value(graph_, root), Value::Tuple({}));
    EXPECT_THAT(data, IsOk());
    return data.ok() ? *data : Value();
  }

  std::shared_ptr<ObjectGraph> graph_ = std::make_shared<ObjectGraph>();
};

TEST_F(ProgramDataTest, ObjectsBecomeDicts) {
  const NodeId inner = NewObject("Linear");
  const NodeId weight = graph_->AddTensor(OneFloat());
  graph_->SetState(inner, DictOf({Str("weight"), weight}));
  const NodeId outer = NewObject("M");
  graph_->SetState(
      outer, DictOf({Str("a"), inner, Str("b"), inner, Str("w"), weight}));
  const Value data = Data(outer);
  ASSERT_TRUE(data.is_dict());
  EXPECT_EQ(data.size(), 3u);
  const Value a = *data.Get("a");
  EXPECT_TRUE(a.is_dict());
  EXPECT_TRUE(a.IsSame(*data.Get("b")));
  EXPECT_TRUE(a.Get("weight")->IsSame(*data.Get("w")));
  EXPECT_EQ(data.Get("w")->AsTensor()->storage(),
            graph_->tensor(weight).storage());
}

TEST_F(ProgramDataTest, ObjectsWithoutAttributes) {
  EXPECT_EQ(Data(NewObject("Empty")).size(), 0u);
  EXPECT_TRUE(Data(NewObject("Empty")).is_dict());
  // What __getstate__ returned, if that is no dict.
  const NodeId packed = NewObject("Packed");
  const NodeId parts[] = {graph_->AddInt(7), ObjectGraph::kNone};
  graph_->SetState(packed, graph_->AddTuple(parts));
  const Value state = Data(packed);
  EXPECT_EQ(state.kind(), ValueKind::kTuple);
  EXPECT_EQ(*state.Item(0)->AsInt(), 7);
}

TEST_F(ProgramDataTest, TypesAndEnumerationsAreLeftOut) {
  const NodeId list = graph_->AddList({graph_->AddInt(1)});
  EXPECT_EQ(Data(Call("torch.jit._pickle", "build_intlist", {list})).kind(),
            ValueKind::kList);
  EXPECT_EQ(Data(Call("torch.jit._pickle", "restore_type_tag",
                      {list, Str("List[int]")}))
                .size(),
            1u);
  EXPECT_EQ(*Data(Call("__torch__", "Color", {graph_->AddInt(3)})).AsInt(), 3);
  EXPECT_EQ(*Data(graph_->AddGlobal("__torch__", "f")).AsStr(), "__torch__.f");
}

TEST_F(ProgramDataTest, KeysMustStayKeys) {
  const auto error_of = [this](NodeId root) {
    return ProgramData(Value(graph_, root), Value::Tuple({})).status();
  };
  const NodeId object = NewObject("M");
  const NodeId one = graph_->AddInt(1);
  // An object that is a key becomes a dict.
  EXPECT_THAT(error_of(DictOf({object, one})),
              StatusIs(absl::StatusCode::kUnimplemented,
                       testing::HasSubstr("cannot hash")));
  EXPECT_THAT(error_of(DictOf({graph_->AddTuple({&object, 1}), one})),
              StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(error_of(graph_->AddFrozenSet({&object, 1})),
              StatusIs(absl::StatusCode::kUnimplemented));
  // A function becomes its name, and an enumerator its value.
  const NodeId function = graph_->AddGlobal("__torch__", "f");
  EXPECT_THAT(error_of(DictOf({function, one})), IsOk());
  EXPECT_THAT(error_of(DictOf({function, one, Str("__torch__.f"), one})),
              StatusIs(absl::StatusCode::kUnimplemented,
                       testing::HasSubstr("are equal as plain data")));
  const NodeId red = Call("__torch__", "Color", {one});
  EXPECT_THAT(error_of(DictOf({red, one})), IsOk());
  EXPECT_THAT(error_of(DictOf({red, one, one, one})),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_F(ProgramDataTest, QuantisedTensorsKeepTheirQuantiser) {
  const Tensor tensor =
      *Tensor::Create(OneFloat().storage(), DType::kQInt8, {4});
  const NodeId quantizer = graph_->AddTuple(
      std::vector<NodeId>{graph_->AddGlobal("torch", "per_tensor_affine"),
                          graph_->AddFloat(0.5), graph_->AddInt(1)});
  const NodeId object = Call(
      "torch._utils", "_rebuild_qtensor",
      {graph_->AddInt(0), Call("torch.jit._pickle", "restore_type_tag",
                               {quantizer, Str("Tuple[int, float, int]")})});
  graph_->BecomeTensor(object, tensor, /*is_parameter=*/false);
  const Value data = Data(object);
  ASSERT_TRUE(data.is_tensor());
  const ObjectRecord record = data.graph()->object(data.node());
  const NodeId copy = data.graph()->items(record.args)[1];
  ASSERT_EQ(data.graph()->kind(copy), ValueKind::kTuple);
  EXPECT_EQ(data.graph()->float_value(data.graph()->items(copy)[1]), 0.5);
}

TEST_F(ProgramDataTest, QuantisedParametersAndSubclassesBecomeTensors) {
  const Tensor tensor =
      *Tensor::Create(OneFloat().storage(), DType::kQInt8, {4});
  const std::vector<NodeId> args = {graph_->AddInt(0), Str("a quantiser")};
  const NodeId data = Call("torch._utils", "_rebuild_qtensor", args);
  const NodeId parameter =
      Call("torch._utils", "_rebuild_parameter", {data, ObjectGraph::kNone});
  const auto of_class = [&](absl::string_view function, NodeId tuple) {
    return Call(
        "torch._tensor", "_rebuild_from_type_v2",
        {graph_->AddGlobal("torch._utils", function),
         graph_->AddGlobal("module", "Class"), tuple, graph_->AddDict()});
  };
  const NodeId subclass = of_class("_rebuild_qtensor", graph_->AddTuple(args));
  const NodeId parameter_subclass =
      of_class("_rebuild_parameter",
               graph_->AddTuple(std::vector<NodeId>{data, ObjectGraph::kNone}));
  for (const NodeId node : {data, parameter, subclass, parameter_subclass}) {
    graph_->BecomeTensor(node, tensor, /*is_parameter=*/node == parameter);
    const Value plain = Data(node);
    ASSERT_TRUE(plain.is_tensor());
    const ObjectRecord record = plain.graph()->object(plain.node());
    EXPECT_EQ(plain.graph()->global(record.callable).name, "_rebuild_qtensor");
    ASSERT_EQ(plain.graph()->items(record.args).size(), 2);
    EXPECT_EQ(plain.graph()->text(plain.graph()->items(record.args)[1]),
              "a quantiser");
  }
}

// A codec may give a tensor a call that did not make it.
TEST_F(ProgramDataTest, QuantisedTensorsWithOtherCallsStay) {
  const Tensor tensor =
      *Tensor::Create(OneFloat().storage(), DType::kQInt8, {4});
  const NodeId global = graph_->AddGlobal("module", "function");
  for (const std::vector<NodeId>& args : std::vector<std::vector<NodeId>>{
           {}, {global}, {global, global, graph_->AddInt(5)}}) {
    const NodeId object = Call("module", "function", args);
    graph_->BecomeTensor(object, tensor, /*is_parameter=*/false);
    EXPECT_TRUE(Data(object).is_tensor());
  }
}

TEST_F(ProgramDataTest, CyclesStay) {
  const NodeId object = NewObject("M");
  const NodeId list = graph_->AddList();
  graph_->SetState(object, DictOf({Str("self"), object, Str("list"), list}));
  const NodeId items[] = {list, object};
  graph_->AppendItems(list, items);
  const Value data = Data(object);
  EXPECT_TRUE(data.Get("self")->IsSame(data));
  EXPECT_TRUE(data.Get("list")->Item(0)->IsSame(*data.Get("list")));
  EXPECT_TRUE(data.Get("list")->Item(1)->IsSame(data));
}

TEST_F(ProgramDataTest, DoesNotRecurse) {
  NodeId node = ObjectGraph::kNone;
  for (int i = 0; i < 300000; ++i) {
    node = i % 2 == 0 ? graph_->AddTuple(std::vector<NodeId>{node})
                      : Call("torch.jit._pickle", "build_intlist", {node});
  }
  EXPECT_EQ(Data(node).kind(), ValueKind::kTuple);
}

TEST_F(ProgramDataTest, ConstantsStandBesideTheAttributes) {
  const Value tensor(OneFloat());
  const Value constants = Value::Tuple({tensor, Value(3)});
  const NodeId object = NewObject("M");
  const absl::StatusOr<Value> data =
      ProgramData(Value(graph_, object), constants);
  ASSERT_THAT(data, IsOk());
  const Value found = *data->Get("__constants__");
  EXPECT_EQ(found.size(), 2u);
  EXPECT_EQ(found.Item(0)->AsTensor()->storage(), tensor.AsTensor()->storage());
  EXPECT_EQ(
      ProgramData(Value(graph_, graph_->AddInt(1)), constants).status().code(),
      absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
