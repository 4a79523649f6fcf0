// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/sha256.h
// -----------------------------------------------------------------------------
//
// Computes the SHA-256 (FIPS 180-4) of bytes that arrive piece by piece.
//
// Example:
//
//   Sha256 hash;
//   hash.Update("abc");
//   FERRY_ASSIGN_OR_RETURN(std::string hex, hash.Finish());
#ifndef FERRY_TOOLS_FERRY_SHA256_H_
#define FERRY_TOOLS_FERRY_SHA256_H_

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Sha256
//
// Thread-safety: none.
class Sha256 {
 public:
  Sha256();

  void Update(absl::string_view bytes);

  // Returns the digest in lower-case hexadecimal. Must be called once, last.
  //
  // Errors: kInternal - OpenSSL has no SHA-256 or no memory.
  absl::StatusOr<std::string> Finish();

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  bool ok_;
};

// Returns the digest of `bytes`. Errors: as `Sha256::Finish`.
absl::StatusOr<std::string> Sha256Of(absl::string_view bytes);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_SHA256_H_
