// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/elementwise.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "ferry/core/elements.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using strided::Cast;
using strided::Clone;
using strided::Expand;
using strided::Slice;
using strided::Transpose;
using testing::ElementsAre;
using K = ElementwiseKernel;
using Shape = std::vector<int64_t>;

// Returns all elements in row-major order, as double.
std::vector<double> ElementsOf(const Tensor& tensor) {
  const Tensor cast = Cast(tensor, DType::kFloat64).value();
  std::vector<double> elements;
  EXPECT_TRUE(ForEachElement<double>(cast, [&elements](double element) {
                elements.push_back(element);
              }).ok());
  return elements;
}

// Returns the numbers 0.5, 1.5, 2.5, ..., modulo 61 and minus 30, of a dtype.
Tensor MakeTensor(const Shape& shape, DType dtype, double first = 0.5) {
  const Tensor tensor =
      Zeros(shape, TensorOptions().dtype(DType::kFloat64)).value();
  auto* const data = static_cast<double*>(tensor.data());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    data[i] = std::fmod(first + static_cast<double>(i), 61) - 30;
  }
  return Cast(tensor, dtype).value();
}

// Computes the same one element at a time: broadcasts, casts and calls a loop.
// The results are of float64 or bool.
std::vector<double> Expected(K kernel, DType compute,
                             const std::vector<Tensor>& inputs,
                             const Tensor& out) {
  std::vector<std::vector<double>> elements;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const DType dtype = kernel == K::kWhere && i == 0 ? DType::kBool : compute;
    const Tensor cast = Cast(inputs[i], dtype).value();
    elements.push_back(ElementsOf(Expand(cast, out.shape()).value()));
  }
  std::vector<double> expected;
  for (int64_t n = 0; n < out.num_elements(); ++n) {
    const double a = elements[0][n];
    const double b = elements.size() > 1 ? elements[1][n] : 0;
    const double c = elements.size() > 2 ? elements[2][n] : 0;
    const double d = elements.size() > 3 ? elements[3][n] : 0;
    switch (kernel) {
      case K::kNeg:
        expected.push_back(-a);
        break;
      case K::kSub:
        expected.push_back(a - b);
        break;
      case K::kLt:
        expected.push_back(a < b ? 1 : 0);
        break;
      case K::kWhere:
        expected.push_back(a != 0 ? b : c);
        break;
      case K::kAddScaled:
        expected.push_back(a + c * b);
        break;
      default:
        expected.push_back(a + d * b * c);
        break;
    }
  }
  // The dtypes of the results.
  Tensor results = Tensor::FromData(expected, out.shape()).value();
  results = Cast(results, compute).value();
  return ElementsOf(Cast(results, out.dtype()).value());
}

void Check(K kernel, DType compute, const std::vector<Tensor>& inputs,
           const Tensor& out) {
  const std::vector<double> expected = Expected(kernel, compute, inputs, out);
  std::vector<ConstView> views;
  views.reserve(inputs.size());
  for (const Tensor& input : inputs) views.push_back(ViewOf(input));
  Elementwise(kernel, compute, views, out);
  EXPECT_EQ(ElementsOf(out), expected)
      << static_cast<int>(kernel) << " in " << Name(compute);
}

Tensor MakeOut(const Shape& shape, DType dtype) {
  return Full(shape, 77, TensorOptions().dtype(dtype)).value();
}

const std::vector<Shape>& Shapes() {
  static const auto* const shapes = new std::vector<Shape>{
      {},       {1},        {3},          {0},    {7, 0, 2}, {5, 7},
      {33, 65}, {3, 1, 40}, {2, 3, 4, 5}, {1030}, {4, 1500}, {200, 300}};
  return *shapes;
}

TEST(ElementwiseTest, ComputesContiguousTensors) {
  for (const Shape& shape : Shapes()) {
    const Tensor a = MakeTensor(shape, DType::kFloat32);
    const Tensor b = MakeTensor(shape, DType::kFloat32, 7.25);
    const Tensor c = MakeTensor(shape, DType::kFloat32, 11);
    const Tensor two = Full({}, 2.0).value();
    const Tensor out = MakeOut(shape, DType::kFloat32);
    Check(K::kNeg, DType::kFloat32, {a}, out);
    Check(K::kSub, DType::kFloat32, {a, b}, out);
    Check(K::kSub, DType::kFloat32, {a, two}, out);
    Check(K::kAddScaled, DType::kFloat32, {a, b, two}, out);
    Check(K::kAddcmul, DType::kFloat32, {a, b, c, two}, out);
    const Tensor bools = MakeOut(shape, DType::kBool);
    Check(K::kLt, DType::kFloat32, {a, b}, bools);
    Check(K::kWhere, DType::kFloat32, {bools, a, b}, out);
  }
}

TEST(ElementwiseTest, CastsInputsAndResults) {
  const DType dtypes[] = {DType::kFloat64,  DType::kFloat32, DType::kFloat16,
                          DType::kBFloat16, DType::kInt64,   DType::kInt32,
                          DType::kInt8,     DType::kUInt8,   DType::kBool};
  for (const DType compute : dtypes) {
    if (compute == DType::kBool) continue;  // has no kSub
    for (const DType dtype : dtypes) {
      const Tensor a = MakeTensor({40, 41}, dtype);
      const Tensor b = MakeTensor({40, 41}, compute, 7.25);
      Check(K::kSub, compute, {a, b}, MakeOut({40, 41}, compute));
      Check(K::kLt, compute, {a, b}, MakeOut({40, 41}, DType::kBool));
      Check(K::kWhere, compute, {a, a, b}, MakeOut({40, 41}, compute));
    }
  }
}

TEST(ElementwiseTest, WritesAnyDtype) {
  const Tensor a = MakeTensor({1030}, DType::kFloat32);
  for (const DType dtype :
       {DType::kFloat64, DType::kBFloat16, DType::kInt32, DType::kInt8}) {
    Check(K::kNeg, DType::kFloat32, {a}, MakeOut({1030}, dtype));
    Check(K::kNeg, DType::kFloat16, {a}, MakeOut({1030}, dtype));
    Check(K::kNeg, DType::kInt32, {a}, MakeOut({1030}, dtype));
  }
}

// PyTorch rounds inputs to the dtype that it promotes to.
TEST(ElementwiseTest, RoundsInputsToTheDtypeOfTheComputation) {
  const Tensor a = Tensor::FromData<float>({1, 300}, {2}).value();
  const Tensor zero = Full({}, 0).value();
  const Tensor rounded = MakeOut({2}, DType::kFloat32);
  const Scalar third = 1.0 / 3;
  Elementwise(K::kMul, DType::kBFloat16, {ViewOf(a), ViewOf(third)}, rounded);
  EXPECT_THAT(ElementsOf(rounded), ElementsAre(0.333984375, 100));
  const Tensor bytes = MakeOut({2}, DType::kInt32);
  Elementwise(K::kAdd, DType::kUInt8, {ViewOf(a), ViewOf(zero)}, bytes);
  EXPECT_THAT(ElementsOf(bytes), ElementsAre(1, 44));
}

TEST(ElementwiseTest, Broadcasts) {
  const Shape out_shape = {6, 5, 70};
  const Tensor out = MakeOut(out_shape, DType::kFloat32);
  const Tensor whole = MakeTensor(out_shape, DType::kFloat32);
  for (const Shape& shape : std::vector<Shape>{{},
                                               {1},
                                               {70},
                                               {1, 70},
                                               {5, 1},
                                               {5, 70},
                                               {6, 1, 1},
                                               {6, 1, 70},
                                               {6, 5, 1}}) {
    for (const DType dtype :
         {DType::kFloat32, DType::kFloat64, DType::kInt16}) {
      const Tensor part = MakeTensor(shape, dtype, 3.5);
      Check(K::kSub, DType::kFloat32, {whole, part}, out);
      Check(K::kSub, DType::kFloat32, {part, whole}, out);
      Check(K::kSub, DType::kFloat32, {part, part}, out);
      Check(K::kWhere, DType::kFloat32, {part, whole, part}, out);
      Check(K::kAddcmul, DType::kFloat32, {whole, part, whole, part}, out);
    }
  }
}

TEST(ElementwiseTest, ReadsAndWritesAnyStrides) {
  for (const DType dtype :
       {DType::kFloat32, DType::kFloat64, DType::kBFloat16, DType::kInt8}) {
    const Tensor a = MakeTensor({50, 60}, dtype);
    const Tensor transposed =
        Transpose(MakeTensor({60, 50}, dtype, 4), 0, 1).value();
    const Tensor sliced =
        Slice(MakeTensor({50, 121}, dtype, 9), 1, 1, 121, 2).value();
    const Tensor expanded =
        Expand(MakeTensor({50, 1}, dtype, 2), {50, 60}).value();
    const std::vector<Tensor> views = {a, transposed, sliced, expanded};
    for (const Tensor& x : views) {
      for (const Tensor& y : views) {
        Check(K::kSub, dtype, {x, y}, MakeOut({50, 60}, dtype));
        Check(K::kSub, dtype, {x, y},
              Transpose(MakeOut({60, 50}, dtype), 0, 1).value());
        const Tensor surroundings = MakeOut({50, 122}, dtype);
        Check(K::kSub, dtype, {x, y},
              Slice(surroundings, 1, 0, 120, 2).value());
        EXPECT_EQ(ElementsOf(Slice(surroundings, 1, 1, 122, 2).value()),
                  std::vector<double>(50 * 61, 77));
      }
    }
  }
}

TEST(ElementwiseTest, ReadsOverlappingElements) {
  const Tensor line = MakeTensor({80}, DType::kFloat32);
  const Tensor windows =
      Tensor::Create(line.storage(), DType::kFloat32, {40, 41}, {1, 1}, 0)
          .value();
  const Tensor row = MakeTensor({41}, DType::kFloat32, 9);
  Check(K::kSub, DType::kFloat32, {windows, row},
        MakeOut({40, 41}, DType::kFloat32));
}

// As with views of many dimensions, none of which can be merged.
TEST(ElementwiseTest, TakesManyDimensions) {
  const Shape shape(12, 2);
  Tensor reversed = MakeTensor(shape, DType::kFloat32);
  for (int64_t i = 0; i < 6; ++i) {
    reversed = Transpose(reversed, i, 11 - i).value();
  }
  const Tensor a = MakeTensor(shape, DType::kFloat32, 5);
  Check(K::kSub, DType::kFloat32, {a, reversed},
        MakeOut(shape, DType::kFloat32));
}

TEST(ElementwiseTest, WritesToAnInput) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    const Tensor b = MakeTensor({60, 50}, dtype, 9);
    for (const bool transposed : {false, true}) {
      Tensor a = MakeTensor({60, 50}, dtype);
      Tensor other = b;
      if (transposed) {
        a = Transpose(a, 0, 1).value();
        other = Transpose(MakeTensor({60, 50}, dtype, 4), 0, 1).value();
      }
      Check(K::kSub, dtype, {a, other}, a);
      Check(K::kSub, dtype, {other, a}, a);
      Check(K::kSub, dtype, {a, a}, a);
    }
  }
}

TEST(ElementwiseTest, ResultsDoNotDependOnThreadsOrStrides) {
  const int threads = GetNumThreads();
  const Tensor x = MakeTensor({300, 401}, DType::kFloat32, 0.123);
  const Tensor crossed =
      Transpose(Clone(Transpose(x, 0, 1).value()).value(), 0, 1).value();
  for (const K kernel : {K::kExp, K::kSin, K::kGelu, K::kTanh}) {
    std::string first;
    for (int count = 1; count <= 8; ++count) {
      ASSERT_THAT(SetNumThreads(count), IsOk());
      for (const Tensor& input : {x, crossed}) {
        const Tensor out = MakeOut({300, 401}, DType::kFloat32);
        Elementwise(kernel, DType::kFloat32, {ViewOf(input)}, out);
        const std::string bytes(static_cast<const char*>(out.data()),
                                out.num_elements() * sizeof(float));
        if (first.empty()) first = bytes;
        EXPECT_TRUE(bytes == first) << static_cast<int>(kernel) << count;
      }
    }
  }
  ASSERT_THAT(SetNumThreads(threads), IsOk());
}

TEST(ElementwiseTest, PowKernelsComputeThePower) {
  const Tensor x = Tensor::FromData<double>({0.25, 4}, {2}).value();
  for (const double exponent : {2.0, 3.0, 0.5, -0.5, -1.0, -2.0}) {
    const std::optional<K> kernel = PowKernel(exponent, DType::kFloat64);
    ASSERT_TRUE(kernel.has_value());
    const Tensor out = MakeOut({2}, DType::kFloat64);
    Elementwise(*kernel, DType::kFloat64, {ViewOf(x)}, out);
    EXPECT_THAT(ElementsOf(out),
                ElementsAre(std::pow(0.25, exponent), std::pow(4, exponent)));
  }
  EXPECT_EQ(PowKernel(2.5, DType::kFloat32), std::nullopt);
  EXPECT_EQ(PowKernel(-1, DType::kInt32), std::nullopt);
  EXPECT_EQ(PowKernel(2, DType::kInt32), K::kSquare);
}

TEST(ElementwiseTest, HasZeroFindsOneAmongMany) {
  const Tensor numbers =
      Full({70, 40}, 3, TensorOptions().dtype(DType::kInt16)).value();
  EXPECT_FALSE(HasZero(ViewOf(numbers)));
  static_cast<int16_t*>(numbers.data())[2001] = 0;
  EXPECT_TRUE(HasZero(ViewOf(numbers)));
  EXPECT_FALSE(HasZero(ViewOf(Slice(numbers, 1, 0, 40, 2).value())));
  EXPECT_TRUE(HasZero(ViewOf(Slice(numbers, 1, 1, 40, 2).value())));
  EXPECT_FALSE(HasZero(ViewOf(Full({0}, 0).value())));
  EXPECT_TRUE(HasZero(ViewOf(Scalar(0))));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
