// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/global_name.h
// -----------------------------------------------------------------------------
//
// Validates names of classes and functions. The readers and writers of all
// codecs share this rule. Pickles before protocol 4 write a name as two lines,
// so a newline inside a name would turn the rest of it into opcodes.
//
// Example:
//
//   DescribeBadGlobal("collections", "OrderedDict");  // "": it can be written
//   DescribeBadGlobal("os", "x\nR");  // "its name contains a newline"
#ifndef FERRY_VALUE_GLOBAL_NAME_H_
#define FERRY_VALUE_GLOBAL_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns why no pickle can refer to `module`.`name`, or an empty text if one
// can. Both parts must be Unicode text (see `IsUnicode`) of 1 to 4096 bytes
// without newlines and NULs. Python need not have such a module.
//
// Thread-safe. Allocates only for a bad name.
std::string DescribeBadGlobal(absl::string_view module, absl::string_view name);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_GLOBAL_NAME_H_
