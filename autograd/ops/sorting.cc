// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/sorting.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/sorting.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/gathering.h"
#include "ferry/autograd/ops/index_arguments.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

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
    kFloats | kIntegers | kBools,
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

constexpr const Op* kOps[] = {&kSort, &kTopK};

}  // namespace

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

absl::Span<const Op* const> SortingOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
