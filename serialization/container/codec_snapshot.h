// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/codec_snapshot.h
// -----------------------------------------------------------------------------
//
// The set of codecs from which a load or a save chooses.
#ifndef FERRY_SERIALIZATION_CONTAINER_CODEC_SNAPSHOT_H_
#define FERRY_SERIALIZATION_CONTAINER_CODEC_SNAPSHOT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/serialization/container/codec.h"

namespace ferry {
inline namespace v1 {

// Returns whether `text` can be the name or the suffix of a codec: a lower-case
// letter, then lower-case letters, digits and '_'. Capitals are not allowed
// because PyTorch ignores case in the names of records.
//
// It may be at most `kMaxCodecWordBytes` long.
inline constexpr size_t kMaxCodecWordBytes = 32;
bool IsCodecWord(absl::string_view text);

// CodecSnapshot
//
// The codecs of a registry at one moment. A load or a save takes one snapshot,
// so so codecs that are registered later do not affect it. Copies are cheap.
//
// Thread-safety: immutable.
class CodecSnapshot {
 public:
  using Codecs = std::vector<std::shared_ptr<const Codec>>;

  // `codecs` must not be null.
  explicit CodecSnapshot(std::shared_ptr<const Codecs> codecs)
      : codecs_(std::move(codecs)) {}

  // The codecs in the order of their registration.
  absl::Span<const std::shared_ptr<const Codec>> codecs() const {
    return *codecs_;
  }

  // Returns the codec with that name. It lives as long as the snapshot or any
  // copy.
  //
  // Errors: kNotFound - there is no such codec; the message lists the
  //         registered ones.
  absl::StatusOr<const Codec*> FindByName(absl::string_view name) const;

  // Returns the codec whose graph records are called "data.<suffix>", or null.
  const Codec* FindBySuffix(absl::string_view suffix) const;

  // Lists the codecs for a message: "pickle" (data.pkl), "lines" (data.lines).
  std::string Describe() const;

 private:
  std::shared_ptr<const Codecs> codecs_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CODEC_SNAPSHOT_H_
