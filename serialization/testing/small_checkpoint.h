// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/small_checkpoint.h
// -----------------------------------------------------------------------------
//
// The smallest checkpoint that has everything, to be changed by tests:
//
//   torch.save({'w': torch.arange(4.), 'v': None}, 'my.model.pt')
//
// of PyTorch 1.13. Its records are my.model/data.pkl, my.model/data/0 and
// my.model/version.
#ifndef FERRY_SERIALIZATION_TESTING_SMALL_CHECKPOINT_H_
#define FERRY_SERIALIZATION_TESTING_SMALL_CHECKPOINT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "ferry/serialization/testing/zip_builder.h"

namespace ferry {
inline namespace v1 {

// The pickle: 172 bytes.
std::string SmallPickle();

// The same with another text in the place of a part of it that occurs once. The
// caller sees to lengths.
std::string SmallPickleWith(absl::string_view part, absl::string_view by);

// The elements 0, 1, 2, 3 as float32: 16 bytes.
std::string SmallStorage();

// The three records, in their order, under "my.model/".
ZipBuilder SmallCheckpoint();

// The same with another pickle.
ZipBuilder CheckpointOf(absl::string_view pickle);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_SMALL_CHECKPOINT_H_
