// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Says of files what Ferry makes of them, for a test that compares it with what
// PyTorch does with the same files.
//
//   strict < PATHS
//
// A path is a line; so is the answer:
//
//   {"strict": STATUS, "data": STATUS, "which": TEXT or null}
//
// The two statuses are those of loading with `Globals::kStrict` and without,
// "OK" or the error; TEXT is the str at "/which" of what was loaded without.

#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::ordered_json;

Json Which(const Value& value) {
  const absl::StatusOr<Value> which = value.At("/which");
  if (!which.ok()) return nullptr;
  const absl::StatusOr<absl::string_view> text = which->AsStr();
  return text.ok() ? Json(std::string(*text)) : Json(nullptr);
}

Json Run(const std::string& path) {
  LoadOptions options;
  const absl::StatusOr<Value> data = Load(path, options);
  options.globals = Globals::kStrict;
  const absl::StatusOr<Value> strict = Load(path, options);
  return {{"strict", strict.status().ToString()},
          {"data", data.status().ToString()},
          {"which", data.ok() ? Which(*data) : Json(nullptr)}};
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main() {
  for (std::string path; std::getline(std::cin, path);) {
    std::cout << ferry::Run(path).dump() << "\n";
  }
  return 0;
}
