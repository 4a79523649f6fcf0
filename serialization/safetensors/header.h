// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/safetensors/header.h
// -----------------------------------------------------------------------------
//
// The header of a safetensors file. Such a file is
//
//   8 bytes   N, the header's size, little-endian
//   N bytes   the header: a JSON object, padded with spaces
//   the rest  the tensors' elements, little-endian and row-major
//
// The object has a member for each tensor, and optionally one for metadata:
//
//   {"__metadata__": {"format": "pt"},
//    "fc.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
//
// Offsets count from the first byte after the header. The tensors, which may be
// listed in any order, fill the rest of the file without gaps or overlaps.
// (https://github.com/huggingface/safetensors, README.md, "Format", and
// safetensors/src/tensor.rs, version 0.8.)
#ifndef FERRY_SERIALIZATION_SAFETENSORS_HEADER_H_
#define FERRY_SERIALIZATION_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {

// The number of bytes before the header.
inline constexpr uint64_t kSizeBytes = 8;

// The library refuses larger headers, which limits the effect of a damaged
// size.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;

struct HeaderTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  // The shape as PyTorch counts it. For float4_e2m1fn_x2 the file counts single
  // elements, so the last dimension here is half of the file's.
  Dimensions shape;
  // The tensor's bytes are [begin, end), counted from the end of the header.
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct Header {
  // `__metadata__`, in the order of the file.
  std::vector<std::pair<std::string, std::string>> metadata;
  // In the order of the file.
  std::vector<HeaderTensor> tensors;
};

// Parses a header and checks it against the `data_bytes` bytes that follow it:
// each tensor's size must match its shape and dtype, and together the tensors
// must cover all of the bytes. Uses memory in proportion to the text; does not
// recurse. Ignores unknown members.
//
// Errors:
//   kDataLoss      - not a valid header; the message has the tensor, or the
//                    offset in the text.
//   kUnimplemented - PyTorch does not have the dtype, or a tensor has more than
//                    kMaxRank dimensions.
absl::StatusOr<Header> ParseHeader(absl::string_view text, uint64_t data_bytes);

// Returns the size and the header, byte for byte as the library writes them:
// without spaces except for the padding, which makes the total size a multiple
// of eight.
//
// Names and metadata must be UTF-8 without surrogates, `CodeOf` must know the
// dtypes, and the last dimension of a float4_e2m1fn_x2 must be less than 2^62.
std::string HeaderBytes(const Header& header);

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_HEADER_H_
