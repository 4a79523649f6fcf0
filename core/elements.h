// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/elements.h
// -----------------------------------------------------------------------------
//
// The elements of a tensor one after another, however they are laid out.
//
// Example: a tensor's elements as they would stand in a row.
//
//   const Storage& storage = weight.storage();
//   const char* bytes = static_cast<const char*>(storage.data());
//   std::string row;
//   FERRY_RETURN_IF_ERROR(VisitElements(
//       weight, {bytes, storage.size_bytes()}, [&row](absl::string_view part) {
//         row.append(part.data(), part.size());
//         return absl::OkStatus();
//       }));
#ifndef FERRY_CORE_ELEMENTS_H_
#define FERRY_CORE_ELEMENTS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"

namespace ferry {

// Takes some whole elements. What it returns, if not OK, ends the visit.
using ElementVisitor = absl::FunctionRef<absl::Status(absl::string_view)>;

// Hands the elements of a strided tensor to `visit` in row-major order, with
// conj and neg resolved, in pieces of any size. Of dtypes that keep several
// elements in a byte: the bytes.
//
//   storage_bytes  the contents of `tensor.storage()`, whose own memory is not
//                  looked at.
//
// O(elements) time, O(1) memory. Thread-safe.
//
// Errors:
//   kUnimplemented     - the dtype keeps several elements in a byte and the
//                        tensor is not contiguous, or it is negated and its
//                        dtype has no negative numbers.
//   kResourceExhausted - the tensor repeats few elements so often that it would
//                        take hours: a file of bytes can claim exabytes.
//   whatever `visit` returns.
absl::Status VisitElements(const Tensor& tensor,
                           absl::Span<const char> storage_bytes,
                           ElementVisitor visit);

}  // namespace ferry

#endif  // FERRY_CORE_ELEMENTS_H_
