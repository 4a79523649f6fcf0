// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/extent_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/backend.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/transfer/byte_order.h"
#include "ferry/serialization/transfer/scratch_pool.h"
#include "ferry/serialization/transfer/staged_copy.h"
#include "ferry/serialization/transfer/stream_pool.h"
#include "ferry/serialization/transfer/task_order.h"
#include "ferry/serialization/transfer/transfer_meter.h"
#include "ferry/serialization/transfer/tuning.h"

namespace ferry {
inline namespace v1 {
namespace {

// Extents of less than this are read together with their neighbours.
constexpr uint64_t kSmallBytes = uint64_t{256} << 10;
// A batch is at most this large.
constexpr uint64_t kBatchBytes = uint64_t{256} << 10;
// A larger gap between two extents is not read.
constexpr uint64_t kMaxGapBytes = uint64_t{64} << 10;

// A piece of work for one thread.
struct Task {
  // The task does reads [first, last) in the order of the files.
  size_t first = 0;
  size_t last = 0;
  // Whether it is a piece of one large extent. If not, it is a batch, or an
  // extent that is inflated.
  bool is_piece = false;
  // Where the contents of a piece's extent begin in the file, once that has
  // been looked for.
  std::optional<uint64_t> contents_offset;
  // The bytes [begin, end) of the contents, for a piece, or of the file, for a
  // batch.
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t crc32 = 0;  // of those bytes, once it is done
};

class Reader {
 public:
  Reader(absl::Span<const RandomAccessFile* const> files,
         absl::Span<const ExtentRead> reads, const ExtentReadOptions& options)
      : files_(files),
        reads_(reads),
        options_(options),
        chunks_(kChunkBytes),
        meter_(options.control) {}

  absl::Status Run();

 private:
  // The i-th read in the order of the files.
  const ExtentRead& read(size_t i) const { return reads_[order_[i]]; }
  const Extent& extent(size_t i) const { return *read(i).extent; }
  const RandomAccessFile& FileOf(const Extent& extent) const {
    return *files_[extent.file];
  }

  // What went wrong with a transfer, with the file that its bytes come from.
  absl::Status InFile(const Extent& extent, const absl::Status& status) const {
    if (status.ok()) return status;
    return absl::Status(status.code(), absl::StrCat(FileOf(extent).name(), ": ",
                                                    status.message()));
  }
  absl::Status CheckCancelled(const Extent& extent) const;

  // Whether the checksum of an extent is to be computed.
  bool Verifies(const Extent& extent) const {
    return options_.verify_crc32 && extent.has_crc32;
  }
  // How much of the contents has to be read.
  uint64_t WantedBytes(const Extent& extent) const {
    return Verifies(extent) ? extent.contents_bytes : extent.size_bytes;
  }

  void SortByBegin();
  void Plan();
  void PlanPieces(size_t i);
  absl::Status FindContentsOf(size_t first_task);
  absl::Status RunTask(Task* task);
  absl::Status RunBatch(const Task& task);
  void CheckInPlace(Task* task) const;
  absl::Status RunPiece(Task* task);
  // Reports its progress itself.
  absl::Status RunInflate(const ExtentRead& read);
  absl::Status Deliver(const ExtentRead& read, absl::string_view bytes,
                       StagedWriter* staged);
  absl::Status ReadChunks(Task* task, uint64_t at, uint64_t end, char* bytes);
  absl::Status ReadToDevice(Task* task, uint64_t end);
  absl::Status CheckPieces() const;
  bool IsSerial() const;
  std::vector<size_t> OrderOfTasks() const;

  const absl::Span<const RandomAccessFile* const> files_;
  const absl::Span<const ExtentRead> reads_;
  const ExtentReadOptions& options_;
  std::vector<uint32_t> order_;  // of the reads, by where they stand
  std::vector<Task> tasks_;
  std::unique_ptr<ScratchPool> batches_;  // of the largest batch's size
  ScratchPool chunks_;
  TransferMeter meter_;
  StreamPool streams_;
};

void Reader::PlanPieces(size_t i) {
  const Extent& extent = this->extent(i);
  Task task;
  task.first = i;
  task.last = i + 1;
  if (extent.encoding != Encoding::kStored) {
    tasks_.push_back(task);
    return;
  }
  task.is_piece = true;
  if (extent.find_contents == nullptr) task.contents_offset = extent.begin;
  const uint64_t wanted = WantedBytes(extent);
  for (task.begin = 0; task.begin < wanted; task.begin = task.end) {
    task.end = std::min(wanted, task.begin + kPieceBytes);
    tasks_.push_back(task);
  }
}

// Says where the contents of a task's extent begin, if it is a large one, to
// all tasks for it. The first of them is given first.
absl::Status Reader::FindContentsOf(size_t first_task) {
  const Task& first = tasks_[first_task];
  if (!first.is_piece || first.contents_offset.has_value()) {
    return absl::OkStatus();
  }
  const size_t i = first.first;
  FERRY_ASSIGN_OR_RETURN(const uint64_t offset,
                         FindContents(FileOf(extent(i)), extent(i)));
  for (size_t k = first_task;
       k < tasks_.size() && tasks_[k].is_piece && tasks_[k].first == i; ++k) {
    tasks_[k].contents_offset = offset;
  }
  return absl::OkStatus();
}

void Reader::SortByBegin() {
  // The sort looks at this alone, not at the extents.
  struct Place {
    uint64_t begin;
    uint32_t file;
    uint32_t read;
  };
  std::vector<Place> places;
  places.reserve(reads_.size());
  for (uint32_t i = 0; i < reads_.size(); ++i) {
    places.push_back({reads_[i].extent->begin, reads_[i].extent->file, i});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.file, a.begin) < std::tie(b.file, b.begin);
  });
  for (size_t i = 0; i < places.size(); ++i) order_[i] = places[i].read;
}

void Reader::Plan() {
  order_.resize(reads_.size());
  std::iota(order_.begin(), order_.end(), 0);
  const auto stands_before = [this](uint32_t a, uint32_t b) {
    const Extent& first = *reads_[a].extent;
    const Extent& second = *reads_[b].extent;
    return std::tie(first.file, first.begin) <
           std::tie(second.file, second.begin);
  };
  if (!std::is_sorted(order_.begin(), order_.end(), stands_before)) {
    SortByBegin();
  }
  uint64_t largest_batch_bytes = 0;
  uint64_t total_bytes = 0;
  for (size_t i = 0; i < order_.size();) {
    const Extent& first = extent(i);
    total_bytes += first.size_bytes;
    const uint64_t begin = first.begin;
    if (first.end - begin >= kSmallBytes ||
        first.encoding != Encoding::kStored) {
      PlanPieces(i);
      ++i;
      continue;
    }
    Task batch;
    batch.first = i;
    uint64_t end = first.end;
    for (++i; i < order_.size(); ++i) {
      const Extent& next = extent(i);
      if (next.file != first.file || next.encoding != Encoding::kStored ||
          next.end - begin > kBatchBytes ||
          (next.begin > end && next.begin - end > kMaxGapBytes)) {
        break;
      }
      end = std::max(end, next.end);
      total_bytes += next.size_bytes;
    }
    batch.last = i;
    batch.begin = begin;
    batch.end = end;
    largest_batch_bytes = std::max(largest_batch_bytes, end - begin);
    tasks_.push_back(batch);
  }
  batches_ = std::make_unique<ScratchPool>(largest_batch_bytes);
  meter_.set_total_bytes(total_bytes);
}

// Puts the complete bytes of an extent where they belong.
absl::Status Reader::Deliver(const ExtentRead& read, absl::string_view bytes,
                             StagedWriter* staged) {
  const uint64_t unit = read.extent->swap_unit_bytes;
  if (bytes.empty() || read.in_place) return absl::OkStatus();
  if (read.host != nullptr) {
    std::memcpy(read.host, bytes.data(), bytes.size());
    SwapByteOrder(read.host, bytes.size(), unit);
    return absl::OkStatus();
  }
  if (read.device.backend != nullptr) {
    const Extent& extent = *read.extent;
    FERRY_RETURN_IF_ERROR(
        InFile(extent, staged->Begin(read.device, extent.name, unit)));
    return InFile(extent, staged->Append(bytes));
  }
  if (unit == 1) return read.consume(0, bytes);
  // Another read may want the same bytes as they are.
  std::string swapped(bytes);
  SwapByteOrder(&swapped[0], swapped.size(), unit);
  return read.consume(0, swapped);
}

absl::Status Reader::RunBatch(const Task& task) {
  const RandomAccessFile& file = FileOf(extent(task.first));
  const ScratchPool::Buffer buffer = batches_->Take();
  FERRY_RETURN_IF_ERROR(file.ReadAt(
      task.begin, absl::MakeSpan(buffer.data(), task.end - task.begin)));
  StagedWriter staged(&streams_);
  for (size_t i = task.first; i < task.last; ++i) {
    const Extent& extent = this->extent(i);
    const char* bytes = buffer.data() + (extent.begin - task.begin);
    FERRY_ASSIGN_OR_RETURN(
        const uint64_t contents,
        FindContents(file, extent, {bytes, extent.end - extent.begin}));
    bytes += contents - extent.begin;
    if (Verifies(extent)) {
      FERRY_RETURN_IF_ERROR(
          CheckCrc32(file, extent, Crc32({bytes, extent.contents_bytes})));
    }
    FERRY_RETURN_IF_ERROR(
        Deliver(read(i), {bytes, extent.size_bytes}, &staged));
  }
  return InFile(extent(task.first), staged.Flush());
}

// Reads a part of the contents into `bytes`, in chunks that stay in the cache,
// and reverses the byte order.
absl::Status Reader::ReadChunks(Task* task, uint64_t at, uint64_t end,
                                char* bytes) {
  const Extent& extent = this->extent(task->first);
  for (; at < end;) {
    const uint64_t size = std::min(kChunkBytes, end - at);
    FERRY_RETURN_IF_ERROR(FileOf(extent).ReadAt(*task->contents_offset + at,
                                                absl::MakeSpan(bytes, size)));
    if (Verifies(extent)) {
      task->crc32 = Crc32Extend(task->crc32, {bytes, size});
    }
    SwapByteOrder(bytes, size, extent.swap_unit_bytes);
    bytes += size;
    at += size;
  }
  return absl::OkStatus();
}

// The part [begin, end) of the contents straight into a stream's buffers: while
// the device takes one, the next is read.
absl::Status Reader::ReadToDevice(Task* task, uint64_t end) {
  const ExtentRead& read = this->read(task->first);
  const Extent& extent = *read.extent;
  absl::StatusOr<StreamPool::Lease> stream =
      streams_.Take(*read.device.backend, read.device.index);
  if (!stream.ok()) return InFile(extent, stream.status());
  const uint64_t buffer_bytes = UsableBytes((*stream)->buffer_bytes());
  for (uint64_t at = task->begin; at < end;) {
    const uint64_t size = std::min(buffer_bytes, end - at);
    const absl::StatusOr<char*> buffer = (*stream)->NextBuffer();
    if (!buffer.ok()) return InFile(extent, buffer.status());
    FERRY_RETURN_IF_ERROR(ReadChunks(task, at, at + size, *buffer));
    TransferPiece piece;
    piece.memory = read.device.memory;
    piece.offset_bytes = read.device.offset_bytes + at;
    piece.size_bytes = size;
    piece.name = extent.name;
    FERRY_RETURN_IF_ERROR(
        InFile(extent, (*stream)->ToDevice(*buffer, {piece})));
    at += size;
  }
  return absl::OkStatus();
}

// Computes the checksum of a part of a mapped file, whose pages need not be
// copied.
void Reader::CheckInPlace(Task* task) const {
  const Extent& extent = this->extent(task->first);
  task->crc32 =
      Crc32({FileOf(extent).data() + *task->contents_offset + task->begin,
             task->end - task->begin});
}

absl::Status Reader::RunPiece(Task* task) {
  const ExtentRead& read = this->read(task->first);
  if (read.in_place) {
    CheckInPlace(task);
    return absl::OkStatus();
  }
  // What is past the storage's bytes is read for the checksum alone.
  const uint64_t wanted_end =
      std::max(task->begin, std::min(task->end, read.extent->size_bytes));
  uint64_t at = task->begin;
  if (read.host != nullptr) {
    FERRY_RETURN_IF_ERROR(ReadChunks(task, at, wanted_end, read.host + at));
    at = wanted_end;
  } else if (read.device.backend != nullptr && at < wanted_end) {
    FERRY_RETURN_IF_ERROR(ReadToDevice(task, wanted_end));
    at = wanted_end;
  }
  if (at == task->end) return absl::OkStatus();
  const ScratchPool::Buffer buffer = chunks_.Take();
  while (at < task->end) {
    const bool is_wanted = at < wanted_end;
    const uint64_t size =
        std::min(kChunkBytes, (is_wanted ? wanted_end : task->end) - at);
    FERRY_RETURN_IF_ERROR(ReadChunks(task, at, at + size, buffer.data()));
    if (is_wanted) {
      FERRY_RETURN_IF_ERROR(read.consume(at, {buffer.data(), size}));
    }
    at += size;
  }
  return absl::OkStatus();
}

absl::Status Reader::RunInflate(const ExtentRead& read) {
  const Extent& extent = *read.extent;
  const RandomAccessFile& file = FileOf(extent);
  const bool is_for_device = read.device.backend != nullptr;
  StagedWriter staged(&streams_);
  Memory whole;  // what is to be consumed, once its checksum is known
  char* bytes = read.host;
  if (extent.size_bytes != 0 && is_for_device) {
    FERRY_RETURN_IF_ERROR(InFile(extent, staged.Begin(read.device, extent.name,
                                                      extent.swap_unit_bytes)));
  } else if (extent.size_bytes != 0 && bytes == nullptr) {
    FERRY_RETURN_IF_ERROR(AllocateHostMemory({extent.size_bytes}, {&whole, 1}));
    bytes = static_cast<char*>(whole.data);
  }
  uint64_t filled = 0;
  uint64_t reported = 0;        // of those
  uint64_t inflated_bytes = 0;  // since somebody was asked
  FERRY_ASSIGN_OR_RETURN(
      const uint32_t crc32,
      InflateExtent(file, extent, [&](absl::string_view piece) {
        inflated_bytes += piece.size();
        if (inflated_bytes >= kPieceBytes) {
          inflated_bytes = 0;
          FERRY_RETURN_IF_ERROR(CheckCancelled(extent));
          meter_.Add(filled - reported);
          reported = filled;
        }
        piece = piece.substr(0, extent.size_bytes - filled);
        if (piece.empty()) return absl::OkStatus();
        if (!is_for_device) {
          std::memcpy(bytes + filled, piece.data(), piece.size());
        }
        filled += piece.size();
        return is_for_device ? InFile(extent, staged.Append(piece))
                             : absl::OkStatus();
      }));
  if (options_.verify_crc32) {
    FERRY_RETURN_IF_ERROR(CheckCrc32(file, extent, crc32));
  }
  if (is_for_device) {
    FERRY_RETURN_IF_ERROR(InFile(extent, staged.Flush()));
  } else {
    for (uint64_t at = 0; at < extent.size_bytes;) {
      FERRY_RETURN_IF_ERROR(CheckCancelled(extent));
      const uint64_t size = std::min(kPieceBytes, extent.size_bytes - at);
      SwapByteOrder(bytes + at, size, extent.swap_unit_bytes);
      if (read.consume) {
        FERRY_RETURN_IF_ERROR(read.consume(at, {bytes + at, size}));
      }
      at += size;
    }
  }
  meter_.Add(filled - reported);
  return absl::OkStatus();
}

absl::Status Reader::CheckCancelled(const Extent& extent) const {
  return meter_.IsCancelled()
             ? InFile(extent, absl::CancelledError("the load was cancelled"))
             : absl::OkStatus();
}

absl::Status Reader::RunTask(Task* task) {
  const Extent& first = extent(task->first);
  FERRY_RETURN_IF_ERROR(CheckCancelled(first));
  if (!task->is_piece && first.encoding == Encoding::kDeflated) {
    return RunInflate(read(task->first));
  }
  uint64_t bytes = 0;
  if (task->is_piece) {
    FERRY_RETURN_IF_ERROR(RunPiece(task));
    bytes = std::min(task->end, first.size_bytes) -
            std::min(task->begin, first.size_bytes);
  } else {
    FERRY_RETURN_IF_ERROR(RunBatch(*task));
    for (size_t i = task->first; i < task->last; ++i) {
      bytes += extent(i).size_bytes;
    }
  }
  meter_.Add(bytes);
  return absl::OkStatus();
}

bool Reader::IsSerial() const {
  return meter_.total_bytes() < kSerialBytes ||
         std::any_of(
             files_.begin(), files_.end(),
             [](const RandomAccessFile* file) { return file->is_serial(); });
}

// Returns the tasks in an order that keeps several devices busy. A batch counts
// as work for the device of its first extent.
std::vector<size_t> Reader::OrderOfTasks() const {
  std::map<std::pair<Backend*, int>, uint32_t> queues;
  std::vector<OrderedTask> tasks;
  tasks.reserve(tasks_.size());
  for (const Task& task : tasks_) {
    const DeviceAddress& device = read(task.first).device;
    const auto queue = static_cast<uint32_t>(queues.size());
    const auto found =
        queues.try_emplace({device.backend, device.index}, queue).first;
    // Of what is inflated, only the size of the contents is known.
    const uint64_t size = task.end != 0 ? task.end - task.begin
                                        : extent(task.first).contents_bytes;
    tasks.push_back({found->second, size});
  }
  return SpreadOverQueues(tasks);
}

// Compares the checksums of extents that were read in pieces, which follow each
// other.
absl::Status Reader::CheckPieces() const {
  for (size_t i = 0; i < tasks_.size();) {
    const Task& first = tasks_[i];
    const Extent& extent = this->extent(first.first);
    if (!first.is_piece || !Verifies(extent)) {
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
    FERRY_RETURN_IF_ERROR(CheckCrc32(FileOf(extent), extent, crc32));
  }
  return absl::OkStatus();
}

absl::Status Reader::Run() {
  Plan();
  if (IsSerial()) {
    // The tasks go from the front of each file to its back.
    for (size_t i = 0; i < tasks_.size(); ++i) {
      FERRY_RETURN_IF_ERROR(FindContentsOf(i));
      FERRY_RETURN_IF_ERROR(RunTask(&tasks_[i]));
    }
  } else {
    for (size_t i = 0; i < tasks_.size(); ++i) {
      FERRY_RETURN_IF_ERROR(FindContentsOf(i));
    }
    const std::vector<size_t> order = OrderOfTasks();
    FERRY_RETURN_IF_ERROR(
        ParallelForEach(static_cast<int64_t>(order.size()),
                        [&](int64_t i) { return RunTask(&tasks_[order[i]]); }));
  }
  if (!reads_.empty()) {
    FERRY_RETURN_IF_ERROR(InFile(*reads_[0].extent, streams_.Finish()));
  }
  return CheckPieces();
}

}  // namespace

absl::Status ReadExtents(absl::Span<const RandomAccessFile* const> files,
                         absl::Span<const ExtentRead> reads,
                         const ExtentReadOptions& options) {
  return Reader(files, reads, options).Run();
}

}  // namespace v1
}  // namespace ferry
