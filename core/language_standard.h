// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/language_standard.h
// -----------------------------------------------------------------------------
//
// Stops the build with a clear error if the compiler is set to a C++ standard
// before C++17. Every source of Ferry's libraries includes this header first.
// The error would otherwise be one of hundreds, because Debian's Bazel chooses
// C++11.
#ifndef FERRY_CORE_LANGUAGE_STANDARD_H_
#define FERRY_CORE_LANGUAGE_STANDARD_H_

#if defined(__cplusplus) && __cplusplus < 201703L
#error "Ferry needs C++17 or newer: build with --cxxopt=-std=c++17"
#endif

#endif  // FERRY_CORE_LANGUAGE_STANDARD_H_
