// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads checkpoints, and saves what was loaded, for a test.
//
//   load_and_save [PLUGIN] < JOBS
//
// A job is a line: IN OUT [TAG]. IN is loaded to the devices that its storages
// name, or to TAG. For each job a line is printed: "ok", or the error.

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status Run(const std::vector<std::string>& job) {
  if (job.size() < 2) return absl::InvalidArgumentError("IN OUT [TAG]");
  LoadOptions load_options;
  if (job.size() > 2) load_options.map_location = MapLocation::To(job[2]);
  const absl::StatusOr<Value> value = Load(job[0], load_options);
  if (!value.ok()) return value.status();
  SaveOptions options;
  options.durability = Durability::kNone;
  options.archive_name = "archive";
  return Save(*value, job[1], options);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  ferry::PluginOptions options;
  options.paths.assign(argv + 1, argv + argc);
  for (const ferry::PluginVerdict& verdict :
       ferry::PluginLoader::Default().Load(options)) {
    if (verdict.status.ok()) continue;
    std::cerr << verdict.ToString() << "\n";
    return 2;
  }
  for (std::string job; std::getline(std::cin, job);) {
    const absl::Status status = ferry::Run(absl::StrSplit(job, ' '));
    std::cout << (status.ok() ? "ok" : status.ToString()) << "\n";
  }
  return 0;
}
