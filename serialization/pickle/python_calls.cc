// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/python_calls.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/pickle_notes.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

absl::Status Spend(uint64_t amount, uint64_t* budget) {
  if (amount > *budget) {
    return absl::ResourceExhaustedError(
        "calls in the pickle copy the same text or list again and again, until "
        "the copies are larger than the pickle itself");
  }
  *budget -= amount;
  return absl::OkStatus();
}

bool IsLatin1Name(absl::string_view name) {
  return name == "latin1" || name == "latin-1";
}

// The bytes whose latin-1 decoding is `text`, given as UTF-8; nothing if a
// character is above U+00FF.
std::optional<std::string> EncodeLatin1(absl::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      bytes.push_back(static_cast<char>(c));
    } else if ((c == 0xC2 || c == 0xC3) && i + 1 < text.size()) {
      const auto next = static_cast<unsigned char>(text[++i]);
      bytes.push_back(static_cast<char>(((c & 0x03) << 6) | (next & 0x3F)));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

// `text.encode("latin1")`, noting the word that spells the encoding.
absl::StatusOr<std::optional<std::string>> EncodeCall(
    absl::Span<const NodeId> args, uint64_t* budget, ObjectGraph* graph) {
  if (args.size() != 2 || graph->kind(args[0]) != ValueKind::kStr ||
      graph->kind(args[1]) != ValueKind::kStr ||
      !IsLatin1Name(graph->text(args[1]))) {
    return std::nullopt;
  }
  PickleNotes& notes = PickleNotes::In(graph);
  notes.NoteSharedWord(graph->text(args[1]), args[1]);
  // A character takes one byte or two here, and one in the result.
  const uint64_t least_bytes = graph->text(args[0]).size() / 2;
  FERRY_RETURN_IF_ERROR(Spend(least_bytes, budget));
  std::optional<std::string> bytes = EncodeLatin1(graph->text(args[0]));
  if (bytes) {
    FERRY_RETURN_IF_ERROR(Spend(bytes->size() - least_bytes, budget));
  }
  // Python keeps one str for each character below U+0100.
  if (bytes && bytes->size() == 1) {
    notes.NoteSharedWord(graph->text(args[0]), args[0]);
  }
  return bytes;
}

absl::StatusOr<NodeId> RebuildSet(PythonCall call,
                                  absl::Span<const NodeId> args,
                                  uint64_t* budget, ObjectGraph* graph) {
  std::vector<NodeId> items;
  if (args.size() == 1 && (graph->kind(args[0]) == ValueKind::kList ||
                           graph->kind(args[0]) == ValueKind::kTuple)) {
    const absl::Span<const NodeId> listed = graph->items(args[0]);
    FERRY_RETURN_IF_ERROR(Spend(listed.size(), budget));
    items.assign(listed.begin(), listed.end());
  } else if (!args.empty()) {
    return kNoNode;
  }
  return call == PythonCall::kSet ? graph->AddSet(items)
                                  : graph->AddFrozenSet(items);
}

absl::StatusOr<NodeId> RebuildByteArray(absl::Span<const NodeId> args,
                                        uint64_t* budget, ObjectGraph* graph) {
  if (args.empty()) return graph->AddByteArray("");
  if (args.size() == 1 && graph->kind(args[0]) == ValueKind::kBytes) {
    return graph->AddByteArrayOf(args[0]);
  }
  // As Python 2 wrote it.
  FERRY_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                         EncodeCall(args, budget, graph));
  return bytes ? graph->AddByteArray(*bytes) : kNoNode;
}

NodeId RebuildComplex(absl::Span<const NodeId> args, ObjectGraph* graph) {
  if (args.size() != 2 || graph->kind(args[0]) != ValueKind::kFloat ||
      graph->kind(args[1]) != ValueKind::kFloat) {
    return kNoNode;
  }
  return graph->AddComplex(graph->float_value(args[0]),
                           graph->float_value(args[1]));
}

absl::StatusOr<NodeId> RebuildOrderedDict(NodeId callable,
                                          absl::Span<const NodeId> args,
                                          uint64_t* budget,
                                          ObjectGraph* graph) {
  std::vector<NodeId> entries;
  if (args.size() == 1 && graph->kind(args[0]) == ValueKind::kList) {
    // As Python 2 wrote it: OrderedDict([[key, value], ...]).
    FERRY_RETURN_IF_ERROR(Spend(graph->items(args[0]).size(), budget));
    for (NodeId pair : graph->items(args[0])) {
      const ValueKind kind = graph->kind(pair);
      if ((kind != ValueKind::kList && kind != ValueKind::kTuple) ||
          graph->is_object(pair) || graph->items(pair).size() != 2) {
        return kNoNode;
      }
      entries.push_back(graph->items(pair)[0]);
      entries.push_back(graph->items(pair)[1]);
    }
  } else if (!args.empty()) {
    return kNoNode;
  }
  const NodeId dict =
      graph->AddObject(ObjectForm::kCall, callable, ObjectGraph::kEmptyTuple);
  graph->BecomeDict(dict);
  if (!entries.empty()) graph->AppendEntries(dict, entries);
  return dict;
}

}  // namespace

PythonCall FindPythonCall(const GlobalRecord& global) {
  struct Row {
    const char* module;
    const char* name;
    PythonCall call;
  };
  static constexpr Row kRows[] = {
      {"builtins", "set", PythonCall::kSet},
      {"builtins", "frozenset", PythonCall::kFrozenSet},
      {"builtins", "bytes", PythonCall::kBytes},
      {"builtins", "bytearray", PythonCall::kByteArray},
      {"builtins", "complex", PythonCall::kComplex},
      {"_codecs", "encode", PythonCall::kEncode},
      {"collections", "OrderedDict", PythonCall::kOrderedDict},
  };
  for (const Row& row : kRows) {
    if (global.module == row.module && global.name == row.name) return row.call;
  }
  return PythonCall::kNone;
}

absl::StatusOr<NodeId> RebuildPythonValue(PythonCall call, NodeId callable,
                                          NodeId args, uint64_t* budget,
                                          ObjectGraph* graph) {
  const absl::Span<const NodeId> arg_items = graph->items(args);
  switch (call) {
    case PythonCall::kNone:
      return kNoNode;
    case PythonCall::kSet:
    case PythonCall::kFrozenSet:
      return RebuildSet(call, arg_items, budget, graph);
    case PythonCall::kBytes:
      return arg_items.empty() ? graph->AddBytes("") : kNoNode;
    case PythonCall::kByteArray:
      return RebuildByteArray(arg_items, budget, graph);
    case PythonCall::kComplex:
      return RebuildComplex(arg_items, graph);
    case PythonCall::kEncode: {
      FERRY_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                             EncodeCall(arg_items, budget, graph));
      return bytes ? graph->AddBytes(*bytes) : kNoNode;
    }
    case PythonCall::kOrderedDict:
      return RebuildOrderedDict(callable, arg_items, budget, graph);
  }
  return kNoNode;
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
