// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/zip_layout.h"

#include <algorithm>
#include <string>

#include "ferry/io/little_endian.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "ferry/serialization/zip/zip_format.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

// From here on a value does not fit the 32-bit fields.
constexpr uint64_t kZip64From = 0xFFFFFFFF;

// The extra field that fills up to the alignment, as PyTorch names it.
constexpr uint16_t kPaddingExtraId = 0x4246;  // "FB"
constexpr char kPadding = 'Z';
constexpr uint64_t kExtraHeaderBytes = 4;

// Who made the archive, as miniz says: version 3.0, Unix.
constexpr uint16_t kZip64MadeBy = 0x031E;
// What it takes to read zip64: version 4.5.
constexpr uint16_t kZip64Needed = 45;

bool IsBig(uint64_t value) { return value >= kZip64From; }

// What the zip64 field of a header takes, its own header included.
uint64_t Zip64Bytes(const ZipLayout::Record& record) {
  const bool big_size = IsBig(record.size_bytes);
  const bool big_offset = IsBig(record.header_offset);
  if (!big_size && !big_offset) return 0;
  return kExtraHeaderBytes + (big_size ? 16 : 0) + (big_offset ? 8 : 0);
}

uint64_t DescriptorSize(const ZipLayout::Record& record) {
  if (record.size_bytes == 0) return 0;
  return Zip64Bytes(record) == 0 ? 16 : 24;
}

uint16_t Flags(const ZipLayout::Record& record) {
  return record.size_bytes == 0 ? kUtf8Flag : kUtf8Flag | kDataDescriptorFlag;
}

uint64_t Saturate32(uint64_t value) { return std::min(value, kZip64From); }

}  // namespace

void ZipLayout::Add(absl::string_view name, uint64_t size_bytes) {
  Record record;
  record.name = name;
  record.size_bytes = size_bytes;
  record.header_offset = directory_offset();
  const uint64_t before_padding = record.header_offset + kLocalHeaderBytes +
                                  name.size() + Zip64Bytes(record) +
                                  kExtraHeaderBytes;
  record.contents_offset = (before_padding + alignment_bytes_ - 1) /
                           alignment_bytes_ * alignment_bytes_;
  record.end_offset =
      record.contents_offset + size_bytes + DescriptorSize(record);
  records_.push_back(record);
}

std::string ZipLayout::HeaderBytes(size_t index) const {
  const Record& record = records_[index];
  const uint64_t header_bytes = record.contents_offset - record.header_offset;
  std::string out;
  out.reserve(header_bytes);
  Append32(kLocalHeaderSignature, &out);
  Append16(0, &out);  // version needed
  Append16(Flags(record), &out);
  Append16(kStored, &out);
  Append32(0, &out);  // time and date
  Append32(0, &out);  // CRC-32
  Append64(0, &out);  // both sizes
  Append16(record.name.size(), &out);
  Append16(header_bytes - kLocalHeaderBytes - record.name.size(), &out);
  out.append(record.name.data(), record.name.size());
  const uint64_t zip64_bytes = Zip64Bytes(record);
  if (zip64_bytes != 0) {
    Append16(kZip64ExtraId, &out);
    Append16(zip64_bytes - kExtraHeaderBytes, &out);
    if (IsBig(record.size_bytes)) {
      Append64(0, &out);
      Append64(0, &out);
    }
    if (IsBig(record.header_offset)) Append64(record.header_offset, &out);
  }
  const uint64_t padding_bytes = header_bytes - out.size() - kExtraHeaderBytes;
  Append16(kPaddingExtraId, &out);
  Append16(padding_bytes, &out);
  out.append(padding_bytes, kPadding);
  return out;
}

std::string ZipLayout::DescriptorBytes(size_t index, uint32_t crc32) const {
  const Record& record = records_[index];
  std::string out;
  const uint64_t size = DescriptorSize(record);
  if (size == 0) return out;
  Append32(kDataDescriptorSignature, &out);
  Append32(crc32, &out);
  for (int i = 0; i < 2; ++i) {
    if (size == 16) {
      Append32(record.size_bytes, &out);
    } else {
      Append64(record.size_bytes, &out);
    }
  }
  return out;
}

uint64_t ZipLayout::DirectorySize() const {
  uint64_t size = kZip64EndBytes + kZip64LocatorBytes + kEndBytes;
  for (const Record& record : records_) {
    size += kCentralHeaderBytes + record.name.size() + Zip64Bytes(record);
  }
  return size;
}

LargeString ZipLayout::DirectoryBytes(absl::Span<const uint32_t> crc32s) const {
  LargeString out;
  out.reserve(DirectorySize());
  for (size_t i = 0; i < records_.size(); ++i) {
    const Record& record = records_[i];
    std::string extra;
    if (IsBig(record.size_bytes) || IsBig(record.header_offset)) {
      Append16(kZip64ExtraId, &extra);
      Append16((IsBig(record.size_bytes) ? 16 : 0) +
                   (IsBig(record.header_offset) ? 8 : 0),
               &extra);
      if (IsBig(record.size_bytes)) {
        Append64(record.size_bytes, &extra);
        Append64(record.size_bytes, &extra);
      }
      if (IsBig(record.header_offset)) Append64(record.header_offset, &extra);
    }
    Append32(kCentralHeaderSignature, &out);
    Append16(0, &out);  // made by
    Append16(0, &out);  // version needed
    Append16(Flags(record), &out);
    Append16(kStored, &out);
    Append32(0, &out);  // time and date
    Append32(crc32s[i], &out);
    Append32(Saturate32(record.size_bytes), &out);
    Append32(Saturate32(record.size_bytes), &out);
    Append16(record.name.size(), &out);
    Append16(extra.size(), &out);
    Append16(0, &out);  // comment
    Append16(0, &out);  // disk
    Append16(0, &out);  // internal attributes
    Append32(0, &out);  // external attributes
    Append32(Saturate32(record.header_offset), &out);
    out.append(record.name.data(), record.name.size());
    out.append(extra.data(), extra.size());
  }
  const uint64_t directory_bytes = out.size();
  const uint64_t zip64_end_offset = directory_offset() + directory_bytes;
  Append32(kZip64EndSignature, &out);
  Append64(kZip64EndBytes - 12, &out);
  Append16(kZip64MadeBy, &out);
  Append16(kZip64Needed, &out);
  Append32(0, &out);  // this disk
  Append32(0, &out);  // the directory's disk
  Append64(records_.size(), &out);
  Append64(records_.size(), &out);
  Append64(directory_bytes, &out);
  Append64(directory_offset(), &out);
  Append32(kZip64LocatorSignature, &out);
  Append32(0, &out);  // the zip64 end record's disk
  Append64(zip64_end_offset, &out);
  Append32(1, &out);  // disks
  Append32(kEndSignature, &out);
  Append16(0, &out);
  Append16(0, &out);
  Append16(std::min<uint64_t>(records_.size(), 0xFFFF), &out);
  Append16(std::min<uint64_t>(records_.size(), 0xFFFF), &out);
  Append32(Saturate32(directory_bytes), &out);
  Append32(Saturate32(directory_offset()), &out);
  Append16(0, &out);  // comment
  return out;
}

}  // namespace zip
}  // namespace v1
}  // namespace ferry
