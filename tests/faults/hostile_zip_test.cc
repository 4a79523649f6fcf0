// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Zip archives that contradict themselves, or that only some programs would
// write: each is an error that says why, or loads as it should.

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/runtime/runtime.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/tests/faults/message_rules.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The elements of "w" of a checkpoint, or the error.
absl::StatusOr<std::vector<float>> LoadW(
    absl::string_view bytes, const LoadOptions& options = LoadOptions()) {
  const absl::StatusOr<Value> value = LoadMemory(bytes, options);
  if (!value.ok()) return value.status();
  const absl::StatusOr<Value> w = value->Get("w");
  if (!w.ok()) return w.status();
  const absl::StatusOr<Tensor> tensor = w->AsTensor();
  if (!tensor.ok()) return tensor.status();
  std::vector<float> elements(tensor->num_elements());
  std::memcpy(elements.data(), tensor->data(), elements.size() * sizeof(float));
  return elements;
}

using Change = std::function<void(ZipBuilder*)>;

std::string Changed(const Change& change) {
  ZipBuilder zip = SmallCheckpoint();
  change(&zip);
  return zip.Build();
}

void ExpectLoads(const char* name, const Change& change) {
  const absl::StatusOr<std::vector<float>> w = LoadW(Changed(change));
  ASSERT_THAT(w, IsOk()) << name << ": " << w.status();
  EXPECT_THAT(*w, ElementsAre(0, 1, 2, 3)) << name;
}

void ExpectError(const char* name, absl::StatusCode code, const char* says,
                 const Change& change) {
  const absl::Status status = LoadW(Changed(change)).status();
  EXPECT_EQ(status.code(), code) << name << ": " << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(says)) << name;
  EXPECT_EQ(BrokenMessageRule(status.message()), "") << name << ": " << status;
}

void ExpectDataLoss(const char* name, const char* says, const Change& change) {
  ExpectError(name, absl::StatusCode::kDataLoss, says, change);
}

void ExpectUnimplemented(const char* name, const char* says,
                         const Change& change) {
  ExpectError(name, absl::StatusCode::kUnimplemented, says, change);
}

TEST(HostileZip, TheBuilderItselfIsRight) {
  ExpectLoads("as it is", [](ZipBuilder*) {});
  ExpectLoads("zip64", [](ZipBuilder* zip) { zip->has_zip64_end = true; });
}

// --- Names -------------------------------------------------------------------

TEST(HostileZip, Names) {
  ExpectDataLoss("twice", "another record", [](ZipBuilder* zip) {
    zip->Add("my.model/data/0", SmallStorage());
  });
  ExpectDataLoss("twice but for case", "another record", [](ZipBuilder* zip) {
    zip->Add("my.model/DATA/0", SmallStorage());
  });
  for (const char* name :
       {"my.model/../x", "../x", "..", "/etc/passwd", "a\\b", ""}) {
    ExpectDataLoss(name, "which is unsafe or malformed",
                   [name](ZipBuilder* zip) { zip->Add(name, "x"); });
  }
  ExpectDataLoss("NUL", "which is unsafe or malformed", [](ZipBuilder* zip) {
    zip->Add(absl::string_view("a\0b", 3), "x");
  });
  ExpectLoads("dots that lead nowhere", [](ZipBuilder* zip) {
    zip->Add("my.model/a..b", "x");
    zip->Add("my.model/...", "x");
  });
  ExpectDataLoss(
      "another name in the local header", "another name", [](ZipBuilder* zip) {
        zip->record("my.model/data/0").local_name = "my.model/data/1";
      });
  ExpectDataLoss("another name in a small record's header", "another name",
                 [](ZipBuilder* zip) {
                   zip->record("my.model/version").local_name =
                       "my.model/versiom";
                 });
}

TEST(HostileZip, OtherRecords) {
  ExpectLoads("what other programs add", [](ZipBuilder* zip) {
    zip->Add("__MACOSX/my.model/._data.pkl", "x");
    zip->Add("my.model/.DS_Store", "x");
    zip->Add("my.model/data/", "");
    zip->Add("my.model/data/17", "unused");
  });
  ExpectDataLoss("two checkpoints", "several checkpoints", [](ZipBuilder* zip) {
    zip->Remove("my.model/data.pkl");
    zip->Add("a/data.pkl", SmallPickle());
    zip->Add("b/data.pkl", SmallPickle());
  });
  ExpectDataLoss(
      "one more checkpoint", "several checkpoints",
      [](ZipBuilder* zip) { zip->Add("other/data.pkl", SmallPickle()); });
  ExpectLoads("a file of the same name further in", [](ZipBuilder* zip) {
    zip->Add("my.model/extra/data.pkl", "x");
  });
  for (const char* name : {"my.model/BYTEORDER", "my.model/.data/Version"}) {
    ExpectDataLoss(name, "spelt with capitals",
                   [name](ZipBuilder* zip) { zip->Add(name, "big"); });
  }
  // torch.jit.load would read it as a program.
  ExpectDataLoss(
      "constants in capitals", "spelt with capitals",
      [](ZipBuilder* zip) { zip->Add("my.model/CONSTANTS.PKL", "x"); });
  ExpectDataLoss("no pickle", "data.pkl",
                 [](ZipBuilder* zip) { zip->Remove("my.model/data.pkl"); });
  ExpectDataLoss("no storage", "data/0",
                 [](ZipBuilder* zip) { zip->Remove("my.model/data/0"); });
  ExpectDataLoss("no version", "version",
                 [](ZipBuilder* zip) { zip->Remove("my.model/version"); });
}

// PyTorch reads the pickle in the folder of the first record, and takes
// capitals for small letters. Another one must not be what Ferry shows.
TEST(HostileZip, ThePickleThatPyTorchReads) {
  for (const char* evil : {"a/DATA.PKL", "a/Data.pkl"}) {
    ZipBuilder zip;
    zip.Add(evil, "cos\nsystem\n(S'true'\ntR.");
    zip.Add("b/data.pkl", SmallPickle());
    zip.Add("b/data/0", SmallStorage());
    zip.Add("b/version", "3\n");
    const absl::Status status = LoadW(zip.Build()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << evil;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("spelt with capitals"));
  }
  // Here both read the same.
  ZipBuilder zip;
  zip.Add("A/x", "");
  zip.Add("a/data.pkl", SmallPickle());
  zip.Add("a/data/0", SmallStorage());
  zip.Add("a/version", "3\n");
  EXPECT_THAT(LoadW(zip.Build()), IsOk());
}

TEST(HostileZip, ForeignRecordsFirst) {
  // A program that packs the folder anew may list others before.
  ZipBuilder zip;
  zip.Add("__MACOSX/._my.model", "x");
  zip.Add("my.model/data.pkl", SmallPickle());
  zip.Add("my.model/data/0", SmallStorage());
  zip.Add("my.model/version", "3\n");
  const absl::StatusOr<std::vector<float>> w = LoadW(zip.Build());
  ASSERT_THAT(w, IsOk());
  EXPECT_THAT(*w, ElementsAre(0, 1, 2, 3));
}

TEST(HostileZip, NoFolder) {
  ZipBuilder zip;
  zip.Add("data.pkl", SmallPickle());
  zip.Add("data/0", SmallStorage());
  zip.Add("version", "3\n");
  const absl::StatusOr<std::vector<float>> w = LoadW(zip.Build());
  ASSERT_THAT(w, IsOk());
}

// --- Extents -----------------------------------------------------------------

TEST(HostileZip, Extents) {
  ExpectDataLoss("two records at one place", "does not fit",
                 [](ZipBuilder* zip) {
                   zip->record("my.model/data/0").header_offset = 0;
                 });
  ExpectDataLoss("inside another", "does not fit", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").header_offset = 40;
  });
  ExpectDataLoss("past the end", "does not fit", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").header_offset = 1 << 20;
  });
  ExpectDataLoss("far past the end", "does not fit", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").header_offset = UINT64_MAX - 10;
  });
  for (uint64_t size :
       {uint64_t{17}, uint64_t{1} << 31, uint64_t{1} << 62, UINT64_MAX}) {
    ExpectDataLoss("too large", "does not fit", [size](ZipBuilder* zip) {
      ZipBuilderRecord& record = zip->record("my.model/version");
      record.size_bytes = record.stored_bytes = size + (1 << 20);
      if (size == UINT64_MAX) record.size_bytes = record.stored_bytes = size;
    });
  }
  ExpectDataLoss("a local extra field that reaches too far",
                 "into the next record", [](ZipBuilder* zip) {
                   std::string* header =
                       &zip->record("my.model/data/0").local_extra;
                   *header = std::string(8, '\0');
                   zip->record("my.model/data/0").stored.resize(8);
                 });
  ExpectDataLoss("no local header", "no local header", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").local_signature = 0x04034B51;
  });
  ExpectDataLoss("a record that is only listed", "", [](ZipBuilder* zip) {
    zip->Add("my.model/data/1", "x").is_only_listed = true;
  });
}

TEST(HostileZip, Zip64) {
  ExpectDataLoss("no zip64 field", "no zip64 field", [](ZipBuilder* zip) {
    ZipBuilderRecord& record = zip->record("my.model/data/0");
    record.size_bytes = record.stored_bytes = 0xFFFFFFFF;
    record.extra = "";
  });
  ExpectDataLoss("a short zip64 field", "no zip64 field", [](ZipBuilder* zip) {
    ZipBuilderRecord& record = zip->record("my.model/data/0");
    record.size_bytes = record.stored_bytes = 0xFFFFFFFF;
    record.extra = std::string(
        "\x01\x00\x08\x00"
        "12345678",
        12);
  });
  ExpectDataLoss("a field that is cut short", "no zip64 field",
                 [](ZipBuilder* zip) {
                   ZipBuilderRecord& record = zip->record("my.model/data/0");
                   record.size_bytes = record.stored_bytes = 0xFFFFFFFF;
                   record.extra = std::string("\x01\x00\x40\x00", 4);
                 });
  ExpectLoads("fields of others", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").extra = std::string(
        "UT\x05\x00\x03"
        "1234",
        9);
  });
  ExpectDataLoss("other counts", "disagree", [](ZipBuilder* zip) {
    zip->has_zip64_end = true;
    zip->zip64_num_entries = 4;
  });
  ExpectDataLoss("another length", "damaged", [](ZipBuilder* zip) {
    zip->has_zip64_end = true;
    zip->zip64_end_bytes = UINT64_MAX;
  });
  ExpectUnimplemented("several disks", "several disks", [](ZipBuilder* zip) {
    zip->has_zip64_end = true;
    zip->zip64_disks = 2;
  });
}

TEST(HostileZip, EndRecord) {
  ExpectUnimplemented("several disks", "several disks",
                      [](ZipBuilder* zip) { zip->disk = 1; });
  ExpectDataLoss(
      "a record on another disk", "another disk",
      [](ZipBuilder* zip) { zip->record("my.model/data/0").disk = 1; });
  ExpectDataLoss("more records than there are", "cut short",
                 [](ZipBuilder* zip) { zip->num_entries = 4; });
  ExpectDataLoss("far more records", "bytes for",
                 [](ZipBuilder* zip) { zip->num_entries = 60000; });
  ExpectDataLoss("fewer records", "its records take",
                 [](ZipBuilder* zip) { zip->num_entries = 2; });
  ExpectDataLoss("a directory that is too large", "does not fit",
                 [](ZipBuilder* zip) { zip->directory_bytes = 1 << 20; });
  ExpectDataLoss("a directory that is too small", "",
                 [](ZipBuilder* zip) { zip->directory_bytes = 100; });
  ExpectDataLoss("a directory past the end", "does not fit",
                 [](ZipBuilder* zip) { zip->directory_offset = 1 << 20; });
}

void ExpectInvalid(const char* name, const char* says, const Change& change) {
  ExpectError(name, absl::StatusCode::kInvalidArgument, says, change);
}

TEST(HostileZip, LeadingAndTrailingBytes) {
  ExpectLoads("a comment", [](ZipBuilder* zip) { zip->comment = "hello"; });
  ExpectLoads("bytes after it",
              [](ZipBuilder* zip) { zip->trailing = std::string(1000, 'x'); });
  // The last end record counts, as for PyTorch, whatever it says.
  ExpectUnimplemented("a comment that looks like an end record",
                      "several disks", [](ZipBuilder* zip) {
                        zip->comment =
                            absl::StrCat("PK\x05\x06", std::string(18, '\xFF'));
                      });
  ExpectDataLoss(
      "too many bytes after it", "no end record",
      [](ZipBuilder* zip) { zip->trailing = std::string(70000, 'x'); });
  ExpectInvalid("bytes before it",
                "begins at offset 15 and other bytes before it",
                [](ZipBuilder* zip) { zip->leading = "#!/bin/sh\nexit\n"; });
  ExpectInvalid("bytes on both sides", "begins at offset 100000",
                [](ZipBuilder* zip) {
                  zip->leading = std::string(100000, 'x');
                  zip->trailing = std::string(1000, 'x');
                });
}

TEST(HostileZip, SeveralArchives) {
  ZipBuilder other = SmallCheckpoint();
  other.record("my.model/data/0").stored.replace(0, 4, "\0\0\x80\x3f", 4);
  other.record("my.model/data/0").crc32 = 0;
  const std::string first = SmallCheckpoint().Build();
  const std::string second = other.Build();
  const std::string both = first + second;
  const absl::Status status = LoadW(both).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("at offsets 0, ", first.size(), ";")));
  // Each of them can be had.
  LoadOptions options;
  options.size_bytes = first.size();
  absl::StatusOr<std::vector<float>> w = LoadW(both, options);
  ASSERT_THAT(w, IsOk());
  EXPECT_THAT(*w, ElementsAre(0, 1, 2, 3));
  options.offset_bytes = first.size();
  options.size_bytes = second.size();
  w = LoadW(both, options);
  ASSERT_THAT(w, IsOk());
  EXPECT_THAT(*w, ElementsAre(1, 1, 2, 3));
  options.size_bytes = second.size() + 1;
  EXPECT_EQ(LoadW(both, options).status().code(),
            absl::StatusCode::kInvalidArgument);
  // Of many, some are named.
  std::string many;
  for (int i = 0; i < 20; ++i) many += first;
  EXPECT_THAT(std::string(LoadW(many).status().message()),
              HasSubstr(absl::StrCat("at offsets such as ", 4 * first.size(),
                                     ", ", 5 * first.size(), ",")));
}

TEST(HostileZip, TheZip64LocatorIsChecked) {
  // Python's zipfile and PyTorch read the end record that it points to.
  ZipBuilder zip = SmallCheckpoint();
  zip.has_zip64_end = true;
  std::string bytes = zip.Build();
  bytes[bytes.size() - 22 - 20 + 8] ^= 1;
  const absl::Status status = LoadW(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("zip64 locator says"));
}

TEST(HostileZip, FoldersWithContents) {
  std::string bytes = SmallCheckpoint().Build();
  // The external attributes of the first entry of the directory.
  const size_t entry = bytes.find("PK\x01\x02");
  bytes[entry + 38] = 0x10;
  const absl::Status status = LoadW(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("is a folder, but has contents"));
}

// --- Contents ----------------------------------------------------------------

TEST(HostileZip, Compression) {
  ExpectUnimplemented("encrypted", "encrypted", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").flags |= 1;
  });
  ExpectUnimplemented("strongly encrypted", "encrypted", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").flags |= 1 << 6;
  });
  for (uint16_t method : {1, 9, 12, 14, 93, 95, 99}) {
    ExpectUnimplemented("method", "compressed by method",
                        [method](ZipBuilder* zip) {
                          zip->record("my.model/data/0").method = method;
                        });
  }
  ExpectDataLoss("stored with two sizes", "two different sizes",
                 [](ZipBuilder* zip) {
                   zip->record("my.model/data/0").stored_bytes = 15;
                 });
  ExpectDataLoss(
      "another method in the local header", "another compression",
      [](ZipBuilder* zip) { zip->record("my.model/data/0").local_method = 8; });
}

ZipBuilder DeflatedCheckpoint() {
  ZipBuilder zip;
  zip.AddDeflated("my.model/data.pkl", SmallPickle());
  zip.AddDeflated("my.model/data/0", SmallStorage());
  zip.AddDeflated("my.model/version", "3\n");
  return zip;
}

TEST(HostileZip, DeflatedRecordsLoad) {
  const absl::StatusOr<std::vector<float>> w =
      LoadW(DeflatedCheckpoint().Build());
  ASSERT_THAT(w, IsOk());
  EXPECT_THAT(*w, ElementsAre(0, 1, 2, 3));
}

TEST(HostileZip, DeflatedRecordsThatLie) {
  const auto expect_data_loss = [](const char* says, const Change& change) {
    ZipBuilder zip = DeflatedCheckpoint();
    change(&zip);
    const absl::Status status = LoadW(zip.Build()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(says));
  };
  for (const char* name : {"my.model/data/0", "my.model/data.pkl"}) {
    // Inflates to more, to less, and to far less.
    expect_data_loss(
        "", [&](ZipBuilder* zip) { zip->record(name).size_bytes -= 1; });
    expect_data_loss(
        "", [&](ZipBuilder* zip) { zip->record(name).size_bytes += 1; });
    expect_data_loss("", [&](ZipBuilder* zip) {
      zip->record(name).size_bytes = uint64_t{1} << 31;
    });
    // Not a deflate stream, one that is cut short, one with bytes after it.
    expect_data_loss("", [&](ZipBuilder* zip) {
      for (char& c : zip->record(name).stored) c = '\xFF';
    });
    expect_data_loss("", [&](ZipBuilder* zip) {
      ZipBuilderRecord& record = zip->record(name);
      record.stored.resize(record.stored.size() - 2);
      record.stored_bytes = record.stored.size();
    });
    expect_data_loss("", [&](ZipBuilder* zip) {
      ZipBuilderRecord& record = zip->record(name);
      record.stored += "junk";
      record.stored_bytes = record.stored.size();
    });
    expect_data_loss("CRC-32",
                     [&](ZipBuilder* zip) { zip->record(name).crc32 ^= 1; });
  }
}

TEST(HostileZip, DeflateBomb) {
  // 16 MiB of zeros in 16 KiB, as a storage that is larger than what the pickle
  // asks for, and as a pickle.
  const std::string zeros(16 << 20, '\0');
  ExpectDataLoss("a storage", "bytes in the pickle", [&](ZipBuilder* zip) {
    zip->Remove("my.model/data/0");
    zip->AddDeflated("my.model/data/0", zeros);
  });

  ZipBuilder bomb;
  bomb.AddDeflated("a/data.pkl", zeros);
  bomb.Add("a/version", "3\n");
  LoadOptions options;
  options.budget.max_memory_bytes = 1 << 20;
  const absl::Status status = LoadW(bomb.Build(), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST(HostileZip, Checksums) {
  ExpectDataLoss("a storage's", "CRC-32", [](ZipBuilder* zip) {
    zip->record("my.model/data/0").stored[0] = 1;
  });
  ExpectDataLoss("the pickle's", "CRC-32", [](ZipBuilder* zip) {
    zip->record("my.model/data.pkl").crc32 ^= 1;
  });
  ExpectDataLoss("the version's", "CRC-32", [](ZipBuilder* zip) {
    zip->record("my.model/version").stored = "4\n";
  });
  ExpectLoads("none recorded", [](ZipBuilder* zip) {
    for (const char* name :
         {"my.model/data.pkl", "my.model/data/0", "my.model/version"}) {
      zip->record(name).crc32 = 0;
    }
  });
  LoadOptions options;
  options.verify_crc32 = false;
  const absl::StatusOr<std::vector<float>> w =
      LoadW(Changed([](ZipBuilder* zip) {
              zip->record("my.model/data/0").crc32 ^= 1;
            }),
            options);
  ASSERT_THAT(w, IsOk());
}

TEST(HostileZip, StorageSizes) {
  for (size_t size : {0, 1, 15}) {
    ExpectDataLoss("shorter than the pickle says", "bytes in the pickle",
                   [size](ZipBuilder* zip) {
                     zip->Remove("my.model/data/0");
                     zip->Add("my.model/data/0",
                              SmallStorage().substr(0, size));
                   });
  }
  // As PyTorch up to 2.9 writes a storage that is no multiple of its elements.
  for (size_t more : {1, 3, 4, 100}) {
    const auto longer = [more](ZipBuilder* zip) {
      zip->Remove("my.model/data/0");
      zip->Add("my.model/data/0",
               absl::StrCat(SmallStorage(), std::string(more, 'x')));
    };
    if (more < sizeof(float)) {
      ExpectLoads("longer", longer);
    } else {
      ExpectDataLoss("longer by an element", "bytes in the pickle", longer);
    }
  }
  ExpectDataLoss("longer, damaged past the end", "CRC-32", [](ZipBuilder* zip) {
    zip->Remove("my.model/data/0");
    zip->Add("my.model/data/0", absl::StrCat(SmallStorage(), "end"))
        .stored.back() = 'X';
  });
}

TEST(HostileZip, ByteOrder) {
  ExpectLoads("little", [](ZipBuilder* zip) {
    zip->Add("my.model/byteorder", "little");
  });
  for (const char* text : {"", "Little", "little\n", "middle", "bigger"}) {
    ExpectDataLoss(
        text, "should be \"little\" or \"big\"",
        [text](ZipBuilder* zip) { zip->Add("my.model/byteorder", text); });
  }
  ExpectDataLoss("no word", "should be a word", [](ZipBuilder* zip) {
    zip->Add("my.model/byteorder", std::string(10000, 'l'));
  });
  ExpectLoads("big", [](ZipBuilder* zip) {
    std::string storage = SmallStorage();
    for (size_t i = 0; i < storage.size(); i += 4) {
      std::swap(storage[i], storage[i + 3]);
      std::swap(storage[i + 1], storage[i + 2]);
    }
    zip->Remove("my.model/data/0");
    zip->Add("my.model/data/0", storage);
    zip->Add("my.model/byteorder", "big");
  });
}

TEST(HostileZip, Version) {
  const auto with_version = [](const std::string& text) {
    return [text](ZipBuilder* zip) {
      zip->Remove("my.model/version");
      zip->Add("my.model/version", text);
    };
  };
  for (const char* text : {"1\n", "3", "3\n", "10\n"}) {
    ExpectLoads(text, with_version(text));
  }
  for (const char* text :
       {"", "\n", "abc", " 3", "3abc", "-1", "+3", "3 4", "0x3", "3\n\n"}) {
    ExpectDataLoss(text, "should be a number", with_version(text));
  }
  for (const char* text : {"0", "11\n", "2000000000\n"}) {
    ExpectUnimplemented(text, "version", with_version(text));
  }
  ExpectDataLoss("no word", "should be a word",
                 with_version(std::string(1000, '3')));
  ExpectLoads("at its other place", [](ZipBuilder* zip) {
    zip->Remove("my.model/version");
    zip->Add("my.model/.data/version", "6\n");
  });
}

TEST(HostileZip, RecordsThatAreNotThere) {
  const std::string bytes = SmallCheckpoint().Build();
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(bytes);
  ASSERT_THAT(checkpoint, IsOk());
  const absl::Status status = checkpoint->ReadRecord("verison").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(
      std::string(status.message()),
      "<memory>: there is no record \"verison\"; did you mean \"version\"?");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
