// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Casts elements, for a test that compares them with what PyTorch makes of
// them.
//
//   cast < REQUESTS
//
// A request is a line with the name of the dtype to cast from, that of the
// dtype to cast to, and the number of elements, and then the elements' bytes.
// The answer is the bytes of the cast elements.

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"

int main() {
  std::string from_name;
  std::string to_name;
  int64_t count = 0;
  while (std::cin >> from_name >> to_name >> count) {
    const std::optional<ferry::DType> from = ferry::DTypeFromName(from_name);
    const std::optional<ferry::DType> to = ferry::DTypeFromName(to_name);
    if (!from || !to || !ferry::CheckCast(*from, *to).ok()) {
      std::cerr << "no cast from " << from_name << " to " << to_name << "\n";
      return 1;
    }
    std::cin.ignore();  // the end of the line
    const auto elements = static_cast<size_t>(count);
    std::string in(elements * ferry::ElementSizeBytes(*from), '\0');
    std::string out(elements * ferry::ElementSizeBytes(*to), '\0');
    std::cin.read(&in[0], static_cast<std::streamsize>(in.size()));
    ferry::CastElements(in.data(), *from, &out[0], *to, count);
    std::cout << out;
  }
  return std::cout.flush().good() ? 0 : 1;
}
