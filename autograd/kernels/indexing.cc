// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/indexing.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/element_bytes.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// A slice is divided into tiles of so many elements, so that several threads
// can share it.
constexpr int64_t kSliceTile = 2048;
// CopyTile has no limit for elements of 16 bytes.
static_assert(kSliceTile * 8 <= kMaxTileBytes);

// The number of slices that one piece of work reads, if it reads one element of
// each.
constexpr int64_t kSliceBlock = 4096;

// ------------------------------------------------------------------- Indices

template <typename T>
int64_t LoadIndex(const void* index, int64_t i) {
  return LoadElement<T>(static_cast<const char*>(index) +
                        i * static_cast<int64_t>(sizeof(T)));
}

// Calls `body` with a value of the type of the indices.
template <typename Body>
void WithIndexType(DType dtype, Body body) {
  if (dtype == DType::kInt32) {
    body(int32_t{});
  } else {
    body(int64_t{});
  }
}

// Calls `body(position, index)` for all indices, on several threads and in any
// order, with their positions in row-major order.
template <typename Body>
void ForEachIndex(const Tensor& index, Body body) {
  const Dimensions row_major = ContiguousStrides(index.shape());
  const StridedTiles<2> tiles(index.shape(), {{row_major, index.strides()}},
                              kSliceTile);
  WithIndexType(index.dtype(), [&](auto type) {
    using T = decltype(type);
    const void* const data = index.data();
    const auto [position_row, index_row] = tiles.row_strides();
    const auto [position_column, index_column] = tiles.column_strides();
    ParallelFor(0, tiles.count(), GrainOf(tiles.tile_elements()),
                [&, position_row = position_row, index_row = index_row,
                 position_column = position_column,
                 index_column = index_column](int64_t first, int64_t last) {
                  tiles.ForEach(
                      first, last,
                      [&](const auto& offsets, int64_t rows, int64_t columns) {
                        for (int64_t row = 0; row < rows; ++row) {
                          int64_t position = offsets[0] + row * position_row;
                          int64_t i = offsets[1] + row * index_row;
                          for (int64_t column = 0; column < columns; ++column) {
                            body(position, LoadIndex<T>(data, i));
                            position += position_column;
                            i += index_column;
                          }
                        }
                      });
                });
  });
}

int64_t Resolve(int64_t index, int64_t size, NegativeIndices negative) {
  return negative == NegativeIndices::kCountFromEnd && index < 0 ? index + size
                                                                 : index;
}

bool IsInside(int64_t index, int64_t size) {
  return static_cast<uint64_t>(index) < static_cast<uint64_t>(size);
}

// Describes the first index that is out of range. Slow.
absl::Status BadIndex(const Tensor& index, int64_t dim, int64_t size,
                      NegativeIndices negative) {
  const absl::Span<const int64_t> shape = index.shape();
  int64_t bad = 0;
  WithIndexType(index.dtype(), [&](auto type) {
    for (int64_t i = 0; i < index.num_elements(); ++i) {
      int64_t offset = 0;
      int64_t rest = i;
      for (size_t d = shape.size(); d-- > 0; rest /= shape[d]) {
        offset += rest % shape[d] * index.strides()[d];
      }
      bad = LoadIndex<decltype(type)>(index.data(), offset);
      if (!IsInside(Resolve(bad, size, negative), size)) return;
    }
  });
  return absl::OutOfRangeError(absl::StrCat("index ", bad,
                                            " is out of bounds for dimension ",
                                            dim, " with size ", size));
}

// Whether slices of `tensor` can use the memory of an index.
bool CanBeShared(const Tensor& index, const Tensor& tensor) {
  return index.dtype() == DType::kInt64 && index.is_contiguous() &&
         reinterpret_cast<uintptr_t>(index.data()) % alignof(int64_t) == 0 &&
         !MayOverlap(index, tensor);
}

// --------------------------------------------------------------------- Slices

// Where the slices of a tensor begin, in elements: at the indices of a table,
// or at multiples of a stride.
struct StartsView {
  int64_t operator[](int64_t i) const {
    return table != nullptr ? InTable(i) : i * stride;
  }
  int64_t InTable(int64_t i) const {
    const int64_t index = table[i];
    return (index + (index >> 63 & size)) * factor;
  }

  const int64_t* table = nullptr;
  int64_t size = 0;
  int64_t factor = 1;
  int64_t stride = 0;
};

// The same, with the memory of the table, if that is not a tensor's.
struct Starts : StartsView {
  Tensor memory;
};

Starts StartsOf(const Slices& slices) {
  Starts starts;
  starts.table = slices.indices();
  starts.size = slices.size();
  starts.factor = slices.factor();
  return starts;
}

// Where the slices of `tensor` begin if its first dimensions number them.
absl::StatusOr<Starts> StartsOf(const Tensor& tensor, size_t leading) {
  const auto shape = tensor.shape().first(leading);
  const auto strides = tensor.strides().first(leading);
  Starts starts;
  int64_t next = -1;
  bool is_regular = true;
  for (size_t d = leading; d-- > 0 && is_regular;) {
    if (shape[d] == 1) continue;
    if (shape[d] == 0) return starts;
    if (next == -1) starts.stride = next = strides[d];
    is_regular = strides[d] == next;
    // A product that does not fit is not the stride of the next dimension.
    if (__builtin_mul_overflow(strides[d], shape[d], &next)) next = -2;
  }
  if (is_regular) return starts;
  FERRY_ASSIGN_OR_RETURN(starts.memory,
                         Empty(shape, TensorOptions().dtype(DType::kInt64)));
  auto* const table = static_cast<int64_t*>(starts.memory.data());
  starts.table = table;
  const Dimensions row_major = ContiguousStrides(shape);
  const StridedTiles<2> tiles(shape, {{row_major, strides}}, kSliceTile);
  tiles.ForEach(0, tiles.count(),
                [&](const auto& offsets, int64_t rows, int64_t columns) {
                  for (int64_t row = 0; row < rows; ++row) {
                    for (int64_t column = 0; column < columns; ++column) {
                      table[offsets[0] + row * tiles.row_strides()[0] +
                            column * tiles.column_strides()[0]] =
                          offsets[1] + row * tiles.row_strides()[1] +
                          column * tiles.column_strides()[1];
                    }
                  }
                });
  return starts;
}

// What to do with each element: the operations of `MoveSlices`. All elements
// have kBytes.
template <typename Bits>
struct CopyOp {
  static constexpr int64_t kBytes = sizeof(Bits);
  static void One(const char* from, char* to) {
    StoreElement(to, LoadElement<Bits>(from));
  }
  static void Run(const char* from, char* to, int64_t count) {
    std::memcpy(to, from, static_cast<size_t>(count * kBytes));
  }
  static void Tile(const char* from, int64_t from_row, int64_t from_column,
                   char* to, int64_t to_row, int64_t to_column, int64_t rows,
                   int64_t columns) {
    CopyTile(from, from_row, from_column, to, to_row, to_column, rows, columns,
             sizeof(Bits));
  }
};

template <typename T>
T Sum(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return a || b;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}

template <typename T>
struct AddOp {
  static constexpr int64_t kBytes = sizeof(T);
  static T Load(const char* from) {
    if constexpr (std::is_same_v<T, bool>) {
      return *from != 0;
    } else {
      return LoadElement<T>(from);
    }
  }
  static void One(const char* from, char* to) {
    StoreElement(to, Sum(Load(to), Load(from)));
  }
  static void Run(const char* from, char* to, int64_t count) {
    // Four sums at a time, in which the compiler sees vectors.
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
      T sums[4];
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) {
        sums[j] =
            Sum(Load(to + (i + j) * kBytes), Load(from + (i + j) * kBytes));
      }
      std::memcpy(to + i * kBytes, sums, sizeof(sums));
    }
    for (; i < count; ++i) One(from + i * kBytes, to + i * kBytes);
  }
  static void Tile(const char* from, int64_t from_row, int64_t from_column,
                   char* to, int64_t to_row, int64_t to_column, int64_t rows,
                   int64_t columns) {
    for (int64_t row = 0; row < rows; ++row) {
      const char* in = from + row * from_row * kBytes;
      char* out = to + row * to_row * kBytes;
      if (from_column == 1 && to_column == 1) {
        Run(in, out, columns);
        continue;
      }
      for (int64_t column = 0; column < columns; ++column) {
        One(in, out);
        in += from_column * kBytes;
        out += to_column * kBytes;
      }
    }
  }
};

// The slices to move. View 0 of the tiles is `to`, view 1 is `from`.
struct Move {
  const char* from;
  Starts from_starts;
  char* to;
  Starts to_starts;
  int64_t count;
  const StridedTiles<2>& tiles;
  int64_t slice_elements;
  bool is_one_run;  // whether the elements of a slice are adjacent

  // Whether to move one element of all slices before the next element. That is
  // quicker if neither side has adjacent elements in a slice.
  bool element_by_element() const {
    return slice_elements == 1 ||
           (count > 1 && tiles.column_strides()[0] != 1 &&
            tiles.column_strides()[1] != 1);
  }
};

// Moves one element of slices [first, last). Takes copies of where they begin:
// a write through a pointer to char could change what the caller has, so the
// compiler would load it again for each element.
template <typename Op>
void MoveElements(const char* from, const StartsView from_starts, char* to,
                  const StartsView to_starts, int64_t first, int64_t last) {
  constexpr int64_t kBytes = Op::kBytes;
  if (from_starts.table != nullptr && to_starts.table == nullptr) {
    for (int64_t i = first; i < last; ++i) {
      Op::One(from + from_starts.InTable(i) * kBytes,
              to + i * to_starts.stride * kBytes);
    }
  } else if (from_starts.table == nullptr && to_starts.table != nullptr) {
    for (int64_t i = first; i < last; ++i) {
      Op::One(from + i * from_starts.stride * kBytes,
              to + to_starts.InTable(i) * kBytes);
    }
  } else {
    for (int64_t i = first; i < last; ++i) {
      Op::One(from + from_starts[i] * kBytes, to + to_starts[i] * kBytes);
    }
  }
}

// Moves tiles [first_tile, last_tile) of slices [first, last).
template <typename Op>
void MovePart(const Move& move, int64_t first, int64_t last, int64_t first_tile,
              int64_t last_tile) {
  constexpr int64_t kBytes = Op::kBytes;
  const auto& rows_along = move.tiles.row_strides();
  const auto& columns_along = move.tiles.column_strides();
  if (move.tiles.count() == 1 && move.is_one_run) {
    for (int64_t i = first; i < last; ++i) {
      Op::Run(move.from + move.from_starts[i] * kBytes,
              move.to + move.to_starts[i] * kBytes, move.slice_elements);
    }
    return;
  }
  move.tiles.ForEach(
      first_tile, last_tile,
      [&](const auto& offsets, int64_t rows, int64_t columns) {
        char* const to = move.to + offsets[0] * kBytes;
        const char* const from = move.from + offsets[1] * kBytes;
        if (!move.element_by_element()) {
          // All slices of one tile, so that the tile may stay in the cache.
          for (int64_t i = first; i < last; ++i) {
            Op::Tile(from + move.from_starts[i] * kBytes, rows_along[1],
                     columns_along[1], to + move.to_starts[i] * kBytes,
                     rows_along[0], columns_along[0], rows, columns);
          }
          return;
        }
        for (int64_t row = 0; row < rows; ++row) {
          for (int64_t column = 0; column < columns; ++column) {
            MoveElements<Op>(
                from +
                    (row * rows_along[1] + column * columns_along[1]) * kBytes,
                move.from_starts,
                to + (row * rows_along[0] + column * columns_along[0]) * kBytes,
                move.to_starts, first, last);
          }
        }
      });
}

// Moves slices to slices that do not overlap, so any thread may move any part.
template <typename Op>
void MoveToDistinct(const Move& move) {
  const int64_t tiles = move.tiles.count();
  if (move.element_by_element()) {
    const int64_t blocks = (move.count - 1) / kSliceBlock + 1;
    const int64_t elements =
        std::min(move.count, kSliceBlock) * move.tiles.tile_elements();
    ParallelFor(
        0, tiles * blocks, GrainOf(elements), [&](int64_t first, int64_t last) {
          for (int64_t piece = first; piece < last; ++piece) {
            const int64_t tile = piece / blocks;
            const int64_t begin = piece % blocks * kSliceBlock;
            MovePart<Op>(move, begin, std::min(begin + kSliceBlock, move.count),
                         tile, tile + 1);
          }
        });
    return;
  }
  // Pieces are numbered by slice, then by tile.
  ParallelFor(0, move.count * tiles, GrainOf(move.tiles.tile_elements()),
              [&](int64_t first, int64_t last) {
                int64_t begin = first;
                while (begin < last) {
                  const int64_t slice = begin / tiles;
                  const int64_t tile = begin % tiles;
                  const int64_t slices = (last - begin) / tiles;
                  if (tile == 0 && slices > 0) {
                    for (int64_t i = slice; tiles > 1 && i < slice + slices;
                         ++i) {
                      MovePart<Op>(move, i, i + 1, 0, tiles);
                    }
                    if (tiles == 1) {
                      MovePart<Op>(move, slice, slice + slices, 0, 1);
                    }
                    begin += slices * tiles;
                    continue;
                  }
                  const int64_t end = std::min(last - slice * tiles, tiles);
                  MovePart<Op>(move, slice, slice + 1, tile, end);
                  begin = slice * tiles + end;
                }
              });
}

// Moves slices to slices that may be equal, in order. Each thread has its own
// part of `to`: some tiles of all slices if the slices are large, and otherwise
// the slices that begin in a certain range. Neither changes the order in which
// an element is written.
template <typename Op>
void MoveToEqual(const Move& move) {
  constexpr int64_t kManyTiles = 16;
  const int64_t tiles = move.tiles.count();
  if (tiles >= kManyTiles) {
    ParallelFor(0, tiles, GrainOf(move.tiles.tile_elements() * move.count),
                [&](int64_t first, int64_t last) {
                  MovePart<Op>(move, 0, move.count, first, last);
                });
    return;
  }
  const int64_t chunks =
      move.count * move.slice_elements / kElementsPerThread + 1;
  if (chunks == 1) return MovePart<Op>(move, 0, move.count, 0, tiles);
  int64_t least = move.to_starts[0];
  int64_t greatest = least;
  for (int64_t i = 1; i < move.count; ++i) {
    least = std::min(least, move.to_starts[i]);
    greatest = std::max(greatest, move.to_starts[i]);
  }
  const int64_t range = greatest - least + 1;
  ParallelFor(0, range, std::max<int64_t>(range / chunks, 1),
              [&](int64_t begin, int64_t end) {
                if (begin == 0 && end == range) {
                  return MovePart<Op>(move, 0, move.count, 0, tiles);
                }
                for (int64_t i = 0; i < move.count; ++i) {
                  const int64_t start = move.to_starts[i] - least;
                  if (start < begin || start >= end) continue;
                  MovePart<Op>(move, i, i + 1, 0, tiles);
                }
              });
}

enum class Targets { kDistinct, kMayBeEqual };

template <typename Op>
void MoveSlices(const void* from, const Starts& from_starts,
                absl::Span<const int64_t> from_strides, void* to,
                const Starts& to_starts, absl::Span<const int64_t> to_strides,
                absl::Span<const int64_t> shape, int64_t count,
                Targets targets) {
  const StridedTiles<2> tiles(shape, {{to_strides, from_strides}}, kSliceTile);
  if (tiles.count() == 0 || count == 0) return;
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  const Move move = {
      static_cast<const char*>(from),
      from_starts,
      static_cast<char*>(to),
      to_starts,
      count,
      tiles,
      elements,
      elements > 1 && tiles.tile_elements() == elements &&
          tiles.row_strides() == StridedTiles<2>::Offsets{0, 0} &&
          tiles.column_strides() == StridedTiles<2>::Offsets{1, 1}};
  if (targets == Targets::kDistinct) {
    MoveToDistinct<Op>(move);
  } else {
    MoveToEqual<Op>(move);
  }
}

// Calls `body` with a value of the type of the elements of a dtype that has
// exact additions, or additions with a rounding of their own.
template <typename Body>
void WithAddableType(DType dtype, Body body) {
  switch (dtype) {
    case DType::kFloat32:
      return body(float{});
    case DType::kFloat64:
      return body(double{});
    case DType::kComplex64:
      return body(std::complex<float>());
    case DType::kComplex128:
      return body(std::complex<double>());
    case DType::kBool:
      return body(bool{});
    default:
      break;
  }
  switch (ElementSizeBytes(dtype)) {
    case 1:
      return body(uint8_t{});
    case 2:
      return body(uint16_t{});
    case 4:
      return body(uint32_t{});
    default:
      return body(uint64_t{});
  }
}

absl::Status CheckHasAddition(DType dtype) {
  if (dtype != DType::kComplex32) return absl::OkStatus();
  return absl::UnimplementedError(
      "elements of complex32 cannot be added; cast the tensors to complex64");
}

bool IsNarrowFloat(DType dtype) {
  return Category(dtype) == DTypeCategory::kFloat &&
         ElementSizeBytes(dtype) < 4;
}

// Casts elements between two views of the same shape and strides.
void CastView(const void* from, DType from_dtype, void* to, DType to_dtype,
              absl::Span<const int64_t> shape,
              absl::Span<const int64_t> strides) {
  const auto from_bytes = static_cast<int64_t>(ElementSizeBytes(from_dtype));
  const auto to_bytes = static_cast<int64_t>(ElementSizeBytes(to_dtype));
  const StridedTiles<1> tiles(shape, {{strides}}, kSliceTile);
  const int64_t row_stride = tiles.row_strides()[0];
  const int64_t column_stride = tiles.column_strides()[0];
  const auto cast = [&](int64_t offset, int64_t count) {
    CastElements(static_cast<const char*>(from) + offset * from_bytes,
                 from_dtype, static_cast<char*>(to) + offset * to_bytes,
                 to_dtype, count);
  };
  ParallelFor(0, tiles.count(), GrainOf(tiles.tile_elements()),
              [&](int64_t first, int64_t last) {
                tiles.ForEach(
                    first, last,
                    [&](const auto& offsets, int64_t rows, int64_t columns) {
                      for (int64_t row = 0; row < rows; ++row) {
                        const int64_t offset = offsets[0] + row * row_stride;
                        if (column_stride == 1 || columns == 1) {
                          cast(offset, columns);
                          continue;
                        }
                        for (int64_t column = 0; column < columns; ++column) {
                          cast(offset + column * column_stride, 1);
                        }
                      }
                    });
              });
}

// Calls `body` with float32 memory that has the elements of `tensor`, at the
// same offsets, and casts them back afterwards.
template <typename Body>
absl::Status InFloat32(const Tensor& tensor, Body body) {
  FERRY_ASSIGN_OR_RETURN(const int64_t extent,
                         ViewExtent(tensor.shape(), tensor.strides(), 0));
  FERRY_ASSIGN_OR_RETURN(const Tensor wide, Empty({extent}));
  CastView(tensor.data(), tensor.dtype(), wide.data(), DType::kFloat32,
           tensor.shape(), tensor.strides());
  body(wide.data());
  CastView(wide.data(), DType::kFloat32, tensor.data(), tensor.dtype(),
           tensor.shape(), tensor.strides());
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckIndices(const Tensor& index, int64_t dim, int64_t size,
                          NegativeIndices negative) {
  std::atomic<bool> all_inside = true;
  if (index.dtype() == DType::kInt64 && index.is_contiguous()) {
    const auto* const indices = static_cast<const char*>(index.data());
    const int64_t wrap = negative == NegativeIndices::kCountFromEnd ? size : 0;
    ParallelFor(0, index.num_elements(), kElementsPerThread,
                [&](int64_t first, int64_t last) {
                  bool is_inside = true;
                  for (int64_t i = first; i < last; ++i) {
                    const auto at = LoadIndex<int64_t>(indices, i);
                    is_inside &= IsInside(at + (at >> 63 & wrap), size);
                  }
                  if (!is_inside) {
                    all_inside.store(false, std::memory_order_relaxed);
                  }
                });
  } else {
    ForEachIndex(index, [&](int64_t, int64_t i) {
      if (!IsInside(Resolve(i, size, negative), size)) {
        all_inside.store(false, std::memory_order_relaxed);
      }
    });
  }
  return all_inside ? absl::OkStatus() : BadIndex(index, dim, size, negative);
}

absl::StatusOr<Slices> SlicesAt(const Tensor& tensor,
                                absl::Span<const IndexedDimension> indexed,
                                NegativeIndices negative) {
  Slices slices;
  slices.tensor_ = tensor;
  for (int d = 0; d < tensor.rank(); ++d) {
    const bool is_indexed =
        std::any_of(indexed.begin(), indexed.end(),
                    [d](const IndexedDimension& at) { return at.dim == d; });
    if (is_indexed) continue;
    slices.shape_.push_back(tensor.shape()[d]);
    slices.strides_.push_back(tensor.strides()[d]);
  }
  if (indexed.size() == 1 && CanBeShared(indexed[0].index, tensor)) {
    const auto& [dim, index] = indexed[0];
    slices.index_ = index;
    slices.size_ = tensor.shape()[dim];
    // A tensor without elements may have any strides.
    slices.factor_ = tensor.num_elements() == 0 ? 0 : tensor.strides()[dim];
    FERRY_RETURN_IF_ERROR(CheckIndices(index, dim, slices.size_, negative));
    return slices;
  }
  absl::Span<const int64_t> index_shape;
  if (!indexed.empty()) index_shape = indexed[0].index.shape();
  FERRY_ASSIGN_OR_RETURN(
      slices.index_, Zeros(index_shape, TensorOptions().dtype(DType::kInt64)));
  auto* const offsets = static_cast<int64_t*>(slices.index_.data());
  for (const auto& [dim, index] : indexed) {
    const int64_t size = tensor.shape()[dim];
    const auto stride = static_cast<uint64_t>(
        tensor.num_elements() == 0 ? 0 : tensor.strides()[dim]);
    std::atomic<bool> all_inside = true;
    ForEachIndex(index, [&](int64_t position, int64_t i) {
      const int64_t resolved = Resolve(i, size, negative);
      if (!IsInside(resolved, size)) {
        all_inside.store(false, std::memory_order_relaxed);
        return;
      }
      offsets[position] +=
          static_cast<int64_t>(static_cast<uint64_t>(resolved) * stride);
    });
    if (!all_inside) return BadIndex(index, dim, size, negative);
  }
  return slices;
}

absl::StatusOr<Slices> ElementsAt(const Tensor& tensor, const Tensor& index,
                                  NegativeIndices negative) {
  Slices slices;
  slices.tensor_ = tensor;
  if (tensor.is_contiguous() && CanBeShared(index, tensor)) {
    slices.index_ = index;
    slices.size_ = tensor.num_elements();
    FERRY_RETURN_IF_ERROR(CheckIndices(index, 0, slices.size_, negative));
    return slices;
  }
  FERRY_ASSIGN_OR_RETURN(
      slices.index_,
      Empty(index.shape(), TensorOptions().dtype(DType::kInt64)));
  auto* const offsets = static_cast<int64_t*>(slices.index_.data());
  const int64_t size = tensor.num_elements();
  const absl::Span<const int64_t> shape = tensor.shape();
  const bool is_contiguous = tensor.is_contiguous();
  std::atomic<bool> all_inside = true;
  ForEachIndex(index, [&](int64_t position, int64_t i) {
    int64_t rest = Resolve(i, size, negative);
    if (!IsInside(rest, size)) {
      all_inside.store(false, std::memory_order_relaxed);
      return;
    }
    if (is_contiguous) {
      offsets[position] = rest;
      return;
    }
    int64_t offset = 0;
    for (size_t d = shape.size(); d-- > 0; rest /= shape[d]) {
      offset += rest % shape[d] * tensor.strides()[d];
    }
    offsets[position] = offset;
  });
  if (!all_inside) return BadIndex(index, 0, size, negative);
  return slices;
}

absl::Status CopySlices(const Slices& from, const Tensor& to) {
  const size_t leading = from.index_shape().size();
  FERRY_ASSIGN_OR_RETURN(const Starts to_starts, StartsOf(to, leading));
  WithElementBits(ElementSizeBytes(to.dtype()), [&](auto bits) {
    MoveSlices<CopyOp<decltype(bits)>>(
        from.tensor().data(), StartsOf(from), from.strides(), to.data(),
        to_starts, to.strides().subspan(leading), from.shape(), from.count(),
        Targets::kDistinct);
  });
  return absl::OkStatus();
}

absl::Status CopyToSlices(const Tensor& from, const Slices& to) {
  const size_t leading = to.index_shape().size();
  FERRY_ASSIGN_OR_RETURN(const Starts from_starts, StartsOf(from, leading));
  WithElementBits(ElementSizeBytes(from.dtype()), [&](auto bits) {
    MoveSlices<CopyOp<decltype(bits)>>(
        from.data(), from_starts, from.strides().subspan(leading),
        to.tensor().data(), StartsOf(to), to.strides(), to.shape(), to.count(),
        Targets::kMayBeEqual);
  });
  return absl::OkStatus();
}

absl::Status AddToSlices(const Tensor& from, const Slices& to) {
  FERRY_RETURN_IF_ERROR(CheckHasAddition(from.dtype()));
  const bool is_narrow = IsNarrowFloat(from.dtype());
  Tensor addend = from;
  if (is_narrow) {
    FERRY_ASSIGN_OR_RETURN(addend, strided::Cast(from, DType::kFloat32));
  }
  const size_t leading = to.index_shape().size();
  FERRY_ASSIGN_OR_RETURN(const Starts from_starts, StartsOf(addend, leading));
  const auto add = [&](void* sum) {
    WithAddableType(addend.dtype(), [&](auto type) {
      MoveSlices<AddOp<decltype(type)>>(addend.data(), from_starts,
                                        addend.strides().subspan(leading), sum,
                                        StartsOf(to), to.strides(), to.shape(),
                                        to.count(), Targets::kMayBeEqual);
    });
  };
  if (is_narrow) return InFloat32(to.tensor(), add);
  add(to.tensor().data());
  return absl::OkStatus();
}

namespace {

// A loop with one index per element: over the dimensions other than one, in
// tiles, and over that one. In the inner loop are elements that are adjacent in
// memory. View 0 is of the tensor that has no indices, view 1 of the index, and
// view 2 of the tensor in which the indices choose an element.
class IndexLoop {
 public:
  IndexLoop(const Tensor& plain, const Tensor& index,
            absl::Span<const int64_t> indexed_strides, int dim,
            int64_t element_bytes)
      : length_(index.shape()[dim]),
        plain_stride_(plain.strides()[dim]),
        index_stride_(index.strides()[dim]),
        indexed_stride_(indexed_strides[dim]),
        // A row of one index would be no row.
        is_inner_(length_ > 1 &&
                  std::all_of(index.strides().begin(), index.strides().end(),
                              [this](int64_t stride) {
                                return index_stride_ <= stride;
                              })),
        tiles_(Others(index.shape(), dim),
               {{plain.strides(), index.strides(), indexed_strides}},
               is_inner_ ? 1 : kCacheLine / element_bytes) {}

  // Calls `body(p, i, x, count, steps)` for rows of elements, with the offsets
  // of the first of them in the three views, and the three strides. Rows along
  // the dimension are visited in order. Threads share the other dimensions.
  template <typename Body>
  void ForEachRow(Body body) const {
    const std::array<int64_t, 3> along = {plain_stride_, index_stride_, 0};
    const auto& rows_along = tiles_.row_strides();
    const auto& columns_along = tiles_.column_strides();
    ParallelFor(0, tiles_.count(), GrainOf(tiles_.tile_elements() * length_),
                [&](int64_t first, int64_t last) {
                  tiles_.ForEach(
                      first, last,
                      [&](const auto& offsets, int64_t rows, int64_t columns) {
                        for (int64_t row = 0; row < rows; ++row) {
                          const int64_t p = offsets[0] + row * rows_along[0];
                          const int64_t i = offsets[1] + row * rows_along[1];
                          const int64_t x = offsets[2] + row * rows_along[2];
                          if (is_inner_) {
                            body(p, i, x, length_, along);
                            continue;
                          }
                          for (int64_t j = 0; j < length_; ++j) {
                            body(p + j * plain_stride_, i + j * index_stride_,
                                 x, columns, columns_along);
                          }
                        }
                      });
                });
  }

  // What an index is multiplied with.
  int64_t indexed_stride() const { return indexed_stride_; }

 private:
  static constexpr int64_t kCacheLine = 64;

  static Dimensions Others(absl::Span<const int64_t> shape, int dim) {
    Dimensions others(shape.begin(), shape.end());
    others[dim] = std::min<int64_t>(shape[dim], 1);
    return others;
  }

  const int64_t length_;
  const int64_t plain_stride_;
  const int64_t index_stride_;
  const int64_t indexed_stride_;
  const bool is_inner_;
  const StridedTiles<3> tiles_;
};

// Copies a row of elements that indices choose. Leaves out those whose index is
// not in [0, size), and returns whether there are none.
template <typename Bits>
bool GatherRow(const char* from, int64_t from_step, int64_t from_stride,
               const char* index, int64_t index_step, int64_t size, char* to,
               int64_t to_step, int64_t count) {
  constexpr int64_t kBytes = sizeof(Bits);
  bool all_inside = true;
  for (int64_t i = 0; i < count; ++i) {
    const auto chosen = LoadIndex<int64_t>(index, i * index_step);
    if (IsInside(chosen, size)) {
      StoreElement(to + i * to_step * kBytes,
                   LoadElement<Bits>(
                       from + (i * from_step + chosen * from_stride) * kBytes));
    } else {
      all_inside = false;
    }
  }
  return all_inside;
}

}  // namespace

absl::Status Gather(const Tensor& from, int dim, const Tensor& index,
                    const Tensor& to) {
  const int64_t size = from.shape()[dim];
  if (to.rank() == 1) {
    // In one dimension the elements are slices, which threads can share.
    FERRY_ASSIGN_OR_RETURN(const Slices elements,
                           SlicesAt(from, {IndexedDimension{dim, index}},
                                    NegativeIndices::kAreErrors));
    return CopySlices(elements, to);
  }
  std::atomic<bool> all_inside = true;
  WithElementBits(ElementSizeBytes(to.dtype()), [&](auto bits) {
    using Bits = decltype(bits);
    constexpr int64_t kBytes = sizeof(Bits);
    const IndexLoop loop(to, index, from.strides(), dim, kBytes);
    const auto* const in = static_cast<const char*>(from.data());
    auto* const out = static_cast<char*>(to.data());
    const auto* const indices = static_cast<const char*>(index.data());
    const int64_t stride = loop.indexed_stride();
    loop.ForEachRow(
        [&](int64_t p, int64_t i, int64_t x, int64_t count, const auto& steps) {
          const char* const f = in + x * kBytes;
          const char* const at = indices + i * 8;
          char* const o = out + p * kBytes;
          // With constant steps the loop takes half the time.
          const bool is_dense = steps[0] == 1 && steps[1] == 1;
          const bool is_inside =
              is_dense && steps[2] == 0 && stride == 1
                  ? GatherRow<Bits>(f, 0, 1, at, 1, size, o, 1, count)
              : is_dense && steps[2] == 1
                  ? GatherRow<Bits>(f, 1, stride, at, 1, size, o, 1, count)
                  : GatherRow<Bits>(f, steps[2], stride, at, steps[1], size, o,
                                    steps[0], count);
          if (!is_inside) all_inside.store(false, std::memory_order_relaxed);
        });
  });
  return all_inside ? absl::OkStatus()
                    : BadIndex(index, dim, size, NegativeIndices::kAreErrors);
}

namespace {

template <typename Op>
void ScatterRow(const char* from, int64_t from_step, const char* index,
                int64_t index_step, char* to, int64_t to_step,
                int64_t to_stride, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    Op::One(from + i * from_step * Op::kBytes,
            to + (i * to_step +
                  LoadIndex<int64_t>(index, i * index_step) * to_stride) *
                     Op::kBytes);
  }
}

// Applies `Op` from each element of `from` to the element of `to` that its
// index chooses. The indices have been checked. Threads share the dimensions
// other than `dim`, so the targets of different threads are different.
template <typename Op>
void ScatterElements(const Tensor& from, int dim, const Tensor& index, void* to,
                     absl::Span<const int64_t> to_strides) {
  const IndexLoop loop(from, index, to_strides, dim, Op::kBytes);
  const auto* const in = static_cast<const char*>(from.data());
  auto* const out = static_cast<char*>(to);
  const auto* const indices = static_cast<const char*>(index.data());
  const int64_t stride = loop.indexed_stride();
  loop.ForEachRow(
      [&](int64_t p, int64_t i, int64_t x, int64_t count, const auto& steps) {
        const char* const f = in + p * Op::kBytes;
        const char* const at = indices + i * 8;
        char* const o = out + x * Op::kBytes;
        const bool is_dense = steps[0] == 1 && steps[1] == 1;
        if (is_dense && steps[2] == 0 && stride == 1) {
          ScatterRow<Op>(f, 1, at, 1, o, 0, 1, count);
        } else if (is_dense && steps[2] == 1) {
          ScatterRow<Op>(f, 1, at, 1, o, 1, stride, count);
        } else {
          ScatterRow<Op>(f, steps[0], at, steps[1], o, steps[2], stride, count);
        }
      });
}

// The indices of a scatter to `to`, in memory that the scatter does not write.
absl::StatusOr<Tensor> ScatterIndices(const Tensor& index, int dim,
                                      const Tensor& to) {
  Tensor indices = index;
  if (MayOverlap(index, to)) {
    FERRY_ASSIGN_OR_RETURN(indices, strided::Clone(index));
  }
  FERRY_RETURN_IF_ERROR(
      CheckIndices(indices, dim, to.shape()[dim], NegativeIndices::kAreErrors));
  return indices;
}

// In one dimension the elements are slices, which threads can share.
absl::StatusOr<Slices> ScatterTargets(const Tensor& index, const Tensor& to) {
  return SlicesAt(to, {IndexedDimension{0, index}},
                  NegativeIndices::kAreErrors);
}

}  // namespace

absl::Status Scatter(const Tensor& from, int dim, const Tensor& index,
                     const Tensor& to) {
  if (to.rank() == 1) {
    FERRY_ASSIGN_OR_RETURN(const Slices targets, ScatterTargets(index, to));
    FERRY_ASSIGN_OR_RETURN(const Tensor part,
                           strided::Narrow(from, 0, 0, index.num_elements()));
    return CopyToSlices(part, targets);
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor indices, ScatterIndices(index, dim, to));
  WithElementBits(ElementSizeBytes(to.dtype()), [&](auto bits) {
    ScatterElements<CopyOp<decltype(bits)>>(from, dim, indices, to.data(),
                                            to.strides());
  });
  return absl::OkStatus();
}

absl::Status ScatterAdd(const Tensor& from, int dim, const Tensor& index,
                        const Tensor& to) {
  FERRY_RETURN_IF_ERROR(CheckHasAddition(from.dtype()));
  if (to.rank() == 1) {
    FERRY_ASSIGN_OR_RETURN(const Slices targets, ScatterTargets(index, to));
    FERRY_ASSIGN_OR_RETURN(const Tensor part,
                           strided::Narrow(from, 0, 0, index.num_elements()));
    return AddToSlices(part, targets);
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor indices, ScatterIndices(index, dim, to));
  const bool is_narrow = IsNarrowFloat(from.dtype());
  Tensor addend = from;
  if (is_narrow) {
    FERRY_ASSIGN_OR_RETURN(addend, strided::Cast(from, DType::kFloat32));
  }
  const auto add = [&](void* sum) {
    WithAddableType(addend.dtype(), [&](auto type) {
      ScatterElements<AddOp<decltype(type)>>(addend, dim, indices, sum,
                                             to.strides());
    });
  };
  if (is_narrow) return InFloat32(to, add);
  add(to.data());
  return absl::OkStatus();
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
