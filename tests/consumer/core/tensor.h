// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
#ifndef FERRY_TESTS_CONSUMER_CORE_TENSOR_H_
#define FERRY_TESTS_CONSUMER_CORE_TENSOR_H_

#define CONSUMER_CORE

#endif  // FERRY_TESTS_CONSUMER_CORE_TENSOR_H_
