// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/persistent_ids.h
// -----------------------------------------------------------------------------
//
// The form of the persistent ids that refer to storages in the pickle of each
// container.
#ifndef FERRY_SERIALIZATION_TORCH_PERSISTENT_IDS_H_
#define FERRY_SERIALIZATION_TORCH_PERSISTENT_IDS_H_

namespace ferry {
inline namespace v1 {
namespace torch {

enum class PersistentIds {
  // ("storage", type, key, location, size): zip archives.
  kArchive,
  // Legacy streams: the tuple above, followed by None, or by (key, offset,
  // size) for a part of that storage. Also ("module", class, source file,
  // source) at the first occurrence of the class of a module.
  kStream,
  // TorchScript archives: the ids of kArchive, to which PyTorch 1.3 added None
  // as a sixth element. Can be read, not written.
  kProgram,
  // Tar archives: the number of a tensor or a storage, and (class, source file,
  // source). Can be read, not written.
  kNumbers,
};

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_PERSISTENT_IDS_H_
