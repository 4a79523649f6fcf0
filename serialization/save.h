// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/save.h
// -----------------------------------------------------------------------------
//
// `Save`: PyTorch's torch.save.
//
// Example: a state_dict for torch.load(..., weights_only=True).
//
//   Value state = Value::OrderedDict();
//   FERRY_RETURN_IF_ERROR(state.Set("fc.weight", Value(weight)));
//   FERRY_RETURN_IF_ERROR(Save(state, "model.pt"));
#ifndef FERRY_SERIALIZATION_SAVE_H_
#define FERRY_SERIALIZATION_SAVE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/save_options.h"
#include "ferry/value/value.h"

namespace ferry {

// Writes `value` and all that it refers to, each storage once, to a file, whole
// or not at all: `path` is the old file or the new one at any moment (see
// `AtomicFile`). Takes memory for the pickle and a few MiB; writes in parallel.
//
// The value must not change meanwhile.
//
// Errors (one about a part of the value has a JSON Pointer to that part):
//   kInvalidArgument   - an option is out of range or does not fit the
//                        container; `path` has the suffix of another format,
//                        such as "model.onnx", by which other programs choose
//                        how to read it; a
//                        storage has no bytes, or is used as two dtypes; or no
//                        reader would take the file: text is not UTF-8, the
//                        name of a class is not a name, a tensor has a flag
//                        that its dtype cannot have, the parts of a sparse
//                        tensor do not fit together, or the arguments of a call
//                        that rebuilds a tensor are malformed. (Whether Python
//                        takes the arguments of any other call is not checked.)
//   kUnimplemented     - what the codec, the pickle protocol or the container
//                        cannot express.
//   kNotFound          - no codec of the name in `SaveOptions::codec` is
//                        registered; the message lists those that are.
//   kNotFound, kPermissionDenied, kResourceExhausted, kUnavailable - of the
//                        file; a full disk is kResourceExhausted.
//   kUnavailable       - also: a storage is on a device, and neither a backend
//                        nor a program's own package can copy it to the host
//                        (devices/device_registry.h).
//   kCancelled         - as `SaveOptions::is_cancelled` asked.
//   whatever the backend or the package that copies a storage returns.
absl::Status Save(const Value& value, absl::string_view path,
                  const SaveOptions& options = SaveOptions());

// The same to a sink, in order; it is flushed at the end. After a failure the
// sink has had a part of the file.
absl::Status Save(const Value& value, ByteSink& sink,
                  const SaveOptions& options = SaveOptions());

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAVE_H_
