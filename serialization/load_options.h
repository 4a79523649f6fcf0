// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/load_options.h
// -----------------------------------------------------------------------------
//
// How a checkpoint is loaded.
//
// Example: everything to the CPU, also from a file that was saved on GPUs.
//
//   LoadOptions options;
//   options.map_location = MapLocation::To("cpu");
//   FERRY_ASSIGN_OR_RETURN(Value value, Load("train.pt", options));
#ifndef FERRY_SERIALIZATION_LOAD_OPTIONS_H_
#define FERRY_SERIALIZATION_LOAD_OPTIONS_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ferry/devices/device_registry.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {

class ClassRegistry;
class CodecRegistry;

// Where storages go.
enum class Placement {
  // To the device that the location tag names, or what `map_location` makes of
  // it.
  kPlace,
  // All to the host. Each remembers that tag (`Storage::recorded_location`),
  // which a save writes again; nobody asks whether there is such a device.
  kHost,
};

// What becomes of the globals that a pickle refers to: classes and functions of
// Python. None is ever run.
enum class Globals {
  // What is not known becomes an object that says how it was made.
  kData,
  // Loading fails with kPermissionDenied on globals that PyTorch's
  // `weights_only=True` does not allow, unless the program allows them, and, as
  // there, on all TorchScript and tar archives. So does one storage of two
  // dtypes. (PyTorch also refuses protocols other than 2 and files that are no
  // checkpoints; Ferry reads them.)
  kStrict,
};

// `progress` and `is_cancelled` are those of `TransferControl`.
struct LoadOptions : TransferControl {
  // --- What is loaded --------------------------------------------------------

  // Default: to the devices that the file names.
  Placement placement = Placement::kPlace;

  // Other locations than the file's. Default: none.
  MapLocation map_location;

  // Whether it is an error (kInvalidArgument) if `map_location`, by text or
  // table, maps no storage that is placed. Default: no, as in PyTorch, where a
  // mistyped key goes unnoticed.
  bool map_location_must_match = false;

  // Which devices there are. Null: `DeviceRegistry::Default()`.
  const DeviceRegistry* registry = nullptr;

  // The name of the codec that must have written the file: "pickle", or another
  // that is registered. Files of other codecs are refused (kInvalidArgument)
  // before their object graph is read, so a name other than "pickle" keeps all
  // pickles out. Empty, the default: the registered codec that the file's graph
  // record is marked with. Legacy streams, tar archives and bare pickles are
  // always of "pickle"; safetensors files have no codec and open only if this
  // is empty.
  std::string codec;

  // Which codecs there are. Null: `CodecRegistry::Default()`. Must live until
  // the checkpoint has been opened.
  const CodecRegistry* codec_registry = nullptr;

  // Default: as data.
  Globals globals = Globals::kData;

  // What kStrict allows besides PyTorch's own list: "my_package.Point". Nothing
  // of the modules os, posix, nt and sys, as in PyTorch, and not
  // torch.storage._load_from_bytes, which loads another checkpoint without any
  // check. Default: nothing.
  std::vector<std::string> allowed_globals;

  // Classes that the program reads, which kStrict allows as well. Null, the
  // default: none. Not needed after the load.
  const ClassRegistry* classes = nullptr;

  // Of a zip archive that does not say: PyTorch has said since 2.1. Default:
  // little, which is what nearly all machines wrote.
  ByteOrder fallback_byte_order = ByteOrder::kLittle;

  // Where the checkpoint begins in the file, or after the position of a source:
  // it may stand inside a larger one. Default: at the first byte.
  uint64_t offset_bytes = 0;

  // The number of bytes from there on that are the checkpoint's. Needed to read
  // a zip archive that another one follows, since an archive is found from its
  // end. Default: all bytes up to the end.
  uint64_t size_bytes = std::numeric_limits<uint64_t>::max();

  LoadLimits limits;

  // Whether the checksum of each record is computed and compared with the one
  // in the file, if the file has one. Default: yes. Costs about a tenth of a
  // load, since bytes are checked while they are in cache.
  bool verify_crc32 = true;

  // Of a file that is opened by its path: whether storages that stay on the
  // host are left in the file and mapped, each until the last handle to it
  // goes, so that pages are read when they are touched. Default: no; storages
  // are read into memory of their own.
  //
  // What is mapped is not compared with its checksum (`Checkpoint::Verify` does
  // that). Not mapped but read as usual are storages of the other byte order,
  // those in deflated records, and those that do not begin at a multiple of 16
  // bytes in the file, so that every dtype is aligned; `torch.save` aligns to
  // 64. Writing to a tensor of a kReadOnly mapping ends the process, and so
  // does touching one of a file that has become shorter.
  FileMapping mapping = FileMapping::kNone;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LOAD_OPTIONS_H_
