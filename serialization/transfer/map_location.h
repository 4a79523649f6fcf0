// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/map_location.h
// -----------------------------------------------------------------------------
//
// The counterpart of PyTorch's `map_location`: says where storages go instead
// of the location that the file names. A save takes one, too, and writes the
// mapped tags (`SaveOptions::map_location`).
//
// Example: everything to the CPU; one device instead of another; a function.
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
inline namespace v1 {

// MapLocation
//
// A value type. The forms and what each does are those of
// `_get_restore_location` in torch/serialization.py. Tags are compared as plain
// text, without wildcards.
class MapLocation {
 public:
  // Returns the storage to use for `storage`, which is complete and on the
  // host, and its tag in the file. Returns nullopt to use the location that the
  // tag names. The returned storage must have the same size in bytes. Called
  // once per storage, one at a time, on the loading thread, in the order of
  // first reference.
  using Mapper = std::function<absl::StatusOr<std::optional<Storage>>(
      const Storage& storage, absl::string_view tag)>;

  // Creates no mapping: storages go to the location that the file names.
  MapLocation() = default;

  // Maps all storages to one location, given as a tag or as a device.
  static MapLocation To(absl::string_view tag);
  static MapLocation To(const Device& device);

  // Maps each tag that is a key of `table` to its value, which is not mapped
  // again. Storages with other tags go to the location that the file names.
  static MapLocation Table(const std::map<std::string, std::string>& table);

  static MapLocation Function(Mapper mapper);

  bool is_none() const { return form_ == Form::kNone; }

  // Returns the tag that replaces `tag`, or `tag` itself if nothing maps it.
  absl::string_view MapTag(absl::string_view tag) const;

  // Returns whether `tag` is mapped by text or by table. Always false if the
  // mapping is a function.
  bool Matches(absl::string_view tag) const;

  // Returns the keys of the table, in alphabetical order. Empty for other
  // forms.
  std::vector<std::string> keys() const;

  // Returns the function, or an empty one for other forms.
  const Mapper& mapper() const { return mapper_; }

 private:
  enum class Form { kNone, kTo, kTable, kFunction };

  Form form_ = Form::kNone;
  std::string to_;
  std::map<std::string, std::string, std::less<>> table_;
  Mapper mapper_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_MAP_LOCATION_H_
