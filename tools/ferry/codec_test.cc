// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// `ferry` on files of a codec that is not pickle. A test of its own, since what
// is registered stays registered.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/testing/line_codec.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Json ParseJson(const std::string& text) { return Json::parse(text); }

class CodecTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_THAT(
        CodecRegistry::Default().Register(std::make_shared<LineCodec>()),
        IsOk());
  }

  CodecTest() {
    const std::vector<float> numbers = {1, 2, 3};
    Value dict = Value::Dict();
    EXPECT_THAT(dict.Set("weight", Value(*Tensor::FromData(
                                       absl::MakeConstSpan(numbers), {3}))),
                IsOk());
    pickled_ = SaveTestFile("pickled.pt", dict);
    lines_ = TestPath("lines.pt");
    EXPECT_EQ(
        RunFerryForTest({"convert", "--codec=lines", pickled_, lines_}).err,
        "");
  }

  static std::string CodecOf(const std::string& path) {
    return ParseJson(
               RunFerryForTest({"inspect", "--format=json", path}).out)["codec"]
        .get<std::string>();
  }

  std::string pickled_;
  std::string lines_;
};

TEST_F(CodecTest, InspectNamesIt) {
  const Json document =
      ParseJson(RunFerryForTest({"inspect", "--format=json", lines_}).out);
  EXPECT_EQ(document["codec"], "lines");
  EXPECT_FALSE(document.contains("pickle_protocol"));
  EXPECT_EQ(document["tensors"][0]["pointer"], "/weight");
  EXPECT_THAT(RunFerryForTest({"inspect", lines_}).out,
              AllOf(HasSubstr("zip container \"lines\", codec lines, little"),
                    Not(HasSubstr("pickle"))));
}

TEST_F(CodecTest, VerifyNamesIt) {
  for (const auto& [path, codec] :
       {std::make_pair(lines_, "lines"), std::make_pair(pickled_, "pickle")}) {
    const FerryResult human = RunFerryForTest({"verify", path});
    EXPECT_EQ(human.exit_code, 0) << human.err;
    EXPECT_THAT(human.out,
                HasSubstr(std::string(".pt: codec ") + codec + ", 7 records"));
    EXPECT_EQ(
        ParseJson(
            RunFerryForTest({"verify", "--format=json", path}).out)[0]["codec"],
        codec);
  }
  // Safetensors have none.
  const std::string out = TestPath("verify.safetensors");
  ASSERT_EQ(
      RunFerryForTest({"convert", "--container=safetensors", lines_, out}).err,
      "");
  EXPECT_FALSE(
      ParseJson(RunFerryForTest({"verify", "--format=json", out}).out)[0]
          .contains("codec"));
  EXPECT_THAT(RunFerryForTest({"verify", out}).out, Not(HasSubstr("codec")));
}

TEST_F(CodecTest, ConvertKeepsTheCodecUnlessToldOtherwise) {
  const std::string out = TestPath("out.pt");
  for (const std::string& in : {lines_, pickled_}) {
    ASSERT_EQ(RunFerryForTest({"convert", in, out}).err, "");
    EXPECT_EQ(CodecOf(out), CodecOf(in));
  }
  ASSERT_EQ(RunFerryForTest({"convert", "--codec=pickle", lines_, out}).err,
            "");
  EXPECT_EQ(CodecOf(out), "pickle");
}

TEST_F(CodecTest, ConvertToAContainerWithoutAChoice) {
  const std::string out = TestPath("other.pt");
  ASSERT_EQ(RunFerryForTest({"convert", "--container=legacy", lines_, out}).err,
            "");
  EXPECT_EQ(CodecOf(out), "pickle");
  // And back, from one.
  ASSERT_EQ(RunFerryForTest({"convert", "--codec=lines", out, lines_}).err, "");
  EXPECT_EQ(CodecOf(lines_), "lines");
  const std::string safetensors = TestPath("other.safetensors");
  ASSERT_EQ(RunFerryForTest({"convert", lines_, safetensors}).err, "");
  ASSERT_EQ(RunFerryForTest({"convert", safetensors, lines_}).err, "");
  EXPECT_EQ(CodecOf(lines_), "pickle");
  for (const std::string container : {"legacy", "safetensors"}) {
    const FerryResult result =
        RunFerryForTest({"convert", "--codec=lines", "--container=" + container,
                         pickled_, TestPath("out." + container)});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(container));
  }
}

TEST_F(CodecTest, TheHelpListsTheCodecs) {
  EXPECT_THAT(RunFerryForTest({"convert", "--help"}).out,
              AllOf(HasSubstr("--codec pickle|"), HasSubstr("|lines")));
  EXPECT_THAT(RunFerryForTest({"convert", "--codec=nope", "a", "b"}).err,
              AllOf(HasSubstr("supported: pickle, "), HasSubstr(", lines")));
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
