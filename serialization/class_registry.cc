// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/class_registry.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {

absl::Status ClassRegistry::Add(absl::string_view global, std::type_index type,
                                std::shared_ptr<const void> functions) {
  const size_t dot = global.rfind('.');
  if (dot == absl::string_view::npos || dot == 0 || dot + 1 == global.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        QuoteForMessage(global),
        " is not the name of a class; write its module, a dot and its name"));
  }
  if (Contains(global)) {
    return absl::AlreadyExistsError(
        absl::StrCat(global, " is already registered"));
  }
  if (const Entry* const other = Find(type); other != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("the C++ type for ", global,
                                                 " is already registered, for ",
                                                 other->global));
  }
  entry_by_type_.emplace(type,
                         Entry{std::string(global), std::move(functions)});
  type_by_global_.emplace(std::string(global), type);
  return absl::OkStatus();
}

const ClassRegistry::Entry* ClassRegistry::Find(std::type_index type) const {
  const auto found = entry_by_type_.find(type);
  return found == entry_by_type_.end() ? nullptr : &found->second;
}

absl::Status ClassRegistry::CheckRead(const Entry* entry, const Value& object) {
  if (entry == nullptr) return NotRegistered();
  if (object.kind() == ValueKind::kGlobal ||
      object.GlobalName() != entry->global) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the value is ",
        object.GlobalName().empty()
            ? WithArticle(Name(object.kind()))
            : absl::StrCat(WithArticle(Name(object.kind())), " made by ",
                           EscapeForMessage(object.GlobalName())),
        ", not ", WithArticle(entry->global)));
  }
  return absl::OkStatus();
}

absl::Status ClassRegistry::NotRegistered() {
  return absl::NotFoundError("the type is not registered with this registry");
}

absl::Status ClassRegistry::NoFunction(const Entry& entry,
                                       absl::string_view which) {
  return absl::UnimplementedError(
      absl::StrCat(entry.global, " is registered without a ", which));
}

}  // namespace v1
}  // namespace ferry
