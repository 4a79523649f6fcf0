// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Programs that link //runtime use "cuda" on the fake driver: they load to it,
// move tensors between its devices, and read them back, on several threads.

#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/plugins/cuda/testing/fake_process.h"
#include "ferry/runtime/runtime.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::fake_driver::ChildResult;
using ::fake_driver::Require;
using ::fake_driver::RunInChild;

constexpr char kCheckpoint[] = "tests/data/training_checkpoint.pt";
constexpr char kWeight[] = "/model/hidden.weight";
constexpr char kTagged[] = "tests/data/fixtures/pytorch-2.14/tag_cuda1.pt";

template <typename T>
T Must(absl::StatusOr<T> value, absl::string_view what) {
  if (!value.ok()) {
    fake_driver::Fail(absl::StrCat(what, ": ", value.status().ToString()));
  }
  return *std::move(value);
}

Tensor TensorAt(const Value& value, absl::string_view pointer) {
  return Must(Must(value.At(pointer), pointer).AsTensor(), pointer);
}

void RequireSame(const Tensor& on_host, const Tensor& expected,
                 absl::string_view what) {
  const uint64_t size_bytes = expected.storage().size_bytes();
  Require(on_host.storage().size_bytes() == size_bytes &&
              std::memcmp(on_host.storage().data(), expected.storage().data(),
                          size_bytes) == 0,
          std::string(what));
}

Value LoadTo(const std::string& path, absl::string_view tag) {
  LoadOptions options;
  if (!tag.empty()) options.map_location = MapLocation::To(tag);
  return Must(Load(path, options), path);
}

void MoveTensors(int thread) {
  const Value expected = LoadTo(kTagged, "cpu");
  const Value tagged = LoadTo(kTagged, "");
  for (const char* name : {"/w", "/b"}) {
    const Tensor there = TensorAt(tagged, name);
    Require(there.storage().device() == Device("cuda", 1),
            "the storage is where its tag says");
    // From device to device, and one that stays.
    const Tensor other = Must(To(there, Device("cuda", 0)), "To");
    Require(other.storage().device() == Device("cuda", 0), "it has moved");
    Require(Must(To(other, Device("cuda")), "To").storage().data() ==
                other.storage().data(),
            "cuda is cuda:0");
    RequireSame(Must(To(other, Device("cpu")), "To"), TensorAt(expected, name),
                "what was moved is the same");
    RequireSame(Must(To(there, Device("cpu")), "To"), TensorAt(expected, name),
                "moving leaves the original as it was");
  }
  // Many storages at once, to the device of the thread.
  const std::string tag = absl::StrCat("cuda:", thread % 2);
  const Value here = LoadTo(kCheckpoint, "cpu");
  const Value there = LoadTo(kCheckpoint, tag);
  RequireSame(Must(To(TensorAt(there, kWeight), Device("cpu")), "To"),
              TensorAt(here, kWeight), "what was loaded is the same");
  // Views share the storage on the device.
  const Tensor weight = TensorAt(there, kWeight);
  const Tensor row = Must(strided::Select(weight, 0, 1), "Select");
  Require(row.storage().data() == weight.storage().data(),
          "a view shares its storage");
}

TEST(CudaTest, TensorsMoveBetweenDevices) {
  for (const char* timing :
       {"timing=eager", "timing=late", "seed=1", "seed=2"}) {
    const ChildResult result = RunInChild(timing, [] {
      MoveTensors(0);
      std::vector<std::thread> threads;
      for (int thread = 0; thread < 8; ++thread) {
        threads.emplace_back([thread] { MoveTensors(thread); });
      }
      for (std::thread& thread : threads) thread.join();
      fake_driver::RequireCleanReport();
    });
    EXPECT_TRUE(result.passed) << timing << ": " << result.output;
  }
}

TEST(CudaTest, ALossIsReportedAndOtherDevicesGoOn) {
  for (int copy : {1, 2, 3}) {
    const std::string settings = absl::StrCat("timing=late,lose=", copy);
    const ChildResult result = RunInChild(settings, [] {
      LoadOptions options;
      options.map_location = MapLocation::To("cuda:0");
      const absl::Status status = Load(kCheckpoint, options).status();
      Require(absl::IsUnavailable(status) &&
                  status.message().find("the device is lost") !=
                      absl::string_view::npos,
              status.ToString());
      Require(Load(kCheckpoint, options).status().code() ==
                  absl::StatusCode::kUnavailable,
              "a lost device stays lost");
      RequireSame(Must(To(TensorAt(LoadTo(kCheckpoint, "cuda:1"), kWeight),
                          Device("cpu")),
                       "To"),
                  TensorAt(LoadTo(kCheckpoint, "cpu"), kWeight),
                  "the other device goes on");
      fake_driver::RequireCleanReport();
    });
    EXPECT_TRUE(result.passed) << settings << ": " << result.output;
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
