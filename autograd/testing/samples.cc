// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/testing/samples.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/element_types.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace {

// Elements of one sample are at most these, to bound what a wrong text does.
constexpr int64_t kMaxElements = int64_t{1} << 26;

// SplitMix64 by Sebastiano Vigna, https://prng.di.unimi.it/splitmix64.c.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // Of [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

  // From low to high.
  int64_t Integer(int64_t low, int64_t high) {
    return low +
           static_cast<int64_t>(Next() % static_cast<uint64_t>(high - low + 1));
  }

  double Normal() {
    constexpr double kTwoPi = 6.283185307179586;
    const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
    return radius * std::cos(kTwoPi * Uniform());
  }

 private:
  uint64_t state_;
};

// FNV-1a.
uint64_t Hash(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

bool IsFloat(DType dtype) { return Category(dtype) == DTypeCategory::kFloat; }
bool IsUnsigned(DType dtype) {
  return Category(dtype) == DTypeCategory::kUnsignedInt;
}

// The bounds of a dtype that samples have.
struct Limits {
  double largest = 0;
  double smallest_normal = 0;
  double smallest = 0;
  double epsilon = 0;
};
Limits LimitsOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return {std::numeric_limits<double>::max(),
              std::numeric_limits<double>::min(),
              std::numeric_limits<double>::denorm_min(),
              std::numeric_limits<double>::epsilon()};
    case DType::kFloat16:
      return {65504, 0x1p-14, 0x1p-24, 0x1p-10};
    case DType::kBFloat16:
      return {0x1.fep127, 0x1p-126, 0x1p-133, 0x1p-7};
    default:
      return {std::numeric_limits<float>::max(),
              std::numeric_limits<float>::min(),
              std::numeric_limits<float>::denorm_min(),
              std::numeric_limits<float>::epsilon()};
  }
}

std::vector<double> EdgeFloats(DType dtype, size_t operands) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const Limits limits = LimitsOf(dtype);
  std::vector<double> values = {0.0,
                                -0.0,
                                kInfinity,
                                -kInfinity,
                                kNan,
                                1,
                                -1,
                                0.5,
                                2,
                                -2.5,
                                limits.largest,
                                -limits.largest,
                                limits.smallest_normal,
                                limits.smallest};
  if (operands > 2) return values;
  for (double value :
       {-0.5, 1.5, 2.5, -1.5, 3.0, -2.0, 10.0, -10.0, 1 + limits.epsilon,
        1 - limits.epsilon / 2, -limits.smallest_normal, -limits.smallest,
        limits.epsilon, 3.141592653589793, 100.25}) {
    values.push_back(value);
  }
  if (operands > 1) return values;
  for (double value :
       {11.5, -17.5, 20.5, 30.0, -50.0, 88.0, -88.0, 89.0, -104.0, 709.0, 710.0,
        -745.0, 1000.0, -1000.0, 1e-4, -1e-4}) {
    values.push_back(value);
  }
  return values;
}

std::vector<int64_t> EdgeIntegers(DType dtype, size_t operands) {
  if (dtype == DType::kBool) return {0, 1};
  const int bits = static_cast<int>(ElementSizeBytes(dtype)) * 8;
  std::vector<int64_t> values = {0, 1, 2, 3, 7, 100};
  if (IsUnsigned(dtype)) {
    if (bits < 64) {
      values.push_back((int64_t{1} << bits) - 1);
      values.push_back(int64_t{1} << (bits - 1));
    }
    return values;
  }
  const int64_t largest = static_cast<int64_t>((uint64_t{1} << (bits - 1)) - 1);
  for (int64_t value :
       {int64_t{-1}, int64_t{-2}, int64_t{-7}, largest, -largest}) {
    values.push_back(value);
  }
  // With a second operand, the quotient of the smallest number and -1 stops
  // PyTorch with a signal.
  if (operands == 1) values.push_back(-largest - 1);
  return values;
}

// Writes to memory, cast to the dtype at the end.
template <typename T>
absl::StatusOr<Tensor> FromValues(const std::vector<T>& values,
                                  absl::Span<const int64_t> shape,
                                  DType dtype) {
  FERRY_ASSIGN_OR_RETURN(const Tensor tensor,
                         Tensor::FromData<T>(values, shape));
  return strided::Cast(tensor, dtype);
}

template <typename T>
void Shuffle(Random& random, std::vector<T>& values) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.Next() % i]);
  }
}

// The elements of one letter, row-major.
absl::StatusOr<Tensor> Elements(char letter, absl::Span<const int64_t> shape,
                                DType dtype, int64_t bound, Random& random) {
  FERRY_ASSIGN_OR_RETURN(const int64_t count, NumElements(shape));
  if (count > kMaxElements) {
    return absl::InvalidArgumentError("the sample has too many elements");
  }
  const auto size = static_cast<size_t>(count);
  if (letter == 'i') {
    std::vector<int64_t> values(size);
    for (int64_t& value : values) value = random.Integer(0, bound - 1);
    return FromValues<int64_t>(values, shape, DType::kInt64);
  }
  if (letter == 'b' || (dtype == DType::kBool && letter != 'p')) {
    std::vector<int64_t> values(size);
    for (int64_t& value : values) value = random.Integer(0, 1);
    return FromValues<int64_t>(values, shape, DType::kBool);
  }
  if (letter == 'd') {
    std::vector<double> values(size);
    const bool is_float = HasGradients(dtype);
    for (size_t i = 0; i < size; ++i) {
      const auto place = static_cast<double>(static_cast<int64_t>(i) -
                                             static_cast<int64_t>(size / 2));
      values[i] = is_float            ? (place + 0.5) * 0.05
                  : IsUnsigned(dtype) ? static_cast<double>(i)
                                      : place;
    }
    Shuffle(random, values);
    return FromValues<double>(values, shape, dtype);
  }
  std::vector<double> values(size);
  for (double& value : values) {
    if (!HasGradients(dtype)) {
      value = letter == 'p'       ? static_cast<double>(random.Integer(1, 9))
              : letter == 'u'     ? static_cast<double>(random.Integer(-1, 1))
              : IsUnsigned(dtype) ? static_cast<double>(random.Integer(0, 10))
                                  : static_cast<double>(random.Integer(-5, 5));
      if (IsUnsigned(dtype)) value = std::abs(value);
    } else if (letter == 'f') {
      value = random.Normal();
    } else if (letter == 'p') {
      value = 0.1 + 2 * random.Uniform();
    } else {
      value = 1.8 * random.Uniform() - 0.9;
    }
  }
  return FromValues<double>(values, shape, dtype);
}

// The tensor with its elements elsewhere in memory, as the letter says.
absl::StatusOr<Tensor> Lay(const Tensor& tensor, char layout) {
  if (layout == 't') return strided::Transpose(tensor, -2, -1);
  if (layout == 's') {
    // One element before the first, and one after each.
    Dimensions strides = ContiguousStrides(tensor.shape());
    for (int64_t& stride : strides) stride *= 2;
    FERRY_ASSIGN_OR_RETURN(const Tensor memory,
                           Ones({2 * tensor.num_elements() + 1},
                                TensorOptions().dtype(tensor.dtype())));
    FERRY_ASSIGN_OR_RETURN(const Tensor apart,
                           Tensor::Create(memory.storage(), tensor.dtype(),
                                          tensor.shape(), strides, 1));
    FERRY_RETURN_IF_ERROR(strided::CopyInto(tensor, apart));
    return apart;
  }
  if (layout == 'x') {
    FERRY_ASSIGN_OR_RETURN(const Tensor first,
                           strided::Narrow(tensor, 0, 0, 1));
    FERRY_ASSIGN_OR_RETURN(const Tensor memory, strided::Clone(first));
    return strided::Expand(memory, tensor.shape());
  }
  return tensor;
}

absl::Status Wrong(absl::string_view part, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", part, "\" in a sample: ", why));
}

absl::Status ParseList(absl::string_view part, absl::string_view text,
                       Dimensions& numbers) {
  numbers.clear();
  if (text.empty()) return absl::OkStatus();
  for (absl::string_view number : absl::StrSplit(text, ',')) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(number, &value)) {
      return Wrong(part, "expected integers with commas in between");
    }
    numbers.push_back(value);
  }
  return absl::OkStatus();
}

absl::StatusOr<Scalar> ParseNumber(absl::string_view part,
                                   absl::string_view text) {
  if (text == "true") return Scalar(true);
  if (text == "false") return Scalar(false);
  int64_t integer = 0;
  if (absl::SimpleAtoi(text, &integer)) return Scalar(integer);
  double real = 0;
  if (absl::SimpleAtod(text, &real)) return Scalar(real);
  return Wrong(part, "expected a number, true or false");
}

// What a part such as "i5[2,3]t" says.
struct TensorText {
  char letter = 'f';
  int64_t bound = 0;
  Dimensions shape;
  char layout = ' ';
};

absl::StatusOr<TensorText> ParseTensor(absl::string_view part) {
  TensorText result;
  absl::string_view rest = part;
  result.letter = rest[0];
  rest.remove_prefix(1);
  if (!absl::StrContains("fpudeib", result.letter)) {
    return Wrong(part, "there are no tensors of this letter");
  }
  const size_t open = rest.find('[');
  const size_t close = rest.find(']');
  if (open == absl::string_view::npos || close == absl::string_view::npos ||
      close < open) {
    return Wrong(part, "expected a shape in brackets");
  }
  if (result.letter == 'i') {
    if (!absl::SimpleAtoi(rest.substr(0, open), &result.bound) ||
        result.bound < 1) {
      return Wrong(part, "expected the number of values after the i");
    }
  } else if (open != 0) {
    return Wrong(part, "expected a bracket after the letter");
  }
  FERRY_RETURN_IF_ERROR(
      ParseList(part, rest.substr(open + 1, close - open - 1), result.shape));
  rest.remove_prefix(close + 1);
  if (rest.size() > 1 ||
      (!rest.empty() && !absl::StrContains("tsx", rest[0]))) {
    return Wrong(part, "expected nothing, t, s or x after the shape");
  }
  if (!rest.empty()) result.layout = rest[0];
  const size_t least = result.layout == 't' ? 2 : result.layout == 'x' ? 1 : 0;
  if (result.shape.size() < least ||
      (result.layout == 'x' && result.shape[0] < 1)) {
    return Wrong(part, "the shape has too few dimensions for the layout");
  }
  if (!NumElements(result.shape).ok()) return Wrong(part, "not a shape");
  return result;
}

// Gives every tensor of edge values its part of all combinations.
template <typename T>
std::vector<T> Combination(const std::vector<T>& values, size_t which,
                           size_t operands) {
  size_t count = 1;
  size_t period = 1;
  for (size_t i = 0; i < operands; ++i) {
    count *= values.size();
    if (i > which) period *= values.size();
  }
  std::vector<T> result(count);
  for (size_t i = 0; i < count; ++i) {
    result[i] = values[i / period % values.size()];
  }
  return result;
}

absl::StatusOr<Tensor> EdgeTensor(DType dtype, size_t which, size_t operands) {
  if (operands > 3) {
    return absl::InvalidArgumentError(
        "a sample has at most three tensors of edge values");
  }
  if (HasGradients(dtype)) {
    const auto values =
        Combination(EdgeFloats(dtype, operands), which, operands);
    return FromValues<double>(values, {static_cast<int64_t>(values.size())},
                              dtype);
  }
  const auto values =
      Combination(EdgeIntegers(dtype, operands), which, operands);
  return FromValues<int64_t>(values, {static_cast<int64_t>(values.size())},
                             dtype);
}

// Returns whether the part is an attribute, which it then sets.
absl::StatusOr<bool> SetAttribute(absl::string_view part,
                                  Attributes& attributes) {
  absl::string_view rest = part;
  if (part == "flag") {
    attributes.flag = true;
  } else if (absl::ConsumePrefix(&rest, "i=")) {
    FERRY_RETURN_IF_ERROR(ParseList(part, rest, attributes.ints));
  } else if (absl::ConsumePrefix(&rest, "j=")) {
    FERRY_RETURN_IF_ERROR(ParseList(part, rest, attributes.more_ints));
  } else if (absl::ConsumePrefix(&rest, "p=") ||
             absl::ConsumePrefix(&rest, "q=")) {
    if (!absl::SimpleAtod(rest, &attributes.numbers[part[0] == 'p' ? 0 : 1])) {
      return Wrong(part, "expected a number");
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::vector<Operand> Sample::Operands() const {
  std::vector<Operand> operands;
  operands.reserve(arguments.size());
  for (const Argument& argument : arguments) {
    if (argument.tensor.is_null()) {
      operands.emplace_back(argument.number);
    } else {
      operands.emplace_back(argument.tensor);
    }
  }
  return operands;
}

absl::Status Sample::RequireGradients() const {
  for (const Argument& argument : arguments) {
    if (!argument.is_differentiable) continue;
    FERRY_RETURN_IF_ERROR(argument.tensor.SetRequiresGrad(true));
  }
  return absl::OkStatus();
}

std::vector<Tensor> Sample::DifferentiableTensors() const {
  std::vector<Tensor> tensors;
  for (const Argument& argument : arguments) {
    if (argument.is_differentiable) tensors.push_back(argument.tensor);
  }
  return tensors;
}

std::vector<absl::string_view> SplitSamples(absl::string_view samples) {
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(samples, '|')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

absl::StatusOr<Sample> MakeSample(absl::string_view text, DType dtype,
                                  int64_t scale) {
  Sample sample;
  sample.text = std::string(text);
  std::vector<std::optional<TensorText>> tensors;
  size_t edge_operands = 0;
  for (absl::string_view part :
       absl::StrSplit(text, ' ', absl::SkipWhitespace())) {
    FERRY_ASSIGN_OR_RETURN(const bool is_attribute,
                           SetAttribute(part, sample.attributes));
    if (is_attribute) continue;
    if (part == "!") {
      sample.is_refused = true;
      continue;
    }
    Sample::Argument argument;
    absl::string_view rest = part;
    if (absl::ConsumePrefix(&rest, "n=")) {
      FERRY_ASSIGN_OR_RETURN(argument.number, ParseNumber(part, rest));
      argument.kind = 'n';
      tensors.emplace_back();
    } else {
      FERRY_ASSIGN_OR_RETURN(TensorText tensor, ParseTensor(part));
      if (tensor.letter == 'e') ++edge_operands;
      for (int64_t& size : tensor.shape) {
        if (scale > 1 && size > 1) size = size * scale + 1;
      }
      argument.kind = tensor.letter;
      argument.layout = tensor.layout;
      argument.is_differentiable =
          IsFloat(dtype) && absl::StrContains("fpude", tensor.letter);
      tensors.push_back(std::move(tensor));
    }
    sample.arguments.push_back(std::move(argument));
  }
  if (sample.arguments.empty()) return Wrong(text, "expected an operand");
  Random random(Hash(text));
  size_t edges = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].has_value()) continue;
    const TensorText& tensor = *tensors[i];
    absl::StatusOr<Tensor> elements =
        tensor.letter == 'e' ? EdgeTensor(dtype, edges++, edge_operands)
                             : Elements(tensor.letter, tensor.shape, dtype,
                                        tensor.bound, random);
    FERRY_RETURN_IF_ERROR(elements.status());
    FERRY_ASSIGN_OR_RETURN(sample.arguments[i].tensor,
                           Lay(*elements, tensor.layout));
  }
  sample.has_edge_values = edge_operands > 0;
  return sample;
}

absl::StatusOr<Tensor> RandomTensor(absl::Span<const int64_t> shape,
                                    DType dtype, uint64_t seed) {
  Random random(seed);
  return Elements('f', shape, dtype, 0, random);
}

std::vector<DType> TestedDTypes(const Op& op) {
  std::vector<DType> dtypes;
  const auto add = [&](uint32_t set, std::initializer_list<DType> of_set) {
    if ((op.dtypes & (set | kAnything)) == 0) return;
    dtypes.insert(dtypes.end(), of_set);
  };
  add(kFloats,
      {DType::kFloat64, DType::kFloat32, DType::kFloat16, DType::kBFloat16});
  add(kIntegers, {DType::kInt64, DType::kInt32, DType::kInt16, DType::kInt8,
                  DType::kUInt8});
  add(kBools, {DType::kBool});
  return dtypes;
}

}  // namespace v1
}  // namespace ferry
