// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/state_dict.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Tensor Number(float value) { return *Tensor::FromData<float>({value}, {1}); }

std::vector<std::string> Names(const Value& value) {
  const absl::StatusOr<StateDictResult> state = StateDict(value);
  EXPECT_THAT(state, IsOk());
  std::vector<std::string> names;
  if (!state.ok()) return names;
  for (const NamedTensor& entry : state->tensors) {
    names.push_back(absl::StrCat(
        entry.name, "=", static_cast<const float*>(entry.tensor.data())[0]));
  }
  return names;
}

// What was left out, each as "name: type".
std::vector<std::string> LeftOutOf(const Value& value) {
  const absl::StatusOr<StateDictResult> state = StateDict(value);
  EXPECT_THAT(state, IsOk());
  std::vector<std::string> left_out;
  if (!state.ok()) return left_out;
  for (const LeftOut& entry : state->left_out) {
    left_out.push_back(absl::StrCat(entry.name, ": ", entry.type));
  }
  return left_out;
}

// A dict with one tensor.
Value OneTensor(float value) {
  const Value state = Value::Dict();
  EXPECT_THAT(state.Set("w", Number(value)), IsOk());
  return state;
}

Value Dict(const std::vector<std::pair<absl::string_view, Value>>& entries) {
  const Value dict = Value::Dict();
  for (const auto& [key, value] : entries) {
    EXPECT_THAT(dict.Set(key, value), IsOk());
  }
  return dict;
}

// Modules, as a pickle describes them.
class Modules {
 public:
  NodeId Add(const std::vector<std::pair<std::string, float>>& parameters,
             const std::vector<std::pair<std::string, float>>& buffers = {},
             const std::vector<std::string>& transient = {}) {
    const NodeId module = AddObject("my", "Module");
    graph_->SetState(module, Attributes(parameters, buffers, transient));
    return module;
  }

  // The attributes of a module.
  NodeId Attributes(
      const std::vector<std::pair<std::string, float>>& parameters,
      const std::vector<std::pair<std::string, float>>& buffers = {},
      const std::vector<std::string>& transient = {}) {
    const NodeId state = graph_->AddDict();
    Set(state, "training", ObjectGraph::kTrue);
    Set(state, "_parameters", Tensors(parameters));
    Set(state, "_buffers", Tensors(buffers));
    std::vector<NodeId> names;
    for (const std::string& name : transient) {
      names.push_back(graph_->AddStr(name));
    }
    Set(state, "_non_persistent_buffers_set", graph_->AddSet(names));
    Set(state, "_modules", graph_->AddDict());
    return state;
  }

  // An object that has neither arguments nor a state yet.
  NodeId AddObject(absl::string_view module, absl::string_view name) {
    return graph_->AddObject(ObjectForm::kNew, graph_->AddGlobal(module, name),
                             ObjectGraph::kEmptyTuple);
  }

  NodeId AddNumber(float value) { return graph_->AddTensor(Number(value)); }

  // What Python pickles of an object of C++.
  NodeId AddScriptObject(NodeId state) {
    const NodeId object = AddObject("torch", "ScriptObject");
    const NodeId parts[] = {state, graph_->AddStr("__torch__.torch.classes.C")};
    graph_->SetState(object, graph_->AddTuple(parts));
    return object;
  }

  void Hang(NodeId parent, absl::string_view name, NodeId child) {
    const NodeId state = graph_->object(parent).state;
    Set(graph_->FindStr(state, "_modules"), name, child);
  }

  void Set(NodeId dict, absl::string_view key, NodeId value) {
    graph_->SetEntry(dict, key, value);
  }

  Value value(NodeId node) const { return Value(graph_, node); }
  ObjectGraph& graph() { return *graph_; }

 private:
  NodeId Tensors(const std::vector<std::pair<std::string, float>>& numbers) {
    const NodeId dict = graph_->AddDict();
    for (const auto& [name, number] : numbers) {
      Set(dict, name, graph_->AddTensor(Number(number)));
    }
    return dict;
  }

  std::shared_ptr<ObjectGraph> graph_ = std::make_shared<ObjectGraph>();
};

TEST(StateDictTest, OfAStateDict) {
  const Value state = Value::OrderedDict();
  ASSERT_THAT(state.Set("b.weight", Number(1)), IsOk());
  ASSERT_THAT(state.Set("steps", 3), IsOk());
  ASSERT_THAT(state.Set("a.weight", Value::Parameter(Number(2))), IsOk());
  EXPECT_THAT(Names(state), ElementsAre("b.weight=1", "a.weight=2"));
}

TEST(StateDictTest, OfACheckpointThatHoldsOne) {
  for (absl::string_view holder :
       {"state_dict", "model_state_dict", "model", "module", "net", "network",
        "weights", "generator", "params_ema", "params"}) {
    const Value state = Value::Dict();
    ASSERT_THAT(state.Set("w", Number(1)), IsOk());
    const Value checkpoint = Value::Dict();
    ASSERT_THAT(checkpoint.Set("rng_state", Number(9)), IsOk());
    ASSERT_THAT(checkpoint.Set(holder, state), IsOk());
    ASSERT_THAT(checkpoint.Set("epoch", 3), IsOk());
    EXPECT_THAT(Names(checkpoint), ElementsAre("w=1")) << holder;
    const absl::StatusOr<StateDictResult> found = StateDict(checkpoint);
    EXPECT_EQ(found->pointer, absl::StrCat("/", holder));
    EXPECT_THAT(found->outside, ElementsAre("/rng_state", "/epoch"));
  }
}

TEST(StateDictTest, TheClearestNameGoesFirst) {
  const Value state = Value::Dict();
  ASSERT_THAT(state.Set("w", Number(1)), IsOk());
  const Value other = Value::Dict();
  ASSERT_THAT(other.Set("w", Number(2)), IsOk());
  const Value checkpoint = Value::Dict();
  ASSERT_THAT(checkpoint.Set("model", other), IsOk());
  ASSERT_THAT(checkpoint.Set("state_dict", state), IsOk());
  EXPECT_THAT(Names(checkpoint), ElementsAre("w=1"));
  EXPECT_THAT(Names(*checkpoint.At("/model")), ElementsAre("w=2"));
  // A holder without tensors is none.
  const Value config = Value::Dict();
  ASSERT_THAT(config.Set("model", Value("resnet")), IsOk());
  ASSERT_THAT(config.Set("net", state), IsOk());
  EXPECT_THAT(Names(config), ElementsAre("w=1"));
  // The averaged parameters are those to use.
  EXPECT_THAT(
      Names(Dict({{"params", OneTensor(1)}, {"params_ema", OneTensor(2)}})),
      ElementsAre("w=2"));
}

TEST(StateDictTest, OfTheOnlyEntryThatIsOne) {
  const Value checkpoint = Dict({{"epoch", Value(3)},
                                 {"e~m/a", OneTensor(1)},
                                 {"optimizer", Dict({{"lr", Value(0.1)}})}});
  EXPECT_THAT(Names(checkpoint), ElementsAre("w=1"));
  const absl::StatusOr<StateDictResult> found = StateDict(checkpoint);
  EXPECT_EQ(found->pointer, "/e~0m~1a");
  EXPECT_TRUE(checkpoint.At(found->pointer)->Contains("w"));
  EXPECT_THAT(found->outside, ElementsAre("/epoch", "/optimizer"));
  // Of two, none is taken.
  ASSERT_THAT(checkpoint.Set("raw", OneTensor(2)), IsOk());
  const absl::Status status = StateDict(checkpoint).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"e~m/a\", \"raw\""));
  // A dict that has tensors of its own is the state, with all that is in it.
  ASSERT_THAT(checkpoint.Set("rng", Number(9)), IsOk());
  EXPECT_THAT(Names(checkpoint), ElementsAre("e~m/a.w=1", "raw.w=2", "rng=9"));
}

TEST(StateDictTest, NamesWhatListsTuplesAndDictsHold) {
  const Value list = Value::List({Number(1), Number(2)});
  const Value tuple =
      Value::Tuple({Number(3), Value::Tuple({}), Dict({{"w", Number(4)}})});
  EXPECT_THAT(Names(Dict({{"weights", list}})),
              ElementsAre("weights.0=1", "weights.1=2"));
  const Value state = Dict({{"a", tuple}, {"b", Dict({{"weights", list}})}});
  EXPECT_THAT(Names(state), ElementsAre("a.0=3", "a.2.w=4", "b.weights.0=1",
                                        "b.weights.1=2"));
  EXPECT_THAT(LeftOutOf(state), ElementsAre("a.1: tuple"));
}

TEST(StateDictTest, SaysWhatIsNoTensor) {
  const Value config = Value::Object("my.Config");
  ASSERT_THAT(config.SetAttribute("depth", Value(3)), IsOk());
  const Value state = Dict({{"none", Value()},
                            {"steps", Value(3)},
                            {"text", Value("x")},
                            {"dtype", Value::FromDType(DType::kInt8)},
                            {"list", Value::List({Value(1), Value(2)})},
                            {"options", Dict({{"lr", Value(0.1)}})},
                            {"config", config},
                            {"w", Number(1)}});
  ASSERT_THAT(state.Set(Value(7), Number(2)), IsOk());
  ASSERT_THAT(state.Set(Value(true), Value(3)), IsOk());
  ASSERT_THAT(state.Set("itself", state), IsOk());
  EXPECT_THAT(Names(state), ElementsAre("w=1"));
  EXPECT_THAT(
      LeftOutOf(state),
      ElementsAre("none: none", "steps: int", "text: str", "dtype: dtype",
                  "list: list", "options: dict", "config: my.Config",
                  "7: tensor under a key of type int", "True: int",
                  "itself: dict that contains itself"));
}

TEST(StateDictTest, OfPackedWeights) {
  // As in the state_dict of a quantised module, and in the module itself.
  Modules modules;
  const NodeId parts[] = {modules.AddNumber(1), modules.AddNumber(2)};
  const NodeId packed =
      modules.AddScriptObject(modules.graph().AddTuple(parts));
  const NodeId state = modules.graph().AddDict();
  modules.Set(state, "fc.packed", packed);
  EXPECT_THAT(Names(modules.value(state)),
              ElementsAre("fc.packed.0=1", "fc.packed.1=2"));

  const NodeId params = modules.AddObject("torch.nn.quantized.modules.linear",
                                          "LinearPackedParams");
  const NodeId attributes = modules.Attributes({});
  modules.Set(attributes, "dtype", modules.graph().AddDType(DType::kQInt8));
  modules.Set(attributes, "packed", packed);
  modules.graph().SetState(params, attributes);
  const NodeId linear =
      modules.AddObject("torch.nn.quantized.dynamic.modules.linear", "Linear");
  const NodeId linear_attributes = modules.Attributes({});
  modules.Set(linear_attributes, "in_features", modules.graph().AddInt(2));
  modules.Set(linear_attributes, "scale", modules.graph().AddFloat(1));
  modules.graph().SetState(linear, linear_attributes);
  modules.Hang(linear, "params", params);
  const NodeId root = modules.Add({});
  modules.Hang(root, "fc", linear);
  EXPECT_THAT(Names(modules.value(root)),
              ElementsAre("fc.params.packed.0=1", "fc.params.packed.1=2"));
  EXPECT_THAT(LeftOutOf(modules.value(root)),
              ElementsAre("fc.scale: float", "fc.params.dtype: dtype"));
}

TEST(StateDictTest, OfSubmodulesThatHaveAStateOfTheirOwn) {
  // The state of a quantised convolution is a tuple.
  Modules modules;
  const NodeId conv =
      modules.AddObject("torch.nn.quantized.modules.conv", "Conv2d");
  const NodeId parts[] = {modules.graph().AddInt(3), modules.AddNumber(1)};
  modules.graph().SetState(conv, modules.graph().AddTuple(parts));
  const NodeId root = modules.Add({});
  modules.Hang(root, "conv", conv);
  EXPECT_THAT(Names(modules.value(root)), ElementsAre("conv.1=1"));
  EXPECT_THAT(LeftOutOf(modules.value(root)), ElementsAre("conv.0: int"));
}

TEST(StateDictTest, OfAGraphModule) {
  Modules modules;
  const NodeId args[] = {modules.Attributes({{"w", 1}}, {{"b", 2}}),
                         modules.graph().AddStr("import torch")};
  const NodeId root = modules.graph().AddObject(
      ObjectForm::kCall,
      modules.graph().AddGlobal("torch.fx.graph_module", "reduce_graph_module"),
      modules.graph().AddTuple(args));
  EXPECT_THAT(Names(modules.value(root)), ElementsAre("w=1", "b=2"));
}

TEST(StateDictTest, OfATorchScriptProgram) {
  Modules modules;
  ObjectGraph& graph = modules.graph();
  const NodeId inner = modules.AddObject("__torch__", "Inner");
  const NodeId inner_state = graph.AddDict();
  modules.Set(inner_state, "w", modules.AddNumber(2));
  const NodeId items[] = {modules.AddNumber(3), modules.AddNumber(4)};
  const NodeId args[] = {graph.AddList(items)};
  modules.Set(
      inner_state, "typed",
      graph.AddObject(ObjectForm::kCall,
                      graph.AddGlobal("torch.jit._pickle", "build_tensorlist"),
                      graph.AddTuple(args)));
  graph.SetState(inner, inner_state);
  const NodeId root = modules.AddObject("__torch__.my", "Model");
  const NodeId state = graph.AddDict();
  modules.Set(state, "scale", modules.AddNumber(1));
  modules.Set(state, "training", ObjectGraph::kTrue);
  modules.Set(state, "inner", inner);
  graph.SetState(root, state);
  EXPECT_THAT(Names(modules.value(root)),
              ElementsAre("scale=1", "inner.w=2", "inner.typed.0=3",
                          "inner.typed.1=4"));
  EXPECT_THAT(LeftOutOf(modules.value(root)), IsEmpty());
}

TEST(StateDictTest, OfADictWithItsType) {
  Modules modules;
  ObjectGraph& graph = modules.graph();
  const NodeId dict = graph.AddDict();
  modules.Set(dict, "w", modules.AddNumber(1));
  const NodeId args[] = {dict, graph.AddStr("Dict[str, Tensor]")};
  const NodeId root =
      graph.AddObject(ObjectForm::kCall,
                      graph.AddGlobal("torch.jit._pickle", "restore_type_tag"),
                      graph.AddTuple(args));
  EXPECT_THAT(Names(modules.value(root)), ElementsAre("w=1"));
  const std::string pointer = StateDict(modules.value(root))->pointer;
  EXPECT_TRUE(modules.value(root).At(pointer)->Contains("w"));
}

TEST(StateDictTest, SaysWhichTensorsOfAModuleAreNoState) {
  Modules modules;
  const NodeId conv = modules.Add({{"weight", 1}}, {{"cache", 2}}, {"cache"});
  const NodeId list[] = {modules.AddNumber(3)};
  modules.Set(modules.graph().object(conv).state, "anchors",
              modules.graph().AddList(list));
  const NodeId root = modules.Add({});
  modules.Hang(root, "conv", conv);
  const NodeId checkpoint = modules.graph().AddDict();
  modules.Set(checkpoint, "model", root);
  const absl::StatusOr<StateDictResult> state =
      StateDict(modules.value(checkpoint));
  ASSERT_THAT(state, IsOk());
  EXPECT_THAT(state->outside, ElementsAre("/model/_modules/conv/_buffers/cache",
                                          "/model/_modules/conv/anchors/0"));
  for (const std::string& pointer : state->outside) {
    EXPECT_TRUE(modules.value(checkpoint).At(pointer)->is_tensor());
  }
  EXPECT_THAT(state->left_out, IsEmpty());
}

TEST(StateDictTest, RefusesAModuleThatHoldsTensorsAndYieldsNone) {
  Modules modules;
  const NodeId root = modules.Add({});
  const NodeId inner = modules.Add({});
  modules.Hang(root, "inner", inner);
  EXPECT_THAT(Names(modules.value(root)), IsEmpty());
  modules.Set(modules.graph().object(inner).state, "anchors",
              modules.AddNumber(1));
  const absl::Status status = StateDict(modules.value(root)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("\"/_modules/inner/anchors\""));
}

TEST(StateDictTest, RefusesTwoTensorsOfOneName) {
  const absl::Status status =
      StateDict(Dict({{"a.w", Number(1)}, {"a", OneTensor(2)}})).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"a.w\""));
}

TEST(StateDictTest, OfAModule) {
  Modules modules;
  const NodeId root = modules.Add({{"scale", 1}});
  const NodeId conv = modules.Add({{"weight", 2}, {"bias", 3}});
  const NodeId norm =
      modules.Add({{"weight", 4}}, {{"mean", 5}, {"cache", 6}}, {"cache"});
  const NodeId block = modules.Add({});
  modules.Hang(root, "block", block);
  modules.Hang(block, "conv", conv);
  modules.Hang(block, "gone", ObjectGraph::kNone);
  modules.Hang(block, "norm", norm);
  modules.Hang(root, "again", conv);
  EXPECT_THAT(Names(modules.value(root)),
              ElementsAre("scale=1", "block.conv.weight=2", "block.conv.bias=3",
                          "block.norm.weight=4", "block.norm.mean=5",
                          "again.weight=2", "again.bias=3"));
  const NodeId checkpoint = modules.graph().AddDict();
  modules.Set(checkpoint, "model", root);
  EXPECT_EQ(Names(modules.value(checkpoint)).size(), 7u);
}

TEST(StateDictTest, SaysWhatThereIs) {
  const Value checkpoint = Value::Dict();
  ASSERT_THAT(checkpoint.Set("epoch", 3), IsOk());
  ASSERT_THAT(checkpoint.Set(Value(7), Value("x\n")), IsOk());
  const absl::Status status = StateDict(checkpoint).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"epoch\", \"7\""));
  EXPECT_EQ(StateDict(Value(3)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(StateDict(Value::Dict()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(StateDictTest, RefusesKeysThatAreNoNames) {
  const Value state = Value::Dict();
  ASSERT_THAT(state.Set(Value(7), Number(1)), IsOk());
  const absl::Status status = StateDict(state).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"7\""));
}

TEST(StateDictTest, RefusesAModuleThatContainsItself) {
  Modules modules;
  const NodeId outer = modules.Add({});
  const NodeId inner = modules.Add({{"w", 1}});
  modules.Hang(outer, "inner", inner);
  modules.Hang(inner, "outer", outer);
  const absl::Status status = StateDict(modules.value(outer)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"inner.outer.\""));
}

TEST(StateDictTest, EndsWhereSharingMakesTooMuchOfIt) {
  // Each level hangs twice in the one above: 2^60 modules.
  Modules modules;
  NodeId module = modules.Add({});
  for (int i = 0; i < 60; ++i) {
    const NodeId above = modules.Add({});
    modules.Hang(above, "a", module);
    modules.Hang(above, "b", module);
    module = above;
  }
  EXPECT_EQ(StateDict(modules.value(module)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(StateDictTest, EndsWhereSharedListsMakeTooMuchOfIt) {
  Modules modules;
  const NodeId number = modules.AddNumber(1);
  NodeId list = modules.graph().AddList({&number, 1});
  for (int i = 0; i < 60; ++i) {
    const NodeId both[] = {list, list};
    list = modules.graph().AddList(both);
  }
  const NodeId state = modules.graph().AddDict();
  modules.Set(state, "w", list);
  EXPECT_EQ(StateDict(modules.value(state)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(StateDictTest, EveryPointerLeadsBack) {
  const Value state = OneTensor(1);
  const Value checkpoint = Value::OrderedDict();
  ASSERT_THAT(checkpoint.Set("a/b~", Value(3)), IsOk());
  ASSERT_THAT(checkpoint.Set(Value(0), state), IsOk());
  ASSERT_THAT(checkpoint.Set("0", Value(5)), IsOk());
  ASSERT_THAT(checkpoint.SetAttribute("0", Value(6)), IsOk());
  const auto at = [&](const std::string& pointer) {
    const absl::StatusOr<Value> value = checkpoint.At(pointer);
    EXPECT_THAT(value, IsOk());
    return value.value_or(Value());
  };
  absl::StatusOr<StateDictResult> found = StateDict(checkpoint);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->pointer, "/0~20");
  EXPECT_TRUE(at(found->pointer).Contains("w"));
  EXPECT_THAT(found->outside, ElementsAre("/a~1b~0", "/0~21"));
  EXPECT_EQ(at(found->outside[0]).AsInt().value_or(-1), 3);
  EXPECT_EQ(at(found->outside[1]).AsInt().value_or(-1), 5);
  // The other one.
  ASSERT_THAT(checkpoint.Set(Value(0), Value(7)), IsOk());
  ASSERT_THAT(checkpoint.Set("0", OneTensor(2)), IsOk());
  found = StateDict(checkpoint);
  ASSERT_THAT(found, IsOk());
  EXPECT_TRUE(at(found->pointer).Contains("w"));
  ASSERT_EQ(found->outside.size(), 2u);
  EXPECT_EQ(at(found->outside[1]).AsInt().value_or(-1), 7);
}

TEST(StateDictTest, PointersLeadThroughHelpersAndModules) {
  // To an argument whose name an item has as well, and to a state.
  Modules modules;
  ObjectGraph& graph = modules.graph();
  const NodeId module =
      modules.Add({{"w", 1}}, {{"0", 2}, {"1", 3}}, {"0", "1"});
  const NodeId buffers = graph.FindStr(graph.object(module).state, "_buffers");
  const NodeId entry[] = {graph.AddInt(0), modules.AddNumber(4)};
  graph.AppendEntries(buffers, entry);
  const NodeId dict = graph.AddDict();
  modules.Set(dict, "model", module);
  const NodeId args[] = {dict, graph.AddStr("Dict[str, Module]")};
  const NodeId tagged =
      graph.AddObject(ObjectForm::kCall,
                      graph.AddGlobal("torch.jit._pickle", "restore_type_tag"),
                      graph.AddTuple(args));
  const NodeId item[] = {graph.AddInt(8)};
  graph.AppendItems(tagged, item);
  const Value value = modules.value(modules.AddScriptObject(tagged));
  const absl::StatusOr<StateDictResult> found = StateDict(value);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->pointer, "/__state__/0/0~21/model");
  const absl::StatusOr<Value> state = value.At(found->pointer);
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->node(), module);
  ASSERT_EQ(found->outside.size(), 3u);
  for (const std::string& pointer : found->outside) {
    const absl::StatusOr<Value> outside = value.At(pointer);
    ASSERT_THAT(outside, IsOk());
    EXPECT_TRUE(outside->is_tensor()) << pointer;
  }
  // A pair without the name of a class is of something else, and no pointer
  // leads to its dict.
  const NodeId other = modules.AddObject("torch", "ScriptObject");
  const NodeId parts[] = {dict, ObjectGraph::kNone};
  graph.SetState(other, graph.AddTuple(parts));
  EXPECT_EQ(StateDict(modules.value(other)).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(StateDictTest, SaysWhatMayBeAPartOfTheState) {
  for (const bool is_certain : {false, true}) {
    const Value checkpoint =
        Dict({{"bias", Number(2)},
              {is_certain ? "state_dict" : "weights", OneTensor(1)},
              {"scales", Value::Tuple({Value::List({Number(3)})})},
              {"epochs", Value::List({Value(3)})},
              {"optimizer", Dict({{"momentum", Number(4)}})},
              {"history", Value::List({Dict({{"loss", Number(5)}})})}});
    EXPECT_THAT(Names(checkpoint), ElementsAre("w=1"));
    const StateDictResult found = *StateDict(checkpoint);
    EXPECT_THAT(found.outside, ElementsAre("/bias", "/scales", "/epochs",
                                           "/optimizer", "/history"));
    if (is_certain) {
      EXPECT_THAT(found.ambiguous, IsEmpty());
    } else {
      EXPECT_THAT(found.ambiguous, ElementsAre("/bias", "/scales"));
    }
  }
}

TEST(StateDictTest, WhatContainersHoldDoesNotDependOnTheOrder) {
  // p and q contain each other, and only p has a tensor; x has itself alone.
  const Value p = Value::List({Value(1)});
  const Value q = Value::List({p});
  const Value x = Value::List();
  const Value state = Dict({{"w", Number(1)}, {"x", x}, {"q", q}, {"p", p}});
  const Value own_x = *state.Get("x");
  ASSERT_THAT(own_x.Append(own_x), IsOk());
  const Value own_q = *state.Get("q");
  const Value own_p = *own_q.Item(0);
  ASSERT_THAT(own_p.Append(own_q), IsOk());
  ASSERT_THAT(own_p.Append(Value::List({Value::List({Number(2)})})), IsOk());
  ASSERT_THAT(state.Set("p", own_p), IsOk());
  EXPECT_THAT(Names(state), ElementsAre("w=1", "q.0.2.0.0=2", "p.2.0.0=2"));
  EXPECT_THAT(
      LeftOutOf(state),
      ElementsAre("x: list", "q.0.0: int", "q.0.1: list that contains itself",
                  "p.0: int", "p.1.0: list that contains itself"));
}

// To look at what is shared once for each that has it would take more than all
// visits may.
TEST(StateDictTest, LooksAtWhatIsSharedOnce) {
  constexpr int kSharing = 20000;
  constexpr int kShared = 100000;
  Modules modules;
  ObjectGraph& graph = modules.graph();
  std::vector<NodeId> numbers;
  for (int i = 0; i < kShared; ++i) numbers.push_back(graph.AddInt(i));
  const NodeId dict = graph.AddDict();
  graph.AppendEntries(dict, numbers);
  const NodeId tuple = graph.AddTuple(numbers);
  const NodeId module = modules.Add({{"w", 1}});
  const NodeId global = graph.AddGlobal("my", "Class");
  const NodeId states[] = {graph.AddDict(), graph.AddDict(), graph.AddDict(),
                           graph.AddDict()};
  for (NodeId state : states) modules.Set(state, "w", modules.AddNumber(1));
  for (int i = 0; i < kSharing; ++i) {
    const std::string name = absl::StrCat(i);
    modules.Set(states[0], name, dict);
    const NodeId with_args = graph.AddObject(ObjectForm::kCall, global, tuple);
    modules.Set(states[1], name, with_args);
    const NodeId with_state = modules.AddObject("my", "Class");
    graph.SetState(with_state, dict);
    modules.Set(states[2], name, with_state);
    const NodeId list[] = {tuple};
    modules.Set(states[3], name, graph.AddList(list));
  }
  for (NodeId state : states) {
    const absl::StatusOr<StateDictResult> found =
        StateDict(modules.value(state));
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->tensors.size(), 1u);
    EXPECT_EQ(found->left_out.size(), size_t{kSharing});
  }
  // Each entry may be the state.
  const NodeId checkpoint = graph.AddDict();
  for (int i = 0; i < kSharing; ++i) {
    const NodeId held = graph.AddDict();
    modules.Set(held, "items", tuple);
    modules.Set(checkpoint, absl::StrCat(i), held);
  }
  modules.Set(checkpoint, "m", module);
  const absl::StatusOr<StateDictResult> found =
      StateDict(modules.value(checkpoint));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->pointer, "/m");
}

TEST(StateDictTest, ReadsTheNamesOfTransientBuffersOnce) {
  constexpr int kBuffers = 20000;
  std::vector<std::pair<std::string, float>> buffers;
  std::vector<std::string> transient;
  for (int i = 0; i < kBuffers; ++i) {
    buffers.emplace_back(absl::StrCat("buffer", i), 1);
    if (i % 2 == 0) transient.push_back(buffers.back().first);
  }
  Modules modules;
  const absl::StatusOr<StateDictResult> found =
      StateDict(modules.value(modules.Add({}, buffers, transient)));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->tensors.size(), size_t{kBuffers} / 2);
  EXPECT_EQ(found->outside.size(), size_t{kBuffers} / 2);
}

TEST(StateDictTest, DoesNotRecurse) {
  Modules modules;
  NodeId module = modules.Add({{"w", 1}});
  for (int i = 0; i < 10000; ++i) {
    const NodeId above = modules.Add({});
    modules.Hang(above, "m", module);
    module = above;
  }
  const absl::StatusOr<StateDictResult> state =
      StateDict(modules.value(module));
  ASSERT_THAT(state, IsOk());
  ASSERT_EQ(state->tensors.size(), 1u);
  EXPECT_EQ(state->tensors[0].name.size(), 20001u);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
