// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A disk that is full while a checkpoint is saved. A limit on the size of files
// stands for it, which needs no privilege: the system calls fail at the same
// places. Where the kernel lets the test mount one, also a file system that is
// really full.

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/runtime/runtime.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Lets no file grow past `size_bytes` until it is destroyed.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t size_bytes) {
    getrlimit(RLIMIT_FSIZE, &old_);
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    rlimit limit = old_;
    limit.rlim_cur = size_bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_;
  void (*old_handler_)(int);
};

class FullDisk : public testing::TestWithParam<uint64_t> {};

TEST_P(FullDisk, KeepsTheOldFile) {
  // Small enough to be written on one thread, and large enough for several.
  const uint64_t size_bytes = GetParam();
  const std::string directory = NewFolder();
  const std::string path = absl::StrCat(directory, "/model.pt");
  ASSERT_THAT(Save(Value("old"), path), IsOk());
  const std::string old = ReadFile(path);

  absl::StatusOr<Storage> storage = Storage::Allocate(size_bytes);
  ASSERT_THAT(storage, IsOk());
  absl::StatusOr<Tensor> tensor = Tensor::Create(
      *storage, DType::kUInt8, {static_cast<int64_t>(size_bytes)});
  ASSERT_THAT(tensor, IsOk());
  std::memset(storage->data(), 1, size_bytes);
  for (uint64_t room : {uint64_t{0}, uint64_t{100}, size_bytes / 2}) {
    absl::Status status;
    {
      const FileSizeLimit limit(room);
      status = Save(Value(*tensor), path);
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("model.pt"));
    EXPECT_THAT(ListFolder(directory), ElementsAre("model.pt"));
    EXPECT_EQ(ReadFile(path), old);
  }
  // With room it is saved.
  EXPECT_THAT(Save(Value(*tensor), path), IsOk());
  EXPECT_GT(ReadFile(path).size(), size_bytes);
  EXPECT_THAT(ListFolder(directory), ElementsAre("model.pt"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, FullDisk,
                         testing::Values(uint64_t{100} << 10,
                                         uint64_t{20} << 20));

// Steps of the test below, as ways in which its process ends.
enum Outcome {
  kDone,
  kCannotMount,
  kOldNotSaved,
  kNotRefused,
  kOldIsLost,
  kRemains,
  kNewNotSaved
};

// Lets this process alone see what it mounts, as root of a namespace that has
// its own user and nobody else.
bool EnterNamespace() {
  const auto uid = getuid();
  const auto gid = getgid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  const auto put = [](const char* path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    return file.good();
  };
  return put("/proc/self/setgroups", "deny") &&
         put("/proc/self/uid_map", absl::StrCat("0 ", uid, " 1")) &&
         put("/proc/self/gid_map", absl::StrCat("0 ", gid, " 1"));
}

// Saves to a file system of 8 MiB.
Outcome SaveToATinyFileSystem(const std::string& directory) {
  if (!EnterNamespace() ||
      mount("none", directory.c_str(), "tmpfs", 0, "size=8m") != 0) {
    return kCannotMount;
  }
  const std::string path = absl::StrCat(directory, "/model.pt");
  const auto tensor = [](int64_t size) {
    return Value(*Tensor::FromData<uint8_t>(
        std::vector<uint8_t>(static_cast<size_t>(size), 1), {size}));
  };
  if (!Save(tensor(int64_t{3} << 20), path).ok()) return kOldNotSaved;
  const std::string old = ReadFile(path);
  for (int64_t size : {int64_t{6} << 20, int64_t{20} << 20}) {
    if (Save(tensor(size), path).code() !=
        absl::StatusCode::kResourceExhausted) {
      return kNotRefused;
    }
    if (ReadFile(path) != old) return kOldIsLost;
    if (ListFolder(directory).size() != 1) return kRemains;
  }
  return Save(tensor(int64_t{4} << 20), path).ok() ? kDone : kNewNotSaved;
}

TEST(FullFileSystem, KeepsTheOldFile) {
  const std::string directory = NewFolder();
  const pid_t child = fork();
  if (child == 0) _exit(SaveToATinyFileSystem(directory));
  int status = 0;
  waitpid(child, &status, 0);
  rmdir(directory.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kCannotMount) {
    GTEST_SKIP() << "a file system cannot be mounted here";
  }
  EXPECT_EQ(WEXITSTATUS(status), kDone);
}

TEST(FullDevice, IsSaidToBeFull) {
  // A device file is no place for a file that is replaced whole, so the error
  // is of the directory; nothing is left there.
  const absl::Status status = Save(Value(1), "/dev/full/model.pt");
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
