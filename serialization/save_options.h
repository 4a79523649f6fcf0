// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/save_options.h
// -----------------------------------------------------------------------------
//
// Options for saving a value.
//
// Example: write a file as PyTorch 1.13 would have written it.
//
//   SaveOptions options;
//   options.compatibility = Compatibility::kTorch1_6;
//   FERRY_RETURN_IF_ERROR(Save(value, "model.pt", options));
#ifndef FERRY_SERIALIZATION_SAVE_OPTIONS_H_
#define FERRY_SERIALIZATION_SAVE_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ferry/core/budget.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/atomic_file.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/torch/compatibility.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

class CodecRegistry;

// Inherits `progress` and `is_cancelled` from `TransferControl`. A cancelled
// save leaves the old file in place.
struct SaveOptions : TransferControl {
  // --- What is written -------------------------------------------------------

  // The container to write. The default is kZip.
  //
  // kLegacy writes a file that PyTorch before 1.6 can read, too. It has no
  // checksums, record names or alignment, so the options about them are
  // ignored, and so is `compatibility`. Nested tensors and generators are
  // kUnimplemented, because PyTorch cannot read them from such a file.
  //
  // kSafetensors can hold a dict of tensors and nothing else: see
  // `WriteSafetensors`. Such a file has no objects, records or location tags.
  // It ignores the options about them, except that `codec` must be empty.
  Container container = Container::kZip;

  // The name of the codec that writes the object graph. Empty, the default,
  // means "pickle", the only codec that PyTorch reads. Other codecs need the
  // zip container (else kInvalidArgument). For kSafetensors, which has no
  // codec, leave this empty.
  std::string codec;

  // The registry of codecs. Null means `CodecRegistry::Default()`.
  const CodecRegistry* codec_registry = nullptr;

  // The pickle protocol that the codec "pickle" writes, 0 to 5. The default is
  // 2, as in PyTorch; `weights_only` reads no other. With protocol 0 a value
  // that has tensors or storages is kUnimplemented: PyTorch writes such files
  // but cannot read them. Other codecs ignore this option.
  int pickle_protocol = 2;

  // The archive layout to write. The default is the newest.
  Compatibility compatibility = Compatibility::kTorch2_7;

  // The prefix of the record names. If empty, which is the default, it is the
  // file's name without its last extension, or "archive" if there is no file,
  // as in PyTorch.
  std::string archive_name;

  // The alignment of storages in the file, in bytes, from 64 (the default) to
  // 32768. A larger alignment lets a reader map the storages; it wastes half
  // the alignment per storage on average.
  uint64_t storage_alignment = 64;

  // Whether to compute and write checksums. The default is true, which takes
  // about a tenth of the save time. Without checksums, damage to the file
  // cannot be detected.
  bool compute_crc32 = true;

  // The `__metadata__` of a safetensors file, as pairs of name and text. The
  // default is empty. Some readers require {"format", "pt"}.
  std::vector<std::pair<std::string, std::string>> metadata;

  // Whether to write tensors that share memory in full, one by one, to a
  // safetensors file, so that they no longer share memory when read back. The
  // default is false: such tensors are an error.
  bool copy_shared = false;

  // Replaces the location tags that the file gets. The default replaces none:
  // each storage gets the tag of its device, or the one that it recorded when
  // it was loaded with `Placement::kHost`. Use this to write a file for a
  // program that knows the device under another name, or not at all:
  //
  //   SaveOptions options;
  //   options.map_location = MapLocation::Table({{"opencl:0", "cuda:0"}});
  //
  // The device of the new tag need not exist. The form `Function` and a mapping
  // to an empty tag are kInvalidArgument. The container kSafetensors ignores
  // this option in all its forms, because its files have no location tags.
  MapLocation map_location;

  // The registry of devices. Null means `DeviceRegistry::Default()`.
  const DeviceRegistry* registry = nullptr;

  // What the save may spend. A value from an untrusted file may have few bytes
  // of memory and make a file of terabytes: strides repeat elements, and
  // storages and tensors share memory. Such a value is refused with
  // kResourceExhausted before anything is written. The defaults are in
  // proportion to the memory of the value, in which what is shared counts once
  // (core/budget.h). `max_output_bytes` limits the size of the file,
  // `max_memory_bytes` that of the pickle; `max_steps` has no effect.
  BudgetOptions budget;

  // The size of the file that the value was read from, in bytes. Set it if that
  // file is not trusted: the defaults of `budget` are then in proportion to it,
  // because a small file may inflate to much memory. The bytes that the value
  // has in memory may be written once, whatever that size is; only what repeats
  // them is limited.
  std::optional<uint64_t> source_bytes;

  // --- How it is written -----------------------------------------------------

  // Whether a save to a path waits until the bytes are on the disk. The default
  // does. A file of 16 MiB or more that such a save replaces leaves the page
  // cache first, so a process that reads it meanwhile, or a save of tensors
  // that are mapped from it, reads the disk again.
  Durability durability = Durability::kFull;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAVE_OPTIONS_H_
