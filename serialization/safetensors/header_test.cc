// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/safetensors/header.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// The member "a": two float32, at [0, 8).
constexpr char kTensor[] =
    R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";

TEST(HeaderTest, HasTheTensorsInTheOrderOfTheFile) {
  const absl::StatusOr<Header> header = ParseHeader(
      R"({"b":{"shape":[],"data_offsets":[8,10],"dtype":"BF16"},)"
      R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}   )",
      10);
  ASSERT_THAT(header, IsOk());
  EXPECT_THAT(header->metadata, IsEmpty());
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].name, "b");
  EXPECT_EQ(header->tensors[0].dtype, DType::kBFloat16);
  EXPECT_THAT(header->tensors[0].shape, IsEmpty());
  EXPECT_EQ(header->tensors[0].begin, 8u);
  EXPECT_EQ(header->tensors[0].end, 10u);
  EXPECT_EQ(header->tensors[1].name, "a");
  EXPECT_THAT(header->tensors[1].shape, ElementsAre(1, 2));
}

TEST(HeaderTest, KeepsTheRemarks) {
  const absl::StatusOr<Header> header =
      ParseHeader(absl::StrCat(R"({"__metadata__":{"z":"1","a":"\u00e9\n"},)",
                               kTensor, "}"),
                  8);
  ASSERT_THAT(header, IsOk());
  EXPECT_THAT(header->metadata,
              ElementsAre(Pair("z", "1"), Pair("a", "\xc3\xa9\n")));
  // Null, for none, is what the library takes too.
  EXPECT_THAT(
      ParseHeader(absl::StrCat(R"({"__metadata__":null,)", kTensor, "}"), 8),
      IsOk());
}

TEST(HeaderTest, PassesOverFieldsThatItDoesNotKnow) {
  for (const char* value :
       {"1", "-1", "1.5", "null", "true", "\"text\"", "[]", "{}",
        R"([{"dtype":"F99","x":[[[]]]},"shape",null])"}) {
    const absl::StatusOr<Header> header =
        ParseHeader(absl::StrCat(R"({"a":{"dtype":"F32","new":)", value,
                                 R"(,"shape":[2],"data_offsets":[0,8]}})"),
                    8);
    ASSERT_THAT(header, IsOk()) << value << ": " << header.status();
    EXPECT_THAT(header->tensors[0].shape, ElementsAre(2));
  }
}

TEST(HeaderTest, DoesNotRecurse) {
  const std::string nested(1 << 20, '[');
  EXPECT_EQ(ParseHeader(nested, 0).status().code(),
            absl::StatusCode::kDataLoss);
  const std::string ignored =
      absl::StrCat(R"({"a":{"x":)", nested, std::string(nested.size(), ']'),
                   R"(,"dtype":"F32","shape":[2],"data_offsets":[0,8]}})");
  EXPECT_THAT(ParseHeader(ignored, 8), IsOk());
}

TEST(HeaderTest, CountsFourBitFloatsInPairs) {
  const absl::StatusOr<Header> header = ParseHeader(
      R"({"a":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]}})", 4);
  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(header->tensors[0].dtype, DType::kFloat4E2M1FNx2);
  EXPECT_THAT(header->tensors[0].shape, ElementsAre(2, 2));
  EXPECT_EQ(HeaderBytes(*header).substr(kSizeBytes),
            R"({"a":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]}} )");
}

TEST(HeaderTest, RefusesWhatIsNoHeader) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "not valid JSON at byte 0"},
      {"[]", "it is an array, not an object"},
      {"7", "it is a number, not an object"},
      {"null", "it is null, not an object"},
      {"{", "not valid JSON"},
      {absl::StrCat("{", kTensor, "} x"), "not valid JSON"},
      {absl::StrCat("{", kTensor, "}", std::string(1, '\0')), "not valid JSON"},
      {"{\"\xff\":{}}", "not valid JSON"},
      {absl::StrCat("{", kTensor, ",", kTensor, "}"), "it has \"a\" twice"},
      {R"({"a":[]})", "tensor \"a\" is an array, not an object"},
      {R"({"a":3})", "tensor \"a\" is a number, not an object"},
      {R"({"a":"F32"})", "tensor \"a\" is text, not an object"},
      {R"({"a":{}})", "does not have all of dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F32","dtype":"F32"}})", "has dtype twice"},
      {R"({"a":{"dtype":32}})", "has a number in its dtype"},
      {R"({"a":{"dtype":"f32"}})", "which the format does not have"},
      {R"({"a":{"shape":2}})", "has a number in its shape"},
      {R"({"a":{"shape":[2.0]}})", "has a fraction"},
      {R"({"a":{"shape":[-1]}})", "has a negative number in its shape"},
      {R"({"a":{"shape":[[1]]}})", "has an array in its shape"},
      {R"({"a":{"shape":[9223372036854775808]}})", "past 2^63"},
      {R"({"a":{"shape":[18446744073709551616]}})", "past 2^64"},
      {R"({"a":{"data_offsets":[0]}})", "not have exactly two data_offsets"},
      {R"({"a":{"data_offsets":[0,1,2]}})", "a number in its data_offsets"},
      {R"({"a":{"data_offsets":[0,null]}})", "has null in its data_offsets"},
      {R"({"__metadata__":[]})", "its __metadata__ has an array in it"},
      {R"({"__metadata__":{"a":1}})", "has a number in it"},
      {R"({"__metadata__":{"a":"","a":""}})", "its __metadata__ has \"a\""},
  };
  for (const auto& [text, says] : cases) {
    const absl::Status status = ParseHeader(text, 8).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(says)) << text;
  }
}

TEST(HeaderTest, RefusesTensorsThatAreNotTheirSize) {
  const auto parse = [](absl::string_view dtype, absl::string_view shape,
                        absl::string_view offsets, uint64_t data_bytes) {
    return ParseHeader(
               absl::StrCat(R"({"a":{"dtype":")", dtype, R"(","shape":)", shape,
                            R"(,"data_offsets":)", offsets, "}}"),
               data_bytes)
        .status();
  };
  EXPECT_THAT(parse("F32", "[2]", "[0,8]", 8), IsOk());
  EXPECT_THAT(parse("F32", "[0,7]", "[0,0]", 0), IsOk());
  for (const absl::Status& status : {
           parse("F32", "[2]", "[0,7]", 7),
           parse("F32", "[2]", "[8,0]", 8),
           parse("F32", "[2]", "[0,8]", 9),
           parse("F32", "[2]", "[0,8]", 7),
           parse("F32", "[2]", "[1,9]", 9),
           parse("F4", "[3]", "[0,2]", 2),  // half a byte
           parse("F4", "[]", "[0,1]", 1),
           // Products that wrap round to 8 bytes, or to none.
           parse("F32", "[4611686018427387904,4]", "[0,0]", 0),
           parse("F64", "[2305843009213693953]", "[0,8]", 8),
           parse("U8", "[9223372036854775807,9223372036854775807]", "[0,1]", 1),
       }) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()),
                AnyOf(HasSubstr("tensor \"a\""), HasSubstr("its tensors")));
  }
  std::string many_dimensions = "[1";
  for (int i = 0; i < kMaxRank; ++i) many_dimensions += ",1";
  EXPECT_EQ(parse("U8", many_dimensions + "]", "[0,1]", 1).code(),
            absl::StatusCode::kUnimplemented);
}

TEST(HeaderTest, RefusesHolesAndOverlaps) {
  const auto parse = [](absl::string_view a, absl::string_view b) {
    return ParseHeader(
               absl::StrCat(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)",
                            a,
                            R"(},"b":{"dtype":"U8","shape":[4],)"
                            R"("data_offsets":)",
                            b, "}}"),
               8)
        .status();
  };
  EXPECT_THAT(parse("[0,4]", "[4,8]"), IsOk());
  EXPECT_THAT(parse("[4,8]", "[0,4]"), IsOk());
  EXPECT_EQ(parse("[0,4]", "[3,7]").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(parse("[0,4]", "[0,4]").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(parse("[0,4]", "[5,9]").code(), absl::StatusCode::kDataLoss);
  // Without bytes, but inside another.
  EXPECT_EQ(ParseHeader(absl::StrCat("{", kTensor,
                                     R"(,"b":{"dtype":"U8","shape":[0],)"
                                     R"("data_offsets":[4,4]}})"),
                        8)
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
}

TEST(HeaderTest, RefusesByNameWhatPyTorchDoesNotHave) {
  const absl::Status status =
      ParseHeader(
          R"({"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}})", 3)
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("\"a\""), HasSubstr("F6_E2M3")));
}

TEST(HeaderTest, WritesNothingButThePadding) {
  Header header;
  EXPECT_EQ(HeaderBytes(header),
            absl::StrCat(std::string("\x08\0\0\0\0\0\0\0", 8), "{}      "));
  header.metadata = {{"format", "pt"}, {"\"\\\x01\x7f", "\xc3\xa9"}};
  HeaderTensor tensor;
  tensor.name = "w/\n";
  tensor.dtype = DType::kInt64;
  tensor.shape = {1, 2};
  tensor.end = 16;
  header.tensors.push_back(tensor);
  EXPECT_EQ(HeaderBytes(header).substr(kSizeBytes),
            "{\"__metadata__\":{\"format\":\"pt\",\"\\\"\\\\\\u0001\x7f\":"
            "\"\xc3\xa9\"},\"w/\\n\":{\"dtype\":\"I64\",\"shape\":[1,2],"
            "\"data_offsets\":[0,16]}}  ");
}

}  // namespace
}  // namespace safetensors
}  // namespace v1
}  // namespace ferry
