// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/indexing.h"

#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/autograd/kernels/indexing.h"
#include "ferry/autograd/kernels/masking.h"
#include "ferry/autograd/kernels/shapes.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/index_arguments.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace {

using kernels::IndexedDimension;
using kernels::NegativeIndices;
using kernels::Slices;

constexpr uint32_t kAddable = kFloats | kIntegers | kBools;

// What the gradient uses if the operands from `first` on are indices.
constexpr uint32_t UsesInputsFrom(int first) {
  return 0xFFFF & ~(UsesInput(first) - 1);
}

// `tensor` with dimension `dim` in front.
absl::StatusOr<Tensor> ToFront(const Tensor& tensor, int dim) {
  Dimensions order(tensor.shape().size());
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + dim);
  order.insert(order.begin(), dim);
  return strided::Permute(tensor, order);
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

constexpr const Op* kOps[] = {&kIndexSelect, &kIndexAdd,        &kIndex,
                              &kIndexPut,    &kIndexAccumulate, &kTake,
                              &kEmbedding};

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

absl::Span<const Op* const> IndexingOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
