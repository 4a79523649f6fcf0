// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Queues and events.

#include <thread>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/check/abi_check.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace check_internal {
namespace {

constexpr uint64_t kLarge = uint64_t{8} << 20;

absl::Status QueuesLeaveNothing(const ferry_backend& table, uint32_t device) {
  {
    // The first use may create what the plugin keeps for later.
    Queue queue(table, device);
    FERRY_RETURN_IF_ERROR(queue.status());
    FERRY_RETURN_IF_ERROR(queue.Destroy());
  }
  const Belongings before = Belongings::Now();
  for (int i = 0; i < 100; ++i) {
    Queue queue(table, device);
    FERRY_RETURN_IF_ERROR(queue.status());
    FERRY_RETURN_IF_ERROR(queue.Destroy());
  }
  const std::string more = LeftSince(before);
  if (!more.empty()) {
    return Wrong(
        absl::StrCat("after 100 queues, all destroyed, there are ", more));
  }
  return absl::OkStatus();
}

absl::Status WorkIsInOrder(const ferry_backend& table, uint32_t device) {
  const DeviceBlock block(table, device, kLarge);
  FERRY_RETURN_IF_ERROR(block.status());
  const Bytes first = Sample(1, kLarge);
  const Bytes second = Sample(2, kLarge);
  Bytes found(kLarge);
  Queue queue(table, device);
  FERRY_RETURN_IF_ERROR(queue.status());
  std::vector<uint64_t> events;
  events.reserve(3);
  for (const ferry_copy& copy : {block.ToDevice(first.data(), kLarge),
                                 block.ToDevice(second.data(), 1000),
                                 block.ToHost(found.data(), kLarge)}) {
    uint64_t event = 0;
    FERRY_RETURN_IF_ERROR(queue.Issue(copy, &event));
    events.push_back(event);
  }
  FERRY_RETURN_IF_ERROR(Wait(table, events.back()));
  for (uint64_t event : events) FERRY_RETURN_IF_ERROR(Release(table, event));
  for (uint64_t i = 0; i < kLarge; ++i) {
    if (found[i] != (i < 1000 ? second : first)[i]) {
      return Wrong(
          absl::StrCat("copies ran in the wrong order: wrong from byte ", i));
    }
  }
  return absl::OkStatus();
}

absl::Status WaitsAreLongEnough(const ferry_backend& table, uint32_t device) {
  const DeviceBlock block(table, device, kLarge);
  FERRY_RETURN_IF_ERROR(block.status());
  Bytes wanted;
  Bytes elsewhere(kLarge);
  Bytes found(kLarge);
  Queue queue(table, device);
  FERRY_RETURN_IF_ERROR(queue.status());
  for (uint32_t round = 0; round < 10; ++round) {
    wanted = Sample(round, kLarge);
    FERRY_RETURN_IF_ERROR(Copy(table, block.ToDevice(wanted.data(), kLarge)));
    uint64_t event = 0;
    // Queue other copies first, so that this copy is rarely complete when the
    // wait begins. A wait that returns at once is then caught.
    for (int i = 0; i < 8; ++i) {
      FERRY_RETURN_IF_ERROR(
          queue.Issue(block.ToHost(elsewhere.data(), kLarge), &event));
      FERRY_RETURN_IF_ERROR(Release(table, event));
    }
    FERRY_RETURN_IF_ERROR(
        queue.Issue(block.ToHost(found.data(), kLarge), &event));
    FERRY_RETURN_IF_ERROR(Wait(table, event));
    const bool is_done = found.back() == wanted.back() && found == wanted;
    FERRY_RETURN_IF_ERROR(Release(table, event));
    if (!is_done) {
      return Wrong("a wait for an event returned before its copy was done");
    }
  }
  return absl::OkStatus();
}

absl::Status ManyMayWait(const ferry_backend& table, uint32_t device) {
  const DeviceBlock block(table, device, kLarge);
  FERRY_RETURN_IF_ERROR(block.status());
  const Bytes bytes = Sample(1, kLarge);
  Queue queue(table, device);
  FERRY_RETURN_IF_ERROR(queue.status());
  uint64_t event = 0;
  FERRY_RETURN_IF_ERROR(
      queue.Issue(block.ToDevice(bytes.data(), kLarge), &event));
  std::vector<absl::Status> statuses(8);
  std::vector<std::thread> threads;
  threads.reserve(statuses.size());
  for (absl::Status& status : statuses) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) status.Update(Wait(table, event));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) FERRY_RETURN_IF_ERROR(status);
  return Release(table, event);
}

absl::Status FailuresReachEverybody(const ferry_backend& table,
                                    uint32_t device) {
  const DeviceBlock block(table, device, 100);
  FERRY_RETURN_IF_ERROR(block.status());
  const Bytes bytes = Sample(1, 200);
  Queue queue(table, device);
  FERRY_RETURN_IF_ERROR(queue.status());
  int32_t code = FERRY_OK;
  uint64_t event = 0;
  if (queue.IsRefused(block.ToDevice(bytes.data(), 200), &code, &event)) {
    if (code != FERRY_OUT_OF_RANGE) {
      return Wrong(absl::StrCat("a copy past the end should be refused with ",
                                FERRY_OUT_OF_RANGE, ", but is refused with ",
                                code));
    }
  } else {
    FERRY_RETURN_IF_ERROR(Wait(table, event, FERRY_OUT_OF_RANGE));
    FERRY_RETURN_IF_ERROR(Wait(table, event, FERRY_OUT_OF_RANGE));
    FERRY_RETURN_IF_ERROR(Release(table, event));
  }
  // And the device goes on.
  Queue other(table, device);
  FERRY_RETURN_IF_ERROR(other.status());
  FERRY_RETURN_IF_ERROR(other.Issue(block.ToDevice(bytes.data(), 100), &event));
  FERRY_RETURN_IF_ERROR(Wait(table, event));
  return Release(table, event);
}

absl::Status EventsMayBeLetGo(const ferry_backend& table, uint32_t device) {
  const DeviceBlock block(table, device, kLarge);
  FERRY_RETURN_IF_ERROR(block.status());
  const Bytes wanted = Sample(1, kLarge);
  Bytes found(kLarge);
  Queue queue(table, device);
  FERRY_RETURN_IF_ERROR(queue.status());
  uint64_t event = 0;
  for (const ferry_copy& copy : {block.ToDevice(wanted.data(), kLarge),
                                 block.ToHost(found.data(), kLarge)}) {
    FERRY_RETURN_IF_ERROR(queue.Issue(copy, &event));
    FERRY_RETURN_IF_ERROR(Release(table, event));
  }
  // Without an event, the end of the queue tells.
  FERRY_RETURN_IF_ERROR(queue.Destroy());
  if (found != wanted) {
    return Wrong("destroying a queue did not wait for its work");
  }
  return absl::OkStatus();
}

absl::Status EventsOutliveTheirQueue(const ferry_backend& table,
                                     uint32_t device) {
  const DeviceBlock block(table, device, kLarge);
  FERRY_RETURN_IF_ERROR(block.status());
  const Bytes bytes = Sample(1, kLarge);
  uint64_t event = 0;
  {
    Queue queue(table, device);
    FERRY_RETURN_IF_ERROR(queue.status());
    FERRY_RETURN_IF_ERROR(
        queue.Issue(block.ToDevice(bytes.data(), kLarge), &event));
    FERRY_RETURN_IF_ERROR(queue.Destroy());
  }
  FERRY_RETURN_IF_ERROR(Wait(table, event));
  return Release(table, event);
}

absl::Status NothingIsCopied(const ferry_backend& table, uint32_t device) {
  const Bytes held = Sample(1, 100);
  const DeviceBlock block(table, device, held.size());
  FERRY_RETURN_IF_ERROR(block.status());
  const DeviceBlock empty(table, device, 0);
  FERRY_RETURN_IF_ERROR(empty.status());
  Bytes found(held.size());
  Queue queue(table, device);
  FERRY_RETURN_IF_ERROR(queue.status());
  std::vector<ferry_copy> copies = {block.ToDevice(held.data(), held.size()),
                                    block.ToDevice(nullptr, 0),
                                    block.ToHost(nullptr, 0),
                                    empty.ToDevice(nullptr, 0),
                                    empty.ToHost(nullptr, 0),
                                    block.ToHost(found.data(), found.size())};
  // The first of them without bytes is at the memory's end.
  copies[1].offset_bytes = held.size();
  std::vector<uint64_t> events(copies.size());
  for (size_t i = 0; i < copies.size(); ++i) {
    FERRY_RETURN_IF_ERROR(queue.Issue(copies[i], &events[i]));
  }
  for (uint64_t event : events) {
    FERRY_RETURN_IF_ERROR(Wait(table, event));
    FERRY_RETURN_IF_ERROR(Release(table, event));
  }
  return found == held ? absl::OkStatus()
                       : Wrong("copies of 0 bytes changed the memory");
}

constexpr CallCheck kChecks[] = {
    {"G-01", "destroyed queues are not leaked", FERRY_CAPABILITY_ASYNC,
     QueuesLeaveNothing},
    {"G-02", "the work of a queue runs in order", FERRY_CAPABILITY_ASYNC,
     WorkIsInOrder},
    {"G-03", "a wait for an event returns when its copy is done, not before",
     FERRY_CAPABILITY_ASYNC, WaitsAreLongEnough},
    {"G-04", "many threads may wait for an event, more than once",
     FERRY_CAPABILITY_ASYNC, ManyMayWait},
    {"G-06",
     "every wait for a failed copy reports the error, and the device keeps "
     "working",
     FERRY_CAPABILITY_ASYNC, FailuresReachEverybody},
    {"G-07", "events may be released before they are ready",
     FERRY_CAPABILITY_ASYNC, EventsMayBeLetGo},
    {"G-08", "events outlive their queue", FERRY_CAPABILITY_ASYNC,
     EventsOutliveTheirQueue},
    {"G-09", "a copy of 0 bytes in a queue has an event and does nothing else",
     FERRY_CAPABILITY_ASYNC, NothingIsCopied},
};

}  // namespace

absl::Span<const CallCheck> QueueChecks() { return kChecks; }

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry
