// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/detection/file_suffix.h"

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(FileSuffixTest, EachNameHasOneFormat) {
  for (const char* path : {"a.pt", "/x/model.PTH", "pytorch_model.bin",
                           "last.ckpt", "a.pkl", "best.pth.tar"}) {
    EXPECT_TRUE(HasPyTorchSuffix(path)) << path;
    EXPECT_FALSE(HasSafetensorsSuffix(path)) << path;
    EXPECT_EQ(ForeignFormatOfSuffix(path), "") << path;
  }
  for (const char* path : {"a.safetensors", "A.SafeTensors"}) {
    EXPECT_TRUE(HasSafetensorsSuffix(path)) << path;
    EXPECT_FALSE(HasPyTorchSuffix(path)) << path;
    EXPECT_EQ(ForeignFormatOfSuffix(path), "") << path;
  }
  EXPECT_EQ(ForeignFormatOfSuffix("model.onnx"), "ONNX");
  EXPECT_EQ(ForeignFormatOfSuffix("model.PT2"), "torch.export");
  EXPECT_FALSE(HasPyTorchSuffix("model.pt2"));
  for (const char* path : {"", "a", "a.tmp", "pt", "a.pt.old", "onnx"}) {
    EXPECT_FALSE(HasPyTorchSuffix(path)) << path;
    EXPECT_FALSE(HasSafetensorsSuffix(path)) << path;
    EXPECT_EQ(ForeignFormatOfSuffix(path), "") << path;
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
