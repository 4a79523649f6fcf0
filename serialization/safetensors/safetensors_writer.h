// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/safetensors/safetensors_writer.h
// -----------------------------------------------------------------------------
//
// Writes a dict of tensors as a safetensors file, byte for byte as the format's
// library does. Tensors are sorted by dtype, largest first, and then by name.
#ifndef FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_WRITER_H_
#define FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_WRITER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ferry/core/budget.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {

struct WriteOptions {
  // The `__metadata__`, in this order. (The library writes it in hash order.)
  std::vector<std::pair<std::string, std::string>> metadata;
  // Whether to write each of several tensors that share memory in full.
  bool copy_shared = false;
  // The bytes of the file are charged to it before any is written.
  Budget* budget = Budget::Unlimited();
  // May be null. `progress` counts the tensors' bytes.
  const TransferControl* control = nullptr;
};

// Writes `value`, a dict of str to strided tensors, from the first byte of
// `output` on. Writes elements in row-major order, with conj and neg resolved.
// Reads storages through `devices`.
//
// Silently omits what the format cannot represent of tensors and of the dict:
// which tensors are parameters, which require a gradient, which were on a
// device, and attributes of the dict, such as `_metadata` of a state_dict.
// Anything else that does not fit the format is an error, whose message has its
// JSON Pointer.
//
// Errors:
//   kInvalidArgument   - not a dict, a key is not text, a value is not a tensor
//                        or has no bytes, or tensors share memory.
//   kUnimplemented     - the format does not have the layout or dtype.
//   kResourceExhausted - the header would exceed `kMaxHeaderBytes`, or the
//                        budget is spent.
//   kCancelled         - `is_cancelled` returned true.
//   whatever the output or a backend returns.
absl::Status WriteSafetensors(const Value& value, const DeviceSnapshot& devices,
                              const WriteOptions& options,
                              const Output& output);

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_WRITER_H_
