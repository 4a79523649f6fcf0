// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/detection/file_suffix.h"

#include "absl/strings/match.h"

namespace ferry {
inline namespace v1 {

bool HasPyTorchSuffix(absl::string_view path) {
  for (absl::string_view suffix : {".pt", ".pth", ".ckpt", ".bin", ".pkl",
                                   ".pickle", ".th", ".ptl", ".pth.tar"}) {
    if (absl::EndsWithIgnoreCase(path, suffix)) return true;
  }
  return false;
}

bool HasSafetensorsSuffix(absl::string_view path) {
  return absl::EndsWithIgnoreCase(path, ".safetensors");
}

absl::string_view ForeignFormatOfSuffix(absl::string_view path) {
  struct Row {
    absl::string_view suffix;
    absl::string_view format;
  };
  for (const Row& row :
       {Row{".npy", "NumPy"}, Row{".npz", "NumPy"}, Row{".onnx", "ONNX"},
        Row{".gguf", "GGUF"}, Row{".ggml", "GGML"}, Row{".h5", "HDF5"},
        Row{".hdf5", "HDF5"}, Row{".keras", "Keras"},
        Row{".tflite", "TensorFlow Lite"}, Row{".pte", "ExecuTorch"},
        Row{".pt2", "torch.export"}, Row{".mar", "TorchServe"},
        Row{".t7", "Torch7"}, Row{".json", "JSON"}}) {
    if (absl::EndsWithIgnoreCase(path, row.suffix)) return row.format;
  }
  return absl::string_view();
}

}  // namespace v1
}  // namespace ferry
