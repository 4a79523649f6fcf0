// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/gradient_check.h"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/generator.h"
#include "ferry/core/random.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace {

using Numbers = std::vector<double>;

// The place in memory of a row-major index, in elements.
int64_t PlaceOf(const Tensor& tensor, int64_t index) {
  int64_t place = 0;
  for (size_t i = tensor.shape().size(); i-- > 0;) {
    place += index % tensor.shape()[i] * tensor.strides()[i];
    index /= tensor.shape()[i];
  }
  return place;
}

absl::Status CheckInputs(absl::Span<const Tensor> inputs) {
  bool any = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& input = inputs[i];
    FERRY_RETURN_IF_ERROR(CheckOnHost(input));
    if (!input.requires_grad()) continue;
    any = true;
    if (input.dtype() != DType::kFloat64) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input ", i, " is ", Name(input.dtype()),
          "; numerical gradients are precise enough in float64 only, so cast "
          "the input"));
    }
    if (input.is_neg()) {
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i, " is negated; pass a Clone"));
    }
    if (!HasNoOverlap(input.shape(), input.strides())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "elements of input ", i,
          " share memory, so they cannot be changed one by one; pass a Clone, "
          "and expand it in the function"));
    }
  }
  if (any) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "no input requires a gradient; call SetRequiresGrad(true) for one");
}

// Copies with storages of their own and the same strides.
absl::StatusOr<std::vector<Tensor>> CopyInputs(
    absl::Span<const Tensor> inputs) {
  std::vector<Tensor> copies;
  for (const Tensor& input : inputs) {
    const uint64_t size_bytes = input.storage().size_bytes();
    FERRY_ASSIGN_OR_RETURN(Storage storage, Storage::Allocate(size_bytes));
    if (size_bytes != 0) {
      std::memcpy(storage.data(), input.storage().data(), size_bytes);
    }
    Tensor copy = input.WithStorage(std::move(storage));
    FERRY_RETURN_IF_ERROR(copy.SetRequiresGrad(input.requires_grad()));
    copies.push_back(std::move(copy));
  }
  return copies;
}

// The elements, row-major.
absl::StatusOr<Numbers> ElementsOf(const Tensor& tensor) {
  FERRY_ASSIGN_OR_RETURN(const Tensor row_major, strided::Contiguous(tensor));
  FERRY_ASSIGN_OR_RETURN(const absl::Span<const double> data,
                         row_major.Data<const double>());
  return Numbers(data.begin(), data.end());
}

// What the function returns, without the results that are not float64.
absl::StatusOr<std::vector<Tensor>> Evaluate(CheckedFunction function,
                                             absl::Span<const Tensor> inputs) {
  FERRY_ASSIGN_OR_RETURN(const Outputs outputs, function(inputs));
  std::vector<Tensor> results;
  for (const Tensor& output : outputs) {
    FERRY_RETURN_IF_ERROR(CheckOnHost(output));
    if (output.dtype() == DType::kFloat64) results.push_back(output);
  }
  return results;
}

// The elements of all results, one after the other.
absl::StatusOr<Numbers> EvaluateElements(CheckedFunction function,
                                         absl::Span<const Tensor> inputs) {
  FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                         Evaluate(function, inputs));
  Numbers all;
  for (const Tensor& result : results) {
    FERRY_ASSIGN_OR_RETURN(const Numbers numbers, ElementsOf(result));
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  return all;
}

// The gradients of the inputs that require one, all elements one after the
// other, for a gradient of 1 of one element of one result. With `zeros`, the
// other results have gradients of zero instead of none.
absl::StatusOr<Numbers> GradientsOf(absl::Span<const Tensor> results,
                                    size_t which, int64_t element, bool zeros,
                                    absl::Span<const Tensor> inputs) {
  std::vector<Tensor> outputs;
  GradOptions options;
  options.retain_graph = true;
  options.allow_unused = true;
  for (size_t i = 0; i < results.size(); ++i) {
    if (i != which && (!zeros || !results[i].requires_grad())) continue;
    FERRY_ASSIGN_OR_RETURN(
        const Tensor gradient,
        Zeros(results[i].shape(), TensorOptions().dtype(DType::kFloat64)));
    if (i == which) static_cast<double*>(gradient.data())[element] = 1;
    outputs.push_back(results[i]);
    options.gradients.push_back(gradient);
  }
  FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> gradients,
                         Grad(outputs, inputs, options));
  Numbers all;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].is_null()) {
      all.resize(all.size() + static_cast<size_t>(inputs[i].num_elements()));
      continue;
    }
    FERRY_ASSIGN_OR_RETURN(const Numbers numbers, ElementsOf(gradients[i]));
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  return all;
}

bool AreSameBits(const Numbers& a, const Numbers& b) {
  return a.size() == b.size() &&
         (a.empty() ||
          std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

bool AreEqual(const Numbers& a, const Numbers& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))) return false;
  }
  return true;
}

// "element [1, 2]"
std::string NameElement(const Tensor& tensor, int64_t index) {
  Dimensions indices(tensor.shape().size(), 0);
  for (size_t i = indices.size(); i-- > 0;) {
    indices[i] = index % tensor.shape()[i];
    index /= tensor.shape()[i];
  }
  return absl::StrCat("element ", ShapeToString(indices));
}

// The state of one check.
class Check {
 public:
  Check(CheckedFunction function, const GradientCheckOptions& options)
      : function_(function), options_(options) {}

  absl::Status Run(absl::Span<const Tensor> inputs) {
    FERRY_RETURN_IF_ERROR(CheckInputs(inputs));
    FERRY_ASSIGN_OR_RETURN(inputs_, CopyInputs(inputs));
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (!inputs_[i].requires_grad()) continue;
      differentiable_.push_back(inputs_[i]);
      numbers_of_inputs_.push_back(i);
    }
    FERRY_ASSIGN_OR_RETURN(results_, Evaluate(function_, inputs_));
    if (results_.empty()) {
      return absl::InvalidArgumentError(
          "the function returns no float64 result, so there is no gradient to "
          "check");
    }
    FERRY_RETURN_IF_ERROR(ComputeNumerical());
    size_t row = 0;
    for (size_t i = 0; i < results_.size(); ++i) {
      for (int64_t j = 0; j < results_[i].num_elements(); ++j) {
        FERRY_RETURN_IF_ERROR(CheckRow(i, j, row++));
      }
    }
    return absl::OkStatus();
  }

 private:
  // Fills `numerical_`: for each element of the inputs, the derivatives of all
  // elements of the results.
  absl::Status ComputeNumerical() {
    FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> changed,
                           CopyInputs(inputs_));
    size_t rows = 0;
    for (const Tensor& result : results_) {
      rows += static_cast<size_t>(result.num_elements());
    }
    for (const Tensor& input : changed) {
      if (!input.requires_grad()) continue;
      for (int64_t i = 0; i < input.num_elements(); ++i) {
        double& element = static_cast<double*>(input.data())[PlaceOf(input, i)];
        const double before = element;
        element = before + options_.step;
        FERRY_ASSIGN_OR_RETURN(Numbers above,
                               EvaluateElements(function_, changed));
        element = before - options_.step;
        FERRY_ASSIGN_OR_RETURN(const Numbers below,
                               EvaluateElements(function_, changed));
        element = before;
        if (above.size() != rows || below.size() != rows) {
          return absl::InvalidArgumentError(
              "the function returns results of another shape if an input "
              "changes a little");
        }
        for (size_t row = 0; row < rows; ++row) {
          above[row] = (above[row] - below[row]) / (2 * options_.step);
        }
        numerical_.push_back(std::move(above));
      }
    }
    return absl::OkStatus();
  }

  // Checks all derivatives of one element of a result.
  absl::Status CheckRow(size_t which, int64_t element, size_t row) {
    const Tensor& result = results_[which];
    const std::string name =
        absl::StrCat(NameElement(result, element), " of result ", which);
    Numbers analytical(numerical_.size());
    if (result.requires_grad()) {
      FERRY_ASSIGN_OR_RETURN(analytical, GradientsOf(results_, which, element,
                                                     false, differentiable_));
      FERRY_ASSIGN_OR_RETURN(
          const Numbers again,
          GradientsOf(results_, which, element, false, differentiable_));
      if (!AreSameBits(analytical, again)) {
        return absl::FailedPreconditionError(absl::StrCat(
            "two backward passes from ", name, " give different gradients"));
      }
      if (results_.size() > 1) {
        FERRY_ASSIGN_OR_RETURN(
            const Numbers with_zeros,
            GradientsOf(results_, which, element, true, differentiable_));
        if (!AreEqual(analytical, with_zeros)) {
          return absl::FailedPreconditionError(absl::StrCat(
              "the gradients of ", name,
              " change if the other results have gradients of zero"));
        }
      }
    }
    size_t column = 0;
    for (size_t i = 0; i < differentiable_.size(); ++i) {
      const Tensor& input = differentiable_[i];
      for (int64_t j = 0; j < input.num_elements(); ++j, ++column) {
        const double expected = numerical_[column][row];
        const double actual = analytical[column];
        if (IsClose(actual, expected)) continue;
        return absl::FailedPreconditionError(absl::StrCat(
            "the gradient of ", name, " with respect to ",
            NameElement(input, j), " of input ", numbers_of_inputs_[i], ", ",
            static_cast<double*>(input.data())[PlaceOf(input, j)],
            ", is numerically ", expected, ", but analytically ", actual,
            result.requires_grad()
                ? ""
                : ", since the result does not require a gradient"));
      }
    }
    return absl::OkStatus();
  }

  bool IsClose(double actual, double expected) const {
    if (std::isnan(actual) && std::isnan(expected)) return true;
    return actual == expected ||
           std::abs(actual - expected) <=
               options_.absolute_tolerance +
                   options_.relative_tolerance * std::abs(expected);
  }

  CheckedFunction function_;
  const GradientCheckOptions& options_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> differentiable_;
  std::vector<size_t> numbers_of_inputs_;
  std::vector<Tensor> results_;
  std::vector<Numbers> numerical_;
};

}  // namespace

absl::Status CheckGradients(CheckedFunction function,
                            absl::Span<const Tensor> inputs,
                            const GradientCheckOptions& options) {
  const EnableGradGuard guard;
  return Check(function, options).Run(inputs);
}

absl::Status CheckSecondGradients(CheckedFunction function,
                                  absl::Span<const Tensor> inputs,
                                  const GradientCheckOptions& options) {
  const EnableGradGuard guard;
  FERRY_RETURN_IF_ERROR(CheckInputs(inputs));
  FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> all, CopyInputs(inputs));
  FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                         Evaluate(function, all));
  Generator generator(options.seed);
  for (const Tensor& result : results) {
    if (!result.requires_grad()) continue;
    FERRY_ASSIGN_OR_RETURN(
        const Tensor gradient,
        Empty(result.shape(),
              TensorOptions().dtype(DType::kFloat64).requires_grad(true)));
    FERRY_RETURN_IF_ERROR(FillNormal(gradient, 0, 1, generator));
    all.push_back(gradient);
  }
  const size_t count = inputs.size();
  if (all.size() == count) return CheckGradients(function, inputs, options);
  const auto gradients_of_function =
      [&](absl::Span<const Tensor> x) -> absl::StatusOr<Outputs> {
    FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> y,
                           Evaluate(function, x.subspan(0, count)));
    std::vector<Tensor> outputs;
    std::vector<Tensor> differentiable;
    for (const Tensor& result : y) {
      if (result.requires_grad()) outputs.push_back(result);
    }
    for (const Tensor& input : x.subspan(0, count)) {
      if (input.requires_grad()) differentiable.push_back(input);
    }
    GradOptions grad_options;
    grad_options.create_graph = true;
    grad_options.allow_unused = true;
    grad_options.gradients.assign(x.begin() + static_cast<int64_t>(count),
                                  x.end());
    FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> gradients,
                           Grad(outputs, differentiable, grad_options));
    Outputs results_of_pass;
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].is_null()) {
        results_of_pass.Add(gradients[i]);
        continue;
      }
      FERRY_ASSIGN_OR_RETURN(Tensor zeros,
                             Zeros(differentiable[i].shape(),
                                   TensorOptions().dtype(DType::kFloat64)));
      results_of_pass.Add(std::move(zeros));
    }
    return results_of_pass;
  };
  return CheckGradients(gradients_of_function, all, options);
}

}  // namespace v1
}  // namespace ferry
