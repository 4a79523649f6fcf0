// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/file_suffix.h
// -----------------------------------------------------------------------------
//
// Maps the suffix of a file's name to a format. Other programs choose a reader
// by the suffix; Ferry chooses by the contents. Case is ignored.
#ifndef FERRY_SERIALIZATION_DETECTION_FILE_SUFFIX_H_
#define FERRY_SERIALIZATION_DETECTION_FILE_SUFFIX_H_

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns whether the name has a suffix that is usual for `torch.save`:
// "model.pt".
bool HasPyTorchSuffix(absl::string_view path);

// Returns whether the name ends in ".safetensors".
bool HasSafetensorsSuffix(absl::string_view path);

// Returns the other format that the name's suffix stands for: "ONNX" for
// "model.onnx". Empty if it stands for none.
absl::string_view ForeignFormatOfSuffix(absl::string_view path);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_FILE_SUFFIX_H_
