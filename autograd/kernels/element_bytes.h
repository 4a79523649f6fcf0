// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/element_bytes.h
// -----------------------------------------------------------------------------
//
// Moves elements of any dtype by their size. A kernel that only moves elements
// is compiled for five sizes instead of for every dtype.
//
// Example: copy one element.
//
//   WithElementBits(element_bytes, [&](auto bits) {
//     StoreElement(to, LoadElement<decltype(bits)>(from));
//   });
#ifndef FERRY_AUTOGRAD_KERNELS_ELEMENT_BYTES_H_
#define FERRY_AUTOGRAD_KERNELS_ELEMENT_BYTES_H_

#include <cstdint>
#include <cstring>

namespace ferry {
inline namespace v1 {
namespace kernels {

// The bits of an element of 16 bytes.
struct Bits128 {
  uint64_t words[2];
};

// Read or write an element. The address needs no alignment, since tensors may
// lie in a file that is mapped into memory.
template <typename T>
T LoadElement(const void* from) {
  T element;
  std::memcpy(&element, from, sizeof(T));
  return element;
}
template <typename T>
void StoreElement(void* to, const T& element) {
  std::memcpy(to, &element, sizeof(T));
}

// Calls `body` with a value of the type that holds the bits of an element:
// uint8_t, uint16_t, uint32_t, uint64_t or Bits128.
template <typename Body>
void WithElementBits(uint64_t element_bytes, Body body) {
  switch (element_bytes) {
    case 1:
      return body(uint8_t{});
    case 2:
      return body(uint16_t{});
    case 4:
      return body(uint32_t{});
    case 8:
      return body(uint64_t{});
    default:
      return body(Bits128{});
  }
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_ELEMENT_BYTES_H_
