// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/codec.h
// -----------------------------------------------------------------------------
//
// The interface that converts an object graph to bytes and back, like
// `pickle_module` of `torch.save`. The bytes are one record of a zip archive,
// the graph record. Each storage has a record of its own, to which a codec only
// refers.
//
// Pickle is the first codec (serialization/torch/pickle_codec.h). A program
// adds its own to a `CodecRegistry`; examples/json_codec.cc shows how to write
// one.
#ifndef FERRY_SERIALIZATION_CONTAINER_CODEC_H_
#define FERRY_SERIALIZATION_CONTAINER_CODEC_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/large_allocator.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

// The name of the codec that every registry has.
inline constexpr absl::string_view kPickleCodecName = "pickle";

// Codec
//
// The interface of a codec. `name()` and `suffix()` must always return the same
// text; `CodecRegistry::Register` says which texts they may be.
//
// Thread-safety: const methods may be called from any number of threads.
class Codec {
 public:
  virtual ~Codec() = default;

  // Returns the name in options and messages: "pickle".
  virtual absl::string_view name() const = 0;

  // Returns the suffix that identifies its files: "pkl" if the graph record is
  // called "data.pkl".
  virtual absl::string_view suffix() const = 0;

  struct GraphRead {
    // The root of the value, a node of the graph.
    NodeId root = kNoNode;
    // The version of the codec's own format: the pickle protocol.
    int version = 0;
    // Where the graph ends in the bytes. There may be more after it.
    uint64_t size_bytes = 0;
  };

  // Reads a graph record into `graph`, which is empty, and describes in
  // `storages` each storage that it refers to (`StorageTable::Describe`).
  //
  // `storages` stores keys as views and outlives the call. Take the keys from
  // `bytes` or from text of `graph`, both of which outlive `storages`. The
  // input is untrusted: do not recurse, and charge to `budget` any work or
  // memory that can exceed a small multiple of the size of `bytes`. Add each
  // Python class or function as a global (`ObjectGraph::AddGlobal`), because
  // `Globals::kStrict` checks globals. The caller checks that `GraphRead` fits
  // the graph and the bytes.
  //
  // Errors:
  //   kDataLoss          - the bytes are damaged; the message has the offset.
  //   kUnimplemented     - the bytes are of a later version of the format.
  //   kResourceExhausted - `budget` is spent.
  //   whatever `storages` returns.
  virtual absl::StatusOr<GraphRead> Read(absl::string_view bytes,
                                         Budget* budget, StorageTable* storages,
                                         ObjectGraph* graph) const = 0;

  // Writes `root` and everything that it refers to, and adds each storage to
  // `storages` (`StorageTable::Add`). The archive names the record of a storage
  // by its index in that table: "data/0" is the first. `Read` must use that
  // index in decimal as the key of the storage. The same graph must always give
  // the same bytes.
  //
  // Errors:
  //   kInvalidArgument - the value contains something that no reader could
  //                      read.
  //   kUnimplemented   - the value contains something that the codec cannot
  //                      represent.
  //   whatever `storages` returns.
  virtual absl::StatusOr<LargeString> Write(const ObjectGraph& graph,
                                            NodeId root,
                                            StorageTable* storages) const = 0;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CODEC_H_
