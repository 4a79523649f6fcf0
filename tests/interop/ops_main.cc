// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Calls every op with its samples, for a test that does the same in PyTorch.
//
//   ops run FOLDER [--all] [--wrong] [NAME...]
//   ops list
//
// `run` writes a file FOLDER/ID.pt for each op, or for those of the given
// names, and prints the IDs to the standard error output. The ID is the name of
// the op, with a number for the second op of a name. The file has a dict with
// the "id", the expression "pytorch" and a list "cases" of dicts, whose keys
// are
//
//   "dtype", "sample"  what the operands were made from
//   "is_mixed"         whether the tensors have different dtypes
//   "is_refused"       whether the sample says that it is refused
//   "operands"         tensors and numbers
//   "differentiable"   for each of them, whether it requires a gradient
//   "i", "j", "p", "q", "flag"  the attributes
//   "error"            the message, if the op returned one; else
//   "results"          tensors
//   "requires_grad"    whether each result requires a gradient
//   "incoming"         gradients of these results that do, else None
//   "gradients"        of the operands, or None where there is none; or
//   "gradient_error"   the message, if there was one
//
// Without --all, dtypes other than float64 and float32 have only some of the
// samples. With --wrong, the ops are wrong ones, which the test must find.
//
// `list` prints the table as JSON: a list of objects with the "id", "name",
// "pytorch", "samples", "dtypes", and whether the op "has_derivative".

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/ops/op_table.h"
#include "ferry/autograd/testing/samples.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace ferry {
namespace {

// How many samples dtypes other than float64 and float32 have without --all,
// besides the edge values.
constexpr size_t kFewSamples = 4;

Value ToValue(const Scalar& number) {
  switch (number.dtype()) {
    case DType::kBool:
      return Value(*number.To<bool>());
    case DType::kInt64:
      return Value(*number.To<int64_t>());
    default:
      return Value(*number.To<double>());
  }
}

Value ToValue(const Dimensions& numbers) {
  const Value list = Value::List();
  for (int64_t number : numbers) list.Append(Value(number)).IgnoreError();
  return list;
}

Value ToValue(const Tensor& tensor) {
  return tensor.is_null() ? Value() : Value(tensor.Detach());
}

// Adds the gradients of the operands to the case.
absl::Status AddGradients(const Sample& sample, const Outputs& outputs,
                          const Value& result) {
  const Value requires_grad = Value::List();
  const Value incoming = Value::List();
  std::vector<Tensor> differentiable;
  GradOptions options;
  options.allow_unused = true;
  uint64_t seed = 0;
  for (const Tensor& output : outputs) {
    const bool has_gradient = output.requires_grad();
    FERRY_RETURN_IF_ERROR(requires_grad.Append(Value(has_gradient)));
    Tensor gradient;
    if (has_gradient) {
      FERRY_ASSIGN_OR_RETURN(
          gradient, RandomTensor(output.shape(), output.dtype(), ++seed));
      options.gradients.push_back(gradient);
      differentiable.push_back(output);
    }
    FERRY_RETURN_IF_ERROR(incoming.Append(ToValue(gradient)));
  }
  FERRY_RETURN_IF_ERROR(result.Set("requires_grad", requires_grad));
  FERRY_RETURN_IF_ERROR(result.Set("incoming", incoming));
  const Value gradients = Value::List();
  const std::vector<Tensor> inputs = sample.DifferentiableTensors();
  if (!differentiable.empty()) {
    const absl::StatusOr<std::vector<Tensor>> computed =
        Grad(differentiable, inputs, options);
    if (!computed.ok()) {
      return result.Set("gradient_error",
                        Value(std::string(computed.status().message())));
    }
    for (const Tensor& gradient : *computed) {
      FERRY_RETURN_IF_ERROR(gradients.Append(ToValue(gradient)));
    }
  }
  return result.Set("gradients", gradients);
}

absl::StatusOr<Value> RunSample(const Op& op, const Sample& sample, DType dtype,
                                bool is_mixed) {
  const Value result = Value::Dict();
  FERRY_RETURN_IF_ERROR(result.Set("dtype", Value(Name(dtype))));
  FERRY_RETURN_IF_ERROR(result.Set("sample", Value(sample.text)));
  FERRY_RETURN_IF_ERROR(result.Set("is_mixed", Value(is_mixed)));
  FERRY_RETURN_IF_ERROR(result.Set("is_refused", Value(sample.is_refused)));
  const Value operands = Value::List();
  const Value differentiable = Value::List();
  for (const Sample::Argument& argument : sample.arguments) {
    FERRY_RETURN_IF_ERROR(operands.Append(argument.tensor.is_null()
                                              ? ToValue(argument.number)
                                              : ToValue(argument.tensor)));
    FERRY_RETURN_IF_ERROR(
        differentiable.Append(Value(argument.is_differentiable)));
  }
  const Attributes& attributes = sample.attributes;
  FERRY_RETURN_IF_ERROR(result.Set("operands", operands));
  FERRY_RETURN_IF_ERROR(result.Set("differentiable", differentiable));
  FERRY_RETURN_IF_ERROR(result.Set("i", ToValue(attributes.ints)));
  FERRY_RETURN_IF_ERROR(result.Set("j", ToValue(attributes.more_ints)));
  FERRY_RETURN_IF_ERROR(result.Set("p", Value(attributes.numbers[0])));
  FERRY_RETURN_IF_ERROR(result.Set("q", Value(attributes.numbers[1])));
  FERRY_RETURN_IF_ERROR(result.Set("flag", Value(attributes.flag)));
  FERRY_RETURN_IF_ERROR(sample.RequireGradients());
  const absl::StatusOr<Outputs> outputs =
      op.call(sample.Operands(), attributes);
  if (!outputs.ok()) {
    FERRY_RETURN_IF_ERROR(
        result.Set("error", Value(std::string(outputs.status().message()))));
    return result;
  }
  const Value results = Value::List();
  for (const Tensor& output : *outputs) {
    FERRY_RETURN_IF_ERROR(results.Append(ToValue(output)));
  }
  FERRY_RETURN_IF_ERROR(result.Set("results", results));
  // The test compares where gradients are required with edge values, too, but
  // not the gradients.
  FERRY_RETURN_IF_ERROR(AddGradients(sample, *outputs, result));
  return result;
}

// The arguments of a sample with tensors of two dtypes: every second tensor
// that may be of any dtype has the dtype `second`. Null if there is only one.
absl::StatusOr<std::optional<Sample>> MixedSample(absl::string_view text,
                                                  DType first, DType second) {
  FERRY_ASSIGN_OR_RETURN(Sample sample, MakeSample(text, first));
  FERRY_ASSIGN_OR_RETURN(const Sample other, MakeSample(text, second));
  int count = 0;
  for (size_t i = 0; i < sample.arguments.size(); ++i) {
    if (!absl::StrContains("fpud", sample.arguments[i].kind)) continue;
    if (++count % 2 == 0) sample.arguments[i] = other.arguments[i];
  }
  if (count < 2) return std::nullopt;
  absl::StrAppend(&sample.text, " with ", Name(second));
  return sample;
}

// Calls an op of several tensors with every pair of dtypes.
absl::Status RunMixed(const Op& op, absl::string_view text,
                      const Value& cases) {
  const std::vector<DType> dtypes = TestedDTypes(op);
  for (DType first : dtypes) {
    for (DType second : dtypes) {
      if (first == second) continue;
      FERRY_ASSIGN_OR_RETURN(const std::optional<Sample> sample,
                             MixedSample(text, first, second));
      if (!sample.has_value()) return absl::OkStatus();
      FERRY_ASSIGN_OR_RETURN(const Value one,
                             RunSample(op, *sample, first, true));
      FERRY_RETURN_IF_ERROR(cases.Append(one));
    }
  }
  return absl::OkStatus();
}

absl::Status RunOp(const Op& op, const std::string& id, bool all,
                   const std::string& folder) {
  const Value cases = Value::List();
  const std::vector<absl::string_view> samples = SplitSamples(op.samples);
  for (DType dtype : TestedDTypes(op)) {
    const bool few =
        !all && dtype != DType::kFloat64 && dtype != DType::kFloat32;
    size_t count = 0;
    for (absl::string_view text : samples) {
      const bool has_edges = absl::StrContains(text, "e[");
      if (few && !has_edges && ++count > kFewSamples) continue;
      FERRY_ASSIGN_OR_RETURN(const Sample sample, MakeSample(text, dtype));
      FERRY_ASSIGN_OR_RETURN(const Value one,
                             RunSample(op, sample, dtype, false));
      FERRY_RETURN_IF_ERROR(cases.Append(one));
    }
  }
  // The first sample, and the first one with a tensor of rank 0, whose dtype
  // counts less.
  bool is_first = true;
  bool had_rank_0 = false;
  for (absl::string_view text : samples) {
    const bool has_rank_0 =
        absl::StrContains(text, "f[]") || absl::StrContains(text, "p[]");
    if (is_first || (has_rank_0 && !had_rank_0)) {
      FERRY_RETURN_IF_ERROR(RunMixed(op, text, cases));
    }
    is_first = false;
    had_rank_0 |= has_rank_0;
  }
  const Value file = Value::Dict();
  FERRY_RETURN_IF_ERROR(file.Set("id", Value(id)));
  FERRY_RETURN_IF_ERROR(file.Set("pytorch", Value(op.pytorch)));
  FERRY_RETURN_IF_ERROR(file.Set("cases", cases));
  return Save(file, absl::StrCat(folder, "/", id, ".pt"));
}

// The names of the ops in turn, with a number for further ops of the same name.
class Ids {
 public:
  std::string Next(const Op& op) {
    const int count = ++counts_[std::string(op.name)];
    return count == 1 ? std::string(op.name)
                      : absl::StrCat(op.name, "_", count);
  }

 private:
  std::map<std::string, int> counts_;
};

// --- Wrong ops, which the test must find -------------------------------------

template <DType kResult, int kFactor, bool kBroadcasts>
absl::StatusOr<Outputs> WrongSquare(const Call& call) {
  Tensor x = call[0].tensor();
  if (kBroadcasts && x.rank() > 0) {
    FERRY_ASSIGN_OR_RETURN(x, strided::Narrow(x, 0, 0, 1));
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor wide, strided::Cast(x, DType::kFloat64));
  FERRY_ASSIGN_OR_RETURN(
      const Tensor out,
      Empty(x.shape(), TensorOptions().dtype(DType::kFloat64)));
  FERRY_RETURN_IF_ERROR(strided::CopyInto(wide, out));
  FERRY_ASSIGN_OR_RETURN(const absl::Span<double> data, out.Data<double>());
  for (double& value : data) value *= value * kFactor / 10000;
  return AsOutputs(
      strided::Cast(out, kResult == DType::kBool ? call[0].dtype() : kResult));
}

template <int kFactor>
absl::Status WrongSquareDerivative(Derivative& d) {
  d.Set(0, d.gradient() * d.input(0) * (kFactor / 10000.0));
  return absl::OkStatus();
}

// DType::kBool stands for the dtype of the operand.
constexpr Op::ForwardFunction kRightForward =
    WrongSquare<DType::kBool, 10000, false>;

template <int kWhich>
absl::StatusOr<Outputs> CallWrongOp(absl::Span<const Operand> x,
                                    const Attributes& attributes);

constexpr char kSamples[] = "f[2,3] | f[3,2]t | f[]";

template <int kWhich>
constexpr Op MakeWrongOp(const char* name, Op::ForwardFunction forward,
                         Op::DerivativeFunction derivative,
                         const char* pytorch = "torch.square(a)") {
  return {name,
          forward,
          {UsesInput(0)},
          derivative,
          OpKind::kOrdinary,
          kFloats,
          CallWrongOp<kWhich>,
          pytorch,
          kSamples};
}

constexpr Op kWrongOps[] = {
    // The only one that is right: it shows that the others are wrong in what
    // they are meant to be wrong in.
    MakeWrongOp<0>("Right", kRightForward, WrongSquareDerivative<20000>),
    MakeWrongOp<1>("WrongDerivative", kRightForward,
                   WrongSquareDerivative<20400>),
    MakeWrongOp<2>("NoDerivative", kRightForward, nullptr),
    MakeWrongOp<3>("WrongValues", WrongSquare<DType::kBool, 10200, false>,
                   WrongSquareDerivative<20000>),
    MakeWrongOp<4>("WrongDType", WrongSquare<DType::kFloat32, 10000, false>,
                   WrongSquareDerivative<20000>),
    MakeWrongOp<5>("WrongShape", WrongSquare<DType::kBool, 10000, true>,
                   WrongSquareDerivative<20000>),
    MakeWrongOp<6>("NoError", kRightForward, WrongSquareDerivative<20000>,
                   "torch.square(a)[9, 9, 9]"),
    MakeWrongOp<7>(
        "WrongError",
        [](const Call&) -> absl::StatusOr<Outputs> {
          return absl::InvalidArgumentError("wrong");
        },
        WrongSquareDerivative<20000>),
    MakeWrongOp<8>("WrongCount", kRightForward, WrongSquareDerivative<20000>,
                   "(torch.square(a), a)"),
    MakeWrongOp<9>("WrongExtraGradient", kRightForward,
                   WrongSquareDerivative<20000>, "torch.square(a).detach()"),
};

template <int kWhich>
absl::StatusOr<Outputs> CallWrongOp(absl::Span<const Operand> x,
                                    const Attributes& attributes) {
  return AsOutputs(Apply(kWrongOps[kWhich], {&x[0]}, attributes));
}

std::vector<const Op*> Ops(bool wrong) {
  std::vector<const Op*> ops;
  if (wrong) {
    for (const Op& op : kWrongOps) ops.push_back(&op);
    return ops;
  }
  for (absl::Span<const Op* const> group : AllOps()) {
    ops.insert(ops.end(), group.begin(), group.end());
  }
  return ops;
}

absl::Status Run(const std::vector<std::string>& arguments) {
  bool all = false;
  bool wrong = false;
  std::vector<std::string> names;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == "--all") {
      all = true;
    } else if (arguments[i] == "--wrong") {
      wrong = true;
    } else {
      names.push_back(arguments[i]);
    }
  }
  Ids ids;
  for (const Op* op : Ops(wrong)) {
    const std::string id = ids.Next(*op);
    if (!names.empty() && !absl::c_linear_search(names, op->name)) continue;
    // A crash is in this op.
    std::cerr << id << "\n";
    const absl::Status status = RunOp(*op, id, all, arguments[0]);
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(op->name, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

void List() {
  nlohmann::json table = nlohmann::json::array();
  Ids ids;
  for (const Op* op : Ops(/*wrong=*/false)) {
    nlohmann::json dtypes = nlohmann::json::array();
    const std::pair<uint32_t, const char*> sets[] = {{kFloats, "floats"},
                                                     {kIntegers, "integers"},
                                                     {kBools, "bool"},
                                                     {kAnything, "any"},
                                                     {kNumbers, "numbers"}};
    for (const auto& [set, name] : sets) {
      if ((op->dtypes & set) != 0) dtypes.push_back(name);
    }
    table.push_back({{"id", ids.Next(*op)},
                     {"name", std::string(op->name)},
                     {"pytorch", std::string(op->pytorch)},
                     {"samples", SplitSamples(op->samples).size()},
                     {"dtypes", dtypes},
                     {"has_derivative", op->derivative != nullptr},
                     {"is_composed", op->forward == nullptr}});
  }
  std::cout << table.dump(1) << "\n";
}

}  // namespace
}  // namespace ferry

// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "list") {
    ferry::List();
    return 0;
  }
  if (arguments.size() < 2 || arguments[0] != "run") return 2;
  const absl::Status status =
      ferry::Run({arguments.begin() + 1, arguments.end()});
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
