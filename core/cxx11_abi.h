// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/cxx11_abi.h
// -----------------------------------------------------------------------------
//
// Tells which of libstdc++'s two std::string layouts this library was compiled
// with. Code that passes std::string to it must be compiled with the same one.
#ifndef FERRY_CORE_CXX11_ABI_H_
#define FERRY_CORE_CXX11_ABI_H_

namespace ferry {
inline namespace v1 {

// Returns true if compiled with _GLIBCXX_USE_CXX11_ABI=1, which is the default,
// or with a standard library other than libstdc++, which has no such choice.
bool CompiledWithCxx11Abi();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_CXX11_ABI_H_
