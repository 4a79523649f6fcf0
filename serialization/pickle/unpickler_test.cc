// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/unpickler.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/hex.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/pickle_notes.h"
#include "ferry/serialization/pickle/test_vectors.h"
#include "ferry/serialization/pickle/unpickler_test_base.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

std::string LittleEndian(uint64_t value, int size) {
  std::string out;
  for (int i = 0; i < size; ++i) {
    out.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
  }
  return out;
}

// --- What is read ------------------------------------------------------------

TEST_F(UnpicklerTest, Integers) {
  for (const auto& [bytes, value] :
       std::vector<std::pair<std::string, int64_t>>{
           {B("K\xff."), 255},
           {B("M\xff\xff."), 65535},
           {B("J\xff\xff\xff\xff."), -1},
           {B("J\0\0\0\x80."), std::numeric_limits<int32_t>::min()},
           {B("\x8a\0."), 0},
           {B("\x8a\1\x80."), -128},
           {B("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."),
            std::numeric_limits<int64_t>::max()},
           {B("\x8b\2\0\0\0\0\x80."), -32768},
           {B("\x8b\0\0\0\0."), 0},
           {B("I-12\n."), -12},
           {B("L123L\n."), 123},
           {B("L-9223372036854775808L\n."),
            std::numeric_limits<int64_t>::min()},
           {B("L7\n."), 7},
           {B("I0\n."), 0}}) {
    const NodeId node = Read(bytes);
    ASSERT_EQ(Kind(node), ValueKind::kInt);
    EXPECT_FALSE(graph_.is_big_int(node));
    EXPECT_EQ(graph_.int_value(node), value);
  }
  EXPECT_EQ(Read("I01\n."), ObjectGraph::kTrue);
  EXPECT_EQ(Read("I00\n."), ObjectGraph::kFalse);
  // Octal for CPython, or nothing, or False.
  for (const char* bytes :
       {"I010\n.", "I007\n.", "I-010\n.", "L010L\n.", "I-0\n."}) {
    EXPECT_EQ(ErrorCode(bytes), Code::kDataLoss) << bytes;
  }
  EXPECT_EQ(graph_.int_value(Read("L-0L\n.")), 0);
}

TEST_F(UnpicklerTest, IntegersOfAnySize) {
  // 2^64, -2^64, 10^30, -10^30 in decimal.
  for (const auto& [bytes, expected] :
       std::vector<std::pair<std::string, std::string>>{
           {"L18446744073709551616L\n.", B("\0\0\0\0\0\0\0\0\1")},
           {"L-18446744073709551616L\n.", B("\0\0\0\0\0\0\0\0\xff")},
           {"I1000000000000000000000000000000\n.",
            B("\0\0\0\x40\xea\xed\x74\x46\xd0\x9c\x2c\x9f\x0c")},
           {"L-1000000000000000000000000000000L\n.",
            B("\0\0\0\xc0\x15\x12\x8b\xb9\x2f\x63\xd3\x60\xf3")},
           {B("\x8a\x0b\0\0\0\0\0\0\0\0\0\1\0."), B("\0\0\0\0\0\0\0\0\0\1")}}) {
    const NodeId node = Read(bytes);
    ASSERT_TRUE(graph_.is_big_int(node));
    EXPECT_EQ(Text(node), expected);
  }
  EXPECT_TRUE(graph_.is_big_int(Read("L" + std::string(4300, '9') + "\n.")));
  // Python refuses more digits, too.
  EXPECT_EQ(ErrorCode("L" + std::string(4301, '9') + "\n."), Code::kDataLoss);
}

TEST_F(UnpicklerTest, Floats) {
  EXPECT_EQ(graph_.float_value(Read(B("G\x3f\xf8\0\0\0\0\0\0."))), 1.5);
  EXPECT_TRUE(
      std::signbit(graph_.float_value(Read(B("G\x80\0\0\0\0\0\0\0.")))));
  EXPECT_EQ(graph_.float_value(Read("F-1.5e3\n.")), -1500);
  EXPECT_TRUE(std::isnan(graph_.float_value(Read("Fnan\n."))));
  EXPECT_EQ(graph_.float_value(Read("F-inf\n.")),
            -std::numeric_limits<double>::infinity());
  EXPECT_EQ(graph_.float_value(Read("F+.5\n.")), 0.5);
  EXPECT_TRUE(std::isinf(graph_.float_value(Read("F+Infinity\n."))));
  EXPECT_EQ(graph_.float_value(Read("F1e-400\n.")), 0);
  for (const char* bad :
       {"F\n.", "Fx\n.", "F1.5x\n.", "F 1\n.", "F1 \n.", "F0x1p3\n.",
        "Fnan(1)\n.", "F1e400\n.", "F--1\n.", "F-\n."}) {
    EXPECT_EQ(ErrorCode(bad), Code::kDataLoss) << bad;
  }
}

TEST_F(UnpicklerTest, TextAndBytes) {
  EXPECT_EQ(Text(Read(B("X\2\0\0\0\xc3\xa9."))), "\xc3\xa9");
  EXPECT_EQ(Text(Read(B("\x8c\1a."))), "a");
  EXPECT_EQ(Text(Read(B("\x8d\1\0\0\0\0\0\0\0a."))), "a");
  EXPECT_EQ(Text(Read(B("X\3\0\0\0\xed\xa0\x80."))), "\xed\xa0\x80");
  EXPECT_EQ(Text(Read("V\\u20ac\\n\n.")), "\xe2\x82\xac\\n");
  for (const std::string& bytes : {B("C\2\xff\0."), B("B\2\0\0\0\xff\0."),
                                   B("\x8e\2\0\0\0\0\0\0\0\xff\0.")}) {
    EXPECT_EQ(Kind(Read(bytes)), ValueKind::kBytes);
    EXPECT_EQ(Text(Read(bytes)), B("\xff\0"));
  }
  const NodeId array = Read(B("\x96\1\0\0\0\0\0\0\0x."));
  EXPECT_EQ(Kind(array), ValueKind::kByteArray);
  EXPECT_EQ(Text(array), "x");
}

// Whose encoding nobody recorded.
TEST_F(UnpicklerTest, StringsOfPython2) {
  EXPECT_EQ(Kind(Read(B("U\2\xc3\xa9."))), ValueKind::kStr);
  EXPECT_EQ(Kind(Read(B("U\1\xe9."))), ValueKind::kBytes);
  EXPECT_EQ(Text(Read(B("T\3\0\0\0abc."))), "abc");
  EXPECT_EQ(Text(Read("S'a\\x41b\\n\\'\\q'\n.")), "aAb\n'\\q");
  EXPECT_EQ(Text(Read("S\"it's\"\n.")), "it's");
  EXPECT_EQ(Kind(Read("S'\\xff'\n.")), ValueKind::kBytes);
  for (const char* bad :
       {"S\n.", "S'\n.", "Sabc\n.", "S'abc\"\n.", "S'\\x'\n.", "S'a\\'\n."}) {
    EXPECT_EQ(ErrorCode(bad), Code::kDataLoss) << bad;
  }
}

TEST_F(UnpicklerTest, Containers) {
  const NodeId list = Read("](K\1K\2eK\3a.");
  EXPECT_EQ(Kind(list), ValueKind::kList);
  EXPECT_EQ(graph_.items(list).size(), 3u);
  EXPECT_EQ(graph_.items(Read("(K\1K\2l.")).size(), 2u);
  EXPECT_EQ(Read(")."), ObjectGraph::kEmptyTuple);
  EXPECT_EQ(Read("(t."), ObjectGraph::kEmptyTuple);
  EXPECT_EQ(graph_.items(Read("K\1K\2K\3\x87.")).size(), 3u);
  EXPECT_EQ(graph_.items(Read("(K\1K\2K\3K\4t.")).size(), 4u);
  EXPECT_EQ(graph_.entries(Read("}(K\1NK\2NuK\3Ns.")).size(), 6u);
  EXPECT_EQ(graph_.entries(Read("(K\1NK\2Nd.")).size(), 4u);
  EXPECT_EQ(Kind(Read("\x8f(K\1K\2\x90.")), ValueKind::kSet);
  EXPECT_EQ(Kind(Read("(K\1K\2\x91.")), ValueKind::kFrozenSet);
  EXPECT_EQ(graph_.items(Read("](e.")).size(), 0u);
}

TEST_F(UnpicklerTest, OfEqualKeysTheLastValueCounts) {
  const NodeId dict = Read("}(K\1K\x0aK\2K\x0b\x88K\x0cu.");
  ASSERT_EQ(graph_.entries(dict).size(), 4u);
  EXPECT_EQ(Kind(graph_.entries(dict)[0]), ValueKind::kInt);
  EXPECT_EQ(graph_.int_value(graph_.entries(dict)[1]), 12);
}

TEST_F(UnpicklerTest, TheMemo) {
  const NodeId list = Read(B("]q\0(h\0h\0j\0\0\0\0g0\ne."));
  ASSERT_EQ(graph_.items(list).size(), 4u);
  for (NodeId item : graph_.items(list)) EXPECT_EQ(item, list);
  EXPECT_EQ(Kind(Read(B("]r\xff\xff\xff\xff"
                        "0j\xff\xff\xff\xff."))),
            ValueKind::kList);
  EXPECT_EQ(Kind(Read("]p12\n0g12\n.")), ValueKind::kList);
  // An entry may be set again.
  EXPECT_EQ(Read(B("]q\0"
                   "0Nq\0"
                   "0h\0.")),
            ObjectGraph::kNone);
  // MEMOIZE numbers by how many entries there are, not by the highest.
  EXPECT_EQ(Kind(Read(B("Nq\7"
                        "0]\x94"
                        "0h\1."))),
            ValueKind::kList);
  // An entry counts once, also if the pickle is longer than its number when it
  // is set again. CPython puts "V" at 2.
  std::string far_entry =
      B("Nr\xc8\0\0\0"
        "0X\1\0\0\0Aq\3"
        "0");
  for (int i = 0; i < 120; ++i) far_entry += "N0";
  far_entry +=
      B("Nr\xc8\0\0\0"
        "0\x8c\1V\x94"
        "0h\3.");
  EXPECT_EQ(Text(Read(far_entry)), "A");
  for (const std::string& bad :
       {B("h\0."), B("]q\0h\1."), B("j\xff\xff\xff\xff."), B("g7\n."),
        B("q\0."), B("\x94."), B("(q\0.")}) {
    EXPECT_EQ(ErrorCode(bad), Code::kDataLoss) << absl::CHexEscape(bad);
  }
}

TEST_F(UnpicklerTest, TheStack) {
  EXPECT_EQ(Read("NK\1"
                 "0."),
            ObjectGraph::kNone);
  EXPECT_EQ(Read("N(K\1K\2"
                 "1."),
            ObjectGraph::kNone);
  EXPECT_EQ(Read("N(0."), ObjectGraph::kNone);  // CPython drops the mark
  const NodeId pair = Read("N2\x86.");
  EXPECT_EQ(graph_.items(pair)[0], graph_.items(pair)[1]);
  EXPECT_EQ(Read("K\1N."), ObjectGraph::kNone);  // what lies below is ignored
  for (const char* bad : {".", "0", "1.", "2.", "(2.", "N(.", "(."}) {
    EXPECT_EQ(ErrorCode(bad), Code::kDataLoss) << bad;
  }
}

TEST_F(UnpicklerTest, GlobalsAndCalls) {
  const NodeId global = Read("cmod\nName\n.");
  EXPECT_EQ(graph_.global(global).module, "mod");
  EXPECT_EQ(graph_.global(global).name, "Name");
  const NodeId stack_global = Read(B("\x80\4\x8c\3mod\x8c\1X\x93."));
  EXPECT_EQ(graph_.global(stack_global).name, "X");
  const PickleNotes::Global strs =
      PickleNotes::Of(graph_).global(graph_.global_index(stack_global));
  EXPECT_EQ(graph_.text(strs.module), "mod");
  EXPECT_EQ(graph_.text(strs.name), "X");
  // Python 2's names are moved where the protocol is Python 2's.
  EXPECT_EQ(graph_.global(Read(B("\x80\2c__builtin__\nxrange\n."))).name,
            "range");
  EXPECT_EQ(graph_.global(Read(B("\x80\3c__builtin__\nxrange\n."))).name,
            "xrange");

  const NodeId call = Read("cmod\nf\nK\1\x85R.");
  EXPECT_EQ(graph_.object(call).form, ObjectForm::kCall);
  const NodeId made = Read("cmod\nC\n)\x81}K\1Nsb.");
  EXPECT_EQ(graph_.object(made).form, ObjectForm::kNew);
  EXPECT_EQ(graph_.entries(graph_.object(made).state).size(), 2u);
  const NodeId with_keywords = Read("cmod\nC\n)}K\1Ns\x92.");
  EXPECT_EQ(graph_.object(with_keywords).form, ObjectForm::kNewEx);
  EXPECT_EQ(graph_.entries(graph_.object(with_keywords).kwargs).size(), 2u);
  // Old-style classes.
  EXPECT_EQ(graph_.object(Read("(imod\nC\n.")).form, ObjectForm::kInstance);
  EXPECT_EQ(graph_.object(Read("(cmod\nC\no.")).form, ObjectForm::kInstance);
  const NodeId old = Read("(K\1imod\nC\n.");
  EXPECT_EQ(graph_.object(old).form, ObjectForm::kCall);
  EXPECT_EQ(graph_.items(graph_.object(old).args).size(), 1u);
  EXPECT_EQ(graph_.object(Read("(cmod\nC\nK\1o.")).form, ObjectForm::kCall);
  // Items, entries, state.
  const NodeId full = Read("cmod\nC\n)R(K\1K\2e(K\3Nu}b.");
  EXPECT_EQ(graph_.items(full).size(), 2u);
  EXPECT_EQ(graph_.entries(full).size(), 2u);
  EXPECT_EQ(Kind(graph_.object(full).state), ValueKind::kDict);
}

TEST_F(UnpicklerTest, TheProtocolAndTheSize) {
  const absl::StatusOr<UnpickleResult> result =
      Unpickle(B("\x80\4\x95\2\0\0\0\0\0\0\0N.after"), Budget::Unlimited(),
               nullptr, &graph_);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->protocol, 4);
  EXPECT_EQ(result->size_bytes, 13u);
  EXPECT_EQ(Unpickle("N.", Budget::Unlimited(), nullptr, &graph_)->protocol, 0);
}

TEST_F(UnpicklerTest, SeveralPicklesMayShareAGraph) {
  class Globals final : public UnpickleHooks {
   public:
    absl::Status OnGlobal(NodeId, ObjectGraph*) override {
      ++seen;
      return absl::OkStatus();
    }
    int seen = 0;
  };
  Globals hooks;
  const NodeId first = Read("cm\nA\n.", &hooks);
  EXPECT_EQ(hooks.seen, 1);
  EXPECT_EQ(Read("cm\nA\n.", &hooks), first);
  EXPECT_EQ(hooks.seen, 1);
  Read("cm\nB\ncm\nA\ncm\nB\n.", &hooks);
  EXPECT_EQ(hooks.seen, 2);
}

TEST_F(UnpicklerTest, Hooks) {
  class Storages final : public UnpickleHooks {
   public:
    absl::StatusOr<NodeId> PersistentLoad(NodeId id,
                                          ObjectGraph* graph) override {
      ids.emplace_back(graph->text(id));
      return graph->AddInt(static_cast<int64_t>(ids.size()));
    }
    absl::Status OnObject(NodeId object, ObjectGraph* graph) override {
      graph->BecomeDevice(object, Device("cuda"));
      return absl::OkStatus();
    }
    absl::Status OnState(NodeId, ObjectGraph*) override {
      return absl::PermissionDeniedError("no state");
    }
    std::vector<std::string> ids;
  };
  Storages hooks;
  const NodeId pair = Read(B("U\1aQPb\n\x86."), &hooks);
  EXPECT_EQ(hooks.ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(graph_.int_value(graph_.items(pair)[1]), 2);
  EXPECT_EQ(graph_.device(Read("cm\nC\n)R.", &hooks)), Device("cuda"));
  EXPECT_EQ(Unpickle("cm\nC\n)R}b.", Budget::Unlimited(), &hooks, &graph_)
                .status()
                .code(),
            Code::kPermissionDenied);
  EXPECT_EQ(ErrorCode(B("U\1aQ.")), Code::kDataLoss);
}

// --- What is refused ---------------------------------------------------------

TEST_F(UnpicklerTest, WhatPythonRefusesIsDataLoss) {
  for (const std::string& bad :
       {std::string("S'a' \n."), std::string("S'a'\r\n."),
        // A class inside another, before protocol 4.
        std::string("cm\nA.B\n."), B("\x80\3cm\nA.B\n."),
        std::string("(im\nA.B\n."), B("\x80\2\x8c\1m\x8c\3A.B\x93.")}) {
    EXPECT_EQ(ErrorCode(bad), Code::kDataLoss) << absl::CHexEscape(bad);
  }
  EXPECT_EQ(graph_.global(Read(B("\x80\4\x8c\1m\x8c\3A.B\x93."))).name, "A.B");
}

TEST_F(UnpicklerTest, WrongOperandsAreDataLoss) {
  for (const std::string& bad : {
           // Odd numbers of keys and values; items and entries for what has
           // none.
           B("}(K\1u."),
           B("}(K\1K\2K\3u."),
           B("(K\1d."),
           B("NNs."),
           B("](K\1K\2u."),
           B("}K\1a."),
           B("}(K\1e."),
           B("NK\1a."),
           B("NK\1b."),
           B("]}b."),
           B("](K\1\x90."),
           B("\x8f(K\1e."),
           B("(K\1\x90."),
           B("K\1a."),
           B("K\1K\2s."),
           B("}NNs(b."),
           B("cm\nf\n}b."),
           // Calls.
           B("K\1)R."),
           B("X\3\0\0\0m.f)R."),
           B("N)\x81."),
           B("])}\x92."),
           B("cm\nf\n]R."),
           B("cm\nf\nNR."),
           B("cm\nf\nN\x81."),
           B("cm\nf\n)N\x92."),
           B("cm\nf\nR."),
           B(")R."),
           B("(o."),
           B("imod\nC\n."),
           // Names.
           B("c\nf\n."),
           B("cm\n\n."),
           B("cm\xff\nf\n."),
           B("K\1K\2\x93."),
           B("\x8c\1m\x8c\0\x93."),
           B("\x8c\3m\nx\x8c\1f\x93."),
           B("\x8c\1m\x8c\2f\0\x93."),
           B("cm\nf"),
           B("cm"),
           // Text that is not UTF-8.
           B("X\1\0\0\0\xff."),
           B("\x8c\2\xc3\x28."),
           B("V\\u12\n."),
           // Numbers.
           B("I\n."),
           B("I1x\n."),
           B("L\n."),
           B("L-\n."),
           B("L1LL\n."),
           B("I 1\n."),
           B("I--1\n."),
           B("gx\n."),
           B("]p-1\n."),
           B("\x8b\0\0\0\x80."),
           // Opcodes and protocols that do not exist.
           B("\xff."),
           B("\0."),
           B("z."),
           B("\x80\6N."),
           B("\x80\xffN."),
           // A frame that is longer than what is left.
           B("\x95\3\0\0\0\0\0\0\0N."),
           B("\x95\xff\xff\xff\xff\xff\xff\xff\xffN."),
           // Frames that Python would leave in other opcodes.
           B("\x95\2\0\0\0\0\0\0\0X\2\0\0\0ab."),
           B("\x95\2\0\0\0\0\0\0\0I12\n."),
           B("\x95\x0C\0\0\0\0\0\0\0N0\x95\0\0\0\0\0\0\0\0N."),
           B("\x95\3\0\0\0\0\0\0\0N.N"),
           // Nothing, and no end.
           B(""),
           B("N"),
           B("\x80\2"),
           B("\x80"),
           // Keys and items that cannot be hashed.
           B("}]Ns."),
           B("}}Ns."),
           B("\x8f(]\x90."),
           B("(}\x91."),
           B("}]\x85Ns."),
           B("}\x8fNs."),
       }) {
    EXPECT_EQ(ErrorCode(bad), Code::kDataLoss)
        << absl::CHexEscape(bad) << " " << Error(bad);
  }
}

TEST_F(UnpicklerTest, NamesFramesThatLie) {
  EXPECT_THAT(
      Error(B("\x95\2\0\0\0\0\0\0\0X\2\0\0\0ab.")),
      StatusIs(Code::kDataLoss,
               HasSubstr("an operand crosses the end of its frame (at offset "
                         "9 ")));
  EXPECT_THAT(Error(B("\x95\3\0\0\0\0\0\0\0N.N")),
              StatusIs(Code::kDataLoss,
                       HasSubstr("STOP is not at the end of its frame")));
  // Frames one after another, and opcodes between them.
  EXPECT_EQ(Read(B("\x95\1\0\0\0\0\0\0\0N0\x95\1\0\0\0\0\0\0\0N.")),
            ObjectGraph::kNone);
}

TEST_F(UnpicklerTest, LengthsThatLieAreDataLossAndAllocateNothing) {
  for (unsigned char opcode : {kBinUnicode, kBinBytes, kBinString, kLong4}) {
    for (uint64_t length :
         {5ull, 0x7fffffffull, 0x80000000ull, 0xffffffffull}) {
      EXPECT_EQ(ErrorCode(std::string(1, static_cast<char>(opcode)) +
                          LittleEndian(length, 4) + "abc."),
                Code::kDataLoss);
    }
  }
  for (unsigned char opcode :
       {+kBinUnicode8, +kBinBytes8, +kByteArray8, +kFrame}) {
    for (uint64_t length :
         {uint64_t{5}, uint64_t{1} << 40, uint64_t{1} << 63, ~uint64_t{0}}) {
      EXPECT_EQ(ErrorCode(std::string(1, static_cast<char>(opcode)) +
                          LittleEndian(length, 8) + "abc."),
                Code::kDataLoss);
    }
  }
}

TEST_F(UnpicklerTest, WhatIsNotSupportedSaysSo) {
  for (const std::string& unsupported :
       {B("\x82\1."), B("\x83\1\0."), B("\x84\1\0\0\0."), B("\x97."),
        B("\x98."), B("cm\nC\n)R}b}b."), B("cm\nC\n)R}bK\1a."),
        B("cm\nC\n)R}bK\1Ns.")}) {
    EXPECT_EQ(ErrorCode(unsupported), Code::kUnimplemented)
        << absl::CHexEscape(unsupported);
  }
}

TEST_F(UnpicklerTest, ErrorsSayWhere) {
  const absl::Status status = Error(B("\x80\2](K\1K\2h\7e."));
  EXPECT_NE(status.message().find("offset 8"), std::string::npos) << status;
}

TEST_F(UnpicklerTest, ChargesMemory) {
  BudgetOptions options;
  // An empty list takes 20 bytes, and as many again as room to grow.
  options.max_memory_bytes = 100 * 40;
  Budget enough(options, 0);
  EXPECT_TRUE(Error("(" + std::string(90, ']') + "l.", &enough).ok());
  EXPECT_GE(enough.memory_bytes(), 90 * 40);
  Budget little(options, 0);
  const absl::Status status =
      Error("(" + std::string(110, ']') + "l.", &little);
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_NE(status.message().find("max_memory_bytes"), std::string::npos)
      << status;
}

TEST_F(UnpicklerTest, ChargesAStepForEachByte) {
  BudgetOptions options;
  options.max_steps = 100;
  Budget enough(options, 0);
  EXPECT_TRUE(Error("(" + std::string(97, 'N') + "l.", &enough).ok());
  EXPECT_EQ(enough.steps(), 100);
  Budget little(options, 0);
  EXPECT_EQ(Error("(" + std::string(98, 'N') + "l.", &little).code(),
            Code::kResourceExhausted);
}

// The time to convert a decimal number grows with the square of its length.
TEST_F(UnpicklerTest, ChargesTheSquareOfTheDigits) {
  for (const char* end : {"L\n.", "\n."}) {
    const std::string bytes = "L" + std::string(4000, '9') + end;
    BudgetOptions options;
    options.max_steps = 10 * bytes.size();
    Budget little(options, 0);
    const absl::Status status = Error(bytes, &little);
    EXPECT_EQ(status.code(), Code::kResourceExhausted);
    EXPECT_NE(status.message().find("max_steps"), std::string::npos) << status;
    options.max_steps = bytes.size() * bytes.size();
    Budget enough(options, 0);
    EXPECT_TRUE(Error(bytes, &enough).ok());
    // A number of half as many digits takes about a quarter of the steps.
    Budget half(options, 0);
    EXPECT_TRUE(Error("L" + std::string(2000, '9') + end, &half).ok());
    EXPECT_LT(half.steps(), enough.steps() / 3);
  }
}

// The same parts again and again: references, not copies.
TEST_F(UnpicklerTest, BombsAreBounded) {
  // Lists of ten references to the list before, 100 deep.
  std::string lists = "]q";
  lists.push_back('\0');
  for (int i = 1; i < 100; ++i) {
    lists += "(";
    for (int j = 0; j < 10; ++j) {
      lists += "h";
      lists.push_back(static_cast<char>(i - 1));
    }
    lists += "lq";
    lists.push_back(static_cast<char>(i));
  }
  Read(lists + ".");
  EXPECT_LT(graph_.num_references(), 2000u);

  // set(list) of one long list, and encode(text) of one long text.
  std::string calls = B("c__builtin__\nset\nq\0(") + std::string(10000, 'N') +
                      B("l\x85q\1c_codecs\nencode\nq\2X") +
                      LittleEndian(10000, 4) + std::string(10000, 'x') +
                      B("U\6latin1\x86q\3(");
  const size_t size = calls.size();
  for (int i = 0; i < 10000; ++i) calls += B("h\0h\1Rh\2h\3R");
  EXPECT_EQ(ErrorCode(calls + "l."), Code::kResourceExhausted);
  EXPECT_EQ(ErrorCode(calls.substr(0, size) + B("h\0h\1Rh\2h\3Rl.")),
            Code::kOk);
}

TEST_F(UnpicklerTest, AMillionLevels) {
  const size_t depth = 1000000;
  // Lists, tuples, dicts, marks.
  EXPECT_EQ(
      Kind(Read(std::string(depth, ']') + std::string(depth - 1, 'a') + ".")),
      ValueKind::kList);
  EXPECT_EQ(Kind(Read("N" + std::string(depth, '\x85') + ".")),
            ValueKind::kTuple);
  std::string dicts;
  for (size_t i = 0; i < depth; ++i) dicts += "}N";
  EXPECT_EQ(Kind(Read(dicts + "}" + std::string(depth, 's') + ".")),
            ValueKind::kDict);
  EXPECT_EQ(Kind(Read(std::string(depth, '(') + std::string(depth, 't') + ".")),
            ValueKind::kTuple);
  // What is hashed, too: sets, and a key.
  const size_t fewer = 200000;
  EXPECT_EQ(
      Kind(Read(std::string(fewer, '(') + std::string(fewer, '\x91') + ".")),
      ValueKind::kFrozenSet);
  Read("}N" + std::string(fewer, '\x85') + "Ns.");
}

// --- Damage ------------------------------------------------------------------

TEST_F(UnpicklerTest, EveryTruncationOfAVectorIsAnError) {
  for (const TestVector& vector : kTestVectors) {
    const std::string bytes = BytesFromHex(vector.hex);
    ASSERT_THAT(Error(bytes), IsOk()) << vector.name << " " << Error(bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(ErrorCode(bytes.substr(0, size)), Code::kDataLoss)
          << vector.name << " " << size;
    }
  }
}

TEST_F(UnpicklerTest, NoFlippedByteOfAVectorDoesHarm) {
  for (const TestVector& vector : kTestVectors) {
    const std::string bytes = BytesFromHex(vector.hex);
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (int flip : {0x01, 0x80, 0xFF, 0x20, 0x0F}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        const Code code = ErrorCode(damaged);
        EXPECT_TRUE(code == Code::kOk || code == Code::kDataLoss ||
                    code == Code::kUnimplemented)
            << vector.name << " " << at << " " << code;
      }
    }
  }
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
