// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/python2_names.h
// -----------------------------------------------------------------------------
//
// Modules and names that Python 3 moved. A pickle of protocol 2 or less spells
// them as Python 2 did; Ferry's object graph spells them as Python 3 does.
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
namespace pickle {

struct GlobalName {
  absl::string_view module;
  absl::string_view name;
};

// Both return the argument itself where nothing moved. The views of a changed
// result are valid for ever. Thread-safe; O(1).
GlobalName FromPython2(GlobalName global);
GlobalName ToPython2(GlobalName global);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PYTHON2_NAMES_H_
