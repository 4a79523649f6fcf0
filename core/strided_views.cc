// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided_views.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace strided {
namespace {

absl::Status CheckStrided(const Tensor& tensor) {
  if (tensor.is_null()) {
    return absl::InvalidArgumentError("the tensor is null");
  }
  if (tensor.layout() != Layout::kStrided || tensor.storage().is_null()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "only strided tensors have views; this one is ",
        tensor.layout() == Layout::kStrided ? "quantised per channel"
                                            : Name(tensor.layout())));
  }
  if (ElementsPerUnit(tensor.dtype()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        WithArticle(Name(tensor.dtype())),
        " tensor has no views, since it packs several elements into a byte"));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> Dimension(const Tensor& tensor, int64_t dim) {
  const int64_t rank = tensor.rank();
  if (dim < -rank || dim >= rank) {
    return absl::OutOfRangeError(absl::StrCat("there is no dimension ", dim,
                                              " in a tensor of shape ",
                                              ShapeToString(tensor.shape())));
  }
  return static_cast<size_t>(dim < 0 ? dim + rank : dim);
}

// The shape and strides of a view to be made.
struct View {
  explicit View(const Tensor& tensor)
      : shape(tensor.shape().begin(), tensor.shape().end()),
        strides(tensor.strides().begin(), tensor.strides().end()),
        offset(tensor.storage_offset()) {}

  Dimensions shape;
  Dimensions strides;
  int64_t offset;
};

absl::StatusOr<Tensor> MakeView(const Tensor& tensor, const View& view) {
  FERRY_ASSIGN_OR_RETURN(Tensor result,
                         Tensor::Create(tensor.storage(), tensor.dtype(),
                                        view.shape, view.strides, view.offset));
  result.set_conj(tensor.is_conj(), InternalKey());
  result.set_neg(tensor.is_neg(), InternalKey());
  return result;
}

// `shape` with its -1, if it has one, replaced by the size that gives
// `num_elements`.
absl::StatusOr<Dimensions> InferSize(absl::Span<const int64_t> shape,
                                     int64_t num_elements) {
  Dimensions sizes(shape.begin(), shape.end());
  const auto unknown = std::find(sizes.begin(), sizes.end(), -1);
  const bool has_unknown = unknown != sizes.end();
  if (has_unknown) *unknown = 1;
  FERRY_ASSIGN_OR_RETURN(const int64_t known, NumElements(sizes));
  if (has_unknown && known != 0) *unknown = num_elements / known;
  const bool fits = has_unknown ? known != 0 && num_elements % known == 0
                                : known == num_elements;
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeToString(shape), " does not fit ",
                     num_elements, " elements"));
  }
  return sizes;
}

}  // namespace

absl::StatusOr<Tensor> Narrow(const Tensor& tensor, int64_t dim, int64_t start,
                              int64_t length) {
  FERRY_RETURN_IF_ERROR(CheckStrided(tensor));
  FERRY_ASSIGN_OR_RETURN(const size_t d, Dimension(tensor, dim));
  const int64_t size = tensor.shape()[d];
  const int64_t first = start < 0 ? start + size : start;
  if (first < 0 || first > size || length < 0 || length > size - first) {
    return absl::OutOfRangeError(
        absl::StrCat("there are no ", length, " slices from index ", start,
                     " on in dimension ", dim, ", which has ", size));
  }
  View view(tensor);
  view.shape[d] = length;
  // An empty view may begin past the last element.
  if (length > 0 && tensor.num_elements() > 0)
    view.offset += first * view.strides[d];
  return MakeView(tensor, view);
}

absl::StatusOr<Tensor> Select(const Tensor& tensor, int64_t dim,
                              int64_t index) {
  FERRY_RETURN_IF_ERROR(CheckStrided(tensor));
  FERRY_ASSIGN_OR_RETURN(const size_t d, Dimension(tensor, dim));
  const int64_t size = tensor.shape()[d];
  if (index < -size || index >= size) {
    return absl::OutOfRangeError(absl::StrCat("there is no index ", index,
                                              " in dimension ", dim,
                                              ", which has ", size));
  }
  View view(tensor);
  if (tensor.num_elements() > 0) {
    view.offset += (index < 0 ? index + size : index) * view.strides[d];
  }
  const auto at = static_cast<ptrdiff_t>(d);
  view.shape.erase(view.shape.begin() + at);
  view.strides.erase(view.strides.begin() + at);
  return MakeView(tensor, view);
}

absl::StatusOr<Tensor> Slice(const Tensor& tensor, int64_t dim, int64_t start,
                             int64_t stop, int64_t step) {
  FERRY_RETURN_IF_ERROR(CheckStrided(tensor));
  FERRY_ASSIGN_OR_RETURN(const size_t d, Dimension(tensor, dim));
  if (step < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the step of a slice must be 1 or more; it is ", step));
  }
  const int64_t size = tensor.shape()[d];
  const auto clamp = [size](int64_t bound) {
    return std::clamp<int64_t>(bound < 0 ? bound + size : bound, 0, size);
  };
  const int64_t first = clamp(start);
  const int64_t last = std::max(first, clamp(stop));
  View view(tensor);
  view.shape[d] = last == first ? 0 : (last - first - 1) / step + 1;
  if (view.shape[d] > 0 && tensor.num_elements() > 0)
    view.offset += first * view.strides[d];
  // With two slices or more the product is inside the tensor. With fewer it is
  // of no consequence.
  if (__builtin_mul_overflow(view.strides[d], step, &view.strides[d])) {
    view.strides[d] = 0;
  }
  return MakeView(tensor, view);
}

absl::StatusOr<Tensor> Transpose(const Tensor& tensor, int64_t dim0,
                                 int64_t dim1) {
  FERRY_RETURN_IF_ERROR(CheckStrided(tensor));
  // PyTorch takes a scalar for one dimension here.
  if (tensor.rank() == 0 && (dim0 == 0 || dim0 == -1) &&
      (dim1 == 0 || dim1 == -1)) {
    return MakeView(tensor, View(tensor));
  }
  FERRY_ASSIGN_OR_RETURN(const size_t a, Dimension(tensor, dim0));
  FERRY_ASSIGN_OR_RETURN(const size_t b, Dimension(tensor, dim1));
  View view(tensor);
  std::swap(view.shape[a], view.shape[b]);
  std::swap(view.strides[a], view.strides[b]);
  return MakeView(tensor, view);
}

absl::StatusOr<Tensor> Permute(const Tensor& tensor,
                               absl::Span<const int64_t> dims) {
  FERRY_RETURN_IF_ERROR(CheckStrided(tensor));
  if (dims.size() != tensor.shape().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(dims.size(), " dimensions were given to permute ",
                     "a tensor of shape ", ShapeToString(tensor.shape())));
  }
  View view(tensor);
  uint64_t seen = 0;  // one bit per dimension; there are kMaxRank at most
  for (size_t i = 0; i < dims.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const size_t d, Dimension(tensor, dims[i]));
    if ((seen >> d & 1) != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dimension ", dims[i], " is named twice in a permutation"));
    }
    seen |= uint64_t{1} << d;
    view.shape[i] = tensor.shape()[d];
    view.strides[i] = tensor.strides()[d];
  }
  return MakeView(tensor, view);
}

absl::StatusOr<Tensor> Expand(const Tensor& tensor,
                              absl::Span<const int64_t> shape) {
  FERRY_RETURN_IF_ERROR(CheckStrided(tensor));
  const auto does_not_fit = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of shape ", ShapeToString(tensor.shape()),
                     " cannot be expanded to shape ", ShapeToString(shape)));
  };
  const size_t rank = tensor.shape().size();
  if (shape.size() < rank) return does_not_fit();
  const size_t added = shape.size() - rank;
  View view(tensor);
  view.shape.assign(shape.begin(), shape.end());
  view.strides.assign(shape.size(), 0);
  for (size_t i = shape.size(); i-- > 0;) {
    const bool is_new = i < added;
    const int64_t size = is_new ? 1 : tensor.shape()[i - added];
    if (shape[i] == -1 && !is_new) view.shape[i] = size;
    if (view.shape[i] < 0 || (view.shape[i] != size && size != 1)) {
      return does_not_fit();
    }
    if (view.shape[i] != size) continue;  // repeated
    if (!is_new) {
      view.strides[i] = tensor.strides()[i - added];
    } else if (i + 1 < shape.size()) {
      // Of no consequence, but PyTorch's; 0 if it exceeds the range.
      if (__builtin_mul_overflow(view.shape[i + 1], view.strides[i + 1],
                                 &view.strides[i])) {
        view.strides[i] = 0;
      }
    }
  }
  return MakeView(tensor, view);
}

absl::StatusOr<Tensor> Reshape(const Tensor& tensor,
                               absl::Span<const int64_t> shape) {
  FERRY_RETURN_IF_ERROR(CheckStrided(tensor));
  View view(tensor);
  FERRY_ASSIGN_OR_RETURN(view.shape, InferSize(shape, tensor.num_elements()));
  if (tensor.num_elements() == 0) {
    view.strides = ContiguousStrides(view.shape);
    return MakeView(tensor, view);
  }
  // Runs of the tensor's dimensions that could be one dimension, innermost
  // first. Each is divided among new dimensions, from the innermost on.
  struct Run {
    int64_t size;
    int64_t stride;
  };
  absl::InlinedVector<Run, 4> runs;
  for (size_t i = tensor.shape().size(); i-- > 0;) {
    const Run run = {tensor.shape()[i], tensor.strides()[i]};
    if (run.size == 1) continue;
    int64_t next_stride;
    if (!runs.empty() &&
        !__builtin_mul_overflow(runs.back().size, runs.back().stride,
                                &next_stride) &&
        run.stride == next_stride) {
      runs.back().size *= run.size;
    } else {
      runs.push_back(run);
    }
  }
  view.strides.assign(view.shape.size(), 1);
  size_t used = 0;
  Run rest = {1, tensor.rank() > 0 ? tensor.strides().back() : 1};
  for (size_t i = view.shape.size(); i-- > 0;) {
    const int64_t size = view.shape[i];
    if (size > 1 && rest.size == 1) rest = runs[used++];
    if (rest.size % size != 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the elements must be copied for a view of shape ",
          ShapeToString(shape), " of a tensor of shape ",
          ShapeToString(tensor.shape()), " and strides ",
          ShapeToString(tensor.strides()), "; call strided::Contiguous first"));
    }
    view.strides[i] = rest.stride;
    rest.size /= size;
    // For the next dimension of the run, or for dimensions of size 1 after it,
    // whose strides do not matter.
    if (__builtin_mul_overflow(rest.stride, size, &rest.stride)) {
      rest.stride = 0;
    }
  }
  return MakeView(tensor, view);
}

}  // namespace strided
}  // namespace v1
}  // namespace ferry
