// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Damages a checkpoint at every byte. Whatever is hit, a load gives an error or
// what it would have given without the damage: there are bytes that mean
// nothing, such as the padding.

#include <algorithm>
#include <cstddef>
#include <string>

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

// Everything that a load gives, as one text: what a save makes of it.
absl::StatusOr<std::string> LoadAll(absl::string_view bytes) {
  LoadOptions load_options;
  load_options.placement = Placement::kHost;
  // A damaged size must not make the test take the machine's memory.
  load_options.max_tensor_bytes = 1 << 24;
  const absl::StatusOr<Value> value = LoadMemory(bytes, load_options);
  if (!value.ok()) return value.status();
  SaveOptions save_options;
  save_options.archive_name = "archive";
  return SaveToString(*value, save_options);
}

class DamageTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    bytes_ = ReadFile(absl::StrCat("tests/data/fixtures/", GetParam()));
    ASSERT_FALSE(bytes_.empty());
    const absl::StatusOr<std::string> loaded = LoadAll(bytes_);
    ASSERT_THAT(loaded, IsOk());
    loaded_ = *loaded;
  }

  std::string bytes_;
  std::string loaded_;
};

TEST_P(DamageTest, EveryByte) {
  size_t errors = 0;
  for (size_t i = 0; i < bytes_.size(); ++i) {
    const auto original = static_cast<unsigned char>(bytes_[i]);
    for (int damaged : {original ^ 0xFF, original + 1, 0, original ^ 0x20}) {
      if (damaged == original) continue;
      std::string copy = bytes_;
      copy[i] = static_cast<char>(damaged);
      const absl::StatusOr<std::string> loaded = LoadAll(copy);
      if (loaded.ok()) {
        ASSERT_EQ(*loaded == loaded_, true)
            << "byte " << i << " as " << damaged << " changes what is loaded";
        continue;
      }
      ++errors;
      ASSERT_TRUE(IsOfDamage(loaded.status()))
          << "byte " << i << " as " << damaged << ": " << loaded.status();
      ASSERT_FALSE(loaded.status().message().empty());
    }
  }
  // The headers, the names and the contents; not the padding.
  EXPECT_GT(errors, bytes_.size());
}

TEST_P(DamageTest, EveryLength) {
  for (size_t size = 0; size < bytes_.size(); ++size) {
    const absl::StatusOr<std::string> loaded =
        LoadAll(absl::string_view(bytes_).substr(0, size));
    ASSERT_FALSE(loaded.ok()) << size << " bytes of it load";
    ASSERT_TRUE(IsOfDamage(loaded.status())) << size << loaded.status();
  }
}

// A run of bytes that a disk or a download has lost.
TEST_P(DamageTest, EveryRunOfZeros) {
  for (size_t i = 0; i + 16 <= bytes_.size(); i += 4) {
    std::string copy = bytes_;
    std::fill(copy.begin() + i, copy.begin() + i + 16, '\0');
    const absl::StatusOr<std::string> loaded = LoadAll(copy);
    if (loaded.ok()) {
      ASSERT_EQ(*loaded == loaded_, true) << "zeros at " << i;
    } else {
      ASSERT_TRUE(IsOfDamage(loaded.status())) << i << loaded.status();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DamageTest,
                         testing::Values("pytorch-1.13/requires_grad.pt",
                                         "pytorch-1.13/parameter_with_attr.pt",
                                         "pytorch-1.13/cycles.pt",
                                         "pytorch-2.14/storage_untyped.pt",
                                         "pytorch-2.14/conj_neg.pt"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           std::string name = info.param;
                           for (char& c : name) {
                             if (c == '/' || c == '.' || c == '-') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace v1
}  // namespace ferry
