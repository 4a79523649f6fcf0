// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/tree.h
// -----------------------------------------------------------------------------
//
// Prints a checkpoint's contents as an indented tree, for display:
//
//   OrderedDict, 2 entries
//     fc.weight  float32  [2, 3]  24 B  parameter
//     fc.bias    float32  [2]      8 B  parameter
//
// Rows that are alike are folded: 10 of the items of a list or tuple are shown,
// and 100 of other rows. Alike are leaves, tensors of one dtype and shape, and
// containers of one type and size.
#ifndef FERRY_TOOLS_FERRY_TREE_H_
#define FERRY_TOOLS_FERRY_TREE_H_

#include "absl/status/status.h"
#include "ferry/tools/ferry/charged_stream.h"
#include "ferry/tools/ferry/digest.h"
#include "ferry/tools/ferry/selection.h"

namespace ferry {
inline namespace v1 {
namespace cli {

struct TreeOptions {
  // The number of levels below the first to show.
  int max_depth = 1 << 30;
  // Whether to show every row. If false, shows the first of many rows that are
  // alike and stand side by side, and says how many more there are.
  bool all = false;
  // The digests to show beside tensors and below the totals. May be null.
  const SelectionDigests* digests = nullptr;
  // Additional contents to include in the totals without showing them. May be
  // null.
  const Selection* also_counted = nullptr;
};

// Writes the tree of the selection, and a line of totals. Time and memory grow
// with the number of nodes, not with their depth.
//
// Errors: as `WalkGraph` and `ChargedStream::status`; the output written until
//         then is correct but incomplete.
absl::Status PrintTree(const Selection& selection, const TreeOptions& options,
                       ChargedStream& out);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_TREE_H_
