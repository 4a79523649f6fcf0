// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/sha256.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Found once: looking for it costs more than a small tensor.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm =
      EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  ok_ = context_ != nullptr &&
        EVP_DigestInit_ex(context_.get(), Algorithm(), nullptr) == 1;
}

void Sha256::Update(absl::string_view bytes) {
  ok_ =
      ok_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

absl::StatusOr<std::string> Sha256::Finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  ok_ = ok_ && EVP_DigestFinal_ex(context_.get(), digest, &size) == 1;
  if (!ok_) {
    return absl::InternalError("OpenSSL cannot compute a SHA-256 digest");
  }
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), size});
}

absl::StatusOr<std::string> Sha256Of(absl::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
