// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_notes.h
// -----------------------------------------------------------------------------
//
// Which str objects a pickle used where the graph keeps only what they say: for
// the names of globals, the keys and locations of storages, and words such as
// "latin1". Python writes a str object once and then refers to it, so a pickle
// that was read becomes the same bytes again only if the same objects are used.
//
// Example: what is read is noted, and asked for when it is written.
//
//   PickleNotes& notes = PickleNotes::In(&graph);
//   notes.NoteGlobal(graph.global_index(global), module, name);
//   PickleNotes::Of(graph).global(graph.global_index(global)).module;
#ifndef FERRY_SERIALIZATION_PICKLE_PICKLE_NOTES_H_
#define FERRY_SERIALIZATION_PICKLE_PICKLE_NOTES_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace pickle {

// PickleNotes
//
// All nodes are str nodes of the graph that owns the notes; kNoNode means that
// none is known. The tables are as long as the last global and the last storage
// with a note. What is imported from another graph has no notes.
//
// Thread-safety: const methods may be called from any number of threads, as
// long as none calls another.
class PickleNotes final : public CodecNotes {
 public:
  // The strs that spelt a global (pickle protocol 4 and later).
  struct Global {
    NodeId module = kNoNode;
    NodeId name = kNoNode;
  };
  // The strs in the references to a storage. There is no location if the
  // references had a new str each.
  struct Storage {
    NodeId key = kNoNode;
    NodeId location = kNoNode;
  };

  // Returns the notes in `graph`. If it has none, or those of another codec,
  // puts empty notes there.
  static PickleNotes& In(ObjectGraph* graph);
  // Returns the notes in `graph`, or empty ones. Valid as long as the graph.
  static const PickleNotes& Of(const ObjectGraph& graph);

  // Notes what spelt the global at `index` (`ObjectGraph::global_index`). Only
  // the first note counts.
  void NoteGlobal(uint32_t index, NodeId module, NodeId name);
  Global global(uint32_t index) const {
    return index < globals_.size() ? globals_[index] : Global();
  }

  // Notes a reference to the storage at `index` (`ObjectGraph::storage_index`).
  // The first key counts. The location counts only if all references have it.
  void NoteStorage(uint32_t index, NodeId key, NodeId location) {
    if (index >= storages_.size()) storages_.resize(index + 1);
    Storage& known = storages_[index];
    if (known.key == kNoNode) {
      known = {key, location};
    } else if (known.location != location) {
      known.location = kNoNode;
    }
  }
  Storage storage(uint32_t index) const {
    return index < storages_.size() ? storages_[index] : Storage();
  }

  // Notes the str node of a word that Python keeps once for everybody
  // ("storage", "cpu", "latin1"). Only the first node of a word counts. `text`
  // is the text of the node.
  void NoteSharedWord(absl::string_view text, NodeId node) {
    shared_words_.try_emplace(text, node);
  }
  NodeId shared_word(absl::string_view text) const {
    const auto found = shared_words_.find(text);
    return found == shared_words_.end() ? kNoNode : found->second;
  }

 private:
  std::vector<Global> globals_;    // by index
  std::vector<Storage> storages_;  // by index
  absl::flat_hash_map<absl::string_view, NodeId> shared_words_;
};

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_NOTES_H_
