// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Makes values of all that the API can build, sensible or not, and saves each:
// what `Save` writes, Ferry reads again here, and a test has PyTorch open it.
//
//   any_value COUNT DIRECTORY
//
// A line of JSON for each file that was written:
//
//   {"path": "...", "seed": 17, "container": "zip", "protocol": 2,
//    "newer": false}
//
// "newer": it holds what PyTorch 1.13 does not know. The last line has
// {"written": N, "refused": N}. Ends with 1, and says of which seed, if Ferry
// cannot read what it wrote, or writes something else of it each time.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/internal_key.h"
#include "ferry/runtime/runtime.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::ordered_json;

// One value, out of a seed. Every third of them is made of sound parts alone,
// so that enough of what is written is large.
class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed), is_sound_(seed % 3 == 0) {}

  Value Make() { return Any(0); }
  bool is_newer() const { return is_newer_; }

 private:
  static constexpr int kMaxDepth = 4;

  // A number below `count`.
  size_t Pick(size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random_);
  }
  bool Chance(double probability) {
    return std::bernoulli_distribution(probability)(random_);
  }
  // Whether to do something that may be refused.
  bool Misbehaves() { return !is_sound_ && Chance(0.08); }
  template <typename T>
  T OneOf(const std::vector<T>& choices) {
    return choices[Pick(choices.size())];
  }

  std::string Text();
  std::string GlobalName();
  Value Number();
  DType AnyDType();
  Tensor Strided();
  Tensor Sparse();
  Tensor AnyTensor();
  Device AnyDevice();
  Value Leaf();
  Value Key(int depth);
  Value Any(int depth);
  std::vector<Value> Several(int depth);
  Value Container(int depth);
  Value Object(int depth);

  std::mt19937 random_;
  const bool is_sound_;
  bool is_newer_ = false;
  std::vector<Storage> storages_;
  std::vector<Value> made_;
};

std::string Maker::Text() {
  if (Misbehaves()) {
    return OneOf<std::string>({"\xff", "a\xc3", "\xc0\x80", "\xf8\x88\x80\x80",
                               std::string("\x80\0", 2)});
  }
  return OneOf<std::string>(
      {"", "a", "weight", "fc.weight", "a/b~c", "\xc3\xa9", "\xf0\x9f\x98\x80",
       "\xed\xa0\x80", std::string("nul\0nul", 7), "new\nline", "__metadata__",
       "cpu", "storage", "0", std::string(300, 'x'), std::string(70000, 'y')});
}

std::string Maker::GlobalName() {
  if (Misbehaves()) {
    return OneOf<std::string>(
        {"", "pool.", ".A", "pool\n.A", "pool.A\n0cposix\ngetcwd",
         "collections.OrderedDict\n)R0cposix\ngetcwd\n)R",
         std::string("pool.A\0", 7), "pool.\xff", "pool.\xed\xa0\x80",
         absl::StrCat("pool.", std::string(5000, 'A'))});
  }
  return OneOf<std::string>({"pool.A", "pool.B", "pool.sub.C", "pool.\xc3\x84",
                             absl::StrCat("pool.", std::string(4096, 'L'))});
}

Value Maker::Number() {
  switch (Pick(7)) {
    case 0:
      return Value(static_cast<int64_t>(Pick(600)) - 300);
    case 1:
      return Value(
          OneOf<int64_t>({std::numeric_limits<int64_t>::min(),
                          std::numeric_limits<int64_t>::max(), int64_t{1} << 31,
                          -(int64_t{1} << 31) - 1, 65535, 65536}));
    case 2:
      return Value(std::numeric_limits<uint64_t>::max() - Pick(2));
    case 3:
      return Value(OneOf<double>({0.0, -0.0, 0.1,
                                  std::numeric_limits<double>::infinity(),
                                  std::numeric_limits<double>::quiet_NaN()}));
    case 4:
      return Value(std::complex<double>(1.5, -2));
    case 5:
      return Value(Chance(0.5));
    default:
      return Value();
  }
}

DType Maker::AnyDType() {
  const DType dtype = AllDTypes()[Pick(AllDTypes().size())];
  switch (Category(dtype)) {
    case DTypeCategory::kUnsignedInt:
      is_newer_ |= dtype != DType::kUInt8;
      break;
    case DTypeCategory::kSignedInt:
      is_newer_ |= ElementSizeBytes(dtype) == 1 && dtype != DType::kInt8;
      break;
    case DTypeCategory::kFloat:
      is_newer_ |= ElementSizeBytes(dtype) == 1;
      break;
    case DTypeCategory::kBits:
      is_newer_ = true;
      break;
    default:
      is_newer_ |= dtype == DType::kComplex32 || dtype == DType::kBComplex32 ||
                   dtype == DType::kQUInt2x4;
      break;
  }
  return dtype;
}

Tensor Maker::Strided() {
  const DType dtype = Chance(0.7) ? DType::kFloat32 : AnyDType();
  std::vector<int64_t> shape, strides;
  const size_t rank = Pick(5);
  for (size_t i = 0; i < rank; ++i) {
    shape.push_back(static_cast<int64_t>(Pick(4)));
    strides.push_back(static_cast<int64_t>(Pick(5)));
  }
  const auto offset = static_cast<int64_t>(Pick(4));
  Storage storage;
  if (!storages_.empty() && Chance(0.3)) {
    storage = OneOf(storages_);
  } else {
    const auto size = static_cast<uint64_t>(
        OneOf<int64_t>({0, 16, 256, 1024, Misbehaves() ? 7 : 64}));
    const size_t kind = is_sound_ ? 0 : Pick(14);
    if (kind == 10) {
      storage = Storage::Described(size, "cpu");
    } else if (kind == 11) {
      storage = Storage::FromMemory(Device("cpu"), Memory{}, size);
    } else if (kind == 12) {
      storage = Storage::FromMemory(Device("nowhere"), Memory{}, size);
    } else if (kind == 13) {
      storage = Storage::FromMemory(Device("meta"), Memory{}, size);
    } else {
      storage = *Storage::Allocate(size);
      for (uint64_t i = 0; i < size; ++i) {
        static_cast<char*>(storage.data())[i] = static_cast<char>(i % 2);
      }
    }
    if (Chance(0.1)) storage.set_recorded_location(Text());
    storages_.push_back(storage);
  }
  absl::StatusOr<Tensor> tensor =
      Tensor::Create(storage, dtype, shape, strides, offset);
  if (!tensor.ok()) tensor = Tensor::Create(storage, dtype, {0});
  return *tensor;
}

Tensor Maker::Sparse() {
  const auto size = static_cast<int64_t>(2 + Pick(3));
  std::vector<int64_t> indices = {0, size - 1};
  if (Misbehaves()) indices[1] = size;
  std::vector<float> values = {1, 2};
  const Tensor of_values = *Tensor::FromData(absl::MakeConstSpan(values), {2});
  if (Chance(0.5)) {
    return Tensor::CreateComposite(
        OneOf<Layout>({Layout::kSparseCoo, Layout::kSparseCoo,
                       Misbehaves() ? Layout::kJagged : Layout::kSparseCoo}),
        DType::kFloat32, {size},
        {*Tensor::FromData(absl::MakeConstSpan(indices), {1, 2}),
         Misbehaves() ? Tensor() : of_values});
  }
  std::vector<int64_t> ends = {0, Misbehaves() ? 3 : 2, 2};
  is_newer_ = true;  // PyTorch 1.13 reads another form of these
  return Tensor::CreateComposite(
      Layout::kSparseCsr, DType::kFloat32, {2, Misbehaves() ? 1 : size},
      {*Tensor::FromData(absl::MakeConstSpan(ends), {3}),
       *Tensor::FromData(absl::MakeConstSpan(indices), {2}), of_values});
}

Tensor Maker::AnyTensor() {
  if (Misbehaves()) return Tensor();
  const Tensor tensor = Chance(0.1) ? Sparse() : Strided();
  const DTypeCategory category = Category(tensor.dtype());
  if (Misbehaves() || (category == DTypeCategory::kFloat && Chance(0.3))) {
    tensor.set_requires_grad(
        Misbehaves() || tensor.layout() == Layout::kStrided, InternalKey());
  }
  if (Misbehaves()) tensor.set_conj(true, InternalKey());
  if (Misbehaves()) tensor.set_neg(true, InternalKey());
  // PyTorch 1.13 has no form for the two bits.
  is_newer_ |= tensor.is_conj() || tensor.is_neg();
  return tensor;
}

Device Maker::AnyDevice() {
  if (Misbehaves()) {
    return OneOf<Device>({Device(""), Device("a b"), Device("cuda", 128),
                          Device("cuda", -7), Device("\xff"),
                          Device("cuda\n0cposix\ngetcwd")});
  }
  return OneOf<Device>({Device("cpu"), Device("cuda"), Device("cuda", 0),
                        Device("cuda", 127), Device("meta")});
}

Value Maker::Leaf() {
  switch (Pick(10)) {
    case 0:
    case 1:
      return Value(Text());
    case 2:
      return Value::Bytes(Text());
    case 3:
      return Value::ByteArray(Text());
    case 4:
      return Value::FromDType(AnyDType());
    case 5:
      return Value::FromDevice(AnyDevice());
    case 6:
      return Value::Size({static_cast<int64_t>(Pick(5)) - 1, 7});
    case 7:
    case 8:
      return Chance(0.3) ? Value::Parameter(AnyTensor()) : Value(AnyTensor());
    default:
      return Number();
  }
}

Value Maker::Key(int depth) {
  switch (Pick(6)) {
    case 0:
      return Number();
    case 1:
      return Value::Bytes(Text());
    case 2:
      return Value::Tuple(Several(kMaxDepth));
    case 3:
      return Misbehaves() ? Any(depth) : Value::FromDType(DType::kFloat32);
    default:
      return Value(Text());
  }
}

std::vector<Value> Maker::Several(int depth) {
  std::vector<Value> values;
  const size_t count = Pick(5);
  values.reserve(count);
  for (size_t i = 0; i < count; ++i) values.push_back(Any(depth + 1));
  return values;
}

Value Maker::Container(int depth) {
  switch (Pick(4)) {
    case 0: {
      const Value list = Value::List(Several(depth));
      // The same object again, or a list in itself.
      if (list.size() > 0 && Chance(0.3)) {
        (void)list.Append(*list.Item(Pick(list.size())));
      }
      if (Chance(0.1)) (void)list.Append(list);
      return list;
    }
    case 1:
      return Value::Tuple(Several(depth));
    case 2: {
      // The only way to make one of these.
      return Value::Call(
          OneOf<std::string>({"builtins.set", "builtins.frozenset"}),
          {Value::List({Value(1), Value("a")})});
    }
    default: {
      const Value dict = Chance(0.5) ? Value::Dict() : Value::OrderedDict();
      const size_t count = Pick(5);
      for (size_t i = 0; i < count; ++i) {
        // Keys that cannot be one are refused here.
        (void)dict.Set(Key(depth), Any(depth + 1));
      }
      if (Chance(0.1)) (void)dict.Set("self", dict);
      if (Chance(0.2)) (void)dict.SetAttribute(Text(), Any(depth + 1));
      return dict;
    }
  }
}

Value Maker::Object(int depth) {
  const std::vector<Value> arguments = Several(depth);
  const Value object = Chance(0.5) ? Value::Object(GlobalName(), arguments)
                                   : Value::Call(GlobalName(), arguments);
  const size_t count = Pick(3);
  for (size_t i = 0; i < count; ++i) {
    (void)object.SetAttribute(Text(), Any(depth + 1));
  }
  if (Chance(0.1)) (void)object.SetAttribute("self", object);
  return object;
}

Value Maker::Any(int depth) {
  if (!made_.empty() && Chance(0.1)) return OneOf(made_);
  const size_t kind = depth >= kMaxDepth ? 0 : Pick(4);
  Value value = kind <= 1   ? Leaf()
                : kind == 2 ? Container(depth)
                            : (Chance(0.5) ? Container(depth) : Object(depth));
  made_.push_back(value);
  return value;
}

// What a save makes of what a load made of `bytes`.
absl::StatusOr<std::string> Copy(const std::string& bytes,
                                 const SaveOptions& options) {
  LoadOptions load_options;
  load_options.placement = Placement::kHost;
  const absl::StatusOr<Value> value = LoadMemory(bytes, load_options);
  if (!value.ok()) return value.status();
  return SaveToString(*value, options);
}

// Whether what was written can be read and written again. The first copy may
// differ, since a call that a program made has become what it makes; from then
// on copies are equal.
absl::Status CheckReadsBack(const std::string& bytes,
                            const SaveOptions& options) {
  const absl::StatusOr<std::string> copy = Copy(bytes, options);
  if (!copy.ok()) return copy.status();
  const absl::StatusOr<std::string> again = Copy(*copy, options);
  if (!again.ok()) return again.status();
  return *again == *copy ? absl::OkStatus()
                         : absl::InternalError("a copy's copy differs");
}

int Run(uint32_t count, const std::string& directory) {
  uint64_t written = 0;
  uint64_t refused = 0;
  for (uint32_t seed = 0; seed < count; ++seed) {
    Maker maker(seed);
    const Value value = maker.Make();
    for (const Container container : {Container::kZip, Container::kLegacy}) {
      SaveOptions options;
      options.container = container;
      options.pickle_protocol = static_cast<int>(seed % 6);
      const absl::StatusOr<std::string> bytes = SaveToString(value, options);
      if (!bytes.ok()) {
        ++refused;
        continue;
      }
      ++written;
      const absl::Status status = CheckReadsBack(*bytes, options);
      if (!status.ok()) {
        std::cerr << "seed " << seed << ", " << Name(container) << ", protocol "
                  << options.pickle_protocol << ": " << status << "\n";
        return 1;
      }
      const std::string path =
          absl::StrCat(directory, "/", seed, ".", Name(container));
      options.durability = Durability::kNone;
      options.archive_name = "archive";
      if (!Save(value, path, options).ok()) return 1;
      std::cout << Json({{"path", path},
                         {"seed", seed},
                         {"container", std::string(Name(container))},
                         {"protocol", options.pickle_protocol},
                         {"newer", maker.is_newer()}})
                       .dump()
                << "\n";
    }
  }
  std::cout << Json({{"written", written}, {"refused", refused}}).dump()
            << "\n";
  return 0;
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: any_value COUNT DIRECTORY\n";
    return 2;
  }
  return ferry::Run(static_cast<uint32_t>(std::atoi(argv[1])), argv[2]);
}
