// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Opens any bytes as a checkpoint and passes it to what reads checkpoints:
// Verify, strict globals, WalkGraph, Value::At, StateDict, LoadInto,
// ProgramData and the safetensors writer. Their results must agree with each
// other.
//
// Bytes that begin with "/" begin with a line that is a JSON Pointer.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/factories.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_into.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/state_dict.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/torch/program_data.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int64_t kMostElements = 1 << 16;
constexpr size_t kMostReports = 256;

void Check(bool condition, absl::string_view what,
           absl::string_view details = "") {
  if (condition) return;
  std::fprintf(stderr, "%s\n", absl::StrCat(what, ": ", details).c_str());
  std::abort();
}

LoadOptions Options() {
  LoadOptions options;
  options.placement = Placement::kHost;
  options.budget.max_memory_bytes = 64 << 20;
  options.max_tensor_bytes = 1 << 20;
  return options;
}

// A file whose records are undamaged can be read.
void VerifyFile(absl::string_view bytes,
                const absl::StatusOr<Checkpoint>& opened) {
  const absl::StatusOr<Checkpoint::FileVerdict> verdict =
      Checkpoint::VerifyFile(MakeMemoryFile(bytes, "input"), Options());
  Check(verdict.ok(), "verify", verdict.status().ToString());
  Check(verdict->opens.code() == opened.status().code(),
        "Verify opens otherwise", verdict->opens.ToString());
  if (verdict->outcome() != Checkpoint::FileVerdict::Outcome::kUndamaged) {
    return;
  }
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, Options());
  Check(checkpoint.ok(), "undamaged", checkpoint.status().ToString());
  const absl::Status loaded = checkpoint->LoadAll();
  Check(!absl::IsDataLoss(loaded), "undamaged", loaded.ToString());
}

// What strict globals allow is read as it is without them.
void OpenStrictly(absl::string_view bytes, const Checkpoint& checkpoint) {
  LoadOptions options = Options();
  options.globals = Globals::kStrict;
  const absl::StatusOr<Checkpoint> strict =
      Checkpoint::OpenMemory(bytes, options);
  if (!strict.ok()) {
    Check(absl::IsPermissionDenied(strict.status()), "strict",
          strict.status().ToString());
    return;
  }
  const Value& a = checkpoint.root();
  const Value& b = strict->root();
  const std::string difference =
      GraphDifference(*a.graph(), a.node(), *b.graph(), b.node());
  Check(difference.empty(), "strict differs", difference);
}

// Pointers that a walk reports must lead to the nodes that it reports.
class PointerChecker final : public GraphVisitor {
 public:
  explicit PointerChecker(const Value& root) : root_(root) {}

  absl::Status OnTensor(absl::string_view pointer, NodeId tensor) override {
    return LeadsTo(pointer, tensor);
  }
  absl::Status OnContainer(absl::string_view pointer,
                           NodeId container) override {
    return LeadsTo(pointer, container);
  }
  absl::Status OnAlias(absl::string_view pointer,
                       absl::string_view first_pointer) override {
    return LeadsTo(pointer, Resolve(first_pointer));
  }
  absl::Status OnLeaf(absl::string_view pointer, NodeId leaf) override {
    return LeadsTo(pointer, leaf);
  }

 private:
  NodeId Resolve(absl::string_view pointer) const {
    const absl::StatusOr<Value> found = root_.At(pointer);
    Check(found.ok(), "a walk's pointer", found.status().ToString());
    return found->node();
  }
  absl::Status LeadsTo(absl::string_view pointer, NodeId node) const {
    Check(Resolve(pointer) == node, "leads elsewhere", pointer);
    return absl::OkStatus();
  }

  const Value& root_;
};

void LookUpWhatAWalkReports(const Value& root) {
  Budget budget(BudgetOptions(), root.graph()->stored_bytes());
  PointerChecker checker(root);
  const absl::Status walked = WalkGraph(*root.graph(), root.node(), &budget,
                                        &checker, "", kMostReports);
  Check(walked.ok() || absl::IsResourceExhausted(walked), "walk",
        walked.ToString());
}

// Tensors of zeros like those that have few elements, to load into.
std::vector<NamedTensor> Likenesses(const std::vector<NamedTensor>& tensors) {
  std::vector<NamedTensor> likenesses;
  likenesses.reserve(tensors.size());
  for (const NamedTensor& entry : tensors) {
    // For a tensor without elements LoadInto reads no record, not even one that
    // is damaged.
    if (entry.tensor.layout() != Layout::kStrided ||
        entry.tensor.num_elements() == 0 ||
        entry.tensor.num_elements() > kMostElements) {
      continue;
    }
    const absl::StatusOr<Tensor> zeros = Zeros(
        entry.tensor.shape(), TensorOptions().dtype(entry.tensor.dtype()));
    if (zeros.ok()) likenesses.push_back({entry.name, *zeros});
  }
  return likenesses;
}

void CheckSameElements(const Tensor& a, const Tensor& b) {
  if (a.is_conj() || a.is_neg() || b.num_elements() == 0) return;
  const absl::StatusOr<Tensor> expected = strided::Contiguous(a);
  if (!expected.ok()) return;
  Check(std::memcmp(expected->data(), b.data(), b.storage().size_bytes()) == 0,
        "LoadInto read other elements");
}

// All that StateDict says can be looked up, and LoadInto reads what Load reads.
void ReadState(Checkpoint* checkpoint) {
  const absl::StatusOr<StateDictResult> state = StateDict(checkpoint->root());
  if (!state.ok()) return;
  std::vector<std::string> pointers = state->outside;
  pointers.insert(pointers.end(), state->ambiguous.begin(),
                  state->ambiguous.end());
  pointers.push_back(state->pointer);
  for (const std::string& pointer : pointers) {
    const absl::Status found = checkpoint->root().At(pointer).status();
    Check(found.ok(), "StateDict's pointer", found.ToString());
  }
  const std::vector<NamedTensor> likenesses = Likenesses(state->tensors);
  LoadIntoOptions options;
  options.strict = false;
  if (!LoadInto(*checkpoint, likenesses, options).ok()) return;
  size_t next = 0;
  for (const NamedTensor& entry : state->tensors) {
    if (next == likenesses.size()) break;
    if (entry.name != likenesses[next].name) continue;
    const absl::Status loaded = checkpoint->Load({entry.tensor.storage()});
    if (absl::IsResourceExhausted(loaded)) return;
    Check(loaded.ok(), "LoadInto reads what Load does not", loaded.ToString());
    CheckSameElements(entry.tensor, likenesses[next++].tensor);
  }
}

// A safetensors file loads, and is written again as the same bytes.
void WriteSafetensors(const Value& value) {
  SaveOptions options;
  options.container = Container::kSafetensors;
  options.copy_shared = true;
  const absl::StatusOr<std::string> saved = SaveToString(value, options);
  if (!saved.ok()) return;
  const absl::StatusOr<Value> loaded = LoadMemory(*saved, Options());
  Check(loaded.ok(), "load safetensors", loaded.status().ToString());
  const absl::StatusOr<std::string> again = SaveToString(*loaded, options);
  Check(again.ok() && *again == *saved, "safetensors saved differently",
        again.status().ToString());
}

// What ProgramData returns is plain data, and loads again.
void SaveProgramData(const Checkpoint& checkpoint) {
  const absl::StatusOr<Value> data =
      ProgramData(checkpoint.root(), checkpoint.constants());
  if (!data.ok()) return;
  const absl::StatusOr<std::string> saved = SaveToString(*data);
  if (!saved.ok()) return;
  const absl::Status loaded = LoadMemory(*saved, Options()).status();
  Check(loaded.ok(), "load the data of a program", loaded.ToString());
}

void PassToConsumers(absl::string_view bytes) {
  absl::string_view pointer;
  if (absl::StartsWith(bytes, "/")) {
    pointer = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(pointer.size());
    if (!bytes.empty()) bytes.remove_prefix(1);
  }
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, Options());
  VerifyFile(bytes, checkpoint);
  if (!checkpoint.ok()) return;
  OpenStrictly(bytes, *checkpoint);
  checkpoint->root().At(pointer).status().IgnoreError();
  LookUpWhatAWalkReports(checkpoint->root());
  ReadState(&*checkpoint);
  if (!checkpoint->LoadAll().ok()) return;
  WriteSafetensors(checkpoint->root());
  SaveProgramData(*checkpoint);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ferry::PassToConsumers({reinterpret_cast<const char*>(data), size});
  return 0;
}
