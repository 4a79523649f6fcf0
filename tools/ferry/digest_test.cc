// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/digest.h"

#include <atomic>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "ferry/tools/ferry/selection.h"
#include "ferry/value/value.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

constexpr absl::string_view kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr absl::string_view kOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// A view of bytes that stand in `storage`.
Tensor View(const Storage& storage, DType dtype,
            const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset = 0) {
  absl::StatusOr<Tensor> tensor =
      Tensor::Create(storage, dtype, shape, strides, offset);
  EXPECT_THAT(tensor, IsOk());
  return *tensor;
}

template <typename T>
Storage StorageOf(const std::vector<T>& elements) {
  absl::StatusOr<Storage> storage =
      Storage::Allocate(elements.size() * sizeof(T));
  EXPECT_THAT(storage, IsOk());
  std::memcpy(storage->data(), elements.data(), elements.size() * sizeof(T));
  return *storage;
}

absl::Span<const char> BytesOf(const Storage& storage) {
  return {static_cast<const char*>(storage.data()), storage.size_bytes()};
}

std::string Digest(const Tensor& tensor) {
  const absl::StatusOr<std::string> digest =
      DigestTensor(tensor, BytesOf(tensor.storage()));
  EXPECT_THAT(digest, IsOk());
  return digest.ok() ? *digest : "";
}

template <typename T>
std::string DigestOfRow(const std::vector<T>& elements, DType dtype) {
  return Digest(View(StorageOf(elements), dtype,
                     {static_cast<int64_t>(elements.size())}, {1}));
}

TEST(DigestTest, IsSha256) {
  const Storage abc = StorageOf<char>({'a', 'b', 'c'});
  EXPECT_EQ(Digest(View(abc, DType::kUInt8, {3}, {1})), kOfAbc);
  EXPECT_EQ(Digest(View(abc, DType::kUInt8, {2, 0}, {1, 1})), kOfNothing);
  const Storage scattered = StorageOf<char>({'x', 'c', 'b', 'a', 'b', 'y'});
  EXPECT_EQ(Digest(View(scattered, DType::kUInt8, {1}, {1}, 3)),
            DigestOfRow<char>({'a'}, DType::kUInt8));
}

TEST(DigestTest, FollowsStridesInRowMajorOrder) {
  // 40 x 30 x 50 elements: more than a buffer, for every size of element.
  constexpr int64_t kA = 40, kB = 30, kC = 50;
  for (const DType dtype : {DType::kUInt8, DType::kInt16, DType::kFloat32,
                            DType::kFloat64, DType::kComplex128}) {
    const uint64_t size = ElementSizeBytes(dtype);
    std::vector<char> bytes(kA * kB * kC * size);
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(i * 31 + i / 256);
    }
    const Storage storage = StorageOf(bytes);
    // The dimensions in the order c, a, b.
    std::vector<char> turned;
    for (int64_t c = 0; c < kC; ++c) {
      for (int64_t a = 0; a < kA; ++a) {
        for (int64_t b = 0; b < kB; ++b) {
          const auto from = bytes.begin() + ((a * kB + b) * kC + c) * size;
          turned.insert(turned.end(), from, from + size);
        }
      }
    }
    EXPECT_EQ(Digest(View(storage, dtype, {kC, kA, kB}, {1, kB * kC, kC})),
              DigestOfRow(turned, DType::kUInt8))
        << Name(dtype);
    // Every second row of each matrix: runs that are hashed where they stand.
    std::vector<char> stepped;
    for (int64_t a = 0; a < kA; ++a) {
      for (int64_t b = 0; b < kB; b += 2) {
        const auto from = bytes.begin() + (a * kB + b) * kC * size;
        stepped.insert(stepped.end(), from, from + kC * size);
      }
    }
    EXPECT_EQ(Digest(View(storage, dtype, {kA, 1, kB / 2, kC},
                          {kB * kC, 7, 2 * kC, 1})),
              DigestOfRow(stepped, DType::kUInt8))
        << Name(dtype);
  }
}

TEST(DigestTest, RepeatsElementsOfStrideZero) {
  const Storage storage = StorageOf<char>({'a', 'b'});
  EXPECT_EQ(Digest(View(storage, DType::kUInt8, {2, 3}, {1, 0})),
            DigestOfRow<char>({'a', 'a', 'a', 'b', 'b', 'b'}, DType::kUInt8));
}

TEST(DigestTest, RefusesToRepeatForHours) {
  const Storage storage = StorageOf<char>({'a', 'b'});
  const Tensor tensor =
      View(storage, DType::kUInt8, {int64_t{1} << 40, 2}, {0, 1});
  EXPECT_EQ(DigestTensor(tensor, BytesOf(storage)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(DigestTest, ResolvesConjAndNeg) {
  using Complex = std::complex<float>;
  const Storage storage = StorageOf<Complex>({{1, 2}, {-3, 4}});
  const Tensor tensor = View(storage, DType::kComplex64, {2}, {1});
  tensor.set_conj(true, InternalKey());
  EXPECT_EQ(Digest(tensor),
            DigestOfRow<Complex>({{1, -2}, {-3, -4}}, DType::kComplex64));
  tensor.set_neg(true, InternalKey());
  EXPECT_EQ(Digest(tensor),
            DigestOfRow<Complex>({{-1, 2}, {3, 4}}, DType::kComplex64));
  tensor.set_conj(false, InternalKey());
  EXPECT_EQ(Digest(tensor),
            DigestOfRow<Complex>({{-1, -2}, {3, -4}}, DType::kComplex64));
}

TEST(DigestTest, NegatesEachKindOfNumber) {
  const Tensor doubles =
      View(StorageOf<double>({1.5, 0.0}), DType::kFloat64, {2}, {1});
  doubles.set_neg(true, InternalKey());
  EXPECT_EQ(Digest(doubles),
            DigestOfRow<double>({-1.5, -0.0}, DType::kFloat64));
  const Tensor shorts =
      View(StorageOf<int16_t>({1, -300, 0}), DType::kInt16, {3}, {1});
  shorts.set_neg(true, InternalKey());
  EXPECT_EQ(Digest(shorts), DigestOfRow<int16_t>({-1, 300, 0}, DType::kInt16));
  const Tensor flags = View(StorageOf<char>({1}), DType::kBool, {1}, {1});
  flags.set_neg(true, InternalKey());
  EXPECT_EQ(DigestTensor(flags, BytesOf(flags.storage())).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(DigestTest, TakesPackedElementsAsBytes) {
  const Storage storage = StorageOf<char>({'x', 'a', 'b', 'c'});
  EXPECT_EQ(Digest(View(storage, DType::kQUInt4x2, {5}, {1}, 2)), kOfAbc);
  EXPECT_EQ(Digest(View(storage, DType::kQUInt2x4, {3, 4}, {4, 1}, 4)), kOfAbc);
  EXPECT_EQ(DigestTensor(View(storage, DType::kQUInt4x2, {2}, {2}, 0),
                         BytesOf(storage))
                .status()
                .code(),
            absl::StatusCode::kUnimplemented);
}

// What `complain` hears about the digests of a dict of tensors.
std::vector<absl::Status> ComplaintsAbout(const std::vector<Tensor>& tensors,
                                          const TransferControl& control,
                                          absl::Status* status) {
  Value dict = Value::Dict();
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_THAT(dict.Set(absl::StrCat(i), Value(tensors[i])), IsOk());
  }
  const absl::StatusOr<std::string> bytes = SaveToString(dict);
  EXPECT_THAT(bytes, IsOk());
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(*bytes);
  EXPECT_THAT(checkpoint, IsOk());
  Budget budget;
  const absl::StatusOr<Selection> selection =
      Selection::Create(checkpoint->root(), "", &budget);
  EXPECT_THAT(selection, IsOk());
  std::vector<absl::Status> complaints;
  *status =
      DigestSelection(*checkpoint, *selection, BudgetOptions(), control,
                      [&](absl::string_view, const absl::Status& complaint) {
                        complaints.push_back(complaint);
                      })
          .status();
  return complaints;
}

TEST(DigestSelectionTest, RepeatsAreLimitedByWhatIsStored) {
  const Storage storage = StorageOf(std::vector<char>(1 << 20, 'x'));
  const auto repeated = [&storage](int64_t times) {
    return View(storage, DType::kUInt8, {times, 1 << 20}, {0, 1});
  };
  absl::Status status;
  // An honest expand.
  EXPECT_TRUE(ComplaintsAbout({repeated(100)}, {}, &status).empty());
  EXPECT_THAT(status, IsOk());
  // The tensors that can be paid for have digests.
  const std::vector<absl::Status> complaints = ComplaintsAbout(
      {repeated(100), repeated(4000), repeated(1)}, {}, &status);
  EXPECT_THAT(status, IsOk());
  ASSERT_EQ(complaints.size(), 1u);
  EXPECT_EQ(complaints[0].code(), absl::StatusCode::kResourceExhausted);
  // Each of many views is small, but not all of them.
  EXPECT_GT(ComplaintsAbout(std::vector<Tensor>(400, repeated(1)), {}, &status)
                .size(),
            100u);
}

TEST(DigestSelectionTest, AsksWhetherToStop) {
  const Storage storage = StorageOf(std::vector<char>(1 << 20, 'x'));
  const Tensor tensor = View(storage, DType::kUInt8, {50, 1 << 20}, {0, 1});
  std::atomic<int> asked{0};
  TransferControl control;
  control.is_cancelled = [&asked] {
    ++asked;
    return false;
  };
  absl::Status status;
  ComplaintsAbout({tensor}, control, &status);
  EXPECT_THAT(status, IsOk());
  EXPECT_GE(asked, 50);
  control.is_cancelled = [] { return true; };
  ComplaintsAbout({tensor}, control, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
