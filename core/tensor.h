// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/tensor.h
// -----------------------------------------------------------------------------
//
// A view of a storage as elements of one dtype: shape, strides and offset.
//
// Example: make a 2 x 3 matrix, and a view of its first row.
//
//   const std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
//   FERRY_ASSIGN_OR_RETURN(Tensor matrix, Tensor::FromData(numbers, {2, 3}));
//   FERRY_ASSIGN_OR_RETURN(
//       Tensor row, Tensor::Create(matrix.storage(), matrix.dtype(), {3}));
//   FERRY_ASSIGN_OR_RETURN(absl::Span<float> elements, row.Data<float>());
#ifndef FERRY_CORE_TENSOR_H_
#define FERRY_CORE_TENSOR_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/storage.h"

namespace ferry {
inline namespace v1 {

// How the elements of a tensor are stored.
enum class Layout : uint8_t {
  kStrided,    // a view of one storage
  kSparseCoo,  // components: indices, values
  kSparseCsr,  // components: compressed indices, plain indices, values
  kSparseCsc,
  kSparseBsr,
  kSparseBsc,
  kJagged,  // a nested tensor
  kMkldnn,
};

// Converts a layout to and from its name in `torch.<name>`: "strided",
// "sparse_coo", ... ("_mkldnn" for the last).
absl::string_view Name(Layout layout);
std::optional<Layout> LayoutFromName(absl::string_view name);

class InternalKey;
class ObjectPool;
class Tensor;

// AutogradSlot
//
// Data that autograd attaches to a tensor. Opaque to everything else, but for
// the two questions that a tensor asks.
class AutogradSlot {
 public:
  virtual ~AutogradSlot() = default;

  // Returns whether the tensor requires a gradient because it was computed from
  // one that does.
  virtual bool requires_grad() const { return false; }

  // Returns OK if the program may set `requires_grad` to this value.
  virtual absl::Status CheckSetRequiresGrad(bool /*requires_grad*/) const {
    return absl::OkStatus();
  }
};

// Tensor
//
// A handle: copies are cheap and refer to the same tensor. A tensor's dtype,
// shape, strides and offset never change; its elements may.
//
// The elements of every strided tensor lie inside its storage. This is checked
// when it is created, so any element of its shape may be accessed without a
// further check. The offset of a tensor without elements may be any number >=
// 0, as in PyTorch, so check for that before you compute an address from it.
//
// Thread-safety: const methods may be called from any thread, as long as no
// other thread sets `requires_grad`.
class Tensor {
 public:
  // Makes a null tensor, which supports only is_null() and assignment.
  Tensor() = default;

  // Creates a view of `storage`.
  //
  //   shape    outermost dimension first; rank 0 to kMaxRank; dimensions of
  //            size 0 are legal.
  //   strides  in elements, >= 0, one per dimension; 0 repeats an element.
  //   offset   of the first element, in elements, >= 0. It may lie outside the
  //            storage if there are no elements.
  //
  //   pool     allocates the state that the handles share; may be null.
  //
  // Errors: kInvalidArgument - the view does not lie inside the storage or is
  //         malformed, or the storage is null.
  static absl::StatusOr<Tensor> Create(Storage storage, DType dtype,
                                       absl::Span<const int64_t> shape,
                                       absl::Span<const int64_t> strides,
                                       int64_t offset,
                                       ObjectPool* pool = nullptr);

  // Creates a row-major view from the start of the storage. Errors: as above.
  static absl::StatusOr<Tensor> Create(Storage storage, DType dtype,
                                       absl::Span<const int64_t> shape);

  // Returns a tensor on the CPU with a storage of its own, whose elements are
  // not initialised. It is row-major, or has `strides`.
  //
  // Errors: kInvalidArgument   - the shape or a stride is invalid, as above, or
  //         the elements take 2^63 bytes or more.
  //         kResourceExhausted - the allocation failed.
  static absl::StatusOr<Tensor> Allocate(DType dtype,
                                         absl::Span<const int64_t> shape);
  static absl::StatusOr<Tensor> Allocate(DType dtype,
                                         absl::Span<const int64_t> shape,
                                         absl::Span<const int64_t> strides);

  // Returns a row-major tensor on the CPU with a copy of `elements`. The type
  // of the elements gives the dtype (core/element_types.h).
  //
  // The second overload takes any contiguous container: a vector, an array or a
  // span. (A std::vector<bool> is not contiguous and does not compile.) The
  // first also takes an initializer list: `FromData<float>({1, 2, 3}, {3})`.
  //
  // Errors: kInvalidArgument - the number of elements does not match `shape`,
  //         or `shape` is invalid (`NumElements`).
  template <typename T>
  static absl::StatusOr<Tensor> FromData(absl::Span<const T> elements,
                                         absl::Span<const int64_t> shape);
  template <typename Container,
            typename T = typename decltype(absl::MakeConstSpan(
                std::declval<const Container&>()))::value_type>
  static absl::StatusOr<Tensor> FromData(const Container& elements,
                                         absl::Span<const int64_t> shape) {
    return FromData<T>(elements, shape);
  }

  // Creates a tensor that is not a view of one storage: sparse, jagged, or
  // quantised per channel. `components` are the tensors that hold its numbers.
  static Tensor CreateComposite(Layout layout, DType dtype,
                                absl::Span<const int64_t> shape,
                                std::vector<Tensor> components);

  bool is_null() const { return impl_ == nullptr; }

  DType dtype() const { return impl_->dtype; }
  Layout layout() const { return impl_->layout; }
  absl::Span<const int64_t> shape() const { return impl_->shape; }
  int rank() const { return static_cast<int>(impl_->shape.size()); }
  int64_t num_elements() const { return impl_->num_elements; }

  // For strided tensors. Composite tensors return empty, 0 and null.
  absl::Span<const int64_t> strides() const { return impl_->strides; }
  int64_t storage_offset() const { return impl_->offset; }
  const Storage& storage() const { return impl_->storage; }

  // The components of a composite tensor, in the order that `Layout` gives.
  // Empty for strided tensors.
  absl::Span<const Tensor> components() const { return impl_->components; }

  // Returns the storage's device. For a composite tensor, returns the device of
  // its last component.
  Device device() const;

  // Returns the address of the first element, or the start of the storage if
  // there are no elements. Null if the storage has no data in host memory.
  void* data() const;

  // Returns the elements in row-major order. Writing to them writes to the
  // storage, which must not have been mapped read-only. `Data<bool>` is O(n),
  // since it checks that every byte is 0 or 1; for other types it is O(rank).
  //
  // Errors: kFailedPrecondition - the elements cannot be used in place: they
  //         are not on the CPU, have not been read from their file, are not
  //         contiguous, are conjugated or negated, or are not valid bools. The
  //         message says what to do. kInvalidArgument - T is not the type of
  //         the elements (core/element_types.h), or the tensor is null or not
  //         strided.
  template <typename T>
  absl::StatusOr<absl::Span<T>> Data() const;

  // Returns the only element of the tensor, converted to T as PyTorch's `item`
  // does, conjugation and negation resolved. `Item` returns any number.
  //
  // Errors: kFailedPrecondition - as `Data`, where the element is.
  //         kInvalidArgument    - the tensor has more elements, or none; or is
  //                               null or not strided.
  //         kUnimplemented      - the dtype holds no numbers (`CheckCast`), or
  //                               the element cannot be negated.
  //         kOutOfRange         - as `Scalar::To`.
  absl::StatusOr<Scalar> Item() const;
  template <typename T>
  absl::StatusOr<T> Item() const;

  // Whether the elements are row-major without gaps. False for composite
  // tensors.
  bool is_contiguous() const {
    return impl_->strides.size() == impl_->shape.size() &&
           components().empty() && IsContiguous(impl_->shape, impl_->strides);
  }

  // Whether readers must conjugate, or negate, every element that they read:
  // PyTorch's lazy `conj()` and `_neg_view()`.
  bool is_conj() const { return impl_->conj; }
  bool is_neg() const { return impl_->neg; }

  // Whether autograd computes a gradient for the tensor: the program has set
  // that, or an op has computed the tensor from one that requires a gradient.
  bool requires_grad() const {
    if (impl_->requires_grad) return true;
    const AutogradSlot* const slot = autograd_slot();
    return slot != nullptr && slot->requires_grad();
  }

  // Sets `requires_grad`, for every handle to the tensor. Setting it to true
  // does nothing if an op has computed the tensor from one that requires a
  // gradient.
  //
  // Errors: kInvalidArgument - `requires_grad` is true, and the dtype is
  //         neither floating-point nor complex. kFailedPrecondition - it is
  //         false, and an op has computed the tensor from one that requires a
  //         gradient; use Detach instead. Or it is true, and the tensor was
  //         made in inference mode, which has ended; use Clone instead.
  //
  // Thread-safety: meanwhile, no other thread may use the tensor or a view of
  // it, or run a backward pass that reaches the tensor.
  absl::Status SetRequiresGrad(bool requires_grad) const;

  // Returns a new tensor with the same view, flags and components over another
  // storage of at least the same size.
  Tensor WithStorage(Storage storage) const;

  // Returns a new tensor over the same storage, without gradient.
  Tensor Detach() const { return WithStorage(impl_->storage); }

  // Returns whether both handles refer to the same tensor.
  bool IsSame(const Tensor& other) const { return impl_ == other.impl_; }

  // Returns whether nothing else can reach the elements: the storage owns them,
  // and no other handle to it or to the tensor exists.
  bool owns_elements_alone() const {
    return impl_.use_count() == 1 && impl_->storage.owns_bytes_alone();
  }

  // --- For Ferry's own code --------------------------------------------------

  // Set the flags that a file gives. Unchecked: readers check them together.
  void set_conj(bool conj, const InternalKey&) const { impl_->conj = conj; }
  void set_neg(bool neg, const InternalKey&) const { impl_->neg = neg; }
  void set_requires_grad(bool value, const InternalKey&) const {
    impl_->requires_grad = value;
  }

  // Replaces the tensor's storage with another that has as many elements, of
  // `dtype`.
  void ReplaceStorage(Storage storage, DType dtype, const InternalKey&) const {
    impl_->storage = std::move(storage);
    impl_->dtype = dtype;
  }

  // What autograd has attached to the tensor, or null.
  AutogradSlot* autograd_slot() const {
    return impl_->autograd_slot.load(std::memory_order_acquire);
  }

  // Attaches `slot`, unless another thread has attached one in the meantime.
  // Returns the slot that the tensor has now, and owns.
  AutogradSlot* AttachAutogradSlot(std::unique_ptr<AutogradSlot> slot,
                                   const InternalKey&) const {
    AutogradSlot* attached = nullptr;
    if (impl_->autograd_slot.compare_exchange_strong(
            attached, slot.get(), std::memory_order_acq_rel)) {
      attached = slot.release();
    }
    return attached;
  }

 private:
  struct Impl {
    Impl() = default;
    ~Impl() { delete autograd_slot.load(std::memory_order_relaxed); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    Impl(absl::Span<const int64_t> of_shape,
         absl::Span<const int64_t> of_strides)
        : shape(of_shape.begin(), of_shape.end()),
          strides(of_strides.begin(), of_strides.end()) {}

    Dimensions shape;
    Dimensions strides;
    Storage storage;
    int64_t offset = 0;
    int64_t num_elements = 0;
    DType dtype = DType::kFloat32;
    Layout layout = Layout::kStrided;
    bool conj = false;
    bool neg = false;
    bool requires_grad = false;
    std::vector<Tensor> components;
    std::atomic<AutogradSlot*> autograd_slot{nullptr};  // owned
  };

  // Creates a view that is known to lie inside `storage`.
  static Tensor Make(Storage storage, DType dtype,
                     absl::Span<const int64_t> shape,
                     absl::Span<const int64_t> strides, int64_t offset,
                     int64_t num_elements, ObjectPool* pool = nullptr);

  static absl::StatusOr<Tensor> FromBytes(const void* elements,
                                          uint64_t num_elements, DType dtype,
                                          absl::Span<const int64_t> shape);

  absl::Status CheckData(DType dtype) const;

  std::shared_ptr<Impl> impl_;
};

// Returns OK if the elements of `tensor` are in host memory, so that code can
// read them at `data()`.
//
// Errors: kInvalidArgument    - the tensor is null or not strided.
//         kFailedPrecondition - it is on another device, or its bytes have not
//                               been read from their file.
absl::Status CheckOnHost(const Tensor& tensor);

// Does the same, and returns kInvalidArgument if the tensor has another dtype.
absl::Status CheckOnHost(const Tensor& tensor, DType dtype);

// Returns whether the memory of two tensors in host memory overlaps, or may do
// so: it compares the first and the last byte of each. Several storages may be
// over the same memory. O(rank).
bool MayOverlap(const Tensor& a, const Tensor& b);

// Returns the number of storage bytes that a view needs: its extent, in whole
// units of `dtype`.
//
// Errors: kInvalidArgument - as `ViewExtent`, or the size is 2^63 bytes or
//         more.
absl::StatusOr<uint64_t> ViewSizeBytes(DType dtype,
                                       absl::Span<const int64_t> shape,
                                       absl::Span<const int64_t> strides,
                                       int64_t offset);

// Returns the size of a tensor's elements in row-major order without gaps, in
// whole units of the dtype, or 2^64 - 1 if it is larger.
uint64_t RowMajorSizeBytes(const Tensor& tensor);

// -----------------------------------------------------------------------------
// Implementation details follow.

template <typename T>
absl::StatusOr<Tensor> Tensor::FromData(absl::Span<const T> elements,
                                        absl::Span<const int64_t> shape) {
  return FromBytes(elements.data(), elements.size(), DTypeOf<T>::value, shape);
}

template <typename T>
absl::StatusOr<absl::Span<T>> Tensor::Data() const {
  const absl::Status status = CheckData(DTypeOf<std::remove_const_t<T>>::value);
  if (!status.ok()) return status;
  return absl::Span<T>(static_cast<T*>(data()),
                       static_cast<size_t>(num_elements()));
}

template <typename T>
absl::StatusOr<T> Tensor::Item() const {
  const absl::StatusOr<Scalar> item = Item();
  if (!item.ok()) return item.status();
  return item->To<T>();
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TENSOR_H_
