// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What people give a loader by mistake, and what they are told.

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/hex.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/runtime/runtime.h"
#include "ferry/serialization/testing/counted_bytes.h"
#include "ferry/serialization/testing/foreign_samples.h"
#include "ferry/tests/faults/message_rules.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string WriteTestFile(absl::string_view name, absl::string_view contents) {
  std::string path = absl::StrCat(testing::TempDir(), "/", name);
  WriteFile(path, contents);
  return path;
}

absl::Status LoadStatus(absl::string_view path) { return Load(path).status(); }

TEST(NotACheckpoint, Missing) {
  const absl::Status status = LoadStatus("/no/such/file.pt");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/file.pt"));
}

TEST(NotACheckpoint, Directory) {
  const absl::Status status = LoadStatus(testing::TempDir());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("directory"));
}

TEST(NotACheckpoint, NoPath) { EXPECT_FALSE(LoadStatus("").ok()); }

TEST(NotACheckpoint, NotARegularFile) {
  EXPECT_EQ(LoadStatus("/dev/null").code(), absl::StatusCode::kInvalidArgument);
}

TEST(NotACheckpoint, Fifo) {
  // Opening one must not wait for a writer.
  const std::string path = absl::StrCat(testing::TempDir(), "/fifo");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(LoadStatus(path).code(), absl::StatusCode::kInvalidArgument);
}

TEST(NotACheckpoint, Empty) {
  const absl::Status status = LoadStatus(WriteTestFile("empty.pt", ""));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("empty.pt"), HasSubstr("is empty")));
}

struct Mistake {
  const char* name;
  std::string contents;
  absl::StatusCode code;
  const char* says;
};

std::string Tar() {
  std::string tar(1024, '\0');
  tar.replace(0, 4, "file");
  tar.replace(257, 8, std::string("ustar\00000", 8));
  return tar;
}

std::string Random() {
  std::mt19937 random(7);
  std::string bytes;
  for (int i = 0; i < 4096; ++i) bytes.push_back(static_cast<char>(random()));
  return bytes;
}

// Everything that a file can be opened by says the same of it.
void ExpectOpens(const std::string& name, const std::string& bytes,
                 absl::StatusCode code, bool is_not_a_checkpoint,
                 const testing::Matcher<std::string>& says) {
  SCOPED_TRACE(name);
  const std::string path = WriteTestFile(name, bytes);
  MemorySource source(bytes);
  const absl::StatusOr<Checkpoint::FileVerdict> verdict =
      Checkpoint::VerifyFile(path);
  ASSERT_THAT(verdict, IsOk());
  for (const absl::Status& status :
       {Load(path).status(), LoadMemory(bytes).status(), Load(source).status(),
        Checkpoint::Open(path).status(), Checkpoint::OpenMemory(bytes).status(),
        verdict->opens}) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(IsNotACheckpoint(status), is_not_a_checkpoint) << status;
    EXPECT_THAT(std::string(status.message()), says);
    EXPECT_EQ(BrokenMessageRule(status.message()), "") << status;
  }
  EXPECT_THAT(std::string(verdict->opens.message()), HasSubstr(path));
  using Outcome = Checkpoint::FileVerdict::Outcome;
  EXPECT_EQ(verdict->outcome(), is_not_a_checkpoint ? Outcome::kNotACheckpoint
                                : code == absl::StatusCode::kDataLoss
                                    ? Outcome::kDamaged
                                    : Outcome::kUnknown);
}

TEST(NotACheckpoint, OtherFormatsAreNamedWithWhatToDo) {
  for (const ForeignSample& sample : ForeignSamples()) {
    ExpectOpens(sample.name, sample.bytes, absl::StatusCode::kInvalidArgument,
                true,
                AllOf(HasSubstr(absl::StrCat(" is ", sample.format)),
                      HasSubstr(", not a PyTorch checkpoint; "),
                      HasSubstr(sample.advice)));
  }
}

TEST(NotACheckpoint, OtherFormatsOfPyTorchAreNamed) {
  for (const ForeignSample& sample : UnsupportedSamples()) {
    ExpectOpens(sample.name, sample.bytes, absl::StatusCode::kUnimplemented,
                false,
                AllOf(HasSubstr(sample.format), HasSubstr(sample.advice)));
  }
}

TEST(NotACheckpoint, PartsOfOtherFormatsAreErrors) {
  for (const ForeignSample& sample : ForeignSamples()) {
    if (sample.name == "text_of_opcodes") continue;  // "N." is a pickle
    for (size_t size = 0; size < std::min<size_t>(sample.bytes.size(), 600);
         ++size) {
      ASSERT_FALSE(LoadMemory(sample.bytes.substr(0, size)).ok())
          << sample.name << ", " << size;
    }
  }
}

// Reads bytes that outlive it.
class Borrowed final : public RandomAccessFile {
 public:
  explicit Borrowed(const RandomAccessFile& bytes) : bytes_(bytes) {}

  absl::string_view name() const override { return bytes_.name(); }
  uint64_t size_bytes() const override { return bytes_.size_bytes(); }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    return bytes_.ReadAt(offset_bytes, out);
  }

 private:
  const RandomAccessFile& bytes_;
};

TEST(NotACheckpoint, LittleIsReadOfOtherFormats) {
  for (const ForeignSample& sample : ForeignSamples()) {
    // A text may be a pickle, or an index, to its end.
    if (absl::StartsWith(sample.name, "text") ||
        absl::StartsWith(sample.name, "shard")) {
      continue;
    }
    const std::string tail(1 << 22, 'x');
    const CountedBytes counted(sample.bytes + tail);
    Checkpoint::Open(std::make_unique<Borrowed>(counted)).IgnoreError();
    EXPECT_LT(counted.bytes_read(), 1 << 18) << sample.name;
  }
}

TEST(NotACheckpoint, FilesInArchivesAreReadInPlace) {
  for (const ForeignSample& sample : ForeignSamples()) {
    const std::string message(LoadMemory(sample.bytes).status().message());
    unsigned long begin = 0;  // NOLINT(google-runtime-int)
    unsigned long end = 0;    // NOLINT(google-runtime-int)
    const size_t range = message.find("--range=");
    if (range == std::string::npos) continue;
    ASSERT_EQ(std::sscanf(&message[range], "--range=%lu:%lu", &begin, &end), 2);
    LoadOptions options;
    options.offset_bytes = begin;
    options.size_bytes = end - begin;
    EXPECT_THAT(LoadMemory(sample.bytes, options), IsOk()) << message;
    // Offsets count from the file that the user named.
    options.offset_bytes = 7;
    options.size_bytes = sample.bytes.size();
    EXPECT_THAT(
        std::string(
            LoadMemory("1234567" + sample.bytes, options).status().message()),
        HasSubstr(absl::StrCat("--range=", begin + 7, ":", end + 7)));
  }
}

TEST(NotACheckpoint, FoldersAreNamed) {
  struct Folder {
    std::vector<std::string> files;
    const char* says;
  };
  const Folder folders[] = {
      {{".metadata", "__0_0.distcp"}, "dcp_to_torch"},
      {{"zero_to_fp32.py", "latest"}, "DeepSpeed"},
      {{"saved_model.pb"}, "TensorFlow"},
      {{"data.pkl", "version"}, "zip -0 -r"},
      {{"b.pt", "readme.md", "a.safetensors"},
       "open one of its files: \"a.safetensors\", \"b.pt\""},
      {{"readme.md"}, "directory"},
  };
  for (const Folder& folder : folders) {
    const std::string path = NewFolder();
    for (const std::string& file : folder.files) {
      WriteFile(absl::StrCat(path, "/", file), "x");
    }
    for (const absl::Status& status :
         {Load(path).status(), Checkpoint::VerifyFile(path).status()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_TRUE(IsNotACheckpoint(status));
      EXPECT_THAT(std::string(status.message()),
                  AllOf(HasSubstr(path), HasSubstr(folder.says)));
    }
  }
}

TEST(NotACheckpoint, IsNamedByWhatItLooksLike) {
  const Mistake mistakes[] = {
      {"random", Random(), absl::StatusCode::kDataLoss,
       "not a PyTorch checkpoint"},
      {"one_byte", "P", absl::StatusCode::kDataLoss,
       "not a PyTorch checkpoint"},
      {"tar", Tar(), absl::StatusCode::kDataLoss, "checksum"},
      {"cut_legacy", BytesFromHex("80028a0a6cfc9c46f9206aa850192e80024de9032e"),
       absl::StatusCode::kDataLoss, "sys_info"},
      {"cut_pickle", BytesFromHex("80024b01"), absl::StatusCode::kDataLoss,
       "cut short"},
      {"safetensors", absl::StrCat(std::string("\x09\0\0\0\0\0\0\0", 8), "{}"),
       absl::StatusCode::kDataLoss, "the safetensors header of 9 bytes is cut"},
      {"zeros", std::string(4096, '\0'), absl::StatusCode::kDataLoss,
       "its first 512 bytes are zeros"},
      {"pickle_0", "(dp0\nVweight\np1\nL12", absl::StatusCode::kDataLoss,
       "like a pickle of protocol 0"},
      {"cut_zip", absl::StrCat("PK\x03\x04", std::string(60, '\0')),
       absl::StatusCode::kDataLoss, "cut short"},
  };
  for (const Mistake& mistake : mistakes) {
    ExpectOpens(mistake.name, mistake.contents, mistake.code,
                std::string(mistake.name) == "random", HasSubstr(mistake.says));
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
