// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/map_location_option.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace ferry {

absl::StatusOr<MapLocation> ParseMapLocation(absl::string_view text) {
  const auto refuse = [text](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" ", why,
                     "; give a location such as cpu or cuda:0, or a table such "
                     "as cuda:0=cpu,cuda:1=cpu"));
  };
  if (text.empty()) return refuse("is no location");
  if (text.find('=') == absl::string_view::npos) {
    if (text.find(',') != absl::string_view::npos) {
      return refuse("is more than one location");
    }
    return MapLocation::To(text);
  }
  std::map<std::string, std::string> table;
  for (absl::string_view row : absl::StrSplit(text, ',')) {
    const std::vector<std::string> sides = absl::StrSplit(row, '=');
    if (sides.size() != 2 || sides[0].empty() || sides[1].empty()) {
      return refuse("has a row that is not FROM=TO");
    }
    if (!table.emplace(sides[0], sides[1]).second) {
      return refuse(absl::StrCat("maps ", sides[0], " twice"));
    }
  }
  return MapLocation::Table(table);
}

}  // namespace ferry
