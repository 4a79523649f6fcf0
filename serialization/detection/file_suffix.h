// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/file_suffix.h
// -----------------------------------------------------------------------------
//
// What the suffix of a file's name says of its format. Programs choose by it
// how to read a file; Ferry goes by the contents. Upper and lower case are the
// same.
#ifndef FERRY_SERIALIZATION_DETECTION_FILE_SUFFIX_H_
#define FERRY_SERIALIZATION_DETECTION_FILE_SUFFIX_H_

#include "absl/strings/string_view.h"

namespace ferry {

// Whether the name ends as files of `torch.save` usually do: "model.pt".
bool HasPyTorchSuffix(absl::string_view path);

// Whether the name ends in ".safetensors".
bool HasSafetensorsSuffix(absl::string_view path);

// Returns the format of files that are neither, whose names end like this one:
// "ONNX" for "model.onnx". Empty for any other name.
absl::string_view ForeignFormatOfSuffix(absl::string_view path);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_FILE_SUFFIX_H_
