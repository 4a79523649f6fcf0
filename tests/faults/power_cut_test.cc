// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The power fails at any moment of a save. The test records what the save does
// to the file system, and builds from each beginning of that record the states
// that a disk could have: only what was synced is certain. Whatever else of the
// bytes is there, or half there, the path must have the old file or the new
// one, and after the save the new one.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/testing/system_calls.h"
#include "ferry/runtime/runtime.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// --- What a save does --------------------------------------------------------

struct Event {
  enum Kind {
    kWrite,
    kResize,
    kSyncFile,
    kSyncFolder,
    kLink,
    kRename,
    kUnlink
  };
  Kind kind;
  int file = 0;           // 1, 2, ... in the order of creation
  std::string name = "";  // of kLink, kUnlink; of kRename: the old one
  std::string to = "";    // of kRename
  size_t offset = 0;  // of kResize: the new size, which may also be the old one
  std::string bytes = "";
};

// Records the changes to files that are created while it is there.
class Recorder : public SystemCallObserver {
 public:
  explicit Recorder(bool has_nameless_files)
      : has_nameless_files_(has_nameless_files) {}

  Fault Before(const SystemCall& call) override {
    return !has_nameless_files_ && IsNameless(call) ? Fault{EOPNOTSUPP}
                                                    : Fault();
  }

  void After(const SystemCall& call, long result) override {
    if (result < 0) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (call.name == "openat" && call.kind == SystemCall::Kind::kChanges) {
      files_[static_cast<int>(result)] = ++num_files_;
      positions_[num_files_] = 0;
      if (!IsNameless(call)) {
        Add({Event::kLink, num_files_, std::string(call.path)});
      }
    } else if (call.name == "open" && (call.flags & O_DIRECTORY) != 0) {
      folders_.push_back(static_cast<int>(result));
    } else if (call.name == "linkat") {
      int fd = -1;
      absl::string_view number = call.path;
      EXPECT_TRUE(absl::ConsumePrefix(&number, "/proc/self/fd/"));
      EXPECT_TRUE(absl::SimpleAtoi(number, &fd));
      Add({Event::kLink, files_.at(fd), std::string(call.new_path)});
    } else if (call.name == "renameat") {
      Add({Event::kRename, 0, std::string(call.path),
           std::string(call.new_path)});
    } else if (call.name == "unlinkat") {
      Add({Event::kUnlink, 0, std::string(call.path)});
    } else if (call.name == "fsync" &&
               std::count(folders_.begin(), folders_.end(), call.fd) != 0) {
      Add({Event::kSyncFolder});
    } else if (files_.count(call.fd) != 0) {
      OfFile(call, files_[call.fd], static_cast<size_t>(result));
    }
  }

  std::vector<Event> TakeEvents() { return std::move(events_); }

 private:
  static bool IsNameless(const SystemCall& call) {
    return call.name == "openat" && (call.flags & O_TMPFILE) == O_TMPFILE;
  }

  void OfFile(const SystemCall& call, int file, size_t result) {
    if (call.kind == SystemCall::Kind::kWrites) {
      size_t& position = positions_[file];
      const size_t offset =
          call.offset < 0 ? position : static_cast<size_t>(call.offset);
      if (call.offset < 0) position += result;
      Add({Event::kWrite, file, "", "", offset,
           std::string(static_cast<const char*>(call.bytes), result)});
    } else if (call.name == "ftruncate" || call.name == "fallocate") {
      Add({Event::kResize, file, "", "", static_cast<size_t>(call.offset)});
    } else if (call.name == "fsync") {
      Add({Event::kSyncFile, file});
    } else if (call.kind == SystemCall::Kind::kCloses) {
      files_.erase(call.fd);
    }
  }

  void Add(Event event) { events_.push_back(std::move(event)); }

  const bool has_nameless_files_;
  std::mutex mutex_;
  std::map<int, int> files_;  // by descriptor
  std::map<int, size_t> positions_;
  std::vector<int> folders_;
  int num_files_ = 0;
  std::vector<Event> events_;
};

// --- What a disk could have --------------------------------------------------

constexpr uint32_t kSeed = 20240229;
// Up to so many changes that are not synced, all subsets are tried.
constexpr size_t kMaxExhaustive = 10;
constexpr int kNumRandom = 300;

// The file 0 is the old one.
constexpr int kOldFile = 0;
constexpr int kNoFile = -1;

bool IsOfFolder(const Event& event) {
  return event.kind == Event::kLink || event.kind == Event::kRename ||
         event.kind == Event::kUnlink;
}

// A disk after a beginning of the events, and what may be missing on it.
class Disk {
 public:
  Disk(const std::vector<Event>& events, size_t num_done, bool has_old)
      : has_old_(has_old) {
    std::map<std::string, int> names;
    for (size_t i = 0; i < num_done; ++i) {
      const Event& event = events[i];
      if (IsOfFolder(event)) {
        folder_events_.push_back(&event);
        Apply(event, &names);
      } else if (event.kind == Event::kSyncFolder) {
        num_certain_ = folder_events_.size();
      } else if (event.kind == Event::kSyncFile) {
        // Some file systems sync nothing of a file without a name.
        const bool has_name = std::any_of(
            names.begin(), names.end(),
            [&event](const auto& entry) { return entry.second == event.file; });
        File& file = files_[event.file];
        if (has_name) file.num_certain = file.events.size();
      } else {
        files_[event.file].events.push_back(&event);
      }
    }
  }

  // Calls `check` with every file that may be at `name`: its number, and its
  // contents if it is none of the two constants. Stops when it returns false.
  void ForEachState(
      const std::string& name, std::mt19937* random,
      const std::function<bool(int file, const std::string& contents)>& check)
      const {
    // Changes of the folder reach the disk in their order, at any time.
    std::map<std::string, int> names;
    if (has_old_) names[name] = kOldFile;
    for (size_t i = 0; i <= folder_events_.size(); ++i) {
      if (i > 0) Apply(*folder_events_[i - 1], &names);
      if (i < num_certain_) continue;
      const auto found = names.find(name);
      const int file = found == names.end() ? kNoFile : found->second;
      if (file == kNoFile || file == kOldFile) {
        if (!check(file, "")) return;
      } else if (!ForEachContents(file, random, check)) {
        return;
      }
    }
  }

 private:
  struct File {
    std::vector<const Event*> events;
    size_t num_certain = 0;
  };

  static void Apply(const Event& event, std::map<std::string, int>* names) {
    if (event.kind == Event::kLink) (*names)[event.name] = event.file;
    if (event.kind == Event::kRename) {
      (*names)[event.to] = names->at(event.name);
    }
    if (event.kind != Event::kLink) names->erase(event.name);
  }

  // Applies a change, or the first half of it.
  static void Apply(const Event& event, bool is_torn, std::string* contents) {
    if (event.kind == Event::kResize) {
      contents->resize(std::max(event.offset, contents->size()));
      return;
    }
    const size_t size = is_torn ? event.bytes.size() / 2 : event.bytes.size();
    contents->resize(std::max(contents->size(), event.offset + size));
    contents->replace(event.offset, size, event.bytes, 0, size);
  }

  bool ForEachContents(
      int number, std::mt19937* random,
      const std::function<bool(int file, const std::string& contents)>& check)
      const {
    const auto found = files_.find(number);
    const File file = found == files_.end() ? File() : found->second;
    const size_t num_open = file.events.size() - file.num_certain;
    const bool is_exhaustive = num_open <= kMaxExhaustive;
    const int num_states = is_exhaustive ? 1 << num_open : kNumRandom;
    // Each change is whole, missing or torn; those at random in any order.
    for (int state = 0; state < num_states; ++state) {
      for (const bool is_torn : {false, true}) {
        if (is_torn && num_open == 0) continue;
        std::string contents;
        std::vector<const Event*> open;
        for (size_t i = 0; i < file.events.size(); ++i) {
          if (i < file.num_certain) {
            Apply(*file.events[i], false, &contents);
            continue;
          }
          const bool is_there = is_exhaustive
                                    ? (state >> (i - file.num_certain) & 1) != 0
                                    : (*random)() % 2 == 0;
          if (is_there) open.push_back(file.events[i]);
        }
        if (!is_exhaustive) std::shuffle(open.begin(), open.end(), *random);
        for (const Event* event : open) {
          Apply(*event, is_torn && (*random)() % 2 == 0, &contents);
        }
        if (!check(number, contents)) return false;
      }
    }
    return true;
  }

  const bool has_old_;
  std::map<int, File> files_;
  std::vector<const Event*> folder_events_;
  size_t num_certain_ = 0;
};

struct Verdict {
  int num_states = 0;
  std::string fault;  // empty: none
};

// Checks every state after every beginning of the events.
Verdict Check(const std::vector<Event>& events, const std::string& name,
              const std::string& new_bytes, bool has_old) {
  Verdict verdict;
  std::mt19937 random(kSeed);
  for (size_t done = 0; done <= events.size() && verdict.fault.empty();
       ++done) {
    const bool is_over = done == events.size();
    Disk(events, done, has_old)
        .ForEachState(name, &random, [&](int file, const std::string& bytes) {
          ++verdict.num_states;
          const bool is_before =
              file == (has_old ? kOldFile : kNoFile) && !is_over;
          const bool is_after = file > kOldFile && bytes == new_bytes;
          if (!is_before && !is_after) {
            verdict.fault = absl::StrCat(
                "after ", done, " of ", events.size(), " events there is ",
                file == kNoFile    ? "no file"
                : file == kOldFile ? "the old file"
                                   : "an incomplete file");
          }
          return verdict.fault.empty();
        });
  }
  return verdict;
}

// --- Saves -------------------------------------------------------------------

struct Recorded {
  std::vector<Event> events;
  std::string new_bytes;
};

Value Sample(int number) {
  const Value state = Value::Dict();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(state.Set(absl::StrCat("weight", i),
                          Value(*Tensor::FromData<float>(
                              std::vector<float>(300, number + i), {300}))),
                IsOk());
  }
  return state;
}

Recorded Record(Container container, bool has_nameless_files, bool has_old,
                Durability durability = Durability::kFull) {
  const std::string folder = NewFolder();
  const std::string path = absl::StrCat(folder, "/model");
  SaveOptions options;
  options.container = container;
  options.durability = durability;
  if (has_old) {
    EXPECT_THAT(Save(Sample(1), path, options), IsOk());
  }
  const Value value = Sample(2);
  Recorder recorder(has_nameless_files);
  {
    const ScopedSystemCallObserver scope(&recorder);
    EXPECT_THAT(Save(value, path, options), IsOk());
  }
  Recorded recorded{recorder.TakeEvents(), ReadFile(path)};
  unlink(path.c_str());
  rmdir(folder.c_str());
  return recorded;
}

std::vector<Event> Without(const std::vector<Event>& events, Event::Kind kind) {
  std::vector<Event> others;
  for (const Event& event : events) {
    if (event.kind != kind) others.push_back(event);
  }
  return others;
}

TEST(PowerCutTest, LeavesTheOldFileOrTheNewOne) {
  std::cout << "seed " << kSeed << "\n";
  for (Container container :
       {Container::kZip, Container::kLegacy, Container::kSafetensors}) {
    for (bool has_nameless_files : {false, true}) {
      for (bool has_old : {false, true}) {
        const Recorded recorded =
            Record(container, has_nameless_files, has_old);
        const Verdict verdict =
            Check(recorded.events, "model", recorded.new_bytes, has_old);
        EXPECT_EQ(verdict.fault, "");
        std::cout << Name(container)
                  << (has_nameless_files ? ", without a name" : ", named")
                  << (has_old ? ", replaced: " : ", new: ")
                  << recorded.events.size() << " events, " << verdict.num_states
                  << " states\n";
        EXPECT_GT(recorded.events.size(), 5u);
      }
    }
  }
}

// The states are enough to find every sync that is missing or comes too late.
TEST(PowerCutTest, FindsWhatIsNotSynced) {
  for (bool has_nameless_files : {false, true}) {
    for (bool has_old : {false, true}) {
      const auto [events, new_bytes] =
          Record(Container::kZip, has_nameless_files, has_old);
      EXPECT_EQ(Check(Without(events, Event::kSyncFolder), "model", new_bytes,
                      has_old)
                    .fault,
                absl::StrCat("after ", events.size() - 1, " of ",
                             events.size() - 1, " events there is ",
                             has_old ? "the old file" : "no file"));
      EXPECT_TRUE(absl::EndsWith(
          Check(Without(events, Event::kSyncFile), "model", new_bytes, has_old)
              .fault,
          "an incomplete file"));
      const auto is_of = [](Event::Kind kind) {
        return [kind](const Event& event) { return event.kind == kind; };
      };
      // The rename comes before the sync.
      std::vector<Event> late = events;
      const auto sync =
          std::find_if(late.begin(), late.end(), is_of(Event::kSyncFile));
      const auto rename =
          std::find_if(late.begin(), late.end(), is_of(Event::kRename));
      ASSERT_TRUE(sync < rename && rename < late.end());
      std::rotate(sync, rename, rename + 1);
      EXPECT_NE(Check(late, "model", new_bytes, has_old).fault, "");
      if (!has_nameless_files) continue;
      // The sync comes before the file has a name.
      std::vector<Event> early = events;
      const auto link =
          std::find_if(early.begin(), early.end(), is_of(Event::kLink));
      const auto its_sync =
          std::find_if(link, early.end(), is_of(Event::kSyncFile));
      ASSERT_TRUE(its_sync < early.end());
      std::rotate(link, its_sync, its_sync + 1);
      EXPECT_NE(Check(early, "model", new_bytes, has_old).fault, "");
    }
  }
}

// A save that does not wait promises nothing of a power cut, and does not sync.
TEST(PowerCutTest, WithoutDurabilityNothingIsSynced) {
  const auto [events, new_bytes] =
      Record(Container::kZip, true, true, Durability::kNone);
  EXPECT_EQ(
      Without(Without(events, Event::kSyncFile), Event::kSyncFolder).size(),
      events.size());
  EXPECT_NE(Check(events, "model", new_bytes, true).fault, "");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
