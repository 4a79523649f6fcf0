// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/named_tensor.h
// -----------------------------------------------------------------------------
//
// A tensor with its name in a model.
#ifndef FERRY_CORE_NAMED_TENSOR_H_
#define FERRY_CORE_NAMED_TENSOR_H_

#include <string>

#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// A tensor under the name that `torch.nn.Module.state_dict` gives it:
// "encoder.layers.0.weight".
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_NAMED_TENSOR_H_
