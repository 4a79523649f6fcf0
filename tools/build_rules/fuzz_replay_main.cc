// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs LLVMFuzzerTestOneInput on each file named on the command line, and on a
// fixed number of mutations of it. The mutations depend on the file alone, so a
// failure repeats.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr int kMutationsPerFile = 400;

using Bytes = std::vector<uint8_t>;

void Mutate(std::mt19937& random, Bytes* bytes) {
  const auto below = [&random](size_t n) {
    return static_cast<size_t>(random() % std::max<size_t>(n, 1));
  };
  const size_t changes = 1 + below(4);
  for (size_t i = 0; i < changes && !bytes->empty(); ++i) {
    const size_t at = below(bytes->size());
    switch (random() % 6) {
      case 0:
        (*bytes)[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        (*bytes)[at] ^= static_cast<uint8_t>(1u << (random() % 8));
        break;
      case 2:
        bytes->resize(at);
        break;
      case 3:
        bytes->insert(bytes->begin() + at, static_cast<uint8_t>(random()));
        break;
      case 4:
        bytes->erase(bytes->begin() + at);
        break;
      default: {
        const uint8_t extreme = random() % 2 == 0 ? 0xFF : 0x00;
        const size_t end = std::min(bytes->size(), at + 1 + below(8));
        std::fill(bytes->begin() + at, bytes->begin() + end, extreme);
        break;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  int inputs = 0;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    const Bytes original((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
    LLVMFuzzerTestOneInput(original.data(), original.size());
    ++inputs;
    std::mt19937 random(static_cast<uint32_t>(original.size()));
    for (int m = 0; m < kMutationsPerFile; ++m, ++inputs) {
      Bytes mutated = original;
      Mutate(random, &mutated);
      LLVMFuzzerTestOneInput(mutated.data(), mutated.size());
    }
  }
  std::printf("%d inputs from %d files\n", inputs, argc - 1);
  return inputs == 0 ? 1 : 0;
}
