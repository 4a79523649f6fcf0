// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/abi/ferry/plugin.h
// -----------------------------------------------------------------------------
//
// The C interface between Ferry (the host) and a plugin that brings devices.
// C11 and C++17; it needs nothing but this file, and a plugin links nothing of
// Ferry. docs/plugins.md is the guide, plugins/example a plugin in plain C.
//
// A plugin is a shared object that exports one function,
// `ferry_plugin_query_v0`. It returns a constant description: names, and for
// each device type a table of functions. Five make a device type: how many
// devices, what each is, allocate, free, copy. Two capabilities add to that:
// ASYNC (queues, events, callbacks) and HOST_ALLOC (host memory that the device
// reaches fast).
//
// VERSIONS. The major version, 0, is in the name of the query function. Within
// it the minor version grows by appended fields and functions only:
//   - A struct begins with `struct_size`, which whoever allocates it sets to
//     the size that it knows. A field may be read or written only if it ends
//     within `struct_size`; a larger struct is legal, and a test for equality
//     is a bug.
//   - A function that is null is not there. None becomes mandatory later.
//   - Each side says which minor it was built with, and which is the lowest of
//     the other side that it still works with (`ferry_negotiate`).
//   - Of a word of flags, the lower 32 bits may be ignored where they are not
//     known; an unknown one of the upper 32 bits must be refused with
//     FERRY_UNIMPLEMENTED.
//   - Reserved fields are zero.
// Until major version 1, a minor version may also change what is there; such a
// change raises the lowest version that either side accepts.
//
// MEMORY. Whoever allocates frees: the host never frees what the plugin made,
// nor the reverse. Strings and structs that the host passes live for the call;
// the plugin's description, and all that it points to, for ever. The library is
// never unmapped.
//
// THREADS. The host calls every function from any number of threads at once.
// A plugin keeps no thread-local "current device" that outlives a call.
//
// ERRORS. Every function returns a status code and writes the same code, with a
// message, to the `ferry_status` that the host passes. No exception, no longjmp
// and no C++ type crosses. A plugin prints nothing, installs no signal handler,
// and changes neither locale, directory nor rounding mode.
#ifndef FERRY_PLUGINS_ABI_FERRY_PLUGIN_H_
#define FERRY_PLUGINS_ABI_FERRY_PLUGIN_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define FERRY_NOEXCEPT noexcept
extern "C" {
#else
#define FERRY_NOEXCEPT
#endif

// Set on the query function, so that it is visible where all else is hidden.
#define FERRY_PLUGIN_EXPORT __attribute__((visibility("default")))

#define FERRY_PLUGIN_ABI_MAJOR 0
#define FERRY_PLUGIN_ABI_MINOR 0

// Whether `field` of the struct that `pointer` points to is there.
#define FERRY_HAS_FIELD(type, pointer, field) \
  (offsetof(type, field) + sizeof((pointer)->field) <= (pointer)->struct_size)

// -----------------------------------------------------------------------------
// Text
// -----------------------------------------------------------------------------

// UTF-8, not terminated.
typedef struct ferry_string {
  const char* data;
  uint64_t size_bytes;
} ferry_string;

// The initialiser of a `ferry_string` from a literal.
#define FERRY_STRING(literal) \
  { literal, sizeof(literal) - 1 }

// -----------------------------------------------------------------------------
// Status
// -----------------------------------------------------------------------------

// Those that a plugin may return. The numbers are those of absl::StatusCode.
#define FERRY_OK INT32_C(0)
#define FERRY_INVALID_ARGUMENT INT32_C(3)
#define FERRY_NOT_FOUND INT32_C(5)
#define FERRY_PERMISSION_DENIED INT32_C(7)
#define FERRY_RESOURCE_EXHAUSTED INT32_C(8)
#define FERRY_FAILED_PRECONDITION INT32_C(9)
#define FERRY_OUT_OF_RANGE INT32_C(11)
#define FERRY_UNIMPLEMENTED INT32_C(12)
#define FERRY_INTERNAL INT32_C(13)
#define FERRY_UNAVAILABLE INT32_C(14)
#define FERRY_DATA_LOSS INT32_C(15)
// From the query function alone: the two versions do not fit each other.
#define FERRY_INCOMPATIBLE INT32_C(100)

// Bits of ferry_status.flags. Both may be ignored.
#define FERRY_STATUS_RETRYABLE (UINT64_C(1) << 0)
#define FERRY_STATUS_DEVICE_LOST (UINT64_C(1) << 1)

// The host allocates it and sets it to zero but for `struct_size`.
typedef struct ferry_status {
  uint64_t struct_size;
  int32_t code;
  int32_t vendor_code;  // the driver's own number, for people
  uint64_t flags;
  char message[256];  // for people; terminated
} ferry_status;

// Fills `status`, and returns `code`: `return ferry_fail(status, ...)`.
// `message` is cut off where it is too long.
static inline int32_t ferry_fail(ferry_status* status, int32_t code,
                                 const char* message) {
  size_t i = 0;
  status->code = code;
  for (; message[i] != '\0' && i + 1 < sizeof(status->message); ++i) {
    status->message[i] = message[i];
  }
  status->message[i] = '\0';
  return code;
}

// -----------------------------------------------------------------------------
// Devices
// -----------------------------------------------------------------------------

// Why there is no device (ferry_devices.absence).
#define FERRY_ABSENCE_NONE UINT32_C(0)  // there are devices
#define FERRY_ABSENCE_NO_DEVICE UINT32_C(1)
#define FERRY_ABSENCE_NO_DRIVER UINT32_C(2)
#define FERRY_ABSENCE_DRIVER_TOO_OLD UINT32_C(3)
#define FERRY_ABSENCE_NO_PERMISSION UINT32_C(4)
#define FERRY_ABSENCE_DEVICE_LOST UINT32_C(5)

typedef struct ferry_devices {
  uint64_t struct_size;
  uint32_t count;
  uint32_t absence;  // FERRY_ABSENCE_*; read where `count` is 0
  char why[256];     // for people, where `count` is 0; terminated
} ferry_devices;

typedef struct ferry_device_properties {
  uint64_t struct_size;
  char name[128];         // a product's name; terminated, not empty
  uint64_t memory_bytes;  // in all; 0: not known
  // The size of the pieces in which large copies go best; 0: the host chooses.
  uint64_t copy_chunk_bytes;
  uint8_t uuid[16];  // zero: it has none
} ferry_device_properties;

// -----------------------------------------------------------------------------
// Copies
// -----------------------------------------------------------------------------

#define FERRY_COPY_TO_DEVICE UINT32_C(1)
#define FERRY_COPY_TO_HOST UINT32_C(2)

typedef struct ferry_copy {
  uint64_t struct_size;
  uint32_t direction;  // FERRY_COPY_*
  uint32_t device_index;
  uint64_t handle;        // from `allocate`
  uint64_t offset_bytes;  // into the memory of `handle`
  uint64_t size_bytes;
  const void* host_source;  // TO_DEVICE; may be memory that cannot be written
  void* host_destination;   // TO_HOST
} ferry_copy;

// -----------------------------------------------------------------------------
// A device type
// -----------------------------------------------------------------------------

// Bits of ferry_backend.capabilities. A bit is set if, and only if, all
// functions of its group are there. Unknown bits are ignored.
#define FERRY_CAPABILITY_ASYNC (UINT64_C(1) << 0)
#define FERRY_CAPABILITY_HOST_ALLOC (UINT64_C(1) << 1)

// Bits of ferry_backend.flags. This one must be understood.
// There is one device at most, and its tag is "type", without an index.
#define FERRY_BACKEND_UNINDEXED (UINT64_C(1) << 32)

// Called once when an event is ready, on any thread, with the event's code. It
// returns at once and calls nothing of the plugin, which holds no lock.
typedef void (*ferry_event_callback)(void* context, int32_t code);

// `context` is the first argument of every function, and the plugin's own.
typedef struct ferry_backend {
  uint64_t struct_size;
  uint64_t capabilities;
  uint64_t flags;
  // What location tags begin with: a lower-case letter, then lower-case
  // letters, digits and '_'; at most 32. "cpu", "cuda", "meta", "mps", "xpu",
  // "hpu", "xla" and "privateuseone" belong to others.
  ferry_string type;
  void* context;

  // --- Every device type -----------------------------------------------------

  // How many devices there are: the same at every call. None is no error:
  // `count` is 0, and `absence` and `why` say why.
  int32_t (*device_count)(void* context, ferry_devices* out,
                          ferry_status* status);

  // FERRY_OUT_OF_RANGE: there is no device `index`.
  int32_t (*device_properties)(void* context, uint32_t index,
                               ferry_device_properties* out,
                               ferry_status* status);

  // Memory, not initialised. `*handle` is a number of the plugin's own, which
  // the host takes for no address. 0 bytes is legal, and the handle may be 0.
  //
  // FERRY_OUT_OF_RANGE: there is no device `index`.
  // FERRY_RESOURCE_EXHAUSTED: there is not so much memory; any size may be
  //   asked for. All is as it was before.
  int32_t (*allocate)(void* context, uint32_t index, uint64_t size_bytes,
                      uint64_t* handle, ferry_status* status);

  // Frees what `allocate` gave, once, on any thread. The host has waited for
  // the copies that use it.
  int32_t (*free)(void* context, uint32_t index, uint64_t handle,
                  ferry_status* status);

  // Copies, and returns when the host's memory may be reused and the bytes can
  // be read back. 0 bytes does nothing; the host's pointers may then be null.
  //
  // FERRY_OUT_OF_RANGE: the range is not inside the memory, or there is no such
  //   device. FERRY_UNIMPLEMENTED: a direction that is not known. Nothing was
  //   copied.
  int32_t (*copy)(void* context, const ferry_copy* copy, ferry_status* status);

  // --- FERRY_CAPABILITY_ASYNC ------------------------------------------------
  // Work of one queue runs in its order; different queues are independent.

  int32_t (*queue_create)(void* context, uint32_t index, uint64_t* queue,
                          ferry_status* status);

  // Waits for what was issued, and frees the queue. Its events stay valid.
  int32_t (*queue_destroy)(void* context, uint64_t queue, ferry_status* status);

  // Issues a copy. The host's memory stays valid, and where it is read
  // unchanged, until the event is ready; `copy` itself only for the call.
  // What is wrong with the arguments may be found at once (then there is no
  // event) or make the event fail. The host releases the event.
  int32_t (*copy_async)(void* context, uint64_t queue, const ferry_copy* copy,
                        uint64_t* event, ferry_status* status);

  // Whether the work has been done, not merely begun: `*ready` is 0 or 1. Once
  // it is, returns the code of the work, as often as asked.
  int32_t (*event_query)(void* context, uint64_t event, uint32_t* ready,
                         ferry_status* status);

  // Waits until the work is done, and returns its code, as often as asked.
  int32_t (*event_wait)(void* context, uint64_t event, ferry_status* status);

  // Calls `callback(callback_context, code)` once when the work is done, or at
  // once if it is. Where it fails, the callback is not called.
  int32_t (*event_on_ready)(void* context, uint64_t event,
                            ferry_event_callback callback,
                            void* callback_context, ferry_status* status);

  // Lets the event go, also before it is ready.
  int32_t (*event_release)(void* context, uint64_t event, ferry_status* status);

  // --- FERRY_CAPABILITY_HOST_ALLOC -------------------------------------------

  // Host memory that device `index` reaches fast ("pinned"), aligned to 64
  // bytes, which the host reads and writes. The size is not 0.
  int32_t (*host_allocate)(void* context, uint32_t index, uint64_t size_bytes,
                           void** address, ferry_status* status);
  int32_t (*host_free)(void* context, uint32_t index, void* address,
                       ferry_status* status);
} ferry_backend;

// -----------------------------------------------------------------------------
// The plugin
// -----------------------------------------------------------------------------

// With which sanitizer a side was built. A thread or memory sanitizer on one
// side only does not work, and is refused.
#define FERRY_SANITIZER_NONE UINT32_C(0)
#define FERRY_SANITIZER_ADDRESS UINT32_C(1)
#define FERRY_SANITIZER_THREAD UINT32_C(2)
#define FERRY_SANITIZER_MEMORY UINT32_C(3)
#ifndef __has_feature
#define FERRY_HAS_FEATURE(feature) 0
#else
#define FERRY_HAS_FEATURE(feature) __has_feature(feature)
#endif
#if defined(__SANITIZE_THREAD__) || FERRY_HAS_FEATURE(thread_sanitizer)
#define FERRY_SANITIZER FERRY_SANITIZER_THREAD
#elif FERRY_HAS_FEATURE(memory_sanitizer)
#define FERRY_SANITIZER FERRY_SANITIZER_MEMORY
#elif defined(__SANITIZE_ADDRESS__) || FERRY_HAS_FEATURE(address_sanitizer)
#define FERRY_SANITIZER FERRY_SANITIZER_ADDRESS
#else
#define FERRY_SANITIZER FERRY_SANITIZER_NONE
#endif

// What the plugin is told of the host.
typedef struct ferry_host_info {
  uint64_t struct_size;
  uint32_t abi_minor;
  uint32_t lowest_plugin_minor;
  uint64_t flags;  // none are defined
  uint32_t sanitizer;
  uint32_t reserved;
  ferry_string version;           // "0.1.0"
  ferry_string plugin_directory;  // where the library lies; may be empty
} ferry_host_info;

// What the host is told of the plugin. Constant; `reserved` and unused bits are
// zero.
typedef struct ferry_plugin {
  uint64_t struct_size;
  uint32_t abi_minor;
  uint32_t lowest_host_minor;
  uint64_t flags;      // none are defined
  uint32_t sanitizer;  // FERRY_SANITIZER
  uint32_t reserved;
  ferry_string name;     // reverse DNS: "com.example.toy"
  ferry_string version;  // "1.0.0"
  ferry_string vendor;
  uint64_t backend_count;
  const ferry_backend* const* backends;
} ferry_plugin;

// Finds out whether the plugin `self` can work with `host`. On success, as in
// every query function:
//
//   int32_t ferry_plugin_query_v0(const ferry_host_info* host,
//                                 const ferry_plugin** plugin,
//                                 ferry_status* status) {
//     return ferry_negotiate(host, &kPlugin, plugin, status);
//   }
static inline int32_t ferry_negotiate(const ferry_host_info* host,
                                      const ferry_plugin* self,
                                      const ferry_plugin** plugin,
                                      ferry_status* status) {
  if (!FERRY_HAS_FIELD(ferry_host_info, host, plugin_directory)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the host's description is too short");
  }
  if ((host->flags >> 32) != 0) {
    return ferry_fail(status, FERRY_UNIMPLEMENTED,
                      "the host asks for what this plugin does not know");
  }
  if (host->abi_minor < self->lowest_host_minor) {
    return ferry_fail(status, FERRY_INCOMPATIBLE,
                      "the host is too old for this plugin");
  }
  if (self->abi_minor < host->lowest_plugin_minor) {
    return ferry_fail(status, FERRY_INCOMPATIBLE,
                      "this plugin is too old for the host");
  }
  *plugin = self;
  return FERRY_OK;
}

// Gives the plugin's description. May be called often and by several threads;
// touches no device, starts no thread, opens no file and reads no environment.
//
// FERRY_INCOMPATIBLE: the versions do not fit. FERRY_INVALID_ARGUMENT: `host`
//   is shorter than in version 0.0. FERRY_UNIMPLEMENTED: an unknown flag that
//   must be understood. `*plugin` is then left alone.
typedef int32_t (*ferry_plugin_query)(const ferry_host_info* host,
                                      const ferry_plugin** plugin,
                                      ferry_status* status);
FERRY_PLUGIN_EXPORT int32_t
ferry_plugin_query_v0(const ferry_host_info* host, const ferry_plugin** plugin,
                      ferry_status* status) FERRY_NOEXCEPT;
#define FERRY_PLUGIN_QUERY_SYMBOL "ferry_plugin_query_v0"

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // FERRY_PLUGINS_ABI_FERRY_PLUGIN_H_
