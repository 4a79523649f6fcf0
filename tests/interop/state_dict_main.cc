// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Prints what `StateDict` finds in checkpoints, for a test that compares it
// with `state_dict()` in PyTorch.
//
//   state_dict FILE...
//
// One line of JSON a file: {"error": "..."} or [[name, dtype, shape, bytes of
// the storage in hexadecimal], ...].

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
namespace {

using Json = nlohmann::ordered_json;

Json Describe(absl::string_view path) {
  const absl::StatusOr<Value> value = Load(path);
  if (!value.ok()) return {{"error", value.status().ToString()}};
  const absl::StatusOr<std::vector<NamedTensor>> state = StateDict(*value);
  if (!state.ok()) return {{"error", state.status().ToString()}};
  Json rows = Json::array();
  for (const NamedTensor& entry : *state) {
    const Storage& storage = entry.tensor.storage();
    Json shape = Json::array();
    for (int64_t size : entry.tensor.shape()) shape.push_back(size);
    rows.push_back(
        {entry.name, std::string(Name(entry.tensor.dtype())), shape,
         absl::BytesToHexString(absl::string_view(
             static_cast<const char*>(storage.data()), storage.size_bytes()))});
  }
  return rows;
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::cout << ferry::Describe(argv[i]).dump() << "\n";
  }
  return 0;
}
