// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/codec_registry.h
// -----------------------------------------------------------------------------
//
// Registers the codecs that a program can load and save with. A codec is what
// PyTorch calls `pickle_module`. A file must be read by the codec that wrote
// it, so the name of the file's graph record identifies the codec: "data.pkl"
// for pickle, "data.<suffix>" for any other.
//
// To add a codec, derive from `Codec` (serialization/container/codec.h);
// examples/json_codec.cc is a complete one.
//
//   FERRY_RETURN_IF_ERROR(
//       CodecRegistry::Default().Register(std::make_shared<JsonCodec>()));
//   SaveOptions options;
//   options.codec = "json";
//   FERRY_RETURN_IF_ERROR(Save(value, "model.pt", options));
//   FERRY_ASSIGN_OR_RETURN(Value again, Load("model.pt"));  // read as JSON
#ifndef FERRY_SERIALIZATION_CODEC_REGISTRY_H_
#define FERRY_SERIALIZATION_CODEC_REGISTRY_H_

#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/codec_snapshot.h"

namespace ferry {
inline namespace v1 {

// CodecRegistry
//
// Codecs can be added, but never removed or replaced.
//
// Thread-safety: all methods may be called from any number of threads. Reading
// and writing do not hold the registry's lock; `Register` holds it while it
// calls `name()` and `suffix()`.
class CodecRegistry {
 public:
  // Makes a registry that has the codec "pickle" (suffix "pkl"), as every
  // registry does.
  CodecRegistry();
  CodecRegistry(const CodecRegistry&) = delete;
  CodecRegistry& operator=(const CodecRegistry&) = delete;

  // Returns the registry of the process, which `Load` and `Save` use unless
  // their options name another. Never destroyed.
  static CodecRegistry& Default();

  // Adds a codec for the lifetime of the registry. Loads and saves that have
  // already begun do not use it.
  //
  // Errors:
  //   kInvalidArgument - null, or its name or its suffix is not a lower-case
  //                      letter followed by at most 31 lower-case letters,
  //                      digits and '_'.
  //   kAlreadyExists   - a codec of this name or of this suffix is registered.
  absl::Status Register(std::shared_ptr<const Codec> codec);

  // Returns the codecs that are registered now.
  CodecSnapshot Snapshot() const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_. The list is never changed, only replaced.
  std::shared_ptr<const CodecSnapshot::Codecs> codecs_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CODEC_REGISTRY_H_
