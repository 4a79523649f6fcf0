// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/torch_unpickler.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/storage_type.h"
#include "ferry/value/object_graph.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// --- Pickles, piece by piece -------------------------------------------------

std::string Bytes(uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) {
    bytes.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  }
  return bytes;
}

// A LONG1 of 8 bytes: any integer of 64 bits.
std::string Int(int64_t value) {
  return absl::StrCat("\x8A\x08", Bytes(static_cast<uint64_t>(value), 8));
}
std::string BigInt() { return absl::StrCat("\x8A\x09", Bytes(0, 8), "\x01"); }
std::string Str(absl::string_view text) {
  return absl::StrCat("X", Bytes(text.size(), 4), text);
}
std::string Tuple(const std::vector<std::string>& items) {
  return absl::StrCat("(", absl::StrJoin(items, ""), "t");
}
std::string List(const std::vector<std::string>& items) {
  return absl::StrCat("](", absl::StrJoin(items, ""), "e");
}
std::string Dict(const std::vector<std::string>& items) {
  return absl::StrCat("}(", absl::StrJoin(items, ""), "u");
}
std::string Global(absl::string_view module, absl::string_view name) {
  return absl::StrCat("c", module, "\n", name, "\n");
}
std::string Call(const std::string& callable,
                 const std::vector<std::string>& args) {
  return absl::StrCat(callable, Tuple(args), "R");
}
const char kNone[] = "N";
const char kTrue[] = "\x88";
const char kFalse[] = "\x89";

std::string StorageOf(absl::string_view type, absl::string_view key,
                      int64_t numel) {
  return absl::StrCat(Tuple({Str("storage"), Global("torch", type), Str(key),
                             Str("cpu"), Int(numel)}),
                      "Q");
}
std::string Floats(int64_t numel) {
  return StorageOf("FloatStorage", "0", numel);
}
std::string Utils(absl::string_view name) {
  return Global("torch._utils", name);
}
std::string Hooks() { return Call(Global("collections", "OrderedDict"), {}); }
std::string V2(const std::string& storage, const std::string& offset,
               const std::string& size, const std::string& stride) {
  return Call(Utils("_rebuild_tensor_v2"),
              {storage, offset, size, stride, kFalse, Hooks()});
}

struct Result {
  std::shared_ptr<ObjectGraph> graph;
  NodeId root = kNoNode;
  std::vector<StorageEntry> storages;
  std::string other_dtypes;

  const Tensor& tensor() const { return graph->tensor(root); }
  ValueKind kind() const { return graph->kind(root); }
};

absl::StatusOr<Result> Read(const std::string& body,
                            PersistentIds ids = PersistentIds::kArchive) {
  Result result;
  result.graph = std::make_shared<ObjectGraph>();
  StorageTable storages([](const StorageDescription& description) {
    return description.key == "refused" ? absl::DataLossError("it is refused")
                                        : absl::OkStatus();
  });
  TorchUnpickler hooks(&storages, ids);
  const absl::StatusOr<pickle::UnpickleResult> read =
      pickle::Unpickle(absl::StrCat("\x80\x02", body, "."), Budget::Unlimited(),
                       &hooks, result.graph.get());
  if (!read.ok()) return read.status();
  result.root = read->root;
  result.storages.assign(storages.entries().begin(), storages.entries().end());
  result.other_dtypes = std::string(storages.other_dtypes());
  return result;
}

void ExpectDamage(const std::string& body, absl::string_view says) {
  const absl::Status status = Read(body).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(says)));
}

// --- Persistent ids ----------------------------------------------------------

TEST(PersistentIds, MakeDescribedStorages) {
  const absl::StatusOr<Result> result = Read(
      List({StorageOf("HalfStorage", "b", 3), StorageOf("LongStorage", "a", 2),
            StorageOf("HalfStorage", "b", 3)}));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->storages.size(), 2);
  EXPECT_EQ(result->storages[0].key, "b");
  EXPECT_EQ(result->storages[0].storage.size_bytes(), 6);
  EXPECT_FALSE(result->storages[0].storage.has_data());
  EXPECT_EQ(result->storages[0].storage.recorded_location(), "cpu");
  EXPECT_EQ(result->storages[1].key, "a");
  EXPECT_EQ(result->storages[1].storage.size_bytes(), 16);
  const absl::Span<const NodeId> items = result->graph->items(result->root);
  EXPECT_EQ(result->graph->storage(items[0]).storage,
            result->graph->storage(items[2]).storage);
}

TEST(PersistentIds, OfProgramsMayEndWithNone) {
  const std::string parts[] = {Str("storage"), Global("torch", "FloatStorage"),
                               Str("0"), Str("cpu"), Int(2)};
  std::vector<std::string> six(std::begin(parts), std::end(parts));
  const std::string five_parts = absl::StrCat(Tuple(six), "Q");
  six.push_back(kNone);
  const std::string six_parts = absl::StrCat(Tuple(six), "Q");
  for (const std::string& id : {five_parts, six_parts}) {
    const absl::StatusOr<Result> result = Read(id, PersistentIds::kProgram);
    ASSERT_THAT(result, IsOk());
    ASSERT_EQ(result->storages.size(), 1);
    EXPECT_EQ(result->storages[0].storage.size_bytes(), 8);
  }
  // PyTorch refuses them in checkpoints, and any other sixth part.
  ExpectDamage(six_parts, "6 parts");
  six.back() = Int(1);
  EXPECT_FALSE(
      Read(absl::StrCat(Tuple(six), "Q"), PersistentIds::kProgram).ok());
}

TEST(PersistentIds, MalformedOnes) {
  const auto pid = [](const std::vector<std::string>& parts) {
    return absl::StrCat(Tuple(parts), "Q");
  };
  const std::string storage = Str("storage");
  const std::string type = Global("torch", "FloatStorage");
  const std::string key = Str("0");
  const std::string cpu = Str("cpu");
  ExpectDamage(absl::StrCat(Int(3), "Q"), "not a tuple");
  ExpectDamage(absl::StrCat(Str("storage"), "Q"), "does not describe a tuple");
  ExpectDamage(absl::StrCat(Str("('storage', <class 'Name'>)"), "Q"),
               "the name of a class is not valid");
  ExpectDamage(pid({}), "0 parts");
  ExpectDamage(pid({storage, type, key, cpu}), "4 parts");
  ExpectDamage(pid({storage, type, key, cpu, Int(1), kNone, kNone}), "7 parts");
  ExpectDamage(pid({Str("module"), type, key, cpu, Int(1)}), "\"storage\"");
  ExpectDamage(pid({Int(1), type, key, cpu, Int(1)}), "\"storage\"");
  ExpectDamage(pid({storage, Str("FloatStorage"), key, cpu, Int(1)}),
               "storage class");
  ExpectDamage(pid({storage, Global("os", "system"), key, cpu, Int(1)}),
               "storage class");
  ExpectDamage(pid({storage, type, Int(0), cpu, Int(1)}), "not text");
  ExpectDamage(pid({storage, type, kTrue, cpu, Int(1)}), "not text");
  ExpectDamage(pid({storage, type, key, kNone, Int(1)}), "not text");
  ExpectDamage(pid({storage, type, key, cpu, Int(-1)}), "non-negative integer");
  ExpectDamage(pid({storage, type, key, cpu, BigInt()}),
               "non-negative integer");
  ExpectDamage(pid({storage, type, key, cpu, kTrue}), "non-negative integer");
  ExpectDamage(pid({storage, type, key, cpu, Str("4")}),
               "non-negative integer");
  ExpectDamage(pid({storage, type, key, cpu, Int(INT64_MAX)}), "2^63");
  ExpectDamage(pid({storage, type, key, cpu, Int(INT64_MAX / 4 + 1)}), "2^63");
  ExpectDamage(StorageOf("FloatStorage", "refused", 1), "it is refused");
  // One key, two sizes.
  ExpectDamage(List({Floats(3), Floats(4)}), "elsewhere");
  ExpectDamage(List({Floats(3), StorageOf("DoubleStorage", "0", 3)}),
               "elsewhere");
}

// Which dtype is read for each of several references to storages.
std::vector<DType> DTypesOf(const absl::StatusOr<Result>& result) {
  EXPECT_THAT(result, IsOk());
  std::vector<DType> dtypes;
  if (!result.ok()) return dtypes;
  for (NodeId item : result->graph->items(result->root)) {
    dtypes.push_back(result->graph->storage(item).dtype);
  }
  return dtypes;
}

TEST(PersistentIds, TheFirstDTypeOfAStorageCounts) {
  const std::string pickle =
      List({StorageOf("IntStorage", "0", 4), StorageOf("DoubleStorage", "0", 2),
            StorageOf("UntypedStorage", "0", 16),
            StorageOf("IntStorage", "0", 4), StorageOf("LongStorage", "1", 2)});
  const absl::StatusOr<Result> result = Read(pickle);
  EXPECT_THAT(DTypesOf(result),
              ElementsAre(DType::kInt32, DType::kInt32, DType::kInt32,
                          DType::kInt32, DType::kInt64));
  EXPECT_THAT(result->other_dtypes,
              AllOf(HasSubstr("\"0\" is int32"), HasSubstr("float64")));
  const absl::Span<const NodeId> items = result->graph->items(result->root);
  EXPECT_EQ(items[0], items[1]);
  EXPECT_EQ(items[0], items[2]);
  // C++ reads programs, and goes by each reference.
  const absl::StatusOr<Result> program = Read(pickle, PersistentIds::kProgram);
  EXPECT_THAT(DTypesOf(program),
              ElementsAre(DType::kInt32, DType::kFloat64, DType::kUInt8,
                          DType::kInt32, DType::kInt64));
  EXPECT_THAT(program->other_dtypes, IsEmpty());
}

TEST(PersistentIds, AnUntypedStorageIsOneOfBytes) {
  const absl::StatusOr<Result> result = Read(List(
      {StorageOf("UntypedStorage", "0", 4), StorageOf("ByteStorage", "0", 4)}));
  EXPECT_THAT(DTypesOf(result), ElementsAre(DType::kUInt8, DType::kUInt8));
  EXPECT_THAT(result->other_dtypes, IsEmpty());
  const absl::Span<const NodeId> items = result->graph->items(result->root);
  EXPECT_TRUE(result->graph->storage(items[0]).untyped);
  EXPECT_FALSE(result->graph->storage(items[1]).untyped);
}

TEST(PersistentIds, EmptyStoragesOfTwoDTypesAreWhatPyTorchWrites) {
  const absl::StatusOr<Result> result = Read(List(
      {StorageOf("IntStorage", "0", 0), StorageOf("DoubleStorage", "0", 0)}));
  EXPECT_THAT(DTypesOf(result), ElementsAre(DType::kInt32, DType::kInt32));
  EXPECT_THAT(result->other_dtypes, IsEmpty());
}

TEST(PersistentIds, TheFirstDTypeOfAPartCounts) {
  const auto part = [](absl::string_view type, int64_t count, int64_t offset,
                       int64_t size) {
    return absl::StrCat(
        Tuple({Str("storage"), Global("torch", type), Str("0"), Str("cpu"),
               Int(count), Tuple({Str("1"), Int(offset), Int(size)})}),
        "Q");
  };
  const auto whole = [](absl::string_view type, int64_t count) {
    return absl::StrCat(Tuple({Str("storage"), Global("torch", type), Str("0"),
                               Str("cpu"), Int(count), kNone}),
                        "Q");
  };
  // A part has a dtype of its own, as in PyTorch, and what it is a part of has
  // the one that it was met with, be it for the part alone.
  const absl::StatusOr<Result> result =
      Read(List({part("IntStorage", 4, 2, 2), whole("FloatStorage", 4),
                 part("DoubleStorage", 2, 1, 1)}),
           PersistentIds::kStream);
  EXPECT_THAT(DTypesOf(result),
              ElementsAre(DType::kInt32, DType::kInt32, DType::kInt32));
  EXPECT_THAT(result->other_dtypes, HasSubstr("\"0\" is int32"));
  const absl::StatusOr<Result> other =
      Read(List({whole("FloatStorage", 4), part("IntStorage", 4, 2, 2)}),
           PersistentIds::kStream);
  EXPECT_THAT(DTypesOf(other), ElementsAre(DType::kFloat32, DType::kInt32));
  EXPECT_THAT(other->other_dtypes, IsEmpty());
}

// --- Tensors -----------------------------------------------------------------

TEST(RebuildTensor, MakesViews) {
  const absl::StatusOr<Result> result = Read(
      V2(Floats(10), Int(2), Tuple({Int(2), Int(3)}), Tuple({Int(1), Int(2)})));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->kind(), ValueKind::kTensor);
  EXPECT_EQ(result->tensor().dtype(), DType::kFloat32);
  EXPECT_THAT(result->tensor().shape(), ElementsAre(2, 3));
  EXPECT_THAT(result->tensor().strides(), ElementsAre(1, 2));
  EXPECT_EQ(result->tensor().storage_offset(), 2);
  EXPECT_FALSE(result->tensor().requires_grad());
}

TEST(RebuildTensor, AcceptsTheFormsThatPyTorchAccepts) {
  // Lists, a torch.Size, strides left out; the form of 0.3; class and module of
  // other devices.
  const std::string forms[] = {
      V2(Floats(6), Int(0), List({Int(2), Int(3)}), List({Int(3), Int(1)})),
      V2(Floats(6), Int(0),
         Call(Global("torch", "Size"), {Tuple({Int(2), Int(3)})}),
         Tuple({Int(3), Int(1)})),
      V2(Floats(6), Int(0), Tuple({Int(2), Int(3)}), Tuple({})),
      Call(Utils("_rebuild_tensor"),
           {Floats(6), Int(0), Tuple({Int(2), Int(3)}),
            Tuple({Int(3), Int(1)})}),
      // torch.FloatTensor() with state, as until 0.1.12.
      absl::StrCat(Call(Global("torch", "FloatTensor"), {}),
                   Tuple({Floats(6), Int(0), Tuple({Int(2), Int(3)}),
                          Tuple({Int(3), Int(1)})}),
                   "b"),
  };
  for (const std::string& form : forms) {
    const absl::StatusOr<Result> result = Read(form);
    ASSERT_THAT(result, IsOk());
    ASSERT_EQ(result->kind(), ValueKind::kTensor);
    EXPECT_THAT(result->tensor().shape(), ElementsAre(2, 3));
    EXPECT_THAT(result->tensor().strides(), ElementsAre(3, 1));
  }
}

TEST(RebuildTensor, StateWouldReplaceWhatTheCallMade) {
  const std::string tensor =
      V2(Floats(6), Int(0), Tuple({Int(2), Int(3)}), Tuple({Int(3), Int(1)}));
  for (const std::string& made :
       {tensor, Call(Utils("_rebuild_parameter"), {tensor, kTrue, Hooks()})}) {
    for (const std::string& state :
         {Tuple({Floats(6), Int(1), Tuple({Int(2)}), Tuple({Int(1)})}),
          Tuple({kTrue, Tuple({}), Hooks()}), Dict({Str("note"), Int(1)})}) {
      EXPECT_EQ(Read(absl::StrCat(made, state, "b")).status().code(),
                absl::StatusCode::kUnimplemented);
    }
  }
  // A tensor that is still empty becomes a view; no other state is known.
  for (const std::string& state :
       {Tuple({kTrue, Tuple({}), Hooks()}),
        List({Floats(6), Int(1), Tuple({Int(2)}), Tuple({Int(1)})})}) {
    EXPECT_EQ(
        Read(absl::StrCat(Call(Global("torch", "FloatTensor"), {}), state, "b"))
            .status()
            .code(),
        absl::StatusCode::kUnimplemented);
  }
}

TEST(RebuildFromType, ParametersAreTold) {
  for (const std::string& inner :
       {Tuple({Utils("_rebuild_tensor"),
               Global("torch.nn.parameter", "Parameter"),
               Tuple({Floats(2), Int(0), Tuple({Int(2)}), Tuple({Int(1)})}),
               Dict({})}),
        Tuple({Utils("_rebuild_parameter"),
               Global("torch.nn.parameter", "Parameter"),
               Tuple({V2(Floats(2), Int(0), Tuple({Int(2)}), Tuple({Int(1)})),
                      kTrue, Hooks()}),
               Dict({})}),
        Tuple({Utils("_rebuild_parameter"), Global("m", "Subclass"),
               Tuple({V2(Floats(2), Int(0), Tuple({Int(2)}), Tuple({Int(1)})),
                      kTrue, Hooks()}),
               Dict({})})}) {
    const absl::StatusOr<Result> result = Read(absl::StrCat(
        Global("torch._tensor", "_rebuild_from_type_v2"), inner, "R"));
    ASSERT_THAT(result, IsOk());
    ASSERT_EQ(result->kind(), ValueKind::kTensor);
    EXPECT_EQ(result->graph->is_parameter(result->root),
              !absl::StrContains(inner, "Subclass"));
  }
}

TEST(RebuildTensor, EdgesOfTheStorage) {
  const auto ok = [](const std::string& body) { return Read(body).ok(); };
  const std::string one = Tuple({Int(1)});
  // Exactly to the end; one past it.
  EXPECT_TRUE(ok(V2(Floats(4), Int(0), Tuple({Int(4)}), one)));
  ExpectDamage(V2(Floats(4), Int(1), Tuple({Int(4)}), one), "rebuilt");
  ExpectDamage(V2(Floats(4), Int(0), Tuple({Int(5)}), one), "rebuilt");
  ExpectDamage(V2(Floats(4), Int(0), Tuple({Int(3)}), Tuple({Int(2)})),
               "rebuilt");
  // Many elements over one: a stride of 0.
  EXPECT_TRUE(ok(
      V2(Floats(1), Int(0), Tuple({Int(int64_t{1} << 40)}), Tuple({Int(0)}))));
  // Without elements nothing is addressed. PyTorch writes such an offset for
  // torch.zeros(10)[::4][3:].
  EXPECT_TRUE(ok(V2(Floats(0), Int(0), Tuple({Int(0)}), one)));
  EXPECT_TRUE(ok(V2(Floats(10), Int(12), Tuple({Int(0)}), Tuple({Int(4)}))));
  EXPECT_TRUE(ok(
      V2(Floats(0), Int(INT64_MAX), Tuple({Int(0)}), Tuple({Int(INT64_MAX)}))));
  ExpectDamage(V2(Floats(10), Int(-1), Tuple({Int(0)}), one), "rebuilt");
  EXPECT_TRUE(ok(
      V2(Floats(0), Int(0), Tuple({Int(3), Int(0)}), Tuple({Int(1), Int(1)}))));
  // One element, no dimensions.
  EXPECT_TRUE(ok(V2(Floats(1), Int(0), Tuple({}), Tuple({}))));
  ExpectDamage(V2(Floats(0), Int(0), Tuple({}), Tuple({})), "rebuilt");
}

TEST(RebuildTensor, MalformedViews) {
  const std::string four = Tuple({Int(4)});
  const std::string one = Tuple({Int(1)});
  const std::string storage = Floats(4);
  ExpectDamage(V2(storage, Int(-1), four, one), "rebuilt");
  ExpectDamage(V2(storage, BigInt(), four, one), "offset");
  ExpectDamage(V2(storage, kNone, four, one), "offset");
  ExpectDamage(V2(storage, kTrue, four, one), "offset");
  ExpectDamage(V2(storage, Int(0), Tuple({Int(-4)}), one), "rebuilt");
  ExpectDamage(V2(storage, Int(0), four, Tuple({Int(-1)})), "rebuilt");
  ExpectDamage(V2(storage, Int(0), Tuple({Int(2), Int(2)}), one), "rebuilt");
  ExpectDamage(V2(storage, Int(0), four, Tuple({Int(1), Int(1)})), "rebuilt");
  ExpectDamage(V2(storage, Int(0), Tuple({BigInt()}), one), "shape");
  ExpectDamage(V2(storage, Int(0), Tuple({kTrue}), one), "shape");
  ExpectDamage(V2(storage, Int(0), Tuple({Str("4")}), one), "shape");
  ExpectDamage(V2(storage, Int(0), Int(4), one), "shape");
  ExpectDamage(V2(storage, Int(0), four, kNone), "stride");
  ExpectDamage(V2(Str("0"), Int(0), four, one), "storage");
  ExpectDamage(V2(kNone, Int(0), four, one), "storage");
  // Products and sums that do not fit 64 bits.
  const std::string huge = Int(int64_t{1} << 62);
  ExpectDamage(V2(storage, Int(0), Tuple({huge, huge}), Tuple({})), "rebuilt");
  ExpectDamage(V2(storage, Int(0), Tuple({huge}), Tuple({huge})), "rebuilt");
  ExpectDamage(V2(storage, Int(INT64_MAX), four, one), "rebuilt");
  ExpectDamage(
      V2(storage, Int(INT64_MAX), Tuple({Int(2)}), Tuple({Int(INT64_MAX)})),
      "rebuilt");
}

TEST(RebuildTensor, ViewsThatOnlyPyTorchHas) {
  const auto expect_unsupported = [](const std::string& value,
                                     absl::string_view what) {
    const absl::Status status = Read(value).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_THAT(status.message(), testing::HasSubstr(what));
  };
  // torch.zeros([1] * 65).
  const std::vector<std::string> ones(65, Int(1));
  expect_unsupported(V2(Floats(1), Int(0), Tuple(ones), Tuple(ones)),
                     "65 dimensions");
  // torch.empty(0, 2**40, 2**40).
  const std::string large = Int(int64_t{1} << 40);
  expect_unsupported(V2(Floats(0), Int(0), Tuple({Int(0), large, large}),
                        Tuple({Int(0), large, Int(1)})),
                     "2^63");
  expect_unsupported(
      V2(Floats(0), Int(0), Tuple({Int(0), large, large}), Tuple({})), "2^63");
  // No PyTorch has these.
  ExpectDamage(
      V2(Floats(1), Int(0), Tuple({large, large}), Tuple({Int(0), Int(0)})),
      "2^63");
  ExpectDamage(V2(Floats(0), Int(0), Tuple({Int(0), large, large, Int(-1)}),
                  Tuple({Int(0), Int(0), Int(0), Int(0)})),
               "rebuilt");
}

TEST(RebuildTensor, MalformedCalls) {
  const std::string size = Tuple({Int(4)});
  const std::string stride = Tuple({Int(1)});
  const std::string v2 = Utils("_rebuild_tensor_v2");
  ExpectDamage(Call(v2, {}), "arguments");
  ExpectDamage(Call(v2, {Floats(4), Int(0), size}), "arguments");
  ExpectDamage(Call(v2, {Floats(4), Int(0), size, stride, kFalse, Hooks(),
                         kNone, kNone}),
               "arguments");
  ExpectDamage(Call(v2, {Floats(4), Int(0), size, stride, Int(1), Hooks()}),
               "requires_grad");
  ExpectDamage(
      Call(v2, {Floats(4), Int(0), size, stride, kFalse, Hooks(), Int(1)}),
      "metadata");
  ExpectDamage(Call(v2, {Floats(4), Int(0), size, stride, kFalse, Hooks(),
                         Dict({Str("conj"), kTrue})}),
               "complex");
  ExpectDamage(Call(v2, {Floats(4), Int(0), size, stride, kFalse, Hooks(),
                         Dict({Str("neg"), Int(1)})}),
               "neg");
  // Arguments that are no tuple.
  ExpectDamage(absl::StrCat(v2, List({Floats(4)}), "R"), "tuple");
}

TEST(RebuildTensor, ConjAndNeg) {
  const absl::StatusOr<Result> result = Read(Call(
      Utils("_rebuild_tensor_v2"),
      {StorageOf("ComplexFloatStorage", "0", 2), Int(0), Tuple({Int(2)}),
       Tuple({Int(1)}), kTrue, Hooks(),
       Dict({Str("conj"), kTrue, Str("neg"), kTrue, Str("other"), kTrue})}));
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->tensor().is_conj());
  EXPECT_TRUE(result->tensor().is_neg());
  EXPECT_TRUE(result->tensor().requires_grad());
}

TEST(RebuildTensorV3, HasADTypeOfItsOwn) {
  const std::string storage = absl::StrCat(
      Tuple({Str("storage"), Global("torch.storage", "UntypedStorage"),
             Str("0"), Str("cpu"), Int(9)}),
      "Q");
  const auto v3 = [&](const std::string& dtype, int64_t size) {
    return Call(Utils("_rebuild_tensor_v3"),
                {storage, Int(0), Tuple({Int(size)}), Tuple({Int(1)}), kFalse,
                 Hooks(), dtype});
  };
  const absl::StatusOr<Result> result =
      Read(v3(Global("torch", "float8_e4m3fn"), 9));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->tensor().dtype(), DType::kFloat8E4M3FN);
  EXPECT_THAT(Read(v3(Global("torch", "uint16"), 4)), IsOk());
  ExpectDamage(v3(Global("torch", "uint16"), 5), "rebuilt");
  ExpectDamage(v3(Global("torch", "no_such_dtype"), 1), "dtype");
  ExpectDamage(v3(Str("float32"), 1), "dtype");
  ExpectDamage(Call(Utils("_rebuild_tensor_v3"), {storage, Int(0)}),
               "arguments");
}

// --- Parameters and the like -------------------------------------------------

std::string SmallTensor() {
  return V2(Floats(4), Int(0), Tuple({Int(4)}), Tuple({Int(1)}));
}

TEST(RebuildParameter, IsATensorOverTheSameStorage) {
  const absl::StatusOr<Result> result =
      Read(Call(Utils("_rebuild_parameter"), {SmallTensor(), kTrue, Hooks()}));
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->graph->is_parameter(result->root));
  EXPECT_TRUE(result->tensor().requires_grad());
  EXPECT_EQ(result->tensor().storage(), result->storages[0].storage);
  ExpectDamage(Call(Utils("_rebuild_parameter"), {Floats(4), kTrue, Hooks()}),
               "parameter");
  ExpectDamage(
      Call(Utils("_rebuild_parameter"), {SmallTensor(), Int(1), Hooks()}),
      "requires_grad");
  ExpectDamage(Call(Utils("_rebuild_parameter"), {}), "arguments");
}

TEST(RebuildFromType, GivesTheInnerTensor) {
  const std::string function = Global("torch._tensor", "_rebuild_from_type_v2");
  const std::string args = Tuple(
      {Floats(4), Int(0), Tuple({Int(4)}), Tuple({Int(1)}), kFalse, Hooks()});
  absl::StatusOr<Result> result = Read(
      Call(function, {Utils("_rebuild_tensor_v2"), Global("torch", "Tensor"),
                      args, Dict({Str("note"), Int(1)})}));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->kind(), ValueKind::kTensor);
  // One inside another is not gone into, a function that is not known neither.
  result = Read(
      Call(function,
           {function, Global("torch", "Tensor"),
            Tuple({function, Global("torch", "Tensor"), args, kNone}), kNone}));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->kind(), ValueKind::kObject);
  result =
      Read(Call(function, {Global("os", "system"), Global("torch", "Tensor"),
                           Tuple({Str("true")}), kNone}));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->kind(), ValueKind::kObject);
  ExpectDamage(Call(function, {Utils("_rebuild_tensor_v2")}), "arguments");
}

TEST(RebuildMetaTensor, HasNoStorage) {
  const auto meta = [](const std::string& dtype, const std::string& size,
                       const std::string& stride) {
    return Call(Utils("_rebuild_meta_tensor_no_storage"),
                {dtype, size, stride, kFalse});
  };
  const std::string dtype = Global("torch", "float32");
  const absl::StatusOr<Result> result =
      Read(meta(dtype, Tuple({Int(3), Int(4)}), Tuple({Int(4), Int(1)})));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->tensor().device().ToString(), "meta");
  EXPECT_TRUE(result->storages.empty());
  ExpectDamage(meta(Str("float32"), Tuple({}), Tuple({})), "dtype");
  ExpectDamage(meta(dtype, Tuple({Int(-1)}), Tuple({Int(1)})), "rebuilt");
  ExpectDamage(meta(dtype, Tuple({Int(int64_t{1} << 62)}), Tuple({Int(1)})),
               "rebuilt");
  ExpectDamage(meta(dtype, Tuple({Int(1)}), Tuple({})), "rebuilt");
}

TEST(RebuildSparseTensor, HasComponents) {
  const auto layout = [](absl::string_view name) {
    return Call(Global("torch.serialization", "_get_layout"), {Str(name)});
  };
  const std::string indices =
      V2(StorageOf("LongStorage", "1", 4), Int(0), Tuple({Int(2), Int(2)}),
         Tuple({Int(2), Int(1)}));
  const std::string values =
      V2(Floats(2), Int(0), Tuple({Int(2)}), Tuple({Int(1)}));
  const std::string size =
      Call(Global("torch", "Size"), {Tuple({Int(3), Int(3)})});
  const auto sparse = [](const std::string& layout,
                         const std::vector<std::string>& parts) {
    return Call(Utils("_rebuild_sparse_tensor"), {layout, Tuple(parts)});
  };
  for (const std::vector<std::string>& parts :
       {std::vector<std::string>{indices, values, size},
        std::vector<std::string>{indices, values, size, kTrue}}) {
    const absl::StatusOr<Result> result =
        Read(sparse(layout("torch.sparse_coo"), parts));
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->tensor().layout(), Layout::kSparseCoo);
    EXPECT_EQ(result->tensor().dtype(), DType::kFloat32);
    EXPECT_THAT(result->tensor().shape(), ElementsAre(3, 3));
    EXPECT_EQ(result->tensor().components().size(), 2);
    EXPECT_FALSE(result->tensor().requires_grad());
  }
  // It requires a gradient if its values do.
  const absl::StatusOr<Result> learns = Read(sparse(
      layout("torch.sparse_coo"),
      {indices,
       Call(Utils("_rebuild_tensor_v2"), {Floats(2), Int(0), Tuple({Int(2)}),
                                          Tuple({Int(1)}), kTrue, Hooks()}),
       size}));
  ASSERT_THAT(learns, IsOk());
  EXPECT_TRUE(learns->tensor().requires_grad());
  ExpectDamage(sparse(layout("torch.sparse_coo"), {indices, values}), "parts");
  ExpectDamage(sparse(layout("torch.sparse_csr"), {indices, values, size}),
               "parts");
  ExpectDamage(sparse(layout("torch.sparse_coo"), {indices, kNone, size}),
               "part of a sparse tensor");
  ExpectDamage(
      sparse(layout("torch.sparse_coo"), {indices, values, Tuple({Int(-1)})}),
      "rebuilt");
  ExpectDamage(sparse(Str("sparse_coo"), {indices, values, size}), "layout");
  ExpectDamage(Call(Utils("_rebuild_sparse_tensor"),
                    {layout("torch.sparse_coo"), kNone}),
               "layout");
}

TEST(RebuildQTensor, NeedsAQuantisedStorage) {
  const auto quantised = [](const std::string& storage,
                            const std::string& quantiser) {
    return Call(Utils("_rebuild_qtensor"),
                {storage, Int(0), Tuple({Int(2)}), Tuple({Int(1)}), quantiser,
                 kFalse, Hooks()});
  };
  const std::string storage = StorageOf("QUInt8Storage", "0", 2);
  const std::string quantiser =
      Tuple({Global("torch", "per_tensor_affine"), Int(1), Int(0)});
  const absl::StatusOr<Result> result = Read(quantised(storage, quantiser));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->tensor().dtype(), DType::kQUInt8);
  ExpectDamage(quantised(Floats(2), quantiser), "quantised");
  ExpectDamage(quantised(storage, kNone), "quantiser");
  ExpectDamage(quantised(storage, Tuple({})), "quantiser");
  ExpectDamage(quantised(StorageOf("QUInt8Storage", "0", 1), quantiser),
               "rebuilt");
}

TEST(RebuildQTensor, NothingElseMakesAQuantisedTensor) {
  const std::string storage = StorageOf("QUInt8Storage", "0", 2);
  const std::string size = Tuple({Int(2)});
  const std::string stride = Tuple({Int(1)});
  const std::string dtype = Global("torch", "quint8");
  ExpectDamage(Call(Utils("_rebuild_tensor"), {storage, Int(0), size, stride}),
               "a quint8 tensor has no quantiser");
  ExpectDamage(V2(storage, Int(0), size, stride),
               "a quint8 tensor has no quantiser");
  ExpectDamage(Call(Utils("_rebuild_tensor_v3"),
                    {storage, Int(0), size, stride, kFalse, Hooks(), dtype}),
               "a quint8 tensor has no quantiser");
  ExpectDamage(Call(Utils("_rebuild_meta_tensor_no_storage"),
                    {dtype, size, stride, kFalse}),
               "a quint8 tensor has no quantiser");
}

TEST(Calls, ADTypeIsNotCalled) {
  ExpectDamage(Call(Global("torch", "float32"), {}),
               "a dtype is used as a class or function");
  ExpectDamage("(itorch\nfloat32\n", "a dtype is used as a class or function");
}

// A codec gives a tensor together with the call that made it.
TEST(RebuildQTensor, NoCallThatIsGivenMakesAQuantisedTensor) {
  const auto check = [](DType dtype) {
    ObjectGraph graph;
    const uint8_t bytes[] = {1, 2};
    const Tensor tensor = *Tensor::FromData(absl::MakeConstSpan(bytes), {2});
    const NodeId call = graph.AddObject(
        ObjectForm::kCall,
        graph.AddGlobal("torch._utils", "_rebuild_tensor_v2"),
        graph.AddTuple(std::vector<NodeId>{
            graph.AddStorage({tensor.storage(), dtype, /*untyped=*/false}),
            graph.AddInt(0),
            graph.AddTuple(std::vector<NodeId>{graph.AddInt(2)}),
            graph.AddTuple(std::vector<NodeId>{graph.AddInt(1)}),
            ObjectGraph::kFalse, graph.AddDict()}));
    graph.BecomeTensor(call, *Tensor::Create(tensor.storage(), dtype, {2}),
                       /*is_parameter=*/false);
    return TorchUnpickler::CheckCalls(graph, call);
  };
  EXPECT_THAT(check(DType::kUInt8), IsOk());
  EXPECT_THAT(check(DType::kQUInt8), StatusIs(absl::StatusCode::kDataLoss));
}

// --- What C++ writes otherwise -----------------------------------------------

std::string Tagged(const std::string& value, absl::string_view type) {
  return Call(Global("torch.jit._pickle", "restore_type_tag"),
              {value, Str(type)});
}

TEST(Libtorch, SparseTensorsHaveTheirPartsInARow) {
  const std::string indices =
      V2(StorageOf("LongStorage", "i", 2), Int(0), Tuple({Int(1), Int(2)}),
         Tuple({Int(2), Int(1)}));
  const std::string values =
      V2(Floats(2), Int(0), Tuple({Int(2)}), Tuple({Int(1)}));
  const auto rebuild = [](const std::vector<std::string>& args) {
    return Call(Utils("_rebuild_sparse_tensor"), args);
  };
  const std::string size = Tuple({Int(3)});
  absl::StatusOr<Result> coo =
      Read(rebuild({Int(1), size, kTrue, indices, values, Hooks()}));
  ASSERT_THAT(coo, IsOk());
  EXPECT_EQ(coo->tensor().layout(), Layout::kSparseCoo);
  EXPECT_THAT(coo->tensor().shape(), ElementsAre(3));
  EXPECT_EQ(coo->tensor().components().size(), 2);
  EXPECT_TRUE(coo->tensor().requires_grad());
  const std::string row = V2(StorageOf("LongStorage", "i", 2), Int(0),
                             Tuple({Int(2)}), Tuple({Int(1)}));
  absl::StatusOr<Result> csc = Read(rebuild(
      {Int(4), Tuple({Int(2), Int(1)}), kFalse, row, row, values, Hooks()}));
  ASSERT_THAT(csc, IsOk());
  EXPECT_EQ(csc->tensor().layout(), Layout::kSparseCsc);
  EXPECT_EQ(csc->tensor().components().size(), 3);

  ExpectDamage(rebuild({Int(0), size, kFalse, indices, values, Hooks()}),
               "not sparse");
  ExpectDamage(rebuild({Int(7), size, kFalse, indices, values, Hooks()}),
               "not known");
  ExpectDamage(rebuild({Int(-1), size, kFalse, indices, values, Hooks()}),
               "not known");
  ExpectDamage(rebuild({Int(2), size, kFalse, indices, values}), "too few");
  ExpectDamage(rebuild({Int(1), size, kFalse, indices, kNone, Hooks()}),
               "a part of a sparse tensor is a none");
}

TEST(Libtorch, TypesAreNotedBesideDictsAndTuples) {
  const std::string bits = Tagged(Dict({Str("neg"), kTrue}), "Dict[str, bool]");
  const absl::StatusOr<Result> negative = Read(Call(
      Utils("_rebuild_tensor_v2"), {Floats(2), Int(0), Tuple({Int(2)}),
                                    Tuple({Int(1)}), kFalse, Hooks(), bits}));
  ASSERT_THAT(negative, IsOk());
  EXPECT_TRUE(negative->tensor().is_neg());
  const std::string quantizer =
      Tagged(Tuple({Global("torch", "per_tensor_affine"), Int(1), Int(0)}),
             "Tuple[int, int, int]");
  const absl::StatusOr<Result> quantized =
      Read(Call(Utils("_rebuild_qtensor"),
                {StorageOf("QInt8Storage", "q", 2), Int(0), Tuple({Int(2)}),
                 Tuple({Int(1)}), quantizer, kFalse, Hooks()}));
  ASSERT_THAT(quantized, IsOk());
  EXPECT_EQ(quantized->tensor().dtype(), DType::kQInt8);
}

TEST(Libtorch, EveryDTypeHasAStorage) {
  for (const DType dtype : AllDTypes()) {
    const absl::string_view name = LibtorchStorageClassOf(dtype);
    if (name.empty()) continue;
    EXPECT_FALSE(StorageClassOf(dtype).has_value()) << name;
    const absl::StatusOr<Result> result = Read(
        V2(StorageOf(name, "0", 2), Int(0), Tuple({Int(2)}), Tuple({Int(1)})));
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->tensor().dtype(), dtype);
    EXPECT_EQ(result->storages[0].storage.size_bytes(),
              2 * ElementSizeBytes(dtype));
  }
  EXPECT_EQ(LibtorchStorageClassOf(DType::kUInt16), "UInt16Storage");
  EXPECT_EQ(LibtorchStorageClassOf(DType::kFloat32), "");
}

TEST(Libtorch, EnumeratorsAreCalledWithABareValue) {
  const absl::StatusOr<Result> result =
      Read(absl::StrCat(Global("__torch__.a", "Color"), Int(3), "R"));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->kind(), ValueKind::kObject);
  const NodeId args = result->graph->object(result->root).args;
  ASSERT_EQ(result->graph->items(args).size(), 1);
  EXPECT_EQ(result->graph->int_value(result->graph->items(args)[0]), 3);
  ExpectDamage(absl::StrCat(Global("torch", "Color"), Int(3), "R"),
               "not a tuple");
}

TEST(SmallThings, AreWhatTheySay) {
  absl::StatusOr<Result> result =
      Read(Call(Global("torch", "device"), {Str("cuda"), Int(1)}));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->kind(), ValueKind::kDevice);
  EXPECT_EQ(result->graph->device(result->root).ToString(), "cuda:1");
  result = Read(Global("torch", "bfloat16"));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->kind(), ValueKind::kDType);
  EXPECT_EQ(result->graph->dtype(result->root), DType::kBFloat16);
  result = Read(Call(Global("torch.serialization", "_get_layout"),
                     {Str("torch.sparse_csr")}));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->kind(), ValueKind::kLayout);
  EXPECT_EQ(result->graph->layout(result->root), Layout::kSparseCsr);
}

TEST(SmallThings, SizesMayShareATuple) {
  const std::string size = Global("torch", "Size");
  const absl::StatusOr<Result> result =
      Read(Tuple({Call(size, {Tuple({Int(3)}) + "q\1"}), Call(size, {"h\1"}),
                  Call(size, {Tuple({kNone}) + "q\2"}), Call(size, {"h\2"})}));
  ASSERT_THAT(result, IsOk());
  std::vector<ValueKind> kinds;
  for (NodeId node : result->graph->items(result->root)) {
    kinds.push_back(result->graph->kind(node));
  }
  EXPECT_THAT(kinds, ElementsAre(ValueKind::kSize, ValueKind::kSize,
                                 ValueKind::kObject, ValueKind::kObject));
}

TEST(SmallThings, StayObjectsWhereTheyAreOdd) {
  const std::string size = Global("torch", "Size");
  const std::string device = Global("torch", "device");
  const std::string layout = Global("torch.serialization", "_get_layout");
  for (const std::string& body :
       {Call(size, {}), Call(size, {Int(3)}), Call(size, {Tuple({kNone})}),
        Call(size, {Tuple({BigInt()})}), Call(device, {}),
        Call(device, {Int(1)}), Call(device, {Str("cuda"), kNone}),
        Call(device, {Str("cuda"), Int(-1)}), Call(device, {Str("")}),
        Call(device, {Str("cuda:0"), Int(1)}), Call(layout, {}),
        Call(layout, {Str("torch.no_layout")}), Call(layout, {Int(1)}),
        // PyTorch would hand out memory that nobody has initialised.
        Call(Global("torch", "FloatTensor"), {Int(1000000)}),
        Call(Global("torch", "UntypedStorage"), {Int(1000000)})}) {
    const absl::StatusOr<Result> result = Read(body);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->kind(), ValueKind::kObject);
  }
}

TEST(SmallThings, StorageClassesGoByTheirName) {
  // Whatever the module; nothing else.
  for (absl::string_view name : {"FloatStorage", "QUInt2x4Storage",
                                 "UntypedStorage", "_UntypedStorage"}) {
    EXPECT_TRUE(StorageTypeFromClass(name).has_value()) << name;
  }
  for (absl::string_view name : {"", "Storage", "floatstorage", "Float8Storage",
                                 "FloatStorage2", "torch.FloatStorage"}) {
    EXPECT_FALSE(StorageTypeFromClass(name).has_value()) << name;
  }
  for (DType dtype : AllDTypes()) {
    const std::optional<absl::string_view> name = StorageClassOf(dtype);
    if (!name) continue;
    EXPECT_EQ(StorageTypeFromClass(*name)->dtype, dtype) << *name;
    EXPECT_FALSE(StorageTypeFromClass(*name)->untyped);
  }
}

}  // namespace
}  // namespace torch
}  // namespace v1
}  // namespace ferry
