// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/value_kind.h
// -----------------------------------------------------------------------------
//
// The kinds of nodes of an object graph, in Python's terms.
#ifndef FERRY_VALUE_VALUE_KIND_H_
#define FERRY_VALUE_VALUE_KIND_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

enum class ValueKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kComplex,
  kStr,
  kBytes,
  kByteArray,
  kList,
  kTuple,
  kDict,  // also collections.OrderedDict, which may have attributes
  kSet,
  kFrozenSet,
  kTensor,
  kStorage,
  kDType,
  kDevice,
  kSize,
  kLayout,
  kGlobal,  // a function or a class, by its name
  kObject,  // anything else, as a record of how to make it; never run
};

// Returns the name used in messages: "none", "bool", ...
absl::string_view Name(ValueKind kind);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_VALUE_KIND_H_
