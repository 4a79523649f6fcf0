// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/thread_state.h"

namespace ferry {
namespace {

thread_local ThreadState current_state;

}  // namespace

ThreadState CurrentThreadState() { return current_state; }
void SetCurrentThreadState(ThreadState state) { current_state = state; }

}  // namespace ferry
