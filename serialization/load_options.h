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
#include <functional>
#include <limits>

#include "ferry/devices/device_registry.h"
#include "ferry/serialization/map_location.h"

namespace ferry {

// Where storages go.
enum class Placement {
  // To the device that the location tag names, or what `map_location` makes of
  // it.
  kPlace,
  // All to the host. Each remembers that tag (`Storage::recorded_location`),
  // which a save writes again; nobody asks whether there is such a device.
  kHost,
};

// What a file may ask for. More is refused with kResourceExhausted. The
// defaults let every honest file pass that fits the machine.
struct LoadLimits {
  // Of the pickle, and of the directory of a zip archive.
  uint64_t max_pickle_bytes = uint64_t{4} << 30;
  // Objects of the graph, at 16 bytes each; a tensor takes about 15.
  uint32_t max_nodes = 200 * 1000 * 1000;
  // Of the storages that one call places.
  uint64_t max_total_bytes = std::numeric_limits<uint64_t>::max();
};

struct LoadOptions {
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

  LoadLimits limits;

  // Whether the checksum of each record is computed and compared with the one
  // in the file, if the file has one. Default: yes. Costs about a tenth of a
  // load, since bytes are checked while they are in cache.
  bool verify_crc32 = true;

  // --- While it loads --------------------------------------------------------

  // Called now and then with the bytes read and the bytes in all, from one
  // thread at a time, which need not be the caller's. Default: none.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;

  // Asked every few MiB, from several threads at once; once it says yes, the
  // load ends with kCancelled. Default: never.
  std::function<bool()> is_cancelled;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LOAD_OPTIONS_H_
