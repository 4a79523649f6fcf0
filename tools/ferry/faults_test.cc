// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Makes every fault of the table "By container" in docs/faults.md in every
// container, gives the file to every command and to `LoadMemory`, and compares
// what they say with the table.

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/byte_source.h"
#include "ferry/serialization/detection/not_a_checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/value.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// --- Sound files -------------------------------------------------------------

// The columns of the table.
enum Column { kZip, kProto, kLegacy, kTar, kBare, kSafetensors, kNumColumns };

// Elements of the storage, and of the tensor that is a view of it.
constexpr size_t kNumElements = 77;
constexpr size_t kNumInView = 2;

std::string Saved(const Value& value, Column column, bool has_checksums) {
  SaveOptions options;
  options.archive_name = "archive";
  options.compute_crc32 = has_checksums;
  if (column == kProto) options.codec = "proto";
  if (column == kLegacy) options.container = Container::kLegacy;
  if (column == kSafetensors) options.container = Container::kSafetensors;
  return *SaveToString(value, options);
}

Value Weight(Column column) {
  const std::vector<float> elements(kNumElements, 0.5);
  const Tensor all = *Tensor::FromData(elements, {kNumElements});
  const Value value = Value::Dict();
  // Safetensors have no storages that are larger than their tensors.
  EXPECT_THAT(value.Set("weight",
                        Value(column == kSafetensors
                                  ? all
                                  : *Tensor::Create(all.storage(), all.dtype(),
                                                    {kNumInView}, {1}, 0))),
              IsOk());
  return value;
}

// A file with a tensor at least. Those of the columns that Ferry does not write
// are of PyTorch's.
std::string Sound(Column column, bool has_checksums = false) {
  if (column == kTar) return ReadFile("tests/data/old/tensors.tar");
  if (column == kBare) return ReadFile("tests/data/old/tensors.pickle");
  return Saved(Weight(column), column, has_checksums);
}

// --- Faults ------------------------------------------------------------------

using Files = std::map<Column, std::string>;

template <typename Change>
Files OfEach(Change change) {
  Files files;
  for (int column = 0; column < kNumColumns; ++column) {
    files[static_cast<Column>(column)] = change(static_cast<Column>(column));
  }
  return files;
}

// A sound file with other bytes in the place of some, where they occur first.
std::string Edited(Column column, absl::string_view part,
                   absl::string_view by) {
  std::string bytes = Sound(column);
  const size_t at = bytes.find(std::string(part));
  EXPECT_NE(at, std::string::npos) << column;
  EXPECT_EQ(part.size(), by.size());
  if (at != std::string::npos) bytes.replace(at, part.size(), std::string(by));
  return bytes;
}

// The number of elements as it stands before them in a stream.
std::string Count(char elements) {
  return absl::StrCat(".", std::string(1, elements), std::string(7, '\0'));
}

Files WithStorage(int change) {
  const auto number = [](absl::string_view before, int value,
                         absl::string_view after = "") {
    return absl::StrCat(before, std::string(1, static_cast<char>(value)),
                        after);
  };
  return {
      // The persistent id says how many elements there are.
      {kZip, Edited(kZip, number("K", 77), number("K", 77 - change))},
      {kLegacy,
       Edited(kLegacy, Count(77), Count(static_cast<char>(77 + change)))},
      {kBare, Edited(kBare, Count(4), Count(static_cast<char>(4 + change)))},
      {kSafetensors,
       Edited(kSafetensors, "[77]", absl::StrCat("[", 77 - change, "]"))},
  };
}

Value WithCall() {
  const Value value = Weight(kZip);
  EXPECT_THAT(value.Set("call", Value::Call("posix.getcwd")), IsOk());
  return value;
}

// By the first cell of the row.
std::map<std::string, Files> AllFaults() {
  std::map<std::string, Files> faults;
  faults["none"] = OfEach([](Column c) { return Sound(c, true); });
  faults["nothing in the file"] = OfEach([](Column) { return ""; });
  faults["zeros alone"] =
      OfEach([](Column c) { return std::string(Sound(c).size(), '\0'); });
  faults["cut short"] = OfEach([](Column c) {
    const std::string bytes = Sound(c, true);
    const size_t end = bytes.find_last_not_of('\0') + 1;
    return bytes.substr(0, end - 20);
  });
  faults["the first half is missing"] = OfEach([](Column c) {
    const std::string bytes = Sound(c, true);
    return bytes.substr(bytes.size() / 2);
  });
  faults["an element changed"] = OfEach([](Column c) {
    std::string bytes = Sound(c, true);
    // 0.5 in the files that are made here, 1.0 in the others.
    const bool is_old = c == kTar || c == kBare;
    const std::string element = c == kBare ? "\xc2\x80?"
                                : is_old   ? "\x80?"
                                           : std::string("\0\0\0?", 4);
    const size_t at = bytes.find(element);
    EXPECT_NE(at, std::string::npos) << c;
    bytes[at + element.size() - 1] = '>';
    return bytes;
  });
  faults["bytes after it"] =
      OfEach([](Column c) { return absl::StrCat(Sound(c, true), "more"); });
  faults["bytes before it"] =
      OfEach([](Column c) { return absl::StrCat("more", Sound(c, true)); });
  faults["another one after it"] = OfEach(
      [](Column c) { return absl::StrCat(Sound(c, true), Sound(c, true)); });
  faults["more bytes than the storage"] = WithStorage(1);
  faults["fewer bytes than the storage"] = WithStorage(-1);
  faults["a tensor past the end of its storage"] = {
      {kZip, Edited(kZip, "K\x02\x85", "K\x4e\x85")},
      {kLegacy, Edited(kLegacy, "K\x02\x85", "K\x4e\x85")},
      // The first size of the first tensor, behind the mark of version 0.
      {kTar, Edited(kTar, std::string("\x02\0\0\0\xef\xbe\xad\xde\x02", 9),
                    std::string("\x02\0\0\0\xef\xbe\xad\xde\x03", 9))},
      {kBare, Edited(kBare, "K\x01K\x03\x85", "K\x01K\x04\x85")},
  };
  faults["text that is not UTF-8"] = {
      {kZip, Edited(kZip, "weight", "we\xffght")},
      {kProto, Edited(kProto, "weight", "we\xffght")},
      {kLegacy, Edited(kLegacy, "weight", "we\xffght")},
      {kTar, Edited(kTar, "again", "ag\xffin")},
      {kBare, Edited(kBare, std::string("X\x01\0\0\0nq", 7),
                     std::string("X\x01\0\0\0\xffq", 7))},
      {kSafetensors, Edited(kSafetensors, "weight", "we\xffght")},
  };
  faults["a function of another module is called"] = {
      {kZip, Saved(WithCall(), kZip, true)},
      {kProto, Saved(WithCall(), kProto, true)},
      {kLegacy, Saved(WithCall(), kLegacy, true)},
      {kTar, Edited(kTar,
                    std::string("X\x02\0\0\0"
                                "10q\x0eQ",
                                10),
                    "cos\nabc\n)R")},
      {kBare,
       "\x80\x02"
       "cposix\ngetcwd\n)R."},
  };
  faults["a device that nobody knows"] = {
      {kZip, Edited(kZip, "cpu", "abc")},
      {kProto, Edited(kProto, "cpu", "abc")},
      {kLegacy, Edited(kLegacy, "cpu", "abc")},
      {kTar, Edited(kTar, "cpu", "abc")},
      {kBare, Edited(kBare, "cpu", "abc")},
  };
  return faults;
}

// --- What the commands and the library say -----------------------------------

// What becomes of a file, in the words of docs/faults.md.
struct Observation {
  int inspect = 0;
  int digest = 0;
  int verify = 0;
  int convert = 0;
  std::string outcome;              // of verify
  bool is_said_by_inspect = false;  // that something is left out
  bool is_said_by_verify = false;
  bool is_said_by_convert = false;
  absl::StatusCode load = absl::StatusCode::kOk;
  bool is_not_a_checkpoint = false;  // by the error of the load
};

Observation Observe(const std::string& bytes) {
  const std::string path = WriteTestFile("faulty.pt", bytes);
  const std::string out = TestPath("converted.pt");
  const FerryResult inspect = RunFerryForTest({"inspect", path});
  const FerryResult verify = RunFerryForTest({"verify", "--format=json", path});
  const FerryResult convert = RunFerryForTest({"convert", path, out});
  EXPECT_EQ(std::filesystem::exists(out), convert.exit_code == 0);
  std::filesystem::remove(out);
  const Json verdict =
      Json::parse(verify.out, nullptr, /*allow_exceptions=*/false);
  Observation observed;
  observed.inspect = inspect.exit_code;
  observed.digest =
      RunFerryForTest({"inspect", "--format=json", "--digest", path}).exit_code;
  observed.verify = verify.exit_code;
  observed.convert = convert.exit_code;
  observed.outcome = verdict[0].value("outcome", "");
  constexpr char kLeftOut[] = "after the end of the checkpoint";
  observed.is_said_by_inspect = absl::StrContains(inspect.out, kLeftOut);
  observed.is_said_by_verify = verdict[0].value("trailing_bytes", 0) > 0;
  observed.is_said_by_convert = absl::StrContains(convert.err, kLeftOut);
  LoadOptions options;
  options.map_location = MapLocation::To("cpu");
  const absl::Status loaded = LoadMemory(bytes, options).status();
  observed.load = loaded.code();
  observed.is_not_a_checkpoint = IsNotACheckpoint(loaded);
  return observed;
}

// Whether that is what a word of docs/faults.md means.
bool Is(const Observation& observed, absl::string_view word) {
  if (observed.is_not_a_checkpoint != (word == "foreign")) return false;
  const bool is_error = observed.inspect == 2 && observed.digest == 2 &&
                        observed.convert == 2 &&
                        observed.load != absl::StatusCode::kOk;
  const bool is_read = observed.inspect == 0 && observed.digest == 0 &&
                       observed.verify == 0 && observed.convert == 0 &&
                       observed.outcome == "undamaged" &&
                       observed.load == absl::StatusCode::kOk;
  const int times_said = (observed.is_said_by_inspect ? 1 : 0) +
                         (observed.is_said_by_verify ? 1 : 0) +
                         (observed.is_said_by_convert ? 1 : 0);
  if (word == "read") return is_read && times_said == 0;
  if (word == "reported") return is_read && times_said == 3;
  if (word == "damaged") {
    return is_error && observed.verify == 1 && observed.outcome == "damaged" &&
           observed.load == absl::StatusCode::kDataLoss;
  }
  if (word == "corrupt") {
    return observed.inspect == 0 && observed.digest == 2 &&
           observed.verify == 1 && observed.outcome == "damaged" &&
           observed.convert == 2 &&
           observed.load == absl::StatusCode::kDataLoss;
  }
  if (word == "refused") {
    return is_error && observed.verify == 2 && observed.outcome == "unknown" &&
           observed.load == absl::StatusCode::kInvalidArgument;
  }
  if (word == "foreign") {
    return is_error && observed.verify == 2 &&
           observed.outcome == "not a checkpoint" &&
           observed.load == absl::StatusCode::kDataLoss;
  }
  return false;
}

// --- The table ---------------------------------------------------------------

using Row = std::vector<std::string>;

// The rows of the table under a heading, without its first two lines.
std::vector<Row> Table(const std::string& page, absl::string_view heading) {
  std::vector<Row> rows;
  bool is_here = false;
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    if (absl::StartsWith(line, "## ")) is_here = line == heading;
    if (!is_here || !absl::StartsWith(line, "| ")) continue;
    Row row;
    for (absl::string_view cell : absl::StrSplit(line, '|')) {
      row.emplace_back(absl::StripAsciiWhitespace(cell));
    }
    rows.emplace_back(row.begin() + 1, row.end() - 1);
  }
  if (!rows.empty()) rows.erase(rows.begin());
  return rows;
}

// Every cell says what becomes of the file that is made here, or names another
// test, or says why there is no such file.
TEST(FaultsTest, TheTableIsTrue) {
  const std::vector<Row> rows =
      Table(ReadFile("docs/faults.md"), "## By container");
  std::map<std::string, Files> faults = AllFaults();
  size_t num_files = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE(row[0]);
    ASSERT_EQ(row.size(), 1 + kNumColumns);
    Files files = faults[row[0]];
    faults.erase(row[0]);
    for (int i = 0; i < kNumColumns; ++i) {
      SCOPED_TRACE(i);
      const std::string& cell = row[1 + i];
      const auto file = files.find(static_cast<Column>(i));
      if (file == files.end()) {
        EXPECT_TRUE(absl::StartsWith(cell, "none: ") ||
                    absl::StrContains(cell, "`"))
            << cell;
        continue;
      }
      ++num_files;
      const Observation observed = Observe(file->second);
      EXPECT_TRUE(Is(observed, cell))
          << cell << ": inspect " << observed.inspect << ", with digests "
          << observed.digest << ", verify " << observed.verify << " "
          << observed.outcome << ", convert " << observed.convert << ", load "
          << absl::StatusCodeToString(observed.load);
    }
  }
  EXPECT_TRUE(faults.empty()) << faults.begin()->first << " has no row";
  EXPECT_GT(num_files, 70u);
}

// Every cell of the table of scans is the verdict about the file that is made
// here, or says why there is no such file.
TEST(FaultsTest, TheTableOfScansIsTrue) {
  const std::vector<Row> rows =
      Table(ReadFile("docs/faults.md"), "## By container, scanned");
  std::map<std::string, Files> faults = AllFaults();
  for (const Row& row : rows) {
    SCOPED_TRACE(row[0]);
    ASSERT_EQ(row.size(), 1 + kNumColumns);
    Files files = faults[row[0]];
    faults.erase(row[0]);
    for (int i = 0; i < kNumColumns; ++i) {
      SCOPED_TRACE(i);
      const std::string& cell = row[1 + i];
      const auto file = files.find(static_cast<Column>(i));
      if (file == files.end()) {
        EXPECT_TRUE(absl::StartsWith(cell, "none: ")) << cell;
        continue;
      }
      const FerryResult scan = RunFerryForTest(
          {"scan", "--format=json", WriteTestFile("scanned.pt", file->second)});
      const Json report = Json::parse(scan.out);
      EXPECT_EQ(report[0]["verdict"], cell) << scan.out;
      EXPECT_EQ(scan.exit_code, cell == "clean" ? 0 : cell == "found" ? 1 : 2);
    }
  }
  EXPECT_TRUE(faults.empty()) << faults.begin()->first << " has no row";
}

TEST(FaultsTest, StrictRefusesCalls) {
  LoadOptions options;
  options.globals = Globals::kStrict;
  const Files files = AllFaults()["a function of another module is called"];
  EXPECT_EQ(files.size(), 5u);
  for (const auto& [column, bytes] : files) {
    EXPECT_EQ(LoadMemory(bytes, options).status().code(),
              absl::StatusCode::kPermissionDenied)
        << column;
  }
}

TEST(FaultsTest, LoadsNameUnknownDevices) {
  const Files files = AllFaults()["a device that nobody knows"];
  EXPECT_EQ(files.size(), 5u);
  for (const auto& [column, bytes] : files) {
    const absl::Status status = LoadMemory(bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << column;
    EXPECT_TRUE(absl::StrContains(status.message(), "\"abc\"")) << status;
  }
}

TEST(FaultsTest, WordsAreToldApart) {
  Observation sound;
  sound.outcome = "undamaged";
  EXPECT_TRUE(Is(sound, "read"));
  for (const char* word :
       {"reported", "damaged", "corrupt", "refused", "foreign", "", "none: "}) {
    EXPECT_FALSE(Is(sound, word)) << word;
  }
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
