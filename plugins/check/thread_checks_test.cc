// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The checks of many threads, on plugins that keep the rules and on mutants
// whose faults only threads bring to light. Under --config=tsan, the checker
// and the plugins are built with the thread sanitizer, which then has to find
// the data races itself.

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/conformance/conformance.h"
#include "ferry/plugin.h"
#include "ferry/plugins/check/plugin_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::HasSubstr;

constexpr bool kHasThreadSanitizer = FERRY_SANITIZER == FERRY_SANITIZER_THREAD;

// Runs some checks, and returns those that failed, as text.
std::string Failures(const std::string& path, std::set<std::string> only,
                     int seconds_per_check) {
  PluginCheckOptions options;
  options.only = std::move(only);
  options.seconds_per_check = seconds_per_check;
  const absl::StatusOr<std::vector<CheckResult>> results =
      CheckPlugin(path, options);
  EXPECT_THAT(results, IsOk());
  std::string failures;
  if (!results.ok()) return failures;
  EXPECT_GE(results->size(), options.only.size());
  for (const CheckResult& result : *results) {
    EXPECT_NE(result.outcome, CheckResult::kUnsupported) << result.ToString();
    if (result.outcome != CheckResult::kPass) {
      absl::StrAppend(&failures, result.ToString(), "\n");
    }
  }
  return failures;
}

class SoundPluginTest : public ::testing::TestWithParam<const char*> {};

TEST_P(SoundPluginTest, Passes) {
  EXPECT_EQ(
      Failures(GetParam(),
               {"T-01", "T-02", "T-03", "T-04", "S-08", "G-02", "G-04", "X-01",
                "X-02", "X-03", "X-04", "X-05", "X-06", "X-08", "P-02"},
               600),
      "");
}

INSTANTIATE_TEST_SUITE_P(All, SoundPluginTest,
                         ::testing::Values("plugins/testing/toy_async.so",
                                           "plugins/check/sound.so"));

// A mutant, and whether its fault is one that the thread sanitizer reports.
struct Mutant {
  const char* name;
  bool is_reported;
};

class ThreadMutantTest : public ::testing::TestWithParam<Mutant> {};

TEST_P(ThreadMutantTest, IsCaughtByItsCheck) {
  const std::string name = GetParam().name;
  const std::string id = absl::StrCat("X-", name.substr(2, 2));
  // Without the sanitizer, a data race shows only if threads meet in it. Of the
  // toy without locks, one run in ten saw nothing on two busy cores.
  std::string failures;
  for (int run = 0; run < 8 && failures.empty(); ++run) {
    // Some of them hang.
    failures = Failures(absl::StrCat("plugins/check/", name, ".so"), {id},
                        kHasThreadSanitizer ? 120 : 20);
    if (kHasThreadSanitizer) break;
  }
  EXPECT_THAT(failures, HasSubstr(absl::StrCat(id, " fail: ")));
  if (kHasThreadSanitizer && GetParam().is_reported) {
    EXPECT_THAT(failures, HasSubstr("ThreadSanitizer: "));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ThreadMutantTest,
    ::testing::Values(Mutant{"x_01_hangs_with_two_locks", true},
                      Mutant{"x_01_no_locks", true},
                      Mutant{"x_01_no_locks_for_memory", true},
                      Mutant{"x_02_one_last_error", true},
                      Mutant{"x_03_one_current_device", true},
                      Mutant{"x_04_needs_a_thread_set_up", false},
                      Mutant{"x_05_queue_table_without_a_lock", true},
                      Mutant{"x_06_no_locks_for_queues", true},
                      Mutant{"x_08_host_memory_without_a_lock", true}),
    [](const auto& mutant) { return std::string(mutant.param.name); });

}  // namespace
}  // namespace v1
}  // namespace ferry
