// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/functional/function_ref.h"
#include "ferry/autograd/kernels/lines.h"
#include "ferry/autograd/kernels/reduction_kernels.h"
#include "ferry/autograd/kernels/row_kernels.h"
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

// Parts of a row whose sums are taken in float before they are added in double.
constexpr int64_t kRowPart = 32768;

// The same for the rows of a tile of columns.
constexpr int64_t kMaxChain = 128;

// Columns that are computed at once.
constexpr int64_t kMaxColumns = 256;

// A contiguous tensor that is read or written as numbers of type T.
template <typename T>
class Elements {
 public:
  explicit Elements(const Tensor& tensor)
      : data_(tensor.data()), dtype_(tensor.dtype()) {}

  // Whether numbers are read and written in place.
  bool is_direct() const { return dtype_ == DTypeOf<T>::value; }

  // How many numbers may be read at once.
  int64_t part() const { return is_direct() ? kRowPart : kRunElements; }

  const T* Load(int64_t offset, int64_t count, RunBuffer<T>* buffer) const {
    return LoadRun(data_, dtype_, offset, 1, count, buffer);
  }

  // Where to write numbers that `Store` then stores.
  T* Target(int64_t offset, RunBuffer<T>* buffer) const {
    return is_direct() ? static_cast<T*>(data_) + offset : buffer->values;
  }
  void Store(const T* values, int64_t offset, int64_t count) const {
    if (!is_direct()) StoreRun(values, data_, dtype_, offset, count);
  }

 private:
  void* data_;
  DType dtype_;
};

// Calls `body(i, count)` for the parts of [0, size).
template <typename Body>
void ForEachPart(int64_t size, int64_t part, Body body) {
  for (int64_t i = 0; i < size; i += part) body(i, std::min(part, size - i));
}

// An element takes several passes, one of them an exponential, so a thread is
// worth it for fewer of them than in loops that copy.
constexpr int64_t kPasses = 4;

// Divides the lines over threads: by rows if the elements of a line are
// adjacent, and by tiles of columns otherwise.
void ForEachRow(const LineShape& lines,
                absl::FunctionRef<void(int64_t, int64_t)> body) {
  ParallelFor(0, lines.outer, GrainOf(kPasses * lines.size), body);
}

// Calls `body(offset, count)` for each tile, with the offset of the first
// element of its first column.
template <typename Body>
void ForEachTile(const LineShape& lines, int64_t begin, int64_t end,
                 Body body) {
  const int64_t tiles = (lines.inner - 1) / kMaxColumns + 1;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t column = i % tiles * kMaxColumns;
    body(i / tiles * lines.size * lines.inner + column,
         std::min(kMaxColumns, lines.inner - column));
  }
}

void ForEachTileRange(const LineShape& lines,
                      absl::FunctionRef<void(int64_t, int64_t)> body) {
  const int64_t tiles = (lines.inner - 1) / kMaxColumns + 1;
  const int64_t width = std::min(lines.inner, kMaxColumns);
  ParallelFor(0, lines.outer * tiles, GrainOf(kPasses * width * lines.size),
              body);
}

// Sums of columns: in T for some rows, and in double for all.
template <typename T>
class ColumnSums {
 public:
  ColumnSums(int64_t columns, const ReductionLoops<T>& sum)
      : columns_(columns), sum_(sum) {
    FillRun(sums_, columns, T{0});
    FillRun(totals_, columns, 0.0);
  }

  void Add(const T* row) {
    sum_.columns(row, 1, 0, nullptr, sums_, columns_);
    if (++rows_ % kMaxChain == 0) Flush();
  }

  const double* Totals() {
    Flush();
    return totals_;
  }

 private:
  void Flush() {
    for (int64_t j = 0; j < columns_; ++j) {
      totals_[j] += static_cast<double>(sums_[j]);
      sums_[j] = 0;
    }
  }

  int64_t columns_;
  const ReductionLoops<T>& sum_;
  int64_t rows_ = 0;
  alignas(64) T sums_[kMaxColumns];
  double totals_[kMaxColumns];
};

// ------------------------------------------------------------------ Forward

template <typename T>
void ForwardRows(const Tensor& x_tensor, const LineShape& lines, bool is_log,
                 const Tensor& out_tensor) {
  const Elements<T> x(x_tensor);
  const Elements<T> out(out_tensor);
  const ReductionLoops<T> max = LoopsOf<T>(Reduction::kMax);
  const ReductionLoops<T> exp_sum = LoopsOf<T>(Reduction::kShiftedExpSum);
  const SoftmaxLoops<T> loops = SoftmaxLoopsOf<T>(/*per_column=*/false);
  const int64_t part = x.part();
  ForEachRow(lines, [&](int64_t begin, int64_t end) {
    RunBuffer<T> buffer;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t first = row * lines.size;
      T m = -std::numeric_limits<T>::infinity();
      ForEachPart(lines.size, part, [&](int64_t i, int64_t count) {
        const T next = max.run(x.Load(first + i, count, &buffer), count, T{0});
        // NOLINTNEXTLINE(misc-redundant-expression): NaN
        if (next > m || next != next) m = next;
      });
      double sum = 0;
      ForEachPart(lines.size, part, [&](int64_t i, int64_t count) {
        const T* values = x.Load(first + i, count, &buffer);
        sum += is_log ? exp_sum.run(values, count, m)
                      : loops.exp_sum(values, m, out.Target(first + i, &buffer),
                                      count);
      });
      const T c = static_cast<T>(is_log ? std::log(sum) : 1 / sum);
      ForEachPart(lines.size, part, [&](int64_t i, int64_t count) {
        T* const to = out.Target(first + i, &buffer);
        if (is_log) {
          loops.subtract(x.Load(first + i, count, &buffer), &m, &c, to, count);
        } else if (out.is_direct()) {
          loops.scale(to, &c, to, count);
        } else {
          loops.scaled_exp(x.Load(first + i, count, &buffer), &m, &c, to,
                           count);
        }
        out.Store(to, first + i, count);
      });
    }
  });
}

template <typename T>
void ForwardColumns(const Tensor& x_tensor, const LineShape& lines, bool is_log,
                    const Tensor& out_tensor) {
  const Elements<T> x(x_tensor);
  const Elements<T> out(out_tensor);
  const ReductionLoops<T> max = LoopsOf<T>(Reduction::kMax);
  const ReductionLoops<T> add = LoopsOf<T>(Reduction::kSum);
  const SoftmaxLoops<T> loops = SoftmaxLoopsOf<T>(/*per_column=*/true);
  ForEachTileRange(lines, [&](int64_t begin, int64_t end) {
    RunBuffer<T> buffer;
    alignas(64) T m[kMaxColumns];
    alignas(64) T c[kMaxColumns];
    alignas(64) T row[kMaxColumns];
    ForEachTile(lines, begin, end, [&](int64_t offset, int64_t count) {
      FillRun(m, count, -std::numeric_limits<T>::infinity());
      for (int64_t k = 0; k < lines.size; ++k) {
        max.columns(x.Load(offset + k * lines.inner, count, &buffer), 1, 0,
                    nullptr, m, count);
      }
      ColumnSums<T> sums(count, add);
      for (int64_t k = 0; k < lines.size; ++k) {
        const int64_t first = offset + k * lines.inner;
        T* const to = is_log ? row : out.Target(first, &buffer);
        loops.exp(x.Load(first, count, &buffer), m, to, count);
        sums.Add(to);
      }
      const double* const totals = sums.Totals();
      for (int64_t j = 0; j < count; ++j) {
        // The exponentials of a line with NaN or infinity are all 0.
        c[j] = static_cast<T>(is_log ? std::log(totals[j]) : 1 / totals[j]);
      }
      for (int64_t k = 0; k < lines.size; ++k) {
        const int64_t first = offset + k * lines.inner;
        T* const to = out.Target(first, &buffer);
        if (is_log) {
          loops.subtract(x.Load(first, count, &buffer), m, c, to, count);
        } else if (out.is_direct()) {
          loops.scale(to, c, to, count);
        } else {
          loops.scaled_exp(x.Load(first, count, &buffer), m, c, to, count);
        }
        out.Store(to, first, count);
      }
    });
  });
}

template <typename T>
void ForwardOf(const Tensor& x, const LineShape& lines, bool is_log,
               const Tensor& out) {
  if (lines.inner == 1) {
    ForwardRows<T>(x, lines, is_log, out);
  } else {
    ForwardColumns<T>(x, lines, is_log, out);
  }
}

absl::Status Forward(const Tensor& x, int dim, bool is_log, const Tensor& out) {
  if (x.num_elements() == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Tensor input, strided::Contiguous(x));
  const LineShape lines = LineShapeOf(x.shape(), dim);
  if (x.dtype() == DType::kFloat64) {
    ForwardOf<double>(input, lines, is_log, out);
  } else {
    ForwardOf<float>(input, lines, is_log, out);
  }
  return absl::OkStatus();
}

// ----------------------------------------------------------------- Backward

template <typename T>
void BackwardRows(const Tensor& grad_tensor, const Tensor& y_tensor,
                  const LineShape& lines, bool is_log,
                  const Tensor& out_tensor) {
  const Elements<T> grad(grad_tensor);
  const Elements<T> y(y_tensor);
  const Elements<T> out(out_tensor);
  const ReductionLoops<T> add = LoopsOf<T>(Reduction::kSum);
  const SoftmaxLoops<T> loops = SoftmaxLoopsOf<T>(/*per_column=*/false);
  const int64_t part = y.part();
  ForEachRow(lines, [&](int64_t begin, int64_t end) {
    RunBuffer<T> grad_buffer;
    RunBuffer<T> y_buffer;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t first = row * lines.size;
      double sum = 0;
      ForEachPart(lines.size, part, [&](int64_t i, int64_t count) {
        const T* g = grad.Load(first + i, count, &grad_buffer);
        sum += is_log
                   ? add.run(g, count, T{0})
                   : loops.dot(g, y.Load(first + i, count, &y_buffer), count);
      });
      const T c = static_cast<T>(sum);
      ForEachPart(lines.size, part, [&](int64_t i, int64_t count) {
        const T* const g = grad.Load(first + i, count, &grad_buffer);
        const T* const values = y.Load(first + i, count, &y_buffer);
        T* const to = out.Target(first + i, &grad_buffer);
        (is_log ? loops.log_softmax_grad : loops.softmax_grad)(g, values, &c,
                                                               to, count);
        out.Store(to, first + i, count);
      });
    }
  });
}

template <typename T>
void BackwardColumns(const Tensor& grad_tensor, const Tensor& y_tensor,
                     const LineShape& lines, bool is_log,
                     const Tensor& out_tensor) {
  const Elements<T> grad(grad_tensor);
  const Elements<T> y(y_tensor);
  const Elements<T> out(out_tensor);
  const ReductionLoops<T> add = LoopsOf<T>(Reduction::kSum);
  const SoftmaxLoops<T> loops = SoftmaxLoopsOf<T>(/*per_column=*/true);
  ForEachTileRange(lines, [&](int64_t begin, int64_t end) {
    RunBuffer<T> grad_buffer;
    RunBuffer<T> y_buffer;
    alignas(64) T c[kMaxColumns];
    alignas(64) T product[kMaxColumns];
    ForEachTile(lines, begin, end, [&](int64_t offset, int64_t count) {
      ColumnSums<T> sums(count, add);
      for (int64_t k = 0; k < lines.size; ++k) {
        const int64_t first = offset + k * lines.inner;
        const T* const g = grad.Load(first, count, &grad_buffer);
        if (is_log) {
          sums.Add(g);
        } else {
          loops.multiply(g, y.Load(first, count, &y_buffer), product, count);
          sums.Add(product);
        }
      }
      std::copy_n(sums.Totals(), count, c);
      for (int64_t k = 0; k < lines.size; ++k) {
        const int64_t first = offset + k * lines.inner;
        const T* const g = grad.Load(first, count, &grad_buffer);
        const T* const values = y.Load(first, count, &y_buffer);
        T* const to = out.Target(first, &grad_buffer);
        (is_log ? loops.log_softmax_grad : loops.softmax_grad)(g, values, c, to,
                                                               count);
        out.Store(to, first, count);
      }
    });
  });
}

template <typename T>
void BackwardOf(const Tensor& grad, const Tensor& y, const LineShape& lines,
                bool is_log, const Tensor& out) {
  if (lines.inner == 1) {
    BackwardRows<T>(grad, y, lines, is_log, out);
  } else {
    BackwardColumns<T>(grad, y, lines, is_log, out);
  }
}

absl::Status Backward(const Tensor& grad, const Tensor& y, int dim, bool is_log,
                      const Tensor& out) {
  if (y.num_elements() == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Tensor grads, strided::Contiguous(grad));
  FERRY_ASSIGN_OR_RETURN(const Tensor results, strided::Contiguous(y));
  const LineShape lines = LineShapeOf(y.shape(), dim);
  if (y.dtype() == DType::kFloat64) {
    BackwardOf<double>(grads, results, lines, is_log, out);
  } else {
    BackwardOf<float>(grads, results, lines, is_log, out);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Softmax(const Tensor& x, int dim, const Tensor& out) {
  return Forward(x, dim, /*is_log=*/false, out);
}

absl::Status LogSoftmax(const Tensor& x, int dim, const Tensor& out) {
  return Forward(x, dim, /*is_log=*/true, out);
}

absl::Status SoftmaxBackward(const Tensor& grad, const Tensor& y, int dim,
                             const Tensor& out) {
  return Backward(grad, y, dim, /*is_log=*/false, out);
}

absl::Status LogSoftmaxBackward(const Tensor& grad, const Tensor& y, int dim,
                                const Tensor& out) {
  return Backward(grad, y, dim, /*is_log=*/true, out);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
