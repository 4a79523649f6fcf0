// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What `LoadInto` cannot show, since no container makes it: storages whose
// bytes stand in several extents. All else is in load_into_test.cc.

#include "ferry/serialization/transfer/tensor_reader.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/io/crc32.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/transfer/extent_reader.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

Tensor Zeros(const Dimensions& shape, const Dimensions& strides,
             int64_t num_elements) {
  const absl::StatusOr<Storage> storage =
      Storage::Allocate(static_cast<uint64_t>(num_elements) * 4);
  EXPECT_THAT(storage, IsOk());
  std::memset(storage->data(), 0, storage->size_bytes());
  return *Tensor::Create(*storage, DType::kInt32, shape, strides, 0);
}

// The numbers 0 to 11, of which the first five stand in the second file and the
// others in the first.
class TwoExtents : public testing::TestWithParam<bool> {
 protected:
  TwoExtents() {
    for (int32_t i = 0; i < 12; ++i) numbers_.push_back(i);
    const char* const bytes = reinterpret_cast<const char*>(numbers_.data());
    files_[0] = "....." + std::string(bytes + 20, 28);
    files_[1] = std::string(bytes, 20);
    extents_ = {MakePlainExtent(1, 0, 20), MakePlainExtent(0, 5, 28)};
    extents_[1].storage_offset_bytes = 20;
    // All of an extent with a checksum is read, and only what is wanted of one
    // without.
    for (Extent& extent : extents_) {
      extent.has_crc32 = GetParam();
      extent.crc32 = Crc32(absl::string_view(files_[extent.file])
                               .substr(extent.begin, extent.size_bytes));
    }
  }

  absl::Status Read(const Tensor& from, const Tensor& to) {
    const auto first = MakeMemoryFile(files_[0], "first.bin");
    const auto second = MakeMemoryFile(files_[1], "second.bin");
    TensorRead read;
    read.from = from;
    read.extents = extents_;
    read.to = to;
    return ReadTensors({first.get(), second.get()}, {read},
                       registry_.Snapshot(), ExtentReadOptions());
  }

  DeviceRegistry registry_;
  std::vector<int32_t> numbers_;
  std::string files_[2];
  std::vector<Extent> extents_;
  const Storage storage_ = Storage::Described(48, "cpu");
};

TEST_P(TwoExtents, AWholeStorage) {
  const Tensor from = *Tensor::Create(storage_, DType::kInt32, {12});
  const Tensor to = Zeros({12}, {1}, 12);
  ASSERT_THAT(Read(from, to), IsOk());
  EXPECT_EQ(std::memcmp(to.data(), numbers_.data(), 48), 0);
}

TEST_P(TwoExtents, AViewAcrossThem) {
  const Tensor from = *Tensor::Create(storage_, DType::kInt32, {6}, {1}, 3);
  const Tensor to = Zeros({6}, {1}, 6);
  ASSERT_THAT(Read(from, to), IsOk());
  EXPECT_EQ(std::memcmp(to.data(), &numbers_[3], 24), 0);
}

TEST_P(TwoExtents, AViewOfTheSecondAlone) {
  const Tensor from = *Tensor::Create(storage_, DType::kInt32, {2}, {1}, 9);
  const Tensor to = Zeros({2}, {1}, 2);
  ASSERT_THAT(Read(from, to), IsOk());
  EXPECT_EQ(std::memcmp(to.data(), &numbers_[9], 8), 0);
}

TEST_P(TwoExtents, ElementsArrangedOtherwise) {
  const Tensor from =
      *Tensor::Create(storage_, DType::kInt32, {3, 4}, {4, 1}, 0);
  const Tensor to = Zeros({3, 4}, {1, 3}, 12);
  ASSERT_THAT(Read(from, to), IsOk());
  const auto* const got = static_cast<const int32_t*>(to.data());
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 4; ++k) EXPECT_EQ(got[i + 3 * k], 4 * i + k);
  }
}

// A whole storage, and a part of one, onto a device.
TEST_P(TwoExtents, OntoADevice) {
  FakeBackend::Options options;
  options.delays_transfers = true;
  const auto backend = std::make_shared<FakeBackend>(options);
  absl::StatusOr<Registration> registration =
      registry_.RegisterBackend(100, backend);
  ASSERT_THAT(registration, IsOk());
  for (const int64_t first : {0, 3}) {
    const int64_t count = 12 - 2 * first;
    Memory memory;
    ASSERT_THAT(backend->Allocate(1, {48}, {&memory, 1}), IsOk());
    const Storage storage = Storage::FromMemory(Device("fake", 1), memory, 48);
    const Tensor from =
        *Tensor::Create(storage_, DType::kInt32, {count}, {1}, first);
    const Tensor to = *Tensor::Create(storage, DType::kInt32, {count}, {1},
                                      first == 0 ? 0 : 2);
    ASSERT_THAT(Read(from, to), IsOk());
    std::vector<int32_t> got(count);
    ASSERT_THAT(backend->CopyToHost(memory, first == 0 ? 0 : 8, got.data(),
                                    static_cast<uint64_t>(count) * 4),
                IsOk());
    EXPECT_EQ(std::memcmp(got.data(), &numbers_[first], got.size() * 4), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Checksums, TwoExtents, testing::Bool());

}  // namespace
}  // namespace v1
}  // namespace ferry
