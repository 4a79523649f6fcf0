// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/global_grade.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

TEST(GlobalGradeTest, Grades) {
  const struct {
    const char* module;
    const char* name;
    GlobalGrade grade;
  } rows[] = {
      {"torch._utils", "_rebuild_tensor_v2", GlobalGrade::kAllowed},
      {"collections", "OrderedDict", GlobalGrade::kAllowed},
      {"posix", "system", GlobalGrade::kDangerous},
      {"os.path", "join", GlobalGrade::kDangerous},
      {"builtins", "eval", GlobalGrade::kDangerous},
      {"builtins", "getattr", GlobalGrade::kDangerous},
      {"builtins", "object", GlobalGrade::kUnknown},
      {"torch.storage", "_load_from_bytes", GlobalGrade::kDangerous},
      {"torch", "load", GlobalGrade::kDangerous},
      {"numpy.testing", "measure", GlobalGrade::kDangerous},
      {"numpy.distutils.exec_command", "exec_command", GlobalGrade::kDangerous},
      {"torch.fx.graph_module", "_exec_with_source", GlobalGrade::kDangerous},
      {"torch.serialization", "_open_file_like", GlobalGrade::kDangerous},
      {"dataclasses", "_create_fn", GlobalGrade::kDangerous},
      {"pathlib", "PosixPath.unlink", GlobalGrade::kDangerous},
      {"pathlib", "PosixPath", GlobalGrade::kUnknown},
      // Under other names.
      {"numpy.core.multiarray", "fromfile", GlobalGrade::kDangerous},
      {"numpy._core._multiarray_umath", "fromfile", GlobalGrade::kDangerous},
      {"numpy", "ndarray.tofile", GlobalGrade::kDangerous},
      {"torch.storage", "UntypedStorage.from_file", GlobalGrade::kDangerous},
      {"torch.optim.lbfgs", "reduce", GlobalGrade::kDangerous},
      {"numpy.random._pickle", "__generator_ctor", GlobalGrade::kUnknown},
      {"torch.nn.modules.linear", "Linear", GlobalGrade::kUnknown},
      // Modules and functions that are reached by way of others.
      {"torch.serialization", "os.system", GlobalGrade::kDangerous},
      {"my_package", "torch.load", GlobalGrade::kDangerous},
      {"torch", "serialization.os.system", GlobalGrade::kDangerous},
      {"collections", "OrderedDict.fromkeys.__self__", GlobalGrade::kDangerous},
      {"a", "B.__init__.__globals__", GlobalGrade::kDangerous},
      // Names that only begin or end like those of the table.
      {"posixpath", "join", GlobalGrade::kUnknown},
      {"my.code", "Config", GlobalGrade::kUnknown},
      {"my", "code", GlobalGrade::kUnknown},
      {"my", "Signals.signal", GlobalGrade::kUnknown},
      {"my", "system", GlobalGrade::kUnknown},
      {"my", "load", GlobalGrade::kUnknown},
      // A module that is reached by way of another one, and not looked into.
      {"torch.serialization", "os", GlobalGrade::kUnknown},
      {"oslo", "system", GlobalGrade::kUnknown},
      {"my_package", "Config", GlobalGrade::kUnknown},
      {"", "", GlobalGrade::kUnknown},
  };
  for (const auto& row : rows) {
    const GradedGlobal graded = GradeGlobal(row.module, row.name);
    EXPECT_EQ(graded.grade, row.grade) << row.module << "." << row.name;
    EXPECT_EQ(graded.reason.empty(), row.grade != GlobalGrade::kDangerous);
  }
}

TEST(GlobalGradeTest, KnowsWhichModulesCanBeAllowedAsAWhole) {
  for (const char* const module : {"my_package", "torch.nn", "torch.optim",
                                   "numpy.random", "__torch__", "a.b", "num"}) {
    EXPECT_TRUE(CanAllowAll(module)) << module;
  }
  for (const char* const module :
       {"numpy", "torch", "torch.utils", "numpy.core", "numpy._core", "pandas",
        "sympy", "dataclasses", "collections.abc", "colorsys", "_csv"}) {
    EXPECT_FALSE(CanAllowAll(module)) << module;
  }
}

TEST(GlobalGradeTest, ManyParts) {
  std::string name;
  for (int i = 0; i < 100'000; ++i) name += "a.";
  EXPECT_EQ(GradeGlobal("m", name).grade, GlobalGrade::kUnknown);
  EXPECT_TRUE(NeedsFullName(name));
}

}  // namespace
}  // namespace scan
}  // namespace v1
}  // namespace ferry
