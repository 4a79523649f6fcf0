// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/plugin.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToy[] = "plugins/testing/toy.so";
constexpr char kMutant[] = "plugins/check/p_02_prints.so";
constexpr char kNoPlugin[] = "plugins/check/a_06_undefined_symbol.so";

TEST(PluginCheckCommandTest, SoundPluginIsDone) {
  const FerryResult result =
      RunFerryForTest({"plugin", "check", "--expect-devices=2", kToy});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("\nB-01  pass              the query always gives"),
            HasSubstr("G-01  unsupported"), HasSubstr("toy.so: "),
            HasSubstr(" 0 fail, 17 unsupported, 0 expected failure")));
}

TEST(PluginCheckCommandTest, BrokenPluginIsNo) {
  FerryResult result = RunFerryForTest({"plugin", "check", "--format=json",
                                        "--only=P-02", "--only=R-03", kMutant});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const Json document = Json::parse(result.out);
  EXPECT_EQ(document["plugin"], kMutant);
  EXPECT_EQ(document["counts"]["fail"], 1);
  std::set<std::string> failed;
  for (const Json& check : document["checks"]) {
    if (check["outcome"] == "fail") failed.insert(check["id"]);
  }
  EXPECT_EQ(failed, std::set<std::string>({"P-02"}));
  // What is known is no failure.
  result = RunFerryForTest({"plugin", "check", "--only=P-02", "--only=R-03",
                            "--expect-failure=P-02=a chatty driver", kMutant});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("P-02  expected failure"),
                                HasSubstr("a chatty driver: ")));
}

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::set<std::string> FilesIn(const std::string& folder) {
  std::set<std::string> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_directory()) {
      files.insert(std::filesystem::relative(entry.path(), folder));
    }
  }
  return files;
}

// tests/plugins/skeleton_test.py builds and checks what is written.
TEST(PluginNewCommandTest, WritesASkeleton) {
  const std::string folder = TestPath("new_plugin");
  const std::set<std::string> names = {
      "BUILD",     "CMakeLists.txt", "MODULE.bazel", "README.md",
      "WORKSPACE", "warp9.c",        "warp9.json",   "include/ferry/plugin.h"};
  FerryResult result =
      RunFerryForTest({"plugin", "new", "warp9", "--output", folder});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(FilesIn(folder), names);
  for (const std::string& name : names) {
    EXPECT_THAT(result.out, HasSubstr(name));
    const std::string text = Read(folder + "/" + name);
    EXPECT_THAT(text, Not(HasSubstr("acme")));
    EXPECT_EQ(name == "include/ferry/plugin.h",
              text.find("The Ferry Authors") != std::string::npos)
        << name;
  }
  EXPECT_THAT(Read(folder + "/warp9.c"), HasSubstr("FERRY_STRING(\"warp9\")"));
  // A folder that is not empty is left alone.
  result = RunFerryForTest({"plugin", "new", "other", "--output", folder});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("\"" + folder + "\" is not empty"),
                    HasSubstr("name a new or an empty one with --output")));
  EXPECT_EQ(FilesIn(folder), names);
  // One that is empty is used.
  std::filesystem::create_directory(folder + "_empty");
  result = RunFerryForTest(
      {"plugin", "new", "other", "--output=" + folder + "_empty/"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(FilesIn(folder + "_empty").size(), names.size());
  // So is the current folder.
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::create_directory(folder + "_current");
  std::filesystem::current_path(folder + "_current");
  result = RunFerryForTest({"plugin", "new", "other", "--output=."});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(FilesIn(".").size(), names.size());
  std::filesystem::current_path(before);
  EXPECT_EQ(FilesIn(folder + "_current").size(), names.size());
}

TEST(PluginNewCommandTest, FailuresLeaveNothing) {
  const std::string folder = TestPath("too_large");
  std::filesystem::create_directory(folder + "_empty");
  // The header is larger than a file may become.
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 8192;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const FerryResult made =
      RunFerryForTest({"plugin", "new", "acme", "--output", folder});
  const FerryResult found =
      RunFerryForTest({"plugin", "new", "acme", "--output", folder + "_empty"});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(made.exit_code, 2);
  EXPECT_THAT(made.err, HasSubstr("cannot write \"" + folder +
                                  "/include/ferry/plugin.h\": File too large"));
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_EQ(found.exit_code, 2);
  EXPECT_TRUE(std::filesystem::is_empty(folder + "_empty"));
}

TEST(PluginNewCommandTest, MistakesAreExplained) {
  for (const char* name : {"", "Acme", "9lives", "a-b", "cuda", "cpu",
                           "a23456789012345678901234567890123", "../x"}) {
    const std::string folder = TestPath("not_written");
    const FerryResult result =
        RunFerryForTest({"plugin", "new", name, "--output", folder});
    EXPECT_EQ(result.exit_code, 2) << name;
    EXPECT_THAT(result.err, HasSubstr("device type")) << name;
    EXPECT_FALSE(std::filesystem::exists(folder)) << name;
  }
  const FerryResult result = RunFerryForTest(
      {"plugin", "new", "acme", "--output=/no/such/folder/acme"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("cannot create the folder "
                                    "\"/no/such/folder/acme\": No such"));
  const std::string file = WriteTestFile("a_file", "text");
  EXPECT_THAT(RunFerryForTest({"plugin", "new", "acme", "--output", file}).err,
              HasSubstr("\"" + file + "\" exists and is not a folder"));
}

TEST(PluginCheckCommandTest, OutputOfThePluginIsPrintedOnce) {
  FerryResult result = RunFerryForTest(
      {"plugin", "check", "--only=P-02", "--only=R-03", kMutant});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("bytes, beginning with \"copying\"\n"
                                    "The plugin printed:\n"
                                    "  copying  ("));
  EXPECT_THAT(result.out, HasSubstr(" times)\n"));
  // Once in the detail, and once in the output itself.
  const size_t first = result.out.find("copying");
  EXPECT_EQ(result.out.rfind("copying"), result.out.find("copying", first + 1));
}

// Copies the toy and writes a manifest beside it, whose path is returned.
std::string WriteManifest(const std::string& version) {
  const std::string folder = TestPath("manifest_" + version);
  std::filesystem::create_directory(folder);
  std::filesystem::copy_file(kToy, folder + "/libtoy.so");
  std::filesystem::permissions(folder + "/libtoy.so",
                               std::filesystem::perms::owner_all);
  std::ofstream(folder + "/toy.json")
      << R"({"manifest_version": 1, "name": "org.ferry.toy", "version": ")"
      << version << R"(", "library": "libtoy.so", "device_types": ["toy"]})";
  return folder + "/toy.json";
}

TEST(PluginCheckCommandTest, ManifestsAreChecked) {
  FerryResult result =
      RunFerryForTest({"plugin", "check", "--only=A-06", "--only=A-07",
                       "--only=R-03", WriteManifest("1.0.0")});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("A-07  pass"), HasSubstr("toy.json: 3 pass")));
  result = RunFerryForTest({"plugin", "check", "--only=A-07", "--only=R-03",
                            WriteManifest("2.0.0")});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("A-07  fail"), HasSubstr("R-03  pass"),
                    HasSubstr("the manifest says org.ferry.toy 2.0.0")));
  result = RunFerryForTest(
      {"plugin", "check", WriteTestFile("broken.json", "{\"name\": 7")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("is not a plugin manifest"));
  EXPECT_EQ(result.out, "");
}

TEST(PluginCheckCommandTest, FilesThatAreNoPluginsGetAShortAnswer) {
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  FerryResult result = RunFerryForTest(
      {"plugin", "check", WriteTestFile("notes.txt", std::string(1000, 'x'))});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("it is not an ELF file; the checks that need the "
                              "plugin were not run\n"),
                    HasSubstr("0 pass, 1 fail, 0 unsupported")));
  EXPECT_EQ(lines(result.out), 3) << result.out;
  // A library without the query function. One check alone does not pass either.
  for (const bool only : {false, true}) {
    std::vector<std::string> arguments = {"plugin", "check", kNoPlugin};
    if (only) arguments.push_back("--only=R-03");
    result = RunFerryForTest(arguments);
    EXPECT_EQ(result.exit_code, 1) << result.out;
    EXPECT_THAT(result.out, HasSubstr("A-06  fail"));
    EXPECT_THAT(result.out, Not(HasSubstr("R-03")));
    // What hides others is not forgiven.
    arguments.push_back("--expect-failure=A-06=a known fault");
    EXPECT_EQ(RunFerryForTest(arguments).exit_code, 1);
    EXPECT_LT(lines(result.out), 12) << result.out;
  }
}

TEST(PluginCheckCommandTest, MistakesAreExplained) {
  FerryResult result = RunFerryForTest({"plugin", "check", "/no/such.so"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/no/such.so"));
  result = RunFerryForTest({"plugin", "check", "--expect-failure=P-02", kToy});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("ID=REASON"));
  result = RunFerryForTest({"plugin"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("ubcommand"));
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
