// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/testing/fake_package.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"

namespace ferry {
inline namespace v1 {
namespace {

char Inverted(char byte) { return static_cast<char>(~byte); }

}  // namespace

struct FakePackage::State {
  explicit State(std::string of_name) : name(std::move(of_name)) {}

  static Storage Keep(const std::shared_ptr<State>& state,
                      absl::string_view bytes) {
    std::string kept(bytes);
    std::transform(kept.begin(), kept.end(), kept.begin(), Inverted);
    const std::lock_guard<std::mutex> lock(state->mutex);
    const uintptr_t handle = state->next_handle;
    state->next_handle += 2;
    state->blocks.emplace(handle, std::move(kept));
    Memory memory;
    memory.data = reinterpret_cast<void*>(handle);
    memory.owner = std::shared_ptr<void>(memory.data, [state, handle](void*) {
      const std::lock_guard<std::mutex> lock(state->mutex);
      state->blocks.erase(handle);
    });
    return Storage::FromMemory(Device(state->name), std::move(memory),
                               bytes.size());
  }

  const std::string name;
  mutable std::mutex mutex;
  // All guarded by mutex.
  std::map<uintptr_t, std::string> blocks;
  uintptr_t next_handle = 1;  // odd, so that no address is taken for one
  absl::Status error;
  int copy_count = 0;
  uint64_t largest_copy_bytes = 0;
  int tagger_count = 0;
};

FakePackage::FakePackage(std::string name)
    : state_(std::make_shared<State>(std::move(name))) {}

Tagger FakePackage::tagger() const {
  return
      [state = state_](const Storage& storage) -> std::optional<std::string> {
        const std::lock_guard<std::mutex> lock(state->mutex);
        ++state->tagger_count;
        if (storage.device().type() != state->name) return std::nullopt;
        return state->name;
      };
}

Deserializer FakePackage::deserializer() const {
  return [state = state_](
             const Storage& storage,
             absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
    if (tag != state->name) return std::nullopt;
    return State::Keep(state, {static_cast<const char*>(storage.data()),
                               storage.size_bytes()});
  };
}

HostCopier FakePackage::to_host() const {
  return [state = state_](const Storage& from, uint64_t offset_bytes, void* to,
                          uint64_t size_bytes) {
    const std::lock_guard<std::mutex> lock(state->mutex);
    ++state->copy_count;
    state->largest_copy_bytes = std::max(state->largest_copy_bytes, size_bytes);
    if (!state->error.ok()) return state->error;
    const auto block =
        state->blocks.find(reinterpret_cast<uintptr_t>(from.data()));
    if (block == state->blocks.end()) {
      return absl::InternalError("the package does not hold this storage");
    }
    const absl::string_view kept = block->second;
    if (size_bytes == 0 || offset_bytes > kept.size() ||
        size_bytes > kept.size() - offset_bytes) {
      return absl::InternalError("the range is empty or outside the storage");
    }
    const absl::string_view range = kept.substr(offset_bytes, size_bytes);
    std::transform(range.begin(), range.end(), static_cast<char*>(to),
                   Inverted);
    return absl::OkStatus();
  };
}

Storage FakePackage::Keep(absl::string_view bytes) const {
  return State::Keep(state_, bytes);
}

void FakePackage::Fail(absl::Status error) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  state_->error = std::move(error);
}

int FakePackage::copy_count() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->copy_count;
}

uint64_t FakePackage::largest_copy_bytes() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->largest_copy_bytes;
}

int FakePackage::tagger_count() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->tagger_count;
}

int FakePackage::storage_count() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return static_cast<int>(state_->blocks.size());
}

}  // namespace v1
}  // namespace ferry
