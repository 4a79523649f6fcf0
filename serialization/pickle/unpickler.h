// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/unpickler.h
// -----------------------------------------------------------------------------
//
// Reads a pickle, protocols 0 to 5, into an object graph. No code runs: calls
// are recorded (`ObjectRecord`), and a few known calls are replaced by their
// results: sets, bytes, complex numbers and OrderedDict here; tensors and other
// types of a format by its hooks.
//
// The bytes are untrusted. Every operand is checked against the number of bytes
// left, the work is proportional to the size of the pickle, and nothing
// recurses. Only values that are thrown away are searched besides, for calls
// that would be lost; `budget` limits that.
//
// Example: read a pickle without persistent ids.
//
//   ObjectGraph graph;
//   Budget budget(BudgetOptions(), bytes.size());
//   FERRY_ASSIGN_OR_RETURN(UnpickleResult result,
//                          Unpickle(bytes, &budget, nullptr, &graph));
//   graph.kind(result.root);
#ifndef FERRY_SERIALIZATION_PICKLE_UNPICKLER_H_
#define FERRY_SERIALIZATION_PICKLE_UNPICKLER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// UnpickleHooks
//
// The extensions that a file format adds to pickle. Each call may change the
// graph.
class UnpickleHooks {
 public:
  virtual ~UnpickleHooks() = default;

  // Returns the node that a persistent id refers to. `id` is usually a tuple.
  virtual absl::StatusOr<NodeId> PersistentLoad(NodeId id, ObjectGraph* graph);

  // Called at the first occurrence of a `module.name`.
  virtual absl::Status OnGlobal(NodeId global, ObjectGraph* graph);

  // Returns the result of the call of a global if it is not an object, else
  // kNoNode.
  virtual absl::StatusOr<NodeId> OnCall(NodeId global, NodeId args,
                                        ObjectGraph* graph);

  // Called when a call has made `object`. May turn it into a node of a known
  // kind.
  virtual absl::Status OnObject(NodeId object, ObjectGraph* graph);

  // Called when `object`, which was made by a call, has been given its state.
  virtual absl::Status OnState(NodeId object, ObjectGraph* graph);
};

struct UnpickleResult {
  NodeId root = kNoNode;
  // The protocol that the pickle declares. 0 for pickles of protocol 0 and 1,
  // which declare none.
  int protocol = 0;
  // The size of the pickle in bytes. Other bytes may follow it.
  uint64_t size_bytes = 0;
};

// Reads the pickle at the beginning of `bytes`. While it reads, it charges to
// `budget` a step for each byte and for each value that is searched, and the
// memory that the graph, the stack and the memo take. `hooks` may be null;
// persistent ids are then an error.
//
// Python 2 strings, whose encoding is not recorded, become str if they are
// UTF-8, and bytes otherwise.
//
// Errors:
//   kDataLoss          - not a pickle, or truncated; the message has the
//                        offset.
//   kUnimplemented     - the pickle has extension codes, out-of-band buffers,
//                        text of 4 GiB or more, state that is given twice, a
//                        call whose result is thrown away, a value that changes
//                        after it was in use, or items of an object after its
//                        entries or its state.
//   kResourceExhausted - `budget` is spent, or the graph has more references
//                        than fit in 32 bits.
//   whatever a hook returns.
absl::StatusOr<UnpickleResult> Unpickle(absl::string_view bytes, Budget* budget,
                                        UnpickleHooks* hooks,
                                        ObjectGraph* graph);

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_UNPICKLER_H_
