// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/runs.h
// -----------------------------------------------------------------------------
//
// Reads and writes short runs of elements in the type that a kernel computes
// in. Kernels that need several passes over a row use runs, so that they need
// no code for other dtypes and strides.
//
// Example: read 100 elements of bfloat16 that are 3 elements apart.
//
//   RunBuffer<float> buffer;
//   const float* values =
//       LoadRun(tensor.data(), DType::kBFloat16, 0, 3, 100, &buffer);
#ifndef FERRY_AUTOGRAD_KERNELS_RUNS_H_
#define FERRY_AUTOGRAD_KERNELS_RUNS_H_

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Allocates uninitialised memory for `count` objects of type T. The number may
// be that of the elements of an expanded tensor, which may not fit into memory.
// Errors: kResourceExhausted - not enough memory.
template <typename T>
absl::StatusOr<Storage> AllocateArray(uint64_t count) {
  uint64_t bytes;
  if (__builtin_mul_overflow(count, sizeof(T), &bytes)) {
    return absl::ResourceExhaustedError(absl::StrCat("there is no memory for ",
                                                     count, " elements of ",
                                                     sizeof(T), " bytes"));
  }
  return Storage::Allocate(bytes);
}

// The longest run that must be copied to a buffer.
inline constexpr int64_t kRunElements = 2048;

// Calls `function` with a number of the type that kernels compute in for
// elements of `dtype`: double for float64, float for the other floats, and
// int64_t for integers and bool. Returns what it returns.
template <typename Function>
auto WithComputeType(DType dtype, Function function) {
  if (dtype == DType::kFloat64) return function(double{});
  if (Category(dtype) == DTypeCategory::kFloat) return function(float{});
  return function(int64_t{});
}

// Memory for a run that cannot be read in place.
template <typename T>
struct RunBuffer {
  alignas(64) T values[kRunElements];
  alignas(64) char elements[kRunElements * 8];
};

// Returns whether `LoadRun` returns the address of the elements themselves. If
// so, runs may have any length.
template <typename T>
bool IsDirect(DType dtype, int64_t stride) {
  return dtype == DTypeOf<T>::value && stride == 1;
}

// Returns `count` elements as numbers of type T, the first of them `offset`
// elements after `base`. The result is either their own address or that of
// `buffer`. Runs that are not direct have at most kRunElements elements.
template <typename T>
const T* LoadRun(const void* base, DType dtype, int64_t offset, int64_t stride,
                 int64_t count, RunBuffer<T>* buffer) {
  const auto bytes = static_cast<int64_t>(ElementSizeBytes(dtype));
  const char* first = static_cast<const char*>(base) + offset * bytes;
  if (stride == 1 || count == 1) {
    if (dtype == DTypeOf<T>::value) return reinterpret_cast<const T*>(first);
  } else {
    const bool is_done = dtype == DTypeOf<T>::value;
    void* to = is_done ? static_cast<void*>(buffer->values)
                       : static_cast<void*>(buffer->elements);
    CopyTile(first, 0, stride, to, 0, 1, 1, count,
             static_cast<uint64_t>(bytes));
    if (is_done) return buffer->values;
    first = buffer->elements;
  }
  CastElements(first, dtype, buffer->values, DTypeOf<T>::value, count);
  return buffer->values;
}

// Writes `value` to `count` elements. Copies the elements that it has written
// before, since GCC compiles std::fill_n to a loop that writes one element at a
// time.
template <typename T>
void FillRun(T* to, int64_t count, T value) {
  int64_t done = std::min<int64_t>(count, 16);
  std::fill_n(to, done, value);
  while (done < count) {
    const int64_t next = std::min({done, count - done, kRunElements});
    std::copy_n(to, next, to + done);
    done += next;
  }
}

// Writes `count` numbers of type T as adjacent elements of `dtype`, the first
// of them `offset` elements after `base`.
template <typename T>
void StoreRun(const T* values, void* base, DType dtype, int64_t offset,
              int64_t count) {
  char* to = static_cast<char*>(base) +
             offset * static_cast<int64_t>(ElementSizeBytes(dtype));
  CastElements(values, DTypeOf<T>::value, to, dtype, count);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_RUNS_H_
