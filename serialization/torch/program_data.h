// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/program_data.h
// -----------------------------------------------------------------------------
//
// The data of a TorchScript program as plain Python values.
//
// Example: a program as a checkpoint that `weights_only` opens.
//
//   FERRY_ASSIGN_OR_RETURN(Checkpoint program, Checkpoint::Open("script.pt"));
//   FERRY_RETURN_IF_ERROR(program.PlaceAll());
//   FERRY_ASSIGN_OR_RETURN(
//       Value data, ProgramData(program.root(), program.constants()));
//   FERRY_RETURN_IF_ERROR(Save(data, "data.pt"));
#ifndef FERRY_SERIALIZATION_TORCH_PROGRAM_DATA_H_
#define FERRY_SERIALIZATION_TORCH_PROGRAM_DATA_H_

#include "absl/status/statusor.h"
#include "ferry/value/value.h"

namespace ferry {

// What `root`, the object graph of a TorchScript archive or of a file that C++
// pickled, says without its classes:
//
//   an object of the program      a dict of its attributes, or its state if
//                                 that is no dict
//   an enumerator                 its value
//   a list or dict with its type  the list or dict
//   a reference to a function     its name, a str
//
// and everything else, tensors included, as it is. Storages are shared with the
// original; what was one list, dict or object stays one. If `constants`, a
// tuple, is not empty, the result, a dict then, has it under "__constants__".
//
// O(nodes); does not recurse.
//
// Errors: kUnimplemented - a tuple that contains itself, constants beside a
//         root that is no object, or an object of another class, made of
//         arguments, which a dict has no place for.
absl::StatusOr<Value> ProgramData(const Value& root, const Value& constants);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_PROGRAM_DATA_H_
