// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickle_scanner.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

using ::testing::HasSubstr;

// Bytes that may contain NUL.
#define BYTES(literal) std::string(literal, sizeof(literal) - 1)

PickleScan Scan(absl::string_view bytes) {
  const std::unique_ptr<RandomAccessFile> file =
      MakeMemoryFile(bytes, "<test>");
  return ScanPickle(*file, 0, bytes.size(), Budget::Unlimited());
}

// One line for each global: its name and its uses with their offsets.
std::string Describe(const PickleScan& scan) {
  constexpr const char* kUses[] = {"imported",      "called",    "dropped",
                                   "result called", "state set", "changed"};
  std::string text;
  for (const ScannedGlobal& global : scan.globals) {
    constexpr const char* kForms[] = {"", "computed ", "persistent id ",
                                      "extension "};
    const char* const form = kForms[static_cast<int>(global.form)];
    absl::StrAppend(&text, form, global.module, ".", global.name, ":");
    for (int i = 0; i < kNumGlobalUses; ++i) {
      if (global.uses[i].count == 0) continue;
      absl::StrAppend(&text, " ", kUses[i], " ", global.uses[i].count, "@",
                      absl::StrJoin(global.uses[i].offsets, ","));
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

struct Sample {
  const char* name;
  std::string bytes;
  std::string finds;
};

TEST(PickleScannerTest, FindsGlobals) {
  const Sample samples[] = {
      {"Nothing", BYTES("\x80\x02}."), ""},
      {"Reduce", BYTES("cposix\nsystem\n(S'id'\ntR."),
       "posix.system: imported 1@0 called 1@22\n"},
      {"ResultIsPopped", BYTES("}cposix\nsystem\n(S'id'\ntR0."),
       "posix.system: imported 1@1 called 1@23 dropped 1@24\n"},
      {"ResultIsPoppedWithMark", BYTES("}(cposix\nsystem\n(S'id'\ntR1."),
       "posix.system: imported 1@2 called 1@24 dropped 1@25\n"},
      {"ResultIsLeftOnTheStack", BYTES("cposix\nsystem\n)R}."),
       "posix.system: imported 1@0 called 1@15 dropped 1@17\n"},
      {"ResultIsOverwrittenInMemo", BYTES("cposix\nsystem\n)Rq\0000}."),
       "posix.system: imported 1@0 called 1@15 dropped 1@18\n"},
      {"Inst", BYTES("(S'id'\nios\nsystem\n."),
       "os.system: imported 1@7 called 1@7\n"},
      {"Obj", BYTES("(cos\nsystem\nS'id'\no."),
       "os.system: imported 1@1 called 1@18\n"},
      {"NewObj",
       BYTES("\x80\x02"
             "ca\nB\n)\x81."),
       "a.B: imported 1@2 called 1@8\n"},
      {"NewObjEx",
       BYTES("\x80\x04"
             "ca\nB\n)}\x92."),
       "a.B: imported 1@2 called 1@9\n"},
      {"Build", BYTES("ca\nB\n)R}b."),
       "a.B: imported 1@0 called 1@6 state set 1@8\n"},
      {"BuildOnClass", BYTES("ca\nB\n}b."), "a.B: imported 1@0 changed 1@6\n"},
      {"ItemsSetInModule", BYTES("ca\nB\n(I1\nI2\nu."),
       "a.B: imported 1@0 changed 1@12\n"},
      {"StackGlobal", BYTES("\x80\x04\x8c\x02os\x8c\x06system\x93."),
       "os.system: imported 1@14\n"},
      {"StackGlobalFromMemo",
       BYTES("\x80\x04(\x8c\x02os\x94\x8c\x06system\x94"
             "1h\0h\1\x93."),
       "os.system: imported 1@22\n"},
      {"StackGlobalTwice",
       BYTES("\x80\x04(\x8c\x02os\x94\x8c\x06system\x94"
             "1h\0h\1\x93"
             "h\0h\1\x93\x86."),
       "os.system: imported 2@22,27\n"},
      {"StackGlobalOfEscapedText", BYTES("V\\u006fs\nV\\U00000073ystem\n\x93."),
       "os.system: imported 1@26\n"},
      {"StackGlobalOfPython2String", BYTES("S'\\x6fs'\nU\x06system\x93."),
       "os.system: imported 1@17\n"},
      {"StackGlobalIsComputed", BYTES("ca\nB\n)RS'system'\n\x93."),
       "a.B: imported 1@0 called 1@6\n"
       "computed .system: imported 1@17\n"},
      {"MemoNumbersAsPythonReadsThem",
       BYTES("S'os'\np+1_0\n0S'system'\np 11\n0g10\ng1_1\n\x93."),
       "os.system: imported 1@38\n"},
      {"Dup", BYTES("cos\nsystem\n2)R\x86."),
       "os.system: imported 1@0 called 1@13\n"},
      {"ResultIsCalled",
       BYTES("c__builtin__\ngetattr\n(cos\npath\nS'x'\ntR)R."),
       "builtins.getattr: imported 1@0 called 1@37 result called 1@39\n"
       "os.path: imported 1@22\n"},
      {"Python2NamesBelowProtocol3",
       BYTES("\x80\x02"
             "ccommands\ngetoutput\n."),
       "subprocess.getoutput: imported 1@2\n"},
      {"Python2NamesInProtocol4",
       BYTES("\x80\x04"
             "ccopy_reg\n_x\n."),
       "copy_reg._x: imported 1@2\n"},
      {"Extension", BYTES("\x80\x02\x82\x07)R."),
       "extension .7: imported 1@2 called 1@5\n"},
      {"ExtensionOfFourBytes", BYTES("\x80\x02\x84\x01\x01\x00\x00."),
       "extension .257: imported 1@2\n"},
      {"PersistentIdIsCalled", BYTES("Pid\n)R."),
       "persistent id .: imported 1@5 called 1@5\n"},
      {"BinaryPersistentIdIsCalled",
       BYTES("\x80\x02"
             "ca\nB\n\x85Q)\x81}b."),
       "a.B: imported 1@2\n"
       "persistent id .: imported 1@10 called 1@10 state set 1@12\n"},
      {"PersistentIdIsChanged", BYTES("Pid\n}b."),
       "persistent id .: imported 1@5 changed 1@5\n"},
      {"PersistentIdIsGivenItems", BYTES("Pid\n(I1\nI2\nu."),
       "persistent id .: imported 1@11 changed 1@11\n"},
      {"Frames",
       BYTES("\x80\x04\x95\1\0\0\0\0\0\0\0N"
             "cos\nsystem\n\x95\1\0\0\0\0\0\0\0."),
       "os.system: imported 1@12\n"},
      {"ListIsCalled", BYTES("])R."), "computed .: imported 1@2 called 1@2\n"},
      {"ManyCalls", BYTES("ca\nB\n2)R02)R02)R02)R0."),
       "a.B: imported 1@0 called 4@7,11,15 dropped 4@8,12,16\n"},
      {"NewlinesInNames", BYTES("\x80\x04\x8c\x03o\ns\x8c\x01x\x93."),
       "o\ns.x: imported 1@10\n"},
  };
  for (const Sample& sample : samples) {
    SCOPED_TRACE(sample.name);
    const PickleScan scan = Scan(sample.bytes);
    EXPECT_EQ(Describe(scan), sample.finds);
    EXPECT_THAT(scan.fault, IsOk());
    EXPECT_TRUE(scan.is_complete);
    EXPECT_EQ(scan.end_offset_bytes, sample.bytes.size());
  }
}

TEST(PickleScannerTest, ReportsWhatComesBeforeAFault) {
  struct {
    std::string bytes;
    const char* fault;
    bool is_complete;
  } samples[] = {
      {BYTES("cos\nsystem\n)R\xff"), "no opcode 0xff (at offset 13)", false},
      {BYTES("cos\nsystem\n)R"), "cut short: it has no STOP (at offset 13)",
       false},
      {BYTES("cos\nsystem\n)RX\xff\xff\xff\x7f"), "operand is cut short",
       false},
      {BYTES("0cos\nsystem\n)R."), "the stack has too few values", true},
      {BYTES("tcos\nsystem\n)R."), "there is no mark", true},
      {BYTES("h\7cos\nsystem\n)R\x86."), "no memo entry 7", true},
      {BYTES("px\ncos\nsystem\n)R."), "a number is malformed", true},
      {BYTES("\x80\x09"
             "cos\nsystem\n)R."),
       "protocol 9", true},
      // The argument is missing, so Python stops before the call.
      {BYTES("cos\nsystem\n(R."), "the stack has too few values", true},
  };
  for (const auto& sample : samples) {
    const PickleScan scan = Scan(sample.bytes);
    ASSERT_EQ(scan.globals.size(),
              sample.bytes.find("(R.") == std::string::npos ? 1 : 2)
        << sample.fault;
    EXPECT_EQ(scan.globals[0].module, "os");
    EXPECT_EQ(scan.is_complete, sample.is_complete) << sample.fault;
    EXPECT_EQ(scan.fault.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(scan.fault.message()), HasSubstr(sample.fault));
  }
}

// Python's unpickler in C drops what is left of a frame when an operand crosses
// its end, and reads the operand from behind the frame.
TEST(PickleScannerTest, NoticesWherePythonReadsOtherOpcodes) {
  const struct {
    std::string bytes;
    const char* fault;
    uint64_t next_offset;
  } samples[] = {
      {BYTES("\x95\x06\0\0\0\0\0\0\0NX\2\0\0\0ab."),
       "an operand crosses the end of its frame (at offset 10)", 18},
      {BYTES("\x95\x03\0\0\0\0\0\0\0NIx1\n."),
       "an operand crosses the end of its frame (at offset 10)", 15},
      {BYTES("\x95\x0B\0\0\0\0\0\0\0N\x95\1\0\0\0\0\0\0\0."),
       "a frame begins inside another (at offset 10)", 20},
      {BYTES("\x95\x03\0\0\0\0\0\0\0N.N"),
       "STOP is not at the end of its frame (at offset 10)", 12},
  };
  for (const auto& sample : samples) {
    const PickleScan scan = Scan(sample.bytes);
    EXPECT_THAT(scan.fault,
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(sample.fault)));
    EXPECT_TRUE(scan.is_out_of_step);
    EXPECT_TRUE(scan.is_complete);
    EXPECT_EQ(scan.next_offset_bytes, sample.next_offset) << sample.fault;
  }
  // The length of a text that crosses the end, too.
  EXPECT_TRUE(
      Scan(BYTES("\x95\x03\0\0\0\0\0\0\0NX\xff\xff\xff\xff.")).is_out_of_step);
  EXPECT_FALSE(Scan(BYTES("\x95\x02\0\0\0\0\0\0\0N.")).is_out_of_step);
  EXPECT_THAT(
      Scan(BYTES("\x95\x09\0\0\0\0\0\0\0N.")).fault,
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a frame is cut short")));
  EXPECT_TRUE(Scan(BYTES("\x95\x09\0\0\0\0\0\0\0N.")).has_only_short_frame);
  EXPECT_FALSE(Scan(BYTES("\x95\x09\0\0\0\0\0\0\0.")).has_only_short_frame);
  // Python reads no frame of so many bytes.
  EXPECT_FALSE(Scan(BYTES("\x95\0\0\0\0\0\0\0\x80N.")).has_only_short_frame);
}

TEST(PickleScannerTest, SaysWhetherAnythingIsCalledBeforeAFault) {
  EXPECT_TRUE(Scan(BYTES("cos\nsystem\n)R.")).has_calls);
  EXPECT_TRUE(Scan(BYTES("N)R.")).has_calls);
  EXPECT_FALSE(Scan(BYTES("cos\nsystem\n.")).has_calls);
  EXPECT_FALSE(Scan(BYTES("0N)R.")).has_calls);
}

TEST(PickleScannerTest, CollectsNestedPicklesInEscapes) {
  for (const std::string& text :
       {BYTES("S'\\x80\\x02N.'\n."), BYTES("S\"\x80\\2N.\"\n."),
        BYTES("V\\u0080\x02N.\n."), BYTES("V\\U00000080\\U00000002N.\n."),
        BYTES("V\x80\x02N.\n."), BYTES("S'PK\\x03\\x04'\n."),
        BYTES("VPK\\u0003\\U00000004\n.")}) {
    EXPECT_EQ(Scan(text).nested.size(), 1) << text;
  }
  for (const std::string& text :
       {BYTES("S'\\x81\\x02N.'\n."), BYTES("V\\u0180\x02N.\n."), BYTES("S'\n."),
        BYTES("S\n."), BYTES("V\\u00\n."), BYTES("S'\\x8'\n.")}) {
    EXPECT_EQ(Scan(text).nested.size(), 0) << text;
  }
}

// Python's unpickler in Python runs an opcode whose last line is cut short, and
// leaves out the last byte.
TEST(PickleScannerTest, RunsOpcodesWhoseLineIsCutShort) {
  const PickleScan scan = Scan("(S'id'\nios\nsystemX");
  EXPECT_EQ(Describe(scan), "os.system: imported 1@7 called 1@7\n");
  EXPECT_THAT(scan.fault,
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("a line is cut short (at offset 7)")));
  EXPECT_FALSE(scan.is_complete);
  EXPECT_EQ(Describe(Scan("cos")), "o.: imported 1@0\n");
  EXPECT_EQ(Describe(Scan("c")), ".: imported 1@0\n");
}

TEST(PickleScannerTest, EndsBehindStop) {
  const PickleScan scan = Scan(BYTES("}.cos\nsystem\n."));
  EXPECT_TRUE(scan.is_complete);
  EXPECT_EQ(scan.end_offset_bytes, 2);
  EXPECT_EQ(Describe(scan), "");
}

TEST(PickleScannerTest, CollectsNestedPicklesAndArchives) {
  const std::string bytes = BYTES(
      "\x80\x03"
      "C\x03\x80\x02."
      "0C\x02xx0C\x06PK\x03\x04..0"
      "X\x04\x00\x00\x00\xc2\x80\x02.0X\x03\x00\x00\x00\xc2\x80\x09.");
  const PickleScan scan = Scan(bytes);
  EXPECT_THAT(scan.fault, IsOk());
  ASSERT_EQ(scan.nested.size(), 3);
  const std::unique_ptr<RandomAccessFile> file =
      MakeMemoryFile(bytes, "<test>");
  EXPECT_THAT(ReadLiteral(*file, scan.nested[0], 100),
              IsOkAndHolds(BYTES("\x80\x02.")));
  EXPECT_THAT(ReadLiteral(*file, scan.nested[1], 4),
              IsOkAndHolds(BYTES("PK\x03\x04")));
  EXPECT_THAT(ReadLiteral(*file, scan.nested[2], 100),
              IsOkAndHolds(BYTES("\xc2\x80\x02.")));
}

// The same from a file that is read in chunks, past texts that are skipped.
TEST(PickleScannerTest, SkipsTextsInFiles) {
  std::string bytes = BYTES(
      "\x80\x02"
      "B\x00\x00\x10\x00");
  bytes += std::string(1 << 20, 'x');
  bytes += BYTES("0cos\nsystem\n)RV");
  bytes += std::string(200'000, 'y');
  bytes += BYTES("\n0.");
  const CountedBytes file(bytes);
  const PickleScan scan =
      ScanPickle(file, 0, file.size_bytes(), Budget::Unlimited());
  EXPECT_THAT(scan.fault, IsOk());
  EXPECT_EQ(Describe(scan), "os.system: imported 1@1048584 called 1@1048596\n");
  EXPECT_LT(file.bytes_read(), 400'000);
}

TEST(PickleScannerTest, ReadsLinesOnce) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += "I1\n0";
  bytes += "N.";
  const CountedBytes file(bytes);
  EXPECT_THAT(ScanPickle(file, 0, file.size_bytes(), Budget::Unlimited()).fault,
              IsOk());
  EXPECT_LT(file.bytes_read(), bytes.size() + 10'000);
}

TEST(PickleScannerTest, LongNamesAreComputed) {
  const std::string name(5000, 'a');
  const PickleScan scan = Scan(absl::StrCat("cos\n", name, "\n."));
  EXPECT_THAT(scan.fault, IsOk());
  ASSERT_EQ(scan.globals.size(), 1);
  EXPECT_EQ(scan.globals[0].form, ScannedGlobal::Form::kComputed);
  EXPECT_EQ(scan.globals[0].module, "os");
  EXPECT_EQ(scan.globals[0].name, name.substr(0, kMaxNameBytes));
}

// What each opcode leaves in memory is charged.
TEST(PickleScannerTest, ChargesItsMemory) {
  std::string globals = "(";
  for (int i = 0; i < 100'000; ++i) {
    absl::StrAppend(&globals, "ca\nB", i, "\n");
  }
  std::string texts = "(";
  std::string values = "(";
  std::string entries = "N";
  for (int i = 0; i < 1'000'000; ++i) {
    texts += BYTES("U\0");
    values += "N";
    entries += "\x94";
  }
  for (const std::string& pickle :
       {globals + "l.", texts + "l.", values + "l.", entries + "."}) {
    const auto file = MakeMemoryFile(pickle, "<test>");
    Budget counting;
    EXPECT_THAT(ScanPickle(*file, 0, pickle.size(), &counting).fault, IsOk());
    EXPECT_GT(counting.memory_bytes(), 4 * 1'000'000);
    BudgetOptions options;
    options.max_memory_bytes = 1'000'000;
    Budget budget(options, 0);
    const PickleScan scan = ScanPickle(*file, 0, pickle.size(), &budget);
    EXPECT_EQ(scan.fault.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(scan.fault.message(), HasSubstr("raise max_memory_bytes"));
    EXPECT_FALSE(scan.is_complete);
    EXPECT_LT(scan.end_offset_bytes, pickle.size());
  }
}

// One text of a kilobyte that is used as a name a hundred thousand times.
TEST(PickleScannerTest, ReadsASharedNameOnce) {
  std::string bytes = BYTES("\x80\x04X\x00\x04\x00\x00");
  bytes += std::string(1024, 'm');
  bytes += BYTES("q\0000");
  for (int i = 0; i < 100'000; ++i)
    bytes += BYTES(
        "h\0h\0\x93"
        "0");
  bytes += "N.";
  const CountedBytes file(bytes);
  const PickleScan scan =
      ScanPickle(file, 0, file.size_bytes(), Budget::Unlimited());
  EXPECT_THAT(scan.fault, IsOk());
  ASSERT_EQ(scan.globals.size(), 1);
  EXPECT_EQ(scan.globals[0].uses_of(GlobalUse::kImported).count, 100'000);
  EXPECT_LT(file.bytes_read(), bytes.size() + 100'000);
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
