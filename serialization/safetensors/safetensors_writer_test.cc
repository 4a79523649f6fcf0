// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/safetensors/safetensors_writer.h"

#include <complex>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/atomic_file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
Tensor Row(const std::vector<T>& elements) {
  return *Tensor::FromData(absl::MakeConstSpan(elements),
                           {static_cast<int64_t>(elements.size())});
}

// A view of another tensor's storage.
Tensor View(const Tensor& of, const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset = 0) {
  absl::StatusOr<Tensor> tensor =
      Tensor::Create(of.storage(), of.dtype(), shape, strides, offset);
  EXPECT_THAT(tensor, IsOk());
  return *tensor;
}

Value DictOf(const std::vector<std::pair<std::string, Value>>& entries) {
  Value dict = Value::Dict();
  for (const auto& [key, value] : entries) {
    EXPECT_THAT(dict.Set(key, value), IsOk());
  }
  return dict;
}

class SafetensorsWriterTest : public testing::Test {
 protected:
  SafetensorsWriterTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(
        registry_.RegisterBackend(100, std::make_shared<FakeBackend>()));
    save_options_.container = Container::kSafetensors;
    save_options_.registry = &registry_;
    save_options_.durability = Durability::kNone;
    load_options_.registry = &registry_;
  }

  absl::StatusOr<std::string> SaveToString(const Value& value) {
    return ferry::SaveToString(value, save_options_);
  }

  // The elements that "x" has after a save and a load.
  template <typename T>
  std::vector<T> AfterRoundTrip(const Tensor& tensor) {
    const absl::StatusOr<std::string> bytes =
        SaveToString(DictOf({{"x", tensor}}));
    EXPECT_THAT(bytes, IsOk());
    if (!bytes.ok()) return {};
    const absl::StatusOr<Value> loaded = LoadMemory(*bytes, load_options_);
    EXPECT_THAT(loaded, IsOk());
    if (!loaded.ok()) return {};
    const Tensor x = *loaded->Get("x")->AsTensor();
    EXPECT_TRUE(x.is_contiguous());
    EXPECT_EQ(x.shape(), tensor.shape());
    const T* const first = static_cast<const T*>(x.data());
    return std::vector<T>(first, first + x.num_elements());
  }

  DeviceRegistry registry_;
  SaveOptions save_options_;
  LoadOptions load_options_;
};

TEST_F(SafetensorsWriterTest, WritesWhatTheLibraryWrites) {
  for (const char* name : {"dtypes", "shapes", "nothing"}) {
    const std::string path =
        absl::StrCat("tests/data/safetensors/", name, ".safetensors");
    const std::string original = ReadFile(path);
    absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(original, load_options_);
    ASSERT_THAT(checkpoint, IsOk());
    ASSERT_THAT(checkpoint->LoadAll(), IsOk());
    save_options_.metadata = checkpoint->info().metadata;
    const absl::StatusOr<std::string> written =
        SaveToString(checkpoint->root());
    ASSERT_THAT(written, IsOk());
    EXPECT_EQ(*written, original) << name;

    // In whatever order the dict has them, and to a file.
    Value turned = Value::OrderedDict();
    for (size_t i = checkpoint->root().size(); i-- > 0;) {
      const auto [key, value] = *checkpoint->root().Entry(i);
      ASSERT_THAT(turned.Set(key, value), IsOk());
    }
    const std::string copy = absl::StrCat(testing::TempDir(), "/", name);
    ASSERT_THAT(Save(turned, copy, save_options_), IsOk());
    EXPECT_EQ(ReadFile(copy), original) << name;
  }
}

TEST_F(SafetensorsWriterTest, WritesElementsInARow) {
  const Tensor base = Row<float>({0, 1, 2, 3, 4, 5});
  EXPECT_THAT(AfterRoundTrip<float>(View(base, {3, 2}, {1, 3})),
              ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(AfterRoundTrip<float>(View(base, {2}, {1}, 3)),
              ElementsAre(3, 4));
  EXPECT_THAT(AfterRoundTrip<float>(View(base, {2, 2}, {1, 0}, 4)),
              ElementsAre(4, 4, 5, 5));
  EXPECT_THAT(AfterRoundTrip<float>(View(base, {0}, {4}, 8)), ElementsAre());
  EXPECT_THAT(AfterRoundTrip<float>(View(base, {0}, {1}, INT64_MAX)),
              ElementsAre());
  const Tensor negative = View(base, {2}, {1}, 1);
  negative.set_neg(true, InternalKey());
  EXPECT_THAT(AfterRoundTrip<float>(negative), ElementsAre(-1, -2));
  using Complex = std::complex<float>;
  absl::StatusOr<Tensor> conj =
      Tensor::Create(base.storage(), DType::kComplex64, {2}, {1}, 1);
  ASSERT_THAT(conj, IsOk());
  conj->set_conj(true, InternalKey());
  EXPECT_THAT(AfterRoundTrip<Complex>(*conj),
              ElementsAre(Complex(2, -3), Complex(4, -5)));
}

// More than a chunk, and more than a piece of a thread.
TEST_F(SafetensorsWriterTest, WritesLargeTensorsInPieces) {
  std::vector<int32_t> numbers(6 << 20);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  const int64_t half = static_cast<int64_t>(numbers.size()) / 2;
  const Tensor base = Row(numbers);
  const Value dict =
      DictOf({{"row", View(base, {half}, {1}, half)},
              {"turned", View(Row(numbers), {half, 2}, {1, half})}});
  const std::string path = absl::StrCat(testing::TempDir(), "/large");
  uint64_t done_bytes = 0;
  save_options_.progress = [&done_bytes](uint64_t done, uint64_t total) {
    EXPECT_LE(done, total);
    done_bytes = done;
  };
  ASSERT_THAT(Save(dict, path, save_options_), IsOk());
  EXPECT_EQ(done_bytes, 3 * half * sizeof(int32_t));
  EXPECT_EQ(ReadFile(path), *SaveToString(dict));
  const absl::StatusOr<Value> loaded = Load(path, load_options_);
  ASSERT_THAT(loaded, IsOk());
  const auto* row =
      static_cast<const int32_t*>(loaded->Get("row")->AsTensor()->data());
  const auto* turned =
      static_cast<const int32_t*>(loaded->Get("turned")->AsTensor()->data());
  for (int64_t i = 0; i < half; ++i) {
    ASSERT_EQ(row[i], half + i);
    ASSERT_EQ(turned[2 * i], i);
    ASSERT_EQ(turned[2 * i + 1], half + i);
  }
}

TEST_F(SafetensorsWriterTest, ReadsFromDevices) {
  const std::vector<float> elements = {0, 1, 2, 3, 4, 5};
  const absl::StatusOr<std::string> saved =
      SaveToString(DictOf({{"x", Row(elements)}}));
  ASSERT_THAT(saved, IsOk());
  load_options_.map_location = MapLocation::To("fake:1");
  const absl::StatusOr<Value> loaded = LoadMemory(*saved, load_options_);
  ASSERT_THAT(loaded, IsOk());
  const Tensor x = *loaded->Get("x")->AsTensor();
  ASSERT_EQ(x.device().ToString(), "fake:1");
  load_options_ = LoadOptions();
  load_options_.registry = &registry_;
  EXPECT_THAT(AfterRoundTrip<float>(x), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(AfterRoundTrip<float>(View(x, {2, 2}, {1, 2}, 2)),
              ElementsAre(2, 4, 3, 5));
}

// Large views from the middle of a storage on a device, contiguous and not: the
// file is the one that the host writes.
TEST_F(SafetensorsWriterTest, ReadsLargeViewsFromDevices) {
  std::vector<int32_t> numbers(1 << 20);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  const Tensor on_host = Row(numbers);
  const absl::StatusOr<std::string> saved =
      SaveToString(DictOf({{"x", on_host}}));
  ASSERT_THAT(saved, IsOk());
  load_options_.map_location = MapLocation::To("fake:1");
  const absl::StatusOr<Value> loaded = LoadMemory(*saved, load_options_);
  ASSERT_THAT(loaded, IsOk());
  const Tensor on_device = *loaded->Get("x")->AsTensor();
  const auto views_of = [](const Tensor& x) {
    return DictOf({{"row", View(x, {500000}, {1}, 500001)},
                   {"turned", View(x, {3, 250000}, {1, 3}, 7)}});
  };
  save_options_.copy_shared = true;
  const absl::StatusOr<std::string> from_device =
      SaveToString(views_of(on_device));
  const absl::StatusOr<std::string> from_host = SaveToString(views_of(on_host));
  ASSERT_THAT(from_device, IsOk());
  ASSERT_THAT(from_host, IsOk());
  EXPECT_TRUE(*from_device == *from_host);

  // An error names the tensor once.
  const Tensor lost =
      *Tensor::Create(Storage::FromMemory(Device("fake", 1), Memory{}, 4 << 20),
                      DType::kInt32, {1 << 20});
  for (const Tensor& view :
       {lost, View(lost, {2, 500000}, {1, 2}, 0), View(lost, {2, 2}, {1, 2}, 0),
        View(lost, {3}, {1}, 0)}) {
    const absl::Status status = SaveToString(DictOf({{"w", view}})).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    const std::string message(status.message());
    EXPECT_THAT(message, HasSubstr("\"/w\": "));
    EXPECT_EQ(message.find("/w"), message.rfind("/w")) << message;
  }
}

TEST_F(SafetensorsWriterTest, NamesWhatDoesNotFit) {
  const Tensor tensor = Row<float>({1});
  const Tensor wide =
      *Tensor::Create(*Storage::Allocate(16), DType::kComplex128, {1});
  const Tensor sparse = Tensor::CreateComposite(
      Layout::kSparseCoo, DType::kFloat32, {1}, {tensor, tensor});
  const Tensor meta = *Tensor::Create(
      Storage::FromMemory(Device("meta"), Memory{}, 4), DType::kFloat32, {1});
  Value with_number = Value::Dict();
  ASSERT_THAT(with_number.Set(Value(1), tensor), IsOk());
  struct Case {
    Value value;
    absl::StatusCode code;
    const char* says;
  };
  const Case cases[] = {
      {Value(1), absl::StatusCode::kInvalidArgument, "this is an int"},
      {Value(tensor), absl::StatusCode::kInvalidArgument, "a tensor"},
      {DictOf({{"a/b", Value(3)}}), absl::StatusCode::kInvalidArgument,
       "\"/a~1b\" is an int"},
      {DictOf({{"model", Value::Dict()}}), absl::StatusCode::kInvalidArgument,
       "\"/model\" is a dict"},
      {with_number, absl::StatusCode::kInvalidArgument, "\"/1\""},
      {DictOf({{"__metadata__", tensor}}), absl::StatusCode::kInvalidArgument,
       "__metadata__"},
      {DictOf({{"\xed\xa0\x80", tensor}}), absl::StatusCode::kInvalidArgument,
       "surrogates"},
      {DictOf({{"w", wide}}), absl::StatusCode::kUnimplemented,
       "\"/w\" is a strided tensor of complex128"},
      {DictOf({{"s", sparse}}), absl::StatusCode::kUnimplemented,
       "\"/s\" is a sparse_coo tensor"},
      {DictOf({{"m", meta}}), absl::StatusCode::kInvalidArgument,
       "\"/m\" has no elements"},
  };
  for (const Case& c : cases) {
    const absl::Status status = SaveToString(c.value).status();
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
  }
}

TEST_F(SafetensorsWriterTest, RefusesSharedMemoryUnlessItIsToBeCopied) {
  const Tensor base = Row<float>({0, 1, 2, 3});
  const Value shared = DictOf({{"b", View(base, {2}, {1}, 1)},
                               {"a", View(base, {2}, {1}, 2)},
                               {"none", View(base, {0}, {1}, 2)}});
  const absl::Status status = SaveToString(shared).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("\"/b\" and \"/a\" share memory"),
                    HasSubstr("copy_shared")));
  save_options_.copy_shared = true;
  const absl::StatusOr<std::string> bytes = SaveToString(shared);
  ASSERT_THAT(bytes, IsOk());
  const absl::StatusOr<Value> loaded = LoadMemory(*bytes, load_options_);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(static_cast<const float*>(loaded->Get("a")->AsTensor()->data())[0],
            2);

  // Parts of one storage that do not overlap are tensors like others.
  save_options_.copy_shared = false;
  EXPECT_THAT(SaveToString(DictOf({{"a", View(base, {2}, {1}, 0)},
                                   {"b", View(base, {2}, {1}, 2)}})),
              IsOk());
}

TEST_F(SafetensorsWriterTest, ChecksTheMetadata) {
  const Value dict = DictOf({});
  save_options_.metadata = {{"a", "1"}, {"a", "2"}};
  EXPECT_EQ(SaveToString(dict).status().code(),
            absl::StatusCode::kInvalidArgument);
  save_options_.metadata = {{"a", "\xff"}};
  EXPECT_EQ(SaveToString(dict).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Two tensors that repeat their elements past what 64 bits count.
TEST_F(SafetensorsWriterTest, DoesNotWriteWithoutEnd) {
  const Tensor one = Row<double>({1});
  const Tensor many = View(one, {int64_t{1} << 60}, {0});
  EXPECT_EQ(SaveToString(DictOf({{"a", many}})).status().code(),
            absl::StatusCode::kResourceExhausted);
  save_options_.copy_shared = true;
  EXPECT_EQ(SaveToString(DictOf({{"a", many}, {"b", many}})).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(SafetensorsWriterTest, CanBeCancelled) {
  save_options_.is_cancelled = [] { return true; };
  EXPECT_EQ(SaveToString(DictOf({{"a", Row<float>({1})}})).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace safetensors
}  // namespace v1
}  // namespace ferry
