// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/testing/system_calls.h
// -----------------------------------------------------------------------------
//
// Lets a test see the system calls of its process that concern files, and make
// them fail. A test that links this library has its definitions of those calls
// instead of the C library's.
//
// Example: the third call fails.
//
//   class Third : public SystemCallObserver {
//     Fault Before(const SystemCall& call) override {
//       return ++num_calls_ == 3 ? Fault{EIO} : Fault{};
//     }
//     std::atomic<int> num_calls_{0};
//   } third;
//   ScopedSystemCallObserver scope(&third);
//   EXPECT_FALSE(Save(value, path).ok());
#ifndef FERRY_IO_TESTING_SYSTEM_CALLS_H_
#define FERRY_IO_TESTING_SYSTEM_CALLS_H_

#include <sys/types.h>

#include <cstddef>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// A call of the operating system. What it does not have is at its default.
struct SystemCall {
  enum class Kind {
    kLooks,    // neither moves bytes nor changes a file
    kReads,    // reads `size` bytes
    kWrites,   // writes `size` bytes
    kChanges,  // changes a file or a folder, or syncs it, in another way
    kCloses,
  };
  absl::string_view name;
  Kind kind = Kind::kLooks;
  // The file, or the folder that `path` is relative to.
  int fd = -1;
  absl::string_view path = {};
  // The second path of a call that has two, and its folder.
  int new_fd = -1;
  absl::string_view new_path = {};
  int flags = 0;
  const void* bytes = nullptr;
  size_t size = 0;  // in bytes; of sync_file_range: the length of the range
  // -1: at the position of the descriptor.
  off_t offset = -1;
  // The struct stat, statx or statfs that the call fills in. `After` may change
  // it, to pretend that a file has properties that a test cannot give it.
  void* info = nullptr;
};

// What is done instead of a call. By default, the call.
struct Fault {
  // Returned in errno instead of doing anything. close() closes all the same,
  // as in Linux.
  int error = 0;
  // Moves only half of the bytes, but at least one.
  bool is_short = false;
  // Returns 0 without doing anything: a sync that a test need not wait for.
  bool is_skipped = false;
};

// Thread-safety: both functions may be called from any number of threads at
// once. The calls that they make themselves are not observed.
class SystemCallObserver {
 public:
  virtual ~SystemCallObserver() = default;
  virtual Fault Before(const SystemCall& call) { return {}; }
  // `result` is what the call returns, -1 for an error.
  virtual void After(const SystemCall& call, long result) {}
};

// Lets `observer` see the calls of all threads as long as the scope lives. Only
// one scope may live at a time. Calls on the descriptors 0 to 2 are left out.
class ScopedSystemCallObserver {
 public:
  explicit ScopedSystemCallObserver(SystemCallObserver* observer);
  ~ScopedSystemCallObserver();
  ScopedSystemCallObserver(const ScopedSystemCallObserver&) = delete;
  ScopedSystemCallObserver& operator=(const ScopedSystemCallObserver&) = delete;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_TESTING_SYSTEM_CALLS_H_
