// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Containers of before PyTorch 1.6, opened and saved: see tests/data/old.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/atomic_file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/testing/counted_bytes.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

LoadOptions OnHost() {
  LoadOptions options;
  options.placement = Placement::kHost;
  return options;
}

Tensor TensorAt(const Checkpoint& checkpoint, absl::string_view pointer) {
  const absl::StatusOr<Value> value = checkpoint.root().At(pointer);
  EXPECT_THAT(value, IsOk());
  const absl::StatusOr<Tensor> tensor = value->AsTensor();
  EXPECT_THAT(tensor, IsOk());
  return *tensor;
}

float* Floats(const Tensor& tensor) {
  return static_cast<float*>(tensor.storage().data()) + tensor.storage_offset();
}

std::string SaveAs(const Value& value, Container container, int protocol) {
  SaveOptions options;
  options.container = container;
  options.pickle_protocol = protocol;
  return *SaveToString(value, options);
}

absl::Status OpenStatus(const std::string& bytes) {
  return Checkpoint::OpenMemory(bytes, OnHost()).status();
}

TEST(OldContainersTest, PartsOfAStorageShareItsMemory) {
  const std::string bytes = ReadFile("tests/data/old/views.pt");
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, OnHost());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().container, Container::kLegacy);
  EXPECT_EQ(checkpoint->storages().size(), 4u);
  const Tensor part = TensorAt(*checkpoint, "/1");
  EXPECT_EQ(part.storage().size_bytes(), 20u);
  // The whole comes with its part.
  ASSERT_THAT(checkpoint->Load({part.storage()}), IsOk());
  const Tensor whole = TensorAt(*checkpoint, "/2");
  ASSERT_TRUE(whole.storage().has_data());
  EXPECT_FALSE(TensorAt(*checkpoint, "/0").storage().has_data());
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  EXPECT_EQ(Floats(part), Floats(whole) + 2);
  EXPECT_EQ(*Floats(part), 2.0f);
  *Floats(part) = 9;
  EXPECT_EQ(Floats(whole)[2], 9.0f);
  EXPECT_EQ(Floats(TensorAt(*checkpoint, "/0"))[1], 1.0f);
  EXPECT_EQ(TensorAt(*checkpoint, "/3").storage().recorded_location(),
            "cuda:0");

  std::vector<float> copy(5);
  ASSERT_THAT(checkpoint->ReadInto(
                  {{part.storage(),
                    absl::MakeSpan(reinterpret_cast<char*>(copy.data()), 20)}}),
              IsOk());
  EXPECT_THAT(copy, ElementsAre(1, 2, 3, 4, 5));
}

TEST(OldContainersTest, StreamsOneAfterAnother) {
  const std::string first = ReadFile("tests/data/old/views.pt");
  const std::string second = ReadFile("tests/data/old/module.p2.pt");
  const std::string bytes = absl::StrCat(first, second, "N.");
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, OnHost());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->end_offset_bytes(), first.size());
  const absl::StatusOr<Checkpoint> next = Checkpoint::OpenMemory(
      absl::string_view(bytes).substr(first.size()), OnHost());
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(next->end_offset_bytes(), second.size());
  EXPECT_THAT(next->root().At("/net"), IsOk());
}

TEST(OldContainersTest, SourcesOfClassesAreKeptForStreams) {
  for (int protocol : {2, 4}) {
    const std::string bytes =
        ReadFile(absl::StrCat("tests/data/old/module.p", protocol, ".pt"));
    absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(bytes, OnHost());
    ASSERT_THAT(checkpoint, IsOk());
    ASSERT_THAT(checkpoint->LoadAll(), IsOk());
    EXPECT_EQ(SaveAs(checkpoint->root(), Container::kLegacy, protocol), bytes);
    const std::string zip =
        SaveAs(checkpoint->root(), Container::kZip, protocol);
    EXPECT_THAT(zip, AllOf(HasSubstr("Halves"), Not(HasSubstr("halves.py"))));
    // Also in a graph of a program's own.
    Value list = Value::List();
    ASSERT_THAT(list.Append(checkpoint->root()), IsOk());
    EXPECT_THAT(SaveAs(list, Container::kLegacy, protocol),
                HasSubstr("halves.py"));
  }
}

TEST(OldContainersTest, IdsThatAreText) {
  const std::string bytes = ReadFile("tests/data/old/module.p0.pt");
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, OnHost());
  ASSERT_THAT(checkpoint, IsOk());
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  EXPECT_EQ(static_cast<const int64_t*>(
                TensorAt(*checkpoint, "/x").storage().data())[2],
            2);
  EXPECT_THAT(SaveAs(checkpoint->root(), Container::kLegacy, 2),
              HasSubstr("halves.py"));
}

TEST(OldContainersTest, Tar) {
  const std::string bytes = ReadFile("tests/data/old/tensors.tar");
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, OnHost());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().container, Container::kTar);
  EXPECT_EQ(checkpoint->end_offset_bytes(), bytes.size());
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  const Tensor whole = TensorAt(*checkpoint, "/a");
  EXPECT_THAT(whole.shape(), ElementsAre(2, 3));
  const Tensor part = TensorAt(*checkpoint, "/part");
  EXPECT_EQ(Floats(part), Floats(whole) + 3);
  EXPECT_EQ(TensorAt(*checkpoint, "/again/1").storage(), whole.storage());
  EXPECT_THAT(TensorAt(*checkpoint, "/empty").shape(), ElementsAre(0));
  EXPECT_EQ(checkpoint->root().At("/a")->node(),
            checkpoint->root().At("/again/0")->node());
}

TEST(OldContainersTest, StoragesInABarePickle) {
  const std::string bytes = ReadFile("tests/data/old/tensors.pickle");
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, OnHost());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().container, Container::kBare);
  EXPECT_EQ(checkpoint->end_offset_bytes(), bytes.size());
  const Tensor tensor = TensorAt(*checkpoint, "/1");
  std::vector<float> copy(4);
  ASSERT_THAT(checkpoint->ReadInto(
                  {{tensor.storage(),
                    absl::MakeSpan(reinterpret_cast<char*>(copy.data()), 16)}}),
              IsOk());
  EXPECT_THAT(copy, ElementsAre(0, 1, 2, 3));
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  EXPECT_EQ(*Floats(tensor), 1.0f);
  EXPECT_NE(TensorAt(*checkpoint, "/0").storage(), tensor.storage());
}

TEST(OldContainersTest, NoRecordHasAChecksum) {
  const struct {
    const char* file;
    std::vector<std::string> records;
  } kCases[] = {
      {"views.pt",
       {"magic_number", "protocol_version", "sys_info", "objects",
        "storage_keys", "data/71", "data/8"}},
      {"tensors.tar", {"sys_info", "pickle", "tensors", "storages"}},
      {"tensors.pickle", {"pickle"}},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<Checkpoint::FileVerdict> verdict =
        Checkpoint::VerifyFile(absl::StrCat("tests/data/old/", c.file),
                               OnHost());
    ASSERT_THAT(verdict, IsOk());
    EXPECT_THAT(verdict->opens, IsOk());
    std::vector<std::string> names;
    for (const RecordVerdict& record : verdict->records) {
      names.push_back(record.record);
      EXPECT_EQ(record.outcome, RecordVerdict::kNotRecorded);
      EXPECT_GT(record.size_bytes, 0u);
    }
    EXPECT_EQ(names, c.records);
  }
}

TEST(OldContainersTest, OpeningReadsNoStorage) {
  // 64 MiB of floats, of which only the file's last block is a storage's.
  Value list = Value::List();
  const std::vector<float> ones(uint64_t{1} << 24, 1.0f);
  ASSERT_THAT(list.Append(Value(
                  *Tensor::FromData(absl::MakeConstSpan(ones), {1 << 24}))),
              IsOk());
  auto file =
      std::make_unique<CountedBytes>(SaveAs(list, Container::kLegacy, 2));
  const CountedBytes& counted = *file;
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::Open(std::move(file), OnHost());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_LE(counted.bytes_read(), 300000u);
}

TEST(OldContainersTest, LargeStoragesToAFileAndToASink) {
  Value dict = Value::Dict();
  for (int i = 0; i < 12; ++i) {
    const std::vector<int64_t> numbers(i % 4 == 0 ? 2000000 : 5, i);
    ASSERT_THAT(dict.Set(absl::StrCat("t", i),
                         Value(*Tensor::FromData(
                             absl::MakeConstSpan(numbers),
                             {static_cast<int64_t>(numbers.size())}))),
                IsOk());
  }
  SaveOptions options;
  options.container = Container::kLegacy;
  options.durability = Durability::kNone;
  uint64_t last_done = 0;
  uint64_t last_total = 0;
  options.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, last_done);
    last_done = done;
    last_total = total;
  };
  const std::string path = absl::StrCat(testing::TempDir(), "/large.pt");
  ASSERT_THAT(Save(dict, path, options), IsOk());
  EXPECT_EQ(last_done, last_total);
  const std::string in_order = SaveAs(dict, Container::kLegacy, 2);
  EXPECT_EQ(last_total, in_order.size());
  EXPECT_TRUE(ReadFile(path) == in_order);

  options.progress = nullptr;
  options.is_cancelled = [] { return true; };
  EXPECT_EQ(Save(dict, path, options).code(), absl::StatusCode::kCancelled);
}

// PyTorch makes the objects of a stream before it has read any element.
TEST(OldContainersTest, WhatLooksAtElementsIsNotWrittenToAStream) {
  const std::string pickle =
      "\x80\x02"
      "ctorch._utils\n_rebuild_nested_tensor\nN\x85R.";
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(pickle, OnHost());
  ASSERT_THAT(checkpoint, IsOk());
  SaveOptions options;
  EXPECT_THAT(SaveToString(checkpoint->root(), options), IsOk());
  options.container = Container::kLegacy;
  const absl::Status status =
      SaveToString(checkpoint->root(), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("zip archive"));
}

// The first archives: keys are pointers, the version stands anywhere, and there
// is nothing beside. What C++ wrote has the storages first.
TEST(OldContainersTest, ArchivesOfTheFirstVersions) {
  const char* key = "94024718528432";
  const std::string pickle = SmallPickleWith(
      absl::string_view("X\x01\0\0\0"
                        "0q\x05",
                        8),
      absl::StrCat(absl::string_view("X\x0E\0\0\0", 5), key, "q\x05"));
  std::vector<std::pair<std::string, std::string>> records = {
      {"archive/data.pkl", pickle},
      {absl::StrCat("archive/data/", key), SmallStorage()},
      {"archive/version", "1\n"}};
  std::sort(records.begin(), records.end());
  do {
    for (const char* version : {"1\n", "2\n", "3\n"}) {
      ZipBuilder zip;
      for (const auto& [name, contents] : records) {
        zip.Add(name, name == "archive/version" ? version : contents);
      }
      const std::string bytes = zip.Build();
      absl::StatusOr<Checkpoint> checkpoint =
          Checkpoint::OpenMemory(bytes, OnHost());
      ASSERT_THAT(checkpoint, IsOk());
      const absl::Status placed = checkpoint->LoadAll();
      ASSERT_THAT(placed, IsOk());
      const Tensor tensor = TensorAt(*checkpoint, "/w");
      EXPECT_THAT(absl::MakeConstSpan(Floats(tensor), 4),
                  ElementsAre(0, 1, 2, 3));
    }
  } while (std::next_permutation(records.begin(), records.end()));
}

TEST(OldContainersTest, TarIsNotWritten) {
  SaveOptions options;
  options.container = Container::kTar;
  const absl::Status status = SaveToString(Value::List(), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("tar"));
}

// --- What a stream must not say ----------------------------------------------

// A stream that is sound but for one part.
struct Stream {
  std::string version = "\x80\x02M\xe9\x03.";
  std::string sys_info = "\x80\x02}.";
  std::string type = "FloatStorage";
  std::string view = "N";
  std::string keys =
      "\x80\x02]U\x01\x31"
      "a.";
  std::string storages = std::string("\x02\0\0\0\0\0\0\0", 8) + "aaaabbbb";

  std::string bytes() const {
    return absl::StrCat(
        "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50"
        "\x19.",
        version, sys_info, "\x80\x02(U\x07storagectorch\n", type,
        "\nU\x01\x31U\x03"
        "cpuK\x02",
        view, "tQ.", keys, storages);
  }
};

void ExpectRefused(const Stream& stream, absl::StatusCode code,
                   const char* says) {
  const absl::Status status = OpenStatus(stream.bytes());
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("<memory>"), HasSubstr(says)));
}

TEST(OldContainersTest, StreamsThatContradictThemselves) {
  constexpr absl::StatusCode kDamage = absl::StatusCode::kDataLoss;
  ASSERT_THAT(OpenStatus(Stream().bytes()), IsOk());
  Stream s;
  s.version = "\x80\x02M\xea\x03.";
  ExpectRefused(s, absl::StatusCode::kUnimplemented, "version 1001");
  s = Stream();
  s.keys = "\x80\x02].";
  ExpectRefused(s, kDamage, "\"1\" is not in the file");
  s = Stream();
  s.keys =
      "\x80\x02]U\x01\x32"
      "a.";
  ExpectRefused(s, kDamage, "do not refer to");
  s = Stream();
  s.keys =
      "\x80\x02]K\x01"
      "a.";
  ExpectRefused(s, kDamage, "not text");
  s = Stream();
  s.keys = "\x80\x02}.";
  ExpectRefused(s, kDamage, "not a list");
  s = Stream();
  s.storages[0] = 3;
  ExpectRefused(s, kDamage, "3 elements here and 2");
  s = Stream();
  s.storages.resize(15);
  ExpectRefused(s, kDamage, "cut short");
  s.storages.resize(7);
  ExpectRefused(s, kDamage, "cut short");
  // A part beyond the whole, and the same part twice in different places.
  s = Stream();
  s.view = "U\x01vK\x01K\x02\x87";
  ExpectRefused(s, kDamage, "reaches beyond");
  s.view = std::string("U\x01\x31K\0K\x01\x87", 8);
  ExpectRefused(s, kDamage, "a different part");
  s.view = "K\x01";
  ExpectRefused(s, kDamage, "the description of a part of a storage");
}

// Python goes on behind a frame, and not behind the STOP inside it.
TEST(OldContainersTest, FramesThatAreLongerThanTheirPickles) {
  Stream s;
  s.version = absl::StrCat("\x80\x04\x95", std::string("\x04\0\0\0\0\0\0\0", 8),
                           "M\xe9\x03.");
  EXPECT_THAT(OpenStatus(s.bytes()), IsOk());
  s.version[3] = 5;
  ExpectRefused(s, absl::StatusCode::kDataLoss,
                "STOP is not at the end of its frame");
}

TEST(OldContainersTest, OneLongKeyForManyStorages) {
  const std::string text = absl::StrCat("X", std::string("\0\0\x10\0", 4),
                                        std::string(1 << 20, 'k'));
  std::string keys = absl::StrCat("\x80\x02(", text, "q", std::string(1, '\0'));
  for (int i = 1; i < 300; ++i) keys.append("h\0", 2);
  const std::string bytes = absl::StrCat(
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50"
      "\x19.",
      Stream().version, Stream().sys_info,
      "\x80\x02(U\x07storagectorch\nFloatStorage\n", text, "U\x03",
      std::string("cpuK\0NtQ.", 9), keys, "l.", std::string(300 * 8, '\0'));
  LoadOptions options = OnHost();
  options.budget.max_memory_bytes = 200 << 20;
  const absl::Status status = Checkpoint::OpenMemory(bytes, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

// Old versions of PyTorch look for a tar archive first.
TEST(OldContainersTest, AZipArchiveThatIsATarArchive) {
  std::string bytes = ReadFile("tests/data/old/tensors.tar");
  bytes.replace(0, 4, "PK\x03\x04");
  bytes.replace(148, 8, "        ");
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(bytes[i]);
  char octal[8];
  std::snprintf(octal, sizeof(octal), "%06o", sum);
  bytes.replace(148, 7, octal, 7);
  const absl::Status status = OpenStatus(bytes);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("a zip archive and a tar archive at once"));
}

TEST(OldContainersTest, BigEndianMachines) {
  Stream s;
  s.sys_info = "\x80\x02}U\x0dlittle_endianI00\ns.";
  EXPECT_THAT(OpenStatus(s.bytes()), IsOk());
  s.type = "ComplexFloatStorage";
  s.storages += "aaaabbbb";
  ExpectRefused(s, absl::StatusCode::kUnimplemented, "mixes up");
}

TEST(OldContainersTest, NameWithoutStorages) {
  // The pickle of an archive alone.
  const std::string pickle =
      "\x80\x02(U\x07storagectorch\nFloatStorage\nU\x01\x31U\x03"
      "cpuK\x02tQ.";
  const absl::Status status = OpenStatus(pickle);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("part of a checkpoint"));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
