// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The C interface under the sanitizers: handles freed in every order, memory
// that other libraries own, allocations that fail, and several threads.

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "ferry/capi/dlpack.h"
#include "ferry/core/testing/allocations.h"
#include "ferry/core/testing/files.h"
#include "ferry/ferry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

template <typename T>
T MakeStruct() {
  T made;
  std::memset(&made, 0, sizeof(made));
  made.struct_size = sizeof(made);
  return made;
}

constexpr int64_t kShape[] = {2, 3};

ferry_tensor* NewTensor() {
  ferry_tensor* tensor = nullptr;
  EXPECT_EQ(ferry_tensor_allocate("float32", 2, kShape, &tensor, nullptr),
            FERRY_OK);
  void* data = nullptr;
  EXPECT_EQ(ferry_tensor_data(tensor, &data, nullptr), FERRY_OK);
  std::memset(data, 0, 24);
  return tensor;
}

// Saves {"w": 2 x 3 zeros} to a path.
void SaveSmall(const std::string& path) {
  ferry_tensor* tensor = NewTensor();
  ferry_value* dict = nullptr;
  ferry_value* value = nullptr;
  ASSERT_EQ(ferry_value_new_dict(&dict, nullptr), FERRY_OK);
  ASSERT_EQ(ferry_value_new_tensor(tensor, &value, nullptr), FERRY_OK);
  ASSERT_EQ(ferry_value_set(dict, "w", value, nullptr), FERRY_OK);
  ASSERT_EQ(ferry_save(dict, path.c_str(), nullptr, nullptr), FERRY_OK);
  ferry_value_free(value);
  ferry_value_free(dict);
  ferry_tensor_free(tensor);
}

// Everything that a program does with a file, one step after the other, until
// one fails.
class Steps {
 public:
  explicit Steps(const std::string& path) : path_(path) {}
  ~Steps() {
    if (exported_ != nullptr) exported_->deleter(exported_);
    ferry_tensor_free(imported_);
    ferry_checkpoint_free(checkpoint_);
    ferry_value_free(root_);
    ferry_tensor_list_free(list_);
    ferry_value_free(value_);
    ferry_tensor_free(tensor_);
    ferry_value_free(tuple_);
    ferry_error_free(error_);
  }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  int32_t Run() {
    const auto options = MakeStruct<ferry_load_options>();
    int32_t code =
        ferry_checkpoint_open(path_.c_str(), &options, &checkpoint_, &error_);
    if (code == FERRY_OK) {
      code = ferry_checkpoint_root(checkpoint_, &root_, &error_);
    }
    if (code == FERRY_OK) {
      code = ferry_value_list_tensors(root_, nullptr, &list_, &error_);
    }
    if (code == FERRY_OK) {
      code = ferry_tensor_list_get(list_, 0, nullptr, &listed_, &error_);
    }
    if (code == FERRY_OK) {
      std::array<float, 6> elements;
      void* const memory = elements.data();
      const uint64_t size_bytes = sizeof(elements);
      code = ferry_checkpoint_read(checkpoint_, &listed_, &memory, &size_bytes,
                                   1, &error_);
    }
    if (code == FERRY_OK) {
      code = ferry_checkpoint_load(checkpoint_, &listed_, 1, &error_);
    }
    if (code == FERRY_OK) code = ferry_value_at(root_, "/w", &value_, &error_);
    if (code == FERRY_OK) {
      code = ferry_value_as_tensor(value_, &tensor_, &error_);
    }
    if (code == FERRY_OK) {
      code = ferry_value_new_tuple(&value_, 1, &tuple_, &error_);
    }
    if (code == FERRY_OK) {
      code = ferry_tensor_to_dlpack(tensor_, &exported_, &error_);
    }
    if (code == FERRY_OK) {
      code = ferry_tensor_from_dlpack(exported_, &imported_, &error_);
      // Ferry owns it now.
      if (code == FERRY_OK) exported_ = nullptr;
    }
    EXPECT_EQ(ferry_error_code(error_), code);
    return code;
  }

 private:
  const std::string path_;
  ferry_checkpoint* checkpoint_ = nullptr;
  ferry_value* root_ = nullptr;
  ferry_tensor_list* list_ = nullptr;
  const ferry_tensor* listed_ = nullptr;
  ferry_value* value_ = nullptr;
  ferry_tensor* tensor_ = nullptr;
  ferry_value* tuple_ = nullptr;
  DLManagedTensorVersioned* exported_ = nullptr;
  ferry_tensor* imported_ = nullptr;
  ferry_error* error_ = nullptr;
};

// The first test, because the first call of a process allocates nothing either.
TEST(LifetimeTest, DescribingATensorAllocatesNothing) {
  ferry_tensor* tensor = NewTensor();
  auto info = MakeStruct<ferry_tensor_info>();
  const uint64_t before = AllocatedBytes();
  const int32_t code = ferry_tensor_describe(tensor, &info, nullptr);
  const uint64_t after = AllocatedBytes();
  EXPECT_EQ(code, FERRY_OK);
  EXPECT_EQ(after, before);
  ferry_tensor_free(tensor);
}

TEST(LifetimeTest, EveryAllocationMayFail) {
  const std::string path = NewFolder() + "/small.pt";
  SaveSmall(path);
  uint64_t calls = 0;
  {
    Steps steps(path);
    const AllocationFailure counted(0, AllocationFailure::kOnce);
    ASSERT_EQ(steps.Run(), FERRY_OK);
    calls = counted.calls();
  }
  ASSERT_GT(calls, 50);
  for (const auto kind :
       {AllocationFailure::kOnce, AllocationFailure::kForever}) {
    for (uint64_t n = 1; n <= calls; ++n) {
      Steps steps(path);
      int32_t code = FERRY_OK;
      {
        const AllocationFailure failure(n, kind);
        code = steps.Run();
      }
      // A load may do with less memory.
      EXPECT_THAT(code, testing::AnyOf(FERRY_OK, FERRY_RESOURCE_EXHAUSTED))
          << n;
    }
  }
}

TEST(LifetimeTest, ThreadsReadOneCheckpoint) {
  const std::string path = NewFolder() + "/small.pt";
  SaveSmall(path);
  ferry_checkpoint* checkpoint = nullptr;
  ferry_value* root = nullptr;
  ASSERT_EQ(ferry_checkpoint_open(path.c_str(), nullptr, &checkpoint, nullptr),
            FERRY_OK);
  ASSERT_EQ(ferry_checkpoint_root(checkpoint, &root, nullptr), FERRY_OK);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ferry_value* value = nullptr;
      ferry_tensor* tensor = nullptr;
      ASSERT_EQ(ferry_value_at(root, "/w", &value, nullptr), FERRY_OK);
      ASSERT_EQ(ferry_value_as_tensor(value, &tensor, nullptr), FERRY_OK);
      std::array<float, 6> elements;
      void* const memory = elements.data();
      const uint64_t size_bytes = sizeof(elements);
      const ferry_tensor* const tensors[] = {tensor};
      ASSERT_EQ(ferry_checkpoint_read(checkpoint, tensors, &memory, &size_bytes,
                                      1, nullptr),
                FERRY_OK);
      EXPECT_THAT(elements, testing::Each(0));
      ferry_error* error = nullptr;
      EXPECT_EQ(ferry_value_at(root, "/x", &value, &error), FERRY_NOT_FOUND);
      ferry_error_free(error);
      ferry_value_free(value);
      ferry_tensor_free(tensor);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ferry_value_free(root);
  ferry_checkpoint_free(checkpoint);
}

TEST(LifetimeTest, FreeIgnoresHandlesThatItMustNotFree) {
  // Only the list frees its tensors.
  ferry_tensor* tensor = NewTensor();
  ferry_value* value = nullptr;
  ferry_tensor_list* list = nullptr;
  ASSERT_EQ(ferry_value_new_tensor(tensor, &value, nullptr), FERRY_OK);
  ASSERT_EQ(ferry_value_list_tensors(value, nullptr, &list, nullptr), FERRY_OK);
  const ferry_tensor* listed = nullptr;
  ASSERT_EQ(ferry_tensor_list_get(list, 0, nullptr, &listed, nullptr),
            FERRY_OK);
  ferry_tensor_free(const_cast<ferry_tensor*>(listed));
  void* data = nullptr;
  EXPECT_EQ(ferry_tensor_data(listed, &data, nullptr), FERRY_OK);
  // A handle of another type is not freed.
  ferry_value_free(reinterpret_cast<ferry_value*>(tensor));
  EXPECT_EQ(ferry_tensor_data(tensor, &data, nullptr), FERRY_OK);
  ferry_tensor_list_free(list);
  ferry_value_free(value);
  ferry_tensor_free(tensor);
}

TEST(LifetimeTest, AProgramRegistersADeviceOfItsOwn) {
  ASSERT_EQ(ferry_plugins_register(ferry_plugin_query_v0, 0, nullptr),
            FERRY_OK);
  ferry_tensor* tensor = NewTensor();
  ferry_tensor* there = nullptr;
  ferry_tensor* back = nullptr;
  ASSERT_EQ(ferry_tensor_to(tensor, "toy:1", &there, nullptr), FERRY_OK);
  auto info = MakeStruct<ferry_tensor_info>();
  ASSERT_EQ(ferry_tensor_describe(there, &info, nullptr), FERRY_OK);
  EXPECT_STREQ(info.device_type, "toy");
  EXPECT_EQ(info.device_index, 1);
  ASSERT_EQ(ferry_tensor_to(there, "cpu", &back, nullptr), FERRY_OK);
  ferry_tensor_free(there);
  void* data = nullptr;
  ASSERT_EQ(ferry_tensor_data(back, &data, nullptr), FERRY_OK);
  EXPECT_EQ(std::memcmp(data, std::array<char, 24>{}.data(), 24), 0);
  ferry_tensor_free(back);
  ferry_tensor_free(tensor);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
