// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/checkpointing.h"

#include <any>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/saved_tensor.h"
#include "ferry/autograd/saved_tensor_hooks.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

// Returns an error unless the calling thread is `owner`, the thread that called
// the checkpointed function. `ParallelFor` carries the hooks to other threads,
// which save tensors in no fixed order.
absl::Status CheckThread(std::thread::id owner) {
  if (std::this_thread::get_id() == owner) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "RunCheckpointed: an op saved a tensor on another thread than that of "
      "the function; call ops on the function's own thread only, not from "
      "ParallelFor");
}

// Segment
//
// One checkpointed call. Numbers the tensors that its ops save, in order, so
// that the second call can be matched with the first.
class Segment {
 public:
  explicit Segment(const CheckpointFunction& function) : function_(function) {}

  absl::Status SaveInputs(absl::Span<const Tensor> inputs);

  // Returns the number of the next tensor of the first call.
  size_t AddSaved() {
    const std::lock_guard<std::mutex> lock(mutex_);
    dropped_.push_back(false);
    return dropped_.size() - 1;
  }

  // Returns the tensor with this number, and calls the function again unless an
  // earlier call has left it.
  absl::StatusOr<Tensor> Get(size_t number);

  // Frees the tensor with this number. Later calls do not keep it.
  void Drop(size_t number) {
    Tensor dropped;
    const std::lock_guard<std::mutex> lock(mutex_);
    dropped_[number] = true;
    const auto found = recomputed_.find(number);
    if (found == recomputed_.end()) return;
    std::swap(dropped, found->second);
    recomputed_.erase(found);
  }

 private:
  struct Input {
    SavedTensor tensor;
    bool is_null = false;
    bool requires_grad = false;
  };

  Tensor Find(size_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = recomputed_.find(number);
    return found == recomputed_.end() ? Tensor() : found->second;
  }
  bool IsDropped(size_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return number < dropped_.size() && dropped_[number];
  }
  absl::Status Recompute();

  const CheckpointFunction function_;
  std::vector<Input> inputs_;
  std::mutex recompute_mutex_;  // held while the function runs again
  std::mutex mutex_;            // guards the members below
  // For each tensor that the first call saved, whether nobody needs it.
  std::vector<bool> dropped_;
  absl::flat_hash_map<size_t, Tensor> recomputed_;
};

// What the graph keeps in place of a saved tensor.
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<Segment> segment)
      : segment_(std::move(segment)), number_(segment_->AddSaved()) {}
  ~Ticket() { segment_->Drop(number_); }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  absl::StatusOr<Tensor> Redeem() const { return segment_->Get(number_); }

 private:
  const std::shared_ptr<Segment> segment_;
  const size_t number_;
};

absl::Status Segment::SaveInputs(absl::Span<const Tensor> inputs) {
  inputs_.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    Input& input = inputs_[i];
    input.is_null = inputs[i].is_null();
    if (input.is_null) continue;
    if (inputs[i].storage().is_null()) {
      return absl::UnimplementedError("RunCheckpointed takes strided tensors");
    }
    input.requires_grad = inputs[i].requires_grad();
    FERRY_ASSIGN_OR_RETURN(input.tensor, SavedTensor::Input(inputs[i]));
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> Segment::Get(size_t number) {
  Tensor tensor = Find(number);
  if (!tensor.is_null()) return tensor;
  const std::lock_guard<std::mutex> lock(recompute_mutex_);
  // Another thread may have been faster.
  tensor = Find(number);
  if (!tensor.is_null()) return tensor;
  FERRY_RETURN_IF_ERROR(Recompute());
  tensor = Find(number);
  if (!tensor.is_null()) return tensor;
  return absl::InternalError(absl::StrCat(
      "RunCheckpointed: the second call of the function did not save tensor ",
      number, "; this is a bug in Ferry"));
}

absl::Status Segment::Recompute() {
  std::vector<Tensor> inputs(inputs_.size());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].is_null) continue;
    FERRY_ASSIGN_OR_RETURN(const Tensor input,
                           inputs_[i].tensor.UnpackInput("RunCheckpointed"));
    // The graph of the second call ends here, and is thrown away.
    inputs[i] = input.Detach();
    if (inputs_[i].requires_grad) {
      FERRY_RETURN_IF_ERROR(inputs[i].SetRequiresGrad(true));
    }
  }
  absl::flat_hash_map<size_t, Tensor> recomputed;
  size_t num_saved = 0;
  {
    const EnableGradGuard enable_grad;
    const SavedTensorHooksGuard hooks(
        [&, owner = std::this_thread::get_id()](
            const Tensor& tensor) -> absl::StatusOr<std::any> {
          FERRY_RETURN_IF_ERROR(CheckThread(owner));
          const size_t number = num_saved++;
          if (!IsDropped(number)) recomputed.emplace(number, tensor);
          return std::any();
        },
        [](const std::any&) -> absl::StatusOr<Tensor> {
          return absl::FailedPreconditionError(
              "a checkpointed function must not run a backward pass over what "
              "it computes");
        });
    FERRY_RETURN_IF_ERROR(function_(inputs).status());
  }
  absl::flat_hash_map<size_t, Tensor> needed;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (num_saved != dropped_.size()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "RunCheckpointed: the function saved ", dropped_.size(),
        " tensors when it was called first, and ", num_saved,
        " when it was called again; it must compute the same each time"));
  }
  // Other threads may have dropped some in the meantime.
  for (auto& [number, tensor] : recomputed) {
    if (!dropped_[number]) needed.emplace(number, std::move(tensor));
  }
  std::swap(recomputed_, needed);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> RunCheckpointed(
    const CheckpointFunction& function, absl::Span<const Tensor> inputs) {
  if (function == nullptr) {
    return absl::InvalidArgumentError("RunCheckpointed: the function is empty");
  }
  if (!RecordingEnabled()) return function(inputs);
  auto segment = std::make_shared<Segment>(function);
  FERRY_RETURN_IF_ERROR(segment->SaveInputs(inputs));
  const SavedTensorHooksGuard hooks(
      [segment, owner = std::this_thread::get_id()](
          const Tensor&) -> absl::StatusOr<std::any> {
        FERRY_RETURN_IF_ERROR(CheckThread(owner));
        return std::any(std::make_shared<const Ticket>(segment));
      },
      [](const std::any& ticket) {
        return std::any_cast<const std::shared_ptr<const Ticket>&>(ticket)
            ->Redeem();
      });
  return function(inputs);
}

}  // namespace v1
}  // namespace ferry
