// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/checkpoint_mutator.h
// -----------------------------------------------------------------------------
//
// Changes checkpoints for fuzz tests. Bytes that are changed blindly nearly
// always break the structure of a zip archive or a pickle, and then no fuzzer
// sees what lies behind the first check. So records are changed as they were
// before they were stored, and pickles opcode by opcode.
//
// Example: the same checkpoint, with a few other opcodes.
//
//   std::string other = MutateCheckpoint(bytes, /*seed=*/7, flip_a_bit);
#ifndef FERRY_SERIALIZATION_TESTING_CHECKPOINT_MUTATOR_H_
#define FERRY_SERIALIZATION_TESTING_CHECKPOINT_MUTATOR_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns bytes that differ a little from the argument.
using MutateBytes = absl::FunctionRef<std::string(absl::string_view)>;

// Returns a changed checkpoint, which depends on the arguments alone.
//
// Changes one record of a zip archive, and writes the archive anew with the
// right sizes and checksums. Changes one of the pickles that a record or a
// legacy stream begins with: removes, repeats, inserts and replaces opcodes,
// which keep operands of their form. Changes all other contents, and most text,
// with `mutate_bytes`; puts text that has a meaning somewhere ("~", an escape
// sequence) into the rest. O(size of the checkpoint).
std::string MutateCheckpoint(absl::string_view checkpoint, uint32_t seed,
                             MutateBytes mutate_bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_CHECKPOINT_MUTATOR_H_
