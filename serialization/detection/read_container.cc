// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/detection/read_container.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/detection/foreign_archive.h"
#include "ferry/serialization/detection/foreign_file.h"
#include "ferry/serialization/pickle/pickle_stream.h"
#include "ferry/serialization/safetensors/safetensors_reader.h"
#include "ferry/serialization/torch/pickle_container.h"
#include "ferry/serialization/torch/tar_container.h"
#include "ferry/serialization/torch/tar_directory.h"
#include "ferry/serialization/torch/zip_container.h"
#include "ferry/serialization/zip/concatenated_archives.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kHeadBytes = 512;

absl::Status PickleTooError(const RandomAccessFile& file,
                            absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(file.name(), " is ", what,
                   " and a pickle at once: PyTorch may read it as a pickle, "
                   "which may run code. No program that writes ",
                   what, " makes such a file; do not trust it"));
}

// PyTorch reads any file that is not a zip archive as a pickle, and runs it.
// Returns an error if a file that Ferry reads as `what` would get so far there.
absl::Status CheckIsNoPickle(const RandomAccessFile& file,
                             const ContainerOptions& options,
                             absl::string_view what) {
  pickle::PickleStream stream(file, 0, file.size_bytes(), options.budget);
  FERRY_ASSIGN_OR_RETURN(
      const bool may_run,
      stream.MayLookUpGlobal(pickle::PersistentIds::kRefused));
  return may_run ? PickleTooError(file, what) : absl::OkStatus();
}

// Checks that `LoadOptions::codec` suits a file of the form `what`. All such
// files are written by the codec `only`, or have none if that is empty.
absl::Status CheckCodec(const RandomAccessFile& file,
                        const ContainerOptions& options, absl::string_view what,
                        absl::string_view only) {
  if (options.codec.empty() || options.codec == only) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      file.name(), " is ", what, ", which ",
      only.empty()
          ? "has no codec"
          : absl::StrCat("is always written by the codec \"", only, "\""),
      ", but LoadOptions::codec asks for \"", options.codec,
      "\". Leave the option empty to read the file"));
}

absl::StatusOr<ParsedCheckpoint> ReadZip(const RandomAccessFile& file,
                                         const ContainerOptions& options,
                                         const CodecSnapshot& codecs) {
  absl::StatusOr<ParsedCheckpoint> parsed =
      torch::ReadZipContainer(file, options, codecs);
  if (parsed.ok()) return parsed;
  FERRY_RETURN_IF_ERROR(zip::CheckArchiveBegins(file, options.offset_bytes));
  if (!absl::IsNotFound(parsed.status())) return parsed;
  return ExplainZip(file, options, parsed.status());
}

}  // namespace

absl::StatusOr<ParsedCheckpoint> ReadContainer(const RandomAccessFile& file,
                                               const ContainerOptions& options,
                                               const CodecSnapshot& codecs) {
  if (!options.codec.empty()) {
    FERRY_RETURN_IF_ERROR(codecs.FindByName(options.codec).status());
  }
  if (file.size_bytes() == 0) {
    return absl::DataLossError(absl::StrCat(file.name(), " is empty"));
  }
  char buffer[kHeadBytes];
  const uint64_t head_bytes = std::min(file.size_bytes(), kHeadBytes);
  FERRY_RETURN_IF_ERROR(file.ReadAt(0, absl::MakeSpan(buffer, head_bytes)));
  const absl::string_view head(buffer, head_bytes);
  // The order is PyTorch's: zip, tar, pickle.
  if (absl::StartsWith(head, "PK\x03\x04")) {
    if (torch::IsTar(head)) {
      return absl::DataLossError(absl::StrCat(
          file.name(),
          " is a zip archive and a tar archive at once: old versions of "
          "PyTorch read it as a tar archive. No program that writes "
          "checkpoints makes such a file; do not trust it"));
    }
    return ReadZip(file, options, codecs);
  }
  if (torch::IsTar(head)) {
    FERRY_RETURN_IF_ERROR(
        CheckCodec(file, options, "a tar archive", kPickleCodecName));
    // PyTorch looks for a tar archive only in a file that it opens by path.
    // From a stream it reads a pickle.
    FERRY_RETURN_IF_ERROR(CheckIsNoPickle(file, options, "a tar archive"));
    FERRY_ASSIGN_OR_RETURN(const bool is_pickle_too,
                           torch::IsPickleContainer(file, options));
    if (is_pickle_too) {
      return PickleTooError(file, "a tar archive");
    }
    absl::StatusOr<ParsedCheckpoint> parsed =
        torch::ReadTarContainer(file, options);
    if (!absl::IsNotFound(parsed.status())) return parsed;
    return ExplainTar(file, options, parsed.status());
  }
  if (safetensors::LooksLikeSafetensors(head)) {
    FERRY_RETURN_IF_ERROR(CheckCodec(file, options, "a safetensors file", ""));
    FERRY_RETURN_IF_ERROR(CheckIsNoPickle(file, options, "a safetensors file"));
    return safetensors::ReadSafetensors(file, options);
  }
  if (torch::HasTarMagic(head)) {
    FERRY_RETURN_IF_ERROR(
        CheckCodec(file, options, "a tar archive", kPickleCodecName));
    return torch::ReadTarContainer(file, options);
  }
  // An archive without records, which PyTorch does not take for one.
  if (absl::StartsWith(head, "PK\x05\x06")) {
    return ReadZip(file, options, codecs);
  }
  FERRY_RETURN_IF_ERROR(CheckSignature(file, head));
  FERRY_ASSIGN_OR_RETURN(const bool is_pickle,
                         torch::IsPickleContainer(file, options));
  if (is_pickle) {
    FERRY_RETURN_IF_ERROR(CheckCodec(
        file, options, "a legacy stream or a bare pickle", kPickleCodecName));
    return torch::ReadPickleContainer(file, options);
  }
  FERRY_RETURN_IF_ERROR(zip::CheckArchiveBegins(file, options.offset_bytes));
  return ExplainUnknownFile(file, head);
}

}  // namespace v1
}  // namespace ferry
