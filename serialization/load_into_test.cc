// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/load_into.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/shape.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/transfer/tensor_reader.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A storage of the numbers from `first` on.
Storage Count(int64_t count, int32_t first = 0) {
  std::vector<int32_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  return Tensor::FromData<int32_t>(numbers, {count})->storage();
}

Tensor View(const Storage& storage, const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset = 0) {
  return *Tensor::Create(storage, DType::kInt32, shape, strides, offset);
}

// A tensor of -1 to be read into.
Tensor Blank(const std::vector<int64_t>& shape) {
  const int64_t count = *NumElements(shape);
  const std::vector<int32_t> numbers(static_cast<size_t>(count), -1);
  return *Tensor::FromData<int32_t>(numbers, shape);
}

std::vector<int32_t> Memory32(const Storage& storage) {
  std::vector<int32_t> numbers(storage.size_bytes() / 4);
  std::memcpy(numbers.data(), storage.data(), storage.size_bytes());
  return numbers;
}

std::string Saved(const std::vector<NamedTensor>& tensors) {
  const Value state = Value::OrderedDict();
  for (const NamedTensor& entry : tensors) {
    EXPECT_THAT(state.Set(entry.name, Value(entry.tensor)), IsOk());
  }
  return *SaveToString(state);
}

// Bytes in memory that count what is read of them.
class CountingBytes final : public RandomAccessFile {
 public:
  CountingBytes(absl::string_view bytes, uint64_t* bytes_read)
      : memory_(MakeMemoryFile(bytes, "counted.pt")), bytes_read_(bytes_read) {}
  absl::string_view name() const override { return memory_->name(); }
  uint64_t size_bytes() const override { return memory_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
    *bytes_read_ += out.size();
    return memory_->ReadAt(offset, out);
  }

 private:
  const std::unique_ptr<RandomAccessFile> memory_;
  uint64_t* const bytes_read_;
};

class LoadIntoTest : public testing::Test {
 protected:
  LoadIntoTest() : fake_(std::make_shared<FakeBackend>()) {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(20, fake_));
    options_.registry = &registry_;
  }

  absl::StatusOr<LoadIntoResult> Load(
      absl::string_view file, const std::vector<NamedTensor>& tensors,
      const LoadIntoOptions& options = LoadIntoOptions()) {
    const absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(file, options_);
    if (!checkpoint.ok()) return checkpoint.status();
    return LoadInto(*checkpoint, tensors, options);
  }

  Storage OnDevice(uint64_t size_bytes) {
    Memory memory;
    EXPECT_THAT(fake_->Allocate(1, {size_bytes}, {&memory, 1}), IsOk());
    const std::vector<char> blank(size_bytes, -1);
    EXPECT_THAT(fake_->CopyFromHost(blank.data(), memory, 0, size_bytes),
                IsOk());
    return Storage::FromMemory(Device("fake", 1), memory, size_bytes);
  }

  std::vector<int32_t> FromDevice(const Storage& storage) {
    std::vector<int32_t> numbers(storage.size_bytes() / 4);
    EXPECT_THAT(fake_->CopyToHost(storage.memory(), 0, numbers.data(),
                                  storage.size_bytes()),
                IsOk());
    return numbers;
  }

  std::shared_ptr<FakeBackend> fake_;
  DeviceRegistry registry_;
  LoadOptions options_;
};

TEST_F(LoadIntoTest, ReadsByName) {
  const std::string file = Saved({{"a", View(Count(6), {2, 3}, {3, 1})},
                                  {"b", View(Count(2, 100), {2}, {1})},
                                  {"none", View(Count(0), {0}, {1})}});
  const Tensor a = Blank({2, 3});
  const Tensor b = Blank({2});
  const uint32_t version = a.storage().version();
  const absl::StatusOr<LoadIntoResult> result =
      Load(file, {{"b", b}, {"a", a}, {"none", Blank({0})}});
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->missing, IsEmpty());
  EXPECT_THAT(result->unexpected, IsEmpty());
  EXPECT_THAT(Memory32(a.storage()), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(Memory32(b.storage()), ElementsAre(100, 101));
  EXPECT_NE(a.storage().version(), version);
}

TEST_F(LoadIntoTest, TensorsWithoutElementsMayBeginAnywhere) {
  const Storage storage = Count(6);
  const std::string file = Saved({{"a", View(storage, {2}, {1}, 4)},
                                  {"none", View(storage, {0}, {4}, 8)},
                                  {"far", View(storage, {0}, {1}, INT64_MAX)}});
  const Tensor a = Blank({2});
  ASSERT_THAT(Load(file, {{"a", a},
                          {"none", View(Count(6), {0}, {1}, 9)},
                          {"far", View(OnDevice(8), {0}, {1}, 9)}}),
              IsOk());
  EXPECT_THAT(Memory32(a.storage()), ElementsAre(4, 5));
}

TEST_F(LoadIntoTest, ReadsLargeTensorsInPieces) {
  const int64_t count = 3 << 20;
  const std::string file = Saved({{"a", View(Count(count), {count}, {1})}});
  const Tensor a = Blank({count});
  ASSERT_THAT(Load(file, {{"a", a}}), IsOk());
  EXPECT_EQ(Memory32(a.storage()), Memory32(Count(count)));
}

TEST_F(LoadIntoTest, FromAPathAndAPlaceInTheFile) {
  const Value state = Value::Dict();
  ASSERT_THAT(state.Set("w", Value(View(Count(2, 7), {2}, {1}))), IsOk());
  const Value checkpoint = Value::Dict();
  ASSERT_THAT(checkpoint.Set("ema", state), IsOk());
  const Value other = Value::Dict();
  ASSERT_THAT(other.Set("w", Value(View(Count(2), {2}, {1}))), IsOk());
  ASSERT_THAT(checkpoint.Set("raw", other), IsOk());
  const std::string path = absl::StrCat(testing::TempDir(), "/ema.pt");
  ASSERT_THAT(Save(checkpoint, path), IsOk());
  const Tensor w = Blank({2});
  LoadIntoOptions into;
  const absl::Status lost = LoadInto(path, {{"w", w}}, into, options_).status();
  EXPECT_EQ(lost.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(lost.message()),
              AllOf(HasSubstr("ema.pt"), HasSubstr("\"ema\", \"raw\"")));
  into.pointer = "/ema";
  ASSERT_THAT(LoadInto(path, {{"w", w}}, into, options_), IsOk());
  EXPECT_THAT(Memory32(w.storage()), ElementsAre(7, 8));
  into.pointer = "/nowhere";
  EXPECT_EQ(LoadInto(path, {{"w", w}}, into, options_).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(LoadIntoTest, OneErrorSaysAllAndNothingIsRead) {
  const std::string file = Saved({{"a", View(Count(2), {2}, {1})},
                                  {"shape", View(Count(6), {2, 3}, {3, 1})},
                                  {"dtype", View(Count(2), {2}, {1})},
                                  {"more", View(Count(2), {2}, {1})}});
  const Tensor a = Blank({2});
  const absl::Status status =
      Load(file, {{"a", a},
                  {"shape", Blank({3, 2})},
                  {"dtype", *Tensor::FromData<float>({1, 2}, {2})},
                  {"absent.1", Blank({1})},
                  {"absent.2", Blank({1})}})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("not in the file: absent.1, absent.2"),
            HasSubstr("only in the file: more"),
            HasSubstr("shape: the file has int32 [2, 3], the tensor is int32 "
                      "[3, 2]"),
            HasSubstr("dtype: the file has int32 [2], the tensor is float32 "
                      "[2]")));
  EXPECT_THAT(Memory32(a.storage()), Each(-1));
}

TEST_F(LoadIntoTest, WithoutStrictNamesMayDiffer) {
  const std::string file = Saved(
      {{"a", View(Count(2), {2}, {1})}, {"more", View(Count(2), {2}, {1})}});
  LoadIntoOptions options;
  options.strict = false;
  const Tensor a = Blank({2});
  const absl::StatusOr<LoadIntoResult> result =
      Load(file, {{"absent", Blank({1})}, {"a", a}}, options);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->missing, ElementsAre("absent"));
  EXPECT_THAT(result->unexpected, ElementsAre("more"));
  EXPECT_THAT(Memory32(a.storage()), ElementsAre(0, 1));
  // Shapes may not.
  const absl::Status status =
      Load(file, {{"a", Blank({3})}, {"absent", Blank({1})}}, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("absent")));
}

TEST_F(LoadIntoTest, WhatIsNoTensorIsUnexpected) {
  const Value state = Value::OrderedDict();
  ASSERT_THAT(state.Set("steps", Value(3)), IsOk());
  ASSERT_THAT(state.Set("a", Value(View(Count(2), {2}, {1}))), IsOk());
  ASSERT_THAT(state.Set("list", Value::List({Value(View(Count(2, 5), {2}, {1})),
                                             Value("x")})),
              IsOk());
  const std::string file = *SaveToString(state);
  const Tensor a = Blank({2});
  const absl::Status strict = Load(file, {{"a", a}}).status();
  EXPECT_EQ(strict.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(strict.message()),
              AllOf(HasSubstr("only in the file: list.0\n"),
                    HasSubstr("and not tensors: steps (int), list.1 (str)")));
  EXPECT_THAT(Memory32(a.storage()), Each(-1));
  LoadIntoOptions options;
  options.strict = false;
  const Tensor item = Blank({2});
  const absl::StatusOr<LoadIntoResult> result =
      Load(file, {{"a", a}, {"list.0", item}}, options);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->unexpected, ElementsAre("steps", "list.1"));
  EXPECT_THAT(Memory32(a.storage()), ElementsAre(0, 1));
  EXPECT_THAT(Memory32(item.storage()), ElementsAre(5, 6));
  // What is asked for must be one.
  const absl::Status status =
      Load(file, {{"steps", Blank({1})}}, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("steps: in the file it is not a tensor, but of type int"));
}

TEST_F(LoadIntoTest, WhatMayBePartOfTheStateIsUnexpected) {
  const auto number = [](int32_t value) {
    return Value(View(Count(1, value), {1}, {1}));
  };
  const Value state = Value::Dict();
  ASSERT_THAT(state.Set("a", number(1)), IsOk());
  const Value run = Value::Dict();
  ASSERT_THAT(run.Set("weights", state), IsOk());
  ASSERT_THAT(run.Set("bias", number(2)), IsOk());
  ASSERT_THAT(run.Set("scales", Value::List({number(3)})), IsOk());
  const Value momentum = Value::Dict();
  ASSERT_THAT(momentum.Set("a", number(4)), IsOk());
  ASSERT_THAT(run.Set("optimizer", momentum), IsOk());
  ASSERT_THAT(run.Set("epoch", Value(5)), IsOk());
  const std::string file = *SaveToString(run);
  const Tensor a = Blank({1});
  const absl::Status strict = Load(file, {{"a", a}}).status();
  EXPECT_EQ(strict.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(strict.message()),
              AllOf(HasSubstr("set LoadIntoOptions::pointer to \"/weights\""),
                    HasSubstr(": /bias, /scales")));
  EXPECT_THAT(std::string(strict.message()), Not(HasSubstr("optimizer")));
  EXPECT_THAT(Memory32(a.storage()), ElementsAre(-1));

  LoadIntoOptions options;
  options.strict = false;
  absl::StatusOr<LoadIntoResult> result = Load(file, {{"a", a}}, options);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(Memory32(a.storage()), ElementsAre(1));
  EXPECT_THAT(result->unexpected, ElementsAre("/bias", "/scales"));
  EXPECT_EQ(result->pointer, "/weights");
  EXPECT_THAT(result->outside,
              ElementsAre("/bias", "/scales", "/optimizer", "/epoch"));

  // From the root of the file, wherever the search begins.
  const Value runs = Value::Dict();
  ASSERT_THAT(runs.Set("run", run), IsOk());
  options.pointer = "/run";
  result = Load(*SaveToString(runs), {{"a", a}}, options);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->unexpected, ElementsAre("/run/bias", "/run/scales"));
  EXPECT_EQ(result->pointer, "/run/weights");
  EXPECT_THAT(result->outside, ElementsAre("/run/bias", "/run/scales",
                                           "/run/optimizer", "/run/epoch"));

  // Where the caller says what the state is, what stands beside it is not.
  options.strict = true;
  options.pointer = "/weights";
  result = Load(file, {{"a", a}}, options);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->unexpected, IsEmpty());
  EXPECT_EQ(result->pointer, "/weights");
  EXPECT_THAT(result->outside, IsEmpty());
}

TEST_F(LoadIntoTest, WhatIsCertainlyOutsideIsExpected) {
  const Value number(View(Count(1, 7), {1}, {1}));
  const Value state = Value::Dict();
  ASSERT_THAT(state.Set("a", number), IsOk());
  const Value checkpoint = Value::Dict();
  ASSERT_THAT(checkpoint.Set("state_dict", state), IsOk());
  ASSERT_THAT(checkpoint.Set("rng_state", number), IsOk());
  // A module's own tensors that its state_dict does not list.
  const Value module = Value::Object("my.Module");
  ASSERT_THAT(module.SetAttribute("_parameters", state), IsOk());
  ASSERT_THAT(module.SetAttribute("_modules", Value::Dict()), IsOk());
  ASSERT_THAT(module.SetAttribute("anchors", Value(View(Count(1), {1}, {1}))),
              IsOk());
  struct Case {
    Value value;
    const char* outside;
  };
  for (const Case& c :
       {Case{checkpoint, "/rng_state"}, Case{module, "/anchors"}}) {
    const Tensor a = Blank({1});
    const absl::StatusOr<LoadIntoResult> result =
        Load(*SaveToString(c.value), {{"a", a}});
    ASSERT_THAT(result, IsOk());
    EXPECT_THAT(result->unexpected, IsEmpty());
    EXPECT_THAT(result->outside, ElementsAre(c.outside));
    EXPECT_THAT(Memory32(a.storage()), ElementsAre(7));
  }
}

TEST_F(LoadIntoTest, FromATorchScriptArchive) {
  const std::string pickle = SmallPickle();
  ZipBuilder zip =
      CheckpointOf(absl::StrCat(absl::string_view("\x80\x02"
                                                  "c__torch__\nM\n)\x81"),
                                pickle.substr(2, pickle.size() - 3), "b."));
  zip.Add("my.model/constants.pkl", absl::string_view("\x80\x02K\x03\x85."));
  const std::string file = zip.Build();
  const Tensor w = *Tensor::FromData<float>({9, 9, 9, 9}, {4});
  const absl::StatusOr<LoadIntoResult> result = Load(file, {{"w", w}});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(static_cast<const float*>(w.data())[3], 3.0f);
  // A frozen program keeps its weights among the constants.
  const absl::Status status = Load(file, {{"w", w}, {"b", w}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("not in the file: b\n"), HasSubstr("constants"),
                    HasSubstr("`ProgramData`")));
}

TEST_F(LoadIntoTest, RefusesTensorsThatCannotBeReadInto) {
  const std::string file = Saved({{"a", View(Count(4), {2, 2}, {2, 1})}});
  const auto code = [&](const Tensor& to) {
    return Load(file, {{"a", to}}).status().code();
  };
  EXPECT_EQ(code(View(Count(4), {2, 2}, {0, 1})),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(View(Storage::Described(16, "cpu"), {2, 2}, {2, 1})),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Tensor()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(View(OnDevice(24), {2, 2}, {3, 1})),
            absl::StatusCode::kUnimplemented);
  const Tensor conjugated = Blank({2, 2});
  conjugated.set_neg(true, InternalKey());
  EXPECT_EQ(code(conjugated), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      Load(file, {{"a", Blank({2, 2})}, {"a", Blank({2, 2})}}).status().code(),
      absl::StatusCode::kInvalidArgument);
}

TEST_F(LoadIntoTest, QuantisedElementsAreNotReadWithoutTheirScale) {
  const Tensor codes = *Tensor::Create(Count(1), DType::kQInt8, {4});
  EXPECT_THAT(DescribeMismatch(codes, codes, /*cast=*/false),
              HasSubstr("has a scale"));
}

TEST_F(LoadIntoTest, RearrangesWhatStandsOtherwise) {
  // Transposed in the file, with gaps in memory, and both.
  const std::string file = Saved({{"a", View(Count(6), {2, 3}, {1, 2})},
                                  {"b", View(Count(6), {2, 3}, {3, 1})},
                                  {"c", View(Count(6), {2, 3}, {1, 2})}});
  const Tensor a = Blank({2, 3});
  const Tensor b = View(Blank({8}).storage(), {2, 3}, {4, 1}, 1);
  const Tensor c = View(Blank({8}).storage(), {2, 3}, {4, 1});
  ASSERT_THAT(Load(file, {{"a", a}, {"b", b}, {"c", c}}), IsOk());
  EXPECT_THAT(Memory32(a.storage()), ElementsAre(0, 2, 4, 1, 3, 5));
  EXPECT_THAT(Memory32(b.storage()), ElementsAre(-1, 0, 1, 2, -1, 3, 4, 5));
  EXPECT_THAT(Memory32(c.storage()), ElementsAre(0, 2, 4, -1, 1, 3, 5, -1));
  // Arranged alike, it needs no rearranging.
  const Tensor transposed = View(Blank({6}).storage(), {2, 3}, {1, 2});
  LoadIntoOptions part;
  part.strict = false;
  ASSERT_THAT(Load(file, {{"a", transposed}}, part), IsOk());
  EXPECT_THAT(Memory32(transposed.storage()), ElementsAre(0, 1, 2, 3, 4, 5));
}

// What is done with the views of one storage, with its checksum and without.
class LoadIntoViewsTest : public LoadIntoTest,
                          public testing::WithParamInterface<bool> {
 protected:
  LoadIntoViewsTest() { options_.verify_crc32 = GetParam(); }
};

TEST_P(LoadIntoViewsTest, ReadsViewsOfOneStorage) {
  const int64_t count = 3 << 20;
  const Storage storage = Count(count);
  const std::string file = Saved({
      {"first", View(storage, {5}, {1})},
      {"across", View(storage, {300000}, {1}, 100000)},
      {"overlapping", View(storage, {300000}, {1}, 100001)},
      {"last", View(storage, {2, 2}, {2, 1}, count - 4)},
      {"repeated", View(storage, {2, 2}, {0, 1}, 1 << 20)},
      {"every_third", View(storage, {3}, {3}, 2 << 20)},
  });
  std::vector<NamedTensor> tensors = {
      {"first", Blank({5})},
      {"across", Blank({300000})},
      {"overlapping", Blank({300000})},
      {"last", Blank({2, 2})},
      {"repeated", Blank({2, 2})},
      {"every_third", Blank({3})},
  };
  ASSERT_THAT(Load(file, tensors), IsOk());
  EXPECT_THAT(Memory32(tensors[0].tensor.storage()),
              ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(Memory32(tensors[1].tensor.storage()),
            Memory32(Count(300000, 100000)));
  EXPECT_EQ(Memory32(tensors[2].tensor.storage()),
            Memory32(Count(300000, 100001)));
  EXPECT_EQ(Memory32(tensors[3].tensor.storage()),
            Memory32(Count(4, count - 4)));
  EXPECT_THAT(Memory32(tensors[4].tensor.storage()),
              ElementsAre(1 << 20, (1 << 20) + 1, 1 << 20, (1 << 20) + 1));
  EXPECT_THAT(Memory32(tensors[5].tensor.storage()),
              ElementsAre(2 << 20, (2 << 20) + 3, (2 << 20) + 6));
}

TEST_P(LoadIntoViewsTest, ReadsWhatIsNeeded) {
  const int64_t count = 3 << 20;
  const std::string file =
      Saved({{"part", View(Count(count), {1000}, {1}, 5000)},
             {"large", View(Count(count), {count}, {1})}});
  uint64_t bytes_read = 0;
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(
      std::make_unique<CountingBytes>(file, &bytes_read), options_);
  ASSERT_THAT(checkpoint, IsOk());
  bytes_read = 0;
  const Tensor part = Blank({1000});
  LoadIntoOptions into;
  into.strict = false;
  ASSERT_THAT(LoadInto(*checkpoint, {{"part", part}}, into), IsOk());
  EXPECT_EQ(Memory32(part.storage()), Memory32(Count(1000, 5000)));
  if (options_.verify_crc32) {
    EXPECT_GE(bytes_read, count * 4u);
    EXPECT_LT(bytes_read, count * 4u + 1000);
  } else {
    EXPECT_LT(bytes_read, 5000u);
  }
}

TEST_P(LoadIntoViewsTest, OntoDevices) {
  const Storage storage = Count(6);
  const std::string file = Saved({{"whole", View(Count(4), {4}, {1})},
                                  {"row", View(storage, {3}, {1}, 3)},
                                  {"columns", View(storage, {3, 2}, {1, 3})}});
  const Storage device = OnDevice(40);
  ASSERT_THAT(Load(file, {{"whole", View(OnDevice(16), {4}, {1})},
                          {"row", View(device, {3}, {1}, 1)},
                          {"columns", View(device, {3, 2}, {2, 1}, 4)}}),
              IsOk());
  EXPECT_THAT(FromDevice(device), ElementsAre(-1, 3, 4, 5, 0, 3, 1, 4, 2, 5));
}

INSTANTIATE_TEST_SUITE_P(Checksums, LoadIntoViewsTest, testing::Bool());

TEST_F(LoadIntoTest, TiedTensorsTakeTheLast) {
  const std::string file = Saved({{"embed", View(Count(4), {4}, {1})},
                                  {"head", View(Count(4, 50), {4}, {1})}});
  const Tensor tied = Blank({4});
  ASSERT_THAT(Load(file, {{"head", tied}, {"embed", tied}}), IsOk());
  EXPECT_THAT(Memory32(tied.storage()), ElementsAre(50, 51, 52, 53));
}

TEST_F(LoadIntoTest, OfOneViewTheLastIsReadAlone) {
  const std::string file = Saved({{"a", View(Count(4, 10), {4}, {1})},
                                  {"b", View(Count(4, 20), {4}, {1})},
                                  {"c", View(Count(4, 30), {4}, {1})}});
  const Storage storage = Blank({8}).storage();
  const Tensor low = View(storage, {4}, {1});
  const Tensor high = View(storage, {4}, {1}, 4);
  uint64_t total_bytes = 0;
  options_.progress = [&](uint64_t, uint64_t total) { total_bytes = total; };
  ASSERT_THAT(Load(file, {{"a", high}, {"b", low}, {"c", high}}), IsOk());
  EXPECT_THAT(Memory32(storage), ElementsAre(20, 21, 22, 23, 30, 31, 32, 33));
  EXPECT_EQ(total_bytes, 32u);
}

TEST_F(LoadIntoTest, EqualViewsOfOneStorageOfADevice) {
  const std::string file = Saved({{"a", View(Count(2, 10), {2}, {1})},
                                  {"b", View(Count(2, 20), {2}, {1})}});
  const Storage device = OnDevice(16);
  ASSERT_THAT(Load(file, {{"a", View(device, {2}, {1})},
                          {"b", View(device, {2}, {1}, 2)}}),
              IsOk());
  EXPECT_THAT(FromDevice(device), ElementsAre(10, 11, 20, 21));
}

TEST_F(LoadIntoTest, ManyStoragesThatAreMetAgain) {
  constexpr int kStorages = 100;
  std::vector<NamedTensor> saved, wanted;
  std::vector<Storage> storages;
  for (int i = 0; i < kStorages; ++i) storages.push_back(Count(4, 4 * i));
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < kStorages; ++i) {
      const std::string name = absl::StrCat(half, ".", i);
      saved.push_back({name, View(storages[i], {2}, {1}, 2 * half)});
      wanted.push_back({name, Blank({2})});
    }
  }
  ASSERT_THAT(Load(Saved(saved), wanted), IsOk());
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < kStorages; ++i) {
      const int32_t first = 4 * i + 2 * half;
      EXPECT_THAT(Memory32(wanted[half * kStorages + i].tensor.storage()),
                  ElementsAre(first, first + 1));
    }
  }
}

TEST_F(LoadIntoTest, ViewsOfTheSameBytesAreReadAndStagedOnce) {
  constexpr int64_t kRows = 1000;
  constexpr int64_t kColumns = 64;
  const Storage matrix = Count(kRows * kColumns);
  std::vector<NamedTensor> columns;
  columns.reserve(kColumns);
  for (int64_t i = 0; i < kColumns; ++i) {
    columns.push_back({absl::StrCat(i), View(matrix, {kRows}, {kColumns}, i)});
  }
  const std::string file = Saved(columns);
  for (const bool verify : {false, true}) {
    uint64_t bytes_read = 0;
    options_.verify_crc32 = verify;
    const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(
        std::make_unique<CountingBytes>(file, &bytes_read), options_);
    ASSERT_THAT(checkpoint, IsOk());
    std::vector<NamedTensor> blanks;
    blanks.reserve(kColumns);
    for (int64_t i = 0; i < kColumns; ++i) {
      blanks.push_back({absl::StrCat(i), Blank({kRows})});
    }
    bytes_read = 0;
    const absl::StatusOr<LoadIntoResult> result =
        LoadInto(*checkpoint, blanks, LoadIntoOptions());
    ASSERT_THAT(result, IsOk());
    EXPECT_LT(bytes_read, matrix.size_bytes() + (64u << 10));
    for (int64_t i = 0; i < kColumns; ++i) {
      const std::vector<int32_t> found = Memory32(blanks[i].tensor.storage());
      for (int64_t row = 0; row < kRows; ++row) {
        ASSERT_EQ(found[row], row * kColumns + i);
      }
    }
  }
}

TEST_F(LoadIntoTest, OverlappingMemoryHoldsOneOrTheOther) {
  const Tensor a = View(Count(1000, 0), {1000}, {1});
  const Tensor b = View(Count(600, 5000), {600}, {1});
  const Tensor memory = Blank({1000});
  const Tensor tail = View(memory.storage(), {600}, {1}, 400);
  const absl::StatusOr<LoadIntoResult> result =
      Load(Saved({{"a", a}, {"b", b}}), {{"a", memory}, {"b", tail}});
  ASSERT_THAT(result, IsOk());
  const std::vector<int32_t> found = Memory32(memory.storage());
  for (int32_t i = 0; i < 400; ++i) EXPECT_EQ(found[i], i);
  for (int32_t i = 400; i < 1000; ++i) {
    EXPECT_TRUE(found[i] == i || found[i] == 5000 + i - 400) << found[i];
  }
}

TEST_F(LoadIntoTest, ReportsProgressOverAll) {
  const Storage storage = Count(1 << 20);
  const std::string file = Saved({
      {"a", View(Count(1 << 20), {1 << 20}, {1})},
      {"b", View(storage, {1 << 10, 1 << 10}, {1, 1 << 10})},
  });
  uint64_t last_done = 0;
  uint64_t last_total = 0;
  options_.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last_done);
    last_done = done;
    last_total = total;
  };
  ASSERT_THAT(
      Load(file, {{"a", Blank({1 << 20})}, {"b", Blank({1 << 10, 1 << 10})}}),
      IsOk());
  // "b" is rearranged after it has been read.
  EXPECT_EQ(last_done, uint64_t{12} << 20);
  EXPECT_EQ(last_total, uint64_t{12} << 20);
}

TEST_F(LoadIntoTest, ReportsDamage) {
  const int64_t count = 1 << 20;
  std::string file = Saved({{"a", View(Count(count), {count}, {1})}});
  file[file.size() / 2] ^= 1;
  EXPECT_EQ(Load(file, {{"a", Blank({count})}}).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(LoadIntoTest, ReadsTensorsOfThisCheckpointAlone) {
  const std::string file = Saved({{"a", View(Count(2), {2}, {1})}});
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(file, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->ReadTensors({{Blank({2}), Blank({2})}}).code(),
            absl::StatusCode::kInvalidArgument);
  const absl::StatusOr<Tensor> a = checkpoint->root().Get("a")->AsTensor();
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ(checkpoint->ReadTensors({{*a, Blank({3})}}).code(),
            absl::StatusCode::kInvalidArgument);
  const Tensor to = Blank({2});
  ASSERT_THAT(checkpoint->ReadTensors({{*a, to}}), IsOk());
  EXPECT_THAT(Memory32(to.storage()), ElementsAre(0, 1));
  EXPECT_FALSE(a->storage().has_data());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
