// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/globals.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

constexpr absl::string_view kBlockedModules[] = {"nt", "os", "posix", "sys"};

// What is in no row of names below.
constexpr absl::string_view kOthers[] = {
    "_codecs.encode",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.set",
    "collections.Counter",
    "collections.OrderedDict",
    "torch.Size",
    "torch.Tensor",
    "torch._tensor._rebuild_from_type_v2",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch._utils._rebuild_device_tensor_from_numpy",
    "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_nested_tensor",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_qtensor",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_wrapper_subclass",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch.per_channel_affine",
    "torch.per_channel_affine_float_qparams",
    "torch.per_channel_symmetric",
    "torch.per_tensor_affine",
    "torch.per_tensor_symmetric",
    "torch.serialization._get_layout",
    "torch.storage.TypedStorage",
    "torch.storage.UntypedStorage",
};

// The element types by which classes are called, and which there are of each:
// torch.FloatStorage, torch.cuda.FloatTensor, torch.sparse.FloatTensor.
enum Kinds : unsigned {
  kStorage = 1,
  kCudaStorage = 2,
  kDense = 4,  // torch.XTensor and torch.cuda.XTensor
  kSparse = 8,
};
struct ElementType {
  absl::string_view name;
  unsigned kinds;
};
constexpr unsigned kAll = kStorage | kCudaStorage | kDense | kSparse;
constexpr ElementType kElementTypes[] = {
    {"BFloat16", kAll},
    {"Bool", kStorage | kCudaStorage | kDense},
    {"Byte", kAll},
    {"Char", kAll},
    {"ComplexDouble", kStorage | kCudaStorage},
    {"ComplexFloat", kStorage | kCudaStorage},
    {"Double", kAll},
    {"Float", kAll},
    {"Half", kAll},
    {"Int", kAll},
    {"Long", kAll},
    {"QInt32", kStorage},
    {"QInt8", kStorage},
    {"QUInt2x4", kStorage},
    {"QUInt4x2", kStorage},
    {"QUInt8", kStorage},
    {"Short", kAll},
};

bool IsElementClass(absl::string_view name, absl::string_view suffix,
                    unsigned kind) {
  if (!absl::ConsumeSuffix(&name, suffix)) return false;
  return std::any_of(std::begin(kElementTypes), std::end(kElementTypes),
                     [&](const ElementType& type) {
                       return type.name == name && (type.kinds & kind) != 0;
                     });
}

// Of dtypes, the name that Python prints.
bool IsDType(absl::string_view name) {
  const std::optional<DType> dtype = DTypeFromName(name);
  return dtype.has_value() && Name(*dtype) == name;
}

}  // namespace

bool IsBlocked(absl::string_view module, absl::string_view name) {
  return std::find(std::begin(kBlockedModules), std::end(kBlockedModules),
                   module) != std::end(kBlockedModules) ||
         // Loads the checkpoint in its argument without any check.
         (module == "torch.storage" && name == "_load_from_bytes");
}

bool IsGlobalAllowed(absl::string_view module, absl::string_view name) {
  static const auto* const others =
      new HashSet<absl::string_view>(std::begin(kOthers), std::end(kOthers));
  if (module == "torch") {
    if (IsElementClass(name, "Storage", kStorage) ||
        IsElementClass(name, "Tensor", kDense) || IsDType(name)) {
      return true;
    }
  } else if (module == "torch.cuda") {
    return IsElementClass(name, "Storage", kCudaStorage) ||
           IsElementClass(name, "Tensor", kDense);
  } else if (module == "torch.sparse" || module == "torch.cuda.sparse") {
    return IsElementClass(name, "Tensor", kSparse);
  }
  return others->contains(absl::StrCat(module, ".", name));
}

absl::Status CheckGlobals(
    const ObjectGraph& graph, absl::string_view file,
    absl::FunctionRef<bool(absl::string_view full_name)> is_allowed) {
  std::vector<std::string> refused;
  bool any_blocked = false;
  for (const GlobalRecord& global : graph.globals()) {
    if (IsGlobalAllowed(global.module, global.name)) continue;
    std::string full_name = absl::StrCat(global.module, ".", global.name);
    const bool is_blocked = IsBlocked(global.module, global.name);
    if (!is_blocked && is_allowed(full_name)) continue;
    any_blocked = any_blocked || is_blocked;
    refused.push_back(EscapeForMessage(full_name));
  }
  if (refused.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      file, " refers to ", refused.size(),
      refused.size() == 1 ? " global that is" : " globals that are",
      " not allowed: ", absl::StrJoin(refused, ", "),
      "; those that you trust can be allowed by LoadOptions::allowed_globals",
      any_blocked ? ", but nothing of os, posix, nt and sys, nor "
                    "torch.storage._load_from_bytes"
                  : ""));
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
