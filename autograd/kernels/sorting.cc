// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/sorting.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "ferry/autograd/kernels/element_bytes.h"
#include "ferry/autograd/kernels/runs.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// ----------------------------------------------------------------------- Keys

// A key is an unsigned integer. Keys compare as the elements do.

// The key of a float, of which infinity has the bits kInfinity.
template <typename Bits, Bits kInfinity>
Bits FloatKey(Bits bits) {
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  const auto magnitude = static_cast<Bits>(bits & ~kSign);
  if (magnitude > kInfinity) return std::numeric_limits<Bits>::max();  // NaN
  if (magnitude == 0) return kSign;
  return static_cast<Bits>(bits & kSign ? ~bits : bits | kSign);
}

struct Float32Key {
  using Bits = uint32_t;
  static Bits Of(Bits bits) { return FloatKey<Bits, 0x7F800000>(bits); }
};
struct Float64Key {
  using Bits = uint64_t;
  static Bits Of(Bits bits) { return FloatKey<Bits, 0x7FF0000000000000>(bits); }
};
struct Float16Key {
  using Bits = uint16_t;
  static Bits Of(Bits bits) { return FloatKey<Bits, 0x7C00>(bits); }
};
struct BFloat16Key {
  using Bits = uint16_t;
  static Bits Of(Bits bits) { return FloatKey<Bits, 0x7F80>(bits); }
};
template <typename T>
struct SignedKey {
  using Bits = T;
  static Bits Of(Bits bits) {
    return static_cast<T>(bits ^ (T{1} << (8 * sizeof(T) - 1)));
  }
};
template <typename T>
struct UnsignedKey {
  using Bits = T;
  static Bits Of(Bits bits) { return bits; }
};
struct BoolKey {
  using Bits = uint8_t;
  static Bits Of(Bits bits) { return static_cast<Bits>(bits != 0); }
};

template <typename Body>
void WithKey(DType dtype, Body body) {
  switch (dtype) {
    case DType::kFloat32:
      return body(Float32Key());
    case DType::kFloat64:
      return body(Float64Key());
    case DType::kFloat16:
      return body(Float16Key());
    case DType::kBFloat16:
      return body(BFloat16Key());
    case DType::kInt64:
      return body(SignedKey<uint64_t>());
    case DType::kInt32:
      return body(SignedKey<uint32_t>());
    case DType::kInt16:
      return body(SignedKey<uint16_t>());
    case DType::kInt8:
      return body(SignedKey<uint8_t>());
    case DType::kUInt64:
      return body(UnsignedKey<uint64_t>());
    case DType::kUInt32:
      return body(UnsignedKey<uint32_t>());
    case DType::kUInt16:
      return body(UnsignedKey<uint16_t>());
    case DType::kBool:
      return body(BoolKey());
    default:
      return body(UnsignedKey<uint8_t>());
  }
}

// -------------------------------------------------------------------- Entries

// An entry is a key with the index of its element. No two entries are equal, so
// every way to sort them is stable.

// The key in the upper half of a number, the index in the lower.
struct NarrowEntry {
  static NarrowEntry Make(uint64_t key, int64_t index) {
    return {key << 32 | static_cast<uint64_t>(index)};
  }
  static constexpr int kKeyShift = 32;
  uint64_t key() const { return bits >> kKeyShift; }
  int64_t index() const { return static_cast<int64_t>(bits & 0xFFFFFFFF); }
  bool operator<(const NarrowEntry& other) const { return bits < other.bits; }

  uint64_t bits;
};

struct WideEntry {
  static WideEntry Make(uint64_t key, int64_t index) { return {key, index}; }
  uint64_t key() const { return key_bits; }
  int64_t index() const { return position; }
  bool operator<(const WideEntry& other) const {
    return key_bits != other.key_bits ? key_bits < other.key_bits
                                      : position < other.position;
  }

  uint64_t key_bits;
  int64_t position;
};

// The greatest number of entries for which std::sort is faster than the passes
// of `RadixSort`.
constexpr int64_t kFewEntries = 512;

// A heap of entries is faster than a partition of all of them if it has less
// than one in so many.
constexpr int64_t kFewKept = 32;

// Sorts entries that are in the order of their indices, and whose keys have
// kKeyBytes. Uses the memory at `other` for as many entries. Returns where the
// sorted entries are: at `entries` or at `other`.
template <int kKeyBytes, typename Entry>
Entry* RadixSort(Entry* entries, Entry* other, int64_t count) {
  if (count <= kFewEntries) {
    std::sort(entries, entries + count);
    return entries;
  }
  std::array<std::array<int64_t, 256>, kKeyBytes> counts = {};
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t key = entries[i].key();
    for (int digit = 0; digit < kKeyBytes; ++digit) {
      ++counts[digit][key >> (8 * digit) & 0xFF];
    }
  }
  for (int digit = 0; digit < kKeyBytes; ++digit) {
    const int shift = 8 * digit;
    std::array<int64_t, 256>& next = counts[digit];
    // The entries do not move if all have the same digit.
    if (next[entries[0].key() >> shift & 0xFF] == count) continue;
    int64_t sum = 0;
    for (int64_t& position : next) {
      const int64_t of_digit = position;
      position = sum;
      sum += of_digit;
    }
    for (int64_t i = 0; i < count; ++i) {
      other[next[entries[i].key() >> shift & 0xFF]++] = entries[i];
    }
    std::swap(entries, other);
  }
  return entries;
}

// ----------------------------------------------------------------------- Rows

template <typename Key, typename Entry>
absl::Status SortRows(const Tensor& from, int dim, SortOrder order,
                      const Tensor& values, const Tensor& indices) {
  using Bits = typename Key::Bits;
  constexpr int64_t kBytes = sizeof(Bits);
  const int64_t size = from.shape()[dim];
  const Tensor& result = values.is_null() ? indices : values;
  const int64_t kept = result.shape()[dim];
  const int64_t from_stride = from.strides()[dim];
  const auto flip =
      static_cast<Bits>(order == SortOrder::kDescending ? ~Bits{0} : Bits{0});
  Dimensions shape(from.shape().begin(), from.shape().end());
  shape[dim] = kept == 0 ? 0 : 1;
  const Tensor& of_values = values.is_null() ? result : values;
  const Tensor& of_indices = indices.is_null() ? result : indices;
  // Tiles of one row each.
  const StridedTiles<3> rows(
      shape, {{of_values.strides(), of_indices.strides(), from.strides()}}, 1);
  const auto* const from_data = static_cast<const char*>(from.data());
  auto* const values_data =
      values.is_null() ? nullptr : static_cast<char*>(values.data());
  auto* const indices_data =
      indices.is_null() ? nullptr : static_cast<int64_t*>(indices.data());
  const bool uses_heap = kept < size / kFewKept;
  // A radix sort moves the entries to and fro.
  uint64_t num_entries = uses_heap ? kept : size;
  if (kept == size) num_entries *= 2;
  // Sorting an element takes longer than copying it.
  constexpr int64_t kCopies = 8;
  const int64_t grain =
      kElementsPerThread / kCopies / std::max<int64_t>(size, 1) + 1;
  const int64_t chunks = (rows.count() + grain - 1) / grain;
  return ParallelForEach(chunks, [&](int64_t chunk) -> absl::Status {
    FERRY_ASSIGN_OR_RETURN(const Storage memory,
                           AllocateArray<Entry>(num_entries));
    auto* const entries = static_cast<Entry*>(memory.data());
    const int64_t first = chunk * grain;
    const int64_t last = std::min(first + grain, rows.count());
    rows.ForEach(first, last, [&](const auto& offsets, int64_t, int64_t) {
      const auto* const in = from_data + offsets[2] * kBytes;
      const auto entry = [&](int64_t i) {
        const Bits key =
            Key::Of(LoadElement<Bits>(in + i * from_stride * kBytes));
        return Entry::Make(static_cast<Bits>(key ^ flip), i);
      };
      const Entry* sorted = entries;
      if (uses_heap) {
        // A heap, whose first entry is the greatest. Most elements only need to
        // be compared with that.
        for (int64_t i = 0; i < kept; ++i) entries[i] = entry(i);
        std::make_heap(entries, entries + kept);
        for (int64_t i = kept; i < size; ++i) {
          const Entry next = entry(i);
          if (!(next < entries[0])) continue;
          std::pop_heap(entries, entries + kept);
          entries[kept - 1] = next;
          std::push_heap(entries, entries + kept);
        }
        std::sort_heap(entries, entries + kept);
      } else {
        for (int64_t i = 0; i < size; ++i) entries[i] = entry(i);
        if (kept == size) {
          sorted = RadixSort<kBytes>(entries, entries + size, size);
        } else {
          std::nth_element(entries, entries + kept, entries + size);
          std::sort(entries, entries + kept);
        }
      }
      if (values_data != nullptr) {
        auto* const out = values_data + offsets[0] * kBytes;
        const int64_t stride = values.strides()[dim];
        for (int64_t i = 0; i < kept; ++i) {
          StoreElement(
              out + i * stride * kBytes,
              LoadElement<Bits>(in + sorted[i].index() * from_stride * kBytes));
        }
      }
      if (indices_data != nullptr) {
        auto* const out = indices_data + offsets[1];
        const int64_t stride = indices.strides()[dim];
        for (int64_t i = 0; i < kept; ++i) {
          out[i * stride] = sorted[i].index();
        }
      }
    });
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status Sort(const Tensor& from, int dim, SortOrder order,
                  const Tensor& values, const Tensor& indices) {
  return TopK(from, dim, order, values, indices);
}

absl::Status TopK(const Tensor& from, int dim, SortOrder order,
                  const Tensor& values, const Tensor& indices) {
  absl::Status status;
  WithKey(from.dtype(), [&](auto key) {
    using Key = decltype(key);
    if constexpr (sizeof(typename Key::Bits) < 8) {
      if (from.shape()[dim] <= std::numeric_limits<uint32_t>::max()) {
        status = SortRows<Key, NarrowEntry>(from, dim, order, values, indices);
        return;
      }
    }
    status = SortRows<Key, WideEntry>(from, dim, order, values, indices);
  });
  return status;
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
