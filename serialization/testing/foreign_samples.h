// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/foreign_samples.h
// -----------------------------------------------------------------------------
//
// Small files of formats that people give a loader of checkpoints by mistake.
#ifndef FERRY_SERIALIZATION_TESTING_FOREIGN_SAMPLES_H_
#define FERRY_SERIALIZATION_TESTING_FOREIGN_SAMPLES_H_

#include <string>
#include <vector>

namespace ferry {
inline namespace v1 {

struct ForeignSample {
  std::string name;  // of the sample, not of a file
  std::string bytes;
  // What an error message says of it: the format, and what to do.
  std::string format;
  std::string advice;
};

// Files that are no checkpoints.
std::vector<ForeignSample> ForeignSamples();

// Files of PyTorch that are not supported.
std::vector<ForeignSample> UnsupportedSamples();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_FOREIGN_SAMPLES_H_
