// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/map_location_option.h
// -----------------------------------------------------------------------------
//
// `--map-location`: where tensors go, as a word on the command line.
//
// Example:
//
//   ParseMapLocation("cpu");                   // all to the CPU
//   ParseMapLocation("cuda:0=cpu,cuda:1=cpu")  // these two
#ifndef FERRY_TOOLS_FERRY_MAP_LOCATION_OPTION_H_
#define FERRY_TOOLS_FERRY_MAP_LOCATION_OPTION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/serialization/map_location.h"

namespace ferry {

// A location tag, or a table of FROM=TO, with commas between them.
//
// Errors: kInvalidArgument - neither; a FROM that stands twice.
absl::StatusOr<MapLocation> ParseMapLocation(absl::string_view text);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_MAP_LOCATION_OPTION_H_
