// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/checkpointing.h
// -----------------------------------------------------------------------------
//
// Trades time for memory: does not keep the tensors that a function saves for
// the backward pass, and computes them again when the pass needs them. This is
// PyTorch's torch.utils.checkpoint with use_reentrant=False.
//
// Example: a layer that keeps nothing but its input.
//
//   const CheckpointFunction layer = [](absl::Span<const Tensor> in)
//       -> absl::StatusOr<std::vector<Tensor>> {
//     FERRY_ASSIGN_OR_RETURN(Tensor out, Tanh(Exp(in[0]) * 2));
//     return std::vector<Tensor>{out};
//   };
//   FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> out,
//                          RunCheckpointed(layer, {x}));
#ifndef FERRY_AUTOGRAD_CHECKPOINTING_H_
#define FERRY_AUTOGRAD_CHECKPOINTING_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

using CheckpointFunction = std::function<absl::StatusOr<std::vector<Tensor>>(
    absl::Span<const Tensor> inputs)>;

// Calls `function(inputs)` and returns its results. If the call is recorded,
// the graph keeps the function and the inputs in place of the tensors that its
// ops save. The first node of a backward pass that needs one of them calls the
// function once more, which computes all of them. Each is kept until its node
// frees what it has saved.
//
// Works with `Backward` and `Grad`, with `create_graph`, and inside another
// checkpointed function. The results have the same bits as without
// checkpointing if the function computes the same each time. Random generators
// are not reset for the second call, so draw random numbers outside the
// function.
//
// Inputs may be null. The function may use other tensors too, such as
// parameters; what it captures lives as long as the graph. The second call runs
// on the thread of the backward pass; it is called by one thread at a time. The
// function must call ops on its own thread only, not from `ParallelFor`.
//
// Errors: those of the function. kInvalidArgument - the function is empty.
// kUnimplemented - an input is not strided. kFailedPrecondition - an input was
// made in inference mode, or a thread other than that of the function has
// called an op that saves a tensor. The backward pass also returns
// kFailedPrecondition - an input has been written in place since, or the second
// call saved other tensors than the first.
absl::StatusOr<std::vector<Tensor>> RunCheckpointed(
    const CheckpointFunction& function, absl::Span<const Tensor> inputs);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_CHECKPOINTING_H_
