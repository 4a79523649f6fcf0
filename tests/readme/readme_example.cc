// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <iostream>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"

// Prints one weight of a checkpoint, and saves the whole under another name.
absl::Status Run(absl::string_view in, absl::string_view out) {
  FERRY_ASSIGN_OR_RETURN(ferry::Value checkpoint, ferry::Load(in));
  FERRY_ASSIGN_OR_RETURN(ferry::Value value,
                         checkpoint.At("/model/hidden.weight"));
  FERRY_ASSIGN_OR_RETURN(ferry::Tensor weight, value.AsTensor());
  std::cout << ferry::Name(weight.dtype()) << " ["
            << absl::StrJoin(weight.shape(), ", ") << "]\n";
  return ferry::Save(checkpoint, out);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: readme_example IN OUT\n";
    return 2;
  }
  const absl::Status status = Run(argv[1], argv[2]);
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}
