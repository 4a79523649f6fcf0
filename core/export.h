// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/export.h
// -----------------------------------------------------------------------------
//
// Exports a symbol from the program or shared object that contains it. Ferry is
// compiled so that none of its symbols are exported: two libraries in one
// process may each contain a Ferry, and must not use each other's. Code that
// must be found by name from outside is the exception.
//
//   extern "C" FERRY_EXPORT int open(const char* path, int flags, ...);
#ifndef FERRY_CORE_EXPORT_H_
#define FERRY_CORE_EXPORT_H_

#define FERRY_EXPORT __attribute__((visibility("default")))

#endif  // FERRY_CORE_EXPORT_H_
