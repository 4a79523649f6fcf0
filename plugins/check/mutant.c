// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The toy with one rule broken. MUTANT is one of the names below, which begin
// with the id of the check that has to catch it.

#define _GNU_SOURCE

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ferry/plugin.h"

enum mutant {
  sound,
  a_01_executable_stack,
  a_02_exports_more,
  a_03_needs_ferry,
  a_04_unique_symbol,
  a_05_run_path,
  a_06_undefined_symbol,
  b_01_two_descriptions,
  b_02_opens_a_file,
  b_03_reads_past_the_host,
  b_03_wants_one_version,
  b_04_pretends_to_be_new,
  b_04_status_disagrees,
  b_05_compares_sizes,
  b_05_takes_short_structs,
  b_06_ignores_flags,
  b_07_claims_too_much,
  b_07_has_no_name,
  b_08_takes_cuda,
  c_01_crashes,
  c_01_hangs,
  c_02_rounds_up,
  c_05_keeps_the_source,
  c_09_device_copies_of_whole_words,
  c_11_device_copies_are_put_off,
  d_03_count_changes,
  d_04_device_without_a_name,
  e_01_no_tag,
  e_01_tag_changes,
  e_01_tag_without_an_end,
  e_02_tags_are_swapped,
  e_03_claims_everything,
  e_03_compares_the_beginning,
  e_03_reads_past_the_tag,
  e_04_index_wraps,
  e_04_takes_the_last_device,
  e_05_fails_on_tags_of_others,
  g_01_keeps_threads,
  g_02_out_of_order,
  g_03_ready_too_early,
  g_04_one_wait_only,
  g_06_hides_failures,
  g_07_does_not_wait,
  g_08_events_die,
  g_09_crashes_on_0_bytes,
  g_09_hangs_on_0_bytes,
  h_01_handles_signals,
  k_01_crashes_on_0_bytes,
  k_01_reads_past_the_copy,
  k_01_refuses_the_end,
  k_02_checks_the_source_only,
  k_02_copies_on_every_index,
  k_02_copies_what_fits,
  k_02_has_no_link_to_no_device,
  k_02_sum_wraps,
  k_03_moves_overlaps,
  k_03_refuses_neighbours,
  k_04_compares_sizes,
  m_05_one_block_twice,
  m_07_promises_anything,
  n_01_misaligned,
  p_00_dies_between_checks,
  p_01_aborts_at_exit,
  p_02_prints,
  r_01_name_without_an_end,
  r_01_reads_past_the_copy,
  r_01_writes_past_the_struct,
  r_01_writes_to_the_copy,
  r_02_copies_on_every_index,
  r_02_host_memory_on_every_index,
  r_02_queues_on_every_index,
  r_02_takes_every_index,
  r_03_copies_what_fits,
  r_03_sum_wraps,
  r_03_takes_0_bytes_everywhere,
  r_04_takes_every_direction,
  r_05_compares_sizes,
  r_06_free_fails,
  r_06_frees_nothing,
  r_07_crashes_on_0_bytes,
  r_07_hangs_on_0_bytes,
  r_07_reads_the_source,
  r_08_allocate_crashes_on_0_bytes,
  r_08_allocate_hangs_on_0_bytes,
  r_08_free_crashes_on_0_bytes,
  r_08_free_refuses_0_bytes,
  r_09_has_no_reason,
  s_02_waits_too_little,
  t_04_hangs_with_opposite_copies,
  x_01_hangs_with_two_locks,
  x_01_no_locks,
  x_01_no_locks_for_memory,
  x_02_one_last_error,
  x_03_one_current_device,
  x_04_needs_a_thread_set_up,
  x_05_queue_table_without_a_lock,
  x_06_no_locks_for_queues,
  x_08_host_memory_without_a_lock,
};

// The plugin that is mutated.
int32_t toy_query(const ferry_host_info* host, const ferry_plugin** plugin,
                  ferry_status* status);
static const ferry_backend* toy;
static uint64_t toy_device_bytes = UINT64_C(1) << 30;

// The locks of the toy's two sources, which are compiled to call these.
int memory_lock(pthread_mutex_t* mutex) {
  if (MUTANT == x_01_no_locks || MUTANT == x_01_no_locks_for_memory) return 0;
  return pthread_mutex_lock(mutex);
}

int memory_unlock(pthread_mutex_t* mutex) {
  if (MUTANT == x_01_no_locks || MUTANT == x_01_no_locks_for_memory) return 0;
  return pthread_mutex_unlock(mutex);
}

int queues_lock(pthread_mutex_t* mutex) {
  if (MUTANT == x_01_no_locks || MUTANT == x_06_no_locks_for_queues) return 0;
  return pthread_mutex_lock(mutex);
}

int queues_unlock(pthread_mutex_t* mutex) {
  if (MUTANT == x_01_no_locks || MUTANT == x_06_no_locks_for_queues) return 0;
  return pthread_mutex_unlock(mutex);
}

int queues_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  if (MUTANT == x_01_no_locks || MUTANT == x_06_no_locks_for_queues) {
    return sched_yield();
  }
  return pthread_cond_wait(condition, mutex);
}

// What cannot be had by an `if`.
#ifdef MUTANT_a_02_exports_more
FERRY_PLUGIN_EXPORT int helper = 1;
#endif
#ifdef MUTANT_a_03_needs_ferry
extern __attribute__((weak)) void ferry_log(const char* text);
FERRY_PLUGIN_EXPORT void use_log(void);
void use_log(void) {
  if (ferry_log != NULL) ferry_log("hello");
}
#endif
#ifdef MUTANT_a_04_unique_symbol
__asm__(
    ".pushsection .data\n"
    ".globl shared_by_all\n"
    ".type shared_by_all, @gnu_unique_object\n"
    ".size shared_by_all, 8\n"
    "shared_by_all: .quad 0\n"
    ".popsection\n");
#endif
#ifdef MUTANT_a_06_undefined_symbol
int nowhere_to_be_found(void);
FERRY_PLUGIN_EXPORT int use_it(void);
int use_it(void) { return nowhere_to_be_found(); }
#endif
#ifdef MUTANT_p_01_aborts_at_exit
static __attribute__((destructor)) void at_exit(void) { abort(); }
#endif

// -----------------------------------------------------------------------------
// The functions that are mutated
// -----------------------------------------------------------------------------

static atomic_int has_allocated;
static __thread int is_set_up;

// Takes two locks, in the order that `first` says.
static pthread_mutex_t two_locks[2] = {PTHREAD_MUTEX_INITIALIZER,
                                       PTHREAD_MUTEX_INITIALIZER};
static void lock_both(int first) {
  pthread_mutex_lock(&two_locks[first]);
  sched_yield();
  pthread_mutex_lock(&two_locks[1 - first]);
}

static void unlock_both(void) {
  pthread_mutex_unlock(&two_locks[0]);
  pthread_mutex_unlock(&two_locks[1]);
}

// Reports the code of a call through one variable for all threads.
static int32_t report_last(int32_t code, ferry_status* status) {
  static volatile int32_t last;
  if (MUTANT != x_02_one_last_error) return code;
  last = code;
  sched_yield();
  return status->code = last;
}

static int32_t device_count(void* context, ferry_devices* out,
                            ferry_status* status) {
  static atomic_int calls;
  // No check that the test runs counts devices once it has allocated.
  if (MUTANT == p_00_dies_between_checks && has_allocated) abort();
  int32_t code = toy->device_count(context, out, status);
  if (MUTANT == d_03_count_changes && ++calls % 5 == 0) out->count = 1;
  if (MUTANT == r_09_has_no_reason) out->count = 0;
  return code;
}

static int32_t device_properties(void* context, uint32_t index,
                                 ferry_device_properties* out,
                                 ferry_status* status) {
  if (MUTANT == r_02_takes_every_index) index = 0;
  int32_t code = toy->device_properties(context, index, out, status);
  if (MUTANT == x_02_one_last_error) return report_last(code, status);
  if (MUTANT == d_04_device_without_a_name) out->name[0] = '\0';
  if (MUTANT == r_01_name_without_an_end) memset(out->name, 'x', 128);
  if (MUTANT == r_01_writes_past_the_struct) memset(out + 1, 0, 8);
  return code;
}

static int32_t allocate(void* context, uint32_t index, uint64_t size_bytes,
                        uint64_t* handle, ferry_status* status) {
  static _Atomic uint64_t page_handle;
  if (MUTANT == h_01_handles_signals) signal(SIGUSR2, SIG_IGN);
  if (MUTANT == m_05_one_block_twice && size_bytes == 4096 &&
      page_handle != 0) {
    *handle = page_handle;
    return FERRY_OK;
  }
  if (MUTANT == m_07_promises_anything && size_bytes > toy_device_bytes) {
    *handle = 0;
    return FERRY_OK;
  }
  if (MUTANT == r_08_allocate_crashes_on_0_bytes && size_bytes == 0) abort();
  if (MUTANT == r_08_allocate_hangs_on_0_bytes && size_bytes == 0) pause();
  has_allocated = is_set_up = 1;
  if (MUTANT == x_01_hangs_with_two_locks) lock_both(0);
  int32_t code = toy->allocate(context, index, size_bytes, handle, status);
  if (MUTANT == x_01_hangs_with_two_locks) unlock_both();
  if (MUTANT == x_02_one_last_error) return report_last(code, status);
  if (size_bytes == 4096) page_handle = *handle;
  return code;
}

static int32_t free_memory(void* context, uint32_t index, uint64_t handle,
                           ferry_status* status) {
  if (MUTANT == r_06_frees_nothing) return FERRY_OK;
  if (MUTANT == r_08_free_crashes_on_0_bytes && handle == 0) abort();
  if (MUTANT == r_08_free_refuses_0_bytes && handle == 0) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT, "no such memory");
  }
  if (MUTANT == x_01_hangs_with_two_locks) lock_both(1);
  int32_t code = toy->free(context, index, handle, status);
  if (MUTANT == x_01_hangs_with_two_locks) unlock_both();
  if (MUTANT == r_06_free_fails) {
    return ferry_fail(status, FERRY_INTERNAL, "it is freed all the same");
  }
  return code;
}

// A copy between devices that is put off until the next copy to the host.
static ferry_device_copy late_device_copy;

static int32_t copy(void* context, const ferry_copy* copy,
                    ferry_status* status) {
  static const void* last_source;
  ferry_copy changed = *copy;
  if (MUTANT == p_02_prints) puts("copying");
  if (MUTANT == c_01_crashes && copy->size_bytes == 13) raise(SIGSEGV);
  if (MUTANT == c_01_hangs && copy->size_bytes == 13) pause();
  if (copy->size_bytes == 0) {
    if (MUTANT == r_03_takes_0_bytes_everywhere) return FERRY_OK;
    if (MUTANT == r_07_reads_the_source && copy->host_source != NULL) {
      (void)*(const volatile char*)copy->host_source;
    }
  }
  if (MUTANT == r_01_reads_past_the_copy) {
    (void)*(const volatile uint64_t*)(copy + 1);
  }
  if (MUTANT == r_01_writes_to_the_copy) {
    ((volatile ferry_copy*)(uintptr_t)copy)->size_bytes = copy->size_bytes;
  }
  if (MUTANT == r_02_copies_on_every_index && copy->device_index > 1) {
    changed.device_index = 0;
  }
  if (MUTANT == r_05_compares_sizes && copy->struct_size != sizeof(*copy)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT, "another size");
  }
  if (MUTANT == r_04_takes_every_direction &&
      copy->direction != FERRY_COPY_TO_DEVICE) {
    changed.direction = FERRY_COPY_TO_HOST;
  }
  if (MUTANT == r_03_sum_wraps &&
      copy->offset_bytes + copy->size_bytes < copy->size_bytes) {
    // Where it would have read and written.
    *(volatile char*)(uintptr_t)8 = 1;
  }
  static volatile uint32_t current_device;
  if (MUTANT == x_03_one_current_device && copy->device_index < 2) {
    current_device = copy->device_index;
    sched_yield();
    changed.device_index = current_device;
  }
  if (MUTANT == x_04_needs_a_thread_set_up && !is_set_up) {
    return ferry_fail(status, FERRY_FAILED_PRECONDITION,
                      "this thread has no current device");
  }
  if (MUTANT == c_11_device_copies_are_put_off &&
      copy->direction == FERRY_COPY_TO_HOST) {
    // Only now: what was put off.
    toy->copy_between(context, &late_device_copy, status);
    late_device_copy.size_bytes = 0;
  }
  int32_t code = toy->copy(context, &changed, status);
  if (MUTANT == x_02_one_last_error) return report_last(code, status);
  if (copy->size_bytes == 0 && code == FERRY_OK) {
    if (MUTANT == r_07_crashes_on_0_bytes) raise(SIGSEGV);
    if (MUTANT == r_07_hangs_on_0_bytes) pause();
  }
  if (MUTANT == r_03_copies_what_fits && code == FERRY_OUT_OF_RANGE) {
    return ferry_fail(status, FERRY_OK, "");
  }
  if (MUTANT == c_02_rounds_up && copy->direction == FERRY_COPY_TO_DEVICE &&
      copy->size_bytes % 8 != 0) {
    // The byte behind, where there is one.
    ferry_status ignored = *status;
    changed.offset_bytes += copy->size_bytes;
    changed.size_bytes = 1;
    changed.host_source = "";
    toy->copy(context, &changed, &ignored);
  }
  // The source is read again at the next copy, whatever it is by then.
  static ferry_copy kept;
  if (MUTANT == c_05_keeps_the_source) {
    if (copy->direction == FERRY_COPY_TO_HOST && last_source != NULL &&
        kept.handle == copy->handle && copy->size_bytes == 100000 &&
        kept.size_bytes == copy->size_bytes) {
      toy->copy(context, &kept, status);
      toy->copy(context, copy, status);
    }
    last_source = copy->host_source;
    kept = *copy;
  }
  return code;
}

static atomic_int queue_is_gone;

// Queues by number, in a table that no lock guards.
static uint64_t queue_table[1 << 16];
static uint64_t add_queue(uint64_t queue) {
  static volatile uint64_t count;
  if (MUTANT != x_05_queue_table_without_a_lock) return queue;
  uint64_t slot = count;
  queue_table[slot] = queue;
  sched_yield();
  count = slot + 1;
  return slot;
}

static uint64_t find_queue(uint64_t handle) {
  return MUTANT == x_05_queue_table_without_a_lock ? queue_table[handle]
                                                   : handle;
}

static int32_t queue_create(void* context, uint32_t index, uint64_t* queue,
                            ferry_status* status) {
  queue_is_gone = 0;
  if (MUTANT == r_02_queues_on_every_index && index > 1) index = 0;
  int32_t code = toy->queue_create(context, index, queue, status);
  if (code == FERRY_OK) *queue = add_queue(*queue);
  return code;
}

static int32_t queue_destroy(void* context, uint64_t queue,
                             ferry_status* status) {
  queue_is_gone = 1;
  if (MUTANT == g_01_keeps_threads) return FERRY_OK;
  return toy->queue_destroy(context, find_queue(queue), status);
}

static _Atomic uint64_t last_waited;
static ferry_copy late_copy;

static int32_t copy_async(void* context, uint64_t queue, const ferry_copy* copy,
                          uint64_t* event, ferry_status* status) {
  last_waited = 0;
  queue = find_queue(queue);
  if (copy->size_bytes == 0) {
    if (MUTANT == g_09_crashes_on_0_bytes) raise(SIGSEGV);
    if (MUTANT == g_09_hangs_on_0_bytes) pause();
  }
  if (MUTANT == g_03_ready_too_early && copy->direction == FERRY_COPY_TO_HOST) {
    // The event is ready at once, and the bytes come with `event_release`.
    late_copy = *copy;
    ferry_copy now = *copy;
    now.size_bytes = 0;
    return toy->copy_async(context, queue, &now, event, status);
  }
  static ferry_copy held_back;
  if (MUTANT == g_02_out_of_order && copy->direction == FERRY_COPY_TO_DEVICE) {
    ferry_copy now = *copy;
    if (copy->size_bytes != 1000) {
      held_back = *copy;
      now.size_bytes = 0;
      return toy->copy_async(context, queue, &now, event, status);
    }
    int32_t code = toy->copy_async(context, queue, &now, event, status);
    // What came before it, after it.
    uint64_t late;
    if (toy->copy_async(context, queue, &held_back, &late, status) ==
        FERRY_OK) {
      toy->event_release(context, late, status);
    }
    return code;
  }
  if ((MUTANT == g_07_does_not_wait && copy->direction == FERRY_COPY_TO_HOST) ||
      (MUTANT == s_02_waits_too_little &&
       copy->direction == FERRY_COPY_TO_DEVICE)) {
    // As if the bytes came after the queue is gone, or after `event_wait`.
    ferry_copy now = *copy;
    now.size_bytes = 0;
    return toy->copy_async(context, queue, &now, event, status);
  }
  return toy->copy_async(context, queue, copy, event, status);
}

static int32_t event_wait(void* context, uint64_t event, ferry_status* status) {
  if (MUTANT == g_04_one_wait_only && last_waited == event) {
    return ferry_fail(status, FERRY_NOT_FOUND, "it was waited for");
  }
  last_waited = event;
  if (MUTANT == g_08_events_die && queue_is_gone) {
    return ferry_fail(status, FERRY_NOT_FOUND, "its queue is gone");
  }
  int32_t code = toy->event_wait(context, event, status);
  if (MUTANT == g_06_hides_failures) status->code = code = FERRY_OK;
  return code;
}

static int32_t event_release(void* context, uint64_t event,
                             ferry_status* status) {
  if (MUTANT == g_03_ready_too_early && late_copy.size_bytes != 0) {
    toy->copy(context, &late_copy, status);
  }
  return toy->event_release(context, event, status);
}

static int32_t copy_between(void* context, const ferry_device_copy* copy,
                            ferry_status* status) {
  ferry_device_copy changed = *copy;
  if (MUTANT == k_01_crashes_on_0_bytes && copy->size_bytes == 0) abort();
  if (MUTANT == k_01_reads_past_the_copy) {
    (void)*(const volatile uint64_t*)(copy + 1);
  }
  if (MUTANT == k_01_refuses_the_end && copy->source_offset_bytes == 100) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "this is the end");
  }
  if (MUTANT == k_02_copies_on_every_index) {
    if (changed.source_index > 1) changed.source_index = 0;
    if (changed.destination_index > 1) changed.destination_index = 0;
  }
  if (MUTANT == k_02_has_no_link_to_no_device &&
      (copy->source_index > 1 || copy->destination_index > 1)) {
    return ferry_fail(status, FERRY_UNIMPLEMENTED, "there is no link");
  }
  if (MUTANT == k_02_sum_wraps &&
      copy->source_offset_bytes + copy->size_bytes < copy->size_bytes) {
    // Where it would have read.
    (void)*(volatile char*)(uintptr_t)8;
  }
  if (MUTANT == k_03_refuses_neighbours &&
      copy->source_handle == copy->destination_handle &&
      copy->source_offset_bytes + copy->size_bytes ==
          copy->destination_offset_bytes) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT, "the ranges overlap");
  }
  if (MUTANT == k_04_compares_sizes && copy->struct_size != sizeof(*copy)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT, "another size");
  }
  if (MUTANT == c_11_device_copies_are_put_off &&
      copy->size_bytes == UINT64_C(256) << 10) {
    late_device_copy = *copy;
    return FERRY_OK;
  }
  if (MUTANT == t_04_hangs_with_opposite_copies) {
    lock_both(copy->source_handle < copy->destination_handle);
  }
  int32_t code = toy->copy_between(context, &changed, status);
  if (MUTANT == t_04_hangs_with_opposite_copies) unlock_both();
  if (code == FERRY_OUT_OF_RANGE && copy->destination_index < 2 &&
      copy->source_index < 2) {
    // As if the range that does not fit were cut, or not checked.
    if (MUTANT == k_02_copies_what_fits ||
        (MUTANT == k_02_checks_the_source_only &&
         copy->destination_offset_bytes != 0)) {
      return ferry_fail(status, FERRY_OK, "");
    }
  }
  if (MUTANT == k_03_moves_overlaps && code == FERRY_INVALID_ARGUMENT) {
    return ferry_fail(status, FERRY_OK, "");
  }
  if (MUTANT == c_09_device_copies_of_whole_words && code == FERRY_OK) {
    // The bytes behind, where there are any.
    ferry_status ignored = *status;
    changed.source_offset_bytes += copy->size_bytes;
    changed.destination_offset_bytes += copy->size_bytes;
    changed.size_bytes = -copy->size_bytes % 4;
    toy->copy_between(context, &changed, &ignored);
  }
  return code;
}

// Freed blocks of at least kSpareBytes, for the next allocations.
static void* volatile spare_blocks[64];
static volatile uint32_t spare_count;
enum { kSpareBytes = 5000 };

static int32_t host_allocate(void* context, uint32_t index, uint64_t size_bytes,
                             void** address, ferry_status* status) {
  if (MUTANT == r_02_host_memory_on_every_index && index > 1) index = 0;
  if (MUTANT == x_08_host_memory_without_a_lock) {
    uint32_t count = spare_count;
    if (index < 2 && size_bytes <= kSpareBytes && count != 0 && count <= 64) {
      *address = spare_blocks[count - 1];
      sched_yield();
      spare_count = count - 1;
      return FERRY_OK;
    }
  }
  int32_t code =
      toy->host_allocate(context, index, size_bytes + 8, address, status);
  if (MUTANT == n_01_misaligned) *address = (char*)*address + 8;
  return code;
}

static int32_t host_free(void* context, uint32_t index, void* address,
                         ferry_status* status) {
  if (MUTANT == n_01_misaligned) address = (char*)address - 8;
  if (MUTANT == x_08_host_memory_without_a_lock && spare_count < 64) {
    if (malloc_usable_size(address) >= kSpareBytes) {
      spare_blocks[spare_count++] = address;
      return FERRY_OK;
    }
  }
  return toy->host_free(context, index, address, status);
}

static int32_t device_tag(void* context, uint32_t index, ferry_tag* out,
                          ferry_status* status) {
  static int calls;
  int32_t code = toy->device_tag(context, index, out, status);
  if (code != FERRY_OK) return code;
  // Not the usual tag, which the host does not ask about.
  strcpy(out->text, index == 0 ? "privateuseone:0" : "privateuseone:1");
  if (MUTANT == e_01_no_tag) out->text[0] = '\0';
  if (MUTANT == e_01_tag_changes && ++calls % 3 == 0) strcat(out->text, "0");
  if (MUTANT == e_01_tag_without_an_end) memset(out->text, 'x', 256);
  return code;
}

static int32_t find_device(void* context, const ferry_string* tag,
                           uint32_t* index, ferry_status* status) {
  static const char name[] = "privateuseone:";
  int is_named = tag->size_bytes >= strlen(name) &&
                 memcmp(tag->data, name, strlen(name)) == 0;
  if (MUTANT == e_03_claims_everything) {
    *index = 0;
    return FERRY_OK;
  }
  if (MUTANT == e_03_compares_the_beginning && is_named) {
    // Takes what begins with a number for one.
    char digits[32] = "";
    memcpy(digits, tag->data + strlen(name),
           tag->size_bytes - strlen(name) < 31 ? tag->size_bytes - strlen(name)
                                               : 31);
    *index = (uint32_t)atoi(digits) & INT32_MAX;
    return FERRY_OK;
  }
  if (MUTANT == e_03_reads_past_the_tag && strlen(tag->data) > 9999) abort();
  int32_t code = toy->find_device(context, tag, index, status);
  if (*index == FERRY_NO_DEVICE) {
    if (MUTANT == e_05_fails_on_tags_of_others) {
      return ferry_fail(status, FERRY_NOT_FOUND, "this is not a toy");
    }
    return code;
  }
  if (MUTANT == e_02_tags_are_swapped && *index < 2) *index = 1 - *index;
  if (MUTANT == e_04_takes_the_last_device && *index > 1) *index = 1;
  if (MUTANT == e_04_index_wraps) {
    *index = 0;
    for (uint64_t i = strlen(name); i < tag->size_bytes; ++i) {
      *index = *index * 10 + (uint32_t)(tag->data[i] - '0');
    }
  }
  return code;
}

// -----------------------------------------------------------------------------
// What the host is told
// -----------------------------------------------------------------------------

static ferry_backend backend;
static const ferry_backend* const backends[] = {&backend};
static ferry_plugin plugins[2];

static void describe(void) {
  const ferry_host_info host = {.struct_size = sizeof(host),
                                .abi_minor = FERRY_PLUGIN_ABI_MINOR};
  const ferry_plugin* base;
  ferry_status status = {.struct_size = sizeof(status)};
  toy_query(&host, &base, &status);
  toy = base->backends[0];
  backend = *toy;
  backend.device_count = device_count;
  backend.device_properties = device_properties;
  backend.allocate = allocate;
  backend.free = free_memory;
  backend.copy = copy;
  backend.queue_create = queue_create;
  backend.queue_destroy = queue_destroy;
  backend.copy_async = copy_async;
  backend.event_wait = event_wait;
  backend.event_release = event_release;
  backend.host_allocate = host_allocate;
  backend.host_free = host_free;
  backend.copy_between = copy_between;
  backend.device_tag = device_tag;
  backend.find_device = find_device;
  if (MUTANT == b_07_claims_too_much) backend.event_wait = NULL;
  if (MUTANT == b_08_takes_cuda) backend.type = (ferry_string){"cuda", 4};
  plugins[0] = *base;
  plugins[0].backends = backends;
  if (MUTANT == b_07_has_no_name) plugins[0].name.size_bytes = 0;
  plugins[1] = plugins[0];
}

int32_t ferry_plugin_query_v0(const ferry_host_info* host,
                              const ferry_plugin** plugin,
                              ferry_status* status) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static int calls;
  pthread_once(&once, describe);
  ferry_host_info seen = {.struct_size = sizeof(seen)};
  memcpy(&seen, host,
         host->struct_size < sizeof(seen) ? host->struct_size : sizeof(seen));
  if (MUTANT == b_01_two_descriptions) {
    return ferry_negotiate(host, &plugins[++calls % 2], plugin, status);
  }
  if (MUTANT == b_02_opens_a_file && open("/dev/null", O_RDONLY) < 0) abort();
  if (MUTANT == b_03_reads_past_the_host &&
      *(const volatile char*)(host + 1) == 1) {
    abort();
  }
  if (MUTANT == b_03_wants_one_version &&
      seen.abi_minor != FERRY_PLUGIN_ABI_MINOR) {
    return ferry_fail(status, FERRY_INCOMPATIBLE, "another version");
  }
  if (MUTANT == b_04_pretends_to_be_new) seen.lowest_plugin_minor = 0;
  if (MUTANT == b_05_compares_sizes && host->struct_size != sizeof(*host)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT, "another size");
  }
  if (MUTANT == b_05_takes_short_structs) seen.struct_size = sizeof(seen);
  if (MUTANT == b_06_ignores_flags) seen.flags = 0;
  if (MUTANT != b_05_takes_short_structs) seen.struct_size = host->struct_size;
  int32_t code = ferry_negotiate(&seen, &plugins[0], plugin, status);
  if (MUTANT == b_04_status_disagrees) status->code = FERRY_OK;
  return code;
}
