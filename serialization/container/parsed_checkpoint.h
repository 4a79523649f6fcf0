// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/parsed_checkpoint.h
// -----------------------------------------------------------------------------
//
// The result of parsing a container: the kind of file, its object graph, and
// where the bytes of each storage are. No tensor data has been read.
#ifndef FERRY_SERIALIZATION_CONTAINER_PARSED_CHECKPOINT_H_
#define FERRY_SERIALIZATION_CONTAINER_PARSED_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/storage.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

struct ParsedCheckpoint {
  CheckpointInfo info;
  std::shared_ptr<ObjectGraph> graph;
  NodeId root = kNoNode;
  // The constants of a TorchScript archive, in a graph of their own. Null for
  // other files.
  std::shared_ptr<ObjectGraph> constants_graph;
  NodeId constants = kNoNode;
  struct ParsedStorage {
    static constexpr uint32_t kNoBase = 0xFFFFFFFF;

    // Described, not loaded.
    Storage storage;
    // Where its bytes are. Empty if the file has none of them.
    absl::Span<const Extent> extents;
    // If this storage is a view of another one (PyTorch before 1.0 had storage
    // views), the index of its base, which is not itself a view, and where the
    // view begins in it. On the host, the two share memory.
    uint32_t base = kNoBase;
    uint64_t base_offset_bytes = 0;

    // Set if the elements are cast while they are loaded: the storage as it is
    // in the file, and both dtypes. `storage` and `base_offset_bytes` are those
    // after the cast; `extents` are those of the file.
    struct Cast {
      Storage stored;
      DType from;
      DType to;
    };
    std::optional<Cast> cast;

    // The alignment that its elements need in memory; by default that of any
    // dtype.
    uint8_t alignment_bytes = 8;
  };
  // The storages in the order of first reference.
  std::vector<ParsedStorage, HugePageAllocator<ParsedStorage>> storages;
  // Returns the index of the storage whose bytes storage `i` shares: its base's
  // if it is a view, else its own.
  size_t FamilyOf(size_t i) const {
    const uint32_t base = storages[i].base;
    return base == ParsedStorage::kNoBase ? i : base;
  }
  // The extents that `storages` point into, unless they point into `records`.
  // Must not change once they do.
  std::vector<Extent, HugePageAllocator<Extent>> extents;
  // Every record of the first file, in file order, and the owner of the records
  // and their names.
  absl::Span<const Extent> records;
  std::shared_ptr<const void> records_owner;
  // Finds a record by its name, in O(1). Null if the names of `records` are not
  // unique.
  std::function<const Extent*(absl::string_view name)> find_record;
  // The files that extents refer to, from the second on. The first is the
  // parsed file.
  std::vector<std::unique_ptr<RandomAccessFile>> more_files;
  // Where the checkpoint ends in the first file. There may be more after it.
  uint64_t end_offset_bytes = 0;
  // Whether the file refers to a storage with two dtypes. The first one is
  // used, and there is a warning.
  bool has_other_dtypes = false;
  // Warnings about a file that can be read.
  std::vector<std::string> warnings;
};

// Assigns extent i to storage i. There must be equally many of both, and
// `extents` must not change afterwards.
void AttachExtents(ParsedCheckpoint* parsed);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_PARSED_CHECKPOINT_H_
