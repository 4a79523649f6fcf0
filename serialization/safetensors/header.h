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
// and the object has a member for each tensor, and perhaps one for remarks:
//
//   {"__metadata__": {"format": "pt"},
//    "fc.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
//
// Offsets count from the first byte after the header. The tensors, in whatever
// order they are named, fill the rest of the file without gaps and overlaps.
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
namespace safetensors {

// What stands before the header.
inline constexpr uint64_t kSizeBytes = 8;

// The library refuses larger headers, so that a damaged size asks for no more.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;

struct HeaderTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  // As PyTorch counts it: of float4_e2m1fn_x2, whose elements the file counts
  // one by one, the last dimension is half of the file's.
  Dimensions shape;
  // [begin, end) of the bytes after the header.
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct Header {
  // `__metadata__`, in the order of the file.
  std::vector<std::pair<std::string, std::string>> metadata;
  // In the order of the file.
  std::vector<HeaderTensor> tensors;
};

// Reads a header and checks it against the `data_bytes` bytes that follow it:
// each tensor's size is that of its shape and dtype, and together they are all
// of the bytes. Takes memory in proportion to the text; does not recurse.
// Members that are not known are passed over.
//
// Errors:
//   kDataLoss      - not such a header; the message has the tensor, or the
//                    byte of the text.
//   kUnimplemented - a dtype that PyTorch does not have.
absl::StatusOr<Header> ParseHeader(absl::string_view text, uint64_t data_bytes);

// The size and the header as the library writes them, byte for byte: no space
// but the padding, which makes the whole a multiple of eight.
//
// Names and remarks must be UTF-8 without surrogates; dtypes such as `CodeOf`
// knows; the last dimension of a float4_e2m1fn_x2 less than 2^62.
std::string HeaderBytes(const Header& header);

}  // namespace safetensors
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_HEADER_H_
