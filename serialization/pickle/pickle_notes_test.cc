// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickle_notes.h"

#include <cstdint>
#include <memory>

#include "ferry/value/object_graph.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

class OtherNotes final : public CodecNotes {};

TEST(PickleNotesTest, AGraphHasOneSetOfNotes) {
  ObjectGraph graph;
  EXPECT_EQ(PickleNotes::Of(graph).shared_word("cpu"), kNoNode);
  EXPECT_EQ(graph.codec_notes(), nullptr);
  PickleNotes& notes = PickleNotes::In(&graph);
  EXPECT_EQ(&PickleNotes::In(&graph), &notes);
  EXPECT_EQ(&PickleNotes::Of(graph), &notes);
}

TEST(PickleNotesTest, NotesOfAnotherCodecAreIgnoredAndReplaced) {
  ObjectGraph graph;
  graph.set_codec_notes(std::make_unique<OtherNotes>());
  EXPECT_EQ(PickleNotes::Of(graph).shared_word("cpu"), kNoNode);
  EXPECT_NE(dynamic_cast<OtherNotes*>(graph.codec_notes()), nullptr);
  const PickleNotes& notes = PickleNotes::In(&graph);
  EXPECT_EQ(&PickleNotes::Of(graph), &notes);
}

TEST(PickleNotesTest, TheFirstStrsOfGlobalsAndWordsCount) {
  PickleNotes notes;
  notes.NoteGlobal(2, 10, 11);
  notes.NoteGlobal(2, 12, 13);
  EXPECT_EQ(notes.global(2).module, 10u);
  EXPECT_EQ(notes.global(2).name, 11u);
  notes.NoteGlobal(1, 14, 15);
  EXPECT_EQ(notes.global(1).module, 14u);
  for (uint32_t unknown : {0, 3}) {
    EXPECT_EQ(notes.global(unknown).module, kNoNode);
    EXPECT_EQ(notes.global(unknown).name, kNoNode);
  }
  notes.NoteSharedWord("cpu", 16);
  notes.NoteSharedWord("cpu", 17);
  EXPECT_EQ(notes.shared_word("cpu"), 16u);
}

TEST(PickleNotesTest, ALocationCountsIfAllReferencesHaveIt) {
  PickleNotes notes;
  notes.NoteStorage(0, 10, 11);
  notes.NoteStorage(2, 12, 13);
  notes.NoteStorage(2, 14, 13);
  EXPECT_EQ(notes.storage(2).key, 12u);
  EXPECT_EQ(notes.storage(2).location, 13u);
  // Once it does not count, it never does again.
  for (NodeId location : {15, 11}) {
    notes.NoteStorage(0, 10, location);
    EXPECT_EQ(notes.storage(0).key, 10u);
    EXPECT_EQ(notes.storage(0).location, kNoNode);
  }
  // A note may be the first of its storage but not of the last storage.
  notes.NoteStorage(1, 14, 15);
  EXPECT_EQ(notes.storage(1).key, 14u);
  EXPECT_EQ(notes.storage(1).location, 15u);
  for (uint32_t unknown : {3, 4}) {
    EXPECT_EQ(notes.storage(unknown).key, kNoNode);
    EXPECT_EQ(notes.storage(unknown).location, kNoNode);
  }
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
