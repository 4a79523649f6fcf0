// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/conformance/check.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {

absl::Status Failed(absl::string_view message) {
  return absl::FailedPreconditionError(message);
}

absl::Status ExpectCode(const absl::Status& status, absl::StatusCode code,
                        absl::string_view subject) {
  if (status.code() == code) return absl::OkStatus();
  return Failed(absl::StrCat(subject, " should give ",
                             absl::StatusCodeToString(code), ", but gives ",
                             status.ToString()));
}

absl::StatusOr<std::vector<Memory>> AllocateAll(
    const Subject& subject, int device, const std::vector<uint64_t>& sizes) {
  std::vector<Memory> memory(sizes.size());
  const absl::Status status =
      subject.backend.Allocate(device, sizes, absl::MakeSpan(memory));
  for (size_t i = 0; i < sizes.size(); ++i) {
    const bool is_empty =
        memory[i].data == nullptr && memory[i].owner == nullptr;
    if (!status.ok() && !is_empty) {
      return Failed(absl::StrCat(
          "element ", i,
          " is still allocated after the call failed: ", status.ToString()));
    }
    if (status.ok() && subject.backend.has_bytes() && sizes[i] != 0 &&
        memory[i].owner == nullptr) {
      return Failed(
          absl::StrCat("element ", i, " of ", sizes[i], " bytes has no owner"));
    }
  }
  if (!status.ok()) return status;
  return memory;
}

absl::StatusOr<Memory> AllocateOne(const Subject& subject, int device,
                                   uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(std::vector<Memory> memory,
                         AllocateAll(subject, device, {size_bytes}));
  return std::move(memory[0]);
}

Bytes Pattern(uint32_t seed, uint64_t size) {
  Bytes bytes(size);
  // SplitMix64, a word at a time. Seeds are mixed, not added: the states of one
  // must not be those of the next, one step later.
  uint64_t state = (seed + uint64_t{1}) * 0xD1342543DE82EF95u;
  for (uint64_t i = 0; i < size; i += sizeof(uint64_t)) {
    state += 0x9E3779B97F4A7C15u;
    uint64_t word = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    word ^= word >> 31;
    std::memcpy(bytes.data() + i, &word,
                std::min<uint64_t>(size - i, sizeof(word)));
  }
  return bytes;
}

absl::Status Write(const Subject& subject, const Memory& memory,
                   uint64_t offset_bytes, const Bytes& bytes) {
  return subject.backend.CopyFromHost(bytes.data(), memory, offset_bytes,
                                      bytes.size());
}

absl::StatusOr<Bytes> Read(const Subject& subject, const Memory& memory,
                           uint64_t offset_bytes, uint64_t size_bytes) {
  Bytes bytes(size_bytes);
  FERRY_RETURN_IF_ERROR(subject.backend.CopyToHost(memory, offset_bytes,
                                                   bytes.data(), size_bytes));
  return bytes;
}

absl::Status ExpectEqual(const Bytes& found, const Bytes& wanted,
                         absl::string_view subject) {
  if (found == wanted) return absl::OkStatus();
  const auto differing =
      std::mismatch(found.begin(), found.end(), wanted.begin(), wanted.end());
  return Failed(absl::StrCat(
      subject, ": wrong from byte ", differing.first - found.begin(), " on; ",
      found.size(), " bytes were read and ", wanted.size(), " expected"));
}

absl::Status ExpectHolds(const Subject& subject, const Memory& memory,
                         const Bytes& wanted, absl::string_view name) {
  FERRY_ASSIGN_OR_RETURN(const Bytes found,
                         Read(subject, memory, 0, wanted.size()));
  return ExpectEqual(found, wanted, name);
}

absl::Status OnThreads(int count, absl::FunctionRef<absl::Status(int)> body) {
  std::vector<absl::Status> statuses(count);
  std::vector<std::thread> threads;
  threads.reserve(count);
  {
    // Held until all are there, so that they start together.
    std::mutex gate;
    std::unique_lock<std::mutex> closed(gate);
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&gate, &statuses, body, i] {
        { const std::lock_guard<std::mutex> wait(gate); }
        statuses[i] = body(i);
      });
    }
    closed.unlock();
    for (std::thread& thread : threads) thread.join();
  }
  for (int i = 0; i < count; ++i) {
    if (statuses[i].ok()) continue;
    return Failed(absl::StrCat("thread ", i, ": ", statuses[i].ToString()));
  }
  return absl::OkStatus();
}

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
