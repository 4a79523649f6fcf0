// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/shapes.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/shapes.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace {

std::vector<Tensor> TensorsOf(absl::Span<const Operand> operands) {
  std::vector<Tensor> tensors;
  for (const Operand& operand : operands) tensors.push_back(operand.tensor());
  return tensors;
}

// --------------------------------------------------------------- Cat and Stack

// Whether a tensor fits any others in Cat.
bool IsSkipped(absl::Span<const int64_t> shape) {
  return shape.size() == 1 && shape[0] == 0;
}

// The dtype of the result of Cat.
absl::StatusOr<DType> CatDType(absl::Span<const Input> inputs) {
  const DType first = inputs[0].dtype();
  const bool is_one = std::all_of(
      inputs.begin(), inputs.end(),
      [first](const Input& input) { return input.dtype() == first; });
  if (is_one) return first;
  for (const Input& input : inputs) {
    if (!IsComputable(input.dtype())) {
      return absl::UnimplementedError(
          absl::StrCat("tensors of ", Name(input.dtype()),
                       " cannot be joined with those of another dtype"));
    }
  }
  return PromotedDType(inputs);
}

absl::StatusOr<Outputs> CatForward(const Call& call) {
  const Tensor* model = &call[0].tensor();
  for (const Input& input : call.inputs()) {
    if (IsSkipped(model->shape())) model = &input.tensor();
  }
  if (model->rank() == 0) {
    return absl::InvalidArgumentError(
        "tensors of rank 0 cannot be concatenated; use Stack");
  }
  FERRY_ASSIGN_OR_RETURN(const int dim,
                         WrapDim(call.attributes().ints[0], model->rank()));
  FERRY_ASSIGN_OR_RETURN(const DType dtype, CatDType(call.inputs()));
  Dimensions shape(model->shape().begin(), model->shape().end());
  shape[dim] = 0;
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < call.size(); ++i) {
    const Tensor& tensor = call[i].tensor();
    if (IsSkipped(tensor.shape())) continue;
    bool fits = tensor.rank() == model->rank();
    for (int d = 0; fits && d < model->rank(); ++d) {
      fits = d == dim || tensor.shape()[d] == model->shape()[d];
    }
    if (!fits) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Sizes of tensors must match except in dimension ", dim,
          ". Tensor number ", i, " in the list has shape ",
          ShapeToString(tensor.shape()), ", and an earlier one has ",
          ShapeToString(model->shape())));
    }
    if (__builtin_add_overflow(shape[dim], tensor.shape()[dim], &shape[dim])) {
      return absl::InvalidArgumentError("the result is too large");
    }
    FERRY_ASSIGN_OR_RETURN(Tensor cast, strided::Cast(tensor, dtype));
    tensors.push_back(std::move(cast));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, dtype));
  kernels::Cat(tensors, dim, out);
  return out;
}

// `ints` is the dimension, `more_ints` the size of each tensor in it.
constexpr Op kCat = {
    "Cat",
    CatForward,
    {},
    [](Derivative& d) {
      const Attributes& attributes = d.attributes();
      int64_t start = 0;
      for (size_t i = 0; i < d.size(); ++i) {
        const int64_t size = attributes.more_ints[i];
        if (d.Needs(i) && !IsSkipped(d.input_shape(i))) {
          d.Set(i, Narrow(d.gradient(), attributes.ints[0], start, size));
        }
        start += size;
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Cat(TensorsOf(x), attributes.ints[0]));
    },
    "torch.cat(tensors, i[0])",
    "f[2,3] f[1,3] f[4,3] i=0 | f[2,3] f[2,1] i=1 | f[2,3]t f[4,2] i=-2 | "
    "f[5]s f[2] i=0 | f[0] f[2,3] i=1 | f[2,0] f[2,3] i=1 | f[3] i=0 | "
    "f[0] f[0] i=0"};

constexpr Op kStack = {
    "Stack",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Stack(TensorsOf(x), attributes.ints[0]));
    },
    "torch.stack(tensors, i[0])",
    "f[2,3] f[2,3] i=0 | f[2,3] f[3,2]t f[2,3] i=1 | f[2,3] f[2,3] i=-1 | "
    "f[] f[] f[] i=0 | f[0,2] f[0,2] i=2 | f[5]s f[5] i=1"};

// --------------------------------------------------------------- Flip and Roll

constexpr Op kFlip = {
    "Flip",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      absl::InlinedVector<int, 4> dims;
      for (const int64_t dim : call.attributes().ints) {
        FERRY_ASSIGN_OR_RETURN(const int d, WrapDim(dim, x.rank()));
        if (std::find(dims.begin(), dims.end(), d) != dims.end()) {
          return absl::InvalidArgumentError(absl::StrCat(
              "dim ", dim, " appears multiple times in the list of dims"));
        }
        dims.push_back(d);
      }
      if (x.rank() == 0) dims.clear();
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(x.shape(), x.dtype()));
      kernels::Flip(x, dims, out);
      return out;
    },
    {},
    [](Derivative& d) {
      d.Set(0, Flip(d.gradient(), d.attributes().ints));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Flip(x[0], attributes.ints));
    },
    "torch.flip(a, i)",
    "f[2,3] i=0 | f[2,3] i=-1 | f[2,3,4] i=0,2 | f[2,3]t i=0,1 | f[5]s i=0 | "
    "f[0,2] i=0 | f[] | f[2]"};

constexpr Op kRoll = {
    "Roll",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      const Attributes& attributes = call.attributes();
      if (attributes.ints.size() != attributes.more_ints.size()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "shifts and dimensions must align. shifts: ",
            attributes.ints.size(), ", dims: ", attributes.more_ints.size()));
      }
      if (attributes.ints.empty()) {
        return absl::InvalidArgumentError(
            "there are no shifts; give one shift or more");
      }
      // A tensor that fits into memory has no dimension so large that the sum
      // of two shifts overflows.
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(x.shape(), x.dtype()));
      Dimensions shifts(x.shape().size(), 0);
      for (size_t i = 0; i < attributes.ints.size(); ++i) {
        FERRY_ASSIGN_OR_RETURN(const int d,
                               WrapDim(attributes.more_ints[i], x.rank()));
        if (x.rank() == 0 || x.shape()[d] == 0) continue;
        // A dimension may be rotated twice.
        shifts[d] += attributes.ints[i] % x.shape()[d];
        shifts[d] %= x.shape()[d];
      }
      kernels::Roll(x, shifts, out);
      return out;
    },
    {},
    [](Derivative& d) -> absl::Status {
      const absl::Span<const int64_t> shape = d.input_shape(0);
      const int rank = static_cast<int>(shape.size());
      Dimensions back;
      for (size_t i = 0; i < d.attributes().ints.size(); ++i) {
        FERRY_ASSIGN_OR_RETURN(const int dim,
                               WrapDim(d.attributes().more_ints[i], rank));
        // The remainder has an opposite, unlike the smallest number.
        const int64_t size = rank == 0 ? 1 : std::max<int64_t>(shape[dim], 1);
        back.push_back(-(d.attributes().ints[i] % size));
      }
      d.Set(0, Roll(d.gradient(), back, d.attributes().more_ints));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Roll(x[0], attributes.ints, attributes.more_ints));
    },
    "torch.roll(a, i, j)",
    "f[2,3] i=1 j=0 | f[2,3] i=-1 j=1 | f[4,5] i=2,-7 j=0,1 | f[2,3]t i=1 j=1 "
    "| f[5]s i=2 j=0 | f[0,2] i=1 j=0 | f[2,3] i=2 | f[5] i=1,1 j=0,0"};

// ---------------------------------------------------------------------- Repeat

constexpr Op kRepeat = {
    "Repeat",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      const Dimensions& repeats = call.attributes().ints;
      if (repeats.size() < x.shape().size() ||
          std::any_of(repeats.begin(), repeats.end(),
                      [](int64_t n) { return n < 0; })) {
        return absl::InvalidArgumentError(
            absl::StrCat("the repeats ", ShapeToString(repeats),
                         " must have a number of copies for each dimension"));
      }
      const size_t added = repeats.size() - x.shape().size();
      Dimensions inner(added, 1);
      inner.insert(inner.end(), x.shape().begin(), x.shape().end());
      Dimensions shape;
      for (size_t d = 0; d < repeats.size(); ++d) {
        int64_t size = 0;
        if (__builtin_mul_overflow(inner[d], repeats[d], &size)) {
          return absl::InvalidArgumentError("the result is too large");
        }
        shape.push_back(size);
      }
      FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Expand(x, inner));
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, x.dtype()));
      kernels::Repeat(from, out);
      return out;
    },
    {},
    [](Derivative& d) {
      // Makes two dimensions of each: the copies, over which it sums, and the
      // index in a copy.
      const Dimensions& repeats = d.attributes().ints;
      const absl::Span<const int64_t> shape = d.input_shape(0);
      const size_t added = repeats.size() - shape.size();
      Dimensions divided;
      Dimensions copies;
      for (size_t i = 0; i < repeats.size(); ++i) {
        if (repeats[i] != 1) {
          copies.push_back(static_cast<int64_t>(divided.size()));
          divided.push_back(repeats[i]);
        }
        if (i >= added) divided.push_back(shape[i - added]);
      }
      if (copies.empty()) {
        d.Set(0, Reshape(d.gradient(), shape));
      } else {
        d.Set(0, Reshape(Sum(Reshape(d.gradient(), divided), copies), shape));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Repeat(x[0], attributes.ints));
    },
    "a.repeat(i)",
    "f[2,3] i=2,3 | f[3] i=2,1,2 | f[2,3]t i=1,2 | f[5]s i=2 | f[] i=3 | "
    "f[0,2] i=2,2 | f[2,3] i=0,1 | f[2] i=1 | f[2,1,3] i=1,4,2"};

// --------------------------------------------------------------- Tril and Triu

template <kernels::Triangle kTriangle>
absl::StatusOr<Outputs> TriangleForward(const Call& call) {
  const Tensor& x = call[0].tensor();
  if (x.rank() < 2) {
    return absl::InvalidArgumentError(
        "input tensor must have at least 2 dimensions");
  }
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(x.shape(), x.dtype()));
  // An op in place must not read what it has written.
  Tensor from = x;
  if (out.storage() == x.storage()) {
    FERRY_ASSIGN_OR_RETURN(from, strided::Clone(x));
  }
  kernels::CopyTriangle(from, kTriangle, call.attributes().ints[0], out);
  return out;
}

constexpr absl::string_view kTriangleSamples =
    "f[3,4] i=0 | f[3,4] i=1 | f[4,3] i=-1 | f[2,3,3] i=0 | f[2,3]t i=0 | "
    "f[3,3] i=9 | f[3,3] i=-9 | f[0,3] i=0 | f[2,0,3] i=1";

constexpr Op kTril = {
    "Tril",
    TriangleForward<kernels::Triangle::kLower>,
    {},
    [](Derivative& d) {
      d.Set(0, Tril(d.gradient(), d.attributes().ints[0]));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Tril(x[0], attributes.ints[0]));
    },
    "torch.tril(a, i[0])",
    kTriangleSamples};

constexpr Op kTriu = {
    "Triu",
    TriangleForward<kernels::Triangle::kUpper>,
    {},
    [](Derivative& d) {
      d.Set(0, Triu(d.gradient(), d.attributes().ints[0]));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Triu(x[0], attributes.ints[0]));
    },
    "torch.triu(a, i[0])",
    kTriangleSamples};

// ------------------------------------------------------------------------- Pad

// The numbers of slices to add in each dimension: before, and after.
absl::StatusOr<Outputs> PadForward(const Call& call) {
  const Tensor& x = call[0].tensor();
  const Dimensions& pads = call.attributes().ints;
  const size_t rank = x.shape().size();
  if (pads.size() % 2 != 0 || pads.size() / 2 > rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("the pads ", ShapeToString(pads),
                     " must have two numbers for each dimension, for at most ",
                     rank, " dimensions"));
  }
  Dimensions before(rank, 0);
  Dimensions shape(x.shape().begin(), x.shape().end());
  for (size_t i = 0; i < pads.size() / 2; ++i) {
    const size_t d = rank - 1 - i;
    before[d] = pads[2 * i];
    const int64_t after = pads[2 * i + 1];
    // The opposite of a pad, for the gradient, must exist as well.
    if (before[d] == INT64_MIN || after == INT64_MIN ||
        __builtin_add_overflow(shape[d], before[d], &shape[d]) ||
        __builtin_add_overflow(shape[d], after, &shape[d]) || shape[d] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("padding dimension ", d, ", which has ", x.shape()[d],
                       " slices, with ", before[d], " and ", after,
                       " slices gives an impossible size"));
    }
  }
  alignas(16) char value[16];
  FERRY_RETURN_IF_ERROR(
      Scalar(call.attributes().numbers[0]).Convert(x.dtype(), value));
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, x.dtype()));
  kernels::Pad(x, before, value, out);
  return out;
}

constexpr Op kPad = {
    "Pad",
    PadForward,
    {},
    [](Derivative& d) {
      Dimensions crops;
      for (const int64_t pad : d.attributes().ints) crops.push_back(-pad);
      d.Set(0, Pad(d.gradient(), crops));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Pad(x[0], attributes.ints, attributes.numbers[0]));
    },
    "torch.nn.functional.pad(a, i, value=p)",
    "f[2,3] i=1,2 p=0 | f[2,3] i=1,0,0,2 p=3 | f[2,3]t i=0,1 p=0 | "
    "f[5]s i=2,2 p=1 | f[2,3] i=-1,0 p=0 | f[2,3] i=-1,2,1,-1 p=7 | "
    "f[2,0] i=1,1 p=2 | f[2,3,4] i=0,1,1,0,2,0 p=0"};

constexpr const Op* kOps[] = {&kCat,    &kStack, &kFlip, &kRoll,
                              &kRepeat, &kTril,  &kTriu, &kPad};

}  // namespace

absl::StatusOr<Tensor> Cat(absl::Span<const Tensor> tensors, int64_t dim) {
  if (tensors.empty()) {
    return absl::InvalidArgumentError(
        "Cat: expected a non-empty list of Tensors");
  }
  std::vector<Operand> operands(tensors.begin(), tensors.end());
  std::vector<const Operand*> pointers;
  Attributes attributes = IntsOf({dim});
  for (const Operand& operand : operands) {
    pointers.push_back(&operand);
    // The op refuses tensors and dimensions that do not fit.
    int64_t size = 0;
    if (CheckIsTensor("Cat", operand).ok()) {
      const absl::Span<const int64_t> shape = operand.tensor().shape();
      const absl::StatusOr<int> d =
          WrapDim(dim, static_cast<int>(shape.size()));
      if (d.ok() && !shape.empty() && !IsSkipped(shape)) size = shape[*d];
    }
    attributes.more_ints.push_back(size);
  }
  FERRY_ASSIGN_OR_RETURN(Outputs outputs,
                         ApplyForAll(kCat, pointers, attributes));
  return std::move(outputs[0]);
}

absl::StatusOr<Tensor> Stack(absl::Span<const Tensor> tensors, int64_t dim) {
  if (tensors.empty()) {
    return absl::InvalidArgumentError(
        "Stack: expected a non-empty list of Tensors");
  }
  std::vector<Tensor> expanded;
  for (const Tensor& tensor : tensors) {
    FERRY_RETURN_IF_ERROR(CheckIsTensor("Stack", tensor));
    if (tensor.shape() != tensors[0].shape()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Stack: stack expects each tensor to be equal size, but got ",
          ShapeToString(tensors[0].shape()), " and ",
          ShapeToString(tensor.shape())));
    }
    FERRY_ASSIGN_OR_RETURN(Tensor with_dim, Unsqueeze(tensor, dim));
    expanded.push_back(std::move(with_dim));
  }
  return Cat(expanded, dim);
}

absl::StatusOr<Tensor> Flip(const Operand& x, absl::Span<const int64_t> dims) {
  return Apply(kFlip, {&x}, IntsOf(dims));
}

absl::StatusOr<Tensor> Roll(const Operand& x, absl::Span<const int64_t> shifts,
                            absl::Span<const int64_t> dims) {
  if (dims.empty() && shifts.size() == 1) {
    FERRY_RETURN_IF_ERROR(CheckIsTensor("Roll", x));
    return Reshape(Roll(Flatten(x), shifts, {0}), x.tensor().shape());
  }
  Attributes attributes = IntsOf(shifts);
  attributes.more_ints.assign(dims.begin(), dims.end());
  return Apply(kRoll, {&x}, attributes);
}

absl::StatusOr<Tensor> Repeat(const Operand& x,
                              absl::Span<const int64_t> repeats) {
  return Apply(kRepeat, {&x}, IntsOf(repeats));
}

absl::StatusOr<Tensor> Tril(const Operand& x, int64_t diagonal) {
  return Apply(kTril, {&x}, IntsOf({diagonal}));
}
absl::StatusOr<Tensor> Triu(const Operand& x, int64_t diagonal) {
  return Apply(kTriu, {&x}, IntsOf({diagonal}));
}
absl::StatusOr<Tensor> TrilInPlace(const Operand& self, int64_t diagonal) {
  return ApplyInPlace(kTril, {&self}, IntsOf({diagonal}));
}
absl::StatusOr<Tensor> TriuInPlace(const Operand& self, int64_t diagonal) {
  return ApplyInPlace(kTriu, {&self}, IntsOf({diagonal}));
}

absl::StatusOr<Tensor> Pad(const Operand& x, absl::Span<const int64_t> pads,
                           double value) {
  Attributes attributes = IntsOf(pads);
  attributes.numbers[0] = value;
  return Apply(kPad, {&x}, attributes);
}

absl::Span<const Op* const> ShapeOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
