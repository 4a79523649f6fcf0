// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/stream_bytes.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <iostream>
#include <sstream>
#include <streambuf>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(IStreamSourceTest, ReadsAndMoves) {
  std::istringstream stream("0123456789");
  IStreamSource source(&stream, "digits");
  EXPECT_EQ(source.name(), "digits");
  char out[8];
  ASSERT_EQ(*source.Read(absl::MakeSpan(out)), 8u);
  EXPECT_EQ(std::string(out, 8), "01234567");
  // The end is no failure, and can be left again.
  EXPECT_EQ(*source.Read(absl::MakeSpan(out)), 2u);
  EXPECT_EQ(*source.Read(absl::MakeSpan(out)), 0u);
  EXPECT_EQ(*source.Tell(), 10u);
  ASSERT_THAT(source.Seek(3), IsOk());
  EXPECT_EQ(*source.Tell(), 3u);
  ASSERT_THAT(source.SeekToEnd(), IsOk());
  EXPECT_EQ(*source.Tell(), 10u);
  EXPECT_EQ(source.Seek(~uint64_t{0}).code(), absl::StatusCode::kUnavailable);
}

// Can neither seek nor be read.
class BrokenBuffer final : public std::streambuf {
  std::streamsize xsgetn(char*, std::streamsize) override { throw 1; }
  int underflow() override { throw 1; }
};

TEST(IStreamSourceTest, ReportsFailuresWithoutThrowing) {
  BrokenBuffer buffer;
  std::istream stream(&buffer);
  stream.exceptions(std::ios::badbit | std::ios::failbit | std::ios::eofbit);
  IStreamSource source(&stream);
  EXPECT_EQ(source.Tell().status().code(), absl::StatusCode::kUnavailable);
  char out[8];
  EXPECT_EQ(source.Read(absl::MakeSpan(out)).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(source.Seek(0).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(source.SeekToEnd().code(), absl::StatusCode::kUnavailable);
}

TEST(IStreamSourceTest, KeepsTheStreamsExceptions) {
  std::istringstream stream("0123");
  stream.exceptions(std::ios::badbit | std::ios::eofbit);
  IStreamSource source(&stream);
  char out[8];
  EXPECT_EQ(*source.Read(absl::MakeSpan(out)), 4u);
  EXPECT_EQ(stream.exceptions(), std::ios::badbit | std::ios::eofbit);
}

TEST(OStreamSinkTest, Writes) {
  std::ostringstream stream;
  stream << "before ";
  OStreamSink sink(&stream);
  ASSERT_THAT(sink.Write("01"), IsOk());
  ASSERT_THAT(sink.Write(""), IsOk());
  ASSERT_THAT(sink.Write("23"), IsOk());
  ASSERT_THAT(sink.Flush(), IsOk());
  EXPECT_EQ(stream.str(), "before 0123");
}

TEST(OStreamSinkTest, ReportsAFullDisk) {
  std::ofstream stream("/dev/full", std::ios::binary);
  ASSERT_TRUE(stream.is_open());
  stream.exceptions(std::ios::badbit | std::ios::failbit);
  OStreamSink sink(&stream, "/dev/full");
  absl::Status status = sink.Write("0123");
  if (status.ok()) status = sink.Flush();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "/dev/full cannot be written");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
