// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times ops and their gradients for compare_autograd.py.
//
//   time_autograd
//
// Reads lines from standard input, each "KIND SIZE THREADS SECONDS", and
// answers each with the seconds of the fastest run in that time.
// compare_autograd.py lists the kinds. time_libtorch.cpp does the same with
// libtorch.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/functions.h"
#include "ferry/autograd/ops/normalization.h"
#include "ferry/autograd/ops/products.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/tests/benchmarks/pinning.h"

namespace ferry {
inline namespace v1 {
namespace {

// What is timed. `repeats` runs of it are one sample.
struct Work {
  std::function<absl::StatusOr<Tensor>()> run;
  int repeats = 1;
  bool is_recorded = false;
  bool has_backward = false;
};

absl::StatusOr<Tensor> Leaf(absl::Span<const int64_t> shape,
                            bool requires_grad) {
  return Full(shape, 0.01, TensorOptions().requires_grad(requires_grad));
}

// Splits "mm_backward" into "mm" and what it is to do.
std::string Parse(std::string kind, Work& work) {
  const auto remove = [&kind](const std::string& ending) {
    if (kind.size() < ending.size() ||
        kind.compare(kind.size() - ending.size(), ending.size(), ending) != 0) {
      return false;
    }
    kind.resize(kind.size() - ending.size());
    return true;
  };
  work.has_backward = remove("_backward");
  work.is_recorded = work.has_backward || remove("_recorded");
  return kind;
}

absl::StatusOr<Work> MakeWork(const std::string& kind, int64_t size) {
  Work work;
  const std::string name = Parse(kind, work);
  const bool grad = work.is_recorded;
  work.repeats = size <= 64 ? 100 : 1;
  if (name == "add" || name == "adds" || name == "chain") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor y, Leaf({size}, grad));
    if (name == "add") {
      work.run = [=] { return x + y; };
    } else if (name == "adds") {
      work.run = [=] {
        absl::StatusOr<Tensor> sum = x;
        for (int i = 0; i < 10; ++i) sum = sum + y;
        return sum;
      };
    } else {
      work.run = [=] { return (x * y + x) * 2 - y; };
    }
  } else if (name == "sum" || name == "sum_rows" || name == "sum_columns") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size, size}, grad));
    std::vector<int64_t> dims;
    if (name == "sum_rows") dims = {1};
    if (name == "sum_columns") dims = {0};
    work.run = [=] { return Sum(x, dims); };
  } else if (name == "exp" || name == "tanh" || name == "gelu") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size}, grad));
    if (name == "exp") work.run = [=] { return Exp(x); };
    if (name == "tanh") work.run = [=] { return Tanh(x); };
    if (name == "gelu") work.run = [=] { return Gelu(x); };
  } else if (name == "softmax") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size, size}, grad));
    work.run = [=] { return Softmax(x, 1); };
  } else if (name == "layer_norm") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size, size}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor weight, Leaf({size}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor bias, Leaf({size}, grad));
    work.run = [=] { return LayerNorm(x, {size}, weight, bias); };
  } else if (name == "mm") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size, size}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor y, Leaf({size, size}, grad));
    work.run = [=] { return Mm(x, y); };
  } else if (name == "bmm") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size, 64, 64}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor y, Leaf({size, 64, 64}, grad));
    work.run = [=] { return Bmm(x, y); };
  } else if (name == "network") {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, Leaf({size, 256}, false));
    FERRY_ASSIGN_OR_RETURN(const Tensor weight1, Leaf({512, 256}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor bias1, Leaf({512}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor weight2, Leaf({64, 512}, grad));
    FERRY_ASSIGN_OR_RETURN(const Tensor bias2, Leaf({64}, grad));
    work.run = [=]() -> absl::StatusOr<Tensor> {
      const absl::StatusOr<Tensor> hidden = Linear(x, weight1, bias1);
      return Linear(Relu(hidden), weight2, bias2);
    };
  } else {
    return absl::InvalidArgumentError(absl::StrCat("no such kind: ", kind));
  }
  return work;
}

absl::Status RunOnce(const Work& work) {
  FERRY_ASSIGN_OR_RETURN(const Tensor result, work.run());
  if (!work.has_backward) return absl::OkStatus();
  if (result.num_elements() == 1) return Backward(result);
  return Backward(Sum(result));
}

absl::StatusOr<double> BestSeconds(const Work& work, double seconds) {
  const GradModeGuard guard(work.is_recorded);
  double best = std::numeric_limits<double>::infinity();
  const auto begin = std::chrono::steady_clock::now();
  for (std::chrono::duration<double> spent(0); spent.count() <= seconds;
       spent = std::chrono::steady_clock::now() - begin) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < work.repeats; ++i) {
      FERRY_RETURN_IF_ERROR(RunOnce(work));
    }
    const std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / work.repeats);
  }
  return best;
}

absl::Status Run() {
  // oneTBB counts the CPUs when it starts, so it starts before this thread is
  // kept on one.
  ParallelFor(0, 1 << 20, 1, [](int64_t, int64_t) {});
  const Pinning pinning;
  std::string kind;
  int64_t size;
  int threads;
  double seconds;
  while (std::cin >> kind >> size >> threads >> seconds) {
    FERRY_RETURN_IF_ERROR(SetNumThreads(threads));
    FERRY_ASSIGN_OR_RETURN(const Work work, MakeWork(kind, size));
    FERRY_ASSIGN_OR_RETURN(const double best, BestSeconds(work, seconds));
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
