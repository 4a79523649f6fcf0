// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided_copies.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/conj_neg.h"
#include "ferry/core/elements.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace strided {
namespace {

// A tile is cast from buffer to buffer; both stay in the first-level cache if
// elements have up to 8 bytes.
constexpr int64_t kTileElements = 2048;
constexpr int64_t kMaxElementBytes = 16;
// CopyTile has no limit for elements of 16 bytes.
static_assert(kTileElements * 8 <= kMaxTileBytes);

absl::Status CheckCopy(const Tensor& from) {
  FERRY_RETURN_IF_ERROR(CheckOnHost(from));
  if (ElementsPerUnit(from.dtype()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        WithArticle(Name(from.dtype())),
        " tensor cannot be copied element by element, since it packs several "
        "elements into a byte"));
  }
  FERRY_RETURN_IF_ERROR(CheckRepeats(from.num_elements(),
                                     ElementSizeBytes(from.dtype()),
                                     from.storage().size_bytes()));
  return CheckConjNeg(from.dtype(), from.is_conj(), from.is_neg());
}

absl::Status CheckCopy(const Tensor& from, DType to) {
  FERRY_RETURN_IF_ERROR(CheckCopy(from));
  return from.dtype() == to ? absl::OkStatus() : CheckCast(from.dtype(), to);
}

// Whether the elements of a tile are one run in memory.
bool IsRun(int64_t row_stride, int64_t column_stride, int64_t rows,
           int64_t columns) {
  return (column_stride == 1 || columns == 1) &&
         (row_stride == columns || rows == 1);
}

// Copies between tensors of one shape that do not share memory. Applies the
// flags of `from` to what is read, and those of `to` to what is written, since
// readers of `to` will apply them again.
void CopyTiles(const Tensor& from, const Tensor& to) {
  const bool from_changes = from.is_conj() || from.is_neg();
  const bool to_changes = to.is_conj() || to.is_neg();
  if (from.dtype() == to.dtype() && from.is_conj() == to.is_conj() &&
      from.is_neg() == to.is_neg()) {
    CopyStrided(from.data(), from.strides(), to.data(), to.strides(),
                to.shape(), ElementSizeBytes(to.dtype()));
    return;
  }
  const auto from_bytes = static_cast<int64_t>(ElementSizeBytes(from.dtype()));
  const auto to_bytes = static_cast<int64_t>(ElementSizeBytes(to.dtype()));
  if (!from_changes && !to_changes && IsDense(to.shape(), to.strides()) &&
      HasSameStrides(to.shape(), from.strides(), to.strides())) {
    // One run in the same order on both sides, whatever the dimensions.
    ParallelFor(0, to.num_elements(), kElementsPerThread,
                [&](int64_t begin, int64_t end) {
                  CastElements(static_cast<const char*>(from.data()) +
                                   begin * from_bytes,
                               from.dtype(),
                               static_cast<char*>(to.data()) + begin * to_bytes,
                               to.dtype(), end - begin);
                });
    return;
  }
  const StridedTiles<2> tiles(to.shape(), {{to.strides(), from.strides()}},
                              kTileElements);
  const int64_t to_row = tiles.row_strides()[0];
  const int64_t to_column = tiles.column_strides()[0];
  const int64_t from_row = tiles.row_strides()[1];
  const int64_t from_column = tiles.column_strides()[1];
  const auto copy = [&](int64_t first, int64_t last) {
    alignas(64) char gathered[kTileElements * kMaxElementBytes];
    alignas(64) char cast[kTileElements * kMaxElementBytes];
    tiles.ForEach(
        first, last, [&](const auto& offsets, int64_t rows, int64_t columns) {
          const char* in =
              static_cast<const char*>(from.data()) + offsets[1] * from_bytes;
          char* const out =
              static_cast<char*>(to.data()) + offsets[0] * to_bytes;
          if (from_changes || !IsRun(from_row, from_column, rows, columns)) {
            CopyTile(in, from_row, from_column, gathered, columns, 1, rows,
                     columns, static_cast<uint64_t>(from_bytes));
            ApplyConjNeg(from.dtype(), from.is_conj(), from.is_neg(), gathered,
                         rows * columns);
            in = gathered;
          }
          const bool is_run = IsRun(to_row, to_column, rows, columns);
          char* const result = is_run ? out : cast;
          CastElements(in, from.dtype(), result, to.dtype(), rows * columns);
          ApplyConjNeg(to.dtype(), to.is_conj(), to.is_neg(), result,
                       rows * columns);
          if (!is_run) {
            CopyTile(cast, columns, 1, out, to_row, to_column, rows, columns,
                     static_cast<uint64_t>(to_bytes));
          }
        });
  };
  ParallelFor(0, tiles.count(), GrainOf(tiles.tile_elements()), copy);
}

absl::StatusOr<Tensor> Copy(const Tensor& from, DType dtype,
                            absl::Span<const int64_t> strides) {
  FERRY_ASSIGN_OR_RETURN(Tensor copy,
                         Tensor::Allocate(dtype, from.shape(), strides));
  CopyTiles(from, copy);
  return copy;
}

Dimensions StridesOfCopy(const Tensor& from) {
  if (IsDense(from.shape(), from.strides())) {
    return Dimensions(from.strides().begin(), from.strides().end());
  }
  return ContiguousStrides(from.shape());
}

bool HasNothingToResolve(const Tensor& tensor) {
  return !tensor.is_conj() && !tensor.is_neg();
}

}  // namespace

absl::StatusOr<Tensor> Contiguous(const Tensor& tensor) {
  FERRY_RETURN_IF_ERROR(CheckCopy(tensor));
  if (tensor.is_contiguous() && HasNothingToResolve(tensor)) {
    return tensor.Detach();
  }
  return Copy(tensor, tensor.dtype(), ContiguousStrides(tensor.shape()));
}

absl::StatusOr<Tensor> Clone(const Tensor& tensor) {
  FERRY_RETURN_IF_ERROR(CheckCopy(tensor));
  return Copy(tensor, tensor.dtype(), StridesOfCopy(tensor));
}

absl::StatusOr<Tensor> Cast(const Tensor& tensor, DType dtype) {
  FERRY_RETURN_IF_ERROR(CheckCopy(tensor, dtype));
  if (tensor.dtype() == dtype && HasNothingToResolve(tensor)) {
    return tensor.Detach();
  }
  return Copy(tensor, dtype, StridesOfCopy(tensor));
}

absl::Status CopyInto(const Tensor& from, const Tensor& to) {
  FERRY_RETURN_IF_ERROR(CheckOnHost(to));
  FERRY_RETURN_IF_ERROR(CheckCopy(from, to.dtype()));
  FERRY_RETURN_IF_ERROR(CheckConjNeg(to.dtype(), to.is_conj(), to.is_neg()));
  if (!HasNoOverlap(to.shape(), to.strides())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "elements of the target share memory, or may do so: its shape is ",
        ShapeToString(to.shape()), " and its strides are ",
        ShapeToString(to.strides())));
  }
  Tensor source = from;
  if (MayOverlap(from, to)) {
    FERRY_ASSIGN_OR_RETURN(source, Clone(from));
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor expanded, Expand(source, to.shape()));
  CopyTiles(expanded, to);
  to.storage().version().fetch_add(1);
  return absl::OkStatus();
}

}  // namespace strided
}  // namespace v1
}  // namespace ferry
