// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/elements.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/conj_neg.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace {

// The size of the buffer for scattered elements, which stays in the
// second-level cache. It holds several rows of a transposed matrix, so that
// each cache line of the matrix is read once. A multiple of every element's
// size.
constexpr size_t kBufferBytes = size_t{256} << 10;

// Runs of this size and more are passed on without a copy.
constexpr uint64_t kDirectBytes = 1024;

// The size up to which a tensor may be larger than its storage.
constexpr uint64_t kMaxRepeatedBytes = uint64_t{16} << 30;

// The dimensions of a view with at least one element. Dimensions of size 1 are
// left out, and adjacent ones merged where their elements are evenly spaced.
struct View {
  Dimensions sizes;
  Dimensions strides;
};

View Simplify(const Tensor& tensor) {
  View view;
  for (int i = 0; i < tensor.rank(); ++i) {
    const int64_t size = tensor.shape()[i];
    const int64_t stride = tensor.strides()[i];
    if (size == 1) continue;
    int64_t run;
    if (!view.sizes.empty() && !__builtin_mul_overflow(size, stride, &run) &&
        view.strides.back() == run) {
      view.sizes.back() *= size;  // no more than the elements of the tensor
      view.strides.back() = stride;
    } else {
      view.sizes.push_back(size);
      view.strides.push_back(stride);
    }
  }
  if (view.sizes.empty()) {
    view.sizes.push_back(1);
    view.strides.push_back(1);
  }
  return view;
}

// Passes the elements on where they are, run by run.
absl::Status VisitRuns(const View& view, const char* first,
                       uint64_t element_bytes, ElementVisitor visit) {
  const Dimensions row_major = ContiguousStrides(view.sizes);
  const StridedTiles<2> runs(view.sizes, {{row_major, view.strides}},
                             view.sizes.back(), TileOrder::kOfView0);
  absl::Status status;
  for (int64_t i = 0; i < runs.count() && status.ok(); ++i) {
    runs.ForEach(i, i + 1, [&](const auto& offsets, int64_t, int64_t columns) {
      status = visit({first + static_cast<uint64_t>(offsets[1]) * element_bytes,
                      static_cast<uint64_t>(columns) * element_bytes});
    });
  }
  return status;
}

// Gathers the elements in a buffer, box by box: as many slices of one dimension
// as fit, with all of the dimensions inside it.
absl::Status VisitGathered(const View& view, const char* first,
                           const Tensor& tensor, ElementVisitor visit) {
  const uint64_t element_bytes = ElementSizeBytes(tensor.dtype());
  const size_t rank = view.sizes.size();
  int64_t slice = 1;  // elements
  size_t sliced = rank - 1;
  const auto max_elements = static_cast<int64_t>(kBufferBytes / element_bytes);
  while (sliced > 0 && slice * view.sizes[sliced] <= max_elements) {
    slice *= view.sizes[sliced--];
  }
  const int64_t slices = std::min(view.sizes[sliced], max_elements / slice);
  int64_t outer_count = 1;
  for (size_t i = 0; i < sliced; ++i) outer_count *= view.sizes[i];

  Dimensions box(view.sizes.begin() + static_cast<ptrdiff_t>(sliced),
                 view.sizes.end());
  const auto strides = absl::MakeConstSpan(view.strides).subspan(sliced);
  const Dimensions row_major = ContiguousStrides(box);
  const std::unique_ptr<char[]> buffer(
      new char[static_cast<uint64_t>(slices * slice) * element_bytes]);
  for (int64_t outer = 0; outer < outer_count; ++outer) {
    int64_t offset = 0;
    int64_t rest = outer;
    for (size_t i = sliced; i-- > 0; rest /= view.sizes[i]) {
      offset += rest % view.sizes[i] * view.strides[i];
    }
    for (int64_t begin = 0; begin < view.sizes[sliced]; begin += slices) {
      box[0] = std::min(slices, view.sizes[sliced] - begin);
      CopyStrided(first + static_cast<uint64_t>(offset + begin * strides[0]) *
                              element_bytes,
                  strides, buffer.get(), row_major, box, element_bytes);
      const int64_t count = box[0] * slice;
      ApplyConjNeg(tensor.dtype(), tensor.is_conj(), tensor.is_neg(),
                   buffer.get(), count);
      FERRY_RETURN_IF_ERROR(
          visit({buffer.get(), static_cast<uint64_t>(count) * element_bytes}));
    }
  }
  return absl::OkStatus();
}

absl::Status VisitPacked(const Tensor& tensor, absl::Span<const char> bytes,
                         ElementVisitor visit) {
  const auto per_unit = static_cast<int64_t>(ElementsPerUnit(tensor.dtype()));
  if (!tensor.is_contiguous() || tensor.storage_offset() % per_unit != 0 ||
      tensor.is_neg()) {
    return absl::UnimplementedError(absl::StrCat(
        "its ", Name(tensor.dtype()), " elements are not contiguous"));
  }
  const uint64_t unit_bytes = ElementSizeBytes(tensor.dtype());
  const auto units =
      static_cast<uint64_t>(tensor.num_elements() / per_unit +
                            (tensor.num_elements() % per_unit != 0 ? 1 : 0));
  return visit({bytes.data() +
                    static_cast<uint64_t>(tensor.storage_offset() / per_unit) *
                        unit_bytes,
                units * unit_bytes});
}

}  // namespace

absl::Status CheckRepeats(int64_t num_elements, uint64_t element_bytes,
                          uint64_t storage_bytes) {
  uint64_t size_bytes;
  if (__builtin_mul_overflow(static_cast<uint64_t>(num_elements), element_bytes,
                             &size_bytes) ||
      (size_bytes > storage_bytes && size_bytes > kMaxRepeatedBytes)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "its strides repeat the ", storage_bytes, " bytes of its storage as ",
        num_elements, " elements, which is too many to visit"));
  }
  return absl::OkStatus();
}

absl::Status VisitElements(const Tensor& tensor,
                           absl::Span<const char> storage_bytes,
                           ElementVisitor visit) {
  if (tensor.num_elements() == 0) return absl::OkStatus();
  if (ElementsPerUnit(tensor.dtype()) != 1) {
    return VisitPacked(tensor, storage_bytes, visit);
  }
  FERRY_RETURN_IF_ERROR(
      CheckConjNeg(tensor.dtype(), tensor.is_conj(), tensor.is_neg()));
  const uint64_t element_bytes = ElementSizeBytes(tensor.dtype());
  FERRY_RETURN_IF_ERROR(
      CheckRepeats(tensor.num_elements(), element_bytes, storage_bytes.size()));
  const View view = Simplify(tensor);
  const char* const first =
      storage_bytes.data() +
      static_cast<uint64_t>(tensor.storage_offset()) * element_bytes;
  if (!tensor.is_conj() && !tensor.is_neg() && view.strides.back() == 1 &&
      static_cast<uint64_t>(view.sizes.back()) * element_bytes >=
          kDirectBytes) {
    return VisitRuns(view, first, element_bytes, visit);
  }
  return VisitGathered(view, first, tensor, visit);
}

namespace elements_internal {

absl::Status VisitHostElements(const Tensor& tensor, DType dtype,
                               ElementVisitor visit) {
  FERRY_RETURN_IF_ERROR(CheckOnHost(tensor, dtype));
  return VisitElements(tensor,
                       {static_cast<const char*>(tensor.storage().data()),
                        tensor.storage().size_bytes()},
                       visit);
}

}  // namespace elements_internal
}  // namespace v1
}  // namespace ferry
