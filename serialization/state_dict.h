// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/state_dict.h
// -----------------------------------------------------------------------------
//
// Finds the tensors of a model by name, whatever was saved: a state_dict, a
// training checkpoint that holds one, a whole module, or a TorchScript program.
//
// Example: list all weights in a file, and the non-tensors in its state.
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

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/tensor.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// Something in a model's state that is not a tensor with a name.
struct LeftOut {
  // The name that a tensor in this position would have:
  // "fc._packed_params.dtype".
  std::string name;
  // Its type: "int", "dict", "omegaconf.DictConfig".
  std::string type;
};

struct StateDictResult {
  // In the order of the file. No two have the same name.
  std::vector<NamedTensor> tensors;

  // The entries of the state that neither are nor contain tensors, in the order
  // of the file. PyTorch's `state_dict()` lists them; `tensors` does not. A
  // dict, list or object without tensors is one entry.
  std::vector<LeftOut> left_out;

  // Where the state is in the value, as a JSON Pointer such as "/model". ""
  // means the value itself.
  std::string pointer;

  // What the value holds outside the state, as JSON Pointers: the entries
  // beside the state ("/optimizer"), and the tensors of a module that are
  // neither parameters nor persistent buffers ("/_buffers/cache").
  std::vector<std::string> outside;

  // The elements of `outside` that may nevertheless be a part of the state:
  // tensors beside the state, and lists, tuples and quantised weights beside it
  // that contain tensors. For example, in {"weights": {...}, "bias": tensor}
  // the state is taken to be the dict under "weights", but the whole value
  // could also be a state_dict. Empty if the state is under "state_dict" or
  // "model_state_dict", since modules do not use these as names of children.
  std::vector<std::string> ambiguous;
};

// Finds the tensors that `value` holds as a model's state. The value may be
//
//   - a state_dict: a dict with tensors in it, or with lists, tuples or
//     quantised weights that hold tensors.
//   - a module of any class that was saved whole. Lists its parameters and
//     persistent buffers, and those of its submodules, as its `state_dict()`
//     does. A submodule that is used in several places is listed in each. The
//     packed parameters of quantised modules are listed, too. Other classes
//     that override `state_dict()` are not supported.
//   - the root of a TorchScript archive. Lists every tensor among the
//     attributes of its objects, because the file does not say which of them
//     are parameters.
//   - a dict that holds one of these under "state_dict", "model_state_dict",
//     "model", "module", "net", "network", "weights", "generator",
//     "params_ema" or "params": the first of them that does.
//   - a dict that is not a state_dict and in which exactly one entry, under any
//     key, is one of these.
//
// If the state is somewhere else, pass that part:
// `StateDict(*value.At("/ema"))`.
//
// Within the state, a name is the path through dicts, lists, tuples and
// objects, joined by dots: "encoder.weights.0". Entries whose key is not a str
// are left out.
//
// The tensors are those of `value` and are not copied. If `value` is from a
// `Checkpoint` whose storages are not loaded, they have no bytes. All pointers
// can be passed to `Value::At`.
//
// Complexity: O(number of nodes + size of the names in the result), and as much
// again for each place where a module is shared. `budget` limits the steps and
// the memory; the defaults are in proportion to the file that `value` is from,
// or else to the size of its graph. `max_output_bytes` has no effect.
// Thread-safety: as the const methods of `Value`.
//
// Errors:
//   kNotFound          - no state was found, or several entries could be it;
//                        the message says what there is.
//   kInvalidArgument   - the state holds tensors, but none of them has a name;
//                        two tensors have the same name; or a module contains
//                        itself.
//   kResourceExhausted - it takes more than `budget` allows. No real model does
//                        by default, but a small hostile file could.
//   kCancelled         - `is_cancelled` returned true.
absl::StatusOr<StateDictResult> StateDict(
    const Value& value, const BudgetOptions& budget = BudgetOptions(),
    const std::function<bool()>& is_cancelled = nullptr);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_STATE_DICT_H_
