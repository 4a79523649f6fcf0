// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/to_device.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/copy.h"

namespace ferry {
inline namespace v1 {
namespace {

bool IsOn(const Storage& storage, const Device& device) {
  if (storage.is_null() || !storage.has_data() ||
      storage.device().type() != device.type()) {
    return false;
  }
  const auto index = [](const Device& of) {
    return of.has_index() ? of.index() : 0;
  };
  return index(storage.device()) == index(device);
}

absl::StatusOr<Tensor> StridedTo(const Tensor& from, const Device& device,
                                 const DeviceSnapshot& devices,
                                 const std::function<bool()>& is_cancelled) {
  if (!from.components().empty()) {
    return absl::UnimplementedError(
        "cannot move a composite tensor whose components are composite "
        "tensors");
  }
  if (IsOn(from.storage(), device)) return from;
  FERRY_ASSIGN_OR_RETURN(Storage storage, CopyStorage(devices, from.storage(),
                                                      device, is_cancelled));
  return from.WithStorage(std::move(storage));
}

}  // namespace

absl::StatusOr<Storage> To(const Storage& from, const Device& device,
                           const DeviceSnapshot& devices,
                           const std::function<bool()>& is_cancelled) {
  if (IsOn(from, device)) return from;
  return CopyStorage(devices, from, device, is_cancelled);
}

absl::StatusOr<Tensor> To(const Tensor& from, const Device& device,
                          const DeviceSnapshot& devices,
                          const std::function<bool()>& is_cancelled) {
  if (from.is_null()) return absl::InvalidArgumentError("the tensor is null");
  if (from.components().empty())
    return StridedTo(from, device, devices, is_cancelled);
  std::vector<Tensor> components;
  bool is_there = true;
  for (const Tensor& component : from.components()) {
    FERRY_ASSIGN_OR_RETURN(Tensor moved,
                           StridedTo(component, device, devices, is_cancelled));
    is_there = is_there && moved.IsSame(component);
    components.push_back(std::move(moved));
  }
  if (is_there) return from;
  return Tensor::CreateComposite(from.layout(), from.dtype(), from.shape(),
                                 std::move(components));
}

}  // namespace v1
}  // namespace ferry
