// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/cgroup_quota.h"

#include <filesystem>
#include <map>
#include <string>

#include "ferry/core/testing/files.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Files = std::map<std::string, std::string>;  // contents by path

constexpr char kV2[] = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
constexpr char kV1[] =
    "30 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup "
    "rw,cpu,cpuacct\n";

// The quota on a machine that has these files.
int QuotaWith(const Files& files) {
  const std::string root = NewFolder();
  for (const auto& [path, contents] : files) {
    const std::filesystem::path file = root + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    WriteFile(file, contents);
  }
  return CgroupQuota(root);
}

// The quota where version 2 has this quota at its root.
int QuotaOfV2(const std::string& cpu_max) {
  return QuotaWith({{"proc/self/mountinfo", kV2},
                    {"proc/self/cgroup", "0::/\n"},
                    {"sys/fs/cgroup/cpu.max", cpu_max}});
}

TEST(CgroupQuotaTest, IsRoundedUp) {
  EXPECT_EQ(QuotaOfV2("100000 100000\n"), 1);
  EXPECT_EQ(QuotaOfV2("100001 100000\n"), 2);
  EXPECT_EQ(QuotaOfV2("1000 100000\n"), 1);
  EXPECT_EQ(QuotaOfV2("9223372036854775807 1\n"), 1 << 20);
}

TEST(CgroupQuotaTest, ThereMayBeNone) {
  EXPECT_EQ(QuotaWith({}), 0);
  EXPECT_EQ(QuotaOfV2("max 100000\n"), 0);
  for (const char* bad : {"", "\n", "200000\n", "200000 0\n", "-1 100000\n",
                          "200000 100000 1\n", "x y\n"}) {
    EXPECT_EQ(QuotaOfV2(bad), 0) << bad;
  }
  EXPECT_EQ(QuotaWith({{"proc/self/mountinfo", "\n - \nx - cgroup2\n"},
                       {"proc/self/cgroup", "0\n"}}),
            0);
}

TEST(CgroupQuotaTest, LowestQuotaOfTheAncestorsCounts) {
  Files files = {{"proc/self/mountinfo", kV2},
                 {"proc/self/cgroup", "0::/pod/app/worker\n"},
                 {"sys/fs/cgroup/pod/app/worker/cpu.max", "800000 100000\n"},
                 {"sys/fs/cgroup/pod/app/cpu.max", "300000 100000\n"},
                 {"sys/fs/cgroup/pod/cpu.max", "max 100000\n"},
                 {"sys/fs/cgroup/pod/other/cpu.max", "100000 100000\n"}};
  EXPECT_EQ(QuotaWith(files), 3);
  files["sys/fs/cgroup/pod/cpu.max"] = "200000 100000\n";
  EXPECT_EQ(QuotaWith(files), 2);
  files["sys/fs/cgroup/pod/app/worker/cpu.max"] = "50000 100000\n";
  EXPECT_EQ(QuotaWith(files), 1);
}

TEST(CgroupQuotaTest, Version1) {
  const std::string mount = "sys/fs/cgroup/cpu,cpuacct/";
  Files files = {{"proc/self/mountinfo", kV1},
                 {"proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/a:b/c\n"},
                 {mount + "cpu.cfs_quota_us", "-1\n"},
                 {mount + "cpu.cfs_period_us", "100000\n"},
                 {mount + "a:b/cpu.cfs_quota_us", "250000\n"},
                 {mount + "a:b/cpu.cfs_period_us", "50000\n"},
                 {mount + "m/cpu.cfs_quota_us", "1\n"},
                 {mount + "m/cpu.cfs_period_us", "1\n"}};
  EXPECT_EQ(QuotaWith(files), 5);
  files[mount + "a:b/c/cpu.cfs_quota_us"] = "100000\n";
  files[mount + "a:b/c/cpu.cfs_period_us"] = "50000\n";
  EXPECT_EQ(QuotaWith(files), 2);
}

TEST(CgroupQuotaTest, BothVersionsAtOnce) {
  const Files files = {
      {"proc/self/mountinfo",
       "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
       "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
       "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"},
      {"proc/self/cgroup", "2:cpuset:/s\n1:cpu:/a\n0::/u\n"},
      {"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "400000\n"},
      {"sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"},
      {"sys/fs/cgroup/cpuset/s/cpu.cfs_quota_us", "100000\n"},
      {"sys/fs/cgroup/cpuset/s/cpu.cfs_period_us", "100000\n"}};
  EXPECT_EQ(QuotaWith(files), 4);
}

// A container sees a part of the tree, under names from outside.
TEST(CgroupQuotaTest, PartOfTheTreeIsMounted) {
  const std::string mounted =
      "30 25 0:27 /docker/0f1e /sys/fs/my\\040cgroup rw - cgroup2 cgroup rw\n";
  Files files = {{"proc/self/mountinfo", mounted},
                 {"proc/self/cgroup", "0::/docker/0f1e\n"},
                 {"sys/fs/my cgroup/cpu.max", "300000 100000\n"},
                 {"sys/fs/my cgroup/docker/0f1e/cpu.max", "100000 100000\n"},
                 {"sys/fs/my cgroup/sub/cpu.max", "200000 100000\n"},
                 {"sys/fs/cpu.max", "100000 100000\n"}};
  EXPECT_EQ(QuotaWith(files), 3);
  files["proc/self/cgroup"] = "0::/docker/0f1e/sub\n";
  EXPECT_EQ(QuotaWith(files), 2);
  for (const char* outside : {"/docker/0f1ea", "/docker/0f1e/../sub", "/"}) {
    files["proc/self/cgroup"] = std::string("0::") + outside + "\n";
    EXPECT_EQ(QuotaWith(files), 3) << outside;
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
