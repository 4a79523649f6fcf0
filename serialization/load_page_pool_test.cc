// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Which memory of a load comes from `LoadOptions::page_pool`.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/page_pool.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/value/value.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

class HostAllocatorBackend final : public FakeHostBackend {
 public:
  bool uses_host_allocator() const override { return true; }
};

// Returns a list of a long str and so many tensors that everything about them
// is large.
Value ManyTensors() {
  constexpr int kTensors = 40000;
  Value list = Value::List();
  EXPECT_THAT(list.Append(Value(std::string(4 << 20, 'x'))), IsOk());
  for (int i = 0; i < kTensors; ++i) {
    const absl::StatusOr<Tensor> tensor = Tensor::FromData<int>({i}, {1});
    EXPECT_THAT(tensor, IsOk());
    tensor->storage().set_recorded_location("cpu");
    EXPECT_THAT(list.Append(Value(*tensor)), IsOk());
  }
  return list;
}

std::string BytesOf(Container container) {
  SaveOptions options;
  options.container = container;
  const absl::StatusOr<std::string> bytes =
      SaveToString(ManyTensors(), options);
  EXPECT_THAT(bytes, IsOk());
  return *bytes;
}

class LoadPagePoolTest : public testing::Test {
 protected:
  LoadPagePoolTest() {
    options_.registry = &registry_;
    options_.page_pool = std::make_shared<PagePool>(uint64_t{1} << 30);
  }
  void Register(std::shared_ptr<Backend> backend) {
    KeepRegistered(registry_.RegisterBackend(10, std::move(backend)));
  }
  uint64_t kept_bytes() const { return options_.page_pool->kept_bytes(); }

  DeviceRegistry registry_;
  LoadOptions options_;
};

TEST_F(LoadPagePoolTest, OpeningAnArchiveUsesThePool) {
  const std::string bytes = BytesOf(Container::kZip);
  absl::StatusOr<Checkpoint> opened = Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(opened, IsOk());
  std::optional<Checkpoint> checkpoint(*std::move(opened));
  const absl::StatusOr<std::string> record = checkpoint->ReadRecord("data.pkl");
  ASSERT_THAT(record, IsOk());
  // The bytes of the graph record and of the directory are freed.
  const uint64_t after_open = kept_bytes();
  EXPECT_GT(after_open, RoundUp(record->size(), HugePageBytes()));

  std::optional<Value> root = checkpoint->root();
  std::vector<Storage> storages = checkpoint->storages();
  checkpoint.reset();
  const uint64_t without_directory = kept_bytes();
  EXPECT_GT(without_directory, after_open);
  root.reset();
  const uint64_t without_graph = kept_bytes();
  EXPECT_GT(without_graph, without_directory);
  storages.clear();
  const uint64_t without_storages = kept_bytes();
  EXPECT_GT(without_storages, without_graph);

  // The next one needs no other memory.
  ASSERT_THAT(Checkpoint::OpenMemory(bytes, options_), IsOk());
  EXPECT_EQ(kept_bytes(), without_storages);
}

TEST_F(LoadPagePoolTest, StoragesOnTheHostUseThePool) {
  Register(std::make_shared<HostAllocatorBackend>());
  for (const Placement placement : {Placement::kPlace, Placement::kHost}) {
    options_.placement = placement;
    options_.page_pool = std::make_shared<PagePool>(uint64_t{1} << 30);
    // The graph of a legacy stream does not use the pool.
    const std::string bytes = BytesOf(Container::kLegacy);
    uint64_t all = 0;
    for (int i = 0; i < 2; ++i) {
      absl::StatusOr<Value> value = LoadMemory(bytes, options_);
      ASSERT_THAT(value, IsOk());
      const uint64_t scratch = kept_bytes();
      EXPECT_GT(scratch, 0u);
      value = Value();
      EXPECT_GT(kept_bytes(), scratch);
      if (i != 0) {
        EXPECT_EQ(kept_bytes(), all);
      }
      all = kept_bytes();
    }
  }
}

TEST_F(LoadPagePoolTest, OtherBackendsAllocateThemselves) {
  Register(std::make_shared<FakeHostBackend>());
  absl::StatusOr<Value> value =
      LoadMemory(BytesOf(Container::kLegacy), options_);
  ASSERT_THAT(value, IsOk());
  const uint64_t scratch = kept_bytes();
  value = Value();
  EXPECT_EQ(kept_bytes(), scratch);
}

TEST_F(LoadPagePoolTest, ReusedMemoryDoesNotShowInWhatIsLoaded) {
  Register(std::make_shared<HostAllocatorBackend>());
  const std::string bytes = BytesOf(Container::kZip);
  SaveOptions save_options;
  save_options.registry = &registry_;
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<Value> value = LoadMemory(bytes, options_);
    ASSERT_THAT(value, IsOk());
    const absl::StatusOr<std::string> saved =
        SaveToString(*value, save_options);
    ASSERT_THAT(saved, IsOk());
    EXPECT_TRUE(*saved == bytes);
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
