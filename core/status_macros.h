// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/status_macros.h
// -----------------------------------------------------------------------------
//
// The two macros that make a function return early when a step of it failed.
// They are for Ferry's own sources; a public header never needs them.
//
// Example: read a header, and give up with the reader's own error if that
// fails.
//
//   absl::StatusOr<Header> ReadHeader(const ByteSource& source) {
//     FERRY_RETURN_IF_ERROR(source.Check());
//     FERRY_ASSIGN_OR_RETURN(std::string bytes, source.ReadRange(0, 64));
//     return Header::Parse(bytes);
//   }
#ifndef FERRY_CORE_STATUS_MACROS_H_
#define FERRY_CORE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Evaluates `expr`, an absl::Status; returns it from the function if not OK.
#define FERRY_RETURN_IF_ERROR(expr)                \
  do {                                             \
    absl::Status ferry_status_ = (expr);           \
    if (!ferry_status_.ok()) return ferry_status_; \
  } while (false)

// Evaluates `expr`, an absl::StatusOr; returns its status from the function if
// not OK, else moves its value into `lhs`, which may be a declaration. A type
// that has a comma in it wants parentheses or an alias.
#define FERRY_ASSIGN_OR_RETURN(lhs, expr)                                  \
  FERRY_ASSIGN_OR_RETURN_(FERRY_STATUS_CONCAT_(ferry_statusor_, __LINE__), \
                          lhs, expr)

#define FERRY_ASSIGN_OR_RETURN_(statusor, lhs, expr)       \
  auto statusor = (expr);                                  \
  if (!statusor.ok()) return std::move(statusor).status(); \
  lhs = std::move(statusor).value()

#define FERRY_STATUS_CONCAT_(a, b) FERRY_STATUS_CONCAT_INNER_(a, b)
#define FERRY_STATUS_CONCAT_INNER_(a, b) a##b

#endif  // FERRY_CORE_STATUS_MACROS_H_
