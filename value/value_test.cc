// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/value.h"

#include <complex>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Code = absl::StatusCode;

Tensor ATensor() {
  return *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {});
}

TEST(ValueTest, EachTypeOfCppIsItsTypeOfPython) {
  EXPECT_TRUE(Value().is_none());
  EXPECT_EQ(Value(true).kind(), ValueKind::kBool);
  EXPECT_EQ(*Value(true).AsBool(), true);
  EXPECT_EQ(*Value(-3).AsInt(), -3);
  EXPECT_EQ(*Value(int64_t{1} << 40).AsInt(), int64_t{1} << 40);
  EXPECT_EQ(*Value(std::vector<int>(5).size()).AsInt(), 5);
  EXPECT_EQ(*Value(uint8_t{200}).AsInt(), 200);
  EXPECT_EQ(*Value(int16_t{-200}).AsInt(), -200);
  EXPECT_EQ(*Value(static_cast<unsigned long long>(7)).AsInt(), 7);
  EXPECT_EQ(*Value(2.5).AsFloat(), 2.5);
  EXPECT_EQ(*Value(2.5f).AsFloat(), 2.5);
  EXPECT_EQ(*Value(std::complex<double>(1, 2)).AsComplex(),
            std::complex<double>(1, 2));
  EXPECT_EQ(*Value("text").AsStr(), "text");
  EXPECT_EQ(*Value(std::string("a\0b", 3)).AsStr(),
            absl::string_view("a\0b", 3));
  EXPECT_EQ(*Value(absl::string_view("view")).AsStr(), "view");
  EXPECT_EQ(*Value::Bytes("\xff").AsBytes(), "\xff");
  EXPECT_EQ(*Value::ByteArray("xy").AsBytes(), "xy");
  EXPECT_EQ(*Value::FromDType(DType::kInt8).AsDType(), DType::kInt8);
  EXPECT_EQ(*Value::FromDevice(Device("cuda", 1)).AsDevice(),
            Device("cuda", 1));
  EXPECT_EQ(*Value::Size({2, 3}).AsSize(), (std::vector<int64_t>{2, 3}));
  const Tensor t = ATensor();
  EXPECT_TRUE(Value(t).AsTensor()->IsSame(t));
  EXPECT_FALSE(Value(t).is_parameter());
  EXPECT_TRUE(Value::Parameter(t).is_parameter());
  static_assert(!std::is_constructible_v<Value, int*>);
  static_assert(!std::is_constructible_v<Value, char>);
}

TEST(ValueTest, IntegersPast64BitsAreIntegers) {
  const uint64_t max = std::numeric_limits<uint64_t>::max();
  const Value big(max);
  EXPECT_EQ(big.kind(), ValueKind::kInt);
  EXPECT_EQ(big.AsInt().status().code(), Code::kOutOfRange);
  EXPECT_EQ(big.graph()->text(big.node()), std::string(8, '\xff') + '\0');
  EXPECT_EQ(*Value(max / 2).AsInt(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(*Value(std::numeric_limits<int64_t>::min()).AsInt(),
            std::numeric_limits<int64_t>::min());
}

TEST(ValueTest, OtherTypesAreTheCallersMistake) {
  const Value text("x");
  EXPECT_EQ(text.AsBool().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsInt().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsFloat().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsComplex().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsBytes().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsTensor().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsStorage().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsDType().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsDevice().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsSize().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(text.AsLayout().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).AsStr().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).AsBool().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(true).AsInt().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).Get("a").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).Append(2).code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).Set("a", 2).code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).Arguments().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).Attribute("a").status().code(), Code::kNotFound);
  EXPECT_FALSE(Value(1).Contains("a"));
  EXPECT_EQ(Value(1).size(), 0u);
  EXPECT_NE(text.AsInt().status().message().find("str"), std::string::npos);
  EXPECT_EQ(*Value(3).AsFloat(), 3.0);
}

TEST(ValueTest, ListsAndTuples) {
  const Value list = Value::List({1, "two", 3.0});
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(*list.Item(1)->AsStr(), "two");
  EXPECT_EQ(list.Item(3).status().code(), Code::kOutOfRange);
  ASSERT_THAT(list.Append(Value::Tuple({true, Value()})), IsOk());
  EXPECT_EQ(list.size(), 4u);
  const Value tuple = *list.Item(3);
  EXPECT_EQ(tuple.kind(), ValueKind::kTuple);
  EXPECT_TRUE(tuple.Item(1)->is_none());
  EXPECT_EQ(tuple.Append(1).code(), Code::kInvalidArgument);
  EXPECT_EQ(Value::Tuple({}).size(), 0u);
  EXPECT_EQ(Value::Size({7, 8}).size(), 2u);
  EXPECT_EQ(*Value::Size({7, 8}).Item(1)->AsInt(), 8);
}

TEST(ValueTest, HandlesAreOneObject) {
  const Value list = Value::List();
  const Value same = list;
  ASSERT_THAT(same.Append(1), IsOk());
  EXPECT_EQ(list.size(), 1u);
  EXPECT_TRUE(list.IsSame(same));
  EXPECT_FALSE(list.IsSame(Value::List()));
  EXPECT_TRUE(list.Item(0)->IsSame(*same.Item(0)));
  // A list can contain itself.
  ASSERT_THAT(list.Append(list), IsOk());
  EXPECT_TRUE(list.Item(1)->IsSame(list));
}

TEST(ValueTest, PuttingAValueInCopiesItsNodesAndSharesItsStorages) {
  const Value inner = Value::List({1});
  const Value outer = Value::List({inner});
  ASSERT_THAT(inner.Append(2), IsOk());
  EXPECT_EQ(outer.Item(0)->size(), 1u);
  EXPECT_FALSE(outer.Item(0)->IsSame(inner));
  const Tensor t = ATensor();
  ASSERT_THAT(outer.Append(t), IsOk());
  EXPECT_EQ(outer.Item(1)->AsTensor()->storage(), t.storage());
  // Of one graph it is the same object.
  ASSERT_THAT(outer.Append(*outer.Item(0)), IsOk());
  EXPECT_TRUE(outer.Item(2)->IsSame(*outer.Item(0)));
}

TEST(ValueTest, DictsKeepTheirOrderAndTheirFirstKey) {
  for (const Value& dict : {Value::Dict(), Value::OrderedDict()}) {
    ASSERT_TRUE(dict.is_dict());
    ASSERT_THAT(dict.Set("b", 1), IsOk());
    ASSERT_THAT(dict.Set("a", 2), IsOk());
    ASSERT_THAT(dict.Set(1, 3), IsOk());
    ASSERT_THAT(dict.Set("b", 4), IsOk());
    ASSERT_THAT(dict.Set(Value(true), 5), IsOk());
    ASSERT_THAT(dict.Set(Value::Tuple({1, "x"}), 6), IsOk());
    ASSERT_THAT(dict.Set(Value::Tuple({1.0, "x"}), 7), IsOk());
    ASSERT_EQ(dict.size(), 4u);
    EXPECT_EQ(*dict.Entry(0)->first.AsStr(), "b");
    EXPECT_EQ(*dict.Entry(0)->second.AsInt(), 4);
    EXPECT_EQ(*dict.Entry(2)->first.AsInt(), 1);
    EXPECT_EQ(*dict.Entry(2)->second.AsInt(), 5);
    EXPECT_EQ(*dict.Entry(3)->second.AsInt(), 7);
    EXPECT_EQ(dict.Entry(4).status().code(), Code::kOutOfRange);
    EXPECT_EQ(*dict.Get("a")->AsInt(), 2);
    EXPECT_TRUE(dict.Contains("a"));
    EXPECT_FALSE(dict.Contains("1"));
    EXPECT_EQ(dict.Get("c").status().code(), Code::kNotFound);
    for (const Value& key : {Value::List(), Value::Dict(), Value::ByteArray(""),
                             Value::Tuple({Value::List()})}) {
      EXPECT_EQ(dict.Set(key, 1).code(), Code::kInvalidArgument);
    }
    EXPECT_EQ(dict.size(), 4u);
    EXPECT_EQ(*dict.At("/b")->AsInt(), 4);
    EXPECT_EQ(dict.At("/c").status().code(), Code::kNotFound);
  }
}

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

// A message may take 2^18 steps, and a walk takes one for each child that it
// lists, so it cannot list these.
TEST(ValueTest, PointersIntoLargeContainersHaveHintsToo) {
  constexpr int kChildren = (1 << 18) + 1;
  for (const Value& dict : {Value::Dict(), Value::OrderedDict()}) {
    for (int i = 0; i < kChildren; ++i) {
      ASSERT_THAT(dict.Set("layer" + std::to_string(i), i), IsOk());
    }
    const std::string message = Message(dict.At("/layr17").status());
    EXPECT_NE(message.find("did you mean \"/layer17\""), std::string::npos)
        << message;
  }
}

TEST(ValueTest, ErrorsSayWhatThereIs) {
  Value dict = Value::Dict();
  ASSERT_THAT(dict.Set("fc.weight", 1), IsOk());
  ASSERT_THAT(dict.Set("fc.bias", 2), IsOk());
  EXPECT_EQ(Message(dict.Get("fc.weigth").status()),
            "the dict has no key \"fc.weigth\"; it has \"fc.weight\", "
            "\"fc.bias\"; did you mean \"fc.weight\"?");
  EXPECT_EQ(Message(Value::Dict().Get("a").status()),
            "the dict has no key \"a\"; it has nothing");
  const Value object = Value::Object("m.C");
  ASSERT_THAT(object.SetAttribute("training", true), IsOk());
  EXPECT_EQ(Message(object.Attribute("trainig").status()),
            "the object has no attribute \"trainig\"; it has \"training\"; "
            "did you mean \"training\"?");
  EXPECT_EQ(Message(Value(1).AsBool().status()),
            "the value is an int, not a bool");
  EXPECT_EQ(Message(Value(true).AsInt().status()),
            "the value is a bool, not an int");
  EXPECT_EQ(Message(dict.Arguments().status()),
            "the value is a dict, not an object made by a call");
  // Keys are cut, wherever they stand.
  const std::string key(100000, 'k');
  ASSERT_THAT(dict.Set(key, dict), IsOk());
  for (const absl::Status& status :
       {dict.Get("l" + key).status(), dict.At("/" + key + "/x").status(),
        dict.At(key).status(), dict.Attribute(key).status()}) {
    EXPECT_LT(status.message().size(), 1000u);
  }
}

TEST(ValueTest, AStateDictHasAttributes) {
  const Value state = Value::OrderedDict();
  EXPECT_EQ(state.GlobalName(), "collections.OrderedDict");
  EXPECT_EQ(state.Arguments()->size(), 0u);
  EXPECT_EQ(state.Attribute("_metadata").status().code(), Code::kNotFound);
  ASSERT_THAT(state.SetAttribute("_metadata", Value::OrderedDict()), IsOk());
  ASSERT_THAT(state.Attribute("_metadata")->Set("", 1), IsOk());
  ASSERT_THAT(state.SetAttribute("other", 2), IsOk());
  EXPECT_EQ(state.Attribute("_metadata")->size(), 1u);
  EXPECT_EQ(*state.Attribute("other")->AsInt(), 2);
  ASSERT_THAT(state.SetAttribute("other", 3), IsOk());
  EXPECT_EQ(*state.Attribute("other")->AsInt(), 3);
  EXPECT_EQ(state.size(), 0u);
  EXPECT_EQ(Value::Dict().SetAttribute("a", 1).code(), Code::kInvalidArgument);
  EXPECT_EQ(Value(1).SetAttribute("a", 1).code(), Code::kInvalidArgument);
}

TEST(ValueTest, Globals) {
  auto graph = std::make_shared<ObjectGraph>();
  const NodeId global = graph->AddGlobal("m", "C");
  EXPECT_EQ(Value(graph, global).GlobalName(), "m.C");
  EXPECT_EQ(Value(graph, graph->AddObject(ObjectForm::kNew, global,
                                          ObjectGraph::kEmptyTuple))
                .GlobalName(),
            "m.C");
  EXPECT_EQ(Value(1).GlobalName(), "");
  // Made by something that is no global.
  EXPECT_EQ(Value(graph, graph->AddObject(ObjectForm::kCall, graph->AddList(),
                                          ObjectGraph::kEmptyTuple))
                .GlobalName(),
            "");
}

TEST(ValueTest, AHandleOutlivesTheOthers) {
  Value item;
  absl::string_view text;
  {
    const Value list = Value::List({"a text that lies in the graph"});
    item = *list.Item(0);
    text = *list.Item(0)->AsStr();
  }
  EXPECT_EQ(*item.AsStr(), "a text that lies in the graph");
  EXPECT_EQ(text, "a text that lies in the graph");
}

Value AGlobal() {
  const auto graph = std::make_shared<ObjectGraph>();
  return Value(graph, graph->AddGlobal("module", "Class"));
}

// One key of each sort that Python compares by value, or a global, made anew in
// each call.
std::vector<Value> EveryKey() {
  return {Value(),
          Value(true),
          Value(2),
          Value(1.5),
          Value(std::numeric_limits<double>::infinity()),
          Value(1e300),
          Value(std::numeric_limits<uint64_t>::max()),
          Value(std::complex<double>(3, 0)),
          Value(std::complex<double>(0, 1)),
          Value("text"),
          Value::Bytes("bytes"),
          Value::FromDType(DType::kInt8),
          Value::FromDevice(Device("cuda", 1)),
          Value::Size({2, 3}),
          Value::Tuple({}),
          Value::Tuple({1, "x"}),
          Value::Tuple({Value::Tuple({Value(), 2.5}), Value::Bytes("x")}),
          AGlobal(),
          Value::Tuple({AGlobal(), 3})};
}

TEST(ValueTest, SettingAKeyAgainAddsNoNode) {
  for (const int others : {0, 100}) {
    const Value dict = Value::Dict();
    for (int i = 0; i < others; ++i) ASSERT_THAT(dict.Set(1000 + i, i), IsOk());
    const Value value(dict.graph(), ObjectGraph::kTrue);
    std::vector<Value> keys = EveryKey();
    for (const Value& key : keys) ASSERT_THAT(dict.Set(key, value), IsOk());
    const size_t size = dict.size();
    EXPECT_EQ(size, others + keys.size());
    const uint32_t nodes = dict.graph()->size();
    // Those of the dict itself, and others that are equal.
    for (size_t i = 0; i < size; ++i) keys.push_back(dict.Entry(i)->first);
    for (const Value& key : EveryKey()) keys.push_back(key);
    for (const Value& key : keys) {
      EXPECT_THAT(dict.Set(key, value), IsOk());
      EXPECT_EQ(dict.graph()->size(), nodes) << Name(key.kind());
    }
    EXPECT_THAT(dict.Set("text", value), IsOk());
    EXPECT_EQ(dict.graph()->size(), nodes);
    EXPECT_EQ(dict.size(), size);
    // Each is found among all of them as itself.
    for (size_t i = 0; i < size; ++i) {
      EXPECT_THAT(dict.Set(dict.Entry(i)->first, Value(i)), IsOk());
    }
    for (size_t i = 0; i < size; ++i) {
      EXPECT_EQ(*dict.Entry(i)->second.AsInt(), i);
    }
  }
}

TEST(ValueTest, KeysByIdentityAreThoseOfTheDictsGraph) {
  for (const int others : {0, 100}) {
    const Value dict = Value::Dict();
    for (int i = 0; i < others; ++i) ASSERT_THAT(dict.Set(1000 + i, i), IsOk());
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const Value& key :
         {Value(ATensor()), Value(nan), Value::Tuple({nan})}) {
      for (int i = 0; i < 2; ++i) {
        const size_t size = dict.size();
        ASSERT_THAT(dict.Set(key, 1), IsOk());
        EXPECT_EQ(dict.size(), size + 1) << Name(key.kind());
        // The key of the dict itself is found.
        ASSERT_THAT(dict.Set(dict.Entry(size)->first, 2), IsOk());
        EXPECT_EQ(dict.size(), size + 1) << Name(key.kind());
      }
    }
    // Those of another graph are others, also where their nodes have the same
    // numbers.
    const Value first = ATensor();
    const Value of_first(first.graph(), first.graph()->AddDict());
    ASSERT_THAT(of_first.Set(first, 1), IsOk());
    ASSERT_THAT(of_first.Set(Value(ATensor()), 2), IsOk());
    EXPECT_EQ(of_first.size(), 2u);
    // A class is the same in each graph.
    const Value global = AGlobal();
    for (const Value& key : {global, Value::Tuple({global})}) {
      ASSERT_THAT(dict.Set(key, 1), IsOk());
      const size_t size = dict.size();
      ASSERT_THAT(dict.Set(key, 2), IsOk());
      EXPECT_EQ(dict.size(), size) << Name(key.kind());
      EXPECT_EQ(*dict.Entry(size - 1)->second.AsInt(), 2);
    }
  }
}

// The first look-up of each thread builds the index, or waits for it.
TEST(ValueTest, ManyThreadsMayRead) {
  const Value dict = Value::Dict();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_THAT(dict.Set(std::to_string(i), i), IsOk());
    ASSERT_THAT(dict.Set(i, -i), IsOk());
  }
  const Value copy = *Value::List({dict}).Item(0);  // without an index
  std::vector<int> sums(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&copy, sum = &sums[t]] {
      for (int i = 0; i < 1000; ++i) {
        const Value value = *copy.Get(std::to_string(i));
        *sum += static_cast<int>(*value.AsInt());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sums, std::vector<int>(4, 999 * 500));
}

// Each copies what it is given, and not the graph that comes from.
TEST(ValueTest, FillingADictFromALargeGraphIsNoTrouble) {
  const Value source = Value::List();
  for (int i = 0; i < 30000; ++i) ASSERT_THAT(source.Append(i), IsOk());
  const Value target = Value::OrderedDict();
  for (size_t i = 0; i < source.size(); ++i) {
    ASSERT_THAT(target.Set(std::to_string(i), *source.Item(i)), IsOk());
  }
  EXPECT_EQ(*target.At("/29999")->AsInt(), 29999);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
