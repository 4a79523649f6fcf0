// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/read_only.h
// -----------------------------------------------------------------------------
//
// Remembers which imported memory nobody may write to, so that every tensor
// over it says so, however it was reached.
#ifndef FERRY_CAPI_READ_ONLY_H_
#define FERRY_CAPI_READ_ONLY_H_

#include <memory>

#include "ferry/core/storage.h"

namespace ferry {
inline namespace v1 {
namespace capi {

// Returns an owner that keeps `owner`. Until it is destroyed, `IsReadOnly` is
// true for storages over `data`. Thread-safe.
std::shared_ptr<void> ReadOnlyOwner(const void* data,
                                    std::shared_ptr<void> owner);

// Returns whether nobody may write to the bytes of a storage. If the same
// address was imported both as read-only and as writable, it is read-only.
// Thread-safe.
bool IsReadOnly(const Storage& storage);

}  // namespace capi
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CAPI_READ_ONLY_H_
