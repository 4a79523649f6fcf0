// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/thread_state.h"

#include <stdexcept>
#include <thread>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(ThreadStateTest, NewThreadsBeginWithZero) {
  const ScopedThreadState scope(ThreadState{5});
  uint64_t seen = 1;
  std::thread([&seen] { seen = CurrentThreadState().bits; }).join();
  EXPECT_EQ(seen, 0u);
  EXPECT_EQ(CurrentThreadState().bits, 5u);
}

TEST(ThreadStateTest, ScopesNestAndSurviveExceptions) {
  try {
    const ScopedThreadState outer(ThreadState{1});
    {
      const ScopedThreadState inner(ThreadState{2});
      EXPECT_EQ(CurrentThreadState().bits, 2u);
    }
    EXPECT_EQ(CurrentThreadState().bits, 1u);
    throw std::runtime_error("out");
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "out");
  }
  EXPECT_EQ(CurrentThreadState().bits, 0u);
}

TEST(ThreadStateTest, ScopesReplaceAndRestoreThePointer) {
  const int scope = 0;
  {
    ThreadState state;
    state.saved_tensor_scope = &scope;
    const ScopedThreadState outer(state);
    EXPECT_EQ(CurrentThreadState().saved_tensor_scope, &scope);
    std::thread([] {
      EXPECT_EQ(CurrentThreadState().saved_tensor_scope, nullptr);
    }).join();
  }
  EXPECT_EQ(CurrentThreadState().saved_tensor_scope, nullptr);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
