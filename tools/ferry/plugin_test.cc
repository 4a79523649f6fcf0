// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/plugin.h"

#include <set>
#include <string>

#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kToy[] = "plugins/testing/toy.so";
constexpr char kMutant[] = "plugins/check/p_02_prints.so";

TEST(PluginCheckCommandTest, SoundPluginIsDone) {
  const FerryResult result =
      RunFerryForTest({"plugin", "check", "--expect-devices=2", kToy});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("\nB-01  pass              the query always gives"),
            HasSubstr("G-01  unsupported"), HasSubstr("toy.so: "),
            HasSubstr(" 0 fail, 18 unsupported, 0 expected failure")));
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
}  // namespace ferry
