// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/map_location_option.h
// -----------------------------------------------------------------------------
//
// Parses `--map-location`, which says where tensors go.
//
// Example:
//
//   ParseMapLocation("cpu", Targets::kKnown, devices);  // all to the CPU
//   // These two:
//   ParseMapLocation("cuda:0=cpu,cuda:1=cpu", Targets::kKnown, devices);
#ifndef FERRY_TOOLS_FERRY_MAP_LOCATION_OPTION_H_
#define FERRY_TOOLS_FERRY_MAP_LOCATION_OPTION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/transfer/map_location.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Where tensors may go.
enum class Targets {
  // To a location that a registered package of PyTorch restores
  // (torch/serialization.py), that has a type in `devices`, or that a backend
  // in `devices` claims. The device need not exist.
  kKnown,
  // Storages go to a location with any name.
  kAny,
};

// Parses a location tag, or a table of FROM=TO separated by commas.
//
// Errors: kInvalidArgument - the text is neither of these, a FROM occurs twice,
//         or a location is not among `targets`. The message lists the known
//         ones.
absl::StatusOr<MapLocation> ParseMapLocation(absl::string_view text,
                                             Targets targets,
                                             const DeviceSnapshot& devices);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_MAP_LOCATION_OPTION_H_
