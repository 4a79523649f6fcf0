// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Streams of transfers.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/conformance/check.h"
#include "ferry/devices/transfer_stream.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {
namespace {

// The least that `TransferStream::buffer_bytes` may be.
constexpr uint64_t kLeastBufferBytes = 64;

// In the checks, memory is declared before the streams that use it: when a
// check fails half-way, the stream goes first and waits for its transfers.
using Stream = std::unique_ptr<TransferStream>;

absl::StatusOr<Stream> Open(const Subject& subject, int device) {
  FERRY_ASSIGN_OR_RETURN(Stream stream, subject.backend.OpenStream(device));
  if (stream == nullptr) return Failed("OpenStream returned null");
  if (stream->buffer_bytes() < kLeastBufferBytes) {
    return Failed(absl::StrCat("its buffers have ", stream->buffer_bytes(),
                               " bytes; at least ", kLeastBufferBytes,
                               " are needed"));
  }
  return stream;
}

// The bytes that one transfer moves where a check issues many of them: a whole
// buffer, unless that is large.
uint64_t PartBytes(const Subject& subject, const TransferStream& stream) {
  return std::max<uint64_t>(
      1, std::min(stream.buffer_bytes(), subject.large_bytes / 32));
}

TransferPiece Whole(const Memory& memory, uint64_t size_bytes) {
  return {&memory, 0, 0, size_bytes, "storage"};
}

// Brings `bytes`, which fit one buffer, to the start of the memory. Does not
// wait.
absl::Status Send(TransferStream& stream, const Memory& memory,
                  const Bytes& bytes) {
  FERRY_ASSIGN_OR_RETURN(char* const buffer, stream.NextBuffer());
  std::memcpy(buffer, bytes.data(), bytes.size());
  return stream.ToDevice(buffer, {Whole(memory, bytes.size())});
}

// Reads the start of the memory through the stream, and compares.
absl::Status ExpectReceived(TransferStream& stream, const Memory& memory,
                            const Bytes& wanted, absl::string_view name) {
  FERRY_ASSIGN_OR_RETURN(char* const buffer, stream.NextBuffer());
  std::memset(buffer, 0x55, wanted.size());
  FERRY_RETURN_IF_ERROR(stream.ToHost({Whole(memory, wanted.size())}, buffer));
  FERRY_RETURN_IF_ERROR(stream.Wait(buffer));
  return ExpectEqual(Bytes(buffer, buffer + wanted.size()), wanted, name);
}

absl::Status OtherIndexesOpenNoStream(const Subject& subject, int) {
  for (int index :
       {-1, subject.device_count, std::numeric_limits<int>::max()}) {
    FERRY_RETURN_IF_ERROR(ExpectCode(subject.backend.OpenStream(index).status(),
                                     absl::StatusCode::kOutOfRange,
                                     absl::StrCat("OpenStream(", index, ")")));
  }
  return absl::OkStatus();
}

absl::Status FinishedBytesAreThere(const Subject& subject, int device) {
  Memory memory;
  FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
  const uint64_t part = PartBytes(subject, *stream);
  // The second round: a stream that has finished goes on.
  for (uint32_t round = 0; round < 2; ++round) {
    const Bytes wanted = Pattern(round, 5 * part - part / 2);
    FERRY_ASSIGN_OR_RETURN(memory, AllocateOne(subject, device, wanted.size()));
    for (uint64_t at = 0; at < wanted.size(); at += part) {
      const uint64_t size = std::min<uint64_t>(part, wanted.size() - at);
      FERRY_ASSIGN_OR_RETURN(char* const buffer, stream->NextBuffer());
      std::memcpy(buffer, wanted.data() + at, size);
      FERRY_RETURN_IF_ERROR(
          stream->ToDevice(buffer, {{&memory, at, 0, size, "storage"}}));
    }
    FERRY_RETURN_IF_ERROR(stream->Finish());
    FERRY_RETURN_IF_ERROR(ExpectHolds(subject, memory, wanted,
                                      absl::StrCat("after Finish ", round)));
  }
  return absl::OkStatus();
}

absl::Status ManyStoragesInOneCall(const Subject& subject, int device) {
  std::vector<Memory> memory;
  FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
  std::vector<uint64_t> parts = {64, 0, 1, 3, 65, 0, 257, 16, 1000};
  // Each storage has a guard on either side, and so has each range of the
  // buffer. All of them fit one buffer.
  const uint64_t most = stream->buffer_bytes() / parts.size() - 2;
  std::vector<uint64_t> sizes;
  for (uint64_t& part : parts) {
    part = std::min(part, most);
    sizes.push_back(part + 2);
  }
  FERRY_ASSIGN_OR_RETURN(memory, AllocateAll(subject, device, sizes));
  std::vector<Bytes> wanted;
  std::vector<TransferPiece> pieces;
  uint64_t used = 0;
  for (size_t i = 0; i < memory.size(); ++i) {
    wanted.push_back(Pattern(static_cast<uint32_t>(i), sizes[i]));
    FERRY_RETURN_IF_ERROR(Write(subject, memory[i], 0, wanted[i]));
    pieces.push_back({&memory[i], 1, used + 1, parts[i], "storage"});
    used += sizes[i];
  }
  // The places are in no order.
  std::rotate(pieces.begin(), pieces.begin() + 4, pieces.end());

  FERRY_ASSIGN_OR_RETURN(char* const source, stream->NextBuffer());
  const Bytes sent = Pattern(100, used);
  std::memcpy(source, sent.data(), used);
  FERRY_RETURN_IF_ERROR(stream->ToDevice(source, pieces));
  FERRY_ASSIGN_OR_RETURN(char* const target, stream->NextBuffer());
  Bytes received = Pattern(101, used);
  std::memcpy(target, received.data(), used);
  FERRY_RETURN_IF_ERROR(stream->ToHost(pieces, target));
  FERRY_RETURN_IF_ERROR(stream->Finish());

  uint64_t at = 0;
  for (size_t i = 0; i < memory.size(); ++i) {
    std::copy_n(sent.begin() + at + 1, parts[i], wanted[i].begin() + 1);
    std::copy_n(sent.begin() + at + 1, parts[i], received.begin() + at + 1);
    FERRY_RETURN_IF_ERROR(ExpectHolds(subject, memory[i], wanted[i],
                                      absl::StrCat("storage ", i)));
    at += sizes[i];
  }
  return ExpectEqual(Bytes(target, target + used), received,
                     "the buffer that was read into");
}

absl::Status TransfersAreInOrder(const Subject& subject, int device) {
  Memory memory;
  FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
  const uint64_t size = PartBytes(subject, *stream);
  FERRY_ASSIGN_OR_RETURN(memory, AllocateOne(subject, device, size));
  for (uint32_t round = 0; round < 20; ++round) {
    const Bytes wanted = Pattern(round, size);
    FERRY_RETURN_IF_ERROR(Send(*stream, memory, wanted));
    FERRY_RETURN_IF_ERROR(
        ExpectReceived(*stream, memory, wanted, absl::StrCat("round ", round)));
  }
  return absl::OkStatus();
}

absl::Status BuffersInUseAreNotReturned(const Subject& subject, int device) {
  std::vector<Memory> memory;
  FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
  FERRY_ASSIGN_OR_RETURN(const char* const first, stream->NextBuffer());
  FERRY_ASSIGN_OR_RETURN(const char* const second, stream->NextBuffer());
  if (first == second) {
    return Failed("NextBuffer returned the same buffer twice");
  }
  for (const char* buffer : {first, second}) {
    if (reinterpret_cast<uintptr_t>(buffer) % 64 != 0) {
      return Failed("a buffer is not aligned to 64 bytes");
    }
  }
  const std::vector<uint64_t> sizes(16, PartBytes(subject, *stream));
  FERRY_ASSIGN_OR_RETURN(memory, AllocateAll(subject, device, sizes));
  for (size_t i = 0; i < memory.size(); ++i) {
    FERRY_RETURN_IF_ERROR(
        Send(*stream, memory[i], Pattern(static_cast<uint32_t>(i), sizes[i])));
  }
  FERRY_RETURN_IF_ERROR(stream->Finish());
  for (size_t i = 0; i < memory.size(); ++i) {
    FERRY_RETURN_IF_ERROR(ExpectHolds(
        subject, memory[i], Pattern(static_cast<uint32_t>(i), sizes[i]),
        absl::StrCat("storage ", i)));
  }
  return absl::OkStatus();
}

// OK if `status` is the error that the storage "bad" brought about.
absl::Status ExpectNamesBad(const absl::Status& status,
                            absl::string_view subject) {
  if (absl::StrContains(status.message(), "storage.bad") &&
      !absl::StrContains(status.message(), "storage.good")) {
    return absl::OkStatus();
  }
  return Failed(absl::StrCat(
      subject, " should name the storage that failed: ", status.ToString()));
}

absl::Status ErrorsNameTheStorage(const Subject& subject, int device) {
  const Bytes bytes = Pattern(1, kLeastBufferBytes);
  FERRY_ASSIGN_OR_RETURN(const Memory good,
                         AllocateOne(subject, device, bytes.size()));
  const Memory bad;  // that nobody gave out
  const std::vector<TransferPiece> pieces = {
      {&good, 0, 0, bytes.size(), "storage.good"},
      {&bad, 0, 0, bytes.size(), "storage.bad"},
      {&good, 0, 0, bytes.size(), "storage.good"}};
  for (bool to_device : {true, false}) {
    FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
    FERRY_ASSIGN_OR_RETURN(char* const buffer, stream->NextBuffer());
    std::memcpy(buffer, bytes.data(), bytes.size());
    absl::Status error = to_device ? stream->ToDevice(buffer, pieces)
                                   : stream->ToHost(pieces, buffer);
    error.Update(stream->Finish());
    if (error.ok()) {
      return Failed(
          "the stream accepted memory that the backend did not allocate");
    }
    FERRY_RETURN_IF_ERROR(ExpectNamesBad(error, "the error"));
    const TransferPiece piece = pieces[0];
    FERRY_RETURN_IF_ERROR(ExpectNamesBad(stream->NextBuffer().status(),
                                         "NextBuffer after an error"));
    FERRY_RETURN_IF_ERROR(ExpectNamesBad(stream->ToDevice(buffer, {piece}),
                                         "ToDevice after an error"));
    FERRY_RETURN_IF_ERROR(ExpectNamesBad(stream->ToHost({piece}, buffer),
                                         "ToHost after an error"));
    FERRY_RETURN_IF_ERROR(
        ExpectNamesBad(stream->Wait(buffer), "Wait after an error"));
    FERRY_RETURN_IF_ERROR(
        ExpectNamesBad(stream->Finish(), "Finish after an error"));
  }
  // And the device goes on.
  FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
  FERRY_RETURN_IF_ERROR(Send(*stream, good, bytes));
  return ExpectReceived(*stream, good, bytes, "after an error");
}

absl::Status EndOfAStreamWaits(const Subject& subject, int device) {
  std::vector<uint64_t> sizes;
  std::vector<Memory> memory;
  {
    FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
    sizes.assign(4, PartBytes(subject, *stream));
    FERRY_ASSIGN_OR_RETURN(memory, AllocateAll(subject, device, sizes));
    for (size_t i = 0; i < memory.size(); ++i) {
      FERRY_RETURN_IF_ERROR(Send(*stream, memory[i],
                                 Pattern(static_cast<uint32_t>(i), sizes[i])));
    }
  }
  for (size_t i = 0; i < memory.size(); ++i) {
    FERRY_RETURN_IF_ERROR(ExpectHolds(
        subject, memory[i], Pattern(static_cast<uint32_t>(i), sizes[i]),
        absl::StrCat("storage ", i, " of a stream that was destroyed")));
  }
  return absl::OkStatus();
}

absl::Status StreamsAreIndependent(const Subject& subject, int device) {
  const int threads = std::max(2, subject.threads);
  std::vector<uint64_t> sizes;
  sizes.reserve(threads);
  for (int i = 0; i < threads; ++i) sizes.push_back(50000 + i);
  FERRY_ASSIGN_OR_RETURN(const std::vector<Memory> memory,
                         AllocateAll(subject, device, sizes));
  return OnThreads(threads, [&](int thread) {
    FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
    const uint64_t size = std::min(stream->buffer_bytes(), sizes[thread]);
    for (uint32_t round = 0; round < 20; ++round) {
      const Bytes wanted = Pattern(thread * 20 + round, size);
      FERRY_RETURN_IF_ERROR(Send(*stream, memory[thread], wanted));
      FERRY_RETURN_IF_ERROR(ExpectReceived(*stream, memory[thread], wanted,
                                           absl::StrCat("round ", round)));
    }
    return absl::OkStatus();
  });
}

absl::Status BuffersOfOtherStreamsMayBeUsed(const Subject& subject,
                                            int device) {
  Memory from, to;
  FERRY_ASSIGN_OR_RETURN(const Stream source, Open(subject, device));
  FERRY_ASSIGN_OR_RETURN(const Stream target, Open(subject, device));
  const Bytes wanted = Pattern(
      1, std::min<uint64_t>(
             50000, std::min(source->buffer_bytes(), target->buffer_bytes())));
  FERRY_ASSIGN_OR_RETURN(from, AllocateOne(subject, device, wanted.size()));
  FERRY_ASSIGN_OR_RETURN(to, AllocateOne(subject, device, wanted.size()));
  FERRY_RETURN_IF_ERROR(Write(subject, from, 0, wanted));
  FERRY_ASSIGN_OR_RETURN(char* const buffer, source->NextBuffer());
  FERRY_RETURN_IF_ERROR(source->ToHost({Whole(from, wanted.size())}, buffer));
  FERRY_RETURN_IF_ERROR(source->Wait(buffer));
  FERRY_RETURN_IF_ERROR(target->ToDevice(buffer, {Whole(to, wanted.size())}));
  FERRY_RETURN_IF_ERROR(target->Wait(buffer));
  return ExpectHolds(subject, to, wanted, "bytes handed from stream to stream");
}

absl::Status StreamsDropBytes(const Subject& subject, int device) {
  FERRY_ASSIGN_OR_RETURN(const Memory memory,
                         AllocateOne(subject, device, kLeastBufferBytes));
  FERRY_ASSIGN_OR_RETURN(const Stream stream, Open(subject, device));
  FERRY_RETURN_IF_ERROR(Send(*stream, memory, Pattern(1, kLeastBufferBytes)));
  FERRY_RETURN_IF_ERROR(stream->Finish());
  FERRY_ASSIGN_OR_RETURN(char* const buffer, stream->NextBuffer());
  absl::Status read =
      stream->ToHost({Whole(memory, kLeastBufferBytes)}, buffer);
  read.Update(stream->Finish());
  return ExpectCode(read, absl::StatusCode::kInvalidArgument,
                    "reading from a device without bytes");
}

constexpr Check kChecks[] = {
    {"S-01", "invalid device indexes do not open a stream", Needs::kDevice,
     OtherIndexesOpenNoStream},
    {"S-02", "transferred bytes are in place once the stream has finished",
     Needs::kBytes, FinishedBytesAreThere},
    {"S-03", "one transfer serves many storages and touches nothing else",
     Needs::kBytes, ManyStoragesInOneCall},
    {"S-04", "a transfer to the host sees the transfers before it",
     Needs::kBytes, TransfersAreInOrder},
    {"S-05", "a staging buffer is not returned while it is in use",
     Needs::kBytes, BuffersInUseAreNotReturned},
    {"S-06", "an error names its storage, and every later call fails with it",
     Needs::kDeviceMemory, ErrorsNameTheStorage},
    {"S-07", "destroying a stream waits for its transfers", Needs::kBytes,
     EndOfAStreamWaits},
    {"S-08", "threads can use separate streams concurrently", Needs::kBytes,
     StreamsAreIndependent},
    {"S-09", "a stream accepts the buffers of another stream", Needs::kBytes,
     BuffersOfOtherStreamsMayBeUsed},
    {"S-10",
     "a stream to a device without bytes discards writes and refuses reads",
     Needs::kNoBytes, StreamsDropBytes},
};

}  // namespace

absl::Span<const Check> StreamChecks() { return kChecks; }

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
