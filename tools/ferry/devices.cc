// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/devices.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/device_registry.h"
#include "ferry/plugins/plugin_loader.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/plugin_option.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

std::string DeviceName(const Backend& backend, int index) {
  return backend.is_indexed() ? absl::StrCat(backend.type(), ":", index)
                              : std::string(backend.type());
}

// Writes the location tag of a device, if its backend has tags of its own.
void DescribeTag(const DeviceSnapshot& snapshot, const Backend& backend,
                 int index, Json* device) {
  if (!backend.has_own_tags()) return;
  const absl::StatusOr<DeviceSnapshot::SavedTag> saved =
      snapshot.SavedTagOf(backend, index);
  if (!saved.ok()) {
    (*device)["tag_error"] = JsonText(saved.status().message());
    return;
  }
  (*device)["tag"] = JsonText(saved->tag);
  if (saved->unused_tag.empty()) return;
  (*device)["unused_tag"] = JsonText(saved->unused_tag);
  (*device)["why_unused"] = JsonText(WithFlagNames(saved->why_unused));
}

Json DescribeEntry(const DeviceSnapshot& snapshot,
                   const DeviceSnapshot::Entry& entry) {
  Json row;
  row["priority"] = entry.priority;
  if (entry.backend == nullptr) {
    row["type"] = nullptr;
    return row;
  }
  const Backend& backend = *entry.backend;
  row["type"] = JsonText(backend.type());
  for (const DeviceSnapshot::ReservedClaim& claim :
       snapshot.ReservedClaims(backend)) {
    Json described;
    described["type"] = JsonText(claim.type);
    described["given"] = claim.why_not.empty();
    if (!claim.why_not.empty()) {
      described["why_not"] = JsonText(WithFlagNames(claim.why_not));
    }
    row["claims"].push_back(std::move(described));
  }
  row["devices"] = Json::array();
  const absl::StatusOr<int> count = backend.DeviceCount();
  if (!count.ok()) {
    row["unavailable"] = JsonText(count.status().message());
    return row;
  }
  for (int i = 0; i < *count; ++i) {
    Json device;
    device["name"] = DeviceName(backend, i);
    const absl::StatusOr<DeviceProperties> properties = backend.Properties(i);
    if (properties.ok()) {
      device["product"] = properties->name;
      if (properties->memory_bytes != 0) {
        device["memory_bytes"] = properties->memory_bytes;
      }
    } else {
      device["unavailable"] = JsonText(properties.status().message());
    }
    DescribeTag(snapshot, backend, i, &device);
    row["devices"].push_back(std::move(device));
  }
  return row;
}

std::string Field(const Json& row, const char* name) {
  return EscapeForTerminal(row[name].get<std::string>());
}

void PrintClaim(const Json& claim, std::ostream& out) {
  out << "  claims the tags of " << Field(claim, "type");
  if (claim.contains("why_not")) {
    out << ", but does not get them: " << Field(claim, "why_not");
  }
  out << "\n";
}

void PrintTag(const Json& device, std::ostream& out) {
  if (device.contains("tag_error")) {
    out << ", cannot be saved: " << Field(device, "tag_error");
  }
  if (device.contains("tag") &&
      (device["tag"] != device["name"] || device.contains("unused_tag"))) {
    out << ", saved as " << Field(device, "tag");
  }
  if (device.contains("unused_tag")) {
    out << ", not as " << Field(device, "unused_tag") << ": "
        << Field(device, "why_unused");
  }
}

void PrintEntry(const Json& row, std::ostream& out) {
  if (row["type"].is_null()) {
    out << absl::StrFormat("%-12s  priority %d: a program's own package\n", "",
                           row["priority"].get<int>());
    return;
  }
  out << absl::StrFormat("%-12s  priority %d", Field(row, "type"),
                         row["priority"].get<int>());
  if (row.contains("unavailable")) {
    out << "  no device: " << Field(row, "unavailable");
  }
  out << "\n";
  if (row.contains("claims")) {
    for (const Json& claim : row["claims"]) PrintClaim(claim, out);
  }
  for (const Json& device : row["devices"]) {
    out << absl::StrFormat("  %-10s  ", Field(device, "name"));
    if (device.contains("unavailable")) {
      out << Field(device, "unavailable") << "\n";
      continue;
    }
    out << Field(device, "product");
    if (device.contains("memory_bytes")) {
      out << ", " << HumanBytes(device["memory_bytes"].get<uint64_t>());
    }
    PrintTag(device, out);
    out << "\n";
  }
}

Json DescribeVerdict(const PluginVerdict& verdict) {
  Json row;
  row["path"] = JsonText(verdict.path);
  row["source"] = JsonText(SourceName(verdict.source));
  row["loaded"] = verdict.status.ok();
  if (!verdict.status.ok()) {
    row["reason"] = JsonText(WithFlagNames(verdict.status.message()));
  }
  if (!verdict.name.empty()) {
    row["name"] = JsonText(verdict.name);
    row["version"] = JsonText(verdict.version);
    row["types"] = Json::array();
    for (const std::string& type : verdict.types) {
      row["types"].push_back(JsonText(type));
    }
  }
  return row;
}

void PrintVerdicts(const std::vector<PluginVerdict>& verdicts,
                   std::ostream& out) {
  out << "\n";
  if (verdicts.empty()) {
    out << "No plugin was named with --plugin, in FERRY_PLUGIN_PATH or by a\n"
           "manifest in /etc/ferry/plugins.d.\n";
    return;
  }
  out << "Plugins, in the order in which they were tried:\n";
  for (const PluginVerdict& verdict : verdicts) {
    out << "  " << EscapeForTerminal(WithFlagNames(verdict.ToString())) << " ["
        << SourceName(verdict.source) << "]\n";
  }
}

struct DevicesOptions {
  OutputFormat format = OutputFormat::kHuman;
  bool explain = false;
  PluginFlags plugins;
};

int RunDevices(const DevicesOptions& options, const CommandIo& io) {
  absl::StatusOr<std::vector<PluginVerdict>> verdicts =
      LoadPlugins(options.plugins, PluginSources::kAll, io);
  int exit_code = kExitDone;
  if (!verdicts.ok()) {
    exit_code = Fail(io, verdicts.status());
    if (!options.explain) return exit_code;
    // What failed is part of the explanation.
    verdicts = PluginLoader::Default().verdicts();
  }
  const DeviceSnapshot snapshot = DeviceRegistry::Default().Snapshot();
  Json rows = Json::array();
  for (const DeviceSnapshot::Entry& entry : snapshot.entries()) {
    rows.push_back(DescribeEntry(snapshot, entry));
  }
  if (options.format == OutputFormat::kJson) {
    if (!options.explain) {
      io.out << DumpIndented(rows) << "\n";
      return exit_code;
    }
    Json all;
    all["devices"] = std::move(rows);
    all["plugins"] = Json::array();
    for (const PluginVerdict& verdict : *verdicts) {
      all["plugins"].push_back(DescribeVerdict(verdict));
    }
    io.out << DumpIndented(all) << "\n";
    return exit_code;
  }
  for (const Json& row : rows) PrintEntry(row, io.out);
  if (options.explain) PrintVerdicts(*verdicts, io.out);
  return exit_code;
}

}  // namespace

void AddDevices(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      app, "devices", "List the available devices.",
      "A location tag in a file may name these devices. Ferry asks\n"
      "their types in this order. If a type has no device, the list\n"
      "says why. For a plugin with tags of its own, it also says which\n"
      "tags a save writes, and which it does not write, and why.\n"
      "After the plugins of --plugin, loads those of FERRY_PLUGIN_PATH (a\n"
      "list separated by colons) and of /etc/ferry/plugins.d.",
      "  ferry devices\n"
      "  ferry devices --plugin=/opt/acme/libacme.so --explain\n"
      "  ferry devices --format=json");
  const auto options = std::make_shared<DevicesOptions>();
  AddPluginOptions(command, &options->plugins);
  command->add_flag("--explain", options->explain,
                    "Also list every plugin that was tried, and the result.\n"
                    "The exit code is the same as without");
  AddFormatOption(command, &options->format);
  command->callback(
      [options, &io, exit_code] { *exit_code = RunDevices(*options, io); });
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
