// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Queues of the toy: each has a thread of its own that does the copies in their
// order. An event is held by the host and, until the work is done, by the
// queue.

#include "toy_queues.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct event {
  pthread_mutex_t mutex;
  pthread_cond_t is_ready;
  // All guarded by mutex.
  int holders;
  int ready;
  ferry_status result;
} event;

typedef struct task {
  ferry_copy copy;
  event* done;
  struct task* next;
} task;

typedef struct queue {
  uint32_t device_index;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t has_changed;
  // All guarded by mutex.
  task* first;
  task** end;
  int closing;
} queue;

static int32_t no_host_memory(ferry_status* status) {
  return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "out of host memory");
}

// -----------------------------------------------------------------------------
// Events
// -----------------------------------------------------------------------------

static event* new_event(void) {
  event* made = calloc(1, sizeof(*made));
  if (made == NULL) return NULL;
  pthread_mutex_init(&made->mutex, NULL);
  pthread_cond_init(&made->is_ready, NULL);
  made->holders = 2;
  made->result.struct_size = sizeof(made->result);
  return made;
}

static void let_go(event* held) {
  pthread_mutex_lock(&held->mutex);
  int left = --held->holders;
  pthread_mutex_unlock(&held->mutex);
  if (left != 0) return;
  pthread_cond_destroy(&held->is_ready);
  pthread_mutex_destroy(&held->mutex);
  free(held);
}

static void make_ready(event* done, const ferry_status* result) {
  pthread_mutex_lock(&done->mutex);
  done->result = *result;
  done->ready = 1;
  pthread_cond_broadcast(&done->is_ready);
  pthread_mutex_unlock(&done->mutex);
}

int32_t toy_event_wait(void* context, uint64_t handle, ferry_status* status) {
  (void)context;
  event* awaited = (event*)(uintptr_t)handle;
  pthread_mutex_lock(&awaited->mutex);
  while (!awaited->ready) {
    pthread_cond_wait(&awaited->is_ready, &awaited->mutex);
  }
  pthread_mutex_unlock(&awaited->mutex);
  // The result of a ready event does not change.
  if (awaited->result.code == FERRY_OK) return FERRY_OK;
  return ferry_fail(status, awaited->result.code, awaited->result.message);
}

int32_t toy_event_release(void* context, uint64_t handle,
                          ferry_status* status) {
  (void)context;
  (void)status;
  let_go((event*)(uintptr_t)handle);
  return FERRY_OK;
}

// -----------------------------------------------------------------------------
// Queues
// -----------------------------------------------------------------------------

static void* work(void* argument) {
  queue* own = argument;
  pthread_mutex_lock(&own->mutex);
  for (;;) {
    while (own->first == NULL && !own->closing) {
      pthread_cond_wait(&own->has_changed, &own->mutex);
    }
    task* next = own->first;
    if (next == NULL) break;
    own->first = next->next;
    if (own->first == NULL) own->end = &own->first;
    pthread_mutex_unlock(&own->mutex);
    ferry_status result;
    memset(&result, 0, sizeof(result));
    result.struct_size = sizeof(result);
    toy_copy(&next->copy, &result);
    make_ready(next->done, &result);
    let_go(next->done);
    free(next);
    pthread_mutex_lock(&own->mutex);
  }
  pthread_mutex_unlock(&own->mutex);
  return NULL;
}

int32_t toy_queue_create(void* context, uint32_t index, uint64_t* handle,
                         ferry_status* status) {
  (void)context;
  if (index >= toy_device_count()) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such toy");
  }
  queue* made = calloc(1, sizeof(*made));
  if (made == NULL) return no_host_memory(status);
  made->device_index = index;
  made->end = &made->first;
  pthread_mutex_init(&made->mutex, NULL);
  pthread_cond_init(&made->has_changed, NULL);
  if (pthread_create(&made->thread, NULL, work, made) != 0) {
    pthread_cond_destroy(&made->has_changed);
    pthread_mutex_destroy(&made->mutex);
    free(made);
    return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED,
                      "cannot start a thread");
  }
  *handle = (uint64_t)(uintptr_t)made;
  return FERRY_OK;
}

int32_t toy_queue_destroy(void* context, uint64_t handle,
                          ferry_status* status) {
  (void)context;
  (void)status;
  queue* closed = (queue*)(uintptr_t)handle;
  pthread_mutex_lock(&closed->mutex);
  closed->closing = 1;
  pthread_cond_signal(&closed->has_changed);
  pthread_mutex_unlock(&closed->mutex);
  pthread_join(closed->thread, NULL);
  pthread_cond_destroy(&closed->has_changed);
  pthread_mutex_destroy(&closed->mutex);
  free(closed);
  return FERRY_OK;
}

int32_t toy_copy_async(void* context, uint64_t handle, const ferry_copy* copy,
                       uint64_t* done, ferry_status* status) {
  (void)context;
  queue* used = (queue*)(uintptr_t)handle;
  if (copy->device_index != used->device_index) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the queue belongs to another device");
  }
  task* added = malloc(sizeof(*added));
  event* made = new_event();
  if (added == NULL || made == NULL) {
    free(added);
    if (made != NULL) {
      let_go(made);
      let_go(made);
    }
    return no_host_memory(status);
  }
  *added = (task){*copy, made, NULL};
  pthread_mutex_lock(&used->mutex);
  *used->end = added;
  used->end = &added->next;
  pthread_cond_signal(&used->has_changed);
  pthread_mutex_unlock(&used->mutex);
  *done = (uint64_t)(uintptr_t)made;
  return FERRY_OK;
}

// -----------------------------------------------------------------------------
// Host memory
// -----------------------------------------------------------------------------

int32_t toy_host_allocate(void* context, uint32_t index, uint64_t size_bytes,
                          void** address, ferry_status* status) {
  (void)context;
  if (index >= toy_device_count()) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such toy");
  }
  // A real device would lock the pages.
  if (size_bytes > SIZE_MAX - 63 ||
      (*address = aligned_alloc(64, (size_bytes + 63) / 64 * 64)) == NULL) {
    return no_host_memory(status);
  }
  return FERRY_OK;
}

int32_t toy_host_free(void* context, uint32_t index, void* address,
                      ferry_status* status) {
  (void)context;
  (void)index;
  (void)status;
  free(address);
  return FERRY_OK;
}
