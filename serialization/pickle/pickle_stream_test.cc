// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickle_stream.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/testing/counted_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

using testing::HasSubstr;

std::string Zeros(int count) { return std::string(count, '\0'); }

// One of every opcode, with operands that have a STOP in them.
std::vector<std::string> Opcodes() {
  std::vector<std::string> opcodes;
  for (const char* none :
       {"(",    "0",    "1",    "2",    "N",    "Q",    "R",    "a",    "b",
        "d",    "}",    "e",    "l",    "]",    "o",    "s",    "t",    ")",
        "u",    "\x81", "\x85", "\x86", "\x87", "\x88", "\x89", "\x8f", "\x90",
        "\x91", "\x92", "\x93", "\x94", "\x97", "\x98"}) {
    opcodes.emplace_back(none);
  }
  for (const char* one : {"K", "h", "q", "\x80", "\x82"}) {
    opcodes.push_back(absl::StrCat(one, "."));
  }
  for (const char* two : {"M", "\x83"}) {
    opcodes.push_back(absl::StrCat(two, ".."));
  }
  for (const char* four : {"J", "j", "r", "\x84"}) {
    opcodes.push_back(absl::StrCat(four, "...."));
  }
  opcodes.emplace_back("G........");
  opcodes.push_back(absl::StrCat("\x95", Zeros(8)));
  for (const char* counted : {"U", "\x8a", "C", "\x8c"}) {
    opcodes.push_back(absl::StrCat(counted, "\x03", "..."));
  }
  for (const char* counted : {"T", "X", "\x8b", "B"}) {
    opcodes.push_back(absl::StrCat(counted, "\x03", Zeros(3), "..."));
  }
  for (const char* counted : {"\x8d", "\x8e", "\x96"}) {
    opcodes.push_back(absl::StrCat(counted, "\x03", Zeros(7), "..."));
  }
  for (const char* line : {"F", "I", "L", "P", "S", "V", "g", "p"}) {
    opcodes.push_back(absl::StrCat(line, "..\n"));
  }
  for (const char* lines : {"c", "i"}) {
    opcodes.push_back(absl::StrCat(lines, ".\n..\n"));
  }
  return opcodes;
}

TEST(PickleStreamTest, KnowsHowLongEveryOpcodeIs) {
  const std::vector<std::string> opcodes = Opcodes();
  // Without STOP, which ends each.
  EXPECT_EQ(opcodes.size(), 67u);
  for (const std::string& opcode : opcodes) {
    const std::string bytes = absl::StrCat(opcode, ".N.");
    const CountedBytes file(bytes);
    PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
    const absl::StatusOr<absl::string_view> pickle = stream.NextPickle();
    ASSERT_THAT(pickle, IsOk()) << opcode << pickle.status();
    EXPECT_EQ(*pickle, bytes.substr(0, opcode.size() + 1));
    EXPECT_EQ(stream.offset(), opcode.size() + 1);
  }
}

TEST(PickleStreamTest, RefusesBytesThatAreNoOpcodes) {
  std::vector<bool> known(256, false);
  for (const std::string& opcode : Opcodes()) {
    known[static_cast<unsigned char>(opcode[0])] = true;
  }
  known['.'] = true;
  for (int byte = 0; byte < 256; ++byte) {
    if (known[byte]) continue;
    const CountedBytes file(absl::StrCat(std::string(1, char(byte)), Zeros(9)));
    PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
    const absl::Status status = stream.NextPickle().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("no opcode"));
  }
}

// Where Python and a reader that ignores frames read different opcodes.
TEST(PickleStreamTest, RefusesOpcodesAcrossTheEndOfAFrame) {
  using std::string_literals::operator""s;
  for (const std::string& bytes : {
           "\x95\x02\0\0\0\0\0\0\0X\2\0\0\0abN."s,
           "\x95\x02\0\0\0\0\0\0\0Ixyz\n."s,
           "\x95\x01\0\0\0\0\0\0\0K.NN."s,
           "\x95\x03\0\0\0\0\0\0\0N.N"s,
           "\x95\x0B\0\0\0\0\0\0\0N\x95\0\0\0\0\0\0\0\0."s,
           "\x95\x03\0\0\0\0\0\0\0N."s,
       }) {
    const CountedBytes file(bytes);
    PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
    const absl::Status status = stream.NextPickle().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("frame"));
  }
  for (const std::string& bytes : {
           "\x95\x02\0\0\0\0\0\0\0N."s,
           // Two frames, and opcodes behind them.
           "\x95\x01\0\0\0\0\0\0\0N\x95\x01\0\0\0\0\0\0\0N0."s,
       }) {
    const CountedBytes file(bytes);
    PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
    EXPECT_EQ(*stream.NextPickle(), bytes);
  }
}

TEST(PickleStreamTest, EveryCutIsNoticed) {
  for (const std::string& opcode : Opcodes()) {
    for (size_t size = 0; size <= opcode.size(); ++size) {
      const CountedBytes file(opcode.substr(0, size));
      PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
      EXPECT_EQ(stream.NextPickle().status().code(),
                absl::StatusCode::kDataLoss)
          << opcode << size;
      EXPECT_EQ(stream.offset(), 0u);
    }
  }
}

TEST(PickleStreamTest, PicklesAndBytesInTurn) {
  const std::string large = absl::StrCat("X", std::string("\0\0\x03\0", 4),
                                         std::string(0x30000, 'a'), ".");
  const std::string bytes =
      absl::StrCat("junk", "N.", "12345678", large, "K\x01.", "end");
  const CountedBytes counted(bytes);
  const std::unique_ptr<RandomAccessFile> memory =
      MakeMemoryFile(bytes, "memory");
  for (const RandomAccessFile* file :
       {static_cast<const RandomAccessFile*>(&counted),
        static_cast<const RandomAccessFile*>(memory.get())}) {
    PickleStream stream(*file, 4, file->size_bytes(), Budget::Unlimited());
    EXPECT_EQ(*stream.NextPickle(), "N.");
    EXPECT_EQ(*stream.Take(2), "12");
    EXPECT_THAT(stream.Skip(6), IsOk());
    EXPECT_EQ(stream.offset(), 14u);
    EXPECT_EQ(*stream.NextPickle(), large);
    EXPECT_EQ(*stream.NextPickle(), "K\x01.");
    EXPECT_EQ(stream.bytes_left(), 3u);
    EXPECT_EQ(stream.Take(4).status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(stream.Skip(4).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(*stream.Take(3), "end");
  }
}

TEST(PickleStreamTest, ReadsLittleOfWhatFollows) {
  const CountedBytes file(absl::StrCat("N.", Zeros(1 << 24), "N."));
  PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
  EXPECT_EQ(*stream.NextPickle(), "N.");
  ASSERT_THAT(stream.Skip(1 << 24), IsOk());
  EXPECT_EQ(*stream.NextPickle(), "N.");
  EXPECT_LE(file.bytes_read(), 1u << 17);
}

TEST(PickleStreamTest, ALengthThatLiesTakesNoMemory) {
  const CountedBytes file(absl::StrCat("\x8e", std::string(8, '\xff'), "..."));
  PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
  EXPECT_EQ(stream.NextPickle().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_LE(file.bytes_read(), file.size_bytes());
}

bool MayLookUpGlobal(const std::string& bytes,
                     PersistentIds ids = PersistentIds::kRefused) {
  const CountedBytes file(bytes);
  PickleStream stream(file, 0, file.size_bytes(), Budget::Unlimited());
  const absl::StatusOr<bool> result = stream.MayLookUpGlobal(ids);
  EXPECT_THAT(result, IsOk());
  return result.ok() && *result;
}

TEST(PickleStreamTest, SeesWhatCouldLookUpGlobals) {
  using std::string_literals::operator""s;
  for (const std::string& bytes : {
           "cos\nsystem\n"s,
           "\x80\x02"
           "cos\nsystem\n)R."s,
           // Python's unpickler in Python needs no newline at the end.
           "(S'id'\nios\nsystemX"s,
           "\x80\x04\x8c\x02os\x8c\x06system\x93"s,
           "(S'id'\nios\nsystem\n."s,
           // A NUL ends a number, and anything may follow it.
           "I\0junk\ncos\nsystem\n"s,
           "I1\0junk\ncos\nsystem\n"s,
           // Of bytes Python makes no other object.
           "C\1a\x98"
           "cos\nsystem\n"s,
           // A program may have registered an extension.
           "\x82\1)R."s,
           "N0\x83\1\1)\x81."s,
           "(\x84\1\1\1\1o."s,
           "\x82\1cos\nsystem\n"s,
           // Any file can be a module.
           "ca-b c/d\nran\n"s,
           // Behind these, Python reads other opcodes.
           "\x95\x02\0\0\0\0\0\0\0X\2\0\0\0abN."s,
           "\x95\x06\0\0\0\0\0\0\0X\2\0\0\0abN."s,
           "\x95\x02\0\0\0\0\0\0\0Ixyz\n."s,
           "\x95\x03\0\0\0\0\0\0\0N.N"s,
           "\x95\x0B\0\0\0\0\0\0\0N\x95\0\0\0\0\0\0\0\0."s,
           // A frame that ends past the file.
           "\x95\xff\0\0\0\0\0\0\0cos\nsystem\n"s,
           "I1\n0\x95\xff\xff\xff\xff\xff\xff\xff\x7f"
           "cos\nsystem\n"s,
           // After text that is of no use, and in the next pickle.
           "V{\"not\": 1}\ncos\nsystem\n"s,
           "N.\x80\x02K\x01Q."
           "cos\nsystem\n"s,
       }) {
    EXPECT_TRUE(MayLookUpGlobal(bytes)) << absl::CHexEscape(bytes);
  }
  for (const std::string& bytes : {
           ""s,
           "N."s,
           "I1\nI2"s,
           // No Python has such a module.
           "c{\"os\"\nsystem\n"s,
           "c\0os\nsystem\n"s,
           // Python refuses each of these before it comes to the name.
           "\x80\x02\x00"
           "cos\nsystem\n"s,
           "p1\ncos\nsystem\n"s,
           "P1\ncos\nsystem\n"s,
           "NQcos\nsystem\n"s,
           "\x97"
           "cos\nsystem\n"s,
           "I{}\ncos\nsystem\n"s,
           "S{}\ncos\nsystem\n"s,
           "X\xff\0\0\0cos\nsystem\n"s,
           // A frame that ends past all files, and one that is sound.
           "\x95\0\0\0\0\0\0\0\x80"
           "cos\nsystem\n"s,
           "\x95\x02\0\0\0\0\0\0\0N."s,
           // To look up an extension is nothing yet.
           "\x82\1."s,
           "N)R."s,
           // What honest files of other kinds begin with.
           "\x82\1\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\"}}"s,
           "\x58\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\"}}"s,
           "././@PaxHeader\0\0"s,
           "sys_info\0\0"s,
       }) {
    EXPECT_FALSE(MayLookUpGlobal(bytes)) << absl::CHexEscape(bytes);
  }
}

TEST(PickleStreamTest, SeesGlobalsBehindPersistentIds) {
  for (const std::string bytes : {"P1\ncos\nsystem\n", "NQcos\nsystem\n",
                                  "\x80\x02U\x01\x32QP1\ncos\nsystem\n"}) {
    EXPECT_TRUE(MayLookUpGlobal(bytes, PersistentIds::kResolved)) << bytes;
    EXPECT_FALSE(MayLookUpGlobal(bytes, PersistentIds::kRefused)) << bytes;
  }
}

TEST(PickleStreamTest, SkipsTextsOnTheWayToAGlobal) {
  // A text whose size is known, one that ends with its line, and a line that
  // nothing ends.
  const std::string text(1 << 22, 'a');
  const CountedBytes counted(
      absl::StrCat("X", std::string("\0\0\x40\0", 4), text, "cos\nsystem\n"));
  PickleStream stream(counted, 0, counted.size_bytes(), Budget::Unlimited());
  EXPECT_TRUE(*stream.MayLookUpGlobal(PersistentIds::kRefused));
  EXPECT_LE(counted.bytes_read(), 1u << 18);
  EXPECT_TRUE(MayLookUpGlobal(absl::StrCat("V", text, "\ncos\nsystem\n")));
  EXPECT_FALSE(MayLookUpGlobal(absl::StrCat("V", text, "cos")));
}

TEST(PickleStreamTest, ChargesItsMemory) {
  // Text of 131 072 bytes.
  const std::string bytes = absl::StrCat("X", Zeros(2), "\2", Zeros(1),
                                         std::string(1 << 17, 'a'), ".");
  const CountedBytes file(bytes);
  BudgetOptions options;
  options.max_memory_bytes = 3 * bytes.size();  // the window grows as it reads
  Budget enough(options, 0);
  EXPECT_THAT(PickleStream(file, 0, file.size_bytes(), &enough).NextPickle(),
              IsOk());
  EXPECT_GE(enough.memory_bytes(), bytes.size());
  options.max_memory_bytes = bytes.size() - 1;
  Budget little(options, 0);
  PickleStream stream(file, 0, file.size_bytes(), &little);
  EXPECT_EQ(stream.NextPickle().status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(stream.offset(), 0);
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
