// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Damaged files of the containers without checksums: nobody can say that a
// number has changed, but nothing may crash, and what opens can be saved.

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/runtime/runtime.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/tests/faults/message_rules.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// Loads, and saves in both forms what has been loaded.
absl::Status LoadAll(absl::string_view bytes) {
  LoadOptions load_options;
  load_options.placement = Placement::kHost;
  load_options.max_tensor_bytes = 1 << 24;
  const absl::StatusOr<Value> value = LoadMemory(bytes, load_options);
  if (!value.ok()) return value.status();
  for (Container container : {Container::kZip, Container::kLegacy}) {
    SaveOptions save_options;
    save_options.container = container;
    // A graph may have become one that no pickle can express.
    const absl::Status status = SaveToString(*value, save_options).status();
    EXPECT_TRUE(status.ok() ||
                status.code() == absl::StatusCode::kUnimplemented ||
                status.code() == absl::StatusCode::kInvalidArgument)
        << status;
  }
  return absl::OkStatus();
}

class UncheckedDamageTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    bytes_ = ReadFile(absl::StrCat("tests/data/old/", GetParam()));
    ASSERT_FALSE(bytes_.empty());
    ASSERT_THAT(LoadAll(bytes_), IsOk());
    // The zeros that fill the last record of a tar archive say nothing.
    end_ = bytes_.find_last_not_of('\0') + 1;
  }

  std::string bytes_;
  size_t end_ = 0;
};

TEST_P(UncheckedDamageTest, EveryByte) {
  size_t errors = 0;
  for (size_t i = 0; i < end_; ++i) {
    const auto original = static_cast<unsigned char>(bytes_[i]);
    for (int damaged : {original ^ 0xFF, original + 1, 0, original ^ 0x20,
                        original ^ 0x01, original ^ 0x80}) {
      std::string copy = bytes_;
      copy[i] = static_cast<char>(damaged);
      const absl::Status status = LoadAll(copy);
      if (status.ok()) continue;
      ++errors;
      ASSERT_TRUE(IsOfDamage(status)) << i << " as " << damaged << status;
      ASSERT_FALSE(status.message().empty());
    }
  }
  EXPECT_GT(errors, end_ / 4);
}

TEST_P(UncheckedDamageTest, EveryLength) {
  const size_t last =
      std::string(GetParam()) == "tensors.tar" ? end_ - 1 : bytes_.size();
  for (size_t size = 0; size < last; ++size) {
    const absl::Status status =
        LoadAll(absl::string_view(bytes_).substr(0, size));
    ASSERT_FALSE(status.ok()) << size << " bytes of it load";
    ASSERT_TRUE(IsOfDamage(status)) << size << status;
  }
}

TEST_P(UncheckedDamageTest, EveryRunOfZeros) {
  for (size_t i = 0; i + 16 <= end_; i += 4) {
    std::string copy = bytes_;
    std::fill(copy.begin() + i, copy.begin() + i + 16, '\0');
    const absl::Status status = LoadAll(copy);
    ASSERT_TRUE(status.ok() || IsOfDamage(status)) << i << status;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, UncheckedDamageTest,
                         testing::Values("views.pt", "module.p0.pt",
                                         "module.p2.pt", "module.p4.pt",
                                         "tensors.tar", "tensors.pickle"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace v1
}  // namespace ferry
