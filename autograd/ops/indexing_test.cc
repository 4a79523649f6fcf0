// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/indexing.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/testing/index_tensors.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::absl::StatusCode;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  const Tensor x = Counting({3, 4, 5});
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
  const Tensor x = Counting({2, 3});
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
  EXPECT_THAT(Index(x, {Constant({0})}),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("int64 or int32; it is float64")));
  EXPECT_THAT(Index(1, {}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(IndexSelect(x, 0, Longs({-1})),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index -1")));
  EXPECT_THAT(IndexSelect(x, 2, Longs({0})), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(IndexSelect(x, 0, Longs({0}, {1, 1})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("vector")));
  EXPECT_THAT(Take(x, Longs({6})),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index 6")));
  EXPECT_THAT(Embedding(x, Longs({2})), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(x, Longs({-1})), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(x, Longs({0}), 2), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(x, Longs({0}), -3), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Embedding(Counting({2}), Longs({0})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("2-D")));
  EXPECT_THAT(
      IndexAdd(x, 0, Longs({0, 1}), Counting({1, 3})),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("it should be [2, 3]")));
  EXPECT_THAT(
      IndexPut(x, {Longs({0})}, Counting({2})),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("cannot be broadcast")));
  EXPECT_THAT(IndexPut(x, {Longs({0})}, *Zeros({3})),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(IndexingOpsTest, DuplicatesAddUp) {
  const Tensor x = Counting({3});
  const Tensor index = Longs({1, 1, 2, 1});
  EXPECT_THAT(SumGradient(Index(x, {index}), x), ElementsAre(0, 3, 1));
  EXPECT_THAT(SumGradient(IndexSelect(x, 0, index), x), ElementsAre(0, 3, 1));
  EXPECT_THAT(SumGradient(Take(x, index), x), ElementsAre(0, 3, 1));
  const Tensor weight = Counting({3, 1});
  EXPECT_THAT(SumGradient(Embedding(weight, index), weight),
              ElementsAre(0, 3, 1));
  EXPECT_THAT(SumGradient(Embedding(weight, index, 1), weight),
              ElementsAre(0, 0, 1));
  EXPECT_THAT(SumGradient(Embedding(weight, index, -1), weight),
              ElementsAre(0, 3, 0));
}

TEST(IndexingOpsTest, IndicesMayBeInt32) {
  const Tensor x = Counting({3, 1});
  const Tensor index = *Cast(Longs({2, 0}), DType::kInt32);
  EXPECT_THAT(Elements(Embedding(x, index)), ElementsAre(2, 0));
  EXPECT_THAT(Elements(IndexSelect(x, 0, index)), ElementsAre(2, 0));
}

TEST(IndexingOpsTest, TheGradientOfAWriteGoesToWhatWasWritten) {
  const Tensor x = Counting({2, 3});
  const Tensor value = Counting({3});
  const absl::StatusOr<Tensor> put = IndexPut(x, {Longs({1})}, value);
  EXPECT_THAT(Elements(put), ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_THAT(SumGradient(put, x), ElementsAre(1, 1, 1, 0, 0, 0));
  EXPECT_THAT(SumGradient(put, value), ElementsAre(1, 1, 1));
  // Also to values that are broadcast.
  const Tensor scalar = Counting({1});
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

  const Tensor source = Counting({2, 3});
  const absl::StatusOr<Tensor> sum = IndexAdd(x, 0, Longs({1, 1}), source, 0.5);
  EXPECT_THAT(Elements(sum), ElementsAre(0, 1, 2, 4.5, 6.5, 8.5));
  EXPECT_THAT(SumGradient(sum, source), Each(0.5));
}

TEST(IndexingOpsTest, InPlace) {
  const Tensor x = Counting({4});
  const Tensor value = Counting({1});
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
  ASSERT_THAT(IndexAddInPlace(z, 0, Longs({0, 0}), Constant({1, 2}), 2),
              IsOk());
  EXPECT_THAT(Elements(z), ElementsAre(6, 1, 2, 3));
  EXPECT_THAT(SumGradient(z, x), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(
      IndexPutInPlace(x, {Longs({0})}, 1),
      StatusIs(StatusCode::kFailedPrecondition, HasSubstr("a leaf Variable")));
}

TEST(IndexingOpsTest, InPlaceWithItselfAsTheSource) {
  const Tensor x = *Arange(0, 4, 1, TensorOptions().dtype(DType::kFloat64));
  ASSERT_THAT(IndexAddInPlace(x, 0, Longs({3, 2, 1, 0}), x), IsOk());
  EXPECT_THAT(Elements(x), ElementsAre(3, 3, 3, 3));
}

TEST(IndexingOpsTest, AnIndexDoesNotSaveTheTensorItReads) {
  const Tensor x = Counting({3});
  const absl::StatusOr<Tensor> y = x * 1;
  const absl::StatusOr<Tensor> picked = Index(y, {Longs({2})});
  ASSERT_THAT(MulInPlace(y, 2), IsOk());
  EXPECT_THAT(SumGradient(picked, x), ElementsAre(0, 0, 1));
  // But it saves the indices.
  const Tensor index = Longs({1});
  const absl::StatusOr<Tensor> later = Index(x, {index});
  ASSERT_THAT(CopyInPlace(index, 0), IsOk());
  EXPECT_THAT(Grad(Sum(later), {x}), StatusIs(StatusCode::kFailedPrecondition));
}

// The derivative of an op is differentiable in turn.
TEST(IndexingOpsTest, SecondGradients) {
  const Tensor x = Counting({3});
  EXPECT_THAT(SecondGradient(Index(x, {Longs({2, 2, 1})}), x),
              ElementsAre(0, 6, 24));
  EXPECT_THAT(SecondGradient(Take(x, Longs({2, 1})), x), ElementsAre(0, 6, 12));
  EXPECT_THAT(SecondGradient(IndexSelect(x, 0, Longs({2, 1})), x),
              ElementsAre(0, 6, 12));
  EXPECT_THAT(SecondGradient(Embedding(View(x, {3, 1}), Longs({2, 1}), 1), x),
              ElementsAre(0, 0, 12));
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

}  // namespace
}  // namespace v1
}  // namespace ferry
