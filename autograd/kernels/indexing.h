// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/indexing.h
// -----------------------------------------------------------------------------
//
// Reads, writes and adds elements of a tensor that tensors of indices choose.
//
// There are two kinds of kernels. Some move whole slices: `index_select`,
// `index`, `take`, `embedding` and their inverses. They begin with `SlicesAt`
// or `ElementsAt`, which check the indices. The others have one index per
// element: `gather`, `scatter` and `scatter_add`.
//
// Example: rows 2, 0 and 2 of a matrix.
//
//   const IndexedDimension rows = {0, index};  // index: [2, 0, 2], int64
//   FERRY_ASSIGN_OR_RETURN(
//       const Slices slices,
//       SlicesAt(matrix, {rows}, NegativeIndices::kAreErrors));
//   FERRY_RETURN_IF_ERROR(CopySlices(slices, result));
//
// Tensors are in host memory and have conj and neg resolved. A tensor that is
// written must not overlap itself nor the tensors that are read. There is one
// exception: the tensor with the slices, and the target of a scatter, may share
// memory with an index. Shapes and dtypes are not checked; indices always are.
//
// The bits of the results do not depend on the number of threads: if several
// writes or additions have the same target, they take place in the row-major
// order of the indices. Thread-safe as long as nothing else writes to the
// tensors.
//
// Errors:
//   kOutOfRange        - an index is outside its dimension. The message names
//                        the first such index in row-major order, and nothing
//                        has been written, except by `Gather`.
//   kResourceExhausted - not enough memory.
//   kUnimplemented     - complex32 was to be added.
#ifndef FERRY_AUTOGRAD_KERNELS_INDEXING_H_
#define FERRY_AUTOGRAD_KERNELS_INDEXING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/shape.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Whether an index of -1 stands for the last element, as in `index` and `take`,
// or is out of range, as in `index_select` and `gather`.
enum class NegativeIndices { kAreErrors, kCountFromEnd };

// Checks that all elements of `index`, a tensor of int64 or int32, are in
// [0, size), or in [-size, size) if negative indices count from the end. `dim`
// is for the message: "index 7 is out of bounds for dimension 0 with size 3".
absl::Status CheckIndices(const Tensor& index, int64_t dim, int64_t size,
                          NegativeIndices negative);

// A dimension of a tensor, and a tensor of int64 or int32 with indices in it.
struct IndexedDimension {
  int dim;
  Tensor index;
};

// Slices
//
// A list of slices of a tensor, all of one shape. Indices have been checked.
// May share the memory of the index, which must not be written meanwhile.
class Slices {
 public:
  // The tensor that the slices are part of.
  const Tensor& tensor() const { return tensor_; }

  // The shape of the indices. There is one slice for each index.
  absl::Span<const int64_t> index_shape() const { return index_.shape(); }
  int64_t count() const { return index_.num_elements(); }

  // Where the slices begin, for the indices in row-major order. Slice i begins
  // `factor()` times `indices()[i]` elements after the first element of the
  // tensor. A negative index stands for itself plus `size()`.
  const int64_t* indices() const {
    return static_cast<const int64_t*>(index_.data());
  }
  int64_t size() const { return size_; }
  int64_t factor() const { return factor_; }

  // The shape and strides of each slice.
  const Dimensions& shape() const { return shape_; }
  const Dimensions& strides() const { return strides_; }

 private:
  friend absl::StatusOr<Slices> SlicesAt(const Tensor&,
                                         absl::Span<const IndexedDimension>,
                                         NegativeIndices);
  friend absl::StatusOr<Slices> ElementsAt(const Tensor&, const Tensor&,
                                           NegativeIndices);
  Slices() = default;

  Tensor tensor_;
  Tensor index_;  // int64, row-major, checked
  int64_t size_ = 0;
  int64_t factor_ = 1;
  Dimensions shape_;
  Dimensions strides_;
};

// Returns the slices of `tensor` at the given indices. The index tensors have
// one shape (expand them if necessary), and their dimensions are all different.
// The slices keep the other dimensions of the tensor. Takes O(indices) time.
absl::StatusOr<Slices> SlicesAt(const Tensor& tensor,
                                absl::Span<const IndexedDimension> indexed,
                                NegativeIndices negative);

// Returns single elements of `tensor`, numbered in row-major order, as slices
// of rank 0. Takes O(indices * rank) time.
absl::StatusOr<Slices> ElementsAt(const Tensor& tensor, const Tensor& index,
                                  NegativeIndices negative);

// Copy slices to `to`, or `from` to slices. The tensor that is not sliced has
// the shape of the indices, followed by the shape of a slice. It shares no
// memory with the slices. If a slice is written twice, the last value stays.
absl::Status CopySlices(const Slices& from, const Tensor& to);
absl::Status CopyToSlices(const Tensor& from, const Slices& to);

// Adds `from` to the slices. A slice that occurs twice is added to twice. The
// dtype may be any that has an addition: floats, complex64, complex128,
// integers and bool. Integers wrap around. For bool the sum is the logical or.
// For float16 and bfloat16 the sums are calculated in float32 and rounded once,
// which takes memory for the whole tensor.
absl::Status AddToSlices(const Tensor& from, const Slices& to);

// Copies to[i][j][k] = from[i][index[i][j][k]][k], if `dim` is 1. This is
// PyTorch's `gather`. `to` has the shape of `index`. `index` is int64, and in
// no dimension other than `dim` larger than `from`. The rank is 1 or more.
absl::Status Gather(const Tensor& from, int dim, const Tensor& index,
                    const Tensor& to);

// Copies to[i][index[i][j][k]][k] = from[i][j][k], if `dim` is 1. This is
// PyTorch's `scatter`. `index` is int64. It is in no dimension larger than
// `from`, and in no dimension other than `dim` larger than `to`. The rank is 1
// or more. If an element is written twice, the last value in row-major order
// stays.
absl::Status Scatter(const Tensor& from, int dim, const Tensor& index,
                     const Tensor& to);

// Does the same, but adds instead of copying. This is PyTorch's `scatter_add`.
// Takes the dtypes of `AddToSlices`.
absl::Status ScatterAdd(const Tensor& from, int dim, const Tensor& index,
                        const Tensor& to);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_INDEXING_H_
