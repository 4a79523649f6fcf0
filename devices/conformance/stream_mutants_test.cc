// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Backends whose streams go wrong.

#include <algorithm>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/conformance/mutants.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/transfer_stream.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Pieces = absl::Span<const TransferPiece>;
using OwnedStream = std::unique_ptr<TransferStream>;

FakeBackend::Options Delayed() {
  FakeBackend::Options options;
  options.delays_transfers = true;
  return options;
}

// Hands on to a stream of the fake what a mutant does not override.
class StreamMutant : public TransferStream {
 public:
  StreamMutant(FakeBackend& backend, OwnedStream stream)
      : backend_(backend), stream_(std::move(stream)) {}

  uint64_t buffer_bytes() const override { return stream_->buffer_bytes(); }
  absl::StatusOr<char*> NextBuffer() override { return stream_->NextBuffer(); }
  absl::Status ToDevice(const char* buffer, Pieces pieces) override {
    return stream_->ToDevice(buffer, pieces);
  }
  absl::Status ToHost(Pieces pieces, char* buffer) override {
    return stream_->ToHost(pieces, buffer);
  }
  absl::Status Wait(const char* buffer) override {
    return stream_->Wait(buffer);
  }
  absl::Status Finish() override { return stream_->Finish(); }

 protected:
  FakeBackend& backend_;
  const OwnedStream stream_;
};

// A fake whose transfers are delayed and whose streams are mutants.
template <typename Mutant>
class WithStreams : public FakeBackend {
 public:
  WithStreams() : FakeBackend(Delayed()) {}
  explicit WithStreams(Options options) : FakeBackend(std::move(options)) {}

  absl::StatusOr<OwnedStream> OpenStream(int index) override {
    absl::StatusOr<OwnedStream> stream = FakeBackend::OpenStream(index);
    if (!stream.ok()) return stream;
    return std::make_unique<Mutant>(*this, *std::move(stream));
  }
};

TEST(StreamMutantsTest, WhatIsNotOverriddenIsRight) {
  WithStreams<StreamMutant> backend;
  EXPECT_EQ(FailedChecks(backend), Ids());
}

TEST(StreamMutantsTest, EveryIndexHasStreams) {
  struct Mutant : FakeBackend {
    absl::StatusOr<OwnedStream> OpenStream(int index) override {
      return FakeBackend::OpenStream(std::min(std::max(index, 0), 1));
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-01"}));
}

// The checks that open a stream on a device with bytes.
Ids ChecksWithStreams() {
  return {"S-02", "S-03", "S-04", "S-05", "S-06", "S-07", "S-08", "S-09"};
}

TEST(StreamMutantsTest, StreamsAreNull) {
  struct Mutant : FakeBackend {
    absl::StatusOr<OwnedStream> OpenStream(int index) override {
      FERRY_RETURN_IF_ERROR(FakeBackend::OpenStream(index).status());
      return OwnedStream();
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), ChecksWithStreams());
}

TEST(StreamMutantsTest, BuffersAreTooSmall) {
  for (bool has_bytes : {true, false}) {
    FakeBackend::Options options;
    options.has_bytes = has_bytes;
    options.stream_buffer_bytes = 64;
    FakeBackend least(options);
    EXPECT_EQ(FailedChecks(least), Ids());
    options.stream_buffer_bytes = 63;
    FakeBackend mutant(options);
    EXPECT_EQ(FailedChecks(mutant),
              has_bytes ? ChecksWithStreams() : Ids({"S-10"}));
  }
}

TEST(StreamMutantsTest, FinishDoesNotWait) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status Finish() override { return absl::OkStatus(); }
  };
  WithStreams<Mutant> mutant;
  EXPECT_TRUE(IsCaughtBy("S-02", mutant));
}

TEST(StreamMutantsTest, OffsetInTheMemoryIsForgotten) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status ToDevice(const char* buffer, Pieces pieces) override {
      TransferPiece piece = pieces[0];
      if (pieces.size() != 1) return stream_->ToDevice(buffer, pieces);
      piece.offset_bytes = 0;
      return stream_->ToDevice(buffer, {piece});
    }
  };
  WithStreams<Mutant> mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-02"}));
}

TEST(StreamMutantsTest, OnlyOneStorageToATransfer) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status ToDevice(const char* buffer, Pieces pieces) override {
      return stream_->ToDevice(buffer, pieces.subspan(0, 1));
    }
  };
  WithStreams<Mutant> mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-03", "S-06"}));
}

TEST(StreamMutantsTest, WholeBufferIsWritten) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status ToHost(Pieces pieces, char* buffer) override {
      for (const TransferPiece& piece : pieces) {
        buffer[piece.buffer_offset_bytes + piece.size_bytes] = 0;
      }
      return stream_->ToHost(pieces, buffer);
    }
  };
  WithStreams<Mutant> mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-03"}));
}

TEST(StreamMutantsTest, TransfersToTheHostOvertakeOthers) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status ToHost(Pieces pieces, char* buffer) override {
      for (const TransferPiece& piece : pieces) {
        FERRY_RETURN_IF_ERROR(backend_.CopyToHost(
            *piece.memory, piece.offset_bytes,
            buffer + piece.buffer_offset_bytes, piece.size_bytes));
      }
      return absl::OkStatus();
    }
  };
  WithStreams<Mutant> mutant;
  EXPECT_TRUE(IsCaughtBy("S-04", mutant));
}

TEST(StreamMutantsTest, WaitDoesNotWait) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status Wait(const char*) override { return absl::OkStatus(); }
  };
  WithStreams<Mutant> mutant;
  EXPECT_TRUE(IsCaughtBy("S-04", mutant));
}

TEST(StreamMutantsTest, ThereIsOneBuffer) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::StatusOr<char*> NextBuffer() override {
      FERRY_RETURN_IF_ERROR(stream_->Finish());
      if (buffer_ != nullptr) return buffer_;
      absl::StatusOr<char*> buffer = stream_->NextBuffer();
      if (buffer.ok()) buffer_ = *buffer;
      return buffer;
    }
    char* buffer_ = nullptr;
  };
  WithStreams<Mutant> mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-05"}));
}

TEST(StreamMutantsTest, BuffersAreReturnedWhileTheyAreInUse) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::StatusOr<char*> NextBuffer() override {
      char*& buffer = buffers_[calls_++ % 2];
      if (buffer != nullptr) return buffer;
      const absl::StatusOr<char*> made = stream_->NextBuffer();
      if (made.ok()) buffer = *made;
      return made;
    }
    char* buffers_[2] = {};
    int calls_ = 0;
  };
  WithStreams<Mutant> mutant;
  EXPECT_TRUE(IsCaughtBy("S-05", mutant));
}

TEST(StreamMutantsTest, BuffersAreMisaligned) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    uint64_t buffer_bytes() const override {
      return stream_->buffer_bytes() - 32;
    }
    absl::StatusOr<char*> NextBuffer() override {
      FERRY_ASSIGN_OR_RETURN(char* const buffer, stream_->NextBuffer());
      return buffer + 32;
    }
    absl::Status Wait(const char*) override { return stream_->Finish(); }
  };
  FakeBackend::Options options;
  WithStreams<Mutant> mutant(options);
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-05"}));
}

TEST(StreamMutantsTest, ErrorsNameNoStorage) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status Finish() override {
      const absl::Status status = stream_->Finish();
      return status.ok() ? status
                         : absl::Status(status.code(), "a copy failed");
    }
  };
  WithStreams<Mutant> mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-06"}));
}

TEST(StreamMutantsTest, ErrorsNameTheFirstStorageOfTheTransfer) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status ToDevice(const char* buffer, Pieces pieces) override {
      std::vector<TransferPiece> renamed(pieces.begin(), pieces.end());
      for (TransferPiece& piece : renamed) piece.name = pieces[0].name;
      return stream_->ToDevice(buffer, renamed);
    }
  };
  WithStreams<Mutant> mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-06"}));
}

enum class Method { kNextBuffer, kToDevice, kToHost, kWait, kFinish };

// Returns an error once. Afterwards one method returns OK.
template <Method forgetful>
class ForgetfulStream : public StreamMutant {
 public:
  using StreamMutant::StreamMutant;
  absl::StatusOr<char*> NextBuffer() override {
    const absl::StatusOr<char*> buffer = stream_->NextBuffer();
    if (buffer.ok()) buffer_ = *buffer;
    FERRY_RETURN_IF_ERROR(Forget(Method::kNextBuffer, buffer.status()));
    return buffer_;
  }
  absl::Status ToDevice(const char* buffer, Pieces pieces) override {
    return Forget(Method::kToDevice, stream_->ToDevice(buffer, pieces));
  }
  absl::Status ToHost(Pieces pieces, char* buffer) override {
    return Forget(Method::kToHost, stream_->ToHost(pieces, buffer));
  }
  absl::Status Wait(const char* buffer) override {
    return Forget(Method::kWait, stream_->Wait(buffer));
  }
  absl::Status Finish() override {
    return Forget(Method::kFinish, stream_->Finish());
  }

 private:
  absl::Status Forget(Method method, absl::Status status) {
    const bool had_failed = has_failed_;
    has_failed_ |= !status.ok();
    return had_failed && method == forgetful ? absl::OkStatus() : status;
  }

  char* buffer_ = nullptr;
  bool has_failed_ = false;
};

template <Method forgetful>
Ids FailedChecksOfForgetful() {
  WithStreams<ForgetfulStream<forgetful>> mutant;
  return FailedChecks(mutant);
}

TEST(StreamMutantsTest, ErrorsAreForgotten) {
  const Ids wanted({"S-06"});
  EXPECT_EQ(FailedChecksOfForgetful<Method::kNextBuffer>(), wanted);
  EXPECT_EQ(FailedChecksOfForgetful<Method::kToDevice>(), wanted);
  EXPECT_EQ(FailedChecksOfForgetful<Method::kToHost>(), wanted);
  EXPECT_EQ(FailedChecksOfForgetful<Method::kWait>(), wanted);
  EXPECT_EQ(FailedChecksOfForgetful<Method::kFinish>(), wanted);
}

TEST(StreamMutantsTest, EndDropsTheLastTransfer) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::StatusOr<char*> NextBuffer() override {
      FERRY_RETURN_IF_ERROR(Flush());
      return stream_->NextBuffer();
    }
    absl::Status ToDevice(const char* buffer, Pieces pieces) override {
      FERRY_RETURN_IF_ERROR(Flush());
      buffer_ = buffer;
      pieces_.assign(pieces.begin(), pieces.end());
      return absl::OkStatus();
    }
    absl::Status ToHost(Pieces pieces, char* buffer) override {
      FERRY_RETURN_IF_ERROR(Flush());
      return stream_->ToHost(pieces, buffer);
    }
    absl::Status Wait(const char* buffer) override {
      FERRY_RETURN_IF_ERROR(Flush());
      return stream_->Wait(buffer);
    }
    absl::Status Finish() override {
      FERRY_RETURN_IF_ERROR(Flush());
      return stream_->Finish();
    }
    absl::Status Flush() {
      const std::vector<TransferPiece> pieces = std::move(pieces_);
      pieces_.clear();
      return stream_->ToDevice(buffer_, pieces);
    }
    const char* buffer_ = nullptr;
    std::vector<TransferPiece> pieces_;
  };
  WithStreams<Mutant> mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-07"}));
}

TEST(StreamMutantsTest, OnlyOneThreadMayOpenStreams) {
  struct Mutant : FakeBackend {
    absl::StatusOr<OwnedStream> OpenStream(int index) override {
      if (std::this_thread::get_id() != thread) {
        return absl::FailedPreconditionError("no context on this thread");
      }
      return FakeBackend::OpenStream(index);
    }
    const std::thread::id thread = std::this_thread::get_id();
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-08"}));
}

TEST(StreamMutantsTest, BuffersOfOthersAreRefused) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::StatusOr<char*> NextBuffer() override {
      absl::StatusOr<char*> buffer = stream_->NextBuffer();
      if (buffer.ok()) buffers_.insert(*buffer);
      return buffer;
    }
    absl::Status ToDevice(const char* buffer, Pieces pieces) override {
      if (buffers_.count(buffer) == 0) {
        return absl::InvalidArgumentError("the buffer is not pinned");
      }
      return stream_->ToDevice(buffer, pieces);
    }
    std::set<const char*> buffers_;
  };
  WithStreams<Mutant> mutant;
  EXPECT_TRUE(IsCaughtBy("S-09", mutant));
}

TEST(StreamMutantsTest, ByteslessStreamGivesBytes) {
  struct Mutant : StreamMutant {
    using StreamMutant::StreamMutant;
    absl::Status ToHost(Pieces, char*) override { return absl::OkStatus(); }
  };
  FakeBackend::Options options;
  options.has_bytes = false;
  WithStreams<Mutant> mutant(options);
  EXPECT_EQ(FailedChecks(mutant), Ids({"S-10"}));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
