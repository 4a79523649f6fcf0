// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/state_dict.h
// -----------------------------------------------------------------------------
//
// The tensors of a model by name, from whatever was saved: a state_dict, a
// training checkpoint that holds one, a whole module, or a TorchScript program.
//
// Example: all weights of a file, and what else its state has.
//
//   FERRY_ASSIGN_OR_RETURN(Value checkpoint, Load("train.pt"));
//   FERRY_ASSIGN_OR_RETURN(StateDictResult state, StateDict(checkpoint));
//   for (const NamedTensor& entry : state.tensors) {
//     std::cout << entry.name << " " << ShapeToString(entry.tensor.shape());
//   }
//   for (const LeftOut& entry : state.left_out) {
//     std::cout << entry.name << " is no tensor but " << entry.type;
//   }
#ifndef FERRY_SERIALIZATION_STATE_DICT_H_
#define FERRY_SERIALIZATION_STATE_DICT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/tensor.h"
#include "ferry/value/value.h"

namespace ferry {

// Something in a model's state that is not a tensor with a name.
struct LeftOut {
  // The name that a tensor would have in its place: "fc._packed_params.dtype".
  std::string name;
  // Its type: "int", "dict", "omegaconf.DictConfig".
  std::string type;
};

struct StateDictResult {
  // In the order of the file. No two have the same name.
  std::vector<NamedTensor> tensors;

  // What the state holds that is no tensor and contains none: PyTorch's
  // `state_dict()` lists it, `tensors` does not. In the order of the file. A
  // dict, list or object without tensors is one entry.
  std::vector<LeftOut> left_out;

  // Where the state is in the value, as a JSON Pointer: "/model"; "" is the
  // value itself.
  std::string pointer;

  // What the value holds outside the state, as JSON Pointers: the entries
  // beside the state ("/optimizer"), and the tensors of a module that are
  // neither parameters nor persistent buffers ("/_buffers/cache").
  std::vector<std::string> outside;

  // Those of `outside` that may be a part of the state all the same: the
  // tensors, and the lists, tuples and quantised weights with tensors in them,
  // beside the state. The value {"weights": {...}, "bias": tensor} is taken for
  // one that holds a state under "weights", and reads as well as a state_dict
  // of its own. Empty where the state is under "state_dict" or
  // "model_state_dict", which are not what a module calls its children.
  std::vector<std::string> ambiguous;
};

// Finds the tensors that `value` holds as a model's state. The value may be
//
//   - a state_dict: a dict with tensors in it, or with lists, tuples or
//     quantised weights that hold tensors.
//   - a module that was saved whole, of any class: its parameters and
//     persistent buffers, and those of its submodules, as its `state_dict()`
//     lists them. A module that hangs in several places is listed in each.
//     What quantised modules pack is listed too. Other classes that change
//     their `state_dict()` by code of their own are not known.
//   - the root of a TorchScript archive: every tensor among the attributes of
//     its objects. The file does not say which of them are parameters.
//   - a dict that holds one of these under "state_dict", "model_state_dict",
//     "model", "module", "net", "network", "weights", "generator",
//     "params_ema" or "params": the first of them that does.
//   - a dict that is no state_dict and has exactly one entry that is one of
//     these, under any key.
//
// Where a file keeps it elsewhere, say where: `StateDict(*value.At("/ema"))`.
//
// Inside the state, names run through dicts, lists, tuples and objects:
// "encoder.weights.0". What a key that is not a str leads to is left out.
//
// The tensors are those of `value`: not copied, and, in a `Checkpoint` whose
// storages are not placed, without their bytes. All pointers lead back to what
// they name by `Value::At`. O(nodes and the text of the names in the result).
// Thread-safe like the const methods of `Value`.
//
// Errors:
//   kNotFound          - there is nothing of the kind, or several entries that
//                        could be it; says what there is.
//   kInvalidArgument   - the state holds tensors, but none that has a name; two
//                        tensors of one name; a module that contains itself.
//   kResourceExhausted - names and visits of more than 1 GiB in all, which no
//                        model has and a small file can ask for.
absl::StatusOr<StateDictResult> StateDict(const Value& value);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_STATE_DICT_H_
