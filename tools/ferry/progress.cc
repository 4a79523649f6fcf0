// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/progress.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Less is done before anybody has read the line.
constexpr uint64_t kLeastBytes = uint64_t{256} << 20;
constexpr std::chrono::milliseconds kInterval(200);

}  // namespace

Progress::Progress(absl::string_view what, const CommandIo& io,
                   std::function<Clock::time_point()> now)
    : what_(what),
      io_(io),
      now_(std::move(now)),
      start_(now_()),
      last_(start_) {}

Progress::~Progress() {
  if (is_shown_) io_.err << "\r\x1b[K" << std::flush;
}

void Progress::Update(uint64_t done_bytes, uint64_t total_bytes) {
  if (!io_.err_is_terminal || std::max(done_bytes, total_bytes) < kLeastBytes) {
    return;
  }
  const Clock::time_point now = now_();
  if (now - last_ < kInterval) return;
  last_ = now;
  is_shown_ = true;
  constexpr double kMiB = 1 << 20;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  io_.err << "\r" << what_ << ": ";
  if (total_bytes == 0) {
    io_.err << absl::StrFormat("%.0f MiB", done_bytes / kMiB);
  } else {
    io_.err << absl::StrFormat(
        "%d%% of %.0f MiB", done_bytes * 100 / total_bytes, total_bytes / kMiB);
  }
  io_.err << absl::StrFormat(", %.0f MiB/s\x1b[K", done_bytes / kMiB / seconds)
          << std::flush;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
