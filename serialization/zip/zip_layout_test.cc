// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/zip_layout.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/large_allocator.h"
#include "ferry/io/crc32.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/zip/zip_format.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

struct Placed {
  const char* name;
  uint64_t size_bytes;
  uint64_t header_offset;
  uint64_t contents_offset;
};

// prefix0, prefix1, ...
std::vector<std::string> Numbered(absl::string_view prefix, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(absl::StrCat(prefix, i));
  return names;
}

void ExpectPlaces(ZipLayout* layout, const std::vector<Placed>& records) {
  for (const Placed& record : records) {
    layout->Add(record.name, record.size_bytes);
    const ZipLayout::Record& placed = layout->records().back();
    EXPECT_EQ(placed.header_offset, record.header_offset) << record.name;
    EXPECT_EQ(placed.contents_offset, record.contents_offset) << record.name;
  }
}

TEST(ZipLayout, PlacesRecordsAsPyTorchDoes) {
  // A Linear(10, 10) as PyTorch 2.7 saves it.
  ZipLayout layout(64);
  ExpectPlaces(&layout, {
                            {"archive/data.pkl", 290, 0, 64},
                            {"archive/.format_version", 1, 370, 448},
                            {"archive/.storage_alignment", 2, 465, 576},
                            {"archive/byteorder", 6, 594, 704},
                            {"archive/data/0", 400, 726, 832},
                            {"archive/data/1", 40, 1248, 1344},
                            {"archive/version", 2, 1400, 1472},
                            {"archive/.data/serialization_id", 40, 1490, 1600},
                        });
  EXPECT_EQ(layout.directory_offset(), 1600 + 40 + 16);
}

TEST(ZipLayout, Aligns) {
  for (uint64_t alignment : {1, 2, 64, 4096, 32768}) {
    ZipLayout layout(alignment);
    const std::string name(200, 'n');
    for (int i = 0; i < 200; ++i) {
      layout.Add(absl::string_view(name).substr(0, 1 + i), i * 7);
      const ZipLayout::Record& record = layout.records().back();
      EXPECT_EQ(record.contents_offset % alignment, 0);
      const std::string header = layout.HeaderBytes(i);
      EXPECT_EQ(header.size(), record.contents_offset - record.header_offset);
      EXPECT_EQ(layout.DescriptorBytes(i, 1).size(),
                record.end_offset - record.contents_offset - i * 7);
    }
  }
}

// torch.save({'w': torch.arange(4.), 'v': None}, 'my.model.pt') of PyTorch
// 1.13: 750 bytes.
TEST(ZipLayout, WritesTheBytesThatPyTorchWrites) {
  const uint32_t crc32s[] = {0x85090E19, 0x25601B8B, 0x55679ED1};
  ZipLayout layout(64);
  ExpectPlaces(&layout, {
                            {"my.model/data.pkl", 172, 0, 0x40},
                            {"my.model/data/0", 16, 0xFC, 0x140},
                            {"my.model/version", 2, 0x160, 0x1C0},
                        });
  EXPECT_EQ(layout.directory_offset(), 0x1D2);
  EXPECT_EQ(absl::BytesToHexString(layout.HeaderBytes(0)),
            absl::StrCat("504b0304", "0000", "0808", "0000", "00000000",
                         "00000000", "0000000000000000", "1100", "1100",
                         absl::BytesToHexString("my.model/data.pkl"), "4642",
                         "0d00", absl::BytesToHexString("ZZZZZZZZZZZZZ")));
  EXPECT_EQ(absl::BytesToHexString(layout.DescriptorBytes(0, crc32s[0])),
            "504b0708190e0985ac000000ac000000");
  const LargeString directory = layout.DirectoryBytes(crc32s);
  EXPECT_EQ(directory.size(), 0xBA + 56 + 20 + 22);
  EXPECT_EQ(absl::BytesToHexString(directory.substr(0, 46 + 17)),
            absl::StrCat("504b0102", "0000", "0000", "0808", "0000", "00000000",
                         "190e0985", "ac000000", "ac000000", "1100", "0000",
                         "0000", "0000", "0000", "00000000", "00000000",
                         absl::BytesToHexString("my.model/data.pkl")));
  EXPECT_EQ(
      absl::BytesToHexString(directory.substr(0xBA)),
      absl::StrCat(
          // The zip64 end record, its locator, and the end record.
          "504b0606", "2c00000000000000", "1e03", "2d00", "00000000",
          "00000000", "0300000000000000", "0300000000000000",
          "ba00000000000000", "d201000000000000",  //
          "504b0607", "00000000", "8c02000000000000", "01000000", "504b0506",
          "0000", "0000", "0300", "0300", "ba000000", "d2010000", "0000"));
  EXPECT_EQ(layout.directory_offset() + directory.size(), 750);
}

TEST(ZipLayout, EmptyRecordsHaveNoDescriptor) {
  ZipLayout layout(64);
  layout.Add("a/data/0", 0);
  layout.Add("a/data/1", 1);
  EXPECT_EQ(layout.DescriptorBytes(0, 0), "");
  EXPECT_EQ(layout.records()[0].end_offset,
            layout.records()[0].contents_offset);
  // Flags: UTF-8, and a descriptor where there is one.
  EXPECT_EQ(Load16(layout.HeaderBytes(0).data() + 6), 0x0800);
  EXPECT_EQ(Load16(layout.HeaderBytes(1).data() + 6), 0x0808);
}

// Sizes and offsets that do not fit 32 bits; nothing is written.
TEST(ZipLayout, Zip64) {
  const uint64_t big = uint64_t{5} << 30;
  ZipLayout layout(64);
  layout.Add("a/data/0", 0xFFFFFFFE - 64 - 16);  // the last that fits
  layout.Add("a/data/1", 0xFFFFFFFF);
  layout.Add("a/data/2", big);
  layout.Add("a/data/3", 1);
  layout.Add("a/data/4", 0);
  // By size, by offset: 16 bytes of sizes, 8 of the offset.
  const struct {
    uint64_t extra_bytes;       // the zip64 field in the local header
    uint64_t descriptor_bytes;  // 24 wherever there is such a field
    uint64_t central_bytes;
  } expected[] = {
      {0, 16, 0}, {20, 24, 20}, {28, 24, 28}, {12, 24, 12}, {12, 0, 12}};
  LargeString directory =
      layout.DirectoryBytes(std::vector<uint32_t>(5, 0x01020304));
  EXPECT_EQ(layout.DirectorySize(), directory.size());
  EXPECT_LT(layout.records()[1].header_offset, 0xFFFFFFFF);
  EXPECT_GT(layout.records()[2].header_offset, 0xFFFFFFFF);
  for (size_t i = 0; i < 5; ++i) {
    SCOPED_TRACE(i);
    const ZipLayout::Record& record = layout.records()[i];
    const std::string header = layout.HeaderBytes(i);
    const char* extra = header.data() + 30 + record.name.size();
    // The sizes of the header itself stay 0.
    EXPECT_EQ(Load64(header.data() + 18), 0);
    if (expected[i].extra_bytes == 0) {
      EXPECT_EQ(Load16(extra), 0x4246);
    } else {
      EXPECT_EQ(Load16(extra), kZip64ExtraId);
      EXPECT_EQ(Load16(extra + 2), expected[i].extra_bytes - 4);
      EXPECT_EQ(Load16(extra + expected[i].extra_bytes), 0x4246);
      if (expected[i].extra_bytes != 20) {
        EXPECT_EQ(Load64(extra + expected[i].extra_bytes - 8),
                  record.header_offset);
      }
    }
    EXPECT_EQ(layout.DescriptorBytes(i, 7).size(),
              expected[i].descriptor_bytes);
    EXPECT_EQ(record.contents_offset % 64, 0);
    EXPECT_EQ(record.end_offset, record.contents_offset + record.size_bytes +
                                     expected[i].descriptor_bytes);
    // The directory's entry, which has the true numbers.
    const uint64_t name_bytes = record.name.size();
    ASSERT_EQ(Load32(directory.data()), kCentralHeaderSignature);
    ASSERT_EQ(Load16(directory.data() + 30), expected[i].central_bytes);
    const bool is_big = record.size_bytes >= 0xFFFFFFFF;
    EXPECT_EQ(Load32(directory.data() + 24),
              is_big ? 0xFFFFFFFF : record.size_bytes);
    const char* values = directory.data() + 46 + name_bytes + 4;
    if (is_big) {
      EXPECT_EQ(Load64(values), record.size_bytes);
      EXPECT_EQ(Load64(values + 8), record.size_bytes);
      values += 16;
    }
    if (record.header_offset >= 0xFFFFFFFF) {
      EXPECT_EQ(Load32(directory.data() + 42), 0xFFFFFFFF);
      EXPECT_EQ(Load64(values), record.header_offset);
    }
    directory.erase(0, 46 + name_bytes + expected[i].central_bytes);
  }
  // The end record's own fields are full, those of zip64 count.
  EXPECT_EQ(Load64(directory.data() + 48), layout.directory_offset());
  EXPECT_EQ(Load32(directory.data() + 56 + 20 + 16), 0xFFFFFFFF);
}

// What PyTorch computes of a file that has `.format_version`, instead of
// reading headers: each storage's offset from the one before
// (torch/serialization.py,
// `_get_offset`; caffe2/serialize/inline_container.cc, `getPadding`).
class OffsetsOfPyTorch {
 public:
  OffsetsOfPyTorch(uint64_t alignment_bytes, uint64_t first_header_offset)
      : alignment_bytes_(alignment_bytes), next_header_(first_header_offset) {}

  uint64_t Next(absl::string_view name, uint64_t size_bytes) {
    constexpr uint64_t kFull = 0xFFFFFFFF;
    const uint64_t header = next_header_;
    uint64_t start = header + 30 + name.size() + 4;
    if (size_bytes >= kFull || header >= kFull) {
      start += 4;
      if (size_bytes >= kFull) start += 16;
      if (header >= kFull) start += 8;
    }
    start += (alignment_bytes_ - start % alignment_bytes_) % alignment_bytes_;
    next_header_ = start + size_bytes;
    if (size_bytes > 0) {
      next_header_ += header >= kFull || size_bytes >= kFull ? 24 : 16;
    }
    return start;
  }

 private:
  const uint64_t alignment_bytes_;
  uint64_t next_header_;
};

TEST(ZipLayout, PyTorchsOwnOffsetsHold) {
  const uint64_t sizes[] = {
      0,          1,          63,         64, 65,
      4096,       0,          0xFFFFFF00, 7,  0,
      0xFFFFFFFE, 0xFFFFFFFF, 100,        0,  uint64_t{7} << 32,
      1};
  for (const uint64_t alignment : {1, 16, 64, 100, 4096, 32768}) {
    ZipLayout layout(alignment);
    layout.Add("model/data.pkl", 1234);
    layout.Add("model/.format_version", 1);
    layout.Add("model/.storage_alignment", 2);
    layout.Add("model/byteorder", 6);
    OffsetsOfPyTorch expected(alignment, layout.directory_offset());
    const std::vector<std::string> names =
        Numbered("model/data/", std::size(sizes));
    for (size_t i = 0; i < std::size(sizes); ++i) {
      const std::string& name = names[i];
      layout.Add(name, sizes[i]);
      EXPECT_EQ(layout.records().back().contents_offset,
                expected.Next(name, sizes[i]))
          << name << " of " << sizes[i] << " bytes, alignment " << alignment;
    }
  }
}

TEST(ZipLayout, ManyRecords) {
  ZipLayout layout(64);
  const std::vector<std::string> names = Numbered("a/", 70000);
  for (const std::string& name : names) layout.Add(name, 0);
  const LargeString directory =
      layout.DirectoryBytes(std::vector<uint32_t>(70000, 0));
  EXPECT_EQ(layout.DirectorySize(), directory.size());
  const char* const end = directory.data() + directory.size() - 22;
  EXPECT_EQ(Load16(end + 10), 0xFFFF);
  EXPECT_EQ(Load64(end - 20 - 56 + 32), 70000);
}

}  // namespace
}  // namespace zip
}  // namespace v1
}  // namespace ferry
