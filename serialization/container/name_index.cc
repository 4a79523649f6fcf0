// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/name_index.h"

#include <algorithm>
#include <cstring>

namespace ferry {
inline namespace v1 {
namespace {

// No number that is an index has more digits.
constexpr size_t kMaxDigits = 10;

}  // namespace

void NameIndex::Reserve(size_t num_names) {
  numbers_.resize(2 * std::min<size_t>(num_names, kNone / 2), kNone);
}

size_t NameIndex::NumberOf(absl::string_view name) const {
  const size_t num_digits = name.size() - stem_.size();
  if (name.size() <= stem_.size() || num_digits > kMaxDigits ||
      std::memcmp(name.data(), stem_.data(), stem_.size()) != 0) {
    return numbers_.size();
  }
  const absl::string_view digits = name.substr(stem_.size());
  // "07" is another name than "7".
  if (digits[0] == '0' && num_digits != 1) return numbers_.size();
  uint64_t number = 0;
  for (char digit : digits) {
    const unsigned value = static_cast<unsigned char>(digit) - unsigned{'0'};
    if (value > 9) return numbers_.size();
    number = number * 10 + value;
  }
  return std::min<uint64_t>(number, numbers_.size());
}

std::pair<uint32_t, bool> NameIndex::Insert(absl::string_view name,
                                            uint32_t index) {
  const size_t number = NumberOf(name);
  if (number == numbers_.size()) {
    const auto [found, is_new] = others_.try_emplace(name, index);
    return {found->second, is_new};
  }
  if (numbers_[number] != kNone) return {numbers_[number], false};
  numbers_[number] = index;
  return {index, true};
}

std::optional<uint32_t> NameIndex::Find(absl::string_view name) const {
  const size_t number = NumberOf(name);
  if (number == numbers_.size()) {
    const auto found = others_.find(name);
    if (found == others_.end()) return std::nullopt;
    return found->second;
  }
  if (numbers_[number] == kNone) return std::nullopt;
  return numbers_[number];
}

}  // namespace v1
}  // namespace ferry
