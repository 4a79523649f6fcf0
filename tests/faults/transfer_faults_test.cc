// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Transfers that fail at every call of a device, or are cancelled at every
// step: loads, reads into tensors, saves and copies, on a fake backend and
// through the C interface of plugins. Whatever fails, the call says so, names
// the file and the storage, and gives back everything that it took.

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/runtime/runtime.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

// What a device is asked to do, as far as it may fail. kPin is the allocation
// of host memory, without which a stream uses ordinary memory.
enum Step { kAllocate, kOpen, kPin, kIssue, kCopy, kNumSteps };

// Fails the n-th step of a kind, counted from 1, and counts the steps. A lost
// device fails every later step, too.
class Faults {
 public:
  void Reset() {
    for (std::atomic<int>& count : counts_) count = 0;
    n_ = 0;
    is_lost_ = false;
  }
  void FailAt(Step step, int n, bool loses_device) {
    step_ = step;
    loses_device_ = loses_device;
    n_ = n;
  }
  int count(Step step) const { return counts_[step]; }

  // Counts a step, and returns whether it fails.
  bool Fails(Step step) {
    const int count = ++counts_[step];
    if (is_lost_) return true;
    if (step != step_ || count != n_) return false;
    is_lost_ = loses_device_;
    return true;
  }

 private:
  std::atomic<int> counts_[kNumSteps] = {};
  Step step_ = kAllocate;
  std::atomic<int> n_{0};
  bool loses_device_ = false;
  std::atomic<bool> is_lost_{false};
};

Faults& GetFaults() {
  static Faults* const faults = new Faults;
  return *faults;
}

constexpr char kFault[] = "the bus is on fire";

absl::Status FaultOf(Step step) {
  return GetFaults().Fails(step) ? absl::UnavailableError(kFault)
                                 : absl::OkStatus();
}

// --- A plugin whose calls fail -----------------------------------------------

// What a plugin has given and not got back.
struct Balance {
  std::atomic<int> memory{0};
  std::atomic<int> queues{0};
  std::atomic<int> events{0};
  std::atomic<int> buffers{0};
};
Balance balance;
ferry_backend toy;

// Replaces a function of the toy by one that may fail, and that adds `change`
// to `count` where it succeeds. The fault comes before the toy is called, or,
// if `IsLate`, after.
template <auto kMember, int kStep, bool kIsLate, std::atomic<int> Balance::*kOf,
          int kChange>
struct Replacement;
template <typename... Args, int32_t (*ferry_backend::*kMember)(Args...),
          int kStep, bool kIsLate, std::atomic<int> Balance::*kOf, int kChange>
struct Replacement<kMember, kStep, kIsLate, kOf, kChange> {
  static int32_t Call(Args... args) {
    ferry_status* const status =
        std::get<sizeof...(Args) - 1>(std::tuple<Args...>(args...));
    bool fails = false;
    if constexpr (kStep < kNumSteps) {
      fails = GetFaults().Fails(static_cast<Step>(kStep));
    }
    int32_t code = FERRY_OK;
    if (!fails || kIsLate) code = (toy.*kMember)(args...);
    if (code == FERRY_OK && (!fails || kIsLate)) (balance.*kOf) += kChange;
    return fails ? ferry_fail(status, FERRY_UNAVAILABLE, kFault) : code;
  }
};

int32_t SmallChunks(void* context, uint32_t index, ferry_device_properties* out,
                    ferry_status* status) {
  const int32_t code = toy.device_properties(context, index, out, status);
  out->copy_chunk_bytes = kMinBufferBytes;
  return code;
}

std::shared_ptr<Backend> MakePlugin(bool copies_between_devices) {
  const absl::StatusOr<PluginDescription> plugin =
      QueryPlugin(ferry_plugin_query_v0, "");
  EXPECT_THAT(plugin, IsOk());
  PluginDescription::BackendTable table = plugin->backends.at(0);
  toy = table.table;
  ferry_backend& to = table.table;
  // A table has no function for what the plugin cannot do.
  to.device_properties = SmallChunks;
  to.allocate = Replacement<&ferry_backend::allocate, kAllocate, false,
                            &Balance::memory, 1>::Call;
  to.free = Replacement<&ferry_backend::free, kNumSteps, false,
                        &Balance::memory, -1>::Call;
  to.copy = Replacement<&ferry_backend::copy, kCopy, false, &Balance::memory,
                        0>::Call;
  if (to.queue_create != nullptr) {
    to.queue_create = Replacement<&ferry_backend::queue_create, kOpen, false,
                                  &Balance::queues, 1>::Call;
    to.queue_destroy = Replacement<&ferry_backend::queue_destroy, kNumSteps,
                                   false, &Balance::queues, -1>::Call;
    to.copy_async = Replacement<&ferry_backend::copy_async, kIssue, false,
                                &Balance::events, 1>::Call;
    // The copy has ended, whatever it reports.
    to.event_wait = Replacement<&ferry_backend::event_wait, kCopy, true,
                                &Balance::events, 0>::Call;
    to.event_release = Replacement<&ferry_backend::event_release, kNumSteps,
                                   false, &Balance::events, -1>::Call;
    to.host_allocate = Replacement<&ferry_backend::host_allocate, kPin, false,
                                   &Balance::buffers, 1>::Call;
    to.host_free = Replacement<&ferry_backend::host_free, kNumSteps, false,
                               &Balance::buffers, -1>::Call;
  }
  EXPECT_NE(to.copy_between, nullptr);
  to.copy_between = Replacement<&ferry_backend::copy_between, kCopy, false,
                                &Balance::memory, 0>::Call;
  if (!copies_between_devices) {
    to.capabilities &= ~uint64_t{FERRY_CAPABILITY_DEVICE_COPY};
    to.copy_between = nullptr;
  }
  return std::make_shared<PluginBackend>(table);
}

// --- The devices -------------------------------------------------------------

// A backend of two devices, and what it has given.
struct Rig {
  std::shared_ptr<Backend> backend;
  std::function<int()> allocations;
  std::function<int()> streams;  // with what belongs to them
};

// Opens streams that may fail.
class OpeningBackend final : public FakeBackend {
 public:
  using FakeBackend::FakeBackend;
  absl::StatusOr<std::unique_ptr<TransferStream>> OpenStream(
      int index) override {
    FERRY_RETURN_IF_ERROR(FaultOf(kOpen));
    return FakeBackend::OpenStream(index);
  }
};

Rig MakeFake(bool delays, uint64_t buffer_bytes, bool copies_between_devices) {
  FakeBackend::Options options;
  options.type = "toy";
  options.delays_transfers = delays;
  options.stream_buffer_bytes = buffer_bytes;
  options.copies_between_devices = copies_between_devices;
  options.before_copy = [](int) { return FaultOf(kCopy); };
  options.before_allocate = [](int) { return FaultOf(kAllocate); };
  const auto backend = std::make_shared<OpeningBackend>(options);
  return {backend, [backend] { return backend->allocation_count(); },
          [backend] { return backend->stream_count(); }};
}

// `copies_between_devices` says whether the backend copies between its devices
// itself. If not, copies between them pass through host memory.
Rig MakeRig(const std::string& name, bool copies_between_devices) {
  if (name == "Eager") {
    return MakeFake(false, kMinBufferBytes, copies_between_devices);
  }
  if (name == "Late") {
    return MakeFake(true, kMinBufferBytes, copies_between_devices);
  }
  if (name == "LateInParallel") {
    return MakeFake(true, kBlockingBufferBytes, copies_between_devices);
  }
  return {MakePlugin(copies_between_devices),
          [] { return balance.memory.load(); },
          [] { return balance.queues + balance.events + balance.buffers; }};
}

// --- The operations ----------------------------------------------------------

class TransferFaultsTest : public testing::TestWithParam<std::string> {
 protected:
  TransferFaultsTest() : rig_(MakeRig(GetParam(), false)) {
    GetFaults().Reset();
    EXPECT_THAT(SetNumThreads(3), IsOk());
    cpu_ = registry_.RegisterBackend(
        10, DeviceRegistry::Default().Snapshot().FindBackend("cpu"));
    EXPECT_THAT(cpu_, IsOk());
    device_ = registry_.RegisterBackend(100, rig_.backend);
    EXPECT_THAT(device_, IsOk());
    load_.registry = &registry_;
    save_.registry = &registry_;
    save_.durability = Durability::kNone;
    // Large storages, which are read in pieces, and small ones, which share
    // transfers, on both devices.
    Value list = Value::Dict();
    for (int i = 0; i < 6; ++i) {
      const Storage storage = HostStorage(PseudorandomBytes(
          i % 3 == 0 ? large_bytes() : static_cast<uint64_t>(1000 + i)));
      storage.set_recorded_location(absl::StrCat("toy:", i < 3 ? 0 : 1));
      EXPECT_THAT(list.Set(absl::StrCat("t", i), Value(TensorOf(storage))),
                  IsOk());
    }
    EXPECT_THAT(Save(list, path_, save_), IsOk());
  }
  ~TransferFaultsTest() override { std::remove(path_.c_str()); }

  // From 16 MiB on, several threads move the bytes.
  bool is_parallel() const { return GetParam() == "LateInParallel"; }
  uint64_t large_bytes() const {
    return is_parallel() ? uint64_t{9} << 20 : 1200000;
  }

  static Tensor TensorOf(const Storage& storage) {
    return *Tensor::Create(storage, DType::kUInt8,
                           {static_cast<int64_t>(storage.size_bytes())}, {1},
                           0);
  }

  struct Operation {
    std::string name;
    // Prepares what is not to fail.
    std::function<void()> prepare;
    std::function<absl::Status()> run;
    // A part of the names of the storages in errors.
    std::string storage;
    // Whether it reads or writes a file, which its errors name. Such operations
    // can be cancelled.
    bool has_file = true;
    // The minimum number of copies.
    int min_copies = 4;
  };

  // Replaces the backend.
  void UseRig(bool copies_between_devices) {
    *device_ = Registration();
    rig_ = MakeRig(GetParam(), copies_between_devices);
    device_ = registry_.RegisterBackend(100, rig_.backend);
    ASSERT_THAT(device_, IsOk());
  }

  // Copies a large storage from each device to the other.
  absl::Status CopyBothWays() {
    for (const auto& [name, to] : {std::pair("t0", 1), std::pair("t3", 0)}) {
      FERRY_ASSIGN_OR_RETURN(const Value value, placed_.Get(name));
      FERRY_ASSIGN_OR_RETURN(const Tensor tensor, value.AsTensor());
      FERRY_RETURN_IF_ERROR(
          CopyStorage(registry_.Snapshot(), tensor.storage(), Device("toy", to))
              .status());
    }
    return absl::OkStatus();
  }

  std::vector<Operation> Operations() {
    return {{"Load", [] {}, [this] { return Load(path_, load_).status(); },
             "data/"},
            {"LoadInto", [this] { placed_ = *Load(path_, load_); },
             [this]() -> absl::Status {
               LoadOptions options = load_;
               options.placement = Placement::kHost;
               FERRY_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                                      Checkpoint::Open(path_, options));
               std::vector<NamedTensor> tensors;
               for (int i = 0; i < 6; ++i) {
                 const std::string name = absl::StrCat("t", i);
                 tensors.push_back({name, *placed_.Get(name)->AsTensor()});
               }
               return LoadInto(checkpoint, tensors).status();
             },
             "data/"},
            {"Save", [this] { placed_ = *Load(path_, load_); },
             [this] { return Save(placed_, saved_path_, save_); }, "data/"},
            {"CopyStorage", [this] { placed_ = *Load(path_, load_); },
             [this] { return CopyBothWays(); }, "storage on toy:", false},
            // One call of the backend for each storage.
            {"CopyBetween",
             [this] {
               UseRig(true);
               placed_ = *Load(path_, load_);
             },
             [this] { return CopyBothWays(); }, "storage on toy:", false, 2}};
  }

  // Checks that nothing is left but what was allocated before.
  void ExpectNothingLeft(const std::string& what, int allocations) {
    EXPECT_EQ(LiveStagingBytes(), 0u) << what;
    EXPECT_EQ(rig_.allocations(), allocations) << what;
    EXPECT_EQ(rig_.streams(), 0) << what;
  }

  // The steps to fail: all of them, or a few if each takes long.
  std::vector<int> StepsOf(int count) const {
    if (is_parallel() && count > 3) return {1, count / 2, count};
    std::vector<int> steps;
    for (int n = 1; n <= count; ++n) steps.push_back(n);
    return steps;
  }

  Rig rig_;
  DeviceRegistry registry_;
  absl::StatusOr<Registration> cpu_;
  absl::StatusOr<Registration> device_;
  LoadOptions load_;
  SaveOptions save_;
  const std::string folder_ = NewFolder();
  const std::string path_ = folder_ + "/faults.pt";
  const std::string saved_path_ = folder_ + "/saved.pt";
  Value placed_;
};

TEST_P(TransferFaultsTest, EveryCallOfTheDeviceMayFail) {
  for (const Operation& operation : Operations()) {
    operation.prepare();
    const int before = rig_.allocations();
    GetFaults().Reset();
    ASSERT_THAT(operation.run(), IsOk()) << operation.name;
    ExpectNothingLeft(operation.name, before);
    int counts[kNumSteps];
    for (int step = 0; step < kNumSteps; ++step) {
      counts[step] = GetFaults().count(static_cast<Step>(step));
    }
    EXPECT_GE(counts[kCopy], operation.min_copies) << operation.name;
    // A backend that copies between its devices itself needs no streams.
    EXPECT_EQ(counts[kOpen] == 0, operation.name == "CopyBetween")
        << operation.name;
    for (int step = 0; step < kNumSteps; ++step) {
      for (int n : StepsOf(counts[step])) {
        for (bool loses_device : {false, true}) {
          const std::string what =
              absl::StrCat(operation.name, ", step ", step, ", call ", n,
                           " of ", counts[step], loses_device ? ", lost" : "");
          GetFaults().Reset();
          GetFaults().FailAt(static_cast<Step>(step), n, loses_device);
          const absl::Status status = operation.run();
          // Fewer streams than before may do for several threads.
          if (is_parallel() && GetFaults().count(static_cast<Step>(step)) < n) {
            continue;
          }
          if (step == kPin && !loses_device) {
            EXPECT_THAT(status, IsOk()) << what;
            ExpectNothingLeft(what, before);
            continue;
          }
          EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << what;
          EXPECT_THAT(std::string(status.message()), HasSubstr(kFault)) << what;
          if (step == kIssue || step == kCopy) {
            EXPECT_THAT(std::string(status.message()),
                        HasSubstr(operation.storage))
                << what;
          }
          if (operation.has_file) {
            EXPECT_THAT(std::string(status.message()), HasSubstr(".pt"))
                << what;
          }
          ExpectNothingLeft(what, before);
        }
      }
    }
    // The devices still work.
    GetFaults().Reset();
    EXPECT_THAT(operation.run(), IsOk()) << operation.name;
    placed_ = Value();
  }
}

TEST_P(TransferFaultsTest, EveryStepMayBeCancelled) {
  for (const Operation& operation : Operations()) {
    if (!operation.has_file) continue;
    operation.prepare();
    const int before = rig_.allocations();
    std::atomic<int> asked{0};
    std::atomic<int> last{0};
    const LoadOptions load = load_;
    const SaveOptions save = save_;
    load_.is_cancelled = save_.is_cancelled = [&] { return ++asked == last; };
    uint64_t done = 0;
    uint64_t total = 0;
    load_.progress =
        save_.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
          EXPECT_GE(done_bytes, done);
          done = done_bytes;
          total = total_bytes;
        };
    ASSERT_THAT(operation.run(), IsOk()) << operation.name;
    EXPECT_GT(total, 2 * large_bytes()) << operation.name;
    EXPECT_EQ(done, total) << operation.name;
    const int count = asked;
    EXPECT_GE(count, 2) << operation.name;
    for (int n = 1; n <= count; ++n) {
      const std::string what =
          absl::StrCat(operation.name, ", cancelled at ", n, " of ", count);
      asked = 0;
      last = n;
      done = 0;
      const absl::Status status = operation.run();
      EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << what;
      ExpectNothingLeft(what, before);
    }
    load_ = load;
    save_ = save;
    placed_ = Value();
  }
}

TEST_P(TransferFaultsTest, FilesMayEndEarly) {
  const std::string bytes = ReadFile(path_);
  for (double part : {0.05, 0.3, 0.6, 0.9}) {
    absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path_, load_);
    ASSERT_THAT(checkpoint, IsOk());
    ASSERT_EQ(
        truncate(path_.c_str(),
                 static_cast<off_t>(static_cast<double>(bytes.size()) * part)),
        0);
    const absl::Status status = checkpoint->LoadAll();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("faults.pt"));
    ExpectNothingLeft(absl::StrCat("a file cut at ", part), 0);
    WriteFile(path_, bytes);
  }
  EXPECT_THAT(Load(path_, load_), IsOk());
}

TEST_P(TransferFaultsTest, ChecksumsMayBeWrong) {
  const std::string bytes = ReadFile(path_);
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path_, load_);
  ASSERT_THAT(checkpoint, IsOk());
  std::vector<uint64_t> offsets;
  for (const Storage& storage : checkpoint->storages()) {
    const auto runs = checkpoint->FindRuns(storage);
    ASSERT_THAT(runs, IsOk());
    const Checkpoint::StoredRun& run = runs->at(0);
    offsets.push_back(run.offset_bytes);
    offsets.push_back(run.offset_bytes + run.encoded_bytes - 1);
  }
  for (uint64_t offset : offsets) {
    std::string damaged = bytes;
    damaged[offset] ^= 0x40;
    WriteFile(path_, damaged);
    const absl::Status status = Load(path_, load_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("data/"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("faults.pt"));
    ExpectNothingLeft(absl::StrCat("byte ", offset), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, TransferFaultsTest,
                         testing::Values("Eager", "Late", "LateInParallel",
                                         "Plugin"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace v1
}  // namespace ferry
