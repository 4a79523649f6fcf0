// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/detection/foreign_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/text.h"
#include "ferry/core/utf8.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/detection/not_a_checkpoint.h"
#include "ferry/serialization/zip/zip_end.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

// Where Keras writes the names that tell its HDF5 files from others.
constexpr uint64_t kKerasBytes = uint64_t{64} << 10;

// The largest index of a sharded checkpoint that is read; one takes about 100
// bytes for each tensor.
constexpr uint64_t kMaxIndexBytes = uint64_t{16} << 20;

// How many names an error message lists, and how many bytes of a text.
constexpr size_t kMaxListed = 8;
constexpr size_t kMaxTextBytes = 60;

// Files that have fewer bytes hold nothing.
constexpr uint64_t kMinBytes = 16;

// A format that is known by its first bytes.
struct Signature {
  absl::string_view bytes;
  absl::string_view what;
  absl::string_view advice;
};

constexpr Signature kSignatures[] = {
    {"\x93NUMPY", "a NumPy array", "numpy.load reads it"},
    {"version https://git-lfs", "a Git LFS pointer",
     "fetch the file that it stands for (git lfs pull)"},
    {"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first (7z x)"},
    {"Rar!\x1a\x07", "a RAR archive", "unpack it first (unrar x)"},
    {"\x1f\x8b", "compressed by gzip", "unpack it first (gunzip)"},
    {"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it first (unzstd)"},
    {"\x04\x22\x4d\x18", "compressed by lz4", "unpack it first (unlz4)"},
    {"\xfd"
     "7zXZ",
     "compressed by xz", "unpack it first (unxz)"},
};

// The same, of words that a text could begin with too: a small number follows.
constexpr Signature kModels[] = {
    {"GGUF", "a GGUF model",
     "llama.cpp and the Python package gguf read it; Ferry reads the "
     "checkpoint that it was made from"},
    // 0x67676d6c ("ggml") and its successors, as little-endian numbers.
    {"lmgg", "a GGML model", "whisper.cpp or an old llama.cpp reads it"},
    {"fmgg", "a GGML model", "an old llama.cpp reads it"},
    {"tjgg", "a GGML model", "an old llama.cpp reads it"},
    {"algg", "a GGML adapter", "an old llama.cpp reads it"},
};

absl::Status NotSupported(const RandomAccessFile& file,
                          absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(file.name(), " is ", what));
}

// Returns up to `size` bytes of the file from `offset` on; fewer at its end,
// none if they cannot be read.
std::string ReadUpTo(const RandomAccessFile& file, uint64_t offset,
                     uint64_t size) {
  if (offset >= file.size_bytes()) return "";
  std::string bytes(std::min(size, file.size_bytes() - offset), '\0');
  if (!file.ReadAt(offset, absl::MakeSpan(&bytes[0], bytes.size())).ok()) {
    return "";
  }
  return bytes;
}

// Takes a number off `bytes` as protobuf writes it. Returns nothing if it is
// cut short or has more than 64 bits.
std::optional<uint64_t> TakeVarint(absl::string_view* bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// Whether the file is a ModelProto (onnx/onnx.proto3): its version first, then
// fields of that message alone, and among the first of them a graph. Looks at
// where fields begin and skips what they hold.
bool IsOnnx(const RandomAccessFile& file, absl::string_view head) {
  if (!absl::StartsWith(head, "\x08")) return false;
  constexpr int kMaxFields = 64;
  constexpr uint64_t kMaxVersion = 1000;
  uint64_t offset = 0;
  for (int i = 0; i < kMaxFields; ++i) {
    const std::string bytes = ReadUpTo(file, offset, 2 * 10);
    absl::string_view rest = bytes;
    const std::optional<uint64_t> tag = TakeVarint(&rest);
    const std::optional<uint64_t> value = TakeVarint(&rest);
    if (!tag || !value) return false;
    const uint64_t field = *tag >> 3;
    offset += bytes.size() - rest.size();
    // ir_version and model_version
    if (field == 1 || field == 5) {
      if ((*tag & 7) != 0 || (field == 1 && *value > kMaxVersion)) return false;
      continue;
    }
    // Texts, the graph, operator sets, metadata, training, functions, devices.
    constexpr uint64_t kMessages[] = {2, 3, 4, 6, 7, 8, 14, 20, 25, 26};
    if ((*tag & 7) != 2 || !absl::c_linear_search(kMessages, field)) {
      return false;
    }
    // A graph begins with a node, a name or a tensor.
    if (field == 7) {
      return *value > 0 && !rest.empty() &&
             absl::string_view("\x0a\x12\x2a\x5a\x62").find(rest[0]) !=
                 absl::string_view::npos;
    }
    if (*value > file.size_bytes() - offset) return false;
    offset += *value;
  }
  return false;
}

// Whether the file is a ModelProto (sentencepiece_model.proto): its first two
// fields are pieces, each a text with a score.
bool IsSentencePiece(absl::string_view head) {
  for (int i = 0; i < 2; ++i) {
    if (!absl::ConsumePrefix(&head, "\x0a")) return false;
    const std::optional<uint64_t> size = TakeVarint(&head);
    if (!size || *size > head.size()) return false;
    absl::string_view piece = head.substr(0, *size);
    head.remove_prefix(*size);
    if (!absl::ConsumePrefix(&piece, "\x0a")) return false;
    const std::optional<uint64_t> text = TakeVarint(&piece);
    if (!text || *text > piece.size() || !IsValidUtf8(piece.substr(0, *text))) {
      return false;
    }
    piece.remove_prefix(*text);
    if (!absl::ConsumePrefix(&piece, "\x15") || piece.size() < 4) return false;
  }
  return true;
}

// Whether Torch7's torch.save wrote the file: an object of a class, or a table,
// in either of its forms (torch7/lib/TH/THDiskFile.c, torch7/File.lua).
bool IsTorch7(absl::string_view head) {
  if (absl::StartsWith(head, "4\n1\n3\nV 1\n")) return true;
  if (absl::ConsumePrefix(&head, "3\n1\n")) {
    // The number of entries, and the type of the first key.
    const size_t digits = head.find_first_not_of("0123456789");
    return digits != 0 && digits != absl::string_view::npos &&
           (absl::StartsWith(head.substr(digits), "\n1\n") ||
            absl::StartsWith(head.substr(digits), "\n2\n"));
  }
  // Numbers of 32 bits: the type, the object's index, and for an object the
  // version of its class.
  constexpr absl::string_view kObject("\4\0\0\0\1\0\0\0\3\0\0\0V 1", 15);
  if (absl::StartsWith(head, kObject)) return true;
  constexpr absl::string_view kTable("\3\0\0\0\1\0\0\0", 8);
  if (!absl::StartsWith(head, kTable) || head.size() < 20) return false;
  // The number of entries, and of the first the type and the value of its key.
  const uint32_t count = Load32(&head[8]);
  const uint32_t key_type = Load32(&head[12]);
  const uint32_t key_bytes = Load32(&head[16]);
  return count > 0 && count < (1U << 24) &&
         (key_type == 1 || (key_type == 2 && key_bytes < 4096));
}

// Returns the identifier of a FlatBuffers file, which follows the offset of its
// root; "" if the file cannot be one.
absl::string_view FlatBuffersIdentifier(absl::string_view head) {
  constexpr uint32_t kMaxRootOffset = 1U << 16;
  if (head.size() < 8 || Load32(head.data()) >= kMaxRootOffset) return "";
  return head.substr(4, 4);
}

// Whether bzip2 wrote the file: the size of its blocks, then the mark of the
// first block or, if it is empty, of the end.
bool IsBzip2(absl::string_view head) {
  return absl::StartsWith(head, "BZh") && head.size() >= 10 && head[3] >= '1' &&
         head[3] <= '9' &&
         (head.substr(4, 6) == "1AY&SY" ||
          head.substr(4, 6) == "\x17\x72\x45\x38\x50\x90");
}

// Whether all of `text` could be shown to a reader. A character may be cut at
// the end.
bool IsText(absl::string_view text) {
  for (int i = 0; i < 3 && !text.empty() && (text.back() & 0x80) != 0; ++i) {
    const bool begins = (text.back() & 0x40) != 0;
    if (!begins && IsValidUtf8(text)) break;
    text.remove_suffix(1);
    if (begins) break;
  }
  return !text.empty() && IsValidUtf8(text) && absl::c_all_of(text, [](char c) {
    return !absl::ascii_iscntrl(static_cast<unsigned char>(c)) ||
           absl::ascii_isspace(static_cast<unsigned char>(c)) || c == '\x1b';
  });
}

absl::string_view StripBlanks(absl::string_view text) {
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");  // the byte order mark
  return absl::StripLeadingAsciiWhitespace(text);
}

// Whether a page of the web or XML begins so. Its text may be in any encoding.
bool IsMarkup(absl::string_view head) {
  const absl::string_view text = StripBlanks(head);
  return text.size() > 1 && text[0] == '<' &&
         (absl::ascii_isalpha(static_cast<unsigned char>(text[1])) ||
          text[1] == '!' || text[1] == '?') &&
         head.find('\0') == absl::string_view::npos;
}

// Returns an error if the text is the index that Hugging Face's libraries write
// beside the files of a sharded checkpoint: an object with a "weight_map" from
// the names of tensors to those of files.
absl::Status CheckShardIndex(const RandomAccessFile& file) {
  if (file.size_bytes() > kMaxIndexBytes) return absl::OkStatus();
  const nlohmann::json index =
      nlohmann::json::parse(ReadUpTo(file, 0, kMaxIndexBytes), nullptr,
                            /*allow_exceptions=*/false);
  if (!index.is_object()) return absl::OkStatus();
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) return absl::OkStatus();
  std::vector<std::string> names;
  for (const nlohmann::json& name : *map) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string listed;
  for (size_t i = 0; i < std::min(names.size(), kMaxListed); ++i) {
    absl::StrAppend(&listed, i == 0 ? ": " : ", ", QuoteForMessage(names[i]));
  }
  if (names.size() > kMaxListed) absl::StrAppend(&listed, ", ...");
  return NotACheckpointError(
      file.name(), "the index of a sharded checkpoint",
      absl::StrCat("its ", map->size(), " tensors are in ", names.size(),
                   " files beside it; open those", listed));
}

// Whether a pickle of protocol 0 begins so, which is text: a dict, a list or a
// class, as CPython writes them.
bool BeginsPickleText(absl::string_view head) {
  if (absl::ConsumePrefix(&head, "(dp") || absl::ConsumePrefix(&head, "(lp")) {
    return absl::StartsWith(head, "0\n") || absl::StartsWith(head, "1\n");
  }
  if (!absl::ConsumePrefix(&head, "c")) return false;
  for (int line = 0; line < 2; ++line) {
    const absl::string_view name = head.substr(0, head.find('\n'));
    if (name.empty() || name.size() == head.size() ||
        !absl::c_all_of(name, [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                 c == '_' || c == '.';
        })) {
      return false;
    }
    head.remove_prefix(name.size() + 1);
  }
  return absl::StartsWith(head, "p") || absl::StartsWith(head, "(");
}

// Returns what is wrong with the beginning of a checkpoint of which more than
// that is left, or nothing if there is no sign of one.
std::string DescribeDamagedBeginning(const RandomAccessFile& file,
                                     absl::string_view head) {
  if (absl::c_all_of(head, [](char c) { return c == '\0'; })) {
    return absl::StrCat("its first ", head.size(),
                        " bytes are zeros: they were lost, or never written");
  }
  const absl::StatusOr<zip::ZipEnd> end =
      zip::FindZipEnd(file, file.size_bytes());
  if (end.ok() && end->archive_offset() == 0) {
    return "it ends like a zip archive, but its first record is damaged";
  }
  // What stands near the beginning of every legacy stream, and of most pickles
  // with tensors: parts of the magic number, the version, names of functions.
  constexpr absl::string_view kTexts[] = {"L119547037146", "1333356L",
                                          "I1001\n."};
  constexpr absl::string_view kBytes[] = {
      "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", "M\xe9\x03.\x80", "ctorch\n",
      "torch._utils", "collections\nOrderedDict"};
  const auto has = [head](absl::string_view part) {
    return absl::StrContains(head, part);
  };
  if (absl::c_any_of(kTexts, has) ||
      (!IsText(head) && absl::c_any_of(kBytes, has))) {
    return "the beginning of its first pickle is damaged";
  }
  if (!IsText(head) && has(R"("data_offsets":[)")) {
    return "the length of its safetensors header is damaged";
  }
  for (absl::string_view member : {"sys_info", "storages", "tensors"}) {
    if (absl::StartsWith(head, member) && head.size() > member.size() &&
        head[member.size()] == '\0') {
      return "the first header of its tar archive is damaged";
    }
  }
  if (BeginsPickleText(head)) {
    return "it begins like a pickle of protocol 0, but does not end like one";
  }
  const bool is_part = absl::StartsWith("L119547037146", head) ||
                       absl::StartsWith("sys_info", head);
  if (file.size_bytes() < kMinBytes &&
      (file.size_bytes() < 4 || !IsText(head) || is_part)) {
    return absl::StrCat("it is cut short after ", file.size_bytes(),
                        file.size_bytes() == 1 ? " byte" : " bytes");
  }
  return "";
}

}  // namespace

absl::Status CheckSignature(const RandomAccessFile& file,
                            absl::string_view head) {
  for (const Signature& signature : kSignatures) {
    if (absl::StartsWith(head, signature.bytes)) {
      return NotACheckpointError(file.name(), signature.what, signature.advice);
    }
  }
  for (const Signature& model : kModels) {
    if (absl::StartsWith(head, model.bytes) &&
        absl::StrContains(head.substr(model.bytes.size(), 4),
                          absl::string_view("\0", 1))) {
      return NotACheckpointError(file.name(), model.what, model.advice);
    }
  }
  if (absl::StartsWith(head, "PYTORCH1")) {
    return NotSupported(file,
                        "a file of a PyTorch 1.0 preview release, which no "
                        "PyTorch still reads");
  }
  const absl::string_view identifier = FlatBuffersIdentifier(head);
  if (identifier == "PTMF") {
    return NotSupported(file,
                        "a mobile module of PyTorch in the FlatBuffers format, "
                        "which is not supported; save the module with "
                        "torch.jit.save");
  }
  if (identifier == "TFL3") {
    return NotACheckpointError(file.name(), "a TensorFlow Lite model",
                               "LiteRT reads it");
  }
  // Two digits follow.
  if (absl::StartsWith(identifier, "ET") &&
      identifier.find_first_not_of("0123456789", 2) == identifier.npos) {
    return NotACheckpointError(
        file.name(), "an ExecuTorch program",
        "the ExecuTorch runtime reads it; Ferry reads the "
        "checkpoint that it was exported from");
  }
  if (absl::StartsWith(head, "\x89HDF\r\n\x1a\n")) {
    const std::string beginning = ReadUpTo(file, 0, kKerasBytes);
    if (absl::StrContains(beginning, "keras_version") ||
        absl::StrContains(beginning, "layer_names")) {
      return NotACheckpointError(file.name(), "a Keras model in an HDF5 file",
                                 "Keras and the Python package h5py read it");
    }
    return NotACheckpointError(file.name(), "an HDF5 file",
                               "the Python package h5py reads it");
  }
  if (IsBzip2(head)) {
    return NotACheckpointError(file.name(), "compressed by bzip2",
                               "unpack it first (bunzip2)");
  }
  if (IsTorch7(head)) {
    return NotACheckpointError(
        file.name(), "a file of Torch7, the Lua library",
        "the Python package torchfile reads it; torch.save "
        "what it returns");
  }
  if (IsSentencePiece(head)) {
    return NotACheckpointError(
        file.name(), "a SentencePiece model",
        "it is a tokenizer and holds no tensors; the weights "
        "are in another file");
  }
  if (IsOnnx(file, head)) {
    return NotACheckpointError(
        file.name(), "an ONNX model",
        "ONNX Runtime and the Python package onnx read it; "
        "Ferry reads the checkpoint that it was exported "
        "from");
  }
  return absl::OkStatus();
}

absl::Status ExplainUnknownFile(const RandomAccessFile& file,
                                absl::string_view head) {
  const std::string damage = DescribeDamagedBeginning(file, head);
  if (!damage.empty()) {
    return absl::DataLossError(absl::StrCat(
        file.name(), " is not a PyTorch checkpoint, or is a damaged one: ",
        damage, "; download or save it again"));
  }
  if (IsMarkup(head)) {
    return NotACheckpointError(file.name(), "a web page or XML",
                               "the download may have failed");
  }
  if (IsText(head)) {
    const absl::string_view text = StripBlanks(head);
    if (absl::StartsWith(text, "{")) {
      const absl::Status index = CheckShardIndex(file);
      if (!index.ok()) return index;
    }
    return NotACheckpointError(
        file.name(),
        absl::StrCat("plain text that begins ",
                     QuoteForMessage(Shorten(text.substr(0, text.find('\n')),
                                             kMaxTextBytes))),
        "the download may have failed");
  }
  return MarkNotACheckpoint(absl::DataLossError(absl::StrCat(
      file.name(),
      " is not a PyTorch checkpoint: it does not begin like any known form")));
}

}  // namespace v1
}  // namespace ferry
