// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/python_repr.h
// -----------------------------------------------------------------------------
//
// How Python spells values.
//
// Example:
//
//   FloatRepr(1e16);  // "1e+16"
//   FloatRepr(1);     // "1.0"
#ifndef FERRY_CORE_PYTHON_REPR_H_
#define FERRY_CORE_PYTHON_REPR_H_

#include <string>

#include "ferry/core/object_graph.h"

namespace ferry {

// Python's `repr(value)`: the shortest digits that read back as the same
// number, with an exponent below 1e-4 and from 1e16 on; "inf", "-inf", "nan".
std::string FloatRepr(double value);

// Python's `str(key)`: of a str the text itself, of numbers their shortest
// decimal (integers of more than 128 bytes: "<integer of N bytes>"), of a tuple
// "(1, 'a')". Of what has no such spelling "<tensor>", "<object>". A tuple that
// is nested in more than a few others, or what would be longer than about a
// thousand bytes, is shortened to "...".
std::string KeyText(const ObjectGraph& graph, NodeId key);

}  // namespace ferry

#endif  // FERRY_CORE_PYTHON_REPR_H_
