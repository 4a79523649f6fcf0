// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/fd_sink.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "ferry/core/eintr.h"
#include "ferry/io/system_error.h"

namespace ferry {
inline namespace v1 {
namespace {

// Keeps SIGPIPE, which writing to a pipe without a reader raises on the thread
// that writes, from that thread; one that was there before stays.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &old_mask_);
  }
  ~WithoutSigpipe() {
    if (!was_pending_) {
      const timespec now = {};
      (void)RetryOnEintr(
          [&] { return sigtimedwait(&sigpipe_, nullptr, &now); });
    }
    pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
  }

 private:
  sigset_t sigpipe_;
  sigset_t old_mask_;
  bool was_pending_;
};

}  // namespace

absl::Status FdSink::Write(absl::string_view bytes) {
  const WithoutSigpipe quiet;
  while (!bytes.empty()) {
    const ssize_t wrote = RetryOnEintr([&] {
      return write(fd_, bytes.data(),
                   std::min(bytes.size(), kMaxSystemCallBytes));
    });
    if (wrote >= 0) {
      bytes.remove_prefix(static_cast<size_t>(wrote));
      continue;
    }
    const int error = errno;
    if (error == EAGAIN || error == EWOULDBLOCK) {
      pollfd full = {fd_, POLLOUT, 0};
      (void)RetryOnEintr([&] { return poll(&full, 1, -1); });
      continue;
    }
    const std::string message =
        absl::StrCat("cannot write ", name_, ": ", std::strerror(error));
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
      return absl::ResourceExhaustedError(message);
    }
    return absl::UnavailableError(message);
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
