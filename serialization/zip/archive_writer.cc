// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/archive_writer.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/transfer/extent_writer.h"
#include "ferry/serialization/zip/zip_layout.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

// The longest name that a zip record can have.
constexpr size_t kMaxNameBytes = 0xFFFF;

// 40 decimal digits that tell archives apart: a hash of the names and one of
// the checksums. (PyTorch's own hash of the names differs from machine to
// machine.)
std::string SerializationId(absl::Span<const ArchiveRecord> records,
                            absl::Span<const uint32_t> crc32s) {
  uint64_t names = 0xCBF29CE484222325u;  // FNV-1a
  uint64_t contents = 0;                 // as c10::hash_combine
  for (size_t i = 0; i < records.size(); ++i) {
    for (char c : records[i].name) {
      names = (names ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    }
    contents ^= crc32s[i] + 0x9E3779B9u + (contents << 6) + (contents >> 2);
  }
  return absl::StrCat(absl::Dec(names, absl::kZeroPad20),
                      absl::Dec(contents, absl::kZeroPad20));
}

class ZipFraming final : public ExtentFraming {
 public:
  explicit ZipFraming(const zip::ZipLayout& layout) : layout_(layout) {}

  std::string Head(size_t i) const override { return layout_.HeaderBytes(i); }
  std::string Tail(size_t i, uint32_t crc32) const override {
    return layout_.DescriptorBytes(i, crc32);
  }
  std::string Name(size_t i) const override {
    return absl::StrCat("record ", QuoteForMessage(layout_.records()[i].name));
  }

 private:
  const zip::ZipLayout& layout_;
};

absl::Status LayOut(absl::Span<const ArchiveRecord> records,
                    zip::ZipLayout* layout, OutputExtents* extents) {
  layout->Reserve(records.size());
  extents->reserve(records.size());
  for (const ArchiveRecord& record : records) {
    if (record.name.size() > kMaxNameBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("the record name \"", EscapeForMessage(record.name),
                       "...\" is longer than ", kMaxNameBytes, " bytes"));
    }
    OutputExtent& extent = extents->emplace_back();
    extent.text = record.text;
    extent.storage = record.storage;
    extent.size_bytes = record.storage.is_null() ? record.text.size()
                                                 : record.storage.size_bytes();
    layout->Add(record.name, extent.size_bytes);
    const zip::ZipLayout::Record& place = layout->records().back();
    extent.begin = place.header_offset;
    extent.contents_offset = place.contents_offset;
    extent.end = place.end_offset;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteArchive(absl::Span<const ArchiveRecord> records,
                          const DeviceSnapshot& devices,
                          const ArchiveOptions& options, const Output& output) {
  zip::ZipLayout layout(options.alignment_bytes);
  OutputExtents extents;
  FERRY_RETURN_IF_ERROR(LayOut(records, &layout, &extents));
  const uint64_t size_bytes =
      layout.directory_offset() + layout.DirectorySize();
  FERRY_RETURN_IF_ERROR(options.budget->ChargeOutput(size_bytes));
  FERRY_RETURN_IF_ERROR(output.SetSize(size_bytes));
  const size_t num_written =
      records.size() - (options.ends_with_id ? size_t{1} : size_t{0});
  ExtentWriteOptions write_options;
  write_options.compute_crc32 = options.compute_crc32;
  write_options.control = options.control;
  const ZipFraming framing(layout);
  FERRY_ASSIGN_OR_RETURN(
      std::vector<uint32_t> crc32s,
      WriteExtents(absl::MakeConstSpan(extents).first(num_written), framing,
                   devices, write_options, output));
  if (options.ends_with_id) {
    const size_t last = num_written;
    const std::string id = SerializationId(records.first(num_written), crc32s);
    crc32s.push_back(options.compute_crc32 ? Crc32(id) : 0);
    FERRY_RETURN_IF_ERROR(output.Write(
        extents[last].begin, absl::StrCat(framing.Head(last), id,
                                          framing.Tail(last, crc32s[last]))));
  }
  return output.Write(layout.directory_offset(), layout.DirectoryBytes(crc32s));
}

}  // namespace zip
}  // namespace v1
}  // namespace ferry
