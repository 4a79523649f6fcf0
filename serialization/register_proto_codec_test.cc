// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "absl/status/statusor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/value/value.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(RegisterProtoCodecTest, LinkingRegisters) {
  const CodecSnapshot codecs = CodecRegistry::Default().Snapshot();
  ASSERT_THAT(codecs.FindByName("proto"), IsOk());
  EXPECT_EQ(codecs.FindBySuffix("proto"), *codecs.FindByName("proto"));
}

TEST(RegisterProtoCodecTest, SavesAndLoadsWithoutAPickle) {
  SaveOptions options;
  options.codec = "proto";
  std::string bytes;
  StringSink sink(&bytes);
  ASSERT_THAT(Save(Value::List({Value(7)}), sink, options), IsOk());
  LoadOptions no_pickles;
  no_pickles.codec = "proto";
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, no_pickles);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().codec, "proto");
  EXPECT_THAT(checkpoint->ReadRecord("data.proto"), IsOk());
  EXPECT_FALSE(checkpoint->ReadRecord("data.pkl").ok());
  EXPECT_EQ(*checkpoint->root().At("/0")->AsInt(), 7);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
