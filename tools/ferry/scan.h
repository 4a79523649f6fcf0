// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/scan.h
// -----------------------------------------------------------------------------
//
// `ferry scan`.
#ifndef FERRY_TOOLS_FERRY_SCAN_H_
#define FERRY_TOOLS_FERRY_SCAN_H_

#include "CLI/CLI.hpp"
#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Adds the command. `io` and `exit_code` must outlive it.
void AddScan(CLI::App* app, const CommandIo& io, int* exit_code);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_SCAN_H_
