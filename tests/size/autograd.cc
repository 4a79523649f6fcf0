// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/runtime/autograd.h"

#include "ferry/core/factories.h"

int main() {
  const auto x =
      ferry::Full({1}, 3.0, ferry::TensorOptions().requires_grad(true));
  return ferry::Backward(x * x).ok() ? 0 : 1;
}
