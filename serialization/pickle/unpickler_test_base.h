// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/unpickler_test_base.h
// -----------------------------------------------------------------------------
//
// What the tests of `Unpickle` have in common.
#ifndef FERRY_SERIALIZATION_PICKLE_UNPICKLER_TEST_BASE_H_
#define FERRY_SERIALIZATION_PICKLE_UNPICKLER_TEST_BASE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value_kind.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// Bytes that may have zeros in them.
template <size_t N>
std::string B(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

class UnpicklerTest : public testing::Test {
 protected:
  // The root; a failure of the test if there is none.
  NodeId Read(const std::string& bytes, UnpickleHooks* hooks = nullptr) {
    const absl::StatusOr<UnpickleResult> result =
        Unpickle(bytes, Budget::Unlimited(), hooks, &graph_);
    EXPECT_THAT(result, IsOk()) << " in " << absl::CHexEscape(bytes);
    return result.ok() ? result->root : ObjectGraph::kNone;
  }
  absl::Status Error(const std::string& bytes,
                     Budget* budget = Budget::Unlimited()) {
    ObjectGraph graph;
    return Unpickle(bytes, budget, nullptr, &graph).status();
  }
  absl::StatusCode ErrorCode(const std::string& bytes) {
    return Error(bytes).code();
  }

  ValueKind Kind(NodeId node) { return graph_.kind(node); }
  absl::string_view Text(NodeId node) { return graph_.text(node); }

  ObjectGraph graph_;
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_UNPICKLER_TEST_BASE_H_
