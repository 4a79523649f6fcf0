// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/op_table.h"

#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/extremes.h"
#include "ferry/autograd/ops/functions.h"
#include "ferry/autograd/ops/gathering.h"
#include "ferry/autograd/ops/indexing.h"
#include "ferry/autograd/ops/losses.h"
#include "ferry/autograd/ops/masking.h"
#include "ferry/autograd/ops/normalization.h"
#include "ferry/autograd/ops/products.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/shapes.h"
#include "ferry/autograd/ops/sorting.h"
#include "ferry/autograd/ops/views.h"

namespace ferry {
inline namespace v1 {

std::vector<absl::Span<const Op* const>> AllOps() {
  return {
      ElementwiseOps(),   FunctionOps(), ReductionOps(), ExtremeOps(),
      NormalizationOps(), LossOps(),     ProductOps(),   ViewOps(),
      ShapeOps(),         CopyOps(),     IndexingOps(),  GatheringOps(),
      MaskingOps(),       SortingOps(),
  };
}

}  // namespace v1
}  // namespace ferry
