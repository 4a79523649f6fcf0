// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The suite on backends that keep the rules; on those that do not, see the
// tests of mutants.

#include "ferry/devices/conformance/conformance.h"

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/devices/conformance/mutants.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

Ids WithOutcome(const std::vector<CheckResult>& results,
                CheckResult::Outcome outcome) {
  Ids ids;
  for (const CheckResult& result : results) {
    if (result.outcome == outcome) ids.insert(result.id);
  }
  return ids;
}

std::string Failures(const std::vector<CheckResult>& results) {
  std::string text;
  for (const CheckResult& result : results) {
    if (result.outcome == CheckResult::kFail) text += result.ToString() + "\n";
  }
  return text;
}

TEST(ConformanceTest, DevicePasses) {
  FakeBackend backend;
  const auto results = RunConformance(backend, QuickOptions());
  EXPECT_EQ(Failures(results), "");
  EXPECT_EQ(WithOutcome(results, CheckResult::kUnsupported),
            Ids({"M-03", "M-04", "C-08", "S-10"}));
  EXPECT_EQ(backend.allocated_bytes(), 0u);
}

TEST(ConformanceTest, DeviceWhoseTransfersAreDelayedPasses) {
  FakeBackend::Options options;
  options.delays_transfers = true;
  FakeBackend backend(options);
  EXPECT_EQ(Failures(RunConformance(backend, QuickOptions())), "");
  EXPECT_EQ(backend.allocated_bytes(), 0u);
  EXPECT_EQ(LiveStagingBytes(), 0u);
}

TEST(ConformanceTest, HostPasses) {
  FakeHostBackend backend;
  const auto results = RunConformance(backend, QuickOptions());
  EXPECT_EQ(Failures(results), "");
  EXPECT_EQ(WithOutcome(results, CheckResult::kUnsupported),
            Ids({"C-08", "C-09", "C-10", "C-11", "S-06", "S-10", "T-04"}));
}

TEST(ConformanceTest, DevicesThatDoNotCopyToEachOtherPass) {
  FakeBackend::Options options;
  options.copies_between_devices = false;
  FakeBackend backend(options);
  const auto results = RunConformance(backend, QuickOptions());
  EXPECT_EQ(Failures(results), "");
  EXPECT_EQ(
      WithOutcome(results, CheckResult::kUnsupported),
      Ids({"M-03", "M-04", "C-08", "C-09", "C-10", "C-11", "S-10", "T-04"}));
  // Not even the two of them alone.
  struct Apart : FakeBackend {
    absl::Status CopyBetween(const Memory& from, uint64_t from_offset,
                             const Memory& to, uint64_t to_offset,
                             uint64_t size) override {
      if (size != 0 && DeviceOf(from) != DeviceOf(to)) {
        return absl::UnimplementedError("no link");
      }
      return FakeBackend::CopyBetween(from, from_offset, to, to_offset, size);
    }
  } apart;
  EXPECT_EQ(Failures(RunConformance(apart, QuickOptions())), "");
}

TEST(ConformanceTest, DeviceWithoutBytesPasses) {
  FakeBackend::Options options;
  options.has_bytes = false;
  FakeBackend backend(options);
  const auto results = RunConformance(backend, QuickOptions());
  EXPECT_EQ(Failures(results), "");
  EXPECT_EQ(WithOutcome(results, CheckResult::kPass),
            Ids({"D-01", "D-02", "D-03", "D-04", "D-05", "M-01", "M-02", "C-08",
                 "S-01", "S-10", "L-01", "L-02", "H-01"}));
}

TEST(ConformanceTest, AbsentDeviceIsUnsupportedUnlessItWasExpected) {
  FakeBackend::Options options;
  options.absence = absl::UnavailableError("unplugged");
  FakeBackend backend(options);
  ConformanceOptions conformance = QuickOptions();
  const auto results = RunConformance(backend, conformance);
  EXPECT_EQ(Failures(results), "");
  EXPECT_EQ(WithOutcome(results, CheckResult::kPass),
            Ids({"D-01", "D-02", "D-03", "H-01"}));
  for (const CheckResult& result : results) {
    if (result.outcome != CheckResult::kUnsupported) continue;
    EXPECT_NE(result.detail.find("unplugged"), std::string::npos)
        << result.ToString();
  }
  conformance.expected_devices = 1;
  EXPECT_EQ(FailedChecks(backend, conformance), Ids({"D-03"}));
}

TEST(ConformanceTest, FewerDevicesThanExpectedFail) {
  FakeBackend backend;
  ConformanceOptions options = QuickOptions();
  options.expected_devices = 2;
  EXPECT_EQ(FailedChecks(backend, options), Ids());
  options.expected_devices = 3;
  EXPECT_EQ(FailedChecks(backend, options), Ids({"D-03"}));
}

TEST(ConformanceTest, IdsAreUniqueAndResultsSayAll) {
  FakeBackend backend;
  std::set<std::string> ids, titles;
  for (const CheckResult& result : RunConformance(backend, QuickOptions())) {
    EXPECT_TRUE(ids.insert(result.id).second) << result.id;
    EXPECT_TRUE(titles.insert(result.title).second) << result.title;
    EXPECT_EQ(result.id.size(), 4u) << result.id;
    EXPECT_EQ(result.detail.empty(), result.outcome == CheckResult::kPass);
  }
}

TEST(ConformanceTest, ResultsAreReadable) {
  const CheckResult result{"C-02", "a rule", CheckResult::kFail, "device 1"};
  EXPECT_EQ(result.ToString(), "C-02 fail: a rule: device 1");
  const CheckResult passed{"C-03", "a rule", CheckResult::kPass, ""};
  EXPECT_EQ(passed.ToString(), "C-03 pass: a rule");
  EXPECT_EQ(OutcomeName(CheckResult::kUnsupported), "unsupported");
}

TEST(ConformanceTest, ChecksCanBeChosenAndFollowed) {
  FakeBackend backend;
  ConformanceOptions options = QuickOptions();
  std::vector<std::string> asked, told;
  options.is_wanted = [&](absl::string_view id, absl::string_view title) {
    EXPECT_FALSE(title.empty());
    asked.push_back(std::string(id));
    return id == "D-02" || id == "C-04" || id == "H-01";
  };
  options.on_result = [&](const CheckResult& result) {
    EXPECT_EQ(asked.back(), result.id);
    told.push_back(result.id);
  };
  const auto results = RunConformance(backend, options);
  EXPECT_EQ(told, std::vector<std::string>({"D-02", "C-04", "H-01"}));
  EXPECT_EQ(results.size(), 3u);
  options = QuickOptions();
  EXPECT_EQ(asked.size(), RunConformance(backend, options).size());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
