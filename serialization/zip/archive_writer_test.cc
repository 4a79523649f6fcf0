// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/archive_writer.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/atomic_file.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/testing/pattern.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

using testing::HasSubstr;

// The text, for as long as the tests run.
absl::string_view Keep(absl::string_view text) {
  static auto* const kept = new std::deque<std::string>;
  return kept->emplace_back(text);
}

ArchiveRecord TextRecord(absl::string_view name, absl::string_view text) {
  ArchiveRecord record;
  record.name = Keep(name);
  record.text = Keep(text);
  return record;
}

class ArchiveWriterTest : public testing::Test {
 protected:
  ArchiveWriterTest() {
    KeepRegistered(registry_.RegisterBackend(100, backend_));
  }

  ArchiveRecord StorageRecordOf(absl::string_view name,
                                const std::string& bytes,
                                bool on_device = false,
                                absl::string_view type = "fake") {
    ArchiveRecord record;
    record.name = Keep(name);
    if (on_device) {
      Memory memory;
      EXPECT_THAT(backend_->Allocate(1, {bytes.size()}, {&memory, 1}), IsOk());
      EXPECT_THAT(backend_->CopyFromHost(bytes.data(), memory, 0, bytes.size()),
                  IsOk());
      record.storage =
          Storage::FromMemory(Device(type, 1), memory, bytes.size());
      return record;
    }
    absl::StatusOr<Storage> storage = Storage::Allocate(bytes.size());
    EXPECT_THAT(storage, IsOk());
    if (!bytes.empty()) {
      std::memcpy(storage->data(), bytes.data(), bytes.size());
    }
    record.storage = *storage;
    return record;
  }

  absl::Status ToSink(absl::Span<const ArchiveRecord> records,
                      std::string* out) {
    StringSink sink(out);
    return WriteArchive(records, registry_.Snapshot(), options_, Output(&sink));
  }

  absl::Status ToFile(absl::Span<const ArchiveRecord> records,
                      std::string* out) {
    const std::string path = absl::StrCat(testing::TempDir(), "/archive.zip");
    absl::StatusOr<std::unique_ptr<AtomicFile>> file =
        AtomicFile::Create(path, Durability::kNone);
    if (!file.ok()) return file.status();
    const absl::Status written = WriteArchive(records, registry_.Snapshot(),
                                              options_, Output(file->get()));
    if (!written.ok()) return written;
    const absl::Status committed = (*file)->Commit();
    *out = ReadFile(path);
    return committed;
  }

  DeviceRegistry registry_;
  std::shared_ptr<FakeBackend> backend_ = std::make_shared<FakeBackend>();
  TransferControl control_;
  ArchiveOptions options_ = [this] {
    ArchiveOptions options;
    options.control = &control_;
    return options;
  }();
};

// What an archive holds: the records in their order, checksums compared.
std::vector<std::pair<std::string, std::string>> Contents(
    const std::string& bytes) {
  std::vector<std::pair<std::string, std::string>> contents;
  const auto file = MakeMemoryFile(bytes, "some.zip");
  const absl::StatusOr<zip::ZipDirectory> directory =
      zip::ZipDirectory::Read(*file, Budget::Unlimited());
  EXPECT_THAT(directory, IsOk());
  if (!directory.ok()) return contents;
  for (const Extent& entry : directory->entries()) {
    absl::StatusOr<std::string> text = ReadExtent(*file, entry, true);
    EXPECT_THAT(text, IsOk());
    contents.emplace_back(entry.name, text.ok() ? *text : "");
  }
  return contents;
}

TEST_F(ArchiveWriterTest, FileAndSinkGetTheSameBytes) {
  // Records around every boundary of batches and pieces, on the host and on a
  // device.
  const size_t sizes[] = {0,       1,
                          100,     1 << 20,
                          1000000, 3 << 20,
                          8 << 20, (8 << 20) + 1,
                          0,       17 << 20,
                          5,       700000,
                          700000,  700000,
                          700000,  700000,
                          700000,  (1 << 20) - 200};
  std::vector<ArchiveRecord> records;
  records.push_back(TextRecord("a/data.pkl", Pattern(3 << 20, 99)));
  int i = 0;
  for (size_t size : sizes) {
    records.push_back(StorageRecordOf(absl::StrCat("a/data/", i),
                                      Pattern(size, i), i % 3 == 0));
    ++i;
  }
  records.push_back(TextRecord("a/version", "3\n"));
  records.push_back(TextRecord("a/id", std::string(40, '0')));
  for (bool ends_with_id : {false, true}) {
    options_.ends_with_id = ends_with_id;
    std::string sunk, filed, filed_by_one;
    ASSERT_THAT(ToSink(records, &sunk), IsOk());
    ASSERT_THAT(SetNumThreads(4), IsOk());
    ASSERT_THAT(ToFile(records, &filed), IsOk());
    ASSERT_THAT(SetNumThreads(1), IsOk());
    ASSERT_THAT(ToFile(records, &filed_by_one), IsOk());
    EXPECT_TRUE(sunk == filed);
    EXPECT_TRUE(filed == filed_by_one);
    const auto contents = Contents(sunk);
    ASSERT_EQ(contents.size(), records.size());
    for (size_t k = 0; k < records.size(); ++k) {
      EXPECT_EQ(contents[k].first, records[k].name);
      if (k >= 1 && k <= std::size(sizes)) {
        EXPECT_TRUE(contents[k].second ==
                    Pattern(sizes[k - 1], static_cast<int>(k - 1)))
            << k;
      }
    }
    EXPECT_EQ(contents.back().second == std::string(40, '0'), !ends_with_id);
  }
}

TEST_F(ArchiveWriterTest, TheIdTellsArchivesApart) {
  options_.ends_with_id = true;
  const auto id_of = [this](const std::string& text, const std::string& name) {
    std::string bytes;
    const ArchiveRecord records[] = {TextRecord(name, text),
                                     TextRecord("id", std::string(40, '0'))};
    EXPECT_THAT(ToSink(records, &bytes), IsOk());
    return Contents(bytes).back().second;
  };
  const std::string id = id_of("contents", "a");
  EXPECT_EQ(id.size(), 40);
  EXPECT_EQ(id.find_first_not_of("0123456789"), std::string::npos);
  EXPECT_EQ(id, id_of("contents", "a"));
  EXPECT_NE(id, id_of("Contents", "a"));
  EXPECT_NE(id, id_of("contents", "b"));
}

TEST_F(ArchiveWriterTest, WithoutChecksums) {
  options_.compute_crc32 = false;
  std::string bytes;
  const ArchiveRecord records[] = {
      TextRecord("a", "contents"),
      StorageRecordOf("b", Pattern(9 << 20, 1)),
  };
  ASSERT_THAT(ToFile(records, &bytes), IsOk());
  const auto file = MakeMemoryFile(bytes, "some.zip");
  const absl::StatusOr<zip::ZipDirectory> directory =
      zip::ZipDirectory::Read(*file, Budget::Unlimited());
  ASSERT_THAT(directory, IsOk());
  for (const Extent& entry : directory->entries()) {
    EXPECT_EQ(entry.crc32, 0);
  }
  EXPECT_TRUE(Contents(bytes)[1].second == Pattern(9 << 20, 1));
}

// Small storages come many at once, and while a part of a large one is written
// the next one comes. The file is the one that the host writes.
TEST_F(ArchiveWriterTest, FromADeviceByFewTransfers) {
  FakeBackend::Options options;
  options.type = "slow";
  options.delays_transfers = true;
  options.stream_buffer_bytes = 1000003;
  backend_ = std::make_shared<FakeBackend>(options);
  absl::StatusOr<Registration> registration =
      registry_.RegisterBackend(101, backend_);
  ASSERT_THAT(registration, IsOk());
  std::vector<ArchiveRecord> on_device, on_host;
  for (int i = 0; i < 1001; ++i) {
    const std::string bytes = Pattern(i == 500 ? 20 << 20 : 3000, i);
    on_device.push_back(StorageRecordOf(absl::StrCat(i), bytes, true, "slow"));
    on_host.push_back(StorageRecordOf(absl::StrCat(i), bytes));
  }
  std::string from_device, from_host;
  ASSERT_THAT(ToFile(on_device, &from_device), IsOk());
  ASSERT_THAT(ToFile(on_host, &from_host), IsOk());
  EXPECT_TRUE(from_device == from_host);
  EXPECT_LE(backend_->transfer_count(), 50);
  EXPECT_EQ(backend_->most_transfers_under_way(), 2);
  from_device.clear();
  ASSERT_THAT(ToSink(on_device, &from_device), IsOk());
  EXPECT_TRUE(from_device == from_host);

  // An error names the record, large or small.
  for (const int i : {500, 7}) {
    std::vector<ArchiveRecord> broken = on_device;
    broken[i].storage = Storage::FromMemory(Device("slow", 1), Memory{},
                                            broken[i].storage.size_bytes());
    const absl::Status status = ToFile(broken, &from_device);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("record \"", i, "\": ")));
  }
}

TEST_F(ArchiveWriterTest, ReportsProgress) {
  std::vector<ArchiveRecord> records;
  for (int i = 0; i < 4; ++i) {
    records.push_back(StorageRecordOf(absl::StrCat(i), Pattern(9 << 20, i)));
  }
  uint64_t last = 0, total = 0;
  int calls = 0;
  control_.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    EXPECT_GT(done_bytes, last);
    EXPECT_LE(done_bytes, total_bytes);
    last = done_bytes;
    total = total_bytes;
    ++calls;
  };
  std::string bytes;
  ASSERT_THAT(ToFile(records, &bytes), IsOk());
  EXPECT_GE(calls, 4);
  EXPECT_GE(last, 4 * uint64_t{9 << 20});
  EXPECT_LE(total - last, 4096);  // what stands between the records
}

TEST_F(ArchiveWriterTest, StopsWhenItIsCancelled) {
  std::vector<ArchiveRecord> records;
  for (int i = 0; i < 8; ++i) {
    records.push_back(StorageRecordOf(absl::StrCat(i), Pattern(2 << 20, i)));
  }
  control_.is_cancelled = [] { return true; };
  std::string bytes;
  EXPECT_EQ(ToFile(records, &bytes).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(ToSink(records, &bytes).code(), absl::StatusCode::kCancelled);
}

TEST_F(ArchiveWriterTest, ErrorsAreReturned) {
  std::string bytes;
  // A name that no zip record can have.
  const ArchiveRecord long_name[] = {TextRecord(std::string(65536, 'n'), "x")};
  absl::Status status = ToSink(long_name, &bytes);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("65535"));
  // A storage whose bytes are not there, and one on a device that nobody knows.
  ArchiveRecord described;
  described.name = "a";
  described.storage = Storage::Described(16, "cpu");
  EXPECT_EQ(ToSink({&described, 1}, &bytes).code(),
            absl::StatusCode::kInvalidArgument);
  ArchiveRecord unknown;
  unknown.name = "a";
  unknown.storage = Storage::FromMemory(Device("unknown"), Memory{}, 16);
  EXPECT_EQ(ToSink({&unknown, 1}, &bytes).code(),
            absl::StatusCode::kUnavailable);
  // A sink that fails in the middle.
  class Full final : public ByteSink {
   public:
    absl::Status Write(absl::string_view bytes) override {
      written_ += bytes.size();
      return written_ > (4 << 20) ? absl::ResourceExhaustedError("full")
                                  : absl::OkStatus();
    }

   private:
    uint64_t written_ = 0;
  };
  Full full;
  const ArchiveRecord records[] = {StorageRecordOf("a", Pattern(9 << 20, 1)),
                                   TextRecord("b", "x")};
  EXPECT_EQ(WriteArchive(records, registry_.Snapshot(), options_, Output(&full))
                .message(),
            "full");
}

TEST_F(ArchiveWriterTest, NothingToWrite) {
  std::string bytes;
  ASSERT_THAT(ToSink({}, &bytes), IsOk());
  EXPECT_TRUE(Contents(bytes).empty());
}

}  // namespace
}  // namespace zip
}  // namespace v1
}  // namespace ferry
