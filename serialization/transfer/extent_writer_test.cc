// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/extent_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/atomic_file.h"
#include "ferry/io/crc32.h"
#include "ferry/io/file.h"
#include "ferry/serialization/testing/pattern.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// "<i>" before an extent, and "<crc32>" in ten digits after it.
class Brackets final : public ExtentFraming {
 public:
  std::string Head(size_t i) const override {
    return absl::StrCat("<", i, ">");
  }
  std::string Tail(size_t, uint32_t crc32) const override {
    return absl::StrCat("<", absl::Dec(crc32, absl::kZeroPad10), ">");
  }
  std::string Name(size_t i) const override { return absl::StrCat("no. ", i); }
};

class ExtentWriterTest : public testing::Test {
 protected:
  OutputExtent& Add(const std::string& contents) {
    OutputExtent& extent = extents_.emplace_back();
    const size_t i = extents_.size() - 1;
    const std::string head = framing_.Head(i);
    extent.begin = i == 0 ? 0 : extents_[i - 1].end;
    extent.contents_offset = extent.begin + head.size();
    extent.size_bytes = contents.size();
    const std::string tail = framing_.Tail(i, Crc32(contents));
    extent.end = extent.contents_offset + contents.size() + tail.size();
    absl::StrAppend(&expected_, head, contents, tail);
    crc32s_.push_back(Crc32(contents));
    return extent;
  }
  void AddText(size_t size) {
    texts_.push_back(Pattern(size, static_cast<int>(texts_.size())));
    Add(texts_.back()).text = texts_.back();
  }
  void AddStorage(size_t size, uint64_t offset) {
    const std::string bytes = Pattern(size + offset, 7);
    const absl::StatusOr<Storage> storage = Storage::Allocate(bytes.size());
    ASSERT_THAT(storage, IsOk());
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(storage->data()));
    OutputExtent& extent = Add(bytes.substr(offset));
    extent.storage = *storage;
    extent.storage_offset_bytes = offset;
  }
  // The columns of a matrix, one after another.
  void AddElements(int64_t rows, int64_t columns) {
    std::vector<int32_t> numbers(rows * columns), turned(rows * columns);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t k = 0; k < columns; ++k) {
        numbers[i * columns + k] = static_cast<int32_t>(i * columns + k);
        turned[k * rows + i] = numbers[i * columns + k];
      }
    }
    const Tensor matrix =
        *Tensor::FromData(absl::MakeConstSpan(numbers), {rows, columns});
    tensors_.push_back(*Tensor::Create(matrix.storage(), matrix.dtype(),
                                       {columns, rows}, {1, columns}, 0));
    Add({reinterpret_cast<const char*>(turned.data()), 4 * turned.size()})
        .elements = &tensors_.back();
  }

  absl::Status Write(const Output& output) {
    ExtentWriteOptions options;
    options.compute_crc32 = true;
    options.control = &control_;
    const absl::StatusOr<std::vector<uint32_t>> crc32s = WriteExtents(
        extents_, framing_, DeviceRegistry().Snapshot(), options, output);
    if (!crc32s.ok()) return crc32s.status();
    EXPECT_EQ(*crc32s, crc32s_);
    return absl::OkStatus();
  }
  std::string ToFile() {
    const std::string path = absl::StrCat(testing::TempDir(), "/extents");
    const absl::StatusOr<std::unique_ptr<AtomicFile>> file =
        AtomicFile::Create(path, Durability::kNone);
    EXPECT_THAT(file, IsOk());
    EXPECT_THAT(Write(Output(file->get())), IsOk());
    EXPECT_THAT((*file)->Commit(), IsOk());
    return ReadFile(path);
  }

  Brackets framing_;
  OutputExtents extents_;
  std::deque<std::string> texts_;
  std::deque<Tensor> tensors_;
  std::vector<uint32_t> crc32s_;
  std::string expected_;
  TransferControl control_;
};

TEST_F(ExtentWriterTest, WritesContentsOfEveryKind) {
  AddText(0);
  AddText(5);
  AddStorage(1000, 17);
  AddElements(10, 3);
  AddText(3 << 20);
  AddStorage(9 << 20, 1);
  AddElements(3, 300000);
  AddStorage(0, 0);
  AddStorage(1, 0);
  uint64_t last_done = 0;
  control_.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    EXPECT_GT(done_bytes, last_done);
    EXPECT_EQ(total_bytes, expected_.size());
    last_done = done_bytes;
  };
  std::string bytes;
  StringSink sink(&bytes);
  ASSERT_THAT(Write(Output(&sink)), IsOk());
  EXPECT_TRUE(bytes == expected_);
  EXPECT_EQ(last_done, expected_.size());
  last_done = 0;
  EXPECT_TRUE(ToFile() == expected_);
  EXPECT_EQ(last_done, expected_.size());
}

TEST_F(ExtentWriterTest, NothingToWrite) {
  std::string bytes;
  StringSink sink(&bytes);
  EXPECT_THAT(Write(Output(&sink)), IsOk());
  EXPECT_EQ(bytes, "");
}

// One tensor may be most of a save.
TEST_F(ExtentWriterTest, ElementsAreCancelledHalfWay) {
  AddElements(3, 1000000);
  int asked = 0;
  control_.is_cancelled = [&asked] { return ++asked > 5; };
  std::string bytes;
  StringSink sink(&bytes);
  EXPECT_EQ(Write(Output(&sink)).code(), absl::StatusCode::kCancelled);
  EXPECT_LT(bytes.size(), 3 << 20);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
