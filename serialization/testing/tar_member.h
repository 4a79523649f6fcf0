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
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns a header and `contents`, padded to whole blocks. `name` may have up
// to 100 bytes. The type '0' is a file.
inline std::string TarMember(absl::string_view name, char type,
                             absl::string_view contents) {
  constexpr size_t kBlockBytes = 512;
  std::string member(kBlockBytes, '\0');
  member.replace(0, name.size(), std::string(name));
  member.replace(124, 11, absl::StrFormat("%011o", contents.size()));
  member.replace(148, 8, "        ");
  member[156] = type;
  member.replace(257, 8, std::string("ustar\00000", 8));
  size_t sum = 0;
  for (char c : member) sum += static_cast<unsigned char>(c);
  member.replace(148, 7, absl::StrFormat("%06o", sum) + '\0');
  absl::StrAppend(&member, contents);
  member.resize((member.size() + kBlockBytes - 1) / kBlockBytes * kBlockBytes);
  return member;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_TAR_MEMBER_H_
