// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_manifest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/plugin.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kMaxManifestBytes = uint64_t{64} << 10;
constexpr uint32_t kManifestVersion = 1;

// Takes the JSON of a manifest event by event, up to the first fault.
class ManifestEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  const PluginManifest& manifest() const { return manifest_; }
  // What is wrong, after a fault.
  const std::string& fault() const { return fault_; }

  bool null() override { return Other("null"); }
  bool boolean(bool) override { return Other("a bool"); }
  bool number_integer(number_integer_t) override {
    return Other("a negative number");
  }
  bool number_float(number_float_t, const string_t&) override {
    return Other("a fraction, or a number past 2^64");
  }
  bool binary(binary_t&) override { return Other("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (number_ == nullptr) return Other("a number");
    *std::exchange(number_, nullptr) = value;
    return true;
  }

  bool string(string_t& value) override {
    if (is_in_list_) {
      manifest_.device_types.push_back(std::move(value));
      return true;
    }
    if (text_ == nullptr) return Other("text");
    *std::exchange(text_, nullptr) = std::move(value);
    return true;
  }

  bool start_object(size_t) override {
    if (is_in_object_) return Other("an object");
    is_in_object_ = true;
    return true;
  }
  bool end_object() override { return true; }

  bool start_array(size_t) override {
    if (!is_list_next_) return Other("an array");
    is_list_next_ = false;
    is_in_list_ = true;
    return true;
  }
  bool end_array() override {
    is_in_list_ = false;
    return true;
  }

  bool key(string_t& name) override {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      return Refuse(absl::StrCat("it has ", QuoteForMessage(name), " twice"));
    }
    names_.push_back(name);
    if (name == "manifest_version") {
      number_ = &manifest_.manifest_version;
    } else if (name == "abi_major") {
      number_ = &manifest_.abi_major;
    } else if (name == "name") {
      text_ = &manifest_.name;
    } else if (name == "version") {
      text_ = &manifest_.version;
    } else if (name == "library") {
      text_ = &manifest_.library;
    } else if (name == "device_types") {
      is_list_next_ = true;
    } else {
      return Refuse(
          absl::StrCat("it has the unknown key ", QuoteForMessage(name)));
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Refuse(absl::StrCat("it is not valid JSON at byte ",
                               position > 0 ? position - 1 : 0));
  }

 private:
  // A value of a kind that the place does not take.
  bool Other(absl::string_view what) {
    if (!is_in_object_) {
      return Refuse(absl::StrCat("it is ", what, ", not an object"));
    }
    return Refuse(absl::StrCat("its ", names_.back(), " should be ",
                               number_ != nullptr ? "a number"
                               : text_ != nullptr ? "text"
                                                  : "a list of texts",
                               ", but ", is_in_list_ ? "has in it " : "is ",
                               what));
  }
  bool Refuse(std::string what) {
    fault_ = std::move(what);
    return false;
  }

  PluginManifest manifest_;
  std::string fault_;
  std::vector<std::string> names_;  // of the keys so far
  // What the next value has to be: one of these three.
  uint64_t* number_ = nullptr;
  std::string* text_ = nullptr;
  bool is_list_next_ = false;
  bool is_in_object_ = false;
  bool is_in_list_ = false;
};

bool LeavesItsFolder(absl::string_view path) {
  if (path.empty() || path[0] == '/') return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

// A sorted list of types.
std::string Listed(std::vector<std::string> types) {
  std::sort(types.begin(), types.end());
  return absl::StrJoin(types, ", ");
}

}  // namespace

bool IsPluginManifestPath(absl::string_view path) {
  return absl::EndsWith(path, ".json");
}

absl::StatusOr<PluginManifest> ReadPluginManifest(
    const RandomAccessFile& file) {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.name(), " is not a plugin manifest: ", what));
  };
  if (file.size_bytes() > kMaxManifestBytes) {
    return bad(absl::StrCat("it has more than ", kMaxManifestBytes, " bytes"));
  }
  std::string text(static_cast<size_t>(file.size_bytes()), '\0');
  FERRY_RETURN_IF_ERROR(file.ReadAt(0, absl::MakeSpan(&text[0], text.size())));
  // The parser would take a NUL for the end of the text.
  const size_t nul = text.find('\0');
  if (nul != std::string::npos) {
    return bad(absl::StrCat("it is not valid JSON at byte ", nul));
  }
  ManifestEvents events;
  if (!nlohmann::json::sax_parse(text, &events)) return bad(events.fault());
  const PluginManifest& manifest = events.manifest();
  if (manifest.manifest_version != kManifestVersion) {
    return bad(absl::StrCat("its manifest_version is ",
                            manifest.manifest_version, "; this Ferry reads ",
                            kManifestVersion));
  }
  if (manifest.abi_major != FERRY_PLUGIN_ABI_MAJOR) {
    return bad(absl::StrCat("the plugin has version ", manifest.abi_major,
                            " of the interface; this Ferry has ",
                            FERRY_PLUGIN_ABI_MAJOR));
  }
  if (manifest.name.empty() || manifest.version.empty()) {
    return bad("it should give the plugin's name and version");
  }
  if (LeavesItsFolder(manifest.library)) {
    return bad(
        absl::StrCat("its library \"", absl::CHexEscape(manifest.library),
                     "\" should be a path inside the manifest's own folder"));
  }
  if (manifest.device_types.empty()) {
    return bad("it should list the plugin's device_types");
  }
  for (const std::string& type : manifest.device_types) {
    if (!IsPluginDeviceType(type)) {
      return bad(absl::StrCat("\"", absl::CHexEscape(type),
                              "\" is not a valid device type"));
    }
  }
  return manifest;
}

absl::StatusOr<TrustedFile> OpenPluginLibrary(
    const std::string& path, std::optional<PluginManifest>* manifest) {
  FERRY_ASSIGN_OR_RETURN(TrustedFile file, TrustedFile::Open(path));
  if (!IsPluginManifestPath(path)) return file;
  FERRY_ASSIGN_OR_RETURN(*manifest, ReadPluginManifest(file.bytes()));
  return TrustedFile::Open(
      absl::StrCat(file.directory(), "/", (*manifest)->library));
}

absl::Status CheckAgrees(const PluginManifest& manifest,
                         const PluginDescription& plugin) {
  std::vector<std::string> types;
  types.reserve(plugin.backends.size());
  for (const auto& backend : plugin.backends) types.push_back(backend.type);
  const std::string theirs = Listed(types);
  const std::string said = Listed(manifest.device_types);
  if (manifest.name == plugin.name && manifest.version == plugin.version &&
      said == theirs) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the manifest says ", absl::CHexEscape(manifest.name), " ",
      absl::CHexEscape(manifest.version), " with ", said, "; the plugin says ",
      plugin.name, " ", plugin.version, " with ", theirs));
}

}  // namespace v1
}  // namespace ferry
