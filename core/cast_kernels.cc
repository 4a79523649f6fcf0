// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Only processors from before 2011 would use this target. They run the portable
// code.
#define HWY_DISABLED_TARGETS HWY_SSSE3

// foreach_target.h compiles this file once for each other instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cast_kernels.cc"
#include "ferry/core/cast_kernels.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "ferry/core/dtype.h"
#include "ferry/core/simd_dispatch.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ferry {
inline namespace v1 {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// An operation is a struct with the types From and To, and a function
//
//   Apply(dt, v)
//
// that turns a vector of From into a vector of To with as many lanes, whose tag
// is `dt`. Floats of 8 and 16 bits are unsigned integers here.

// The kernel that applies an operation to an array.
template <class Op>
void Run(const void* from, void* to, int64_t count) {
  using From = typename Op::From;
  using To = typename Op::To;
  using Wider = std::conditional_t<(sizeof(From) > sizeof(To)), From, To>;
  const hn::ScalableTag<Wider> d;
  const hn::Rebind<From, decltype(d)> df;
  const hn::Rebind<To, decltype(d)> dt;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* const in = static_cast<const From*>(from);
  auto* const out = static_cast<To*>(to);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(Op::Apply(dt, hn::LoadU(df, in + i)), dt, out + i);
  }
  if (i < count) {
    const auto rest = static_cast<size_t>(count - i);
    HWY_ALIGN From last_in[hn::MaxLanes(d)] = {};
    HWY_ALIGN To last_out[hn::MaxLanes(d)];
    std::memcpy(last_in, in + i, rest * sizeof(From));
    hn::Store(Op::Apply(dt, hn::Load(df, last_in)), dt, last_out);
    std::memcpy(out + i, last_out, rest * sizeof(To));
  }
}

// ----------------------------------------------------------------- Integers

// Extends integers, by their sign if they have one.
template <typename F, typename T>
struct Extend {
  using From = F;
  using To = T;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::PromoteTo(dt, v);
  }
};

// Keeps the low bits of integers.
template <typename F, typename T>
struct Truncate {
  using From = F;
  using To = T;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::TruncateTo(dt, v);
  }
};

// Turns bools into 0 and 1. Other bytes can occur in files; they count as 1.
struct WidenBool {
  using From = uint8_t;
  using To = int32_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::Min(hn::PromoteTo(dt, v), hn::Set(dt, 1));
  }
};

// Tells zeros from all else. NaN does not compare equal to zero, so it is true.
template <typename F>
struct ToBool {
  using From = F;
  using To = uint8_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::DFromV<V> df;
    const hn::RebindToUnsigned<decltype(df)> du;
    const auto is_zero = hn::RebindMask(du, hn::Eq(v, hn::Zero(df)));
    return hn::TruncateTo(dt, hn::IfThenZeroElse(is_zero, hn::Set(du, 1)));
  }
};

// ------------------------------------------------- Between floats and integers

struct Float32ToFloat64 {
  using From = float;
  using To = double;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::PromoteTo(dt, v);
  }
};

// Rounds to float32. In portable code Highway's DemoteTo makes no infinities.
template <class DT, class V>
HWY_INLINE hn::VFromD<DT> RoundToFloat32(DT dt, V v) {
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  const hn::DFromV<V> df;
  HWY_ALIGN double in[hn::MaxLanes(df)];
  HWY_ALIGN float out[hn::MaxLanes(df)];
  hn::Store(v, df, in);
  for (size_t i = 0; i < hn::Lanes(df); ++i) {
    out[i] = static_cast<float>(in[i]);
  }
  return hn::Load(dt, out);
#else
  return hn::DemoteTo(dt, v);
#endif
}

struct Float64ToFloat32 {
  using From = double;
  using To = float;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return RoundToFloat32(dt, v);
  }
};

// Replaces NaN, and what is not smaller in magnitude than the limit of an
// integer type, by the smallest number of the type. That is what x86
// processors, and so PyTorch, make of them. Highway's conversions would
// saturate.
template <class D, class V>
HWY_INLINE V LimitMagnitude(D d, V v, hn::TFromD<D> limit) {
  const auto fits = hn::Lt(hn::Abs(v), hn::Set(d, limit));
  return hn::IfThenElse(fits, v, hn::Set(d, -limit));
}

// On x86 a single instruction does it all. Through LimitMagnitude and ConvertTo
// the cast takes twice as long while the arrays are in the cache.
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::VFromD<hn::Full512<int32_t>> TruncateFloat32(
    hn::VFromD<hn::Full512<float>> v) {
  return {_mm512_cvttps_epi32(v.raw)};
}
#elif HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::VFromD<hn::Full256<int32_t>> TruncateFloat32(
    hn::VFromD<hn::Full256<float>> v) {
  return {_mm256_cvttps_epi32(v.raw)};
}
#else
template <class V>
HWY_INLINE hn::VFromD<hn::RebindToSigned<hn::DFromV<V>>> TruncateFloat32(V v) {
  const hn::DFromV<V> df;
  return hn::ConvertTo(hn::RebindToSigned<hn::DFromV<V>>(),
                       LimitMagnitude(df, v, 0x1p31f));
}
#endif

struct Float32ToInt32 {
  using From = float;
  using To = int32_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return TruncateFloat32(v);
  }
};

struct Float64ToInt32 {
  using From = double;
  using To = int32_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    // Highway's portable code would saturate -(2^31 - 0.5).
    return hn::DemoteTo(dt,
                        hn::Trunc(LimitMagnitude(hn::DFromV<V>(), v, 0x1p31)));
  }
};

struct Float64ToInt64 {
  using From = double;
  using To = int64_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::ConvertTo(dt, LimitMagnitude(hn::DFromV<V>(), v, 0x1p63));
  }
};

// Converts the upper half of the range, from 2^63 on, as the lower half, and
// adds the top bit afterwards.
struct Float64ToUInt64 {
  using From = double;
  using To = uint64_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::DFromV<V> df;
    const hn::RebindToSigned<DT> di;
    const auto two_63 = hn::Set(df, 0x1p63);
    const auto is_upper = hn::Ge(v, two_63);
    const auto low = Float64ToInt64::Apply(
        di, hn::Sub(v, hn::IfThenElseZero(is_upper, two_63)));
    const auto top = hn::IfThenElseZero(hn::RebindMask(dt, is_upper),
                                        hn::Set(dt, uint64_t{1} << 63));
    return hn::Xor(hn::BitCast(dt, low), top);
  }
};

// Converts integers to floats of the same size.
template <typename F, typename T>
struct Convert {
  using From = F;
  using To = T;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::ConvertTo(dt, v);
  }
};

struct UInt8ToFloat32 {
  using From = uint8_t;
  using To = float;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::ConvertTo(dt, hn::PromoteTo(hn::RebindToSigned<DT>(), v));
  }
};

struct Int32ToFloat64 {
  using From = int32_t;
  using To = double;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    return hn::PromoteTo(dt, v);
  }
};

// Rounds once, although it converts to float64 first. If a number has more than
// the 53 bits of float64, its low 11 bits are replaced by one bit above them
// that says whether any of them was set. The float64 is then exact, and float32
// needs to know no more to round the number.
template <typename F>
struct Int64ToFloat32 {
  using From = F;
  using To = float;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::DFromV<V> d;
    const hn::Rebind<double, DT> d64;
    const auto low = hn::Set(d, 0x7FF);
    const auto sticky = hn::Add(hn::And(v, low), low);
    const auto gathered = hn::AndNot(low, hn::Or(v, sticky));
    // All bits from the 53rd on are the sign.
    const auto top = hn::ShiftRight<53>(v);
    auto is_exact = hn::Eq(top, hn::Zero(d));
    if constexpr (std::is_signed_v<F>) {
      is_exact = hn::Or(is_exact, hn::Eq(top, hn::Set(d, static_cast<F>(-1))));
    }
    return RoundToFloat32(
        dt, hn::ConvertTo(d64, hn::IfThenElse(is_exact, v, gathered)));
  }
};

// ------------------------------------------------------------- Narrow floats

struct WidenBFloat16 {
  using From = uint16_t;
  using To = float;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::RebindToUnsigned<DT> du;
    return hn::BitCast(dt, hn::ShiftLeft<16>(hn::PromoteTo(du, v)));
  }
};

struct NarrowBFloat16 {
  using From = float;
  using To = uint16_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::RebindToUnsigned<hn::DFromV<V>> du;
    const auto bits = hn::BitCast(du, v);
    const auto high = hn::ShiftRight<16>(bits);
    const auto odd = hn::And(high, hn::Set(du, 1));
    const auto rounded =
        hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFF))));
    const auto quiet = hn::Or(high, hn::Set(du, 0x40));
    const auto is_number = hn::RebindMask(du, hn::Eq(v, v));
    return hn::TruncateTo(dt, hn::IfThenElse(is_number, rounded, quiet));
  }
};

// What a float of 8 or 16 bits has besides numbers.
enum class Specials {
  kIeee,      // infinities and NaN, which have the largest exponent
  kFinite,    // NaN alone, which has all bits set but the sign
  kUnsigned,  // NaN alone, in place of the negative zero
};

// A format. An exponent that is not 0 is that of float32 less 127 plus kBias.
template <typename BitsType, int mantissa_bits, int bias, Specials specials>
struct Format {
  using Bits = BitsType;
  static constexpr int kMantissaBits = mantissa_bits;
  static constexpr int kBias = bias;
  static constexpr Specials kSpecials = specials;
};

using Float16 = Format<uint16_t, 10, 15, Specials::kIeee>;
using Float8E5M2 = Format<uint8_t, 2, 15, Specials::kIeee>;
using Float8E4M3FN = Format<uint8_t, 3, 7, Specials::kFinite>;
using Float8E5M2FNUZ = Format<uint8_t, 2, 16, Specials::kUnsigned>;
using Float8E4M3FNUZ = Format<uint8_t, 3, 8, Specials::kUnsigned>;

// Constants that relate a format to float32.
template <class Format>
struct Layout {
  static constexpr int kBits = 8 * sizeof(typename Format::Bits);
  static constexpr int32_t kMagnitudeMask = (1 << (kBits - 1)) - 1;
  // How far to shift a magnitude to the left to have its mantissa where float32
  // has it.
  static constexpr int kShift = 23 - Format::kMantissaBits;
  // What to add to the exponent of a magnitude that is shifted so.
  static constexpr int32_t kRebias = (127 - Format::kBias) << 23;
  // The largest exponent, with a mantissa of 0.
  static constexpr int32_t kInfinity =
      kMagnitudeMask >> Format::kMantissaBits << Format::kMantissaBits;
  // The magnitude of NaN, unless that is the negative zero. In 16 bits it is
  // the first quiet one, to which the payload is added.
  static constexpr int32_t kNan =
      kBits == 16 ? kInfinity | (1 << (Format::kMantissaBits - 1))
                  : kMagnitudeMask;
  // The magnitude of what is too large: infinity, the largest number or NaN.
  static constexpr int32_t kOverflow =
      Format::kSpecials == Specials::kIeee     ? kInfinity
      : Format::kSpecials == Specials::kFinite ? kMagnitudeMask - 1
                                               : kMagnitudeMask + 1;
};

constexpr int32_t kFloat32Infinity = 0x7F800000;
constexpr int32_t kFloat32Quiet = 0x00400000;
constexpr int32_t kSignBit = std::numeric_limits<int32_t>::min();

template <class Format>
struct Widen {
  using From = typename Format::Bits;
  using To = float;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    using L = Layout<Format>;
    const hn::RebindToSigned<DT> di;
    const auto code = hn::PromoteTo(di, v);
    const auto sign =
        hn::And(hn::ShiftLeft<32 - L::kBits>(code), hn::Set(di, kSignBit));
    const auto magnitude =
        hn::ShiftLeft<L::kShift>(hn::And(code, hn::Set(di, L::kMagnitudeMask)));
    // A subnormal number has no implicit bit. It gets one, which is subtracted.
    const auto implicit = hn::Set(di, L::kRebias + (1 << 23));
    const auto subnormal =
        hn::BitCast(di, hn::Sub(hn::BitCast(dt, hn::Add(magnitude, implicit)),
                                hn::BitCast(dt, implicit)));
    auto bits =
        hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 1 << 23)), subnormal,
                       hn::Add(magnitude, hn::Set(di, L::kRebias)));
    const auto nan = hn::Set(di, kFloat32Infinity | kFloat32Quiet);
    if constexpr (Format::kSpecials == Specials::kIeee) {
      const auto infinity = hn::Set(di, L::kInfinity << L::kShift);
      const auto payload = hn::Or(magnitude, nan);
      bits = hn::IfThenElse(hn::Eq(magnitude, infinity),
                            hn::Set(di, kFloat32Infinity), bits);
      bits = hn::IfThenElse(hn::Gt(magnitude, infinity), payload, bits);
    } else if constexpr (Format::kSpecials == Specials::kFinite) {
      const auto top = hn::Set(di, L::kMagnitudeMask << L::kShift);
      bits = hn::IfThenElse(hn::Eq(magnitude, top), nan, bits);
    } else {
      const auto negative_zero = hn::Set(di, L::kMagnitudeMask + 1);
      bits = hn::IfThenElse(hn::Eq(code, negative_zero), nan, bits);
    }
    return hn::BitCast(dt, hn::Or(bits, sign));
  }
};

template <class Format>
struct Narrow {
  using From = float;
  using To = typename Format::Bits;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    using L = Layout<Format>;
    const hn::DFromV<V> df;
    const hn::RebindToSigned<decltype(df)> di;
    const hn::RebindToUnsigned<decltype(df)> du;
    const auto all = hn::BitCast(di, v);
    const auto magnitude = hn::AndNot(hn::Set(di, kSignBit), all);
    const auto sign = hn::Xor(all, magnitude);
    // Rounding up may carry into the exponent, as it should.
    const auto high = hn::ShiftRight<L::kShift>(magnitude);
    const auto odd = hn::And(high, hn::Set(di, 1));
    const auto half = hn::Set(di, (1 << (L::kShift - 1)) - 1 - L::kRebias);
    const auto normal =
        hn::ShiftRight<L::kShift>(hn::Add(hn::Add(magnitude, half), odd));
    // The last bit of this power of two is worth the smallest number of the
    // format, so the sum is rounded to a multiple of that.
    const auto unit = hn::Set(di, L::kRebias + ((1 + L::kShift) << 23));
    const auto subnormal = hn::Sub(
        hn::BitCast(di,
                    hn::Add(hn::BitCast(df, magnitude), hn::BitCast(df, unit))),
        unit);
    const auto least = hn::Set(di, L::kRebias + (1 << 23));
    auto code = hn::IfThenElse(hn::Lt(magnitude, least), subnormal, normal);
    code = hn::Min(code, hn::Set(di, L::kOverflow));
    auto sign_code =
        hn::BitCast(di, hn::ShiftRight<32 - L::kBits>(hn::BitCast(du, sign)));
    if constexpr (Format::kSpecials == Specials::kUnsigned) {
      sign_code = hn::IfThenZeroElse(hn::Eq(code, hn::Zero(di)), sign_code);
    } else {
      const auto is_nan = hn::Gt(magnitude, hn::Set(di, kFloat32Infinity));
      const auto payload = hn::And(high, hn::Set(di, L::kMagnitudeMask));
      code =
          hn::IfThenElse(is_nan, hn::Or(payload, hn::Set(di, L::kNan)), code);
    }
    return hn::TruncateTo(dt, hn::BitCast(du, hn::Or(code, sign_code)));
  }
};

#if HWY_TARGET <= HWY_AVX2

// These processors have instructions for float16.
template <>
struct Widen<Float16> {
  using From = uint16_t;
  using To = float;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::Rebind<hwy::float16_t, DT> df16;
    return hn::PromoteTo(dt, hn::BitCast(df16, v));
  }
};

template <>
struct Narrow<Float16> {
  using From = float;
  using To = uint16_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::Rebind<hwy::float16_t, DT> df16;
    return hn::BitCast(dt, hn::DemoteTo(df16, v));
  }
};

#endif

// float8_e8m0fnu is the exponent of a float32 alone, without sign and mantissa.
// The exponent 255 is NaN, and 0 is 2^-127, which is subnormal in float32.
struct WidenFloat8E8M0FNU {
  using From = uint8_t;
  using To = float;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::RebindToSigned<DT> di;
    const auto bits = hn::ShiftLeft<23>(hn::PromoteTo(di, v));
    const auto is_special = hn::Or(hn::Eq(bits, hn::Zero(di)),
                                   hn::Eq(bits, hn::Set(di, kFloat32Infinity)));
    return hn::BitCast(
        dt, hn::Or(bits,
                   hn::IfThenElseZero(is_special, hn::Set(di, kFloat32Quiet))));
  }
};

// Rounds half up among normal numbers. Among subnormal ones half goes down and
// more than half goes up, to the exponent 1.
struct NarrowFloat8E8M0FNU {
  using From = float;
  using To = uint8_t;
  template <class DT, class V>
  static HWY_INLINE hn::VFromD<DT> Apply(DT dt, V v) {
    const hn::RebindToSigned<hn::DFromV<V>> di;
    const hn::RebindToUnsigned<decltype(di)> du;
    const auto magnitude =
        hn::AndNot(hn::Set(di, kSignBit), hn::BitCast(di, v));
    const auto is_normal = hn::Gt(magnitude, hn::Set(di, (1 << 23) - 1));
    const auto half =
        hn::IfThenElse(is_normal, hn::Set(di, 0x400000), hn::Set(di, 0x3FFFFF));
    const auto number = hn::Min(magnitude, hn::Set(di, kFloat32Infinity));
    return hn::TruncateTo(
        dt, hn::BitCast(du, hn::ShiftRight<23>(hn::Add(number, half))));
  }
};

// ------------------------------------------------------------------- Tables

CastKernel WidenKernel(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return &Run<Widen<Float16>>;
    case DType::kBFloat16:
      return &Run<WidenBFloat16>;
    case DType::kFloat8E5M2:
      return &Run<Widen<Float8E5M2>>;
    case DType::kFloat8E4M3FN:
      return &Run<Widen<Float8E4M3FN>>;
    case DType::kFloat8E5M2FNUZ:
      return &Run<Widen<Float8E5M2FNUZ>>;
    case DType::kFloat8E4M3FNUZ:
      return &Run<Widen<Float8E4M3FNUZ>>;
    case DType::kFloat8E8M0FNU:
      return &Run<WidenFloat8E8M0FNU>;
    case DType::kBool:
      return &Run<WidenBool>;
    case DType::kInt8:
      return &Run<Extend<int8_t, int32_t>>;
    case DType::kUInt8:
      return &Run<Extend<uint8_t, int32_t>>;
    case DType::kInt16:
      return &Run<Extend<int16_t, int32_t>>;
    case DType::kUInt16:
      return &Run<Extend<uint16_t, int32_t>>;
    case DType::kUInt32:
      return &Run<Extend<uint32_t, uint64_t>>;
    default:
      return nullptr;
  }
}

CastKernel NarrowKernel(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return &Run<Narrow<Float16>>;
    case DType::kBFloat16:
      return &Run<NarrowBFloat16>;
    case DType::kFloat8E5M2:
      return &Run<Narrow<Float8E5M2>>;
    case DType::kFloat8E4M3FN:
      return &Run<Narrow<Float8E4M3FN>>;
    case DType::kFloat8E5M2FNUZ:
      return &Run<Narrow<Float8E5M2FNUZ>>;
    case DType::kFloat8E4M3FNUZ:
      return &Run<Narrow<Float8E4M3FNUZ>>;
    case DType::kFloat8E8M0FNU:
      return &Run<NarrowFloat8E8M0FNU>;
    case DType::kInt8:
    case DType::kUInt8:
      return &Run<Truncate<uint32_t, uint8_t>>;
    case DType::kInt16:
    case DType::kUInt16:
      return &Run<Truncate<uint32_t, uint16_t>>;
    default:
      return nullptr;
  }
}

CastKernel DirectKernel(DType from, DType to) {
  if (from == DType::kUInt8 && to == DType::kFloat32) {
    return &Run<UInt8ToFloat32>;
  }
  return nullptr;
}

CastKernel FromFloat32(WideType to) {
  switch (to) {
    case WideType::kFloat64:
      return &Run<Float32ToFloat64>;
    case WideType::kInt32:
      return &Run<Float32ToInt32>;
    default:
      return nullptr;
  }
}

CastKernel FromFloat64(WideType to) {
  switch (to) {
    case WideType::kFloat32:
      return &Run<Float64ToFloat32>;
    case WideType::kInt32:
      return &Run<Float64ToInt32>;
    case WideType::kInt64:
      return &Run<Float64ToInt64>;
    case WideType::kUInt64:
      return &Run<Float64ToUInt64>;
    default:
      return nullptr;
  }
}

CastKernel FromInt32(WideType to) {
  switch (to) {
    case WideType::kFloat32:
      return &Run<Convert<int32_t, float>>;
    case WideType::kFloat64:
      return &Run<Int32ToFloat64>;
    case WideType::kInt64:
      return &Run<Extend<int32_t, int64_t>>;
    default:
      return nullptr;
  }
}

CastKernel FromInt64(WideType to) {
  switch (to) {
    case WideType::kFloat32:
      return &Run<Int64ToFloat32<int64_t>>;
    case WideType::kFloat64:
      return &Run<Convert<int64_t, double>>;
    case WideType::kInt32:
      return &Run<Truncate<uint64_t, uint32_t>>;
    default:
      return nullptr;
  }
}

CastKernel FromUInt64(WideType to) {
  switch (to) {
    case WideType::kFloat32:
      return &Run<Int64ToFloat32<uint64_t>>;
    case WideType::kFloat64:
      return &Run<Convert<uint64_t, double>>;
    default:
      return nullptr;
  }
}

CastKernel ConvertKernel(WideType from, WideType to) {
  switch (from) {
    case WideType::kFloat32:
      return FromFloat32(to);
    case WideType::kFloat64:
      return FromFloat64(to);
    case WideType::kInt32:
      return FromInt32(to);
    case WideType::kInt64:
      return FromInt64(to);
    case WideType::kUInt64:
      return FromUInt64(to);
  }
  return nullptr;
}

CastKernel BoolKernel(WideType from) {
  switch (from) {
    case WideType::kFloat32:
      return &Run<ToBool<float>>;
    case WideType::kFloat64:
      return &Run<ToBool<double>>;
    case WideType::kInt32:
      return &Run<ToBool<int32_t>>;
    case WideType::kInt64:
    case WideType::kUInt64:
      return &Run<ToBool<int64_t>>;
  }
  return nullptr;
}

CastKernel EitherKernel() { return &Run<ToBool<uint16_t>>; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace v1
}  // namespace ferry
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace ferry {
inline namespace v1 {

FERRY_SIMD_EXPORT(WidenKernel);
FERRY_SIMD_EXPORT(NarrowKernel);
FERRY_SIMD_EXPORT(DirectKernel);
FERRY_SIMD_EXPORT(ConvertKernel);
FERRY_SIMD_EXPORT(BoolKernel);
FERRY_SIMD_EXPORT(EitherKernel);

CastKernel WidenKernel(DType dtype) {
  return FERRY_SIMD_DISPATCH(WidenKernel)(dtype);
}

CastKernel NarrowKernel(DType dtype) {
  return FERRY_SIMD_DISPATCH(NarrowKernel)(dtype);
}

CastKernel DirectKernel(DType from, DType to) {
  return FERRY_SIMD_DISPATCH(DirectKernel)(from, to);
}

CastKernel ConvertKernel(WideType from, WideType to) {
  return FERRY_SIMD_DISPATCH(ConvertKernel)(from, to);
}

CastKernel BoolKernel(WideType from) {
  return FERRY_SIMD_DISPATCH(BoolKernel)(from);
}

CastKernel EitherKernel() { return FERRY_SIMD_DISPATCH(EitherKernel)(); }

}  // namespace v1
}  // namespace ferry

#endif  // HWY_ONCE
