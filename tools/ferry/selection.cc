// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/selection.h"

#include <cstddef>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/tools/ferry/text.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Hands on what has a pointer that matches.
class Matching final : public GraphVisitor {
 public:
  // `visitor` may be null.
  Matching(absl::string_view pattern, Budget* budget, GraphVisitor* visitor)
      : pattern_(pattern), budget_(*budget), visitor_(visitor) {}

  absl::Status OnTensor(absl::string_view pointer, NodeId tensor) override {
    return Match(pointer, [&] { return visitor_->OnTensor(pointer, tensor); });
  }
  absl::Status OnContainer(absl::string_view pointer,
                           NodeId container) override {
    return Match(pointer,
                 [&] { return visitor_->OnContainer(pointer, container); });
  }
  absl::Status OnAlias(absl::string_view pointer,
                       absl::string_view first) override {
    return Match(pointer, [&] { return visitor_->OnAlias(pointer, first); });
  }
  absl::Status OnLeaf(absl::string_view pointer, NodeId leaf) override {
    return Match(pointer, [&] { return visitor_->OnLeaf(pointer, leaf); });
  }

  bool found() const { return found_; }

 private:
  static constexpr size_t kMaxBytes = 4096;
  // So many bytes of a pointer are compared in a step.
  static constexpr size_t kBytesPerStep = 8;

  absl::Status Match(absl::string_view pointer,
                     absl::FunctionRef<absl::Status()> report) {
    if (pointer.size() > kMaxBytes) return absl::OkStatus();
    FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(pointer.size() / kBytesPerStep));
    if (!MatchesGlob(pattern_, pointer)) return absl::OkStatus();
    found_ = true;
    return visitor_ == nullptr ? absl::OkStatus() : report();
  }

  const absl::string_view pattern_;
  Budget& budget_;
  GraphVisitor* const visitor_;
  bool found_ = false;
};

}  // namespace

Selection::Selection(Value start, std::string pointer, std::string pattern,
                     Budget* budget)
    : start_(std::move(start)),
      pointer_(std::move(pointer)),
      pattern_(std::move(pattern)),
      budget_(budget) {}

absl::StatusOr<Selection> Selection::Create(const Value& root,
                                            absl::string_view filter,
                                            Budget* budget) {
  // A key may have a "*" in it.
  if (absl::StrContains(filter, "*") && !root.At(filter).ok()) {
    Selection selection(root, "", std::string(filter), budget);
    Matching matching(filter, budget, /*visitor=*/nullptr);
    FERRY_RETURN_IF_ERROR(
        WalkGraph(*root.graph(), root.node(), budget, &matching));
    if (!matching.found()) {
      return absl::NotFoundError(
          absl::StrCat("nothing matches ", QuoteForMessage(filter)));
    }
    return selection;
  }
  FERRY_ASSIGN_OR_RETURN(Value start, root.At(filter));
  return Selection(std::move(start), std::string(filter), "", budget);
}

absl::Status Selection::Walk(GraphVisitor* visitor) const {
  if (!is_pattern()) {
    return WalkGraph(graph(), start_.node(), budget_, visitor, pointer_);
  }
  Matching matching(pattern_, budget_, visitor);
  return WalkGraph(graph(), start_.node(), budget_, &matching);
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
