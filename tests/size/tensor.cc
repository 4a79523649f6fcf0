// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/tensor.h"

#include <vector>

int main(int argc, char**) {
  const std::vector<float> elements(4, static_cast<float>(argc));
  return ferry::Tensor::FromData(elements, {2, 2}).ok() ? 0 : 1;
}
