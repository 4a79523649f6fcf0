// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/legacy_writer.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/torch/legacy_stream.h"
#include "ferry/serialization/transfer/extent_writer.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

constexpr uint64_t kCountBytes = 8;

// The pickle of a value that needs no hooks.
absl::StatusOr<std::string> Pickle(const ObjectGraph& graph, NodeId root,
                                   int protocol) {
  pickle::Pickler pickler(graph, protocol, nullptr);
  FERRY_RETURN_IF_ERROR(pickler.Dump(root));
  return std::string(pickler.bytes());
}

// What stands before the storages. The sizes are those of Python's "=" formats,
// which do not depend on the machine.
absl::StatusOr<std::string> Head(const LegacyContents& contents) {
  ObjectGraph graph;
  const NodeId sizes = graph.AddDict();
  const NodeId size_entries[] = {graph.AddStr("short"), graph.AddInt(2),
                                 graph.AddStr("int"),   graph.AddInt(4),
                                 graph.AddStr("long"),  graph.AddInt(4)};
  graph.AppendEntries(sizes, size_entries);
  const NodeId version = graph.AddInt(torch::kLegacyProtocolVersion);
  const NodeId machine = graph.AddDict();
  const NodeId entries[] = {
      graph.AddStr("protocol_version"), version,
      graph.AddStr("little_endian"),    graph.AddBool(true),
      graph.AddStr("type_sizes"),       sizes};
  graph.AppendEntries(machine, entries);
  std::vector<NodeId> keys;
  keys.reserve(contents.storages.size());
  for (const LegacyContents::Entry& entry : contents.storages) {
    keys.push_back(graph.AddStr(entry.key));
  }
  std::string head;
  for (NodeId root : {graph.AddBigInt(torch::kLegacyMagic), version, machine}) {
    FERRY_ASSIGN_OR_RETURN(const std::string pickle,
                           Pickle(graph, root, contents.pickle_protocol));
    head += pickle;
  }
  head.append(contents.objects.data(), contents.objects.size());
  FERRY_ASSIGN_OR_RETURN(
      const std::string pickle,
      Pickle(graph, graph.AddList(keys), contents.pickle_protocol));
  head += pickle;
  return head;
}

// A storage's number of elements stands before them.
class StreamFraming final : public ExtentFraming {
 public:
  explicit StreamFraming(absl::Span<const LegacyContents::Entry> storages)
      : storages_(storages) {}

  // The first extent is what stands before the storages.
  std::string Head(size_t i) const override {
    if (i == 0) return "";
    const LegacyContents::Entry& entry = storages_[i - 1];
    std::string count;
    Append64(entry.storage.size_bytes() / entry.element_bytes, &count);
    return count;
  }
  std::string Name(size_t i) const override {
    if (i == 0) return "the objects";
    return absl::StrCat("storage ", QuoteForMessage(storages_[i - 1].key));
  }

 private:
  const absl::Span<const LegacyContents::Entry> storages_;
};

OutputExtents LayOut(absl::string_view head,
                     absl::Span<const LegacyContents::Entry> storages) {
  OutputExtents extents;
  extents.reserve(storages.size() + 1);
  OutputExtent& first = extents.emplace_back();
  first.text = head;
  first.end = first.size_bytes = head.size();
  for (const LegacyContents::Entry& entry : storages) {
    const uint64_t begin = extents.back().end;
    OutputExtent& extent = extents.emplace_back();
    extent.begin = begin;
    extent.contents_offset = begin + kCountBytes;
    extent.storage = entry.storage;
    extent.size_bytes =
        entry.storage.size_bytes() / entry.element_bytes * entry.element_bytes;
    extent.end = extent.contents_offset + extent.size_bytes;
  }
  return extents;
}

}  // namespace

absl::Status WriteLegacyStream(LegacyContents contents,
                               const DeviceSnapshot& devices, Budget* budget,
                               const TransferControl* control,
                               const Output& output) {
  std::sort(contents.storages.begin(), contents.storages.end(),
            [](const LegacyContents::Entry& a, const LegacyContents::Entry& b) {
              return a.key < b.key;
            });
  FERRY_ASSIGN_OR_RETURN(const std::string head, Head(contents));
  const OutputExtents extents = LayOut(head, contents.storages);
  FERRY_RETURN_IF_ERROR(budget->ChargeOutput(extents.back().end));
  FERRY_RETURN_IF_ERROR(output.SetSize(extents.back().end));
  ExtentWriteOptions options;
  options.control = control;
  return WriteExtents(extents, StreamFraming(contents.storages), devices,
                      options, output)
      .status();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
