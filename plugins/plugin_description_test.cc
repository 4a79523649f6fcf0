// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_description.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::HasSubstr;

ferry_string Text(const char* text) { return {text, std::strlen(text)}; }

void AddTags(ferry_backend* backend) {
  backend->capabilities |= FERRY_CAPABILITY_TAGS;
  backend->device_tag = [](void*, uint32_t, ferry_tag*, ferry_status*) {
    return FERRY_OK;
  };
  backend->find_device = [](void*, const ferry_string*, uint32_t*,
                            ferry_status*) { return FERRY_OK; };
}

// A plugin that does nothing, for tests to spoil. One at a time: a query
// function has no context.
struct Sample {
  Sample() {
    backend.type = Text("acme");
    backend.device_count = [](void*, ferry_devices*, ferry_status*) {
      return FERRY_OK;
    };
    backend.device_properties = [](void*, uint32_t, ferry_device_properties*,
                                   ferry_status*) { return FERRY_OK; };
    backend.allocate = [](void*, uint32_t, uint64_t, uint64_t*, ferry_status*) {
      return FERRY_OK;
    };
    backend.free = [](void*, uint32_t, uint64_t, ferry_status*) {
      return FERRY_OK;
    };
    backend.copy = [](void*, const ferry_copy*, ferry_status*) {
      return FERRY_OK;
    };
    plugin.abi_minor = FERRY_PLUGIN_ABI_MINOR;
    plugin.sanitizer = FERRY_SANITIZER;
    plugin.name = Text("com.acme.plugin");
    plugin.version = Text("1.2.3");
    plugin.vendor = Text("Acme");
    plugin.backend_count = 1;
    plugin.backends = backends;
  }

  absl::StatusOr<PluginDescription> Query() {
    current = this;
    return QueryPlugin(
        [](const ferry_host_info* host, const ferry_plugin** out,
           ferry_status* status) {
          current->host = *host;
          return ferry_negotiate(host, &current->plugin, out, status);
        },
        "/opt/acme");
  }

  static Sample* current;
  ferry_backend backend = HostStruct<ferry_backend>();
  const ferry_backend* backends[2] = {&backend, &backend};
  ferry_plugin plugin = HostStruct<ferry_plugin>();
  ferry_host_info host;
};
Sample* Sample::current = nullptr;

TEST(PluginDescriptionTest, SaysWhatThePluginSays) {
  Sample sample;
  const absl::StatusOr<PluginDescription> plugin = sample.Query();
  ASSERT_THAT(plugin, IsOk());
  EXPECT_EQ(plugin->name, "com.acme.plugin");
  EXPECT_EQ(plugin->version, "1.2.3");
  EXPECT_EQ(plugin->vendor, "Acme");
  ASSERT_EQ(plugin->backends.size(), 1u);
  EXPECT_EQ(plugin->backends[0].type, "acme");
  EXPECT_EQ(plugin->backends[0].table.copy, sample.backend.copy);
  // And the plugin is told of the host.
  EXPECT_EQ(sample.host.struct_size, sizeof(ferry_host_info));
  EXPECT_EQ(std::string(sample.host.plugin_directory.data,
                        sample.host.plugin_directory.size_bytes),
            "/opt/acme");
}

struct Spoiling {
  const char* name;
  void (*spoil)(Sample*);
  absl::StatusCode code;
  const char* message;
};

TEST(PluginDescriptionTest, WhatIsWrongIsRefused) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
  constexpr auto kFailed = absl::StatusCode::kFailedPrecondition;
  const Spoiling spoilings[] = {
      {"too short", [](Sample* s) { s->plugin.struct_size = 95; }, kInvalid,
       "95 bytes; at least 96 are required"},
      {"too new",
       [](Sample* s) {
         s->plugin.lowest_host_minor = FERRY_PLUGIN_ABI_MINOR + 1;
       },
       kFailed, "too old for this plugin"},
      {"too old",
       [](Sample* s) {
         s->plugin.abi_minor = FERRY_PLUGIN_ABI_LOWEST_MINOR - 1;
       },
       kFailed, "too old for the host"},
      {"flag", [](Sample* s) { s->plugin.flags = uint64_t{1} << 40; },
       kUnimplemented, "does not know"},
      {"reserved", [](Sample* s) { s->plugin.reserved = 1; }, kInvalid,
       "reserved"},
      {"sanitizer",
       [](Sample* s) {
         s->plugin.sanitizer = FERRY_SANITIZER == FERRY_SANITIZER_MEMORY
                                   ? FERRY_SANITIZER_NONE
                                   : FERRY_SANITIZER_MEMORY;
       },
       kFailed, "build both with the same sanitizer"},
      {"no name",
       [](Sample* s) {
         s->plugin.name = {nullptr, 5};
       },
       kInvalid, "name"},
      {"endless name",
       [](Sample* s) { s->plugin.name.size_bytes = UINT64_MAX; }, kInvalid,
       "name"},
      {"odd version", [](Sample* s) { s->plugin.version = Text("1\n2"); },
       kInvalid, "printable"},
      {"no types", [](Sample* s) { s->plugin.backend_count = 0; }, kInvalid,
       "but has 0"},
      {"many types", [](Sample* s) { s->plugin.backend_count = UINT64_MAX; },
       kInvalid, "device types"},
      {"null list", [](Sample* s) { s->plugin.backends = nullptr; }, kInvalid,
       "device types"},
      {"null table", [](Sample* s) { s->backends[0] = nullptr; }, kInvalid,
       "null"},
      {"short table", [](Sample* s) { s->backend.struct_size = 8; }, kInvalid,
       "8 bytes; at least 88 are required"},
      {"twice", [](Sample* s) { s->plugin.backend_count = 2; }, kInvalid,
       "twice"},
      {"upper case", [](Sample* s) { s->backend.type = Text("Acme"); },
       kInvalid, "not a valid device type"},
      {"colon", [](Sample* s) { s->backend.type = Text("acme:0"); }, kInvalid,
       "not a valid device type"},
      {"backend flag", [](Sample* s) { s->backend.flags = uint64_t{1} << 63; },
       kUnimplemented, "flags"},
      {"no copy", [](Sample* s) { s->backend.copy = nullptr; }, kInvalid,
       "\"copy\""},
      {"claims queues",
       [](Sample* s) { s->backend.capabilities = FERRY_CAPABILITY_ASYNC; },
       kInvalid, "claims ASYNC, but has no function \"queue_create\""},
      {"claims host memory",
       [](Sample* s) { s->backend.capabilities = FERRY_CAPABILITY_HOST_ALLOC; },
       kInvalid, "\"host_allocate\""},
      {"does not claim it",
       [](Sample* s) {
         s->backend.host_free = [](void*, uint32_t, void*, ferry_status*) {
           return FERRY_OK;
         };
       },
       kInvalid, "does not claim HOST_ALLOC"},
      {"claims tags",
       [](Sample* s) { s->backend.capabilities = FERRY_CAPABILITY_TAGS; },
       kInvalid, "claims TAGS, but has no function \"device_tag\""},
      {"claims tags that its version does not have",
       [](Sample* s) {
         AddTags(&s->backend);
         s->backend.struct_size = offsetof(ferry_backend, device_tag);
       },
       kInvalid, "claims TAGS, but has no function \"device_tag\""},
      {"has half of the tags",
       [](Sample* s) {
         AddTags(&s->backend);
         s->backend.struct_size = offsetof(ferry_backend, find_device);
       },
       kInvalid, "claims TAGS, but has no function \"find_device\""},
      {"does not claim tags",
       [](Sample* s) {
         AddTags(&s->backend);
         s->backend.capabilities = 0;
       },
       kInvalid, "does not claim TAGS"},
      {"claims copies between devices",
       [](Sample* s) {
         s->backend.capabilities = FERRY_CAPABILITY_DEVICE_COPY;
       },
       kInvalid, "claims DEVICE_COPY, but has no function \"copy_between\""},
  };
  for (const Spoiling& spoiling : spoilings) {
    Sample sample;
    spoiling.spoil(&sample);
    const absl::Status status = sample.Query().status();
    EXPECT_EQ(status.code(), spoiling.code) << spoiling.name << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(spoiling.message))
        << spoiling.name;
  }
}

TEST(PluginDescriptionTest,
     LargerStructsAndUnknownFlagsThatMayBeIgnoredAreFine) {
  Sample sample;
  sample.plugin.struct_size += 8;
  sample.plugin.abi_minor = 17;
  sample.plugin.flags = 1;
  sample.backend.struct_size += 4096;
  // The page behind is the test's own stack: nothing past our size is read.
  sample.backend.capabilities = uint64_t{1} << 20;
  sample.backend.flags = 2;
  EXPECT_THAT(sample.Query(), IsOk());
}

TEST(PluginDescriptionTest, OlderStructsHaveFewerFunctions) {
  Sample sample;
  AddTags(&sample.backend);
  absl::StatusOr<PluginDescription> plugin = sample.Query();
  ASSERT_THAT(plugin, IsOk());
  EXPECT_EQ(plugin->backends[0].table.find_device, sample.backend.find_device);
  // What stands where its table ends is not the plugin's.
  sample.backend.struct_size = offsetof(ferry_backend, device_tag);
  sample.backend.capabilities = 0;
  plugin = sample.Query();
  ASSERT_THAT(plugin, IsOk());
  EXPECT_EQ(plugin->backends[0].table.device_tag, nullptr);
}

TEST(PluginDescriptionTest, AnswersThatAreNoneAreRefused) {
  const auto null = [](const ferry_host_info*, const ferry_plugin**,
                       ferry_status*) { return FERRY_OK; };
  EXPECT_EQ(QueryPlugin(null, "").status().code(),
            absl::StatusCode::kInvalidArgument);
  const auto strange = [](const ferry_host_info*, const ferry_plugin**,
                          ferry_status*) { return int32_t{-5}; };
  EXPECT_EQ(QueryPlugin(strange, "").status().code(),
            absl::StatusCode::kInternal);
}

// The plugin answers a host for which it is too old or too new, which
// `ferry_negotiate` would refuse.
TEST(PluginDescriptionTest, RefusesOtherVersionsEvenIfThePluginDoesNot) {
  static Sample* sample;
  Sample made;
  sample = &made;
  const auto careless = [](const ferry_host_info*, const ferry_plugin** out,
                           ferry_status*) {
    *out = &sample->plugin;
    return FERRY_OK;
  };
  EXPECT_THAT(QueryPlugin(careless, ""), IsOk());
  made.plugin.abi_minor = FERRY_PLUGIN_ABI_LOWEST_MINOR - 1;
  absl::Status status = QueryPlugin(careless, "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("built for version 0.1 of the interface; this Ferry "
                        "needs 0.2 or later"));
  made.plugin.abi_minor = FERRY_PLUGIN_ABI_MINOR;
  made.plugin.lowest_host_minor = FERRY_PLUGIN_ABI_MINOR + 1;
  status = QueryPlugin(careless, "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("needs version 0.3"));
}

TEST(PluginDescriptionTest, Types) {
  EXPECT_TRUE(IsPluginDeviceType("acme_2"));
  EXPECT_TRUE(IsPluginDeviceType(std::string(32, 'a')));
  for (const char* type : {"", "2a", "_a", "a-b", "A", "a:0", "a b"}) {
    EXPECT_FALSE(IsPluginDeviceType(type)) << type;
  }
  EXPECT_FALSE(IsPluginDeviceType(std::string(33, 'a')));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
