// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/global_name.h
// -----------------------------------------------------------------------------
//
// Which names of classes and functions a pickle can have. The reader and the
// writer share this rule: before protocol 4 the names stand in the pickle as
// two lines, so a name with a newline in it would write opcodes of its own.
//
// Example:
//
//   DescribeBadGlobal("collections", "OrderedDict");  // "": it can be written
//   DescribeBadGlobal("os", "x\nR");  // "its name has a newline in it"
#ifndef FERRY_SERIALIZATION_PICKLE_GLOBAL_NAME_H_
#define FERRY_SERIALIZATION_PICKLE_GLOBAL_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
namespace pickle {

// Returns why no pickle can refer to `module`.`name`, or an empty text if one
// can. Both parts must be Unicode text (see `IsUnicode`) of 1 to 4096 bytes
// without newlines and NULs. Whether Python has such a module is another
// matter.
//
// Thread-safe. Allocates only for a bad name.
std::string DescribeBadGlobal(absl::string_view module, absl::string_view name);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_GLOBAL_NAME_H_
