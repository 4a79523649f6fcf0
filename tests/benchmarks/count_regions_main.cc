// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The pieces of work whose instructions count_instructions.py counts. Runs on
// one thread, in the current directory.
//
//   count_regions info           prints the build, "opt" or "debug" (with
//                                assertions), and the compiler
//   count_regions regions        prints the names of the pieces
//   count_regions make           writes the files that they read, but for
//                                training.pt
//   count_regions run REGION     runs a piece twice, the second time inside
//                                FerryCountedRegion

#include <cstdint>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/runtime/runtime.h"

// Callgrind counts from the entry of this function to its end. What `body`
// leaves for its caller to destroy is destroyed outside.
extern "C" __attribute__((noinline)) void FerryCountedRegion(
    absl::FunctionRef<void()> body) {
  body();
  asm volatile("" ::: "memory");  // so that the call is no jump
}

namespace ferry {
inline namespace v1 {
namespace {

constexpr int kTensors = 20000;
constexpr int kObjects = 5000;
constexpr int kKeys = 10000;

absl::StatusOr<Value> MakeTensors() {
  const std::vector<float> elements(64, 1.0f);
  Value state = Value::OrderedDict();
  for (int i = 0; i < kTensors; ++i) {
    FERRY_ASSIGN_OR_RETURN(
        const Tensor tensor,
        Tensor::FromData(absl::MakeConstSpan(elements), {64}));
    FERRY_RETURN_IF_ERROR(
        state.Set(absl::StrCat("layer.", i, ".weight"), Value(tensor)));
  }
  return state;
}

// Lists and dicts of numbers and texts, as compare.py has them.
absl::StatusOr<Value> MakeObjects() {
  Value list = Value::List();
  for (int i = 0; i < kObjects; ++i) {
    Value item = Value::Dict();
    FERRY_RETURN_IF_ERROR(item.Set("index", Value(i)));
    FERRY_RETURN_IF_ERROR(item.Set("name", Value(absl::StrCat("item ", i))));
    FERRY_RETURN_IF_ERROR(item.Set("score", Value(i / 8.0)));
    FERRY_RETURN_IF_ERROR(item.Set(
        "tags", Value::List({Value(absl::StrCat("tag ", i % 100)), "all"})));
    FERRY_RETURN_IF_ERROR(item.Set("position", Value::Tuple({i, i + 1})));
    FERRY_RETURN_IF_ERROR(list.Append(item));
  }
  return list;
}

absl::StatusOr<Value> MakeKeys() {
  Value dict = Value::Dict();
  for (int i = 0; i < kKeys; ++i) {
    const Value key = Value::Tuple({i, Value(absl::StrCat("part ", i))});
    FERRY_RETURN_IF_ERROR(dict.Set(key, Value(i)));
  }
  return dict;
}

absl::Status Make() {
  FERRY_ASSIGN_OR_RETURN(const Value tensors, MakeTensors());
  FERRY_RETURN_IF_ERROR(Save(tensors, "tensors.pt"));
  FERRY_ASSIGN_OR_RETURN(const Value objects, MakeObjects());
  FERRY_RETURN_IF_ERROR(Save(objects, "objects.pt"));
  FERRY_ASSIGN_OR_RETURN(const Value keys, MakeKeys());
  return Save(keys, "keys.pt");
}

// Runs `work` once, so that nothing is counted that happens once in a process,
// and once more.
template <typename T>
absl::Status Count(absl::FunctionRef<absl::StatusOr<T>()> work) {
  FERRY_RETURN_IF_ERROR(work().status());
  absl::StatusOr<T> result = absl::InternalError("nothing has run");
  FerryCountedRegion([&] { result = work(); });
  return result.status();
}

absl::Status CountOpen(const std::string& path) {
  return Count<Checkpoint>([&] { return Checkpoint::Open(path); });
}

absl::Status CountList(const std::string& path) {
  return Count<StateDictResult>([&]() -> absl::StatusOr<StateDictResult> {
    FERRY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
    return StateDict(checkpoint.root());
  });
}

absl::Status CountLoad(const std::string& path) {
  return Count<Value>([&] { return Load(path); });
}

absl::Status CountSave(const std::string& path) {
  FERRY_ASSIGN_OR_RETURN(const Value value, Load(path));
  SaveOptions options;
  options.durability = Durability::kNone;
  return Count<bool>([&]() -> absl::StatusOr<bool> {
    FERRY_RETURN_IF_ERROR(Save(value, "copy.pt", options));
    return true;
  });
}

struct Region {
  const char* name;
  absl::Status (*count)(const std::string& path);
  const char* path;
};

// Plain objects have no tensors, so opening such a file is unpickling, and
// saving it pickling.
constexpr Region kRegions[] = {
    {"unpickle objects", CountOpen, "objects.pt"},
    {"unpickle tuple keys", CountOpen, "keys.pt"},
    {"pickle objects", CountSave, "objects.pt"},
    {"list 20000 tensors", CountList, "tensors.pt"},
    {"load 20000 tensors", CountLoad, "tensors.pt"},
    {"save 20000 tensors", CountSave, "tensors.pt"},
    {"list training checkpoint", CountList, "training.pt"},
    {"load training checkpoint", CountLoad, "training.pt"},
    {"save training checkpoint", CountSave, "training.pt"},
};

absl::Status Run(int argc, char** argv) {
  FERRY_RETURN_IF_ERROR(SetNumThreads(1));
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "info" && argc == 2) {
#ifdef NDEBUG
    std::cout << "opt ";
#else
    std::cout << "debug ";
#endif
#ifndef __clang__
    std::cout << "gcc ";
#endif
    std::cout << __VERSION__ << "\n";
    return absl::OkStatus();
  }
  if (command == "regions" && argc == 2) {
    for (const Region& region : kRegions) std::cout << region.name << "\n";
    return absl::OkStatus();
  }
  if (command == "make" && argc == 2) return Make();
  if (command == "run" && argc == 3) {
    for (const Region& region : kRegions) {
      if (region.name == std::string(argv[2])) return region.count(region.path);
    }
  }
  return absl::InvalidArgumentError(
      "usage: count_regions info | regions | make | run REGION");
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  const absl::Status status = ferry::Run(argc, argv);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
