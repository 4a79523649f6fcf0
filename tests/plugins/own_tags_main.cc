// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads checkpoints to where their tags say, with one plugin, and saves them
// again, for a test.
//
//   own_tags PLUGIN ALLOW_RESERVED < JOBS
//
// A job is a line of JSON: "in" and "out" are paths, "container" is "zip",
// "legacy" or "proto", and "map_location", if present, is a location. The file
// holds a list of tensors. For each job a line of JSON is printed: the devices
// of the tensors, or the error.

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Json> Run(const Json& job) {
  LoadOptions load_options;
  if (job.contains("map_location")) {
    load_options.map_location =
        MapLocation::To(job["map_location"].get<std::string>());
  }
  FERRY_ASSIGN_OR_RETURN(const Value list,
                         Load(job["in"].get<std::string>(), load_options));
  Json devices = Json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Value item, list.Item(i));
    FERRY_ASSIGN_OR_RETURN(const Tensor tensor, item.AsTensor());
    devices.push_back(tensor.device().ToString());
  }
  SaveOptions options;
  options.durability = Durability::kNone;
  if (job["container"] == "legacy") options.container = Container::kLegacy;
  if (job["container"] == "proto") options.codec = "proto";
  FERRY_RETURN_IF_ERROR(Save(list, job["out"].get<std::string>(), options));
  return devices;
}

Json Answer(const Json& job) {
  const absl::StatusOr<Json> devices = Run(job);
  if (!devices.ok()) return {{"error", devices.status().ToString()}};
  return {{"devices", *devices}};
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  ferry::PluginOptions options;
  options.paths = {argv[1]};
  options.allow_reserved_types = std::string(argv[2]) == "1";
  for (const ferry::PluginVerdict& verdict :
       ferry::PluginLoader::Default().Load(options)) {
    std::cerr << verdict.ToString() << "\n";
    if (!verdict.status.ok()) return 2;
  }
  for (std::string job; std::getline(std::cin, job);) {
    std::cout << ferry::Answer(ferry::Json::parse(job)).dump() << "\n";
  }
  return 0;
}
