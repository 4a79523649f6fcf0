// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A process that is killed while it saves, at every system call that changes a
// file: whatever is at the path afterwards is the old checkpoint or the new
// one, whole. What is left beside it, the next save removes.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/testing/system_calls.h"
#include "ferry/runtime/runtime.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;

// Ends the process by SIGKILL at the n-th call that changes a file: before the
// call, or, where bytes are written, after half of them.
class Killer : public SystemCallObserver {
 public:
  Killer(int die_at_call, bool has_nameless_files)
      : calls_left_(die_at_call), has_nameless_files_(has_nameless_files) {}

  Fault Before(const SystemCall& call) override {
    if (!has_nameless_files_ && call.name == "openat" &&
        (call.flags & O_TMPFILE) == O_TMPFILE) {
      return {EOPNOTSUPP};
    }
    const bool writes = call.kind == SystemCall::Kind::kWrites;
    if (!writes && call.kind != SystemCall::Kind::kChanges) return {};
    if (--calls_left_ != 0) return {};
    if (!writes) Die();
    // Only the thread whose call is the last dies after it.
    dies_after_ = true;
    return {0, /*is_short=*/true};
  }
  void After(const SystemCall&, long) override {
    if (dies_after_) Die();
  }

 private:
  static void Die() {
    kill(getpid(), SIGKILL);
    pause();
  }

  static thread_local bool dies_after_;
  // 0 at the start: none is the last.
  std::atomic<int> calls_left_;
  const bool has_nameless_files_;
};
thread_local bool Killer::dies_after_ = false;

// Two checkpoints of the same form and other numbers: many small storages, and
// some that are written in pieces; more than one thread writes alone.
Value Sample(uint8_t number) {
  const Value state = Value::Dict();
  for (int i = 0; i < 40; ++i) {
    const std::vector<uint8_t> elements(i % 10 == 0 ? size_t{5} << 20 : 1000,
                                        number);
    EXPECT_THAT(
        state.Set(absl::StrCat(i),
                  Value(*Tensor::FromData<uint8_t>(
                      elements, {static_cast<int64_t>(elements.size())}))),
        IsOk());
  }
  return state;
}

// The number of which a file is a whole checkpoint; -1 if it is of none.
int NumberIn(const std::string& path) {
  const absl::StatusOr<Value> state = Load(path);
  EXPECT_THAT(state, IsOk());
  if (!state.ok() || state->size() != 40) return -1;
  int number = -1;
  for (size_t i = 0; i < state->size(); ++i) {
    const absl::StatusOr<Tensor> tensor = state->Entry(i)->second.AsTensor();
    if (!tensor.ok()) return -1;
    const auto* elements = static_cast<const uint8_t*>(tensor->data());
    for (int64_t k = 0; k < tensor->num_elements(); ++k) {
      if (number == -1) number = elements[k];
      if (number != elements[k]) return -1;
    }
  }
  return number;
}

// How a process ends that saves and dies at that call.
int SaveInAProcess(const Value& value, const std::string& path, int die_at_call,
                   bool has_nameless_files) {
  const pid_t child = fork();
  if (child == 0) {
    Killer killer(die_at_call, has_nameless_files);
    const ScopedSystemCallObserver scope(&killer);
    _exit(Save(value, path).ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

// Whether files without a name can be written.
class KillTest : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(NamelessFiles, KillTest, testing::Bool());

TEST_P(KillTest, LeavesTheOldFileOrTheNewOne) {
  const bool is_nameless = GetParam();
  const std::string directory = NewFolder();
  const std::string path = absl::StrCat(directory, "/model.pt");
  // The threads of this process are none of a child's, so nothing here may
  // start any before the last child is gone.
  const Value old_value = Sample(1);
  const Value new_value = Sample(2);
  ASSERT_EQ(SaveInAProcess(old_value, path, 0, is_nameless), 0);

  int num_killed = 0;
  int num_old = 0;
  int num_with_remains = 0;
  for (int call = 1;; ++call) {
    const int status = SaveInAProcess(new_value, path, call, is_nameless);
    if (WIFEXITED(status)) {
      // Fewer calls than that: it was done, and nothing is left beside it.
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ++num_killed;
    // Loading starts threads, so another process does it.
    const pid_t child = fork();
    if (child == 0) _exit(NumberIn(path));
    int number = 0;
    waitpid(child, &number, 0);
    ASSERT_TRUE(WIFEXITED(number));
    ASSERT_TRUE(WEXITSTATUS(number) == 1 || WEXITSTATUS(number) == 2)
        << "killed at call " << call;
    num_old += WEXITSTATUS(number) == 1;
    // What was being written lies beside it under a name that says what it is.
    const std::vector<std::string> names = ListFolder(directory);
    for (const std::string& name : names) {
      EXPECT_TRUE(name == "model.pt" ||
                  absl::StartsWith(name, ".model.pt.ferry-"))
          << name;
    }
    if (names.size() == 1 && WEXITSTATUS(number) == 1) continue;
    num_with_remains += names.size() != 1;
    ASSERT_EQ(SaveInAProcess(old_value, path, 0, is_nameless), 0);
    EXPECT_THAT(ListFolder(directory), ElementsAre("model.pt"));
  }
  EXPECT_EQ(NumberIn(path), 2);
  EXPECT_THAT(ListFolder(directory), ElementsAre("model.pt"));
  std::cout << num_killed << " calls were killed, " << num_with_remains
            << " with remains\n";
  // The pieces, the records' headers, the directory, the disk, the names.
  EXPECT_GT(num_killed, 10);
  // Only after the rename is it the new one: at the sync of the folder.
  EXPECT_EQ(num_killed - num_old, 1);
  // A file without a name has one from the link to the rename: at the sync and
  // at the rename. One with a name has it from the call after its creation on.
  EXPECT_EQ(num_with_remains, is_nameless ? 2 : num_old - 1);
  unlink(path.c_str());
  rmdir(directory.c_str());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
