// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/thread_count.h"

#include <sched.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "ferry/core/testing/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ThreadCountTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kThreadCountVariables) unsetenv(name);
  }
  void TearDown() override { SetUp(); }
};

// A folder that stands for / on a machine with this quota, in CPUs.
std::string RootWithQuota(int64_t cpus) {
  const std::string root = NewFolder();
  std::filesystem::create_directories(root + "/proc/self");
  std::filesystem::create_directories(root + "/cgroup");
  WriteFile(root + "/proc/self/mountinfo",
            "29 23 0:26 / /cgroup rw - cgroup2 cgroup rw\n");
  WriteFile(root + "/cgroup/cpu.max", absl::StrCat(cpus * 100000, " 100000\n"));
  return root;
}

TEST_F(ThreadCountTest, LeadingNumberCounts) {
  for (const char* text : {"4", "4,2", "4x", "4.7", " +4", "04"}) {
    setenv("OMP_NUM_THREADS", text, 1);
    const ThreadCount found = FindThreadCount("");
    EXPECT_EQ(found.count, 4) << text;
    EXPECT_EQ(found.source, "OMP_NUM_THREADS");
    EXPECT_THAT(found.warnings, IsEmpty()) << text;
  }
}

TEST_F(ThreadCountTest, AnythingElseIsIgnoredWithAWarning) {
  const ThreadCount without = FindThreadCount("");
  for (const char* text : {"", "0", "-2", "abc", "x4", "0x10", "2147483648",
                           "99999999999999999999"}) {
    for (const char* name : kThreadCountVariables) {
      setenv(name, text, 1);
      const ThreadCount found = FindThreadCount("");
      EXPECT_EQ(found.count, without.count) << text;
      EXPECT_EQ(found.source, without.source) << text;
      EXPECT_THAT(
          found.warnings,
          ElementsAre(testing::AllOf(
              HasSubstr(name), HasSubstr(std::string("\"") + text + "\""))));
      unsetenv(name);
    }
  }
}

TEST_F(ThreadCountTest, VariablesHaveAnOrder) {
  setenv("OMP_NUM_THREADS", "3", 1);
  EXPECT_EQ(FindThreadCount("").count, 3);
  setenv("MKL_NUM_THREADS", "5", 1);
  EXPECT_EQ(FindThreadCount("").count, 5);
  setenv("FERRY_NUM_THREADS", "7", 1);
  EXPECT_EQ(FindThreadCount("").count, 7);
  // Of two that are wrong both are said.
  setenv("FERRY_NUM_THREADS", "no", 1);
  setenv("MKL_NUM_THREADS", "0", 1);
  const ThreadCount found = FindThreadCount("");
  EXPECT_EQ(found.count, 3);
  EXPECT_THAT(found.warnings, ElementsAre(HasSubstr("FERRY_NUM_THREADS"),
                                          HasSubstr("MKL_NUM_THREADS")));
}

TEST_F(ThreadCountTest, VariableMayExceedTheCpus) {
  setenv("FERRY_NUM_THREADS", "100000", 1);
  EXPECT_EQ(FindThreadCount(RootWithQuota(1)).count, 100000);
}

TEST_F(ThreadCountTest, AffinityCounts) {
  std::thread([] {
    cpu_set_t cpus;
    ASSERT_EQ(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &cpus) && ++seen > 1) CPU_CLR(cpu, &cpus);
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
    const ThreadCount found = FindThreadCount("");
    EXPECT_EQ(found.count, 1);
    EXPECT_EQ(found.affinity_cpus, 1);
    EXPECT_EQ(found.source, "affinity");
  }).join();
}

TEST_F(ThreadCountTest, QuotaCountsIfItIsLowerThanTheAffinity) {
  const ThreadCount wide = FindThreadCount(RootWithQuota(1 << 19));
  EXPECT_EQ(wide.count, wide.affinity_cpus);
  EXPECT_EQ(wide.quota_cpus, 1 << 19);
  EXPECT_EQ(wide.source, "affinity");
  const ThreadCount narrow = FindThreadCount(RootWithQuota(1));
  EXPECT_EQ(narrow.count, 1);
  EXPECT_EQ(narrow.quota_cpus, 1);
  EXPECT_EQ(narrow.source,
            narrow.affinity_cpus > 1 ? "cgroup quota" : "affinity");
}

TEST_F(ThreadCountTest, DefaultIsFoundOnce) {
  const int count = DefaultThreadCount().count;
  setenv("FERRY_NUM_THREADS", std::to_string(count + 1).c_str(), 1);
  EXPECT_EQ(DefaultThreadCount().count, count);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
