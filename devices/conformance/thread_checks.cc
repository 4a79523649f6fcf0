// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Use from several threads at once.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/conformance/check.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {
namespace {

constexpr int kRounds = 50;

int ThreadCount(const Subject& subject) { return std::max(2, subject.threads); }

absl::Status ThreadsUseTheirOwnMemory(const Subject& subject, int device) {
  return OnThreads(ThreadCount(subject), [&](int thread) -> absl::Status {
    for (int round = 0; round < kRounds; ++round) {
      const std::vector<uint64_t> sizes = {
          100, static_cast<uint64_t>(1000 * (thread + 1) + round), 10000};
      FERRY_ASSIGN_OR_RETURN(std::vector<Memory> memory,
                             AllocateAll(subject, device, sizes));
      for (size_t i = 0; i < memory.size(); ++i) {
        FERRY_RETURN_IF_ERROR(
            Write(subject, memory[i], 0,
                  Pattern(static_cast<uint32_t>(thread * 3 + i), sizes[i])));
      }
      memory[1] = Memory();
      for (size_t i : {0, 2}) {
        FERRY_RETURN_IF_ERROR(ExpectHolds(
            subject, memory[i],
            Pattern(static_cast<uint32_t>(thread * 3 + i), sizes[i]),
            absl::StrCat("allocation ", i, " in round ", round)));
      }
      FERRY_RETURN_IF_ERROR(subject.backend.DeviceCount().status());
    }
    return absl::OkStatus();
  });
}

absl::Status ThreadsWriteParts(const Subject& subject, int device) {
  const int threads = ThreadCount(subject);
  // Odd, so that neighbours share words and cache lines.
  constexpr uint64_t kPartBytes = 4099;
  const Bytes wanted = Pattern(1, kPartBytes * threads);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(
      Write(subject, memory, 0, Bytes(wanted.size(), uint8_t{0})));
  FERRY_RETURN_IF_ERROR(OnThreads(threads, [&](int thread) {
    const auto begin = wanted.begin() + kPartBytes * thread;
    return Write(subject, memory, kPartBytes * thread,
                 Bytes(begin, begin + kPartBytes));
  }));
  return ExpectHolds(subject, memory, wanted, "parts written by threads");
}

absl::Status ThreadsReadTheSame(const Subject& subject, int device) {
  const Bytes wanted = Pattern(1, 20000);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
  return OnThreads(ThreadCount(subject), [&](int) -> absl::Status {
    for (int round = 0; round < kRounds; ++round) {
      FERRY_RETURN_IF_ERROR(
          ExpectHolds(subject, memory, wanted, absl::StrCat("read ", round)));
    }
    return absl::OkStatus();
  });
}

// Each thread sends bytes of its own back and forth between two memories that
// all of them use, half of the threads against the direction of the others.
absl::Status ThreadsCopyBetween(const Subject& subject, int device) {
  const int threads = ThreadCount(subject);
  // Odd, so that neighbours share words and cache lines.
  constexpr uint64_t kPartBytes = 1021;
  // A part travels from range to range, so that no lost copy goes unnoticed.
  constexpr uint64_t kOfThread = kPartBytes * kRounds;
  const uint64_t size_bytes = kOfThread * threads;
  const int other = (device + 1) % subject.device_count;
  Memory memory[2];
  FERRY_ASSIGN_OR_RETURN(memory[0], AllocateOne(subject, device, size_bytes));
  FERRY_ASSIGN_OR_RETURN(memory[1], AllocateOne(subject, other, size_bytes));
  const Bytes sent = Pattern(1, size_bytes);
  for (const Memory& one : memory) {
    FERRY_RETURN_IF_ERROR(Write(subject, one, 0, sent));
  }
  for (const auto& [from, to] : {std::pair(0, 1), std::pair(1, 0)}) {
    const absl::Status status =
        subject.backend.CopyBetween(memory[from], 0, memory[to], 0, 1);
    // The two devices are not linked.
    if (other != device && absl::IsUnimplemented(status)) {
      return absl::OkStatus();
    }
    FERRY_RETURN_IF_ERROR(status);
  }
  FERRY_RETURN_IF_ERROR(OnThreads(threads, [&](int thread) -> absl::Status {
    const uint64_t begin = kOfThread * thread;
    for (int round = 0; round + 1 < kRounds; ++round) {
      const int from = (thread + round) % 2;
      FERRY_RETURN_IF_ERROR(subject.backend.CopyBetween(
          memory[from], begin + kPartBytes * round, memory[1 - from],
          begin + kPartBytes * (round + 1), kPartBytes));
    }
    return absl::OkStatus();
  }));
  for (int i = 0; i < 2; ++i) {
    Bytes wanted = sent;
    for (int thread = 0; thread < threads; ++thread) {
      const auto begin = wanted.begin() + kOfThread * thread;
      // Every second range, in the memory to which the thread copied first.
      for (int round = (i + thread) % 2 == 1 ? 1 : 2; round < kRounds;
           round += 2) {
        std::copy_n(begin, kPartBytes, begin + kPartBytes * round);
      }
    }
    FERRY_RETURN_IF_ERROR(ExpectHolds(
        subject, memory[i], wanted,
        absl::StrCat("memory ", i, " that threads copied from and to")));
  }
  return absl::OkStatus();
}

constexpr Check kChecks[] = {
    {"T-01", "threads can allocate, copy and free concurrently", Needs::kBytes,
     ThreadsUseTheirOwnMemory},
    {"T-02", "threads can write parts of one allocation concurrently",
     Needs::kBytes, ThreadsWriteParts},
    {"T-03", "threads can read one allocation concurrently", Needs::kBytes,
     ThreadsReadTheSame},
    {"T-04", "threads can copy between two devices in both directions at once",
     Needs::kDeviceCopies, ThreadsCopyBetween},
};

}  // namespace

absl::Span<const Check> ThreadChecks() { return kChecks; }

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
