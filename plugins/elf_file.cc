// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/elf_file.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
#error "add the machine's number"
#endif

// Far more than any plugin has.
constexpr uint64_t kMaxTableBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxNameBytes = 4096;
constexpr size_t kMaxNeeded = 1000;
// Names may overlap in their table, but linkers only let one end as another
// does. Without a limit, each symbol of a small file could have the same long
// name.
constexpr uint64_t kMaxNameBytesPerFileByte = 8;

class Reader {
 public:
  explicit Reader(const RandomAccessFile& file) : file_(file) {}

  absl::StatusOr<ElfFile> Read() {
    FERRY_RETURN_IF_ERROR(ReadHeader());
    FERRY_RETURN_IF_ERROR(ReadSegments());
    FERRY_ASSIGN_OR_RETURN(
        sections_,
        Table<Elf64_Shdr>(header_.e_shoff,
                          uint64_t{header_.e_shnum} * sizeof(Elf64_Shdr),
                          "section headers"));
    bool has_symbols = false;
    bool has_dynamic = false;
    for (const Elf64_Shdr& section : sections_) {
      if (section.sh_type == SHT_DYNSYM) {
        if (has_symbols) return Bad("it has two tables of dynamic symbols");
        FERRY_RETURN_IF_ERROR(ReadSymbols(section));
        has_symbols = true;
      } else if (section.sh_type == SHT_DYNAMIC) {
        if (has_dynamic) return Bad("it has two dynamic sections");
        FERRY_RETURN_IF_ERROR(ReadDynamic(section));
        has_dynamic = true;
      }
    }
    if (!has_symbols) return Bad("it has no table of dynamic symbols");
    return std::move(elf_);
  }

 private:
  absl::Status Bad(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_.name(), " is not a plugin: ", what));
  }

  // The records that `size_bytes` at `offset` hold.
  template <typename Record>
  absl::StatusOr<std::vector<Record>> Table(uint64_t offset,
                                            uint64_t size_bytes,
                                            absl::string_view what) const {
    if (size_bytes > kMaxTableBytes || offset > file_.size_bytes() ||
        size_bytes > file_.size_bytes() - offset) {
      return Bad(absl::StrCat("its ", what, " reach past the end of the file"));
    }
    std::vector<Record> records(
        static_cast<size_t>(size_bytes / sizeof(Record)));
    if (records.empty()) return records;
    FERRY_RETURN_IF_ERROR(file_.ReadAt(
        offset, absl::MakeSpan(reinterpret_cast<char*>(records.data()),
                               records.size() * sizeof(Record))));
    return records;
  }

  absl::Status ReadHeader() {
    if (file_.size_bytes() < sizeof(header_)) {
      return Bad("it is too short for a shared object");
    }
    FERRY_RETURN_IF_ERROR(file_.ReadAt(
        0, absl::MakeSpan(reinterpret_cast<char*>(&header_), sizeof(header_))));
    if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0) {
      return Bad("it is not an ELF file");
    }
    if (header_.e_ident[EI_CLASS] != ELFCLASS64 ||
        header_.e_ident[EI_DATA] != ELFDATA2LSB ||
        header_.e_machine != kMachine) {
      return Bad("it was built for another kind of machine");
    }
    if (header_.e_type != ET_DYN) return Bad("it is not a shared object");
    if (header_.e_shentsize != sizeof(Elf64_Shdr) ||
        header_.e_phentsize != sizeof(Elf64_Phdr)) {
      return Bad("its headers have the wrong size");
    }
    return absl::OkStatus();
  }

  absl::Status ReadSegments() {
    FERRY_ASSIGN_OR_RETURN(
        const std::vector<Elf64_Phdr> segments,
        Table<Elf64_Phdr>(header_.e_phoff,
                          uint64_t{header_.e_phnum} * sizeof(Elf64_Phdr),
                          "program headers"));
    // Where nothing is said, the stack is executable.
    elf_.has_executable_stack = true;
    for (const Elf64_Phdr& segment : segments) {
      if (segment.p_type == PT_GNU_STACK) {
        elf_.has_executable_stack = (segment.p_flags & PF_X) != 0;
      }
      if (segment.p_type == PT_INTERP) {
        return Bad("it is a program, not a shared object");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<char>> Strings(const Elf64_Shdr& user) const {
    if (user.sh_link >= sections_.size()) {
      return Bad("one of its tables has no string table");
    }
    const Elf64_Shdr& strings = sections_[user.sh_link];
    return Table<char>(strings.sh_offset, strings.sh_size, "strings");
  }

  // Returns a part of `strings`.
  absl::StatusOr<absl::string_view> StringAt(const std::vector<char>& strings,
                                             uint64_t offset) {
    if (offset >= strings.size()) {
      return Bad("a name is outside its string table");
    }
    const char* const begin = strings.data() + offset;
    const size_t most =
        std::min<uint64_t>(strings.size() - offset, kMaxNameBytes + 1);
    const size_t length = strnlen(begin, most);
    if (length > kMaxNameBytes) return Bad("a name in it is too long");
    name_bytes_ += length;
    if (name_bytes_ / kMaxNameBytesPerFileByte > file_.size_bytes()) {
      return Bad("its names are too long together");
    }
    return absl::string_view(begin, length);
  }

  absl::Status ReadSymbols(const Elf64_Shdr& section) {
    FERRY_ASSIGN_OR_RETURN(
        const std::vector<Elf64_Sym> symbols,
        Table<Elf64_Sym>(section.sh_offset, section.sh_size, "symbols"));
    FERRY_ASSIGN_OR_RETURN(elf_.symbol_names, Strings(section));
    for (const Elf64_Sym& symbol : symbols) {
      const unsigned char binding = ELF64_ST_BIND(symbol.st_info);
      if (symbol.st_name == 0 || binding == STB_LOCAL) continue;
      // Names of versions are symbols too, without a place.
      if (symbol.st_shndx == SHN_ABS) continue;
      ElfFile::Symbol row;
      FERRY_ASSIGN_OR_RETURN(row.name,
                             StringAt(elf_.symbol_names, symbol.st_name));
      row.is_defined = symbol.st_shndx != SHN_UNDEF;
      row.is_weak = binding == STB_WEAK;
      row.is_unique = binding == STB_GNU_UNIQUE;
      elf_.symbols.push_back(row);
    }
    return absl::OkStatus();
  }

  absl::Status ReadDynamic(const Elf64_Shdr& section) {
    FERRY_ASSIGN_OR_RETURN(const std::vector<Elf64_Dyn> entries,
                           Table<Elf64_Dyn>(section.sh_offset, section.sh_size,
                                            "dynamic entries"));
    FERRY_ASSIGN_OR_RETURN(const std::vector<char> strings, Strings(section));
    for (const Elf64_Dyn& entry : entries) {
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_NEEDED) {
        if (elf_.needed.size() == kMaxNeeded) {
          return Bad("it needs too many libraries");
        }
        FERRY_ASSIGN_OR_RETURN(const absl::string_view name,
                               StringAt(strings, entry.d_un.d_val));
        elf_.needed.emplace_back(name);
      } else if (entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH) {
        FERRY_ASSIGN_OR_RETURN(const absl::string_view path,
                               StringAt(strings, entry.d_un.d_val));
        elf_.run_path = std::string(path);
      } else if (entry.d_tag == DT_TEXTREL ||
                 (entry.d_tag == DT_FLAGS &&
                  (entry.d_un.d_val & DF_TEXTREL) != 0)) {
        elf_.has_text_relocations = true;
      }
    }
    return absl::OkStatus();
  }

  const RandomAccessFile& file_;
  Elf64_Ehdr header_;
  std::vector<Elf64_Shdr> sections_;
  uint64_t name_bytes_ = 0;  // of all names until now
  ElfFile elf_;
};

}  // namespace

std::string DescribeUnsound(const ElfFile& elf) {
  if (elf.has_executable_stack) return "it needs an executable stack";
  if (elf.has_text_relocations) return "it has text relocations";
  return "";
}

std::string DescribeHostNeeds(const ElfFile& elf) {
  for (const ElfFile::Symbol& symbol : elf.symbols) {
    if (!symbol.is_defined && absl::StrContains(symbol.name, "ferry")) {
      return absl::StrCat("it needs the symbol ",
                          EscapeForMessage(symbol.name));
    }
  }
  for (const std::string& library : elf.needed) {
    if (absl::StrContains(library, "ferry")) {
      return absl::StrCat("it needs the library ", EscapeForMessage(library));
    }
  }
  return "";
}

absl::StatusOr<ElfFile> ReadElfFile(const RandomAccessFile& file) {
  return Reader(file).Read();
}

}  // namespace v1
}  // namespace ferry
