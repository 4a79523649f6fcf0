// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/encoding.h"

namespace ferry {
inline namespace v1 {

absl::string_view Name(Encoding encoding) {
  switch (encoding) {
    case Encoding::kStored:
      return "stored";
    case Encoding::kDeflated:
      break;
  }
  return "deflated";
}

}  // namespace v1
}  // namespace ferry
