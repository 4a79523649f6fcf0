// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/legacy_stream.h
// -----------------------------------------------------------------------------
//
// Reads the format that `torch.save` wrote from 0.1.10 to 1.5, and still writes
// with `_use_new_zipfile_serialization=False`: a sequence of pickles, followed
// by the storages, without padding, checksums or a directory.
//
//   pickle of 0x1950a86a20f9469cfc6c
//   pickle of 1001
//   pickle of a dict that describes the machine; empty from C++
//   pickle of the object, storages by persistent id
//   pickle of the list of the storages' keys
//   for each key: int64, little-endian, the number of elements; the elements,
//                 little-endian
//
// The layout follows torch/serialization.py (_legacy_save, _legacy_load) and
// torch/csrc/serialization.cpp (THPStorage_writeFileRaw).
#ifndef FERRY_SERIALIZATION_TORCH_LEGACY_STREAM_H_
#define FERRY_SERIALIZATION_TORCH_LEGACY_STREAM_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// The number at the beginning of such a file, in little-endian two's
// complement.
inline constexpr absl::string_view kLegacyMagic =
    "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

// The value of the second pickle.
inline constexpr int64_t kLegacyProtocolVersion = 1001;

// Returns whether a node is the number above.
bool IsLegacyMagic(const ObjectGraph& graph, NodeId root);

// Returns whether `pickle` holds that number and little else, in any protocol,
// as writers of such files produce it.
bool IsLegacyMagic(absl::string_view pickle);

// Reads the stream at the beginning of `file`, which must outlive the result.
// Other bytes may follow the stream. Reads only the sizes of the storages.
//
// Errors:
//   kDataLoss          - damaged or truncated; the message has the file, the
//                        part and the offset.
//   kUnimplemented     - another version of the layout; complex numbers from a
//                        big-endian machine, whose real and imaginary parts
//                        PyTorch mixes up.
//   kResourceExhausted - the budget is spent.
absl::StatusOr<ParsedCheckpoint> ReadLegacyStream(
    const RandomAccessFile& file, const ContainerOptions& options);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_LEGACY_STREAM_H_
