// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/save.h
// -----------------------------------------------------------------------------
//
// `Save`, the counterpart of PyTorch's torch.save.
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
#include "ferry/io/atomic_file.h"
#include "ferry/io/file.h"
#include "ferry/serialization/save_options.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// Writes `value` and everything that it refers to, each storage once, to a
// file. The write is atomic: at any moment `path` is either the old file or the
// complete new one (see `AtomicFile`). Uses memory for the pickle and a few MiB
// more. Writes in parallel.
//
// The value must not change during the call.
//
// Errors (an error about a part of the value has a JSON Pointer to that part):
//   kInvalidArgument   - an option is out of range or does not fit the
//                        container; `path` has the suffix of another format,
//                        which would mislead programs; a storage has no bytes,
//                        or is used as two dtypes; or no reader would accept
//                        the file: text is not UTF-8, the name of a class is
//                        not valid, a tensor has a flag that its dtype cannot
//                        have, the components of a sparse tensor do not match,
//                        or the arguments of a call that rebuilds a tensor are
//                        malformed. (`Save` does not check whether Python
//                        accepts the arguments of any other call.)
//   kUnimplemented     - the codec, the pickle protocol or the container cannot
//                        express the value.
//   kNotFound          - no codec with the name in `SaveOptions::codec` is
//                        registered; the message lists those that are.
//   kNotFound, kPermissionDenied, kResourceExhausted, kUnavailable - the file
//                        cannot be written; a full disk is kResourceExhausted.
//   kUnavailable       - also: the file is written, but not known to be durable
//                        (`IsWrittenButNotDurable` in io/atomic_file.h); or a
//                        storage is on a device, and neither a backend nor a
//                        program's own package can copy it to the host
//                        (devices/device_registry.h).
//   kResourceExhausted - also: it takes more than `SaveOptions::budget`.
//   kCancelled         - `SaveOptions::is_cancelled` returned true.
//   whatever the backend or the package that copies a storage returns.
absl::Status Save(const Value& value, absl::string_view path,
                  const SaveOptions& options = SaveOptions());

// Writes `value` to a sink, from the first byte to the last, and flushes it at
// the end. After a failure the sink has received a part of the file.
absl::Status Save(const Value& value, ByteSink& sink,
                  const SaveOptions& options = SaveOptions());

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAVE_H_
