// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Prints the arrays of a checkpoint, a list: for each a line of dtype, shape,
// and the elements' bytes in row-major order, or the error.

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ferry/core/elements.h"
#include "ferry/core/status_macros.h"
#include "ferry/runtime/runtime.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::StatusOr<std::string> Describe(const Value& value) {
  FERRY_ASSIGN_OR_RETURN(const Tensor tensor, TensorFromNumpy(value));
  std::string row;
  FERRY_RETURN_IF_ERROR(
      VisitElements(tensor,
                    {static_cast<const char*>(tensor.storage().data()),
                     tensor.storage().size_bytes()},
                    [&row](absl::string_view part) {
                      row.append(part.data(), part.size());
                      return absl::OkStatus();
                    }));
  return absl::StrCat(Name(tensor.dtype()), " [",
                      absl::StrJoin(tensor.shape(), ", "), "] ",
                      absl::BytesToHexString(row));
}

absl::Status Run(const std::string& path) {
  FERRY_ASSIGN_OR_RETURN(const Value list, Load(path));
  for (size_t i = 0; i < list.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Value item, list.Item(i));
    const absl::StatusOr<std::string> line = Describe(item);
    std::cout << (line.ok() ? *line : line.status().ToString()) << "\n";
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const absl::Status status = ferry::Run(argv[1]);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
