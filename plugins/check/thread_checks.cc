// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Many threads at once. Each check runs rounds that all threads begin together,
// while the tables that a plugin may keep (of memory, queues, events) grow.
// Without locks, most plugins crash, hang or return wrong bytes here; a build
// with the thread sanitizer finds the rest.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/check/abi_check.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace check_internal {
namespace {

constexpr int kThreads = 16;

// Holds threads until all of them have arrived. It spins, so that all threads
// are running when it lets them go.
class Barrier {
 public:
  explicit Barrier(int count) : count_(count) {}
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  void Wait() {
    const int round = round_;
    if (++arrived_ == count_) {
      arrived_ = 0;
      ++round_;
      return;
    }
    while (round_ == round) std::this_thread::yield();
  }

 private:
  const int count_;
  std::atomic<int> arrived_{0};
  std::atomic<int> round_{0};
};

using Body = absl::FunctionRef<absl::Status(int thread, int round)>;

// Runs `body` on each of the threads, in rounds that they begin together. After
// an error, no thread begins another round. Returns the error of the lowest
// thread that has one.
absl::Status InRounds(int rounds, Body body) {
  std::vector<absl::Status> statuses(kThreads);
  std::atomic<bool> has_failed{false};
  Barrier barrier(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < rounds; ++round) {
        barrier.Wait();
        if (has_failed) continue;
        statuses[thread] = body(thread, round);
        if (!statuses[thread].ok()) has_failed = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int thread = 0; thread < kThreads; ++thread) {
    if (statuses[thread].ok()) continue;
    return Wrong(absl::StrCat("thread ", thread, " of ", kThreads, ": ",
                              statuses[thread].message()));
  }
  return absl::OkStatus();
}

// -----------------------------------------------------------------------------
// The five functions
// -----------------------------------------------------------------------------

// Memory that holds the sample of its seed.
struct Held {
  std::unique_ptr<DeviceBlock> block;
  uint32_t seed;
  uint64_t size_bytes;
};

absl::Status ExpectSample(const ferry_backend& table, const Held& held) {
  Bytes found(held.size_bytes);
  FERRY_RETURN_IF_ERROR(
      Copy(table, held.block->ToHost(found.data(), found.size())));
  if (found == Sample(held.seed, held.size_bytes)) return absl::OkStatus();
  return Wrong(absl::StrCat("memory of ", held.size_bytes,
                            " bytes holds other bytes than were written"));
}

// Allocates and fills memory. Adds nothing if the device is full, which is no
// error if there is some memory already.
absl::Status Hold(const ferry_backend& table, uint32_t device, uint32_t seed,
                  std::vector<Held>* all) {
  Held held{nullptr, seed, seed % 199 + 1};
  held.block = std::make_unique<DeviceBlock>(table, device, held.size_bytes);
  if (held.block->code() == FERRY_RESOURCE_EXHAUSTED && !all->empty()) {
    return absl::OkStatus();
  }
  FERRY_RETURN_IF_ERROR(held.block->status());
  const Bytes bytes = Sample(seed, held.size_bytes);
  FERRY_RETURN_IF_ERROR(
      Copy(table, held.block->ToDevice(bytes.data(), bytes.size())));
  all->push_back(std::move(held));
  return absl::OkStatus();
}

absl::Status LetGoOfLast(const ferry_backend& table, std::vector<Held>* all) {
  const Held held = std::move(all->back());
  all->pop_back();
  FERRY_RETURN_IF_ERROR(ExpectSample(table, held));
  return held.block->Free();
}

using Clock = std::chrono::steady_clock;

// Allocates and frees memory for a while, and does nothing else, so that
// threads meet where a plugin keeps its tables. It is a time, not a count,
// because devices differ a thousandfold.
absl::Status Churn(const ferry_backend& table, uint32_t device,
                   Clock::duration how_long) {
  const Clock::time_point end = Clock::now() + how_long;
  do {
    uint64_t handles[2];
    int count = 0;
    bool is_full = false;
    while (count < 2) {
      ferry_status status = HostStruct<ferry_status>();
      const int32_t code =
          table.allocate(table.context, device, 1, &handles[count], &status);
      // The memory that the threads hold may fill a small device.
      is_full = code == FERRY_RESOURCE_EXHAUSTED;
      if (is_full) break;
      FERRY_RETURN_IF_ERROR(ExpectCode("allocate", code, status, FERRY_OK));
      ++count;
    }
    if (count == 2 && handles[0] == handles[1]) {
      return Wrong("two allocations have the same handle");
    }
    while (count > 0) {
      ferry_status status = HostStruct<ferry_status>();
      const int32_t code =
          table.free(table.context, device, handles[--count], &status);
      FERRY_RETURN_IF_ERROR(ExpectCode("free", code, status, FERRY_OK));
    }
    if (is_full) return absl::OkStatus();
  } while (Clock::now() < end);
  return absl::OkStatus();
}

absl::Status MemoryIsShared(const ferry_backend& table, uint32_t device) {
  // 8192 allocations in the end, and many that come and go meanwhile.
  constexpr int kRounds = 64;
  constexpr int kPerRound = 9;
  std::vector<std::vector<Held>> held(kThreads);
  FERRY_RETURN_IF_ERROR(InRounds(kRounds, [&](int thread, int round) {
    std::vector<Held>& own = held[thread];
    FERRY_RETURN_IF_ERROR(Churn(table, device, std::chrono::milliseconds(40)));
    for (int i = 0; i < kPerRound; ++i) {
      const int seed = (round * kPerRound + i) * kThreads + thread;
      FERRY_RETURN_IF_ERROR(
          Hold(table, device, static_cast<uint32_t>(seed), &own));
    }
    // Frees one from the middle.
    std::swap(own[own.size() / 2], own.back());
    return LetGoOfLast(table, &own);
  }));
  std::vector<uint64_t> handles;
  for (const std::vector<Held>& own : held) {
    for (const Held& one : own) handles.push_back(one.block->handle());
  }
  std::sort(handles.begin(), handles.end());
  if (std::unique(handles.begin(), handles.end()) != handles.end()) {
    return Wrong("two allocations have the same handle");
  }
  return InRounds(kRounds, [&](int thread, int round) {
    // Frees what another thread has allocated.
    std::vector<Held>& other = held[(thread + 1) % kThreads];
    const size_t left = round == kRounds - 1
                            ? 0
                            : other.size() - other.size() / (kRounds - round);
    while (other.size() > left) {
      FERRY_RETURN_IF_ERROR(LetGoOfLast(table, &other));
    }
    return absl::OkStatus();
  });
}

// Calls one of the functions such that it fails, or copies bytes.
absl::Status FailOrCopy(const ferry_backend& table, uint32_t device, int kind,
                        const Held& held) {
  const Guarded<ferry_status> status;
  Bytes bytes(held.size_bytes + 1);
  ferry_copy copy = held.block->ToHost(bytes.data(), bytes.size());
  switch (kind) {
    case 0: {
      uint64_t handle = 0;
      const int32_t code = table.allocate(
          table.context, device, uint64_t{1} << 63, &handle, status.get());
      return ExpectCode("allocate", code, *status, FERRY_RESOURCE_EXHAUSTED);
    }
    case 1: {
      ferry_device_properties properties =
          HostStruct<ferry_device_properties>();
      const int32_t code = table.device_properties(table.context, UINT32_MAX,
                                                   &properties, status.get());
      return ExpectCode("device_properties", code, *status, FERRY_OUT_OF_RANGE);
    }
    case 2: {
      const int32_t code = table.copy(table.context, &copy, status.get());
      return ExpectCode("copy", code, *status, FERRY_OUT_OF_RANGE);
    }
    case 3: {
      copy.direction = 77;
      const int32_t code = table.copy(table.context, &copy, status.get());
      return ExpectCode("copy", code, *status, FERRY_UNIMPLEMENTED);
    }
    default:
      return ExpectSample(table, held);
  }
}

absl::Status ErrorsAreNotShared(const ferry_backend& table, uint32_t device) {
  std::vector<std::vector<Held>> held(kThreads);
  return InRounds(200, [&](int thread, int round) {
    std::vector<Held>& own = held[thread];
    if (own.empty()) {
      FERRY_RETURN_IF_ERROR(
          Hold(table, device, static_cast<uint32_t>(thread), &own));
    }
    for (int i = 0; i < 5; ++i) {
      FERRY_RETURN_IF_ERROR(
          FailOrCopy(table, device, (thread + round + i) % 5, own[0]));
    }
    return absl::OkStatus();
  });
}

absl::Status DevicesAreShared(const ferry_backend& table, uint32_t) {
  const uint32_t count = CountOf(table);
  std::vector<std::vector<Held>> held(kThreads);
  return InRounds(100, [&](int thread, int round) {
    std::vector<Held>& own = held[thread];
    // Threads use different devices at a time, and each uses all in turn.
    const auto device = static_cast<uint32_t>(thread + round) % count;
    const auto seed = static_cast<uint32_t>(round * kThreads + thread);
    FERRY_RETURN_IF_ERROR(Hold(table, device, seed, &own));
    if (own.size() <= count) return absl::OkStatus();
    std::swap(own.front(), own.back());
    return LetGoOfLast(table, &own);
  });
}

// Runs `call` on a new thread that does nothing else.
absl::Status OnNewThread(absl::string_view function,
                         absl::FunctionRef<absl::Status()> call) {
  absl::Status status;
  std::thread([&] { status = call(); }).join();
  if (status.ok()) return status;
  return Wrong(absl::StrCat("in a thread that calls nothing else, ", function,
                            " fails: ", status.message()));
}

absl::Status ThreadsNeedNoSetUp(const ferry_backend& table, uint32_t device) {
  const Bytes wanted = Sample(1, 1000);
  Bytes found(wanted.size());
  std::unique_ptr<DeviceBlock> block;
  FERRY_RETURN_IF_ERROR(OnNewThread("allocate", [&] {
    block = std::make_unique<DeviceBlock>(table, device, wanted.size());
    return block->status();
  }));
  FERRY_RETURN_IF_ERROR(OnNewThread("copy", [&] {
    return Copy(table, block->ToDevice(wanted.data(), wanted.size()));
  }));
  FERRY_RETURN_IF_ERROR(OnNewThread("copy", [&] {
    return Copy(table, block->ToHost(found.data(), found.size()));
  }));
  if (found != wanted) return Wrong("a new thread read other bytes");
  if ((table.capabilities & FERRY_CAPABILITY_ASYNC) != 0) {
    std::unique_ptr<Queue> queue;
    uint64_t event = 0;
    std::fill(found.begin(), found.end(), uint8_t{0});
    FERRY_RETURN_IF_ERROR(OnNewThread("queue_create", [&] {
      queue = std::make_unique<Queue>(table, device);
      return queue->status();
    }));
    FERRY_RETURN_IF_ERROR(OnNewThread("copy_async", [&] {
      return queue->Issue(block->ToHost(found.data(), found.size()), &event);
    }));
    FERRY_RETURN_IF_ERROR(
        OnNewThread("event_wait", [&] { return Wait(table, event); }));
    FERRY_RETURN_IF_ERROR(
        OnNewThread("event_release", [&] { return Release(table, event); }));
    FERRY_RETURN_IF_ERROR(
        OnNewThread("queue_destroy", [&] { return queue->Destroy(); }));
    if (found != wanted) return Wrong("a new thread read other bytes");
  }
  return OnNewThread("free", [&] { return block->Free(); });
}

// -----------------------------------------------------------------------------
// Queues and events
// -----------------------------------------------------------------------------

// A copy to the device and one back, in one queue.
struct RoundTrip {
  RoundTrip(const ferry_backend& table, uint32_t device, uint32_t seed)
      : sent(Sample(seed, 4099)),
        found(sent.size()),
        block(table, device, sent.size()) {}

  absl::Status Issue(Queue& queue) {
    FERRY_RETURN_IF_ERROR(
        queue.Issue(block.ToDevice(sent.data(), sent.size()), &events[0]));
    return queue.Issue(block.ToHost(found.data(), found.size()), &events[1]);
  }

  // Waits for the second copy, and so for both.
  absl::Status Finish(const ferry_backend& table) const {
    FERRY_RETURN_IF_ERROR(Wait(table, events[1]));
    if (found != sent) return Wrong("a queue brought back other bytes");
    return Wait(table, events[0]);
  }

  absl::Status ReleaseEvents(const ferry_backend& table) const {
    FERRY_RETURN_IF_ERROR(Release(table, events[0]));
    return Release(table, events[1]);
  }

  const Bytes sent;
  Bytes found;
  const DeviceBlock block;
  uint64_t events[2] = {0, 0};
};

absl::Status QueuesComeAndGo(const ferry_backend& table, uint32_t device) {
  constexpr int kRounds = 40;
  // The most queues that a thread has at a time.
  constexpr size_t kQueues = 4;
  // Holds all events until the end. The queues, declared later, are destroyed
  // before the memory that their copies use.
  std::vector<std::vector<std::unique_ptr<RoundTrip>>> trips(kThreads);
  std::vector<std::vector<std::unique_ptr<Queue>>> queues(kThreads);
  FERRY_RETURN_IF_ERROR(InRounds(kRounds, [&](int thread, int round) {
    std::vector<std::unique_ptr<Queue>>& own = queues[thread];
    if (own.size() == kQueues) {
      FERRY_RETURN_IF_ERROR(own.front()->Destroy());
      own.erase(own.begin());
    }
    own.push_back(std::make_unique<Queue>(table, device));
    FERRY_RETURN_IF_ERROR(own.back()->status());
    for (int i = 0; i < 4; ++i) {
      trips[thread].push_back(std::make_unique<RoundTrip>(
          table, device, static_cast<uint32_t>(round * kThreads + thread)));
      FERRY_RETURN_IF_ERROR(trips[thread].back()->block.status());
      FERRY_RETURN_IF_ERROR(trips[thread].back()->Issue(*own.back()));
    }
    return absl::OkStatus();
  }));
  FERRY_RETURN_IF_ERROR(InRounds(kRounds, [&](int thread, int round) {
    const std::vector<std::unique_ptr<RoundTrip>>& other =
        trips[(thread + 1) % kThreads];
    for (int i = 0; i < 4; ++i) {
      FERRY_RETURN_IF_ERROR(other[round * 4 + i]->Finish(table));
      FERRY_RETURN_IF_ERROR(other[round * 4 + i]->ReleaseEvents(table));
    }
    return absl::OkStatus();
  }));
  return InRounds(1, [&](int thread, int) {
    for (const std::unique_ptr<Queue>& queue : queues[thread]) {
      FERRY_RETURN_IF_ERROR(queue->Destroy());
    }
    return absl::OkStatus();
  });
}

absl::Status OneQueueIsShared(const ferry_backend& table, uint32_t device) {
  // Each thread issues this many short copies in one round, one after another.
  constexpr int kCopies = 100;
  constexpr uint64_t kSize = 8;
  const DeviceBlock block(table, device, kThreads * kSize);
  FERRY_RETURN_IF_ERROR(block.status());
  std::vector<Bytes> sent(kThreads);
  std::vector<Bytes> found(kThreads, Bytes(kSize));
  std::vector<std::vector<uint64_t>> events(kThreads);
  Queue queue(table, device);
  FERRY_RETURN_IF_ERROR(queue.status());
  return InRounds(60, [&](int thread, int round) -> absl::Status {
    // In every second round, each thread waits for the copies of another.
    if (round % 2 == 1) {
      const int other = (thread + 1) % kThreads;
      for (uint64_t event : events[other]) {
        FERRY_RETURN_IF_ERROR(Wait(table, event));
        FERRY_RETURN_IF_ERROR(Release(table, event));
      }
      return found[other] == sent[other]
                 ? absl::OkStatus()
                 : Wrong("a queue brought back other bytes");
    }
    sent[thread] =
        Sample(static_cast<uint32_t>(round * kThreads + thread), kSize);
    events[thread].clear();
    ferry_copy there = block.ToDevice(sent[thread].data(), kSize);
    ferry_copy back = block.ToHost(found[thread].data(), kSize);
    there.offset_bytes = back.offset_bytes = thread * kSize;
    for (int i = 0; i < kCopies; ++i) {
      uint64_t event = 0;
      FERRY_RETURN_IF_ERROR(queue.IssueFast(i % 2 == 0 ? there : back, &event));
      // Some events are released at once, when their work may just be ending.
      if (i % 4 == 0) {
        FERRY_RETURN_IF_ERROR(Release(table, event));
      } else {
        events[thread].push_back(event);
      }
    }
    return absl::OkStatus();
  });
}

// -----------------------------------------------------------------------------
// Host memory
// -----------------------------------------------------------------------------

absl::Status HostMemoryIsShared(const ferry_backend& table, uint32_t device) {
  constexpr int kRounds = 100;
  constexpr uint64_t kSize = 5000;
  std::vector<std::vector<uint8_t*>> buffers(kThreads);
  return InRounds(kRounds, [&](int thread, int round) -> absl::Status {
    std::vector<uint8_t*>& own = buffers[thread];
    const Guarded<ferry_status> status;
    void* address = nullptr;
    int32_t code = table.host_allocate(table.context, device, kSize, &address,
                                       status.get());
    FERRY_RETURN_IF_ERROR(ExpectCode("host_allocate", code, *status, FERRY_OK));
    if (address == nullptr || reinterpret_cast<uintptr_t>(address) % 64 != 0) {
      return Wrong("host memory is null or not aligned to 64 bytes");
    }
    std::memset(address, thread + 1, kSize);
    own.push_back(static_cast<uint8_t*>(address));
    const bool is_last = round == kRounds - 1;
    while (own.size() > (is_last ? 0 : 8)) {
      uint8_t* const oldest = own.front();
      own.erase(own.begin());
      if (std::count(oldest, oldest + kSize, thread + 1) != kSize) {
        return Wrong("host memory of one thread holds bytes of another");
      }
      const Guarded<ferry_status> freed;
      code = table.host_free(table.context, device, oldest, freed.get());
      FERRY_RETURN_IF_ERROR(ExpectCode("host_free", code, *freed, FERRY_OK));
    }
    return absl::OkStatus();
  });
}

constexpr CallCheck kChecks[] = {
    {"X-01", "threads can allocate, copy and free while tables grow", 0,
     MemoryIsShared},
    {"X-02", "an error reaches only the thread whose call failed", 0,
     ErrorsAreNotShared},
    {"X-03", "threads can use all devices at once", 0, DevicesAreShared,
     CallCheck::kAllDevices},
    {"X-04", "a new thread may begin with any function", 0, ThreadsNeedNoSetUp},
    {"X-05", "threads can create, use and destroy queues while tables grow",
     FERRY_CAPABILITY_ASYNC, QueuesComeAndGo},
    {"X-06", "threads can share a queue, and wait for each other's events",
     FERRY_CAPABILITY_ASYNC, OneQueueIsShared},
    {"X-08", "threads can allocate and free host memory concurrently",
     FERRY_CAPABILITY_HOST_ALLOC, HostMemoryIsShared},
};

}  // namespace

absl::Span<const CallCheck> ThreadChecks() { return kChecks; }

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry
