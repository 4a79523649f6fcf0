// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/extent_writer.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/dtype.h"
#include "ferry/core/elements.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/transfer_stream.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/transfer/scratch_pool.h"
#include "ferry/serialization/transfer/staged_copy.h"
#include "ferry/serialization/transfer/stream_pool.h"
#include "ferry/serialization/transfer/task_order.h"
#include "ferry/serialization/transfer/transfer_meter.h"
#include "ferry/serialization/transfer/tuning.h"

namespace ferry {
inline namespace v1 {
namespace {

// Neighbours of at most this much together are written by one call.
constexpr uint64_t kBatchBytes = uint64_t{1} << 20;

// A piece of work for one thread: whole extents [first, last), or the bytes
// [begin, end) of the contents of extent `first`.
struct Task {
  size_t first = 0;
  size_t last = 0;
  bool is_piece = false;
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t crc32 = 0;  // of the piece, once it is done
};

// A large extent, which several tasks write.
struct LargeExtent {
  size_t first_task = 0;
  size_t last_task = 0;
  std::atomic<size_t> tasks_left{0};
};

class Writer {
 public:
  Writer(absl::Span<const OutputExtent> extents, const ExtentFraming& framing,
         const DeviceSnapshot& devices, const ExtentWriteOptions& options,
         const Output& output)
      : extents_(extents),
        framing_(framing),
        devices_(devices),
        options_(options),
        output_(output),
        crc32s_(extents.size(), 0),
        chunks_(kChunkBytes),
        meter_(options.control) {}

  absl::StatusOr<std::vector<uint32_t>> Run();

 private:
  void Plan();
  absl::Status InFile(const absl::Status& status) const;
  absl::Status OfExtent(size_t i, const absl::Status& status) const;
  const char* HostContents(size_t i) const;
  absl::StatusOr<StorageCopier> CopierOf(size_t i) const;
  absl::Status CopyByPackage(size_t i, const StorageCopier& copier, uint64_t at,
                             char* to, uint64_t size_bytes) const;
  absl::Status CheckCancelled() const;
  absl::Status VisitContents(size_t i, ElementVisitor visit) const;
  absl::Status RunTask(Task* task);
  absl::Status RunBatch(const Task& task);
  absl::Status RunPiece(Task* task);
  absl::Status Put(Task* task, uint64_t at, absl::string_view bytes);
  absl::Status WriteBytes(Task* task);
  absl::Status WriteFromPackage(Task* task, const StorageCopier& copier);
  absl::Status WriteFromDevice(Task* task, Backend* backend);
  absl::Status WriteElements(Task* task);
  absl::Status FinishLarge(const LargeExtent& large);
  std::vector<size_t> OrderOfTasks() const;

  const absl::Span<const OutputExtent> extents_;
  const ExtentFraming& framing_;
  const DeviceSnapshot& devices_;
  const ExtentWriteOptions& options_;
  const Output& output_;
  std::vector<uint32_t> crc32s_;
  std::vector<Task> tasks_;
  HashMap<size_t, std::unique_ptr<LargeExtent>> large_extents_;
  std::unique_ptr<ScratchPool> batches_;  // of the largest batch's size
  ScratchPool chunks_;
  TransferMeter meter_;
  StreamPool streams_;
};

void Writer::Plan() {
  uint64_t largest_batch_bytes = 0;
  for (size_t i = 0; i < extents_.size();) {
    const uint64_t begin = extents_[i].begin;
    Task task;
    task.first = i;
    if (extents_[i].end - begin <= kBatchBytes || extents_[i].size_bytes == 0) {
      do {
        ++i;
      } while (i < extents_.size() && extents_[i].end - begin <= kBatchBytes);
      task.last = i;
      largest_batch_bytes =
          std::max(largest_batch_bytes, extents_[i - 1].end - begin);
      tasks_.push_back(task);
      continue;
    }
    auto large = std::make_unique<LargeExtent>();
    large->first_task = tasks_.size();
    task.last = i + 1;
    task.is_piece = true;
    const uint64_t size = extents_[i].size_bytes;
    const uint64_t piece_bytes =
        extents_[i].elements != nullptr ? size : kPieceBytes;
    for (task.begin = 0; task.begin < size; task.begin = task.end) {
      task.end = std::min(size, task.begin + piece_bytes);
      tasks_.push_back(task);
    }
    large->last_task = tasks_.size();
    large->tasks_left = large->last_task - large->first_task;
    large_extents_.emplace(i, std::move(large));
    ++i;
  }
  batches_ = std::make_unique<ScratchPool>(largest_batch_bytes);
  if (extents_.empty()) return;
  meter_.set_total_bytes(extents_.back().end - extents_[0].begin);
}

// Adds the name of the file to an error.
absl::Status Writer::InFile(const absl::Status& status) const {
  if (status.ok() || output_.name().empty()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(output_.name(), ": ", status.message()));
}

// Adds the names of the file and of an extent to an error.
absl::Status Writer::OfExtent(size_t i, const absl::Status& status) const {
  if (status.ok()) return status;
  return InFile(absl::Status(
      status.code(), absl::StrCat(framing_.Name(i), ": ", status.message())));
}

// Returns where the contents of an extent without elements are in host memory,
// or null if they are elsewhere.
const char* Writer::HostContents(size_t i) const {
  const OutputExtent& extent = extents_[i];
  const Storage& storage = extent.storage;
  if (storage.is_null()) return extent.text.data();
  if (!storage.has_data()) return nullptr;
  if (!storage.device().is_cpu()) {
    const std::shared_ptr<Backend> backend =
        devices_.FindBackend(storage.device().type());
    if (backend == nullptr || !backend->is_host_memory()) return nullptr;
  }
  return static_cast<const char*>(storage.data()) + extent.storage_offset_bytes;
}

// Returns who copies the contents of an extent whose storage is not in host
// memory.
absl::StatusOr<StorageCopier> Writer::CopierOf(size_t i) const {
  const OutputExtent& extent = extents_[i];
  absl::StatusOr<StorageCopier> copier = devices_.FindCopier(
      extent.storage, extent.storage_offset_bytes, extent.size_bytes);
  if (!copier.ok()) return OfExtent(i, copier.status());
  return copier;
}

// Copies `size_bytes` from the offset `at` of an extent's contents to the host,
// by the program's own package.
absl::Status Writer::CopyByPackage(size_t i, const StorageCopier& copier,
                                   uint64_t at, char* to,
                                   uint64_t size_bytes) const {
  const OutputExtent& extent = extents_[i];
  return OfExtent(
      i, CopyToHost(copier, extent.storage, extent.storage_offset_bytes + at,
                    to, size_bytes));
}

absl::Status Writer::CheckCancelled() const {
  return meter_.IsCancelled()
             ? InFile(absl::CancelledError("the save was cancelled"))
             : absl::OkStatus();
}

// Passes the contents of an extent with elements to `visit`.
absl::Status Writer::VisitContents(size_t i, ElementVisitor visit) const {
  Tensor tensor = *extents_[i].elements;
  if (!tensor.device().is_cpu()) {
    // What the view spans, brought to the host.
    FERRY_ASSIGN_OR_RETURN(
        const uint64_t span_bytes,
        ViewSizeBytes(tensor.dtype(), tensor.shape(), tensor.strides(), 0));
    FERRY_ASSIGN_OR_RETURN(const Storage staging,
                           Storage::Allocate(span_bytes));
    const uint64_t begin = static_cast<uint64_t>(tensor.storage_offset()) *
                           ElementSizeBytes(tensor.dtype());
    FERRY_ASSIGN_OR_RETURN(
        const StorageCopier copier,
        devices_.FindCopier(tensor.storage(), begin, span_bytes));
    for (uint64_t at = 0; at < span_bytes; at += kPieceBytes) {
      FERRY_RETURN_IF_ERROR(CheckCancelled());
      FERRY_RETURN_IF_ERROR(CopyToHost(copier, tensor.storage(), begin + at,
                                       static_cast<char*>(staging.data()) + at,
                                       std::min(kPieceBytes, span_bytes - at)));
    }
    FERRY_ASSIGN_OR_RETURN(
        tensor, Tensor::Create(staging, tensor.dtype(), tensor.shape(),
                               tensor.strides(), 0));
    tensor.set_conj(extents_[i].elements->is_conj(), InternalKey());
    tensor.set_neg(extents_[i].elements->is_neg(), InternalKey());
  }
  return VisitElements(tensor,
                       {static_cast<const char*>(tensor.storage().data()),
                        tensor.storage().size_bytes()},
                       visit);
}

absl::Status Writer::RunBatch(const Task& task) {
  const ScratchPool::Buffer buffer = batches_->Take();
  const uint64_t begin = extents_[task.first].begin;
  const auto copy = [](absl::string_view bytes, char* to) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  };
  std::deque<std::string> names;  // outlive `staged`, which refers to them
  StagedReader staged(&streams_);
  for (size_t i = task.first; i < task.last; ++i) {
    const OutputExtent& extent = extents_[i];
    char* next = buffer.data() + (extent.contents_offset - begin);
    if (extent.size_bytes == 0) continue;
    if (extent.elements != nullptr) {
      FERRY_RETURN_IF_ERROR(
          OfExtent(i, VisitContents(i, [&](absl::string_view bytes) {
                     copy(bytes, next);
                     next += bytes.size();
                     return absl::OkStatus();
                   })));
    } else if (const char* const contents = HostContents(i)) {
      copy({contents, extent.size_bytes}, next);
    } else {
      FERRY_ASSIGN_OR_RETURN(const StorageCopier copier, CopierOf(i));
      if (copier.backend == nullptr) {
        FERRY_RETURN_IF_ERROR(
            CopyByPackage(i, copier, 0, next, extent.size_bytes));
        continue;
      }
      FERRY_RETURN_IF_ERROR(InFile(staged.Read(
          AddressOf(copier.backend, extent.storage,
                    extent.storage_offset_bytes),
          names.emplace_back(framing_.Name(i)), next, extent.size_bytes)));
    }
  }
  FERRY_RETURN_IF_ERROR(InFile(staged.Flush()));
  for (size_t i = task.first; i < task.last; ++i) {
    const OutputExtent& extent = extents_[i];
    char* const contents = buffer.data() + (extent.contents_offset - begin);
    if (options_.compute_crc32) {
      crc32s_[i] = Crc32({contents, extent.size_bytes});
    }
    copy(framing_.Head(i), buffer.data() + (extent.begin - begin));
    copy(framing_.Tail(i, crc32s_[i]), contents + extent.size_bytes);
  }
  const uint64_t size = extents_[task.last - 1].end - begin;
  return size == 0 ? absl::OkStatus()
                   : output_.Write(begin, {buffer.data(), size});
}

// Writes a run of an extent's contents, and adds it to the task's checksum.
absl::Status Writer::Put(Task* task, uint64_t at, absl::string_view bytes) {
  if (options_.compute_crc32) task->crc32 = Crc32Extend(task->crc32, bytes);
  return output_.Write(extents_[task->first].contents_offset + at, bytes);
}

absl::Status Writer::WriteBytes(Task* task) {
  const char* const contents = HostContents(task->first);
  if (contents == nullptr) {
    FERRY_ASSIGN_OR_RETURN(const StorageCopier copier, CopierOf(task->first));
    return copier.backend == nullptr ? WriteFromPackage(task, copier)
                                     : WriteFromDevice(task, copier.backend);
  }
  // Chunks serve the checksum: it is computed while a chunk is in the cache.
  const uint64_t chunk_bytes =
      options_.compute_crc32 ? kChunkBytes : kPieceBytes;
  for (uint64_t at = task->begin; at < task->end;) {
    const uint64_t size = std::min(chunk_bytes, task->end - at);
    FERRY_RETURN_IF_ERROR(Put(task, at, {contents + at, size}));
    at += size;
  }
  return absl::OkStatus();
}

absl::Status Writer::WriteFromPackage(Task* task, const StorageCopier& copier) {
  const ScratchPool::Buffer buffer = chunks_.Take();
  for (uint64_t at = task->begin; at < task->end;) {
    const uint64_t size = std::min(kChunkBytes, task->end - at);
    FERRY_RETURN_IF_ERROR(
        CopyByPackage(task->first, copier, at, buffer.data(), size));
    FERRY_RETURN_IF_ERROR(Put(task, at, {buffer.data(), size}));
    at += size;
  }
  return absl::OkStatus();
}

// While one buffer is written, the device fills the next.
absl::Status Writer::WriteFromDevice(Task* task, Backend* backend) {
  const OutputExtent& extent = extents_[task->first];
  const DeviceAddress place =
      AddressOf(backend, extent.storage, extent.storage_offset_bytes);
  const std::string name = framing_.Name(task->first);
  absl::StatusOr<StreamPool::Lease> lease =
      streams_.Take(*place.backend, place.index);
  if (!lease.ok()) return OfExtent(task->first, lease.status());
  TransferStream& stream = **lease;
  // What is on the way.
  char* pending = nullptr;
  uint64_t pending_at = task->begin;
  uint64_t pending_bytes = 0;
  const auto put_pending = [&]() -> absl::Status {
    if (pending == nullptr) return absl::OkStatus();
    FERRY_RETURN_IF_ERROR(InFile(stream.Wait(pending)));
    for (uint64_t done = 0; done < pending_bytes;) {
      const uint64_t size = std::min(kChunkBytes, pending_bytes - done);
      FERRY_RETURN_IF_ERROR(
          Put(task, pending_at + done, {pending + done, size}));
      done += size;
    }
    return absl::OkStatus();
  };
  const auto copy_all = [&]() -> absl::Status {
    for (uint64_t at = task->begin; at < task->end;) {
      const uint64_t size = std::min(stream.buffer_bytes(), task->end - at);
      const absl::StatusOr<char*> next = stream.NextBuffer();
      if (!next.ok()) return InFile(next.status());
      char* const buffer = *next;
      TransferPiece piece;
      piece.memory = place.memory;
      piece.offset_bytes = place.offset_bytes + at;
      piece.size_bytes = size;
      piece.name = name;
      FERRY_RETURN_IF_ERROR(InFile(stream.ToHost({piece}, buffer)));
      FERRY_RETURN_IF_ERROR(put_pending());
      pending = buffer;
      pending_at = at;
      pending_bytes = size;
      at += size;
    }
    return put_pending();
  };
  const absl::Status status = copy_all();
  // Nothing may be under way when the name goes.
  if (!status.ok()) stream.Finish().IgnoreError();
  return status;
}

absl::Status Writer::WriteElements(Task* task) {
  const ScratchPool::Buffer buffer = chunks_.Take();
  uint64_t at = 0;
  uint64_t filled = 0;
  absl::Status written = absl::OkStatus();
  const auto flush = [&] {
    written = CheckCancelled();
    if (written.ok()) written = Put(task, at, {buffer.data(), filled});
    if (written.ok()) meter_.Add(filled);
    at += filled;
    filled = 0;
    return written;
  };
  const absl::Status visited =
      VisitContents(task->first, [&](absl::string_view bytes) -> absl::Status {
        while (!bytes.empty()) {
          const uint64_t size =
              std::min<uint64_t>(bytes.size(), kChunkBytes - filled);
          std::memcpy(buffer.data() + filled, bytes.data(), size);
          filled += size;
          bytes.remove_prefix(size);
          if (filled == kChunkBytes) FERRY_RETURN_IF_ERROR(flush());
        }
        return absl::OkStatus();
      });
  FERRY_RETURN_IF_ERROR(written);
  FERRY_RETURN_IF_ERROR(OfExtent(task->first, visited));
  return flush();
}

absl::Status Writer::RunPiece(Task* task) {
  const OutputExtent& extent = extents_[task->first];
  if (task->begin == 0 && extent.contents_offset != extent.begin) {
    FERRY_RETURN_IF_ERROR(
        output_.Write(extent.begin, framing_.Head(task->first)));
  }
  FERRY_RETURN_IF_ERROR(extent.elements != nullptr ? WriteElements(task)
                                                   : WriteBytes(task));
  LargeExtent& large = *large_extents_.at(task->first);
  // Whoever is last has seen the checksums of the others.
  if (large.tasks_left.fetch_sub(1) == 1) return FinishLarge(large);
  return absl::OkStatus();
}

absl::Status Writer::FinishLarge(const LargeExtent& large) {
  const size_t i = tasks_[large.first_task].first;
  if (options_.compute_crc32) {
    for (size_t k = large.first_task; k < large.last_task; ++k) {
      crc32s_[i] = Crc32Combine(crc32s_[i], tasks_[k].crc32,
                                tasks_[k].end - tasks_[k].begin);
    }
  }
  const uint64_t tail_offset =
      extents_[i].contents_offset + extents_[i].size_bytes;
  if (tail_offset == extents_[i].end) return absl::OkStatus();
  return output_.Write(tail_offset, framing_.Tail(i, crc32s_[i]));
}

absl::Status Writer::RunTask(Task* task) {
  FERRY_RETURN_IF_ERROR(CheckCancelled());
  const OutputExtent& first = extents_[task->first];
  if (!task->is_piece) {
    FERRY_RETURN_IF_ERROR(RunBatch(*task));
    meter_.Add(extents_[task->last - 1].end - first.begin);
    return absl::OkStatus();
  }
  FERRY_RETURN_IF_ERROR(RunPiece(task));
  // One task writes all elements, and reports them itself.
  uint64_t bytes = first.elements != nullptr ? 0 : task->end - task->begin;
  if (task->begin == 0) {
    bytes += first.end - first.begin - first.size_bytes;  // what is around
  }
  meter_.Add(bytes);
  return absl::OkStatus();
}

// Returns the tasks in an order that keeps several devices busy. A batch counts
// as work for the device of its first extent.
std::vector<size_t> Writer::OrderOfTasks() const {
  std::map<std::pair<absl::string_view, int>, uint32_t> queues;
  std::vector<OrderedTask> tasks;
  tasks.reserve(tasks_.size());
  for (const Task& task : tasks_) {
    const OutputExtent& first = extents_[task.first];
    const Storage& storage =
        first.elements != nullptr ? first.elements->storage() : first.storage;
    std::pair<absl::string_view, int> device;
    if (!storage.is_null()) {
      device = {storage.device().type(), storage.device().index()};
    }
    const auto queue = static_cast<uint32_t>(queues.size());
    const uint64_t size = task.is_piece
                              ? task.end - task.begin
                              : extents_[task.last - 1].end - first.begin;
    tasks.push_back({queues.try_emplace(device, queue).first->second, size});
  }
  return SpreadOverQueues(tasks);
}

absl::StatusOr<std::vector<uint32_t>> Writer::Run() {
  Plan();
  if (output_.is_serial() || meter_.total_bytes() < kSerialBytes) {
    for (Task& task : tasks_) FERRY_RETURN_IF_ERROR(RunTask(&task));
  } else {
    const std::vector<size_t> order = OrderOfTasks();
    FERRY_RETURN_IF_ERROR(
        ParallelForEach(static_cast<int64_t>(order.size()),
                        [&](int64_t i) { return RunTask(&tasks_[order[i]]); }));
  }
  return std::move(crc32s_);
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> WriteExtents(
    absl::Span<const OutputExtent> extents, const ExtentFraming& framing,
    const DeviceSnapshot& devices, const ExtentWriteOptions& options,
    const Output& output) {
  return Writer(extents, framing, devices, options, output).Run();
}

}  // namespace v1
}  // namespace ferry
