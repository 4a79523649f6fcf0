// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/inspect.h
// -----------------------------------------------------------------------------
//
// `ferry inspect`: shows the contents of a checkpoint without reading tensor
// data. The JSON that it writes is a contract: docs and other programs rely on
// its fields.
#ifndef FERRY_TOOLS_FERRY_INSPECT_H_
#define FERRY_TOOLS_FERRY_INSPECT_H_

#include "CLI/CLI.hpp"
#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Adds the subcommand. `io` and `exit_code` must outlive `app`; when the
// command has run, `exit_code` says how it ended.
void AddInspect(CLI::App* app, const CommandIo& io, int* exit_code);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_INSPECT_H_
