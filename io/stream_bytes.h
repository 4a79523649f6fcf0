// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/stream_bytes.h
// -----------------------------------------------------------------------------
//
// Adapters to load from and save to the streams of the standard library.
//
// Example: write two checkpoints, one after the other.
//
//   std::ofstream out("two.bin", std::ios::binary);
//   OStreamSink sink(&out, "two.bin");
//   FERRY_RETURN_IF_ERROR(Save(Value(weight), sink));
//   FERRY_RETURN_IF_ERROR(Save(Value(bias), sink));
#ifndef FERRY_IO_STREAM_BYTES_H_
#define FERRY_IO_STREAM_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/byte_source.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

// IStreamSource
//
// Reads a seekable stream, opened with std::ios::binary, from its current
// position. The stream must outlive the source. If the stream is set to throw
// (`exceptions`), it does not throw during a call, nor ever again once it has
// failed.
//
// Errors: kUnavailable - the stream failed, or cannot seek.
//
// Thread-safety: none.
class IStreamSource final : public ByteSource {
 public:
  explicit IStreamSource(std::istream* stream,
                         absl::string_view name = "<istream>")
      : stream_(stream), name_(name) {}

  absl::string_view name() const override { return name_; }
  absl::StatusOr<size_t> Read(absl::Span<char> out) override;
  absl::StatusOr<uint64_t> Tell() override;
  absl::Status Seek(uint64_t position_bytes) override;
  absl::Status SeekToEnd() override;

 private:
  absl::Status Failed(absl::string_view what) const;

  std::istream* const stream_;
  const std::string name_;
};

// OStreamSink
//
// Writes to a stream, opened with std::ios::binary, at its current position.
// The stream need not be seekable. It must outlive the sink. For exceptions,
// see above.
//
// Errors: kUnavailable - the stream failed. (Streams do not say why.)
//
// Thread-safety: none.
class OStreamSink final : public ByteSink {
 public:
  explicit OStreamSink(std::ostream* stream,
                       absl::string_view name = "<ostream>")
      : stream_(stream), name_(name) {}

  absl::Status Write(absl::string_view bytes) override;
  absl::Status Flush() override;

 private:
  std::ostream* const stream_;
  const std::string name_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_STREAM_BYTES_H_
