// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/capi/tensor.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/capi/handle.h"
#include "ferry/capi/read_only.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/devices/to_device.h"
#include "ferry/ferry.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

absl::StatusOr<absl::Span<const int64_t>> ReadShape(uint64_t rank,
                                                    const int64_t* shape) {
  FERRY_RETURN_IF_ERROR(CheckArray(shape, rank, "shape"));
  if (rank > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the rank is ", rank, "; the most that PyTorch has is ", kMaxRank));
  }
  return absl::MakeConstSpan(shape, rank);
}

// Returns whether the bytes of a tensor, or of all its components, are there.
bool IsLoaded(const Tensor& tensor) {
  const auto has_data = [](const Tensor& part) {
    return part.storage().is_null() || part.storage().has_data();
  };
  // Components have none of their own.
  return has_data(tensor) && absl::c_all_of(tensor.components(), has_data);
}

// Returns the storage that says where the elements of a tensor are, or null.
const Storage* LastStorage(const Tensor& tensor) {
  const Tensor* last = &tensor;
  while (!last->components().empty()) last = &last->components().back();
  return last->storage().is_null() ? nullptr : &last->storage();
}

uint64_t FlagsOf(const Tensor& tensor) {
  uint64_t flags = 0;
  if (IsLoaded(tensor)) flags |= FERRY_TENSOR_LOADED;
  if (tensor.requires_grad()) flags |= FERRY_TENSOR_REQUIRES_GRAD;
  if (tensor.is_conj()) flags |= FERRY_TENSOR_CONJ;
  if (tensor.is_neg()) flags |= FERRY_TENSOR_NEG;
  if (IsReadOnly(tensor.storage())) flags |= FERRY_TENSOR_READ_ONLY;
  return flags;
}

ferry_tensor_info Describe(const Tensor& tensor) {
  ferry_tensor_info info{};
  info.flags = FlagsOf(tensor);
  // The names are literals.
  info.dtype = Name(tensor.dtype()).data();
  info.layout = Name(tensor.layout()).data();
  info.rank = tensor.shape().size();
  info.shape = tensor.shape().data();
  info.num_elements = static_cast<uint64_t>(tensor.num_elements());
  info.size_bytes = RowMajorSizeBytes(tensor);
  info.location = "";
  info.device_type = "cpu";
  info.device_index = Device::kNoIndex;
  if (const Storage* const last = LastStorage(tensor); last != nullptr) {
    info.location = last->recorded_location().c_str();
    info.location_size_bytes = last->recorded_location().size();
    info.device_type = last->device().type().c_str();
    info.device_index = last->device().index();
  }
  if (!tensor.storage().is_null()) {
    info.strides = tensor.strides().data();
    info.storage_offset = tensor.storage_offset();
    info.storage_id = reinterpret_cast<uintptr_t>(tensor.storage().identity());
    info.storage_size_bytes = tensor.storage().size_bytes();
  }
  return info;
}

// Returns kInvalidArgument if an address in host memory is not aligned for
// elements of a dtype.
absl::Status CheckAlignment(const void* data, DType dtype) {
  const uint64_t alignment = ByteOrderUnitBytes(dtype);
  if (reinterpret_cast<uintptr_t>(data) % alignment == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the address of the first element is not a multiple of ",
                   alignment, ", as ", Name(dtype), " requires"));
}

}  // namespace

absl::StatusOr<DType> ParseDType(const char* name) {
  FERRY_RETURN_IF_ERROR(CheckNotNull(name, "dtype"));
  const std::optional<DType> dtype = DTypeFromName(name);
  if (dtype.has_value()) return *dtype;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no dtype \"", name,
                   "\"; the names are those of torch, such as \"float32\""));
}

absl::StatusOr<Tensor> WrapMemory(Memory memory, uint64_t size_bytes,
                                  DType dtype, absl::Span<const int64_t> shape,
                                  absl::Span<const int64_t> strides) {
  FERRY_RETURN_IF_ERROR(CheckAlignment(memory.data, dtype));
  return Tensor::Create(
      Storage::FromMemory(Device(), std::move(memory), size_bytes), dtype,
      shape, strides, /*offset=*/0);
}

}  // namespace capi
}  // namespace v1
}  // namespace ferry

namespace capi = ferry::capi;

int32_t ferry_tensor_describe(const ferry_tensor* tensor,
                              ferry_tensor_info* out,
                              ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(tensor, "tensor"));
    return capi::WriteStruct(capi::Describe(tensor->tensor), out, "out");
  });
}

int32_t ferry_tensor_data(const ferry_tensor* tensor, void** data,
                          ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(tensor, "tensor"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(data, "data"));
    FERRY_RETURN_IF_ERROR(ferry::CheckOnHost(tensor->tensor));
    *data = tensor->tensor.data();
    return absl::OkStatus();
  });
}

int32_t ferry_tensor_allocate(const char* dtype, uint64_t rank,
                              const int64_t* shape, ferry_tensor** out,
                              ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(const ferry::DType parsed, capi::ParseDType(dtype));
    FERRY_ASSIGN_OR_RETURN(const absl::Span<const int64_t> sizes,
                           capi::ReadShape(rank, shape));
    FERRY_ASSIGN_OR_RETURN(ferry::Tensor tensor,
                           ferry::Tensor::Allocate(parsed, sizes));
    capi::SetHandle(out, std::move(tensor));
    return absl::OkStatus();
  });
}

int32_t ferry_tensor_from_memory(const char* dtype, uint64_t rank,
                                 const int64_t* shape, const int64_t* strides,
                                 void* data, uint64_t size_bytes,
                                 void (*release)(void* context), void* context,
                                 ferry_tensor** out,
                                 ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(out, "out"));
    FERRY_RETURN_IF_ERROR(
        capi::CheckArray(data, size_bytes, /*item_bytes=*/1, "data"));
    FERRY_ASSIGN_OR_RETURN(const ferry::DType parsed, capi::ParseDType(dtype));
    FERRY_ASSIGN_OR_RETURN(const absl::Span<const int64_t> sizes,
                           capi::ReadShape(rank, shape));
    FERRY_RETURN_IF_ERROR(ferry::NumElements(sizes).status());
    const ferry::Dimensions row_major = ferry::ContiguousStrides(sizes);
    const auto owner = std::make_shared<capi::ReleaseLater>();
    FERRY_ASSIGN_OR_RETURN(
        ferry::Tensor tensor,
        capi::WrapMemory(ferry::Memory{data, owner}, size_bytes, parsed, sizes,
                         strides == nullptr
                             ? absl::MakeConstSpan(row_major)
                             : absl::MakeConstSpan(strides, rank)));
    capi::SetHandle(out, std::move(tensor));
    owner->Arm(release, context);
    return absl::OkStatus();
  });
}

int32_t ferry_tensor_to(const ferry_tensor* tensor, const char* device,
                        ferry_tensor** out, ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(tensor, "tensor"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(device, "device"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(const ferry::Device to,
                           ferry::Device::Parse(device));
    FERRY_ASSIGN_OR_RETURN(ferry::Tensor moved, ferry::To(tensor->tensor, to));
    capi::SetHandle(out, std::move(moved));
    return absl::OkStatus();
  });
}

void ferry_tensor_free(ferry_tensor* tensor) noexcept {
  if (capi::IsHandle(tensor) && !tensor->is_borrowed) capi::Free(tensor);
}
