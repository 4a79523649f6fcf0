// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/status_macros.h
// -----------------------------------------------------------------------------
//
// Two macros that make a function return early if one of its steps fails. The
// function returns an absl::Status or an absl::StatusOr.
//
// Example: save a checkpoint under another name, or return the first error.
//
//   absl::Status Copy(absl::string_view from, absl::string_view to) {
//     FERRY_ASSIGN_OR_RETURN(Value checkpoint, Load(from));
//     FERRY_RETURN_IF_ERROR(Save(checkpoint, to));
//     return absl::OkStatus();
//   }
#ifndef FERRY_CORE_STATUS_MACROS_H_
#define FERRY_CORE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Evaluates `expr`, an absl::Status, once. Returns it from the function if it
// is not OK.
#define FERRY_RETURN_IF_ERROR(expr)                \
  do {                                             \
    absl::Status ferry_status_ = (expr);           \
    if (!ferry_status_.ok()) return ferry_status_; \
  } while (false)

// Evaluates `expr`, an absl::StatusOr, once. Returns its status from the
// function if it is not OK, and otherwise moves its value into `lhs`, which may
// be a declaration. A type that contains a comma needs an alias. The macro
// expands to several statements, so it cannot be the body of an `if` without
// braces.
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
