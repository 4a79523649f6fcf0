// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/python_repr.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Nodes = std::vector<NodeId>;

class PythonReprTest : public testing::Test {
 protected:
  NodeId Str(absl::string_view text) { return graph_.AddStr(text); }
  NodeId Int(int64_t value) { return graph_.AddInt(value); }
  NodeId Float(double value) { return graph_.AddFloat(value); }
  NodeId Tuple(const Nodes& items) { return graph_.AddTuple(items); }
  std::string Key(NodeId node) { return KeyText(graph_, node); }

  ObjectGraph graph_;
};

TEST_F(PythonReprTest, KeysAreSpeltAsPythonDoes) {
  EXPECT_EQ(Key(Str("a/b~'\"")), "a/b~'\"");
  EXPECT_EQ(Key(Str("")), "");
  EXPECT_EQ(Key(ObjectGraph::kNone), "None");
  EXPECT_EQ(Key(ObjectGraph::kTrue), "True");
  EXPECT_EQ(Key(Int(-12)), "-12");
  EXPECT_EQ(Key(graph_.AddBytes(absl::string_view("a'\"\n\0\xff\\", 7))),
            "b'a\\'\"\\n\\x00\\xff\\\\'");
  EXPECT_EQ(Key(graph_.AddBytes("it's")), "b\"it's\"");
  EXPECT_EQ(Key(graph_.AddDType(DType::kFloat16)), "torch.float16");
  EXPECT_EQ(Key(graph_.AddDevice(Device("cuda", 1))), "cuda:1");
  EXPECT_EQ(Key(graph_.AddGlobal("m", "C")), "m.C");
  EXPECT_EQ(Key(graph_.AddTensor(
                *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {}))),
            "<tensor>");
  EXPECT_EQ(Key(graph_.AddObject(ObjectForm::kCall, graph_.AddGlobal("m", "C"),
                                 ObjectGraph::kEmptyTuple)),
            "<object>");
}

TEST_F(PythonReprTest, FloatsAreSpeltAsPythonDoes) {
  for (const auto& [value, text] : std::vector<std::pair<double, const char*>>{
           {0.0, "0.0"},
           {-0.0, "-0.0"},
           {1, "1.0"},
           {0.1, "0.1"},
           {1e15, "1000000000000000.0"},
           {9999999999999998, "9999999999999998.0"},
           {1e16, "1e+16"},
           {-1.5e300, "-1.5e+300"},
           {0.0001, "0.0001"},
           {0.00001, "1e-05"},
           {5e-324, "5e-324"},
           {123456.789, "123456.789"},
           {std::numeric_limits<double>::infinity(), "inf"},
           {-std::numeric_limits<double>::infinity(), "-inf"},
           {std::numeric_limits<double>::quiet_NaN(), "nan"}}) {
    EXPECT_EQ(Key(Float(value)), text);
  }
  EXPECT_EQ(Key(graph_.AddComplex(1, 2)), "(1+2j)");
  EXPECT_EQ(Key(graph_.AddComplex(0, -2.5)), "-2.5j");
  EXPECT_EQ(Key(graph_.AddComplex(-0.0, 1)), "(-0+1j)");
  EXPECT_EQ(Key(graph_.AddComplex(1e20, -0.0)), "(1e+20-0j)");
}

TEST_F(PythonReprTest, BigIntegersAreSpeltInDecimal) {
  const auto big = [&](const std::string& bytes) {
    return Key(graph_.AddBigInt(bytes));
  };
  // 2^63, -2^64, 2^64 - 1, -2^63 - 1
  EXPECT_EQ(big(std::string(7, '\0') + std::string("\x80\0", 2)),
            "9223372036854775808");
  EXPECT_EQ(big(std::string(8, '\0') + "\xff"), "-18446744073709551616");
  EXPECT_EQ(big(std::string(8, '\xff') + std::string(1, '\0')),
            "18446744073709551615");
  EXPECT_EQ(big(std::string(7, '\xff') + "\x7f\xff"), "-9223372036854775809");
  // 10^30
  EXPECT_EQ(
      big(std::string("\0\0\0\x40\xea\xed\x74\x46\xd0\x9c\x2c\x9f\x0c", 13)),
      "1000000000000000000000000000000");
  EXPECT_EQ(big(std::string(128, '\1')).size(), 306u);
  EXPECT_EQ(big(std::string(129, '\1')), "<integer of 129 bytes>");
}

TEST_F(PythonReprTest, TuplesAreSpeltAsPythonDoes) {
  EXPECT_EQ(Key(ObjectGraph::kEmptyTuple), "()");
  EXPECT_EQ(Key(Tuple({Int(1)})), "(1,)");
  EXPECT_EQ(Key(Tuple({Int(1), Str("a"), Float(1)})), "(1, 'a', 1.0)");
  EXPECT_EQ(Key(Tuple({Str("it's"), Str("a\tb\x01")})),
            "(\"it's\", 'a\\tb\\x01')");
  EXPECT_EQ(Key(Tuple({Tuple({Int(1)}), ObjectGraph::kEmptyTuple})),
            "((1,), ())");
}

// 1000 tuples of 1000, nested five deep, would be 10^15 numbers.
TEST_F(PythonReprTest, TheTextOfAKeyIsBounded) {
  NodeId node = Int(7);
  for (int i = 0; i < 10; ++i) node = Tuple(Nodes(1000, node));
  EXPECT_LT(Key(node).size(), 3000u);
  EXPECT_LT(Key(Tuple({Str(std::string(1 << 20, 'x'))})).size(), 3000u);
  // Cut between characters.
  const std::string text = Key(Tuple({Str("a" + std::string(3000, '\xc3'))}));
  EXPECT_LT(text.size(), 3000u);
  NodeId deep = Int(1);
  for (int i = 0; i < 100000; ++i) deep = graph_.AddTuple({&deep, 1});
  EXPECT_EQ(Key(deep), "(((((...,),),),),)");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
