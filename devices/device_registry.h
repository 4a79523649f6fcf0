// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/device_registry.h
// -----------------------------------------------------------------------------
//
// Which device a location tag means: PyTorch's `register_package`, for C++.
//
// The registry is one ordered list of packages: a priority, a tagger, a
// deserializer, and a copier to the host. The lower priority is asked first; of
// equal ones, the one that was registered first. Registering a backend appends
// a package that Ferry writes for it.
//
//   - cpu 10, cuda 20, meta 22, as in PyTorch;
//   - plugins 100 and up;
//   - a program's own packages whatever it likes.
//
// Example: a program's own place for storages. examples/disk_package.cc is a
// whole one.
//
//   Registration registration = DeviceRegistry::Default().RegisterPackage(
//       5,
//       [](const Storage& storage) -> std::optional<std::string> {
//         if (storage.device().type() != "vault") return std::nullopt;
//         return "vault";
//       },
//       [](const Storage& storage, absl::string_view tag)
//           -> absl::StatusOr<std::optional<Storage>> {
//         if (tag != "vault") return std::nullopt;
//         return Storage::FromMemory(Device("vault"), PutAway(storage),
//                                    storage.size_bytes());
//       },
//       [](const Storage& from, uint64_t offset_bytes, void* to,
//          uint64_t size_bytes) {
//         return FetchFrom(from.data(), offset_bytes, to, size_bytes);
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
//
// If the bytes are no longer in host memory, return a storage made by
// `Storage::FromMemory` on a device whose type is the package's own: the tagger
// recognises the storage by it. `Memory::data` is then a handle that Ferry does
// not dereference; it must not be null, unless the storage is empty.
// `Memory::owner` frees what the handle names, on any thread, perhaps after the
// package was unregistered.
using Deserializer = std::function<absl::StatusOr<std::optional<Storage>>(
    const Storage& storage, absl::string_view tag)>;

// Copies `size_bytes` from `offset_bytes` of `from`, a storage that the
// package's tagger claims, to host memory at any alignment: what PyTorch asks
// of a device by `storage.cpu()`. The range lies in the storage and is not
// empty. The function writes all of it or returns an error; Ferry cannot see
// that bytes are missing.
//
// A save asks for a small storage in one call, and for a large one in pieces of
// at most 512 KiB, in any order and on several threads. A save to safetensors
// asks in one call for all that a non-contiguous tensor spans, from its first
// element to its last. A copy to the host asks for the whole storage in one
// call, a copy to another device for pieces in ascending order. A package whose
// bytes can only be decoded from the beginning should therefore keep them in
// blocks.
using HostCopier = std::function<absl::Status(
    const Storage& from, uint64_t offset_bytes, void* to, uint64_t size_bytes)>;

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
  // The index of the device among those of the backend. 0 if the type has no
  // indexes.
  int index = 0;
  // The device as its storages report it: without an index if the type has
  // none.
  Device device;
};

// Who copies the bytes of a storage: a backend, or a program's own package.
struct StorageCopier {
  // Copies to the host and back. Null if the package copies.
  Backend* backend = nullptr;
  // Copies to the host. Null if the backend copies.
  const HostCopier* to_host = nullptr;
  // The location tag that the package gave the storage; for errors.
  std::string tag;
};

// DeviceSnapshot
//
// The list as it was at one moment. A load or a save takes one, so what is
// registered or unregistered meanwhile does not reach it, and the functions of
// its packages live as long as it. Copies are cheap.
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

  // Returns who copies bytes of `storage`, after checking the range: the
  // package that gives the storage its location tag, or, if that has no
  // `HostCopier`, the backend of the storage's device. The backend always
  // copies host memory, and no tagger is asked then. The pointers are valid as
  // long as this snapshot or a copy of it.
  //
  // Errors: those that `CopyToHost` lists before those of the copier.
  absl::StatusOr<StorageCopier> FindCopier(const Storage& storage,
                                           uint64_t offset_bytes,
                                           uint64_t size_bytes) const;

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
    HostCopier to_host;
    std::shared_ptr<Backend> backend;
    std::string type;  // of the backend
  };
  // The package that gives a storage its tag.
  struct Claim {
    const Package* package;
    std::string tag;
  };
  // Held by pointer, so that copying the list copies no function of a caller's.
  using Packages = std::vector<std::shared_ptr<const Package>>;
  DeviceSnapshot(std::shared_ptr<const Packages> packages,
                 std::shared_ptr<const std::vector<Disabled>> disabled)
      : packages_(std::move(packages)), disabled_(std::move(disabled)) {}

  absl::Status UnknownTag(absl::string_view tag) const;

  // Nothing if no package knows the storage, which is not null.
  std::optional<Claim> FindClaim(const Storage& storage) const;

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
// No lock is held while a package's function or a backend runs.
class DeviceRegistry {
 public:
  DeviceRegistry();
  DeviceRegistry(const DeviceRegistry&) = delete;
  DeviceRegistry& operator=(const DeviceRegistry&) = delete;

  // The process's own, which `Load` and `Save` use unless they are told
  // otherwise. Never destroyed.
  static DeviceRegistry& Default();

  // Appends a package. Each function may be empty. A tagger or a deserializer
  // that is empty never answers. Without `to_host`, a storage that the tagger
  // claims is copied by the backend of its device, if there is one.
  //
  // Ferry asks a deserializer on the thread that loads. It may call the tagger
  // and `to_host` on several threads at once, even for one storage. An
  // exception passes through Ferry to the caller of the load or the save, as if
  // that had failed. The functions stay alive, and may be called, until every
  // snapshot that was taken before the package was unregistered is gone.
  //
  // A storage must be saved while its package is registered: afterwards nobody
  // knows its tag or its bytes.
  Registration RegisterPackage(int priority, Tagger tagger,
                               Deserializer deserializer,
                               HostCopier to_host = nullptr);

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

// Copy between the storage and host memory, whatever device it is on. Offset
// and size are in the storage. Copying to a storage counts as a change of its
// bytes (`Storage::version`).
//
// Errors:
//   kUnavailable     - no backend of the storage's device type is registered,
//                      and no package that copies it.
//   kInvalidArgument - the storage has no bytes (meta, or not placed).
//   kOutOfRange      - the range is not inside the storage.
//   kUnimplemented   - CopyFromHost: a package copies the storage, which only
//                      goes to the host.
//   whatever the backend or the package returns; of a package, the message
//   names the location tag.
absl::Status CopyToHost(const DeviceSnapshot& devices, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes);
absl::Status CopyFromHost(const DeviceSnapshot& devices, const void* from,
                          const Storage& to, uint64_t offset_bytes,
                          uint64_t size_bytes);

// Copies a range to host memory by the copier that `DeviceSnapshot::FindCopier`
// returned for it. Errors: whatever the backend or the package returns, as
// above.
absl::Status CopyToHost(const StorageCopier& copier, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes);

}  // namespace ferry

#endif  // FERRY_DEVICES_DEVICE_REGISTRY_H_
