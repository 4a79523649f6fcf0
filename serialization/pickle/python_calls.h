// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/python_calls.h
// -----------------------------------------------------------------------------
//
// Evaluates the calls with which Python pickles its own types if the protocol
// has no opcode for them: sets, bytes, bytearrays, complex numbers,
// OrderedDict.
#ifndef FERRY_SERIALIZATION_PICKLE_PYTHON_CALLS_H_
#define FERRY_SERIALIZATION_PICKLE_PYTHON_CALLS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// The callables that are evaluated.
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

// Returns which of them a global is. The global has its Python 3 name.
PythonCall FindPythonCall(const GlobalRecord& global);

// Returns the node that `callable(*args)` makes if the arguments have the form
// that Python writes, else kNoNode. Adds shared words to the notes of the graph
// (`PickleNotes::NoteSharedWord`).
//
//   call      the `PythonCall` of `callable`, which is a global.
//   args      a tuple.
//   budget    how many more items and bytes may be copied; reduced by the
//             number copied. Every item and every byte takes at least one byte
//             of a pickle that Python wrote, so the size of the pickle is a
//             sufficient budget.
//
// Errors: kResourceExhausted - the budget is exhausted, because the pickle
//         copies the same arguments many times.
absl::StatusOr<NodeId> RebuildPythonValue(PythonCall call, NodeId callable,
                                          NodeId args, uint64_t* budget,
                                          ObjectGraph* graph);

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PYTHON_CALLS_H_
