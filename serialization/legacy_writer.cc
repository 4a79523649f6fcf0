// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/legacy_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/torch/legacy_stream.h"
#include "ferry/serialization/transfer/scratch_pool.h"

namespace ferry {
namespace {

// Storages of less than this are written together with their neighbours.
constexpr uint64_t kBatchBytes = uint64_t{1} << 20;
// What one thread takes of a large storage, and copies from a device at once.
constexpr uint64_t kPieceBytes = uint64_t{8} << 20;
constexpr uint64_t kChunkBytes = uint64_t{512} << 10;
// Below this, threads cost more than they bring.
constexpr uint64_t kSerialBytes = uint64_t{16} << 20;

constexpr uint64_t kCountBytes = 8;

// The pickle of a value that needs no hooks.
absl::StatusOr<std::string> Pickle(const ObjectGraph& graph, NodeId root,
                                   int protocol) {
  pickle::Pickler pickler(graph, protocol, nullptr);
  FERRY_RETURN_IF_ERROR(pickler.Dump(root));
  return std::string(pickler.bytes());
}

// What stands before the storages. The sizes are those of Python's "=" formats,
// which do not depend on the machine.
absl::StatusOr<std::string> Head(const LegacyContents& contents) {
  ObjectGraph graph;
  const NodeId sizes = graph.AddDict();
  const NodeId size_entries[] = {graph.AddStr("short"), graph.AddInt(2),
                                 graph.AddStr("int"),   graph.AddInt(4),
                                 graph.AddStr("long"),  graph.AddInt(4)};
  graph.AppendEntries(sizes, size_entries);
  const NodeId version = graph.AddInt(torch_format::kLegacyProtocolVersion);
  const NodeId machine = graph.AddDict();
  const NodeId entries[] = {
      graph.AddStr("protocol_version"), version,
      graph.AddStr("little_endian"),    graph.AddBool(true),
      graph.AddStr("type_sizes"),       sizes};
  graph.AppendEntries(machine, entries);
  std::vector<NodeId> keys;
  keys.reserve(contents.storages.size());
  for (const LegacyContents::Entry& entry : contents.storages) {
    keys.push_back(graph.AddStr(entry.key));
  }
  std::string head;
  for (NodeId root :
       {graph.AddBigInt(torch_format::kLegacyMagic), version, machine}) {
    FERRY_ASSIGN_OR_RETURN(const std::string pickle,
                           Pickle(graph, root, contents.pickle_protocol));
    head += pickle;
  }
  head.append(contents.objects.data(), contents.objects.size());
  FERRY_ASSIGN_OR_RETURN(
      const std::string pickle,
      Pickle(graph, graph.AddList(keys), contents.pickle_protocol));
  head += pickle;
  return head;
}

// A storage's number of elements and its elements, in the file.
struct Block {
  uint64_t offset = 0;
  uint64_t num_elements = 0;
  uint64_t size_bytes = 0;  // of the elements
  uint64_t end() const { return offset + kCountBytes + size_bytes; }
};

// A piece of work for one thread: whole blocks [first, last), or the elements'
// bytes [begin, end) of block `first`, with the count if they are the first.
struct Task {
  size_t first = 0;
  size_t last = 0;
  bool is_piece = false;
  uint64_t begin = 0;
  uint64_t end = 0;
};

class Writer {
 public:
  // One of `file` and `sink` is null.
  Writer(LegacyContents contents, const DeviceSnapshot& devices,
         const LegacyWriteOptions& options, AtomicFile* file, ByteSink* sink)
      : contents_(std::move(contents)),
        devices_(devices),
        options_(options),
        file_(file),
        sink_(sink),
        chunks_(kChunkBytes) {}

  absl::Status Run();

 private:
  void Plan(uint64_t head_bytes);
  // `size` bytes of a storage: where they stand, or in `scratch`.
  absl::StatusOr<absl::string_view> Bytes(const Storage& storage,
                                          uint64_t offset, uint64_t size,
                                          char* scratch) const;
  absl::Status Put(uint64_t offset, absl::string_view bytes);
  absl::Status RunTask(const Task& task);
  absl::Status RunBatch(const Task& task);
  absl::Status RunPiece(const Task& task);
  void Report(uint64_t bytes);

  LegacyContents contents_;
  const DeviceSnapshot& devices_;
  const LegacyWriteOptions& options_;
  AtomicFile* const file_;
  ByteSink* const sink_;
  std::vector<Block> blocks_;
  std::vector<Task> tasks_;
  uint64_t total_bytes_ = 0;
  std::unique_ptr<ScratchPool> batches_;  // of the largest batch's size
  ScratchPool chunks_;
  std::mutex progress_mutex_;
  uint64_t done_bytes_ = 0;  // guarded by progress_mutex_
};

void Writer::Plan(uint64_t head_bytes) {
  total_bytes_ = head_bytes;
  blocks_.reserve(contents_.storages.size());
  for (const LegacyContents::Entry& entry : contents_.storages) {
    Block block;
    block.offset = total_bytes_;
    block.num_elements = entry.storage.size_bytes() / entry.element_bytes;
    block.size_bytes = block.num_elements * entry.element_bytes;
    total_bytes_ = block.end();
    blocks_.push_back(block);
  }
  uint64_t largest_batch_bytes = 0;
  for (size_t i = 0; i < blocks_.size();) {
    const uint64_t begin = blocks_[i].offset;
    Task task;
    task.first = i;
    if (blocks_[i].end() - begin <= kBatchBytes) {
      while (i < blocks_.size() && blocks_[i].end() - begin <= kBatchBytes) ++i;
      task.last = i;
      largest_batch_bytes =
          std::max(largest_batch_bytes, blocks_[i - 1].end() - begin);
      tasks_.push_back(task);
      continue;
    }
    task.last = i + 1;
    task.is_piece = true;
    const uint64_t size = blocks_[i].size_bytes;
    for (task.begin = 0; task.begin < size; task.begin = task.end) {
      task.end = std::min(size, task.begin + kPieceBytes);
      tasks_.push_back(task);
    }
    ++i;
  }
  batches_ = std::make_unique<ScratchPool>(largest_batch_bytes);
}

absl::StatusOr<absl::string_view> Writer::Bytes(const Storage& storage,
                                                uint64_t offset, uint64_t size,
                                                char* scratch) const {
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
  const uint64_t begin = blocks_[task.first].offset;
  for (size_t i = task.first; i < task.last; ++i) {
    const Block& block = blocks_[i];
    char* const to = buffer.data() + (block.offset - begin);
    std::string count;
    Append64(block.num_elements, &count);
    std::memcpy(to, count.data(), kCountBytes);
    if (block.size_bytes == 0) continue;
    char* const elements = to + kCountBytes;
    FERRY_ASSIGN_OR_RETURN(
        const absl::string_view bytes,
        Bytes(contents_.storages[i].storage, 0, block.size_bytes, elements));
    if (bytes.data() != elements) {
      std::memcpy(elements, bytes.data(), bytes.size());
    }
  }
  return Put(begin, {buffer.data(), static_cast<size_t>(
                                        blocks_[task.last - 1].end() - begin)});
}

absl::Status Writer::RunPiece(const Task& task) {
  const Block& block = blocks_[task.first];
  if (task.begin == 0) {
    std::string count;
    Append64(block.num_elements, &count);
    FERRY_RETURN_IF_ERROR(Put(block.offset, count));
  }
  const ScratchPool::Buffer buffer = chunks_.Take();
  for (uint64_t at = task.begin; at < task.end;) {
    const uint64_t size = std::min(kChunkBytes, task.end - at);
    FERRY_ASSIGN_OR_RETURN(
        const absl::string_view bytes,
        Bytes(contents_.storages[task.first].storage, at, size, buffer.data()));
    FERRY_RETURN_IF_ERROR(Put(block.offset + kCountBytes + at, bytes));
    at += size;
  }
  return absl::OkStatus();
}

void Writer::Report(uint64_t bytes) {
  if (!options_.progress) return;
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  done_bytes_ += bytes;
  options_.progress(done_bytes_, total_bytes_);
}

absl::Status Writer::RunTask(const Task& task) {
  if (options_.is_cancelled && options_.is_cancelled()) {
    return absl::CancelledError("the save was cancelled");
  }
  if (task.is_piece) {
    FERRY_RETURN_IF_ERROR(RunPiece(task));
    Report(task.end - task.begin + (task.begin == 0 ? kCountBytes : 0));
  } else {
    FERRY_RETURN_IF_ERROR(RunBatch(task));
    Report(blocks_[task.last - 1].end() - blocks_[task.first].offset);
  }
  return absl::OkStatus();
}

absl::Status Writer::Run() {
  std::sort(contents_.storages.begin(), contents_.storages.end(),
            [](const LegacyContents::Entry& a, const LegacyContents::Entry& b) {
              return a.key < b.key;
            });
  FERRY_ASSIGN_OR_RETURN(const std::string head, Head(contents_));
  Plan(head.size());
  if (file_ != nullptr) FERRY_RETURN_IF_ERROR(file_->SetSize(total_bytes_));
  FERRY_RETURN_IF_ERROR(Put(0, head));
  Report(head.size());
  const auto run = [this](int64_t i) { return RunTask(tasks_[i]); };
  const auto num_tasks = static_cast<int64_t>(tasks_.size());
  if (file_ != nullptr && total_bytes_ >= kSerialBytes) {
    return ParallelForEach(num_tasks, run);
  }
  for (int64_t i = 0; i < num_tasks; ++i) FERRY_RETURN_IF_ERROR(run(i));
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteLegacyStream(LegacyContents contents,
                               const DeviceSnapshot& devices,
                               const LegacyWriteOptions& options,
                               AtomicFile* file) {
  return Writer(std::move(contents), devices, options, file, nullptr).Run();
}

absl::Status WriteLegacyStream(LegacyContents contents,
                               const DeviceSnapshot& devices,
                               const LegacyWriteOptions& options,
                               ByteSink* sink) {
  return Writer(std::move(contents), devices, options, nullptr, sink).Run();
}

}  // namespace ferry
