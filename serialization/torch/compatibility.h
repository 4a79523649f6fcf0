// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/compatibility.h
// -----------------------------------------------------------------------------
//
// The layouts of PyTorch's zip archives.
#ifndef FERRY_SERIALIZATION_TORCH_COMPATIBILITY_H_
#define FERRY_SERIALIZATION_TORCH_COMPATIBILITY_H_

namespace ferry {
inline namespace v1 {

// The PyTorch version whose archive layout to write: which records, in which
// order. Every version since 1.6 opens all of these layouts, provided that it
// supports the contents. Conj and neg bits need PyTorch 2.0. Dtypes without a
// storage class of their own, such as float8 and uint16, need the version that
// introduced them.
enum class Compatibility {
  // 1.6 to 2.0: the pickle, storages sorted as text (0, 1, 10, 2), version.
  kTorch1_6,
  // 2.1 to 2.6: with `byteorder` and a serialization id.
  kTorch2_1,
  // 2.7 and later: with `.format_version` and `.storage_alignment`, storages in
  // the order of first reference.
  kTorch2_7,
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_COMPATIBILITY_H_
