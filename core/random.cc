// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/random.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/random_kernels.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace {

// So many elements are drawn at a time: they stay in the first-level cache. A
// multiple of 16.
constexpr size_t kChunk = 512;

constexpr double kTwoPi = 6.28318530717958647692;

// --- Element types -----------------------------------------------------------

template <typename T>
constexpr bool kIsHalf =
    std::is_same<T, Float16>::value || std::is_same<T, BFloat16>::value;

template <typename T>
constexpr bool kIsFloatingPoint =
    kIsHalf<T> || std::is_floating_point<T>::value;

// The number of bits of the significand, and the largest finite number.
template <typename T>
constexpr int kDigits = std::numeric_limits<T>::digits;
template <>
constexpr int kDigits<Float16> = 11;
template <>
constexpr int kDigits<BFloat16> = 8;
template <typename T>
constexpr double kMax = std::numeric_limits<T>::max();
template <>
constexpr double kMax<Float16> = 65504;
template <>
constexpr double kMax<BFloat16> = 0x1.fep127;

// The type that PyTorch computes with.
template <typename T>
using ComputeType =
    std::conditional_t<std::is_same<T, double>::value, double, float>;

template <typename T, typename V>
T Cast(V value) {
  if constexpr (kIsHalf<T>) {
    return T(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

// Rounds to T, and returns the rounded value.
template <typename T, typename V>
ComputeType<T> Round(V value) {
  return static_cast<ComputeType<T>>(Cast<T>(value));
}

template <typename T>
struct Type {
  using type = T;
};

absl::Status Unsupported(DType dtype, absl::string_view function) {
  return absl::InvalidArgumentError(
      absl::StrCat(function, " does not support the dtype ", Name(dtype)));
}

// Calls `body(Type<T>())` for the element type of a floating-point dtype.
template <typename Body>
absl::Status ForFloatingPoint(DType dtype, absl::string_view function,
                              Body body) {
  switch (dtype) {
    case DType::kFloat64:
      return body(Type<double>());
    case DType::kFloat32:
      return body(Type<float>());
    case DType::kFloat16:
      return body(Type<Float16>());
    case DType::kBFloat16:
      return body(Type<BFloat16>());
    default:
      return Unsupported(dtype, function);
  }
}

// The same for these, integers and bool.
template <typename Body>
absl::Status ForReal(DType dtype, absl::string_view function, Body body) {
  switch (dtype) {
    case DType::kInt64:
      return body(Type<int64_t>());
    case DType::kInt32:
      return body(Type<int32_t>());
    case DType::kInt16:
      return body(Type<int16_t>());
    case DType::kInt8:
      return body(Type<int8_t>());
    case DType::kUInt8:
      return body(Type<uint8_t>());
    case DType::kBool:
      return body(Type<bool>());
    default:
      return ForFloatingPoint(dtype, function, body);
  }
}

// --- Elements in the order of the draws --------------------------------------

absl::Status CheckIsPlain(const Tensor& tensor, absl::string_view function) {
  const absl::Status status = CheckOnHost(tensor);
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(function, ": ", status.message()));
  }
  if (tensor.is_conj() || tensor.is_neg()) {
    return absl::InvalidArgumentError(absl::StrCat(
        function, " needs a tensor that is not lazily conjugated or negated"));
  }
  return absl::OkStatus();
}

// The elements to be written. Complex elements count as two each.
struct Target {
  DType dtype = DType::kFloat32;
  void* data = nullptr;
  int64_t num_elements = 0;
  bool is_contiguous = false;
  Dimensions shape;
  Dimensions strides;
};

absl::StatusOr<Target> TargetOf(const Tensor& tensor,
                                absl::string_view function) {
  FERRY_RETURN_IF_ERROR(CheckIsPlain(tensor, function));
  Target target;
  target.dtype = tensor.dtype();
  target.data = tensor.data();
  target.num_elements = tensor.num_elements();
  target.is_contiguous = tensor.is_contiguous();
  target.shape.assign(tensor.shape().begin(), tensor.shape().end());
  target.strides.assign(tensor.strides().begin(), tensor.strides().end());
  for (size_t i = 0; i < target.shape.size(); ++i) {
    if (target.num_elements != 0 && target.shape[i] > 1 &&
        target.strides[i] == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          function, " cannot write a tensor that repeats elements: shape ",
          ShapeToString(target.shape), ", strides ",
          ShapeToString(target.strides)));
    }
  }
  return target;
}

// Turns a complex target into one of real and imaginary parts.
void ViewAsReal(Target* target) {
  switch (target->dtype) {
    case DType::kComplex128:
      target->dtype = DType::kFloat64;
      break;
    case DType::kComplex64:
      target->dtype = DType::kFloat32;
      break;
    case DType::kComplex32:
      target->dtype = DType::kFloat16;
      break;
    default:
      return;
  }
  for (size_t i = 0; i < target->shape.size(); ++i) {
    // Strides that no element depends on may be of any size.
    if (target->num_elements != 0 && target->shape[i] > 1) {
      target->strides[i] *= 2;
    }
  }
  target->num_elements *= 2;
  target->shape.push_back(2);
  target->strides.push_back(1);
}

// A row of `count` elements. Offsets and strides are in elements; the others
// are those of a second view of the same shape.
struct Row {
  int64_t count;
  int64_t offset;
  int64_t stride;
  int64_t other_offset;
  int64_t other_stride;
};

// Calls `visit(row)` for rows that together are all elements, in the order of
// the draws. That is the order of PyTorch's TensorIterator: the smallest stride
// is the innermost and, of equal strides, the smaller size.
template <typename Visit>
void VisitRows(const Target& target, absl::Span<const int64_t> other_strides,
               Visit visit) {
  if (target.num_elements == 0) return;
  std::vector<size_t> order;  // outermost first
  for (size_t i = 0; i < target.shape.size(); ++i) {
    if (target.shape[i] > 1) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&target](size_t a, size_t b) {
    return std::make_pair(target.strides[a], target.shape[a]) >
           std::make_pair(target.strides[b], target.shape[b]);
  });
  Dimensions shape;
  Dimensions strides;
  Dimensions others;
  for (const size_t i : order) {
    shape.push_back(target.shape[i]);
    strides.push_back(target.strides[i]);
    others.push_back(other_strides[i]);
  }
  const StridedTiles<3> rows(
      shape, {{ContiguousStrides(shape), strides, others}},
      std::numeric_limits<int64_t>::max(), TileOrder::kOfView0);
  const int64_t stride = rows.column_strides()[1];
  const int64_t other_stride = rows.column_strides()[2];
  rows.ForEach(
      0, rows.count(), [&](const auto& offsets, int64_t count, int64_t size) {
        for (int64_t i = 0; i < count; ++i) {
          visit(Row{size, offsets[1] + i * rows.row_strides()[1], stride,
                    offsets[2] + i * rows.row_strides()[2], other_stride});
        }
      });
}

// Writes the elements of the target, in the order of the draws. `draw(out)`
// fills a span of T.
template <typename T, typename Draw>
void FillInOrder(const Target& target, Draw draw) {
  const Dimensions no_strides(target.shape.size(), 0);
  VisitRows(target, no_strides, [&target, draw](const Row& row) {
    T* const out = static_cast<T*>(target.data) + row.offset;
    for (int64_t begin = 0; begin < row.count; begin += int64_t{kChunk}) {
      const auto size =
          static_cast<size_t>(std::min(int64_t{kChunk}, row.count - begin));
      if (row.stride == 1) {
        draw(absl::MakeSpan(out + begin, size));
        continue;
      }
      std::array<T, kChunk> drawn;
      draw(absl::MakeSpan(drawn).first(size));
      for (size_t i = 0; i < size; ++i) {
        out[(begin + static_cast<int64_t>(i)) * row.stride] = drawn[i];
      }
    }
  });
}

void CountAsChange(const Tensor& tensor) {
  if (tensor.num_elements() == 0) return;
  tensor.storage().version().fetch_add(1, std::memory_order_relaxed);
}

// --- Draws -------------------------------------------------------------------

// Draws as many numbers as `out` has, at most kChunk.
void Draw(Generator& generator, absl::Span<uint32_t> out) {
  generator.Next32(out);
}

void Draw(Generator& generator, absl::Span<uint64_t> out) {
  std::array<uint32_t, 2 * kChunk> halves;
  generator.Next32(absl::MakeSpan(halves).first(2 * out.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = uint64_t{halves[2 * i]} << 32 | halves[2 * i + 1];
  }
}

// Fills the target with `convert(draw)`, for draws of the type Word.
template <typename T, typename Word, typename Convert>
void FillByDraws(const Target& target, Generator& generator, Convert convert) {
  FillInOrder<T>(target, [&generator, convert](absl::Span<T> out) {
    std::array<Word, kChunk> draws;
    Draw(generator, absl::MakeSpan(draws).first(out.size()));
    for (size_t i = 0; i < out.size(); ++i) out[i] = convert(draws[i]);
  });
}

// Writes at most kChunk uniform numbers of [low, low + range).
template <typename T>
void DrawUniform(Generator& generator, ComputeType<T> low, ComputeType<T> range,
                 absl::Span<T> out) {
  using Word =
      std::conditional_t<std::is_same<T, double>::value, uint64_t, uint32_t>;
  const RandomKernels& kernels = BestRandomKernels();
  std::array<Word, kChunk> draws;
  Draw(generator, absl::MakeSpan(draws).first(out.size()));
  if constexpr (std::is_same<T, double>::value) {
    kernels.uniform_double(draws.data(), out.size(), low, range, out.data());
  } else if constexpr (std::is_same<T, float>::value) {
    kernels.uniform_float(draws.data(), out.size(), low, range, out.data());
  } else {
    // The low bits, as many as T has, become the high ones of a float.
    for (size_t i = 0; i < out.size(); ++i) {
      draws[i] <<= kDigits<float> - kDigits<T>;
    }
    std::array<float, kChunk> numbers;
    kernels.uniform_float(draws.data(), out.size(), low, range, numbers.data());
    for (size_t i = 0; i < out.size(); ++i) out[i] = T(numbers[i]);
  }
}

// Turns uniform numbers into normal ones, as RandomKernels::normal_float does.
void TransformToNormal(absl::Span<float> numbers, float mean, float stddev) {
  BestRandomKernels().normal_float(numbers.data(), numbers.size(), mean,
                                   stddev);
}

void TransformToNormal(absl::Span<double> numbers, double mean, double stddev) {
  for (size_t i = 0; i < numbers.size(); i += 16) {
    for (size_t j = i; j < i + 8; ++j) {
      const double radius = std::sqrt(-2 * std::log(1 - numbers[j]));
      const double angle = kTwoPi * numbers[j + 8];
      numbers[j] = std::fma(radius * std::cos(angle), stddev, mean);
      numbers[j + 8] = std::fma(radius * std::sin(angle), stddev, mean);
    }
  }
}

// PyTorch rounds these variables to float16, but not what is between them.
void TransformToNormal(absl::Span<Float16> numbers, float mean, float stddev) {
  const auto round = [](float value) { return Round<Float16>(value); };
  for (size_t i = 0; i < numbers.size(); i += 16) {
    for (size_t j = i; j < i + 8; ++j) {
      const float u1 = round(1.0f - static_cast<float>(numbers[j]));
      const float radius = round(std::sqrt(-2.0f * std::log(u1)));
      const float angle = round(
          static_cast<float>(kTwoPi * static_cast<float>(numbers[j + 8])));
      numbers[j] = Float16(std::fma(radius * std::cos(angle), stddev, mean));
      numbers[j + 8] =
          Float16(std::fma(radius * std::sin(angle), stddev, mean));
    }
  }
}

// PyTorch rounds the result of each operation to bfloat16.
void TransformToNormal(absl::Span<BFloat16> numbers, float mean, float stddev) {
  const auto round = [](float value) { return Round<BFloat16>(value); };
  for (size_t i = 0; i < numbers.size(); i += 16) {
    for (size_t j = i; j < i + 8; ++j) {
      const float u1 = round(1.0f - static_cast<float>(numbers[j]));
      const float radius = round(std::sqrt(round(-2.0f * round(std::log(u1)))));
      const float angle = round(
          static_cast<float>(kTwoPi * static_cast<float>(numbers[j + 8])));
      const float x = round(radius * round(std::cos(angle)));
      const float y = round(radius * round(std::sin(angle)));
      numbers[j] = BFloat16(round(x * stddev) + mean);
      numbers[j + 8] = BFloat16(round(y * stddev) + mean);
    }
  }
}

// Fills `out`, of 16 elements or more, as PyTorch fills contiguous tensors.
template <typename T>
void FillNormalBlocks(absl::Span<T> out, ComputeType<T> mean,
                      ComputeType<T> stddev, Generator& generator) {
  const size_t remainder = out.size() % 16;
  const absl::Span<T> last = out.last(16);
  out.remove_suffix(remainder);
  while (!out.empty()) {
    const absl::Span<T> chunk = out.first(std::min(kChunk, out.size()));
    DrawUniform<T>(generator, 0, 1, chunk);
    TransformToNormal(chunk, mean, stddev);
    out.remove_prefix(chunk.size());
  }
  if (remainder == 0) return;
  // PyTorch draws the rest as well before it fills the last 16 once more.
  DrawUniform<T>(generator, 0, 1, last.first(remainder));
  DrawUniform<T>(generator, 0, 1, last);
  TransformToNormal(last, mean, stddev);
}

// --- Ranges of integers ------------------------------------------------------

// Returns a number as a processor converts it: the lowest if it does not fit.
int64_t ToInt64(double value) {
  return value >= -0x1p63 && value < 0x1p63
             ? static_cast<int64_t>(value)
             : std::numeric_limits<int64_t>::min();
}

// Narrows [low, high) to integers that the floating-point type T holds. PyTorch
// does it thus, so the bounds may move by more than they must.
template <typename T>
void NarrowToHeld(int64_t* low, int64_t* high) {
  // The distance of numbers of T that are as large as `value`.
  const auto spacing = [](int64_t value) {
    int exponent = 0;
    uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value)
                                   : static_cast<uint64_t>(value);
    while (magnitude >>= 1) ++exponent;
    return int64_t{1} << (exponent - kDigits<T> + 1);
  };
  const int64_t after_low = ToInt64(Round<T>(*low + 1));
  if (after_low < *low) *low = after_low + spacing(*low + 1);
  const int64_t before_high = ToInt64(Round<T>(*high - 1));
  if (before_high >= *high) *high = before_high - spacing(*high - 1);
}

// Returns whether T holds an integer of this size.
template <typename T>
bool IsInRange(int64_t value) {
  if constexpr (kIsFloatingPoint<T>) {
    return std::fabs(static_cast<double>(value)) <= kMax<T>;
  } else {
    return value >= static_cast<int64_t>(std::numeric_limits<T>::lowest()) &&
           value <= static_cast<int64_t>(std::numeric_limits<T>::max());
  }
}

// Returns the strides of a tensor as a view of `shape`.
absl::StatusOr<Dimensions> BroadcastStrides(const Tensor& tensor,
                                            absl::Span<const int64_t> shape,
                                            absl::string_view function) {
  const absl::Span<const int64_t> from = tensor.shape();
  const size_t missing = shape.size() - std::min(from.size(), shape.size());
  bool fits = from.size() <= shape.size();
  Dimensions strides(shape.size(), 0);
  for (size_t i = 0; fits && i < from.size(); ++i) {
    if (from[i] == 1) continue;
    fits = from[i] == shape[missing + i];
    strides[missing + i] = tensor.strides()[i];
  }
  if (fits) return strides;
  return absl::InvalidArgumentError(
      absl::StrCat(function, " cannot broadcast shape ", ShapeToString(from),
                   " to ", ShapeToString(shape)));
}

absl::Status CheckProbability(double probability) {
  // Not a NaN either.
  if (probability >= 0 && probability <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "a probability is from 0 to 1; FillBernoulli was given ", probability));
}

double UniformFromBits(uint32_t bits) { return (bits & 0xffffff) * 0x1p-24; }

double UniformFromBits(uint64_t bits) {
  return static_cast<double>(bits & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
}

}  // namespace

absl::Status FillUniform(const Tensor& tensor, double low, double high,
                         Generator& generator) {
  constexpr absl::string_view kName = "FillUniform";
  FERRY_ASSIGN_OR_RETURN(Target target, TargetOf(tensor, kName));
  ViewAsReal(&target);
  return ForFloatingPoint(target.dtype, kName, [&](auto type) {
    using T = typename decltype(type)::type;
    // Not NaN either.
    if (!(low >= -kMax<T> && low <= high && high <= kMax<T> &&
          high - low <= kMax<T>)) {
      return absl::InvalidArgumentError(absl::StrCat(
          kName, " needs low <= high, both finite in ", Name(target.dtype),
          ", and their difference too; low is ", low, ", high is ", high));
    }
    const ComputeType<T> from = Round<T>(low);
    const ComputeType<T> range = Round<T>(Round<T>(high) - from);
    FillInOrder<T>(target, [&generator, from, range](absl::Span<T> out) {
      DrawUniform<T>(generator, from, range, out);
    });
    CountAsChange(tensor);
    return absl::OkStatus();
  });
}

absl::Status FillNormal(const Tensor& tensor, double mean, double stddev,
                        Generator& generator) {
  constexpr absl::string_view kName = "FillNormal";
  FERRY_ASSIGN_OR_RETURN(Target target, TargetOf(tensor, kName));
  if (!(stddev >= 0)) {  // a NaN, for example
    return absl::InvalidArgumentError(absl::StrCat(
        kName, " needs a standard deviation of 0 or more, not ", stddev));
  }
  ViewAsReal(&target);
  if (target.dtype != tensor.dtype()) stddev /= std::sqrt(2.0);
  return ForFloatingPoint(target.dtype, kName, [&](auto type) {
    using T = typename decltype(type)::type;
    if (target.is_contiguous && target.num_elements >= 16) {
      FillNormalBlocks(absl::MakeSpan(static_cast<T*>(target.data),
                                      static_cast<size_t>(target.num_elements)),
                       Round<T>(mean), Round<T>(stddev), generator);
    } else {
      FillInOrder<T>(target, [&](absl::Span<T> out) {
        for (T& element : out) {
          element = Cast<T>(std::fma(generator.NextNormal(), stddev, mean));
        }
      });
    }
    CountAsChange(tensor);
    return absl::OkStatus();
  });
}

absl::Status FillRandomIntegers(const Tensor& tensor, int64_t low, int64_t high,
                                Generator& generator) {
  constexpr absl::string_view kName = "FillRandomIntegers";
  FERRY_ASSIGN_OR_RETURN(const Target target, TargetOf(tensor, kName));
  return ForReal(target.dtype, kName, [&](auto type) {
    using T = typename decltype(type)::type;
    int64_t from = low;
    int64_t to = high;
    if constexpr (kIsFloatingPoint<T>) {
      if (from < to) NarrowToHeld<T>(&from, &to);
    }
    if (from >= to || !IsInRange<T>(from) || !IsInRange<T>(to - 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat(kName, " needs low < high, and ", Name(target.dtype),
                       " must hold both low and high - 1; low is ", low,
                       ", high is ", high));
    }
    const uint64_t range =
        static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
    const auto convert = [range, from](auto draw) {
      return Cast<T>(
          static_cast<int64_t>(draw % range + static_cast<uint64_t>(from)));
    };
    // int32 has a range of 2^32, but draws 32 bits.
    if (range >= uint64_t{1} << 32 && !std::is_same<T, int32_t>::value) {
      FillByDraws<T, uint64_t>(target, generator, convert);
    } else {
      FillByDraws<T, uint32_t>(target, generator, convert);
    }
    CountAsChange(tensor);
    return absl::OkStatus();
  });
}

absl::Status FillRandomIntegers(const Tensor& tensor, Generator& generator) {
  constexpr absl::string_view kName = "FillRandomIntegers";
  FERRY_ASSIGN_OR_RETURN(const Target target, TargetOf(tensor, kName));
  return ForReal(target.dtype, kName, [&](auto type) {
    using T = typename decltype(type)::type;
    using Word = std::conditional_t<std::is_same<T, double>::value ||
                                        std::is_same<T, int64_t>::value,
                                    uint64_t, uint32_t>;
    uint64_t largest;
    if constexpr (kIsFloatingPoint<T>) {
      largest = uint64_t{1} << kDigits<T>;
    } else {
      largest = static_cast<uint64_t>(std::numeric_limits<T>::max());
    }
    FillByDraws<T, Word>(target, generator, [largest](Word draw) {
      return Cast<T>(static_cast<int64_t>(draw % (largest + 1)));
    });
    CountAsChange(tensor);
    return absl::OkStatus();
  });
}

absl::Status FillBernoulli(const Tensor& tensor, double probability,
                           Generator& generator) {
  constexpr absl::string_view kName = "FillBernoulli";
  FERRY_ASSIGN_OR_RETURN(const Target target, TargetOf(tensor, kName));
  FERRY_RETURN_IF_ERROR(CheckProbability(probability));
  return ForReal(target.dtype, kName, [&](auto type) {
    using T = typename decltype(type)::type;
    FillByDraws<T, uint64_t>(target, generator, [probability](uint64_t draw) {
      return Cast<T>(UniformFromBits(draw) < probability);
    });
    CountAsChange(tensor);
    return absl::OkStatus();
  });
}

absl::Status FillBernoulli(const Tensor& tensor, const Tensor& probabilities,
                           Generator& generator) {
  constexpr absl::string_view kName = "FillBernoulli";
  FERRY_ASSIGN_OR_RETURN(const Target target, TargetOf(tensor, kName));
  FERRY_RETURN_IF_ERROR(CheckIsPlain(probabilities, kName));
  FERRY_ASSIGN_OR_RETURN(const Dimensions strides,
                         BroadcastStrides(probabilities, target.shape, kName));
  const void* const data = probabilities.data();
  double (*read)(const void*, int64_t) = nullptr;
  FERRY_RETURN_IF_ERROR(
      ForFloatingPoint(probabilities.dtype(), kName, [&read](auto type) {
        using P = typename decltype(type)::type;
        read = [](const void* numbers, int64_t i) {
          return static_cast<double>(
              static_cast<ComputeType<P>>(static_cast<const P*>(numbers)[i]));
        };
        return absl::OkStatus();
      }));
  absl::Status checked;
  VisitRows(target, strides, [&](const Row& row) {
    for (int64_t i = 0; i < row.count; ++i) {
      checked.Update(CheckProbability(
          read(data, row.other_offset + i * row.other_stride)));
    }
  });
  FERRY_RETURN_IF_ERROR(checked);
  const bool is_double = probabilities.dtype() == DType::kFloat64;
  return ForReal(target.dtype, kName, [&](auto type) {
    using T = typename decltype(type)::type;
    VisitRows(target, strides, [&](const Row& row) {
      T* const out = static_cast<T*>(target.data) + row.offset;
      for (int64_t i = 0; i < row.count; ++i) {
        const double uniform = is_double ? UniformFromBits(generator.Next64())
                                         : UniformFromBits(generator.Next32());
        out[i * row.stride] = Cast<T>(
            uniform < read(data, row.other_offset + i * row.other_stride));
      }
    });
    CountAsChange(tensor);
    return absl::OkStatus();
  });
}

absl::StatusOr<Tensor> RandomPermutation(int64_t count, Generator& generator) {
  FERRY_ASSIGN_OR_RETURN(Tensor tensor,
                         Tensor::Allocate(DType::kInt64, {count}));
  auto* const numbers = static_cast<int64_t*>(tensor.data());
  std::iota(numbers, numbers + count, 0);
  // With the draws at hand, the processor fetches several elements at a time.
  std::array<uint32_t, kChunk> draws;
  for (int64_t begin = 0; begin < count - 1; begin += int64_t{kChunk}) {
    const int64_t end = std::min(begin + int64_t{kChunk}, count - 1);
    Draw(generator,
         absl::MakeSpan(draws).first(static_cast<size_t>(end - begin)));
    for (int64_t i = begin; i < end; ++i) {
      std::swap(numbers[i], numbers[i + draws[i - begin] % (count - i)]);
    }
  }
  return tensor;
}

}  // namespace v1
}  // namespace ferry
