// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/checkpoint_info.h
// -----------------------------------------------------------------------------
//
// What kind of file a checkpoint is.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::Open("a.pt"));
//   std::cout << Name(checkpoint.info().container);  // "zip"
#ifndef FERRY_SERIALIZATION_CONTAINER_CHECKPOINT_INFO_H_
#define FERRY_SERIALIZATION_CONTAINER_CHECKPOINT_INFO_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/serialization/container/container_kind.h"

namespace ferry {
inline namespace v1 {

enum class CheckpointKind {
  kCheckpoint,   // what torch.save wrote
  kTorchScript,  // what torch.jit.save or C++'s torch::save wrote
};

// Returns "checkpoint" or "torchscript".
absl::string_view Name(CheckpointKind kind);

// A record of an archive.
struct RecordInfo {
  std::string name;  // without the archive's name
  uint64_t size_bytes = 0;
};

// What kind of file a checkpoint is, and how it was written.
struct CheckpointInfo {
  Container container = Container::kZip;
  CheckpointKind kind = CheckpointKind::kCheckpoint;
  // The name of the codec that wrote the object graph: "pickle". Empty for
  // safetensors, which have no codec.
  std::string codec;
  // 0 if there is no pickle.
  int pickle_protocol = 0;
  bool is_big_endian = false;
  // The prefix of the names of a zip archive's records: "archive".
  std::string archive_name;
  // The other records of a TorchScript archive, apart from its objects and
  // their tensors, in archive order: the version of its format ("version"), the
  // program ("bytecode.pkl", and as text "code/__torch__.py"), and the files
  // that the caller of `torch.jit.save` added ("extra/notes.txt").
  std::vector<RecordInfo> program_records;
  // The `__metadata__` of a safetensors file, as pairs of name and text in file
  // order.
  std::vector<std::pair<std::string, std::string>> metadata;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CHECKPOINT_INFO_H_
