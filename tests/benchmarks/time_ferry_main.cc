// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times one load or save by Ferry, for compare.py.
//
//   time_ferry info              prints the number of threads that Ferry uses
//                                and "opt", or "debug" with assertions
//   time_ferry load FILE         loads all of a file into memory of its own
//   time_ferry again FILE        the median of kLoadsAgain loads, after one
//                                that is not timed; each value is destroyed
//                                before the next is loaded
//   time_ferry pool FILE         the same, with a PagePool in LoadOptions
//   time_ferry map FILE          loads it without reading the tensors' bytes,
//                                which are mapped
//   time_ferry verify FILE       the same, but compares the checksums of the
//                                bytes where they are mapped
//   time_ferry into FILE         loads it into tensors that exist, whose memory
//                                has been written to
//   time_ferry list FILE         names and shapes of the state_dict, without
//                                the tensors' bytes
//   time_ferry save FILE COPY zip|safetensors none|full
//                                saves what FILE holds; the load is not timed
//
// All but `info` speak as sample.h says.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/status_macros.h"
#include "ferry/runtime/runtime.h"
#include "ferry/tests/benchmarks/sample.h"

namespace ferry {
inline namespace v1 {
namespace {

// The same number as in time_pytorch.py.
constexpr int kLoadsAgain = 7;

// More than the files of the comparison need.
constexpr uint64_t kPoolBytes = uint64_t{8} << 30;

absl::StatusOr<double> FirstElement(const Tensor& tensor) {
  if (tensor.dtype() != DType::kFloat32 || tensor.num_elements() == 0 ||
      tensor.data() == nullptr) {
    return absl::InvalidArgumentError("not a tensor of floats with data");
  }
  float first;
  std::memcpy(&first, tensor.data(), sizeof(first));
  return first;
}

// Adds up the first elements of all tensors, the numbers and the lengths of the
// texts, in the order in which time_pytorch.py does. Recurses; the files are
// those that it made.
absl::StatusOr<double> CheckSum(const Value& value) {
  double sum = 0;
  switch (value.kind()) {
    case ValueKind::kInt:
    case ValueKind::kFloat:
      return value.AsFloat();
    case ValueKind::kStr: {
      FERRY_ASSIGN_OR_RETURN(const absl::string_view text, value.AsStr());
      return static_cast<double>(text.size());
    }
    case ValueKind::kTensor: {
      FERRY_ASSIGN_OR_RETURN(const Tensor tensor, value.AsTensor());
      return FirstElement(tensor);
    }
    case ValueKind::kList:
    case ValueKind::kTuple:
      for (size_t i = 0; i < value.size(); ++i) {
        FERRY_ASSIGN_OR_RETURN(const Value item, value.Item(i));
        FERRY_ASSIGN_OR_RETURN(const double part, CheckSum(item));
        sum += part;
      }
      return sum;
    case ValueKind::kDict:
      for (size_t i = 0; i < value.size(); ++i) {
        FERRY_ASSIGN_OR_RETURN(const auto entry, value.Entry(i));
        FERRY_ASSIGN_OR_RETURN(const double key, CheckSum(entry.first));
        sum += key;
        FERRY_ASSIGN_OR_RETURN(const double part, CheckSum(entry.second));
        sum += part;
      }
      return sum;
    default:
      return absl::InvalidArgumentError(
          "the file holds something that time_pytorch.py does not make");
  }
}

absl::Status TimeLoad(const char* path, const LoadOptions& options) {
  AwaitStart();
  const Stopwatch stopwatch;
  FERRY_ASSIGN_OR_RETURN(const Value value, Load(path, options));
  const Times times = stopwatch.Read();
  FERRY_ASSIGN_OR_RETURN(const double sum, CheckSum(value));
  PrintSample(times, sum);
  return absl::OkStatus();
}

absl::Status TimeLoadsAgain(const char* path, const LoadOptions& options) {
  std::vector<Times> times;
  double sum = 0;
  AwaitStart();
  for (int i = 0; i <= kLoadsAgain; ++i) {
    const Stopwatch stopwatch;
    FERRY_ASSIGN_OR_RETURN(const Value value, Load(path, options));
    if (i != 0) times.push_back(stopwatch.Read());
    FERRY_ASSIGN_OR_RETURN(sum, CheckSum(value));
  }
  std::sort(times.begin(), times.end(),
            [](const Times& a, const Times& b) { return a.wall_s < b.wall_s; });
  PrintSample(times[kLoadsAgain / 2], sum);
  return absl::OkStatus();
}

// Returns tensors like those of a file, over memory that has been written to.
absl::StatusOr<std::vector<NamedTensor>> UsedTensors(const char* path) {
  FERRY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  FERRY_ASSIGN_OR_RETURN(StateDictResult state, StateDict(checkpoint.root()));
  for (NamedTensor& entry : state.tensors) {
    FERRY_ASSIGN_OR_RETURN(
        const Storage storage,
        Storage::Allocate(entry.tensor.storage().size_bytes()));
    std::memset(storage.data(), 1, storage.size_bytes());
    entry.tensor = entry.tensor.WithStorage(storage);
  }
  return std::move(state.tensors);
}

absl::Status TimeLoadInto(const char* path) {
  FERRY_ASSIGN_OR_RETURN(const std::vector<NamedTensor> tensors,
                         UsedTensors(path));
  AwaitStart();
  const Stopwatch stopwatch;
  FERRY_RETURN_IF_ERROR(LoadInto(path, tensors).status());
  const Times times = stopwatch.Read();
  double sum = 0;
  for (const NamedTensor& entry : tensors) {
    sum += static_cast<double>(entry.name.size());
    FERRY_ASSIGN_OR_RETURN(const double first, FirstElement(entry.tensor));
    sum += first;
  }
  PrintSample(times, sum);
  return absl::OkStatus();
}

absl::Status TimeList(const char* path) {
  AwaitStart();
  const Stopwatch stopwatch;
  FERRY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  FERRY_ASSIGN_OR_RETURN(const StateDictResult state,
                         StateDict(checkpoint.root()));
  const Times times = stopwatch.Read();
  double sum = 0;
  for (const NamedTensor& entry : state.tensors) {
    sum += static_cast<double>(entry.name.size());
    sum += static_cast<double>(entry.tensor.num_elements());
  }
  PrintSample(times, sum);
  return absl::OkStatus();
}

absl::Status TimeSave(const char* path, const char* copy,
                      const SaveOptions& options) {
  FERRY_ASSIGN_OR_RETURN(const Value value, Load(path));
  AwaitStart();
  const Stopwatch stopwatch;
  FERRY_RETURN_IF_ERROR(Save(value, copy, options));
  const Times times = stopwatch.Read();
  FERRY_ASSIGN_OR_RETURN(const double sum, CheckSum(value));
  PrintSample(times, sum);
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "info" && argc == 2) {
#ifdef NDEBUG
    constexpr char kBuild[] = "opt";
#else
    constexpr char kBuild[] = "debug";
#endif
    std::printf("%d %s\n", GetNumThreads(), kBuild);
    return absl::OkStatus();
  }
  if (command == "load" && argc == 3) {
    return TimeLoad(argv[2], LoadOptions());
  }
  if ((command == "map" || command == "verify") && argc == 3) {
    LoadOptions options;
    options.mapping = FileMapping::kReadOnly;
    options.verify_mapped = command == "verify";
    return TimeLoad(argv[2], options);
  }
  if (command == "again" && argc == 3) {
    return TimeLoadsAgain(argv[2], LoadOptions());
  }
  if (command == "pool" && argc == 3) {
    LoadOptions options;
    options.page_pool = std::make_shared<PagePool>(kPoolBytes);
    return TimeLoadsAgain(argv[2], options);
  }
  if (command == "into" && argc == 3) return TimeLoadInto(argv[2]);
  if (command == "list" && argc == 3) return TimeList(argv[2]);
  if (command == "save" && argc == 6) {
    SaveOptions options;
    options.container = std::strcmp(argv[4], "safetensors") == 0
                            ? Container::kSafetensors
                            : Container::kZip;
    options.durability = std::strcmp(argv[5], "full") == 0 ? Durability::kFull
                                                           : Durability::kNone;
    return TimeSave(argv[2], argv[3], options);
  }
  return absl::InvalidArgumentError(
      "usage: time_ferry info | load|again|pool|map|into|list FILE | save FILE "
      "COPY zip|safetensors none|full");
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  const absl::Status status = ferry::Run(argc, argv);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
