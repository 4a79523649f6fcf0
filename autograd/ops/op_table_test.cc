// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What holds for every op of the table. //tests/interop:ops_test compares the
// results with those of PyTorch.

#include "ferry/autograd/ops/op_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/gradient_check.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/testing/samples.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// For the names of failing tests.
static void PrintTo(const Op* op, std::ostream* out) { *out << op->name; }

namespace {

// Ops whose samples lack a kind that does not apply to them.
struct Exception {
  absl::string_view op;
  absl::string_view kind;
  absl::string_view reason;
};
constexpr Exception kExceptions[] = {
    {"Cast", "gradients", "its samples return float32"},
    {"Diagonal", "rank 0 or 1", "needs two dimensions"},
    {"Tril", "rank 0 or 1", "needs two dimensions"},
    {"Triu", "rank 0 or 1", "needs two dimensions"},
};

// Operands whose gradients are always zero, although results depend on them,
// as in PyTorch.
struct ConstantOperand {
  absl::string_view op;
  size_t operand;
};
constexpr ConstantOperand kConstantOperands[] = {
    // The weights of classes and elements.
    {"NllLoss", 2},
    {"CrossEntropy", 2},
    {"BinaryCrossEntropyWithLogits", 2},
    {"BinaryCrossEntropyWithLogits", 3},
};

bool IsConstant(const Op& op, size_t operand) {
  return std::any_of(std::begin(kConstantOperands), std::end(kConstantOperands),
                     [&](const ConstantOperand& constant) {
                       return constant.op == op.name &&
                              constant.operand == operand;
                     });
}

bool IsException(const Op& op, absl::string_view kind) {
  return std::any_of(std::begin(kExceptions), std::end(kExceptions),
                     [&](const Exception& exception) {
                       return exception.op == op.name && exception.kind == kind;
                     });
}

std::vector<const Op*> OpsOfTheTable() {
  std::vector<const Op*> ops;
  for (absl::Span<const Op* const> group : AllOps()) {
    ops.insert(ops.end(), group.begin(), group.end());
  }
  return ops;
}

// An op that is composed of others has their derivatives.
bool IsDifferentiable(const Op& op) {
  return op.derivative != nullptr || op.forward == nullptr;
}

int64_t CountElements(const Sample& sample) {
  int64_t elements = 0;
  for (const Sample::Argument& argument : sample.arguments) {
    if (!argument.tensor.is_null()) {
      elements += argument.tensor.num_elements();
    }
  }
  return elements;
}

// Whether `CheckGradients` can change elements one by one.
bool HasOverlap(const Sample& sample) {
  return std::any_of(sample.arguments.begin(), sample.arguments.end(),
                     [](const Sample::Argument& argument) {
                       return argument.layout == 'x' &&
                              argument.is_differentiable;
                     });
}

// The op as a function of the differentiable tensors of a sample.
auto FunctionOf(const Op& op, const Sample& sample) {
  return [&op,
          &sample](absl::Span<const Tensor> inputs) -> absl::StatusOr<Outputs> {
    std::vector<Operand> operands;
    size_t next = 0;
    for (const Sample::Argument& argument : sample.arguments) {
      if (argument.tensor.is_null()) {
        operands.emplace_back(argument.number);
      } else if (argument.is_differentiable) {
        operands.emplace_back(inputs[next++]);
      } else {
        operands.emplace_back(argument.tensor);
      }
    }
    return op.call(operands, sample.attributes);
  };
}

class OpTest : public testing::TestWithParam<const Op*> {
 protected:
  const Op& op() const { return *GetParam(); }
  std::vector<absl::string_view> samples() const {
    return SplitSamples(op().samples);
  }
};

// Several ops may have the same name, which may contain a dot.
std::string TestName(const testing::TestParamInfo<const Op*>& info) {
  return absl::StrCat(absl::StrReplaceAll(info.param->name, {{".", "_"}}), "_",
                      info.index);
}

INSTANTIATE_TEST_SUITE_P(AllOps, OpTest, testing::ValuesIn(OpsOfTheTable()),
                         TestName);

TEST(OpTableTest, HasEachEntryOnce) {
  std::set<const Op*> ops;
  for (const Op* op : OpsOfTheTable()) {
    EXPECT_TRUE(ops.insert(op).second) << op->name;
  }
  EXPECT_GT(ops.size(), 100);
}

TEST_P(OpTest, IsComplete) {
  EXPECT_TRUE(absl::ascii_isupper(static_cast<unsigned char>(op().name[0])));
  EXPECT_NE(op().call, nullptr);
  EXPECT_NE(op().pytorch, "");
  EXPECT_NE(op().dtypes & ~kNumbers, 0);
  EXPECT_TRUE(op().forward != nullptr || op().derivative == nullptr);
  // What the gradients use is there.
  if (op().derivative == nullptr) {
    for (uint32_t uses : op().uses) EXPECT_EQ(uses, 0);
  }
}

TEST_P(OpTest, HasSamplesOfEveryKind) {
  bool apart = false;
  bool flat = false;
  bool empty = false;
  for (absl::string_view text : samples()) {
    for (DType dtype : TestedDTypes(op())) {
      EXPECT_THAT(MakeSample(text, dtype), IsOk()) << text;
    }
    const absl::StatusOr<Sample> sample = MakeSample(text, DType::kFloat32);
    if (!sample.ok()) continue;
    for (const Sample::Argument& argument : sample->arguments) {
      if (argument.tensor.is_null()) continue;
      apart |= argument.layout != ' ';
      flat |= argument.tensor.rank() <= 1 && argument.kind != 'e';
      empty |= argument.tensor.num_elements() == 0;
    }
  }
  EXPECT_NE(apart, IsException(op(), "not contiguous"));
  EXPECT_NE(flat, IsException(op(), "rank 0 or 1"));
  EXPECT_NE(empty, IsException(op(), "no elements"));
}

TEST_P(OpTest, HasRightGradients) {
  if (!IsDifferentiable(op()) || (op().dtypes & (kFloats | kAnything)) == 0) {
    return;
  }
  int checked = 0;
  for (absl::string_view text : samples()) {
    absl::StatusOr<Sample> sample = MakeSample(text, DType::kFloat64);
    ASSERT_THAT(sample, IsOk());
    // The gradient of the padding is zero, although results depend on it.
    if (op().name == "Embedding" && !sample->attributes.ints.empty()) continue;
    for (size_t i = 0; i < sample->arguments.size(); ++i) {
      if (IsConstant(op(), i)) sample->arguments[i].is_differentiable = false;
    }
    // Each element of an operand costs two calls, and each one of a result two
    // passes.
    if (sample->has_edge_values || HasOverlap(*sample) ||
        CountElements(*sample) > 150) {
      continue;
    }
    ASSERT_THAT(sample->RequireGradients(), IsOk());
    const std::vector<Tensor> inputs = sample->DifferentiableTensors();
    const auto function = FunctionOf(op(), *sample);
    // PyTorch refuses such samples, too.
    const absl::StatusOr<Outputs> outputs = function(inputs);
    if (!outputs.ok() || inputs.empty()) continue;
    // Only the gradients of float64 results can be checked.
    if (std::none_of(outputs->begin(), outputs->end(), [](const Tensor& t) {
          return t.dtype() == DType::kFloat64;
        })) {
      continue;
    }
    EXPECT_THAT(CheckGradients(function, inputs), IsOk()) << text;
    if (CountElements(*sample) <= 40) {
      EXPECT_THAT(CheckSecondGradients(function, inputs), IsOk()) << text;
    }
    ++checked;
  }
  EXPECT_NE(checked > 0, IsException(op(), "gradients"));
}

// Kernels move whole bytes, so ops must refuse dtypes whose elements are parts
// of one, unless the results are views.
TEST_P(OpTest, RefusesPackedElements) {
  for (const DType dtype : {DType::kQUInt4x2, DType::kQUInt2x4}) {
    for (absl::string_view text : samples()) {
      absl::StatusOr<Sample> sample = MakeSample(text, DType::kUInt8);
      ASSERT_THAT(sample, IsOk());
      Storage storage;
      for (Sample::Argument& argument : sample->arguments) {
        const Tensor& tensor = argument.tensor;
        if (tensor.is_null() || tensor.dtype() != DType::kUInt8 ||
            !tensor.is_contiguous() || tensor.num_elements() == 0) {
          continue;
        }
        const absl::StatusOr<Tensor> packed =
            Tensor::Create(tensor.storage(), dtype, tensor.shape());
        ASSERT_THAT(packed, IsOk());
        argument.tensor = *packed;
        storage = packed->storage();
      }
      if (storage.is_null()) continue;
      const absl::StatusOr<Outputs> outputs =
          op().call(sample->Operands(), sample->attributes);
      if (!outputs.ok()) continue;
      for (const Tensor& output : *outputs) {
        EXPECT_EQ(output.storage(), storage) << Name(dtype) << " " << text;
      }
    }
  }
}

// The bytes of results and gradients.
absl::StatusOr<std::string> ComputeBytes(const Op& op, const Sample& sample) {
  FERRY_ASSIGN_OR_RETURN(const Outputs outputs,
                         op.call(sample.Operands(), sample.attributes));
  std::string bytes;
  const auto append = [&bytes](const Tensor& tensor) -> absl::Status {
    if (tensor.is_null()) return absl::OkStatus();
    FERRY_ASSIGN_OR_RETURN(const Tensor row_major,
                           strided::Contiguous(tensor.Detach()));
    bytes.append(static_cast<const char*>(row_major.data()),
                 static_cast<size_t>(row_major.num_elements()) *
                     ElementSizeBytes(row_major.dtype()));
    return absl::OkStatus();
  };
  std::vector<Tensor> differentiable;
  GradOptions options;
  options.allow_unused = true;
  for (const Tensor& output : outputs) {
    FERRY_RETURN_IF_ERROR(append(output));
    if (!output.requires_grad()) continue;
    differentiable.push_back(output);
    FERRY_ASSIGN_OR_RETURN(Tensor gradient,
                           RandomTensor(output.shape(), output.dtype(), 7));
    options.gradients.push_back(std::move(gradient));
  }
  if (differentiable.empty()) return bytes;
  FERRY_ASSIGN_OR_RETURN(
      const std::vector<Tensor> gradients,
      Grad(differentiable, sample.DifferentiableTensors(), options));
  for (const Tensor& gradient : gradients) {
    FERRY_RETURN_IF_ERROR(append(gradient));
  }
  return bytes;
}

// A sample that is so large that several threads compute it. Not OK if sizes
// in the attributes fit none.
absl::StatusOr<Sample> LargeSample(const Op& op, DType dtype) {
  constexpr int64_t kElements = 140000;  // enough for four threads
  for (absl::string_view text : SplitSamples(op.samples)) {
    // Sizes grow in small steps, since results may be much larger than
    // operands.
    for (int64_t scale = 3; scale < kElements; scale += 1 + scale / 2) {
      FERRY_ASSIGN_OR_RETURN(Sample sample, MakeSample(text, dtype, scale));
      if (sample.has_edge_values) break;
      absl::StatusOr<Outputs> outputs =
          op.call(sample.Operands(), sample.attributes);
      if (!outputs.ok()) {
        // Perhaps the attributes are sizes.
        for (int64_t& size : sample.attributes.ints) {
          if (size > 1) size = size * scale + 1;
        }
        outputs = op.call(sample.Operands(), sample.attributes);
      }
      if (!outputs.ok()) break;
      int64_t elements = CountElements(sample);
      for (const Tensor& output : *outputs) elements += output.num_elements();
      if (elements < kElements) continue;
      FERRY_RETURN_IF_ERROR(sample.RequireGradients());
      if (ComputeBytes(op, sample).ok()) return sample;
      break;
    }
  }
  return absl::NotFoundError("no sample can be made larger");
}

// Returns an error if results or gradients depend on the number of threads.
absl::Status CheckThreads(const Op& op, const Sample& sample) {
  const int before = GetNumThreads();
  std::string expected;
  for (int threads : {1, 2, 3, 4, 5, 6, 7, 8}) {
    FERRY_RETURN_IF_ERROR(SetNumThreads(threads));
    FERRY_ASSIGN_OR_RETURN(std::string bytes, ComputeBytes(op, sample));
    if (threads == 1) {
      expected = std::move(bytes);
    } else if (bytes != expected) {
      return absl::InternalError(absl::StrCat(sample.text, ": other bits with ",
                                              threads, " threads than with 1"));
    }
  }
  return SetNumThreads(before);
}

TEST_P(OpTest, HasTheSameBitsForEveryNumberOfThreads) {
  if (op().kind != OpKind::kOrdinary) return;  // nothing is computed
  for (DType dtype : TestedDTypes(op())) {
    if (dtype != DType::kFloat32 && dtype != DType::kBFloat16 &&
        dtype != DType::kInt32) {
      continue;
    }
    const absl::StatusOr<Sample> sample = LargeSample(op(), dtype);
    EXPECT_NE(sample.ok(), IsException(op(), "large")) << Name(dtype);
    if (!sample.ok()) continue;
    EXPECT_THAT(CheckThreads(op(), *sample), IsOk()) << Name(dtype);
  }
}

// --- The checks above see what they are for ----------------------------------

absl::StatusOr<Outputs> CopyForward(const Call& call) {
  return AsOutputs(strided::Clone(call[0].tensor()));
}

constexpr Op kReadsWhatItDoesNotUse = {
    "ReadsWhatItDoesNotUse",
    CopyForward,
    {},
    [](Derivative& d) {
      d.Set(0, Mul(d.gradient(), d.input(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Apply(kReadsWhatItDoesNotUse, {&x[0]}));
    },
    "",
    "f[2]"};

constexpr Op kDependsOnThreads = {
    "DependsOnThreads",
    CopyForward,
    {},
    [](Derivative& d) {
      d.Set(0, Mul(d.gradient(), 1.0 / GetNumThreads()));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Apply(kDependsOnThreads, {&x[0]}));
    },
    "",
    "f[2]"};

TEST(OpTableTest, SeesADerivativeThatReadsWhatItDoesNotUse) {
  const absl::StatusOr<Sample> sample = MakeSample("f[2]", DType::kFloat64);
  ASSERT_THAT(sample, IsOk());
  ASSERT_THAT(sample->RequireGradients(), IsOk());
  EXPECT_THAT(CheckGradients(FunctionOf(kReadsWhatItDoesNotUse, *sample),
                             sample->DifferentiableTensors()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(OpTableTest, SeesBitsThatDependOnThreads) {
  const absl::StatusOr<Sample> sample =
      LargeSample(kDependsOnThreads, DType::kFloat32);
  ASSERT_THAT(sample, IsOk());
  EXPECT_THAT(CheckThreads(kDependsOnThreads, *sample),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
