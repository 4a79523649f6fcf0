// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/node_order.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace proto {

absl::Status NodeOrder::AppendPart(NodeId part) {
  if (part < kFirstNumber) return absl::OkStatus();
  if (numbers_[part] == kBeingMade) {
    return ErrorAt(part,
                   absl::InvalidArgumentError(
                       "a tuple, a frozenset or the arguments of an object "
                       "contain themselves; put a list or a dict in between"));
  }
  if (numbers_[part] == kUnseen) pending_.push_back(part);
  return absl::OkStatus();
}

absl::Status NodeOrder::AppendRun(absl::Span<const NodeId> parts) {
  for (size_t i = parts.size(); i-- > 0;) {
    FERRY_RETURN_IF_ERROR(AppendPart(parts[i]));
  }
  return absl::OkStatus();
}

absl::Status NodeOrder::AppendParts(NodeId node) {
  if (graph_.is_object(node)) {
    const ObjectRecord object = graph_.object(node);
    if (object.dropped != kNoNode) {
      if (!dropped_.insert(object.dropped).second) {
        return ErrorAt(node,
                       absl::UnimplementedError(
                           "a call that was dropped in favour of this object "
                           "was also dropped in favour of another one"));
      }
      FERRY_RETURN_IF_ERROR(AppendPart(object.dropped));
    }
    if (object.kwargs != kNoNode) {
      FERRY_RETURN_IF_ERROR(AppendPart(object.kwargs));
    }
    FERRY_RETURN_IF_ERROR(AppendPart(object.args));
    return AppendPart(object.callable);
  }
  switch (graph_.kind(node)) {
    case ValueKind::kTuple:
    case ValueKind::kFrozenSet:
      return AppendRun(graph_.items(node));
    case ValueKind::kSize:
      return AppendRun(graph_.size_items(node));
    default:
      return absl::OkStatus();
  }
}

NodeId NodeOrder::Given(NodeId node, uint32_t index) const {
  const bool is_object = graph_.is_object(node);
  if (!is_object && graph_.kind(node) != ValueKind::kList &&
      graph_.kind(node) != ValueKind::kDict &&
      graph_.kind(node) != ValueKind::kSet) {
    const bool has_source =
        graph_.is_global(node) && graph_.global(node).source != kNoNode;
    return has_source && index == 0 ? graph_.global(node).source : kNoNode;
  }
  const absl::Span<const NodeId> items = graph_.items(node);
  if (index < items.size()) return items[index];
  index -= static_cast<uint32_t>(items.size());
  const absl::Span<const NodeId> entries = graph_.entries(node);
  if (index < entries.size()) return entries[index];
  index -= static_cast<uint32_t>(entries.size());
  if (!is_object || index > 1) return kNoNode;
  const ObjectRecord object = graph_.object(node);
  if (object.state == kNoNode) return kNoNode;
  if (object.state_setter == kNoNode) {
    return index == 0 ? object.state : kNoNode;
  }
  return index == 0 ? object.state_setter : object.state;
}

void NodeOrder::SetNumber(NodeId node) {
  numbers_[node] = static_cast<uint32_t>(order_.size()) + kFirstNumber;
  order_.push_back(node);
  if (Given(node, 0) != kNoNode) to_fill_.push_back(node);
}

absl::Status NodeOrder::Make(NodeId node) {
  FERRY_RETURN_IF_ERROR(AppendPart(node));
  while (!pending_.empty()) {
    const NodeId top = pending_.back();
    if (numbers_[top] == kUnseen) {
      const size_t num_pending = pending_.size();
      numbers_[top] = kBeingMade;
      FERRY_RETURN_IF_ERROR(AppendParts(top));
      if (pending_.size() > num_pending) continue;
    }
    pending_.pop_back();
    if (numbers_[top] == kBeingMade) SetNumber(top);
  }
  // What was made first is filled first.
  for (; !to_fill_.empty(); to_fill_.pop_back()) {
    fills_.push_back({to_fill_.back(), 0});
  }
  return absl::OkStatus();
}

absl::Status NodeOrder::Visit(NodeId root) {
  if (graph_.size() >= uint32_t{1} << 31) {
    return absl::UnimplementedError(absl::StrCat(
        "the graph has ", graph_.size(),
        " objects; fewer than 2^31 can be written, so split the value"));
  }
  root_ = root;
  FERRY_RETURN_IF_ERROR(Make(root));
  while (!fills_.empty()) {
    Fill& fill = fills_.back();
    const NodeId given = Given(fill.node, fill.next);
    ++fill.next;
    if (given == kNoNode) {
      fills_.pop_back();
    } else if (given >= kFirstNumber && numbers_[given] == kUnseen) {
      FERRY_RETURN_IF_ERROR(Make(given));
    }
  }
  return absl::OkStatus();
}

}  // namespace proto
}  // namespace v1
}  // namespace ferry
