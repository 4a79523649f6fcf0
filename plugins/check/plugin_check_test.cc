// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The checker on plugins that keep the rules, and on mutants that break one
// each. A mutant's name says which check has to catch it; others may as well.

#include "ferry/plugins/check/plugin_check.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/conformance/conformance.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::HasSubstr;

PluginCheckOptions QuickOptions() {
  PluginCheckOptions options;
  options.large_bytes = uint64_t{256} << 10;
  return options;
}

std::map<std::string, CheckResult> Check(
    const std::string& path,
    const PluginCheckOptions& options = QuickOptions()) {
  const absl::StatusOr<std::vector<CheckResult>> results =
      CheckPlugin(path, options);
  EXPECT_THAT(results, IsOk());
  std::map<std::string, CheckResult> by_id;
  if (!results.ok()) return by_id;
  for (const CheckResult& result : *results) {
    EXPECT_TRUE(by_id.emplace(result.id, result).second) << result.id;
    // Nothing has a detail but what did not pass.
    EXPECT_EQ(result.detail.empty(), result.outcome == CheckResult::kPass)
        << result.ToString();
  }
  return by_id;
}

std::set<std::string> WithOutcome(
    const std::map<std::string, CheckResult>& results,
    CheckResult::Outcome outcome) {
  std::set<std::string> ids;
  for (const auto& [id, result] : results) {
    if (result.outcome == outcome) ids.insert(id);
  }
  return ids;
}

std::string Failures(const std::map<std::string, CheckResult>& results) {
  std::string text;
  for (const auto& [id, result] : results) {
    if (result.outcome == CheckResult::kFail) {
      absl::StrAppend(&text, result.ToString(), "\n");
    }
  }
  return text;
}

TEST(PluginCheckTest, ToyPasses) {
  PluginCheckOptions options = QuickOptions();
  options.expected_devices = 2;
  const auto results = Check("plugins/testing/toy.so", options);
  EXPECT_EQ(Failures(results), "");
  // Queues, host memory, and what is for the host's own memory or none.
  EXPECT_EQ(
      WithOutcome(results, CheckResult::kUnsupported),
      std::set<std::string>({"A-07", "C-08", "G-01", "G-02", "G-03", "G-04",
                             "G-06", "G-07", "G-08", "G-09", "M-03", "M-04",
                             "N-01", "S-10", "X-05", "X-06", "X-08"}));
}

TEST(PluginCheckTest, ToyWithQueuesPasses) {
  const auto results = Check("plugins/testing/toy_async.so");
  EXPECT_EQ(Failures(results), "");
  EXPECT_EQ(WithOutcome(results, CheckResult::kUnsupported),
            std::set<std::string>({"A-07", "C-08", "M-03", "M-04", "S-10"}));
}

TEST(PluginCheckTest, ToyWithAnotherNameInFilesPasses) {
  PluginCheckOptions options = QuickOptions();
  options.only = {"B-08", "L-01", "L-02", "L-03", "E-01",
                  "E-02", "E-03", "E-04", "E-05"};
  const auto results = Check("plugins/testing/toy_privateuseone.so", options);
  EXPECT_EQ(WithOutcome(results, CheckResult::kPass), options.only)
      << Failures(results);
}

TEST(PluginCheckTest, FewerDevicesThanExpectedFail) {
  PluginCheckOptions options = QuickOptions();
  options.expected_devices = 3;
  const auto results = Check("plugins/testing/toy.so", options);
  EXPECT_EQ(WithOutcome(results, CheckResult::kFail),
            std::set<std::string>({"D-03"}));
}

TEST(PluginCheckTest, FailuresMayBeExpected) {
  PluginCheckOptions options = QuickOptions();
  options.only = {"A-06", "R-03", "P-02"};
  options.expected_failures = {{"P-02", "it is chatty"}};
  auto results = Check("plugins/check/p_02_prints.so", options);
  EXPECT_EQ(Failures(results), "");
  EXPECT_EQ(results["P-02"].outcome, CheckResult::kExpectedFailure);
  EXPECT_THAT(
      results["P-02"].ToString(),
      HasSubstr("P-02 expected failure: the plugin prints nothing: it is chatty"
                ": it printed "));
  // One that passes is none.
  results = Check("plugins/testing/toy.so", options);
  EXPECT_EQ(WithOutcome(results, CheckResult::kFail),
            std::set<std::string>({"P-02"}));
  // Nor is one that there is not.
  options.only = {"X-99"};
  EXPECT_EQ(CheckPlugin("plugins/testing/toy.so", options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options.only = {"A-06"};
  options.expected_failures = {{"X-99", "no such"}};
  EXPECT_EQ(CheckPlugin("plugins/testing/toy.so", options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PluginCheckTest, WhatIsNoPluginFailsTheFirstCheck) {
  const auto results = Check("plugins/check/plugin_check_test");
  EXPECT_EQ(results.at("A-01").outcome, CheckResult::kFail);
  EXPECT_EQ(results.size(), 1u);
  EXPECT_EQ(CheckPlugin("/no/such.so", {}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(PluginCheckTest, ChecksThatCannotBeRunDoNotPass) {
  PluginCheckOptions options = QuickOptions();
  options.only = {"R-03"};
  for (const char* name : {"b_07_has_no_name", "b_07_claims_too_much"}) {
    const auto results =
        Check(absl::StrCat("plugins/check/", name, ".so"), options);
    EXPECT_EQ(WithOutcome(results, CheckResult::kFail),
              std::set<std::string>({"B-07"}));
    EXPECT_EQ(results.size(), 1u);
    EXPECT_THAT(results.at("B-07").detail, HasSubstr("were not run"));
  }
  const auto results = Check("plugins/check/a_06_undefined_symbol.so", options);
  EXPECT_EQ(WithOutcome(results, CheckResult::kFail),
            std::set<std::string>({"A-06"}));
  EXPECT_EQ(results.size(), 1u);
}

TEST(PluginCheckTest, FailuresThatStopOtherChecksCannotBeExpected) {
  struct Case {
    const char* path;
    const char* id;
  };
  for (const Case& stopped :
       {Case{"plugins/check/plugin_check_test", "A-01"},
        Case{"plugins/check/a_06_undefined_symbol.so", "A-06"},
        Case{"plugins/check/b_07_has_no_name.so", "B-07"},
        Case{"plugins/check/p_00_dies_between_checks.so", "P-00"}}) {
    PluginCheckOptions options = QuickOptions();
    // P-00 looks at what M-02 and M-06 do.
    options.only = {stopped.id, "M-02", "M-06", "R-03"};
    options.expected_failures = {{stopped.id, "it is known"},
                                 {"R-03", "it was not run"}};
    const auto results = Check(stopped.path, options);
    ASSERT_EQ(results.count(stopped.id), 1u) << stopped.id;
    EXPECT_EQ(results.at(stopped.id).outcome, CheckResult::kFail) << stopped.id;
    EXPECT_THAT(results.at(stopped.id).detail,
                HasSubstr("a failure that stops other checks cannot be"));
  }
}

// The names of the shared objects beside this test.
std::vector<std::string> Mutants() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator("plugins/check")) {
    if (entry.path().extension() == ".so") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class MutantTest : public ::testing::TestWithParam<std::string> {};

TEST_P(MutantTest, IsCaughtByItsCheck) {
  const std::string& name = GetParam();
  const std::string id =
      absl::StrCat(std::string(1, static_cast<char>(std::toupper(name[0]))),
                   "-", name.substr(2, 2));
  PluginCheckOptions options = QuickOptions();
  // What H-01, P-00 and P-02 look at has to be done by others.
  options.only = {id, "M-02", "M-06", "R-03"};
  if (absl::StrContains(name, "_hangs")) options.seconds_per_check = 5;
  const auto results =
      Check(absl::StrCat("plugins/check/", name, ".so"), options);
  ASSERT_EQ(results.count(id), 1u) << id;
  EXPECT_EQ(results.at(id).outcome, CheckResult::kFail)
      << results.at(id).ToString();
}

INSTANTIATE_TEST_SUITE_P(All, MutantTest, ::testing::ValuesIn(Mutants()),
                         [](const auto& name) { return name.param; });

TEST(MutantsTest, AreThere) { EXPECT_GE(Mutants().size(), 66u); }

}  // namespace
}  // namespace v1
}  // namespace ferry
