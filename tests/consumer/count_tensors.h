// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
#ifndef FERRY_TESTS_CONSUMER_COUNT_TENSORS_H_
#define FERRY_TESTS_CONSUMER_COUNT_TENSORS_H_

// Returns the number of tensors in a model's state, or -1.
int CountTensors(const char* path);

#endif  // FERRY_TESTS_CONSUMER_COUNT_TENSORS_H_
