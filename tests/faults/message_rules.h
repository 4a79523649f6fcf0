// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tests/faults/message_rules.h
// -----------------------------------------------------------------------------
//
// What holds of every error message, whatever it is about, and of every error
// that damage gives.
#ifndef FERRY_TESTS_FAULTS_MESSAGE_RULES_H_
#define FERRY_TESTS_FAULTS_MESSAGE_RULES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns which rule a message breaks, or "":
//   - it says at most one offset ("at offset");
//   - a colon follows the name of the record that it is about;
//   - articles go by the sound that follows ("an int");
//   - it is shorter than 2000 bytes, since long names are cut.
std::string BrokenMessageRule(absl::string_view message);

// Expects that the message of an error keeps the rules, and returns whether the
// error is one that a damaged checkpoint may give. It is never taken for a file
// of something else.
bool IsOfDamage(const absl::Status& status);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TESTS_FAULTS_MESSAGE_RULES_H_
