// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a backend says of itself and of its devices.

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "ferry/core/device.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/conformance/check.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {
namespace {

constexpr int kRepeats = 20;

absl::Status TypeIsAName(const Subject& subject, int) {
  const std::string type(subject.backend.type());
  if (!Device::IsValidType(type)) {
    return Failed(absl::StrCat("\"", type, "\" is not a valid device type"));
  }
  for (int i = 0; i < kRepeats; ++i) {
    if (subject.backend.type() != type) {
      return Failed(absl::StrCat("the type changed from \"", type, "\" to \"",
                                 subject.backend.type(), "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status TraitsAreConstant(const Subject& subject, int) {
  const Backend& backend = subject.backend;
  const bool is_indexed = backend.is_indexed();
  const bool is_host_memory = backend.is_host_memory();
  const bool has_bytes = backend.has_bytes();
  for (int i = 0; i < kRepeats; ++i) {
    if (backend.is_indexed() != is_indexed) return Failed("is_indexed changed");
    if (backend.is_host_memory() != is_host_memory) {
      return Failed("is_host_memory changed");
    }
    if (backend.has_bytes() != has_bytes) return Failed("has_bytes changed");
  }
  if (is_host_memory && !has_bytes) {
    return Failed("the backend has host memory, but has_bytes is false");
  }
  if (!is_indexed && subject.device_count > 1) {
    return Failed(absl::StrCat("the type has no indexes, but there are ",
                               subject.device_count, " devices"));
  }
  return absl::OkStatus();
}

absl::Status CountIsStable(const Subject& subject, int) {
  const absl::StatusOr<int> first = subject.backend.DeviceCount();
  if (first.ok() && *first < 1) {
    return Failed(
        absl::StrCat("the device count is ", *first,
                     "; without a device, DeviceCount should return an error"));
  }
  if (!first.ok()) {
    FERRY_RETURN_IF_ERROR(ExpectCode(first.status(),
                                     absl::StatusCode::kUnavailable,
                                     "DeviceCount without a device"));
    if (first.status().message().empty()) {
      return Failed("the error does not say why there is no device");
    }
  }
  const int count = first.ok() ? *first : 0;
  if (count < subject.expected_devices) {
    return Failed(absl::StrCat("there are ", count, " devices, but ",
                               subject.expected_devices,
                               " were expected: ", first.status().ToString()));
  }
  for (int i = 0; i < kRepeats; ++i) {
    const absl::StatusOr<int> again = subject.backend.DeviceCount();
    if (again.status().code() != first.status().code() ||
        (again.ok() && *again != count)) {
      return Failed(
          absl::StrCat("the device count was ", count, " and changed"));
    }
  }
  return absl::OkStatus();
}

absl::Status PropertiesAreThere(const Subject& subject, int device) {
  FERRY_ASSIGN_OR_RETURN(const DeviceProperties properties,
                         subject.backend.Properties(device));
  if (properties.name.empty()) return Failed("the device has no name");
  return absl::OkStatus();
}

absl::Status OtherIndexesAreOutOfRange(const Subject& subject, int) {
  for (int index : {-1, subject.device_count, std::numeric_limits<int>::max(),
                    std::numeric_limits<int>::min()}) {
    FERRY_RETURN_IF_ERROR(ExpectCode(subject.backend.Properties(index).status(),
                                     absl::StatusCode::kOutOfRange,
                                     absl::StrCat("Properties(", index, ")")));
    for (uint64_t size_bytes : {uint64_t{0}, uint64_t{64}}) {
      FERRY_RETURN_IF_ERROR(ExpectCode(
          AllocateOne(subject, index, size_bytes).status(),
          absl::StatusCode::kOutOfRange,
          absl::StrCat("Allocate(", index, ", {", size_bytes, "})")));
    }
  }
  return absl::OkStatus();
}

constexpr Check kChecks[] = {
    {"D-01", "the type is the name of a device type and does not change",
     Needs::kNothing, TypeIsAName},
    {"D-02", "the backend's description is constant and consistent",
     Needs::kNothing, TraitsAreConstant},
    {"D-03", "the number of devices is positive and stable, or has a reason",
     Needs::kNothing, CountIsStable},
    {"D-04", "every device has properties", Needs::kDevice, PropertiesAreThere},
    {"D-05", "invalid device indexes are out of range", Needs::kDevice,
     OtherIndexesAreOutOfRange},
};

}  // namespace

absl::Span<const Check> DeviceChecks() { return kChecks; }

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
