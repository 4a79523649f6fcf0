// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads whose tensors are cast: LoadOptions::dtype and LoadIntoOptions::cast.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/elements.h"
#include "ferry/core/factories.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/devices/to_device.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_into.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using absl::StatusCode;
using testing::Each;
using testing::HasSubstr;

// 0, 0.25, 0.5, ... of `shape`.
Tensor Quarters(const std::vector<int64_t>& shape,
                DType dtype = DType::kFloat32) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  const Tensor flat = *Arange(0, static_cast<double>(count) / 4, 0.25,
                              TensorOptions().dtype(dtype));
  return *strided::Reshape(flat, shape);
}

template <typename T>
std::vector<float> Floats(const Tensor& tensor) {
  std::vector<float> floats;
  EXPECT_THAT(ForEachElement<T>(tensor,
                                [&](T element) {
                                  floats.push_back(static_cast<float>(element));
                                }),
              IsOk());
  return floats;
}

class LoadDTypeTest : public testing::Test {
 protected:
  LoadDTypeTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(20, fake_));
    options_.registry = &registry_;
    options_.dtype = DType::kBFloat16;
  }

  // A dict of these tensors.
  static Value Dict(const std::vector<NamedTensor>& tensors) {
    const Value dict = Value::Dict();
    for (const NamedTensor& entry : tensors) {
      EXPECT_THAT(dict.Set(entry.name, Value(entry.tensor)), IsOk());
    }
    return dict;
  }

  std::string Saved(const std::vector<NamedTensor>& tensors,
                    Container container = Container::kZip) {
    return Save(Dict(tensors), container);
  }

  // A file of a value. Its storages may be on devices of this registry only.
  std::string Save(const Value& value, Container container = Container::kZip) {
    SaveOptions options;
    options.container = container;
    options.registry = &registry_;
    return *SaveToString(value, options);
  }

  static Tensor At(const Value& value, absl::string_view pointer) {
    return *value.At(pointer)->AsTensor();
  }

  DeviceRegistry registry_;
  std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  LoadOptions options_;
};

TEST_F(LoadDTypeTest, CastsFloatsAlone) {
  const Tensor integers = *Arange(0, 5);
  const Tensor complex = *Ones({2}, TensorOptions().dtype(DType::kComplex64));
  const Tensor quarters = Quarters({3, 100000});  // in several pieces
  for (Container container : {Container::kZip, Container::kLegacy}) {
    const std::string bytes = Saved({{"a", quarters},
                                     {"half", Quarters({7}, DType::kFloat16)},
                                     {"same", Quarters({7}, DType::kBFloat16)},
                                     {"none", *Zeros({0, 3})},
                                     {"int", integers},
                                     {"complex", complex}},
                                    container);
    const Value value = *LoadMemory(bytes, options_);
    EXPECT_EQ(At(value, "/a").dtype(), DType::kBFloat16);
    EXPECT_EQ(At(value, "/a").storage().size_bytes(), 600000u);
    EXPECT_EQ(Floats<BFloat16>(At(value, "/a")),
              Floats<BFloat16>(*strided::Cast(quarters, DType::kBFloat16)));
    EXPECT_EQ(Floats<BFloat16>(At(value, "/half")),
              Floats<float>(Quarters({7})));
    EXPECT_EQ(Floats<BFloat16>(At(value, "/same")),
              Floats<float>(Quarters({7})));
    EXPECT_EQ(At(value, "/none").dtype(), DType::kBFloat16);
    EXPECT_EQ(At(value, "/int").dtype(), DType::kInt64);
    EXPECT_EQ(Floats<int64_t>(At(value, "/int")), Floats<int64_t>(integers));
    EXPECT_EQ(At(value, "/complex").dtype(), DType::kComplex64);

    // What is saved again has the new dtype.
    LoadOptions again_options;
    again_options.registry = &registry_;
    const Value again = *LoadMemory(Save(value), again_options);
    EXPECT_EQ(At(again, "/a").dtype(), DType::kBFloat16);
    EXPECT_EQ(Floats<BFloat16>(At(again, "/a")),
              Floats<BFloat16>(At(value, "/a")));
  }
}

TEST_F(LoadDTypeTest, ViewsStayShared) {
  const Tensor whole = Quarters({6, 4});
  const Tensor column = *strided::Select(whole, 1, 2);
  options_.dtype = DType::kFloat64;
  const Value value =
      *LoadMemory(Saved({{"whole", whole}, {"column", column}}), options_);
  const Tensor loaded = At(value, "/whole");
  EXPECT_EQ(At(value, "/column").storage(), loaded.storage());
  EXPECT_EQ(loaded.storage().size_bytes(), 24u * 8);
  EXPECT_EQ(Floats<double>(At(value, "/column")), Floats<float>(column));
}

// What a file of each dtype becomes in each other, saved again and read again.
TEST_F(LoadDTypeTest, EveryPairOfDTypesCanBeSavedAgain) {
  const DType dtypes[] = {DType::kFloat64,        DType::kFloat32,
                          DType::kFloat16,        DType::kBFloat16,
                          DType::kFloat8E5M2,     DType::kFloat8E4M3FN,
                          DType::kFloat8E5M2FNUZ, DType::kFloat8E4M3FNUZ};
  LoadOptions plain;
  plain.registry = &registry_;
  for (DType from : dtypes) {
    const Tensor tensor =
        *strided::Cast(*Tensor::FromData<float>({1, 2, 0.5f, 4}, {2, 2}), from);
    const Value dict = Dict({{"a", tensor}});
    ASSERT_THAT(dict.Set("p", Value::Parameter(tensor)), IsOk());
    for (DType to : dtypes) {
      options_.dtype = to;
      // Read from a file, so that calls describe the tensors.
      const Value read = *LoadMemory(Save(dict), options_);
      const Value again = *LoadMemory(Save(read), plain);
      for (const char* pointer : {"/a", "/p"}) {
        const Tensor result = At(again, pointer);
        EXPECT_EQ(result.dtype(), to) << Name(from);
        const Tensor floats = *strided::Cast(result, DType::kFloat32);
        EXPECT_EQ(Floats<float>(floats), std::vector<float>({1, 2, 0.5f, 4}))
            << Name(from) << " to " << Name(to);
        EXPECT_EQ(result.storage().size_bytes(), 4 * ElementSizeBytes(to));
      }
    }
  }
}

TEST_F(LoadDTypeTest, SparseTensorsStayAsTheyAre) {
  const Value dict = Dict({{"a", Quarters({4})}});
  ASSERT_THAT(
      dict.Set("sparse",
               Value(Tensor::CreateComposite(
                   Layout::kSparseCoo, DType::kFloat32, {9},
                   {*Zeros({1, 4}, TensorOptions().dtype(DType::kInt64)),
                    Quarters({4})}))),
      IsOk());
  const Value value = *LoadMemory(Save(dict), options_);
  EXPECT_EQ(At(value, "/a").dtype(), DType::kBFloat16);
  const Tensor sparse = At(value, "/sparse");
  EXPECT_EQ(sparse.dtype(), DType::kFloat32);
  EXPECT_EQ(Floats<float>(sparse.components()[1]),
            Floats<float>(Quarters({4})));
}

TEST_F(LoadDTypeTest, MetaTensorsAreCastWithoutBytes) {
  const Tensor meta = *Tensor::Create(
      Storage::FromMemory(Device("meta"), Memory(), 32), DType::kFloat32, {8});
  options_.placement = Placement::kHost;
  const Value value = *LoadMemory(Save(Dict({{"a", meta}})), options_);
  EXPECT_EQ(At(value, "/a").dtype(), DType::kBFloat16);
  EXPECT_EQ(At(value, "/a").storage().size_bytes(), 16u);
  EXPECT_EQ(At(value, "/a").device().type(), "meta");
  LoadOptions plain = options_;
  plain.dtype = std::nullopt;
  EXPECT_EQ(At(*LoadMemory(Save(value), plain), "/a").dtype(),
            DType::kBFloat16);
}

// 0, 1, 2, 3 in a record that is deflated, and in one of the other byte order.
TEST_F(LoadDTypeTest, RecordsAreDecodedBeforeTheCast) {
  ZipBuilder deflated = SmallCheckpoint();
  deflated.Remove("my.model/data/0");
  deflated.AddDeflated("my.model/data/0", SmallStorage());
  std::string swapped = SmallStorage();
  for (size_t i = 0; i < swapped.size(); i += 4) {
    std::reverse(&swapped[i], &swapped[i] + 4);
  }
  ZipBuilder big_endian = SmallCheckpoint();
  big_endian.Remove("my.model/data/0");
  big_endian.Add("my.model/data/0", swapped);
  big_endian.Add("my.model/byteorder", "big");
  for (ZipBuilder* zip : {&deflated, &big_endian}) {
    const Value value = *LoadMemory(zip->Build(), options_);
    EXPECT_EQ(Floats<BFloat16>(At(value, "/w")),
              std::vector<float>({0, 1, 2, 3}));
  }
}

TEST_F(LoadDTypeTest, ErrorsNameFileAndRecord) {
  ZipBuilder damaged = SmallCheckpoint();
  damaged.record("my.model/data/0").crc32 ^= 1;
  EXPECT_THAT(LoadMemory(damaged.Build(), options_),
              StatusIs(StatusCode::kDataLoss, HasSubstr("my.model/data/0")));
}

TEST_F(LoadDTypeTest, RefusesMapping) {
  const std::string path = absl::StrCat(testing::TempDir(), "/mapped.pt");
  WriteFile(path, Saved({{"a", Quarters({4})}}));
  options_.mapping = FileMapping::kReadOnly;
  EXPECT_THAT(Load(path, options_),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("LoadOptions::mapping")));
}

TEST_F(LoadDTypeTest, RefusesStoragesOfSparseTensors) {
  const Tensor floats = Quarters({4});
  const Value sparse(Tensor::CreateComposite(
      Layout::kSparseCoo, DType::kFloat32, {9},
      {*Zeros({1, 4}, TensorOptions().dtype(DType::kInt64)), floats}));
  const Value dict = Dict({{"a", floats}});
  ASSERT_THAT(dict.Set("b", sparse), IsOk());
  EXPECT_THAT(LoadMemory(Save(dict), options_),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("sparse_coo")));
  // Nothing is to be cast, so nothing is in the way.
  options_.dtype = DType::kFloat32;
  EXPECT_THAT(LoadMemory(Save(dict), options_), IsOk());
}

TEST_F(LoadDTypeTest, RefusesOtherOptions) {
  const std::string bytes = Saved({{"a", Quarters({4})}});
  options_.dtype = DType::kInt32;
  EXPECT_THAT(LoadMemory(bytes, options_),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("must be a floating-point dtype")));
  options_.dtype = DType::kFloat4E2M1FNx2;
  EXPECT_THAT(LoadMemory(bytes, options_),
              StatusIs(StatusCode::kUnimplemented));
}

TEST_F(LoadDTypeTest, ShowsTheDTypeBeforeTheLoad) {
  const Tensor quarters = Quarters({1000});
  const std::string bytes = Saved({{"a", quarters}});
  Checkpoint checkpoint = *Checkpoint::OpenMemory(bytes, options_);
  const Tensor tensor = At(checkpoint.root(), "/a");
  EXPECT_EQ(tensor.dtype(), DType::kBFloat16);
  EXPECT_FALSE(tensor.storage().has_data());

  std::vector<BFloat16> memory(1000);
  ASSERT_THAT(
      checkpoint.ReadInto(
          {{tensor.storage(),
            absl::MakeSpan(reinterpret_cast<char*>(memory.data()), 2000)}}),
      IsOk());
  EXPECT_EQ(static_cast<float>(memory[7]), 1.75f);
  const Tensor to = *Zeros({1000}, TensorOptions().dtype(DType::kBFloat16));
  ASSERT_THAT(checkpoint.ReadTensors({{tensor, to}}), IsOk());
  EXPECT_EQ(Floats<BFloat16>(to),
            Floats<BFloat16>(*strided::Cast(quarters, DType::kBFloat16)));
  // Cast once more, from the file's own dtype.
  const Tensor floats = *Zeros({1000});
  ASSERT_THAT(checkpoint.ReadTensors({{tensor, floats, /*cast=*/true}}),
              IsOk());
  EXPECT_EQ(Floats<float>(floats), Floats<float>(quarters));

  ASSERT_THAT(checkpoint.Load({tensor.storage()}), IsOk());
  EXPECT_EQ(Floats<BFloat16>(tensor), Floats<BFloat16>(to));
}

TEST_F(LoadDTypeTest, CastsOnTheWayToADevice) {
  const Tensor quarters = Quarters({300000});
  options_.map_location = MapLocation::To("fake:0");
  const Value value = *LoadMemory(Saved({{"a", quarters}}), options_);
  const Tensor there = At(value, "/a");
  EXPECT_EQ(there.device().type(), "fake");
  const Tensor here = *To(there, Device("cpu"), registry_.Snapshot());
  EXPECT_EQ(Floats<BFloat16>(here),
            Floats<BFloat16>(*strided::Cast(quarters, DType::kBFloat16)));
}

TEST_F(LoadDTypeTest, AMapFunctionSeesTheCastStorage) {
  std::vector<uint64_t> sizes;
  options_.map_location = MapLocation::Function(
      [&sizes](const Storage& storage,
               absl::string_view) -> absl::StatusOr<std::optional<Storage>> {
        sizes.push_back(storage.size_bytes());
        EXPECT_EQ(static_cast<const BFloat16*>(storage.data())[1].bits,
                  BFloat16(0.25f).bits);
        return storage;
      });
  ASSERT_THAT(LoadMemory(Saved({{"a", Quarters({8})}}), options_), IsOk());
  EXPECT_THAT(sizes, testing::ElementsAre(16));
}

TEST_F(LoadDTypeTest, LoadIntoCastsIfAsked) {
  const Tensor quarters = Quarters({3, 50});
  const std::string bytes =
      Saved({{"a", quarters}, {"b", quarters}, {"c", quarters}});
  LoadOptions load_options;
  load_options.registry = &registry_;
  const Checkpoint checkpoint = *Checkpoint::OpenMemory(bytes, load_options);
  const Tensor doubles =
      *Zeros({3, 50}, TensorOptions().dtype(DType::kFloat64));
  const Tensor transposed = *strided::Transpose(
      *Zeros({50, 3}, TensorOptions().dtype(DType::kFloat16)), 0, 1);
  const Tensor on_device =
      *To(*Zeros({3, 50}, TensorOptions().dtype(DType::kBFloat16)),
          Device("fake", 0), registry_.Snapshot());
  const std::vector<NamedTensor> tensors = {
      {"a", doubles}, {"b", transposed}, {"c", on_device}};
  EXPECT_THAT(LoadInto(checkpoint, tensors),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("float64")));
  EXPECT_THAT(Floats<double>(doubles), Each(0));
  LoadIntoOptions options;
  options.cast = true;
  ASSERT_THAT(LoadInto(checkpoint, tensors, options), IsOk());
  EXPECT_EQ(Floats<double>(doubles), Floats<float>(quarters));
  EXPECT_EQ(Floats<Float16>(transposed), Floats<float>(quarters));
  EXPECT_EQ(
      Floats<BFloat16>(*To(on_device, Device("cpu"), registry_.Snapshot())),
      Floats<BFloat16>(*strided::Cast(quarters, DType::kBFloat16)));
  // Integers are never cast.
  const Tensor integers = *Zeros({3, 50}, TensorOptions().dtype(DType::kInt32));
  options.strict = false;
  EXPECT_THAT(LoadInto(checkpoint, {{"a", integers}}, options),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("int32")));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
