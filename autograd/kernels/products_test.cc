// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/products.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/parallel.h"
#include "ferry/core/testing/simd_targets.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
double ToDouble(T element) {
  if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<double>(element);
  } else {
    return static_cast<double>(static_cast<float>(element));
  }
}

template <typename T>
T FromDouble(double number) {
  if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<T>(number);
  } else {
    return T(static_cast<float>(number));
  }
}

// How a matrix lies in memory.
enum class Order { kRows, kColumns, kGaps, kRepeatedRow, kRepeatedColumn };

// Matrices of small integers over one batch dimension, in a buffer of exactly
// their size, so that sanitizers see every access beyond it.
template <typename T>
struct Matrices {
  Matrices(int64_t batch, int64_t rows, int64_t columns, Order order,
           bool is_shared, uint32_t seed) {
    int64_t size = 0;
    switch (order) {
      case Order::kRows:
        strides = {rows * columns, columns, 1};
        break;
      case Order::kColumns:
        strides = {rows * columns, 1, rows};
        break;
      case Order::kGaps:
        strides = {rows * columns * 6, columns * 3, 2};
        break;
      case Order::kRepeatedRow:
        strides = {columns, 0, 1};
        break;
      case Order::kRepeatedColumn:
        strides = {rows, 1, 0};
        break;
    }
    if (is_shared) strides[0] = 0;
    if (batch > 0 && rows > 0 && columns > 0) {
      size = 1 + (batch - 1) * strides[0] + (rows - 1) * strides[1] +
             (columns - 1) * strides[2];
    }
    std::mt19937 random(seed);
    elements.resize(static_cast<size_t>(size));
    for (T& element : elements) {
      element = FromDouble<T>(static_cast<double>(random() % 7) - 3.0);
    }
  }

  double At(int64_t batch, int64_t row, int64_t column) const {
    return ToDouble(elements[static_cast<size_t>(
        batch * strides[0] + row * strides[1] + column * strides[2])]);
  }

  ProductOperand operand() const { return {elements.data(), strides}; }

  std::vector<T> elements;
  std::array<int64_t, 3> strides = {};
};

struct Case {
  int64_t batch;
  int64_t m;
  int64_t n;
  int64_t k;
  Order a = Order::kRows;
  Order b = Order::kRows;
  Order out = Order::kRows;
  bool is_a_shared = false;
  bool is_b_shared = false;
  double alpha = 1;
  double beta = 0;
};

std::string ToString(const Case& c) {
  return ::testing::PrintToString(std::make_tuple(
      c.batch, c.m, c.n, c.k, static_cast<int>(c.a), static_cast<int>(c.b),
      static_cast<int>(c.out), c.is_a_shared, c.is_b_shared, c.alpha, c.beta));
}

// Compares a product of small integers, which floats represent exactly, with
// the sums of its definition. What is not an element of `out` must not change.
template <typename T>
void Check(const Case& c) {
  SCOPED_TRACE(ToString(c) + " of " + std::string(Name(DTypeOf<T>::value)));
  const Matrices<T> a(c.batch, c.m, c.k, c.a, c.is_a_shared, 1);
  const Matrices<T> b(c.batch, c.k, c.n, c.b, c.is_b_shared, 2);
  Matrices<T> out(c.batch, c.m, c.n, c.out, false, 3);
  Matrices<T> expected = out;
  for (int64_t i = 0; i < c.batch; ++i) {
    for (int64_t row = 0; row < c.m; ++row) {
      for (int64_t column = 0; column < c.n; ++column) {
        double sum = 0;
        for (int64_t p = 0; p < c.k; ++p) {
          sum += a.At(i, row, p) * b.At(i, p, column);
        }
        expected.elements[static_cast<size_t>(i * out.strides[0] +
                                              row * out.strides[1] +
                                              column * out.strides[2])] =
            FromDouble<T>(c.alpha * sum +
                          (c.beta == 0 ? 0 : c.beta * out.At(i, row, column)));
      }
    }
  }
  if (c.beta == 0 && !std::is_integral_v<T>) {
    // Must not be read.
    for (int64_t i = 0; i < c.batch; ++i) {
      for (int64_t row = 0; row < c.m; ++row) {
        for (int64_t column = 0; column < c.n; ++column) {
          out.elements[static_cast<size_t>(
              i * out.strides[0] + row * out.strides[1] +
              column * out.strides[2])] = FromDouble<T>(kNan);
        }
      }
    }
  }
  MatrixProductArguments product;
  product.dtype = DTypeOf<T>::value;
  product.batch_shape = absl::MakeConstSpan(&c.batch, 1);
  product.rows = c.m;
  product.columns = c.n;
  product.depth = c.k;
  product.a = a.operand();
  product.b = b.operand();
  product.out = out.elements.data();
  product.out_strides = out.strides;
  product.alpha = c.alpha;
  product.beta = c.beta;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  int64_t wrong = 0;
  for (size_t i = 0; i < out.elements.size(); ++i) {
    const double actual = ToDouble(out.elements[i]);
    const double wanted = ToDouble(expected.elements[i]);
    if (actual == wanted) continue;
    if (++wrong == 1) {
      ADD_FAILURE() << "element " << i << " of memory is " << actual
                    << " instead of " << wanted;
    }
  }
  EXPECT_EQ(wrong, 0);
}

// Sizes around the widths of vectors.
TEST(MatrixProductTest, AllSmallSizes) {
  for (const int64_t m : {1, 2, 3, 4, 5, 9}) {
    for (const int64_t n : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 50}) {
      for (const int64_t k : {1, 2, 3, 8, 9, 17, 31, 64}) {
        Check<float>({1, m, n, k});
        Check<double>({1, m, n, k});
      }
    }
  }
}

TEST(MatrixProductTest, MiddleSizes) {
  for (const int64_t m : {31, 47, 64, 97, 130}) {
    for (const int64_t n : {33, 48, 63, 101}) {
      for (const int64_t k : {23, 64, 100, 257}) {
        Check<float>({1, m, n, k});
        Check<double>({1, m, n, k});
      }
    }
  }
}

// Several tiles, and several blocks of rows, columns and sums.
TEST(MatrixProductTest, LargeSizes) {
  for (const Order a : {Order::kRows, Order::kColumns, Order::kGaps}) {
    for (const Order b : {Order::kRows, Order::kColumns, Order::kGaps}) {
      Case c = {1, 1030, 70, 33, a, b};
      c.beta = 1;
      Check<float>(c);
      c = {1, 140, 300, 520, a, b};
      c.alpha = 2;
      c.beta = -1;
      Check<float>(c);
      c = {2, 140, 150, 260, a, b};
      Check<double>(c);
      c = {1, 3, 600, 600, a, b};
      Check<float>(c);
    }
  }
}

TEST(MatrixProductTest, AllLayouts) {
  constexpr Order kOrders[] = {Order::kRows, Order::kColumns, Order::kGaps,
                               Order::kRepeatedRow, Order::kRepeatedColumn};
  constexpr std::array<int64_t, 3> kShapes[] = {
      {5, 6, 7},    {1, 9, 20},  {9, 1, 20},    {1, 1, 33},
      {40, 50, 60}, {130, 1, 9}, {1, 1300, 40}, {70, 90, 3}};
  for (const Order a : kOrders) {
    for (const Order b : kOrders) {
      for (const Order out : {Order::kRows, Order::kColumns, Order::kGaps}) {
        for (const auto& [m, n, k] : kShapes) {
          for (const double beta : {0.0, 1.0, -2.0}) {
            Case c = {2, m, n, k, a, b, out};
            c.beta = beta;
            c.alpha = beta == 1 ? 1 : 2;
            Check<float>(c);
            if (m == 5 || m == 40) {
              Check<double>(c);
              Check<BFloat16>({2, m, n, 5, a, b, out, false, false, 1, beta});
              Check<Float16>({2, m, n, 5, a, b, out, false, false, 1, beta});
              Check<int64_t>(c);
              Check<int16_t>(c);
            }
          }
        }
      }
    }
  }
}

TEST(MatrixProductTest, SharedMatricesOfABatch) {
  for (const bool is_a_shared : {false, true}) {
    for (const bool is_b_shared : {false, true}) {
      for (const Order order : {Order::kRows, Order::kColumns, Order::kGaps}) {
        for (const int64_t size : {1, 3, 40}) {
          Case c = {3, size, 5, size, order, order, Order::kRows};
          c.is_a_shared = is_a_shared;
          c.is_b_shared = is_b_shared;
          Check<float>(c);
          Check<BFloat16>(c);
          Check<int32_t>(c);
          std::swap(c.m, c.n);
          Check<float>(c);
          c.out = Order::kColumns;
          c.beta = 1;
          Check<float>(c);
        }
      }
    }
  }
}

// Two batch dimensions, in which the operands repeat in different ones: no
// copy of either could be indexed by one stride.
TEST(MatrixProductTest, BatchDimensionsThatBroadcastCrosswise) {
  // a[i] is the 1 x 1 matrix i + 1, b[j] is 10^j, out[i][j] is their product.
  const std::array<float, 3> a = {1, 2, 3};
  const std::array<float, 2> b = {1, 10};
  std::array<float, 6> out = {};
  const std::array<int64_t, 2> batch = {3, 2};
  const std::array<int64_t, 4> a_strides = {1, 0, 1, 1};
  const std::array<int64_t, 4> b_strides = {0, 1, 1, 1};
  const std::array<int64_t, 4> out_strides = {2, 1, 1, 1};
  MatrixProductArguments product;
  product.batch_shape = batch;
  product.rows = product.columns = product.depth = 1;
  product.a = {a.data(), a_strides};
  product.b = {b.data(), b_strides};
  product.out = out.data();
  product.out_strides = out_strides;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  EXPECT_THAT(out, ElementsAre(1, 10, 2, 20, 3, 30));
}

TEST(MatrixProductTest, LongSumsOfIntegersInEveryType) {
  const Case c = {2, 3, 4, 70, Order::kRows, Order::kColumns};
  Check<int8_t>({2, 3, 4, 3});
  Check<int16_t>(c);
  Check<int32_t>(c);
  Check<int64_t>(c);
}

TEST(MatrixProductTest, IntegersWrapAround) {
  const std::array<int64_t, 2> strides = {1, 1};
  const uint8_t byte = 200;
  uint8_t out = 7;
  MatrixProductArguments product;
  product.dtype = DType::kUInt8;
  product.rows = product.columns = product.depth = 1;
  product.a = product.b = {&byte, strides};
  product.out = &out;
  product.out_strides = strides;
  product.beta = 3;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  EXPECT_EQ(out, (200 * 200 + 3 * 7) % 256);
  // 65535 * 65535 overflows an int.
  const uint16_t word = 65535;
  uint16_t out16 = 0;
  product.dtype = DType::kUInt16;
  product.a = product.b = {&word, strides};
  product.out = &out16;
  product.beta = 0;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  EXPECT_EQ(out16, 1);
  const int64_t smallest = std::numeric_limits<int64_t>::min();
  int64_t out64 = 5;
  product.dtype = DType::kInt64;
  product.a = product.b = {&smallest, strides};
  product.out = &out64;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  EXPECT_EQ(out64, 0);
}

TEST(MatrixProductTest, SizesOfZero) {
  Check<float>({0, 2, 3, 4});
  Check<float>({2, 0, 3, 4});
  Check<float>({2, 2, 0, 4});
  for (const double beta : {0.0, 2.0}) {
    const Case c = {
        2,     3,     4, 0,   Order::kRows, Order::kRows, Order::kGaps,
        false, false, 1, beta};
    Check<float>(c);
    Check<double>(c);
    Check<Float16>(c);
    Check<int32_t>(c);
  }
}

TEST(MatrixProductTest, AlphaZeroReadsNoOperand) {
  const std::array<float, 1> nan = {static_cast<float>(kNan)};
  const std::array<int64_t, 2> strides = {0, 0};
  std::array<float, 4> out = {1, 2, 3, 4};
  const std::array<int64_t, 2> out_strides = {2, 1};
  MatrixProductArguments product;
  product.rows = product.columns = product.depth = 2;
  product.a = product.b = {nan.data(), strides};
  product.out = out.data();
  product.out_strides = out_strides;
  product.alpha = 0;
  product.beta = 0.5;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  EXPECT_THAT(out, ElementsAre(0.5f, 1.0f, 1.5f, 2.0f));
}

TEST(MatrixProductTest, NanAndInfinityPropagate) {
  // A NaN or infinity times 0 is NaN, in every path.
  for (const int64_t size : {2, 5, 40, 150}) {
    std::vector<float> a(static_cast<size_t>(size * size));
    std::vector<float> b(a.size());
    std::vector<float> out(a.size());
    a[0] = std::numeric_limits<float>::infinity();
    const std::array<int64_t, 2> strides = {size, 1};
    MatrixProductArguments product;
    product.rows = product.columns = product.depth = size;
    product.a = {a.data(), strides};
    product.b = {b.data(), strides};
    product.out = out.data();
    product.out_strides = strides;
    ASSERT_THAT(MatrixProduct(product), IsOk());
    for (int64_t i = 0; i < size * size; ++i) {
      EXPECT_EQ(std::isnan(out[static_cast<size_t>(i)]), i < size)
          << "size " << size << ", element " << i;
    }
  }
}

template <typename T>
std::vector<T> RandomNumbers(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> numbers(count);
  for (T& number : numbers) number = FromDouble<T>(normal(random));
  return numbers;
}

// Restores the number of threads.
class ThreadsTest : public ::testing::Test {
 protected:
  ~ThreadsTest() override { EXPECT_THAT(SetNumThreads(threads_), IsOk()); }

 private:
  const int threads_ = GetNumThreads();
};

TEST_F(ThreadsTest, BitsOfProductsDoNotDependOnThem) {
  // One or several tiles, one or several of a batch, and vectors.
  constexpr std::array<int64_t, 4> kShapes[] = {
      {1, 300, 300, 300}, {1, 520, 90, 200}, {1, 700, 1, 700},
      {9, 64, 64, 64},    {1, 3, 2, 70000},  {1, 1, 1, 100000},
      {1, 2000, 8, 8},    {40, 20, 20, 20},  {1, 260, 800, 60}};
  for (const auto& [batch, m, n, k] : kShapes) {
    const auto a = RandomNumbers<float>(static_cast<size_t>(batch * m * k), 1);
    const auto b = RandomNumbers<float>(static_cast<size_t>(batch * k * n), 2);
    for (const bool is_a_transposed : {false, true}) {
      const std::array<int64_t, 3> a_strides = {m * k, is_a_transposed ? 1 : k,
                                                is_a_transposed ? m : 1};
      const std::array<int64_t, 3> b_strides = {k * n, n, 1};
      const std::array<int64_t, 3> out_strides = {m * n, n, 1};
      std::vector<float> first;
      for (int threads = 1; threads <= 8; ++threads) {
        ASSERT_THAT(SetNumThreads(threads), IsOk());
        std::vector<float> out(static_cast<size_t>(batch * m * n));
        MatrixProductArguments product;
        product.batch_shape = absl::MakeConstSpan(&batch, 1);
        product.rows = m;
        product.columns = n;
        product.depth = k;
        product.a = {a.data(), a_strides};
        product.b = {b.data(), b_strides};
        product.out = out.data();
        product.out_strides = out_strides;
        ASSERT_THAT(MatrixProduct(product), IsOk());
        if (threads == 1) {
          first = out;
        } else {
          EXPECT_TRUE(out == first) << m << " x " << k << " x " << n << " on "
                                    << threads << " threads";
        }
      }
    }
  }
}

TEST_F(ThreadsTest, BitsOfDotProductsDoNotDependOnThem) {
  const auto x = RandomNumbers<float>(3'000'001, 1);
  const auto y = RandomNumbers<float>(3'000'001, 2);
  double exact = 0;
  for (size_t i = 0; i < x.size(); ++i) exact += double{x[i]} * double{y[i]};
  for (const int64_t stride : {1, 3}) {
    float first = 0;
    for (int threads = 1; threads <= 8; ++threads) {
      ASSERT_THAT(SetNumThreads(threads), IsOk());
      float sum = 0;
      ASSERT_THAT(DotProduct(DType::kFloat32, 3'000'001 / stride, x.data(),
                             stride, y.data(), stride, &sum),
                  IsOk());
      if (threads == 1) {
        first = sum;
        if (stride == 1) {
          EXPECT_NEAR(sum, exact, 0.01);
        }
      }
      EXPECT_EQ(sum, first) << threads << " threads, stride " << stride;
    }
  }
}

template <typename T>
void CheckDot() {
  SCOPED_TRACE(std::string(Name(DTypeOf<T>::value)));
  for (const int64_t size :
       {0, 1, 2, 3, 7, 8, 15, 16, 17, 100, 127, 128, 129, 1023, 1025, 2300}) {
    for (const int64_t x_stride : {0, 1, 2}) {
      for (const int64_t y_stride : {1, 3}) {
        const auto count = [size](int64_t stride) {
          return static_cast<size_t>(size == 0 ? 0 : (size - 1) * stride + 1);
        };
        std::vector<T> x(count(x_stride));
        std::vector<T> y(count(y_stride));
        for (size_t i = 0; i < x.size(); ++i) x[i] = FromDouble<T>(i % 2);
        for (size_t i = 0; i < y.size(); ++i) y[i] = FromDouble<T>(i % 3 == 0);
        double expected = 0;
        for (int64_t i = 0; i < size; ++i) {
          expected += ToDouble(x[static_cast<size_t>(i * x_stride)]) *
                      ToDouble(y[static_cast<size_t>(i * y_stride)]);
        }
        T sum = FromDouble<T>(5);
        ASSERT_THAT(DotProduct(DTypeOf<T>::value, size, x.data(), x_stride,
                               y.data(), y_stride, &sum),
                    IsOk());
        EXPECT_EQ(ToDouble(sum), ToDouble(FromDouble<T>(expected)))
            << size << " elements, strides " << x_stride << ", " << y_stride;
      }
    }
  }
}

TEST(DotProductTest, AllSizesAndStrides) {
  CheckDot<float>();
  CheckDot<double>();
  CheckDot<Float16>();
  CheckDot<BFloat16>();
  CheckDot<int16_t>();
  CheckDot<int64_t>();
  CheckDot<uint32_t>();
}

TEST(MatrixProductTest, EveryInstructionSet) {
  simd::ForEachTarget([](int64_t target) {
    SCOPED_TRACE(hwy::TargetName(target));
    CheckDot<float>();
    CheckDot<double>();
    for (const Order order : {Order::kRows, Order::kColumns}) {
      for (const int64_t m : {1, 3, 4, 5, 6, 7, 8, 11, 14, 16}) {
        for (const int64_t n : {1, 3, 8, 15, 33, 40}) {
          Case c = {1, m, n, 19, order, Order::kRows, Order::kRows};
          c.beta = 2;
          Check<float>(c);
          Check<double>(c);
        }
      }
      Check<float>({1, 60, 140, 270, order, Order::kColumns});
      Check<double>({1, 60, 140, 270, order, Order::kColumns});
    }
  });
}

TEST(DotProductTest, SumsOfNarrowFloatsAreFloat32) {
  // In bfloat16, 256 + 1 is 256.
  const std::vector<BFloat16> ones(512, BFloat16(1.0f));
  BFloat16 sum;
  ASSERT_THAT(
      DotProduct(DType::kBFloat16, 512, ones.data(), 1, ones.data(), 1, &sum),
      IsOk());
  EXPECT_EQ(static_cast<float>(sum), 512.0f);
}

TEST(MatrixProductTest, SumsOfNarrowFloatsAreFloat32) {
  const std::vector<BFloat16> ones(512, BFloat16(1.0f));
  BFloat16 sum;
  const std::array<int64_t, 2> strides = {1, 1};
  MatrixProductArguments product;
  product.dtype = DType::kBFloat16;
  product.rows = product.columns = 1;
  product.depth = 512;
  product.a = product.b = {ones.data(), strides};
  product.out = &sum;
  product.out_strides = strides;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  EXPECT_EQ(static_cast<float>(sum), 512.0f);
}

// A sum that is added up element by element is off by 1 in a thousand.
TEST(MatrixProductTest, LongSumsStayPrecise) {
  constexpr int64_t kDepth = 300001;
  const std::vector<float> x(kDepth, 0.1f);
  for (const int64_t rows : {1, 3, 9}) {
    const std::vector<float> a(static_cast<size_t>(rows * kDepth), 0.1f);
    for (const std::array<int64_t, 2>& strides :
         {std::array<int64_t, 2>{1, rows}, {kDepth, 1}}) {
      constexpr std::array<int64_t, 2> kOnes = {1, 1};
      std::vector<float> out(static_cast<size_t>(rows), 1.0f);
      MatrixProductArguments product;
      product.dtype = DType::kFloat32;
      product.rows = rows;
      product.columns = 1;
      product.depth = kDepth;
      product.a = {a.data(), strides};
      product.b = {x.data(), kOnes};
      product.out = out.data();
      product.out_strides = kOnes;
      product.beta = 1;
      ASSERT_THAT(MatrixProduct(product), IsOk());
      const double sum = 1 + 0.01 * kDepth;
      EXPECT_THAT(out, Each(FloatNear(static_cast<float>(sum), 0.1f)));
    }
  }
}

TEST(MatrixProductTest, OtherDTypes) {
  const std::array<int64_t, 2> strides = {1, 1};
  bool element = true;
  MatrixProductArguments product;
  product.dtype = DType::kBool;
  product.rows = product.columns = product.depth = 1;
  product.a = product.b = {&element, strides};
  product.out = &element;
  product.out_strides = strides;
  EXPECT_THAT(MatrixProduct(product),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("bool")));
  EXPECT_THAT(
      DotProduct(DType::kComplex64, 1, &element, 1, &element, 1, &element),
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("complex64")));
}

TEST(MatrixProductTest, FactorsOfIntegersWrapAround) {
  const std::array<int64_t, 2> strides = {1, 1};
  uint8_t element = 2;
  uint8_t out = 1;
  MatrixProductArguments product;
  product.dtype = DType::kUInt8;
  product.rows = product.columns = product.depth = 1;
  product.a = product.b = {&element, strides};
  product.out = &out;
  product.out_strides = strides;
  product.alpha = -1;
  product.beta = 2.5;
  ASSERT_THAT(MatrixProduct(product), IsOk());
  EXPECT_EQ(out, 254);  // -4 + 2
  product.alpha = kNan;
  EXPECT_THAT(MatrixProduct(product), StatusIs(absl::StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
