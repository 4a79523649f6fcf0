// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Scans any bytes, in memory and as a file that is read in pieces: the reports
// must be the same, and what is found must lie in the file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"
#include "ferry/serialization/scan/scan.h"

namespace {

// Bytes that are not offered as memory.
class Unmapped final : public ferry::RandomAccessFile {
 public:
  explicit Unmapped(absl::string_view bytes) : bytes_(bytes) {}

  absl::string_view name() const override { return "<fuzzer>"; }
  uint64_t size_bytes() const override { return bytes_.size(); }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > bytes_.size() ||
        out.size() > bytes_.size() - offset_bytes) {
      return absl::DataLossError("past the end");
    }
    std::copy_n(bytes_.data() + offset_bytes, out.size(), out.data());
    return absl::OkStatus();
  }

 private:
  const absl::string_view bytes_;
};

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  ferry::ScanOptions options;
  options.max_findings = 50;
  const ferry::ScanReport mapped =
      ferry::ScanFile(*ferry::MakeMemoryFile(bytes, "<fuzzer>"), options);
  const ferry::ScanReport unmapped = ferry::ScanFile(Unmapped(bytes), options);
  Check(mapped.verdict() == unmapped.verdict(), "the verdicts differ");
  Check(mapped.Summary() == unmapped.Summary(), "the summaries differ");
  Check(mapped.problems == unmapped.problems, "the problems differ");
  Check(mapped.status == unmapped.status, "the statuses differ");
  Check(mapped.num_pickles == unmapped.num_pickles, "the pickles differ");
  Check(mapped.findings.size() == unmapped.findings.size() &&
            mapped.more_findings == unmapped.more_findings,
        "the findings differ");
  // Odd ones come on top of the others.
  Check(mapped.findings.size() <= 2 * options.max_findings, "too many");
  return 0;
}
