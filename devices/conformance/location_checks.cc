// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The backend in a registry of its own: tags, restoring, copies to other
// devices.

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/device.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/devices/conformance/check.h"
#include "ferry/devices/copy.h"
#include "ferry/devices/device_registry.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {
namespace {

// A snapshot with the backend alone, which it does not own.
absl::StatusOr<DeviceSnapshot> SnapshotOf(Backend& backend) {
  DeviceRegistry registry;
  FERRY_ASSIGN_OR_RETURN(
      const Registration registration,
      registry.RegisterBackend(
          100, std::shared_ptr<Backend>(std::shared_ptr<void>(), &backend)));
  return registry.Snapshot();
}

std::string CanonicalTag(const Backend& backend, int device) {
  return backend.is_indexed() ? absl::StrCat(backend.type(), ":", device)
                              : std::string(backend.type());
}

absl::StatusOr<Storage> HostStorage(const Bytes& bytes) {
  FERRY_ASSIGN_OR_RETURN(Storage storage, Storage::Allocate(bytes.size()));
  if (!bytes.empty()) std::memcpy(storage.data(), bytes.data(), bytes.size());
  return storage;
}

// That a storage is on the device and holds the bytes, if there are any to
// hold.
absl::Status ExpectStorage(const Subject& subject,
                           const DeviceSnapshot& devices,
                           const Storage& storage, int device,
                           const Bytes& wanted) {
  FERRY_ASSIGN_OR_RETURN(const std::string tag, devices.LocationTag(storage));
  const std::string canonical = CanonicalTag(subject.backend, device);
  bool leads_back = tag == canonical;
  // A backend may call its devices something else, if that leads back to them.
  if (subject.backend.has_own_tags()) {
    FERRY_ASSIGN_OR_RETURN(const ResolvedLocation location,
                           devices.Resolve(tag));
    leads_back =
        location.backend.get() == &subject.backend && location.index == device;
  }
  if (!leads_back) {
    return Failed(
        absl::StrCat("the tag of a storage on ", canonical, " is ", tag));
  }
  if (storage.size_bytes() != wanted.size()) {
    return Failed(absl::StrCat("a storage of ", wanted.size(), " bytes has ",
                               storage.size_bytes()));
  }
  if (!subject.backend.has_bytes()) return absl::OkStatus();
  return ExpectHolds(subject, storage.memory(), wanted,
                     absl::StrCat("a storage on ", canonical));
}

absl::Status RestoringRoundTrips(const Subject& subject, int device) {
  FERRY_ASSIGN_OR_RETURN(const DeviceSnapshot devices,
                         SnapshotOf(subject.backend));
  const std::string tag = CanonicalTag(subject.backend, device);
  for (uint64_t size_bytes : {0, 1, 1000, 100003}) {
    const Bytes wanted = Pattern(1, size_bytes);
    FERRY_ASSIGN_OR_RETURN(const Storage host, HostStorage(wanted));
    FERRY_ASSIGN_OR_RETURN(const Storage restored,
                           devices.RestoreLocation(host, tag));
    FERRY_RETURN_IF_ERROR(
        ExpectStorage(subject, devices, restored, device, wanted));
  }
  return absl::OkStatus();
}

absl::Status NoIndexIsZero(const Subject& subject, int) {
  FERRY_ASSIGN_OR_RETURN(const DeviceSnapshot devices,
                         SnapshotOf(subject.backend));
  const std::string type(subject.backend.type());
  const Bytes wanted = Pattern(1, 100);
  for (const std::string& tag : {type, absl::StrCat(type, ":0")}) {
    FERRY_ASSIGN_OR_RETURN(const Storage host, HostStorage(wanted));
    FERRY_ASSIGN_OR_RETURN(const Storage restored,
                           devices.RestoreLocation(host, tag));
    FERRY_RETURN_IF_ERROR(ExpectStorage(subject, devices, restored, 0, wanted));
  }
  for (int64_t index : {int64_t{subject.device_count}, int64_t{1} << 40}) {
    const std::string tag = absl::StrCat(type, ":", index);
    FERRY_RETURN_IF_ERROR(ExpectCode(devices.Resolve(tag).status(),
                                     absl::StatusCode::kOutOfRange, tag));
  }
  return absl::OkStatus();
}

absl::Status CopiesAreApart(const Subject& subject, int device) {
  FERRY_ASSIGN_OR_RETURN(const DeviceSnapshot devices,
                         SnapshotOf(subject.backend));
  const Bytes wanted = Pattern(1, 1000);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
  const Storage first = Storage::FromMemory(
      Device(subject.backend.type(), device), memory, wanted.size());
  for (int other = 0; other < subject.device_count; ++other) {
    FERRY_ASSIGN_OR_RETURN(
        const Storage second,
        CopyStorage(devices, first, Device(subject.backend.type(), other)));
    FERRY_RETURN_IF_ERROR(
        ExpectStorage(subject, devices, second, other, wanted));
    FERRY_RETURN_IF_ERROR(
        Write(subject, second.memory(), 0, Pattern(2, wanted.size())));
    FERRY_RETURN_IF_ERROR(ExpectHolds(subject, memory, wanted,
                                      "a storage whose copy was changed"));
  }
  return absl::OkStatus();
}

constexpr Check kChecks[] = {
    {"L-01", "a restored storage has the tag's device and the file's bytes",
     Needs::kDevice, RestoringRoundTrips},
    {"L-02",
     "a tag without an index means 0, and an index past the end is refused",
     Needs::kDevice, NoIndexIsZero},
    {"L-03", "a copy on any device is equal and independent", Needs::kBytes,
     CopiesAreApart},
};

}  // namespace

absl::Span<const Check> LocationChecks() { return kChecks; }

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
