// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/cast_floats.h
// -----------------------------------------------------------------------------
//
// Casts the floating-point tensors of a checkpoint while it is loaded, which
// `LoadOptions::dtype` asks for.
#ifndef FERRY_SERIALIZATION_TRANSFER_CAST_FLOATS_H_
#define FERRY_SERIALIZATION_TRANSFER_CAST_FLOATS_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {

// Gives every strided floating-point tensor of `parsed` the dtype `dtype`,
// except those that are part of a sparse or quantised tensor. Such a tensor
// then has a storage of another size, still described, whose
// `ParsedStorage::cast` says how to load it. Tensors that shared a storage
// share its replacement. Reads no tensor data. O(nodes of the graph).
//
//   untyped  whether PyTorch keeps `dtype` in storages without a dtype.
//   file     the name of the checkpoint, for messages.
//
// Errors: kInvalidArgument - `dtype` is not a floating-point dtype, or a
//         storage to be cast is also used as another dtype or by a tensor that
//         is not cast. kUnimplemented - there is no such cast, or a tensor is
//         negated and `dtype` cannot be.
absl::Status CastFloats(DType dtype, bool untyped, absl::string_view file,
                        ParsedCheckpoint* parsed);

// Returns a function for `ExtentRead::consume`. It casts the bytes of an extent
// and writes the elements to where they belong in `memory`, the memory of the
// cast storage, which is on the device of `backend`, or on the host if that is
// null. The arguments other than `memory` must outlive the function.
//
// Its errors name the file and the record:
//   kUnimplemented - the piece begins or ends inside an element.
//   whatever the backend returns.
std::function<absl::Status(uint64_t offset_bytes, absl::string_view bytes)>
MakeCastConsumer(const ParsedCheckpoint::ParsedStorage::Cast& cast,
                 const RandomAccessFile& file, const Extent& extent,
                 Backend* backend, Memory memory);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_CAST_FLOATS_H_
