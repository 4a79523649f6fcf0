// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads pickles and writes them again, for the comparison with CPython in
// pickle_oracle_test.py. Standard input has, for each pickle, the protocol to
// write (one byte), the size (8 bytes, little-endian) and the bytes. Standard
// output has, in the same order, the size of the error message (0 if there was
// none), the size of the new pickle, the message and the bytes.

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "ferry/core/budget.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/value/object_graph.h"

namespace {

using ferry::Budget;
using ferry::ObjectGraph;
using ferry::pickle::Pickler;
using ferry::pickle::Unpickle;
using ferry::pickle::UnpickleResult;

absl::StatusOr<std::string> Repickle(const std::string& bytes, int protocol) {
  ObjectGraph graph;
  FERRY_ASSIGN_OR_RETURN(
      const UnpickleResult result,
      Unpickle(bytes, Budget::Unlimited(), /*hooks=*/nullptr, &graph));
  Pickler pickler(graph, protocol, /*hooks=*/nullptr);
  FERRY_RETURN_IF_ERROR(pickler.Dump(result.root));
  return std::string(pickler.bytes());
}

uint64_t ReadNumber() {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) {
    value |= static_cast<uint64_t>(std::cin.get() & 0xFF) << (8 * i);
  }
  return value;
}

void WriteNumber(uint64_t value) {
  for (int i = 0; i < 8; ++i) {
    std::cout.put(static_cast<char>((value >> (8 * i)) & 0xFF));
  }
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  while (std::cin.peek() != EOF) {
    const int protocol = std::cin.get();
    std::string bytes(ReadNumber(), '\0');
    std::cin.read(&bytes[0], static_cast<std::streamsize>(bytes.size()));
    const absl::StatusOr<std::string> written = Repickle(bytes, protocol);
    const std::string error = written.ok() ? "" : written.status().ToString();
    WriteNumber(error.size());
    WriteNumber(written.ok() ? written->size() : 0);
    std::cout << error;
    if (written.ok()) std::cout << *written;
  }
  std::cout.flush();
  return std::cout && std::cin.eof() ? 0 : 1;
}
