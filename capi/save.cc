// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/save.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/capi/handle.h"
#include "ferry/capi/options.h"
#include "ferry/core/status_macros.h"
#include "ferry/ferry.h"
#include "ferry/io/atomic_file.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/save_options.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

absl::StatusOr<Container> ParseContainer(absl::string_view name) {
  for (const Container container :
       {Container::kZip, Container::kLegacy, Container::kSafetensors}) {
    if (name == Name(container)) return container;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("Ferry cannot write the container \"", name,
                   "\"; it can write zip, legacy and safetensors"));
}

// Returns kInvalidArgument for a codec that is not registered. A save would
// return kNotFound, which in ferry.h means that there is no such folder.
absl::Status CheckCodec(absl::string_view name) {
  if (name.empty()) return absl::OkStatus();
  const CodecSnapshot codecs = CodecRegistry::Default().Snapshot();
  const absl::Status status = codecs.FindByName(name).status();
  return status.ok() ? status : absl::InvalidArgumentError(status.message());
}

absl::StatusOr<SaveOptions> ReadSaveOptions(const ferry_save_options* from) {
  FERRY_ASSIGN_OR_RETURN(const ferry_save_options fields,
                         ReadStruct(from, "options"));
  FERRY_RETURN_IF_ERROR(CheckFlags(fields.flags, FERRY_SAVE_SKIP_CHECKSUMS |
                                                     FERRY_SAVE_NOT_DURABLE |
                                                     FERRY_SAVE_COPY_SHARED));
  SaveOptions options;
  options.compute_crc32 = (fields.flags & FERRY_SAVE_SKIP_CHECKSUMS) == 0;
  if (fields.flags & FERRY_SAVE_NOT_DURABLE) {
    options.durability = Durability::kNone;
  }
  options.copy_shared = (fields.flags & FERRY_SAVE_COPY_SHARED) != 0;
  if (fields.container != nullptr) {
    FERRY_ASSIGN_OR_RETURN(options.container, ParseContainer(fields.container));
  }
  if (fields.codec != nullptr) {
    FERRY_RETURN_IF_ERROR(CheckCodec(fields.codec));
    options.codec = fields.codec;
  }
  FERRY_RETURN_IF_ERROR(CheckArray(fields.metadata, fields.metadata_count,
                                   /*item_bytes=*/2 * sizeof(*fields.metadata),
                                   "metadata"));
  for (uint64_t i = 0; i < fields.metadata_count; ++i) {
    const char* const name = fields.metadata[2 * i];
    const char* const text = fields.metadata[2 * i + 1];
    FERRY_RETURN_IF_ERROR(CheckNotNull(name, "metadata"));
    FERRY_RETURN_IF_ERROR(CheckNotNull(text, "metadata"));
    options.metadata.emplace_back(name, text);
  }
  FERRY_ASSIGN_OR_RETURN(options.budget, ReadLimits(fields.limits));
  FERRY_RETURN_IF_ERROR(ReadControl(fields.control, &options));
  return options;
}

}  // namespace
}  // namespace capi
}  // namespace v1
}  // namespace ferry

namespace capi = ferry::capi;

int32_t ferry_save(const ferry_value* value, const char* path,
                   const ferry_save_options* options,
                   ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(path, "path"));
    FERRY_ASSIGN_OR_RETURN(const ferry::SaveOptions read,
                           capi::ReadSaveOptions(options));
    return ferry::Save(value->value, path, read);
  });
}
