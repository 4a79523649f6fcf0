// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Looks at a loaded weight: casts it, takes some of its rows, and computes with
// the elements.
//
//   row_norms                 checks the program on a tensor of its own
//   row_norms FILE POINTER    prints the norms of the first rows of a tensor,
//                             such as "/model/hidden.weight"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/runtime/runtime.h"

namespace {

using ferry::Tensor;

// Returns the norms of the first `max_rows` rows of a matrix, or of all rows if
// there are fewer.
// The elements may have any dtype that can be cast to float32, and any strides.
absl::StatusOr<std::vector<float>> RowNorms(const Tensor& matrix,
                                            int64_t max_rows) {
  FERRY_ASSIGN_OR_RETURN(Tensor rows,
                         ferry::strided::Slice(matrix, 0, 0, max_rows));
  FERRY_ASSIGN_OR_RETURN(rows,
                         ferry::strided::Cast(rows, ferry::DType::kFloat32));
  std::vector<float> norms;
  for (int64_t i = 0; i < rows.shape()[0]; ++i) {
    FERRY_ASSIGN_OR_RETURN(Tensor row, ferry::strided::Select(rows, 0, i));
    FERRY_ASSIGN_OR_RETURN(row, ferry::strided::Contiguous(row));
    FERRY_ASSIGN_OR_RETURN(absl::Span<const float> elements,
                           row.Data<const float>());
    float sum = 0;
    for (float element : elements) sum += element * element;
    norms.push_back(std::sqrt(sum));
  }
  return norms;
}

absl::Status Print(absl::string_view path, absl::string_view pointer) {
  FERRY_ASSIGN_OR_RETURN(ferry::Value checkpoint, ferry::Load(path));
  FERRY_ASSIGN_OR_RETURN(ferry::Value value, checkpoint.At(pointer));
  FERRY_ASSIGN_OR_RETURN(Tensor tensor, value.AsTensor());
  FERRY_ASSIGN_OR_RETURN(std::vector<float> norms, RowNorms(tensor, 5));
  for (float norm : norms) std::cout << norm << "\n";
  return absl::OkStatus();
}

// The rows of a transposed tensor of bfloat16.
absl::Status Check() {
  FERRY_ASSIGN_OR_RETURN(
      Tensor matrix,
      ferry::Full({2, 3}, 3,
                  ferry::TensorOptions().dtype(ferry::DType::kBFloat16)));
  FERRY_ASSIGN_OR_RETURN(Tensor columns,
                         ferry::strided::Transpose(matrix, 0, 1));
  FERRY_ASSIGN_OR_RETURN(std::vector<float> norms, RowNorms(columns, 2));
  const float wanted = std::sqrt(18.0f);
  if (norms != std::vector<float>({wanted, wanted})) {
    return absl::InternalError("the norms are wrong");
  }
  if (RowNorms(Tensor(), 2).ok()) {
    return absl::InternalError("a null tensor has no rows");
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 1 && argc != 3) {
    std::cerr << "usage: row_norms [FILE POINTER]\n";
    return 2;
  }
  const absl::Status status = argc == 1 ? Check() : Print(argv[1], argv[2]);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
