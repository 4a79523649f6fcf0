// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loading from other places than whole files: a program's own source, streams,
// a part of a larger file.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/byte_source.h"
#include "ferry/io/fd_sink.h"
#include "ferry/io/file.h"
#include "ferry/io/file_range.h"
#include "ferry/io/stream_bytes.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::Each;
using testing::HasSubstr;

// Tensors of several pieces, and small ones between them: enough that a file
// would be read by several threads.
constexpr int kNumTensors = 8;
constexpr int64_t kLarge = int64_t{3} << 20;

int64_t SizeOf(int i) { return i % 2 == 0 ? kLarge : 3; }

Value Sample() {
  const Value list = Value::List();
  for (int i = 0; i < kNumTensors; ++i) {
    std::vector<int32_t> elements(static_cast<size_t>(SizeOf(i)));
    for (size_t k = 0; k < elements.size(); ++k) {
      elements[k] = static_cast<int32_t>(k) + i;
    }
    EXPECT_THAT(list.Append(*Tensor::FromData<int32_t>(elements, {SizeOf(i)})),
                IsOk());
  }
  return list;
}

void ExpectSample(const absl::StatusOr<Value>& value) {
  ASSERT_THAT(value, IsOk());
  ASSERT_EQ(value->size(), kNumTensors);
  for (int i = 0; i < kNumTensors; ++i) {
    const absl::StatusOr<Tensor> tensor = value->Item(i)->AsTensor();
    ASSERT_THAT(tensor, IsOk());
    ASSERT_EQ(tensor->num_elements(), SizeOf(i));
    const auto* elements = static_cast<const int32_t*>(tensor->data());
    for (int64_t k = 0; k < SizeOf(i); ++k) ASSERT_EQ(elements[k], k + i);
  }
}

// Writes down how it is used.
class WatchedSource final : public ByteSource {
 public:
  explicit WatchedSource(absl::string_view bytes) : memory_(bytes) {}

  absl::string_view name() const override { return "watched"; }
  absl::StatusOr<size_t> Read(absl::Span<char> out) override {
    threads.push_back(std::this_thread::get_id());
    if (reads_left == 0) return absl::UnavailableError("unplugged");
    if (reads_left > 0) --reads_left;
    const uint64_t position = *memory_.Tell();
    // More than it takes to look for the end of a zip archive.
    if (out.size() > (128 << 10)) large_reads.push_back(position);
    bytes_read += out.size();
    return memory_.Read(out);
  }
  absl::StatusOr<uint64_t> Tell() override { return memory_.Tell(); }
  absl::Status Seek(uint64_t position) override {
    return memory_.Seek(position);
  }
  absl::Status SeekToEnd() override { return memory_.SeekToEnd(); }

  std::vector<std::thread::id> threads;
  std::vector<uint64_t> large_reads;
  uint64_t bytes_read = 0;
  int reads_left = -1;

 private:
  MemorySource memory_;
};

TEST(LoadSourceTest, ReadsFromThePositionInOrderOnThisThread) {
  const std::string file = absl::StrCat("header", *SaveToString(Sample()));
  WatchedSource source(file);
  ASSERT_THAT(source.Seek(6), IsOk());
  ExpectSample(Load(source));
  EXPECT_THAT(source.threads, Each(std::this_thread::get_id()));
  ASSERT_GT(source.large_reads.size(), 4u);
  EXPECT_TRUE(
      std::is_sorted(source.large_reads.begin(), source.large_reads.end()));
  EXPECT_EQ(*source.Tell(), file.size());
}

TEST(LoadSourceTest, PassesOnWhatTheSourceSays) {
  const std::string file = *SaveToString(Sample());
  for (int reads : {0, 1, 5, 20}) {
    WatchedSource source(file);
    source.reads_left = reads;
    const absl::Status status = Load(source).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << reads;
    EXPECT_THAT(std::string(status.message()), HasSubstr("unplugged"));
  }
  MemorySource cut(absl::string_view(file).substr(0, file.size() / 2));
  EXPECT_EQ(Load(cut).status().code(), absl::StatusCode::kDataLoss);
  MemorySource nothing("");
  EXPECT_EQ(Load(nothing).status().code(), absl::StatusCode::kDataLoss);
}

TEST(LoadSourceTest, ReadsAStreamAndWritesOne) {
  std::stringstream stream;
  stream << "header";
  OStreamSink sink(&stream);
  ASSERT_THAT(Save(Sample(), sink), IsOk());
  stream.seekg(6);
  IStreamSource source(&stream);
  ExpectSample(Load(source));
}

TEST(LoadSourceTest, APlaceThatIsToldNeedsNoSeekingThere) {
  const std::string bytes = absl::StrCat("header", *SaveToString(Sample()));
  LoadOptions options;
  options.offset_bytes = 6;
  ExpectSample(LoadMemory(bytes, options));
  const std::string path = absl::StrCat(testing::TempDir(), "/bundle.bin");
  WriteFile(path, bytes);
  ExpectSample(Load(path, options));
  MemorySource source(bytes);
  ASSERT_THAT(source.Seek(2), IsOk());
  options.offset_bytes = 4;
  ExpectSample(Load(source, options));
  EXPECT_EQ(*source.Tell(), bytes.size());
  options.offset_bytes = bytes.size() + 1;
  EXPECT_EQ(LoadMemory(bytes, options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(LoadSourceTest, LegacyStreamsOneAfterAnother) {
  std::string file = "header";
  StringSink sink(&file);
  SaveOptions options;
  options.container = Container::kLegacy;
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(Save(Value::List({Value(i), Sample()}), sink, options), IsOk());
  }
  MemorySource source(file);
  ASSERT_THAT(source.Seek(6), IsOk());
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<Value> value = Load(source);
    ASSERT_THAT(value, IsOk());
    EXPECT_EQ(*value->Item(0)->AsInt(), i);
    ExpectSample(value->Item(1));
  }
  EXPECT_EQ(*source.Tell(), file.size());
}

TEST(LoadSourceTest, VerifiesOnThisThread) {
  const std::string file = *SaveToString(Sample());
  WatchedSource source(file);
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> bytes = OpenSource(&source);
  ASSERT_THAT(bytes, IsOk());
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(*std::move(bytes));
  ASSERT_THAT(checkpoint, IsOk());
  const absl::StatusOr<std::vector<RecordVerdict>> verdicts =
      checkpoint->Verify();
  ASSERT_THAT(verdicts, IsOk());
  for (const RecordVerdict& verdict : *verdicts) {
    EXPECT_EQ(verdict.outcome, RecordVerdict::kVerified) << verdict.record;
  }
  EXPECT_GT(source.bytes_read, kNumTensors / 2 * kLarge * 4);
  EXPECT_THAT(source.threads, Each(std::this_thread::get_id()));
}

TEST(LoadSourceTest, ErrorsSayWhereInTheLargerFile) {
  ZipBuilder zip = SmallCheckpoint();
  zip.record("my.model/data/0").crc32 ^= 1;
  LoadOptions options;
  options.offset_bytes = 3;
  const absl::Status status =
      LoadMemory(absl::StrCat("xxx", zip.Build()), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("from byte 3"));
}

TEST(LoadSourceTest, APartInTheMiddleOfAFile) {
  const std::string first = *SaveToString(Value(1));
  const std::string second = *SaveToString(Sample());
  const std::string all = absl::StrCat(first, second, first);
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> range =
      OpenRange(MakeMemoryFile(all, "three.bin"), first.size(), second.size());
  ASSERT_THAT(range, IsOk());
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(*std::move(range));
  ASSERT_THAT(checkpoint, IsOk());
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  ExpectSample(checkpoint->root());
}

TEST(LoadSourceTest, ListingReadsTheDirectoryAndThePickleAlone) {
  const std::string file = *SaveToString(Sample());
  WatchedSource source(file);
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> bytes = OpenSource(&source);
  ASSERT_THAT(bytes, IsOk());
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(*std::move(bytes));
  ASSERT_THAT(checkpoint, IsOk());
  // What it takes to list what is there: the directory, which is looked for in
  // the last 64 KiB, and the pickle.
  EXPECT_LT(source.bytes_read, 80u << 10);
  EXPECT_EQ(checkpoint->storages().size(), kNumTensors);
  const absl::StatusOr<Tensor> small = checkpoint->root().Item(1)->AsTensor();
  ASSERT_THAT(small, IsOk());
  EXPECT_EQ(small->num_elements(), SizeOf(1));
  EXPECT_LT(source.bytes_read, 80u << 10);
  // And one tensor takes no other's bytes.
  ASSERT_THAT(checkpoint->Load({small->storage()}), IsOk());
  EXPECT_LT(source.bytes_read, 90u << 10);
  EXPECT_EQ(static_cast<const int32_t*>(small->data())[2], 3);
}

TEST(SaveSinkTest, APipeNeedsNoSeeking) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::string received;
  std::thread reader([&] {
    char buffer[1 << 16];
    ssize_t got;
    while ((got = read(ends[0], buffer, sizeof(buffer))) > 0) {
      received.append(buffer, static_cast<size_t>(got));
    }
  });
  FdSink sink(ends[1]);
  EXPECT_THAT(Save(Sample(), sink), IsOk());
  close(ends[1]);
  reader.join();
  close(ends[0]);
  ExpectSample(LoadMemory(received));
}

TEST(SaveSinkTest, AFullDeviceIsSaidToBeFull) {
  const int fd = open("/dev/full", O_WRONLY);
  ASSERT_GE(fd, 0);
  FdSink sink(fd, "/dev/full");
  EXPECT_EQ(Save(Sample(), sink).code(), absl::StatusCode::kResourceExhausted);
  close(fd);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
