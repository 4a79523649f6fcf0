// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/selection.h
// -----------------------------------------------------------------------------
//
// The part of a checkpoint that a command works on: everything at or below a
// JSON Pointer, or all nodes whose pointer matches a pattern.
//
// Example: walk the tensors of a model.
//
//   FERRY_ASSIGN_OR_RETURN(Selection selection,
//                          Selection::Create(root, "/model", &budget));
//   selection.Walk(&visitor);
#ifndef FERRY_TOOLS_FERRY_SELECTION_H_
#define FERRY_TOOLS_FERRY_SELECTION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace cli {

class Selection {
 public:
  // Selects everything at or below `filter`, a JSON Pointer; "" selects all. If
  // `filter` does not lead to a node and contains a "*", it is a pattern: each
  // "*" matches any characters ("*weight"), and nodes with a matching pointer
  // are selected. No pattern matches a pointer of more than 4 KiB, because
  // comparing the pointers of a very deep graph would take hours.
  //
  // Charges `budget`, which must outlive the selection, for what it looks at
  // here and in `Walk`.
  //
  // Errors: as `Value::At`; kNotFound also if nothing matches a pattern; as
  //         `WalkGraph`.
  static absl::StatusOr<Selection> Create(const Value& root,
                                          absl::string_view filter,
                                          Budget* budget);

  // Whether `Walk` reports single nodes rather than a whole tree.
  bool is_pattern() const { return !pattern_.empty(); }

  // Where the walk begins; empty for the root.
  const std::string& pointer() const { return pointer_; }

  const ObjectGraph& graph() const { return *start_.graph(); }
  NodeId start() const { return start_.node(); }
  Budget* budget() const { return budget_; }

  // As `WalkGraph`, for the selected part.
  //
  // Errors: as `WalkGraph`.
  absl::Status Walk(GraphVisitor* visitor) const;

 private:
  Selection(Value start, std::string pointer, std::string pattern,
            Budget* budget);

  Value start_;
  std::string pointer_;
  std::string pattern_;
  Budget* budget_;
};

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_SELECTION_H_
