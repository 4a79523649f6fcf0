// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/check/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ferry/core/eintr.h"
#include "ferry/plugin.h"

#if FERRY_SANITIZER == FERRY_SANITIZER_THREAD
// Makes the thread sanitizer end the process at its first report, so that the
// check in progress fails.
extern "C" const char* __tsan_default_options() { return "halt_on_error=1"; }
#endif

namespace ferry {
inline namespace v1 {
namespace {

// The child writes messages to the pipe. The first byte says which:
//   kBegin: a check begins. The id and the title follow.
//   kEnd: a check has ended. The id, the title, the outcome (one byte) and the
//     detail follow.
//   kAll: all checks have been run. Nothing follows.
// Before each text stands its size, a uint32_t.
constexpr char kBegin = 'B';
constexpr char kEnd = 'E';
constexpr char kAll = 'A';
// The most bytes of the children's output that are kept.
constexpr size_t kMaxOutputBytes = 1 << 20;

void WriteAll(int descriptor, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = RetryOnEintr(
        [&] { return write(descriptor, bytes.data(), bytes.size()); });
    // The parent is gone.
    if (count <= 0) _exit(1);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

std::string Packed(absl::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  std::string packed(sizeof(size), '\0');
  std::memcpy(&packed[0], &size, sizeof(size));
  return absl::StrCat(packed, text);
}

class PipeReporter final : public CheckReporter {
 public:
  PipeReporter(int descriptor, const std::set<std::string>& done)
      : descriptor_(descriptor), done_(done) {}

  bool Begin(absl::string_view id, absl::string_view title) override {
    if (done_.count(std::string(id)) != 0) return false;
    WriteAll(descriptor_,
             absl::StrCat(std::string(1, kBegin), Packed(id), Packed(title)));
    return true;
  }

  void End(const CheckResult& result) override {
    WriteAll(descriptor_,
             absl::StrCat(std::string(1, kEnd), Packed(result.id),
                          Packed(result.title),
                          std::string(1, static_cast<char>(result.outcome)),
                          Packed(result.detail)));
  }

 private:
  const int descriptor_;
  const std::set<std::string>& done_;
};

// Reads what a child writes to the pipe. Gives up when the child has written
// nothing for `seconds`, or has ended.
class Channel {
 public:
  Channel(int descriptor, int seconds)
      : descriptor_(descriptor), seconds_(seconds) {}

  bool has_timed_out() const { return has_timed_out_; }

  // Reads `size` bytes. Returns false if the child does not write them.
  bool Read(char* out, size_t size) {
    while (size > 0) {
      pollfd waited{descriptor_, POLLIN, 0};
      const int ready =
          RetryOnEintr([&] { return poll(&waited, 1, seconds_ * 1000); });
      if (ready <= 0) {
        has_timed_out_ = true;
        return false;
      }
      const ssize_t count =
          RetryOnEintr([&] { return read(descriptor_, out, size); });
      if (count <= 0) return false;
      out += count;
      size -= static_cast<size_t>(count);
    }
    return true;
  }

  bool ReadText(std::string* text) {
    uint32_t size = 0;
    if (!Read(reinterpret_cast<char*>(&size), sizeof(size))) return false;
    // A text is a few sentences. Anything longer is not from the checker.
    if (size > (1 << 20)) return false;
    text->resize(size);
    return Read(&(*text)[0], size);
  }

 private:
  const int descriptor_;
  const int seconds_;
  bool has_timed_out_ = false;
};

// Returns what a sanitizer says at the end of its report, or nothing.
absl::string_view SanitizerSummary(absl::string_view output) {
  absl::string_view found;
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    if (absl::ConsumePrefix(&line, "SUMMARY: ")) found = line;
  }
  return found;
}

// Returns what was written to the file from `begin` on, at most
// kMaxOutputBytes.
std::string OutputSince(int descriptor, off_t begin) {
  std::string output(kMaxOutputBytes, '\0');
  const ssize_t count = RetryOnEintr(
      [&] { return pread(descriptor, &output[0], output.size(), begin); });
  output.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return output;
}

std::string HowItEnded(bool has_timed_out, int seconds, int status) {
  if (has_timed_out) {
    return absl::StrCat("it did not end within ", seconds, " s");
  }
  if (WIFSIGNALED(status)) {
    return absl::StrCat("it ended the process: ", strsignal(WTERMSIG(status)));
  }
  return absl::StrCat("it ended the process with code ", WEXITSTATUS(status));
}

[[noreturn]] void RunChild(
    int descriptor, int output, const std::set<std::string>& done,
    const std::function<void(CheckReporter& reporter)>& body) {
  // Ends the child if the checker ends.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Redirects what the plugin prints. A crash need not leave a core dump.
  (void)RetryOnEintr([&] { return dup2(output, STDOUT_FILENO); });
  (void)RetryOnEintr([&] { return dup2(output, STDERR_FILENO); });
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  PipeReporter reporter(descriptor, done);
  body(reporter);
  fflush(nullptr);
  WriteAll(descriptor, std::string(1, kAll));
  _exit(0);
}

// Runs one child, and adds its results to `all`. Returns false if a check ended
// the child, so that other checks may still have to be run.
bool RunOnce(int seconds, int output, std::set<std::string>* done,
             ChildResults* all,
             const std::function<void(CheckReporter& reporter)>& body) {
  CheckResult current;
  int ends[2];
  if (pipe(ends) != 0) {
    all->fault = absl::StrCat("the checker cannot create a pipe: ",
                              std::strerror(errno));
    return true;
  }
  const off_t output_begin = lseek(output, 0, SEEK_CUR);
  // Otherwise the child would write what is in the buffers, too.
  std::cout.flush();
  fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    RunChild(ends[1], output, *done, body);
  }
  if (child < 0) {
    all->fault = absl::StrCat("the checker cannot create a process: ",
                              std::strerror(errno));
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return true;
  }
  Channel channel(ends[0], seconds);
  bool is_complete = false;
  char kind = 0;
  while (channel.Read(&kind, 1)) {
    if (kind == kAll) {
      is_complete = true;
      continue;
    }
    CheckResult read;
    char outcome = 0;
    if (!channel.ReadText(&read.id) || !channel.ReadText(&read.title)) break;
    if (kind == kBegin) {
      current = read;
      continue;
    }
    if (!channel.Read(&outcome, 1) || !channel.ReadText(&read.detail)) break;
    read.outcome = static_cast<CheckResult::Outcome>(outcome);
    done->insert(read.id);
    all->results.push_back(std::move(read));
    current = CheckResult();
  }
  close(ends[0]);
  if (channel.has_timed_out()) kill(child, SIGKILL);
  int status = 0;
  (void)RetryOnEintr([&] { return waitpid(child, &status, 0); });
  std::string how = HowItEnded(channel.has_timed_out(), seconds, status);
  const std::string written = OutputSince(output, output_begin);
  const absl::string_view summary = SanitizerSummary(written);
  if (!summary.empty()) how = absl::StrCat(summary, "; ", how);
  if (current.id.empty()) {
    const bool is_well = is_complete && !channel.has_timed_out() &&
                         WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_well) all->fault = std::move(how);
    return true;
  }
  current.outcome = CheckResult::kFail;
  current.detail = std::move(how);
  done->insert(current.id);
  all->results.push_back(std::move(current));
  return false;
}

}  // namespace

ChildResults RunInChildren(
    int seconds, const std::function<void(CheckReporter& reporter)>& body) {
  ChildResults all;
  std::set<std::string> done;
  // A file in memory, so that writing never blocks. Its size is fixed, so that
  // a child that prints without end fills neither memory nor disk.
  const int output = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (output < 0 ||
      RetryOnEintr([&] { return ftruncate(output, kMaxOutputBytes); }) != 0 ||
      fcntl(output, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0) {
    all.fault = absl::StrCat("the checker cannot create a file in memory: ",
                             std::strerror(errno));
    if (output >= 0) close(output);
    return all;
  }
  while (!RunOnce(seconds, output, &done, &all, body)) {
  }
  // The children share the file's position, which is where they stopped.
  const off_t written = lseek(output, 0, SEEK_CUR);
  all.output = OutputSince(output, 0);
  if (written < static_cast<off_t>(all.output.size())) {
    all.output.resize(written > 0 ? static_cast<size_t>(written) : 0);
  }
  close(output);
  return all;
}

}  // namespace v1
}  // namespace ferry
