// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A library for LD_PRELOAD in which malloc and its relatives fail, for
// command_out_of_memory_test.py:
//
//   FERRY_FAIL_MALLOC=N  call N fails, counted from 1; with N = 0, none fails,
//                        and the number of calls is written to stderr at exit
//   FERRY_FAIL_LATER     if set, all calls after it fail, too

#define _GNU_SOURCE

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

static atomic_long calls = 0;
static long failing = -1;
static int later_fail = 0;

__attribute__((constructor)) static void ReadSettings(void) {
  const char* const n = getenv("FERRY_FAIL_MALLOC");
  failing = n != NULL ? atol(n) : 0;
  later_fail = getenv("FERRY_FAIL_LATER") != NULL;
  calls = 0;
}

__attribute__((destructor)) static void Report(void) {
  if (failing == 0) dprintf(2, "%ld calls\n", atomic_load(&calls));
}

static int Fails(void) {
  const long call = atomic_fetch_add(&calls, 1) + 1;
  if (failing <= 0 || call < failing || (call > failing && !later_fail)) {
    return 0;
  }
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t size) { return Fails() ? NULL : __libc_malloc(size); }

void* calloc(size_t count, size_t size) {
  return Fails() ? NULL : __libc_calloc(count, size);
}

void* realloc(void* memory, size_t size) {
  return Fails() ? NULL : __libc_realloc(memory, size);
}

void* memalign(size_t alignment, size_t size) {
  return Fails() ? NULL : __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) {
  if (Fails()) return ENOMEM;
  *out = __libc_memalign(alignment, size);
  return *out != NULL ? 0 : ENOMEM;
}
