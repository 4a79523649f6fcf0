// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Registers the backend with the process's registry before main().

#include <memory>

#include "absl/status/statusor.h"
#include "ferry/devices/device_registry.h"
#include "ferry/plugins/meta/meta_backend.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int kPriority = 22;

// False if the program was first with a backend of its own of that type and
// priority; then it stays.
[[maybe_unused]] const bool registered = [] {
  absl::StatusOr<Registration> registration =
      DeviceRegistry::Default().RegisterBackend(
          kPriority, std::make_shared<MetaBackend>());
  if (!registration.ok()) return false;
  registration->Release();
  return true;
}();

}  // namespace
}  // namespace v1
}  // namespace ferry
