// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/testing/file_test.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Code = absl::StatusCode;

std::string Read(const RandomAccessFile& bytes, uint64_t offset, size_t size) {
  std::string out(size, '?');
  const absl::Status status =
      bytes.ReadAt(offset, absl::MakeSpan(&out[0], size));
  return status.ok() ? out : std::string(status.message());
}

TEST_F(FileTest, ReadsAnyRange) {
  Put("f", "0123456789");
  auto file = OpenForReading(Path("f"));
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ((*file)->size_bytes(), 10u);
  EXPECT_EQ((*file)->name(), Path("f"));
  EXPECT_EQ((*file)->data(), nullptr);
  EXPECT_EQ(Read(**file, 0, 10), "0123456789");
  EXPECT_EQ(Read(**file, 9, 1), "9");
  EXPECT_EQ(Read(**file, 10, 0), "");
}

TEST_F(FileTest, RefusesWhatLiesPastTheEnd) {
  Put("f", "0123456789");
  const std::string bytes = "0123456789";
  auto file = OpenForReading(Path("f"));
  ASSERT_THAT(file, IsOk());
  const auto memory = MakeMemoryFile(bytes, "<memory>");
  for (const RandomAccessFile* readable : {file->get(), memory.get()}) {
    char out[11];
    const uint64_t max = ~uint64_t{0};
    for (auto [offset, size] : std::vector<std::pair<uint64_t, size_t>>{
             {0, 11}, {10, 1}, {11, 0}, {max, 1}, {max, 0}, {max - 4, 8}}) {
      EXPECT_EQ(readable->ReadAt(offset, absl::MakeSpan(out, size)).code(),
                Code::kDataLoss)
          << readable->name() << " " << offset << " " << size;
    }
  }
  EXPECT_EQ(memory->data(), bytes.data());
  EXPECT_EQ(Read(*memory, 8, 2), "89");
}

TEST_F(FileTest, SaysThatTheFileBecameShorter) {
  Put("f", "0123456789");
  auto file = OpenForReading(Path("f"));
  ASSERT_THAT(file, IsOk());
  ASSERT_EQ(truncate(Path("f").c_str(), 4), 0);
  char out[8];
  const absl::Status status = (*file)->ReadAt(0, absl::MakeSpan(out));
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_NE(status.message().find("shrank"), std::string::npos) << status;
}

TEST_F(FileTest, MapsForReading) {
  Put("in", "0123456789");
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
      OpenForReading(Path("in"), FileMapping::kReadOnly);
  ASSERT_THAT(file, IsOk());
  const std::shared_ptr<void> mapping = (*file)->mapping();
  ASSERT_NE(mapping, nullptr);
  const char* const data = (*file)->data();
  EXPECT_EQ(data, mapping.get());
  file->reset();
  // It lives as long as it is held.
  EXPECT_EQ(std::string(data, 10), "0123456789");
  EXPECT_DEATH(const_cast<char*>(data)[0] = 'x', "");
}

TEST_F(FileTest, MapsCopyOnWrite) {
  Put("in", "0123456789");
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
      OpenForReading(Path("in"), FileMapping::kCopyOnWrite);
  ASSERT_THAT(file, IsOk());
  static_cast<char*>((*file)->mapping().get())[0] = 'x';
  EXPECT_EQ((*file)->data()[0], 'x');
  EXPECT_EQ(Read(**file, 0, 3), "012");
  EXPECT_EQ(Get("in"), "0123456789");
}

TEST_F(FileTest, AnEmptyFileHasNoMapping) {
  Put("in", "");
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
      OpenForReading(Path("in"), FileMapping::kReadOnly);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ((*file)->mapping(), nullptr);
}

TEST_F(FileTest, RefusesToOpenWhatIsNoFile) {
  EXPECT_EQ(OpenForReading("").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(OpenForReading(absl::string_view("a\0b", 3)).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(OpenForReading(Path("missing")).status().code(), Code::kNotFound);
  Put("f", "x");
  EXPECT_EQ(OpenForReading(Path("f/below")).status().code(), Code::kNotFound);
  EXPECT_EQ(OpenForReading(folder_).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(OpenForReading("/dev/null").status().code(),
            Code::kInvalidArgument);
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  // Returns at once, though nobody writes.
  EXPECT_EQ(OpenForReading(Path("pipe")).status().code(),
            Code::kInvalidArgument);
  ASSERT_EQ(symlink("loop", Path("loop").c_str()), 0);
  EXPECT_EQ(OpenForReading(Path("loop")).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(OpenForReading(Path(std::string(300, 'x'))).status().code(),
            Code::kInvalidArgument);
}

TEST_F(FileTest, RefusesToOpenASocket) {
  // By a relative path: the name of a socket must be short.
  char before[4096];
  ASSERT_NE(getcwd(before, sizeof(before)), nullptr);
  ASSERT_EQ(chdir(folder_.c_str()), 0);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "socket");
  const int bound =
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  const absl::Status status = OpenForReading("socket").status();
  close(fd);
  ASSERT_EQ(chdir(before), 0);
  ASSERT_EQ(bound, 0);
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << status;
}

TEST_F(FileTest, RefusesWhatMayNotBeRead) {
  const ScopedOwnerRights scope;
  Put("f", "x");
  ASSERT_EQ(chmod(Path("f").c_str(), 0), 0);
  EXPECT_EQ(OpenForReading(Path("f")).status().code(), Code::kPermissionDenied);
}

TEST(StringSinkTest, Appends) {
  std::string out = "a";
  StringSink sink(&out);
  EXPECT_THAT(sink.Write("b"), IsOk());
  EXPECT_THAT(sink.Write(""), IsOk());
  EXPECT_THAT(sink.Write("cd"), IsOk());
  EXPECT_THAT(sink.Flush(), IsOk());
  EXPECT_EQ(out, "abcd");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
