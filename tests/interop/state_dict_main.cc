// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Prints what `StateDict` finds in checkpoints, for a test that compares it
// with `state_dict()` in PyTorch.
//
//   state_dict FILE...
//
// One line of JSON a file: {"error": "..."} or {"tensors": [[name, dtype,
// shape, bytes of the storage in hexadecimal, if any], ...], "left_out":
// [[name, type], ...], "pointer": "...", "outside": ["...", ...], "load_into":
// "error of a strict LoadInto of these tensors, or empty"}.

#include <cstddef>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::ordered_json;

// Reads the tensors of a file once more, each into memory of its own, and
// compares them.
std::string LoadIntoError(absl::string_view path,
                          const std::vector<NamedTensor>& tensors) {
  std::vector<NamedTensor> wanted = tensors;
  for (NamedTensor& entry : wanted) {
    if (entry.tensor.layout() != Layout::kStrided) continue;
    const absl::StatusOr<Storage> storage =
        Storage::Allocate(entry.tensor.storage().size_bytes());
    if (!storage.ok()) return storage.status().ToString();
    entry.tensor = entry.tensor.WithStorage(*storage);
  }
  const absl::Status status = LoadInto(path, wanted).status();
  if (!status.ok()) return std::string(status.message());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Storage& from = tensors[i].tensor.storage();
    const Storage& to = wanted[i].tensor.storage();
    if (from.size_bytes() != 0 &&
        std::memcmp(from.data(), to.data(), from.size_bytes()) != 0) {
      return absl::StrCat(tensors[i].name, " differs");
    }
  }
  return "";
}

Json Describe(absl::string_view path) {
  const absl::StatusOr<Value> value = Load(path);
  if (!value.ok()) return {{"error", value.status().ToString()}};
  const absl::StatusOr<StateDictResult> state = StateDict(*value);
  if (!state.ok()) return {{"error", state.status().ToString()}};
  Json rows = Json::array();
  for (const NamedTensor& entry : state->tensors) {
    Json shape = Json::array();
    for (int64_t size : entry.tensor.shape()) shape.push_back(size);
    std::string bytes;
    if (entry.tensor.layout() == Layout::kStrided &&
        entry.tensor.storage().data() != nullptr) {
      const Storage& storage = entry.tensor.storage();
      bytes.assign(static_cast<const char*>(storage.data()),
                   storage.size_bytes());
    }
    rows.push_back({entry.name, std::string(Name(entry.tensor.dtype())), shape,
                    absl::BytesToHexString(bytes)});
  }
  Json left_out = Json::array();
  for (const LeftOut& entry : state->left_out) {
    left_out.push_back({entry.name, entry.type});
  }
  return {{"tensors", rows},
          {"left_out", left_out},
          {"pointer", state->pointer},
          {"outside", state->outside},
          {"load_into", LoadIntoError(path, state->tensors)}};
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::cout << ferry::Describe(argv[i]).dump() << "\n";
  }
  return 0;
}
