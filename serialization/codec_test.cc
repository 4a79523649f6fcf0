// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The rules around codecs: what reads a file is what wrote it.

#include "ferry/serialization/container/codec.h"

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/detection/not_a_checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/line_codec.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A codec of any name. What it reads is always a list of one global, whose
// module and name are the record's two words.
class GlobalCodec : public Codec {
 public:
  explicit GlobalCodec(std::string name, std::string suffix = "global")
      : name_(std::move(name)), suffix_(std::move(suffix)) {}

  absl::string_view name() const override { return name_; }
  absl::string_view suffix() const override { return suffix_; }
  absl::StatusOr<GraphRead> Read(absl::string_view bytes, Budget*,
                                 StorageTable*,
                                 ObjectGraph* graph) const override {
    const std::vector<std::string> words = absl::StrSplit(bytes, ' ');
    const NodeId global = graph->AddGlobal(words[0], words[1]);
    return GraphRead{graph->AddList({&global, 1}), 1, bytes.size()};
  }
  absl::StatusOr<LargeString> Write(const ObjectGraph&, NodeId,
                                    StorageTable*) const override {
    return absl::UnimplementedError("it writes nothing");
  }

 private:
  const std::string name_;
  const std::string suffix_;
};

// Returns what no codec may return.
class FaultyCodec final : public GlobalCodec {
 public:
  FaultyCodec(NodeId root, uint64_t bytes_past_end)
      : GlobalCodec("faulty", "faulty"),
        root_(root),
        bytes_past_end_(bytes_past_end) {}

  absl::StatusOr<GraphRead> Read(absl::string_view bytes, Budget*,
                                 StorageTable*, ObjectGraph*) const override {
    return GraphRead{root_, 1, bytes.size() + bytes_past_end_};
  }

 private:
  const NodeId root_;
  const uint64_t bytes_past_end_;
};

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

// {"step": 7, "weight": [1, 2, 3]}
Value Sample() {
  const std::vector<float> numbers = {1, 2, 3};
  Value dict = Value::Dict();
  EXPECT_THAT(dict.Set("step", Value(7)), IsOk());
  EXPECT_THAT(dict.Set("weight", Value(*Tensor::FromData(
                                     absl::MakeConstSpan(numbers), {3}))),
              IsOk());
  return dict;
}

class CodecTest : public testing::Test {
 protected:
  CodecTest() {
    EXPECT_THAT(registry_.Register(std::make_shared<LineCodec>()), IsOk());
    save_options_.codec_registry = &registry_;
    load_options_.codec_registry = &registry_;
  }

  // Writes `value`, which must succeed, by the codec of that name.
  std::string SaveBy(absl::string_view codec, const Value& value = Sample(),
                     Container container = Container::kZip) {
    SaveOptions options = save_options_;
    options.codec = std::string(codec);
    options.container = container;
    return *SaveToString(value, options);
  }

  absl::Status SaveError(absl::string_view codec, Container container) {
    SaveOptions options = save_options_;
    options.codec = std::string(codec);
    options.container = container;
    return SaveToString(Sample(), options).status();
  }

  absl::StatusOr<Checkpoint> OpenBy(absl::string_view bytes,
                                    absl::string_view codec = "") {
    LoadOptions options = load_options_;
    options.codec = std::string(codec);
    return Checkpoint::OpenMemory(bytes, options);
  }

  // What opening an archive of the records of these names gives. They hold the
  // graph of the int 7 in their codec.
  absl::StatusOr<Checkpoint> OpenRecords(
      const std::vector<std::string>& records) {
    ZipBuilder zip;
    for (const std::string& record : records) {
      zip.Add(record, absl::EndsWith(record, ".lines")    ? "0\nint 7\n"
                      : absl::EndsWith(record, ".global") ? "shop Basket"
                      : absl::EndsWith(record, "version")
                          ? "3\n"
                          : absl::string_view("\x80\x02K\x07."));
    }
    // It must stay while the checkpoint is looked at.
    archive_ = zip.Build();
    return OpenBy(archive_);
  }

  CodecRegistry registry_;
  SaveOptions save_options_;
  LoadOptions load_options_;
  std::string archive_;
};

TEST(CodecRegistryTest, PickleIsAlwaysThere) {
  for (const CodecSnapshot& codecs :
       {CodecRegistry().Snapshot(), CodecRegistry::Default().Snapshot()}) {
    ASSERT_THAT(codecs.FindByName("pickle"), IsOk());
    EXPECT_EQ(codecs.FindBySuffix("pkl"), *codecs.FindByName("pickle"));
    ASSERT_FALSE(codecs.codecs().empty());
    EXPECT_EQ(codecs.codecs()[0]->name(), "pickle");
  }
}

TEST(CodecRegistryTest, NamesAndSuffixesAreUnique) {
  CodecRegistry registry;
  ASSERT_THAT(registry.Register(std::make_shared<LineCodec>()), IsOk());
  for (const auto& [name, suffix] :
       std::vector<std::pair<std::string, std::string>>{{"pickle", "other"},
                                                        {"other", "pkl"},
                                                        {"lines", "other"},
                                                        {"other", "lines"}}) {
    const absl::Status status =
        registry.Register(std::make_shared<GlobalCodec>(name, suffix));
    EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists) << status;
    EXPECT_THAT(Message(status), AllOf(HasSubstr(name), HasSubstr(suffix)));
  }
  EXPECT_EQ(registry.Snapshot().codecs().size(), 2);
}

TEST(CodecRegistryTest, NamesAreWords) {
  CodecRegistry registry;
  EXPECT_EQ(registry.Register(nullptr).code(),
            absl::StatusCode::kInvalidArgument);
  const std::string longest(32, 'a');
  for (const std::string& word :
       {std::string(), std::string("1a"), std::string("_a"), std::string("A"),
        std::string("a.b"), std::string("a/b"), std::string("a b"),
        std::string("\xC3\xA4"), longest + "a"}) {
    EXPECT_EQ(registry.Register(std::make_shared<GlobalCodec>("ok", word)),
              registry.Register(std::make_shared<GlobalCodec>(word, "ok")))
        << word;
    EXPECT_EQ(
        registry.Register(std::make_shared<GlobalCodec>("ok", word)).code(),
        absl::StatusCode::kInvalidArgument)
        << word;
  }
  EXPECT_THAT(registry.Register(std::make_shared<GlobalCodec>(longest, "a_1")),
              IsOk());
}

TEST(CodecRegistryTest, ASnapshotStaysAsItIs) {
  CodecRegistry registry;
  const CodecSnapshot before = registry.Snapshot();
  ASSERT_THAT(registry.Register(std::make_shared<LineCodec>()), IsOk());
  EXPECT_EQ(before.FindBySuffix("lines"), nullptr);
  const absl::Status status = before.FindByName("lines").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("\"lines\""), HasSubstr("\"pickle\"")));
  EXPECT_THAT(registry.Snapshot().FindByName("lines"), IsOk());
}

TEST(CodecRegistryTest, ThreadsMayRegisterAtOnce) {
  constexpr int kNumThreads = 8;
  CodecRegistry registry;
  std::vector<std::thread> threads;
  threads.reserve(kNumThreads);
  for (int i = 0; i < kNumThreads; ++i) {
    threads.emplace_back([&registry, i] {
      const std::string name = absl::StrCat("c", i);
      EXPECT_THAT(registry.Register(std::make_shared<GlobalCodec>(name, name)),
                  IsOk());
      EXPECT_THAT(registry.Snapshot().FindByName(name), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registry.Snapshot().codecs().size(), kNumThreads + 1);
}

TEST_F(CodecTest, TheFileSaysWhichCodecWroteIt) {
  for (absl::string_view codec : {"lines", "pickle"}) {
    const std::string bytes = SaveBy(codec);
    for (absl::string_view asked : {absl::string_view(), codec}) {
      const absl::StatusOr<Checkpoint> checkpoint = OpenBy(bytes, asked);
      ASSERT_THAT(checkpoint, IsOk());
      EXPECT_EQ(checkpoint->info().codec, codec);
      EXPECT_EQ(checkpoint->info().pickle_protocol, codec == "pickle" ? 2 : 0);
    }
    EXPECT_THAT(
        OpenBy(bytes)->ReadRecord(codec == "lines" ? "data.lines" : "data.pkl"),
        IsOk());
    const absl::StatusOr<Value> value = LoadMemory(bytes, load_options_);
    ASSERT_THAT(value, IsOk());
    EXPECT_EQ(*value->Get("step")->AsInt(), 7);
    const Tensor weight = *value->Get("weight")->AsTensor();
    EXPECT_EQ(static_cast<const float*>(weight.data())[2], 3);
  }
  EXPECT_EQ(SaveBy(""), SaveBy("pickle"));
}

TEST_F(CodecTest, AskingForAnotherCodecNamesBoth) {
  for (const auto& [wrote, asked] :
       std::vector<std::pair<std::string, std::string>>{{"lines", "pickle"},
                                                        {"pickle", "lines"}}) {
    const absl::Status status = OpenBy(SaveBy(wrote), asked).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(Message(status),
                AllOf(HasSubstr(absl::StrCat("\"", wrote, "\"")),
                      HasSubstr(absl::StrCat("\"", asked, "\"")),
                      HasSubstr("LoadOptions::codec")));
  }
  // Nothing is read of a graph by a codec that may not: this is no pickle.
  ZipBuilder zip;
  zip.Add("a/data.pkl", "no pickle");
  zip.Add("a/version", "3\n");
  EXPECT_EQ(OpenBy(zip.Build(), "lines").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CodecTest, NamesOfNoCodecAreErrors) {
  const absl::Status load = OpenBy(SaveBy("lines"), "nope").status();
  const absl::Status save = SaveError("nope", Container::kZip);
  for (const absl::Status& status : {load, save}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_THAT(Message(status),
                AllOf(HasSubstr("\"nope\""), HasSubstr("\"pickle\""),
                      HasSubstr("\"lines\""), HasSubstr("Register")));
  }
}

TEST_F(CodecTest, AFileOfACodecThatIsNotRegistered) {
  const std::string bytes = SaveBy("lines");
  const absl::Status status = Checkpoint::OpenMemory(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("\"archive/data.lines\""),
                    HasSubstr("\"pickle\" (data.pkl)"), HasSubstr("Register")));
}

TEST_F(CodecTest, TwoGraphRecordsAreRefused) {
  ASSERT_THAT(registry_.Register(std::make_shared<GlobalCodec>("global")),
              IsOk());
  struct Case {
    std::vector<std::string> records;
    const char* first;
    const char* second;
    const char* what;
  };
  for (const Case& test : std::vector<Case>{
           {{"a/data.pkl", "a/data.lines", "a/version"},
            "a/data.pkl",
            "a/data.lines",
            "two graph records"},
           {{"a/version", "a/data.lines", "a/data.pkl"},
            "a/data.lines",
            "a/data.pkl",
            "two graph records"},
           {{"a/data.global", "a/data.lines", "a/version"},
            "a/data.global",
            "a/data.lines",
            "two graph records"},
           {{"data.pkl", "data.lines", "version"},
            "\"data.pkl",
            "\"data.lines",
            "two graph records"},
           // The first record is in another folder.
           {{"x/y", "a/version", "a/data.lines", "a/data.pkl"},
            "a/data.lines",
            "a/data.pkl",
            "two graph records"},
           // Whether a codec is registered makes no difference.
           {{"a/data.pkl", "a/version", "a/data.json"},
            "a/data.pkl",
            "a/data.json",
            "two graph records"},
           {{"a/data.json", "a/version", "a/data.lines"},
            "a/data.json",
            "a/data.lines",
            "two graph records"},
           {{"a/data.pkl", "a/version", "b/data.json", "b/version"},
            "a/data.pkl",
            "b/data.json",
            "several checkpoints"},
           {{"a/data.lines", "a/version", "b/data.pkl"},
            "a/data.lines",
            "b/data.pkl",
            "several checkpoints"},
           {{"a/data.pkl", "a/version", "b/data.lines", "b/version"},
            "a/data.pkl",
            "b/data.lines",
            "several checkpoints"},
       }) {
    const absl::Status status = OpenRecords(test.records).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(Message(status),
                AllOf(HasSubstr(absl::StrCat(test.first, "\"")),
                      HasSubstr(absl::StrCat(test.second, "\"")),
                      HasSubstr(test.what)));
  }
}

TEST_F(CodecTest, OtherRecordsAreNoGraphRecords) {
  struct Case {
    std::vector<std::string> records;
    const char* codec;
  };
  for (const Case& test : std::vector<Case>{
           // Records of a user's, beside a graph record.
           {{"a/data.pkl", "a/version", "a/data.lines.old", "a/data."},
            "pickle"},
           {{"a/data.CSV", "a/version", "a/data.lines"}, "lines"},
           // No checkpoint's, since no version stands beside it.
           {{"x/data.csv", "a/data.pkl", "a/version"}, "pickle"},
           {{"x/data.lines", "a/data.pkl", "a/version"}, "pickle"},
           {{"a/data.pkl", "a/version", "a/metadata.lines"}, "pickle"},
           // Extra files of torch.jit.save, storages, and a module "data".
           {{"a/data.pkl", "a/version", "a/extra/data.lines"}, "pickle"},
           {{"a/data.pkl", "a/version", "a/data/data.lines"}, "pickle"},
           {{"a/data.lines", "a/version", "a/extra/data.pkl"}, "lines"},
           {{"a/data.pkl", "a/constants.pkl", "a/version",
             "a/code/__torch__/data.lines"},
            "pickle"},
       }) {
    const absl::StatusOr<Checkpoint> checkpoint = OpenRecords(test.records);
    ASSERT_THAT(checkpoint, IsOk()) << " " << test.records.back();
    EXPECT_EQ(checkpoint->info().codec, test.codec);
    EXPECT_EQ(*checkpoint->root().AsInt(), 7);
  }
  // Without a version beside it, it is no checkpoint's.
  EXPECT_TRUE(IsNotACheckpoint(OpenRecords({"a/data.csv"}).status()));
  for (const std::vector<std::string>& records :
       std::vector<std::vector<std::string>>{
           {"a/data.csv", "version"},
           {"a/data.CSV", "a/version"},
           {"a/data.pkl.old", "a/version"},
           {"a/data/data.csv", "a/version"}}) {
    const absl::Status status = OpenRecords(records).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(Message(status), HasSubstr("no record data.pkl"));
  }
  const absl::Status status =
      OpenRecords({"a/data.csv", "a/.data/version"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(Message(status), HasSubstr("\"a/data.csv\""));
}

TEST_F(CodecTest, WhatPyTorchWouldReadInsteadIsRefused) {
  // It ignores case, and would run the pickle.
  for (const std::vector<std::string>& records :
       std::vector<std::vector<std::string>>{
           {"a/data.lines", "a/DATA.PKL", "a/version"},
           {"b/DATA.PKL", "a/data.lines", "a/version"},
           {"b/DATA.PKL", "a/data.pkl", "a/version"}}) {
    const absl::Status status = OpenRecords(records).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(Message(status), HasSubstr("DATA.PKL"));
  }
  EXPECT_THAT(OpenRecords({"a/data.pkl", "a/version", "a/extra/DATA.PKL"}),
              IsOk());
  // Programs are pickles.
  const absl::Status program =
      OpenRecords({"a/data.lines", "a/constants.pkl", "a/version"}).status();
  EXPECT_EQ(program.code(), absl::StatusCode::kDataLoss) << program;
  EXPECT_THAT(Message(program),
              AllOf(HasSubstr("constants.pkl"), HasSubstr("data.lines")));
}

TEST_F(CodecTest, OtherContainersAreOfPickleAlone) {
  const std::string legacy = SaveBy("pickle", Sample(), Container::kLegacy);
  const std::string tar = ReadFile("tests/data/old/tensors.tar");
  const std::string bare = "\x80\x02K\x07.";
  for (const auto& [bytes, what] :
       std::vector<std::pair<std::string, std::string>>{
           {legacy, "legacy stream"}, {tar, "tar"}, {bare, "bare pickle"}}) {
    const absl::Status status = OpenBy(bytes, "lines").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(Message(status), AllOf(HasSubstr(what), HasSubstr("\"pickle\""),
                                       HasSubstr("\"lines\"")));
    for (absl::string_view asked : {"", "pickle"}) {
      const absl::StatusOr<Checkpoint> checkpoint = OpenBy(bytes, asked);
      ASSERT_THAT(checkpoint, IsOk());
      EXPECT_EQ(checkpoint->info().codec, "pickle");
    }
  }
  const absl::Status status = SaveError("lines", Container::kLegacy);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("legacy"), HasSubstr("\"lines\""),
                    HasSubstr("\"pickle\"")));
}

TEST_F(CodecTest, SafetensorsHaveNoCodec) {
  Value tensors = Value::Dict();
  ASSERT_THAT(tensors.Set("w", *Sample().Get("weight")), IsOk());
  const std::string bytes = SaveBy("", tensors, Container::kSafetensors);
  const absl::StatusOr<Checkpoint> checkpoint = OpenBy(bytes);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().codec, "");
  for (absl::string_view asked : {"pickle", "lines"}) {
    for (const absl::Status& status :
         {OpenBy(bytes, asked).status(),
          SaveError(asked, Container::kSafetensors)}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_THAT(Message(status),
                  AllOf(HasSubstr("safetensors"),
                        HasSubstr(absl::StrCat("\"", asked, "\""))));
    }
  }
}

TEST_F(CodecTest, StrictHoldsForEveryCodec) {
  ASSERT_THAT(registry_.Register(std::make_shared<GlobalCodec>("global")),
              IsOk());
  ASSERT_THAT(OpenRecords({"a/data.global", "a/version"}), IsOk());
  load_options_.globals = Globals::kStrict;
  const absl::Status status =
      OpenRecords({"a/data.global", "a/version"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(Message(status), HasSubstr("shop.Basket"));
  load_options_.allowed_globals = {"shop.Basket"};
  EXPECT_THAT(OpenRecords({"a/data.global", "a/version"}), IsOk());
}

TEST_F(CodecTest, FaultsOfACodecAreFound) {
  struct Case {
    NodeId root;
    uint64_t bytes_past_end;
  };
  for (const Case& test :
       std::vector<Case>{{99, 0}, {kNoNode, 0}, {ObjectGraph::kNone, 1}}) {
    CodecRegistry registry;
    ASSERT_THAT(registry.Register(std::make_shared<FaultyCodec>(
                    test.root, test.bytes_past_end)),
                IsOk());
    load_options_.codec_registry = &registry;
    const absl::Status status =
        OpenRecords({"a/data.faulty", "a/version"}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_THAT(Message(status), HasSubstr("\"faulty\""));
  }
}

TEST_F(CodecTest, AFailedSaveLeavesTheFile) {
  ASSERT_THAT(registry_.Register(std::make_shared<GlobalCodec>("global")),
              IsOk());
  const std::string path = testing::TempDir() + "/kept.pt";
  save_options_.codec = "lines";
  ASSERT_THAT(Save(Sample(), path, save_options_), IsOk());
  const std::string before = ReadFile(path);
  save_options_.codec = "global";
  EXPECT_EQ(Save(Sample(), path, save_options_).code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ReadFile(path), before);
}

TEST_F(CodecTest, AVerdictNamesTheCodec) {
  const std::string path = testing::TempDir() + "/verdict.pt";
  for (const char* codec : {"lines", "pickle"}) {
    save_options_.codec = codec;
    ASSERT_THAT(Save(Sample(), path, save_options_), IsOk());
    const absl::StatusOr<Checkpoint::FileVerdict> verdict =
        Checkpoint::VerifyFile(path, load_options_);
    ASSERT_THAT(verdict, IsOk());
    EXPECT_THAT(verdict->opens, IsOk());
    EXPECT_EQ(verdict->codec, codec);
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
