// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Location tags of any bytes: read without a crash, and only those that name a
// device exactly, or that its backend claims, lead to it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/location_tag.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr absl::string_view kOwnTag = "old";

void Require(bool condition) {
  if (!condition) std::abort();
}

// "cpu", "fake" with two devices, and types whose names begin as others do.
// "fake2" also claims every tag that begins with kOwnTag.
DeviceSnapshot Devices() {
  static DeviceRegistry* const registry = [] {
    auto* made = new DeviceRegistry;
    made->RegisterBackend(10, std::make_shared<FakeHostBackend>())->Release();
    for (const char* type : {"fake", "fake2", "fak", "cpu2", "cudax"}) {
      FakeBackend::Options options;
      options.type = type;
      if (options.type == "fake2") {
        options.device_tag = [](int index) {
          return absl::StrCat(kOwnTag, index);
        };
        options.find_device =
            [](absl::string_view tag) -> absl::StatusOr<std::optional<int>> {
          Require(IsLocationTag(tag));
          if (!absl::ConsumePrefix(&tag, kOwnTag)) return std::nullopt;
          return tag == "1" ? 1 : 0;
        };
      }
      made->RegisterBackend(100, std::make_shared<FakeBackend>(options))
          ->Release();
    }
    return made;
  }();
  return registry->Snapshot();
}

}  // namespace
}  // namespace v1
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
  const std::string type(resolved->backend->type());
  const auto again = devices.LocationTag(*restored);
  Require(again.ok());
  // A claimed tag leads to the backend that claims it.
  if (absl::StartsWith(tag, ferry::kOwnTag)) {
    Require(type == "fake2" &&
            *again == absl::StrCat(ferry::kOwnTag, resolved->index));
    return 0;
  }
  // The type is the tag's own, and the index is spelt in the one way there is.
  const std::string index = absl::StrCat(type, ":", resolved->index);
  Require(tag == index || (tag == type && resolved->index == 0));
  Require(*again == index || *again == type || type == "fake2");
  return 0;
}
