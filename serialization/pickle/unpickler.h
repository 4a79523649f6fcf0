// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/unpickler.h
// -----------------------------------------------------------------------------
//
// Reads a pickle, protocols 0 to 5, into an object graph. No code runs: what
// Python would call is recorded (`ObjectRecord`), and the few calls whose
// result is known are turned into that result: sets, bytes, complex numbers,
// OrderedDict here; tensors and the like by the hooks.
//
// The bytes are not trusted. Every operand is checked against what is left of
// them, the work is proportional to their number, and nothing recurses.
//
// Example: a pickle without persistent ids.
//
//   ObjectGraph graph;
//   FERRY_ASSIGN_OR_RETURN(UnpickleResult result,
//                          Unpickle(bytes, UnpickleOptions(), nullptr,
//                          &graph));
//   graph.kind(result.root);
#ifndef FERRY_SERIALIZATION_PICKLE_UNPICKLER_H_
#define FERRY_SERIALIZATION_PICKLE_UNPICKLER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace pickle {

struct UnpickleOptions {
  // More nodes than this are refused (kResourceExhausted). A node takes 16
  // bytes, a tensor of a checkpoint about 15 nodes.
  uint32_t max_nodes = 200 * 1000 * 1000;
};

// UnpickleHooks
//
// What a file format adds to pickle. Each call may change the graph.
class UnpickleHooks {
 public:
  virtual ~UnpickleHooks() = default;

  // The node that a persistent id stands for. `id` is usually a tuple.
  virtual absl::StatusOr<NodeId> PersistentLoad(NodeId id, ObjectGraph* graph);

  // A `module.name` was met for the first time.
  virtual absl::Status OnGlobal(NodeId global, ObjectGraph* graph);

  // What the call of a global makes, where that is no object; else kNoNode.
  virtual absl::StatusOr<NodeId> OnCall(NodeId global, NodeId args,
                                        ObjectGraph* graph);

  // `object` was made by a call, and may turn out to be something known.
  virtual absl::Status OnObject(NodeId object, ObjectGraph* graph);

  // `object`, which a call made, was given its state.
  virtual absl::Status OnState(NodeId object, ObjectGraph* graph);
};

struct UnpickleResult {
  NodeId root = kNoNode;
  // The protocol that the pickle says it has; 0 where it says nothing, as
  // pickles of protocol 0 and 1 do.
  int protocol = 0;
  // How many bytes the pickle took; there may be more after it.
  uint64_t size_bytes = 0;
};

// Reads the pickle that `bytes` begins with. `hooks` may be null, which refuses
// persistent ids.
//
// Strings of Python 2, whose encoding is not recorded, become str where they
// are UTF-8 and bytes where they are not.
//
// Errors:
//   kDataLoss          - not a pickle, or cut short; the message has the
//                        offset.
//   kUnimplemented     - extension codes, out-of-band buffers, text of 4 GiB
//                        or more, state given twice.
//   kResourceExhausted - more than `max_nodes`.
//   whatever a hook returns.
absl::StatusOr<UnpickleResult> Unpickle(absl::string_view bytes,
                                        const UnpickleOptions& options,
                                        UnpickleHooks* hooks,
                                        ObjectGraph* graph);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_UNPICKLER_H_
