// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/text_id.h
// -----------------------------------------------------------------------------
//
// Parses persistent ids in pickles of protocol 0, for which Python writes
// `str(id)`:
//
//   ('storage', <class 'torch.FloatStorage'>, '94', 'cpu', 4, None)
//
// PyTorch writes such files and cannot read them.
#ifndef FERRY_SERIALIZATION_TORCH_TEXT_ID_H_
#define FERRY_SERIALIZATION_TORCH_TEXT_ID_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// An element of such a tuple.
struct TextIdPart {
  enum Kind { kNone, kInt, kStr, kClass, kTuple };
  Kind kind = kNone;
  int64_t number = 0;
  // The text of a str. For a class, its module and, after the last dot, its
  // name.
  std::string text;
  // The elements of a tuple, which are not themselves tuples.
  std::vector<TextIdPart> parts;
};

// Parses `text`, a tuple, into `parts`. Returns false if it is not a tuple of
// at most 8 elements.
bool ParseTextId(absl::string_view text, std::vector<TextIdPart>* parts);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TEXT_ID_H_
