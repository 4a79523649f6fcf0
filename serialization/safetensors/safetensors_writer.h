// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/safetensors/safetensors_writer.h
// -----------------------------------------------------------------------------
//
// Writes a dict of tensors as a safetensors file, byte for byte as the format's
// library does: tensors of larger numbers first, then by name.
#ifndef FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_WRITER_H_
#define FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_WRITER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "ferry/value/value.h"

namespace ferry {
namespace safetensors {

struct WriteOptions {
  // `__metadata__`, in this order. (The library's order is that of a hash.)
  std::vector<std::pair<std::string, std::string>> metadata;
  // Whether tensors that share memory are each written whole.
  bool copy_shared = false;
  // Null: nobody watches. `progress` counts the tensors' bytes.
  const TransferControl* control = nullptr;
};

// Writes `value`, a dict of str to strided tensors, from the first byte of
// `output` on. Elements are written row-major, conj and neg resolved.
// Storages are read through `devices`.
//
// What is not of the format goes unsaid: which tensors are parameters, require
// a gradient or were on a device, and attributes of the dict, such as the
// `_metadata` of a state_dict. All else that does not fit is an error that
// names its JSON Pointer.
//
// Errors:
//   kInvalidArgument   - not a dict, a key that is no text, a value that is no
//                        tensor, one without bytes, tensors that share memory.
//   kUnimplemented     - a layout or dtype that the format does not have.
//   kResourceExhausted - a header of more than `kMaxHeaderBytes`.
//   kCancelled         - as asked.
//   whatever the output or a backend returns.
absl::Status WriteSafetensors(const Value& value, const DeviceSnapshot& devices,
                              const WriteOptions& options,
                              const Output& output);

}  // namespace safetensors
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_SAFETENSORS_WRITER_H_
