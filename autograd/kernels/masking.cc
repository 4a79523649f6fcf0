// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/masking.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/autograd/kernels/element_bytes.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

constexpr int64_t kTileElements = 2048;

// The elements of a mask, row-major, in blocks of a fixed size.
class MaskBlocks {
 public:
  static absl::StatusOr<MaskBlocks> Create(const Tensor& mask) {
    MaskBlocks blocks;
    FERRY_ASSIGN_OR_RETURN(blocks.mask_, strided::Contiguous(mask));
    const int64_t count = (mask.num_elements() + kBlock - 1) / kBlock;
    FERRY_ASSIGN_OR_RETURN(
        blocks.starts_,
        Empty({count + 1}, TensorOptions().dtype(DType::kInt64)));
    auto* const starts = static_cast<int64_t*>(blocks.starts_.data());
    starts[0] = 0;
    const char* const bytes = blocks.bytes();
    ParallelFor(0, count, 1, [&](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; ++block) {
        int64_t sum = 0;
        const int64_t end = blocks.End(block);
        for (int64_t i = block * kBlock; i < end; ++i) {
          sum += static_cast<int64_t>(bytes[i] != 0);
        }
        starts[block + 1] = sum;
      }
    });
    for (int64_t i = 0; i < count; ++i) starts[i + 1] += starts[i];
    return blocks;
  }

  // The number of elements that are true.
  int64_t num_true() const { return starts()[starts_.num_elements() - 1]; }

  // Calls `body(i, j, is_true)` for elements i, up to the last one of a block
  // that is true. j counts the elements before i that are true. Runs on several
  // threads. Bodies without a branch on `is_true` are faster unless the mask is
  // the same for many elements in a row.
  template <typename Body>
  void ForEachElement(Body body) const {
    ParallelFor(
        0, starts_.num_elements() - 1, 1, [&](int64_t first, int64_t last) {
          const char* const mask = bytes();
          // A copy that no write through a pointer to char can change.
          Body local = body;
          for (int64_t block = first; block < last; ++block) {
            int64_t j = starts()[block];
            const int64_t last_j = starts()[block + 1];
            const int64_t end = End(block);
            for (int64_t i = block * kBlock; j < last_j && i < end; ++i) {
              const bool is_true = mask[i] != 0;
              local(i, j, is_true);
              j += static_cast<int64_t>(is_true);
            }
          }
        });
  }

 private:
  static constexpr int64_t kBlock = kElementsPerThread;

  MaskBlocks() = default;

  const char* bytes() const { return static_cast<const char*>(mask_.data()); }
  const int64_t* starts() const {
    return static_cast<const int64_t*>(starts_.data());
  }
  int64_t End(int64_t block) const {
    return std::min((block + 1) * kBlock, mask_.num_elements());
  }

  Tensor mask_;
  Tensor starts_;  // how many elements before a block are true
};

}  // namespace

void MaskedFill(const Tensor& from, const Tensor& mask, const void* value,
                const Tensor& to) {
  const StridedTiles<3> tiles(to.shape(),
                              {{to.strides(), from.strides(), mask.strides()}},
                              kTileElements);
  const auto& row_strides = tiles.row_strides();
  const auto& column_strides = tiles.column_strides();
  WithElementBits(ElementSizeBytes(to.dtype()), [&](auto bits) {
    using Bits = decltype(bits);
    constexpr int64_t kBytes = sizeof(Bits);
    const auto fill = LoadElement<Bits>(value);
    auto* const out = static_cast<char*>(to.data());
    const auto* const in = static_cast<const char*>(from.data());
    const auto* const chosen = static_cast<const char*>(mask.data());
    ParallelFor(
        0, tiles.count(), GrainOf(tiles.tile_elements()),
        [&](int64_t first, int64_t last) {
          tiles.ForEach(
              first, last,
              [&](const auto& offsets, int64_t rows, int64_t columns) {
                for (int64_t row = 0; row < rows; ++row) {
                  char* o = out + (offsets[0] + row * row_strides[0]) * kBytes;
                  const char* f =
                      in + (offsets[1] + row * row_strides[1]) * kBytes;
                  const char* m = chosen + offsets[2] + row * row_strides[2];
                  for (int64_t column = 0; column < columns; ++column) {
                    const auto old = LoadElement<Bits>(f);
                    StoreElement(o, *m != 0 ? fill : old);
                    o += column_strides[0] * kBytes;
                    f += column_strides[1] * kBytes;
                    m += column_strides[2];
                  }
                }
              });
        });
  });
}

absl::StatusOr<Tensor> MaskedSelect(const Tensor& from, const Tensor& mask) {
  FERRY_ASSIGN_OR_RETURN(const MaskBlocks blocks, MaskBlocks::Create(mask));
  FERRY_ASSIGN_OR_RETURN(const Tensor elements, strided::Contiguous(from));
  FERRY_ASSIGN_OR_RETURN(
      const Tensor result,
      Empty({blocks.num_true()}, TensorOptions().dtype(from.dtype())));
  WithElementBits(ElementSizeBytes(from.dtype()), [&](auto bits) {
    using Bits = decltype(bits);
    constexpr int64_t kBytes = sizeof(Bits);
    const auto* const in = static_cast<const char*>(elements.data());
    auto* const out = static_cast<char*>(result.data());
    // Writes elements that are false as well. The next one takes their place.
    blocks.ForEachElement([=](int64_t i, int64_t j, bool) {
      StoreElement(out + j * kBytes, LoadElement<Bits>(in + i * kBytes));
    });
  });
  return result;
}

absl::StatusOr<Tensor> MaskedScatter(const Tensor& from, const Tensor& mask,
                                     const Tensor& source) {
  FERRY_ASSIGN_OR_RETURN(const MaskBlocks blocks, MaskBlocks::Create(mask));
  if (source.num_elements() < blocks.num_true()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the mask chooses ", blocks.num_true(),
        " elements, but the source has only ", source.num_elements()));
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor elements, strided::Contiguous(source));
  FERRY_ASSIGN_OR_RETURN(
      const Tensor result,
      Empty(from.shape(), TensorOptions().dtype(from.dtype())));
  CopyStrided(from.data(), from.strides(), result.data(), result.strides(),
              from.shape(), ElementSizeBytes(from.dtype()));
  WithElementBits(ElementSizeBytes(from.dtype()), [&](auto bits) {
    using Bits = decltype(bits);
    constexpr int64_t kBytes = sizeof(Bits);
    const auto* const in = static_cast<const char*>(elements.data());
    auto* const out = static_cast<char*>(result.data());
    blocks.ForEachElement([=](int64_t i, int64_t j, bool is_true) {
      const auto old = LoadElement<Bits>(out + i * kBytes);
      const auto next = LoadElement<Bits>(in + j * kBytes);
      StoreElement(out + i * kBytes, is_true ? next : old);
    });
  });
  return result;
}

absl::StatusOr<Tensor> NonZero(const Tensor& mask) {
  FERRY_ASSIGN_OR_RETURN(const MaskBlocks blocks, MaskBlocks::Create(mask));
  const absl::Span<const int64_t> shape = mask.shape();
  const auto rank = static_cast<int64_t>(shape.size());
  FERRY_ASSIGN_OR_RETURN(
      const Tensor result,
      Empty({blocks.num_true(), rank}, TensorOptions().dtype(DType::kInt64)));
  auto* const out = static_cast<int64_t*>(result.data());
  blocks.ForEachElement([=](int64_t i, int64_t j, bool is_true) {
    if (!is_true) return;
    int64_t rest = i;
    for (int64_t d = rank; d-- > 0; rest /= shape[d]) {
      out[j * rank + d] = rest % shape[d];
    }
  });
  return result;
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
