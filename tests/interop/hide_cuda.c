// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A library for LD_PRELOAD that hides "libcuda.so.1" from a program, for
// cuda_absent_test.py. The machine then looks as if it had no NVIDIA driver.

#define _GNU_SOURCE

#include <dlfcn.h>
#include <string.h>

void* dlopen(const char* name, int mode) {
  void* (*real)(const char*, int) =
      (void* (*)(const char*, int))dlsym(RTLD_NEXT, "dlopen");
  if (name != NULL && strcmp(name, "libcuda.so.1") == 0) {
    name = "/hidden/libcuda.so.1";
  }
  return real(name, mode);
}
