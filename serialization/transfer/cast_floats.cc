// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/cast_floats.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/conj_neg.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace {

using ParsedStorage = ParsedCheckpoint::ParsedStorage;

// Elements for a device are cast in so much memory.
constexpr size_t kBufferBytes = size_t{64} << 10;

// What the tensors say of a storage, and of those that share its bytes.
struct Use {
  // The dtype of its floating-point tensors that are to be cast.
  std::optional<DType> from;
  // A tensor of it that is not to be cast, or null.
  const Tensor* other = nullptr;
};

bool IsStridedFloat(const Tensor& tensor) {
  return tensor.layout() == Layout::kStrided && tensor.components().empty() &&
         Category(tensor.dtype()) == DTypeCategory::kFloat;
}

class FloatCaster {
 public:
  FloatCaster(DType dtype, bool untyped, absl::string_view file,
              ParsedCheckpoint* parsed)
      : dtype_(dtype),
        untyped_(untyped),
        file_(file),
        parsed_(*parsed),
        uses_(parsed->storages.size()) {}

  absl::Status Run();

 private:
  absl::Status Error(absl::StatusCode code, absl::string_view what) const {
    return absl::Status(code, absl::StrCat(file_, ": ", what));
  }

  void AddPart(const Tensor& part) { parts_.insert(&part.storage()); }
  void FindParts(const ObjectGraph& graph);
  absl::Status AddUse(const Tensor& tensor);
  absl::Status ReplaceMeta(const Tensor& tensor);
  absl::Status AddUses(const ObjectGraph& graph);
  absl::StatusOr<Storage> MakeCast(const Storage& storage, DType from) const;
  absl::Status ReplacePart(ParsedStorage* part, const Use& use);

  const DType dtype_;
  const bool untyped_;
  const absl::string_view file_;
  ParsedCheckpoint& parsed_;
  HashMap<Storage, size_t> index_;
  std::vector<Use> uses_;  // by family
  // Tensors that are part of a sparse or quantised tensor. The address of a
  // tensor's handle of its storage tells tensors apart.
  HashSet<const Storage*> parts_;
  HashMap<Storage, Storage> replacements_;
};

void FloatCaster::FindParts(const ObjectGraph& graph) {
  for (NodeId node = 0; node < graph.size(); ++node) {
    if (graph.kind(node) != ValueKind::kTensor) continue;
    const Tensor& tensor = graph.tensor(node);
    for (const Tensor& component : tensor.components()) AddPart(component);
    if (Category(tensor.dtype()) != DTypeCategory::kQuantized ||
        !graph.is_object(node)) {
      continue;
    }
    // The scales of the channels: the quantiser is a tuple among the arguments.
    const NodeId args = graph.object(node).args;
    if (args == kNoNode || graph.kind(args) != ValueKind::kTuple) continue;
    for (NodeId arg : graph.items(args)) {
      if (graph.kind(arg) != ValueKind::kTuple) continue;
      for (NodeId item : graph.items(arg)) {
        if (graph.kind(item) == ValueKind::kTensor) AddPart(graph.tensor(item));
      }
    }
  }
}

// Meta tensors have no storage in the file.
absl::Status FloatCaster::ReplaceMeta(const Tensor& tensor) {
  if (!IsStridedFloat(tensor) || tensor.dtype() == dtype_ ||
      tensor.storage().is_null() || !tensor.storage().has_data()) {
    return absl::OkStatus();
  }
  FERRY_RETURN_IF_ERROR(CheckCast(tensor.dtype(), dtype_));
  FERRY_ASSIGN_OR_RETURN(Storage cast,
                         MakeCast(tensor.storage(), tensor.dtype()));
  replacements_.emplace(tensor.storage(), std::move(cast));
  return absl::OkStatus();
}

absl::Status FloatCaster::AddUse(const Tensor& tensor) {
  for (const Tensor& component : tensor.components()) {
    const auto found = index_.find(component.storage());
    if (found != index_.end()) {
      uses_[parsed_.FamilyOf(found->second)].other = &tensor;
    }
  }
  const auto found = index_.find(tensor.storage());
  if (found == index_.end()) return ReplaceMeta(tensor);
  Use& use = uses_[parsed_.FamilyOf(found->second)];
  if (!IsStridedFloat(tensor) || parts_.contains(&tensor.storage()) ||
      tensor.dtype() == dtype_ ||
      (use.from.has_value() && *use.from != tensor.dtype())) {
    use.other = &tensor;
    return absl::OkStatus();
  }
  use.from = tensor.dtype();
  FERRY_RETURN_IF_ERROR(CheckCast(tensor.dtype(), dtype_));
  return CheckConjNeg(dtype_, tensor.is_conj(), tensor.is_neg());
}

absl::Status FloatCaster::AddUses(const ObjectGraph& graph) {
  FindParts(graph);
  for (const Tensor& tensor : graph.tensors()) {
    const absl::Status status = AddUse(tensor);
    if (!status.ok()) return Error(status.code(), status.message());
  }
  return absl::OkStatus();
}

// The storage to replace `storage`, which has elements of dtype `from`.
absl::StatusOr<Storage> FloatCaster::MakeCast(const Storage& storage,
                                              DType from) const {
  uint64_t size_bytes;
  if (__builtin_mul_overflow(storage.size_bytes() / ElementSizeBytes(from),
                             ElementSizeBytes(dtype_), &size_bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a storage of ", storage.size_bytes(),
                     " bytes cannot be cast to ", Name(dtype_)));
  }
  // A meta storage has no bytes to be read, so it is complete.
  if (storage.has_data()) {
    return Storage::FromMemory(storage.device(), Memory{}, size_bytes);
  }
  return Storage::Described(size_bytes, storage.recorded_location());
}

absl::Status FloatCaster::ReplacePart(ParsedStorage* part, const Use& use) {
  const DType from = *use.from;
  if (use.other != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a storage of ", Name(from), " elements cannot be cast to ",
        Name(dtype_), ", because ",
        WithArticle(use.other->layout() == Layout::kStrided
                        ? Name(use.other->dtype())
                        : Name(use.other->layout())),
        " tensor of shape ", ShapeToString(use.other->shape()),
        " uses it too; load the file without LoadOptions::dtype and cast the "
        "tensors with strided::Cast"));
  }
  if (part->base_offset_bytes % ElementSizeBytes(from) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a storage view that begins inside ",
                     WithArticle(Name(from)), " element cannot be cast"));
  }
  FERRY_ASSIGN_OR_RETURN(Storage cast, MakeCast(part->storage, from));
  replacements_.emplace(part->storage, cast);
  part->cast = ParsedStorage::Cast{part->storage, from, dtype_};
  part->base_offset_bytes = part->base_offset_bytes / ElementSizeBytes(from) *
                            ElementSizeBytes(dtype_);
  part->storage = std::move(cast);
  return absl::OkStatus();
}

absl::Status FloatCaster::Run() {
  if (Category(dtype_) != DTypeCategory::kFloat) {
    return Error(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("LoadOptions::dtype must be a floating-point "
                              "dtype; it is ",
                              Name(dtype_)));
  }
  if (parsed_.has_other_dtypes) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "the file refers to one storage as two dtypes, so its tensors "
                 "cannot be cast; load it without LoadOptions::dtype");
  }
  index_.reserve(parsed_.storages.size());
  for (size_t i = 0; i < parsed_.storages.size(); ++i) {
    index_.emplace(parsed_.storages[i].storage, i);
  }
  FERRY_RETURN_IF_ERROR(AddUses(*parsed_.graph));
  if (parsed_.constants_graph != nullptr) {
    FERRY_RETURN_IF_ERROR(AddUses(*parsed_.constants_graph));
  }
  for (size_t i = 0; i < parsed_.storages.size(); ++i) {
    const Use& use = uses_[parsed_.FamilyOf(i)];
    if (!use.from.has_value()) continue;
    const absl::Status status = ReplacePart(&parsed_.storages[i], use);
    if (!status.ok()) return Error(status.code(), status.message());
  }
  if (replacements_.empty()) return absl::OkStatus();
  parsed_.graph->CastStorages(replacements_, dtype_, untyped_);
  if (parsed_.constants_graph != nullptr) {
    parsed_.constants_graph->CastStorages(replacements_, dtype_, untyped_);
  }
  return absl::OkStatus();
}

// Casts `bytes`, which begin at `offset_bytes` of the stored storage, and
// writes the elements to `memory`.
absl::Status WriteCast(const ParsedStorage::Cast& cast, uint64_t offset_bytes,
                       absl::string_view bytes, Backend* backend,
                       const Memory& memory) {
  const uint64_t from_bytes = ElementSizeBytes(cast.from);
  const uint64_t to_bytes = ElementSizeBytes(cast.to);
  const uint64_t whole_bytes =
      cast.stored.size_bytes() / from_bytes * from_bytes;
  if (offset_bytes % from_bytes != 0 ||
      (bytes.size() % from_bytes != 0 &&
       offset_bytes + bytes.size() <= whole_bytes)) {
    return absl::UnimplementedError(
        absl::StrCat("a storage to be cast is divided inside ",
                     WithArticle(Name(cast.from)), " element"));
  }
  uint64_t count = bytes.size() / from_bytes;
  uint64_t to_offset = offset_bytes / from_bytes * to_bytes;
  if (backend == nullptr) {
    CastElements(bytes.data(), cast.from,
                 static_cast<char*>(memory.data) + to_offset, cast.to,
                 static_cast<int64_t>(count));
    return absl::OkStatus();
  }
  std::vector<char> buffer(std::min<uint64_t>(kBufferBytes, count * to_bytes));
  while (count > 0) {
    const uint64_t piece = std::min<uint64_t>(count, kBufferBytes / to_bytes);
    CastElements(bytes.data(), cast.from, buffer.data(), cast.to,
                 static_cast<int64_t>(piece));
    FERRY_RETURN_IF_ERROR(backend->CopyFromHost(buffer.data(), memory,
                                                to_offset, piece * to_bytes));
    bytes.remove_prefix(piece * from_bytes);
    to_offset += piece * to_bytes;
    count -= piece;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CastFloats(DType dtype, bool untyped, absl::string_view file,
                        ParsedCheckpoint* parsed) {
  return FloatCaster(dtype, untyped, file, parsed).Run();
}

std::function<absl::Status(uint64_t, absl::string_view)> MakeCastConsumer(
    const ParsedStorage::Cast& cast, const RandomAccessFile& file,
    const Extent& extent, Backend* backend, Memory memory) {
  return [&cast, &file, &extent, backend, memory = std::move(memory)](
             uint64_t offset_bytes, absl::string_view bytes) {
    const absl::Status status =
        WriteCast(cast, extent.storage_offset_bytes + offset_bytes, bytes,
                  backend, memory);
    return status.ok()
               ? status
               : ExtentError(status.code(), file, extent, status.message());
  };
}

}  // namespace v1
}  // namespace ferry
