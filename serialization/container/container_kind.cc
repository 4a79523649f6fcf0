// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/container_kind.h"

namespace ferry {
inline namespace v1 {

absl::string_view Name(Container container) {
  switch (container) {
    case Container::kZip:
      return "zip";
    case Container::kLegacy:
      return "legacy";
    case Container::kTar:
      return "tar";
    case Container::kBare:
      return "bare";
    case Container::kSafetensors:
      return "safetensors";
  }
  return "";
}

}  // namespace v1
}  // namespace ferry
