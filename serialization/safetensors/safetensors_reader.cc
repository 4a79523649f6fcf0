// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/safetensors/safetensors_reader.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/safetensors/header.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {
namespace {

// The most memory that the parser and the graph take for a byte of the header:
// an entry of 50 bytes makes a few records of 100 to 200 bytes.
constexpr uint64_t kMemoryPerByte = 32;

absl::Status AddTensors(const Header& header, uint64_t data_offset,
                        ParsedCheckpoint* parsed) {
  ObjectGraph& graph = *parsed->graph;
  const auto num_tensors = static_cast<uint32_t>(header.tensors.size());
  // No name is longer than the header.
  graph.Reserve(2 * num_tensors + 8, num_tensors, data_offset);
  parsed->storages.reserve(header.tensors.size());
  parsed->extents.reserve(header.tensors.size());
  std::vector<PlainRecord> records;
  records.reserve(header.tensors.size());
  for (const HeaderTensor& entry : header.tensors) {
    ParsedCheckpoint::ParsedStorage part;
    part.storage = Storage::Described(entry.end - entry.begin, "cpu");
    parsed->extents.push_back(
        MakePlainExtent(0, data_offset + entry.begin, entry.end - entry.begin));
    FERRY_ASSIGN_OR_RETURN(
        Tensor tensor, Tensor::Create(part.storage, entry.dtype, entry.shape));
    const NodeId nodes[] = {graph.AddStr(entry.name),
                            graph.AddTensor(std::move(tensor))};
    graph.AppendEntries(parsed->root, nodes);
    records.push_back(
        {entry.name, data_offset + entry.begin, entry.end - entry.begin});
    parsed->storages.push_back(std::move(part));
  }
  SetRecords(std::move(records), parsed);
  for (size_t i = 0; i < parsed->extents.size(); ++i) {
    parsed->extents[i].name = parsed->records[i].name;
  }
  AttachExtents(parsed);
  return absl::OkStatus();
}

}  // namespace

bool LooksLikeSafetensors(absl::string_view head) {
  return head.size() > kSizeBytes && head[kSizeBytes] == '{' &&
         Load32(head.data() + 4) == 0;
}

absl::StatusOr<ParsedCheckpoint> ReadSafetensors(
    const RandomAccessFile& file, const ContainerOptions& options) {
  const auto error = [&file](absl::StatusCode code, absl::string_view what) {
    return absl::Status(
        code, absl::StrCat(file.name(), ": the safetensors header ", what));
  };
  char size_field[kSizeBytes];
  FERRY_RETURN_IF_ERROR(file.ReadAt(0, absl::MakeSpan(size_field)));
  const uint64_t header_bytes = Load64(size_field);
  if (header_bytes > kMaxHeaderBytes) {
    return error(absl::StatusCode::kDataLoss,
                 absl::StrCat("claims to have ", header_bytes,
                              " bytes; the format allows ", kMaxHeaderBytes));
  }
  if (header_bytes > file.size_bytes() - kSizeBytes) {
    return error(absl::StatusCode::kDataLoss,
                 absl::StrCat("of ", header_bytes,
                              " bytes is cut short: the "
                              "file has ",
                              file.size_bytes()));
  }
  const absl::Status fits =
      options.budget->ChargeMemory(kMemoryPerByte * header_bytes);
  if (!fits.ok()) return error(fits.code(), fits.message());
  std::string text(header_bytes, '\0');
  FERRY_RETURN_IF_ERROR(file.ReadAt(
      kSizeBytes,
      absl::MakeSpan(text.empty() ? nullptr : &text[0], text.size())));
  const uint64_t data_offset = kSizeBytes + header_bytes;
  const absl::StatusOr<Header> header =
      ParseHeader(text, file.size_bytes() - data_offset);
  if (!header.ok()) {
    return error(header.status().code(),
                 absl::StrCat("is refused: ", header.status().message()));
  }
  ParsedCheckpoint parsed;
  parsed.info.container = Container::kSafetensors;
  parsed.info.metadata = header->metadata;
  parsed.end_offset_bytes = file.size_bytes();
  parsed.graph = std::make_shared<ObjectGraph>();
  parsed.root = parsed.graph->AddDict();
  FERRY_RETURN_IF_ERROR(AddTensors(*header, data_offset, &parsed));
  return parsed;
}

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry
