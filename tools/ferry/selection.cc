// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/selection.h"

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/tools/ferry/text.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace cli {
namespace {

// Hands on what has a pointer that matches.
class Matching final : public GraphVisitor {
 public:
  Matching(absl::string_view pattern, GraphVisitor* visitor)
      : pattern_(pattern), visitor_(visitor) {}

  void OnTensor(absl::string_view pointer, NodeId tensor) override {
    if (Matches(pointer)) visitor_->OnTensor(pointer, tensor);
  }
  void OnContainer(absl::string_view pointer, NodeId container) override {
    if (Matches(pointer)) visitor_->OnContainer(pointer, container);
  }
  void OnAlias(absl::string_view pointer, absl::string_view first) override {
    if (Matches(pointer)) visitor_->OnAlias(pointer, first);
  }
  void OnLeaf(absl::string_view pointer, NodeId leaf) override {
    if (Matches(pointer)) visitor_->OnLeaf(pointer, leaf);
  }

  bool found() const { return found_; }

 private:
  static constexpr size_t kMaxBytes = 4096;

  bool Matches(absl::string_view pointer) {
    const bool matches =
        pointer.size() <= kMaxBytes && MatchesGlob(pattern_, pointer);
    found_ = found_ || matches;
    return matches;
  }

  const absl::string_view pattern_;
  GraphVisitor* const visitor_;
  bool found_ = false;
};

class Ignoring final : public GraphVisitor {
 public:
  void OnTensor(absl::string_view, NodeId) override {}
};

}  // namespace

Selection::Selection(Value start, std::string pointer, std::string pattern)
    : start_(std::move(start)),
      pointer_(std::move(pointer)),
      pattern_(std::move(pattern)) {}

absl::StatusOr<Selection> Selection::Create(const Value& root,
                                            absl::string_view filter) {
  // A key may have a "*" in it.
  if (absl::StrContains(filter, "*") && !root.At(filter).ok()) {
    Selection selection(root, "", std::string(filter));
    Ignoring ignoring;
    Matching matching(filter, &ignoring);
    FERRY_RETURN_IF_ERROR(WalkGraph(*root.graph(), root.node(), &matching));
    if (!matching.found()) {
      return absl::NotFoundError(
          absl::StrCat("nothing matches ", QuoteForMessage(filter)));
    }
    return selection;
  }
  FERRY_ASSIGN_OR_RETURN(Value start, root.At(filter));
  return Selection(std::move(start), std::string(filter), "");
}

absl::Status Selection::Walk(GraphVisitor* visitor) const {
  if (!is_pattern()) {
    return WalkGraph(graph(), start_.node(), visitor, pointer_);
  }
  Matching matching(pattern_, visitor);
  return WalkGraph(graph(), start_.node(), &matching);
}

}  // namespace cli
}  // namespace ferry
