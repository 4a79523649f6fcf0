// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/python_repr.h
// -----------------------------------------------------------------------------
//
// Formats values as Python does.
//
// Example:
//
//   FloatRepr(1e16);  // "1e+16"
//   FloatRepr(1);     // "1.0"
#ifndef FERRY_VALUE_PYTHON_REPR_H_
#define FERRY_VALUE_PYTHON_REPR_H_

#include <string>

#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

// Returns Python's `repr(value)`: the shortest digits that read back as the
// same number, with an exponent if the magnitude is below 1e-4 or at least
// 1e16. A value that is not finite is "inf", "-inf" or "nan".
std::string FloatRepr(double value);

// Returns Python's `str(key)`: the text of a str, the shortest decimal of a
// number, "(1, 'a')" for a tuple. An integer of more than 128 bytes is
// "<integer of N bytes>". A value whose Python text contains an address is
// given by its kind instead, such as "<tensor>" or "<object>". In a tuple,
// items more than four levels deep, and those after about a thousand bytes,
// become "...".
std::string KeyText(const ObjectGraph& graph, NodeId key);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_PYTHON_REPR_H_
