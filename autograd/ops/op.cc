// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/op.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/saved_tensor_hooks.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace {

using Inputs = absl::InlinedVector<Input, 3>;

// "Mul(float32 [2, 3], 2)"
std::string DescribeCall(const Op& op, absl::Span<const Input> inputs) {
  std::string text = absl::StrCat(op.name, "(");
  const char* separator = "";
  for (const Input& input : inputs) {
    absl::StrAppend(&text, separator);
    separator = ", ";
    if (input.is_number()) {
      absl::StrAppend(&text, input.number().ToString());
    } else if (input.tensor().is_null()) {
      absl::StrAppend(&text, "null");
    } else {
      absl::StrAppend(&text, Name(input.dtype()), " ",
                      ShapeToString(input.shape()));
    }
  }
  absl::StrAppend(&text, ")");
  return text;
}

absl::Status Annotate(const absl::Status& status, const Op& op,
                      absl::Span<const Input> inputs) {
  return absl::Status(status.code(), absl::StrCat(DescribeCall(op, inputs),
                                                  ": ", status.message()));
}

absl::Status CheckDType(const Op& op, DType dtype) {
  if ((op.dtypes & kAnything) != 0) {
    // Views do not touch elements, but other ops move them one by one.
    if (op.kind != OpKind::kOrdinary || ElementsPerUnit(dtype) == 1) {
      return absl::OkStatus();
    }
    return absl::UnimplementedError(
        absl::StrCat("the op does not take tensors of ", Name(dtype),
                     ", which packs several elements into a byte"));
  }
  switch (dtype) {
    case DType::kFloat64:
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16:
      if ((op.dtypes & kFloats) != 0) return absl::OkStatus();
      break;
    case DType::kBool:
      if ((op.dtypes & kBools) != 0) return absl::OkStatus();
      break;
    default:
      if (IsInteger(dtype)) {
        if ((op.dtypes & kIntegers) != 0 && IsComputable(dtype)) {
          return absl::OkStatus();
        }
        break;
      }
      if (Category(dtype) == DTypeCategory::kComplex) {
        return absl::UnimplementedError(absl::StrCat(
            "ops on complex tensors are not supported, and this one is ",
            Name(dtype)));
      }
  }
  return absl::UnimplementedError(
      absl::StrCat("the op does not take tensors of ", Name(dtype),
                   "; cast the tensor to another dtype first"));
}

absl::Status CheckInput(const Op& op, const Input& input) {
  if (input.is_number()) {
    if ((op.dtypes & kNumbers) == 0) {
      return absl::InvalidArgumentError(
          "the op takes tensors only; make one of the number with Full");
    }
    return input.dtype() == DType::kComplex128
               ? absl::UnimplementedError("complex numbers are not supported")
               : absl::OkStatus();
  }
  FERRY_RETURN_IF_ERROR(CheckOnHost(input.tensor()));
  return CheckDType(op, input.dtype());
}

// What an op was given, checked, and without lazy negation.
struct Resolved {
  Inputs inputs;
  // Copies of inputs that were negated.
  absl::InlinedVector<std::unique_ptr<Tensor>, 1> copies;
};

absl::Status Resolve(const Op& op, absl::Span<const Operand* const> operands,
                     Resolved& resolved) {
  for (const Operand* operand : operands) {
    FERRY_RETURN_IF_ERROR(operand->status());
    if (operand->is_number()) {
      resolved.inputs.emplace_back(operand->number());
    } else {
      resolved.inputs.emplace_back(operand->tensor());
    }
  }
  for (Input& input : resolved.inputs) {
    const absl::Status status = CheckInput(op, input);
    if (!status.ok()) return Annotate(status, op, resolved.inputs);
    if (input.is_number() || op.kind != OpKind::kOrdinary) continue;
    if (input.tensor().is_conj() || input.tensor().is_neg()) {
      FERRY_ASSIGN_OR_RETURN(Tensor copy, strided::Clone(input.tensor()));
      if (RecordingEnabled() && input.tensor().requires_grad()) {
        // The op may save the copy.
        FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(input.tensor()));
        TensorState::Make(copy).SetNode(std::move(edge.node), edge.index);
      }
      resolved.copies.push_back(std::make_unique<Tensor>(std::move(copy)));
      input = Input(*resolved.copies.back());
    }
  }
  return absl::OkStatus();
}

// Returns whether a kernel of the op can read and write the elements where they
// are. Tensors in a mapped file may lie at any address. Views do not touch
// elements, and ops that only move them need no alignment; the kernels of the
// others compute with numbers in memory.
bool IsAlignedFor(const Op& op, const Tensor& tensor) {
  if (op.kind != OpKind::kOrdinary || (op.dtypes & kAnything) != 0) return true;
  const uint64_t alignment = ElementSizeBytes(tensor.dtype());
  return reinterpret_cast<uintptr_t>(tensor.data()) % alignment == 0;
}

bool AreAlignedFor(const Op& op, absl::Span<const Input> inputs) {
  return std::all_of(inputs.begin(), inputs.end(), [&op](const Input& input) {
    return input.is_number() || IsAlignedFor(op, input.tensor());
  });
}

// Replaces tensors that are not aligned by copies, which `resolved` keeps.
absl::Status Align(const Op& op, absl::Span<Input> inputs, Resolved& resolved) {
  for (Input& input : inputs) {
    if (input.is_number() || IsAlignedFor(op, input.tensor())) continue;
    FERRY_ASSIGN_OR_RETURN(Tensor copy, strided::Clone(input.tensor()));
    resolved.copies.push_back(std::make_unique<Tensor>(std::move(copy)));
    input = Input(*resolved.copies.back());
  }
  return absl::OkStatus();
}

// Calls `forward` of an op in place.
absl::Status WriteInPlace(const Op& op, const Attributes& attributes,
                          const Tensor& self, Resolved& resolved) {
  Inputs& inputs = resolved.inputs;
  FERRY_RETURN_IF_ERROR(Align(op, absl::MakeSpan(inputs).subspan(1), resolved));
  if (IsAlignedFor(op, self)) {
    return op.forward(Call(inputs, attributes, &self)).status();
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor copy, strided::Clone(self));
  inputs[0] = Input(copy);
  const absl::Status status =
      op.forward(Call(inputs, attributes, &copy)).status();
  inputs[0] = Input(self);
  FERRY_RETURN_IF_ERROR(status);
  CopyStrided(copy.data(), copy.strides(), self.data(), self.strides(),
              self.shape(), ElementSizeBytes(self.dtype()));
  return absl::OkStatus();
}

bool AnyRequiresGrad(absl::Span<const Operand* const> operands) {
  return std::any_of(
      operands.begin(), operands.end(), [](const Operand* operand) {
        return !operand->is_number() && operand->tensor().requires_grad();
      });
}

// Sets where the gradients of the operands go.
absl::Status CollectEdges(absl::Span<const Operand* const> operands,
                          Node::Edges& edges) {
  edges.reserve(operands.size());
  for (const Operand* operand : operands) {
    if (operand->is_number()) {
      edges.emplace_back();
      continue;
    }
    FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(operand->tensor()));
    edges.push_back(std::move(edge));
  }
  return absl::OkStatus();
}

TensorInfo InfoOf(const Tensor& tensor) {
  return {Dimensions(tensor.shape().begin(), tensor.shape().end()),
          tensor.dtype()};
}

// Notes what the result is a view of.
void SetView(const Tensor& of, OpKind kind, const Tensor& result) {
  TensorState& state = TensorState::Make(result);
  ViewInfo& view = state.view.emplace();
  const TensorState* const former = TensorState::Of(of);
  if (former != nullptr && former->view.has_value()) {
    view.base = former->view->base;
    view.origin = former->view->origin;
  } else {
    view.base = of;
  }
  if (InferenceModeEnabled()) {
    view.origin = ViewOrigin::kInference;
  } else if (!GradEnabled()) {
    view.origin = ViewOrigin::kNoGrad;
  } else if (view.origin == ViewOrigin::kRecorded &&
             kind == OpKind::kSeveralViews) {
    view.origin = ViewOrigin::kSeveral;
  }
  view.record = RecordAsStrided;
  view.version = result.storage().version();
}

absl::Status LeafInPlace(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      what,
      " that requires grad is being used in an in-place operation; write it "
      "under a NoGradGuard, or use the op that returns a new tensor"));
}

// Returns whether a recorded write to `self` would need the history that its
// base has, but the view lacks.
bool IsViewWithoutHistory(const Tensor& self) {
  const TensorState* const state = TensorState::Of(self);
  return state != nullptr && state->view.has_value() &&
         !state->view->follows_base() && state->view->base.requires_grad();
}

absl::Status CheckViewMayBeRecorded(const ViewInfo& view) {
  switch (view.origin) {
    case ViewOrigin::kRecorded:
      break;
    case ViewOrigin::kSeveral:
      return absl::FailedPreconditionError(
          "the tensor is a view that comes from an op that returns multiple "
          "views, which must not be modified inplace; use Narrow or Select to "
          "get the view");
    case ViewOrigin::kNoGrad:
      return absl::FailedPreconditionError(
          "A view was created in no_grad mode and is being modified inplace "
          "with grad mode enabled; make the view with recording on, or write "
          "it under a NoGradGuard");
    case ViewOrigin::kInference:
      return absl::FailedPreconditionError(
          "A view was created in inference mode and is being modified inplace "
          "in normal mode; make the view outside of inference mode");
    case ViewOrigin::kCustomFunction:
      return absl::FailedPreconditionError(
          "the tensor is a view of the input of a custom function that "
          "returned it, which must not be modified inplace; let the function "
          "return a Clone");
  }
  if (view.base.requires_grad() && IsLeaf(view.base)) {
    return LeafInPlace("a view of a leaf Variable");
  }
  return absl::OkStatus();
}

// Returns whether both may reach the same bytes without being the same view.
bool OverlapsInPart(const Tensor& a, const Tensor& b) {
  const bool is_same_view = a.data() == b.data() && a.dtype() == b.dtype() &&
                            a.shape() == b.shape() &&
                            a.strides() == b.strides();
  return !is_same_view && MayOverlap(a, b);
}

// CopySlices
//
// The node of a base, a part of which was written through a view: passes the
// gradient of that part to the node of the op, and the rest through.
class CopySlices final : public Node {
 public:
  CopySlices(Edges&& edges, std::shared_ptr<Node> written, Geometry part)
      : Node(std::move(edges)),
        written_(std::move(written)),
        part_(std::move(part)) {}
  ~CopySlices() override { ReleaseNode(std::move(written_)); }

  absl::string_view name() const override { return "CopySlices"; }

  absl::Status Run(absl::Span<const Tensor> gradients,
                   absl::Span<const bool> needed,
                   absl::Span<Tensor> results) override {
    const Tensor& gradient = gradients[0];
    FERRY_ASSIGN_OR_RETURN(const Tensor of_part, TakePart(gradient, part_));
    // The first edge of the other node is that of the view.
    absl::InlinedVector<bool, 2> of_written(needed.begin(), needed.end());
    if (written_->edges()[0].node == nullptr) of_written[0] = false;
    FERRY_RETURN_IF_ERROR(written_->Run({&of_part, 1}, of_written, results));
    if (!needed[0]) return absl::OkStatus();
    if (results[0].is_null()) {
      FERRY_ASSIGN_OR_RETURN(results[0],
                             ReplacePart(gradient, Operand(0.0), part_));
    } else {
      FERRY_ASSIGN_OR_RETURN(results[0],
                             ReplacePart(gradient, results[0], part_));
    }
    return absl::OkStatus();
  }

  void ReleaseSaved() override { written_->ReleaseSaved(); }

 private:
  std::shared_ptr<Node> written_;
  const Geometry part_;
};

}  // namespace

absl::StatusOr<Tensor> Call::MakeOutput(absl::Span<const int64_t> shape,
                                        DType dtype) const {
  if (out_ == nullptr) return Tensor::Allocate(dtype, shape);
  if (out_->shape() != shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("the result has shape ", ShapeToString(shape),
                     ", so it cannot be written to a tensor of shape ",
                     ShapeToString(out_->shape())));
  }
  if (!CanBeWrittenTo(dtype, out_->dtype())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "result type ", Name(dtype),
        " can't be cast to the desired output type ", Name(out_->dtype())));
  }
  return *out_;
}

absl::Status CheckMayBeWritten(const Tensor& self, bool is_recorded) {
  if (self.storage().is_inference() && !InferenceModeEnabled()) {
    return absl::FailedPreconditionError(
        "Inplace update to inference tensor outside InferenceMode is not "
        "allowed; use Clone to get a normal tensor, and write that");
  }
  if (!is_recorded) return absl::OkStatus();
  const TensorState* const state = TensorState::Of(self);
  if (state != nullptr && state->view.has_value()) {
    FERRY_RETURN_IF_ERROR(CheckViewMayBeRecorded(*state->view));
  }
  if (self.requires_grad() && IsLeaf(self)) {
    return LeafInPlace("a leaf Variable");
  }
  if (self.requires_grad() && state != nullptr && state->view.has_value() &&
      IsLeaf(state->view->base)) {
    return absl::FailedPreconditionError(
        "the tensor is a view with a history, and its base was detached in "
        "place, so a write through the view would lose that history; use the "
        "op that returns a new tensor");
  }
  return absl::OkStatus();
}

absl::StatusOr<Edge> GradientEdgeOfBase(const Tensor& self) {
  const TensorState* const state = TensorState::Of(self);
  if (state == nullptr || !state->view.has_value()) return Edge();
  // Views of which no part can be replaced fail here, before the write.
  FERRY_RETURN_IF_ERROR(Geometry::Of(state->view->base, self).status());
  return GradientEdge(state->view->base);
}

absl::Status RebaseHistory(const Tensor& self, std::shared_ptr<Node> node,
                           uint32_t index, Edge former_base) {
  TensorState& state = TensorState::Make(self);
  if (!state.view.has_value()) {
    MoveRetained(state, state.node.get(), *node, index);
    state.SetNode(std::move(node), index);
    return absl::OkStatus();
  }
  const Tensor& base = state.view->base;
  Node::Edges edges = node->edges();
  edges[0] = std::move(former_base);
  FERRY_ASSIGN_OR_RETURN(Geometry part, Geometry::Of(base, self));
  auto slices = std::make_shared<CopySlices>(std::move(edges), std::move(node),
                                             std::move(part));
  slices->AddInfo(InfoOf(base));
  TensorState& base_state = TensorState::Make(base);
  MoveRetained(base_state, base_state.node.get(), *slices, 0);
  base_state.SetNode(std::move(slices), 0);
  // The view gets its new node when somebody asks for it, unless that is to
  // keep the gradient.
  if (state.retained == nullptr) return absl::OkStatus();
  return GradientEdge(self).status();
}

absl::StatusOr<Outputs> ApplyForAll(const Op& op,
                                    absl::Span<const Operand* const> operands,
                                    const Attributes& attributes) {
  Resolved resolved;
  FERRY_RETURN_IF_ERROR(Resolve(op, operands, resolved));
  std::shared_ptr<OpNode> node;
  if (RecordingEnabled() && op.derivative != nullptr &&
      AnyRequiresGrad(operands)) {
    Node::Edges edges;
    FERRY_RETURN_IF_ERROR(CollectEdges(operands, edges));
    node = std::make_shared<OpNode>(op, std::move(edges), attributes);
  }
  absl::Span<const Input> inputs = resolved.inputs;
  Inputs aligned;
  if (!AreAlignedFor(op, inputs)) {
    // The tensors that are saved below are those of the caller.
    aligned = resolved.inputs;
    FERRY_RETURN_IF_ERROR(Align(op, absl::MakeSpan(aligned), resolved));
    inputs = aligned;
  }
  absl::StatusOr<Outputs> outputs =
      op.forward(Call(inputs, attributes, nullptr));
  if (!outputs.ok()) return Annotate(outputs.status(), op, resolved.inputs);
  if (op.kind != OpKind::kOrdinary) {
    for (const Tensor& output : *outputs) {
      if (output.storage() == operands[0]->tensor().storage() &&
          !output.storage().is_inference()) {
        SetView(operands[0]->tensor(), op.kind, output);
      }
    }
  }
  if (node == nullptr) return outputs;
  const auto fail = [&](const absl::Status& status) {
    return Annotate(status, op, resolved.inputs);
  };
  absl::Status status =
      node->SaveInputs(resolved.inputs, /*first_will_change=*/false);
  if (!status.ok()) return fail(status);
  for (const Tensor& output : *outputs) {
    const uint32_t index = node->AddInfo(InfoOf(output));
    if (HasGradients(output.dtype())) {
      TensorState::Make(output).SetNode(node, index);
    }
  }
  status = node->SaveOutputs(*outputs);
  if (!status.ok()) return fail(status);
  return outputs;
}

absl::StatusOr<Tensor> Apply(const Op& op,
                             absl::Span<const Operand* const> operands,
                             const Attributes& attributes) {
  absl::StatusOr<Outputs> outputs = ApplyForAll(op, operands, attributes);
  if (!outputs.ok()) return outputs.status();
  return std::move((*outputs)[0]);
}

absl::StatusOr<Tensor> ApplyInPlace(const Op& op,
                                    absl::Span<const Operand* const> operands,
                                    const Attributes& attributes) {
  Resolved resolved;
  FERRY_RETURN_IF_ERROR(Resolve(op, operands, resolved));
  const auto fail = [&](const absl::Status& status) {
    return Annotate(status, op, resolved.inputs);
  };
  if (operands[0]->is_number()) {
    return fail(absl::InvalidArgumentError(
        "a number cannot be written in place; pass a tensor"));
  }
  const Tensor self = operands[0]->tensor();
  if (self.is_conj() || self.is_neg()) {
    return fail(absl::UnimplementedError(
        "a lazily negated tensor cannot be written in place; pass a Clone"));
  }
  if (!HasNoOverlap(self.shape(), self.strides())) {
    return fail(absl::InvalidArgumentError(
        "more than one element of the written-to tensor refers to a single "
        "memory location; pass a Clone"));
  }
  // A tensor of integers stays without a gradient, whatever is written to it.
  const bool record = RecordingEnabled() && op.derivative != nullptr &&
                      HasGradients(self.dtype()) &&
                      (AnyRequiresGrad(operands) || IsViewWithoutHistory(self));
  absl::Status status = CheckMayBeWritten(self, record);
  if (!status.ok()) return fail(status);
  std::shared_ptr<OpNode> node;
  Edge base;
  if (record) {
    Node::Edges edges;
    FERRY_RETURN_IF_ERROR(CollectEdges(operands, edges));
    node = std::make_shared<OpNode>(op, std::move(edges), attributes);
    status = node->SaveInputs(resolved.inputs, /*first_will_change=*/true);
    if (!status.ok()) return fail(status);
    node->AddInfo(InfoOf(self));
    FERRY_ASSIGN_OR_RETURN(base, GradientEdgeOfBase(self));
  }
  for (size_t i = 1; i < resolved.inputs.size(); ++i) {
    Input& input = resolved.inputs[i];
    if (input.is_number() || !OverlapsInPart(self, input.tensor())) continue;
    FERRY_ASSIGN_OR_RETURN(Tensor copy, strided::Clone(input.tensor()));
    resolved.copies.push_back(std::make_unique<Tensor>(std::move(copy)));
    input = Input(*resolved.copies.back());
  }
  std::atomic<uint32_t>& version = self.storage().version();
  const uint32_t former_version = version;
  const absl::Status computed = WriteInPlace(op, attributes, self, resolved);
  if (!computed.ok()) return fail(computed);
  // A copy into the tensor has counted itself.
  if (version == former_version) ++version;
  if (node == nullptr) return self;
  FERRY_RETURN_IF_ERROR(RebaseHistory(self, node, 0, std::move(base)));
  // After the new history, which says whether the result requires a gradient.
  status = node->SaveOutputs(Outputs(self));
  if (!status.ok()) return fail(status);
  return self;
}

absl::StatusOr<ValuesAndIndices> ApplyForBoth(const Op& op, const Operand& x,
                                              const Attributes& attributes) {
  const Operand* const operands[] = {&x};
  FERRY_ASSIGN_OR_RETURN(Outputs outputs,
                         ApplyForAll(op, operands, attributes));
  return ValuesAndIndices{std::move(outputs[0]), std::move(outputs[1])};
}

absl::StatusOr<Outputs> AsOutputs(absl::StatusOr<Tensor> result) {
  if (!result.ok()) return result.status();
  return Outputs(*std::move(result));
}

absl::StatusOr<Outputs> AsOutputs(absl::StatusOr<ValuesAndIndices> result) {
  if (!result.ok()) return result.status();
  Outputs outputs(std::move(result->values));
  outputs.Add(std::move(result->indices));
  return outputs;
}

uint32_t OpNode::Uses() const {
  uint32_t uses = 0;
  for (size_t i = 0; i < edges().size(); ++i) {
    if (edges()[i].node != nullptr) {
      uses |= op_.uses[std::min(i, op_.uses.size() - 1)];
    }
  }
  return uses;
}

absl::Status OpNode::SaveInputs(absl::Span<const Input> inputs,
                                bool first_will_change) {
  const uint32_t uses = Uses();
  inputs_.resize(inputs.size());
  for (size_t i = 0; i < inputs.size() && i < 16; ++i) {
    if ((uses & UsesInput(static_cast<int>(i))) == 0) continue;
    const Input& input = inputs[i];
    SavedInput& saved = inputs_[i];
    if (input.is_number()) {
      saved.is_number = true;
      saved.number = input.number();
      continue;
    }
    const bool will_change =
        first_will_change &&
        input.tensor().storage() == inputs[0].tensor().storage();
    if (will_change &&
        (i == 0 || SavedTensorHooksGuard::Current() != nullptr)) {
      FERRY_ASSIGN_OR_RETURN(const Tensor copy, strided::Clone(input.tensor()));
      if (edges()[i].node != nullptr) {
        TensorState::Make(copy).SetNode(edges()[i].node, edges()[i].index);
      }
      FERRY_ASSIGN_OR_RETURN(saved.tensor, SavedTensor::Input(copy));
    } else if (will_change) {
      // The pass will fail, since the version changes. Without its history, as
      // the node would otherwise hold itself.
      FERRY_ASSIGN_OR_RETURN(saved.tensor,
                             SavedTensor::Input(input.tensor().Detach()));
    } else {
      FERRY_ASSIGN_OR_RETURN(saved.tensor, SavedTensor::Input(input.tensor()));
    }
  }
  return absl::OkStatus();
}

absl::Status OpNode::SaveOutputs(const Outputs& outputs) {
  const uint32_t uses = Uses();
  outputs_.resize(outputs.size());
  for (size_t i = 0; i < outputs.size() && i < 16; ++i) {
    if ((uses & UsesOutput(static_cast<int>(i))) != 0) {
      FERRY_ASSIGN_OR_RETURN(
          outputs_[i],
          SavedTensor::Result(outputs[i], static_cast<uint32_t>(i)));
    }
  }
  return absl::OkStatus();
}

absl::Status OpNode::Run(absl::Span<const Tensor> gradients,
                         absl::Span<const bool> needed,
                         absl::Span<Tensor> results) {
  Derivative derivative(*this, gradients, needed, results);
  FERRY_RETURN_IF_ERROR(op_.derivative(derivative));
  return derivative.status();
}

void OpNode::ReleaseSaved() {
  // Freed after the mutex, since hooks of the program may have made them.
  absl::InlinedVector<SavedTensor, 3> released;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (SavedInput& input : inputs_) {
    released.push_back(std::exchange(input.tensor, SavedTensor()));
  }
  for (SavedTensor& output : outputs_) {
    released.push_back(std::exchange(output, SavedTensor()));
  }
}

Derivative::Derivative(OpNode& node, absl::Span<const Tensor> gradients,
                       absl::Span<const bool> needed,
                       absl::Span<Tensor> results)
    : node_(node), gradients_(gradients), needed_(needed), results_(results) {}

Operand Derivative::input(size_t i) {
  const OpNode::SavedInput& saved = node_.inputs_[i];
  if (saved.is_number) return Operand(saved.number);
  // Hooks of the program may run while it is unpacked, so without the mutex.
  SavedTensor copy;
  {
    const std::lock_guard<std::mutex> lock(node_.mutex_);
    copy = saved.tensor;
  }
  unpacked_.push_back(
      std::make_unique<absl::StatusOr<Tensor>>(copy.Unpack(node_)));
  return Operand(*unpacked_.back());
}

Operand Derivative::output(size_t i) {
  SavedTensor copy;
  {
    const std::lock_guard<std::mutex> lock(node_.mutex_);
    copy = node_.outputs_[i];
  }
  unpacked_.push_back(
      std::make_unique<absl::StatusOr<Tensor>>(copy.Unpack(node_)));
  return Operand(*unpacked_.back());
}

bool Derivative::Needs(size_t i) const { return needed_[i]; }

absl::Span<const int64_t> Derivative::input_shape(size_t i) const {
  const Edge& edge = node_.edges()[i];
  return edge.node->infos()[edge.index].shape;
}

DType Derivative::input_dtype(size_t i) const {
  const Edge& edge = node_.edges()[i];
  return edge.node->infos()[edge.index].dtype;
}

absl::Span<const int64_t> Derivative::output_shape(size_t i) const {
  return node_.infos()[i].shape;
}

DType Derivative::output_dtype(size_t i) const {
  return node_.infos()[i].dtype;
}

const Attributes& Derivative::attributes() const { return node_.attributes_; }

void Derivative::Set(size_t i, absl::StatusOr<Tensor> gradient) {
  if (!Needs(i)) return;
  if (gradient.ok()) {
    results_[i] = *std::move(gradient);
  } else if (status_.ok()) {
    status_ = gradient.status();
  }
}

}  // namespace v1
}  // namespace ferry
