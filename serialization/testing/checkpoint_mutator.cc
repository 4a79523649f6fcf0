// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/checkpoint_mutator.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/encoding.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/pickle/opcode_shape.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {
inline namespace v1 {
namespace {

using pickle::OpcodeShape;
using pickle::Operands;
using pickle::ShapeOf;

// Larger records are kept as they are.
constexpr uint64_t kMostRecordBytes = 1 << 20;

// Opcodes that may stand for each other: they take as many values from the
// stack and leave as many.
const std::vector<std::string>& AlikeOpcodes() {
  static const auto* const alike = new std::vector<std::string>{
      {pickle::kNone, static_cast<char>(pickle::kNewTrue),
       static_cast<char>(pickle::kNewFalse), pickle::kEmptyTuple,
       pickle::kEmptyList, pickle::kEmptyDict,
       static_cast<char>(pickle::kEmptySet)},
      {pickle::kTuple, pickle::kList, pickle::kDict,
       static_cast<char>(pickle::kFrozenSet), pickle::kObj},
      {pickle::kAppends, pickle::kSetItems,
       static_cast<char>(pickle::kAddItems), pickle::kPopMark},
      {pickle::kReduce, static_cast<char>(pickle::kNewObj), pickle::kBuild,
       static_cast<char>(pickle::kTuple2), pickle::kAppend,
       static_cast<char>(pickle::kStackGlobal)},
      {pickle::kSetItem, static_cast<char>(pickle::kTuple3),
       static_cast<char>(pickle::kNewObjEx)},
      {static_cast<char>(pickle::kTuple1), pickle::kBinPersId},
  };
  return *alike;
}

// Text that means something in JSON Pointers, JSON, formats, paths, terminals
// or UTF-8. Random changes rarely make it.
constexpr absl::string_view kSpecialTexts[] = {
    "~",  "/",    "~1",   "\"",           "\\",
    "'",  "%s",   "..",   "\x1B[31m",     "\r",
    "\t", "\x7F", "\xFF", "\xED\xA0\x80", "\xC2\x9B",
};

class Mutator {
 public:
  Mutator(uint32_t seed, MutateBytes mutate_bytes)
      : random_(seed), mutate_bytes_(mutate_bytes) {}

  std::string Checkpoint(absl::string_view bytes) {
    const std::unique_ptr<RandomAccessFile> file =
        MakeMemoryFile(bytes, "<fuzzer>");
    Budget budget(BudgetOptions(), bytes.size());
    const absl::StatusOr<zip::ZipDirectory> directory =
        zip::ZipDirectory::Read(*file, &budget);
    if (directory.ok() && !directory->entries().empty()) {
      return Archive(*file, *directory);
    }
    return Contents(bytes);
  }

 private:
  size_t Below(size_t n) { return random_() % n; }

  std::string Archive(const RandomAccessFile& file,
                      const zip::ZipDirectory& directory) {
    const absl::Span<const Extent> entries = directory.entries();
    size_t chosen = Below(entries.size());
    // Most of what there is to check is in the pickle.
    for (size_t i = 0; i < entries.size(); ++i) {
      if (absl::EndsWith(entries[i].name, ".pkl") && Below(2) == 0) chosen = i;
    }
    ZipBuilder zip;
    for (size_t i = 0; i < entries.size(); ++i) {
      const Extent& entry = entries[i];
      if (entry.contents_bytes > kMostRecordBytes) continue;
      const absl::StatusOr<std::string> contents =
          ReadExtent(file, entry, /*verify=*/false);
      if (!contents.ok()) continue;
      const std::string written = i == chosen ? Contents(*contents) : *contents;
      if (entry.encoding == Encoding::kStored) {
        zip.Add(entry.name, written);
      } else {
        zip.AddDeflated(entry.name, written);
      }
    }
    return zip.Build();
  }

  // Changes one of the pickles that the bytes begin with, or the bytes.
  std::string Contents(absl::string_view bytes) {
    std::vector<std::vector<std::string>> pickles;
    absl::string_view rest = bytes;
    std::vector<std::string> opcodes;
    while (SplitPickle(&rest, &opcodes)) pickles.push_back(std::move(opcodes));
    const size_t chosen = Below(pickles.size() + 1);
    if (pickles.empty() || (chosen == pickles.size() && Below(4) == 0)) {
      return mutate_bytes_(bytes);
    }
    std::string out;
    for (size_t i = 0; i < pickles.size(); ++i) {
      if (i == chosen % pickles.size()) Change(&pickles[i]);
      for (const std::string& opcode : pickles[i]) out += opcode;
    }
    return absl::StrCat(out, rest);
  }

  // Takes the pickle that `bytes` begin with. Returns false if there is none.
  // Leaves out frames, whose sizes would no longer be right.
  static bool SplitPickle(absl::string_view* bytes,
                          std::vector<std::string>* opcodes) {
    opcodes->clear();
    absl::string_view rest = *bytes;
    while (!rest.empty()) {
      const auto opcode = static_cast<unsigned char>(rest[0]);
      const size_t size = OpcodeBytes(rest);
      if (size == 0) return false;
      if (opcode != pickle::kFrame) opcodes->emplace_back(rest.substr(0, size));
      rest.remove_prefix(size);
      if (opcode == pickle::kStop) {
        *bytes = rest;
        return true;
      }
    }
    return false;
  }

  // Returns the size of the first opcode and its operands. Returns 0 if it is
  // none, or is cut short.
  static size_t OpcodeBytes(absl::string_view bytes) {
    const OpcodeShape shape = ShapeOf(static_cast<unsigned char>(bytes[0]));
    size_t end = 1;
    switch (shape.operands) {
      case Operands::kNoOpcode:
        return 0;
      case Operands::kFixed:
        end += shape.size;
        break;
      case Operands::kCounted: {
        if (bytes.size() < end + shape.size) return 0;
        uint64_t count = 0;
        for (size_t i = shape.size; i > 0; --i) {
          count = count << 8 | static_cast<unsigned char>(bytes[i]);
        }
        end += shape.size;
        if (count > bytes.size() - end) return 0;
        end += count;
        break;
      }
      case Operands::kLines:
        for (int i = 0; i < shape.size; ++i) {
          const size_t newline = bytes.find('\n', end);
          if (newline == absl::string_view::npos) return 0;
          end = newline + 1;
        }
        break;
    }
    return end <= bytes.size() ? end : 0;
  }

  // The last opcode, which ends the pickle, stays.
  void Change(std::vector<std::string>* opcodes) {
    const size_t changes = 1 + Below(3);
    for (size_t i = 0; i < changes && opcodes->size() > 1; ++i) {
      const size_t at = Below(opcodes->size() - 1);
      const auto place = opcodes->begin() + static_cast<std::ptrdiff_t>(at);
      switch (Below(8)) {
        case 0:
          opcodes->erase(place);
          break;
        case 1: {
          std::string again = *place;
          opcodes->insert(place, std::move(again));
          break;
        }
        case 2: {
          std::string other = (*opcodes)[Below(opcodes->size() - 1)];
          *place = std::move(other);
          break;
        }
        case 3:
          opcodes->insert(place, NewOpcode());
          break;
        case 4:
        case 5:
          *place = Alike(*place);
          break;
        default:
          *place = WithOtherOperands(*place);
          break;
      }
    }
  }

  std::string Alike(const std::string& opcode) {
    for (const std::string& alike : AlikeOpcodes()) {
      if (absl::StrContains(alike, opcode)) {
        return std::string(1, alike[Below(alike.size())]);
      }
    }
    return WithOtherOperands(opcode);
  }

  std::string NewOpcode() {
    while (true) {
      const auto opcode = static_cast<unsigned char>(Below(256));
      const OpcodeShape shape = ShapeOf(opcode);
      if (shape.operands == Operands::kNoOpcode || opcode == pickle::kFrame ||
          opcode == pickle::kStop) {
        continue;
      }
      std::string made(1, static_cast<char>(opcode));
      if (shape.operands == Operands::kLines) {
        for (int i = 0; i < shape.size; ++i) made += "1\n";
      } else {
        made.append(shape.size, '\0');
      }
      return WithOtherOperands(made);
    }
  }

  std::string WithOtherOperands(const std::string& opcode) {
    const OpcodeShape shape = ShapeOf(static_cast<unsigned char>(opcode[0]));
    std::string out = opcode.substr(0, 1);
    switch (shape.operands) {
      case Operands::kNoOpcode:
        break;
      case Operands::kFixed:
        out = opcode;
        if (shape.size > 0) {
          out[1 + Below(shape.size)] = static_cast<char>(
              Below(2) == 0 ? Below(256) : (Below(2) == 0 ? 0xFF : Below(4)));
        }
        break;
      case Operands::kCounted: {
        std::string text =
            OtherText(absl::string_view(opcode).substr(1 + size_t{shape.size}));
        if (shape.size == 1) text.resize(std::min<size_t>(text.size(), 255));
        uint64_t count = text.size();
        for (int i = 0; i < shape.size; ++i, count >>= 8) {
          out += static_cast<char>(count & 0xFF);
        }
        out += text;
        break;
      }
      case Operands::kLines: {
        // Each line keeps its end.
        absl::string_view lines = absl::string_view(opcode).substr(1);
        for (int i = 0; i < shape.size; ++i) {
          const size_t size = lines.find('\n');
          const std::string line = OtherText(lines.substr(0, size));
          absl::StrAppend(&out, absl::StrReplaceAll(line, {{"\n", ""}}), "\n");
          lines.remove_prefix(size + 1);
        }
        break;
      }
    }
    return out;
  }

  std::string OtherText(absl::string_view text) {
    if (Below(4) != 0) return mutate_bytes_(text);
    const size_t at = Below(text.size() + 1);
    return absl::StrCat(text.substr(0, at),
                        kSpecialTexts[Below(std::size(kSpecialTexts))],
                        text.substr(at));
  }

  std::mt19937 random_;
  const MutateBytes mutate_bytes_;
};

}  // namespace

std::string MutateCheckpoint(absl::string_view checkpoint, uint32_t seed,
                             MutateBytes mutate_bytes) {
  return Mutator(seed, mutate_bytes).Checkpoint(checkpoint);
}

}  // namespace v1
}  // namespace ferry
