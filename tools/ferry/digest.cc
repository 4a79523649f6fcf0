// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"

namespace ferry {
namespace {

// Scattered elements are gathered in so much memory: it stays in the
// first-level cache. A multiple of every element's size.
constexpr size_t kBufferBytes = size_t{16} << 10;

// Runs of this much and more are hashed where they stand.
constexpr uint64_t kDirectBytes = 1024;

// Storages are read together up to so many bytes.
constexpr uint64_t kBatchBytes = uint64_t{64} << 20;

// A tensor may be larger than its storage up to so many bytes.
constexpr uint64_t kMaxRepeatedBytes = uint64_t{16} << 30;

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    ok_ = context_ != nullptr &&
          EVP_DigestInit_ex(context_.get(), Algorithm(), nullptr) == 1;
  }

  void Update(const void* bytes, size_t size) {
    ok_ = ok_ && EVP_DigestUpdate(context_.get(), bytes, size) == 1;
  }

  absl::StatusOr<std::string> Finish() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    ok_ = ok_ && EVP_DigestFinal_ex(context_.get(), digest, &size) == 1;
    if (!ok_) return absl::InternalError("SHA-256 is not to be had");
    return absl::BytesToHexString(
        {reinterpret_cast<const char*>(digest), size});
  }

 private:
  // Found once: looking for it costs more than a small tensor.
  static const EVP_MD* Algorithm() {
    static const EVP_MD* const algorithm =
        EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return algorithm;
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  bool ok_;
};

// What is to be done to each element, beyond copying it.
struct Change {
  bool conj = false;
  bool neg = false;
  bool is_integer = false;
  uint64_t unit_bytes = 1;  // of the numbers: half of a complex element
};

template <typename T>
void NegateIntegers(char* bytes, size_t size) {
  for (size_t i = 0; i < size; i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes + i, sizeof(T));
    value = static_cast<T>(T{0} - value);
    std::memcpy(bytes + i, &value, sizeof(T));
  }
}

// Turns the sign of numbers of `unit_bytes`, of each `step_bytes` the last.
void FlipSigns(char* bytes, size_t size, uint64_t step_bytes) {
  for (size_t i = step_bytes - 1; i < size; i += step_bytes) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x80);
  }
}

void Apply(const Change& change, char* bytes, size_t size) {
  if (change.conj) FlipSigns(bytes, size, 2 * change.unit_bytes);
  if (!change.neg) return;
  if (!change.is_integer) {
    FlipSigns(bytes, size, change.unit_bytes);
    return;
  }
  switch (change.unit_bytes) {
    case 1:
      NegateIntegers<uint8_t>(bytes, size);
      break;
    case 2:
      NegateIntegers<uint16_t>(bytes, size);
      break;
    case 4:
      NegateIntegers<uint32_t>(bytes, size);
      break;
    default:
      NegateIntegers<uint64_t>(bytes, size);
      break;
  }
}

absl::StatusOr<Change> ChangeOf(const Tensor& tensor) {
  Change change;
  change.conj = tensor.is_conj();
  change.neg = tensor.is_neg();
  change.unit_bytes = ByteOrderUnitBytes(tensor.dtype());
  if (!change.neg) return change;
  switch (tensor.dtype()) {
    case DType::kFloat64:
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kComplex128:
    case DType::kComplex64:
    case DType::kComplex32:
    case DType::kBComplex32:
      return change;
    case DType::kInt64:
    case DType::kInt32:
    case DType::kInt16:
    case DType::kInt8:
    case DType::kUInt64:
    case DType::kUInt32:
    case DType::kUInt16:
    case DType::kUInt8:
      change.is_integer = true;
      return change;
    default:
      return absl::UnimplementedError(absl::StrCat(
          "no digest: ", Name(tensor.dtype()), " elements cannot be negated"));
  }
}

template <size_t kBytes>
void GatherElements(const char* from, int64_t count, uint64_t stride_bytes,
                    char* to) {
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to, from, kBytes);
    from += stride_bytes;
    to += kBytes;
  }
}

void Gather(const char* from, int64_t count, uint64_t stride_bytes,
            uint64_t element_bytes, char* to) {
  if (stride_bytes == element_bytes) {
    std::memcpy(to, from, static_cast<size_t>(count) * element_bytes);
    return;
  }
  switch (element_bytes) {
    case 1:
      return GatherElements<1>(from, count, stride_bytes, to);
    case 2:
      return GatherElements<2>(from, count, stride_bytes, to);
    case 4:
      return GatherElements<4>(from, count, stride_bytes, to);
    case 8:
      return GatherElements<8>(from, count, stride_bytes, to);
    default:
      return GatherElements<16>(from, count, stride_bytes, to);
  }
}

// The dimensions of a view with at least one element, without those of size 1,
// and with neighbours that make one run taken as one.
struct View {
  Dimensions sizes;
  Dimensions strides;
};

View Simplify(const Tensor& tensor) {
  View view;
  for (int i = 0; i < tensor.rank(); ++i) {
    const int64_t size = tensor.shape()[i];
    const int64_t stride = tensor.strides()[i];
    if (size == 1) continue;
    int64_t run;
    if (!view.sizes.empty() && !__builtin_mul_overflow(size, stride, &run) &&
        view.strides.back() == run) {
      view.sizes.back() *= size;  // no more than the elements of the tensor
      view.strides.back() = stride;
    } else {
      view.sizes.push_back(size);
      view.strides.push_back(stride);
    }
  }
  if (view.sizes.empty()) {
    view.sizes.push_back(1);
    view.strides.push_back(1);
  }
  return view;
}

// Feeds the elements of a tensor to a hash, run by run.
class Hasher {
 public:
  Hasher(const Change& change, uint64_t element_bytes)
      : change_(change), element_bytes_(element_bytes) {}

  // `count` elements, each `stride` elements after the one before.
  void AddRun(const char* from, int64_t count, int64_t stride) {
    const uint64_t stride_bytes =
        static_cast<uint64_t>(stride) * element_bytes_;
    const bool changes = change_.conj || change_.neg;
    if (!changes && stride_bytes == element_bytes_ &&
        static_cast<uint64_t>(count) * element_bytes_ >= kDirectBytes) {
      Flush();
      hash_.Update(from, static_cast<uint64_t>(count) * element_bytes_);
      return;
    }
    while (count > 0) {
      const int64_t piece =
          std::min<int64_t>(count, (kBufferBytes - filled_) / element_bytes_);
      Gather(from, piece, stride_bytes, element_bytes_, buffer_ + filled_);
      filled_ += static_cast<size_t>(piece) * element_bytes_;
      from += static_cast<uint64_t>(piece) * stride_bytes;
      count -= piece;
      if (filled_ == kBufferBytes) Flush();
    }
  }

  absl::StatusOr<std::string> Finish() {
    Flush();
    return hash_.Finish();
  }

 private:
  void Flush() {
    Apply(change_, buffer_, filled_);
    hash_.Update(buffer_, filled_);
    filled_ = 0;
  }

  const Change change_;
  const uint64_t element_bytes_;
  Sha256 hash_;
  size_t filled_ = 0;
  char buffer_[kBufferBytes];
};

absl::StatusOr<std::string> DigestPacked(const Tensor& tensor,
                                         absl::Span<const char> bytes) {
  const auto per_unit = static_cast<int64_t>(ElementsPerUnit(tensor.dtype()));
  if (!tensor.is_contiguous() || tensor.storage_offset() % per_unit != 0 ||
      tensor.is_neg()) {
    return absl::UnimplementedError(
        absl::StrCat("no digest: its ", Name(tensor.dtype()),
                     " elements do not stand in a row"));
  }
  const uint64_t unit_bytes = ElementSizeBytes(tensor.dtype());
  const auto units =
      static_cast<uint64_t>(tensor.num_elements() / per_unit +
                            (tensor.num_elements() % per_unit != 0 ? 1 : 0));
  Sha256 hash;
  hash.Update(
      bytes.data() + static_cast<uint64_t>(tensor.storage_offset() / per_unit) *
                         unit_bytes,
      units * unit_bytes);
  return hash.Finish();
}

}  // namespace

absl::StatusOr<std::string> DigestTensor(const Tensor& tensor,
                                         absl::Span<const char> storage_bytes) {
  if (tensor.num_elements() == 0) return Sha256().Finish();
  if (ElementsPerUnit(tensor.dtype()) != 1) {
    return DigestPacked(tensor, storage_bytes);
  }
  FERRY_ASSIGN_OR_RETURN(const Change change, ChangeOf(tensor));
  const uint64_t element_bytes = ElementSizeBytes(tensor.dtype());
  uint64_t size_bytes;
  if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.num_elements()),
                             element_bytes, &size_bytes) ||
      (size_bytes > storage_bytes.size() && size_bytes > kMaxRepeatedBytes)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no digest: its ", tensor.num_elements(),
                     " elements repeat those of a storage of ",
                     storage_bytes.size(), " bytes"));
  }
  const View view = Simplify(tensor);
  const size_t inner = view.sizes.size() - 1;
  Hasher hasher(change, element_bytes);
  // Of the dimensions but the innermost: where the run is.
  Dimensions index(inner, 0);
  int64_t offset = tensor.storage_offset();
  while (true) {
    hasher.AddRun(
        storage_bytes.data() + static_cast<uint64_t>(offset) * element_bytes,
        view.sizes[inner], view.strides[inner]);
    size_t dimension = inner;
    while (dimension > 0) {
      --dimension;
      if (index[dimension] + 1 < view.sizes[dimension]) {
        ++index[dimension];
        offset += view.strides[dimension];
        break;
      }
      offset -= view.strides[dimension] * index[dimension];
      index[dimension] = 0;
      if (dimension == 0) return hasher.Finish();
    }
    if (inner == 0) return hasher.Finish();
  }
}

absl::StatusOr<std::vector<absl::StatusOr<std::string>>> DigestTensors(
    const Checkpoint& checkpoint, absl::Span<const Tensor> tensors) {
  std::vector<absl::StatusOr<std::string>> digests(tensors.size());
  // Storages in the order of the file's first reference, each with its tensors.
  struct Group {
    Storage storage;
    std::vector<size_t> tensors;
  };
  std::vector<Group> groups;
  absl::flat_hash_map<Storage, size_t> group_by_storage;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto [found, is_new] =
        group_by_storage.try_emplace(tensors[i].storage(), groups.size());
    if (is_new) groups.push_back({tensors[i].storage(), {}});
    groups[found->second].tensors.push_back(i);
  }
  for (size_t next = 0; next < groups.size();) {
    std::vector<uint64_t> sizes;
    uint64_t total_bytes = 0;
    const size_t first = next;
    for (; next < groups.size(); ++next) {
      const uint64_t size = groups[next].storage.size_bytes();
      if (next > first &&
          size > kBatchBytes - std::min(total_bytes, kBatchBytes)) {
        break;
      }
      sizes.push_back(size);
      total_bytes += size;
    }
    FERRY_ASSIGN_OR_RETURN(const std::vector<Memory> memory,
                           AllocateHostMemory(sizes));
    std::vector<Checkpoint::Destination> destinations;
    std::vector<std::pair<size_t, absl::Span<char>>> work;
    for (size_t k = 0; k < sizes.size(); ++k) {
      const absl::Span<char> bytes(static_cast<char*>(memory[k].data),
                                   sizes[k]);
      destinations.push_back({groups[first + k].storage, bytes});
      for (size_t i : groups[first + k].tensors) work.emplace_back(i, bytes);
    }
    FERRY_RETURN_IF_ERROR(checkpoint.ReadInto(destinations));
    FERRY_RETURN_IF_ERROR(
        ParallelForEach(static_cast<int64_t>(work.size()), [&](int64_t w) {
          const auto& [i, bytes] = work[w];
          digests[i] = DigestTensor(tensors[i], bytes);
          return absl::OkStatus();
        }));
  }
  return digests;
}

}  // namespace ferry
