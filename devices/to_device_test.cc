// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/to_device.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

class ToDeviceTest : public ::testing::Test {
 protected:
  ToDeviceTest() {
    for (const std::shared_ptr<Backend>& backend :
         {std::shared_ptr<Backend>(std::make_shared<FakeHostBackend>()),
          std::shared_ptr<Backend>(std::make_shared<FakeBackend>())}) {
      KeepRegistered(registry_.RegisterBackend(10, backend));
    }
  }

  DeviceSnapshot devices() const { return registry_.Snapshot(); }

  static Tensor Sample() {
    const std::vector<int32_t> elements = {1, 2, 3, 4, 5, 6};
    const std::vector<int64_t> shape = {2, 3};
    return *Tensor::FromData<int32_t>(elements, shape);
  }

  static int32_t ElementAt(const Tensor& tensor, int i) {
    return static_cast<const int32_t*>(tensor.data())[i];
  }

  DeviceRegistry registry_;
};

TEST_F(ToDeviceTest, StoragesGoThereAndBack) {
  const Storage host = Sample().storage();
  const absl::StatusOr<Storage> there = To(host, Device("fake", 1), devices());
  ASSERT_THAT(there, IsOk());
  EXPECT_EQ(there->device(), Device("fake", 1));
  const absl::StatusOr<Storage> back = To(*there, Device("cpu"), devices());
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(static_cast<const int32_t*>(back->data())[5], 6);
  EXPECT_NE(*back, host);
}

TEST_F(ToDeviceTest, WhatIsThereStaysAsItIs) {
  const Tensor host = Sample();
  EXPECT_TRUE(To(host, Device("cpu"), devices())->IsSame(host));
  const Tensor there = *To(host, Device("fake"), devices());
  EXPECT_TRUE(To(there, Device("fake", 0), devices())->IsSame(there));
  EXPECT_FALSE(To(there, Device("fake", 1), devices())->IsSame(there));
}

TEST_F(ToDeviceTest, ViewsStayViews) {
  const Tensor host = Sample();
  const std::vector<int64_t> shape = {3}, strides = {2};
  const Tensor view =
      *Tensor::Create(host.storage(), DType::kInt32, shape, strides, 1);
  const absl::StatusOr<Tensor> there = To(view, Device("fake", 1), devices());
  ASSERT_THAT(there, IsOk());
  EXPECT_EQ(there->strides(), view.strides());
  EXPECT_EQ(there->storage_offset(), 1);
  const absl::StatusOr<Tensor> back = To(*there, Device("cpu"), devices());
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(ElementAt(*back, 0), 2);
  EXPECT_EQ(ElementAt(*back, 4), 6);
}

TEST_F(ToDeviceTest, ComponentsAreMoved) {
  const std::vector<int64_t> shape = {9};
  const Tensor sparse = Tensor::CreateComposite(
      Layout::kSparseCoo, DType::kInt32, shape, {Sample(), Sample()});
  const absl::StatusOr<Tensor> there = To(sparse, Device("fake"), devices());
  ASSERT_THAT(there, IsOk());
  EXPECT_EQ(there->layout(), Layout::kSparseCoo);
  for (const Tensor& component : there->components()) {
    EXPECT_EQ(component.device(), Device("fake", 0));
  }
  EXPECT_TRUE(To(sparse, Device("cpu"), devices())->IsSame(sparse));
}

TEST_F(ToDeviceTest, ErrorsAreThoseOfTheCopy) {
  EXPECT_EQ(To(Sample(), Device("gone"), devices()).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(To(Sample(), Device("fake", 2), devices()).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(To(Storage(), Device("cpu"), devices()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(To(Tensor(), Device("cpu"), devices()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
