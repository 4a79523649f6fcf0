// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Takes checkpoints to the device of a plugin and back, for a test.
//
//   on_device PLUGIN TAG < JOBS
//
// A job is a line: IN ON_DEVICE BACK DIRECT. IN is loaded to TAG and saved as
// ON_DEVICE, which is loaded where it says and saved again, byte for byte the
// same, and loaded to the CPU and saved as BACK; DIRECT is what IN gives
// without the detour. For each job a line is printed: "ok", or the error.

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"

namespace ferry {
namespace {

absl::Status LoadAndSave(const std::string& from, absl::string_view tag,
                         const std::string& to) {
  LoadOptions load_options;
  if (!tag.empty()) load_options.map_location = MapLocation::To(tag);
  const absl::StatusOr<Value> value = Load(from, load_options);
  if (!value.ok()) return value.status();
  SaveOptions options;
  options.durability = Durability::kNone;
  options.archive_name = "archive";
  return Save(*value, to, options);
}

absl::Status Run(absl::string_view job, absl::string_view tag) {
  const std::vector<std::string> paths = absl::StrSplit(job, ' ');
  if (paths.size() != 4) return absl::InvalidArgumentError("four paths");
  absl::Status status = LoadAndSave(paths[0], "cpu", paths[3]);
  if (!status.ok()) return status;
  status = LoadAndSave(paths[0], tag, paths[1]);
  if (!status.ok()) return status;
  status = LoadAndSave(paths[1], "", paths[1] + ".again");
  if (!status.ok()) return status;
  return LoadAndSave(paths[1], "cpu", paths[2]);
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  ferry::PluginOptions options;
  options.paths = {argv[1]};
  for (const ferry::PluginVerdict& verdict :
       ferry::PluginLoader::Default().Load(options)) {
    std::cerr << verdict.ToString() << "\n";
    if (!verdict.status.ok()) return 2;
  }
  for (std::string job; std::getline(std::cin, job);) {
    const absl::Status status = ferry::Run(job, argv[2]);
    std::cout << (status.ok() ? "ok" : status.ToString()) << "\n";
  }
  return 0;
}
