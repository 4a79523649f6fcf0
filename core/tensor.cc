// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/tensor.h"

#include <algorithm>
#include <complex>
#include <cstddef>
#include <cstring>
#include <functional>
#include <limits>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/conj_neg.h"
#include "ferry/core/object_pool.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/core/thread_state.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr const char* kLayoutNames[] = {
    "strided",    "sparse_coo", "sparse_csr", "sparse_csc",
    "sparse_bsr", "sparse_bsc", "jagged",     "_mkldnn"};

// Bytes of the first `extent` elements, in whole units; false from 2^63 on.
bool ExtentBytes(DType dtype, int64_t extent, uint64_t* size_bytes) {
  const uint64_t per_unit = ElementsPerUnit(dtype);
  const uint64_t units =
      (static_cast<uint64_t>(extent) + per_unit - 1) / per_unit;
  return !__builtin_mul_overflow(units, ElementSizeBytes(dtype), size_bytes) &&
         *size_bytes <=
             static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

// The only element, as T.
template <typename T>
absl::StatusOr<Scalar> ItemAs(const Tensor& tensor) {
  FERRY_RETURN_IF_ERROR(CheckCast(tensor.dtype(), DTypeOf<T>::value));
  FERRY_RETURN_IF_ERROR(
      CheckConjNeg(tensor.dtype(), tensor.is_conj(), tensor.is_neg()));
  char element[16];
  std::memcpy(element, tensor.data(), ElementSizeBytes(tensor.dtype()));
  ApplyConjNeg(tensor.dtype(), tensor.is_conj(), tensor.is_neg(), element, 1);
  if constexpr (std::is_same_v<T, bool>) {
    return Scalar(element[0] != 0);  // a file may hold any byte
  } else {
    T value;
    CastElements(element, tensor.dtype(), &value, DTypeOf<T>::value, 1);
    return Scalar(value);
  }
}

absl::Status PastTheEnd(absl::Span<const int64_t> shape) {
  return absl::InvalidArgumentError(absl::StrCat(
      "a view of shape ", ShapeToString(shape), " reaches past 2^63 bytes"));
}

}  // namespace

absl::string_view Name(Layout layout) {
  return kLayoutNames[static_cast<size_t>(layout)];
}

std::optional<Layout> LayoutFromName(absl::string_view name) {
  for (size_t i = 0; i < sizeof(kLayoutNames) / sizeof(kLayoutNames[0]); ++i) {
    if (name == kLayoutNames[i]) return static_cast<Layout>(i);
  }
  return std::nullopt;
}

absl::StatusOr<uint64_t> ViewSizeBytes(DType dtype,
                                       absl::Span<const int64_t> shape,
                                       absl::Span<const int64_t> strides,
                                       int64_t offset) {
  FERRY_ASSIGN_OR_RETURN(const int64_t extent,
                         ViewExtent(shape, strides, offset));
  uint64_t size_bytes;
  if (!ExtentBytes(dtype, extent, &size_bytes)) return PastTheEnd(shape);
  return size_bytes;
}

uint64_t RowMajorSizeBytes(const Tensor& tensor) {
  const uint64_t per_unit = ElementsPerUnit(tensor.dtype());
  const auto elements = static_cast<uint64_t>(tensor.num_elements());
  const uint64_t units = elements / per_unit + (elements % per_unit != 0);
  uint64_t size_bytes;
  return __builtin_mul_overflow(units, ElementSizeBytes(tensor.dtype()),
                                &size_bytes)
             ? std::numeric_limits<uint64_t>::max()
             : size_bytes;
}

absl::StatusOr<Tensor> Tensor::Create(Storage storage, DType dtype,
                                      absl::Span<const int64_t> shape,
                                      absl::Span<const int64_t> strides,
                                      int64_t offset, ObjectPool* pool) {
  if (storage.is_null()) {
    return absl::InvalidArgumentError("the storage given for a tensor is null");
  }
  FERRY_ASSIGN_OR_RETURN(const ViewCounts counts,
                         CountView(shape, strides, offset));
  uint64_t needed;
  if (!ExtentBytes(dtype, counts.extent, &needed)) return PastTheEnd(shape);
  if (needed > storage.size_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat(
        WithArticle(Name(dtype)), " tensor of shape ", ShapeToString(shape),
        ", strides ", ShapeToString(strides), " and offset ", offset, " needs ",
        needed, " bytes; its storage has ", storage.size_bytes()));
  }
  return Make(std::move(storage), dtype, shape, strides, offset,
              counts.num_elements, pool);
}

absl::StatusOr<Tensor> Tensor::Create(Storage storage, DType dtype,
                                      absl::Span<const int64_t> shape) {
  FERRY_RETURN_IF_ERROR(NumElements(shape).status());
  return Create(std::move(storage), dtype, shape, ContiguousStrides(shape), 0);
}

absl::StatusOr<Tensor> Tensor::Allocate(DType dtype,
                                        absl::Span<const int64_t> shape) {
  FERRY_ASSIGN_OR_RETURN(const int64_t num_elements, NumElements(shape));
  uint64_t size_bytes;
  if (!ExtentBytes(dtype, num_elements, &size_bytes)) return PastTheEnd(shape);
  FERRY_ASSIGN_OR_RETURN(Storage storage, Storage::Allocate(size_bytes));
  return Make(std::move(storage), dtype, shape, ContiguousStrides(shape), 0,
              num_elements);
}

absl::StatusOr<Tensor> Tensor::Allocate(DType dtype,
                                        absl::Span<const int64_t> shape,
                                        absl::Span<const int64_t> strides) {
  FERRY_ASSIGN_OR_RETURN(const ViewCounts counts, CountView(shape, strides, 0));
  uint64_t size_bytes;
  if (!ExtentBytes(dtype, counts.extent, &size_bytes)) return PastTheEnd(shape);
  FERRY_ASSIGN_OR_RETURN(Storage storage, Storage::Allocate(size_bytes));
  return Make(std::move(storage), dtype, shape, strides, 0,
              counts.num_elements);
}

Tensor Tensor::Make(Storage storage, DType dtype,
                    absl::Span<const int64_t> shape,
                    absl::Span<const int64_t> strides, int64_t offset,
                    int64_t num_elements, ObjectPool* pool) {
  Tensor tensor;
  tensor.impl_ = pool != nullptr ? pool->MakeShared<Impl>(shape, strides)
                                 : std::make_shared<Impl>(shape, strides);
  Impl& impl = *tensor.impl_;
  impl.storage = std::move(storage);
  impl.offset = offset;
  impl.num_elements = num_elements;
  impl.dtype = dtype;
  return tensor;
}

absl::StatusOr<Tensor> Tensor::FromBytes(const void* elements,
                                         uint64_t num_elements, DType dtype,
                                         absl::Span<const int64_t> shape) {
  FERRY_ASSIGN_OR_RETURN(const int64_t wanted, NumElements(shape));
  if (num_elements != static_cast<uint64_t>(wanted)) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeToString(shape), " has ", wanted,
                     " elements, but ", num_elements, " were given"));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor tensor, Allocate(dtype, shape));
  const uint64_t size_bytes = tensor.storage().size_bytes();
  if (size_bytes != 0) std::memcpy(tensor.data(), elements, size_bytes);
  return tensor;
}

Tensor Tensor::CreateComposite(Layout layout, DType dtype,
                               absl::Span<const int64_t> shape,
                               std::vector<Tensor> components) {
  Tensor tensor;
  tensor.impl_ = std::make_shared<Impl>();
  Impl& impl = *tensor.impl_;
  impl.shape.assign(shape.begin(), shape.end());
  // Composite shapes are not addressed, so one that cannot be counted is kept
  // as it is and merely has no number of elements.
  const absl::StatusOr<int64_t> num_elements = NumElements(shape);
  impl.num_elements = num_elements.ok() ? *num_elements : 0;
  impl.dtype = dtype;
  impl.layout = layout;
  impl.components = std::move(components);
  return tensor;
}

Device Tensor::device() const {
  if (!impl_->storage.is_null()) return impl_->storage.device();
  if (!impl_->components.empty()) return impl_->components.back().device();
  return Device();
}

void* Tensor::data() const {
  if (impl_->storage.is_null() || impl_->storage.data() == nullptr ||
      !impl_->storage.device().is_cpu()) {
    return nullptr;
  }
  // The offset of a tensor without elements may lie outside the storage.
  if (impl_->num_elements == 0) return impl_->storage.data();
  const uint64_t unit =
      static_cast<uint64_t>(impl_->offset) / ElementsPerUnit(impl_->dtype);
  return static_cast<char*>(impl_->storage.data()) +
         unit * ElementSizeBytes(impl_->dtype);
}

absl::Status Tensor::CheckData(DType wanted) const {
  FERRY_RETURN_IF_ERROR(CheckOnHost(*this, wanted));
  if (!is_contiguous() || is_conj() || is_neg()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the elements are ",
        is_conj() ? "conjugated lazily"
                  : (is_neg() ? "negated lazily" : "not contiguous"),
        ", in a tensor of shape ", ShapeToString(shape()), " and strides ",
        ShapeToString(strides()), "; call strided::Contiguous first"));
  }
  if (wanted == DType::kBool) {
    const auto* const bytes = static_cast<const uint8_t*>(data());
    if (std::any_of(bytes, bytes + num_elements(),
                    [](uint8_t byte) { return byte > 1; })) {
      return absl::FailedPreconditionError(
          "an element has a byte that is neither 0 nor 1, which a C++ bool "
          "cannot have; use ForEachElement, or strided::Cast to uint8");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Scalar> Tensor::Item() const {
  FERRY_RETURN_IF_ERROR(CheckOnHost(*this));
  if (num_elements() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of shape ", ShapeToString(shape()), " has ",
                     num_elements(), " elements; Item needs exactly one"));
  }
  switch (Category(dtype())) {
    case DTypeCategory::kBool:
      return ItemAs<bool>(*this);
    case DTypeCategory::kSignedInt:
      return ItemAs<int64_t>(*this);
    case DTypeCategory::kUnsignedInt:
      return ItemAs<uint64_t>(*this);
    case DTypeCategory::kFloat:
      return ItemAs<double>(*this);
    default:
      return ItemAs<std::complex<double>>(*this);
  }
}

absl::Status CheckOnHost(const Tensor& tensor) {
  if (tensor.is_null()) {
    return absl::InvalidArgumentError("the tensor is null");
  }
  if (tensor.storage().is_null()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the elements of ", WithArticle(Name(tensor.layout())),
                     " tensor are in its components"));
  }
  if (!tensor.storage().has_data()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the tensor has no elements in memory: ", kBytesNotRead));
  }
  const Device& device = tensor.storage().device();
  if (device.is_cpu()) return absl::OkStatus();
  if (device.type() == "meta") {
    return absl::FailedPreconditionError(
        "the tensor is on meta, so it has no elements");
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the tensor is on ", device.ToString(),
      "; call To(tensor, Device(\"cpu\")) first (devices/to_device.h)"));
}

absl::Status CheckOnHost(const Tensor& tensor, DType dtype) {
  FERRY_RETURN_IF_ERROR(CheckOnHost(tensor));
  if (tensor.dtype() != dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tensor's dtype is ", Name(tensor.dtype()),
                     "; its elements were asked for as ", Name(dtype)));
  }
  return absl::OkStatus();
}

bool MayOverlap(const Tensor& a, const Tensor& b) {
  if (a.num_elements() == 0 || b.num_elements() == 0) return false;
  // One past the last byte. `Create` has computed the same without an error.
  const auto end = [](const Tensor& tensor) {
    return static_cast<const char*>(tensor.data()) +
           *ViewSizeBytes(tensor.dtype(), tensor.shape(), tensor.strides(), 0);
  };
  const std::less<const char*> is_before;
  return is_before(static_cast<const char*>(a.data()), end(b)) &&
         is_before(static_cast<const char*>(b.data()), end(a));
}

absl::Status Tensor::SetRequiresGrad(bool requires_grad) const {
  if (requires_grad && !HasGradients(dtype())) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of ", Name(dtype()),
                     " cannot require a gradient; only floating-point and "
                     "complex tensors can"));
  }
  if (requires_grad && !impl_->requires_grad && !impl_->storage.is_null() &&
      impl_->storage.is_inference() &&
      (CurrentThreadState().bits & kInferenceBit) == 0) {
    return absl::FailedPreconditionError(
        "Setting requires_grad=True on inference tensor outside InferenceMode "
        "is not allowed; use Clone to get a normal tensor");
  }
  if (const AutogradSlot* const slot = autograd_slot()) {
    FERRY_RETURN_IF_ERROR(slot->CheckSetRequiresGrad(requires_grad));
    if (slot->requires_grad()) return absl::OkStatus();
  }
  impl_->requires_grad = requires_grad;
  return absl::OkStatus();
}

Tensor Tensor::WithStorage(Storage storage) const {
  Tensor tensor;
  tensor.impl_ = std::make_shared<Impl>();
  Impl& impl = *tensor.impl_;
  impl.shape = impl_->shape;
  impl.strides = impl_->strides;
  impl.storage = std::move(storage);
  impl.offset = impl_->offset;
  impl.num_elements = impl_->num_elements;
  impl.dtype = impl_->dtype;
  impl.layout = impl_->layout;
  impl.conj = impl_->conj;
  impl.neg = impl_->neg;
  impl.components = impl_->components;
  return tensor;
}

}  // namespace v1
}  // namespace ferry
