// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Takes views and copies of tensors, for a test that compares them with those
// of PyTorch.
//
//   tensor IN CASES OUT [DTYPE]
//
// IN is a checkpoint of a list of tensors, loaded with LoadOptions::dtype if
// DTYPE is given. Each line of CASES is JSON: [index of the tensor, [name of a
// function, argument, ...], ...]. The functions are applied one after the
// other. OUT becomes a checkpoint of a list with the result of each line: a
// tensor, or a string with the error.

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Tensor> Apply(const Tensor& tensor, const Json& step) {
  const std::string name = step[0];
  const auto number = [&step](size_t i) { return step[i].get<int64_t>(); };
  const auto numbers = [&step](size_t i) {
    return step[i].get<std::vector<int64_t>>();
  };
  const auto dtype = [&step](size_t i) {
    return *DTypeFromName(step[i].get<std::string>());
  };
  if (name == "narrow") {
    return strided::Narrow(tensor, number(1), number(2), number(3));
  }
  if (name == "select") return strided::Select(tensor, number(1), number(2));
  if (name == "slice") {
    return strided::Slice(tensor, number(1), number(2), number(3), number(4));
  }
  if (name == "transpose") {
    return strided::Transpose(tensor, number(1), number(2));
  }
  if (name == "permute") return strided::Permute(tensor, numbers(1));
  if (name == "expand") return strided::Expand(tensor, numbers(1));
  if (name == "view") return strided::Reshape(tensor, numbers(1));
  if (name == "contiguous") return strided::Contiguous(tensor);
  if (name == "clone") return strided::Clone(tensor);
  if (name == "to") return strided::Cast(tensor, dtype(1));
  if (name == "copy_into") {  // dtype, shape
    const std::vector<int64_t> shape = numbers(2);
    FERRY_ASSIGN_OR_RETURN(Tensor to,
                           Zeros(shape, TensorOptions().dtype(dtype(1))));
    FERRY_RETURN_IF_ERROR(strided::CopyInto(tensor, to));
    return to;
  }
  return absl::InvalidArgumentError(name);
}

absl::Status Run(absl::string_view in, const std::string& cases,
                 absl::string_view out, absl::string_view dtype) {
  LoadOptions options;
  if (!dtype.empty()) options.dtype = DTypeFromName(dtype);
  FERRY_ASSIGN_OR_RETURN(const Value tensors, Load(in, options));
  const Value results = Value::List();
  std::ifstream lines(cases);
  std::string line;
  while (std::getline(lines, line)) {
    const Json row = Json::parse(line);
    absl::StatusOr<Tensor> result =
        tensors.Item(row[0].get<size_t>())->AsTensor();
    for (size_t i = 1; i < row.size() && result.ok(); ++i) {
      result = Apply(*result, row[i]);
    }
    FERRY_RETURN_IF_ERROR(results.Append(
        result.ok() ? Value(*result)
                    : Value(std::string(result.status().message()))));
  }
  return Save(results, out);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

// What the test passes is well formed, so JSON throws nothing.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  const absl::Status status =
      ferry::Run(argv[1], argv[2], argv[3], argc > 4 ? argv[4] : "");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
