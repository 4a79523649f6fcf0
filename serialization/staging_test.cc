// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How much host memory loads and saves of a device need: a few staging buffers
// for each thread, however large the file. The device hashes what arrives, and
// generates what is read, so that it needs no memory either.
//
// Built as staging_large_test, with files of 2 GB, this also checks the memory
// of the whole process.

#include "ferry/devices/staging.h"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
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
#include "ferry/devices/copy.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_into.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/testing/tar_member.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kSmallBytes = uint64_t{10} << 20;
#ifdef FERRY_LARGE_FILES
constexpr uint64_t kLargeBytes = uint64_t{2} << 30;
#else
constexpr uint64_t kLargeBytes = uint64_t{40} << 20;
#endif
constexpr int kThreads = 4;
constexpr uint64_t kBufferBytes = uint64_t{1} << 20;
// What a process of 4 threads may need besides the staging buffers.
constexpr uint64_t kMaxProcessBytes = uint64_t{128} << 20;

// Returns a number of bytes in /proc/self/status.
uint64_t ProcessBytes(absl::string_view field) {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word) {
    if (word != field) continue;
    uint64_t kilobytes = 0;
    file >> kilobytes;
    return kilobytes << 10;
  }
  return 0;
}

// Sets the peak of the process's memory to what it has now (proc(5)).
void ResetProcessPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

// What an operation needed at most.
struct Marks {
  uint64_t staging_bytes = 0;
  uint64_t process_bytes = 0;  // more than before
};

class StagingTest : public testing::Test {
 protected:
  StagingTest() {
    EXPECT_THAT(SetNumThreads(kThreads), IsOk());
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(100, backend_));
    load_.registry = &registry_;
    load_.map_location = MapLocation::To("hash:0");
    save_.registry = &registry_;
    save_.durability = Durability::kNone;
  }
  ~StagingTest() override { std::remove(path_.c_str()); }

  static FakeBackend::Options Hashing() {
    FakeBackend::Options options;
    options.type = "hash";
    options.capacity_bytes = uint64_t{16} << 30;
    options.stream_buffer_bytes = kBufferBytes;
    options.delays_transfers = true;
    options.hashes_bytes = true;
    return options;
  }

  // Runs `body`, and prints and checks what it needed.
  Marks Measure(absl::string_view what, uint64_t size_bytes,
                const std::function<absl::Status()>& body) {
    ResetPeakStagingBytes();
    ResetProcessPeak();
    const uint64_t before = ProcessBytes("VmRSS:");
    EXPECT_THAT(body(), IsOk()) << what;
    Marks marks;
    marks.staging_bytes = PeakStagingBytes();
    const uint64_t peak = ProcessBytes("VmHWM:");
    marks.process_bytes = peak < before ? 0 : peak - before;
    absl::PrintF(
        "%-28s %6d MiB: staging %5.1f MiB, process %6.1f MiB more (peak %.1f "
        "MiB)\n",
        what, size_bytes >> 20, marks.staging_bytes / 1048576.0,
        marks.process_bytes / 1048576.0, peak / 1048576.0);
    EXPECT_GT(marks.staging_bytes, 0u) << what;
    EXPECT_LE(marks.staging_bytes, kThreads * kStagingBuffers * kBufferBytes)
        << what;
    EXPECT_EQ(LiveStagingBytes(), 0u) << what;
#ifdef FERRY_LARGE_FILES
    EXPECT_LE(marks.process_bytes, kMaxProcessBytes) << what;
#endif
    return marks;
  }

  absl::StatusOr<Tensor> TensorOf(uint64_t size_bytes) {
    Memory memory;
    FERRY_RETURN_IF_ERROR(backend_->Allocate(0, {size_bytes}, {&memory, 1}));
    return Tensor::Create(
        Storage::FromMemory(Device("hash", 0), memory, size_bytes),
        DType::kUInt8, {static_cast<int64_t>(size_bytes)}, {1}, 0);
  }

  absl::Status SaveFile(uint64_t size_bytes, Container container) {
    FERRY_ASSIGN_OR_RETURN(const Tensor tensor, TensorOf(size_bytes));
    Value dict = Value::Dict();
    FERRY_RETURN_IF_ERROR(dict.Set("weight", Value(tensor)));
    save_.container = container;
    return Save(dict, path_, save_);
  }

  // Loads the file onto the device, and checks what arrived there.
  absl::Status LoadFile(uint64_t size_bytes) {
    FERRY_ASSIGN_OR_RETURN(const Value value, Load(path_, load_));
    // A tar archive holds the tensor itself, the others a dict.
    absl::StatusOr<Tensor> tensor = value.AsTensor();
    if (!tensor.ok()) {
      FERRY_ASSIGN_OR_RETURN(const Value weight, value.Get("weight"));
      tensor = weight.AsTensor();
    }
    FERRY_RETURN_IF_ERROR(tensor.status());
    Check(tensor->storage(), size_bytes);
    return absl::OkStatus();
  }

  void Check(const Storage& storage, uint64_t size_bytes) {
    EXPECT_EQ(storage.device(), Device("hash", 0));
    EXPECT_EQ(storage.size_bytes(), size_bytes);
    EXPECT_EQ(backend_->HashOf(storage.memory()),
              HashOfGeneratedBytes(size_bytes));
  }

  // Checks that `measure` needs as much for a large file as for a small one.
  void Compare(const std::function<Marks(uint64_t size_bytes)>& measure) {
    const Marks small = measure(kSmallBytes);
    const Marks large = measure(kLargeBytes);
    // Below 16 MiB, one thread does all of the work.
    EXPECT_LE(small.staging_bytes, kStagingBuffers * kBufferBytes);
    EXPECT_LE(large.staging_bytes, kThreads * small.staging_bytes);
  }

  const std::shared_ptr<FakeBackend> backend_ =
      std::make_shared<FakeBackend>(Hashing());
  DeviceRegistry registry_;
  LoadOptions load_;
  SaveOptions save_;
  const std::string path_ = absl::StrCat(NewFolder(), "/file");
};

// --- Files that Ferry writes -------------------------------------------------

struct Form {
  std::string name;
  Container container;
};

class StagingFormsTest : public StagingTest,
                         public testing::WithParamInterface<Form> {};

TEST_P(StagingFormsTest, SavesAndLoads) {
  std::vector<Marks> saves;
  Compare([&](uint64_t size_bytes) {
    saves.push_back(
        Measure(absl::StrCat("save ", GetParam().name), size_bytes,
                [&] { return SaveFile(size_bytes, GetParam().container); }));
    return Measure(absl::StrCat("load ", GetParam().name), size_bytes,
                   [&] { return LoadFile(size_bytes); });
  });
  EXPECT_LE(saves[1].staging_bytes, kThreads * saves[0].staging_bytes);
}

INSTANTIATE_TEST_SUITE_P(Forms, StagingFormsTest,
                         testing::Values(Form{"zip", Container::kZip},
                                         Form{"legacy", Container::kLegacy},
                                         Form{"safetensors",
                                              Container::kSafetensors}),
                         [](const auto& info) { return info.param.name; });

TEST_F(StagingTest, LoadsIntoTensors) {
  Compare([&](uint64_t size_bytes) {
    EXPECT_THAT(SaveFile(size_bytes, Container::kZip), IsOk());
    return Measure("load into, zip", size_bytes, [&]() -> absl::Status {
      LoadOptions options = load_;
      options.placement = Placement::kHost;
      options.map_location = MapLocation();
      FERRY_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                             Checkpoint::Open(path_, options));
      FERRY_ASSIGN_OR_RETURN(const Tensor tensor, TensorOf(size_bytes));
      FERRY_RETURN_IF_ERROR(
          LoadInto(checkpoint, {{"weight", tensor}}).status());
      Check(tensor.storage(), size_bytes);
      return absl::OkStatus();
    });
  });
}

TEST_F(StagingTest, CopiesBetweenDevices) {
  for (uint64_t size_bytes : {kSmallBytes, kLargeBytes}) {
    const absl::StatusOr<Tensor> tensor = TensorOf(size_bytes);
    ASSERT_THAT(tensor, IsOk());
    Measure("copy", size_bytes, [&]() -> absl::Status {
      FERRY_ASSIGN_OR_RETURN(const Storage copy,
                             CopyStorage(registry_.Snapshot(),
                                         tensor->storage(), Device("hash", 1)));
      EXPECT_EQ(backend_->HashOf(copy.memory()),
                HashOfGeneratedBytes(size_bytes));
      return absl::OkStatus();
    });
  }
}

// --- Files that others write -------------------------------------------------

TEST_F(StagingTest, LoadsDeflatedRecords) {
  Compare([&](uint64_t size_bytes) {
    EXPECT_THAT(SaveFile(64, Container::kZip), IsOk());
    {
      const absl::StatusOr<Checkpoint> small = Checkpoint::Open(path_, load_);
      EXPECT_THAT(small, IsOk());
      std::string pickle = *small->ReadRecord("data.pkl");
      // The number of elements, in the storage's key and in the shape.
      const std::string number("K\x40", 2);
      std::string large = "J";
      for (int i = 0; i < 4; ++i) {
        large += static_cast<char>(size_bytes >> (8 * i));
      }
      size_t found = 0;
      for (size_t at = pickle.find(number); at != std::string::npos;
           at = pickle.find(number, at + large.size())) {
        // A long integer of 8 bytes holds what an int cannot.
        const std::string eight =
            size_bytes > INT32_MAX
                ? std::string("\x8a\x05", 2) + large.substr(1) + '\0'
                : large;
        pickle.replace(at, number.size(), eight);
        ++found;
      }
      EXPECT_EQ(found, 2u);
      std::string bytes(size_bytes, '\0');
      GenerateBytes(0, &bytes[0], bytes.size());
      ZipBuilder zip;
      zip.Add("archive/data.pkl", pickle);
      zip.Add("archive/version", "3\n");
      zip.AddDeflated("archive/data/0", bytes);
      WriteFile(path_, zip.Build());
    }
    return Measure("load zip, deflated", size_bytes,
                   [&] { return LoadFile(size_bytes); });
  });
}

// Writes a member of a tar archive: `head`, generated bytes, and `tail`.
void WriteMember(std::ofstream* file, const std::string& name,
                 const std::string& head, uint64_t size_bytes = 0,
                 const std::string& tail = "") {
  const uint64_t total = head.size() + size_bytes + tail.size();
  *file << TarHeader(name, total) << head;
  std::string bytes(uint64_t{1} << 20, '\0');
  for (uint64_t at = 0; at < size_bytes; at += bytes.size()) {
    GenerateBytes(at, &bytes[0], bytes.size());
    *file << bytes;
  }
  *file << tail << std::string((512 - total % 512) % 512, '\0');
}

std::string LittleEndian(uint64_t number, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) {
    bytes += static_cast<char>(number >> (8 * i));
  }
  return bytes;
}

std::string Pickle(const std::string& opcodes) {
  return std::string("\x80\x02") + opcodes + ".";
}

std::string Text(const std::string& text) {
  return "X" + LittleEndian(text.size(), 4) + text;
}

// The archive of one tensor, as PyTorch wrote it before 0.1.10.
void WriteTar(const std::string& path, uint64_t size_bytes) {
  std::ofstream file(path, std::ios::binary);
  WriteMember(&file, "sys_info",
              Pickle("}(" + Text("protocol_version") + "M\xe8\x03" +
                     Text("little_endian") + "\x88" + Text("type_sizes") +
                     "}(" + Text("short") + "K\x02" + Text("int") + "K\x04" +
                     Text("long") + "K\x04uu"));
  WriteMember(&file, "pickle", Pickle(Text("20") + "Q"));
  WriteMember(&file, "tensors",
              Pickle("K\x01") +
                  Pickle("K\x14K\x0a"
                         "ctorch\nByteTensor\n\x87") +
                  LittleEndian(1, 8) + LittleEndian(size_bytes, 8) +
                  LittleEndian(1, 8) + LittleEndian(0, 8));
  WriteMember(&file, "storages",
              Pickle("K\x01") +
                  Pickle("K\x0a" + Text("cpu") + "ctorch\nByteStorage\n\x87") +
                  LittleEndian(size_bytes, 8),
              size_bytes, Pickle("]"));
  file << std::string(1024, '\0');
}

TEST_F(StagingTest, LoadsTarArchives) {
  Compare([&](uint64_t size_bytes) {
    WriteTar(path_, size_bytes);
    return Measure("load tar", size_bytes,
                   [&] { return LoadFile(size_bytes); });
  });
}

}  // namespace
}  // namespace v1
}  // namespace ferry
