// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/line_codec.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/hex.h"

namespace ferry {
inline namespace v1 {
namespace {

int64_t Number(absl::string_view text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

std::vector<int64_t> Numbers(absl::string_view text) {
  std::vector<int64_t> numbers;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    numbers.push_back(Number(part));
  }
  return numbers;
}

// key, location, dtype, size of the storage, offset, shape, strides
absl::StatusOr<Tensor> ReadTensor(const std::vector<absl::string_view>& words,
                                  StorageTable* storages) {
  StorageDescription description;
  description.key = words[1];
  description.location = words[2];
  const std::optional<DType> dtype = DTypeFromName(words[3]);
  if (!dtype) return absl::DataLossError("no dtype");
  description.dtype = *dtype;
  description.size_bytes = static_cast<uint64_t>(Number(words[4]));
  FERRY_ASSIGN_OR_RETURN(const uint32_t index, storages->Describe(description));
  return Tensor::Create(storages->entries()[index].storage, *dtype,
                        Numbers(words[6]), Numbers(words[7]), Number(words[5]));
}

}  // namespace

absl::StatusOr<LargeString> LineCodec::Write(const ObjectGraph& graph,
                                             NodeId root,
                                             StorageTable* storages) const {
  std::string out = absl::StrCat(root, "\n");
  for (NodeId node = 0; node < graph.size(); ++node) {
    switch (graph.kind(node)) {
      case ValueKind::kInt:
        absl::StrAppend(&out, "int ", graph.int_value(node));
        break;
      case ValueKind::kStr:
        absl::StrAppend(&out, "str ", absl::BytesToHexString(graph.text(node)));
        break;
      case ValueKind::kList:
        absl::StrAppend(&out, "list ", absl::StrJoin(graph.items(node), ","));
        break;
      case ValueKind::kDict:
        absl::StrAppend(&out, "dict ", absl::StrJoin(graph.entries(node), ","));
        break;
      case ValueKind::kTensor: {
        const Tensor& tensor = graph.tensor(node);
        FERRY_ASSIGN_OR_RETURN(
            const auto added,
            storages->Add({tensor.storage(), tensor.dtype(), false}));
        absl::StrAppend(
            &out, "tensor ", added.first, " ", storages->location(added.first),
            " ", Name(tensor.dtype()), " ", tensor.storage().size_bytes(), " ",
            tensor.storage_offset(), " ", absl::StrJoin(tensor.shape(), ","),
            " ", absl::StrJoin(tensor.strides(), ","));
        break;
      }
      default:
        absl::StrAppend(&out, "none");
    }
    out += "\n";
  }
  return LargeString(out.begin(), out.end());
}

absl::StatusOr<Codec::GraphRead> LineCodec::Read(absl::string_view bytes,
                                                 Budget*,
                                                 StorageTable* storages,
                                                 ObjectGraph* graph) const {
  const std::vector<absl::string_view> lines =
      absl::StrSplit(bytes, '\n', absl::SkipEmpty());
  // Nodes first, then what they refer to.
  std::vector<NodeId> nodes;
  std::vector<std::pair<NodeId, absl::string_view>> children;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<absl::string_view> words = absl::StrSplit(lines[i], ' ');
    NodeId node = ObjectGraph::kNone;
    if (words[0] == "int") {
      node = graph->AddInt(Number(words[1]));
    } else if (words[0] == "str") {
      node = graph->AddStr(BytesFromHex(words[1]));
    } else if (words[0] == "list" || words[0] == "dict") {
      node = words[0] == "list" ? graph->AddList() : graph->AddDict();
      children.emplace_back(node, words[1]);
    } else if (words[0] == "tensor") {
      FERRY_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(words, storages));
      node = graph->AddTensor(std::move(tensor));
    }
    nodes.push_back(node);
  }
  for (const auto& [node, text] : children) {
    std::vector<NodeId> ids;
    for (int64_t index : Numbers(text)) ids.push_back(nodes[index]);
    if (graph->kind(node) == ValueKind::kList) {
      graph->AppendItems(node, ids);
    } else {
      graph->AppendEntries(node, ids);
    }
  }
  return GraphRead{nodes[Number(lines[0])], 1, bytes.size()};
}

}  // namespace v1
}  // namespace ferry
