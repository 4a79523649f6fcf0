// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/describe.h
// -----------------------------------------------------------------------------
//
// Nodes of an object graph in a few words, for people. The words are safe for a
// terminal and short, whatever the file holds.
#ifndef FERRY_TOOLS_FERRY_DESCRIBE_H_
#define FERRY_TOOLS_FERRY_DESCRIBE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/value/object_graph.h"

namespace ferry {

// A container: "dict, 3 entries", "OrderedDict, 1 entry", "list, 2 items",
// "object of argparse.Namespace".
std::string DescribeContainer(const ObjectGraph& graph, NodeId node);

// Anything else but a tensor: "None", "17", "\"text\"", "torch.float32",
// "bytes, 12 B", "set, 3 items".
std::string DescribeLeaf(const ObjectGraph& graph, NodeId node);

// "module.name".
std::string GlobalName(const GlobalRecord& global);

// "module.name" of the class or function that made an object; empty if it was
// something else than a global, or if no call made the node.
std::string MakerName(const ObjectGraph& graph, NodeId node);

// The tag of the device that a storage's bytes, or a tensor's numbers, are on:
// what the file says, or, where the storage is in no file, that of the device.
std::string LocationOf(const Storage& storage);
std::string LocationOf(const Tensor& tensor);

// Whether a record of a TorchScript archive is text of its program, or a file
// that the caller of `torch.jit.save` added.
bool IsCode(const RecordInfo& record);
bool IsExtraFile(const RecordInfo& record);

// How a quantised tensor's integers stand for reals, as nodes of its graph.
struct Quantizer {
  std::string scheme;  // "per_tensor_affine", "per_channel_affine", ...
  // Numbers, or, per channel, tensors of one number for each.
  NodeId scale = kNoNode;
  NodeId zero_point = kNoNode;
  // The dimension of the channels, or kNoNode if there are none.
  NodeId axis = kNoNode;
};

// Returns the quantiser of a tensor, or nothing if it has none. O(1).
std::optional<Quantizer> QuantizerOf(const ObjectGraph& graph, NodeId tensor);

// A strided tensor that another one needs to be understood.
struct TensorPart {
  absl::string_view name;
  Tensor tensor;
};

// Returns the components of a sparse tensor by the names that PyTorch has for
// them, or the scales and zero points of one that is quantised per channel.
// Empty for any other tensor.
std::vector<TensorPart> PartsOf(const ObjectGraph& graph, NodeId tensor);

// The bytes of a tensor's elements; of composite tensors, of its components'.
// At most 2^64 - 1, whatever the shape claims.
uint64_t ElementBytesOf(const Tensor& tensor);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_DESCRIBE_H_
