// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/crc32.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kPieceBytes = 64 * 1024;

}  // namespace

absl::StatusOr<uint32_t> Inflate(
    const RandomAccessFile& file, const DeflatedRange& range,
    absl::FunctionRef<absl::Status(absl::string_view)> consume,
    absl::FunctionRef<absl::Status(absl::StatusCode, absl::string_view)>
        error) {
  uint64_t next = range.offset_bytes;
  const uint64_t end = next + range.size_bytes;
  const auto damaged = [&](absl::string_view what) {
    return error(absl::StatusCode::kDataLoss, what);
  };
  const auto no_memory = [&] {
    return error(absl::StatusCode::kResourceExhausted,
                 "cannot be inflated: out of memory");
  };
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return no_memory();
  const auto release = absl::MakeCleanup([&stream] { inflateEnd(&stream); });
  std::vector<char> deflated(kPieceBytes);
  std::vector<char> contents(kPieceBytes);
  uint64_t inflated_bytes = 0;
  uint32_t crc32 = 0;
  // Where the last call filled its output, it may have more to give.
  bool wants_input = true;
  for (int result = Z_OK; result != Z_STREAM_END;) {
    if (stream.avail_in == 0 && wants_input) {
      const uint64_t size = std::min(end - next, kPieceBytes);
      if (size == 0) {
        return damaged("cannot be inflated: its compressed data is cut short");
      }
      FERRY_RETURN_IF_ERROR(
          file.ReadAt(next, absl::MakeSpan(deflated.data(), size)));
      next += size;
      stream.next_in = reinterpret_cast<Bytef*>(deflated.data());
      stream.avail_in = static_cast<uInt>(size);
    }
    stream.next_out = reinterpret_cast<Bytef*>(contents.data());
    stream.avail_out = static_cast<uInt>(contents.size());
    result = inflate(&stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) return no_memory();
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return damaged("cannot be inflated: its compressed data is damaged");
    }
    wants_input = stream.avail_out != 0;
    const absl::string_view piece(contents.data(),
                                  contents.size() - stream.avail_out);
    if (piece.size() > range.inflated_bytes - inflated_bytes) {
      return damaged(absl::StrCat("inflates to more than the ",
                                  range.inflated_bytes,
                                  " bytes that are recorded for it"));
    }
    inflated_bytes += piece.size();
    crc32 = Crc32Extend(crc32, piece);
    FERRY_RETURN_IF_ERROR(consume(piece));
  }
  if (inflated_bytes != range.inflated_bytes) {
    return damaged(absl::StrCat("inflates to ", inflated_bytes, " bytes, but ",
                                range.inflated_bytes, " are recorded for it"));
  }
  if (stream.avail_in != 0 || next != end) {
    return damaged(absl::StrCat("has ", stream.avail_in + (end - next),
                                " bytes after the end of its compressed data"));
  }
  return crc32;
}

}  // namespace v1
}  // namespace ferry
