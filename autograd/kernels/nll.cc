// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/nll.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// An item costs more than an element of other kernels, since its reads are
// scattered.
constexpr int64_t kItemsPerThread = kElementsPerThread / 4;

double Read(const Tensor& tensor, int64_t offset) {
  const void* const data = tensor.data();
  switch (tensor.dtype()) {
    case DType::kFloat32:
      return static_cast<const float*>(data)[offset];
    case DType::kFloat64:
      return static_cast<const double*>(data)[offset];
    case DType::kBFloat16:
      return static_cast<float>(static_cast<const BFloat16*>(data)[offset]);
    case DType::kFloat16:
      return static_cast<float>(static_cast<const Float16*>(data)[offset]);
    default: {
      double value;
      CastElements(
          static_cast<const char*>(data) +
              offset * static_cast<int64_t>(ElementSizeBytes(tensor.dtype())),
          tensor.dtype(), &value, DType::kFloat64, 1);
      return value;
    }
  }
}

void Write(double value, const Tensor& tensor, int64_t offset) {
  void* const data = tensor.data();
  switch (tensor.dtype()) {
    case DType::kFloat32:
      static_cast<float*>(data)[offset] = static_cast<float>(value);
      return;
    case DType::kFloat64:
      static_cast<double*>(data)[offset] = value;
      return;
    default:
      CastElements(
          &value, DType::kFloat64,
          static_cast<char*>(data) +
              offset * static_cast<int64_t>(ElementSizeBytes(tensor.dtype())),
          tensor.dtype(), 1);
  }
}

// The strides by which the items of a tensor are visited. The classes of a
// tensor of shape {N, C, ...} are its dimension 1, which is left out.
Dimensions ItemStrides(const Tensor& tensor, bool has_classes) {
  Dimensions strides(tensor.strides().begin(), tensor.strides().end());
  if (has_classes) strides.erase(strides.begin() + 1);
  return strides;
}

// Calls `body(item, target, offset)` for each item that is not ignored, with
// its class and the offset of the item by `strides`. Calls `skip(item)` for
// others.
template <typename Body, typename Skip>
void ForEachItem(const Tensor& target, absl::Span<const int64_t> strides,
                 int64_t ignore_index, Body body, Skip skip) {
  const auto* const targets = static_cast<const int64_t*>(target.data());
  ParallelFor(0, target.num_elements(), kItemsPerThread,
              [&](int64_t begin, int64_t end) {
                const absl::Span<const int64_t> shape = target.shape();
                Dimensions index(shape.size());
                int64_t target_offset = 0;
                int64_t offset = 0;
                int64_t rest = begin;
                for (size_t d = shape.size(); d-- > 0;) {
                  index[d] = rest % shape[d];
                  rest /= shape[d];
                  target_offset += index[d] * target.strides()[d];
                  offset += index[d] * strides[d];
                }
                for (int64_t item = begin; item < end; ++item) {
                  const int64_t at = targets[target_offset];
                  if (at == ignore_index) {
                    skip(item);
                  } else {
                    body(item, at, offset);
                  }
                  for (size_t d = shape.size(); d-- > 0;) {
                    target_offset += target.strides()[d];
                    offset += strides[d];
                    if (++index[d] < shape[d]) break;
                    target_offset -= shape[d] * target.strides()[d];
                    offset -= shape[d] * strides[d];
                    index[d] = 0;
                  }
                }
              });
}

double WeightOf(const Tensor& weight, int64_t target) {
  if (weight.is_null()) return 1;
  return Read(weight, target * weight.strides()[0]);
}

}  // namespace

absl::Status CheckTargets(const Tensor& target, int64_t num_classes,
                          int64_t ignore_index) {
  FERRY_ASSIGN_OR_RETURN(const Tensor contiguous, strided::Contiguous(target));
  const auto* const targets = static_cast<const int64_t*>(contiguous.data());
  for (int64_t i = 0; i < target.num_elements(); ++i) {
    const int64_t at = targets[i];
    if (at == ignore_index || (at >= 0 && at < num_classes)) continue;
    return absl::OutOfRangeError(absl::StrCat(
        "target ", at, " (element ", i, ") is out of bounds: there are ",
        num_classes, " classes, from 0 to ", num_classes - 1,
        ", and ignore_index is ", ignore_index));
  }
  return absl::OkStatus();
}

absl::Status NllForward(const Tensor& x, const Tensor& target,
                        const Tensor& weight, int64_t ignore_index,
                        const Tensor& out) {
  ForEachItem(
      target, ItemStrides(x, /*has_classes=*/true), ignore_index,
      [&](int64_t item, int64_t at, int64_t offset) {
        Write(-WeightOf(weight, at) * Read(x, offset + at * x.strides()[1]),
              out, item);
      },
      [&](int64_t item) { Write(0, out, item); });
  return absl::OkStatus();
}

absl::Status NllWeights(const Tensor& target, const Tensor& weight,
                        int64_t ignore_index, const Tensor& out) {
  ForEachItem(
      target, ItemStrides(target, /*has_classes=*/false), ignore_index,
      [&](int64_t item, int64_t at, int64_t) {
        Write(WeightOf(weight, at), out, item);
      },
      [&](int64_t item) { Write(0, out, item); });
  return absl::OkStatus();
}

absl::Status NllBackward(const Tensor& grad, const Tensor& target,
                         const Tensor& weight, int64_t ignore_index,
                         const Tensor& out) {
  const auto bytes = static_cast<int64_t>(ElementSizeBytes(out.dtype()));
  char* const data = static_cast<char*>(out.data());
  ParallelFor(0, out.num_elements(), kElementsPerThread,
              [data, bytes](int64_t begin, int64_t end) {
                std::memset(data + begin * bytes, 0,
                            static_cast<size_t>((end - begin) * bytes));
              });
  // Gradients are read in the order of the items.
  FERRY_ASSIGN_OR_RETURN(const Tensor grads, strided::Contiguous(grad));
  ForEachItem(
      target, ItemStrides(out, /*has_classes=*/true), ignore_index,
      [&](int64_t item, int64_t at, int64_t offset) {
        Write(-WeightOf(weight, at) * Read(grads, item), out,
              offset + at * out.strides()[1]);
      },
      [](int64_t) {});
  return absl::OkStatus();
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
