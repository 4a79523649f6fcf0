// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/saved_tensor_hooks.h
// -----------------------------------------------------------------------------
//
// Functions that decide how tensors are kept between the forward computation
// and the backward pass: PyTorch's torch.autograd.graph.saved_tensors_hooks.
//
// Example: keep saved tensors as bfloat16, in half the memory.
//
//   const SavedTensorHooksGuard guard(
//       [](const Tensor& tensor) -> absl::StatusOr<std::any> {
//         FERRY_ASSIGN_OR_RETURN(Tensor half,
//                                Cast(tensor, DType::kBFloat16));
//         return std::any(half);
//       },
//       [](const std::any& packed) {
//         return Cast(std::any_cast<const Tensor&>(packed), DType::kFloat32);
//       });
//   auto y = Exp(x);  // saves its result
#ifndef FERRY_AUTOGRAD_SAVED_TENSOR_HOOKS_H_
#define FERRY_AUTOGRAD_SAVED_TENSOR_HOOKS_H_

#include <any>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/tensor.h"
#include "ferry/core/thread_state.h"

namespace ferry {
inline namespace v1 {

// A function that is called with each tensor that an op saves, without its
// history, and returns what to keep instead. It runs on the thread that calls
// the op, with recording off, and must not write the tensor in place. Its error
// is the result of the op. Inside `ParallelFor`, several threads call it at
// once.
using PackHook = std::function<absl::StatusOr<std::any>(const Tensor& tensor)>;

// A function that is called with what a PackHook has returned, each time that
// a backward pass needs the tensor. It returns a tensor of the same shape and
// dtype. It runs on the thread that runs the node: with
// `BackwardOptions::parallel`, on several threads at once. Its error ends the
// pass.
using UnpackHook =
    std::function<absl::StatusOr<Tensor>(const std::any& packed)>;

struct SavedTensorHooks {
  PackHook pack;
  UnpackHook unpack;
};

// SavedTensorHooksGuard
//
// Applies a pair of hooks to what the ops of the calling thread save for as
// long as it lives. Of several guards, only the innermost applies. The hooks
// themselves live as long as what they have packed.
//
// The thread state carries the guard to the chunks of a `ParallelFor`. It must
// be destroyed on the thread that made it, in reverse order of construction.
//
// Tensors that were packed have no version check: that nobody writes the
// memory that `pack` keeps is up to the program.
//
// If a hook is empty, ops that save a tensor (or backward passes that need one)
// return kInvalidArgument.
class SavedTensorHooksGuard final {
 public:
  [[nodiscard]] SavedTensorHooksGuard(PackHook pack, UnpackHook unpack)
      : hooks_(std::make_shared<const SavedTensorHooks>(
            SavedTensorHooks{OrError(std::move(pack), "pack"),
                             OrError(std::move(unpack), "unpack")})),
        former_(CurrentThreadState().saved_tensor_scope) {
    SetScope(this);
  }
  ~SavedTensorHooksGuard() { SetScope(former_); }
  SavedTensorHooksGuard(const SavedTensorHooksGuard&) = delete;
  SavedTensorHooksGuard& operator=(const SavedTensorHooksGuard&) = delete;

  // For Ferry's own code. Returns the hooks that apply to the calling thread,
  // or null.
  static std::shared_ptr<const SavedTensorHooks> Current() {
    const void* const scope = CurrentThreadState().saved_tensor_scope;
    if (scope == nullptr) return nullptr;
    return static_cast<const SavedTensorHooksGuard*>(scope)->hooks_;
  }

 private:
  // Returns the hook, or one that fails if it is empty.
  template <typename Result, typename Argument>
  static std::function<absl::StatusOr<Result>(const Argument&)> OrError(
      std::function<absl::StatusOr<Result>(const Argument&)> hook,
      absl::string_view name) {
    if (hook != nullptr) return hook;
    return [name](const Argument&) -> absl::StatusOr<Result> {
      return absl::InvalidArgumentError(
          absl::StrCat("the ", name, " hook is empty"));
    };
  }

  static void SetScope(const void* scope) {
    ThreadState state = CurrentThreadState();
    state.saved_tensor_scope = scope;
    SetCurrentThreadState(state);
  }

  const std::shared_ptr<const SavedTensorHooks> hooks_;
  const void* const former_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_SAVED_TENSOR_HOOKS_H_
