// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/cumulative.h"

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "ferry/autograd/kernels/lines.h"
#include "ferry/autograd/kernels/runs.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

constexpr int64_t kMaxColumns = 256;

template <bool kIsProduct, typename T>
T Combine(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    const auto x = static_cast<uint64_t>(a);
    const auto y = static_cast<uint64_t>(b);
    return static_cast<T>(kIsProduct ? x * y : x + y);
  } else {
    return kIsProduct ? a * b : a + b;
  }
}

// The total is of type T, and elements are read as numbers of type In.
template <bool kIsProduct, typename In, typename T>
void ByRow(const Tensor& x, const LineShape& lines, bool is_reverse,
           const Tensor& out) {
  ParallelFor(
      0, lines.outer, GrainOf(lines.size), [&](int64_t begin, int64_t end) {
        RunBuffer<In> buffer;
        In results[kRunElements];
        for (int64_t row = begin; row < end; ++row) {
          T total = kIsProduct ? 1 : 0;
          for (int64_t done = 0; done < lines.size;) {
            const int64_t count = std::min(kRunElements, lines.size - done);
            const int64_t at = is_reverse ? lines.size - done - count : done;
            const int64_t offset = row * lines.size + at;
            const In* const values =
                LoadRun(x.data(), x.dtype(), offset, 1, count, &buffer);
            for (int64_t i = 0; i < count; ++i) {
              const int64_t j = is_reverse ? count - 1 - i : i;
              total = Combine<kIsProduct>(total, static_cast<T>(values[j]));
              results[j] = static_cast<In>(total);
            }
            StoreRun(results, out.data(), out.dtype(), offset, count);
            done += count;
          }
        }
      });
}

template <bool kIsProduct, typename In, typename T>
void ByColumn(const Tensor& x, const LineShape& lines, bool is_reverse,
              const Tensor& out) {
  const int64_t tiles = (lines.inner - 1) / kMaxColumns + 1;
  const int64_t width = std::min(lines.inner, kMaxColumns);
  ParallelFor(
      0, lines.outer * tiles, GrainOf(width * lines.size),
      [&](int64_t begin, int64_t end) {
        RunBuffer<In> buffer;
        T totals[kMaxColumns];
        In results[kMaxColumns];
        for (int64_t task = begin; task < end; ++task) {
          const int64_t column = task % tiles * kMaxColumns;
          const int64_t count = std::min(kMaxColumns, lines.inner - column);
          FillRun(totals, count, T{kIsProduct ? 1 : 0});
          for (int64_t k = 0; k < lines.size; ++k) {
            const int64_t row = is_reverse ? lines.size - 1 - k : k;
            const int64_t offset =
                (task / tiles * lines.size + row) * lines.inner + column;
            const In* const values =
                LoadRun(x.data(), x.dtype(), offset, 1, count, &buffer);
            for (int64_t j = 0; j < count; ++j) {
              totals[j] =
                  Combine<kIsProduct>(totals[j], static_cast<T>(values[j]));
              results[j] = static_cast<In>(totals[j]);
            }
            StoreRun(results, out.data(), out.dtype(), offset, count);
          }
        }
      });
}

template <bool kIsProduct, typename In, typename T>
void Accumulate(const Tensor& x, const LineShape& lines, bool is_reverse,
                const Tensor& out) {
  if (lines.inner == 1) {
    ByRow<kIsProduct, In, T>(x, lines, is_reverse, out);
  } else {
    ByColumn<kIsProduct, In, T>(x, lines, is_reverse, out);
  }
}

template <bool kIsProduct>
absl::Status Cumulate(const Tensor& x, int dim, Direction direction,
                      const Tensor& out) {
  if (x.num_elements() == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Tensor input, strided::Contiguous(x));
  const LineShape lines = LineShapeOf(x.shape(), dim);
  const bool is_reverse = direction == Direction::kReverse;
  WithComputeType(x.dtype(), [&](auto number) {
    using T = decltype(number);
    using Total = std::conditional_t<std::is_integral_v<T>, T, double>;
    Accumulate<kIsProduct, T, Total>(input, lines, is_reverse, out);
  });
  return absl::OkStatus();
}

// A line at a time, since these are only for gradients of products. `a` is null
// for products without the element itself, which begin with 1.
template <typename T>
void Scan(const Tensor& a, const Tensor& x, const LineShape& lines,
          bool is_reverse, const Tensor& out) {
  const int64_t step = is_reverse ? -lines.inner : lines.inner;
  ParallelFor(
      0, lines.outer * lines.inner, GrainOf(lines.size),
      [&](int64_t begin, int64_t end) {
        RunBuffer<T> buffer;
        for (int64_t line = begin; line < end; ++line) {
          int64_t offset = line / lines.inner * lines.size * lines.inner +
                           line % lines.inner;
          if (is_reverse) offset += (lines.size - 1) * lines.inner;
          double total = a.is_null() ? 1 : 0;
          for (int64_t k = 0; k < lines.size; ++k, offset += step) {
            const T result = static_cast<T>(total);
            StoreRun(&result, out.data(), out.dtype(), offset, 1);
            total *= *LoadRun(x.data(), x.dtype(), offset, 1, 1, &buffer);
            if (!a.is_null()) {
              total += *LoadRun(a.data(), a.dtype(), offset, 1, 1, &buffer);
            }
          }
        }
      });
}

absl::Status ScanAny(const Tensor& a, const Tensor& x, int dim,
                     Direction direction, const Tensor& out) {
  if (x.num_elements() == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Tensor input, strided::Contiguous(x));
  Tensor addends;
  if (!a.is_null()) {
    FERRY_ASSIGN_OR_RETURN(addends, strided::Contiguous(a));
  }
  const LineShape lines = LineShapeOf(x.shape(), dim);
  const bool is_reverse = direction == Direction::kReverse;
  if (x.dtype() == DType::kFloat64) {
    Scan<double>(addends, input, lines, is_reverse, out);
  } else {
    Scan<float>(addends, input, lines, is_reverse, out);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CumSum(const Tensor& x, int dim, Direction direction,
                    const Tensor& out) {
  return Cumulate</*kIsProduct=*/false>(x, dim, direction, out);
}

absl::Status CumProd(const Tensor& x, int dim, Direction direction,
                     const Tensor& out) {
  return Cumulate</*kIsProduct=*/true>(x, dim, direction, out);
}

absl::Status ExclusiveCumProd(const Tensor& x, int dim, Direction direction,
                              const Tensor& out) {
  return ScanAny(Tensor(), x, dim, direction, out);
}

absl::Status LinearScan(const Tensor& a, const Tensor& x, int dim,
                        Direction direction, const Tensor& out) {
  return ScanAny(a, x, dim, direction, out);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
