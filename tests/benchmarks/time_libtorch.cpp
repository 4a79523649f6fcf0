// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Does what time_autograd_main.cc does, with libtorch: that file says how.
//
// compare_autograd.py compiles it, because libtorch's headers are not among what
// Ferry is built from.

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

namespace {

struct Work {
  std::function<torch::Tensor()> run;
  int repeats = 1;
  bool is_recorded = false;
  bool has_backward = false;
};

torch::Tensor Leaf(torch::IntArrayRef shape, bool requires_grad) {
  return torch::full(shape, 0.01, torch::requires_grad(requires_grad));
}

bool Remove(const std::string& ending, std::string& kind) {
  if (kind.size() < ending.size() ||
      kind.compare(kind.size() - ending.size(), ending.size(), ending) != 0) {
    return false;
  }
  kind.resize(kind.size() - ending.size());
  return true;
}

Work MakeWork(std::string name, int64_t size) {
  Work work;
  work.has_backward = Remove("_backward", name);
  work.is_recorded = work.has_backward || Remove("_recorded", name);
  const bool grad = work.is_recorded;
  work.repeats = size <= 64 ? 100 : 1;
  if (name == "add" || name == "adds" || name == "chain") {
    const torch::Tensor x = Leaf({size}, grad);
    const torch::Tensor y = Leaf({size}, grad);
    if (name == "add") {
      work.run = [=] { return x + y; };
    } else if (name == "adds") {
      work.run = [=] {
        torch::Tensor sum = x;
        for (int i = 0; i < 10; ++i) sum = sum + y;
        return sum;
      };
    } else {
      work.run = [=] { return (x * y + x) * 2 - y; };
    }
  } else if (name == "sum" || name == "sum_rows" || name == "sum_columns") {
    const torch::Tensor x = Leaf({size, size}, grad);
    std::vector<int64_t> dims = {0, 1};
    if (name == "sum_rows") dims = {1};
    if (name == "sum_columns") dims = {0};
    work.run = [=] { return torch::sum(x, dims); };
  } else if (name == "exp" || name == "tanh" || name == "gelu") {
    const torch::Tensor x = Leaf({size}, grad);
    if (name == "exp") work.run = [=] { return torch::exp(x); };
    if (name == "tanh") work.run = [=] { return torch::tanh(x); };
    if (name == "gelu") work.run = [=] { return torch::gelu(x); };
  } else if (name == "softmax") {
    const torch::Tensor x = Leaf({size, size}, grad);
    work.run = [=] { return torch::softmax(x, 1); };
  } else if (name == "layer_norm") {
    const torch::Tensor x = Leaf({size, size}, grad);
    const torch::Tensor weight = Leaf({size}, grad);
    const torch::Tensor bias = Leaf({size}, grad);
    work.run = [=] { return torch::layer_norm(x, {size}, weight, bias); };
  } else if (name == "mm") {
    const torch::Tensor x = Leaf({size, size}, grad);
    const torch::Tensor y = Leaf({size, size}, grad);
    work.run = [=] { return torch::mm(x, y); };
  } else if (name == "bmm") {
    const torch::Tensor x = Leaf({size, 64, 64}, grad);
    const torch::Tensor y = Leaf({size, 64, 64}, grad);
    work.run = [=] { return torch::bmm(x, y); };
  } else if (name == "network") {
    const torch::Tensor x = Leaf({size, 256}, false);
    const torch::Tensor weight1 = Leaf({512, 256}, grad);
    const torch::Tensor bias1 = Leaf({512}, grad);
    const torch::Tensor weight2 = Leaf({64, 512}, grad);
    const torch::Tensor bias2 = Leaf({64}, grad);
    work.run = [=] {
      const torch::Tensor hidden = torch::linear(x, weight1, bias1);
      return torch::linear(torch::relu(hidden), weight2, bias2);
    };
  } else {
    std::cerr << "no such kind: " << name << "\n";
    exit(1);
  }
  return work;
}

double BestSeconds(const Work& work, double seconds) {
  const torch::AutoGradMode guard(work.is_recorded);
  double best = std::numeric_limits<double>::infinity();
  const auto begin = std::chrono::steady_clock::now();
  for (std::chrono::duration<double> spent(0); spent.count() <= seconds;
       spent = std::chrono::steady_clock::now() - begin) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < work.repeats; ++i) {
      const torch::Tensor result = work.run();
      if (!work.has_backward) continue;
      (result.numel() == 1 ? result : result.sum()).backward();
    }
    const std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / work.repeats);
  }
  return best;
}

}  // namespace

int main() {
  std::string kind;
  int64_t size;
  int threads;
  double seconds;
  while (std::cin >> kind >> size >> threads >> seconds) {
    torch::set_num_threads(threads);
    std::cout << BestSeconds(MakeWork(kind, size), seconds) << std::endl;
  }
}
