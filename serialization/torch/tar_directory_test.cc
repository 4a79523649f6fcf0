// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/tar_directory.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"
#include "ferry/serialization/testing/tar_member.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using ::testing::HasSubstr;
using std::string_literals::operator""s;

// A header with some of its bytes changed before the checksum is taken.
struct Change {
  size_t offset;
  std::string bytes;
};

std::string Header(const std::string& name, uint64_t size, char type = '0',
                   const Change& change = {0, ""}) {
  return WithTarChecksum(
      TarHeader(name, size, type)
          .replace(change.offset, change.bytes.size(), change.bytes));
}

std::string Member(const std::string& name, const std::string& contents,
                   char type = '0', const Change& change = {0, ""}) {
  return Header(name, contents.size(), type, change) + TarPadded(contents);
}

const std::string kEnd(1024, '\0');

// "name size" of each file and "name/" of each folder, then the error.
std::string List(const std::string& bytes) {
  const auto file = MakeMemoryFile(bytes, "a.tar");
  TarDirectory directory;
  const absl::Status status =
      ReadTarDirectory(*file, Budget::Unlimited(), &directory);
  std::string list;
  for (const PlainRecord& member : directory.files) {
    absl::StrAppend(&list, member.name, " ", member.size_bytes, " ");
    EXPECT_LE(member.offset_bytes + member.size_bytes, bytes.size());
  }
  for (const std::string& folder : directory.folders) {
    absl::StrAppend(&list, folder, "/ ");
  }
  if (status.ok()) {
    EXPECT_LE(directory.end_offset_bytes, bytes.size());
    return list;
  }
  return absl::StrCat(list, absl::StatusCodeToString(status.code()), " ",
                      status.message());
}

// Python 3.11 lists the same members of each.
TEST(TarDirectoryTest, ReadsWhatPythonReads) {
  const std::string a = Member("a", "123");
  const struct {
    const char* what;
    std::string bytes;
    const char* members;
  } archives[] = {
      {"two zero blocks at the end", a + kEnd, "a 3 "},
      {"one zero block", a + std::string(512, '\0') + "junk", "a 3 "},
      {"none", a, "a 3 "},
      {"nothing", kEnd, ""},
      {"a type of the old format", Member("a", "123", '\0'), "a 3 "},
      {"a contiguous file", Member("a", "123", '7'), "a 3 "},
      {"a prefix", Member("a", "123", '0', {345, "b"}), "b/a 3 "},
      {"a prefix without a magic string",
       Member("a", "123", '0', {257, std::string(88, '\0') + "b"}), "b/a 3 "},
      {"a folder", Header("f/", 0, '5') + a, "a 3 f/ "},
      {"a folder with a size, which has no contents", Header("f", 3, '5') + a,
       "a 3 f/ "},
      {"a long name", Member("x", "name\0"s, 'L') + a, "name 3 "},
      {"a long name without its NUL", Member("x", "name", 'L') + a, "name 3 "},
      {"a long name of a link", Member("x", "name\0"s, 'K') + a, "a 3 "},
      {"a path", Member("x", "12 path=b/c\n", 'x') + a, "b/c 3 "},
      {"a path of Solaris", Member("x", "12 path=b/c\n", 'X') + a, "b/c 3 "},
      {"a size",
       Member("x", "10 size=3\n", 'x') + Header("a", 0) + TarPadded("1"),
       "a 3 "},
      {"a time, as Python 3 writes it",
       Member("x", "21 mtime=123456789.5\n", 'x') + a, "a 3 "},
      {"attributes of all members", Member("x", "12 comment=\n", 'g') + a,
       "a 3 "},
      {"a size in base 256",
       Member("a", "123", '0', {124, "\x80\0\0\0\0\0\0\0\0\0\0\3"s}), "a 3 "},
      {"a size in blanks", Member("a", "123", '0', {124, "  03 \0zzzz"s}),
       "a 3 "},
      {"a time before 1970",
       Member("a", "123", '0', {136, std::string(12, '\xFF')}), "a 3 "},
  };
  for (const auto& archive : archives) {
    EXPECT_EQ(List(archive.bytes), archive.members) << archive.what;
  }
}

// The comments say what Python 3.11 makes of them.
TEST(TarDirectoryTest, RefusesWhatReadersUnderstandInSeveralWays) {
  const std::string a = Member("a", "123");
  const struct {
    const char* what;
    std::string bytes;
    const char* error;
  } archives[] = {
      // A folder "n" without contents, and the next header in them.
      {"a file with the name of a folder before its long name",
       Member("x", "n\0"s, 'L') + Member("b/", a, '\0') + kEnd,
       "UNIMPLEMENTED a.tar: the tar header at offset 1024 describes a file "
       "with the name of a folder"},
      {"a file with the name of a folder", Member("b/", a, '\0') + kEnd,
       "UNIMPLEMENTED a.tar: the tar header at offset 0 describes a file "
       "with the name of a folder"},
      // "b/", which is not "b".
      {"a long name of a folder", Member("x", "b/\0"s, 'L') + a,
       "a file with the name of a folder"},
      // "b".
      {"a path of a folder", Member("x", "11 path=b/\n", 'x') + a,
       "a file with the name of a folder"},
      // "pickle".
      {"a long name that goes on in the padding",
       Header("x", 4, 'L') + TarPadded("pickle") + a,
       "UNIMPLEMENTED a.tar: the tar header at offset 0 has attributes that go "
       "on in the padding"},
      // "pickle".
      {"attributes that go on in the padding",
       Header("x", 9, 'x') + TarPadded("9 uid=12\n15 path=pickle\n") + a,
       "go on in the padding"},
      // "n".
      {"a long name with bytes after its end",
       Member("x", "n\0pickle\0"s, 'L') + a, "more bytes after its end"},
      // The first, or the second if the order of the two is reversed.
      {"a long name and a path",
       Member("x", "n", 'L') + Member("x", "10 path=m\n", 'x') + a,
       "UNIMPLEMENTED a.tar: the tar header at offset 1024 gives the next "
       "member a second name"},
      {"two sizes in one header",
       Member("x", "10 size=1\n10 size=2\n", 'x') + a, "a second size"},
      // The member that it refers to.
      {"a link", Header("a", 0, '2', {157, "b"}),
       "UNIMPLEMENTED a.tar: the tar header at offset 0 describes a link"},
      {"a hard link", Header("a", 0, '1', {157, "b"}), "describes a link"},
      // Regular files.
      {"an unknown type", Member("a", "123", 'Z'), "of an unknown type"},
      {"a sparse file of GNU", Member("a", "123", 'S'), "of an unknown type"},
      {"a sparse file in attributes",
       Member("x", "21 GNU.sparse.name=b\n", 'x') + a,
       "UNIMPLEMENTED a.tar: the tar header at offset 0 has the attribute "
       "\"GNU.sparse.name\""},
      // The numbers that they seem to be.
      {"a size with a sign", Member("a", "123", '0', {124, "+3\0"s}),
       "UNIMPLEMENTED a.tar: the tar header at offset 0 has a size in an "
       "unusual notation"},
      {"a size that is negative", Member("a", "123", '0', {124, "-1\0"s}),
       "has a size in an unusual notation"},
      {"a size with an underscore", Member("a", "123", '0', {124, "0_3\0"s}),
       "has a size in an unusual notation"},
      {"a size after a tab", Member("a", "123", '0', {124, "\t3\0"s}),
       "has a size in an unusual notation"},
      {"a mode with a prefix", Member("a", "123", '0', {100, "0o644\0"s}),
       "has a mode in an unusual notation"},
      // A sound checksum.
      {"a checksum with a sign",
       [&a] {
         std::string header = a;
         return header.replace(148, 1, "+");
       }(),
       "has a checksum in an unusual notation"},
      {"a path of all members", Member("x", "10 path=m\n", 'g') + a,
       "the attribute \"path\""},
  };
  for (const auto& archive : archives) {
    EXPECT_THAT(List(archive.bytes), HasSubstr(archive.error)) << archive.what;
  }
}

// Python 3.11 takes a malformed header that does not come first for the end of
// the archive. It raises an error at all others, and at the size of 88 bits,
// but accepts a negative size.
TEST(TarDirectoryTest, RefusesDamageAfterTheMembersBeforeIt) {
  const std::string a = Member("a", "123");
  const struct {
    const char* what;
    std::string bytes;
    const char* error;
  } archives[] = {
      {"a checksum", Header("b", 0).replace(148, 6, "000000"),
       "does not match its checksum"},
      {"a checksum of two numbers", Header("b", 0).replace(148, 1, "0 ", 2),
       "does not match its checksum"},
      {"a mode", Header("b", 0, '0', {100, "zzzzzzz"}), "a malformed mode"},
      {"an owner", Header("b", 0, '0', {108, "9"}), "a malformed owner"},
      {"a group", Header("b", 0, '0', {116, "1__2"}), "a malformed group"},
      {"a size", Header("b", 0, '0', {124, "0 1"}), "a malformed size"},
      {"a size without digits", Header("b", 0, '0', {124, "0o\0"s}),
       "a malformed size"},
      {"a size that is negative in base 256",
       Header("b", 0, '0', {124, std::string(12, '\xFF')}), "a negative size"},
      {"a size of 88 bits",
       Header("b", 0, '0', {124, "\x80" + std::string(11, '\xFF')}),
       "a malformed size"},
      {"a time", Header("b", 0, '0', {136, "\xFE"}), "a malformed time"},
      {"a device", Header("b", 0, '0', {329, "x"}),
       "a malformed major device number"},
      {"another device", Header("b", 0, '0', {337, "+"}),
       "a malformed minor device number"},
      {"a header that is cut", Header("b", 0).substr(0, 511), "is cut short"},
      {"contents that are cut", Header("b", 3) + "12",
       "describes a member of 3 bytes, but only 2 follow"},
      {"padding that is cut", Header("b", 3) + "1234",
       "whose padding is cut short"},
      {"attributes of nothing", Member("x", "10 path=m\n", 'x'),
       "should be that of a member"},
      {"attributes of zeros", Member("x", "n", 'L') + kEnd,
       "should be that of a member"},
      {"attributes without a length", Member("x", " uid=12\n", 'x') + kEnd,
       "has malformed attributes"},
      {"a length with a sign", Member("x", "+9 uid=1\n", 'x') + kEnd,
       "has malformed attributes"},
      {"a length that is too long", Member("x", "10 uid=1\n", 'x') + kEnd,
       "has malformed attributes"},
      {"an attribute without a key", Member("x", "6 =12\n", 'x') + kEnd,
       "has malformed attributes"},
      {"attributes with a NUL", Member("x", "8 uid=1\n\0\0"s, 'x') + kEnd,
       "has malformed attributes"},
      {"a size in attributes with a sign",
       Member("x", "11 size=+3\n", 'x') + kEnd, "a malformed size"},
      {"attributes of a terabyte",
       Header("x", 0, 'x', {124, "20000000000"}) + kEnd, "only 1024 follow"},
  };
  for (const auto& archive : archives) {
    EXPECT_THAT(List(archive.bytes), HasSubstr(archive.error)) << archive.what;
    const std::string list = List(a + archive.bytes);
    EXPECT_THAT(list, HasSubstr(archive.error)) << archive.what;
    EXPECT_EQ(list.rfind("a 3 DATA_LOSS", 0), 0) << archive.what << list;
  }
}

// Python accepts a sum of signed bytes, too.
TEST(TarDirectoryTest, KnowsWhatPythonTakesForATarArchive) {
  std::string old = Header("\xE9", 0, '0', {257, std::string(8, '\0')});
  EXPECT_TRUE(IsTar(old));
  EXPECT_FALSE(HasTarMagic(old));
  unsigned sum = 0;
  std::sscanf(old.c_str() + 148, "%o", &sum);
  char octal[12];
  std::snprintf(octal, sizeof(octal), "%06o", sum - 256);
  EXPECT_TRUE(IsTar(old.replace(148, 6, octal)));
  EXPECT_THAT(List(old + kEnd), HasSubstr("does not match its checksum"));
  std::snprintf(octal, sizeof(octal), "%06o", sum - 255);
  EXPECT_FALSE(IsTar(old.replace(148, 6, octal)));
  EXPECT_FALSE(IsTar(std::string(512, '\0')));
  EXPECT_FALSE(IsTar(Header("a", 0).substr(0, 511)));
}

}  // namespace
}  // namespace torch
}  // namespace v1
}  // namespace ferry
