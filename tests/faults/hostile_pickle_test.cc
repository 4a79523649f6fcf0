// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Pickles that would run code in Python, or take all memory. Here nothing runs:
// what Python would call is an object in the graph.

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/runtime/runtime.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

absl::StatusOr<Value> LoadPickle(absl::string_view pickle,
                                 const LoadOptions& options = LoadOptions()) {
  return LoadMemory(CheckpointOf(pickle).Build(), options);
}

std::string Str(absl::string_view text) {
  return absl::StrCat(absl::string_view("X"),
                      std::string(1, static_cast<char>(text.size())),
                      std::string(3, '\0'), text);
}

TEST(HostilePickle, RunsNothing) {
  const std::string marker = absl::StrCat(testing::TempDir(), "/it_ran");
  const std::string command = absl::StrCat("touch ", marker);
  ASSERT_LT(command.size(), 256);
  const std::string pickles[] = {
      // os.system(command), under each name that Python has for it.
      absl::StrCat("\x80\x02", "cos\nsystem\n", Str(command), "\x85R."),
      absl::StrCat("\x80\x02", "cposix\nsystem\n", Str(command), "\x85R."),
      absl::StrCat("\x80\x02", "csubprocess\ngetoutput\n", Str(command),
                   "\x85R."),
      // eval, by a class's __new__, and as protocol 0 writes it.
      absl::StrCat("\x80\x02", "c__builtin__\neval\n",
                   Str("__import__('os').system('true')"), "\x85\x81."),
      absl::StrCat("(S'", command, "'\nios\nsystem\n."),
  };
  for (const std::string& pickle : pickles) {
    const absl::StatusOr<Value> value = LoadPickle(pickle);
    ASSERT_THAT(value, IsOk());
    EXPECT_EQ(value->kind(), ValueKind::kObject);
    EXPECT_THAT(value->GlobalName(),
                testing::AnyOf("os.system", "posix.system",
                               "subprocess.getoutput", "builtins.eval"));
    const absl::StatusOr<Value> arguments = value->Arguments();
    ASSERT_THAT(arguments, IsOk());
    EXPECT_EQ(arguments->size(), 1);
    EXPECT_NE(access(marker.c_str(), F_OK), 0) << "the command has run";
    // It is saved as it was.
    EXPECT_THAT(
        *SaveToString(*value),
        HasSubstr(pickle.find("eval") != std::string::npos ? "eval" : command));
  }
  // The check would see it.
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(access(marker.c_str(), F_OK), 0);
}

TEST(HostilePickle, CodeIsNoTensorsBusiness) {
  // A rebuild function that is given the result of a call.
  const absl::StatusOr<Value> value = LoadPickle(absl::StrCat(
      "\x80\x02", "ctorch._utils\n_rebuild_tensor_v2\n(cos\n", "system\n",
      Str("true"), "\x85RK", std::string(1, '\0'), "))\x89}tR."));
  EXPECT_EQ(value.status().code(), absl::StatusCode::kDataLoss)
      << value.status();
}

TEST(HostilePickle, BillionLaughs) {
  // Each list holds the one before it ten times: 10^30 items, 30 lists.
  std::string pickle = "\x80\x02]q";
  pickle.push_back('\0');
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&pickle, "](");
    for (int k = 0; k < 10; ++k) {
      pickle.push_back('h');
      pickle.push_back(static_cast<char>(i));
    }
    absl::StrAppend(&pickle, "eq");
    pickle.push_back(static_cast<char>(i + 1));
  }
  pickle.push_back('.');
  const absl::StatusOr<Value> value = LoadPickle(pickle);
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->size(), 10);
  EXPECT_LT(SaveToString(*value)->size(), 10000);
}

TEST(HostilePickle, DeepNesting) {
  // Many lists, each in the next: nothing here recurses.
  const int depth = 300000;
  const std::string pickle = absl::StrCat("\x80\x02", std::string(depth, ']'),
                                          std::string(depth - 1, 'a'), ".");
  const absl::StatusOr<Value> value = LoadPickle(pickle);
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->size(), 1);
  EXPECT_THAT(SaveToString(*value), IsOk());
  Value copy = Value::List();
  EXPECT_THAT(copy.Append(*value), IsOk());
}

TEST(HostilePickle, LimitsBoundTheGraph) {
  const std::string pickle = absl::StrCat("\x80\x02", std::string(10000, ']'),
                                          std::string(9999, 'a'), ".");
  LoadOptions options;
  options.budget.max_memory_bytes = 100000;
  absl::Status status = LoadPickle(pickle, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  options = LoadOptions();
  options.budget.max_steps = 5000;
  status = LoadPickle(pickle, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  options = LoadOptions();
  options.max_tensor_bytes = 15;
  status = LoadPickle(SmallPickle(), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST(HostilePickle, HugeSizesAllocateNothing) {
  // A storage of 2^31 elements, and of more bytes than 64 bits count, over a
  // record of 16 bytes.
  for (absl::string_view numel :
       {absl::string_view("J\xFF\xFF\xFF\x7F", 5),
        absl::string_view("\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 10),
        absl::string_view("\x8A\x09\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00", 11),
        absl::string_view("J\xFF\xFF\xFF\xFF", 5)}) {
    const absl::Status status =
        LoadPickle(SmallPickleWith(absl::string_view("q\x06K\x04", 4),
                                   absl::StrCat("q\x06", numel)))
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  }
  // Text, bytes and an integer that claim to be longer than the file.
  for (absl::string_view opcode :
       {absl::string_view("X\xFF\xFF\xFF\x7F", 5),
        absl::string_view("\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 9),
        absl::string_view("B\xFF\xFF\xFF\xFF", 5),
        absl::string_view("\x8E\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9),
        absl::string_view("\x96\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9),
        absl::string_view("\x8B\xFF\xFF\xFF\x7F", 5),
        absl::string_view("\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9)}) {
    const absl::Status status =
        LoadPickle(absl::StrCat("\x80\x05", opcode, "x.")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  }
  // A memo entry far away.
  const absl::StatusOr<Value> value =
      LoadPickle(absl::string_view("\x80\x02]r\xFF\xFF\xFF\xFF.", 9));
  EXPECT_THAT(value, IsOk());
}

TEST(HostilePickle, EveryPrefixIsAnError) {
  const std::string pickle = SmallPickle();
  for (size_t size = 0; size < pickle.size(); ++size) {
    const absl::Status status =
        LoadPickle(absl::string_view(pickle).substr(0, size)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss)
        << size << ": " << status;
  }
}

// Whatever a pickle is, with checksums that are right.
TEST(HostilePickle, BytesChanged) {
  const std::string pickle = SmallPickle();
  LoadOptions options;
  options.max_tensor_bytes = 1 << 20;
  options.placement = Placement::kHost;
  int loaded = 0;
  for (size_t i = 0; i < pickle.size(); ++i) {
    for (int byte = 0; byte < 256; byte += 17) {
      std::string copy = pickle;
      copy[i] = static_cast<char>(byte);
      const absl::StatusOr<Value> value = LoadPickle(copy, options);
      if (!value.ok()) {
        EXPECT_FALSE(value.status().message().empty());
        continue;
      }
      ++loaded;
      // What cannot be saved is an error as well.
      SaveToString(*value).IgnoreError();
    }
  }
  EXPECT_GT(loaded, 20);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
