// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/object_graph_keys.h
// -----------------------------------------------------------------------------
//
// Decides which keys of dicts and items of sets are equal in Python. Part of
// `ObjectGraph`; nothing else includes it.
#ifndef FERRY_VALUE_OBJECT_GRAPH_KEYS_H_
#define FERRY_VALUE_OBJECT_GRAPH_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

// ScalarKey
//
// The value that Python compares for a key that is None, a bool, an int, a
// float, a complex number with imaginary part 0, or a str. For example, 1, 1.0
// and True are the same key. NaN and whole numbers that do not fit in 64 bits
// are not scalar keys. A scalar key equals only scalar keys.
//
// Thread-safety: immutable.
class ScalarKey {
 public:
  // `text` must outlive the key.
  static ScalarKey OfStr(absl::string_view text) {
    return ScalarKey(kStr, text.size(), text.data());
  }
  static ScalarKey OfInt(int64_t value) {
    return ScalarKey(kInt, static_cast<uint64_t>(value));
  }
  // Returns the scalar key of a node, or nullopt if it is not one. Valid as
  // long as the graph.
  static std::optional<ScalarKey> Of(const ObjectGraph& graph, NodeId node);

  // Whether the key equals that of a node.
  bool Equals(const ObjectGraph& graph, NodeId node) const {
    if (type_ == kStr) {
      return graph.kind(node) == ValueKind::kStr && graph.text(node) == text();
    }
    return Of(graph, node) == *this;
  }

  friend bool operator==(const ScalarKey& a, const ScalarKey& b) {
    return a.type_ == b.type_ && a.bits_ == b.bits_ &&
           (a.type_ != kStr || a.text() == b.text());
  }
  template <typename H>
  friend H AbslHashValue(H hash, const ScalarKey& key) {
    return key.type_ == kStr
               ? H::combine(std::move(hash), key.text())
               : H::combine(std::move(hash), key.type_, key.bits_);
  }

 private:
  enum Type : uint8_t { kNone, kInt, kFloat, kStr };

  explicit ScalarKey(Type type, uint64_t bits = 0, const char* text = nullptr)
      : type_(type), bits_(bits), text_(text) {}
  static std::optional<ScalarKey> OfFloat(double value);

  absl::string_view text() const { return {text_, bits_}; }

  Type type_;
  // The value of an int, the bits of a float that is not an int, or the size of
  // a str's text in bytes.
  uint64_t bits_;
  const char* text_;
};

// A direct key is a scalar key, or a tuple or torch.Size of a few scalar keys,
// with little text: two of them are compared as quickly as they are numbered.
bool IsDirectKey(const ObjectGraph& graph, NodeId key);

// Python's equality of direct keys, and a hash that goes with it.
struct DirectKeyHash {
  size_t operator()(NodeId key) const;
  const ObjectGraph* graph;
};
struct DirectKeyEqual {
  bool operator()(NodeId a, NodeId b) const;
  const ObjectGraph* graph;
};

// KeyClasses
//
// Numbers keys so that two keys have the same number if and only if they are
// equal in Python. For example, 1, 1.0 and True are one key, while 2**53 + 1
// and 2.0**53 are two. A NaN equals only itself. Tuples, torch.Sizes and
// frozensets are compared by their items; dtypes, devices and layouts by value;
// all other objects by identity.
//
// Numbers stay valid as the graph grows. A key that takes long to examine is
// examined once, so the cost is linear in the number of keys, even if they
// share parts.
//
// Thread-safety: none.
class KeyClasses {
 public:
  // `graph` must outlive it.
  explicit KeyClasses(const ObjectGraph& graph) : graph_(graph) {}
  KeyClasses(const KeyClasses&) = delete;
  KeyClasses& operator=(const KeyClasses&) = delete;

  // Texts beyond this size are looked at once for each node, not for each dict
  // that the node is a key of.
  static constexpr size_t kLongTextBytes = 256;

  // The number of every key that Python cannot hash: lists, dicts, sets,
  // bytearrays, and tuples and frozensets that contain one of these.
  static constexpr uint32_t kUnhashable = 0xFFFFFFFF;
  // Returned for a key that equals no numbered key.
  static constexpr uint32_t kUnknown = 0xFFFFFFFE;

  // Returns the number of a key of the graph. A key that equals no earlier key
  // gets a new number.
  uint32_t ClassOf(NodeId key) {
    return ClassOf({graph_, &costly_nodes_, /*is_own=*/true}, key);
  }

  // Returns the number of a key of another graph, or kUnknown. A global matches
  // the global with the same name in this graph. Any other key that is compared
  // by identity, or that contains one, is unknown. Assigns no new number.
  uint32_t FindForeign(const ObjectGraph& graph, NodeId key);
  // Returns the number of a scalar key, or kUnknown.
  uint32_t Find(const ScalarKey& key) const;

 private:
  using CostlyNodes = HashMap<NodeId, uint32_t>;

  // The graph that a key belongs to.
  struct Source {
    const ObjectGraph& graph;
    // The classes of its costly nodes so far, except keys with few plain parts.
    CostlyNodes* costly;
    bool is_own;  // whether `graph` is `graph_`
  };

  // A numbered key with parts. Its words begin at `begin` in
  // `composite_words_`: the first is 1 for a set and 0 otherwise, the others
  // are the classes of the parts.
  struct Composite {
    size_t begin;
    uint32_t num_parts;
    uint32_t number;
  };
  using Words = std::vector<uint32_t>;
  static absl::Span<const uint32_t> WordsOf(const Words& words,
                                            const Composite& key) {
    return absl::MakeConstSpan(words).subspan(key.begin,
                                              size_t{1} + key.num_parts);
  }
  struct CompositeHash {
    size_t operator()(const Composite& key) const {
      return absl::Hash<absl::Span<const uint32_t>>()(WordsOf(*words, key));
    }
    const Words* words;
  };
  struct CompositeEqual {
    bool operator()(const Composite& a, const Composite& b) const {
      return WordsOf(*words, a) == WordsOf(*words, b);
    }
    const Words* words;
  };

  uint32_t ClassOf(const Source& source, NodeId key);
  uint32_t ClassOfAtom(const Source& source, NodeId atom);
  uint32_t ClassOfParts(const Source& source, NodeId key);

  template <typename Map, typename Key>
  uint32_t Number(const Source& source, Map* map, Key&& key) {
    if (!source.is_own) {
      const auto found = map->find(key);
      return found == map->end() ? kUnknown : found->second;
    }
    const auto [found, is_new] =
        map->try_emplace(std::forward<Key>(key), next_class_);
    if (is_new) ++next_class_;
    return found->second;
  }

  const ObjectGraph& graph_;
  uint32_t next_class_ = 0;
  HashMap<ScalarKey, uint32_t> scalars_;
  HashMap<absl::string_view, uint32_t> bytes_;
  HashMap<std::string, uint32_t> big_ints_;
  // The bits of the real and the imaginary part.
  HashMap<std::pair<uint64_t, uint64_t>, uint32_t> complexes_;
  // The kind, and the value or, for objects, the node.
  HashMap<std::pair<ValueKind, uint64_t>, uint32_t> others_;
  HashMap<std::string, uint32_t> devices_;
  Words composite_words_;
  HashSet<Composite, CompositeHash, CompositeEqual> composites_{
      0, CompositeHash{&composite_words_}, CompositeEqual{&composite_words_}};
  CostlyNodes costly_nodes_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_OBJECT_GRAPH_KEYS_H_
