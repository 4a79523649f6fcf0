// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/cast_kernels.h
// -----------------------------------------------------------------------------
//
// The loops that CastElements is made of. They use the best vector instructions
// that the processor has.
//
// A cast goes through one or two wide types: one kernel widens the elements to
// a wide type, one converts that to another wide type, and one narrows the
// result to the elements of the other dtype. So the number of kernels grows
// with the dtypes, not with the pairs of dtypes. A dtype that is a wide type
// itself skips the first or the last step.
#ifndef FERRY_CORE_CAST_KERNELS_H_
#define FERRY_CORE_CAST_KERNELS_H_

#include <cstdint>

#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {

// WideType
//
//   kFloat32  float32. Has every number of the floats of 8 and 16 bits.
//   kFloat64  float64.
//   kInt32    int32. Has every number of the integers of 8 and 16 bits, and
//             bool as 0 and 1.
//   kInt64    int64. Has every number of uint32.
//   kUInt64   uint64. Only conversions to and from floats tell it from kInt64.
enum class WideType : uint8_t { kFloat32, kFloat64, kInt32, kInt64, kUInt64 };

// Reads `count` values at `from` and writes as many to `to`. Neither address
// needs alignment. The two arrays must not overlap. The results are the same,
// bit for bit, with all instruction sets. Thread-safe.
using CastKernel = void (*)(const void* from, void* to, int64_t count);

// Returns the kernel from a dtype to its wide type: to kFloat32 from floats of
// 8 and 16 bits, to kInt32 from bool and from integers of 8 and 16 bits, to
// kInt64 from uint32. Returns null for the other dtypes.
CastKernel WidenKernel(DType dtype);

// Returns the kernel to a dtype from a wide type: from kFloat32 to floats of 8
// and 16 bits, from kInt32 to integers of 8 and 16 bits. Returns null for the
// other dtypes. Integers keep the low bits.
CastKernel NarrowKernel(DType dtype);

// Returns the kernel that casts between two dtypes in one step where wide types
// would take two. There is one from uint8 to float32. Returns null for all
// other pairs.
CastKernel DirectKernel(DType from, DType to);

// Returns the kernel from one wide type to another. Returns null if they are
// the same or differ in the sign alone, and for conversions that take two
// steps: from kFloat32 to kInt64 and kUInt64, and from kUInt64 to kInt32.
CastKernel ConvertKernel(WideType from, WideType to);

// Returns the kernel from a wide type to bool.
CastKernel BoolKernel(WideType from);

// Returns the kernel from pairs of bools to bools that are 1 if either is.
CastKernel EitherKernel();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_CAST_KERNELS_H_
