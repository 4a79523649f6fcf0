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
#include <string>

#include "ferry/core/object_graph.h"
#include "ferry/core/tensor.h"

namespace ferry {

// A container: "dict, 3 entries", "OrderedDict, 1 entry", "list, 2 items",
// "object of argparse.Namespace".
std::string DescribeContainer(const ObjectGraph& graph, NodeId node);

// Anything else but a tensor: "None", "17", "\"text\"", "torch.float32",
// "bytes, 12 B", "set, 3 items".
std::string DescribeLeaf(const ObjectGraph& graph, NodeId node);

// The tag of the device that a tensor's numbers are on: what the file says, or,
// where its storage is in no file, that of the device.
std::string LocationOf(const Tensor& tensor);

// The bytes of a tensor's elements; of composite tensors, of its components'.
// At most 2^64 - 1, whatever the shape claims.
uint64_t ElementBytesOf(const Tensor& tensor);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_DESCRIBE_H_
