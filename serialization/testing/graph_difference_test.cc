// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/graph_difference.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::StartsWith;

using Build = std::function<NodeId(ObjectGraph*)>;

std::string Difference(const Build& a, const Build& b) {
  ObjectGraph graph_a;
  ObjectGraph graph_b;
  const NodeId node_a = a(&graph_a);
  return GraphDifference(graph_a, node_a, graph_b, b(&graph_b));
}

Tensor Zeros(DType dtype, const std::vector<int64_t>& shape) {
  return *Tensor::Create(*Storage::Allocate(64), dtype, shape);
}

NodeId Call(ObjectGraph* graph, ObjectForm form, const char* name) {
  return graph->AddObject(form, graph->AddGlobal("m", name),
                          ObjectGraph::kEmptyTuple);
}

TEST(GraphDifferenceTest, SaysWhatDiffers) {
  const struct {
    Build a;
    Build b;
    const char* says;
  } cases[] = {
      {[](ObjectGraph* g) { return g->AddInt(1); },
       [](ObjectGraph* g) { return g->AddInt(2); }, "integers differ"},
      {[](ObjectGraph* g) { return g->AddInt(1); },
       [](ObjectGraph* g) { return g->AddFloat(1); }, "kinds differ"},
      {[](ObjectGraph* g) { return g->AddFloat(0.0); },
       [](ObjectGraph* g) { return g->AddFloat(-0.0); }, "floats differ"},
      {[](ObjectGraph* g) { return g->AddComplex(1, 0.0); },
       [](ObjectGraph* g) { return g->AddComplex(1, -0.0); },
       "complex numbers differ"},
      {[](ObjectGraph* g) { return g->AddStr("a"); },
       [](ObjectGraph* g) { return g->AddStr("b"); }, "texts differ"},
      {[](ObjectGraph* g) { return g->AddList({ObjectGraph::kNone}); },
       [](ObjectGraph* g) { return g->AddList(); }, "lengths differ"},
      {[](ObjectGraph* g) {
         const NodeId one = g->AddInt(1);
         return g->AddList({one, one});
       },
       [](ObjectGraph* g) {
         return g->AddList({g->AddInt(1), g->AddInt(1)});
       },
       "a node is shared in one graph alone"},
      {[](ObjectGraph* g) { return g->AddGlobal("m", "a"); },
       [](ObjectGraph* g) { return g->AddGlobal("m", "b"); }, "names differ"},
      {[](ObjectGraph* g) { return Call(g, ObjectForm::kCall, "a"); },
       [](ObjectGraph* g) { return Call(g, ObjectForm::kNew, "a"); },
       "forms of calls differ"},
      {[](ObjectGraph* g) { return Call(g, ObjectForm::kCall, "a"); },
       [](ObjectGraph* g) {
         const NodeId object = Call(g, ObjectForm::kCall, "a");
         g->SetState(object, ObjectGraph::kTrue);
         return object;
       },
       "one is missing"},
      {[](ObjectGraph* g) { return g->AddDType(DType::kInt8); },
       [](ObjectGraph* g) { return g->AddDType(DType::kInt16); },
       "dtypes differ"},
      {[](ObjectGraph* g) { return g->AddDevice(Device("cpu")); },
       [](ObjectGraph* g) { return g->AddDevice(Device("cuda", 0)); },
       "devices differ"},
      {[](ObjectGraph* g) { return g->AddLayout(Layout::kStrided); },
       [](ObjectGraph* g) { return g->AddLayout(Layout::kSparseCoo); },
       "layouts differ"},
      {[](ObjectGraph* g) { return g->AddSize({1}); },
       [](ObjectGraph* g) { return g->AddSize({2}); }, "integers differ"},
      {[](ObjectGraph* g) { return g->AddTensor(Zeros(DType::kInt8, {2})); },
       [](ObjectGraph* g) { return g->AddTensor(Zeros(DType::kInt8, {3})); },
       "shapes differ"},
      {[](ObjectGraph* g) { return g->AddTensor(Zeros(DType::kInt8, {2})); },
       [](ObjectGraph* g) { return g->AddParameter(Zeros(DType::kInt8, {2})); },
       "one is a parameter"},
      {[](ObjectGraph* g) { return g->AddTensor(Zeros(DType::kFloat32, {2})); },
       [](ObjectGraph* g) {
         const Tensor tensor = Zeros(DType::kFloat32, {2});
         tensor.set_requires_grad(true, InternalKey());
         return g->AddTensor(tensor);
       },
       "gradients differ"},
      {[](ObjectGraph* g) {
         const Tensor tensor = Zeros(DType::kInt8, {2});
         return g->AddList({g->AddTensor(tensor), g->AddTensor(tensor)});
       },
       [](ObjectGraph* g) {
         return g->AddList({g->AddTensor(Zeros(DType::kInt8, {2})),
                            g->AddTensor(Zeros(DType::kInt8, {2}))});
       },
       "a storage is shared in one graph alone"},
      {[](ObjectGraph* g) {
         return g->AddStorage({*Storage::Allocate(8), DType::kInt8, false});
       },
       [](ObjectGraph* g) {
         return g->AddStorage({*Storage::Allocate(8), DType::kInt8, true});
       },
       "dtypes of storages differ"},
      {[](ObjectGraph* g) {
         return g->AddStorage({*Storage::Allocate(8), DType::kInt8, false});
       },
       [](ObjectGraph* g) {
         const Storage storage = *Storage::Allocate(8);
         storage.set_recorded_location("cuda:0");
         return g->AddStorage({storage, DType::kInt8, false});
       },
       "locations differ"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.says);
    EXPECT_THAT(Difference(c.a, c.b), StartsWith(c.says));
    EXPECT_THAT(Difference(c.b, c.a), StartsWith(c.says));
    EXPECT_EQ(Difference(c.a, c.a), "");
    EXPECT_EQ(Difference(c.b, c.b), "");
  }
}

TEST(GraphDifferenceTest, SpellingMayBeIgnored) {
  const std::vector<Build> makers = {
      [](ObjectGraph* g) { return g->AddStr("a"); },
      [](ObjectGraph* g) { return g->AddInt(1000); },
      [](ObjectGraph* g) { return g->AddFloat(1.5); }};
  for (const Build& make : makers) {
    ObjectGraph shared;
    const NodeId node = make(&shared);
    const NodeId twice = shared.AddList({node, node});
    ObjectGraph apart;
    const NodeId two = apart.AddList({make(&apart), make(&apart)});
    const NodeId others = apart.AddList({make(&apart), apart.AddStr("b")});
    EXPECT_THAT(GraphDifference(shared, twice, apart, two),
                StartsWith("a node is shared in one graph alone"));
    EXPECT_EQ(GraphDifference(shared, twice, apart, two, Spelling::kIgnored),
              "");
    EXPECT_NE(GraphDifference(shared, twice, apart, others, Spelling::kIgnored),
              "");
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
