// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The forms in which a program's own package takes the bytes of a load: a
// complete storage, a range of the file, or memory that it allocates.

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using MaybeStorage = absl::StatusOr<std::optional<Storage>>;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// "cpu" 10 and "fake" 100, and a file of storages tagged "mine" and "fake:0".
class PackageFormsTest : public testing::Test {
 protected:
  PackageFormsTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(100, fake_));
    save_.registry = &registry_;
    save_.durability = Durability::kNone;
    load_.registry = &registry_;
  }

  static FakeBackend::Options Delayed() {
    FakeBackend::Options options;
    options.delays_transfers = true;
    return options;
  }

  // Writes a file of one storage for each tag. Its path is `path_`.
  void Write(const std::vector<std::pair<std::string, uint64_t>>& storages) {
    Value list = Value::List();
    for (const auto& [tag, size_bytes] : storages) {
      contents_.push_back(PseudorandomBytes(size_bytes));
      const Storage storage = HostStorage(contents_.back());
      storage.set_recorded_location(tag);
      ASSERT_THAT(
          list.Append(Value(*Tensor::Create(
              storage, DType::kFloat32,
              {static_cast<int64_t>(size_bytes / sizeof(float))}, {1}, 0))),
          IsOk());
    }
    path_ = absl::StrCat(testing::TempDir(), "/package_forms.pt");
    ASSERT_THAT(Save(list, path_, save_), IsOk());
  }

  // Loads the file, and returns its storages.
  absl::StatusOr<std::vector<Storage>> LoadFile() {
    return StoragesOf(Load(path_, load_));
  }
  static absl::StatusOr<std::vector<Storage>> StoragesOf(
      const absl::StatusOr<Value>& list) {
    if (!list.ok()) return list.status();
    std::vector<Storage> storages;
    for (size_t i = 0; i < list->size(); ++i) {
      storages.push_back(list->Item(i)->AsTensor()->storage());
    }
    return storages;
  }

  std::string Bytes(const Storage& storage) {
    std::string bytes(storage.size_bytes(), '?');
    EXPECT_THAT(
        CopyToHost(registry_.Snapshot(), storage, 0, &bytes[0], bytes.size()),
        IsOk());
    return bytes;
  }

  // An allocator of `tag` on "fake:1".
  StorageAllocator OnFake(std::string tag) {
    return [this, tag](uint64_t size_bytes,
                       absl::string_view asked) -> MaybeStorage {
      log_.push_back(absl::StrCat("allocate ", tag, " for ", asked));
      if (asked != tag) return std::nullopt;
      Memory memory;
      FERRY_RETURN_IF_ERROR(fake_->Allocate(1, {size_bytes}, {&memory, 1}));
      return Storage::FromMemory(Device("fake", 1), memory, size_bytes);
    };
  }

  Registration Register(int priority, StorageAllocator allocate) {
    PackageFunctions functions;
    functions.allocate = std::move(allocate);
    return registry_.RegisterPackage(priority, std::move(functions));
  }

  // The status of a load for whose storages `allocate` is asked.
  absl::Status LoadWith(StorageAllocator allocate) {
    const Registration registration = Register(5, std::move(allocate));
    return LoadFile().status();
  }

  DeviceRegistry registry_;
  const std::shared_ptr<FakeBackend> fake_ =
      std::make_shared<FakeBackend>(Delayed());
  SaveOptions save_;
  LoadOptions load_;
  std::string path_;
  std::vector<std::string> contents_;  // of each storage of the file
  std::vector<std::string> log_;       // the calls of functions
};

// --- Allocate only -----------------------------------------------------------

TEST_F(PackageFormsTest, AllocatedStoragesAreStreamedInto) {
  Write({{"mine", 24 * kMiB + 12}, {"mine", 400}, {"mine", 0}, {"cpu", 8}});
  const Registration registration = Register(5, OnFake("mine"));
  ResetPeakStagingBytes();
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_GT(PeakStagingBytes(), 0u);
  EXPECT_LE(PeakStagingBytes(),
            static_cast<uint64_t>(GetNumThreads()) * kStagingBuffers * kMiB);
  EXPECT_EQ(LiveStagingBytes(), 0u);
  // Nothing was copied in one piece from the host.
  EXPECT_LE(fake_->largest_copy_bytes(), kMiB);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*storages)[i].device(), Device("fake", 1));
    EXPECT_TRUE(Bytes((*storages)[i]) == contents_[i]);
  }
  EXPECT_GT((*storages)[0].version(), 0u);
  EXPECT_EQ((*storages)[3].device(), Device("cpu"));
}

TEST_F(PackageFormsTest, AllocatedStoragesMayBeInHostMemory) {
  Write({{"mine", 4 * kMiB}});
  const Storage own = *Storage::Allocate(4 * kMiB);
  const Registration registration = Register(
      5, [&](uint64_t, absl::string_view) -> MaybeStorage { return own; });
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_EQ((*storages)[0], own);
  EXPECT_TRUE(Bytes(own) == contents_[0]);
}

TEST_F(PackageFormsTest, AllocatedStoragesAreCast) {
  Value dict = Value::List();
  ASSERT_THAT(dict.Append(Value(
                  *Tensor::FromData(std::vector<float>{1, 2, 3, 4}, {4}))),
              IsOk());
  dict.Item(0)->AsTensor()->storage().set_recorded_location("mine");
  path_ = absl::StrCat(testing::TempDir(), "/package_cast.pt");
  ASSERT_THAT(Save(dict, path_, save_), IsOk());
  load_.dtype = DType::kFloat64;
  PackageFunctions functions;
  functions.allocate = OnFake("mine");
  functions.from_file = [](const FileRange&,
                           absl::string_view) -> MaybeStorage {
    return absl::InternalError("the file has other bytes");
  };
  const Registration registration =
      registry_.RegisterPackage(5, std::move(functions));
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  const std::string bytes = Bytes((*storages)[0]);
  double last;
  ASSERT_EQ(bytes.size(), 4 * sizeof(last));
  std::memcpy(&last, &bytes[3 * sizeof(last)], sizeof(last));
  EXPECT_EQ(last, 4);
}

TEST_F(PackageFormsTest, ChecksumsOfAllocatedStoragesAreVerified) {
  Write({{"mine", kMiB}});
  std::string bytes = ReadFile(path_);
  bytes[bytes.find(contents_[0]) + 1000] ^= 1;
  const Registration registration = Register(5, OnFake("mine"));
  const absl::Status status = LoadMemory(bytes, load_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("data/0"));
  EXPECT_EQ(fake_->allocated_bytes(), 0u);
  EXPECT_EQ(LiveStagingBytes(), 0u);
  load_.verify_crc32 = false;
  EXPECT_THAT(LoadMemory(bytes, load_), IsOk());
}

TEST_F(PackageFormsTest, MistakesOfAllocatorsAreErrors) {
  Write({{"mine", 400}, {"mine", 400}});
  struct Mistake {
    std::string words;
    std::function<Storage()> returns;
  };
  const Storage shared = *Storage::Allocate(400);
  const Storage described = Storage::Described(400, "cpu");
  for (const Mistake& mistake : std::vector<Mistake>{
           {"was given 400 bytes and returned 401",
            [] { return *Storage::Allocate(401); }},
           {"returned a storage without data", [] { return Storage(); }},
           {"returned a storage without data", [&] { return described; }},
           {"on vault, to which no registered backend can write bytes",
            [] {
              return Storage::FromMemory(
                  Device("vault"), Memory{reinterpret_cast<void*>(1), nullptr},
                  400);
            }},
           {"on fake:0 without memory",
            [] {
              return Storage::FromMemory(Device("fake", 0), Memory(), 400);
            }},
           {"returned one storage twice", [&] { return shared; }}}) {
    const absl::Status status =
        LoadWith([&](uint64_t, absl::string_view) -> MaybeStorage {
          return mistake.returns();
        });
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << mistake.words;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("package_forms.pt"),
                      HasSubstr("the allocator that took location tag "
                                "\"mine\" "),
                      HasSubstr(mistake.words)));
  }
  const absl::Status full =
      LoadWith([](uint64_t, absl::string_view) -> MaybeStorage {
        return absl::ResourceExhaustedError("the arena is full");
      });
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("the arena is full"));
  EXPECT_THROW(LoadWith([](uint64_t, absl::string_view) -> MaybeStorage {
                 throw std::runtime_error("the arena has burst");
               }).IgnoreError(),
               std::runtime_error);
}

// An allocator may also be asked once the bytes are on the host.
TEST_F(PackageFormsTest, OneStorageForTwoIsAnErrorAfterReadingToo) {
  Write({{"mine", 400}, {"mine", 400}});
  Storage shared;
  const StorageAllocator allocate = [&](uint64_t size_bytes,
                                        absl::string_view) -> MaybeStorage {
    if (shared.is_null()) shared = *Storage::Allocate(size_bytes);
    return shared;
  };
  const auto expect_error = [&](const char* why) {
    SCOPED_TRACE(why);
    shared = Storage();
    const absl::Status status = LoadWith(allocate);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("package_forms.pt"),
                      HasSubstr("the allocator that took location tag "
                                "\"mine\" returned one storage twice")));
  };
  load_.map_location = MapLocation::Function(
      [](const Storage&, absl::string_view) -> MaybeStorage {
        return std::nullopt;
      });
  expect_error("a map_location function declines");
  load_.map_location = MapLocation();
  const Registration greedy = registry_.RegisterPackage(
      4, nullptr, [](const Storage&, absl::string_view) -> MaybeStorage {
        return std::nullopt;
      });
  expect_error("a deserializer is asked first");
}

// An allocator that declines a storage is asked for it again once the
// deserializer has declined, too. By then the first storage has its bytes.
TEST_F(PackageFormsTest, OneStorageBeforeAndAfterReadingIsAnError) {
  Write({{"mine", 400}, {"mine", 400}});
  const Storage shared = *Storage::Allocate(400);
  int asked = 0;
  PackageFunctions functions;
  functions.deserializer = [](const Storage&,
                              absl::string_view) -> MaybeStorage {
    return std::nullopt;
  };
  functions.allocate = [&](uint64_t, absl::string_view) -> MaybeStorage {
    if (++asked == 2) return std::nullopt;
    return shared;
  };
  const Registration registration =
      registry_.RegisterPackage(5, std::move(functions));
  const absl::Status status = LoadFile().status();
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("returned one storage twice"));
}

// A deserializer may return one storage for all: it has seen the bytes.
TEST_F(PackageFormsTest, DeserializersMayReturnOneStorageTwice) {
  Write({{"mine", 400}, {"mine", 400}});
  const Storage shared = *Storage::Allocate(400);
  const Registration registration = registry_.RegisterPackage(
      5, nullptr, [&](const Storage&, absl::string_view) -> MaybeStorage {
        return shared;
      });
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_THAT(*storages, ElementsAre(shared, shared));
}

TEST_F(PackageFormsTest, EmptyStoragesMayBeOneObject) {
  Write({{"mine", 0}, {"mine", 400}, {"mine", 0}});
  const Storage empty = *Storage::Allocate(0);
  const Registration registration =
      Register(5, [&](uint64_t size_bytes, absl::string_view) -> MaybeStorage {
        return size_bytes == 0 ? empty : *Storage::Allocate(size_bytes);
      });
  absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_EQ((*storages)[0], empty);
  EXPECT_EQ((*storages)[2], empty);
  EXPECT_TRUE(Bytes((*storages)[1]) == contents_[1]);
  // The same if the bytes are on the host first.
  load_.map_location = MapLocation::Function(
      [](const Storage&, absl::string_view) -> MaybeStorage {
        return std::nullopt;
      });
  storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_EQ((*storages)[0], empty);
  EXPECT_EQ((*storages)[2], empty);
}

TEST_F(PackageFormsTest, AFailedLoadGivesTheStoragesBack) {
  Write({{"mine", kMiB}, {"mine", 400}, {"elsewhere", 4}});
  const Registration registration = Register(5, OnFake("mine"));
  const absl::Status status = LoadFile().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"elsewhere\""));
  EXPECT_EQ(fake_->allocated_bytes(), 0u);
  // A checkpoint can be loaded once the cause is gone.
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path_, load_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_FALSE(checkpoint->LoadAll().ok());
  const Registration other = Register(6, OnFake("elsewhere"));
  EXPECT_THAT(checkpoint->LoadAll(), IsOk());
  const absl::StatusOr<std::vector<Storage>> storages =
      StoragesOf(checkpoint->root());
  EXPECT_TRUE(Bytes(storages->at(0)) == contents_[0]);
}

TEST_F(PackageFormsTest, PartsOfACheckpointAreLoaded) {
  Write({{"mine", 400}, {"mine", 800}});
  const Registration registration = Register(5, OnFake("mine"));
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path_, load_);
  ASSERT_THAT(checkpoint, IsOk());
  const Tensor second = *checkpoint->root().Item(1)->AsTensor();
  ASSERT_THAT(checkpoint->Load({second.storage()}), IsOk());
  EXPECT_EQ(fake_->allocated_bytes(), 800u);
  EXPECT_TRUE(Bytes(checkpoint->root().Item(1)->AsTensor()->storage()) ==
              contents_[1]);
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  EXPECT_EQ(fake_->allocated_bytes(), 1200u);
}

// --- Ranges of the file ------------------------------------------------------

// A package that reads ranges tagged "mine" itself.
class Ranges {
 public:
  RangeDeserializer from_file() {
    return
        [this](const FileRange& range, absl::string_view tag) -> MaybeStorage {
          ++asked;
          if (tag != "mine") return std::nullopt;
          std::string bytes(range.size_bytes, '\0');
          EXPECT_EQ(pread(range.descriptor, &bytes[0], bytes.size(),
                          static_cast<off_t>(range.offset_bytes)),
                    static_cast<ssize_t>(bytes.size()));
          EXPECT_TRUE(range.crc32.has_value());
          EXPECT_EQ(range.crc32, Crc32(bytes));
          path = std::string(range.path);
          ++taken;
          return HostStorage(bytes);
        };
  }

  int asked = 0;
  int taken = 0;
  std::string path;
};

TEST_F(PackageFormsTest, RangesAreReadByThePackage) {
  Write({{"mine", 3 * kMiB}, {"mine", 400}, {"cpu", 8}, {"mine", 0}});
  Ranges ranges;
  PackageFunctions functions;
  functions.from_file = ranges.from_file();
  // There is no range of 0 bytes.
  functions.allocate = OnFake("mine");
  const Registration registration =
      registry_.RegisterPackage(5, std::move(functions));
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_EQ(ranges.path, path_);
  EXPECT_EQ(ranges.asked, 3);
  EXPECT_EQ(ranges.taken, 2);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(Bytes((*storages)[i]) == contents_[i]) << i;
  }
  EXPECT_EQ((*storages)[3].device(), Device("fake", 1));
}

TEST_F(PackageFormsTest, RangesCountFromTheStartOfTheFile) {
  Write({{"mine", 400}});
  const std::string whole = absl::StrCat(testing::TempDir(), "/inside");
  WriteFile(whole, absl::StrCat("what comes before", ReadFile(path_)));
  load_.offset_bytes = std::strlen("what comes before");
  path_ = whole;
  Ranges ranges;
  PackageFunctions functions;
  functions.from_file = ranges.from_file();
  const Registration registration =
      registry_.RegisterPackage(5, std::move(functions));
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_TRUE(Bytes((*storages)[0]) == contents_[0]);
}

TEST_F(PackageFormsTest, OtherBytesThanInMemoryAreNoRange) {
  Write({{"mine", 400}});
  const std::string bytes = ReadFile(path_);
  Ranges ranges;
  PackageFunctions functions;
  functions.from_file = ranges.from_file();
  functions.deserializer = [&](const Storage& storage,
                               absl::string_view tag) -> MaybeStorage {
    log_.push_back(absl::StrCat("complete for ", tag));
    return storage;
  };
  const Registration registration =
      registry_.RegisterPackage(5, std::move(functions));
  // No file of the operating system.
  ASSERT_THAT(LoadMemory(bytes, load_), IsOk());
  // A deflated record.
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(bytes, load_);
  ZipBuilder zip;
  for (absl::string_view name : {"data.pkl", "byteorder", "version"}) {
    zip.Add(absl::StrCat("archive/", name), *checkpoint->ReadRecord(name));
  }
  zip.AddDeflated("archive/data/0", *checkpoint->ReadRecord("data/0"));
  path_ = absl::StrCat(testing::TempDir(), "/deflated.pt");
  WriteFile(path_, zip.Build());
  absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_TRUE(Bytes((*storages)[0]) == contents_[0]);
  EXPECT_EQ(ranges.asked, 0);
  EXPECT_THAT(log_, ElementsAre("complete for mine", "complete for mine"));
}

TEST_F(PackageFormsTest, DamagedHeadersOfRangesNameTheFileOnce) {
  Write({{"mine", 400}});
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path_, load_);
  ASSERT_THAT(checkpoint, IsOk());
  ZipBuilder zip;
  for (absl::string_view name : {"data.pkl", "byteorder", "version"}) {
    zip.Add(absl::StrCat("archive/", name), *checkpoint->ReadRecord(name));
  }
  zip.Add("archive/data/0", contents_[0]).local_signature = 0;
  path_ = absl::StrCat(testing::TempDir(), "/damaged_header.pt");
  WriteFile(path_, zip.Build());
  Ranges ranges;
  PackageFunctions functions;
  functions.from_file = ranges.from_file();
  const Registration registration =
      registry_.RegisterPackage(5, std::move(functions));
  const absl::Status status = LoadFile().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  const std::string message(status.message());
  EXPECT_THAT(message, AllOf(StartsWith(path_), HasSubstr("no local header")));
  EXPECT_EQ(message.rfind(path_), 0u) << message;
  EXPECT_EQ(ranges.asked, 0);
}

TEST_F(PackageFormsTest, MistakesOfRangeDeserializersAreErrors) {
  Write({{"mine", 400}});
  PackageFunctions functions;
  functions.from_file = [](const FileRange&,
                           absl::string_view) -> MaybeStorage {
    return *Storage::Allocate(399);
  };
  const Registration registration =
      registry_.RegisterPackage(5, std::move(functions));
  const absl::Status status = LoadFile().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the range deserializer that took location tag "
                        "\"mine\" was given 400 bytes and returned 399"));
}

// --- Who is asked ------------------------------------------------------------

TEST_F(PackageFormsTest, PackagesAreAskedInOrder) {
  Write({{"fake:0", 400}, {"third", 800}, {"cpu", 4}});
  const auto declines = [this](std::string name) {
    PackageFunctions functions;
    functions.from_file = [this, name](const FileRange& range,
                                       absl::string_view) -> MaybeStorage {
      log_.push_back(absl::StrCat(name, " range ", range.size_bytes));
      return std::nullopt;
    };
    functions.allocate = [this, name](uint64_t size_bytes,
                                      absl::string_view) -> MaybeStorage {
      log_.push_back(absl::StrCat(name, " allocate ", size_bytes));
      return std::nullopt;
    };
    return functions;
  };
  const Registration third = Register(50, OnFake("third"));
  const Registration first = registry_.RegisterPackage(20, declines("first"));
  const Registration second = registry_.RegisterPackage(20, declines("second"));
  const Registration last = registry_.RegisterPackage(200, declines("last"));
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  // "cpu" has priority 10, so it is asked before all of them.
  EXPECT_THAT(
      log_,
      ElementsAre("first range 400", "first allocate 400", "second range 400",
                  "second allocate 400", "allocate third for fake:0",
                  "first range 800", "first allocate 800", "second range 800",
                  "second allocate 800", "allocate third for third"));
  EXPECT_EQ((*storages)[0].device(), Device("fake", 0));
  EXPECT_EQ((*storages)[1].device(), Device("fake", 1));
}

TEST_F(PackageFormsTest, ADecliningAllocatorDoesNotBringStoragesToTheHost) {
  Write({{"fake:0", 3 * kMiB}});
  const Registration registration = Register(5, OnFake("mine"));
  ASSERT_THAT(LoadFile(), IsOk());
  EXPECT_EQ(fake_->transfer_count(), 3);
  EXPECT_EQ(fake_->largest_copy_bytes(), kMiB);
}

TEST_F(PackageFormsTest, ADeserializerThatIsAskedFirstNeedsTheHost) {
  Write({{"mine", 3 * kMiB}, {"fake:0", 4}});
  const Registration greedy = registry_.RegisterPackage(
      4, nullptr,
      [this](const Storage& storage, absl::string_view tag) -> MaybeStorage {
        log_.push_back(absl::StrCat("complete for ", tag));
        return std::nullopt;
      });
  const Registration registration = Register(5, OnFake("mine"));
  const absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_THAT(log_,
              ElementsAre("complete for mine", "allocate mine for mine",
                          "complete for fake:0", "allocate mine for fake:0"));
  EXPECT_EQ(fake_->largest_copy_bytes(), 3 * kMiB);
  EXPECT_TRUE(Bytes((*storages)[0]) == contents_[0]);
}

TEST_F(PackageFormsTest, MapLocationComesBeforeThePackages) {
  Write({{"theirs", 400}, {"fake:0", 800}});
  const Registration registration = Register(5, OnFake("mine"));
  load_.map_location = MapLocation::Table({{"theirs", "mine"}});
  absl::StatusOr<std::vector<Storage>> storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_THAT(
      log_, ElementsAre("allocate mine for mine", "allocate mine for fake:0"));
  EXPECT_EQ((*storages)[0].device(), Device("fake", 1));
  EXPECT_EQ((*storages)[1].device(), Device("fake", 0));

  // A function sees complete storages, so packages see them, too.
  log_.clear();
  load_.map_location = MapLocation::Function(
      [&](const Storage& storage, absl::string_view tag) -> MaybeStorage {
        log_.push_back(absl::StrCat("map ", tag));
        if (tag == "theirs") return storage;
        return std::nullopt;
      });
  storages = LoadFile();
  ASSERT_THAT(storages, IsOk());
  EXPECT_THAT(log_, ElementsAre("map theirs", "map fake:0",
                                "allocate mine for fake:0"));

  // On the host nobody is asked.
  log_.clear();
  load_.map_location = MapLocation();
  load_.placement = Placement::kHost;
  ASSERT_THAT(LoadFile(), IsOk());
  EXPECT_THAT(log_, ElementsAre());
}

TEST_F(PackageFormsTest, RestoreLocationFillsWhatIsAllocated) {
  const Storage host = HostStorage("payload");
  const Registration registration = Register(5, OnFake("mine"));
  const absl::StatusOr<Storage> there =
      registry_.Snapshot().RestoreLocation(host, "mine");
  ASSERT_THAT(there, IsOk());
  EXPECT_EQ(there->device(), Device("fake", 1));
  EXPECT_EQ(Bytes(*there), "payload");
  const Registration local =
      Register(4, [](uint64_t size_bytes, absl::string_view) -> MaybeStorage {
        return *Storage::Allocate(size_bytes);
      });
  const absl::StatusOr<Storage> here =
      registry_.Snapshot().RestoreLocation(host, "mine");
  ASSERT_THAT(here, IsOk());
  EXPECT_NE(*here, host);
  EXPECT_EQ(Bytes(*here), "payload");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
