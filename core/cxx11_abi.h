// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/cxx11_abi.h
// -----------------------------------------------------------------------------
//
// Which of libstdc++'s two string layouts this library was compiled with. Code
// that passes std::string to it must have been compiled with the same.
#ifndef FERRY_CORE_CXX11_ABI_H_
#define FERRY_CORE_CXX11_ABI_H_

namespace ferry {

// True if compiled with _GLIBCXX_USE_CXX11_ABI=1, as is the default today; also
// where the standard library is not libstdc++ and has no such choice.
bool CompiledWithCxx11Abi();

}  // namespace ferry

#endif  // FERRY_CORE_CXX11_ABI_H_
