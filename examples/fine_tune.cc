// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Trains a small network, a state_dict that PyTorch wrote, by fifty steps of
// gradient descent.
//
//   fine_tune                  checks the program on a network of its own
//   fine_tune MODEL DATA OUT   trains MODEL and saves it as OUT
//
// MODEL has the tensors "0.weight", "0.bias", "2.weight" and "2.bias" of an
// nn.Sequential of a Linear, a ReLU and a Linear. DATA has "inputs", one row
// per example, and "targets", the number of the class of each.

#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/autograd.h"
#include "ferry/runtime/runtime.h"

namespace {

using ferry::Tensor;

constexpr int kSteps = 50;
constexpr double kLearningRate = 0.1;

struct Network {
  Tensor weight1, bias1, weight2, bias2;
};

// Returns the mean loss of the network over all examples.
absl::StatusOr<Tensor> Loss(const Network& network, const Tensor& inputs,
                            const Tensor& targets) {
  auto hidden = Relu(Linear(inputs, network.weight1, network.bias1));
  auto outputs = Linear(hidden, network.weight2, network.bias2);
  return CrossEntropy(outputs, targets);
}

// Changes the weights by gradient descent, and returns the loss before each
// step.
absl::StatusOr<std::vector<float>> Train(const Network& network,
                                         const Tensor& inputs,
                                         const Tensor& targets) {
  const Tensor weights[] = {network.weight1, network.bias1, network.weight2,
                            network.bias2};
  for (const Tensor& weight : weights) {
    FERRY_RETURN_IF_ERROR(weight.SetRequiresGrad(true));
  }
  std::vector<float> losses;
  for (int step = 0; step < kSteps; ++step) {
    auto loss = Loss(network, inputs, targets);
    FERRY_RETURN_IF_ERROR(ferry::Backward(loss));
    FERRY_ASSIGN_OR_RETURN(float number, loss->Item<float>());
    losses.push_back(number);
    ferry::NoGradGuard no_grad;
    for (const Tensor& weight : weights) {
      FERRY_RETURN_IF_ERROR(
          SubInPlace(weight, ferry::Gradient(weight) * kLearningRate).status());
      FERRY_RETURN_IF_ERROR(ferry::SetGradient(weight, Tensor()));
    }
  }
  for (const Tensor& weight : weights) {
    FERRY_RETURN_IF_ERROR(weight.SetRequiresGrad(false));
  }
  return losses;
}

absl::StatusOr<Tensor> TensorAt(const ferry::Value& value,
                                absl::string_view name) {
  FERRY_ASSIGN_OR_RETURN(ferry::Value entry, value.At(absl::StrCat("/", name)));
  return entry.AsTensor();
}

absl::Status FineTune(absl::string_view model_path, absl::string_view data_path,
                      absl::string_view out_path) {
  FERRY_ASSIGN_OR_RETURN(ferry::Value model, ferry::Load(model_path));
  FERRY_ASSIGN_OR_RETURN(ferry::Value data, ferry::Load(data_path));
  Network network;
  FERRY_ASSIGN_OR_RETURN(network.weight1, TensorAt(model, "0.weight"));
  FERRY_ASSIGN_OR_RETURN(network.bias1, TensorAt(model, "0.bias"));
  FERRY_ASSIGN_OR_RETURN(network.weight2, TensorAt(model, "2.weight"));
  FERRY_ASSIGN_OR_RETURN(network.bias2, TensorAt(model, "2.bias"));
  FERRY_ASSIGN_OR_RETURN(Tensor inputs, TensorAt(data, "inputs"));
  FERRY_ASSIGN_OR_RETURN(Tensor targets, TensorAt(data, "targets"));
  FERRY_ASSIGN_OR_RETURN(std::vector<float> losses,
                         Train(network, inputs, targets));
  std::cout << std::setprecision(9);
  for (int step = 0; step < kSteps; ++step) {
    std::cout << "step " << step << ": loss " << losses[step] << "\n";
  }
  // The weights were changed in place, so they are still those of `model`.
  return ferry::Save(model, out_path);
}

// Three classes, which the network can tell apart by the largest input.
absl::Status Check() {
  ferry::Generator generator(1);
  const auto random = [&](const std::vector<int64_t>& shape) {
    auto tensor = ferry::Empty(shape);
    if (tensor.ok()) {
      const absl::Status status =
          ferry::FillNormal(*tensor, 0.0, 0.5, generator);
      if (!status.ok()) tensor = status;
    }
    return tensor;
  };
  Network network;
  FERRY_ASSIGN_OR_RETURN(network.weight1, random({8, 3}));
  FERRY_ASSIGN_OR_RETURN(network.bias1, random({8}));
  FERRY_ASSIGN_OR_RETURN(network.weight2, random({3, 8}));
  FERRY_ASSIGN_OR_RETURN(network.bias2, random({3}));
  FERRY_ASSIGN_OR_RETURN(Tensor inputs, random({64, 3}));
  FERRY_ASSIGN_OR_RETURN(Tensor targets, ArgMax(inputs, 1));
  FERRY_ASSIGN_OR_RETURN(std::vector<float> losses,
                         Train(network, inputs, targets));
  if (losses.back() > 0.9f * losses.front()) {
    return absl::InternalError(absl::StrCat(
        "the loss fell only from ", losses.front(), " to ", losses.back()));
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 1 && argc != 4) {
    std::cerr << "usage: fine_tune [MODEL DATA OUT]\n";
    return 2;
  }
  const absl::Status status =
      argc == 1 ? Check() : FineTune(argv[1], argv[2], argv[3]);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
