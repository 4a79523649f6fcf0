// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/testing/growing_graphs.h
// -----------------------------------------------------------------------------
//
// Graphs of any size, one for each way in which a small file can describe much:
// sharing, depth, long names. Tests put each through everything that walks over
// graphs, and require that the cost is in proportion to the size or that the
// budget refuses the rest.
//
// Example:
//
//   for (const GrowingGraph& row : GrowingGraphs()) {
//     ObjectGraph graph;
//     const NodeId root = row.add(1000, &graph);
//     ...
//   }
#ifndef FERRY_VALUE_TESTING_GROWING_GRAPHS_H_
#define FERRY_VALUE_TESTING_GROWING_GRAPHS_H_

#include <cstddef>

#include "absl/types/span.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

struct GrowingGraph {
  const char* name;
  // Whether there is something that takes more than in proportion to `n`, so
  // that a budget may refuse it.
  bool multiplies;
  // Adds a graph that a file can describe in O(n) bytes. Returns its root.
  NodeId (*add)(size_t n, ObjectGraph* graph);
};

absl::Span<const GrowingGraph> GrowingGraphs();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_TESTING_GROWING_GRAPHS_H_
