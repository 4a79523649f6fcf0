// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times copies, casts and sums of tensors for compare_tensors.py.
//
//   time_tensors
//
// Reads lines from standard input, each "KIND FROM TO ELEMENTS THREADS
// SECONDS", and answers each with the seconds of the fastest run in that time.
//
//   KIND  cast        a tensor of dtype FROM into one of TO
//         transpose   a square matrix of FROM, transposed
//         step        every other column of a matrix of FROM
//         rows        the rows of the left half of a matrix of FROM
//         sum         all elements of FROM (float32) in double

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/runtime/runtime.h"
#include "ferry/tests/benchmarks/pinning.h"

namespace ferry {
inline namespace v1 {
namespace {

struct Case {
  std::string kind;
  DType from = DType::kFloat32;
  DType to = DType::kFloat32;
  int64_t elements = 0;
};

// What is copied, and where to.
absl::StatusOr<std::pair<Tensor, Tensor>> Make(const Case& row) {
  const TensorOptions from = TensorOptions().dtype(row.from);
  const TensorOptions to = TensorOptions().dtype(row.to);
  if (row.kind == "cast" || row.kind == "sum") {
    FERRY_ASSIGN_OR_RETURN(Tensor source, Ones({row.elements}, from));
    FERRY_ASSIGN_OR_RETURN(Tensor target, Zeros({row.elements}, to));
    return std::make_pair(source, target);
  }
  const auto side =
      static_cast<int64_t>(std::sqrt(static_cast<double>(row.elements)));
  FERRY_ASSIGN_OR_RETURN(Tensor target, Zeros({side, side}, from));
  FERRY_ASSIGN_OR_RETURN(Tensor source, Ones({side, 2 * side}, from));
  if (row.kind == "transpose") {
    FERRY_ASSIGN_OR_RETURN(source, Ones({side, side}, from));
    FERRY_ASSIGN_OR_RETURN(source, strided::Transpose(source, 0, 1));
  } else if (row.kind == "step") {
    FERRY_ASSIGN_OR_RETURN(source,
                           strided::Slice(source, 1, 0, strided::kToTheEnd, 2));
  } else if (row.kind == "rows") {
    FERRY_ASSIGN_OR_RETURN(source, strided::Narrow(source, 1, 0, side));
  } else {
    return absl::InvalidArgumentError(row.kind);
  }
  return std::make_pair(source, target);
}

double Sum(absl::Span<const float> elements) {
  const auto size = static_cast<int64_t>(elements.size());
  return ParallelReduce(
      0, size, 32768, 0.0,
      [elements](int64_t begin, int64_t end) {
        // Several sums, so that additions do not wait for each other.
        using Lanes = float __attribute__((vector_size(16)));
        constexpr int64_t kLanes = 4;
        constexpr int64_t kSums = 8;
        Lanes sums[kSums] = {};
        const float* next = elements.data() + begin;
        const float* const last = elements.data() + end;
        for (; last - next >= kLanes * kSums; next += kLanes * kSums) {
#pragma GCC unroll 8
          for (int64_t j = 0; j < kSums; ++j) {
            Lanes lanes;
            std::memcpy(&lanes, next + j * kLanes, sizeof(lanes));
            sums[j] += lanes;
          }
        }
        double sum = 0;
        for (; next < last; ++next) sum += *next;
        for (const Lanes& lanes : sums) {
          for (int64_t j = 0; j < kLanes; ++j) sum += lanes[j];
        }
        return sum;
      },
      [](double a, double b) { return a + b; });
}

absl::StatusOr<double> BestSeconds(const Case& row, double seconds) {
  FERRY_ASSIGN_OR_RETURN(const auto tensors, Make(row));
  const auto& [from, to] = tensors;
  double best = std::numeric_limits<double>::infinity();
  const auto begin = std::chrono::steady_clock::now();
  for (std::chrono::duration<double> spent(0); spent.count() <= seconds;
       spent = std::chrono::steady_clock::now() - begin) {
    const auto start = std::chrono::steady_clock::now();
    if (row.kind == "sum") {
      FERRY_ASSIGN_OR_RETURN(const absl::Span<const float> elements,
                             from.Data<const float>());
      if (Sum(elements) != static_cast<double>(row.elements)) {
        return absl::InternalError("the sum is wrong");
      }
    } else {
      FERRY_RETURN_IF_ERROR(strided::CopyInto(from, to));
    }
    const std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  return best;
}

absl::Status Run() {
  // oneTBB counts the CPUs when it starts, so it starts before this thread is
  // kept on one.
  ParallelFor(0, 1 << 20, 1, [](int64_t, int64_t) {});
  const Pinning pinning;
  Case row;
  std::string from;
  std::string to;
  int threads;
  double seconds;
  while (std::cin >> row.kind >> from >> to >> row.elements >> threads >>
         seconds) {
    if (!DTypeFromName(from) || !DTypeFromName(to)) {
      return absl::InvalidArgumentError("no such dtype");
    }
    row.from = *DTypeFromName(from);
    row.to = *DTypeFromName(to);
    FERRY_RETURN_IF_ERROR(SetNumThreads(threads));
    FERRY_ASSIGN_OR_RETURN(const double best, BestSeconds(row, seconds));
    std::cout << best << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main() {
  const absl::Status status = ferry::Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
