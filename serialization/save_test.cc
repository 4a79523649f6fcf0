// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/save.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/atomic_file.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SaveTest : public testing::Test {
 protected:
  SaveTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(100, fake_));
    options_.registry = &registry_;
    options_.durability = Durability::kNone;
    load_options_.registry = &registry_;
  }

  absl::StatusOr<std::string> SaveToString(const Value& value) {
    return ferry::SaveToString(value, options_);
  }

  // A dict of so many tensors of one element.
  static Value Tensors(int count) {
    Value all = Value::Dict();
    for (int i = 0; i < count; ++i) {
      const float element[] = {static_cast<float>(i)};
      EXPECT_THAT(
          all.Set(absl::StrCat(i),
                  Value(*Tensor::FromData(absl::MakeConstSpan(element), {1}))),
          IsOk());
    }
    return all;
  }

  static Value Numbered(const std::vector<Value>& values) {
    Value all = Value::Dict();
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_THAT(all.Set(absl::StrCat(i), values[i]), IsOk());
    }
    return all;
  }

  std::vector<std::string> Records(absl::string_view bytes) {
    std::vector<std::string> names;
    const absl::StatusOr<zip::ZipDirectory> directory = zip::ZipDirectory::Read(
        *MakeMemoryFile(bytes, "some.zip"), Budget::Unlimited());
    EXPECT_THAT(directory, IsOk());
    for (const Extent& entry : directory->entries()) {
      names.emplace_back(entry.name);
    }
    return names;
  }

  DeviceRegistry registry_;
  std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  SaveOptions options_;
  LoadOptions load_options_;
};

TEST_F(SaveTest, WritesTheRecordsOfEachVersion) {
  const Value value = Tensors(12);
  options_.compatibility = Compatibility::kTorch1_6;
  EXPECT_THAT(
      Records(*SaveToString(value)),
      ElementsAre("archive/data.pkl", "archive/data/0", "archive/data/1",
                  "archive/data/10", "archive/data/11", "archive/data/2",
                  "archive/data/3", "archive/data/4", "archive/data/5",
                  "archive/data/6", "archive/data/7", "archive/data/8",
                  "archive/data/9", "archive/version"));
  options_.compatibility = Compatibility::kTorch2_1;
  EXPECT_THAT(Records(*SaveToString(value)),
              ElementsAre("archive/data.pkl", "archive/byteorder",
                          "archive/data/0", "archive/data/1", "archive/data/10",
                          "archive/data/11", "archive/data/2", "archive/data/3",
                          "archive/data/4", "archive/data/5", "archive/data/6",
                          "archive/data/7", "archive/data/8", "archive/data/9",
                          "archive/version", "archive/.data/serialization_id"));
  options_.compatibility = Compatibility::kTorch2_7;
  EXPECT_THAT(Records(*SaveToString(Tensors(11))),
              ElementsAre("archive/data.pkl", "archive/.format_version",
                          "archive/.storage_alignment", "archive/byteorder",
                          "archive/data/0", "archive/data/1", "archive/data/2",
                          "archive/data/3", "archive/data/4", "archive/data/5",
                          "archive/data/6", "archive/data/7", "archive/data/8",
                          "archive/data/9", "archive/data/10",
                          "archive/version", "archive/.data/serialization_id"));
}

TEST_F(SaveTest, GivesBackTheBytesOfPyTorch) {
  // As PyTorch 1.13 wrote them: test vectors of the layout's own test have the
  // whole archive; here the pickle and the storage go through a load.
  const absl::StatusOr<Value> value =
      LoadMemory(SmallCheckpoint().Build(), load_options_);
  ASSERT_THAT(value, IsOk());
  options_.compatibility = Compatibility::kTorch1_6;
  options_.archive_name = "my.model";
  const absl::StatusOr<std::string> bytes = SaveToString(*value);
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(bytes->size(), 750);
  EXPECT_EQ(bytes->substr(0x40, 172), SmallPickle());
  EXPECT_EQ(bytes->substr(0x140, 16), SmallStorage());
}

TEST_F(SaveTest, NamesTheArchiveAfterTheFile) {
  const struct {
    const char* file;
    const char* archive_1_6;
    const char* archive;
  } cases[] = {
      {"model.pt", "model", "model"},
      {"my.model.pt", "my.model", "my.model"},
      {"...pt", "archive", "archive"},
      {"archive.tar.gz", "archive.tar", "archive.tar"},
      {"plain", "plain", "plain"},
      {"a.", "a", "a"},
      {"with space.pt", "with space", "with space"},
      {"back\\slash.pt", "slash", "slash"},
      {".hidden", "archive", "archive"},
      {"mod\xC3\xA8le.pt", "mod\xC3\xA8le", "archive"},
  };
  for (const auto& c : cases) {
    for (Compatibility compatibility :
         {Compatibility::kTorch1_6, Compatibility::kTorch2_7}) {
      options_.compatibility = compatibility;
      const std::string path = absl::StrCat(testing::TempDir(), "/", c.file);
      const absl::Status status = Save(Value(1), path, options_);
      ASSERT_THAT(status, IsOk());
      absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
          OpenForReading(path);
      ASSERT_THAT(file, IsOk());
      const absl::StatusOr<zip::ZipDirectory> directory =
          zip::ZipDirectory::Read(**file, Budget::Unlimited());
      ASSERT_THAT(directory, IsOk());
      EXPECT_EQ(
          directory->entries()[0].name,
          absl::StrCat(compatibility == Compatibility::kTorch1_6 ? c.archive_1_6
                                                                 : c.archive,
                       "/data.pkl"));
    }
  }
  options_.archive_name = "chosen";
  EXPECT_THAT(Records(*SaveToString(Value(1)))[0], "chosen/data.pkl");
}

TEST_F(SaveTest, OptionsOutOfRangeAreRefused) {
  for (int protocol : {-1, 6}) {
    options_.pickle_protocol = protocol;
    const absl::Status status = SaveToString(Value(1)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("0 to 5"));
    // Nothing is created.
    const std::string path = absl::StrCat(testing::TempDir(), "/not_there.pt");
    EXPECT_FALSE(Save(Value(1), path, options_).ok());
    EXPECT_EQ(OpenForReading(path).status().code(),
              absl::StatusCode::kNotFound);
  }
  options_.pickle_protocol = 2;
  for (uint64_t alignment : {uint64_t{0}, uint64_t{32769}, UINT64_MAX}) {
    options_.storage_alignment = alignment;
    EXPECT_EQ(SaveToString(Value(1)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  options_.storage_alignment = 64;
  for (const char* name : {"..", ".", "../x", "/x", "a/b", "a\\b"}) {
    options_.archive_name = name;
    EXPECT_EQ(SaveToString(Value(1)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
}

TEST_F(SaveTest, AlignsStorages) {
  for (uint64_t alignment : {1, 64, 100, 4096, 32768}) {
    options_.storage_alignment = alignment;
    const absl::StatusOr<std::string> bytes = SaveToString(Tensors(3));
    ASSERT_THAT(bytes, IsOk());
    const auto file = MakeMemoryFile(*bytes, "some.zip");
    const absl::StatusOr<zip::ZipDirectory> directory =
        zip::ZipDirectory::Read(*file, Budget::Unlimited());
    ASSERT_THAT(directory, IsOk());
    for (const Extent& entry : directory->entries()) {
      EXPECT_EQ(*FindContents(*file, entry) % alignment, 0);
    }
    EXPECT_THAT(LoadMemory(*bytes, load_options_), IsOk());
  }
}

TEST_F(SaveTest, StoragesAreTaggedByTheRegistry) {
  Memory memory;
  ASSERT_THAT(fake_->Allocate(1, {16}, {&memory, 1}), IsOk());
  ASSERT_THAT(fake_->CopyFromHost(SmallStorage().data(), memory, 0, 16),
              IsOk());
  const absl::StatusOr<Tensor> tensor = Tensor::Create(
      Storage::FromMemory(Device("fake", 1), memory, 16), DType::kFloat32, {4});
  ASSERT_THAT(tensor, IsOk());
  const absl::StatusOr<std::string> bytes = SaveToString(Value(*tensor));
  ASSERT_THAT(bytes, IsOk());
  const absl::StatusOr<Value> value = LoadMemory(*bytes, load_options_);
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->AsTensor()->device().ToString(), "fake:1");
  load_options_.placement = Placement::kHost;
  const absl::StatusOr<Value> on_host = LoadMemory(*bytes, load_options_);
  ASSERT_THAT(on_host, IsOk());
  EXPECT_EQ(on_host->AsTensor()->storage().recorded_location(), "fake:1");
  // What was recorded goes before what the registry says.
  on_host->AsTensor()->storage().set_recorded_location("other:3");
  const absl::StatusOr<std::string> again = SaveToString(*on_host);
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(*again, HasSubstr("other:3"));
}

// A tensor on fake:1, one on fake:0 and one whose file recorded "other:3".
Value OnThreeLocations(FakeBackend& fake) {
  Value all = Value::Dict();
  for (int index : {0, 1}) {
    Memory memory;
    EXPECT_THAT(fake.Allocate(index, {16}, {&memory, 1}), IsOk());
    EXPECT_THAT(fake.CopyFromHost(SmallStorage().data(), memory, 0, 16),
                IsOk());
    const Storage storage =
        Storage::FromMemory(Device("fake", index), memory, 16);
    EXPECT_THAT(all.Set(absl::StrCat("fake", index),
                        Value(*Tensor::Create(storage, DType::kFloat32, {4}))),
                IsOk());
  }
  const Tensor recorded = *Tensor::FromData<float>({1}, {1});
  recorded.storage().set_recorded_location("other:3");
  EXPECT_THAT(all.Set("other", Value(recorded)), IsOk());
  return all;
}

TEST_F(SaveTest, MapLocationReplacesTags) {
  const Value value = OnThreeLocations(*fake_);
  load_options_.placement = Placement::kHost;
  const std::vector<std::string> keys = {"fake0", "fake1", "other"};
  struct Case {
    MapLocation map;
    std::vector<std::string> tags;
  };
  const std::vector<Case> cases = {
      {MapLocation(), {"fake:0", "fake:1", "other:3"}},
      {MapLocation::To("cuda:0"), {"cuda:0", "cuda:0", "cuda:0"}},
      // One hop.
      {MapLocation::Table({{"fake:1", "fake:0"}, {"fake:0", "cuda:0"}}),
       {"cuda:0", "fake:0", "other:3"}},
      {MapLocation::Table({{"other:3", "cpu"}}), {"fake:0", "fake:1", "cpu"}},
  };
  for (const Case& each : cases) {
    options_.map_location = each.map;
    struct Format {
      Container container;
      const char* codec;
    };
    for (const Format& format :
         {Format{Container::kZip, ""}, Format{Container::kZip, "proto"},
          Format{Container::kLegacy, ""}}) {
      options_.container = format.container;
      options_.codec = format.codec;
      const absl::StatusOr<std::string> bytes = SaveToString(value);
      ASSERT_THAT(bytes, IsOk());
      const absl::StatusOr<Value> read = LoadMemory(*bytes, load_options_);
      ASSERT_THAT(read, IsOk());
      std::vector<std::string> tags;
      for (const std::string& key : keys) {
        tags.push_back(
            read->Get(key)->AsTensor()->storage().recorded_location());
      }
      EXPECT_EQ(tags, each.tags);
    }
  }
  // What is saved stays where it is.
  EXPECT_EQ(value.Get("fake1")->AsTensor()->device().ToString(), "fake:1");
}

TEST_F(SaveTest, MapLocationMustNameALocation) {
  const Value value = OnThreeLocations(*fake_);
  options_.map_location = MapLocation::Table({{"fake:1", ""}});
  absl::Status status = SaveToString(value).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("fake:1"));
  options_.map_location = MapLocation::Function(
      [](const Storage&, absl::string_view) { return std::nullopt; });
  status = SaveToString(value).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("function"));
  // The limits of tags hold for new ones, too.
  options_.map_location = MapLocation::To(std::string(1025, 'x'));
  EXPECT_EQ(SaveToString(value).status().code(),
            absl::StatusCode::kUnimplemented);
  options_.map_location = MapLocation::To("cuda\xff");
  EXPECT_EQ(SaveToString(value).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SaveTest, SafetensorsHaveNoLocationsToMap) {
  const Value value = OnThreeLocations(*fake_);
  options_.container = Container::kSafetensors;
  const absl::StatusOr<std::string> plain = SaveToString(value);
  ASSERT_THAT(plain, IsOk());
  for (const MapLocation& map :
       {MapLocation::To("cuda:0"), MapLocation::Table({{"fake:1", ""}}),
        MapLocation::Function(
            [](const Storage&, absl::string_view) { return std::nullopt; })}) {
    options_.map_location = map;
    EXPECT_EQ(SaveToString(value).value(), *plain);
  }
  const absl::StatusOr<Value> read = LoadMemory(*plain, load_options_);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->Get("fake1")->AsTensor()->device().ToString(), "cpu");
}

// A backend whose devices have tags of its own, and that counts how often it is
// asked for them.
std::shared_ptr<FakeBackend> TaggedBackend(int* times_asked) {
  FakeBackend::Options options;
  options.type = "acme";
  options.device_tag = [times_asked](int index) {
    ++*times_asked;
    return absl::StrCat("acme.v1.", index);
  };
  options.find_device =
      [](absl::string_view tag) -> absl::StatusOr<std::optional<int>> {
    if (tag == "acme.v1.0") return 0;
    if (tag == "acme.v1.1") return 1;
    return std::nullopt;
  };
  return std::make_shared<FakeBackend>(options);
}

TEST_F(SaveTest, BackendsAreAskedForATagOncePerDevice) {
  int times_asked = 0;
  const std::shared_ptr<FakeBackend> acme = TaggedBackend(&times_asked);
  KeepRegistered(registry_.RegisterBackend(101, acme));
  Value all = Value::List();
  for (int i = 0; i < 20; ++i) {
    Memory memory;
    ASSERT_THAT(acme->Allocate(i % 2, {4}, {&memory, 1}), IsOk());
    const Storage storage =
        Storage::FromMemory(Device("acme", i % 2), memory, 4);
    ASSERT_THAT(
        all.Append(Value(*Tensor::Create(storage, DType::kFloat32, {1}))),
        IsOk());
  }
  load_options_.placement = Placement::kHost;
  for (Container container : {Container::kZip, Container::kLegacy}) {
    options_.container = container;
    times_asked = 0;
    const absl::StatusOr<std::string> bytes = SaveToString(all);
    ASSERT_THAT(bytes, IsOk());
    EXPECT_EQ(times_asked, 2);
    const absl::StatusOr<Value> read = LoadMemory(*bytes, load_options_);
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(read->At("/19")->AsTensor()->storage().recorded_location(),
              "acme.v1.1");
  }
}

TEST_F(SaveTest, ATagIsWrittenOnce) {
  // Whoever made the storages, PyTorch has one object for "cpu".
  const absl::StatusOr<std::string> bytes = SaveToString(Tensors(3000));
  ASSERT_THAT(bytes, IsOk());
  const absl::string_view tag("X\x03\0\0\0cpu", 8);
  const size_t first = bytes->find(tag.data(), 0, tag.size());
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(bytes->find(tag.data(), first + 1, tag.size()), std::string::npos);
}

TEST_F(SaveTest, WhatCannotBeSavedIsAnError) {
  // One storage as two dtypes.
  const absl::StatusOr<Storage> storage = Storage::Allocate(16);
  Value two = Value::List();
  ASSERT_THAT(
      two.Append(Value(*Tensor::Create(*storage, DType::kFloat32, {4}))),
      IsOk());
  ASSERT_THAT(two.Append(Value(*Tensor::Create(*storage, DType::kInt32, {4}))),
              IsOk());
  absl::Status status = SaveToString(two).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("different types"));
  // A storage on a device that nobody knows, and one that was never placed.
  const Storage unknown = Storage::FromMemory(Device("unknown"), Memory{}, 16);
  status = SaveToString(Value(*Tensor::Create(unknown, DType::kFloat32, {4})))
               .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  const Storage described = Storage::Described(16, "cpu");
  status = SaveToString(Value(*Tensor::Create(described, DType::kFloat32, {4})))
               .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
}

// A value that nobody could read back, and what an error says of it.
struct Unreadable {
  const char* name;
  Value value;
  const char* says;
};

Value DictOf(const Value& key, const Value& value) {
  Value dict = Value::Dict();
  EXPECT_THAT(dict.Set(key, value), IsOk());
  return dict;
}

Value WithAttribute(absl::string_view name, const Value& value) {
  Value object = Value::Object("pool.A");
  EXPECT_THAT(object.SetAttribute(name, value), IsOk());
  return object;
}

Tensor OneElement(DType dtype) {
  return *Tensor::Create(*Storage::Allocate(16), dtype, {1});
}

Value WithFlags(DType dtype, bool conj, bool requires_grad) {
  const Tensor tensor = OneElement(dtype);
  tensor.set_conj(conj, InternalKey());
  tensor.set_requires_grad(requires_grad, InternalKey());
  return Value(tensor);
}

Value AtLocation(absl::string_view location) {
  const Tensor tensor = OneElement(DType::kFloat32);
  tensor.storage().set_recorded_location(location);
  return Value(tensor);
}

// An object whose state is set by a name that readers take for a dtype.
Value WithDTypeAsSetter() {
  const auto graph = std::make_shared<ObjectGraph>();
  const NodeId object = graph->AddObject(
      ObjectForm::kCall, graph->AddGlobal("m", "C"), ObjectGraph::kEmptyTuple);
  graph->SetState(object, graph->AddDict(),
                  graph->AddGlobal("torch", "float32"));
  return Value(graph, object);
}

std::vector<Unreadable> UnreadableValues() {
  const char* const bad = "\xff";
  return {
      // An opcode, or several, in the name of a class.
      {"injected", Value::Call("collections.OrderedDict\n0cposix\ngetcwd"),
       "is not a valid name: its name contains a newline"},
      {"injected by a name", Value::Object("a.b\n)R0cposix\ngetcwd"),
       "contains a newline"},
      {"injected by an argument",
       Value::Call("pool.A", {Value::Call("pool.B\nR")}),
       "its name contains a newline (at /0)"},
      {"no name", Value::Call("pool."), "its name is empty"},
      {"no module", Value::Call(".A"), "its module is empty"},
      {"nothing", Value::Object(""), "its name is empty"},
      {"NUL", Value::Call(absl::string_view("pool.A\0", 7)),
       "contains a NUL byte"},
      {"long", Value::Call(absl::StrCat("pool.", std::string(5000, 'A'))),
       "has more than 4096 bytes"},
      {"bytes as a name", Value::Call("pool.\xff"), "is not valid UTF-8"},
      {"a surrogate as a name", Value::Call("pool.\xed\xa0\x80"),
       "is not valid UTF-8"},
      // Text that is none.
      {"text", Value(bad), "the text \"\\xff\" is not UTF-8"},
      {"text cut short", Value("\xc3"), "is not UTF-8"},
      {"text in a list", Value::List({Value(1), Value(bad)}),
       "is not UTF-8; save it as bytes (at /1)"},
      {"a key", DictOf(Value("m"), DictOf(Value(bad), Value(1))),
       "is not UTF-8; save it as bytes (at a key of /m)"},
      {"an attribute", WithAttribute(bad, Value(1)), "is not UTF-8"},
      {"an attribute's value", WithAttribute("x", Value(bad)),
       "is not UTF-8; save it as bytes (at /x)"},
      {"a location", AtLocation("cuda\xff"), "is not UTF-8"},
      // Tensors that cannot be.
      {"conj of floats", WithFlags(DType::kFloat32, true, false), "conj bit"},
      {"gradients of integers", WithFlags(DType::kInt64, false, true),
       "cannot require a gradient"},
      {"gradients of bools",
       DictOf(Value("a/b"), WithFlags(DType::kBool, false, true)),
       "only floating-point and complex tensors have gradients (at /a~1b)"},
      {"a tensor that was never made", Value(Tensor()), "was never made"},
      {"a parameter that was never made", Value::Parameter(Tensor()),
       "was never made"},
      {"memory at null",
       Value(*Tensor::Create(Storage::FromMemory(Device("cpu"), Memory{}, 4),
                             DType::kFloat32, {1})),
       "its address is null"},
      {"a sparse tensor of nothing",
       Value(Tensor::CreateComposite(Layout::kSparseCoo, DType::kFloat32, {3},
                                     {})),
       "is invalid: it has 0 components"},
      {"a sparse tensor of null",
       Value(Tensor::CreateComposite(Layout::kSparseCoo, DType::kFloat32, {3},
                                     {Tensor(), Tensor()})),
       "a component is null"},
      // Devices that no file can name.
      {"a device", Value::FromDevice(Device("a b")), "is not a valid device"},
      {"no device", Value::FromDevice(Device("")), "is not a valid device"},
      {"a high index", Value::FromDevice(Device("cuda", 128)),
       "is not a valid device"},
      {"a negative index", Value::FromDevice(Device("cuda", -2)),
       "is not a valid device"},
      // Calls that readers follow.
      {"a tensor of nothing", Value::Call("torch._utils._rebuild_tensor_v2"),
       "cannot be read back: a tensor cannot be rebuilt"},
      {"a parameter of a number",
       Value::List({Value::Call("torch._utils._rebuild_parameter",
                                {Value(1), Value(true), Value()})}),
       "cannot be read back: a tensor cannot be rebuilt"},
      {"a dtype that is called", Value::Call("torch.float32"),
       "cannot be read back: a dtype is used as a class or function"},
      {"a dtype that sets a state", WithDTypeAsSetter(),
       "cannot be read back: a dtype is used as a class or function"},
      {"a set of lists",
       Value::Call("builtins.set", {Value::List({Value::List()})}),
       "cannot be read"},
      {"a key that becomes unhashable",
       DictOf(Value::Call("builtins.bytearray"), Value(1)), "cannot be read"},
  };
}

TEST_F(SaveTest, WhatNobodyCouldReadIsAnError) {
  for (const Unreadable& unreadable : UnreadableValues()) {
    for (const Container container : {Container::kZip, Container::kLegacy}) {
      for (int protocol = 2; protocol <= 5; ++protocol) {
        options_.container = container;
        options_.pickle_protocol = protocol;
        const absl::Status status = SaveToString(unreadable.value).status();
        EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
            << unreadable.name << ": " << status;
        EXPECT_THAT(std::string(status.message()), HasSubstr(unreadable.says))
            << unreadable.name;
      }
    }
  }
}

TEST_F(SaveTest, BytesThatWereNotReadAreAnErrorThatNamesTheTensor) {
  const Tensor tensor =
      *Tensor::Create(Storage::Described(4, "cpu"), DType::kFloat32, {1});
  for (const Container container :
       {Container::kZip, Container::kLegacy, Container::kSafetensors}) {
    options_.container = container;
    const absl::Status status =
        SaveToString(DictOf(Value("weight"), Value(tensor))).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                testing::AllOf(HasSubstr("/weight"),
                               HasSubstr("have not been read from their file; "
                                         "call Checkpoint::Load first")));
  }
}

TEST_F(SaveTest, WhatNoSafetensorsFileHoldsIsAnError) {
  options_.container = Container::kSafetensors;
  for (const Value& value :
       {DictOf(Value("w"), Value(Tensor())),
        DictOf(Value("\xff"), WithFlags(DType::kFloat32, false, false)),
        DictOf(Value("\xed\xa0\x80"), WithFlags(DType::kFloat32, false, false)),
        DictOf(Value("w"), WithFlags(DType::kFloat32, true, false)),
        DictOf(Value("w"), Value("text"))}) {
    EXPECT_EQ(SaveToString(value).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  // Whether a gradient is wanted is left out, as the library does.
  EXPECT_THAT(
      SaveToString(DictOf(Value("w"), WithFlags(DType::kFloat32, false, true))),
      IsOk());
  options_.metadata = {{"\xff", "text"}};
  EXPECT_FALSE(SaveToString(Value::Dict()).ok());
  options_.metadata = {{"name", "\xff"}};
  EXPECT_FALSE(SaveToString(Value::Dict()).ok());
}

TEST_F(SaveTest, SuffixesThatContradictTheContainerAreErrors) {
  const std::string folder = testing::TempDir() + "/";
  const Value tensors = Tensors(1);
  for (const auto& [container, names, ok] :
       std::vector<std::tuple<Container, std::vector<std::string>, bool>>{
           {Container::kZip, {"a.safetensors", "b.SafeTensors"}, false},
           {Container::kZip, {"a.onnx", "a.npz", "a.gguf", "a.pt2"}, false},
           {Container::kSafetensors, {"a.onnx", "a.pkl", "a.th"}, false},
           {Container::kLegacy, {"a.safetensors"}, false},
           {Container::kSafetensors,
            {"a.pt", "a.pth", "a.ckpt", "pytorch_model.bin", "a.PT"},
            false},
           {Container::kZip, {"a.pt", "a.safetensors.pt", "a"}, true},
           {Container::kSafetensors, {"a.safetensors", "a", "a.tmp"}, true}}) {
    options_.container = container;
    for (const std::string& name : names) {
      const absl::Status status = Save(tensors, folder + name, options_);
      EXPECT_EQ(status.ok(), ok) << name << ": " << status;
      if (ok) continue;
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()), HasSubstr(name));
      EXPECT_FALSE(OpenForReading(folder + name).ok());
    }
  }
}

TEST_F(SaveTest, WhatNoFileKeepsIsAnError) {
  // A sparse tensor's gradient is kept by a parameter alone.
  const std::vector<int64_t> index = {2};
  const std::vector<float> element = {1};
  const Tensor sparse = Tensor::CreateComposite(
      Layout::kSparseCoo, DType::kFloat32, {3},
      {*Tensor::FromData(absl::MakeConstSpan(index), {1, 1}),
       *Tensor::FromData(absl::MakeConstSpan(element), {1})});
  EXPECT_THAT(SaveToString(Value(sparse)), IsOk());
  sparse.set_requires_grad(true, InternalKey());
  EXPECT_EQ(SaveToString(Value(sparse)).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_THAT(SaveToString(Value::Parameter(sparse)), IsOk());
  sparse.set_requires_grad(false, InternalKey());
  sparse.set_neg(true, InternalKey());
  EXPECT_EQ(SaveToString(Value(sparse)).status().code(),
            absl::StatusCode::kUnimplemented);
  // Python 2's names are others to readers of old protocols.
  const Value renamed = Value::Call("__builtin__.xrange");
  EXPECT_THAT(std::string(SaveToString(renamed).status().message()),
              HasSubstr("would be read as builtins.range"));
  options_.pickle_protocol = 3;
  EXPECT_THAT(SaveToString(renamed), IsOk());
}

TEST_F(SaveTest, FlagsThatChangedAfterTheLoadAreWritten) {
  Value dict = Value::Dict();
  const Tensor frozen = OneElement(DType::kFloat32);
  frozen.set_requires_grad(true, InternalKey());
  ASSERT_THAT(dict.Set("w", Value(frozen)), IsOk());
  ASSERT_THAT(dict.Set("p", Value::Parameter(OneElement(DType::kFloat64))),
              IsOk());
  ASSERT_THAT(dict.Set("c", Value(OneElement(DType::kComplex64))), IsOk());
  ASSERT_THAT(dict.Set("f8", Value::Parameter(OneElement(DType::kFloat8E5M2))),
              IsOk());
  for (const Container container : {Container::kZip, Container::kLegacy}) {
    options_.container = container;
    const absl::StatusOr<std::string> bytes = SaveToString(dict);
    ASSERT_THAT(bytes, IsOk());
    const absl::StatusOr<Value> loaded = LoadMemory(*bytes, load_options_);
    ASSERT_THAT(loaded, IsOk());
    EXPECT_EQ(*SaveToString(*loaded), *bytes);
    loaded->Get("w")->AsTensor()->set_requires_grad(false, InternalKey());
    loaded->Get("p")->AsTensor()->set_requires_grad(true, InternalKey());
    loaded->Get("c")->AsTensor()->set_conj(true, InternalKey());
    loaded->Get("f8")->AsTensor()->set_requires_grad(true, InternalKey());
    // Likewise what has gone into another value meanwhile.
    const Value inside = Value::List({*loaded});
    for (const Value& value : {*loaded, inside}) {
      const absl::StatusOr<std::string> changed = SaveToString(value);
      ASSERT_THAT(changed, IsOk());
      absl::StatusOr<Value> again = LoadMemory(*changed, load_options_);
      ASSERT_THAT(again, IsOk());
      if (again->kind() == ValueKind::kList) again = again->Item(0);
      EXPECT_FALSE(again->Get("w")->AsTensor()->requires_grad());
      EXPECT_TRUE(again->Get("p")->AsTensor()->requires_grad());
      EXPECT_TRUE(again->Get("p")->is_parameter());
      EXPECT_TRUE(again->Get("c")->AsTensor()->is_conj());
      EXPECT_TRUE(again->Get("f8")->AsTensor()->requires_grad());
      EXPECT_EQ(again->Get("f8")->AsTensor()->dtype(), DType::kFloat8E5M2);
    }
    // By the rules that hold for new tensors.
    loaded->Get("w")->AsTensor()->set_conj(true, InternalKey());
    EXPECT_EQ(SaveToString(*loaded).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(SaveTest, NamesOfArchivesAreChecked) {
  for (const std::string& name :
       {std::string("a/b"), std::string("\xff"), std::string(256, 'a'),
        std::string("a\0b", 3), std::string("..")}) {
    options_.archive_name = name;
    EXPECT_EQ(SaveToString(Value(1)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  // A file's name that is not UTF-8 is no name for an archive.
  options_.archive_name.clear();
  options_.compatibility = Compatibility::kTorch1_6;
  const std::string path = absl::StrCat(testing::TempDir(), "/\xff.pt");
  ASSERT_THAT(Save(Value(1), path, options_), IsOk());
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::Open(path, load_options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().archive_name, "archive");
}

TEST_F(SaveTest, ACancelledSaveKeepsTheOldFile) {
  const std::string path = absl::StrCat(testing::TempDir(), "/kept.pt");
  ASSERT_THAT(Save(Value("old"), path, options_), IsOk());
  options_.is_cancelled = [] { return true; };
  EXPECT_EQ(Save(Value("new"), path, options_).code(),
            absl::StatusCode::kCancelled);
  const absl::StatusOr<Value> value = Load(path, load_options_);
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(*value->AsStr(), "old");
}

TEST_F(SaveTest, ReportsProgress) {
  uint64_t done = 0, total = 0;
  options_.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    EXPECT_GT(done_bytes, done);
    done = done_bytes;
    total = total_bytes;
  };
  ASSERT_THAT(SaveToString(Tensors(10)), IsOk());
  EXPECT_GT(done, 0);
  EXPECT_LE(done, total);
}

TEST_F(SaveTest, FlushesTheSinkOnce) {
  class Counting final : public ByteSink {
   public:
    absl::Status Write(absl::string_view) override {
      EXPECT_EQ(flushes, 0);
      return absl::OkStatus();
    }
    absl::Status Flush() override {
      ++flushes;
      return absl::UnavailableError("the flush failed");
    }
    int flushes = 0;
  };
  Counting sink;
  EXPECT_EQ(Save(Value(1), sink, options_).message(), "the flush failed");
  EXPECT_EQ(sink.flushes, 1);
}

// Memory that a value repeats is charged, whatever repeats it.
TEST_F(SaveTest, RepeatedMemoryIsLimitedInEveryContainer) {
  const Storage floats = *Storage::Allocate(4000);
  std::memset(floats.data(), 0, 4000);
  const auto view = [](const Storage& storage,
                       const std::vector<int64_t>& shape,
                       const std::vector<int64_t>& strides) {
    return Value(*Tensor::Create(storage, DType::kFloat32, shape, strides, 0));
  };
  // A hundred times 4000 bytes.
  const Value strides_repeat = Numbered({view(floats, {100, 1000}, {0, 1})});
  const Value overlaps_repeat = Numbered({view(floats, {501, 500}, {1, 1})});
  std::vector<Value> tensors, storages;
  for (int i = 0; i < 100; ++i) {
    tensors.push_back(view(floats, {1000}, {1}));
    storages.push_back(view(
        Storage::FromMemory(Device(), floats.memory(), 4000), {1000}, {1}));
  }
  const struct {
    absl::string_view name;
    Container container;
    Value value;
  } kCases[] = {
      {"stride 0", Container::kSafetensors, strides_repeat},
      {"overlap", Container::kSafetensors, overlaps_repeat},
      {"shared storage", Container::kSafetensors, Numbered(tensors)},
      {"shared memory", Container::kSafetensors, Numbered(storages)},
      {"storages, zip", Container::kZip, Numbered(storages)},
      {"storages, legacy", Container::kLegacy, Numbered(storages)},
  };
  options_.copy_shared = true;
  for (const auto& test : kCases) {
    options_.container = test.container;
    options_.budget.max_output_bytes.reset();
    EXPECT_THAT(SaveToString(test.value), IsOk()) << test.name;
    options_.budget.max_output_bytes = 200000;
    std::string written;
    StringSink sink(&written);
    const absl::Status status = Save(test.value, sink, options_);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted)
        << test.name << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("max_output_bytes"));
    EXPECT_EQ(written, "") << test.name;
  }
}

TEST_F(SaveTest, TheDefaultAllowsAnHonestExpandAndNoBomb) {
  options_.container = Container::kSafetensors;
  const Storage one = *Storage::Allocate(4);
  std::memset(one.data(), 0, 4);
  const auto expanded = [&one](const std::vector<int64_t>& shape) {
    return Numbered(
        {Value(*Tensor::Create(one, DType::kFloat32, shape,
                               std::vector<int64_t>(shape.size(), 0), 0))});
  };
  EXPECT_THAT(SaveToString(expanded({1000, 1000})), IsOk());
  EXPECT_EQ(SaveToString(expanded({4, 1 << 30})).status().code(),
            absl::StatusCode::kResourceExhausted);
  // A meta storage has any size and takes nothing.
  const Storage meta =
      Storage::FromMemory(Device("meta"), Memory(), uint64_t{1} << 40);
  options_.container = Container::kZip;
  EXPECT_THAT(SaveToString(Numbered(
                  {Value(*Tensor::Create(meta, DType::kUInt8, {4}, {1}, 0))})),
              IsOk());
}

TEST_F(SaveTest, ASmallSourceAllowsItsMemoryOnce) {
  options_.container = Container::kSafetensors;
  options_.copy_shared = true;
  constexpr int64_t kBytes = 16 << 20;
  const Storage storage = *Storage::Allocate(kBytes);
  std::memset(storage.data(), 0, kBytes);
  const auto views = [&storage](size_t count) {
    return Numbered(std::vector<Value>(
        count, Value(*Tensor::Create(storage, DType::kUInt8, {kBytes}))));
  };
  options_.source_bytes = 1000;
  EXPECT_THAT(SaveToString(views(2)), IsOk());
  const absl::Status status = SaveToString(views(20)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("max_output_bytes"));
  // What the caller allows holds.
  options_.budget.max_output_bytes = kBytes;
  EXPECT_EQ(SaveToString(views(1)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
