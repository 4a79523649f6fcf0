// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/globals.h"

#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(GlobalsTest, AllowsWhatPyTorchAllows) {
  for (absl::string_view name :
       {"Size", "Tensor", "device", "float32", "bfloat16", "uint7",
        "float4_e2m1fn_x2", "FloatStorage", "QUInt4x2Storage", "BoolTensor",
        "per_channel_affine_float_qparams"}) {
    EXPECT_TRUE(IsGlobalAllowed("torch", name)) << name;
  }
  for (absl::string_view name :
       {"float", "float99", "ComplexFloatTensor", "QInt8Tensor", "load",
        "FloatStorageStorage", "Storage", "", "contiguous_format"}) {
    EXPECT_FALSE(IsGlobalAllowed("torch", name)) << name;
  }
  EXPECT_TRUE(IsGlobalAllowed("torch.cuda", "HalfStorage"));
  EXPECT_TRUE(IsGlobalAllowed("torch.cuda", "HalfTensor"));
  EXPECT_FALSE(IsGlobalAllowed("torch.cuda", "QInt8Storage"));
  EXPECT_TRUE(IsGlobalAllowed("torch.cuda.sparse", "IntTensor"));
  EXPECT_TRUE(IsGlobalAllowed("torch.sparse", "BFloat16Tensor"));
  EXPECT_FALSE(IsGlobalAllowed("torch.sparse", "BoolTensor"));
  EXPECT_TRUE(IsGlobalAllowed("torch._utils", "_rebuild_tensor_v2"));
  EXPECT_FALSE(IsGlobalAllowed("torch._utils", "_rebuild_sparse_csr_tensor"));
  EXPECT_TRUE(IsGlobalAllowed("torch.storage", "UntypedStorage"));
  EXPECT_TRUE(IsGlobalAllowed("collections", "OrderedDict"));
  EXPECT_FALSE(IsGlobalAllowed("collections", "defaultdict"));
  EXPECT_TRUE(IsGlobalAllowed("builtins", "set"));
  EXPECT_FALSE(IsGlobalAllowed("builtins", "bytes"));
  EXPECT_FALSE(IsGlobalAllowed("builtins", "eval"));
  // A name with a dot must not pass for another module's.
  EXPECT_FALSE(IsGlobalAllowed("posix", "system"));
}

class CheckGlobalsTest : public testing::Test {
 protected:
  CheckGlobalsTest() {
    graph_.AddGlobal("torch._utils", "_rebuild_tensor_v2");
    graph_.AddGlobal("shapes", "Circle");
    graph_.AddGlobal("shapes", "Square");
  }

  absl::Status Check() {
    return CheckGlobals(graph_, "model.pt", [&](absl::string_view full_name) {
      return allowed_.find(full_name) != allowed_.end();
    });
  }

  ObjectGraph graph_;
  std::set<std::string, std::less<>> allowed_;
};

TEST_F(CheckGlobalsTest, OneErrorListsAll) {
  const absl::Status status = Check();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("model.pt"),
                    HasSubstr("2 globals that are not allowed: shapes.Circle, "
                              "shapes.Square;"),
                    Not(HasSubstr("posix"))));
}

TEST_F(CheckGlobalsTest, TheProgramAllowsMore) {
  allowed_ = {"shapes.Square"};
  EXPECT_THAT(std::string(Check().message()),
              AllOf(HasSubstr("1 global that is"), HasSubstr("shapes.Circle"),
                    Not(HasSubstr("Square"))));
  allowed_.insert("shapes.Circle");
  EXPECT_THAT(Check(), IsOk());
}

TEST_F(CheckGlobalsTest, NobodyAllowsTheOperatingSystem) {
  allowed_ = {"shapes.Square", "shapes.Circle", "posix.system"};
  graph_.AddGlobal("posix", "system");
  const absl::Status status = Check();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(": posix.system;"), HasSubstr("nothing of os")));
}

TEST_F(CheckGlobalsTest, NobodyAllowsACheckpointInACheckpoint) {
  allowed_ = {"shapes.Square", "shapes.Circle",
              "torch.storage._load_from_bytes"};
  EXPECT_THAT(Check(), IsOk());
  graph_.AddGlobal("torch.storage", "_load_from_bytes");
  EXPECT_EQ(Check().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(CheckGlobalsTest, NamesCannotForgeTheMessage) {
  graph_.AddGlobal("a\nb", "\x1b[2J");
  EXPECT_THAT(std::string(Check().message()), HasSubstr("a\\nb.\\x1b[2J"));
}

}  // namespace
}  // namespace torch
}  // namespace v1
}  // namespace ferry
