// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/load.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "ferry/core/out_of_memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::StatusOr<Value> ReadAll(absl::StatusOr<Checkpoint> checkpoint) {
  if (!checkpoint.ok()) return checkpoint.status();
  FERRY_RETURN_IF_ERROR(checkpoint->LoadAll());
  return checkpoint->root();
}

// May throw std::bad_alloc.
absl::StatusOr<Value> LoadSource(ByteSource& source,
                                 const LoadOptions& options) {
  FERRY_ASSIGN_OR_RETURN(const uint64_t start, source.Tell());
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> bytes,
                         OpenSource(&source));
  FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                         Checkpoint::Open(std::move(bytes), options));
  FERRY_RETURN_IF_ERROR(checkpoint.LoadAll());
  FERRY_RETURN_IF_ERROR(source.Seek(start + options.offset_bytes +
                                    checkpoint.end_offset_bytes()));
  return checkpoint.root();
}

}  // namespace

absl::StatusOr<Value> Load(absl::string_view path, const LoadOptions& options) {
  return ReadAll(Checkpoint::Open(path, options));
}

absl::StatusOr<Value> LoadMemory(absl::string_view bytes,
                                 const LoadOptions& options) {
  return ReadAll(Checkpoint::OpenMemory(bytes, options));
}

absl::StatusOr<Value> Load(ByteSource& source, const LoadOptions& options) {
  return CatchOutOfMemory([&] { return LoadSource(source, options); });
}

}  // namespace v1
}  // namespace ferry
