// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// num_threads
//
// Prints how many threads Ferry uses by default, and the warnings, one on a
// line.

#include <iostream>
#include <string>

#include "ferry/runtime/runtime.h"

int main() {
  std::cout << ferry::GetNumThreads() << "\n";
  for (const std::string& warning : ferry::ParallelWarnings()) {
    std::cout << warning << "\n";
  }
}
