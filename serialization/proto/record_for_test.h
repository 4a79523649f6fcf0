// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/record_for_test.h
// -----------------------------------------------------------------------------
//
// What the tests of this folder share: graphs to write, and records that are
// built value by value, which no writer would write.
//
// Example: a record whose one row is a list that refers to a row after the
// last.
//
//   Columns columns = Rows({NODE_KIND_LIST}, {After(1)}, {1});
//   StatusOfReading(RecordOf(columns));  // kDataLoss
#ifndef FERRY_SERIALIZATION_PROTO_RECORD_FOR_TEST_H_
#define FERRY_SERIALIZATION_PROTO_RECORD_FOR_TEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace proto {

// --- Writing and reading -----------------------------------------------------

// Returns the record of `root`. Locations are those that the storages recorded.
absl::StatusOr<std::string> WriteRecord(const ObjectGraph& graph, NodeId root);

struct ReadBack {
  std::unique_ptr<ObjectGraph> graph = std::make_unique<ObjectGraph>();
  NodeId root = kNoNode;
};

absl::StatusOr<ReadBack> ReadRecord(absl::string_view record,
                                    Budget* budget = Budget::Unlimited());

absl::Status StatusOfReading(const std::string& record);

// Checks that a graph comes back as it was, and that what comes back gives the
// same bytes.
void ExpectComesBack(const ObjectGraph& graph, NodeId root);

// Returns the bytes of a file in testdata.
std::string Contents(absl::string_view name);

// --- Graphs ------------------------------------------------------------------

// Returns a storage on the host whose recorded location is `location`.
Storage HostStorage(uint64_t size_bytes, absl::string_view location = "cpu");

// Returns a tensor over `storage`. Strides and offset count elements.
Tensor View(const Storage& storage, DType dtype,
            const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset = 0);

// Adds a list with every kind of node, and returns it. The graph is what
// testdata/everything_v1.pb holds, so a test of something new begins another.
NodeId AddEverything(ObjectGraph* graph);

// --- Records -----------------------------------------------------------------

// Returns a message with its length before it.
template <typename Message>
std::string Block(const Message& message) {
  std::string block;
  const std::string bytes = message.SerializeAsString();
  Append32(bytes.size(), &block);
  return block + bytes;
}

// Returns the header of a record with these columns, whose root is the first
// row, or None if there are no rows.
wire::Header HeaderOf(const wire::Columns& columns);

// Returns columns with these values.
wire::Columns Rows(const std::vector<int>& kinds,
                   const std::vector<uint32_t>& references = {},
                   const std::vector<uint64_t>& numbers = {},
                   absl::string_view text = "");

// Returns a record with one block of columns.
std::string RecordOf(const wire::Header& header, const wire::Columns& columns);
std::string RecordOf(const wire::Columns& columns);

// Returns the reference from a row to the one `distance` rows before or after
// it.
uint32_t Before(uint32_t distance);
uint32_t After(uint32_t distance);

}  // namespace proto
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_RECORD_FOR_TEST_H_
