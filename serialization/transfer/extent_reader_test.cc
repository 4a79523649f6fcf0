// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/extent_reader.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/testing/pattern.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

// Counts the reads.
class CountingMemory final : public RandomAccessFile {
 public:
  explicit CountingMemory(absl::string_view bytes)
      : memory_(MakeMemoryFile(bytes, "some.zip")) {}
  absl::string_view name() const override { return memory_->name(); }
  uint64_t size_bytes() const override { return memory_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    ++reads_;
    bytes_ += out.size();
    return memory_->ReadAt(offset_bytes, out);
  }
  int reads() const { return reads_; }
  uint64_t bytes() const { return bytes_; }

 private:
  std::unique_ptr<RandomAccessFile> memory_;
  mutable std::atomic<int> reads_{0};
  mutable std::atomic<uint64_t> bytes_{0};
};

// An archive whose records "0", "1", ... are to be read, into host memory or
// onto a device.
class ExtentReaderTest : public testing::Test {
 protected:
  void Build() {
    bytes_ = zip_.Build();
    file_ = std::make_unique<CountingMemory>(bytes_);
    absl::StatusOr<zip::ZipDirectory> directory = zip::ZipDirectory::Read(
        *MakeMemoryFile(bytes_, "some.zip"), Budget::Unlimited());
    ASSERT_THAT(directory, IsOk());
    directory_ = std::make_unique<zip::ZipDirectory>(*std::move(directory));
  }

  // Adds the read of a record, of all of its bytes or of the first so many.
  void AddRead(absl::string_view name, int64_t size_bytes = -1) {
    const Extent* const record = directory_->Find(name);
    ASSERT_NE(record, nullptr);
    Extent extent = *record;
    if (size_bytes >= 0) extent.size_bytes = static_cast<uint64_t>(size_bytes);
    AddRead(extent);
  }
  void AddRead(const Extent& extent) {
    Memory memory;
    const absl::Status status =
        backend_ != nullptr
            ? backend_->Allocate(0, {extent.size_bytes}, {&memory, 1})
            : AllocateHostMemory({extent.size_bytes}, {&memory, 1});
    ASSERT_THAT(status, IsOk());
    extents_.push_back(extent);
    memory_.push_back(std::move(memory));
  }

  void Clear() {
    extents_.clear();
    memory_.clear();
  }

  absl::Status Read() {
    std::vector<ExtentRead> reads(extents_.size());
    for (size_t i = 0; i < reads.size(); ++i) {
      reads[i].extent = &extents_[i];
      if (backend_ != nullptr) {
        reads[i].device = {backend_.get(), 0, &memory_[i], 0};
      } else {
        reads[i].host = static_cast<char*>(memory_[i].data);
      }
    }
    options_.control = &control_;
    return ReadExtents({file_.get()}, reads, options_);
  }

  std::string Got(size_t i) const {
    std::string bytes(extents_[i].size_bytes, '\0');
    if (bytes.empty()) return bytes;
    if (backend_ != nullptr) {
      const absl::Status status =
          backend_->CopyToHost(memory_[i], 0, &bytes[0], bytes.size());
      EXPECT_THAT(status, IsOk());
    } else {
      std::memcpy(&bytes[0], memory_[i].data, bytes.size());
    }
    return bytes;
  }

  ZipBuilder zip_;
  std::string bytes_;
  std::unique_ptr<CountingMemory> file_;
  std::unique_ptr<zip::ZipDirectory> directory_;
  std::shared_ptr<FakeBackend> backend_;
  std::vector<Extent> extents_;
  std::vector<Memory> memory_;  // of each
  TransferControl control_;
  ExtentReadOptions options_;
};

// Sizes around every boundary: batches, small and large records, pieces.
const size_t kSizes[] = {0,       1,         100,    4096,    1 << 20,
                         1000000, 3 << 20,   5,      8 << 20, (8 << 20) + 3,
                         64,      700000,    700001, 0,       (1 << 20) - 80,
                         17,      (17 << 20)};

// A device whose transfers are put off until somebody waits, and whose buffers
// are of an odd size.
FakeBackend::Options Overlapping(uint64_t buffer_bytes) {
  FakeBackend::Options options;
  options.delays_transfers = true;
  options.stream_buffer_bytes = buffer_bytes;
  return options;
}

enum class Where { kHost, kDevice, kOverlapping };

class EverySize : public ExtentReaderTest,
                  public testing::WithParamInterface<Where> {};

TEST_P(EverySize, ArrivesWhereItBelongs) {
  if (GetParam() == Where::kDevice) backend_ = std::make_shared<FakeBackend>();
  if (GetParam() == Where::kOverlapping) {
    backend_ = std::make_shared<FakeBackend>(Overlapping(100003));
  }
  for (size_t i = 0; i < std::size(kSizes); ++i) {
    const std::string contents = Pattern(kSizes[i], static_cast<int>(i));
    if (i % 5 == 3) {
      zip_.AddDeflated(absl::StrCat(i), contents);
    } else {
      zip_.Add(absl::StrCat(i), contents);
    }
  }
  Build();
  // In no order of the file.
  std::vector<size_t> order;
  for (size_t i = 0; i < std::size(kSizes); ++i) {
    order.push_back(i * 7 % std::size(kSizes));
  }
  for (size_t i : order) AddRead(absl::StrCat(i));
  ASSERT_THAT(Read(), IsOk());
  for (size_t k = 0; k < order.size(); ++k) {
    EXPECT_TRUE(Got(k) == Pattern(kSizes[order[k]], static_cast<int>(order[k])))
        << order[k];
  }
}

INSTANTIATE_TEST_SUITE_P(HostAndDevice, EverySize,
                         testing::Values(Where::kHost, Where::kDevice,
                                         Where::kOverlapping),
                         [](const testing::TestParamInfo<Where>& info) {
                           return info.param == Where::kHost ? "Host"
                                  : info.param == Where::kDevice
                                      ? "Device"
                                      : "Overlapping";
                         });

TEST_F(ExtentReaderTest, DevicesTakeManyStoragesAtOnceWhileMoreAreRead) {
  backend_ = std::make_shared<FakeBackend>(Overlapping(1 << 20));
  for (int i = 0; i < 1000; ++i) zip_.Add(absl::StrCat(i), Pattern(256, i));
  zip_.Add("1000", Pattern(20 << 20, 1000));
  Build();
  for (int i = 0; i <= 1000; ++i) AddRead(absl::StrCat(i));
  ResetPeakStagingBytes();
  const uint64_t staging_before = LiveStagingBytes();
  ASSERT_THAT(Read(), IsOk());
  // The small ones by two transfers, the large one by 20 or, where two threads
  // share its pieces of 8 MiB, as many.
  EXPECT_LE(backend_->transfer_count(), 30);
  EXPECT_EQ(backend_->most_transfers_under_way(), 2);
  // Two buffers for each thread, whatever the size.
  EXPECT_LE(PeakStagingBytes() - staging_before,
            static_cast<uint64_t>(GetNumThreads()) * (2 << 20));
  EXPECT_EQ(LiveStagingBytes(), staging_before);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(Got(i) == Pattern(256, i)) << i;
  EXPECT_TRUE(Got(1000) == Pattern(20 << 20, 1000));
}

TEST_F(ExtentReaderTest, TheByteOrderIsReversedInEveryBuffer) {
  backend_ = std::make_shared<FakeBackend>(Overlapping(100003));
  zip_.Add("0", Pattern(13, 0));  // so that the next does not begin at 0
  zip_.Add("1", Pattern(150000, 1));
  zip_.AddDeflated("2", Pattern(300000, 2));
  zip_.Add("3", Pattern(8000000, 3));
  Build();
  for (int i = 0; i < 4; ++i) {
    AddRead(absl::StrCat(i));
    extents_.back().swap_unit_bytes = 8;
  }
  ASSERT_THAT(Read(), IsOk());
  for (const auto& [i, size] : std::vector<std::pair<int, size_t>>{
           {1, 150000}, {2, 300000}, {3, 8000000}}) {
    std::string expected = Pattern(size, i);
    for (size_t k = 0; k < size; k += 8) {
      std::reverse(expected.begin() + k, expected.begin() + k + 8);
    }
    EXPECT_TRUE(Got(i) == expected) << i;
  }
}

TEST_F(ExtentReaderTest, SmallNeighboursAreReadTogether) {
  for (int i = 0; i < 1000; ++i) zip_.Add(absl::StrCat(i), Pattern(256, i));
  Build();
  for (int i = 0; i < 1000; ++i) AddRead(absl::StrCat(i));
  ASSERT_THAT(Read(), IsOk());
  // 330 KiB, of which one read takes at most 256 KiB.
  EXPECT_EQ(file_->reads(), 2);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(Got(i) == Pattern(256, i)) << i;
}

TEST_F(ExtentReaderTest, GapsAreNotReadIfTheyAreLarge) {
  zip_.Add("0", Pattern(256, 0));
  zip_.Add("small gap", std::string(1000, 'x'));
  zip_.Add("1", Pattern(256, 1));
  zip_.Add("gap", std::string(10 << 20, 'x'));
  zip_.Add("2", Pattern(256, 2));
  Build();
  for (int i = 0; i < 3; ++i) AddRead(absl::StrCat(i));
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(file_->reads(), 2);
  EXPECT_LT(file_->bytes(), 3000);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Got(i) == Pattern(256, i)) << i;
}

TEST_F(ExtentReaderTest, AStorageMayBeTheBeginningOfItsRecord) {
  zip_.Add("0", Pattern(1000, 0));
  zip_.Add("1", Pattern(9 << 20, 1));
  zip_.AddDeflated("2", Pattern(300000, 2));
  Build();
  AddRead("0", 7);
  AddRead("1", 4097);
  AddRead("2", 70001);
  ASSERT_THAT(Read(), IsOk());
  EXPECT_TRUE(Got(0) == Pattern(1000, 0).substr(0, 7));
  EXPECT_TRUE(Got(1) == Pattern(9 << 20, 1).substr(0, 4097));
  EXPECT_TRUE(Got(2) == Pattern(300000, 2).substr(0, 70001));
}

TEST_F(ExtentReaderTest, BytesThatStandInNoRecord) {
  bytes_ = Pattern(3 << 20, 0);
  file_ = std::make_unique<CountingMemory>(bytes_);
  for (const auto& [offset, size] : std::vector<std::pair<uint64_t, uint64_t>>{
           {5, 100}, {200, 2 << 20}, {(3 << 20) - 10, 10}}) {
    AddRead(MakePlainExtent(0, offset, size));
  }
  ASSERT_THAT(Read(), IsOk());
  EXPECT_TRUE(Got(0) == bytes_.substr(5, 100));
  EXPECT_TRUE(Got(1) == bytes_.substr(200, 2 << 20));
  EXPECT_TRUE(Got(2) == bytes_.substr((3 << 20) - 10));
}

TEST_F(ExtentReaderTest, ByteOrderIsTurnedRoundEverywhere) {
  for (bool on_device : {false, true}) {
    if (on_device) backend_ = std::make_shared<FakeBackend>();
    zip_ = ZipBuilder();
    Clear();
    const size_t sizes[] = {40, 9 << 20, 100000};
    zip_.Add("0", Pattern(sizes[0], 0));
    zip_.Add("1", Pattern(sizes[1], 1));
    zip_.AddDeflated("2", Pattern(sizes[2], 2));
    Build();
    const std::string before = bytes_;
    for (int i = 0; i < 3; ++i) {
      AddRead(absl::StrCat(i));
      extents_.back().swap_unit_bytes = 8;
    }
    ASSERT_THAT(Read(), IsOk());
    for (int i = 0; i < 3; ++i) {
      std::string expected = Pattern(sizes[i], i);
      for (size_t k = 0; k < expected.size(); k += 8) {
        std::reverse(expected.begin() + k, expected.begin() + k + 8);
      }
      EXPECT_TRUE(Got(i) == expected) << i;
    }
    EXPECT_TRUE(bytes_ == before);
  }
}

TEST_F(ExtentReaderTest, ChecksumsAreCompared) {
  // Small, in pieces, deflated, and past what the storage takes of it.
  struct Damage {
    const char* name;
    size_t at;
  };
  const Damage damages[] = {{"0", 10}, {"1", 0}, {"1", (9 << 20) - 1}};
  for (const Damage& damage : damages) {
    zip_ = ZipBuilder();
    Clear();
    zip_.Add("0", Pattern(100, 0));
    zip_.Add("1", Pattern(9 << 20, 1));
    zip_.record(damage.name).stored[damage.at] ^= 1;
    Build();
    AddRead("0", 4);
    AddRead("1", 4);
    const absl::Status status = Read();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(
        std::string(status.message()),
        testing::AllOf(HasSubstr("some.zip"), HasSubstr("CRC-32"),
                       HasSubstr(absl::StrCat("\"", damage.name, "\""))));
    options_.verify_crc32 = false;
    EXPECT_THAT(Read(), IsOk());
    options_.verify_crc32 = true;
    // None in the file: nothing to compare with.
    zip_.record(damage.name).crc32 = 0;
    Build();
    Clear();
    AddRead("0", 4);
    AddRead("1", 4);
    EXPECT_THAT(Read(), IsOk());
  }
  zip_ = ZipBuilder();
  zip_.AddDeflated("0", Pattern(100000, 0)).crc32 ^= 1;
  Build();
  Clear();
  AddRead("0", 4);
  EXPECT_EQ(Read().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ExtentReaderTest, WithoutChecksumsOnlyWhatIsWantedIsRead) {
  zip_.Add("0", Pattern(20 << 20, 0));
  Build();
  AddRead("0", 4096);
  options_.verify_crc32 = false;
  ASSERT_THAT(Read(), IsOk());
  EXPECT_LT(file_->bytes(), 8192);
  EXPECT_TRUE(Got(0) == Pattern(20 << 20, 0).substr(0, 4096));
}

TEST_F(ExtentReaderTest, LocalHeadersAreChecked) {
  for (size_t size : {100, 9 << 20}) {
    for (int damage = 0; damage < 2; ++damage) {
      zip_ = ZipBuilder();
      Clear();
      ZipBuilderRecord& record = zip_.Add("0", Pattern(size, 0));
      if (damage == 0) {
        record.local_name = "1";
      } else {
        record.local_signature = 0;
      }
      Build();
      AddRead("0");
      const absl::Status status = Read();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("some.zip"));
    }
  }
}

TEST_F(ExtentReaderTest, ReportsProgress) {
  for (int i = 0; i < 5; ++i) zip_.Add(absl::StrCat(i), Pattern(9 << 20, i));
  for (int i = 5; i < 50; ++i) zip_.Add(absl::StrCat(i), Pattern(1000, i));
  Build();
  for (int i = 0; i < 50; ++i) AddRead(absl::StrCat(i));
  const uint64_t total = 5 * uint64_t{9 << 20} + 45 * 1000;
  uint64_t last = 0;
  int calls = 0;
  std::mutex one_at_a_time;
  control_.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    ASSERT_TRUE(one_at_a_time.try_lock());
    EXPECT_EQ(total_bytes, total);
    EXPECT_GT(done_bytes, last);
    last = done_bytes;
    ++calls;
    one_at_a_time.unlock();
  };
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(last, total);
  EXPECT_GT(calls, 5);
}

TEST_F(ExtentReaderTest, StopsWhenItIsCancelled) {
  for (int i = 0; i < 20; ++i) zip_.Add(absl::StrCat(i), Pattern(2 << 20, i));
  Build();
  for (int i = 0; i < 20; ++i) AddRead(absl::StrCat(i));
  std::atomic<int> asked{0};
  control_.is_cancelled = [&] { return ++asked > 3; };
  EXPECT_EQ(Read().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(file_->bytes(), 20 << 20);
}

// Errors name the storage, however late they come.
TEST_F(ExtentReaderTest, BackendErrorsAreReturned) {
  for (size_t size : {100, 9 << 20}) {
    for (const bool is_late : {false, true}) {
      zip_ = ZipBuilder();
      Clear();
      zip_.Add("some/record", Pattern(size, 0));
      backend_ = is_late ? std::make_shared<FakeBackend>(Overlapping(1 << 20))
                         : std::make_shared<FakeBackend>();
      Build();
      AddRead("some/record");
      memory_[0] = Memory();  // frees it
      const absl::Status status = Read();
      EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
      EXPECT_EQ(status.message(),
                "some.zip: some/record: the memory is not allocated");
    }
  }
}

// A storage whose bytes stand in two files, in no order, each before others.
TEST_F(ExtentReaderTest, SeveralFilesAndExtents) {
  for (const size_t size : {size_t{1000}, size_t{9} << 20}) {
    const std::string first = Pattern(2 * size, 1);
    const std::string second = Pattern(3 * size, 2);
    const auto first_file = MakeMemoryFile(first, "first.bin");
    const auto second_file = MakeMemoryFile(second, "second.bin");
    std::string storage(3 * size, '\0');
    std::vector<Extent> extents = {MakePlainExtent(1, size, size),
                                   MakePlainExtent(0, 0, size),
                                   MakePlainExtent(1, 0, size)};
    std::vector<ExtentRead> reads(extents.size());
    for (size_t i = 0; i < extents.size(); ++i) {
      extents[i].storage_offset_bytes = i * size;
      reads[i].extent = &extents[i];
      reads[i].host = &storage[i * size];
    }
    ASSERT_THAT(ReadExtents({first_file.get(), second_file.get()}, reads,
                            ExtentReadOptions()),
                IsOk());
    EXPECT_TRUE(storage == second.substr(size, size) + first.substr(0, size) +
                               second.substr(0, size));

    // On a device, whose storage the extents fill at their own places.
    FakeBackend backend;
    Memory memory;
    ASSERT_THAT(backend.Allocate(0, {storage.size()}, {&memory, 1}), IsOk());
    for (ExtentRead& read : reads) {
      read.host = nullptr;
      read.device = {&backend, 0, &memory, read.extent->storage_offset_bytes};
    }
    ASSERT_THAT(ReadExtents({first_file.get(), second_file.get()}, reads,
                            ExtentReadOptions()),
                IsOk());
    std::string copy(storage.size(), '\0');
    ASSERT_THAT(backend.CopyToHost(memory, 0, &copy[0], copy.size()), IsOk());
    EXPECT_TRUE(copy == storage);

    // An error names the file.
    extents[1] = MakePlainExtent(0, first.size(), size);
    EXPECT_THAT(std::string(ReadExtents({first_file.get(), second_file.get()},
                                        reads, ExtentReadOptions())
                                .message()),
                HasSubstr("first.bin"));
  }
}

TEST_F(ExtentReaderTest, NothingToRead) {
  Build();
  EXPECT_THAT(Read(), IsOk());
  EXPECT_EQ(file_->reads(), 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
