// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/dlpack.h
// -----------------------------------------------------------------------------
//
// The structs and numbers of DLPack 1.1 that Ferry uses, declared from its
// specification (dmlc.github.io/dlpack). The names of structs and fields are
// those of DLPack's own header; programs include that instead of this one.
#ifndef FERRY_CAPI_DLPACK_H_
#define FERRY_CAPI_DLPACK_H_

#include <cstdint>

extern "C" {

struct DLPackVersion {
  uint32_t major;
  uint32_t minor;
};

struct DLDevice {
  int32_t device_type;  // DLPackDevice
  int32_t device_id;
};

struct DLDataType {
  uint8_t code;  // DLPackCode
  uint8_t bits;  // of one lane
  uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  // In elements. Before version 1.2 null means row-major.
  int64_t* strides;
  // From `data` to the first element.
  uint64_t byte_offset;
};

// The struct that libraries exchanged before version 1.0.
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);  // may be null
};

struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);  // may be null
  uint64_t flags;
  DLTensor dl_tensor;
};

}  // extern "C"

namespace ferry {
inline namespace v1 {
namespace capi {

// A struct of another major version has another layout. Minor versions only add
// numbers.
inline constexpr uint32_t kDLPackMajor = 1;
inline constexpr uint32_t kDLPackMinor = 1;

// Bits of DLManagedTensorVersioned::flags.
inline constexpr uint64_t kDLPackReadOnly = 1;
inline constexpr uint64_t kDLPackIsCopied = 2;

enum DLPackDevice : int32_t {
  kDLPackCpu = 1,
  kDLPackCuda = 2,
  kDLPackCudaHost = 3,
  kDLPackOpenCl = 4,
  kDLPackRocmHost = 11,
};

enum DLPackCode : uint8_t {
  kDLPackInt = 0,
  kDLPackUInt = 1,
  kDLPackFloat = 2,
  kDLPackBFloat = 4,
  kDLPackComplex = 5,
  kDLPackBool = 6,
  kDLPackFloat8E4M3FN = 10,
  kDLPackFloat8E4M3FNUZ = 11,
  kDLPackFloat8E5M2 = 12,
  kDLPackFloat8E5M2FNUZ = 13,
  kDLPackFloat8E8M0FNU = 14,
  kDLPackFloat4E2M1FN = 17,
};

}  // namespace capi
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CAPI_DLPACK_H_
