// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/foreign_file.h
// -----------------------------------------------------------------------------
//
// Says what a file is that is given to Ferry and is no checkpoint, and what to
// do with it. Files are known by their contents, never by their names.
//
// Zip and tar archives are the matter of foreign_archive.h.
#ifndef FERRY_SERIALIZATION_DETECTION_FOREIGN_FILE_H_
#define FERRY_SERIALIZATION_DETECTION_FOREIGN_FILE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"

namespace ferry {

// Returns an error that names the format if `file` has the signature of one
// that Ferry does not read, and OK if it has none. No checkpoint has such a
// signature: none begins with the opcodes of a pickle, with an archive's mark
// or with the length of a safetensors header. `head` is how the file begins;
// 512 bytes, or all that there are.
//
// Reads at most 64 KiB, and only of files that have a part of a signature.
//
// Errors:
//   kInvalidArgument - another format; `IsNotACheckpoint` is true.
//   kUnimplemented   - a format of PyTorch that is not supported.
absl::Status CheckSignature(const ReadableBytes& file, absl::string_view head);

// Returns an error that says what a file is that no reader and no signature has
// recognised.
//
// Reads at most 64 KiB; of the index of a sharded checkpoint, up to 16 MiB.
//
// Errors:
//   kInvalidArgument - text, a web page, an index; `IsNotACheckpoint` is true.
//   kDataLoss        - a checkpoint whose beginning is damaged; or a file that
//                      resembles nothing, and `IsNotACheckpoint` is true.
absl::Status ExplainUnknownFile(const ReadableBytes& file,
                                absl::string_view head);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_FOREIGN_FILE_H_
