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

constexpr Check kChecks[] = {
    {"T-01", "threads can allocate, copy and free concurrently", Needs::kBytes,
     ThreadsUseTheirOwnMemory},
    {"T-02", "threads can write parts of one allocation concurrently",
     Needs::kBytes, ThreadsWriteParts},
    {"T-03", "threads can read one allocation concurrently", Needs::kBytes,
     ThreadsReadTheSame},
};

}  // namespace

absl::Span<const Check> ThreadChecks() { return kChecks; }

}  // namespace conformance_internal
}  // namespace ferry
