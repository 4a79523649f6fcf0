// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/row_kernels.h
// -----------------------------------------------------------------------------
//
// The inner loops of softmax and of normalisation, compiled for every
// instruction set that the processor may have. All of them run on the calling
// thread and are thread-safe.
#ifndef FERRY_AUTOGRAD_KERNELS_ROW_KERNELS_H_
#define FERRY_AUTOGRAD_KERNELS_ROW_KERNELS_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {
namespace kernels {

// Loops over `count` adjacent numbers of type T, float or double. Outputs may
// be inputs. The parameters m, c and so on are one number for all, or one for
// each number, depending on how the loops were chosen.
template <typename T>
struct SoftmaxLoops {
  // out = exp(x - m), where x <= m. NaN becomes 0.
  void (*exp)(const T* x, const T* m, T* out, int64_t count);

  // out = exp(x - m) * c.
  void (*scaled_exp)(const T* x, const T* m, const T* c, T* out, int64_t count);

  // out = x * c.
  void (*scale)(const T* x, const T* c, T* out, int64_t count);

  // out = x - m - c.
  void (*subtract)(const T* x, const T* m, const T* c, T* out, int64_t count);

  // out = a * b.
  void (*multiply)(const T* a, const T* b, T* out, int64_t count);

  // out = y * (grad - c).
  void (*softmax_grad)(const T* grad, const T* y, const T* c, T* out,
                       int64_t count);

  // out = grad - exp(y) * c.
  void (*log_softmax_grad)(const T* grad, const T* y, const T* c, T* out,
                           int64_t count);

  // Does the same as `exp`, and returns the sum of the results.
  T (*exp_sum)(const T* x, T m, T* out, int64_t count);

  // Returns the sum of a * b.
  T (*dot)(const T* a, const T* b, int64_t count);
};

// Returns the loops for this processor. If `per_column` is true, the parameters
// are arrays of `count` numbers. Otherwise they are arrays of one number.
template <typename T>
SoftmaxLoops<T> SoftmaxLoopsOf(bool per_column);
template <>
SoftmaxLoops<float> SoftmaxLoopsOf(bool per_column);
template <>
SoftmaxLoops<double> SoftmaxLoopsOf(bool per_column);

// Numbers for one row of a normalisation: x^ = (x - mean) * rstd.
template <typename T>
struct RowStatistics {
  T mean;
  T rstd;
};

// Loops over `count` adjacent numbers. A null `gamma` stands for ones, and a
// null `beta` for zeros.
template <typename T>
struct NormalizationLoops {
  // out = x^ * gamma + beta.
  void (*normalize)(const T* x, RowStatistics<T> row, const T* gamma,
                    const T* beta, T* out, int64_t count);

  // Adds the sums of grad * gamma and of grad * gamma * x^ to `sums`.
  void (*sums)(const T* grad, const T* x, RowStatistics<T> row, const T* gamma,
               int64_t count, double* sums);

  // out = rstd * (grad * gamma - a - x^ * b).
  void (*input_grad)(const T* grad, const T* x, RowStatistics<T> row,
                     const T* gamma, T a, T b, T* out, int64_t count);

  // Adds grad * x^ to `gamma_grad` and grad to `beta_grad`. Either may be null.
  void (*parameter_grad)(const T* grad, const T* x, RowStatistics<T> row,
                         T* gamma_grad, T* beta_grad, int64_t count);
};

// Returns the loops for this processor.
template <typename T>
NormalizationLoops<T> NormalizationLoopsOf();
template <>
NormalizationLoops<float> NormalizationLoopsOf();
template <>
NormalizationLoops<double> NormalizationLoopsOf();

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_ROW_KERNELS_H_
