// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/normalization.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "ferry/autograd/kernels/reduction_kernels.h"
#include "ferry/autograd/kernels/row_kernels.h"
#include "ferry/autograd/kernels/runs.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// Parts of a row whose sums are taken in float before they are added in double.
constexpr int64_t kRowPart = 32768;

// Rows are added to at most so many sums of gradients, which are then added in
// order. The number is constant, so that the bits of the results are.
constexpr int64_t kMaxBlocks = 64;

// A row is read this often, so a thread is worth it for fewer elements than in
// loops that copy.
constexpr int64_t kPasses = 4;

// Returns the elements of a tensor, or a null tensor for a null tensor, as a
// contiguous tensor of `dtype`.
absl::StatusOr<Tensor> ContiguousAs(const Tensor& tensor, DType dtype) {
  if (tensor.is_null()) return tensor;
  FERRY_ASSIGN_OR_RETURN(const Tensor cast, strided::Cast(tensor, dtype));
  return strided::Contiguous(cast);
}

template <typename T>
T* DataOrNull(const Tensor& tensor) {
  return tensor.is_null() ? nullptr : static_cast<T*>(tensor.data());
}

template <typename T>
const T* Advance(const T* parameters, int64_t count) {
  return parameters == nullptr ? nullptr : parameters + count;
}

// Calls `body(i, count)` for the parts of a row.
template <typename T, typename Body>
void ForEachPart(int64_t size, DType dtype, Body body) {
  const int64_t part =
      IsDirect<T>(dtype, /*stride=*/1) ? kRowPart : kRunElements;
  for (int64_t i = 0; i < size; i += part) body(i, std::min(part, size - i));
}

// Where to write numbers that `StoreIfBuffered` then stores.
template <typename T>
T* TargetOf(const Tensor& out, int64_t offset, RunBuffer<T>* buffer) {
  return out.dtype() == DTypeOf<T>::value ? static_cast<T*>(out.data()) + offset
                                          : buffer->values;
}

template <typename T>
void StoreIfBuffered(const T* values, const Tensor& out, int64_t offset,
                     int64_t count) {
  if (out.dtype() != DTypeOf<T>::value) {
    StoreRun(values, out.data(), out.dtype(), offset, count);
  }
}

// `mean` is null for RMS normalisation.
template <typename T>
void ForwardOf(const Tensor& x, int64_t size, const T* gamma, const T* beta,
               double eps, const Tensor& out, T* mean, T* rstd) {
  const int64_t rows = x.num_elements() / size;
  const ReductionLoops<T> sum = LoopsOf<T>(Reduction::kSum);
  const ReductionLoops<T> square_sum = LoopsOf<T>(Reduction::kShiftedSquareSum);
  const NormalizationLoops<T> loops = NormalizationLoopsOf<T>();
  const auto n = static_cast<double>(size);
  const int64_t grain = GrainOf(kPasses * size);
  ParallelFor(0, rows, grain, [&](int64_t begin, int64_t end) {
    RunBuffer<T> buffer;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t first = row * size;
      const auto load = [&](int64_t i, int64_t count) {
        return LoadRun(x.data(), x.dtype(), first + i, 1, count, &buffer);
      };
      RowStatistics<T> statistics = {0, 0};
      if (mean != nullptr) {
        double total = 0;
        ForEachPart<T>(size, x.dtype(), [&](int64_t i, int64_t count) {
          total += sum.run(load(i, count), count, T{0});
        });
        statistics.mean = static_cast<T>(total / n);
        mean[row] = statistics.mean;
      }
      double squares = 0;
      ForEachPart<T>(size, x.dtype(), [&](int64_t i, int64_t count) {
        squares += square_sum.run(load(i, count), count, statistics.mean);
      });
      statistics.rstd = static_cast<T>(1 / std::sqrt(squares / n + eps));
      rstd[row] = statistics.rstd;
      ForEachPart<T>(size, x.dtype(), [&](int64_t i, int64_t count) {
        T* const to = TargetOf(out, first + i, &buffer);
        loops.normalize(load(i, count), statistics, Advance(gamma, i),
                        Advance(beta, i), to, count);
        StoreIfBuffered(to, out, first + i, count);
      });
    }
  });
}

template <typename T>
absl::Status ForwardAs(const Tensor& x, int64_t row_size, const Tensor& gamma,
                       const Tensor& beta, double eps, const Tensor& out,
                       const Tensor& mean, const Tensor& rstd) {
  if (x.num_elements() == 0) return absl::OkStatus();
  const DType dtype = DTypeOf<T>::value;
  FERRY_ASSIGN_OR_RETURN(const Tensor input, strided::Contiguous(x));
  FERRY_ASSIGN_OR_RETURN(const Tensor gammas, ContiguousAs(gamma, dtype));
  FERRY_ASSIGN_OR_RETURN(const Tensor betas, ContiguousAs(beta, dtype));
  ForwardOf<T>(input, row_size, DataOrNull<T>(gammas), DataOrNull<T>(betas),
               eps, out, DataOrNull<T>(mean), DataOrNull<T>(rstd));
  return absl::OkStatus();
}

absl::Status Forward(const Tensor& x, int64_t row_size, const Tensor& gamma,
                     const Tensor& beta, double eps, const Tensor& out,
                     const Tensor& mean, const Tensor& rstd) {
  return x.dtype() == DType::kFloat64
             ? ForwardAs<double>(x, row_size, gamma, beta, eps, out, mean, rstd)
             : ForwardAs<float>(x, row_size, gamma, beta, eps, out, mean, rstd);
}

// The tensors of a backward pass. All are contiguous. `gamma` and the outputs
// may be null, and `mean` is for RMS normalisation.
struct BackwardTensors {
  Tensor grad;
  Tensor x;
  Tensor mean;
  Tensor rstd;
  Tensor gamma;
  Tensor x_grad;
  Tensor gamma_grad;
  Tensor beta_grad;
};

template <typename T>
RowStatistics<T> StatisticsOf(const BackwardTensors& tensors, int64_t row) {
  return {tensors.mean.is_null() ? T{0} : DataOrNull<T>(tensors.mean)[row],
          DataOrNull<T>(tensors.rstd)[row]};
}

template <typename T>
void WriteInputGrad(const BackwardTensors& tensors, int64_t size) {
  const DType dtype = tensors.x.dtype();
  const NormalizationLoops<T> loops = NormalizationLoopsOf<T>();
  const T* const gamma = DataOrNull<T>(tensors.gamma);
  const auto n = static_cast<double>(size);
  const int64_t grain = GrainOf(kPasses * size);
  ParallelFor(
      0, tensors.x.num_elements() / size, grain,
      [&](int64_t begin, int64_t end) {
        RunBuffer<T> grad_buffer;
        RunBuffer<T> x_buffer;
        for (int64_t row = begin; row < end; ++row) {
          const int64_t first = row * size;
          const RowStatistics<T> statistics = StatisticsOf<T>(tensors, row);
          const auto load_grad = [&](int64_t i, int64_t count) {
            return LoadRun(tensors.grad.data(), dtype, first + i, 1, count,
                           &grad_buffer);
          };
          const auto load_x = [&](int64_t i, int64_t count) {
            return LoadRun(tensors.x.data(), dtype, first + i, 1, count,
                           &x_buffer);
          };
          double sums[2] = {0, 0};
          ForEachPart<T>(size, dtype, [&](int64_t i, int64_t count) {
            loops.sums(load_grad(i, count), load_x(i, count), statistics,
                       Advance(gamma, i), count, sums);
          });
          if (tensors.mean.is_null()) sums[0] = 0;
          const T a = static_cast<T>(sums[0] / n);
          const T b = static_cast<T>(sums[1] / n);
          ForEachPart<T>(size, dtype, [&](int64_t i, int64_t count) {
            T* const to = TargetOf(tensors.x_grad, first + i, &grad_buffer);
            loops.input_grad(load_grad(i, count), load_x(i, count), statistics,
                             Advance(gamma, i), a, b, to, count);
            StoreIfBuffered(to, tensors.x_grad, first + i, count);
          });
        }
      });
}

template <typename T>
absl::Status WriteParameterGrad(const BackwardTensors& tensors, int64_t size) {
  const DType dtype = tensors.x.dtype();
  const NormalizationLoops<T> loops = NormalizationLoopsOf<T>();
  const int64_t rows = tensors.x.num_elements() / size;
  const int64_t block_rows = std::max(
      {kElementsPerThread / size, (rows - 1) / kMaxBlocks + 1, int64_t{1}});
  const int64_t blocks = (rows - 1) / block_rows + 1;
  // For each block the sums for gamma, and then those for beta.
  const int64_t sums = 2 * blocks * size;
  FERRY_ASSIGN_OR_RETURN(
      const Storage storage,
      Storage::Allocate(static_cast<uint64_t>(sums) * sizeof(T)));
  T* const all = static_cast<T*>(storage.data());
  const bool has_gamma = !tensors.gamma_grad.is_null();
  const bool has_beta = !tensors.beta_grad.is_null();
  ParallelFor(0, blocks, 1, [&](int64_t begin, int64_t end) {
    RunBuffer<T> grad_buffer;
    RunBuffer<T> x_buffer;
    for (int64_t block = begin; block < end; ++block) {
      T* const gamma_sums = all + 2 * block * size;
      T* const beta_sums = gamma_sums + size;
      FillRun(gamma_sums, 2 * size, T{0});
      const int64_t last = std::min((block + 1) * block_rows, rows);
      for (int64_t row = block * block_rows; row < last; ++row) {
        const RowStatistics<T> statistics = StatisticsOf<T>(tensors, row);
        ForEachPart<T>(size, dtype, [&](int64_t i, int64_t count) {
          const int64_t offset = row * size + i;
          loops.parameter_grad(
              LoadRun(tensors.grad.data(), dtype, offset, 1, count,
                      &grad_buffer),
              LoadRun(tensors.x.data(), dtype, offset, 1, count, &x_buffer),
              statistics, has_gamma ? gamma_sums + i : nullptr,
              has_beta ? beta_sums + i : nullptr, count);
        });
      }
    }
  });
  const ReductionLoops<double> add = LoopsOf<double>(Reduction::kSum);
  ParallelFor(0, size, kRunElements, [&](int64_t begin, int64_t end) {
    double totals[kRunElements];
    double row[kRunElements];
    for (const bool is_beta : {false, true}) {
      const Tensor& out = is_beta ? tensors.beta_grad : tensors.gamma_grad;
      if (out.is_null()) continue;
      for (int64_t i = begin; i < end; i += kRunElements) {
        const int64_t count = std::min(kRunElements, end - i);
        FillRun(totals, count, 0.0);
        for (int64_t block = 0; block < blocks; ++block) {
          const T* const from = all + (2 * block + is_beta) * size + i;
          std::copy_n(from, count, row);
          add.columns(row, 1, 0, nullptr, totals, count);
        }
        StoreRun(totals, out.data(), out.dtype(), i, count);
      }
    }
  });
  return absl::OkStatus();
}

void FillWithZeros(const Tensor& tensor) {
  if (tensor.is_null()) return;
  std::fill_n(static_cast<char*>(tensor.data()),
              static_cast<uint64_t>(tensor.num_elements()) *
                  ElementSizeBytes(tensor.dtype()),
              '\0');
}

template <typename T>
absl::Status BackwardAs(BackwardTensors tensors, int64_t size) {
  if (tensors.x.num_elements() == 0) {
    FillWithZeros(tensors.gamma_grad);
    FillWithZeros(tensors.beta_grad);
    return absl::OkStatus();
  }
  FERRY_ASSIGN_OR_RETURN(tensors.grad, strided::Contiguous(tensors.grad));
  FERRY_ASSIGN_OR_RETURN(tensors.x, strided::Contiguous(tensors.x));
  FERRY_ASSIGN_OR_RETURN(tensors.gamma,
                         ContiguousAs(tensors.gamma, DTypeOf<T>::value));
  if (!tensors.x_grad.is_null()) WriteInputGrad<T>(tensors, size);
  if (tensors.gamma_grad.is_null() && tensors.beta_grad.is_null()) {
    return absl::OkStatus();
  }
  return WriteParameterGrad<T>(tensors, size);
}

absl::Status Backward(BackwardTensors tensors, int64_t size) {
  return tensors.x.dtype() == DType::kFloat64
             ? BackwardAs<double>(std::move(tensors), size)
             : BackwardAs<float>(std::move(tensors), size);
}

}  // namespace

absl::Status LayerNorm(const Tensor& x, int64_t row_size, const Tensor& gamma,
                       const Tensor& beta, double eps, const Tensor& out,
                       const Tensor& mean, const Tensor& rstd) {
  return Forward(x, row_size, gamma, beta, eps, out, mean, rstd);
}

absl::Status RmsNorm(const Tensor& x, int64_t row_size, const Tensor& gamma,
                     double eps, const Tensor& out, const Tensor& rstd) {
  return Forward(x, row_size, gamma, Tensor(), eps, out, Tensor(), rstd);
}

absl::Status LayerNormBackward(const Tensor& grad, const Tensor& x,
                               int64_t row_size, const Tensor& mean,
                               const Tensor& rstd, const Tensor& gamma,
                               const Tensor& x_grad, const Tensor& gamma_grad,
                               const Tensor& beta_grad) {
  return Backward({grad, x, mean, rstd, gamma, x_grad, gamma_grad, beta_grad},
                  row_size);
}

absl::Status RmsNormBackward(const Tensor& grad, const Tensor& x,
                             int64_t row_size, const Tensor& rstd,
                             const Tensor& gamma, const Tensor& x_grad,
                             const Tensor& gamma_grad) {
  return Backward(
      {grad, x, Tensor(), rstd, gamma, x_grad, gamma_grad, Tensor()}, row_size);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
