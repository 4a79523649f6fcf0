// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/global_grade.h
// -----------------------------------------------------------------------------
//
// Grades the classes and functions that a pickle looks up in Python.
//
// Example:
//
//   GradeGlobal("posix", "system").grade;                    // kDangerous
//   GradeGlobal("my_package", "Config").grade;               // kUnknown
//   GradeGlobal("torch._utils", "_rebuild_tensor_v2").grade; // kAllowed
#ifndef FERRY_SERIALIZATION_SCAN_GLOBAL_GRADE_H_
#define FERRY_SERIALIZATION_SCAN_GLOBAL_GRADE_H_

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace scan {

enum class GlobalGrade {
  // torch.load allows it with `weights_only=True`.
  kAllowed,
  // Not on that list. It may be harmless.
  kUnknown,
  // Known to run code, or to reach files, processes or the network.
  kDangerous,
};

struct GradedGlobal {
  GlobalGrade grade = GlobalGrade::kUnknown;
  // What a dangerous global does, as a predicate: "runs commands". Always
  // valid. Empty for the others.
  absl::string_view reason;
};

// Grades a global by its names in Python 3. `name` may have several parts, as
// since protocol 4: "Outer.Inner". A module is dangerous with all its
// submodules, also if something in it is reached by way of another module
// ("torch.serialization", "os.system"). Thread-safe; O(size of the names).
GradedGlobal GradeGlobal(absl::string_view module, absl::string_view name);

// Returns whether a pattern "MODULE.*" may allow what is in `module`: it is not
// of Python's standard library, and nothing in it is known to be dangerous. No
// list of what is dangerous is complete, and where something is, there is more:
// false for "numpy" and "torch", true for "torch.nn". Thread-safe.
bool CanAllowAll(absl::string_view module);

// Returns whether no pattern allows a global with this name, whatever its
// module: the name is that of a function that a module may import from a
// dangerous one ("system"), or it leads through something other than classes,
// such as a module that was imported under another name ("np.testing.measure").
// Thread-safe; O(size of the name).
bool NeedsFullName(absl::string_view name);

}  // namespace scan
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_GLOBAL_GRADE_H_
