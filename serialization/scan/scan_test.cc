// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/scan.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/testing/counted_bytes.h"
#include "ferry/serialization/testing/tar_member.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::HasSubstr;
using Verdict = ScanReport::Verdict;

// Bytes that may contain NUL.
#define BYTES(literal) std::string(literal, sizeof(literal) - 1)

const std::string& Evil() {
  static const auto* const evil =
      new std::string("cposix\nsystem\n(S'id'\ntR.");
  return *evil;
}

// A pickle that `weights_only` allows.
const std::string& Good() {
  static const auto* const good =
      new std::string(BYTES("\x80\x02"
                            "ccollections\nOrderedDict\n)R."));
  return *good;
}

ScanReport Scan(absl::string_view bytes,
                const ScanOptions& options = ScanOptions()) {
  return ScanFile(*MakeMemoryFile(bytes, "counted"), options);
}

// One line for each finding, then one for each problem.
std::string Describe(const ScanReport& report) {
  std::string text;
  for (const ScanFinding& finding : report.findings) {
    absl::StrAppend(&text, Name(finding.grade), " [", finding.record, "] ",
                    finding.global, ": ", finding.detail);
    for (const ScanUse& use : finding.uses) {
      absl::StrAppend(&text, ", ", use.use, " ", use.count);
    }
    absl::StrAppend(&text, "\n");
  }
  for (const std::string& problem : report.problems) {
    absl::StrAppend(&text, "problem ", problem, "\n");
  }
  if (!report.status.ok()) absl::StrAppend(&text, report.status.message());
  return text;
}

// A checkpoint as PyTorch writes it, but for what a test changes.
ZipBuilder Checkpoint(absl::string_view pickle = Good()) {
  ZipBuilder zip;
  zip.Add("archive/data.pkl", pickle);
  zip.Add("archive/version", "3\n");
  zip.Add("archive/data/0", "0123456789abcdef");
  return zip;
}

std::string Changed(const std::function<void(ZipBuilder*)>& change) {
  ZipBuilder zip = Checkpoint();
  change(&zip);
  return zip.Build();
}

std::string LittleEndian(uint64_t number) {
  std::string bytes(8, '\0');
  std::memcpy(&bytes[0], &number, 8);
  return bytes;
}

std::string Tar(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [name, contents] : files) {
    tar += TarMember(name, '0', contents);
  }
  tar.resize((tar.size() / 10240 + 1) * 10240);
  return tar;
}

const std::string& LegacyMagic() {
  static const auto* const magic = new std::string(
      BYTES("\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8P\x19."));
  return *magic;
}

// A legacy stream in which one of the five pickles may be another one.
std::string Legacy(int replaced = -1, const std::string& pickle = "") {
  std::string pickles[5] = {LegacyMagic(), BYTES("\x80\x02M\xe9\x03."),
                            BYTES("\x80\x02}."), BYTES("\x80\x02}."),
                            BYTES("\x80\x02].")};
  if (replaced >= 0) pickles[replaced] = pickle;
  return absl::StrCat(pickles[0], pickles[1], pickles[2], pickles[3],
                      pickles[4]);
}

std::string Safetensors() {
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],)"
                             R"("data_offsets":[0,1]}} )";
  return absl::StrCat(LittleEndian(header.size()), header, "x");
}

std::string BinBytes(absl::string_view contents) {
  return absl::StrCat("B", LittleEndian(contents.size()).substr(0, 4),
                      contents);
}

// `contents` as Python writes bytes below protocol 3.
std::string EncodedBytes(absl::string_view contents) {
  std::string text;
  for (const char c : contents) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) text += static_cast<char>(0xC0 | byte >> 6);
    text += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3F));
  }
  return absl::StrCat("X", LittleEndian(text.size()).substr(0, 4), text);
}

// `contents` in a frame.
std::string Framed(absl::string_view contents) {
  return absl::StrCat("\x95", LittleEndian(contents.size()), contents);
}

// A pickle whose frame ends inside a text. Python drops the two bytes of the
// text inside the frame, so that its text ends two bytes later, before the evil
// opcodes. They are a text for a reader that ignores frames.
std::string OutOfStep() {
  return absl::StrCat(
      "\x80\x04", Framed(absl::StrCat("X", BYTES("\x0A\0\0\0"), "ZZ")),
      "AAAAAAAAC", std::string(1, char(Evil().size())), Evil(), "00}.");
}

// A header of pax attributes.
std::string Pax(const std::string& attributes) {
  return TarMember("p", 'x', attributes);
}

constexpr char kSystem[] =
    "dangerous [] posix.system: it runs commands, or changes files and "
    "processes, imported 1, called 1\n";

TEST(ScanTest, FindsEachTrick) {
  const std::string evil_proto = BYTES("\x80\x02") + Evil();
  const std::string system_in_data =
      absl::StrCat("dangerous [archive/data.pkl] ", kSystem + 13);
  const auto in = [](absl::string_view record) {
    return absl::StrCat("dangerous [", record, "] posix.system");
  };
  const struct {
    const char* name;
    std::string bytes;
    std::string finds;
  } tricks[] = {
      // Pickles.
      {"protocol 0", Evil(), kSystem},
      {"protocol 2", evil_proto, kSystem},
      {"result dropped", BYTES("\x80\x02}cposix\nsystem\n(S'id'\ntR0."),
       "called 1, result dropped 1"},
      {"an error after the call", BYTES("cposix\nsystem\n(S'id'\ntR\xff"),
       kSystem},
      {"cut short after the call", "cposix\nsystem\n(S'id'\ntR", kSystem},
      {"a second pickle", BYTES("\x80\x02}.") + Evil(), kSystem},
      {"bytes after STOP", BYTES("\x80\x02}.zzz"),
       "odd [] : 3 bytes follow the STOP of the pickle, at offset 4"},
      {"a name from texts", BYTES("\x80\x04\x8c\x05posix\x8c\x06system\x93."),
       "posix.system"},
      {"a computed name",
       BYTES("\x80\x04"
             "ca\nb\n)R\x8c\x06system\x93."),
       "dangerous [] ?.system: computed name"},
      {"a dotted name",
       BYTES("\x80\x04\x8c\x13torch.serialization\x8c\x09os.system\x93."),
       "dangerous [] torch.serialization.os.system"},
      {"a module that is changed", BYTES("ctorch.serialization\nos\n}b."),
       "dangerous [] torch.serialization.os: the pickle changes the class or "
       "module itself"},
      {"an alias of Python 2",
       BYTES("\x80\x02"
             "c__builtin__\neval\n."),
       "dangerous [] builtins.eval: it evaluates Python code"},
      {"a class from a persistent id",
       Legacy(3, BYTES("\x80\x02"
                       "ca\nB\n\x85Q)\x81.")),
       "unknown [] persistent id: the pickle calls what the loader returns"},
      {"an extension", BYTES("\x80\x02\x82\x01)R."),
       "dangerous [] copyreg extension 1"},
      {"a result that is called", BYTES("ccollections\nOrderedDict\n)R)R."),
       "unknown [] collections.OrderedDict: the pickle calls what it returns"},
      {"an allowed class that is changed",
       BYTES("ctorch\nTensor\n}S'a'\nI1\nsb."),
       "dangerous [] torch.Tensor: the pickle changes the class"},
      {"a state for an unknown class", BYTES("ca\nB\n)R}b."),
       "unknown [] a.B: it is not on the list that weights_only allows, "
       "imported 1, called 1, state set 1"},
      {"a function that is called by way of __setstate__",
       BYTES("ccollections\nOrderedDict\n)R}S'__setstate__'\n"
             "cposix\nsystem\nsbS'id'\nb."),
       "dangerous [] posix.system"},
      {"an extension that the pickle registers itself",
       BYTES("ccopyreg\nadd_extension\n(S'os'\nS'system'\nI1\ntR0\x82\1."),
       "dangerous [] copyreg.add_extension"},
      {"names in far and overwritten entries of the memo",
       BYTES("S'a'\nr\xFF\xFF\xFF\x7F"
             "S'posix'\nr\xFF\xFF\xFF\x7F"
             "0S'system'\n\x94"
             "00j\xFF\xFF\xFF\x7Fh\1\x93."),
       "dangerous [] posix.system"},
      {"a pickle in bytes",
       BYTES("\x80\x03"
             "ca\nB\n") +
           BinBytes(evil_proto) + "\x85R.",
       in("bytes at 12")},
      {"a pickle in the text of bytes",
       BYTES("\x80\x02"
             "ca\nB\n") +
           EncodedBytes(evil_proto) + "\x85R.",
       in("bytes at 12")},
      {"an archive in bytes",
       BYTES("\x80\x03"
             "ca\nB\n") +
           BinBytes(Checkpoint(Evil()).Build()) + "\x85R.",
       in("bytes at 12 > archive/data.pkl")},
      {"a pickle in a string of Python 2",
       BYTES("ca\nB\n(S'\\x80\\x02cposix\\nsystem\\n)R.'\ntR."),
       in("bytes at 7")},
      {"a pickle in an escaped text",
       BYTES("ca\nB\n(V\\u0080\x02"
             "cposix\\u000asystem\\u000a)R.\ntR."),
       in("bytes at 7")},
      {"a class from a persistent id that is changed",
       Legacy(3, BYTES("\x80\x02"
                       "ca\nB\n\x85Q}b.")),
       "dangerous [] persistent id: the pickle changes what the loader"},
      {"a computed name in bytes that are no pickle",
       BYTES("N0\x8c\x01x\x8c\x01y\x86\x8c\x06system\x93)R\xff"),
       "dangerous [] ?.system: computed name"},
      {"an evil pickle after a harmless one", "N." + Evil(), kSystem},
      {"a pickle behind a long frame",
       "\x80\x04" + Framed("}.zzzz") + "\x80\x02" + Evil(), in("bytes at 17")},
      // Legacy streams.
      {"a magic number of many bytes",
       BYTES("L119547037146038801333356L\n") + std::string(70, '2') +
           std::string(70, '0') + "." + BYTES("I1001\n.}.") + Evil() + "].",
       kSystem},
      {"a legacy stream behind a long frame",
       LegacyMagic().substr(0, 14) + Framed(".zz") +
           Legacy(3, evil_proto).substr(15),
       in("bytes at 26")},
      {"the magic number", Legacy(0, evil_proto), kSystem},
      {"the version", Legacy(1, evil_proto), kSystem},
      {"the machine", Legacy(2, evil_proto), kSystem},
      {"the objects", Legacy(3, evil_proto), kSystem},
      {"the keys", Legacy(4, evil_proto), kSystem},
      {"a second stream", Legacy() + Legacy(3, evil_proto),
       "bytes follow the legacy stream"},
      {"a second stream's call", Legacy() + Legacy(3, evil_proto),
       "] posix.system"},
      // Tar archives.
      {"a tar archive", Tar({{"pickle", Evil()}}), in("pickle")},
      {"storages of a tar archive",
       Tar({{"storages", BYTES("I1\n.") +
                             "(I1\nS'cpu'\nctorch\nFloatStorage\nt." +
                             LittleEndian(1) + "1234" + Evil()}}),
       in("storages")},
      {"tensors of a tar archive",
       Tar({{"tensors", "I1\n.(I1\nI2\nctorch\nFloatTensor\nt." +
                            std::string("\1\0\0\0", 4) + std::string(28, '\0') +
                            Evil()}}),
       in("tensors")},
      {"storages in a folder",
       Tar({{"./storages", BYTES("I1\n.") +
                               "(I1\nS'cpu'\nctorch\nFloatStorage\nt." +
                               LittleEndian(1) + "1234" + Evil()}}),
       in("./storages")},
      {"a tar archive that begins like an empty zip archive",
       [] {
         std::string tar = Tar({{"PK\x05\x06", ""}, {"pickle", Evil()}});
         // The comment of the zip archive is the rest of the file.
         tar[20] = static_cast<char>((tar.size() - 22) & 0xFF);
         tar[21] = static_cast<char>((tar.size() - 22) >> 8);
         return WithTarChecksum(tar);
       }(),
       in("pickle")},
      {"a tar archive that begins like a zip archive",
       Tar({{"PK\x03\x04", ""}, {"pickle", Evil()}}), in("pickle")},
      {"a tar archive that is a zip archive",
       Tar({{"PK\x03\x04", ""}, {"pickle", "}."}}),
       "odd [] : the file is a zip archive and a tar archive at once"},
      {"a member that climbs out", Tar({{"../../x", "abc"}}),
       "odd [../../x] : its name leads out"},
      {"a name in two fields without a magic string",
       [] {
         std::string tar = Tar({{"x", "abc"}});
         tar.replace(257, 8, 8, '\0');
         tar.replace(345, 2, "..");
         return WithTarChecksum(tar);
       }(),
       "odd [../x] : its name leads out"},
      {"a member with two names",
       Pax("17 path=storages\n") + Pax("12 path=abc\n") + Tar({{"x", "a"}}),
       "odd [] : the tar header at offset 1024 gives the next member a second "
       "name, which readers understand in several ways"},
      {"a member before a header that Python takes for the end",
       Tar({{"pickle", Evil()}}).substr(0, 1024) + TarHeader("x", 99),
       in("pickle")},
      // Python takes the first for a folder without contents.
      {"a folder with contents in old versions",
       TarHeader("x", 6, 'L') + TarPadded("notes") +
           TarHeader("x/", 1024, '\0') + Tar({{"pickle", Evil()}}),
       "odd [] : the tar header at offset 1024 describes a file with the name "
       "of a folder"},
      {"a long name that goes on in the padding",
       TarHeader("x", 4, 'L') + TarPadded("pickle") + Tar({{"x", Evil()}}),
       "odd [] : the tar header at offset 0 has attributes that go on in the "
       "padding"},
      {"a file and a folder of one name",
       TarHeader("pickle", 0, '5') + Tar({{"pickle", "}."}}),
       "odd [pickle] : another member has the same name"},
      {"a persistent id before the call",
       Tar({{"x", "\x80\x02U\x01\x32Q0" + Evil()}}), in("x")},
      {"a persistent id at first", Tar({{"x", "P2\n0" + Evil()}}), in("x")},
      {"a frame that is longer than the file",
       BYTES("\x95\xE8\3\0\0\0\0\0\0") + Evil(), kSystem},
      {"such a frame later", BYTES("I1\n0\x95\xE8\3\0\0\0\0\0\0") + Evil(),
       kSystem},
      {"such a frame, and no call",
       BYTES("\x95\xE8\3\0\0\0\0\0\0"
             "cmy\nmodule\n."),
       "unknown [] my.module: it is not on the list that weights_only allows, "
       "imported 1\nproblem a frame is cut short"},
      {"two members of one name", Tar({{"pickle", "}."}, {"pickle", "}."}}),
       "odd [pickle] : another member has the same name"},
      {"two members that are extracted to one name",
       Tar({{"./pickle", "}."}, {"pickle", "}."}}),
       "odd [pickle] : another member has the same name"},
      {"a tar archive that is a pickle",
       Tar({{"cposix\nsystem\n(S'id'\ntR.", "abc"}}),
       "a tar archive and a pickle at once"},
      // Zip archives.
      {"a zip archive", Checkpoint(Evil()).Build(), system_in_data},
      {"a deflated record", Changed([](ZipBuilder* zip) {
         zip->AddDeflated("archive/extra.pkl", Evil());
       }),
       in("archive/extra.pkl")},
      {"another record", Changed([](ZipBuilder* zip) {
         zip->Add("archive/constants.pkl", Evil());
       }),
       in("archive/constants.pkl")},
      {"a suffix in capitals",
       Changed([](ZipBuilder* zip) {  // Only its name says that it is a pickle.
         zip->Add("archive/DATA2.PKL", "Pid\n0" + Evil());
       }),
       in("archive/DATA2.PKL")},
      {"a record without a suffix", Changed([](ZipBuilder* zip) {
         zip->Add("archive/data/1", "\x80\x02" + Evil());
       }),
       in("archive/data/1")},
      {"an archive in an archive", Changed([](ZipBuilder* zip) {
         zip->Add("archive/data/1", Checkpoint(Evil()).Build());
       }),
       in("archive/data/1 > archive/data.pkl")},
      {"a deflated archive in an archive", Changed([](ZipBuilder* zip) {
         zip->AddDeflated("archive/data/1", Checkpoint(Evil()).Build());
       }),
       in("archive/data/1 > archive/data.pkl")},
      {"an archive three archives deep",
       [] {
         std::string nested = Checkpoint(Evil()).Build();
         for (int i = 0; i < 3; ++i) {
           ZipBuilder zip;
           zip.AddDeflated("a", nested);
           nested = zip.Build();
         }
         return nested;
       }(),
       in("a > a > a > archive/data.pkl")},
      {"a tar archive in an archive", Changed([](ZipBuilder* zip) {
         zip->AddDeflated("archive/data/1", Tar({{"pickle", Evil()}}));
       }),
       in("archive/data/1 > pickle")},
      {"an archive in a tar archive",
       Tar({{"pickle", "}."}, {"x", Checkpoint(Evil()).Build()}}),
       in("x > archive/data.pkl")},
      {"an archive in the comment of another", Changed([](ZipBuilder* zip) {
         zip->comment = Checkpoint(Evil()).Build();
       }),
       system_in_data},
      {"a second directory",
       [] {
         std::string bytes = Checkpoint().Build();
         const std::string hidden = Checkpoint(Evil()).Build();
         const size_t directory = bytes.find("PK\x01\x02");
         bytes.insert(directory, hidden);
         bytes.replace(bytes.rfind("PK\x05\x06") + 16, 4,
                       LittleEndian(directory + hidden.size()).substr(0, 4));
         return bytes;
       }(),
       "odd [] : a record that the directory does not list"},
      {"bytes after STOP in a record",
       Changed([](ZipBuilder* zip) { zip->Add("archive/a.pkl", "}.zz"); }),
       "odd [archive/a.pkl] : 2 bytes follow the STOP"},
      {"a name that climbs out",
       Changed([](ZipBuilder* zip) { zip->Add("archive/../../x", "abc"); }),
       "its name contains \"..\""},
      {"an absolute name",
       Changed([](ZipBuilder* zip) { zip->Add("/etc/passwd", "abc"); }),
       "odd [/etc/passwd] : its name is an absolute path"},
      {"a name of Windows",
       Changed([](ZipBuilder* zip) { zip->Add("C:\\x", "abc"); }),
       "its name is an absolute path"},
      {"a NUL in a name", Changed([](ZipBuilder* zip) {
         zip->Add(BYTES("archive/data.pkl\0.txt"), "abc");
       }),
       "its name contains a NUL"},
      {"two records of one name",
       Changed([](ZipBuilder* zip) { zip->Add("archive/data.pkl", Evil()); }),
       "another record has the same name, and"},
      {"the second of one name",
       Changed([](ZipBuilder* zip) { zip->Add("archive/data.pkl", Evil()); }),
       in("archive/data.pkl")},
      {"two names but for capitals",
       Changed([](ZipBuilder* zip) { zip->Add("archive/Data.pkl", Good()); }),
       "another record has the same name except for upper and lower case"},
      {"a local header with another name", Changed([](ZipBuilder* zip) {
         zip->record("archive/version").local_name = "archive/versiox";
       }),
       "odd [archive/version] : its local header has another name"},
      {"a local header with another method", Changed([](ZipBuilder* zip) {
         zip->record("archive/version").local_method = 8;
       }),
       "its local header has another compression method"},
      {"bytes in an extra field", Changed([](ZipBuilder* zip) {
         zip->record("archive/version").local_extra =
             BYTES("FB\xFF\0") + std::string(127, 'Z') + std::string(128, 'Y');
       }),
       "odd [archive/version] : its local header has an extra field of 259"},
      {"no local header", Changed([](ZipBuilder* zip) {
         zip->record("archive/version").local_signature = 1;
       }),
       "there is no local header where the directory says"},
      {"a record that is not listed", Changed([](ZipBuilder* zip) {
         zip->directory_offset.reset();
         zip->record("archive/version").header_offset = 0;
       }),
       "a record that the directory does not list"},
      {"records that overlap", Changed([](ZipBuilder* zip) {
         zip->record("archive/version").header_offset = 0;
       }),
       "inside another record"},
      {"bytes before the archive",
       Changed([](ZipBuilder* zip) { zip->leading = "leading"; }),
       "odd [] : a zip archive begins at offset 7"},
      {"bytes after the archive",
       Changed([](ZipBuilder* zip) { zip->trailing = "trailing"; }),
       "odd [] : 8 bytes follow the zip archive"},
      {"the first of two archives",
       Checkpoint(Evil()).Build() + Checkpoint().Build(), system_in_data},
      {"the second of two archives",
       Checkpoint().Build() + Checkpoint(Evil()).Build(), system_in_data},
      {"an archive after a pickle",
       BYTES("\x80\x02}.") + Checkpoint(Evil()).Build(), system_in_data},
      {"a pickle before an archive", evil_proto + Checkpoint().Build(),
       kSystem},
      {"an archive after safetensors",
       Safetensors() + Checkpoint(Evil()).Build(), system_in_data},
      {"a deflate bomb", Changed([](ZipBuilder* zip) {
         zip->AddDeflated("archive/a.pkl",
                          BinBytes(std::string(9 << 20, 'N')) + ".");
       }),
       "odd [archive/a.pkl] : a deflate bomb"},
      {"an impossible size", Changed([](ZipBuilder* zip) {
         zip->AddDeflated("archive/a.pkl", "}.").size_bytes = 1 << 30;
       }),
       "more than deflate can"},
      // TorchScript.
      {"a program", Changed([](ZipBuilder* zip) {
         zip->Add("archive/code/__torch__.py",
                  "def forward(self):\n  torch_ops = __torch__.f(torch.add)\n");
       }),
       "unknown [] __torch__: a TorchScript program of 1 file"},
      {"a program that writes files", Changed([](ZipBuilder* zip) {
         zip->Add("archive/code/__torch__.py",
                  "  _0 = torch.add(x, y)\n  _1 = torch.from_file(\"x\")\n");
       }),
       "dangerous [] aten::from_file"},
      {"a program with other operators", Changed([](ZipBuilder* zip) {
         zip->Add("archive/code/__torch__.py",
                  "  _0 = ops.prim.data(x)\n  _1 = ops.acme.run(x)\n");
       }),
       "unknown [] acme::run"},
      {"a program with blanks between its tokens", Changed([](ZipBuilder* zip) {
         zip->Add("archive/code/__torch__.py",
                  "  _0 = torch . save(x)\n  _1 = ops.  # torch\n prim.x()\n");
       }),
       "dangerous [] aten::save"},
      {"a program that renames torch", Changed([](ZipBuilder* zip) {
         zip->Add("archive/code/__torch__.py",
                  "  t = torch\n  t.save(x, \"x\")\n");
       }),
       "dangerous [] torch: the program gives it another name"},
      {"a program of old versions",
       Changed([](ZipBuilder* zip) { zip->Add("archive/model.json", "{}"); }),
       "dangerous [] __torch__: a TorchScript program of PyTorch before 1.4"},
      {"a package in capitals", Changed([](ZipBuilder* zip) {
         zip->Add("archive/.DATA/EXTERN_MODULES", "os\n");
         zip->Add("archive/my_package/__init__.py", "import os\n");
       }),
       "unknown [] torch.package: 1 file of Python code, which torch.package "
       "runs"},
      {"a package", Changed([](ZipBuilder* zip) {
         zip->Add("archive/.data/extern_modules", "os\n");
         zip->Add("archive/my_package/__init__.py", "import os\n");
       }),
       "unknown [] torch.package: 1 file of Python code, which torch.package "
       "runs"},
      // safetensors.
      {"a pickle that looks like safetensors",
       [] {
         // The size of the header is PROTO 2, then an int.
         std::string header = R"({"a":1})";
         return BYTES(
                    "\x80\x02"
                    "cposix\nsystem\n(S'id'\ntR.") +
                header;
       }(),
       kSystem},
  };
  for (const auto& trick : tricks) {
    SCOPED_TRACE(trick.name);
    const ScanReport report = Scan(trick.bytes);
    EXPECT_THAT(Describe(report), HasSubstr(trick.finds));
    EXPECT_EQ(report.verdict(), Verdict::kFound);
    EXPECT_NE(report.format, "");
    // The same from a file that is not in memory.
    EXPECT_EQ(Describe(ScanFile(CountedBytes(trick.bytes), ScanOptions())),
              Describe(report));
  }
}

TEST(ScanTest, FindsNothingInHonestFiles) {
  const struct {
    const char* format;
    std::string bytes;
  } files[] = {
      {"pickle", Good()},
      {"pickle", "(lp0\nI1\na."},
      {"pickle", Legacy()},
      {"zip archive", Checkpoint().Build()},
      {"zip archive", Changed([](ZipBuilder* zip) {
         zip->AddDeflated("archive/data/1", std::string(9 << 20, '\0'));
       })},
      {"zip archive", Changed([](ZipBuilder* zip) {  // padding
         zip->record("archive/version").local_extra =
             BYTES("FB\xFF\x0F") + std::string(4095, 'Z');
       })},
      {"zip archive", ZipBuilder().Build()},
      {"pickle", BYTES("\x80\x04") + Framed("}.")},
      {"tar archive",
       Tar({{"storages", BYTES("I1\n.") +
                             "(I1\nS'cpu'\nctorch\nFloatStorage\nt." +
                             LittleEndian(1) + "1234" + "(l."},
            {"tensors", "I0\n."},
            {"pickle", Good()}})},
      {"tar archive", Tar({{"pickle", Good()}, {"sys_info", "}."}})},
      {"safetensors file", Safetensors()},
  };
  for (const auto& file : files) {
    const ScanReport report = Scan(file.bytes);
    EXPECT_EQ(report.format, file.format);
    EXPECT_EQ(Describe(report), "");
    EXPECT_EQ(report.verdict(), Verdict::kClean);
  }
}

TEST(ScanTest, OtherFilesAreNoCheckpoints) {
  for (const char* const text : {"", "# README\n", "conda install\nfoo bar\n",
                                 "{\"a\": 1}\n", "import torch\nprint(1)\n"}) {
    const ScanReport report = Scan(text);
    EXPECT_EQ(report.verdict(), Verdict::kNotACheckpoint) << Describe(report);
  }
}

TEST(ScanTest, SaysWhatCouldNotBeExamined) {
  std::string cut = Checkpoint().Build();
  cut.resize(cut.size() - 30);
  // A storage of another class than the one that is looked up first.
  const std::string two_classes =
      BYTES("I1\n.") +
      "ctorch\nByteStorage\n0(I1\nS'cpu'\nctorch\nFloatStorage\nt." +
      LittleEndian(1) + "1234(l.";
  const struct {
    std::string bytes;
    const char* problem;
  } files[] = {
      {cut, "no end record"},
      {BYTES("\x80\x02}X\xff"), "cut short"},
      {Changed(
           [](ZipBuilder* zip) { zip->record("archive/version").flags |= 1; }),
       "it is encrypted"},
      {Changed(
           [](ZipBuilder* zip) { zip->record("archive/data/0").method = 12; }),
       "it is compressed by method 12"},
      {LittleEndian(100) + "{\"a\"", "safetensors"},
      {OutOfStep(), "an operand crosses the end of its frame"},
      {Checkpoint(OutOfStep()).Build(),
       "an operand crosses the end of its frame"},
      {"N0" + OutOfStep().substr(2), "an operand crosses the end"},
      {Legacy(4, "I1\n."), "the keys of the storages are not a list"},
      {Tar({{"storages", two_classes}}), "is not the description of a storage"},
      {TarHeader("x", 0).replace(100, 1, "z") + Tar({{"x", Evil()}}),
       "does not match its checksum"},
  };
  for (const auto& file : files) {
    const ScanReport report = Scan(file.bytes);
    EXPECT_THAT(Describe(report), HasSubstr(file.problem));
    EXPECT_EQ(report.verdict(), Verdict::kNotExamined) << file.problem;
  }
}

// Each kind of file ends the scan when it needs more than the budget.
TEST(ScanTest, EndsWhenTheBudgetIsSpent) {
  std::string values(200'000, 'N');
  const std::string many = absl::StrCat("(", values, "l.");
  const std::string escaped =
      absl::StrCat("V\\u0080\x02", std::string(200'000, 'a'), "\n.");
  std::string records;
  {
    ZipBuilder zip = Checkpoint();
    for (int i = 0; i < 2000; ++i) zip.Add(absl::StrCat("archive/", i), "x");
    records = zip.Build();
  }
  std::vector<std::pair<std::string, std::string>> members = {{"pickle", "N."}};
  for (int i = 0; i < 2000; ++i) members.emplace_back(absl::StrCat(i), "x");
  const struct {
    const char* name;
    std::string bytes;
  } files[] = {
      {"a pickle", "\x80\x02" + many},
      {"a legacy stream", Legacy(3, "\x80\x02" + many)},
      {"a tar archive", Tar({{"pickle", many}})},
      {"a record", Checkpoint(many).Build()},
      {"a deflated record", Changed([&many](ZipBuilder* zip) {
         zip->AddDeflated("archive/a.pkl", many);
       })},
      {"code", Changed([&values](ZipBuilder* zip) {
         zip->Add("archive/code/a.py", values);
       })},
      {"deflated code", Changed([&values](ZipBuilder* zip) {
         zip->AddDeflated("archive/code/a.py", values);
       })},
      {"an escaped text", escaped},
      {"a directory", records},
      {"a directory of a tar archive", Tar(members)},
  };
  for (const auto& file : files) {
    SCOPED_TRACE(file.name);
    EXPECT_THAT(Scan(file.bytes).status, IsOk());
    ScanOptions steps;
    steps.budget.max_steps = 100'000;
    EXPECT_THAT(Scan(file.bytes, steps).status,
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr("raise max_steps")));
    ScanOptions memory;
    memory.budget.max_memory_bytes = 100'000;
    EXPECT_THAT(Scan(file.bytes, memory).status,
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr("raise max_memory_bytes")));
  }
}

// Wherever the budget ends, a file is clean only if the scan came to its end.
TEST(ScanTest, IsNeverCleanWithoutHavingSeenAll) {
  // Of protocol 0, and so large that it is read in several parts.
  std::string large = "(l";
  for (int i = 0; i < 250'000; ++i) large += "I1\na";
  const std::string files[] = {Good(),
                               large + ".",
                               Legacy(),
                               Safetensors(),
                               Checkpoint().Build(),
                               Tar({{"pickle", Good()}}),
                               Changed([](ZipBuilder* zip) {
                                 zip->AddDeflated("archive/a.pkl", Good());
                               })};
  for (const std::string& bytes : files) {
    ASSERT_EQ(Scan(bytes).verdict(), Verdict::kClean);
    int num_spent = 0;
    for (const bool is_steps : {false, true}) {
      for (uint64_t limit = 0;; limit += 1 + limit / 50) {
        ScanOptions options;
        (is_steps ? options.budget.max_steps
                  : options.budget.max_memory_bytes) = limit;
        const ScanReport report = Scan(bytes, options);
        if (report.status.ok()) {
          EXPECT_EQ(report.verdict(), Verdict::kClean);
          break;
        }
        ++num_spent;
        EXPECT_EQ(report.verdict(), Verdict::kNotExamined);
        EXPECT_THAT(report.Summary(), HasSubstr("which is the limit"));
      }
    }
    EXPECT_GT(num_spent, 10);
  }
}

TEST(ScanTest, CanBeCancelledAndReportsItsProgress) {
  const std::string opcodes(10 << 20, 'N');
  for (const std::string& bytes :
       {absl::StrCat("\x80\x02(", opcodes, "l."),
        Checkpoint(absl::StrCat("(", opcodes, "l.")).Build(),
        Changed([&opcodes](ZipBuilder* zip) {
          zip->AddDeflated("archive/code/a.py", opcodes);
        })}) {
    std::vector<uint64_t> progress;
    ScanOptions options;
    options.is_cancelled = [&progress] { return progress.size() == 2; };
    options.progress = [&progress](uint64_t done_bytes, uint64_t total_bytes) {
      EXPECT_EQ(total_bytes, 0);
      progress.push_back(done_bytes);
    };
    const ScanReport report = Scan(bytes, options);
    EXPECT_THAT(report.status, StatusIs(absl::StatusCode::kCancelled));
    EXPECT_NE(report.verdict(), Verdict::kClean);
    ASSERT_EQ(progress.size(), 2);
    EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
    EXPECT_LT(progress.back(), 8 << 20);
  }
}

TEST(ScanTest, ScansAPartOfAFile) {
  const std::string bytes = absl::StrCat(Checkpoint().Build(), Evil());
  ScanOptions options;
  options.size_bytes = bytes.size() - Evil().size();
  EXPECT_EQ(Scan(bytes, options).verdict(), Verdict::kClean);
  options.offset_bytes = options.size_bytes;
  options.size_bytes = Evil().size();
  EXPECT_EQ(Describe(Scan(bytes, options)), kSystem);
  options.size_bytes = ScanOptions().size_bytes;
  EXPECT_EQ(Describe(Scan(bytes, options)), kSystem);
  // Parts that are not there have not been examined.
  options.size_bytes = Evil().size() + 1;
  EXPECT_THAT(Scan(bytes, options).status,
              StatusIs(absl::StatusCode::kInvalidArgument));
  options = ScanOptions();
  options.offset_bytes = bytes.size() + 1;
  EXPECT_THAT(Scan(bytes, options).status,
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Scan(bytes, options).verdict(), Verdict::kNotExamined);
}

TEST(ScanTest, AllowsGlobals) {
  ScanOptions options;
  const std::string pickle = BYTES("ca.b\nC\nca.bd\nE\n\x86.");
  options.allowed_globals = {"a.b.C"};
  EXPECT_THAT(Describe(Scan(pickle, options)), HasSubstr("a.bd.E"));
  options.allowed_globals = {"a.b.*"};
  EXPECT_THAT(Describe(Scan(pickle, options)), HasSubstr("a.bd.E"));
  options.allowed_globals = {"a.*"};
  EXPECT_EQ(Describe(Scan(pickle, options)), "");
}

// Each of these runs code, or would if the package imported it.
TEST(ScanTest, WildcardsAllowNoneThatNeedsItsFullName) {
  const struct {
    const char* pickle;
    const char* pattern;
    const char* global;
    const char* reason;
  } rows[] = {
      {"cnumpy.random\nfoo\n.", "numpy.*", "numpy.random.foo",
       "\"numpy.*\" does not allow it, because that has functions that run "
       "code: allow it by its full name"},
      {"cnumpy.random\nfoo\n.", "numpy.random.*", "", ""},
      {"ctorch.nn.modules.linear\nLinear\n.", "torch.*",
       "torch.nn.modules.linear.Linear", "functions that run code"},
      {"ctorch.nn.modules.linear\nLinear\n.", "torch.nn.*", "", ""},
      {"cdataclasses\nfoo\n.", "dataclasses.*", "dataclasses.foo",
       "functions that run code"},
      {"ccolorsys\nfoo\n.", "colorsys.*", "colorsys.foo",
       "functions that run code"},
      // A function from elsewhere, and a way through another module.
      {"cmy\nsystem\n.", "my.*", "my.system",
       "it may be a function of another module"},
      {"ctorch.optim.lbfgs\nreduce\n.", "torch.optim.*",
       "torch.optim.lbfgs.reduce", "it runs functions later"},
      {"\x80\x04\x8c\x02my\x8c\x08np.f.run\x93.", "my.*", "my.np.f.run",
       "it may be a function of another module"},
      {"\x80\x04\x8c\x02my\x8c\x06_Foo.B\x93.", "my.*", "", ""},
      {"cmy.models\nNet\n.", "my.*", "", ""},
  };
  for (const auto& row : rows) {
    ScanOptions options;
    options.allowed_globals = {row.pattern};
    const std::string text = Describe(Scan(row.pickle, options));
    EXPECT_THAT(text, HasSubstr(row.global));
    EXPECT_THAT(text, HasSubstr(row.reason));
    EXPECT_EQ(text.empty(), *row.global == '\0') << text;
    options.allowed_globals.push_back(row.global);
    EXPECT_EQ(Describe(Scan(row.pickle, options)), "");
  }
}

TEST(ScanTest, AllowsDangerousGlobalsByTheirExactNamesOnly) {
  const std::string pickle = BYTES("cnumpy.ctypeslib\nload_library\n.");
  ScanOptions options;
  options.allowed_globals = {"numpy.*", "numpy.ctypeslib.*"};
  EXPECT_THAT(Describe(Scan(pickle, options)),
              HasSubstr("dangerous [] numpy.ctypeslib.load_library"));
  options.allowed_globals = {"numpy.ctypeslib.load_library"};
  EXPECT_EQ(Describe(Scan(pickle, options)), "");
}

// What torch.jit.save writes beside the code.
TEST(ScanTest, AllowsTheListsOfPrograms) {
  const std::string bytes = Changed([](ZipBuilder* zip) {
    zip->Add("archive/.data/serialization_id", "123");
    zip->Add("archive/code/__torch__.py", "def forward(self):\n  pass\n");
    zip->Add("archive/code/__torch__.py.debug_pkl",
             BYTES("\x80\x02"
                   "ctorch.jit._pickle\nbuild_intlist\n]\x85R."));
  });
  EXPECT_THAT(Describe(Scan(bytes)), HasSubstr("build_intlist"));
  ScanOptions options;
  options.allowed_globals = {"__torch__.*"};
  EXPECT_EQ(Describe(Scan(bytes, options)), "");
}

TEST(ScanTest, LimitsTheDepth) {
  std::string nested = Checkpoint(Evil()).Build();
  for (int i = 0; i < 10; ++i) {
    ZipBuilder zip;
    zip.Add("a", nested);
    nested = zip.Build();
  }
  EXPECT_THAT(Describe(Scan(nested)), HasSubstr("nested too deeply"));
  EXPECT_EQ(Scan(nested).verdict(), Verdict::kNotExamined);
}

// A thousand records that are one and the same large pickle.
TEST(ScanTest, LimitsTheWorkOfOverlappingRecords) {
  ZipBuilder zip;
  zip.Add("a/data.pkl", std::string(1 << 20, 'N') + Evil());
  for (int i = 0; i < 1000; ++i) {
    ZipBuilderRecord& record = zip.Add(absl::StrCat("a/", i, ".pkl"), "");
    record.size_bytes = record.stored_bytes = (1 << 20) + 100;
    record.header_offset = 0;
    record.is_only_listed = true;
  }
  const std::string bytes = zip.Build();
  ScanOptions options;
  options.budget.max_steps = 32 << 20;
  const ScanReport report = Scan(bytes, options);
  EXPECT_THAT(report.status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(report.Summary(), HasSubstr("posix.system"));
  EXPECT_LT(report.num_pickles, 40);
}

TEST(ScanTest, DangerousGlobalsDoNotHideBehindOthers) {
  std::string pickle = "(";
  for (int i = 0; i < 50; ++i) absl::StrAppend(&pickle, "ca\nB", i, "\n");
  ScanOptions options;
  options.max_findings = 3;
  const ScanReport report = Scan(pickle + "cos\nsystem\nl.", options);
  EXPECT_EQ(report.findings.size(), 3);
  EXPECT_THAT(report.Summary(), HasSubstr("dangerous: os.system"));
}

TEST(ScanTest, CountsFindingsThatAreNotListed) {
  ScanOptions options;
  options.max_findings = 0;
  const ScanReport report = Scan(Evil(), options);
  EXPECT_EQ(report.verdict(), Verdict::kFound);
  EXPECT_EQ(report.more_findings, 1);
  EXPECT_EQ(report.Summary(), "1 finding");
}

TEST(ScanTest, LimitsTheFindings) {
  std::string pickle = "(";
  for (int i = 0; i < 500; ++i) absl::StrAppend(&pickle, "ca\nB", i, "\n");
  ScanOptions options;
  options.max_findings = 10;
  const ScanReport report = Scan(pickle + "l.", options);
  EXPECT_EQ(report.findings.size(), 10);
  EXPECT_EQ(report.more_findings, 490);
  EXPECT_EQ(report.Summary(),
            "unknown: a.B0: it is not on the list that weights_only allows "
            "(and 499 more)");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
