// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/device_registry.h
// -----------------------------------------------------------------------------
//
// Maps location tags to devices: the counterpart of PyTorch's
// `register_package`.
//
// The registry is an ordered list of packages. A package is a priority, a
// tagger, one or more functions that take the bytes of storages, and a copier
// to the host. Packages are asked in ascending order of priority, and in order
// of registration if their priorities are equal. Registering a backend adds a
// package that Ferry writes for it.
//
// Priorities:
//   - cpu 10, cuda 20 and meta 22, as in PyTorch;
//   - plugins 100 and up;
//   - a program's own packages: any number.
//
// Example: a program's own location for storages. examples/disk_package.cc is a
// complete program.
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
//
// Example: the same, but Ferry streams the bytes into memory that the program
// allocates, so no storage is ever complete on the host.
//
//   PackageFunctions functions;
//   functions.allocate = [](uint64_t size_bytes, absl::string_view tag)
//       -> absl::StatusOr<std::optional<Storage>> {
//     if (tag != "arena") return std::nullopt;
//     return Storage::Allocate(size_bytes);
//   };
//   Registration arena =
//       DeviceRegistry::Default().RegisterPackage(5, std::move(functions));
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

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/location_tag.h"

namespace ferry {
inline namespace v1 {

class DeviceRegistry;

// Returns the tag of a storage, or nullopt if the storage does not belong to
// the package. An empty tag counts as nullopt, as in PyTorch.
using Tagger = std::function<std::optional<std::string>(const Storage&)>;

// Returns the storage that `tag` asks for, or nullopt if the tag does not
// belong to the package. `storage` is complete and on the host. The returned
// storage must have the same size in bytes.
//
// If the bytes are no longer in host memory, return a storage made by
// `Storage::FromMemory` on a device whose type belongs to the package, so that
// the tagger can recognise the storage. `Memory::data` is then a handle that
// Ferry does not dereference; it must not be null, unless the storage is empty.
// `Memory::owner` frees what the handle refers to, on any thread, perhaps after
// the package was unregistered.
using Deserializer = std::function<absl::StatusOr<std::optional<Storage>>(
    const Storage& storage, absl::string_view tag)>;

// Copies `size_bytes` bytes at `offset_bytes` of `from` to host memory, which
// may have any alignment. This is PyTorch's `storage.cpu()`. `from` is a
// storage that the package's tagger claims. The range lies in the storage and
// is not empty. The function must write the whole range or return an error;
// Ferry cannot detect missing bytes.
//
// A save requests a small storage in one call, and a large one in pieces of at
// most 512 KiB, in any order and on several threads. A save to safetensors
// requests the whole range that a non-contiguous tensor spans in one call, from
// its first element to its last. A copy to the host requests the whole storage
// in one call; a copy to another device requests pieces in ascending order. A
// package whose data can only be decoded from the beginning should therefore
// divide them into blocks.
using HostCopier = std::function<absl::Status(
    const Storage& from, uint64_t offset_bytes, void* to, uint64_t size_bytes)>;

// A part of a file that holds the bytes of a storage as they are in memory:
// contiguous, uncompressed, and in the host's byte order.
struct FileRange {
  // A descriptor that is open for reading. Read with `pread` or with a reader
  // of the device's vendor, and do not move its position. Ferry may close it at
  // any time after the call; to keep it, call `dup`.
  int descriptor = -1;
  // The path by which the file was opened, for messages. Valid during the call.
  absl::string_view path;
  // Where the bytes begin, from the start of the file.
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  // The CRC-32 of these bytes, if the file records it.
  std::optional<uint32_t> crc32;
};

// Returns the storage that `tag` asks for, with the bytes of `range`, or
// nullopt if the package does not take the range. The returned storage must
// have the same size in bytes. Otherwise as a deserializer.
//
// Ferry does not read these bytes. It therefore does not verify their checksum,
// and neither `progress` nor `is_cancelled` of the load hears of them. The
// function may verify `FileRange::crc32` itself; `Checkpoint::Verify` does.
using RangeDeserializer = std::function<absl::StatusOr<std::optional<Storage>>(
    const FileRange& range, absl::string_view tag)>;

// Returns a storage of `size_bytes` bytes for `tag`, or nullopt if the tag does
// not belong to the package. The storage is in host memory or on a device of a
// registered backend, and no other storage shares its memory. Ferry writes all
// of its bytes before the load returns, on several threads, and verifies their
// checksum. After a load that failed, the contents are unspecified.
using StorageAllocator = std::function<absl::StatusOr<std::optional<Storage>>(
    uint64_t size_bytes, absl::string_view tag)>;

// The functions of a package. Each may be empty; an empty one never claims
// anything. The last three take the bytes of storages, each in another form; to
// take part in loads, a package needs at least `deserializer` or `allocate`.
struct PackageFunctions {
  Tagger tagger;
  // If empty, the backend of the device, if there is one, copies the storages
  // that the tagger claims.
  HostCopier to_host;

  // Takes a complete storage on the host. Can do anything with the bytes, but
  // each storage needs host memory of its full size, and no other package or
  // backend that is asked later can take bytes directly.
  Deserializer deserializer;
  // Takes a range of the file, so the package reads the bytes itself. Not every
  // storage has such a range, and if a package with a deserializer is asked
  // first, this function is not asked. It should therefore have one of the
  // other two beside it.
  RangeDeserializer from_file;
  // Allocates the storage, so Ferry streams the bytes into it. No storage needs
  // host memory of its full size.
  StorageAllocator allocate;

  // Whether the package can take bytes in any form, and may thus claim a tag.
  bool takes_bytes() const { return deserializer || from_file || allocate; }
};

// Registration
//
// Removes its package from the registry when it is destroyed. Move-only. The
// registry must outlive it, unless `Release` was called.
//
// Thread-safety: different registrations may be used concurrently; one
// registration by one thread at a time.
class [[nodiscard]] Registration {
 public:
  Registration() = default;
  Registration(Registration&& other) noexcept;
  Registration& operator=(Registration&& other) noexcept;
  ~Registration();

  // Keeps the package registered for the lifetime of the registry.
  void Release();

 private:
  friend class DeviceRegistry;
  Registration(DeviceRegistry* registry, uint64_t id)
      : registry_(registry), id_(id) {}

  DeviceRegistry* registry_ = nullptr;
  uint64_t id_ = 0;
};

// Which location tags of its own a backend may have (`Backend::has_own_tags`).
enum class TagRights {
  // Any tag, except those whose type is another registered backend's.
  kAny,
  // The same, except tags whose type is one of `ReservedDeviceTypes`.
  kUnreserved,
};

// The device that a tag names, known before any data is read.
struct ResolvedLocation {
  // The backend that the tag belongs to. Null if a program's own package may
  // claim the tag, which `FindLoadTarget` and `RestoreLocation` determine.
  std::shared_ptr<Backend> backend;
  // The index of the device within the backend. 0 if the type has no indexes.
  int index = 0;
  // The device that its storages report: without an index if the type has none.
  Device device;
};

// The code that copies the bytes of a storage: a backend's, or that of a
// program's own package.
struct StorageCopier {
  // The backend, which copies in both directions. Null if the package copies.
  Backend* backend = nullptr;
  // The package's function, which copies to the host. Null if the backend
  // copies.
  const HostCopier* to_host = nullptr;
  // The location tag that the package gave the storage. For error messages.
  std::string tag;
};

// Where a load puts a storage.
struct LoadTarget {
  // The storage that a program's own package returned, or a null one.
  Storage storage;
  // Whether the load must write the bytes to `storage`.
  bool needs_bytes = false;
  // The device to write the bytes to. If `storage` is null and the backend is
  // null, they go to a complete storage on the host, for `RestoreLocation`.
  ResolvedLocation location;
};

// DeviceSnapshot
//
// The list of packages at one moment. A load or a save takes a snapshot when it
// starts, so later registrations and unregistrations do not affect it. The
// snapshot keeps the functions of its packages alive. Copies are cheap.
//
// Thread-safety: immutable.
class DeviceSnapshot {
 public:
  // The location tags that backends have given their devices.
  using TagCache = HashMap<Device, std::string>;

  // Returns the location tag of `storage`: the first that a package gives. A
  // backend gives its storages the tag that `SavedTagOf` returns.
  //
  // Asking a backend about its tags may cost calls of a plugin. With a `cache`,
  // which must be used with this snapshot only and by one thread at a time,
  // each device costs them once. Taggers are called for each storage, because
  // their answer may depend on it.
  //
  // Ignores `recorded_location()`, which is for the saver to use.
  //
  // Errors: kInvalidArgument - no package knows the storage, or the storage is
  //         null or only described, so that its bytes are nowhere in memory.
  //         kInternal - the backend has given its device an unusable tag.
  //         Whatever `Backend::DeviceTag` and `FindDevice` return.
  absl::StatusOr<std::string> LocationTag(const Storage& storage,
                                          TagCache* cache = nullptr) const;

  // Returns the storage that `tag` asks for, made from `storage`, which must be
  // complete and on the host: the first that a package gives. Returns `storage`
  // itself if the tag names the host. Asks the deserializer of a package before
  // its allocator, because the bytes are there already. If `allocated` is not
  // null, adds what an allocator returns to it; a storage that is in it already
  // is an error.
  //
  // Errors:
  //   kInvalidArgument - no package knows the tag; the message lists the
  //                      registered types and the disabled plugins with the
  //                      reasons, and says what to do. Or `storage` is not
  //                      complete or not on the host.
  //   kUnavailable     - the tag's type has no device on this machine; the
  //                      message says why.
  //   kOutOfRange      - the tag's index is past the last device.
  //   kInternal        - a package returned a storage of another size, one
  //                      without data, or, if it is to be written, one that no
  //                      backend can write.
  //   whatever a package returns.
  absl::StatusOr<Storage> RestoreLocation(
      const Storage& storage, absl::string_view tag,
      HashSet<Storage>* allocated = nullptr) const;

  // Returns where a storage of `size_bytes` with the location tag `tag` goes,
  // before its bytes are read: what the first package or backend says that can
  // take it. Of a package, asks `from_file`, then `allocate`. A package that
  // has a deserializer and takes neither form must see the complete storage, so
  // the search ends there and the target is the host.
  //
  //   find_range  returns the range of the file that holds the bytes, or
  //               nullopt if there is none. Called at most once, and only if a
  //               package has `from_file`.
  //
  // Errors: as RestoreLocation, and those of `find_range`.
  absl::StatusOr<LoadTarget> FindLoadTarget(
      absl::string_view tag, uint64_t size_bytes,
      absl::FunctionRef<absl::StatusOr<std::optional<FileRange>>()> find_range)
      const;

  // Returns the device that `tag` names. Calls no function of a package, but
  // asks the backends that have tags of their own. Errors: as RestoreLocation.
  absl::StatusOr<ResolvedLocation> Resolve(absl::string_view tag) const;

  // Returns the backend of a device type, or null. If there are several,
  // returns the one that is asked first.
  std::shared_ptr<Backend> FindBackend(absl::string_view type) const;

  // Checks the range, and returns the copier of `storage`: the package that
  // gives the storage its location tag, or, if that package has no
  // `HostCopier`, the backend of the storage's device. Host memory is always
  // copied by its backend, without asking any tagger. The pointers are valid as
  // long as this snapshot or a copy of it.
  //
  // Errors: those that `CopyToHost` lists before those of the copier.
  absl::StatusOr<StorageCopier> FindCopier(const Storage& storage,
                                           uint64_t offset_bytes,
                                           uint64_t size_bytes) const;

  // One package of the list, for display.
  struct Entry {
    int priority;
    std::shared_ptr<Backend> backend;  // null: a program's own package
  };
  // Returns the packages in the order in which they are asked.
  std::vector<Entry> entries() const;

  // The location tag of a backend's device.
  struct SavedTag {
    // The tag that a save writes.
    std::string tag;
    // The backend's own tag and the reason, if a save writes "type:index"
    // instead because the own tag would not lead back to the device. Otherwise
    // both are empty.
    std::string unused_tag;
    std::string why_unused;
  };
  // Returns the tag of device `index` of a registered backend. Errors: as
  // LocationTag; kInvalidArgument - the backend is not registered.
  absl::StatusOr<SavedTag> SavedTagOf(const Backend& backend, int index) const;

  // A reserved device type that no backend has and that a backend claims.
  struct ReservedClaim {
    std::string type;
    // Why the backend does not get the tags of this type. Empty if it does.
    std::string why_not;
  };
  // Returns the reserved types that a registered backend claims by its own
  // tags, for display. Asks the backend about the tags "type" and "type:0".
  std::vector<ReservedClaim> ReservedClaims(const Backend& backend) const;

  // A plugin that could not be loaded, so that its device types are missing.
  struct Disabled {
    std::string name;
    std::string reason;
  };
  const std::vector<Disabled>& disabled() const { return *disabled_; }

  // Returns text for errors about an unknown device type: which types are
  // registered, which plugins are disabled and why, and what to do.
  std::string DescribeTypes() const;

 private:
  friend class DeviceRegistry;
  struct Package {
    int priority = 0;
    uint64_t id = 0;
    PackageFunctions functions;
    std::shared_ptr<Backend> backend;
    std::string type;  // of the backend
    TagRights rights = TagRights::kAny;
  };
  // A package, and the tag that it gives a storage; empty if it is a backend's.
  struct Claim {
    const Package* package;
    std::string tag;
  };
  // Held by pointer, so that copying the list does not copy the caller's
  // functions.
  using Packages = std::vector<std::shared_ptr<const Package>>;
  DeviceSnapshot(std::shared_ptr<const Packages> packages,
                 std::shared_ptr<const std::vector<Disabled>> disabled)
      : packages_(std::move(packages)), disabled_(std::move(disabled)) {}

  absl::Status UnknownTag(absl::string_view tag) const;

  // Calls the allocator of a package. Returns a null storage if it declines.
  absl::StatusOr<LoadTarget> AllocateBy(const Package& package,
                                        uint64_t size_bytes,
                                        absl::string_view tag) const;

  // Returns text for `UnknownTag`: which backends claim `tag` and why they do
  // not get it.
  std::string DescribeWithheld(absl::string_view tag) const;

  // Returns why the package's backend may not have `tag` as a tag of its own.
  // Empty if it may. Calls no backend.
  std::string WhyWithheld(const Package& package, absl::string_view tag) const;

  // Returns the index of the device of the package's backend that `tag` means:
  // Device::kNoIndex if the tag has none, nullopt if the tag belongs to
  // somebody else.
  absl::StatusOr<std::optional<int>> IndexIn(
      const Package& package, absl::string_view tag,
      const std::optional<ParsedTag>& parsed) const;

  // Returns why a load might not give `tag`, which the package's backend
  // claims, to that backend. Empty if it certainly would.
  std::string WhyNotGiven(const Package& package, absl::string_view tag) const;

  // Returns the tag of device `index` of the package's backend.
  absl::StatusOr<SavedTag> TagOf(const Package& package, int index) const;

  // Returns the package of a backend, or null.
  const Package* PackageOf(const Backend& backend) const;

  // Returns nullopt if no package knows `storage`, which must not be null.
  std::optional<Claim> FindClaim(const Storage& storage) const;

  // Returns the types of the backends in order, each once.
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

  // Returns the registry of the process, which `Load` and `Save` use unless
  // their options name another. Never destroyed.
  static DeviceRegistry& Default();

  // Registers a package.
  //
  // A load calls the functions that take bytes one at a time, on the thread
  // that called the load, in the order in which the file refers to the storages
  // first: `from_file` and `allocate` before any bytes are read, the
  // deserializer after all of them are. An allocator that declines a storage
  // may be asked about it again.
  //
  // Ferry may call the tagger and `to_host` on several threads at once, even
  // for one storage. An exception that a function throws passes through Ferry
  // to the caller of the load or the save, which has then failed. The functions
  // stay alive, and may be called, until the package is unregistered and all
  // snapshots taken before that are destroyed.
  //
  // Save a storage while its package is registered: afterwards nothing knows
  // its tag or can read its bytes.
  Registration RegisterPackage(int priority, PackageFunctions functions);

  // Registers a package that takes complete storages on the host, as PyTorch's
  // packages do.
  Registration RegisterPackage(int priority, Tagger tagger,
                               Deserializer deserializer,
                               HostCopier to_host = nullptr);

  // Registers a package for a backend. It matches tags of exactly the backend's
  // type, with or without an index. A tag without an index means index 0. A
  // type that has no indexes accepts index 0, so "cpu:0" means "cpu".
  //
  // A backend that has tags of its own (`Backend::has_own_tags`) is also asked
  // about every tag that names no registered type, as far as `rights` permits.
  // If several backends claim a tag, the one that is asked first gets it. A
  // save writes a backend's own tag only if a load would give that tag back to
  // the same device; otherwise it writes "type:index".
  //
  // A storage refers to its device, not to its backend. A backend that
  // overrides another of the same type must therefore understand the memory
  // that the other allocated, or be registered before any storage is made.
  //
  // Errors:
  //   kInvalidArgument - `backend` is null, or its type is not a valid name of
  //                      a device type.
  //   kAlreadyExists   - a backend of this type is registered with this
  //                      priority. To override it, register with a lower
  //                      priority.
  absl::StatusOr<Registration> RegisterBackend(
      int priority, std::shared_ptr<Backend> backend,
      TagRights rights = TagRights::kAny);

  // Notes that a plugin is disabled, and why, for error messages about unknown
  // tags. A later note with the same name replaces an earlier one.
  void NoteDisabled(absl::string_view name, absl::string_view reason);

  // Removes the note with that name, if there is one.
  void ForgetDisabled(absl::string_view name);

  DeviceSnapshot Snapshot() const;

 private:
  friend class Registration;
  using Package = DeviceSnapshot::Package;
  using Packages = DeviceSnapshot::Packages;
  using Disabled = DeviceSnapshot::Disabled;

  // Returns the notes except those with that name. The caller holds the lock.
  std::vector<Disabled> DisabledBut(absl::string_view name) const;

  absl::StatusOr<Registration> Register(Package package);
  void Unregister(uint64_t id);

  mutable std::mutex mutex_;
  // Guarded by mutex_. The lists are never modified, only replaced.
  std::shared_ptr<const Packages> packages_;
  std::shared_ptr<const std::vector<Disabled>> disabled_;
  uint64_t next_id_ = 1;
};

// Copy between a storage on any device and host memory. `offset_bytes` and
// `size_bytes` are a range of the storage. Copying to a storage counts as a
// change to its bytes (`Storage::version`).
//
// Errors:
//   kUnavailable     - neither a backend for the storage's device type nor a
//                      package that copies the storage is registered.
//   kInvalidArgument - the storage has no bytes (meta, or not loaded).
//   kOutOfRange      - the range is not inside the storage.
//   kUnimplemented   - CopyFromHost: a package copies the storage, and packages
//                      copy only to the host.
//   whatever the backend or the package returns; if it is a package, the
//   message names the location tag.
absl::Status CopyToHost(const DeviceSnapshot& devices, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes);
absl::Status CopyFromHost(const DeviceSnapshot& devices, const void* from,
                          const Storage& to, uint64_t offset_bytes,
                          uint64_t size_bytes);

// Copies a range to host memory with the copier that
// `DeviceSnapshot::FindCopier` returned for that range. Errors: whatever the
// backend or the package returns, as above.
absl::Status CopyToHost(const StorageCopier& copier, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_DEVICE_REGISTRY_H_
