// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Reads any bytes as a pickle. What can be read is walked, copied into another
// graph, and written with every protocol; what was written must read back as a
// graph that is written as the same bytes.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/object_graph.h"

namespace {

using ferry::Budget;
using ferry::NodeId;
using ferry::ObjectGraph;
using ferry::pickle::FromPython2;
using ferry::pickle::GlobalName;
using ferry::pickle::Pickler;
using ferry::pickle::ToPython2;
using ferry::pickle::Unpickle;

void Check(bool condition, absl::string_view what,
           const absl::Status& status = absl::OkStatus()) {
  if (condition) return;
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(what.size()), what.data(),
               status.ToString().c_str());
  std::abort();
}

class Counter final : public ferry::GraphVisitor {
 public:
  absl::Status OnTensor(absl::string_view, NodeId) override { return Add(); }
  absl::Status OnContainer(absl::string_view, NodeId) override { return Add(); }
  absl::Status OnAlias(absl::string_view, absl::string_view) override {
    return Add();
  }
  absl::Status OnLeaf(absl::string_view, NodeId) override { return Add(); }
  size_t count() const { return count_; }

 private:
  absl::Status Add() {
    ++count_;
    return absl::OkStatus();
  }

  size_t count_ = 0;
};

size_t CountOfWalk(const ObjectGraph& graph, NodeId root) {
  Counter counter;
  const absl::Status status =
      ferry::WalkGraph(graph, root, Budget::Unlimited(), &counter);
  Check(status.ok(), "walk", status);
  return counter.count();
}

// Returns whether all globals of `some` are among those of `all`.
bool HasGlobalsOf(const ObjectGraph& some, const ObjectGraph& all) {
  for (const ferry::GlobalRecord& global : some.globals()) {
    if (all.FindGlobal(global.module, global.name) == ferry::kNoNode) {
      return false;
    }
  }
  return true;
}

// Before protocol 4 the name of a nested class is written as calls of getattr.
bool HasNestedGlobal(const ObjectGraph& graph) {
  for (const ferry::GlobalRecord& global : graph.globals()) {
    if (global.name.find('.') != absl::string_view::npos) return true;
  }
  return false;
}

// Python 2 has one name for both "_functools.reduce" and "functools.reduce".
bool ComesBackFromPython2(const ObjectGraph& graph) {
  for (const ferry::GlobalRecord& global : graph.globals()) {
    const GlobalName back =
        FromPython2(ToPython2({global.module, global.name}));
    if (back.module != global.module || back.name != global.name) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Budget budget(ferry::BudgetOptions(), size);
  ObjectGraph graph;
  const auto result =
      Unpickle({reinterpret_cast<const char*>(data), size}, &budget,
               /*hooks=*/nullptr, &graph);
  if (!result.ok()) return 0;
  const size_t count = CountOfWalk(graph, result->root);

  ObjectGraph copy;
  const NodeId copied = copy.Import(graph, result->root);
  Check(CountOfWalk(copy, copied) == count, "the walk of a copy differs");

  for (int protocol = 2; protocol <= 5; ++protocol) {
    if (protocol == 2 && !ComesBackFromPython2(graph)) continue;
    Pickler pickler(graph, protocol, /*hooks=*/nullptr);
    const absl::Status written = pickler.Dump(result->root);
    if (!written.ok()) {
      Check(written.code() == absl::StatusCode::kUnimplemented ||
                written.code() == absl::StatusCode::kInvalidArgument,
            "write", written);
      continue;
    }
    const std::string bytes(pickler.bytes());
    ObjectGraph again;
    const auto reread =
        Unpickle(bytes, Budget::Unlimited(), /*hooks=*/nullptr, &again);
    Check(reread.ok(), "read what was written", reread.status());
    Check(reread->size_bytes == bytes.size(), "bytes are left");
    Check((protocol < 4 && HasNestedGlobal(graph)) ||
              CountOfWalk(again, reread->root) == count,
          "the walk of what was written differs");
    // Protocol 5 needs no calls of functions that were not in what was read.
    Check(protocol < 5 || HasGlobalsOf(again, graph),
          "what was written has other globals");
    Pickler second(again, protocol, /*hooks=*/nullptr);
    const absl::Status rewritten = second.Dump(reread->root);
    Check(rewritten.ok(), "write again", rewritten);
    Check(second.bytes() == bytes, "written differently");
  }
  return 0;
}
