// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/pickle_codec.h"

#include "ferry/core/budget.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/torch_pickler.h"
#include "ferry/serialization/torch/torch_unpickler.h"

namespace ferry {
inline namespace v1 {
namespace torch {

absl::StatusOr<Codec::GraphRead> PickleCodec::Read(absl::string_view bytes,
                                                   Budget* budget,
                                                   StorageTable* storages,
                                                   ObjectGraph* graph) const {
  TorchUnpickler hooks(storages, ids_);
  FERRY_ASSIGN_OR_RETURN(const pickle::UnpickleResult result,
                         pickle::Unpickle(bytes, budget, &hooks, graph));
  return GraphRead{result.root, result.protocol, result.size_bytes};
}

absl::StatusOr<LargeString> PickleCodec::Write(const ObjectGraph& graph,
                                               NodeId root,
                                               StorageTable* storages) const {
  TorchPickler hooks(storages, ids_);
  pickle::Pickler pickler(graph, protocol_, &hooks, write_budget_);
  FERRY_RETURN_IF_ERROR(pickler.Dump(root));
  FERRY_RETURN_IF_ERROR(hooks.CheckReadsBack(pickler.bytes()));
  return pickler.TakeBytes();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
