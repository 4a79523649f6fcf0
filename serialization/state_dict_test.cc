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
#include "ferry/core/object_graph.h"
#include "ferry/core/tensor.h"
#include "ferry/core/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor Number(float value) { return *Tensor::FromData<float>({value}, {1}); }

std::vector<std::string> Names(const Value& value) {
  const absl::StatusOr<std::vector<NamedTensor>> state = StateDict(value);
  EXPECT_TRUE(state.ok()) << state.status();
  std::vector<std::string> names;
  if (!state.ok()) return names;
  for (const NamedTensor& entry : *state) {
    names.push_back(absl::StrCat(
        entry.name, "=", static_cast<const float*>(entry.tensor.data())[0]));
  }
  return names;
}

// Modules, as a pickle describes them.
class Modules {
 public:
  NodeId Add(const std::vector<std::pair<std::string, float>>& parameters,
             const std::vector<std::pair<std::string, float>>& buffers = {},
             const std::vector<std::string>& transient = {}) {
    const NodeId module =
        graph_->AddObject(ObjectForm::kNew, graph_->AddGlobal("my", "Module"),
                          ObjectGraph::kEmptyTuple);
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
    graph_->SetState(module, state);
    return module;
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
  ASSERT_TRUE(state.Set("b.weight", Number(1)).ok());
  ASSERT_TRUE(state.Set("steps", 3).ok());
  ASSERT_TRUE(state.Set("a.weight", Value::Parameter(Number(2))).ok());
  EXPECT_THAT(Names(state), ElementsAre("b.weight=1", "a.weight=2"));
}

TEST(StateDictTest, OfACheckpointThatHoldsOne) {
  for (absl::string_view holder :
       {"state_dict", "model_state_dict", "model", "module", "net", "network",
        "weights", "params"}) {
    const Value state = Value::Dict();
    ASSERT_TRUE(state.Set("w", Number(1)).ok());
    const Value checkpoint = Value::Dict();
    ASSERT_TRUE(checkpoint.Set("rng_state", Number(9)).ok());
    ASSERT_TRUE(checkpoint.Set(holder, state).ok());
    EXPECT_THAT(Names(checkpoint), ElementsAre("w=1")) << holder;
  }
}

TEST(StateDictTest, TheClearestNameGoesFirst) {
  const Value state = Value::Dict();
  ASSERT_TRUE(state.Set("w", Number(1)).ok());
  const Value other = Value::Dict();
  ASSERT_TRUE(other.Set("w", Number(2)).ok());
  const Value checkpoint = Value::Dict();
  ASSERT_TRUE(checkpoint.Set("model", other).ok());
  ASSERT_TRUE(checkpoint.Set("state_dict", state).ok());
  EXPECT_THAT(Names(checkpoint), ElementsAre("w=1"));
  EXPECT_THAT(Names(*checkpoint.At("/model")), ElementsAre("w=2"));
  // A holder without tensors is none.
  const Value config = Value::Dict();
  ASSERT_TRUE(config.Set("model", Value("resnet")).ok());
  ASSERT_TRUE(config.Set("net", state).ok());
  EXPECT_THAT(Names(config), ElementsAre("w=1"));
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
  ASSERT_TRUE(checkpoint.Set("epoch", 3).ok());
  ASSERT_TRUE(checkpoint.Set(Value(7), Value("x\n")).ok());
  const absl::Status status = StateDict(checkpoint).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"epoch\", \"7\""));
  EXPECT_EQ(StateDict(Value(3)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(StateDict(Value::Dict()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(StateDictTest, RefusesKeysThatAreNoNames) {
  const Value state = Value::Dict();
  ASSERT_TRUE(state.Set(Value(7), Number(1)).ok());
  EXPECT_EQ(StateDict(state).status().code(),
            absl::StatusCode::kInvalidArgument);
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

TEST(StateDictTest, DoesNotRecurse) {
  Modules modules;
  NodeId module = modules.Add({{"w", 1}});
  for (int i = 0; i < 10000; ++i) {
    const NodeId above = modules.Add({});
    modules.Hang(above, "m", module);
    module = above;
  }
  const absl::StatusOr<std::vector<NamedTensor>> state =
      StateDict(modules.value(module));
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->size(), 1u);
  EXPECT_EQ((*state)[0].name.size(), 20001u);
}

}  // namespace
}  // namespace ferry
