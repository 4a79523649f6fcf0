// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads, saves and conversions in which one system call fails, for each call
// and several ways to fail. The result is an error or what it is without the
// fault. The target is the old file or the new one, whole; nothing is left
// beside it, and no descriptor stays open.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/testing/system_calls.h"
#include "ferry/runtime/runtime.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// --- Faults ------------------------------------------------------------------

struct Way {
  const char* name;
  Fault fault;
  // Whether all later calls fail, too.
  bool stays = false;
};

// What a program can always get over.
bool IsHarmless(const Way& way) {
  return way.fault.is_short || way.fault.error == EINTR;
}

const Way kWays[] = {
    {"EIO", {EIO}},       {"ENOSPC", {ENOSPC}},
    {"EMFILE", {EMFILE}}, {"EINTR", {EINTR}},
    {"short", {0, true}}, {"EIO from then on", {EIO}, /*stays=*/true},
};

// Lets the n-th call fail that can fail in this way.
class FailingCall : public SystemCallObserver {
 public:
  FailingCall(const Way& way, int n, bool has_nameless_files)
      : way_(way), calls_left_(n), has_nameless_files_(has_nameless_files) {}

  Fault Before(const SystemCall& call) override {
    if (!has_nameless_files_ && (call.flags & O_TMPFILE) == O_TMPFILE &&
        call.name == "openat") {
      return {EOPNOTSUPP};
    }
    const bool moves = call.kind == SystemCall::Kind::kReads ||
                       call.kind == SystemCall::Kind::kWrites;
    if (way_.fault.is_short && (!moves || call.size < 2)) return {};
    // Mapping memory does not wait, so no signal interrupts it.
    if (way_.fault.error == EINTR && call.name == "mmap") return {};
    const int left = --calls_left_;
    if (left > 0 || (left < 0 && !way_.stays)) {
      const bool syncs = call.name == "fsync" || call.name == "sync_file_range";
      return {0, false, /*is_skipped=*/syncs};
    }
    if (call.name == "unlinkat") is_unlink_ = true;
    return way_.fault;
  }

  bool was_reached() const { return calls_left_ <= 0; }
  // Whether removing a file has failed.
  bool is_unlink() const { return is_unlink_; }

 private:
  const Way way_;
  std::atomic<int> calls_left_;
  std::atomic<bool> is_unlink_{false};
  const bool has_nameless_files_;
};

size_t NumDescriptors() { return ListFolder("/proc/self/fd").size(); }

struct Tally {
  int num_faults = 0;
  int num_survived = 0;  // with the result that there is without the fault
};

void Print(absl::string_view what, const Tally& tally) {
  std::cout << what << ": " << tally.num_faults << " faults, "
            << tally.num_survived << " without an effect, "
            << tally.num_faults - tally.num_survived << " errors\n";
}

// --- Checkpoints -------------------------------------------------------------

// With storages that are read and written on several threads, or on one.
Value Sample(uint8_t number, bool is_large) {
  const Value state = Value::Dict();
  for (int i = 0; i < 5; ++i) {
    const std::vector<uint8_t> elements(
        is_large ? size_t{4} << 20 : size_t{2000}, number);
    EXPECT_THAT(
        state.Set(absl::StrCat("weight", i),
                  Value(*Tensor::FromData<uint8_t>(
                      elements, {static_cast<int64_t>(elements.size())}))),
        IsOk());
  }
  return state;
}

// The number in all elements, or -1.
int NumberIn(const Value& state) {
  int number = -1;
  if (state.size() != 5) return -1;
  for (size_t i = 0; i < state.size(); ++i) {
    const absl::StatusOr<Tensor> tensor = state.Entry(i)->second.AsTensor();
    if (!tensor.ok() || tensor->num_elements() == 0) return -1;
    const auto* const elements = static_cast<const uint8_t*>(tensor->data());
    if (number == -1) number = elements[0];
    if (!std::all_of(elements, elements + tensor->num_elements(),
                     [number](uint8_t element) { return element == number; })) {
      return -1;
    }
  }
  return number;
}

struct Form {
  const char* name;
  Container container;
  bool is_large;
};

const Form kForms[] = {
    {"zip", Container::kZip, false},
    {"zip, on several threads", Container::kZip, true},
    {"legacy stream", Container::kLegacy, false},
    {"safetensors", Container::kSafetensors, false},
};

SaveOptions OptionsOf(const Form& form) {
  SaveOptions options;
  options.container = form.container;
  return options;
}

std::string NameOf(const Form& form) {
  return form.container == Container::kSafetensors ? "model.safetensors"
                                                   : "model.pt";
}

// --- Loads -------------------------------------------------------------------

TEST(SystemFaultsTest, ALoadIsRightOrAnError) {
  const std::string folder = NewFolder();
  for (const Form& form : kForms) {
    const std::string path = absl::StrCat(folder, "/", NameOf(form));
    ASSERT_THAT(Save(Sample(7, form.is_large), path, OptionsOf(form)), IsOk());
    for (bool is_mapped : {false, true}) {
      LoadOptions options;
      if (is_mapped) options.mapping = FileMapping::kReadOnly;
      Tally tally;
      for (const Way& way : kWays) {
        for (int n = 1;; ++n) {
          SCOPED_TRACE(absl::StrCat(form.name, is_mapped ? ", mapped" : "",
                                    ": ", way.name, " at call ", n));
          const size_t num_descriptors = NumDescriptors();
          FailingCall call(way, n, true);
          int number = -1;
          absl::Status status;
          {
            const ScopedSystemCallObserver scope(&call);
            const absl::StatusOr<Value> loaded = Load(path, options);
            status = loaded.status();
            if (loaded.ok()) number = NumberIn(*loaded);
          }
          EXPECT_EQ(NumDescriptors(), num_descriptors);
          EXPECT_EQ(number, status.ok() ? 7 : -1);
          if (!call.was_reached() || IsHarmless(way)) {
            EXPECT_THAT(status, IsOk());
          }
          if (!call.was_reached()) break;
          ++tally.num_faults;
          tally.num_survived += status.ok();
        }
      }
      Print(absl::StrCat("load, ", form.name, is_mapped ? ", mapped" : ""),
            tally);
      // A mapped load reads no storage of a legacy stream.
      EXPECT_GT(tally.num_faults, is_mapped ? 29 : 30);
    }
    unlink(path.c_str());
  }
  rmdir(folder.c_str());
}

// --- Scans -------------------------------------------------------------------

// What a scan says is true, or it says that it could not examine the file.
TEST(SystemFaultsTest, AScanIsRightOrHasNotSeenAll) {
  using Verdict = ScanReport::Verdict;
  const std::string folder = NewFolder();
  for (const Form& form : kForms) {
    for (const bool is_evil : {false, true}) {
      if (is_evil && form.container == Container::kSafetensors) continue;
      const Value state = Sample(7, form.is_large);
      if (is_evil) {
        ASSERT_THAT(state.Set("call", Value::Call("posix.getcwd")), IsOk());
      }
      const std::string path = absl::StrCat(folder, "/", NameOf(form));
      ASSERT_THAT(Save(state, path, OptionsOf(form)), IsOk());
      const Verdict expected = is_evil ? Verdict::kFound : Verdict::kClean;
      Tally tally;
      for (const Way& way : kWays) {
        for (int n = 1;; ++n) {
          SCOPED_TRACE(absl::StrCat(form.name, is_evil ? ", evil" : "", ": ",
                                    way.name, " at call ", n));
          const size_t num_descriptors = NumDescriptors();
          FailingCall call(way, n, true);
          ScanReport report;
          {
            const ScopedSystemCallObserver scope(&call);
            const auto file = OpenForReading(path);
            report.status = file.status();
            if (file.ok()) report = ScanFile(**file, ScanOptions());
          }
          EXPECT_EQ(NumDescriptors(), num_descriptors);
          const Verdict verdict = report.verdict();
          EXPECT_TRUE(verdict == expected || verdict == Verdict::kNotExamined)
              << report.Summary();
          EXPECT_EQ(verdict == Verdict::kClean,
                    report.status.ok() && expected == Verdict::kClean);
          if (!call.was_reached() || IsHarmless(way)) {
            EXPECT_EQ(verdict, expected) << report.Summary();
          }
          if (!call.was_reached()) break;
          ++tally.num_faults;
          tally.num_survived += report.status.ok();
        }
      }
      Print(absl::StrCat("scan, ", form.name, is_evil ? ", evil" : ""), tally);
      EXPECT_GT(tally.num_faults, 20);
      unlink(path.c_str());
    }
  }
  rmdir(folder.c_str());
}

// --- Saves and conversions ---------------------------------------------------

enum class Result { kDone, kNotDurable, kFailed };

// Runs `write` with each fault. It writes a new file in place of the old one at
// `path`.
Tally TryEveryFault(const std::string& folder, const std::string& path,
                    bool has_nameless_files,
                    const std::function<Result()>& write) {
  Tally tally;
  const std::string old_bytes = ReadFile(path);
  EXPECT_EQ(write(), Result::kDone);
  const std::string new_bytes = ReadFile(path);
  EXPECT_TRUE(new_bytes != old_bytes);
  for (const Way& way : kWays) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(absl::StrCat(way.name, " at call ", n));
      WriteFile(path, old_bytes);
      const size_t num_descriptors = NumDescriptors();
      FailingCall call(way, n, has_nameless_files);
      Result result = Result::kFailed;
      {
        const ScopedSystemCallObserver scope(&call);
        result = write();
      }
      EXPECT_EQ(NumDescriptors(), num_descriptors);
      EXPECT_TRUE(ReadFile(path) ==
                  (result == Result::kFailed ? old_bytes : new_bytes));
      if (!call.was_reached() || IsHarmless(way)) {
        EXPECT_EQ(result, Result::kDone);
      }
      if (call.is_unlink()) {
        // What could not be removed, the next one removes.
        EXPECT_EQ(write(), Result::kDone);
      }
      EXPECT_EQ(ListFolder(folder).size(), 1u);
      if (!call.was_reached() || testing::Test::HasFailure()) break;
      ++tally.num_faults;
      tally.num_survived += result == Result::kDone;
    }
  }
  return tally;
}

// Whether files without a name can be written.
class SystemFaultsOfWritersTest : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(NamelessFiles, SystemFaultsOfWritersTest,
                         testing::Bool());

TEST_P(SystemFaultsOfWritersTest, ASaveLeavesTheOldFileOrTheNewOne) {
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name);
    const std::string folder = NewFolder();
    const std::string path = absl::StrCat(folder, "/", NameOf(form));
    const Value value = Sample(2, form.is_large);
    WriteFile(path, "the old file");
    const Tally tally =
        TryEveryFault(folder, path, GetParam(), [&value, &path, &form] {
          const absl::Status status = Save(value, path, OptionsOf(form));
          return status.ok()                      ? Result::kDone
                 : IsWrittenButNotDurable(status) ? Result::kNotDurable
                                                  : Result::kFailed;
        });
    Print(absl::StrCat("save, ", form.name), tally);
    EXPECT_GT(tally.num_faults, 100);
    unlink(path.c_str());
    rmdir(folder.c_str());
  }
}

TEST_P(SystemFaultsOfWritersTest, AConversionLeavesTheOldFileOrTheNewOne) {
  for (const char* suffix : {".pt", ".safetensors"}) {
    SCOPED_TRACE(suffix);
    const std::string in_folder = NewFolder();
    const std::string folder = NewFolder();
    const std::string in = absl::StrCat(in_folder, "/in.pt");
    const std::string out = absl::StrCat(folder, "/out", suffix);
    ASSERT_THAT(Save(Sample(3, false), in), IsOk());
    WriteFile(out, "the old file");
    const Tally tally = TryEveryFault(folder, out, GetParam(), [&in, &out] {
      const int exit_code =
          cli::RunFerryForTest({"convert", in, out}).exit_code;
      EXPECT_TRUE(exit_code == 0 || exit_code == 2 || exit_code == 3)
          << exit_code;
      return exit_code == 0   ? Result::kDone
             : exit_code == 3 ? Result::kNotDurable
                              : Result::kFailed;
    });
    Print(absl::StrCat("convert to ", suffix), tally);
    EXPECT_GT(tally.num_faults, 200);
    unlink(in.c_str());
    unlink(out.c_str());
    rmdir(in_folder.c_str());
    rmdir(folder.c_str());
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
