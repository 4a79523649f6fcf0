// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/hooks.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

// Returns the edge to the node that is to call `hook`.
template <typename Hook>
absl::StatusOr<Edge> EdgeFor(const Tensor& tensor, const Hook& hook) {
  if (hook == nullptr) return absl::InvalidArgumentError("the hook is empty");
  if (tensor.is_null()) return absl::InvalidArgumentError("the tensor is null");
  if (!tensor.requires_grad()) {
    return absl::InvalidArgumentError(
        "cannot register a hook on a tensor that doesn't require gradient");
  }
  return GradientEdge(tensor);
}

bool IsExpired(const NodeHooks::OfTensor& entry) {
  return entry.hook.expired();
}
template <typename Hook>
bool IsExpired(const std::weak_ptr<Hook>& entry) {
  return entry.expired();
}

// Appends an entry. Drops those whose handles are gone whenever the list is
// full, which takes constant time per entry on average.
template <typename Entry>
void Append(NodeHooks& hooks, std::vector<Entry> NodeHooks::*list,
            Entry entry) {
  const std::lock_guard<std::mutex> lock(hooks.mutex);
  std::vector<Entry>& entries = hooks.*list;
  if (entries.size() == entries.capacity()) {
    entries.erase(std::remove_if(entries.begin(), entries.end(),
                                 [](const Entry& e) { return IsExpired(e); }),
                  entries.end());
  }
  entries.push_back(std::move(entry));
}

template <typename Hook>
HookHandle AppendHook(NodeHooks& hooks,
                      std::vector<std::weak_ptr<Hook>> NodeHooks::*list,
                      Hook hook) {
  auto owned = std::make_shared<Hook>(std::move(hook));
  Append(hooks, list, std::weak_ptr<Hook>(owned));
  return HookHandle(std::move(owned), InternalKey());
}

}  // namespace

absl::StatusOr<HookHandle> RegisterHook(const Tensor& tensor, TensorHook hook) {
  FERRY_ASSIGN_OR_RETURN(const Edge edge, EdgeFor(tensor, hook));
  auto owned = std::make_shared<TensorHook>(std::move(hook));
  Append(edge.node->MutableHooks(), &NodeHooks::tensor,
         NodeHooks::OfTensor{edge.index, owned});
  return HookHandle(std::move(owned), InternalKey());
}

absl::StatusOr<HookHandle> RegisterNodePreHook(const Tensor& tensor,
                                               NodeHook hook) {
  FERRY_ASSIGN_OR_RETURN(const Edge edge, EdgeFor(tensor, hook));
  return AppendHook(edge.node->MutableHooks(), &NodeHooks::before,
                    std::move(hook));
}

absl::StatusOr<HookHandle> RegisterNodePostHook(const Tensor& tensor,
                                                NodePostHook hook) {
  FERRY_ASSIGN_OR_RETURN(const Edge edge, EdgeFor(tensor, hook));
  return AppendHook(edge.node->MutableHooks(), &NodeHooks::after,
                    std::move(hook));
}

absl::StatusOr<HookHandle> RegisterPostAccumulateGradHook(
    const Tensor& leaf, AccumulatedHook hook) {
  FERRY_ASSIGN_OR_RETURN(const Edge edge, EdgeFor(leaf, hook));
  if (!IsLeaf(leaf)) {
    return absl::InvalidArgumentError(
        "post accumulate grad hooks cannot be registered on non-leaf tensors");
  }
  return AppendHook(edge.node->MutableHooks(), &NodeHooks::accumulated,
                    std::move(hook));
}

}  // namespace v1
}  // namespace ferry
