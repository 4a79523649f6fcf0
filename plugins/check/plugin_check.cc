// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/check/plugin_check.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/eintr.h"
#include "ferry/core/memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/check/abi_check.h"
#include "ferry/plugins/check/child.h"
#include "ferry/plugins/check/file_checks.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/plugins/plugin_file.h"
#include "ferry/plugins/plugin_manifest.h"

namespace ferry {
inline namespace v1 {
namespace {

using check_internal::CallCheck;
using check_internal::CallChecks;
using check_internal::DeviceCopyChecks;
using check_internal::QueryCheck;
using check_internal::QueryChecks;
using check_internal::QueueChecks;
using check_internal::TagChecks;
using check_internal::ThreadChecks;

constexpr absl::string_view kLoadsId = "A-06";
constexpr char kLoadsTitle[] =
    "the library loads and defines the query function itself";
constexpr char kAgreesId[] = "A-07";
constexpr char kAgreesTitle[] = "the plugin agrees with its manifest";
constexpr absl::string_view kDescriptionId = "B-07";
constexpr char kDescriptionTitle[] =
    "the plugin's description follows the rules";
constexpr char kNothingElse[] =
    "; the checks that need the plugin were not run";
constexpr absl::string_view kWholeId = "P-00";
constexpr char kWholeTitle[] =
    "the process that runs the checks exits normally";
constexpr char kEndsId[] = "P-01";
constexpr char kEndsTitle[] = "a process that uses the plugin exits normally";
constexpr char kSilentId[] = "P-02";
constexpr char kSilentTitle[] = "the plugin prints nothing";

CheckResult Judged(absl::string_view id, absl::string_view title,
                   const absl::Status& status) {
  CheckResult result{std::string(id), std::string(title), CheckResult::kPass,
                     ""};
  if (!status.ok()) {
    result.outcome = CheckResult::kFail;
    result.detail = std::string(status.message());
  }
  return result;
}

CheckResult NotRun(absl::string_view id, absl::string_view title,
                   absl::string_view why) {
  return {std::string(id), std::string(title), CheckResult::kUnsupported,
          std::string(why)};
}

bool IsWanted(const PluginCheckOptions& options, absl::string_view id) {
  return options.only.empty() || options.only.count(std::string(id)) != 0;
}

// Leaves out the checks that nobody wants.
class Chosen final : public CheckReporter {
 public:
  Chosen(const PluginCheckOptions& options, CheckReporter& reporter)
      : options_(options), reporter_(reporter) {}
  bool Begin(absl::string_view id, absl::string_view title) override {
    return IsWanted(options_, id) && reporter_.Begin(id, title);
  }
  void End(const CheckResult& result) override { reporter_.End(result); }

 private:
  const PluginCheckOptions& options_;
  CheckReporter& reporter_;
};

// What is checked.
struct Subject {
  TrustedFile file;
  std::optional<PluginManifest> manifest;
};

// Runs in a child; its members see the plugin itself.
class LoadedChecks {
 public:
  LoadedChecks(const Subject& subject, const PluginCheckOptions& options,
               CheckReporter& unfiltered, CheckReporter& reporter)
      : subject_(subject),
        options_(options),
        unfiltered_(unfiltered),
        reporter_(reporter) {}

  void Run() {
    // That the library loads is known in a second child, too.
    const bool is_first = reporter_.Begin(kLoadsId, kLoadsTitle);
    const absl::StatusOr<ferry_plugin_query> query =
        LoadPluginLibrary(subject_.file);
    if (!query.ok()) {
      ReportUnwanted(kLoadsId, kLoadsTitle, query.status());
      return;
    }
    if (is_first) {
      reporter_.End(Judged(kLoadsId, kLoadsTitle, absl::OkStatus()));
    }
    CheckManifest(*query);
    bool is_described = false;
    for (const QueryCheck& check : QueryChecks()) {
      if (!reporter_.Begin(check.id, check.title)) continue;
      CheckResult result = Judged(check.id, check.title, check.run(*query));
      if (check.id == kDescriptionId) {
        is_described = true;
        if (result.outcome == CheckResult::kFail) result.detail += kNothingElse;
      }
      reporter_.End(result);
    }
    const absl::StatusOr<PluginDescription> plugin =
        QueryPlugin(*query, subject_.file.directory());
    if (!plugin.ok()) {
      // It fails B-07. Nobody may take checks that were not run for checks that
      // passed, so that is said even if B-07 is not wanted.
      if (!is_described) {
        ReportUnwanted(kDescriptionId, kDescriptionTitle, plugin.status());
      }
      return;
    }
    for (size_t i = 0; i < plugin->backends.size(); ++i) {
      const auto& backend = plugin->backends[i];
      suffix_ = i == 0 ? "" : absl::StrCat("/", backend.type);
      CheckType(backend, i == 0 ? options_.expected_devices : 0);
    }
  }

 private:
  void CheckManifest(ferry_plugin_query query) {
    if (!subject_.manifest.has_value()) {
      Skip(kAgreesId, kAgreesTitle, "the library was named, not its manifest");
      return;
    }
    if (!reporter_.Begin(kAgreesId, kAgreesTitle)) return;
    const absl::StatusOr<PluginDescription> plugin =
        QueryPlugin(query, subject_.file.directory());
    reporter_.End(Judged(kAgreesId, kAgreesTitle,
                         plugin.ok() ? CheckAgrees(*subject_.manifest, *plugin)
                                     : plugin.status()));
  }

  void Skip(absl::string_view id, absl::string_view title,
            absl::string_view why) {
    if (reporter_.Begin(id, title)) reporter_.End(NotRun(id, title, why));
  }

  // Reports a failure after which others cannot be run, unless a check has
  // reported it.
  void ReportUnwanted(absl::string_view id, absl::string_view title,
                      const absl::Status& status) {
    if (!unfiltered_.Begin(id, title)) return;
    CheckResult result = Judged(id, title, status);
    result.detail += kNothingElse;
    reporter_.End(result);
  }

  void CheckType(const PluginDescription::BackendTable& type,
                 int expected_devices) {
    PluginBackend backend(type);
    // First, since H-01 sees what a plugin changes when it is first used.
    ConformanceOptions options;
    options.expected_devices = expected_devices;
    options.large_bytes = options_.large_bytes;
    options.is_wanted = [&](absl::string_view id, absl::string_view title) {
      return reporter_.Begin(absl::StrCat(id, suffix_), title);
    };
    options.on_result = [&](CheckResult result) {
      result.id += suffix_;
      reporter_.End(result);
    };
    RunConformance(backend, options);
    const absl::StatusOr<int> count = backend.DeviceCount();
    for (const auto& checks : {CallChecks(), QueueChecks(), DeviceCopyChecks(),
                               TagChecks(), ThreadChecks()}) {
      for (const CallCheck& check : checks) {
        CheckCalls(type.table, check, count);
      }
    }
  }

  void CheckCalls(const ferry_backend& table, const CallCheck& check,
                  const absl::StatusOr<int>& count) {
    const std::string id = absl::StrCat(check.id, suffix_);
    if (!count.ok() && check.scope != CallCheck::kWithoutDevices) {
      Skip(id, check.title,
           absl::StrCat("there is no device: ", count.status().message()));
      return;
    }
    if ((table.capabilities & check.capability) != check.capability) {
      Skip(id, check.title, "the plugin does not claim this capability");
      return;
    }
    if (!reporter_.Begin(id, check.title)) return;
    absl::Status status = absl::OkStatus();
    const int runs = check.scope == CallCheck::kEachDevice ? *count : 1;
    for (int device = 0; device < runs && status.ok(); ++device) {
      status = check.run(table, static_cast<uint32_t>(device));
    }
    reporter_.End(Judged(id, check.title, status));
  }

  const Subject& subject_;
  const PluginCheckOptions& options_;
  CheckReporter& unfiltered_;
  CheckReporter& reporter_;
  // Of the ids of the present type's results.
  std::string suffix_;
};

// Leaves main() with memory in use, as programs do.
[[noreturn]] void UseAndExit(const TrustedFile& file) {
  const absl::StatusOr<ferry_plugin_query> query = LoadPluginLibrary(file);
  if (!query.ok()) std::exit(0);
  const absl::StatusOr<PluginDescription> plugin = QueryPlugin(*query, "");
  if (!plugin.ok()) std::exit(0);
  for (const auto& type : plugin->backends) {
    auto* const backend = new PluginBackend(type);
    if (!backend->DeviceCount().ok()) continue;
    auto* const memory = new Memory;
    if (!backend->Allocate(0, {4}, {memory, 1}).ok()) continue;
    backend->CopyFromHost("abc", *memory, 0, 4).IgnoreError();
  }
  std::exit(0);
}

absl::Status EndsWell(const TrustedFile& file) {
  const pid_t process = fork();
  if (process == 0) {
    // A checker that gives up kills the process that waits here.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    UseAndExit(file);
  }
  int status = 0;
  if (RetryOnEintr([&] { return waitpid(process, &status, 0); }) < 0) {
    return absl::InternalError("the checker cannot create a process");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "it ended with ", WIFSIGNALED(status) ? "signal " : "code ",
      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
}

absl::Status IsSilent(const std::string& output) {
  if (output.empty()) return absl::OkStatus();
  const absl::string_view first_line =
      absl::string_view(output).substr(0, output.find('\n')).substr(0, 200);
  return absl::FailedPreconditionError(
      absl::StrCat("it printed ", output.size(), " bytes, beginning with \"",
                   absl::Utf8SafeCHexEscape(first_line), "\""));
}

bool HasFailed(const std::vector<CheckResult>& results, absl::string_view id) {
  return std::any_of(
      results.begin(), results.end(), [&](const CheckResult& result) {
        return result.id == id && result.outcome == CheckResult::kFail;
      });
}

void Append(std::vector<CheckResult> more, std::vector<CheckResult>* results) {
  for (CheckResult& result : more) results->push_back(std::move(result));
}

// Applies `options.expected_failures` to the results. `stopped_by` is the check
// whose failure prevented others from being run, or empty.
absl::Status CheckExpectations(const PluginCheckOptions& options,
                               absl::string_view stopped_by,
                               std::vector<CheckResult>* results) {
  for (const std::string& id : options.only) {
    if (!stopped_by.empty()) break;
    const auto is_it = [&](const CheckResult& result) {
      return result.id == id;
    };
    if (std::none_of(results->begin(), results->end(), is_it)) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no check \"", id,
                       "\"; correct the id of the check to run"));
    }
  }
  for (const auto& [id, reason] : options.expected_failures) {
    CheckResult* found = nullptr;
    for (CheckResult& result : *results) {
      if (result.id == id) found = &result;
    }
    if (found == nullptr) {
      if (!stopped_by.empty()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("there is no check \"", id,
                       "\"; correct the id of the expected failure"));
    }
    if (id == stopped_by) {
      // A check that was not run must not look like one that passed.
      found->detail = absl::StrCat(
          found->detail,
          "; a failure that stops other checks cannot be an expected one");
    } else if (found->outcome == CheckResult::kFail) {
      found->outcome = CheckResult::kExpectedFailure;
      found->detail = absl::StrCat(reason, ": ", found->detail);
    } else if (found->outcome == CheckResult::kPass) {
      found->outcome = CheckResult::kFail;
      found->detail =
          absl::StrCat("it passed, but was expected to fail: ", reason);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CheckResult>> CheckPlugin(
    const std::string& path, const PluginCheckOptions& options) {
  Subject subject;
  FERRY_ASSIGN_OR_RETURN(subject.file,
                         OpenPluginLibrary(path, &subject.manifest));
  std::vector<CheckResult> results;
  absl::StatusOr<std::vector<CheckResult>> of_file =
      CheckPluginFile(subject.file.bytes());
  if (!of_file.ok()) {
    results.push_back(Judged(kSoundFileId, kSoundFileTitle, of_file.status()));
    results[0].detail += kNothingElse;
    FERRY_RETURN_IF_ERROR(CheckExpectations(options, kSoundFileId, &results));
    return results;
  }
  for (CheckResult& result : *of_file) {
    if (IsWanted(options, result.id)) results.push_back(std::move(result));
  }
  ChildResults loaded =
      RunInChildren(options.seconds_per_check, [&](CheckReporter& reporter) {
        Chosen chosen(options, reporter);
        LoadedChecks(subject, options, reporter, chosen).Run();
      });
  Append(std::move(loaded.results), &results);
  const bool is_loaded = !HasFailed(results, kLoadsId);
  ChildResults ended;
  if (is_loaded) {
    ended =
        RunInChildren(options.seconds_per_check, [&](CheckReporter& reporter) {
          if (!Chosen(options, reporter).Begin(kEndsId, kEndsTitle)) return;
          reporter.End(Judged(kEndsId, kEndsTitle, EndsWell(subject.file)));
        });
  }
  const std::string fault = loaded.fault.empty() ? ended.fault : loaded.fault;
  if (!fault.empty() || (is_loaded && IsWanted(options, kWholeId))) {
    results.push_back(Judged(kWholeId, kWholeTitle,
                             fault.empty()
                                 ? absl::OkStatus()
                                 : absl::FailedPreconditionError(fault)));
  }
  Append(std::move(ended.results), &results);
  const std::string output = loaded.output + ended.output;
  if (is_loaded && IsWanted(options, kSilentId)) {
    results.push_back(Judged(kSilentId, kSilentTitle, IsSilent(output)));
  }
  if (options.output != nullptr) *options.output = output;
  absl::string_view stopped_by;
  if (!is_loaded) {
    stopped_by = kLoadsId;
  } else if (HasFailed(results, kDescriptionId)) {
    stopped_by = kDescriptionId;
  } else if (!fault.empty()) {
    stopped_by = kWholeId;
  }
  FERRY_RETURN_IF_ERROR(CheckExpectations(options, stopped_by, &results));
  return results;
}

}  // namespace v1
}  // namespace ferry
