// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How memory is had and let go.

#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/conformance/check.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {
namespace {

// The lesser of the large sizes: with the default options 2 MiB, at which
// allocators change their mind.
uint64_t MiddleSize(const Subject& subject) { return subject.large_bytes / 32; }

// Sizes of all kinds, in no order.
std::vector<uint64_t> ManySizes(const Subject& subject) {
  const uint64_t middle = MiddleSize(subject);
  std::vector<uint64_t> sizes;
  for (uint64_t size :
       {1,   2,   3,   5,   7,   15,   16,   17,   63,    64,   65,
        255, 256, 257, 511, 513, 4095, 4096, 4097, 65535, 65537}) {
    sizes.push_back(size);
    sizes.push_back(0);
  }
  for (uint64_t size : {middle - 1, middle, middle + 1}) {
    sizes.push_back(size);
    sizes.push_back(0);
  }
  for (uint64_t i = 0; i < 500; ++i) sizes.push_back(i % 37 * 29 + 1);
  return sizes;
}

std::string Allocation(size_t i, uint64_t size_bytes) {
  return absl::StrCat("allocation ", i, " of ", size_bytes, " bytes");
}

// Fills each allocation with a pattern of its own.
absl::Status FillAll(const Subject& subject, const std::vector<Memory>& memory,
                     const std::vector<uint64_t>& sizes, uint32_t seed) {
  for (size_t i = 0; i < memory.size(); ++i) {
    FERRY_RETURN_IF_ERROR(
        Write(subject, memory[i], 0,
              Pattern(seed + static_cast<uint32_t>(i), sizes[i])));
  }
  return absl::OkStatus();
}

absl::Status CheckOne(const Subject& subject, const std::vector<Memory>& memory,
                      const std::vector<uint64_t>& sizes, uint32_t seed,
                      size_t i) {
  return ExpectHolds(subject, memory[i],
                     Pattern(seed + static_cast<uint32_t>(i), sizes[i]),
                     Allocation(i, sizes[i]));
}

absl::Status NothingIsLegal(const Subject& subject, int device) {
  FERRY_RETURN_IF_ERROR(AllocateAll(subject, device, {}).status());
  FERRY_RETURN_IF_ERROR(AllocateOne(subject, device, 0).status());
  return AllocateAll(subject, device, std::vector<uint64_t>(100)).status();
}

absl::Status EverySizeIsAnswered(const Subject& subject, int device) {
  return AllocateAll(subject, device, ManySizes(subject)).status();
}

absl::Status HostMemoryIsAligned(const Subject& subject, int device) {
  const std::vector<uint64_t> sizes = ManySizes(subject);
  FERRY_ASSIGN_OR_RETURN(const std::vector<Memory> memory,
                         AllocateAll(subject, device, sizes));
  for (size_t i = 0; i < memory.size(); ++i) {
    if (sizes[i] == 0) continue;
    if (memory[i].data == nullptr) {
      return Failed(absl::StrCat(Allocation(i, sizes[i]), " is null"));
    }
    if (reinterpret_cast<uintptr_t>(memory[i].data) % 64 != 0) {
      return Failed(
          absl::StrCat(Allocation(i, sizes[i]), " is not aligned to 64 bytes"));
    }
  }
  return absl::OkStatus();
}

absl::Status HostMemoryIsWhatCopiesSee(const Subject& subject, int device) {
  const Bytes first = Pattern(1, 1000);
  const Bytes second = Pattern(2, 1000);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, first.size()));
  if (memory.data == nullptr) return Failed("host memory is null");
  std::memcpy(memory.data, first.data(), first.size());
  FERRY_RETURN_IF_ERROR(ExpectHolds(subject, memory, first,
                                    "bytes written through the host pointer"));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, second));
  Bytes seen(second.size());
  std::memcpy(seen.data(), memory.data, seen.size());
  return ExpectEqual(seen, second, "bytes read through the host pointer");
}

absl::Status AllocationsAreApart(const Subject& subject, int device) {
  const std::vector<uint64_t> sizes = ManySizes(subject);
  FERRY_ASSIGN_OR_RETURN(const std::vector<Memory> together,
                         AllocateAll(subject, device, sizes));
  std::vector<Memory> one_by_one;
  for (uint64_t size : sizes) {
    FERRY_ASSIGN_OR_RETURN(Memory memory, AllocateOne(subject, device, size));
    one_by_one.push_back(std::move(memory));
  }
  FERRY_RETURN_IF_ERROR(FillAll(subject, together, sizes, 0));
  FERRY_RETURN_IF_ERROR(FillAll(subject, one_by_one, sizes, 10000));
  for (size_t i = 0; i < sizes.size(); ++i) {
    FERRY_RETURN_IF_ERROR(CheckOne(subject, together, sizes, 0, i));
    FERRY_RETURN_IF_ERROR(CheckOne(subject, one_by_one, sizes, 10000, i));
  }
  return absl::OkStatus();
}

absl::Status LargeAllocationHoldsItsBytes(const Subject& subject, int device) {
  const uint64_t size_bytes = subject.large_bytes;
  const Bytes wanted = Pattern(3, size_bytes);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, size_bytes));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
  return ExpectHolds(subject, memory, wanted, Allocation(0, size_bytes));
}

// Asking for `sizes` is refused, and what was there is there yet.
absl::Status ExpectRefused(const Subject& subject, int device,
                           const std::vector<uint64_t>& sizes,
                           const Memory& memory, const Bytes& wanted) {
  std::string subject_text = "Allocate of";
  for (uint64_t size : sizes) absl::StrAppend(&subject_text, " ", size);
  FERRY_RETURN_IF_ERROR(ExpectCode(AllocateAll(subject, device, sizes).status(),
                                   absl::StatusCode::kResourceExhausted,
                                   subject_text));
  FERRY_RETURN_IF_ERROR(ExpectHolds(
      subject, memory, wanted, "memory allocated before the refused call"));
  FERRY_ASSIGN_OR_RETURN(const Memory after,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(Write(subject, after, 0, wanted));
  return ExpectHolds(subject, after, wanted,
                     "memory allocated after the refused call");
}

absl::Status AbsurdSizesAreRefused(const Subject& subject, int device) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  constexpr uint64_t kHalf = uint64_t{1} << 63;
  const Bytes wanted = Pattern(4, 1000);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
  // The last two wrap round to little when they are added or rounded up.
  for (const std::vector<uint64_t>& sizes : std::vector<std::vector<uint64_t>>{
           {kHalf}, {kHalf - 1}, {64, kHalf, 64}, {kMax}, {kHalf, kHalf, 64}}) {
    FERRY_RETURN_IF_ERROR(
        ExpectRefused(subject, device, sizes, memory, wanted));
  }
  return absl::OkStatus();
}

absl::Status AllocationsAreFreedInAnyOrder(const Subject& subject, int device) {
  const std::vector<uint64_t> sizes = ManySizes(subject);
  FERRY_ASSIGN_OR_RETURN(std::vector<Memory> memory,
                         AllocateAll(subject, device, sizes));
  FERRY_RETURN_IF_ERROR(FillAll(subject, memory, sizes, 0));
  // 7 is prime to the count's factors, so each allocation is visited once.
  size_t i = 0;
  std::vector<bool> freed(memory.size());
  for (size_t round = 0; round < memory.size() / 2; ++round) {
    i = (i + 7) % memory.size();
    memory[i] = Memory();
    freed[i] = true;
  }
  // What is had anew must not lie in what is kept.
  const std::vector<uint64_t> more(50, 300);
  FERRY_ASSIGN_OR_RETURN(const std::vector<Memory> anew,
                         AllocateAll(subject, device, more));
  FERRY_RETURN_IF_ERROR(FillAll(subject, anew, more, 20000));
  for (size_t k = 0; k < memory.size(); ++k) {
    if (freed[k]) continue;
    FERRY_RETURN_IF_ERROR(CheckOne(subject, memory, sizes, 0, k));
  }
  return absl::OkStatus();
}

absl::Status LastCopyOfTheOwnerFrees(const Subject& subject, int device) {
  const Bytes wanted = Pattern(5, 5000);
  FERRY_ASSIGN_OR_RETURN(Memory memory,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
  const Memory copy = memory;
  memory = Memory();
  FERRY_ASSIGN_OR_RETURN(const Memory other,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(Write(subject, other, 0, Pattern(6, wanted.size())));
  return ExpectHolds(subject, copy, wanted,
                     "memory with one copy of its owner left");
}

absl::Status AnotherThreadMayFree(const Subject& subject, int device) {
  const std::vector<uint64_t> sizes = {100, 100, MiddleSize(subject) + 1,
                                       MiddleSize(subject) + 1};
  FERRY_ASSIGN_OR_RETURN(std::vector<Memory> memory,
                         AllocateAll(subject, device, sizes));
  FERRY_RETURN_IF_ERROR(FillAll(subject, memory, sizes, 0));
  std::thread([&memory] {
    memory[0] = Memory();
    memory[2] = Memory();
  }).join();
  FERRY_RETURN_IF_ERROR(CheckOne(subject, memory, sizes, 0, 1));
  FERRY_RETURN_IF_ERROR(CheckOne(subject, memory, sizes, 0, 3));
  return AllocateAll(subject, device, sizes).status();
}

constexpr Check kChecks[] = {
    {"M-01", "an empty list of sizes, and sizes of 0, are legal",
     Needs::kDevice, NothingIsLegal},
    {"M-02", "one call allocates memory of every size", Needs::kDevice,
     EverySizeIsAnswered},
    {"M-03", "host memory is aligned to 64 bytes", Needs::kHostMemory,
     HostMemoryIsAligned},
    {"M-04", "host memory is what copies read and write", Needs::kHostMemory,
     HostMemoryIsWhatCopiesSee},
    {"M-05", "allocations do not overlap", Needs::kBytes, AllocationsAreApart},
    {"M-06", "a large allocation holds all its bytes", Needs::kBytes,
     LargeAllocationHoldsItsBytes},
    {"M-07", "absurd sizes are refused and change nothing", Needs::kBytes,
     AbsurdSizesAreRefused},
    {"M-08", "allocations are freed in any order", Needs::kBytes,
     AllocationsAreFreedInAnyOrder},
    {"M-09", "memory lives as long as the last copy of its owner",
     Needs::kBytes, LastCopyOfTheOwnerFrees},
    {"M-10", "another thread may free memory", Needs::kBytes,
     AnotherThreadMayFree},
};

}  // namespace

absl::Span<const Check> MemoryChecks() { return kChecks; }

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
