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
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/storage.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/value/object_graph.h"

namespace ferry {

struct ParsedCheckpoint {
  CheckpointInfo info;
  std::shared_ptr<ObjectGraph> graph;
  NodeId root = kNoNode;
  // The constants of a TorchScript archive, in a graph of their own. Null for
  // other files.
  std::shared_ptr<ObjectGraph> constants_graph;
  NodeId constants = kNoNode;
  struct StoragePart {
    static constexpr uint32_t kNoRoot = 0xFFFFFFFF;

    // Described, not placed.
    Storage storage;
    // Where its bytes stand. Empty if the file has none of them.
    absl::Span<const Extent> extents;
    // A part of another storage, as PyTorch before 1.0 had them, has the index
    // of that one here, which is no part itself, and where in it the part
    // begins. On the host they share their memory.
    uint32_t root = kNoRoot;
    uint64_t root_offset_bytes = 0;
  };
  // The storages in the order of first reference.
  std::vector<StoragePart, HugePageAllocator<StoragePart>> storages;
  // The extents that `storages` point into, unless they point into `records`.
  // Does not change once they do.
  std::vector<Extent, HugePageAllocator<Extent>> extents;
  // Every record of the first file, in its order, and what keeps them and their
  // names.
  absl::Span<const Extent> records;
  std::shared_ptr<const void> records_owner;
  // Finds one of `records` by its name, in O(1). Null if `records` have no
  // unique names.
  std::function<const Extent*(absl::string_view name)> find_record;
  // The files that extents name, from the second on; the first is the one that
  // was read.
  std::vector<std::unique_ptr<ReadableBytes>> more_files;
  // Where the checkpoint ends in the first file. There may be more after it.
  uint64_t end_offset_bytes = 0;
  // Whether a storage is referred to as elements of two dtypes, of which the
  // first counts. There is a warning as well.
  bool has_other_dtypes = false;
  // What a user should know about the file although it can be read.
  std::vector<std::string> warnings;
};

// Gives storage i the extent i. There must be as many of one as of the other,
// and `extents` must not change afterwards.
void AttachExtents(ParsedCheckpoint* parsed);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_PARSED_CHECKPOINT_H_
