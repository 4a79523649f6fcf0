// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A process that is killed while it saves, at every system call that changes a
// file: whatever is at the path afterwards is the old checkpoint or the new
// one, whole.
//
// The test's own definitions of those calls take the place of the C library's,
// count, and at the call that is asked for end the process by SIGKILL: before
// the call, or, where bytes are written, after half of them.

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/runtime/runtime.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

// Calls until the end; 0 once nothing is to be killed.
std::atomic<int> calls_left{0};

// Whether this is the call to die at.
bool IsTheLast() { return calls_left.load() != 0 && --calls_left == 0; }

void Die() {
  kill(getpid(), SIGKILL);
  pause();
}

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  static auto* const real = Real<ssize_t(int, const void*, size_t)>("write");
  if (fd > STDERR_FILENO && IsTheLast()) {
    real(fd, bytes, size / 2);
    Die();
  }
  return real(fd, bytes, size);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static auto* const real =
      Real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  if (IsTheLast()) {
    real(fd, bytes, size / 2, offset);
    Die();
  }
  return real(fd, bytes, size, offset);
}

int ftruncate(int fd, off_t size) noexcept {
  static auto* const real = Real<int(int, off_t)>("ftruncate");
  if (IsTheLast()) Die();
  return real(fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  static auto* const real = Real<int(int, int, off_t, off_t)>("fallocate");
  if (IsTheLast()) Die();
  return real(fd, mode, offset, size);
}

int fsync(int fd) {
  static auto* const real = Real<int(int)>("fsync");
  if (IsTheLast()) Die();
  return real(fd);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = Real<int(const char*, const char*)>("rename");
  if (IsTheLast()) Die();
  return real(from, to);
}

}  // extern "C"

namespace ferry {
namespace {

using testing::ElementsAre;

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
int SaveInAProcess(const Value& value, const std::string& path,
                   int die_at_call) {
  const pid_t child = fork();
  if (child == 0) {
    calls_left = die_at_call;
    const absl::Status status = Save(value, path);
    calls_left = 0;
    _exit(status.ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(KillTest, LeavesTheOldFileOrTheNewOne) {
  const std::string directory = NewFolder();
  const std::string path = absl::StrCat(directory, "/model.pt");
  // The threads of this process are none of a child's, so nothing here may
  // start any before the last child is gone.
  const Value old_value = Sample(1);
  const Value new_value = Sample(2);
  ASSERT_EQ(SaveInAProcess(old_value, path, 0), 0);

  int num_killed = 0;
  int num_old = 0;
  int num_with_remains = 0;
  for (int call = 1;; ++call) {
    const int status = SaveInAProcess(new_value, path, call);
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
    for (const std::string& name : ListFolder(directory)) {
      if (name == "model.pt") continue;
      EXPECT_TRUE(absl::StartsWith(name, ".model.pt.ferry-")) << name;
      ++num_with_remains;
      unlink(absl::StrCat(directory, "/", name).c_str());
    }
    if (WEXITSTATUS(number) == 2) {
      ASSERT_EQ(SaveInAProcess(old_value, path, 0), 0);
    }
  }
  EXPECT_EQ(NumberIn(path), 2);
  EXPECT_THAT(ListFolder(directory), ElementsAre("model.pt"));
  // The pieces, the records' headers, the directory, the disk, the name.
  EXPECT_GT(num_killed, 10);
  // Only after the rename is it the new one: at the sync of the folder.
  EXPECT_EQ(num_killed - num_old, 1);
  EXPECT_EQ(num_with_remains, num_old);
  unlink(path.c_str());
  rmdir(directory.c_str());
}

}  // namespace
}  // namespace ferry
