// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/elf_file.h
// -----------------------------------------------------------------------------
//
// Reads facts about a shared object without running any of its code. The loader
// checks these before dlopen(), which runs constructors.
//
// Format: System V ABI, "Object Files" and "Dynamic Linking"; the structures
// are those of <elf.h>.
#ifndef FERRY_PLUGINS_ELF_FILE_H_
#define FERRY_PLUGINS_ELF_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

struct ElfFile {
  struct Symbol {
    absl::string_view name;  // a part of `symbol_names`
    bool is_defined = false;
    bool is_weak = false;
    // STB_GNU_UNIQUE: shared with every other object of the process.
    bool is_unique = false;
  };

  ElfFile() = default;
  // Not copyable, because names would then point into the original.
  ElfFile(ElfFile&&) = default;
  ElfFile& operator=(ElfFile&&) = default;

  // The dynamic symbol table, without local symbols.
  std::vector<Symbol> symbols;
  std::vector<char> symbol_names;
  // The libraries that the object is linked with.
  std::vector<std::string> needed;
  // RPATH or RUNPATH; empty if there is none.
  std::string run_path;
  bool has_executable_stack = false;
  bool has_text_relocations = false;
};

// Check the rules for a plugin's library. Each function returns what is wrong,
// or an empty text.
//
// The library must have neither an executable stack nor text relocations.
std::string DescribeUnsound(const ElfFile& elf);
// The library must not need any symbol or library of Ferry.
std::string DescribeHostNeeds(const ElfFile& elf);

// Reads a shared object for this machine. Takes memory in proportion to the
// size of the file, and time as well, although symbols may share their names.
//
// Errors:
//   kInvalidArgument - not a shared object for this machine, or its tables are
//                      malformed; the message says how.
//   whatever reading returns.
absl::StatusOr<ElfFile> ReadElfFile(const RandomAccessFile& file);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_ELF_FILE_H_
