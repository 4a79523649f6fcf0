// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/codec_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/text.h"
#include "ferry/serialization/torch/pickle_codec.h"

namespace ferry {
inline namespace v1 {

CodecRegistry::CodecRegistry()
    : codecs_(std::make_shared<const CodecSnapshot::Codecs>(
          1, std::make_shared<const torch::PickleCodec>())) {}

CodecRegistry& CodecRegistry::Default() {
  static CodecRegistry* const registry = new CodecRegistry;
  return *registry;
}

absl::Status CodecRegistry::Register(std::shared_ptr<const Codec> codec) {
  if (codec == nullptr) {
    return absl::InvalidArgumentError("a null codec cannot be registered");
  }
  for (const absl::string_view word : {codec->name(), codec->suffix()}) {
    if (IsCodecWord(word)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        QuoteForMessage(word),
        " cannot be the name or the suffix of a codec: use a lower-case "
        "letter, then lower-case letters, digits and '_', at most ",
        kMaxCodecWordBytes, " characters"));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const std::shared_ptr<const Codec>& other : *codecs_) {
    if (other->name() != codec->name() && other->suffix() != codec->suffix()) {
      continue;
    }
    return absl::AlreadyExistsError(absl::StrCat(
        "the codec \"", codec->name(), "\" (data.", codec->suffix(),
        ") cannot be registered: \"", other->name(), "\" (data.",
        other->suffix(), ") already is, and a codec cannot be replaced"));
  }
  auto codecs = std::make_shared<CodecSnapshot::Codecs>(*codecs_);
  codecs->push_back(std::move(codec));
  codecs_ = std::move(codecs);
  return absl::OkStatus();
}

CodecSnapshot CodecRegistry::Snapshot() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return CodecSnapshot(codecs_);
}

}  // namespace v1
}  // namespace ferry
