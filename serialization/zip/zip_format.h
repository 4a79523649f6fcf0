// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/zip_format.h
// -----------------------------------------------------------------------------
//
// The constants of the zip format (PKWARE's APPNOTE.TXT 6.3.10, section 4).
#ifndef FERRY_SERIALIZATION_ZIP_ZIP_FORMAT_H_
#define FERRY_SERIALIZATION_ZIP_ZIP_FORMAT_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {
namespace zip {

// The signature at the beginning of each structure.
inline constexpr uint32_t kLocalHeaderSignature = 0x04034B50;
inline constexpr uint32_t kDataDescriptorSignature = 0x08074B50;
inline constexpr uint32_t kCentralHeaderSignature = 0x02014B50;
inline constexpr uint32_t kZip64EndSignature = 0x06064B50;
inline constexpr uint32_t kZip64LocatorSignature = 0x07064B50;
inline constexpr uint32_t kEndSignature = 0x06054B50;

// Sizes, without names, extra fields and comments.
inline constexpr uint32_t kCentralHeaderBytes = 46;
inline constexpr uint32_t kZip64EndBytes = 56;
inline constexpr uint32_t kZip64LocatorBytes = 20;
inline constexpr uint32_t kEndBytes = 22;

// Bits of a record's flags.
inline constexpr uint16_t kDataDescriptorFlag = 1 << 3;
inline constexpr uint16_t kUtf8Flag = 1 << 11;
// Traditional encryption, strong encryption, an encrypted directory.
inline constexpr uint16_t kEncryptedFlags = 1 << 0 | 1 << 6 | 1 << 13;

// The bit of a record's external attributes that makes it a folder (MS-DOS).
inline constexpr uint32_t kFolderAttribute = 0x10;

// Compression methods.
inline constexpr uint16_t kStored = 0;
inline constexpr uint16_t kDeflated = 8;

inline constexpr uint16_t kZip64ExtraId = 1;

}  // namespace zip
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_ZIP_FORMAT_H_
