// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/parsed_checkpoint.h"

#include <cassert>
#include <cstddef>

namespace ferry {
inline namespace v1 {

void AttachExtents(ParsedCheckpoint* parsed) {
  assert(parsed->extents.size() == parsed->storages.size());
  for (size_t i = 0; i < parsed->storages.size(); ++i) {
    parsed->storages[i].extents = {&parsed->extents[i], 1};
  }
}

}  // namespace v1
}  // namespace ferry
