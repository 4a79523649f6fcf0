// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/globals.h
// -----------------------------------------------------------------------------
//
// Checks which classes and functions a checkpoint may refer to under
// `Globals::kStrict`: those that torch.load allows with `weights_only=True`
// (`_get_allowed_globals` in torch/_weights_only_unpickler.py, PyTorch 2.14).
//
// Example:
//
//   LoadOptions options;
//   options.globals = Globals::kStrict;
//   options.allowed_globals = {"my_package.Config"};
//   FERRY_ASSIGN_OR_RETURN(Value value, Load("model.pt", options));
#ifndef FERRY_SERIALIZATION_TORCH_GLOBALS_H_
#define FERRY_SERIALIZATION_TORCH_GLOBALS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// Returns whether PyTorch allows a global by default. The name is spelt as in
// Python 3. Thread-safe; O(1).
bool IsGlobalAllowed(absl::string_view module, absl::string_view name);

// Returns whether a global can never be allowed: it is in a module that PyTorch
// blocks, or it is the function that loads another checkpoint from bytes.
bool IsBlocked(absl::string_view module, absl::string_view name);

// Checks all globals of a graph that was read from `file`. Besides those that
// PyTorch allows, `is_allowed` may allow any that is not blocked. It is given
// the full name: "my_package.Config".
//
// Errors: kPermissionDenied - some globals are not allowed; the message lists
//         all of them.
absl::Status CheckGlobals(
    const ObjectGraph& graph, absl::string_view file,
    absl::FunctionRef<bool(absl::string_view full_name)> is_allowed);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_GLOBALS_H_
