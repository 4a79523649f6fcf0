// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/object_pool.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "ferry/core/huge_pages.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// Counts how many there are.
struct Counted {
  explicit Counted(std::atomic<int>* living) : count(living) { ++*count; }
  ~Counted() { --*count; }
  std::atomic<int>* count;
  char padding[120] = {};
};

constexpr int kObjects = 50000;  // several slabs

std::vector<std::shared_ptr<Counted>> Make(ObjectPool* pool, int count,
                                           std::atomic<int>* living) {
  std::vector<std::shared_ptr<Counted>> objects;
  for (int i = 0; i < count; ++i) {
    objects.push_back(pool->MakeShared<Counted>(living));
    objects.back()->padding[0] = static_cast<char>(i);
  }
  return objects;
}

TEST(ObjectPoolTest, ObjectsOutliveThePool) {
  std::atomic<int> living{0};
  std::optional<ObjectPool> pool(std::in_place);
  pool->Expect(uint64_t{kObjects} * 160);
  std::vector<std::shared_ptr<Counted>> objects =
      Make(&*pool, kObjects, &living);
  pool.reset();
  EXPECT_EQ(living, kObjects);
  for (int i = 0; i < kObjects; ++i) {
    ASSERT_EQ(objects[i]->padding[0], static_cast<char>(i));
  }
  // In another order than they were made in.
  for (int i = 0; i < kObjects; i += 2) objects[i].reset();
  EXPECT_EQ(living, kObjects / 2);
  EXPECT_EQ(objects[1]->padding[0], 1);
  objects.clear();
  EXPECT_EQ(living, 0);
}

TEST(ObjectPoolTest, ObjectsStandInSlabs) {
  std::atomic<int> living{0};
  ObjectPool pool;
  pool.Expect(uint64_t{2} << 20);
  const auto objects = Make(&pool, 2, &living);
  EXPECT_LT(reinterpret_cast<uintptr_t>(objects[1].get()) -
                reinterpret_cast<uintptr_t>(objects[0].get()),
            sizeof(Counted) + 64);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(objects[0].get()) / HugePageBytes(),
            reinterpret_cast<uintptr_t>(objects[1].get()) / HugePageBytes());
}

TEST(ObjectPoolTest, MakesMoreThanWasExpected) {
  std::atomic<int> living{0};
  ObjectPool none;
  ObjectPool some;
  some.Expect(uint64_t{1} << 20);
  {
    const auto few = Make(&none, 100, &living);
    const auto many = Make(&some, kObjects, &living);
    EXPECT_EQ(living, kObjects + 100);
  }
  EXPECT_EQ(living, 0);
  // All that the slabs held has gone before the pool closes them.
  const auto again = Make(&some, 1, &living);
  EXPECT_EQ(living, 1);
}

TEST(ObjectPoolTest, ManyThreadsFree) {
  std::atomic<int> living{0};
  std::vector<std::shared_ptr<Counted>> objects;
  {
    ObjectPool pool;
    pool.Expect(uint64_t{kObjects} * 160);
    objects = Make(&pool, kObjects, &living);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&objects, t] {
      for (int i = t; i < kObjects; i += 4) objects[i].reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(living, 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
