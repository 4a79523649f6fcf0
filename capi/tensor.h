// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/tensor.h
// -----------------------------------------------------------------------------
//
// Makes and checks tensors for several files of the C interface.
#ifndef FERRY_CAPI_TENSOR_H_
#define FERRY_CAPI_TENSOR_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace capi {

// ReleaseLater
//
// The owner of memory that the program frees. Releases nothing unless it is
// armed, so that after a failure the memory still belongs to the program.
class ReleaseLater {
 public:
  ReleaseLater() = default;
  ~ReleaseLater() {
    if (release_ != nullptr) release_(context_);
  }
  ReleaseLater(const ReleaseLater&) = delete;
  ReleaseLater& operator=(const ReleaseLater&) = delete;

  // Lets the destructor call `release`, which may be null, with `context`.
  void Arm(void (*release)(void* context), void* context) {
    release_ = release;
    context_ = context;
  }

 private:
  void (*release_)(void* context) = nullptr;
  void* context_ = nullptr;
};

// Returns the dtype of that name.
//
// Errors: kInvalidArgument - there is none, or `name` is null.
absl::StatusOr<DType> ParseDType(const char* name);

// Returns a tensor on the CPU over `memory`, which has `size_bytes` bytes.
//
// Errors: as `Tensor::Create`; kInvalidArgument - also: `memory` is not aligned
//         for elements of `dtype`.
absl::StatusOr<Tensor> WrapMemory(Memory memory, uint64_t size_bytes,
                                  DType dtype, absl::Span<const int64_t> shape,
                                  absl::Span<const int64_t> strides);

}  // namespace capi
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CAPI_TENSOR_H_
