// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// `ferry convert --plugin`. In a process of its own: a plugin stays loaded.

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ferry/core/tensor.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToy[] = "plugins/testing/toy.so";
constexpr char kTakesCuda[] = "plugins/check/b_08_takes_cuda.so";

// First, because a plugin of the same name is loaded below.
TEST(ConvertPluginTest, ReservedTypesNeedTheFlag) {
  const std::string in = SaveTestFile("reserved.pt", Value(1));
  const std::string out = TestPath("reserved_out.pt");
  FerryResult result = RunFerryForTest(
      {"convert", "--plugin", kTakesCuda, "--map-location=cuda:0", in, out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("the reserved device type \"cuda\" only with "
                              "--allow-reserved-types"),
                    Not(HasSubstr("PluginOptions"))));
  // With the flag it is the device type of Ferry's own that stands in its way.
  result = RunFerryForTest({"convert", "--plugin", kTakesCuda,
                            "--allow-reserved-types", "--map-location=cuda:0",
                            in, out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("\"cuda\" is already registered"));
  result = RunFerryForTest({"convert", "--allow-reserved-types", in, out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--allow-reserved-types does nothing "
                                    "without --plugin"));
}

TEST(ConvertPluginTest, DevicesOfAPluginMayBeNamed) {
  const std::vector<float> elements = {1, 2, 3};
  const std::string in =
      SaveTestFile("in.pt", Value(*Tensor::FromData<float>(elements, {3})));
  const std::string out = TestPath("out.pt");
  // The environment loads no plugin here.
  setenv("FERRY_PLUGIN_PATH", std::filesystem::absolute(kToy).c_str(), 1);
  FerryResult result =
      RunFerryForTest({"convert", "--map-location=toy:1", in, out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("toy:1"));
  result = RunFerryForTest({"convert", "--plugin", kToy, in, out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("does nothing without --map-location"));
  result = RunFerryForTest(
      {"convert", "--plugin=/no/such.so", "--map-location=toy:1", in, out});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/no/such.so: disabled: "));
  EXPECT_FALSE(std::filesystem::exists(out));

  result = RunFerryForTest(
      {"convert", "--plugin", kToy, "--map-location=toy:1", in, out});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  result = RunFerryForTest({"inspect", out});
  EXPECT_THAT(result.out, HasSubstr("toy:1"));
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
