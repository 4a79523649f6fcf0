// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/abi/ferry/plugin.h
// -----------------------------------------------------------------------------
//
// The C interface between Ferry (the host) and a plugin that provides devices.
// For C11 and C++17. A plugin needs only this file, and links nothing of Ferry.
// docs/plugins.md is the guide; plugins/example is a plugin in plain C.
//
// A plugin is a shared object that exports one function,
// `ferry_plugin_query_v0`. It returns a constant description: names, and a
// table of functions for each device type. A device type needs five functions:
// the number of devices, their properties, allocate, free and copy. Optional
// capabilities add more: ASYNC (queues and events), HOST_ALLOC (host memory
// that the device accesses fast), TAGS (the plugin's own location tags in
// files) and DEVICE_COPY (copies between devices).
//
// VERSIONS. The major version, 0, is in the name of the query function. Within
// a major version, a new minor version only appends fields and functions:
//   - A struct begins with `struct_size`. The side that allocates the struct
//     sets it to the size that it was compiled with. A field may be read or
//     written only if it ends within `struct_size`. A larger struct is legal,
//     so never test `struct_size` for equality.
//   - A null function does not exist. No function becomes mandatory later.
//   - Each side says which minor version it was built with, and the lowest
//     minor version of the other side that it supports (`ferry_negotiate`).
//   - In a word of flags, unknown bits in the lower 32 may be ignored. An
//     unknown bit in the upper 32 must be refused with FERRY_UNIMPLEMENTED.
//   - Reserved fields are zero.
// Until major version 1, a minor version may also change existing parts. Such a
// change raises FERRY_PLUGIN_ABI_LOWEST_MINOR, the lowest version that each
// side accepts.
//
// MEMORY. The side that allocates memory frees it: the host never frees memory
// of the plugin, nor the reverse. Strings and structs that the host passes are
// valid during the call. The plugin's description, and everything that it
// points to, is valid for the rest of the process. The library is never
// unmapped.
//
// THREADS. The host may call every function from any number of threads at once.
// A plugin must not keep a thread-local "current device" beyond a call.
//
// ERRORS. Every function returns a status code and writes the same code, with a
// message, to the `ferry_status` that the host passes. No exception, longjmp or
// C++ type may cross the interface. A plugin must not print, install signal
// handlers, or change the locale, the current directory or the rounding mode.
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

// Makes the query function visible even if all other symbols are hidden.
#define FERRY_PLUGIN_EXPORT __attribute__((visibility("default")))

#define FERRY_PLUGIN_ABI_MAJOR 0
#define FERRY_PLUGIN_ABI_MINOR 2

// The lowest minor version with which this header is compatible: the value for
// `lowest_host_minor` of a plugin that needs nothing newer.
#define FERRY_PLUGIN_ABI_LOWEST_MINOR 2

// Whether the struct that `pointer` points to has `field`.
#define FERRY_HAS_FIELD(type, pointer, field) \
  (offsetof(type, field) + sizeof((pointer)->field) <= (pointer)->struct_size)

// -----------------------------------------------------------------------------
// Text
// -----------------------------------------------------------------------------

// UTF-8 text, not null-terminated.
typedef struct ferry_string {
  const char* data;
  uint64_t size_bytes;
} ferry_string;

// Initialises a `ferry_string` from a string literal.
#define FERRY_STRING(literal) \
  { literal, sizeof(literal) - 1 }

// -----------------------------------------------------------------------------
// Status
// -----------------------------------------------------------------------------

// The codes that a plugin may return. The numbers are those of
// absl::StatusCode.
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
// Returned only by the query function: the two versions are incompatible.
#define FERRY_INCOMPATIBLE INT32_C(100)

// Bits of ferry_status.flags. Both may be ignored.
#define FERRY_STATUS_RETRYABLE (UINT64_C(1) << 0)
#define FERRY_STATUS_DEVICE_LOST (UINT64_C(1) << 1)

// Allocated by the host, which sets everything except `struct_size` to zero.
typedef struct ferry_status {
  uint64_t struct_size;
  int32_t code;
  int32_t vendor_code;  // the driver's error number, for display
  uint64_t flags;
  char message[256];  // for display; null-terminated
} ferry_status;

// Fills `status` and returns `code`: `return ferry_fail(status, ...)`.
// Truncates `message` if it is too long.
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
  uint32_t absence;  // FERRY_ABSENCE_*; read only if `count` is 0
  char why[256];     // for display if `count` is 0; null-terminated
} ferry_devices;

typedef struct ferry_device_properties {
  uint64_t struct_size;
  char name[128];         // the product name; null-terminated, not empty
  uint64_t memory_bytes;  // the total; 0 if unknown
  // The best size of the pieces of a large copy; 0 lets the host choose.
  uint64_t copy_chunk_bytes;
  uint8_t uuid[16];  // all zero if there is none
} ferry_device_properties;

// The host sets `*index` to this before it calls `find_device`, which leaves it
// alone if the tag does not belong to the plugin.
#define FERRY_NO_DEVICE UINT32_MAX

// A location tag: the text by which a file names a device.
typedef struct ferry_tag {
  uint64_t struct_size;
  char text[256];  // UTF-8; null-terminated, not empty
} ferry_tag;

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
  const void* host_source;  // TO_DEVICE; may be read-only memory
  void* host_destination;   // TO_HOST
} ferry_copy;

typedef struct ferry_device_copy {
  uint64_t struct_size;
  uint32_t source_index;         // the device to copy from
  uint32_t destination_index;    // the device to copy to
  uint64_t source_handle;        // from `allocate`
  uint64_t source_offset_bytes;  // into the memory of `source_handle`
  uint64_t destination_handle;
  uint64_t destination_offset_bytes;
  uint64_t size_bytes;
} ferry_device_copy;

// -----------------------------------------------------------------------------
// A device type
// -----------------------------------------------------------------------------

// Bits of ferry_backend.capabilities. A bit is set if and only if all functions
// of its group are present. Unknown bits are ignored.
#define FERRY_CAPABILITY_ASYNC (UINT64_C(1) << 0)
#define FERRY_CAPABILITY_HOST_ALLOC (UINT64_C(1) << 1)
#define FERRY_CAPABILITY_TAGS (UINT64_C(1) << 2)
#define FERRY_CAPABILITY_DEVICE_COPY (UINT64_C(1) << 3)

// Bits of ferry_backend.flags. The host must support this one: there is at most
// one device, and its tag is "type", without an index.
#define FERRY_BACKEND_UNINDEXED (UINT64_C(1) << 32)

// `context` belongs to the plugin and is the first argument of every function.
typedef struct ferry_backend {
  uint64_t struct_size;
  uint64_t capabilities;
  uint64_t flags;
  // The type at the beginning of location tags: a lower-case letter, then
  // lower-case letters, digits and '_'; at most 32 characters. "cpu", "cuda",
  // "meta", "mps", "xpu", "hpu", "xla" and "privateuseone" are reserved.
  ferry_string type;
  void* context;

  // --- Every device type -----------------------------------------------------

  // Gets the number of devices, which is the same for every call. Having no
  // devices is not an error: `count` is then 0, and `absence` and `why` say
  // why.
  int32_t (*device_count)(void* context, ferry_devices* out,
                          ferry_status* status);

  // Gets the properties of device `index`.
  //
  // FERRY_OUT_OF_RANGE: there is no device `index`.
  int32_t (*device_properties)(void* context, uint32_t index,
                               ferry_device_properties* out,
                               ferry_status* status);

  // Allocates uninitialised memory. `*handle` is any number that the plugin
  // chooses; the host does not treat it as an address. A size of 0 bytes is
  // legal; the handle may then be 0, or that of other memory of 0 bytes. The
  // host frees each allocation, including those of 0 bytes.
  //
  // FERRY_OUT_OF_RANGE: there is no device `index`.
  // FERRY_RESOURCE_EXHAUSTED: not enough memory; the host may request any size.
  //   Nothing has changed.
  int32_t (*allocate)(void* context, uint32_t index, uint64_t size_bytes,
                      uint64_t* handle, ferry_status* status);

  // Frees memory from `allocate`. Called once per allocation, on any thread,
  // after the host has waited for the copies that use the memory.
  int32_t (*free)(void* context, uint32_t index, uint64_t handle,
                  ferry_status* status);

  // Copies, and returns when the host memory may be reused and the bytes can be
  // read back. A size of 0 bytes is legal at every offset from 0 to the size of
  // the memory. Such a copy does nothing, and the host's pointers may be null.
  //
  // FERRY_OUT_OF_RANGE: the range is not inside the memory, which includes 0
  //   bytes at an offset past its end; or there is no such device.
  //   FERRY_UNIMPLEMENTED: unknown direction. In both cases nothing was copied.
  int32_t (*copy)(void* context, const ferry_copy* copy, ferry_status* status);

  // --- FERRY_CAPABILITY_ASYNC ------------------------------------------------
  // The work of one queue runs in order. Different queues are independent.

  // Creates a queue on device `index`.
  //
  // FERRY_OUT_OF_RANGE: there is no device `index`.
  int32_t (*queue_create)(void* context, uint32_t index, uint64_t* queue,
                          ferry_status* status);

  // Waits for all issued work, and frees the queue. Its events stay valid.
  int32_t (*queue_destroy)(void* context, uint64_t queue, ferry_status* status);

  // Issues a copy. The host memory stays valid, and unchanged if it is the
  // source, until the event is ready; `copy` itself is valid only during the
  // call. The plugin may report invalid arguments at once (then there is no
  // event) or as the code of the event. A copy of 0 bytes has an event, too.
  // The host releases the event.
  int32_t (*copy_async)(void* context, uint64_t queue, const ferry_copy* copy,
                        uint64_t* event, ferry_status* status);

  // Waits until the work has finished (not merely begun), and returns its code.
  // Several threads may wait for one event, each any number of times.
  int32_t (*event_wait)(void* context, uint64_t event, ferry_status* status);

  // Releases the event, which need not be ready.
  int32_t (*event_release)(void* context, uint64_t event, ferry_status* status);

  // --- FERRY_CAPABILITY_HOST_ALLOC -------------------------------------------

  // Allocates host memory that device `index` accesses fast ("pinned"). The
  // host reads and writes it. It must be aligned to 64 bytes. The size is not
  // 0.
  //
  // FERRY_OUT_OF_RANGE: there is no device `index`.
  int32_t (*host_allocate)(void* context, uint32_t index, uint64_t size_bytes,
                           void** address, ferry_status* status);
  int32_t (*host_free)(void* context, uint32_t index, void* address,
                       ferry_status* status);

  // --- FERRY_CAPABILITY_TAGS -------------------------------------------------
  // The plugin's own location tags: older names of its devices, or the names
  // that its users' Python expects. Without this capability, a file calls
  // device 1 "type:1". With it, the tags "type" and "type:N" still work, and
  // the host never asks the plugin about them.
  //
  // The host does not give the plugin a tag whose type (the text before the
  // first ':') is another registered device type, nor, unless the program
  // allows it, a reserved type. If several plugins claim a tag, the first one
  // in the host's order gets it. A save writes a tag that the plugin would not
  // get as "type:N" instead.

  // Gets the tag that a save writes for storages on device `index`. It is the
  // same for every call, and `find_device` maps it to `index`.
  //
  // FERRY_OUT_OF_RANGE: there is no device `index`.
  int32_t (*device_tag)(void* context, uint32_t index, ferry_tag* out,
                        ferry_status* status);

  // Finds the device that `tag` means. The tag comes from a file or a user: it
  // is UTF-8 text of 1 to 1024 bytes, and can be anything. Compare the whole
  // tag, never only its beginning.
  //
  // If the tag belongs to the plugin, sets `*index`. The device need not exist:
  // the host then tells the user how many there are. If the tag does not belong
  // to the plugin, returns FERRY_OK and leaves `*index` alone.
  //
  // FERRY_OUT_OF_RANGE: the tag belongs to the plugin, but can never mean a
  //   device. The message says why.
  int32_t (*find_device)(void* context, const ferry_string* tag,
                         uint32_t* index, ferry_status* status);

  // --- FERRY_CAPABILITY_DEVICE_COPY ------------------------------------------

  // Copies from one memory to another, on the same device or on another device
  // of this type, or from one range of a memory to another range of it. Returns
  // when the destination can be read and the source may be changed. 0 bytes are
  // legal as in `copy`.
  //
  // If this function returns one of the following codes, nothing was copied.
  // FERRY_OUT_OF_RANGE: a range is not inside its memory, which includes 0
  //   bytes at an offset past its end; or there is no such device.
  // FERRY_INVALID_ARGUMENT: the two ranges overlap.
  // FERRY_UNIMPLEMENTED: the plugin cannot copy between these two devices. The
  //   host then copies through its own memory. Never returned for two memories
  //   on one device.
  int32_t (*copy_between)(void* context, const ferry_device_copy* copy,
                          ferry_status* status);
} ferry_backend;

// -----------------------------------------------------------------------------
// The plugin
// -----------------------------------------------------------------------------

// The sanitizer that a side was built with. A thread or memory sanitizer on
// only one side does not work and is refused.
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

// Describes the host to the plugin.
typedef struct ferry_host_info {
  uint64_t struct_size;
  uint32_t abi_minor;
  uint32_t lowest_plugin_minor;
  uint64_t flags;  // none are defined
  uint32_t sanitizer;
  uint32_t reserved;
  ferry_string version;           // "0.1.0"
  ferry_string plugin_directory;  // folder of the library; may be empty
} ferry_host_info;

// Describes the plugin to the host. Constant; `reserved` and unused bits are
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

// Checks that the plugin `self` and `host` are compatible, and returns the
// plugin. Every query function calls it like this:
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
    return ferry_fail(
        status, FERRY_UNIMPLEMENTED,
        "the host requires a feature that this plugin does not know");
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

// Returns the plugin's description. May be called any number of times, by
// several threads. Must not access a device, start a thread, open a file or
// read the environment.
//
// FERRY_INCOMPATIBLE: the versions are incompatible. FERRY_INVALID_ARGUMENT:
//   `host` is shorter than in version 0.2. FERRY_UNIMPLEMENTED: an unknown flag
//   in the upper 32 bits. In all these cases `*plugin` is unchanged.
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
