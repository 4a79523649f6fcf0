// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/archive_writer.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/transfer/scratch_pool.h"
#include "ferry/serialization/zip/zip_layout.h"

namespace ferry {
namespace {

// Records of less than this are written together with their neighbours.
constexpr uint64_t kSmallBytes = uint64_t{1} << 20;
constexpr uint64_t kBatchBytes = uint64_t{1} << 20;
// What one thread takes of a large record.
constexpr uint64_t kPieceBytes = uint64_t{8} << 20;
// What is checksummed before it is written: it fits the second-level cache.
constexpr uint64_t kChunkBytes = uint64_t{512} << 10;
// Below this, threads cost more than they bring.
constexpr uint64_t kSerialBytes = uint64_t{16} << 20;

// The longest name that a zip record can have.
constexpr size_t kMaxNameBytes = 0xFFFF;

// A piece of work for one thread: whole records [first, last), or the bytes
// [begin, end) of the contents of record `first`.
struct Task {
  size_t first = 0;
  size_t last = 0;
  bool is_piece = false;
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t crc32 = 0;  // of the piece, once it is done
};

// A large record, which several tasks write.
struct LargeRecord {
  size_t first_task = 0;
  size_t last_task = 0;
  std::atomic<size_t> tasks_left{0};
};

// 40 decimal digits that tell archives apart: a hash of the names and one of
// the checksums. (PyTorch's own hash of the names differs from machine to
// machine.)
std::string SerializationId(absl::Span<const ArchiveRecord> records,
                            absl::Span<const uint32_t> crc32s) {
  uint64_t names = 0xCBF29CE484222325u;  // FNV-1a
  uint64_t contents = 0;                 // as c10::hash_combine
  for (size_t i = 0; i < records.size(); ++i) {
    for (char c : records[i].name) {
      names = (names ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    }
    contents ^= crc32s[i] + 0x9E3779B9u + (contents << 6) + (contents >> 2);
  }
  return absl::StrFormat("%020d%020d", names, contents);
}

class Writer {
 public:
  // One of `file` and `sink` is null.
  Writer(absl::Span<const ArchiveRecord> records, const DeviceSnapshot& devices,
         const ArchiveOptions& options, AtomicFile* file, ByteSink* sink)
      : records_(records),
        devices_(devices),
        options_(options),
        file_(file),
        sink_(sink),
        layout_(options.alignment_bytes),
        crc32s_(records.size(), 0),
        chunks_(kChunkBytes) {}

  absl::Status Run();

 private:
  absl::Status Plan();
  uint64_t SizeOf(const ArchiveRecord& record) const {
    return record.storage.is_null() ? record.text.size()
                                    : record.storage.size_bytes();
  }
  // `size` bytes of a record's contents: where they stand, or in `scratch`.
  absl::StatusOr<absl::string_view> Contents(const ArchiveRecord& record,
                                             uint64_t offset, uint64_t size,
                                             char* scratch) const;
  absl::Status Put(uint64_t offset, absl::string_view bytes);
  absl::Status RunTask(Task* task);
  absl::Status RunBatch(const Task& task);
  absl::Status RunPiece(Task* task);
  absl::Status FinishLarge(const LargeRecord& large);
  absl::Status PutEnd();
  void Report(uint64_t bytes);

  const absl::Span<const ArchiveRecord> records_;
  const DeviceSnapshot& devices_;
  const ArchiveOptions& options_;
  AtomicFile* const file_;
  ByteSink* const sink_;
  zip::ZipLayout layout_;
  std::vector<uint32_t> crc32s_;  // of the records; 0 if not computed
  std::vector<Task> tasks_;
  absl::flat_hash_map<size_t, std::unique_ptr<LargeRecord>> large_records_;
  std::unique_ptr<ScratchPool> batches_;  // of the largest batch's size
  ScratchPool chunks_;
  std::mutex progress_mutex_;
  uint64_t done_bytes_ = 0;  // guarded by progress_mutex_
};

absl::Status Writer::Plan() {
  layout_.Reserve(records_.size());
  for (const ArchiveRecord& record : records_) {
    if (record.name.size() > kMaxNameBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("the record name \"",
                       absl::Utf8SafeCHexEscape(record.name.substr(0, 60)),
                       "...\" is longer than ", kMaxNameBytes, " bytes"));
    }
    layout_.Add(record.name, SizeOf(record));
  }
  uint64_t largest_batch_bytes = 0;
  const size_t num_records = records_.size() - (options_.ends_with_id ? 1 : 0);
  for (size_t i = 0; i < num_records;) {
    const auto end_of = [this](size_t k) {
      return layout_.records()[k].end_offset;
    };
    const uint64_t begin = layout_.records()[i].header_offset;
    Task task;
    task.first = i;
    if (end_of(i) - begin < kSmallBytes) {
      while (i < num_records && end_of(i) - begin <= kBatchBytes &&
             end_of(i) - layout_.records()[i].header_offset < kSmallBytes) {
        ++i;
      }
      task.last = i;
      largest_batch_bytes =
          std::max(largest_batch_bytes, end_of(i - 1) - begin);
      tasks_.push_back(task);
      continue;
    }
    auto large = std::make_unique<LargeRecord>();
    large->first_task = tasks_.size();
    task.last = i + 1;
    task.is_piece = true;
    const uint64_t size = SizeOf(records_[i]);
    for (task.begin = 0; task.begin < size; task.begin = task.end) {
      task.end = std::min(size, task.begin + kPieceBytes);
      tasks_.push_back(task);
    }
    large->last_task = tasks_.size();
    large->tasks_left = large->last_task - large->first_task;
    large_records_.emplace(i, std::move(large));
    ++i;
  }
  batches_ = std::make_unique<ScratchPool>(largest_batch_bytes);
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> Writer::Contents(const ArchiveRecord& record,
                                                   uint64_t offset,
                                                   uint64_t size,
                                                   char* scratch) const {
  if (record.storage.is_null()) {
    return record.text.substr(offset, size);
  }
  const Storage& storage = record.storage;
  if (storage.device().is_cpu() && storage.has_data()) {
    return absl::string_view(static_cast<const char*>(storage.data()) + offset,
                             size);
  }
  FERRY_RETURN_IF_ERROR(CopyToHost(devices_, storage, offset, scratch, size));
  return absl::string_view(scratch, size);
}

absl::Status Writer::Put(uint64_t offset, absl::string_view bytes) {
  // A sink is given everything in order.
  return file_ != nullptr ? file_->WriteAt(offset, bytes) : sink_->Write(bytes);
}

absl::Status Writer::RunBatch(const Task& task) {
  const ScratchPool::Buffer buffer = batches_->Take();
  char* next = buffer.data();
  const auto append = [&next](absl::string_view bytes) {
    if (!bytes.empty()) std::memcpy(next, bytes.data(), bytes.size());
    next += bytes.size();
  };
  for (size_t i = task.first; i < task.last; ++i) {
    append(layout_.HeaderBytes(i));
    const uint64_t size = layout_.records()[i].size_bytes;
    if (size == 0) continue;
    FERRY_ASSIGN_OR_RETURN(const absl::string_view contents,
                           Contents(records_[i], 0, size, next));
    if (contents.data() == next) {
      next += size;
    } else {
      append(contents);
    }
    if (options_.compute_crc32) {
      crc32s_[i] = Crc32({next - size, size});
    }
    append(layout_.DescriptorBytes(i, crc32s_[i]));
  }
  return Put(layout_.records()[task.first].header_offset,
             {buffer.data(), static_cast<size_t>(next - buffer.data())});
}

absl::Status Writer::RunPiece(Task* task) {
  const zip::ZipLayout::Record& record = layout_.records()[task->first];
  if (task->begin == 0) {
    FERRY_RETURN_IF_ERROR(
        Put(record.header_offset, layout_.HeaderBytes(task->first)));
  }
  const ScratchPool::Buffer buffer = chunks_.Take();
  for (uint64_t at = task->begin; at < task->end;) {
    const uint64_t size = std::min(kChunkBytes, task->end - at);
    FERRY_ASSIGN_OR_RETURN(
        const absl::string_view contents,
        Contents(records_[task->first], at, size, buffer.data()));
    if (options_.compute_crc32) {
      task->crc32 = Crc32Extend(task->crc32, contents);
    }
    FERRY_RETURN_IF_ERROR(Put(record.contents_offset + at, contents));
    at += size;
  }
  LargeRecord& large = *large_records_.at(task->first);
  // Whoever is last has seen the checksums of the others.
  if (large.tasks_left.fetch_sub(1) == 1) return FinishLarge(large);
  return absl::OkStatus();
}

absl::Status Writer::FinishLarge(const LargeRecord& large) {
  const size_t i = tasks_[large.first_task].first;
  if (options_.compute_crc32) {
    for (size_t k = large.first_task; k < large.last_task; ++k) {
      crc32s_[i] = Crc32Combine(crc32s_[i], tasks_[k].crc32,
                                tasks_[k].end - tasks_[k].begin);
    }
  }
  const zip::ZipLayout::Record& record = layout_.records()[i];
  return Put(record.contents_offset + record.size_bytes,
             layout_.DescriptorBytes(i, crc32s_[i]));
}

absl::Status Writer::PutEnd() {
  if (options_.ends_with_id) {
    const size_t i = records_.size() - 1;
    const std::string id = SerializationId(
        records_.first(i), absl::MakeConstSpan(crc32s_).first(i));
    if (options_.compute_crc32) crc32s_[i] = Crc32(id);
    FERRY_RETURN_IF_ERROR(
        Put(layout_.records()[i].header_offset,
            absl::StrCat(layout_.HeaderBytes(i), id,
                         layout_.DescriptorBytes(i, crc32s_[i]))));
  }
  return Put(layout_.directory_offset(), layout_.DirectoryBytes(crc32s_));
}

void Writer::Report(uint64_t bytes) {
  if (!options_.progress) return;
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  done_bytes_ += bytes;
  options_.progress(done_bytes_, layout_.directory_offset());
}

absl::Status Writer::RunTask(Task* task) {
  if (options_.is_cancelled && options_.is_cancelled()) {
    return absl::CancelledError("the save was cancelled");
  }
  if (task->is_piece) {
    FERRY_RETURN_IF_ERROR(RunPiece(task));
    Report(task->end - task->begin);
  } else {
    FERRY_RETURN_IF_ERROR(RunBatch(*task));
    Report(layout_.records()[task->last - 1].end_offset -
           layout_.records()[task->first].header_offset);
  }
  return absl::OkStatus();
}

absl::Status Writer::Run() {
  FERRY_RETURN_IF_ERROR(Plan());
  if (file_ != nullptr) {
    FERRY_RETURN_IF_ERROR(
        file_->SetSize(layout_.directory_offset() + layout_.DirectorySize()));
  }
  const auto run = [this](int64_t i) { return RunTask(&tasks_[i]); };
  const auto num_tasks = static_cast<int64_t>(tasks_.size());
  if (file_ == nullptr || layout_.directory_offset() < kSerialBytes) {
    for (int64_t i = 0; i < num_tasks; ++i) FERRY_RETURN_IF_ERROR(run(i));
  } else {
    FERRY_RETURN_IF_ERROR(ParallelForEach(num_tasks, run));
  }
  return PutEnd();
}

}  // namespace

absl::Status WriteArchive(absl::Span<const ArchiveRecord> records,
                          const DeviceSnapshot& devices,
                          const ArchiveOptions& options, AtomicFile* file) {
  return Writer(records, devices, options, file, nullptr).Run();
}

absl::Status WriteArchive(absl::Span<const ArchiveRecord> records,
                          const DeviceSnapshot& devices,
                          const ArchiveOptions& options, ByteSink* sink) {
  return Writer(records, devices, options, nullptr, sink).Run();
}

}  // namespace ferry
