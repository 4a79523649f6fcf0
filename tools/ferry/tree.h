// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/tree.h
// -----------------------------------------------------------------------------
//
// A checkpoint's contents as an indented tree, for people:
//
//   OrderedDict, 2 entries
//     fc.weight  float32  [2, 3]  24 B  parameter
//     fc.bias    float32  [2]      8 B  parameter
#ifndef FERRY_TOOLS_FERRY_TREE_H_
#define FERRY_TOOLS_FERRY_TREE_H_

#include <ostream>

#include "absl/status/status.h"
#include "ferry/tools/ferry/digest.h"
#include "ferry/tools/ferry/selection.h"

namespace ferry {

struct TreeOptions {
  // How many levels below the first are shown.
  int max_depth = 1 << 30;
  // Shown beside tensors where there is one, and below the totals. May be null.
  const SelectionDigests* digests = nullptr;
  // What the totals count as well, without showing it. May be null.
  const Selection* also_counted = nullptr;
};

// Writes the tree of what is selected, and a line of totals. Time and memory
// grow with the number of nodes, not with how deep they stand.
//
// Errors: as `WalkGraph`; what was written until then is right, and not all.
absl::Status PrintTree(const Selection& selection, const TreeOptions& options,
                       std::ostream& out);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_TREE_H_
