// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/cli.h
// -----------------------------------------------------------------------------
//
// The `ferry` command, as a function.
#ifndef FERRY_TOOLS_FERRY_CLI_H_
#define FERRY_TOOLS_FERRY_CLI_H_

#include <string>
#include <vector>

#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Runs `ferry` with the arguments that follow its name, and returns its exit
// code (tools/ferry/command.h).
int RunFerry(const std::vector<std::string>& arguments, const CommandIo& io);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_CLI_H_
