// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/fd_sink.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

std::string ReadAll(int fd) {
  std::string all;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof(buffer))) > 0) all.append(buffer, got);
  return all;
}

TEST(FdSinkTest, WritesToAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  // More than a pipe holds.
  const std::string bytes(size_t{1} << 20, 'x');
  std::string received;
  std::thread reader([&] { received = ReadAll(ends[0]); });
  FdSink sink(ends[1]);
  EXPECT_THAT(sink.Write(bytes), IsOk());
  EXPECT_THAT(sink.Write("end"), IsOk());
  EXPECT_THAT(sink.Flush(), IsOk());
  close(ends[1]);
  reader.join();
  EXPECT_EQ(received, bytes + "end");
  close(ends[0]);
}

TEST(FdSinkTest, WaitsWhereTheDescriptorDoesNotBlock) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  ASSERT_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  const std::string bytes(size_t{4} << 20, 'x');
  std::string received;
  std::thread reader([&] { received = ReadAll(ends[0]); });
  FdSink sink(ends[1]);
  EXPECT_THAT(sink.Write(bytes), IsOk());
  close(ends[1]);
  reader.join();
  EXPECT_EQ(received.size(), bytes.size());
  close(ends[0]);
}

TEST(FdSinkTest, AReaderThatHasGoneIsAnErrorAndNoSignal) {
  for (const bool is_socket : {false, true}) {
    int ends[2];
    ASSERT_EQ(
        is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
    close(ends[0]);
    FdSink sink(ends[1], "the pipe");
    const absl::Status status = sink.Write("bytes");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(status.message().find("the pipe"), std::string::npos);
    close(ends[1]);
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0);
  }
}

TEST(FdSinkTest, SaysThatTheDiskIsFull) {
  const int fd = open("/dev/full", O_WRONLY);
  ASSERT_GE(fd, 0);
  FdSink sink(fd, "/dev/full");
  EXPECT_EQ(sink.Write("bytes").code(), absl::StatusCode::kResourceExhausted);
  close(fd);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
