// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/layout_check.h
// -----------------------------------------------------------------------------
//
// The offset of every field of every struct in ferry/ferry.h, as compiled into
// programs. This file compiles, as C11 or C++17, only if the header agrees. Add
// rows for appended fields, and update the size of the struct. A changed row is
// a new soname. capi/symbols.txt does the same for functions.
#ifndef FERRY_CAPI_LAYOUT_CHECK_H_
#define FERRY_CAPI_LAYOUT_CHECK_H_

#include "ferry/ferry.h"

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

FIELD(ferry_tensor_info, struct_size, 0, 8);
FIELD(ferry_tensor_info, flags, 8, 16);
FIELD(ferry_tensor_info, dtype, 16, 24);
FIELD(ferry_tensor_info, layout, 24, 32);
FIELD(ferry_tensor_info, rank, 32, 40);
FIELD(ferry_tensor_info, shape, 40, 48);
FIELD(ferry_tensor_info, strides, 48, 56);
FIELD(ferry_tensor_info, storage_offset, 56, 64);
FIELD(ferry_tensor_info, num_elements, 64, 72);
FIELD(ferry_tensor_info, size_bytes, 72, 80);
FIELD(ferry_tensor_info, location, 80, 88);
FIELD(ferry_tensor_info, device_type, 88, 96);
FIELD(ferry_tensor_info, device_index, 96, 104);
FIELD(ferry_tensor_info, storage_id, 104, 112);
FIELD(ferry_tensor_info, storage_size_bytes, 112, 120);
FIELD(ferry_tensor_info, location_size_bytes, 120, 128);
CHECK(sizeof(ferry_tensor_info) == 128);

FIELD(ferry_limits, struct_size, 0, 8);
FIELD(ferry_limits, max_steps, 8, 16);
FIELD(ferry_limits, max_memory_bytes, 16, 24);
FIELD(ferry_limits, max_output_bytes, 24, 32);
CHECK(sizeof(ferry_limits) == 32);

FIELD(ferry_control, struct_size, 0, 8);
FIELD(ferry_control, context, 8, 16);
FIELD(ferry_control, progress, 16, 24);
FIELD(ferry_control, is_cancelled, 24, 32);
CHECK(sizeof(ferry_control) == 32);

FIELD(ferry_load_options, struct_size, 0, 8);
FIELD(ferry_load_options, flags, 8, 16);
FIELD(ferry_load_options, map_location, 16, 24);
FIELD(ferry_load_options, dtype, 24, 32);
FIELD(ferry_load_options, max_tensor_bytes, 32, 40);
FIELD(ferry_load_options, limits, 40, 48);
FIELD(ferry_load_options, control, 48, 56);
CHECK(sizeof(ferry_load_options) == 56);

FIELD(ferry_save_options, struct_size, 0, 8);
FIELD(ferry_save_options, flags, 8, 16);
FIELD(ferry_save_options, container, 16, 24);
FIELD(ferry_save_options, codec, 24, 32);
FIELD(ferry_save_options, metadata, 32, 40);
FIELD(ferry_save_options, metadata_count, 40, 48);
FIELD(ferry_save_options, limits, 48, 56);
FIELD(ferry_save_options, control, 56, 64);
CHECK(sizeof(ferry_save_options) == 64);

CHECK(FERRY_CANCELLED == 1 && FERRY_ALREADY_EXISTS == 6);
CHECK(FERRY_TENSOR_LOADED == 1 && FERRY_TENSOR_REQUIRES_GRAD == 2);
CHECK(FERRY_TENSOR_CONJ == 4 && FERRY_TENSOR_NEG == 8);
CHECK(FERRY_TENSOR_READ_ONLY == 16);
CHECK(FERRY_LOAD_STRICT == 1 && FERRY_LOAD_TO_HOST == 2);
CHECK(FERRY_LOAD_MAP == 4 && FERRY_LOAD_SKIP_CHECKSUMS == 8);
CHECK(FERRY_SAVE_SKIP_CHECKSUMS == 1 && FERRY_SAVE_NOT_DURABLE == 2);
CHECK(FERRY_SAVE_COPY_SHARED == 4);
CHECK(FERRY_PLUGINS_FROM_ENVIRONMENT == 1);
CHECK(FERRY_PLUGINS_FROM_SYSTEM_FOLDER == 2);
CHECK(FERRY_PLUGINS_ALLOW_RESERVED_TYPES == 4);

#undef CHECK
#undef FIELD

#endif  // FERRY_CAPI_LAYOUT_CHECK_H_
