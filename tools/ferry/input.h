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

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/scan/scan.h"
#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// The help text for an input file.
inline constexpr char kInputHelp[] =
    "\"-\" is standard input. Standard input, pipes and sockets are first\n"
    "copied to a temporary file in $TMPDIR, or in /tmp if TMPDIR is not set.";

// Returns whether an input must be copied because its bytes come only once.
bool IsStreamInput(const std::string& path);

// Opens a file, or the copy of a stream. Ignores the range in `options`.
//
// Errors: as `OpenForReading`, and
//   kCancelled         - `options.is_cancelled` returned true.
//   kResourceExhausted - the disk is full.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenInputBytes(
    const std::string& path, const LoadOptions& options, const CommandIo& io);

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

// As `OpenInput`. Also scans the same bytes, and sets `report`, even if the
// checkpoint does not open. Reads the beginning of each record, besides what
// `OpenInput` reads.
absl::StatusOr<Checkpoint> OpenAndScanInput(const std::string& path,
                                            const LoadOptions& options,
                                            const CommandIo& io,
                                            ScanReport* report);

// Returns about how much memory the objects of an open checkpoint take, in
// bytes. What the command does next has the rest of its budget
// (`BudgetOptions::held_memory_bytes`).
uint64_t HeldMemoryBytes(const Checkpoint& checkpoint);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_INPUT_H_
