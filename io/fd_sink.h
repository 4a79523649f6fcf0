// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/fd_sink.h
// -----------------------------------------------------------------------------
//
// Writes to a file descriptor: a pipe, a socket, a file, a device.
//
// Example: write a checkpoint to standard output.
//
//   FdSink sink(STDOUT_FILENO, "standard output");
//   FERRY_RETURN_IF_ERROR(Save(value, sink));
#ifndef FERRY_IO_FD_SINK_H_
#define FERRY_IO_FD_SINK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

// FdSink
//
// Writes at the descriptor's position and never seeks. If the descriptor is
// non-blocking and full, waits until it can take more. Does not close the
// descriptor and does not sync it to disk. For files that must never be partly
// written, see `AtomicFile`.
//
// If the reader has closed its end, a write returns an error; the process gets
// no SIGPIPE.
//
// Thread-safety: none.
class FdSink final : public ByteSink {
 public:
  // `name` is for error messages.
  explicit FdSink(int fd, absl::string_view name = "<file descriptor>")
      : fd_(fd), name_(name) {}

  // Errors:
  //   kResourceExhausted - the disk is full, or the file is too large.
  //   kUnavailable       - the reader has closed its end, or any other error of
  //                        the operating system.
  absl::Status Write(absl::string_view bytes) override;

 private:
  const int fd_;
  const std::string name_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_FD_SINK_H_
