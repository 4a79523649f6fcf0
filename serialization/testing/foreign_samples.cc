// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/foreign_samples.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/hex.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/tar_member.h"
#include "ferry/serialization/testing/zip_builder.h"

namespace ferry {
inline namespace v1 {
namespace {

// Files as they stand in an archive, stored.
std::string Zip(const std::vector<std::pair<std::string, std::string>>& files) {
  ZipBuilder zip;
  for (const auto& [name, contents] : files) zip.Add(name, contents);
  return zip.Build();
}

// The same as a tar archive (POSIX.1-1988, "ustar").
std::string Tar(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [name, contents] : files) {
    tar += TarMember(name, '0', contents);
  }
  return tar + std::string(1024, '\0');
}

// The superblock of an HDF5 file, version 0 (HDF5 File Format Specification,
// III.A).
std::string Hdf5() {
  return absl::StrCat(
      BytesFromHex("894844460d0a1a0a00000000000808000400100000000000"),
      std::string(72, '\0'));
}

// What numpy.save writes of two float32 (numpy/lib/format.py).
std::string Npy() {
  std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  header.resize(117, ' ');
  return absl::StrCat(BytesFromHex("934e554d5059010076"), std::string(1, '\0'),
                      header, "\n", std::string(8, '\0'));
}

// Models: signatures at the beginning, in the documents that are named.
void AddModels(std::vector<ForeignSample>* samples) {
  // What torch.onnx.export of PyTorch 1.13 wrote for a module that calls relu:
  // a ModelProto (onnx/onnx.proto3).
  samples->push_back(
      {"onnx",
       BytesFromHex("080712077079746f7263681a06312e31332e303a580a1e0a0c6f"
                    "6e6e783a3a52656c"
                    "755f301201311a052f52656c75220452656c751209746f726368"
                    "5f6a69745a1a0a0c"
                    "6f6e6e783a3a52656c755f30120a0a08080112040a020801620f"
                    "0a0131120a0a0808"
                    "0112040a0208014202100e"),
       "an ONNX model", "ONNX Runtime"});
  // ggml/docs/gguf.md: version 3, no tensors, no metadata.
  samples->push_back(
      {"gguf",
       absl::StrCat("GGUF", BytesFromHex("03000000"), std::string(16, '\0')),
       "a GGUF model", "llama.cpp"});
  // llama.cpp of April 2023 (llama_file_version): the magic as a number, then
  // the version or, at first, the size of the vocabulary.
  for (const char* magic : {"lmgg", "fmgg", "tjgg"}) {
    samples->push_back(
        {absl::StrCat("ggml_", magic),
         absl::StrCat(magic, BytesFromHex("01000000007d000000100000"),
                      std::string(16, '\0')),
         "a GGML model", "llama.cpp"});
  }
  // tensorflow/lite/schema/schema.fbs: file_identifier "TFL3".
  samples->push_back({"tflite",
                      BytesFromHex("1c00000054464c33140020001c00180014001000"
                                   "0c00000008000400140000001c000000"),
                      "a TensorFlow Lite model", "LiteRT"});
  // executorch/docs/source/pte-file-format.md: the offset of the root, "ET" and
  // two digits, the extended header. The second begins with "<".
  for (const char* root : {"38", "3c"}) {
    samples->push_back(
        {absl::StrCat("pte_", root),
         absl::StrCat(BytesFromHex(root),
                      BytesFromHex("0000004554313265683030200000"),
                      BytesFromHex("00f002000000000000001000000000000000"),
                      std::string(64, '\0')),
         "an ExecuTorch program", "ExecuTorch runtime"});
  }
  samples->push_back({"hdf5", Hdf5(), "an HDF5 file", "h5py"});
  // The attributes of the root group that Keras writes
  // (keras/src/legacy/saving/legacy_h5_format.py).
  samples->push_back({"keras_h5",
                      absl::StrCat(Hdf5(), "layer_names", std::string(9, '\0'),
                                   "keras_version"),
                      "a Keras model in an HDF5 file", "h5py"});
  // torch7/File.lua: an object of a class in both forms, a table in both forms.
  samples->push_back(
      {"t7_binary",
       absl::StrCat(BytesFromHex("040000000100000003000000562031"),
                    BytesFromHex("11000000"), "torch.FloatTensor",
                    std::string(32, '\0')),
       "a file of Torch7", "torchfile"});
  samples->push_back({"t7_table",
                      absl::StrCat(BytesFromHex("030000000100000001000000"),
                                   BytesFromHex("0200000005000000"), "model",
                                   std::string(32, '\0')),
                      "a file of Torch7", "torchfile"});
  samples->push_back({"t7_ascii", "4\n1\n3\nV 1\n17\ntorch.FloatTensor\n1\n2\n",
                      "a file of Torch7", "torchfile"});
  samples->push_back({"t7_ascii_table", "3\n1\n1\n2\n5\nmodel\n1\n0.5\n",
                      "a file of Torch7", "torchfile"});
  // How the tokenizer.model of Llama begins (sentencepiece_model.proto).
  samples->push_back(
      {"sentencepiece",
       BytesFromHex(
           "0a0e0a053c756e6b3e150000000018020a0c0a033c733e15000000001803"
           "0a0d0a043c2f733e15000000001803"),
       "a SentencePiece model", "tokenizer"});
  samples->push_back({"npy", Npy(), "a NumPy array", "numpy.load"});
}

void AddArchives(std::vector<ForeignSample>* samples) {
  samples->push_back({"npz", Zip({{"arr_0.npy", Npy()}, {"data.npy", Npy()}}),
                      "an archive of NumPy arrays", "numpy.load"});
  // keras/src/saving/saving_lib.py
  samples->push_back({"keras_zip",
                      Zip({{"metadata.json", "{}"},
                           {"config.json", "{}"},
                           {"model.weights.h5", Hdf5()}}),
                      "a Keras model", "keras.saving.load_model"});
  // torch/export/pt2_archive/constants.py, and torch/export/__init__.py of 2.1.
  samples->push_back({"pt2",
                      Zip({{"exported/archive_format", "pt2"},
                           {"exported/byteorder", "little"},
                           {"exported/models/model.json", "{}"},
                           {"exported/data/weights/weight_0", "0000"},
                           {"exported/.data/version", "0"}}),
                      "a program of torch.export", "torch.export.load"});
  samples->push_back({"pt2_of_2.1",
                      Zip({{"version", "1"},
                           {"serialized_exported_program.json", "{}"},
                           {"serialized_state_dict.pt", "PK"}}),
                      "a program of torch.export", "torch.export.load"});
  const std::string checkpoint = SmallCheckpoint().Build();
  // A version beside a model does not make a checkpoint of them.
  samples->push_back(
      {"zip_with_version",
       Zip({{"pkg/version", "1\n"}, {"pkg/model.pt", checkpoint}}),
       "a zip archive of other files (2)", "\"pkg/model.pt\""});
  samples->push_back(
      {"zip_of_tfjs",
       Zip({{"web/model.json", "{}"}, {"web/weights.dat", "0000"}}),
       "a zip archive of other files (2)",
       "no file in it has the name of a checkpoint"});
  samples->push_back({"zip_of_transformers",
                      Zip({{"config.json", "{}"},
                           {"metadata.json", "{}"},
                           {"pytorch_model.bin", checkpoint}}),
                      "a zip archive of other files (3)",
                      "\"pytorch_model.bin\""});
  // serve/model-archiver/README.md
  samples->push_back({"mar",
                      Zip({{"MAR-INF/MANIFEST.json", "{}"},
                           {"handler.py", ""},
                           {"resnet.pt", checkpoint}}),
                      "a model archive of TorchServe", "\"resnet.pt\""});
  samples->push_back({"zip_of_checkpoints",
                      Zip({{"readme.txt", "see below"},
                           {"a/last.ckpt", checkpoint},
                           {"__MACOSX/a/._last.ckpt", "x"},
                           {"b/model.safetensors", "x"}}),
                      "a zip archive of other files (4)",
                      "\"a/last.ckpt\" (in place: --range="});
  samples->push_back({"zip_of_texts", Zip({{"readme.txt", "see below"}}),
                      "a zip archive of other files (1)",
                      "no file in it has the name of a checkpoint"});
  // APPNOTE.TXT 4.3.1: an archive may have no files.
  samples->push_back({"zip_of_nothing", Zip({}),
                      "a zip archive of other files (0)", "no file in it"});
  samples->push_back({"tar_of_checkpoints",
                      Tar({{"model_config.yaml", "a: 1\n"},
                           {"weights/model.ckpt", checkpoint}}),
                      "a tar archive of other files (2)",
                      absl::StrCat("\"weights/model.ckpt\" (in place: "
                                   "--range=1536:",
                                   1536 + checkpoint.size(), ")")});
  samples->push_back({"tar_of_texts", Tar({{"readme.txt", "see below"}}),
                      "a tar archive of other files (1)", "no file in it"});
  // RFC 1952, RFC 8878, the .xz file format 1.1, bzip2's compress.c (an empty
  // file), the LZ4 frame format 1.6, 7zFormat.txt, RAR 5.0.
  samples->push_back({"gzip",
                      BytesFromHex("1f8b0800000000000003030000000000000000"),
                      "compressed by gzip", "gunzip"});
  samples->push_back({"zstd", BytesFromHex("28b52ffd2000010000"),
                      "compressed by zstd", "unzstd"});
  samples->push_back({"xz", BytesFromHex("fd377a585a000004e6d6b446"),
                      "compressed by xz", "unxz"});
  samples->push_back({"bzip2", BytesFromHex("425a683917724538509000000000"),
                      "compressed by bzip2", "bunzip2"});
  samples->push_back({"bzip2_block",
                      BytesFromHex("425a6839314159265359aabbccdd"),
                      "compressed by bzip2", "bunzip2"});
  samples->push_back({"lz4", BytesFromHex("04224d186440a700000000"),
                      "compressed by lz4", "unlz4"});
  samples->push_back(
      {"7z", BytesFromHex("377abcaf271c0004"), "a 7z archive", "7z x"});
  samples->push_back(
      {"rar", BytesFromHex("526172211a070100"), "a RAR archive", "unrar x"});
}

void AddTexts(std::vector<ForeignSample>* samples) {
  // What save_pretrained of transformers writes beside the parts.
  samples->push_back({"shard_index",
                      R"({
  "metadata": {
    "total_size": 16
  },
  "weight_map": {
    "a": "model-00001-of-00002.safetensors",
    "b": "model-00002-of-00002.safetensors",
    "c": "model-00001-of-00002.safetensors"
  }
}
)",
                      "the index of a sharded checkpoint",
                      "its 3 tensors are in 2 files beside it; open those: "
                      "\"model-00001-of-00002.safetensors\", "
                      "\"model-00002-of-00002.safetensors\""});
  std::string many = R"({"weight_map": {)";
  for (int i = 0; i < 20; ++i) {
    absl::StrAppend(&many, i == 0 ? "" : ", ", "\"", i, "\": \"pytorch_model-",
                    10 + i, ".bin\"");
  }
  samples->push_back({"shard_index_bin", many + "}}",
                      "the index of a sharded checkpoint",
                      "\"pytorch_model-17.bin\", ..."});
  // git-lfs/docs/spec.md
  samples->push_back(
      {"lfs",
       "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
       "a Git LFS pointer", "git lfs pull"});
  for (const auto& [name, text] :
       std::vector<std::pair<std::string, std::string>>{
           {"html", "<!DOCTYPE html><html>404</html>"},
           {"html_latin1", "\n <html><title>Acc\xe8s refus\xe9</title>"},
           {"html_with_mark", "\xef\xbb\xbf\r\n<HTML>"},
           {"xml",
            "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>"},
           {"xml_error", "<Error><Code>AccessDenied</Code></Error>"}}) {
    samples->push_back(
        {name, text, "a web page or XML", "the download may have failed"});
  }
  for (const auto& [name, text] :
       std::vector<std::pair<std::string, std::string>>{
           {"text", "weights: 1 2 3\n"},
           {"text_not_found", "Not Found"},
           {"text_password", "Invalid username or password."},
           {"text_json", R"({"error": "Repository not found"})"},
           {"text_python", "import torch._utils\nimport collections\n"},
           {"text_json_list", "[1, 2]\n"},
           // A character is cut at the end of what is looked at.
           {"text_utf8", absl::StrCat(std::string(511, 'x'), "\xe6\x97\xa5")},
           // They begin with opcodes of a pickle.
           {"text_of_opcodes", "N. B.: not a model\n"},
           {"text_of_words", "GGUF and lmgg are formats\n"}}) {
    samples->push_back(
        {name, text, "plain text that begins", "the download may have failed"});
  }
}

}  // namespace

std::vector<ForeignSample> ForeignSamples() {
  std::vector<ForeignSample> samples;
  AddModels(&samples);
  AddArchives(&samples);
  AddTexts(&samples);
  return samples;
}

std::vector<ForeignSample> UnsupportedSamples() {
  return {
      // caffe2/serialize/inline_container.h of the PyTorch 1.0 preview.
      {"preview", absl::StrCat("PYTORCH1", std::string(56, '\0')),
       "preview release", "no PyTorch still reads"},
      // torch/csrc/jit/serialization/mobile_bytecode.fbs: file_identifier
      // "PTMF".
      {"mobile",
       absl::StrCat(BytesFromHex("24000000"), "PTMF", std::string(40, '\0')),
       "a mobile module of PyTorch", "torch.jit.save"},
      // torch/package/package_exporter.py
      {"package",
       Zip({{"app/.data/extern_modules", "sys"},
            {"app/.data/version", "6"},
            {"app/model/model.pkl", "\x80\x02N."}}),
       "a torch.package", "not supported"},
      // torch/csrc/jit/serialization/export.cpp of PyTorch 1.0 to 1.3.
      {"old_torchscript",
       Zip({{"net/version", "1\n"}, {"net/model.json", "{}"}}),
       "a TorchScript program of PyTorch before 1.4", "newer PyTorch"},
  };
}

}  // namespace v1
}  // namespace ferry
