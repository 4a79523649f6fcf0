// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Makes libFuzzer change checkpoints as `MutateCheckpoint` does. A fuzz test
// that links this leaves a part of the changes to libFuzzer.
// https://llvm.org/docs/LibFuzzer.html

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "ferry/serialization/testing/checkpoint_mutator.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

// Room for what libFuzzer adds.
constexpr size_t kGrowthBytes = 16;

std::string MutateWithLibFuzzer(absl::string_view bytes) {
  std::string out(bytes);
  out.resize(bytes.size() + kGrowthBytes);
  out.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(&out[0]), bytes.size(),
                              out.size()));
  return out;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  if (seed % 4 != 0) {
    const std::string mutated = ferry::MutateCheckpoint(
        absl::string_view(reinterpret_cast<const char*>(data), size), seed,
        MutateWithLibFuzzer);
    if (!mutated.empty() && mutated.size() <= max_size) {
      std::copy(mutated.begin(), mutated.end(), data);
      return mutated.size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
