// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Ferry's declarations of the CUDA driver are those of the Toolkit's cuda.h.
// The comparison is made when this test is compiled. It is skipped where there
// is no cuda.h.

#if __has_include(<cuda.h>)
#include <cuda.h>
#define FERRY_HAS_CUDA_HEADER
#endif

#include <cstdint>
#include <cstdio>
#include <type_traits>

#include "cuda_driver.h"
#include "ferry/plugins/cuda/testing/fake_driver.h"
#include "gtest/gtest.h"

namespace ferry_cuda {
namespace {

#ifndef FERRY_HAS_CUDA_HEADER

TEST(CudaDriverDriftTest, Skipped) {
  GTEST_SKIP()
      << "there is no cuda.h; run tools/setup --cuda, or set CUDA_PATH";
}

#else

// A parameter or result of cuda.h, as Ferry declares it.
template <typename Theirs>
struct Ours {
  using Type = Theirs;
};
template <>
struct Ours<CUresult> {
  using Type = Result;
};

template <>
struct Ours<CUdevice_attribute> {
  using Type = DeviceAttribute;
};

template <typename Function>
struct Translated;
template <typename Return, typename... Parameters>
struct Translated<Return(Parameters...)> {
  using Type = typename Ours<Return>::Type(typename Ours<Parameters>::Type...);
};

#define FERRY_SAME_FUNCTION(member, name, parameters)                  \
  static_assert(                                                       \
      std::is_same<                                                    \
          Translated<decltype(::name)>::Type,                          \
          std::remove_pointer<decltype(Driver::member)>::type>::value, \
      #name " has other parameters in cuda.h");
FERRY_CUDA_FUNCTIONS(FERRY_SAME_FUNCTION)
#undef FERRY_SAME_FUNCTION

#define FERRY_SAME_RESULT(ours, theirs, value) \
  static_assert(ours == ::theirs, #theirs " has another value in cuda.h");
FERRY_CUDA_RESULTS(FERRY_SAME_RESULT)
#if CUDA_VERSION >= 13000
FERRY_CUDA_NEW_RESULTS(FERRY_SAME_RESULT)
#endif
#undef FERRY_SAME_RESULT

static_assert(sizeof(CUresult) == sizeof(Result), "");
static_assert(sizeof(CUuuid) == 16, "");
static_assert(kStreamNonBlocking == CU_STREAM_NON_BLOCKING, "");
static_assert(kEventBlockingSync == CU_EVENT_BLOCKING_SYNC, "");
static_assert(kEventDisableTiming == CU_EVENT_DISABLE_TIMING, "");
static_assert(sizeof(CUdevice_attribute) == sizeof(DeviceAttribute), "");
static_assert(kMemoryPoolsSupported ==
                  CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED,
              "");
static_assert(kHostAllocPortable == CU_MEMHOSTALLOC_PORTABLE, "");

// The names that cuda.h maps the plain ones to are those that Ferry looks up.
#define FERRY_TEXT(text) #text
#define FERRY_EXPANDED(name) FERRY_TEXT(name)

TEST(CudaDriverDriftTest, NamesAreThoseOfTheHeader) {
  EXPECT_STREQ(FERRY_EXPANDED(cuCtxPopCurrent), "cuCtxPopCurrent_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuCtxPushCurrent), "cuCtxPushCurrent_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuDeviceTotalMem), "cuDeviceTotalMem_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuEventCreate), "cuEventCreate");
  EXPECT_STREQ(FERRY_EXPANDED(cuEventDestroy), "cuEventDestroy_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuEventRecord), "cuEventRecord");
  EXPECT_STREQ(FERRY_EXPANDED(cuEventSynchronize), "cuEventSynchronize");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemAlloc), "cuMemAlloc_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemAllocAsync), "cuMemAllocAsync");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemFree), "cuMemFree_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemFreeAsync), "cuMemFreeAsync");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemFreeHost), "cuMemFreeHost");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemGetInfo), "cuMemGetInfo_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemHostAlloc), "cuMemHostAlloc");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemcpyDtoDAsync), "cuMemcpyDtoDAsync_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemcpyPeerAsync), "cuMemcpyPeerAsync");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemcpyDtoHAsync), "cuMemcpyDtoHAsync_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuMemcpyHtoDAsync), "cuMemcpyHtoDAsync_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuStreamCreate), "cuStreamCreate");
  EXPECT_STREQ(FERRY_EXPANDED(cuStreamDestroy), "cuStreamDestroy_v2");
  EXPECT_STREQ(FERRY_EXPANDED(cuStreamSynchronize), "cuStreamSynchronize");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(CU_STREAM_LEGACY),
            fake_driver::kStreamLegacy);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(CU_STREAM_PER_THREAD),
            fake_driver::kStreamPerThread);
}

// The Toolkit that the declarations are compared with, for the log.
TEST(CudaDriverDriftTest, HeaderIsOfASupportedVersion) {
  printf("CUDA_VERSION %d\n", CUDA_VERSION);
  EXPECT_GE(CUDA_VERSION, kLowestVersion);
}

#endif  // FERRY_HAS_CUDA_HEADER

}  // namespace
}  // namespace ferry_cuda
