// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/parsed_checkpoint.h
// -----------------------------------------------------------------------------
//
// What a container's reader makes of a file: what kind of file it is, its
// object graph, and where the bytes of each storage stand. No tensor data has
// been read.
#ifndef FERRY_SERIALIZATION_PARSED_CHECKPOINT_H_
#define FERRY_SERIALIZATION_PARSED_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/storage.h"
#include "ferry/serialization/storage_reader.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {

// How a file holds its records.
enum class Container {
  kZip,
};

enum class CheckpointKind {
  kCheckpoint,   // what torch.save wrote
  kTorchScript,  // what torch.jit.save or C++'s torch::save wrote
};

// "zip", ...; "checkpoint", "torchscript".
absl::string_view Name(Container container);
absl::string_view Name(CheckpointKind kind);

struct CheckpointInfo {
  Container container = Container::kZip;
  CheckpointKind kind = CheckpointKind::kCheckpoint;
  int pickle_protocol = 0;
  bool is_big_endian = false;
  // What a zip archive's records are prefixed with: "archive".
  std::string archive_name;
};

struct ParsedCheckpoint {
  CheckpointInfo info;
  std::shared_ptr<ObjectGraph> graph;
  NodeId root = kNoNode;
  // In the order of first reference. The storages are described.
  struct StoragePart {
    Storage storage;
    StorageSource source;
  };
  std::vector<StoragePart, HugePageAllocator<StoragePart>> storages;
  // Of a zip archive; the sources point into it. Else null.
  std::unique_ptr<zip::ZipDirectory> directory;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PARSED_CHECKPOINT_H_
