// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/elements.h"
#include "ferry/core/memory.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"

namespace ferry {
namespace {

// Storages are read together up to so many bytes.
constexpr uint64_t kBatchBytes = uint64_t{64} << 20;

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

}  // namespace

absl::StatusOr<std::string> DigestTensor(const Tensor& tensor,
                                         absl::Span<const char> storage_bytes) {
  Sha256 hash;
  const absl::Status status =
      VisitElements(tensor, storage_bytes, [&hash](absl::string_view bytes) {
        hash.Update(bytes.data(), bytes.size());
        return absl::OkStatus();
      });
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("no digest: ", status.message()));
  }
  return hash.Finish();
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
    std::vector<Memory> memory(sizes.size());
    FERRY_RETURN_IF_ERROR(AllocateHostMemory(sizes, absl::MakeSpan(memory)));
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
