// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times one load or save, for compare_with_pytorch.py. Each runs in a process
// of its own, so nothing is warm but the file.
//
//   time load FILE
//   time save FILE COPY none|full    what FILE holds; the load is not timed
//
// Prints seconds, then a sum over the first element of every tensor, which
// shows that the data are there.

#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/runtime/runtime.h"

namespace ferry {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double SumOfFirstElements(const Value& value) {
  double sum = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const absl::StatusOr<std::pair<Value, Value>> entry = value.Entry(i);
    if (!entry.ok()) continue;
    const absl::StatusOr<Tensor> tensor = entry->second.AsTensor();
    if (!tensor.ok() || tensor->dtype() != DType::kFloat32 ||
        tensor->num_elements() == 0 || tensor->data() == nullptr) {
      continue;
    }
    float first;
    std::memcpy(&first, tensor->data(), sizeof(first));
    sum += first;
  }
  return sum;
}

absl::Status Run(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "load" && argc == 3) {
    const Clock::time_point start = Clock::now();
    const absl::StatusOr<Value> value = Load(argv[2]);
    const double seconds = SecondsSince(start);
    if (!value.ok()) return value.status();
    std::printf("%.9f %.1f\n", seconds, SumOfFirstElements(*value));
    return absl::OkStatus();
  }
  if (command == "save" && argc == 5) {
    const absl::StatusOr<Value> value = Load(argv[2]);
    if (!value.ok()) return value.status();
    SaveOptions options;
    options.durability = std::strcmp(argv[4], "full") == 0 ? Durability::kFull
                                                           : Durability::kNone;
    const Clock::time_point start = Clock::now();
    const absl::Status status = Save(*value, argv[3], options);
    const double seconds = SecondsSince(start);
    if (!status.ok()) return status;
    std::printf("%.9f %.1f\n", seconds, SumOfFirstElements(*value));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "usage: time load FILE | time save FILE COPY none|full");
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  const absl::Status status = ferry::Run(argc, argv);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
