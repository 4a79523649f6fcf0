// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/convert.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/eintr.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/atomic_file.h"
#include "ferry/io/fd_sink.h"
#include "ferry/io/stream_bytes.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/detection/file_suffix.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/scan/scan.h"
#include "ferry/serialization/state_dict.h"
#include "ferry/serialization/torch/program_data.h"
#include "ferry/tools/ferry/input.h"
#include "ferry/tools/ferry/interrupt.h"
#include "ferry/tools/ferry/map_location_option.h"
#include "ferry/tools/ferry/plugin_option.h"
#include "ferry/tools/ferry/progress.h"
#include "ferry/tools/ferry/range_option.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/python_repr.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

struct ConvertOptions {
  std::string in;
  std::string out;
  std::string at;  // a JSON Pointer
  bool as_data = false;
  bool state_dict = false;
  bool tensors_only = false;
  std::optional<int> protocol;  // nothing: that of the input
  bool no_crc = false;
  bool strict = false;
  std::optional<std::string> map_location;
  bool any_location = false;
  PluginFlags plugins;
  std::vector<std::string> metadata;   // "NAME=TEXT"
  std::optional<Container> container;  // nothing: by OUT's suffix
  LoadOptions load;
  SaveOptions save;
};

// The metadata of a safetensors file: that of the input, then what is asked
// for, in the place of entries of the same name. Other libraries look at
// "format" for whose tensors these are; of a PyTorch checkpoint they are
// PyTorch's.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> MakeMetadata(
    const std::vector<std::string>& asked, const CheckpointInfo& info) {
  auto metadata = info.metadata;
  if (info.container != Container::kSafetensors) {
    metadata.emplace_back("format", "pt");
  }
  for (const std::string& entry : asked) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--metadata=", entry, " should be of the form NAME=TEXT"));
    }
    const std::string name = entry.substr(0, equals);
    metadata.erase(
        std::remove_if(metadata.begin(), metadata.end(),
                       [&name](const auto& had) { return had.first == name; }),
        metadata.end());
    metadata.emplace_back(name, entry.substr(equals + 1));
  }
  return metadata;
}

// The storages that `value` refers to and whose bytes are still in the file.
std::vector<Storage> StoragesToRead(const Value& value) {
  // With nothing in it that only the rest of the checkpoint refers to.
  ObjectGraph part;
  (void)part.Import(*value.graph(), value.node());
  std::vector<Storage> storages;
  const auto add = [&storages](const Storage& storage) {
    if (!storage.is_null() && !storage.has_data()) storages.push_back(storage);
  };
  for (const StorageRecord& record : part.storages()) add(record.storage);
  for (const Tensor& tensor : part.tensors()) add(tensor.storage());
  return storages;
}

// The dtypes that floating-point tensors can be cast to.
std::vector<std::string> FloatNames() {
  std::vector<std::string> names;
  for (DType dtype : AllDTypes()) {
    if (Category(dtype) == DTypeCategory::kFloat &&
        CheckCast(DType::kFloat32, dtype).ok()) {
      names.emplace_back(Name(dtype));
    }
  }
  return names;
}

// The codecs that files can be written with.
std::vector<std::string> CodecNames() {
  std::vector<std::string> names;
  const CodecSnapshot codecs = CodecRegistry::Default().Snapshot();
  for (const std::shared_ptr<const Codec>& codec : codecs.codecs()) {
    names.emplace_back(codec->name());
  }
  return names;
}

// Something that is not written, and what it is.
struct Omitted {
  std::string name;
  std::string type;
};

// Says what is not written: a line for each, up to a hundred.
void ListOmitted(const std::string& in, const std::vector<Omitted>& omitted,
                 const CommandIo& io) {
  constexpr size_t kMostLines = 100;
  for (size_t i = 0; i < std::min(omitted.size(), kMostLines); ++i) {
    Complain(io,
             absl::StrCat(in, ": left out: ", QuoteForMessage(omitted[i].name),
                          ", ", EscapeForMessage(omitted[i].type)));
  }
  if (omitted.size() > kMostLines) {
    Complain(io, absl::StrCat(in, ": left out: ", omitted.size() - kMostLines,
                              " more"));
  }
}

// The tensors of a model by name, as a state_dict; fills `omitted` with what
// else its state has. Says what the value has beside that state.
absl::StatusOr<Value> MakeStateDict(const Value& value,
                                    const ConvertOptions& options,
                                    std::vector<Omitted>* omitted,
                                    const CommandIo& io) {
  FERRY_ASSIGN_OR_RETURN(
      const StateDictResult state,
      StateDict(value, options.load.budget, options.load.is_cancelled));
  Value dict = Value::OrderedDict();
  for (const NamedTensor& entry : state.tensors) {
    // As `state_dict()` of PyTorch does.
    FERRY_RETURN_IF_ERROR(dict.Set(entry.name, Value(entry.tensor.Detach())));
  }
  for (const LeftOut& entry : state.left_out) {
    omitted->push_back({entry.name, entry.type});
  }
  std::vector<Omitted> outside;
  outside.reserve(state.outside.size());
  for (const std::string& pointer : state.outside) {
    outside.push_back({pointer, "which is not in the model's state"});
  }
  ListOmitted(options.in, outside, io);
  return dict;
}

// The entries of a dict that are tensors; fills `omitted` with the others.
absl::StatusOr<Value> TakeTensors(const Value& value,
                                  std::vector<Omitted>* omitted) {
  if (!value.is_dict()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tensors-only takes the tensors of a dict, but this is ",
                     WithArticle(Name(value.kind())),
                     "; say where the dict is with --at=POINTER, or let "
                     "--state-dict find it"));
  }
  Value dict = Value::OrderedDict();
  const absl::Span<const NodeId> entries = value.graph()->entries(value.node());
  for (size_t i = 0; i < entries.size(); i += 2) {
    const Value key(value.graph(), entries[i]);
    const Value entry(value.graph(), entries[i + 1]);
    if (entry.is_tensor()) {
      FERRY_RETURN_IF_ERROR(dict.Set(key, entry));
    } else {
      omitted->push_back({KeyText(*value.graph(), key.node()),
                          std::string(Name(entry.kind()))});
    }
  }
  return dict;
}

// What of the value is to be written, by the options.
absl::StatusOr<Value> Select(const Value& value, const ConvertOptions& options,
                             const CommandIo& io) {
  if (!options.state_dict && !options.tensors_only) return value;
  std::vector<Omitted> omitted;
  FERRY_ASSIGN_OR_RETURN(Value selected,
                         options.state_dict
                             ? MakeStateDict(value, options, &omitted, io)
                             : TakeTensors(value, &omitted));
  if (!omitted.empty() && !options.tensors_only) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.in, ": the model's state has ", omitted.size(),
        omitted.size() == 1 ? " entry that is not a tensor: "
                            : " entries that are not tensors, such as ",
        QuoteForMessage(omitted[0].name), ", ",
        EscapeForMessage(omitted[0].type),
        "; add --tensors-only to leave out what is not a tensor"));
  }
  ListOmitted(options.in, omitted, io);
  return selected;
}

// Whether OUT gets the bytes one after another: "-", which is standard output,
// a pipe or a device.
bool IsStream(const std::string& out) {
  struct stat info;
  return out == "-" ||
         (RetryOnEintr([&] { return stat(out.c_str(), &info); }) == 0 &&
          !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode));
}

absl::Status SaveTo(const Value& value, const std::string& out,
                    const SaveOptions& options, const CommandIo& io) {
  if (!IsStream(out)) return Save(value, out, options);
  if (out == "-") {
    if (io.out_is_terminal) {
      return absl::InvalidArgumentError(
          "standard output is a terminal, but a checkpoint is not text; "
          "redirect the output to a file or a pipe");
    }
    OStreamSink sink(&io.out, "standard output");
    return Save(value, sink, options);
  }
  const int fd =
      RetryOnEintr([&] { return open(out.c_str(), O_WRONLY | O_CLOEXEC); });
  if (fd < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot open ", out, ": ", std::strerror(errno)));
  }
  FdSink sink(fd, out);
  const absl::Status status = Save(value, sink, options);
  close(fd);
  return status;
}

Container ContainerOf(const ConvertOptions& options) {
  return options.container.value_or(HasSafetensorsSuffix(options.out)
                                        ? Container::kSafetensors
                                        : Container::kZip);
}

// Checks that no option is given that does nothing to OUT.
absl::Status CheckOptions(const ConvertOptions& options) {
  const bool is_safetensors = ContainerOf(options) == Container::kSafetensors;
  std::string useless;
  if (!is_safetensors && options.save.copy_shared) useless = "--copy-shared";
  if (!is_safetensors && !options.metadata.empty()) useless = "--metadata";
  if (!useless.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        useless,
        " applies only to the safetensors container, but the container of OUT "
        "is ",
        Name(ContainerOf(options)),
        "; give OUT the suffix .safetensors, or leave the option out"));
  }
  if (is_safetensors) {
    if (options.protocol) useless = "--protocol";
    if (!options.save.codec.empty()) useless = "--codec";
    if (options.map_location.has_value()) {
      return absl::InvalidArgumentError(
          "--map-location says which devices OUT names, but a safetensors file "
          "names no devices; leave the option out, or choose another "
          "container");
    }
  }
  if (!useless.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        useless,
        " says how objects are written, but a safetensors file has no objects; "
        "leave the option out, or choose another container"));
  }
  if (options.any_location && !options.map_location.has_value()) {
    return absl::InvalidArgumentError(
        "--any-location does nothing without --map-location");
  }
  if (!options.plugins.paths.empty() && !options.map_location.has_value()) {
    return absl::InvalidArgumentError(
        "--plugin does nothing without --map-location");
  }
  if (options.plugins.allow_reserved_types && options.plugins.paths.empty()) {
    return absl::InvalidArgumentError(
        "--allow-reserved-types does nothing without --plugin");
  }
  return absl::OkStatus();
}

absl::StatusOr<Checkpoint> OpenIfClean(const std::string& path,
                                       const LoadOptions& options,
                                       const CommandIo& io) {
  ScanReport report;
  absl::StatusOr<Checkpoint> checkpoint =
      OpenAndScanInput(path, options, io, &report);
  // What was found before the scan ended says more than why it ended.
  if (checkpoint.ok() && !report.status.ok() &&
      report.verdict() != ScanReport::Verdict::kFound) {
    return absl::Status(report.status.code(),
                        absl::StrCat(path, " was not examined to the end: ",
                                     report.status.message()));
  }
  if (report.verdict() == ScanReport::Verdict::kFound ||
      (checkpoint.ok() && report.verdict() != ScanReport::Verdict::kClean)) {
    return absl::PermissionDeniedError(absl::StrCat(
        path, " is refused because of --strict: ", report.Summary(),
        ". \"ferry scan\" lists all findings; convert without --strict if you "
        "trust the file"));
  }
  return checkpoint;
}

// Catches signals by `interrupt` from when there is something to leave behind.
absl::Status Convert(ConvertOptions options, const CommandIo& io,
                     std::optional<ScopedInterrupt>* interrupt) {
  options.load.is_cancelled = [interrupt, &io] {
    return (interrupt->has_value() && (*interrupt)->signal() != 0) ||
           (io.is_cancelled && io.is_cancelled());
  };
  FERRY_RETURN_IF_ERROR(CheckOptions(options));

  FERRY_RETURN_IF_ERROR(
      LoadPlugins(options.plugins, PluginSources::kNamed, io).status());
  LoadOptions load_options = options.load;
  if (options.map_location.has_value()) {
    const absl::StatusOr<MapLocation> map =
        ParseMapLocation(*options.map_location,
                         options.any_location ? Targets::kAny : Targets::kKnown,
                         DeviceRegistry::Default().Snapshot());
    if (!map.ok()) {
      return absl::Status(
          map.status().code(),
          absl::StrCat("--map-location: ", map.status().message()));
    }
    load_options.map_location = *map;
  }
  load_options.placement = Placement::kHost;
  // A mapping that nothing needs is a mistake in it.
  load_options.map_location_must_match = true;
  std::optional<Progress> progress;
  progress.emplace("reading", io);
  const auto report = [&progress](uint64_t done, uint64_t total) {
    progress->Update(done, total);
  };
  load_options.progress = report;
  FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                         options.strict
                             ? OpenIfClean(options.in, load_options, io)
                             : OpenInput(options.in, load_options, io));
  // Until here there is nothing to leave behind, and at a stream there never
  // is: a signal just ends the process, even one that waits for a pipe.
  if (!IsStream(options.out)) interrupt->emplace();
  const std::string trailing = DescribeTrailingBytes(
      load_options, checkpoint.end_offset_bytes(), checkpoint.trailing_bytes());
  if (!trailing.empty()) {
    Complain(io, absl::StrCat(options.in, ": not converted: ", trailing));
  }
  for (const std::string& warning : checkpoint.warnings()) {
    Complain(io, absl::StrCat(options.in, ": warning: ", warning));
  }
  Value root = checkpoint.root();
  options.load.budget.held_memory_bytes = HeldMemoryBytes(checkpoint);
  if (options.as_data) {
    FERRY_ASSIGN_OR_RETURN(
        root, ProgramData(root, checkpoint.constants(), options.load.budget,
                          options.load.is_cancelled));
    options.load.budget.held_memory_bytes += root.graph()->memory_bytes();
  } else if (checkpoint.info().kind == CheckpointKind::kTorchScript &&
             !options.state_dict) {
    return absl::UnimplementedError(
        absl::StrCat(options.in,
                     " is a TorchScript archive, and Ferry cannot write its "
                     "program; use --state-dict to write its tensors by name, "
                     "or --as-data to write its other attributes too"));
  }
  FERRY_ASSIGN_OR_RETURN(root, root.At(options.at));
  FERRY_ASSIGN_OR_RETURN(root, Select(root, options, io));
  SaveOptions save_options = options.save;
  save_options.budget = options.load.budget;
  if (options.state_dict || options.tensors_only) {
    save_options.budget.held_memory_bytes += root.graph()->memory_bytes();
  }
  save_options.source_bytes = checkpoint.root().graph()->stored_bytes();
  save_options.container = ContainerOf(options);
  FERRY_ASSIGN_OR_RETURN(save_options.metadata,
                         MakeMetadata(options.metadata, checkpoint.info()));
  const bool is_whole =
      options.at.empty() && !options.state_dict && !options.tensors_only;
  FERRY_RETURN_IF_ERROR(is_whole ? checkpoint.LoadAll()
                                 : checkpoint.Load(StoragesToRead(root)));

  // The other containers have no choice of codec.
  if (save_options.codec.empty() && save_options.container == Container::kZip) {
    save_options.codec = checkpoint.info().codec;
  }
  if (options.protocol && !save_options.codec.empty() &&
      save_options.codec != kPickleCodecName) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--protocol applies only to the codec pickle, but the codec of OUT is ",
        save_options.codec, "; to write a pickle, add --codec=pickle"));
  }
  save_options.compute_crc32 = !options.no_crc;
  save_options.pickle_protocol =
      options.protocol.value_or(std::max(2, checkpoint.info().pickle_protocol));
  save_options.is_cancelled = options.load.is_cancelled;
  save_options.progress = report;
  progress.emplace("writing", io);
  return SaveTo(root, options.out, save_options, io);
}

int RunConvert(const ConvertOptions& options, const CommandIo& io) {
  std::optional<ScopedInterrupt> interrupt;
  const absl::Status status = Convert(options, io, &interrupt);
  if (status.ok()) return kExitDone;
  if (!absl::IsCancelled(status)) {
    Complain(io, MessageOf(status));
    if (IsWrittenButNotDurable(status)) return kExitNotDurable;
  } else {
    Complain(io,
             IsStream(options.out)
                 ? "interrupted; the output is incomplete"
                 : absl::StrCat("interrupted; ", options.out, " is unchanged"));
  }
  // A signal may come while another error is on its way.
  const int signal = interrupt.has_value() ? interrupt->signal() : 0;
  return signal != 0 ? kExitSignal + signal : kExitFailed;
}

}  // namespace

void AddConvert(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      app, "convert", "Write a checkpoint in another form.",
      "torch.load reads from OUT what it reads from IN: the same objects,\n"
      "with the same sharing, and each storage on the same device, even if\n"
      "this machine does not have that device. Only --map-location changes\n"
      "devices, and only --dtype changes numbers. --map-location may name\n"
      "devices of PyTorch and of the plugins of --plugin; the tensors\n"
      "themselves stay on the host. OUT may be IN. It is\n"
      "replaced as a whole or not at all, unless it is a stream: \"-\"\n"
      "(standard output), a pipe or a device.\n"
      "Exit code 3: OUT is complete and in place, but may be lost if the\n"
      "machine stops now. After any other failure OUT is unchanged.\n\n" +
          std::string(kInputHelp),
      "  ferry convert old.pt new.pt\n"
      "  ferry convert --state-dict train.pt model.safetensors\n"
      "  ferry convert --at=/ema --tensors-only train.pt ema.safetensors\n"
      "  ferry convert --dtype=bfloat16 train.pt half_the_size.pt\n"
      "  ferry convert --compatibility=1.6 new.pt for_old_pytorch.pt\n"
      "  ferry convert --container=legacy new.pt for_very_old_pytorch.pt\n"
      "  ferry convert --codec=pickle model.pt for_pytorch.pt\n"
      "  curl -s URL | ferry convert - model.safetensors\n"
      "  ferry convert --alignment=4096 model.pt mappable.pt\n"
      "  ferry convert --map-location=cuda:0=cpu model.pt for_cpu.pt");
  const auto options = std::make_shared<ConvertOptions>();
  command->add_option("IN", options->in, "The checkpoint to read")->required();
  command->add_option("OUT", options->out, "The file to write")->required();
  command
      ->add_option_function<std::string>(
          "--container",
          [options](const std::string& word) {
            static const std::map<std::string, Container> kContainers = {
                {"zip", Container::kZip},
                {"legacy", Container::kLegacy},
                {"safetensors", Container::kSafetensors}};
            options->container = kContainers.at(word);
          },
          "The container to write [safetensors if OUT ends in\n"
          ".safetensors, else zip]. PyTorch before 1.6 reads only\n"
          "legacy; safetensors holds only a dict of tensors")
      ->check(OneOf({"zip", "legacy", "safetensors"}))
      ->option_text("zip|legacy|safetensors");
  const std::vector<std::string> codecs = CodecNames();
  command
      ->add_option("--codec", options->save.codec,
                   "The codec of the object graph [that of IN for a zip\n"
                   "archive, else pickle]. PyTorch reads only pickle. Other\n"
                   "codecs need the zip container")
      ->check(OneOf(codecs))
      ->option_text(absl::StrJoin(codecs, "|"));
  AddRangeOption(command, &options->load.offset_bytes,
                 &options->load.size_bytes);
  command
      ->add_option("--at", options->at,
                   "Write only the value at this JSON Pointer")
      ->option_text("POINTER");
  command->add_flag("--as-data", options->as_data,
                    "Write the tensors and attributes of a TorchScript\n"
                    "archive as a dict, without its classes and code");
  command->add_flag("--state-dict", options->state_dict,
                    "Write only the tensors of the model, by name. IN is a\n"
                    "state_dict, a training checkpoint, a whole module or a\n"
                    "TorchScript archive");
  command->add_flag("--tensors-only", options->tensors_only,
                    "Leave out entries that are not tensors, and list them.\n"
                    "Without it, they are an error in safetensors and with\n"
                    "--state-dict");
  command->add_flag("--copy-shared", options->save.copy_shared,
                    "For safetensors: write a full copy of each tensor that\n"
                    "shares memory. Without it, such tensors are an error");
  command
      ->add_option("--metadata", options->metadata,
                   "For safetensors: an entry to add to the metadata of IN\n"
                   "[format=pt, unless IN is safetensors]")
      ->option_text("NAME=TEXT");
  command
      ->add_option_function<std::string>(
          "--protocol",
          [options](const std::string& word) {
            options->protocol = word[0] - '0';
          },
          "The pickle protocol [that of IN, but at least 2]")
      ->check(OneOf({"0", "1", "2", "3", "4", "5"}))
      ->option_text("0|1|2|3|4|5");
  command
      ->add_option_function<std::string>(
          "--compatibility",
          [options](const std::string& word) {
            options->save.compatibility =
                word == "1.6"   ? Compatibility::kTorch1_6
                : word == "2.1" ? Compatibility::kTorch2_1
                                : Compatibility::kTorch2_7;
          },
          "Write as this and later versions of PyTorch do [2.7]")
      ->check(OneOf({"1.6", "2.1", "2.7"}))
      ->option_text("1.6|2.1|2.7");
  command
      ->add_option("--alignment", options->save.storage_alignment,
                   "Start each storage at a multiple of this many bytes [64]")
      ->option_text("BYTES");
  command
      ->add_option("--archive-name", options->save.archive_name,
                   "The prefix of the names of the records [OUT's name]")
      ->option_text("NAME");
  command
      ->add_option_function<std::string>(
          "--dtype",
          [options](const std::string& word) {
            options->load.dtype = DTypeFromName(word);
          },
          "Cast all floating-point tensors to this dtype, as PyTorch's\n"
          "module.to(dtype) does: float32, float16, bfloat16, ...")
      ->check(OneOf(FloatNames()))
      ->option_text("DTYPE");
  command
      ->add_option("--map-location", options->map_location,
                   "Put all tensors on DEVICE, or the tensors of device FROM\n"
                   "on device TO")
      ->option_text("DEVICE|FROM=TO,...");
  AddPluginOptions(command, &options->plugins);
  command->add_flag("--any-location", options->any_location,
                    "Let --map-location name any device, even one that\n"
                    "neither PyTorch nor Ferry knows");
  command->add_flag("--strict", options->strict,
                    "Refuse a file in which \"ferry scan\" finds anything, or\n"
                    "that it cannot examine");
  command->add_flag("--no-crc", options->no_crc,
                    "Write no checksums. Damage then goes undetected");
  AddBudgetOptions(command, &options->load.budget);
  command->callback(
      [options, &io, exit_code] { *exit_code = RunConvert(*options, io); });
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
