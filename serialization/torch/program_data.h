// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/program_data.h
// -----------------------------------------------------------------------------
//
// Converts the data of a TorchScript program to plain Python values.
//
// Example: save a program's data as a checkpoint that `weights_only` opens.
//
//   FERRY_ASSIGN_OR_RETURN(Checkpoint program, Checkpoint::Open("script.pt"));
//   FERRY_RETURN_IF_ERROR(program.LoadAll());
//   FERRY_ASSIGN_OR_RETURN(
//       Value data, ProgramData(program.root(), program.constants()));
//   FERRY_RETURN_IF_ERROR(Save(data, "data.pt"));
#ifndef FERRY_SERIALIZATION_TORCH_PROGRAM_DATA_H_
#define FERRY_SERIALIZATION_TORCH_PROGRAM_DATA_H_

#include <functional>

#include "absl/status/statusor.h"
#include "ferry/core/budget.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// Returns the data of `root`, the object graph of a TorchScript archive or of a
// file that C++ pickled, without its classes:
//
//   an object of the program      a dict of its attributes, or its state if
//                                 that is no dict
//   an enumerator                 its value
//   a list or dict with its type  the list or dict
//   a parameter or a subclass of
//   Tensor                        the tensor
//   a reference to a function     its name, a str
//
// Everything else, including other tensors, stays as it is. The result shares
// storages with the original, and a list, dict or object that was shared stays
// shared. If `constants`, a tuple, is not empty, the result is a dict that has
// it under "__constants__".
//
// O(nodes), and as much again for each object that shares its attributes with
// others. `budget` limits the steps, the memory and, as output, what the
// references of the result take in a pickle; the defaults are in proportion to
// the file that `root` is from, or else to the size of its graph. Does not
// recurse.
//
// Errors:
//   kResourceExhausted - it takes more than `budget` allows.
//   kCancelled         - `is_cancelled` returned true.
//   kUnimplemented     - a tuple contains itself, there are constants although
//                        the root is not an object, an object of another
//                        class was made from arguments, which a dict cannot
//                        hold, or a key of a dict or an item of a set would be
//                        a dict, or equal to another one.
absl::StatusOr<Value> ProgramData(
    const Value& root, const Value& constants,
    const BudgetOptions& budget = BudgetOptions(),
    const std::function<bool()>& is_cancelled = nullptr);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_PROGRAM_DATA_H_
