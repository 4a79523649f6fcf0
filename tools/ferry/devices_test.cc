// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// `ferry devices` with plugins. What one test loads the next one finds, so they
// stand in one.

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
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

TEST(DevicesTest, PluginsAreLoadedAndExplained) {
  // A plugin that was named and is none is an error.
  // Whether this machine has a GPU does not matter.
  setenv("FERRY_CUDA_DRIVER", "/no/such/libcuda.so.1", 1);
  FerryResult result = RunFerryForTest({"devices", "--plugin=/no/such.so"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/no/such.so: disabled: "));
  EXPECT_EQ(result.out, "");
  // The explanation changes what is printed, not the exit code.
  result = RunFerryForTest({"devices", "--plugin=/no/such.so", "--explain"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/no/such.so: disabled: "));
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("cpu"), HasSubstr("/no/such.so: disabled: ")));
  result = RunFerryForTest(
      {"devices", "--plugin=/no/such.so", "--explain", "--format=json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(Json::parse(result.out)["plugins"].back()["loaded"], false);

  // One that the environment names is complained of.
  const std::string asynchronous =
      std::filesystem::absolute("plugins/testing/toy_async.so");
  setenv("FERRY_PLUGIN_PATH",
         absl::StrCat("/no/such.so:", asynchronous).c_str(), 1);
  result = RunFerryForTest(
      {"devices", "--plugin", kToy, "--explain", "--format=json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("/no/such.so: disabled: "));
  const Json all = Json::parse(result.out);
  const Json& plugins = all["plugins"];
  ASSERT_EQ(plugins.size(), 3u);
  EXPECT_EQ(plugins[0]["path"], kToy);
  EXPECT_EQ(plugins[0]["loaded"], true);
  EXPECT_EQ(plugins[0]["source"], "program");
  EXPECT_EQ(plugins[0]["types"], Json::array({"toy"}));
  EXPECT_EQ(plugins[1]["loaded"], false);
  EXPECT_EQ(plugins[1]["source"], "environment");
  EXPECT_THAT(plugins[2]["reason"].get<std::string>(),
              HasSubstr("org.ferry.toy is already loaded"));
  const Json& devices = all["devices"];
  ASSERT_EQ(devices.size(), 4u);
  EXPECT_EQ(devices[1]["type"], "cuda");
  EXPECT_EQ(devices[1]["priority"], 20);
  EXPECT_THAT(devices[1]["unavailable"].get<std::string>(),
              HasSubstr("/no/such/libcuda.so.1: cannot open"));
  EXPECT_EQ(devices[3]["type"], "toy");
  EXPECT_EQ(devices[3]["priority"], 100);
  EXPECT_EQ(devices[3]["devices"][1]["name"], "toy:1");

  unsetenv("FERRY_PLUGIN_PATH");
  result = RunFerryForTest({"devices"});
  EXPECT_THAT(result.out, AllOf(HasSubstr("toy:0       Toy accelerator, 1"),
                                Not(HasSubstr("Plugins"))));
  result = RunFerryForTest({"devices", "--explain"});
  EXPECT_THAT(result.out, HasSubstr("No plugin was named"));
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
