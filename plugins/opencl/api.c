// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "api.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const char kLoader[] = "libOpenCL.so.1";

opencl_api opencl;

int opencl_open(char* why, size_t why_bytes) {
  static const struct {
    const char* name;
    size_t offset;
  } kFunctions[] = {
#define OPENCL_ENTRY(name) {#name, offsetof(opencl_api, name)},
      OPENCL_FUNCTIONS(OPENCL_ENTRY)
#undef OPENCL_ENTRY
  };
  void* loader = dlopen(kLoader, RTLD_NOW | RTLD_LOCAL);
  if (loader == NULL) {
    const char* reason = dlerror();
    snprintf(why, why_bytes,
             "%s; install an OpenCL loader (in Debian: ocl-icd-libopencl1)",
             reason != NULL ? reason : "cannot open libOpenCL.so.1");
    return OPENCL_NO_LOADER;
  }
  for (size_t i = 0; i < sizeof(kFunctions) / sizeof(kFunctions[0]); ++i) {
    void* function = dlsym(loader, kFunctions[i].name);
    if (function == NULL) {
      snprintf(why, why_bytes,
               "%s does not have %s, so it is older than OpenCL 1.2", kLoader,
               kFunctions[i].name);
      return OPENCL_TOO_OLD;
    }
    // C does not convert an object pointer to a function pointer.
    memcpy((char*)&opencl + kFunctions[i].offset, &function, sizeof(function));
  }
  return OPENCL_OPENED;
}
