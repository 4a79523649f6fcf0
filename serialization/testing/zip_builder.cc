// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/zip_builder.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "ferry/io/crc32.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/zip/zip_format.h"

namespace ferry {
inline namespace v1 {
namespace {

uint64_t Saturate32(uint64_t value) {
  return std::min<uint64_t>(value, 0xFFFFFFFF);
}
uint64_t Saturate16(uint64_t value) {
  return std::min<uint64_t>(value, 0xFFFF);
}

std::string LocalHeader(const ZipBuilderRecord& record) {
  const std::string& name = record.local_name.value_or(record.name);
  std::string out;
  Append32(record.local_signature.value_or(zip::kLocalHeaderSignature), &out);
  Append16(0, &out);
  Append16(record.flags, &out);
  Append16(record.local_method.value_or(record.method), &out);
  Append32(0, &out);
  Append32(record.crc32, &out);
  Append32(Saturate32(record.stored_bytes), &out);
  Append32(Saturate32(record.size_bytes), &out);
  Append16(name.size(), &out);
  Append16(record.local_extra.size(), &out);
  return out + name + record.local_extra;
}

std::string Zip64Extra(const ZipBuilderRecord& record, uint64_t offset) {
  std::string values;
  if (record.size_bytes >= 0xFFFFFFFF) Append64(record.size_bytes, &values);
  if (record.stored_bytes >= 0xFFFFFFFF) Append64(record.stored_bytes, &values);
  if (offset >= 0xFFFFFFFF) Append64(offset, &values);
  std::string out;
  if (values.empty()) return out;
  Append16(zip::kZip64ExtraId, &out);
  Append16(values.size(), &out);
  return out + values;
}

std::string CentralHeader(const ZipBuilderRecord& record,
                          uint64_t true_offset) {
  const uint64_t offset = record.header_offset.value_or(true_offset);
  const std::string extra =
      record.extra.has_value() ? *record.extra : Zip64Extra(record, offset);
  std::string out;
  Append32(zip::kCentralHeaderSignature, &out);
  Append32(0, &out);
  Append16(record.flags, &out);
  Append16(record.method, &out);
  Append32(0, &out);
  Append32(record.crc32, &out);
  Append32(Saturate32(record.stored_bytes), &out);
  Append32(Saturate32(record.size_bytes), &out);
  Append16(record.name.size(), &out);
  Append16(extra.size(), &out);
  Append16(0, &out);
  Append16(record.disk, &out);
  Append16(0, &out);
  Append32(0, &out);
  Append32(Saturate32(offset), &out);
  return out + record.name + extra;
}

}  // namespace

ZipBuilderRecord& ZipBuilder::Add(absl::string_view name,
                                  absl::string_view contents) {
  ZipBuilderRecord record;
  record.name = std::string(name);
  record.stored = std::string(contents);
  record.crc32 = Crc32(contents);
  record.size_bytes = record.stored_bytes = contents.size();
  records_.push_back(record);
  return records_.back();
}

ZipBuilderRecord& ZipBuilder::AddDeflated(absl::string_view name,
                                          absl::string_view contents) {
  ZipBuilderRecord& record = Add(name, contents);
  record.method = zip::kDeflated;
  record.stored = Deflate(contents);
  record.stored_bytes = record.stored.size();
  return record;
}

ZipBuilderRecord& ZipBuilder::record(absl::string_view name) {
  for (ZipBuilderRecord& record : records_) {
    if (record.name == name) return record;
  }
  std::abort();
}

void ZipBuilder::Remove(absl::string_view name) {
  for (auto it = records_.begin(); it != records_.end(); ++it) {
    if (it->name != name) continue;
    records_.erase(it);
    return;
  }
  std::abort();
}

std::string ZipBuilder::Build() const {
  std::string out = leading;
  std::string directory;
  // Offsets are counted from the archive's first byte.
  for (const ZipBuilderRecord& record : records_) {
    directory += CentralHeader(record, out.size() - leading.size());
    if (record.is_only_listed) continue;
    out += LocalHeader(record);
    out += record.stored;
  }
  const uint64_t entries = num_entries.value_or(records_.size());
  const uint64_t bytes = directory_bytes.value_or(directory.size());
  const uint64_t offset =
      directory_offset.value_or(out.size() - leading.size());
  out += directory;
  if (has_zip64_end) {
    const uint64_t end_offset = out.size() - leading.size();
    const uint64_t zip64_entries = zip64_num_entries.value_or(entries);
    Append32(zip::kZip64EndSignature, &out);
    Append64(zip64_end_bytes.value_or(zip::kZip64EndBytes - 12), &out);
    Append32(0, &out);
    Append32(disk, &out);
    Append32(disk, &out);
    Append64(zip64_entries, &out);
    Append64(zip64_entries, &out);
    Append64(bytes, &out);
    Append64(offset, &out);
    Append32(zip::kZip64LocatorSignature, &out);
    Append32(disk, &out);
    Append64(end_offset, &out);
    Append32(zip64_disks, &out);
  }
  Append32(zip::kEndSignature, &out);
  Append16(disk, &out);
  Append16(disk, &out);
  Append16(Saturate16(entries), &out);
  Append16(Saturate16(entries), &out);
  Append32(Saturate32(bytes), &out);
  Append32(Saturate32(offset), &out);
  Append16(comment.size(), &out);
  return out + comment + trailing;
}

std::string Deflate(absl::string_view contents) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    std::abort();
  }
  std::string out(deflateBound(&stream, contents.size()), '\0');
  std::vector<Bytef> input(contents.begin(), contents.end());
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(&out[0]);
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace v1
}  // namespace ferry
