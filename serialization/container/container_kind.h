// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/container_kind.h
// -----------------------------------------------------------------------------
//
// The containers that hold a checkpoint.
#ifndef FERRY_SERIALIZATION_CONTAINER_CONTAINER_KIND_H_
#define FERRY_SERIALIZATION_CONTAINER_CONTAINER_KIND_H_

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// The outer format of a file.
enum class Container {
  // A zip archive: PyTorch 1.6 and later.
  kZip,
  // A sequence of pickles, followed by the storages: PyTorch 0.1.10 to 1.5, and
  // later versions with `_use_new_zipfile_serialization=False`.
  kLegacy,
  // A tar archive: PyTorch up to 0.1.9. Can be read, not written.
  kTar,
  // A single pickle, as Python's `pickle.dump` writes it. Can be read, not
  // written.
  kBare,
  // A JSON header followed by tensors, as the safetensors library writes it. It
  // has no pickle.
  kSafetensors,
};

// Returns "zip", "legacy", "tar", "bare" or "safetensors".
absl::string_view Name(Container container);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CONTAINER_KIND_H_
