// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/crc32.h"

namespace ferry {
namespace zip {
namespace {

constexpr uint64_t kPieceBytes = 64 * 1024;

}  // namespace

absl::Status CheckCrc32(const ReadableBytes& file, const ZipEntry& entry,
                        uint32_t crc32) {
  if (entry.crc32 == 0 || entry.crc32 == crc32) return absl::OkStatus();
  return EntryError(
      absl::StatusCode::kDataLoss, file, entry,
      absl::StrCat("is corrupt: its CRC-32 is ",
                   absl::Hex(crc32, absl::kZeroPad8), ", recorded is ",
                   absl::Hex(entry.crc32, absl::kZeroPad8)));
}

absl::StatusOr<uint32_t> InflateEntry(
    const ReadableBytes& file, const ZipEntry& entry,
    absl::FunctionRef<absl::Status(absl::string_view)> consume) {
  FERRY_ASSIGN_OR_RETURN(uint64_t next, FindContents(file, entry));
  const uint64_t end = next + entry.stored_bytes;
  const auto damaged = [&](absl::string_view what) {
    return EntryError(absl::StatusCode::kDataLoss, file, entry, what);
  };
  const auto no_memory = [&] {
    return EntryError(absl::StatusCode::kResourceExhausted, file, entry,
                      "cannot be inflated: there is no memory for it");
  };
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return no_memory();
  const auto release = absl::MakeCleanup([&stream] { inflateEnd(&stream); });
  std::vector<char> stored(kPieceBytes);
  std::vector<char> contents(kPieceBytes);
  uint64_t inflated_bytes = 0;
  uint32_t crc32 = 0;
  // Where the last call filled its output, it may have more to give.
  bool wants_input = true;
  for (int result = Z_OK; result != Z_STREAM_END;) {
    if (stream.avail_in == 0 && wants_input) {
      const uint64_t size = std::min(end - next, kPieceBytes);
      if (size == 0) return damaged("is cut short: it does not inflate");
      FERRY_RETURN_IF_ERROR(
          file.ReadAt(next, absl::MakeSpan(stored.data(), size)));
      next += size;
      stream.next_in = reinterpret_cast<Bytef*>(stored.data());
      stream.avail_in = static_cast<uInt>(size);
    }
    stream.next_out = reinterpret_cast<Bytef*>(contents.data());
    stream.avail_out = static_cast<uInt>(contents.size());
    result = inflate(&stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) return no_memory();
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return damaged("does not inflate");
    }
    wants_input = stream.avail_out != 0;
    const absl::string_view piece(contents.data(),
                                  contents.size() - stream.avail_out);
    if (piece.size() > entry.size_bytes - inflated_bytes) {
      return damaged(absl::StrCat("inflates to more than its ",
                                  entry.size_bytes, " bytes"));
    }
    inflated_bytes += piece.size();
    crc32 = Crc32Extend(crc32, piece);
    FERRY_RETURN_IF_ERROR(consume(piece));
  }
  if (inflated_bytes != entry.size_bytes) {
    return damaged(absl::StrCat("inflates to ", inflated_bytes,
                                " bytes, not to ", entry.size_bytes));
  }
  if (stream.avail_in != 0 || next != end) {
    return damaged(absl::StrCat("has ", stream.avail_in + (end - next),
                                " bytes that belong to no contents"));
  }
  return crc32;
}

absl::Status ReadEntryInto(const ReadableBytes& file, const ZipEntry& entry,
                           bool verify, absl::Span<char> out) {
  uint32_t crc32 = 0;
  if (entry.deflated) {
    char* next = out.data();
    FERRY_ASSIGN_OR_RETURN(
        crc32, InflateEntry(file, entry, [&next](absl::string_view piece) {
          next = std::copy(piece.begin(), piece.end(), next);
          return absl::OkStatus();
        }));
  } else {
    FERRY_ASSIGN_OR_RETURN(const uint64_t begin, FindContents(file, entry));
    FERRY_RETURN_IF_ERROR(file.ReadAt(begin, out));
    if (verify) crc32 = Crc32({out.data(), out.size()});
  }
  return verify ? CheckCrc32(file, entry, crc32) : absl::OkStatus();
}

absl::StatusOr<std::string> ReadEntry(const ReadableBytes& file,
                                      const ZipEntry& entry, bool verify) {
  if (!CanHaveItsSize(entry)) {
    return EntryError(absl::StatusCode::kDataLoss, file, entry,
                      "cannot inflate to the size that it claims");
  }
  std::string contents(entry.size_bytes, '\0');
  FERRY_RETURN_IF_ERROR(ReadEntryInto(
      file, entry, verify, absl::MakeSpan(&contents[0], contents.size())));
  return contents;
}

bool CanHaveItsSize(const ZipEntry& entry) {
  return !entry.deflated || entry.size_bytes / 1032 <= entry.stored_bytes;
}

}  // namespace zip
}  // namespace ferry
