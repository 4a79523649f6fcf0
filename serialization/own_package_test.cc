// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints that are loaded into a program's own package and saved from it.

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/fake_package.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/atomic_file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_into.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// How a file is written.
struct Form {
  std::string name;
  Container container;
  std::string codec;
  std::string storage_name;  // of the first storage, in errors
};

// Float32 elements from 0 on.
std::string Counted(uint64_t count) {
  std::string bytes(count * sizeof(float), '\0');
  for (uint64_t i = 0; i < count; ++i) {
    const auto element = static_cast<float>(i);
    std::memcpy(&bytes[i * sizeof(element)], &element, sizeof(element));
  }
  return bytes;
}

// "cpu" 10, "fake" 100, and the package "vault" 5.
class OwnPackageTest : public testing::Test {
 protected:
  OwnPackageTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(
        registry_.RegisterBackend(100, std::make_shared<FakeBackend>()));
    KeepRegistered(registry_.RegisterPackage(
        5, vault_.tagger(), vault_.deserializer(), vault_.to_host()));
    save_.registry = &registry_;
    save_.durability = Durability::kNone;
    load_.registry = &registry_;
  }

  static Tensor TensorOf(const Storage& storage) {
    return *Tensor::Create(
        storage, DType::kFloat32,
        {static_cast<int64_t>(storage.size_bytes() / sizeof(float))}, {1}, 0);
  }

  static Value DictOf(absl::string_view name, const Tensor& tensor) {
    Value dict = Value::Dict();
    EXPECT_THAT(dict.Set(name, Value(tensor)), IsOk());
    return dict;
  }

  absl::StatusOr<std::string> SaveToString(const Value& value) {
    return ferry::SaveToString(value, save_);
  }

  std::string Bytes(const Storage& storage) {
    std::string bytes(storage.size_bytes(), '?');
    const absl::Status status =
        CopyToHost(registry_.Snapshot(), storage, 0, &bytes[0], bytes.size());
    EXPECT_THAT(status, IsOk());
    return bytes;
  }

  DeviceRegistry registry_;
  FakePackage vault_{"vault"};
  SaveOptions save_;
  LoadOptions load_;
};

class OwnPackageFormsTest : public OwnPackageTest,
                            public testing::WithParamInterface<Form> {
 protected:
  OwnPackageFormsTest() {
    save_.container = GetParam().container;
    save_.codec = GetParam().codec;
  }

  bool has_tags() const {
    return GetParam().container != Container::kSafetensors;
  }
};

// The file of storages in the package is, but for the tags, the file of the
// same storages on the host.
TEST_P(OwnPackageFormsTest, SavesWhatItHoldsAndLoadsItAgain) {
  Value here = Value::Dict();
  Value kept = Value::Dict();
  std::map<std::string, std::string> contents;
  for (uint64_t count : {uint64_t{0}, uint64_t{3}, uint64_t{1000}, 5 * kMiB}) {
    const std::string name = absl::StrCat("of ", count);
    const std::string bytes = contents[name] = Counted(count);
    const Storage host = HostStorage(bytes);
    if (has_tags()) host.set_recorded_location("vault");
    ASSERT_THAT(here.Set(name, Value(TensorOf(host))), IsOk());
    ASSERT_THAT(kept.Set(name, Value(TensorOf(vault_.Keep(bytes)))), IsOk());
  }
  const absl::StatusOr<std::string> file = SaveToString(kept);
  ASSERT_THAT(file, IsOk());
  EXPECT_TRUE(*file == *SaveToString(here));
  // A large storage comes in pieces.
  EXPECT_LE(vault_.largest_copy_bytes(), kMiB);
  EXPECT_GE(vault_.copy_count(), 22);

  if (!has_tags()) load_.map_location = MapLocation::To("vault");
  const absl::StatusOr<Value> loaded = LoadMemory(*file, load_);
  ASSERT_THAT(loaded, IsOk());
  for (const auto& [name, bytes] : contents) {
    const Storage storage = loaded->Get(name)->AsTensor()->storage();
    EXPECT_EQ(storage.device(), Device("vault"));
    EXPECT_TRUE(Bytes(storage) == bytes);
  }
  // To a file, which several threads write.
  const std::string path =
      absl::StrCat(testing::TempDir(), "/own_package.", GetParam().name);
  save_.archive_name = "archive";
  const absl::Status saved = Save(*loaded, path, save_);
  ASSERT_THAT(saved, IsOk());
  EXPECT_TRUE(ReadFile(path) == *file);

  // Whoever has no vault reads it on the host.
  LoadOptions elsewhere;
  DeviceRegistry other;
  KeepRegistered(
      other.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
  elsewhere.registry = &other;
  EXPECT_EQ(LoadMemory(*file, elsewhere).ok(), !has_tags());
  elsewhere.map_location = MapLocation::To("cpu");
  const absl::StatusOr<Value> on_host = LoadMemory(*file, elsewhere);
  ASSERT_THAT(on_host, IsOk());
  const Tensor tensor = *on_host->Get("of 3")->AsTensor();
  EXPECT_EQ(static_cast<const float*>(tensor.data())[2], 2);
}

TEST_P(OwnPackageFormsTest, ErrorsNameTheRecordAndTheTag) {
  for (uint64_t count : {uint64_t{3}, 5 * kMiB}) {
    FakePackage vault("locked");
    vault.Fail(absl::PermissionDeniedError("the key is lost"));
    const Registration registration = registry_.RegisterPackage(
        6, vault.tagger(), vault.deserializer(), vault.to_host());
    const absl::Status status =
        SaveToString(DictOf("weight", TensorOf(vault.Keep(Counted(count)))))
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(StartsWith(GetParam().storage_name),
                      HasSubstr("\"locked\""), HasSubstr("the key is lost")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Forms, OwnPackageFormsTest,
    testing::Values(
        Form{"Zip", Container::kZip, "", "record \"archive/data/0\": "},
        Form{"Proto", Container::kZip, "proto", "record \"archive/data/0\": "},
        Form{"Legacy", Container::kLegacy, "", "storage \"0\": "},
        Form{"Safetensors", Container::kSafetensors, "", "\"/weight\": "}),
    [](const auto& info) { return info.param.name; });

TEST_F(OwnPackageTest, StoragesStayShared) {
  const Storage kept = vault_.Keep(Counted(8));
  Value value = DictOf("whole", TensorOf(kept));
  const Tensor row = *Tensor::Create(kept, DType::kFloat32, {4}, {2}, 1);
  ASSERT_THAT(value.Set("every other", Value(row)), IsOk());
  const absl::StatusOr<Value> loaded = LoadMemory(*SaveToString(value), load_);
  ASSERT_THAT(loaded, IsOk());
  const Tensor again = *loaded->Get("every other")->AsTensor();
  EXPECT_EQ(again.storage(), loaded->Get("whole")->AsTensor()->storage());
  EXPECT_EQ(again.strides(), row.strides());
  EXPECT_EQ(again.storage_offset(), 1);
}

// A safetensors file holds the elements of a view alone, in order.
TEST_F(OwnPackageTest, ViewsAreSavedWithoutTheirStorages) {
  save_.container = Container::kSafetensors;
  for (int64_t columns : {int64_t{4}, int64_t{500000}}) {
    const std::string bytes = Counted(1 + 3 * columns);
    // Of a matrix of three rows that begins at the second element.
    const auto views = [columns](const Storage& storage) {
      Value value = DictOf(
          "last rows", *Tensor::Create(storage, DType::kFloat32, {2, columns},
                                       {columns, 1}, 1 + columns));
      const Tensor turned = *Tensor::Create(storage, DType::kFloat32,
                                            {columns, 3}, {1, columns}, 1);
      EXPECT_THAT(value.Set("turned", Value(turned)), IsOk());
      return value;
    };
    save_.copy_shared = true;
    const absl::StatusOr<std::string> kept =
        SaveToString(views(vault_.Keep(bytes)));
    ASSERT_THAT(kept, IsOk());
    EXPECT_TRUE(*kept == *SaveToString(views(HostStorage(bytes))));
  }
}

TEST_F(OwnPackageTest, AFailedSaveKeepsTheOldFile) {
  const std::string path = absl::StrCat(testing::TempDir(), "/kept.pt");
  const Value value = DictOf("weight", TensorOf(vault_.Keep(Counted(3))));
  ASSERT_THAT(Save(value, path, save_), IsOk());
  vault_.Fail(absl::UnavailableError("the vault is closed"));
  EXPECT_EQ(Save(value, path, save_).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Load(path, load_), IsOk());
}

TEST_F(OwnPackageTest, ExceptionsReachTheCaller) {
  const std::string path = absl::StrCat(testing::TempDir(), "/thrown.pt");
  const Registration throwing = registry_.RegisterPackage(
      1, [](const Storage&) { return std::optional<std::string>("vault"); },
      nullptr,
      [](const Storage&, uint64_t, void*, uint64_t) -> absl::Status {
        throw std::runtime_error("the vault has burst");
      });
  // By one thread, and by several.
  for (uint64_t count : {uint64_t{3}, 9 * kMiB}) {
    const Value value = DictOf("weight", TensorOf(vault_.Keep(Counted(count))));
    EXPECT_THROW(Save(value, path, save_).IgnoreError(), std::runtime_error);
    EXPECT_FALSE(Load(path, load_).ok());
  }
}

TEST_F(OwnPackageTest, WithoutACopierSavingSaysWhatIsMissing) {
  FakePackage half("half");
  const Registration registration =
      registry_.RegisterPackage(6, half.tagger(), half.deserializer());
  const absl::Status status =
      SaveToString(DictOf("weight", TensorOf(half.Keep(Counted(3))))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(StartsWith("record \"archive/data/0\": "),
                    HasSubstr("RegisterPackage")));
}

TEST_F(OwnPackageTest, SavesAskTheTaggerOfEachStorageFewTimes) {
  Value value = Value::Dict();
  for (int i = 0; i < 10; ++i) {
    ASSERT_THAT(
        value.Set(absl::StrCat(i), Value(TensorOf(vault_.Keep(Counted(3))))),
        IsOk());
  }
  ASSERT_THAT(SaveToString(value), IsOk());
  EXPECT_EQ(vault_.tagger_count(), 20);
  EXPECT_EQ(vault_.copy_count(), 10);
}

TEST_F(OwnPackageTest, ReadsIntoExistingTensorsAreRefused) {
  Value value = DictOf("bias", TensorOf(HostStorage(Counted(3))));
  ASSERT_THAT(value.Set("weight", Value(TensorOf(HostStorage(Counted(3))))),
              IsOk());
  const absl::StatusOr<std::string> file = SaveToString(value);
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(*file, load_);
  ASSERT_THAT(checkpoint, IsOk());
  const std::string before(12, 'x');
  const Storage kept = vault_.Keep(before);
  const Storage host = HostStorage(before);
  const absl::Status status =
      LoadInto(*checkpoint,
               {{"bias", TensorOf(host)}, {"weight", TensorOf(kept)}})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("float32 tensor of shape [3]"),
                    HasSubstr("\"vault\""), HasSubstr("RestoreLocation")));
  // Nothing is read.
  EXPECT_EQ(Bytes(kept), before);
  EXPECT_EQ(Bytes(host), before);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
