// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/storage_type.h
// -----------------------------------------------------------------------------
//
// The classes with which PyTorch names the element type of a storage:
// `torch.FloatStorage`, ..., `torch.storage.UntypedStorage` (torch/storage.py,
// `_dtype_to_storage_type_map`).
#ifndef FERRY_SERIALIZATION_TORCH_STORAGE_TYPE_H_
#define FERRY_SERIALIZATION_TORCH_STORAGE_TYPE_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {
namespace torch {

struct StorageType {
  DType dtype = DType::kUInt8;
  bool untyped = false;  // counts bytes

  friend bool operator==(const StorageType& a, const StorageType& b) {
    return a.dtype == b.dtype && a.untyped == b.untyped;
  }
};

// Returns the storage type of a class. Like PyTorch, considers only the name:
// `torch.cuda.FloatStorage` is a FloatStorage.
std::optional<StorageType> StorageTypeFromClass(absl::string_view class_name);

// Returns the class that only C++ has for a dtype that Python stores in an
// UntypedStorage: "UInt16Storage". Empty if there is none.
absl::string_view LibtorchStorageClassOf(DType dtype);

// Returns the class of a dtype ("FloatStorage"), in module `torch`, or nullopt
// if PyTorch stores the dtype in an UntypedStorage.
std::optional<absl::string_view> StorageClassOf(DType dtype);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_STORAGE_TYPE_H_
