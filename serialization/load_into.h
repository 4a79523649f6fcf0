// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/load_into.h
// -----------------------------------------------------------------------------
//
// `LoadInto` reads the weights in a file into the tensors of an existing model,
// as `module.load_state_dict(torch.load(path))` does, but without a second copy
// of the weights in memory.
//
// Example: fill the program's own tensors from a file.
//
//   std::vector<NamedTensor> model = {{"fc.weight", weight},
//                                     {"fc.bias", bias}};
//   FERRY_RETURN_IF_ERROR(LoadInto("train.pt", model).status());
#ifndef FERRY_SERIALIZATION_LOAD_INTO_H_
#define FERRY_SERIALIZATION_LOAD_INTO_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/named_tensor.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/state_dict.h"

namespace ferry {
inline namespace v1 {

struct LoadIntoOptions {
  // Whether the tensors and the state in the file must match exactly. If true,
  // every tensor must be in the file. The state in the file must then hold no
  // other tensor and no non-tensor (`StateDictResult::left_out`), and nothing
  // beside the state may look like a part of it (`StateDictResult::ambiguous`).
  // The default is true, as in PyTorch.
  bool strict = true;

  // Whether a tensor may have another floating-point dtype than the tensor in
  // the file. The elements are then cast (core/cast_elements.h), as PyTorch's
  // `load_state_dict` does, from their dtype in the file, even if
  // `LoadOptions::dtype` is set. The default is false, so a different dtype is
  // an error.
  bool cast = false;

  // Where in the file to look for the state, as a JSON Pointer such as "/ema".
  // The rest of the file is ignored. The default is to let `StateDict` find the
  // state.
  std::string pointer;

  // What finding the state may spend, as for `StateDict`.
  BudgetOptions budget;
};

struct LoadIntoResult {
  // The names of tensors that are not in the file, in the order of the call.
  // Empty after a strict load.
  std::vector<std::string> missing;

  // What the file holds but the caller did not ask for, in this order: the
  // names of other tensors in the state, the names of non-tensors in the state,
  // and, as JSON Pointers from the root of the file ("/bias"), whatever is
  // beside the state and may be a part of it. Each group is in file order.
  // Empty after a strict load.
  std::vector<std::string> unexpected;

  // Where the state is in the file ("/model"), and what is outside it. As in
  // `StateDictResult`, but as JSON Pointers from the root of the file.
  std::string pointer;
  std::vector<std::string> outside;
};

// Reads the tensors that `StateDict` finds in a file into the tensors of the
// same names in `tensors`. The file may be a TorchScript archive. Reads in
// parallel and directly into the memory of the tensors, which may be on the
// device of any backend.
//
// The shapes must be equal, and so must the dtypes unless
// `LoadIntoOptions::cast` is set. Quantised tensors are refused, because their
// scale is stored outside their elements. Strides may differ. Elements that the
// file lays out differently, or that are cast, are copied through host memory,
// at most about 64 MiB at a time, or the size of the largest such storage if
// that is more. Nothing is read for a tensor without elements, so damage to its
// record is not found. If two tensors are different views that overlap in
// memory, the overlap holds the data of either one.
//
// Compares all names, dtypes and shapes before reading any tensor, and reports
// every mismatch in one error. After an error while reading (damage, a lost
// disk) the contents of the tensors are unspecified.
//
// Errors:
//   kInvalidArgument - a dtype or shape does not match (with `strict`, also a
//                      missing or unexpected name); the message lists all of
//                      them. Or a name does not name a tensor in the file, a
//                      name is given twice, or a tensor has no memory or has
//                      elements that share memory.
//   kUnimplemented   - as `Checkpoint::ReadTensors`.
//   as `Checkpoint::Open`, `Value::At`, `StateDict` and `Checkpoint::ReadInto`.
absl::StatusOr<LoadIntoResult> LoadInto(
    absl::string_view path, absl::Span<const NamedTensor> tensors,
    const LoadIntoOptions& options = LoadIntoOptions(),
    const LoadOptions& load_options = LoadOptions());

// Does the same from an open checkpoint. Does not change which of its storages
// are loaded.
absl::StatusOr<LoadIntoResult> LoadInto(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> tensors,
    const LoadIntoOptions& options = LoadIntoOptions());

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LOAD_INTO_H_
