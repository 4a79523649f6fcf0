// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/testing/files.h"
#include "ferry/io/testing/system_calls.h"
#include "ferry/tools/ferry/command.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// How a process ends that runs `body` and then ends with exit code 0.
int StatusOf(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

class InterruptTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Signals, InterruptTest,
                         testing::Values(SIGINT, SIGTERM, SIGHUP, SIGQUIT));

TEST_P(InterruptTest, NotesASignalWhileItLives) {
  struct sigaction before;
  sigaction(GetParam(), nullptr, &before);
  {
    const ScopedInterrupt interrupt;
    EXPECT_EQ(interrupt.signal(), 0);
    raise(GetParam());
    EXPECT_EQ(interrupt.signal(), GetParam());
  }
  struct sigaction after;
  sigaction(GetParam(), nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
  const ScopedInterrupt another;
  EXPECT_EQ(another.signal(), 0);
}

TEST_P(InterruptTest, TheSecondSignalEndsTheProcess) {
  const int status = StatusOf([] {
    const ScopedInterrupt interrupt;
    raise(GetParam());
    raise(GetParam());
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), GetParam());
}

TEST_P(InterruptTest, IgnoredSignalsStayIgnored) {
  const int status = StatusOf([] {
    signal(GetParam(), SIG_IGN);
    const ScopedInterrupt interrupt;
    raise(GetParam());
    if (interrupt.signal() != 0) _exit(1);
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_P(InterruptTest, EndsByTheSignal) {
  const int status = StatusOf([] { EndAs(kExitSignal + GetParam()); });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), GetParam());
  for (int exit_code : {kExitDone, kExitNo, kExitFailed, kExitNotDurable}) {
    EXPECT_EQ(EndAs(exit_code), exit_code);
  }
}

// Raises a signal when a file is created, or lets the sync of a folder fail.
class Disturbance : public SystemCallObserver {
 public:
  Disturbance(int signal, bool has_nameless_files)
      : signal_(signal), has_nameless_files_(has_nameless_files) {}

  Fault Before(const SystemCall& call) override {
    if (call.name == "fsync" && signal_ == 0 && ++num_syncs_ == 2) return {EIO};
    if (call.name != "openat" || call.kind != SystemCall::Kind::kChanges) {
      return {};
    }
    if (!has_nameless_files_ && (call.flags & O_TMPFILE) == O_TMPFILE) {
      return {EOPNOTSUPP};
    }
    if (signal_ != 0) raise(signal_);
    return {fail_after_signal ? EACCES : 0};
  }

  // Whether the creation of the file fails, too.
  bool fail_after_signal = false;

 private:
  const int signal_;
  const bool has_nameless_files_;
  std::atomic<int> num_syncs_{0};
};

TEST_P(InterruptTest, AConversionLeavesTheOldFile) {
  const std::string folder = NewFolder();
  const std::string out = absl::StrCat(folder, "/out.pt");
  WriteFile(out, "the old file");
  for (bool has_nameless_files : {false, true}) {
    Disturbance disturbance(GetParam(), has_nameless_files);
    const ScopedSystemCallObserver scope(&disturbance);
    const FerryResult result = RunFerryForTest(
        {"convert", DataPath("torch2.14_training_checkpoint.pt"), out});
    EXPECT_EQ(result.exit_code, 128 + GetParam());
    EXPECT_THAT(result.err, HasSubstr("interrupted"));
    EXPECT_EQ(ReadFile(out), "the old file");
    EXPECT_THAT(ListFolder(folder), ElementsAre("out.pt"));
  }
  unlink(out.c_str());
  rmdir(folder.c_str());
}

TEST_P(InterruptTest, ASignalCountsEvenIfAnotherErrorFollows) {
  const std::string out = TestPath("not_there.pt");
  Disturbance disturbance(GetParam(), false);
  disturbance.fail_after_signal = true;
  const ScopedSystemCallObserver scope(&disturbance);
  const FerryResult result = RunFerryForTest(
      {"convert", DataPath("torch2.14_training_checkpoint.pt"), out});
  EXPECT_EQ(result.exit_code, 128 + GetParam());
  EXPECT_THAT(result.err, HasSubstr(std::strerror(EACCES)));
}

TEST(ExitCodeTest, WrittenButNotDurableIsNotAFailedConversion) {
  const std::string out = TestPath("not_durable.pt");
  Disturbance disturbance(0, true);
  const ScopedSystemCallObserver scope(&disturbance);
  const FerryResult result = RunFerryForTest(
      {"convert", DataPath("torch2.14_training_checkpoint.pt"), out});
  EXPECT_EQ(result.exit_code, kExitNotDurable);
  EXPECT_THAT(result.err, HasSubstr("complete and in place"));
  EXPECT_EQ(RunFerryForTest({"verify", out}).exit_code, kExitDone);
  for (const char* command : {"", "convert"}) {
    std::vector<std::string> arguments = {"--help"};
    if (*command != '\0') arguments.insert(arguments.begin(), command);
    EXPECT_THAT(RunFerryForTest(arguments).out,
                HasSubstr("may be lost if the"));
  }
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
