// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/elf_file.h
// -----------------------------------------------------------------------------
//
// What a shared object says of itself, read without running anything of it:
// constructors run inside dlopen(), so this is looked at before.
//
// Format: System V ABI, "Object Files" and "Dynamic Linking"; the structures
// are those of <elf.h>.
#ifndef FERRY_PLUGINS_ELF_FILE_H_
#define FERRY_PLUGINS_ELF_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ferry/io/file.h"

namespace ferry {

struct ElfFile {
  struct Symbol {
    std::string name;
    bool is_defined = false;
    bool is_weak = false;
    // STB_GNU_UNIQUE: shared with every other object of the process.
    bool is_unique = false;
  };

  // Of the dynamic symbol table, local ones left out.
  std::vector<Symbol> symbols;
  // The libraries that it is linked with.
  std::vector<std::string> needed;
  // RPATH or RUNPATH; empty if there is none.
  std::string run_path;
  bool has_executable_stack = false;
  bool has_text_relocations = false;
};

// The rules that a plugin's library keeps: each says what is wrong, or nothing.
// Neither an executable stack nor text relocations:
std::string DescribeUnsound(const ElfFile& elf);
// Nothing of Ferry is needed, neither symbol nor library:
std::string DescribeHostNeeds(const ElfFile& elf);

// Reads a shared object for this machine.
//
// Errors:
//   kInvalidArgument - no such object, or one whose tables make no sense; says
//                      what.
//   whatever reading returns.
absl::StatusOr<ElfFile> ReadElfFile(const ReadableBytes& file);

}  // namespace ferry

#endif  // FERRY_PLUGINS_ELF_FILE_H_
