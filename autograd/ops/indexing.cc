// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/indexing.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/indexing.h"
#include "ferry/autograd/kernels/masking.h"
#include "ferry/autograd/kernels/shapes.h"
#include "ferry/autograd/kernels/sorting.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/shapes.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
namespace {

using kernels::IndexedDimension;
using kernels::NegativeIndices;
using kernels::Slices;

constexpr uint32_t kAddable = kFloats | kIntegers | kBools;

// What the gradient uses if the operands from `first` on are indices.
constexpr uint32_t UsesInputsFrom(int first) {
  return 0xFFFF & ~(UsesInput(first) - 1);
}

// ------------------------------------------------------------------- Arguments

// Returns OK if these operands are tensors, in an op that also takes numbers.
absl::Status CheckAreTensors(const Call& call,
                             std::initializer_list<size_t> which) {
  for (const size_t i : which) {
    if (call[i].is_number()) {
      return absl::InvalidArgumentError(
          absl::StrCat("operand ", i, " must be a tensor, not a number"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSameDType(const Tensor& self, const Tensor& source) {
  if (self.dtype() == source.dtype()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the tensor and the source must have one dtype; they have ",
                   Name(self.dtype()), " and ", Name(source.dtype())));
}

// The operand as a tensor of int64.
absl::StatusOr<Tensor> IndexTensor(const Input& index) {
  if (index.is_number()) {
    return absl::InvalidArgumentError("the index must be a tensor");
  }
  switch (index.dtype()) {
    case DType::kInt64:
      return index.tensor();
    case DType::kInt32:
      return strided::Cast(index.tensor(), DType::kInt64);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("the index must be a tensor of int64 or int32; it is ",
                       Name(index.dtype())));
  }
}

bool IsMask(const Tensor& tensor) {
  return tensor.dtype() == DType::kBool || tensor.dtype() == DType::kUInt8;
}

// The operand, a mask, expanded to a shape.
absl::StatusOr<Tensor> MaskTensor(const Input& mask,
                                  absl::Span<const int64_t> shape) {
  if (!IsMask(mask.tensor())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the mask must be a tensor of bool; it is ", Name(mask.dtype())));
  }
  return strided::Expand(mask.tensor(), shape);
}

// The operand, a number or a tensor of rank 0, as a tensor of rank 0 and of
// this dtype.
absl::StatusOr<Tensor> OneElement(const Input& value, DType dtype) {
  if (value.is_number()) {
    return Full({}, value.number(), TensorOptions().dtype(dtype));
  }
  if (value.tensor().rank() != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the value must be a number or a tensor of rank 0; it has shape ",
        ShapeToString(value.shape())));
  }
  return strided::Cast(value.tensor(), dtype);
}

// The same memory as a tensor of rank 1 or more.
absl::StatusOr<Tensor> AtLeast1D(const Tensor& tensor) {
  if (tensor.rank() > 0) return tensor;
  return strided::Reshape(tensor, {1});
}

// `tensor` with dimension `dim` in front.
absl::StatusOr<Tensor> ToFront(const Tensor& tensor, int dim) {
  Dimensions order(tensor.shape().size());
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + dim);
  order.insert(order.begin(), dim);
  return strided::Permute(tensor, order);
}

// The result of an op that changes some elements of its first operand: a copy
// of that operand, or the operand itself if the op is in place.
absl::StatusOr<Tensor> CopyOfFirst(const Call& call) {
  const Tensor& self = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(Tensor out,
                         call.MakeOutput(self.shape(), self.dtype()));
  if (!out.IsSame(self)) {
    CopyStrided(self.data(), self.strides(), out.data(), out.strides(),
                self.shape(), ElementSizeBytes(self.dtype()));
  }
  return out;
}

// `source`, or a copy of it if it shares memory with what is written.
absl::StatusOr<Tensor> Unshared(const Tensor& source, const Tensor& out) {
  if (source.storage() == out.storage()) return strided::Clone(source);
  return source;
}

absl::StatusOr<Tensor> ZerosOf(absl::Span<const int64_t> shape, DType dtype) {
  return Zeros(shape, TensorOptions().dtype(dtype));
}

// ------------------------------------------------- IndexSelect and IndexAdd

// The slices of `x` at the indices of one dimension.
absl::StatusOr<Slices> SlicesOfDim(const Tensor& x, int dim,
                                   const Input& index) {
  FERRY_ASSIGN_OR_RETURN(Tensor indices, IndexTensor(index));
  if (indices.rank() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the index is supposed to be a vector; it has shape ",
                     ShapeToString(indices.shape())));
  }
  FERRY_ASSIGN_OR_RETURN(indices, AtLeast1D(indices));
  return kernels::SlicesAt(x, {IndexedDimension{dim, indices}},
                           NegativeIndices::kAreErrors);
}

absl::StatusOr<Outputs> IndexSelectForward(const Call& call) {
  const Tensor& x = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(const int dim,
                         WrapDim(call.attributes().ints[0], x.rank()));
  FERRY_ASSIGN_OR_RETURN(const Tensor from, AtLeast1D(x));
  FERRY_ASSIGN_OR_RETURN(const Slices slices, SlicesOfDim(from, dim, call[1]));
  Dimensions shape(x.shape().begin(), x.shape().end());
  if (!shape.empty()) {
    shape[dim] = slices.count();
  } else if (slices.count() != 1) {
    return absl::InvalidArgumentError(
        "the index of a tensor of rank 0 must have one element");
  }
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, x.dtype()));
  FERRY_ASSIGN_OR_RETURN(Tensor to, AtLeast1D(out));
  FERRY_ASSIGN_OR_RETURN(to, ToFront(to, dim));
  FERRY_RETURN_IF_ERROR(kernels::CopySlices(slices, to));
  return out;
}

// Adds `source` to the slices of `out`.
absl::Status AddToDim(const Tensor& source, int dim, const Input& index,
                      const Tensor& out) {
  FERRY_ASSIGN_OR_RETURN(const Tensor to, AtLeast1D(out));
  FERRY_ASSIGN_OR_RETURN(const Slices slices, SlicesOfDim(to, dim, index));
  FERRY_ASSIGN_OR_RETURN(Tensor from, AtLeast1D(source));
  Dimensions expected(to.shape().begin(), to.shape().end());
  expected[dim] = slices.count();
  if (from.shape() != absl::MakeConstSpan(expected)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the source has shape ", ShapeToString(source.shape()),
                     "; for ", slices.count(), " indices in dimension ", dim,
                     " it should be ", ShapeToString(expected)));
  }
  FERRY_ASSIGN_OR_RETURN(from, ToFront(from, dim));
  return kernels::AddToSlices(from, slices);
}

absl::StatusOr<Tensor> IndexSelectBackward(const Operand& gradient,
                                           const Operand& index, int64_t dim,
                                           absl::Span<const int64_t> shape);

constexpr Op kIndexSelect = {
    "IndexSelect",
    IndexSelectForward,
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, IndexSelectBackward(d.gradient(), d.input(1),
                                   d.attributes().ints[0], d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(IndexSelect(x[0], attributes.ints[0], x[1]));
    },
    "torch.index_select(a, i[0], b)",
    "f[5,3] i5[4] i=0 | f[2,5] i5[3] i=-1 | f[2,5]t i5[6] i=0 | f[5]s i5[2] "
    "i=0 | f[5] i5[] i=0 | f[5,2] i5[0] i=0 | f[] i1[1] i=0 | f[5,0] i5[2] "
    "i=0 | f[2,5]x i5[3] i=1"};

// `more_ints` is the shape of the result.
constexpr Op kIndexSelectBackward = {
    "IndexSelectBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& gradient = call[0].tensor();
      const Attributes& attributes = call.attributes();
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             ZerosOf(attributes.more_ints, gradient.dtype()));
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(attributes.ints[0], out.rank()));
      FERRY_RETURN_IF_ERROR(AddToDim(gradient, dim, call[1], out));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, IndexSelect(d.gradient(), d.attributes().ints[0], d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> IndexSelectBackward(const Operand& gradient,
                                           const Operand& index, int64_t dim,
                                           absl::Span<const int64_t> shape) {
  return Apply(kIndexSelectBackward, {&gradient, &index}, IntsOf({dim}, shape));
}

constexpr Op kIndexAdd = {
    "IndexAdd",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      FERRY_RETURN_IF_ERROR(CheckSameDType(call[0].tensor(), call[2].tensor()));
      FERRY_ASSIGN_OR_RETURN(Tensor out, CopyOfFirst(call));
      FERRY_ASSIGN_OR_RETURN(const Tensor source,
                             Unshared(call[2].tensor(), out));
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(call.attributes().ints[0], out.rank()));
      FERRY_RETURN_IF_ERROR(AddToDim(source, dim, call[1], out));
      return out;
    },
    {0, 0, UsesInput(1), 0},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(2)) {
        d.Set(2, IndexSelect(d.gradient(), d.attributes().ints[0], d.input(1)));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAddable,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(IndexAdd(x[0], attributes.ints[0], x[1], x[2]));
    },
    "torch.index_add(a, i[0], b, c)",
    "f[5,3] i5[4] f[4,3] i=0 | f[2,5] i5[3] f[2,3] i=1 | f[2,5]t i5[6] "
    "f[6,2] i=0 | f[5]s i5[2] f[2]s i=0 | f[5,2] i5[0] f[0,2] i=0 | f[5] "
    "i5[7] f[7] i=-1"};

// ------------------------------------------------------- Index and IndexPut

// What an index of several dimensions means for a tensor.
struct IndexPlan {
  Slices slices;
  Dimensions shape;  // of the result
  Dimensions order;  // of the result's dimensions: those of the indices first
};

// `indices` are for the dimensions `dims`, which ascend.
absl::StatusOr<IndexPlan> PlanIndex(const Tensor& x,
                                    absl::Span<const Input> indices,
                                    absl::Span<const int64_t> dims) {
  Dimensions index_shape;
  std::vector<IndexedDimension> indexed;
  for (size_t i = 0; i < indices.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(Tensor index, IndexTensor(indices[i]));
    const absl::StatusOr<Dimensions> broadcast =
        BroadcastShape(index_shape, index.shape());
    if (!broadcast.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "shape mismatch: indexing tensors could not be broadcast together "
          "with shapes ",
          ShapeToString(index_shape), ", ", ShapeToString(index.shape())));
    }
    index_shape = *broadcast;
    indexed.push_back({static_cast<int>(dims[i]), std::move(index)});
  }
  for (IndexedDimension& at : indexed) {
    FERRY_ASSIGN_OR_RETURN(at.index, strided::Expand(at.index, index_shape));
  }
  FERRY_ASSIGN_OR_RETURN(
      Slices slices,
      kernels::SlicesAt(x, indexed, NegativeIndices::kCountFromEnd));
  const bool are_neighbours =
      !dims.empty() &&
      dims.back() - dims.front() == static_cast<int64_t>(dims.size()) - 1;
  const size_t before = are_neighbours ? static_cast<size_t>(dims.front()) : 0;
  IndexPlan plan = {std::move(slices), {}, {}};
  plan.shape = plan.slices.shape();
  plan.shape.insert(plan.shape.begin() + static_cast<ptrdiff_t>(before),
                    index_shape.begin(), index_shape.end());
  for (size_t i = 0; i < index_shape.size(); ++i) {
    plan.order.push_back(static_cast<int64_t>(before + i));
  }
  for (size_t i = 0; i < plan.shape.size(); ++i) {
    if (i < before || i >= before + index_shape.size()) {
      plan.order.push_back(static_cast<int64_t>(i));
    }
  }
  FERRY_RETURN_IF_ERROR(NumElements(plan.shape).status());
  return plan;
}

absl::StatusOr<Outputs> IndexForward(const Call& call) {
  const Tensor& x = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(
      const IndexPlan plan,
      PlanIndex(x, call.inputs().subspan(1), call.attributes().ints));
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(plan.shape, x.dtype()));
  FERRY_ASSIGN_OR_RETURN(const Tensor to, strided::Permute(out, plan.order));
  FERRY_RETURN_IF_ERROR(kernels::CopySlices(plan.slices, to));
  return out;
}

// Writes or adds values to the elements of `out` that indices choose.
absl::Status PutInto(const Tensor& out, const Input& values,
                     absl::Span<const Input> indices,
                     absl::Span<const int64_t> dims, bool accumulate) {
  FERRY_ASSIGN_OR_RETURN(const IndexPlan plan, PlanIndex(out, indices, dims));
  Tensor source;
  if (values.shape().empty()) {
    FERRY_ASSIGN_OR_RETURN(source, OneElement(values, out.dtype()));
  } else {
    FERRY_RETURN_IF_ERROR(CheckSameDType(out, values.tensor()));
    FERRY_ASSIGN_OR_RETURN(source, Unshared(values.tensor(), out));
  }
  const absl::StatusOr<Tensor> expanded = strided::Expand(source, plan.shape);
  if (!expanded.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shape mismatch: value tensor of shape ", ShapeToString(source.shape()),
        " cannot be broadcast to indexing result of shape ",
        ShapeToString(plan.shape)));
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor from,
                         strided::Permute(*expanded, plan.order));
  return accumulate ? kernels::AddToSlices(from, plan.slices)
                    : kernels::CopyToSlices(from, plan.slices);
}

template <bool kAccumulate>
absl::StatusOr<Outputs> IndexPutForward(const Call& call) {
  FERRY_RETURN_IF_ERROR(CheckAreTensors(call, {0}));
  FERRY_ASSIGN_OR_RETURN(Tensor out, CopyOfFirst(call));
  FERRY_RETURN_IF_ERROR(PutInto(out, call[1], call.inputs().subspan(2),
                                call.attributes().ints, kAccumulate));
  return out;
}

// The operands of a recorded call from `first` on, as operands of another.
class SavedIndices {
 public:
  SavedIndices(Derivative& d, size_t first) {
    for (size_t i = first; i < d.size(); ++i) operands_.push_back(d.input(i));
  }
  // `others`, followed by these.
  std::vector<const Operand*> After(
      std::initializer_list<const Operand*> others) const {
    std::vector<const Operand*> all(others);
    for (const Operand& operand : operands_) all.push_back(&operand);
    return all;
  }

 private:
  std::vector<Operand> operands_;
};

absl::StatusOr<Tensor> IndexBackward(const Operand& gradient,
                                     const SavedIndices& indices,
                                     absl::Span<const int64_t> dims,
                                     absl::Span<const int64_t> shape);
absl::StatusOr<Tensor> IndexAgain(const Operand& x, const SavedIndices& indices,
                                  absl::Span<const int64_t> dims);
absl::StatusOr<Tensor> ClearAt(const Operand& x, const SavedIndices& indices,
                               absl::Span<const int64_t> dims);

// `ints` are the dimensions that have an index.
constexpr Op kIndex = {
    "Index",
    IndexForward,
    {UsesInputsFrom(1), 0, 0, 0},
    [](Derivative& d) {
      d.Set(0, IndexBackward(d.gradient(), SavedIndices(d, 1),
                             d.attributes().ints, d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      std::vector<Tensor> indices;
      for (const Operand& index : x.subspan(1)) {
        indices.push_back(index.tensor());
      }
      return AsOutputs(Index(x[0], indices));
    },
    "a[tuple(tensors[1:])]",
    "f[5,3] i5[4] | f[5,4] i5[2] i4[2] | f[5,4] i5[3,1] i4[2] | f[5,4,2] "
    "i5[2,2] | f[2,5]t i5[3] | f[5]s i5[4] | f[2,3] b[2,3] | f[4,3] b[4] | "
    "f[5,3] i5[0] | f[5,3] i5[] | f[2,3]t b[3,2]"};

// `more_ints` is the shape of the result.
constexpr Op kIndexBackward = {
    "IndexBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Attributes& attributes = call.attributes();
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             ZerosOf(attributes.more_ints, call[0].dtype()));
      FERRY_RETURN_IF_ERROR(PutInto(out, call[0], call.inputs().subspan(1),
                                    attributes.ints, /*accumulate=*/true));
      return out;
    },
    {UsesInputsFrom(1), 0, 0, 0},
    [](Derivative& d) {
      d.Set(0,
            IndexAgain(d.gradient(), SavedIndices(d, 1), d.attributes().ints));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

constexpr Op kIndexPut = {"IndexPut",
                          IndexPutForward<false>,
                          {UsesInputsFrom(2), UsesInputsFrom(2), 0, 0},
                          [](Derivative& d) {
                            const SavedIndices indices(d, 2);
                            const Dimensions& dims = d.attributes().ints;
                            if (d.Needs(0))
                              d.Set(0, ClearAt(d.gradient(), indices, dims));
                            if (d.Needs(1))
                              d.Set(1, IndexAgain(d.gradient(), indices, dims));
                            return absl::OkStatus();
                          },
                          OpKind::kOrdinary,
                          kAnything | kNumbers,
                          [](absl::Span<const Operand> x, const Attributes&) {
                            std::vector<Tensor> indices;
                            for (const Operand& index : x.subspan(2)) {
                              indices.push_back(index.tensor());
                            }
                            return AsOutputs(IndexPut(x[0], indices, x[1]));
                          },
                          "torch.index_put(a, tuple(tensors[2:]), b)",
                          "f[5,3] f[3] i5[1] | f[5,3] f[3] i5[] | f[5,4] "
                          "f[1] i5[1] i4[1] | f[2,3] f[] b[2,3] | f[2,5]t "
                          "f[2] i5[1] | f[5]s f[1] i5[1] | f[5,3] f[0,3] "
                          "i5[0] | f[5,3] f[3] b[5]"};

constexpr Op kIndexAccumulate = {
    "IndexPut",
    IndexPutForward<true>,
    {0, UsesInputsFrom(2), 0, 0},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(1)) {
        d.Set(1, IndexAgain(d.gradient(), SavedIndices(d, 2),
                            d.attributes().ints));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAddable | kNumbers,
    [](absl::Span<const Operand> x, const Attributes&) {
      std::vector<Tensor> indices;
      for (const Operand& index : x.subspan(2)) {
        indices.push_back(index.tensor());
      }
      return AsOutputs(IndexPut(x[0], indices, x[1], /*accumulate=*/true));
    },
    "torch.index_put(a, tuple(tensors[2:]), b, accumulate=True)",
    "f[5,3] f[4,3] i5[4] | f[5,4] f[2] i5[2] i4[2] | f[5,4] f[3,2] i5[3,1] "
    "i4[2] | f[2,3] f[] b[2,3] | f[2,5]t f[2] i5[6] | f[5]s f[8] i5[8] | "
    "f[5,3] f[0,3] i5[0]"};

absl::StatusOr<Tensor> IndexBackward(const Operand& gradient,
                                     const SavedIndices& indices,
                                     absl::Span<const int64_t> dims,
                                     absl::Span<const int64_t> shape) {
  return Apply(kIndexBackward, indices.After({&gradient}), IntsOf(dims, shape));
}

absl::StatusOr<Tensor> IndexAgain(const Operand& x, const SavedIndices& indices,
                                  absl::Span<const int64_t> dims) {
  return Apply(kIndex, indices.After({&x}), IntsOf(dims));
}

absl::StatusOr<Tensor> ClearAt(const Operand& x, const SavedIndices& indices,
                               absl::Span<const int64_t> dims) {
  const Operand zero(0.0);
  return Apply(kIndexPut, indices.After({&x, &zero}), IntsOf(dims));
}

// The index tensors of a public call, with masks turned into indices.
struct IndexArguments {
  std::vector<Tensor> tensors;
  Dimensions dims;
};

absl::StatusOr<IndexArguments> ReadIndices(absl::string_view op,
                                           const Operand& x,
                                           absl::Span<const Tensor> indices) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor(op, x));
  const absl::Span<const int64_t> shape = x.tensor().shape();
  const auto error = [&](absl::string_view message) {
    return absl::InvalidArgumentError(
        absl::StrCat(op, "(", Name(x.tensor().dtype()), " ",
                     ShapeToString(shape), "): ", message));
  };
  IndexArguments arguments;
  size_t dim = 0;
  for (size_t i = 0; i < indices.size(); ++i) {
    const Tensor& index = indices[i];
    if (index.is_null()) {
      ++dim;
      continue;
    }
    if (!IsMask(index)) {
      arguments.tensors.push_back(index);
      arguments.dims.push_back(static_cast<int64_t>(dim++));
      continue;
    }
    FERRY_RETURN_IF_ERROR(CheckOnHost(index));
    const auto rank = static_cast<size_t>(index.rank());
    if (rank == 0) return error("a mask of rank 0 is not supported");
    if (dim + rank <= shape.size() &&
        index.shape() != shape.subspan(dim, rank)) {
      return error(absl::StrCat("the shape of the mask ",
                                ShapeToString(index.shape()), " at index ", i,
                                " does not match the shape of the indexed "
                                "tensor at dimension ",
                                dim));
    }
    FERRY_ASSIGN_OR_RETURN(const Tensor chosen, kernels::NonZero(index));
    for (size_t column = 0; column < rank; ++column) {
      FERRY_ASSIGN_OR_RETURN(
          Tensor of_dim,
          strided::Select(chosen, 1, static_cast<int64_t>(column)));
      arguments.tensors.push_back(std::move(of_dim));
      arguments.dims.push_back(static_cast<int64_t>(dim++));
    }
  }
  if (dim > shape.size()) {
    return error(absl::StrCat("too many indices for tensor of dimension ",
                              shape.size()));
  }
  // A node saves 16 operands.
  constexpr size_t kMaxIndices = 14;
  if (arguments.tensors.size() > kMaxIndices) {
    return error(absl::StrCat("more than ", kMaxIndices,
                              " index tensors are not supported"));
  }
  return arguments;
}

// Calls `body` with the operands: `others`, followed by the indices.
template <typename Body>
absl::StatusOr<Tensor> WithIndices(const IndexArguments& arguments,
                                   std::initializer_list<const Operand*> others,
                                   Body body) {
  const std::vector<Operand> indices(arguments.tensors.begin(),
                                     arguments.tensors.end());
  std::vector<const Operand*> operands(others);
  for (const Operand& index : indices) operands.push_back(&index);
  return body(absl::MakeConstSpan(operands));
}

// ----------------------------------------------------------- Take, Embedding

absl::StatusOr<Tensor> TakeBackward(const Operand& gradient,
                                    const Operand& index,
                                    absl::Span<const int64_t> shape);

constexpr Op kTake = {
    "Take",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(const Tensor index, IndexTensor(call[1]));
      FERRY_ASSIGN_OR_RETURN(
          const Slices elements,
          kernels::ElementsAt(x, index, NegativeIndices::kCountFromEnd));
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(index.shape(), x.dtype()));
      FERRY_RETURN_IF_ERROR(kernels::CopySlices(elements, out));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, TakeBackward(d.gradient(), d.input(1), d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Take(x[0], x[1]));
    },
    "torch.take(a, b)",
    "f[3,4] i12[5] | f[2,3]t i6[2,2] | f[5]s i5[3] | f[] i1[2] | f[3,4] "
    "i12[] | f[3] i3[0]"};

constexpr Op kTakeBackward = {
    "TakeBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      FERRY_ASSIGN_OR_RETURN(const Tensor index, IndexTensor(call[1]));
      FERRY_ASSIGN_OR_RETURN(
          Tensor out, ZerosOf(call.attributes().more_ints, call[0].dtype()));
      FERRY_ASSIGN_OR_RETURN(
          const Slices elements,
          kernels::ElementsAt(out, index, NegativeIndices::kCountFromEnd));
      FERRY_RETURN_IF_ERROR(kernels::AddToSlices(call[0].tensor(), elements));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, Take(d.gradient(), d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> TakeBackward(const Operand& gradient,
                                    const Operand& index,
                                    absl::Span<const int64_t> shape) {
  return Apply(kTakeBackward, {&gradient, &index}, IntsOf({}, shape));
}

absl::StatusOr<Tensor> EmbeddingBackward(const Operand& gradient,
                                         const Operand& index,
                                         absl::Span<const int64_t> padding,
                                         absl::Span<const int64_t> shape);

// `ints` is the index of the padding, or empty.
constexpr Op kEmbedding = {
    "Embedding",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& weight = call[0].tensor();
      if (weight.rank() != 2) {
        return absl::InvalidArgumentError("the weight must be 2-D");
      }
      for (const int64_t padding : call.attributes().ints) {
        if (padding < 0 || padding >= weight.shape()[0]) {
          return absl::OutOfRangeError(
              absl::StrCat("the padding index must be within the ",
                           weight.shape()[0], " rows"));
        }
      }
      FERRY_ASSIGN_OR_RETURN(const Tensor index, IndexTensor(call[1]));
      FERRY_ASSIGN_OR_RETURN(
          const Slices rows,
          kernels::SlicesAt(weight, {IndexedDimension{0, index}},
                            NegativeIndices::kAreErrors));
      Dimensions shape(index.shape().begin(), index.shape().end());
      shape.push_back(weight.shape()[1]);
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(shape, weight.dtype()));
      FERRY_RETURN_IF_ERROR(kernels::CopySlices(rows, out));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, EmbeddingBackward(d.gradient(), d.input(1), d.attributes().ints,
                                 d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(attributes.ints.empty()
                           ? Embedding(x[0], x[1])
                           : Embedding(x[0], x[1], attributes.ints[0]));
    },
    "torch.nn.functional.embedding(b, a, i[0] if i else None)",
    "f[5,3] i5[2,4] | f[5,3] i5[6] i=1 | f[5,3] i5[4] i=-1 | f[2,5]t i5[3] | "
    "f[5,3] i5[] | f[5,3] i5[0]"};

constexpr Op kEmbeddingBackward = {
    "EmbeddingBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Attributes& attributes = call.attributes();
      FERRY_ASSIGN_OR_RETURN(const Tensor index, IndexTensor(call[1]));
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             ZerosOf(attributes.more_ints, call[0].dtype()));
      FERRY_ASSIGN_OR_RETURN(
          const Slices rows,
          kernels::SlicesAt(out, {IndexedDimension{0, index}},
                            NegativeIndices::kAreErrors));
      FERRY_RETURN_IF_ERROR(kernels::AddToSlices(call[0].tensor(), rows));
      for (const int64_t padding : attributes.ints) {
        FERRY_ASSIGN_OR_RETURN(const Tensor row,
                               strided::Select(out, 0, padding));
        const char zero[16] = {};
        kernels::Fill(zero, row);
      }
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) -> absl::Status {
      const Dimensions& padding = d.attributes().ints;
      if (padding.empty()) {
        d.Set(0, Embedding(d.gradient(), d.input(1)));
        return absl::OkStatus();
      }
      FERRY_ASSIGN_OR_RETURN(const Tensor row, Full({1}, padding[0]));
      d.Set(0, Embedding(IndexPut(d.gradient(), {row}, 0.0), d.input(1),
                         padding[0]));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> EmbeddingBackward(const Operand& gradient,
                                         const Operand& index,
                                         absl::Span<const int64_t> padding,
                                         absl::Span<const int64_t> shape) {
  return Apply(kEmbeddingBackward, {&gradient, &index}, IntsOf(padding, shape));
}

// --------------------------------------------------------- Gather and Scatter

// Returns OK if `index` is not larger than `of`, except perhaps in `dim`. An
// index without elements fits everything.
absl::Status CheckIndexShape(const Tensor& index, const Tensor& of,
                             absl::string_view what, int dim) {
  if (index.num_elements() == 0) return absl::OkStatus();
  bool fits = index.rank() == of.rank();
  for (int d = 0; fits && d < of.rank(); ++d) {
    fits = d == dim || index.shape()[d] <= of.shape()[d];
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the index has shape ", ShapeToString(index.shape()),
      ", which does not fit ", what, ", of shape ", ShapeToString(of.shape()),
      dim < 0 ? "" : absl::StrCat(", in dimensions other than ", dim)));
}

absl::StatusOr<Tensor> GatherBackward(const Operand& gradient,
                                      const Operand& index, int64_t dim,
                                      absl::Span<const int64_t> shape);

constexpr Op kGather = {
    "Gather",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(call.attributes().ints[0], x.rank()));
      FERRY_ASSIGN_OR_RETURN(Tensor index, IndexTensor(call[1]));
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(index.shape(), x.dtype()));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, AtLeast1D(x));
      FERRY_ASSIGN_OR_RETURN(index, AtLeast1D(index));
      FERRY_ASSIGN_OR_RETURN(const Tensor to, AtLeast1D(out));
      FERRY_RETURN_IF_ERROR(CheckIndexShape(index, from, "the tensor", dim));
      if (index.num_elements() == 0) return out;
      FERRY_RETURN_IF_ERROR(kernels::Gather(from, dim, index, to));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, GatherBackward(d.gradient(), d.input(1), d.attributes().ints[0],
                              d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Gather(x[0], attributes.ints[0], x[1]));
    },
    "torch.gather(a, i[0], b)",
    "f[5,3] i5[4,3] i=0 | f[3,5] i5[2,4] i=1 | f[2,5]t i5[3,2] i=0 | f[5]s "
    "i5[7] i=-1 | f[] i1[] i=0 | f[2,5,3] i5[2,4,2] i=1 | f[5,3] i5[0,3] i=0 "
    "| f[5,3] i5[3,4]t i=0 | f[] i1[3] i=0 | f[5] i5[] i=0"};

enum class ScatterKind { kWrite, kAdd };

// Scatters `source` to `out`.
absl::Status ScatterInto(const Tensor& out, int64_t unwrapped,
                         const Input& index_input, const Tensor& source,
                         ScatterKind kind) {
  FERRY_ASSIGN_OR_RETURN(const int dim, WrapDim(unwrapped, out.rank()));
  FERRY_ASSIGN_OR_RETURN(Tensor index, IndexTensor(index_input));
  FERRY_ASSIGN_OR_RETURN(index, AtLeast1D(index));
  FERRY_ASSIGN_OR_RETURN(const Tensor from, AtLeast1D(source));
  FERRY_ASSIGN_OR_RETURN(const Tensor to, AtLeast1D(out));
  FERRY_RETURN_IF_ERROR(CheckIndexShape(index, to, "the tensor", dim));
  FERRY_RETURN_IF_ERROR(CheckIndexShape(index, from, "the source", -1));
  if (index.num_elements() == 0) return absl::OkStatus();
  return kind == ScatterKind::kAdd ? kernels::ScatterAdd(from, dim, index, to)
                                   : kernels::Scatter(from, dim, index, to);
}

template <ScatterKind kKind>
absl::StatusOr<Outputs> ScatterForward(const Call& call) {
  FERRY_RETURN_IF_ERROR(CheckAreTensors(call, {0, 1}));
  const Input& source = call[2];
  FERRY_ASSIGN_OR_RETURN(Tensor out, CopyOfFirst(call));
  Tensor from;
  if (source.is_number()) {
    FERRY_ASSIGN_OR_RETURN(from, OneElement(source, out.dtype()));
    FERRY_ASSIGN_OR_RETURN(from, strided::Expand(from, call[1].shape()));
  } else {
    FERRY_RETURN_IF_ERROR(CheckSameDType(out, source.tensor()));
    FERRY_ASSIGN_OR_RETURN(from, Unshared(source.tensor(), out));
  }
  FERRY_RETURN_IF_ERROR(
      ScatterInto(out, call.attributes().ints[0], call[1], from, kKind));
  return out;
}

constexpr Op kGatherBackward = {
    "GatherBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Attributes& attributes = call.attributes();
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             ZerosOf(attributes.more_ints, call[0].dtype()));
      FERRY_RETURN_IF_ERROR(ScatterInto(out, attributes.ints[0], call[1],
                                        call[0].tensor(), ScatterKind::kAdd));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, Gather(d.gradient(), d.attributes().ints[0], d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> GatherBackward(const Operand& gradient,
                                      const Operand& index, int64_t dim,
                                      absl::Span<const int64_t> shape) {
  return Apply(kGatherBackward, {&gradient, &index}, IntsOf({dim}, shape));
}

// The gradient of the source of a scatter: of zeros where the index does not
// reach.
absl::StatusOr<Tensor> SourceGradient(const Derivative& d,
                                      const Operand& index) {
  FERRY_RETURN_IF_ERROR(index.status());
  const absl::Span<const int64_t> shape = d.input_shape(2);
  const absl::Span<const int64_t> index_shape = index.tensor().shape();
  if (index.tensor().num_elements() == 0) {
    return ZerosOf(shape, d.input_dtype(2));
  }
  absl::StatusOr<Tensor> gradient =
      Gather(d.gradient(), d.attributes().ints[0], index);
  if (index_shape == shape) return gradient;
  // Either one may have rank 0, which counts as rank 1.
  if (shape.empty()) return Reshape(gradient, shape);
  if (index_shape.empty()) gradient = Reshape(gradient, {1});
  Dimensions pads;
  for (size_t i = shape.size(); i-- > 0;) {
    pads.push_back(0);
    pads.push_back(shape[i] - (index_shape.empty() ? 1 : index_shape[i]));
  }
  return Pad(gradient, pads);
}

constexpr Op kScatter = {
    "Scatter",
    ScatterForward<ScatterKind::kWrite>,
    {UsesInput(1), 0, UsesInput(1), 0},
    [](Derivative& d) {
      const Operand index = d.input(1);
      if (d.Needs(0)) {
        d.Set(0, Scatter(d.gradient(), d.attributes().ints[0], index, 0.0));
      }
      if (d.Needs(2)) d.Set(2, SourceGradient(d, index));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything | kNumbers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Scatter(x[0], attributes.ints[0], x[1], x[2]));
    },
    "torch.scatter(a, i[0], b, c)",
    "f[5,3] i5[1,3] f[1,3] i=0 | f[3,5] i5[3,1] f[3,1] i=1 | f[5,3] i5[4,3] "
    "n=2 i=0 | f[2,5]t i5[1,2] f[1,2] i=0 | f[5]s i5[1] f[1] i=0 | f[] i1[] "
    "f[] i=0 | f[5,3] i5[0,3] f[0,3] i=0"};

constexpr Op kScatterAdd = {
    "ScatterAdd",
    ScatterForward<ScatterKind::kAdd>,
    {0, 0, UsesInput(1), 0},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(2)) d.Set(2, SourceGradient(d, d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAddable,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(ScatterAdd(x[0], attributes.ints[0], x[1], x[2]));
    },
    "torch.scatter_add(a, i[0], b, c)",
    "f[5,3] i5[4,3] f[4,3] i=0 | f[3,5] i5[3,4] f[3,4] i=1 | f[2,5]t i5[3,2] "
    "f[3,2] i=0 | f[5]s i5[7] f[7] i=0 | f[] i1[] f[] i=0 | f[5,3] i5[0,3] "
    "f[0,3] i=0 | f[2,5,3] i5[2,4,3] f[2,4,3] i=-2"};

// -------------------------------------------------------------------- Masks

constexpr Op kMaskedFill = {
    "MaskedFill",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      FERRY_RETURN_IF_ERROR(CheckAreTensors(call, {0, 1}));
      const Tensor& self = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(const Dimensions shape,
                             BroadcastShape(self.shape(), call[1].shape()));
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Expand(self, shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor value,
                             OneElement(call[2], self.dtype()));
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, self.dtype()));
      kernels::MaskedFill(from, mask, value.data(), out);
      return out;
    },
    {UsesInput(1), 0, UsesInput(1), 0},
    [](Derivative& d) {
      const Operand mask = d.input(1);
      if (d.Needs(0)) d.Set(0, MaskedFill(d.gradient(), mask, 0.0));
      if (d.Needs(2)) d.Set(2, Sum(MaskedSelect(d.gradient(), mask)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything | kNumbers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(MaskedFill(x[0], x[1], x[2]));
    },
    "torch.masked_fill(a, b, c)",
    "f[2,3] b[2,3] n=0 | f[2,3] b[3] n=2 | f[3] b[2,3] n=1 | f[2,3]t b[3,2] "
    "f[] | f[5]s b[5] n=1 | f[0,3] b[3] n=1 | f[] b[] n=7 | f[2,3] b[2,1] "
    "f[]"};

absl::StatusOr<Tensor> MaskedSelectBackward(const Operand& gradient,
                                            const Operand& mask,
                                            absl::Span<const int64_t> shape);

constexpr Op kMaskedSelect = {
    "MaskedSelect",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(const Dimensions shape,
                             BroadcastShape(x.shape(), call[1].shape()));
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Expand(x, shape));
      return AsOutputs(kernels::MaskedSelect(from, mask));
    },
    {UsesInput(1)},
    [](Derivative& d) -> absl::Status {
      const Operand mask = d.input(1);
      FERRY_RETURN_IF_ERROR(mask.status());
      FERRY_ASSIGN_OR_RETURN(
          const Dimensions shape,
          BroadcastShape(d.input_shape(0), mask.tensor().shape()));
      d.Set(0, MaskedSelectBackward(d.gradient(), mask, shape));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(MaskedSelect(x[0], x[1]));
    },
    "torch.masked_select(a, b)",
    "f[2,3] b[2,3] | f[2,3] b[3] | f[3] b[2,3] | f[2,3]t b[3,2] | f[5]s b[5] "
    "| f[0,3] b[3] | f[] b[] | f[2,3,4] b[3,1]"};

constexpr Op kMaskedSelectBackward = {
    "MaskedSelectBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Dimensions& shape = call.attributes().more_ints;
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor zero, ZerosOf({}, call[0].dtype()));
      FERRY_ASSIGN_OR_RETURN(const Tensor zeros, strided::Expand(zero, shape));
      return AsOutputs(kernels::MaskedScatter(zeros, mask, call[0].tensor()));
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, MaskedSelect(d.gradient(), d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> MaskedSelectBackward(const Operand& gradient,
                                            const Operand& mask,
                                            absl::Span<const int64_t> shape) {
  return Apply(kMaskedSelectBackward, {&gradient, &mask}, IntsOf({}, shape));
}

constexpr Op kMaskedScatter = {
    "MaskedScatter",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& self = call[0].tensor();
      FERRY_RETURN_IF_ERROR(CheckSameDType(self, call[2].tensor()));
      FERRY_ASSIGN_OR_RETURN(const Dimensions shape,
                             BroadcastShape(self.shape(), call[1].shape()));
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Expand(self, shape));
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, self.dtype()));
      FERRY_ASSIGN_OR_RETURN(
          Tensor result, kernels::MaskedScatter(from, mask, call[2].tensor()));
      if (!out.IsSame(self)) return result;
      CopyStrided(result.data(), result.strides(), out.data(), out.strides(),
                  shape, ElementSizeBytes(self.dtype()));
      return out;
    },
    {UsesInput(1), 0, UsesInput(1), 0},
    [](Derivative& d) -> absl::Status {
      const Operand mask = d.input(1);
      if (d.Needs(0)) d.Set(0, MaskedFill(d.gradient(), mask, 0.0));
      if (!d.Needs(2)) return absl::OkStatus();
      const absl::Span<const int64_t> shape = d.input_shape(2);
      FERRY_ASSIGN_OR_RETURN(const int64_t count, NumElements(shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor chosen,
                             MaskedSelect(d.gradient(), mask));
      d.Set(2, Reshape(Pad(chosen, {0, count - chosen.num_elements()}), shape));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(MaskedScatter(x[0], x[1], x[2]));
    },
    "torch.masked_scatter(a, b, c)",
    "f[2,3] b[2,3] f[6] | f[2,3] b[3] f[2,3] | f[2,3]t b[3,2] f[2,3]t | "
    "f[5]s b[5] f[7] | f[0,3] b[3] f[0] | f[] b[] f[1] | f[3] b[2,3] f[6]"};

constexpr Op kNonZero = {"NonZero",
                         [](const Call& call) -> absl::StatusOr<Outputs> {
                           FERRY_ASSIGN_OR_RETURN(
                               const Tensor mask,
                               strided::Cast(call[0].tensor(), DType::kBool));
                           return AsOutputs(kernels::NonZero(mask));
                         },
                         {},
                         nullptr,
                         OpKind::kOrdinary,
                         kAddable,
                         [](absl::Span<const Operand> x, const Attributes&) {
                           return AsOutputs(NonZero(x[0]));
                         },
                         "torch.nonzero(a)",
                         "f[2,3] | f[2,3]t | f[5]s | f[0,2] | f[] | e[]"};

// ------------------------------------------------------------------- Sorting

// Writes the first `k` elements along a dimension.
absl::StatusOr<Outputs> SortInto(const Call& call, int dim, int64_t k,
                                 kernels::SortOrder order) {
  const Tensor& x = call[0].tensor();
  Dimensions shape(x.shape().begin(), x.shape().end());
  if (!shape.empty()) shape[dim] = k;
  FERRY_ASSIGN_OR_RETURN(Tensor values, call.MakeOutput(shape, x.dtype()));
  FERRY_ASSIGN_OR_RETURN(Tensor indices,
                         Empty(shape, TensorOptions().dtype(DType::kInt64)));
  FERRY_ASSIGN_OR_RETURN(const Tensor from, AtLeast1D(x));
  FERRY_ASSIGN_OR_RETURN(Tensor to_values, AtLeast1D(values));
  FERRY_ASSIGN_OR_RETURN(Tensor to_indices, AtLeast1D(indices));
  FERRY_RETURN_IF_ERROR(kernels::TopK(from, dim, order, to_values, to_indices));
  Outputs outputs(std::move(values));
  outputs.Add(std::move(indices));
  return outputs;
}

// The gradient of the values: they go back to where they came from.
absl::Status SortDerivative(Derivative& d, int64_t dim) {
  if (d.gradient(0).is_null()) return absl::OkStatus();
  d.Set(0, GatherBackward(d.gradient(0), d.output(1), dim, d.input_shape(0)));
  return absl::OkStatus();
}

// `flag` says whether to sort in descending order.
constexpr Op kSort = {
    "Sort",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      const Attributes& attributes = call.attributes();
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(attributes.ints[0], x.rank()));
      return SortInto(call, dim, x.rank() == 0 ? 1 : x.shape()[dim],
                      attributes.flag ? kernels::SortOrder::kDescending
                                      : kernels::SortOrder::kAscending);
    },
    {UsesOutput(1)},
    [](Derivative& d) { return SortDerivative(d, d.attributes().ints[0]); },
    OpKind::kOrdinary,
    kAddable,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Sort(x[0], attributes.ints[0], attributes.flag));
    },
    "torch.sort(a, dim=i[0], descending=flag, stable=True)",
    "d[2,5] i=1 | d[5,2] i=0 flag | d[4,3]t i=-1 | d[5]s i=0 | d[] i=0 | "
    "d[0,3] i=0 | d[2,0] i=1 | e[] i=0 | e[] i=0 flag"};

// `flag` says whether to return the largest elements.
constexpr Op kTopK = {
    "TopK",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      const Attributes& attributes = call.attributes();
      const int64_t k = attributes.ints[0];
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(attributes.ints[1], x.rank()));
      const int64_t size = x.rank() == 0 ? 1 : x.shape()[dim];
      if (k < 0 || k > size) {
        return absl::OutOfRangeError(
            absl::StrCat("selected index k out of range: there are no ", k,
                         " elements in dimension ", dim, ", which has ", size));
      }
      return SortInto(call, dim, k,
                      attributes.flag ? kernels::SortOrder::kDescending
                                      : kernels::SortOrder::kAscending);
    },
    {UsesOutput(1)},
    [](Derivative& d) { return SortDerivative(d, d.attributes().ints[1]); },
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(
          TopK(x[0], attributes.ints[0], attributes.ints[1], attributes.flag));
    },
    "torch.topk(a, i[0], i[1], flag)",
    "d[2,5] i=2,1 flag | d[5,2] i=3,0 | d[4,3]t i=1,-1 flag | d[5]s i=5,0 "
    "flag | d[] i=1,0 flag | d[3] i=0,0 | d[0,3] i=2,1"};

// Multiplies unless there is nothing to do. `op` is the op that was called.
absl::StatusOr<Tensor> Scaled(absl::string_view op, const Operand& x,
                              double factor) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor(op, x));
  if (factor == 1) return x.tensor();
  FERRY_ASSIGN_OR_RETURN(
      const Scalar number,
      FactorFor(x.tensor().dtype(), absl::StrCat(op, ": alpha"), factor));
  return Mul(x, number);
}

constexpr const Op* kOps[] = {
    &kIndexSelect,     &kIndexAdd,   &kIndex,      &kIndexPut,
    &kIndexAccumulate, &kTake,       &kEmbedding,  &kGather,
    &kScatter,         &kScatterAdd, &kMaskedFill, &kMaskedSelect,
    &kMaskedScatter,   &kNonZero,    &kSort,       &kTopK};

}  // namespace

absl::StatusOr<Tensor> IndexSelect(const Operand& x, int64_t dim,
                                   const Operand& index) {
  return Apply(kIndexSelect, {&x, &index}, IntsOf({dim}));
}

absl::StatusOr<Tensor> IndexAdd(const Operand& self, int64_t dim,
                                const Operand& index, const Operand& source,
                                double alpha) {
  FERRY_ASSIGN_OR_RETURN(const Tensor scaled,
                         Scaled("IndexAdd", source, alpha));
  const Operand addend(scaled);
  return Apply(kIndexAdd, {&self, &index, &addend}, IntsOf({dim}));
}

absl::StatusOr<Tensor> IndexAddInPlace(const Operand& self, int64_t dim,
                                       const Operand& index,
                                       const Operand& source, double alpha) {
  FERRY_ASSIGN_OR_RETURN(const Tensor scaled,
                         Scaled("IndexAddInPlace", source, alpha));
  const Operand addend(scaled);
  return ApplyInPlace(kIndexAdd, {&self, &index, &addend}, IntsOf({dim}));
}

absl::StatusOr<Tensor> Index(const Operand& x,
                             absl::Span<const Tensor> indices) {
  FERRY_ASSIGN_OR_RETURN(const IndexArguments arguments,
                         ReadIndices("Index", x, indices));
  return WithIndices(arguments, {&x}, [&](auto operands) {
    return Apply(kIndex, operands, IntsOf(arguments.dims));
  });
}

absl::StatusOr<Tensor> IndexPut(const Operand& self,
                                absl::Span<const Tensor> indices,
                                const Operand& values, bool accumulate) {
  FERRY_ASSIGN_OR_RETURN(const IndexArguments arguments,
                         ReadIndices("IndexPut", self, indices));
  return WithIndices(arguments, {&self, &values}, [&](auto operands) {
    return Apply(accumulate ? kIndexAccumulate : kIndexPut, operands,
                 IntsOf(arguments.dims));
  });
}

absl::StatusOr<Tensor> IndexPutInPlace(const Operand& self,
                                       absl::Span<const Tensor> indices,
                                       const Operand& values, bool accumulate) {
  FERRY_ASSIGN_OR_RETURN(const IndexArguments arguments,
                         ReadIndices("IndexPutInPlace", self, indices));
  return WithIndices(arguments, {&self, &values}, [&](auto operands) {
    return ApplyInPlace(accumulate ? kIndexAccumulate : kIndexPut, operands,
                        IntsOf(arguments.dims));
  });
}

absl::StatusOr<Tensor> Take(const Operand& x, const Operand& index) {
  return Apply(kTake, {&x, &index});
}

absl::StatusOr<Tensor> Embedding(const Operand& weight, const Operand& index,
                                 std::optional<int64_t> padding_index) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Embedding", weight));
  Attributes attributes;
  if (padding_index.has_value()) {
    const Tensor& tensor = weight.tensor();
    const int64_t rows = tensor.rank() == 0 ? 0 : tensor.shape()[0];
    attributes.ints.push_back(*padding_index < 0 ? *padding_index + rows
                                                 : *padding_index);
  }
  return Apply(kEmbedding, {&weight, &index}, attributes);
}

absl::StatusOr<Tensor> Gather(const Operand& x, int64_t dim,
                              const Operand& index) {
  return Apply(kGather, {&x, &index}, IntsOf({dim}));
}

absl::StatusOr<Tensor> Scatter(const Operand& self, int64_t dim,
                               const Operand& index, const Operand& source) {
  return Apply(kScatter, {&self, &index, &source}, IntsOf({dim}));
}
absl::StatusOr<Tensor> ScatterInPlace(const Operand& self, int64_t dim,
                                      const Operand& index,
                                      const Operand& source) {
  return ApplyInPlace(kScatter, {&self, &index, &source}, IntsOf({dim}));
}

absl::StatusOr<Tensor> ScatterAdd(const Operand& self, int64_t dim,
                                  const Operand& index, const Operand& source) {
  return Apply(kScatterAdd, {&self, &index, &source}, IntsOf({dim}));
}
absl::StatusOr<Tensor> ScatterAddInPlace(const Operand& self, int64_t dim,
                                         const Operand& index,
                                         const Operand& source) {
  return ApplyInPlace(kScatterAdd, {&self, &index, &source}, IntsOf({dim}));
}

absl::StatusOr<Tensor> MaskedFill(const Operand& self, const Operand& mask,
                                  const Operand& value) {
  return Apply(kMaskedFill, {&self, &mask, &value});
}
absl::StatusOr<Tensor> MaskedFillInPlace(const Operand& self,
                                         const Operand& mask,
                                         const Operand& value) {
  return ApplyInPlace(kMaskedFill, {&self, &mask, &value});
}

absl::StatusOr<Tensor> MaskedSelect(const Operand& x, const Operand& mask) {
  return Apply(kMaskedSelect, {&x, &mask});
}

absl::StatusOr<Tensor> MaskedScatter(const Operand& self, const Operand& mask,
                                     const Operand& source) {
  return Apply(kMaskedScatter, {&self, &mask, &source});
}
absl::StatusOr<Tensor> MaskedScatterInPlace(const Operand& self,
                                            const Operand& mask,
                                            const Operand& source) {
  return ApplyInPlace(kMaskedScatter, {&self, &mask, &source});
}

absl::StatusOr<Tensor> NonZero(const Operand& x) {
  return Apply(kNonZero, {&x});
}

absl::StatusOr<ValuesAndIndices> Sort(const Operand& x, int64_t dim,
                                      bool descending) {
  Attributes attributes = IntsOf({dim});
  attributes.flag = descending;
  return ApplyForBoth(kSort, x, attributes);
}

absl::StatusOr<Tensor> ArgSort(const Operand& x, int64_t dim, bool descending) {
  FERRY_ASSIGN_OR_RETURN(ValuesAndIndices result, Sort(x, dim, descending));
  return std::move(result.indices);
}

absl::StatusOr<ValuesAndIndices> TopK(const Operand& x, int64_t k, int64_t dim,
                                      bool largest) {
  Attributes attributes = IntsOf({k, dim});
  attributes.flag = largest;
  return ApplyForBoth(kTopK, x, attributes);
}

absl::Span<const Op* const> IndexingOps() { return kOps; }

}  // namespace ferry
