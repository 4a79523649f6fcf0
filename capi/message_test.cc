// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/capi/message.h"

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

TEST(MessageForCTest, NamesWhatFerryHHas) {
  EXPECT_EQ(MessageForC("model.pt cannot be mapped, because it was not opened "
                        "by path; leave LoadOptions::mapping at its default"),
            "model.pt cannot be mapped, because it was not opened by path; "
            "leave out FERRY_LOAD_MAP");
  EXPECT_EQ(MessageForC("set either LoadOptions::mapping or "
                        "LoadOptions::dtype"),
            "set either FERRY_LOAD_MAP or ferry_load_options.dtype");
  EXPECT_EQ(MessageForC("the tensor is on cuda:0; call To(tensor, "
                        "Device(\"cpu\")) first (devices/to_device.h)"),
            "the tensor is on cuda:0; call ferry_tensor_to with the device "
            "\"cpu\" first");
}

TEST(MessageForCTest, LeavesOutWhatCDoesNotHave) {
  EXPECT_EQ(MessageForC("the registered codecs are \"pickle\" (data.pkl). To "
                        "add one, call CodecRegistry::Register"),
            "the registered codecs are \"pickle\" (data.pkl)");
}

TEST(MessageForCTest, IsUtf8WithoutNullBytes) {
  EXPECT_EQ(MessageForC("caf\xC3\xA9: \"a\\n\"\n"), "caf\xC3\xA9: \"a\\n\"\n");
  EXPECT_EQ(MessageForC("caf\xE9: \xC3\xA9\n"), "caf\\xe9: \\xc3\\xa9\n");
  EXPECT_EQ(MessageForC("\xED\xA0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(MessageForC(absl::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(MessageForC(""), "");
}

}  // namespace
}  // namespace capi
}  // namespace v1
}  // namespace ferry
