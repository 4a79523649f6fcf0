// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/object_graph_keys.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "absl/container/inlined_vector.h"

namespace ferry {
inline namespace v1 {
namespace {

// Keys with at most this many parts, with little text and no parts of their
// own, are examined again wherever they occur, which is faster than to note
// them.
constexpr size_t kFewParts = 8;

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

bool HasParts(const ObjectGraph& graph, NodeId key) {
  const ValueKind kind = graph.kind(key);
  return kind == ValueKind::kTuple || kind == ValueKind::kFrozenSet ||
         kind == ValueKind::kSize;
}

// The items of a key with parts.
absl::Span<const NodeId> Parts(const ObjectGraph& graph, NodeId key) {
  return graph.kind(key) == ValueKind::kSize ? graph.size_items(key)
                                             : graph.items(key);
}

bool HasText(const ObjectGraph& graph, NodeId key) {
  const ValueKind kind = graph.kind(key);
  return kind == ValueKind::kStr || kind == ValueKind::kBytes ||
         (kind == ValueKind::kInt && graph.is_big_int(key));
}

bool IsLongText(const ObjectGraph& graph, NodeId key) {
  return HasText(graph, key) &&
         graph.text(key).size() > KeyClasses::kLongTextBytes;
}

// Whether a key may take long to examine: it has parts, or a long text.
bool IsCostly(const ObjectGraph& graph, NodeId key) {
  return HasParts(graph, key) || IsLongText(graph, key);
}

// Whether a key with parts is as cheap to examine as a short text and a few
// numbers.
bool HasFewPlainParts(const ObjectGraph& graph, NodeId key) {
  if (!HasParts(graph, key)) return false;
  const absl::Span<const NodeId> parts = Parts(graph, key);
  if (parts.size() > kFewParts) return false;
  size_t text_bytes = 0;
  for (const NodeId part : parts) {
    if (HasParts(graph, part)) return false;
    if (HasText(graph, part)) text_bytes += graph.text(part).size();
  }
  return text_bytes <= KeyClasses::kLongTextBytes;
}

}  // namespace

std::optional<ScalarKey> ScalarKey::OfFloat(double value) {
  if (std::isinf(value) || value != std::floor(value)) {
    if (std::isnan(value)) return std::nullopt;
    return ScalarKey(kFloat, Bits(value));
  }
  if (value < -kBigFrom || value >= kBigFrom) return std::nullopt;
  return OfInt(static_cast<int64_t>(value));
}

std::optional<ScalarKey> ScalarKey::Of(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kNone:
      return ScalarKey(kNone);
    case ValueKind::kBool:
      return OfInt(graph.int_value(node));
    case ValueKind::kInt:
      if (graph.is_big_int(node)) return std::nullopt;
      return OfInt(graph.int_value(node));
    case ValueKind::kFloat:
      return OfFloat(graph.float_value(node));
    case ValueKind::kComplex: {
      const std::complex<double> value = graph.complex_value(node);
      if (value.imag() != 0) return std::nullopt;
      return OfFloat(value.real());
    }
    case ValueKind::kStr:
      return OfStr(graph.text(node));
    default:
      return std::nullopt;
  }
}

// Texts, which most keys are, come first in these.
bool IsDirectKey(const ObjectGraph& graph, NodeId key) {
  if (graph.kind(key) == ValueKind::kStr) return !IsLongText(graph, key);
  const auto is_scalar = [&](NodeId node) {
    return ScalarKey::Of(graph, node).has_value();
  };
  if (!HasParts(graph, key)) return is_scalar(key);
  if (!HasFewPlainParts(graph, key) ||
      graph.kind(key) == ValueKind::kFrozenSet) {
    return false;
  }
  const absl::Span<const NodeId> parts = Parts(graph, key);
  return std::all_of(parts.begin(), parts.end(), is_scalar);
}

size_t DirectKeyHash::operator()(NodeId key) const {
  if (graph->kind(key) == ValueKind::kStr) {
    return absl::HashOf(graph->text(key));
  }
  if (!HasParts(*graph, key)) {
    return absl::Hash<ScalarKey>()(*ScalarKey::Of(*graph, key));
  }
  absl::InlinedVector<ScalarKey, kFewParts> parts;
  for (const NodeId part : Parts(*graph, key)) {
    parts.push_back(*ScalarKey::Of(*graph, part));
  }
  return absl::HashOf(absl::MakeConstSpan(parts));
}

bool DirectKeyEqual::operator()(NodeId a, NodeId b) const {
  if (graph->kind(a) == ValueKind::kStr) {
    return graph->kind(b) == ValueKind::kStr &&
           graph->text(a) == graph->text(b);
  }
  const auto are_equal = [this](NodeId first, NodeId second) {
    return *ScalarKey::Of(*graph, first) == *ScalarKey::Of(*graph, second);
  };
  if (HasParts(*graph, a) != HasParts(*graph, b)) return false;
  if (!HasParts(*graph, a)) return are_equal(a, b);
  const absl::Span<const NodeId> parts_of_a = Parts(*graph, a);
  const absl::Span<const NodeId> parts_of_b = Parts(*graph, b);
  return std::equal(parts_of_a.begin(), parts_of_a.end(), parts_of_b.begin(),
                    parts_of_b.end(), are_equal);
}

uint32_t KeyClasses::ClassOfAtom(const Source& source, NodeId atom) {
  const ObjectGraph& graph = source.graph;
  if (const std::optional<ScalarKey> scalar = ScalarKey::Of(graph, atom)) {
    return Number(source, &scalars_, *scalar);
  }
  const auto by_node = [&](NodeId node) {
    return Number(source, &others_,
                  std::pair(ValueKind::kObject, uint64_t{node}));
  };
  const auto by_identity = [&] {
    return source.is_own ? by_node(atom) : kUnknown;
  };
  // Returns the number of a float that is no scalar key.
  const auto by_big_float = [&](double value) {
    return std::isnan(value)
               ? by_identity()
               : Number(source, &big_ints_, TwosComplement(value));
  };
  const ValueKind kind = graph.kind(atom);
  switch (kind) {
    case ValueKind::kList:
    case ValueKind::kSet:
    case ValueKind::kByteArray:
    case ValueKind::kDict:
      return kUnhashable;
    case ValueKind::kBytes:
      return Number(source, &bytes_, graph.text(atom));
    case ValueKind::kInt:
      return Number(source, &big_ints_, std::string(graph.text(atom)));
    case ValueKind::kFloat:
      return by_big_float(graph.float_value(atom));
    case ValueKind::kComplex: {
      const std::complex<double> value = graph.complex_value(atom);
      if (value.imag() == 0) return by_big_float(value.real());
      if (std::isnan(value.real()) || std::isnan(value.imag())) {
        return by_identity();
      }
      // Both zeros are one number.
      const double real = value.real() == 0 ? 0 : value.real();
      return Number(source, &complexes_,
                    std::pair(Bits(real), Bits(value.imag())));
    }
    case ValueKind::kDType:
      return Number(source, &others_,
                    std::pair(kind, static_cast<uint64_t>(graph.dtype(atom))));
    case ValueKind::kLayout:
      return Number(source, &others_,
                    std::pair(kind, static_cast<uint64_t>(graph.layout(atom))));
    case ValueKind::kDevice:
      return Number(source, &devices_, graph.device(atom).ToString());
    case ValueKind::kGlobal:
      // A graph has one node for each global.
      if (source.is_own) return by_node(atom);
      return by_node(graph_.FindGlobal(graph.global(atom).module,
                                       graph.global(atom).name));
    default:
      return by_identity();
  }
}

// Must be called once all costly parts have a class.
uint32_t KeyClasses::ClassOfParts(const Source& source, NodeId key) {
  const ObjectGraph& graph = source.graph;
  const bool is_set = graph.kind(key) == ValueKind::kFrozenSet;
  const size_t begin = composite_words_.size();
  // Its words are the last ones, and stay if the key is new.
  composite_words_.push_back(is_set ? 1 : 0);
  for (NodeId part : Parts(graph, key)) {
    const uint32_t part_class = IsCostly(graph, part)
                                    ? source.costly->find(part)->second
                                    : ClassOfAtom(source, part);
    if (part_class == kUnhashable) {
      composite_words_.resize(begin);
      return kUnhashable;
    }
    composite_words_.push_back(part_class);
  }
  if (is_set) {
    const auto first =
        composite_words_.begin() + static_cast<ptrdiff_t>(begin + 1);
    std::sort(first, composite_words_.end());
    composite_words_.erase(std::unique(first, composite_words_.end()),
                           composite_words_.end());
  }
  const Composite composite = {
      begin, static_cast<uint32_t>(composite_words_.size() - begin - 1),
      next_class_};
  if (source.is_own) {
    const auto [found, is_new] = composites_.insert(composite);
    if (is_new) {
      ++next_class_;
    } else {
      composite_words_.resize(begin);
    }
    return found->number;
  }
  const auto found = composites_.find(composite);
  const uint32_t number = found == composites_.end() ? kUnknown : found->number;
  composite_words_.resize(begin);
  return number;
}

uint32_t KeyClasses::ClassOf(const Source& source, NodeId key) {
  const ObjectGraph& graph = source.graph;
  if (!IsCostly(graph, key)) return ClassOfAtom(source, key);
  if (HasFewPlainParts(graph, key)) return ClassOfParts(source, key);
  CostlyNodes& known = *source.costly;
  // Tuples and frozensets are made of older nodes, so there are no cycles.
  std::vector<std::pair<NodeId, bool>> pending = {{key, false}};
  while (!pending.empty()) {
    const auto [node, parts_are_done] = pending.back();
    if (known.contains(node)) {
      pending.pop_back();
    } else if (!HasParts(graph, node)) {
      known.emplace(node, ClassOfAtom(source, node));
      pending.pop_back();
    } else if (parts_are_done) {
      const uint32_t node_class = ClassOfParts(source, node);
      known.emplace(node, node_class);
      pending.pop_back();
    } else {
      pending.back().second = true;
      for (NodeId part : Parts(graph, node)) {
        if (IsCostly(graph, part) && !known.contains(part)) {
          pending.emplace_back(part, false);
        }
      }
    }
  }
  return known.find(key)->second;
}

uint32_t KeyClasses::FindForeign(const ObjectGraph& graph, NodeId key) {
  CostlyNodes costly;
  return ClassOf({graph, &costly, /*is_own=*/false}, key);
}

uint32_t KeyClasses::Find(const ScalarKey& key) const {
  const auto found = scalars_.find(key);
  return found == scalars_.end() ? kUnknown : found->second;
}

}  // namespace v1
}  // namespace ferry
