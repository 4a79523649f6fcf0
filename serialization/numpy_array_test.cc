// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/numpy_array.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The elements 0 to 5 as int16.
constexpr absl::string_view kSix("\0\0\1\0\2\0\3\0\4\0\5\0", 12);

class NumpyArrayTest : public testing::Test {
 protected:
  using Nodes = std::vector<NodeId>;

  NodeId Call(absl::string_view module, absl::string_view name,
              const Nodes& args) {
    return graph_->AddObject(ObjectForm::kCall, graph_->AddGlobal(module, name),
                             graph_->AddTuple(args));
  }
  NodeId Shape(const std::vector<int64_t>& sizes) {
    Nodes items;
    for (int64_t size : sizes) items.push_back(graph_->AddInt(size));
    return graph_->AddTuple(items);
  }
  NodeId DTypeNode(absl::string_view code, absl::string_view order) {
    const NodeId dtype =
        Call("numpy", "dtype",
             {graph_->AddStr(code), ObjectGraph::kFalse, ObjectGraph::kTrue});
    graph_->SetState(dtype, graph_->AddTuple(Nodes{graph_->AddInt(3),
                                                   graph_->AddStr(order)}));
    return dtype;
  }
  // As up to protocol 4.
  NodeId Array(const std::vector<int64_t>& shape, NodeId dtype,
               bool column_major, NodeId bytes,
               absl::string_view module = "numpy.core.multiarray") {
    const NodeId array = Call(module, "_reconstruct",
                              {graph_->AddGlobal("numpy", "ndarray"),
                               Shape({0}), graph_->AddBytes("b")});
    graph_->SetState(
        array, graph_->AddTuple(Nodes{graph_->AddInt(1), Shape(shape), dtype,
                                      graph_->AddBool(column_major), bytes}));
    return array;
  }

  absl::StatusOr<Tensor> ToTensor(NodeId node) {
    return TensorFromNumpy(Value(graph_, node));
  }
  void ExpectError(NodeId node, absl::StatusCode code, absl::string_view says) {
    const absl::Status status = ToTensor(node).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(says)));
  }

  std::shared_ptr<ObjectGraph> graph_ = std::make_shared<ObjectGraph>();
};

TEST_F(NumpyArrayTest, ArraysOfBothOrders) {
  const NodeId int16 = DTypeNode("i2", "<");
  absl::StatusOr<Tensor> rows =
      ToTensor(Array({2, 3}, int16, false, graph_->AddBytes(kSix)));
  ASSERT_THAT(rows, IsOk());
  EXPECT_EQ(rows->dtype(), DType::kInt16);
  EXPECT_THAT(rows->shape(), ElementsAre(2, 3));
  EXPECT_THAT(rows->strides(), ElementsAre(3, 1));
  EXPECT_THAT(absl::MakeConstSpan(static_cast<const int16_t*>(rows->data()), 6),
              ElementsAre(0, 1, 2, 3, 4, 5));
  absl::StatusOr<Tensor> columns = ToTensor(Array(
      {2, 3}, int16, true, graph_->AddBytes(kSix), "numpy._core.multiarray"));
  ASSERT_THAT(columns, IsOk());
  EXPECT_THAT(columns->strides(), ElementsAre(1, 2));
  EXPECT_THAT(ToTensor(Array({0, 3}, int16, true, graph_->AddBytes(""))),
              IsOk());
}

TEST_F(NumpyArrayTest, ArraysOfProtocol5) {
  for (const char* module : {"numpy.core.numeric", "numpy._core.numeric"}) {
    const absl::StatusOr<Tensor> tensor =
        ToTensor(Call(module, "_frombuffer",
                      {graph_->AddByteArray(kSix), DTypeNode("i2", "<"),
                       Shape({3, 2}), graph_->AddStr("F")}));
    ASSERT_THAT(tensor, IsOk());
    EXPECT_THAT(tensor->strides(), ElementsAre(1, 3));
  }
  ExpectError(Call("numpy._core.numeric", "_frombuffer",
                   {graph_->AddByteArray(kSix), DTypeNode("i2", "<"),
                    Shape({3, 2}), graph_->AddStr("K")}),
              absl::StatusCode::kUnimplemented, "\"K\"");
}

TEST_F(NumpyArrayTest, Scalars) {
  const absl::StatusOr<Tensor> tensor =
      ToTensor(Call("numpy.core.multiarray", "scalar",
                    {DTypeNode("f4", ">"),
                     graph_->AddBytes(absl::string_view("\x3f\x80\0\0", 4))}));
  ASSERT_THAT(tensor, IsOk());
  EXPECT_EQ(tensor->rank(), 0);
  EXPECT_EQ(*static_cast<const float*>(tensor->data()), 1.0f);
}

TEST_F(NumpyArrayTest, EveryDTypeThatTensorsHave) {
  const struct {
    const char* code;
    DType dtype;
  } rows[] = {{"b1", DType::kBool},
              {"u8", DType::kUInt64},
              {"f2", DType::kFloat16},
              {"c8", DType::kComplex64},
              {"c16", DType::kComplex128}};
  for (const auto& [code, dtype] : rows) {
    EXPECT_EQ(*DTypeFromNumpy(Value(graph_, DTypeNode(code, "|"))), dtype);
  }
  for (const char* code : {"V20", "U3", "S1", "O8", "M8", "f16"}) {
    EXPECT_EQ(
        DTypeFromNumpy(Value(graph_, DTypeNode(code, "<"))).status().code(),
        absl::StatusCode::kUnimplemented)
        << code;
  }
  EXPECT_EQ(DTypeFromNumpy(Value(1)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(NumpyArrayTest, WhatIsNoArray) {
  const NodeId int16 = DTypeNode("i2", "<");
  const NodeId bytes = graph_->AddBytes(kSix);
  ExpectError(graph_->AddInt(1), absl::StatusCode::kInvalidArgument,
              "not a NumPy array");
  ExpectError(Call("numpy", "array", {}), absl::StatusCode::kInvalidArgument,
              "not a NumPy array");
  ExpectError(Call("numpy.core.multiarray", "_reconstruct", {}),
              absl::StatusCode::kDataLoss, "malformed");
  ExpectError(Call("numpy.core.multiarray", "scalar", {}),
              absl::StatusCode::kDataLoss, "malformed");
  ExpectError(Array({2, 2}, int16, false, bytes), absl::StatusCode::kDataLoss,
              "shape [2, 2] has 12 bytes");
  ExpectError(Array({-6}, int16, false, bytes), absl::StatusCode::kDataLoss,
              "12 bytes");
  ExpectError(Array({int64_t{1} << 62, 4}, int16, false, graph_->AddBytes("")),
              absl::StatusCode::kDataLoss, "0 bytes");
  ExpectError(Array({6}, graph_->AddStr("i2"), false, bytes),
              absl::StatusCode::kDataLoss, "no dtype");
  ExpectError(Array({6}, DTypeNode("i2", "?"), false, bytes),
              absl::StatusCode::kDataLoss, "byte order");
  // Of objects: their list stands in the place of the elements.
  ExpectError(Array({1}, DTypeNode("O8", "|"), false, graph_->AddList()),
              absl::StatusCode::kUnimplemented, "O8");
  ExpectError(Array({1}, int16, false, graph_->AddList()),
              absl::StatusCode::kDataLoss, "no elements");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
