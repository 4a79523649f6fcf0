// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/ferry/ferry.h
// -----------------------------------------------------------------------------
//
// Ferry for C11, and for every language that can call C: opens PyTorch
// checkpoints, lists and reads their tensors, places them on devices, builds
// and saves new ones. docs/c-api.md is the guide.
//
// ERRORS. A function that can fail returns a code: FERRY_OK, or one of those in
// ferry/plugin.h and below. Its last argument, `error`, may be null. Otherwise
// a failure sets `*error` to an object with the code and a message, which the
// caller frees with `ferry_error_free`. Success leaves `*error` alone, and
// failure leaves all other results alone. A null argument, unless the function
// allows it, a handle of another type, or a count that no memory can hold is
// FERRY_INVALID_ARGUMENT. Any function may return FERRY_RESOURCE_EXHAUSTED. No
// exception leaves a function, and none may leave a callback.
//
// MEMORY. A handle that a function returns through `out` belongs to the caller,
// who frees it with the `_free` function of its type. These functions accept
// null. Handles may be freed in any order: each keeps alive what it refers to.
// What a function returns as `const` belongs to the handle that it came from,
// and is valid until that handle is freed. What the caller passes is needed
// only during the call, unless the function says otherwise.
//
// THREADS. Different threads may use different handles, and several threads may
// pass one handle as `const`. A function that takes a handle without `const`
// must not overlap with any other use of that handle, or of a value or tensor
// of the same checkpoint or container.
//
// VERSIONS. A struct begins with `struct_size`, which the caller sets to its
// `sizeof`. A field of zero means the default, so all else can be zero:
//
//   ferry_load_options options;
//   memset(&options, 0, sizeof(options));
//   options.struct_size = sizeof(options);
//   options.map_location = "cpu";
//
// Later versions append fields and functions, and never change existing ones
// without a new soname. A field that this version of the library does not know
// is FERRY_UNIMPLEMENTED, unless it is zero.
//
// NAMES. Text is UTF-8, and ends with a null byte if it is a `const char*`.
// Dtypes, layouts, devices and kinds of values are named as in Python:
// "float32", "strided", "cuda:0", "dict". Text from a file may itself have null
// bytes, which is why it comes with its size.
//
// UNLOADING. Once a program or dlopen() has loaded the library, it stays until
// the process ends: it has threads, which wait for the next load. dlclose()
// frees no memory.
#ifndef FERRY_CAPI_FERRY_FERRY_H_
#define FERRY_CAPI_FERRY_FERRY_H_

#include <stddef.h>
#include <stdint.h>

#include "ferry/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_API __attribute__((visibility("default")))

// Codes that plugins do not return.
#define FERRY_CANCELLED INT32_C(1)
#define FERRY_ALREADY_EXISTS INT32_C(6)

// Returns the version of the library: "0.1.0".
FERRY_API const char* ferry_version(void) FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

typedef struct ferry_error ferry_error;

// Return the code and the message of an error. The message says what is wrong,
// where, and what to do. For null they return FERRY_OK and "".
FERRY_API int32_t ferry_error_code(const ferry_error* error) FERRY_NOEXCEPT;
FERRY_API const char* ferry_error_message(const ferry_error* error)
    FERRY_NOEXCEPT;
FERRY_API void ferry_error_free(ferry_error* error) FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// Tensors
// -----------------------------------------------------------------------------

// A view of a storage: a dtype, a shape, strides and an offset.
typedef struct ferry_tensor ferry_tensor;

// Bits of ferry_tensor_info.flags.
#define FERRY_TENSOR_LOADED (UINT64_C(1) << 0)  // the bytes are on the device
#define FERRY_TENSOR_REQUIRES_GRAD (UINT64_C(1) << 1)
// Readers must conjugate, or negate, each element.
#define FERRY_TENSOR_CONJ (UINT64_C(1) << 2)
#define FERRY_TENSOR_NEG (UINT64_C(1) << 3)
// Nobody may write to the elements.
#define FERRY_TENSOR_READ_ONLY (UINT64_C(1) << 4)

// Pointers are valid until the tensor is freed or loaded. A tensor of another
// layout than "strided" has no strides and no storage of its own: these are
// null or 0.
typedef struct ferry_tensor_info {
  uint64_t struct_size;
  uint64_t flags;  // FERRY_TENSOR_*
  const char* dtype;
  const char* layout;
  uint64_t rank;
  const int64_t* shape;
  const int64_t* strides;  // in elements
  // In elements. May lie outside the storage if `num_elements` is 0.
  int64_t storage_offset;
  uint64_t num_elements;
  uint64_t size_bytes;  // of the elements in row-major order, without gaps
  // Where the tensor belongs, such as "cuda:0". Before the tensor is loaded,
  // this is what the file says. After a load with FERRY_LOAD_TO_HOST it is what
  // a save writes: what the file says, replaced as `map_location` asks. Empty
  // if the tensor was loaded onto a device, or does not come from a file. The
  // text may have null bytes; see `location_size_bytes`.
  const char* location;
  // The device that the elements are on. The index is -1 if the type has no
  // indexes. Before the tensor is loaded this is "cpu", except for tensors that
  // were saved from "meta", which are on "meta" and have no elements.
  const char* device_type;
  int64_t device_index;
  // A number that the tensors of one storage have in common.
  uint64_t storage_id;
  uint64_t storage_size_bytes;
  uint64_t location_size_bytes;
} ferry_tensor_info;

// Gets what is known about a tensor. Does not allocate.
FERRY_API int32_t ferry_tensor_describe(const ferry_tensor* tensor,
                                        ferry_tensor_info* out,
                                        ferry_error** error) FERRY_NOEXCEPT;

// Gets the address of the first element, without a copy. It is valid until
// `tensor` and everything else that uses its storage is freed.
//
// FERRY_FAILED_PRECONDITION: the bytes are not loaded, or are on a device.
// FERRY_INVALID_ARGUMENT: the tensor is not strided.
FERRY_API int32_t ferry_tensor_data(const ferry_tensor* tensor, void** data,
                                    ferry_error** error) FERRY_NOEXCEPT;

// Makes a row-major tensor on the CPU, whose elements are not initialised.
// `shape` has `rank` sizes, and may be null if `rank` is 0.
//
// FERRY_INVALID_ARGUMENT: no such dtype, or an invalid shape.
FERRY_API int32_t ferry_tensor_allocate(const char* dtype, uint64_t rank,
                                        const int64_t* shape,
                                        ferry_tensor** out,
                                        ferry_error** error) FERRY_NOEXCEPT;

// Makes a tensor over the caller's memory, without a copy. `data` is the first
// element, and `size_bytes` the size of the memory from there. `strides` are in
// elements; if null, the tensor is row-major. The memory must stay valid until
// `release(context)` is called, which is when the last tensor, value or DLPack
// struct over it is freed, on any thread. `release` may be null. A failure does
// not call it.
//
// FERRY_INVALID_ARGUMENT: no such dtype, an invalid shape, a negative stride,
//   `size_bytes` is too small, or `data` is not aligned for the dtype.
FERRY_API int32_t ferry_tensor_from_memory(const char* dtype, uint64_t rank,
                                           const int64_t* shape,
                                           const int64_t* strides, void* data,
                                           uint64_t size_bytes,
                                           void (*release)(void* context),
                                           void* context, ferry_tensor** out,
                                           ferry_error** error) FERRY_NOEXCEPT;

// Copies a tensor to a device, such as "cpu" or "cuda:1". If it is there
// already, the result shares its storage.
//
// FERRY_UNAVAILABLE, FERRY_OUT_OF_RANGE: there is no such device; the message
//   says why.
// FERRY_INVALID_ARGUMENT: the bytes are not loaded, or `device` names none.
FERRY_API int32_t ferry_tensor_to(const ferry_tensor* tensor,
                                  const char* device, ferry_tensor** out,
                                  ferry_error** error) FERRY_NOEXCEPT;

FERRY_API void ferry_tensor_free(ferry_tensor* tensor) FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// Limits and control
// -----------------------------------------------------------------------------

// What a call may spend on input that nobody has checked. More is
// FERRY_RESOURCE_EXHAUSTED. 0 means the default, which is in proportion to the
// size of the input, and which ordinary checkpoints stay far below.
typedef struct ferry_limits {
  uint64_t struct_size;
  uint64_t max_steps;  // a hundred million take about a second
  uint64_t max_memory_bytes;
  uint64_t max_output_bytes;  // the size of a file that is saved
} ferry_limits;

// Lets the caller watch the transfer of bytes, and cancel the call. Each
// function may be null; `context` is its first argument.
typedef struct ferry_control {
  uint64_t struct_size;
  void* context;
  // Called by one thread at a time, which need not be the caller's. Bytes that
  // `ferry_checkpoint_read` reads first and then rearranges count again.
  void (*progress)(void* context, uint64_t done_bytes, uint64_t total_bytes);
  // Called for every few MiB that are moved and about every million objects, by
  // several threads at once. Once it returns a number other than 0, the call
  // ends with FERRY_CANCELLED.
  int32_t (*is_cancelled)(void* context);
} ferry_control;

// -----------------------------------------------------------------------------
// Values
// -----------------------------------------------------------------------------

// A Python value. A handle keeps alive all that the checkpoint or the container
// that it belongs to holds.
typedef struct ferry_value ferry_value;

// Return the kind ("none", "bool", "int", "float", "complex", "str", "bytes",
// "bytearray", "list", "tuple", "dict", "set", "frozenset", "tensor",
// "storage", "dtype", "device", "size", "layout", "global", "object"), and the
// number of items and entries: of items in a list, tuple, set, frozenset or
// size, of entries in a dict, and of both in an object. Other kinds have none.
// Null has the kind "" and the size 0.
FERRY_API const char* ferry_value_kind(const ferry_value* value) FERRY_NOEXCEPT;
FERRY_API uint64_t ferry_value_size(const ferry_value* value) FERRY_NOEXCEPT;

// Finds the value at a JSON Pointer (RFC 6901), such as "/model/fc.weight". In
// a key, write "~1" for "/" and "~0" for "~".
//
// `ferry_value_find` takes the size of the pointer. Use it for pointers that
// Ferry lists: a key in a file may have null bytes, and `ferry_value_at` stops
// at the first.
//
// FERRY_NOT_FOUND: there is no such value; the message lists similar names.
FERRY_API int32_t ferry_value_at(const ferry_value* value, const char* pointer,
                                 ferry_value** out,
                                 ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_find(const ferry_value* value,
                                   const char* pointer, uint64_t size_bytes,
                                   ferry_value** out,
                                   ferry_error** error) FERRY_NOEXCEPT;

// Gets the item at `index` of a list, tuple, set, frozenset, size or object.
// The items of an object are those that Python appends to it, such as the
// elements of a deque.
//
// FERRY_OUT_OF_RANGE: `index` is not below the number of items. Values of other
//   kinds have none.
FERRY_API int32_t ferry_value_item(const ferry_value* value, uint64_t index,
                                   ferry_value** out,
                                   ferry_error** error) FERRY_NOEXCEPT;

// Gets the key and the value of an entry of a dict or an object, in the order
// of insertion. `key` may be null. The entries of an object are those that
// Python sets in it, such as the entries of a defaultdict.
//
// FERRY_OUT_OF_RANGE: `index` is not below the number of entries. Values of
//   other kinds have none.
FERRY_API int32_t ferry_value_entry(const ferry_value* value, uint64_t index,
                                    ferry_value** key, ferry_value** out,
                                    ferry_error** error) FERRY_NOEXCEPT;

// Get what a value holds. `ferry_value_as_float` also takes an int. Text and
// bytes are valid until `value` is freed. `ferry_value_as_tensor` returns a new
// handle.
//
// FERRY_INVALID_ARGUMENT: the value is of another kind.
// FERRY_OUT_OF_RANGE: the int does not fit.
FERRY_API int32_t ferry_value_as_bool(const ferry_value* value, int32_t* out,
                                      ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_as_int(const ferry_value* value, int64_t* out,
                                     ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_as_float(const ferry_value* value, double* out,
                                       ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_as_str(const ferry_value* value,
                                     ferry_string* out,
                                     ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_as_bytes(const ferry_value* value,
                                       ferry_string* out,
                                       ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_as_tensor(const ferry_value* value,
                                        ferry_tensor** out,
                                        ferry_error** error) FERRY_NOEXCEPT;

// Make a value. A tensor shares its storage with the value. A str must be
// UTF-8; a save refuses any other text.
FERRY_API int32_t ferry_value_new_none(ferry_value** out,
                                       ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_bool(int32_t is_true, ferry_value** out,
                                       ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_int(int64_t number, ferry_value** out,
                                      ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_float(double number, ferry_value** out,
                                        ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_str(const char* text, uint64_t size_bytes,
                                      ferry_value** out,
                                      ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_bytes(const void* bytes, uint64_t size_bytes,
                                        ferry_value** out,
                                        ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_tensor(const ferry_tensor* tensor,
                                         ferry_value** out,
                                         ferry_error** error) FERRY_NOEXCEPT;
// Makes a torch.nn.Parameter.
FERRY_API int32_t ferry_value_new_parameter(const ferry_tensor* tensor,
                                            ferry_value** out,
                                            ferry_error** error) FERRY_NOEXCEPT;
// Make an empty list; a tuple of `count` items; an empty dict; and an empty
// collections.OrderedDict, which is the type of a state_dict.
FERRY_API int32_t ferry_value_new_list(ferry_value** out,
                                       ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_tuple(const ferry_value* const* items,
                                        uint64_t count, ferry_value** out,
                                        ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_dict(ferry_value** out,
                                       ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_new_ordered_dict(
    ferry_value** out, ferry_error** error) FERRY_NOEXCEPT;

// Append to a list, and set the value of a dict's key, which is a str or any
// value. The container gets a copy of what belongs to another container, so
// fill a container before you put it into another.
//
// `ferry_value_set` reads the key to its first null byte. For a key that has
// null bytes, pass a str to `ferry_value_set_entry`.
//
// FERRY_INVALID_ARGUMENT: not a list, not a dict, or Python cannot hash the
//   key.
FERRY_API int32_t ferry_value_append(ferry_value* list, const ferry_value* item,
                                     ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_set(ferry_value* dict, const char* key,
                                  const ferry_value* value,
                                  ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_value_set_entry(ferry_value* dict,
                                        const ferry_value* key,
                                        const ferry_value* value,
                                        ferry_error** error) FERRY_NOEXCEPT;

FERRY_API void ferry_value_free(ferry_value* value) FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// Lists of tensors
// -----------------------------------------------------------------------------

// All tensors that a value contains, with the pointers to them.
typedef struct ferry_tensor_list ferry_tensor_list;

// Lists the tensors in `value`, in the order in which the file has them. A
// tensor to which two paths lead is there twice. `limits` may be null. Takes
// time and memory in proportion to the objects in `value`.
FERRY_API int32_t ferry_value_list_tensors(const ferry_value* value,
                                           const ferry_limits* limits,
                                           ferry_tensor_list** out,
                                           ferry_error** error) FERRY_NOEXCEPT;

// Returns the number of tensors, which is 0 for null.
FERRY_API uint64_t ferry_tensor_list_size(const ferry_tensor_list* list)
    FERRY_NOEXCEPT;

// Gets a tensor, and the JSON Pointer by which `ferry_value_find` finds it.
// Both belong to the list. No null byte follows the pointer. Either result may
// be null. O(1).
//
// FERRY_OUT_OF_RANGE: `index` is not below the size.
FERRY_API int32_t ferry_tensor_list_get(const ferry_tensor_list* list,
                                        uint64_t index, ferry_string* pointer,
                                        const ferry_tensor** tensor,
                                        ferry_error** error) FERRY_NOEXCEPT;

FERRY_API void ferry_tensor_list_free(ferry_tensor_list* list) FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// Checkpoints
// -----------------------------------------------------------------------------

// An open file: its objects are in memory, the bytes of its tensors are not.
typedef struct ferry_checkpoint ferry_checkpoint;

// Bits of ferry_load_options.flags.
//
// Refuses what PyTorch's weights_only=True refuses (FERRY_PERMISSION_DENIED).
#define FERRY_LOAD_STRICT (UINT64_C(1) << 0)
// Loads all tensors into host memory, wherever the file says that they belong.
// A save writes their locations again, replaced as `map_location` asks.
#define FERRY_LOAD_TO_HOST (UINT64_C(1) << 1)
// Maps tensors into memory, copy-on-write, instead of reading them. Mapped
// bytes are not compared with their checksums. Tensors that the file holds
// compressed, misaligned or in the other byte order are read as usual. Touching
// a tensor past the end of a file that has become shorter ends the process.
#define FERRY_LOAD_MAP (UINT64_C(1) << 2)
// Does not compare the bytes with the checksums in the file.
#define FERRY_LOAD_SKIP_CHECKSUMS (UINT64_C(1) << 3)

typedef struct ferry_load_options {
  uint64_t struct_size;
  uint64_t flags;  // FERRY_LOAD_*
  // Where to load all tensors, instead of where the file says: "cpu", "meta",
  // "cuda:0". With FERRY_LOAD_TO_HOST, only the location that a save writes.
  const char* map_location;
  // The dtype to which strided floating-point tensors are cast.
  const char* dtype;
  // The maximum total size of the tensors that one call loads.
  uint64_t max_tensor_bytes;
  const ferry_limits* limits;
  // Its context must stay valid until the checkpoint is freed.
  const ferry_control* control;
} ferry_load_options;

// Opens a file. `options` may be null. Takes time and memory in proportion to
// the directory and the objects of the file, and does not read its tensors. No
// code in the file runs.
//
// FERRY_NOT_FOUND, FERRY_PERMISSION_DENIED: the file cannot be opened.
// FERRY_DATA_LOSS: the file is damaged.
// FERRY_INVALID_ARGUMENT: not a checkpoint, or an invalid option.
// FERRY_UNIMPLEMENTED: the file or an option needs what Ferry does not have.
FERRY_API int32_t ferry_checkpoint_open(const char* path,
                                        const ferry_load_options* options,
                                        ferry_checkpoint** out,
                                        ferry_error** error) FERRY_NOEXCEPT;

// Opens bytes in memory, which must stay valid until the checkpoint is freed.
FERRY_API int32_t ferry_checkpoint_open_memory(
    const void* bytes, uint64_t size_bytes, const ferry_load_options* options,
    ferry_checkpoint** out, ferry_error** error) FERRY_NOEXCEPT;

// Returns what kind of file it is: "zip", "legacy", "tar", "bare" or
// "safetensors". "" for null.
FERRY_API const char* ferry_checkpoint_container(
    const ferry_checkpoint* checkpoint) FERRY_NOEXCEPT;

// Return the number of warnings about a file that can be read, which is 0 for
// nearly all files, and the text of one. The text is "" if there is none.
FERRY_API uint64_t ferry_checkpoint_warning_count(
    const ferry_checkpoint* checkpoint) FERRY_NOEXCEPT;
FERRY_API const char* ferry_checkpoint_warning(
    const ferry_checkpoint* checkpoint, uint64_t index) FERRY_NOEXCEPT;

// Gets the value that was saved. Its tensors can be described, and read with
// `ferry_checkpoint_read`. Their data is there once they are loaded.
FERRY_API int32_t ferry_checkpoint_root(const ferry_checkpoint* checkpoint,
                                        ferry_value** out,
                                        ferry_error** error) FERRY_NOEXCEPT;

// Load the storages of `count` tensors of this checkpoint, or all of its
// storages, to where the options say. What is loaded already stays as it is.
// Reads in parallel, so it is best to pass many tensors at once.
//
// FERRY_INVALID_ARGUMENT: a tensor is not of this checkpoint, or the file names
//   an unknown device; `map_location` or FERRY_LOAD_TO_HOST helps.
// FERRY_UNAVAILABLE, FERRY_OUT_OF_RANGE: there is no such device.
// FERRY_DATA_LOSS: the bytes do not match their checksum.
FERRY_API int32_t ferry_checkpoint_load(ferry_checkpoint* checkpoint,
                                        const ferry_tensor* const* tensors,
                                        uint64_t count,
                                        ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_checkpoint_load_all(ferry_checkpoint* checkpoint,
                                            ferry_error** error) FERRY_NOEXCEPT;

// Reads tensors into the caller's memory, in row-major order and without gaps,
// whether they are loaded or not. `memory[i]` has `sizes_bytes[i]` bytes, which
// must be `ferry_tensor_info.size_bytes` of `tensors[i]`, and is aligned for
// its dtype. Reads in parallel. After a failure the contents of the memory are
// unspecified.
//
// FERRY_INVALID_ARGUMENT: a tensor is not of this checkpoint, is not strided,
//   is quantised, conjugated or negated; or its memory has another size.
// FERRY_DATA_LOSS: the bytes do not match their checksum.
FERRY_API int32_t ferry_checkpoint_read(const ferry_checkpoint* checkpoint,
                                        const ferry_tensor* const* tensors,
                                        void* const* memory,
                                        const uint64_t* sizes_bytes,
                                        uint64_t count,
                                        ferry_error** error) FERRY_NOEXCEPT;

// Closes the file. Values, lists and tensors of the checkpoint stay valid, but
// tensors that are not loaded by then can no longer be loaded.
FERRY_API void ferry_checkpoint_free(ferry_checkpoint* checkpoint)
    FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// Saving
// -----------------------------------------------------------------------------

// Bits of ferry_save_options.flags.
//
// Writes no checksums.
#define FERRY_SAVE_SKIP_CHECKSUMS (UINT64_C(1) << 0)
// Does not wait until the bytes are on the disk.
#define FERRY_SAVE_NOT_DURABLE (UINT64_C(1) << 1)
// Writes tensors that share memory one by one to a safetensors file, which
// cannot express the sharing. Without this flag they are an error.
#define FERRY_SAVE_COPY_SHARED (UINT64_C(1) << 2)

typedef struct ferry_save_options {
  uint64_t struct_size;
  uint64_t flags;  // FERRY_SAVE_*
  // "zip", which is the default, "legacy" or "safetensors".
  const char* container;
  // "pickle", which is the default and the only one that PyTorch reads, or
  // "proto", which needs the container "zip". Null for "safetensors".
  const char* codec;
  // The `__metadata__` of a safetensors file: `metadata_count` names, each
  // followed by its text.
  const char* const* metadata;
  uint64_t metadata_count;
  const ferry_limits* limits;
  const ferry_control* control;
} ferry_save_options;

// Writes `value`, and everything that it contains, to a file. `options` may be
// null. At any moment `path` is either the old file or the complete new one.
//
// FERRY_INVALID_ARGUMENT: a tensor is not loaded, no reader would accept the
//   file, tensors share memory and the container cannot express that, or an
//   option is invalid. FERRY_UNIMPLEMENTED: the container cannot express the
//   value. The message has a JSON Pointer to the part.
// FERRY_NOT_FOUND, FERRY_PERMISSION_DENIED, FERRY_UNAVAILABLE: the file cannot
//   be written.
FERRY_API int32_t ferry_save(const ferry_value* value, const char* path,
                             const ferry_save_options* options,
                             ferry_error** error) FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// Devices
// -----------------------------------------------------------------------------

// Bits of `flags` below.
//
// Also loads the plugins that FERRY_PLUGIN_PATH lists, and those in
// /etc/ferry/plugins.d.
#define FERRY_PLUGINS_FROM_ENVIRONMENT (UINT64_C(1) << 0)
#define FERRY_PLUGINS_FROM_SYSTEM_FOLDER (UINT64_C(1) << 1)
// Lets a plugin provide a device type that has a meaning in PyTorch, such as
// "cuda".
#define FERRY_PLUGINS_ALLOW_RESERVED_TYPES (UINT64_C(1) << 2)

// Loads device plugins: libraries, manifests or folders. Nothing else loads a
// plugin; in particular, reading a file never does. Plugins stay loaded. One
// that was loaded before counts as loaded. `paths` may be null if `count` is 0.
//
// If a plugin cannot be loaded, tries the others all the same, and returns the
// code of the first that failed and a message about each.
FERRY_API int32_t ferry_plugins_load(const char* const* paths, uint64_t count,
                                     uint64_t flags,
                                     ferry_error** error) FERRY_NOEXCEPT;

// Registers a device of the program's own, which it describes as a plugin does
// (ferry/plugin.h). The description must stay valid until the process ends.
// `flags` is 0 or FERRY_PLUGINS_ALLOW_RESERVED_TYPES.
//
// FERRY_ALREADY_EXISTS: another plugin has its name or one of its types.
FERRY_API int32_t ferry_plugins_register(ferry_plugin_query query,
                                         uint64_t flags,
                                         ferry_error** error) FERRY_NOEXCEPT;

// -----------------------------------------------------------------------------
// DLPack
// -----------------------------------------------------------------------------
// Shares tensors with other libraries, without a copy (github.com/dmlc/dlpack).
// The structs are those of DLPack 1.1, which its header, dlpack.h, defines.
// Programs that use them include it.
//
// Tensors on the CPU, on CUDA and on OpenCL can be shared. A conjugated or
// negated tensor, and a dtype that DLPack does not have, are
// FERRY_UNIMPLEMENTED. Whether a tensor requires a gradient is lost.

struct DLManagedTensor;
struct DLManagedTensorVersioned;

// Exports a tensor. The struct belongs to the caller, who calls its `deleter`,
// or passes it on to a library that does. It keeps the storage alive. It says
// whether the tensor is read-only.
//
// FERRY_FAILED_PRECONDITION: the bytes are not loaded.
FERRY_API int32_t ferry_tensor_to_dlpack(const ferry_tensor* tensor,
                                         struct DLManagedTensorVersioned** out,
                                         ferry_error** error) FERRY_NOEXCEPT;

// Does the same for libraries that were written for DLPack before 1.0.
//
// FERRY_INVALID_ARGUMENT: the tensor is read-only, which this struct cannot
//   say.
FERRY_API int32_t ferry_tensor_to_dlpack_unversioned(
    const ferry_tensor* tensor, struct DLManagedTensor** out,
    ferry_error** error) FERRY_NOEXCEPT;

// Imports a tensor. On success Ferry owns `managed`, and calls its `deleter`
// when the last tensor, value or DLPack struct over its memory is freed, on any
// thread. After a failure it still belongs to the caller.
//
// FERRY_INVALID_ARGUMENT: the struct is malformed, has a negative stride, or
//   its data is not aligned for its dtype.
// FERRY_UNIMPLEMENTED: the major version, the dtype or the device is unknown.
// FERRY_UNAVAILABLE: no plugin for the device is loaded.
// FERRY_OUT_OF_RANGE: the plugin has no device of that index.
FERRY_API int32_t ferry_tensor_from_dlpack(
    struct DLManagedTensorVersioned* managed, ferry_tensor** out,
    ferry_error** error) FERRY_NOEXCEPT;
FERRY_API int32_t ferry_tensor_from_dlpack_unversioned(
    struct DLManagedTensor* managed, ferry_tensor** out,
    ferry_error** error) FERRY_NOEXCEPT;

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // FERRY_CAPI_FERRY_FERRY_H_
