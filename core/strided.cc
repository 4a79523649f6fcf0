// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "ferry/core/parallel.h"

namespace ferry {
inline namespace v1 {
namespace {

// Stride and size of each dimension that has more than one element, the
// smallest stride first.
absl::InlinedVector<std::pair<int64_t, int64_t>, 4> SortedDimensions(
    absl::Span<const int64_t> shape, absl::Span<const int64_t> strides) {
  absl::InlinedVector<std::pair<int64_t, int64_t>, 4> dimensions;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1) dimensions.emplace_back(strides[i], shape[i]);
  }
  std::sort(dimensions.begin(), dimensions.end());
  return dimensions;
}

// Both sides of a tile of a transposition stay in the first-level cache.
constexpr uint64_t kTileBytes = kMaxTileBytes;

struct Tile {
  const char* from;
  char* to;
  int64_t from_row_stride;
  int64_t from_column_stride;
  int64_t to_row_stride;
  int64_t to_column_stride;
  int64_t rows;
  int64_t columns;
};

// A vector of 16 bytes. `Low` and `High` interleave the lower or the upper
// halves of two vectors: a0 b0 a1 b1 ...
template <size_t kBytes>
struct Vector;
template <>
struct Vector<1> {
  using Type = uint8_t __attribute__((vector_size(16)));
  static Type Low(Type a, Type b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                   21, 6, 22, 7, 23);
  }
  static Type High(Type a, Type b) {
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                   13, 29, 14, 30, 15, 31);
  }
};
template <>
struct Vector<2> {
  using Type = uint16_t __attribute__((vector_size(16)));
  static Type Low(Type a, Type b) {
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  }
  static Type High(Type a, Type b) {
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  }
};
template <>
struct Vector<4> {
  using Type = uint32_t __attribute__((vector_size(16)));
  static Type Low(Type a, Type b) {
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
  }
  static Type High(Type a, Type b) {
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
  }
};
template <>
struct Vector<8> {
  using Type = uint64_t __attribute__((vector_size(16)));
  static Type Low(Type a, Type b) {
    return __builtin_shufflevector(a, b, 0, 2);
  }
  static Type High(Type a, Type b) {
    return __builtin_shufflevector(a, b, 1, 3);
  }
};

// Transposes a square of one vector's elements in each direction, whose rows
// are `from_step` and `to_step` bytes apart.
template <size_t kBytes>
void TransposeSquare(const char* from, int64_t from_step, char* to,
                     int64_t to_step) {
  constexpr int64_t kSide = 16 / kBytes;
  using Type = typename Vector<kBytes>::Type;
  Type rows[kSide];
#pragma GCC unroll 16
  for (int64_t i = 0; i < kSide; ++i) {
    std::memcpy(&rows[i], from + i * from_step, 16);
  }
  // Each step moves one bit of the index of an element from its row to its
  // column.
#pragma GCC unroll 4
  for (int64_t step = 1; step < kSide; step *= 2) {
    Type next[kSide];
#pragma GCC unroll 8
    for (int64_t i = 0; i < kSide / 2; ++i) {
      next[2 * i] = Vector<kBytes>::Low(rows[i], rows[i + kSide / 2]);
      next[2 * i + 1] = Vector<kBytes>::High(rows[i], rows[i + kSide / 2]);
    }
#pragma GCC unroll 16
    for (int64_t i = 0; i < kSide; ++i) rows[i] = next[i];
  }
#pragma GCC unroll 16
  for (int64_t i = 0; i < kSide; ++i) {
    std::memcpy(to + i * to_step, &rows[i], 16);
  }
}

// Copies a tile whose columns are contiguous in `from`, and its rows in `to`.
// The tile is transposed from one buffer to another: outside them, rows that
// are a power of two apart would displace one another's cache lines.
template <size_t kBytes>
void Transpose(const Tile& tile) {
  constexpr int64_t kSide = 16 / kBytes;
  constexpr auto kStep = static_cast<int64_t>(kBytes);
  alignas(16) char in[kTileBytes];
  alignas(16) char out[kTileBytes];
  const int64_t in_step = tile.rows * kStep;
  const int64_t out_step = tile.columns * kStep;
  for (int64_t column = 0; column < tile.columns; ++column) {
    std::memcpy(in + column * in_step,
                tile.from + column * tile.from_column_stride * kStep,
                static_cast<size_t>(in_step));
  }
  const int64_t whole_columns = tile.columns - tile.columns % kSide;
  const int64_t whole_rows = tile.rows - tile.rows % kSide;
  for (int64_t row = 0; row < tile.rows; row += kSide) {
    int64_t column = 0;
    if (row < whole_rows) {
      for (; column < whole_columns; column += kSide) {
        TransposeSquare<kBytes>(in + column * in_step + row * kStep, in_step,
                                out + row * out_step + column * kStep,
                                out_step);
      }
    }
    for (int64_t i = row; i < std::min(row + kSide, tile.rows); ++i) {
      for (int64_t j = column; j < tile.columns; ++j) {
        std::memcpy(out + i * out_step + j * kStep,
                    in + j * in_step + i * kStep, kBytes);
      }
    }
  }
  for (int64_t row = 0; row < tile.rows; ++row) {
    std::memcpy(tile.to + row * tile.to_row_stride * kStep,
                out + row * out_step, static_cast<size_t>(out_step));
  }
}

// Four elements are one cache line, so squares of four need no buffer.
template <>
void Transpose<16>(const Tile& tile) {
  constexpr int64_t kSide = 4;
  for (int64_t row = 0; row < tile.rows; row += kSide) {
    const int64_t last_row = std::min(row + kSide, tile.rows);
    for (int64_t column = 0; column < tile.columns; column += kSide) {
      const int64_t last_column = std::min(column + kSide, tile.columns);
      for (int64_t i = row; i < last_row; ++i) {
        for (int64_t j = column; j < last_column; ++j) {
          std::memcpy(tile.to + (i * tile.to_row_stride + j) * 16,
                      tile.from + (i + j * tile.from_column_stride) * 16, 16);
        }
      }
    }
  }
}

template <size_t kBytes>
void CopyElements(const Tile& tile) {
  if (tile.from_row_stride == 1 && tile.from_column_stride != 1 &&
      tile.to_column_stride == 1 && tile.rows > 1) {
    return Transpose<kBytes>(tile);
  }
  constexpr auto kStep = static_cast<int64_t>(kBytes);
  const int64_t from_step = tile.from_column_stride * kStep;
  const int64_t to_step = tile.to_column_stride * kStep;
  for (int64_t row = 0; row < tile.rows; ++row) {
    const char* from = tile.from + row * tile.from_row_stride * kStep;
    char* to = tile.to + row * tile.to_row_stride * kStep;
    if (from_step == kStep && to_step == kStep) {
      std::memcpy(to, from, static_cast<size_t>(tile.columns) * kBytes);
      continue;
    }
    if (to_step == kStep) {
#pragma GCC unroll 8
      for (int64_t column = 0; column < tile.columns; ++column) {
        std::memcpy(to + column * kStep, from, kBytes);
        from += from_step;
      }
      continue;
    }
    for (int64_t column = 0; column < tile.columns; ++column) {
      std::memcpy(to, from, kBytes);
      from += from_step;
      to += to_step;
    }
  }
}

bool HasElements(absl::Span<const int64_t> shape) {
  return std::find(shape.begin(), shape.end(), 0) == shape.end();
}

}  // namespace

bool IsDense(absl::Span<const int64_t> shape,
             absl::Span<const int64_t> strides) {
  if (!HasElements(shape)) return true;
  int64_t next = 1;
  for (const auto& [stride, size] : SortedDimensions(shape, strides)) {
    if (stride != next) return false;
    next *= size;
  }
  return true;
}

bool HasNoOverlap(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides) {
  if (!HasElements(shape)) return true;
  int64_t extent = 1;  // of the dimensions so far, less than 2^63
  for (const auto& [stride, size] : SortedDimensions(shape, strides)) {
    if (stride < extent) return false;
    extent += (size - 1) * stride;
  }
  return true;
}

bool HasSameStrides(absl::Span<const int64_t> shape,
                    absl::Span<const int64_t> a, absl::Span<const int64_t> b) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1 && a[i] != b[i]) return false;
  }
  return true;
}

void CopyTile(const void* from, int64_t from_row_stride,
              int64_t from_column_stride, void* to, int64_t to_row_stride,
              int64_t to_column_stride, int64_t rows, int64_t columns,
              uint64_t element_bytes) {
  const Tile tile = {static_cast<const char*>(from),
                     static_cast<char*>(to),
                     from_row_stride,
                     from_column_stride,
                     to_row_stride,
                     to_column_stride,
                     rows,
                     columns};
  switch (element_bytes) {
    case 1:
      return CopyElements<1>(tile);
    case 2:
      return CopyElements<2>(tile);
    case 4:
      return CopyElements<4>(tile);
    case 8:
      return CopyElements<8>(tile);
    default:
      return CopyElements<16>(tile);
  }
}

void CopyStrided(const void* from, absl::Span<const int64_t> from_strides,
                 void* to, absl::Span<const int64_t> to_strides,
                 absl::Span<const int64_t> shape, uint64_t element_bytes) {
  const StridedTiles<2> tiles(shape, {{to_strides, from_strides}},
                              static_cast<int64_t>(kTileBytes / element_bytes));
  const auto* const in = static_cast<const char*>(from);
  auto* const out = static_cast<char*>(to);
  ParallelFor(
      0, tiles.count(), GrainOf(tiles.tile_elements()),
      [&](int64_t first, int64_t last) {
        tiles.ForEach(
            first, last,
            [&](const auto& offsets, int64_t rows, int64_t columns) {
              CopyTile(in + static_cast<uint64_t>(offsets[1]) * element_bytes,
                       tiles.row_strides()[1], tiles.column_strides()[1],
                       out + static_cast<uint64_t>(offsets[0]) * element_bytes,
                       tiles.row_strides()[0], tiles.column_strides()[0], rows,
                       columns, element_bytes);
            });
      });
}

}  // namespace v1
}  // namespace ferry
