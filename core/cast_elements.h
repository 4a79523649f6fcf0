// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/cast_elements.h
// -----------------------------------------------------------------------------
//
// Casts an array of elements from one dtype to another, as `tensor.to(dtype)`
// of PyTorch 2.14 does on an x86-64 processor. The bits of the results do not
// depend on the processor.
//
// Example:
//
//   const float from[] = {1.0f, 2.5f};
//   uint16_t to[2];  // of bfloat16
//   FERRY_RETURN_IF_ERROR(CheckCast(DType::kFloat32, DType::kBFloat16));
//   CastElements(from, DType::kFloat32, to, DType::kBFloat16, 2);
//   // to: 0x3F80, 0x4020
//
// Floats are rounded to the nearest narrower float, ties to even. A float64 is
// rounded to float32 first on its way to a float of 8 or 16 bits. Infinity, and
// a number that would be rounded beyond the largest, becomes
//   - infinity in float32, float16, bfloat16 and float8_e5m2;
//   - the largest number, 448, in float8_e4m3fn;
//   - NaN in float8_e5m2fnuz and float8_e4m3fnuz, which have no negative zero
//     either.
//
// float8_e8m0fnu holds only the powers of two from 2^-127 to 2^127. A cast to
// it drops the sign and rounds the magnitude to a power of two. From 2^-126 on,
// 1.5 times a power of two is rounded up. Numbers from zero to 2^-127 become
// 2^-127, and those between 2^-127 and 2^-126 become 2^-126. Numbers from
// 1.5 * 2^127 on become NaN.
//
// NaN stays NaN, and keeps its sign if the dtype has signs for NaN. Its payload
// is not specified.
//
// Integers are rounded once to float64 or float32. A float of 8 or 16 bits is
// rounded from the float32. Between integers, a cast keeps the low bits or
// extends the number.
//
// A float that becomes an integer loses its fraction. If the result is out of
// range, or the float is NaN, the integer is
//   - in int64 and int32, the smallest value;
//   - in int16, int8 and uint16, the low bits of the int32 that the float would
//     become, and in uint32 and uint8 those of the int64;
//   - in uint64, 0 from 2^64 on, the two's complement of a negative number down
//     to -2^63, and 2^63 below that and for NaN.
// PyTorch does the same, with two exceptions. Its uint32 of a float outside
// int32 and uint32 depends on the position of the element. And NaN of
// float8_e5m2fnuz, float8_e4m3fnuz and float8_e8m0fnu becomes 0 in all
// integers.
//
// A cast to bool makes zeros false and everything else true, including NaN and
// complex numbers of which either part is not zero. A cast from bool takes
// every byte but 0 for 1. A cast from bool to bool copies the bytes.
//
// A complex number loses its imaginary part when it becomes real. A real number
// gets an imaginary part of +0 when it becomes complex. The parts are cast as
// real numbers.
#ifndef FERRY_CORE_CAST_ELEMENTS_H_
#define FERRY_CORE_CAST_ELEMENTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {

// Returns whether elements can be cast from one dtype to the other, as a
// status. They can if each dtype is a float, a complex type, an integer of 8 to
// 64 bits, or bool.
//
// Errors:
//   kUnimplemented - one of the dtypes is float4_e2m1fn_x2, an integer of fewer
//                    than 8 bits, quantized, or bits. PyTorch does not cast
//                    them either. Two equal dtypes are no exception.
absl::Status CheckCast(DType from, DType to);

// Casts `count` contiguous elements. CheckCast must accept the dtypes.
//
//   from  the elements to read. Needs no alignment.
//   to    where to write as many elements of `to_dtype`. Needs no alignment,
//         and must not overlap what is read.
//
// Runs on the calling thread and allocates nothing. Casts between float32 and
// the other floats, or from integers to float32, take about as long as copying
// the memory.
//
// The thread's floating-point environment must be the default one: rounding to
// nearest, and no flushing of subnormal numbers to zero.
//
// Thread-safe.
void CastElements(const void* from, DType from_dtype, void* to, DType to_dtype,
                  int64_t count);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_CAST_ELEMENTS_H_
