// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/opcode_shape.h
// -----------------------------------------------------------------------------
//
// The operands that follow each opcode of a pickle, for code that has to step
// over opcodes without running them.
//
// Example: the operand of BINUNICODE is a length of four bytes, then the text.
//
//   constexpr OpcodeShape shape = ShapeOf(kBinUnicode);
//   shape.operands;  // Operands::kCounted
//   shape.size;      // 4
#ifndef FERRY_SERIALIZATION_PICKLE_OPCODE_SHAPE_H_
#define FERRY_SERIALIZATION_PICKLE_OPCODE_SHAPE_H_

#include <array>
#include <cstdint>

#include "ferry/serialization/pickle/opcodes.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// What follows an opcode.
enum class Operands : uint8_t {
  kNoOpcode,  // there is no such opcode
  kFixed,     // `size` bytes
  kCounted,   // a number of `size` bytes, then so many bytes
  kLines,     // `size` lines
};

struct OpcodeShape {
  Operands operands = Operands::kNoOpcode;
  uint8_t size = 0;
};

namespace opcode_shape_internal {

constexpr std::array<OpcodeShape, 256> MakeShapes() {
  std::array<OpcodeShape, 256> shapes{};
  for (unsigned char opcode :
       {kMark,        kStop,      kPop,        kPopMark,       kDup,
        kNone,        kBinPersId, kReduce,     kAppend,        kBuild,
        kDict,        kEmptyDict, kAppends,    kList,          kEmptyList,
        kObj,         kSetItem,   kTuple,      kEmptyTuple,    kSetItems,
        kNewObj,      kTuple1,    kTuple2,     kTuple3,        kNewTrue,
        kNewFalse,    kEmptySet,  kAddItems,   kFrozenSet,     kNewObjEx,
        kStackGlobal, kMemoize,   kNextBuffer, kReadOnlyBuffer}) {
    shapes[opcode] = {Operands::kFixed, 0};
  }
  for (unsigned char opcode : {kBinInt1, kBinGet, kBinPut, kProto, kExt1}) {
    shapes[opcode] = {Operands::kFixed, 1};
  }
  for (unsigned char opcode : {kBinInt2, kExt2}) {
    shapes[opcode] = {Operands::kFixed, 2};
  }
  for (unsigned char opcode : {kBinInt, kLongBinGet, kLongBinPut, kExt4}) {
    shapes[opcode] = {Operands::kFixed, 4};
  }
  for (unsigned char opcode : {kBinFloat, kFrame}) {
    shapes[opcode] = {Operands::kFixed, 8};
  }
  for (unsigned char opcode :
       {kShortBinString, kLong1, kShortBinBytes, kShortBinUnicode}) {
    shapes[opcode] = {Operands::kCounted, 1};
  }
  for (unsigned char opcode : {kBinString, kBinUnicode, kLong4, kBinBytes}) {
    shapes[opcode] = {Operands::kCounted, 4};
  }
  for (unsigned char opcode : {kBinUnicode8, kBinBytes8, kByteArray8}) {
    shapes[opcode] = {Operands::kCounted, 8};
  }
  for (unsigned char opcode :
       {kFloat, kInt, kLong, kPersId, kString, kUnicode, kGet, kPut}) {
    shapes[opcode] = {Operands::kLines, 1};
  }
  for (unsigned char opcode : {kGlobal, kInst}) {
    shapes[opcode] = {Operands::kLines, 2};
  }
  return shapes;
}

inline constexpr std::array<OpcodeShape, 256> kShapes = MakeShapes();

}  // namespace opcode_shape_internal

// Returns the shape of the operands of `opcode`. O(1).
constexpr OpcodeShape ShapeOf(unsigned char opcode) {
  return opcode_shape_internal::kShapes[opcode];
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_OPCODE_SHAPE_H_
