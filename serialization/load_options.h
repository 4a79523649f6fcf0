// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/load_options.h
// -----------------------------------------------------------------------------
//
// Options for loading a checkpoint.
//
// Example: load everything to the CPU, even from a file that was saved on GPUs.
//
//   LoadOptions options;
//   options.map_location = MapLocation::To("cpu");
//   FERRY_ASSIGN_OR_RETURN(Value value, Load("train.pt", options));
#ifndef FERRY_SERIALIZATION_LOAD_OPTIONS_H_
#define FERRY_SERIALIZATION_LOAD_OPTIONS_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/page_pool.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

class ClassRegistry;
class CodecRegistry;

// Where storages go.
enum class Placement {
  // Storages go to the device that the location tag names, after `map_location`
  // is applied.
  kPlace,
  // All to the host. Each storage remembers its tag
  // (`Storage::recorded_location`), and a save writes it again. The device need
  // not exist on this machine.
  kHost,
};

// How to treat the globals that a pickle refers to, which are Python classes
// and functions. None of them is ever run.
enum class Globals {
  // An unknown global becomes an object that records how it was constructed.
  kData,
  // Loading fails with kPermissionDenied if the file uses a global that neither
  // PyTorch's `weights_only=True` nor the program allows, if it is a
  // TorchScript or tar archive (which `weights_only` also refuses), or if it
  // uses one storage as two dtypes. (PyTorch also refuses pickle protocols
  // other than 2 and files that hold something other than a checkpoint; Ferry
  // reads them.)
  kStrict,
};

// Inherits `progress` and `is_cancelled` from `TransferControl`.
struct LoadOptions : TransferControl {
  // --- What is loaded --------------------------------------------------------

  // Where storages go. The default is the devices that the file names.
  Placement placement = Placement::kPlace;

  // Replaces the locations that the file names. The default replaces none.
  MapLocation map_location;

  // Whether to fail with kInvalidArgument if `map_location` is given by text or
  // by table but matches none of the storages that are loaded. The default is
  // false, as in PyTorch, where a mistyped key goes unnoticed.
  bool map_location_must_match = false;

  // If set, casts every strided floating-point tensor to this floating-point
  // dtype while it is loaded, as PyTorch's `module.to(dtype)` does: rounding is
  // described in core/cast_elements.h. `Checkpoint::root` shows the new dtype
  // even before the load. A storage is cast once, so tensors that share one
  // still do. Packages and map functions of the program see the cast storage.
  // Other tensors stay as they are: integers, complex and quantised tensors
  // with their scales, and sparse tensors with their values. (The values of a
  // jagged nested tensor are a strided tensor in the file, so they are cast.)
  //
  // Elements are cast while they are read. On the way to a device they pass
  // through blocking copies instead of a transfer stream.
  //
  // Opening fails with kInvalidArgument if a storage to be cast is also used as
  // another dtype or by a tensor that stays as it is, or if `mapping` is set;
  // and with kUnimplemented if a tensor's dtype cannot be cast
  // (float4_e2m1fn_x2), or a tensor is negated and `dtype` cannot be. The
  // default casts nothing.
  std::optional<DType> dtype;

  // The registry of devices to load to. Null means `DeviceRegistry::Default()`.
  const DeviceRegistry* registry = nullptr;

  // The name of the codec that must have written the file: "pickle" or another
  // registered codec. A file of another codec is refused (kInvalidArgument)
  // before its object graph is read, so a name other than "pickle" refuses all
  // pickles. If empty, which is the default, the name of the graph record in
  // the file selects a registered codec. The codec of legacy streams, tar
  // archives and bare pickles is always "pickle". Safetensors files have no
  // codec and open only if this is empty.
  std::string codec;

  // The registry of codecs. Null means `CodecRegistry::Default()`. Must live
  // until the checkpoint has been opened.
  const CodecRegistry* codec_registry = nullptr;

  // How to treat Python's globals. The default keeps unknown ones as data.
  Globals globals = Globals::kData;

  // Globals that kStrict allows in addition to PyTorch's own list, such as
  // "my_package.Point". As in PyTorch, these cannot include anything from the
  // modules os, posix, nt and sys. Nor can they include
  // torch.storage._load_from_bytes, which loads another checkpoint without any
  // check. The default is empty.
  std::vector<std::string> allowed_globals;

  // The classes that the program can read, which kStrict also allows. Null, the
  // default, means none. Not needed after the load.
  const ClassRegistry* classes = nullptr;

  // The byte order of a zip archive that does not record its own. PyTorch has
  // recorded it since 2.1. The default is little-endian, which nearly all
  // machines write.
  ByteOrder fallback_byte_order = ByteOrder::kLittle;

  // Where the checkpoint begins, in bytes from the start of the file or from
  // the position of the source. Use this for a checkpoint inside a larger file.
  // The default is 0.
  uint64_t offset_bytes = 0;

  // The size of the checkpoint, in bytes from `offset_bytes`. Needed to read a
  // zip archive that another archive follows, because an archive is found from
  // its end. The default is all bytes up to the end of the file.
  uint64_t size_bytes = std::numeric_limits<uint64_t>::max();

  // What opening the checkpoint may spend; a file that needs more is refused
  // with kResourceExhausted. The defaults are in proportion to the size of the
  // file (core/budget.h). `max_output_bytes` has no effect.
  BudgetOptions budget;

  // The maximum total size, in bytes, of the storages that one call loads; more
  // are refused with kResourceExhausted. The default is no limit.
  uint64_t max_tensor_bytes = std::numeric_limits<uint64_t>::max();

  // Whether to compute the CRC-32 of each record and compare it with the one in
  // the file, if the file has one. The default is true. This takes only about a
  // tenth of the load time, because bytes are checked while they are in cache.
  // Storages that a package takes as a range of the file
  // (`PackageFunctions::from_file`) are not checked.
  bool verify_crc32 = true;

  // Whether to map storages into memory instead of reading them, so that a page
  // is read when it is first touched. Applies only to files opened by path, and
  // only to storages that stay on the host. A storage stays mapped until its
  // last handle is destroyed. The default reads storages into memory of their
  // own.
  //
  // Mapped bytes are compared with their checksum only if `verify_mapped` is
  // set, or by `Checkpoint::Verify`. Some storages are read as usual instead of
  // being mapped: those of the other byte order, those in deflated records, and
  // those whose elements are not aligned in the file as their dtype needs:
  // float32 to 4 bytes. `torch.save` aligns storages to 64 bytes, and the
  // safetensors library aligns each tensor as its dtype needs. Writing to a
  // tensor in a kReadOnly mapping ends the process, and so does touching a
  // tensor past the end of a file that has become shorter.
  FileMapping mapping = FileMapping::kNone;

  // Whether to compare storages that are mapped with their checksums, as
  // `verify_crc32` says for those that are read. This reads the whole storages,
  // in place, so it takes less than half the CPU time of a load into memory of
  // their own. What is verified is the file of that moment: a program that
  // writes to the file later changes the tensors. Use `kNone` where others may
  // write to the file. The default is false, so that a page is read when it is
  // first touched.
  bool verify_mapped = false;

  // The pool that large allocations come from and return to. It serves storages
  // on the host, temporary memory of the load and, for zip archives, the object
  // graph and the directory. It does not serve a program's own backends, which
  // allocate the memory of their storages themselves. Repeated loads of 20 000
  // small tensors take about 12 % less time with a pool. The default,
  // null, returns freed memory to the system.
  std::shared_ptr<PagePool> page_pool;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LOAD_OPTIONS_H_
