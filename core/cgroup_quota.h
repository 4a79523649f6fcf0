// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/cgroup_quota.h
// -----------------------------------------------------------------------------
//
// Finds out how much CPU time the process's control group (cgroup) allows it.
// Containers limit CPUs in this way, and neither the affinity nor
// std::thread::hardware_concurrency shows it.
//
// Example: docker run --cpus=1.5
//
//   CgroupQuota("");  // 2
#ifndef FERRY_CORE_CGROUP_QUOTA_H_
#define FERRY_CORE_CGROUP_QUOTA_H_

#include <string>

namespace ferry {
inline namespace v1 {

// Returns the number of CPUs whose time the quota grants, rounded up, or 0 if
// there is no quota or it cannot be read. Understands versions 1 and 2 of
// cgroups. The quotas of all ancestors count as well, and the lowest one is
// returned. A process in a cgroup namespace cannot see the ancestors outside.
//
// Reads a few small files below `root`/proc and `root`/sys. `root` is "" except
// in tests. Thread-safe.
int CgroupQuota(const std::string& root);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_CGROUP_QUOTA_H_
