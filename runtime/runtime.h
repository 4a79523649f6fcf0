// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: runtime/runtime.h
// -----------------------------------------------------------------------------
//
// Includes what programs use to load, inspect, build and save the files of
// PyTorch's torch.save and torch.load, without Python and without libtorch.
//
//   #include "ferry/runtime/runtime.h"
//
//   FERRY_ASSIGN_OR_RETURN(ferry::Value checkpoint, ferry::Load("train.pt"));
//   FERRY_ASSIGN_OR_RETURN(ferry::Value weight,
//                          checkpoint.At("/model/fc.weight"));
//   FERRY_ASSIGN_OR_RETURN(ferry::Tensor tensor, weight.AsTensor());
//   FERRY_RETURN_IF_ERROR(ferry::Save(checkpoint, "copy.pt"));
//
// If a step fails, the macros return its error from the enclosing function
// (core/status_macros.h).
//
// What to read next: value/value.h (what a checkpoint holds), core/tensor.h,
// strided_views.h, strided_copies.h and factories.h (using and making tensors),
// serialization/load.h and save.h (and their options), state_dict.h and
// load_into.h (a model's tensors by name), checkpoint.h (reading part of a
// large file), scan/scan.h (what a file would run in Python), class_registry.h
// (your own classes), codec_registry.h (files without pickle, and your own
// codecs), io/byte_source.h and stream_bytes.h (inputs and outputs other than
// files), devices/device_registry.h (more devices), core/generator.h and
// random.h (PyTorch's random numbers). Two headers have targets of their own,
// which //runtime contains: runtime/plugins.h (//runtime:plugins, devices from
// shared objects) and runtime/autograd.h (//runtime:autograd, ops and
// gradients).
//
// Linking //runtime:reader or //runtime registers the CPU and meta devices.
#ifndef FERRY_RUNTIME_RUNTIME_H_
#define FERRY_RUNTIME_RUNTIME_H_

// IWYU pragma: begin_exports
#include "ferry/core/cxx11_abi.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/elements.h"
#include "ferry/core/factories.h"
#include "ferry/core/generator.h"
#include "ferry/core/kept_memory.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/page_pool.h"
#include "ferry/core/parallel.h"
#include "ferry/core/parallel_info.h"
#include "ferry/core/random.h"
#include "ferry/core/scalar.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/copy.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/to_device.h"
#include "ferry/io/atomic_file.h"
#include "ferry/io/byte_source.h"
#include "ferry/io/fd_sink.h"
#include "ferry/io/file.h"
#include "ferry/io/file_range.h"
#include "ferry/io/stream_bytes.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/class_registry.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/detection/not_a_checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_into.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/numpy_array.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/scan/scan.h"
#include "ferry/serialization/scan/scan_options.h"
#include "ferry/serialization/scan/scan_report.h"
#include "ferry/serialization/state_dict.h"
#include "ferry/serialization/torch/program_data.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
// IWYU pragma: end_exports

#endif  // FERRY_RUNTIME_RUNTIME_H_
