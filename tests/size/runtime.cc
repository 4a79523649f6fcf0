// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/runtime/runtime.h"

#include "absl/status/statusor.h"
#include "ferry/runtime/autograd.h"
#include "ferry/runtime/plugins.h"

int main(int, char** argv) {
  ferry::PluginOptions options;
  options.paths = {argv[1]};
  if (!ferry::PluginLoader::Default().Load(options)[0].status.ok()) return 1;
  const auto x =
      ferry::Full({1}, 3.0, ferry::TensorOptions().requires_grad(true));
  if (!ferry::Backward(x * x).ok()) return 1;
  const absl::StatusOr<ferry::Value> checkpoint = ferry::Load(argv[2]);
  if (!checkpoint.ok()) return 1;
  return ferry::Save(*checkpoint, argv[3]).ok() ? 0 : 1;
}
