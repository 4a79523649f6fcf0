// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/text_id.h
// -----------------------------------------------------------------------------
//
// Persistent ids in pickles of protocol 0, where Python writes `str(id)`:
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
namespace torch_format {

// A part of such a tuple.
struct TextIdPart {
  enum Kind { kNone, kInt, kStr, kClass, kTuple };
  Kind kind = kNone;
  int64_t number = 0;
  // Of a str its text, of a class its module and, behind the last dot, its
  // name.
  std::string text;
  // Of a tuple, whose parts are no tuples.
  std::vector<TextIdPart> parts;
};

// Reads the tuple that `text` is, into `parts`. Says whether it is one, of at
// most 8 parts.
bool ParseTextId(absl::string_view text, std::vector<TextIdPart>* parts);

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TEXT_ID_H_
