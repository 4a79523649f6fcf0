// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/device_registry.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {

Registration::Registration(Registration&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), id_(other.id_) {}

Registration& Registration::operator=(Registration&& other) noexcept {
  if (this == &other) return *this;
  // The package that was held until now goes with `old`.
  const Registration old(std::move(*this));
  registry_ = std::exchange(other.registry_, nullptr);
  id_ = other.id_;
  return *this;
}

Registration::~Registration() {
  if (registry_ != nullptr) registry_->Unregister(id_);
}

void Registration::Release() { registry_ = nullptr; }

DeviceRegistry::DeviceRegistry()
    : packages_(std::make_shared<const Packages>()),
      disabled_(std::make_shared<const std::vector<Disabled>>()) {}

DeviceRegistry& DeviceRegistry::Default() {
  static DeviceRegistry* const registry = new DeviceRegistry;
  return *registry;
}

Registration DeviceRegistry::RegisterPackage(int priority,
                                             PackageFunctions functions) {
  Package package;
  package.priority = priority;
  package.functions = std::move(functions);
  // Only a backend can be refused.
  return *Register(std::move(package));
}

Registration DeviceRegistry::RegisterPackage(int priority, Tagger tagger,
                                             Deserializer deserializer,
                                             HostCopier to_host) {
  PackageFunctions functions;
  functions.tagger = std::move(tagger);
  functions.deserializer = std::move(deserializer);
  functions.to_host = std::move(to_host);
  return RegisterPackage(priority, std::move(functions));
}

absl::StatusOr<Registration> DeviceRegistry::RegisterBackend(
    int priority, std::shared_ptr<Backend> backend, TagRights rights) {
  if (backend == nullptr) {
    return absl::InvalidArgumentError("a null backend cannot be registered");
  }
  Package package;
  package.priority = priority;
  package.type = std::string(backend->type());
  package.backend = std::move(backend);
  package.rights = rights;
  if (!Device::IsValidType(package.type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a backend's type ", QuoteForMessage(package.type),
                     " is not a valid device type: use a letter or '_', then "
                     "letters, digits and '_', at most 64 characters"));
  }
  return Register(std::move(package));
}

void DeviceRegistry::NoteDisabled(absl::string_view name,
                                  absl::string_view reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Disabled> disabled = DisabledBut(name);
  disabled.push_back({std::string(name), std::string(reason)});
  disabled_ =
      std::make_shared<const std::vector<Disabled>>(std::move(disabled));
}

void DeviceRegistry::ForgetDisabled(absl::string_view name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  disabled_ = std::make_shared<const std::vector<Disabled>>(DisabledBut(name));
}

std::vector<DeviceSnapshot::Disabled> DeviceRegistry::DisabledBut(
    absl::string_view name) const {
  std::vector<Disabled> disabled;
  std::copy_if(disabled_->begin(), disabled_->end(),
               std::back_inserter(disabled),
               [name](const Disabled& other) { return other.name != name; });
  return disabled;
}

DeviceSnapshot DeviceRegistry::Snapshot() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return DeviceSnapshot(packages_, disabled_);
}

absl::StatusOr<Registration> DeviceRegistry::Register(Package package) {
  const auto added = std::make_shared<Package>(std::move(package));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (added->backend != nullptr) {
    for (const std::shared_ptr<const Package>& other : *packages_) {
      if (other->backend != nullptr && other->type == added->type &&
          other->priority == added->priority) {
        return absl::AlreadyExistsError(absl::StrCat(
            "a backend of type \"", added->type,
            "\" is already registered with priority ", added->priority,
            "; to override it, register with a lower priority"));
      }
    }
  }
  added->id = next_id_++;
  auto packages = std::make_shared<Packages>(*packages_);
  const auto place = std::upper_bound(
      packages->begin(), packages->end(), added->priority,
      [](int priority, const std::shared_ptr<const Package>& other) {
        return priority < other->priority;
      });
  packages->insert(place, added);
  packages_ = std::move(packages);
  return Registration(this, added->id);
}

void DeviceRegistry::Unregister(uint64_t id) {
  // Keeps the old list until the lock is gone: with its last copy goes what the
  // package's functions hold, and that is code of a caller's.
  std::shared_ptr<const Packages> old;
  const std::lock_guard<std::mutex> lock(mutex_);
  auto packages = std::make_shared<Packages>();
  packages->reserve(packages_->size());
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->id != id) packages->push_back(package);
  }
  old = std::exchange(packages_, std::move(packages));
}

}  // namespace v1
}  // namespace ferry
