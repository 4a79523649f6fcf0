// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/rebuild_tensor.h
// -----------------------------------------------------------------------------
//
// Evaluates the functions that a PyTorch pickle calls to rebuild a tensor
// (torch/_utils.py and torch/_tensor.py).
//
// Each takes the arguments as nodes of the graph, and returns kDataLoss if they
// do not describe a tensor. If `pool` is not null, it allocates the state that
// the tensor's handles share. Complexity: O(size of the arguments).
//
// Example: rebuild the tensor of `_rebuild_tensor_v2(*args)`.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor tensor,
//                          RebuildStrided(graph, graph.items(args), nullptr));
#ifndef FERRY_SERIALIZATION_TORCH_REBUILD_TENSOR_H_
#define FERRY_SERIALIZATION_TORCH_REBUILD_TENSOR_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/object_pool.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// Checks that the number of arguments is from `least` to `most`.
absl::Status NeedArgs(absl::Span<const NodeId> args, size_t least, size_t most);

// _rebuild_tensor and _rebuild_tensor_v2: storage, offset, size, stride, then
// requires_grad, the hooks, and the conj and neg bits.
absl::StatusOr<Tensor> RebuildStrided(const ObjectGraph& graph,
                                      absl::Span<const NodeId> args,
                                      ObjectPool* pool);

// _rebuild_tensor_v3: the same with a dtype after the hooks.
absl::StatusOr<Tensor> RebuildStridedWithDType(const ObjectGraph& graph,
                                               absl::Span<const NodeId> args,
                                               ObjectPool* pool);

// _rebuild_qtensor: storage, offset, size, stride, quantiser, requires_grad,
// the hooks.
absl::StatusOr<Tensor> RebuildQuantized(const ObjectGraph& graph,
                                        absl::Span<const NodeId> args,
                                        ObjectPool* pool);

// _rebuild_parameter and _rebuild_parameter_with_state: a tensor and
// requires_grad, then the hooks and a state.
absl::StatusOr<Tensor> RebuildParameter(const ObjectGraph& graph,
                                        absl::Span<const NodeId> args);

// _rebuild_meta_tensor_no_storage: dtype, size, stride, requires_grad.
absl::StatusOr<Tensor> RebuildMeta(const ObjectGraph& graph,
                                   absl::Span<const NodeId> args);

// _rebuild_sparse_tensor and _rebuild_sparse_csr_tensor: a layout and a tuple
// of tensors and the size; or the form that C++ writes.
absl::StatusOr<Tensor> RebuildSparse(const ObjectGraph& graph,
                                     absl::Span<const NodeId> args);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_REBUILD_TENSOR_H_
