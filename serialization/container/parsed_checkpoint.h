// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/parsed_checkpoint.h
// -----------------------------------------------------------------------------
//
// What a container's reader makes of a file: what kind of file it is, its
// object graph, and where the bytes of each storage stand. No tensor data has
// been read.
#ifndef FERRY_SERIALIZATION_CONTAINER_PARSED_CHECKPOINT_H_
#define FERRY_SERIALIZATION_CONTAINER_PARSED_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/core/file.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/storage.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/transfer/storage_reader.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {

enum class CheckpointKind {
  kCheckpoint,   // what torch.save wrote
  kTorchScript,  // what torch.jit.save or C++'s torch::save wrote
};

// "checkpoint", "torchscript".
absl::string_view Name(CheckpointKind kind);

struct CheckpointInfo {
  Container container = Container::kZip;
  CheckpointKind kind = CheckpointKind::kCheckpoint;
  // 0 where there is no pickle.
  int pickle_protocol = 0;
  bool is_big_endian = false;
  // What a zip archive's records are prefixed with: "archive".
  std::string archive_name;
  // Of a TorchScript archive: the records with the program's text, without the
  // archive's name: "code/__torch__.py".
  std::vector<std::string> code_records;
  // The remarks of a safetensors file, its `__metadata__`: names and texts in
  // the order of the file.
  std::vector<std::pair<std::string, std::string>> metadata;
};

struct ParsedCheckpoint {
  CheckpointInfo info;
  std::shared_ptr<ObjectGraph> graph;
  NodeId root = kNoNode;
  // Of a TorchScript archive: its constants, in a graph of their own. Else
  // null.
  std::shared_ptr<ObjectGraph> constants_graph;
  NodeId constants = kNoNode;
  // In the order of first reference. The storages are described.
  struct StoragePart {
    static constexpr uint32_t kNoRoot = 0xFFFFFFFF;

    Storage storage;
    StorageSource source;
    // Of a storage that is a part of another one, as PyTorch before 1.0 had
    // them: the index of that one, which is no such part itself. On the host
    // they share their memory.
    uint32_t root = kNoRoot;
  };
  std::vector<StoragePart, HugePageAllocator<StoragePart>> storages;
  // What the sources count their offsets in, where that is not the file: bytes
  // in the memory of the graph. Else null.
  std::unique_ptr<ReadableBytes> storage_bytes;
  // Of a zip archive; the sources point into it. Else null.
  std::unique_ptr<zip::ZipDirectory> directory;
  // Of the other containers, which have no checksums.
  std::vector<PlainRecord> records;
  // Where the checkpoint ends in the file. There may be more after it.
  uint64_t end_offset_bytes = 0;
  // What a user should know about the file although it can be read.
  std::vector<std::string> warnings;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_PARSED_CHECKPOINT_H_
