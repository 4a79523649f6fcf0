// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/findings.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ferry/core/text.h"
#include "ferry/serialization/scan/global_grade.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

using pickle::GlobalUse;
using pickle::ScannedGlobal;

// Oddities and problems that are listed. One damaged archive has many.
constexpr size_t kMaxOdd = 100;
constexpr size_t kMaxProblems = 100;

constexpr std::array<const char*, pickle::kNumGlobalUses> kUseNames = {
    "imported",      "called",    "result dropped",
    "result called", "state set", "changed"};

// What stands for TorchScript programs, and the functions with which the
// pickles of such an archive make lists of numbers and of tensors. They run
// nothing.
constexpr absl::string_view kProgram = "__torch__";
constexpr absl::string_view kProgramModule = "torch.jit._pickle";
constexpr absl::string_view kProgramFunctions[] = {
    "build_boollist",   "build_doublelist",     "build_intlist",
    "build_tensorlist", "build_tensor_from_id", "restore_type_tag",
};

// Whether a global is in a module or class, or is it.
bool IsInside(absl::string_view global, absl::string_view outer) {
  return global == outer ||
         (absl::StartsWith(global, outer) && global[outer.size()] == '.');
}

// The longest name of a record in a report.
constexpr size_t kMaxShownBytes = 1024;

}  // namespace

std::string Inside(absl::string_view record, absl::string_view name) {
  const std::string shown = Shorten(name, kMaxShownBytes);
  return record.empty() ? shown : absl::StrCat(record, " > ", shown);
}

void Findings::Odd(const std::string& record, absl::string_view detail) {
  ScanFinding finding;
  finding.grade = ScanGrade::kOdd;
  finding.record = record;
  finding.detail = WithoutFileName(detail);
  Add(std::move(finding));
}

void Findings::Add(ScanFinding finding) {
  const bool is_odd = finding.grade == ScanGrade::kOdd;
  size_t& listed = is_odd ? num_odd_ : num_globals_;
  const size_t most =
      is_odd ? std::min(kMaxOdd, options_.max_findings) : options_.max_findings;
  if (listed < most) {
    ++listed;
    report_.findings.push_back(std::move(finding));
    return;
  }
  ++report_.more_findings;
  if (finding.grade != ScanGrade::kDangerous || !has_unknown_) return;
  // It must not hide behind harmless ones.
  const auto last = std::find_if(
      report_.findings.rbegin(), report_.findings.rend(),
      [](const ScanFinding& f) { return f.grade == ScanGrade::kUnknown; });
  has_unknown_ = last != report_.findings.rend();
  if (has_unknown_) *last = std::move(finding);
}

void Findings::Problem(const std::string& record, absl::string_view what) {
  if (report_.problems.size() >= kMaxProblems) {
    ++more_problems_;
    return;
  }
  report_.problems.push_back(absl::StrCat(
      record.empty() ? ""
                     : absl::StrCat("record ", QuoteForMessage(record), ": "),
      WithoutFileName(what)));
}

std::string Findings::WithoutFileName(absl::string_view message) const {
  absl::ConsumePrefix(&message, absl::StrCat(file_name_, ": "));
  return std::string(message);
}

void Findings::Finish(const absl::Status& status) {
  report_.status =
      absl::Status(status.code(), WithoutFileName(status.message()));
  if (more_problems_ == 0) return;
  report_.problems.push_back(
      absl::StrCat("and ", more_problems_, " more problems"));
}

bool Findings::IsAllowed(absl::string_view global, ScanGrade grade,
                         absl::string_view name) const {
  return std::any_of(options_.allowed_globals.begin(),
                     options_.allowed_globals.end(),
                     [global, grade, name](absl::string_view allowed) {
                       if (!absl::ConsumeSuffix(&allowed, ".*"))
                         return global == allowed;
                       if (grade == ScanGrade::kDangerous) return false;
                       return IsInside(global, allowed) &&
                              CanAllowAll(allowed) && !NeedsFullName(name);
                     });
}

std::string Findings::WhyNotAllowed(absl::string_view global) const {
  for (absl::string_view allowed : options_.allowed_globals) {
    if (!absl::ConsumeSuffix(&allowed, ".*")) continue;
    if (!IsInside(global, allowed)) continue;
    return absl::StrCat("; \"", allowed, ".*\" does not allow it, because ",
                        CanAllowAll(allowed)
                            ? "it may be a function of another module"
                            : "that has functions that run code",
                        ": allow it by its full name");
  }
  return "";
}

bool Findings::Grade(const ScannedGlobal& global, ScanFinding* finding) const {
  const auto known = [](absl::string_view name) {
    return name.empty() ? absl::string_view("?") : name;
  };
  const bool is_changed = global.uses_of(GlobalUse::kChanged).count > 0;
  switch (global.form) {
    case ScannedGlobal::Form::kNamed: {
      finding->global = absl::StrCat(global.module, ".", global.name);
      const GradedGlobal graded = GradeGlobal(global.module, global.name);
      const bool is_listed = graded.grade == GlobalGrade::kAllowed;
      const bool is_dangerous = graded.grade == GlobalGrade::kDangerous;
      const bool is_allowed =
          is_listed ||
          IsAllowed(finding->global,
                    is_dangerous ? ScanGrade::kDangerous : ScanGrade::kUnknown,
                    global.name);
      // What accompanies an allowed program in its archive.
      const bool is_of_program =
          IsAllowed(kProgram, ScanGrade::kUnknown) &&
          global.module == kProgramModule &&
          std::find(std::begin(kProgramFunctions), std::end(kProgramFunctions),
                    global.name) != std::end(kProgramFunctions);
      if (is_changed) {
        finding->grade = ScanGrade::kDangerous;
        finding->detail =
            "the pickle changes the class or module itself, for the whole "
            "program";
      } else if ((is_listed || is_of_program) &&
                 global.uses_of(GlobalUse::kResultCalled).count > 0) {
        finding->detail = "the pickle calls what it returns";
      } else if (is_allowed || is_of_program) {
        return false;
      } else if (is_dangerous) {
        finding->grade = ScanGrade::kDangerous;
        finding->detail = absl::StrCat("it ", graded.reason);
      } else {
        finding->detail =
            absl::StrCat("it is not on the list that weights_only allows",
                         WhyNotAllowed(finding->global));
      }
      break;
    }
    case ScannedGlobal::Form::kComputed:
      finding->grade = ScanGrade::kDangerous;
      finding->global =
          absl::StrCat(known(global.module), ".", known(global.name));
      finding->detail =
          "computed name: the pickle makes the name of what it looks up or "
          "calls while it is loaded";
      break;
    case ScannedGlobal::Form::kPersistentId:
      finding->global = "persistent id";
      if (is_changed) {
        finding->grade = ScanGrade::kDangerous;
        finding->detail =
            "the pickle changes what the loader returns for a persistent id, "
            "which may be a class, for the whole program";
        break;
      }
      if (IsAllowed(finding->global, finding->grade)) return false;
      finding->detail =
          "the pickle calls what the loader returns for a persistent id: a "
          "class that the pickle names";
      break;
    case ScannedGlobal::Form::kExtension:
      finding->grade = ScanGrade::kDangerous;
      finding->global = absl::StrCat("copyreg extension ", global.name);
      if (IsAllowed(finding->global, finding->grade)) return false;
      finding->detail =
          "only the program that loads the pickle knows what the number means";
      break;
  }
  return true;
}

void Findings::Global(const ScannedGlobal& global, const std::string& record) {
  ScanFinding finding;
  if (!Grade(global, &finding)) return;
  finding.record = record;
  for (size_t i = 0; i < kUseNames.size(); ++i) {
    const ScannedGlobal::Uses& uses = global.uses[i];
    if (uses.count == 0) continue;
    finding.uses.push_back({kUseNames[i], uses.count, uses.offsets});
  }
  Add(std::move(finding));
}

void Findings::Program(const ProgramScan& program, const std::string& record) {
  if (program.num_files() == 0) return;
  for (const auto& [name, count] : program.operators()) {
    ScanFinding finding;
    finding.global = name;
    finding.record = record;
    const bool is_alias = !absl::StrContains(name, "::");
    const bool is_dangerous = is_alias || absl::StartsWith(name, "aten::");
    if (is_dangerous) finding.grade = ScanGrade::kDangerous;
    if (IsAllowed(name, finding.grade)) continue;
    if (is_alias) {
      finding.detail =
          "the program gives it another name, by which it may call operators "
          "that read or write files";
    } else if (is_dangerous) {
      finding.detail = "an operator with which a program reads or writes files";
    } else {
      finding.detail = "an operator that does not come with PyTorch";
    }
    finding.uses.push_back({"called", count, {}});
    Add(std::move(finding));
  }
  if (IsAllowed(kProgram, ScanGrade::kUnknown)) return;
  ScanFinding finding;
  finding.global = std::string(kProgram);
  finding.record = record;
  finding.detail = absl::StrCat(
      "a TorchScript program of ", program.num_files(),
      program.num_files() == 1 ? " file" : " files",
      ", which runs when it is called, and in part when it is loaded");
  Add(std::move(finding));
}

void Findings::Package(uint64_t num_sources, const std::string& record) {
  constexpr absl::string_view kPackage = "torch.package";
  if (num_sources == 0 || IsAllowed(kPackage, ScanGrade::kUnknown)) return;
  ScanFinding finding;
  finding.global = std::string(kPackage);
  finding.record = record;
  finding.detail =
      absl::StrCat(num_sources, num_sources == 1 ? " file" : " files",
                   " of Python code, which torch.package runs, and torch.load "
                   "does not");
  Add(std::move(finding));
}

void Findings::OldProgram(const std::string& record) {
  if (IsAllowed(kProgram, ScanGrade::kDangerous)) return;
  ScanFinding finding;
  finding.grade = ScanGrade::kDangerous;
  finding.global = std::string(kProgram);
  finding.record = record;
  finding.detail =
      "a TorchScript program of PyTorch before 1.4 (model.json), which may "
      "have its code in any record; the operators that it calls were not "
      "examined";
  Add(std::move(finding));
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
