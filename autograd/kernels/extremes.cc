// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/extremes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "ferry/autograd/kernels/reduction_dimensions.h"
#include "ferry/autograd/kernels/reduction_kernels.h"
#include "ferry/autograd/kernels/runs.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// `LoadRun` copies what it cannot read in place.
static_assert(kMaxColumns <= kRunElements, "");

// The lines of `x` along one dimension, and their outputs.
struct Lines {
  Dimension line;      // the dimension along which to look
  DimensionList kept;  // in the order of the output
};

Lines LinesAlong(const Tensor& x, int dim, const Tensor& indices) {
  Lines lines;
  const Dimensions out_strides = ContiguousStrides(indices.shape());
  for (int i = 0; i < x.rank(); ++i) {
    const Dimension dimension = {x.shape()[i], x.strides()[i], out_strides[i]};
    if (i == dim) {
      lines.line = dimension;
    } else if (dimension.size != 1) {
      Dimension* former = lines.kept.empty() ? nullptr : &lines.kept.back();
      if (former != nullptr &&
          former->x_stride == dimension.size * dimension.x_stride &&
          former->out_stride == dimension.size * dimension.out_stride) {
        *former = {former->size * dimension.size, dimension.x_stride,
                   dimension.out_stride};
      } else {
        lines.kept.push_back(dimension);
      }
    }
  }
  return lines;
}

void StoreExtreme(const Tensor& values, const Tensor& indices, int64_t output,
                  int64_t index, const Tensor& x, int64_t x_offset) {
  static_cast<int64_t*>(indices.data())[output] = index;
  if (values.is_null()) return;
  const uint64_t bytes = ElementSizeBytes(x.dtype());
  std::copy_n(static_cast<const char*>(x.data()) +
                  static_cast<uint64_t>(x_offset) * bytes,
              bytes,
              static_cast<char*>(values.data()) +
                  static_cast<uint64_t>(output) * bytes);
}

template <typename T>
bool IsBetter(bool is_max, T a, T b) {
  // NOLINTNEXTLINE(misc-redundant-expression): NaN
  return (is_max ? a > b : a < b) || (a != a && b == b);
}

template <typename T>
struct Extreme {
  T value;
  int64_t index;
};

// The extreme among elements [begin, end) of a line.
template <typename T>
Extreme<T> ExtremeOfRow(const Tensor& x, const ReductionLoops<T>& loops,
                        bool is_max, int64_t offset, int64_t stride,
                        int64_t begin, int64_t end, RunBuffer<T>* buffer) {
  Extreme<T> best = {T{0}, -1};
  for (int64_t i = begin; i < end; i += kRunElements) {
    const int64_t count = std::min(kRunElements, end - i);
    const T* values = LoadRun(x.data(), x.dtype(), offset + i * stride, stride,
                              count, buffer);
    const T value = loops.run(values, count, T{0});
    if (best.index < 0 || IsBetter(is_max, value, best.value)) {
      best = {value, i + loops.find(values, count, value)};
    }
  }
  return best;
}

template <typename T>
absl::Status ExtremesByRow(const Tensor& x, const Lines& lines, bool is_max,
                           const Tensor& values, const Tensor& indices) {
  const ReductionLoops<T> loops =
      LoopsOf<T>(is_max ? Reduction::kMax : Reduction::kMin);
  const int64_t size = lines.line.size;
  const int64_t stride = lines.line.x_stride;
  const int64_t blocks = (size - 1) / kRowBlock + 1;
  const int64_t tasks = indices.num_elements() * blocks;
  Storage storage;
  Extreme<T>* partials = nullptr;
  if (blocks > 1) {
    FERRY_ASSIGN_OR_RETURN(
        storage,
        Storage::Allocate(static_cast<uint64_t>(tasks) * sizeof(Extreme<T>)));
    partials = static_cast<Extreme<T>*>(storage.data());
  }
  const int64_t grain = GrainOf(std::min(size, kRowBlock));
  ParallelFor(0, tasks, grain, [&](int64_t begin, int64_t end) {
    RunBuffer<T> buffer;
    Odometer kept(lines.kept, begin / blocks);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t block = task % blocks;
      const Extreme<T> best = ExtremeOfRow(
          x, loops, is_max, kept.x_offset(), stride, block * kRowBlock,
          std::min((block + 1) * kRowBlock, size), &buffer);
      if (partials != nullptr) {
        partials[task] = best;
      } else {
        StoreExtreme(values, indices, kept.out_offset(), best.index, x,
                     kept.x_offset() + best.index * stride);
      }
      if (block + 1 == blocks) kept.Advance();
    }
  });
  if (partials == nullptr) return absl::OkStatus();
  Odometer kept(lines.kept, 0);
  for (int64_t i = 0; i < indices.num_elements(); ++i) {
    Extreme<T> best = partials[i * blocks];
    for (int64_t j = 1; j < blocks; ++j) {
      const Extreme<T>& next = partials[i * blocks + j];
      if (IsBetter(is_max, next.value, best.value)) best = next;
    }
    StoreExtreme(values, indices, kept.out_offset(), best.index, x,
                 kept.x_offset() + best.index * stride);
    kept.Advance();
  }
  return absl::OkStatus();
}

template <typename T>
void ExtremesByColumn(const Tensor& x, const Lines& lines, bool is_max,
                      const Tensor& values, const Tensor& indices) {
  using Index = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  // Positions fit in Index.
  constexpr int64_t kMaxRows = int64_t{1} << 30;
  const Dimension columns = lines.kept.back();
  const DimensionList outer(lines.kept.begin(), lines.kept.end() - 1);
  const int64_t width = std::min(columns.size, kMaxColumns);
  const int64_t tiles = (columns.size - 1) / width + 1;
  const int64_t stride = lines.line.x_stride;
  const int64_t grain = GrainOf(width * std::min(lines.line.size, kMaxRows));
  ParallelFor(
      0, CountOf(outer) * tiles, grain, [&](int64_t begin, int64_t end) {
        RunBuffer<T> buffer;
        alignas(64) T best[kMaxColumns];
        alignas(64) Index positions[kMaxColumns];
        T total[kMaxColumns];
        int64_t index[kMaxColumns];
        for (int64_t task = begin; task < end; ++task) {
          const Odometer kept(outer, task / tiles);
          const int64_t column = task % tiles * width;
          const int64_t count = std::min(width, columns.size - column);
          const int64_t first = kept.x_offset() + column * columns.x_stride;
          for (int64_t row = 0; row < lines.line.size;) {
            const int64_t last = std::min(lines.line.size, row + kMaxRows);
            const int64_t base = row;
            const auto load = [&](int64_t r) {
              return LoadRun(x.data(), x.dtype(), first + r * stride,
                             columns.x_stride, count, &buffer);
            };
            std::copy_n(load(row), count, best);
            std::fill_n(positions, count, Index{0});
            for (++row; row < last; ++row) {
              UpdateExtremes(load(row), count, static_cast<Index>(row - base),
                             is_max, best, positions);
            }
            for (int64_t j = 0; j < count; ++j) {
              if (base == 0 || IsBetter(is_max, best[j], total[j])) {
                total[j] = best[j];
                index[j] = base + positions[j];
              }
            }
          }
          for (int64_t j = 0; j < count; ++j) {
            StoreExtreme(values, indices,
                         kept.out_offset() + (column + j) * columns.out_stride,
                         index[j], x,
                         first + j * columns.x_stride + index[j] * stride);
          }
        }
      });
}

template <typename T>
absl::Status ExtremesOf(const Tensor& x, int dim, bool is_max,
                        const Tensor& values, const Tensor& indices) {
  if (indices.num_elements() == 0) return absl::OkStatus();
  Lines lines = LinesAlong(x, dim, indices);
  size_t inner = 0;
  for (size_t i = 1; i < lines.kept.size(); ++i) {
    if (lines.kept[i].x_stride <= lines.kept[inner].x_stride) inner = i;
  }
  if (lines.kept.empty() || lines.line.x_stride < lines.kept[inner].x_stride) {
    return ExtremesByRow<T>(x, lines, is_max, values, indices);
  }
  const Dimension columns = lines.kept[inner];
  lines.kept.erase(lines.kept.begin() + static_cast<ptrdiff_t>(inner));
  lines.kept.push_back(columns);
  ExtremesByColumn<T>(x, lines, is_max, values, indices);
  return absl::OkStatus();
}

absl::Status ExtremesAlong(const Tensor& x, int dim, bool is_max,
                           const Tensor& values, const Tensor& indices) {
  return WithComputeType(x.dtype(), [&](auto number) {
    return ExtremesOf<decltype(number)>(x, dim, is_max, values, indices);
  });
}

template <typename T>
absl::Status MedianOf(const Tensor& x, int dim, const Tensor& values,
                      const Tensor& indices) {
  if (indices.num_elements() == 0) return absl::OkStatus();
  const Lines lines = LinesAlong(x, dim, indices);
  const int64_t size = lines.line.size;
  const int64_t chunk = GrainOf(size);
  const int64_t chunks = (indices.num_elements() + chunk - 1) / chunk;
  return ParallelForEach(chunks, [&](int64_t number) -> absl::Status {
    using Item = std::pair<T, int64_t>;
    FERRY_ASSIGN_OR_RETURN(const Storage storage, AllocateArray<Item>(size));
    auto* const items = static_cast<Item*>(storage.data());
    RunBuffer<T> buffer;
    const int64_t first = number * chunk;
    const int64_t last = std::min(first + chunk, indices.num_elements());
    Odometer kept(lines.kept, first);
    for (int64_t i = first; i < last; ++i, kept.Advance()) {
      for (int64_t j = 0; j < size; j += kRunElements) {
        const int64_t count = std::min(kRunElements, size - j);
        const T* run = LoadRun(x.data(), x.dtype(),
                               kept.x_offset() + j * lines.line.x_stride,
                               lines.line.x_stride, count, &buffer);
        for (int64_t k = 0; k < count; ++k) items[j + k] = {run[k], j + k};
      }
      const Item* nan = std::find_if(items, items + size, [](const Item& item) {
        return item.first != item.first;
      });
      if (nan == items + size) {
        Item* const middle = items + (size - 1) / 2;
        std::nth_element(items, middle, items + size);
        nan = middle;
      }
      StoreExtreme(values, indices, kept.out_offset(), nan->second, x,
                   kept.x_offset() + nan->second * lines.line.x_stride);
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status MaxAlong(const Tensor& x, int dim, const Tensor& values,
                      const Tensor& indices) {
  return ExtremesAlong(x, dim, /*is_max=*/true, values, indices);
}

absl::Status MinAlong(const Tensor& x, int dim, const Tensor& values,
                      const Tensor& indices) {
  return ExtremesAlong(x, dim, /*is_max=*/false, values, indices);
}

absl::Status MedianAlong(const Tensor& x, int dim, const Tensor& values,
                         const Tensor& indices) {
  return WithComputeType(x.dtype(), [&](auto number) {
    return MedianOf<decltype(number)>(x, dim, values, indices);
  });
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
