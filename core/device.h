// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/device.h
// -----------------------------------------------------------------------------
//
// The name of a device: a type and, optionally, an index.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(Device device, Device::Parse("cuda:1"));
//   device.type();      // "cuda"
//   device.index();     // 1
//   device.ToString();  // "cuda:1"
#ifndef FERRY_CORE_DEVICE_H_
#define FERRY_CORE_DEVICE_H_

#include <cstring>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Device
//
// A name only: a `Device` need not exist on this machine. A device without an
// index is the current or only device of its type.
//
// Thread-safety: a value type; immutable except for assignment.
class Device {
 public:
  static constexpr int kNoIndex = -1;

  // The CPU.
  Device() : type_("cpu") {}

  // `type` must be a valid type name (see `IsValidType`), `index` kNoIndex or
  // not negative; use `Parse` for text from outside.
  explicit Device(absl::string_view type, int index = kNoIndex)
      : type_(type), index_(index) {}

  // Parses "type" or "type:index".
  //
  // Errors:
  //   kInvalidArgument - the type is not valid (see `IsValidType`), or the
  //                      index is not a plain decimal number below 2^15.
  static absl::StatusOr<Device> Parse(absl::string_view text);

  // Returns whether `type` can name a device type: a letter or '_', then
  // letters, digits and '_'; at most 64 characters in all.
  static bool IsValidType(absl::string_view type);

  const std::string& type() const { return type_; }
  int index() const { return index_; }
  bool has_index() const { return index_ != kNoIndex; }

  // Whether the device's memory is host memory of this process.
  bool is_cpu() const {
    // Inline, because every access to elements asks.
    return type_.size() == 3 && std::memcmp(type_.data(), "cpu", 3) == 0;
  }

  // Returns "cuda:1", or "cuda" without an index.
  std::string ToString() const;

  friend bool operator==(const Device& a, const Device& b) {
    return a.index_ == b.index_ && a.type_ == b.type_;
  }
  friend bool operator!=(const Device& a, const Device& b) { return !(a == b); }
  template <typename H>
  friend H AbslHashValue(H hash, const Device& device) {
    return H::combine(std::move(hash), device.type_, device.index_);
  }

 private:
  std::string type_;
  int index_ = kNoIndex;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_DEVICE_H_
