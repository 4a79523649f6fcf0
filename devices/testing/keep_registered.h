// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/testing/keep_registered.h
// -----------------------------------------------------------------------------
//
// Registers what a test needs for as long as its registry lives.
//
//   DeviceRegistry registry;
//   KeepRegistered(
//       registry.RegisterBackend(20, std::make_shared<FakeBackend>()));
#ifndef FERRY_DEVICES_TESTING_KEEP_REGISTERED_H_
#define FERRY_DEVICES_TESTING_KEEP_REGISTERED_H_

#include "absl/status/statusor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// Leaves a backend or a package in its registry. Fails the test if it could not
// be registered.
inline void KeepRegistered(absl::StatusOr<Registration> registration) {
  ASSERT_THAT(registration, IsOk());
  registration->Release();
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_TESTING_KEEP_REGISTERED_H_
