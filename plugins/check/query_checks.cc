// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The query function: negotiation, and what it must not do.

#include <atomic>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/location_tag.h"
#include "ferry/plugins/check/abi_check.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace check_internal {
namespace {

constexpr int kThreads = 16;

// Calls the function with `host`, and looks whether it answers with `wanted`;
// `*plugin` is null where it was left alone.
absl::Status ExpectAnswer(ferry_plugin_query query, const ferry_host_info* host,
                          int32_t wanted,
                          const ferry_plugin** plugin = nullptr) {
  const Guarded<ferry_status> status;
  const ferry_plugin* answer = nullptr;
  const int32_t code = query(host, &answer, status.get());
  FERRY_RETURN_IF_ERROR(
      ExpectCode(FERRY_PLUGIN_QUERY_SYMBOL, code, *status, wanted));
  if ((answer != nullptr) != (wanted == FERRY_OK)) {
    return Wrong(wanted == FERRY_OK ? "it succeeded, but gave no description"
                                    : "it failed, but gave a description");
  }
  if (plugin != nullptr) *plugin = answer;
  return absl::OkStatus();
}

absl::Status AnswerIsTheSame(ferry_plugin_query query) {
  const ferry_host_info host = HostInfo("");
  const ferry_plugin* first = nullptr;
  FERRY_RETURN_IF_ERROR(ExpectAnswer(query, &host, FERRY_OK, &first));
  const ferry_plugin before = *first;
  std::atomic<bool> differs{false};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        ferry_status status = HostStruct<ferry_status>();
        const ferry_plugin* answer = nullptr;
        query(&host, &answer, &status);
        if (answer != first) differs = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (differs) return Wrong("a later call returned a different description");
  if (std::memcmp(&before, first, sizeof(before)) != 0) {
    return Wrong("the description changed");
  }
  return absl::OkStatus();
}

absl::Status NothingIsTouched(ferry_plugin_query query) {
  const ferry_host_info host = HostInfo("");
  const Belongings before = Belongings::Now();
  FERRY_RETURN_IF_ERROR(ExpectAnswer(query, &host, FERRY_OK));
  const std::string more = LeftSince(before);
  if (!more.empty()) {
    return Wrong(absl::StrCat("after the query there are ", more));
  }
  return absl::OkStatus();
}

absl::Status EveryHostGetsAnAnswer(ferry_plugin_query query) {
  const ferry_host_info current = HostInfo("");
  const ferry_plugin* plugin = nullptr;
  FERRY_RETURN_IF_ERROR(ExpectAnswer(query, &current, FERRY_OK, &plugin));
  const uint32_t lowest = plugin->lowest_host_minor;
  for (uint32_t minor : {uint32_t{0}, uint32_t{FERRY_PLUGIN_ABI_MINOR},
                         uint32_t{1000}, UINT32_MAX}) {
    const Guarded<ferry_host_info> host;
    *host = current;
    host->abi_minor = minor;
    FERRY_RETURN_IF_ERROR(ExpectAnswer(
        query, host.get(), minor < lowest ? FERRY_INCOMPATIBLE : FERRY_OK));
  }
  return absl::OkStatus();
}

absl::Status NewerIsNotPretended(ferry_plugin_query query) {
  ferry_host_info host = HostInfo("");
  host.lowest_plugin_minor = UINT32_MAX;
  return ExpectAnswer(query, &host, FERRY_INCOMPATIBLE);
}

absl::Status SizesAreHonoured(ferry_plugin_query query) {
  std::vector<uint64_t> larger(sizeof(ferry_host_info) / 8 + 512,
                               0xA5A5A5A5A5A5A5A5u);
  auto* const host = reinterpret_cast<ferry_host_info*>(larger.data());
  for (uint64_t more : {8, 4096}) {
    *host = HostInfo("");
    host->struct_size += more;
    FERRY_RETURN_IF_ERROR(ExpectAnswer(query, host, FERRY_OK));
  }
  for (uint64_t size : {uint64_t{8}, sizeof(ferry_host_info) - 8}) {
    *host = HostInfo("");
    host->struct_size = size;
    FERRY_RETURN_IF_ERROR(ExpectAnswer(query, host, FERRY_INVALID_ARGUMENT));
  }
  return absl::OkStatus();
}

absl::Status FlagsAreHonoured(ferry_plugin_query query) {
  ferry_host_info host = HostInfo("");
  host.flags = uint64_t{1} << 7;
  FERRY_RETURN_IF_ERROR(ExpectAnswer(query, &host, FERRY_OK));
  host.flags = uint64_t{1} << 57;
  return ExpectAnswer(query, &host, FERRY_UNIMPLEMENTED);
}

absl::Status DescriptionKeepsTheRules(ferry_plugin_query query) {
  return QueryPlugin(query, "").status();
}

absl::Status TypesAreItsOwn(ferry_plugin_query query) {
  FERRY_ASSIGN_OR_RETURN(const PluginDescription plugin,
                         QueryPlugin(query, ""));
  for (const auto& backend : plugin.backends) {
    if (IsReservedDeviceType(backend.type)) {
      return Wrong(
          absl::StrCat("\"", backend.type, "\" is a reserved device type"));
    }
  }
  return absl::OkStatus();
}

constexpr QueryCheck kChecks[] = {
    {"B-01", "the query always gives the same answer, even to 16 threads",
     AnswerIsTheSame},
    {"B-02", "the query starts no thread and opens no file", NothingIsTouched},
    {"B-03", "hosts of every minor version get the correct answer",
     EveryHostGetsAnAnswer},
    {"B-04", "a host that needs a newer plugin gets FERRY_INCOMPATIBLE",
     NewerIsNotPretended},
    {"B-05",
     "a longer description of the host is accepted, a shorter one refused",
     SizesAreHonoured},
    {"B-06", "unknown flags are ignored or refused as their bits require",
     FlagsAreHonoured},
    {"B-07", "the plugin's description follows the rules",
     DescriptionKeepsTheRules},
    {"B-08", "its device types are not reserved names", TypesAreItsOwn},
};

}  // namespace

absl::Span<const QueryCheck> QueryChecks() { return kChecks; }

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry
