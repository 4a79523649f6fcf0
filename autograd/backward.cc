// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/backward.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/pass.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

// The gradient of an output, checked.
absl::StatusOr<Tensor> RootGradient(const Tensor& output,
                                    absl::Span<const Tensor> gradients,
                                    size_t i) {
  if (i >= gradients.size() || gradients[i].is_null()) {
    if (Category(output.dtype()) == DTypeCategory::kComplex) {
      return absl::InvalidArgumentError(absl::StrCat(
          "grad can be implicitly created only for real scalar outputs, and "
          "output ",
          i, " is ", Name(output.dtype()),
          "; give its gradient in the options"));
    }
    if (output.num_elements() != 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "grad can be implicitly created only for scalar outputs, and output ",
          i, " has shape ", ShapeToString(output.shape()),
          "; give its gradient in the options, or call Sum first"));
    }
    return Ones(output.shape(), TensorOptions().dtype(output.dtype()));
  }
  const Tensor& gradient = gradients[i];
  FERRY_RETURN_IF_ERROR(CheckOnHost(gradient));
  if (gradient.shape() != output.shape()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Mismatch in shape: gradient ", i, " has a shape of ",
                     ShapeToString(gradient.shape()), " and output ", i,
                     " has a shape of ", ShapeToString(output.shape())));
  }
  return Cast(gradient, output.dtype());
}

absl::Status AddRoots(absl::Span<const Tensor> outputs,
                      absl::Span<const Tensor> gradients, bool create_graph,
                      Pass& pass) {
  if (gradients.size() > outputs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", gradients.size(), " gradients for ",
                     outputs.size(), " outputs"));
  }
  // The gradients that are made here may become those of leaves.
  const InferenceModeGuard no_inference(false);
  const GradModeGuard mode(create_graph);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& output = outputs[i];
    if (output.is_null()) {
      return absl::InvalidArgumentError(absl::StrCat("output ", i, " is null"));
    }
    FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(output));
    if (edge.node == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "element ", i,
          " of tensors does not require grad and does not have a grad_fn; was "
          "it computed under a NoGradGuard, or from tensors none of which "
          "requires a gradient?"));
    }
    FERRY_RETURN_IF_ERROR(CheckOnHost(output));
    FERRY_ASSIGN_OR_RETURN(Tensor gradient, RootGradient(output, gradients, i));
    pass.AddRoot(std::move(edge), std::move(gradient));
  }
  pass.Discover();
  return absl::OkStatus();
}

absl::StatusOr<Tensor> OutputOf(const Operand& output) {
  FERRY_RETURN_IF_ERROR(output.status());
  if (output.is_number()) {
    return absl::InvalidArgumentError("a number has no gradients");
  }
  return output.tensor();
}

}  // namespace

absl::Status Backward(const Operand& output, const BackwardOptions& options) {
  FERRY_ASSIGN_OR_RETURN(const Tensor tensor, OutputOf(output));
  return Backward(absl::MakeConstSpan(&tensor, 1), options);
}

absl::Status Backward(absl::Span<const Tensor> outputs,
                      const BackwardOptions& options) {
  Pass pass(options.create_graph,
            options.retain_graph.value_or(options.create_graph),
            options.parallel);
  FERRY_RETURN_IF_ERROR(
      AddRoots(outputs, options.gradients, options.create_graph, pass));
  if (options.inputs.has_value()) {
    const std::vector<Tensor>& inputs = *options.inputs;
    if (inputs.empty()) {
      return absl::InvalidArgumentError("the list of inputs cannot be empty");
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      FERRY_ASSIGN_OR_RETURN(const Edge edge, GradientEdge(inputs[i]));
      if (edge.node == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat(
            "input ", i, " of the backward pass does not require grad"));
      }
      FERRY_RETURN_IF_ERROR(RetainGradient(inputs[i]));
      pass.AddTarget(edge);
    }
  }
  return pass.Run({});
}

absl::StatusOr<std::vector<Tensor>> Grad(const Operand& output,
                                         absl::Span<const Tensor> inputs,
                                         const GradOptions& options) {
  FERRY_ASSIGN_OR_RETURN(const Tensor tensor, OutputOf(output));
  return Grad(absl::MakeConstSpan(&tensor, 1), inputs, options);
}

absl::StatusOr<std::vector<Tensor>> Grad(absl::Span<const Tensor> outputs,
                                         absl::Span<const Tensor> inputs,
                                         const GradOptions& options) {
  Pass pass(options.create_graph,
            options.retain_graph.value_or(options.create_graph),
            options.parallel);
  FERRY_RETURN_IF_ERROR(
      AddRoots(outputs, options.gradients, options.create_graph, pass));
  if (inputs.empty()) {
    return absl::InvalidArgumentError("the list of inputs cannot be empty");
  }
  std::vector<Tensor> captured(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Edge edge, GradientEdge(inputs[i]));
    if (edge.node == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i,
                       ", one of the differentiated tensors, does not require "
                       "grad"));
    }
    pass.AddCapture(edge, i);
  }
  FERRY_RETURN_IF_ERROR(pass.Run(absl::MakeSpan(captured)));
  for (size_t i = 0; i < inputs.size() && !options.allow_unused; ++i) {
    if (!captured[i].is_null()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "input ", i,
        ", one of the differentiated tensors, appears to not have been used in "
        "the graph; set allow_unused=true if this is the desired behavior"));
  }
  return captured;
}

Tensor Gradient(const Tensor& tensor) {
  TensorState* const state =
      tensor.is_null() ? nullptr : TensorState::Of(tensor);
  if (state == nullptr) return Tensor();
  if (const auto retained = state->Retained()) {
    const std::lock_guard<std::mutex> lock(retained->mutex);
    return retained->gradient;
  }
  const std::lock_guard<std::mutex> lock(state->gradient_mutex);
  return state->gradient;
}

absl::Status SetGradient(const Tensor& leaf, const Tensor& gradient) {
  if (leaf.is_null()) return absl::InvalidArgumentError("the tensor is null");
  if (!gradient.is_null()) {
    if (gradient.IsSame(leaf)) {
      return absl::InvalidArgumentError("a tensor cannot be its own gradient");
    }
    if (gradient.layout() != leaf.layout() ||
        gradient.shape() != leaf.shape() || gradient.dtype() != leaf.dtype() ||
        gradient.device() != leaf.device()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the gradient, a tensor of ", Name(gradient.dtype()), " and shape ",
          ShapeToString(gradient.shape()), " on ", gradient.device().ToString(),
          ", does not fit the tensor, of ", Name(leaf.dtype()), " and shape ",
          ShapeToString(leaf.shape()), " on ", leaf.device().ToString()));
    }
  }
  TensorState& state = TensorState::Make(leaf);
  const std::shared_ptr<RetainedGradient> retained = state.Retained();
  Tensor former = gradient;  // freed after the mutex
  {
    const std::lock_guard<std::mutex> lock(
        retained != nullptr ? retained->mutex : state.gradient_mutex);
    std::swap(retained != nullptr ? retained->gradient : state.gradient,
              former);
  }
  return absl::OkStatus();
}

absl::Status RetainGradient(const Tensor& tensor) {
  if (tensor.is_null() || !tensor.requires_grad()) {
    return absl::InvalidArgumentError(
        "can't retain the gradient of a tensor that has requires_grad=False");
  }
  if (IsLeaf(tensor)) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Edge edge, GradientEdge(tensor));
  TensorState& state = TensorState::Make(tensor);
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (state.retained != nullptr) return absl::OkStatus();
  state.retained = std::make_shared<RetainedGradient>();
  MoveRetained(state, nullptr, *edge.node, edge.index);
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
