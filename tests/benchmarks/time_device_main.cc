// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times one load onto the device of a plugin, for compare_devices.py.
//
//   time_device PLUGIN DEVICE stream FILE   loads FILE onto DEVICE
//   time_device PLUGIN DEVICE copy FILE     loads FILE to the host, and copies
//                                           it from there, storage by storage
//   time_device PLUGIN DEVICE host FILE     loads FILE to the host
//
// PLUGIN is "-" if the device is built in.
//
// The device is in use before the clock starts, so that its start-up is not
// timed. Speaks as sample.h says; the check sum is that of the bytes which are
// read back from the device.

#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/status_macros.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"
#include "ferry/tests/benchmarks/sample.h"
#include "ferry/value/testing/storages_of.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status LoadPlugin(const std::string& path) {
  if (path == "-") return absl::OkStatus();
  PluginOptions options;
  options.paths = {path};
  for (const PluginVerdict& verdict : PluginLoader::Default().Load(options)) {
    FERRY_RETURN_IF_ERROR(verdict.status);
  }
  return absl::OkStatus();
}

// Brings a few bytes to the device.
absl::Status Use(const Device& device) {
  FERRY_ASSIGN_OR_RETURN(const Storage host, Storage::Allocate(64));
  std::memset(host.data(), 0, host.size_bytes());
  return To(host, device).status();
}

absl::StatusOr<std::vector<Storage>> LoadOnto(const Device& device,
                                              const std::string& path) {
  LoadOptions options;
  options.map_location = MapLocation::To(device);
  FERRY_ASSIGN_OR_RETURN(const Value value, Load(path, options));
  return StoragesOf(value);
}

absl::StatusOr<std::vector<Storage>> LoadAndCopy(const Device& device,
                                                 const std::string& path) {
  FERRY_ASSIGN_OR_RETURN(std::vector<Storage> storages,
                         LoadOnto(Device("cpu"), path));
  for (Storage& storage : storages) {
    FERRY_ASSIGN_OR_RETURN(storage, To(storage, device));
  }
  return storages;
}

absl::StatusOr<double> CheckSum(const std::vector<Storage>& storages) {
  uint64_t sum = 0;
  for (const Storage& storage : storages) {
    FERRY_ASSIGN_OR_RETURN(const Storage host, To(storage, Device("cpu")));
    const auto* const bytes = static_cast<const unsigned char*>(host.data());
    for (uint64_t i = 0; i < host.size_bytes(); ++i) sum += bytes[i];
  }
  return static_cast<double>(sum);
}

absl::Status Run(int argc, char** argv) {
  const std::string mode = argc == 5 ? argv[3] : "";
  if (mode != "stream" && mode != "copy" && mode != "host") {
    return absl::InvalidArgumentError(
        "usage: time_device PLUGIN DEVICE stream|copy|host FILE");
  }
  FERRY_RETURN_IF_ERROR(LoadPlugin(argv[1]));
  FERRY_ASSIGN_OR_RETURN(const Device device, Device::Parse(argv[2]));
  FERRY_RETURN_IF_ERROR(Use(device));
  const Device target = mode == "host" ? Device("cpu") : device;
  AwaitStart();
  const Stopwatch stopwatch;
  FERRY_ASSIGN_OR_RETURN(const std::vector<Storage> storages,
                         mode == "copy" ? LoadAndCopy(device, argv[4])
                                        : LoadOnto(target, argv[4]));
  const Times times = stopwatch.Read();
  FERRY_ASSIGN_OR_RETURN(const double sum, CheckSum(storages));
  PrintSample(times, sum);
  return absl::OkStatus();
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  const absl::Status status = ferry::Run(argc, argv);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
