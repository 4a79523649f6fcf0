// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/strided.h
// -----------------------------------------------------------------------------
//
// Views of memory by shape and strides: what their strides say about them, a
// loop over their elements, and copies from one view to another.
//
// Example: transpose a 2 x 3 matrix of floats.
//
//   CopyStrided(in, {1, 3}, out, {2, 1}, {3, 2}, sizeof(float));
#ifndef FERRY_CORE_STRIDED_H_
#define FERRY_CORE_STRIDED_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "ferry/core/shape.h"

namespace ferry {
inline namespace v1 {

// Shapes and strides have one number per dimension, outermost first. Strides
// are in elements, >= 0. `NumElements` must accept the shapes.

// Returns whether the view covers each element of a contiguous range exactly
// once, in any order of dimensions. O(rank^2).
bool IsDense(absl::Span<const int64_t> shape,
             absl::Span<const int64_t> strides);

// Returns whether no two elements of the view share memory. Compares each
// stride with the extent of the smaller ones, so it returns false for some
// interleaved views that do not overlap. O(rank^2).
bool HasNoOverlap(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides);

// Returns whether two views of the same shape have the same layout. Strides of
// dimensions of size 1 do not matter.
bool HasSameStrides(absl::Span<const int64_t> shape,
                    absl::Span<const int64_t> a, absl::Span<const int64_t> b);

// The order in which `StridedTiles` visits elements.
enum class TileOrder {
  // Any order, in tiles that suit the caches.
  kAny,
  // In the order of the strides of view 0, row by row. If those strides are
  // row-major, the order is row-major.
  kOfView0,
};

// StridedTiles
//
// Divides the elements of several views of one shape into rectangular tiles of
// rows and columns. All loops over tensors run tile by tile. The dimensions are
// sorted by the strides of view 0, which should be the view that is written,
// and adjacent dimensions that are contiguous in every view are merged. The
// columns of a tile are the dimension in which view 0 has its smallest stride.
// If another view has its smallest stride in another dimension, as in a
// transposition, that dimension becomes the rows. Tiles are then about square,
// so that each cache line of either view is used by one tile only.
//
// Example: sum up two matrices, tile by tile.
//
//   const StridedTiles<3> tiles(shape, {{sum_strides, a_strides, b_strides}},
//                               4096);
//   tiles.ForEach(0, tiles.count(), [&](const auto& offsets, int64_t rows,
//                                       int64_t columns) {
//     AddRows(sum + offsets[0], a + offsets[1], b + offsets[2], rows, columns,
//             tiles.row_strides(), tiles.column_strides());
//   });
template <size_t kViews>
class StridedTiles {
 public:
  using Offsets = std::array<int64_t, kViews>;

  // One span of strides per view, in elements. No tile has more than
  // `max_elements` elements. O(rank^2).
  StridedTiles(absl::Span<const int64_t> shape,
               const std::array<absl::Span<const int64_t>, kViews>& strides,
               int64_t max_elements, TileOrder order = TileOrder::kAny);

  // The number of tiles; 0 if the shape has no elements.
  int64_t count() const { return count_; }

  // The largest number of elements in a tile.
  int64_t tile_elements() const { return tile_rows_ * tile_columns_; }

  // Strides from one row or column of a tile to the next, in elements.
  const Offsets& row_strides() const { return row_.strides; }
  const Offsets& column_strides() const { return column_.strides; }

  // Calls `body(offsets, rows, columns)` for each tile in [first, last), with
  // the distance of the tile's first element from the first element of each
  // view. Ranges of tiles may be visited by several threads at once.
  template <typename Body>
  void ForEach(int64_t first, int64_t last, Body body) const;

 private:
  struct Dimension {
    int64_t size = 1;
    Offsets strides = {};
  };

  Dimension row_;
  Dimension column_;
  absl::InlinedVector<Dimension, 4> outer_;  // innermost first
  int64_t tile_rows_ = 1;
  int64_t tile_columns_ = 1;
  int64_t row_tiles_ = 1;
  int64_t column_tiles_ = 1;
  int64_t count_ = 0;
};

// The least number of elements for which a loop over tiles uses another thread,
// as in PyTorch.
inline constexpr int64_t kElementsPerThread = 32768;

// Returns the grain of a loop (core/parallel.h) over pieces of work of so many
// elements each, such as rows or tiles: the number of pieces that have
// kElementsPerThread elements together, but at least 1.
inline int64_t GrainOf(int64_t elements) {
  return std::max<int64_t>(kElementsPerThread / std::max<int64_t>(elements, 1),
                           1);
}

// The largest tile that `CopyTile` accepts. Tiles with elements of 16 bytes may
// be of any size.
inline constexpr int64_t kMaxTileBytes = 16 << 10;

// Copies the elements of one tile, `rows` x `columns`. Strides are in elements.
void CopyTile(const void* from, int64_t from_row_stride,
              int64_t from_column_stride, void* to, int64_t to_row_stride,
              int64_t to_column_stride, int64_t rows, int64_t columns,
              uint64_t element_bytes);

// Copies all elements of `shape`, each of 1, 2, 4, 8 or 16 bytes. `from` and
// `to` point to the first elements; the two views must not overlap. Uses
// several threads for large views (core/parallel.h).
void CopyStrided(const void* from, absl::Span<const int64_t> from_strides,
                 void* to, absl::Span<const int64_t> to_strides,
                 absl::Span<const int64_t> shape, uint64_t element_bytes);

// -----------------------------------------------------------------------------
// Implementation details follow.

template <size_t kViews>
StridedTiles<kViews>::StridedTiles(
    absl::Span<const int64_t> shape,
    const std::array<absl::Span<const int64_t>, kViews>& strides,
    int64_t max_elements, TileOrder order) {
  absl::InlinedVector<Dimension, 4> all;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 0) return;
    if (shape[i] == 1) continue;
    Dimension dimension;
    dimension.size = shape[i];
    for (size_t v = 0; v < kViews; ++v) dimension.strides[v] = strides[v][i];
    all.push_back(dimension);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Dimension& a, const Dimension& b) {
                     return a.strides < b.strides;
                   });
  for (const Dimension& dimension : all) {
    bool is_one_run = !outer_.empty();
    for (size_t v = 0; v < kViews && is_one_run; ++v) {
      int64_t run;
      is_one_run = !__builtin_mul_overflow(outer_.back().size,
                                           outer_.back().strides[v], &run) &&
                   dimension.strides[v] == run;
    }
    if (is_one_run) {
      outer_.back().size *= dimension.size;
    } else {
      outer_.push_back(dimension);
    }
  }
  bool is_crossed = false;
  if (!outer_.empty()) {
    column_ = outer_.front();
    outer_.erase(outer_.begin());
  }
  if (!outer_.empty()) {
    size_t row = 0;
    for (size_t v = 1; v < kViews && order == TileOrder::kAny; ++v) {
      int64_t smallest = column_.strides[v];
      for (size_t i = 0; i < outer_.size(); ++i) {
        if (outer_[i].strides[v] == 0 || outer_[i].strides[v] >= smallest) {
          continue;
        }
        smallest = outer_[i].strides[v];
        row = i;
        is_crossed = true;
      }
    }
    row_ = outer_[row];
    outer_.erase(outer_.begin() + static_cast<ptrdiff_t>(row));
  }
  // At least 1 each, and the smaller dimension leaves its share to the other.
  int64_t side = 1;
  while (side < max_elements / side / 4) side *= 2;
  tile_columns_ = std::min(
      column_.size,
      is_crossed ? max_elements / std::min(side, row_.size) : max_elements);
  tile_rows_ = std::min(row_.size, max_elements / tile_columns_);
  row_tiles_ = (row_.size - 1) / tile_rows_ + 1;
  column_tiles_ = (column_.size - 1) / tile_columns_ + 1;
  count_ = row_tiles_ * column_tiles_;
  for (const Dimension& dimension : outer_) count_ *= dimension.size;
}

template <size_t kViews>
template <typename Body>
void StridedTiles<kViews>::ForEach(int64_t first, int64_t last,
                                   Body body) const {
  if (first >= last) return;
  int64_t rest = first;
  int64_t column_tile = rest % column_tiles_;
  rest /= column_tiles_;
  int64_t row_tile = rest % row_tiles_;
  rest /= row_tiles_;
  Dimensions index;
  Offsets outer = {};
  for (const Dimension& dimension : outer_) {
    index.push_back(rest % dimension.size);
    rest /= dimension.size;
    for (size_t v = 0; v < kViews; ++v) {
      outer[v] += index.back() * dimension.strides[v];
    }
  }
  for (int64_t tile = first;;) {
    const int64_t row = row_tile * tile_rows_;
    const int64_t column = column_tile * tile_columns_;
    Offsets offsets;
    for (size_t v = 0; v < kViews; ++v) {
      offsets[v] =
          outer[v] + row * row_.strides[v] + column * column_.strides[v];
    }
    body(offsets, std::min(tile_rows_, row_.size - row),
         std::min(tile_columns_, column_.size - column));
    if (++tile == last) return;
    if (++column_tile < column_tiles_) continue;
    column_tile = 0;
    if (++row_tile < row_tiles_) continue;
    row_tile = 0;
    for (size_t i = 0; i < outer_.size(); ++i) {
      const Dimension& dimension = outer_[i];
      if (++index[i] < dimension.size) {
        for (size_t v = 0; v < kViews; ++v) outer[v] += dimension.strides[v];
        break;
      }
      for (size_t v = 0; v < kViews; ++v) {
        outer[v] -= dimension.strides[v] * (dimension.size - 1);
      }
      index[i] = 0;
    }
  }
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_STRIDED_H_
