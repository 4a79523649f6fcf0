// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/checkpoint_mutator.h"

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "ferry/value/object_graph.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint32_t kSeeds = 1000;

std::string ChangeFirstByte(absl::string_view bytes) {
  std::string out(bytes);
  if (!out.empty()) out[0] = static_cast<char>(out[0] ^ 1);
  return out;
}

bool CanBeUnpickled(absl::string_view pickle) {
  Budget budget;
  ObjectGraph graph;
  return pickle::Unpickle(pickle, &budget, /*hooks=*/nullptr, &graph).ok();
}

// {"a": [1, 2.5, None], "b": ("text", True)}, with protocol 2.
constexpr absl::string_view kPickle(
    "\x80\x02}q\x00(X\x01\x00\x00\x00"
    "aq\x01]q\x02(K\x01G@\x04\x00\x00\x00\x00\x00\x00NeX\x01\x00\x00\x00"
    "bq\x03X\x04\x00\x00\x00textq\x04\x88\x86q\x05u.",
    56);

TEST(CheckpointMutatorTest, ArchivesStayValid) {
  ZipBuilder zip;
  zip.Add("a/data.pkl", kPickle);
  zip.AddDeflated("a/deflated.pkl", kPickle);
  zip.Add("a/data/0", "some bytes");
  const std::string archive = zip.Build();
  uint32_t num_same = 0;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const std::string mutated =
        MutateCheckpoint(archive, seed, ChangeFirstByte);
    if (mutated == archive) ++num_same;
    const auto file = MakeMemoryFile(mutated, "mutated");
    const auto directory = zip::ZipDirectory::Read(*file, Budget::Unlimited());
    ASSERT_THAT(directory, IsOk()) << seed;
    ASSERT_EQ(directory->entries().size(), 3);
    for (const Extent& entry : directory->entries()) {
      EXPECT_THAT(ReadExtent(*file, entry, /*verify=*/true), IsOk()) << seed;
    }
  }
  EXPECT_LT(num_same, kSeeds / 4);
}

TEST(CheckpointMutatorTest, PicklesStaySequencesOfOpcodes) {
  uint32_t num_read = 0;
  uint32_t num_same = 0;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const std::string mutated =
        MutateCheckpoint(kPickle, seed, ChangeFirstByte);
    num_same += mutated == kPickle ? 1 : 0;
    num_read += CanBeUnpickled(mutated) ? 1 : 0;
  }
  EXPECT_LT(num_same, kSeeds / 4);
  EXPECT_GT(num_read, kSeeds / 3);
}

TEST(CheckpointMutatorTest, ChangesEveryPickleOfAStream) {
  const std::string stream = std::string(kPickle) + std::string(kPickle) + "x";
  bool first_changed = false;
  bool second_changed = false;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const std::string mutated = MutateCheckpoint(stream, seed, ChangeFirstByte);
    if (mutated.substr(0, kPickle.size()) != kPickle) first_changed = true;
    if (mutated.substr(0, kPickle.size()) == kPickle && mutated != stream) {
      second_changed = true;
    }
  }
  EXPECT_TRUE(first_changed);
  EXPECT_TRUE(second_changed);
}

TEST(CheckpointMutatorTest, TextFitsItsCount) {
  const auto lengthen = [](absl::string_view) { return std::string(300, 'x'); };
  bool was_lengthened = false;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const std::string mutated = MutateCheckpoint(
        "U\x01"
        "a.",
        seed, lengthen);
    if (mutated.size() != 258) continue;
    was_lengthened = true;
    EXPECT_TRUE(CanBeUnpickled(mutated)) << seed;
  }
  EXPECT_TRUE(was_lengthened);
}

TEST(CheckpointMutatorTest, PutsSpecialTextIntoText) {
  bool has_tilde = false;
  bool has_escape = false;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const std::string mutated = MutateCheckpoint(
        absl::string_view("X\x01\0\0\0a.", 7), seed, ChangeFirstByte);
    has_tilde = has_tilde || absl::StrContains(mutated, "~");
    has_escape = has_escape || absl::StrContains(mutated, "\x1B");
  }
  EXPECT_TRUE(has_tilde);
  EXPECT_TRUE(has_escape);
}

TEST(CheckpointMutatorTest, DependsOnItsArgumentsAlone) {
  EXPECT_EQ(MutateCheckpoint(kPickle, 7, ChangeFirstByte),
            MutateCheckpoint(kPickle, 7, ChangeFirstByte));
}

TEST(CheckpointMutatorTest, TakesAnyBytes) {
  for (const absl::string_view bytes : {"", "x", "PK", "\x8A\xFFX", "cabc"}) {
    for (uint32_t seed = 0; seed < 100; ++seed) {
      MutateCheckpoint(bytes, seed, ChangeFirstByte);
    }
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
