// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/persistent_ids.h
// -----------------------------------------------------------------------------
//
// What stands for a storage in the pickle of each container.
#ifndef FERRY_SERIALIZATION_TORCH_PERSISTENT_IDS_H_
#define FERRY_SERIALIZATION_TORCH_PERSISTENT_IDS_H_

namespace ferry {
namespace torch_format {

enum class PersistentIds {
  // ("storage", type, key, location, size): zip archives.
  kArchive,
  // The same, then None, or (key, offset, size) of a part of that storage; and,
  // where it is met first, ("module", class, source file, source) for the class
  // of a module: legacy streams.
  kStream,
  // TorchScript archives have the ids of kArchive, to which PyTorch 1.3 added
  // None as a sixth part. Read, not written.
  kProgram,
  // The number of a tensor or a storage, and (class, source file, source): tar.
  // Read, not written.
  kNumbers,
};

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_PERSISTENT_IDS_H_
