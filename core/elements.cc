// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/elements.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"

namespace ferry {
namespace {

// Scattered elements are gathered in so much memory: it stays in the
// first-level cache. A multiple of every element's size.
constexpr size_t kBufferBytes = size_t{16} << 10;

// Runs of this much and more are handed on where they stand.
constexpr uint64_t kDirectBytes = 1024;

// A tensor may be larger than its storage up to so many bytes.
constexpr uint64_t kMaxRepeatedBytes = uint64_t{16} << 30;

// What is to be done to each element, beyond copying it.
struct Change {
  bool conj = false;
  bool neg = false;
  bool is_integer = false;
  uint64_t unit_bytes = 1;  // of the numbers: half of a complex element
};

template <typename T>
void NegateIntegers(char* bytes, size_t size) {
  for (size_t i = 0; i < size; i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes + i, sizeof(T));
    value = static_cast<T>(T{0} - value);
    std::memcpy(bytes + i, &value, sizeof(T));
  }
}

// Turns the sign of numbers of `unit_bytes`, of each `step_bytes` the last.
void FlipSigns(char* bytes, size_t size, uint64_t step_bytes) {
  for (size_t i = step_bytes - 1; i < size; i += step_bytes) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x80);
  }
}

void Apply(const Change& change, char* bytes, size_t size) {
  if (change.conj) FlipSigns(bytes, size, 2 * change.unit_bytes);
  if (!change.neg) return;
  if (!change.is_integer) {
    FlipSigns(bytes, size, change.unit_bytes);
    return;
  }
  switch (change.unit_bytes) {
    case 1:
      NegateIntegers<uint8_t>(bytes, size);
      break;
    case 2:
      NegateIntegers<uint16_t>(bytes, size);
      break;
    case 4:
      NegateIntegers<uint32_t>(bytes, size);
      break;
    default:
      NegateIntegers<uint64_t>(bytes, size);
      break;
  }
}

absl::StatusOr<Change> ChangeOf(const Tensor& tensor) {
  Change change;
  change.conj = tensor.is_conj();
  change.neg = tensor.is_neg();
  change.unit_bytes = ByteOrderUnitBytes(tensor.dtype());
  if (!change.neg) return change;
  switch (tensor.dtype()) {
    case DType::kFloat64:
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kComplex128:
    case DType::kComplex64:
    case DType::kComplex32:
    case DType::kBComplex32:
      return change;
    case DType::kInt64:
    case DType::kInt32:
    case DType::kInt16:
    case DType::kInt8:
    case DType::kUInt64:
    case DType::kUInt32:
    case DType::kUInt16:
    case DType::kUInt8:
      change.is_integer = true;
      return change;
    default:
      return absl::UnimplementedError(
          absl::StrCat(Name(tensor.dtype()), " elements cannot be negated"));
  }
}

template <size_t kBytes>
void GatherElements(const char* from, int64_t count, uint64_t stride_bytes,
                    char* to) {
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to, from, kBytes);
    from += stride_bytes;
    to += kBytes;
  }
}

void Gather(const char* from, int64_t count, uint64_t stride_bytes,
            uint64_t element_bytes, char* to) {
  if (stride_bytes == element_bytes) {
    std::memcpy(to, from, static_cast<size_t>(count) * element_bytes);
    return;
  }
  switch (element_bytes) {
    case 1:
      return GatherElements<1>(from, count, stride_bytes, to);
    case 2:
      return GatherElements<2>(from, count, stride_bytes, to);
    case 4:
      return GatherElements<4>(from, count, stride_bytes, to);
    case 8:
      return GatherElements<8>(from, count, stride_bytes, to);
    default:
      return GatherElements<16>(from, count, stride_bytes, to);
  }
}

// The dimensions of a view with at least one element, without those of size 1,
// and with neighbours that make one run taken as one.
struct View {
  Dimensions sizes;
  Dimensions strides;
};

View Simplify(const Tensor& tensor) {
  View view;
  for (int i = 0; i < tensor.rank(); ++i) {
    const int64_t size = tensor.shape()[i];
    const int64_t stride = tensor.strides()[i];
    if (size == 1) continue;
    int64_t run;
    if (!view.sizes.empty() && !__builtin_mul_overflow(size, stride, &run) &&
        view.strides.back() == run) {
      view.sizes.back() *= size;  // no more than the elements of the tensor
      view.strides.back() = stride;
    } else {
      view.sizes.push_back(size);
      view.strides.push_back(stride);
    }
  }
  if (view.sizes.empty()) {
    view.sizes.push_back(1);
    view.strides.push_back(1);
  }
  return view;
}

// Hands on the elements of a tensor, run by run.
class Gatherer {
 public:
  Gatherer(const Change& change, uint64_t element_bytes, ElementVisitor visit)
      : change_(change),
        element_bytes_(element_bytes),
        visit_(visit),
        buffer_(new char[kBufferBytes]) {}

  // `count` elements, each `stride` elements after the one before.
  absl::Status AddRun(const char* from, int64_t count, int64_t stride) {
    const uint64_t stride_bytes =
        static_cast<uint64_t>(stride) * element_bytes_;
    const bool changes = change_.conj || change_.neg;
    if (!changes && stride_bytes == element_bytes_ &&
        static_cast<uint64_t>(count) * element_bytes_ >= kDirectBytes) {
      FERRY_RETURN_IF_ERROR(Flush());
      return visit_({from, static_cast<uint64_t>(count) * element_bytes_});
    }
    while (count > 0) {
      const int64_t piece =
          std::min<int64_t>(count, (kBufferBytes - filled_) / element_bytes_);
      Gather(from, piece, stride_bytes, element_bytes_,
             buffer_.get() + filled_);
      filled_ += static_cast<size_t>(piece) * element_bytes_;
      from += static_cast<uint64_t>(piece) * stride_bytes;
      count -= piece;
      if (filled_ == kBufferBytes) FERRY_RETURN_IF_ERROR(Flush());
    }
    return absl::OkStatus();
  }

  absl::Status Flush() {
    if (filled_ == 0) return absl::OkStatus();
    Apply(change_, buffer_.get(), filled_);
    const size_t size = filled_;
    filled_ = 0;
    return visit_({buffer_.get(), size});
  }

 private:
  const Change change_;
  const uint64_t element_bytes_;
  ElementVisitor visit_;
  size_t filled_ = 0;
  std::unique_ptr<char[]> buffer_;
};

absl::Status VisitPacked(const Tensor& tensor, absl::Span<const char> bytes,
                         ElementVisitor visit) {
  const auto per_unit = static_cast<int64_t>(ElementsPerUnit(tensor.dtype()));
  if (!tensor.is_contiguous() || tensor.storage_offset() % per_unit != 0 ||
      tensor.is_neg()) {
    return absl::UnimplementedError(absl::StrCat(
        "its ", Name(tensor.dtype()), " elements are not contiguous"));
  }
  const uint64_t unit_bytes = ElementSizeBytes(tensor.dtype());
  const auto units =
      static_cast<uint64_t>(tensor.num_elements() / per_unit +
                            (tensor.num_elements() % per_unit != 0 ? 1 : 0));
  return visit({bytes.data() +
                    static_cast<uint64_t>(tensor.storage_offset() / per_unit) *
                        unit_bytes,
                units * unit_bytes});
}

}  // namespace

absl::Status VisitElements(const Tensor& tensor,
                           absl::Span<const char> storage_bytes,
                           ElementVisitor visit) {
  if (tensor.num_elements() == 0) return absl::OkStatus();
  if (ElementsPerUnit(tensor.dtype()) != 1) {
    return VisitPacked(tensor, storage_bytes, visit);
  }
  FERRY_ASSIGN_OR_RETURN(const Change change, ChangeOf(tensor));
  const uint64_t element_bytes = ElementSizeBytes(tensor.dtype());
  uint64_t size_bytes;
  if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.num_elements()),
                             element_bytes, &size_bytes) ||
      (size_bytes > storage_bytes.size() && size_bytes > kMaxRepeatedBytes)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("its strides repeat the ", storage_bytes.size(),
                     " bytes of its storage as ", tensor.num_elements(),
                     " elements, which is too many to visit"));
  }
  const View view = Simplify(tensor);
  const size_t inner = view.sizes.size() - 1;
  Gatherer gatherer(change, element_bytes, visit);
  const auto outer = absl::MakeConstSpan(view.sizes).first(inner);
  StridedIterator<1> it(outer, {{view.strides}});
  do {
    const auto offset =
        static_cast<uint64_t>(tensor.storage_offset() + it.offset(0));
    FERRY_RETURN_IF_ERROR(
        gatherer.AddRun(storage_bytes.data() + offset * element_bytes,
                        view.sizes[inner], view.strides[inner]));
  } while (it.Next());
  return gatherer.Flush();
}

}  // namespace ferry
