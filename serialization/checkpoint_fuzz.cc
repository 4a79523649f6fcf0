// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Opens any bytes as a checkpoint, from memory and from a file that is not in
// memory: the results must be the same. Then reads all of it and saves it in
// every form. What was saved must load, as the same graph if the form keeps all
// of it, and save again as the same bytes.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/counted_bytes.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace {

void Check(bool condition, absl::string_view what,
           absl::string_view details = "") {
  if (condition) return;
  std::fprintf(stderr, "%s\n", absl::StrCat(what, ": ", details).c_str());
  std::abort();
}

std::string Difference(const Value& a, const Value& b, Spelling spelling) {
  return GraphDifference(*a.graph(), a.node(), *b.graph(), b.node(), spelling);
}

LoadOptions Options() {
  LoadOptions options;
  options.placement = Placement::kHost;
  options.budget.max_memory_bytes = 64 << 20;
  options.max_tensor_bytes = 1 << 20;
  // So that mutations reach past the checksums.
  options.verify_crc32 = false;
  return options;
}

// Whether a file has all of a graph. Legacy streams give no dtype to storages
// of newer dtypes. Protocol 2 spells names as Python 2 does, which is not one
// to one.
bool KeepsTheGraph(const SaveOptions& options) {
  return options.container == Container::kZip && options.pickle_protocol == 4;
}

// Saves, loads and saves again.
void RoundTrip(const Value& value, const SaveOptions& options) {
  const absl::StatusOr<std::string> saved = SaveToString(value, options);
  if (!saved.ok()) return;
  LoadOptions load_options = Options();
  load_options.budget.max_memory_bytes = 1 << 30;
  const absl::StatusOr<Value> loaded = LoadMemory(*saved, load_options);
  Check(loaded.ok(), "load what was saved", loaded.status().ToString());
  if (KeepsTheGraph(options)) {
    const std::string difference =
        Difference(value, *loaded, Spelling::kIgnored);
    Check(difference.empty(), "what was saved differs", difference);
  }
  const absl::StatusOr<std::string> again = SaveToString(*loaded, options);
  Check(again.ok(), "save again", again.status().ToString());
  Check(*again == *saved, "saved differently");
}

void OpenAndSave(absl::string_view bytes) {
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, Options());
  const absl::StatusOr<Checkpoint> unmapped = Checkpoint::Open(
      std::make_unique<CountedBytes>(std::string(bytes)), Options());
  Check(checkpoint.status().code() == unmapped.status().code(),
        "memory and file differ", unmapped.status().ToString());
  if (!checkpoint.ok()) return;
  const std::string difference =
      Difference(checkpoint->root(), unmapped->root(), Spelling::kCompared);
  Check(difference.empty(), "memory and file differ", difference);
  if (!checkpoint->LoadAll().ok()) return;
  for (Container container : {Container::kZip, Container::kLegacy}) {
    for (int protocol : {2, 4}) {
      SaveOptions options;
      options.container = container;
      options.pickle_protocol = protocol;
      RoundTrip(checkpoint->root(), options);
    }
  }
  SaveOptions options;
  options.codec = "proto";
  options.pickle_protocol = 4;
  RoundTrip(checkpoint->root(), options);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ferry::OpenAndSave({reinterpret_cast<const char*>(data), size});
  return 0;
}
