// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Location tags of any bytes: read without a crash, and only those that name a
// device exactly lead to it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"

namespace ferry {
namespace {

// "cpu", "fake" with two devices, and types whose names begin as others do.
DeviceSnapshot Devices() {
  static DeviceRegistry* const registry = [] {
    auto* made = new DeviceRegistry;
    made->RegisterBackend(10, std::make_shared<FakeHostBackend>())->Release();
    for (const char* type : {"fake", "fake2", "fak", "cpu2", "cudax"}) {
      FakeBackend::Options options;
      options.type = type;
      made->RegisterBackend(100, std::make_shared<FakeBackend>(options))
          ->Release();
    }
    return made;
  }();
  return registry->Snapshot();
}

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace
}  // namespace ferry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ferry::Require;
  const absl::string_view tag(reinterpret_cast<const char*>(data), size);
  const ferry::DeviceSnapshot devices = ferry::Devices();
  const absl::StatusOr<ferry::Storage> host = ferry::Storage::Allocate(1);
  const auto resolved = devices.Resolve(tag);
  const auto restored = devices.RestoreLocation(*host, tag);
  Require(resolved.ok() == restored.ok());
  if (!resolved.ok()) {
    Require(resolved.status().code() == restored.status().code());
    return 0;
  }
  // The type is the tag's own, and the index is spelt in the one way there is.
  const std::string type(resolved->backend->type());
  const std::string index = absl::StrCat(type, ":", resolved->index);
  Require(tag == index || (tag == type && resolved->index == 0));
  const auto again = devices.LocationTag(*restored);
  Require(again.ok() && (*again == index || *again == type));
  return 0;
}
