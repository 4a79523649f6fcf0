// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Prints the entries of a state_dict, and saves the checkpoint anew.

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor.h"
#include "ferry/runtime/runtime.h"
#include "io/file.h"
#include "value/value.h"

#if !defined(CONSUMER_ZLIB) || !defined(CONSUMER_TBB)
#error "Ferry does not use the libraries that this workspace defines"
#endif
#if defined(EXPECT_OWN_ABSL) && !defined(CONSUMER_ABSL)
#error "Ferry does not use the Abseil that this workspace defines"
#endif
#if !defined(CONSUMER_CORE) || !defined(CONSUMER_IO) || !defined(CONSUMER_VALUE)
#error "A header of Ferry hides one of this workspace"
#endif

namespace {

absl::Status Run(const char* in, const char* out) {
  absl::StatusOr<ferry::Value> checkpoint = ferry::Load(in);
  if (!checkpoint.ok()) return checkpoint.status();
  absl::StatusOr<ferry::Value> model = checkpoint->Get("model");
  if (!model.ok()) return model.status();
  for (size_t i = 0; i < model->size(); ++i) {
    absl::StatusOr<std::pair<ferry::Value, ferry::Value>> entry =
        model->Entry(i);
    if (!entry.ok()) return entry.status();
    absl::StatusOr<absl::string_view> name = entry->first.AsStr();
    if (!name.ok()) return name.status();
    absl::StatusOr<ferry::Tensor> tensor = entry->second.AsTensor();
    if (!tensor.ok()) return tensor.status();
    std::cout << *name << " " << ferry::Name(tensor->dtype()) << " on "
              << tensor->device().ToString() << ":";
    for (const int64_t size : tensor->shape()) std::cout << " " << size;
    std::cout << "\n";
  }
  return ferry::Save(*checkpoint, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: consumer IN OUT\n";
    return 2;
  }
  const absl::Status status = Run(argv[1], argv[2]);
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}
