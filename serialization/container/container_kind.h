// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/container_kind.h
// -----------------------------------------------------------------------------
//
// The forms that a checkpoint's file can have.
#ifndef FERRY_SERIALIZATION_CONTAINER_CONTAINER_KIND_H_
#define FERRY_SERIALIZATION_CONTAINER_CONTAINER_KIND_H_

#include "absl/strings/string_view.h"

namespace ferry {

// How a file holds its records.
enum class Container {
  // An archive: PyTorch from 1.6 on.
  kZip,
  // Pickles one after another, then the storages: PyTorch 0.1.10 to 1.5, and
  // later ones with `_use_new_zipfile_serialization=False`.
  kLegacy,
  // An archive: PyTorch up to 0.1.9. Read, not written.
  kTar,
  // One pickle, as Python's own `pickle.dump` writes it. Read, not written.
  kBare,
  // A header in JSON, then tensors: what the safetensors library writes. There
  // is no pickle.
  kSafetensors,
};

// "zip", "legacy", "tar", "bare", "safetensors".
absl::string_view Name(Container container);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CONTAINER_KIND_H_
