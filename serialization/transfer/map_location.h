// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/map_location.h
// -----------------------------------------------------------------------------
//
// PyTorch's `map_location`: where storages go instead of where the file says.
//
// Example: everything to the CPU; or one device for another; or as code says.
//
//   LoadOptions options;
//   options.map_location = MapLocation::To("cpu");
//   options.map_location = MapLocation::Table({{"cuda:0", "cuda:1"}});
//   options.map_location = MapLocation::Function(
//       [](const Storage& storage, absl::string_view tag)
//           -> absl::StatusOr<std::optional<Storage>> {
//         if (tag != "cuda:0") return std::nullopt;  // as without a mapping
//         return storage;                            // stays on the host
//       });
#ifndef FERRY_SERIALIZATION_TRANSFER_MAP_LOCATION_H_
#define FERRY_SERIALIZATION_TRANSFER_MAP_LOCATION_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"

namespace ferry {

// MapLocation
//
// A value. The forms, and what each does, are those of torch/serialization.py,
// `_get_restore_location`; the file's tag counts as text, without wildcards.
class MapLocation {
 public:
  // As a function: what to make of a storage, which is complete and on the
  // host, and the file's tag; or nothing, for what the tag itself asks for.
  // What is returned must have as many bytes. Called once for each storage, one
  // at a time, on the thread that loads, in the order of first reference.
  using Mapper = std::function<absl::StatusOr<std::optional<Storage>>(
      const Storage& storage, absl::string_view tag)>;

  // No mapping: storages go where the file says.
  MapLocation() = default;

  // All storages to one place, by its tag or as a device.
  static MapLocation To(absl::string_view tag);
  static MapLocation To(const Device& device);

  // Storages with a tag that is a key to the tag beside it, which is not mapped
  // again; all others where the file says.
  static MapLocation Table(const std::map<std::string, std::string>& table);

  static MapLocation Function(Mapper mapper);

  bool is_none() const { return form_ == Form::kNone; }

  // The tag that takes the place of `tag`: itself, if nothing maps it.
  absl::string_view MapTag(absl::string_view tag) const;

  // Whether a tag is mapped by text or table. Never of functions.
  bool Matches(absl::string_view tag) const;

  // The keys of a table, in alphabetical order. Empty for the other forms.
  std::vector<std::string> keys() const;

  // Of the form by function; else empty.
  const Mapper& mapper() const { return mapper_; }

 private:
  enum class Form { kNone, kTo, kTable, kFunction };

  Form form_ = Form::kNone;
  std::string to_;
  std::map<std::string, std::string, std::less<>> table_;
  Mapper mapper_;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_MAP_LOCATION_H_
