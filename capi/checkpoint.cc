// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/checkpoint.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/capi/handle.h"
#include "ferry/capi/options.h"
#include "ferry/capi/tensor.h"
#include "ferry/core/memory.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/ferry.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/transfer/map_location.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

absl::StatusOr<LoadOptions> ReadLoadOptions(const ferry_load_options* from) {
  FERRY_ASSIGN_OR_RETURN(const ferry_load_options fields,
                         ReadStruct(from, "options"));
  FERRY_RETURN_IF_ERROR(
      CheckFlags(fields.flags, FERRY_LOAD_STRICT | FERRY_LOAD_TO_HOST |
                                   FERRY_LOAD_MAP | FERRY_LOAD_SKIP_CHECKSUMS));
  LoadOptions options;
  if (fields.flags & FERRY_LOAD_STRICT) options.globals = Globals::kStrict;
  if (fields.flags & FERRY_LOAD_TO_HOST) options.placement = Placement::kHost;
  if (fields.flags & FERRY_LOAD_MAP) {
    options.mapping = FileMapping::kCopyOnWrite;
  }
  options.verify_crc32 = (fields.flags & FERRY_LOAD_SKIP_CHECKSUMS) == 0;
  if (fields.map_location != nullptr) {
    options.map_location = MapLocation::To(fields.map_location);
  }
  if (fields.dtype != nullptr) {
    FERRY_ASSIGN_OR_RETURN(options.dtype, ParseDType(fields.dtype));
  }
  if (fields.max_tensor_bytes != 0) {
    options.max_tensor_bytes = fields.max_tensor_bytes;
  }
  FERRY_ASSIGN_OR_RETURN(options.budget, ReadLimits(fields.limits));
  FERRY_RETURN_IF_ERROR(ReadControl(fields.control, &options));
  return options;
}

// Adds the storages of a tensor, which may have components, to `storages`.
void AppendStorages(const Tensor& tensor, std::vector<Storage>* storages) {
  if (!tensor.storage().is_null()) storages->push_back(tensor.storage());
  // Components have none of their own.
  for (const Tensor& component : tensor.components()) {
    if (!component.storage().is_null()) {
      storages->push_back(component.storage());
    }
  }
}

absl::StatusOr<Checkpoint::TensorDestination> MakeDestination(
    const Tensor& from, void* memory, uint64_t size_bytes) {
  const uint64_t needed = RowMajorSizeBytes(from);
  if (size_bytes != needed) {
    return absl::InvalidArgumentError(
        absl::StrCat("the elements take ", needed,
                     " bytes, and the memory has ", size_bytes));
  }
  FERRY_RETURN_IF_ERROR(
      CheckArray(memory, size_bytes, /*item_bytes=*/1, "memory"));
  FERRY_ASSIGN_OR_RETURN(
      Tensor to, WrapMemory(Memory{memory, nullptr}, size_bytes, from.dtype(),
                            from.shape(), ContiguousStrides(from.shape())));
  return Checkpoint::TensorDestination{from, std::move(to)};
}

// Appends the index of a tensor to the message of an error.
absl::Status AtIndex(const absl::Status& status, uint64_t index) {
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), " (tensor ", index, ")"));
}

absl::Status CheckTensors(const ferry_tensor* const* tensors, uint64_t count) {
  FERRY_RETURN_IF_ERROR(CheckArray(tensors, count, "tensors"));
  for (uint64_t i = 0; i < count; ++i) {
    const absl::Status status = CheckHandle(tensors[i], "tensors");
    if (!status.ok()) return AtIndex(status, i);
  }
  return absl::OkStatus();
}

// Reads the options, passes them to `open`, and makes a handle of the
// checkpoint that it returns.
template <typename Function>
int32_t Open(const ferry_load_options* options, ferry_checkpoint** out,
             ferry_error** error, Function&& open) noexcept {
  return Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(const LoadOptions read, ReadLoadOptions(options));
    FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint, open(read));
    SetHandle(out, std::move(checkpoint));
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace capi
}  // namespace v1
}  // namespace ferry

namespace capi = ferry::capi;

int32_t ferry_checkpoint_open(const char* path,
                              const ferry_load_options* options,
                              ferry_checkpoint** out,
                              ferry_error** error) noexcept {
  return capi::Open(
      options, out, error,
      [&](const ferry::LoadOptions& read) -> absl::StatusOr<ferry::Checkpoint> {
        FERRY_RETURN_IF_ERROR(capi::CheckNotNull(path, "path"));
        return ferry::Checkpoint::Open(path, read);
      });
}

int32_t ferry_checkpoint_open_memory(const void* bytes, uint64_t size_bytes,
                                     const ferry_load_options* options,
                                     ferry_checkpoint** out,
                                     ferry_error** error) noexcept {
  return capi::Open(
      options, out, error,
      [&](const ferry::LoadOptions& read) -> absl::StatusOr<ferry::Checkpoint> {
        FERRY_RETURN_IF_ERROR(
            capi::CheckArray(bytes, size_bytes, /*item_bytes=*/1, "bytes"));
        return ferry::Checkpoint::OpenMemory(
            absl::string_view(static_cast<const char*>(bytes), size_bytes),
            read);
      });
}

const char* ferry_checkpoint_container(
    const ferry_checkpoint* checkpoint) noexcept {
  // The names are literals.
  return capi::IsHandle(checkpoint)
             ? ferry::Name(checkpoint->checkpoint.info().container).data()
             : "";
}

uint64_t ferry_checkpoint_warning_count(
    const ferry_checkpoint* checkpoint) noexcept {
  return capi::IsHandle(checkpoint) ? checkpoint->checkpoint.warnings().size()
                                    : 0;
}

const char* ferry_checkpoint_warning(const ferry_checkpoint* checkpoint,
                                     uint64_t index) noexcept {
  if (index >= ferry_checkpoint_warning_count(checkpoint)) return "";
  return checkpoint->checkpoint.warnings()[index].c_str();
}

int32_t ferry_checkpoint_root(const ferry_checkpoint* checkpoint,
                              ferry_value** out, ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(checkpoint, "checkpoint"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(out, "out"));
    capi::SetHandle(out, checkpoint->checkpoint.root());
    return absl::OkStatus();
  });
}

int32_t ferry_checkpoint_load(ferry_checkpoint* checkpoint,
                              const ferry_tensor* const* tensors,
                              uint64_t count, ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(checkpoint, "checkpoint"));
    FERRY_RETURN_IF_ERROR(capi::CheckTensors(tensors, count));
    std::vector<ferry::Storage> storages;
    storages.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      capi::AppendStorages(tensors[i]->tensor, &storages);
    }
    return checkpoint->checkpoint.Load(storages);
  });
}

int32_t ferry_checkpoint_load_all(ferry_checkpoint* checkpoint,
                                  ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(checkpoint, "checkpoint"));
    return checkpoint->checkpoint.LoadAll();
  });
}

int32_t ferry_checkpoint_read(const ferry_checkpoint* checkpoint,
                              const ferry_tensor* const* tensors,
                              void* const* memory, const uint64_t* sizes_bytes,
                              uint64_t count, ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(checkpoint, "checkpoint"));
    FERRY_RETURN_IF_ERROR(capi::CheckTensors(tensors, count));
    FERRY_RETURN_IF_ERROR(capi::CheckArray(memory, count, "memory"));
    FERRY_RETURN_IF_ERROR(capi::CheckArray(sizes_bytes, count, "sizes_bytes"));
    std::vector<ferry::Checkpoint::TensorDestination> destinations;
    destinations.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      absl::StatusOr<ferry::Checkpoint::TensorDestination> destination =
          capi::MakeDestination(tensors[i]->tensor, memory[i], sizes_bytes[i]);
      if (!destination.ok()) return capi::AtIndex(destination.status(), i);
      destinations.push_back(*std::move(destination));
    }
    return checkpoint->checkpoint.ReadTensors(destinations);
  });
}

void ferry_checkpoint_free(ferry_checkpoint* checkpoint) noexcept {
  capi::Free(checkpoint);
}
