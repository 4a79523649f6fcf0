// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_loader.h
// -----------------------------------------------------------------------------
//
// Loads plugins when the program asks for them. A location tag in a file never
// loads one.
//
// A loaded plugin has all rights of the process. The checks here decide which
// files are loaded; they are not a sandbox.
//
// Example: load the plugin that the user named, then those in
// FERRY_PLUGIN_PATH.
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

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/hash_table.h"
#include "ferry/devices/device_registry.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_description.h"

namespace ferry {
inline namespace v1 {

// The plugins to load, in this order.
struct PluginOptions {
  // Libraries ("libacme.so"), manifests ("acme.json"), or folders. A folder
  // means all manifests in it, in the order of their names.
  std::vector<std::string> paths;

  // Whether to load the plugins that the environment variable FERRY_PLUGIN_PATH
  // lists in the same way, as absolute paths separated by colons. The variable
  // is ignored if the process has more rights than the user (secure_getenv).
  bool use_environment = false;

  // Whether to load the manifests in /etc/ferry/plugins.d.
  bool use_system_folder = false;

  // Whether a plugin may provide a device type that has a meaning in PyTorch,
  // such as "cuda", or read and write location tags that begin with one, such
  // as "privateuseone:0" (`TagRights`). Has no effect on plugins that are
  // already loaded.
  bool allow_reserved_types = false;
};

// The result of trying to load one candidate.
struct PluginVerdict {
  enum Source { kProgram, kEnvironment, kSystemFolder };

  Source source = kProgram;
  // The path at which it was found; empty for a linked-in plugin.
  std::string path;
  // The plugin's name, version, vendor and device types, as far as they are
  // known.
  std::string name;
  std::string version;
  std::string vendor;
  std::vector<std::string> types;
  // OK if its types are registered. Otherwise the plugin is disabled, and this
  // says why.
  absl::Status status;

  // Returns "/opt/acme/libacme.so: loaded: com.acme 1.2.3 (acme)".
  std::string ToString() const;
};

// Returns "program", "environment" or "system folder".
absl::string_view SourceName(PluginVerdict::Source source);

// PluginLoader
//
// If two plugins have the same name or the same device type, the first one
// wins. A plugin that fails registers nothing; the registry notes its name and
// the reason, and mentions them in errors about unknown tags. Libraries are
// never unloaded. The device types stay registered for the lifetime of the
// loader.
//
// Thread-safety: all methods may be called from any number of threads at once;
// loads take turns.
class PluginLoader {
 public:
  // The priority of all plugins' types. Among them, the first registered is
  // asked first.
  static constexpr int kPriority = 100;

  // `registry` must outlive the loader.
  explicit PluginLoader(DeviceRegistry* registry) : registry_(registry) {}
  PluginLoader(const PluginLoader&) = delete;
  PluginLoader& operator=(const PluginLoader&) = delete;

  // Returns the loader of the process, for DeviceRegistry::Default(). Never
  // destroyed.
  static PluginLoader& Default();

  // Tries every candidate, and returns a verdict for each. A candidate that was
  // loaded before counts as loaded. Never fails as a whole.
  //
  // The status of a verdict:
  //   kNotFound           - there is no such file, or a folder has no manifest.
  //   kPermissionDenied   - others could have created or changed the file.
  //   kInvalidArgument    - the file is not a plugin, or the plugin violates
  //                         the interface.
  //   kAlreadyExists      - another plugin has its name or one of its types.
  //   kFailedPrecondition - the versions are incompatible; the loader is
  //                         locked; or the file was replaced since it was first
  //                         loaded.
  std::vector<PluginVerdict> Load(const PluginOptions& options);

  // Registers a plugin that is linked into the program, or that the program
  // itself has loaded.
  PluginVerdict LoadLinked(ferry_plugin_query query,
                           bool allow_reserved_types = false);

  // Prevents all further loading. Cannot be undone.
  void Lock();

  // Returns the verdicts on all candidates so far, in the order in which they
  // were tried.
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

  // Called without the lock.
  static std::vector<Candidate> Candidates(const PluginOptions& options);

  // Called with the lock held.
  absl::Status Try(bool allow_reserved_types, PluginVerdict* verdict);
  absl::Status Register(const PluginDescription& plugin,
                        bool allow_reserved_types, PluginVerdict* verdict);
  void Finish(const PluginVerdict& verdict);

  DeviceRegistry* const registry_;
  mutable std::mutex mutex_;
  // All guarded by mutex_.
  bool is_locked_ = false;
  std::vector<Loaded> loaded_;
  // The files that were passed to dlopen(), which never maps a path twice.
  HashMap<std::string, FileIdentity> opened_;
  std::vector<PluginVerdict> verdicts_;
  std::vector<Registration> registrations_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_LOADER_H_
