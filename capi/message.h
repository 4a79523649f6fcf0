// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/message.h
// -----------------------------------------------------------------------------
//
// The messages of errors as callers of ferry.h read them.
//
// Example:
//
//   MessageForC("call Checkpoint::Load first");
//   // "call ferry_checkpoint_load first"
#ifndef FERRY_CAPI_MESSAGE_H_
#define FERRY_CAPI_MESSAGE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace capi {

// Returns a message of the library in which functions, options and flags have
// the names that they have in ferry.h, and leaves out advice that only a
// program in C++ can follow. The result is UTF-8 and has no null byte: in a
// message that is not, because the caller's text is not, all bytes outside
// ASCII become "\xNN".
//
// A part of the message that comes from a file is not recognised, and is
// translated too.
std::string MessageForC(absl::string_view message);

}  // namespace capi
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CAPI_MESSAGE_H_
