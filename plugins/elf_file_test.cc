// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/elf_file.h"

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/allocations.h"
#include "ferry/core/testing/growth.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename Record>
void Append(const Record& record, std::string* out) {
  out->append(reinterpret_cast<const char*>(&record), sizeof(record));
}

// What stands in a shared object. Its names are in one string table.
struct Parts {
  std::string names = std::string(1, '\0');
  std::vector<Elf64_Sym> symbols;
  std::vector<Elf64_Dyn> entries;
  int dynamic_sections = 1;
  int symbol_sections = 1;

  // Returns where the name is.
  uint32_t AddName(absl::string_view name) {
    const size_t offset = names.size();
    names.append(name.data(), name.size());
    names.push_back('\0');
    return static_cast<uint32_t>(offset);
  }
  void AddSymbol(uint32_t name, bool is_defined = true) {
    Elf64_Sym symbol = {};
    symbol.st_name = name;
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    symbol.st_shndx = is_defined ? 1 : SHN_UNDEF;
    symbols.push_back(symbol);
  }
  void AddEntry(int64_t tag, uint64_t value) {
    Elf64_Dyn entry = {};
    entry.d_tag = tag;
    entry.d_un.d_val = value;
    entries.push_back(entry);
  }

  std::string Build() const {
    std::vector<Elf64_Shdr> sections;
    std::string body;
    const auto add_section = [&](uint32_t type, absl::string_view bytes) {
      Elf64_Shdr section = {};
      section.sh_type = type;
      section.sh_offset = sizeof(Elf64_Ehdr) + body.size();
      section.sh_size = bytes.size();
      sections.push_back(section);
      body.append(bytes.data(), bytes.size());
    };
    std::string bytes;
    add_section(SHT_STRTAB, names);
    for (const Elf64_Sym& symbol : symbols) Append(symbol, &bytes);
    for (int i = 0; i < symbol_sections; ++i) add_section(SHT_DYNSYM, bytes);
    bytes.clear();
    for (const Elf64_Dyn& entry : entries) Append(entry, &bytes);
    for (int i = 0; i < dynamic_sections; ++i) add_section(SHT_DYNAMIC, bytes);

    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_DYN;
#if defined(__x86_64__)
    header.e_machine = EM_X86_64;
#else
    header.e_machine = EM_AARCH64;
#endif
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_shoff = sizeof(header) + body.size();
    header.e_shnum = static_cast<uint16_t>(sections.size());
    std::string file;
    Append(header, &file);
    file += body;
    for (const Elf64_Shdr& section : sections) Append(section, &file);
    return file;
  }
};

absl::StatusOr<ElfFile> Read(const std::string& bytes) {
  return ReadElfFile(*MakeMemoryFile(bytes, "acme.so"));
}

TEST(ElfFileTest, ReadsSymbolsLibrariesAndRunPath) {
  Parts parts;
  parts.AddSymbol(parts.AddName("ferry_plugin_query_v0"));
  parts.AddSymbol(parts.AddName("malloc"), false);
  parts.AddEntry(DT_NEEDED, parts.AddName("libc.so.6"));
  parts.AddEntry(DT_RUNPATH, parts.AddName("$ORIGIN"));
  parts.AddEntry(DT_NULL, 0);
  parts.AddEntry(DT_NEEDED, parts.AddName("libafter.so"));
  const absl::StatusOr<ElfFile> elf = Read(parts.Build());
  ASSERT_THAT(elf, IsOk());
  ASSERT_EQ(elf->symbols.size(), 2u);
  EXPECT_EQ(elf->symbols[0].name, "ferry_plugin_query_v0");
  EXPECT_TRUE(elf->symbols[0].is_defined);
  EXPECT_EQ(elf->symbols[1].name, "malloc");
  EXPECT_FALSE(elf->symbols[1].is_defined);
  EXPECT_THAT(elf->needed, ElementsAre("libc.so.6"));
  EXPECT_EQ(elf->run_path, "$ORIGIN");
  EXPECT_EQ(DescribeHostNeeds(*elf), "");
}

TEST(ElfFileTest, RefusesWhatNoLinkerWrites) {
  const auto expect_refused = [](const Parts& parts, absl::string_view what) {
    const absl::Status status = Read(parts.Build()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(what)));
    EXPECT_LT(status.message().size(), 300u);
  };
  Parts two_dynamic;
  two_dynamic.dynamic_sections = 2;
  expect_refused(two_dynamic, "two dynamic sections");
  Parts two_symbols;
  two_symbols.symbol_sections = 2;
  expect_refused(two_symbols, "two tables of dynamic symbols");
  Parts none;
  none.symbol_sections = 0;
  expect_refused(none, "no table of dynamic symbols");
  Parts long_name;
  long_name.AddSymbol(long_name.AddName(std::string(5000, 'a')));
  expect_refused(long_name, "too long");
  Parts outside;
  outside.AddSymbol(1000);
  expect_refused(outside, "outside its string table");
  Parts many_libraries;
  const uint32_t library = many_libraries.AddName("libc.so.6");
  for (int i = 0; i < 1001; ++i) many_libraries.AddEntry(DT_NEEDED, library);
  expect_refused(many_libraries, "too many libraries");
}

TEST(ElfFileTest, QuotesNamesInMessages) {
  Parts parts;
  parts.AddSymbol(parts.AddName("ferry\x1b[31m" + std::string(1000, 'a')),
                  false);
  const absl::StatusOr<ElfFile> elf = Read(parts.Build());
  ASSERT_THAT(elf, IsOk());
  const std::string needs = DescribeHostNeeds(*elf);
  EXPECT_THAT(needs, HasSubstr("ferry\\x1b[31maaa"));
  EXPECT_LT(needs.size(), 300u);
}

// -----------------------------------------------------------------------------
// Growth
// -----------------------------------------------------------------------------

// A way of making a file large: n of something.
struct Construct {
  const char* name;
  void (*grow)(size_t n, Parts* parts);
};

constexpr Construct kConstructs[] = {
    {"symbols",
     [](size_t n, Parts* parts) {
       for (size_t i = 0; i < n; ++i) {
         parts->AddSymbol(parts->AddName("function"));
       }
     }},
    {"symbols with one name",
     [](size_t n, Parts* parts) {
       const uint32_t name = parts->AddName(std::string(4000, 'a'));
       for (size_t i = 0; i < n; ++i) parts->AddSymbol(name);
     }},
    {"symbols that need what is not Ferry's",
     [](size_t n, Parts* parts) {
       const uint32_t name = parts->AddName(std::string(4000, 'a'));
       for (size_t i = 0; i < n; ++i) parts->AddSymbol(name, false);
     }},
    {"libraries",
     [](size_t n, Parts* parts) {
       for (size_t i = 0; i < n; ++i) {
         parts->AddEntry(DT_NEEDED, parts->AddName("libacme.so"));
       }
     }},
    {"libraries with one name",
     [](size_t n, Parts* parts) {
       const uint32_t name = parts->AddName(std::string(4000, 'a'));
       for (size_t i = 0; i < n; ++i) parts->AddEntry(DT_NEEDED, name);
     }},
    {"run paths",
     [](size_t n, Parts* parts) {
       const uint32_t name = parts->AddName(std::string(4000, 'a'));
       for (size_t i = 0; i < n; ++i) parts->AddEntry(DT_RUNPATH, name);
     }},
    {"flags",
     [](size_t n, Parts* parts) {
       for (size_t i = 0; i < n; ++i) parts->AddEntry(DT_FLAGS, DF_TEXTREL);
     }},
    {"dynamic sections",
     [](size_t n, Parts* parts) {
       parts->AddName(std::string(4000, 'a'));
       parts->dynamic_sections = static_cast<int>(n);
     }},
    {"symbol tables",
     [](size_t n, Parts* parts) {
       parts->AddSymbol(parts->AddName(std::string(4000, 'a')));
       parts->symbol_sections = static_cast<int>(n);
     }},
};

TEST(ElfFileTest, CostsGrowWithTheFile) {
  for (const Construct& construct : kConstructs) {
    SCOPED_TRACE(construct.name);
    const auto make = [&](size_t n) {
      Parts parts;
      construct.grow(n, &parts);
      return parts.Build();
    };
    const auto run = [](const std::string& bytes) {
      const absl::StatusOr<ElfFile> elf = Read(bytes);
      return Cost{0, elf.ok() ? DescribeHostNeeds(*elf).size() : 0};
    };
    EXPECT_TRUE(GrowsLinearly(500, make, run));
    // All that is allocated is a few times the file.
    const std::string bytes = make(3000);
    const uint64_t before = AllocatedBytes();
    run(bytes);
    EXPECT_LT(AllocatedBytes() - before, 10 * bytes.size() + 20000);
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
