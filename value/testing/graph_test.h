// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/testing/graph_test.h
// -----------------------------------------------------------------------------
//
// A fixture for tests that build small object graphs and look at their nodes.
//
// Example:
//
//   using GraphChildrenTest = GraphTest;
//
//   TEST_F(GraphChildrenTest, ItemsAreFound) {
//     const NodeId item = Int(7);
//     EXPECT_EQ(Resolve(Dict({Str("a"), List({item})}), "/a/0"), item);
//   }
#ifndef FERRY_VALUE_TESTING_GRAPH_TEST_H_
#define FERRY_VALUE_TESTING_GRAPH_TEST_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/object_path.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// GraphTest
//
// Owns a graph. Its functions add a node of the kind that they are named after.
class GraphTest : public testing::Test {
 protected:
  using Nodes = std::vector<NodeId>;

  NodeId Str(absl::string_view text) { return graph_.AddStr(text); }
  NodeId Int(int64_t value) { return graph_.AddInt(value); }
  NodeId Float(double value) { return graph_.AddFloat(value); }
  NodeId Tuple(const Nodes& items) { return graph_.AddTuple(items); }
  NodeId List(const Nodes& items) { return graph_.AddList(items); }
  NodeId Dict(const Nodes& keys_and_values) {
    const NodeId dict = graph_.AddDict();
    graph_.AppendEntries(dict, keys_and_values);
    return dict;
  }
  // Adds an object that is made by a call with `args`.
  NodeId Object(const Nodes& args) {
    return graph_.AddObject(ObjectForm::kCall, graph_.AddGlobal("m", "C"),
                            Tuple(args));
  }
  // Adds a list of a dict and an object whose children share names: keys 0 and
  // "0", the key "~20", two tensors as keys, and an item beside an argument.
  NodeId SharedNames() {
    const NodeId tensors[] = {ATensor(), ATensor()};
    const NodeId dict =
        Dict({Int(0), Int(10), Str("0"), Int(11), Str("~20"), Int(12),
              tensors[0], Int(13), tensors[1], Int(14), Str("<tensor>"),
              Int(15), Str("x"), Dict({Str("1"), Int(16), Int(1), Int(17)})});
    const NodeId object = Object({Int(20), Int(21)});
    graph_.AppendItems(object, Nodes{Int(22)});
    return List({dict, object});
  }
  // Adds a tensor of one element.
  NodeId ATensor() {
    return graph_.AddTensor(
        *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {}));
  }

  // Returns the node that `pointer` leads to. Fails the test and returns
  // kNoNode if there is none.
  NodeId Resolve(NodeId root, absl::string_view pointer) {
    const absl::StatusOr<NodeId> node = ResolvePointer(graph_, root, pointer);
    EXPECT_THAT(node, IsOk());
    return node.ok() ? *node : kNoNode;
  }
  // Returns the code of `ResolvePointer`'s status.
  absl::StatusCode ResolveCode(NodeId root, absl::string_view pointer) {
    return ResolvePointer(graph_, root, pointer).status().code();
  }

  ObjectGraph graph_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_TESTING_GRAPH_TEST_H_
