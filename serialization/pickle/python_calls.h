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

#include <cstdint>

#include "absl/status/statusor.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace pickle {

// The callables whose result is a value.
enum class PythonCall : uint8_t {
  kNone,
  kSet,
  kFrozenSet,
  kBytes,
  kByteArray,
  kComplex,
  kEncode,
  kOrderedDict,
};

// Which of them a global, in Python 3's spelling, is.
PythonCall FindPythonCall(const GlobalRecord& global);

// Returns the node that `callable(*args)` makes if the arguments are such as
// Python writes, else kNoNode. Adds the words that Python keeps once to the
// notes of the graph (`PickleNotes`).
//
//   call      what `callable`, a global, is.
//   args      a tuple.
//   budget    how many more items and bytes may be copied; the copies are taken
//             off it. Every item and every byte takes at least one byte of a
//             pickle that Python wrote, so the size of the pickle is enough.
//
// Errors: kResourceExhausted - the budget is spent: the pickle has the same
//         arguments copied again and again.
absl::StatusOr<NodeId> RebuildPythonValue(PythonCall call, NodeId callable,
                                          NodeId args, uint64_t* budget,
                                          ObjectGraph* graph);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PYTHON_CALLS_H_
