// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/picks.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ferry/autograd/kernels/lines.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
namespace kernels {
namespace {

// Calls `body(offset_in_whole, line)` for each line.
template <typename Body>
absl::Status ForEachPick(const Tensor& whole, int dim, const Tensor& indices,
                         Body body) {
  FERRY_ASSIGN_OR_RETURN(const Tensor contiguous, strided::Contiguous(indices));
  const LineShape lines = LineShapeOf(whole.shape(), dim);
  const auto* const index = static_cast<const int64_t*>(contiguous.data());
  ParallelFor(0, lines.outer * lines.inner, kElementsPerThread / 4,
              [&](int64_t begin, int64_t end) {
                for (int64_t line = begin; line < end; ++line) {
                  const int64_t row = line / lines.inner * lines.size;
                  body((row + index[line]) * lines.inner + line % lines.inner,
                       line);
                }
              });
  return absl::OkStatus();
}

}  // namespace

absl::Status PickAlong(const Tensor& whole, int dim, const Tensor& indices,
                       const Tensor& picked) {
  if (picked.num_elements() == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Tensor input, strided::Contiguous(whole));
  const auto bytes = static_cast<int64_t>(ElementSizeBytes(whole.dtype()));
  const char* const from = static_cast<const char*>(input.data());
  char* const to = static_cast<char*>(picked.data());
  return ForEachPick(input, dim, indices,
                     [from, to, bytes](int64_t offset, int64_t line) {
                       std::memcpy(to + line * bytes, from + offset * bytes,
                                   static_cast<size_t>(bytes));
                     });
}

absl::Status PlaceAlong(const Tensor& picked, int dim, const Tensor& indices,
                        const Tensor& whole) {
  if (whole.num_elements() == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const Tensor input, strided::Contiguous(picked));
  const auto bytes = static_cast<int64_t>(ElementSizeBytes(whole.dtype()));
  const char* const from = static_cast<const char*>(input.data());
  char* const to = static_cast<char*>(whole.data());
  ParallelFor(0, whole.num_elements(), kElementsPerThread,
              [to, bytes](int64_t begin, int64_t end) {
                std::memset(to + begin * bytes, 0,
                            static_cast<size_t>((end - begin) * bytes));
              });
  return ForEachPick(whole, dim, indices,
                     [from, to, bytes](int64_t offset, int64_t line) {
                       std::memcpy(to + offset * bytes, from + line * bytes,
                                   static_cast<size_t>(bytes));
                     });
}

}  // namespace kernels
}  // namespace ferry
