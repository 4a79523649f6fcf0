// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/capi/dlpack.h"

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/capi/handle.h"
#include "ferry/capi/read_only.h"
#include "ferry/capi/tensor.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/devices/device_registry.h"
#include "ferry/ferry.h"
#include "ferry/plugins/plugin_handle.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

struct DTypeRow {
  DType dtype;
  DLDataType type;
};

// One element of float4_e2m1fn_x2 is a pair.
constexpr DTypeRow kDTypes[] = {
    {DType::kFloat64, {kDLPackFloat, 64, 1}},
    {DType::kFloat32, {kDLPackFloat, 32, 1}},
    {DType::kFloat16, {kDLPackFloat, 16, 1}},
    {DType::kBFloat16, {kDLPackBFloat, 16, 1}},
    {DType::kComplex128, {kDLPackComplex, 128, 1}},
    {DType::kComplex64, {kDLPackComplex, 64, 1}},
    {DType::kComplex32, {kDLPackComplex, 32, 1}},
    {DType::kInt64, {kDLPackInt, 64, 1}},
    {DType::kInt32, {kDLPackInt, 32, 1}},
    {DType::kInt16, {kDLPackInt, 16, 1}},
    {DType::kInt8, {kDLPackInt, 8, 1}},
    {DType::kUInt64, {kDLPackUInt, 64, 1}},
    {DType::kUInt32, {kDLPackUInt, 32, 1}},
    {DType::kUInt16, {kDLPackUInt, 16, 1}},
    {DType::kUInt8, {kDLPackUInt, 8, 1}},
    {DType::kBool, {kDLPackBool, 8, 1}},
    {DType::kFloat8E5M2, {kDLPackFloat8E5M2, 8, 1}},
    {DType::kFloat8E4M3FN, {kDLPackFloat8E4M3FN, 8, 1}},
    {DType::kFloat8E5M2FNUZ, {kDLPackFloat8E5M2FNUZ, 8, 1}},
    {DType::kFloat8E4M3FNUZ, {kDLPackFloat8E4M3FNUZ, 8, 1}},
    {DType::kFloat8E8M0FNU, {kDLPackFloat8E8M0FNU, 8, 1}},
    {DType::kFloat4E2M1FNx2, {kDLPackFloat4E2M1FN, 4, 2}},
};

absl::StatusOr<DLDataType> TypeOf(DType dtype) {
  for (const DTypeRow& row : kDTypes) {
    if (row.dtype == dtype) return row.type;
  }
  return absl::UnimplementedError(
      absl::StrCat("DLPack has no dtype ", Name(dtype)));
}

absl::StatusOr<DType> DTypeOf(const DLDataType& type) {
  for (const DTypeRow& row : kDTypes) {
    if (row.type.code == type.code && row.type.bits == type.bits &&
        row.type.lanes == type.lanes) {
      return row.dtype;
    }
  }
  return absl::UnimplementedError(
      absl::StrCat("Ferry has no dtype for DLPack's type code ", type.code,
                   " with ", type.bits, " bits and ", type.lanes, " lanes"));
}

// --- Out ---------------------------------------------------------------------

template <typename Managed>
constexpr bool kIsVersioned = std::is_same_v<Managed, DLManagedTensorVersioned>;

// A struct for another library, and what it points to.
template <typename Managed>
struct Exported {
  static void Delete(Managed* self) {
    delete static_cast<Exported*>(self->manager_ctx);
  }

  Managed managed{};
  Tensor tensor;  // keeps the storage alive
  Dimensions shape;
  Dimensions strides;
};

// Sets the address and the device of a tensor.
absl::Status Locate(const Tensor& tensor, DLTensor* to) {
  const Device& device = tensor.storage().device();
  if (device.is_cpu()) {
    FERRY_RETURN_IF_ERROR(CheckOnHost(tensor));
    to->data = tensor.num_elements() == 0 ? nullptr : tensor.data();
    to->device = {kDLPackCpu, 0};
    return absl::OkStatus();
  }
  const bool is_cuda = device.type() == "cuda";
  if (!is_cuda && device.type() != "opencl") {
    return absl::UnimplementedError(
        absl::StrCat("DLPack has no device type \"", device.type(),
                     "\"; copy the tensor to the CPU first"));
  }
  FERRY_ASSIGN_OR_RETURN(const PluginHandle memory,
                         PluginHandleOf(tensor.storage()));
  // The offset of a tensor without elements may lie outside the storage.
  const uint64_t offset_bytes =
      tensor.num_elements() == 0
          ? 0
          : static_cast<uint64_t>(tensor.storage_offset()) *
                ElementSizeBytes(tensor.dtype());
  to->device = {is_cuda ? kDLPackCuda : kDLPackOpenCl,
                static_cast<int32_t>(memory.device_index)};
  // Some readers of tensors on CUDA ignore `byte_offset`. A handle of OpenCL is
  // no address, so nothing can be added to it.
  const uint64_t address = memory.handle + (is_cuda ? offset_bytes : 0);
  to->data = reinterpret_cast<void*>(static_cast<uintptr_t>(address));
  to->byte_offset = is_cuda ? 0 : offset_bytes;
  return absl::OkStatus();
}

template <typename Managed>
absl::StatusOr<Managed*> Export(const Tensor& tensor) {
  if (tensor.layout() != Layout::kStrided || tensor.storage().is_null()) {
    return absl::UnimplementedError(
        absl::StrCat("DLPack has no layout ", Name(tensor.layout())));
  }
  if (!tensor.storage().has_data()) {
    return absl::FailedPreconditionError(
        "the bytes of the tensor are not loaded; call ferry_checkpoint_load "
        "first");
  }
  if (tensor.is_conj() || tensor.is_neg()) {
    return absl::UnimplementedError(
        "DLPack cannot say that the elements are to be conjugated or negated");
  }
  auto exported = std::make_unique<Exported<Managed>>();
  Managed& managed = exported->managed;
  exported->tensor = tensor;
  exported->shape.assign(tensor.shape().begin(), tensor.shape().end());
  exported->strides.assign(tensor.strides().begin(), tensor.strides().end());
  FERRY_ASSIGN_OR_RETURN(managed.dl_tensor.dtype, TypeOf(tensor.dtype()));
  FERRY_RETURN_IF_ERROR(Locate(tensor, &managed.dl_tensor));
  managed.dl_tensor.ndim = tensor.rank();
  managed.dl_tensor.shape = exported->shape.data();
  managed.dl_tensor.strides = exported->strides.data();
  const bool is_read_only = IsReadOnly(tensor.storage());
  if constexpr (kIsVersioned<Managed>) {
    managed.version = {kDLPackMajor, kDLPackMinor};
    managed.flags = is_read_only ? kDLPackReadOnly : 0;
  } else if (is_read_only) {
    return absl::InvalidArgumentError(
        "the tensor is read-only, which DLPack before 1.0 cannot say; use "
        "ferry_tensor_to_dlpack");
  }
  managed.deleter = &Exported<Managed>::Delete;
  managed.manager_ctx = exported.get();
  return &exported.release()->managed;
}

template <typename Managed>
int32_t ToDLPack(const ferry_tensor* tensor, Managed** out,
                 ferry_error** error) noexcept {
  return Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(CheckHandle(tensor, "tensor"));
    FERRY_RETURN_IF_ERROR(CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(*out, Export<Managed>(tensor->tensor));
    return absl::OkStatus();
  });
}

// --- In ----------------------------------------------------------------------

absl::Status CheckVersion(const DLManagedTensorVersioned& managed) {
  if (managed.version.major != kDLPackMajor) {
    return absl::UnimplementedError(absl::StrCat(
        "the tensor is of DLPack ", managed.version.major, ".",
        managed.version.minor, "; Ferry reads version ", kDLPackMajor));
  }
  return CheckFlags(managed.flags, kDLPackReadOnly | kDLPackIsCopied);
}

absl::StatusOr<Tensor> Import(const DLTensor& from, bool is_read_only,
                              std::shared_ptr<void> owner) {
  FERRY_ASSIGN_OR_RETURN(const DType dtype, DTypeOf(from.dtype));
  if (from.ndim < 0 || from.ndim > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tensor has ", from.ndim, " dimensions"));
  }
  const auto rank = static_cast<uint64_t>(from.ndim);
  FERRY_RETURN_IF_ERROR(CheckArray(from.shape, rank, "shape"));
  const absl::Span<const int64_t> shape(from.shape, rank);
  FERRY_RETURN_IF_ERROR(NumElements(shape).status());
  const Dimensions row_major = ContiguousStrides(shape);
  const absl::Span<const int64_t> strides =
      from.strides == nullptr ? absl::MakeConstSpan(row_major)
                              : absl::MakeConstSpan(from.strides, rank);
  FERRY_ASSIGN_OR_RETURN(const uint64_t size_bytes,
                         ViewSizeBytes(dtype, shape, strides, /*offset=*/0));
  FERRY_RETURN_IF_ERROR(
      CheckArray(from.data, size_bytes, /*item_bytes=*/1, "data"));
  char* const data = static_cast<char*>(from.data);
  const bool is_host = from.device.device_type == kDLPackCpu ||
                       from.device.device_type == kDLPackCudaHost ||
                       from.device.device_type == kDLPackRocmHost;
  if (is_host) {
    char* const first = data == nullptr ? nullptr : data + from.byte_offset;
    if (is_read_only) owner = ReadOnlyOwner(first, std::move(owner));
    return WrapMemory(Memory{first, std::move(owner)}, size_bytes, dtype, shape,
                      strides);
  }
  const bool is_cuda = from.device.device_type == kDLPackCuda;
  if (!is_cuda && from.device.device_type != kDLPackOpenCl) {
    return absl::UnimplementedError(
        absl::StrCat("Ferry has no device for DLPack's device type ",
                     from.device.device_type));
  }
  const uint64_t unit_bytes = ElementSizeBytes(dtype);
  if (from.byte_offset % unit_bytes != 0 || from.device.device_id < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the offset ", from.byte_offset, " or the device index ",
                     from.device.device_id, " is not valid"));
  }
  if (is_read_only) owner = ReadOnlyOwner(data, std::move(owner));
  FERRY_ASSIGN_OR_RETURN(
      Storage storage,
      StorageFromPluginHandle(
          DeviceRegistry::Default().Snapshot(),
          Device(is_cuda ? "cuda" : "opencl", from.device.device_id),
          reinterpret_cast<uintptr_t>(data), from.byte_offset + size_bytes,
          std::move(owner)));
  return Tensor::Create(std::move(storage), dtype, shape, strides,
                        static_cast<int64_t>(from.byte_offset / unit_bytes));
}

template <typename Managed>
void Release(void* managed) {
  auto* const self = static_cast<Managed*>(managed);
  if (self->deleter != nullptr) self->deleter(self);
}

template <typename Managed>
int32_t FromDLPack(Managed* managed, ferry_tensor** out,
                   ferry_error** error) noexcept {
  return Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(CheckNotNull(managed, "managed"));
    FERRY_RETURN_IF_ERROR(CheckNotNull(out, "out"));
    bool is_read_only = false;
    if constexpr (kIsVersioned<Managed>) {
      FERRY_RETURN_IF_ERROR(CheckVersion(*managed));
      is_read_only = (managed->flags & kDLPackReadOnly) != 0;
    }
    const auto owner = std::make_shared<ReleaseLater>();
    FERRY_ASSIGN_OR_RETURN(Tensor tensor,
                           Import(managed->dl_tensor, is_read_only, owner));
    SetHandle(out, std::move(tensor));
    owner->Arm(&Release<Managed>, managed);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace capi
}  // namespace v1
}  // namespace ferry

namespace capi = ferry::capi;

int32_t ferry_tensor_to_dlpack(const ferry_tensor* tensor,
                               DLManagedTensorVersioned** out,
                               ferry_error** error) noexcept {
  return capi::ToDLPack(tensor, out, error);
}

int32_t ferry_tensor_to_dlpack_unversioned(const ferry_tensor* tensor,
                                           DLManagedTensor** out,
                                           ferry_error** error) noexcept {
  return capi::ToDLPack(tensor, out, error);
}

int32_t ferry_tensor_from_dlpack(DLManagedTensorVersioned* managed,
                                 ferry_tensor** out,
                                 ferry_error** error) noexcept {
  return capi::FromDLPack(managed, out, error);
}

int32_t ferry_tensor_from_dlpack_unversioned(DLManagedTensor* managed,
                                             ferry_tensor** out,
                                             ferry_error** error) noexcept {
  return capi::FromDLPack(managed, out, error);
}
