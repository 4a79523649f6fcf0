// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/graph_digest.h
// -----------------------------------------------------------------------------
//
// Computes one SHA-256 of everything that `torch.load` can observe in a value:
// every kind, number and text, which objects are shared, the order of entries,
// how objects are made, the views and flags of tensors, and the size, location
// and bytes of storages.
//
// Example: compute the digest of a checkpoint.
//
//   GraphDigest digest(*root.graph(), root.node(), &budget);
//   std::vector<std::string> contents;  // a digest for each storage
//   for (const Storage& storage : digest.storages()) ...
//   FERRY_ASSIGN_OR_RETURN(std::string hex, digest.Finish(contents));
#ifndef FERRY_TOOLS_FERRY_GRAPH_DIGEST_H_
#define FERRY_TOOLS_FERRY_GRAPH_DIGEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/tools/ferry/sha256.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Returns the items of a set or a frozenset. The order of the plain ones does
// not depend on their order in the file, which differs from one Python process
// to the next. O(n log n).
std::vector<NodeId> OrderedItems(const ObjectGraph& graph, NodeId set);

// GraphDigest
//
// Two values have the same digest if and only if their graphs are the same,
// except for what Python cannot observe or does not preserve: whether two equal
// numbers are one object, the order of the plain items of a set, how a
// torch.Size or a torch.device was made, the names of storages, and the source
// code of classes. The digest does not depend on the container.
//
// Thread-safety: none.
class GraphDigest {
 public:
  // Walks everything that `root` refers to, breadth first. O(nodes +
  // references), and O(n log n) for a set of n items. Charges `budget` for text
  // that many nodes may share, and stops when it is spent. Never recurses. Both
  // must outlive the digest.
  GraphDigest(const ObjectGraph& graph, NodeId root, Budget* budget);

  // The storages that `root` refers to, in the order of the walk.
  absl::Span<const Storage> storages() const { return storages_; }

  // Returns the digest in lower-case hexadecimal. Must be called once, last.
  //
  //   contents  text that represents the bytes of each of `storages()`; empty
  //             for a storage without bytes.
  //
  // Errors: as `Sha256::Finish`; kResourceExhausted - the budget is spent.
  absl::StatusOr<std::string> Finish(absl::Span<const std::string> contents);

 private:
  static constexpr uint32_t kUnseen = 0xFFFFFFFF;

  void AddNumber(uint64_t number);
  void AddText(absl::string_view text);
  // Adds text that is hashed for each of the nodes that share it.
  void AddSharedText(absl::string_view text);
  void AddNumbers(absl::Span<const int64_t> numbers);
  // Adds a node by its number, or by its contents if Python does not preserve
  // its identity.
  void AddReference(NodeId node);
  void AddReferences(absl::Span<const NodeId> nodes);
  void AddNode(NodeId node);
  void AddCall(NodeId object);
  // Adds the arguments of the call that made a tensor. For a storage, omits the
  // dtype of its elements, which the tensor does not preserve.
  void AddTensorArguments(absl::Span<const NodeId> args, bool is_nested);
  void AddTensor(const Tensor& tensor);
  void AddStorage(const Storage& storage);

  const ObjectGraph& graph_;
  Budget& budget_;
  absl::Status status_;
  Sha256 hash_;
  std::string pending_;            // not hashed yet
  std::vector<uint32_t> numbers_;  // by node
  std::vector<NodeId> order_;      // by number
  std::vector<Storage> storages_;
  HashMap<Storage, uint32_t> storage_numbers_;
};

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_GRAPH_DIGEST_H_
