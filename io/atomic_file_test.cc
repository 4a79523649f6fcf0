// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/testing/file_test.h"
#include "ferry/io/testing/system_calls.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Code = absl::StatusCode;

// What the system offers to a file that is written.
enum class Offer {
  kAll,
  kNoFileWithoutName,
  kNoProc,
  kNoKnownFileSystem,
  kNetwork,
};

// Every test of a file that is written runs for every offer.
class AtomicFileTest : public FileTest,
                       public testing::WithParamInterface<Offer>,
                       public SystemCallObserver {
 protected:
  // Creates, writes, commits.
  absl::Status Replace(const std::string& path, const std::string& bytes,
                       Durability durability = Durability::kFull) {
    absl::StatusOr<std::unique_ptr<AtomicFile>> file =
        AtomicFile::Create(path, durability);
    if (!file.ok()) return file.status();
    if (absl::Status s = (*file)->Write(bytes); !s.ok()) return s;
    return (*file)->Commit();
  }

  Fault Before(const SystemCall& call) override {
    const bool has_no_name = (call.flags & O_TMPFILE) == O_TMPFILE;
    if (GetParam() == Offer::kNoFileWithoutName && call.name == "openat" &&
        has_no_name) {
      return {EOPNOTSUPP};
    }
    if (GetParam() == Offer::kNoProc && call.path.substr(0, 6) == "/proc/") {
      return {ENOENT};
    }
    if (GetParam() == Offer::kNoKnownFileSystem && call.name == "fstatfs") {
      return {ENOSYS};
    }
    if (call.name == failing_call_ && --calls_until_failure_ == 0) {
      return {error_};
    }
    return {refuse_ ? refuse_(call) : 0};
  }
  void After(const SystemCall& call, long result) override {
    if (change_info_ && call.info != nullptr) change_info_(call);
    if (GetParam() != Offer::kNetwork || call.name != "fstatfs") return;
    constexpr int kNfs = 0x6969;
    static_cast<struct statfs*>(call.info)->f_type = kNfs;
  }

  // Lets the `n`-th of these calls fail from now on, and no other.
  void Fail(const std::string& name, int n, int error = EIO) {
    failing_call_ = name;
    calls_until_failure_ = n;
    error_ = error;
  }

  bool IsNamedFromTheStart() const { return GetParam() != Offer::kAll; }
  bool IsShared() const {
    return GetParam() == Offer::kNetwork ||
           GetParam() == Offer::kNoKnownFileSystem;
  }

  std::string failing_call_;
  std::atomic<int> calls_until_failure_{0};
  int error_ = 0;
  // If set, returns the error of each call.
  std::function<int(const SystemCall& call)> refuse_;
  // If set, changes what a call says about a file.
  std::function<void(const SystemCall& call)> change_info_;
  const ScopedSystemCallObserver scope_{this};
};

INSTANTIATE_TEST_SUITE_P(Offers, AtomicFileTest,
                         testing::Values(Offer::kAll, Offer::kNoFileWithoutName,
                                         Offer::kNoProc,
                                         Offer::kNoKnownFileSystem,
                                         Offer::kNetwork));

TEST_P(AtomicFileTest, TheOldFileStandsUntilCommit) {
  Put("f", "old");
  {
    auto file = AtomicFile::Create(Path("f"));
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write("ne"), IsOk());
    ASSERT_THAT((*file)->Write("w"), IsOk());
    EXPECT_EQ(Get("f"), "old");
    ASSERT_THAT((*file)->Commit(), IsOk());
    EXPECT_EQ(Get("f"), "new");
  }
  EXPECT_EQ(Get("f"), "new");
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

TEST_P(AtomicFileTest, DestroyedWithoutCommitItLeavesNothing) {
  Put("f", "old");
  for (const char* name : {"f", "g"}) {
    auto file = AtomicFile::Create(Path(name));
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write(std::string(3 << 20, 'x')), IsOk());
    EXPECT_EQ(Names().size(), IsNamedFromTheStart() ? 2u : 1u);
  }
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
  EXPECT_EQ(Get("f"), "old");
}

TEST_P(AtomicFileTest, WritesSmallAndLargePiecesInOrder) {
  std::string expected;
  auto file = AtomicFile::Create(Path("f"), Durability::kNone);
  ASSERT_THAT(file, IsOk());
  for (size_t size : {1u, 1000000u, 50000u, 1u << 20, 7u, (1u << 20) - 1, 1u,
                      3u << 20, 0u, 2u}) {
    const std::string piece(size,
                            static_cast<char>('a' + expected.size() % 26));
    ASSERT_THAT((*file)->Write(piece), IsOk());
    expected += piece;
  }
  ASSERT_THAT((*file)->Commit(), IsOk());
  EXPECT_TRUE(Get("f") == expected);
}

TEST_P(AtomicFileTest, TheModeOfTheOldFileIsKept) {
  for (mode_t mode : {0600, 0644, 0640, 0777, 0705}) {
    Put("f", "old");
    ASSERT_EQ(chmod(Path("f").c_str(), mode), 0);
    ASSERT_THAT(Replace(Path("f"), "new"), IsOk());
    EXPECT_EQ(Mode("f"), mode);
  }
}

TEST_P(AtomicFileTest, ANewFileGetsWhatTheUmaskLeaves) {
  for (mode_t mask : {0022, 0077, 0002}) {
    const mode_t before = umask(mask);
    const absl::Status status = Replace(Path("new"), "x");
    umask(before);
    ASSERT_THAT(status, IsOk());
    EXPECT_EQ(Mode("new"), 0666 & ~mask);
    unlink(Path("new").c_str());
  }
}

TEST_P(AtomicFileTest, ASymbolicLinkIsFollowed) {
  Put("target", "old");
  ASSERT_EQ(symlink("target", Path("link").c_str()), 0);
  ASSERT_EQ(symlink(Path("link").c_str(), Path("link2").c_str()), 0);
  ASSERT_THAT(Replace(Path("link2"), "new"), IsOk());
  EXPECT_EQ(Get("target"), "new");
  struct stat info;
  for (const char* link : {"link", "link2"}) {
    ASSERT_EQ(lstat(Path(link).c_str(), &info), 0);
    EXPECT_TRUE(S_ISLNK(info.st_mode));
  }
  // Also to what does not exist yet.
  ASSERT_EQ(symlink("later", Path("dangling").c_str()), 0);
  ASSERT_THAT(Replace(Path("dangling"), "made"), IsOk());
  EXPECT_EQ(Get("later"), "made");
  ASSERT_EQ(symlink("loop", Path("loop").c_str()), 0);
  EXPECT_EQ(AtomicFile::Create(Path("loop")).status().code(),
            Code::kInvalidArgument);
}

TEST_P(AtomicFileTest, OtherNamesOfTheOldFileKeepIt) {
  Put("f", "old");
  ASSERT_EQ(link(Path("f").c_str(), Path("other").c_str()), 0);
  ASSERT_THAT(Replace(Path("f"), "new"), IsOk());
  EXPECT_EQ(Get("other"), "old");
}

TEST_P(AtomicFileTest, RefusesToCreateWhatIsNoFile) {
  EXPECT_EQ(AtomicFile::Create("").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(AtomicFile::Create(absl::string_view("a\0b", 3)).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(AtomicFile::Create(folder_).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(AtomicFile::Create(folder_ + "/").status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(AtomicFile::Create(Path("missing/f")).status().code(),
            Code::kNotFound);
  Put("f", "x");
  EXPECT_EQ(AtomicFile::Create(Path("f/below")).status().code(),
            Code::kNotFound);
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(AtomicFile::Create(Path("pipe")).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(AtomicFile::Create("/dev/null").status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Names(), (std::vector<std::string>{"f", "pipe"}));
}

TEST_P(AtomicFileTest, TheLongestNameWorks) {
  const std::string name(255, 'n');
  ASSERT_THAT(Replace(Path(name), "x"), IsOk());
  EXPECT_EQ(Get(name), "x");
}

TEST_P(AtomicFileTest, ARelativePathIsInTheCurrentFolder) {
  char before[4096];
  ASSERT_NE(getcwd(before, sizeof(before)), nullptr);
  ASSERT_EQ(chdir(folder_.c_str()), 0);
  const absl::Status status = Replace("relative", "x");
  ASSERT_EQ(chdir(before), 0);
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(Get("relative"), "x");
}

// A limit on the size of files stands for a disk that is full.
TEST_P(AtomicFileTest, AFullDiskIsReportedAndLeavesTheOldFile) {
  Put("f", "old");
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit = before;
  limit.rlim_cur = 2 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  absl::Status large, after, commit, small;
  {
    auto file = AtomicFile::Create(Path("f"), Durability::kNone);
    ASSERT_THAT(file, IsOk());
    large = (*file)->Write(std::string(3 << 20, 'x'));
    after = (*file)->Write("y");
    commit = (*file)->Commit();
  }
  {
    // What is held back is reported by Commit at the latest.
    auto file = AtomicFile::Create(Path("f"), Durability::kNone);
    ASSERT_THAT(file, IsOk());
    for (int i = 0; i < 5; ++i)
      small.Update((*file)->Write(std::string(500000, 'x')));
    small.Update((*file)->Commit());
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, old_handler);
  EXPECT_EQ(large.code(), Code::kResourceExhausted) << large;
  EXPECT_FALSE(after.ok() && commit.ok());
  EXPECT_EQ(commit.code(), Code::kResourceExhausted) << commit;
  EXPECT_EQ(small.code(), Code::kResourceExhausted) << small;
  EXPECT_EQ(Get("f"), "old");
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

TEST_P(AtomicFileTest, CommitFailsWhereTheTargetBecameAFolder) {
  auto file = AtomicFile::Create(Path("f"));
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Write("x"), IsOk());
  ASSERT_EQ(mkdir(Path("f").c_str(), 0700), 0);
  EXPECT_FALSE((*file)->Commit().ok());
  file->reset();
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
  ASSERT_EQ(rmdir(Path("f").c_str()), 0);
}

// The names that a writer of "f" uses, and others.
TEST_P(AtomicFileTest, WhatDeadWritersLeftIsRemoved) {
  Put(".f.ferry-0", "left");
  Put(".f.ferry-3", "left");
  Put(".f.ferry-net-0", "of a writer on another machine");
  Put(".f.ferry-x", "of the user");
  Put(".g.ferry-0", "of another target");
  Put("f.ferry-0", "of the user");
  ASSERT_EQ(mkdir(Path(".f.ferry-1").c_str(), 0700), 0);
  const absl::Status status = Replace(Path("f"), "new");
  ASSERT_EQ(rmdir(Path(".f.ferry-1").c_str()), 0);
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(Get("f"), "new");
  std::vector<std::string> names = {".f.ferry-net-0", ".f.ferry-x",
                                    ".g.ferry-0", "f", "f.ferry-0"};
  if (IsShared()) {
    names.insert(names.begin(), {".f.ferry-0", ".f.ferry-3"});
  }
  EXPECT_EQ(Names(), names);
}

TEST_P(AtomicFileTest, LivingWritersDoNotDisturbEachOther) {
  auto first = AtomicFile::Create(Path("f"));
  ASSERT_THAT(first, IsOk());
  auto second = AtomicFile::Create(Path("f"));
  ASSERT_THAT(second, IsOk());
  ASSERT_THAT((*first)->Write("first"), IsOk());
  ASSERT_THAT((*second)->Write("second"), IsOk());
  auto third = AtomicFile::Create(Path("f"));
  ASSERT_THAT(third, IsOk());
  EXPECT_EQ(Names().size(), IsNamedFromTheStart() ? 3u : 0u);
  EXPECT_THAT((*second)->Commit(), IsOk());
  EXPECT_EQ(Get("f"), "second");
  EXPECT_THAT((*first)->Commit(), IsOk());
  EXPECT_EQ(Get("f"), "first");
  third->reset();
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

// Each looks for leftovers while others have files without a lock, without a
// name or under a name that is about to change.
TEST_P(AtomicFileTest, WritersOfOneTargetRace) {
  constexpr int kThreads = 8;
  constexpr int kFilesEach = 40;
  std::vector<absl::Status> results(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &results] {
      for (int i = 0; i < kFilesEach; ++i) {
        results[t].Update(
            Replace(Path("f"), std::string(1000, 'x'), Durability::kNone));
        // Others give up.
        results[t].Update(
            AtomicFile::Create(Path("f"), Durability::kNone).status());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) EXPECT_THAT(result, IsOk());
  EXPECT_EQ(Get("f"), std::string(1000, 'x'));
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

TEST_P(AtomicFileTest, WithAllNamesTakenTheErrorSaysWhatToRemove) {
  const absl::Status before = Replace(Path("f"), "old");
  EXPECT_THAT(before, IsOk());
  const std::string name = IsShared() ? ".f.ferry-net-" : ".f.ferry-";
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(mkdir(Path(name + std::to_string(i)).c_str(), 0700), 0);
  }
  const absl::Status status = Replace(Path("f"), "new");
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(rmdir(Path(name + std::to_string(i)).c_str()), 0);
  }
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_NE(status.message().find(name + "0 to " + name + "99"),
            std::string::npos)
      << status;
  EXPECT_EQ(Get("f"), "old");
}

TEST_P(AtomicFileTest, AFullNetworkDiskNamesTheLeftovers) {
  Put(".f.ferry-net-0", "left");
  auto file = AtomicFile::Create(Path("f"));
  ASSERT_THAT(file, IsOk());
  const absl::Status status = (*file)->SetSize(uint64_t{1} << 62);
  EXPECT_EQ(status.code(), Code::kResourceExhausted) << status;
  EXPECT_EQ(status.message().find(".f.ferry-net-0") != std::string::npos,
            IsShared())
      << status;
}

// --- Errors that come before anything is written -----------------------------

TEST_P(AtomicFileTest, NamesThatAreTooLongAreRefused) {
  EXPECT_EQ(AtomicFile::Create(Path(std::string(256, 'x'))).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Names().size(), 0u);
}

// The flags are made up, because chattr(1) needs root and a file system that
// has them.
TEST_P(AtomicFileTest, FilesAndFoldersThatMayOnlyGrowAreRefused) {
  Put("f", "old");
  for (const std::string& name : {std::string("f"), std::string()}) {
    change_info_ = [name](const SystemCall& call) {
      if (call.name != "statx" || call.path != name) return;
      auto* const info = static_cast<struct statx*>(call.info);
      info->stx_attributes |= STATX_ATTR_APPEND;
      info->stx_attributes_mask |= STATX_ATTR_APPEND;
    };
    const absl::Status status = AtomicFile::Create(Path("f")).status();
    EXPECT_EQ(status.code(), Code::kPermissionDenied) << status;
    EXPECT_NE(status.message().find("append-only"), std::string::npos)
        << status;
    EXPECT_EQ(Names(), std::vector<std::string>{"f"});
  }
}

TEST_P(AtomicFileTest, ImmutableFilesAndFoldersAreRefused) {
  Put("f", "old");
  for (const bool is_folder : {false, true}) {
    refuse_ = [is_folder](const SystemCall& call) {
      const bool writes = is_folder
                              ? call.kind == SystemCall::Kind::kChanges
                              : call.name == "faccessat" && call.path == "f";
      return writes ? EPERM : 0;
    };
    const absl::Status status = AtomicFile::Create(Path("f")).status();
    refuse_ = nullptr;  // TearDown changes the folder, too
    EXPECT_EQ(status.code(), Code::kPermissionDenied) << status;
    EXPECT_EQ(Names(), std::vector<std::string>{"f"});
  }
}

TEST_P(AtomicFileTest, AnotherUsersFileInAStickyFolderIsRefused) {
  Put("f", "old");
  ASSERT_EQ(chmod(folder_.c_str(), 01777), 0);
  // "f" and the folder belong to others.
  change_info_ = [](const SystemCall& call) {
    if (call.name != "fstatat" && call.name != "fstat") return;
    auto* const info = static_cast<struct stat*>(call.info);
    if (S_ISDIR(info->st_mode)) info->st_uid = geteuid() + 1;
    if (call.path == "f") info->st_uid = geteuid() + 2;
  };
  // Root may do everything.
  EXPECT_EQ(AtomicFile::Create(Path("f")).ok(), geteuid() == 0);
  const ScopedOwnerRights scope;
  const absl::Status existing = AtomicFile::Create(Path("f")).status();
  const absl::Status new_file = Replace(Path("g"), "new");
  const absl::Status own = Replace(Path("g"), "newer");
  EXPECT_EQ(existing.code(), Code::kPermissionDenied) << existing;
  EXPECT_THAT(new_file, IsOk());
  EXPECT_THAT(own, IsOk());
  EXPECT_EQ(Names(), (std::vector<std::string>{"f", "g"}));
}

TEST_P(AtomicFileTest, AFolderThatCannotBeReadHasNoDurableFiles) {
  ASSERT_EQ(chmod(folder_.c_str(), 0333), 0);
  absl::Status durable;
  absl::Status other;
  {
    const ScopedOwnerRights scope;
    durable = AtomicFile::Create(Path("f")).status();
    other = Replace(Path("f"), "new", Durability::kNone);
  }
  ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
  EXPECT_EQ(durable.code(), Code::kPermissionDenied);
  EXPECT_NE(durable.message().find("Durability::kNone"), std::string::npos)
      << durable;
  EXPECT_THAT(other, IsOk());
}

TEST_P(AtomicFileTest, AFolderThatCannotBeWrittenIsRefused) {
  Put("f", "old");
  ASSERT_EQ(chmod(folder_.c_str(), 0555), 0);
  absl::Status status;
  {
    const ScopedOwnerRights scope;
    status = AtomicFile::Create(Path("f")).status();
  }
  ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
  EXPECT_EQ(status.code(), Code::kPermissionDenied) << status;
}

TEST_P(AtomicFileTest, ASizeThatNoFileCanHaveIsRefused) {
  // Some file systems cannot set blocks aside, and some have no largest size.
  for (const bool has_fallocate : {true, false}) {
    refuse_ = [has_fallocate](const SystemCall& call) {
      if (call.name == "ftruncate") return EFBIG;
      if (call.name != "fallocate") return 0;
      return has_fallocate ? EFBIG : EOPNOTSUPP;
    };
    for (uint64_t size : {uint64_t{1} << 62, ~uint64_t{0}}) {
      auto file = AtomicFile::Create(Path("f"));
      ASSERT_THAT(file, IsOk());
      const absl::Status status = (*file)->SetSize(size);
      EXPECT_EQ(status.code(), Code::kResourceExhausted) << status;
      EXPECT_NE(status.message().find(std::to_string(size)), std::string::npos)
          << status;
    }
  }
  EXPECT_EQ(Names().size(), 0u);
}

// --- Errors of a commit ------------------------------------------------------

TEST_P(AtomicFileTest, WrittenButNotDurableIsTwoThings) {
  Put("f", "old");
  // The file, then the folder.
  Fail("fsync", 1);
  const absl::Status file = Replace(Path("f"), "new");
  EXPECT_EQ(file.code(), Code::kUnavailable) << file;
  EXPECT_FALSE(IsWrittenButNotDurable(file));
  EXPECT_EQ(Get("f"), "old");
  Fail("fsync", 2);
  const absl::Status folder = Replace(Path("f"), "new");
  EXPECT_EQ(folder.code(), Code::kUnavailable) << folder;
  EXPECT_TRUE(IsWrittenButNotDurable(folder)) << folder;
  EXPECT_EQ(Get("f"), "new");
  EXPECT_FALSE(IsWrittenButNotDurable(absl::OkStatus()));
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

// What a save of 24 MiB over another such file says to the page cache.
struct CacheAdvice {
  int num_forgets = 0;
  std::vector<std::pair<off_t, size_t>> write_backs;
};

TEST_P(AtomicFileTest, DurableFilesAdviseThePageCache) {
  constexpr size_t kBytes = size_t{24} << 20;
  Put("f", std::string(kBytes, 'a'));
  for (const Durability durability : {Durability::kNone, Durability::kFull}) {
    CacheAdvice advice;
    bool has_written = false;
    refuse_ = [&](const SystemCall& call) {
      if (call.name == "posix_fadvise") {
        EXPECT_EQ(call.flags, POSIX_FADV_DONTNEED);
        EXPECT_FALSE(has_written);
        ++advice.num_forgets;
      }
      has_written |= call.name == "pwrite";
      if (call.name == "sync_file_range" &&
          call.flags == SYNC_FILE_RANGE_WRITE) {
        advice.write_backs.emplace_back(call.offset, call.size);
      }
      return 0;
    };
    auto file = AtomicFile::Create(Path("f"), durability);
    ASSERT_THAT(file, IsOk());
    const std::string half(kBytes / 2, 'b');
    ASSERT_THAT((*file)->SetSize(kBytes), IsOk());
    // Neither begins nor ends where a page does.
    ASSERT_THAT((*file)->WriteAt(0, "b"), IsOk());
    ASSERT_THAT((*file)->WriteAt(1, half), IsOk());
    ASSERT_THAT((*file)->WriteAt(kBytes / 2, half), IsOk());
    EXPECT_EQ(Get("f"), std::string(kBytes, 'a'));
    ASSERT_THAT((*file)->Commit(), IsOk());
    refuse_ = nullptr;
    EXPECT_EQ(Get("f"), std::string(kBytes, 'b'));
    EXPECT_EQ(advice.num_forgets,
              durability == Durability::kFull && !IsShared() ? 1 : 0);
    std::vector<std::pair<off_t, size_t>> expected;
    if (durability == Durability::kFull) {
      expected = {{4096, kBytes / 2 - 4096}, {kBytes / 2, kBytes / 2}};
    }
    EXPECT_EQ(advice.write_backs, expected);
    Put("f", std::string(kBytes, 'a'));
  }
}

// Some systems and file systems have neither.
TEST_P(AtomicFileTest, RefusedAdviceDoesNoHarm) {
  constexpr size_t kBytes = size_t{24} << 20;
  Put("f", std::string(kBytes, 'a'));
  refuse_ = [](const SystemCall& call) {
    return call.name == "posix_fadvise" || (call.name == "sync_file_range" &&
                                            call.flags == SYNC_FILE_RANGE_WRITE)
               ? ENOSYS
               : 0;
  };
  auto file = AtomicFile::Create(Path("f"));
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->SetSize(kBytes), IsOk());
  ASSERT_THAT((*file)->WriteAt(0, std::string(kBytes, 'b')), IsOk());
  ASSERT_THAT((*file)->Commit(), IsOk());
  refuse_ = nullptr;
  EXPECT_EQ(Get("f"), std::string(kBytes, 'b'));
}

TEST_P(AtomicFileTest, AnErrorOnTheWayToTheDiskIsReported) {
  Put("f", "old");
  for (const bool is_in_order : {false, true}) {
    auto file = AtomicFile::Create(Path("f"));
    ASSERT_THAT(file, IsOk());
    const std::string bytes(size_t{2} << 20, 'b');
    Fail("sync_file_range", 1);
    EXPECT_EQ((is_in_order ? (*file)->Write(bytes) : (*file)->WriteAt(0, bytes))
                  .code(),
              Code::kUnavailable);
    file->reset();
    EXPECT_EQ(Get("f"), "old");
  }
}

TEST_P(AtomicFileTest, OnAFullDiskTheOldFileKeepsItsPages) {
  Put("f", std::string(size_t{24} << 20, 'a'));
  refuse_ = [](const SystemCall& call) {
    EXPECT_NE(call.name, "posix_fadvise");
    return call.name == "fallocate" ? ENOSPC : 0;
  };
  auto file = AtomicFile::Create(Path("f"));
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ((*file)->SetSize(size_t{24} << 20).code(),
            Code::kResourceExhausted);
  refuse_ = nullptr;
}

TEST_P(AtomicFileTest, SmallFilesKeepTheirPages) {
  Put("f", std::string(1 << 20, 'a'));
  refuse_ = [](const SystemCall& call) {
    EXPECT_NE(call.name, "posix_fadvise");
    return 0;
  };
  auto file = AtomicFile::Create(Path("f"));
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->SetSize(1 << 20), IsOk());
  ASSERT_THAT((*file)->Commit(), IsOk());
  refuse_ = nullptr;
}

TEST_P(AtomicFileTest, WhatIsWrittenInOrderStartsToTheDiskToo) {
  std::vector<std::pair<off_t, size_t>> write_backs;
  refuse_ = [&](const SystemCall& call) {
    if (call.name == "sync_file_range" && call.flags == SYNC_FILE_RANGE_WRITE) {
      write_backs.emplace_back(call.offset, call.size);
    }
    return 0;
  };
  auto file = AtomicFile::Create(Path("f"));
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Write("head"), IsOk());
  ASSERT_THAT((*file)->Write(std::string(size_t{2} << 20, 'b')), IsOk());
  ASSERT_THAT((*file)->Commit(), IsOk());
  refuse_ = nullptr;
  const std::vector<std::pair<off_t, size_t>> expected = {
      {4096, (size_t{2} << 20) - 4096}};
  EXPECT_EQ(write_backs, expected);
}

// A server may report at the close that bytes could not be stored.
TEST_P(AtomicFileTest, OnAServerTheCloseComesBeforeTheRename) {
  Put("f", "old");
  auto file = AtomicFile::Create(Path("f"), Durability::kNone);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Write("new"), IsOk());
  Fail("close", 1);
  const absl::Status status = (*file)->Commit();
  EXPECT_EQ(status.ok(), !IsShared()) << status;
  EXPECT_EQ(Get("f"), IsShared() ? "old" : "new");
  file->reset();
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

TEST_P(AtomicFileTest, RefusesWhatMayNotBeWritten) {
  const ScopedOwnerRights rights;
  Put("f", "x");
  ASSERT_EQ(chmod(Path("f").c_str(), 0), 0);
  EXPECT_EQ(AtomicFile::Create(Path("f")).status().code(),
            Code::kPermissionDenied);
  ASSERT_EQ(chmod(folder_.c_str(), 0500), 0);
  EXPECT_EQ(AtomicFile::Create(Path("g")).status().code(),
            Code::kPermissionDenied);
  ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
