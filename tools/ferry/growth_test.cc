// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever a file shares and however deep it is, what a command does and prints
// is in proportion to the file, or to limits that are.

#include "ferry/core/testing/growth.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/tools/ferry/input.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/testing/growing_graphs.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What a command may spend on each byte of its file: by default, but without
// the floor, and so little that what multiplies is refused at a small size.
struct Rates {
  size_t steps;
  size_t output;
};
constexpr Rates kDefaultRates = {64, 32};
constexpr Rates kTightRates = {8, 8};

// Commands, without the name of the file.
const std::vector<std::vector<std::string>>& Commands() {
  static const auto* const commands = new std::vector<std::vector<std::string>>{
      {"inspect"},
      {"inspect", "--all"},
      {"inspect", "--filter=*k1*"},
      {"inspect", "--filter=/nowhere"},
      {"inspect", "--format=json", "--digest"},
      {"scan"},
      {"scan", "--format=json"},
      {"convert", "--as-data"},
      {"convert", "--state-dict", "--tensors-only"},
      {"convert", "--tensors-only"},
  };
  return *commands;
}

std::string FileOf(const GrowingGraph& row, size_t n) {
  const auto graph = std::make_shared<ObjectGraph>();
  const NodeId root = row.add(n, graph.get());
  const std::string path = TestPath("made.pt");
  SaveOptions options;
  options.pickle_protocol = 4;  // the first that has keyword arguments
  EXPECT_THAT(Save(Value(graph, root), path, options), IsOk());
  return ReadFile(path);
}

// Work on the graphs of a file is in proportion to the file.
TEST(GrowthTest, TheGraphsOfAFileAreWorthTheFile) {
  const std::string path =
      SaveTestFile("file.pt", Value(std::string(100000, 'x')));
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->root().graph()->stored_bytes(), ReadFile(path).size());
}

TEST(GrowthTest, CommandsCostInProportionToTheFileOrEndAtALimit) {
  constexpr size_t kN = 400;
  for (const GrowingGraph& row : GrowingGraphs()) {
    const Rates& rates = row.multiplies ? kTightRates : kDefaultRates;
    for (const std::vector<std::string>& command : Commands()) {
      SCOPED_TRACE(
          absl::StrCat(row.name, ": ferry ", absl::StrJoin(command, " ")));
      EXPECT_TRUE(GrowsLinearly(
          kN, [&row](size_t n) { return FileOf(row, n); },
          [&](const std::string& file) {
            const std::string out = TestPath("out.pt");
            std::vector<std::string> arguments = command;
            arguments.push_back(
                absl::StrCat("--max-steps=", rates.steps * file.size()));
            arguments.push_back(
                absl::StrCat("--max-output=", rates.output * file.size()));
            arguments.push_back(WriteTestFile("in.pt", file));
            if (command[0] == "convert") arguments.push_back(out);
            const FerryResult result = RunFerryForTest(arguments);
            if (!row.multiplies) {
              EXPECT_THAT(result.err, Not(HasSubstr("which is the limit")));
              EXPECT_THAT(result.out, Not(HasSubstr("which is the limit")));
            }
            // A command that failed wrote no file.
            const size_t written =
                command[0] == "convert" && result.exit_code == 0
                    ? ReadFile(out).size()
                    : 0;
            return Cost{0, result.out.size() + result.err.size() + written};
          }));
    }
  }
}

// A file of tensors over one storage of 16 MiB, which is deflated to 16 KiB.
std::string WriteDeflatedViews(int num_views) {
  constexpr int64_t kBytes = 16 << 20;
  const Storage storage = *Storage::Allocate(kBytes);
  std::memset(storage.data(), 0, kBytes);
  Value dict = Value::Dict();
  for (int i = 0; i < num_views; ++i) {
    EXPECT_THAT(
        dict.Set(absl::StrCat(i),
                 Value(*Tensor::Create(storage, DType::kUInt8, {kBytes}))),
        IsOk());
  }
  const absl::StatusOr<Checkpoint> plain =
      Checkpoint::Open(SaveTestFile("plain.pt", dict));
  EXPECT_THAT(plain, IsOk());
  ZipBuilder zip;
  for (const char* record : {"data.pkl", "data/0"}) {
    zip.AddDeflated(absl::StrCat("plain/", record), *plain->ReadRecord(record));
  }
  zip.Add("plain/version", "3\n");
  return WriteTestFile("deflated.pt", zip.Build());
}

// What is inflated may be written and hashed once. Only what repeats it is in
// proportion to the file.
TEST(GrowthTest, WhatIsInflatedIsNotRepeated) {
  const std::string out = TestPath("out.safetensors");
  const std::vector<std::string> convert = {"convert", "--copy-shared"};
  const std::vector<std::string> digest = {"inspect", "--digest"};
  const auto run = [&out](std::vector<std::string> arguments,
                          const std::string& file) {
    arguments.push_back(file);
    if (arguments[0] == "convert") arguments.push_back(out);
    return RunFerryForTest(arguments);
  };
  const std::string tied = WriteDeflatedViews(2);
  EXPECT_EQ(run(convert, tied).exit_code, 0);
  EXPECT_EQ(ReadFile(out).size() >> 20, 32u);
  EXPECT_THAT(run(digest, tied).err, Not(HasSubstr("which is the limit")));

  const std::string bomb = WriteDeflatedViews(20);
  const FerryResult refused = run(convert, bomb);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("raise --max-output"));
  EXPECT_EQ(ReadFile(out).size() >> 20, 32u);  // as it was
  EXPECT_THAT(run(digest, bomb).err, HasSubstr("raise --max-steps"));
  // Views of a storage that is not deflated are worth their bytes.
  const FerryResult plain = run(digest, TestPath("plain.pt"));
  EXPECT_THAT(plain.err, Not(HasSubstr("which is the limit")));
}

// What is opened and what it takes to list it are in memory at the same time.
TEST(GrowthTest, OneLimitOfMemoryIsForOpeningAndListing) {
  auto graph = std::make_shared<ObjectGraph>();
  const NodeId root =
      graph->AddList(std::vector<NodeId>(1000000, graph->AddTuple({})));
  const std::string path = SaveTestFile("list.pt", Value(graph, root));
  uint64_t held_bytes, listing_bytes;
  {
    const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path);
    ASSERT_THAT(checkpoint, IsOk());
    held_bytes = HeldMemoryBytes(*checkpoint);
    Budget budget;
    class Visitor final : public GraphVisitor {
      absl::Status OnTensor(absl::string_view, NodeId) override {
        return absl::OkStatus();
      }
    } visitor;
    ASSERT_THAT(WalkGraph(*checkpoint->root().graph(),
                          checkpoint->root().node(), &budget, &visitor),
                IsOk());
    listing_bytes = budget.memory_bytes();
  }
  const auto run = [&path](const char* command, uint64_t max_memory) {
    return RunFerryForTest(
        {command, absl::StrCat("--max-memory=", max_memory), path});
  };
  const uint64_t both_bytes = held_bytes + listing_bytes;
  EXPECT_GE(listing_bytes, both_bytes / 2);
  EXPECT_EQ(run("verify", both_bytes - 1).exit_code, 0);  // only opens it
  const FerryResult refused = run("inspect", both_bytes - 1);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err,
              HasSubstr(absl::StrCat("more than ", both_bytes - 1,
                                     " bytes of memory, which is the limit; if "
                                     "you trust the file, raise "
                                     "--max-memory")));
  EXPECT_EQ(run("inspect", both_bytes + 100000).exit_code, 0);
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
