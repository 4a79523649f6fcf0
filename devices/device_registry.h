// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/device_registry.h
// -----------------------------------------------------------------------------
//
// Which device a location tag means: PyTorch's `register_package`, for C++.
//
// The registry is one ordered list of packages: a priority, a tagger and a
// deserializer. The lower priority is asked first; of equal ones, the one that
// was registered first. Registering a backend appends a package that Ferry
// writes for it.
//
//   - cpu 10, cuda 20, meta 22, as in PyTorch;
//   - plugins 100 and up;
//   - a program's own packages whatever it likes.
//
// Example: a program's own place for storages.
//
//   Registration registration = DeviceRegistry::Default().RegisterPackage(
//       5,
//       [](const Storage& storage) -> std::optional<std::string> {
//         if (!IsMine(storage)) return std::nullopt;
//         return "vault";
//       },
//       [](const Storage& storage, absl::string_view tag)
//           -> absl::StatusOr<std::optional<Storage>> {
//         if (tag != "vault") return std::nullopt;
//         return PutAway(storage);
//       });
#ifndef FERRY_DEVICES_DEVICE_REGISTRY_H_
#define FERRY_DEVICES_DEVICE_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/devices/backend.h"

namespace ferry {

class DeviceRegistry;

// The tag of a storage, or nothing if it is not the package's own. An empty tag
// counts as nothing, as in PyTorch.
using Tagger = std::function<std::optional<std::string>(const Storage&)>;

// The storage that `tag` asks for, or nothing if the tag is not the package's
// own. `storage` is complete and on the host. What is returned must have as
// many bytes.
using Deserializer = std::function<absl::StatusOr<std::optional<Storage>>(
    const Storage& storage, absl::string_view tag)>;

// Registration
//
// Takes its package off the list when it is destroyed. Move-only. The registry
// must live longer, unless `Release` was called.
//
// Thread-safety: as a value; different ones may be used at once.
class [[nodiscard]] Registration {
 public:
  Registration() = default;
  Registration(Registration&& other) noexcept;
  Registration& operator=(Registration&& other) noexcept;
  ~Registration();

  // Leaves the package on the list for as long as the registry lives.
  void Release();

 private:
  friend class DeviceRegistry;
  Registration(DeviceRegistry* registry, uint64_t id)
      : registry_(registry), id_(id) {}

  DeviceRegistry* registry_ = nullptr;
  uint64_t id_ = 0;
};

// Where a tag leads, before any data are read.
struct ResolvedLocation {
  // The backend that owns the tag's type. Null: a program's own package may
  // claim the tag, which only `RestoreLocation` with a complete host storage
  // can tell.
  std::shared_ptr<Backend> backend;
  // Of the backend. 0 where its type has no index.
  int index = 0;
  // As storages there are to say: without an index where the type has none.
  Device device;
};

// DeviceSnapshot
//
// The list as it was at one moment. A load or a save takes one, so what is
// registered or unregistered meanwhile does not reach it. Copies are cheap.
//
// Thread-safety: immutable.
class DeviceSnapshot {
 public:
  // The location tag of `storage`: the first that a package gives.
  //
  // What `recorded_location()` says is the saver's business and is not looked
  // at.
  //
  // Errors: kInvalidArgument - no package knows the storage, or it is null or
  //         described only, so that its bytes stand nowhere.
  absl::StatusOr<std::string> LocationTag(const Storage& storage) const;

  // The storage that `tag` asks for, made of `storage`, which is complete and
  // on the host: the first that a package gives. `storage` itself, if that is
  // where it belongs.
  //
  // Errors:
  //   kInvalidArgument - no package knows the tag; the message lists the types
  //                      that are registered, and what is disabled and why, and
  //                      says what to do. Or `storage` is not a complete one on
  //                      the host.
  //   kUnavailable     - the tag's type has no device here; says why.
  //   kOutOfRange      - its index is past the last device.
  //   kInternal        - a package returned a storage of another size, or one
  //                      without data.
  //   whatever a package returns.
  absl::StatusOr<Storage> RestoreLocation(const Storage& storage,
                                          absl::string_view tag) const;

  // Where `tag` leads. Calls no tagger and no deserializer. Errors: as
  // RestoreLocation.
  absl::StatusOr<ResolvedLocation> Resolve(absl::string_view tag) const;

  // The backend of a device type, or null. Of several, the one asked first.
  std::shared_ptr<Backend> FindBackend(absl::string_view type) const;

  // A package as it stands on the list, for people.
  struct Entry {
    int priority;
    std::shared_ptr<Backend> backend;  // null: a program's own package
  };
  // In the order in which they are asked.
  std::vector<Entry> entries() const;

  // What would have brought device types and could not be had: a plugin and
  // why.
  struct Disabled {
    std::string name;
    std::string reason;
  };
  const std::vector<Disabled>& disabled() const { return *disabled_; }

  // For errors about a type that is not here: those that are, which plugins are
  // disabled and why, and what to do.
  std::string DescribeTypes() const;

 private:
  friend class DeviceRegistry;
  struct Package {
    int priority = 0;
    uint64_t id = 0;
    Tagger tagger;
    Deserializer deserializer;
    std::shared_ptr<Backend> backend;
    std::string type;  // of the backend
  };
  // Held by pointer, so that copying the list copies no function of a caller's.
  using Packages = std::vector<std::shared_ptr<const Package>>;
  DeviceSnapshot(std::shared_ptr<const Packages> packages,
                 std::shared_ptr<const std::vector<Disabled>> disabled)
      : packages_(std::move(packages)), disabled_(std::move(disabled)) {}

  absl::Status UnknownTag(absl::string_view tag) const;

  // The types of the backends, in their order, each once.
  std::vector<std::string> types() const;

  std::shared_ptr<const Packages> packages_;
  std::shared_ptr<const std::vector<Disabled>> disabled_;
};

// DeviceRegistry
//
// Registering touches no hardware.
//
// Thread-safety: all methods may be called from any number of threads at once.
// No lock is held while a tagger, a deserializer or a backend runs.
class DeviceRegistry {
 public:
  DeviceRegistry();
  DeviceRegistry(const DeviceRegistry&) = delete;
  DeviceRegistry& operator=(const DeviceRegistry&) = delete;

  // The process's own, which `Load` and `Save` use unless they are told
  // otherwise. Never destroyed.
  static DeviceRegistry& Default();

  // Appends a package. Either function may be empty: it then never answers.
  Registration RegisterPackage(int priority, Tagger tagger,
                               Deserializer deserializer);

  // Appends the package of a backend: its type is matched exactly, with or
  // without an index. A tag without one means index 0; a type that has no
  // indexes takes 0 as well, so "cpu:0" means "cpu".
  //
  // Storages name their device, not their backend: whoever overrides a backend
  // of the same type must understand the memory that the other gave out, or
  // come before any storage is made.
  //
  // Errors:
  //   kInvalidArgument - null, or its type is no name of a device type.
  //   kAlreadyExists   - a backend of this type with this priority is there. To
  //                      override a backend, register with a lower one.
  absl::StatusOr<Registration> RegisterBackend(
      int priority, std::shared_ptr<Backend> backend);

  // Keeps, for errors of unknown tags, what would have brought device types and
  // why it does not. A later note of the same name replaces an earlier one.
  void NoteDisabled(absl::string_view name, absl::string_view reason);

  // Takes the note of that name back, if there is one.
  void ForgetDisabled(absl::string_view name);

  DeviceSnapshot Snapshot() const;

 private:
  friend class Registration;
  using Package = DeviceSnapshot::Package;
  using Packages = DeviceSnapshot::Packages;
  using Disabled = DeviceSnapshot::Disabled;

  // The notes, but for those of that name. With the lock.
  std::vector<Disabled> DisabledBut(absl::string_view name) const;

  absl::StatusOr<Registration> Register(Package package);
  void Unregister(uint64_t id);

  mutable std::mutex mutex_;
  // All guarded by mutex_; the lists are never changed, only replaced.
  std::shared_ptr<const Packages> packages_;
  std::shared_ptr<const std::vector<Disabled>> disabled_;
  uint64_t next_id_ = 1;
};

// Returns the backend that copies bytes of `storage`, after checking the range.
// The pointer is valid as long as `devices` and its copies. Errors: those that
// `CopyToHost` lists before the backend's own.
absl::StatusOr<Backend*> FindCopyingBackend(const DeviceSnapshot& devices,
                                            const Storage& storage,
                                            uint64_t offset_bytes,
                                            uint64_t size_bytes);

// Copies between the storage and host memory, whatever device it is on, through
// the snapshot's backend of that type. Offset and size are in the storage.
// Copying to a storage counts as a change of its bytes (`Storage::version`).
//
// Errors:
//   kUnavailable     - no backend of the storage's device type is registered.
//   kInvalidArgument - the storage has no bytes (meta, or not placed).
//   kOutOfRange      - the range is not inside the storage.
//   whatever the backend returns.
absl::Status CopyToHost(const DeviceSnapshot& devices, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes);
absl::Status CopyFromHost(const DeviceSnapshot& devices, const void* from,
                          const Storage& to, uint64_t offset_bytes,
                          uint64_t size_bytes);

}  // namespace ferry

#endif  // FERRY_DEVICES_DEVICE_REGISTRY_H_
