// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The limit of the pool, which no program reaches reliably.

#include "cuda_stream_pool.h"

#include <atomic>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "cuda_driver.h"
#include "gtest/gtest.h"

namespace ferry_cuda {
namespace {

// The streams that were made, and the result of making the next.
std::atomic<uintptr_t> made{0};
std::atomic<Result> next_result{kSuccess};
// How often making a stream failed.
std::atomic<int> refused{0};

Driver DriverThatCounts() {
  made.store(0);
  next_result.store(kSuccess);
  refused.store(0);
  Driver driver = {};
  driver.stream_create = [](Stream* stream, unsigned int flags) -> Result {
    EXPECT_EQ(flags, kStreamNonBlocking);
    if (next_result.load() != kSuccess) {
      refused.fetch_add(1);
      return next_result.load();
    }
    *stream = reinterpret_cast<Stream>(made.fetch_add(1) + 1);
    return kSuccess;
  };
  return driver;
}

TEST(StreamPoolTest, LendsEachStreamOnceAndMakesNoMoreThanItMay) {
  const Driver driver = DriverThatCounts();
  StreamPool pool;
  std::set<Stream> lent;
  for (int i = 0; i < StreamPool::kMaxStreams; ++i) {
    Stream stream = nullptr;
    ASSERT_EQ(pool.Borrow(driver, &stream), kSuccess);
    EXPECT_TRUE(lent.insert(stream).second);
  }
  // Those who come now wait, until each in turn gets a stream that came back.
  std::vector<std::thread> threads;
  std::atomic<int> served{0};
  for (int i = 0; i < 3 * StreamPool::kMaxStreams; ++i) {
    threads.emplace_back([&] {
      Stream stream = nullptr;
      EXPECT_EQ(pool.Borrow(driver, &stream), kSuccess);
      EXPECT_EQ(lent.count(stream), 1u);
      served.fetch_add(1);
      pool.Return(stream);
    });
  }
  EXPECT_EQ(served.load(), 0);
  for (Stream stream : lent) pool.Return(stream);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served.load(), 3 * StreamPool::kMaxStreams);
  EXPECT_EQ(made.load(), uintptr_t{StreamPool::kMaxStreams});
}

TEST(StreamPoolTest, AnErrorIsReportedAndTakesNoPlace) {
  const Driver driver = DriverThatCounts();
  StreamPool pool;
  Stream stream = nullptr;
  next_result.store(kOutOfMemory);
  for (int i = 0; i < 2 * StreamPool::kMaxStreams; ++i) {
    EXPECT_EQ(pool.Borrow(driver, &stream), kOutOfMemory);
  }
  next_result.store(kSuccess);
  EXPECT_EQ(pool.Borrow(driver, &stream), kSuccess);
  pool.Return(stream);
}

TEST(StreamPoolTest, AnErrorWaitsForAStreamThatIsLent) {
  const Driver driver = DriverThatCounts();
  StreamPool pool;
  Stream lent = nullptr;
  ASSERT_EQ(pool.Borrow(driver, &lent), kSuccess);
  next_result.store(kOutOfMemory);
  std::thread thread([&] {
    Stream stream = nullptr;
    EXPECT_EQ(pool.Borrow(driver, &stream), kSuccess);
    EXPECT_EQ(stream, lent);
  });
  while (refused.load() == 0) std::this_thread::yield();
  pool.Return(lent);
  thread.join();
  // No stream comes back to a device that is lost.
  next_result.store(kIllegalAddress);
  EXPECT_EQ(pool.Borrow(driver, &lent), kIllegalAddress);
}

TEST(StreamPoolTest, ClosingWakesThoseWhoWait) {
  const Driver driver = DriverThatCounts();
  StreamPool pool;
  Stream stream = nullptr;
  for (int i = 0; i < StreamPool::kMaxStreams; ++i) {
    ASSERT_EQ(pool.Borrow(driver, &stream), kSuccess);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Stream none = nullptr;
      EXPECT_EQ(pool.Borrow(driver, &none), kLaunchFailed);
    });
  }
  pool.Close(kLaunchFailed);
  pool.Close(kIllegalAddress);
  for (std::thread& thread : threads) thread.join();
  // A stream that comes back later is not lent again.
  pool.Return(stream);
  EXPECT_EQ(pool.Borrow(driver, &stream), kLaunchFailed);
}

TEST(StreamPoolTest, OneMoreStreamIsSharedWithoutWaiting) {
  const Driver driver = DriverThatCounts();
  StreamPool pool;
  Stream first = nullptr;
  Stream shared = nullptr;
  next_result.store(kOutOfMemory);
  EXPECT_EQ(pool.Share(driver, &shared), kOutOfMemory);
  next_result.store(kSuccess);
  ASSERT_EQ(pool.Borrow(driver, &first), kSuccess);
  // Without a stream of its own, the pool shares one that is lent.
  next_result.store(kOutOfMemory);
  EXPECT_EQ(pool.Share(driver, &shared), kSuccess);
  EXPECT_EQ(shared, first);
  next_result.store(kSuccess);
  Stream stream = nullptr;
  for (int i = 1; i < StreamPool::kMaxStreams; ++i) {
    ASSERT_EQ(pool.Borrow(driver, &stream), kSuccess);
  }
  EXPECT_EQ(pool.Share(driver, &shared), kSuccess);
  EXPECT_NE(shared, first);
  EXPECT_EQ(pool.Share(driver, &stream), kSuccess);
  EXPECT_EQ(stream, shared);
  EXPECT_EQ(made.load(), uintptr_t{StreamPool::kMaxStreams} + 1);
}

}  // namespace
}  // namespace ferry_cuda
