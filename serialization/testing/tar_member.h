// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/tar_member.h
// -----------------------------------------------------------------------------
//
// Writes members of tar archives (POSIX.1-1988, "ustar"). Two empty blocks,
// std::string(1024, '\0'), end an archive.
#ifndef FERRY_SERIALIZATION_TESTING_TAR_MEMBER_H_
#define FERRY_SERIALIZATION_TESTING_TAR_MEMBER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

inline constexpr size_t kTarBlockBytes = 512;

// Returns `archive` with the checksum that its first header should have.
inline std::string WithTarChecksum(std::string archive) {
  archive.replace(148, 8, "        ");
  size_t sum = 0;
  for (size_t i = 0; i < kTarBlockBytes; ++i) {
    sum += static_cast<unsigned char>(archive[i]);
  }
  return archive.replace(148, 7, absl::StrFormat("%06o", sum) + '\0');
}

// Returns the header of a member of `size_bytes`. `name` may have up to 100
// bytes. The type '0' is a file.
inline std::string TarHeader(absl::string_view name, uint64_t size_bytes,
                             char type = '0') {
  std::string header(kTarBlockBytes, '\0');
  header.replace(0, name.size(), std::string(name));
  header.replace(100, 7, "0000644");
  header.replace(124, 11, absl::StrFormat("%011o", size_bytes));
  header[156] = type;
  header.replace(257, 8, std::string("ustar\00000", 8));
  return WithTarChecksum(std::move(header));
}

// Returns `contents`, padded to whole blocks.
inline std::string TarPadded(std::string contents) {
  contents.resize((contents.size() + kTarBlockBytes - 1) / kTarBlockBytes *
                  kTarBlockBytes);
  return contents;
}

// Returns a header and padded contents.
inline std::string TarMember(absl::string_view name, char type,
                             absl::string_view contents) {
  return absl::StrCat(TarHeader(name, contents.size(), type),
                      TarPadded(std::string(contents)));
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_TAR_MEMBER_H_
