// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times what the machine can do at best, for compare.py: threads that read or
// write a file and do nothing else. Uses nothing of Ferry, so that no change of
// Ferry moves the ceiling.
//
//   time_ceiling touch BYTES
//       Touches so much memory and ends, which leaves it to the next process.
//   time_ceiling read FILE BYTES THREADS fresh|used|direct
//       Reads the first BYTES of a file, with pread, into huge pages: fresh
//       ones, whose allocation is timed, or pages that were written before.
//       `direct` reads into fresh ones without the page cache (O_DIRECT).
//   time_ceiling write FILE BYTES THREADS none|full
//       Writes so much to a file, with pwrite; `full` waits for the disk. What
//       the file had is lost first.
//
// `read` and `write` speak as sample.h says. Their check sum is BYTES.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "ferry/tests/benchmarks/sample.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;
// What a thread reads or writes at a time: whole huge pages, since two threads
// that touch one page first would both clear it.
constexpr uint64_t kPieceBytes = 2 * kHugePageBytes;
// What O_DIRECT needs of offsets, sizes and addresses, on all common disks.
constexpr uint64_t kBlockBytes = 4096;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Returns fresh memory, on huge pages where it fills them, which is never given
// back. There is room for at least a block more.
char* MapHugePages(uint64_t size_bytes) {
  void* const mapped =
      mmap(nullptr, size_bytes + kHugePageBytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) Die("mmap");
  const uintptr_t begin =
      (reinterpret_cast<uintptr_t>(mapped) + kHugePageBytes - 1) &
      ~(kHugePageBytes - 1);
  char* const memory = reinterpret_cast<char*>(begin);
  const uint64_t huge_bytes = size_bytes / kHugePageBytes * kHugePageBytes;
  if (huge_bytes != 0) (void)madvise(memory, huge_bytes, MADV_HUGEPAGE);
  return memory;
}

// Calls `body(offset, size)`, both in bytes, for all pieces of `size_bytes`, on
// `num_threads` threads. `body` transfers at least a byte and returns how many
// it did, or -1 with errno set.
void ForEachPiece(uint64_t size_bytes, int num_threads,
                  absl::FunctionRef<ssize_t(uint64_t, uint64_t)> body) {
  std::atomic<uint64_t> next{0};
  const auto work = [&] {
    while (true) {
      uint64_t offset = next.fetch_add(kPieceBytes);
      if (offset >= size_bytes) return;
      const uint64_t end = std::min(offset + kPieceBytes, size_bytes);
      while (offset < end) {
        const ssize_t done = body(offset, end - offset);
        if (done <= 0) Die("read or write");
        offset += static_cast<uint64_t>(done);
      }
    }
  };
  const uint64_t num_pieces = (size_bytes + kPieceBytes - 1) / kPieceBytes;
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < std::min<uint64_t>(num_threads, num_pieces); ++i) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

void Read(const char* path, uint64_t size_bytes, int num_threads,
          absl::string_view mode) {
  char* memory = nullptr;
  if (mode == "used") {
    memory = MapHugePages(size_bytes);
    std::memset(memory, 1, size_bytes);
  }
  AwaitStart();
  const Stopwatch stopwatch;
  const int fd =
      open(path, O_RDONLY | O_CLOEXEC | (mode == "direct" ? O_DIRECT : 0));
  if (fd < 0) Die(path);
  if (memory == nullptr) memory = MapHugePages(size_bytes);
  ForEachPiece(size_bytes, num_threads, [&](uint64_t offset, uint64_t size) {
    // Rounds the last piece up to whole blocks; `memory` has room for them.
    if (mode == "direct") {
      size = (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    }
    return pread(fd, memory + offset, size, static_cast<off_t>(offset));
  });
  PrintSample(stopwatch.Read(), static_cast<double>(size_bytes));
}

void Write(const std::string& path, uint64_t size_bytes, int num_threads,
           bool is_durable) {
  char* const memory = MapHugePages(size_bytes);
  std::memset(memory, 1, size_bytes);
  AwaitStart();
  const Stopwatch stopwatch;
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) Die(path.c_str());
  // Room first, as Ferry does, which is the quickest on most file systems.
  (void)fallocate(fd, 0, 0, static_cast<off_t>(size_bytes));
  ForEachPiece(size_bytes, num_threads, [&](uint64_t offset, uint64_t size) {
    return pwrite(fd, memory + offset, size, static_cast<off_t>(offset));
  });
  if (is_durable) {
    const std::string folder = path.substr(0, path.rfind('/') + 1) + ".";
    const int folder_fd = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (fsync(fd) != 0 || fsync(folder_fd) != 0) Die("fsync");
    close(folder_fd);
  }
  close(fd);
  PrintSample(stopwatch.Read(), static_cast<double>(size_bytes));
}

int Run(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "touch" && argc == 3) {
    const uint64_t size_bytes = std::strtoull(argv[2], nullptr, 10);
    std::memset(MapHugePages(size_bytes), 1, size_bytes);
    return 0;
  }
  const absl::string_view mode = argc == 6 ? argv[5] : "";
  if ((command == "read" &&
       (mode == "fresh" || mode == "used" || mode == "direct")) ||
      (command == "write" && (mode == "none" || mode == "full"))) {
    const uint64_t size_bytes = std::strtoull(argv[3], nullptr, 10);
    const int num_threads = std::atoi(argv[4]);
    if (command == "read") {
      Read(argv[2], size_bytes, num_threads, mode);
    } else {
      Write(argv[2], size_bytes, num_threads, mode == "full");
    }
    return 0;
  }
  std::fputs(
      "usage: time_ceiling touch BYTES\n"
      "       time_ceiling read FILE BYTES THREADS fresh|used|direct\n"
      "       time_ceiling write FILE BYTES THREADS none|full\n",
      stderr);
  return 2;
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) { return ferry::Run(argc, argv); }
