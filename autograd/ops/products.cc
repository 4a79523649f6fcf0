// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/products.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/products.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace {

// The attributes of a product: whether each operand is transposed, and its
// factors. With these, gradients of products are products of the same kind, in
// which nothing is copied.
struct Factors {
  Factors() = default;
  explicit Factors(const Attributes& attributes)
      : a_is_transposed(attributes.ints[0] != 0),
        b_is_transposed(attributes.ints[1] != 0),
        alpha(attributes.numbers[0]),
        beta(attributes.numbers[1]) {}

  Attributes ToAttributes() const {
    Attributes attributes;
    attributes.ints = {a_is_transposed ? 1 : 0, b_is_transposed ? 1 : 0};
    attributes.numbers = {alpha, beta};
    return attributes;
  }

  bool a_is_transposed = false;
  bool b_is_transposed = false;
  double alpha = 1;
  double beta = 0;  // of what is added
};

// ------------------------------------------------------------------- Checks

absl::Status CheckSameDType(const Input& a, const Input& b) {
  if (a.dtype() == b.dtype()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the operands must have the same dtype, but they have ", Name(a.dtype()),
      " and ", Name(b.dtype()), "; cast one of them"));
}

absl::Status CheckRank(const Input& input, const char* what, size_t rank) {
  if (input.shape().size() == rank) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " must have rank ", rank,
                                                 ", but its shape is ",
                                                 ShapeToString(input.shape())));
}

// ------------------------------------------------------------------ Forward

// An operand of a product: matrices over the dimensions before the last two.
struct Matrices {
  Matrices(const Tensor& tensor, bool is_transposed)
      : data(tensor.data()),
        batch_shape(tensor.shape().subspan(0, tensor.shape().size() - 2)),
        batch_strides(tensor.strides().subspan(0, batch_shape.size())),
        rows(tensor.shape()[batch_shape.size()]),
        columns(tensor.shape()[batch_shape.size() + 1]),
        row_stride(tensor.strides()[batch_shape.size()]),
        column_stride(tensor.strides()[batch_shape.size() + 1]) {
    if (is_transposed) {
      std::swap(rows, columns);
      std::swap(row_stride, column_stride);
    }
  }

  // Returns the strides, with 0 where the matrices are broadcast to a batch of
  // so many dimensions.
  Dimensions StridesFor(size_t batch_rank) const {
    Dimensions strides(batch_rank - batch_shape.size(), 0);
    for (size_t i = 0; i < batch_shape.size(); ++i) {
      strides.push_back(batch_shape[i] == 1 ? 0 : batch_strides[i]);
    }
    strides.push_back(row_stride);
    strides.push_back(column_stride);
    return strides;
  }

  const void* data;
  absl::Span<const int64_t> batch_shape;
  absl::Span<const int64_t> batch_strides;
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
  int64_t column_stride;
};

// Computes the product of the last two inputs, and adds the first one if there
// are three. Their ranks have been checked.
absl::StatusOr<Outputs> ProductForward(const Call& call) {
  const Factors factors(call.attributes());
  const Input& first = call[call.size() - 2];
  const Input& second = call[call.size() - 1];
  const DType dtype = first.dtype();
  FERRY_RETURN_IF_ERROR(CheckSameDType(first, second));
  const Matrices a(first.tensor(), factors.a_is_transposed);
  const Matrices b(second.tensor(), factors.b_is_transposed);
  if (a.columns != b.rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("the shapes cannot be multiplied (", a.rows, "x",
                     a.columns, " and ", b.rows, "x", b.columns, ")"));
  }
  FERRY_ASSIGN_OR_RETURN(const Dimensions batch,
                         BroadcastShape(a.batch_shape, b.batch_shape));
  Dimensions shape = batch;
  shape.push_back(a.rows);
  shape.push_back(b.columns);
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, dtype));

  kernels::MatrixProductArguments product;
  FERRY_ASSIGN_OR_RETURN(product.alpha,
                         FactorFor(dtype, "alpha", factors.alpha));
  FERRY_ASSIGN_OR_RETURN(product.beta, FactorFor(dtype, "beta", factors.beta));
  if (call.size() == 3) {
    FERRY_RETURN_IF_ERROR(CheckSameDType(call[0], first));
    FERRY_ASSIGN_OR_RETURN(const Tensor input,
                           strided::Expand(call[0].tensor(), shape));
    if (factors.beta != 0) {
      FERRY_RETURN_IF_ERROR(strided::CopyInto(input, out));
    }
  }
  product.dtype = dtype;
  product.batch_shape = batch;
  product.rows = a.rows;
  product.columns = b.columns;
  product.depth = a.columns;
  const Dimensions a_strides = a.StridesFor(batch.size());
  const Dimensions b_strides = b.StridesFor(batch.size());
  product.a = {a.data, a_strides};
  product.b = {b.data, b_strides};
  product.out = out.data();
  product.out_strides = out.strides();
  FERRY_RETURN_IF_ERROR(kernels::MatrixProduct(product));
  return out;
}

// The same for matrices of rank kRank exactly. Those of rank 3 are not
// broadcast to each other.
template <size_t kRank>
absl::StatusOr<Outputs> RankedForward(const Call& call) {
  const Input& a = call[call.size() - 2];
  const Input& b = call[call.size() - 1];
  FERRY_RETURN_IF_ERROR(CheckRank(a, "the first matrix", kRank));
  FERRY_RETURN_IF_ERROR(CheckRank(b, "the second matrix", kRank));
  if (kRank == 3 && a.shape()[0] != b.shape()[0]) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the operands must have the same number of matrices, but they have ",
        a.shape()[0], " and ", b.shape()[0]));
  }
  return ProductForward(call);
}

absl::StatusOr<Outputs> DotForward(const Call& call) {
  FERRY_RETURN_IF_ERROR(CheckRank(call[0], "the first operand", 1));
  FERRY_RETURN_IF_ERROR(CheckRank(call[1], "the second operand", 1));
  FERRY_RETURN_IF_ERROR(CheckSameDType(call[0], call[1]));
  const Tensor& a = call[0].tensor();
  const Tensor& b = call[1].tensor();
  if (a.num_elements() != b.num_elements()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the operands must have the same number of elements, but they have ",
        a.num_elements(), " and ", b.num_elements()));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput({}, a.dtype()));
  FERRY_RETURN_IF_ERROR(kernels::DotProduct(a.dtype(), a.num_elements(),
                                            a.data(), a.strides()[0], b.data(),
                                            b.strides()[0], out.data()));
  return out;
}

absl::StatusOr<Outputs> OuterForward(const Call& call) {
  FERRY_RETURN_IF_ERROR(CheckRank(call[0], "the first operand", 1));
  FERRY_RETURN_IF_ERROR(CheckRank(call[1], "the second operand", 1));
  const DType dtype = PromotedDType(call.inputs());
  // As numbers, bools are multiplied in the same way.
  const DType compute = dtype == DType::kBool ? DType::kUInt8 : dtype;
  FERRY_ASSIGN_OR_RETURN(const Tensor a,
                         strided::Cast(call[0].tensor(), compute));
  FERRY_ASSIGN_OR_RETURN(const Tensor b,
                         strided::Cast(call[1].tensor(), compute));
  kernels::MatrixProductArguments product;
  product.dtype = compute;
  product.rows = a.num_elements();
  product.columns = b.num_elements();
  product.depth = 1;
  FERRY_ASSIGN_OR_RETURN(
      Tensor out, call.MakeOutput({product.rows, product.columns}, dtype));
  const int64_t a_strides[] = {a.strides()[0], 1};
  const int64_t b_strides[] = {1, b.strides()[0]};
  product.a = {a.data(), a_strides};
  product.b = {b.data(), b_strides};
  product.out = out.data();
  product.out_strides = out.strides();
  FERRY_RETURN_IF_ERROR(kernels::MatrixProduct(product));
  return out;
}

// Computes the product of a matrix, transposed if the flag is set, and a
// vector.
absl::StatusOr<Outputs> MvForward(const Call& call) {
  FERRY_RETURN_IF_ERROR(CheckRank(call[0], "the matrix", 2));
  FERRY_RETURN_IF_ERROR(CheckRank(call[1], "the vector", 1));
  FERRY_RETURN_IF_ERROR(CheckSameDType(call[0], call[1]));
  const Matrices a(call[0].tensor(), call.attributes().flag);
  const Tensor& x = call[1].tensor();
  if (a.columns != x.num_elements()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the shapes cannot be multiplied (", a.rows, "x",
                     a.columns, " and ", x.num_elements(), ")"));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput({a.rows}, x.dtype()));
  kernels::MatrixProductArguments product;
  product.dtype = x.dtype();
  product.rows = a.rows;
  product.columns = 1;
  product.depth = a.columns;
  const int64_t a_strides[] = {a.row_stride, a.column_stride};
  const int64_t x_strides[] = {x.strides()[0], 1};
  const int64_t out_strides[] = {out.strides()[0], 1};
  product.a = {a.data, a_strides};
  product.b = {x.data(), x_strides};
  product.out = out.data();
  product.out_strides = out_strides;
  FERRY_RETURN_IF_ERROR(kernels::MatrixProduct(product));
  return out;
}

// -------------------------------------------------------------- Derivatives

absl::StatusOr<Tensor> Product(const Operand& a, bool a_is_transposed,
                               const Operand& b, bool b_is_transposed,
                               double alpha);
absl::StatusOr<Tensor> MvOrTransposed(const Operand& a, const Operand& x,
                                      bool is_transposed);

// Returns the operand in another dtype, if it has not got that.
absl::StatusOr<Tensor> CastTo(const Operand& x, DType dtype) {
  FERRY_RETURN_IF_ERROR(x.status());
  if (x.tensor().dtype() == dtype) return x.tensor();
  return Cast(x, dtype);
}

// Returns the dtype in which to compute the gradient of an operand: float32
// instead of a float of 16 bits if the gradient is then summed over dimensions,
// so that only the sum is rounded.
DType GradientDType(Derivative& d, size_t operand) {
  const DType dtype = d.output_dtype();
  const absl::Span<const int64_t> shape = d.input_shape(operand);
  const absl::Span<const int64_t> out_shape = d.output_shape();
  const size_t batch_rank = out_shape.size() - 2;
  const bool is_summed =
      shape.size() != out_shape.size() ||
      shape.subspan(0, batch_rank) != out_shape.subspan(0, batch_rank);
  return is_summed ? ComputeDType(dtype) : dtype;
}

// Sets the gradients of the matrices, the last two operands, and of what is
// added.
absl::Status ProductDerivative(Derivative& d) {
  const Factors factors(d.attributes());
  const bool a_is_transposed = factors.a_is_transposed;
  const bool b_is_transposed = factors.b_is_transposed;
  const size_t a = d.size() - 2;
  const size_t b = d.size() - 1;
  if (d.Needs(a)) {
    const DType dtype = GradientDType(d, a);
    const absl::StatusOr<Tensor> gradient = CastTo(d.gradient(), dtype);
    const absl::StatusOr<Tensor> other = CastTo(d.input(b), dtype);
    d.Set(a, a_is_transposed ? Product(other, b_is_transposed, gradient, true,
                                       factors.alpha)
                             : Product(gradient, false, other, !b_is_transposed,
                                       factors.alpha));
  }
  if (d.Needs(b)) {
    const DType dtype = GradientDType(d, b);
    const absl::StatusOr<Tensor> gradient = CastTo(d.gradient(), dtype);
    const absl::StatusOr<Tensor> other = CastTo(d.input(a), dtype);
    d.Set(b, b_is_transposed ? Product(gradient, true, other, a_is_transposed,
                                       factors.alpha)
                             : Product(other, !a_is_transposed, gradient, false,
                                       factors.alpha));
  }
  if (d.size() == 3 && d.Needs(0)) {
    if (factors.beta == 1) {
      d.Set(0, d.gradient());
    } else {
      d.Set(0, d.gradient() * factors.beta);
    }
  }
  return absl::OkStatus();
}

// ------------------------------------------------------------------ Entries

constexpr Op kDot = {
    "Dot",
    DotForward,
    {UsesInput(1), UsesInput(0)},
    [](Derivative& d) {
      if (d.Needs(0)) d.Set(0, d.gradient() * d.input(1));
      if (d.Needs(1)) d.Set(1, d.gradient() * d.input(0));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Dot(x[0], x[1]));
    },
    "torch.dot(a, b)",
    "f[5] f[5] | f[1] f[1] | f[40]s f[40] | f[33] f[33]s | f[0] f[0] | "
    "f[4]x f[4] | ! f[2] f[3] | ! f[] f[] | ! f[2,2] f[2,2] | f[3000] f[3000]"};

constexpr Op kOuter = {
    "Outer",
    OuterForward,
    {UsesInput(1), UsesInput(0)},
    [](Derivative& d) {
      const Tensor& gradient = d.gradient();
      if (d.Needs(0)) {
        d.Set(0, MvOrTransposed(gradient, CastTo(d.input(1), gradient.dtype()),
                                false));
      }
      if (d.Needs(1)) {
        d.Set(1, MvOrTransposed(gradient, CastTo(d.input(0), gradient.dtype()),
                                true));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Outer(x[0], x[1]));
    },
    "torch.outer(a, b)",
    "f[2] f[3] | f[1] f[40] | f[17] f[1] | f[5]s f[4]s | f[0] f[3] | "
    "f[2] f[0] | f[4]x f[3] | ! f[] f[2] | ! f[2,2] f[2] | f[3] i5[4] | "
    "b[3] f[2] | e[] e[]"};

constexpr Op kMv = {
    "Mv",
    MvForward,
    {UsesInput(1), UsesInput(0)},
    [](Derivative& d) {
      const bool is_transposed = d.attributes().flag;
      if (d.Needs(0)) {
        d.Set(0, is_transposed ? Outer(d.input(1), d.gradient())
                               : Outer(d.gradient(), d.input(1)));
      }
      if (d.Needs(1)) {
        d.Set(1, MvOrTransposed(d.input(0), d.gradient(), !is_transposed));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Mv(x[0], x[1]));
    },
    "torch.mv(a, b)",
    "f[2,3] f[3] | f[2,3]t f[2] | f[5,4]s f[4]s | f[3,4]x f[4] | f[1,1] f[1] | "
    "f[0,3] f[3] | f[2,0] f[0] | f[40,50] f[50] | f[40,50]t f[40] | "
    "! f[2,3] f[2] | ! f[] f[] | ! f[2,2,2] f[2] | ! f[2,2] f[2,2]"};

constexpr Op kMm = {
    "Mm",
    RankedForward<2>,
    {UsesInput(1), UsesInput(0)},
    ProductDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Mm(x[0], x[1]));
    },
    "torch.mm(a, b)",
    "f[2,3] f[3,4] | f[3,2]t f[2,3]t | f[4,3]s f[3,5]s | f[3,4]x f[4,2] | "
    "f[1,5] f[5,1] | f[5,1] f[1,5] | f[0,3] f[3,2] | f[2,0] f[0,3] | "
    "f[2,3] f[3,0] | f[0,0] f[0,0] | f[40,33] f[33,50] | "
    "f[33,40]t f[50,33]t | ! f[2,3] f[2,3] | ! f[] f[] | ! f[3] f[3,2] | "
    "! f[2,2,2] f[2,2] | f[2,2] i5[2,2]"};

constexpr Op kBmm = {
    "Bmm",
    RankedForward<3>,
    {UsesInput(1), UsesInput(0)},
    ProductDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Bmm(x[0], x[1]));
    },
    "torch.bmm(a, b)",
    "f[2,3,4] f[2,4,5] | f[2,4,3]t f[2,5,4]t | f[2,3,2]s f[2,2,3]s | "
    "f[3,2,4]x f[3,4,2] | f[1,2,2] f[1,2,2] | f[0,2,3] f[0,3,2] | "
    "f[2,0,3] f[2,3,2] | f[2,2,0] f[2,0,3] | f[5,17,9] f[5,9,33] | "
    "! f[2,3,4] f[3,4,5] | ! f[1,3,4] f[2,4,5] | ! f[2,3] f[3,2] | ! f[] f[]"};

// Without a rank: what gradients of products are made of, too.
constexpr Op kMatMul = {
    "MatMul",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      for (const Input& input : call.inputs()) {
        if (input.shape().size() >= 2) continue;
        return absl::InvalidArgumentError(
            "both operands must have dimensions; use Mul for numbers");
      }
      return ProductForward(call);
    },
    {UsesInput(1), UsesInput(0)},
    ProductDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(MatMul(x[0], x[1]));
    },
    "torch.matmul(a, b)",
    "f[3] f[3] | f[2,3] f[3] | f[3] f[3,4] | f[2,3] f[3,4] | "
    "f[3,2]t f[3,4] | f[2,3,4] f[4] | f[4] f[2,4,3] | f[2,3,4] f[4,5] | "
    "f[2,4,3]t f[4,5] | f[3,4] f[2,4,5] | f[2,3,4] f[2,4,5] | "
    "f[2,1,3,4] f[3,4,5] | f[2,1,2,3] f[1,2,3,2] | f[1,2,3] f[4,3,2] | "
    "f[3,2,4]x f[4,2] | f[2,3,2]s f[2,2,3]s | f[0] f[0] | f[0,3] f[3] | "
    "f[2,0] f[0,3] | f[0,2,3] f[3,2] | f[2,3] f[0,3,2] | f[2,2,0] f[0,3] | "
    "f[2,0,3] f[2,3,1] | f[3,1,2,2] f[0,2,2] | ! f[] f[] | ! f[] f[2,2] | "
    "! f[3] f[] | ! f[2] f[3] | ! f[2,3] f[4] | ! f[2,3] f[2,3] | "
    "! f[2,3,4] f[3,5] | ! f[2,3,4] f[3,4,5] | f[2,2] i5[2,2]"};

constexpr Op kAddmm = {
    "Addmm",
    RankedForward<2>,
    {0, UsesInput(2), UsesInput(1)},
    ProductDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Addmm(x[0], x[1], x[2], attributes.numbers[0],
                             attributes.numbers[1]));
    },
    "torch.addmm(a, b, c, beta=p if a.is_floating_point() else int('%g' % p), "
    "alpha=q if a.is_floating_point() else int('%g' % q))",
    "f[2,4] f[2,3] f[3,4] p=1 q=1 | f[4] f[2,3] f[3,4] p=2 q=-3 | "
    "f[2,1] f[3,2]t f[4,3]t p=0.5 q=2 | f[] f[2,3] f[3,2] p=1 q=0.25 | "
    "f[2,2]t f[2,3]s f[3,2]s p=1 q=1 | f[3,2]x f[3,4] f[4,2] p=-1 q=1 | "
    "f[1,2] f[0,3] f[3,2] p=1 q=1 | f[2,3] f[2,0] f[0,3] p=2 q=1 | "
    "f[2,3] f[2,0] f[0,3] p=0 q=1 | f[2,3] f[2,2] f[2,3] p=0 q=0 | "
    "f[40] f[30,20] f[20,40] p=1 q=1 | ! f[3] f[2,3] f[3,4] p=1 q=1 | "
    "! f[2] f[3] f[3,2] p=1 q=1 | ! f[2,2] f[2,3] f[2,2] p=1 q=1 | "
    "! f[1,2,2] f[2,2] f[2,2] p=1 q=1"};

constexpr Op kBaddbmm = {
    "Baddbmm",
    RankedForward<3>,
    {0, UsesInput(2), UsesInput(1)},
    ProductDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Baddbmm(x[0], x[1], x[2], attributes.numbers[0],
                               attributes.numbers[1]));
    },
    "torch.baddbmm(a, b, c, beta=p if a.is_floating_point() else int('%g' % "
    "p), "
    "alpha=q if a.is_floating_point() else int('%g' % q))",
    "f[2,2,4] f[2,2,3] f[2,3,4] p=1 q=1 | f[4] f[2,2,3] f[2,3,4] p=2 q=-1 | "
    "f[2,1] f[2,3,2]t f[2,4,3]t p=0.5 q=2 | f[] f[2,2,3] f[2,3,2] p=1 q=1 | "
    "f[2,1,2] f[2,3,2]s f[2,2,2]s p=1 q=3 | f[2] f[0,2,2] f[0,2,2] p=1 q=1 | "
    "f[2,2,3] f[2,2,0] f[2,0,3] p=2 q=1 | f[1] f[2,2,0] f[2,0,3] p=0 q=1 | "
    "! f[3] f[2,2,3] f[2,3,4] p=1 q=1 | ! f[2] f[2,2,2] f[3,2,2] p=1 q=1"};

// Composed of Mm or Addmm. Its forward function only says why it cannot be.
constexpr Op kLinear = {
    "Linear",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      FERRY_RETURN_IF_ERROR(CheckRank(call[1], "the weight", 2));
      if (call[0].shape().empty()) {
        return absl::InvalidArgumentError("the first operand has rank 0");
      }
      return absl::InvalidArgumentError(
          absl::StrCat("the first operand has ", call[0].shape().back(),
                       " columns, and the weight ", call[1].shape()[1]));
    },
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(x.size() == 2 ? Linear(x[0], x[1])
                                     : Linear(x[0], x[1], x[2]));
    },
    "F.linear(a, b, *tensors[2:])",
    "f[2,3] f[4,3] f[4] | f[2,3] f[4,3] | f[3] f[4,3] f[4] | f[3] f[4,3] | "
    "f[2,5,3] f[4,3] f[4] | f[2,1,2,3] f[4,3] | f[3,2]t f[3,4]t f[4] | "
    "f[5,3]s f[4,3] f[4]s | f[3,2,4]x f[5,4] f[5] | f[0,3] f[4,3] f[4] | "
    "f[2,0] f[4,0] f[4] | f[2,3] f[0,3] f[0] | f[0,2,3] f[4,3] f[4] | "
    "f[20,30] f[40,30] f[40] | ! f[2,3] f[3,4] | ! f[2,3] f[4,3] f[3] | "
    "! f[] f[4,3]"};

constexpr const Op* kOps[] = {&kDot,   &kOuter,   &kMv,     &kMm,    &kBmm,
                              &kAddmm, &kBaddbmm, &kMatMul, &kLinear};

absl::StatusOr<Tensor> Product(const Operand& a, bool a_is_transposed,
                               const Operand& b, bool b_is_transposed,
                               double alpha) {
  Factors factors;
  factors.a_is_transposed = a_is_transposed;
  factors.b_is_transposed = b_is_transposed;
  factors.alpha = alpha;
  return Apply(kMatMul, {&a, &b}, factors.ToAttributes());
}

absl::StatusOr<Tensor> MvOrTransposed(const Operand& a, const Operand& x,
                                      bool is_transposed) {
  Attributes attributes;
  attributes.flag = is_transposed;
  return Apply(kMv, {&a, &x}, attributes);
}

// The shape without the last `count` dimensions.
Dimensions Leading(absl::Span<const int64_t> shape, size_t count) {
  return Dimensions(shape.begin(), shape.end() - static_cast<ptrdiff_t>(count));
}

int64_t Elements(absl::Span<const int64_t> shape) {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  return elements;
}

// Multiplies `a`, of rank 3 or more, with one matrix by making rows of all its
// dimensions but the last.
absl::StatusOr<Tensor> FoldedProduct(const Operand& a, const Operand& b,
                                     bool b_is_transposed,
                                     const Operand* bias) {
  const absl::Span<const int64_t> shape = a.tensor().shape();
  Dimensions out_shape = Leading(shape, 1);
  const absl::Span<const int64_t> b_shape = b.tensor().shape();
  Factors factors;
  factors.b_is_transposed = b_is_transposed;
  const auto multiply = [&](const Operand& rows) -> absl::StatusOr<Tensor> {
    if (bias == nullptr) return Apply(kMm, {&rows, &b}, factors.ToAttributes());
    factors.beta = 1;
    return Apply(kAddmm, {bias, &rows, &b}, factors.ToAttributes());
  };
  if (shape.size() == 2) return multiply(a);
  const absl::StatusOr<Tensor> rows =
      Reshape(a, {Elements(out_shape), shape.back()});
  out_shape.push_back(b_is_transposed ? b_shape[0] : b_shape[1]);
  return Reshape(multiply(rows), out_shape);
}

// As documented, with `bias` null if there is none.
absl::StatusOr<Tensor> LinearOf(const Operand& x, const Operand& weight,
                                const Operand* bias) {
  if (IsTensor(x) && IsTensor(weight) && weight.tensor().rank() == 2 &&
      x.tensor().rank() >= 1 &&
      x.tensor().shape().back() == weight.tensor().shape()[1]) {
    return FoldedProduct(x, weight, true, bias);
  }
  if (bias == nullptr) return Apply(kLinear, {&x, &weight});
  return Apply(kLinear, {&x, &weight, bias});
}

}  // namespace

absl::StatusOr<Tensor> Dot(const Operand& a, const Operand& b) {
  return Apply(kDot, {&a, &b});
}

absl::StatusOr<Tensor> Outer(const Operand& a, const Operand& b) {
  return Apply(kOuter, {&a, &b});
}

absl::StatusOr<Tensor> Mv(const Operand& a, const Operand& x) {
  return MvOrTransposed(a, x, false);
}

absl::StatusOr<Tensor> Mm(const Operand& a, const Operand& b) {
  return Apply(kMm, {&a, &b}, Factors().ToAttributes());
}

absl::StatusOr<Tensor> Bmm(const Operand& a, const Operand& b) {
  return Apply(kBmm, {&a, &b}, Factors().ToAttributes());
}

absl::StatusOr<Tensor> Addmm(const Operand& input, const Operand& a,
                             const Operand& b, double beta, double alpha) {
  Factors factors;
  factors.alpha = alpha;
  factors.beta = beta;
  return Apply(kAddmm, {&input, &a, &b}, factors.ToAttributes());
}

absl::StatusOr<Tensor> Baddbmm(const Operand& input, const Operand& a,
                               const Operand& b, double beta, double alpha) {
  Factors factors;
  factors.alpha = alpha;
  factors.beta = beta;
  return Apply(kBaddbmm, {&input, &a, &b}, factors.ToAttributes());
}

absl::StatusOr<Tensor> MatMul(const Operand& a, const Operand& b) {
  const Attributes attributes = Factors().ToAttributes();
  const auto batched = [&] { return Apply(kMatMul, {&a, &b}, attributes); };
  if (!IsTensor(a) || !IsTensor(b)) return batched();
  const absl::Span<const int64_t> a_shape = a.tensor().shape();
  const absl::Span<const int64_t> b_shape = b.tensor().shape();
  if (a_shape.empty() || b_shape.empty()) return batched();
  if (a_shape.size() == 1 && b_shape.size() == 1) return Dot(a, b);
  // A vector becomes a matrix of one row or column, and the dimension is
  // removed at the end.
  if (a_shape.size() == 1) {
    const int64_t size = a_shape[0];
    if (size != b_shape[b_shape.size() - 2]) return batched();
    Dimensions shape = Leading(b_shape, 2);
    shape.push_back(b_shape.back());
    return Reshape(MatMul(Reshape(a, {1, size}), b), shape);
  }
  if (b_shape.size() == 1) {
    if (b_shape[0] != a_shape.back()) return batched();
    return Reshape(MatMul(a, Reshape(b, {b_shape[0], 1})), Leading(a_shape, 1));
  }
  if (b_shape.size() > 2 || a_shape.back() != b_shape[0]) return batched();
  return FoldedProduct(a, b, false, nullptr);
}

absl::StatusOr<Tensor> Linear(const Operand& x, const Operand& weight) {
  return LinearOf(x, weight, nullptr);
}

absl::StatusOr<Tensor> Linear(const Operand& x, const Operand& weight,
                              const Operand& bias) {
  return LinearOf(x, weight, &bias);
}

absl::Span<const Op* const> ProductOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
