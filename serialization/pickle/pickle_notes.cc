// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickle_notes.h"

#include <memory>
#include <utility>

namespace ferry {
inline namespace v1 {
namespace pickle {

PickleNotes& PickleNotes::In(ObjectGraph* graph) {
  if (auto* const notes = dynamic_cast<PickleNotes*>(graph->codec_notes())) {
    return *notes;
  }
  auto notes = std::make_unique<PickleNotes>();
  PickleNotes& result = *notes;
  graph->set_codec_notes(std::move(notes));
  return result;
}

const PickleNotes& PickleNotes::Of(const ObjectGraph& graph) {
  static const PickleNotes* const none = new PickleNotes;
  const auto* const notes =
      dynamic_cast<const PickleNotes*>(graph.codec_notes());
  return notes == nullptr ? *none : *notes;
}

void PickleNotes::NoteGlobal(uint32_t index, NodeId module, NodeId name) {
  if (index >= globals_.size()) globals_.resize(index + 1);
  if (globals_[index].module == kNoNode) globals_[index] = {module, name};
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
