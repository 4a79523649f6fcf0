// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/unpickler.h"

#include "ferry/core/budget.h"
#include "ferry/serialization/pickle/unpickle_machine.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

absl::StatusOr<NodeId> UnpickleHooks::PersistentLoad(NodeId, ObjectGraph*) {
  return absl::DataLossError(
      "the pickle refers to storages (persistent ids) where it cannot have "
      "any");
}
absl::Status UnpickleHooks::OnGlobal(NodeId, ObjectGraph*) {
  return absl::OkStatus();
}
absl::StatusOr<NodeId> UnpickleHooks::OnCall(NodeId, NodeId, ObjectGraph*) {
  return kNoNode;
}
absl::Status UnpickleHooks::OnObject(NodeId, ObjectGraph*) {
  return absl::OkStatus();
}
absl::Status UnpickleHooks::OnState(NodeId, ObjectGraph*) {
  return absl::OkStatus();
}

absl::StatusOr<UnpickleResult> Unpickle(absl::string_view bytes, Budget* budget,
                                        UnpickleHooks* hooks,
                                        ObjectGraph* graph) {
  return UnpickleMachine(bytes, budget, hooks, graph).Run();
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
