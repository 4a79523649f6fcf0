// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/tensor_rules.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status Refuse(const Tensor& tensor, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(WithArticle(Name(tensor.layout())), " tensor of shape ",
                   ShapeToString(tensor.shape()), " is invalid: ", what));
}

// The compressed layouts store rows one after another, or columns.
bool RunsAreColumns(Layout layout) {
  return layout == Layout::kSparseCsc || layout == Layout::kSparseBsc;
}
bool HasBlocks(Layout layout) {
  return layout == Layout::kSparseBsr || layout == Layout::kSparseBsc;
}

absl::Status CheckCoo(const Tensor& tensor) {
  const Tensor& indices = tensor.components()[0];
  const Tensor& values = tensor.components()[1];
  if (indices.dtype() != DType::kInt64 || indices.rank() != 2) {
    return Refuse(
        tensor,
        absl::StrCat("its indices are ", Name(indices.dtype()), " of rank ",
                     indices.rank(), ", not int64 of rank 2"));
  }
  const int64_t sparse_rank = indices.shape()[0];
  if (values.rank() == 0 || values.shape()[0] != indices.shape()[1] ||
      sparse_rank > tensor.rank() ||
      sparse_rank + values.rank() - 1 != tensor.rank() ||
      tensor.shape().subspan(sparse_rank) != values.shape().subspan(1)) {
    return Refuse(tensor, absl::StrCat("it does not fit indices of shape ",
                                       ShapeToString(indices.shape()),
                                       " and values of shape ",
                                       ShapeToString(values.shape())));
  }
  return absl::OkStatus();
}

// What the shapes of the parts of a compressed tensor say.
struct Compressed {
  int batch_rank = 0;
  int64_t num_runs = 0;  // rows or columns, of elements or of blocks
  int64_t run_size = 0;  // how many elements, or blocks, a run could have
  int64_t num_values = 0;
};

absl::Status CheckCompressed(const Tensor& tensor, Compressed* compressed) {
  const Tensor& runs = tensor.components()[0];
  const Tensor& within = tensor.components()[1];
  const Tensor& values = tensor.components()[2];
  if (runs.dtype() != within.dtype() ||
      (runs.dtype() != DType::kInt32 && runs.dtype() != DType::kInt64)) {
    return Refuse(tensor, absl::StrCat("its indices are ", Name(runs.dtype()),
                                       " and ", Name(within.dtype()),
                                       ", not both int32 or both int64"));
  }
  const auto does_not_fit = [&] {
    return Refuse(tensor, absl::StrCat("it does not fit indices of shapes ",
                                       ShapeToString(runs.shape()), " and ",
                                       ShapeToString(within.shape()),
                                       " and values of shape ",
                                       ShapeToString(values.shape())));
  };
  const int block_rank = HasBlocks(tensor.layout()) ? 2 : 0;
  const int batch_rank = within.rank() - 1;
  const int dense_rank = values.rank() - batch_rank - 1 - block_rank;
  if (batch_rank < 0 || runs.rank() != within.rank() || dense_rank < 0 ||
      tensor.rank() != batch_rank + 2 + dense_rank) {
    return does_not_fit();
  }
  const absl::Span<const int64_t> batch = tensor.shape().first(batch_rank);
  if (runs.shape().first(batch_rank) != batch ||
      within.shape().first(batch_rank) != batch ||
      values.shape().first(batch_rank) != batch ||
      values.shape()[batch_rank] != within.shape()[batch_rank] ||
      tensor.shape().subspan(batch_rank + 2) !=
          values.shape().subspan(batch_rank + 1 + block_rank)) {
    return does_not_fit();
  }
  int64_t sides[2] = {tensor.shape()[batch_rank],
                      tensor.shape()[batch_rank + 1]};
  for (int i = 0; i < block_rank; ++i) {
    const int64_t block = values.shape()[batch_rank + 1 + i];
    if (block <= 0 || sides[i] % block != 0) return does_not_fit();
    sides[i] /= block;
  }
  const bool columns = RunsAreColumns(tensor.layout());
  compressed->batch_rank = batch_rank;
  compressed->num_runs = sides[columns ? 1 : 0];
  compressed->run_size = sides[columns ? 0 : 1];
  compressed->num_values = within.shape()[batch_rank];
  if (runs.shape()[batch_rank] - 1 != compressed->num_runs) {
    return does_not_fit();
  }
  return absl::OkStatus();
}

bool IsInMemory(const Tensor& tensor) {
  return tensor.storage().has_data() && tensor.device().is_cpu() &&
         (tensor.data() != nullptr || tensor.num_elements() == 0);
}

// Reads the elements of an int32 or int64 tensor in host memory by their number
// in row-major order.
class Indices {
 public:
  explicit Indices(const Tensor& tensor) : tensor_(tensor) {}

  int64_t operator[](int64_t number) const {
    int64_t offset = 0;  // in elements
    for (int i = tensor_.rank(); i-- > 0;) {
      const int64_t size = tensor_.shape()[i];
      offset += number % size * tensor_.strides()[i];
      number /= size;
    }
    const char* const bytes = static_cast<const char*>(tensor_.data());
    if (tensor_.dtype() == DType::kInt32) {
      int32_t value;
      std::memcpy(&value, bytes + offset * sizeof(value), sizeof(value));
      return value;
    }
    int64_t value;
    std::memcpy(&value, bytes + offset * sizeof(value), sizeof(value));
    return value;
  }

 private:
  const Tensor& tensor_;
};

absl::Status CheckCooIndices(const Tensor& tensor) {
  const Tensor& parts = tensor.components()[0];
  const Indices indices(parts);
  const int64_t count = parts.shape()[1];
  for (int64_t i = 0; i < parts.num_elements(); ++i) {
    const int64_t index = indices[i];
    if (index < 0 || index >= tensor.shape()[i / count]) {
      return Refuse(tensor, absl::StrCat("the index ", index, " of dimension ",
                                         i / count, " is out of range"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCompressedIndices(const Tensor& tensor,
                                    const Compressed& compressed) {
  const Indices runs(tensor.components()[0]);
  const Indices within(tensor.components()[1]);
  const int64_t num_values = compressed.num_values;
  const int64_t num_ends = compressed.num_runs + 1;
  const int64_t num_batches = tensor.components()[0].num_elements() / num_ends;
  for (int64_t batch = 0; batch < num_batches; ++batch) {
    const auto end = [&](int64_t run) { return runs[batch * num_ends + run]; };
    if (end(0) != 0 || end(compressed.num_runs) != num_values) {
      return Refuse(tensor, absl::StrCat("its compressed indices do not run "
                                         "from 0 to ",
                                         num_values));
    }
    for (int64_t run = 0; run < compressed.num_runs; ++run) {
      const int64_t begin = end(run);  // at least 0
      const int64_t run_end = end(run + 1);
      if (run_end < begin || run_end > num_values ||
          run_end - begin > compressed.run_size) {
        return Refuse(tensor,
                      absl::StrCat("its compressed indices cannot step from ",
                                   begin, " to ", run_end));
      }
      int64_t last = -1;
      for (int64_t i = begin; i < run_end; ++i) {
        const int64_t index = within[batch * num_values + i];
        if (index <= last || index >= compressed.run_size) {
          return Refuse(
              tensor,
              absl::StrCat("the index ", index, " after ", last,
                           " is out of range or not in ascending order"));
        }
        last = index;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFlags(const Tensor& tensor) {
  if (tensor.requires_grad() && !HasGradients(tensor.dtype())) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of ", Name(tensor.dtype()),
                     " cannot require a gradient; in PyTorch only "
                     "floating-point and complex tensors have gradients"));
  }
  if (tensor.is_conj() && Category(tensor.dtype()) != DTypeCategory::kComplex) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of ", Name(tensor.dtype()),
                     ", which is not complex, has its conj bit set"));
  }
  return absl::OkStatus();
}

absl::Status CheckComponents(const Tensor& tensor) {
  size_t num_components = 3;
  switch (tensor.layout()) {
    case Layout::kSparseCoo:
      num_components = 2;
      break;
    case Layout::kSparseCsr:
    case Layout::kSparseCsc:
    case Layout::kSparseBsr:
    case Layout::kSparseBsc:
      break;
    default:
      return absl::UnimplementedError(
          absl::StrCat("a tensor of the layout ", Name(tensor.layout()),
                       " cannot be made of components"));
  }
  if (tensor.components().size() != num_components) {
    return Refuse(tensor,
                  absl::StrCat("it has ", tensor.components().size(),
                               " components instead of ", num_components));
  }
  for (const Tensor& component : tensor.components()) {
    if (component.is_null() || component.layout() != Layout::kStrided) {
      return Refuse(tensor, "a component is null or itself sparse");
    }
  }
  if (tensor.components().back().dtype() != tensor.dtype()) {
    return Refuse(tensor, "its values have another dtype");
  }
  FERRY_RETURN_IF_ERROR(NumElements(tensor.shape()).status());
  if (tensor.layout() == Layout::kSparseCoo) return CheckCoo(tensor);
  Compressed compressed;
  return CheckCompressed(tensor, &compressed);
}

absl::Status CheckIndices(const Tensor& tensor) {
  for (const Tensor& component :
       tensor.components().first(tensor.components().size() - 1)) {
    if (!IsInMemory(component)) return absl::OkStatus();
  }
  if (tensor.layout() == Layout::kSparseCoo) return CheckCooIndices(tensor);
  Compressed compressed;
  FERRY_RETURN_IF_ERROR(CheckCompressed(tensor, &compressed));
  return CheckCompressedIndices(tensor, compressed);
}

}  // namespace v1
}  // namespace ferry
