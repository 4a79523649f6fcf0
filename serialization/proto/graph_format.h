// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/graph_format.h
// -----------------------------------------------------------------------------
//
// The constants that the reader and the writer of a graph record share and that
// checkpoint_graph.proto does not define as enumerations.
#ifndef FERRY_SERIALIZATION_PROTO_GRAPH_FORMAT_H_
#define FERRY_SERIALIZATION_PROTO_GRAPH_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <limits>

namespace ferry {
inline namespace v1 {
namespace proto {

// The version to write, and the highest version that can be read.
inline constexpr uint32_t kFormatVersion = 1;

// The release, stored in each record. Other releases name it in errors.
inline constexpr char kRelease[] = "Ferry 0.1";

inline constexpr size_t kLengthBytes = 4;  // of the length before a block
inline constexpr size_t kMaxBlockBytes = size_t{1} << 20;

// The maximum size of a record without its texts. Protobuf counts the values of
// a column in 31 bits, each value takes at least one byte, and no block may
// make a column exceed that count.
inline constexpr uint64_t kMaxValueBytes =
    std::numeric_limits<int>::max() - kMaxBlockBytes;

// The bits of a call. The lowest two are its form, an `ObjectForm`.
enum CallBits : uint64_t {
  kFormMask = 3,
  kHasState = 4,
  kHasStateSetter = 8,
  kHasItems = 16,
  kHasEntries = 32,
  kHasDropped = 64,
  kAllCallBits = 127,
};

// The bits of a view or a composite tensor.
enum TensorBits : uint64_t {
  kRequiresGrad = 1,
  kConj = 2,
  kNeg = 4,
  kRowMajor = 8,
  kComposite = 16,
  kChangedFlags = 32,
  kAllTensorBits = 63,
};

}  // namespace proto
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_GRAPH_FORMAT_H_
