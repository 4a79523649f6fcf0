// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/elements.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

Tensor View(absl::string_view bytes, DType dtype,
            const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset = 0) {
  absl::StatusOr<Storage> storage = Storage::Allocate(bytes.size());
  EXPECT_THAT(storage, IsOk());
  std::memcpy(storage->data(), bytes.data(), bytes.size());
  absl::StatusOr<Tensor> tensor =
      Tensor::Create(*storage, dtype, shape, strides, offset);
  EXPECT_THAT(tensor, IsOk());
  return *tensor;
}

absl::StatusOr<std::string> Row(const Tensor& tensor) {
  std::string row;
  const absl::Status status =
      VisitElements(tensor,
                    {static_cast<const char*>(tensor.storage().data()),
                     tensor.storage().size_bytes()},
                    [&row](absl::string_view part) {
                      row.append(part.data(), part.size());
                      return absl::OkStatus();
                    });
  if (!status.ok()) return status;
  return row;
}

TEST(ElementsTest, AreInRowMajorOrder) {
  EXPECT_EQ(*Row(View("abcdef", DType::kUInt8, {2, 3}, {3, 1})), "abcdef");
  EXPECT_EQ(*Row(View("abcdef", DType::kUInt8, {3, 2}, {1, 3})), "adbecf");
  EXPECT_EQ(*Row(View("aabbccdd", DType::kInt16, {2}, {2}, 1)), "bbdd");
  EXPECT_EQ(*Row(View("ab", DType::kUInt8, {2, 3}, {1, 0})), "aaabbb");
  EXPECT_EQ(*Row(View("ab", DType::kUInt8, {}, {}, 1)), "b");
  EXPECT_EQ(*Row(View("ab", DType::kUInt8, {2, 0}, {1, 1})), "");
}

// Runs that are gathered, runs that stand where they are, and buffers that are
// filled more than once.
TEST(ElementsTest, AreAllThereInLongRuns) {
  std::string bytes(100000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 31 + i / 256);
  }
  EXPECT_EQ(*Row(View(bytes, DType::kUInt8, {100000}, {1})), bytes);
  std::string every_second;
  for (size_t i = 1; i < bytes.size(); i += 2) every_second += bytes[i];
  EXPECT_EQ(*Row(View(bytes, DType::kUInt8, {50000}, {2}, 1)), every_second);
  std::string rows;
  for (size_t row = 0; row < 20; ++row) rows += bytes.substr(row * 5000, 2000);
  EXPECT_EQ(*Row(View(bytes, DType::kUInt8, {20, 2000}, {5000, 1})), rows);
}

TEST(ElementsTest, AreResolved) {
  const Tensor integers = View("\x01\xff", DType::kInt8, {2}, {1});
  integers.set_neg(true, InternalKey());
  EXPECT_EQ(*Row(integers), "\xff\x01");
  const std::string complex("\0\0\x80\x3f\0\0\x80\x3f", 8);  // 1 + i
  const Tensor conj = View(complex, DType::kComplex64, {1}, {1});
  conj.set_conj(true, InternalKey());
  EXPECT_EQ(*Row(conj), std::string("\0\0\x80\x3f\0\0\x80\xbf", 8));
  const Tensor flags = View("\x01", DType::kBool, {1}, {1});
  flags.set_neg(true, InternalKey());
  EXPECT_EQ(Row(flags).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(ElementsTest, ArePackedOnlyInARow) {
  EXPECT_EQ(*Row(View("xabc", DType::kQUInt4x2, {5}, {1}, 2)), "abc");
  EXPECT_EQ(Row(View("xabc", DType::kQUInt4x2, {2}, {2})).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(ElementsTest, AreNotRepeatedForHours) {
  EXPECT_EQ(Row(View("ab", DType::kUInt8, {int64_t{1} << 40, 2}, {0, 1}))
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(ElementsTest, EndWhereTheVisitorSaysSo) {
  int visits = 0;
  const Tensor tensor =
      View(std::string(100000, 'x'), DType::kUInt8, {50000}, {2});
  const absl::Status status =
      VisitElements(tensor,
                    {static_cast<const char*>(tensor.storage().data()),
                     tensor.storage().size_bytes()},
                    [&visits](absl::string_view) {
                      ++visits;
                      return absl::CancelledError("enough");
                    });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(visits, 1);
}

TEST(ElementsTest, AnyByteIsABool) {
  const Tensor tensor =
      View(absl::string_view("\0\1\2", 3), DType::kBool, {3}, {1});
  std::vector<bool> seen;
  EXPECT_THAT(ForEachElement<bool>(
                  tensor, [&seen](bool element) { seen.push_back(element); }),
              IsOk());
  EXPECT_EQ(seen, std::vector<bool>({false, true, true}));
}

TEST(ElementsTest, ForEachElementChecksTheType) {
  const Tensor tensor = View("aabbccdd", DType::kInt16, {2}, {2}, 1);
  std::vector<int16_t> seen;
  EXPECT_THAT(
      ForEachElement<int16_t>(
          tensor, [&seen](int16_t element) { seen.push_back(element); }),
      IsOk());
  EXPECT_EQ(seen, std::vector<int16_t>({0x6262, 0x6464}));
  EXPECT_THAT(ForEachElement<float>(tensor, [](float) { FAIL(); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("int16")));
  EXPECT_THAT(ForEachElement<float>(Tensor(), [](float) { FAIL(); }),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
