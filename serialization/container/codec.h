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
// Pickle is the first codec (serialization/torch/pickle_codec.h). A program
// adds its own to a `CodecRegistry`; examples/json_codec.cc shows how to write
// one.
#ifndef FERRY_SERIALIZATION_CONTAINER_CODEC_H_
#define FERRY_SERIALIZATION_CONTAINER_CODEC_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/huge_pages.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {

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

  // What options and messages call it: "pickle".
  virtual absl::string_view name() const = 0;

  // What marks its files: "pkl", if the graph record is called "data.pkl".
  virtual absl::string_view suffix() const = 0;

  struct GraphRead {
    // A node of the graph.
    NodeId root = kNoNode;
    // The version of the codec's own format: the pickle protocol.
    int version = 0;
    // Where the graph ends in the bytes. There may be more after it.
    uint64_t size_bytes = 0;
  };

  // Reads a graph record into `graph`, which is empty, and describes in
  // `storages` each storage that it refers to (`StorageTable::Describe`).
  //
  // `storages` keeps the keys that it is given as views, and outlives the call:
  // take them from `bytes` or from text of `graph`, which outlive `storages`.
  // Input is never trusted: use no recursion, and no work or memory out of
  // proportion to the size of `bytes`. Add each class or function of Python as
  // a global (`ObjectGraph::AddGlobal`), since that is where `Globals::kStrict`
  // looks. The caller checks that `GraphRead` fits the graph and the bytes.
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
  // `storages` (`StorageTable::Add`). The archive names the record of a storage
  // by its index in that table: "data/0" is the first. `Read` must describe
  // the storage by that index in decimal. The same graph must always give the
  // same bytes.
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
