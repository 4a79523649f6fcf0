// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A zip archive whose graph record is no pickle: the container does not care
// which codec it is.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/testing/line_codec.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/torch/pickle_codec.h"
#include "ferry/serialization/torch/zip_container.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using testing::HasSubstr;

absl::string_view BytesOf(const Storage& storage) {
  return {static_cast<const char*>(storage.data()), storage.size_bytes()};
}

// {"step": 7, "none": None, "tensors": [weight, its second row]}
Value Sample() {
  const std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  const Tensor weight = *Tensor::FromData(absl::MakeConstSpan(numbers), {2, 3});
  const Tensor row =
      *Tensor::Create(weight.storage(), DType::kFloat32, {3}, {1}, 3);
  Value dict = Value::Dict();
  EXPECT_THAT(dict.Set("step", Value(7)), IsOk());
  EXPECT_THAT(dict.Set("none", Value()), IsOk());
  EXPECT_THAT(dict.Set("tensors", Value::List({Value(weight), Value(row)})),
              IsOk());
  return dict;
}

CodecSnapshot Codecs(std::shared_ptr<const Codec> codec) {
  return CodecSnapshot(
      std::make_shared<CodecSnapshot::Codecs>(1, std::move(codec)));
}

std::string Archive(const Value& value, const Codec& codec) {
  StorageTable storages([](const Storage&) -> absl::StatusOr<std::string> {
    return std::string("cpu");
  });
  const absl::StatusOr<LargeString> graph =
      codec.Write(*value.graph(), value.node(), &storages);
  EXPECT_THAT(graph, IsOk());
  ZipBuilder zip;
  zip.Add(absl::StrCat("archive/data.", codec.suffix()),
          {graph->data(), graph->size()});
  zip.Add("archive/version", "3\n");
  for (size_t i = 0; i < storages.entries().size(); ++i) {
    zip.Add(absl::StrCat("archive/data/", i),
            BytesOf(storages.entries()[i].storage));
  }
  return zip.Build();
}

TEST(ZipCodec, TheGraphIsReadByTheCodecThatWroteIt) {
  const Value sample = Sample();
  const Storage stored = sample.At("/tensors/0")->AsTensor()->storage();
  const auto lines = std::make_shared<LineCodec>();
  const auto pickle = std::make_shared<PickleCodec>();
  for (const std::shared_ptr<const Codec>& codec :
       std::vector<std::shared_ptr<const Codec>>{lines, pickle}) {
    const std::string bytes = Archive(sample, *codec);
    const auto file = MakeMemoryFile(bytes, "some.pt");
    const absl::StatusOr<ParsedCheckpoint> parsed =
        ReadZipContainer(*file, ContainerOptions(), Codecs(codec));
    ASSERT_THAT(parsed, IsOk());
    const Value root(parsed->graph, parsed->root);
    EXPECT_EQ(*root.Get("step")->AsInt(), 7);
    EXPECT_TRUE(root.Get("none")->is_none());
    const Tensor weight = *root.At("/tensors/0")->AsTensor();
    const Tensor row = *root.At("/tensors/1")->AsTensor();
    EXPECT_EQ(weight.storage(), row.storage());
    EXPECT_EQ(row.storage_offset(), 3);
    ASSERT_EQ(parsed->storages.size(), 1);
    EXPECT_EQ(parsed->storages[0].storage, weight.storage());
    ASSERT_EQ(parsed->storages[0].extents.size(), 1);
    const absl::StatusOr<std::string> contents =
        ReadExtent(*file, parsed->storages[0].extents[0], /*verify=*/true);
    ASSERT_THAT(contents, IsOk());
    EXPECT_EQ(*contents, BytesOf(stored));
  }
}

TEST(ZipCodec, TheContainersOwnRulesHoldForEveryCodec) {
  const auto lines = std::make_shared<LineCodec>();
  // A storage without a record, and one of another size than its record.
  for (const auto& [graph, says] :
       {std::make_pair("0\ntensor 9 cpu float32 8 0 2 1\n", "\"data/9\""),
        std::make_pair("0\ntensor 0 cpu float32 8 0 2 1\n",
                       "12 bytes in the file")}) {
    ZipBuilder zip;
    zip.Add("archive/data.lines", graph);
    zip.Add("archive/version", "3\n");
    zip.Add("archive/data/0", "twelve bytes");
    const std::string damaged = zip.Build();
    const absl::Status status =
        ReadZipContainer(*MakeMemoryFile(damaged, "some.pt"),
                         ContainerOptions(), Codecs(lines))
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(says));
  }
}

}  // namespace
}  // namespace torch
}  // namespace v1
}  // namespace ferry
