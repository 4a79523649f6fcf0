// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Messages stay short, whatever text of the file they quote. Each text of each
// sample is made very long in turn, and everything that can fail is tried.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load_into.h"
#include "ferry/serialization/pickle/opcode_shape.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/state_dict.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/value/value.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using pickle::OpcodeShape;
using pickle::Operands;
using pickle::ShapeOf;

// A message quotes a few texts, each shortened to 200 bytes, whose escapes may
// take four bytes for one.
constexpr size_t kMostMessageBytes = 4096;

const std::string& LongText() {
  static const std::string* const text = new std::string(50000, 'x');
  return *text;
}
// Longer names of classes are refused at once.
constexpr size_t kGlobalBytes = 4000;

// The end of the opcode that begins at `at`, with its operands.
size_t EndOfOpcode(absl::string_view pickle, size_t at) {
  const OpcodeShape shape = ShapeOf(static_cast<unsigned char>(pickle[at]));
  size_t end = at + 1;
  if (shape.operands == Operands::kFixed) return end + shape.size;
  if (shape.operands == Operands::kLines) {
    for (int i = 0; i < shape.size; ++i) end = pickle.find('\n', end) + 1;
    return end;
  }
  uint64_t size = 0;
  for (int i = 0; i < shape.size; ++i) {
    size |= uint64_t{static_cast<unsigned char>(pickle[end + i])} << 8 * i;
  }
  return end + shape.size + size;
}

std::string Counted(char opcode, absl::string_view text) {
  std::string bytes(1, opcode);
  Append32(static_cast<uint32_t>(text.size()), &bytes);
  return absl::StrCat(bytes, text);
}

// What may stand instead of an opcode: the same with longer text.
std::vector<std::string> Lengthened(absl::string_view opcode) {
  const OpcodeShape shape = ShapeOf(static_cast<unsigned char>(opcode[0]));
  if (shape.operands == Operands::kCounted) {
    const std::string text =
        absl::StrCat(opcode.substr(1 + shape.size), LongText());
    switch (static_cast<unsigned char>(opcode[0])) {
      case pickle::kShortBinString:
      case pickle::kBinString:
        return {Counted(pickle::kBinString, text)};
      case pickle::kShortBinBytes:
      case pickle::kBinBytes:
        return {Counted(pickle::kBinBytes, text)};
      case pickle::kShortBinUnicode:
      case pickle::kBinUnicode:
        return {Counted(pickle::kBinUnicode, text)};
      default:
        return {};
    }
  }
  const absl::string_view body = opcode.substr(0, opcode.size() - 1);
  switch (static_cast<unsigned char>(opcode[0])) {
    case pickle::kUnicode:
    case pickle::kPersId:
      return {absl::StrCat(body, LongText(), "\n")};
    case pickle::kString:
      return {absl::StrCat(body.substr(0, body.size() - 1), LongText(),
                           body.substr(body.size() - 1), "\n")};
    case pickle::kGlobal: {
      const size_t line = body.find('\n');
      const std::string more(kGlobalBytes - body.size(), 'x');
      return {absl::StrCat(body, more, "\n"),
              absl::StrCat(body.substr(0, line), more, body.substr(line), "\n"),
              absl::StrCat(body.substr(0, line), ".", more, body.substr(line),
                           more, "\n")};
    }
    default:
      return {};
  }
}

// Calls `visit` with `num_pickles` pickles, each time with one text
// lengthened, followed by the rest of `bytes`.
void ForEachLengthening(absl::string_view bytes, int num_pickles,
                        const std::function<void(const std::string&)>& visit) {
  size_t at = 0;
  std::string before;  // without frames, whose sizes would be wrong
  std::vector<std::pair<size_t, std::string>> edits;  // of `before`
  std::vector<size_t> replaced;
  while (num_pickles > 0) {
    const size_t end = EndOfOpcode(bytes, at);
    const absl::string_view opcode = bytes.substr(at, end - at);
    const auto code = static_cast<unsigned char>(opcode[0]);
    for (std::string& longer : Lengthened(opcode)) {
      edits.emplace_back(before.size(), std::move(longer));
      replaced.push_back(opcode.size());
    }
    if (code != pickle::kFrame) absl::StrAppend(&before, opcode);
    if (code == pickle::kStop) --num_pickles;
    at = end;
  }
  absl::StrAppend(&before, bytes.substr(at));
  for (size_t i = 0; i < edits.size(); ++i) {
    const absl::string_view whole = before;
    visit(absl::StrCat(whole.substr(0, edits[i].first), edits[i].second,
                       whole.substr(edits[i].first + replaced[i])));
  }
}

class LongTextTest : public testing::Test {
 protected:
  // Checks what is said about a file.
  void Check(absl::string_view where, const std::string& bytes) {
    ++num_files_;
    LoadOptions strict;
    strict.globals = Globals::kStrict;
    CheckStatus(where, "open strictly",
                Checkpoint::OpenMemory(bytes, strict).status());
    absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(bytes);
    CheckStatus(where, "open", checkpoint.status());
    if (absl::StrContains(checkpoint.status().message(), "the location \"")) {
      ++num_long_locations_;
    }
    const absl::StatusOr<Checkpoint::FileVerdict> verdict =
        Checkpoint::VerifyFile(MakeMemoryFile(bytes, "<memory>"));
    ASSERT_THAT(verdict, IsOk());
    CheckStatus(where, "verify", verdict->opens);
    if (!checkpoint.ok()) return;
    for (const std::string& warning : checkpoint->warnings()) {
      CheckText(where, "warning", warning);
    }
    CheckStatus(where, "load", checkpoint->LoadAll());
    CheckStatus(where, "state dict", StateDict(checkpoint->root()).status());
    CheckStatus(where, "at", checkpoint->root().At("/no/such").status());
    LoadIntoOptions lenient;
    lenient.strict = false;
    CheckStatus(where, "load into",
                LoadInto(*checkpoint, {}, lenient).status());
    for (const Container container :
         {Container::kZip, Container::kLegacy, Container::kSafetensors}) {
      for (const int protocol : {0, 2, 4}) {
        SaveOptions options;
        options.container = container;
        options.pickle_protocol = protocol;
        CheckStatus(where, "save",
                    SaveToString(checkpoint->root(), options).status());
      }
    }
  }

  int num_files() const { return num_files_; }
  // Files that were refused because of the location of a storage.
  int num_long_locations() const { return num_long_locations_; }

 private:
  static void CheckStatus(absl::string_view where, absl::string_view what,
                          const absl::Status& status) {
    CheckText(where, what, status.message());
  }
  static void CheckText(absl::string_view where, absl::string_view what,
                        absl::string_view text) {
    EXPECT_LE(text.size(), kMostMessageBytes)
        << where << ", " << what << ": " << text.substr(0, 500);
  }

  int num_files_ = 0;
  int num_long_locations_ = 0;
};

TEST_F(LongTextTest, OfTheObjectsOfAnArchive) {
  for (absl::string_view version : {"pytorch-1.13", "pytorch-2.14"}) {
    const std::string folder = absl::StrCat("tests/data/fixtures/", version);
    for (const std::string& name : ListFolder(folder)) {
      const std::string path = absl::StrCat(folder, "/", name);
      const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path);
      ASSERT_THAT(checkpoint, IsOk());
      const absl::StatusOr<Checkpoint::FileVerdict> verdict =
          Checkpoint::VerifyFile(path);
      ASSERT_THAT(verdict, IsOk());
      const std::string prefix =
          absl::StrCat(checkpoint->info().archive_name, "/");
      ForEachLengthening(
          *checkpoint->ReadRecord("data.pkl"), 1,
          [&](const std::string& pickle) {
            ZipBuilder zip;
            for (const RecordVerdict& record : verdict->records) {
              const std::string own = record.record.substr(prefix.size());
              zip.Add(record.record, own == "data.pkl"
                                         ? pickle
                                         : *checkpoint->ReadRecord(own));
            }
            Check(path, zip.Build());
          });
    }
  }
  EXPECT_GT(num_files(), 500);
  EXPECT_GT(num_long_locations(), 0);
}

TEST_F(LongTextTest, OfTheNamesOfAnArchive) {
  const std::string path = "tests/data/training_checkpoint.pt";
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path);
  ASSERT_THAT(checkpoint, IsOk());
  const absl::StatusOr<Checkpoint::FileVerdict> verdict =
      Checkpoint::VerifyFile(path);
  ASSERT_THAT(verdict, IsOk());
  const size_t prefix_bytes = checkpoint->info().archive_name.size() + 1;
  for (size_t longer = 0; longer < verdict->records.size(); ++longer) {
    // A long name, or a long folder of one record or of all.
    for (const absl::string_view where : {"name", "folder", "all"}) {
      ZipBuilder zip;
      for (size_t i = 0; i < verdict->records.size(); ++i) {
        const std::string& name = verdict->records[i].record;
        const std::string own = name.substr(prefix_bytes);
        std::string written = name;
        if (where == "all" || (i == longer && where == "folder")) {
          written = absl::StrCat(LongText(), "/", own);
        } else if (i == longer) {
          written = absl::StrCat(name, LongText());
        }
        std::string contents = *checkpoint->ReadRecord(own);
        if (where == "all" && i == longer) contents = LongText();
        zip.Add(written, contents);
      }
      Check(path, zip.Build());
    }
  }
}

TEST_F(LongTextTest, OfAStream) {
  for (const absl::string_view name :
       {"module.p0.pt", "module.p2.pt", "module.p4.pt", "views.pt"}) {
    const std::string path = absl::StrCat("tests/data/old/", name);
    // The magic number, two of the header, the objects, the keys.
    ForEachLengthening(ReadFile(path), 5,
                       [&](const std::string& bytes) { Check(path, bytes); });
  }
  const std::string path = "tests/data/old/tensors.pickle";
  ForEachLengthening(ReadFile(path), 1,
                     [&](const std::string& bytes) { Check(path, bytes); });
  EXPECT_GT(num_files(), 100);
  EXPECT_GT(num_long_locations(), 0);
}

TEST_F(LongTextTest, OfATarArchive) {
  const std::string path = "tests/data/old/tensors.tar";
  const std::string bytes = ReadFile(path);
  constexpr size_t kBlock = 512;
  // Replaces the member whose header is at `at`.
  const auto with_member = [&bytes](size_t at, size_t old_size,
                                    std::string contents) {
    std::string header = bytes.substr(at, kBlock);
    header.replace(124, 12, absl::StrFormat("%011o", contents.size()) + '\0');
    header.replace(148, 8, "        ");
    unsigned sum = 0;
    for (char c : header) sum += static_cast<unsigned char>(c);
    header.replace(148, 8,
                   absl::StrFormat("%06o", sum) + std::string("\0 ", 2));
    contents.resize((contents.size() + kBlock - 1) / kBlock * kBlock);
    return absl::StrCat(
        bytes.substr(0, at), header, contents,
        bytes.substr(at + kBlock + (old_size + kBlock - 1) / kBlock * kBlock));
  };
  for (size_t at = 0; at + kBlock < bytes.size() && bytes[at] != '\0';) {
    const std::string size_text = bytes.substr(at + 124, 11);
    const size_t size = std::strtoul(size_text.c_str(), nullptr, 8);
    const bool is_pickle = absl::StartsWith(bytes.substr(at, 100), "pickle");
    const bool is_file = size != 0;
    if (is_file &&
        bytes.substr(at, 100).find("sys_info") == std::string::npos) {
      // Of the others only the first two pickles come before raw numbers.
      ForEachLengthening(bytes.substr(at + kBlock, size), is_pickle ? 1 : 2,
                         [&](const std::string& member) {
                           Check(path, with_member(at, size, member));
                         });
    }
    at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
  EXPECT_GT(num_files(), 3);
  EXPECT_GT(num_long_locations(), 0);
}

TEST_F(LongTextTest, OfASafetensorsHeader) {
  const std::string path = "tests/data/safetensors/dtypes.safetensors";
  const std::string bytes = ReadFile(path);
  const uint64_t header_bytes = Load64(bytes.data());
  const std::string header = bytes.substr(8, header_bytes);
  const std::string data = bytes.substr(8 + header_bytes);
  for (size_t at = 0; at < header.size(); ++at) {
    if (header[at] != '"') continue;
    std::string longer = header;
    longer.insert(at, LongText());
    std::string file;
    Append64(longer.size(), &file);
    Check(path, absl::StrCat(file, longer, data));
    longer.insert(at + LongText().size(), "\\u0000\\n");
    file.clear();
    Append64(longer.size(), &file);
    Check(path, absl::StrCat(file, longer, data));
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
