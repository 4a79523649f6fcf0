// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/describe.h
// -----------------------------------------------------------------------------
//
// Describes nodes of an object graph in a few words, for display. The text is
// short and safe for a terminal, whatever the file holds.
#ifndef FERRY_TOOLS_FERRY_DESCRIBE_H_
#define FERRY_TOOLS_FERRY_DESCRIBE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Describes a container: "dict, 3 entries", "OrderedDict, 1 entry", "list, 2
// items", "object of argparse.Namespace".
std::string DescribeContainer(const ObjectGraph& graph, NodeId node);

// Describes any other node except a tensor: "None", "17", "\"text\"",
// "torch.float32", "bytes, 12 B", "set, 3 items".
std::string DescribeLeaf(const ObjectGraph& graph, NodeId node);

// Returns "module.name".
std::string GlobalName(const GlobalRecord& global);

// Returns "module.name" of the class or function that made an object. Empty if
// the callable is not a global, or if the node was not made by a call.
std::string MakerName(const ObjectGraph& graph, NodeId node);

// Returns the location tag of a storage's bytes or a tensor's numbers: the tag
// in the file, or, if the storage is not from a file, the tag of its device.
std::string LocationOf(const Storage& storage);
std::string LocationOf(const Tensor& tensor);

// Return whether a record of a TorchScript archive is text of its program, or a
// file that the caller of `torch.jit.save` added.
bool IsCode(const RecordInfo& record);
bool IsExtraFile(const RecordInfo& record);

// How the integers of a quantised tensor represent real numbers, as nodes of
// its graph.
struct Quantizer {
  std::string scheme;  // "per_tensor_affine", "per_channel_affine", ...
  // Numbers. If quantised per channel, tensors with one number per channel.
  NodeId scale = kNoNode;
  NodeId zero_point = kNoNode;
  // The dimension of the channels, or kNoNode if there are none.
  NodeId axis = kNoNode;
};

// Returns the quantiser of a tensor, or nullopt if it has none. O(1).
std::optional<Quantizer> QuantizerOf(const ObjectGraph& graph, NodeId tensor);

// A strided tensor that is part of the meaning of another tensor.
struct TensorPart {
  absl::string_view name;
  Tensor tensor;
};

// Returns the components of a sparse tensor with PyTorch's names for them, or
// the scales and zero points of a tensor that is quantised per channel. Empty
// for any other tensor.
std::vector<TensorPart> PartsOf(const ObjectGraph& graph, NodeId tensor);

// Returns the size in bytes of a tensor's elements, or of the components of a
// composite tensor. Saturates at 2^64 - 1, whatever the shape claims.
uint64_t ElementBytesOf(const Tensor& tensor);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_DESCRIBE_H_
