// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/testing/samples.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Sample Make(absl::string_view text, DType dtype = DType::kFloat64,
            int64_t scale = 1) {
  absl::StatusOr<Sample> sample = MakeSample(text, dtype, scale);
  EXPECT_THAT(sample, IsOk());
  return sample.ok() ? *sample : Sample();
}

// The elements of the first operand, row-major.
std::vector<double> Numbers(const Sample& sample, size_t i = 0) {
  const Tensor wide =
      *strided::Cast(sample.arguments[i].tensor, DType::kFloat64);
  const Tensor row_major = *strided::Contiguous(wide);
  const absl::Span<double> data = *row_major.Data<double>();
  return {data.begin(), data.end()};
}

TEST(SamplesTest, SplitsSamples) {
  EXPECT_THAT(SplitSamples("f[2,3] | f[] p=1 |f[0]"),
              ElementsAre("f[2,3]", "f[] p=1", "f[0]"));
  EXPECT_THAT(SplitSamples(""), IsEmpty());
}

TEST(SamplesTest, MakesTensorsInEveryLayout) {
  const Sample sample = Make("f[2,3] f[3,2]t p[2,3]s f[2,3]x f[] f[0,3]");
  ASSERT_THAT(sample.arguments, SizeIs(6));
  const auto strides = [&sample](size_t i) {
    return sample.arguments[i].tensor.strides();
  };
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_THAT(sample.arguments[i].tensor.shape(), ElementsAre(2, 3)) << i;
  }
  EXPECT_THAT(strides(0), ElementsAre(3, 1));
  EXPECT_THAT(strides(1), ElementsAre(1, 2));
  EXPECT_THAT(strides(2), ElementsAre(6, 2));
  EXPECT_EQ(sample.arguments[2].tensor.storage_offset(), 1);
  EXPECT_THAT(strides(3), ElementsAre(0, 1));
  EXPECT_THAT(sample.arguments[4].tensor.shape(), IsEmpty());
  EXPECT_THAT(sample.arguments[5].tensor.shape(), ElementsAre(0, 3));
  const std::vector<double> repeated = Numbers(sample, 3);
  EXPECT_EQ(repeated[0], repeated[3]);
}

TEST(SamplesTest, MakesNumbersAndAttributes) {
  const Sample sample = Make("n=2 n=-0.5 n=true f[2] i=1,-2 j= p=0.5 q=-inf");
  ASSERT_THAT(sample.arguments, SizeIs(4));
  EXPECT_EQ(sample.arguments[0].number.dtype(), DType::kInt64);
  EXPECT_EQ(sample.arguments[1].number.dtype(), DType::kFloat64);
  EXPECT_EQ(sample.arguments[2].number.dtype(), DType::kBool);
  EXPECT_THAT(sample.attributes.ints, ElementsAre(1, -2));
  EXPECT_THAT(sample.attributes.more_ints, IsEmpty());
  EXPECT_EQ(sample.attributes.numbers[0], 0.5);
  EXPECT_EQ(sample.attributes.numbers[1], -INFINITY);
  EXPECT_FALSE(sample.attributes.flag);
  EXPECT_TRUE(Make("f[2] flag").attributes.flag);
  EXPECT_FALSE(sample.is_refused);
  EXPECT_TRUE(Make("! f[2]").is_refused);
  EXPECT_TRUE(sample.Operands()[0].is_number());
  EXPECT_FALSE(sample.Operands()[3].is_number());
}

TEST(SamplesTest, ChoosesElementsByTheLetter) {
  for (double value : Numbers(Make("p[1000]"))) {
    EXPECT_GE(value, 0.1);
    EXPECT_LE(value, 2.1);
  }
  for (double value : Numbers(Make("u[1000]"))) {
    EXPECT_LE(std::abs(value), 0.9);
  }
  std::vector<double> distinct = Numbers(Make("d[10,10]"));
  EXPECT_FALSE(std::is_sorted(distinct.begin(), distinct.end()));
  std::sort(distinct.begin(), distinct.end());
  for (size_t i = 1; i < distinct.size(); ++i) {
    EXPECT_GE(distinct[i] - distinct[i - 1], 0.01);
    EXPECT_GE(std::abs(distinct[i]), 0.01);
  }
  for (DType dtype : {DType::kInt64, DType::kUInt8, DType::kFloat16}) {
    const Sample sample = Make("f[1000] p[1000] i3[1000] b[1000]", dtype);
    EXPECT_EQ(sample.arguments[0].tensor.dtype(), dtype);
    EXPECT_EQ(sample.arguments[0].is_differentiable, dtype == DType::kFloat16);
    EXPECT_THAT(Numbers(sample, 1), Each(testing::Gt(0)));
    EXPECT_EQ(sample.arguments[2].tensor.dtype(), DType::kInt64);
    EXPECT_THAT(Numbers(sample, 2), Each(testing::AnyOf(0, 1, 2)));
    EXPECT_EQ(sample.arguments[3].tensor.dtype(), DType::kBool);
    EXPECT_FALSE(sample.arguments[3].is_differentiable);
  }
}

TEST(SamplesTest, CombinesEdgeValues) {
  const std::vector<double> one = Numbers(Make("e[]"));
  EXPECT_TRUE(std::any_of(one.begin(), one.end(),
                          [](double x) { return std::isnan(x); }));
  EXPECT_TRUE(std::any_of(one.begin(), one.end(),
                          [](double x) { return x == 0 && std::signbit(x); }));
  const Sample two = Make("e[] n=1 e[]");
  EXPECT_TRUE(two.has_edge_values);
  const std::vector<double> a = Numbers(two, 0);
  const std::vector<double> b = Numbers(two, 2);
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [x, y] : {std::pair<double, double>(INFINITY, -INFINITY),
                             {0.0, INFINITY},
                             {-INFINITY, 1}}) {
    bool found = false;
    for (size_t i = 0; i < a.size(); ++i) found |= a[i] == x && b[i] == y;
    EXPECT_TRUE(found) << x << " " << y;
  }
  const std::vector<double> bytes = Numbers(Make("e[]", DType::kInt8));
  EXPECT_THAT(bytes, testing::IsSupersetOf({-128.0, -127.0, 127.0, 0.0}));
  EXPECT_THAT(Numbers(Make("e[]", DType::kBool)), ElementsAre(0, 1));
}

TEST(SamplesTest, IsTheSameEachTime) {
  const std::string text = "f[3,4]t p[4]";
  EXPECT_EQ(Numbers(Make(text)), Numbers(Make(text)));
  EXPECT_NE(Numbers(Make("f[12]")), Numbers(Make("f[12] f[1]")));
}

TEST(SamplesTest, ScalesSizes) {
  const Sample sample = Make("f[2,3,1] f[3,1]x f[0] e[]", DType::kFloat32, 10);
  EXPECT_THAT(sample.arguments[0].tensor.shape(), ElementsAre(21, 31, 1));
  EXPECT_THAT(sample.arguments[1].tensor.shape(), ElementsAre(31, 1));
  EXPECT_THAT(sample.arguments[2].tensor.shape(), ElementsAre(0));
}

TEST(SamplesTest, RefusesWhatIsNoSample) {
  for (absl::string_view text : {"",
                                 "g[2]",
                                 "f",
                                 "f[2",
                                 "f]2[",
                                 "f[2]]",
                                 "f[2,]",
                                 "f[x]",
                                 "f[-1]",
                                 "f[2]tt",
                                 "f[2]t",
                                 "f[]x",
                                 "f[0,2]x",
                                 "f5[2]",
                                 "i[2]",
                                 "i0[2]",
                                 "ix[2]",
                                 "n=",
                                 "n=two",
                                 "f[2] p=",
                                 "f[2] i=1;2",
                                 "f[2] k=3",
                                 "i=1",
                                 "f[9223372036854775807,4]",
                                 "f[100000,100000]",
                                 "e[] e[] e[] e[]",
                                 "flag"}) {
    EXPECT_THAT(MakeSample(text, DType::kFloat32),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
  EXPECT_THAT(MakeSample("f[2] k=3", DType::kFloat32),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"k=3\" in a sample")));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
