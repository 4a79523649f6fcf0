// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/map_location.h"

#include <string>
#include <vector>

namespace ferry {
inline namespace v1 {

MapLocation MapLocation::To(absl::string_view tag) {
  MapLocation map;
  map.form_ = Form::kTo;
  map.to_ = std::string(tag);
  return map;
}

MapLocation MapLocation::To(const Device& device) {
  return To(device.ToString());
}

MapLocation MapLocation::Table(
    const std::map<std::string, std::string>& table) {
  MapLocation map;
  map.form_ = Form::kTable;
  map.table_.insert(table.begin(), table.end());
  return map;
}

MapLocation MapLocation::Function(Mapper mapper) {
  MapLocation map;
  map.form_ = Form::kFunction;
  map.mapper_ = std::move(mapper);
  return map;
}

bool MapLocation::Matches(absl::string_view tag) const {
  return form_ == Form::kTo ||
         (form_ == Form::kTable && table_.count(std::string(tag)) != 0);
}

std::vector<std::string> MapLocation::keys() const {
  std::vector<std::string> keys;
  keys.reserve(table_.size());
  for (const auto& row : table_) keys.push_back(row.first);
  return keys;
}

absl::string_view MapLocation::MapTag(absl::string_view tag) const {
  if (form_ == Form::kTo) return to_;
  if (form_ != Form::kTable) return tag;
  const auto found = table_.find(std::string(tag));
  return found == table_.end() ? tag : absl::string_view(found->second);
}

}  // namespace v1
}  // namespace ferry
