// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/pickle_container.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/pickle_stream.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/legacy_stream.h"
#include "ferry/serialization/torch/torch_unpickler.h"

namespace ferry {
namespace torch_format {
namespace {

pickle::PickleStream StreamOf(const ReadableBytes& file,
                              const LoadOptions& options) {
  return pickle::PickleStream(file, 0, file.size_bytes(),
                              options.limits.max_pickle_bytes);
}

absl::StatusOr<ParsedCheckpoint> ReadBarePickle(const ReadableBytes& file,
                                                absl::string_view bytes,
                                                const LoadOptions& options) {
  ParsedCheckpoint parsed;
  parsed.info.container = Container::kBare;
  parsed.graph = std::make_shared<ObjectGraph>();
  // Most opcodes that make a node take about four bytes.
  parsed.graph->Reserve(static_cast<uint32_t>(std::min<uint64_t>(
                            bytes.size() / 4, options.limits.max_nodes)),
                        0, bytes.size());
  pickle::UnpickleOptions unpickle_options;
  unpickle_options.max_nodes = options.limits.max_nodes;
  TorchUnpickler hooks([](const StorageId&) {
    return absl::DataLossError(
        "the pickle refers to storages, and the file has none: it is a part of "
        "a checkpoint");
  });
  const absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(bytes, unpickle_options, &hooks, parsed.graph.get());
  if (!result.ok()) {
    return absl::Status(
        result.status().code(),
        absl::StrCat(file.name(), ": ", result.status().message()));
  }
  parsed.root = result->root;
  parsed.info.pickle_protocol = result->protocol;
  parsed.records.push_back({"pickle", 0, bytes.size()});
  parsed.end_offset_bytes = bytes.size();
  return parsed;
}

}  // namespace

bool IsPickleContainer(const ReadableBytes& file, const LoadOptions& options) {
  char first = 0;
  if (file.size_bytes() == 0 || !file.ReadAt(0, {&first, 1}).ok()) return false;
  if (static_cast<unsigned char>(first) == pickle::kProto) return true;
  pickle::PickleStream stream = StreamOf(file, options);
  const absl::StatusOr<absl::string_view> pickle = stream.NextPickle();
  return pickle.ok() && (stream.bytes_left() == 0 || IsLegacyMagic(*pickle));
}

absl::StatusOr<ParsedCheckpoint> ReadPickleContainer(
    const ReadableBytes& file, const LoadOptions& options) {
  pickle::PickleStream stream = StreamOf(file, options);
  const absl::StatusOr<absl::string_view> pickle = stream.NextPickle();
  if (!pickle.ok()) {
    return absl::Status(
        pickle.status().code(),
        absl::StrCat(file.name(), ": ", pickle.status().message()));
  }
  if (IsLegacyMagic(*pickle)) return ReadLegacyStream(file, options);
  return ReadBarePickle(file, *pickle, options);
}

}  // namespace torch_format
}  // namespace ferry
