// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/digest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/budget.h"
#include "ferry/core/elements.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/tools/ferry/describe.h"
#include "ferry/tools/ferry/graph_digest.h"
#include "ferry/tools/ferry/sha256.h"
#include "ferry/tools/ferry/text.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Storages are read together up to so many bytes.
constexpr uint64_t kBatchBytes = uint64_t{64} << 20;

// Deflate makes at most so many bytes of one.
constexpr uint64_t kMaxInflation = 1032;

// Where the digests of a selection come from.
class Contents final : public GraphVisitor {
 public:
  Contents(const Checkpoint& checkpoint, const ObjectGraph& graph)
      : graph_(graph) {
    // Meta storages are materialised already; no file has their bytes.
    for (const Storage& storage : checkpoint.storages()) {
      if (!storage.has_data()) in_file_.insert(storage);
    }
  }

  absl::Status OnTensor(absl::string_view pointer, NodeId node) override {
    if (!nodes_.insert(node).second) return absl::OkStatus();
    AddTensor(pointer, {node, 0}, graph_.tensor(node));
    const std::vector<TensorPart> parts = PartsOf(graph_, node);
    for (size_t i = 0; i < parts.size(); ++i) {
      AddTensor(pointer, {node, i + 1}, parts[i].tensor);
    }
    return absl::OkStatus();
  }

  absl::Status OnLeaf(absl::string_view, NodeId node) override {
    if (graph_.kind(node) == ValueKind::kStorage) {
      AddStorage(graph_.storage(node).storage);
    }
    return absl::OkStatus();
  }

  // Asks for the digest of all of the bytes.
  void AddStorage(const Storage& storage) {
    if (in_file_.contains(storage)) GroupOf(storage).is_whole = true;
  }

  // Reads the storages and computes the digests, but not that of the graph.
  // Charges a step for each byte that is read or hashed.
  absl::Status Digest(
      const Checkpoint& checkpoint, const BudgetOptions& budget_options,
      const TransferControl& control, SelectionDigests* digests,
      absl::FunctionRef<void(absl::string_view, const absl::Status&)> complain);

 private:
  absl::StatusOr<uint64_t> DefaultSteps(const Checkpoint& checkpoint) const;

  static constexpr size_t kMaxPointerBytes = 120;

  struct Item {
    std::string pointer;  // for messages
    std::pair<NodeId, size_t> id;
    Tensor tensor;
    absl::StatusOr<std::string> digest;
  };
  // A storage, and what is hashed of it.
  struct Group {
    Storage storage;
    std::vector<size_t> items;
    bool is_whole = false;  // whether its own digest is asked for
  };

  Group& GroupOf(const Storage& storage) {
    const auto [found, is_new] =
        group_by_storage_.try_emplace(storage, groups_.size());
    if (is_new) groups_.emplace_back().storage = storage;
    return groups_[found->second];
  }

  void AddTensor(absl::string_view pointer, std::pair<NodeId, size_t> id,
                 const Tensor& tensor) {
    if (!in_file_.contains(tensor.storage())) return;
    GroupOf(tensor.storage()).items.push_back(items_.size());
    items_.push_back({Shorten(pointer, kMaxPointerBytes), id, tensor,
                      absl::UnknownError("not computed")});
  }

  const ObjectGraph& graph_;
  HashSet<Storage> in_file_;
  HashSet<NodeId> nodes_;
  std::vector<Item> items_;
  std::vector<Group> groups_;  // in the order of first reference
  HashMap<Storage, size_t> group_by_storage_;
};

// Whether the elements in row-major order are the storage.
bool IsWholeStorage(const Tensor& tensor) {
  return tensor.is_contiguous() && tensor.storage_offset() == 0 &&
         !tensor.is_conj() && !tensor.is_neg() &&
         ElementBytesOf(tensor) == tensor.storage().size_bytes();
}

// Adds bytes to a hash, a MiB at a time.
absl::Status HashBytes(absl::string_view bytes, const TransferControl& control,
                       Sha256* hash) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  while (!bytes.empty()) {
    if (control.is_cancelled && control.is_cancelled()) {
      return absl::CancelledError("it was cancelled");
    }
    hash->Update(bytes.substr(0, kPieceBytes));
    bytes.remove_prefix(std::min(kPieceBytes, bytes.size()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DigestBytes(absl::Span<const char> bytes,
                                        const TransferControl& control) {
  Sha256 hash;
  FERRY_RETURN_IF_ERROR(
      HashBytes({bytes.data(), bytes.size()}, control, &hash));
  return hash.Finish();
}

}  // namespace

absl::StatusOr<std::string> DigestTensor(const Tensor& tensor,
                                         absl::Span<const char> storage_bytes,
                                         const TransferControl& control) {
  Sha256 hash;
  const absl::Status status =
      VisitElements(tensor, storage_bytes, [&](absl::string_view bytes) {
        return HashBytes(bytes, control, &hash);
      });
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("no digest: ", status.message()));
  }
  return hash.Finish();
}

// The steps that reading and hashing may take: in proportion to the bytes of
// the file that the storages have, plus those to read and hash once what is
// inflated. Views of one storage have the same bytes.
absl::StatusOr<uint64_t> Contents::DefaultSteps(
    const Checkpoint& checkpoint) const {
  uint64_t encoded_bytes = 0;
  uint64_t inflated_bytes = 0;
  for (const Group& group : groups_) {
    FERRY_ASSIGN_OR_RETURN(const std::vector<Checkpoint::StoredRun> runs,
                           checkpoint.FindRuns(group.storage));
    for (const Checkpoint::StoredRun& run : runs) {
      encoded_bytes += run.encoded_bytes;
      if (run.encoding == Encoding::kStored) continue;
      // No more than can be true.
      inflated_bytes +=
          std::min(run.size_bytes, kMaxInflation * run.encoded_bytes);
    }
  }
  const uint64_t steps = Budget::DefaultSteps(
      std::min(encoded_bytes, checkpoint.end_offset_bytes()));
  return steps + 2 * inflated_bytes;
}

absl::Status Contents::Digest(
    const Checkpoint& checkpoint, const BudgetOptions& budget_options,
    const TransferControl& control, SelectionDigests* digests,
    absl::FunctionRef<void(absl::string_view, const absl::Status&)> complain) {
  BudgetOptions limits = budget_options;
  if (!limits.max_steps.has_value()) {
    FERRY_ASSIGN_OR_RETURN(limits.max_steps, DefaultSteps(checkpoint));
  }
  Budget budget(limits, /*stored_bytes=*/0, control.is_cancelled);
  for (size_t next = 0; next < groups_.size();) {
    std::vector<uint64_t> sizes;
    uint64_t total_bytes = 0;
    const size_t first = next;
    for (; next < groups_.size(); ++next) {
      const uint64_t size = groups_[next].storage.size_bytes();
      if (next > first &&
          size > kBatchBytes - std::min(total_bytes, kBatchBytes)) {
        break;
      }
      sizes.push_back(size);
      total_bytes += size;
    }
    std::vector<Memory> memory(sizes.size());
    FERRY_RETURN_IF_ERROR(AllocateHostMemory(sizes, absl::MakeSpan(memory)));
    std::vector<Checkpoint::Destination> destinations;
    // What can be hashed at the same time: tensors, and whole storages where no
    // tensor is that.
    struct Work {
      absl::Span<const char> bytes;
      const Tensor* tensor;
      absl::StatusOr<std::string>* digest;
    };
    std::vector<Work> work;
    std::vector<absl::StatusOr<std::string>> whole(
        sizes.size(), absl::StatusOr<std::string>(std::string()));
    std::vector<absl::StatusOr<std::string>*> of_storage(sizes.size());
    for (size_t k = 0; k < sizes.size(); ++k) {
      const absl::Span<char> bytes(static_cast<char*>(memory[k].data),
                                   sizes[k]);
      const Group& group = groups_[first + k];
      FERRY_RETURN_IF_ERROR(budget.ChargeSteps(sizes[k]));
      destinations.push_back({group.storage, bytes});
      for (size_t i : group.items) {
        Item& item = items_[i];
        const absl::Status affordable =
            budget.ChargeSteps(ElementBytesOf(item.tensor));
        if (absl::IsCancelled(affordable)) return affordable;
        if (!affordable.ok()) {
          item.digest = affordable;
          continue;
        }
        work.push_back({bytes, &item.tensor, &item.digest});
        if (IsWholeStorage(item.tensor)) of_storage[k] = &item.digest;
      }
      if (group.is_whole && of_storage[k] == nullptr) {
        of_storage[k] = &whole[k];
        work.push_back({bytes, nullptr, &whole[k]});
      }
    }
    FERRY_RETURN_IF_ERROR(checkpoint.ReadInto(destinations));
    FERRY_RETURN_IF_ERROR(
        ParallelForEach(static_cast<int64_t>(work.size()), [&](int64_t w) {
          const Work& piece = work[w];
          *piece.digest =
              piece.tensor == nullptr
                  ? DigestBytes(piece.bytes, control)
                  : DigestTensor(*piece.tensor, piece.bytes, control);
          const absl::Status& status = piece.digest->status();
          return absl::IsCancelled(status) ? status : absl::OkStatus();
        }));
    for (size_t k = 0; k < sizes.size(); ++k) {
      const Group& group = groups_[first + k];
      if (!group.is_whole) continue;
      FERRY_RETURN_IF_ERROR(of_storage[k]->status());
      digests->storages.emplace(group.storage, **of_storage[k]);
    }
  }
  for (Item& item : items_) {
    if (item.digest.ok()) {
      digests->tensors.emplace(item.id, *std::move(item.digest));
    } else {
      complain(item.pointer, item.digest.status());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SelectionDigests> DigestSelection(
    const Checkpoint& checkpoint, const Selection& selection,
    const BudgetOptions& budget, const TransferControl& control,
    absl::FunctionRef<void(absl::string_view pointer,
                           const absl::Status& status)>
        complain) {
  SelectionDigests digests;
  Contents contents(checkpoint, selection.graph());
  FERRY_RETURN_IF_ERROR(selection.Walk(&contents));
  if (selection.is_pattern()) {
    FERRY_RETURN_IF_ERROR(
        contents.Digest(checkpoint, budget, control, &digests, complain));
    return digests;
  }
  GraphDigest graph(selection.graph(), selection.start(), selection.budget());
  for (const Storage& storage : graph.storages()) contents.AddStorage(storage);
  FERRY_RETURN_IF_ERROR(
      contents.Digest(checkpoint, budget, control, &digests, complain));
  std::vector<std::string> of_storages;
  of_storages.reserve(graph.storages().size());
  for (const Storage& storage : graph.storages()) {
    const auto found = digests.storages.find(storage);
    of_storages.push_back(found == digests.storages.end() ? "" : found->second);
  }
  FERRY_ASSIGN_OR_RETURN(digests.graph, graph.Finish(of_storages));
  return digests;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
