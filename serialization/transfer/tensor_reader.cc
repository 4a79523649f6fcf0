// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/tensor_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/memory.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/text.h"
#include "ferry/devices/backend.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/transfer/staged_copy.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "ferry/serialization/transfer/tuning.h"

namespace ferry {
inline namespace v1 {
namespace {

// Host memory for what is rearranged, at a time.
constexpr uint64_t kStagingBytes = uint64_t{64} << 20;

// Small tensors that are rearranged are reported together.
constexpr uint64_t kReportBytes = uint64_t{1} << 20;

// The first byte of a view in its storage.
uint64_t BeginBytes(const Tensor& tensor) {
  return static_cast<uint64_t>(tensor.storage_offset()) /
         ElementsPerUnit(tensor.dtype()) * ElementSizeBytes(tensor.dtype());
}

// The elements of a tensor, which may have gaps between them.
uint64_t ElementBytes(const Tensor& tensor) {
  return static_cast<uint64_t>(tensor.num_elements()) *
         ElementSizeBytes(tensor.dtype());
}

// A run of a storage's bytes and where it goes.
struct Target {
  // What asks for it. Null: a run that is staged, for one read or several.
  const TensorRead* read = nullptr;
  uint64_t begin = 0;  // in the storage of the file
  uint64_t end = 0;
  // Whether the elements are to be arranged otherwise, and so go to memory of
  // Ferry's first.
  bool is_staged = false;
  // Null: the memory of a device.
  char* host = nullptr;
  // The place on a device that takes the bytes as they stand in the file.
  DeviceAddress device;
};

// A storage of the file, and what is wanted of it.
struct Group {
  absl::Span<const Extent> extents;
  absl::InlinedVector<Target, 1> targets;  // by where they begin
  // What is arranged out of the runs that are staged, by where it begins.
  std::vector<Target> staged;
  // The highest end among the targets up to each.
  absl::InlinedVector<uint64_t, 1> highest_end;
  uint64_t staging_bytes = 0;
  // Whether the storage is read from its first byte to its last.
  bool is_whole = false;
  uint64_t size_bytes = 0;  // of the storage

  uint64_t bytes_to_read() const {
    if (is_whole) return size_bytes;
    uint64_t bytes = 0;
    for (const Target& target : targets) bytes += target.end - target.begin;
    return bytes;
  }
};

// A tensor with its first element at `data`.
absl::StatusOr<Tensor> MakeView(DType dtype, absl::Span<const int64_t> shape,
                                absl::Span<const int64_t> strides, char* data) {
  FERRY_ASSIGN_OR_RETURN(const uint64_t size_bytes,
                         ViewSizeBytes(dtype, shape, strides, 0));
  return Tensor::Create(
      Storage::FromMemory(Device(), Memory{data, nullptr}, size_bytes), dtype,
      shape, strides, 0);
}

// As `CopyStaged`, of a box of the elements.
absl::Status CopyBox(const Tensor& from, const char* bytes, const Tensor& to,
                     char* data, absl::Span<const int64_t> box) {
  const size_t skipped = to.shape().size() - box.size();
  const auto from_strides = from.strides().subspan(skipped);
  const auto to_strides = to.strides().subspan(skipped);
  if (from.dtype() == to.dtype()) {
    CopyStrided(bytes, from_strides, data, to_strides, box,
                ElementSizeBytes(to.dtype()));
    return absl::OkStatus();
  }
  FERRY_ASSIGN_OR_RETURN(
      const Tensor source,
      MakeView(from.dtype(), box, from_strides, const_cast<char*>(bytes)));
  FERRY_ASSIGN_OR_RETURN(const Tensor target,
                         MakeView(to.dtype(), box, to_strides, data));
  return strided::CopyInto(source, target);
}

// Copies the elements of `from`, which begin at `bytes`, to where those of `to`
// belong if they begin at `data`. Casts them if the dtypes differ. Calls
// `advance` every few MiB with the number of bytes that it has copied since,
// and ends with the error that it returns.
absl::Status CopyStaged(const Tensor& from, const char* bytes, const Tensor& to,
                        char* data,
                        absl::FunctionRef<absl::Status(uint64_t)> advance) {
  const uint64_t from_bytes = ElementSizeBytes(from.dtype());
  const uint64_t to_bytes = ElementSizeBytes(to.dtype());
  const auto max_elements =
      static_cast<int64_t>(kPieceBytes / std::max(from_bytes, to_bytes));
  const absl::Span<const int64_t> shape = to.shape();
  // The dimensions from `inner` on make up a slice. A box is as many slices as
  // fit, neighbours in the dimension before.
  size_t inner = shape.size();
  int64_t slice = 1;
  while (inner > 0 &&
         shape[inner - 1] <= max_elements / std::max<int64_t>(slice, 1)) {
    slice *= shape[--inner];
  }
  if (inner == 0) {
    FERRY_RETURN_IF_ERROR(CopyBox(from, bytes, to, data, shape));
    return advance(ElementBytes(from));
  }
  const size_t sliced = inner - 1;
  const int64_t max_slices = max_elements / slice;
  int64_t outer_count = 1;
  for (size_t i = 0; i < sliced; ++i) outer_count *= shape[i];
  Dimensions box(shape.begin() + static_cast<ptrdiff_t>(sliced), shape.end());
  for (int64_t outer = 0; outer < outer_count; ++outer) {
    int64_t from_offset = 0;
    int64_t to_offset = 0;
    int64_t rest = outer;
    for (size_t i = sliced; i-- > 0; rest /= shape[i]) {
      from_offset += rest % shape[i] * from.strides()[i];
      to_offset += rest % shape[i] * to.strides()[i];
    }
    for (int64_t begin = 0; begin < shape[sliced]; begin += box[0]) {
      box[0] = std::min(max_slices, shape[sliced] - begin);
      const int64_t from_at = from_offset + begin * from.strides()[sliced];
      const int64_t to_at = to_offset + begin * to.strides()[sliced];
      FERRY_RETURN_IF_ERROR(
          CopyBox(from, bytes + static_cast<uint64_t>(from_at) * from_bytes, to,
                  data + static_cast<uint64_t>(to_at) * to_bytes, box));
      FERRY_RETURN_IF_ERROR(
          advance(static_cast<uint64_t>(box[0] * slice) * from_bytes));
    }
  }
  return absl::OkStatus();
}

class TensorReader {
 public:
  TensorReader(absl::Span<const RandomAccessFile* const> files,
               absl::Span<const TensorRead> reads,
               const DeviceSnapshot& devices, const ExtentReadOptions& options)
      : files_(files), reads_(reads), devices_(devices), options_(options) {}

  absl::Status Run();

 private:
  // Large ones of the lists, one entry for each read.
  using Groups = std::vector<Group, HugePageAllocator<Group>>;
  using Reads = std::vector<ExtentRead, HugePageAllocator<ExtentRead>>;
  // A wave's own: their number is reserved, so that they do not move.
  using Extents = std::vector<Extent, HugePageAllocator<Extent>>;

  std::vector<const TensorRead*> Wanted() const;
  absl::StatusOr<Target> MakeTarget(const TensorRead& read) const;
  DeviceAddress AddressOf(const Tensor& to) const;
  absl::Status CheckWritable(const Tensor& to) const;
  absl::Status MakeGroups();
  void StageOverlaps();
  static void MakeRuns(Group* group);
  void FinishGroup(Group* group) const;
  absl::Status Write(const Target& target, uint64_t offset_bytes,
                     absl::string_view bytes) const;
  absl::Status Scatter(const Group& group, uint64_t offset_bytes,
                       absl::string_view bytes) const;
  void AddWholeReads(const Group& group, Reads* reads) const;
  absl::Status AddReads(const Group& group, Extents* extents,
                        Reads* reads) const;
  absl::Status Advance(uint64_t bytes);
  absl::Status Rearrange(const Target& target, const char* bytes);
  absl::Status RearrangeGroup(const Group& group);
  absl::Status RunWave(absl::Span<Group* const> wave);

  const absl::Span<const RandomAccessFile* const> files_;
  const absl::Span<const TensorRead> reads_;
  const DeviceSnapshot& devices_;
  const ExtentReadOptions& options_;
  Groups groups_;  // their number is reserved, so that they do not move
  uint64_t total_bytes_ = 0;
  uint64_t done_bytes_ = 0;  // not counting what `ReadExtents` is reading
  uint64_t unreported_bytes_ = 0;
};

// The reads that have elements; of those into the same view the last.
std::vector<const TensorRead*> TensorReader::Wanted() const {
  // Where the view of a read begins. Memory of the host may be known under
  // several storages.
  struct Place {
    const void* data;
    uint64_t begin;
    const TensorRead* read;
  };
  const auto stands_before = [](const Place& a, const Place& b) {
    if (a.data != b.data) return std::less<>()(a.data, b.data);
    return std::tie(a.begin, a.read) < std::tie(b.begin, b.read);
  };
  std::vector<Place, HugePageAllocator<Place>> places;
  places.reserve(reads_.size());
  for (const TensorRead& read : reads_) {
    const Tensor& to = read.to;
    if (to.num_elements() == 0) continue;
    if (to.data() != nullptr) {
      places.push_back({to.data(), 0, &read});
    } else {
      places.push_back({to.storage().identity(), BeginBytes(to), &read});
    }
  }
  if (!std::is_sorted(places.begin(), places.end(), stands_before)) {
    std::sort(places.begin(), places.end(), stands_before);
  }
  HashSet<const TensorRead*> dropped;
  for (size_t i = 0; i < places.size();) {
    // Different views that begin at one place, each by its last read.
    std::vector<const TensorRead*> views;
    size_t next = i + 1;
    for (; next < places.size() && places[next].data == places[i].data &&
           places[next].begin == places[i].begin;
         ++next) {
      if (views.empty()) views.push_back(places[i].read);
      const Tensor& to = places[next].read->to;
      const auto same = std::find_if(
          views.begin(), views.end(), [&to](const TensorRead* other) {
            return other->to.dtype() == to.dtype() &&
                   other->to.shape() == to.shape() &&
                   HasSameStrides(to.shape(), other->to.strides(),
                                  to.strides());
          });
      if (same == views.end()) {
        views.push_back(places[next].read);
      } else {
        dropped.insert(*same);
        *same = places[next].read;
      }
    }
    i = next;
  }
  std::vector<const TensorRead*> wanted;
  wanted.reserve(places.size());
  for (const TensorRead& read : reads_) {
    if (read.to.num_elements() == 0 || dropped.contains(&read)) continue;
    wanted.push_back(&read);
  }
  return wanted;
}

// Returns where the elements of a tensor are on its device. `CheckWritable`
// must have returned OK for it.
DeviceAddress TensorReader::AddressOf(const Tensor& to) const {
  return ferry::AddressOf(
      devices_.FindBackend(to.storage().device().type()).get(), to.storage(),
      BeginBytes(to));
}

// Checks that the host or a backend can write the memory of a tensor.
absl::Status TensorReader::CheckWritable(const Tensor& to) const {
  if (to.data() != nullptr) return absl::OkStatus();
  return CopyFromHost(devices_, nullptr, to.storage(), 0, 0);
}

absl::StatusOr<Target> TensorReader::MakeTarget(const TensorRead& read) const {
  const Tensor& from = read.from;
  const Tensor& to = read.to;
  const auto what = [&from] {
    return absl::StrCat(WithArticle(Name(from.dtype())), " tensor of shape ",
                        ShapeToString(from.shape()));
  };
  const absl::Status writable = CheckWritable(to);
  if (!writable.ok()) {
    return absl::Status(writable.code(),
                        absl::StrCat(what(), ": ", writable.message()));
  }
  Target target;
  target.read = &read;
  target.begin = BeginBytes(from);
  FERRY_ASSIGN_OR_RETURN(
      target.end, ViewSizeBytes(from.dtype(), from.shape(), from.strides(),
                                from.storage_offset()));
  target.is_staged =
      from.dtype() != to.dtype() ||
      !HasSameStrides(to.shape(), from.strides(), to.strides()) ||
      !IsDense(to.shape(), to.strides());
  const auto per_unit = static_cast<int64_t>(ElementsPerUnit(to.dtype()));
  if (per_unit != 1 &&
      (target.is_staged || from.storage_offset() % per_unit != 0 ||
       to.storage_offset() % per_unit != 0)) {
    return absl::UnimplementedError(
        absl::StrCat(what(),
                     " is not arranged as in the file, which a packed dtype "
                     "requires; make it contiguous"));
  }
  if (!target.is_staged) {
    target.host = static_cast<char*>(to.data());
    if (target.host == nullptr) target.device = AddressOf(to);
    return target;
  }
  if (!HasNoOverlap(to.shape(), to.strides())) {
    return absl::InvalidArgumentError(absl::StrCat(
        what(), " with strides ", ShapeToString(to.strides()),
        " has elements that share memory, so nothing can be read into it"));
  }
  if (to.data() == nullptr && !IsDense(to.shape(), to.strides())) {
    return absl::UnimplementedError(
        absl::StrCat(what(), " on ", to.device().ToString(), " has strides ",
                     ShapeToString(to.strides()),
                     " with gaps; only host memory can be written in pieces"));
  }
  return target;
}

// Puts runs of bytes in the place of the targets that are staged: one for those
// that overlap, so that no byte is staged twice.
void TensorReader::MakeRuns(Group* group) {
  auto& targets = group->targets;
  const auto first = std::stable_partition(
      targets.begin(), targets.end(),
      [](const Target& target) { return !target.is_staged; });
  group->staged.assign(first, targets.end());
  targets.erase(first, targets.end());
  std::stable_sort(
      group->staged.begin(), group->staged.end(),
      [](const Target& a, const Target& b) { return a.begin < b.begin; });
  const size_t num_direct = targets.size();
  for (const Target& staged : group->staged) {
    if (targets.size() == num_direct || targets.back().end <= staged.begin) {
      Target& run = targets.emplace_back();
      run.begin = staged.begin;
    }
    targets.back().end = std::max(targets.back().end, staged.end);
  }
}

// Decides how a group is read, once its targets are known.
void TensorReader::FinishGroup(Group* group) const {
  MakeRuns(group);
  std::sort(group->targets.begin(), group->targets.end(),
            [](const Target& a, const Target& b) { return a.begin < b.begin; });
  uint64_t highest = 0;
  uint64_t swap_unit_bytes = 1;
  for (const Extent& extent : group->extents) {
    swap_unit_bytes =
        std::max<uint64_t>(swap_unit_bytes, extent.swap_unit_bytes);
    if (extent.encoding != Encoding::kStored ||
        (options_.verify_crc32 && extent.has_crc32)) {
      group->is_whole = true;
    }
  }
  for (const Target& target : group->targets) {
    const uint64_t size = target.end - target.begin;
    highest = std::max(highest, target.end);
    group->highest_end.push_back(highest);
    if (target.read == nullptr) group->staging_bytes += size;
    if (size == group->size_bytes || target.begin % swap_unit_bytes != 0 ||
        size % swap_unit_bytes != 0) {
      group->is_whole = true;
    }
  }
}

// Has targets whose memory overlaps filled one after another, not at once.
void TensorReader::StageOverlaps() {
  std::vector<Target*> direct;
  for (Group& group : groups_) {
    for (Target& target : group.targets) {
      // Packed elements cannot be staged.
      if (target.host != nullptr &&
          ElementsPerUnit(target.read->to.dtype()) == 1) {
        direct.push_back(&target);
      }
    }
  }
  std::sort(direct.begin(), direct.end(), [](const Target* a, const Target* b) {
    return std::less<char*>()(a->host, b->host);
  });
  const char* end = nullptr;
  for (Target* target : direct) {
    const char* const begin = target->host;
    const char* const own_end = begin + (target->end - target->begin);
    if (end != nullptr && std::less<const char*>()(begin, end)) {
      target->is_staged = true;
      target->host = nullptr;
    }
    if (end == nullptr || std::less<const char*>()(end, own_end)) end = own_end;
  }
}

absl::Status TensorReader::MakeGroups() {
  const std::vector<const TensorRead*> wanted = Wanted();
  HashMap<Storage, Group*> group_of;
  group_of.reserve(wanted.size());
  groups_.reserve(wanted.size());
  for (const TensorRead* read : wanted) {
    FERRY_ASSIGN_OR_RETURN(const Target target, MakeTarget(*read));
    Group*& group = group_of[read->from.storage()];
    if (group == nullptr) {
      group = &groups_.emplace_back();
      group->extents = read->extents;
      group->size_bytes = read->from.storage().size_bytes();
    }
    group->targets.push_back(target);
  }
  StageOverlaps();
  for (Group& group : groups_) {
    FinishGroup(&group);
    total_bytes_ += group.bytes_to_read();
    for (const Target& target : group.staged) {
      const TensorRead& read = *target.read;
      total_bytes_ += ElementBytes(read.from);
      // Rearranged on the host, and then copied to a device.
      if (read.to.data() == nullptr) total_bytes_ += ElementBytes(read.to);
    }
  }
  return absl::OkStatus();
}

// Puts bytes where they belong, counted from the target's first.
absl::Status TensorReader::Write(const Target& target, uint64_t offset_bytes,
                                 absl::string_view bytes) const {
  if (target.host != nullptr) {
    std::memcpy(target.host + offset_bytes, bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  const Tensor& to = target.read->to;
  return CopyFromHost(devices_, bytes.data(), to.storage(),
                      BeginBytes(to) + offset_bytes, bytes.size());
}

// Hands each target its part of a piece of the storage.
absl::Status TensorReader::Scatter(const Group& group, uint64_t offset_bytes,
                                   absl::string_view bytes) const {
  const uint64_t end_bytes = offset_bytes + bytes.size();
  auto i = static_cast<size_t>(
      std::partition_point(
          group.targets.begin(), group.targets.end(),
          [end_bytes](const Target& t) { return t.begin < end_bytes; }) -
      group.targets.begin());
  while (i > 0 && group.highest_end[i - 1] > offset_bytes) {
    const Target& target = group.targets[--i];
    const uint64_t begin = std::max(target.begin, offset_bytes);
    const uint64_t end = std::min(target.end, end_bytes);
    if (begin >= end) continue;
    FERRY_RETURN_IF_ERROR(
        Write(target, begin - target.begin,
              bytes.substr(begin - offset_bytes, end - begin)));
  }
  return absl::OkStatus();
}

// The reads of a storage from its first byte to its last.
void TensorReader::AddWholeReads(const Group& group, Reads* reads) const {
  const Target& first = group.targets[0];
  const bool is_direct = group.targets.size() == 1 && first.begin == 0 &&
                         first.end == group.size_bytes;
  for (const Extent& extent : group.extents) {
    ExtentRead& read = reads->emplace_back();
    read.extent = &extent;
    const uint64_t begin = extent.storage_offset_bytes;
    if (is_direct && first.host != nullptr) {
      read.host = first.host + begin;
      continue;
    }
    if (is_direct && first.device.backend != nullptr) {
      read.device = first.device;
      read.device.offset_bytes += begin;
      continue;
    }
    read.consume = [this, &group, begin](uint64_t offset,
                                         absl::string_view bytes) {
      return Scatter(group, begin + offset, bytes);
    };
  }
}

// The reads of what is wanted of a storage that has no checksum to compare.
absl::Status TensorReader::AddReads(const Group& group, Extents* extents,
                                    Reads* reads) const {
  for (const Extent& extent : group.extents) {
    FERRY_ASSIGN_OR_RETURN(const uint64_t contents_offset,
                           FindContents(*files_[extent.file], extent));
    const uint64_t extent_begin = extent.storage_offset_bytes;
    for (const Target& target : group.targets) {
      const uint64_t begin = std::max(target.begin, extent_begin);
      const uint64_t end =
          std::min(target.end, extent_begin + extent.size_bytes);
      if (begin >= end) continue;
      Extent& part = extents->emplace_back(MakePlainExtent(
          extent.file, contents_offset + (begin - extent_begin), end - begin));
      part.name = extent.name;
      part.swap_unit_bytes = extent.swap_unit_bytes;
      part.storage_offset_bytes = begin;
      ExtentRead& read = reads->emplace_back();
      read.extent = &part;
      const uint64_t skipped = begin - target.begin;
      if (target.host != nullptr) {
        read.host = target.host + skipped;
        continue;
      }
      if (target.device.backend != nullptr) {
        read.device = target.device;
        read.device.offset_bytes += skipped;
        continue;
      }
      read.consume = [this, &target, skipped](uint64_t offset,
                                              absl::string_view bytes) {
        return Write(target, skipped + offset, bytes);
      };
    }
  }
  return absl::OkStatus();
}

// Counts bytes that are where they belong. Once there are enough, reports them
// and asks whether to stop.
absl::Status TensorReader::Advance(uint64_t bytes) {
  const TransferControl* const control = options_.control;
  if (control == nullptr) return absl::OkStatus();
  done_bytes_ += bytes;
  unreported_bytes_ += bytes;
  if (unreported_bytes_ < kReportBytes && done_bytes_ < total_bytes_) {
    return absl::OkStatus();
  }
  unreported_bytes_ = 0;
  if (control->progress) control->progress(done_bytes_, total_bytes_);
  return control->is_cancelled && control->is_cancelled()
             ? absl::CancelledError("the load was cancelled")
             : absl::OkStatus();
}

// Brings the elements of a staged target, whose bytes begin at `bytes`, to
// where they belong.
absl::Status TensorReader::Rearrange(const Target& target, const char* bytes) {
  const Tensor& from = target.read->from;
  const Tensor& to = target.read->to;
  const auto advance = [this](uint64_t copied) { return Advance(copied); };
  if (to.data() != nullptr) {
    return CopyStaged(from, bytes, to, static_cast<char*>(to.data()), advance);
  }
  // Without gaps, as has been checked.
  const uint64_t size = ElementBytes(to);
  Memory image;
  FERRY_RETURN_IF_ERROR(AllocateHostMemory({size}, {&image, 1}));
  FERRY_RETURN_IF_ERROR(
      CopyStaged(from, bytes, to, static_cast<char*>(image.data), advance));
  for (uint64_t at = 0; at < size; at += kPieceBytes) {
    const uint64_t piece_bytes = std::min(kPieceBytes, size - at);
    FERRY_RETURN_IF_ERROR(
        CopyFromHost(devices_, static_cast<const char*>(image.data) + at,
                     to.storage(), BeginBytes(to) + at, piece_bytes));
    FERRY_RETURN_IF_ERROR(Advance(piece_bytes));
  }
  return absl::OkStatus();
}

// Brings what was staged to where it belongs, in the order of the file.
absl::Status TensorReader::RearrangeGroup(const Group& group) {
  auto run = group.targets.begin();
  for (const Target& target : group.staged) {
    while (run->read != nullptr || run->end < target.end) ++run;
    FERRY_RETURN_IF_ERROR(
        Rearrange(target, run->host + (target.begin - run->begin)));
  }
  return absl::OkStatus();
}

absl::Status TensorReader::RunWave(absl::Span<Group* const> wave) {
  std::vector<Target*> runs;
  std::vector<uint64_t> sizes;
  Reads reads;
  Extents extents;
  size_t num_reads = 0;
  size_t num_extents = 0;
  uint64_t wave_bytes = 0;
  for (Group* group : wave) {
    wave_bytes += group->bytes_to_read();
    const size_t num_targets = group->targets.size();
    num_reads += group->extents.size() * (group->is_whole ? 1 : num_targets);
    if (!group->is_whole) num_extents += group->extents.size() * num_targets;
    for (Target& target : group->targets) {
      if (target.read != nullptr) continue;
      runs.push_back(&target);
      sizes.push_back(target.end - target.begin);
    }
  }
  std::vector<Memory> staging(sizes.size());
  FERRY_RETURN_IF_ERROR(AllocateHostMemory(sizes, absl::MakeSpan(staging)));
  for (size_t i = 0; i < runs.size(); ++i) {
    runs[i]->host = static_cast<char*>(staging[i].data);
  }
  reads.reserve(num_reads);
  extents.reserve(num_extents);
  for (const Group* group : wave) {
    if (group->is_whole) {
      AddWholeReads(*group, &reads);
    } else {
      FERRY_RETURN_IF_ERROR(AddReads(*group, &extents, &reads));
    }
  }
  TransferControl control;
  ExtentReadOptions options = options_;
  if (options_.control != nullptr) {
    control.is_cancelled = options_.control->is_cancelled;
    if (options_.control->progress) {
      control.progress = [this](uint64_t done, uint64_t total) {
        options_.control->progress(done_bytes_ + done, total_bytes_);
      };
    }
    options.control = &control;
  }
  FERRY_RETURN_IF_ERROR(ReadExtents(files_, reads, options));
  done_bytes_ += wave_bytes;
  for (const Group* group : wave) {
    FERRY_RETURN_IF_ERROR(RearrangeGroup(*group));
  }
  return absl::OkStatus();
}

absl::Status TensorReader::Run() {
  FERRY_RETURN_IF_ERROR(MakeGroups());
  // In one go what needs no staging, with as much as may of the rest.
  std::vector<Group*> order;
  order.reserve(groups_.size());
  for (Group& group : groups_) order.push_back(&group);
  std::stable_partition(order.begin(), order.end(), [](const Group* group) {
    return group->staging_bytes == 0;
  });
  for (const TensorRead& read : reads_) ++read.to.storage().version();
  for (size_t first = 0; first < order.size();) {
    size_t last = first;
    uint64_t staging_bytes = 0;
    do {
      staging_bytes += order[last++]->staging_bytes;
    } while (last < order.size() &&
             staging_bytes + order[last]->staging_bytes <= kStagingBytes);
    FERRY_RETURN_IF_ERROR(
        RunWave(absl::MakeConstSpan(order).subspan(first, last - first)));
    first = last;
  }
  return absl::OkStatus();
}

}  // namespace

std::string DescribeMismatch(const Tensor& from, const Tensor& to, bool cast) {
  const auto form = [](const Tensor& tensor) {
    return absl::StrCat(
        tensor.layout() == Layout::kStrided ? "" : Name(tensor.layout()),
        tensor.layout() == Layout::kStrided ? "" : " ", Name(tensor.dtype()),
        " ", ShapeToString(tensor.shape()), tensor.is_conj() ? " (conj)" : "",
        tensor.is_neg() ? " (neg)" : "");
  };
  if (from.is_null() || to.is_null()) return "a tensor is null";
  const bool has_wrong_dtype =
      from.dtype() != to.dtype() &&
      !(cast && Category(from.dtype()) == DTypeCategory::kFloat &&
        Category(to.dtype()) == DTypeCategory::kFloat &&
        CheckCast(from.dtype(), to.dtype()).ok());
  if (has_wrong_dtype || from.shape() != to.shape() ||
      from.layout() != to.layout() || from.is_conj() != to.is_conj() ||
      from.is_neg() != to.is_neg()) {
    return absl::StrCat("the file has ", form(from), ", the tensor is ",
                        form(to));
  }
  if (from.layout() != Layout::kStrided || !from.components().empty() ||
      !to.components().empty()) {
    return absl::StrCat(
        form(from), " cannot be read into a tensor; only strided tensors can");
  }
  if (Category(from.dtype()) == DTypeCategory::kQuantized) {
    return absl::StrCat(
        form(from),
        " has a scale besides its elements, which a tensor cannot hold");
  }
  if (from.storage().is_null()) {
    return absl::StrCat(form(from), " has no bytes in the file");
  }
  if (to.storage().is_null() || !to.storage().has_data() ||
      (to.num_elements() != 0 && to.storage().data() == nullptr)) {
    return absl::StrCat(form(to), " has no memory to read into");
  }
  return "";
}

absl::Status ReadTensors(absl::Span<const RandomAccessFile* const> files,
                         absl::Span<const TensorRead> reads,
                         const DeviceSnapshot& devices,
                         const ExtentReadOptions& options) {
  return TensorReader(files, reads, devices, options).Run();
}

}  // namespace v1
}  // namespace ferry
