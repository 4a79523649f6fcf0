// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What people give a loader by mistake, and what they are told.

#include <sys/stat.h>

#include <fstream>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string WriteFile(absl::string_view name, absl::string_view contents) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name);
  std::ofstream(path, std::ios::binary) << contents;
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
  const absl::Status status = LoadStatus(WriteFile("empty.pt", ""));
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

TEST(NotACheckpoint, IsNamedByWhatItLooksLike) {
  const Mistake mistakes[] = {
      {"text", "weights: 1 2 3\n", absl::StatusCode::kDataLoss,
       "not a PyTorch checkpoint"},
      {"random", Random(), absl::StatusCode::kDataLoss,
       "not a PyTorch checkpoint"},
      {"one_byte", "P", absl::StatusCode::kDataLoss,
       "not a PyTorch checkpoint"},
      {"html", "<!DOCTYPE html><html>404</html>",
       absl::StatusCode::kInvalidArgument, "web page"},
      {"gzip", absl::HexStringToBytes("1f8b0800000000000003"),
       absl::StatusCode::kInvalidArgument, "gunzip"},
      {"lfs",
       "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
       absl::StatusCode::kInvalidArgument, "git lfs pull"},
      {"tar", Tar(), absl::StatusCode::kDataLoss, "checksum"},
      {"cut_legacy",
       absl::HexStringToBytes("80028a0a6cfc9c46f9206aa850192e80024de9032e"),
       absl::StatusCode::kDataLoss, "sys_info"},
      {"cut_pickle", absl::HexStringToBytes("80024b01"),
       absl::StatusCode::kDataLoss, "cut short"},
      {"preview", absl::StrCat("PYTORCH1", std::string(56, '\0')),
       absl::StatusCode::kUnimplemented, "preview release"},
      {"7z", absl::HexStringToBytes("377abcaf271c0004"),
       absl::StatusCode::kInvalidArgument, "7z"},
      {"hdf5", absl::HexStringToBytes("894844460d0a1a0a"),
       absl::StatusCode::kInvalidArgument, "HDF5"},
      {"numpy", absl::StrCat("\x93", "NUMPY\x01"),
       absl::StatusCode::kInvalidArgument, "NumPy"},
      // Begins with the opcodes of a pickle, and is none.
      {"pickle_text", "N. B.: not a model\n", absl::StatusCode::kDataLoss,
       "not a PyTorch checkpoint"},
      {"safetensors", absl::StrCat(std::string("\x09\0\0\0\0\0\0\0", 8), "{}"),
       absl::StatusCode::kDataLoss, "the safetensors header of 9 bytes is cut"},
      {"empty_zip", absl::StrCat("PK\x05\x06", std::string(18, '\0')),
       absl::StatusCode::kDataLoss, "no record data.pkl"},
      {"cut_zip", absl::StrCat("PK\x03\x04", std::string(60, '\0')),
       absl::StatusCode::kDataLoss, "cut short"},
  };
  for (const Mistake& mistake : mistakes) {
    const absl::Status status =
        LoadStatus(WriteFile(mistake.name, mistake.contents));
    EXPECT_EQ(status.code(), mistake.code) << mistake.name << ": " << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(mistake.says), HasSubstr(mistake.name)));
    EXPECT_EQ(LoadMemory(mistake.contents).status().code(), mistake.code);
  }
}

}  // namespace
}  // namespace ferry
