// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/progress.h
// -----------------------------------------------------------------------------
//
// Shows the progress of a long operation in one line on the terminal.
#ifndef FERRY_TOOLS_FERRY_PROGRESS_H_
#define FERRY_TOOLS_FERRY_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Progress
//
// Writes to `io.err` a few times a second, if that is a terminal and there is
// much to do. Removes its line at the end.
//
// Thread-safety: none; one thread at a time.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // `what` begins the line: "reading". `io` must outlive this object. `now`
  // returns the time.
  Progress(absl::string_view what, const CommandIo& io,
           std::function<Clock::time_point()> now = Clock::now);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `total_bytes` is 0 if the total is unknown.
  void Update(uint64_t done_bytes, uint64_t total_bytes);

 private:
  const std::string what_;
  const CommandIo& io_;
  const std::function<Clock::time_point()> now_;
  const Clock::time_point start_;
  Clock::time_point last_;
  bool is_shown_ = false;
};

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_PROGRESS_H_
