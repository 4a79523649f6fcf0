// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Draws random numbers, for a test that compares them with PyTorch's.
//
//   random JOBS.json STATES.pt NUMBERS NEW_STATES.pt
//
// STATES.pt is a list of states of generators. Each job is an object:
//
//   "state"  an index into the list, or "seed", a number.
//   "fills"  a list of objects: "function", "arguments", and for all functions
//            but "permutation" the "dtype", "shape" and "strides" of a tensor
//            and the number of "elements" of its storage, which is zeroed. The
//            function "bernoulli_tensor" has the "p_dtype", "p_shape" and
//            "p_hex" of the probabilities instead of arguments.
//
// Writes the bytes of the storages to NUMBERS, one after the other, and the
// last states to NEW_STATES.pt. Prints a line for each fill: "ok", or the code
// of the error.

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/testing/hex.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Tensor> MakeTensor(const std::string& dtype_name,
                                  const std::vector<int64_t>& shape,
                                  const std::vector<int64_t>& strides,
                                  uint64_t elements) {
  const DType dtype = *DTypeFromName(dtype_name);
  const uint64_t size_bytes = elements * ElementSizeBytes(dtype);
  FERRY_ASSIGN_OR_RETURN(const Storage storage, Storage::Allocate(size_bytes));
  if (size_bytes != 0) std::memset(storage.data(), 0, size_bytes);
  return Tensor::Create(storage, dtype, shape, strides, 0);
}

absl::StatusOr<Tensor> MakeProbabilities(const Json& fill) {
  const std::vector<int64_t> shape = fill["p_shape"];
  const std::string bytes = BytesFromHex(fill["p_hex"].get<std::string>());
  FERRY_ASSIGN_OR_RETURN(const Storage storage,
                         Storage::Allocate(bytes.size()));
  if (!bytes.empty()) std::memcpy(storage.data(), bytes.data(), bytes.size());
  return Tensor::Create(
      storage, *DTypeFromName(fill["p_dtype"].get<std::string>()), shape);
}

absl::Status Fill(const Json& fill, const Tensor& tensor,
                  Generator& generator) {
  const std::string function = fill["function"];
  if (function == "bernoulli_tensor") {
    FERRY_ASSIGN_OR_RETURN(const Tensor probabilities, MakeProbabilities(fill));
    return FillBernoulli(tensor, probabilities, generator);
  }
  const Json& arguments = fill["arguments"];
  if (function == "uniform") {
    return FillUniform(tensor, arguments[0], arguments[1], generator);
  }
  if (function == "normal") {
    return FillNormal(tensor, arguments[0], arguments[1], generator);
  }
  if (function == "bernoulli") {
    return FillBernoulli(tensor, arguments[0].get<double>(), generator);
  }
  if (arguments.empty()) return FillRandomIntegers(tensor, generator);
  return FillRandomIntegers(tensor, arguments[0].get<int64_t>(),
                            arguments[1].get<int64_t>(), generator);
}

// Appends the numbers to `numbers`.
absl::Status RunFill(const Json& fill, Generator& generator,
                     std::string* numbers) {
  Tensor tensor;
  if (fill["function"] == "permutation") {
    FERRY_ASSIGN_OR_RETURN(
        tensor,
        RandomPermutation(fill["arguments"][0].get<int64_t>(), generator));
  } else {
    FERRY_ASSIGN_OR_RETURN(
        tensor, MakeTensor(fill["dtype"], fill["shape"], fill["strides"],
                           fill["elements"]));
    FERRY_RETURN_IF_ERROR(Fill(fill, tensor, generator));
  }
  numbers->append(static_cast<const char*>(tensor.storage().data()),
                  tensor.storage().size_bytes());
  return absl::OkStatus();
}

absl::Status Run(char** paths) {
  const Json jobs = Json::parse(std::ifstream(paths[0]));
  FERRY_ASSIGN_OR_RETURN(const Value states, Load(paths[1]));
  Value new_states = Value::List();
  std::string numbers;
  for (const Json& job : jobs) {
    Generator generator;
    if (job.contains("seed")) {
      generator.SetSeed(job["seed"].get<uint64_t>());
    } else {
      FERRY_ASSIGN_OR_RETURN(const Value item,
                             states.Item(job["state"].get<size_t>()));
      FERRY_ASSIGN_OR_RETURN(const Tensor state, item.AsTensor());
      FERRY_ASSIGN_OR_RETURN(generator, Generator::FromState(state));
    }
    for (const Json& fill : job["fills"]) {
      const absl::Status status = RunFill(fill, generator, &numbers);
      std::cout << (status.ok() ? "ok"
                                : absl::StatusCodeToString(status.code()))
                << "\n";
    }
    FERRY_ASSIGN_OR_RETURN(const Tensor state, generator.State());
    FERRY_RETURN_IF_ERROR(new_states.Append(Value(state)));
  }
  std::ofstream(paths[2], std::ios::binary) << numbers;
  return Save(new_states, paths[3]);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const absl::Status status = ferry::Run(argv + 1);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
