// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/reductions.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/kernels/reduction_dimensions.h"
#include "ferry/autograd/kernels/reduction_kernels.h"
#include "ferry/autograd/kernels/runs.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
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

// The elements of a block of rows. It is constant, as `kRowBlock` is.
constexpr int64_t kColumnBlock = 131072;

// Rows whose totals are taken in float before they are added in double.
constexpr int64_t kMaxChain = 128;

// How the dimensions of a reduction are visited.
struct Plan {
  DimensionList kept;     // in the order of the output
  DimensionList reduced;  // the largest stride first
  bool by_rows = true;    // whether the inner loop is over reduced elements
  int64_t num_reduced = 1;
};

Plan MakePlan(const Tensor& x, const Tensor& out) {
  Plan plan;
  const Dimensions out_strides = ContiguousStrides(out.shape());
  for (int i = 0; i < x.rank(); ++i) {
    const Dimension dimension = {x.shape()[i], x.strides()[i], out_strides[i]};
    if (dimension.size == 1) continue;
    if (out.shape()[i] != dimension.size) {
      plan.reduced.push_back(dimension);
      plan.num_reduced *= dimension.size;
      continue;
    }
    if (!plan.kept.empty()) {
      Dimension& former = plan.kept.back();
      if (former.x_stride == dimension.size * dimension.x_stride) {
        former = {former.size * dimension.size, dimension.x_stride,
                  dimension.out_stride};
        continue;
      }
    }
    plan.kept.push_back(dimension);
  }
  // Repeated elements go outside.
  const auto order = [](const Dimension& a, const Dimension& b) {
    const auto key = [](int64_t stride) {
      return stride == 0 ? std::numeric_limits<int64_t>::max() : stride;
    };
    return key(a.x_stride) > key(b.x_stride);
  };
  std::stable_sort(plan.reduced.begin(), plan.reduced.end(), order);
  size_t merged = 0;
  for (size_t i = 1; i < plan.reduced.size(); ++i) {
    const Dimension next = plan.reduced[i];
    Dimension& former = plan.reduced[merged];
    if (former.x_stride == next.size * next.x_stride) {
      former = {former.size * next.size, next.x_stride, 0};
    } else {
      plan.reduced[++merged] = next;
    }
  }
  if (!plan.reduced.empty()) plan.reduced.resize(merged + 1);
  if (plan.kept.empty()) {
    if (plan.reduced.empty()) plan.reduced.push_back({1, 1, 0});
    return plan;
  }
  // The columns, which come last, are the kept dimension of smallest stride.
  size_t inner = 0;
  for (size_t i = 1; i < plan.kept.size(); ++i) {
    if (!order(plan.kept[i], plan.kept[inner])) inner = i;
  }
  plan.by_rows =
      !plan.reduced.empty() && !order(plan.reduced.back(), plan.kept[inner]);
  if (!plan.by_rows) {
    const Dimension columns = plan.kept[inner];
    plan.kept.erase(plan.kept.begin() + static_cast<ptrdiff_t>(inner));
    plan.kept.push_back(columns);
  }
  return plan;
}

template <typename T>
struct TotalOf {
  using Type = double;
};
template <>
struct TotalOf<int64_t> {
  using Type = int64_t;
};
template <typename T>
using Total = typename TotalOf<T>::Type;

// The reduction that combines totals.
Reduction CombinationOf(Reduction reduction) {
  switch (reduction) {
    case Reduction::kProd:
      return Reduction::kProd;
    case Reduction::kMax:
    case Reduction::kAbsMax:
      return Reduction::kMax;
    case Reduction::kMin:
    case Reduction::kAbsMin:
      return Reduction::kMin;
    default:
      return Reduction::kSum;
  }
}

template <typename T>
T IdentityOf(Reduction combination) {
  using Limits = std::numeric_limits<T>;
  switch (combination) {
    case Reduction::kProd:
      return 1;
    case Reduction::kMax:
      return Limits::has_infinity ? -Limits::infinity() : Limits::min();
    case Reduction::kMin:
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    default:
      return 0;
  }
}

template <typename T>
T Combine(Reduction combination, T a, T b) {
  switch (combination) {
    case Reduction::kProd:
      if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(static_cast<uint64_t>(a) *
                              static_cast<uint64_t>(b));
      } else {
        return a * b;
      }
    case Reduction::kMax:
      // NOLINTNEXTLINE(misc-redundant-expression): NaN
      return b > a || b != b ? b : a;
    case Reduction::kMin:
      // NOLINTNEXTLINE(misc-redundant-expression): NaN
      return b < a || b != b ? b : a;
    default:
      if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(static_cast<uint64_t>(a) +
                              static_cast<uint64_t>(b));
      } else {
        return a + b;
      }
  }
}

// Turns the total of output element i into the result.
template <typename T>
using Finish = absl::FunctionRef<Total<T>(Total<T>, int64_t)>;
template <typename T>
using OptionalFinish = std::optional<Finish<T>>;

// One reduction of numbers of type T.
template <typename T>
class Reducer {
 public:
  // `shifts` is null, or has one number for each element of `out`. If
  // `is_one_shift` is true, it has one number for all.
  Reducer(Reduction reduction, const Tensor& x, const T* shifts,
          bool is_one_shift, OptionalFinish<T> finish, const Tensor& out)
      : x_(x.data()),
        x_dtype_(x.dtype()),
        out_(out.data()),
        out_dtype_(out.dtype()),
        num_outputs_(out.num_elements()),
        combination_(CombinationOf(reduction)),
        loops_(LoopsOf<T>(reduction)),
        merge_(LoopsOf<Total<T>>(combination_)),
        shifts_(shifts),
        is_one_shift_(is_one_shift),
        finish_(finish),
        plan_(MakePlan(x, out)) {}

  absl::Status Run() {
    if (num_outputs_ == 0) return absl::OkStatus();
    if (plan_.num_reduced == 0) {
      std::vector<Total<T>> totals(
          static_cast<size_t>(std::min(num_outputs_, kRunElements)),
          IdentityOf<Total<T>>(combination_));
      for (int64_t i = 0; i < num_outputs_;) {
        const int64_t count = std::min(num_outputs_ - i, kRunElements);
        std::fill(totals.begin(), totals.end(),
                  IdentityOf<Total<T>>(combination_));
        FinishAndStore(totals.data(), i, count);
        i += count;
      }
      return absl::OkStatus();
    }
    return plan_.by_rows ? RunRows() : RunColumns();
  }

 private:
  T ShiftOf(int64_t output) const {
    if (shifts_ == nullptr) return 0;
    return is_one_shift_ ? shifts_[0] : shifts_[output];
  }

  // Writes adjacent outputs.
  void FinishAndStore(Total<T>* totals, int64_t first, int64_t count) const {
    if (finish_.has_value()) {
      for (int64_t i = 0; i < count; ++i) {
        totals[i] = (*finish_)(totals[i], first + i);
      }
    }
    StoreRun(totals, out_, out_dtype_, first, count);
  }

  absl::StatusOr<Storage> AllocateTotals(int64_t count) const {
    return Storage::Allocate(static_cast<uint64_t>(count) * sizeof(Total<T>));
  }

  // --- Rows: the inner loop is over reduced elements -------------------------

  // Reduces pieces [begin, end) of the output whose elements begin at `offset`.
  // A piece is a segment of the inner dimension.
  Total<T> ReducePieces(const DimensionList& outer, int64_t offset,
                        int64_t segment, int64_t segments, int64_t begin,
                        int64_t end, T shift, RunBuffer<T>* buffer) const {
    const Dimension& inner = plan_.reduced.back();
    const bool is_direct = IsDirect<T>(x_dtype_, inner.x_stride);
    Odometer run(outer, begin / segments);
    int64_t part = begin % segments;
    Total<T> total = 0;
    bool is_first = true;
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t from = part * segment;
      const int64_t to = std::min(from + segment, inner.size);
      const int64_t step = is_direct ? segment : kRunElements;
      for (int64_t i = from; i < to; i += step) {
        const int64_t count = std::min(step, to - i);
        const T* values =
            LoadRun(x_, x_dtype_, offset + run.x_offset() + i * inner.x_stride,
                    inner.x_stride, count, buffer);
        const Total<T> next = loops_.run(values, count, shift);
        total = is_first ? next : Combine(combination_, total, next);
        is_first = false;
      }
      if (++part == segments) {
        part = 0;
        run.Advance();
      }
    }
    return total;
  }

  // Does what `RunRows` does for a matrix whose rows are adjacent numbers.
  void RunMatrixRows(int64_t count) const {
    const Dimension& kept = plan_.kept.back();
    const int64_t grain = GrainOf(count);
    ParallelFor(0, kept.size, grain, [&](int64_t begin, int64_t end) {
      constexpr int64_t kOutputs = 256;
      alignas(64) T totals[kOutputs];
      alignas(64) Total<T> wide[kOutputs];
      T shifts[kOutputs];
      for (int64_t first = begin; first < end; first += kOutputs) {
        const int64_t rows = std::min(kOutputs, end - first);
        if (shifts_ != nullptr) {
          for (int64_t i = 0; i < rows; ++i) shifts[i] = ShiftOf(first + i);
        }
        loops_.rows(static_cast<const T*>(x_) + first * kept.x_stride, rows,
                    kept.x_stride, count, shifts_ == nullptr ? nullptr : shifts,
                    totals);
        if (!finish_.has_value()) {
          StoreRun(totals, out_, out_dtype_, first, rows);
          continue;
        }
        CastElements(totals, DTypeOf<T>::value, wide, DTypeOf<Total<T>>::value,
                     rows);
        FinishAndStore(wide, first, rows);
      }
    });
  }

  absl::Status RunRows() {
    const Dimension& inner = plan_.reduced.back();
    if (plan_.reduced.size() == 1 && plan_.kept.size() == 1 &&
        IsDirect<T>(x_dtype_, inner.x_stride) && inner.size <= kRowBlock) {
      RunMatrixRows(inner.size);
      return absl::OkStatus();
    }
    const DimensionList outer(plan_.reduced.begin(), plan_.reduced.end() - 1);
    const int64_t segment = std::min(inner.size, kRowBlock);
    const int64_t segments = (inner.size - 1) / segment + 1;
    const int64_t pieces = CountOf(outer) * segments;
    const int64_t pieces_per_block = std::max<int64_t>(kRowBlock / segment, 1);
    const int64_t blocks = (pieces - 1) / pieces_per_block + 1;
    const int64_t block_elements = std::min(pieces, pieces_per_block) * segment;
    const int64_t grain = GrainOf(block_elements);
    Storage storage;
    Total<T>* partials = nullptr;
    if (blocks > 1) {
      FERRY_ASSIGN_OR_RETURN(storage, AllocateTotals(num_outputs_ * blocks));
      partials = static_cast<Total<T>*>(storage.data());
    }
    ParallelFor(
        0, num_outputs_ * blocks, grain, [&](int64_t begin, int64_t end) {
          RunBuffer<T> buffer;
          constexpr int64_t kOutputs = 256;
          Total<T> totals[kOutputs];
          int64_t output = begin / blocks;
          int64_t block = begin % blocks;
          int64_t first = output;
          Odometer kept(plan_.kept, output);
          for (int64_t task = begin; task < end; ++task) {
            const int64_t piece = block * pieces_per_block;
            const Total<T> total =
                ReducePieces(outer, kept.x_offset(), segment, segments, piece,
                             std::min(piece + pieces_per_block, pieces),
                             ShiftOf(output), &buffer);
            if (partials != nullptr) {
              partials[task] = total;
            } else {
              totals[output - first] = total;
              if (output - first + 1 == kOutputs || task + 1 == end) {
                FinishAndStore(totals, first, output - first + 1);
                first = output + 1;
              }
            }
            if (++block == blocks) {
              block = 0;
              ++output;
              kept.Advance();
            }
          }
        });
    if (partials == nullptr) return absl::OkStatus();
    for (int64_t output = 0; output < num_outputs_; ++output) {
      const Total<T>* const next = partials + output * blocks;
      Total<T> total = next[0];
      for (int64_t i = 1; i < blocks; ++i) {
        total = Combine(combination_, total, next[i]);
      }
      FinishAndStore(&total, output, 1);
    }
    return absl::OkStatus();
  }

  // --- Columns: the inner loop is over kept elements -------------------------

  // Writes the outputs of `count` columns.
  void StoreColumns(Total<T>* totals, int64_t first, int64_t count) const {
    const int64_t stride = plan_.kept.back().out_stride;
    if (stride == 1) {
      FinishAndStore(totals, first, count);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      FinishAndStore(totals + i, first + i * stride, 1);
    }
  }

  // Reduces rows [begin, end) of `width` columns to `totals`. Takes `fold` rows
  // at a time as one, which are adjacent in memory if `fold` is not 1.
  void ReduceRows(int64_t offset, int64_t width, int64_t fold, int64_t begin,
                  int64_t end, const T* shifts, RunBuffer<T>* buffer,
                  Total<T>* totals) const {
    const Dimension& columns = plan_.kept.back();
    const Dimension inner =
        plan_.reduced.empty() ? Dimension() : plan_.reduced.back();
    const DimensionList outer(
        plan_.reduced.begin(),
        plan_.reduced.end() - (plan_.reduced.empty() ? 0 : 1));
    alignas(64) T sums[kMaxColumns];
    alignas(64) Total<T> wide[kMaxColumns];
    const int64_t sum_columns = width * fold;
    const bool is_direct = IsDirect<T>(x_dtype_, columns.x_stride);
    Odometer run(outer, begin / inner.size);
    int64_t position = begin % inner.size;
    FillRun(totals, width, IdentityOf<Total<T>>(combination_));
    int64_t row = begin;
    while (row < end) {
      FillRun(sums, sum_columns, IdentityOf<T>(combination_));
      // The rows whose totals are taken in T.
      const int64_t chain_end = std::min(row + kMaxChain * fold, end);
      while (row < chain_end) {
        const int64_t count = std::min(inner.size - position, chain_end - row);
        const int64_t first =
            offset + run.x_offset() + position * inner.x_stride;
        AddRows(first, inner.x_stride, width, fold, count, is_direct, shifts,
                buffer, sums);
        row += count;
        position += count;
        if (position == inner.size) {
          position = 0;
          run.Advance();
        }
      }
      const Total<T>* next;
      if constexpr (std::is_same_v<T, Total<T>>) {
        next = sums;
      } else {
        CastElements(sums, DTypeOf<T>::value, wide, DTypeOf<Total<T>>::value,
                     sum_columns);
        next = wide;
      }
      merge_.columns(next, fold, width, nullptr, totals, width);
    }
  }

  void AddRows(int64_t first, int64_t row_stride, int64_t width, int64_t fold,
               int64_t rows, bool is_direct, const T* shifts,
               RunBuffer<T>* buffer, T* sums) const {
    const int64_t stride = plan_.kept.back().x_stride;
    const int64_t folded = rows / fold;
    if (is_direct) {
      const T* const values = static_cast<const T*>(x_) + first;
      loops_.columns(values, folded, row_stride * fold, shifts, sums,
                     width * fold);
      loops_.columns(values + folded * fold * row_stride, rows - folded * fold,
                     row_stride, shifts, sums, width);
      return;
    }
    for (int64_t i = 0; i < folded; ++i) {
      const T* values = LoadRun(x_, x_dtype_, first + i * fold * row_stride,
                                stride, width * fold, buffer);
      loops_.columns(values, 1, 0, shifts, sums, width * fold);
    }
    for (int64_t i = folded * fold; i < rows; ++i) {
      const T* values =
          LoadRun(x_, x_dtype_, first + i * row_stride, stride, width, buffer);
      loops_.columns(values, 1, 0, shifts, sums, width);
    }
  }

  absl::Status RunColumns() {
    const Dimension columns = plan_.kept.back();
    const DimensionList outer(plan_.kept.begin(), plan_.kept.end() - 1);
    const int64_t width = std::min(columns.size, kMaxColumns);
    const int64_t tiles = (columns.size - 1) / width + 1;
    int64_t fold = 1;
    if (!plan_.reduced.empty() && columns.x_stride == 1 && tiles == 1 &&
        plan_.reduced.back().x_stride == columns.size) {
      fold = std::min(kMaxColumns / 2 / width, plan_.reduced.back().size);
      fold = std::max<int64_t>(fold, 1);
    }
    const int64_t rows = plan_.num_reduced;
    int64_t rows_per_block = std::max<int64_t>(kColumnBlock / width, 1);
    if (rows_per_block > kMaxChain)
      rows_per_block -= rows_per_block % kMaxChain;
    // Few rows need no totals in double.
    const bool is_one_chain = rows <= kMaxChain && fold == 1 &&
                              !finish_.has_value() && columns.out_stride == 1;
    const int64_t blocks = is_one_chain ? 1 : (rows - 1) / rows_per_block + 1;
    const bool is_direct = IsDirect<T>(x_dtype_, columns.x_stride);
    const Dimension reduced_rows =
        plan_.reduced.empty() ? Dimension() : plan_.reduced.back();
    const DimensionList outer_rows(
        plan_.reduced.begin(),
        plan_.reduced.end() - (plan_.reduced.empty() ? 0 : 1));
    const int64_t tasks = CountOf(outer) * tiles * blocks;
    const int64_t grain = GrainOf(std::min(rows, rows_per_block) * width);
    Storage storage;
    Total<T>* partials = nullptr;
    if (blocks > 1) {
      FERRY_ASSIGN_OR_RETURN(storage, AllocateTotals(num_outputs_ * blocks));
      partials = static_cast<Total<T>*>(storage.data());
    }
    ParallelFor(0, tasks, grain, [&](int64_t begin, int64_t end) {
      RunBuffer<T> buffer;
      alignas(64) T shifts[kMaxColumns];
      alignas(64) Total<T> totals[kMaxColumns];
      alignas(64) T sums[kMaxColumns];
      for (int64_t task = begin; task < end; ++task) {
        const int64_t block = task % blocks;
        const int64_t tile = task / blocks % tiles;
        const int64_t group = task / blocks / tiles;
        const Odometer kept(outer, group);
        const int64_t column = tile * width;
        const int64_t count = std::min(width, columns.size - column);
        const int64_t output = kept.out_offset() + column * columns.out_stride;
        if (shifts_ != nullptr) {
          for (int64_t j = 0; j < count * fold; ++j) {
            shifts[j] = ShiftOf(output + j % count * columns.out_stride);
          }
        }
        if (is_one_chain) {
          FillRun(sums, count, IdentityOf<T>(combination_));
          const int64_t row_stride = reduced_rows.x_stride;
          const int64_t groups = rows / reduced_rows.size;
          Odometer run(outer_rows, 0);
          for (int64_t i = 0; i < groups; ++i, run.Advance()) {
            AddRows(
                kept.x_offset() + column * columns.x_stride + run.x_offset(),
                row_stride, count, 1, reduced_rows.size, is_direct,
                shifts_ == nullptr ? nullptr : shifts, &buffer, sums);
          }
          StoreRun(sums, out_, out_dtype_, output, count);
          continue;
        }
        Total<T>* to = totals;
        if (partials != nullptr) {
          to = partials + group * columns.size * blocks + column * blocks +
               block * count;
        }
        ReduceRows(kept.x_offset() + column * columns.x_stride, count, fold,
                   block * rows_per_block,
                   std::min((block + 1) * rows_per_block, rows),
                   shifts_ == nullptr ? nullptr : shifts, &buffer, to);
        if (partials == nullptr) StoreColumns(totals, output, count);
      }
    });
    if (partials == nullptr) return absl::OkStatus();
    ParallelFor(0, tasks / blocks, 1, [&](int64_t begin, int64_t end) {
      alignas(64) Total<T> totals[kMaxColumns];
      for (int64_t i = begin; i < end; ++i) {
        const int64_t group = i / tiles;
        const int64_t column = i % tiles * width;
        const int64_t count = std::min(width, columns.size - column);
        const Odometer kept(outer, group);
        FillRun(totals, count, IdentityOf<Total<T>>(combination_));
        merge_.columns(
            partials + group * columns.size * blocks + column * blocks, blocks,
            count, nullptr, totals, count);
        StoreColumns(totals, kept.out_offset() + column * columns.out_stride,
                     count);
      }
    });
    return absl::OkStatus();
  }

  const void* x_;
  DType x_dtype_;
  void* out_;
  DType out_dtype_;
  int64_t num_outputs_;
  Reduction combination_;
  ReductionLoops<T> loops_;
  ReductionLoops<Total<T>> merge_;
  const T* shifts_;
  bool is_one_shift_;
  OptionalFinish<T> finish_;
  Plan plan_;
};

template <typename T>
absl::Status Reduce(Reduction reduction, const Tensor& x,
                    OptionalFinish<T> finish, const Tensor& out,
                    const T* shifts = nullptr, bool is_one_shift = false) {
  return Reducer<T>(reduction, x, shifts, is_one_shift, finish, out).Run();
}

// Reduces elements of any dtype, without a last step.
absl::Status ReduceAny(Reduction reduction, const Tensor& x,
                       const Tensor& out) {
  return WithComputeType(x.dtype(), [&](auto number) {
    return Reduce<decltype(number)>(reduction, x, std::nullopt, out);
  });
}

// Reduces floats, with a last step.
absl::Status ReduceFloats(Reduction reduction, const Tensor& x,
                          absl::FunctionRef<double(double, int64_t)> finish,
                          const Tensor& out) {
  if (x.dtype() == DType::kFloat64) {
    return Reduce<double>(reduction, x, finish, out);
  }
  return Reduce<float>(reduction, x, finish, out);
}

// Reduces to bool, by the number of elements that are not zero.
absl::Status ReduceToBool(const Tensor& x,
                          absl::FunctionRef<bool(int64_t)> is_true,
                          const Tensor& out) {
  return WithComputeType(x.dtype(), [&](auto number) {
    using T = decltype(number);
    const auto finish = [is_true](Total<T> total, int64_t) {
      return static_cast<Total<T>>(is_true(static_cast<int64_t>(total)));
    };
    return Reduce<T>(Reduction::kCountNonzero, x, finish, out);
  });
}

// The number of elements that are reduced to each output.
int64_t ReducedCount(const Tensor& x, const Tensor& out) {
  int64_t count = 1;
  for (int i = 0; i < x.rank(); ++i) {
    if (x.shape()[i] != out.shape()[i]) count *= x.shape()[i];
  }
  return count;
}

absl::StatusOr<Tensor> AllocateLike(const Tensor& out, DType dtype) {
  FERRY_ASSIGN_OR_RETURN(
      Storage storage,
      Storage::Allocate(static_cast<uint64_t>(out.num_elements()) *
                        ElementSizeBytes(dtype)));
  return Tensor::Create(std::move(storage), dtype, out.shape());
}

absl::Status VarOrStd(const Tensor& x, double correction, bool is_std,
                      const Tensor& out) {
  const auto count = static_cast<double>(ReducedCount(x, out));
  if (out.num_elements() == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Tensor shifts,
                         AllocateLike(out, DType::kFloat64));
  auto* const shift = static_cast<double*>(shifts.data());
  if (count > 0) {
    // Distances from the first element, since those of equal ones are exact.
    Dimensions strides(x.strides().begin(), x.strides().end());
    FERRY_ASSIGN_OR_RETURN(const Tensor first,
                           Tensor::Create(x.storage(), x.dtype(), out.shape(),
                                          strides, x.storage_offset()));
    FERRY_RETURN_IF_ERROR(Sum(first, shifts));
    FERRY_ASSIGN_OR_RETURN(const Tensor means,
                           AllocateLike(out, DType::kFloat64));
    FERRY_RETURN_IF_ERROR(Reduce<double>(
        Reduction::kShiftedSum, x,
        [shift, count](double total, int64_t i) {
          return shift[i] + total / count;
        },
        means, shift));
    const auto* const mean = static_cast<const double*>(means.data());
    const double divisor = std::max(count - correction, 0.0);
    return Reduce<double>(
        Reduction::kShiftedSquareSum, x,
        [divisor, is_std](double total, int64_t) {
          const double var = total / divisor;
          return is_std ? std::sqrt(var) : var;
        },
        out, mean);
  }
  return ReduceFloats(
      Reduction::kSum, x,
      [](double, int64_t) { return std::numeric_limits<double>::quiet_NaN(); },
      out);
}

template <typename T>
absl::Status LogSumExpOf(const Tensor& x, const Tensor& out) {
  FERRY_ASSIGN_OR_RETURN(const Tensor shifts,
                         AllocateLike(out, DTypeOf<T>::value));
  auto* const shift = static_cast<T*>(shifts.data());
  FERRY_RETURN_IF_ERROR(ReduceFloats(
      Reduction::kMax, x,
      [](double total, int64_t) { return std::isinf(total) ? 0.0 : total; },
      shifts));
  return Reduce<T>(
      Reduction::kShiftedExpSum, x,
      [shift](double total, int64_t i) { return std::log(total) + shift[i]; },
      out, shift);
}

// Adds the powers in float64, since there is no vector code for them anyway.
absl::Status PowNorm(const Tensor& x, double p, const Tensor& out) {
  return Reduce<double>(
      Reduction::kAbsPowSum, x,
      [p](double total, int64_t) { return std::pow(total, 1.0 / p); }, out, &p,
      /*is_one_shift=*/true);
}

}  // namespace

absl::Status Sum(const Tensor& x, const Tensor& out) {
  return ReduceAny(Reduction::kSum, x, out);
}

absl::Status Mean(const Tensor& x, const Tensor& out) {
  const auto count = static_cast<double>(ReducedCount(x, out));
  return ReduceFloats(
      Reduction::kSum, x,
      [count](double total, int64_t) { return total / count; }, out);
}

absl::Status NanSum(const Tensor& x, const Tensor& out) {
  return ReduceAny(Reduction::kNanSum, x, out);
}

absl::Status Prod(const Tensor& x, const Tensor& out) {
  return ReduceAny(Reduction::kProd, x, out);
}

absl::Status AMax(const Tensor& x, const Tensor& out) {
  return ReduceAny(Reduction::kMax, x, out);
}

absl::Status AMin(const Tensor& x, const Tensor& out) {
  return ReduceAny(Reduction::kMin, x, out);
}

absl::Status All(const Tensor& x, const Tensor& out) {
  const int64_t count = ReducedCount(x, out);
  return ReduceToBool(
      x, [count](int64_t nonzero) { return nonzero == count; }, out);
}

absl::Status Any(const Tensor& x, const Tensor& out) {
  return ReduceToBool(
      x, [](int64_t nonzero) { return nonzero > 0; }, out);
}

absl::Status CountNonzero(const Tensor& x, const Tensor& out) {
  return ReduceAny(Reduction::kCountNonzero, x, out);
}

absl::Status Var(const Tensor& x, double correction, const Tensor& out) {
  return VarOrStd(x, correction, /*is_std=*/false, out);
}

absl::Status Std(const Tensor& x, double correction, const Tensor& out) {
  return VarOrStd(x, correction, /*is_std=*/true, out);
}

absl::Status Norm(const Tensor& x, double p, const Tensor& out) {
  if (p == 1) return ReduceAny(Reduction::kAbsSum, x, out);
  if (p == 2) {
    return ReduceFloats(
        Reduction::kSquareSum, x,
        [](double total, int64_t) { return std::sqrt(total); }, out);
  }
  if (p == 0) return ReduceAny(Reduction::kCountNonzero, x, out);
  if (std::isinf(p)) {
    return ReduceAny(p > 0 ? Reduction::kAbsMax : Reduction::kAbsMin, x, out);
  }
  return PowNorm(x, p, out);
}

absl::Status LogSumExp(const Tensor& x, const Tensor& out) {
  return x.dtype() == DType::kFloat64 ? LogSumExpOf<double>(x, out)
                                      : LogSumExpOf<float>(x, out);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
