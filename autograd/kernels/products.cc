// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/products.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/autograd/kernels/product_loops.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// Tuning. None of these decides about bits, except for kBlockDepth and
// kDotPiece: no other place divides a sum.

// The least multiplications for which another thread is used.
constexpr int64_t kWorkPerThread = 1 << 18;
// Blocks of operands are read where they are if their rows, or columns, are
// contiguous and no further apart than this.
constexpr int64_t kNearBytes = 1 << 10;
// It does not matter for so few rows of `b`, and copies of rows of `a` are not
// worth it for fewer columns.
constexpr int64_t kFewRows = 8;
constexpr int64_t kManyColumns = 128;
// Rows of `b` in one block. The elements of each sum are added up by blocks.
constexpr int64_t kBlockDepth = 256;
// Columns of `b` in one block, so that a block fits into the second cache.
constexpr int64_t kBlockColumnBytes = 1 << 10;
// Threads compute tiles. A large product has about kTiles: more if a tile would
// need over twice kMaxTileWork multiplications, and fewer if it would need less
// than kMinTileWork. Each tile copies what it needs of the operands, so large
// tiles cost less.
constexpr int64_t kTiles = 16;
constexpr int64_t kMinTileWork = 1 << 20;
constexpr int64_t kMaxTileWork = 1 << 29;
constexpr int64_t kMinTileSide = 64;
constexpr int64_t kMaxTileRows = 512;
// Elements of a matrix in one piece of its product with a vector.
constexpr int64_t kVectorPiece = 1 << 15;
// Elements in one partial sum of a dot product.
constexpr int64_t kDotPiece = 1 << 14;

// ---------------------------------------------------------------- Arguments

// One operand of a product, with the strides of its batch dimensions.
struct View {
  const void* data = nullptr;
  Dimensions batch;
  int64_t row = 0;
  int64_t column = 0;
};

// out = a x b for each index of the batch dimensions: a is m x k, b is k x n.
struct Problem {
  Dimensions batch;
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  View a;
  View b;
  View out;

  void* out_data() const { return const_cast<void*>(out.data); }
};

View ViewOf(const void* data, absl::Span<const int64_t> strides) {
  View view;
  view.data = data;
  const size_t batch = strides.size() - 2;
  view.batch.assign(strides.begin(), strides.begin() + batch);
  view.row = strides[batch];
  view.column = strides[batch + 1];
  return view;
}

int64_t Elements(absl::Span<const int64_t> shape) {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  return elements;
}

// Turns a problem into that of out', b' and a'.
void Transpose(Problem& problem) {
  for (View* view : {&problem.a, &problem.b, &problem.out}) {
    std::swap(view->row, view->column);
  }
  std::swap(problem.a, problem.b);
  std::swap(problem.m, problem.n);
}

// Removes batch dimensions of size 1, and merges those that are one dimension
// in all operands.
void MergeBatch(Problem& problem) {
  size_t kept = 0;
  View* const views[] = {&problem.a, &problem.b, &problem.out};
  for (size_t i = 0; i < problem.batch.size(); ++i) {
    const int64_t size = problem.batch[i];
    if (size == 1) continue;
    bool is_one = kept > 0;
    for (const View* view : views) {
      is_one = is_one && view->batch[kept - 1] == view->batch[i] * size;
    }
    if (!is_one) ++kept;
    for (View* view : views) view->batch[kept - 1] = view->batch[i];
    problem.batch[kept - 1] = is_one ? problem.batch[kept - 1] * size : size;
  }
  problem.batch.resize(kept);
  for (View* view : views) view->batch.resize(kept);
}

// Makes rows of batch dimensions over which `b` is the same and the rows of `a`
// and `out` go on at equal distances.
void FoldBatchIntoRows(Problem& problem) {
  while (!problem.batch.empty() && problem.b.batch.back() == 0) {
    View* const views[] = {&problem.a, &problem.out};
    for (const View* view : views) {
      if (problem.m != 1 && view->batch.back() != view->row * problem.m) return;
    }
    for (View* view : views) {
      if (problem.m == 1) view->row = view->batch.back();
      view->batch.pop_back();
    }
    problem.b.batch.pop_back();
    problem.m *= problem.batch.back();
    problem.batch.pop_back();
  }
}

// Finds the simplest form of a problem: as few batch dimensions as possible, a
// vector as `b` rather than as `a`, and rows of `out` that are contiguous
// rather than columns.
void Simplify(Problem& problem) {
  if (!problem.batch.empty()) {
    MergeBatch(problem);
    FoldBatchIntoRows(problem);
    Transpose(problem);
    FoldBatchIntoRows(problem);
    Transpose(problem);
  }
  if (problem.n == 1) return;
  if (problem.m == 1 || (problem.out.column != 1 && problem.out.row == 1)) {
    Transpose(problem);
  }
}

// Adds the offsets of one index of the batch dimensions, counted in row-major
// order, to pointers to elements. They are null for a factor without elements.
template <typename T>
struct Matrices {
  Matrices(const Problem& problem, int64_t index)
      : a(static_cast<const T*>(problem.a.data)),
        b(static_cast<const T*>(problem.b.data)),
        out(static_cast<T*>(problem.out_data())) {
    for (size_t i = problem.batch.size(); i-- > 0;) {
      const int64_t at = index % problem.batch[i];
      index /= problem.batch[i];
      if (a != nullptr) a += at * problem.a.batch[i];
      if (b != nullptr) b += at * problem.b.batch[i];
      out += at * problem.out.batch[i];
    }
  }

  const T* a;
  const T* b;
  T* out;
};

// Divides every matrix of the batch into `pieces`, and calls
// body(matrices, piece) for each of them.
template <typename T, typename Body>
void ForEachPiece(const Problem& problem, int64_t pieces, int64_t work,
                  Body body) {
  const int64_t count = Elements(problem.batch) * pieces;
  const int64_t grain =
      std::max<int64_t>(1, kWorkPerThread / std::max<int64_t>(1, work));
  ParallelFor(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      body(Matrices<T>(problem, i / pieces), i % pieces);
    }
  });
}

// ------------------------------------------------------------------- Copies

// Memory for a copy of an operand. Small copies need no allocation.
class Scratch {
 public:
  // Returns uninitialised memory that lives as long as this object. To be
  // called once. Errors: kResourceExhausted - not enough memory.
  absl::StatusOr<void*> Allocate(int64_t elements, uint64_t element_bytes) {
    uint64_t bytes;
    if (__builtin_mul_overflow(static_cast<uint64_t>(elements), element_bytes,
                               &bytes)) {
      return absl::ResourceExhaustedError(
          absl::StrCat("matrix product: a copy of ", elements,
                       " elements does not fit into memory"));
    }
    if (bytes <= sizeof(inline_)) return inline_;
    FERRY_RETURN_IF_ERROR(
        AllocateHostMemory({bytes}, absl::MakeSpan(&memory_, 1)));
    return memory_.data;
  }

 private:
  Memory memory_;
  alignas(64) char inline_[4096];
};

void ParallelCast(const void* from, DType from_dtype, void* to, DType to_dtype,
                  int64_t count) {
  const auto from_bytes = static_cast<int64_t>(ElementSizeBytes(from_dtype));
  const auto to_bytes = static_cast<int64_t>(ElementSizeBytes(to_dtype));
  ParallelFor(0, count, kElementsPerThread, [&](int64_t begin, int64_t end) {
    CastElements(static_cast<const char*>(from) + begin * from_bytes,
                 from_dtype, static_cast<char*>(to) + begin * to_bytes,
                 to_dtype, end - begin);
  });
}

// What is contiguous in the copy of a matrix.
enum class PackOrder {
  kRows,
  // Columns if their elements are closer together now, so that copying is
  // quick; else rows.
  kClosest,
};

// Points `view` to a copy of its matrices, cast to `to`. Indices of batch
// dimensions that share a matrix still share one.
absl::Status Pack(DType from, DType to, const Dimensions& batch, int64_t rows,
                  int64_t columns, PackOrder order, View& view,
                  Scratch& scratch) {
  Dimensions shape;
  Dimensions strides;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (view.batch[i] == 0) continue;
    shape.push_back(batch[i]);
    strides.push_back(view.batch[i]);
  }
  const bool has_contiguous_columns =
      order == PackOrder::kClosest && view.row < view.column;
  shape.push_back(has_contiguous_columns ? columns : rows);
  strides.push_back(has_contiguous_columns ? view.column : view.row);
  shape.push_back(has_contiguous_columns ? rows : columns);
  strides.push_back(has_contiguous_columns ? view.row : view.column);
  const Dimensions packed = ContiguousStrides(shape);

  const int64_t elements = Elements(shape);
  FERRY_ASSIGN_OR_RETURN(void* const copy,
                         scratch.Allocate(elements, ElementSizeBytes(to)));
  if (from == to) {
    CopyStrided(view.data, strides, copy, packed, shape, ElementSizeBytes(to));
  } else if (IsContiguous(shape, strides)) {
    ParallelCast(view.data, from, copy, to, elements);
  } else {
    Scratch narrow;
    FERRY_ASSIGN_OR_RETURN(void* const contiguous,
                           narrow.Allocate(elements, ElementSizeBytes(from)));
    CopyStrided(view.data, strides, contiguous, packed, shape,
                ElementSizeBytes(from));
    ParallelCast(contiguous, from, copy, to, elements);
  }

  view.data = copy;
  size_t at = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (view.batch[i] != 0) view.batch[i] = packed[at++];
  }
  view.row = packed[at];
  view.column = packed[at + 1];
  if (has_contiguous_columns) std::swap(view.row, view.column);
  return absl::OkStatus();
}

// The shape and the strides of `out`, for copies from and to it.
struct OutView {
  explicit OutView(const Problem& problem)
      : shape(problem.batch), strides(problem.out.batch) {
    shape.push_back(problem.m);
    shape.push_back(problem.n);
    strides.push_back(problem.out.row);
    strides.push_back(problem.out.column);
  }

  Dimensions shape;
  Dimensions strides;
};

// Points `out` of a problem to row-major memory.
void SetContiguousOut(void* data, Problem& problem) {
  const OutView out(problem);
  const Dimensions strides = ContiguousStrides(out.shape);
  problem.out.data = data;
  problem.out.batch.assign(strides.begin(), strides.end() - 2);
  problem.out.row = problem.n;
  problem.out.column = 1;
}

// ------------------------------------------------------------------- Floats

// Multiplies a matrix by beta.
template <typename T>
void Scale(int64_t m, int64_t n, T beta, T* out, int64_t row, int64_t column) {
  for (int64_t i = 0; i < m; ++i) {
    T* const from = out + i * row;
    if (beta == T{0}) {
      for (int64_t j = 0; j < n; ++j) from[j * column] = T{0};
    } else {
      for (int64_t j = 0; j < n; ++j) from[j * column] *= beta;
    }
  }
}

template <typename T>
void ScaleOut(const Problem& problem, T beta) {
  const int64_t rows = GrainOf(problem.n);
  const int64_t pieces = (problem.m - 1) / rows + 1;
  ForEachPiece<T>(problem, pieces, rows * problem.n,
                  [&](const Matrices<T>& matrices, int64_t piece) {
                    const int64_t first = piece * rows;
                    Scale(std::min(rows, problem.m - first), problem.n, beta,
                          matrices.out + first * problem.out.row,
                          problem.out.row, problem.out.column);
                  });
}

// Returns the sum of x[i] * y[i]. The order of additions depends on `size`
// alone.
template <typename T>
T Dot(int64_t size, const T* x, const T* y) {
  const ProductLoops<T> loops = BestProductLoops<T>();
  if (size <= kDotPiece) return loops.dot(x, y, size);
  // Pieces of two levels, so that errors grow slowly.
  const int64_t pieces = (size - 1) / kDotPiece + 1;
  return ParallelReduce(
      0, pieces, std::max<int64_t>(2, pieces / 512), T{0},
      [&](int64_t begin, int64_t end) {
        T sum{0};
        for (int64_t i = begin; i < end; ++i) {
          const int64_t first = i * kDotPiece;
          sum += loops.dot(x + first, y + first,
                           std::min(kDotPiece, size - first));
        }
        return sum;
      },
      [](T a, T b) { return a + b; });
}

template <typename T>
absl::Status VectorProduct(DType dtype, Problem& problem, T alpha, T beta) {
  const int64_t m = problem.m;
  const int64_t k = problem.k;
  Scratch a_copy;
  Scratch b_copy;
  View& a = problem.a;
  View& b = problem.b;
  if (k == 1) a.column = b.row = 1;
  if (a.column != 1 && (a.row != 1 || m == 1)) {
    const PackOrder order = m == 1 ? PackOrder::kRows : PackOrder::kClosest;
    FERRY_RETURN_IF_ERROR(
        Pack(dtype, dtype, problem.batch, m, k, order, a, a_copy));
  }
  const ProductLoops<T> loops = BestProductLoops<T>();
  if (a.column != 1) {
    const int64_t rows = std::min(
        kMaxColumnRows, std::max<int64_t>(256, kVectorPiece / k / 64 * 64));
    ForEachPiece<T>(
        problem, (m - 1) / rows + 1, std::min(rows, m) * k,
        [&](const Matrices<T>& matrices, int64_t piece) {
          const int64_t first = piece * rows;
          for (int64_t p = 0; p < k; p += kBlockDepth) {
            loops.columns_times_vector(
                std::min(rows, m - first), std::min(kBlockDepth, k - p), alpha,
                matrices.a + first + p * a.column, a.column,
                matrices.b + p * b.row, b.row, p == 0 ? beta : T{1},
                matrices.out + first * problem.out.row, problem.out.row);
          }
        });
    return absl::OkStatus();
  }
  if (b.row != 1) {
    FERRY_RETURN_IF_ERROR(
        Pack(dtype, dtype, problem.batch, k, 1, PackOrder::kRows, b, b_copy));
  }
  if (k > kDotPiece && m < 8) {
    // Too few rows for several threads.
    for (int64_t index = 0; index < Elements(problem.batch); ++index) {
      const Matrices<T> matrices(problem, index);
      for (int64_t i = 0; i < m; ++i) {
        const T sum = alpha * Dot(k, matrices.a + i * a.row, matrices.b);
        T& out = matrices.out[i * problem.out.row];
        out = beta == T{0} ? sum : sum + beta * out;
      }
    }
    return absl::OkStatus();
  }
  const int64_t rows = std::max<int64_t>(8, kVectorPiece / k / 8 * 8);
  ForEachPiece<T>(problem, (m - 1) / rows + 1, std::min(rows, m) * k,
                  [&](const Matrices<T>& matrices, int64_t piece) {
                    const int64_t first = piece * rows;
                    for (int64_t p = 0; p < k; p += kDotPiece) {
                      loops.rows_times_vector(
                          std::min(rows, m - first), std::min(kDotPiece, k - p),
                          alpha, matrices.a + first * a.row + p, a.row,
                          matrices.b + p, p == 0 ? beta : T{1},
                          matrices.out + first * problem.out.row,
                          problem.out.row);
                    }
                  });
  return absl::OkStatus();
}

// The number of rows and columns of the tiles of one large product.
struct TileShape {
  TileShape(int64_t m, int64_t n, int64_t k) : rows(m), columns(n), depth(k) {
    const int64_t enough =
        2 * std::clamp(Work() / kTiles, kMinTileWork, kMaxTileWork);
    while (rows > kMaxTileRows || Work() >= enough) {
      // Sides are multiples of what is computed at once.
      if (rows > kMaxTileRows ||
          (rows >= 2 * kMinTileSide &&
           (rows >= columns || columns < 2 * kMinTileSide))) {
        rows = (rows / 2 + 7) / 8 * 8;
      } else if (columns >= 2 * kMinTileSide) {
        columns = (columns / 2 + 31) / 32 * 32;
      } else {
        break;
      }
    }
  }

  // Returns how many multiplications a tile needs.
  int64_t Work() const {
    int64_t work;
    return __builtin_mul_overflow(rows * columns, depth, &work)
               ? std::numeric_limits<int64_t>::max()
               : work;
  }

  int64_t rows;
  int64_t columns;
  int64_t depth;
};

// Points `a` of a block to a copy in `to`. The columns of the copy are
// contiguous if those of `a` are, or else its rows. Their distance is no power
// of two, or they would compete for the same lines of the first cache.
template <typename T>
void CopyLeft(T* to, BlockProduct<T>& block) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const T* const from = block.a;
  const int64_t row_stride = block.a_row_stride;
  const int64_t column_stride = block.a_column_stride;
  block.a = to;
  if (row_stride == 1 && column_stride != 1) {
    block.a_column_stride = (block.rows + kLine - 1) / kLine * kLine + kLine;
    for (int64_t j = 0; j < block.depth; ++j) {
      std::copy_n(from + j * column_stride, block.rows,
                  to + j * block.a_column_stride);
    }
    return;
  }
  block.a_row_stride = (block.depth + kLine - 1) / kLine * kLine + kLine;
  block.a_column_stride = 1;
  for (int64_t i = 0; i < block.rows; ++i) {
    const T* const row = from + i * row_stride;
    T* const copy = to + i * block.a_row_stride;
    if (column_stride == 1) {
      std::copy_n(row, block.depth, copy);
    } else {
      for (int64_t j = 0; j < block.depth; ++j)
        copy[j] = row[j * column_stride];
    }
  }
}

// Points `b` of a block to a copy in `to`, panel by panel.
template <typename T>
void CopyRight(int64_t column_stride, int64_t panel_columns, T* to,
               BlockProduct<T>& block) {
  const T* from = block.b;
  const int64_t row_stride = block.b_row_stride;
  const int64_t max_rows =
      kMaxTileBytes / (panel_columns * static_cast<int64_t>(sizeof(T)));
  block.b = to;
  block.b_row_stride = panel_columns;
  block.b_panel_stride = block.depth * panel_columns;
  for (int64_t j = 0; j < block.columns; j += panel_columns) {
    const int64_t columns = std::min(panel_columns, block.columns - j);
    if (column_stride == 1) {
      for (int64_t i = 0; i < block.depth; ++i) {
        std::copy_n(from + i * row_stride, columns, to + i * panel_columns);
      }
    } else {
      for (int64_t i = 0; i < block.depth; i += max_rows) {
        CopyTile(from + i * row_stride, row_stride, column_stride,
                 to + i * panel_columns, panel_columns, 1,
                 std::min(max_rows, block.depth - i), columns, sizeof(T));
      }
    }
    from += panel_columns * column_stride;
    to += block.b_panel_stride;
  }
}

// Computes tile by tile. `out` has contiguous rows.
template <typename T>
class TiledProduct {
 public:
  TiledProduct(const Problem& problem, T alpha, T beta)
      : problem_(problem),
        alpha_(alpha),
        beta_(beta),
        tile_(problem.m, problem.n, problem.k) {
    constexpr int64_t kNear = kNearBytes / sizeof(T);
    const View& a = problem.a;
    const View& b = problem.b;
    copies_left_ =
        !(a.column == 1 && (a.row <= kNear || problem.n < kManyColumns)) &&
        !(a.row == 1 && a.column <= kNear);
    copies_right_ = b.column != 1 || (b.row > kNear && problem.k > kFewRows);
  }

  absl::Status Run() {
    const int64_t block_depth = std::min(kBlockDepth, problem_.k);
    const int64_t left_elements =
        copies_left_ ? (block_depth + 32) * (tile_.rows + 32) : 0;
    const int64_t right_elements =
        copies_right_ ? block_depth * (std::min(kBlockColumns, tile_.columns) +
                                       loops_.panel_columns)
                      : 0;
    const auto elements = static_cast<size_t>(left_elements + right_elements);
    std::atomic<bool> failed = false;
    const auto compute = [&](int64_t begin, int64_t end) {
      std::unique_ptr<T[]> copies;
      if (elements > 0) {
        copies.reset(new (std::nothrow) T[elements]);
        if (copies == nullptr) {
          failed.store(true, std::memory_order_relaxed);
          return;
        }
      }
      for (int64_t i = begin; i < end; ++i) {
        ComputeTile(i, copies.get(), copies.get() + left_elements);
      }
    };
    const int64_t count = Elements(problem_.batch) * row_tiles_ * column_tiles_;
    const int64_t grain = std::max<int64_t>(
        1, kWorkPerThread / std::max<int64_t>(1, tile_.Work()));
    ParallelFor(0, count, grain, compute);
    if (failed.load(std::memory_order_relaxed)) {
      return absl::ResourceExhaustedError(
          absl::StrCat("matrix product: not enough memory for copies of ",
                       elements * sizeof(T), " bytes"));
    }
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kBlockColumns = kBlockColumnBytes / sizeof(T);

  void ComputeTile(int64_t index, T* left, T* right) const {
    const int64_t tiles = row_tiles_ * column_tiles_;
    const Matrices<T> matrices(problem_, index / tiles);
    const View& a = problem_.a;
    const View& b = problem_.b;
    const int64_t row = index % tiles / column_tiles_ * tile_.rows;
    const int64_t first_column = index % column_tiles_ * tile_.columns;
    const int64_t end_column =
        std::min(problem_.n, first_column + tile_.columns);
    BlockProduct<T> block;
    block.rows = std::min(tile_.rows, problem_.m - row);
    block.alpha = alpha_;
    block.out_row_stride = problem_.out.row;
    for (int64_t depth = 0; depth < problem_.k; depth += kBlockDepth) {
      block.depth = std::min(kBlockDepth, problem_.k - depth);
      block.beta = depth == 0 ? beta_ : T{1};
      block.a = matrices.a + row * a.row + depth * a.column;
      block.a_row_stride = a.row;
      block.a_column_stride = a.column;
      if (copies_left_) CopyLeft(left, block);
      for (int64_t column = first_column; column < end_column;
           column += kBlockColumns) {
        block.columns = std::min(kBlockColumns, end_column - column);
        block.b = matrices.b + depth * b.row + column * b.column;
        block.b_row_stride = b.row;
        block.b_panel_stride = loops_.panel_columns;
        if (copies_right_) {
          CopyRight(b.column, loops_.panel_columns, right, block);
        }
        block.out = matrices.out + row * problem_.out.row + column;
        loops_.multiply(block);
      }
    }
  }

  const Problem& problem_;
  const T alpha_;
  const T beta_;
  const TileShape tile_;
  const ProductLoops<T> loops_ = BestProductLoops<T>();
  const int64_t row_tiles_ = (problem_.m - 1) / tile_.rows + 1;
  const int64_t column_tiles_ = (problem_.n - 1) / tile_.columns + 1;
  bool copies_left_;
  bool copies_right_;
};

template <typename T>
absl::Status FloatProduct(DType dtype, Problem& problem, T alpha, T beta) {
  if (problem.k == 0 || alpha == T{0}) {
    ScaleOut(problem, beta);
    return absl::OkStatus();
  }
  Simplify(problem);
  if (problem.n == 1) return VectorProduct(dtype, problem, alpha, beta);
  if (problem.out.column == 1)
    return TiledProduct<T>(problem, alpha, beta).Run();

  Scratch scratch;
  const OutView out(problem);
  const int64_t elements = Elements(out.shape);
  FERRY_ASSIGN_OR_RETURN(void* const copy,
                         scratch.Allocate(elements, sizeof(T)));
  void* const data = problem.out_data();
  SetContiguousOut(copy, problem);
  const Dimensions strides = ContiguousStrides(out.shape);
  if (beta != T{0}) {
    CopyStrided(data, out.strides, copy, strides, out.shape, sizeof(T));
  }
  FERRY_RETURN_IF_ERROR(TiledProduct<T>(problem, alpha, beta).Run());
  CopyStrided(copy, strides, data, out.strides, out.shape, sizeof(T));
  return absl::OkStatus();
}

// Computes in float32.
absl::Status NarrowProduct(DType dtype, Problem& problem, float alpha,
                           float beta) {
  Simplify(problem);
  const OutView out(problem);
  void* const data = problem.out_data();
  const int64_t elements = Elements(out.shape);
  Scratch a_copy;
  Scratch b_copy;
  Scratch out_copy;
  if (problem.k > 0 && alpha != 0) {
    FERRY_RETURN_IF_ERROR(Pack(dtype, DType::kFloat32, problem.batch, problem.m,
                               problem.k, PackOrder::kClosest, problem.a,
                               a_copy));
    FERRY_RETURN_IF_ERROR(Pack(dtype, DType::kFloat32, problem.batch, problem.k,
                               problem.n, PackOrder::kClosest, problem.b,
                               b_copy));
  }
  if (beta != 0) {
    FERRY_RETURN_IF_ERROR(Pack(dtype, DType::kFloat32, problem.batch, problem.m,
                               problem.n, PackOrder::kRows, problem.out,
                               out_copy));
  } else {
    FERRY_ASSIGN_OR_RETURN(void* const copy,
                           out_copy.Allocate(elements, sizeof(float)));
    SetContiguousOut(copy, problem);
  }
  const void* const wide = problem.out.data;
  FERRY_RETURN_IF_ERROR(FloatProduct(DType::kFloat32, problem, alpha, beta));
  if (IsContiguous(out.shape, out.strides)) {
    ParallelCast(wide, DType::kFloat32, data, dtype, elements);
    return absl::OkStatus();
  }
  Scratch narrow;
  FERRY_ASSIGN_OR_RETURN(void* const contiguous,
                         narrow.Allocate(elements, ElementSizeBytes(dtype)));
  ParallelCast(wide, DType::kFloat32, contiguous, dtype, elements);
  CopyStrided(contiguous, ContiguousStrides(out.shape), data, out.strides,
              out.shape, ElementSizeBytes(dtype));
  return absl::OkStatus();
}

// ----------------------------------------------------------------- Integers

// A type whose arithmetic wraps around, and has the low bits of T's.
template <typename T>
using Wrapping = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;

// Returns a number with the low bits of `number`.
template <typename T>
Wrapping<T> ToWrapping(T number) {
  return static_cast<std::make_unsigned_t<T>>(number);
}

template <typename T>
void IntegerRow(const Problem& problem, Wrapping<T> alpha, Wrapping<T> beta,
                const T* a, const T* b, T* out) {
  using U = Wrapping<T>;
  constexpr int64_t kColumns = 512;
  const int64_t b_column = problem.b.column;
  for (int64_t first = 0; first < problem.n; first += kColumns) {
    const int64_t columns = std::min(kColumns, problem.n - first);
    U sums[kColumns] = {};
    for (int64_t p = 0; p < problem.k; ++p) {
      const U factor = ToWrapping(a[p * problem.a.column]);
      const T* const from = b + p * problem.b.row + first * b_column;
      if (b_column == 1) {
        for (int64_t j = 0; j < columns; ++j) {
          sums[j] += factor * ToWrapping(from[j]);
        }
      } else {
        for (int64_t j = 0; j < columns; ++j) {
          sums[j] += factor * ToWrapping(from[j * b_column]);
        }
      }
    }
    for (int64_t j = 0; j < columns; ++j) {
      T& to = out[(first + j) * problem.out.column];
      to = static_cast<T>(beta == 0 ? alpha * sums[j]
                                    : alpha * sums[j] + beta * ToWrapping(to));
    }
  }
}

template <typename T>
void IntegerProduct(Problem& problem, T alpha, T beta) {
  Simplify(problem);
  int64_t row_work;
  if (__builtin_mul_overflow(problem.n, problem.k + 1, &row_work)) {
    row_work = kWorkPerThread;
  }
  const int64_t rows = std::max<int64_t>(1, kWorkPerThread / row_work);
  ForEachPiece<T>(problem, (problem.m - 1) / rows + 1, rows * row_work,
                  [&](const Matrices<T>& matrices, int64_t piece) {
                    const int64_t last =
                        std::min(problem.m, (piece + 1) * rows);
                    for (int64_t i = piece * rows; i < last; ++i) {
                      IntegerRow(problem, ToWrapping(alpha), ToWrapping(beta),
                                 matrices.a + i * problem.a.row, matrices.b,
                                 matrices.out + i * problem.out.row);
                    }
                  });
}

// ----------------------------------------------------------------- Dispatch

absl::Status Unsupported(DType dtype) {
  return absl::UnimplementedError(
      absl::StrCat("there are no products of ", Name(dtype)));
}

// Calls `compute` with an element of the type that the dtype is computed in.
template <typename Compute>
absl::Status VisitDType(DType dtype, Compute compute) {
  switch (dtype) {
    case DType::kFloat64:
      return compute(double{});
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16:
      return compute(float{});
    case DType::kInt64:
      return compute(int64_t{});
    case DType::kInt32:
      return compute(int32_t{});
    case DType::kInt16:
      return compute(int16_t{});
    case DType::kInt8:
      return compute(int8_t{});
    case DType::kUInt64:
      return compute(uint64_t{});
    case DType::kUInt32:
      return compute(uint32_t{});
    case DType::kUInt16:
      return compute(uint16_t{});
    case DType::kUInt8:
      return compute(uint8_t{});
    default:
      return Unsupported(dtype);
  }
}

// Returns a factor as T, an integer modulo the size of T. Avoids the general
// conversion, which would take longer than a small product.
template <typename T>
absl::StatusOr<T> Factor(const Scalar& scalar) {
  if (scalar.dtype() == DType::kInt64) {
    int64_t number;
    std::memcpy(&number, scalar.data(), sizeof(number));
    return static_cast<T>(number);
  }
  if constexpr (std::is_integral_v<T>) {
    FERRY_ASSIGN_OR_RETURN(const int64_t number, scalar.To<int64_t>());
    return static_cast<T>(number);
  } else {
    if (scalar.dtype() != DType::kFloat64) return scalar.To<T>();
    double number;
    std::memcpy(&number, scalar.data(), sizeof(number));
    return static_cast<T>(number);
  }
}

// ------------------------------------------------------------- Dot products

// Elements of a dot product that are copied at once.
constexpr int64_t kDotCopy = 1024;

// A vector whose elements are read as T.
template <typename T>
class VectorReader {
 public:
  VectorReader(DType dtype, const void* data, int64_t stride)
      : dtype_(dtype),
        bytes_(static_cast<int64_t>(ElementSizeBytes(dtype))),
        data_(static_cast<const char*>(data)),
        stride_(stride) {}

  // Whether any part can be read where it is.
  bool is_contiguous() const {
    return stride_ == 1 && dtype_ == DTypeOf<T>::value;
  }

  const T* At(int64_t first) const {
    return reinterpret_cast<const T*>(data_ + first * bytes_);
  }

  // Returns at most kDotCopy elements, which may be in `buffer`.
  const T* Read(int64_t first, int64_t count, T* buffer) const {
    if (is_contiguous()) return At(first);
    const char* from = data_ + first * stride_ * bytes_;
    alignas(8) char narrow[kDotCopy * sizeof(T)];
    if (stride_ != 1) {
      char* const to = dtype_ == DTypeOf<T>::value
                           ? reinterpret_cast<char*>(buffer)
                           : narrow;
      CopyTile(from, 0, stride_, to, 0, 1, 1, count,
               static_cast<uint64_t>(bytes_));
      from = to;
    }
    if (dtype_ != DTypeOf<T>::value) {
      CastElements(from, dtype_, buffer, DTypeOf<T>::value, count);
    }
    return buffer;
  }

 private:
  const DType dtype_;
  const int64_t bytes_;
  const char* const data_;
  const int64_t stride_;
};

template <typename T>
T FloatDot(int64_t size, const VectorReader<T>& x, const VectorReader<T>& y) {
  if (x.is_contiguous() && y.is_contiguous()) {
    return Dot(size, x.At(0), y.At(0));
  }
  const ProductLoops<T> loops = BestProductLoops<T>();
  return ParallelReduce(
      0, size, kElementsPerThread, T{0},
      [&](int64_t begin, int64_t end) {
        T x_buffer[kDotCopy];
        T y_buffer[kDotCopy];
        T sum{0};
        for (int64_t first = begin; first < end; first += kDotCopy) {
          const int64_t count = std::min(kDotCopy, end - first);
          sum += loops.dot(x.Read(first, count, x_buffer),
                           y.Read(first, count, y_buffer), count);
        }
        return sum;
      },
      [](T a, T b) { return a + b; });
}

template <typename T>
T IntegerDot(int64_t size, const T* x, int64_t x_stride, const T* y,
             int64_t y_stride) {
  using U = Wrapping<T>;
  return static_cast<T>(ParallelReduce(
      0, size, kElementsPerThread, U{0},
      [&](int64_t begin, int64_t end) {
        U sum = 0;
        for (int64_t i = begin; i < end; ++i) {
          sum += ToWrapping(x[i * x_stride]) * ToWrapping(y[i * y_stride]);
        }
        return sum;
      },
      [](U a, U b) { return a + b; }));
}

}  // namespace

absl::Status MatrixProduct(const MatrixProductArguments& arguments) {
  Problem problem;
  problem.batch.assign(arguments.batch_shape.begin(),
                       arguments.batch_shape.end());
  problem.m = arguments.rows;
  problem.n = arguments.columns;
  problem.k = arguments.depth;
  problem.a = ViewOf(arguments.a.data, arguments.a.strides);
  problem.b = ViewOf(arguments.b.data, arguments.b.strides);
  problem.out = ViewOf(arguments.out, arguments.out_strides);
  const DType dtype = arguments.dtype;
  return VisitDType(dtype, [&](auto type) -> absl::Status {
    using T = decltype(type);
    FERRY_ASSIGN_OR_RETURN(const T alpha, Factor<T>(arguments.alpha));
    FERRY_ASSIGN_OR_RETURN(const T beta, Factor<T>(arguments.beta));
    if (problem.m == 0 || problem.n == 0 || Elements(problem.batch) == 0) {
      return absl::OkStatus();
    }
    if constexpr (std::is_integral_v<T>) {
      IntegerProduct(problem, alpha, beta);
      return absl::OkStatus();
    } else {
      if (dtype == DTypeOf<T>::value) {
        return FloatProduct(dtype, problem, alpha, beta);
      }
      if constexpr (std::is_same_v<T, float>) {
        return NarrowProduct(dtype, problem, alpha, beta);
      }
      return Unsupported(dtype);
    }
  });
}

absl::Status DotProduct(DType dtype, int64_t size, const void* x,
                        int64_t x_stride, const void* y, int64_t y_stride,
                        void* out) {
  return VisitDType(dtype, [&](auto type) -> absl::Status {
    using T = decltype(type);
    if constexpr (std::is_integral_v<T>) {
      *static_cast<T*>(out) =
          IntegerDot(size, static_cast<const T*>(x), x_stride,
                     static_cast<const T*>(y), y_stride);
    } else {
      const T sum = FloatDot(size, VectorReader<T>(dtype, x, x_stride),
                             VectorReader<T>(dtype, y, y_stride));
      CastElements(&sum, DTypeOf<T>::value, out, dtype, 1);
    }
    return absl::OkStatus();
  });
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
