// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/skeleton_data.h
// -----------------------------------------------------------------------------
//
// The files that the build puts into the program for `ferry plugin new`. The
// rule :skeleton_data_cc generates the source.
#ifndef FERRY_TOOLS_FERRY_SKELETON_DATA_H_
#define FERRY_TOOLS_FERRY_SKELETON_DATA_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {
namespace cli {

struct SkeletonData {
  absl::string_view name;  // without its folders
  absl::string_view text;
};

absl::Span<const SkeletonData> AllSkeletonData();

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_SKELETON_DATA_H_
