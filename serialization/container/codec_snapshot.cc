// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/codec_snapshot.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {

bool IsCodecWord(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxCodecWordBytes &&
         absl::ascii_islower(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

absl::StatusOr<const Codec*> CodecSnapshot::FindByName(
    absl::string_view name) const {
  for (const std::shared_ptr<const Codec>& codec : *codecs_) {
    if (codec->name() == name) return codec.get();
  }
  return absl::NotFoundError(
      absl::StrCat("no codec ", QuoteForMessage(name),
                   " is registered; the registered codecs are ", Describe(),
                   ". To add one, call CodecRegistry::Register"));
}

const Codec* CodecSnapshot::FindBySuffix(absl::string_view suffix) const {
  for (const std::shared_ptr<const Codec>& codec : *codecs_) {
    if (codec->suffix() == suffix) return codec.get();
  }
  return nullptr;
}

std::string CodecSnapshot::Describe() const {
  return absl::StrJoin(
      *codecs_, ", ",
      [](std::string* out, const std::shared_ptr<const Codec>& codec) {
        absl::StrAppend(out, "\"", codec->name(), "\" (data.", codec->suffix(),
                        ")");
      });
}

}  // namespace v1
}  // namespace ferry
