// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Storages of a program's own packages: who copies their bytes, and where to.
// Which package answers for a tag is in location_test.cc.

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/copy.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/fake_package.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/devices/to_device.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// "cpu" 10, "fake" 20, "meta" 22, and the package "vault" 5.
class OwnPackageTest : public testing::Test {
 protected:
  OwnPackageTest() {
    FakeBackend::Options meta;
    meta.type = "meta";
    meta.is_indexed = false;
    meta.device_count = 1;
    meta.has_bytes = false;
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(20, fake_));
    KeepRegistered(
        registry_.RegisterBackend(22, std::make_shared<FakeBackend>(meta)));
    vault_registration_ = Register(5, vault_);
  }

  Registration Register(int priority, const FakePackage& package) {
    return registry_.RegisterPackage(priority, package.tagger(),
                                     package.deserializer(), package.to_host());
  }

  DeviceSnapshot devices() const { return registry_.Snapshot(); }

  // The bytes that a storage holds, or the error of copying them.
  std::string Bytes(const Storage& storage) {
    std::string bytes(storage.size_bytes(), '?');
    const absl::Status status =
        CopyToHost(devices(), storage, 0, &bytes[0], bytes.size());
    return status.ok() ? bytes : status.ToString();
  }

  DeviceRegistry registry_;
  const std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  FakePackage vault_{"vault"};
  Registration vault_registration_;
};

TEST_F(OwnPackageTest, BytesGoThereAndComeBack) {
  const absl::StatusOr<Storage> kept =
      devices().RestoreLocation(HostStorage("payload"), "vault");
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->device(), Device("vault"));
  EXPECT_EQ(*devices().LocationTag(*kept), "vault");
  EXPECT_EQ(Bytes(*kept), "payload");
  char part[4] = "...";
  ASSERT_THAT(CopyToHost(devices(), *kept, 3, part, 3), IsOk());
  EXPECT_STREQ(part, "loa");
}

TEST_F(OwnPackageTest, RangesAreChecked) {
  const Storage kept = vault_.Keep("payload");
  char part[8];
  for (const auto& [offset, size] : std::vector<std::pair<uint64_t, uint64_t>>{
           {8, 0}, {7, 1}, {0, 8}, {1, UINT64_MAX}}) {
    EXPECT_EQ(CopyToHost(devices(), kept, offset, part, size).code(),
              absl::StatusCode::kOutOfRange);
  }
  EXPECT_THAT(CopyToHost(devices(), kept, 7, nullptr, 0), IsOk());
  EXPECT_EQ(vault_.copy_count(), 0);
}

TEST_F(OwnPackageTest, WhoGivesTheTagCopies) {
  FakePackage first("vault");
  const Storage kept = first.Keep("first");
  // Equal tags and device types: priority decides.
  const Registration registration = Register(4, first);
  EXPECT_EQ(Bytes(kept), "first");
  EXPECT_EQ(vault_.copy_count(), 0);
}

TEST_F(OwnPackageTest, WhoGivesNoTagDoesNotCopy) {
  const auto fail = [](const Storage&, uint64_t, void*, uint64_t) {
    return absl::InternalError("asked");
  };
  std::vector<Registration> registrations;
  for (const std::optional<std::string>& none :
       {std::optional<std::string>(), std::optional<std::string>("")}) {
    registrations.push_back(registry_.RegisterPackage(
        1, [none](const Storage&) { return none; }, nullptr, fail));
  }
  registrations.push_back(registry_.RegisterPackage(1, nullptr, nullptr, fail));
  EXPECT_EQ(Bytes(vault_.Keep("payload")), "payload");
}

TEST_F(OwnPackageTest, HostMemoryIsReadWhereItIs) {
  const Registration greedy = registry_.RegisterPackage(
      1, [](const Storage&) { return std::optional<std::string>("mine"); },
      nullptr,
      [](const Storage&, uint64_t, void*, uint64_t) {
        return absl::InternalError("asked");
      });
  const Storage storage = HostStorage("payload");
  EXPECT_EQ(*devices().LocationTag(storage), "mine");
  EXPECT_EQ(Bytes(storage), "payload");
  EXPECT_THAT(CopyFromHost(devices(), "another", storage, 0, 7), IsOk());
  EXPECT_EQ(Bytes(storage), "another");
}

// A package that keeps what it likes on the device of a backend.
TEST_F(OwnPackageTest, MayClaimStoragesOfABackend) {
  const Storage storage =
      *CopyStorage(devices(), HostStorage("payload"), Device("fake", 0));
  const Tagger claim = [](const Storage& claimed) {
    return claimed.device().type() == "fake"
               ? std::optional<std::string>("coded")
               : std::nullopt;
  };
  const HostCopier decode = [](const Storage&, uint64_t, void* to,
                               uint64_t size_bytes) {
    std::memset(to, 'x', size_bytes);
    return absl::OkStatus();
  };
  {
    // Without a copier of its own: it says where, the backend copies.
    const Registration package = registry_.RegisterPackage(15, claim, nullptr);
    EXPECT_EQ(*devices().LocationTag(storage), "coded");
    EXPECT_EQ(Bytes(storage), "payload");
    EXPECT_THAT(CopyFromHost(devices(), "PAYLOAD", storage, 0, 7), IsOk());
    EXPECT_EQ(Bytes(storage), "PAYLOAD");
  }
  {
    // The backend is asked first.
    const Registration package =
        registry_.RegisterPackage(25, claim, nullptr, decode);
    EXPECT_EQ(*devices().LocationTag(storage), "fake:0");
    EXPECT_EQ(Bytes(storage), "PAYLOAD");
  }
  const Registration package =
      registry_.RegisterPackage(15, claim, nullptr, decode);
  EXPECT_EQ(Bytes(storage), "xxxxxxx");
  // What is written must be what is read.
  const absl::Status status = CopyFromHost(devices(), "another", storage, 0, 7);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"coded\""));
  // A copy is the backend's own business again.
  const Storage copy = *CopyStorage(devices(), storage, Device("cpu"));
  EXPECT_EQ(Bytes(copy), "xxxxxxx");
}

TEST_F(OwnPackageTest, IsNotWritten) {
  const Storage kept = vault_.Keep("payload");
  const absl::Status status = CopyFromHost(devices(), "another", kept, 0, 7);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"vault\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr("RestoreLocation"));
  EXPECT_EQ(kept.version(), 0u);
  EXPECT_EQ(Bytes(kept), "payload");
}

TEST_F(OwnPackageTest, WithoutACopierSaysWhatIsMissing) {
  vault_registration_ =
      registry_.RegisterPackage(5, vault_.tagger(), vault_.deserializer());
  const Storage kept = vault_.Keep("payload");
  const absl::Status unable = CopyToHost(devices(), kept, 0, nullptr, 0);
  EXPECT_EQ(unable.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(unable.message()), HasSubstr("\"vault\""));
  EXPECT_THAT(std::string(unable.message()), HasSubstr("RegisterPackage"));
  vault_registration_ = Registration();
  const absl::Status unknown = CopyToHost(devices(), kept, 0, nullptr, 0);
  EXPECT_EQ(unknown.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(unknown.message()),
              HasSubstr("register a backend, or a package"));
}

TEST_F(OwnPackageTest, ErrorsNameTheTagAndTheRange) {
  const Storage kept = vault_.Keep("payload");
  vault_.Fail(absl::PermissionDeniedError("the vault is locked"));
  char part[3];
  const absl::Status status = CopyToHost(devices(), kept, 4, part, 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(status.message(),
            "the package of location tag \"vault\" could not copy 3 bytes from "
            "offset 4 of a storage to the host: the vault is locked");
  for (const char* place : {"cpu", "fake:1"}) {
    EXPECT_EQ(
        CopyStorage(devices(), kept, *Device::Parse(place)).status().code(),
        absl::StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(fake_->allocated_bytes(), 0u);
}

TEST_F(OwnPackageTest, ExceptionsPassThrough) {
  const Registration throwing = registry_.RegisterPackage(
      1, [](const Storage&) { return std::optional<std::string>("mine"); },
      nullptr,
      [](const Storage&, uint64_t, void*, uint64_t) -> absl::Status {
        throw std::runtime_error("the vault has burst");
      });
  const Storage kept = vault_.Keep("payload");
  EXPECT_THROW(Bytes(kept), std::runtime_error);
  EXPECT_THROW(CopyStorage(devices(), kept, Device("fake", 0)).IgnoreError(),
               std::runtime_error);
  EXPECT_EQ(fake_->allocated_bytes(), 0u);
}

TEST_F(OwnPackageTest, SnapshotKeepsThePackage) {
  std::optional<FakePackage> package("keep");
  Registration registration = Register(6, *package);
  const Storage kept = package->Keep("payload");
  const DeviceSnapshot before = devices();
  registration = Registration();
  package.reset();
  std::string bytes(7, '?');
  EXPECT_THAT(CopyToHost(before, kept, 0, &bytes[0], 7), IsOk());
  EXPECT_EQ(bytes, "payload");
  EXPECT_EQ(CopyToHost(devices(), kept, 0, &bytes[0], 7).code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(OwnPackageTest, StoragesAreCopiedToEveryDevice) {
  for (uint64_t size : {uint64_t{0}, uint64_t{7}, 3 * kMiB + 5}) {
    const std::string bytes = PseudorandomBytes(size);
    const Storage kept = vault_.Keep(bytes);
    for (const Device& place : {Device("cpu"), Device("fake", 1)}) {
      const absl::StatusOr<Storage> copy = CopyStorage(devices(), kept, place);
      ASSERT_THAT(copy, IsOk());
      EXPECT_EQ(copy->device(), place);
      EXPECT_TRUE(Bytes(*copy) == bytes);
    }
  }
}

TEST_F(OwnPackageTest, CopiesToADeviceUseItsStagingBuffers) {
  const Storage kept = vault_.Keep(PseudorandomBytes(3 * kMiB + 5));
  ASSERT_THAT(CopyStorage(devices(), kept, Device("fake", 0)), IsOk());
  EXPECT_EQ(vault_.largest_copy_bytes(), kMiB);
  EXPECT_EQ(vault_.copy_count(), 4);
  EXPECT_EQ(fake_->transfer_count(), 4);
}

TEST_F(OwnPackageTest, ACopyOnMetaNeedsNoBytes) {
  const absl::StatusOr<Storage> copy =
      CopyStorage(devices(), vault_.Keep("payload"), Device("meta"));
  ASSERT_THAT(copy, IsOk());
  EXPECT_EQ(copy->size_bytes(), 7u);
  EXPECT_EQ(vault_.copy_count(), 0);
}

TEST_F(OwnPackageTest, NothingIsCopiedToAPackage) {
  const absl::Status status =
      CopyStorage(devices(), HostStorage("payload"), Device("vault")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("RestoreLocation"));
}

TEST_F(OwnPackageTest, TensorsMoveToTheHost) {
  const float elements[] = {1, 2, 3, 4};
  const Storage kept =
      vault_.Keep({reinterpret_cast<const char*>(elements), sizeof(elements)});
  const Tensor row = *Tensor::Create(kept, DType::kFloat32, {2}, {1}, 2);
  EXPECT_EQ(row.data(), nullptr);
  const absl::StatusOr<Tensor> here = To(row, Device("cpu"), devices());
  ASSERT_THAT(here, IsOk());
  EXPECT_EQ(static_cast<const float*>(here->data())[0], 3);
  EXPECT_EQ(static_cast<const float*>(here->data())[1], 4);
  // It is there already.
  EXPECT_EQ(*To(kept, Device("vault"), devices()), kept);
}

TEST_F(OwnPackageTest, MemoryGoesWithTheLastHandle) {
  absl::StatusOr<Storage> kept =
      devices().RestoreLocation(HostStorage("payload"), "vault");
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(vault_.storage_count(), 1);
  *kept = Storage();
  EXPECT_EQ(vault_.storage_count(), 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
