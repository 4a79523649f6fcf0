// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads checkpoints under forms of `map_location`, for a test that compares
// what becomes of them with what PyTorch makes of them.
//
//   map_location < CASES
//
// A case is a line of JSON:
//
//   {"path": "...", "form": "none" | "to" | "table" | "function",
//    "to": TAG, "table": {TAG: TAG}, "keep": [TAG, ...],
//    "packages": [[PRIORITY, NAME, [TAG, ...]], ...]}
//
// "function" returns storages of the tags in "keep" as they are, and nothing
// for others. A package likewise. The answer is a line:
//
//   {"error": "..."} or
//   {"tensors": [[DEVICE, [ELEMENT, ...]], ...], "calls": [[NAME, TAG, FIRST],
//   ...]}
//
// with "map" as the name of the function, in the order in which they were
// called. FIRST is the first element that the storage held then.

#include <algorithm>
#include <cstring>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::ordered_json;

// A function that keeps storages of some tags, and notes that it was called.
MapLocation::Mapper Keeper(std::string name, std::vector<std::string> tags,
                           Json* calls) {
  return [name = std::move(name), tags = std::move(tags), calls](
             const Storage& storage,
             absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
    float first = -1;
    if (storage.size_bytes() >= sizeof(first)) {
      std::memcpy(&first, storage.data(), sizeof(first));
    }
    calls->push_back({name, std::string(tag), first});
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) {
      return std::nullopt;
    }
    return storage;
  };
}

Json Run(const Json& test) {
  Json calls = Json::array();
  std::vector<Registration> packages;
  for (const Json& package : test["packages"]) {
    packages.push_back(DeviceRegistry::Default().RegisterPackage(
        package[0], nullptr, Keeper(package[1], package[2], &calls)));
  }
  LoadOptions options;
  const std::string form = test["form"];
  if (form == "to") {
    options.map_location = MapLocation::To(test["to"].get<std::string>());
  } else if (form == "table") {
    std::map<std::string, std::string> table;
    for (const auto& [from, to] : test["table"].items()) {
      table.emplace(from, to.get<std::string>());
    }
    options.map_location = MapLocation::Table(table);
  } else if (form == "function") {
    options.map_location =
        MapLocation::Function(Keeper("map", test["keep"], &calls));
  }
  const absl::StatusOr<Value> list =
      Load(test["path"].get<std::string>(), options);
  if (!list.ok()) return {{"error", list.status().ToString()}};
  Json tensors = Json::array();
  for (size_t i = 0; i < list->size(); ++i) {
    const absl::StatusOr<Tensor> tensor = list->Item(i)->AsTensor();
    if (!tensor.ok()) return {{"error", tensor.status().ToString()}};
    Json elements = Json::array();
    const auto* data = static_cast<const float*>(tensor->data());
    for (int64_t k = 0; data != nullptr && k < tensor->num_elements(); ++k) {
      elements.push_back(data[k]);
    }
    tensors.push_back({tensor->device().ToString(), elements});
  }
  return {{"tensors", tensors}, {"calls", calls}};
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << ferry::Run(ferry::Json::parse(line)).dump() << "\n";
  }
  return 0;
}
