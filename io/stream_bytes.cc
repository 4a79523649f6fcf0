// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/stream_bytes.h"

#include <ios>
#include <limits>

#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {
namespace {

// Keeps a stream from throwing. What the stream turned to meanwhile is left as
// it is; its exceptions come back on without being thrown for it.
class WithoutExceptions {
 public:
  explicit WithoutExceptions(std::ios* stream)
      : stream_(stream), mask_(stream->exceptions()) {
    stream_->exceptions(std::ios::goodbit);
  }
  ~WithoutExceptions() {
    // Setting a mask throws if the state is in it.
    if ((stream_->rdstate() & mask_) == 0) stream_->exceptions(mask_);
  }

 private:
  std::ios* const stream_;
  const std::ios::iostate mask_;
};

}  // namespace

absl::Status IStreamSource::Failed(absl::string_view what) const {
  return absl::UnavailableError(absl::StrCat(name_, " cannot ", what));
}

absl::StatusOr<size_t> IStreamSource::Read(absl::Span<char> out) {
  const WithoutExceptions quiet(stream_);
  stream_->read(out.data(), static_cast<std::streamsize>(out.size()));
  if (stream_->bad()) return Failed("be read");
  const auto got = static_cast<size_t>(stream_->gcount());
  // Short of what was asked for is no failure here.
  if (stream_->eof()) stream_->clear();
  return got;
}

absl::StatusOr<uint64_t> IStreamSource::Tell() {
  const WithoutExceptions quiet(stream_);
  const std::streamoff position = stream_->tellg();
  if (position < 0) {
    return Failed("report its position; read its contents into memory first");
  }
  return static_cast<uint64_t>(position);
}

absl::Status IStreamSource::Seek(uint64_t position_bytes) {
  const WithoutExceptions quiet(stream_);
  constexpr auto kMax =
      static_cast<uint64_t>(std::numeric_limits<std::streamoff>::max());
  if (position_bytes > kMax ||
      !stream_->seekg(static_cast<std::streamoff>(position_bytes))) {
    return Failed(absl::StrCat("seek to ", position_bytes));
  }
  return absl::OkStatus();
}

absl::Status IStreamSource::SeekToEnd() {
  const WithoutExceptions quiet(stream_);
  if (!stream_->seekg(0, std::ios::end)) return Failed("seek to its end");
  return absl::OkStatus();
}

absl::Status OStreamSink::Write(absl::string_view bytes) {
  const WithoutExceptions quiet(stream_);
  stream_->write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!*stream_) {
    return absl::UnavailableError(absl::StrCat(name_, " cannot be written"));
  }
  return absl::OkStatus();
}

absl::Status OStreamSink::Flush() {
  const WithoutExceptions quiet(stream_);
  if (!stream_->flush()) {
    return absl::UnavailableError(absl::StrCat(name_, " cannot be written"));
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
