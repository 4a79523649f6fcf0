// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/input.h
// -----------------------------------------------------------------------------
//
// Opens the checkpoints that commands read: files, and streams, which can be
// read only once. "-" is standard input.
//
//   FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint,
//                          OpenInput("-", options, io));
#ifndef FERRY_TOOLS_FERRY_INPUT_H_
#define FERRY_TOOLS_FERRY_INPUT_H_

#include <string>

#include "absl/status/statusor.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load_options.h"
#include "ferry/tools/ferry/command.h"

namespace ferry {
namespace cli {

// The help text for an input file.
inline constexpr char kInputHelp[] =
    "\"-\" is standard input. Standard input, pipes and sockets are first\n"
    "copied to a temporary file in $TMPDIR, or in /tmp if TMPDIR is not set.";

// As `Checkpoint::Open` and `Checkpoint::VerifyFile`, but also for streams.
//
// Errors: also kCancelled         - `options.is_cancelled` returned true.
//   kResourceExhausted - the disk is full.
absl::StatusOr<Checkpoint> OpenInput(const std::string& path,
                                     const LoadOptions& options,
                                     const CommandIo& io);
absl::StatusOr<Checkpoint::FileVerdict> VerifyInput(const std::string& path,
                                                    const LoadOptions& options,
                                                    const CommandIo& io);

}  // namespace cli
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_INPUT_H_
