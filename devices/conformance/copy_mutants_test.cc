// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Backends that go wrong with copies, with threads, and with places.

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/conformance/mutants.h"
#include "ferry/devices/testing/fake_backend.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Sizes = absl::Span<const uint64_t>;
using Out = absl::Span<Memory>;

// Where two threads meet; the first of them waits for the second.
class Meeting {
 public:
  // Returns at once from the third call on. Waits for ever only if nobody else
  // comes, and then gives up so that the test fails instead of hanging.
  void Attend() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++count_;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::seconds(30),
                      [this] { return count_ >= 2; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// Changes what goes to the device by a function of the test's.
class WriteMutant : public FakeBackend {
 public:
  using Change = absl::Status (*)(WriteMutant&, const void* from,
                                  const Memory& to, uint64_t offset,
                                  uint64_t size);
  explicit WriteMutant(Change change) : change_(change) {}

  absl::Status CopyFromHost(const void* from, const Memory& to, uint64_t offset,
                            uint64_t size) override {
    return change_(*this, from, to, offset, size);
  }
  absl::Status Write(const void* from, const Memory& to, uint64_t offset,
                     uint64_t size) {
    return FakeBackend::CopyFromHost(from, to, offset, size);
  }

 private:
  const Change change_;
};

TEST(CopyMutantsTest, OneLengthLosesAByte) {
  WriteMutant mutant([](WriteMutant& self, const void* from, const Memory& to,
                        uint64_t offset, uint64_t size) {
    return self.Write(from, to, offset, size == 200 ? 199 : size);
  });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-01"}));
}

TEST(CopyMutantsTest, WritesAreOfWholeWords) {
  WriteMutant mutant([](WriteMutant& self, const void* from, const Memory& to,
                        uint64_t offset, uint64_t size) {
    std::vector<char> words(size % 4 == 0 ? size : size + 4 - size % 4);
    const char* const bytes = static_cast<const char*>(from);
    std::copy(bytes, bytes + size, words.begin());
    if (size < 4096 &&
        self.Write(words.data(), to, offset, words.size()).ok()) {
      return absl::OkStatus();
    }
    return self.Write(from, to, offset, size);
  });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-02"}));
}

TEST(CopyMutantsTest, ReadsBeginAtAWord) {
  struct Mutant : FakeBackend {
    absl::Status CopyToHost(const Memory& from, uint64_t offset, void* to,
                            uint64_t size) override {
      return FakeBackend::CopyToHost(from, offset / 4 * 4, to, size);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-03"}));
}

TEST(CopyMutantsTest, ReadsWriteOneByteMore) {
  struct Mutant : FakeBackend {
    absl::Status CopyToHost(const Memory& from, uint64_t offset, void* to,
                            uint64_t size) override {
      // Where the suite reads from the start there may be no such byte.
      if (offset != 0 && size != 0) static_cast<char*>(to)[size] = 0;
      return FakeBackend::CopyToHost(from, offset, to, size);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-03"}));
}

TEST(CopyMutantsTest, NothingAtTheEndIsAnError) {
  WriteMutant mutant([](WriteMutant& self, const void* from, const Memory& to,
                        uint64_t offset, uint64_t size) {
    if (size == 0 && offset == 100) return absl::OutOfRangeError("the end");
    return self.Write(from, to, offset, size);
  });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-04"}));
}

TEST(CopyMutantsTest, CopyIsPutOff) {
  struct Mutant : FakeBackend {
    absl::Status CopyFromHost(const void* from, const Memory& to,
                              uint64_t offset, uint64_t size) override {
      // The one length whose source the suite keeps until it has read back.
      if (size != 100000) {
        return FakeBackend::CopyFromHost(from, to, offset, size);
      }
      pending = from;
      return absl::OkStatus();
    }
    absl::Status CopyToHost(const Memory& from, uint64_t offset, void* to,
                            uint64_t size) override {
      const void* const late = pending.exchange(nullptr);
      if (late != nullptr) {
        const absl::Status status =
            FakeBackend::CopyFromHost(late, from, offset, size);
        if (!status.ok()) return status;
      }
      return FakeBackend::CopyToHost(from, offset, to, size);
    }
    std::atomic<const void*> pending{nullptr};
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-05"}));
}

TEST(CopyMutantsTest, SourceMustBeWritable) {
  WriteMutant mutant([](WriteMutant& self, const void* from, const Memory& to,
                        uint64_t offset, uint64_t size) {
    if (size != 0) {
      // Writes the first byte to itself, as far as it may.
      char byte = *static_cast<const char*>(from);
      const iovec local = {&byte, 1};
      const iovec remote = {const_cast<void*>(from), 1};
      if (process_vm_writev(getpid(), &local, 1, &remote, 1, 0) != 1) {
        return absl::FailedPreconditionError("the source cannot be pinned");
      }
    }
    return self.Write(from, to, offset, size);
  });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-06"}));
}

TEST(CopyMutantsTest, RepeatedCopyIsLeftOut) {
  struct Mutant : FakeBackend {
    absl::Status CopyFromHost(const void* from, const Memory& to,
                              uint64_t offset, uint64_t size) override {
      {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!done.insert({to.data, offset, size}).second) {
          return absl::OkStatus();
        }
      }
      return FakeBackend::CopyFromHost(from, to, offset, size);
    }
    std::mutex mutex;
    std::set<std::tuple<void*, uint64_t, uint64_t>> done;
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-07"}));
}

// --- Copies between devices --------------------------------------------------

// Changes the copies between devices by a function of the test's.
class DeviceCopyMutant : public FakeBackend {
 public:
  struct Request {
    const Memory& from;
    uint64_t from_offset;
    const Memory& to;
    uint64_t to_offset;
    uint64_t size;
  };
  using Change = absl::Status (*)(DeviceCopyMutant&, Request);
  explicit DeviceCopyMutant(Change change) : change_(change) {}

  absl::Status CopyBetween(const Memory& from, uint64_t from_offset,
                           const Memory& to, uint64_t to_offset,
                           uint64_t size) override {
    return change_(*this, {from, from_offset, to, to_offset, size});
  }
  absl::Status Copy(const Request& request) {
    return FakeBackend::CopyBetween(request.from, request.from_offset,
                                    request.to, request.to_offset,
                                    request.size);
  }

  // For the test.
  std::mutex mutex;
  Meeting meeting;
  int count = 0;

 private:
  const Change change_;
};

TEST(CopyMutantsTest, DeviceCopiesAreOfWholeWords) {
  DeviceCopyMutant mutant(
      [](DeviceCopyMutant& self, DeviceCopyMutant::Request request) {
        DeviceCopyMutant::Request words = request;
        words.size = (request.size + 3) / 4 * 4;
        // Those of T-04 are of one size.
        if (request.size != 1021 && self.Copy(words).ok()) {
          return absl::OkStatus();
        }
        return self.Copy(request);
      });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-09"}));
}

TEST(CopyMutantsTest, DeviceCopiesIgnoreAnOffset) {
  DeviceCopyMutant mutant(
      [](DeviceCopyMutant& self, DeviceCopyMutant::Request request) {
        if (request.size < 1000) request.from_offset = request.to_offset;
        return self.Copy(request);
      });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-09"}));
}

TEST(CopyMutantsTest, DeviceCopiesChangeTheirSource) {
  DeviceCopyMutant mutant(
      [](DeviceCopyMutant& self, DeviceCopyMutant::Request request) {
        const absl::Status status = self.Copy(request);
        if (request.size != 257 || request.from_offset != 63) return status;
        return self.CopyFromHost("", request.from, 320, 1);
      });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-09"}));
}

TEST(CopyMutantsTest, DeviceCopiesNeedALinkToTheDeviceItself) {
  DeviceCopyMutant mutant(
      [](DeviceCopyMutant& self, DeviceCopyMutant::Request request) {
        if (request.size != 0 &&
            self.DeviceOf(request.from) == self.DeviceOf(request.to)) {
          return absl::UnimplementedError("no link");
        }
        return self.Copy(request);
      });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-09", "C-10", "C-11"}));
}

TEST(CopyMutantsTest, DeviceCopyOfNothingAtTheEndIsAnError) {
  DeviceCopyMutant mutant(
      [](DeviceCopyMutant& self, DeviceCopyMutant::Request request) {
        if (request.size == 0 && request.from_offset == 100) {
          return absl::OutOfRangeError("the end");
        }
        return self.Copy(request);
      });
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-10"}));
}

TEST(CopyMutantsTest, DeviceCopyIsPutOff) {
  struct Mutant : FakeBackend {
    absl::Status CopyBetween(const Memory& from, uint64_t from_offset,
                             const Memory& to, uint64_t to_offset,
                             uint64_t size) override {
      // The size of the one copy that is all that a check does.
      if (size != QuickOptions().large_bytes) {
        return FakeBackend::CopyBetween(from, from_offset, to, to_offset, size);
      }
      pending_from = from;
      pending_to = to;
      return absl::OkStatus();
    }
    absl::Status CopyToHost(const Memory& from, uint64_t offset, void* to,
                            uint64_t size) override {
      if (pending_to.data != nullptr && from.data == pending_to.data) {
        const absl::Status status =
            FakeBackend::CopyBetween(pending_from, 0, pending_to, 0, size);
        pending_from = pending_to = Memory();
        if (!status.ok()) return status;
      }
      return FakeBackend::CopyToHost(from, offset, to, size);
    }
    Memory pending_from, pending_to;
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-11"}));
}

TEST(CopyMutantsTest, SecondDeviceCopyIsRefused) {
  DeviceCopyMutant mutant(
      [](DeviceCopyMutant& self, DeviceCopyMutant::Request request) {
        // Only T-04 has copies of this size.
        if (request.size != 1021) return self.Copy(request);
        bool is_busy = false;
        {
          const std::lock_guard<std::mutex> lock(self.mutex);
          is_busy = ++self.count > 1;
        }
        self.meeting.Attend();
        const std::lock_guard<std::mutex> lock(self.mutex);
        --self.count;
        if (is_busy) return absl::FailedPreconditionError("busy");
        return self.Copy(request);
      });
  EXPECT_EQ(FailedChecks(mutant), Ids({"T-04"}));
}

// --- Devices without bytes ---------------------------------------------------

FakeBackend::Options NoBytes() {
  FakeBackend::Options options;
  options.has_bytes = false;
  return options;
}

TEST(CopyMutantsTest, ByteslessDeviceGivesBytes) {
  struct Mutant : FakeBackend {
    using FakeBackend::FakeBackend;
    absl::Status CopyToHost(const Memory&, uint64_t, void*, uint64_t) override {
      return absl::OkStatus();
    }
  } mutant(NoBytes());
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-08"}));
}

TEST(CopyMutantsTest, ByteslessDeviceTakesNone) {
  struct Mutant : FakeBackend {
    using FakeBackend::FakeBackend;
    absl::Status CopyFromHost(const void*, const Memory&, uint64_t,
                              uint64_t) override {
      return absl::InvalidArgumentError("no bytes");
    }
  } mutant(NoBytes());
  EXPECT_EQ(FailedChecks(mutant), Ids({"C-08"}));
}

// --- Threads -----------------------------------------------------------------

TEST(CopyMutantsTest, OnlyOneThreadMayAllocate) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      if (std::this_thread::get_id() != thread) {
        return absl::FailedPreconditionError("no context on this thread");
      }
      return FakeBackend::Allocate(index, sizes, out);
    }
    const std::thread::id thread = std::this_thread::get_id();
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"T-01"}));
}

TEST(CopyMutantsTest, OnlyOneThreadMayCopy) {
  struct Mutant : FakeBackend {
    absl::Status CopyFromHost(const void* from, const Memory& to,
                              uint64_t offset, uint64_t size) override {
      if (std::this_thread::get_id() != thread) {
        return absl::FailedPreconditionError("no context on this thread");
      }
      return FakeBackend::CopyFromHost(from, to, offset, size);
    }
    const std::thread::id thread = std::this_thread::get_id();
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"T-01", "T-02"}));
}

TEST(CopyMutantsTest, PartsAreWrittenByRewritingTheWhole) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (!status.ok()) return status;
      const std::lock_guard<std::mutex> lock(mutex);
      for (size_t i = 0; i < out.size(); ++i) {
        known[out[i].data] = {std::this_thread::get_id(), sizes[i]};
      }
      return status;
    }
    absl::Status CopyFromHost(const void* from, const Memory& to,
                              uint64_t offset, uint64_t size) override {
      std::pair<std::thread::id, uint64_t> allocation;
      {
        const std::lock_guard<std::mutex> lock(mutex);
        allocation = known[to.data];
      }
      if (allocation.first == std::this_thread::get_id()) {
        return FakeBackend::CopyFromHost(from, to, offset, size);
      }
      std::vector<char> whole(allocation.second);
      absl::Status status =
          FakeBackend::CopyToHost(to, 0, whole.data(), whole.size());
      if (!status.ok()) return status;
      meeting.Attend();
      const char* const bytes = static_cast<const char*>(from);
      std::copy(bytes, bytes + size, whole.begin() + offset);
      return FakeBackend::CopyFromHost(whole.data(), to, 0, whole.size());
    }
    std::mutex mutex;
    std::map<void*, std::pair<std::thread::id, uint64_t>> known;
    Meeting meeting;
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"T-02"}));
}

TEST(CopyMutantsTest, SecondReaderIsRefused) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (!status.ok()) return status;
      const std::lock_guard<std::mutex> lock(mutex);
      for (const Memory& allocation : out) {
        threads[allocation.data] = std::this_thread::get_id();
      }
      return status;
    }
    absl::Status CopyToHost(const Memory& from, uint64_t offset, void* to,
                            uint64_t size) override {
      bool is_busy = false;
      {
        const std::lock_guard<std::mutex> lock(mutex);
        if (threads[from.data] == std::this_thread::get_id()) {
          return FakeBackend::CopyToHost(from, offset, to, size);
        }
        is_busy = ++readers > 1;
      }
      meeting.Attend();
      const std::lock_guard<std::mutex> lock(mutex);
      --readers;
      if (is_busy) return absl::FailedPreconditionError("busy");
      return FakeBackend::CopyToHost(from, offset, to, size);
    }
    std::mutex mutex;
    std::map<void*, std::thread::id> threads;
    int readers = 0;
    Meeting meeting;
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"T-03"}));
}

// --- Places ------------------------------------------------------------------

TEST(CopyMutantsTest, RestoredStorageLosesItsEnd) {
  WriteMutant mutant([](WriteMutant& self, const void* from, const Memory& to,
                        uint64_t offset, uint64_t size) {
    return self.Write(from, to, offset, size == 100003 ? size - 3 : size);
  });
  EXPECT_EQ(FailedChecks(mutant), Ids({"L-01"}));
}

TEST(CopyMutantsTest, MemoryOfOneSizeIsShared) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, Sizes sizes, Out out) override {
      const absl::Status status = FakeBackend::Allocate(index, sizes, out);
      if (!status.ok() || sizes.size() != 1 || sizes[0] != 1000) return status;
      const std::lock_guard<std::mutex> lock(mutex);
      Memory& allocation = out[0];
      if (std::shared_ptr<void> alive = owner.lock()) {
        allocation = Memory{alive.get(), alive};
      } else {
        owner = allocation.owner;
      }
      return status;
    }
    std::mutex mutex;
    std::weak_ptr<void> owner;
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"L-03"}));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
