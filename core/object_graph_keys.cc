// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/object_graph_keys.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace ferry {
namespace {

// 2^63, from which on a whole float is a big integer.
constexpr double kBigFrom = 9223372036854775808.0;

uint64_t Bits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// The two's complement of a whole number of 2^63 and more in magnitude, as
// short as it can be.
std::string TwosComplement(double value) {
  int exponent;
  // value = mantissa * 2^shift
  const double fraction = std::frexp(value, &exponent);
  const auto mantissa = static_cast<int64_t>(std::ldexp(fraction, 53));
  const int shift = exponent - 53;
  std::string bytes(static_cast<size_t>(shift / 8), '\0');
  // 53 bits and a sign, moved by less than a byte, fit 64 bits.
  const auto high = static_cast<uint64_t>(mantissa) << (shift % 8);
  for (int i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>((high >> (8 * i)) & 0xFF));
  }
  while (bytes.size() > 1) {
    const auto last = static_cast<signed char>(bytes.back());
    const auto next = static_cast<signed char>(bytes[bytes.size() - 2]);
    if (last != (next < 0 ? -1 : 0)) break;
    bytes.pop_back();
  }
  return bytes;
}

}  // namespace

uint32_t KeyClasses::ClassOfFloat(double value, NodeId node) {
  if (std::isnan(value))
    return Number(&others_, std::pair(ValueKind::kObject, uint64_t{node}));
  if (std::isinf(value) || value != std::floor(value)) {
    return Number(&numbers_, std::pair(Bits(value), uint64_t{0}));
  }
  if (value >= -kBigFrom && value < kBigFrom) {
    return Number(&ints_, static_cast<int64_t>(value));
  }
  return Number(&big_ints_, TwosComplement(value));
}

uint32_t KeyClasses::ClassOfAtom(NodeId atom) {
  const auto by_identity = [&] {
    return Number(&others_, std::pair(ValueKind::kObject, uint64_t{atom}));
  };
  const ValueKind kind = graph_.kind(atom);
  switch (kind) {
    case ValueKind::kList:
    case ValueKind::kSet:
    case ValueKind::kByteArray:
    case ValueKind::kDict:
      return kUnhashable;
    case ValueKind::kStr:
      return Number(&strs_, graph_.text(atom));
    case ValueKind::kBytes:
      return Number(&bytes_, graph_.text(atom));
    case ValueKind::kInt:
      if (graph_.is_big_int(atom)) {
        return Number(&big_ints_, std::string(graph_.text(atom)));
      }
      return Number(&ints_, graph_.int_value(atom));
    case ValueKind::kBool:
      return Number(&ints_, graph_.int_value(atom));
    case ValueKind::kFloat:
      return ClassOfFloat(graph_.float_value(atom), atom);
    case ValueKind::kComplex: {
      const std::complex<double> value = graph_.complex_value(atom);
      if (std::isnan(value.real()) || std::isnan(value.imag())) {
        return by_identity();
      }
      if (value.imag() == 0) return ClassOfFloat(value.real(), atom);
      // Both zeros are one number.
      const double real = value.real() == 0 ? 0 : value.real();
      return Number(&numbers_, std::pair(Bits(real), Bits(value.imag())));
    }
    case ValueKind::kDType:
      return Number(&others_,
                    std::pair(kind, static_cast<uint64_t>(graph_.dtype(atom))));
    case ValueKind::kLayout:
      return Number(
          &others_,
          std::pair(kind, static_cast<uint64_t>(graph_.layout(atom))));
    case ValueKind::kDevice:
      return Number(&devices_, graph_.device(atom).ToString());
    default:
      return by_identity();
  }
}

absl::Span<const NodeId> KeyClasses::Parts(NodeId key) const {
  return graph_.kind(key) == ValueKind::kSize ? graph_.size_items(key)
                                              : graph_.items(key);
}

// Once all the parts that have parts have a class.
uint32_t KeyClasses::ClassOfParts(NodeId key) {
  const bool is_set = graph_.kind(key) == ValueKind::kFrozenSet;
  std::vector<uint32_t> classes;
  classes.reserve(Parts(key).size());
  for (NodeId part : Parts(key)) {
    const auto composite = composite_nodes_.find(part);
    classes.push_back(composite != composite_nodes_.end() ? composite->second
                                                          : ClassOfAtom(part));
    if (classes.back() == kUnhashable) return kUnhashable;
  }
  if (is_set) {
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  }
  return Number(&composites_, std::pair(is_set, std::move(classes)));
}

uint32_t KeyClasses::ClassOf(NodeId key) {
  const auto has_parts = [this](NodeId node) {
    const ValueKind kind = graph_.kind(node);
    return kind == ValueKind::kTuple || kind == ValueKind::kFrozenSet ||
           kind == ValueKind::kSize;
  };
  if (!has_parts(key)) return ClassOfAtom(key);
  // Tuples and frozensets are made of older nodes, so there are no cycles.
  std::vector<std::pair<NodeId, bool>> pending = {{key, false}};
  while (!pending.empty()) {
    const auto [node, parts_are_done] = pending.back();
    if (composite_nodes_.contains(node)) {
      pending.pop_back();
    } else if (parts_are_done) {
      const uint32_t node_class = ClassOfParts(node);
      composite_nodes_.emplace(node, node_class);
      pending.pop_back();
    } else {
      pending.back().second = true;
      for (NodeId part : Parts(node)) {
        if (has_parts(part) && !composite_nodes_.contains(part)) {
          pending.emplace_back(part, false);
        }
      }
    }
  }
  return composite_nodes_.find(key)->second;
}

std::optional<uint32_t> KeyClasses::ClassOfStr(absl::string_view text) const {
  const auto found = strs_.find(text);
  if (found == strs_.end()) return std::nullopt;
  return found->second;
}

std::optional<uint32_t> KeyClasses::ClassOfInt(int64_t value) const {
  const auto found = ints_.find(value);
  if (found == ints_.end()) return std::nullopt;
  return found->second;
}

}  // namespace ferry
