// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/elementwise.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "ferry/autograd/kernels/runs.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// The most elements of a tile. The buffers of all inputs stay in the first or
// second cache.
constexpr int64_t kTileElements = 1024;
constexpr size_t kTileBytes = kTileElements * sizeof(int64_t);

// Rows of so many elements are worth a call of a loop. Shorter ones are copied
// together first.
constexpr int64_t kLeastRow = 16;

// Returns the type that numbers of a dtype are computed in.
DType WideOf(DType dtype) {
  if (dtype != DType::kFloat64 && Category(dtype) == DTypeCategory::kFloat) {
    return DType::kFloat32;
  }
  return dtype;
}

bool WritesBools(ElementwiseKernel kernel) {
  using K = ElementwiseKernel;
  return (kernel >= K::kIsNan && kernel <= K::kLogicalNot) ||
         (kernel >= K::kEq && kernel <= K::kLogicalXor);
}

ElementwiseLoop FindLoop(ElementwiseKernel kernel, DType dtype) {
  if (ElementwiseLoop loop = ArithmeticLoop(kernel, dtype)) return loop;
  if (ElementwiseLoop loop = PlainLoop(kernel, dtype)) return loop;
  return FunctionLoop(kernel, dtype);
}

// The dtypes that an element goes through: as it is stored, as PyTorch would
// round it, and as it is computed.
struct CastPath {
  DType stored;
  DType rounded;
  DType wide;

  bool is_empty() const { return stored == rounded && rounded == wide; }
};

// What all parts of one call know.
struct Plan {
  ElementwiseLoop loop;
  size_t num_inputs;
  std::array<CastPath, kMaxElementwiseInputs> inputs;
  CastPath out;
};

bool IsNumber(const ConstView& view) {
  for (size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] != 1 && view.strides[i] != 0) return false;
  }
  return true;
}

// Casts from stored to wide, if the path is not empty. `scratch` has room for
// as many elements.
void Widen(const CastPath& path, const void* from, void* scratch, void* to,
           int64_t count) {
  if (count == 1 && path.stored == DType::kFloat64 &&
      path.rounded == DType::kFloat32) {  // a Scalar, often
    double value;
    std::memcpy(&value, from, sizeof(value));
    const auto rounded = static_cast<float>(value);
    std::memcpy(to, &rounded, sizeof(rounded));
    return;
  }
  if (path.stored == path.rounded || path.rounded == path.wide) {
    CastElements(from, path.stored, to, path.wide, count);
    return;
  }
  CastElements(from, path.stored, scratch, path.rounded, count);
  CastElements(scratch, path.rounded, to, path.wide, count);
}

// Does the opposite.
void Narrow(const CastPath& path, const void* from, void* scratch, void* to,
            int64_t count) {
  if (path.stored == path.rounded || path.rounded == path.wide) {
    CastElements(from, path.wide, to, path.stored, count);
    return;
  }
  CastElements(from, path.wide, scratch, path.rounded, count);
  CastElements(scratch, path.rounded, to, path.stored, count);
}

template <typename T>
void FillWith(const void* element, void* to, int64_t count) {
  T value;
  std::memcpy(&value, element, sizeof(T));
  FillRun(static_cast<T*>(to), count, value);
}

// Writes `count` copies of an element of 1, 2, 4 or 8 bytes.
void Fill(const void* element, uint64_t element_bytes, void* to,
          int64_t count) {
  switch (element_bytes) {
    case 1:
      return FillWith<uint8_t>(element, to, count);
    case 2:
      return FillWith<uint16_t>(element, to, count);
    case 4:
      return FillWith<uint32_t>(element, to, count);
    default:
      return FillWith<uint64_t>(element, to, count);
  }
}

// A number as loops read it.
struct Number {
  Number() {}  // NOLINT(modernize-use-equals-default): leaves the bytes unset

  void Set(const CastPath& path, const void* element) {
    alignas(8) char wide[16];
    if (path.is_empty()) {
      std::memcpy(wide, element, ElementSizeBytes(path.wide));
    } else {
      alignas(8) char scratch[16];
      Widen(path, element, scratch, wide, 1);
    }
    const uint64_t bytes = ElementSizeBytes(path.wide);
    Fill(wide, bytes, filled, static_cast<int64_t>(kNumberBytes / bytes));
  }

  alignas(kNumberBytes) char filled[kNumberBytes];
};

using Numbers = std::array<Number, kMaxElementwiseInputs>;

// ---------------------------------------------------------------- One element

void RunOne(const Plan& plan, absl::Span<const ConstView> inputs,
            const Tensor& out) {
  using Element = std::array<char, 16>;
  alignas(16) std::array<Element, kMaxElementwiseInputs> elements;
  alignas(16) Element scratch;
  alignas(16) Element result;
  std::array<LoopInput, kMaxElementwiseInputs> loop_inputs;
  for (size_t i = 0; i < plan.num_inputs; ++i) {
    if (plan.inputs[i].is_empty()) {
      loop_inputs[i] = {inputs[i].data, false};
      continue;
    }
    Widen(plan.inputs[i], inputs[i].data, scratch.data(), elements[i].data(),
          1);
    loop_inputs[i] = {elements[i].data(), false};
  }
  if (plan.out.is_empty()) {
    plan.loop(loop_inputs.data(), out.data(), 1);
    return;
  }
  plan.loop(loop_inputs.data(), result.data(), 1);
  Narrow(plan.out, result.data(), scratch.data(), out.data(), 1);
}

// ------------------------------------------------------- Views of equal layout

// Runs the loop over the whole memory at once, if no cast is needed and all
// views that are not numbers have the layout of `out`, which must have no gaps.
// Returns whether it did.
bool RunFlat(const Plan& plan, absl::Span<const ConstView> inputs,
             const Tensor& out) {
  if (!plan.out.is_empty()) return false;
  std::array<LoopInput, kMaxElementwiseInputs> whole;
  std::array<int64_t, kMaxElementwiseInputs> steps;  // in bytes
  Numbers numbers;
  for (size_t i = 0; i < plan.num_inputs; ++i) {
    const ConstView& input = inputs[i];
    if (IsNumber(input)) {
      numbers[i].Set(plan.inputs[i], input.data);
      whole[i] = {numbers[i].filled, true};
      steps[i] = 0;
      continue;
    }
    if (!plan.inputs[i].is_empty() || input.shape != out.shape() ||
        !HasSameStrides(out.shape(), out.strides(), input.strides)) {
      return false;
    }
    whole[i] = {input.data, false};
    steps[i] = static_cast<int64_t>(ElementSizeBytes(input.dtype));
  }
  if (!out.is_contiguous() && !IsDense(out.shape(), out.strides())) {
    return false;
  }
  const int64_t count = out.num_elements();
  if (count <= kElementsPerThread) {
    plan.loop(whole.data(), out.data(), count);
    return true;
  }
  const auto out_step = static_cast<int64_t>(ElementSizeBytes(out.dtype()));
  ParallelFor(0, count, kElementsPerThread, [&](int64_t begin, int64_t end) {
    std::array<LoopInput, kMaxElementwiseInputs> part = whole;
    for (size_t i = 0; i < plan.num_inputs; ++i) {
      part[i].data = static_cast<const char*>(part[i].data) + begin * steps[i];
    }
    plan.loop(part.data(), static_cast<char*>(out.data()) + begin * out_step,
              end - begin);
  });
  return true;
}

// -------------------------------------------------------------- Other layouts

// Room for the elements of one tile.
struct TileBuffers {
  TileBuffers() {}  // NOLINT(modernize-use-equals-default): stays unset

  alignas(64) char inputs[kMaxElementwiseInputs][kTileBytes];
  alignas(64) char out[kTileBytes];
  alignas(64) char gathered[kTileBytes];
  alignas(64) char scratch[kTileBytes];
};

// Elements of a tile as they are in memory, or in a buffer.
struct TileView {
  char* data;
  int64_t row_stride;
  int64_t column_stride;
  int64_t element_bytes;

  // Whether the rows follow each other without gaps.
  bool IsFlat(int64_t rows, int64_t columns) const {
    return column_stride == 1 && (rows == 1 || row_stride == columns);
  }
};

// Copies the elements of a view to `to`, row by row.
void Gather(const TileView& view, int64_t rows, int64_t columns, char* to) {
  if (view.column_stride != 0) {
    CopyTile(view.data, view.row_stride, view.column_stride, to, columns, 1,
             rows, columns, static_cast<uint64_t>(view.element_bytes));
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    Fill(view.data + row * view.row_stride * view.element_bytes,
         static_cast<uint64_t>(view.element_bytes),
         to + row * columns * view.element_bytes, columns);
  }
}

// Runs the loop over one tile.
class TileRunner {
 public:
  TileRunner(const Plan& plan, const Numbers& numbers,
             const std::array<bool, kMaxElementwiseInputs>& is_number)
      : plan_(plan), numbers_(numbers), is_number_(is_number) {}

  // `views` are those of the inputs. All views are in memory.
  void Run(const std::array<TileView, kMaxElementwiseInputs>& views,
           const TileView& out, int64_t rows, int64_t columns) {
    std::array<LoopInput, kMaxElementwiseInputs> loop_inputs;
    std::array<int64_t, kMaxElementwiseInputs> row_steps;  // in bytes
    bool is_flat = true;
    const auto can_use = [rows, columns](const TileView& view) {
      return view.IsFlat(rows, columns) ||
             (view.column_stride == 1 && columns >= kLeastRow);
    };
    for (size_t i = 0; i < plan_.num_inputs; ++i) {
      if (is_number_[i]) {
        loop_inputs[i] = {numbers_[i].filled, true};
        row_steps[i] = 0;
        continue;
      }
      const TileView& view = views[i];
      const CastPath& path = plan_.inputs[i];
      if (path.is_empty() && view.column_stride == 0 && columns >= kLeastRow) {
        loop_inputs[i] = {row_numbers_[i].filled, true};
        row_steps[i] = 0;
        row_numbers_[i].Set(path, view.data);
        is_flat = is_flat && rows == 1;
        continue;
      }
      if (path.is_empty() && can_use(view)) {
        loop_inputs[i] = {view.data, false};
        row_steps[i] = view.row_stride * view.element_bytes;
        is_flat = is_flat && view.IsFlat(rows, columns);
        continue;
      }
      loop_inputs[i] = {buffers_.inputs[i], false};
      row_steps[i] =
          columns * static_cast<int64_t>(ElementSizeBytes(path.wide));
      if (path.is_empty()) {
        Gather(view, rows, columns, buffers_.inputs[i]);
        continue;
      }
      const char* stored = view.data;
      if (!view.IsFlat(rows, columns)) {
        Gather(view, rows, columns, buffers_.gathered);
        stored = buffers_.gathered;
      }
      Widen(path, stored, buffers_.scratch, buffers_.inputs[i], rows * columns);
    }
    const bool is_direct = plan_.out.is_empty() && can_use(out);
    char* to = is_direct ? out.data : buffers_.out;
    const int64_t to_row_step =
        is_direct
            ? out.row_stride * out.element_bytes
            : columns * static_cast<int64_t>(ElementSizeBytes(plan_.out.wide));
    if (is_direct) is_flat = is_flat && out.IsFlat(rows, columns);
    if (is_flat) {
      plan_.loop(loop_inputs.data(), to, rows * columns);
    } else {
      for (int64_t row = 0; row < rows; ++row) {
        plan_.loop(loop_inputs.data(), to + row * to_row_step, columns);
        for (size_t i = 0; i < plan_.num_inputs; ++i) {
          loop_inputs[i].data =
              static_cast<const char*>(loop_inputs[i].data) + row_steps[i];
          if (loop_inputs[i].is_number && !is_number_[i] && row + 1 < rows) {
            const TileView& view = views[i];
            row_numbers_[i].Set(
                plan_.inputs[i],
                view.data + (row + 1) * view.row_stride * view.element_bytes);
          }
        }
      }
    }
    if (!is_direct) Scatter(out, rows, columns);
  }

 private:
  // Writes the results from their buffer.
  void Scatter(const TileView& out, int64_t rows, int64_t columns) {
    const char* results = buffers_.out;
    if (!plan_.out.is_empty()) {
      const bool is_flat = out.IsFlat(rows, columns);
      char* const to = is_flat ? out.data : buffers_.gathered;
      Narrow(plan_.out, results, buffers_.scratch, to, rows * columns);
      if (is_flat) return;
      results = buffers_.gathered;
    }
    CopyTile(results, columns, 1, out.data, out.row_stride, out.column_stride,
             rows, columns, static_cast<uint64_t>(out.element_bytes));
  }

  const Plan& plan_;
  const Numbers& numbers_;
  const std::array<bool, kMaxElementwiseInputs>& is_number_;
  // The numbers that are the same in a whole row.
  Numbers row_numbers_;
  TileBuffers buffers_;
};

// Returns the strides of an input when it is broadcast to a shape of `rank`.
Dimensions BroadcastStrides(const ConstView& view, size_t rank) {
  Dimensions strides(rank, 0);
  const size_t added = rank - view.shape.size();
  for (size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] != 1) strides[added + i] = view.strides[i];
  }
  return strides;
}

template <size_t kInputs>
void RunTiles(const Plan& plan, absl::Span<const ConstView> inputs,
              const Tensor& out) {
  std::array<Dimensions, kInputs> broadcast;
  std::array<absl::Span<const int64_t>, kInputs + 1> strides;
  std::array<bool, kMaxElementwiseInputs> is_number = {};
  Numbers numbers;
  strides[0] = out.strides();
  for (size_t i = 0; i < kInputs; ++i) {
    broadcast[i] = BroadcastStrides(inputs[i], out.shape().size());
    strides[i + 1] = broadcast[i];
    is_number[i] = IsNumber(inputs[i]);
    if (is_number[i]) numbers[i].Set(plan.inputs[i], inputs[i].data);
  }
  const StridedTiles<kInputs + 1> tiles(out.shape(), strides, kTileElements);
  const int64_t grain = GrainOf(tiles.tile_elements());
  ParallelFor(0, tiles.count(), grain, [&](int64_t begin, int64_t end) {
    TileRunner runner(plan, numbers, is_number);
    const auto view_at = [&tiles](size_t view, const void* data, DType dtype,
                                  int64_t offset) {
      const auto bytes = static_cast<int64_t>(ElementSizeBytes(dtype));
      char* const first =
          const_cast<char*>(static_cast<const char*>(data)) + offset * bytes;
      return TileView{first, tiles.row_strides()[view],
                      tiles.column_strides()[view], bytes};
    };
    tiles.ForEach(
        begin, end, [&](const auto& offsets, int64_t rows, int64_t columns) {
          std::array<TileView, kMaxElementwiseInputs> views;
          for (size_t i = 0; i < kInputs; ++i) {
            views[i] =
                view_at(i + 1, inputs[i].data, inputs[i].dtype, offsets[i + 1]);
          }
          runner.Run(views, view_at(0, out.data(), out.dtype(), offsets[0]),
                     rows, columns);
        });
  });
}

}  // namespace

void Elementwise(ElementwiseKernel kernel, DType compute,
                 absl::Span<const ConstView> inputs, const Tensor& out) {
  if (out.num_elements() == 0) return;
  const bool is_where = kernel == ElementwiseKernel::kWhere;
  const DType wide = is_where ? compute : WideOf(compute);
  Plan plan;
  plan.loop = FindLoop(kernel, wide);
  plan.num_inputs = inputs.size();
  for (size_t i = 0; i < inputs.size(); ++i) {
    plan.inputs[i] = {inputs[i].dtype, compute, wide};
  }
  if (is_where) plan.inputs[0] = {inputs[0].dtype, DType::kBool, DType::kBool};
  plan.out = {out.dtype(), compute, wide};
  if (WritesBools(kernel)) {
    plan.out = {out.dtype(), DType::kBool, DType::kBool};
  }
  if (out.num_elements() == 1) return RunOne(plan, inputs, out);
  if (RunFlat(plan, inputs, out)) return;
  switch (inputs.size()) {
    case 1:
      return RunTiles<1>(plan, inputs, out);
    case 2:
      return RunTiles<2>(plan, inputs, out);
    case 3:
      return RunTiles<3>(plan, inputs, out);
    default:
      return RunTiles<4>(plan, inputs, out);
  }
}

std::optional<ElementwiseKernel> PowKernel(double exponent, DType compute) {
  using K = ElementwiseKernel;
  if (exponent == 2) return K::kSquare;
  if (exponent == 3) return K::kCube;
  if (Category(compute) != DTypeCategory::kFloat) return std::nullopt;
  if (exponent == 0.5) return K::kSqrt;
  if (exponent == -0.5) return K::kRsqrt;
  if (exponent == -1) return K::kReciprocal;
  if (exponent == -2) return K::kInverseSquare;
  return std::nullopt;
}

bool HasZero(const ConstView& view) {
  const StridedTiles<1> tiles(view.shape, {{view.strides}}, kTileElements);
  const uint64_t bytes = ElementSizeBytes(view.dtype);
  alignas(64) char gathered[kTileBytes];
  alignas(64) char are_nonzero[kTileElements];
  bool has_zero = false;
  tiles.ForEach(
      0, tiles.count(),
      [&](const auto& offsets, int64_t rows, int64_t columns) {
        if (has_zero) return;
        const char* const first = static_cast<const char*>(view.data) +
                                  offsets[0] * static_cast<int64_t>(bytes);
        CopyTile(first, tiles.row_strides()[0], tiles.column_strides()[0],
                 gathered, columns, 1, rows, columns, bytes);
        CastElements(gathered, view.dtype, are_nonzero, DType::kBool,
                     rows * columns);
        has_zero = std::memchr(are_nonzero, 0,
                               static_cast<size_t>(rows * columns)) != nullptr;
      });
  return has_zero;
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
