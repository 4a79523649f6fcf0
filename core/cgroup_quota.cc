// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/cgroup_quota.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int64_t kMaxCpus = 1 << 20;

// A mounted tree of cgroups that may have quotas.
struct Hierarchy {
  bool is_v2 = false;
  std::string mounted_cgroup;  // the cgroup that is at the mount point
  std::string mount_point;
};

std::vector<std::string> Lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool HasCpuController(absl::string_view comma_separated) {
  return absl::c_linear_search(
      std::vector<absl::string_view>(absl::StrSplit(comma_separated, ',')),
      "cpu");
}

// The file is described in proc(5), "/proc/[pid]/mountinfo".
std::vector<Hierarchy> Hierarchies(const std::string& root) {
  std::vector<Hierarchy> found;
  for (const std::string& line : Lines(root + "/proc/self/mountinfo")) {
    const std::vector<std::string> halves =
        absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2) continue;
    const std::vector<std::string> mount = absl::StrSplit(halves[0], ' ');
    const std::vector<std::string> type = absl::StrSplit(halves[1], ' ');
    if (mount.size() < 5 || type.size() < 3) continue;
    const bool is_v2 = type[0] == "cgroup2";
    if (!is_v2 && !(type[0] == "cgroup" && HasCpuController(type[2]))) continue;
    Hierarchy hierarchy;
    hierarchy.is_v2 = is_v2;
    // Spaces and the like are in octal.
    if (absl::CUnescape(mount[3], &hierarchy.mounted_cgroup) &&
        absl::CUnescape(mount[4], &hierarchy.mount_point)) {
      found.push_back(hierarchy);
    }
  }
  return found;
}

// Returns the path of the process's cgroup below the mount point: "" or "/a/b".
// The file is described in cgroups(7), "/proc files".
std::string PathOfProcess(const std::string& root, const Hierarchy& hierarchy) {
  for (const std::string& line : Lines(root + "/proc/self/cgroup")) {
    const std::vector<std::string> fields =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (hierarchy.is_v2 ? fields[0] != "0" : !HasCpuController(fields[1])) {
      continue;
    }
    absl::string_view path = fields[2];
    if (!absl::ConsumePrefix(
            &path, absl::StripSuffix(hierarchy.mounted_cgroup, "/")) ||
        !absl::StartsWith(path, "/") || absl::StrContains(path, "..")) {
      return "";  // not below the mount point
    }
    return std::string(absl::StripSuffix(path, "/"));
  }
  return "";
}

// Returns the quota of one cgroup. Documentation/admin-guide/cgroup-v2.rst of
// Linux, "cpu.max", and Documentation/scheduler/sched-bwc.rst for version 1.
int QuotaOf(const std::string& folder, bool is_v2) {
  int64_t quota = 0;
  int64_t period = 0;
  if (is_v2) {
    const std::vector<std::string> fields =
        absl::StrSplit(FirstLine(folder + "/cpu.max"), ' ');
    if (fields.size() != 2 || !absl::SimpleAtoi(fields[0], &quota) ||
        !absl::SimpleAtoi(fields[1], &period)) {
      return 0;
    }
  } else if (!absl::SimpleAtoi(FirstLine(folder + "/cpu.cfs_quota_us"),
                               &quota) ||
             !absl::SimpleAtoi(FirstLine(folder + "/cpu.cfs_period_us"),
                               &period)) {
    return 0;
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::min((quota - 1) / period + 1, kMaxCpus));
}

}  // namespace

int CgroupQuota(const std::string& root) {
  int lowest = 0;
  for (const Hierarchy& hierarchy : Hierarchies(root)) {
    std::string path = PathOfProcess(root, hierarchy);
    while (true) {
      const int quota = QuotaOf(absl::StrCat(root, hierarchy.mount_point, path),
                                hierarchy.is_v2);
      if (quota > 0) lowest = lowest == 0 ? quota : std::min(lowest, quota);
      if (path.empty()) break;
      path.erase(path.rfind('/'));
    }
  }
  return lowest;
}

}  // namespace v1
}  // namespace ferry
