// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/fd_sink.h
// -----------------------------------------------------------------------------
//
// Writing to a file descriptor: a pipe, a socket, a file, a device.
//
// Example: a checkpoint to standard output.
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

// FdSink
//
// Writes at the descriptor's position and never seeks. Waits where the
// descriptor does not block and is full. Does not close it, and does not wait
// for a disk: see `AtomicFile` for files that must be whole.
//
// A reader that has gone is an error here; the process gets no SIGPIPE.
//
// Thread-safety: none.
class FdSink final : public ByteSink {
 public:
  // `name` is for error messages.
  explicit FdSink(int fd, absl::string_view name = "<file descriptor>")
      : fd_(fd), name_(name) {}

  // Errors:
  //   kResourceExhausted - the disk is full, or the file too large.
  //   kUnavailable       - the reader has gone; anything else that the
  //                        operating system says.
  absl::Status Write(absl::string_view bytes) override;

 private:
  const int fd_;
  const std::string name_;
};

}  // namespace ferry

#endif  // FERRY_IO_FD_SINK_H_
