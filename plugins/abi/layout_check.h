// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/abi/layout_check.h
// -----------------------------------------------------------------------------
//
// The offset of every field of every struct in ferry/plugin.h, as compiled into
// plugins. This file compiles, as C11 or C++17, only if the header agrees. Add
// rows for appended fields, with the version that appended them, and update the
// size of the struct. A changed row raises FERRY_PLUGIN_ABI_LOWEST_MINOR; from
// major version 1 on, no row changes.
#ifndef FERRY_PLUGINS_ABI_LAYOUT_CHECK_H_
#define FERRY_PLUGINS_ABI_LAYOUT_CHECK_H_

#include "ferry/plugin.h"

#ifdef __cplusplus
#define CHECK(condition) static_assert(condition, #condition)
#else
#define CHECK(condition) _Static_assert(condition, #condition)
#endif

// A field, the offset at which it begins, and the offset at which the next one
// begins.
#define FIELD(type, field, begin, end)     \
  CHECK(offsetof(type, field) == (begin)); \
  CHECK(sizeof(((type*)0)->field) == (end) - (begin))

CHECK(sizeof(void*) == 8);
CHECK(FERRY_PLUGIN_ABI_LOWEST_MINOR <= FERRY_PLUGIN_ABI_MINOR);

FIELD(ferry_string, data, 0, 8);
FIELD(ferry_string, size_bytes, 8, 16);
CHECK(sizeof(ferry_string) == 16);

FIELD(ferry_status, struct_size, 0, 8);
FIELD(ferry_status, code, 8, 12);
FIELD(ferry_status, vendor_code, 12, 16);
FIELD(ferry_status, flags, 16, 24);
FIELD(ferry_status, message, 24, 280);
CHECK(sizeof(ferry_status) == 280);

FIELD(ferry_devices, struct_size, 0, 8);
FIELD(ferry_devices, count, 8, 12);
FIELD(ferry_devices, absence, 12, 16);
FIELD(ferry_devices, why, 16, 272);
CHECK(sizeof(ferry_devices) == 272);

FIELD(ferry_device_properties, struct_size, 0, 8);
FIELD(ferry_device_properties, name, 8, 136);
FIELD(ferry_device_properties, memory_bytes, 136, 144);
FIELD(ferry_device_properties, copy_chunk_bytes, 144, 152);
FIELD(ferry_device_properties, uuid, 152, 168);
CHECK(sizeof(ferry_device_properties) == 168);

FIELD(ferry_tag, struct_size, 0, 8);
FIELD(ferry_tag, text, 8, 264);
CHECK(sizeof(ferry_tag) == 264);

FIELD(ferry_copy, struct_size, 0, 8);
FIELD(ferry_copy, direction, 8, 12);
FIELD(ferry_copy, device_index, 12, 16);
FIELD(ferry_copy, handle, 16, 24);
FIELD(ferry_copy, offset_bytes, 24, 32);
FIELD(ferry_copy, size_bytes, 32, 40);
FIELD(ferry_copy, host_source, 40, 48);
FIELD(ferry_copy, host_destination, 48, 56);
CHECK(sizeof(ferry_copy) == 56);

FIELD(ferry_device_copy, struct_size, 0, 8);
FIELD(ferry_device_copy, source_index, 8, 12);
FIELD(ferry_device_copy, destination_index, 12, 16);
FIELD(ferry_device_copy, source_handle, 16, 24);
FIELD(ferry_device_copy, source_offset_bytes, 24, 32);
FIELD(ferry_device_copy, destination_handle, 32, 40);
FIELD(ferry_device_copy, destination_offset_bytes, 40, 48);
FIELD(ferry_device_copy, size_bytes, 48, 56);
CHECK(sizeof(ferry_device_copy) == 56);

FIELD(ferry_backend, struct_size, 0, 8);
FIELD(ferry_backend, capabilities, 8, 16);
FIELD(ferry_backend, flags, 16, 24);
FIELD(ferry_backend, type, 24, 40);
FIELD(ferry_backend, context, 40, 48);
FIELD(ferry_backend, device_count, 48, 56);
FIELD(ferry_backend, device_properties, 56, 64);
FIELD(ferry_backend, allocate, 64, 72);
FIELD(ferry_backend, free, 72, 80);
FIELD(ferry_backend, copy, 80, 88);
FIELD(ferry_backend, queue_create, 88, 96);
FIELD(ferry_backend, queue_destroy, 96, 104);
FIELD(ferry_backend, copy_async, 104, 112);
FIELD(ferry_backend, event_wait, 112, 120);
FIELD(ferry_backend, event_release, 120, 128);
FIELD(ferry_backend, host_allocate, 128, 136);
FIELD(ferry_backend, host_free, 136, 144);
FIELD(ferry_backend, device_tag, 144, 152);
FIELD(ferry_backend, find_device, 152, 160);
FIELD(ferry_backend, copy_between, 160, 168);
CHECK(sizeof(ferry_backend) == 168);

FIELD(ferry_host_info, struct_size, 0, 8);
FIELD(ferry_host_info, abi_minor, 8, 12);
FIELD(ferry_host_info, lowest_plugin_minor, 12, 16);
FIELD(ferry_host_info, flags, 16, 24);
FIELD(ferry_host_info, sanitizer, 24, 28);
FIELD(ferry_host_info, reserved, 28, 32);
FIELD(ferry_host_info, version, 32, 48);
FIELD(ferry_host_info, plugin_directory, 48, 64);
CHECK(sizeof(ferry_host_info) == 64);

FIELD(ferry_plugin, struct_size, 0, 8);
FIELD(ferry_plugin, abi_minor, 8, 12);
FIELD(ferry_plugin, lowest_host_minor, 12, 16);
FIELD(ferry_plugin, flags, 16, 24);
FIELD(ferry_plugin, sanitizer, 24, 28);
FIELD(ferry_plugin, reserved, 28, 32);
FIELD(ferry_plugin, name, 32, 48);
FIELD(ferry_plugin, version, 48, 64);
FIELD(ferry_plugin, vendor, 64, 80);
FIELD(ferry_plugin, backend_count, 80, 88);
FIELD(ferry_plugin, backends, 88, 96);
CHECK(sizeof(ferry_plugin) == 96);

// Status codes are those of Abseil. Flags stay in their half of the word.
CHECK(FERRY_OK == 0 && FERRY_INVALID_ARGUMENT == 3 && FERRY_NOT_FOUND == 5);
CHECK(FERRY_PERMISSION_DENIED == 7 && FERRY_RESOURCE_EXHAUSTED == 8);
CHECK(FERRY_FAILED_PRECONDITION == 9 && FERRY_OUT_OF_RANGE == 11);
CHECK(FERRY_UNIMPLEMENTED == 12 && FERRY_INTERNAL == 13);
CHECK(FERRY_UNAVAILABLE == 14 && FERRY_DATA_LOSS == 15);
CHECK(FERRY_INCOMPATIBLE == 100);
CHECK(FERRY_COPY_TO_DEVICE == 1 && FERRY_COPY_TO_HOST == 2);
CHECK(FERRY_CAPABILITY_ASYNC == 1 && FERRY_CAPABILITY_HOST_ALLOC == 2);
CHECK(FERRY_CAPABILITY_TAGS == 4 && FERRY_CAPABILITY_DEVICE_COPY == 8);
CHECK(FERRY_NO_DEVICE == UINT32_MAX);
CHECK(FERRY_BACKEND_UNINDEXED == (UINT64_C(1) << 32));

#undef CHECK
#undef FIELD

#endif  // FERRY_PLUGINS_ABI_LAYOUT_CHECK_H_
