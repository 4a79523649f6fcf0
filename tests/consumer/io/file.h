// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
#ifndef FERRY_TESTS_CONSUMER_IO_FILE_H_
#define FERRY_TESTS_CONSUMER_IO_FILE_H_

#define CONSUMER_IO

#endif  // FERRY_TESTS_CONSUMER_IO_FILE_H_
