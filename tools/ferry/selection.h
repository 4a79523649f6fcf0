// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/selection.h
// -----------------------------------------------------------------------------
//
// Which part of a checkpoint a command is about: all that is at or below a JSON
// Pointer, or whatever has a pointer that matches a pattern.
//
// Example: the tensors of a model.
//
//   FERRY_ASSIGN_OR_RETURN(Selection selection,
//                          Selection::Create(root, "/model"));
//   selection.Walk(&visitor);
#ifndef FERRY_TOOLS_FERRY_SELECTION_H_
#define FERRY_TOOLS_FERRY_SELECTION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_path.h"
#include "ferry/value/value.h"

namespace ferry {

class Selection {
 public:
  // Selects what is at or below `filter`, a JSON Pointer; "" selects all. If
  // `filter` leads nowhere and has a "*" in it, it is a pattern: each "*"
  // stands for any run of characters ("*weight"), and what has a matching
  // pointer is selected. No pattern matches a pointer of more than 4 KiB:
  // comparing the pointers of a graph as deep as it has nodes would take hours.
  //
  // Errors: as `Value::At`; kNotFound also if nothing matches a pattern; as
  //         `WalkGraph`.
  static absl::StatusOr<Selection> Create(const Value& root,
                                          absl::string_view filter);

  // Whether what `Walk` tells are single nodes rather than a whole tree.
  bool is_pattern() const { return !pattern_.empty(); }

  // Where the walk begins; empty for the root.
  const std::string& pointer() const { return pointer_; }

  const ObjectGraph& graph() const { return *start_.graph(); }
  NodeId start() const { return start_.node(); }

  // As `WalkGraph`, of the selected part.
  //
  // Errors: as `WalkGraph`.
  absl::Status Walk(GraphVisitor* visitor) const;

 private:
  Selection(Value start, std::string pointer, std::string pattern);

  Value start_;
  std::string pointer_;
  std::string pattern_;
};

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_SELECTION_H_
