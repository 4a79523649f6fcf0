// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/cxx11_abi.h"

#include <string>

namespace ferry {
inline namespace v1 {

bool CompiledWithCxx11Abi() {
#if defined(_GLIBCXX_USE_CXX11_ABI)
  return _GLIBCXX_USE_CXX11_ABI != 0;
#else
  return true;
#endif
}

}  // namespace v1
}  // namespace ferry
