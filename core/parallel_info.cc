// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/parallel_info.h"

#include <link.h>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "ferry/core/parallel.h"
#include "ferry/core/parallel_runtime.h"
#include "ferry/core/text.h"
#include "ferry/core/thread_count.h"

namespace ferry {
inline namespace v1 {
namespace {

// Returns the file names of the OpenMP runtimes in this process. Python wheels
// put a hash into the name: libgomp-a34b3233.so.1.
std::vector<std::string> OpenMpRuntimes() {
  std::vector<std::string> found;
  dl_iterate_phdr(
      [](dl_phdr_info* object, size_t, void* result) {
        absl::string_view name = object->dlpi_name;
        name.remove_prefix(name.rfind('/') + 1);  // 0 if there is none
        for (const char* runtime : {"libgomp", "libiomp5", "libomp"}) {
          if (absl::StartsWith(name, absl::StrCat(runtime, ".")) ||
              absl::StartsWith(name, absl::StrCat(runtime, "-"))) {
            static_cast<std::vector<std::string>*>(result)->emplace_back(name);
          }
        }
        return 0;
      },
      &found);
  return found;
}

std::string SourceOfThreadCount(const ParallelRuntime& runtime) {
  return runtime.num_threads_set > 0 ? "SetNumThreads"
                                     : DefaultThreadCount().source;
}

}  // namespace

std::string ParallelInfo() {
  const ParallelRuntime runtime = GetParallelRuntime();
  const ThreadCount& found = DefaultThreadCount();
  const std::vector<std::string> openmp = OpenMpRuntimes();
  std::string text = "Ferry loops:\n";
  const auto add = [&text](absl::string_view name, const auto& value) {
    absl::StrAppend(&text, "    ", name, " : ", value, "\n");
  };
  add("GetNumThreads()",
      absl::StrCat(GetNumThreads(), ", from ", SourceOfThreadCount(runtime)));
  add("CPUs by affinity", found.affinity_cpus);
  add("CPUs by cgroup quota", found.quota_cpus == 0
                                  ? std::string("[no quota]")
                                  : absl::StrCat(found.quota_cpus));
  add("std::thread::hardware_concurrency()",
      std::thread::hardware_concurrency());
  add("library", runtime.library);
  add("concurrency of this thread's arena", runtime.arena_concurrency);
  add("limit on the threads of the process", runtime.process_limit);
  add("forked child, runs serially", runtime.is_forked_child ? "yes" : "no");
  add("OpenMP runtimes",
      openmp.empty() ? "[none loaded]" : absl::StrJoin(openmp, ", "));
  absl::StrAppend(&text, "Environment variables:\n");
  for (const char* name : kThreadCountVariables) {
    const char* const value = std::getenv(name);
    add(name,
        value == nullptr ? std::string("[not set]") : QuoteForMessage(value));
  }
  for (const std::string& warning : ParallelWarnings()) {
    absl::StrAppend(&text, "Warning: ", warning, "\n");
  }
  return text;
}

std::vector<std::string> ParallelWarnings() {
  std::vector<std::string> warnings = DefaultThreadCount().warnings;
  for (const std::string& name : OpenMpRuntimes()) {
    warnings.push_back(absl::StrCat(
        "the OpenMP runtime ", QuoteForMessage(name),
        " is loaded. Its threads and Ferry's do not know of each other; if "
        "both are busy at once, divide the CPUs between them with "
        "OMP_NUM_THREADS and FERRY_NUM_THREADS"));
  }
  return warnings;
}

}  // namespace v1
}  // namespace ferry
