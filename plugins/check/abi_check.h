// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/check/abi_check.h
// -----------------------------------------------------------------------------
//
// Building blocks for the checks of the interface. For the checker's own
// sources.
#ifndef FERRY_PLUGINS_CHECK_ABI_CHECK_H_
#define FERRY_PLUGINS_CHECK_ABI_CHECK_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/plugin.h"

namespace ferry {
inline namespace v1 {
namespace check_internal {

// A check of the query function. Returns OK, or what is wrong.
struct QueryCheck {
  const char* id;
  const char* title;
  absl::Status (*run)(ferry_plugin_query query);
};
absl::Span<const QueryCheck> QueryChecks();

// A check of a device type's functions.
struct CallCheck {
  enum Scope {
    kEachDevice,  // run on one device after another
    // Run once, with device 0, because the check itself uses all devices.
    kAllDevices,
    kWithoutDevices,  // the same, even if there is no device
  };

  const char* id;
  const char* title;
  uint64_t capability;  // the capability that it needs; 0 for none
  absl::Status (*run)(const ferry_backend& table, uint32_t device);
  Scope scope = kEachDevice;
};
absl::Span<const CallCheck> CallChecks();
absl::Span<const CallCheck> QueueChecks();
absl::Span<const CallCheck> DeviceCopyChecks();
absl::Span<const CallCheck> TagChecks();
absl::Span<const CallCheck> ThreadChecks();

// Returns a failure, for `return Wrong("got ", n)`.
absl::Status Wrong(absl::string_view message);

// Returns OK if a function returned `wanted` and its status has the same code.
absl::Status ExpectCode(absl::string_view function, int32_t code,
                        const ferry_status& status, int32_t wanted);

// A struct of the interface that is followed by an inaccessible page: reading
// or writing past its end ends the process.
template <typename Struct>
class Guarded {
 public:
  Guarded() {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_ = (sizeof(Struct) + page - 1) / page * page + page;
    pages_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages_ == MAP_FAILED) _exit(1);
    char* const end = static_cast<char*>(pages_) + size_ - page;
    mprotect(end, page, PROT_NONE);
    struct_ = reinterpret_cast<Struct*>(end - sizeof(Struct));
    struct_->struct_size = sizeof(Struct);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(pages_, size_); }

  // From now on, writing to the struct ends the process, too.
  void MakeReadOnly() {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    mprotect(pages_, size_ - page, PROT_READ);
  }

  Struct* get() const { return struct_; }
  Struct* operator->() const { return struct_; }
  Struct& operator*() const { return *struct_; }

 private:
  size_t size_ = 0;
  void* pages_ = nullptr;
  Struct* struct_ = nullptr;
};

// The resources of a process, for detecting leaks.
struct Belongings {
  static Belongings Now();
  // Returns which resources have grown since `before`, or an empty text. A
  // plugin may keep some memory for later.
  std::string MoreThan(const Belongings& before) const;

  int threads = 0;
  int files = 0;
  int64_t memory_bytes = 0;  // of addresses
};

// Returns which resources are still above `before` after some seconds, or an
// empty text. It waits because some resources take a moment to go: joined
// threads, for example, stay in /proc for a while.
std::string LeftSince(const Belongings& before);

// Returns the number of devices of a type.
uint32_t CountOf(const ferry_backend& table);

using Bytes = std::vector<uint8_t>;

// Returns bytes that differ from those of other seeds.
Bytes Sample(uint32_t seed, uint64_t size_bytes);

// Memory of a device, freed when the object is destroyed, unless `Free` was
// called.
class DeviceBlock {
 public:
  DeviceBlock(const ferry_backend& table, uint32_t device, uint64_t size_bytes);
  DeviceBlock(const DeviceBlock&) = delete;
  DeviceBlock& operator=(const DeviceBlock&) = delete;
  ~DeviceBlock();

  const absl::Status& status() const { return status_; }
  // What `allocate` returned.
  int32_t code() const { return code_; }
  uint64_t handle() const { return handle_; }
  // Must be called at most once.
  absl::Status Free();
  ferry_copy ToDevice(const void* source, uint64_t size_bytes) const;
  ferry_copy ToHost(void* destination, uint64_t size_bytes) const;

 private:
  const ferry_backend& table_;
  const uint32_t device_;
  uint64_t handle_ = 0;
  int32_t code_ = FERRY_OK;
  bool is_freed_ = false;
  absl::Status status_;
};

// Performs one blocking copy.
absl::Status Copy(const ferry_backend& table, const ferry_copy& copy);

// A queue of a device. Declare it after the memory that its copies use: it
// waits for them when it is destroyed.
class Queue {
 public:
  Queue(const ferry_backend& table, uint32_t device);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() { Destroy().IgnoreError(); }

  const absl::Status& status() const { return status_; }
  absl::Status Destroy();
  absl::Status Issue(const ferry_copy& copy, uint64_t* event);
  // The same, without a system call of our own, for racing threads.
  absl::Status IssueFast(const ferry_copy& copy, uint64_t* event);
  // Issues an invalid copy. Returns whether the plugin refuses it at once.
  bool IsRefused(const ferry_copy& copy, int32_t* code, uint64_t* event);

 private:
  const ferry_backend& table_;
  uint64_t handle_ = 0;
  bool is_destroyed_ = false;
  absl::Status status_;
};

// Waits for an event, whose code should be `wanted`.
absl::Status Wait(const ferry_backend& table, uint64_t event,
                  int32_t wanted = FERRY_OK);

absl::Status Release(const ferry_backend& table, uint64_t event);

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_ABI_CHECK_H_
