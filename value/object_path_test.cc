// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/object_path.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/testing/graph_test.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ObjectPathTest = GraphTest;
using Code = absl::StatusCode;

TEST_F(ObjectPathTest, PointersLeadToNodes) {
  const NodeId leaf = Int(7);
  const NodeId root =
      Dict({Str("model"), Dict({Str("fc.weight"), leaf, Str(""), Int(8)}),
            Str("a/b"), List({Int(0), Tuple({Int(1), leaf})}), Str("m~n"), leaf,
            Str("~1"), Int(9), Int(3), Int(10), ObjectGraph::kTrue, Int(11),
            Tuple({Int(1), Str("x")}), Int(12), Float(2.5), Int(13)});
  EXPECT_EQ(Resolve(root, ""), root);
  EXPECT_EQ(Resolve(root, "/model/fc.weight"), leaf);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/model/")), 8);
  EXPECT_EQ(Resolve(root, "/a~1b/1/1"), leaf);
  EXPECT_EQ(Resolve(root, "/m~0n"), leaf);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/~01")), 9);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/3")), 10);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/True")), 11);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/(1, 'x')")), 12);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/2.5")), 13);
}

TEST_F(ObjectPathTest, WrongPointersSayWhatIsWrong) {
  const NodeId root = Dict({Str("a"), List({Int(0)}), Str("s"), Str("text")});
  for (const char* malformed : {"a", "x/a", "/~", "/a/~2", "/~a", "/a~"}) {
    EXPECT_EQ(ResolveCode(root, malformed), Code::kInvalidArgument)
        << malformed;
  }
  for (const char* missing :
       {"/", "/b", "/a/1", "/a/-1", "/a/00", "/a/+0", "/a/", "/a/ 0", "/a/0x0",
        "/a/18446744073709551616", "/s/0", "/a/0/0", "/A"}) {
    EXPECT_EQ(ResolveCode(root, missing), Code::kNotFound) << missing;
  }
  const absl::Status status = ResolvePointer(graph_, root, "/b/c").status();
  EXPECT_NE(status.message().find("\"/b\""), std::string::npos) << status;
  EXPECT_NE(status.message().find("\"a\", \"s\""), std::string::npos) << status;
}

TEST_F(ObjectPathTest, WrongPointersAreProposedRightOnes) {
  const NodeId model = Dict({Str("conv.weight"), Int(1), Str("fc"), Int(2)});
  const NodeId root = Dict({Str("epoch"), Int(3), Str("model"), model});
  struct Case {
    const char* pointer;
    const char* proposed;
  };
  for (const Case& c : {Case{"/model/conv.weigt", "\"/model/conv.weight\"?"},
                        Case{"conv.weight", "\"/model/conv.weight\"?"},
                        Case{"/modl/fc", "\"/model/fc\" or \"/model\"?"},
                        Case{"/Epoch", "\"/epoch\"?"}}) {
    const absl::Status status =
        ResolvePointer(graph_, root, c.pointer).status();
    EXPECT_NE(
        status.message().find(absl::StrCat("; did you mean ", c.proposed)),
        absl::string_view::npos)
        << status;
  }
  EXPECT_EQ(ResolvePointer(graph_, root, "/optimizer")
                .status()
                .message()
                .find("did you mean"),
            absl::string_view::npos);
}

TEST_F(ObjectPathTest, KeysThatReadAlikeAreAmbiguous) {
  for (int padding : {0, 20}) {
    for (bool ordered : {false, true}) {
      Nodes entries = {Int(1),      Int(10), Str("1"),           Int(11),
                       Str("True"), Int(12), ObjectGraph::kNone, Int(13),
                       Float(1.5),  Int(14), Tuple({}),          Int(15),
                       Str("()"),   Int(16)};
      for (int i = 0; i < padding; ++i) {
        entries.push_back(Str("k" + std::to_string(i)));
        entries.push_back(Int(i));
      }
      NodeId dict;
      if (ordered) {
        dict = Object({});
        graph_.BecomeDict(dict);
        graph_.AppendEntries(dict, entries);
      } else {
        dict = Dict(entries);
      }
      EXPECT_EQ(ResolveCode(dict, "/1"), Code::kInvalidArgument);
      EXPECT_EQ(ResolveCode(dict, "/()"), Code::kInvalidArgument);
      EXPECT_EQ(graph_.int_value(Resolve(dict, "/True")), 12);
      EXPECT_EQ(graph_.int_value(Resolve(dict, "/None")), 13);
      EXPECT_EQ(graph_.int_value(Resolve(dict, "/1.5")), 14);
      EXPECT_EQ(ResolveCode(dict, "/1.0"), Code::kNotFound);
    }
  }
}

TEST_F(ObjectPathTest, NumbersTellChildrenOfOneNameApart) {
  const NodeId root = SharedNames();
  EXPECT_EQ(graph_.int_value(Resolve(root, "/0/0~21")), 11);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/0/~020")), 12);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/0/x/1~20")), 16);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/1/0")), 22);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/1/0~20")), 22);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/1/0~21")), 20);
  EXPECT_EQ(ResolveCode(root, "/0/0~22"), Code::kNotFound);
  for (const char* malformed : {"/0/0~2", "/0/0~2x", "/0/0~200", "/0/0~2-1",
                                "/0/0~20~20", "/0/0~218446744073709551616"}) {
    EXPECT_EQ(ResolveCode(root, malformed), Code::kInvalidArgument)
        << malformed;
  }
}

// A large dict, with keys of both kinds, each found without a search.
TEST_F(ObjectPathTest, ManyPointersIntoALargeDictAreNoTrouble) {
  for (bool ordered : {false, true}) {
    Nodes entries;
    for (int i = 0; i < 50000; ++i) {
      entries.push_back(Str("layer." + std::to_string(i)));
      entries.push_back(Int(i));
      entries.push_back(Int(i));
      entries.push_back(Int(-i));
    }
    NodeId dict = Object({});
    if (ordered) {
      graph_.BecomeDict(dict);
      graph_.AppendEntries(dict, entries);
    } else {
      dict = Dict(entries);
    }
    for (int i = 0; i < 50000; ++i) {
      ASSERT_EQ(graph_.int_value(Resolve(dict, "/layer." + std::to_string(i))),
                i);
      ASSERT_EQ(graph_.int_value(Resolve(dict, "/" + std::to_string(i))), -i);
    }
  }
}

TEST_F(ObjectPathTest, ManyLevelsAreResolved) {
  NodeId node = Int(5);
  std::string pointer;
  for (int i = 0; i < 100000; ++i) {
    node = graph_.AddList({&node, 1});
    pointer += "/0";
  }
  EXPECT_EQ(graph_.int_value(Resolve(node, pointer)), 5);
}

TEST_F(ObjectPathTest, ErrorsSayWhereANodeStands) {
  const NodeId bad = Int(5);
  const NodeId deep = List({Int(0), bad});
  const auto message = [this](NodeId root, NodeId node) {
    const absl::Status status =
        AnnotatePath(absl::DataLossError("bad"), graph_, root, node);
    EXPECT_EQ(status.code(), Code::kDataLoss);
    return std::string(status.message());
  };
  EXPECT_EQ(message(bad, bad), "bad");
  EXPECT_EQ(message(deep, bad), "bad (at /1)");
  EXPECT_EQ(message(Dict({Str("a/b"), deep}), bad), "bad (at /a~1b/1)");
  EXPECT_EQ(message(Dict({Str("\xff"), deep}), bad), "bad (at /\\xff/1)");
  EXPECT_EQ(message(Dict({bad, deep}), bad), "bad (at a key)");
  EXPECT_EQ(message(Tuple({Dict({bad, Int(1)})}), bad), "bad (at a key of /0)");
  EXPECT_EQ(message(Dict({Str("s"), graph_.AddSet({bad})}), bad),
            "bad (at /s)");
  // A value before a key, and a short way before a long one.
  EXPECT_EQ(message(Dict({bad, Int(1), Str("v"), bad}), bad), "bad (at /v)");
  EXPECT_EQ(message(List({List({deep}), bad}), bad), "bad (at /1)");
  // What an object is made with and given.
  const NodeId object = Object({Int(1), bad});
  EXPECT_EQ(message(object, bad), "bad (at /1)");
  const NodeId stateful = Object({});
  graph_.SetState(stateful, Dict({Str("x"), bad}));
  EXPECT_EQ(message(List({stateful}), bad), "bad (at /0/x)");
  EXPECT_EQ(message(List({stateful}), graph_.object(stateful).callable),
            "bad (at /0)");
  const NodeId halves = Object({});
  graph_.SetState(halves, Tuple({Dict({Str("x"), Int(1)}),
                                 Dict({Str("y"), bad, deep, Int(2)})}));
  EXPECT_EQ(message(List({halves}), bad), "bad (at /0/y)");
  EXPECT_EQ(message(List({halves}), deep), "bad (at a key of /0)");
  const NodeId other_state = Object({});
  graph_.SetState(other_state, List({bad}));
  EXPECT_EQ(message(other_state, bad), "bad (at /__state__/0)");
  // Where a name is that of two children.
  EXPECT_EQ(message(Dict({Str("0"), Int(1), Int(0), deep}), bad),
            "bad (at /0~21/1)");
  const NodeId both = Object({deep});
  graph_.AppendItems(both, Nodes{Int(1)});
  EXPECT_EQ(message(both, bad), "bad (at /0~21/1)");
  // What no pointer leads to, nor to what is in it.
  EXPECT_EQ(
      message(Dict({Str("s"), graph_.AddSet({Tuple({Int(0), bad})})}), bad),
      "bad (at /s)");
  // A cycle, a way that is beyond measure, and none at all.
  const NodeId cycle = List({});
  graph_.AppendItems(cycle, Nodes{cycle, deep});
  EXPECT_EQ(message(cycle, bad), "bad (at /1/1)");
  NodeId nested = bad;
  for (int i = 0; i < 100000; ++i) nested = List({nested});
  const std::string cut = message(nested, bad);
  EXPECT_LT(cut.size(), 300);
  EXPECT_EQ(cut.substr(cut.size() - 6), "/0...)");
  EXPECT_EQ(message(deep, nested), "bad");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
