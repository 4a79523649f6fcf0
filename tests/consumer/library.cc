// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The C interface of a shared object that contains Ferry.

#include "count_tensors.h"

extern "C" int ConsumerCountTensors(const char* path) {
  return CountTensors(path);
}
