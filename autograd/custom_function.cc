// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/custom_function.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/saved_tensor.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

bool Contains(absl::Span<const Tensor> tensors, const Tensor& tensor) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [&tensor](const Tensor& t) { return t.IsSame(tensor); });
}

// NotDifferentiable
//
// The history of gradients that a function computed which is differentiable
// only once.
class NotDifferentiable final : public Node {
 public:
  NotDifferentiable(Edges edges, std::string function)
      : Node(std::move(edges)), function_(std::move(function)) {}

  absl::string_view name() const override { return "NotDifferentiable"; }

  absl::Status Run(absl::Span<const Tensor> gradients,
                   absl::Span<const bool> needed,
                   absl::Span<Tensor> results) override {
    return absl::FailedPreconditionError(
        absl::StrCat("trying to differentiate twice a function that was marked "
                     "with once_differentiable: ",
                     function_));
  }

 private:
  const std::string function_;
};

}  // namespace

// CustomNode
//
// The record of one call.
class CustomNode final : public Node {
 public:
  CustomNode(const CustomFunction& function, Edges edges)
      : Node(std::move(edges)), function_(function) {
    function_.forward = nullptr;
  }

  absl::string_view name() const override { return function_.name; }

  absl::Status Run(absl::Span<const Tensor> gradients,
                   absl::Span<const bool> needed,
                   absl::Span<Tensor> results) override;

  void ReleaseSaved() override {
    // Destroyed without the mutex, since that may run code of the program.
    std::vector<SavedTensor> released;
    const std::lock_guard<std::mutex> lock(mutex_);
    released.reserve(saved_.size());
    for (Saved& saved : saved_) {
      released.push_back(std::exchange(saved.tensor, SavedTensor()));
    }
  }

  // Called while the call is recorded.
  void set_data(std::any data) { data_ = std::move(data); }
  absl::Status Save(const Tensor& tensor, absl::Span<const Tensor> results);

 private:
  friend class BackwardContext;

  struct Saved {
    SavedTensor tensor;
    bool is_null = false;
  };

  CustomFunction function_;
  std::any data_;
  std::mutex mutex_;  // guards the member below
  std::vector<Saved> saved_;
};

absl::Status CustomNode::Save(const Tensor& tensor,
                              absl::Span<const Tensor> results) {
  Saved saved;
  if (tensor.is_null()) {
    saved.is_null = true;
  } else if (tensor.storage().is_null()) {
    return absl::UnimplementedError(
        absl::StrCat(function_.name, ": only strided tensors can be saved"));
  } else {
    size_t index = 0;
    while (index < results.size() && !results[index].IsSame(tensor)) ++index;
    if (index < results.size()) {
      FERRY_ASSIGN_OR_RETURN(
          saved.tensor,
          SavedTensor::Result(tensor, static_cast<uint32_t>(index)));
    } else {
      // A view that the function has made of a result, or of a dirty input,
      // holds what holds this node. It has no history to lose.
      FERRY_ASSIGN_OR_RETURN(
          saved.tensor, SavedTensor::Input(
                            tensor.requires_grad() ? tensor : tensor.Detach()));
    }
  }
  saved_.push_back(std::move(saved));
  return absl::OkStatus();
}

absl::Status CustomNode::Run(absl::Span<const Tensor> gradients,
                             absl::Span<const bool> needed,
                             absl::Span<Tensor> results) {
  std::vector<Tensor> given(gradients.begin(), gradients.end());
  for (size_t i = 0; i < given.size() && function_.materialize_gradients; ++i) {
    if (!given[i].is_null() || !HasGradients(infos()[i].dtype)) continue;
    FERRY_ASSIGN_OR_RETURN(
        given[i],
        Zeros(infos()[i].shape, TensorOptions().dtype(infos()[i].dtype)));
  }
  std::vector<Tensor> returned;
  {
    const GradModeGuard mode(GradEnabled() && !function_.once_differentiable);
    FERRY_ASSIGN_OR_RETURN(
        returned, function_.backward(BackwardContext(*this, needed), given));
  }
  const bool has_all =
      returned.size() >= edges().size() &&
      std::all_of(returned.begin() + static_cast<ptrdiff_t>(edges().size()),
                  returned.end(), [](const Tensor& t) { return t.is_null(); });
  if (!has_all) {
    return absl::InvalidArgumentError(
        absl::StrCat("function ", function_.name,
                     " returned an incorrect number of gradients (expected ",
                     edges().size(), ", got ", returned.size(), ")"));
  }
  for (size_t i = 0; i < edges().size(); ++i) {
    if (needed[i]) results[i] = std::move(returned[i]);
  }
  if (!function_.once_differentiable || !RecordingEnabled()) {
    return absl::OkStatus();
  }
  // A second derivative would come here through the inputs, or through the
  // gradients.
  Edges sources = edges();
  for (const Tensor& gradient : gradients) {
    FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(gradient));
    sources.push_back(std::move(edge));
  }
  auto node =
      std::make_shared<NotDifferentiable>(std::move(sources), function_.name);
  for (Tensor& result : results) {
    if (result.is_null()) continue;
    result = result.Detach();
    const uint32_t index =
        node->AddInfo({Dimensions(result.shape().begin(), result.shape().end()),
                       result.dtype()});
    TensorState::Make(result).SetNode(node, index);
  }
  return absl::OkStatus();
}

void ForwardContext::SaveForBackward(absl::Span<const Tensor> tensors) {
  saved_.assign(tensors.begin(), tensors.end());
}

void ForwardContext::MarkDirty(const Tensor& input) {
  if (!Contains(dirty_, input)) dirty_.push_back(input);
}

void ForwardContext::MarkNonDifferentiable(const Tensor& result) {
  non_differentiable_.push_back(result);
}

bool ForwardContext::NeedsInputGrad(size_t input) const {
  return input < needs_input_grad_.size() && needs_input_grad_[input];
}

absl::StatusOr<std::vector<Tensor>> BackwardContext::SavedTensors() const {
  // Hooks of the program may run while they are unpacked, so without the mutex.
  std::vector<CustomNode::Saved> saved;
  {
    const std::lock_guard<std::mutex> lock(node_.mutex_);
    saved = node_.saved_;
  }
  std::vector<Tensor> tensors;
  tensors.reserve(saved.size());
  for (const CustomNode::Saved& each : saved) {
    if (each.is_null) {
      tensors.emplace_back();
      continue;
    }
    FERRY_ASSIGN_OR_RETURN(Tensor tensor, each.tensor.Unpack(node_));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

bool BackwardContext::NeedsInputGrad(size_t input) const {
  return input < needed_.size() && needed_[input];
}

const std::any& BackwardContext::data() const { return node_.data_; }

namespace {

// Gives `result` the history that it has as result `index` of `node`. Replaces
// it by another handle where the tensor itself must keep its own history.
void Attach(const std::shared_ptr<CustomNode>& node, uint32_t index,
            bool keeps_its_own, Tensor& result) {
  if (keeps_its_own || result.requires_grad()) {
    const Tensor source = result;
    const TensorState* const former = TensorState::Of(source);
    result = source.Detach();
    TensorState& state = TensorState::Make(result);
    state.view.emplace();
    state.view->base = former != nullptr && former->view.has_value()
                           ? former->view->base
                           : source;
    state.view->origin = ViewOrigin::kCustomFunction;
  }
  TensorState::Make(result).SetNode(node, index);
}

absl::Status CheckDirty(const CustomFunction& function,
                        absl::Span<const Tensor> dirty,
                        absl::Span<const Tensor> inputs,
                        absl::Span<const Tensor> results) {
  for (const Tensor& tensor : dirty) {
    if (tensor.is_null() || tensor.storage().is_null() ||
        !Contains(inputs, tensor) || !Contains(results, tensor)) {
      return absl::InvalidArgumentError(absl::StrCat(
          function.name,
          ": a tensor that is marked dirty must be one of the inputs, and be "
          "returned"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> CallCustom(
    const CustomFunction& function, absl::Span<const Tensor> inputs) {
  ForwardContext context;
  std::shared_ptr<CustomNode> node;
  const auto requires_grad = [](const Tensor& tensor) {
    return !tensor.is_null() && tensor.requires_grad();
  };
  if (RecordingEnabled() &&
      std::any_of(inputs.begin(), inputs.end(), requires_grad)) {
    Node::Edges edges;
    for (const Tensor& input : inputs) {
      FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(input));
      context.needs_input_grad_.push_back(edge.node != nullptr);
      edges.push_back(std::move(edge));
    }
    node = std::make_shared<CustomNode>(function, std::move(edges));
  }
  if (function.forward == nullptr ||
      (node != nullptr && function.backward == nullptr)) {
    return absl::InvalidArgumentError(
        absl::StrCat(function.name, ": forward and backward must be set"));
  }
  std::vector<Tensor> results;
  {
    const GradModeGuard no_grad(false);
    FERRY_ASSIGN_OR_RETURN(results, function.forward(context, inputs));
  }
  FERRY_RETURN_IF_ERROR(CheckDirty(function, context.dirty_, inputs, results));
  for (const Tensor& tensor : context.dirty_) {
    tensor.storage().version().fetch_add(1, std::memory_order_relaxed);
  }
  const std::vector<Tensor> returned = results;
  for (size_t i = 0; i < results.size(); ++i) {
    Tensor& result = results[i];
    if (result.is_null()) {
      // No tensor of this dtype has a gradient.
      if (node != nullptr) node->AddInfo({{}, DType::kBool});
      continue;
    }
    const bool is_input = Contains(inputs, result);
    const bool is_dirty = Contains(context.dirty_, result);
    if (node == nullptr) {
      if (is_input && !is_dirty) result = result.Detach();
      continue;
    }
    const uint32_t index =
        node->AddInfo({Dimensions(result.shape().begin(), result.shape().end()),
                       result.dtype()});
    if (!HasGradients(result.dtype()) ||
        Contains(context.non_differentiable_, result)) {
      if (result.requires_grad()) result = result.Detach();
      continue;
    }
    const bool is_shared =
        Contains(absl::MakeConstSpan(returned).first(i), result);
    if (!is_dirty || is_shared) {
      Attach(node, index, is_input || is_shared, result);
      continue;
    }
    const absl::Status status = CheckMayBeWritten(result, true);
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(function.name, ": ", status.message()));
    }
    FERRY_ASSIGN_OR_RETURN(Edge base, GradientEdgeOfBase(result));
    const TensorState* const state = TensorState::Of(result);
    if (state != nullptr && state->view.has_value() &&
        (results.size() != 1 || !inputs[0].IsSame(result))) {
      return absl::UnimplementedError(absl::StrCat(
          function.name,
          ": a view that is marked dirty must be the first input and the only "
          "result"));
    }
    FERRY_RETURN_IF_ERROR(RebaseHistory(result, node, index, std::move(base)));
  }
  if (node == nullptr) return results;
  node->set_data(std::move(context.data_));
  for (const Tensor& tensor : context.saved_) {
    // An input that was returned as it is, is saved as an input.
    const bool as_input =
        Contains(inputs, tensor) && !Contains(context.dirty_, tensor);
    FERRY_RETURN_IF_ERROR(
        node->Save(tensor, as_input ? absl::Span<const Tensor>() : returned));
  }
  return results;
}

}  // namespace v1
}  // namespace ferry
