// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/conformance/conformance.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/devices/conformance/check.h"
#include "ferry/devices/conformance/process_state.h"

namespace ferry {
inline namespace v1 {

using conformance_internal::Check;
using conformance_internal::Needs;
using conformance_internal::ProcessState;
using conformance_internal::Subject;

namespace {

// Why a check is not run; empty if it is.
std::string WhyNot(const Subject& subject, Needs needs,
                   const absl::Status& devices) {
  if (needs == Needs::kNothing) return "";
  if (!devices.ok()) {
    return absl::StrCat("there is no device: ", devices.ToString());
  }
  switch (needs) {
    case Needs::kBytes:
      return subject.backend.has_bytes() ? "" : "its storages hold no bytes";
    case Needs::kNoBytes:
      return subject.backend.has_bytes() ? "its storages hold bytes" : "";
    case Needs::kHostMemory:
      return subject.backend.is_host_memory() ? ""
                                              : "its memory is not host memory";
    case Needs::kDeviceMemory:
      if (!subject.backend.has_bytes()) return "its storages hold no bytes";
      return subject.backend.is_host_memory() ? "its memory is host memory"
                                              : "";
    case Needs::kDeviceCopies:
      // It has them if it can copy nothing.
      return absl::IsUnimplemented(
                 subject.backend.CopyBetween(Memory(), 0, Memory(), 0, 0))
                 ? "it does not copy between its devices"
                 : "";
    case Needs::kNothing:
    case Needs::kDevice:
      break;
  }
  return "";
}

CheckResult RunCheck(const Subject& subject, const Check& check,
                     const absl::Status& devices) {
  CheckResult result;
  result.id = check.id;
  result.title = check.title;
  result.detail = WhyNot(subject, check.needs, devices);
  if (!result.detail.empty()) {
    result.outcome = CheckResult::kUnsupported;
    return result;
  }
  const int runs = check.needs == Needs::kNothing ? 1 : subject.device_count;
  for (int device = 0; device < runs; ++device) {
    const absl::Status status = check.run(subject, device);
    if (status.ok()) continue;
    result.outcome = CheckResult::kFail;
    result.detail =
        check.needs == Needs::kNothing
            ? std::string(status.message())
            : absl::StrCat("device ", device, ": ", status.ToString());
    break;
  }
  return result;
}

constexpr absl::string_view kProcessId = "H-01";
constexpr absl::string_view kProcessTitle =
    "signal handlers, directory, locale and rounding do not change";

CheckResult ProcessIsLeftAlone(const ProcessState& before) {
  CheckResult result;
  result.id = std::string(kProcessId);
  result.title = std::string(kProcessTitle);
  const std::string difference = before.Difference(ProcessState::Now());
  if (!difference.empty()) {
    result.outcome = CheckResult::kFail;
    result.detail = absl::StrCat("changed: ", difference);
  }
  return result;
}

}  // namespace

absl::string_view OutcomeName(CheckResult::Outcome outcome) {
  switch (outcome) {
    case CheckResult::kPass:
      return "pass";
    case CheckResult::kFail:
      return "fail";
    case CheckResult::kUnsupported:
      return "unsupported";
    case CheckResult::kExpectedFailure:
      break;
  }
  return "expected failure";
}

std::string CheckResult::ToString() const {
  return absl::StrCat(id, " ", OutcomeName(outcome), ": ", title,
                      detail.empty() ? "" : ": ", detail);
}

std::vector<CheckResult> RunConformance(Backend& backend,
                                        const ConformanceOptions& options) {
  const ProcessState before = ProcessState::Now();
  const absl::StatusOr<int> count = backend.DeviceCount();
  const Subject subject{
      backend, count.ok() ? *count : 0, options.expected_devices,
      std::max<uint64_t>(64, options.large_bytes), options.threads};
  absl::Status devices = count.status();
  if (devices.ok() && *count < 1) {
    devices =
        absl::UnavailableError(absl::StrCat("the device count is ", *count));
  }
  std::vector<CheckResult> results;
  const auto is_wanted = [&](absl::string_view id, absl::string_view title) {
    return !options.is_wanted || options.is_wanted(id, title);
  };
  const auto add = [&](CheckResult result) {
    if (options.on_result) options.on_result(result);
    results.push_back(std::move(result));
  };
  for (const auto& group : {conformance_internal::DeviceChecks(),
                            conformance_internal::MemoryChecks(),
                            conformance_internal::CopyChecks(),
                            conformance_internal::StreamChecks(),
                            conformance_internal::ThreadChecks(),
                            conformance_internal::LocationChecks()}) {
    for (const Check& check : group) {
      if (!is_wanted(check.id, check.title)) continue;
      add(RunCheck(subject, check, devices));
    }
  }
  if (is_wanted(kProcessId, kProcessTitle)) add(ProcessIsLeftAlone(before));
  return results;
}

}  // namespace v1
}  // namespace ferry
