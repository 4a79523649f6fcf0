// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/safetensors/safetensors_reader.h
// -----------------------------------------------------------------------------
//
// Reads a safetensors file as a checkpoint: a dict of its tensors by name, in
// the order of the file, each over a storage of its own, on the CPU.
#ifndef FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_READER_H_
#define FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_READER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
namespace safetensors {

// Whether a file that begins with `head` is, or was, a safetensors file: a size
// of less than 4 GiB, and the "{" of the header. False of less than 9 bytes.
bool LooksLikeSafetensors(absl::string_view head);

// Reads the header and nothing else. Its size counts against
// `LoadLimits::max_pickle_bytes`.
//
// Errors:
//   kDataLoss          - damaged, cut short, or longer than the header says;
//                        the message has the file and the tensor.
//   kUnimplemented     - a dtype that PyTorch does not have.
//   kResourceExhausted - past the limits.
absl::StatusOr<ParsedCheckpoint> ReadSafetensors(
    const ReadableBytes& file, const ContainerOptions& options);

}  // namespace safetensors
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_READER_H_
