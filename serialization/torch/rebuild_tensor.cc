// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/rebuild_tensor.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/text.h"
#include "ferry/serialization/container/tensor_rules.h"
#include "ferry/serialization/torch/storage_type.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

absl::Status Malformed(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("a tensor cannot be rebuilt: ", what));
}

// PyTorch has such tensors, so the file is not damaged.
absl::Status Unsupported(absl::string_view what) {
  return absl::UnimplementedError(
      absl::StrCat("a tensor is not supported: ", what));
}

// Returns whether PyTorch has tensors of a shape that `NumElements` refuses:
// those without elements whose other sizes are large.
bool IsOnlyTooLarge(absl::Span<const int64_t> shape) {
  return std::all_of(shape.begin(), shape.end(),
                     [](int64_t size) { return size >= 0; }) &&
         std::find(shape.begin(), shape.end(), 0) != shape.end() &&
         !NumElements(shape).ok();
}

// A view of `shape` that cannot be is damage here, not a caller's mistake.
template <typename T>
absl::StatusOr<T> AsDamage(absl::Span<const int64_t> shape,
                           absl::StatusOr<T> result) {
  if (!result.ok() &&
      result.status().code() == absl::StatusCode::kInvalidArgument) {
    return IsOnlyTooLarge(shape) ? Unsupported(result.status().message())
                                 : Malformed(result.status().message());
  }
  return result;
}

// The integers of a tuple, a list or a torch.Size.
class Ints {
 public:
  absl::Status Read(const ObjectGraph& graph, NodeId node,
                    absl::string_view what);
  operator absl::Span<const int64_t>() const {  // NOLINT: that is all it is
    return {values_, size_};
  }
  size_t size() const { return size_; }
  // At most kMaxRank of them.
  void Assign(absl::Span<const int64_t> values) {
    std::copy(values.begin(), values.end(), values_);
    size_ = values.size();
  }

 private:
  int64_t values_[kMaxRank];
  size_t size_ = 0;
};

absl::Status Ints::Read(const ObjectGraph& graph, NodeId node,
                        absl::string_view what) {
  absl::Span<const NodeId> items;
  switch (graph.kind(node)) {
    case ValueKind::kTuple:
    case ValueKind::kList:
      items = graph.items(node);
      break;
    case ValueKind::kSize:
      items = graph.size_items(node);
      break;
    default:
      return Malformed(absl::StrCat("its ", what, " is ",
                                    WithArticle(Name(graph.kind(node))),
                                    ", not a tuple"));
  }
  if (items.size() > static_cast<size_t>(kMaxRank)) {
    return Unsupported(absl::StrCat("its ", what, " has ", items.size(),
                                    " dimensions; at most ", kMaxRank,
                                    " are supported"));
  }
  size_ = items.size();
  for (size_t i = 0; i < size_; ++i) {
    if (!graph.is_int64(items[i])) {
      return Malformed(absl::StrCat("its ", what, " has ",
                                    WithArticle(Name(graph.kind(items[i]))),
                                    " in it"));
    }
    values_[i] = graph.int_value(items[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReadBool(const ObjectGraph& graph, NodeId node,
                              absl::string_view what) {
  if (graph.kind(node) != ValueKind::kBool) {
    return Malformed(absl::StrCat(
        what, " is ", WithArticle(Name(graph.kind(node))), ", not a bool"));
  }
  return graph.int_value(node) != 0;
}

// storage, offset, size, stride: what every strided rebuild begins with.
struct ViewArgs {
  Storage storage;
  StorageType type;
  int64_t offset = 0;
  Ints size;
  Ints stride;
};

absl::Status ReadView(const ObjectGraph& graph, absl::Span<const NodeId> args,
                      ViewArgs* view) {
  if (graph.kind(args[0]) != ValueKind::kStorage) {
    return Malformed(absl::StrCat("its storage is ",
                                  WithArticle(Name(graph.kind(args[0])))));
  }
  const StorageRecord& record = graph.storage(args[0]);
  view->storage = record.storage;
  view->type = {record.dtype, record.untyped};
  if (!graph.is_int64(args[1])) {
    return Malformed("its offset is not an integer");
  }
  view->offset = graph.int_value(args[1]);
  FERRY_RETURN_IF_ERROR(view->size.Read(graph, args[2], "shape"));
  FERRY_RETURN_IF_ERROR(view->stride.Read(graph, args[3], "stride"));
  if (view->stride.size() == 0 && view->size.size() != 0) {
    FERRY_RETURN_IF_ERROR(
        AsDamage(view->size, NumElements(view->size)).status());
    view->stride.Assign(ContiguousStrides(view->size));
  }
  return absl::OkStatus();
}

// Only `_rebuild_qtensor` is given a quantiser. With the other functions
// PyTorch makes tensors that it can neither use nor save, or it fails.
absl::Status CheckIsNotQuantized(DType dtype) {
  if (Category(dtype) != DTypeCategory::kQuantized) return absl::OkStatus();
  return Malformed(
      absl::StrCat(WithArticle(Name(dtype)), " tensor has no quantiser"));
}

// Turns a broken rule of `tensor_rules.h` into damage of the file.
absl::Status AsDamage(const absl::Status& status) {
  return absl::IsInvalidArgument(status) ? Malformed(status.message()) : status;
}

absl::StatusOr<Tensor> MakeView(ViewArgs&& view, DType dtype,
                                ObjectPool* pool) {
  return AsDamage(view.size,
                  Tensor::Create(std::move(view.storage), dtype, view.size,
                                 view.stride, view.offset, pool));
}

// Returns a complete tensor if it keeps the rules of `tensor_rules.h`.
absl::StatusOr<Tensor> Checked(const Tensor& tensor) {
  FERRY_RETURN_IF_ERROR(AsDamage(CheckFlags(tensor)));
  if (tensor.layout() != Layout::kStrided) {
    FERRY_RETURN_IF_ERROR(AsDamage(CheckComponents(tensor)));
  }
  return tensor;
}

// What C++ wraps in `torch.jit._pickle.restore_type_tag(value, "its type")`;
// else the node itself.
NodeId WithoutTypeTag(const ObjectGraph& graph, NodeId node) {
  if (!graph.is_object(node)) return node;
  const ObjectRecord object = graph.object(node);
  if (object.form != ObjectForm::kCall || !graph.is_global(object.callable) ||
      graph.global(object.callable).module != "torch.jit._pickle" ||
      graph.items(object.args).empty()) {
    return node;
  }
  return graph.items(object.args)[0];
}

// The conj and neg bits: {"conj": True, "neg": True}.
absl::Status ReadMetadata(const ObjectGraph& graph, NodeId node,
                          const Tensor& tensor) {
  node = WithoutTypeTag(graph, node);
  if (graph.kind(node) == ValueKind::kNone) return absl::OkStatus();
  if (graph.kind(node) != ValueKind::kDict) {
    return Malformed("its metadata is not a dict");
  }
  for (absl::string_view name : {"conj", "neg"}) {
    const NodeId value = graph.FindStr(node, name);
    if (value == kNoNode) continue;
    FERRY_ASSIGN_OR_RETURN(const bool set, ReadBool(graph, value, name));
    if (name == "neg") {
      tensor.set_neg(set, InternalKey());
    } else {
      tensor.set_conj(set, InternalKey());
    }
  }
  return absl::OkStatus();
}

// The tensors of a sparse one.
absl::StatusOr<std::vector<Tensor>> ReadComponents(
    const ObjectGraph& graph, absl::Span<const NodeId> parts) {
  std::vector<Tensor> components;
  for (NodeId part : parts) {
    if (graph.kind(part) != ValueKind::kTensor) {
      return Malformed(absl::StrCat("a part of a sparse tensor is ",
                                    WithArticle(Name(graph.kind(part)))));
    }
    // PyTorch has no sparse tensors of sparse parts, and chains of them would
    // be followed by recursion.
    if (graph.tensor(part).layout() != Layout::kStrided) {
      return Malformed("a part of a sparse tensor is itself sparse");
    }
    components.push_back(graph.tensor(part));
  }
  return components;
}

// As C++ writes it: layout, size, requires_grad, then two or three tensors, and
// the hooks (torch/csrc/jit/serialization/pickler.cpp, `pushTensorReference`;
// the layouts are those of c10/core/Layout.h).
absl::StatusOr<Tensor> RebuildLibtorchSparse(const ObjectGraph& graph,
                                             absl::Span<const NodeId> args) {
  static constexpr Layout kLayouts[] = {
      Layout::kStrided,   Layout::kSparseCoo, Layout::kSparseCsr,
      Layout::kMkldnn,    Layout::kSparseCsc, Layout::kSparseBsr,
      Layout::kSparseBsc,
  };
  if (!graph.is_int64(args[0]) || graph.int_value(args[0]) < 0 ||
      graph.int_value(args[0]) >= static_cast<int64_t>(std::size(kLayouts))) {
    return Malformed("its sparse layout is not known");
  }
  const Layout layout = kLayouts[graph.int_value(args[0])];
  if (layout == Layout::kStrided || layout == Layout::kMkldnn) {
    return Malformed("its layout is not sparse");
  }
  const size_t num_components = layout == Layout::kSparseCoo ? 2 : 3;
  if (args.size() < 3 + num_components) {
    return Malformed("a sparse tensor has too few parts");
  }
  FERRY_ASSIGN_OR_RETURN(
      std::vector<Tensor> components,
      ReadComponents(graph, args.subspan(3, num_components)));
  Ints size;
  FERRY_RETURN_IF_ERROR(size.Read(graph, args[1], "shape"));
  FERRY_ASSIGN_OR_RETURN(const bool requires_grad,
                         ReadBool(graph, args[2], "requires_grad"));
  const DType dtype = components.back().dtype();
  Tensor tensor =
      Tensor::CreateComposite(layout, dtype, size, std::move(components));
  tensor.set_requires_grad(requires_grad, InternalKey());
  return Checked(tensor);
}

}  // namespace

absl::Status NeedArgs(absl::Span<const NodeId> args, size_t least,
                      size_t most) {
  if (args.size() >= least && args.size() <= most) return absl::OkStatus();
  return Malformed(absl::StrCat("it is given ", args.size(), " arguments; ",
                                least, " to ", most, " are supported"));
}

absl::StatusOr<Tensor> RebuildStrided(const ObjectGraph& graph,
                                      absl::Span<const NodeId> args,
                                      ObjectPool* pool) {
  FERRY_RETURN_IF_ERROR(NeedArgs(args, 4, 7));
  ViewArgs view;
  FERRY_RETURN_IF_ERROR(ReadView(graph, args, &view));
  FERRY_RETURN_IF_ERROR(CheckIsNotQuantized(view.type.dtype));
  FERRY_ASSIGN_OR_RETURN(Tensor tensor,
                         MakeView(std::move(view), view.type.dtype, pool));
  if (args.size() > 4) {
    FERRY_ASSIGN_OR_RETURN(const bool requires_grad,
                           ReadBool(graph, args[4], "requires_grad"));
    tensor.set_requires_grad(requires_grad, InternalKey());
  }
  if (args.size() > 6) {
    FERRY_RETURN_IF_ERROR(ReadMetadata(graph, args[6], tensor));
  }
  return Checked(tensor);
}

absl::StatusOr<Tensor> RebuildStridedWithDType(const ObjectGraph& graph,
                                               absl::Span<const NodeId> args,
                                               ObjectPool* pool) {
  FERRY_RETURN_IF_ERROR(NeedArgs(args, 7, 8));
  ViewArgs view;
  FERRY_RETURN_IF_ERROR(ReadView(graph, args, &view));
  if (graph.kind(args[6]) != ValueKind::kDType) {
    return Malformed("its dtype is not known");
  }
  FERRY_RETURN_IF_ERROR(CheckIsNotQuantized(graph.dtype(args[6])));
  FERRY_ASSIGN_OR_RETURN(Tensor tensor,
                         MakeView(std::move(view), graph.dtype(args[6]), pool));
  FERRY_ASSIGN_OR_RETURN(const bool requires_grad,
                         ReadBool(graph, args[4], "requires_grad"));
  tensor.set_requires_grad(requires_grad, InternalKey());
  if (args.size() > 7) {
    FERRY_RETURN_IF_ERROR(ReadMetadata(graph, args[7], tensor));
  }
  return Checked(tensor);
}

absl::StatusOr<Tensor> RebuildQuantized(const ObjectGraph& graph,
                                        absl::Span<const NodeId> args,
                                        ObjectPool* pool) {
  FERRY_RETURN_IF_ERROR(NeedArgs(args, 7, 7));
  ViewArgs view;
  FERRY_RETURN_IF_ERROR(ReadView(graph, args, &view));
  if (Category(view.type.dtype) != DTypeCategory::kQuantized) {
    return Malformed("a quantised tensor's storage is not quantised");
  }
  const NodeId quantizer = WithoutTypeTag(graph, args[4]);
  if (graph.kind(quantizer) != ValueKind::kTuple ||
      graph.items(quantizer).size() < 3) {
    return Malformed("the description of its quantiser is malformed");
  }
  FERRY_ASSIGN_OR_RETURN(Tensor tensor,
                         MakeView(std::move(view), view.type.dtype, pool));
  FERRY_ASSIGN_OR_RETURN(const bool requires_grad,
                         ReadBool(graph, args[5], "requires_grad"));
  tensor.set_requires_grad(requires_grad, InternalKey());
  return Checked(tensor);
}

absl::StatusOr<Tensor> RebuildParameter(const ObjectGraph& graph,
                                        absl::Span<const NodeId> args) {
  FERRY_RETURN_IF_ERROR(NeedArgs(args, 3, 4));
  if (graph.kind(args[0]) != ValueKind::kTensor) {
    return Malformed(absl::StrCat("a parameter's data is ",
                                  WithArticle(Name(graph.kind(args[0])))));
  }
  FERRY_ASSIGN_OR_RETURN(const bool requires_grad,
                         ReadBool(graph, args[1], "requires_grad"));
  const Tensor& data = graph.tensor(args[0]);
  Tensor tensor = data.WithStorage(data.storage());
  tensor.set_requires_grad(requires_grad, InternalKey());
  return Checked(tensor);
}

absl::StatusOr<Tensor> RebuildMeta(const ObjectGraph& graph,
                                   absl::Span<const NodeId> args) {
  FERRY_RETURN_IF_ERROR(NeedArgs(args, 4, 4));
  if (graph.kind(args[0]) != ValueKind::kDType) {
    return Malformed("its dtype is not known");
  }
  const DType dtype = graph.dtype(args[0]);
  FERRY_RETURN_IF_ERROR(CheckIsNotQuantized(dtype));
  Ints size, stride;
  FERRY_RETURN_IF_ERROR(size.Read(graph, args[1], "shape"));
  FERRY_RETURN_IF_ERROR(stride.Read(graph, args[2], "stride"));
  FERRY_ASSIGN_OR_RETURN(const uint64_t size_bytes,
                         AsDamage(size, ViewSizeBytes(dtype, size, stride, 0)));
  FERRY_ASSIGN_OR_RETURN(const bool requires_grad,
                         ReadBool(graph, args[3], "requires_grad"));
  FERRY_ASSIGN_OR_RETURN(
      Tensor tensor,
      AsDamage(size, Tensor::Create(Storage::FromMemory(Device("meta"),
                                                        Memory{}, size_bytes),
                                    dtype, size, stride, 0)));
  tensor.set_requires_grad(requires_grad, InternalKey());
  return Checked(tensor);
}

absl::StatusOr<Tensor> RebuildSparse(const ObjectGraph& graph,
                                     absl::Span<const NodeId> args) {
  FERRY_RETURN_IF_ERROR(NeedArgs(args, 2, 7));
  if (args.size() > 2) return RebuildLibtorchSparse(graph, args);
  if (graph.kind(args[0]) != ValueKind::kLayout ||
      graph.kind(args[1]) != ValueKind::kTuple) {
    return Malformed("the description of its sparse layout is malformed");
  }
  const Layout layout = graph.layout(args[0]);
  const absl::Span<const NodeId> data = graph.items(args[1]);
  // Indices and values, or two kinds of indices and values; then the size, and
  // from 2.1 on whether a COO tensor is coalesced.
  const size_t num_components = layout == Layout::kSparseCoo ? 2 : 3;
  if (data.size() < num_components + 1 || data.size() > num_components + 2) {
    return Malformed("a sparse tensor has too few parts");
  }
  FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> components,
                         ReadComponents(graph, data.first(num_components)));
  Ints size;
  FERRY_RETURN_IF_ERROR(size.Read(graph, data[num_components], "shape"));
  const DType dtype = components.back().dtype();
  const bool requires_grad = components.back().requires_grad();
  Tensor tensor =
      Tensor::CreateComposite(layout, dtype, size, std::move(components));
  // PyTorch makes it by an operation on its values.
  tensor.set_requires_grad(requires_grad, InternalKey());
  return Checked(tensor);
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
