// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstddef>
#include <utility>
#include <vector>

#include "ferry/core/hash_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace {

// Whether a node refers to no other, and is no global.
bool IsLeaf(const ObjectGraph& graph, NodeId node) {
  if (graph.is_object(node) || graph.is_global(node)) return false;
  switch (graph.kind(node)) {
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kDict:
    case ValueKind::kSet:
    case ValueKind::kFrozenSet:
    case ValueKind::kSize:
      return false;
    default:
      return true;
  }
}

}  // namespace

void ObjectGraph::AppendReferences(NodeId node,
                                   std::vector<NodeId>* references) const {
  const auto append = [references](absl::Span<const NodeId> nodes) {
    references->insert(references->end(), nodes.begin(), nodes.end());
  };
  if (is_object(node)) {
    const ObjectRecord object = this->object(node);
    for (NodeId part : {object.callable, object.args, object.kwargs,
                        object.state, object.state_setter, object.dropped}) {
      if (part != kNoNode) references->push_back(part);
    }
  } else if (kind(node) == ValueKind::kSize) {
    append(size_items(node));
  }
  append(items(node));
  append(entries(node));
  if (is_global(node) && global(node).source != kNoNode) {
    references->push_back(global(node).source);
  }
}

NodeId ObjectGraph::ImportLeaf(const ObjectGraph& from, NodeId leaf) {
  if (from.kind(leaf) == ValueKind::kStorage) {
    return AddStorage(from.storage(leaf));
  }
  Node copy = from.nodes_[leaf];
  switch (copy.kind) {
    case ValueKind::kTensor:
      tensors_.push_back(from.tensor(leaf));
      copy.a = static_cast<uint32_t>(tensors_.size() - 1);
      break;
    case ValueKind::kDevice:
      devices_.push_back(from.device(leaf));
      copy.a = static_cast<uint32_t>(devices_.size() - 1);
      break;
    case ValueKind::kComplex:
      complexes_.push_back(from.complex_value(leaf));
      copy.a = static_cast<uint32_t>(complexes_.size() - 1);
      break;
    case ValueKind::kStr:
    case ValueKind::kBytes:
    case ValueKind::kByteArray:
      copy.text = CopyText(from.text(leaf));
      break;
    case ValueKind::kInt:
      if (from.is_big_int(leaf)) copy.text = CopyText(from.text(leaf));
      break;
    default:
      break;
  }
  nodes_.push_back(copy);
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId ObjectGraph::Import(const ObjectGraph& from, NodeId root) {
  if (root <= kEmptyTuple) return root;
  if (IsLeaf(from, root)) return ImportLeaf(from, root);
  // By node, so that the cost is that of what is copied, not of `from`.
  HashMap<NodeId, NodeId> copies;
  for (NodeId same : {kNone, kFalse, kTrue, kEmptyTuple}) copies[same] = same;

  // First a copy of every node without what it refers to, so that each has an
  // id, then the references.
  std::vector<NodeId> reached;
  std::vector<NodeId> pending = {root};
  while (!pending.empty()) {
    const NodeId node = pending.back();
    pending.pop_back();
    if (copies.contains(node)) continue;
    if (IsLeaf(from, node)) {
      copies[node] = ImportLeaf(from, node);
      continue;
    }
    NodeId copy;
    if (from.is_global(node)) {
      const GlobalRecord& global = from.global(node);
      copy = AddGlobal(global.module, global.name);
      if (from.kind(node) == ValueKind::kDType) {
        BecomeDType(copy, from.dtype(node));
      }
    } else {
      nodes_.push_back(from.nodes_[node]);
      copy = static_cast<NodeId>(nodes_.size() - 1);
      reached.push_back(node);
    }
    copies[node] = copy;
    from.AppendReferences(node, &pending);
  }

  const auto copy_run = [&](absl::Span<const NodeId> nodes) {
    ChildRange range;
    range.start = static_cast<uint32_t>(children_.size());
    range.count = range.capacity = static_cast<uint32_t>(nodes.size());
    for (NodeId node : nodes) children_.push_back(copies[node]);
    return range;
  };
  for (NodeId node : reached) {
    Node& copy = nodes_[copies[node]];
    if (from.is_object(node)) {
      const auto copy_of = [&copies](NodeId part) {
        return part == kNoNode ? kNoNode : copies[part];
      };
      Call call = from.calls_[from.nodes_[node].a];
      call.callable = copy_of(call.callable);
      call.args = copy_of(call.args);
      if (copy.kind == ValueKind::kTensor) {
        tensors_.push_back(from.tensor(node));
        call.meaning = static_cast<uint32_t>(tensors_.size() - 1);
      } else if (copy.kind == ValueKind::kDevice) {
        devices_.push_back(from.device(node));
        call.meaning = static_cast<uint32_t>(devices_.size() - 1);
      } else if (copy.kind == ValueKind::kSize) {
        call.meaning = copies[call.meaning];
      }
      if (call.made != 0) {
        Made made = from.made_[call.made];
        for (NodeId* part :
             {&made.kwargs, &made.state, &made.state_setter, &made.dropped}) {
          *part = copy_of(*part);
        }
        made.items = copy_run(from.items(node));
        made.entries = copy_run(from.entries(node));
        call.made = static_cast<uint32_t>(made_.size());
        made_.push_back(made);
      }
      calls_.push_back(call);
      copy.a = static_cast<uint32_t>(calls_.size() - 1);
      continue;
    }
    absl::Span<const NodeId> run;
    switch (copy.kind) {
      case ValueKind::kList:
      case ValueKind::kTuple:
      case ValueKind::kSet:
      case ValueKind::kFrozenSet:
        run = from.items(node);
        break;
      case ValueKind::kDict:
        run = from.entries(node);
        break;
      default:
        run = from.size_items(node);
        break;
    }
    const ChildRange range = copy_run(run);
    copy.a = range.start;
    copy.run.count = range.count;
    copy.run.capacity = range.capacity;
  }
  for (const auto& [node, copy] : copies) {
    if (!from.is_global(node)) continue;
    const NodeId source = from.global(node).source;
    GlobalRecord& global = mutable_global(copy);
    if (source != kNoNode && global.source == kNoNode) {
      global.source = copies[source];
    }
  }
  return copies[root];
}

}  // namespace v1
}  // namespace ferry
