// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/zip_container.h
// -----------------------------------------------------------------------------
//
// Reads the zip archive that torch.save has written since 1.6 (and optionally
// since 1.4), as defined by torch/serialization.py and
// caffe2/serialize/inline_container.cc:
//
//   <prefix>/data.pkl          the object graph; "data.<suffix>" if another
//                              codec than pickle wrote it
//   <prefix>/data/<key>        the bytes of one storage
//   <prefix>/version           the version of the layout, 1 to 10
//   <prefix>/byteorder         "little" or "big"; before 2.1 absent, and then
//                              as `LoadOptions::fallback_byte_order`
//
// Also reads the archives with a program in addition to the data that
// torch.jit.save and C++'s torch::save write
// (torch/csrc/jit/serialization/export_module.cpp):
//
//   <prefix>/constants.pkl     the program's constants, a tuple
//   <prefix>/constants/<key>   the bytes of a storage of theirs
//   <prefix>/code/...          the program's text, which is never run
#ifndef FERRY_SERIALIZATION_TORCH_ZIP_CONTAINER_H_
#define FERRY_SERIALIZATION_TORCH_ZIP_CONTAINER_H_

#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// Reads the directory, the small records and the graph record. `file` must
// outlive the result.
//
// The graph record is named "data.<suffix>", with the suffix of the codec that
// wrote it, and is beside a record "version". Which record it is does not
// depend on whether `codecs` has that codec.
//
// Errors:
//   kNotFound          - the archive has no graph record; not returned for
//                        anything else.
//   kDataLoss          - damaged; the message has the file, the record and the
//                        offset. Or there are two graph records; the message
//                        has both.
//   kInvalidArgument   - a codec other than `options.codec` wrote the file.
//   kUnimplemented     - the file uses an unsupported feature, which the
//                        message names; or the codec that wrote the file is not
//                        among `codecs`.
//   kResourceExhausted - the budget is spent.
absl::StatusOr<ParsedCheckpoint> ReadZipContainer(
    const RandomAccessFile& file, const ContainerOptions& options,
    const CodecSnapshot& codecs);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_ZIP_CONTAINER_H_
