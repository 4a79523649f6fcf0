// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever moves many bytes asks every few MiB whether to stop, reports its
// progress as often, and stops when told to. Whatever visits many objects asks
// as often. Asks are counted; no clock is.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/devices/to_device.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/load_into.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/state_dict.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/torch/program_data.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "ferry/value/value.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// One matrix of float32. The pieces that are asked about must be smaller.
constexpr int64_t kRows = 4096;
constexpr int64_t kColumns = 3072;
constexpr uint64_t kBytes = uint64_t{4} * kRows * kColumns;  // 48 MiB
constexpr uint64_t kMostPieceBytes = uint64_t{9} << 20;

Tensor Matrix(bool is_transposed, DType dtype = DType::kFloat32) {
  const uint64_t size_bytes =
      uint64_t{kRows} * kColumns * ElementSizeBytes(dtype);
  const Storage storage = *Storage::Allocate(size_bytes);
  std::memset(storage.data(), 0, size_bytes);
  return *Tensor::Create(storage, dtype, {kRows, kColumns},
                         is_transposed ? std::vector<int64_t>{1, kRows}
                                       : std::vector<int64_t>{kColumns, 1},
                         0);
}

Value DictOf(const Tensor& tensor) {
  Value dict = Value::Dict();
  EXPECT_THAT(dict.Set("w", Value(tensor)), IsOk());
  return dict;
}

std::string Saved(bool is_transposed, Container container = Container::kZip) {
  SaveOptions options;
  options.container = container;
  const absl::StatusOr<std::string> bytes =
      SaveToString(DictOf(Matrix(is_transposed)), options);
  EXPECT_THAT(bytes, IsOk());
  return *bytes;
}

// The same archive with its records deflated.
std::string Deflated() {
  const std::string bytes = Saved(/*is_transposed=*/false);
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(bytes);
  EXPECT_THAT(checkpoint, IsOk());
  ZipBuilder zip;
  const absl::StatusOr<std::vector<RecordVerdict>> records =
      checkpoint->Verify();
  EXPECT_THAT(records, IsOk());
  for (const RecordVerdict& record : *records) {
    const std::string own =
        record.record.substr(checkpoint->info().archive_name.size() + 1);
    zip.AddDeflated(record.record, *checkpoint->ReadRecord(own));
  }
  return zip.Build();
}

struct Path {
  const char* name;
  // Does the work under `control`.
  std::function<absl::Status(const TransferControl& control)> run;
  // The number of asks that it cannot do without.
  int least_asks = static_cast<int>(kBytes / kMostPieceBytes);
};

template <typename Options>
Options With(const TransferControl& control) {
  Options options;
  options.progress = control.progress;
  options.is_cancelled = control.is_cancelled;
  return options;
}

absl::Status SaveUnder(const TransferControl& control, const Value& value,
                       Container container) {
  auto options = With<SaveOptions>(control);
  options.container = container;
  return SaveToString(value, options).status();
}

absl::StatusOr<Checkpoint> OpenUnder(const TransferControl& control,
                                     const std::string& bytes) {
  return Checkpoint::OpenMemory(bytes, With<LoadOptions>(control));
}

absl::Status LoadUnder(const TransferControl& control,
                       const std::string& bytes) {
  absl::StatusOr<Checkpoint> checkpoint = OpenUnder(control, bytes);
  if (!checkpoint.ok()) return checkpoint.status();
  return checkpoint->LoadAll();
}

absl::Status LoadCastUnder(const TransferControl& control,
                           const std::string& bytes) {
  auto options = With<LoadOptions>(control);
  options.dtype = DType::kFloat64;
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options);
  if (!checkpoint.ok()) return checkpoint.status();
  return checkpoint->LoadAll();
}

absl::Status LoadIntoUnder(const TransferControl& control,
                           const std::string& bytes, const Tensor& to) {
  absl::StatusOr<Checkpoint> checkpoint = OpenUnder(control, bytes);
  if (!checkpoint.ok()) return checkpoint.status();
  LoadIntoOptions options;
  options.cast = true;
  return LoadInto(*checkpoint, {{"w", to}}, options).status();
}

absl::Status VerifyUnder(const TransferControl& control,
                         const std::string& bytes) {
  const absl::StatusOr<Checkpoint> checkpoint = OpenUnder(control, bytes);
  if (!checkpoint.ok()) return checkpoint.status();
  return checkpoint->Verify().status();
}

// What `ferry verify` does, with the opening.
absl::Status VerifyFileUnder(const TransferControl& control,
                             const std::string& bytes) {
  const absl::StatusOr<Checkpoint::FileVerdict> verdict =
      Checkpoint::VerifyFile(MakeMemoryFile(bytes, "<memory>"),
                             With<LoadOptions>(control));
  return verdict.ok() ? verdict->opens : verdict.status();
}

std::vector<Path> Paths() {
  const Value matrix = DictOf(Matrix(false));
  const Value transposed = DictOf(Matrix(true));
  const std::string zip = Saved(false);
  const std::string legacy = Saved(false, Container::kLegacy);
  const std::string safetensors = Saved(false, Container::kSafetensors);
  const std::string deflated = Deflated();
  std::vector<Path> paths;
  for (const Container container :
       {Container::kZip, Container::kLegacy, Container::kSafetensors}) {
    paths.push_back({"save", [=](const TransferControl& control) {
                       return SaveUnder(control, matrix, container);
                     }});
  }
  paths.push_back(
      {"save of a transposed matrix", [=](const TransferControl& control) {
         return SaveUnder(control, transposed, Container::kSafetensors);
       }});
  for (const std::string& bytes : {zip, legacy, safetensors, deflated}) {
    paths.push_back({"load", [=](const TransferControl& control) {
                       return LoadUnder(control, bytes);
                     }});
    paths.push_back({"load and cast", [=](const TransferControl& control) {
                       return LoadCastUnder(control, bytes);
                     }});
    paths.push_back({"load into", [=](const TransferControl& control) {
                       return LoadIntoUnder(control, bytes, Matrix(false));
                     }});
    paths.push_back(
        {"load into a transposed matrix", [=](const TransferControl& control) {
           return LoadIntoUnder(control, bytes, Matrix(true));
         }});
    paths.push_back(
        {"load into another dtype", [=](const TransferControl& control) {
           return LoadIntoUnder(control, bytes, Matrix(false, DType::kFloat64));
         }});
    paths.push_back({"verify", [=](const TransferControl& control) {
                       return VerifyUnder(control, bytes);
                     }});
  }
  return paths;
}

// A pickle of a list of so many empty lists, each of which takes a byte.
constexpr size_t kItems = size_t{1} << 20;

std::string LongList() {
  return absl::StrCat("\x80\2](", std::string(kItems, ']'), "e.");
}

absl::Status StateDictUnder(const TransferControl& control,
                            const Value& value) {
  return StateDict(value, BudgetOptions(), control.is_cancelled).status();
}

absl::Status ProgramDataUnder(const TransferControl& control,
                              const Value& value) {
  return ProgramData(value, Value(), BudgetOptions(), control.is_cancelled)
      .status();
}

// Work on a long list, in every form that can hold one.
std::vector<Path> GraphPaths() {
  const std::string bare = LongList();
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(bare);
  EXPECT_THAT(checkpoint, IsOk());
  const Value list = checkpoint->root();
  Value state = DictOf(
      *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {1}, {1}, 0));
  EXPECT_THAT(state.Set("list", list), IsOk());
  std::vector<Path> paths = {
      {"open a pickle",
       [=](const TransferControl& control) {
         return OpenUnder(control, bare).status();
       }},
      {"find a state",
       [=](const TransferControl& control) {
         return StateDictUnder(control, state);
       },
       2},
      {"copy as data",
       [=](const TransferControl& control) {
         return ProgramDataUnder(control, list);
       }},
  };
  for (const Container container : {Container::kZip, Container::kLegacy}) {
    SaveOptions options;
    options.container = container;
    const absl::StatusOr<std::string> bytes = SaveToString(list, options);
    EXPECT_THAT(bytes, IsOk());
    paths.push_back({"save a list", [=](const TransferControl& control) {
                       return SaveUnder(control, list, container);
                     }});
    paths.push_back({"open a list", [=](const TransferControl& control) {
                       return OpenUnder(control, *bytes).status();
                     }});
    paths.push_back({"verify a list", [=](const TransferControl& control) {
                       return VerifyFileUnder(control, *bytes);
                     }});
  }
  return paths;
}

TEST(CancelTest, WorkOnObjectsAsksEveryMillionOfThem) {
  for (const Path& path : GraphPaths()) {
    int asked = 0;
    TransferControl control;
    control.is_cancelled = [&asked] {
      ++asked;
      return false;
    };
    EXPECT_THAT(path.run(control), IsOk()) << path.name;
    EXPECT_GE(asked, path.least_asks) << path.name;
  }
}

TEST(CancelTest, EveryPathAsksAndReportsEveryFewMiB) {
  for (const Path& path : Paths()) {
    std::atomic<int> asked{0};
    uint64_t last = 0;
    uint64_t largest_step = 0;
    TransferControl control;
    control.is_cancelled = [&asked] {
      ++asked;
      return false;
    };
    control.progress = [&](uint64_t done_bytes, uint64_t) {
      largest_step = std::max(largest_step, done_bytes - last);
      last = done_bytes;
    };
    EXPECT_THAT(path.run(control), IsOk()) << path.name;
    EXPECT_GE(asked, path.least_asks) << path.name;
    EXPECT_GE(last, kBytes) << path.name;
    EXPECT_LE(largest_step, kMostPieceBytes) << path.name;
  }
}

// Wherever it asks, "yes" ends it.
TEST(CancelTest, EveryAskCanEndIt) {
  std::vector<Path> paths = Paths();
  for (Path& path : GraphPaths()) paths.push_back(std::move(path));
  for (const Path& path : paths) {
    for (const int last_ask : {1, 2, 4, 5}) {
      if (last_ask > path.least_asks) continue;
      std::atomic<int> asked{0};
      TransferControl control;
      control.is_cancelled = [&asked, last_ask] { return ++asked >= last_ask; };
      EXPECT_EQ(path.run(control).code(), absl::StatusCode::kCancelled)
          << path.name << ", ask " << last_ask;
    }
  }
}

// The elements of a matrix on a device are first copied to the host, which asks
// as often again.
TEST(CancelTest, CopiesOfStridedTensorsFromDevicesAndToThemAskToo) {
  DeviceRegistry registry;
  KeepRegistered(
      registry.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
  KeepRegistered(
      registry.RegisterBackend(100, std::make_shared<FakeBackend>()));
  const absl::StatusOr<Tensor> on_device =
      To(Matrix(true), Device("fake", 0), registry.Snapshot());
  ASSERT_THAT(on_device, IsOk());
  const std::string zip = Saved(false);
  const auto save = [&](const TransferControl& control, const Tensor& from) {
    auto options = With<SaveOptions>(control);
    options.container = Container::kSafetensors;
    options.registry = &registry;
    return SaveToString(DictOf(from), options).status();
  };
  const auto load = [&](const TransferControl& control, const Tensor& to) {
    auto options = With<LoadOptions>(control);
    options.registry = &registry;
    absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(zip, options);
    if (!checkpoint.ok()) return checkpoint.status();
    return LoadInto(*checkpoint, {{"w", to}}, LoadIntoOptions()).status();
  };
  using Run =
      std::function<absl::Status(const TransferControl&, const Tensor&)>;
  for (const Run& run : {Run(save), Run(load)}) {
    int asks[2];
    for (const bool is_on_device : {false, true}) {
      std::atomic<int> asked{0};
      TransferControl control;
      control.is_cancelled = [&asked] {
        ++asked;
        return false;
      };
      EXPECT_THAT(run(control, is_on_device ? *on_device : Matrix(true)),
                  IsOk());
      asks[is_on_device ? 1 : 0] = asked;
    }
    EXPECT_GE(asks[1], asks[0] + static_cast<int>(kBytes / kMostPieceBytes));
  }
}

// A matrix that is arranged otherwise is read first, and then asks and reports
// as often again.
TEST(CancelTest, RearrangingAsksAndReportsToo) {
  const std::string zip = Saved(false);
  const auto asks_of = [&zip](const Tensor& to, uint64_t moved_bytes) {
    std::atomic<int> asked{0};
    uint64_t last = 0;
    uint64_t largest_step = 0;
    uint64_t total = 0;
    TransferControl control;
    control.is_cancelled = [&asked] {
      ++asked;
      return false;
    };
    control.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
      largest_step = std::max(largest_step, done_bytes - last);
      last = done_bytes;
      total = total_bytes;
    };
    EXPECT_THAT(LoadIntoUnder(control, zip, to), IsOk());
    EXPECT_EQ(last, moved_bytes);
    EXPECT_EQ(total, moved_bytes);
    EXPECT_LE(largest_step, kMostPieceBytes);
    return asked.load();
  };
  const int direct = asks_of(Matrix(false), kBytes);
  const auto pieces = static_cast<int>(kBytes / kMostPieceBytes);
  EXPECT_GE(asks_of(Matrix(true), 2 * kBytes), direct + pieces);
  EXPECT_GE(asks_of(Matrix(false, DType::kFloat64), 2 * kBytes),
            direct + pieces);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
