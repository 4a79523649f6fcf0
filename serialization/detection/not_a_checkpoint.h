// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/not_a_checkpoint.h
// -----------------------------------------------------------------------------
//
// Distinguishes a file that is not a checkpoint from a damaged checkpoint.
// Opening either one returns an error.
//
// Example:
//
//   absl::StatusOr<Value> root = Load("model.onnx");
//   if (IsNotACheckpoint(root.status())) {
//     // The message says what it is: "model.onnx is an ONNX model, ..."
//   }
#ifndef FERRY_SERIALIZATION_DETECTION_NOT_A_CHECKPOINT_H_
#define FERRY_SERIALIZATION_DETECTION_NOT_A_CHECKPOINT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns whether `status`, the result of opening a file, says that the file is
// not a checkpoint. False for damaged checkpoints, for PyTorch formats that are
// not supported, and for files that cannot be read.
bool IsNotACheckpoint(const absl::Status& status);

// Marks an error so that `IsNotACheckpoint` returns true for it.
absl::Status MarkNotACheckpoint(absl::Status status);

// Makes such an error: "model.onnx is an ONNX model, not a PyTorch checkpoint;
// onnx.load reads it".
absl::Status NotACheckpointError(absl::string_view file, absl::string_view what,
                                 absl::string_view advice);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_NOT_A_CHECKPOINT_H_
