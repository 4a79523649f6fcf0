// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: runtime/autograd.h
// -----------------------------------------------------------------------------
//
// Includes what programs use to compute with tensors and to differentiate. Link
// //runtime or //runtime:autograd. Programs that only read and write files need
// neither this header nor the code behind it.
//
//   auto x = Full({1}, 3.0, TensorOptions().requires_grad(true));
//   auto y = x * x;
//   FERRY_RETURN_IF_ERROR(Backward(y));
//   *Gradient(*x).Item<float>();  // 6
#ifndef FERRY_RUNTIME_AUTOGRAD_H_
#define FERRY_RUNTIME_AUTOGRAD_H_

// IWYU pragma: begin_exports
#include "ferry/autograd/anomaly.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/checkpointing.h"
#include "ferry/autograd/custom_function.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/gradient_check.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/hooks.h"
#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/extremes.h"
#include "ferry/autograd/ops/functions.h"
#include "ferry/autograd/ops/gathering.h"
#include "ferry/autograd/ops/indexing.h"
#include "ferry/autograd/ops/losses.h"
#include "ferry/autograd/ops/masking.h"
#include "ferry/autograd/ops/normalization.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/ops/products.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/shapes.h"
#include "ferry/autograd/ops/sorting.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/saved_tensor_hooks.h"
// IWYU pragma: end_exports

#endif  // FERRY_RUNTIME_AUTOGRAD_H_
