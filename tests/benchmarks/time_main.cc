// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times one load or save, for compare_with_pytorch.py. Each runs in a process
// of its own, so nothing is warm but the file, and what `again` and `into` say.
//
//   time load FILE
//   time again FILE                  the median of kLoadsAgain loads, after one
//                                    that is not timed; each value goes before
//                                    the next is loaded
//   time into FILE                   into memory that has been used before
//   time pread FILE                  the whole file, by as many threads as
//                                    Ferry uses, into such memory: as fast as
//                                    the machine can read
//   time save FILE COPY none|full    what FILE holds; the load is not timed
//
// Prints seconds, then a sum over the first element of every tensor (for pread
// the file's size), which shows that the data are there, then the most memory
// that the process has had, in KiB.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/runtime/runtime.h"

namespace ferry {
namespace {

using Clock = std::chrono::steady_clock;

// As many as in compare_with_pytorch.py.
constexpr int kLoadsAgain = 7;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double SumOfFirstElements(const Value& value) {
  double sum = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const absl::StatusOr<std::pair<Value, Value>> entry = value.Entry(i);
    if (!entry.ok()) continue;
    const absl::StatusOr<Tensor> tensor = entry->second.AsTensor();
    if (!tensor.ok() || tensor->dtype() != DType::kFloat32 ||
        tensor->num_elements() == 0 || tensor->data() == nullptr) {
      continue;
    }
    float first;
    std::memcpy(&first, tensor->data(), sizeof(first));
    sum += first;
  }
  return sum;
}

// What the kernel calls VmHWM.
int64_t PeakKib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

void Print(double seconds, double sum) {
  std::printf("%.9f %.1f %lld\n", seconds, sum,
              static_cast<long long>(PeakKib()));
}

// Tensors like those of a file, over memory that has been written to.
absl::StatusOr<std::vector<NamedTensor>> UsedTensors(const char* path) {
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path);
  if (!checkpoint.ok()) return checkpoint.status();
  absl::StatusOr<std::vector<NamedTensor>> state =
      StateDict(checkpoint->root());
  if (!state.ok()) return state.status();
  for (NamedTensor& entry : *state) {
    absl::StatusOr<Storage> storage =
        Storage::Allocate(entry.tensor.storage().size_bytes());
    if (!storage.ok()) return storage.status();
    std::memset(storage->data(), 1, storage->size_bytes());
    entry.tensor = entry.tensor.WithStorage(*storage);
  }
  return state;
}

absl::Status RunInto(const char* path) {
  const absl::StatusOr<std::vector<NamedTensor>> tensors = UsedTensors(path);
  if (!tensors.ok()) return tensors.status();
  const Clock::time_point start = Clock::now();
  const absl::Status status = LoadInto(path, *tensors).status();
  const double seconds = SecondsSince(start);
  if (!status.ok()) return status;
  Value list = Value::Dict();
  for (const NamedTensor& entry : *tensors) {
    const absl::Status set = list.Set(entry.name, Value(entry.tensor));
    if (!set.ok()) return set;
  }
  Print(seconds, SumOfFirstElements(list));
  return absl::OkStatus();
}

absl::Status RunAgain(const char* path) {
  std::vector<double> seconds;
  double sum = 0;
  for (int i = 0; i <= kLoadsAgain; ++i) {
    const Clock::time_point start = Clock::now();
    const absl::StatusOr<Value> value = Load(path);
    seconds.push_back(SecondsSince(start));
    if (!value.ok()) return value.status();
    sum = SumOfFirstElements(*value);
  }
  seconds.erase(seconds.begin());
  std::sort(seconds.begin(), seconds.end());
  Print(seconds[kLoadsAgain / 2], sum);
  return absl::OkStatus();
}

absl::Status RunPread(const char* path) {
  constexpr uint64_t kPieceBytes = uint64_t{8} << 20;
  const absl::StatusOr<std::unique_ptr<ReadableBytes>> file =
      OpenForReading(path);
  if (!file.ok()) return file.status();
  const uint64_t size = (*file)->size_bytes();
  const absl::StatusOr<Storage> storage = Storage::Allocate(size);
  if (!storage.ok()) return storage.status();
  char* const memory = static_cast<char*>(storage->data());
  std::memset(memory, 1, size);
  const Clock::time_point start = Clock::now();
  const absl::Status status = ParallelForEach(
      static_cast<int64_t>((size + kPieceBytes - 1) / kPieceBytes),
      [&](int64_t i) {
        const uint64_t begin = static_cast<uint64_t>(i) * kPieceBytes;
        return (*file)->ReadAt(
            begin, absl::MakeSpan(memory + begin,
                                  std::min(kPieceBytes, size - begin)));
      });
  const double seconds = SecondsSince(start);
  if (status.ok()) Print(seconds, static_cast<double>(size));
  return status;
}

absl::Status Run(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "again" && argc == 3) return RunAgain(argv[2]);
  if (command == "into" && argc == 3) return RunInto(argv[2]);
  if (command == "pread" && argc == 3) return RunPread(argv[2]);
  if (command == "load" && argc == 3) {
    const Clock::time_point start = Clock::now();
    const absl::StatusOr<Value> value = Load(argv[2]);
    const double seconds = SecondsSince(start);
    if (!value.ok()) return value.status();
    Print(seconds, SumOfFirstElements(*value));
    return absl::OkStatus();
  }
  if (command == "save" && argc == 5) {
    const absl::StatusOr<Value> value = Load(argv[2]);
    if (!value.ok()) return value.status();
    SaveOptions options;
    options.durability = std::strcmp(argv[4], "full") == 0 ? Durability::kFull
                                                           : Durability::kNone;
    const Clock::time_point start = Clock::now();
    const absl::Status status = Save(*value, argv[3], options);
    const double seconds = SecondsSince(start);
    if (!status.ok()) return status;
    Print(seconds, SumOfFirstElements(*value));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "usage: time load|again|into|pread FILE | time save FILE COPY none|full");
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  const absl::Status status = ferry::Run(argc, argv);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
