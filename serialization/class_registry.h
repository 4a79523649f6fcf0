// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/class_registry.h
// -----------------------------------------------------------------------------
//
// Maps Python classes to a program's own C++ types: converts objects of a
// checkpoint to C++, and C++ values to objects that Python can read.
//
// Example: read the Python class `shapes.Circle`, which has one attribute.
//
//   struct Circle { double radius; };
//
//   ClassRegistry classes;
//   FERRY_RETURN_IF_ERROR(classes.Register<Circle>(
//       "shapes.Circle",
//       [](const Value& object) -> absl::StatusOr<Circle> {
//         FERRY_ASSIGN_OR_RETURN(Value radius, object.Attribute("radius"));
//         FERRY_ASSIGN_OR_RETURN(double number, radius.AsFloat());
//         return Circle{number};
//       },
//       [](const Circle& circle) -> absl::StatusOr<Value> {
//         Value object = Value::Object("shapes.Circle");
//         FERRY_RETURN_IF_ERROR(object.SetAttribute("radius", circle.radius));
//         return object;
//       }));
//
//   LoadOptions options;
//   options.globals = Globals::kStrict;
//   options.classes = &classes;  // shapes.Circle is allowed
//   FERRY_ASSIGN_OR_RETURN(Value value, Load("shapes.pt", options));
//   FERRY_ASSIGN_OR_RETURN(Circle circle, classes.Read<Circle>(value));
#ifndef FERRY_SERIALIZATION_CLASS_REGISTRY_H_
#define FERRY_SERIALIZATION_CLASS_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// ClassRegistry
//
// Maps each Python class to one C++ type. Converts only data; no code of a
// checkpoint runs. Loading calls no reader: the program calls `Read` for the
// objects that it wants.
//
// Thread-safety: const methods may be called from any number of threads if the
// readers and writers may; `Register` must not overlap with them.
class ClassRegistry {
 public:
  // Converts an object, whose `GlobalName()` is the class, to a T.
  template <typename T>
  using Reader = std::function<absl::StatusOr<T>(const Value& object)>;
  // Converts a T to an object.
  template <typename T>
  using Writer = std::function<absl::StatusOr<Value>(const T& object)>;

  // Registers a class. Either function may be empty; that conversion is then
  // kUnimplemented.
  //
  //   global  module and name as Python 3 spells them: "shapes.Circle".
  //
  // Errors:
  //   kInvalidArgument - `global` is not such a name.
  //   kAlreadyExists   - the class or the type is already registered.
  template <typename T>
  absl::Status Register(absl::string_view global, Reader<T> reader,
                        Writer<T> writer) {
    return Add(global, typeid(T),
               std::make_shared<Functions<T>>(
                   Functions<T>{std::move(reader), std::move(writer)}));
  }

  // Returns whether a class is registered.
  bool Contains(absl::string_view global) const {
    return type_by_global_.find(global) != type_by_global_.end();
  }

  // Converts an object to a T.
  //
  // Errors:
  //   kNotFound        - T is not registered.
  //   kInvalidArgument - `object` is not of T's class.
  //   kUnimplemented   - T has no reader.
  //   whatever the reader returns.
  template <typename T>
  absl::StatusOr<T> Read(const Value& object) const {
    const Entry* const entry = Find(typeid(T));
    if (absl::Status status = CheckRead(entry, object); !status.ok()) {
      return status;
    }
    const auto& functions =
        *static_cast<const Functions<T>*>(entry->functions.get());
    if (!functions.reader) return NoFunction(*entry, "reader");
    return functions.reader(object);
  }

  // Converts a T to an object.
  //
  // Errors:
  //   kNotFound      - T is not registered.
  //   kUnimplemented - T has no writer.
  //   whatever the writer returns.
  template <typename T>
  absl::StatusOr<Value> Write(const T& object) const {
    const Entry* const entry = Find(typeid(T));
    if (entry == nullptr) return NotRegistered();
    const auto& functions =
        *static_cast<const Functions<T>*>(entry->functions.get());
    if (!functions.writer) return NoFunction(*entry, "writer");
    return functions.writer(object);
  }

 private:
  template <typename T>
  struct Functions {
    Reader<T> reader;
    Writer<T> writer;
  };
  struct Entry {
    std::string global;
    std::shared_ptr<const void> functions;
  };

  absl::Status Add(absl::string_view global, std::type_index type,
                   std::shared_ptr<const void> functions);
  // Null if the type is not registered.
  const Entry* Find(std::type_index type) const;
  static absl::Status CheckRead(const Entry* entry, const Value& object);
  static absl::Status NotRegistered();
  static absl::Status NoFunction(const Entry& entry, absl::string_view which);

  std::map<std::type_index, Entry> entry_by_type_;
  std::map<std::string, std::type_index, std::less<>> type_by_global_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CLASS_REGISTRY_H_
