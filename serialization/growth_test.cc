// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a file of n parts costs grows with n, whatever the parts are: opening
// and loading it, and writing it in every container. Or the default budget
// refuses it.

#include "ferry/core/testing/growth.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/pickle/opcode_shape.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/scan/scan.h"
#include "ferry/serialization/state_dict.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/tar_member.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/torch/program_data.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;

constexpr size_t kParts = 500;

// The default budget without its floor.
BudgetOptions BudgetFor(const std::string& bytes) {
  BudgetOptions budget;
  budget.max_steps = 64 * bytes.size();
  budget.max_memory_bytes = 128 * bytes.size();
  budget.max_output_bytes = 32 * bytes.size();
  return budget;
}

// Writes a value in every form. An error costs what it costs.
void SaveAll(const Value& value, const std::string& bytes, Cost* cost) {
  LoadOptions load_options;
  load_options.budget = BudgetFor(bytes);
  SaveOptions options;
  options.copy_shared = true;
  options.budget = BudgetFor(bytes);
  for (const Container container :
       {Container::kZip, Container::kLegacy, Container::kSafetensors}) {
    options.container = container;
    for (const char* codec : {"pickle", "proto"}) {
      options.codec = container == Container::kZip ? codec : "";
      for (const int protocol : {1, 2, 4}) {
        options.pickle_protocol = protocol;
        const absl::StatusOr<std::string> saved = SaveToString(value, options);
        if (!saved.ok()) continue;
        cost->output_bytes += saved->size();
        Checkpoint::OpenMemory(*saved, load_options).status().IgnoreError();
      }
    }
  }
}

// Opens and loads a file, and writes it, its state and, if it is a program, its
// data in every form.
Cost LoadAndSave(const std::string& bytes) {
  Cost cost;
  const BudgetOptions budget = BudgetFor(bytes);
  LoadOptions load_options;
  load_options.budget = budget;
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, load_options);
  if (!checkpoint.ok() || !checkpoint->LoadAll().ok()) return cost;
  SaveAll(checkpoint->root(), bytes, &cost);
  StateDict(checkpoint->root(), budget).status().IgnoreError();
  if (checkpoint->info().kind == CheckpointKind::kTorchScript) {
    const absl::StatusOr<Value> data =
        ProgramData(checkpoint->root(), checkpoint->constants(), budget);
    if (data.ok()) SaveAll(*data, bytes, &cost);
  }
  return cost;
}

std::string Text(absl::string_view text) {
  std::string pickle(1, static_cast<char>(pickle::kBinUnicode));
  Append32(static_cast<uint32_t>(text.size()), &pickle);
  return absl::StrCat(pickle, text);
}

std::string Repeated(absl::string_view part, size_t n) {
  std::string all;
  all.reserve(part.size() * n);
  for (size_t i = 0; i < n; ++i) absl::StrAppend(&all, part);
  return all;
}

std::string Bytes(absl::string_view bytes) { return std::string(bytes); }

// A part of a pickle with one opcode in it, which leaves one value on the
// stack. The memo has a text of n bytes at 0, a tuple of n items at 1, a dict
// of n entries at 2, a class at 3, and a short text at 4.
struct OpcodeRow {
  unsigned char opcode;
  std::string part;
};

// A literal with NULs in it.
std::string LiteralBytes(const char* text, size_t size) {
  return std::string(text, size);
}

std::vector<OpcodeRow> OpcodeRows() {
  return {
      {pickle::kMark, LiteralBytes("(h\0t", 4)},
      {pickle::kStop, LiteralBytes("h\0", 2)},  // the last, in every row
      {pickle::kPop, LiteralBytes("h\0h\0000", 5)},
      {pickle::kPopMark, LiteralBytes("h\0(h\0001", 6)},
      {pickle::kDup, LiteralBytes("h\0002", 3)},
      {pickle::kFloat, "F1.5\n"},
      {pickle::kInt, "I1\n"},
      {pickle::kBinInt, "J1234"},
      {pickle::kBinInt1, "K1"},
      {pickle::kLong, "L123456789012345678901234567890L\n"},
      {pickle::kBinInt2, "M12"},
      {pickle::kNone, "N"},
      {pickle::kPersId, "P1\n"},
      {pickle::kBinPersId, LiteralBytes("h\1Q", 3)},
      {pickle::kReduce, LiteralBytes("h\3h\1R", 5)},
      {pickle::kString, "S'a'\n"},
      {pickle::kBinString, LiteralBytes("T\1\0\0\0a", 6)},
      {pickle::kShortBinString, "U\1a"},
      {pickle::kUnicode, "Va\n"},
      {pickle::kBinUnicode, LiteralBytes("X\1\0\0\0a", 6)},
      {pickle::kAppend, LiteralBytes("]h\0a", 4)},
      {pickle::kBuild, LiteralBytes("h\3)Rh\2b", 7)},
      {pickle::kGlobal, "cm\nf\n"},
      {pickle::kDict, LiteralBytes("(h\0Nd", 5)},
      {pickle::kEmptyDict, "}"},
      {pickle::kAppends, LiteralBytes("](h\0h\0e", 7)},
      {pickle::kGet, "g0\n"},
      {pickle::kBinGet, LiteralBytes("h\0", 2)},
      {pickle::kInst, LiteralBytes("(h\1im\nf\n", 8)},
      {pickle::kLongBinGet, LiteralBytes("j\0\0\0\0", 5)},
      {pickle::kList, LiteralBytes("(h\0l", 4)},
      {pickle::kEmptyList, "]"},
      {pickle::kObj, LiteralBytes("(h\3h\1o", 6)},
      {pickle::kPut, "Np9\n"},
      {pickle::kBinPut, "Nq\x09"},
      {pickle::kLongBinPut, LiteralBytes("Nr\xFF\xFF\xFF\xFF", 6)},
      {pickle::kSetItem, LiteralBytes("}h\0Ns", 5)},
      {pickle::kTuple, LiteralBytes("(h\0h\1t", 6)},
      {pickle::kEmptyTuple, ")"},
      {pickle::kSetItems, LiteralBytes("}(h\0Nh\4Nu", 9)},
      {pickle::kBinFloat, "G12345678"},
      {pickle::kProto, "\x80\2N"},
      {pickle::kNewObj, LiteralBytes("h\3h\1\x81", 5)},
      {pickle::kExt1, "\x82\1"},
      {pickle::kExt2, "\x83\1\1"},
      {pickle::kExt4, "\x84\1\1\1\1"},
      {pickle::kTuple1, LiteralBytes("h\0\x85", 3)},
      {pickle::kTuple2, LiteralBytes("h\0h\0\x86", 5)},
      {pickle::kTuple3, LiteralBytes("h\0h\0h\0\x87", 7)},
      {pickle::kNewTrue, "\x88"},
      {pickle::kNewFalse, "\x89"},
      {pickle::kLong1, "\x8A\1\1"},
      {pickle::kLong4, LiteralBytes("\x8B\1\0\0\0\1", 6)},
      {pickle::kBinBytes, LiteralBytes("B\1\0\0\0a", 6)},
      {pickle::kShortBinBytes, "C\1a"},
      {pickle::kShortBinUnicode, "\x8C\1a"},
      {pickle::kBinUnicode8, LiteralBytes("\x8D\1\0\0\0\0\0\0\0a", 10)},
      {pickle::kBinBytes8, LiteralBytes("\x8E\1\0\0\0\0\0\0\0a", 10)},
      {pickle::kEmptySet, "\x8F"},
      {pickle::kAddItems, LiteralBytes("\x8F(h\0h\1\x90", 7)},
      {pickle::kFrozenSet, LiteralBytes("(h\0h\1\x91", 6)},
      {pickle::kNewObjEx, LiteralBytes("h\3h\1h\2\x92", 7)},
      {pickle::kStackGlobal, LiteralBytes("h\4h\4\x93", 5)},
      {pickle::kMemoize, LiteralBytes("h\0\x94", 3)},
      {pickle::kFrame, LiteralBytes("\x95\1\0\0\0\0\0\0\0N", 10)},
      {pickle::kByteArray8, LiteralBytes("\x96\1\0\0\0\0\0\0\0a", 10)},
      {pickle::kNextBuffer, "\x97"},
      {pickle::kReadOnlyBuffer, LiteralBytes("h\0\x98", 3)},
  };
}

// A list of n times `part`.
std::string PickleOf(absl::string_view part, size_t n) {
  std::string dict = "}(";
  for (size_t i = 0; i < n; ++i) absl::StrAppend(&dict, "I", i, "\nN");
  return absl::StrCat("\x80\2", Text(std::string(n, 'x')), Bytes({"q\0000", 3}),
                      "(", Repeated("N", n), "tq\1", "0", dict, "uq\2", "0",
                      "cm\nf\nq\3", "0", Text("m"), "q\4", "0(",
                      Repeated(part, n), "l.");
}

TEST(GrowthTest, EveryOpcodeHasARow) {
  const std::vector<OpcodeRow> rows = OpcodeRows();
  for (int opcode = 0; opcode < 256; ++opcode) {
    const auto code = static_cast<unsigned char>(opcode);
    int num_rows = 0;
    for (const OpcodeRow& row : rows) {
      if (row.opcode != code) continue;
      ++num_rows;
      EXPECT_TRUE(code == pickle::kStop ||
                  row.part.find(static_cast<char>(code)) != std::string::npos)
          << absl::StrFormat("0x%02x", opcode);
    }
    const bool exists =
        pickle::ShapeOf(code).operands != pickle::Operands::kNoOpcode;
    EXPECT_EQ(num_rows, exists ? 1 : 0) << absl::StrFormat("0x%02x", opcode);
  }
}

TEST(GrowthTest, EveryOpcodeCostsItsBytes) {
  for (const OpcodeRow& row : OpcodeRows()) {
    EXPECT_TRUE(GrowsLinearly(
        kParts, [&row](size_t n) { return PickleOf(row.part, n); },
        [](const std::string& bytes) {
          Cost cost = LoadAndSave(bytes);
          Budget budget;
          ObjectGraph graph;
          // The budget is charged every few KiB, which errors come before.
          if (pickle::Unpickle(bytes, &budget, nullptr, &graph).ok()) {
            cost.steps = budget.steps() + budget.memory_bytes();
          }
          return cost;
        }))
        << absl::StrFormat("opcode 0x%02x", row.opcode);
  }
}

// --- What several opcodes say together ---------------------------------------

// The beginning of a legacy stream.
std::string StreamHead() {
  return absl::StrCat(
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
      "\x80\x02M\xe9\x03.", "\x80\x02}.");
}

// The reference to a storage of one float32. `key` and `location` are pickles.
std::string StorageRef(absl::string_view key, absl::string_view location,
                       absl::string_view view = "N") {
  return absl::StrCat("(", Text("storage"), "ctorch\nFloatStorage\n", key,
                      location, "K\1", view, "tQ");
}

std::string NumberText(size_t number) { return Text(absl::StrCat(number)); }

// A stream of n storages, with each reference given by `ref`.
std::string Stream(size_t n, const std::function<std::string(size_t)>& ref,
                   const std::string& first) {
  std::string objects = absl::StrCat("\x80\2", first, "(");
  std::string keys = "\x80\2](";
  std::string storages;
  std::vector<std::string> names;
  names.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    absl::StrAppend(&objects, ref(i));
    absl::StrAppend(&keys, NumberText(i));
    storages += Bytes({"\1\0\0\0\0\0\0\0abcd", 12});
  }
  return absl::StrCat(StreamHead(), objects, "l.", keys, "e.", storages);
}

const std::string& LongText(size_t n) {
  static std::string* const text = new std::string;
  text->assign(n, 'x');
  return *text;
}

// --- Tar archives ------------------------------------------------------------

// The pickle of a number.
std::string TarNumber(size_t number) {
  return absl::StrCat("I", number, "\n.");
}

// The description of a storage of one float32, and its bytes.
std::string TarStorage(size_t key, absl::string_view location) {
  return absl::StrCat("(I", key, "\n", Text(location),
                      "ctorch\nFloatStorage\nt.",
                      Bytes({"\1\0\0\0\0\0\0\0abcd", 12}));
}

// The description of a tensor of one float32, and its shape.
std::string TarTensor(size_t key, size_t storage) {
  std::string tensor =
      absl::StrCat("(I", key, "\nI", storage, "\nctorch\nFloatTensor\nt.");
  Append64(1, &tensor);  // dimensions
  Append64(1, &tensor);  // size
  Append64(1, &tensor);  // stride
  Append64(0, &tensor);  // offset
  return tensor;
}

// An archive of PyTorch 0.1.9 whose root is a list of the storages or tensors
// with the keys 0 to `num_items` - 1.
std::string TarCheckpoint(absl::string_view storages, absl::string_view tensors,
                          size_t num_items, absl::string_view more = "") {
  std::string root = "(";
  for (size_t i = 0; i < num_items; ++i) absl::StrAppend(&root, "I", i, "\nQ");
  return absl::StrCat(more, TarMember("storages", '0', storages),
                      TarMember("tensors", '0', tensors),
                      TarMember("pickle", '0', root + "l."),
                      std::string(1024, '\0'));
}

std::string SmallTarCheckpoint(absl::string_view more) {
  return TarCheckpoint(TarNumber(0) + "(l.", TarNumber(0), 0, more);
}

// A pax attribute, whose line begins with its own length.
std::string PaxAttribute(absl::string_view key, absl::string_view value) {
  const std::string rest = absl::StrCat(" ", key, "=", value, "\n");
  size_t size = rest.size();
  while (absl::StrCat(size, rest).size() != size) ++size;
  return absl::StrCat(size, rest);
}

// --- TorchScript archives ----------------------------------------------------

// An archive whose objects are `objects`, a pickle without its beginning and
// end, and whose constants are `constants`, likewise.
ZipBuilder Program(absl::string_view objects,
                   absl::string_view constants = ")") {
  ZipBuilder zip;
  zip.Add("a/data.pkl", absl::StrCat("\x80\2", objects, "."));
  zip.Add("a/constants.pkl", absl::StrCat("\x80\2", constants, "."));
  zip.Add("a/version", "3\n");
  return zip;
}

// An object of a program's class whose attributes are `slots`: keys and values.
std::string ProgramObject(absl::string_view class_name,
                          absl::string_view slots) {
  return absl::StrCat("c__torch__\n", class_name, "\n)\x81}(", slots, "ub");
}

std::string Slot(size_t number, absl::string_view value) {
  return Text(absl::StrCat("slot", number)) + std::string(value);
}

// The tensor of one number in the storage `key`, a pickle of a text.
std::string ProgramTensor(absl::string_view key) {
  return absl::StrCat(
      "ctorch._utils\n_rebuild_tensor_v2\n(", StorageRef(key, Text("cpu"), ""),
      Bytes({"K\0(K\1t(K\1t\x89", 11}), "ccollections\nOrderedDict\n)RtR");
}

// -----------------------------------------------------------------------------

struct FileRow {
  const char* name;
  std::function<std::string(size_t)> make;
};

std::vector<FileRow> FileRows() {
  const std::string text0 = Bytes({"q\0000", 3});  // memoise, pop
  const std::string get0 = Bytes({"h\0", 2});
  return {
      {"a stream of storages",
       [=](size_t n) {
         return Stream(
             n, [](size_t i) { return StorageRef(NumberText(i), Text("cpu")); },
             "N0");
       }},
      {"storages with one long location",
       [=](size_t n) {
         return Stream(
             n, [&](size_t i) { return StorageRef(NumberText(i), get0); },
             Text(LongText(n)) + text0);
       }},
      {"references with one long key",
       [=](size_t n) {
         return absl::StrCat(StreamHead(), "\x80\2", Text(LongText(n)), text0,
                             "(", Repeated(StorageRef(get0, Text("cpu")), n),
                             "l.", "\x80\2]", Text(LongText(n)), "a.",
                             Bytes({"\1\0\0\0\0\0\0\0abcd", 12}));
       }},
      {"one long key listed again and again",
       [=](size_t n) {
         return absl::StrCat(
             StreamHead(), "\x80\2", StorageRef(Text(LongText(n)), Text("cpu")),
             ".", "\x80\2", Text(LongText(n)), text0, "](", Repeated(get0, n),
             "e.", Repeated(Bytes({"\1\0\0\0\0\0\0\0abcd", 12}), n));
       }},
      {"views of one storage",
       [=](size_t n) {
         std::string objects = "\x80\2(";
         for (size_t i = 0; i < n; ++i) {
           absl::StrAppend(
               &objects,
               StorageRef(Text("0"), Text("cpu"),
                          absl::StrCat("(", Text(absl::StrCat("v", i)),
                                       Bytes({"K\0K\1t", 5}))));
         }
         return absl::StrCat(StreamHead(), objects, "l.", "\x80\2]", Text("0"),
                             "a.", Bytes({"\1\0\0\0\0\0\0\0abcd", 12}));
       }},
      {"a dict that is the metadata of tensors while it grows",
       [=](size_t n) {
         // h0: the storage, h1: the dict.
         std::string objects = absl::StrCat(
             "\x80\2", StorageRef(Text("0"), Text("cpu")), text0, "}q\1");
         for (size_t i = 0; i < n; ++i) {
           absl::StrAppend(&objects, Text(absl::StrCat("key", i)),
                           "ctorch._utils\n_rebuild_tensor_v2\n(", get0,
                           Bytes({"K\0(K\1t(K\1t\x89", 11}),
                           "ccollections\nOrderedDict\n)Rh\1tRs");
         }
         return absl::StrCat(StreamHead(), objects, ".", "\x80\2]", Text("0"),
                             "a.", Bytes({"\1\0\0\0\0\0\0\0abcd", 12}));
       }},
      {"tensors over one storage",
       [=](size_t n) {
         std::string objects = absl::StrCat(
             "\x80\2", StorageRef(Text("0"), Text("cpu")), text0, "}(");
         for (size_t i = 0; i < n; ++i) {
           absl::StrAppend(&objects, Text(absl::StrCat("key", i)),
                           "ctorch._utils\n_rebuild_tensor_v2\n(", get0,
                           Bytes({"K\0(K\1t(K\1t\x89", 11}),
                           "ccollections\nOrderedDict\n)RtR");
         }
         return absl::StrCat(StreamHead(), objects, "u.", "\x80\2]", Text("0"),
                             "a.", Bytes({"\1\0\0\0\0\0\0\0abcd", 12}));
       }},
      {"dicts with two long keys",
       [=](size_t n) {
         return absl::StrCat("\x80\2", Text(LongText(n)), text0,
                             Text(LongText(n - 1) + "y"), "q\1", "0(",
                             Repeated(absl::StrCat("}(", get0, "Nh\1Nu"), n),
                             "l.");
       }},
      {"OrderedDicts of one list",
       [=](size_t n) {
         return absl::StrCat("\x80\2](", Repeated("](NNe", n), "eq\1", "0(",
                             Repeated("ccollections\nOrderedDict\nh\1\x85R", n),
                             "l.");
       }},
      {"sets of one list",
       [=](size_t n) {
         std::string list = "](";
         for (size_t i = 0; i < n; ++i) absl::StrAppend(&list, "I", i, "\n");
         return absl::StrCat("\x80\2", list, "eq\1", "0(",
                             Repeated("c__builtin__\nset\nh\1\x85R", n), "l.");
       }},
      {"bytes of one text",
       [=](size_t n) {
         return absl::StrCat("\x80\2", Text(LongText(n)), text0, "(",
                             Repeated(absl::StrCat("c_codecs\nencode\n", get0,
                                                   Text("latin1"), "\x86R"),
                                      n),
                             "l.");
       }},
      {"nested tuples",
       [](size_t n) {
         return absl::StrCat("\x80\2N", Repeated("\x85", n), ".");
       }},
      {"nested tuples, each used twice",
       [](size_t n) {
         return absl::StrCat("\x80\2N", Repeated("2\x86", n), ".");
       }},
      {"keys that are nested tuples, each used twice",
       [](size_t n) {
         return absl::StrCat("\x80\2}N", Repeated("2\x86", n), "Ns.");
       }},
      {"records of an archive",
       [](size_t n) {
         ZipBuilder zip;
         zip.Add("a/data.pkl", "\x80\2N.");
         zip.Add("a/version", "3\n");
         for (size_t i = 0; i < n; ++i) zip.Add(absl::StrCat("a/data/", i), "");
         return zip.Build();
       }},
      {"records with long names",
       [](size_t n) {
         ZipBuilder zip;
         const std::string folder = LongText(n);
         zip.Add(absl::StrCat(folder, "/data.pkl"), "\x80\2N.");
         zip.Add(absl::StrCat(folder, "/version"), "3\n");
         zip.Add(absl::StrCat(folder, "/data/0"), "");
         return zip.Build();
       }},
      {"graph records",
       [](size_t n) {
         ZipBuilder zip;
         for (size_t i = 0; i < n; ++i) {
           zip.Add(absl::StrCat("a", i, "/data.pkl"), "\x80\2N.");
           zip.Add(absl::StrCat("a", i, "/version"), "3\n");
         }
         return zip.Build();
       }},
      {"equal names of records",
       [](size_t n) {
         ZipBuilder zip;
         for (size_t i = 0; i < n; ++i) zip.Add("a/data.pkl", "\x80\2N.");
         return zip.Build();
       }},
      {"records that are listed at one offset",
       [](size_t n) {
         ZipBuilder zip;
         zip.Add("a/data.pkl", "\x80\2N.");
         for (size_t i = 0; i < n; ++i) {
           ZipBuilderRecord& record = zip.Add(absl::StrCat("a/data/", i), "");
           record.is_only_listed = true;
           record.header_offset = 0;
         }
         return zip.Build();
       }},
      {"an archive's comment",
       [](size_t n) {
         ZipBuilder zip;
         zip.Add("a/data.pkl", "\x80\2N.");
         zip.Add("a/version", "3\n");
         zip.comment = LongText(n);
         return zip.Build();
       }},
      {"storages of a tar archive",
       [](size_t n) {
         std::string storages = TarNumber(n);
         for (size_t i = 0; i < n; ++i) storages += TarStorage(i, "cpu");
         return TarCheckpoint(storages + "(l.", TarNumber(0), n);
       }},
      {"parts of a storage of a tar archive",
       [](size_t n) {
         std::string storages = TarNumber(1) + TarStorage(0, "cpu") + "(";
         for (size_t i = 1; i < n; ++i) {
           absl::StrAppend(&storages, "(I", i, "\nI", i - 1, "\nI0\nI1\nt");
         }
         return TarCheckpoint(storages + "l.", TarNumber(0), n);
       }},
      {"parts of a storage with a long location",
       [](size_t n) {
         std::string storages =
             TarNumber(1) + TarStorage(0, LongText(1000)) + "(";
         for (size_t i = 1; i < n; ++i) {
           absl::StrAppend(&storages, "(I", i, "\nI0\nI0\nI1\nt");
         }
         return TarCheckpoint(storages + "l.", TarNumber(0), n);
       }},
      {"tensors of a tar archive",
       [](size_t n) {
         std::string tensors = TarNumber(n);
         for (size_t i = 0; i < n; ++i) tensors += TarTensor(i, n);
         return TarCheckpoint(TarNumber(1) + TarStorage(n, "cpu") + "(l.",
                              tensors, n);
       }},
      {"one tensor of a tar archive, used again and again",
       [](size_t n) {
         return absl::StrCat(
             TarMember("storages", '0',
                       TarNumber(1) + TarStorage(1, "cpu") + "(l."),
             TarMember("tensors", '0', TarNumber(1) + TarTensor(0, 1)),
             TarMember("pickle", '0',
                       absl::StrCat("(", Repeated("I0\nQ", n), "l.")),
             std::string(1024, '\0'));
       }},
      {"members of a tar archive",
       [](size_t n) {
         std::string members;
         for (size_t i = 0; i < n; ++i) {
           members += TarMember(absl::StrCat("more/", i), '0', "");
         }
         return SmallTarCheckpoint(members);
       }},
      {"members with long names",
       [](size_t n) {
         std::string members;
         for (size_t i = 0; i < 8; ++i) {
           absl::StrAppend(&members,
                           TarMember("long", 'L', absl::StrCat(LongText(n), i)),
                           TarMember("", '0', ""));
         }
         return SmallTarCheckpoint(members);
       }},
      {"members with pax headers",
       [](size_t n) {
         std::string members;
         for (size_t i = 0; i < n; ++i) {
           absl::StrAppend(
               &members,
               TarMember("pax", 'x',
                         PaxAttribute("path", absl::StrCat("more/", i))),
               TarMember("", '0', ""));
         }
         return SmallTarCheckpoint(members);
       }},
      {"pax headers of one member",
       [](size_t n) {
         return SmallTarCheckpoint(absl::StrCat(
             Repeated(TarMember("pax", 'x', PaxAttribute("comment", "x")), n),
             TarMember("more", '0', "")));
       }},
      {"attributes of a pax header",
       [](size_t n) {
         return SmallTarCheckpoint(absl::StrCat(
             TarMember("pax", 'g', Repeated(PaxAttribute("a", "x"), n)),
             TarMember("more", '0', "")));
       }},
      {"objects of a program",
       [](size_t n) {
         std::string objects = "](";
         for (size_t i = 0; i < n; ++i) {
           objects += ProgramObject("M", Slot(0, "K\1"));
         }
         return Program(objects + "e").Build();
       }},
      {"objects of a program, each in another",
       [](size_t n) {
         std::string begin;
         for (size_t i = 0; i < n; ++i) {
           absl::StrAppend(&begin, "c__torch__\nM\n)\x81}", Slot(0, ""));
         }
         return Program(absl::StrCat(begin, "K\1", Repeated("sb", n))).Build();
       }},
      {"slots of an object of a program",
       [](size_t n) {
         std::string slots;
         for (size_t i = 0; i < n; ++i) slots += Slot(i, "K\1");
         return Program(ProgramObject("M", slots)).Build();
       }},
      {"objects of a program with the same slots",
       [=](size_t n) {
         std::string slots;
         for (size_t i = 0; i < n; ++i) slots += Slot(i, "K\1");
         return Program(
                    absl::StrCat(
                        "}(", slots, "u", text0, "](",
                        Repeated(
                            absl::StrCat("c__torch__\nM\n)\x81", get0, "b"), n),
                        "e"))
             .Build();
       }},
      {"one object of a program, used again and again",
       [=](size_t n) {
         return Program(absl::StrCat("](", ProgramObject("M", Slot(0, "K\1")),
                                     Bytes({"q\0", 2}), Repeated(get0, n), "e"))
             .Build();
       }},
      {"lists of a program with the types of each other",
       [](size_t n) {
         std::string lists = Bytes({"]q\0000](", 6});
         for (size_t i = 0; i < n; ++i) {
           lists += "ctorch.jit._pickle\nrestore_type_tag\nj";
           Append32(static_cast<uint32_t>(i), &lists);
           absl::StrAppend(&lists, Text("List[int]"), "\x86Rr");
           Append32(static_cast<uint32_t>(i + 1), &lists);
         }
         return Program(lists + "e").Build();
       }},
      {"functions of a program with one long name",
       [=](size_t n) {
         return Program(absl::StrCat(Text("__torch__"), text0,
                                     Text(LongText(n)), "q\1", "0](",
                                     Repeated(absl::StrCat(get0, "h\1\x93"), n),
                                     "e"))
             .Build();
       }},
      {"classes of a program",
       [](size_t n) {
         std::string objects = "](";
         for (size_t i = 0; i < n; ++i) {
           objects += ProgramObject(absl::StrCat("M", i), Slot(0, "K\1"));
         }
         ZipBuilder zip = Program(objects + "e");
         for (size_t i = 0; i < n; ++i) {
           zip.Add(absl::StrCat("a/code/__torch__/M", i, ".py"), "class M:\n");
         }
         return zip.Build();
       }},
      {"tensors of a program",
       [](size_t n) {
         std::string objects = "](";
         for (size_t i = 0; i < n; ++i) objects += ProgramTensor(NumberText(i));
         ZipBuilder zip = Program(objects + "e");
         for (size_t i = 0; i < n; ++i) {
           zip.Add(absl::StrCat("a/data/", i), "abcd");
         }
         return zip.Build();
       }},
      {"constants of a program",
       [](size_t n) {
         std::string constants = "(";
         for (size_t i = 0; i < n; ++i) {
           constants += ProgramTensor(NumberText(i));
         }
         ZipBuilder zip =
             Program(ProgramObject("M", Slot(0, "K\1")), constants + "t");
         for (size_t i = 0; i < n; ++i) {
           zip.Add(absl::StrCat("a/constants/", i), "abcd");
         }
         return zip.Build();
       }},
      {"code of a program",
       [](size_t n) {
         ZipBuilder zip = Program("N");
         for (size_t i = 0; i < n; ++i) {
           zip.Add(absl::StrCat("a/code/", i, ".py"), "x");
         }
         return zip.Build();
       }},
      {"tensors of a safetensors file",
       [](size_t n) {
         std::string header = "{";
         for (size_t i = 0; i < n; ++i) {
           absl::StrAppend(&header, i == 0 ? "" : ",", "\"", i,
                           R"(":{"dtype":"U8","shape":[1],"data_offsets":[)", i,
                           ",", i + 1, "]}");
         }
         header += "}";
         std::string bytes;
         Append64(header.size(), &bytes);
         return absl::StrCat(bytes, header, std::string(n, 'x'));
       }},
      {"metadata of a safetensors file",
       [](size_t n) {
         std::string header = R"({"__metadata__":{)";
         for (size_t i = 0; i < n; ++i) {
           absl::StrAppend(&header, i == 0 ? "" : ",", "\"", i, "\":\"x\"");
         }
         header += "}}";
         std::string bytes;
         Append64(header.size(), &bytes);
         return absl::StrCat(bytes, header);
       }},
      {"what is ignored in a safetensors file",
       [](size_t n) {
         const std::string header = absl::StrCat(
             R"({"a":{"x":)", Repeated("[{\"a\":", n), "0", Repeated("}]", n),
             R"(,"dtype":"U8","shape":[1],"data_offsets":[0,1]}})");
         std::string bytes;
         Append64(header.size(), &bytes);
         return absl::StrCat(bytes, header, "x");
       }},
  };
}

TEST(GrowthTest, EveryFileCostsItsBytes) {
  for (const FileRow& row : FileRows()) {
    EXPECT_TRUE(GrowsLinearly(kParts, row.make, LoadAndSave)) << row.name;
  }
}

// What a scan reads, keeps and finds.
Cost Scan(const std::string& bytes) {
  ScanOptions options;
  options.budget = BudgetFor(bytes);
  const ScanReport report =
      ScanFile(*MakeMemoryFile(bytes, "scanned"), options);
  Cost cost;
  for (const ScanFinding& finding : report.findings) {
    cost.output_bytes +=
        finding.global.size() + finding.record.size() + finding.detail.size();
  }
  return cost;
}

TEST(GrowthTest, EveryScanCostsItsBytes) {
  // A scan reads 64 KiB at once, so small files cost the same.
  constexpr size_t kManyParts = 4 * kParts;
  for (const OpcodeRow& row : OpcodeRows()) {
    EXPECT_TRUE(GrowsLinearly(
        kManyParts, [&row](size_t n) { return PickleOf(row.part, n); }, Scan))
        << absl::StrFormat("opcode 0x%02x", row.opcode);
  }
  for (const FileRow& row : FileRows()) {
    EXPECT_TRUE(GrowsLinearly(kManyParts, row.make, Scan)) << row.name;
  }
}

// The rows are sound, and there are some of every container and kind of file.
// What is refused would multiply, or contradicts itself.
TEST(GrowthTest, FilesOfEveryKindOpen) {
  std::set<std::string> kinds;
  std::vector<std::string> refused;
  for (const FileRow& row : FileRows()) {
    const absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(row.make(kParts));
    if (checkpoint.ok()) {
      kinds.insert(std::string(Name(checkpoint->info().container)));
      kinds.insert(std::string(Name(checkpoint->info().kind)));
    } else {
      refused.emplace_back(row.name);
    }
  }
  for (int i = 0; !Name(static_cast<Container>(i)).empty(); ++i) {
    const std::string name(Name(static_cast<Container>(i)));
    EXPECT_EQ(kinds.count(name), 1u) << name;
  }
  for (const CheckpointKind kind :
       {CheckpointKind::kCheckpoint, CheckpointKind::kTorchScript}) {
    EXPECT_EQ(kinds.count(std::string(Name(kind))), 1u) << Name(kind);
  }
  EXPECT_THAT(refused, ElementsAre("OrderedDicts of one list",
                                   "sets of one list", "bytes of one text",
                                   "graph records", "equal names of records",
                                   "records that are listed at one offset"));
}

// Without the classes of long keys this would compare terabytes.
TEST(GrowthTest, LongKeysAreComparedOnce) {
  const std::string long_text(16 << 20, 'x');
  const std::string first = absl::StrCat(long_text, "a");
  const std::string second = absl::StrCat(long_text, "b");
  // At 0 and 1.
  const std::string strs = absl::StrCat(
      "\x80\4", Text(first), Bytes({"q\0000", 3}), Text(second), "q\1", "0(");
  const std::string other_keys = "K\1NK\2NK\3NK\4NK\5NK\6NK\7NK\10N";
  for (const std::string& part : {
           Bytes({"}(h\0Nh\1Nu", 9}),  // small dicts
           absl::StrCat("}(", other_keys, Bytes({"h\0Nh\1Nu", 7})),  // large
           Bytes({"\x8F(h\0h\1\x90", 7}),                            // sets
           Bytes({"}h\0h\1\x86Ns", 8}),                              // tuples
       }) {
    ObjectGraph graph;
    EXPECT_THAT(
        pickle::Unpickle(absl::StrCat(strs, Repeated(part, 100000), "l."),
                         Budget::Unlimited(), nullptr, &graph)
            .status(),
        IsOk());
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
