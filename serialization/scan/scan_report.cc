// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/scan_report.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {

const char* Name(ScanGrade grade) {
  switch (grade) {
    case ScanGrade::kUnknown:
      return "unknown";
    case ScanGrade::kDangerous:
      return "dangerous";
    case ScanGrade::kOdd:
      break;
  }
  return "odd";
}

const char* Name(ScanReport::Verdict verdict) {
  switch (verdict) {
    case ScanReport::Verdict::kClean:
      return "clean";
    case ScanReport::Verdict::kFound:
      return "found";
    case ScanReport::Verdict::kNotExamined:
      return "not examined";
    case ScanReport::Verdict::kNotACheckpoint:
      break;
  }
  return "not a checkpoint";
}

ScanReport::Verdict ScanReport::verdict() const {
  if (!findings.empty() || more_findings > 0) return Verdict::kFound;
  if (!status.ok() || !problems.empty()) return Verdict::kNotExamined;
  return format.empty() ? Verdict::kNotACheckpoint : Verdict::kClean;
}

std::string ScanReport::Summary() const {
  switch (verdict()) {
    case Verdict::kClean:
      return "nothing outside the weights_only list was found";
    case Verdict::kNotExamined:
      return absl::StrCat("it could not be examined: ",
                          status.ok() ? problems[0] : status.message());
    case Verdict::kNotACheckpoint:
      return "it is not a checkpoint, and no pickle begins it";
    case Verdict::kFound:
      break;
  }
  if (findings.empty()) {
    return absl::StrCat(more_findings,
                        more_findings == 1 ? " finding" : " findings");
  }
  const auto worst = [this](ScanGrade grade) {
    return std::find_if(
        findings.begin(), findings.end(),
        [grade](const ScanFinding& finding) { return finding.grade == grade; });
  };
  auto first = worst(ScanGrade::kDangerous);
  if (first == findings.end()) first = worst(ScanGrade::kUnknown);
  if (first == findings.end()) first = findings.begin();
  const uint64_t more = findings.size() + more_findings - 1;
  return absl::StrCat(
      Name(first->grade), ": ",
      first->global.empty() ? ""
                            : absl::StrCat(EscapeForMessage(first->global),
                                           first->record.empty() ? "" : " in "),
      first->record.empty() ? "" : absl::StrCat(QuoteForMessage(first->record)),
      first->global.empty() && first->record.empty() ? "" : ": ", first->detail,
      more == 0 ? "" : absl::StrCat(" (and ", more, " more)"));
}

}  // namespace v1
}  // namespace ferry
