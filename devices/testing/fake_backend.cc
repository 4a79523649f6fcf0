// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/testing/fake_backend.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

// The finaliser of SplitMix64.
uint64_t Mix(uint64_t number) {
  number += 0x9E3779B97F4A7C15u;
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  return number ^ (number >> 31);
}

// Calls `visit(word, shift_bytes, done_bytes, size_bytes)` for the parts of a
// range that lie in one word of 8 bytes each.
template <typename Visit>
void ForEachWord(uint64_t offset_bytes, uint64_t size_bytes, Visit visit) {
  for (uint64_t done = 0; done < size_bytes;) {
    const uint64_t at = offset_bytes + done;
    const uint64_t shift = at % 8;
    const uint64_t size = std::min(8 - shift, size_bytes - done);
    visit(at / 8, shift, done, size);
    done += size;
  }
}

}  // namespace

void GenerateBytes(uint64_t offset_bytes, char* out, size_t size) {
  ForEachWord(offset_bytes, size,
              [out](uint64_t word, uint64_t shift, uint64_t done, uint64_t n) {
                const uint64_t bytes = Mix(word) >> (8 * shift);
                std::memcpy(out + done, &bytes, n);
              });
}

uint64_t HashBytes(uint64_t offset_bytes, absl::string_view bytes) {
  uint64_t hash = 0;
  ForEachWord(offset_bytes, bytes.size(),
              [&](uint64_t word, uint64_t shift, uint64_t done, uint64_t size) {
                uint64_t number = 0;
                std::memcpy(&number, bytes.data() + done, size);
                hash += (number << (8 * shift)) * (Mix(~word) | 1);
              });
  return hash;
}

uint64_t HashOfGeneratedBytes(uint64_t size_bytes) {
  std::vector<char> bytes(64 << 10);
  uint64_t hash = 0;
  for (uint64_t at = 0; at < size_bytes; at += bytes.size()) {
    const uint64_t size = std::min<uint64_t>(bytes.size(), size_bytes - at);
    GenerateBytes(at, bytes.data(), size);
    hash += HashBytes(at, {bytes.data(), size});
  }
  return hash;
}

struct FakeBackend::Heap {
  struct Block {
    int device = 0;
    uint64_t size_bytes = 0;
    std::vector<char> bytes;  // empty if they are hashed
    uint64_t hash = 0;
  };

  explicit Heap(bool hashes) : hashes_bytes(hashes) {}

  const bool hashes_bytes;

  mutable std::mutex mutex;
  // All guarded by mutex.
  std::map<uintptr_t, Block> blocks;
  // The first page is never mapped, and there are fewer handles than would
  // leave it in a test; odd, so that no address is taken for one.
  uintptr_t next_handle = 1;
  uint64_t allocated_bytes = 0;
  uint64_t largest_copy_bytes = 0;
  int copy_count = 0;
  int device_copy_count = 0;
  int transfer_count = 0;
  int transfer_piece_count = 0;
  int most_transfers_under_way = 0;
  int stream_count = 0;

  void Free(uintptr_t handle) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto block = blocks.find(handle);
    allocated_bytes -= block->second.size_bytes;
    blocks.erase(block);
  }

  // The device of some memory, or -1. The mutex is held.
  int DeviceOf(const Memory& memory) const {
    const auto block = blocks.find(reinterpret_cast<uintptr_t>(memory.data));
    return block == blocks.end() ? -1 : block->second.device;
  }

  // Returns the block of a copy from or to the host, as `Find`, and counts the
  // copy. The mutex is held.
  absl::StatusOr<Block*> FindAndCount(const Memory& memory,
                                      uint64_t offset_bytes,
                                      uint64_t size_bytes) {
    ++copy_count;
    largest_copy_bytes = std::max(largest_copy_bytes, size_bytes);
    return Find(memory, offset_bytes, size_bytes);
  }

  // Returns the block that a range lies in, or null if the range is empty. The
  // mutex is held.
  absl::StatusOr<Block*> Find(const Memory& memory, uint64_t offset_bytes,
                              uint64_t size_bytes) {
    if (size_bytes == 0) return nullptr;
    const auto found = blocks.find(reinterpret_cast<uintptr_t>(memory.data));
    if (found == blocks.end()) {
      return absl::InternalError("the memory is not allocated");
    }
    Block& block = found->second;
    if (offset_bytes > block.size_bytes ||
        size_bytes > block.size_bytes - offset_bytes) {
      return absl::InternalError("a copy past the end of the memory");
    }
    return &block;
  }

  // Copy a range of memory. The mutex is held.
  absl::Status Write(const Memory& memory, uint64_t offset_bytes,
                     const void* from, uint64_t size_bytes) {
    FERRY_ASSIGN_OR_RETURN(Block* const block,
                           FindAndCount(memory, offset_bytes, size_bytes));
    if (block == nullptr) return absl::OkStatus();
    if (hashes_bytes) {
      block->hash +=
          HashBytes(offset_bytes, {static_cast<const char*>(from), size_bytes});
    } else {
      std::memcpy(block->bytes.data() + offset_bytes, from, size_bytes);
    }
    return absl::OkStatus();
  }
  absl::Status Read(const Memory& memory, uint64_t offset_bytes, void* to,
                    uint64_t size_bytes) {
    FERRY_ASSIGN_OR_RETURN(Block* const block,
                           FindAndCount(memory, offset_bytes, size_bytes));
    if (block == nullptr) return absl::OkStatus();
    if (hashes_bytes) {
      GenerateBytes(offset_bytes, static_cast<char*>(to), size_bytes);
    } else {
      std::memcpy(to, block->bytes.data() + offset_bytes, size_bytes);
    }
    return absl::OkStatus();
  }
};

class FakeBackend::Stream final : public TransferStream {
 public:
  Stream(const Options& options, Heap& heap, int device)
      : options_(options),
        heap_(heap),
        device_(device),
        buffers_(options.stream_buffer_bytes, AllocateHostBuffer) {
    const std::lock_guard<std::mutex> lock(heap_.mutex);
    ++heap_.stream_count;
  }
  ~Stream() override {
    RunAll();
    const std::lock_guard<std::mutex> lock(heap_.mutex);
    --heap_.stream_count;
  }

  uint64_t buffer_bytes() const override { return buffers_.buffer_bytes(); }

  absl::StatusOr<char*> NextBuffer() override {
    FERRY_RETURN_IF_ERROR(status_);
    absl::StatusOr<char*> buffer = buffers_.Next();
    status_ = buffer.ok() ? Wait(*buffer) : buffer.status();
    FERRY_RETURN_IF_ERROR(status_);
    return buffer;
  }

  absl::Status ToDevice(const char* buffer,
                        absl::Span<const TransferPiece> pieces) override {
    return Issue({buffer, nullptr, {pieces.begin(), pieces.end()}});
  }

  absl::Status ToHost(absl::Span<const TransferPiece> pieces,
                      char* buffer) override {
    return Issue({nullptr, buffer, {pieces.begin(), pieces.end()}});
  }

  absl::Status Wait(const char* buffer) override {
    const auto uses_it = [&](const Transfer& transfer) {
      return transfer.source == buffer || transfer.destination == buffer;
    };
    while (std::any_of(under_way_.begin(), under_way_.end(), uses_it)) {
      RunFirst();
    }
    return status_;
  }

  absl::Status Finish() override {
    RunAll();
    return status_;
  }

 private:
  // One of the two buffers is null.
  struct Transfer {
    const char* source;
    char* destination;
    std::vector<TransferPiece> pieces;
  };

  absl::Status Issue(Transfer transfer) {
    FERRY_RETURN_IF_ERROR(status_);
    {
      const std::lock_guard<std::mutex> lock(heap_.mutex);
      ++heap_.transfer_count;
      heap_.transfer_piece_count += static_cast<int>(transfer.pieces.size());
      under_way_.push_back(std::move(transfer));
      heap_.most_transfers_under_way = std::max(
          heap_.most_transfers_under_way, static_cast<int>(under_way_.size()));
    }
    if (!options_.delays_transfers) RunAll();
    return status_;
  }

  void RunAll() {
    while (!under_way_.empty()) RunFirst();
  }

  void RunFirst() {
    const Transfer transfer = std::move(under_way_.front());
    under_way_.pop_front();
    for (const TransferPiece& piece : transfer.pieces) {
      const absl::Status status = Run(transfer, piece);
      if (!status.ok()) status_.Update(TransferError(status, piece.name));
    }
  }

  absl::Status Run(const Transfer& transfer, const TransferPiece& piece) {
    if (!options_.has_bytes) {
      if (transfer.destination == nullptr) return absl::OkStatus();
      return absl::InvalidArgumentError("no bytes");
    }
    if (options_.before_copy) {
      FERRY_RETURN_IF_ERROR(options_.before_copy(device_));
    }
    const std::lock_guard<std::mutex> lock(heap_.mutex);
    if (piece.size_bytes != 0) {
      const int device = heap_.DeviceOf(*piece.memory);
      if (device != -1 && device != device_) {
        return absl::InternalError("the memory is on another device");
      }
    }
    return transfer.destination == nullptr
               ? heap_.Write(*piece.memory, piece.offset_bytes,
                             transfer.source + piece.buffer_offset_bytes,
                             piece.size_bytes)
               : heap_.Read(*piece.memory, piece.offset_bytes,
                            transfer.destination + piece.buffer_offset_bytes,
                            piece.size_bytes);
  }

  const Options& options_;
  Heap& heap_;
  const int device_;
  StagingBuffers buffers_;
  std::deque<Transfer> under_way_;
  absl::Status status_;  // the first error
};

FakeBackend::FakeBackend(Options options)
    : options_(std::move(options)),
      heap_(std::make_shared<Heap>(options_.hashes_bytes)) {}

absl::StatusOr<int> FakeBackend::DeviceCount() const {
  if (!options_.absence.ok()) return options_.absence;
  return options_.device_count;
}

absl::StatusOr<DeviceProperties> FakeBackend::Properties(int index) const {
  if (index < 0 || index >= options_.device_count) {
    return absl::OutOfRangeError(absl::StrCat("no device ", index));
  }
  return DeviceProperties{absl::StrCat("Fake ", index),
                          options_.capacity_bytes};
}

absl::Status FakeBackend::Allocate(int index,
                                   absl::Span<const uint64_t> sizes_bytes,
                                   absl::Span<Memory> out) {
  if (index < 0 || index >= options_.device_count) {
    return absl::OutOfRangeError(absl::StrCat("no device ", index));
  }
  if (!options_.has_bytes) return absl::OkStatus();
  if (options_.before_allocate) {
    FERRY_RETURN_IF_ERROR(options_.before_allocate(index));
  }
  std::unique_lock<std::mutex> lock(heap_->mutex);
  uint64_t free_bytes = options_.capacity_bytes - heap_->allocated_bytes;
  for (uint64_t size_bytes : sizes_bytes) {
    if (size_bytes > free_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no fake memory for ", size_bytes, " bytes"));
    }
    free_bytes -= size_bytes;
  }
  for (size_t i = 0; i < sizes_bytes.size(); ++i) {
    if (sizes_bytes[i] == 0) continue;
    Heap::Block block;
    block.device = index;
    block.size_bytes = sizes_bytes[i];
    if (!options_.hashes_bytes) {
      block.bytes.resize(static_cast<size_t>(sizes_bytes[i]));
    }
    const uintptr_t handle = heap_->next_handle;
    heap_->next_handle += 2;
    heap_->blocks.emplace(handle, std::move(block));
    heap_->allocated_bytes += sizes_bytes[i];
    void* const data = reinterpret_cast<void*>(handle);
    // Without memory for the owner, this frees the block.
    lock.unlock();
    out[i] = Memory{
        data, std::shared_ptr<void>(
                  data, [heap = heap_, handle](void*) { heap->Free(handle); })};
    lock.lock();
  }
  return absl::OkStatus();
}

absl::Status FakeBackend::CopyFromHost(const void* from, const Memory& to,
                                       uint64_t offset_bytes,
                                       uint64_t size_bytes) {
  if (!options_.has_bytes) return absl::OkStatus();
  if (options_.before_copy) FERRY_RETURN_IF_ERROR(options_.before_copy(-1));
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->Write(to, offset_bytes, from, size_bytes);
}

absl::Status FakeBackend::CopyToHost(const Memory& from, uint64_t offset_bytes,
                                     void* to, uint64_t size_bytes) {
  if (!options_.has_bytes) return absl::InvalidArgumentError("no bytes");
  if (options_.before_copy) FERRY_RETURN_IF_ERROR(options_.before_copy(-1));
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->Read(from, offset_bytes, to, size_bytes);
}

absl::Status FakeBackend::CopyBetween(const Memory& from,
                                      uint64_t from_offset_bytes,
                                      const Memory& to,
                                      uint64_t to_offset_bytes,
                                      uint64_t size_bytes) {
  if (!options_.copies_between_devices || !options_.has_bytes ||
      options_.hashes_bytes) {
    return Backend::CopyBetween(from, from_offset_bytes, to, to_offset_bytes,
                                size_bytes);
  }
  if (options_.before_copy) FERRY_RETURN_IF_ERROR(options_.before_copy(-1));
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  ++heap_->device_copy_count;
  FERRY_ASSIGN_OR_RETURN(Heap::Block* const source,
                         heap_->Find(from, from_offset_bytes, size_bytes));
  FERRY_ASSIGN_OR_RETURN(Heap::Block* const destination,
                         heap_->Find(to, to_offset_bytes, size_bytes));
  if (size_bytes == 0) return absl::OkStatus();
  std::memcpy(destination->bytes.data() + to_offset_bytes,
              source->bytes.data() + from_offset_bytes, size_bytes);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TransferStream>> FakeBackend::OpenStream(
    int index) {
  if (index < 0 || index >= options_.device_count) {
    return absl::OutOfRangeError(absl::StrCat("no device ", index));
  }
  return std::make_unique<Stream>(options_, *heap_, index);
}

uint64_t FakeBackend::allocated_bytes() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->allocated_bytes;
}

int FakeBackend::allocation_count() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return static_cast<int>(heap_->blocks.size());
}

int FakeBackend::stream_count() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->stream_count;
}

uint64_t FakeBackend::HashOf(const Memory& memory) const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->blocks.at(reinterpret_cast<uintptr_t>(memory.data)).hash;
}

uint64_t FakeBackend::largest_copy_bytes() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->largest_copy_bytes;
}

int FakeBackend::copy_count() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->copy_count;
}

int FakeBackend::device_copy_count() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->device_copy_count;
}

int FakeBackend::transfer_count() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->transfer_count;
}

int FakeBackend::transfer_piece_count() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->transfer_piece_count;
}

int FakeBackend::most_transfers_under_way() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->most_transfers_under_way;
}

int FakeBackend::DeviceOf(const Memory& memory) const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->DeviceOf(memory);
}

}  // namespace v1
}  // namespace ferry
