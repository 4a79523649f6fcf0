// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/stream_pool.h"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/transfer/tuning.h"

namespace ferry {
inline namespace v1 {
absl::StatusOr<StreamPool::Lease> StreamPool::Take(Backend& backend,
                                                   int index) {
  const Lease::Key key(&backend, index);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Streams& streams = streams_[key];
    if (!streams.idle.empty()) {
      std::unique_ptr<TransferStream> stream = std::move(streams.idle.back());
      streams.idle.pop_back();
      return Lease(this, key, std::move(stream));
    }
    streams.idle.reserve(++streams.num_opened);
  }
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<TransferStream> stream,
                         backend.OpenStream(index));
  if (UsableBytes(stream->buffer_bytes()) == 0) {
    return absl::InternalError(
        absl::StrCat("the backend of ", backend.type(),
                     " has staging buffers of ", stream->buffer_bytes(),
                     " bytes; at least ", kStagingAlignment, " are needed"));
  }
  return Lease(this, key, std::move(stream));
}

void StreamPool::Return(Lease::Key key,
                        std::unique_ptr<TransferStream> stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  streams_[key].idle.push_back(std::move(stream));  // `Take` has made room
}

absl::Status StreamPool::Finish() {
  const std::lock_guard<std::mutex> lock(mutex_);
  absl::Status status = absl::OkStatus();
  for (auto& [key, streams] : streams_) {
    for (const std::unique_ptr<TransferStream>& stream : streams.idle) {
      status.Update(stream->Finish());
    }
  }
  return status;
}

}  // namespace v1
}  // namespace ferry
