// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/selection.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
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

// Collects the pointers that are most like one that does not exist.
class NearPointers final : public GraphVisitor {
 public:
  explicit NearPointers(absl::string_view wanted) : wanted_(wanted) {}

  void OnTensor(absl::string_view pointer, NodeId) override {
    Consider(pointer);
  }
  void OnContainer(absl::string_view pointer, NodeId) override {
    Consider(pointer);
  }
  void OnAlias(absl::string_view pointer, absl::string_view) override {
    Consider(pointer);
  }
  void OnLeaf(absl::string_view pointer, NodeId) override { Consider(pointer); }

  // "; did you mean "/a" or "/b"?", or nothing.
  std::string Question() const {
    std::string text;
    for (const Near& near : nearest_) {
      absl::StrAppend(&text, text.empty() ? "; did you mean \"" : " or \"",
                      absl::Utf8SafeCHexEscape(near.pointer), "\"");
    }
    return text.empty() ? text : text + "?";
  }

 private:
  struct Near {
    size_t distance;
    std::string pointer;
  };
  static constexpr size_t kMaxPointers = 3;
  // Longer ones nobody types, and comparing them takes long.
  static constexpr size_t kMaxBytes = 200;

  void Consider(absl::string_view pointer) {
    if (pointer.empty() || pointer.size() > kMaxBytes ||
        wanted_.size() > kMaxBytes) {
      return;
    }
    // One that ends so is nearer than any with a slip of the finger.
    const bool is_end =
        absl::EndsWith(pointer, wanted_) && wanted_.size() < pointer.size();
    const size_t limit = std::min<size_t>(5, wanted_.size() / 2 + 1);
    const size_t distance = is_end ? 0 : EditDistance(wanted_, pointer, limit);
    if (distance >= limit) return;
    const auto place = std::upper_bound(
        nearest_.begin(), nearest_.end(), distance,
        [](size_t a, const Near& b) { return a < b.distance; });
    nearest_.insert(place, {distance, std::string(pointer)});
    if (nearest_.size() > kMaxPointers) nearest_.pop_back();
  }

  const absl::string_view wanted_;
  std::vector<Near> nearest_;  // nearest first
};

}  // namespace

Selection::Selection(Value start, std::string pointer, std::string pattern)
    : start_(std::move(start)),
      pointer_(std::move(pointer)),
      pattern_(std::move(pattern)) {}

absl::StatusOr<Selection> Selection::Create(const Value& root,
                                            absl::string_view filter) {
  if (absl::StrContains(filter, "*")) {
    Selection selection(root, "", std::string(filter));
    Ignoring ignoring;
    Matching matching(filter, &ignoring);
    FERRY_RETURN_IF_ERROR(WalkGraph(*root.graph(), root.node(), &matching));
    if (!matching.found()) {
      return absl::NotFoundError(absl::StrCat(
          "nothing matches \"", absl::Utf8SafeCHexEscape(filter), "\""));
    }
    return selection;
  }
  const absl::StatusOr<Value> start = root.At(filter);
  if (!start.ok()) {
    NearPointers near(filter);
    FERRY_RETURN_IF_ERROR(WalkGraph(*root.graph(), root.node(), &near));
    return absl::Status(
        start.status().code(),
        absl::StrCat(start.status().message(), near.Question()));
  }
  return Selection(*start, std::string(filter), "");
}

absl::Status Selection::Walk(GraphVisitor* visitor) const {
  if (!is_pattern()) {
    return WalkGraph(graph(), start_.node(), visitor, pointer_);
  }
  Matching matching(pattern_, visitor);
  return WalkGraph(graph(), start_.node(), &matching);
}

}  // namespace ferry
