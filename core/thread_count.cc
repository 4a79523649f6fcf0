// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/thread_count.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "ferry/core/cgroup_quota.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace {

// Returns the positive number with which the text begins, or 0 if it begins
// with anything else or the number does not fit in an int.
int LeadingPositiveInt(const char* text) {
  const long value = std::strtol(text, nullptr, 10);
  return value > 0 && value <= std::numeric_limits<int>::max()
             ? static_cast<int>(value)
             : 0;
}

// Returns the number of CPUs to which the calling thread is bound. The kernel
// refuses a set that is smaller than its own, whose size it does not tell.
int AffinityCpus() {
  for (int capacity = CPU_SETSIZE; capacity <= (1 << 20); capacity *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> cpus(
        CPU_ALLOC(capacity), [](cpu_set_t* set) { CPU_FREE(set); });
    const size_t size_bytes = CPU_ALLOC_SIZE(capacity);
    if (cpus == nullptr) break;
    if (sched_getaffinity(0, size_bytes, cpus.get()) == 0) {
      return std::max(CPU_COUNT_S(size_bytes, cpus.get()), 1);
    }
    if (errno != EINVAL) break;
  }
  return 1;
}

}  // namespace

ThreadCount FindThreadCount(const std::string& root) {
  ThreadCount found;
  found.affinity_cpus = AffinityCpus();
  found.quota_cpus = CgroupQuota(root);
  for (const char* name : kThreadCountVariables) {
    const char* const text = std::getenv(name);
    if (text == nullptr) continue;
    const int count = LeadingPositiveInt(text);
    if (count == 0) {
      found.warnings.push_back(absl::StrCat(
          name, " is ignored, since it does not begin with a positive number: ",
          QuoteForMessage(text)));
    } else if (found.source.empty()) {
      found.count = count;
      found.source = name;
    }
  }
  if (!found.source.empty()) return found;
  if (found.quota_cpus > 0 && found.quota_cpus < found.affinity_cpus) {
    found.count = found.quota_cpus;
    found.source = "cgroup quota";
  } else {
    found.count = found.affinity_cpus;
    found.source = "affinity";
  }
  return found;
}

const ThreadCount& DefaultThreadCount() {
  static const ThreadCount* const found = new ThreadCount(FindThreadCount(""));
  return *found;
}

}  // namespace v1
}  // namespace ferry
