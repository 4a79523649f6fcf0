// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/device.h
// -----------------------------------------------------------------------------
//
// The name of a device: a type and, where it matters, an index.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(Device device, Device::Parse("cuda:1"));
//   device.type();      // "cuda"
//   device.index();     // 1
//   device.ToString();  // "cuda:1"
#ifndef FERRY_CORE_DEVICE_H_
#define FERRY_CORE_DEVICE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ferry {

// Device
//
// A name only: that a `Device` can be spelt does not mean that it is there.
// Without an index it means the type's current or only device.
//
// Thread-safety: a value; immutable but for assignment.
class Device {
 public:
  static constexpr int kNoIndex = -1;

  // The CPU.
  Device() : type_("cpu") {}

  // `type` must be a valid type name (see `IsValidType`), `index` kNoIndex or
  // not negative; use `Parse` for text from outside.
  explicit Device(absl::string_view type, int index = kNoIndex)
      : type_(type), index_(index) {}

  // Reads "type" or "type:index".
  //
  // Errors:
  //   kInvalidArgument - empty, a type with other characters than letters,
  //                      digits and '_' or that starts with a digit, an index
  //                      that is not a plain decimal number below 2^15.
  static absl::StatusOr<Device> Parse(absl::string_view text);

  // Whether `type` can name a device type: a letter or '_', then letters,
  // digits and '_'; at most 64 characters.
  static bool IsValidType(absl::string_view type);

  const std::string& type() const { return type_; }
  int index() const { return index_; }
  bool has_index() const { return index_ != kNoIndex; }

  // Whether its memory is the process's own.
  bool is_cpu() const { return type_ == "cpu"; }

  // "cuda:1", or "cuda" without an index.
  std::string ToString() const;

  friend bool operator==(const Device& a, const Device& b) {
    return a.index_ == b.index_ && a.type_ == b.type_;
  }
  friend bool operator!=(const Device& a, const Device& b) { return !(a == b); }

 private:
  std::string type_;
  int index_ = kNoIndex;
};

}  // namespace ferry

#endif  // FERRY_CORE_DEVICE_H_
