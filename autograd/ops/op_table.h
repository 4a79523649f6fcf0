// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/op_table.h
// -----------------------------------------------------------------------------
//
// The table of all ops, from which the tests and docs/ops.md are made.
//
// Example: print the names.
//
//   for (absl::Span<const Op* const> group : AllOps()) {
//     for (const Op* op : group) std::cout << op->name << "\n";
//   }
#ifndef FERRY_AUTOGRAD_OPS_OP_TABLE_H_
#define FERRY_AUTOGRAD_OPS_OP_TABLE_H_

#include <vector>

#include "absl/types/span.h"
#include "ferry/autograd/ops/op.h"

namespace ferry {
inline namespace v1 {

// Returns the ops, one span for each file of autograd/ops/ that has some.
// Thread-safe.
std::vector<absl::Span<const Op* const>> AllOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_OP_TABLE_H_
