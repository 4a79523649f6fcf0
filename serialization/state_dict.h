// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/state_dict.h
// -----------------------------------------------------------------------------
//
// The tensors of a model by name, from whatever was saved: a state_dict, a
// training checkpoint that holds one, or a whole module.
//
// Example: all weights of a file.
//
//   FERRY_ASSIGN_OR_RETURN(Value checkpoint, Load("train.pt"));
//   FERRY_ASSIGN_OR_RETURN(std::vector<NamedTensor> state,
//                          StateDict(checkpoint));
//   for (const NamedTensor& entry : state) {
//     std::cout << entry.name << " " << ShapeToString(entry.tensor.shape());
//   }
#ifndef FERRY_SERIALIZATION_STATE_DICT_H_
#define FERRY_SERIALIZATION_STATE_DICT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/tensor.h"
#include "ferry/core/value.h"

namespace ferry {

// A tensor under the name that `torch.nn.Module.state_dict` gives it:
// "encoder.layers.0.weight".
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// The tensors that `value` holds as a model's state, in its order. The value
// may be
//
//   - a state_dict: a dict with tensors in it. What is no tensor, such as a
//     module's extra state, is left out.
//   - a module that was saved whole, of any class: its parameters and
//     persistent buffers, and those of its submodules, as its `state_dict()`
//     lists them. A module that hangs in several places is listed in each.
//     (A class that changes its `state_dict()` by code of its own is not known
//     to.)
//   - a dict that holds one of these under "state_dict", "model_state_dict",
//     "model", "module", "net", "network", "weights" or "params": the first of
//     them that does.
//
// Where a file keeps it elsewhere, say where: `StateDict(*value.At("/ema"))`.
//
// The tensors are those of `value`: not copied, and, in a `Checkpoint` whose
// storages are not placed, without their bytes. O(modules and tensors).
// Thread-safe like the const methods of `Value`.
//
// Errors:
//   kNotFound          - there is nothing of the kind; says what there is.
//   kInvalidArgument   - a tensor under a key that is not a str; a module that
//                        contains itself.
//   kResourceExhausted - names of more than 1 GiB in all, which no model has
//                        and a small file can ask for.
absl::StatusOr<std::vector<NamedTensor>> StateDict(const Value& value);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_STATE_DICT_H_
