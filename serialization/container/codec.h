// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/codec.h
// -----------------------------------------------------------------------------
//
// How an object graph becomes bytes, and back: what `pickle_module` is for
// `torch.save`. The bytes are one record of a zip archive, the graph record;
// the storages are records of their own, which a codec only refers to.
//
// Pickle is the first codec (serialization/torch/pickle_codec.h).
#ifndef FERRY_SERIALIZATION_CONTAINER_CODEC_H_
#define FERRY_SERIALIZATION_CONTAINER_CODEC_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/object_graph.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"

namespace ferry {

// Codec
//
// Thread-safety: const methods may be called from any number of threads.
class Codec {
 public:
  virtual ~Codec() = default;

  // What messages call it: "pickle".
  virtual absl::string_view name() const = 0;

  // What marks its files: "pkl", if the graph record is called "data.pkl".
  virtual absl::string_view suffix() const = 0;

  struct GraphRead {
    NodeId root = kNoNode;
    // The version of the codec's own format: the pickle protocol.
    int version = 0;
    // Where the graph ends in the bytes. There may be more after it.
    uint64_t size_bytes = 0;
  };

  // Reads a graph record into `graph`, which is empty, and describes in
  // `storages` each storage that it refers to. `bytes` and `graph` outlive
  // `storages`; the codec need not. Input is never trusted: no recursion, and
  // no work or memory out of proportion to the bytes.
  //
  // Errors:
  //   kDataLoss          - damaged; the message has the offset.
  //   kUnimplemented     - a later version of the format.
  //   kResourceExhausted - past the limits.
  //   whatever `storages` returns.
  virtual absl::StatusOr<GraphRead> Read(absl::string_view bytes,
                                         const LoadLimits& limits,
                                         StorageTable* storages,
                                         ObjectGraph* graph) const = 0;

  // Writes `root` and all that it refers to, and adds each storage to
  // `storages`. The same graph gives the same bytes.
  //
  // Errors:
  //   kInvalidArgument - something that no reader could read.
  //   kUnimplemented   - something that the codec cannot keep.
  //   whatever `storages` returns.
  virtual absl::StatusOr<LargeString> Write(const ObjectGraph& graph,
                                            NodeId root,
                                            StorageTable* storages) const = 0;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CODEC_H_
