// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The fake driver on the CUDA plugin, which is correct, and on mutants of it,
// which are not. mutants.bzl lists them. It is the fake that has to show each
// fault, by what it reports or by what its devices do.

#include <filesystem>
#include <set>
#include <string>

#include "ferry/plugin.h"
#include "ferry/plugins/cuda/testing/fake_process.h"
#include "ferry/plugins/cuda/testing/scenario.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fake_driver {
namespace {

using ::testing::HasSubstr;

enum Use {
  kEverything,
  kEverythingWithoutPools,
  kLoss,
  kLostCopy,
  kLostPeerCopy,
  kLostSource,
  kLostDestination,
  kLossWithWaiters,
  kFailedWait,
  kFork
};

// What the fake driver has to be set to.
std::string SettingsOf(Use use) {
  // Nothing here needs more than one stream of a device at a time, besides the
  // one of the frees.
  const std::string settings = ",memory=1048576,streams=2";
  if (use == kEverythingWithoutPools) return settings + ",pools=0";
  if (use == kLostCopy || use == kLostPeerCopy) {
    return settings + ",timing=late,lose=1";
  }
  if (use == kLossWithWaiters) return settings + ",bus=1000000000:1000000000";
  if (use == kFailedWait) return settings + ",fail=cuEventSynchronize:1:999";
  return settings;
}

ChildResult RunMutant(const std::string& library, Use use,
                      const std::string& settings) {
  return RunInChild(settings + SettingsOf(use), [&] {
    const ferry_backend& plugin = OpenPlugin(library);
    switch (use) {
      case kEverything:
      case kEverythingWithoutPools:
        UseEverything(plugin);
        break;
      case kLoss:
        LoseADevice(plugin);
        break;
      case kLostCopy:
        LoseACopy(plugin);
        break;
      case kLostPeerCopy:
        LoseAPeerCopy(plugin);
        break;
      case kLostSource:
        LoseOneOfTwo(plugin, 0);
        break;
      case kLostDestination:
        LoseOneOfTwo(plugin, 1);
        break;
      case kLossWithWaiters:
        LoseADeviceWithWaiters(plugin);
        break;
      case kFailedWait:
        FailToWait(plugin);
        break;
      case kFork:
        ForkAfterUse(plugin);
        break;
    }
  });
}

struct Mutant {
  const char* name;
  Use use;
  // Part of what the child says at its end.
  const char* symptom;
};

constexpr Mutant kMutants[] = {
    {"allocation_not_awaited", kEverything,
     "used before another stream has allocated it"},
    {"blocking_copy_not_awaited", kEverything,
     "a queue reads what a blocking copy wrote"},
    {"blocking_copy_on_the_default_stream", kEverything,
     "the legacy default stream is used"},
    {"blocking_copy_on_the_stream_of_the_thread", kEverything,
     "the per-thread default stream is used"},
    {"context_not_pushed", kEverything, "INVALID_CONTEXT"},
    {"context_not_restored", kEverything, "the current context is restored"},
    {"context_of_the_first_device", kEverything, "memory is freed that"},
    {"context_retained_again", kEverything, "primary context is retained"},
    {"copy_on_another_stream", kEverything,
     "a queue reads what a blocking copy wrote"},
    {"copy_without_its_offset", kEverything, "reads what a staged load wrote"},
    {"device_copy_not_awaited", kEverything,
     "a queue reads what was copied between devices"},
    {"device_copy_overlaps", kEverything, "the ranges of a copy overlap"},
    {"device_copy_with_one_offset", kEverything,
     "a queue reads what was copied between devices"},
    {"device_copy_without_a_check", kEverything,
     "a copy between devices has code"},
    {"event_before_its_copy", kEverything,
     "a queue reads what a blocking copy wrote"},
    {"event_error_ignored", kLostCopy, "the wait reports the error"},
    {"event_not_awaited", kEverything,
     "a queue reads what a blocking copy wrote"},
    {"event_not_destroyed", kEverything, "events"},
    {"event_not_recorded", kEverything,
     "a queue reads what a blocking copy wrote"},
    {"failed_wait_forgotten", kFailedWait, "loses the device"},
    {"fork_not_noticed", kFork, "the forked process exits"},
    {"free_forgotten", kEverything, "the GPU is out of memory"},
    {"free_twice", kEverything, "memory is freed that"},
    {"free_waits_for_the_device", kEverything,
     "freed without waiting for the device"},
    {"host_free_forgotten", kEverything, "blocks of host memory"},
    {"lost_device_called", kLoss, "device_properties reports"},
    {"memory_info_missing", kEverything, "the message tells how much is free"},
    {"memory_of_any_device", kEverything, "a copy leaves the memory"},
    {"peer_contexts_exchanged", kEverything, "a copy leaves the memory"},
    {"peer_copy_as_in_one_device", kEverything, "a copy leaves the memory"},
    {"peer_copy_not_awaited", kEverything,
     "a queue reads what was copied between devices"},
    {"peer_error_of_the_source", kLostDestination, "an earlier call failed"},
    {"peer_loss_of_one_device", kLostPeerCopy, "device_properties reports"},
    {"pool_assumed", kEverythingWithoutPools, "NOT_SUPPORTED"},
    {"properties_of_a_lost_device", kLoss, "device_properties reports"},
    {"queue_destroyed_at_work", kEverything, "freed while a copy uses it"},
    {"queue_of_any_device", kEverything, "a copy leaves the memory"},
    {"range_not_checked", kEverything, "a copy leaves the memory"},
    {"range_sum_wraps", kEverything, "a copy leaves the memory"},
    {"size_0_allocated", kEverything, "INVALID_VALUE"},
    {"stream_blocks_the_program", kEverything,
     "waits for the legacy default stream"},
    {"stream_made_for_each_call", kEverything, "streams"},
    {"stream_of_a_lost_device_lent", kLossWithWaiters,
     "does not use a lost device"},
    {"stream_of_the_pool_blocks_the_program", kEverything,
     "waits for the legacy default stream"},
    {"stream_not_destroyed", kEverything, "streams"},
};

TEST(CudaMutantsTest, ThePluginItselfPasses) {
  for (const char* timing : {"eager", "late", "random"}) {
    for (int seed = 1; seed <= 3; ++seed) {
      for (Use use :
           {kEverything, kEverythingWithoutPools, kLoss, kLostCopy,
            kLostPeerCopy, kLostSource, kLostDestination, kFailedWait, kFork}) {
        const std::string settings =
            std::string("timing=") + timing + ",seed=" + std::to_string(seed);
        const ChildResult result =
            RunMutant("plugins/cuda/libferry_cuda.so", use, settings);
        EXPECT_TRUE(result.passed)
            << settings << " use " << use << ": " << result.output;
      }
    }
  }
}

TEST(CudaMutantsTest, EveryMutantOfTheListIsRun) {
  std::set<std::string> built;
  for (const auto& file :
       std::filesystem::directory_iterator("plugins/cuda/testing")) {
    if (file.path().extension() == ".so") built.insert(file.path().stem());
  }
  built.erase("libfake_driver");
  std::set<std::string> run;
  for (const Mutant& mutant : kMutants) run.insert(mutant.name);
  EXPECT_EQ(built, run);
}

TEST(CudaMutantsTest, EachMutantIsCaught) {
  for (const Mutant& mutant : kMutants) {
    const ChildResult result =
        RunMutant(std::string("plugins/cuda/testing/") + mutant.name + ".so",
                  mutant.use, "timing=late");
    EXPECT_FALSE(result.passed) << mutant.name;
    EXPECT_THAT(result.output, HasSubstr(mutant.symptom)) << mutant.name;
  }
}

}  // namespace
}  // namespace fake_driver
