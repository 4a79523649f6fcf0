// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/as_strided.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/core/factories.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace {

// A geometry as attributes: `ints` are the shape and the strides of the view
// and its offset, `more_ints` the shape and the strides of the base.
Attributes Pack(const Geometry& geometry) {
  Attributes attributes;
  attributes.ints = geometry.shape;
  attributes.ints.insert(attributes.ints.end(), geometry.strides.begin(),
                         geometry.strides.end());
  attributes.ints.push_back(geometry.offset);
  attributes.more_ints = geometry.base_shape;
  attributes.more_ints.insert(attributes.more_ints.end(),
                              geometry.base_strides.begin(),
                              geometry.base_strides.end());
  return attributes;
}

Geometry Unpack(const Attributes& attributes) {
  const absl::Span<const int64_t> view = attributes.ints;
  const absl::Span<const int64_t> base = attributes.more_ints;
  const size_t rank = view.size() / 2;
  const size_t base_rank = base.size() / 2;
  const auto part = [](absl::Span<const int64_t> of, size_t from, size_t size) {
    const absl::Span<const int64_t> span = of.subspan(from, size);
    return Dimensions(span.begin(), span.end());
  };
  Geometry geometry;
  geometry.shape = part(view, 0, rank);
  geometry.strides = part(view, rank, rank);
  geometry.offset = view.back();
  geometry.base_shape = part(base, 0, base_rank);
  geometry.base_strides = part(base, base_rank, base_rank);
  return geometry;
}

// A buffer with places for the elements of the base and those of the view, in
// the order that they have in the storage.
struct Laid {
  Tensor whole;  // all places
  Tensor base;
  Tensor part;
};

absl::StatusOr<Laid> LayOut(const Geometry& geometry, DType dtype) {
  if (!HasNoOverlap(geometry.base_shape, geometry.base_strides)) {
    return absl::UnimplementedError(absl::StrCat(
        "the base of a view has shape ", ShapeToString(geometry.base_shape),
        " and strides ", ShapeToString(geometry.base_strides),
        ", so its elements share memory; such a view has no gradient. Make it "
        "of a Clone"));
  }
  const int64_t base_offset = geometry.offset < 0 ? -geometry.offset : 0;
  FERRY_ASSIGN_OR_RETURN(
      const ViewCounts base,
      CountView(geometry.base_shape, geometry.base_strides, base_offset));
  FERRY_ASSIGN_OR_RETURN(const ViewCounts part,
                         CountView(geometry.shape, geometry.strides,
                                   base_offset + geometry.offset));
  Laid laid;
  FERRY_ASSIGN_OR_RETURN(laid.whole, Zeros({std::max(base.extent, part.extent)},
                                           TensorOptions().dtype(dtype)));
  FERRY_ASSIGN_OR_RETURN(
      laid.base,
      Tensor::Create(laid.whole.storage(), dtype, geometry.base_shape,
                     geometry.base_strides, base_offset));
  FERRY_ASSIGN_OR_RETURN(
      laid.part,
      Tensor::Create(laid.whole.storage(), dtype, geometry.shape,
                     geometry.strides, base_offset + geometry.offset));
  return laid;
}

// Adds the elements of `from` to those of `to`, one after the other, since
// several elements of `to` may share memory.
template <typename T>
void AddElements(const Tensor& from, const Tensor& to) {
  const absl::Span<const int64_t> shape = to.shape();
  const T* in = static_cast<const T*>(from.data());
  T* const out = static_cast<T*>(to.data());
  Dimensions index(shape.size(), 0);
  int64_t place = 0;
  for (int64_t left = to.num_elements(); left > 0; --left) {
    out[place] = static_cast<T>(out[place] + *in++);
    for (size_t i = shape.size(); i-- > 0;) {
      place += to.strides()[i];
      if (++index[i] < shape[i]) break;
      place -= to.strides()[i] * shape[i];
      index[i] = 0;
    }
  }
}

absl::StatusOr<Outputs> AsStridedForward(const Call& call) {
  const Tensor& x = call[0].tensor();
  const Geometry geometry = Unpack(call.attributes());
  // The offset of a tensor without elements may be any number.
  int64_t offset;
  if (__builtin_add_overflow(x.storage_offset(), geometry.offset, &offset)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a view that begins ", geometry.offset, " elements after the offset ",
        x.storage_offset(), " reaches past 2^63 elements"));
  }
  return AsOutputs(MakeView(x, geometry.shape, geometry.strides, offset));
}

// The sum, at the places of the base, of the elements at those of the view.
absl::StatusOr<Outputs> SpreadForward(const Call& call) {
  const Geometry geometry = Unpack(call.attributes());
  const Tensor& part = call[0].tensor();
  if (part.shape() != absl::MakeConstSpan(geometry.shape)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the part must have shape ", ShapeToString(geometry.shape)));
  }
  if (HasNoOverlap(geometry.shape, geometry.strides)) {
    FERRY_ASSIGN_OR_RETURN(Laid laid, LayOut(geometry, part.dtype()));
    FERRY_RETURN_IF_ERROR(strided::CopyInto(part, laid.part));
    return strided::Contiguous(laid.base);
  }
  // Sums need a type that has arithmetic.
  const bool is_double = part.dtype() == DType::kFloat64;
  const DType dtype = is_double ? DType::kFloat64 : DType::kFloat32;
  FERRY_ASSIGN_OR_RETURN(const Tensor cast, strided::Cast(part, dtype));
  FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Contiguous(cast));
  FERRY_ASSIGN_OR_RETURN(Laid laid, LayOut(geometry, dtype));
  if (is_double) {
    AddElements<double>(from, laid.part);
  } else {
    AddElements<float>(from, laid.part);
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor sum,
                         strided::Cast(laid.base, part.dtype()));
  return strided::Contiguous(sum);
}

absl::StatusOr<Outputs> TakeForward(const Call& call) {
  const Geometry geometry = Unpack(call.attributes());
  const Tensor& whole = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(Laid laid, LayOut(geometry, whole.dtype()));
  FERRY_RETURN_IF_ERROR(strided::CopyInto(whole, laid.base));
  return strided::Contiguous(laid.part);
}

absl::StatusOr<Outputs> ReplaceForward(const Call& call) {
  const Geometry geometry = Unpack(call.attributes());
  const Tensor& whole = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(Laid laid, LayOut(geometry, whole.dtype()));
  FERRY_RETURN_IF_ERROR(strided::CopyInto(whole, laid.base));
  if (call[1].is_number()) {
    FERRY_ASSIGN_OR_RETURN(
        const Tensor number,
        Full({}, call[1].number(), TensorOptions().dtype(whole.dtype())));
    FERRY_RETURN_IF_ERROR(strided::CopyInto(number, laid.part));
  } else {
    FERRY_RETURN_IF_ERROR(strided::CopyInto(call[1].tensor(), laid.part));
  }
  return strided::Contiguous(laid.base);
}

absl::StatusOr<Tensor> SpreadPart(const Operand& part,
                                  const Attributes& geometry);

constexpr Op kTake = {"TakePart",
                      TakeForward,
                      {},
                      [](Derivative& d) {
                        d.Set(0, SpreadPart(d.gradient(), d.attributes()));
                        return absl::OkStatus();
                      },
                      OpKind::kOrdinary,
                      kAnything,
                      nullptr,
                      "",
                      ""};

constexpr Op kReplace = {"ReplacePart",
                         ReplaceForward,
                         {},
                         [](Derivative& d) {
                           const Geometry geometry = Unpack(d.attributes());
                           if (d.Needs(0))
                             d.Set(0, ReplacePart(d.gradient(), 0.0, geometry));
                           if (d.Needs(1))
                             d.Set(1, TakePart(d.gradient(), geometry));
                           return absl::OkStatus();
                         },
                         OpKind::kOrdinary,
                         kAnything | kNumbers,
                         nullptr,
                         "",
                         ""};

constexpr Op kSpread = {"SpreadPart",
                        SpreadForward,
                        {},
                        [](Derivative& d) {
                          d.Set(0,
                                TakePart(d.gradient(), Unpack(d.attributes())));
                          return absl::OkStatus();
                        },
                        OpKind::kOrdinary,
                        kAnything,
                        nullptr,
                        "",
                        ""};

absl::StatusOr<Tensor> SpreadPart(const Operand& part,
                                  const Attributes& geometry) {
  return Apply(kSpread, {&part}, geometry);
}

absl::Status AsStridedDerivative(Derivative& d) {
  d.Set(0, SpreadPart(d.gradient(), d.attributes()));
  return absl::OkStatus();
}

constexpr Op kAsStrided = {
    "AsStrided",
    AsStridedForward,
    {},
    AsStridedDerivative,
    OpKind::kView,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(AsStrided(x[0], attributes.ints, attributes.more_ints,
                                 static_cast<int64_t>(attributes.numbers[0])));
    },
    "torch.as_strided(a, i, j, int(p))",
    "f[3,4] i=2,2 j=1,2 p=0 | f[3,4] i=3 j=5 p=1 | f[6] i=4,3 j=1,1 p=0 | "
    "f[2,3] i=0 j=1 p=2 | f[5] i=3,2 j=0,1 p=1 | f[3,2]t i=2 j=2 p=1 | "
    "f[0] i=0 j=1 p=0"};

}  // namespace

absl::StatusOr<Geometry> Geometry::Of(const Tensor& base, const Tensor& view) {
  const auto copy = [](absl::Span<const int64_t> span) {
    return Dimensions(span.begin(), span.end());
  };
  if (base.dtype() != view.dtype()) {
    return absl::UnimplementedError(
        "a view of another dtype cannot be written in place while it is "
        "recorded");
  }
  Geometry geometry;
  geometry.base_shape = copy(base.shape());
  geometry.base_strides = copy(base.strides());
  geometry.shape = copy(view.shape());
  geometry.strides = copy(view.strides());
  geometry.offset = view.storage_offset() - base.storage_offset();
  return geometry;
}

absl::StatusOr<Tensor> MakeView(const Tensor& x,
                                absl::Span<const int64_t> shape,
                                absl::Span<const int64_t> strides,
                                int64_t offset) {
  FERRY_ASSIGN_OR_RETURN(Tensor view, Tensor::Create(x.storage(), x.dtype(),
                                                     shape, strides, offset));
  view.set_conj(x.is_conj(), InternalKey());
  view.set_neg(x.is_neg(), InternalKey());
  return view;
}

absl::StatusOr<Tensor> TakePart(const Operand& whole, const Geometry& part) {
  return Apply(kTake, {&whole}, Pack(part));
}

absl::StatusOr<Tensor> ReplacePart(const Operand& whole, const Operand& part,
                                   const Geometry& geometry) {
  return Apply(kReplace, {&whole, &part}, Pack(geometry));
}

absl::StatusOr<std::shared_ptr<Node>> RecordAsStrided(const Tensor& base,
                                                      const Tensor& view) {
  FERRY_ASSIGN_OR_RETURN(const Geometry geometry, Geometry::Of(base, view));
  FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(base));
  auto node = std::make_shared<OpNode>(kAsStrided, Node::Edges{std::move(edge)},
                                       Pack(geometry));
  node->AddInfo({geometry.shape, view.dtype()});
  return std::shared_ptr<Node>(std::move(node));
}

absl::StatusOr<Tensor> AsStrided(const Operand& x,
                                 absl::Span<const int64_t> shape,
                                 absl::Span<const int64_t> strides,
                                 int64_t offset) {
  FERRY_RETURN_IF_ERROR(x.status());
  if (shape.size() != strides.size() || offset < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "AsStrided: the shape ", ShapeToString(shape), " and the strides ",
        ShapeToString(strides), " must have as many numbers, and the offset ",
        offset, " must not be negative"));
  }
  Geometry geometry;
  geometry.shape.assign(shape.begin(), shape.end());
  geometry.strides.assign(strides.begin(), strides.end());
  if (!x.is_number() && !x.tensor().is_null()) {
    const Tensor& base = x.tensor();
    geometry.base_shape.assign(base.shape().begin(), base.shape().end());
    geometry.base_strides.assign(base.strides().begin(), base.strides().end());
    geometry.offset = offset - base.storage_offset();
  }
  return Apply(kAsStrided, {&x}, Pack(geometry));
}

const Op& AsStridedOp() { return kAsStrided; }

}  // namespace v1
}  // namespace ferry
