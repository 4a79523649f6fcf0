// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/scan.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
namespace fs = std::filesystem;

// A checkpoint that PyTorch loads as an empty dict, after it has run a command.
std::string DroppedCall() {
  ZipBuilder zip;
  zip.Add("archive/data.pkl",
          std::string("\x80\x02}cposix\nsystem\n(X\x02\0\0\0idtR0.", 29));
  zip.Add("archive/version", "3\n");
  return zip.Build();
}

std::string Clean() {
  ZipBuilder zip;
  zip.Add("archive/data.pkl", "\x80\x02}.");
  zip.Add("archive/version", "3\n");
  return zip.Build();
}

TEST(ScanCommandTest, ReportsCallsWhoseResultIsDropped) {
  const std::string path = WriteTestFile("dropped.pt", DroppedCall());
  const FerryResult result = RunFerryForTest({"scan", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out,
            absl::StrCat(path, ": found, zip archive, 1 pickle\n",
                         "  dangerous: posix.system in \"archive/data.pkl\", "
                         "imported at 3, called at 26, result dropped at 27: "
                         "it runs commands, or changes files and processes\n"));
  const FerryResult json = RunFerryForTest({"scan", "--format=json", path});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_EQ(Json::parse(json.out),
            Json::parse(absl::StrCat(
                R"([{"file":")", path,
                R"(","verdict":"found","format":"zip archive","pickles":1,)"
                R"("findings":[{"grade":"dangerous","global":"posix.system",)"
                R"("record":"archive/data.pkl","detail":"it runs commands, or )"
                R"(changes files and processes","uses":[)"
                R"({"use":"imported","count":1,"offsets":[3]},)"
                R"({"use":"called","count":1,"offsets":[26]},)"
                R"({"use":"result dropped","count":1,"offsets":[27]}]}],)"
                R"("more_findings":0,"problems":[]}])")));
}

TEST(ScanCommandTest, InspectHasTheVerdict) {
  const std::string bad = WriteTestFile("inspect_bad.pt", DroppedCall());
  // It cannot be shown, since what the call does is not in the file.
  const FerryResult refused = RunFerryForTest({"inspect", bad});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.out,
              StartsWith("scan: dangerous: posix.system in "
                         "\"archive/data.pkl\": it runs commands"));
  EXPECT_THAT(refused.err, HasSubstr("the result of a call of posix.system is "
                                     "thrown away"));
  const std::string good = WriteTestFile("inspect_good.pt", Clean());
  EXPECT_THAT(
      RunFerryForTest({"inspect", good}).out,
      HasSubstr("\nscan: nothing outside the weights_only list was found\n"));
  // Only the part that is inspected counts.
  const std::string both =
      WriteTestFile("inspect_both.pt", absl::StrCat(Clean(), DroppedCall()));
  EXPECT_THAT(
      RunFerryForTest(
          {"inspect", absl::StrCat("--range=0:", Clean().size()), both})
          .out,
      HasSubstr("\nscan: nothing outside the weights_only list was found\n"));
}

TEST(ScanCommandTest, ConvertStrictRefuses) {
  const std::string bad = WriteTestFile("convert_bad.pt", DroppedCall());
  const std::string out = TestPath("converted.pt");
  const FerryResult refused =
      RunFerryForTest({"convert", "--strict", bad, out});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("--strict"),
                                 HasSubstr("dangerous: posix.system")));
  EXPECT_FALSE(fs::exists(out));
  const std::string good = WriteTestFile("convert_good.pt", Clean());
  EXPECT_EQ(RunFerryForTest({"convert", "--strict", good, out}).exit_code, 0);
  EXPECT_TRUE(fs::exists(out));
}

TEST(ScanCommandTest, ExitCodes) {
  const std::string bad = WriteTestFile("exit_bad.pt", DroppedCall());
  const std::string good = WriteTestFile("exit_good.pt", Clean());
  const std::string text = WriteTestFile("exit.txt", "hello\n");
  const std::string cut = WriteTestFile("exit_cut.pt", Clean().substr(0, 60));
  const auto exit_code = [](const std::vector<std::string>& paths) {
    std::vector<std::string> arguments = {"scan"};
    arguments.insert(arguments.end(), paths.begin(), paths.end());
    return RunFerryForTest(arguments).exit_code;
  };
  EXPECT_EQ(exit_code({good}), 0);
  EXPECT_EQ(exit_code({bad}), 1);
  EXPECT_EQ(exit_code({text}), 2);
  EXPECT_EQ(exit_code({cut}), 2);
  EXPECT_EQ(exit_code({TestPath("missing.pt")}), 2);
  EXPECT_EQ(exit_code({good, cut, bad}), 1);
  EXPECT_EQ(exit_code({good, cut}), 2);
  EXPECT_EQ(exit_code({"-", "-"}), 2);
  EXPECT_EQ(exit_code({}), 2);
  EXPECT_EQ(RunFerryForTest({"scan", "--allow=posix.system", bad}).exit_code,
            0);
  EXPECT_EQ(RunFerryForTest({"scan", "--allow=os.system",
                             "--allow=posix.system", "--allow=a.b", bad})
                .exit_code,
            0);
  // What follows the option's value is a file.
  EXPECT_EQ(RunFerryForTest({"scan", "--allow=a.b", bad, good}).exit_code, 1);
  EXPECT_EQ(RunFerryForTest({"scan", good, "--allow", "a.b", bad}).exit_code,
            1);
  // What is dangerous needs its full name.
  EXPECT_EQ(RunFerryForTest({"scan", "--allow=posix.*", bad}).exit_code, 1);
}

TEST(ScanCommandTest, WalksFolders) {
  const std::string folder = NewFolder();
  const std::string elsewhere = NewFolder();
  fs::create_directories(folder + "/b/c");
  WriteFile(folder + "/a.pt", Clean());
  WriteFile(folder + "/README.md", "# hello\n");
  WriteFile(folder + "/b/c/bad.pt", DroppedCall());
  WriteFile(elsewhere + "/blob", DroppedCall());
  fs::create_symlink(elsewhere + "/blob", folder + "/link.pt");
  fs::create_directory_symlink(folder, folder + "/b/loop");
  ASSERT_EQ(mkfifo((folder + "/pipe").c_str(), 0600), 0);
  const FerryResult result = RunFerryForTest({"scan", folder});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("/a.pt: clean, zip archive, 1 pickle\n"),
          HasSubstr("/README.md: not a checkpoint\n"),
          HasSubstr("/b/c/bad.pt: found"), HasSubstr("/link.pt: found"),
          HasSubstr("/b/loop: skipped, a link to a folder that is searched\n"),
          HasSubstr("/pipe: skipped, neither a regular file nor a folder\n"),
          HasSubstr("\n6 files: 2 found, 1 clean, 0 not examined, 1 not a "
                    "checkpoint, 2 skipped\n")));
  const FerryResult quiet = RunFerryForTest({"scan", "--quiet", folder});
  EXPECT_THAT(quiet.out,
              AllOf(Not(HasSubstr("a.pt: clean")), Not(HasSubstr("README")),
                    HasSubstr("bad.pt: found")));
  const Json json =
      Json::parse(RunFerryForTest({"scan", "--format=json", folder}).out);
  EXPECT_EQ(json.size(), 6);
  EXPECT_EQ(
      Json::parse(RunFerryForTest({"scan", "-q", "--format=json", folder}).out)
          .size(),
      2);
  // A link that leads nowhere was not examined.
  fs::remove(elsewhere + "/blob");
  fs::remove(folder + "/b/c/bad.pt");
  EXPECT_EQ(RunFerryForTest({"scan", folder}).exit_code, 2);
  fs::remove(folder + "/link.pt");
  EXPECT_EQ(RunFerryForTest({"scan", folder}).exit_code, 0);
  const std::string empty = NewFolder();
  EXPECT_EQ(RunFerryForTest({"scan", "--format=json", empty}).out, "[]\n");
  EXPECT_EQ(RunFerryForTest({"scan", "-q", "--format=json", folder}).out,
            "[]\n");
}

// A file that was not examined to its end is never clean.
TEST(ScanCommandTest, LimitsWhatItSpends) {
  const std::string good = WriteTestFile("limits_good.pt", Clean());
  const std::string bad = WriteTestFile("limits_bad.pt", DroppedCall());
  for (const char* const option : {"--max-steps", "--max-memory"}) {
    const FerryResult result =
        RunFerryForTest({"scan", absl::StrCat(option, "=10"), good});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.out,
                AllOf(HasSubstr(": not examined"),
                      HasSubstr(absl::StrCat("raise ", option, "\n"))));
    const Json json =
        Json::parse(RunFerryForTest({"scan", absl::StrCat(option, "=10"),
                                     "--format=json", good})
                        .out);
    EXPECT_EQ(json[0]["verdict"], "not examined");
    EXPECT_THAT(std::string(json[0]["problems"][0]),
                HasSubstr(absl::StrCat("raise ", option)));
    EXPECT_EQ(RunFerryForTest({"scan", absl::StrCat(option, "=1000000"), good})
                  .exit_code,
              0);
    // The other commands scan with the same limits.
    const FerryResult converted =
        RunFerryForTest({"convert", "--strict", absl::StrCat(option, "=10"),
                         good, TestPath("limits_out.pt")});
    EXPECT_EQ(converted.exit_code, 2);
    EXPECT_THAT(converted.err, HasSubstr(absl::StrCat("raise ", option)));
  }
  EXPECT_THAT(RunFerryForTest({"inspect", "--max-steps=10", good}).out,
              AllOf(HasSubstr("\nscan: it could not be examined: "),
                    HasSubstr("raise --max-steps")));
  // If a list is too long, its verdict is still printed.
  for (const char* const format : {"human", "json"}) {
    const FerryResult result = RunFerryForTest(
        {"scan", "--max-output=100", absl::StrCat("--format=", format), bad});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.out,
                AllOf(HasSubstr("found"), HasSubstr("raise --max-output"),
                      Not(HasSubstr("posix"))));
  }
}

TEST(ScanCommandTest, CanBeCancelled) {
  const std::string good = WriteTestFile("cancelled.pt", Clean());
  const std::string bad = WriteTestFile("cancelled_bad.pt", DroppedCall());
  std::atomic<int> num_asked{0};  // the files are scanned at once
  const FerryResult result = RunFerryForTest({"scan", good, bad}, [&num_asked] {
    ++num_asked;
    return true;
  });
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(num_asked, 2);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("not examined: the scan was cancelled"),
                    HasSubstr("2 not examined")));
  const auto always = [] { return true; };
  EXPECT_EQ(RunFerryForTest({"inspect", good}, always).exit_code, 2);
}

TEST(ScanCommandTest, ScansARange) {
  const std::string both =
      WriteTestFile("range.pt", absl::StrCat(Clean(), DroppedCall()));
  const size_t middle = Clean().size();
  const auto scan = [&both](absl::string_view range) {
    return RunFerryForTest({"scan", absl::StrCat("--range=", range), both});
  };
  EXPECT_EQ(scan(absl::StrCat("0:", middle)).exit_code, 0);
  EXPECT_THAT(scan(absl::StrCat(middle, ":")).out,
              HasSubstr(": found, zip archive, 1 pickle\n  dangerous: "));
  const FerryResult outside = scan("0:1000000");
  EXPECT_EQ(outside.exit_code, 2);
  EXPECT_THAT(outside.out, HasSubstr("does not lie in the file, which has "));
  EXPECT_EQ(scan("1000000:").exit_code, 2);
  EXPECT_EQ(scan("2:1").exit_code, 2);
}

// A clean verdict on a folder must not cover what is elsewhere.
TEST(ScanCommandTest, LinksToOtherFoldersAreNotExamined) {
  const std::string folder = NewFolder();
  const std::string elsewhere = NewFolder();
  WriteFile(folder + "/a.pt", Clean());
  WriteFile(elsewhere + "/b.pt", Clean());
  fs::create_directory_symlink(elsewhere, folder + "/link");
  const FerryResult alone = RunFerryForTest({"scan", folder});
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_THAT(alone.out,
              HasSubstr("/link: not examined\n  not examined: a link to a "
                        "folder elsewhere; to search that, name it\n"));
  EXPECT_EQ(RunFerryForTest({"scan", folder, elsewhere}).exit_code, 0);
  EXPECT_EQ(RunFerryForTest({"scan", folder, folder + "/link"}).exit_code, 0);
}

// More files than are scanned at once, each on its own line and in order.
TEST(ScanCommandTest, ScansManyFilesInOrder) {
  const std::string folder = NewFolder();
  std::string expected;
  for (int i = 1000; i < 1600; ++i) {
    const std::string path = absl::StrCat(folder, "/", i, ".pt");
    WriteFile(path, Clean());
    absl::StrAppend(&expected, path, ": clean, zip archive, 1 pickle\n");
  }
  const FerryResult result = RunFerryForTest({"scan", folder});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            absl::StrCat(expected,
                         "600 files: 0 found, 600 clean, 0 not examined, 0 not "
                         "a checkpoint, 0 skipped\n"));
}

TEST(ScanCommandTest, HostileTextCannotDriveTheTerminal) {
  const std::string path = WriteTestFile("text.pt", "ca\x1b[2J\nb\x07\n.");
  const FerryResult result = RunFerryForTest({"scan", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find('\x07'), std::string::npos);
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
