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

// Sets `ParsedStorage::alignment_bytes` of each storage to what the dtypes need
// that the file uses it as: 2 for float16, 4 for float32 and complex64. A
// storage that no tensor uses, and that has no dtype of its own, keeps the
// default. A storage that others are views of needs what they need.
//
// O(tensors and storages of the graph).
void SetElementAlignments(ParsedCheckpoint* parsed);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_ELEMENT_ALIGNMENT_H_
