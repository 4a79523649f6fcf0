// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/parallel_info.h"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "ferry/core/parallel.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Runs `body` in a child process and fails if it does. A process finds its
// default number of threads once, so no test here may do so in the parent.
template <typename Body>
void InChild(Body body) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    body();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(ParallelInfoTest, SaysWhereTheNumberOfThreadsComesFrom) {
  InChild([] {
    setenv("MKL_NUM_THREADS", "4,2", 1);
    EXPECT_THAT(ParallelInfo(),
                AllOf(HasSubstr("GetNumThreads() : 4, from MKL_NUM_THREADS\n"),
                      HasSubstr("    MKL_NUM_THREADS : \"4,2\"\n"),
                      HasSubstr("    OMP_NUM_THREADS : [not set]\n")));
    EXPECT_THAT(SetNumThreads(3), IsOk());
    EXPECT_THAT(ParallelInfo(),
                HasSubstr("GetNumThreads() : 3, from SetNumThreads\n"));
  });
}

TEST(ParallelInfoTest, WarnsOfAVariableThatIsIgnored) {
  InChild([] {
    setenv("OMP_NUM_THREADS", "abc", 1);
    EXPECT_THAT(ParallelWarnings(), ElementsAre(HasSubstr("OMP_NUM_THREADS")));
    EXPECT_THAT(ParallelInfo(),
                HasSubstr("Warning: " + ParallelWarnings()[0] + "\n"));
  });
}

TEST(ParallelInfoTest, SaysThatAForkedChildRunsSerially) {
  InChild([] {
    EXPECT_THAT(SetNumThreads(2), IsOk());
    ParallelFor(0, 2, 1, [](int64_t, int64_t) {});
    EXPECT_THAT(ParallelInfo(), HasSubstr("runs serially : no\n"));
    InChild([] {
      EXPECT_THAT(ParallelInfo(), HasSubstr("runs serially : yes\n"));
    });
  });
}

TEST(ParallelInfoTest, SaysWhichLimitsThereAre) {
  InChild([] {
    for (const char* name : {"CPUs by affinity", "CPUs by cgroup quota",
                             "library", "concurrency of this thread's arena",
                             "limit on the threads of the process",
                             "std::thread::hardware_concurrency()"}) {
      EXPECT_THAT(ParallelInfo(),
                  HasSubstr(std::string("\n    ") + name + " : "));
    }
  });
}

// Ferry brings no OpenMP runtime; the program may load one.
TEST(ParallelInfoTest, WarnsOfAnOpenMpRuntime) {
  InChild([] {
    EXPECT_THAT(ParallelInfo(), HasSubstr("OpenMP runtimes : [none loaded]\n"));
    EXPECT_THAT(ParallelWarnings(), IsEmpty());
    // Comes with the compiler.
    ASSERT_NE(dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL), nullptr)
        << dlerror();
    EXPECT_THAT(ParallelInfo(), HasSubstr("OpenMP runtimes : libgomp.so.1\n"));
    EXPECT_THAT(ParallelWarnings(), ElementsAre(HasSubstr("\"libgomp.so.1\"")));
  });
}

}  // namespace
}  // namespace v1
}  // namespace ferry
