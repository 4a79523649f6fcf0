// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/value_kind.h"

#include <cstddef>

namespace ferry {
inline namespace v1 {

absl::string_view Name(ValueKind kind) {
  static constexpr const char* kNames[] = {
      "none",      "bool",      "int",     "float", "complex", "str",
      "bytes",     "bytearray", "list",    "tuple", "dict",    "set",
      "frozenset", "tensor",    "storage", "dtype", "device",  "size",
      "layout",    "global",    "object"};
  static_assert(sizeof(kNames) / sizeof(kNames[0]) ==
                    static_cast<size_t>(ValueKind::kObject) + 1,
                "kNames must have a row for every ValueKind");
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace v1
}  // namespace ferry
