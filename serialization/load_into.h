// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/load_into.h
// -----------------------------------------------------------------------------
//
// `LoadInto`: a file's weights into the tensors of a model that exists, as
// `module.load_state_dict(torch.load(path))` does, without a second copy of
// them in memory.
//
// Example: a program's own buffers, filled from a file.
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
#include "ferry/core/named_tensor.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/state_dict.h"

namespace ferry {

struct LoadIntoOptions {
  // Whether every tensor must be in the file, and the state in the file have
  // nothing else: no other tensor, nothing that is no tensor
  // (`StateDictResult::left_out`), and nothing beside it that may be a part of
  // it (`StateDictResult::ambiguous`). Default: yes, as in PyTorch.
  bool strict = true;

  // Where in the file to look for the state, as a JSON Pointer: "/ema". What is
  // elsewhere is not looked at. Default: where `StateDict` finds it.
  std::string pointer;
};

struct LoadIntoResult {
  // The names of tensors that the file does not have, in the order of the call.
  // Empty after a strict load.
  std::vector<std::string> missing;

  // What the file has that was not asked for, in the order of the file: the
  // names of tensors in the state, the names of what is no tensor in it, and
  // last, as JSON Pointers from the root of the file ("/bias"), what stands
  // beside the state and may be a part of it. Empty after a strict load.
  std::vector<std::string> unexpected;

  // Where in the file the state is ("/model"), and what is outside it, as in
  // `StateDictResult`, but from the root of the file.
  std::string pointer;
  std::vector<std::string> outside;
};

// Reads the tensors that `StateDict` finds in a file, which may be a
// TorchScript archive, into those of the same names in `tensors`: in parallel,
// straight into their memory, which may be on the device of any backend.
// Nothing is converted: dtype and shape must be equal, and tensors that are
// quantised, whose scale stands beside them, are refused. Strides may differ;
// what the file arranges otherwise goes through host memory, at most about 64
// MiB of it, or as much as the largest such storage has. Where the memory of
// two tensors overlaps and is not the same view, it holds one or the other.
//
// All names and forms are compared before any tensor is read, and one error
// says all that is wrong. After an error in reading (damage, a lost disk) the
// tensors hold anything.
//
// Errors:
//   kInvalidArgument - names or forms that do not fit (with `strict`, missing
//                      and unexpected names too), all listed; a name that is no
//                      tensor in the file; a name twice; a tensor whose
//                      elements share memory, or without memory.
//   kUnimplemented   - as `Checkpoint::ReadTensors`.
//   as `Checkpoint::Open`, `Value::At`, `StateDict` and `Checkpoint::ReadInto`.
absl::StatusOr<LoadIntoResult> LoadInto(
    absl::string_view path, absl::Span<const NamedTensor> tensors,
    const LoadIntoOptions& options = LoadIntoOptions(),
    const LoadOptions& load_options = LoadOptions());

// The same from a checkpoint that is open; what is placed and what is not stays
// so.
absl::StatusOr<LoadIntoResult> LoadInto(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> tensors,
    const LoadIntoOptions& options = LoadIntoOptions());

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LOAD_INTO_H_
