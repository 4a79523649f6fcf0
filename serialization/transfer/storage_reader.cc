// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/storage_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/transfer/byte_order.h"
#include "ferry/serialization/transfer/scratch_pool.h"
#include "ferry/serialization/zip/inflate.h"

namespace ferry {
namespace {

// Records of less than this are read together with their neighbours.
constexpr uint64_t kSmallBytes = uint64_t{256} << 10;
// At most this much at once, and across gaps of at most so much.
constexpr uint64_t kBatchBytes = uint64_t{256} << 10;
constexpr uint64_t kMaxGapBytes = uint64_t{64} << 10;

// What one thread takes of a large record.
constexpr uint64_t kPieceBytes = uint64_t{8} << 20;
// What is read before it is checksummed: it fits the second-level cache, and
// smaller reads cost more calls. A multiple of every unit of byte order.
constexpr uint64_t kChunkBytes = uint64_t{512} << 10;

// Below this, threads cost more than they bring.
constexpr uint64_t kSerialBytes = uint64_t{16} << 20;

// Whether the bytes go straight to `memory.data`.
bool IsIntoHostMemory(const StorageRead& read) {
  return read.backend == nullptr && !read.consume;
}

// Hands on a piece of a storage, in its final byte order, that goes elsewhere.
absl::Status Deliver(const StorageRead& read, uint64_t offset_bytes,
                     absl::string_view bytes) {
  if (read.consume) return read.consume(offset_bytes, bytes);
  return read.backend->CopyFromHost(bytes.data(), read.memory, offset_bytes,
                                    bytes.size());
}

// The bytes of the file that belong to a source.
uint64_t Begin(const StorageSource& source) {
  return source.entry != nullptr ? source.entry->header_offset
                                 : source.offset_bytes;
}
uint64_t End(const StorageSource& source) {
  return source.entry != nullptr ? source.entry->end_offset
                                 : source.offset_bytes + source.size_bytes;
}

// A piece of work for one thread.
struct Task {
  // Reads [first, last) in the order of the file. More than one: a batch.
  size_t first = 0;
  size_t last = 0;
  // Of a piece of a large record: which of its bytes, and where the record's
  // contents begin in the file.
  bool is_piece = false;
  std::optional<uint64_t> contents_offset;  // until it has been looked for
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t crc32 = 0;  // of those bytes, once it is done
};

class Reader {
 public:
  Reader(const ReadableBytes& file, absl::Span<const StorageRead> reads,
         const StorageReadOptions& options)
      : file_(file),
        reads_(reads),
        options_(options),
        order_(options.scratch),
        chunks_(kChunkBytes) {}

  absl::Status Run();

 private:
  const StorageRead& read(size_t i) const { return reads_[order_[i]]; }

  // Whether the checksum of a source is to be computed.
  bool Verifies(const StorageSource& source) const {
    return options_.verify_crc32 && source.entry != nullptr &&
           source.entry->crc32 != 0;
  }
  // How much of the record has to be read.
  uint64_t WantedBytes(const StorageSource& source) const {
    return Verifies(source) ? source.entry->size_bytes : source.size_bytes;
  }

  void SortByBegin();
  void Plan();
  void PlanPieces(size_t i);
  absl::Status FindContents(size_t first_task);
  absl::Status RunTask(Task* task);
  absl::Status RunBatch(const Task& task);
  absl::Status RunPiece(Task* task);
  absl::Status RunInflate(const StorageRead& read);
  absl::Status FinishFromHost(const StorageRead& read, char* bytes);
  void Report(uint64_t bytes);

  const ReadableBytes& file_;
  const absl::Span<const StorageRead> reads_;
  const StorageReadOptions& options_;
  std::pmr::vector<uint32_t> order_;  // of the reads, by where they stand
  std::vector<Task> tasks_;
  uint64_t total_bytes_ = 0;
  std::unique_ptr<ScratchPool> batches_;  // of the largest batch's size
  ScratchPool chunks_;
  std::mutex progress_mutex_;
  uint64_t done_bytes_ = 0;  // guarded by progress_mutex_
};

void Reader::PlanPieces(size_t i) {
  const StorageSource& source = read(i).source;
  Task task;
  task.first = i;
  task.last = i + 1;
  if (source.entry != nullptr && source.entry->deflated) {
    tasks_.push_back(task);
    return;
  }
  task.is_piece = true;
  if (source.entry == nullptr) task.contents_offset = source.offset_bytes;
  const uint64_t wanted = WantedBytes(source);
  for (task.begin = 0; task.begin < wanted; task.begin = task.end) {
    task.end = std::min(wanted, task.begin + kPieceBytes);
    tasks_.push_back(task);
  }
}

// Says where the contents of a task's record begin, if it is a large one, to
// all tasks for it. The first of them is given first.
absl::Status Reader::FindContents(size_t first_task) {
  const Task& first = tasks_[first_task];
  if (!first.is_piece || first.contents_offset.has_value()) {
    return absl::OkStatus();
  }
  const size_t record = first.first;
  FERRY_ASSIGN_OR_RETURN(const uint64_t offset,
                         zip::FindContents(file_, *read(record).source.entry));
  for (size_t i = first_task;
       i < tasks_.size() && tasks_[i].is_piece && tasks_[i].first == record;
       ++i) {
    tasks_[i].contents_offset = offset;
  }
  return absl::OkStatus();
}

void Reader::SortByBegin() {
  // With what is compared beside it, so that nothing else is looked at.
  struct Place {
    uint64_t begin;
    uint32_t read;
  };
  std::pmr::vector<Place> places(options_.scratch);
  places.reserve(reads_.size());
  for (uint32_t i = 0; i < reads_.size(); ++i) {
    places.push_back({Begin(reads_[i].source), i});
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.begin < b.begin; });
  for (size_t i = 0; i < places.size(); ++i) order_[i] = places[i].read;
}

void Reader::Plan() {
  order_.resize(reads_.size());
  std::iota(order_.begin(), order_.end(), 0);
  const auto stands_before = [this](uint32_t a, uint32_t b) {
    return Begin(reads_[a].source) < Begin(reads_[b].source);
  };
  if (!std::is_sorted(order_.begin(), order_.end(), stands_before)) {
    SortByBegin();
  }
  uint64_t largest_batch_bytes = 0;
  for (size_t i = 0; i < order_.size();) {
    const StorageSource& source = read(i).source;
    total_bytes_ += source.size_bytes;
    const uint64_t begin = Begin(source);
    if (End(source) - begin >= kSmallBytes ||
        (source.entry != nullptr && source.entry->deflated)) {
      PlanPieces(i);
      ++i;
      continue;
    }
    Task batch;
    batch.first = i;
    uint64_t end = End(source);
    for (++i; i < order_.size(); ++i) {
      const StorageSource& next = read(i).source;
      if ((next.entry != nullptr && next.entry->deflated) ||
          End(next) - begin > kBatchBytes ||
          (Begin(next) > end && Begin(next) - end > kMaxGapBytes)) {
        break;
      }
      end = std::max(end, End(next));
      total_bytes_ += next.size_bytes;
    }
    batch.last = i;
    batch.begin = begin;
    batch.end = end;
    largest_batch_bytes = std::max(largest_batch_bytes, end - begin);
    tasks_.push_back(batch);
  }
  batches_ = std::make_unique<ScratchPool>(largest_batch_bytes);
}

// Puts the complete bytes of a storage, which `bytes` may hold already, where
// they belong.
absl::Status Reader::FinishFromHost(const StorageRead& read, char* bytes) {
  const uint64_t size = read.source.size_bytes;
  if (size == 0) return absl::OkStatus();
  if (!IsIntoHostMemory(read)) {
    if (read.source.swap_unit_bytes == 1)
      return Deliver(read, 0, {bytes, size});
    // Another read may want the same bytes as they are.
    std::string turned(bytes, size);
    SwapByteOrder(&turned[0], size, read.source.swap_unit_bytes);
    return Deliver(read, 0, turned);
  }
  char* const to = static_cast<char*>(read.memory.data);
  if (to != bytes) std::memcpy(to, bytes, size);
  SwapByteOrder(to, size, read.source.swap_unit_bytes);
  return absl::OkStatus();
}

absl::Status Reader::RunBatch(const Task& task) {
  const ScratchPool::Buffer buffer = batches_->Take();
  FERRY_RETURN_IF_ERROR(file_.ReadAt(
      task.begin, absl::MakeSpan(buffer.data(), task.end - task.begin)));
  for (size_t i = task.first; i < task.last; ++i) {
    const StorageSource& source = read(i).source;
    char* bytes = buffer.data() + (Begin(source) - task.begin);
    if (source.entry != nullptr) {
      const absl::StatusOr<uint64_t> contents = zip::CheckLocalHeader(
          *source.entry, {bytes, End(source) - Begin(source)});
      if (!contents.ok()) {
        return absl::Status(
            contents.status().code(),
            absl::StrCat(file_.name(), ": ", contents.status().message()));
      }
      bytes += *contents;
      if (Verifies(source)) {
        FERRY_RETURN_IF_ERROR(zip::CheckCrc32(
            file_, *source.entry, Crc32({bytes, source.entry->size_bytes})));
      }
    }
    FERRY_RETURN_IF_ERROR(FinishFromHost(read(i), bytes));
  }
  return absl::OkStatus();
}

absl::Status Reader::RunPiece(Task* task) {
  const StorageRead& read = this->read(task->first);
  const StorageSource& source = read.source;
  const bool verifies = Verifies(source);
  for (uint64_t at = task->begin; at < task->end;) {
    // What is past the storage's end is read for the checksum alone.
    const bool is_wanted = at < source.size_bytes;
    const uint64_t stop = is_wanted ? source.size_bytes : task->end;
    const uint64_t size = std::min({kChunkBytes, task->end - at, stop - at});
    const bool is_direct = is_wanted && IsIntoHostMemory(read);
    std::unique_ptr<ScratchPool::Buffer> buffer;
    char* bytes;
    if (is_direct) {
      bytes = static_cast<char*>(read.memory.data) + at;
    } else {
      buffer = std::make_unique<ScratchPool::Buffer>(chunks_.Take());
      bytes = buffer->data();
    }
    FERRY_RETURN_IF_ERROR(
        file_.ReadAt(*task->contents_offset + at, absl::MakeSpan(bytes, size)));
    if (verifies) task->crc32 = Crc32Extend(task->crc32, {bytes, size});
    if (is_wanted) SwapByteOrder(bytes, size, source.swap_unit_bytes);
    if (is_wanted && !is_direct) {
      FERRY_RETURN_IF_ERROR(Deliver(read, at, {bytes, size}));
    }
    at += size;
  }
  return absl::OkStatus();
}

absl::Status Reader::RunInflate(const StorageRead& read) {
  const StorageSource& source = read.source;
  // The storage's own memory, or memory to hand it on from.
  MemoryRuns staging;
  char* bytes = static_cast<char*>(read.memory.data);
  if (!IsIntoHostMemory(read)) {
    FERRY_ASSIGN_OR_RETURN(staging, AllocateHostMemory({source.size_bytes}));
    bytes = static_cast<char*>(staging[0].data);
  }
  uint64_t filled = 0;
  FERRY_ASSIGN_OR_RETURN(
      const uint32_t crc32,
      zip::InflateEntry(file_, *source.entry, [&](absl::string_view piece) {
        piece = piece.substr(0, source.size_bytes - filled);
        if (!piece.empty()) {
          std::memcpy(bytes + filled, piece.data(), piece.size());
        }
        filled += piece.size();
        return absl::OkStatus();
      }));
  if (options_.verify_crc32) {
    FERRY_RETURN_IF_ERROR(zip::CheckCrc32(file_, *source.entry, crc32));
  }
  return FinishFromHost(read, bytes);
}

void Reader::Report(uint64_t bytes) {
  if (!options_.progress) return;
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  done_bytes_ += bytes;
  options_.progress(done_bytes_, total_bytes_);
}

absl::Status Reader::RunTask(Task* task) {
  if (options_.is_cancelled && options_.is_cancelled()) {
    return absl::CancelledError(
        absl::StrCat(file_.name(), ": the load was cancelled"));
  }
  uint64_t bytes = 0;
  if (task->is_piece) {
    FERRY_RETURN_IF_ERROR(RunPiece(task));
    const uint64_t size = read(task->first).source.size_bytes;
    bytes = std::min(task->end, size) - std::min(task->begin, size);
  } else {
    const StorageSource& source = read(task->first).source;
    if (source.entry != nullptr && source.entry->deflated) {
      FERRY_RETURN_IF_ERROR(RunInflate(read(task->first)));
    } else {
      FERRY_RETURN_IF_ERROR(RunBatch(*task));
    }
    for (size_t i = task->first; i < task->last; ++i) {
      bytes += read(i).source.size_bytes;
    }
  }
  Report(bytes);
  return absl::OkStatus();
}

absl::Status Reader::Run() {
  Plan();
  const auto run = [this](int64_t i) { return RunTask(&tasks_[i]); };
  const auto num_tasks = static_cast<int64_t>(tasks_.size());
  if (total_bytes_ < kSerialBytes || file_.is_serial()) {
    // From the front of the file to its back.
    for (int64_t i = 0; i < num_tasks; ++i) {
      FERRY_RETURN_IF_ERROR(FindContents(static_cast<size_t>(i)));
      FERRY_RETURN_IF_ERROR(run(i));
    }
  } else {
    for (size_t i = 0; i < tasks_.size(); ++i) {
      FERRY_RETURN_IF_ERROR(FindContents(i));
    }
    FERRY_RETURN_IF_ERROR(ParallelForEach(num_tasks, run));
  }
  // The pieces of a record follow each other.
  for (size_t i = 0; i < tasks_.size();) {
    const Task& first = tasks_[i];
    const StorageSource& source = read(first.first).source;
    if (!first.is_piece || !Verifies(source)) {
      ++i;
      continue;
    }
    uint32_t crc32 = 0;
    for (; i < tasks_.size() && tasks_[i].is_piece &&
           tasks_[i].first == first.first;
         ++i) {
      crc32 =
          Crc32Combine(crc32, tasks_[i].crc32, tasks_[i].end - tasks_[i].begin);
    }
    FERRY_RETURN_IF_ERROR(zip::CheckCrc32(file_, *source.entry, crc32));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadStorages(const ReadableBytes& file,
                          absl::Span<const StorageRead> reads,
                          const StorageReadOptions& options) {
  return Reader(file, reads, options).Run();
}

}  // namespace ferry
