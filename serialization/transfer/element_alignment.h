// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/element_alignment.h
// -----------------------------------------------------------------------------
//
// Which storages of a file can be used where the file is mapped: those whose
// elements are aligned there.
#ifndef FERRY_SERIALIZATION_TRANSFER_ELEMENT_ALIGNMENT_H_
#define FERRY_SERIALIZATION_TRANSFER_ELEMENT_ALIGNMENT_H_

#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {

// Sets `ParsedStorage::alignment_bytes` of each storage to the largest that its
// dtypes need: 2 for float16, 4 for float32 and complex64. Its dtypes are those
// of its tensors, its own if it is typed, and those of its views. A storage
// without any keeps the default.
//
// O(tensors and storages of the graph).
void SetElementAlignments(ParsedCheckpoint* parsed);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_ELEMENT_ALIGNMENT_H_
