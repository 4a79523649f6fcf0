// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/copy.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/placement.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/transfer_stream.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::StatusOr<std::unique_ptr<TransferStream>> OpenStreamOf(
    Backend& backend, const Device& device) {
  return backend.OpenStream(device.has_index() ? device.index() : 0);
}

// The bytes that a copy moves between two questions whether it is cancelled.
constexpr uint64_t kPieceBytes = uint64_t{8} << 20;

absl::Status CheckCancelled(const std::function<bool()>& is_cancelled) {
  return is_cancelled && is_cancelled()
             ? absl::CancelledError("the copy was cancelled")
             : absl::OkStatus();
}

// Calls `copy` for all of `size_bytes`: for one piece after another if the copy
// may be cancelled, and else at once.
absl::Status CopyPieces(
    uint64_t size_bytes, const std::function<bool()>& is_cancelled,
    absl::FunctionRef<absl::Status(uint64_t offset_bytes, uint64_t size_bytes)>
        copy) {
  const uint64_t piece_bytes = is_cancelled ? kPieceBytes : size_bytes;
  for (uint64_t offset = 0; offset < size_bytes; offset += piece_bytes) {
    FERRY_RETURN_IF_ERROR(CheckCancelled(is_cancelled));
    FERRY_RETURN_IF_ERROR(
        copy(offset, std::min(piece_bytes, size_bytes - offset)));
  }
  return absl::OkStatus();
}

// Copies all bytes of `from`, which is not empty, between devices that the host
// cannot reach. While `to` receives one piece, `from` sends the next: both use
// the buffers of `from`'s stream.
absl::Status CopyThroughStreams(Backend& from_backend, const Storage& from,
                                Backend& to_backend, const Storage& to,
                                const std::function<bool()>& is_cancelled) {
  const std::string from_name =
      absl::StrCat("copy of a storage on ", from.device().ToString());
  const std::string to_name =
      absl::StrCat("copy to a storage on ", to.device().ToString());
  FERRY_ASSIGN_OR_RETURN(const std::unique_ptr<TransferStream> source,
                         OpenStreamOf(from_backend, from.device()));
  // Declared last, so destroyed first: its transfers use buffers of `source`.
  FERRY_ASSIGN_OR_RETURN(const std::unique_ptr<TransferStream> target,
                         OpenStreamOf(to_backend, to.device()));
  const uint64_t size_bytes = from.size_bytes();
  const uint64_t piece_bytes =
      std::min(source->buffer_bytes(), target->buffer_bytes());
  const auto piece_at = [&](const Storage& storage, uint64_t offset_bytes,
                            absl::string_view name) {
    return TransferPiece{&storage.DeviceMemory(InternalKey()), offset_bytes, 0,
                         std::min(piece_bytes, size_bytes - offset_bytes),
                         name};
  };
  const auto hand_on = [&](const char* buffer, uint64_t offset_bytes) {
    FERRY_RETURN_IF_ERROR(source->Wait(buffer));
    return target->ToDevice(buffer, {piece_at(to, offset_bytes, to_name)});
  };
  const char* last = nullptr;  // the buffer of the piece before
  for (uint64_t offset = 0; offset < size_bytes; offset += piece_bytes) {
    FERRY_RETURN_IF_ERROR(CheckCancelled(is_cancelled));
    FERRY_ASSIGN_OR_RETURN(char* const buffer, source->NextBuffer());
    // The target may still be reading it.
    FERRY_RETURN_IF_ERROR(target->Wait(buffer));
    FERRY_RETURN_IF_ERROR(
        source->ToHost({piece_at(from, offset, from_name)}, buffer));
    if (last != nullptr) {
      FERRY_RETURN_IF_ERROR(hand_on(last, offset - piece_bytes));
    }
    last = buffer;
  }
  FERRY_RETURN_IF_ERROR(
      hand_on(last, (size_bytes - 1) / piece_bytes * piece_bytes));
  return target->Finish();
}

// Copies all bytes of `from`, a storage of a program's own package, to a device
// that the host cannot reach. While the device receives one piece, the package
// copies the next.
absl::Status CopyFromPackage(const StorageCopier& copier, const Storage& from,
                             Backend& to_backend, const Storage& to,
                             const std::function<bool()>& is_cancelled) {
  const std::string name =
      absl::StrCat("copy to a storage on ", to.device().ToString());
  FERRY_ASSIGN_OR_RETURN(const std::unique_ptr<TransferStream> target,
                         OpenStreamOf(to_backend, to.device()));
  for (uint64_t offset = 0; offset < from.size_bytes();) {
    const uint64_t piece_bytes =
        std::min(target->buffer_bytes(), from.size_bytes() - offset);
    FERRY_RETURN_IF_ERROR(CheckCancelled(is_cancelled));
    FERRY_ASSIGN_OR_RETURN(char* const buffer, target->NextBuffer());
    FERRY_RETURN_IF_ERROR(
        CopyToHost(copier, from, offset, buffer, piece_bytes));
    FERRY_RETURN_IF_ERROR(target->ToDevice(
        buffer, {TransferPiece{&to.DeviceMemory(InternalKey()), offset, 0,
                               piece_bytes, name}}));
    offset += piece_bytes;
  }
  return target->Finish();
}

// Copies all bytes of `from`, which is not empty, between devices of one
// backend. kUnimplemented: the backend cannot do so, and nothing was copied.
absl::Status CopyOnBackend(Backend& backend, const Storage& from,
                           const Storage& to,
                           const std::function<bool()>& is_cancelled) {
  const absl::Status status = CopyPieces(
      from.size_bytes(), is_cancelled, [&](uint64_t offset, uint64_t size) {
        return backend.CopyBetween(from.DeviceMemory(InternalKey()), offset,
                                   to.DeviceMemory(InternalKey()), offset,
                                   size);
      });
  if (status.ok() || absl::IsCancelled(status)) return status;
  return TransferError(
      status, absl::StrCat("copy of a storage on ", from.device().ToString(),
                           " to ", to.device().ToString()));
}

// Copies a storage that is not in host memory to a device that the host cannot
// reach: without host memory if one backend can do so.
absl::Status CopyBetweenDevices(const StorageCopier& copier,
                                const Storage& from, Backend& to_backend,
                                const Storage& to,
                                const std::function<bool()>& is_cancelled) {
  const uint64_t size_bytes = from.size_bytes();
  if (copier.backend == &to_backend) {
    const absl::Status status =
        CopyOnBackend(to_backend, from, to, is_cancelled);
    if (!absl::IsUnimplemented(status)) return status;
  }
  if (size_bytes > kBlockingBufferBytes) {
    return copier.backend != nullptr
               ? CopyThroughStreams(*copier.backend, from, to_backend, to,
                                    is_cancelled)
               : CopyFromPackage(copier, from, to_backend, to, is_cancelled);
  }
  // For so few bytes, opening streams costs more than overlapping saves.
  FERRY_ASSIGN_OR_RETURN(const Memory staging, AllocateHostBuffer(size_bytes));
  FERRY_RETURN_IF_ERROR(CopyToHost(copier, from, 0, staging.data, size_bytes));
  return to_backend.CopyFromHost(staging.data, to.memory(), 0, size_bytes);
}

}  // namespace

absl::StatusOr<Storage> CopyStorage(const DeviceSnapshot& devices,
                                    const Storage& from, const Device& to,
                                    const std::function<bool()>& is_cancelled) {
  FERRY_RETURN_IF_ERROR(CheckRange(from, 0, 0));
  const std::shared_ptr<Backend> to_backend = devices.FindBackend(to.type());
  if (to_backend == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("no backend of type \"", to.type(),
                     "\" is registered, so nothing can be copied to ",
                     to.ToString(), "; ", devices.DescribeTypes(),
                     ". To give a storage to a package of your own, call "
                     "DeviceSnapshot::RestoreLocation"));
  }
  FERRY_ASSIGN_OR_RETURN(
      const int index,
      CheckDeviceIndex(*to_backend, to.index(),
                       absl::StrCat("copy to ", to.ToString())));
  StorageCopier copier;  // not needed where no byte is copied
  if (to_backend->has_bytes()) {
    FERRY_ASSIGN_OR_RETURN(copier,
                           devices.FindCopier(from, 0, from.size_bytes()));
  }
  FERRY_ASSIGN_OR_RETURN(Storage copy,
                         AllocateOn(*to_backend, index, from.size_bytes()));
  if (!to_backend->has_bytes() || from.size_bytes() == 0) return copy;
  if (copier.backend != nullptr && copier.backend->is_host_memory()) {
    FERRY_RETURN_IF_ERROR(CopyPieces(
        from.size_bytes(), is_cancelled, [&](uint64_t offset, uint64_t size) {
          return to_backend->CopyFromHost(
              static_cast<const char*>(from.data()) + offset, copy.memory(),
              offset, size);
        }));
  } else if (to_backend->is_host_memory()) {
    FERRY_RETURN_IF_ERROR(CopyPieces(
        from.size_bytes(), is_cancelled, [&](uint64_t offset, uint64_t size) {
          return CopyToHost(copier, from, offset,
                            static_cast<char*>(copy.data()) + offset, size);
        }));
  } else {
    FERRY_RETURN_IF_ERROR(
        CopyBetweenDevices(copier, from, *to_backend, copy, is_cancelled));
  }
  return copy;
}

}  // namespace v1
}  // namespace ferry
