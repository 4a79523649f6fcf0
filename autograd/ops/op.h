// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/op.h
// -----------------------------------------------------------------------------
//
// What an op is, and how to call one so that it is recorded. Each op has one
// constant entry, an `Op`, which says how to compute it, how to differentiate
// it, and how to test it. `AllOps` lists the entries (autograd/ops/op_table.h).
//
// docs/ops.md shows how to add an op.
//
// Example: an op that is composed of others needs no entry.
//
//   absl::StatusOr<Tensor> Distance(const Operand& a, const Operand& b) {
//     return Sqrt(Sum(Square(a - b)));
//   }
#ifndef FERRY_AUTOGRAD_OPS_OP_H_
#define FERRY_AUTOGRAD_OPS_OP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/graph/saved_tensor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Outputs
//
// The results of an op: nearly always one.
class Outputs {
 public:
  Outputs() = default;
  Outputs(Tensor tensor) {  // NOLINT(google-explicit-constructor): most ops
    tensors_.push_back(std::move(tensor));
  }

  void Add(Tensor tensor) { tensors_.push_back(std::move(tensor)); }

  size_t size() const { return tensors_.size(); }
  Tensor& operator[](size_t i) { return tensors_[i]; }
  const Tensor& operator[](size_t i) const { return tensors_[i]; }
  auto begin() const { return tensors_.begin(); }
  auto end() const { return tensors_.end(); }

 private:
  absl::InlinedVector<Tensor, 1> tensors_;
};

// Attributes
//
// The arguments of an op that are not operands. What each member means is up to
// the op.
struct Attributes {
  Dimensions ints;       // dimensions, or a shape
  Dimensions more_ints;  // a second list
  std::array<double, 2> numbers = {0, 0};
  bool flag = false;
};

// Input
//
// A tensor in host memory, or a number. Tensors are conjugated or negated only
// in view ops.
class Input {
 public:
  explicit Input(const Tensor& tensor) : tensor_(&tensor), number_(false) {}
  explicit Input(const Scalar& number) : number_(number) {}

  bool is_number() const { return tensor_ == nullptr; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& number() const { return number_; }

  // The dtype and the shape of the operand. A number has the shape of a tensor
  // of rank 0.
  DType dtype() const {
    return is_number() ? number_.dtype() : tensor_->dtype();
  }
  absl::Span<const int64_t> shape() const {
    return is_number() ? absl::Span<const int64_t>() : tensor_->shape();
  }

 private:
  const Tensor* tensor_ = nullptr;
  Scalar number_;
};

// Call
//
// What `Op::forward` computes from.
class Call {
 public:
  Call(absl::Span<const Input> inputs, const Attributes& attributes,
       const Tensor* out)
      : inputs_(inputs), attributes_(attributes), out_(out) {}

  size_t size() const { return inputs_.size(); }
  const Input& operator[](size_t i) const { return inputs_[i]; }
  absl::Span<const Input> inputs() const { return inputs_; }
  const Attributes& attributes() const { return attributes_; }

  // Returns the tensor to write the result to: a new one that is contiguous and
  // not initialised, or, for an op in place, the tensor that is to change. That
  // one may have any strides, and another dtype, to which the results must be
  // cast.
  //
  // Errors: kInvalidArgument - the op is in place, and the result does not have
  //         the shape of the tensor, or has a dtype of a higher category.
  absl::StatusOr<Tensor> MakeOutput(absl::Span<const int64_t> shape,
                                    DType dtype) const;

 private:
  absl::Span<const Input> inputs_;
  const Attributes& attributes_;
  const Tensor* out_;
};

class OpNode;

// Derivative
//
// The argument of `Op::derivative`: gives access to the gradients, saved
// tensors and attributes of a call, and receives the gradients of its operands.
class Derivative {
 public:
  // `needed` is that of `Node::Run`.
  Derivative(OpNode& node, absl::Span<const Tensor> gradients,
             absl::Span<const bool> needed, absl::Span<Tensor> results);

  // The gradient of a result. Null if the op has several results and nothing
  // depends on this one; never null if it has one.
  const Tensor& gradient(size_t result = 0) const { return gradients_[result]; }

  // Returns an operand, or a result, with its history. Only those named in
  // `Op::uses` are available. Returns an error if it has been written in place.
  // The Operand is valid as long as this object.
  Operand input(size_t i);
  Operand output(size_t i = 0);

  // How many operands there are, and whether the pass needs the gradient of
  // this one.
  size_t size() const { return results_.size(); }
  bool Needs(size_t i) const;

  // The shape and dtype of an operand whose gradient is needed.
  absl::Span<const int64_t> input_shape(size_t i) const;
  DType input_dtype(size_t i) const;

  // The shape and dtype of a result.
  absl::Span<const int64_t> output_shape(size_t i = 0) const;
  DType output_dtype(size_t i = 0) const;

  const Attributes& attributes() const;

  // Sets the gradient of an operand. Ignored if it is not needed, but it is
  // better not to compute it then. Its shape may be one to which the operand
  // was broadcast: the gradient is summed down. Its dtype may be another
  // floating-point one.
  void Set(size_t i, absl::StatusOr<Tensor> gradient);

  // The first error that `Set` was given.
  const absl::Status& status() const { return status_; }

 private:
  OpNode& node_;
  absl::Span<const Tensor> gradients_;
  absl::Span<const bool> needed_;
  absl::Span<Tensor> results_;
  // Boxed, so that they stay where operands point to.
  absl::InlinedVector<std::unique_ptr<absl::StatusOr<Tensor>>, 2> unpacked_;
  absl::Status status_;
};

// What the results of an op share with its first operand.
enum class OpKind : uint8_t {
  kOrdinary,      // nothing, or the op is composed of other ops
  kView,          // the result is a view of it
  kSeveralViews,  // there are several results, all of them views of it
};

// Sets of dtypes. Combine them with |.
inline constexpr uint32_t kFloats = 1;  // float64, float32, float16, bfloat16
// int8, int16, int32, int64, uint8 (`IsComputable`).
inline constexpr uint32_t kIntegers = 2;
inline constexpr uint32_t kBools = 4;
inline constexpr uint32_t kAnything = 8;  // the op only moves elements
// Combine with the sets above: operands may also be numbers.
inline constexpr uint32_t kNumbers = 16;

// What the gradient of an operand uses. Combine them with |. Precondition: `i`
// is less than 16; later operands and results cannot be saved.
constexpr uint32_t UsesInput(int i) { return uint32_t{1} << i; }
constexpr uint32_t UsesOutput(int i = 0) { return uint32_t{1} << (16 + i); }

// Op
//
// The entry of an op.
struct Op {
  using ForwardFunction = absl::StatusOr<Outputs> (*)(const Call&);
  using DerivativeFunction = absl::Status (*)(Derivative&);
  using TestFunction = absl::StatusOr<Outputs> (*)(absl::Span<const Operand>,
                                                   const Attributes&);

  // The name of the public function.
  absl::string_view name;

  // Computes the results without recording anything. Checks shapes and
  // attributes. Null for an op that is composed of others.
  ForwardFunction forward;

  // For the gradient of each operand, what it uses. Operands from the fourth on
  // have the last element.
  std::array<uint32_t, 4> uses;

  // Computes the gradients of the operands with recorded ops. Null if the op
  // has no derivative, or is composed of others.
  DerivativeFunction derivative;

  OpKind kind;

  // The dtypes of tensors that the op takes, and whether it takes numbers.
  uint32_t dtypes;

  // For the tests: calls the public function.
  TestFunction call;

  // For the tests: the same as a Python expression of the tensors a, b, c, ...
  // (or the list `tensors`), the lists i and j, the numbers p and q, and the
  // bool flag.
  absl::string_view pytorch;

  // For the tests: samples of arguments, separated by '|'. A sample lists, with
  // spaces in between, the operands in order, then the attributes.
  //
  //   f[2,3]   a tensor of the dtype that is tested, with normally distributed
  //            elements; f[] has rank 0, and f[0] no elements
  //   p[2,3]   between 0.1 and 2.1; u[2,3] between -0.9 and 0.9
  //   d[2,3]   in random order, no two closer than 0.01, none closer to 0
  //   e[]      the edge values in one dimension: zeros of both signs,
  //            infinities, NaN, the largest and smallest numbers. For two
  //            operands e[], all pairs. The gradients are not tested
  //   i5[2,3]  int64 from 0 to 4; b[2,3] bool
  //   f[3,2]t  with the last two dimensions exchanged: the shape is [2, 3], and
  //            the strides are 1 and 2
  //   f[2,3]s  with a gap after each element
  //   f[2,3]x  repeated along the first dimension by a stride of 0
  //   n=0.5    a number: real with a point, else integer, or true, false
  //   i=1,2 j= p=0.5 q=2 flag
  //            the attributes `ints`, `more_ints`, `numbers` and `flag`
  //   !        before a sample that the op and PyTorch refuse in every dtype
  absl::string_view samples;
};

// Calls an op, and records the call if recording is on and a tensor requires a
// gradient. Thread-safe.
//
// Errors: the first one of an operand; kInvalidArgument for a null tensor, or a
// number where the op takes tensors only;
// kFailedPrecondition for one that is not in host memory, or that was made in
// inference mode and must be saved; kUnimplemented for a dtype that the op does
// not take; those of `forward`, and of saved-tensor hooks. The message begins
// with the name of the op, and with the dtypes and shapes that it was given.
absl::StatusOr<Tensor> Apply(const Op& op,
                             absl::Span<const Operand* const> operands,
                             const Attributes& attributes = {});
inline absl::StatusOr<Tensor> Apply(
    const Op& op, std::initializer_list<const Operand*> operands,
    const Attributes& attributes = {}) {
  return Apply(op, absl::MakeConstSpan(operands.begin(), operands.size()),
               attributes);
}

// The same for an op with any number of results.
absl::StatusOr<Outputs> ApplyForAll(const Op& op,
                                    absl::Span<const Operand* const> operands,
                                    const Attributes& attributes = {});

// Calls an op, and writes its result to the first operand, which is returned.
// `forward` must write to `Call::MakeOutput`, which may be the memory of the
// first operand.
//
// Further errors: kFailedPrecondition - recording is on, and the tensor is a
// leaf that requires a gradient, or a view that must not be written; or it was
// made in inference mode, which has ended.
// kInvalidArgument - the operand is a number; elements of the tensor share
// memory.
absl::StatusOr<Tensor> ApplyInPlace(const Op& op,
                                    absl::Span<const Operand* const> operands,
                                    const Attributes& attributes = {});
inline absl::StatusOr<Tensor> ApplyInPlace(
    const Op& op, std::initializer_list<const Operand*> operands,
    const Attributes& attributes = {}) {
  return ApplyInPlace(
      op, absl::MakeConstSpan(operands.begin(), operands.size()), attributes);
}

// ValuesAndIndices
//
// The result of ops that choose elements along a dimension, such as Max and
// Sort: the elements, and their indices in the dimension, of dtype int64.
struct ValuesAndIndices {
  Tensor values;
  Tensor indices;
};

// As `Apply`, for an op with these two results.
absl::StatusOr<ValuesAndIndices> ApplyForBoth(const Op& op, const Operand& x,
                                              const Attributes& attributes);

// Turn the result of a public function into what `Op::call` returns.
absl::StatusOr<Outputs> AsOutputs(absl::StatusOr<Tensor> result);
absl::StatusOr<Outputs> AsOutputs(absl::StatusOr<ValuesAndIndices> result);

// Returns OK if `self` may be written in place.
//
// Errors: kFailedPrecondition - it was made in inference mode, which has ended;
//         or `is_recorded` is true, and it is a leaf that requires a gradient,
//         a view of one, or a view that must not be written.
absl::Status CheckMayBeWritten(const Tensor& self, bool is_recorded);

// Returns where the gradient goes of the tensor that `self` is a view of. The
// edge is empty if it is not a view.
absl::StatusOr<Edge> GradientEdgeOfBase(const Tensor& self);

// Makes result `index` of `node` the history of `self`, which has just been
// written in place. If `self` is a view, it must be the first operand of
// `node`, and `former_base` must be what `GradientEdgeOfBase` returned before
// the write.
absl::Status RebaseHistory(const Tensor& self, std::shared_ptr<Node> node,
                           uint32_t index, Edge former_base);

// OpNode
//
// The record of one call.
class OpNode final : public Node {
 public:
  OpNode(const Op& op, Edges&& edges, const Attributes& attributes)
      : Node(std::move(edges)), op_(op), attributes_(attributes) {}

  absl::string_view name() const override { return op_.name; }
  absl::Status Run(absl::Span<const Tensor> gradients,
                   absl::Span<const bool> needed,
                   absl::Span<Tensor> results) override;
  void ReleaseSaved() override;

  // Saves what the gradients use. Called once each, before and after `forward`.
  absl::Status SaveInputs(absl::Span<const Input> inputs,
                          bool first_will_change);
  absl::Status SaveOutputs(const Outputs& outputs);

 private:
  friend class Derivative;

  struct SavedInput {
    SavedTensor tensor;
    bool is_number = false;
    Scalar number = false;
  };

  uint32_t Uses() const;

  const Op& op_;
  const Attributes attributes_;
  std::mutex mutex_;  // guards the two below
  absl::InlinedVector<SavedInput, 2> inputs_;
  absl::InlinedVector<SavedTensor, 1> outputs_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_OP_H_
