// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/plugin.h
// -----------------------------------------------------------------------------
//
// `ferry plugin check`: checks that a plugin follows the rules.
#ifndef FERRY_TOOLS_FERRY_PLUGIN_H_
#define FERRY_TOOLS_FERRY_PLUGIN_H_

#include "CLI/CLI.hpp"
#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Adds the subcommand. `io` and `exit_code` must outlive `app`; when the
// command has run, `exit_code` is its result.
void AddPlugin(CLI::App* app, const CommandIo& io, int* exit_code);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_PLUGIN_H_
