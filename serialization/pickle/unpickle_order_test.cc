// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Tests that the order in which a pickle makes, changes and drops values is
// kept, or that the pickle is refused.

#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/hex.h"
#include "ferry/serialization/pickle/unpickler_test_base.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value_kind.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

class UnpickleOrderTest : public UnpicklerTest {};

TEST_F(UnpickleOrderTest, AFunctionMaySetTheState) {
  const NodeId object = Read(B("cm\nC\n)Rq\0cm\nset\nh\0}\x86R0."));
  EXPECT_EQ(Kind(graph_.object(object).state), ValueKind::kDict);
  EXPECT_EQ(graph_.object(object).state_setter, graph_.FindGlobal("m", "set"));
  // What is not such a call may do anything.
  for (const std::string& other : {B("cm\nC\n)Rq\0cm\nset\n}h\0\x86R0."),
                                   B("cm\nC\n)Rq\0cm\nset\nh\0\x85R0."),
                                   B("cm\nC\n)Rq\0cm\nset\nh\0}\x86Rq\1"
                                     "0.")}) {
    EXPECT_EQ(ErrorCode(other), Code::kUnimplemented);
  }
  EXPECT_EQ(ErrorCode(B("cm\nC\n)Rq\0}bcm\nset\nh\0}\x86R0.")),
            Code::kUnimplemented);
  EXPECT_EQ(ErrorCode(B("]q\0cm\nset\nh\0}\x86R0.")), Code::kUnimplemented);
}

TEST_F(UnpickleOrderTest, PythonCopiesTheAttributesOfAnOrderedDict) {
  const std::string dict = "ccollections\nOrderedDict\n)R";
  const NodeId read = Read(dict + "}q\1K\1K\2sb0h\1.");
  EXPECT_EQ(graph_.entries(read).size(), 2u);
  EXPECT_EQ(graph_.object(Read(dict + "Nb.")).state, ObjectGraph::kNone);
  // Entries that the attributes do not get.
  for (const char* more : {"K\3K\4s", "(K\3K\4u"}) {
    EXPECT_EQ(ErrorCode(dict + "}q\1K\1K\2sb0h\1" + more + "."),
              Code::kUnimplemented);
  }
  // The dict that has the OrderedDict in it, and is not complete yet.
  EXPECT_EQ(ErrorCode("}q\1K\1" + dict + "h\1bs."), Code::kUnimplemented);
  // A tuple has the slots besides.
  EXPECT_EQ(ErrorCode(dict + "}}\x86"
                             "b."),
            Code::kUnimplemented);
  EXPECT_EQ(ErrorCode(dict + "]b."), Code::kUnimplemented);
}

// So that a dict that has the object in it, and is the state, is refused.
TEST_F(UnpickleOrderTest, PythonCopiesTheStateOfAnObject) {
  for (const char* state : {"h\1", "h\1N\x86", "Nh\1\x86"}) {
    EXPECT_EQ(ErrorCode(B("}q\1cm\nC\n)R") + state + "bK\1s."),
              Code::kUnimplemented)
        << state;
    Read(B("}q\1K\1K\2scm\nC\n)R") + state + "b.");
  }
}

TEST_F(UnpickleOrderTest, ACallInsideItsOwnArgumentsIsNoted) {
  const NodeId object =
      Read(B("\x80\2cm\nC\nq\0]q\1h\0h\1\x85q\2Rq\3a\x85q\4R0h\3."));
  const NodeId dropped = graph_.object(object).dropped;
  ASSERT_NE(dropped, kNoNode);
  EXPECT_NE(dropped, object);
  EXPECT_EQ(graph_.object(dropped).callable, graph_.object(object).callable);
  EXPECT_EQ(graph_.object(dropped).dropped, kNoNode);
  // Of another class it is another object.
  EXPECT_EQ(ErrorCode(B("cm\nC\n)Rq\0cm\nD\n)R0h\0\x86.")),
            Code::kUnimplemented);
}

// Each calls m.f and throws the result away, in another way.
TEST_F(UnpickleOrderTest, ACallIsNotLost) {
  const std::string call = "cm\nf\n)R";
  for (const std::string& bad : {
           call + "0N.",             // popped
           "}q\1" + call + "0h\1.",  // before a dict is fetched
           B("}q\0") + "0" + call + B("0h\0."),
           "N(" + call + "1.",      // popped to the mark
           "N(" + call + "00.",     // with the mark
           call + "N.",             // left on the stack
           call + "q\1" + "0h\1.",  // kept in the memo
           call + "q\1" + "0" + call + "h\1\x86.",
           "]" + call + "a0N.",     // in a list
           "}K\1" + call + "s0N.",  // in a dict
           "}" + call + "K\1s0N.",
           call + "\x85" + "0N.",  // in a tuple
           call + "\x85" + "\x85N.",
           "ccollections\nOrderedDict\n)R}K\1" + call + "sb0N.",  // in a state
           // In the place of what Python drops, or in another order.
           "(" + call + "q\1" + call +
               B("q\2(h\2h\1tq\0"
                 "01h\0."),
           B("]q\0(") + call + B("1h\0."),
           call + B("q\0]h\0a") + call + B("0h\0\x86."),
           call + B("\x85q\0") + "0" + call + B("0h\0."),
       }) {
    EXPECT_EQ(ErrorCode(bad), Code::kUnimplemented) << absl::CHexEscape(bad);
    EXPECT_THAT(std::string(Error(bad).message()),
                HasSubstr("the result of a call of m.f is "
                          "thrown away"));
  }
  // Values that do nothing may be.
  for (const std::string& good :
       {std::string("]}K\1\x85"
                    "000N."),
        std::string("]q\1}0h\1."), std::string("]]K\1a."),
        std::string("(]]1N."), std::string("](K\1]e0]."),
        call + "q\1h\1" + "0."}) {
    Read(good);
  }
}

// Python writes what is inside its own parts twice, and drops the outer copy.
// The pickles are from pickle.dumps, for each protocol.
TEST_F(UnpickleOrderTest, WhatPythonDropsIsNotMissed) {
  const std::pair<const char*, const char*> kPickles[] = {
      {"tuple of 1, protocol 0", "28286c70300a2867300a7470310a61303067310a2e"},
      {"tuple of 1, protocol 1", "285d7100286800747101613168012e"},
      {"tuple of 1, protocol 2", "80025d71006800857101613068012e"},
      {"tuple of 1, protocol 4",
       "8004950b000000000000005d9468008594613068012e"},
      {"tuple of 2, protocol 0",
       "28286c70300a2867300a286470310a7470320a6167310a30303067320a2e"},
      {"tuple of 2, protocol 1", "285d71002868007d71017471026168013168022e"},
      {"tuple of 2, protocol 2", "80025d710068007d7101867102616801303068022e"},
      {"tuple of 2, protocol 4",
       "80049510000000000000005d9468007d948694616801303068022e"},
      {"tuple of 3, protocol 0",
       "2849310a49310a286c70300a2849310a49310a67300a7470310a61303030"
       "3067310a2e"},
      {"tuple of 3, protocol 1",
       "284b014b015d7100284b014b016800747101613168012e"},
      {"tuple of 3, protocol 2",
       "80024b014b015d71004b014b0168008771016130303068012e"},
      {"tuple of 3, protocol 4",
       "80049515000000000000004b014b015d944b014b01680087946130303068"
       "012e"},
      {"tuple of 4, protocol 0",
       "28286c70300a2867300a286470310a286470320a286470330a7470340a61"
       "67310a67320a67330a303030303067340a2e"},
      {"tuple of 4, protocol 1",
       "285d71002868007d71017d71027d7103747104616801680268033168042e"},
      {"tuple of 4, protocol 2",
       "8002285d71002868007d71017d71027d7103747104616801680268033168"
       "042e"},
      {"tuple of 4, protocol 4",
       "8004951900000000000000285d942868007d947d947d9474946168016802"
       "68033168042e"},
      {"tuple of 5, protocol 0",
       "2849310a49310a49310a49310a286c70300a2849310a49310a49310a4931"
       "0a67300a7470310a6130303030303067310a2e"},
      {"tuple of 5, protocol 1",
       "284b014b014b014b015d7100284b014b014b014b01680074710161316801"
       "2e"},
      {"tuple of 5, protocol 2",
       "8002284b014b014b014b015d7100284b014b014b014b0168007471016131"
       "68012e"},
      {"tuple of 5, protocol 4",
       "8004951d00000000000000284b014b014b014b015d94284b014b014b014b"
       "0168007494613168012e"},
      {"frozenset, protocol 0",
       "635f5f6275696c74696e5f5f0a66726f7a656e7365740a70300a28286c70"
       "310a63636f70795f7265670a5f7265636f6e7374727563746f720a70320a"
       "28636d0a430a70330a635f5f6275696c74696e5f5f0a6f626a6563740a70"
       "340a4e7470350a5270360a286470370a56660a70380a67300a28286c7039"
       "0a67360a61747031300a527031310a736261747031320a52306731310a2e"},
      {"frozenset, protocol 1",
       "635f5f6275696c74696e5f5f0a66726f7a656e7365740a7100285d710163"
       "636f70795f7265670a5f7265636f6e7374727563746f720a710228636d0a"
       "430a7103635f5f6275696c74696e5f5f0a6f626a6563740a71044e747105"
       "5271067d710758010000006671086800285d710968066174710a52710b73"
       "626174710c5230680b2e"},
      {"frozenset, protocol 2",
       "8002635f5f6275696c74696e5f5f0a66726f7a656e7365740a71005d7101"
       "636d0a430a7102298171037d7104580100000066710568005d7106680361"
       "857107527108736261857109523068082e"},
      {"frozenset, protocol 4",
       "8004951f00000000000000288c016d948c01439493942981947d948c0166"
       "94286803919473623168062e"},
      {"object, protocol 0",
       "636d0a520a70300a28286c70310a67300a2867310a7470320a5270330a61"
       "7470340a523067330a2e"},
      {"object, protocol 1",
       "636d0a520a7100285d710168002868017471025271036174710452306803"
       "2e"},
      {"object, protocol 2",
       "8002636d0a520a71005d7101680068018571025271036185710452306803"
       "2e"},
      {"object, protocol 4",
       "8004951c000000000000008c016d948c01529493945d9468026803859452"
       "94618594523068052e"},
      {"objects in each other, protocol 0",
       "286c70300a636d0a520a70310a28286c70320a67310a28286c70330a6731"
       "0a2867320a7470340a5270350a617470360a5270370a6163636f70795f72"
       "65670a5f7265636f6e7374727563746f720a70380a28636d0a430a70390a"
       "635f5f6275696c74696e5f5f0a6f626a6563740a7031300a4e747031310a"
       "527031320a61747031330a523067350a6167370a612e"},
      {"objects in each other, protocol 1",
       "5d710028636d0a520a7101285d7102286801285d71036801286802747104"
       "5271056174710652710763636f70795f7265670a5f7265636f6e73747275"
       "63746f720a710828636d0a430a7109635f5f6275696c74696e5f5f0a6f62"
       "6a6563740a710a4e74710b52710c6574710d523068056807652e"},
      {"objects in each other, protocol 2",
       "80025d710028636d0a520a71015d71022868015d71036801680285710452"
       "710561857106527107636d0a430a7108298171096585710a523068056807"
       "652e"},
      {"objects in each other, protocol 4",
       "80049537000000000000005d94288c016d948c01529493945d942868035d"
       "946803680485945294618594529468018c01439493942981946585945230"
       "68076809652e"},
      {"tuple in tuple, protocol 0",
       "2828286c70300a282867300a7470310a67310a7470320a61303067310a67"
       "310a30303067320a2e"},
      {"tuple in tuple, protocol 1",
       "28285d71002828680074710168017471026131680168013168022e"},
      {"tuple in tuple, protocol 2",
       "80025d710068008571016801867102613068016801303068022e"},
      {"tuple in tuple, protocol 4",
       "80049515000000000000005d946800859468018694613068016801303068"
       "022e"},
      {"frozenset in frozenset, protocol 4",
       "800495260000000000000028288c016d948c01439493942981947d948c01"
       "6694282868039194919473623168063168072e"},
      {"bound method of its holder, protocol 2",
       "800263636f6c6c656374696f6e730a64656661756c74646963740a710063"
       "5f5f6275696c74696e5f5f0a676574617474720a7101636d0a430a710229"
       "8171037d7104580100000064710568006801680358040000006d616b6571"
       "0686710752710885710952710a58010000006b710b4b0173736268068671"
       "0c5230680885710d5230680a2e"},
      {"bound method of its holder, protocol 2, in Python",
       "800263636f6c6c656374696f6e730a64656661756c74646963740a710063"
       "5f5f6275696c74696e5f5f0a676574617474720a7101636d0a430a710229"
       "8171037d7104580100000064710568006801680358040000006d616b6571"
       "0686710752710885710952710a58010000006b710b4b0173736268068671"
       "0c5230680885710d5230680a680b4b01732e"},
      {"bound method of its holder, protocol 4",
       "80049575000000000000008c0b636f6c6c656374696f6e73948c0b646566"
       "61756c74646963749493948c086275696c74696e73948c07676574617474"
       "729493948c016d948c01439493942981947d948c0164946802680568098c"
       "046d616b659486945294859452948c016b944b01737362680c8694523068"
       "0e8594523068102e"},
      {"bound method of its holder, protocol 4, in Python",
       "8004957a000000000000008c0b636f6c6c656374696f6e73948c0b646566"
       "61756c74646963749493948c086275696c74696e73948c07676574617474"
       "729493948c016d948c01439493942981947d948c0164946802680568098c"
       "046d616b659486945294859452948c016b944b01737362680c8694523068"
       "0e85945230681068114b01732e"},
      {"a call of what is below, protocol 2",
       "80025d710028636d0a500a710129817102636d0a520a710368025d710468"
       "03680268048671055271066186710752306806652e"},
      {"a call of what is below, protocol 4",
       "8004952f000000000000005d94288c016d948c015094939429819468018c"
       "015294939468045d946806680468078694529461869452306809652e"},
      {"a call of the list it is in, protocol 2",
       "80025d7100636d0a520a710168005d710268016800680286710352710461"
       "86710552306804612e"},
      {"a call of the list it is in, protocol 4",
       "80049523000000000000005d948c016d948c015294939468005d94680368"
       "0068048694529461869452306806612e"},
      {"state that is an object, protocol 2",
       "8002636d0a500a7100298171017d710258050000006368696c647103636d"
       "0a530a71042981710568016273622e"},
      {"state that is an object, protocol 4",
       "80049528000000000000008c016d948c01509493942981947d948c056368"
       "696c649468008c015394939429819468036273622e"},
      {"keyword arguments with itself, protocol 2",
       "80026366756e63746f6f6c730a7061727469616c0a7100635f5f6275696c"
       "74696e5f5f0a676574617474720a7101636d0a4e0a710258070000005f5f"
       "6e65775f5f710386710452710585710652710728680568028571087d7109"
       "580100000061710a5d710b6800680585710c52710d286805680285710e7d"
       "710f680a680b734e74711062295271117d7112680a680b736261734e7471"
       "136229523068112e"},
      {"keyword arguments with itself, protocol 4",
       "8004952e000000000000008c016d948c014e949394297d948c0161945d94"
       "6802297d94680468057392947d946804680573626173923068072e"},
      {"a call of what is fetched below, protocol 2",
       "80025d710028636d0a500a7101298171026802636d0a520a710368025d71"
       "046803680268048671055271066186710752306806652e"},
      {"a call of what has attributes below, protocol 2",
       "80025d710028636d0a500a7101298171027d710358010000006b71044b01"
       "7362636d0a520a710568025d710668056802680686710752710861867109"
       "52306808652e"},
  };
  for (const auto& [name, hex] : kPickles) {
    SCOPED_TRACE(name);
    const NodeId root = Read(BytesFromHex(hex));
    if (absl::StartsWith(name, "object,")) {
      EXPECT_NE(graph_.object(root).dropped, kNoNode);
    } else if (absl::StartsWith(name, "a call of what is fetched")) {
      EXPECT_EQ(graph_.object(graph_.items(root)[0]).state, kNoNode);
    } else if (absl::StartsWith(name, "tuple of")) {
      ASSERT_EQ(Kind(root), ValueKind::kTuple);
      // Its list holds it.
      EXPECT_TRUE(absl::c_any_of(graph_.items(root), [&](NodeId item) {
        return Kind(item) == ValueKind::kList && graph_.items(item)[0] == root;
      }));
    }
  }
}

// What is dropped is compared with what is fetched, each time.
TEST_F(UnpickleOrderTest, DroppingTheSameAgainAndAgainIsBounded) {
  const int count = 3000;
  std::string many = "(";
  for (int i = 0; i < count; ++i) many += "N";
  for (const std::string& bytes : {many + B("tq\0"), many + B("\x91q\0")}) {
    std::string again = bytes;
    for (int i = 0; i < count; ++i) again += B("]0h\0");
    BudgetOptions options;
    options.max_steps = 1000000;
    Budget budget(options, again.size());
    EXPECT_EQ(Error(again + ".", &budget).code(), Code::kResourceExhausted);
  }
}

// What a call was given does not change after the call: written again, the call
// would be given what it became. Only what is inside itself is given to a call
// before it is complete, and is written like that again.
TEST_F(UnpickleOrderTest, WhatACallTookIsNotChanged) {
  const std::string call = "cm\nf\n";  // without its arguments
  for (const std::string& bad : {
           // A complete value is fetched, and added to.
           call + B("]q\0\x85Rh\0K\1a\x86."),
           call + B("]q\0\x85Rh\0(K\1e\x86."),
           call + B("}q\0\x85Rh\0K\1Ns\x86."),
           call + B("}q\0\x85Rh\0(K\1Nu\x86."),
           call + B("\x8fq\0\x85Rh\0(K\1\x90\x86."),
           call + B("(]q\0tRh\0K\1a\x86."),
           call + B("]q\0\x85\x85Rh\0K\1a\x86."),
           call + B(")Rq\0\x85h\0K\1a\x86."),
           call + B(")Rq\0\x85h\0}b\x86."),
           call + B(")R}q\0bh\0K\1Ns\x86."),
           B("]2K\1a\x86."),
           // A dict becomes a state before it is complete.
           B("}q\0K\1") + call + B(")Rh\0bs."),
           // Items, entries and state are written in this order.
           call + ")RK\1Ns" + "K\1a.",
           call + ")R}bK\1a.",
           call + ")R}bK\1Ns.",
           // Only a set has items that are added.
           call + B(")R(K\1\x90."),
       }) {
    EXPECT_EQ(ErrorCode(bad), Code::kUnimplemented) << absl::CHexEscape(bad);
  }
  for (const std::string& good : {
           B("]q\0") + call + B("h\0\x85Ra."),
           B("]q\0(K\1h\0e."),
           call + B(")Rq\0}K\1h\0sb."),
           call + B(")Rq\0(K\1h\0e(K\1h\0u}b."),
           B("]q\0(h\0") + call + B(")Rh\0h\0e."),
       }) {
    Read(good);
  }
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
