// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads checkpoints and saves them again, for tests that have PyTorch open the
// result.
//
//   convert < JOBS
//
// A job is a line of JSON: {"from": PATH, "to": PATH, "protocol": 2..5}, and
// with it "compatibility": "1.6" | "2.1" | "2.7" [2.7], "container": "zip" |
// "legacy" [zip], "codec", and "archive_name" if the archive is to be named
// otherwise than after the file. For each a line is printed: "ok", or the
// error.

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::json;

absl::Status Convert(const Json& job) {
  LoadOptions load_options;
  load_options.placement = Placement::kHost;
  const absl::StatusOr<Value> value =
      Load(job["from"].get<std::string>(), load_options);
  if (!value.ok()) return value.status();
  SaveOptions options;
  options.durability = Durability::kNone;
  options.pickle_protocol = job["protocol"];
  options.container = job.value("container", "zip") == std::string("legacy")
                          ? Container::kLegacy
                          : Container::kZip;
  options.codec = job.value("codec", "");
  const std::string version = job.value("compatibility", "2.7");
  options.compatibility = version == "1.6"   ? Compatibility::kTorch1_6
                          : version == "2.1" ? Compatibility::kTorch2_1
                                             : Compatibility::kTorch2_7;
  options.archive_name = job.value("archive_name", "");
  return Save(*value, job["to"].get<std::string>(), options);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

// A malformed job is the script's fault; it may end the program.
int main() {  // NOLINT(bugprone-exception-escape)
  for (std::string line; std::getline(std::cin, line);) {
    const absl::Status status = ferry::Convert(nlohmann::json::parse(line));
    std::cout << (status.ok() ? "ok" : status.ToString()) << "\n";
  }
  return 0;
}
