// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Tensor Floats(const std::vector<float>& elements) {
  return *Tensor::FromData<float>(elements,
                                  {static_cast<int64_t>(elements.size())});
}

Json InspectJson(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"inspect", "--format=json"});
  const FerryResult result = RunFerryForTest(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  Json document = Json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(document.is_object()) << result.out;
  return document;
}

std::string InspectHuman(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "inspect");
  const FerryResult result = RunFerryForTest(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

// What was saved by PyTorch is as PyTorch says.
TEST(InspectTest, AgreesWithPyTorch) {
  const Json index = Json::parse(ReadFile(DataPath("index.json")));
  int num_tensors = 0;
  for (const Json& file : index) {
    const std::string name = file["file"].get<std::string>();
    SCOPED_TRACE(name);
    const Json document = InspectJson({"--digest", DataPath(name)});
    EXPECT_EQ(document["container"], "zip");
    EXPECT_EQ(document["pickle_protocol"], file["pickle_protocol"]);
    for (const Json& expected : file["tensors"]) {
      ++num_tensors;
      const auto row = std::find_if(
          document["tensors"].begin(), document["tensors"].end(),
          [&](const Json& r) { return r["pointer"] == expected["pointer"]; });
      ASSERT_NE(row, document["tensors"].end()) << expected.dump();
      // A tensor that was on the meta device has no storage in the file.
      const bool has_storage = expected.contains("sha256");
      EXPECT_EQ(row->contains("storage"), has_storage) << row->dump();
      for (const char* field :
           {"dtype", "shape", "location", "layout", "requires_grad"}) {
        EXPECT_EQ((*row)[field], expected[field]) << row->dump();
      }
      for (const char* field : {"stride", "storage_offset", "sha256"}) {
        ASSERT_EQ(row->contains(field), has_storage) << row->dump();
        if (has_storage) {
          EXPECT_EQ((*row)[field], expected[field]) << row->dump();
        }
      }
    }
  }
  EXPECT_GT(num_tensors, 100);
}

TEST(InspectTest, WritesTheFieldsOfTheContractInOrder) {
  const Tensor tensor = Floats({1, 2});
  Value list = Value::List();
  ASSERT_THAT(list.Append(Value::Parameter(tensor)), IsOk());
  ASSERT_THAT(list.Append(Value(*Tensor::Create(tensor.storage(),
                                                tensor.dtype(), {1}, {1}, 1))),
              IsOk());
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("a/b", list), IsOk());
  ASSERT_THAT(root.Set("b", *root.Get("a/b")), IsOk());
  const std::string path = SaveTestFile("contract.pt", root);
  Json document = InspectJson({path});
  std::vector<std::string> fields;
  for (const auto& field : document.items()) fields.push_back(field.key());
  EXPECT_THAT(fields, ::testing::ElementsAre("schema_version", "container",
                                             "codec", "kind", "pickle_protocol",
                                             "byteorder", "trailing_bytes",
                                             "warnings", "scan", "globals",
                                             "tensors", "aliases", "values"));
  EXPECT_EQ(document["schema_version"], 1);
  EXPECT_EQ(document["codec"], "pickle");
  EXPECT_EQ(document["kind"], "checkpoint");
  EXPECT_EQ(document["pickle_protocol"], 2);
  EXPECT_EQ(document["byteorder"], "little");
  EXPECT_EQ(document["globals"][0], "torch._utils._rebuild_parameter");
  EXPECT_EQ(document["aliases"].dump(),
            R"([{"pointer":"/b","same_as":"/a~1b"}])");
  const size_t offset = ReadFile(path).find(
      std::string(static_cast<const char*>(tensor.data()), 8));
  EXPECT_EQ(
      document["tensors"][0].dump(),
      absl::StrCat(R"({"pointer":"/a~1b/0","dtype":"float32","shape":[2],)"
                   R"("stride":[1],"storage_offset":0,"storage":"0",)"
                   R"("location":"cpu","layout":"strided",)"
                   R"("requires_grad":false,"size_bytes":8,)"
                   R"("offset_bytes":)",
                   offset, R"(,"encoding":"stored","parameter":true})"));
  EXPECT_EQ(document["tensors"][1]["storage"], "0");
  EXPECT_EQ(document["tensors"][1]["storage_offset"], 1);
  EXPECT_EQ(document["tensors"].size(), 2);
  EXPECT_EQ(document["values"].dump(), "[]");
}

TEST(InspectTest, TellsAnAliasForEveryEdgeToAContainer) {
  const Json document = InspectJson({DataPath("torch2.14_cycles.pt")});
  ASSERT_FALSE(document["aliases"].empty());
  for (const Json& alias : document["aliases"]) {
    EXPECT_NE(alias["pointer"], alias["same_as"]);
  }
}

TEST(InspectTest, ReadsTorchScript) {
  const Json document = InspectJson({DataPath("torch2.14_torchscript.pt")});
  EXPECT_EQ(document["kind"], "torchscript");
  EXPECT_FALSE(document["tensors"].empty());
}

TEST(InspectTest, ShowsATree) {
  Value model = Value::OrderedDict();
  ASSERT_THAT(model.Set("weight", Value::Parameter(Floats({1, 2, 3}))), IsOk());
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("model", model), IsOk());
  ASSERT_THAT(root.Set("ema", *root.Get("model")), IsOk());
  ASSERT_THAT(root.Set("epoch", Value(17)), IsOk());
  const std::string out = InspectHuman({SaveTestFile("tree.pt", root)});
  EXPECT_THAT(
      out, HasSubstr(": checkpoint, zip container \"tree\", pickle protocol 2, "
                     "little-endian\n"
                     "dict, 3 entries\n"
                     "  model  OrderedDict, 1 entry\n"
                     "    weight  float32  [3]  12 B  parameter, frozen\n"
                     "  ema    -> /model\n"
                     "  epoch  17\n"
                     "\n"
                     "1 tensor, 1 storage, 12 B\n"));
}

TEST(InspectTest, ShowsSoManyLevels) {
  const std::string path = DataPath("torch2.14_training_checkpoint.pt");
  EXPECT_THAT(InspectHuman({"--depth=1", path}),
              AllOf(HasSubstr("\n  model  OrderedDict"),
                    Not(HasSubstr("conv.weight")), HasSubstr("rows below")));
}

TEST(InspectTest, ShowsTheTagsOfDevicesThatAreNotHere) {
  EXPECT_THAT(InspectHuman({DataPath("torch1.13_tag_acme2.pt")}),
              HasSubstr("acme:2"));
}

TEST(InspectTest, FiltersByPointer) {
  const std::string path = DataPath("torch2.14_training_checkpoint.pt");
  const Json document = InspectJson({"--filter=/model", path});
  ASSERT_EQ(document["tensors"].size(), 7 + 2);
  EXPECT_EQ(document["tensors"][0]["pointer"], "/model/conv.weight");
  const Json one = InspectJson({"--filter=/model/conv.bias", path});
  ASSERT_EQ(one["tensors"].size(), 1);
  EXPECT_EQ(one["tensors"][0]["pointer"], "/model/conv.bias");
}

TEST(InspectTest, FiltersByPattern) {
  const std::string path = DataPath("torch2.14_training_checkpoint.pt");
  const Json document = InspectJson({"--filter=/model/*weight", path});
  ASSERT_EQ(document["tensors"].size(), 3);
  EXPECT_EQ(document["tensors"][2]["pointer"], "/model/head.weight");
  EXPECT_EQ(RunFerryForTest({"inspect", "--filter=*nothing", path}).exit_code,
            2);
}

TEST(InspectTest, AKeyWithAStarCanBeChosen) {
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("a*", Value(Floats({1}))), IsOk());
  ASSERT_THAT(root.Set("ab", Value(Floats({2}))), IsOk());
  const std::string path = SaveTestFile("star.pt", root);
  const Json one = InspectJson({"--digest", "--filter=/a*", path});
  ASSERT_EQ(one["tensors"].size(), 1);
  EXPECT_EQ(one["tensors"][0]["pointer"], "/a*");
  EXPECT_TRUE(one.contains("graph_sha256"));
  EXPECT_EQ(InspectJson({"--filter=/*", path})["tensors"].size(), 2);
}

TEST(InspectTest, ProposesNearPointers) {
  const std::string path = DataPath("torch2.14_training_checkpoint.pt");
  FerryResult result =
      RunFerryForTest({"inspect", "--filter=/model/conv.weigt", path});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("did you mean \"/model/conv.weight\""));
  result = RunFerryForTest({"inspect", "--filter=conv.weight", path});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("did you mean \"/model/conv.weight\""));
}

TEST(InspectTest, HostileTextCannotDriveTheTerminal) {
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("\x1b]0;owned\x07", Value("\x1b[2J\xc2\x9b"
                                                 "1m")),
              IsOk());
  ASSERT_THAT(root.Set("list\n\x1b[1A", Value::List()), IsOk());
  ASSERT_THAT(root.Set("again\x1b", *root.Get("list\n\x1b[1A")), IsOk());
  const std::string path = SaveTestFile("hostile.pt", root);
  const std::string out = InspectHuman({path});
  EXPECT_THAT(out, AllOf(HasSubstr("\\x1b]0;owned\\x07"),
                         HasSubstr("-> /list\\n\\x1b[1A")));
  for (char c : out) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7F));
  const FerryResult missing =
      RunFerryForTest({"inspect", "--filter=/\x1b[2J", path});
  EXPECT_THAT(missing.err, Not(HasSubstr("\x1b")));
}

TEST(InspectTest, TextThatIsNotUtf8StillGivesJson) {
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("\xed\xa0\x80", Value(Floats({1}))), IsOk());
  ASSERT_THAT(root.Set("\xc3\xa9\xed\xbf\xbf\"", Value("\xed\x9f\xbf")),
              IsOk());
  const std::string out = RunFerryForTest({"inspect", "--format=json",
                                           SaveTestFile("surrogate.pt", root)})
                              .out;
  EXPECT_THAT(out, AllOf(HasSubstr(R"({"pointer":"/\ud800","dtype")"),
                         HasSubstr("{\"pointer\":\"/\xc3\xa9\\udfff\\\"\","
                                   "\"type\":\"str\",\"value\":"
                                   "\"\xed\x9f\xbf\"}")));
}

TEST(InspectTest, SurvivesDeepNesting) {
  auto graph = std::make_shared<ObjectGraph>();
  NodeId node = graph->AddTensor(Floats({1}));
  constexpr int kDepth = 50000;
  for (int i = 0; i < kDepth; ++i) {
    const NodeId items[] = {node};
    node = graph->AddList(items);
  }
  const std::string path = SaveTestFile("deep.pt", Value(graph, node));
  EXPECT_THAT(InspectHuman({path}),
              HasSubstr(absl::StrCat("[depth ", kDepth, "] 0  float32")));
  const Json document = InspectJson({"--digest", path});
  EXPECT_EQ(document["tensors"][0]["pointer"].get<std::string>().size(),
            2 * kDepth);
}

// Each of many tensors at the bottom of a deep chain has a pointer of a
// megabyte.
TEST(InspectTest, WhatWouldTakeTooMuchIsAnError) {
  auto graph = std::make_shared<ObjectGraph>();
  std::vector<NodeId> tensors(3000, graph->AddTensor(Floats({1})));
  NodeId node = graph->AddList(tensors);
  for (int i = 0; i < 500000; ++i) {
    const NodeId items[] = {node};
    node = graph->AddList(items);
  }
  const std::string path = SaveTestFile("huge.pt", Value(graph, node));
  // For people, nothing needs the pointers.
  EXPECT_THAT(InspectHuman({"--depth=1", path}), HasSubstr("3000 tensors, "));
  FerryResult result = RunFerryForTest(
      {"inspect", "--format=json", "--max-output=5000000", path});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_LE(result.out.size(), 5000000u);
  EXPECT_EQ(result.err,
            "ferry: it takes more than 5000000 bytes of output, which is the "
            "limit; if you trust the file, raise --max-output\n");
  result = RunFerryForTest({"inspect", "--max-steps=1900000", path});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, Not(HasSubstr("tensors, ")));  // no false totals
  EXPECT_THAT(result.err, HasSubstr("raise --max-steps"));
}

// The limits of the command are those of all that it does.
TEST(InspectTest, LimitsHoldForDigestsAndForWhatIsConverted) {
  const Tensor one = Floats({1});
  Value value = Value::Dict();
  ASSERT_THAT(
      value.Set("t", Value(*Tensor::Create(one.storage(), DType::kFloat32,
                                           {1000, 1000}, {0, 0}, 0))),
      IsOk());
  const std::string path = SaveTestFile("expanded.pt", value);
  FerryResult result = RunFerryForTest({"inspect", "--digest", path});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  result = RunFerryForTest({"inspect", "--digest", "--max-steps=100000", path});
  EXPECT_THAT(result.err, HasSubstr("raise --max-steps"));
  const std::string out = TestPath("expanded.safetensors");
  result = RunFerryForTest({"convert", path, out});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  result = RunFerryForTest({"convert", "--max-output=1000000", path, out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("raise --max-output"));
}

// A run of rows that are alike is folded, however it ends, with all that is
// below them.
TEST(InspectTest, FoldsRowsThatAreAlike) {
  Value losses = Value::List();
  for (int i = 0; i < 144370; ++i) {
    ASSERT_THAT(losses.Append(Value(i)), IsOk());
  }
  Value epochs = Value::List();
  Value options = Value::Dict();
  for (int i = 0; i < 102; ++i) {
    Value epoch = Value::Dict();
    ASSERT_THAT(epoch.Set("number", Value(i)), IsOk());
    ASSERT_THAT(epochs.Append(epoch), IsOk());
    ASSERT_THAT(options.Set(absl::StrCat("option", i), Value(i)), IsOk());
  }
  ASSERT_THAT(epochs.Append(Value::List({Value(7)})), IsOk());
  ASSERT_THAT(epochs.Append(Value(*Tensor::FromData<float>({1}, {1}))), IsOk());
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("losses", losses), IsOk());
  ASSERT_THAT(root.Set("epochs", epochs), IsOk());
  ASSERT_THAT(root.Set("options", options), IsOk());
  const std::string path = SaveTestFile("history.pt", root);
  const std::string folded = InspectHuman({path});
  EXPECT_THAT(folded, HasSubstr("  losses  list, 144370 items\n    0  0\n"));
  EXPECT_THAT(folded, HasSubstr("    9  9\n    ... 144360 more\n  epochs"));
  EXPECT_THAT(folded, HasSubstr("    9  dict, 1 entry\n      number  9\n"
                                "    ... 92 more\n"
                                "    102  list, 1 item\n      0  7\n"
                                "    103  float32  [1]  4 B\n"));
  EXPECT_THAT(folded, HasSubstr("    option99  99\n    ... 2 more\n"
                                "(rows are folded; --all shows all of them)\n"
                                "\n1 tensor, "));
  const std::string all = InspectHuman({"--all", path});
  EXPECT_THAT(all, HasSubstr("    144369  144369\n  epochs"));
  EXPECT_THAT(all, Not(HasSubstr("more\n")));
  EXPECT_THAT(all, Not(HasSubstr("folded")));
  // So are the matches of a pattern.
  EXPECT_THAT(InspectHuman({"--filter=/losses/*", path}),
              HasSubstr("/losses/99  99\n... 144270 more\n"));
  // Of what is too deep to be shown, only the number is given.
  EXPECT_THAT(
      InspectHuman({"--depth=1", path}),
      AllOf(HasSubstr("rows below this depth"), Not(HasSubstr("more\n"))));
}

TEST(InspectTest, JsonHasTheVerdictOfTheScanner) {
  Json document = InspectJson({SaveTestFile("clean.pt", Value(1))});
  EXPECT_EQ(document["scan"]["verdict"], "clean");
  EXPECT_EQ(document["scan"]["summary"],
            "nothing outside the weights_only list was found");
  document =
      InspectJson({SaveTestFile("call.pt", Value::Call("os.system", {}))});
  EXPECT_EQ(document["scan"]["verdict"], "found");
  EXPECT_THAT(document["scan"]["summary"].get<std::string>(),
              HasSubstr("dangerous: os.system"));
}

// Whatever the names in a file, what is said of them is short.
TEST(InspectTest, LongNamesAreCut) {
  const std::string name(1 << 20, 'n');
  Value root = Value::Dict();
  ASSERT_THAT(root.Set(name, Value(Floats({1}))), IsOk());
  const std::string part(4000, 'p');
  ASSERT_THAT(root.Set("o", Value::Object(absl::StrCat(part, ".", part))),
              IsOk());
  const std::string path = SaveTestFile("long.pt", root);
  const std::vector<std::vector<std::string>> commands = {
      {"inspect", path},
      {"inspect", "--all", path},
      {"inspect", "--filter=/nowhere", path},
      {"inspect", "--filter=/n*", path},
      {"scan", path},
      {"verify", path},
      {"convert", "--strict", path, TestPath("out.pt")},
      {"convert", "--state-dict", path, TestPath("out.pt")},
      {"convert", "--state-dict", "--tensors-only", path, TestPath("out.pt")},
      {"convert", "--tensors-only", path, TestPath("out.pt")},
      {"convert", "--as-data", path, TestPath("out.pt")},
      {"convert", "--at=/nowhere", path, TestPath("out.pt")},
      {"convert", path, TestPath("out.safetensors")},
  };
  for (const std::vector<std::string>& command : commands) {
    SCOPED_TRACE(absl::StrJoin(command, " "));
    const FerryResult result = RunFerryForTest(command);
    EXPECT_LT(result.out.size(), 4000u);
    EXPECT_LT(result.err.size(), 4000u);
  }
}

TEST(InspectTest, DigestsManyStoragesAndSharedOnes) {
  Value root = Value::List();
  constexpr int kCount = 3000;
  for (int i = 0; i < kCount; ++i) {
    ASSERT_THAT(root.Append(Value(Floats({static_cast<float>(i % 7)}))),
                IsOk());
  }
  const Json document =
      InspectJson({"--digest", SaveTestFile("many.pt", root)});
  ASSERT_EQ(document["tensors"].size(), kCount);
  for (int i = 7; i < kCount; ++i) {
    const Json& row = document["tensors"][i];
    EXPECT_EQ(row["storage"], absl::StrCat(i));
    EXPECT_EQ(row["sha256"], document["tensors"][i - 7]["sha256"]);
    EXPECT_NE(row["sha256"], document["tensors"][i - 1]["sha256"]);
  }
}

TEST(InspectTest, BadInputIsAnErrorThatNamesTheFile) {
  const std::string whole =
      ReadFile(DataPath("torch2.14_training_checkpoint.pt"));
  const std::string bad[] = {
      TestPath("missing.pt"),
      TestPath(""),  // a folder
      WriteTestFile("empty.pt", ""),
      WriteTestFile("truncated.pt", whole.substr(0, whole.size() / 2)),
      WriteTestFile("text.pt", "This is no checkpoint.\n"),
      WriteTestFile("zip.pt",
                    std::string("PK\x05\x06", 4) + std::string(18, '\0')),
  };
  for (const std::string& path : bad) {
    const FerryResult result = RunFerryForTest({"inspect", path});
    EXPECT_EQ(result.exit_code, 2) << path;
    EXPECT_EQ(result.out, "") << path;
    EXPECT_THAT(result.err,
                AllOf(::testing::StartsWith("ferry: "), HasSubstr(path)));
  }
}

TEST(InspectTest, DamageIsFoundByDigest) {
  std::string bytes =
      ReadFile(SaveTestFile("sound.pt", Value(Floats({1, 2, 3}))));
  const float first = 1;
  const size_t at =
      bytes.find(std::string(reinterpret_cast<const char*>(&first), 4));
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  const std::string path = WriteTestFile("damaged.pt", bytes);
  EXPECT_EQ(RunFerryForTest({"inspect", path}).exit_code, 0);
  EXPECT_EQ(RunFerryForTest({"inspect", "--digest", path}).exit_code, 2);
}

TEST(InspectTest, ShowsTheCodeOfAProgramAsText) {
  const std::string path = DataPath("torch2.14_torchscript.pt");
  EXPECT_THAT(RunFerryForTest({"inspect", path}).out,
              HasSubstr("code (never run):\n  code/__torch__.py\n"
                        "  code/__torch__/torch/nn/modules/linear.py\n"));
  EXPECT_THAT(RunFerryForTest({"inspect", "--code", path}).out,
              AllOf(HasSubstr("# code/__torch__.py\nclass M(Module):\n"),
                    HasSubstr("def forward(self: __torch__.M")));
  const FerryResult json = RunFerryForTest({"inspect", "--format=json", path});
  EXPECT_THAT(json.out, AllOf(HasSubstr(R"("constants":[])"),
                              HasSubstr(R"("code":["code/__torch__.py",)")));
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
