// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/counted_bytes.h
// -----------------------------------------------------------------------------
//
// A file in memory that hides its bytes (`data()` is null) and counts how many
// are read.
#ifndef FERRY_SERIALIZATION_TESTING_COUNTED_BYTES_H_
#define FERRY_SERIALIZATION_TESTING_COUNTED_BYTES_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

// Thread-safe.
class CountedBytes final : public RandomAccessFile {
 public:
  explicit CountedBytes(std::string bytes) : bytes_(std::move(bytes)) {}

  absl::string_view name() const override { return "counted"; }
  uint64_t size_bytes() const override { return bytes_.size(); }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > bytes_.size() ||
        out.size() > bytes_.size() - offset_bytes) {
      return absl::DataLossError("read past the end");
    }
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset_bytes),
                out.size(), out.begin());
    bytes_read_ += out.size();
    return absl::OkStatus();
  }

  uint64_t bytes_read() const { return bytes_read_; }

 private:
  const std::string bytes_;
  mutable std::atomic<uint64_t> bytes_read_{0};
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_COUNTED_BYTES_H_
