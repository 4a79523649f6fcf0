// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads any bytes as a safetensors file's header. What is accepted keeps its
// promises, and is written and read again as the same.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/safetensors/header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace st = ferry::safetensors;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size < st::kSizeBytes) return 0;
  const uint64_t header_bytes = ferry::Load64(bytes.data());
  if (header_bytes > size - st::kSizeBytes) return 0;
  const uint64_t data_bytes = size - st::kSizeBytes - header_bytes;
  const absl::StatusOr<st::Header> header =
      st::ParseHeader(bytes.substr(st::kSizeBytes, header_bytes), data_bytes);
  if (!header.ok()) return 0;
  uint64_t total_bytes = 0;
  for (const st::HeaderTensor& tensor : header->tensors) {
    if (tensor.begin > tensor.end || tensor.end > data_bytes) __builtin_trap();
    total_bytes += tensor.end - tensor.begin;
  }
  if (total_bytes != data_bytes) __builtin_trap();
  const std::string written = st::HeaderBytes(*header);
  const absl::StatusOr<st::Header> again = st::ParseHeader(
      absl::string_view(written).substr(st::kSizeBytes), data_bytes);
  if (!again.ok() || st::HeaderBytes(*again) != written) __builtin_trap();
  return 0;
}
