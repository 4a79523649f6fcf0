// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/location_tag.h
// -----------------------------------------------------------------------------
//
// The text of location tags: the usual form "type:index", the types that have a
// meaning in PyTorch, and the rules for tags of any other form.
//
// Example:
//
//   std::optional<ParsedTag> parsed = ParseTag("cuda:1");
//   // parsed->type is "cuda", parsed->index is 1.
#ifndef FERRY_DEVICES_LOCATION_TAG_H_
#define FERRY_DEVICES_LOCATION_TAG_H_

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {

// The maximum size of a location tag in bytes.
inline constexpr size_t kMaxLocationTagBytes = 1024;

// A tag of the form "type" or "type:index".
struct ParsedTag {
  absl::string_view type;
  // Device::kNoIndex if the tag has none. Indexes above 2^20 are stored as
  // 2^20, which is more than any backend has devices.
  int index;
};

// Parses "type" or "type:index". The index is a decimal number without leading
// zeros. Returns nullopt if the tag has another form; such a tag can still mean
// something to a package. The result points into `tag`.
std::optional<ParsedTag> ParseTag(absl::string_view tag);

// Returns the text before the first ':', or the whole tag if it has none.
absl::string_view TypeOfTag(absl::string_view tag);

// Returns the device types that have a meaning in PyTorch. A plugin may use
// such a type, and tags that begin with it, only if the program allows it.
absl::Span<const absl::string_view> ReservedDeviceTypes();

// Returns whether `type` is one of `ReservedDeviceTypes`.
bool IsReservedDeviceType(absl::string_view type);

// Returns whether `tag` can be a location tag: UTF-8 text of 1 to
// kMaxLocationTagBytes bytes. O(size).
bool IsLocationTag(absl::string_view tag);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_LOCATION_TAG_H_
