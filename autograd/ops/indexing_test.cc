// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/indexing.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using ::absl::StatusCode;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNan;

// A leaf with 0, 1, 2, ...
Tensor Leaf(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  const Tensor numbers =
      *Arange(0, count, 1, TensorOptions().dtype(DType::kFloat64));
  const Tensor leaf =
      *Tensor::Create(numbers.storage(), DType::kFloat64, shape);
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

Tensor Longs(const std::vector<int64_t>& numbers,
             const std::vector<int64_t>& shape) {
  return *Tensor::FromData(numbers, shape);
}
Tensor Longs(const std::vector<int64_t>& numbers) {
  return Longs(numbers, {static_cast<int64_t>(numbers.size())});
}

Tensor Mask(std::initializer_list<bool> elements,
            const std::vector<int64_t>& shape) {
  return *Tensor::FromData<bool>(elements, shape);
}

Tensor Doubles(const std::vector<double>& numbers) {
  return *Tensor::FromData(numbers, {static_cast<int64_t>(numbers.size())});
}

std::vector<double> Elements(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok() || tensor->is_null()) return {};
  const Tensor cast = *strided::Cast(tensor->Detach(), DType::kFloat64);
  const Tensor copy = *strided::Contiguous(cast);
  const absl::StatusOr<absl::Span<double>> elements = copy.Data<double>();
  return std::vector<double>(elements->begin(), elements->end());
}

// The gradient of the sum.
std::vector<double> SumGradient(const absl::StatusOr<Tensor>& y,
                                const Tensor& x) {
  EXPECT_THAT(y, IsOk());
  GradOptions options;
  options.retain_graph = true;
  const absl::StatusOr<std::vector<Tensor>> gradients =
      Grad(Sum(y), {x}, options);
  EXPECT_THAT(gradients, IsOk());
  return gradients.ok() ? Elements((*gradients)[0]) : std::vector<double>();
}

// The forms in which Python writes indices, on a tensor of shape [3, 4, 5].
// `picked` lists the numbers of the elements that PyTorch returns.
TEST(IndexingOpsTest, FormsOfIndices) {
  struct Form {
    std::vector<Tensor> indices;
    std::vector<int64_t> shape;
    std::vector<double> first;  // some elements from the beginning
  };
  const Tensor all;  // ":"
  const std::vector<Form> forms = {
      {{Longs({2, 0})}, {2, 4, 5}, {40, 41, 42}},
      {{Longs({-1})}, {1, 4, 5}, {40, 41}},
      {{Longs({1}, {})}, {4, 5}, {20, 21}},
      {{Longs({0, 2, 1, 1}, {2, 2})}, {2, 2, 4, 5}, {0, 1}},
      {{Longs({})}, {0, 4, 5}, {}},
      {{all, Longs({3, 1})}, {3, 2, 5}, {15, 16, 17, 18, 19, 5}},
      {{all, all, Longs({4, 0})}, {3, 4, 2}, {4, 0, 9, 5}},
      {{all, all, Longs({2}, {})}, {3, 4}, {2, 7, 12}},
      {{Longs({0, 2}), Longs({1, 3})}, {2, 5}, {5, 6, 7, 8, 9, 55}},
      {{Longs({0, 2}, {2, 1}), Longs({1, 3})}, {2, 2, 5}, {5, 6}},
      {{Longs({0, 2}), Longs({1}, {})}, {2, 5}, {5, 6, 7, 8, 9, 45}},
      {{all, Longs({0, 1}), Longs({2, 3})}, {3, 2}, {2, 8, 22, 28, 42, 48}},
      {{Longs({0, 1}), all, Longs({2, 3})}, {2, 4}, {2, 7, 12, 17, 23}},
      {{Longs({0, 1}), all, Longs({4})}, {2, 4}, {4, 9}},
      {{Longs({0, 2}), Longs({1, 3}), Longs({4, 0})}, {2}, {9, 55}},
      {{Longs({0, 2}, {2, 1, 1}), Longs({1, 3}, {2, 1}), Longs({4, 0})},
       {2, 2, 2},
       {9, 5, 19, 15, 49, 45, 59, 55}},
      {{Mask({true, false, true}, {3})}, {2, 4, 5}, {0, 1}},
      {{all, Mask({false, false, false, true}, {4})}, {3, 1, 5}, {15, 16}},
      {{Mask({true, false, true}, {3}), Longs({2})}, {2, 5}, {10, 11}},
      {{Longs({1, 1, 1, 1})}, {4, 4, 5}, {20}},
      {{all, all, all}, {3, 4, 5}, {0, 1, 2, 3}},
      {{}, {3, 4, 5}, {0, 1, 2, 3}},
  };
  const Tensor x = Leaf({3, 4, 5});
  for (size_t i = 0; i < forms.size(); ++i) {
    SCOPED_TRACE(i);
    const Form& form = forms[i];
    const absl::StatusOr<Tensor> y = Index(x, form.indices);
    ASSERT_THAT(y, IsOk());
    EXPECT_EQ(y->shape(), absl::MakeConstSpan(form.shape));
    const std::vector<double> elements = Elements(y);
    EXPECT_EQ(std::vector<double>(
                  elements.begin(),
                  elements.begin() + static_cast<ptrdiff_t>(form.first.size())),
              form.first);
    // Each element gets as much gradient as it was picked times.
    std::vector<double> times(60);
    for (const double element : elements) ++times[static_cast<size_t>(element)];
    EXPECT_EQ(SumGradient(y, x), times);
    // What is put where it was is the same; what is added counts twice.
    EXPECT_EQ(Elements(IndexPut(x, form.indices, y)), Elements(x));
    std::vector<double> sums(60);
    for (size_t j = 0; j < 60; ++j) {
      sums[j] = static_cast<double>(j) * (1 + times[j]);
    }
    EXPECT_EQ(Elements(IndexPut(x, form.indices, y, true)), sums);
  }
}

TEST(IndexingOpsTest, IndicesAreCheckedAndNamed) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(
      Index(x, {Longs({1, 5})}),
      StatusIs(
          StatusCode::kOutOfRange,
          AllOf(HasSubstr("Index(float64 [2, 3], int64 [2])"),
                HasSubstr("index 5 is out of bounds for dimension 0 with size "
                          "2"))));
  EXPECT_THAT(Index(x, {Tensor(), Longs({-4})}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index -4")));
  EXPECT_THAT(Index(x, {Longs({0, 1}), Longs({0, 1, 2})}),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("could not be broadcast together")));
  EXPECT_THAT(
      Index(x, {Longs({0}), Longs({0}), Longs({0})}),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("too many indices")));
  EXPECT_THAT(Index(x, {Mask({true}, {1})}),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("shape of the mask [1]")));
  EXPECT_THAT(Index(x, {Doubles({0})}),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("int64 or int32; it is float64")));
  EXPECT_THAT(Index(1, {}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(IndexSelect(x, 0, Longs({-1})),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index -1")));
  EXPECT_THAT(IndexSelect(x, 2, Longs({0})), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(IndexSelect(x, 0, Longs({0}, {1, 1})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("vector")));
  EXPECT_THAT(Gather(x, 1, Longs({3}, {1, 1})),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index 3")));
  EXPECT_THAT(Gather(x, 1, Longs({-1}, {1, 1})),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Gather(x, 1, Longs({0})),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("does not fit the tensor, of shape [2, 3]")));
  EXPECT_THAT(Gather(x, 1, Longs({0, 0, 0}, {3, 1})),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Scatter(x, 0, Longs({2}, {1, 1}), 1),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scatter(x, 0, Longs({0, 0}, {1, 2}), Leaf({1, 1})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the source")));
  EXPECT_THAT(
      ScatterAdd(x, 0, Longs({0}, {1, 1}), *Zeros({1, 1})),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("float64 and float32")));
  EXPECT_THAT(Take(x, Longs({6})),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index 6")));
  EXPECT_THAT(Embedding(x, Longs({2})), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(x, Longs({-1})), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(x, Longs({0}), 2), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(x, Longs({0}), -3), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(Leaf({2}), Longs({0})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("2-D")));
  EXPECT_THAT(
      IndexAdd(x, 0, Longs({0, 1}), Leaf({1, 3})),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("it should be [2, 3]")));
  EXPECT_THAT(
      IndexPut(x, {Longs({0})}, Leaf({2})),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("cannot be broadcast")));
  EXPECT_THAT(IndexPut(x, {Longs({0})}, *Zeros({3})),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(IndexingOpsTest, DuplicatesAddUp) {
  const Tensor x = Leaf({3});
  const Tensor index = Longs({1, 1, 2, 1});
  EXPECT_THAT(SumGradient(Index(x, {index}), x), ElementsAre(0, 3, 1));
  EXPECT_THAT(SumGradient(IndexSelect(x, 0, index), x), ElementsAre(0, 3, 1));
  EXPECT_THAT(SumGradient(Gather(x, 0, index), x), ElementsAre(0, 3, 1));
  EXPECT_THAT(SumGradient(Take(x, index), x), ElementsAre(0, 3, 1));
  const Tensor weight = Leaf({3, 1});
  EXPECT_THAT(SumGradient(Embedding(weight, index), weight),
              ElementsAre(0, 3, 1));
  EXPECT_THAT(SumGradient(Embedding(weight, index, 1), weight),
              ElementsAre(0, 0, 1));
  EXPECT_THAT(SumGradient(Embedding(weight, index, -1), weight),
              ElementsAre(0, 3, 0));
}

TEST(IndexingOpsTest, IndicesMayBeInt32) {
  const Tensor x = Leaf({3, 1});
  const Tensor index = *Cast(Longs({2, 0}), DType::kInt32);
  EXPECT_THAT(Elements(Embedding(x, index)), ElementsAre(2, 0));
  EXPECT_THAT(Elements(IndexSelect(x, 0, index)), ElementsAre(2, 0));
  EXPECT_THAT(Elements(Gather(x, 0, View(index, {2, 1}))), ElementsAre(2, 0));
}

TEST(IndexingOpsTest, TheGradientOfAWriteGoesToWhatWasWritten) {
  const Tensor x = Leaf({2, 3});
  const Tensor value = Leaf({3});
  const absl::StatusOr<Tensor> put = IndexPut(x, {Longs({1})}, value);
  EXPECT_THAT(Elements(put), ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_THAT(SumGradient(put, x), ElementsAre(1, 1, 1, 0, 0, 0));
  EXPECT_THAT(SumGradient(put, value), ElementsAre(1, 1, 1));
  // Also to values that are broadcast.
  const Tensor scalar = Leaf({1});
  EXPECT_THAT(SumGradient(IndexPut(x, {Longs({0, 1})}, scalar), scalar),
              ElementsAre(6));
  // A value of rank 0 may have any dtype.
  const Tensor half = *Full(
      {}, 1.0, TensorOptions().dtype(DType::kBFloat16).requires_grad(true));
  EXPECT_THAT(SumGradient(IndexPut(x, {Longs({0, 1})}, half), half),
              ElementsAre(6));
  EXPECT_THAT(SumGradient(IndexPut(x, {Longs({0, 0})}, value, true), x),
              Each(1));
  EXPECT_THAT(SumGradient(IndexPut(x, {Longs({0, 0})}, value, true), value),
              Each(2));

  // A source that is larger than the index gets zeros.
  const Tensor source = Leaf({2, 3});
  const absl::StatusOr<Tensor> scattered =
      Scatter(x, 0, Longs({1, 0}, {1, 2}), source);
  EXPECT_THAT(Elements(scattered), ElementsAre(0, 1, 2, 0, 4, 5));
  EXPECT_THAT(SumGradient(scattered, x), ElementsAre(1, 0, 1, 0, 1, 1));
  EXPECT_THAT(SumGradient(scattered, source), ElementsAre(1, 1, 0, 0, 0, 0));
  const absl::StatusOr<Tensor> added =
      ScatterAdd(x, 0, Longs({1, 0}, {1, 2}), source);
  EXPECT_THAT(SumGradient(added, x), Each(1));
  EXPECT_THAT(SumGradient(added, source), ElementsAre(1, 1, 0, 0, 0, 0));

  const absl::StatusOr<Tensor> sum = IndexAdd(x, 0, Longs({1, 1}), source, 0.5);
  EXPECT_THAT(Elements(sum), ElementsAre(0, 1, 2, 4.5, 6.5, 8.5));
  EXPECT_THAT(SumGradient(sum, source), Each(0.5));
}

TEST(IndexingOpsTest, InPlace) {
  const Tensor x = Leaf({4});
  const Tensor value = Leaf({1});
  const absl::StatusOr<Tensor> y = x * 1;
  ASSERT_THAT(IndexPutInPlace(y, {Longs({1})}, value + 5.0), IsOk());
  ASSERT_THAT(IndexPutInPlace(y, {Mask({false, false, true, false}, {4})}, 7),
              IsOk());
  EXPECT_THAT(Elements(y), ElementsAre(0, 5, 7, 3));
  EXPECT_THAT(SumGradient(y, x), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(SumGradient(y, value), ElementsAre(1));

  const absl::StatusOr<Tensor> z = x * 1;
  ASSERT_THAT(IndexAddInPlace(z, 0, Longs({0, 0}), x * 0 + 1.0),
              StatusIs(StatusCode::kInvalidArgument));
  ASSERT_THAT(IndexAddInPlace(z, 0, Longs({0, 0}), Doubles({1, 2}), 2), IsOk());
  ASSERT_THAT(ScatterInPlace(z, 0, Longs({1}), 9), IsOk());
  ASSERT_THAT(ScatterAddInPlace(z, 0, Longs({1, 1}), Doubles({1, 2})), IsOk());
  ASSERT_THAT(MaskedFillInPlace(z, Mask({false, false, false, true}, {4}), -1),
              IsOk());
  EXPECT_THAT(Elements(z), ElementsAre(6, 12, 2, -1));
  EXPECT_THAT(SumGradient(z, x), ElementsAre(1, 0, 1, 0));
  ASSERT_THAT(MaskedScatterInPlace(z, Mask({true, true, false, false}, {4}),
                                   Doubles({3, 4, 5})),
              IsOk());
  EXPECT_THAT(Elements(z), ElementsAre(3, 4, 2, -1));
  EXPECT_THAT(SumGradient(z, x), ElementsAre(0, 0, 1, 0));
  // A mask larger than the tensor would change its shape.
  EXPECT_THAT(MaskedFillInPlace(z, Mask({true, true}, {2, 1}), 0),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(
      IndexPutInPlace(x, {Longs({0})}, 1),
      StatusIs(StatusCode::kFailedPrecondition, HasSubstr("a leaf Variable")));
}

TEST(IndexingOpsTest, InPlaceWithItselfAsTheSource) {
  const Tensor x = *Arange(0, 4, 1, TensorOptions().dtype(DType::kFloat64));
  ASSERT_THAT(IndexAddInPlace(x, 0, Longs({3, 2, 1, 0}), x), IsOk());
  EXPECT_THAT(Elements(x), ElementsAre(3, 3, 3, 3));
  const Tensor longs = Longs({1, 2, 0});
  ASSERT_THAT(ScatterInPlace(longs, 0, longs, longs), IsOk());
  EXPECT_THAT(Elements(longs), ElementsAre(0, 1, 2));
}

TEST(IndexingOpsTest, AnIndexDoesNotSaveTheTensorItReads) {
  const Tensor x = Leaf({3});
  const absl::StatusOr<Tensor> y = x * 1;
  const absl::StatusOr<Tensor> picked = Index(y, {Longs({2})});
  const absl::StatusOr<Tensor> gathered = Gather(y, 0, Longs({0}));
  ASSERT_THAT(MulInPlace(y, 2), IsOk());
  EXPECT_THAT(SumGradient(picked, x), ElementsAre(0, 0, 1));
  EXPECT_THAT(SumGradient(gathered, x), ElementsAre(1, 0, 0));
  // But it saves the indices.
  const Tensor index = Longs({1});
  const absl::StatusOr<Tensor> later = Index(x, {index});
  ASSERT_THAT(CopyInPlace(index, 0), IsOk());
  EXPECT_THAT(Grad(Sum(later), {x}), StatusIs(StatusCode::kFailedPrecondition));
}

TEST(IndexingOpsTest, Masks) {
  const Tensor x = Leaf({2, 3});
  const Tensor mask = Mask({true, false, true}, {3});
  const Tensor value = *Full(
      {}, 9.0, TensorOptions().dtype(DType::kFloat64).requires_grad(true));
  const absl::StatusOr<Tensor> filled = MaskedFill(x, mask, value);
  EXPECT_THAT(Elements(filled), ElementsAre(9, 1, 9, 9, 4, 9));
  EXPECT_THAT(SumGradient(filled, x), ElementsAre(0, 1, 0, 0, 1, 0));
  EXPECT_THAT(SumGradient(filled, value), ElementsAre(4));
  const absl::StatusOr<Tensor> chosen = MaskedSelect(x, mask);
  EXPECT_THAT(Elements(chosen), ElementsAre(0, 2, 3, 5));
  EXPECT_THAT(SumGradient(chosen, x), ElementsAre(1, 0, 1, 1, 0, 1));
  const Tensor row = Leaf({3});
  const absl::StatusOr<Tensor> wide =
      MaskedSelect(row, Mask({true, true, false, true, false, false}, {2, 3}));
  EXPECT_THAT(Elements(wide), ElementsAre(0, 1, 0));
  EXPECT_THAT(SumGradient(wide, row), ElementsAre(2, 1, 0));
  const Tensor source = Leaf({2, 3});
  const absl::StatusOr<Tensor> scattered = MaskedScatter(x, mask, source);
  EXPECT_THAT(Elements(scattered), ElementsAre(0, 1, 1, 2, 4, 3));
  EXPECT_THAT(SumGradient(scattered, x), ElementsAre(0, 1, 0, 0, 1, 0));
  EXPECT_THAT(SumGradient(scattered, source), ElementsAre(1, 1, 1, 1, 0, 0));

  EXPECT_THAT(MaskedScatter(x, mask, Leaf({3})),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("the mask chooses 4 elements")));
  EXPECT_THAT(
      MaskedFill(x, Longs({1}), 0),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("bool; it is int64")));
  EXPECT_THAT(MaskedFill(x, mask, Leaf({1})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("rank 0")));
  EXPECT_THAT(MaskedFill(x, true, 0), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(MaskedFill(x, Mask({true, false}, {2}), 0),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(IndexingOpsTest, SortingAndItsGradient) {
  const Tensor x = Doubles({3, std::nan(""), 1, 2, 1});
  ASSERT_THAT(x.SetRequiresGrad(true), IsOk());
  const absl::StatusOr<ValuesAndIndices> up = Sort(x);
  ASSERT_THAT(up, IsOk());
  EXPECT_THAT(Elements(up->values), ElementsAre(1, 1, 2, 3, IsNan()));
  EXPECT_THAT(Elements(up->indices), ElementsAre(2, 4, 3, 0, 1));
  EXPECT_FALSE(up->indices.requires_grad());
  EXPECT_THAT(Elements(ArgSort(x, -1, true)), ElementsAre(1, 0, 3, 2, 4));
  EXPECT_THAT(SumGradient(Select(up->values, 0, 2), x),
              ElementsAre(0, 0, 0, 1, 0));
  const absl::StatusOr<ValuesAndIndices> top = TopK(x, 2);
  ASSERT_THAT(top, IsOk());
  EXPECT_THAT(Elements(top->values), ElementsAre(IsNan(), 3));
  EXPECT_THAT(SumGradient(top->values, x), ElementsAre(1, 1, 0, 0, 0));
  const absl::StatusOr<ValuesAndIndices> least = TopK(x, 3, 0, false);
  EXPECT_THAT(Elements(least->indices), ElementsAre(2, 4, 3));
  EXPECT_THAT(SumGradient(least->values, x), ElementsAre(0, 0, 1, 1, 1));

  const Tensor scalar = *Full({}, 5.0, TensorOptions().requires_grad(true));
  EXPECT_THAT(SumGradient(Sort(scalar)->values, scalar), ElementsAre(1));
  EXPECT_THAT(Sort(scalar, 1), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(TopK(x, 6),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("selected index k")));
  EXPECT_THAT(TopK(x, -1), StatusIs(StatusCode::kOutOfRange));
}

TEST(IndexingOpsTest, NonZeroFindsWhatIsNotZero) {
  const Tensor x = Doubles({0, 2, -0.0, std::nan("")});
  EXPECT_THAT(Elements(NonZero(x)), ElementsAre(1, 3));
  EXPECT_FALSE(NonZero(x * 1)->requires_grad());
  EXPECT_THAT(NonZero(*Ones({2, 0}))->shape(), ElementsAre(0, 2));
  EXPECT_THAT(Elements(NonZero(*Zeros({2, 2}))), IsEmpty());
}

// The derivative of an op is differentiable in turn.
TEST(IndexingOpsTest, SecondGradients) {
  const Tensor x = Leaf({3});
  const auto second = [&x](const absl::StatusOr<Tensor>& y) {
    GradOptions options;
    options.create_graph = true;
    const absl::StatusOr<std::vector<Tensor>> first =
        Grad(Sum(y * y * y), {x}, options);
    EXPECT_THAT(first, IsOk());
    return first.ok() ? SumGradient((*first)[0], x) : std::vector<double>();
  };
  EXPECT_THAT(second(Index(x, {Longs({2, 2, 1})})), ElementsAre(0, 6, 24));
  EXPECT_THAT(second(Gather(x, 0, Longs({2, 1}))), ElementsAre(0, 6, 12));
  EXPECT_THAT(second(Take(x, Longs({2, 1}))), ElementsAre(0, 6, 12));
  EXPECT_THAT(second(IndexSelect(x, 0, Longs({2, 1}))), ElementsAre(0, 6, 12));
  EXPECT_THAT(second(Embedding(View(x, {3, 1}), Longs({2, 1}), 1)),
              ElementsAre(0, 0, 12));
  EXPECT_THAT(second(MaskedSelect(x, Mask({false, true, true}, {3}))),
              ElementsAre(0, 6, 12));
  EXPECT_THAT(second(Sort(x, 0, true)->values), ElementsAre(0, 6, 12));
}

TEST(IndexingOpsTest, IndexAddRefusesFactorsThatAreNoIntegers) {
  const Tensor self = Longs({1, 2, 3});
  const Tensor index = Longs({1});
  const Tensor source = Longs({5});
  for (const double alpha : {0.5, std::nan(""), HUGE_VAL, 1e30}) {
    EXPECT_THAT(IndexAdd(self, 0, index, source, alpha),
                StatusIs(StatusCode::kInvalidArgument,
                         HasSubstr("IndexAdd: alpha is")));
    EXPECT_THAT(IndexAddInPlace(self, 0, index, source, alpha),
                StatusIs(StatusCode::kInvalidArgument,
                         HasSubstr("IndexAddInPlace: alpha is")));
  }
  EXPECT_THAT(Elements(IndexAdd(self, 0, index, source, -2)),
              ElementsAre(1, -8, 3));
}

TEST(IndexingOpsTest, GatherAndScatterTakeRank0AsRank1) {
  const Tensor x = Leaf({});
  const Tensor vector = Leaf({3});
  const absl::StatusOr<Tensor> gathered = Gather(x, 0, Longs({0, 0}));
  EXPECT_THAT(Elements(gathered), ElementsAre(0, 0));
  EXPECT_THAT(SumGradient(gathered, x), ElementsAre(2));
  const absl::StatusOr<Tensor> of_rank_0 = Gather(vector, 0, Longs({2}, {}));
  EXPECT_THAT(Elements(of_rank_0), ElementsAre(2));
  EXPECT_EQ(of_rank_0->rank(), 0);

  // The source may have another rank than the index.
  const absl::StatusOr<Tensor> longer =
      Scatter(Doubles({7, 7, 7}), 0, Longs({1}, {}), vector);
  EXPECT_THAT(Elements(longer), ElementsAre(7, 0, 7));
  EXPECT_THAT(SumGradient(longer, vector), ElementsAre(1, 0, 0));
  const absl::StatusOr<Tensor> shorter =
      ScatterAdd(Doubles({7, 7, 7}), 0, Longs({1}), x);
  EXPECT_THAT(Elements(shorter), ElementsAre(7, 7, 7));
  EXPECT_THAT(SumGradient(shorter, x), ElementsAre(1));
}

}  // namespace
}  // namespace ferry
