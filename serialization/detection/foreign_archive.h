// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/foreign_archive.h
// -----------------------------------------------------------------------------
//
// Says what a zip or tar archive or a folder is that is given to Ferry and is
// no checkpoint, what to do with it, and which checkpoints it holds. Archives
// and folders are known by the names of their files.
#ifndef FERRY_SERIALIZATION_DETECTION_FOREIGN_ARCHIVE_H_
#define FERRY_SERIALIZATION_DETECTION_FOREIGN_ARCHIVE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"

namespace ferry {

// Return an error that says what an archive is of which the reader of
// checkpoints has said that it lacks what makes it one. `missing` is what the
// reader said.
//
// They read the directory again, and of a zip archive the headers of the
// records that they list, eight at most.
//
// Errors:
//   kInvalidArgument - an archive of something else; `IsNotACheckpoint` is
//                      true.
//   kUnimplemented   - a format of PyTorch that is not supported.
//   kDataLoss        - other parts of a checkpoint are there; the message is
//                      that of `missing`.
absl::Status ExplainZip(const ReadableBytes& file,
                        const ContainerOptions& options,
                        const absl::Status& missing);
absl::Status ExplainTar(const ReadableBytes& file,
                        const ContainerOptions& options,
                        const absl::Status& missing);

// Returns an error that says what the folder at `path` holds, and OK if there
// is no folder at `path`. Looks at its first 4096 names, in no order.
//
// Errors: kInvalidArgument - a folder; `IsNotACheckpoint` is true.
absl::Status CheckIsNoFolder(absl::string_view path);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_FOREIGN_ARCHIVE_H_
