// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Calls for which there is not enough memory: every allocation of a load, a
// save and their relatives fails once, and with all that follow it. The call
// returns kResourceExhausted, or does without. A save leaves the old file as it
// was, and everything works afterwards.

#include "ferry/core/out_of_memory.h"

#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/testing/allocations.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/io/atomic_file.h"
#include "ferry/io/file.h"
#include "ferry/runtime/runtime.h"
#include "ferry/serialization/scan/scan.h"
#include "gtest/gtest.h"

// Protobuf loses a text of a message whose allocation throws.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:google::protobuf::";
}
// NOLINTEND(bugprone-reserved-identifier)

namespace ferry {
inline namespace v1 {
namespace {

constexpr char kCheckpoint[] = "tests/data/training_checkpoint.pt";

struct Operation {
  std::string name;
  std::function<absl::Status()> run;
};

class OutOfMemoryTest : public testing::Test {
 protected:
  OutOfMemoryTest() { EXPECT_THAT(SetNumThreads(1), IsOk()); }

  // Fails each allocation of an operation. Returns how many failures it
  // survived, of how many it had.
  void FailEach(const Operation& operation) {
    ASSERT_THAT(operation.run(), IsOk()) << operation.name;
    uint64_t calls = 0;
    {
      const AllocationFailure none(0, AllocationFailure::kOnce);
      ASSERT_THAT(operation.run(), IsOk()) << operation.name;
      calls = none.calls();
    }
    uint64_t failed = 0;
    for (uint64_t n = 1; n <= calls; ++n) {
      for (const auto kind :
           {AllocationFailure::kOnce, AllocationFailure::kForever}) {
        absl::Status status;
        {
          const AllocationFailure failure(n, kind);
          status = operation.run();
        }
        if (status.ok()) continue;
        ++failed;
        EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted)
            << operation.name << ", allocation " << n << " of " << calls << ": "
            << status;
        EXPECT_EQ(LiveStagingBytes(), 0u) << operation.name << ", " << n;
      }
    }
    std::cout << operation.name << ": " << calls << " allocations; of "
              << 2 * calls << " failures " << failed << " were reported\n";
    EXPECT_GT(failed, 0u) << operation.name;
    EXPECT_THAT(operation.run(), IsOk()) << operation.name;
  }

  const std::string folder_ = NewFolder();
};

TEST_F(OutOfMemoryTest, EveryAllocationOfALoadMayFail) {
  std::vector<std::string> paths = {
      kCheckpoint, "tests/data/old/tensors.tar", "tests/data/old/views.pt",
      "tests/data/old/module.p2.pt",
      "tests/data/safetensors/dtypes.safetensors"};
  const Value value = *Load(kCheckpoint);
  for (const char* name : {"legacy.pt", "proto.pt"}) {
    SaveOptions options;
    options.container =
        name == std::string("legacy.pt") ? Container::kLegacy : Container::kZip;
    if (name == std::string("proto.pt")) options.codec = "proto";
    paths.push_back(absl::StrCat(folder_, "/", name));
    ASSERT_THAT(Save(value, paths.back(), options), IsOk());
  }
  for (const std::string& path : paths) {
    LoadOptions options;
    options.placement = Placement::kHost;  // there is no GPU here
    FailEach({absl::StrCat("Load ", path),
              [&] { return Load(path, options).status(); }});
    FailEach({absl::StrCat("VerifyFile ", path), [&]() -> absl::Status {
                FERRY_ASSIGN_OR_RETURN(const Checkpoint::FileVerdict verdict,
                                       Checkpoint::VerifyFile(path));
                return verdict.opens;
              }});
    const auto file = OpenForReading(path);
    ASSERT_THAT(file, IsOk());
    FailEach({absl::StrCat("ScanFile ", path), [&] {
                return CatchOutOfMemory(
                    [&] { return ScanFile(**file, ScanOptions()).status; });
              }});
  }
}

TEST_F(OutOfMemoryTest, EveryAllocationOfALoadToADeviceMayFail) {
  for (bool delays : {false, true}) {
    FakeBackend::Options fake;
    fake.type = "toy";
    fake.delays_transfers = delays;
    const auto backend = std::make_shared<FakeBackend>(fake);
    DeviceRegistry registry;
    const auto cpu = registry.RegisterBackend(
        10, DeviceRegistry::Default().Snapshot().FindBackend("cpu"));
    ASSERT_THAT(cpu, IsOk());
    const auto toy = registry.RegisterBackend(100, backend);
    ASSERT_THAT(toy, IsOk());
    LoadOptions options;
    options.registry = &registry;
    options.map_location = MapLocation::To("toy:0");
    FailEach({"Load to a device",
              [&] { return Load(kCheckpoint, options).status(); }});
    EXPECT_EQ(backend->allocation_count(), 0);
    EXPECT_EQ(backend->stream_count(), 0);
  }
}

TEST_F(OutOfMemoryTest, EveryAllocationOfASaveMayFail) {
  const Value value = *Load(kCheckpoint);
  const Value tensors = *Load("tests/data/safetensors/dtypes.safetensors");
  const std::string old = "what was there before";
  for (const char* kind : {"zip", "proto", "legacy", "safetensors"}) {
    SaveOptions options;
    options.durability = Durability::kNone;
    if (kind == std::string("proto")) options.codec = "proto";
    if (kind == std::string("legacy")) options.container = Container::kLegacy;
    const bool is_safetensors = kind == std::string("safetensors");
    if (is_safetensors) options.container = Container::kSafetensors;
    const std::string path =
        absl::StrCat(folder_, "/saved.", is_safetensors ? "safetensors" : "pt");
    FailEach({absl::StrCat("Save ", kind), [&] {
                return Save(is_safetensors ? tensors : value, path, options);
              }});
    // The last save failed nowhere. Now each leaves the old file.
    uint64_t calls = 0;
    {
      const AllocationFailure none(0, AllocationFailure::kOnce);
      ASSERT_THAT(Save(is_safetensors ? tensors : value, path, options),
                  IsOk());
      calls = none.calls();
    }
    WriteFile(path, old);
    for (uint64_t n = 1; n <= calls; ++n) {
      absl::Status status;
      {
        const AllocationFailure failure(n, AllocationFailure::kForever);
        status = Save(is_safetensors ? tensors : value, path, options);
      }
      if (status.ok()) {
        WriteFile(path, old);
        continue;
      }
      ASSERT_EQ(ReadFile(path), old) << kind << ", allocation " << n;
    }
    EXPECT_EQ(ListFolder(folder_).size(), 1u) << "a temporary file is left";
    ASSERT_EQ(std::remove(path.c_str()), 0);
  }
}

TEST_F(OutOfMemoryTest, EveryAllocationOfStateDictAndLoadIntoMayFail) {
  const Value value = *Load(kCheckpoint);
  FailEach({"StateDict", [&] { return StateDict(value).status(); }});
  const StateDictResult state = *StateDict(value);
  FailEach({"LoadInto",
            [&] { return LoadInto(kCheckpoint, state.tensors).status(); }});
}

}  // namespace
}  // namespace v1
}  // namespace ferry
