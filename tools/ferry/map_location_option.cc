// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/map_location_option.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/location_tag.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// The types whose storages torch.load restores, as PyTorch registers them in
// torch/serialization.py. The first ones have no index in a location tag.
constexpr absl::string_view kPlainTypes[] = {"cpu", "meta", "mps"};
constexpr absl::string_view kIndexedTypes[] = {"cuda", "hpu", "privateuseone",
                                               "xpu"};

bool Contains(absl::Span<const absl::string_view> words,
              absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Whether a backend gives `tag` a device, which may be missing here.
bool IsClaimed(absl::string_view tag, const DeviceSnapshot& devices) {
  const absl::StatusOr<ResolvedLocation> location = devices.Resolve(tag);
  if (location.ok()) return location->backend != nullptr;
  return absl::IsOutOfRange(location.status()) ||
         absl::IsUnavailable(location.status());
}

absl::Status CheckIsKnown(absl::string_view tag,
                          const DeviceSnapshot& devices) {
  if (Contains(kPlainTypes, tag)) return absl::OkStatus();
  std::set<std::string> known(std::begin(kIndexedTypes),
                              std::end(kIndexedTypes));
  for (const DeviceSnapshot::Entry& entry : devices.entries()) {
    if (entry.backend != nullptr) known.emplace(entry.backend->type());
  }
  const absl::StatusOr<Device> device = Device::Parse(tag);
  if (device.ok() && !Contains(kPlainTypes, device->type()) &&
      known.count(device->type()) != 0) {
    return absl::OkStatus();
  }
  // PyTorch knows "cpu" and not "cpu:0".
  if (!Contains(kPlainTypes, TypeOfTag(tag)) && IsClaimed(tag, devices)) {
    return absl::OkStatus();
  }
  for (absl::string_view type : kPlainTypes) known.erase(std::string(type));
  return absl::InvalidArgumentError(absl::StrCat(
      "no device is called ", QuoteForMessage(tag), ": the known types are ",
      absl::StrJoin(kPlainTypes, ", "), ", and, with an index as in cuda:0, ",
      absl::StrJoin(known, ", "),
      ". To use the name anyway, add --any-location"));
}

}  // namespace

absl::StatusOr<MapLocation> ParseMapLocation(absl::string_view text,
                                             Targets targets,
                                             const DeviceSnapshot& devices) {
  const auto check = [targets, &devices](absl::string_view tag) {
    return targets == Targets::kAny ? absl::OkStatus()
                                    : CheckIsKnown(tag, devices);
  };
  const auto refuse = [text](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" ", why,
                     "; give a location such as cpu or cuda:0, or a table such "
                     "as cuda:0=cpu,cuda:1=cpu"));
  };
  if (text.empty()) return refuse("is not a location");
  if (text.find('=') == absl::string_view::npos) {
    if (text.find(',') != absl::string_view::npos) {
      return refuse("is more than one location");
    }
    FERRY_RETURN_IF_ERROR(check(text));
    return MapLocation::To(text);
  }
  std::map<std::string, std::string> table;
  for (absl::string_view row : absl::StrSplit(text, ',')) {
    const std::vector<std::string> sides = absl::StrSplit(row, '=');
    if (sides.size() != 2 || sides[0].empty() || sides[1].empty()) {
      return refuse("has a row that is not FROM=TO");
    }
    FERRY_RETURN_IF_ERROR(check(sides[1]));
    if (!table.emplace(sides[0], sides[1]).second) {
      return refuse(absl::StrCat("maps ", sides[0], " twice"));
    }
  }
  return MapLocation::Table(table);
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
