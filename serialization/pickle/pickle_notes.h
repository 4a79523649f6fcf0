// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_notes.h
// -----------------------------------------------------------------------------
//
// Records which str objects a pickle used in places for which the graph stores
// only the text: names of globals, keys and locations of storages, and words
// such as "latin1". Python writes a str object once and then refers to it. A
// pickle can therefore be written back byte for byte only with the same
// objects.
//
// Example: record a note when reading, and use it when writing.
//
//   PickleNotes& notes = PickleNotes::In(&graph);
//   notes.NoteGlobal(graph.global_index(global), module, name);
//   PickleNotes::Of(graph).global(graph.global_index(global)).module;
#ifndef FERRY_SERIALIZATION_PICKLE_PICKLE_NOTES_H_
#define FERRY_SERIALIZATION_PICKLE_PICKLE_NOTES_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/core/hash_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// PickleNotes
//
// All nodes are str nodes of the graph that owns the notes; kNoNode means that
// none is known. The tables extend to the last global and the last storage that
// have a note. Nodes imported from another graph have no notes.
//
// Thread-safety: any number of threads may call const methods, as long as no
// thread calls a non-const method.
class PickleNotes final : public CodecNotes {
 public:
  // The strs that make up the name of a global (opcode STACK_GLOBAL).
  struct Global {
    NodeId module = kNoNode;
    NodeId name = kNoNode;
  };
  // The strs in the references to a storage. `location` is kNoNode if each
  // reference had a new str.
  struct Storage {
    NodeId key = kNoNode;
    NodeId location = kNoNode;
  };

  // Returns the notes in `graph`. If there are none, or they are another
  // codec's, replaces them with empty notes.
  static PickleNotes& In(ObjectGraph* graph);
  // Returns the notes in `graph`, or empty notes. Valid as long as the graph.
  static const PickleNotes& Of(const ObjectGraph& graph);

  // Records the strs of the global at `index` (`ObjectGraph::global_index`).
  // They must be its module and its name, because they are written in place of
  // them. Only the first call per global has an effect.
  void NoteGlobal(uint32_t index, NodeId module, NodeId name);
  Global global(uint32_t index) const {
    return index < globals_.size() ? globals_[index] : Global();
  }

  // Records a reference to the storage at `index`
  // (`ObjectGraph::storage_index`). Keeps the first key, and the location only
  // if all references have the same one.
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

  // Records the str node of a word for which Python has one shared object
  // ("storage", "cpu", "latin1"). Keeps only the first node of each word.
  // `text` is the text of the node.
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
  HashMap<absl::string_view, NodeId> shared_words_;
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_NOTES_H_
