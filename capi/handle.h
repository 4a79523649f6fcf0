// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/handle.h
// -----------------------------------------------------------------------------
//
// What all functions of the C interface share: the types behind its handles,
// the checks of arguments, and the way in which errors leave.
//
// Example:
//
//   int32_t ferry_value_append(ferry_value* list, const ferry_value* item,
//                              ferry_error** error) noexcept {
//     return capi::Call(error, [&]() -> absl::Status {
//       FERRY_RETURN_IF_ERROR(capi::CheckHandle(list, "list"));
//       FERRY_RETURN_IF_ERROR(capi::CheckHandle(item, "item"));
//       return list->value.Append(item->value);
//     });
//   }
#ifndef FERRY_CAPI_HANDLE_H_
#define FERRY_CAPI_HANDLE_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/core/tensor.h"
#include "ferry/ferry.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace capi {

// The first bytes of every handle say of which type it is, so that most
// mistakes are an error rather than a crash.
enum class HandleType : uint64_t {
  kFreed = 0,
  kTensor = 0x736e65745f797266,
  kValue = 0x756c61765f797266,
  kList = 0x7473696c5f797266,
  kCheckpoint = 0x6b6365685f797266,
};

// The part that all handles begin with.
template <HandleType kOfType>
struct TypedHandle {
  static constexpr HandleType kType = kOfType;
  HandleType type = kType;
};

}  // namespace capi
}  // namespace v1
}  // namespace ferry

struct ferry_tensor
    : ferry::capi::TypedHandle<ferry::capi::HandleType::kTensor> {
  explicit ferry_tensor(ferry::Tensor of_tensor)
      : tensor(std::move(of_tensor)) {}

  // Whether the tensor is a part of a list, which frees it.
  bool is_borrowed = false;
  ferry::Tensor tensor;
};

struct ferry_value : ferry::capi::TypedHandle<ferry::capi::HandleType::kValue> {
  explicit ferry_value(ferry::Value of_value) : value(std::move(of_value)) {}

  ferry::Value value;
};

struct ferry_tensor_list
    : ferry::capi::TypedHandle<ferry::capi::HandleType::kList> {
  std::vector<ferry_tensor> tensors;
  // The pointers to the tensors, one after the other, and where each ends.
  std::string pointers;
  std::vector<size_t> pointer_ends;
};

struct ferry_checkpoint
    : ferry::capi::TypedHandle<ferry::capi::HandleType::kCheckpoint> {
  explicit ferry_checkpoint(ferry::Checkpoint of_checkpoint)
      : checkpoint(std::move(of_checkpoint)) {}

  ferry::Checkpoint checkpoint;
};

namespace ferry {
inline namespace v1 {
namespace capi {

// Returns the code of `status`. If it is an error and `error` is not null, sets
// `*error` to a new object.
int32_t Report(const absl::Status& status, ferry_error** error) noexcept;

// Calls `function`, which returns an absl::Status, and reports its result.
// Exceptions become errors. That a container would become longer than any can
// be is kResourceExhausted, as running out of memory is.
template <typename Function>
int32_t Call(ferry_error** error, Function&& function) noexcept {
  try {
    return Report(CatchOutOfMemory(std::forward<Function>(function)), error);
  } catch (const std::length_error&) {
    return Report(OutOfMemoryError(), error);
  } catch (const std::exception& exception) {
    return Report(absl::InternalError(exception.what()), error);
  }
}

// Returns kInvalidArgument if an argument is null. `name` is the argument's.
absl::Status CheckNotNull(const void* argument, absl::string_view name);

// Returns kInvalidArgument if no array of `count` items of `item_bytes` each
// can be at an argument: it is null although its `count` is not 0, or it would
// not fit in the address space. Does not touch the items.
absl::Status CheckArray(const void* argument, uint64_t count,
                        uint64_t item_bytes, absl::string_view name);
template <typename T>
absl::Status CheckArray(const T* argument, uint64_t count,
                        absl::string_view name) {
  return CheckArray(argument, count, sizeof(T), name);
}

// Returns kInvalidArgument if no value can hold these bytes: they are null,
// although their size is not 0, or have 4 GiB or more.
absl::Status CheckBytes(const void* argument, uint64_t size_bytes,
                        absl::string_view name);

template <typename Handle>
bool IsHandle(const Handle* handle) {
  return handle != nullptr && handle->type == Handle::kType;
}

// Returns kInvalidArgument if an argument is null, a handle of another type, or
// recognisably freed.
template <typename Handle>
absl::Status CheckHandle(const Handle* handle, absl::string_view name) {
  if (IsHandle(handle)) return absl::OkStatus();
  if (handle == nullptr) return CheckNotNull(handle, name);
  return absl::InvalidArgumentError(absl::StrCat(
      "the argument \"", name, "\" is not a handle of its type, or was freed"));
}

// Makes a handle, which belongs to the caller, and sets `*out` to it.
template <typename Handle, typename Argument>
void SetHandle(Handle** out, Argument&& argument) {
  *out = new Handle(std::forward<Argument>(argument));
}

// Frees a handle, unless it is null or of another type.
template <typename Handle>
void Free(Handle* handle) noexcept {
  if (!IsHandle(handle)) return;
  handle->type = HandleType::kFreed;
  delete handle;
}

// Returns kUnimplemented if `flags` has a bit that is not in `known`.
absl::Status CheckFlags(uint64_t flags, uint64_t known);

// Returns the fields of a struct of the caller, which may be of another
// version. All are 0 if `from` is null.
//
// Errors: kInvalidArgument - `struct_size` is not a size. kUnimplemented - a
//         field that this version does not have is not 0.
template <typename T>
absl::StatusOr<T> ReadStruct(const T* from, absl::string_view name);

// Copies the fields of `from` that the caller's version has to `*to`, and sets
// those that are newer than this version to 0. Errors: as above.
template <typename T>
absl::Status WriteStruct(const T& from, T* to, absl::string_view name);

// -----------------------------------------------------------------------------
// Implementation details follow.

absl::Status CheckStructSize(uint64_t struct_size, absl::string_view name);
absl::Status CheckNewerFields(const void* from, uint64_t known_size,
                              uint64_t struct_size, absl::string_view name);

template <typename T>
absl::StatusOr<T> ReadStruct(const T* from, absl::string_view name) {
  T fields{};
  if (from == nullptr) return fields;
  const uint64_t size = from->struct_size;
  absl::Status status = CheckStructSize(size, name);
  if (status.ok()) status = CheckNewerFields(from, sizeof(T), size, name);
  if (!status.ok()) return status;
  std::memcpy(&fields, from, std::min<uint64_t>(size, sizeof(T)));
  return fields;
}

template <typename T>
absl::Status WriteStruct(const T& from, T* to, absl::string_view name) {
  absl::Status status = CheckNotNull(to, name);
  if (status.ok()) status = CheckStructSize(to->struct_size, name);
  if (!status.ok()) return status;
  const uint64_t size = to->struct_size;
  std::memset(static_cast<void*>(to), 0, size);
  std::memcpy(static_cast<void*>(to), &from,
              std::min<uint64_t>(size, sizeof(T)));
  to->struct_size = size;
  return absl::OkStatus();
}

}  // namespace capi
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CAPI_HANDLE_H_
