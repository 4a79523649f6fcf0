// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/safetensors/safetensors_reader.h
// -----------------------------------------------------------------------------
//
// Reads a safetensors file as a checkpoint: a dict of its tensors by name, in
// file order. Each tensor has a storage of its own, on the CPU.
#ifndef FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_READER_H_
#define FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_READER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {

// Returns whether a file that begins with `head` is a safetensors file, perhaps
// a damaged one: it begins with a size of less than 4 GiB and the "{" of the
// header. Returns false if `head` has less than 9 bytes.
bool LooksLikeSafetensors(absl::string_view head);

// Reads only the header. Charges its memory to the budget.
//
// Errors:
//   kDataLoss          - the file is damaged, truncated, or longer than the
//                        header says; the message has the file and the tensor.
//   kUnimplemented     - PyTorch does not have the dtype.
//   kResourceExhausted - the budget is spent.
absl::StatusOr<ParsedCheckpoint> ReadSafetensors(
    const RandomAccessFile& file, const ContainerOptions& options);

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_READER_H_
