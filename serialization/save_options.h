// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/save_options.h
// -----------------------------------------------------------------------------
//
// How a value is saved.
//
// Example: a file that looks as PyTorch 1.13 would have written it.
//
//   SaveOptions options;
//   options.compatibility = Compatibility::kTorch1_6;
//   FERRY_RETURN_IF_ERROR(Save(value, "model.pt", options));
#ifndef FERRY_SERIALIZATION_SAVE_OPTIONS_H_
#define FERRY_SERIALIZATION_SAVE_OPTIONS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ferry/devices/device_registry.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {

class CodecRegistry;

// The PyTorch versions whose archive is written: which records, in which order.
// Every version from 1.6 on opens each of them, if it knows what is in it: conj
// and neg bits need 2.0, and dtypes without a storage class of their own, such
// as float8 and uint16, the version that brought them.
enum class Compatibility {
  // 1.6 to 2.0: the pickle, storages sorted as text (0, 1, 10, 2), version.
  kTorch1_6,
  // 2.1 to 2.6: with `byteorder` and a serialization id.
  kTorch2_1,
  // 2.7 and later: with `.format_version` and `.storage_alignment`, storages in
  // the order of first reference.
  kTorch2_7,
};

// `progress` and `is_cancelled` are those of `TransferControl`; a save that is
// cancelled leaves the old file.
struct SaveOptions : TransferControl {
  // --- What is written -------------------------------------------------------

  // The form of the file: kZip, the default; kLegacy, which PyTorch before 1.6
  // reads, too, and which has no checksums, no names and no alignment, so that
  // the options about them, and `compatibility`, say nothing (nested tensors
  // and generators, which PyTorch cannot read from one, are kUnimplemented); or
  // kSafetensors, which has room for a dict of tensors and nothing else: see
  // `WriteSafetensors`. Of the options below that one uses those that say so.
  Container container = Container::kZip;

  // The name of the codec that writes the object graph. Empty, the default:
  // "pickle", the only one that PyTorch reads. Other codecs need the zip
  // container (kInvalidArgument). kSafetensors has no codec: leave this empty.
  std::string codec;

  // Which codecs there are. Null: `CodecRegistry::Default()`.
  const CodecRegistry* codec_registry = nullptr;

  // The protocol that the codec "pickle" writes, 0 to 5. Default: 2, as in
  // PyTorch; `weights_only` reads no other. Protocol 0 is for values without
  // tensors and storages (kUnimplemented): PyTorch writes it with them, and
  // cannot read it. Other codecs ignore this.
  int pickle_protocol = 2;

  // Default: the newest.
  Compatibility compatibility = Compatibility::kTorch2_7;

  // What the records' names begin with. Empty, the default: as in PyTorch, the
  // file's name without its last extension, or "archive" where there is no
  // file.
  std::string archive_name;

  // Storages begin at multiples of this: 64, the default, to 32768. Larger
  // alignments let a reader map them; they cost half of it per storage.
  uint64_t storage_alignment = 64;

  // Whether checksums are written. Default: yes; costs about a tenth of a save.
  // Without them nobody can tell whether the file is damaged.
  bool compute_crc32 = true;

  // Of a safetensors file: its `__metadata__`, names and texts. Default: none;
  // some readers want {"format", "pt"}.
  std::vector<std::pair<std::string, std::string>> metadata;

  // Of a safetensors file: whether tensors that share memory are each written
  // whole, and so share none when they are read. Default: no; they are an
  // error.
  bool copy_shared = false;

  // Which devices there are. Null: `DeviceRegistry::Default()`.
  const DeviceRegistry* registry = nullptr;

  // --- How it is written -----------------------------------------------------

  // Of a save to a path. Default: durable when the call returns.
  Durability durability = Durability::kFull;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAVE_OPTIONS_H_
