// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: runtime/autograd.h
// -----------------------------------------------------------------------------
//
// Includes what programs use of gradients: so far, the modes. Link //runtime or
// //runtime:autograd. Programs that only read and write files need neither this
// header nor the code behind it.
//
//   NoGradGuard no_grad;
//   GradEnabled();  // false
#ifndef FERRY_RUNTIME_AUTOGRAD_H_
#define FERRY_RUNTIME_AUTOGRAD_H_

// IWYU pragma: begin_exports
#include "ferry/autograd/grad_mode.h"
// IWYU pragma: end_exports

#endif  // FERRY_RUNTIME_AUTOGRAD_H_
