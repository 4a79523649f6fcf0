// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Calls the functions of the OpenCL plugin as `ferry plugin check` does not,
// for opencl_test.py:
//
//   opencl_calls faults PLUGIN    with copies that fail on the device, and with
//                                 arguments that are wrong; runs on
//                                 opencl_shim.c with OPENCL_FAULT=copy:2:-4
//   opencl_calls lost_HOW PLUGIN  with a wait on device 0 that fails; HOW is
//                                 copy, copy_async, event_wait or
//                                 queue_destroy
//   opencl_calls threads PLUGIN   all of them on many threads, built with a
//                                 sanitizer
//
// Prints what is wrong, and exits with 1 if anything is.

#define _GNU_SOURCE

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "ferry/plugin.h"

enum { THREADS = 8, ROUNDS = 40 };

static atomic_int faults;

#define EXPECT(condition)                                      \
  do {                                                         \
    if (!(condition)) {                                        \
      printf("line %d: not true: %s\n", __LINE__, #condition); \
      ++faults;                                                \
    }                                                          \
  } while (0)

static ferry_status new_status(void) {
  return (ferry_status){.struct_size = sizeof(ferry_status)};
}

// The first copy is good, the second fails on the device, the third is good.
static void check_events(const ferry_backend* table, uint64_t handle) {
  ferry_status status = new_status();
  uint64_t queue = 0;
  char bytes[100] = "some bytes", found[100] = "";
  EXPECT(table->queue_create(table->context, 0, &queue, &status) == FERRY_OK);
  ferry_copy in = {.struct_size = sizeof(in),
                   .direction = FERRY_COPY_TO_DEVICE,
                   .handle = handle,
                   .size_bytes = sizeof(bytes),
                   .host_source = bytes};
  uint64_t good = 0, bad = 0, last = 0, empty = 0;
  EXPECT(table->copy_async(table->context, queue, &in, &good, &status) ==
         FERRY_OK);
  EXPECT(table->copy_async(table->context, queue, &in, &bad, &status) ==
         FERRY_OK);
  ferry_copy out = in;
  out.direction = FERRY_COPY_TO_HOST;
  out.host_destination = found;
  EXPECT(table->copy_async(table->context, queue, &out, &last, &status) ==
         FERRY_OK);
  // 0 bytes, with null pointers, at the end of the memory.
  ferry_copy nothing = {.struct_size = sizeof(nothing),
                        .direction = FERRY_COPY_TO_DEVICE,
                        .handle = handle,
                        .offset_bytes = sizeof(bytes)};
  EXPECT(table->copy_async(table->context, queue, &nothing, &empty, &status) ==
         FERRY_OK);
  nothing.handle = 0;
  nothing.offset_bytes = 0;
  EXPECT(table->copy(table->context, &nothing, &status) == FERRY_OK);
  for (int i = 0; i < 3; ++i) {
    status = new_status();
    EXPECT(table->event_wait(table->context, bad, &status) ==
           FERRY_RESOURCE_EXHAUSTED);
    EXPECT(status.code == FERRY_RESOURCE_EXHAUSTED);
    EXPECT(status.vendor_code == -4);
    EXPECT(strstr(status.message, "CL_MEM_OBJECT_ALLOCATION_FAILURE") != NULL);
  }
  status = new_status();
  EXPECT(table->event_wait(table->context, last, &status) == FERRY_OK);
  EXPECT(memcmp(bytes, found, sizeof(bytes)) == 0);
  EXPECT(table->event_wait(table->context, empty, &status) == FERRY_OK);
  EXPECT(table->event_wait(table->context, good, &status) == FERRY_OK);
  EXPECT(table->queue_destroy(table->context, queue, &status) == FERRY_OK);
  const uint64_t events[] = {good, bad, last, empty};
  for (int i = 0; i < 4; ++i) {
    EXPECT(table->event_release(table->context, events[i], &status) ==
           FERRY_OK);
  }
}

// On two devices.
static void check_arguments(const ferry_backend* table, uint64_t handle) {
  ferry_status status = new_status();
  char bytes[100];
  ferry_copy copy = {.struct_size = sizeof(copy),
                     .direction = FERRY_COPY_TO_HOST,
                     .device_index = 1,
                     .handle = handle,
                     .size_bytes = sizeof(bytes),
                     .host_destination = bytes};
  EXPECT(table->copy(table->context, &copy, &status) == FERRY_INVALID_ARGUMENT);
  EXPECT(table->free(table->context, 1, handle, &status) ==
         FERRY_INVALID_ARGUMENT);
  uint64_t queue = 0, event = 0;
  EXPECT(table->queue_create(table->context, 1, &queue, &status) == FERRY_OK);
  copy.device_index = 0;
  EXPECT(table->copy_async(table->context, queue, &copy, &event, &status) ==
         FERRY_INVALID_ARGUMENT);
  EXPECT(table->queue_destroy(table->context, queue, &status) == FERRY_OK);
  EXPECT(table->queue_create(table->context, 2, &queue, &status) ==
         FERRY_OUT_OF_RANGE);
  copy.host_destination = NULL;
  EXPECT(table->copy(table->context, &copy, &status) == FERRY_INVALID_ARGUMENT);
  copy.handle = 12345;
  EXPECT(table->copy(table->context, &copy, &status) == FERRY_INVALID_ARGUMENT);
  copy.handle = 0;
  EXPECT(table->copy(table->context, &copy, &status) == FERRY_OUT_OF_RANGE);
  // Host memory.
  void* address = NULL;
  EXPECT(table->host_free(table->context, 0, bytes, &status) ==
         FERRY_INVALID_ARGUMENT);
  EXPECT(table->host_allocate(table->context, 0, 0, &address, &status) ==
         FERRY_INVALID_ARGUMENT);
  const uint64_t absurd[] = {UINT64_MAX, UINT64_MAX - 64, UINT64_C(1) << 62};
  for (int i = 0; i < 3; ++i) {
    EXPECT(table->host_allocate(table->context, 0, absurd[i], &address,
                                &status) == FERRY_RESOURCE_EXHAUSTED);
  }
  EXPECT(table->host_allocate(table->context, 0, 100, &address, &status) ==
         FERRY_OK);
  memset(address, 1, 100);
  EXPECT(table->host_free(table->context, 1, address, &status) ==
         FERRY_INVALID_ARGUMENT);
  EXPECT(table->host_free(table->context, 0, address, &status) == FERRY_OK);
  EXPECT(table->host_free(table->context, 0, address, &status) ==
         FERRY_INVALID_ARGUMENT);
}

// Allocates, fills, compares and frees, with and without a queue.
static void* use_device(void* argument) {
  const ferry_backend* table = argument;
  ferry_status status = new_status();
  char bytes[5000], found[sizeof(bytes)];
  memset(bytes, (int)pthread_self() & 0x7F, sizeof(bytes));
  for (int round = 0; round < ROUNDS; ++round) {
    uint64_t handle = 0, queue = 0, in_event = 0, out_event = 0;
    void* pinned = NULL;
    EXPECT(table->allocate(table->context, 0, sizeof(bytes), &handle,
                           &status) == FERRY_OK);
    EXPECT(table->host_allocate(table->context, 0, sizeof(bytes), &pinned,
                                &status) == FERRY_OK);
    EXPECT(table->queue_create(table->context, 0, &queue, &status) == FERRY_OK);
    memcpy(pinned, bytes, sizeof(bytes));
    ferry_copy in = {.struct_size = sizeof(in),
                     .direction = FERRY_COPY_TO_DEVICE,
                     .handle = handle,
                     .size_bytes = sizeof(bytes),
                     .host_source = pinned};
    ferry_copy out = in;
    out.direction = FERRY_COPY_TO_HOST;
    out.host_destination = found;
    memset(found, 0, sizeof(found));
    if (round % 2 == 0) {
      EXPECT(table->copy(table->context, &in, &status) == FERRY_OK);
      EXPECT(table->copy(table->context, &out, &status) == FERRY_OK);
    } else {
      EXPECT(table->copy_async(table->context, queue, &in, &in_event,
                               &status) == FERRY_OK);
      EXPECT(table->copy_async(table->context, queue, &out, &out_event,
                               &status) == FERRY_OK);
      EXPECT(table->event_wait(table->context, out_event, &status) == FERRY_OK);
      EXPECT(table->event_release(table->context, in_event, &status) ==
             FERRY_OK);
      EXPECT(table->event_release(table->context, out_event, &status) ==
             FERRY_OK);
    }
    EXPECT(memcmp(found, bytes, sizeof(bytes)) == 0);
    EXPECT(table->queue_destroy(table->context, queue, &status) == FERRY_OK);
    EXPECT(table->host_free(table->context, 0, pinned, &status) == FERRY_OK);
    EXPECT(table->free(table->context, 0, handle, &status) == FERRY_OK);
  }
  return NULL;
}

static uint64_t shared_queue, shared_handle;

// Issues copies on the queue of all threads, and releases some events at once.
static void* share_queue(void* argument) {
  const ferry_backend* table = argument;
  ferry_status status = new_status();
  char bytes[64] = "";
  for (int round = 0; round < ROUNDS; ++round) {
    const ferry_copy copy = {.struct_size = sizeof(copy),
                             .direction = FERRY_COPY_TO_HOST,
                             .handle = shared_handle,
                             .size_bytes = sizeof(bytes),
                             .host_destination = bytes};
    uint64_t events[8];
    for (int i = 0; i < 8; ++i) {
      EXPECT(table->copy_async(table->context, shared_queue, &copy, &events[i],
                               &status) == FERRY_OK);
      if (i == 7) {
        EXPECT(table->event_wait(table->context, events[i], &status) ==
               FERRY_OK);
      }
      EXPECT(table->event_release(table->context, events[i], &status) ==
             FERRY_OK);
    }
  }
  return NULL;
}

static void run_threads(const ferry_backend* table, void* (*body)(void*)) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; ++i) {
    EXPECT(pthread_create(&threads[i], NULL, body, (void*)table) == 0);
  }
  for (int i = 0; i < THREADS; ++i) pthread_join(threads[i], NULL);
}

static void check_threads(const ferry_backend* table) {
  run_threads(table, use_device);
  ferry_status status = new_status();
  EXPECT(table->queue_create(table->context, 0, &shared_queue, &status) ==
         FERRY_OK);
  EXPECT(table->allocate(table->context, 0, 64, &shared_handle, &status) ==
         FERRY_OK);
  run_threads(table, share_queue);
  EXPECT(table->queue_destroy(table->context, shared_queue, &status) ==
         FERRY_OK);
  EXPECT(table->free(table->context, 0, shared_handle, &status) == FERRY_OK);
}

static void check_faults(const ferry_backend* table) {
  ferry_status status = new_status();
  uint64_t handle = 0;
  EXPECT(table->allocate(table->context, 0, 100, &handle, &status) == FERRY_OK);
  check_events(table, handle);
  check_arguments(table, handle);
  EXPECT(table->free(table->context, 0, handle, &status) == FERRY_OK);
  // A handle that was freed is refused.
  EXPECT(table->free(table->context, 0, handle, &status) ==
         FERRY_INVALID_ARGUMENT);
}

static void expect_lost(int32_t code, const ferry_status* status) {
  EXPECT(code == FERRY_UNAVAILABLE);
  EXPECT((status->flags & FERRY_STATUS_DEVICE_LOST) != 0);
  EXPECT(strstr(status->message, "restart the process") != NULL);
}

// A wait for work on device 0 fails, so the work may go on. `how` says which:
// that of a failed copy, or that at the end of a queue.
static void check_lost(const ferry_backend* table, const char* how) {
  ferry_status status = new_status();
  char bytes[100] = "some bytes";
  void* pinned = NULL;
  uint64_t handle = 0, queue = 0, other_queue = 0, event = 0;
  EXPECT(table->allocate(table->context, 0, sizeof(bytes), &handle, &status) ==
         FERRY_OK);
  EXPECT(table->host_allocate(table->context, 0, sizeof(bytes), &pinned,
                              &status) == FERRY_OK);
  EXPECT(table->queue_create(table->context, 0, &queue, &status) == FERRY_OK);
  EXPECT(table->queue_create(table->context, 0, &other_queue, &status) ==
         FERRY_OK);
  ferry_copy copy = {.struct_size = sizeof(copy),
                     .direction = FERRY_COPY_TO_DEVICE,
                     .handle = handle,
                     .size_bytes = sizeof(bytes),
                     .host_source = pinned};
  status = new_status();
  int32_t code = FERRY_OK;
  if (strcmp(how, "copy") == 0) {
    code = table->copy(table->context, &copy, &status);
  } else if (strcmp(how, "copy_async") == 0) {
    code = table->copy_async(table->context, queue, &copy, &event, &status);
  } else if (strcmp(how, "event_wait") == 0) {
    EXPECT(table->copy_async(table->context, queue, &copy, &event, &status) ==
           FERRY_OK);
    code = table->event_wait(table->context, event, &status);
    EXPECT(table->event_release(table->context, event, &status) == FERRY_OK);
  } else {
    code = table->queue_destroy(table->context, queue, &status);
    queue = 0;
  }
  EXPECT(code == FERRY_RESOURCE_EXHAUSTED);
  EXPECT(status.vendor_code == -5);
  EXPECT((status.flags & FERRY_STATUS_DEVICE_LOST) != 0);
  // Nothing new begins on the device.
  uint64_t unused = 0;
  void* address = NULL;
  status = new_status();
  expect_lost(table->allocate(table->context, 0, 1, &unused, &status), &status);
  status = new_status();
  expect_lost(table->host_allocate(table->context, 0, 1, &address, &status),
              &status);
  status = new_status();
  expect_lost(table->copy(table->context, &copy, &status), &status);
  status = new_status();
  expect_lost(
      table->copy_async(table->context, other_queue, &copy, &event, &status),
      &status);
  status = new_status();
  expect_lost(table->queue_create(table->context, 0, &unused, &status),
              &status);
  // Other devices are not affected, and there are as many as before.
  ferry_devices devices = {.struct_size = sizeof(devices)};
  EXPECT(table->device_count(table->context, &devices, &status) == FERRY_OK);
  EXPECT(devices.count == 2);
  copy.device_index = 1;
  EXPECT(table->allocate(table->context, 1, sizeof(bytes), &copy.handle,
                         &status) == FERRY_OK);
  EXPECT(table->copy(table->context, &copy, &status) == FERRY_OK);
  EXPECT(table->free(table->context, 1, copy.handle, &status) == FERRY_OK);
  // What the host has is taken back, but the memory that a copy may still use
  // stays.
  if (queue != 0) {
    EXPECT(table->queue_destroy(table->context, queue, &status) == FERRY_OK);
  }
  EXPECT(table->queue_destroy(table->context, other_queue, &status) ==
         FERRY_OK);
  EXPECT(table->host_free(table->context, 0, pinned, &status) == FERRY_OK);
  memset(pinned, 1, sizeof(bytes));
  EXPECT(table->free(table->context, 0, handle, &status) == FERRY_OK);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  void* library = dlopen(argv[2], RTLD_NOW);
  if (library == NULL) {
    puts(dlerror());
    return 2;
  }
  void* symbol = dlsym(library, FERRY_PLUGIN_QUERY_SYMBOL);
  ferry_plugin_query query;
  memcpy(&query, &symbol, sizeof(query));
  const ferry_host_info host = {.struct_size = sizeof(host),
                                .abi_minor = FERRY_PLUGIN_ABI_MINOR};
  const ferry_plugin* plugin = NULL;
  ferry_status status = new_status();
  if (query(&host, &plugin, &status) != FERRY_OK) return 2;
  const ferry_backend* table = plugin->backends[0];
  if (strcmp(argv[1], "threads") == 0) {
    check_threads(table);
  } else if (strncmp(argv[1], "lost_", 5) == 0) {
    check_lost(table, argv[1] + 5);
  } else {
    check_faults(table);
  }
  return faults == 0 ? 0 : 1;
}
