// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/python_calls.h
// -----------------------------------------------------------------------------
//
// The calls by which Python's own types are pickled, where the protocol has no
// opcode for them: sets, bytes, bytearrays, complex numbers, OrderedDict.
#ifndef FERRY_SERIALIZATION_PICKLE_PYTHON_CALLS_H_
#define FERRY_SERIALIZATION_PICKLE_PYTHON_CALLS_H_

#include "ferry/core/object_graph.h"

namespace ferry {
namespace pickle {

// The node that `callable(*args)` makes if it is one of those calls, with
// arguments as Python writes them; else kNoNode.
//
//   callable  a global, in Python 3's spelling.
//   args      a tuple.
NodeId RebuildPythonValue(NodeId callable, NodeId args, ObjectGraph* graph);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PYTHON_CALLS_H_
