// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The example is that of the header, from a C++ type to a file and back.

#include "ferry/serialization/class_registry.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

struct Circle {
  double radius;
};

absl::StatusOr<Circle> ReadCircle(const Value& object) {
  FERRY_ASSIGN_OR_RETURN(const Value radius, object.Attribute("radius"));
  FERRY_ASSIGN_OR_RETURN(const double number, radius.AsFloat());
  return Circle{number};
}

absl::StatusOr<Value> WriteCircle(const Circle& circle) {
  const Value object = Value::Object("shapes.Circle");
  FERRY_RETURN_IF_ERROR(object.SetAttribute("radius", circle.radius));
  return object;
}

TEST(ClassRegistryTest, FromATypeToAFileAndBack) {
  ClassRegistry classes;
  ASSERT_THAT(
      classes.Register<Circle>("shapes.Circle", ReadCircle, WriteCircle),
      IsOk());
  const Value checkpoint = Value::Dict();
  ASSERT_THAT(checkpoint.Set("wheel", *classes.Write(Circle{0.5})), IsOk());
  std::string bytes;
  StringSink sink(&bytes);
  ASSERT_THAT(Save(checkpoint, sink), IsOk());

  LoadOptions options;
  options.globals = Globals::kStrict;
  EXPECT_EQ(LoadMemory(bytes, options).status().code(),
            absl::StatusCode::kPermissionDenied);
  options.classes = &classes;
  const absl::StatusOr<Value> loaded = LoadMemory(bytes, options);
  ASSERT_THAT(loaded, IsOk());
  const absl::StatusOr<Circle> circle =
      classes.Read<Circle>(*loaded->Get("wheel"));
  ASSERT_THAT(circle, IsOk());
  EXPECT_EQ(circle->radius, 0.5);
}

TEST(ClassRegistryTest, ReadsItsClassAlone) {
  ClassRegistry classes;
  ASSERT_THAT(
      classes.Register<Circle>("shapes.Circle", ReadCircle, WriteCircle),
      IsOk());
  const auto complaint = [&classes](const Value& value) {
    const absl::Status status = classes.Read<Circle>(value).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(complaint(Value(3)), HasSubstr("an int, not a shapes.Circle"));
  EXPECT_THAT(complaint(Value::Object("shapes.Square")),
              HasSubstr("an object made by shapes.Square"));
  // Without its attribute, the reader's own error.
  EXPECT_EQ(
      classes.Read<Circle>(Value::Object("shapes.Circle")).status().code(),
      absl::StatusCode::kNotFound);
}

TEST(ClassRegistryTest, OneClassForOneType) {
  ClassRegistry classes;
  ASSERT_THAT(classes.Register<Circle>("shapes.Circle", ReadCircle, nullptr),
              IsOk());
  EXPECT_TRUE(classes.Contains("shapes.Circle"));
  EXPECT_FALSE(classes.Contains("shapes.Square"));
  EXPECT_EQ(
      classes.Register<Circle>("shapes.Disc", ReadCircle, WriteCircle).code(),
      absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(classes.Register<int>("shapes.Circle", nullptr, nullptr).code(),
            absl::StatusCode::kAlreadyExists);
  for (const char* name : {"", "Circle", ".Circle", "shapes."}) {
    EXPECT_EQ(classes.Register<int>(name, nullptr, nullptr).code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
}

TEST(ClassRegistryTest, SaysWhatIsNotThere) {
  ClassRegistry classes;
  EXPECT_EQ(classes.Write(Circle{1}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(classes.Read<Circle>(Value()).status().code(),
            absl::StatusCode::kNotFound);
  ASSERT_THAT(classes.Register<Circle>("shapes.Circle", nullptr, nullptr),
              IsOk());
  EXPECT_EQ(classes.Write(Circle{1}).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(
      classes.Read<Circle>(Value::Object("shapes.Circle")).status().code(),
      absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
