// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Location tags of any bytes, given to the toy of plugins/example: it claims
// those of PyTorch's "privateuseone:N", and no other.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/location_tag.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_description.h"

namespace ferry {
inline namespace v1 {
namespace {

const PluginDescription& Toy() {
  static const auto* const toy =
      new PluginDescription(*QueryPlugin(ferry_plugin_query_v0, ""));
  return *toy;
}

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace
}  // namespace v1
}  // namespace ferry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ferry::Require;
  const absl::string_view tag(reinterpret_cast<const char*>(data), size);
  const auto toy =
      std::make_shared<ferry::PluginBackend>(ferry::Toy().backends[0]);
  const absl::StatusOr<std::optional<int>> found = toy->FindDevice(tag);
  Require(found.ok());
  const std::optional<ferry::ParsedTag> parsed = ferry::ParseTag(tag);
  const bool is_claimed = parsed.has_value() && parsed->index >= 0 &&
                          parsed->type == "privateuseone";
  Require(found->has_value() == is_claimed);
  // Whatever is past the last device is somewhere past it.
  if (is_claimed) Require(std::min(**found, 2) == std::min(parsed->index, 2));

  ferry::DeviceRegistry registry;
  const auto registration = registry.RegisterBackend(100, toy);
  const auto location = registry.Snapshot().Resolve(tag);
  if (is_claimed && ferry::IsLocationTag(tag)) {
    Require(location.ok() == (parsed->index < 2));
    Require(location.ok() || absl::IsOutOfRange(location.status()));
  }
  return 0;
}
