// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/encoding.h
// -----------------------------------------------------------------------------
//
// How the contents of a record are encoded in a file.
#ifndef FERRY_SERIALIZATION_CONTAINER_ENCODING_H_
#define FERRY_SERIALIZATION_CONTAINER_ENCODING_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

enum class Encoding : uint8_t {
  kStored,    // the contents as they are
  kDeflated,  // raw deflate (RFC 1951)
};

// Returns "stored" or "deflated".
absl::string_view Name(Encoding encoding);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_ENCODING_H_
