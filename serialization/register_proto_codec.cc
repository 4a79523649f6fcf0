// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Registers the codec "proto" with the process's registry before main().

#include <memory>

#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/proto/proto_codec.h"

namespace ferry {
inline namespace v1 {
namespace {

// False if the program was first with a codec of its own of that name; then it
// stays.
[[maybe_unused]] const bool registered =
    CodecRegistry::Default()
        .Register(std::make_shared<const proto::ProtoCodec>())
        .ok();

}  // namespace
}  // namespace v1
}  // namespace ferry
