// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Every command that reads checkpoints reads them from streams too, and writes
// them there.

#include "ferry/tools/ferry/input.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// Gives `bytes` to whoever reads the pipe.
void Feed(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = write(fd, bytes.data() + done, bytes.size() - done);
    if (size <= 0) break;
    done += static_cast<size_t>(size);
  }
  close(fd);
}

class InputTest : public testing::Test {
 protected:
  InputTest() {
    signal(SIGPIPE, SIG_IGN);
    Value dict = Value::Dict();
    EXPECT_THAT(dict.Set("text", Value(std::string(200000, 'x'))), IsOk());
    EXPECT_THAT(dict.Set("step", Value(7)), IsOk());
    path_ = SaveTestFile("streamed.pt", dict);
    bytes_ = ReadFile(path_);
  }

  // Runs a command while `bytes` come through a pipe of that path.
  FerryResult RunWithPipe(const std::vector<std::string>& arguments,
                          const std::string& pipe, const std::string& bytes) {
    unlink(pipe.c_str());
    EXPECT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    std::thread writer([&pipe, &bytes] {
      Feed(open(pipe.c_str(), O_WRONLY | O_CLOEXEC), bytes);
    });
    FerryResult result = RunFerryForTest(arguments);
    writer.join();
    return result;
  }

  // The same through standard input.
  FerryResult RunWithInput(const std::vector<std::string>& arguments,
                           const std::string& bytes,
                           std::function<bool()> is_cancelled = nullptr) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const int kept = dup(STDIN_FILENO);
    EXPECT_EQ(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    std::thread writer([&ends, &bytes] { Feed(ends[1], bytes); });
    FerryResult result = RunFerryForTest(arguments, std::move(is_cancelled));
    // The last reader goes, so the writer ends even if nobody has read.
    dup2(kept, STDIN_FILENO);
    close(kept);
    writer.join();
    return result;
  }

  std::string path_;
  std::string bytes_;
};

TEST_F(InputTest, EveryCommandReadsStandardInput) {
  const std::string out = TestPath("from_stdin.pt");
  for (const char* name : {"-", "/dev/stdin"}) {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{
             {"inspect", "--format=json", name},
             {"verify", name},
             {"convert", "--archive-name=streamed", name, out}}) {
      const FerryResult result = RunWithInput(arguments, bytes_);
      EXPECT_EQ(result.exit_code, 0) << arguments[0] << ": " << result.err;
      EXPECT_EQ(result.err, "");
    }
    EXPECT_EQ(ReadFile(out), bytes_);
  }
  // As `ferry verify - < FILE`.
  const int kept = dup(STDIN_FILENO);
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  dup2(file, STDIN_FILENO);
  EXPECT_EQ(RunFerryForTest({"verify", "-"}).exit_code, 0);
  // What somebody has read already is not read again.
  ASSERT_EQ(lseek(STDIN_FILENO, 100, SEEK_SET), 100);
  EXPECT_NE(RunFerryForTest({"verify", "-"}).exit_code, 0);
  dup2(kept, STDIN_FILENO);
  close(kept);
  close(file);
}

TEST_F(InputTest, EveryCommandReadsPipes) {
  const std::string pipe = TestPath("pipe");
  const std::string out = TestPath("from_pipe.pt");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {"inspect", pipe},
           {"verify", pipe},
           {"scan", pipe},
           {"convert", "--archive-name=streamed", pipe, out}}) {
    const FerryResult result = RunWithPipe(arguments, pipe, bytes_);
    EXPECT_EQ(result.exit_code, 0) << arguments[0] << ": " << result.err;
  }
  EXPECT_EQ(ReadFile(out), bytes_);
}

TEST_F(InputTest, ErrorsNameTheStream) {
  const std::string pipe = TestPath("pipe");
  for (const char* command : {"inspect", "verify"}) {
    FerryResult result =
        RunWithPipe({command, pipe}, pipe, bytes_.substr(0, 100000));
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.out + result.err, HasSubstr(pipe));
    result = RunWithInput({command, "-"}, "");
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.out + result.err, HasSubstr("standard input"));
    EXPECT_THAT(result.out + result.err, Not(HasSubstr("/proc")));
  }
}

TEST_F(InputTest, CopyingCanBeCancelled) {
  const std::string out = TestPath("cancelled.pt");
  const FerryResult result =
      RunWithInput({"convert", "-", out}, bytes_, [] { return true; });
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("interrupted"));
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(InputTest, NoTemporaryFileStays) {
  const std::string folder = TestPath("temporary");
  std::filesystem::create_directory(folder);
  ASSERT_EQ(setenv("TMPDIR", folder.c_str(), 1), 0);
  EXPECT_EQ(RunWithInput({"verify", "-"}, bytes_).exit_code, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  ASSERT_EQ(setenv("TMPDIR", "/nowhere", 1), 0);
  const FerryResult result = RunWithInput({"verify", "-"}, bytes_);
  unsetenv("TMPDIR");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out + result.err, HasSubstr("/nowhere"));
}

TEST_F(InputTest, ConvertWritesToStandardOutputAndPipes) {
  EXPECT_EQ(
      RunFerryForTest({"convert", "--archive-name=streamed", path_, "-"}).out,
      bytes_);
  const std::string pipe = TestPath("out_pipe");
  unlink(pipe.c_str());
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string copy;
  std::thread reader([&pipe, &copy] { copy = ReadFile(pipe); });
  const FerryResult result =
      RunFerryForTest({"convert", "--archive-name=streamed", path_, pipe});
  reader.join();
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(copy, bytes_);
  // It is still a pipe.
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
