// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/foreign_file.h
// -----------------------------------------------------------------------------
//
// Explains a file that is not a checkpoint: what it is, and what to do with it.
// Recognises files by their contents, never by their names.
//
// For zip and tar archives, see foreign_archive.h.
#ifndef FERRY_SERIALIZATION_DETECTION_FOREIGN_FILE_H_
#define FERRY_SERIALIZATION_DETECTION_FOREIGN_FILE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

// Returns an error that names the format of `file` if the file has the
// signature of a format that Ferry does not read, and OK otherwise. No
// checkpoint has such a signature: none of these begins with the opcodes of a
// pickle, with the magic number of an archive or with the length of a
// safetensors header. `head` is the first 512 bytes of the file, or all of it
// if it is shorter.
//
// Reads at most 64 KiB, and only if `head` matches a part of a signature.
//
// Errors:
//   kInvalidArgument - the file is of another format; `IsNotACheckpoint` is
//                      true.
//   kUnimplemented   - a format of PyTorch that is not supported.
absl::Status CheckSignature(const RandomAccessFile& file,
                            absl::string_view head);

// Returns an error that describes a file that no reader and no signature has
// recognised.
//
// Reads at most 64 KiB, or up to 16 MiB of the index of a sharded checkpoint.
//
// Errors:
//   kInvalidArgument - the file is text, a web page or an index;
//                      `IsNotACheckpoint` is true.
//   kDataLoss        - the file is a checkpoint whose beginning is damaged. Or
//                      it is of no known format; `IsNotACheckpoint` is then
//                      true.
absl::Status ExplainUnknownFile(const RandomAccessFile& file,
                                absl::string_view head);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_FOREIGN_FILE_H_
