// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How bytes get to the device and back.

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/conformance/check.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {
namespace {

constexpr uint64_t kLengths[] = {1,  2,  3,  7,  8,   15,  16,  17, 31,
                                 33, 63, 64, 65, 127, 129, 255, 257};

// Room for the largest of them at any offset below 64, and guards.
constexpr uint64_t kSize = 64 + 257 + 64;

absl::Status EveryLengthComesBack(const Subject& subject, int device) {
  for (uint64_t length = 0; length <= 257; ++length) {
    const Bytes wanted = Pattern(static_cast<uint32_t>(length), length);
    FERRY_ASSIGN_OR_RETURN(const Memory memory,
                           AllocateOne(subject, device, length));
    FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
    FERRY_RETURN_IF_ERROR(
        ExpectHolds(subject, memory, wanted, absl::StrCat(length, " bytes")));
  }
  return absl::OkStatus();
}

absl::Status WritesTouchNothingElse(const Subject& subject, int device) {
  Bytes wanted = Pattern(1, kSize);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, kSize));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
  for (uint64_t offset = 0; offset < 64; ++offset) {
    for (uint64_t length : kLengths) {
      const Bytes part =
          Pattern(static_cast<uint32_t>(100 + offset * 257 + length), length);
      FERRY_RETURN_IF_ERROR(Write(subject, memory, offset, part));
      std::copy(part.begin(), part.end(), wanted.begin() + offset);
      FERRY_RETURN_IF_ERROR(
          ExpectHolds(subject, memory, wanted,
                      absl::StrCat(length, " bytes written at ", offset)));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadsTouchNothingElse(const Subject& subject, int device) {
  const Bytes held = Pattern(1, kSize);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, kSize));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, held));
  for (uint64_t offset = 0; offset < 64; ++offset) {
    for (uint64_t length : kLengths) {
      // The host's address takes every alignment too, and has guards.
      const uint64_t at = 63 - offset;
      Bytes found = Pattern(2, kSize);
      Bytes wanted = found;
      std::copy_n(held.begin() + offset, length, wanted.begin() + at);
      FERRY_RETURN_IF_ERROR(subject.backend.CopyToHost(
          memory, offset, found.data() + at, length));
      FERRY_RETURN_IF_ERROR(ExpectEqual(
          found, wanted, absl::StrCat(length, " bytes read at ", offset)));
    }
  }
  return absl::OkStatus();
}

absl::Status NothingIsCopied(const Subject& subject, int device) {
  const Bytes held = Pattern(1, 100);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, held.size()));
  FERRY_ASSIGN_OR_RETURN(const Memory empty, AllocateOne(subject, device, 0));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, held));
  for (uint64_t offset : {0, 1, 99, 100}) {
    FERRY_RETURN_IF_ERROR(
        subject.backend.CopyFromHost(nullptr, memory, offset, 0));
    FERRY_RETURN_IF_ERROR(
        subject.backend.CopyToHost(memory, offset, nullptr, 0));
  }
  FERRY_RETURN_IF_ERROR(subject.backend.CopyFromHost(nullptr, empty, 0, 0));
  FERRY_RETURN_IF_ERROR(subject.backend.CopyToHost(empty, 0, nullptr, 0));
  return ExpectHolds(subject, memory, held, "after copies of 0 bytes");
}

absl::Status SourceMayBeReused(const Subject& subject, int device) {
  for (uint64_t size_bytes : {uint64_t{64}, uint64_t{100000}}) {
    const Bytes wanted = Pattern(1, size_bytes);
    FERRY_ASSIGN_OR_RETURN(const Memory memory,
                           AllocateOne(subject, device, size_bytes));
    Bytes source = wanted;
    FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, source));
    std::fill(source.begin(), source.end(), uint8_t{0});
    FERRY_RETURN_IF_ERROR(ExpectHolds(subject, memory, wanted,
                                      "bytes whose source changed afterwards"));
  }
  return absl::OkStatus();
}

absl::Status SourceMayBeReadOnly(const Subject& subject, int device) {
  const Bytes wanted = Pattern(1, 3 * 65536);
  void* const mapped = mmap(nullptr, wanted.size(), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return Failed(absl::StrCat("the suite cannot map host memory: ",
                               std::strerror(errno)));
  }
  const std::shared_ptr<void> source(
      mapped, [&](void* address) { munmap(address, wanted.size()); });
  std::memcpy(mapped, wanted.data(), wanted.size());
  if (mprotect(mapped, wanted.size(), PROT_READ) != 0) {
    return Failed(absl::StrCat("the suite cannot make host memory read-only: ",
                               std::strerror(errno)));
  }
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(
      subject.backend.CopyFromHost(mapped, memory, 0, wanted.size()));
  return ExpectHolds(subject, memory, wanted, "bytes from read-only memory");
}

absl::Status LaterCopyWins(const Subject& subject, int device) {
  Bytes wanted = Pattern(0, 4096);
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, wanted.size()));
  for (uint32_t seed = 0; seed < 100; ++seed) {
    wanted = Pattern(seed, wanted.size());
    FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, wanted));
    FERRY_RETURN_IF_ERROR(ExpectHolds(subject, memory, wanted,
                                      absl::StrCat("after write ", seed)));
  }
  return absl::OkStatus();
}

absl::Status BytesAreDropped(const Subject& subject, int device) {
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, 100));
  FERRY_RETURN_IF_ERROR(Write(subject, memory, 0, Pattern(1, 100)));
  Bytes found = Pattern(2, 100);
  const Bytes before = found;
  FERRY_RETURN_IF_ERROR(ExpectCode(
      subject.backend.CopyToHost(memory, 0, found.data(), found.size()),
      absl::StatusCode::kInvalidArgument,
      "reading from a device without bytes"));
  return ExpectEqual(found, before, "the host's bytes");
}

// Runs `check` with each device to which the backend can copy from `device`.
// The first is `device` itself, to which it must be able to copy.
absl::Status WithEachLinked(const Subject& subject, int device,
                            absl::FunctionRef<absl::Status(int other)> check) {
  for (int i = 0; i < subject.device_count; ++i) {
    const int other = (device + i) % subject.device_count;
    FERRY_ASSIGN_OR_RETURN(const Memory from, AllocateOne(subject, device, 1));
    FERRY_ASSIGN_OR_RETURN(const Memory to, AllocateOne(subject, other, 1));
    FERRY_RETURN_IF_ERROR(Write(subject, from, 0, Bytes(1)));
    const absl::Status status = subject.backend.CopyBetween(from, 0, to, 0, 1);
    if (i != 0 && absl::IsUnimplemented(status)) continue;
    FERRY_RETURN_IF_ERROR(status);
    FERRY_RETURN_IF_ERROR(check(other));
  }
  return absl::OkStatus();
}

absl::Status DeviceCopiesTouchNothingElse(const Subject& subject, int device) {
  return WithEachLinked(subject, device, [&](int other) -> absl::Status {
    const Bytes held = Pattern(1, kSize);
    Bytes wanted = Pattern(2, kSize);
    FERRY_ASSIGN_OR_RETURN(const Memory from,
                           AllocateOne(subject, device, kSize));
    FERRY_ASSIGN_OR_RETURN(const Memory to, AllocateOne(subject, other, kSize));
    FERRY_RETURN_IF_ERROR(Write(subject, from, 0, held));
    FERRY_RETURN_IF_ERROR(Write(subject, to, 0, wanted));
    for (uint64_t from_offset : {0, 1, 7, 63}) {
      for (uint64_t to_offset : {0, 1, 8, 61}) {
        for (uint64_t length : kLengths) {
          FERRY_RETURN_IF_ERROR(subject.backend.CopyBetween(
              from, from_offset, to, to_offset, length));
          std::copy_n(held.begin() + from_offset, length,
                      wanted.begin() + to_offset);
          FERRY_RETURN_IF_ERROR(ExpectHolds(
              subject, to, wanted,
              absl::StrCat(length, " bytes copied from offset ", from_offset,
                           " to offset ", to_offset, " on device ", other)));
        }
      }
    }
    return ExpectHolds(subject, from, held, "the source of device copies");
  });
}

absl::Status NothingIsCopiedBetween(const Subject& subject, int device) {
  return WithEachLinked(subject, device, [&](int other) -> absl::Status {
    const Bytes held = Pattern(1, 100);
    FERRY_ASSIGN_OR_RETURN(const Memory from,
                           AllocateOne(subject, device, 100));
    FERRY_ASSIGN_OR_RETURN(const Memory to, AllocateOne(subject, other, 100));
    FERRY_ASSIGN_OR_RETURN(const Memory empty, AllocateOne(subject, other, 0));
    FERRY_RETURN_IF_ERROR(Write(subject, from, 0, Pattern(2, 100)));
    FERRY_RETURN_IF_ERROR(Write(subject, to, 0, held));
    for (uint64_t offset : {0, 1, 99, 100}) {
      FERRY_RETURN_IF_ERROR(
          subject.backend.CopyBetween(from, offset, to, 100 - offset, 0));
      FERRY_RETURN_IF_ERROR(
          subject.backend.CopyBetween(from, offset, from, offset, 0));
    }
    FERRY_RETURN_IF_ERROR(subject.backend.CopyBetween(from, 0, empty, 0, 0));
    FERRY_RETURN_IF_ERROR(subject.backend.CopyBetween(empty, 0, to, 0, 0));
    return ExpectHolds(subject, to, held, "after device copies of 0 bytes");
  });
}

absl::Status DeviceCopiesAreDone(const Subject& subject, int device) {
  return WithEachLinked(subject, device, [&](int other) -> absl::Status {
    const uint64_t size_bytes = subject.large_bytes;
    const Bytes wanted = Pattern(1, size_bytes);
    FERRY_ASSIGN_OR_RETURN(const Memory from,
                           AllocateOne(subject, device, size_bytes));
    FERRY_ASSIGN_OR_RETURN(const Memory to,
                           AllocateOne(subject, other, size_bytes));
    FERRY_RETURN_IF_ERROR(Write(subject, from, 0, wanted));
    FERRY_RETURN_IF_ERROR(
        subject.backend.CopyBetween(from, 0, to, 0, size_bytes));
    FERRY_RETURN_IF_ERROR(Write(subject, from, 0, Pattern(2, size_bytes)));
    return ExpectHolds(
        subject, to, wanted,
        absl::StrCat("a copy on device ", other,
                     " whose source was changed once it had returned"));
  });
}

constexpr Check kChecks[] = {
    {"C-01", "copies of every length come back unchanged", Needs::kBytes,
     EveryLengthComesBack},
    {"C-02", "a write changes only the bytes in its range", Needs::kBytes,
     WritesTouchNothingElse},
    {"C-03", "a read returns only the bytes in its range", Needs::kBytes,
     ReadsTouchNothingElse},
    {"C-04", "a copy of 0 bytes does nothing, even with null pointers",
     Needs::kBytes, NothingIsCopied},
    {"C-05", "the source may be reused once a copy has returned", Needs::kBytes,
     SourceMayBeReused},
    {"C-06", "the source may be read-only memory", Needs::kBytes,
     SourceMayBeReadOnly},
    {"C-07", "of two copies to the same memory the later one wins",
     Needs::kBytes, LaterCopyWins},
    {"C-08", "a device without bytes discards writes and refuses reads",
     Needs::kNoBytes, BytesAreDropped},
    {"C-09", "a copy between devices changes only the bytes in its range",
     Needs::kDeviceCopies, DeviceCopiesTouchNothingElse},
    {"C-10", "a copy of 0 bytes between devices does nothing",
     Needs::kDeviceCopies, NothingIsCopiedBetween},
    {"C-11", "a copy between devices is done when it returns",
     Needs::kDeviceCopies, DeviceCopiesAreDone},
};

}  // namespace

absl::Span<const Check> CopyChecks() { return kChecks; }

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
