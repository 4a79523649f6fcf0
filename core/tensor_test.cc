// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/tensor.h"

#include <array>
#include <complex>
#include <cstdint>
#include <limits>
#include <list>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Code = absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Shape = std::vector<int64_t>;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

Storage Bytes(uint64_t size) { return *Storage::Allocate(size); }

TEST(TensorTest, ViewsAStorage) {
  const Storage storage = Bytes(24);
  const Tensor t = *Tensor::Create(storage, DType::kFloat32, Shape{2, 3});
  EXPECT_EQ(t.dtype(), DType::kFloat32);
  EXPECT_EQ(t.layout(), Layout::kStrided);
  EXPECT_EQ(t.shape(), Shape({2, 3}));
  EXPECT_EQ(t.strides(), Shape({3, 1}));
  EXPECT_EQ(t.rank(), 2);
  EXPECT_EQ(t.num_elements(), 6);
  EXPECT_EQ(t.storage_offset(), 0);
  EXPECT_EQ(t.storage(), storage);
  EXPECT_EQ(t.data(), storage.data());
  EXPECT_TRUE(t.is_contiguous());
  EXPECT_FALSE(t.requires_grad() || t.is_conj() || t.is_neg());
  EXPECT_TRUE(t.device().is_cpu());
}

TEST(TensorTest, OffsetsAreInElements) {
  const Storage storage = Bytes(24);
  const Tensor t =
      *Tensor::Create(storage, DType::kInt16, Shape{2}, Shape{3}, 4);
  EXPECT_EQ(static_cast<char*>(t.data()) - static_cast<char*>(storage.data()),
            8);
  EXPECT_FALSE(t.is_contiguous());
}

TEST(TensorTest, ElementsThatShareAByte) {
  // Five elements of half a byte are three bytes.
  EXPECT_THAT(Tensor::Create(Bytes(3), DType::kQUInt4x2, Shape{5}), IsOk());
  EXPECT_FALSE(Tensor::Create(Bytes(2), DType::kQUInt4x2, Shape{5}).ok());
  EXPECT_THAT(Tensor::Create(Bytes(2), DType::kQUInt2x4, Shape{8}), IsOk());
  EXPECT_FALSE(Tensor::Create(Bytes(2), DType::kQUInt2x4, Shape{9}).ok());
  const Storage storage = Bytes(4);
  const Tensor t =
      *Tensor::Create(storage, DType::kQUInt4x2, Shape{4}, Shape{1}, 4);
  EXPECT_EQ(static_cast<char*>(t.data()) - static_cast<char*>(storage.data()),
            2);
}

TEST(TensorTest, RefusesViewsThatLeaveTheStorage) {
  const auto code = [](uint64_t bytes, Shape shape, Shape strides,
                       int64_t offset) {
    return Tensor::Create(Bytes(bytes), DType::kFloat32, shape, strides, offset)
        .status()
        .code();
  };
  EXPECT_EQ(code(24, {2, 3}, {3, 1}, 0), Code::kOk);
  EXPECT_EQ(code(23, {2, 3}, {3, 1}, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(24, {2, 3}, {3, 1}, 1), Code::kInvalidArgument);
  EXPECT_EQ(code(24, {2, 3}, {1, 2}, 0), Code::kOk);
  EXPECT_EQ(code(24, {2, 4}, {1, 2}, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(4, {1000, 1000}, {0, 0}, 0), Code::kOk);
  EXPECT_EQ(code(24, {2}, {-1}, 1), Code::kInvalidArgument);
  EXPECT_EQ(code(24, {-1}, {1}, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(24, {2}, {1}, -1), Code::kInvalidArgument);
  EXPECT_EQ(code(24, {2}, {1, 1}, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(24, {kMax}, {kMax}, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(24, {kMax / 2}, {1}, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(24, Shape(65, 1), Shape(65, 1), 0), Code::kInvalidArgument);
  EXPECT_EQ(Tensor::Create(Storage(), DType::kFloat32, Shape{}).status().code(),
            Code::kInvalidArgument);
}

TEST(TensorTest, WithoutElementsTheOffsetMayBeAnything) {
  // PyTorch: torch.zeros(6)[::4][2:] has the offset 8.
  const Storage storage = Bytes(24);
  for (int64_t offset : {int64_t{0}, int64_t{6}, int64_t{7}, kMax}) {
    const absl::StatusOr<Tensor> tensor = Tensor::Create(
        storage, DType::kFloat32, Shape{5, 0}, Shape{4, kMax}, offset);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->storage_offset(), offset);
    EXPECT_EQ(tensor->data(), storage.data());
    EXPECT_THAT(tensor->Data<float>(), IsOkAndHolds(IsEmpty()));
    EXPECT_FALSE(tensor->Item().ok());
    EXPECT_EQ(RowMajorSizeBytes(*tensor), 0u);
    EXPECT_FALSE(MayOverlap(
        *tensor, *Tensor::Create(storage, DType::kFloat32, Shape{6})));
  }
  EXPECT_TRUE(
      Tensor::Create(Bytes(0), DType::kFloat32, Shape{0}, Shape{1}, 1).ok());
  for (int64_t offset : {int64_t{-1}, -kMax}) {
    EXPECT_EQ(
        Tensor::Create(storage, DType::kFloat32, Shape{0}, Shape{1}, offset)
            .status()
            .code(),
        Code::kInvalidArgument);
  }
}

TEST(TensorTest, RowMajorSizes) {
  const auto size_of = [](DType dtype, const Shape& shape) {
    // Of one element that is repeated.
    return RowMajorSizeBytes(*Tensor::Create(*Storage::Allocate(16), dtype,
                                             shape, Shape(shape.size(), 0), 0));
  };
  EXPECT_EQ(size_of(DType::kFloat32, {2, 3}), 24u);
  EXPECT_EQ(size_of(DType::kFloat32, {}), 4u);
  EXPECT_EQ(size_of(DType::kFloat32, {0, 5}), 0u);
  EXPECT_EQ(size_of(DType::kQUInt4x2, {3}), 2u);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(size_of(DType::kInt8, {kMax}), uint64_t{kMax});
  EXPECT_EQ(size_of(DType::kComplex128, {kMax}),
            std::numeric_limits<uint64_t>::max());
}

TEST(TensorTest, ViewSizeCountsWholeUnitsAndNeverWraps) {
  EXPECT_EQ(*ViewSizeBytes(DType::kComplex128, Shape{3}, Shape{2}, 1), 96u);
  EXPECT_EQ(*ViewSizeBytes(DType::kQUInt4x2, Shape{3}, Shape{1}, 0), 2u);
  EXPECT_EQ(*ViewSizeBytes(DType::kQUInt2x4, Shape{1}, Shape{1}, 4), 2u);
  EXPECT_EQ(*ViewSizeBytes(DType::kInt8, Shape{kMax}, Shape{1}, 0),
            static_cast<uint64_t>(kMax));
  EXPECT_FALSE(ViewSizeBytes(DType::kInt16, Shape{kMax}, Shape{1}, 0).ok());
  EXPECT_FALSE(
      ViewSizeBytes(DType::kFloat64, Shape{kMax / 8 + 1}, Shape{1}, 0).ok());
}

TEST(TensorTest, AllocatesElementsOfItsOwn) {
  const Tensor rows = *Tensor::Allocate(DType::kInt16, {2, 3});
  EXPECT_THAT(rows.shape(), ElementsAre(2, 3));
  EXPECT_THAT(rows.strides(), ElementsAre(3, 1));
  EXPECT_EQ(rows.num_elements(), 6);
  EXPECT_EQ(rows.storage_offset(), 0);
  EXPECT_EQ(rows.storage().size_bytes(), 12u);
  EXPECT_FALSE(rows.requires_grad());

  const Tensor columns = *Tensor::Allocate(DType::kInt16, {2, 3}, {1, 4});
  EXPECT_THAT(columns.strides(), ElementsAre(1, 4));
  EXPECT_EQ(columns.num_elements(), 6);
  EXPECT_EQ(columns.storage().size_bytes(), 20u);

  EXPECT_EQ(Tensor::Allocate(DType::kInt16, {})->storage().size_bytes(), 2u);
  EXPECT_EQ(Tensor::Allocate(DType::kInt16, {3, 0})->storage().size_bytes(),
            0u);
  EXPECT_EQ(Tensor::Allocate(DType::kQUInt4x2, {3})->storage().size_bytes(),
            2u);
}

TEST(TensorTest, AllocateRefusesImpossibleShapes) {
  for (const Shape& shape :
       {Shape{-1}, Shape{kMax, 2}, Shape{kMax / 4, 1, 4}, Shape(65, 1)}) {
    EXPECT_EQ(Tensor::Allocate(DType::kFloat32, shape).status().code(),
              Code::kInvalidArgument);
  }
  EXPECT_EQ(Tensor::Allocate(DType::kFloat32, {2}, {-1}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Tensor::Allocate(DType::kFloat32, {2, 2}, {1}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Tensor::Allocate(DType::kInt8, {int64_t{1} << 60}).status().code(),
            Code::kResourceExhausted);
}

TEST(TensorTest, FromDataCopies) {
  std::vector<int32_t> numbers = {1, 2, 3, 4, 5, 6};
  const Tensor t = *Tensor::FromData<int32_t>(numbers, Shape{3, 2});
  numbers[0] = 9;
  EXPECT_EQ(t.dtype(), DType::kInt32);
  EXPECT_EQ(static_cast<const int32_t*>(t.data())[0], 1);
  EXPECT_EQ(static_cast<const int32_t*>(t.data())[5], 6);
  EXPECT_EQ(Tensor::FromData<int32_t>(numbers, Shape{4, 2}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Tensor::FromData<int32_t>(numbers, Shape{kMax, 2}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Tensor::FromData<double>({}, Shape{0, 7})->num_elements(), 0);
}

TEST(TensorTest, FromDataDeducesTheDType) {
  const Tensor temporary =
      *Tensor::FromData(std::vector<float>{1, 2, 3, 4}, {2, 2});
  EXPECT_EQ(temporary.dtype(), DType::kFloat32);
  EXPECT_EQ(temporary.shape(), Shape({2, 2}));
  EXPECT_EQ(static_cast<const float*>(temporary.data())[3], 4);

  std::vector<int64_t> values = {5, 6};
  EXPECT_EQ(Tensor::FromData(values, {2})->dtype(), DType::kInt64);
  EXPECT_EQ(Tensor::FromData(absl::MakeSpan(values), {2})->dtype(),
            DType::kInt64);
  const Tensor of_span = *Tensor::FromData(absl::MakeConstSpan(values), {1, 2});
  EXPECT_EQ(of_span.dtype(), DType::kInt64);
  EXPECT_EQ(static_cast<const int64_t*>(of_span.data())[1], 6);

  const bool truth[] = {true};
  EXPECT_EQ(Tensor::FromData(truth, Shape{1})->dtype(), DType::kBool);
  EXPECT_EQ(Tensor::FromData(std::array<uint8_t, 1>{7}, {})->dtype(),
            DType::kUInt8);

  EXPECT_EQ(Tensor::FromData(values, {3}).status().message(),
            "shape [3] has 3 elements, but 2 were given");
  EXPECT_EQ(Tensor::FromData(values, {-2}).status().code(),
            Code::kInvalidArgument);
}

template <typename Container, typename = void>
struct IsData : std::false_type {};
template <typename Container>
struct IsData<Container, std::void_t<decltype(Tensor::FromData(
                             std::declval<const Container&>(), Shape{}))>>
    : std::true_type {};

TEST(TensorTest, FromDataTakesOnlyWhatLiesInMemoryWithoutGaps) {
  EXPECT_TRUE(IsData<std::vector<float>>::value);
  EXPECT_FALSE(IsData<std::vector<bool>>::value);
  EXPECT_FALSE(IsData<std::list<float>>::value);
  EXPECT_FALSE(IsData<float>::value);
}

TEST(TensorTest, GradientsAreOfFloatingPointAndComplexNumbers) {
  for (DType dtype : AllDTypes()) {
    const Tensor t = *Tensor::Create(Bytes(16), dtype, Shape{1});
    const absl::Status status = t.SetRequiresGrad(true);
    EXPECT_EQ(status.ok(), Category(dtype) == DTypeCategory::kFloat ||
                               Category(dtype) == DTypeCategory::kComplex)
        << Name(dtype);
    EXPECT_EQ(t.requires_grad(), status.ok());
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    }
    EXPECT_THAT(t.SetRequiresGrad(false), IsOk());
    EXPECT_FALSE(t.requires_grad());
  }
}

TEST(TensorTest, HandlesShareATensorAndCopiesOfTheViewDoNot) {
  const Tensor t = *Tensor::Create(Bytes(4), DType::kFloat32, Shape{});
  const Tensor same = t;
  same.set_requires_grad(true, InternalKey());
  same.set_conj(true, InternalKey());
  same.set_neg(true, InternalKey());
  EXPECT_TRUE(t.requires_grad());
  EXPECT_TRUE(t.IsSame(same));
  const Tensor detached = t.Detach();
  EXPECT_FALSE(detached.requires_grad());
  EXPECT_TRUE(detached.is_conj() && detached.is_neg());
  EXPECT_FALSE(detached.IsSame(t));
  EXPECT_EQ(detached.storage(), t.storage());
  const Storage other = Bytes(8);
  EXPECT_EQ(t.WithStorage(other).storage(), other);
  EXPECT_NE(t.storage(), other);
}

TEST(TensorTest, StoragesWithoutBytesHaveNoData) {
  const Tensor t =
      *Tensor::Create(Storage::Described(8, "cuda:0"), DType::kInt64, Shape{1});
  EXPECT_EQ(t.data(), nullptr);
  const Tensor meta =
      *Tensor::Create(Storage::FromMemory(Device("meta"), Memory{}, 8),
                      DType::kInt64, Shape{1});
  EXPECT_EQ(meta.data(), nullptr);
  EXPECT_EQ(meta.device(), Device("meta"));
  char elsewhere[8];
  const Tensor device = *Tensor::Create(
      Storage::FromMemory(Device("acme", 1), Memory{elsewhere, nullptr}, 8),
      DType::kInt64, Shape{1});
  EXPECT_EQ(device.data(), nullptr);
}

TEST(TensorTest, CompositeTensorsHaveComponents) {
  const Tensor indices = *Tensor::Create(Bytes(16), DType::kInt64, Shape{1, 2});
  const Tensor values =
      *Tensor::Create(Storage::FromMemory(Device("meta"), Memory{}, 8),
                      DType::kFloat32, Shape{2});
  const Tensor sparse = Tensor::CreateComposite(
      Layout::kSparseCoo, DType::kFloat32, Shape{9}, {indices, values});
  EXPECT_EQ(sparse.layout(), Layout::kSparseCoo);
  EXPECT_EQ(sparse.num_elements(), 9);
  ASSERT_EQ(sparse.components().size(), 2u);
  EXPECT_TRUE(sparse.components()[0].IsSame(indices));
  EXPECT_TRUE(sparse.storage().is_null());
  EXPECT_TRUE(sparse.strides().empty());
  EXPECT_EQ(sparse.data(), nullptr);
  EXPECT_EQ(sparse.device(), Device("meta"));
  EXPECT_FALSE(sparse.is_contiguous());
  EXPECT_EQ(sparse.Detach().components().size(), 2u);
  // A shape that no number counts.
  EXPECT_EQ(Tensor::CreateComposite(Layout::kJagged, DType::kInt8,
                                    Shape{kMax, kMax}, {})
                .num_elements(),
            0);
  EXPECT_TRUE(
      Tensor::CreateComposite(Layout::kJagged, DType::kInt8, Shape{}, {})
          .device()
          .is_cpu());
}

TEST(TensorTest, EveryLayoutHasAName) {
  for (int i = 0; i <= static_cast<int>(Layout::kMkldnn); ++i) {
    const auto layout = static_cast<Layout>(i);
    EXPECT_EQ(LayoutFromName(Name(layout)), layout);
  }
  EXPECT_EQ(Name(Layout::kSparseBsc), "sparse_bsc");
  EXPECT_EQ(LayoutFromName("torch.strided"), std::nullopt);
  EXPECT_EQ(LayoutFromName(""), std::nullopt);
}

TEST(TensorTest, DataIsChecked) {
  const Tensor tensor = *Tensor::FromData<float>({1, 2, 3, 4}, {2, 2});
  EXPECT_THAT(*tensor.Data<float>(), ElementsAre(1, 2, 3, 4));
  (*tensor.Data<float>())[3] = 5;
  EXPECT_THAT(*tensor.Data<const float>(), ElementsAre(1, 2, 3, 5));
  EXPECT_THAT(tensor.Data<double>(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("dtype is float32; its elements were asked "
                                 "for as float64")));
  const Tensor transposed =
      *Tensor::Create(tensor.storage(), DType::kFloat32, {2, 2}, {1, 2}, 0);
  EXPECT_THAT(transposed.Data<float>(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("strides [1, 2]; call strided::Contiguous")));
  tensor.set_neg(true, InternalKey());
  EXPECT_THAT(tensor.Data<float>(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("negated lazily")));
  EXPECT_THAT(Tensor().Data<float>(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const Tensor unread =
      *Tensor::Create(Storage::Described(8, "cpu"), DType::kFloat32, {2});
  EXPECT_THAT(unread.Data<float>(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(*Tensor::FromData<float>({}, {0})->Data<float>(), IsEmpty());
}

// A file may hold any byte as a bool.
TEST(TensorTest, BoolsAreValid) {
  const Tensor bytes = *Tensor::FromData<uint8_t>({2, 0}, {2});
  const Tensor bools = *Tensor::Create(bytes.storage(), DType::kBool, {2});
  EXPECT_THAT(bools.Data<bool>(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("neither 0 nor 1")));
  const Tensor first = *Tensor::Create(bytes.storage(), DType::kBool, {});
  EXPECT_THAT(first.Item<int>(), IsOkAndHolds(1));
  EXPECT_THAT(*Tensor::FromData<bool>({true, false}, {2})->Data<bool>(),
              ElementsAre(true, false));
}

TEST(TensorTest, ItemConverts) {
  const Tensor three = *Tensor::FromData<int16_t>({3}, {1, 1});
  EXPECT_THAT(three.Item<int16_t>(), IsOkAndHolds(3));
  EXPECT_THAT(three.Item<float>(), IsOkAndHolds(3.0f));
  EXPECT_EQ(three.Item()->dtype(), DType::kInt64);
  const Tensor pi = *Tensor::FromData<double>({3.5}, {});
  EXPECT_THAT(pi.Item<int64_t>(), IsOkAndHolds(3));
  pi.set_neg(true, InternalKey());
  EXPECT_THAT(pi.Item<float>(), IsOkAndHolds(-3.5f));
  const Tensor big = *Tensor::FromData<uint64_t>({uint64_t{1} << 63}, {1});
  EXPECT_THAT(big.Item<uint64_t>(), IsOkAndHolds(uint64_t{1} << 63));
  EXPECT_THAT(big.Item<int64_t>(), StatusIs(absl::StatusCode::kOutOfRange));
  const Tensor small = *Tensor::FromData<uint8_t>({1}, {1});
  small.set_neg(true, InternalKey());
  EXPECT_THAT(small.Item<int>(), IsOkAndHolds(255));
  const std::complex<float> i(0, 1);
  const Tensor complex = *Tensor::FromData<std::complex<float>>({i}, {1});
  complex.set_conj(true, InternalKey());
  EXPECT_THAT(complex.Item<std::complex<double>>(),
              IsOkAndHolds(std::complex<double>(0, -1)));
  EXPECT_THAT(complex.Item<float>(), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(Tensor::FromData<float>({1, 2}, {2})->Item(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has 2 elements")));
  EXPECT_THAT(Tensor::Create(*Storage::Allocate(1), DType::kQInt8, {1})->Item(),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST(TensorTest, MayOverlapComparesMemoryNotStorages) {
  std::vector<float> memory(8);
  const auto view = [&memory](int64_t offset, int64_t size) {
    const Storage storage = Storage::FromMemory(
        Device("cpu"), Memory{memory.data(), nullptr}, 8 * sizeof(float));
    return *Tensor::Create(storage, DType::kFloat32, {size}, {1}, offset);
  };
  EXPECT_TRUE(MayOverlap(view(0, 4), view(3, 4)));
  EXPECT_TRUE(MayOverlap(view(3, 4), view(0, 4)));
  EXPECT_FALSE(MayOverlap(view(0, 4), view(4, 4)));
  EXPECT_FALSE(MayOverlap(view(0, 4), view(2, 0)));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
