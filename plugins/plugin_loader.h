// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_loader.h
// -----------------------------------------------------------------------------
//
// Loads plugins when the program asks. A file's location tag never loads one.
//
// A loaded plugin has all rights of the process: the checks here are about
// which file gets loaded, none is a sandbox.
//
// Example: what the user named, then what FERRY_PLUGIN_PATH names.
//
//   PluginOptions options;
//   options.paths = {"/opt/acme/libacme.so"};
//   options.use_environment = true;
//   for (const PluginVerdict& verdict :
//        PluginLoader::Default().Load(options)) {
//     if (!verdict.status.ok()) std::cerr << verdict.ToString() << "\n";
//   }
#ifndef FERRY_PLUGINS_PLUGIN_LOADER_H_
#define FERRY_PLUGINS_PLUGIN_LOADER_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/devices/device_registry.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_description.h"

namespace ferry {

// Which plugins are looked for, in this order.
struct PluginOptions {
  // Libraries ("libacme.so"), manifests ("acme.json"), or folders, which stand
  // for the manifests in them, in the order of their names.
  std::vector<std::string> paths;

  // What the environment variable FERRY_PLUGIN_PATH lists in the same way,
  // separated by colons; absolute paths. It is ignored where the process runs
  // with more rights than the user has (secure_getenv).
  bool use_environment = false;

  // The manifests in /etc/ferry/plugins.d.
  bool use_system_folder = false;

  // Lets a plugin bring a type that PyTorch gives a meaning, such as "cuda".
  bool allow_reserved_types = false;
};

// What became of one candidate.
struct PluginVerdict {
  enum Source { kProgram, kEnvironment, kSystemFolder };

  Source source = kProgram;
  // As it was found; empty for a plugin that is linked in.
  std::string path;
  // Of the plugin, as far as they are known.
  std::string name;
  std::string version;
  std::string vendor;
  std::vector<std::string> types;
  // OK: its types are registered. Else it is disabled, and this says why.
  absl::Status status;

  // "/opt/acme/libacme.so: loaded: com.acme 1.2.3 (acme)".
  std::string ToString() const;
};

// "program", "environment" or "system folder".
absl::string_view SourceName(PluginVerdict::Source source);

// PluginLoader
//
// Of two plugins with one name or one device type the first wins. A plugin that
// fails leaves nothing registered, and its name and reason in the registry,
// whose errors of unknown tags mention them. Libraries are never unloaded, the
// device types stay for as long as the loader.
//
// Thread-safety: all methods may be called from any number of threads at once;
// loads take turns.
class PluginLoader {
 public:
  // The priority of every plugin's types; of equal ones the first registered.
  static constexpr int kPriority = 100;

  // `registry` must outlive the loader.
  explicit PluginLoader(DeviceRegistry* registry) : registry_(registry) {}
  PluginLoader(const PluginLoader&) = delete;
  PluginLoader& operator=(const PluginLoader&) = delete;

  // The process's own, for DeviceRegistry::Default(). Never destroyed.
  static PluginLoader& Default();

  // Tries every candidate, and returns what became of each. One that was loaded
  // before is loaded. Never fails as a whole.
  //
  // The status of a verdict:
  //   kNotFound           - there is no such file; a folder has no manifest.
  //   kPermissionDenied   - others could have put the file there.
  //   kInvalidArgument    - it is no plugin, or breaks the interface.
  //   kAlreadyExists      - another has its name or one of its types.
  //   kFailedPrecondition - the versions do not fit; the list is locked; or the
  //                         file was replaced since it was first loaded.
  std::vector<PluginVerdict> Load(const PluginOptions& options);

  // A plugin that is linked in, or loaded by the program's own means.
  PluginVerdict LoadLinked(ferry_plugin_query query,
                           bool allow_reserved_types = false);

  // From now on nothing is loaded. Cannot be undone.
  void Lock();

  // All candidates so far, in the order in which they were tried.
  std::vector<PluginVerdict> verdicts() const;

 private:
  struct Candidate {
    PluginVerdict::Source source;
    std::string path;
  };
  using FileIdentity = std::pair<uint64_t, uint64_t>;
  struct Loaded {
    FileIdentity file;  // zero: linked in
    std::string path;
    PluginDescription plugin;
  };

  // Without the lock.
  static std::vector<Candidate> Candidates(const PluginOptions& options);

  // With it.
  absl::Status Try(bool allow_reserved_types, PluginVerdict* verdict);
  absl::Status Register(const PluginDescription& plugin,
                        bool allow_reserved_types, PluginVerdict* verdict);
  void Finish(const PluginVerdict& verdict);

  DeviceRegistry* const registry_;
  mutable std::mutex mutex_;
  // All guarded by mutex_.
  bool is_locked_ = false;
  std::vector<Loaded> loaded_;
  // What was given to dlopen(), which never maps a path twice.
  absl::flat_hash_map<std::string, FileIdentity> opened_;
  std::vector<PluginVerdict> verdicts_;
  std::vector<Registration> registrations_;
};

}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_LOADER_H_
