// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/elements.h
// -----------------------------------------------------------------------------
//
// Visits the elements of a tensor in row-major order, whatever its strides.
//
// Example: the largest element of any float tensor.
//
//   float largest = -INFINITY;
//   FERRY_RETURN_IF_ERROR(ForEachElement<float>(weight, [&](float element) {
//     largest = std::max(largest, element);
//   }));
//
// Example: copy the bytes of the elements into one string.
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

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Receives some whole elements. An error that it returns ends the visit.
using ElementVisitor = absl::FunctionRef<absl::Status(absl::string_view)>;

// Passes the elements of a strided tensor to `visit` in row-major order, with
// conj and neg resolved, in pieces of any size. For dtypes that pack several
// elements into a byte, passes the bytes.
//
//   storage_bytes  the contents of `tensor.storage()`. The memory of the
//                  storage itself is not read.
//
// O(elements) time, O(1) memory. Thread-safe.
//
// Errors:
//   kUnimplemented     - the dtype packs several elements into a byte and the
//                        tensor is not contiguous, or the tensor is negated and
//                        its dtype has no negative numbers.
//   kResourceExhausted - the tensor repeats few elements so often that the
//                        visit would take hours: a file of a few bytes can
//                        claim exabytes.
//   whatever `visit` returns.
absl::Status VisitElements(const Tensor& tensor,
                           absl::Span<const char> storage_bytes,
                           ElementVisitor visit);

// Returns OK if a tensor with so many elements over a storage of this size may
// be visited or copied. A file of a few bytes can claim exabytes.
//
// Errors: kResourceExhausted - the elements take more than 16 GiB and more than
//         the storage, because strides repeat them.
absl::Status CheckRepeats(int64_t num_elements, uint64_t element_bytes,
                          uint64_t storage_bytes);

// Calls `visit(element)` for each element of a tensor in host memory, in
// row-major order, with conj and neg resolved. T is the type of the elements
// (core/element_types.h). Nothing is visited if there is an error.
//
// Errors: as `VisitElements`. kFailedPrecondition - as `CheckOnHost`.
//         kInvalidArgument - the dtype is not that of T, or the tensor is null
//         or not strided.
template <typename T, typename Visitor>
absl::Status ForEachElement(const Tensor& tensor, Visitor visit);

// -----------------------------------------------------------------------------
// Implementation details follow.

namespace elements_internal {

// As VisitElements, for a tensor of `dtype` in host memory.
absl::Status VisitHostElements(const Tensor& tensor, DType dtype,
                               ElementVisitor visit);

}  // namespace elements_internal

template <typename T, typename Visitor>
absl::Status ForEachElement(const Tensor& tensor, Visitor visit) {
  return elements_internal::VisitHostElements(
      tensor, DTypeOf<T>::value, [&visit](absl::string_view bytes) {
        for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
          if constexpr (std::is_same_v<T, bool>) {
            visit(bytes[i] != 0);  // a file may hold any byte
          } else {
            T element;
            std::memcpy(&element, bytes.data() + i, sizeof(T));
            visit(element);
          }
        }
        return absl::OkStatus();
      });
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_ELEMENTS_H_
