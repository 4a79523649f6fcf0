// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ferry/core/object_graph.h"

namespace ferry {
namespace {

// The nodes that `node` is made of, in no particular order.
void AppendParts(const ObjectGraph& graph, NodeId node,
                 std::vector<NodeId>* parts) {
  const auto append = [parts](absl::Span<const NodeId> nodes) {
    parts->insert(parts->end(), nodes.begin(), nodes.end());
  };
  if (graph.is_object(node)) {
    const ObjectRecord object = graph.object(node);
    for (NodeId part : {object.callable, object.args, object.kwargs,
                        object.state, object.state_setter, object.dropped}) {
      if (part != kNoNode) parts->push_back(part);
    }
  } else if (graph.kind(node) == ValueKind::kSize) {
    append(graph.size_items(node));
  }
  append(graph.items(node));
  append(graph.entries(node));
  if (graph.is_global(node) && graph.global(node).source != kNoNode) {
    parts->push_back(graph.global(node).source);
  }
}

}  // namespace

NodeId ObjectGraph::Import(const ObjectGraph& from, NodeId root) {
  // By node, so that the cost is that of what is copied, not of `from`.
  absl::flat_hash_map<NodeId, NodeId> copies;
  for (NodeId same : {kNone, kFalse, kTrue, kEmptyTuple}) copies[same] = same;

  // First a copy of every node without what it refers to, so that each has an
  // id, then the references.
  std::vector<NodeId> reached;
  std::vector<NodeId> pending = {root};
  while (!pending.empty()) {
    const NodeId node = pending.back();
    pending.pop_back();
    if (copies.contains(node)) continue;
    const Node& original = from.nodes_[node];
    NodeId copy;
    if (from.is_global(node)) {
      const GlobalRecord& global = from.global(node);
      copy = AddGlobal(global.module, global.name);
      if (original.kind == ValueKind::kDType) {
        BecomeDType(copy, from.dtype(node));
      }
    } else if (original.kind == ValueKind::kStorage) {
      copy = AddStorage(from.storage(node));
    } else {
      nodes_.push_back(original);
      copy = static_cast<NodeId>(nodes_.size() - 1);
      reached.push_back(node);
    }
    copies[node] = copy;
    AppendParts(from, node, &pending);
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
    uint32_t meaning = from.meaning(node);
    switch (copy.kind) {
      case ValueKind::kTensor:
        tensors_.push_back(from.tensor(node));
        meaning = static_cast<uint32_t>(tensors_.size() - 1);
        break;
      case ValueKind::kDevice:
        devices_.push_back(from.device(node));
        meaning = static_cast<uint32_t>(devices_.size() - 1);
        break;
      case ValueKind::kComplex:
        complexes_.push_back(from.complex_value(node));
        meaning = static_cast<uint32_t>(complexes_.size() - 1);
        break;
      case ValueKind::kStr:
      case ValueKind::kBytes:
      case ValueKind::kByteArray:
        copy.text = CopyText(from.text(node));
        break;
      case ValueKind::kInt:
        if (from.is_big_int(node)) copy.text = CopyText(from.text(node));
        break;
      case ValueKind::kSize:
        if (from.is_object(node)) meaning = copies[meaning];
        break;
      default:
        break;
    }
    if (from.is_object(node)) {
      const auto copy_of = [&copies](NodeId part) {
        return part == kNoNode ? kNoNode : copies[part];
      };
      Call call = from.calls_[from.nodes_[node].a];
      call.callable = copy_of(call.callable);
      call.args = copy_of(call.args);
      call.meaning = meaning;
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
    copy.a = meaning;
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
      case ValueKind::kSize:
        run = from.size_items(node);
        break;
      default:
        continue;
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

}  // namespace ferry
