// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The example as a shared object, and files that are no plugins.

#include "ferry/plugins/plugin_loader.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/copy.h"
#include "ferry/devices/device_registry.h"
#include "ferry/plugin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kToy[] = "plugins/testing/toy.so";
constexpr char kToyAsync[] = "plugins/testing/toy_async.so";
constexpr char kToyPrivateUseOne[] = "plugins/testing/toy_privateuseone.so";

class PluginLoaderTest : public ::testing::Test {
 protected:
  PluginLoaderTest() {
    folder_ = std::filesystem::canonical(NewFolder()).string();
    unsetenv("FERRY_PLUGIN_PATH");
    // Else, where users have groups of their own, the group could write.
    umask(022);
  }

  std::string Copy(const char* library, const std::string& name) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::copy_file(library, path);
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    return path;
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    WriteFile(path, text);
    return path;
  }

  static std::string ManifestText(const std::string& library,
                                  const std::string& version = "1.0.0") {
    return absl::StrCat(
        "{\"manifest_version\": 1, \"name\": \"org.ferry.toy\", \"version\": "
        "\"",
        version, "\", \"library\": \"", library,
        "\", \"device_types\": [\"toy\"]}");
  }

  PluginVerdict LoadOne(const std::string& path) {
    PluginOptions options;
    options.paths = {path};
    const std::vector<PluginVerdict> verdicts = loader_.Load(options);
    EXPECT_EQ(verdicts.size(), 1u) << path;
    return verdicts.empty() ? PluginVerdict() : verdicts[0];
  }

  // That `path` is refused, and nothing is registered.
  void ExpectRefused(const std::string& path, absl::StatusCode code,
                     const std::string& message) {
    const PluginVerdict verdict = LoadOne(path);
    EXPECT_EQ(verdict.status.code(), code) << verdict.ToString();
    EXPECT_THAT(std::string(verdict.status.message()), HasSubstr(message));
    EXPECT_TRUE(registry_.Snapshot().entries().empty());
  }

  std::string folder_;
  DeviceRegistry registry_;
  PluginLoader loader_{&registry_};
};

TEST_F(PluginLoaderTest, LoadsALibrary) {
  const PluginVerdict verdict = LoadOne(kToy);
  ASSERT_THAT(verdict.status, IsOk());
  EXPECT_EQ(verdict.name, "org.ferry.toy");
  EXPECT_EQ(verdict.types, std::vector<std::string>({"toy"}));
  EXPECT_EQ(verdict.ToString(),
            absl::StrCat(kToy, ": loaded: org.ferry.toy 1.0.0 (toy)"));
  const DeviceSnapshot devices = registry_.Snapshot();
  ASSERT_EQ(devices.entries().size(), 1u);
  EXPECT_EQ(devices.entries()[0].priority, 100);
  // And a tag leads to its device.
  const absl::StatusOr<Storage> host = Storage::Allocate(4);
  std::memcpy(host->data(), "abc", 4);
  const absl::StatusOr<Storage> placed =
      devices.RestoreLocation(*host, "toy:1");
  ASSERT_THAT(placed, IsOk());
  EXPECT_EQ(*devices.LocationTag(*placed), "toy:1");
  char found[4];
  ASSERT_THAT(CopyToHost(devices, *placed, 0, found, 4), IsOk());
  EXPECT_STREQ(found, "abc");
}

TEST_F(PluginLoaderTest, LoadsByManifestAndByFolder) {
  Copy(kToy, "libtoy.so");
  const std::string manifest = Write("toy.json", ManifestText("libtoy.so"));
  const PluginVerdict verdict = LoadOne(manifest);
  EXPECT_THAT(verdict.status, IsOk());
  // The same file by another way is the same plugin.
  EXPECT_THAT(LoadOne(folder_).status, IsOk());
  EXPECT_THAT(LoadOne(folder_ + "/libtoy.so").status, IsOk());
  EXPECT_EQ(registry_.Snapshot().entries().size(), 1u);
  EXPECT_EQ(loader_.verdicts().size(), 3u);
}

TEST_F(PluginLoaderTest, FoldersAreReadInTheOrderOfNames) {
  for (const char* name : {"b.json", "a.json", "c.json", "d.txt"}) {
    Write(name, "{}");
  }
  PluginOptions options;
  options.paths = {folder_};
  const std::vector<PluginVerdict> verdicts = loader_.Load(options);
  ASSERT_EQ(verdicts.size(), 3u);
  EXPECT_EQ(verdicts[0].path, folder_ + "/a.json");
  EXPECT_EQ(verdicts[2].path, folder_ + "/c.json");
}

TEST_F(PluginLoaderTest, EnvironmentIsReadIfTheProgramAsks) {
  const std::string toy = std::filesystem::absolute(kToy);
  setenv("FERRY_PLUGIN_PATH",
         absl::StrCat("::", toy, ":/no/such:", kToy).c_str(), 1);
  EXPECT_TRUE(loader_.Load({}).empty());
  PluginOptions options;
  options.use_environment = true;
  const std::vector<PluginVerdict> verdicts = loader_.Load(options);
  ASSERT_EQ(verdicts.size(), 3u);
  EXPECT_EQ(verdicts[0].source, PluginVerdict::kEnvironment);
  EXPECT_THAT(verdicts[0].status, IsOk());
  EXPECT_EQ(verdicts[1].status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(verdicts[2].status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PluginLoaderTest, UnknownTagsNameDisabledPlugins) {
  const std::string path = Write("libacme.so", "not a library");
  LoadOne(path);
  LoadOne(path);
  const absl::Status status = registry_.Snapshot().Resolve("acme:0").status();
  const std::string message(status.message());
  EXPECT_THAT(message, AllOf(HasSubstr("disabled plugins: " + path),
                             HasSubstr("is too short for a shared object")));
  // Once, though it was tried twice.
  EXPECT_EQ(message.find(path + " ("), message.rfind(path + " ("));
}

TEST_F(PluginLoaderTest, WhatIsMendedIsNoLongerCalledDisabled) {
  const std::string path = Write("libtoy.so", "not a library");
  LoadOne(path);
  EXPECT_EQ(registry_.Snapshot().disabled().size(), 1u);
  std::filesystem::remove(path);
  Copy(kToy, "libtoy.so");
  EXPECT_THAT(LoadOne(path).status, IsOk());
  EXPECT_TRUE(registry_.Snapshot().disabled().empty());
  // Another library of that path would not be the one that was mapped.
  std::filesystem::rename(path, path + ".old");
  Copy(kToyAsync, "libtoy.so");
  EXPECT_EQ(LoadOne(path).status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PluginLoaderTest, ReservedTagsNeedPermission) {
  // Once without, once with.
  ASSERT_THAT(LoadOne(kToyPrivateUseOne).status, IsOk());
  DeviceRegistry other;
  PluginLoader permissive(&other);
  PluginOptions options;
  options.paths = {kToyPrivateUseOne};
  options.allow_reserved_types = true;
  ASSERT_THAT(permissive.Load(options)[0].status, IsOk());
  const absl::StatusOr<Storage> host = Storage::Allocate(4);
  const absl::StatusOr<Storage> placed =
      other.Snapshot().RestoreLocation(*host, "privateuseone:1");
  ASSERT_THAT(placed, IsOk());
  EXPECT_EQ(placed->device(), Device("toy", 1));
  EXPECT_THAT(other.Snapshot().LocationTag(*placed),
              IsOkAndHolds("privateuseone:1"));
  const absl::Status missing =
      other.Snapshot().Resolve("privateuseone:2").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(
      std::string(missing.message()),
      AllOf(HasSubstr("there are 2 toy devices"), HasSubstr("map_location")));

  EXPECT_THAT(registry_.Snapshot().LocationTag(*placed), IsOkAndHolds("toy:1"));
  EXPECT_THAT(
      std::string(
          registry_.Snapshot().Resolve("privateuseone:1").status().message()),
      HasSubstr("the toy backend claims it, but does not get it"));
}

TEST_F(PluginLoaderTest, FoldersWithoutAManifestAreSaidToBe) {
  EXPECT_EQ(LoadOne(folder_).status.code(), absl::StatusCode::kNotFound);
}

TEST_F(PluginLoaderTest, TagsLoadNothing) {
  setenv("FERRY_PLUGIN_PATH", kToy, 1);
  const DeviceSnapshot devices = registry_.Snapshot();
  for (const std::string& tag : {std::string("toy:0"), std::string(kToy)}) {
    EXPECT_FALSE(devices.Resolve(tag).ok());
  }
  EXPECT_TRUE(registry_.Snapshot().entries().empty());
  EXPECT_TRUE(loader_.verdicts().empty());
}

TEST_F(PluginLoaderTest, SecondOfANameIsRefused) {
  ASSERT_THAT(LoadOne(kToy).status, IsOk());
  for (const std::string& path :
       {std::string(kToyAsync), Copy(kToy, "copy.so")}) {
    const PluginVerdict verdict = LoadOne(path);
    EXPECT_EQ(verdict.status.code(), absl::StatusCode::kAlreadyExists);
    EXPECT_THAT(std::string(verdict.status.message()), HasSubstr(kToy));
  }
  EXPECT_EQ(registry_.Snapshot().entries().size(), 1u);
}

TEST_F(PluginLoaderTest, ManifestsOfALoadedLibraryMustAgreeToo) {
  ASSERT_THAT(LoadOne(Copy(kToy, "libtoy.so")).status, IsOk());
  EXPECT_THAT(LoadOne(Write("true.json", ManifestText("libtoy.so"))).status,
              IsOk());
  const PluginVerdict verdict =
      LoadOne(Write("false.json", ManifestText("libtoy.so", "2.0.0")));
  EXPECT_EQ(verdict.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(verdict.status.message()),
              HasSubstr("the manifest says"));
}

TEST_F(PluginLoaderTest, LockIsOneWayAndKeepsWhatIsThere) {
  ASSERT_THAT(LoadOne(kToy).status, IsOk());
  loader_.Lock();
  EXPECT_THAT(LoadOne(kToy).status, IsOk());
  const PluginVerdict verdict = LoadOne(kToyAsync);
  EXPECT_EQ(verdict.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(registry_.Snapshot().entries().size(), 1u);
}

TEST_F(PluginLoaderTest, FilesThatAreNoPluginsAreRefused) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  ExpectRefused("/no/such.so", absl::StatusCode::kNotFound, "/no/such.so");
  ExpectRefused("/dev/null", kInvalid, "not a regular file");
  ExpectRefused(Write("text.so", std::string(100, 'x')), kInvalid,
                "not an ELF file");
  ExpectRefused("/bin/sh", kInvalid, "it is a program, not a shared object");
  // A library, and one that has no query function.
  const std::string system = "/lib/x86_64-linux-gnu/libm.so.6";
  if (std::filesystem::exists(system)) {
    ExpectRefused(system, kInvalid, "does not export ferry_plugin_query_v0");
  }
}

TEST_F(PluginLoaderTest, EveryTruncationOfALibraryIsRefused) {
  const std::string bytes = ReadFile(kToy);
  for (size_t size = 0; size < bytes.size(); size += 1 + size / 37) {
    // The section headers are the last part.
    const std::string path = Write("cut.so", bytes.substr(0, size));
    EXPECT_EQ(LoadOne(path).status.code(), absl::StatusCode::kInvalidArgument)
        << size;
  }
}

TEST_F(PluginLoaderTest, FilesThatOthersMayChangeAreRefused) {
  constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
  const std::string path = Copy(kToy, "libtoy.so");
  ASSERT_EQ(chmod(path.c_str(), 0777), 0);
  ExpectRefused(path, kDenied, "other users may write to " + path);
  ASSERT_EQ(chmod(path.c_str(), 0775), 0);
  ExpectRefused(path, kDenied, "other users may write to " + path);
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  ASSERT_EQ(chmod(folder_.c_str(), 0777), 0);
  ExpectRefused(path, kDenied, "other users may write to " + folder_);
  // A link says nothing of what it leads to.
  const std::string link = ::testing::TempDir() + "/link_to_toy.so";
  unlink(link.c_str());
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  ExpectRefused(link, kDenied, "other users may write to " + folder_);
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  // Only root can give a file away, and not in every sandbox.
  if (chown(path.c_str(), 12345, 12345) == 0) {
    ExpectRefused(path, kDenied, "belongs to user 12345");
  }
}

TEST_F(PluginLoaderTest, ManifestsThatAreWrongAreRefused) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  Copy(kToy, "libtoy.so");
  const std::string good = ManifestText("libtoy.so");
  const std::pair<std::string, std::string> wrong[] = {
      {"", "not a plugin manifest"},
      {"{", "not a plugin manifest"},
      {"[]", "it is an array, not an object"},
      {"7", "it is a number, not an object"},
      {"{}", "manifest_version is 0"},
      {good + "x", absl::StrCat("not valid JSON at byte ", good.size())},
      {good + std::string(1, '\0'),
       absl::StrCat("not valid JSON at byte ", good.size())},
      {"{\"name\": \"\xff\"}", "not valid JSON at byte 10"},
      {"{\"name\": \"a\", \"name\": \"b\"}", "it has \"name\" twice"},
      {"{\"name\": 1}", "its name should be text, but is a number"},
      {"{\"name\": null}", "its name should be text, but is null"},
      {"{\"library\": [\"a\"]}", "its library should be text, but is an array"},
      {"{\"version\": {}}", "its version should be text, but is an object"},
      {"{\"abi_major\": \"0\"}", "abi_major should be a number, but is text"},
      {"{\"manifest_version\": -1}", "but is a negative number"},
      {"{\"manifest_version\": 1.0}", "but is a fraction"},
      {"{\"manifest_version\": true}", "but is a bool"},
      {"{\"device_types\": \"toy\"}",
       "its device_types should be a list of texts, but is text"},
      {"{\"device_types\": [[]]}", "but has in it an array"},
      {"{\"device_types\": [1]}", "but has in it a number"},
      {"{\"manifest_version\": 4294967297}", "is 4294967297"},
      {std::string(70000, ' '), "65536 bytes"},
      {"{\"manifest_version\": 2}", "manifest_version is 2"},
      {"{\"manifest_version\": 1}", "name and version"},
      {"{\"surprise\": 1," + good.substr(1), "surprise"},
      {"{\"abi_major\": 1," + good.substr(1), "version 1 of the interface"},
      {ManifestText("../libtoy.so"), "inside the manifest's own folder"},
      {ManifestText("/lib/libtoy.so"), "inside the manifest's own folder"},
      {ManifestText("a/../../libtoy.so"), "inside the manifest's own folder"},
      {ManifestText("libtoy.so", "2.0.0"), "the plugin says org.ferry.toy"},
  };
  for (const auto& [text, message] : wrong) {
    ExpectRefused(Write("toy.json", text), kInvalid, message);
  }
  ExpectRefused(Write("toy.json", ManifestText("gone.so")),
                absl::StatusCode::kNotFound, "gone.so");
}

// A plugin with two types, the second of which is somebody else's.
int32_t QueryTwo(const ferry_host_info* host, const ferry_plugin** out,
                 ferry_status* status) {
  static ferry_backend first, second;
  static const ferry_backend* const backends[] = {&first, &second};
  static ferry_plugin plugin;
  first.struct_size = sizeof(first);
  first.type = FERRY_STRING("first");
  first.device_count = [](void*, ferry_devices*, ferry_status*) {
    return FERRY_OK;
  };
  first.device_properties = [](void*, uint32_t, ferry_device_properties*,
                               ferry_status*) { return FERRY_OK; };
  first.allocate = [](void*, uint32_t, uint64_t, uint64_t*, ferry_status*) {
    return FERRY_OK;
  };
  first.free = [](void*, uint32_t, uint64_t, ferry_status*) {
    return FERRY_OK;
  };
  first.copy = [](void*, const ferry_copy*, ferry_status*) { return FERRY_OK; };
  second = first;
  second.type = FERRY_STRING("cuda");
  plugin.struct_size = sizeof(plugin);
  plugin.abi_minor = FERRY_PLUGIN_ABI_MINOR;
  plugin.sanitizer = FERRY_SANITIZER;
  plugin.name = plugin.version = plugin.vendor = FERRY_STRING("two");
  plugin.backend_count = 2;
  plugin.backends = backends;
  return ferry_negotiate(host, &plugin, out, status);
}

// A plugin with one device, which calls it "privateuseone:1".
int32_t QueryRival(const ferry_host_info* host, const ferry_plugin** out,
                   ferry_status* status) {
  static ferry_backend backend;
  static const ferry_backend* const backends[] = {&backend};
  static ferry_plugin plugin;
  const ferry_plugin* two = nullptr;
  if (QueryTwo(host, &two, status) != FERRY_OK) return status->code;
  backend = *two->backends[0];
  backend.type = FERRY_STRING("rival");
  backend.capabilities = FERRY_CAPABILITY_TAGS;
  backend.device_count = [](void*, ferry_devices* devices, ferry_status*) {
    devices->count = 1;
    return FERRY_OK;
  };
  backend.device_tag = [](void*, uint32_t, ferry_tag* tag, ferry_status*) {
    std::strcpy(tag->text, "privateuseone:1");
    return FERRY_OK;
  };
  backend.find_device = [](void*, const ferry_string* tag, uint32_t* index,
                           ferry_status*) {
    if (absl::string_view(tag->data, tag->size_bytes) == "privateuseone:1") {
      *index = 0;
    }
    return FERRY_OK;
  };
  plugin = *two;
  plugin.name = FERRY_STRING("rival");
  plugin.backend_count = 1;
  plugin.backends = backends;
  return ferry_negotiate(host, &plugin, out, status);
}

TEST_F(PluginLoaderTest, FirstOfTwoPluginsGetsATag) {
  PluginOptions options;
  options.paths = {kToyPrivateUseOne};
  options.allow_reserved_types = true;
  const auto tag_of = [](const DeviceSnapshot& devices, const Device& device) {
    return *devices.LocationTag(Storage::FromMemory(device, Memory(), 0));
  };
  ASSERT_THAT(loader_.Load(options)[0].status, IsOk());
  ASSERT_THAT(loader_.LoadLinked(QueryRival, true).status, IsOk());
  DeviceSnapshot devices = registry_.Snapshot();
  EXPECT_EQ(devices.Resolve("privateuseone:1")->device, Device("toy", 1));
  EXPECT_EQ(tag_of(devices, Device("toy", 1)), "privateuseone:1");
  EXPECT_EQ(tag_of(devices, Device("rival", 0)), "rival:0");
  EXPECT_EQ(devices.SavedTagOf(*devices.FindBackend("rival"), 0)->why_unused,
            "the toy backend, which is asked first, claims it");

  DeviceRegistry other;
  PluginLoader reversed(&other);
  ASSERT_THAT(reversed.LoadLinked(QueryRival, true).status, IsOk());
  ASSERT_THAT(reversed.Load(options)[0].status, IsOk());
  devices = other.Snapshot();
  EXPECT_EQ(devices.Resolve("privateuseone:1")->device, Device("rival", 0));
  EXPECT_EQ(devices.Resolve("privateuseone:0")->device, Device("toy", 0));
  EXPECT_EQ(tag_of(devices, Device("rival", 0)), "privateuseone:1");
  EXPECT_EQ(tag_of(devices, Device("toy", 0)), "privateuseone:0");
  EXPECT_EQ(tag_of(devices, Device("toy", 1)), "toy:1");
}

TEST_F(PluginLoaderTest, NothingIsHalfRegistered) {
  const PluginVerdict verdict = loader_.LoadLinked(QueryTwo);
  EXPECT_EQ(verdict.status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(verdict.status.message()), HasSubstr("\"cuda\""));
  EXPECT_TRUE(registry_.Snapshot().entries().empty());
  // The program may allow it.
  EXPECT_THAT(loader_.LoadLinked(QueryTwo, true).status, IsOk());
  EXPECT_EQ(registry_.Snapshot().entries().size(), 2u);
  EXPECT_EQ(loader_.LoadLinked(QueryTwo, true).status.code(),
            absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
