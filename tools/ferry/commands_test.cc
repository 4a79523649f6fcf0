// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The command line as a whole, and the subcommands that are short.

#include <cstdio>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/testing/foreign_samples.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const char* const kTorchFiles[] = {
    "torch1.13_dtypes.p4.pt",
    "torch1.13_quantized.pt",
    "torch1.13_tag_acme2.pt",
    "torch1.13_views.p5.pt",
    "torch2.14_conj_neg.pt",
    "torch2.14_cycles.pt",
    "torch2.14_meta.pt",
    "torch2.14_python_objects.pt",
    "torch2.14_sparse_compressed.pt",
    "torch2.14_training_checkpoint.pt",
};

Json ParseJson(const std::string& text) {
  Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(document.is_discarded()) << text;
  return document;
}

// A file with one byte of tensor data changed.
std::string DamagedFile(const std::string& name) {
  std::string bytes = ReadFile(DataPath("torch2.14_training_checkpoint.pt"));
  const std::string record = "training_checkpoint/data/0";
  const size_t header = bytes.find(record);
  EXPECT_NE(header, std::string::npos);
  // The contents begin at a multiple of 64, after the padding.
  bytes[header / 64 * 64 + 128] ^= 0x40;
  return WriteTestFile(name, bytes);
}

TEST(CliTest, HelpAndVersionAreDone) {
  FerryResult result = RunFerryForTest({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("inspect"), HasSubstr("verify"),
                                HasSubstr("convert"), HasSubstr("devices")));
  EXPECT_EQ(result.err, "");
  result = RunFerryForTest({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("ferry "));
  result = RunFerryForTest({"inspect", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("--digest"), HasSubstr("--filter"),
                    HasSubstr("Examples:\n  ferry inspect model.pt")));
}

// The same with all versions of CLI11.
TEST(CliTest, HelpHasOneLayout) {
  EXPECT_THAT(RunFerryForTest({"plugin", "--help"}).out,
              AllOf(StartsWith(R"(Write and check plugins that provide devices.
For authors of plugins. docs/plugins.md is the guide.
Usage: ferry plugin [OPTIONS] SUBCOMMAND

Options:
  -h,--help                   Print this help and exit

Subcommands:
  new                         Write the skeleton of a plugin)"),
                    EndsWith(R"(
  check                       Check whether a plugin follows the rules.

Examples:
  ferry plugin new acme
  ferry plugin check libacme.so
)")));
  EXPECT_THAT(RunFerryForTest({"convert", "--help"}).out, HasSubstr(R"(
Usage: ferry convert [OPTIONS] IN OUT

Positionals:
  IN                          The checkpoint to read
  OUT                         The file to write

Options:
  -h,--help                   Print this help and exit
  --container zip|legacy|safetensors
                              The container to write)"));
  EXPECT_THAT(RunFerryForTest({"verify", "--help"}).out,
              HasSubstr("Usage: ferry verify [OPTIONS] FILE..."));
}

TEST(CliTest, MistakesAreExplained) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  const Case cases[] = {
      {{"frobnicate"}, "there is no command \"frobnicate\""},
      {{"inspect"}, "FILE"},
      {{"inspect", "--frob", "x.pt"}, "--frob"},
      {{"inspect", "--format=xml", "x.pt"}, "supported: human, json"},
      {{"inspect", "--depth=-1", "x.pt"}, "-1 not in range"},
      {{"convert", "x.pt"}, "OUT"},
      {{"convert", "x.pt", "y.pt", "--container=tar"},
       "supported: zip, legacy, safetensors"},
      {{"convert", "x.pt", "y.pt", "--codec=nope"},
       "\"nope\" is not supported; supported: pickle"},
      {{"convert", "x.pt", "y.pt", "--protocol=6"},
       "supported: 0, 1, 2, 3, 4, 5"},
      {{"convert", "--copy-shared", "x.pt", "y.pt"},
       "--copy-shared applies only to the safetensors container"},
      {{"convert", "--metadata=a=b", "x.pt", "y.pt"}, "--metadata"},
      {{"convert", "--protocol=4", "x.pt", "y.safetensors"}, "--protocol says"},
      {{"convert", "--codec=pickle", "x.pt", "y.safetensors"}, "--codec says"},
      {{"convert", "--any-location", "x.pt", "y.pt"}, "--map-location"},
      {{"convert", "--map-location=cpu", "x.pt", "y.safetensors"},
       "a safetensors file names no devices"},
      {{"verify", "-", "-"}, "only once"},
      {{"inspect", "--filter=", "/nowhere.pt"}, "/nowhere.pt"},
      {{"convert", "--codec=proto", "--protocol=4",
        DataPath("torch2.14_views.pt"), "y.pt"},
       "--protocol applies only to the codec pickle"},
      {{"convert", "x.pt", "y.pt", "--compatibility=3"},
       "supported: 1.6, 2.1, 2.7"},
      {{"convert", "x.pt", "y.pt", "--map-location=cuda:0="}, "FROM=TO"},
      {{"completion", "fish"}, "supported: bash"},
  };
  for (const Case& c : cases) {
    const FerryResult result = RunFerryForTest(c.arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, AllOf(StartsWith("ferry: "), HasSubstr(c.message)));
  }
  const FerryResult nothing = RunFerryForTest({});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("Usage: ferry"));
}

TEST(CompletionTest, KnowsCommandsAndOptions) {
  const FerryResult result = RunFerryForTest({"completion", "bash"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("inspect verify scan convert devices"),
                    HasSubstr("--digest"), HasSubstr("--protocol"),
                    HasSubstr("--codec"),
                    HasSubstr("complete -o default -F _ferry ferry")));
}

TEST(CompletionTest, CompletesInBash) {
  const std::string script = NewFolder() + "/completion";
  WriteFile(script, RunFerryForTest({"completion", "bash"}).out +
                        "COMP_WORDS=(ferry \"$@\")\n"
                        "COMP_CWORD=$#\n"
                        "_ferry\n"
                        "echo \"${COMPREPLY[*]}\"\n");
  struct Case {
    // The words after "ferry", as a shell reads them.
    std::string words;
    std::string completions;
  };
  const Case cases[] = {
      {"pl", "plugin"},
      {"--v", "--version"},
      {"plugin ''", "new check --help"},
      {"plugin n", "new"},
      {"plugin new --o", "--output"},
      {"plugin new ''", ""},
      {"plugin check --only=X --expect-d", "--expect-devices"},
      {"completion ''", "bash --help"},
      {"completion b", "bash"},
      {"convert --cont", "--container"},
      {"convert plugin --cont", "--container"},
      {"convert in", ""},
      {"nothing --", "--version --help"},
  };
  for (const Case& c : cases) {
    const std::string command =
        absl::StrCat("bash -u ", script, " ", c.words, " 2>&1");
    std::FILE* const output = popen(command.c_str(), "r");
    ASSERT_NE(output, nullptr);
    std::string printed;
    for (int byte = std::fgetc(output); byte != EOF;
         byte = std::fgetc(output)) {
      printed += static_cast<char>(byte);
    }
    EXPECT_EQ(pclose(output), 0) << c.words;
    EXPECT_EQ(printed, c.completions + "\n") << c.words;
  }
}

TEST(DevicesTest, ListsThoseThatAreBuiltIn) {
  const FerryResult result = RunFerryForTest({"devices", "--format=json"});
  EXPECT_EQ(result.exit_code, 0);
  const Json rows = ParseJson(result.out);
  ASSERT_GE(rows.size(), 2);
  EXPECT_EQ(rows[0]["type"], "cpu");
  EXPECT_EQ(rows[0]["priority"], 10);
  EXPECT_EQ(rows[0]["devices"][0]["name"], "cpu");
  EXPECT_GT(rows[0]["devices"][0]["memory_bytes"], 0);
  EXPECT_EQ(rows[rows.size() - 1]["type"], "meta");
  EXPECT_THAT(RunFerryForTest({"devices"}).out,
              AllOf(HasSubstr("cpu"), HasSubstr("meta")));
}

// Several checkpoints in one file, and bytes after one.
class RangeTest : public ::testing::Test {
 protected:
  const std::string first_ = ReadFile(DataPath("torch2.14_cycles.pt"));
  const std::string second_ = ReadFile(DataPath("torch2.14_meta.pt"));
  const std::string range_ = absl::StrCat("--range=", first_.size(), ":",
                                          first_.size() + second_.size());
};

TEST_F(RangeTest, SeveralArchivesAreRefusedUnlessOneIsAskedFor) {
  const std::string path =
      WriteTestFile("two_archives.pt", absl::StrCat(first_, second_));
  const std::string out = TestPath("second_of_two.pt");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"inspect", path},
        {"verify", path},
        {"convert", path, out},
        {"inspect", "--digest", path},
        {"inspect", "--format=json", path}}) {
    FerryResult result = RunFerryForTest(command);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err,
                AllOf(HasSubstr("two_archives.pt"),
                      HasSubstr(absl::StrCat("offsets 0, ", first_.size())),
                      HasSubstr(absl::StrCat("--range=0:", first_.size()))));
    EXPECT_THAT(result.out, Not(HasSubstr("consistent")));
    std::vector<std::string> with_range = command;
    with_range.push_back(range_);
    result = RunFerryForTest(with_range);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  const std::string whole = DataPath("torch2.14_meta.pt");
  EXPECT_EQ(
      ParseJson(
          RunFerryForTest({"inspect", "--format=json", out}).out)["tensors"],
      ParseJson(
          RunFerryForTest({"inspect", "--format=json", whole}).out)["tensors"]);
  EXPECT_EQ(
      ParseJson(
          RunFerryForTest({"verify", "--format=json", path}).out)[0]["outcome"],
      "unknown");
}

TEST_F(RangeTest, OffsetsInMessagesCountFromTheFile) {
  const std::string path =
      WriteTestFile("three_archives.pt", absl::StrCat(first_, second_, first_));
  const size_t second = first_.size();
  const size_t third = second + second_.size();
  EXPECT_THAT(
      RunFerryForTest({"inspect", path, absl::StrCat("--range=", second, ":")})
          .err,
      AllOf(HasSubstr(absl::StrCat("at offsets ", second, ", ", third, ";")),
            HasSubstr(absl::StrCat("--range=", second, ":", third))));
}

TEST_F(RangeTest, DataFilesOfDistributedCheckpointsAreNamed) {
  const FerryResult result = RunFerryForTest(
      {"inspect",
       WriteTestFile("__0_0.distcp", absl::StrCat(first_, second_))});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("distributed checkpoint"),
                                HasSubstr("dcp_to_torch")));
}

TEST_F(RangeTest, BytesAfterACheckpointAreSaid) {
  const std::string legacy = TestPath("after.legacy");
  ASSERT_EQ(RunFerryForTest({"convert", "--container=legacy",
                             DataPath("torch2.14_cycles.pt"), legacy})
                .exit_code,
            0);
  for (const std::string& bytes :
       {first_, ReadFile(legacy), std::string("\x80\x02N.")}) {
    const std::string path =
        WriteTestFile("after.pt", absl::StrCat(bytes, "more"));
    const std::string says = absl::StrCat(
        "4 bytes after the end of the checkpoint, at offset ", bytes.size());
    EXPECT_THAT(RunFerryForTest({"inspect", path}).out, HasSubstr(says));
    EXPECT_THAT(RunFerryForTest({"verify", path}).out, HasSubstr(says));
    EXPECT_THAT(
        RunFerryForTest({"convert", path, TestPath("after_out.pt")}).err,
        HasSubstr(says));
    EXPECT_EQ(ParseJson(RunFerryForTest({"inspect", "--format=json", path})
                            .out)["trailing_bytes"],
              4);
    EXPECT_EQ(ParseJson(RunFerryForTest({"verify", "--format=json", path})
                            .out)[0]["trailing_bytes"],
              4);
    EXPECT_THAT(RunFerryForTest(
                    {"inspect", path, absl::StrCat("--range=:", bytes.size())})
                    .out,
                Not(HasSubstr("after the end")));
  }
}

TEST_F(RangeTest, BytesAfterAPickleInAnArchiveAreSaid) {
  ZipBuilder zip;
  zip.Add("archive/data.pkl", absl::StrCat("\x80\x02N.", "more"));
  zip.Add("archive/version", "3\n");
  const std::string path = WriteTestFile("two_pickles.pt", zip.Build());
  const char* const says =
      "record \"archive/data.pkl\" has 4 bytes after its pickle";
  EXPECT_THAT(RunFerryForTest({"inspect", path}).out, HasSubstr(says));
  EXPECT_THAT(RunFerryForTest({"verify", path}).out, HasSubstr(says));
  EXPECT_THAT(RunFerryForTest({"convert", path, TestPath("one_pickle.pt")}).err,
              HasSubstr(says));
  EXPECT_EQ(
      ParseJson(
          RunFerryForTest({"inspect", "--format=json", path}).out)["warnings"]
          .size(),
      1);
  EXPECT_EQ(
      ParseJson(
          RunFerryForTest({"verify", "--format=json", path}).out)[0]["warnings"]
          .size(),
      1);
}

TEST_F(RangeTest, MalformedRanges) {
  const std::string path = DataPath("torch2.14_meta.pt");
  for (const char* range : {"", "5", "5:3", "-1:2", "a:b", "1:2:3", "0x1:"}) {
    const FerryResult result =
        RunFerryForTest({"inspect", path, absl::StrCat("--range=", range)});
    EXPECT_EQ(result.exit_code, 2) << range;
    EXPECT_THAT(result.err, HasSubstr("--range")) << range;
  }
  EXPECT_THAT(RunFerryForTest({"inspect", path, "--range=0:999999999"}).err,
              HasSubstr("bytes"));
}

TEST(VerifyTest, SoundFilesAreVerified) {
  std::vector<std::string> arguments = {"verify", "--format=json"};
  for (const char* file : kTorchFiles) arguments.push_back(DataPath(file));
  const FerryResult result = RunFerryForTest(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const Json files = ParseJson(result.out);
  ASSERT_EQ(files.size(), std::size(kTorchFiles));
  for (const Json& file : files) {
    EXPECT_EQ(file["outcome"], "undamaged");
    ASSERT_FALSE(file["records"].empty());
    for (const Json& record : file["records"]) {
      EXPECT_EQ(record["outcome"], "verified");
    }
  }
  const FerryResult human = RunFerryForTest({"verify", arguments.back()});
  EXPECT_THAT(human.out,
              AllOf(HasSubstr("training_checkpoint/data.pkl\n"),
                    HasSubstr(", 0 not recorded, 0 corrupt; its contents are "
                              "consistent\n")));
}

TEST(VerifyTest, NamesTheCorruptRecord) {
  const std::string path = DamagedFile("corrupt.pt");
  const FerryResult result = RunFerryForTest({"verify", "--quiet", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("corrupt"), HasSubstr("training_checkpoint/data/0"),
            HasSubstr(", 1 corrupt"), Not(HasSubstr("data.pkl"))));
  const FerryResult json = RunFerryForTest({"verify", "--format=json", path});
  EXPECT_EQ(json.exit_code, 1);
  const Json files = ParseJson(json.out);
  EXPECT_EQ(files[0]["outcome"], "damaged");
}

TEST(VerifyTest, SaysWhatHasNoChecksum) {
  const std::string path = TestPath("no_crc.pt");
  ASSERT_EQ(
      RunFerryForTest({"convert", "--no-crc",
                       DataPath("torch2.14_training_checkpoint.pt"), path})
          .exit_code,
      0);
  const FerryResult result = RunFerryForTest({"verify", path});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("not recorded"));
}

TEST(VerifyTest, ExitCodesTellDamageFromWhatCannotBeJudged) {
  const std::string whole =
      ReadFile(DataPath("torch2.14_training_checkpoint.pt"));
  EXPECT_EQ(RunFerryForTest(
                {"verify", WriteTestFile("half.pt", whole.substr(0, 5000))})
                .exit_code,
            1);
  EXPECT_EQ(RunFerryForTest({"verify", WriteTestFile("none.pt", "")}).exit_code,
            1);
  EXPECT_EQ(
      RunFerryForTest({"verify", WriteTestFile("page.pt", "<html>")}).exit_code,
      2);
  const FerryResult missing =
      RunFerryForTest({"verify", "--format=json", TestPath("missing.pt"),
                       DataPath("torch2.14_meta.pt")});
  EXPECT_EQ(missing.exit_code, 2);
  const Json files = ParseJson(missing.out);
  ASSERT_EQ(files.size(), 2);
  EXPECT_EQ(files[0]["outcome"], "unknown");
  EXPECT_THAT(files[0]["error"].get<std::string>(), HasSubstr("missing.pt"));
  EXPECT_EQ(files[1]["outcome"], "undamaged");
}

// Text and JSON tell apart what the exit code does not.
TEST(VerifyTest, OutcomesAreToldApart) {
  const std::string sound = DataPath("torch2.14_meta.pt");
  const std::string bytes = ReadFile(sound);
  struct Case {
    std::string path;
    int exit_code;
    const char* outcome;
    const char* says;
  };
  const Case cases[] = {
      {sound, 0, "undamaged", "its contents are consistent\n"},
      {DamagedFile("outcome.pt"), 1, "damaged", "; it is damaged\n"},
      {WriteTestFile("cut.pt", bytes.substr(0, bytes.size() / 2)), 1, "damaged",
       "cut.pt: it is damaged and cannot be opened\n"},
      {WriteTestFile("zeros.pt", std::string(1000, '\0')), 1, "damaged",
       "zeros.pt: it is damaged and cannot be opened\n"},
      {WriteTestFile("text.pt", "Not Found"), 2, "not a checkpoint",
       "text.pt: it is not a checkpoint\n"},
      {TestPath("."), 2, "not a checkpoint", "it is not a checkpoint\n"},
      {TestPath("missing.pt"), 2, "unknown",
       "missing.pt: cannot tell whether it is damaged\n"},
      {WriteTestFile("two.pt", bytes + bytes), 2, "unknown",
       "two.pt: cannot tell whether it is damaged\n"},
      {WriteTestFile("preview.pt", "PYTORCH1" + std::string(56, '\0')), 2,
       "unknown", "preview.pt: cannot tell whether it is damaged\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const FerryResult human = RunFerryForTest({"verify", c.path});
    EXPECT_EQ(human.exit_code, c.exit_code);
    EXPECT_THAT(human.out, HasSubstr(c.says));
    const FerryResult json =
        RunFerryForTest({"verify", "--format=json", c.path});
    EXPECT_EQ(json.exit_code, c.exit_code);
    EXPECT_EQ(ParseJson(json.out)[0]["outcome"], c.outcome);
  }
}

TEST(ForeignFileTest, EveryCommandSaysWhatItIs) {
  std::vector<std::string> verify = {"verify", "--format=json"};
  const std::vector<ForeignSample> samples = ForeignSamples();
  for (const ForeignSample& sample : samples) {
    SCOPED_TRACE(sample.name);
    const std::string path = WriteTestFile(sample.name, sample.bytes);
    verify.push_back(path);
    const std::string out = TestPath("converted.pt");
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"inspect", path},
          {"inspect", "--format=json", "--digest", path},
          {"convert", path, out},
          {"convert", "--as-data", path, out},
          {"convert", "--container=safetensors", "--at=/a", path, out},
          {"verify", path},
          {"verify", "--format=json", path}}) {
      const FerryResult result = RunFerryForTest(command);
      EXPECT_EQ(result.exit_code, 2);
      EXPECT_THAT(result.err,
                  HasSubstr(absl::StrCat(path, " is ", sample.format)));
      EXPECT_THAT(result.err, HasSubstr(sample.advice));
    }
    EXPECT_FALSE(std::filesystem::exists(out));
  }
  const Json files = ParseJson(RunFerryForTest(verify).out);
  ASSERT_EQ(files.size(), samples.size());
  for (const Json& file : files) {
    EXPECT_EQ(file["outcome"], "not a checkpoint") << file["file"];
    EXPECT_TRUE(file["records"].empty());
  }
}

// What `ferry inspect` says of a file, but for what depends on how it was
// written.
Json Contents(const std::string& path) {
  const FerryResult result =
      RunFerryForTest({"inspect", "--format=json", "--digest", path});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  Json document = ParseJson(result.out);
  document.erase("pickle_protocol");
  document["scan"].erase("summary");  // names the archive
  for (Json& row : document["tensors"]) {
    row.erase("offset_bytes");
    for (Json& part : row["components"]) part.erase("offset_bytes");
  }
  return document;
}

int ProtocolOf(const std::string& path) {
  return ParseJson(RunFerryForTest({"inspect", "--format=json", path})
                       .out)["pickle_protocol"]
      .get<int>();
}

TEST(ConvertTest, KeepsWhatTheFileHolds) {
  for (const char* file : kTorchFiles) {
    SCOPED_TRACE(file);
    const std::string in = DataPath(file);
    const std::string out = TestPath(file);
    const FerryResult result = RunFerryForTest({"convert", in, out});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "");  // nobody looks at progress
    EXPECT_EQ(Contents(out), Contents(in));
    EXPECT_EQ(ProtocolOf(out), ProtocolOf(in));
  }
}

TEST(ConvertTest, WritesWhatIsAskedFor) {
  const std::string in = DataPath("torch2.14_training_checkpoint.pt");
  const std::string out = TestPath("asked.pt");
  for (int protocol = 2; protocol <= 5; ++protocol) {
    for (const char* version : {"1.6", "2.1", "2.7"}) {
      ASSERT_EQ(RunFerryForTest({"convert", in, out,
                                 absl::StrCat("--protocol=", protocol),
                                 absl::StrCat("--compatibility=", version),
                                 "--alignment=4096", "--archive-name=inside"})
                    .exit_code,
                0);
      EXPECT_EQ(Contents(out), Contents(in));
      EXPECT_EQ(ProtocolOf(out), protocol);
      const std::string bytes = ReadFile(out);
      EXPECT_THAT(bytes, HasSubstr("inside/data.pkl"));
      EXPECT_EQ(bytes.find(".format_version") != std::string::npos,
                std::string(version) == "2.7");
      EXPECT_EQ(bytes.find("byteorder") != std::string::npos,
                std::string(version) != "1.6");
    }
  }
}

// A pickle says its protocol from 2 on.
TEST(ConvertTest, WritesTheOldestProtocols) {
  const std::string in = DataPath("torch2.14_training_checkpoint.pt");
  const std::string out = TestPath("oldest.pt");
  for (const char* container : {"zip", "legacy"}) {
    const std::string option = absl::StrCat("--container=", container);
    ASSERT_EQ(
        RunFerryForTest({"convert", in, out, option, "--protocol=1"}).exit_code,
        0);
    EXPECT_EQ(Contents(out)["tensors"], Contents(in)["tensors"]);
    EXPECT_EQ(ProtocolOf(out), 0);
    // A tensor has no place in protocol 0; a number has.
    const FerryResult tensors =
        RunFerryForTest({"convert", in, out, option, "--protocol=0"});
    EXPECT_EQ(tensors.exit_code, 2);
    EXPECT_THAT(tensors.err, HasSubstr("save with protocol 1 or later"));
    EXPECT_THAT(tensors.err, HasSubstr("(at /"));
    const FerryResult number = RunFerryForTest(
        {"convert", in, out, option, "--protocol=0", "--at=/epoch"});
    ASSERT_EQ(number.exit_code, 0) << number.err;
    EXPECT_EQ(ProtocolOf(out), 0);
  }
}

TEST(ConvertTest, WritesOverItsInput) {
  const std::string path = WriteTestFile(
      "in_place.pt", ReadFile(DataPath("torch2.14_training_checkpoint.pt")));
  const Json before = Contents(path);
  ASSERT_EQ(RunFerryForTest({"convert", "--protocol=4", path, path}).exit_code,
            0);
  EXPECT_EQ(Contents(path), before);
  EXPECT_EQ(ProtocolOf(path), 4);
}

TEST(ConvertTest, CastsFloatingPointTensors) {
  const std::string in = DataPath("torch2.14_training_checkpoint.pt");
  const std::string out = TestPath("cast.pt");
  const auto dtypes = [](const std::string& path) {
    std::map<std::string, std::string> dtypes;
    const Json listed =
        ParseJson(RunFerryForTest({"inspect", "--format=json", path}).out);
    for (const Json& tensor : listed["tensors"]) {
      dtypes[tensor["pointer"]] = tensor["dtype"];
    }
    return dtypes;
  };
  ASSERT_EQ(RunFerryForTest({"convert", "--dtype=bfloat16", in, out}).exit_code,
            0);
  std::map<std::string, std::string> wanted = dtypes(in);
  int cast = 0;
  for (auto& [pointer, dtype] : wanted) {
    if (dtype != "float32") continue;
    dtype = "bfloat16";
    ++cast;
  }
  EXPECT_GT(cast, 0);
  EXPECT_LT(cast, static_cast<int>(wanted.size()));
  EXPECT_EQ(dtypes(out), wanted);
  const FerryResult refused =
      RunFerryForTest({"convert", "--dtype=int32", in, out});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--dtype"));
}

TEST(ConvertTest, MovesTensorsToOtherDevices) {
  const std::string in = DataPath("torch1.13_tag_acme2.pt");
  const std::string out = TestPath("moved.pt");
  const auto location = [&out] {
    return ParseJson(RunFerryForTest({"inspect", "--format=json", out})
                         .out)["tensors"][0]["location"]
        .get<std::string>();
  };
  ASSERT_EQ(
      RunFerryForTest({"convert", in, out, "--map-location=cuda:3"}).exit_code,
      0);
  EXPECT_EQ(location(), "cuda:3");
  ASSERT_EQ(RunFerryForTest(
                {"convert", in, out, "--map-location=cuda:0=cpu,acme:2=cpu"})
                .exit_code,
            0);
  EXPECT_EQ(location(), "cpu");
  // A mapping that maps nothing is a mistake, and OUT stays.
  const FerryResult result =
      RunFerryForTest({"convert", in, out, "--map-location=cuda:0=cpu"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(
      result.err,
      AllOf(HasSubstr("maps none of its locations: they are \"acme:2\""),
            HasSubstr("the table maps \"cuda:0\"")));
  EXPECT_EQ(location(), "cpu");
  // So is a device that nobody knows, unless it is meant.
  for (const char* option :
       {"--map-location=gpu", "--map-location=acme:2=cuda1"}) {
    const FerryResult unknown = RunFerryForTest({"convert", in, out, option});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.err, AllOf(HasSubstr("--map-location: no device"),
                                   HasSubstr("--any-location")));
    EXPECT_EQ(location(), "cpu");
  }
  EXPECT_EQ(RunFerryForTest(
                {"convert", in, out, "--map-location=gpu", "--any-location"})
                .err,
            "");
  EXPECT_EQ(location(), "gpu");
}

TEST(ConvertTest, RefusesTorchScript) {
  const std::string out = TestPath("script.pt");
  const FerryResult result =
      RunFerryForTest({"convert", DataPath("torch2.14_torchscript.pt"), out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("TorchScript"), HasSubstr("--as-data")));
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(ConvertTest, WritesTorchScriptAsData) {
  const std::string out = TestPath("script_data.pt");
  ASSERT_EQ(RunFerryForTest({"convert", "--as-data",
                             DataPath("torch2.14_torchscript.pt"), out})
                .exit_code,
            0);
  const FerryResult result = RunFerryForTest({"inspect", out});
  EXPECT_THAT(result.out,
              AllOf(HasSubstr(": checkpoint, zip"), HasSubstr("l  dict"),
                    HasSubstr("weight"), HasSubstr("requires_grad"),
                    testing::Not(HasSubstr("object"))));
}

TEST(ConvertTest, FailuresLeaveTheOldFile) {
  const std::string folder = TestPath("folder");
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  const std::string out = folder + "/out.pt";
  const std::string path = WriteTestFile("folder/out.pt", "the old file");
  ASSERT_EQ(path, out);
  EXPECT_EQ(
      RunFerryForTest({"convert", DamagedFile("damaged.pt"), out}).exit_code,
      2);
  EXPECT_EQ(RunFerryForTest({"convert", TestPath("missing.pt"), out}).exit_code,
            2);
  const FerryResult interrupted = RunFerryForTest(
      {"convert", DataPath("torch2.14_training_checkpoint.pt"), out},
      [] { return true; });
  EXPECT_EQ(interrupted.exit_code, 2);
  EXPECT_THAT(interrupted.err, HasSubstr("interrupted"));
  // From the second question on: while it writes.
  int questions = 0;
  EXPECT_EQ(RunFerryForTest({"convert", DataPath("torch2.14_meta.pt"), out},
                            [&questions] { return ++questions > 1; })
                .exit_code,
            2);
  EXPECT_EQ(ReadFile(out), "the old file");
  int num_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++num_files;
    EXPECT_EQ(entry.path().filename(), "out.pt");
  }
  EXPECT_EQ(num_files, 1);
}

TEST(ConvertTest, ReadsOnlyThePartThatIsAskedFor) {
  // What is damaged is a weight of the model.
  const std::string in = DamagedFile("damaged_model.pt");
  const std::string out = TestPath("optimizer.pt");
  EXPECT_NE(RunFerryForTest({"convert", "--at=/model", in, out}).exit_code, 0);
  EXPECT_EQ(RunFerryForTest({"convert", "--at=/optimizer", in, out}).exit_code,
            0);
  EXPECT_EQ(RunFerryForTest({"verify", out}).exit_code, 0);
  EXPECT_THAT(RunFerryForTest({"inspect", out}).out, HasSubstr("exp_avg_sq"));
}

// Programs go by the suffix, so it must not lie.
TEST(ConvertTest, TheSuffixDecidesOnTheContainer) {
  const std::string in = DataPath("torch2.14_training_checkpoint.pt");
  const auto container = [](const std::string& path) {
    return ParseJson(RunFerryForTest({"inspect", "--format=json", path})
                         .out)["container"]
        .get<std::string>();
  };
  for (const auto& [name, expected] :
       {std::make_pair("suffix.SAFETENSORS", "safetensors"),
        std::make_pair("suffix.safetensors", "safetensors"),
        std::make_pair("suffix.pt", "zip"), std::make_pair("suffix", "zip")}) {
    const std::string out = TestPath(name);
    ASSERT_EQ(RunFerryForTest({"convert", "--at=/model", in, out}).err, "");
    EXPECT_EQ(container(out), expected);
  }
  // Metadata of a safetensors file stays as it is, there or not.
  const std::string plain = WriteTestFile(
      "plain.safetensors",
      absl::StrCat(
          absl::string_view("\x3A\0\0\0\0\0\0\0", 8),
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}     x)"));
  const std::string copy = TestPath("plain_copy.safetensors");
  ASSERT_EQ(RunFerryForTest({"convert", plain, copy}).err, "");
  EXPECT_FALSE(
      ParseJson(RunFerryForTest({"inspect", "--format=json", copy}).out)
          .contains("metadata"));
  for (const auto& [option, name] :
       {std::make_pair("--container=zip", "x.safetensors"),
        std::make_pair("--container=legacy", "x.safetensors"),
        std::make_pair("--container=safetensors", "x.pt")}) {
    const FerryResult result =
        RunFerryForTest({"convert", "--at=/model", option, in, TestPath(name)});
    EXPECT_EQ(result.exit_code, 2) << option;
    EXPECT_THAT(result.err, AllOf(HasSubstr(name), HasSubstr("suffix")));
  }
}

TEST(ConvertTest, WritesTheTensorsOfAModel) {
  const std::string out = TestPath("state.safetensors");
  // A training checkpoint, a whole module, a program and a state_dict.
  for (const auto& [name, says] :
       std::vector<std::pair<std::string, std::string>>{
           {"torch2.14_training_checkpoint.pt", "left out: \"/optimizer\""},
           {"torch2.14_torchscript.pt", ""}}) {
    SCOPED_TRACE(name);
    const FerryResult result =
        RunFerryForTest({"convert", "--state-dict", "--tensors-only",
                         "--copy-shared", DataPath(name), out});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr(says));
    const Json document =
        ParseJson(RunFerryForTest({"inspect", "--format=json", out}).out);
    EXPECT_EQ(document["container"], "safetensors");
    EXPECT_FALSE(document["tensors"].empty());
  }
  // As a pickle it is a state_dict, whose tensors need no gradient.
  const std::string pickled = TestPath("state.pt");
  ASSERT_EQ(
      RunFerryForTest({"convert", "--state-dict",
                       DataPath("torch2.14_training_checkpoint.pt"), pickled})
          .exit_code,
      0);
  const Json document =
      ParseJson(RunFerryForTest({"inspect", "--format=json", pickled}).out);
  EXPECT_FALSE(document["tensors"].empty());
  for (const Json& tensor : document["tensors"]) {
    EXPECT_EQ(tensor["requires_grad"], false);
  }
}

TEST(ConvertTest, WhatIsNoTensorIsLeftOutOnlyWhenAsked) {
  const std::string in = TestPath("mixed.pt");
  Value dict = Value::Dict();
  const std::vector<float> numbers = {1, 2};
  ASSERT_THAT(dict.Set("w", Value(*Tensor::FromData(
                                absl::MakeConstSpan(numbers), {2}))),
              IsOk());
  ASSERT_THAT(dict.Set("version", Value(3)), IsOk());
  ASSERT_EQ(SaveTestFile("mixed.pt", dict), in);
  const std::string out = TestPath("mixed.safetensors");
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{}, {"--state-dict"}}) {
    std::vector<std::string> arguments = {"convert", in, out};
    arguments.insert(arguments.end(), options.begin(), options.end());
    FerryResult result = RunFerryForTest(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err,
                AllOf(HasSubstr("version\""), HasSubstr("--tensors-only")));
    EXPECT_FALSE(std::filesystem::exists(out));
    arguments.emplace_back("--tensors-only");
    result = RunFerryForTest(arguments);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.err, HasSubstr("left out: \"version\", int"));
    EXPECT_EQ(
        ParseJson(
            RunFerryForTest({"inspect", "--format=json", out}).out)["tensors"]
            .size(),
        1);
    std::filesystem::remove(out);
  }
  const FerryResult nothing =
      RunFerryForTest({"convert", "--at=/version", "--tensors-only", in, out});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("this is an int"));
}

TEST(ConvertTest, WritesADictOfTensorsAsSafetensors) {
  const std::string in = DataPath("torch2.14_training_checkpoint.pt");
  const std::string out = TestPath("model.safetensors");
  const FerryResult all = RunFerryForTest({"convert", in, out});
  EXPECT_EQ(all.exit_code, 2);
  EXPECT_THAT(all.err, AllOf(HasSubstr("\"/model\" is a dict"),
                             HasSubstr("--at=POINTER")));
  ASSERT_EQ(
      RunFerryForTest({"convert", "--at=/model", "--metadata=a==", in, out})
          .exit_code,
      0);
  EXPECT_THAT(RunFerryForTest({"inspect", out}).out,
              AllOf(HasSubstr("safetensors container"),
                    HasSubstr("metadata: format = pt\n"),
                    HasSubstr("metadata: a = =\n")));

  // The metadata of the input stays, but for what is given anew.
  const std::string again = TestPath("again.safetensors");
  ASSERT_EQ(RunFerryForTest({"convert", "--container=safetensors",
                             "--metadata=format=tf", out, again})
                .exit_code,
            0);
  EXPECT_THAT(RunFerryForTest({"inspect", "--format=json", again}).out,
              AllOf(HasSubstr(R"("metadata":{"a":"=","format":"tf"})"),
                    testing::Not(HasSubstr("pickle"))));
  EXPECT_EQ(RunFerryForTest({"convert", "--container=safetensors",
                             "--metadata=format", out, again})
                .exit_code,
            2);
  EXPECT_EQ(RunFerryForTest({"verify", again}).exit_code, 0);
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
