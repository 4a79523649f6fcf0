// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/storage.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/core/thread_state.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(StorageTest, NullStoragesAreEqual) {
  EXPECT_TRUE(Storage().is_null());
  EXPECT_EQ(Storage(), Storage());
  EXPECT_EQ(Storage().identity(), nullptr);
}

TEST(StorageTest, AllocatesOnTheHost) {
  const absl::StatusOr<Storage> storage = Storage::Allocate(100);
  ASSERT_THAT(storage, IsOk());
  EXPECT_FALSE(storage->is_null());
  EXPECT_TRUE(storage->has_data());
  EXPECT_EQ(storage->size_bytes(), 100u);
  EXPECT_TRUE(storage->device().is_cpu());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(storage->data()) % 64, 0u);
  EXPECT_EQ(storage->recorded_location(), "");
  EXPECT_EQ(storage->version(), 0u);
  EXPECT_NE(*storage, Storage());
}

TEST(StorageTest, EverySizeIsAlignedAndApart) {
  std::vector<Storage> storages;
  for (uint64_t size = 1; size < 2000; size += 3) {
    storages.push_back(*Storage::Allocate(size));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(storages.back().data()) % 64, 0u);
    EXPECT_EQ(storages.back().size_bytes(), size);
    std::memset(storages.back().data(), static_cast<int>(size % 251), size);
  }
  for (const Storage& storage : storages) {
    const auto* const bytes = static_cast<const unsigned char*>(storage.data());
    const auto wanted = static_cast<int>(storage.size_bytes() % 251);
    EXPECT_EQ(bytes[0], wanted);
    EXPECT_EQ(bytes[storage.size_bytes() - 1], wanted);
  }
}

TEST(StorageTest, EmptyOneIsPlacedAndPointsNowhere) {
  const absl::StatusOr<Storage> storage = Storage::Allocate(0);
  ASSERT_THAT(storage, IsOk());
  EXPECT_TRUE(storage->has_data());
  EXPECT_EQ(storage->data(), nullptr);
}

TEST(StorageTest, AbsurdSizeIsRefused) {
  EXPECT_EQ(
      Storage::Allocate(std::numeric_limits<uint64_t>::max()).status().code(),
      absl::StatusCode::kResourceExhausted);
}

TEST(StorageTest, HandlesShare) {
  const Storage first = *Storage::Allocate(8);
  const Storage second = first;
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.identity(), second.identity());
  EXPECT_EQ(absl::HashOf(first), absl::HashOf(second));
  ++first.version();
  EXPECT_EQ(second.version(), 1u);
  first.set_recorded_location("cuda:1");
  EXPECT_EQ(second.recorded_location(), "cuda:1");
  // The same bytes under another handle do not make them one storage.
  const Storage other =
      Storage::FromMemory(Device(), first.memory(), first.size_bytes());
  EXPECT_NE(first, other);
  EXPECT_EQ(first.data(), other.data());
}

TEST(StorageTest, HoldsItsMemoryUntilTheLastHandleGoes) {
  auto buffer = std::make_shared<std::vector<char>>(16);
  const std::weak_ptr<std::vector<char>> watch = buffer;
  Storage first =
      Storage::FromMemory(Device("cpu"), Memory{buffer->data(), buffer}, 16);
  buffer.reset();
  Storage second = first;
  first = Storage();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(second.data(), watch.lock()->data());
  second = Storage();
  EXPECT_TRUE(watch.expired());
}

TEST(StorageTest, MemoryMayBelongToSomebodyElse) {
  char buffer[4] = {};
  const Storage storage =
      Storage::FromMemory(Device(), Memory{buffer, nullptr}, sizeof(buffer));
  EXPECT_EQ(storage.data(), buffer);
}

TEST(StorageTest, DescribedOneIsPlacedForEveryHandle) {
  const Storage storage = Storage::Described(5000, "cuda:1");
  const Storage other = storage;
  EXPECT_FALSE(storage.is_null());
  EXPECT_FALSE(storage.has_data());
  EXPECT_EQ(storage.size_bytes(), 5000u);
  EXPECT_EQ(storage.recorded_location(), "cuda:1");
  EXPECT_EQ(storage.data(), nullptr);

  char buffer[1];
  storage.Materialize(Device("fake", 2), Memory{buffer, nullptr},
                      InternalKey());
  EXPECT_TRUE(other.has_data());
  EXPECT_EQ(other.device(), Device("fake", 2));
  EXPECT_EQ(other.data(), buffer);
}

TEST(StorageTest, MetaIsPlacedWithoutBytes) {
  const Storage storage =
      Storage::FromMemory(Device("meta"), Memory(), uint64_t{1} << 60);
  EXPECT_TRUE(storage.has_data());
  EXPECT_EQ(storage.data(), nullptr);
  EXPECT_EQ(storage.size_bytes(), uint64_t{1} << 60);
}

TEST(StorageTest, RemembersWhetherItWasMadeInInferenceMode) {
  const Storage normal = *Storage::Allocate(8);
  const ScopedThreadState inference(ThreadState{kInferenceBit});
  EXPECT_FALSE(normal.is_inference());
  EXPECT_TRUE(Storage::Allocate(8)->is_inference());
  EXPECT_TRUE(Storage::Described(8, "cpu").is_inference());
  EXPECT_TRUE(Storage::FromMemory(Device("cpu"), Memory(), 0).is_inference());
  const ScopedThreadState others(ThreadState{~kInferenceBit});
  EXPECT_FALSE(Storage::Allocate(8)->is_inference());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
