// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/views.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/indexing.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/shapes.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace {

// Returns OK if a tensor may be divided into `count` parts. Its memory does not
// bound the number: a dimension with a stride of 0 may have any size, and one
// of size 0 may be divided into any number of parts.
absl::Status CheckPartCount(int64_t count) {
  constexpr int64_t kMaxParts = int64_t{1} << 24;
  if (count <= kMaxParts) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "there would be ", count, " parts, and there may be at most ", kMaxParts,
      "; make larger parts"));
}

// The same for a public function, whose name begins the message.
absl::Status CheckPartCount(absl::string_view op, int64_t count) {
  const absl::Status status = CheckPartCount(count);
  return absl::Status(status.code(), absl::StrCat(op, ": ", status.message()));
}

// ------------------------------------------------------------ Another shape

absl::StatusOr<Outputs> ReshapeForward(const Call& call) {
  const Tensor& x = call[0].tensor();
  absl::StatusOr<Tensor> view = strided::Reshape(x, call.attributes().ints);
  if (view.status().code() == absl::StatusCode::kFailedPrecondition) {
    FERRY_ASSIGN_OR_RETURN(const Tensor copy, strided::Contiguous(x));
    view = strided::Reshape(copy, call.attributes().ints);
  }
  return AsOutputs(std::move(view));
}

constexpr Op kExpand = {
    "Expand",
    [](const Call& call) {
      return AsOutputs(
          strided::Expand(call[0].tensor(), call.attributes().ints));
    },
    {},
    [](Derivative& d) {
      d.Set(0, SumToShape(d.gradient(), d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kView,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Expand(x[0], attributes.ints));
    },
    "a.expand(i)",
    "f[3] i=2,3 | f[2,1] i=2,4 | f[1,3] i=-1,3 | f[] i=2,2 | f[3,1] i=2,3,0 | "
    "f[1] i=0 | f[3,1]t i=2,3 | f[0,1] i=0,4"};

constexpr Op kExpandAs = {
    "ExpandAs",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(ExpandAs(x[0], x[1]));
    },
    "a.expand_as(b)",
    "f[3] f[2,3] | f[2,1] f[2,4] | f[] f[2,2] | f[1] f[0] | f[3,1]t "
    "f[2,3]"};

constexpr Op kReshape = {
    "Reshape",
    ReshapeForward,
    {},
    [](Derivative& d) {
      d.Set(0, Reshape(d.gradient(), d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kView,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Reshape(x[0], attributes.ints));
    },
    "a.reshape(i)",
    "f[2,3] i=3,2 | f[2,3] i=-1 | f[3,2]t i=6 | f[6]s i=2,3 | f[0,3] i=3,0 | "
    "f[1] i=1,1 | f[2,3,4] i=6,4"};

constexpr Op kView = {
    "View",
    [](const Call& call) {
      return AsOutputs(
          strided::Reshape(call[0].tensor(), call.attributes().ints));
    },
    {},
    [](Derivative& d) {
      d.Set(0, Reshape(d.gradient(), d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kView,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(View(x[0], attributes.ints));
    },
    "a.view(i)",
    "f[2,3] i=3,2 | f[2,3] i=-1 | f[6]s i=2,3 | f[0,3] i=3,0 | f[] i=1,1"};

constexpr Op kFlatten = {
    "Flatten",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Flatten(x[0], attributes.ints[0], attributes.ints[1]));
    },
    "torch.flatten(a, i[0], i[1])",
    "f[2,3,4] i=0,-1 | f[2,3,4] i=1,2 | f[2,3,4] i=1,1 | f[3,2]t i=0,1 | "
    "f[] i=0,-1 | f[2,0,3] i=0,1"};

constexpr Op kSqueeze = {
    "Squeeze",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(attributes.ints.empty()
                           ? Squeeze(x[0])
                           : Squeeze(x[0], attributes.ints[0]));
    },
    "torch.squeeze(a, i[0]) if i else torch.squeeze(a)",
    "f[2,1,3,1] | f[1,1] | f[2,1,3] i=1 | f[2,1,3] i=0 | f[1,3] i=-2 | f[] | "
    "f[] i=0 | f[1,0] | f[3,1]t i=0 | f[1]s"};

constexpr Op kUnsqueeze = {
    "Unsqueeze",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Unsqueeze(x[0], attributes.ints[0]));
    },
    "torch.unsqueeze(a, i[0])",
    "f[2,3] i=0 | f[2,3] i=1 | f[2,3] i=2 | f[3,2]t i=-1 | f[2,3] i=-3 | "
    "f[] i=0 | f[] i=-1 | f[0,2] i=1"};

// ---------------------------------------------- Dimensions in another order

constexpr Op kTranspose = {
    "Transpose",
    [](const Call& call) {
      const Dimensions& dims = call.attributes().ints;
      return AsOutputs(strided::Transpose(call[0].tensor(), dims[0], dims[1]));
    },
    {},
    [](Derivative& d) {
      const Dimensions& dims = d.attributes().ints;
      d.Set(0, Transpose(d.gradient(), dims[0], dims[1]));
      return absl::OkStatus();
    },
    OpKind::kView,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Transpose(x[0], attributes.ints[0], attributes.ints[1]));
    },
    "torch.transpose(a, i[0], i[1])",
    "f[2,3] i=0,1 | f[3] i=0,0 | f[2,3,4] i=0,-1 | f[2,3,4] i=1,1 | f[3,2]t "
    "i=1,0 | "
    "f[0,2] i=0,1"};

constexpr Op kT = {"T",
                   nullptr,
                   {},
                   nullptr,
                   OpKind::kOrdinary,
                   kAnything,
                   [](absl::Span<const Operand> x, const Attributes&) {
                     return AsOutputs(T(x[0]));
                   },
                   "a.t()",
                   "f[2,3] | f[3,2]t | f[3] | f[] | f[0,2]"};

Dimensions InversePermutation(absl::Span<const int64_t> dims) {
  const auto rank = static_cast<int64_t>(dims.size());
  Dimensions inverse(dims.size());
  for (int64_t i = 0; i < rank; ++i) {
    inverse[static_cast<size_t>(dims[i] < 0 ? dims[i] + rank : dims[i])] = i;
  }
  return inverse;
}

constexpr Op kPermute = {
    "Permute",
    [](const Call& call) {
      return AsOutputs(
          strided::Permute(call[0].tensor(), call.attributes().ints));
    },
    {},
    [](Derivative& d) {
      d.Set(0, Permute(d.gradient(), InversePermutation(d.attributes().ints)));
      return absl::OkStatus();
    },
    OpKind::kView,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Permute(x[0], attributes.ints));
    },
    "a.permute(i)",
    "f[2,3,4] i=2,0,1 | f[2,3,4] i=-1,0,1 | f[3,2]t i=1,0 | f[0,2] i=1,0 | "
    "f[5]s i=0"};

constexpr Op kMoveDim = {
    "MoveDim",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(MoveDim(x[0], attributes.ints[0], attributes.ints[1]));
    },
    "torch.movedim(a, i[0], i[1])",
    "f[2,3,4] i=0,2 | f[2,3,4] i=-1,0 | f[2,3] i=1,1 | f[0,2] i=0,1 | "
    "f[3,2]t i=0,1 | f[3] i=0,0"};

// --------------------------------------------------------- Parts of a tensor

// The ops below choose some elements of a tensor. Each has a second op, for its
// gradient, which writes elements to those places of a tensor of zeros. Each of
// the two is the derivative of the other. A type says what the places are:
//
//   kName, kSpreadName  the names of the ops.
//   Of(x, attributes)   returns the view.
//   kMayOverlap         whether places may coincide, so that elements are
//                       added.
//   Call, kPyTorch, kSamples  what the tests need.
//
// `Attributes::more_ints` of the second op is the shape of the whole tensor.
template <typename Part>
absl::StatusOr<Tensor> ApplyPart(const Operand& x,
                                 const Attributes& attributes);
template <typename Part>
absl::StatusOr<Tensor> ApplySpread(const Operand& x,
                                   const Attributes& attributes);

// Adds the elements of windows to the places where they come from.
absl::Status AddWindows(const Tensor& windows, const Tensor& places,
                        int64_t dim) {
  // Neither do the windows at one distance from each other overlap, nor the
  // slices of one window. So adds either the windows one after the other, or
  // their first slices, then their second ones, ...
  const int64_t inner = windows.rank() - 1;
  const int64_t along =
      windows.shape()[dim] < windows.shape()[inner] ? dim : inner;
  for (int64_t i = 0; i < windows.shape()[along]; ++i) {
    FERRY_ASSIGN_OR_RETURN(const Tensor from,
                           strided::Select(windows, along, i));
    FERRY_ASSIGN_OR_RETURN(const Tensor to, strided::Select(places, along, i));
    FERRY_ASSIGN_OR_RETURN(
        const kernels::Slices whole,
        kernels::SlicesAt(to, {}, kernels::NegativeIndices::kAreErrors));
    FERRY_RETURN_IF_ERROR(kernels::AddToSlices(from, whole));
  }
  return absl::OkStatus();
}

template <typename Part>
absl::StatusOr<Outputs> SpreadForward(const Call& call) {
  const Tensor& part = call[0].tensor();
  const Attributes& attributes = call.attributes();
  if constexpr (Part::kMayOverlap) {
    // Sums of narrow floats are rounded once.
    const bool is_narrow = Category(part.dtype()) == DTypeCategory::kFloat &&
                           ElementSizeBytes(part.dtype()) < 4;
    const DType dtype = is_narrow ? DType::kFloat32 : part.dtype();
    FERRY_ASSIGN_OR_RETURN(
        const Tensor whole,
        Zeros(attributes.more_ints, TensorOptions().dtype(dtype)));
    FERRY_ASSIGN_OR_RETURN(const Tensor places, Part::Of(whole, attributes));
    FERRY_ASSIGN_OR_RETURN(const Tensor addend, strided::Cast(part, dtype));
    FERRY_ASSIGN_OR_RETURN(const int dim,
                           WrapDim(attributes.ints[0], whole.rank()));
    FERRY_RETURN_IF_ERROR(AddWindows(addend, places, dim));
    return AsOutputs(strided::Cast(whole, part.dtype()));
  } else {
    FERRY_ASSIGN_OR_RETURN(
        Tensor whole,
        Zeros(attributes.more_ints, TensorOptions().dtype(part.dtype())));
    FERRY_ASSIGN_OR_RETURN(const Tensor places, Part::Of(whole, attributes));
    FERRY_RETURN_IF_ERROR(strided::CopyInto(part, places));
    return whole;
  }
}

template <typename Part>
inline constexpr Op kPart = {
    Part::kName,
    [](const Call& call) {
      return AsOutputs(Part::Of(call[0].tensor(), call.attributes()));
    },
    {},
    [](Derivative& d) {
      Attributes attributes = d.attributes();
      const absl::Span<const int64_t> shape = d.input_shape(0);
      attributes.more_ints.assign(shape.begin(), shape.end());
      d.Set(0, ApplySpread<Part>(d.gradient(), attributes));
      return absl::OkStatus();
    },
    OpKind::kView,
    kAnything,
    Part::Call,
    Part::kPyTorch,
    Part::kSamples};

template <typename Part>
inline constexpr Op kSpread = {
    Part::kSpreadName,
    SpreadForward<Part>,
    {},
    [](Derivative& d) {
      d.Set(0, ApplyPart<Part>(d.gradient(), d.attributes()));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

template <typename Part>
absl::StatusOr<Tensor> ApplyPart(const Operand& x,
                                 const Attributes& attributes) {
  return Apply(kPart<Part>, {&x}, attributes);
}

template <typename Part>
absl::StatusOr<Tensor> ApplySpread(const Operand& x,
                                   const Attributes& attributes) {
  return Apply(kSpread<Part>, {&x}, attributes);
}

struct SelectPart {
  static constexpr absl::string_view kName = "Select";
  static constexpr absl::string_view kSpreadName = "SelectBackward";
  static constexpr bool kMayOverlap = false;
  static absl::StatusOr<Tensor> Of(const Tensor& x, const Attributes& a) {
    return strided::Select(x, a.ints[0], a.ints[1]);
  }
  static absl::StatusOr<Outputs> Call(absl::Span<const Operand> x,
                                      const Attributes& a) {
    return AsOutputs(Select(x[0], a.ints[0], a.ints[1]));
  }
  static constexpr absl::string_view kPyTorch = "torch.select(a, i[0], i[1])";
  static constexpr absl::string_view kSamples =
      "f[2,3] i=0,1 | f[2,3] i=1,-1 | f[2,3,4] i=-2,0 | f[2,3]t i=0,2 | "
      "f[5]s i=0,3 | f[2,0] i=0,1";
};

struct SlicePart {
  static constexpr absl::string_view kName = "Slice";
  static constexpr absl::string_view kSpreadName = "SliceBackward";
  static constexpr bool kMayOverlap = false;
  static absl::StatusOr<Tensor> Of(const Tensor& x, const Attributes& a) {
    return strided::Slice(x, a.ints[0], a.ints[1], a.ints[2], a.ints[3]);
  }
  static absl::StatusOr<Outputs> Call(absl::Span<const Operand> x,
                                      const Attributes& a) {
    return AsOutputs(Slice(x[0], a.ints[0], a.ints[1], a.ints[2], a.ints[3]));
  }
  static constexpr absl::string_view kPyTorch =
      "a.transpose(0, i[0])[i[1]:i[2]:i[3]].transpose(0, i[0])";
  static constexpr absl::string_view kSamples =
      "f[5,3] i=0,1,4,2 | f[2,5] i=1,-4,9,3 | f[2,5] i=-1,3,1,1 | "
      "f[3,2]t i=0,0,2,1 | f[5]s i=0,1,5,2 | f[0,2] i=0,0,3,1 | "
      "f[2,0] i=0,1,2,1";
};

struct NarrowPart {
  static constexpr absl::string_view kName = "Narrow";
  static constexpr absl::string_view kSpreadName = "NarrowBackward";
  static constexpr bool kMayOverlap = false;
  static absl::StatusOr<Tensor> Of(const Tensor& x, const Attributes& a) {
    return strided::Narrow(x, a.ints[0], a.ints[1], a.ints[2]);
  }
  static absl::StatusOr<Outputs> Call(absl::Span<const Operand> x,
                                      const Attributes& a) {
    return AsOutputs(Narrow(x[0], a.ints[0], a.ints[1], a.ints[2]));
  }
  static constexpr absl::string_view kPyTorch =
      "torch.narrow(a, i[0], i[1], i[2])";
  static constexpr absl::string_view kSamples =
      "f[5,3] i=0,1,3 | f[2,5] i=-1,-3,2 | f[2,3]t i=0,1,2 | f[5]s i=0,0,5 | "
      "f[3] i=0,3,0 | f[0,2] i=1,1,1";
};

struct DiagonalPart {
  static constexpr absl::string_view kName = "Diagonal";
  static constexpr absl::string_view kSpreadName = "DiagonalBackward";
  static constexpr bool kMayOverlap = false;
  static absl::StatusOr<Tensor> Of(const Tensor& x, const Attributes& a) {
    const int64_t offset = a.ints[0];
    FERRY_ASSIGN_OR_RETURN(const int dim1, WrapDim(a.ints[1], x.rank()));
    FERRY_ASSIGN_OR_RETURN(const int dim2, WrapDim(a.ints[2], x.rank()));
    if (dim1 == dim2) {
      return absl::InvalidArgumentError(
          absl::StrCat("diagonal dimensions cannot be identical ", a.ints[1],
                       ", ", a.ints[2]));
    }
    const int64_t rows = x.shape()[dim1];
    const int64_t columns = x.shape()[dim2];
    const int64_t size =
        std::max<int64_t>(offset >= 0 ? std::min(rows, columns - offset)
                                      : std::min(rows + offset, columns),
                          0);
    Dimensions shape;
    Dimensions strides;
    for (int d = 0; d < x.rank(); ++d) {
      if (d == dim1 || d == dim2) continue;
      shape.push_back(x.shape()[d]);
      strides.push_back(x.strides()[d]);
    }
    shape.push_back(size);
    // An empty tensor may have any strides. One of size 1 is not moved along.
    const bool is_empty = size == 0 || x.num_elements() == 0;
    strides.push_back(
        size <= 1 || is_empty ? 1 : x.strides()[dim1] + x.strides()[dim2]);
    int64_t start = x.storage_offset();
    if (!is_empty) {
      start += offset >= 0 ? offset * x.strides()[dim2]
                           : -offset * x.strides()[dim1];
    }
    return MakeView(x, shape, strides, start);
  }
  static absl::StatusOr<Outputs> Call(absl::Span<const Operand> x,
                                      const Attributes& a) {
    return AsOutputs(Diagonal(x[0], a.ints[0], a.ints[1], a.ints[2]));
  }
  static constexpr absl::string_view kPyTorch =
      "torch.diagonal(a, i[0], i[1], i[2])";
  static constexpr absl::string_view kSamples =
      "f[3,4] i=0,0,1 | f[3,4] i=1,0,1 | f[3,4] i=-2,0,1 | f[3,4] i=9,0,1 | "
      "f[2,3,4] i=0,0,-1 | f[2,3,4] i=1,2,1 | f[3,2]t i=0,0,1 | "
      "f[0,3] i=0,0,1 | f[1,1] i=0,0,1";
};

struct UnfoldPart {
  static constexpr absl::string_view kName = "Unfold";
  static constexpr absl::string_view kSpreadName = "UnfoldBackward";
  static constexpr bool kMayOverlap = true;
  static absl::StatusOr<Tensor> Of(const Tensor& x, const Attributes& a) {
    const int64_t size = a.ints[1];
    const int64_t step = a.ints[2];
    if (x.rank() == 0) {
      return absl::InvalidArgumentError("a tensor of rank 0 has no windows");
    }
    FERRY_ASSIGN_OR_RETURN(const int dim, WrapDim(a.ints[0], x.rank()));
    if (size < 0 || size > x.shape()[dim] || step <= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("windows of ", size, " slices with a step of ", step,
                       " do not fit dimension ", a.ints[0], ", which has ",
                       x.shape()[dim], "; the step must be positive"));
    }
    Dimensions shape(x.shape().begin(), x.shape().end());
    Dimensions strides(x.strides().begin(), x.strides().end());
    shape[dim] = (x.shape()[dim] - size) / step + 1;
    shape.push_back(size);
    strides.push_back(strides[dim]);
    // With two windows or more the product is inside the tensor.
    if (shape[dim] > 1 && x.num_elements() > 0) strides[dim] *= step;
    return MakeView(x, shape, strides, x.storage_offset());
  }
  static absl::StatusOr<Outputs> Call(absl::Span<const Operand> x,
                                      const Attributes& a) {
    return AsOutputs(Unfold(x[0], a.ints[0], a.ints[1], a.ints[2]));
  }
  static constexpr absl::string_view kPyTorch = "a.unfold(i[0], i[1], i[2])";
  static constexpr absl::string_view kSamples =
      "f[7] i=0,3,1 | f[7] i=0,2,3 | f[2,5] i=1,4,1 | f[5,2] i=-2,2,2 | "
      "f[2,3]t i=0,2,1 | f[5]s i=0,5,1 | f[4] i=0,0,1 | f[0,3] i=1,2,1 | "
      "f[9] i=0,2,1";
};

// ------------------------------------------------------------- Several parts

// The gradients of the results, with zeros for those that have none.
absl::StatusOr<std::vector<Tensor>> GradientsOrZeros(const Derivative& d,
                                                     size_t count) {
  std::vector<Tensor> gradients;
  for (size_t i = 0; i < count; ++i) {
    gradients.push_back(d.gradient(i));
    if (!gradients.back().is_null()) continue;
    FERRY_ASSIGN_OR_RETURN(
        gradients.back(),
        Zeros(d.output_shape(i), TensorOptions().dtype(d.output_dtype(i))));
  }
  return gradients;
}

// `ints` is the dimension, `more_ints` the sizes of the parts.
constexpr Op kSplit = {
    "Split",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      const Attributes& attributes = call.attributes();
      if (x.rank() == 0) {
        return absl::InvalidArgumentError("a tensor of rank 0 has no parts");
      }
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(attributes.ints[0], x.rank()));
      int64_t start = 0;
      for (const int64_t size : attributes.more_ints) {
        if (size < 0 || size > x.shape()[dim] - start) {
          start = -1;
          break;
        }
        start += size;
      }
      if (start != x.shape()[dim]) {
        return absl::InvalidArgumentError(
            absl::StrCat("the sizes ", ShapeToString(attributes.more_ints),
                         " do not add up to the ", x.shape()[dim],
                         " slices of dimension ", attributes.ints[0]));
      }
      Outputs parts;
      start = 0;
      for (const int64_t size : attributes.more_ints) {
        FERRY_ASSIGN_OR_RETURN(Tensor part,
                               strided::Narrow(x, dim, start, size));
        parts.Add(std::move(part));
        start += size;
      }
      return parts;
    },
    {},
    [](Derivative& d) -> absl::Status {
      FERRY_ASSIGN_OR_RETURN(
          const std::vector<Tensor> gradients,
          GradientsOrZeros(d, d.attributes().more_ints.size()));
      d.Set(0, Cat(gradients, d.attributes().ints[0]));
      return absl::OkStatus();
    },
    OpKind::kSeveralViews,
    kAnything,
    [](absl::Span<const Operand> x,
       const Attributes& attributes) -> absl::StatusOr<Outputs> {
      FERRY_ASSIGN_OR_RETURN(
          std::vector<Tensor> parts,
          attributes.more_ints.empty()
              ? Split(x[0], attributes.ints[0], attributes.ints[1])
              : SplitWithSizes(x[0], attributes.more_ints, attributes.ints[0]));
      Outputs outputs;
      for (Tensor& part : parts) outputs.Add(std::move(part));
      return outputs;
    },
    "torch.split(a, list(j), i[0]) if j else torch.split(a, i[0], i[1])",
    "f[5] i=2,0 | f[2,5] i=3,-1 | f[3,2]t i=1,0 | f[4] i=9,0 | "
    "f[5,2] i=0 j=1,0,4 | f[0,2] i=1,1 | f[0,2] i=3,0 | f[5]s i=0 j=2,3"};

constexpr Op kChunk = {
    "Chunk",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x,
       const Attributes& attributes) -> absl::StatusOr<Outputs> {
      FERRY_ASSIGN_OR_RETURN(
          std::vector<Tensor> parts,
          Chunk(x[0], attributes.ints[0], attributes.ints[1]));
      Outputs outputs;
      for (Tensor& part : parts) outputs.Add(std::move(part));
      return outputs;
    },
    "torch.chunk(a, i[0], i[1])",
    "f[5] i=2,0 | f[2,5] i=3,-1 | f[3,2]t i=1,0 | f[4] i=9,0 | f[0,2] i=2,1 | "
    "f[0,2] i=3,0 | f[12] i=5,0"};

constexpr Op kUnbind = {
    "Unbind",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      if (x.rank() == 0) {
        return absl::InvalidArgumentError("a tensor of rank 0 has no slices");
      }
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(call.attributes().ints[0], x.rank()));
      FERRY_RETURN_IF_ERROR(CheckPartCount(x.shape()[dim]));
      Outputs slices;
      for (int64_t i = 0; i < x.shape()[dim]; ++i) {
        FERRY_ASSIGN_OR_RETURN(Tensor slice, strided::Select(x, dim, i));
        slices.Add(std::move(slice));
      }
      return slices;
    },
    {},
    [](Derivative& d) -> absl::Status {
      const int64_t dim = d.attributes().ints[0];
      const absl::Span<const int64_t> shape = d.input_shape(0);
      FERRY_ASSIGN_OR_RETURN(const int wrapped,
                             WrapDim(dim, static_cast<int>(shape.size())));
      FERRY_ASSIGN_OR_RETURN(
          const std::vector<Tensor> gradients,
          GradientsOrZeros(d, static_cast<size_t>(shape[wrapped])));
      d.Set(0, Stack(gradients, dim));
      return absl::OkStatus();
    },
    OpKind::kSeveralViews,
    kAnything,
    [](absl::Span<const Operand> x,
       const Attributes& attributes) -> absl::StatusOr<Outputs> {
      FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> slices,
                             Unbind(x[0], attributes.ints[0]));
      Outputs outputs;
      for (Tensor& slice : slices) outputs.Add(std::move(slice));
      return outputs;
    },
    "torch.unbind(a, i[0])",
    "f[3] i=0 | f[2,3] i=1 | f[2,3] i=-1 | f[3,2]t i=0 | f[5]s i=0 | "
    "f[2,0] i=0"};

absl::StatusOr<std::vector<Tensor>> ApplyForSeveral(
    const Op& op, const Operand& x, const Attributes& attributes) {
  const Operand* const operands[] = {&x};
  FERRY_ASSIGN_OR_RETURN(Outputs outputs,
                         ApplyForAll(op, operands, attributes));
  std::vector<Tensor> result;
  result.reserve(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    result.push_back(std::move(outputs[i]));
  }
  return result;
}

const Op* const kOps[] = {&kExpand,
                          &kExpandAs,
                          &kReshape,
                          &kView,
                          &kFlatten,
                          &kSqueeze,
                          &kUnsqueeze,
                          &kTranspose,
                          &kT,
                          &kPermute,
                          &kMoveDim,
                          &kPart<SelectPart>,
                          &kPart<SlicePart>,
                          &kPart<NarrowPart>,
                          &kPart<DiagonalPart>,
                          &kPart<UnfoldPart>,
                          &kSplit,
                          &kChunk,
                          &kUnbind,
                          &AsStridedOp()};

}  // namespace

absl::StatusOr<Tensor> Expand(const Operand& x,
                              absl::Span<const int64_t> shape) {
  return Apply(kExpand, {&x}, IntsOf(shape));
}

absl::StatusOr<Tensor> ExpandAs(const Operand& x, const Operand& other) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("ExpandAs", other));
  return Expand(x, other.tensor().shape());
}

absl::StatusOr<Tensor> Reshape(const Operand& x,
                               absl::Span<const int64_t> shape) {
  return Apply(kReshape, {&x}, IntsOf(shape));
}

absl::StatusOr<Tensor> View(const Operand& x, absl::Span<const int64_t> shape) {
  return Apply(kView, {&x}, IntsOf(shape));
}

absl::StatusOr<Tensor> Flatten(const Operand& x, int64_t start_dim,
                               int64_t end_dim) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Flatten", x));
  const Tensor& tensor = x.tensor();
  FERRY_ASSIGN_OR_RETURN(const int first, WrapDim(start_dim, tensor.rank()));
  FERRY_ASSIGN_OR_RETURN(const int last, WrapDim(end_dim, tensor.rank()));
  if (tensor.rank() == 0) return Reshape(x, {1});
  if (first > last) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Flatten: start_dim ", start_dim, " comes after end_dim ", end_dim,
        " in a tensor of shape ", ShapeToString(tensor.shape())));
  }
  if (first == last) return tensor;
  Dimensions shape;
  for (int d = 0; d < tensor.rank(); ++d) {
    const int64_t size = tensor.shape()[d];
    if (d > first && d <= last) {
      shape.back() *= size;
    } else {
      shape.push_back(size);
    }
  }
  return Reshape(x, shape);
}

absl::StatusOr<Tensor> Squeeze(const Operand& x) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Squeeze", x));
  Dimensions shape;
  for (const int64_t size : x.tensor().shape()) {
    if (size != 1) shape.push_back(size);
  }
  return View(x, shape);
}

absl::StatusOr<Tensor> Squeeze(const Operand& x, int64_t dim) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Squeeze", x));
  const absl::Span<const int64_t> sizes = x.tensor().shape();
  FERRY_ASSIGN_OR_RETURN(const int d, WrapDim(dim, x.tensor().rank()));
  Dimensions shape(sizes.begin(), sizes.end());
  if (!shape.empty() && shape[d] == 1) shape.erase(shape.begin() + d);
  return View(x, shape);
}

absl::StatusOr<Tensor> Unsqueeze(const Operand& x, int64_t dim) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Unsqueeze", x));
  const absl::Span<const int64_t> sizes = x.tensor().shape();
  FERRY_ASSIGN_OR_RETURN(const int d, WrapDim(dim, x.tensor().rank() + 1));
  Dimensions shape(sizes.begin(), sizes.end());
  shape.insert(shape.begin() + d, 1);
  return View(x, shape);
}

absl::StatusOr<Tensor> Transpose(const Operand& x, int64_t dim0, int64_t dim1) {
  return Apply(kTranspose, {&x}, IntsOf({dim0, dim1}));
}

absl::StatusOr<Tensor> T(const Operand& x) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("T", x));
  if (x.tensor().rank() > 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("T: t() expects a tensor with <= 2 dimensions; this one "
                     "has shape ",
                     ShapeToString(x.tensor().shape())));
  }
  if (x.tensor().rank() < 2) return x.tensor();
  return Transpose(x, 0, 1);
}

absl::StatusOr<Tensor> Permute(const Operand& x,
                               absl::Span<const int64_t> dims) {
  return Apply(kPermute, {&x}, IntsOf(dims));
}

absl::StatusOr<Tensor> MoveDim(const Operand& x, int64_t source,
                               int64_t destination) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("MoveDim", x));
  const int rank = x.tensor().rank();
  FERRY_ASSIGN_OR_RETURN(const int from, WrapDim(source, rank));
  FERRY_ASSIGN_OR_RETURN(const int to, WrapDim(destination, rank));
  if (rank == 0) return x.tensor();
  Dimensions dims(static_cast<size_t>(rank));
  std::iota(dims.begin(), dims.end(), 0);
  dims.erase(dims.begin() + from);
  dims.insert(dims.begin() + to, from);
  return Permute(x, dims);
}

absl::StatusOr<Tensor> Select(const Operand& x, int64_t dim, int64_t index) {
  return ApplyPart<SelectPart>(x, IntsOf({dim, index}));
}

absl::StatusOr<Tensor> Slice(const Operand& x, int64_t dim, int64_t start,
                             int64_t stop, int64_t step) {
  return ApplyPart<SlicePart>(x, IntsOf({dim, start, stop, step}));
}

absl::StatusOr<Tensor> Narrow(const Operand& x, int64_t dim, int64_t start,
                              int64_t length) {
  return ApplyPart<NarrowPart>(x, IntsOf({dim, start, length}));
}

absl::StatusOr<Tensor> Diagonal(const Operand& x, int64_t offset, int64_t dim1,
                                int64_t dim2) {
  return ApplyPart<DiagonalPart>(x, IntsOf({offset, dim1, dim2}));
}

absl::StatusOr<Tensor> Unfold(const Operand& x, int64_t dim, int64_t size,
                              int64_t step) {
  return ApplyPart<UnfoldPart>(x, IntsOf({dim, size, step}));
}

absl::StatusOr<std::vector<Tensor>> Split(const Operand& x, int64_t split_size,
                                          int64_t dim) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Split", x));
  const Tensor& tensor = x.tensor();
  FERRY_ASSIGN_OR_RETURN(const int d, WrapDim(dim, tensor.rank()));
  const int64_t size = tensor.rank() == 0 ? 1 : tensor.shape()[d];
  if (split_size < 0 || (split_size == 0 && size != 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Split: a tensor of shape ", ShapeToString(tensor.shape()),
                     " cannot be split into parts of ", split_size,
                     " slices in dimension ", dim));
  }
  if (size > 0) {
    FERRY_RETURN_IF_ERROR(CheckPartCount("Split", (size - 1) / split_size + 1));
  }
  Dimensions sizes;
  for (int64_t rest = size; rest > 0; rest -= sizes.back()) {
    sizes.push_back(std::min(rest, split_size));
  }
  if (sizes.empty()) sizes.push_back(0);
  return SplitWithSizes(x, sizes, dim);
}

absl::StatusOr<std::vector<Tensor>> SplitWithSizes(
    const Operand& x, absl::Span<const int64_t> sizes, int64_t dim) {
  Attributes attributes = IntsOf({dim});
  attributes.more_ints.assign(sizes.begin(), sizes.end());
  return ApplyForSeveral(kSplit, x, attributes);
}

absl::StatusOr<std::vector<Tensor>> Chunk(const Operand& x, int64_t chunks,
                                          int64_t dim) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Chunk", x));
  const Tensor& tensor = x.tensor();
  if (chunks <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Chunk: the number of chunks must be positive; it is ", chunks));
  }
  FERRY_ASSIGN_OR_RETURN(const int d, WrapDim(dim, tensor.rank()));
  const int64_t size = tensor.rank() == 0 ? 1 : tensor.shape()[d];
  if (size == 0) {
    FERRY_RETURN_IF_ERROR(CheckPartCount("Chunk", chunks));
    // As many empty parts as were asked for, as in PyTorch.
    return SplitWithSizes(x, Dimensions(static_cast<size_t>(chunks), 0), dim);
  }
  return Split(x, (size - 1) / chunks + 1, dim);
}

absl::StatusOr<std::vector<Tensor>> Unbind(const Operand& x, int64_t dim) {
  return ApplyForSeveral(kUnbind, x, IntsOf({dim}));
}

absl::Span<const Op* const> ViewOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
