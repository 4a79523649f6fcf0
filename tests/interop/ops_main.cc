// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Calls every op with its samples, for a test that does the same in PyTorch.
//
//   ops run FOLDER [--all] [--large] [--wrong] [NAME...]
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
// samples. With --large, a few samples get the sizes at which kernels divide
// their work, in float32 and int64; with --all, more samples and sizes. With
// --wrong, the ops are wrong ones, which the test must find.
//
// `list` prints the table as JSON: a list of objects with the "id", "name",
// "pytorch", "samples", "dtypes", and whether the op "has_derivative".

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
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
inline namespace v1 {
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

// The sizes that stand in place of those in samples.
using Sizes = std::map<int64_t, int64_t>;

// Sizes on both sides of those at which the kernels divide their work. The
// samples have sizes from 2 to 5, which are below all of them:
//
//     16 to 512  rows of a chain of sums, columns at once, entries to sort
//   1024 to 4096 elements of a tile, a run or a block of slices
//           8192 rows of a softmax or a norm for one thread
//          16384 elements of a partial dot product
//          32768 elements for one thread, or of a part of a row
//         131072 elements of a block of columns
//         2 ** 20 multiplications of a tile of a product
//
// Without --all, there are the first kFewSizes of them.
const Sizes kLargeSizes[] = {{{2, 130}, {3, 2049}, {4, 3}, {5, 40001}},
                             {{2, 4097}, {3, 17}, {4, 5}, {5, 1030}},
                             {{2, 33}, {3, 70}, {4, 40}, {5, 140000}},
                             {{2, 100}, {3, 2048}, {4, 3}, {5, 701}},
                             {{2, 2049}, {3, 65}, {4, 5}, {5, 1030}},
                             {{2, 129}, {3, 1025}, {4, 2}, {5, 257}},
                             {{2, 3}, {3, 40001}, {4, 2}, {5, 33000}}};
constexpr size_t kFewSizes = 3;

// The bounds on the elements of all tensors of a large sample, and on the
// multiplications of a product of them.
constexpr double kMinElements = 30000;
constexpr double kMaxElements = 1500000;
constexpr double kMaxWork = 4e8;

// The most results of a large sample, since each of them gets a gradient.
constexpr size_t kMaxResults = 200;

// Returns `text` with other sizes of tensors: "f[2,3] i5[4]" as
// "f[100,2048] i701[3]".
std::string WithSizes(absl::string_view text, const Sizes& sizes) {
  std::string result;
  int depth = 0;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && absl::ascii_isdigit(text[end])) ++end;
    if (end == i) {
      depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
      result += text[i++];
      continue;
    }
    // Sizes stand in brackets, and the bound of indices before one.
    const bool is_size = depth > 0 || (end < text.size() && text[end] == '[');
    int64_t number;
    const bool is_number = absl::SimpleAtoi(text.substr(i, end - i), &number);
    const auto found = sizes.find(number);
    if (is_size && is_number && found != sizes.end()) {
      absl::StrAppend(&result, found->second);
    } else {
      absl::StrAppend(&result, text.substr(i, end - i));
    }
    i = end;
  }
  return result;
}

// Returns whether the operands and the results are neither too small nor too
// large with these sizes. `sample` has its own sizes.
bool HasGoodSizes(const Op& op, const Sample& sample, const Sizes& sizes) {
  const absl::StatusOr<Outputs> outputs =
      op.call(sample.Operands(), sample.attributes);
  if (!outputs.ok()) return false;
  std::vector<Tensor> tensors(outputs->begin(), outputs->end());
  for (const Sample::Argument& argument : sample.arguments) {
    if (!argument.tensor.is_null()) tensors.push_back(argument.tensor);
  }
  double elements = 0;
  // How often each size occurs in one tensor, at most. A product of matrices
  // takes as many multiplications as the product of all these.
  std::map<int64_t, int64_t> most;
  for (const Tensor& tensor : tensors) {
    std::map<int64_t, int64_t> times;
    double product = 1;
    for (int64_t size : tensor.shape()) {
      const auto found = sizes.find(size);
      if (found != sizes.end()) size = found->second;
      product *= static_cast<double>(size);
      most[size] = std::max(most[size], ++times[size]);
    }
    elements += product;
  }
  double work = 1;
  for (const auto& [size, times] : most) {
    work *= std::pow(static_cast<double>(size), static_cast<double>(times));
  }
  return elements >= kMinElements && elements <= kMaxElements &&
         work <= kMaxWork;
}

// Returns the sample with these sizes. Null if it is too small or too large, or
// if the op refuses it.
absl::StatusOr<std::optional<Sample>> LargeSample(const Op& op,
                                                  absl::string_view text,
                                                  DType dtype,
                                                  const Sizes& sizes) {
  FERRY_ASSIGN_OR_RETURN(const Sample small, MakeSample(text, dtype));
  if (small.is_refused || small.has_edge_values ||
      !HasGoodSizes(op, small, sizes)) {
    return std::nullopt;
  }
  FERRY_ASSIGN_OR_RETURN(Sample sample,
                         MakeSample(WithSizes(text, sizes), dtype));
  absl::StatusOr<Outputs> outputs =
      op.call(sample.Operands(), sample.attributes);
  if (!outputs.ok()) {
    // Perhaps the attributes are sizes.
    for (int64_t& size : sample.attributes.ints) {
      const auto found = sizes.find(size);
      if (found != sizes.end()) size = found->second;
    }
    outputs = op.call(sample.Operands(), sample.attributes);
  }
  if (!outputs.ok() || outputs->size() > kMaxResults) return std::nullopt;
  return sample;
}

// Calls an op with large samples: with --all three of each sizes in float32 and
// int64; without, one of each in float32, or else in int64.
absl::Status RunLarge(const Op& op, bool all, const Value& cases) {
  const int samples_per_sizes = all ? 3 : 1;
  const size_t sizes_count = all ? std::size(kLargeSizes) : kFewSizes;
  for (DType dtype : TestedDTypes(op)) {
    if (dtype != DType::kFloat32 && dtype != DType::kInt64) continue;
    if (!all && dtype == DType::kInt64 && (op.dtypes & kFloats) != 0) continue;
    for (size_t i = 0; i < sizes_count; ++i) {
      int count = 0;
      for (absl::string_view text : SplitSamples(op.samples)) {
        if (count == samples_per_sizes) break;
        FERRY_ASSIGN_OR_RETURN(const std::optional<Sample> sample,
                               LargeSample(op, text, dtype, kLargeSizes[i]));
        if (!sample.has_value()) continue;
        ++count;
        FERRY_ASSIGN_OR_RETURN(const Value one,
                               RunSample(op, *sample, dtype, false));
        FERRY_RETURN_IF_ERROR(cases.Append(one));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status RunSamples(const Op& op, bool all, const Value& cases) {
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
  return absl::OkStatus();
}

absl::Status RunOp(const Op& op, const std::string& id, bool all, bool large,
                   const std::string& folder) {
  const Value cases = Value::List();
  FERRY_RETURN_IF_ERROR(large ? RunLarge(op, all, cases)
                              : RunSamples(op, all, cases));
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
  bool large = false;
  bool wrong = false;
  std::vector<std::string> names;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == "--all") {
      all = true;
    } else if (arguments[i] == "--large") {
      large = true;
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
    const absl::Status status = RunOp(*op, id, all, large, arguments[0]);
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
}  // namespace v1
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
