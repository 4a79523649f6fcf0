// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Where storages go under each form of `map_location`, as Load does it.

#include "ferry/serialization/transfer/storage_loader.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A registry with the host as "cpu" and two devices "fake:0" and "fake:1", and
// a file of four tensors at "fake:0", "fake:1", "cpu" and "fake:0".
class MapLocationTest : public testing::Test {
 protected:
  MapLocationTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(
        registry_.RegisterBackend(100, std::make_shared<FakeBackend>()));
    options_.registry = &registry_;
    Value all = Value::List();
    int next = 0;
    for (const char* tag : {"fake:0", "fake:1", "cpu", "fake:0"}) {
      const std::vector<float> elements(4, static_cast<float>(++next));
      const absl::StatusOr<Tensor> tensor =
          Tensor::FromData(absl::MakeConstSpan(elements), {4});
      EXPECT_THAT(tensor, IsOk());
      tensor->storage().set_recorded_location(tag);
      EXPECT_THAT(all.Append(Value(*tensor)), IsOk());
    }
    SaveOptions options;
    options.registry = &registry_;
    bytes_ = *SaveToString(all, options);
  }

  // The devices that the tensors are on, with the tags that they remember.
  std::vector<std::string> Places(const MapLocation& map) {
    options_.map_location = map;
    const absl::StatusOr<Value> list = LoadMemory(bytes_, options_);
    EXPECT_THAT(list, IsOk());
    std::vector<std::string> places;
    for (size_t i = 0; list.ok() && i < list->size(); ++i) {
      const Storage storage = list->Item(i)->AsTensor()->storage();
      places.push_back(storage.device().ToString());
      if (!storage.recorded_location().empty()) {
        absl::StrAppend(&places.back(), " ", storage.recorded_location());
      }
    }
    return places;
  }

  absl::Status Failure(const MapLocation& map) {
    options_.map_location = map;
    return LoadMemory(bytes_, options_).status();
  }

  DeviceRegistry registry_;
  LoadOptions options_;
  std::string bytes_;
};

TEST_F(MapLocationTest, Forms) {
  EXPECT_THAT(Places(MapLocation()),
              ElementsAre("fake:0", "fake:1", "cpu", "fake:0"));
  EXPECT_THAT(Places(MapLocation::To("cpu")),
              ElementsAre("cpu", "cpu", "cpu", "cpu"));
  EXPECT_THAT(Places(MapLocation::To(Device("fake", 1))),
              ElementsAre("fake:1", "fake:1", "fake:1", "fake:1"));
  EXPECT_THAT(
      Places(MapLocation::Table({{"fake:0", "fake:1"}, {"fake:1", "cpu"}})),
      ElementsAre("fake:1", "cpu", "cpu", "fake:1"));
  // No wildcard.
  EXPECT_THAT(Places(MapLocation::Table({{"fake", "cpu"}})),
              ElementsAre("fake:0", "fake:1", "cpu", "fake:0"));
}

TEST_F(MapLocationTest, OnTheHostTheMappedTagIsRemembered) {
  options_.placement = Placement::kHost;
  EXPECT_THAT(Places(MapLocation()),
              ElementsAre("cpu fake:0", "cpu fake:1", "cpu cpu", "cpu fake:0"));
  EXPECT_THAT(Places(MapLocation::Table({{"fake:0", "elsewhere:7"}})),
              ElementsAre("cpu elsewhere:7", "cpu fake:1", "cpu cpu",
                          "cpu elsewhere:7"));
}

TEST_F(MapLocationTest, AMappedPlaceMustBeThere) {
  EXPECT_EQ(Failure(MapLocation::To("fake:2")).code(),
            absl::StatusCode::kOutOfRange);
  const absl::Status unknown = Failure(MapLocation::To("nowhere"));
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("nowhere"));
}

TEST_F(MapLocationTest, AMapThatMatchesNothingCanBeAnError) {
  options_.map_location_must_match = true;
  const absl::Status status = Failure(MapLocation::Table({{"fake:3", "cpu"}}));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"fake:1\""));
  EXPECT_THAT(Failure(MapLocation::Table({{"fake:1", "cpu"}})), IsOk());
  EXPECT_THAT(Failure(MapLocation()), IsOk());
}

TEST_F(MapLocationTest, FunctionsSeeCompleteStoragesInOrder) {
  std::vector<std::string> seen;
  const std::vector<std::string> places = Places(MapLocation::Function(
      [&](const Storage& storage,
          absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
        float first;
        std::memcpy(&first, storage.data(), sizeof(first));
        seen.push_back(absl::StrCat(tag, " ", first));
        if (tag == "fake:0") return storage;
        return std::nullopt;
      }));
  EXPECT_THAT(seen, ElementsAre("fake:0 1", "fake:1 2", "cpu 3", "fake:0 4"));
  EXPECT_THAT(places, ElementsAre("cpu", "fake:1", "cpu", "cpu"));
}

TEST_F(MapLocationTest, FunctionsMayFailOrMistake) {
  EXPECT_EQ(Failure(MapLocation::Function(
                        [](const Storage&, absl::string_view)
                            -> absl::StatusOr<std::optional<Storage>> {
                          return absl::AbortedError("enough");
                        }))
                .code(),
            absl::StatusCode::kAborted);
  EXPECT_EQ(Failure(MapLocation::Function(
                        [](const Storage&, absl::string_view)
                            -> absl::StatusOr<std::optional<Storage>> {
                          return *Storage::Allocate(1);
                        }))
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(MapLocationTest, APlaceThatFailedHalfwayIsNotTakenForDone) {
  int calls = 0;
  options_.map_location = MapLocation::Function(
      [&](const Storage&,
          absl::string_view) -> absl::StatusOr<std::optional<Storage>> {
        if (++calls == 2) return absl::AbortedError("enough");
        return std::nullopt;
      });
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes_, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->LoadAll().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(checkpoint->LoadAll().code(), absl::StatusCode::kAborted);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
