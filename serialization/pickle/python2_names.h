// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/python2_names.h
// -----------------------------------------------------------------------------
//
// Maps modules and names that Python 3 renamed. A pickle of protocol 2 or lower
// uses the names of Python 2; Ferry's object graph uses those of Python 3.
//
// The tables are those of CPython's Lib/_compat_pickle.py.
//
// Example:
//
//   FromPython2({"__builtin__", "xrange"});  // {"builtins", "range"}
//   ToPython2({"builtins", "range"});        // {"__builtin__", "xrange"}
#ifndef FERRY_SERIALIZATION_PICKLE_PYTHON2_NAMES_H_
#define FERRY_SERIALIZATION_PICKLE_PYTHON2_NAMES_H_

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

struct GlobalName {
  absl::string_view module;
  absl::string_view name;
};

// Convert a name. If it was not renamed, return the argument. The views in a
// converted name are always valid. Thread-safe; O(1).
GlobalName FromPython2(GlobalName global);
GlobalName ToPython2(GlobalName global);

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PYTHON2_NAMES_H_
