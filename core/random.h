// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/random.h
// -----------------------------------------------------------------------------
//
// Fills tensors with random numbers: the same numbers, bit for bit, as PyTorch
// 1.13 writes from the same state of the generator.
//
// Example: initialise a weight as `torch.nn.init.normal_` does.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor weight, Empty({2, 3}));
//   Generator generator(42);
//   FERRY_RETURN_IF_ERROR(FillNormal(weight, 0.0, 0.02, generator));
//
// The reference is PyTorch's code for the CPU, on a processor with AVX2 and in
// a build without MKL. Other versions and builds differ from it, and so from
// Ferry:
//
//   - Without AVX2, `normal_` of 16 or more contiguous float32 elements uses
//     other approximations, which differ in the last bits. Ferry's numbers are
//     the same on all processors.
//   - With MKL, on Intel processors, `bernoulli_` with a number as probability
//     draws from a generator of MKL.
//   - Logarithm, sine and cosine of all other normal numbers are those of the C
//     library. Their last bits depend on its version, in Ferry too.
//   - PyTorch 2.14 writes other numbers for `uniform_`, and `normal_` of 16 or
//     more contiguous elements, in float16, bfloat16 and complex32.
//   - PyTorch 2.14 replaces the numbers of `uniform_` that round to the upper
//     bound.
//   - PyTorch 2.14 computes the logarithm more precisely for `normal_` of fewer
//     than 16 elements, or of elements that are not contiguous. This changes
//     the last bits, mostly in float64.
//   - PyTorch 2.14 draws 64 bits for each element of `random_(low, high)` if
//     `high` - `low` is 2^28 or more, and writes another `randperm` of
//     214748364 or more.
#ifndef FERRY_CORE_RANDOM_H_
#define FERRY_CORE_RANDOM_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/generator.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// The functions below write every element of `tensor`, which may have any
// strides, and increase the version of its storage. They draw nothing for a
// tensor without elements. The order of the draws is that of the strides: the
// dimension with the smallest stride is the innermost. A transposed matrix thus
// gets the same numbers in memory as the matrix. The memory must be writable:
// a storage that was mapped read-only is not.
//
// Thread-safety: as that of `generator` and of the memory of `tensor`.
//
// Errors: nothing is written or drawn.
//   kInvalidArgument    - the tensor is null, sparse or otherwise composite,
//                         conjugated or negated, repeats an element (a stride
//                         of 0), or has a dtype that the function does not
//                         support; or a number is out of the range that the
//                         function gives.
//   kFailedPrecondition - the tensor is not in host memory (`CheckOnHost`).

// Writes numbers of [low, high), as `tensor.uniform_(low, high)`. The sum of
// `low` and the random part may round to `high`.
//
//   tensor     of a floating-point dtype of 16 bits or more, or complex
//              (complex32, complex64, complex128).
//   low, high  finite in the dtype, as is their difference; low <= high.
absl::Status FillUniform(const Tensor& tensor, double low, double high,
                         Generator& generator);

// Writes numbers of the normal distribution, as `tensor.normal_(mean, stddev)`.
//
//   tensor  as for FillUniform. A complex number has this standard deviation as
//           a whole: each of its parts has it divided by the square root of 2.
//   mean    any number.
//   stddev  the standard deviation, >= 0.
absl::Status FillNormal(const Tensor& tensor, double mean, double stddev,
                        Generator& generator);

// Writes integers of [low, high), as `tensor.random_(low, high)`.
//
//   tensor     of dtype int8 to int64, uint8, bool, or floating-point of 16
//              bits or more.
//   low, high  low < high. The dtype holds `low` and `high` - 1. In a
//              floating-point dtype that does not hold each integer, the range
//              is first narrowed to integers that it holds.
absl::Status FillRandomIntegers(const Tensor& tensor, int64_t low, int64_t high,
                                Generator& generator);

// Writes integers from 0 to the largest of the dtype, both inclusive, as
// `tensor.random_()`. The largest integer of a floating-point dtype is the one
// up to which it holds every integer: 2^24 for float32. Dtypes: as above.
absl::Status FillRandomIntegers(const Tensor& tensor, Generator& generator);

// Writes 1 with the given probability, else 0, as `tensor.bernoulli_(p)`. Draws
// 64 bits for each element.
//
//   tensor       dtypes as for FillRandomIntegers.
//   probability  from 0 to 1.
absl::Status FillBernoulli(const Tensor& tensor, double probability,
                           Generator& generator);

// The same with one probability for each element, as `tensor.bernoulli_(p)`
// with a tensor `p`. Draws 64 bits for each element if `probabilities` is
// float64, else 32 bits.
//
//   probabilities  of a floating-point dtype of 16 bits or more, in host
//                  memory, with numbers from 0 to 1. Its shape is broadcast to
//                  that of `tensor`. It may be `tensor` itself, but must not
//                  overlap with it in another way.
absl::Status FillBernoulli(const Tensor& tensor, const Tensor& probabilities,
                           Generator& generator);

// Returns the integers from 0 to `count` - 1 in random order, as
// `torch.randperm(count)`: an int64 tensor on the CPU.
//
// Errors:
//   kInvalidArgument   - `count` is negative, or too large for any tensor.
//   kResourceExhausted - the allocation failed.
absl::StatusOr<Tensor> RandomPermutation(int64_t count, Generator& generator);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_RANDOM_H_
