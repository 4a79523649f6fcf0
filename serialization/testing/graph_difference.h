// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/graph_difference.h
// -----------------------------------------------------------------------------
//
// Compares two object graphs node by node, for tests.
#ifndef FERRY_SERIALIZATION_TESTING_GRAPH_DIFFERENCE_H_
#define FERRY_SERIALIZATION_TESTING_GRAPH_DIFFERENCE_H_

#include <string>

#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

// Whether graphs differ that spell the same values differently: by other int,
// float or str objects of the same value, by the name of a class in other
// objects, or by a tensor that no call made. Other containers and pickle
// protocols spell differently.
enum class Spelling { kCompared, kIgnored };

// Returns how what `a` refers to in `graph_a` differs from what `b` refers to
// in `graph_b`, or nothing if they are the same: kinds, values to the last bit,
// how objects were made, views and flags of tensors, sizes and locations of
// storages, and which nodes and which storages are one and the same. Reads no
// element of a tensor. O(nodes and references).
std::string GraphDifference(const ObjectGraph& graph_a, NodeId a,
                            const ObjectGraph& graph_b, NodeId b,
                            Spelling spelling = Spelling::kCompared);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_GRAPH_DIFFERENCE_H_
