// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/python_calls.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/serialization/pickle/pickle_notes.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

using Nodes = std::vector<NodeId>;

class PythonCallsTest : public testing::Test {
 protected:
  NodeId Call(absl::string_view module, absl::string_view name,
              const Nodes& args) {
    const NodeId callable = graph_.AddGlobal(module, name);
    const absl::StatusOr<NodeId> value =
        RebuildPythonValue(FindPythonCall(graph_.global(callable)), callable,
                           graph_.AddTuple(args), &budget_, &graph_);
    status_ = value.status();
    return value.ok() ? *value : kNoNode;
  }
  NodeId Builtin(absl::string_view name, const Nodes& args) {
    return Call("builtins", name, args);
  }
  NodeId Str(absl::string_view text) { return graph_.AddStr(text); }

  ObjectGraph graph_;
  uint64_t budget_ = 1000;
  absl::Status status_;  // of the last call
};

TEST_F(PythonCallsTest, Sets) {
  const Nodes items = {graph_.AddInt(1), Str("a")};
  for (const char* name : {"set", "frozenset"}) {
    for (NodeId arg : {graph_.AddList(items), graph_.AddTuple(items)}) {
      const NodeId set = Builtin(name, {arg});
      ASSERT_NE(set, kNoNode);
      EXPECT_EQ(Name(graph_.kind(set)), name);
      EXPECT_EQ(graph_.items(set), absl::MakeConstSpan(items));
    }
    EXPECT_EQ(graph_.items(Builtin(name, {})).size(), 0u);
    EXPECT_EQ(Builtin(name, {graph_.AddInt(1)}), kNoNode);
    EXPECT_EQ(Builtin(name, {graph_.AddDict()}), kNoNode);
    EXPECT_EQ(Builtin(name, {graph_.AddList(), graph_.AddList()}), kNoNode);
  }
}

TEST_F(PythonCallsTest, BytesAndByteArrays) {
  const NodeId encoding = Str("latin1");
  const NodeId bytes =
      Call("_codecs", "encode", {Str("a\xc3\xbf\xc2\x80"), encoding});
  ASSERT_NE(bytes, kNoNode);
  EXPECT_EQ(graph_.kind(bytes), ValueKind::kBytes);
  EXPECT_EQ(graph_.text(bytes), "a\xff\x80");
  EXPECT_EQ(PickleNotes::Of(graph_).shared_word("latin1"), encoding);
  const NodeId array = Builtin("bytearray", {bytes});
  EXPECT_EQ(graph_.kind(array), ValueKind::kByteArray);
  EXPECT_EQ(graph_.text(array), "a\xff\x80");
  EXPECT_EQ(graph_.text(Builtin("bytearray", {})), "");
  EXPECT_EQ(graph_.text(Builtin("bytes", {})), "");
  EXPECT_EQ(
      graph_.text(Builtin("bytearray", {Str("\xc3\xa9"), Str("latin-1")})),
      "\xe9");
  // Of one character Python has one str.
  const NodeId one = Str("\xc3\xa8");
  Call("_codecs", "encode", {one, encoding});
  EXPECT_EQ(PickleNotes::Of(graph_).shared_word("\xc3\xa8"), one);
}

TEST_F(PythonCallsTest, WhatHasNoLatin1IsLeftACall) {
  EXPECT_EQ(Call("_codecs", "encode", {Str("\xe2\x82\xac"), Str("latin1")}),
            kNoNode);
  EXPECT_EQ(Call("_codecs", "encode", {Str("\xc4\x80"), Str("latin1")}),
            kNoNode);
  EXPECT_EQ(Call("_codecs", "encode", {Str("a"), Str("utf-8")}), kNoNode);
  EXPECT_EQ(Call("_codecs", "encode", {Str("a")}), kNoNode);
  EXPECT_EQ(Call("_codecs", "encode", {graph_.AddInt(1), Str("latin1")}),
            kNoNode);
  // Numbers of bytes, of which Python would make so many.
  EXPECT_EQ(Builtin("bytes", {graph_.AddInt(1 << 30)}), kNoNode);
  EXPECT_EQ(Builtin("bytearray", {graph_.AddInt(1 << 30)}), kNoNode);
}

TEST_F(PythonCallsTest, ComplexNumbers) {
  const NodeId number =
      Builtin("complex", {graph_.AddFloat(1), graph_.AddFloat(-0.0)});
  ASSERT_NE(number, kNoNode);
  EXPECT_EQ(graph_.complex_value(number).real(), 1);
  EXPECT_TRUE(std::signbit(graph_.complex_value(number).imag()));
  EXPECT_EQ(Builtin("complex", {graph_.AddInt(1), graph_.AddFloat(0)}),
            kNoNode);
  EXPECT_EQ(Builtin("complex", {}), kNoNode);
}

TEST_F(PythonCallsTest, OrderedDicts) {
  const NodeId dict = Call("collections", "OrderedDict", {});
  EXPECT_EQ(graph_.kind(dict), ValueKind::kDict);
  EXPECT_TRUE(graph_.is_object(dict));
  // As Python 2 wrote it.
  const NodeId key = Str("k"), value = graph_.AddInt(1);
  const Nodes pair = {key, value};
  const NodeId pairs[] = {graph_.AddList(pair), graph_.AddTuple(pair)};
  const NodeId old =
      Call("collections", "OrderedDict", {graph_.AddList(pairs)});
  EXPECT_EQ(graph_.entries(old),
            absl::MakeConstSpan(Nodes{key, value, key, value}));
  EXPECT_EQ(graph_.object(old).args, ObjectGraph::kEmptyTuple);
  const NodeId bad[] = {graph_.AddList({&key, 1})};
  EXPECT_EQ(Call("collections", "OrderedDict", {graph_.AddList(bad)}), kNoNode);
  EXPECT_EQ(Call("collections", "OrderedDict", {graph_.AddDict()}), kNoNode);
}

TEST_F(PythonCallsTest, OtherCallsStayCalls) {
  EXPECT_EQ(Builtin("range", {graph_.AddInt(3)}), kNoNode);
  EXPECT_EQ(Builtin("eval", {Str("1")}), kNoNode);
  EXPECT_EQ(Call("os", "system", {Str("true")}), kNoNode);
  EXPECT_EQ(Call("collections", "Counter", {}), kNoNode);
}

// The same list again and again would make as many copies of it.
TEST_F(PythonCallsTest, CopiesEndWithTheBudget) {
  const NodeId list = graph_.AddList(Nodes(300, graph_.AddInt(1)));
  const NodeId text = Str(std::string(300, 'x'));
  const NodeId encoding = Str("latin1");
  EXPECT_NE(Builtin("set", {list}), kNoNode);
  EXPECT_NE(Builtin("frozenset", {list}), kNoNode);
  EXPECT_NE(Call("_codecs", "encode", {text, encoding}), kNoNode);
  EXPECT_EQ(budget_, 100u);
  // What is over is an error and no other value.
  Builtin("set", {list});
  EXPECT_TRUE(absl::IsResourceExhausted(status_)) << status_;
  Call("collections", "OrderedDict", {list});
  EXPECT_TRUE(absl::IsResourceExhausted(status_)) << status_;
  Call("_codecs", "encode", {text, encoding});
  EXPECT_TRUE(absl::IsResourceExhausted(status_)) << status_;
  Builtin("bytearray", {text, encoding});
  EXPECT_TRUE(absl::IsResourceExhausted(status_)) << status_;
}

TEST_F(PythonCallsTest, TheBudgetCountsBytesNotTheirUtf8) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "\xc3\xbf";
  const NodeId bytes = Call("_codecs", "encode", {Str(text), Str("latin1")});
  ASSERT_NE(bytes, kNoNode) << status_;
  EXPECT_EQ(graph_.text(bytes), std::string(1000, '\xff'));
  EXPECT_EQ(budget_, 0u);
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
