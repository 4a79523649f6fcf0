// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "count_tensors.h"

int main() { return CountTensors("no such file") == -1 ? 0 : 1; }
