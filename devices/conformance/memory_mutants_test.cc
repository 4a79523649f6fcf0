// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Backends that go wrong with memory.

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/conformance/mutants.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Sizes = absl::Span<const uint64_t>;
using Out = absl::Span<Memory>;

TEST(MemoryMutantsTest, EmptyListIsRefused) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      if (sizes.empty()) return absl::InvalidArgumentError("no sizes");
      return FakeBackend::Allocate(index, sizes, out);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-01"}));
}

TEST(MemoryMutantsTest, SizeOfZeroIsRefused) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (status.ok() && std::count(sizes.begin(), sizes.end(), 0u) != 0) {
        std::fill(out.begin(), out.end(), Memory());
        return absl::InvalidArgumentError("no bytes");
      }
      return status;
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-01", "M-02", "M-05", "M-08", "C-01",
                                       "C-04", "C-10", "L-01"}));
}

TEST(MemoryMutantsTest, LongListIsCutShort) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      return FakeBackend::Allocate(index, sizes.subspan(0, 100),
                                   out.subspan(0, 100));
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-02", "M-05", "M-08"}));
}

TEST(MemoryMutantsTest, HostMemoryIsNotAligned) {
  struct Mutant : FakeHostBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      // A header before each allocation, as a naive allocator has it.
      std::vector<uint64_t> larger(sizes.begin(), sizes.end());
      for (uint64_t& size : larger) size += size <= UINT64_MAX - 16 ? 16 : 0;
      const absl::Status status = FakeHostBackend::Allocate(index, larger, out);
      if (!status.ok()) return status;
      for (Memory& allocation : out)
        allocation.data = static_cast<char*>(allocation.data) + 16;
      return status;
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-03"}));
}

TEST(MemoryMutantsTest, HostMemoryIsKeptInAnotherForm) {
  struct Mutant : FakeHostBackend {
    absl::Status CopyFromHost(const void* from, const Memory& to,
                              uint64_t offset, uint64_t size) override {
      const auto* source = static_cast<const uint8_t*>(from);
      auto* bytes = static_cast<uint8_t*>(to.data) + offset;
      for (uint64_t i = 0; i < size; ++i) bytes[i] = source[i] ^ 0x55;
      return absl::OkStatus();
    }
    absl::Status CopyToHost(const Memory& from, uint64_t offset, void* to,
                            uint64_t size) override {
      const auto* bytes = static_cast<const uint8_t*>(from.data) + offset;
      auto* target = static_cast<uint8_t*>(to);
      for (uint64_t i = 0; i < size; ++i) target[i] = bytes[i] ^ 0x55;
      return absl::OkStatus();
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-04", "L-01", "L-02", "L-03"}));
}

TEST(MemoryMutantsTest, NeighboursOverlap) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (!status.ok()) return status;
      for (size_t i = 1; i < out.size(); ++i) {
        if (sizes[i] != 0 && sizes[i] <= sizes[i - 1]) out[i] = out[i - 1];
      }
      return status;
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant),
            Ids({"M-05", "M-08", "S-03", "S-05", "S-07"}));
}

TEST(MemoryMutantsTest, LargeCopyIsCutShort) {
  struct Mutant : FakeBackend {
    absl::Status CopyFromHost(const void* from, const Memory& to,
                              uint64_t offset, uint64_t size) override {
      return FakeBackend::CopyFromHost(from, to, offset,
                                       std::min<uint64_t>(size, 200000));
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-06", "C-11", "T-04"}));
}

TEST(MemoryMutantsTest, AbsurdSizeIsAnotherError) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (status.code() == absl::StatusCode::kResourceExhausted) {
        return absl::InternalError("error 2");
      }
      return status;
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-07"}));
}

TEST(MemoryMutantsTest, SumOfSizesWrapsRound) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      uint64_t sum = 0;
      for (uint64_t size : sizes) sum += size;
      if (sum > 1 << 30) return FakeBackend::Allocate(index, sizes, out);
      std::vector<uint64_t> fitting(sizes.begin(), sizes.end());
      for (uint64_t& size : fitting) size = std::min(size, sum);
      return FakeBackend::Allocate(index, fitting, out);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-07"}));
}

TEST(MemoryMutantsTest, RefusalLeavesTheDeviceUseless) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      if (broken) return absl::ResourceExhaustedError("out of memory");
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      broken = status.code() == absl::StatusCode::kResourceExhausted;
      return status;
    }
    std::atomic<bool> broken{false};
  } mutant;
  EXPECT_TRUE(IsCaughtBy("M-07", mutant));
}

TEST(MemoryMutantsTest, RefusalLeavesMemoryAllocated) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      // One after another, up to the one that there is no room for.
      for (size_t i = 0; i < sizes.size(); ++i) {
        const absl::Status status =
            FakeBackend::Allocate(index, {sizes[i]}, out.subspan(i, 1));
        if (!status.ok()) return status;
      }
      return FakeBackend::Allocate(index, {}, {});
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-07"}));
}

TEST(MemoryMutantsTest, OneAllocationFreesTheOthersOfItsCall) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (!status.ok() || out.size() < 2) return status;
      auto owners = std::make_shared<std::vector<std::shared_ptr<void>>>();
      for (Memory& allocation : out) {
        owners->push_back(std::move(allocation.owner));
        allocation.owner = std::make_shared<int>();
      }
      out[1].owner = owners;
      return status;
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-08", "T-01"}));
}

TEST(MemoryMutantsTest, MemoryLastsUntilTheNextCall) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (!status.ok() || out.size() != 1) return status;
      // Freed after the lock is gone.
      std::shared_ptr<void> earlier = std::move(out[0].owner);
      out[0].owner = std::make_shared<int>();
      const std::lock_guard<std::mutex> lock(mutex);
      earlier.swap(last);
      return status;
    }
    std::mutex mutex;
    std::shared_ptr<void> last;
  } mutant;
  EXPECT_TRUE(IsCaughtBy("M-09", mutant));
}

TEST(MemoryMutantsTest, AnotherThreadFreesTooMuch) {
  struct Batch {
    std::thread::id thread = std::this_thread::get_id();
    std::vector<std::shared_ptr<void>> owners;
  };
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (!status.ok()) return status;
      auto batch = std::make_shared<Batch>();
      for (size_t i = 0; i < out.size(); ++i) {
        Memory& allocation = out[i];
        batch->owners.push_back(std::move(allocation.owner));
        allocation.owner =
            std::shared_ptr<void>(allocation.data, [batch, i](void*) {
              if (std::this_thread::get_id() == batch->thread) {
                if (i < batch->owners.size()) batch->owners[i] = nullptr;
              } else {
                batch->owners.clear();
              }
            });
      }
      return status;
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"M-10"}));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
