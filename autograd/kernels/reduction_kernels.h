// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/reduction_kernels.h
// -----------------------------------------------------------------------------
//
// The inner loops of reductions, compiled for every instruction set that the
// processor may have. Reductions, extremes, and softmax call them. All of them
// run on the calling thread and are thread-safe.
#ifndef FERRY_AUTOGRAD_KERNELS_REDUCTION_KERNELS_H_
#define FERRY_AUTOGRAD_KERNELS_REDUCTION_KERNELS_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {
namespace kernels {

// What a reduction computes of the elements x. Those that have a shift s take
// one number for each result.
enum class Reduction {
  kSum,
  kProd,
  kMax,  // NaN if an element is NaN
  kMin,  // as kMax
  kNanSum,
  kCountNonzero,
  // The rest is for floats only.
  kAbsSum,
  kSquareSum,
  kAbsMax,
  kAbsMin,
  kAbsPowSum,         // sum of |x|^s
  kShiftedSum,        // sum of x - s
  kShiftedSquareSum,  // sum of (x - s)^2
  kShiftedExpSum,     // sum of exp(x - s)
};

// Inner loops for numbers of type T: float, double or int64_t.
template <typename T>
struct ReductionLoops {
  // Returns the reduction of `count` adjacent numbers.
  T (*run)(const T* values, int64_t count, T shift);

  // Reduces each row of `count` adjacent numbers to one total. Rows are
  // `row_stride` numbers apart. `shifts` is null or has one number for each
  // row.
  void (*rows)(const T* values, int64_t rows, int64_t row_stride, int64_t count,
               const T* shifts, T* totals);

  // Reduces each column of a matrix, and the former total of the column, to the
  // new total. Rows are `row_stride` numbers apart. `shifts` has one number for
  // each column; it is read only if the reduction has a shift.
  void (*columns)(const T* values, int64_t rows, int64_t row_stride,
                  const T* shifts, T* totals, int64_t columns);

  // Returns the first index of the smallest or largest number, whichever
  // `value` is: the index of the first number that equals it, or that is NaN if
  // `value` is. Returns `count` if there is none.
  int64_t (*find)(const T* values, int64_t count, T value);
};

// Returns the loops for this processor. Reductions for floats only have none
// for int64_t.
template <typename T>
ReductionLoops<T> LoopsOf(Reduction reduction);
template <>
ReductionLoops<float> LoopsOf(Reduction reduction);
template <>
ReductionLoops<double> LoopsOf(Reduction reduction);
template <>
ReductionLoops<int64_t> LoopsOf(Reduction reduction);

// Compares one row with the largest numbers of the rows before it (or the
// smallest, if `is_max` is false). Where a number is larger, or the first NaN,
// writes it to `best` and `position` to `positions`.
void UpdateExtremes(const float* row, int64_t count, int32_t position,
                    bool is_max, float* best, int32_t* positions);
void UpdateExtremes(const double* row, int64_t count, int64_t position,
                    bool is_max, double* best, int64_t* positions);
void UpdateExtremes(const int64_t* row, int64_t count, int64_t position,
                    bool is_max, int64_t* best, int64_t* positions);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_REDUCTION_KERNELS_H_
