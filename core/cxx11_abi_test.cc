// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/cxx11_abi.h"

#include <string>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(Cxx11AbiTest, AgreesWithTheLayoutOfString) {
  // The old layout is one pointer; the new one keeps short text in itself.
  EXPECT_EQ(CompiledWithCxx11Abi(), sizeof(std::string) > sizeof(void*));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
