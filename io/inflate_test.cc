// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/inflate.h"

#include <zlib.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/crc32.h"
#include "ferry/io/file.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

std::string Deflate(absl::string_view contents) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                         Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, contents.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(contents.data()));
  stream.avail_in = static_cast<uInt>(contents.size());
  stream.next_out = reinterpret_cast<Bytef*>(&out[0]);
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Inflates a range of a file of "...", then `stored`, then "...".
absl::StatusOr<uint32_t> InflateInto(absl::string_view stored,
                                     uint64_t size_bytes,
                                     uint64_t inflated_bytes,
                                     std::string* out) {
  const std::string bytes = absl::StrCat("...", stored, "...");
  const auto file = MakeMemoryFile(bytes, "some.bin");
  return Inflate(
      *file, {3, size_bytes, inflated_bytes},
      [out](absl::string_view piece) {
        EXPECT_LE(piece.size(), 64 << 10);
        out->append(piece.data(), piece.size());
        return absl::OkStatus();
      },
      [](absl::StatusCode code, absl::string_view what) {
        return absl::Status(code, absl::StrCat("it ", what));
      });
}

TEST(Inflate, GivesTheContentsInOrder) {
  for (const std::string& contents :
       {std::string(), std::string("abc"), std::string(1 << 20, 'x')}) {
    const std::string stored = Deflate(contents);
    std::string out;
    const absl::StatusOr<uint32_t> crc32 =
        InflateInto(stored, stored.size(), contents.size(), &out);
    ASSERT_THAT(crc32, IsOk());
    EXPECT_TRUE(out == contents);
    EXPECT_EQ(*crc32, Crc32(contents));
  }
}

TEST(Inflate, OtherSizesAreDamage) {
  const std::string contents(100000, 'x');
  const std::string stored = Deflate(contents);
  const struct {
    uint64_t size_bytes;
    uint64_t inflated_bytes;
    const char* says;
  } cases[] = {
      {stored.size(), 99999,
       "it inflates to more than the 99999 bytes that are recorded for it"},
      {stored.size(), 100001,
       "it inflates to 100000 bytes, but 100001 are recorded for it"},
      {stored.size() - 1, 100000,
       "it cannot be inflated: its compressed data is cut short"},
      {stored.size() + 2, 100000,
       "it has 2 bytes after the end of its compressed data"},
  };
  for (const auto& c : cases) {
    std::string out;
    const absl::Status status =
        InflateInto(stored, c.size_bytes, c.inflated_bytes, &out).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(status.message(), c.says);
    EXPECT_LE(out.size(), c.inflated_bytes);
  }
  std::string out;
  EXPECT_EQ(InflateInto("\xff\xff\xff", 3, 5, &out).status().message(),
            "it cannot be inflated: its compressed data is damaged");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
