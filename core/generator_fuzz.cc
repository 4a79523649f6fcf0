// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads any bytes as the state of a generator. What is accepted draws numbers,
// and its state is read again as a generator that draws the same. The corpus
// begins with what `torch.get_rng_state()` of PyTorch 1.13 returned.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/generator.h"
#include "ferry/core/tensor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<ferry::Tensor> bytes = ferry::Tensor::FromData<uint8_t>(
      absl::MakeConstSpan(data, size), {static_cast<int64_t>(size)});
  if (!bytes.ok()) return 0;
  absl::StatusOr<ferry::Generator> generator =
      ferry::Generator::FromState(*bytes);
  if (!generator.ok()) return 0;
  const absl::StatusOr<ferry::Tensor> state = generator->State();
  if (!state.ok()) __builtin_trap();
  absl::StatusOr<ferry::Generator> again = ferry::Generator::FromState(*state);
  if (!again.ok() || again->seed() != generator->seed()) __builtin_trap();
  // More than one refill of the state, one by one and at once.
  for (int i = 0; i < 700; ++i) {
    if (generator->Next32() != again->Next32()) __builtin_trap();
  }
  std::array<uint32_t, 1300> numbers;
  std::array<uint32_t, 1300> same;
  generator->Next32(absl::MakeSpan(numbers));
  again->Next32(absl::MakeSpan(same));
  if (numbers != same) __builtin_trap();
  for (int i = 0; i < 3; ++i) {
    const double a = generator->NextNormal();
    const double b = again->NextNormal();
    if (a != b && !(std::isnan(a) && std::isnan(b))) __builtin_trap();
  }
  return 0;
}
