// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The CUDA plugin, linked in, on the fake driver: all checks of backends, and
// all reasons for having no device.

#include "ferry/plugins/cuda/cuda_plugin.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/devices/conformance/conformance.h"
#include "ferry/plugin.h"
#include "ferry/plugins/cuda/testing/fake_process.h"
#include "ferry/plugins/cuda/testing/scenario.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/plugins/plugin_status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::fake_driver::ChildResult;
using ::fake_driver::FakeLog;
using ::fake_driver::LinkedPlugin;
using ::fake_driver::RequireCleanReport;
using ::fake_driver::RunInChild;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Two settings of each kind of timing.
std::vector<std::string> Timings() {
  std::vector<std::string> timings;
  for (const char* timing : {"eager", "late", "random"}) {
    for (int seed = 1; seed <= 2; ++seed) {
      timings.push_back(absl::StrCat("timing=", timing, ",seed=", seed));
    }
  }
  return timings;
}

TEST(CudaPluginTest, PassesTheConformanceSuite) {
  for (const std::string& timing : Timings()) {
    const ChildResult result = RunInChild(timing, [] {
      const absl::StatusOr<PluginDescription> plugin =
          QueryPlugin(ferry_cuda_query, "");
      if (!plugin.ok()) fake_driver::Fail(plugin.status().ToString());
      PluginBackend backend(plugin->backends.at(0));
      ConformanceOptions options;
      options.expected_devices = 2;
      options.large_bytes = uint64_t{1} << 20;
      int passed = 0;
      for (const CheckResult& check : RunConformance(backend, options)) {
        if (check.outcome == CheckResult::kFail) {
          fake_driver::Fail(check.ToString());
        }
        passed += check.outcome == CheckResult::kPass;
      }
      fake_driver::Require(passed > 25, "most checks are run");
      RequireCleanReport();
    });
    EXPECT_TRUE(result.passed) << timing << ": " << result.output;
  }
}

TEST(CudaPluginTest, WorksWithEveryTiming) {
  std::vector<std::string> timings = Timings();
  timings.push_back("timing=late,pools=0");
  timings.push_back("timing=random,pools=0");
  for (const std::string& timing : timings) {
    const std::string settings = "memory=1048576," + timing;
    ChildResult result = RunInChild(
        settings, [] { fake_driver::UseEverything(LinkedPlugin()); });
    EXPECT_TRUE(result.passed) << settings << ": " << result.output;
    result =
        RunInChild(settings, [] { fake_driver::LoseADevice(LinkedPlugin()); });
    EXPECT_TRUE(result.passed) << settings << ": " << result.output;
    result =
        RunInChild(settings, [] { fake_driver::ForkAfterUse(LinkedPlugin()); });
    EXPECT_TRUE(result.passed) << settings << ": " << result.output;
  }
}

TEST(CudaPluginTest, ThreadsThatWaitForAStreamLearnThatTheDeviceIsLost) {
  const ChildResult result = RunInChild("bus=1000000000:1000000000", [] {
    fake_driver::LoseADeviceWithWaiters(LinkedPlugin());
  });
  EXPECT_TRUE(result.passed) << result.output;
}

TEST(CudaPluginTest, AFakeCopyNeedsBothDevices) {
  const ChildResult result = RunInChild("timing=late", [] {
    fake_driver::LoseTheDestinationAtWork(LinkedPlugin());
  });
  EXPECT_TRUE(result.passed) << result.output;
}

// Prints how many devices there are, and why not more.
void PrintDevices() {
  const ferry_backend& plugin = LinkedPlugin();
  ferry_devices devices = HostStruct<ferry_devices>();
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code = plugin.device_count(plugin.context, &devices, &status);
  fake_driver::Require(code == FERRY_OK, "device_count has no errors");
  fake_driver::Fail(absl::StrCat("count ", devices.count, " absence ",
                                 devices.absence, ": ", devices.why));
}

TEST(CudaPluginTest, SaysWhyThereIsNoDevice) {
  const std::string text_file = absl::StrCat(testing::TempDir(), "/text.so");
  std::ofstream(text_file) << "not a library";
  char folder[4096];
  ASSERT_NE(getcwd(folder, sizeof(folder)), nullptr);
  const std::string toy = absl::StrCat(folder, "/plugins/testing/toy.so");
  const struct {
    const char* settings;
    std::string driver;  // empty: the fake
    uint32_t absence;
    const char* why;
  } cases[] = {
      {"", "/no/such/libcuda.so.1", FERRY_ABSENCE_NO_DRIVER,
       "cannot open the NVIDIA driver: /no/such/libcuda.so.1: cannot open"},
      {"", "libcuda.so.1", FERRY_ABSENCE_NO_DRIVER,
       "FERRY_CUDA_DRIVER should be an absolute path, but is libcuda.so.1"},
      {"", text_file, FERRY_ABSENCE_NO_DRIVER, "cannot open the NVIDIA driver"},
      {"", toy, FERRY_ABSENCE_DRIVER_TOO_OLD,
       "the driver has no function cuInit; Ferry needs that of CUDA 11.8"},
      {"stub=1", "", FERRY_ABSENCE_NO_DRIVER,
       "found only the stub library of the CUDA Toolkit; remove"},
      {"version=11070", "", FERRY_ABSENCE_DRIVER_TOO_OLD,
       "the driver is that of CUDA 11.7; Ferry needs 11.8 or newer"},
      {"devices=0", "", FERRY_ABSENCE_NO_DEVICE, "the driver finds no GPU"},
      {"init=100", "", FERRY_ABSENCE_NO_DEVICE, "the driver finds no GPU"},
      {"init=800", "", FERRY_ABSENCE_NO_PERMISSION, "refuses access"},
      {"init=802", "", FERRY_ABSENCE_NO_DEVICE, "the driver is not ready"},
      {"init=803", "", FERRY_ABSENCE_DRIVER_TOO_OLD, "different versions"},
      {"init=804", "", FERRY_ABSENCE_DRIVER_TOO_OLD, "compatibility package"},
      {"init=999", "", FERRY_ABSENCE_NO_DEVICE,
       "the driver cannot start: CUDA_ERROR_UNKNOWN (code 999)"},
      {"init=12345", "", FERRY_ABSENCE_NO_DEVICE,
       "the driver cannot start: an unknown error (code 12345)"},
      {"fail=cuDeviceGetCount:1:999", "", FERRY_ABSENCE_NO_DEVICE,
       "the driver cannot start: CUDA_ERROR_UNKNOWN"},
      {"fail=cuDeviceGet:2:101", "", FERRY_ABSENCE_NO_DEVICE,
       "cannot find its device 1: CUDA_ERROR_INVALID_DEVICE (code 101)"},
  };
  for (const auto& absent : cases) {
    unsetenv("CUDA_VISIBLE_DEVICES");
    const ChildResult result =
        RunInChild(absent.settings, PrintDevices, absent.driver);
    EXPECT_THAT(
        result.output,
        AllOf(HasSubstr(absl::StrCat("count 0 absence ", absent.absence, ": ")),
              HasSubstr(absent.why)));
  }
  setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
  EXPECT_THAT(RunInChild("devices=0", PrintDevices).output,
              HasSubstr("CUDA_VISIBLE_DEVICES=-1"));
  unsetenv("CUDA_VISIBLE_DEVICES");
  EXPECT_THAT(RunInChild("version=11080,devices=3", PrintDevices).output,
              HasSubstr("count 3 "));
}

// Where there is a pool, nothing is allocated or freed in another way.
TEST(CudaPluginTest, AllocatesFromThePoolOfTheDevice) {
  for (int has_pools : {0, 1}) {
    const ChildResult result =
        RunInChild(absl::StrCat("memory=1048576,pools=", has_pools), [&] {
          fake_driver::UseEverything(LinkedPlugin());
          const std::string log = FakeLog();
          for (const char* call : {"cuMemAlloc_v2(", "cuMemFree_v2("}) {
            fake_driver::Require(
                (log.find(call) == std::string::npos) == (has_pools == 1),
                call);
          }
          for (const char* call : {"cuMemAllocAsync(", "cuMemFreeAsync("}) {
            fake_driver::Require(
                (log.find(call) == std::string::npos) == (has_pools == 0),
                call);
          }
        });
    EXPECT_TRUE(result.passed) << has_pools << ": " << result.output;
  }
}

// As with a real device, the host cannot use an address on it.
TEST(CudaPluginTest, DeviceMemoryIsNotAccessible) {
  const ChildResult result = RunInChild("", [] {
    const ferry_backend& plugin = LinkedPlugin();
    ferry_status status = HostStruct<ferry_status>();
    uint64_t handle = 0;
    plugin.allocate(plugin.context, 0, 4096, &handle, &status);
    printf("reading");
    fflush(stdout);
    printf("%d", *reinterpret_cast<volatile char*>(handle));
  });
  EXPECT_FALSE(result.passed);
  EXPECT_THAT(result.output, testing::StartsWith("reading"));
}

// A fake must never be taken for a GPU.
TEST(CudaPluginTest, FakeDevicesAreNamedFake) {
  const ChildResult result = RunInChild("memory=123456", [] {
    const ferry_backend& plugin = LinkedPlugin();
    ferry_device_properties properties = HostStruct<ferry_device_properties>();
    ferry_status status = HostStruct<ferry_status>();
    plugin.device_properties(plugin.context, 1, &properties, &status);
    // Listing devices must take no memory on them.
    fake_driver::Require(
        FakeLog().find("cuDevicePrimaryCtxRetain") == std::string::npos,
        "no context is made");
    fake_driver::Fail(absl::StrCat(properties.name, ", ",
                                   properties.memory_bytes, ", ",
                                   properties.uuid[15]));
  });
  EXPECT_THAT(result.output, HasSubstr("Fake GPU (a model of the driver, no "
                                       "hardware), 123456, 1"));
}

// Memory that is freed by the destructors of static variables.
TEST(CudaPluginTest, MemoryMayBeFreedAtExit) {
  const ChildResult result = RunInChild("", [] {
    struct Late {
      ~Late() {
        ferry_status status = HostStruct<ferry_status>();
        const int32_t code = plugin->free(plugin->context, 0, handle, &status);
        fake_driver::Require(code == FERRY_OK, "freeing at exit is no error");
        status = HostStruct<ferry_status>();
        uint64_t more = 0;
        fake_driver::Require(
            plugin->allocate(plugin->context, 0, 1, &more, &status) ==
                    FERRY_FAILED_PRECONDITION &&
                std::strstr(status.message, "the process is exiting"),
            "allocating at exit is an error");
      }
      const ferry_backend* plugin = nullptr;
      uint64_t handle = 0;
    };
    // Made before the driver is, and so destroyed after it.
    static Late late;
    late.plugin = &LinkedPlugin();
    ferry_status status = HostStruct<ferry_status>();
    late.plugin->allocate(late.plugin->context, 0, 100, &late.handle, &status);
    exit(0);
  });
  EXPECT_TRUE(result.passed) << result.output;
}

}  // namespace
}  // namespace v1
}  // namespace ferry
