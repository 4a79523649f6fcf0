// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/object_path.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace ferry {
namespace {

// Tuples nested deeper than this in a key are shortened.
constexpr int kMaxKeyDepth = 4;

// How many names an error message lists.
constexpr size_t kMaxNamesInError = 8;

// Python's repr(float): the shortest digits that read back as the same number,
// with an exponent below 1e-4 and from 1e16 on.
std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const double magnitude = std::fabs(value);
  const bool scientific =
      magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  const auto end = std::to_chars(
      buffer, buffer + sizeof(buffer), value,
      scientific ? std::chars_format::scientific : std::chars_format::fixed);
  std::string text(buffer, end.ptr);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string ComplexText(std::complex<double> value) {
  const auto part = [](double x) {
    std::string text = FloatText(x);
    if (absl::EndsWith(text, ".0")) text.resize(text.size() - 2);
    return text;
  };
  if (value.real() == 0 && !std::signbit(value.real())) {
    return absl::StrCat(part(value.imag()), "j");
  }
  const char* sign =
      std::signbit(value.imag()) && !std::isnan(value.imag()) ? "" : "+";
  return absl::StrCat("(", part(value.real()), sign, part(value.imag()), "j)");
}

std::string BigIntText(absl::string_view twos_complement) {
  // Nobody reads it; the decimal would cost time that grows with its square.
  return absl::StrCat("<integer of ", twos_complement.size(), " bytes>");
}

std::string QuotedText(absl::string_view text) {
  const char quote =
      absl::StrContains(text, "'") && !absl::StrContains(text, "\"") ? '"'
                                                                     : '\'';
  std::string quoted(1, quote);
  for (char c : text) {
    if (c == quote || c == '\\') quoted.push_back('\\');
    if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back(quote);
  return quoted;
}

// The depth is bounded, so this may recurse.
std::string ReprText(const ObjectGraph& graph, NodeId node, int depth) {
  switch (graph.kind(node)) {
    case ValueKind::kNone:
      return "None";
    case ValueKind::kBool:
      return graph.int_value(node) != 0 ? "True" : "False";
    case ValueKind::kInt:
      return graph.is_big_int(node) ? BigIntText(graph.text(node))
                                    : absl::StrCat(graph.int_value(node));
    case ValueKind::kFloat:
      return FloatText(graph.float_value(node));
    case ValueKind::kComplex:
      return ComplexText(graph.complex_value(node));
    case ValueKind::kStr:
      return QuotedText(graph.text(node));
    case ValueKind::kBytes:
      return absl::StrCat("b'", absl::CHexEscape(graph.text(node)), "'");
    case ValueKind::kTuple: {
      if (depth == kMaxKeyDepth) return "(...)";
      std::string text = "(";
      const absl::Span<const NodeId> items = graph.items(node);
      for (size_t i = 0; i < items.size(); ++i) {
        if (i > 0) text += ", ";
        text += ReprText(graph, items[i], depth + 1);
      }
      return text + (items.size() == 1 ? ",)" : ")");
    }
    case ValueKind::kDType:
      return absl::StrCat("torch.", Name(graph.dtype(node)));
    case ValueKind::kDevice:
      return graph.device(node).ToString();
    case ValueKind::kGlobal:
      return absl::StrCat(graph.global(node).module, ".",
                          graph.global(node).name);
    default:
      return absl::StrCat("<", Name(graph.kind(node)), ">");
  }
}

// The dicts that hold an object's attributes: its state, or both halves of a
// state that is a pair (of __dict__ and of __slots__).
std::vector<NodeId> AttributeDicts(const ObjectGraph& graph, NodeId state) {
  if (state == kNoNode) return {};
  if (graph.kind(state) == ValueKind::kDict) return {state};
  if (graph.kind(state) != ValueKind::kTuple ||
      graph.items(state).size() != 2) {
    return {};
  }
  std::vector<NodeId> dicts;
  for (NodeId half : graph.items(state)) {
    if (graph.kind(half) == ValueKind::kDict) {
      dicts.push_back(half);
    } else if (graph.kind(half) != ValueKind::kNone) {
      return {};
    }
  }
  return dicts;
}

void ForEachEntry(const ObjectGraph& graph, absl::Span<const NodeId> entries,
                  absl::FunctionRef<void(absl::string_view, NodeId)> visit) {
  for (size_t i = 0; i < entries.size(); i += 2) {
    if (graph.kind(entries[i]) == ValueKind::kStr) {
      visit(graph.text(entries[i]), entries[i + 1]);
    } else {
      visit(KeyText(graph, entries[i]), entries[i + 1]);
    }
  }
}

void ForEachItem(absl::Span<const NodeId> items,
                 absl::FunctionRef<void(absl::string_view, NodeId)> visit) {
  char buffer[24];
  for (size_t i = 0; i < items.size(); ++i) {
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), i);
    visit(absl::string_view(buffer, end.ptr - buffer), items[i]);
  }
}

// The children called `token`. Of an object the first kind of child that has
// the name: an entry hides an attribute, an attribute an item.
std::vector<NodeId> ChildrenCalled(const ObjectGraph& graph, NodeId node,
                                   absl::string_view token) {
  std::vector<NodeId> found;
  ForEachChild(graph, node, [&](absl::string_view name, NodeId child) {
    if (name == token) found.push_back(child);
  });
  if (graph.is_object(node) && found.size() > 1) found.resize(1);
  return found;
}

std::string ListNames(const ObjectGraph& graph, NodeId node) {
  std::string text;
  size_t count = 0;
  ForEachChild(graph, node, [&](absl::string_view name, NodeId) {
    if (count++ >= kMaxNamesInError) return;
    absl::StrAppend(&text, count == 1 ? "" : ", ", "\"",
                    absl::Utf8SafeCHexEscape(name.substr(0, 60)), "\"");
  });
  if (count > kMaxNamesInError) {
    absl::StrAppend(&text, ", ... (", count, " in all)");
  }
  return count == 0 ? "nothing" : text;
}

}  // namespace

std::string KeyText(const ObjectGraph& graph, NodeId key) {
  if (graph.kind(key) == ValueKind::kStr) return std::string(graph.text(key));
  return ReprText(graph, key, 0);
}

std::string EscapePointerToken(absl::string_view token) {
  return absl::StrReplaceAll(token, {{"~", "~0"}, {"/", "~1"}});
}

void ForEachChild(const ObjectGraph& graph, NodeId node,
                  absl::FunctionRef<void(absl::string_view, NodeId)> visit) {
  switch (graph.kind(node)) {
    case ValueKind::kDict:
    case ValueKind::kObject:
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
      ForEachItem(graph.items(node), visit);
      return;
    default:
      return;
  }
  ForEachEntry(graph, graph.entries(node), visit);
  if (!graph.is_object(node)) return;
  const ObjectRecord& object = graph.object(node);
  const std::vector<NodeId> attributes = AttributeDicts(graph, object.state);
  for (NodeId dict : attributes) {
    ForEachEntry(graph, graph.entries(dict), visit);
  }
  if (object.state != kNoNode && attributes.empty()) {
    visit("__state__", object.state);
  }
  ForEachItem(graph.items(node), visit);
  ForEachItem(graph.items(object.args), visit);
}

bool HasChildren(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kDict:
    case ValueKind::kObject:
    case ValueKind::kList:
      return true;
    case ValueKind::kTuple:
      return node != ObjectGraph::kEmptyTuple;
    default:
      return false;
  }
}

absl::StatusOr<NodeId> ResolvePointer(const ObjectGraph& graph, NodeId root,
                                      absl::string_view pointer) {
  NodeId node = root;
  absl::string_view rest = pointer;
  while (!rest.empty()) {
    if (rest[0] != '/') {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", absl::Utf8SafeCHexEscape(pointer),
          "\" is not a JSON Pointer: it must be empty or begin with \"/\""));
    }
    rest.remove_prefix(1);
    const absl::string_view step = rest.substr(0, rest.find('/'));
    rest.remove_prefix(step.size());
    const absl::string_view so_far =
        pointer.substr(0, pointer.size() - rest.size());
    for (size_t i = 0; i < step.size(); ++i) {
      if (step[i] != '~') continue;
      ++i;
      if (i == step.size() || (step[i] != '0' && step[i] != '1')) {
        return absl::InvalidArgumentError(absl::StrCat(
            "\"", absl::Utf8SafeCHexEscape(pointer),
            "\" is not a JSON Pointer: after \"~\" only 0 and 1 may stand"));
      }
    }
    const std::string token =
        absl::StrReplaceAll(step, {{"~1", "/"}, {"~0", "~"}});
    const bool only_str_keys =
        graph.kind(node) == ValueKind::kDict && !graph.is_object(node);
    if (only_str_keys) {
      // The common case, without spelling every key.
      const NodeId found = graph.FindStr(node, token);
      const absl::Span<const NodeId> entries = graph.entries(node);
      bool all_str = true;
      for (size_t i = 0; i < entries.size(); i += 2) {
        all_str = all_str && graph.kind(entries[i]) == ValueKind::kStr;
      }
      if (found != kNoNode && all_str) {
        node = found;
        continue;
      }
    }
    const std::vector<NodeId> found = ChildrenCalled(graph, node, token);
    if (found.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", absl::Utf8SafeCHexEscape(so_far),
                       "\" is ambiguous: ", found.size(),
                       " keys of different types read alike"));
    }
    if (found.empty()) {
      return absl::NotFoundError(absl::StrCat(
          "there is no \"", absl::Utf8SafeCHexEscape(so_far), "\": the ",
          Name(graph.kind(node)), " before the last step has ",
          ListNames(graph, node)));
    }
    node = found[0];
  }
  return node;
}

NodeId FindAttribute(const ObjectGraph& graph, NodeId object,
                     absl::string_view name) {
  if (!graph.is_object(object)) return kNoNode;
  for (NodeId dict : AttributeDicts(graph, graph.object(object).state)) {
    const NodeId value = graph.FindStr(dict, name);
    if (value != kNoNode) return value;
  }
  return kNoNode;
}

void GraphVisitor::OnContainer(absl::string_view, NodeId) {}
void GraphVisitor::OnAlias(absl::string_view, absl::string_view) {}
void GraphVisitor::OnLeaf(absl::string_view, NodeId) {}

void WalkGraph(const ObjectGraph& graph, NodeId root, GraphVisitor* visitor) {
  struct Step {
    std::string pointer;
    NodeId node;
  };
  absl::flat_hash_map<NodeId, std::string> first_pointers;
  std::vector<Step> pending;
  pending.push_back({"", root});
  while (!pending.empty()) {
    const Step step = std::move(pending.back());
    pending.pop_back();
    if (graph.kind(step.node) == ValueKind::kTensor) {
      visitor->OnTensor(step.pointer, step.node);
      continue;
    }
    if (!HasChildren(graph, step.node)) {
      visitor->OnLeaf(step.pointer, step.node);
      continue;
    }
    const auto [found, is_new] =
        first_pointers.try_emplace(step.node, step.pointer);
    if (!is_new) {
      visitor->OnAlias(step.pointer, found->second);
      continue;
    }
    visitor->OnContainer(step.pointer, step.node);
    const size_t first_child = pending.size();
    ForEachChild(graph, step.node, [&](absl::string_view name, NodeId child) {
      pending.push_back(
          {absl::StrCat(step.pointer, "/", EscapePointerToken(name)), child});
    });
    std::reverse(pending.begin() + first_child, pending.end());
  }
}

}  // namespace ferry
