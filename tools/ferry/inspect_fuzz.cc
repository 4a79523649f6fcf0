// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Passes any bytes to the commands that show a file. Text must not drive the
// terminal, and JSON must be valid and end with the same exit code.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "ferry/core/utf8.h"
#include "ferry/tools/ferry/cli.h"
#include "ferry/tools/ferry/command.h"
#include "ferry/tools/ferry/json.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

void Check(bool condition, absl::string_view what, absl::string_view output) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", absl::StrCat(what, ":\n", output).c_str());
  std::abort();
}

struct Result {
  int exit_code;
  std::string out;
};

// Runs a command. What it writes must be text.
Result Run(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = RunFerry(arguments, CommandIo{out, err});
  for (const std::string& text : {out.str(), err.str()}) {
    Check(IsValidUtf8(text), "not UTF-8", text);
    for (const char byte : text) {
      const bool is_control = byte >= 0 && byte < ' ' && byte != '\n';
      Check(!is_control, "a control character", text);
    }
  }
  return {exit_code, out.str()};
}

void RunBoth(std::vector<std::string> arguments) {
  const Result human = Run(arguments);
  Check(!absl::StrContains(human.out, "\x7F"), "DEL", human.out);
  // CSI, which begins a command to the terminal.
  Check(!absl::StrContains(human.out, "\xC2\x9B"), "CSI", human.out);
  arguments.push_back("--format=json");
  const Result json = Run(arguments);
  // JSON says more, so it may fail where text does not, and then stop anywhere.
  if (json.exit_code == kExitFailed) return;
  Check(human.exit_code == json.exit_code, "other exit codes", json.out);
  // The parser refuses lone surrogates, which JSON may have.
  const std::string text = absl::StrReplaceAll(json.out, {{"\\ud", "\\u0"}});
  Check(Json::accept(text), "not JSON", json.out);
}

// A file in memory that has a path.
class NamedBytes {
 public:
  explicit NamedBytes(absl::string_view bytes)
      : file_(memfd_create("input", 0)) {
    size_t written = 0;
    while (written < bytes.size()) {
      const ssize_t now =
          write(file_, bytes.data() + written, bytes.size() - written);
      if (now <= 0) std::abort();
      written += static_cast<size_t>(now);
    }
  }
  NamedBytes(const NamedBytes&) = delete;
  NamedBytes& operator=(const NamedBytes&) = delete;
  ~NamedBytes() { close(file_); }

  std::string path() const { return absl::StrCat("/proc/self/fd/", file_); }

 private:
  const int file_;
};

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ferry::cli::NamedBytes file(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  ferry::cli::RunBoth({"inspect", file.path()});
  ferry::cli::RunBoth({"verify", file.path()});
  ferry::cli::RunBoth({"scan", file.path()});
  return 0;
}
