// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/conformance/check.h
// -----------------------------------------------------------------------------
//
// Building blocks for the checks of the suite. For the suite's own sources.
//
// Example: a check and its table row.
//
//   absl::Status EmptyListIsLegal(const Subject& subject, int device) {
//     FERRY_ASSIGN_OR_RETURN(std::vector<Memory> memory,
//                            AllocateAll(subject, device, {}));
//     return absl::OkStatus();
//   }
//   {"M-01", "an empty list of sizes is legal", Needs::kDevice,
//    EmptyListIsLegal},
#ifndef FERRY_DEVICES_CONFORMANCE_CHECK_H_
#define FERRY_DEVICES_CONFORMANCE_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {

// The backend to check, and the parameters of the checks.
struct Subject {
  Backend& backend;
  // 0 if there is none.
  int device_count;
  // As in ConformanceOptions.
  int expected_devices;
  uint64_t large_bytes;
  int threads;
};

// What a check requires of the backend. Without it, the check is unsupported.
enum class Needs {
  kNothing,       // run once
  kDevice,        // this and the following: run for each device
  kBytes,         // its storages hold bytes
  kNoBytes,       // they do not, as on meta
  kHostMemory,    // the host reaches them
  kDeviceMemory,  // they hold bytes, and the host does not reach them
  kDeviceCopies,  // it copies between its devices
};

// A check passes if it returns OK. Otherwise the message of the status becomes
// the detail.
struct Check {
  const char* id;
  const char* title;
  Needs needs;
  absl::Status (*run)(const Subject& subject, int device);
};

// Each group in one file.
absl::Span<const Check> DeviceChecks();
absl::Span<const Check> MemoryChecks();
absl::Span<const Check> CopyChecks();
absl::Span<const Check> StreamChecks();
absl::Span<const Check> ThreadChecks();
absl::Span<const Check> LocationChecks();

// Returns a failure, for `return Failed("got ", n)`.
absl::Status Failed(absl::string_view message);

// Returns OK if `status` has the code.
absl::Status ExpectCode(const absl::Status& status, absl::StatusCode code,
                        absl::string_view subject);

// As Backend::Allocate. Also fails if the backend left memory allocated after
// an error, or returned bytes without an owner.
absl::StatusOr<std::vector<Memory>> AllocateAll(
    const Subject& subject, int device, const std::vector<uint64_t>& sizes);
absl::StatusOr<Memory> AllocateOne(const Subject& subject, int device,
                                   uint64_t size_bytes);

using Bytes = std::vector<uint8_t>;

// Returns `size` bytes that differ from those of other seeds, and from
// themselves when shifted.
Bytes Pattern(uint32_t seed, uint64_t size);

absl::Status Write(const Subject& subject, const Memory& memory,
                   uint64_t offset_bytes, const Bytes& bytes);
absl::StatusOr<Bytes> Read(const Subject& subject, const Memory& memory,
                           uint64_t offset_bytes, uint64_t size_bytes);

// Returns OK if the two are equal. Otherwise the message says where they first
// differ.
absl::Status ExpectEqual(const Bytes& found, const Bytes& wanted,
                         absl::string_view subject);

// Reads `wanted.size()` bytes from the start of the memory, and compares them.
absl::Status ExpectHolds(const Subject& subject, const Memory& memory,
                         const Bytes& wanted, absl::string_view name);

// Runs `body(i)` for i in [0, count) concurrently, each on its own thread, and
// returns the error of the lowest index that failed.
absl::Status OnThreads(int count, absl::FunctionRef<absl::Status(int)> body);

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_CONFORMANCE_CHECK_H_
