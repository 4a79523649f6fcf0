// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/python2_names.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

std::string From(absl::string_view module, absl::string_view name) {
  const GlobalName global = FromPython2({module, name});
  return absl::StrCat(global.module, " ", global.name);
}

std::string To(absl::string_view module, absl::string_view name) {
  const GlobalName global = ToPython2({module, name});
  return absl::StrCat(global.module, " ", global.name);
}

TEST(Python2NamesTest, MovedNames) {
  EXPECT_EQ(From("__builtin__", "xrange"), "builtins range");
  EXPECT_EQ(From("__builtin__", "unicode"), "builtins str");
  EXPECT_EQ(From("__builtin__", "long"), "builtins int");
  EXPECT_EQ(From("__builtin__", "set"), "builtins set");
  EXPECT_EQ(From("copy_reg", "_reconstructor"), "copyreg _reconstructor");
  EXPECT_EQ(From("exceptions", "ValueError"), "builtins ValueError");
  EXPECT_EQ(From("itertools", "izip"), "builtins zip");
  EXPECT_EQ(From("UserDict", "IterableUserDict"), "collections UserDict");
  EXPECT_EQ(From("Queue", "Queue"), "queue Queue");
}

TEST(Python2NamesTest, NamesToBeMovedBack) {
  EXPECT_EQ(To("builtins", "range"), "__builtin__ xrange");
  EXPECT_EQ(To("builtins", "int"), "__builtin__ long");
  EXPECT_EQ(To("builtins", "getattr"), "__builtin__ getattr");
  EXPECT_EQ(To("copyreg", "_reconstructor"), "copy_reg _reconstructor");
  EXPECT_EQ(To("builtins", "FileNotFoundError"), "exceptions OSError");
  EXPECT_EQ(To("builtins", "ModuleNotFoundError"), "exceptions ImportError");
  EXPECT_EQ(To("functools", "reduce"), "__builtin__ reduce");
}

TEST(Python2NamesTest, OthersStayAsTheyAre) {
  for (const auto& [module, name] :
       {GlobalName{"torch", "FloatStorage"},
        GlobalName{"collections", "OrderedDict"},
        GlobalName{"torch._utils", "_rebuild_tensor_v2"}, GlobalName{"", ""},
        GlobalName{"builtin", "range"}}) {
    EXPECT_EQ(From(module, name), absl::StrCat(module, " ", name));
    EXPECT_EQ(To(module, name), absl::StrCat(module, " ", name));
  }
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
