// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/shapes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ferry/autograd/kernels/element_bytes.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

constexpr int64_t kTileElements = 2048;

int64_t ElementBytes(const Tensor& tensor) {
  return static_cast<int64_t>(ElementSizeBytes(tensor.dtype()));
}

char* ElementAt(const Tensor& tensor, int64_t offset) {
  return static_cast<char*>(tensor.data()) + offset * ElementBytes(tensor);
}

bool HasElements(absl::Span<const int64_t> shape) {
  return std::find(shape.begin(), shape.end(), 0) == shape.end();
}

// Copies a box of `shape` from one offset to another.
void CopyBox(const Tensor& from, int64_t from_offset, const Tensor& to,
             int64_t to_offset, absl::Span<const int64_t> shape) {
  if (!HasElements(shape)) return;
  CopyStrided(ElementAt(from, from_offset), from.strides(),
              ElementAt(to, to_offset), to.strides(), shape,
              static_cast<uint64_t>(ElementBytes(to)));
}

// The lanes of a vector of 16 bytes in reverse order.
template <size_t kBytes>
struct ReversedLanes;
template <>
struct ReversedLanes<1> {
  using Type = uint8_t __attribute__((vector_size(16)));
  static Type Of(Type v) {
    return __builtin_shufflevector(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5,
                                   4, 3, 2, 1, 0);
  }
};
template <>
struct ReversedLanes<2> {
  using Type = uint16_t __attribute__((vector_size(16)));
  static Type Of(Type v) {
    return __builtin_shufflevector(v, v, 7, 6, 5, 4, 3, 2, 1, 0);
  }
};
template <>
struct ReversedLanes<4> {
  using Type = uint32_t __attribute__((vector_size(16)));
  static Type Of(Type v) { return __builtin_shufflevector(v, v, 3, 2, 1, 0); }
};
template <>
struct ReversedLanes<8> {
  using Type = uint64_t __attribute__((vector_size(16)));
  static Type Of(Type v) { return __builtin_shufflevector(v, v, 1, 0); }
};
template <>
struct ReversedLanes<16> {
  using Type = Bits128;
  static Type Of(Type v) { return v; }
};

// Copies the elements from `last` backwards.
template <typename Bits>
void CopyReversed(const char* last, char* to, int64_t count) {
  constexpr int64_t kBytes = sizeof(Bits);
  constexpr int64_t kLanes = 16 / kBytes;
  using Lanes = ReversedLanes<sizeof(Bits)>;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const char* const from = last - (i + kLanes - 1) * kBytes;
    StoreElement(to + i * kBytes,
                 Lanes::Of(LoadElement<typename Lanes::Type>(from)));
  }
  for (; i < count; ++i) {
    StoreElement(to + i * kBytes, LoadElement<Bits>(last - i * kBytes));
  }
}

}  // namespace

void Fill(const void* value, const Tensor& to) {
  const StridedTiles<1> tiles(to.shape(), {{to.strides()}}, kTileElements);
  const int64_t row_stride = tiles.row_strides()[0];
  const int64_t column_stride = tiles.column_strides()[0];
  WithElementBits(ElementSizeBytes(to.dtype()), [&](auto bits) {
    using Bits = decltype(bits);
    constexpr int64_t kBytes = sizeof(Bits);
    const auto fill = LoadElement<Bits>(value);
    auto* const out = static_cast<char*>(to.data());
    ParallelFor(
        0, tiles.count(), GrainOf(tiles.tile_elements()),
        [&](int64_t first, int64_t last) {
          tiles.ForEach(
              first, last,
              [&](const auto& offsets, int64_t rows, int64_t columns) {
                for (int64_t row = 0; row < rows; ++row) {
                  char* o = out + (offsets[0] + row * row_stride) * kBytes;
                  for (int64_t column = 0; column < columns; ++column) {
                    StoreElement(o + column * column_stride * kBytes, fill);
                  }
                }
              });
        });
  });
}

void Cat(absl::Span<const Tensor> tensors, int dim, const Tensor& to) {
  int64_t begin = 0;
  for (const Tensor& tensor : tensors) {
    CopyBox(tensor, 0, to, begin * to.strides()[dim], tensor.shape());
    begin += tensor.shape()[dim];
  }
}

void Flip(const Tensor& from, absl::Span<const int> dims, const Tensor& to) {
  if (!HasElements(to.shape())) return;
  // The tiles only multiply and add the strides of a view that is not the
  // first, so they may be negative in the order kOfView0.
  Dimensions strides(from.strides().begin(), from.strides().end());
  int64_t start = 0;
  for (const int dim : dims) {
    start += (from.shape()[dim] - 1) * strides[dim];
    strides[dim] = -strides[dim];
  }
  const StridedTiles<2> tiles(to.shape(), {{to.strides(), strides}},
                              kTileElements, TileOrder::kOfView0);
  const auto& row_strides = tiles.row_strides();
  const auto& column_strides = tiles.column_strides();
  WithElementBits(ElementSizeBytes(to.dtype()), [&](auto bits) {
    using Bits = decltype(bits);
    constexpr int64_t kBytes = sizeof(Bits);
    const char* const in = ElementAt(from, start);
    char* const out = ElementAt(to, 0);
    ParallelFor(
        0, tiles.count(), GrainOf(tiles.tile_elements()),
        [&](int64_t first, int64_t last) {
          tiles.ForEach(
              first, last,
              [&](const auto& offsets, int64_t rows, int64_t columns) {
                for (int64_t row = 0; row < rows; ++row) {
                  const char* f =
                      in + (offsets[1] + row * row_strides[1]) * kBytes;
                  char* o = out + (offsets[0] + row * row_strides[0]) * kBytes;
                  if (column_strides[0] == 1 && column_strides[1] == 1) {
                    std::memcpy(o, f, static_cast<size_t>(columns * kBytes));
                    continue;
                  }
                  for (int64_t column = 0; column < columns; ++column) {
                    StoreElement(o + column * column_strides[0] * kBytes,
                                 LoadElement<Bits>(
                                     f + column * column_strides[1] * kBytes));
                  }
                }
              });
        });
  });
}

void Roll(const Tensor& from, absl::Span<const int64_t> shifts,
          const Tensor& to) {
  const absl::Span<const int64_t> shape = to.shape();
  if (!HasElements(shape)) return;
  // Each rotated dimension divides the tensor in two: the indices that move up,
  // and those that wrap around. A box is one part of each dimension. There are
  // no more boxes than elements.
  Dimensions rotated;
  Dimensions up(shape.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    up[d] = shifts[d] % shape[d];
    if (up[d] < 0) up[d] += shape[d];
    if (up[d] != 0) rotated.push_back(static_cast<int64_t>(d));
  }
  const uint64_t boxes = uint64_t{1} << rotated.size();
  for (uint64_t box = 0; box < boxes; ++box) {
    Dimensions size(shape.begin(), shape.end());
    int64_t from_offset = 0;
    int64_t to_offset = 0;
    for (size_t i = 0; i < rotated.size(); ++i) {
      const auto d = static_cast<size_t>(rotated[i]);
      const bool wraps = (box >> i & 1) != 0;
      size[d] = wraps ? up[d] : shape[d] - up[d];
      if (wraps) {
        from_offset += (shape[d] - up[d]) * from.strides()[d];
      } else {
        to_offset += up[d] * to.strides()[d];
      }
    }
    CopyBox(from, from_offset, to, to_offset, size);
  }
}

void Repeat(const Tensor& from, const Tensor& to) {
  if (!HasElements(to.shape())) return;
  // Each dimension that has several copies becomes two: the number of the copy,
  // and the index in it.
  Dimensions shape;
  Dimensions from_strides;
  Dimensions to_strides;
  for (int d = 0; d < to.rank(); ++d) {
    const int64_t size = from.shape()[d];
    const int64_t copies = to.shape()[d] / size;
    if (copies > 1) {
      shape.push_back(copies);
      from_strides.push_back(0);
      to_strides.push_back(size * to.strides()[d]);
    }
    if (size > 1) {
      shape.push_back(size);
      from_strides.push_back(from.strides()[d]);
      to_strides.push_back(to.strides()[d]);
    }
  }
  CopyStrided(from.data(), from_strides, to.data(), to_strides, shape,
              static_cast<uint64_t>(ElementBytes(to)));
}

void CopyTriangle(const Tensor& from, Triangle triangle, int64_t diagonal,
                  const Tensor& to) {
  if (!HasElements(to.shape())) return;
  const size_t rank = to.shape().size();
  const int64_t rows = to.shape()[rank - 2];
  const int64_t columns = to.shape()[rank - 1];
  const int64_t element_bytes = ElementBytes(to);
  const int64_t to_row = to.strides()[rank - 2];
  const int64_t to_column = to.strides()[rank - 1];
  const int64_t from_row = from.strides()[rank - 2];
  const int64_t from_column = from.strides()[rank - 1];
  char* const to_data = ElementAt(to, 0);
  const char* const from_data = ElementAt(from, 0);
  // Past these, no other diagonal differs.
  const int64_t shift = std::clamp(diagonal, -rows - 1, columns + 1);
  const char zero[16] = {};
  // One tile for each matrix, and in it the rows.
  Dimensions shape(to.shape().begin(), to.shape().end());
  shape[rank - 1] = 1;
  shape[rank - 2] = 1;
  const StridedTiles<2> matrices(shape, {{to.strides(), from.strides()}}, 1);
  const auto copy_rows = [&](int64_t to_offset, int64_t from_offset,
                             int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      // The columns from `begin` to `end` are kept.
      const int64_t edge = row + shift;
      const bool is_lower = triangle == Triangle::kLower;
      const int64_t begin =
          is_lower ? 0 : std::clamp<int64_t>(edge, 0, columns);
      const int64_t end =
          is_lower ? std::clamp<int64_t>(edge + 1, 0, columns) : columns;
      char* const out = to_data + (to_offset + row * to_row) * element_bytes;
      const char* const in =
          from_data + (from_offset + row * from_row) * element_bytes;
      const auto clear = [&](int64_t from_index, int64_t to_index) {
        CopyTile(zero, 0, 0, out + from_index * to_column * element_bytes, 0,
                 to_column, 1, to_index - from_index,
                 static_cast<uint64_t>(element_bytes));
      };
      clear(0, begin);
      CopyTile(in + begin * from_column * element_bytes, 0, from_column,
               out + begin * to_column * element_bytes, 0, to_column, 1,
               end - begin, static_cast<uint64_t>(element_bytes));
      clear(end, columns);
    }
  };
  // Pieces are numbered by matrix, then by row.
  ParallelFor(0, matrices.count() * rows, GrainOf(columns),
              [&](int64_t first, int64_t last) {
                const int64_t first_matrix = first / rows;
                int64_t matrix = first_matrix;
                matrices.ForEach(
                    first_matrix, (last - 1) / rows + 1,
                    [&](const auto& offsets, int64_t, int64_t) {
                      copy_rows(offsets[0], offsets[1],
                                std::max<int64_t>(first - matrix * rows, 0),
                                std::min(last - matrix * rows, rows));
                      ++matrix;
                    });
              });
}

void Pad(const Tensor& from, absl::Span<const int64_t> before,
         const void* value, const Tensor& to) {
  Dimensions shape;
  int64_t from_offset = 0;
  int64_t to_offset = 0;
  bool is_covered = true;
  for (int d = 0; d < to.rank(); ++d) {
    const int64_t from_size = from.shape()[d];
    const int64_t to_size = to.shape()[d];
    // Indices of `to` that have an element.
    const int64_t begin = std::clamp<int64_t>(before[d], 0, to_size);
    const int64_t end =
        std::clamp<int64_t>(from_size + before[d], begin, to_size);
    is_covered = is_covered && begin == 0 && end == to_size;
    shape.push_back(end - begin);
    if (end > begin) {
      to_offset += begin * to.strides()[d];
      from_offset += (begin - before[d]) * from.strides()[d];
    }
  }
  if (!is_covered) Fill(value, to);
  CopyBox(from, from_offset, to, to_offset, shape);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
