// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/range_option.h
// -----------------------------------------------------------------------------
//
// `--range`: selects the bytes of the file that are the checkpoint, and
// describes bytes that follow it.
//
// Example: read the first of two archives, which ends at byte 1234.
//
//   ferry inspect --range=0:1234 two.pt
#ifndef FERRY_TOOLS_FERRY_RANGE_OPTION_H_
#define FERRY_TOOLS_FERRY_RANGE_OPTION_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "ferry/serialization/load_options.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Adds the option, which sets `*offset_bytes` and `*size_bytes`. Both must
// outlive the command line.
void AddRangeOption(CLI::App* command, uint64_t* offset_bytes,
                    uint64_t* size_bytes);

// Returns a message that `trailing_bytes` bytes follow the checkpoint, which
// was read with `load_options` and ends `end_offset_bytes` after its beginning.
// Empty if there are none.
std::string DescribeTrailingBytes(const LoadOptions& load_options,
                                  uint64_t end_offset_bytes,
                                  uint64_t trailing_bytes);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_RANGE_OPTION_H_
