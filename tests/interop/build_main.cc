// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Builds values with Ferry alone and saves them, for a test that has PyTorch
// open them (written_here_test.py, which knows what is in each).
//
//   build DIRECTORY

#include <complex>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/runtime/runtime.h"

namespace ferry {
inline namespace v1 {
namespace {

// A tensor of 0, 1, 2, ...
absl::StatusOr<Tensor> Arange(absl::Span<const int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  std::vector<float> elements(count);
  std::iota(elements.begin(), elements.end(), 0.0f);
  return Tensor::FromData(absl::MakeConstSpan(elements), shape);
}

absl::StatusOr<Value> StateDict() {
  FERRY_ASSIGN_OR_RETURN(const Tensor weight, Arange({2, 3}));
  FERRY_ASSIGN_OR_RETURN(const Tensor bias, Arange({2}));
  Value version = Value::Dict();
  FERRY_RETURN_IF_ERROR(version.Set("version", Value(1)));
  Value metadata = Value::OrderedDict();
  FERRY_RETURN_IF_ERROR(metadata.Set("", version));
  FERRY_RETURN_IF_ERROR(metadata.Set("fc", version));
  Value state = Value::OrderedDict();
  FERRY_RETURN_IF_ERROR(state.Set("fc.weight", Value(weight)));
  FERRY_RETURN_IF_ERROR(state.Set("fc.bias", Value(bias)));
  FERRY_RETURN_IF_ERROR(state.SetAttribute("_metadata", metadata));
  return state;
}

// Elements whose bytes are 1, 2, 3, ...; of bool 1, 0, 1, ...
absl::StatusOr<Tensor> Pattern(DType dtype, int64_t count) {
  const uint64_t size_bytes = ElementSizeBytes(dtype) * count;
  FERRY_ASSIGN_OR_RETURN(Storage storage, Storage::Allocate(size_bytes));
  auto* const bytes = static_cast<unsigned char*>(storage.data());
  for (uint64_t i = 0; i < size_bytes; ++i) {
    bytes[i] =
        static_cast<unsigned char>(dtype == DType::kBool ? (i + 1) % 2 : i + 1);
  }
  return Tensor::Create(storage, dtype, {count});
}

bool CanBuild(DType dtype) {
  // Quantised tensors need a quantiser, and dtypes below a byte have no
  // storage.
  const absl::string_view name = Name(dtype);
  const bool is_below_a_byte =
      ElementSizeBytes(dtype) == 1 &&
      (Category(dtype) == DTypeCategory::kSignedInt ||
       Category(dtype) == DTypeCategory::kUnsignedInt) &&
      dtype != DType::kInt8 && dtype != DType::kUInt8;
  return Category(dtype) != DTypeCategory::kQuantized && !is_below_a_byte &&
         !name.empty();
}

// Those that PyTorch 1.13 keeps in storages of their own.
absl::StatusOr<Value> OldDTypes() {
  Value all = Value::Dict();
  for (DType dtype :
       {DType::kFloat64, DType::kFloat32, DType::kFloat16, DType::kBFloat16,
        DType::kComplex128, DType::kComplex64, DType::kInt64, DType::kInt32,
        DType::kInt16, DType::kInt8, DType::kUInt8, DType::kBool}) {
    FERRY_ASSIGN_OR_RETURN(const Tensor tensor, Pattern(dtype, 3));
    FERRY_RETURN_IF_ERROR(all.Set(Name(dtype), Value(tensor)));
  }
  return all;
}

// Every dtype that has storages. PyTorch 1.13 does not open the newer ones.
absl::StatusOr<Value> AllBuildableDTypes() {
  Value all = Value::Dict();
  for (DType dtype : AllDTypes()) {
    if (!CanBuild(dtype)) continue;
    FERRY_ASSIGN_OR_RETURN(const Tensor tensor, Pattern(dtype, 3));
    FERRY_RETURN_IF_ERROR(all.Set(Name(dtype), Value(tensor)));
  }
  return all;
}

absl::StatusOr<Value> Views() {
  FERRY_ASSIGN_OR_RETURN(const Tensor base, Arange({4, 6}));
  const Storage& storage = base.storage();
  FERRY_ASSIGN_OR_RETURN(
      const Tensor transposed,
      Tensor::Create(storage, DType::kFloat32, {6, 4}, {1, 6}, 0));
  FERRY_ASSIGN_OR_RETURN(
      const Tensor row, Tensor::Create(storage, DType::kFloat32, {6}, {1}, 12));
  FERRY_ASSIGN_OR_RETURN(
      const Tensor stepped,
      Tensor::Create(storage, DType::kFloat32, {2, 2}, {12, 3}, 1));
  FERRY_ASSIGN_OR_RETURN(
      const Tensor expanded,
      Tensor::Create(storage, DType::kFloat32, {5, 6}, {0, 1}, 6));
  FERRY_ASSIGN_OR_RETURN(const Tensor scalar,
                         Tensor::Create(storage, DType::kFloat32, {}, {}, 23));
  Value views = Value::Dict();
  FERRY_RETURN_IF_ERROR(views.Set("base", Value(base)));
  FERRY_RETURN_IF_ERROR(views.Set("transposed", Value(transposed)));
  FERRY_RETURN_IF_ERROR(views.Set("row", Value(row)));
  FERRY_RETURN_IF_ERROR(views.Set("stepped", Value(stepped)));
  FERRY_RETURN_IF_ERROR(views.Set("expanded", Value(expanded)));
  FERRY_RETURN_IF_ERROR(views.Set("scalar", Value(scalar)));
  return views;
}

absl::StatusOr<Value> Gradients() {
  FERRY_ASSIGN_OR_RETURN(const Tensor learns, Arange({2, 2}));
  FERRY_RETURN_IF_ERROR(learns.SetRequiresGrad(true));
  FERRY_ASSIGN_OR_RETURN(const Tensor frozen, Arange({3}));
  FERRY_ASSIGN_OR_RETURN(const Tensor plain, Arange({2}));
  FERRY_RETURN_IF_ERROR(plain.SetRequiresGrad(true));
  Value values = Value::Dict();
  FERRY_RETURN_IF_ERROR(values.Set("learns", Value::Parameter(learns)));
  FERRY_RETURN_IF_ERROR(values.Set("frozen", Value::Parameter(frozen)));
  FERRY_RETURN_IF_ERROR(values.Set("plain", Value(plain)));
  return values;
}

absl::StatusOr<Value> Containers() {
  Value all = Value::Dict();
  const auto set = [&all](absl::string_view key, const Value& value) {
    return all.Set(key, value);
  };
  FERRY_RETURN_IF_ERROR(set("none", Value()));
  FERRY_RETURN_IF_ERROR(set("bools", Value::List({Value(true), Value(false)})));
  FERRY_RETURN_IF_ERROR(
      set("ints", Value::List({Value(0), Value(255), Value(256), Value(65536),
                               Value(-1), Value(int64_t{1} << 40),
                               Value(INT64_MIN), Value(INT64_MAX)})));
  FERRY_RETURN_IF_ERROR(set("floats", Value::List({Value(0.1), Value(-0.0)})));
  FERRY_RETURN_IF_ERROR(set("complex", Value(std::complex<double>(1, -2))));
  FERRY_RETURN_IF_ERROR(set("str", Value("\xC3\xA9\xF0\x9F\x9A\x80")));
  FERRY_RETURN_IF_ERROR(set("bytes", Value::Bytes({"\x00\xFF", 2})));
  FERRY_RETURN_IF_ERROR(set("bytearray", Value::ByteArray("abc")));
  FERRY_RETURN_IF_ERROR(
      set("tuples", Value::Tuple({Value::Tuple({}), Value::Tuple({Value(1)}),
                                  Value::Tuple({Value(1), Value("two"),
                                                Value(3.0), Value()})})));
  FERRY_RETURN_IF_ERROR(set("size", Value::Size({2, 3})));
  FERRY_RETURN_IF_ERROR(set("dtype", Value::FromDType(DType::kBFloat16)));
  FERRY_RETURN_IF_ERROR(set("device", Value::FromDevice(Device("cuda", 1))));
  FERRY_RETURN_IF_ERROR(set("cpu", Value::FromDevice(Device("cpu"))));
  FERRY_RETURN_IF_ERROR(all.Set(Value(7), Value("int key")));
  FERRY_RETURN_IF_ERROR(
      all.Set(Value::Tuple({Value(1), Value("t")}), Value("tuple key")));
  // One list met twice, and a list that contains itself: handles to the graph
  // that they are in are the same object.
  FERRY_RETURN_IF_ERROR(set("shared", Value::List()));
  FERRY_ASSIGN_OR_RETURN(const Value shared, all.Get("shared"));
  FERRY_RETURN_IF_ERROR(shared.Append(Value::List({Value(1), Value(2)})));
  FERRY_ASSIGN_OR_RETURN(const Value numbers, shared.Item(0));
  FERRY_RETURN_IF_ERROR(shared.Append(numbers));
  FERRY_RETURN_IF_ERROR(set("cycle", Value::List()));
  FERRY_ASSIGN_OR_RETURN(const Value cycle, all.Get("cycle"));
  FERRY_RETURN_IF_ERROR(cycle.Append(cycle));
  return all;
}

absl::StatusOr<Value> ManyTensors() {
  Value state = Value::OrderedDict();
  for (int i = 0; i < 20000; ++i) {
    const float elements[] = {static_cast<float>(i), -1.0f};
    FERRY_ASSIGN_OR_RETURN(
        const Tensor tensor,
        Tensor::FromData(absl::MakeConstSpan(elements), {2}));
    FERRY_RETURN_IF_ERROR(
        state.Set(absl::StrCat("layer.", i, ".weight"), Value(tensor)));
  }
  return state;
}

absl::StatusOr<Value> MetaAndEmpty() {
  FERRY_ASSIGN_OR_RETURN(
      const Tensor meta,
      Tensor::Create(Storage::FromMemory(Device("meta"), Memory{}, 48),
                     DType::kFloat32, {3, 4}));
  FERRY_ASSIGN_OR_RETURN(const Storage nothing, Storage::Allocate(0));
  FERRY_ASSIGN_OR_RETURN(const Tensor empty,
                         Tensor::Create(nothing, DType::kInt64, {2, 0, 3}));
  FERRY_ASSIGN_OR_RETURN(const Tensor scalar, Arange({}));
  return Value::List({Value(meta), Value(empty), Value(scalar)});
}

// What Python makes by calls and classes that Ferry does not know.
absl::StatusOr<Value> Objects() {
  const Value circle = Value::Object("shapes.Circle");
  FERRY_RETURN_IF_ERROR(circle.SetAttribute("radius", 0.5));
  FERRY_ASSIGN_OR_RETURN(const Tensor center, Arange({2}));
  FERRY_RETURN_IF_ERROR(circle.SetAttribute("center", Value(center)));
  return Value::List({circle,
                      Value::Call("fractions.Fraction", {Value(3), Value(4)}),
                      Value::Call("range", {Value(3)})});
}

struct File {
  const char* name;
  absl::StatusOr<Value> (*build)();
};

constexpr File kFiles[] = {
    {"state_dict", StateDict},      {"old_dtypes", OldDTypes},
    {"dtypes", AllBuildableDTypes}, {"views", Views},
    {"gradients", Gradients},       {"containers", Containers},
    {"many", ManyTensors},          {"meta_and_empty", MetaAndEmpty},
    {"objects", Objects},
};

absl::Status BuildAll(const std::string& directory) {
  for (const File& file : kFiles) {
    FERRY_ASSIGN_OR_RETURN(const Value value, file.build());
    for (int protocol = 2; protocol <= 5; ++protocol) {
      SaveOptions options;
      options.durability = Durability::kNone;
      options.pickle_protocol = protocol;
      FERRY_RETURN_IF_ERROR(Save(
          value, absl::StrCat(directory, "/", file.name, ".p", protocol, ".pt"),
          options));
    }
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: build DIRECTORY\n";
    return 2;
  }
  const absl::Status status = ferry::BuildAll(argv[1]);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
