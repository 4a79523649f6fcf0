// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Registers the CUDA plugin, linked in, with the process's registry before
// main(). It opens the driver only when somebody asks for its devices.

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/devices/device_registry.h"
#include "ferry/plugins/cuda/cuda_plugin.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_description.h"

namespace ferry {
inline namespace v1 {
namespace {

// As in PyTorch.
constexpr int kPriority = 20;

// False if the plugin is not registered. If the program was first with a
// backend of its own of that type and priority, that one stays. Messages about
// unknown tags give any other reason.
[[maybe_unused]] const bool registered = [] {
  DeviceRegistry& registry = DeviceRegistry::Default();
  const absl::StatusOr<PluginDescription> plugin =
      QueryPlugin(ferry_cuda_query, "");
  if (!plugin.ok()) {
    registry.NoteDisabled("the CUDA plugin", plugin.status().message());
    return false;
  }
  absl::StatusOr<Registration> registration = registry.RegisterBackend(
      kPriority, std::make_shared<PluginBackend>(plugin->backends[0]));
  if (absl::IsAlreadyExists(registration.status())) return false;
  if (!registration.ok()) {
    registry.NoteDisabled("the CUDA plugin", registration.status().message());
    return false;
  }
  registration->Release();
  return true;
}();

}  // namespace
}  // namespace v1
}  // namespace ferry
