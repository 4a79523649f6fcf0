// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/check/file_checks.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/plugin.h"
#include "ferry/plugins/elf_file.h"

namespace ferry {
inline namespace v1 {
namespace {

// Each says what is wrong, or nothing.

// What some linkers define in every object.
bool IsOfTheLinker(absl::string_view name) {
  return name == "_edata" || name == "_end" || name == "__bss_start" ||
         name == "_init" || name == "_fini";
}

std::string ExportsTheQueryAlone(const ElfFile& elf) {
  bool has_query = false;
  std::vector<std::string> others;
  for (const ElfFile::Symbol& symbol : elf.symbols) {
    if (!symbol.is_defined || IsOfTheLinker(symbol.name)) continue;
    if (symbol.name == FERRY_PLUGIN_QUERY_SYMBOL) {
      has_query = true;
    } else if (!absl::StartsWith(symbol.name, "ferry_plugin_query_v") &&
               others.size() < 5) {
      others.push_back(EscapeForMessage(symbol.name));
    }
  }
  if (!has_query) {
    return absl::StrCat("it does not export ", FERRY_PLUGIN_QUERY_SYMBOL);
  }
  if (others.empty()) return "";
  return absl::StrCat("it also exports ", absl::StrJoin(others, ", "),
                      "; compile with -fvisibility=hidden, or link with "
                      "ferry_plugin.lds");
}

std::string HasNoUniqueSymbols(const ElfFile& elf) {
  for (const ElfFile::Symbol& symbol : elf.symbols) {
    if (!symbol.is_unique) continue;
    return absl::StrCat(
        "the symbol ", EscapeForMessage(symbol.name),
        " is shared with every other library of the process (STB_GNU_UNIQUE); "
        "compile with -fvisibility=hidden or -fno-gnu-unique");
  }
  return "";
}

std::string FindsLibrariesBesideItself(const ElfFile& elf) {
  if (elf.run_path.empty()) return "";
  const std::vector<absl::string_view> folders =
      absl::StrSplit(elf.run_path, ':');
  for (absl::string_view folder : folders) {
    if (absl::StartsWith(folder, "$ORIGIN") ||
        absl::StartsWith(folder, "${ORIGIN}")) {
      continue;
    }
    return absl::StrCat("its run path is ", EscapeForMessage(elf.run_path),
                        "; every folder in it should begin with $ORIGIN");
  }
  return "";
}

struct FileCheck {
  absl::string_view id;
  absl::string_view title;
  std::string (*run)(const ElfFile& elf);
};

constexpr FileCheck kChecks[] = {
    {kSoundFileId, kSoundFileTitle, DescribeUnsound},
    {"A-02", "the library exports its query function and nothing else",
     ExportsTheQueryAlone},
    {"A-03", "the library needs nothing of Ferry", DescribeHostNeeds},
    {"A-04", "the library shares no symbol with other libraries",
     HasNoUniqueSymbols},
    {"A-05",
     "the library looks for other libraries only relative to its own folder",
     FindsLibrariesBesideItself},
};

}  // namespace

absl::StatusOr<std::vector<CheckResult>> CheckPluginFile(
    const RandomAccessFile& file) {
  FERRY_ASSIGN_OR_RETURN(const ElfFile elf, ReadElfFile(file));
  std::vector<CheckResult> results;
  for (const FileCheck& check : kChecks) {
    CheckResult result{std::string(check.id), std::string(check.title),
                       CheckResult::kPass, check.run(elf)};
    if (!result.detail.empty()) result.outcome = CheckResult::kFail;
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace v1
}  // namespace ferry
